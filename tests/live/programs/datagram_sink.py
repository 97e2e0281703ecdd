"""Takes whatever comes to the datagram socket that its argument names, until SIGTERM: then what is still there, too."""
import signal
import socket
import sys


def finish(*_):
    try:
        while True:
            sink.recv(65536, socket.MSG_DONTWAIT)
    except BlockingIOError:
        sys.exit()


signal.alarm(50)
sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind(sys.argv[1])
signal.signal(signal.SIGTERM, finish)
while True:
    sink.recv(65536)
