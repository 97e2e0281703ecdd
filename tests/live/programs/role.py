"""One end of a connection, `server` or `client`, which can be attached to: it waits for a line before its second half."""
from common import *
import ctypes

# Where Yama holds processes apart, anyone may attach to this one (PR_SET_PTRACER, PR_SET_PTRACER_ANY).
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
role, waits = sys.argv[3], sys.argv[4:] == ["waits"]
if role == "server":
    server = listen()
    print("listening", flush=True)
    end, _ = server.accept()
else:
    end = socket.create_connection(("127.0.0.1", PORT))


def talk(turn):
    text = b"turn %d of the %s, " % (turn, role.encode()) * 20
    if role == "client":
        end.sendall(text)
    exactly(end, len(text))
    if role == "server":
        end.sendall(text)


for turn in range(3):
    talk(turn)
if waits:
    print("waiting", flush=True)
    sys.stdin.readline()
for turn in range(3, 6):
    talk(turn)
if role == "client":
    end.shutdown(socket.SHUT_WR)
    assert end.recv(1) == b""
else:
    assert end.recv(1) == b""
end.close()
if waits:
    print("done", flush=True)
    sys.stdin.readline()
