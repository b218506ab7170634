/*
 * The floor of events: a socket that joins a group of route notifications, receives them and throws them away.
 *
 *     listener rate COUNT       says "ready"; on a line of its input, which is to come once COUNT notifications wait, it
 *                               receives them as fast as it can, and prints the seconds, messages and bytes
 *     listener latency COUNT    says "ready", and prints the time of each of COUNT notifications as it has come, in
 *                               nanoseconds of CLOCK_MONOTONIC
 *     listener change COUNT     makes COUNT routes, one every 2 ms, and prints the time before each, in the same way
 */
#include <arpa/inet.h>
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

/* Microseconds between changes: the reader sleeps when the next comes. */
#define GAP 2000

/* As bench/watcher.py asks for. */
#define BUFFER (1 << 29)

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int opened(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("socket");
    return fd;
}

static int subscribed(void)
{
    int group = RTNLGRP_IPV4_ROUTE, size = BUFFER, fd = opened();

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        fail("SO_RCVBUFFORCE");
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
        fail("NETLINK_ADD_MEMBERSHIP");
    return fd;
}

/* Receives one datagram; returns how many messages it has. */
static unsigned long receive(int fd, unsigned long *bytes)
{
    static char buffer[32768];
    ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
    struct nlmsghdr *header = (struct nlmsghdr *)buffer;
    unsigned long messages = 0;

    if (size < 0)
        fail("recv");
    *bytes += (unsigned long)size;
    for (; NLMSG_OK(header, (unsigned long)size); header = NLMSG_NEXT(header, size))
        messages++;
    return messages;
}

/* Adds the route number `i` of content.py, without its gateway. */
static void change(int fd, uint32_t i)
{
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        struct {
            struct rtattr head;
            uint32_t value;
        } attributes[3];
    } message = {
        .header = {.nlmsg_len = sizeof(message),
                   .nlmsg_type = RTM_NEWROUTE,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
                   .nlmsg_seq = i + 1},
        .route = {.rtm_family = AF_INET,
                  .rtm_dst_len = 24,
                  .rtm_table = RT_TABLE_MAIN,
                  .rtm_protocol = RTPROT_BGP,
                  .rtm_scope = RT_SCOPE_LINK,
                  .rtm_type = RTN_UNICAST},
        .attributes = {{{RTA_LENGTH(sizeof(uint32_t)), RTA_DST}, htonl(0x01000000 + (i << 8))},
                       {{RTA_LENGTH(sizeof(uint32_t)), RTA_OIF}, 10 + ((i >> 4) & 1)},
                       {{RTA_LENGTH(sizeof(uint32_t)), RTA_PRIORITY}, 20 + i % 7}},
    };

    if (send(fd, &message, sizeof(message), 0) < 0)
        fail("send");
}

static void print(const long long *times, unsigned long count)
{
    unsigned long i;

    for (i = 0; i < count; i++)
        printf("%lld\n", times[i]);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "rate";
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000, messages = 0, bytes = 0;
    int changes = !strcmp(mode, "change"), rate = !strcmp(mode, "rate"), fd = changes ? opened() : subscribed();
    long long *times = calloc(count, sizeof(*times)), start;
    char line[8];

    if (!times)
        fail("calloc");
    memset(times, 1, count * sizeof(*times)); /* its pages are there */
    for (; changes && messages < count; messages++) {
        usleep(GAP);
        times[messages] = now();
        change(fd, (uint32_t)messages);
    }
    if (changes) {
        print(times, count);
        return 0;
    }
    puts("ready");
    fflush(stdout);
    if (rate && !fgets(line, sizeof(line), stdin))
        fail("input");
    start = now();
    while (messages < count) {
        messages += receive(fd, &bytes);
        if (!rate)
            times[messages - 1] = now();
    }
    if (rate)
        printf("%.9f %lu %lu\n", (double)(now() - start) / 1e9, messages, bytes);
    else
        print(times, count);
    return 0;
}
