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

/* ---- and back ---- */

struct text {
    const char *at, *end;
};

static bool take(struct text *t, char wanted)
{
    if (t->at == t->end || *t->at != wanted)
        return false;
    t->at++;
    return true;
}

/* A decimal number of at most three digits, without leading zeros. */
static int take_decimal(struct text *t, int most)
{
    const char *start = t->at;
    int value = 0;

    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && t->at - start < 3; t->at++)
        value = 10 * value + (*t->at - '0');
    if (t->at == start || value > most || (*start == '0' && t->at - start > 1))
        return -1;
    return value;
}

static bool take_ipv4(struct text *t, uint8_t *out)
{
    int i;

    for (i = 0; i < 4; i++) {
        int value = (i && !take(t, '.')) ? -1 : take_decimal(t, 255);

        if (value < 0)
            return false;
        out[i] = (uint8_t)value;
    }
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int take_word(struct text *t)
{
    const char *start = t->at;
    int value = 0;

    for (; t->at < t->end && digit_of(*t->at) >= 0 && t->at - start < 4; t->at++)
        value = 16 * value + digit_of(*t->at);
    return t->at == start ? -1 : value;
}

/* RFC 4291, section 2.2. */
static bool take_ipv6(struct text *t, uint8_t *out)
{
    int words = 0, gap = -1;

    if (t->end - t->at >= 2 && t->at[0] == ':' && t->at[1] == ':') {
        t->at += 2;
        gap = 0;
    }
    while (words < 8) {
        struct text before = *t;
        int value = take_word(t);

        if (value < 0)
            break;
        if (t->at < t->end && *t->at == '.') { /* the last four bytes may stand as an IPv4 address */
            *t = before;
            if (words > 6 || !take_ipv4(t, out + 2 * words))
                return false;
            words += 2;
            break;
        }
        out[2 * words] = (uint8_t)(value >> 8);
        out[2 * words + 1] = (uint8_t)value;
        words++;
        if (words == 8 || !take(t, ':'))
            break;
        if (take(t, ':')) {
            if (gap >= 0)
                return false;
            gap = words;
        } else if (t->at == t->end || digit_of(*t->at) < 0) {
            return false;
        }
    }
    if (gap < 0)
        return words == 8;
    if (words == 8)
        return false;
    memmove(out + 16 - 2 * (words - gap), out + 2 * gap, (size_t)(2 * (words - gap)));
    memset(out + 2 * gap, 0, (size_t)(2 * (8 - words)));
    return true;
}

/* Pairs of digits with colons between; returns how many, or -1. */
static int take_hex(struct text *t, uint8_t *out, int most)
{
    int count = 0;

    while (count < most) {
        int high, low;

        if (t->end - t->at < 2)
            return -1;
        high = digit_of(t->at[0]);
        low = digit_of(t->at[1]);
        if (high < 0 || low < 0)
            return -1;
        t->at += 2;
        out[count++] = (uint8_t)(high << 4 | low);
        if (!take(t, ':'))
            return count;
    }
    return -1;
}

static bool parse_line(struct text *t, int style, uint64_t row, struct pynl_column *column, struct pynl_column *prefix)
{
    uint8_t *out = column->values + row * column->width;
    int length;

    if (style == PYNL_HEX)
        length = take_hex(t, out, (int)column->width);
    else if (memchr(t->at, ':', (size_t)(t->end - t->at)))
        length = take_ipv6(t, out) ? 16 : -1;
    else
        length = take_ipv4(t, out) ? 4 : -1;
    if (length < 0)
        return false;
    column->lengths[row] = (uint8_t)length;
    if (prefix) {
        int bits = take(t, '/') ? take_decimal(t, 8 * length) : 8 * length;

        if (bits < 0)
            return false;
        prefix->values[row] = (uint8_t)bits;
        prefix->valid[row >> 3] |= (uint8_t)(1u << (row & 7));
    }
    column->valid[row >> 3] |= (uint8_t)(1u << (row & 7));
    return t->at == t->end;
}

int64_t pynl_text_parse(const char *lines, uint64_t size, int style, uint64_t count, struct pynl_column *column,
                        struct pynl_column *prefix)
{
    const char *at = lines, *end = lines + size;
    uint64_t row;

    if (column->width != (style == PYNL_HEX ? 32 : 16))
        return -1;
    for (row = 0; row < count; row++) {
        const char *line_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        struct text t = {at, line_end};

        if (!line_end)
            return -(int64_t)row - 1;
        if (line_end > at && !parse_line(&t, style, row, column, prefix))
            return -(int64_t)row - 1;
        at = line_end + 1;
    }
    return (int64_t)count;
}
