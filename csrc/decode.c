/*
 * Messages into columns. The plan says which header member or attribute fills which column; this file knows no
 * family. A column's memory is first taken when a row has a value for it (table.c).
 */
#define _DEFAULT_SOURCE
#include "internal.h"

#include <endian.h>

#define TEXT_FIRST ((uint64_t)1024)
/* Datagrams of a table, at first. */
#define STARTS_FIRST ((uint64_t)8)

static void text_fill(struct pynl_column *column, uint64_t rows)
{
    int32_t *offsets = (int32_t *)(void *)column->values;

    for (; column->filled < rows; column->filled++)
        offsets[column->filled + 1] = (int32_t)column->text_size;
}

static int put_text(struct pynl_column *column, uint64_t row, bool again, const uint8_t *data, uint16_t length)
{
    const uint8_t *end = memchr(data, 0, length);
    uint64_t size = end ? (uint64_t)(end - data) : length;
    int32_t *offsets = (int32_t *)(void *)column->values;

    if (again) { /* the attribute came twice: the last one counts */
        column->text_size = (uint64_t)offsets[row];
        column->filled = row;
    }
    text_fill(column, row);
    if (column->text_size + size > INT32_MAX)
        return -EOVERFLOW;
    if (column->text_size + size > column->text_capacity) {
        uint64_t capacity = column->text_capacity ? column->text_capacity * 2 : TEXT_FIRST;

        while (capacity < column->text_size + size)
            capacity *= 2;
        if (enlarge(&column->text, column->text_size, capacity) < 0)
            return -ENOMEM;
        column->text_capacity = capacity;
    }
    if (size) { /* otherwise there may be no text at all yet */
        memcpy(column->text + column->text_size, data, size);
        column->text_size += size;
    }
    text_fill(column, row + 1);
    return 0;
}

static int put_address(struct pynl_column *column, uint64_t row, uint64_t capacity, const uint8_t *data,
                       uint16_t length)
{
    uint8_t *to;

    if (length > column->width) {
        int result = column_widen(column, row + 1, capacity, length);

        if (result < 0)
            return result;
    }
    to = column->values + row * column->width;
    memcpy(to, data, length);
    memset(to + length, 0, column->width - length);
    column->lengths[row] = (uint8_t)length;
    return 0;
}

static void put_integer(struct pynl_column *column, uint64_t row, uint64_t value)
{
    store_uint(column->values + row * column->width, column->width, value);
}

static uint64_t get_integer(uint8_t kind, uint8_t size, const uint8_t *data)
{
    uint64_t value = load_uint(data, size);

    if (kind != PYNL_BE)
        return value;
    return size == 2   ? be16toh((uint16_t)value)
           : size == 4 ? be32toh((uint32_t)value)
           : size == 8 ? be64toh(value)
                       : value;
}

/* Whether a payload of this length can be the field's value. What cannot is kept raw, with the unknown ones. */
static bool fits(const struct pynl_field *field, uint16_t length)
{
    switch (field->kind) {
    case PYNL_INT:
    case PYNL_BE:
        return length == field->size;
    case PYNL_FLAG:
        return length == 0;
    case PYNL_ADDRESS:
        return length <= 32;
    default:
        return true;
    }
}

static int put(struct pynl_table *table, const struct pynl_field *field, const uint8_t *data, uint16_t length)
{
    struct pynl_column *column = &table->columns[field->column];
    uint64_t row = table->rows;
    uint8_t bit = (uint8_t)(1u << (row & 7));
    bool again;
    int result = 0;

    if (!column->valid) {
        result = column_reserve(column, 0, table->capacity);
        if (result < 0)
            return result;
    }
    again = column->valid[row >> 3] & bit;
    switch (column->kind) {
    case PYNL_TEXT:
        result = put_text(column, row, again, data, length);
        break;
    case PYNL_ADDRESS:
        result = put_address(column, row, table->capacity, data, length);
        break;
    case PYNL_FLAG:
        put_integer(column, row, 1);
        break;
    case PYNL_DEEP:
        break;
    default:
        put_integer(column, row, get_integer(field->kind, field->size, data));
    }
    if (!result && !again) {
        column->valid[row >> 3] |= bit;
        column->count++;
    }
    return result;
}

/* The usual case of put(), for half of all values: an integer of the message's header, whose column is there. */
static inline bool put_member(struct pynl_table *table, const struct pynl_field *field, const uint8_t *data)
{
    struct pynl_column *column = &table->columns[field->column];
    uint64_t row = table->rows;

    if (field->kind != PYNL_INT || column->width != field->size || !column->valid)
        return false;
    store_uint(column->values + row * column->width, field->size, load_uint(data, field->size));
    column->valid[row >> 3] |= (uint8_t)(1u << (row & 7));
    column->count++;
    return true;
}

