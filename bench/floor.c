/*
 * The floor: asks for all routes of a family, receives the answer and throws it away. What no reader can beat.
 *
 *     floor FAMILY [TABLE]      prints seconds, messages and bytes
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char buffer[32768];
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
    } request = {.header = {sizeof(request), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}};
    unsigned long messages = 0, bytes = 0;
    double start = now();
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    request.route.rtm_family = argc > 1 ? (unsigned char)atoi(argv[1]) : AF_INET;
    if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0) {
        perror("floor");
        return 1;
    }
    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
        struct nlmsghdr *header = (struct nlmsghdr *)buffer;

        if (size < 0) {
            perror("floor");
            return 1;
        }
        bytes += (unsigned long)size;
        for (; NLMSG_OK(header, (unsigned long)size); header = NLMSG_NEXT(header, size)) {
            if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
                close(fd);
                printf("%.6f %lu %lu\n", now() - start, messages, bytes);
                return 0;
            }
            messages++;
        }
    }
}
