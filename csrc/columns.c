/* Reading columns: which rows have a value, and how far rows are alike, so that Python looks at each value once. */
#include "internal.h"

uint64_t pynl_table_span(const struct pynl_table *table, uint64_t first, uint64_t count)
{
    uint64_t i, span = 0;

    for (i = first; i < first + count; i++)
        span += load32(table->messages[i]);
    return span;
}

/* How many of these rows have a value. */
static uint64_t present(const struct pynl_column *column, uint64_t first, uint64_t count)
{
    uint64_t i = first, end = first + count, there = 0;

    while (column->valid && i < end) {
        if (!(i & 7) && end - i >= 8) {
            there += (unsigned)__builtin_popcount(column->valid[i >> 3]);
            i += 8;
        } else {
            there += has_value(column, i++);
        }
    }
    return there;
}

/* Whether each element equals the one before it: one comparison of the elements with themselves, moved by one. */
static bool repeats(const uint8_t *elements, uint64_t count, uint64_t size)
{
    return !memcmp(elements, elements + size, (count - 1) * size);
}

static bool same_text(const struct pynl_column *column, uint64_t first, uint64_t count)
{
    const int32_t *offsets = (const int32_t *)(const void *)column->values + first;
    int32_t length = offsets[1] - offsets[0];
    uint64_t i;

    for (i = 1; i < count; i++)
        if (offsets[i + 1] - offsets[i] != length ||
            (length && memcmp(column->text + offsets[i], column->text + offsets[0], (size_t)length)))
            return false;
    return true;
}

static bool all_same(const struct pynl_column *column, uint64_t first, uint64_t count)
{
    if (column->kind == PYNL_DEEP || present(column, first, count) != count)
        return false;
    if (column->kind == PYNL_TEXT)
        return same_text(column, first, count);
    if (column->kind == PYNL_ADDRESS && !repeats(column->lengths + first, count, 1))
        return false;
    return repeats(column->values + first * column->width, count, column->width);
}

void pynl_table_alike(const struct pynl_table *table, uint64_t first, uint64_t count, uint8_t *out)
{
    uint32_t i;

    for (i = 0; i < table->column_count; i++) {
        const struct pynl_column *column = &table->columns[i];

        out[i] = 0;
        if (!present(column, first, count))
            out[i] = PYNL_NONE;
        else if (all_same(column, first, count))
            out[i] = first && all_same(column, first - 1, 2) ? PYNL_SAME | PYNL_BEFORE : PYNL_SAME;
    }
}

uint64_t pynl_column_mask(const struct pynl_column *column, uint64_t first, uint64_t count, uint8_t *out)
{
    uint64_t i;

    for (i = 0; i < count; i++)
        out[i] = has_value(column, first + i);
    return present(column, first, count);
}

int pynl_column_distinct(const struct pynl_column *column, uint64_t first, uint64_t count, uint8_t *codes,
                         uint32_t *rows, uint32_t most)
{
    uint32_t found = 0, code = 0;
    uint64_t i;

    for (i = 0; i < count; i++) {
        const uint8_t *value = column->values + (first + i) * column->width;
        uint32_t tried;

        /* The last one first, then those after it: values that repeat mostly do so in order. */
        for (tried = 0; tried < found; tried++) {
            uint64_t other = first + rows[code];

            if (column->lengths[other] == column->lengths[first + i] &&
                !memcmp(column->values + other * column->width, value, column->width))
                break;
            code = code + 1 < found ? code + 1 : 0;
        }
        if (tried == found) {
            if (found == most)
                return -ENOSPC;
            code = found++;
            rows[code] = (uint32_t)i;
        }
        codes[i] = (uint8_t)code;
    }
    return (int)found;
}
