"""Connects to a port on which nobody listens, over IPv4 and IPv6, with and without waiting."""
from common import *
import select

for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    for blocks in (True, False):
        client = socket.socket(family)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound, for no call tells which port the kernel would choose.
        client.bind((host, OTHER))
        client.setblocking(blocks)
        try:
            client.connect((host, PORT))
            raise SystemExit("somebody listens")
        except ConnectionRefusedError:
            pass
        except BlockingIOError:
            poll = select.poll()
            poll.register(client, select.POLLOUT)
            assert poll.poll(5000)
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        client.close()
