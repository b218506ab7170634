/*
 * Rows by key. An index is an open hash table of row numbers; rows of the same key are a ring, in their order, and the
 * slot has the last of them. It holds no values: it is used together with the table whose rows it knows.
 */
#define _DEFAULT_SOURCE
#include "internal.h"

#define SLOTS_FIRST ((uint64_t)64)

struct slot {
    uint32_t hash;
    uint32_t last; /* the last row of the key, plus 1; 0: the slot is free */
};

struct pynl_index {
    struct slot *slots;
    uint32_t *next; /* row -> the next of the same key; of the last one: the first */
    uint64_t slot_count;
    uint64_t used;
    uint64_t rows;
    uint64_t capacity; /* of `next` */
};

/* A value as bytes that are the same for equal values. */
struct value {
    const uint8_t *data;
    uint64_t size;
    uint64_t number; /* what `data` points to, of numbers */
};

/* The payload of a row's attribute as it is in its message. */
static bool raw_value(const struct pynl_table *table, const struct pynl_plan *plan, uint16_t type, uint64_t row,
                      struct value *out)
{
    const uint8_t *message = table->messages[row];
    struct attributes a = attributes_of(&plan->levels[0], message + MESSAGE_HEADER, load32(message) - MESSAGE_HEADER);

    for (; walk_attribute(&a); walk_next_attribute(&a))
        if (a.type == type) {
            out->data = a.payload;
            out->size = a.length;
            return true;
        }
    return false;
}

static bool value_at(const struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_term *term,
                     uint64_t row, struct value *out)
{
    const struct pynl_column *column = &table->columns[term->column];
    const int32_t *offsets;

    if (!has_value(column, row))
        return false;
    switch (column->kind) {
    case PYNL_DEEP:
        return raw_value(table, plan, term->type, row, out);
    case PYNL_TEXT:
        offsets = (const int32_t *)(const void *)column->values;
        out->size = (uint64_t)(offsets[row + 1] - offsets[row]);
        out->data = out->size ? column->text + offsets[row] : NULL; /* there may be no text at all */
        return true;
    case PYNL_ADDRESS:
        out->data = column->values + row * column->width;
        out->size = column->lengths[row];
        return true;
    default:
        out->number = load_uint(column->values + row * column->width, column->width) & term->mask;
        out->data = (const uint8_t *)&out->number;
        out->size = sizeof(out->number);
        return true;
    }
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

static uint32_t hash_of(const struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_term *terms,
                        uint32_t count, uint64_t row)
{
    uint64_t hash = 1, word;
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct value v;

        if (!value_at(table, plan, &terms[i], row, &v)) {
            hash = mix(hash, 0);
            continue;
        }
        hash = mix(hash, v.size);
        for (; v.size >= sizeof(word); v.data += sizeof(word), v.size -= sizeof(word)) {
            memcpy(&word, v.data, sizeof(word));
            hash = mix(hash, word);
        }
        if (v.size) {
            word = 0;
            memcpy(&word, v.data, v.size);
            hash = mix(hash, word);
        }
    }
    return (uint32_t)(hash >> 32);
}

/* Whether two rows were decoded from the same bytes, as most are that were dumped twice. */
static bool same_bytes(const uint8_t *one, const uint8_t *other)
{
    uint32_t size = load32(one);

    return size == load32(other) && !memcmp(one + MESSAGE_HEADER, other + MESSAGE_HEADER, size - MESSAGE_HEADER);
}

/* Whether a row is as another: a lenient term does not ask for what the other lacks. */
static bool alike(const struct pynl_plan *plan, const struct pynl_term *terms, uint32_t count,
                  const struct pynl_table *table, uint64_t row, const struct pynl_table *other, uint64_t other_row)
{
    uint32_t i;

    if (same_bytes(table->messages[row], other->messages[other_row]))
        return true;
    for (i = 0; i < count; i++) {
        struct value a, b;
        bool there = value_at(table, plan, &terms[i], row, &a),
             wanted = value_at(other, plan, &terms[i], other_row, &b);

        if (!wanted && (!there || terms[i].lenient))
            continue;
        if (there != wanted || a.size != b.size || (a.size && memcmp(a.data, b.data, a.size) != 0))
            return false;
    }
    return true;
}

