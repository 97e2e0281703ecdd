"""Children of one server that all accept on its listener, and two dozen short connections from two clients at once."""
from common import *

COUNT = 12
server = listen()


def serve():
    for _ in range(2 * COUNT // 3):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"you are " + connection.recv(100))


def client(name):
    server.close()
    for number in range(COUNT):
        with socket.create_connection(("127.0.0.1", PORT)) as connection:
            text = b"%s %d" % (name, number)
            connection.sendall(text)
            assert to_the_end(connection) == b"you are " + text


pids = [in_child(serve) for _ in range(3)]
pids += [in_child(lambda name=name: client(name)) for name in (b"one", b"other")]
wait_for(*pids)
