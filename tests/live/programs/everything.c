/* Every way in which sockets are used that the converter follows, one after the other, so that each run says the same in
 * the same order; only ports, inodes and process numbers differ. Arguments: a port, another one, a folder, and `alone`
 * for a run without other threads and processes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG 5000

static struct sockaddr_in v4 = {.sin_family = AF_INET}, closed = {.sin_family = AF_INET};
static struct sockaddr_in6 v6 = {.sin6_family = AF_INET6}, mapped = {.sin6_family = AF_INET6};
static char room[2 * LONG];
static int at;

/* Ends the program unless `right`; the number tells where. */
static void must(int right) {
    at++;
    if (right) return;
    dprintf(2, "step %d went wrong, the last error is %s\n", at, strerror(errno));
    _exit(1);
}

static int bound(int family, int type, const void *address, socklen_t length) {
    int server = socket(family, type | SOCK_CLOEXEC, 0), yes = 1;
    must(server >= 0);
    if (family != AF_UNIX) must(!setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes));
    must(!bind(server, address, length));
    if (type == SOCK_STREAM) must(!listen(server, 8));
    return server;
}

static int connected(int family, const void *address, socklen_t length) {
    int client = socket(family, SOCK_STREAM, 0);
    must(client >= 0 && !connect(client, address, length));
    return client;
}

/* Sends `length` bytes one way in one call, and receives them in one. */
static void passes(int from, int to, const char *bytes, size_t length) {
    must(send(from, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
    must(recv(to, room, length, MSG_WAITALL) == (ssize_t)length && !memcmp(room, bytes, length));
}

static void vectors(int from, int to) {
    struct iovec out[] = {{"one, ", 5}, {"two and ", 8}, {"a rather long one, longer than 32 bytes", 39}, {"", 0}};
    struct iovec in[] = {{room, 7}, {room + 7, 100}};
    struct msghdr sent = {.msg_iov = out, .msg_iovlen = 4}, got = {.msg_iov = in, .msg_iovlen = 2};
    must(writev(from, out, 4) == 52 && readv(to, in, 2) == 52);
    must(sendmsg(from, &sent, 0) == 52 && recvmsg(to, &got, 0) == 52);
}

/* One connection, from its opening to its ends. */
static void talk(int server, int client) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int connection = accept4(server, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
    must(connection >= 0);
    char binary[256], *longer = malloc(LONG);
    for (int i = 0; i < 256; i++) binary[i] = i;
    for (int i = 0; i < LONG; i++) longer[i] = "0123456789abcdef"[i * 7 % 16];
    passes(client, connection, "hello", 5);
    passes(connection, client, binary, 256);
    passes(client, connection, "a \"quoted\" \\ one\", 3) = 17 <unfinished ...>\n", 43);
    passes(connection, client, longer, LONG);
    must(write(client, "read and written", 16) == 16);
    must(recv(connection, room, 4, MSG_PEEK) == 4 && recv(connection, room, 100, MSG_PEEK | MSG_DONTWAIT) == 16);
    must(read(connection, room, sizeof room) == 16);
    must(recv(client, room, 10, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    vectors(client, connection);
    must(!shutdown(client, SHUT_WR) && read(connection, room, 10) == 0);
    passes(connection, client, "the rest", 8);
    must(!close(connection) && read(client, room, 10) == 0 && !close(client));
    free(longer);
}

static void tcp(int server) {
    talk(server, connected(AF_INET, &v4, sizeof v4));
    int client = socket(AF_INET, SOCK_STREAM, 0), again;
    must(connect(client, (struct sockaddr *)&closed, sizeof closed) < 0 && errno == ECONNREFUSED);
    must(!close(client));

    /* Under several numbers, and a reset at its end. */
    client = connected(AF_INET, &v4, sizeof v4);
    int connection = accept(server, NULL, NULL);
    must((again = dup(client)) >= 0);
    passes(again, connection, "from a copy", 11);
    must(dup2(again, 40) == 40 && !close(again) && fcntl(40, F_DUPFD_CLOEXEC, 50) == 50);
    passes(50, connection, "from the fourth", 15);
    must(!syscall(SYS_close_range, 40, 60, 0));
    passes(client, connection, "from the first", 14);
    must(!setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) && !close(client));
    must(read(connection, room, 10) < 0 && errno == ECONNRESET && !close(connection));
}

static void tcp6(int server4, int server6) {
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    int client = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), error;
    must(connect(client, (struct sockaddr *)&v6, sizeof v6) < 0 && errno == EINPROGRESS);
    must(poll(&(struct pollfd){.fd = client, .events = POLLOUT}, 1, 5000) == 1);
    must(!getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error}) && !error);
    must(!getsockname(client, (struct sockaddr *)&name, &length) && !getpeername(client, (struct sockaddr *)&name, &length));
    must(!ioctl(client, FIONBIO, &(int){0}));
    talk(server6, client);

    client = socket(AF_INET6, SOCK_STREAM, 0);
    mapped.sin6_port = v4.sin_port;
    must(!connect(client, (struct sockaddr *)&mapped, sizeof mapped));
    talk(server4, client);
}

