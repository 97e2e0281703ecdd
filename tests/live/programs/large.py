"""Three megabytes each way at once, without blocking, with small buffers, so that most writes are partial."""
from common import *
import select

SIZE = 3_000_000
server = listen()
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000)


def data(seed):
    return b"".join(b"%08d" % (seed + at) for at in range(0, SIZE, 8))


def exchange(connection, sent, expected):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 150_000)
    connection.setblocking(False)
    got, at = bytearray(), 0
    poll = select.poll()
    while at < SIZE or len(got) < SIZE:
        wanted = (select.POLLIN if len(got) < SIZE else 0) | (select.POLLOUT if at < SIZE else 0)
        poll.register(connection, wanted)
        for _, events in poll.poll(10_000):
            if events & select.POLLIN:
                got += connection.recv(100_000)
            if events & select.POLLOUT:
                try:
                    at += connection.send(memoryview(sent)[at : at + 400_000])
                except BlockingIOError:
                    pass
    assert bytes(got) == expected
    connection.close()


def client():
    server.close()
    exchange(socket.create_connection(("127.0.0.1", PORT)), data(7), data(0))


pid = in_child(client)
exchange(server.accept()[0], data(0), data(7))
wait_for(pid)
