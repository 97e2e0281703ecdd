"""Connections that are reset, by a close after SO_LINGER with 0: once after all is read, once with bytes in flight."""
from common import *
import struct

server = listen()
for sends in (0, 1):
    client = socket.create_connection(("127.0.0.1", PORT))
    connection, _ = server.accept()
    client.sendall(b"ping")
    assert exactly(connection, 4) == b"ping"
    if sends:
        connection.sendall(b"pong")
        assert exactly(client, 4) == b"pong"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    try:
        connection.recv(10)
        raise SystemExit("no reset came")
    except ConnectionResetError:
        pass
    connection.close()