static void datagrams(int family, const void *address, socklen_t length) {
    struct sockaddr_storage from, from_three[3];
    struct iovec out[3] = {{"first", 5}, {"", 0}, {"a longer datagram, of more than 32 bytes", 40}}, in[3];
    struct mmsghdr sent[3] = {0}, got[3] = {0};
    socklen_t from_length = sizeof from;
    int receiver = bound(family, SOCK_DGRAM, address, length), sender = socket(family, SOCK_DGRAM, 0);
    must(sendto(sender, "question", 8, 0, address, length) == 8);
    must(recvfrom(receiver, room, 100, 0, (struct sockaddr *)&from, &from_length) == 8);
    must(sendto(receiver, "answer", 6, 0, (struct sockaddr *)&from, from_length) == 6);
    must(recv(sender, room, 3, MSG_TRUNC) == 6 && !connect(sender, address, length));
    for (int i = 0; i < 3; i++) {
        in[i] = (struct iovec){room + 200 * i, 100};
        sent[i].msg_hdr = (struct msghdr){.msg_iov = out + i, .msg_iovlen = 1};
        got[i].msg_hdr = (struct msghdr){.msg_name = from_three + i, .msg_namelen = sizeof from, .msg_iov = in + i, .msg_iovlen = 1};
    }
    must(sendmmsg(sender, sent, 3, 0) == 3 && recvmmsg(receiver, got, 3, 0, NULL) == 3);
    must(send(sender, "connected", 9, 0) == 9 && recvmsg(receiver, &got[0].msg_hdr, 0) == 9);
    sent[0].msg_hdr.msg_name = sent[1].msg_hdr.msg_name = &from;
    sent[0].msg_hdr.msg_namelen = sent[1].msg_hdr.msg_namelen = from_length;
    must(sendmmsg(receiver, sent, 2, 0) == 2 && recv(sender, room, 100, 0) == 5 && recv(sender, room, 100, 0) == 0);
    must(sendmsg(receiver, &(struct msghdr){.msg_name = &from, .msg_namelen = from_length, .msg_iov = out + 2, .msg_iovlen = 1}, 0) == 40);
    must(read(sender, room, 100) == 40);
    must(!close(sender) && !close(receiver));
}

/* Sends `fd` with the byte `with`. */
static void hand_over(int over, int fd, char with) {
    union { struct cmsghdr header; char room[CMSG_SPACE(sizeof fd)]; } control = {0};
    struct iovec vector = {&with, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof fd);
    must(sendmsg(over, &message, 0) == 1);
}

