/* An AF_NETLINK socket: open in a namespace, bind, send, and receive without losing a datagram unnoticed. */
#define _GNU_SOURCE
#include "internal.h"

#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A datagram is one skb, whose linear part kmalloc bounds at 4 MB (KMALLOC_MAX_SIZE). Untouched pages of the
   buffer cost nothing; ordinary datagrams stay within its first 32 KB, which stay in the cache. */
#define BUFFER_SIZE ((uint64_t)4 << 20)

static int fail(struct pynl_socket *s)
{
    int error = errno;

    pynl_socket_close(s);
    return -error;
}

int pynl_socket_open(struct pynl_socket *s, int protocol, int netns)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof(address);
    void *buffer;

    memset(s, 0, sizeof(*s));
    s->fd = s->wake = -1;
    if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
        return fail(s);
    s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (s->fd < 0)
        return fail(s);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0)
        return fail(s);
    /* nl_pid 0: the kernel picks a port id that is free; it is the process id only for the first socket. */
    if (bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&address, &size) < 0)
        return fail(s);
    buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (buffer == MAP_FAILED)
        return fail(s);
    s->buffer = buffer;
    s->size = BUFFER_SIZE;
    s->port = address.nl_pid;
    return 0;
}

int pynl_socket_close(struct pynl_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->wake >= 0)
        close(s->wake);
    if (s->buffer)
        munmap(s->buffer, s->size);
    s->fd = s->wake = -1;
    s->buffer = NULL;
    s->size = 0;
    return 0;
}

int pynl_socket_set(const struct pynl_socket *s, int level, int option, int value)
{
    return setsockopt(s->fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int pynl_socket_get(const struct pynl_socket *s, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(s->fd, level, option, &value, &size) < 0 ? -errno : value;
}

int pynl_socket_wake(const struct pynl_socket *s)
{
    const uint64_t one = 1;

    return write(s->wake, &one, sizeof(one)) < 0 ? -errno : 0;
}

int64_t pynl_socket_send(const struct pynl_socket *s, const uint8_t *data, uint64_t size)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent = sendto(s->fd, data, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel));

    return sent < 0 ? -errno : sent;
}

int pynl_socket_filter(const struct pynl_socket *s, const uint8_t *program, uint16_t instructions)
{
    struct sock_fprog filter = {.len = instructions};
    int result = 0;

    memcpy(&filter.filter, &program, sizeof(program));
    if (instructions)
        result = setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
    else
        result = setsockopt(s->fd, SOL_SOCKET, SO_DETACH_FILTER, &result, sizeof(result));
    return result < 0 ? -errno : 0;
}

static int wait_readable(const struct pynl_socket *s, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->wake, .events = POLLIN}};
    int ready = poll(fds, 2, timeout_ms);

    if (ready < 0)
        return -errno;
    if (fds[1].revents)
        return -ECANCELED;
    return ready ? 0 : -ETIMEDOUT;
}

int64_t pynl_socket_receive(const struct pynl_socket *s, int timeout_ms, uint32_t *sender)
{
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = s->buffer, .iov_len = s->room ? s->room : s->size};
    struct msghdr message = {.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1};

    for (;;) {
        ssize_t size;
        int ready;

        message.msg_namelen = sizeof(from);
        size = recvmsg(s->fd, &message, MSG_DONTWAIT);
        if (size >= 0) {
            if (message.msg_flags & MSG_TRUNC)
                return -EMSGSIZE;
            *sender = from.nl_pid;
            return size;
        }
        if (errno != EAGAIN)
            return -errno;
        ready = wait_readable(s, timeout_ms);
        if (ready < 0)
            return ready;
    }
}
