"""One side says that it is done, then the other sends for a while; both ways round, and both sides at once."""
from common import *

server = listen()

for closer in range(2):
    client = socket.create_connection(("127.0.0.1", PORT))
    connection, _ = server.accept()
    done, other = (client, connection) if closer == 0 else (connection, client)
    done.sendall(b"all I have")
    done.shutdown(socket.SHUT_WR)
    assert to_the_end(other) == b"all I have"
    for turn in range(3):
        other.sendall(b"much more, part %d" % turn)
        assert exactly(done, 17) == b"much more, part %d" % turn
    other.close()
    assert done.recv(10) == b""
    done.close()

client = socket.create_connection(("127.0.0.1", PORT))
connection, _ = server.accept()
client.shutdown(socket.SHUT_RDWR)
assert connection.recv(10) == b""
connection.shutdown(socket.SHUT_RDWR)
client.close()
connection.close()
