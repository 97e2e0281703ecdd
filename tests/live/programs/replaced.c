/* What few programs do: dup2 over a connection, a connection as standard input, a write after the end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int server, client, connection;
static struct sockaddr_in address = {.sin_family = AF_INET};

static int open_pair(int flags) {
    client = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address)) return 1;
    connection = accept4(server, NULL, NULL, flags);
    return connection < 0;
}

int main(int count, char **arguments) {
    char room[100];
    alarm(25);
    if (count < 2) return 1;
    address.sin_port = htons(atoi(arguments[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int yes = 1;
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 8)) return 2;

    /* The connection's descriptor is closed by dup2 putting another socket in its place. */
    if (open_pair(0)) return 3;
    if (write(client, "first", 5) != 5 || read(connection, room, 100) != 5) return 4;
    int old = client;
    if (open_pair(0)) return 5;
    if (dup2(client, old) != old) return 6;
    if (write(old, "second", 6) != 6 || read(connection, room, 100) != 6) return 7;
    close(client);
    close(old);
    if (read(connection, room, 100) != 0) return 8;
    close(connection);

    /* A child gets the socket as its standard input and output, and is replaced by another program. */
    if (open_pair(SOCK_CLOEXEC)) return 9;
    if (fork() == 0) {
        dup2(connection, 0);
        dup2(connection, 1);
        execlp("sh", "sh", "-c", "read line; echo \"$line!\"", (char *)0);
        _exit(1);
    }
    close(connection);
    if (send(client, "hello\n", 6, MSG_NOSIGNAL) != 6) return 10;
    if (recv(client, room, 7, MSG_WAITALL) != 7) return 11;
    if (recv(client, room, 7, 0) != 0) return 12;
    int status;
    wait(&status);
    close(client);

    /* A write to a connection that the other end has closed. */
    if (open_pair(0)) return 13;
    close(connection);
    if (recv(client, room, 100, 0) != 0) return 13;
    send(client, "too late", 8, MSG_NOSIGNAL);
    usleep(20000);
    if (send(client, "still", 5, MSG_NOSIGNAL) >= 0 || errno != EPIPE) return 14;
    close(client);
    return 0;
}
