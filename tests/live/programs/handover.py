"""A connected socket under several numbers, then given to another process in a message; both use it."""
from common import *

server = listen()
mine, yours = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def worker():
    server.close()
    mine.close()
    _, fds, _, _ = socket.recv_fds(yours, 10, 1)
    with socket.socket(fileno=fds[0]) as connection:
        connection.sendall(b"from the worker, ")
        assert exactly(connection, 6) == b"thanks"
        yours.send(b"d")
        yours.recv(1)


pid = in_child(worker)
yours.close()
client = socket.create_connection(("127.0.0.1", PORT))
connection, _ = server.accept()
again = os.dup(connection.fileno())
os.write(again, b"from a copy, ")
connection.sendall(b"from the first, ")
os.close(again)
socket.send_fds(mine, [b"x"], [connection.fileno()])
assert exactly(client, 46) == b"from a copy, from the first, from the worker, "
client.sendall(b"thanks")
mine.recv(1)
connection.sendall(b"and from the first again")
connection.close()
assert exactly(client, 24) == b"and from the first again"
mine.send(b"e")
assert client.recv(1) == b""
client.close()
wait_for(pid)
