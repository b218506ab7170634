/*
 * Nested attributes as a flat list, for what is too deep or too rare for columns. An attribute whose inside is
 * malformed is listed as undeclared (field -1) without its inside, so that its bytes stay reachable and the rest
 * of the message is not lost.
 */
#include "internal.h"

#include <linux/rtnetlink.h>

struct tape {
    const struct pynl_plan *plan;
    const uint8_t *start; /* what offsets count from */
    struct pynl_entry *out;
    uint64_t count, room;
    uint32_t row;
};

static int write_inside(struct tape *tape, const struct pynl_field *field, const uint8_t *data, uint64_t size,
                        uint16_t depth);

static int64_t add(struct tape *tape, const struct pynl_entry *entry)
{
    if (tape->count >= tape->room)
        return -ENOSPC;
    tape->out[tape->count] = *entry;
    tape->out[tape->count].row = tape->row;
    return (int64_t)tape->count++;
}

/* Adds an entry and, where its field nests, all below it. */
static int write_entry(struct tape *tape, const struct pynl_entry *entry)
{
    const struct pynl_field *field = entry->field < 0 ? NULL : &tape->plan->fields[entry->field];
    int64_t at = add(tape, entry);
    int result;

    if (at < 0)
        return (int)at;
    if (!field || field->level < 0)
        return 0;
    result = write_inside(tape, field, tape->start + entry->offset, entry->length, (uint16_t)(entry->depth + 1));
    if (result == -EBADMSG) {
        tape->count = (uint64_t)at + 1;
        tape->out[at].field = -1;
        return 0;
    }
    return result;
}

/* A level's fixed header, which Python reads, then its attributes. */
static int write_level(struct tape *tape, uint32_t number, const uint8_t *data, uint64_t size, uint16_t depth)
{
    const struct pynl_level *level = &tape->plan->levels[number];
    struct attributes a;

    if (depth > PYNL_DEPTH || size < level->header)
        return -EBADMSG;
    for (a = attributes_of(level, data, size); walk_attribute(&a); walk_next_attribute(&a)) {
        struct pynl_entry entry = {
            .offset = (uint32_t)(a.payload - tape->start),
            .length = a.length,
            .type = a.type,
            .field = (int16_t)field_of(tape->plan, level, a.type),
            .depth = depth,
            .flags = a.flags,
        };
        int result = write_entry(tape, &entry);

        if (result < 0)
            return result;
    }
    return a.left ? -EBADMSG : 0;
}

/* struct rtnexthop: its length, then what a level holds; the lengths chain, padded to 4 bytes. */
static int write_hops(struct tape *tape, const struct pynl_field *field, const uint8_t *data, uint64_t size,
                      uint16_t depth)
{
    uint16_t index = 0;

    while (size) {
        struct pynl_entry entry = {.type = index++, .field = -1, .depth = depth};
        uint64_t length, step;
        int result;

        if (size < sizeof(struct rtnexthop))
            return -EBADMSG;
        length = load16(data);
        if (length < sizeof(struct rtnexthop) || length > size)
            return -EBADMSG;
        entry.offset = (uint32_t)(data - tape->start);
        entry.length = (uint32_t)length;
        entry.field = (int16_t)(field - tape->plan->fields);
        if (add(tape, &entry) < 0)
            return -ENOSPC;
        result = write_level(tape, (uint32_t)field->level, data, length, (uint16_t)(depth + 1));
        if (result < 0)
            return result;
        step = PYNL_ALIGN(length) < size ? PYNL_ALIGN(length) : size;
        data += step;
        size -= step;
    }
    return 0;
}

/* The elements of an indexed array stand one deeper, each the content of one level. */
static int write_indexed(struct tape *tape, const struct pynl_field *field, const uint8_t *data, uint64_t size,
                         uint16_t depth)
{
    struct attributes a = {.at = data, .left = size};

    for (; walk_attribute(&a); walk_next_attribute(&a)) {
        struct pynl_entry entry = {
            .offset = (uint32_t)(a.payload - tape->start),
            .length = a.length,
            .type = a.type,
            .field = (int16_t)(field - tape->plan->fields),
            .depth = depth,
            .flags = a.flags,
        };
        int result;

        if (add(tape, &entry) < 0)
            return -ENOSPC;
        result = write_level(tape, (uint32_t)field->level, a.payload, a.length, (uint16_t)(depth + 1));
        if (result < 0)
            return result;
    }
    return a.left ? -EBADMSG : 0;
}

static int write_inside(struct tape *tape, const struct pynl_field *field, const uint8_t *data, uint64_t size,
                        uint16_t depth)
{
    if (depth > PYNL_DEPTH)
        return -EBADMSG;
    switch (field->kind) {
    case PYNL_HOPS:
        return write_hops(tape, field, data, size, depth);
    case PYNL_INDEXED:
        return write_indexed(tape, field, data, size, depth);
    default:
        return write_level(tape, (uint32_t)field->level, data, size, depth);
    }
}

int64_t pynl_table_tape(const struct pynl_table *table, const struct pynl_plan *plan, int32_t type, uint64_t first,
                        uint64_t count, struct pynl_entry *out, uint64_t room)
{
    struct tape tape = {.plan = plan, .out = out, .room = room};
    const struct pynl_level *level = &plan->levels[0];
    uint64_t i;

    for (i = 0; i < count; i++) {
        const uint8_t *message = table->messages[first + i];
        struct attributes a = attributes_of(level, message + MESSAGE_HEADER, load32(message) - MESSAGE_HEADER);

        tape.start = message;
        tape.row = (uint32_t)i;
        for (; walk_attribute(&a); walk_next_attribute(&a)) {
            struct pynl_entry entry = {
                .offset = (uint32_t)(a.payload - message),
                .length = a.length,
                .type = a.type,
                .field = (int16_t)field_of(plan, level, a.type),
                .flags = a.flags,
            };
            int result;

            if (type >= 0 && a.type != type)
                continue;
            result = write_entry(&tape, &entry);
            if (result < 0)
                return result;
        }
    }
    return (int64_t)tape.count;
}

int64_t pynl_tape(const struct pynl_plan *plan, uint32_t level, const uint8_t *data, uint64_t size,
                  struct pynl_entry *out, uint64_t room)
{
    struct tape tape = {.plan = plan, .start = data, .out = out, .room = room};
    int result;

    if (level >= plan->level_count || size > UINT32_MAX)
        return -EINVAL;
    result = write_level(&tape, level, data, size, 0);
    return result < 0 ? result : (int64_t)tape.count;
}
