/* Addresses as text, many at a time: one buffer of lines, which Python decodes once and splits once. */
#include "internal.h"

static char *put_decimal(char *out, unsigned value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_ipv4(char *out, const uint8_t *address)
{
    int i;

    for (i = 0; i < 4; i++) {
        if (i)
            *out++ = '.';
        out = put_decimal(out, address[i]);
    }
    return out;
}

static char *put_word(char *out, unsigned word)
{
    static const char digits[] = "0123456789abcdef";
    int shift = word > 0xfff ? 12 : word > 0xff ? 8 : word > 0xf ? 4 : 0;

    for (; shift >= 0; shift -= 4)
        *out++ = digits[word >> shift & 15];
    return out;
}

/* RFC 5952: the longest run of two or more zero words, the first of equals, becomes "::". As inet_ntop, addresses
   that embed an IPv4 address (::a.b.c.d and ::ffff:a.b.c.d) show it dotted. */
static char *put_ipv6(char *out, const uint8_t *address)
{
    unsigned words[8];
    int best = -1, best_length = 1, i;

    for (i = 0; i < 8; i++)
        words[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
    for (i = 0; i < 8; i++) {
        int start = i;

        while (i < 8 && !words[i])
            i++;
        if (i - start > best_length) {
            best = start;
            best_length = i - start;
        }
    }
    for (i = 0; i < 8; i++) {
        if (i == best) {
            *out++ = ':';
            *out++ = ':';
            i += best_length - 1;
            continue;
        }
        if (i && i != best + best_length)
            *out++ = ':';
        else if (i && best < 0)
            *out++ = ':';
        if (i == 6 && best == 0 && (best_length == 6 || (best_length == 5 && words[5] == 0xffff)))
            return put_ipv4(out, address + 12);
        out = put_word(out, words[i]);
    }
    return out;
}

static char *put_hex(char *out, const uint8_t *address, unsigned length, bool colons)
{
    static const char digits[] = "0123456789abcdef";
    unsigned i;

    for (i = 0; i < length; i++) {
        if (i && colons)
            *out++ = ':';
        *out++ = digits[address[i] >> 4];
        *out++ = digits[address[i] & 15];
    }
    return out;
}

/* One row's address, with its prefix length; nothing where it has none. */
static char *put_row(char *at, const struct pynl_column *column, const struct pynl_column *prefix, uint64_t row,
                     int style)
{
    const uint8_t *address = column->values + row * column->width;
    unsigned length;

    if (!has_value(column, row))
        return at;
    length = column->lengths[row];
    if (style == PYNL_IP && length == 4)
        at = put_ipv4(at, address);
    else if (style == PYNL_IP && length == 16)
        at = put_ipv6(at, address);
    else if (style == PYNL_IP)
        at = put_hex(memcpy(at, "0x", 2) + 2, address, length, false);
    else
        at = put_hex(at, address, length, true);
    if (prefix && has_value(prefix, row)) {
        *at++ = '/';
        at = put_decimal(at, prefix->values[row]);
    }
    return at;
}

static int check_columns(const struct pynl_column *column, const struct pynl_column *prefix)
{
    if (column->kind != PYNL_ADDRESS || (prefix && (prefix->kind != PYNL_INT || prefix->width != 1)))
        return -EINVAL;
    return 0;
}

int64_t pynl_text_addresses(const struct pynl_column *column, const struct pynl_column *prefix, uint64_t first,
                            uint64_t count, int style, char *out, uint64_t room)
{
    char *at = out;
    uint64_t i;

    if (room / PYNL_TEXT_LINE < count)
        return -ENOSPC;
    if (check_columns(column, prefix) < 0)
        return -EINVAL;
    for (i = first; i < first + count; i++) {
        at = put_row(at, column, prefix, i, style);
        *at++ = '\n';
    }
    return at - out;
}

int64_t pynl_text_column(const struct pynl_column *column, const struct pynl_column *prefix, uint64_t first,
                         uint64_t count, int style, int32_t *offsets, char *out, uint64_t room)
{
    char *at = out;
    uint64_t i;

    if (room < PYNL_TEXT_LINE)
        return -ENOSPC;
    if (check_columns(column, prefix) < 0)
        return -EINVAL;
    offsets[0] = 0;
    for (i = 0; i < count; i++) {
        if ((uint64_t)(at - out) > room - PYNL_TEXT_LINE)
            return -ENOSPC;
        at = put_row(at, column, prefix, first + i, style);
        if (at - out > INT32_MAX)
            return -EOVERFLOW;
        offsets[i + 1] = (int32_t)(at - out);
    }
    return at - out;
}

void pynl_text_mapped(const struct pynl_column *column, uint64_t first, int64_t step, uint64_t count, uint8_t *out,
                      uint8_t *valid)
{
    uint64_t i;

    for (i = 0; i < count; i++, out += 16) {
        uint64_t row = first + i * (uint64_t)step;
        const uint8_t *address = column->values + row * column->width;
        unsigned length = has_value(column, row) ? column->lengths[row] : 0;

        if (length != 4 && length != 16)
            continue;
        valid[i >> 3] |= (uint8_t)(1u << (i & 7));
        if (length == 4)
            memset(out + 10, 0xff, 2);
        memcpy(out + 16 - length, address, length);
    }
}
