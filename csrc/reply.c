/*
 * The answer to one request: received by one thread, taken by another (or the same), segment by segment.
 *
 * A segment belongs to the receiver until it is queued, and to the taker from then on, so that no byte is ever
 * shared. Only the queue and the state are, under a lock that is held for a few instructions per segment.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <time.h>

/* Large enough that handing over costs nothing, small enough that the taker starts early. */
#define SEGMENT_SIZE ((uint64_t)256 << 10)
/* A signal between two instructions of this file would wake no poll(): so often Python gets to look for it. */
#define LOOK_MS 100
/* What most replies fit in. */
#define SEGMENT_FIRST ((uint64_t)8 << 10)
/* Datagrams in a segment, mostly. */
#define STARTS_FIRST 8

struct pynl_reply {
    uint32_t sequence, port, ahead;
    struct pynl_counts *counts;   /* may be NULL */
    struct pynl_segment *filling; /* the receiver's own, as all up to the lock */
    uint64_t next_capacity;
    uint8_t *final;
    int64_t deadline; /* of the datagram that is waited for, in ms of the monotonic clock; 0: none yet */

    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    struct pynl_segment *first, *last;
    uint32_t queued;
    bool canceled;
    struct pynl_state state;
};

struct pynl_segment *pynl_segment_new(const uint8_t *data, uint64_t size)
{
    struct pynl_segment *segment = calloc(1, sizeof(*segment));

    if (!segment)
        return NULL;
    segment->data = malloc(size ? size : 1);
    if (!segment->data) {
        free(segment);
        return NULL;
    }
    segment->capacity = size;
    if (data) {
        memcpy(segment->data, data, size);
        segment->size = size;
    }
    return segment;
}

void pynl_segment_free(struct pynl_segment *segment)
{
    while (segment) {
        struct pynl_segment *next = segment->next;

        free(segment->starts);
        free(segment->data);
        free(segment);
        segment = next;
    }
}

struct pynl_reply *pynl_reply_new(uint32_t sequence, uint32_t port, uint32_t ahead, struct pynl_counts *counts)
{
    struct pynl_reply *reply = calloc(1, sizeof(*reply));
    pthread_condattr_t attributes;

