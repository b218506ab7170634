/*
 * A libFuzzer target without Python (scripts/fuzz): one input is a plan, filters and datagrams.
 *
 * The first bytes choose the plan, so that the fuzzer finds plans as well as messages: levels that nest one another,
 * columns of every kind, headers of any size. The rest is decoded into a table in pieces, as a reply's segments would
 * be, and everything that can be read from the table is read. Further passes give the input to a reply, and as
 * notifications, through a socket pair in place of the kernel.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEVELS 4
#define FIELDS 12 /* of each level */
#define MEMBERS 2 /* of them, header members */
#define ROOM 4096

static const uint8_t *input;
static size_t input_left;

static uint8_t next_byte(void)
{
    if (!input_left)
        return 0;
    input_left--;
    return *input++;
}

/* Memory ends at the allocation of this number, once; 0: never. The linker's --wrap leads the core's calls here. Of this thread
   only: libFuzzer has others. */
static __thread unsigned fail_at;

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_at && !--fail_at ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return fail_at && !--fail_at ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fail_at && !--fail_at ? NULL : __real_realloc(memory, size);
}

struct made_plan {
    struct pynl_plan plan;
    struct pynl_field fields[LEVELS * FIELDS];
    struct pynl_level levels[LEVELS];
    int16_t lookup[LEVELS * FIELDS];
    uint8_t kinds[LEVELS * FIELDS];
    uint8_t widths[LEVELS * FIELDS];
    uint16_t columns;
};

static void make_field(struct made_plan *made, int level, int number)
{
    static const uint8_t sizes[] = {1, 2, 4, 8};
    struct pynl_field *field = &made->fields[level * FIELDS + number];
    uint8_t choice = next_byte();

    *field = (struct pynl_field){.type = (uint16_t)number, .column = -1, .level = -1};
    if (number < MEMBERS) {
        field->kind = number && choice & 1 ? PYNL_BE : PYNL_INT;
        field->size = number ? 4 : 1; /* the first may be the prefix length of an address */
        field->type = (uint16_t)(4 * number);
    } else {
        field->kind = choice % (PYNL_DEEP + 1);
        field->size = sizes[choice >> 6];
        if (field->kind > PYNL_BE)
            field->size = 0;
    }
    if (field->kind == PYNL_NEST || field->kind == PYNL_INDEXED || field->kind == PYNL_HOPS)
        field->level = (int16_t)(next_byte() % LEVELS);
    if (level == 0 || (choice & 0x20 && field->level < 0)) {
        field->column = (int16_t)made->columns;
        made->kinds[made->columns] = field->level >= 0 ? PYNL_DEEP : field->kind;
        made->widths[made->columns] = field->kind == PYNL_FLAG ? 1 : field->size;
        made->columns++;
    }
}

static void make_plan(struct made_plan *made)
{
    int level, number;

    memset(made, 0, sizeof(*made));
    for (level = 0; level < LEVELS; level++) {
        bool columns = false;

        for (number = 0; number < FIELDS; number++) {
            make_field(made, level, number);
            made->lookup[level * FIELDS + number] = number < MEMBERS ? -1 : (int16_t)(level * FIELDS + number);
            columns |= made->fields[level * FIELDS + number].column >= 0;
        }
        made->levels[level] = (struct pynl_level){
            .header = 4 * MEMBERS,
            .member = (uint16_t)(level * FIELDS),
            .members = MEMBERS,
            .columns = columns,
            .lookup = (uint32_t)(level * FIELDS),
            .types = FIELDS,
        };
    }
    made->plan = (struct pynl_plan){
        .fields = made->fields,
        .levels = made->levels,
        .lookup = made->lookup,
        .columns = made->columns,
        .level_count = LEVELS,
    };
}

/* What cannot be but by a fault of the core. */
static void insist(bool holds)
{
    if (!holds)
        abort();
}

