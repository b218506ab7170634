/*
 * Small reads in C, with the requests that pynl sends.
 *
 *     small get TIMES       opens a socket, asks for the link "lo", reads its name and MTU, closes
 *     small dump TIMES      dumps all IPv4 routes on an open socket, and sums up their devices
 *
 * Prints the median of the seconds that one took, and a checksum of what was read.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static char buffer[32768];

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

static int opened(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int one = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("socket");
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    return fd;
}

static unsigned long attribute_sum(const struct nlmsghdr *header)
{
    int link = header->nlmsg_type == RTM_NEWLINK;
    unsigned long head = NLMSG_ALIGN(link ? sizeof(struct ifinfomsg) : sizeof(struct rtmsg));
    const struct rtattr *at = (const void *)((const char *)NLMSG_DATA(header) + head);
    int left = (int)(header->nlmsg_len - NLMSG_HDRLEN - head);
    unsigned value;
    unsigned long sum = 0;

    for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if (link && at->rta_type == IFLA_IFNAME && strcmp(RTA_DATA(at), "lo"))
            fail("another link");
        if (at->rta_type == (link ? (int)IFLA_MTU : (int)RTA_OIF)) {
            memcpy(&value, RTA_DATA(at), sizeof(value));
            sum += value;
        }
    }
    return sum;
}

/* Sends, and reads until DONE or the ACK. */
static unsigned long ask(int fd, void *request, size_t size)
{
    unsigned long sum = 0;

    if (send(fd, request, size, 0) < 0)
        fail("send");
    for (;;) {
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        struct nlmsghdr *header = (struct nlmsghdr *)buffer;

        if (got < 0)
            fail("recv");
        for (; NLMSG_OK(header, (unsigned long)got); header = NLMSG_NEXT(header, got)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return sum;
            if (header->nlmsg_type == NLMSG_ERROR) {
                if (((struct nlmsgerr *)NLMSG_DATA(header))->error)
                    fail("refused");
                return sum;
            }
            sum += attribute_sum(header);
        }
    }
}

static unsigned long get(void)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr attribute;
        char name[4];
    } request = {
        .header = {sizeof(request), RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
        .attribute = {sizeof(struct rtattr) + 3, IFLA_IFNAME},
        .name = "lo",
    };
    int fd = opened();
    unsigned long sum = ask(fd, &request, sizeof(request));

    close(fd);
    return sum;
}

static unsigned long dump(int fd)
{
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
    } request = {{sizeof(request), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {.rtm_family = AF_INET}};

    return ask(fd, &request, sizeof(request));
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    int times = argc > 2 ? atoi(argv[2]) : 1000, one = argc > 1 && !strcmp(argv[1], "get"), i;
    double *took = calloc((size_t)times, sizeof(*took));
    unsigned long sum = 0;
    int fd = opened();

    if (!took)
        fail("calloc");
    for (i = 0; i < times; i++) {
        double start = now();

        sum = one ? get() : dump(fd);
        took[i] = now() - start;
    }
    qsort(took, (size_t)times, sizeof(*took), by_size);
    printf("%.9f %lu\n", took[times / 2], sum);
    return 0;
}
