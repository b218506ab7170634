/*
 * Notifications: what waits on a socket, each message sorted to its kind's table, and one event for each in the order in
 * which they came. What was lost on the way is an event too: a mark.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Datagrams of one system call; each has its share of the socket's buffer, 128 KB. A notification has one object, whose
   attributes are 64 KB at most each; what is larger all the same is reported as lost. */
#define SLOTS 32
/* So many calls in a row whose messages nobody wanted, and Python may look for signals. */
#define PATIENCE 512
/* What a datagram takes of the receive buffer, at least: struct sk_buff and its like come to more. */
#define SMALLEST 256
#define EVENTS_FIRST ((uint64_t)16)

struct slot {
    struct sockaddr_nl from;
    struct iovec iov;
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
};

struct ring {
    struct mmsghdr messages[SLOTS];
    struct slot slots[SLOTS];
};

/* Makes the first `count` slots ready to receive. */
static void ring_ready(struct ring *ring, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        struct msghdr *header = &ring->messages[i].msg_hdr;

        header->msg_namelen = sizeof(ring->slots[i].from);
        header->msg_controllen = sizeof(ring->slots[i].control);
    }
}

static void ring_make(struct ring *ring, const struct pynl_socket *socket)
{
    const uint64_t share = socket->size / SLOTS;
    int i;

    for (i = 0; i < SLOTS; i++) {
        struct slot *slot = &ring->slots[i];

        slot->from = (struct sockaddr_nl){0};
        slot->iov = (struct iovec){.iov_base = socket->buffer + (uint64_t)i * share, .iov_len = share};
        ring->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &slot->from,
            .msg_iov = &slot->iov,
            .msg_iovlen = 1,
            .msg_control = slot->control.bytes,
        };
    }
    ring_ready(ring, SLOTS);
}

/* How many datagrams came; 0: there was none. */
static int ring_receive(struct ring *ring, const struct pynl_socket *socket, int flags)
{
    int received = recvmmsg(socket->fd, ring->messages, SLOTS, flags, NULL);

    if (received < 0)
        return errno == EAGAIN ? 0 : -errno;
    return received;
}

static int64_t now(void)
{
    struct timespec when;

    clock_gettime(CLOCK_REALTIME, &when);
    return (int64_t)when.tv_sec * 1000000000 + when.tv_nsec;
}

/* The number of the namespace that a datagram is from (NETLINK_LISTEN_ALL_NSID, since 4.2). */
static int32_t nsid_of(struct msghdr *header)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    int32_t nsid = -1;

    if (control && control->cmsg_level == SOL_NETLINK && control->cmsg_type == NETLINK_LISTEN_ALL_NSID)
        memcpy(&nsid, CMSG_DATA(control), sizeof(nsid));
    return nsid;
}

/* Room for one event, and for a mark behind it. */
static bool reserve(struct pynl_events *e)
{
    uint64_t capacity = e->capacity ? e->capacity * 2 : EVENTS_FIRST;
    struct pynl_event *grown;

    if (e->count + 2 <= e->capacity)
        return true;
    grown = realloc(e->events, capacity * sizeof(*grown));
    if (!grown)
        return false;
    e->events = grown;
    e->capacity = capacity;
    return true;
}

/* Marks that some were lost here. Marks with nothing between them are one. */
static void mark(struct pynl_events *e, int64_t time)
{
    e->overruns++;
    if (e->counts)
        count(&e->counts->overruns, 1);
    if (e->count && e->events[e->count - 1].kind < 0)
        return;
    e->events[e->count++] =
        (struct pynl_event){.time = time, .read = e->reads, .row = -1, .nsid = -1, .kind = -1, .action = PYNL_NEW};
}

static bool wants_family(const struct pynl_watch *watch, const struct walk *w)
{
    uint32_t i;

    if (w->header.nlmsg_len <= MESSAGE_HEADER) /* it is not decoded, and reported */
        return true;
    for (i = 0; i < watch->family_count; i++)
        if (watch->families[i] == w->at[MESSAGE_HEADER])
            return true;
    return !watch->family_count;
}

