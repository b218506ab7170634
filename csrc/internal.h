/* What the C files share and Python does not see: safe loads, and the walk over messages and attributes. */
#ifndef PYNL_INTERNAL_H
#define PYNL_INTERNAL_H

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pynl.h"

/* As linux/netlink.h has them, but unsigned. */
#define ATTRIBUTE_HEADER ((uint16_t)sizeof(struct nlattr))
#define ATTRIBUTE_TYPE ((uint16_t)NLA_TYPE_MASK)
#define MESSAGE_HEADER ((uint32_t)sizeof(struct nlmsghdr))
#define PYNL_ALIGN(length) (((uint64_t)(length) + 3) & ~(uint64_t)3)

/* The kernel bounds nesting in its own parsers at 10; deeper input is malformed. */
#define PYNL_DEPTH 16

static inline uint16_t load16(const uint8_t *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

/* Zeroed memory. What is large is asked for in huge pages where the system has them: taking a million routes' memory
   in pages of 4 KB costs a tenth of the time that the kernel needs to hand them over. */
static inline void *zeroed(uint64_t size)
{
    const uint64_t large = (uint64_t)2 << 20, page = 4096, small = 1024;
    uint8_t *memory;

    if (size <= small) { /* malloc() has some at hand, calloc() has not (glibc before 2.41) */
        memory = malloc(size ? size : 1);
        return memory ? memset(memory, 0, size) : NULL;
    }
    memory = calloc(1, size);
    if (memory && size >= large) {
        uint8_t *start = memory + (page - (uint64_t)(uintptr_t)memory % page) % page;

        madvise(start, (size - page) / page * page, MADV_HUGEPAGE); /* advice: whatever comes of it */
    }
    return memory;
}

/* Integers of 1, 2, 4 or 8 bytes in host order. */
static inline uint64_t load_uint(const uint8_t *p, uint32_t size)
{
    uint64_t value;

    switch (size) {
    case 1:
        return *p;
    case 2:
        return load16(p);
    case 4:
        return load32(p);
    default:
        memcpy(&value, p, sizeof(value));
        return value;
    }
}

static inline void store_uint(uint8_t *p, uint32_t size, uint64_t value)
{
    const uint16_t half = (uint16_t)value;
    const uint32_t word = (uint32_t)value;

    switch (size) {
    case 1:
        *p = (uint8_t)value;
        break;
    case 2:
        memcpy(p, &half, sizeof(half));
        break;
    case 4:
        memcpy(p, &word, sizeof(word));
        break;
    default:
        memcpy(p, &value, sizeof(value));
    }
}

/*
 * The walk over messages: true while `at` is at a whole message, whose header it then holds. False at the end
 * (left == 0), or where the rest cannot be a message (left != 0).
 */
struct walk {
    const uint8_t *at;
    uint64_t left;
    struct nlmsghdr header;
};

static inline bool walk_message(struct walk *w)
{
    if (w->left < sizeof(w->header))
        return false;
    memcpy(&w->header, w->at, sizeof(w->header));
    return w->header.nlmsg_len >= sizeof(w->header) && w->header.nlmsg_len <= w->left;
}

/* The last message may come without the padding behind it. */
static inline void walk_next(struct walk *w)
{
    uint64_t step = PYNL_ALIGN(w->header.nlmsg_len);

    if (step > w->left)
        step = w->left;
    w->at += step;
    w->left -= step;
}

/* The walk over attributes, of the same shape. Fewer than four bytes at the end are no attribute: malformed. */
struct attributes {
    const uint8_t *at;
    uint64_t left;
    uint16_t type; /* without the NLA_F_* bits */
    uint16_t flags;
    uint16_t length; /* of the payload */
    const uint8_t *payload;
};

static inline bool walk_attribute(struct attributes *a)
{
    uint16_t length, type;

    if (a->left < ATTRIBUTE_HEADER)
        return false;
    length = load16(a->at);
    type = load16(a->at + 2);
    if (length < ATTRIBUTE_HEADER || length > a->left)
        return false;
    a->type = type & ATTRIBUTE_TYPE;
    a->flags = type & (uint16_t)~ATTRIBUTE_TYPE;
    a->length = (uint16_t)(length - ATTRIBUTE_HEADER);
    a->payload = a->at + ATTRIBUTE_HEADER;
    return true;
}

static inline void walk_next_attribute(struct attributes *a)
{
    uint64_t step = PYNL_ALIGN(a->length + ATTRIBUTE_HEADER);

    if (step > a->left)
        step = a->left;
    a->at += step;
    a->left -= step;
}

/* The attributes behind a level's fixed header. */
static inline struct attributes attributes_of(const struct pynl_level *level, const uint8_t *data, uint64_t size)
{
    uint64_t header = PYNL_ALIGN(level->header);

    if (size <= header)
        return (struct attributes){.at = data + size};
    return (struct attributes){.at = data + header, .left = size - header};
}

/* Of struct pynl_counts. */
static inline void count(uint64_t *what, uint64_t by)
{
    __atomic_fetch_add(what, by, __ATOMIC_RELAXED);
}

static inline bool has_value(const struct pynl_column *column, uint64_t row)
{
    return column->valid && column->valid[row >> 3] >> (row & 7) & 1;
}

/* The field that a level declares for an attribute type, or -1. */
static inline int field_of(const struct pynl_plan *plan, const struct pynl_level *level, uint16_t type)
{
    return type < level->types ? plan->lookup[level->lookup + type] : -1;
}

/* ---- table.c, for those that fill tables: 0 or -errno; where memory ends, what is there stays as it was ---- */

/* A larger, zeroed copy in place of *memory. */
int enlarge(void *memory, uint64_t used, uint64_t size);
/* Makes one column hold `capacity` rows, of which `rows` are in use. */
int column_reserve(struct pynl_column *column, uint64_t rows, uint64_t capacity);
/* Makes room for longer addresses. */
int column_widen(struct pynl_column *column, uint64_t rows, uint64_t capacity, uint32_t width);
/* Makes room for more rows, in every column that is there. */
int table_reserve(struct pynl_table *table);
/* A segment of the table with room for one message more; NULL where there is no memory. */
struct pynl_segment *table_room(struct pynl_table *table, uint64_t size);

#endif
