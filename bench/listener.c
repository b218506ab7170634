/*
 * The floor of events: a socket that joins a group of route notifications, receives them and throws them away.
 *
 *     listener rate COUNT       says "ready"; on a line of its input, which is to come once COUNT notifications wait, it
 *                               receives them as fast as it can, and prints the seconds, messages and bytes
 *     listener latency COUNT    says "ready", and prints the time of each of COUNT notifications as it has come, in
 *                               nanoseconds of CLOCK_MONOTONIC
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

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
    int group = RTNLGRP_IPV4_ROUTE, size = BUFFER, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("socket");
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

int main(int argc, char **argv)
{
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000, messages = 0, bytes = 0, i;
    int fd = opened(), rate = argc > 1 && !strcmp(argv[1], "rate");
    long long *times = calloc(count, sizeof(*times)), start;
    char line[8];

    if (!times)
        fail("calloc");
    memset(times, 1, count * sizeof(*times)); /* its pages are there */
    puts("ready");
    fflush(stdout);
    if (rate && !fgets(line, sizeof(line), stdin))
        fail("input");
    start = now();
    while (messages < count) {
        messages += receive(fd, &bytes);
        times[messages - 1] = rate ? 0 : now();
    }
    if (rate)
        printf("%.9f %lu %lu\n", (double)(now() - start) / 1e9, messages, bytes);
    for (i = 0; !rate && i < count; i++)
        printf("%lld\n", times[i]);
    return 0;
}