/* The most terms that are thinned out; with more of them all are looked at. */
#define TERMS 128

struct thinned {
    struct pynl_keys keys;
    struct pynl_term content[TERMS];
};

static const struct pynl_term *thin_terms(const struct pynl_term *terms, uint32_t *count, struct pynl_term *out,
                                          const struct pynl_table *table, const struct pynl_table *other)
{
    uint32_t i, kept = 0;

    if (*count > TERMS)
        return terms;
    for (i = 0; i < *count; i++)
        if (table->columns[terms[i].column].valid || other->columns[terms[i].column].valid)
            out[kept++] = terms[i];
    *count = kept;
    return out;
}

/* Leaves out the terms of the content that no row has in either table. The key's stay: they make the hash. */
static const struct pynl_keys *thin(const struct pynl_keys *keys, struct thinned *out, const struct pynl_table *table,
                                    const struct pynl_table *other)
{
    out->keys = *keys;
    out->keys.content = thin_terms(keys->content, &out->keys.content_terms, out->content, table, other);
    return &out->keys;
}

struct pynl_index *pynl_index_new(void)
{
    return calloc(1, sizeof(struct pynl_index));
}

void pynl_index_free(struct pynl_index *index)
{
    if (!index)
        return;
    free(index->slots);
    free(index->next);
    free(index);
}