/* Takes back what has been put into a column for the row that is being filled. */
static void forget_value(struct pynl_table *table, int number)
{
    struct pynl_column *column = &table->columns[number];
    uint64_t row = table->rows;
    uint8_t bit = (uint8_t)(1u << (row & 7));

    if (!column->valid || !(column->valid[row >> 3] & bit))
        return;
    column->valid[row >> 3] &= (uint8_t)~bit;
    column->count--;
    if (column->kind == PYNL_TEXT) {
        column->text_size = (uint64_t)((int32_t *)(void *)column->values)[row];
        column->filled = row;
    } else if (column->kind == PYNL_ADDRESS) {
        memset(column->values + row * column->width, 0, column->width);
        column->lengths[row] = 0;
    } else if (column->kind != PYNL_DEEP) {
        put_integer(column, row, 0);
    }
}

static void forget_row(struct pynl_table *table)
{
    uint32_t i;

    for (i = 0; i < table->column_count; i++)
        forget_value(table, (int)i);
}

/* A nest that comes again replaces the one before, also what only that one had. */
static void forget_level(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_level *level)
{
    uint32_t i;

    for (i = 0; i < level->types; i++) {
        int16_t found = plan->lookup[level->lookup + i];

        if (found >= 0 && plan->fields[found].column >= 0)
            forget_value(table, plan->fields[found].column);
    }
}

/* Whether a nest can be walked to its end: one that cannot be is kept raw, and fills no column. */
static bool well_formed(const struct pynl_level *level, const uint8_t *data, uint64_t size)
{
    struct attributes a = attributes_of(level, data, size);

    if (size < level->header)
        return false;
    while (walk_attribute(&a))
        walk_next_attribute(&a);
    return !a.left;
}

static int decode_level(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_level *level,
                        const uint8_t *data, uint64_t size, const uint8_t **bad, int depth)
{
    struct attributes a;
    int i, result;

    *bad = data;
    if (size < level->header)
        return -EBADMSG;
    for (i = level->member; i < level->member + level->members; i++) {
        const struct pynl_field *field = &plan->fields[i];

        if (field->column < 0 || (!depth && put_member(table, field, data + field->type)))
            continue;
        result = put(table, field, data + field->type, field->size);
        if (result < 0)
            return result;
    }
    a = attributes_of(level, data, size);
    for (; walk_attribute(&a); walk_next_attribute(&a)) {
        const struct pynl_field *field;
        int found = field_of(plan, level, a.type);

        if (found < 0 || !fits(&plan->fields[found], a.length)) {
            if (!depth && table->unknown < UINT32_MAX)
                table->unknown++;
            continue;
        }
        field = &plan->fields[found];
        if (field->column >= 0) {
            result = put(table, field, a.payload, a.length);
            if (result < 0)
                return result;
        }
        if (field->kind == PYNL_NEST && plan->levels[field->level].columns && depth < PYNL_DEPTH &&
            well_formed(&plan->levels[field->level], a.payload, a.length)) {
            const uint8_t *within;

            forget_level(table, plan, &plan->levels[field->level]);
            result = decode_level(table, plan, &plan->levels[field->level], a.payload, a.length, &within, depth + 1);
            if (result < 0)
                return result;
        }
    }
    *bad = a.at;
    return a.left ? -EBADMSG : 0;
}

static bool passes(const struct pynl_table *table, const struct pynl_filter *filter)
{
    const struct pynl_column *column = &table->columns[filter->column];
    uint64_t row = table->rows, value;

    if (!filter->value || !has_value(column, row))
        return !filter->value && !has_value(column, row);
    if (column->kind == PYNL_TEXT) {
        const int32_t *offsets = (const int32_t *)(const void *)column->values;

        return column->text_size - (uint64_t)offsets[row] == filter->length &&
               (!filter->length || !memcmp(column->text + offsets[row], filter->value, filter->length));
    }
    if (column->kind == PYNL_ADDRESS)
        return column->lengths[row] == filter->length &&
               !memcmp(column->values + row * column->width, filter->value, filter->length);
    if (column->kind == PYNL_DEEP)
        return true;
    memcpy(&value, filter->value, sizeof(value));
    return get_integer(PYNL_INT, (uint8_t)column->width, column->values + row * column->width) == value;
}

