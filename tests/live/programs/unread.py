"""Closes a connection with bytes in it that nobody read: the kernel answers with a reset in place of a FIN."""
from common import *

server = listen()
client = socket.create_connection(("127.0.0.1", PORT))
connection, _ = server.accept()
client.sendall(b"read these but never those")
assert exactly(connection, 10) == b"read these"
connection.sendall(b"enough")
assert exactly(client, 6) == b"enough"
connection.close()
try:
    client.recv(10)
    raise SystemExit("no reset came")
except ConnectionResetError:
    pass
client.close()
