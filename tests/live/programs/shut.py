"""shutdown for reading, close of a listener with a connection nobody accepted, a second shutdown, close of a copy."""
from common import *
import time

server = listen()
client = socket.create_connection(("127.0.0.1", PORT))
connection, _ = server.accept()
client.shutdown(socket.SHUT_RD)
client.sendall(b"I only talk")
assert exactly(connection, 11) == b"I only talk"
copy = client.dup()
client.close()
copy.sendall(b", still")
assert exactly(connection, 7) == b", still"
copy.shutdown(socket.SHUT_WR)
copy.shutdown(socket.SHUT_WR)
assert connection.recv(1) == b""
connection.close()
copy.close()

waiting = socket.create_connection(("127.0.0.1", PORT))
waiting.sendall(b"anyone?")
time.sleep(0.05)
server.close()
try:
    waiting.recv(10)
    raise SystemExit("no reset came")
except ConnectionResetError:
    pass
waiting.close()