    if (!reply)
        return NULL;
    reply->sequence = sequence;
    reply->port = port;
    reply->ahead = ahead;
    reply->counts = counts;
    reply->next_capacity = SEGMENT_FIRST;
    pthread_mutex_init(&reply->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reply->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return reply;
}

void pynl_reply_free(struct pynl_reply *reply)
{
    if (!reply)
        return;
    pynl_segment_free(reply->filling);
    pynl_segment_free(reply->first);
    free(reply->final);
    pthread_cond_destroy(&reply->changed);
    pthread_mutex_destroy(&reply->lock);
    free(reply);
}

/* Queues what has been filled, and waits while the taker is `ahead` segments behind. */
static int queue_filled(struct pynl_reply *reply)
{
    struct pynl_segment *segment = reply->filling;
    uint8_t *fitted;
    int result = 0;

    if (!segment || !segment->size)
        return 0;
    reply->filling = NULL;
    fitted = realloc(segment->data, segment->size);
    if (fitted) {
        segment->data = fitted;
        segment->capacity = segment->size;
    }
    pthread_mutex_lock(&reply->lock);
    if (reply->last)
        reply->last->next = segment;
    else
        reply->first = segment;
    reply->last = segment;
    reply->queued++;
    pthread_cond_broadcast(&reply->changed);
    while (reply->ahead && reply->queued >= reply->ahead && !reply->canceled)
        pthread_cond_wait(&reply->changed, &reply->lock);
    if (reply->canceled)
        result = -ECANCELED;
    pthread_mutex_unlock(&reply->lock);
    return result;
}

/* Room for `size` bytes in the segment being filled. */
static int reserve(struct pynl_reply *reply, uint64_t size)
{
    struct pynl_segment *segment = reply->filling;
    int result;

    if (segment && segment->capacity - segment->size >= size)
        return 0;
    result = queue_filled(reply);
    if (result < 0)
        return result;
    pynl_segment_free(reply->filling);
    reply->filling = pynl_segment_new(NULL, size > reply->next_capacity ? size : reply->next_capacity);
    if (!reply->filling)
        return -ENOMEM;
    reply->next_capacity = SEGMENT_SIZE;
    return 0;
}

/* What one datagram adds to the state; merged under the lock once, at its end. */
struct gain {
    uint32_t flags, overrun, skipped;
    int32_t error;
    uint64_t messages, kept;
    bool mine;  /* it held a message of this request */
    bool begun; /* something of it is in a segment */
};

/* The kernel's error numbers, in linux/err.h. */
#define MAX_ERRNO 4095

/* Notes that a datagram begins here: the kernel fills one without letting go of what it lists. */
static int mark_start(struct pynl_segment *segment)
{
    if (segment->start_count == segment->start_capacity) {
        uint32_t capacity = segment->start_capacity ? 2 * segment->start_capacity : STARTS_FIRST;
        uint64_t *starts = realloc(segment->starts, capacity * sizeof(*starts));

        if (!starts)
            return -ENOMEM;
        segment->starts = starts;
        segment->start_capacity = capacity;
    }
    segment->starts[segment->start_count++] = segment->size;
    return 0;
}

/* Appends whole messages; a datagram may leave out the padding behind its last one. */
static int append(struct pynl_reply *reply, const uint8_t *data, uint64_t size, struct gain *gain)
{
    uint64_t padded = PYNL_ALIGN(size);
    uint8_t *to;
    int result;

    if (!size)
        return 0;
    result = reserve(reply, padded);
    if (!result && !gain->begun)
        result = mark_start(reply->filling);
    if (result < 0)
        return result;
    gain->begun = true;
    to = reply->filling->data + reply->filling->size;
    memcpy(to, data, size);
    memset(to + size, 0, padded - size);
    reply->filling->size += padded;
    gain->kept += padded;
    return 0;
}

static int keep_final(struct pynl_reply *reply, const uint8_t *data, uint64_t size)
{
    free(reply->final);
    reply->final = malloc(size ? size : 1);
    if (!reply->final)
        return -ENOMEM;
    memcpy(reply->final, data, size);
    pthread_mutex_lock(&reply->lock);
    reply->state.final = reply->final;
    reply->state.final_size = size;
    pthread_mutex_unlock(&reply->lock);
    return 0;
}

/* Reads the final message's error; 1 where it is one. A DONE may come without. */
static int final_error(const struct walk *w, struct gain *gain)
{
    int32_t error = 0;

    if (w->header.nlmsg_len >= MESSAGE_HEADER + sizeof(error))
        memcpy(&error, w->at + MESSAGE_HEADER, sizeof(error));
    else if (w->header.nlmsg_type == NLMSG_ERROR)
        return -EBADMSG;
    if (error > 0 || error < -MAX_ERRNO)
        return -EBADMSG;
    gain->error = -error;
    return 1;
}

/*
 * Sorts one datagram: runs of data messages of this request are kept as they came, the final message ends the
 * reply (1), all else is counted. NLMSG_DONE carries the dump's error, if any, as an int (absent on kernels that
 * had none to tell); NLMSG_ERROR carries it in struct nlmsgerr, where 0 is an ACK.
 */
static int sort_datagram(struct pynl_reply *reply, const uint8_t *data, uint64_t size, struct gain *gain)
{
    struct walk w = {.at = data, .left = size};
    uint64_t run = 0; /* where the messages begin that are kept but not yet appended */
    int result;

    for (; walk_message(&w); walk_next(&w)) {
        uint64_t at = size - w.left;
        bool mine = w.header.nlmsg_seq == reply->sequence && w.header.nlmsg_pid == reply->port;
        uint16_t type = w.header.nlmsg_type;

        gain->mine |= mine;
        gain->messages += mine;
        if (mine && type >= NLMSG_MIN_TYPE) {
            gain->flags |= w.header.nlmsg_flags;
            continue;
        }
        result = append(reply, data + run, at - run, gain);
        if (result < 0)
            return result;
        run = at + PYNL_ALIGN(w.header.nlmsg_len);
        if (type == NLMSG_OVERRUN) {
            gain->overrun++;
        } else if (mine && (type == NLMSG_DONE || type == NLMSG_ERROR)) {
            gain->flags |= w.header.nlmsg_flags;
            result = keep_final(reply, w.at, w.header.nlmsg_len);
            return result < 0 ? result : final_error(&w, gain);
        } else if (type != NLMSG_NOOP) {
            gain->skipped++;
        }
    }
    if (run < size - w.left) {
        result = append(reply, data + run, size - w.left - run, gain);
        if (result < 0)
            return result;
    }
    if (w.left) {
        result = keep_final(reply, w.at, w.left);
        return result < 0 ? result : -EBADMSG;
    }
    return 0;
}

static bool canceled(struct pynl_reply *reply)
{
    bool value;

    pthread_mutex_lock(&reply->lock);
    value = reply->canceled;
    pthread_mutex_unlock(&reply->lock);
    return value;
}

/* Publishes the result; the taker must not see the end before the last segment. */
static int finish(struct pynl_reply *reply, int result)
{
    int queued = queue_filled(reply);

    if (queued < 0 && result >= 0)
        result = queued;
    if (reply->counts && result == -ENOBUFS)
        count(&reply->counts->overruns, 1);
    if (reply->counts && result == -EMSGSIZE)
        count(&reply->counts->truncations, 1);
    pthread_mutex_lock(&reply->lock);
    if (reply->canceled) /* the socket was woken: it is not fit for another request */
        result = -ECANCELED;
    reply->state.result = result;
    pthread_cond_broadcast(&reply->changed);
    pthread_mutex_unlock(&reply->lock);
    return result;
}

/* How long the next datagram may still take, whatever the signals that came meanwhile. */
static int left_ms(struct pynl_reply *reply, int timeout_ms)
{
    struct timespec when;
    int64_t now;

    if (timeout_ms < 0)
        return timeout_ms;
    clock_gettime(CLOCK_MONOTONIC, &when);
    now = (int64_t)when.tv_sec * 1000 + when.tv_nsec / 1000000;
    if (!reply->deadline)
        reply->deadline = now + timeout_ms + (timeout_ms > 0); /* both ends are rounded down */
    return now < reply->deadline ? (int)(reply->deadline - now) : 0;
}

int pynl_reply_receive(struct pynl_reply *reply, const struct pynl_socket *socket, uint64_t limit, int timeout_ms)
{
    uint64_t received = 0;

    for (;;) {
        struct gain gain = {0};
        uint32_t sender = 0;
        int64_t size;
        int left, result = 0;

        if (canceled(reply))
            return finish(reply, -ECANCELED);
        left = left_ms(reply, timeout_ms);
        size = pynl_socket_receive(socket, left < 0 || left > LOOK_MS ? LOOK_MS : left, &sender);
        if (size == -EINTR || (size == -ETIMEDOUT && (left < 0 || left > LOOK_MS)))
            return -EINTR; /* not the end: the caller may call again */
        if (size < 0)
            return finish(reply, (int)size);
        if (sender)
            gain.skipped = 1;
        else
            result = sort_datagram(reply, socket->buffer, (uint64_t)size, &gain);
        if (gain.mine) /* others' messages buy no time */
            reply->deadline = 0;
        received += (uint64_t)size;
        if (reply->counts) {
            count(&reply->counts->messages, gain.messages);
            count(&reply->counts->bytes, (uint64_t)size);
            count(&reply->counts->overruns, gain.overrun);
        }
        pthread_mutex_lock(&reply->lock);
        reply->state.datagrams++;
        reply->state.bytes += (uint64_t)size;
        reply->state.flags |= gain.flags;
        reply->state.overrun += gain.overrun;
        reply->state.messages += gain.messages;
        reply->state.kept += gain.kept;
        reply->state.skipped += gain.skipped;
        reply->state.error = gain.error;
        pthread_mutex_unlock(&reply->lock);
        if (result)
            return finish(reply, result);
        if (limit && received >= limit)
            return finish(reply, 0);
    }
}

static void deadline_in(struct timespec *when, int timeout_ms)
{
    clock_gettime(CLOCK_MONOTONIC, when);
    when->tv_sec += timeout_ms / 1000;
    when->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (when->tv_nsec >= 1000000000) {
        when->tv_sec++;
        when->tv_nsec -= 1000000000;
    }
}

struct pynl_segment *pynl_reply_take(struct pynl_reply *reply, int timeout_ms)
{
    struct pynl_segment *segment;
    struct timespec when;

