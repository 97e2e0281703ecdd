"""Programs started with a connection as their standard input and output, as inetd does, by fork, vfork or clone."""
from common import *
import subprocess

server = listen()
for number in range(2):
    client = socket.create_connection(("127.0.0.1", PORT))
    connection, _ = server.accept()
    script = 'read line; echo "got $line"; cat >&2'
    child = subprocess.Popen(["sh", "-c", script], stdin=connection, stdout=connection, stderr=connection)
    connection.close()
    client.sendall(b"hello\n")
    assert exactly(client, 10) == b"got hello\n"
    client.sendall(b"a longer text " * 1000)
    client.shutdown(socket.SHUT_WR)
    assert to_the_end(client) == b"a longer text " * 1000
    client.close()
    assert child.wait() == 0
