/*
 * Longest-prefix match: a trie of five bits a level. A node has the prefixes of 0 to 4 bits that end in it, and a child
 * for each next five bits; both as a bitmap and an array of those that there are. So every prefix is in one place only, to
 * add or remove one touches one array, and /24, /64 and /0 each end where a level does.
 */
#include "pool.h"

#include <endian.h>
#include <sys/socket.h>

#define STRIDE 5
#define DEPTH (128 / STRIDE + 1)
#define LANES 24 /* look-ups that wait for memory at the same time */
#define ROOT 1   /* of IPv4; that of IPv6 is behind it */
/* A link to a row is (row + 1) << 1, and 1 more where -1 is found in its place. */
#define LAST 1u /* a link: no row comes behind */
#define MOST_ROWS ((uint32_t)1 << 30)

struct node {
    uint32_t prefixes; /* bit 1 << n | (the first n bits): a prefix ends here */
    uint32_t children; /* bit (the first five bits) */
    uint32_t heads;    /* where its links start, one for each of `prefixes`, */
    uint32_t child;    /* and its nodes, one for each of `children` */
};

struct route { /* of one row */
    uint32_t rank;
    uint32_t next; /* 0: the row is not in the trie; otherwise a link to the next of the same prefix, or LAST */
};

struct pynl_lpm {
    struct pool nodes;
    struct pool heads;
    struct route *routes;
    uint32_t capacity; /* of routes */
    uint32_t count;    /* rows in the trie */
};

struct key { /* an address, the next bits first */
    uint64_t high;
    uint64_t low;
};

/* The way to a node. */
struct trail {
    uint32_t nodes[DEPTH];
    uint8_t chunks[DEPTH];
};

/* By hand: the compiler may not count on an instruction for it, and would call a function. */
static uint32_t ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555;
    bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
    return ((bits + (bits >> 4)) & 0x0f0f0f0f) * 0x01010101u >> 24;
}

/* How many of the bits come before this one: the place of its element. */
static uint32_t before(uint32_t bits, uint32_t bit)
{
    return ones(bits & (((uint32_t)1 << bit) - 1));
}

static struct node *node_at(const struct pynl_lpm *lpm, uint32_t at)
{
    return (struct node *)(void *)element(&lpm->nodes, at);
}

static uint32_t *head_at(const struct pynl_lpm *lpm, uint32_t at)
{
    return (uint32_t *)(void *)element(&lpm->heads, at);
}

static struct key key_of(const uint8_t *address, uint32_t width)
{
    uint8_t bytes[16] = {0};
    struct key key;

    memcpy(bytes, address, width);
    memcpy(&key, bytes, sizeof(key));
    return (struct key){be64toh(key.high), be64toh(key.low)};
}

static uint32_t chunk_of(const struct key *key)
{
    return (uint32_t)(key->high >> (64 - STRIDE));
}

static void advance(struct key *key)
{
    key->high = key->high << STRIDE | key->low >> (64 - STRIDE);
    key->low <<= STRIDE;
}

static uint32_t root_of(uint32_t width)
{
    return width == 4 ? ROOT : ROOT + 1;
}

struct pynl_lpm *pynl_lpm_new(void)
{
    struct pynl_lpm *lpm = calloc(1, sizeof(*lpm));

    if (!lpm)
        return NULL;
    lpm->nodes.size = sizeof(struct node);
    lpm->heads.size = sizeof(uint32_t);
    take(&lpm->nodes, 2);
    take(&lpm->heads, 0);
    if (!lpm->nodes.memory || !lpm->heads.memory) {
        pynl_lpm_free(lpm);
        return NULL;
    }
    return lpm;
}

void pynl_lpm_free(struct pynl_lpm *lpm)
{
    if (!lpm)
        return;
    free(lpm->nodes.memory);
    free(lpm->heads.memory);
    free(lpm->routes);
    free(lpm);
}

uint32_t pynl_lpm_count(const struct pynl_lpm *lpm)
{
    return lpm->count;
}

/* Removes the nodes at the end of a trail that have nothing any more. */
static void prune(struct pynl_lpm *lpm, const struct trail *trail, uint32_t level)
{
    for (; level; level--) {
        const struct node *node = node_at(lpm, trail->nodes[level]);
        uint32_t above = trail->nodes[level - 1], chunk = trail->chunks[level - 1], bits, start;

        if (node->prefixes | node->children)
            return;
        bits = node_at(lpm, above)->children;
        start = node_at(lpm, above)->child;
        drop(&lpm->nodes, &start, ones(bits), before(bits, chunk));
        node_at(lpm, above)->child = start;
        node_at(lpm, above)->children = bits & ~((uint32_t)1 << chunk);
    }
}

