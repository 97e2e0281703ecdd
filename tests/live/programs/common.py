"""What the programs share: a time limit, listening, reading to the end. Imported, never run."""
import os
import signal
import socket
import sys

signal.alarm(25)
PORT, OTHER = (int(argument) for argument in sys.argv[1:3])


def listen(host="127.0.0.1", port=PORT, family=None):
    family = family or (socket.AF_INET6 if ":" in host else socket.AF_INET)
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6 and host == "::":
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind((host, port))
    server.listen(16)
    return server


def exactly(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        assert piece, "ended early"
        data += piece
    return data


def to_the_end(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def in_child(work):
    """Runs work in a child; its pid."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(25)
        work()
        sys.stdout.flush()
        os._exit(0)
    return pid


def wait_for(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
