"""Datagrams over IPv6 and from threads that wait in a receive before they are sent; associations made and dissolved."""
from common import *
import threading

server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind(("::1", PORT))


def serve():
    for _ in range(10):
        data, address = server.recvfrom(1000)
        server.sendto(b"re: " + data, address)


thread = threading.Thread(target=serve)
thread.start()
client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
client.connect(("::1", PORT))
for number in range(10):
    client.send(b"datagram %d" % number)
    assert client.recv(1000, socket.MSG_PEEK | socket.MSG_TRUNC) == b"re: datagram %d" % number
    assert client.recv(1000) == b"re: datagram %d" % number
thread.join()

bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bound.bind(("127.0.0.1", OTHER))
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.connect(("127.0.0.1", OTHER))
asker.send(b"same text")
asker.send(b"same text")
data, address = bound.recvfrom(100)
bound.connect(address)
bound.send(data)
bound.send(data)
assert bound.recv(100) == b"same text"
assert asker.recv(100) == asker.recv(100) == b"same text"