static struct pynl_watch *watch_of(const struct pynl_events *e, const struct walk *w)
{
    uint32_t i;

    for (i = 0; i < e->watch_count; i++)
        if (w->header.nlmsg_type == e->watches[i].created || w->header.nlmsg_type == e->watches[i].deleted)
            return wants_family(&e->watches[i], w) ? &e->watches[i] : NULL;
    return NULL;
}

static uint16_t action_of(const struct pynl_watch *watch, const struct walk *w)
{
    if (w->header.nlmsg_type == watch->deleted)
        return PYNL_DEL;
    if (watch->change_mask)
        return (w->header.nlmsg_flags & watch->change_mask) == watch->change_flags ? PYNL_CHANGE : PYNL_NEW;
    if (watch->fresh && w->header.nlmsg_len >= MESSAGE_HEADER + watch->fresh + sizeof(uint32_t))
        return load32(w->at + MESSAGE_HEADER + watch->fresh) == watch->fresh_value ? PYNL_NEW : PYNL_CHANGE;
    return PYNL_NEW;
}

/* Keeps one message, unless a filter drops it; false where there was no memory for it. */
static bool keep(struct pynl_events *e, struct pynl_watch *watch, const struct walk *w, int32_t nsid, int64_t time)
{
    struct pynl_event *event;
    const uint8_t *message;
    int32_t row = -1;
    int result;

    if (!reserve(e))
        return false;
    result = pynl_table_append(watch->table, watch->plan, watch->filters, watch->filter_count, w->at, w->left);
    if (result <= 0 && result != -EBADMSG)
        return !result;
    if (result > 0) {
        row = (int32_t)(watch->table->rows - 1);
        message = watch->table->messages[row];
    } else { /* it is the last that was kept */
        const struct pynl_segment *segment = watch->table->segments;

        message = segment->data + segment->size - PYNL_ALIGN(w->header.nlmsg_len);
    }
    event = &e->events[e->count++];
    *event = (struct pynl_event){
        .time = time,
        .read = e->reads,
        .message = (uint64_t)(uintptr_t)message,
        .row = row,
        .nsid = nsid,
        .kind = (int16_t)(watch - e->watches),
        .type = w->header.nlmsg_type,
        .flags = w->header.nlmsg_flags,
        .action = action_of(watch, w),
    };
    return true;
}

/* An ACK of pynl_events_ask; that of pynl_events_wake has the number 0. */
static void answer(struct pynl_events *e, const struct nlmsghdr *header)
{
    uint64_t number = e->asked - (uint32_t)((uint32_t)e->asked - header->nlmsg_seq);

    if (number <= e->asked && number > e->answered)
        e->answered = number;
}

static void sort_datagram(struct pynl_events *e, struct mmsghdr *received, const struct slot *slot, int64_t time)
{
    struct walk w = {.at = slot->iov.iov_base, .left = received->msg_len};
    int32_t nsid = nsid_of(&received->msg_hdr);
    bool lost = received->msg_hdr.msg_flags & MSG_TRUNC;
    uint64_t messages = e->messages;

    e->reads++;
    e->bytes += received->msg_len;
    if (slot->from.nl_pid) { /* of another process */
        e->skipped++;
        return;
    }
    for (; !lost && walk_message(&w); walk_next(&w)) {
        struct pynl_watch *watch = watch_of(e, &w);

        if (w.header.nlmsg_type == NLMSG_ERROR) {
            answer(e, &w.header);
            continue;
        }
        e->messages++;
        if (!watch)
            e->skipped++;
        else
            lost = !keep(e, watch, &w, nsid, time);
    }
    if (e->counts) {
        count(&e->counts->messages, e->messages - messages);
        count(&e->counts->bytes, received->msg_len);
        count(&e->counts->truncations, lost || w.left);
    }
    if (lost || w.left) {
        e->truncated++;
        mark(e, time);
    }
}

