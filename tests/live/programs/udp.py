"""Datagrams: unconnected, connected, empty, too long for their reader, only looked at, and connected anew."""
from common import *

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", PORT))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.bind(("127.0.0.1", OTHER))

loose = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
loose.sendto(b"to the one", ("127.0.0.1", PORT))
loose.sendto(b"to the other", ("127.0.0.1", OTHER))
data, address = server.recvfrom(100)
server.sendto(b"back: " + data, address)
assert loose.recvfrom(100)[0] == b"back: to the one"
assert other.recv(100) == b"to the other"

tied = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tied.connect(("127.0.0.1", PORT))
tied.send(b"connected")
tied.send(b"")
os.write(tied.fileno(), b"written")
tied.sendmsg([b"in ", b"parts"])
assert server.recv(100, socket.MSG_PEEK) == b"connected"
data, address = server.recvfrom(100)
assert server.recv(100) == b""
assert server.recv(3) == b"wri"
assert server.recvmsg(100)[0] == b"in parts"
server.sendto(b"", address)
assert tied.recv(10) == b""
server.sendto(b"a" * 60000, address)
assert len(tied.recv(65536)) == 60000
tied.connect(("127.0.0.1", OTHER))
tied.send(b"now to the other")
assert other.recv(100) == b"now to the other"