/* The rows by a column of theirs as prefixes, the header's members for the rest. */
static void load_rows(const struct pynl_table *table, const struct pynl_column *address, uint64_t count)
{
    static int32_t found[ROOM];
    const struct pynl_column *first = &table->columns[0], *second = &table->columns[1];
    struct pynl_lpm_source source = {.address = address, .length = first, .family = second, .rank = second};
    struct pynl_lpm *lpm = pynl_lpm_new();
    int64_t added;

    if (!lpm)
        return;
    added = pynl_lpm_load(lpm, &source, count - 1, -1, count);
    insist(added < 0 || added == pynl_lpm_count(lpm));
    insist(!pynl_lpm_find(lpm, address->values, address->lengths, address->width, count, found));
    insist(added || found[0] == -1);
    source.test[2] = source.none = address;
    pynl_lpm_load(lpm, &source, 0, 1, count);
    pynl_lpm_free(lpm);
}

static void read_rows(const struct pynl_table *table, const struct pynl_plan *plan)
{
    static struct pynl_entry entries[ROOM];
    static char text[ROOM * PYNL_TEXT_LINE];
    static uint32_t rows[256];
    static uint8_t mask[ROOM], alike[LEVELS * FIELDS];
    uint64_t count = table->rows < ROOM ? table->rows : ROOM;
    uint32_t i;

    if (!count)
        return;
    insist(pynl_table_span(table, 0, count) >= count * MESSAGE_HEADER);
    pynl_table_alike(table, 0, count, alike);
    pynl_table_alike(table, count - 1, 1, alike);
    pynl_table_tape(table, plan, -1, 0, count, entries, ROOM);
    pynl_table_tape(table, plan, FIELDS - 1, 0, count, entries, 1);
    for (i = 0; i < table->column_count; i++) {
        const struct pynl_column *column = &table->columns[i];

        insist(column->count <= table->rows);
        insist(pynl_column_mask(column, 0, count, mask) <= column->count);
        if (column->kind == PYNL_ADDRESS && column->valid) {
            insist(pynl_column_distinct(column, 0, count, mask, rows, 256) != 0);
            pynl_column_distinct(column, count - 1, 1, mask, rows, 1);
            insist(pynl_text_addresses(column, NULL, 0, count, PYNL_IP, text, sizeof(text)) > 0);
            insist(pynl_text_addresses(column, &table->columns[0], 0, count, PYNL_HEX, text, sizeof(text)) > 0);
            pynl_text_addresses(column, NULL, 0, count, PYNL_IP, text, PYNL_TEXT_LINE);
            load_rows(table, column, count);
        }
    }
}

/* Every row is found again, and a copy of the table has the same rows. */
static void find_again(const struct pynl_table *table, const struct made_plan *made)
{
    static int32_t found[ROOM];
    struct pynl_term terms[LEVELS * FIELDS];
    struct pynl_keys keys = {&made->plan, terms, terms, 1, made->columns};
    struct pynl_table *copy = pynl_table_new(made->kinds, made->widths, made->columns);
    struct pynl_index *index = pynl_index_new();
    uint8_t *seen = calloc(table->rows + 1, 1);
    uint32_t i;

    for (i = 0; i < made->columns; i++)
        terms[i] = (struct pynl_term){.column = (uint16_t)i, .type = (uint16_t)i, .mask = UINT64_MAX};
    if (copy && index && seen && table->rows <= ROOM && pynl_table_take(copy, &made->plan, table, NULL, 0, ROOM) >= 0) {
        int64_t repeats;

        pynl_table_finish(copy);
        repeats = pynl_index_extend(index, &keys, table, NULL);
        if (repeats >= 0) {
            insist(copy->rows == table->rows);
            insist(pynl_index_match(index, &keys, table, copy, 0, copy->rows, found, seen) == (int64_t)table->rows);
            for (i = 0; i < copy->rows; i++)
                insist(found[i] >= 0 && pynl_index_next(index, i) >= 0);
        }
    }
    free(seen);
    pynl_index_free(index);
    pynl_table_free(copy);
}

