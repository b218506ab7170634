/*
 * A table's life and its memory. What never occurs costs nothing: a column is allocated when a row first has a value
 * for it, and grows with the table from then on.
 */
#define _DEFAULT_SOURCE
#include "internal.h"

#define ROWS_FIRST ((uint64_t)64)
/* Bytes of the first and of the largest segment for messages that are appended. */
#define APPENDED_FIRST ((uint64_t)2048)
#define APPENDED_MOST ((uint64_t)256 << 10)

struct pynl_table *pynl_table_new(const uint8_t *kinds, const uint8_t *widths, uint32_t columns)
{
    struct pynl_table *table = calloc(1, sizeof(*table));
    uint32_t i;

    if (!table)
        return NULL;
    table->columns = calloc(columns ? columns : 1, sizeof(*table->columns));
    if (!table->columns) {
        free(table);
        return NULL;
    }
    table->owners = 1;
    table->column_count = columns;
    for (i = 0; i < columns; i++) {
        table->columns[i].kind = kinds[i];
        table->columns[i].width = widths[i];
    }
    return table;
}

struct pynl_table *pynl_table_retain(struct pynl_table *table)
{
    __atomic_add_fetch(&table->owners, 1, __ATOMIC_RELAXED);
    return table;
}

void pynl_table_free(struct pynl_table *table)
{
    uint32_t i;

    if (!table || __atomic_sub_fetch(&table->owners, 1, __ATOMIC_ACQ_REL))
        return;
    for (i = 0; i < table->column_count; i++) {
        free(table->columns[i].valid);
        free(table->columns[i].values);
        free(table->columns[i].lengths);
        free(table->columns[i].text);
    }
    pynl_segment_free(table->segments);
    free(table->starts);
    free(table->messages);
    free(table->columns);
    free(table);
}

/* A larger, zeroed copy in place of *memory. Not realloc: zeroed memory takes untouched pages for the new part. */
int enlarge(void *memory, uint64_t used, uint64_t size)
{
    void *old, *grown = zeroed(size);

    if (!grown)
        return -ENOMEM;
    memcpy(&old, memory, sizeof(old));
    if (old)
        memcpy(grown, old, used);
    free(old);
    memcpy(memory, &grown, sizeof(grown));
    return 0;
}

static uint64_t bitmap_size(uint64_t rows)
{
    return (rows + 7) / 8;
}

static uint64_t values_size(const struct pynl_column *column, uint64_t rows)
{
    switch (column->kind) {
    case PYNL_TEXT:
        return (rows + 1) * sizeof(int32_t);
    case PYNL_DEEP:
        return 0;
    default:
        return rows * column->width;
    }
}

/* Makes one column hold `capacity` rows; `rows` of them are in use. The bitmap, by which a column is known to be there,
   comes last: where memory ends, what is left is a column as before. */
int column_reserve(struct pynl_column *column, uint64_t rows, uint64_t capacity)
{
    int result = 0;

    if (column->kind != PYNL_DEEP)
        result = enlarge(&column->values, values_size(column, rows), values_size(column, capacity));
    if (!result && column->kind == PYNL_ADDRESS)
        result = enlarge(&column->lengths, rows, capacity);
    return result ? result : enlarge(&column->valid, bitmap_size(rows), bitmap_size(capacity));
}

int table_reserve(struct pynl_table *table)
{
    uint64_t capacity = table->capacity ? table->capacity * 2 : ROWS_FIRST;
    uint32_t i;
    int result = enlarge(&table->messages, table->rows * sizeof(*table->messages), capacity * sizeof(*table->messages));

    for (i = 0; !result && i < table->column_count; i++)
        if (table->columns[i].valid)
            result = column_reserve(&table->columns[i], table->rows, capacity);
    if (!result)
        table->capacity = capacity;
    return result;
}

/* Makes room for longer addresses: rows move apart, the last first. */
int column_widen(struct pynl_column *column, uint64_t rows, uint64_t capacity, uint32_t width)
{
    uint32_t old = column->width;
    uint8_t *values = calloc(capacity, width);
    uint64_t i;

    if (!values)
        return -ENOMEM;
    for (i = 0; old && i < rows; i++)
        memcpy(values + i * width, column->values + i * old, old);
    free(column->values);
    column->values = values;
    column->width = width;
    return 0;
}

/* Room for one message behind those that were appended before. What a table gets in whole segments is full. */
struct pynl_segment *table_room(struct pynl_table *table, uint64_t size)
{
    struct pynl_segment *last = table->segments, *made;
    uint64_t capacity = last ? last->capacity * 2 : APPENDED_FIRST;

    if (last && last->capacity - last->size >= size)
        return last;
    capacity = capacity > APPENDED_MOST ? APPENDED_MOST : capacity;
    made = pynl_segment_new(NULL, capacity < size ? size : capacity);
    if (!made)
        return NULL;
    made->next = last;
    table->segments = made;
    return made;
}

int pynl_table_prepare(struct pynl_table *table, const struct pynl_table *like)
{
    int result = table->capacity ? 0 : table_reserve(table);
    uint32_t i;

    for (i = 0; !result && i < table->column_count && i < like->column_count; i++)
        if (like->columns[i].count && !table->columns[i].valid)
            result = column_reserve(&table->columns[i], table->rows, table->capacity);
    if (!result && !table_room(table, APPENDED_FIRST / 2))
        result = -ENOMEM;
    return result;
}