/* From here on the kernel drops what comes, until the queue has been read. */
static void drop_all(const struct pynl_socket *socket)
{
    const struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    uint8_t program[sizeof(none)];

    memcpy(program, &none, sizeof(none));
    pynl_socket_filter(socket, program, 1);
}

/* Datagrams that the queue can hold, at most: where there was no memory for that filter, more may come all the time. */
static int room(const struct pynl_socket *socket)
{
    return pynl_socket_get(socket, SOL_SOCKET, SO_RCVBUF) / SMALLEST + 1;
}

/* Where there is no memory for the program, everything passes: C filters as well. */
static void restore(const struct pynl_events *e, const struct pynl_socket *socket)
{
    if (pynl_socket_filter(socket, e->program, e->instructions) < 0)
        pynl_socket_filter(socket, NULL, 0);
}

/* A receive that waits is the fastest to come back: poll() and a receive take a third longer. */
static int wait_at_most(struct pynl_events *e, const struct pynl_socket *socket, int timeout_ms)
{
    const struct timeval time = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    if (e->waits == timeout_ms)
        return 0;
    if (setsockopt(socket->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) < 0)
        return -errno;
    e->waits = timeout_ms;
    return 0;
}

/* The kernel acknowledges a message that asks for nothing else. */
static int ask_for_ack(const struct pynl_socket *socket, uint32_t number)
{
    const struct nlmsghdr message = {
        .nlmsg_len = MESSAGE_HEADER,
        .nlmsg_type = NLMSG_NOOP,
        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
        .nlmsg_seq = number,
    };
    uint8_t bytes[sizeof(message)];

    memcpy(bytes, &message, sizeof(message));
    return (int)pynl_socket_send(socket, bytes, sizeof(bytes));
}

int pynl_events_wake(const struct pynl_socket *socket)
{
    return ask_for_ack(socket, 0);
}

uint64_t pynl_events_ask(struct pynl_events *e, const struct pynl_socket *socket)
{
    e->asked++;
    ask_for_ack(socket, (uint32_t)e->asked);
    return e->asked;
}

int64_t pynl_events_receive(struct pynl_events *e, const struct pynl_socket *socket, uint64_t limit, int timeout_ms)
{
    int i, received, result = 0, left = 0, patience = PATIENCE, flags = timeout_ms ? MSG_WAITFORONE : MSG_DONTWAIT;
    uint64_t answered = e->answered;
    bool draining = false;
    struct ring ring;
    uint32_t k;

    if (e->count)
        return (int64_t)e->count;
    if (!reserve(e))
        return -ENOMEM;
    if (e->torn) {
        e->torn = 0;
        mark(e, now());
        return (int64_t)e->count;
    }
    result = timeout_ms ? wait_at_most(e, socket, timeout_ms) : 0;
    if (result < 0)
        return result;
    ring_make(&ring, socket);
    for (;; flags = MSG_DONTWAIT) {
        int64_t time;

        received = ring_receive(&ring, socket, flags);
        if (received == -ENOBUFS && !draining) {
            drop_all(socket);
            draining = true;
            left = room(socket);
            continue;
        }
        if (received > 0)
            time = now();
        for (i = 0; i < received; i++)
            sort_datagram(e, &ring.messages[i], &ring.slots[i], time);
        ring_ready(&ring, received);
        if (draining && left > 0 && (received > 0 || received == -ENOBUFS)) { /* it filled up before the filter */
            left -= received > 0 ? received : 1;
            continue;
        }
        if (draining) {
            mark(e, now());
            e->answered = e->asked; /* the queue has been read, and the sign may be among what was lost */
            restore(e, socket);
            break;
        }
        if (received < 0)
            result = received;
        else
            result = received ? -EINTR : -ETIMEDOUT;
        if (received < SLOTS || e->count >= limit || e->answered != answered || !--patience)
            break;
    }
    for (k = 0; k < e->watch_count; k++)
        pynl_table_finish(e->watches[k].table);
    return e->count ? (int64_t)e->count : result;
}

void pynl_events_free(struct pynl_events *e)
{
    free(e->events);
    e->events = NULL;
    e->count = e->capacity = 0;
}