static int decode_message(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_filter *filters,
                          uint32_t filter_count, const struct walk *w)
{
    const uint8_t *bad = w->at;
    uint32_t i;
    int result = 0;

    if (table->rows == table->capacity) {
        result = table_reserve(table);
        if (result < 0)
            return result;
    }
    result = decode_level(table, plan, &plan->levels[0], w->at + MESSAGE_HEADER, w->header.nlmsg_len - MESSAGE_HEADER,
                          &bad, 0);
    if (result == -EBADMSG) {
        forget_row(table);
        if (!table->bad++) {
            table->bad_message = w->at;
            table->bad_attribute = (uint64_t)(bad - w->at);
        }
        return result;
    }
    if (result < 0) {
        forget_row(table);
        return result;
    }
    for (i = 0; i < filter_count; i++) {
        if (filters[i].pushed && w->header.nlmsg_flags & NLM_F_DUMP_FILTERED)
            continue;
        if (!passes(table, &filters[i])) {
            forget_row(table);
            table->filtered++;
            return 0;
        }
    }
    table->messages[table->rows++] = w->at;
    return 0;
}

/* Which rows came in one datagram. */
static int note_start(struct pynl_table *table, const struct pynl_segment *segment, uint32_t start)
{
    uint64_t end = start + 1 < segment->start_count ? segment->starts[start + 1] : segment->size;

    if (table->start_count == table->start_capacity) {
        uint64_t capacity = table->start_capacity ? 2 * table->start_capacity : STARTS_FIRST;
        struct pynl_start *starts = realloc(table->starts, capacity * sizeof(*starts));

        if (!starts)
            return -ENOMEM;
        table->starts = starts;
        table->start_capacity = capacity;
    }
    table->starts[table->start_count++] = (struct pynl_start){.row = table->rows, .size = end - segment->starts[start]};
    return 0;
}

int64_t pynl_table_decode(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_filter *filters,
                          uint32_t filter_count, struct pynl_segment *segment)
{
    struct walk w = {.at = segment->data, .left = segment->size};
    uint64_t rows = table->rows;
    uint32_t start = 0;
    int result = 0;

    segment->next = table->segments;
    table->segments = segment;
    for (; walk_message(&w); walk_next(&w)) {
        uint64_t bad = table->bad;

        for (; start < segment->start_count && segment->starts[start] <= segment->size - w.left && !result; start++)
            result = note_start(table, segment, start);
        if (result < 0)
            break;
        if (w.header.nlmsg_len > table->longest)
            table->longest = w.header.nlmsg_len;
        if (plan->type && w.header.nlmsg_type != plan->type) {
            table->skipped++;
            continue;
        }
        result = decode_message(table, plan, filters, filter_count, &w);
        if (!bad && table->bad)
            table->bad_at = table->bytes + segment->size - w.left;
        if (result < 0 && result != -EBADMSG)
            break;
        result = 0;
    }
    if (!result && w.left && !table->bad++) { /* not even a message: nothing after it can be found */
        table->bad_message = NULL;
        table->bad_at = table->bytes + segment->size - w.left;
        table->bad_attribute = 0;
    }
    table->bytes += segment->size;
    pynl_table_finish(table);
    return result < 0 ? result : (int64_t)(table->rows - rows);
}

int pynl_table_append(struct pynl_table *table, const struct pynl_plan *plan, const struct pynl_filter *filters,
                      uint32_t filter_count, const uint8_t *message, uint64_t size)
{
    struct walk w = {.at = message, .left = size};
    uint64_t rows = table->rows, padded;
    struct pynl_segment *segment;
    int result;

    if (!walk_message(&w))
        return -EBADMSG;
    padded = PYNL_ALIGN(w.header.nlmsg_len);
    segment = table_room(table, padded);
    if (!segment)
        return -ENOMEM;
    w.at = segment->data + segment->size;
    memcpy(segment->data + segment->size, message, w.header.nlmsg_len);
    memset(segment->data + segment->size + w.header.nlmsg_len, 0, padded - w.header.nlmsg_len);
    result = decode_message(table, plan, filters, filter_count, &w);
    if (result == -EBADMSG && table->bad == 1)
        table->bad_at = table->bytes;
    if (result == -EBADMSG || table->rows > rows) { /* otherwise nothing points to it */
        segment->size += padded;
        table->bytes += padded;
    }
    return result < 0 ? result : (int)(table->rows - rows);
}

void pynl_table_finish(struct pynl_table *table)
{
    uint32_t i;

    for (i = 0; i < table->column_count; i++)
        if (table->columns[i].kind == PYNL_TEXT && table->columns[i].valid)
            text_fill(&table->columns[i], table->rows);
}
