"""A server whose children handle connections while it closes its own descriptor; one child ends without a close."""
from common import *

server = listen()


def client():
    server.close()
    for number in range(3):
        with socket.create_connection(("127.0.0.1", PORT)) as connection:
            connection.sendall(b"question %d" % number)
            assert to_the_end(connection) == b"answer to question %d" % number


def handle(connection):
    server.close()
    connection.sendall(b"answer to " + connection.recv(100))


pids = [in_child(client)]
for _ in range(3):
    connection, _ = server.accept()
    pids.append(in_child(lambda: handle(connection)))
    connection.close()
wait_for(*pids)
