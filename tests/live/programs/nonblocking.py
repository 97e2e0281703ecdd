"""Connects without blocking, waits with poll and epoll, and reads until EAGAIN; asyncio does it its own way after."""
from common import *
import asyncio
import select

server = listen()
server.setblocking(False)
waiting = select.epoll()
waiting.register(server, select.EPOLLIN)

for number in range(2):
    client = socket.socket()
    client.setblocking(False)
    try:
        client.connect(("127.0.0.1", PORT))
    except BlockingIOError:
        pass
    poll = select.poll()
    poll.register(client, select.POLLOUT)
    assert poll.poll(5000)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    if number == 1:
        try:
            client.connect(("127.0.0.1", PORT))
        except OSError:
            pass
    assert waiting.poll(5)
    connection, _ = server.accept()
    connection.setblocking(False)
    for end in (client, connection):
        try:
            end.recv(10)
        except BlockingIOError:
            pass
    client.send(b"hello")
    waiting.register(connection, select.EPOLLIN)
    assert waiting.poll(5)
    assert connection.recv(10) == b"hello"
    connection.send(b"good day")
    connection.close()
    poll.modify(client, select.POLLIN)
    assert poll.poll(5000)
    assert client.recv(100) == b"good day"
    client.setblocking(True)
    assert client.recv(100) == b""
    client.close()
server.close()


async def handle(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", OTHER)
    for number in range(3):
        reader, writer = await asyncio.open_connection("127.0.0.1", OTHER)
        writer.write(b"line %d\n" % number)
        assert await reader.read() == b"LINE %d\n" % number
        writer.close()
        await writer.wait_closed()
    server.close()


asyncio.run(main())
