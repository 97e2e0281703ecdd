"""Stores a value in the memcached on the UNIX socket that its argument names, and asks for it."""
import signal
import socket
import sys

signal.alarm(25)
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
for request, reply in [
    (b"set greeting 0 60 11\r\nhello, wire\r\n", b"STORED\r\n"),
    (b"get greeting\r\n", b"VALUE greeting 0 11\r\nhello, wire\r\nEND\r\n"),
]:
    connection.sendall(request)
    answer = b""
    while len(answer) < len(reply):
        answer += connection.recv(4096)
    assert answer == reply, answer
