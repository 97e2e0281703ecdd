"""sendmsg, recvmsg, readv and writev with several buffers, some of them empty, and a read that only looks."""
from common import *

server = listen()
client = socket.create_connection(("127.0.0.1", PORT))
connection, _ = server.accept()

assert client.sendmsg([b"first", b"", b" second", b" third"]) == 18
assert connection.recv(100, socket.MSG_PEEK) == b"first second third"
head, tail = bytearray(5), bytearray(100)
assert connection.recvmsg_into([head, tail])[0] == 18
assert os.writev(connection.fileno(), [b"one", b"two", b"three"]) == 11
assert os.readv(client.fileno(), [bytearray(2), bytearray(4), bytearray(50)]) == 11
assert os.write(client.fileno(), b"x" * 3000) == 3000
pieces = [bytearray(1000) for _ in range(5)]
assert os.readv(connection.fileno(), pieces[:2]) == 2000
assert connection.recv(5000, socket.MSG_WAITALL | socket.MSG_DONTWAIT) == b"x" * 1000
connection.send(b"more ", socket.MSG_MORE)
connection.send(b"and the rest")
assert client.recv(17, socket.MSG_WAITALL) == b"more and the rest"
client.close()
assert connection.recv(1) == b""
connection.close()
