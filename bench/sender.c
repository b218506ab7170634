/*
 * Adds IPv4 routes, those of content.py, with the messages that pynl sends.
 *
 *     sender many COUNT     as many in a send as pynl has, the last of a send acknowledged
 *     sender one COUNT      one in a send, acknowledged
 *     sender show COUNT     sends nothing, and writes the messages of "many" as if they were one send
 *
 * Prints seconds and the number of sends: of "many" the seconds until the last ACK, of "one" their median. The messages
 * are made before.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Of pynl: most requests in a send, and what the kernel keeps of the send buffer for itself. */
#define WINDOW 4096
#define RESERVED 32

struct message {
    struct nlmsghdr header;
    struct rtmsg route;
    struct {
        struct rtattr head;
        uint32_t value;
    } attributes[5];
};

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

static uint32_t room(int fd)
{
    int size;
    socklen_t length = sizeof(size);
    uint32_t fit;

    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
        fail("SO_SNDBUF");
    fit = (uint32_t)(size - RESERVED) / (uint32_t)sizeof(struct message);
    return fit < WINDOW ? fit : WINDOW;
}

static void make(struct message *message, uint32_t i)
{
    const unsigned short types[] = {RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY, RTA_TABLE};
    const uint32_t values[] = {htonl(0x01000000 + (i << 8)), htonl(0x0AFF0001 + i % 16), 10 + ((i >> 4) & 1),
                               20 + i % 7, RT_TABLE_MAIN};
    int k;

    message->header = (struct nlmsghdr){
        .nlmsg_len = sizeof(*message),
        .nlmsg_type = RTM_NEWROUTE,
        .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
        .nlmsg_seq = i + 1,
    };
    message->route = (struct rtmsg){
        .rtm_family = AF_INET,
        .rtm_dst_len = 24,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BGP,
        .rtm_type = RTN_UNICAST,
        .rtm_flags = RTNH_F_ONLINK,
    };
    for (k = 0; k < 5; k++) {
        message->attributes[k].head = (struct rtattr){RTA_LENGTH(sizeof(uint32_t)), types[k]};
        message->attributes[k].value = values[k];
    }
}

/* Sends, and waits for the ACK of the last. */
static void carry_out(int fd, const struct message *messages, uint32_t count)
{
    static char buffer[32768];
    const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
    const struct nlmsghdr *last = &messages[count - 1].header;
    const struct nlmsgerr *answer = NLMSG_DATA(header);

    if (send(fd, messages, count * sizeof(*messages), 0) < 0)
        fail("send");
    if (recv(fd, buffer, sizeof(buffer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*answer)))
        fail("recv");
    if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq != last->nlmsg_seq || answer->error) {
        fprintf(stderr, "refused: %s\n", strerror(-answer->error));
        exit(1);
    }
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "many";
    uint32_t count = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000, each, first, sends = 0, i;
    struct message *messages = calloc(count, sizeof(*messages));
    double *took = calloc(count, sizeof(*took)), start;
    int fd = opened();

    if (!messages || !took || !count)
        fail("calloc");
    each = !strcmp(mode, "one") ? 1 : !strcmp(mode, "show") ? count : room(fd);
    for (i = 0; i < count; i++) {
        make(&messages[i], i);
        if (i == count - 1 || i % each == each - 1)
            messages[i].header.nlmsg_flags |= NLM_F_ACK;
    }
    if (!strcmp(mode, "show"))
        return fwrite(messages, sizeof(*messages), count, stdout) == count ? 0 : 1;
    start = now();
    for (first = 0; first < count; first += each) {
        double before = now();

        carry_out(fd, messages + first, count - first < each ? count - first : each);
        took[sends++] = now() - before;
    }
    start = now() - start;
    qsort(took, sends, sizeof(*took), by_size);
    printf("%.9f %u\n", each == 1 ? took[sends / 2] : start, sends);
    return 0;
}
