"""Processes that a signal kills with a connection open: the kernel closes it, with a FIN, or a RST for bytes unread."""
from common import *
import time

server = listen()
for unread in (False, True):

    def client():
        server.close()
        connection = socket.create_connection(("127.0.0.1", PORT))
        connection.sendall(b"so much")
        assert connection.recv(2) == b"ok"
        time.sleep(20)

    pid = in_child(client)
    connection, _ = server.accept()
    assert exactly(connection, 7) == b"so much"
    connection.sendall(b"ok, and more" if unread else b"ok")
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    try:
        assert connection.recv(10) == b"" and not unread
    except ConnectionResetError:
        assert unread
    connection.close()
