"""An echo server and three clients, all threads of one process."""
from common import *
import threading

server = listen()


def serve(connection):
    with connection:
        while data := connection.recv(1000):
            connection.sendall(data)


def accept():
    threads = []
    for _ in range(3):
        thread = threading.Thread(target=serve, args=(server.accept()[0],))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def talk(number):
    with socket.create_connection(("127.0.0.1", PORT)) as client:
        for turn in range(5):
            text = b"client %d, turn %d " % (number, turn) * (turn * 20 + 1)
            client.sendall(text)
            assert exactly(client, len(text)) == text
        client.shutdown(socket.SHUT_WR)
        assert to_the_end(client) == b""


threads = [threading.Thread(target=accept)]
threads += [threading.Thread(target=talk, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
