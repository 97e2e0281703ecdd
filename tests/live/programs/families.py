"""IPv6, and IPv4 clients of a server on [::], whose descriptors say v4-mapped addresses; UDP in the same way."""
from common import *

server = listen("::")
for host in ("::1", "127.0.0.1", "::ffff:127.0.0.1"):
    client = socket.create_connection((host, PORT))
    connection, _ = server.accept()
    client.sendall(b"to " + host.encode())
    assert connection.recv(100) == b"to " + host.encode()
    connection.sendall(b"answer")
    assert exactly(client, 6) == b"answer"
    client.close()
    assert connection.recv(1) == b""
    connection.close()

receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
receiver.bind(("::", OTHER))
for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.sendto(b"datagram to " + host.encode(), (host, OTHER))
    data, address = receiver.recvfrom(100)
    receiver.sendto(data[::-1], address)
    assert sender.recv(100) == data[::-1]