/* Makes room for `rows` rows at half of the slots at most. */
static int reserve(struct pynl_index *index, uint64_t rows)
{
    uint64_t count = index->slot_count ? index->slot_count : SLOTS_FIRST, i;
    struct slot *slots;

    if (rows >= UINT32_MAX)
        return -EOVERFLOW;
    if (rows > index->capacity) {
        uint64_t capacity = index->capacity * 2 > rows ? index->capacity * 2 : rows;
        uint32_t *next = realloc(index->next, capacity * sizeof(*next));

        if (!next)
            return -ENOMEM;
        index->next = next;
        index->capacity = capacity;
    }
    while (count < rows * 2)
        count *= 2;
    if (count == index->slot_count)
        return 0;
    slots = zeroed(count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (i = 0; i < index->slot_count; i++) {
        uint64_t at = index->slots[i].hash & (count - 1);

        if (!index->slots[i].last)
            continue;
        while (slots[at].last)
            at = (at + 1) & (count - 1);
        slots[at] = index->slots[i];
    }
    free(index->slots);
    index->slots = slots;
    index->slot_count = count;
    return 0;
}

/* The slot of a key, or the free one where it would be. */
static struct slot *slot_of(const struct pynl_index *index, const struct pynl_keys *keys,
                            const struct pynl_table *table, uint32_t hash, const struct pynl_table *other, uint64_t row)
{
    uint64_t at = hash & (index->slot_count - 1);

    for (;; at = (at + 1) & (index->slot_count - 1)) {
        struct slot *slot = &index->slots[at];

        if (!slot->last ||
            (slot->hash == hash && alike(keys->plan, keys->key, keys->key_terms, table, slot->last - 1, other, row)))
            return slot;
    }
}

/* Rows that are hashed ahead, so that their slots are on the way to the cache when they are looked at. */
#define AHEAD 16

static uint32_t hash_ahead(const struct pynl_index *index, const struct pynl_keys *keys, const struct pynl_table *table,
                           uint64_t first, uint64_t last, uint32_t *hashes)
{
    uint32_t i, count = last - first < AHEAD ? (uint32_t)(last - first) : AHEAD;

    for (i = 0; i < count; i++) {
        hashes[i] = hash_of(table, keys->plan, keys->key, keys->key_terms, first + i);
        __builtin_prefetch(&index->slots[hashes[i] & (index->slot_count - 1)]);
    }
    return count;
}

int64_t pynl_index_extend(struct pynl_index *index, const struct pynl_keys *keys, const struct pynl_table *table,
                          uint8_t *repeated)
{
    uint64_t repeats = 0, known = index->rows;
    int result = reserve(index, table->rows);
    struct thinned thinned;

    if (result < 0)
        return result;
    keys = thin(keys, &thinned, table, table);
    while (index->rows < table->rows) {
        uint32_t hashes[AHEAD], i, count = hash_ahead(index, keys, table, index->rows, table->rows, hashes);

        for (i = 0; i < count; i++) {
            uint32_t row = (uint32_t)index->rows++;
            struct slot *slot = slot_of(index, keys, table, hashes[i], table, row);

            index->next[row] = row;
            if (slot->last) {
                uint32_t first = index->next[slot->last - 1], same = first;

                for (;;) {
                    if (alike(keys->plan, keys->content, keys->content_terms, table, same, table, row)) {
                        repeats++;
                        if (repeated)
                            repeated[row - known] = 1;
                        break;
                    }
                    if (same == slot->last - 1)
                        break;
                    same = index->next[same];
                }
                index->next[row] = first;
                index->next[slot->last - 1] = row;
            }
            slot->hash = hashes[i];
            slot->last = row + 1;
        }
    }
    return (int64_t)repeats;
}

int64_t pynl_index_match(const struct pynl_index *index, const struct pynl_keys *keys, const struct pynl_table *table,
                         const struct pynl_table *other, uint64_t first, uint64_t count, int32_t *rows, uint8_t *seen)
{
    uint64_t at = first, last = first + count;
    struct thinned thinned;
    int64_t equal = 0;

    keys = thin(keys, &thinned, table, other);
    if (!index->slot_count) { /* it has no rows */
        for (; at < last; at++)
            rows[at - first] = -1;
        return 0;
    }
    while (at < last) {
        uint32_t hashes[AHEAD], i, some = hash_ahead(index, keys, other, at, last, hashes);

        for (i = 0; i < some; i++, at++) {
            const struct slot *slot = slot_of(index, keys, table, hashes[i], other, at);
            uint32_t row;

            rows[at - first] = -1;
            if (!slot->last)
                continue;
            row = index->next[slot->last - 1];
            rows[at - first] = -2 - (int32_t)row;
            for (;; row = index->next[row]) {
                /* Where an earlier row has taken it, there may be another. */
                if ((!seen || !seen[row]) &&
                    alike(keys->plan, keys->content, keys->content_terms, table, row, other, at)) {
                    rows[at - first] = (int32_t)row;
                    if (seen) {
                        seen[row] = 1;
                        equal++;
                    }
                    break;
                }
                if (row == slot->last - 1)
                    break;
            }
        }
    }
    return equal;
}

int64_t pynl_index_next(const struct pynl_index *index, uint64_t row)
{
    return row < index->rows ? (int64_t)index->next[row] : -EINVAL;
}

int pynl_table_same(const struct pynl_table *table, uint64_t row, const struct pynl_table *other, uint64_t other_row)
{
    return row < table->rows && other_row < other->rows && same_bytes(table->messages[row], other->messages[other_row]);
}

int64_t pynl_table_take(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_table *other,
                        const uint8_t *without, uint64_t first, uint64_t count)
{
    int64_t taken = 0;
    uint64_t row;

    for (row = first; row < first + count && row < other->rows; row++) {
        const uint8_t *message = other->messages[row];
        int result;

        if (without && without[row - first])
            continue;
        result = pynl_table_append(table, plan, NULL, 0, message, load32(message));
        if (result < 0)
            return result;
        taken += result;
    }
    return taken;
}
