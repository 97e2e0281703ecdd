"""Both ends of a connection, made before anybody attaches, on the loopback of this network namespace: each line of
standard input goes over it and back."""
import ctypes
import signal
import socket
import sys

signal.alarm(25)
# Where Yama holds processes apart, anyone may attach to this one (PR_SET_PTRACER, PR_SET_PTRACER_ANY).
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()
print("ready", flush=True)
for line in sys.stdin:
    near.sendall(line.encode())
    far.sendall(far.recv(1000))
    near.recv(1000)
    print("said", flush=True)
