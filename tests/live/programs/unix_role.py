"""One request and its answer over the UNIX socket that the second argument names, as `server`, as `client`, or as `both`
in two processes. Each says its number."""
import os
import signal
import socket
import sys

signal.alarm(40)
role, path = sys.argv[1:]


def say_number(role):
    # In one piece, for the other process writes to the same pipe.
    os.write(1, b"%s %d\n" % (role, os.getpid()))


def server(listener):
    say_number(b"server")
    end, _ = listener.accept()
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += end.recv(9999)
    end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert end.recv(1) == b""
    end.close()


def client():
    say_number(b"client")
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(path)
        end.sendall(b"GET /role HTTP/1.1\r\nHost: role\r\n\r\n")
        answer = b""
        while not answer.endswith(b"hello"):
            answer += end.recv(9999)


def listen():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


if role == "server":
    server(listen())
elif role == "client":
    client()
else:
    listener = listen()
    child = os.fork()
    if child == 0:
        server(listener)
        os._exit(0)
    listener.close()
    client()
    assert os.waitpid(child, 0)[1] == 0
