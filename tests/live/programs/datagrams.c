/* sendmmsg and recvmmsg: three datagrams a call, one of them empty, one longer than its reader's buffer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int main(int count, char **arguments) {
    alarm(25);
    assert(count >= 2);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(receiver, (struct sockaddr *)&address, sizeof address)) return 1;

    struct iovec out[4] = {{"first", 5}, {" datagram", 9}, {"", 0}, {"a longer datagram", 17}};
    struct mmsghdr sent[3] = {0}, got[3] = {0};
    for (int i = 0; i < 3; i++) {
        sent[i].msg_hdr.msg_iov = i ? &out[i + 1] : out;
        sent[i].msg_hdr.msg_iovlen = i ? 1 : 2;
        sent[i].msg_hdr.msg_name = &address;
        sent[i].msg_hdr.msg_namelen = sizeof address;
    }
    if (sendmmsg(sender, sent, 3, 0) != 3) return 2;

    char room[3][14];
    struct iovec in[3];
    struct sockaddr_in from[3];
    for (int i = 0; i < 3; i++) {
        in[i] = (struct iovec){room[i], sizeof room[i]};
        got[i].msg_hdr.msg_iov = &in[i];
        got[i].msg_hdr.msg_iovlen = 1;
        got[i].msg_hdr.msg_name = &from[i];
        got[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    if (recvmmsg(receiver, got, 3, 0, NULL) != 3) return 3;
    if (got[0].msg_len != 14 || got[1].msg_len != 0 || !(got[2].msg_hdr.msg_flags & MSG_TRUNC)) return 4;

    if (connect(sender, (struct sockaddr *)&address, sizeof address)) return 5;
    for (int i = 0; i < 3; i++) sent[i].msg_hdr.msg_name = NULL, sent[i].msg_hdr.msg_namelen = 0;
    if (sendmmsg(sender, sent, 2, 0) != 2) return 6;
    if (recv(receiver, room[0], 14, 0) != 14 || recv(receiver, room[1], 14, 0) != 0) return 7;
    if (sendto(receiver, "answer", 6, 0, (struct sockaddr *)&from[0], sizeof from[0]) != 6) return 8;
    return read(sender, room[0], 14) == 6 ? 0 : 9;
}
