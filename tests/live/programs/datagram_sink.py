"""Takes whatever comes to the datagram socket that its argument names, until it is ended."""
import signal
import socket
import sys

signal.alarm(50)
sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind(sys.argv[1])
while True:
    sink.recv(65536)