/* The same by keys alone, of which some bits and some terms do not count, in a table that has only some of the rows. */
static void find_some(const struct pynl_table *table, const struct made_plan *made)
{
    static int32_t found[ROOM];
    struct pynl_term terms[LEVELS * FIELDS];
    struct pynl_keys keys = {&made->plan, terms, terms, 2, 0}, lenient = {&made->plan, terms, terms, 2, made->columns};
    struct pynl_table *some = pynl_table_new(made->kinds, made->widths, made->columns);
    struct pynl_index *index = pynl_index_new();
    uint64_t half = table->rows / 2, row, next;
    uint32_t i;

    for (i = 0; i < made->columns; i++)
        terms[i] = (struct pynl_term){.column = (uint16_t)i, .type = (uint16_t)i, .lenient = i > 1, .mask = 0x0f0f};
    if (some && index && table->rows <= ROOM && pynl_table_take(some, &made->plan, table, NULL, half, 1) >= 0 &&
        pynl_index_extend(index, &keys, some, NULL) >= 0 &&
        pynl_table_take(some, &made->plan, table, NULL, half + 1, ROOM) >= 0 &&
        pynl_index_extend(index, &keys, some, NULL) >= 0) {
        pynl_table_finish(some);
        insist(pynl_index_match(index, &keys, some, table, 0, table->rows, found, NULL) >= 0);
        for (row = 0; row < table->rows; row++) {
            insist(found[row] < (int32_t)some->rows && found[row] >= (row < half ? -1 : 0));
            for (next = (uint64_t)found[row]; found[row] >= 0;) {
                next = (uint64_t)pynl_index_next(index, next);
                insist(next < some->rows);
                if (next == (uint64_t)found[row])
                    break;
            }
        }
        insist(pynl_index_match(index, &lenient, some, table, 0, table->rows, found, NULL) >= 0);
        for (row = 0; row < table->rows; row++)
            insist(found[row] >= (row < half ? -1 - (int32_t)some->rows : 0) && found[row] < (int32_t)some->rows);
        insist(pynl_index_next(index, some->rows) == -EINVAL);
    }
    pynl_index_free(index);
    pynl_table_free(some);
}

/* Decodes a piece; what a table holds can be read whether it took it all or memory ended. */
static void decode_piece(struct pynl_table *table, const struct made_plan *made, const struct pynl_filter *filter,
                         const uint8_t *data, size_t size)
{
    struct pynl_segment *segment = pynl_segment_new(data, size);

    if (segment)
        pynl_table_decode(table, &made->plan, filter, filter ? 1 : 0, segment);
    read_rows(table, &made->plan);
    pynl_table_append(table, &made->plan, filter, filter ? 1 : 0, data, size);
    pynl_table_finish(table);
    read_rows(table, &made->plan);
    find_again(table, made);
    find_some(table, made);
}

static void decode(const struct made_plan *made, const uint8_t *data, size_t size)
{
    struct pynl_table *table = pynl_table_new(made->kinds, made->widths, made->columns);
    uint8_t value[8] = {0};
    struct pynl_filter filter = {.column = 0, .length = sizeof(value), .value = value};
    struct pynl_filter absent = {.column = (uint16_t)(made->columns - 1)};
    size_t half = size / 2 & ~(size_t)3;

    if (!table)
        return;
    decode_piece(table, made, NULL, data, half);
    decode_piece(table, made, &filter, data + half, size - half);
    decode_piece(table, made, &absent, data, size);
    decode_piece(table, made, NULL, data, size);
    pynl_table_free(table);
}

static void tape(const struct made_plan *made, const uint8_t *data, size_t size)
{
    static struct pynl_entry entries[ROOM];
    int64_t i, count = pynl_tape(&made->plan, 0, data, size, entries, ROOM);

    for (i = 0; i < count; i++)
        insist((uint64_t)entries[i].offset + entries[i].length <= size);
}

