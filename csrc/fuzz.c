/*
 * A libFuzzer target without Python (scripts/fuzz): one input is a plan, filters and datagrams.
 *
 * The first bytes choose the plan, so that the fuzzer finds plans as well as messages: levels that nest one another,
 * columns of every kind, headers of any size. The rest is decoded into a table in pieces, as a reply's segments would
 * be, and everything that can be read from the table is read. A second pass gives the input to a reply, through a
 * socket pair in place of the kernel.
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

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_at && !--fail_at ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return fail_at && !--fail_at ? NULL : __real_malloc(size);
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
        }
    }
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

/* The same bytes as an answer: in datagrams of at most 4 KB, from a peer whose port id counts as the kernel's 0. */
static void receive(const uint8_t *data, size_t size)
{
    struct pynl_socket socket = {.wake = -1, .size = 1 << 16};
    struct pynl_reply *reply = pynl_reply_new(1, 2, 0, NULL);
    struct pynl_segment *segment;
    struct pynl_state state;
    int ends[2], result;

    insist(reply && !socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
    socket.fd = ends[0];
    socket.buffer = malloc(socket.size);
    insist(socket.buffer != NULL);
    while (size) {
        size_t part = size < 4096 ? size : 4096;

        if (write(ends[1], data, part) < 0)
            break;
        data += part;
        size -= part;
    }
    do
        result = pynl_reply_receive(reply, &socket, 0, 0);
    while (result == -EINTR);
    insist(result != 0);
    while ((segment = pynl_reply_take(reply, 0)))
        pynl_segment_free(segment);
    pynl_reply_state(reply, &state);
    insist(state.result != 0);
    pynl_reply_free(reply);
    free(socket.buffer);
    close(ends[0]);
    close(ends[1]);
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
    fail_at = 0;
    tape(&made, input, input_left);
    receive(input, input_left);
    return 0;
}