    if (timeout_ms > 0)
        deadline_in(&when, timeout_ms);
    pthread_mutex_lock(&reply->lock);
    while (!reply->first && !reply->state.result && timeout_ms > 0)
        if (pthread_cond_timedwait(&reply->changed, &reply->lock, &when))
            break;
    segment = reply->first;
    if (segment) {
        reply->first = segment->next;
        if (!reply->first)
            reply->last = NULL;
        segment->next = NULL;
        reply->queued--;
        if (reply->ahead)
            pthread_cond_broadcast(&reply->changed);
    }
    pthread_mutex_unlock(&reply->lock);
    return segment;
}

/* The socket is woken only while the receiver has not ended: afterwards another request may be using it. */
void pynl_reply_cancel(struct pynl_reply *reply, const struct pynl_socket *socket)
{
    pthread_mutex_lock(&reply->lock);
    reply->canceled = true;
    if (!reply->state.result)
        pynl_socket_wake(socket);
    pthread_cond_broadcast(&reply->changed);
    pthread_mutex_unlock(&reply->lock);
}

void pynl_reply_state(struct pynl_reply *reply, struct pynl_state *out)
{
    pthread_mutex_lock(&reply->lock);
    *out = reply->state;
    pthread_mutex_unlock(&reply->lock);
}
