/* Many short arrays in one stretch of memory, which grow and shrink by an element at a time (lpm.c). */
#ifndef PYNL_POOL_H
#define PYNL_POOL_H

#include "internal.h"

#define CLASSES 6 /* arrays of up to 1, 2, 4 ... 32 elements */

/* Arrays, each in a block of a power of two elements. Element 0 is nobody's: it stands for none. */
struct pool {
    uint8_t *memory;
    uint32_t size; /* of an element */
    uint32_t used;
    uint32_t capacity;
    uint32_t free[CLASSES]; /* the first block of each class that is to be had; it begins with the next one's number */
};

static inline uint32_t class_of(uint32_t count)
{
    return count < 2 ? 0 : 32 - (uint32_t)__builtin_clz(count - 1);
}

static inline uint8_t *element(const struct pool *pool, uint32_t at)
{
    return pool->memory + (uint64_t)at * pool->size;
}

static inline bool grow(void **memory, uint32_t size, uint32_t used, uint32_t *capacity, uint32_t wanted)
{
    uint64_t more = *capacity ? *capacity : 64;
    void *made;

    while (more < wanted)
        more *= 2;
    if (more > UINT32_MAX || !(made = zeroed(more * size)))
        return false;
    if (used)
        memcpy(made, *memory, (uint64_t)used * size);
    free(*memory);
    *memory = made;
    *capacity = (uint32_t)more;
    return true;
}

/* A block; 0 where there is no memory. */
static inline uint32_t take(struct pool *pool, uint32_t class)
{
    uint32_t at = pool->free[class], count = (uint32_t)1 << class;
    void *memory = pool->memory;

    if (at) {
        pool->free[class] = load32(element(pool, at));
        return at;
    }
    if (pool->capacity - pool->used < count) {
        if (pool->used > UINT32_MAX - count ||
            !grow(&memory, pool->size, pool->used, &pool->capacity, pool->used + count))
            return 0;
        pool->memory = memory;
    }
    at = pool->used;
    pool->used += count;
    return at;
}

static inline void give(struct pool *pool, uint32_t at, uint32_t class)
{
    memcpy(element(pool, at), &pool->free[class], sizeof(at));
    pool->free[class] = at;
}

/* Puts an element into an array of `count`. `start` must not point into the pool, which may move. */
static inline bool put(struct pool *pool, uint32_t *start, uint32_t count, uint32_t place, const void *value)
{
    uint8_t *at;

    if (!(count & (count - 1))) { /* its block is full */
        uint32_t to = take(pool, class_of(count + 1));

        if (!to)
            return false;
        if (count) {
            memcpy(element(pool, to), element(pool, *start), (uint64_t)count * pool->size);
            give(pool, *start, class_of(count));
        }
        *start = to;
    }
    at = element(pool, *start + place);
    memmove(at + pool->size, at, (uint64_t)(count - place) * pool->size);
    memcpy(at, value, pool->size);
    return true;
}

static inline void drop(struct pool *pool, uint32_t *start, uint32_t count, uint32_t place)
{
    uint8_t *at = element(pool, *start + place);
    uint32_t left = count - 1, class = class_of(left), to;

    memmove(at, at + pool->size, (uint64_t)(left - place) * pool->size);
    if (!left) {
        give(pool, *start, 0);
        *start = 0;
    } else if (!(left & (left - 1))) { /* half its block will do */
        if ((to = take(pool, class))) {
            memcpy(element(pool, to), element(pool, *start), (uint64_t)left * pool->size);
            give(pool, *start, class + 1);
            *start = to;
        } else {
            give(pool, *start + left, class); /* without memory: removing does not fail */
        }
    }
}

#endif