/* A socket to which the bytes come in datagrams of at most `most`, from a peer whose port id counts as the kernel's 0. */
static struct pynl_socket arriving(const uint8_t *data, size_t size, size_t most, int ends[2])
{
    struct pynl_socket socket = {.wake = -1, .size = 1 << 16};

    insist(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
    socket.fd = ends[0];
    socket.buffer = malloc(socket.size);
    insist(socket.buffer != NULL);
    while (size) {
        size_t part = size < most ? size : most;

        if (write(ends[1], data, part) < 0)
            break;
        data += part;
        size -= part;
    }
    return socket;
}

static void leave(struct pynl_socket *socket, const int ends[2])
{
    free(socket->buffer);
    close(ends[0]);
    close(ends[1]);
}

/* The same bytes as an answer. */
static void receive(const uint8_t *data, size_t size)
{
    int ends[2], result;
    struct pynl_socket socket = arriving(data, size, 4096, ends);
    struct pynl_reply *reply = pynl_reply_new(1, 2, 0, NULL);
    struct pynl_segment *segment;
    struct pynl_state state;

    insist(reply != NULL);
    do
        result = pynl_reply_receive(reply, &socket, 0, 0);
    while (result == -EINTR);
    insist(result != 0);
    while ((segment = pynl_reply_take(reply, 0)))
        pynl_segment_free(segment);
    pynl_reply_state(reply, &state);
    insist(state.result != 0);
    pynl_reply_free(reply);
    leave(&socket, ends);
}

/* Every event is a row of its table, a message that was kept, or a mark, in order. */
static void check_events(const struct pynl_events *events, const struct pynl_table *const *tables)
{
    int32_t rows[2] = {0};
    uint64_t i;

    for (i = 0; i < events->count; i++) {
        const struct pynl_event *event = &events->events[i];
        struct nlmsghdr header;

        if (event->kind < 0) {
            insist(event->row < 0 && (!i || events->events[i - 1].kind >= 0));
            continue;
        }
        insist(event->row < 0 || event->row == rows[event->kind]++);
        memcpy(&header, (const uint8_t *)(uintptr_t)event->message, sizeof(header));
        insist(header.nlmsg_type == event->type && header.nlmsg_flags == event->flags);
        insist(event->row < 0 || tables[event->kind]->messages[event->row] == (uint8_t *)(uintptr_t)event->message);
    }
    for (i = 0; i < 2; i++)
        insist(tables[i]->rows == (uint64_t)rows[i]);
}

/* The same bytes as notifications of two kinds, the second filtered. `fails` ends memory while they are received. */
static void notify(const struct made_plan *made, const uint8_t *data, size_t size, unsigned fails)
{
    struct pynl_table *tables[2] = {pynl_table_new(made->kinds, made->widths, made->columns),
                                    pynl_table_new(made->kinds, made->widths, made->columns)};
    const uint8_t families[2] = {0, 2};
    uint8_t value[8] = {0};
    struct pynl_filter filter = {.column = 0, .length = sizeof(value), .value = value};
    struct pynl_watch watches[2] = {
        {.plan = &made->plan, .created = 16, .deleted = 17, .table = tables[0], .fresh = 4, .fresh_value = ~0u},
        {
            .plan = &made->plan,
            .created = 24,
            .deleted = 25,
            .table = tables[1],
            .filters = &filter,
            .filter_count = 1,
            .families = families,
            .family_count = 2,
            .change_mask = 0x100,
            .change_flags = 0x100,
        },
    };
    struct pynl_events events = {.watches = watches, .watch_count = 2};
    int ends[2], k;
    struct pynl_socket socket = arriving(data, size, 2500, ends); /* a slot has 2,048 */
    int64_t result;

    insist(tables[0] && tables[1]);
    pynl_table_prepare(tables[1], tables[0]);
    fail_at = fails;
    do {
        result = pynl_events_receive(&events, &socket, 8, 0);
        check_events(&events, (const struct pynl_table *const *)tables);
        for (k = 0; k < 2; k++) {
            struct pynl_table *next = NULL;

            read_rows(tables[k], &made->plan);
            while (!next)
                next = pynl_table_new(made->kinds, made->widths, made->columns);
            pynl_table_prepare(next, tables[k]);
            pynl_table_free(tables[k]);
            watches[k].table = tables[k] = next;
        }
        events.count = 0;
    } while (result > 0 || result == -EINTR || result == -ENOMEM);
    fail_at = 0;
    insist(result == -ETIMEDOUT);
    pynl_events_free(&events);
    for (k = 0; k < 2; k++)
        pynl_table_free(tables[k]);
    leave(&socket, ends);
}

#define PREFIXES 64

struct prefix { /* what look_up() inserted, by row */
    uint8_t address[16];
    uint32_t width; /* 0: the row is not there */
    uint32_t length;
    uint32_t rank;
};

static bool begins(const struct prefix *prefix, const uint8_t *address)
{
    uint32_t bit;

    for (bit = 0; bit < prefix->length; bit++)
        if ((prefix->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

/* The row, one by one; -2: several are as good. */
static int32_t slowly(const struct prefix *prefixes, const uint8_t *address, uint32_t width)
{
    int32_t row, best = -1;

    for (row = 0; row < PREFIXES; row++) {
        const struct prefix *one = &prefixes[row], *other = &prefixes[best < 0 ? 0 : best];

        if (one->width != width || !begins(one, address))
            continue;
        if (best == -1 || one->length > other->length || (one->length == other->length && one->rank < other->rank))
            best = row;
        else if (one->length == other->length && one->rank == other->rank)
            return -2;
    }
    return best;
}

/* Prefixes come and go, and after each the longest is the one that a walk over all finds. */
static void look_up(const uint8_t *data, size_t size)
{
    struct prefix prefixes[PREFIXES] = {0};
    struct pynl_lpm *lpm = pynl_lpm_new();
    int32_t found, wanted;

    for (; lpm && size >= 8; data += 8, size -= 8) {
        struct prefix one = {.width = data[0] & 1 ? 16 : 4, .length = data[1], .rank = data[2] & 3};
        uint32_t row = data[0] >> 1 & (PREFIXES - 1);
        int result;

        memcpy(one.address, data + 3, 4);
        memset(one.address + 4, data[7], 12);
        if (prefixes[row].width) {
            const struct prefix *old = &prefixes[row];

            insist(pynl_lpm_insert(lpm, one.address, one.width, 0, 0, row, 0) == -EEXIST);
            insist(!pynl_lpm_remove(lpm, old->address, old->width, old->length, row));
            prefixes[row].width = 0;
        } else {
            result = pynl_lpm_insert(lpm, one.address, one.width, one.length, one.rank, row, 0);
            insist(result == 0 || result == -ENOMEM || (result == -EINVAL && one.length > 8 * one.width));
            if (!result)
                prefixes[row] = one;
        }
        insist(!pynl_lpm_find(lpm, one.address, NULL, one.width, 1, &found));
        wanted = slowly(prefixes, one.address, one.width);
        insist(found == wanted || (wanted == -2 && found >= 0));
    }
    pynl_lpm_free(lpm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made_plan made;

    input = data;
    input_left = size;
    make_plan(&made);
    decode(&made, input, input_left);
    fail_at = input_left ? input[input_left - 1] : 1;
    decode(&made, input, input_left);
    fail_at = input_left ? input[0] : 1;
    look_up(input, input_left);
    fail_at = 0;
    look_up(data, size);
    tape(&made, input, input_left);
    receive(input, input_left);
    notify(&made, input, input_left, 0);
    notify(&made, input, input_left, input_left ? input[input_left - 1] : 1);
    return 0;
}