/* Goes `levels` down, where `make` with the nodes that are not there yet. Returns how far it came. */
static uint32_t descend(struct pynl_lpm *lpm, struct key *key, uint32_t root, uint32_t levels, bool make,
                        struct trail *trail)
{
    static const struct node empty;
    uint32_t level;

    trail->nodes[0] = root;
    for (level = 0; level < levels; level++) {
        const uint32_t chunk = chunk_of(key), at = trail->nodes[level];
        const uint32_t bits = node_at(lpm, at)->children, place = before(bits, chunk);
        uint32_t start = node_at(lpm, at)->child;

        if (!(bits >> chunk & 1)) {
            if (!make || !put(&lpm->nodes, &start, ones(bits), place, &empty))
                break;
            node_at(lpm, at)->child = start;
            node_at(lpm, at)->children = bits | (uint32_t)1 << chunk;
        }
        trail->chunks[level] = (uint8_t)chunk;
        trail->nodes[level + 1] = start + place;
        advance(key);
    }
    return level;
}

/* The bit of a prefix in its node. */
static uint32_t bit_of(const struct key *key, uint32_t length)
{
    uint32_t bits = length % STRIDE;

    return (uint32_t)1 << bits | chunk_of(key) >> (STRIDE - bits);
}

static bool sound(uint32_t width, uint32_t length, uint32_t row)
{
    return (width == 4 || width == 16) && length <= 8 * width && row < MOST_ROWS;
}

int pynl_lpm_insert(struct pynl_lpm *lpm, const uint8_t *address, uint32_t width, uint32_t length, uint32_t rank,
                    uint32_t row, uint32_t flags)
{
    const uint32_t levels = length / STRIDE, link = (row + 1) << 1 | (flags & PYNL_LPM_NONE ? 1 : 0);
    void *routes = lpm->routes;
    struct trail trail;
    struct key key;
    uint32_t level, bit, bits, start, *at;

    if (!sound(width, length, row))
        return -EINVAL;
    if (row >= lpm->capacity && !grow(&routes, sizeof(struct route), lpm->capacity, &lpm->capacity, row + 1))
        return -ENOMEM;
    lpm->routes = routes;
    if (lpm->routes[row].next)
        return -EEXIST;
    key = key_of(address, width);
    level = descend(lpm, &key, root_of(width), levels, true, &trail);
    bit = bit_of(&key, length);
    bits = node_at(lpm, trail.nodes[level])->prefixes;
    start = node_at(lpm, trail.nodes[level])->heads;
    if (level < levels ||
        (!(bits >> bit & 1) && !put(&lpm->heads, &start, ones(bits), before(bits, bit), &(uint32_t){LAST}))) {
        prune(lpm, &trail, level);
        return -ENOMEM;
    }
    node_at(lpm, trail.nodes[level])->prefixes = bits | (uint32_t)1 << bit;
    node_at(lpm, trail.nodes[level])->heads = start;
    for (at = head_at(lpm, start + before(bits, bit)); *at != LAST; at = &lpm->routes[(*at >> 1) - 1].next) {
        const uint32_t other = lpm->routes[(*at >> 1) - 1].rank;

        if (other > rank || (other == rank && flags & PYNL_LPM_FIRST))
            break;
    }
    lpm->routes[row] = (struct route){.rank = rank, .next = *at};
    *at = link;
    lpm->count++;
    return 0;
}

int pynl_lpm_remove(struct pynl_lpm *lpm, const uint8_t *address, uint32_t width, uint32_t length, uint32_t row)
{
    struct trail trail;
    struct node *node;
    struct key key;
    uint32_t level, bit, place, *head, *at;

    if (!sound(width, length, row))
        return -EINVAL;
    key = key_of(address, width);
    level = descend(lpm, &key, root_of(width), length / STRIDE, false, &trail);
    node = node_at(lpm, trail.nodes[level]);
    bit = bit_of(&key, length);
    if (level < length / STRIDE || !(node->prefixes >> bit & 1))
        return -ENOENT;
    place = before(node->prefixes, bit);
    head = head_at(lpm, node->heads + place);
    for (at = head; *at != LAST && (*at >> 1) - 1 != row; at = &lpm->routes[(*at >> 1) - 1].next)
        ;
    if (*at == LAST)
        return -ENOENT;
    *at = lpm->routes[row].next;
    lpm->routes[row].next = 0;
    lpm->count--;
    if (*head == LAST) {
        drop(&lpm->heads, &node->heads, ones(node->prefixes), place);
        node->prefixes &= ~((uint32_t)1 << bit);
        prune(lpm, &trail, level);
    }
    return 0;
}

/* A number of a row; 0 where there is no column of numbers, or no value. */
static uint64_t number_of(const struct pynl_column *column, uint64_t row)
{
    if (!column || column->kind > PYNL_FLAG || !has_value(column, row))
        return 0;
    return load_uint(column->values + row * column->width, column->width);
}