static int handed_over(int over) {
    char with;
    int fd = -1;
    union { struct cmsghdr header; char room[CMSG_SPACE(sizeof fd)]; } control;
    struct iovec vector = {&with, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    must(recvmsg(over, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void unix_sockets(const char *folder, int server) {
    struct sockaddr_un path = {.sun_family = AF_UNIX}, name = {.sun_family = AF_UNIX, .sun_path = "\0a \"name\"\\"};
    socklen_t length = sizeof(sa_family_t) + 10;
    int two[2], mail[2];
    snprintf(name.sun_path + 10, 20, "%d", getpid());
    length += strlen(name.sun_path + 10);
    snprintf(path.sun_path, sizeof path.sun_path, "%s/a \"socket\"", folder);
    unlink(path.sun_path);
    int at_path = bound(AF_UNIX, SOCK_STREAM, &path, sizeof path), at_name = bound(AF_UNIX, SOCK_STREAM, &name, length);
    talk(at_path, connected(AF_UNIX, &path, sizeof path));
    talk(at_name, connected(AF_UNIX, &name, length));
    must(!unlink(path.sun_path) && !close(at_path) && !close(at_name));

    must(!socketpair(AF_UNIX, SOCK_STREAM, 0, two));
    passes(two[0], two[1], "from one to the other", 21);
    vectors(two[1], two[0]);
    /* A connection goes through the pair while nobody has it open under another number. */
    int client = connected(AF_INET, &v4, sizeof v4), connection = accept(server, NULL, NULL);
    hand_over(two[0], connection, '1');
    must(!close(connection) && (connection = handed_over(two[1])) >= 0);
    passes(connection, client, "after the journey", 17);
    must(!close(connection) && read(client, room, 10) == 0 && !close(client) && !close(two[0]));
    must(read(two[1], room, 10) == 0 && !close(two[1]));

    int mailbox = bound(AF_UNIX, SOCK_DGRAM, &path, sizeof path), post = socket(AF_UNIX, SOCK_DGRAM, 0);
    must(sendto(post, "a letter", 8, 0, (struct sockaddr *)&path, sizeof path) == 8);
    must(recv(mailbox, room, 100, 0) == 8 && !close(post) && !close(mailbox) && !unlink(path.sun_path));
    must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, mail));
    passes(mail[0], mail[1], "a parcel", 8);
    must(!close(mail[0]) && !close(mail[1]));
}

/* The two ends of a connection, for other threads and processes. */
static int here, there;

static void *other_thread(void *unused) {
    passes(here, there, "a thread sends, and receives it", 31);
    must(write(there, "and the thread again", 20) == 20);
    return unused;
}

/* Waits for a word through a pipe, which is no socket, and answers. */
static void your_turn(int out, int in) {
    must(write(out, "x", 1) == 1 && read(in, room, 1) == 1);
}

static void child(int in, int out, int over) {
    must(read(in, room, 1) == 1 && recv(there, room, 100, 0) == 10 && send(there, "from the child", 14, 0) == 14);
    must(!close(here) && !close(there) && write(out, "x", 1) == 1);
    must(read(in, room, 1) == 1 && (here = handed_over(over)) >= 0);
    must(send(here, "from the child, as it came", 26, 0) == 26 && write(out, "x", 1) == 1);
    must(read(in, room, 1) == 1);
    _exit(0);
}

static void others(int server) {
    pthread_t thread;
    int to_child[2], to_parent[2], over[2], status;
    here = connected(AF_INET, &v4, sizeof v4);
    there = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    must(!pthread_create(&thread, NULL, other_thread, NULL) && !pthread_join(thread, NULL));
    must(recv(here, room, 100, 0) == 20);
    must(!pipe(to_child) && !pipe2(to_parent, O_CLOEXEC) && !socketpair(AF_UNIX, SOCK_STREAM, 0, over));
    must(send(here, "to a child", 10, 0) == 10);
    pid_t pid = fork();
    if (pid == 0) child(to_child[0], to_parent[1], over[1]);
    must(pid > 0);
    your_turn(to_child[1], to_parent[0]);
    must(recv(here, room, 100, 0) == 14);

    /* The child is given a connection that the parent closes, and the parent fetches it back. */
    int client = connected(AF_INET, &v4, sizeof v4), connection = accept(server, NULL, NULL);
    hand_over(over[0], connection, '2');
    must(!close(connection));
    your_turn(to_child[1], to_parent[0]);
    must(recv(client, room, 100, 0) == 26);
    int process = syscall(SYS_pidfd_open, pid, 0);
    connection = process < 0 ? -1 : syscall(SYS_pidfd_getfd, process, here, 0);
    if (connection >= 0) passes(connection, client, "fetched back", 12), must(!close(connection));
    must(write(to_child[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid && !status);
    must(read(client, room, 10) == 0 && !close(client) && !close(here) && read(there, room, 10) == 0 && !close(there));

    /* Another program, which inherits one end of a pair. */
    pid = fork();
    if (pid == 0) {
        dup2(over[0], 1);
        execl("/bin/sh", "sh", "-c", "echo from a shell", NULL);
        _exit(1);
    }
    must(pid > 0 && waitpid(pid, &status, 0) == pid && !status && recv(over[1], room, 100, 0) == 13);
    must(!close(over[0]) && read(over[1], room, 10) == 0);
}

static void handler(int number) { (void)number; }

int main(int count, char **arguments) {
    alarm(25);
    if (count < 4) return 2;
    v4.sin_port = v6.sin6_port = htons(atoi(arguments[1]));
    closed.sin_port = htons(atoi(arguments[2]));
    v4.sin_addr.s_addr = closed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_addr = in6addr_loopback;
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    signal(SIGUSR1, handler);
    must(!raise(SIGUSR1));
    int server4 = bound(AF_INET, SOCK_STREAM, &v4, sizeof v4), server6 = bound(AF_INET6, SOCK_STREAM, &v6, sizeof v6);
    tcp(server4);
    tcp6(server4, server6);
    datagrams(AF_INET, &v4, sizeof v4);
    datagrams(AF_INET6, &v6, sizeof v6);
    unix_sockets(arguments[3], server4);
    if (count < 5) others(server4);
    return 0;
}
