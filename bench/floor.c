/*
 * The floor: asks for all objects of a kind, receives the answer and throws it away. What no reader can beat.
 *
 *     floor TYPE [FAMILY [TIMES]]      prints the seconds of the fastest of TIMES dumps, messages and bytes
 *
 * TYPE is RTM_GETLINK (18), RTM_GETADDR (22), RTM_GETROUTE (26) or RTM_GETNEIGH (30). The socket has strict checking
 * on, as pynl's has: the kernel does the same work for both.
 */
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static unsigned long header_size(int type)
{
    switch (type) {
    case RTM_GETLINK:
        return sizeof(struct ifinfomsg);
    case RTM_GETADDR:
        return sizeof(struct ifaddrmsg);
    case RTM_GETNEIGH:
        return sizeof(struct ndmsg);
    default:
        return sizeof(struct rtmsg);
    }
}

/* Receives until DONE; returns how many messages came before it. */
static unsigned long throw_away(int fd, unsigned long *bytes)
{
    static char buffer[32768];
    unsigned long messages = 0;

    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
        struct nlmsghdr *header = (struct nlmsghdr *)buffer;

        if (size < 0)
            fail("recv");
        *bytes += (unsigned long)size;
        for (; NLMSG_OK(header, (unsigned long)size); header = NLMSG_NEXT(header, size)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return messages;
            if (header->nlmsg_type == NLMSG_ERROR) {
                fprintf(stderr, "floor: the kernel refused\n");
                exit(1);
            }
            messages++;
        }
    }
}

int main(int argc, char **argv)
{
    struct {
        struct nlmsghdr header;
        unsigned char family, rest[15];
    } request = {.header = {.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    int times = argc > 3 ? atoi(argv[3]) : 1, one = 1, fd;
    unsigned long messages = 0, bytes = 0;
    double best = 1e9;

    request.header.nlmsg_type = (unsigned short)(argc > 1 ? atoi(argv[1]) : RTM_GETROUTE);
    request.header.nlmsg_len = (unsigned)NLMSG_LENGTH(header_size(request.header.nlmsg_type));
    request.family = argc > 2 ? (unsigned char)atoi(argv[2]) : AF_UNSPEC;
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
    while (times-- > 0) {
        double start = now(), took;

        bytes = 0;
        request.header.nlmsg_seq++;
        if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
            fail("send");
        messages = throw_away(fd, &bytes);
        took = now() - start;
        if (took < best)
            best = took;
    }
    printf("%.9f %lu %lu\n", best, messages, bytes);
    return 0;
}