/* The row's prefix: the bytes of its address, 0 where there is none to be looked up. */
static uint32_t prefix_of(const struct pynl_lpm_source *source, uint64_t row, uint64_t length, const uint8_t **address)
{
    static const uint8_t zeros[16];
    const struct pynl_column *column = source->address;
    const uint64_t family = number_of(source->family, row);
    const uint32_t width = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

    *address = zeros;
    if (!has_value(column, row))
        return length ? 0 : width;
    *address = column->values + row * column->width;
    return column->lengths[row] == width && length <= 8 * width ? width : 0;
}

int64_t pynl_lpm_load(struct pynl_lpm *lpm, const struct pynl_lpm_source *source, uint64_t first, int64_t step,
                      uint64_t count)
{
    uint64_t i, row = first;
    int64_t added = 0;

    if (count > MOST_ROWS || source->address->kind != PYNL_ADDRESS)
        return -EINVAL;
    for (i = 0; i < count; i++, row += (uint64_t)step) {
        const uint64_t length = number_of(source->length, row);
        const uint8_t *address;
        const uint32_t width = prefix_of(source, row, length, &address);
        const bool none = source->none && number_of(source->none, row) == source->none_value;
        uint32_t test = 0;
        int result;

        while (test < PYNL_LPM_TESTS &&
               (!source->test[test] || number_of(source->test[test], row) == source->value[test]))
            test++;
        if (!width || test < PYNL_LPM_TESTS)
            continue;
        result = pynl_lpm_insert(lpm, address, width, (uint32_t)length, (uint32_t)number_of(source->rank, row),
                                 (uint32_t)i, none ? PYNL_LPM_NONE : 0);
        if (result < 0)
            return result;
        added++;
    }
    return added;
}

/* ---- looking up ---- */

struct lane { /* a look-up on its way */
    struct key key;
    uint64_t row;
    uint32_t node;  /* to be looked at next; 0: all have been */
    uint32_t heads; /* of the longest prefix so far: its node's links, 0: there is none, */
    uint32_t below; /* and the bits of those before its own */
};

/* Bits of the prefixes that four bits have: those of 0 to 4 bits. */
static uint32_t prefixes_of(uint32_t four)
{
    const uint32_t whole = 16 | four;

    return (uint32_t)1 << whole | (uint32_t)1 << (whole >> 1) | (uint32_t)1 << (whole >> 2) |
           (uint32_t)1 << (whole >> 3) | 2;
}

/* One step, up to where memory is needed that may be far; false: it is done. */
static bool advance_lane(const struct pynl_lpm *lpm, struct lane *lane)
{
    const struct node *node;
    uint32_t chunk, match;

    if (!lane->node)
        return false;
    node = node_at(lpm, lane->node);
    chunk = chunk_of(&lane->key);
    match = node->prefixes & prefixes_of(chunk >> 1);
    if (match) {
        lane->heads = node->heads;
        lane->below = node->prefixes & (((uint32_t)1 << (31 - __builtin_clz(match))) - 1);
    }
    if (node->children >> chunk & 1) {
        lane->node = node->child + before(node->children, chunk);
        __builtin_prefetch(node_at(lpm, lane->node));
        advance(&lane->key);
        return true;
    }
    lane->node = 0;
    if (!lane->heads)
        return false;
    lane->heads += ones(lane->below);
    __builtin_prefetch(head_at(lpm, lane->heads));
    return true;
}

static void begin(struct lane *lane, const uint8_t *addresses, const uint8_t *lengths, uint32_t width, uint64_t row)
{
    const uint32_t used = lengths ? lengths[row] : width;

    *lane = (struct lane){.row = row};
    if (used > width || (used != 4 && used != 16))
        return;
    lane->key = key_of(addresses + row * width, used);
    lane->node = root_of(used);
}

/* What a look-up found. */
static int32_t row_of(const struct pynl_lpm *lpm, uint32_t at)
{
    const uint32_t link = at ? *head_at(lpm, at) : LAST;

    return link & 1 ? -1 : (int32_t)(link >> 1) - 1;
}

int pynl_lpm_find(const struct pynl_lpm *lpm, const uint8_t *addresses, const uint8_t *lengths, uint32_t width,
                  uint64_t count, int32_t *out)
{
    struct lane lanes[LANES];
    uint32_t busy = 0, i;
    uint64_t next = 0;

    if (!lengths && width != 4 && width != 16)
        return -EINVAL;
    while (busy < LANES && next < count)
        begin(&lanes[busy++], addresses, lengths, width, next++);
    while (busy) {
        for (i = 0; i < busy; i++) {
            if (advance_lane(lpm, &lanes[i]))
                continue;
            out[lanes[i].row] = row_of(lpm, lanes[i].heads);
            if (next < count)
                begin(&lanes[i], addresses, lengths, width, next++);
            else
                lanes[i] = lanes[--busy];
        }
    }
    return 0;
}
