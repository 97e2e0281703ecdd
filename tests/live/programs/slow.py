"""Sends a datagram for each line of its standard input."""
import signal
import socket
import sys

signal.alarm(40)
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(receiver.getsockname())
for line in sys.stdin:
    sender.send(line.encode())
