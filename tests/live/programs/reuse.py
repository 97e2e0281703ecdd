"""The same two addresses and ports for three connections in turn, after a FIN and after a reset."""
from common import *
import struct

server = listen()
for number in range(3):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("127.0.0.1", OTHER))
    client.connect(("127.0.0.1", PORT))
    connection, _ = server.accept()
    text = b"this is connection %d" % number
    client.sendall(text)
    assert exactly(connection, len(text)) == text
    connection.sendall(b"yes, %d" % number)
    assert exactly(client, 6) == b"yes, %d" % number
    if number == 1:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        connection.close()
    else:
        connection.close()
        assert client.recv(1) == b""
        client.close()
