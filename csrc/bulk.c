/*
 * Many requests in few sends: columns into messages, and the answers to them.
 *
 * A send holds as many requests as the receive buffer holds answers, since each may be refused; only the last asks
 * for an ACK. The kernel carries a send out before sendto() returns, in order, and answers errors in order too.
 */
#include "internal.h"

static uint8_t *put_attribute(uint8_t *at, uint16_t type, const void *data, uint64_t size)
{
    const struct nlattr header = {.nla_len = (uint16_t)(ATTRIBUTE_HEADER + size), .nla_type = type};
    uint64_t padding = PYNL_ALIGN(size) - size;

    memcpy(at, &header, sizeof(header));
    at += ATTRIBUTE_HEADER;
    if (size)
        memcpy(at, data, size);
    memset(at + size, 0, padding);
    return at + size + padding;
}

static uint64_t text_size(const struct pynl_column *column, uint64_t row)
{
    const int32_t *offsets = (const int32_t *)(const void *)column->values;

    return (uint64_t)(offsets[row + 1] - offsets[row]);
}

static const uint8_t *text_of(const struct pynl_column *column, uint64_t row)
{
    const int32_t *offsets = (const int32_t *)(const void *)column->values;

    return column->text_size ? column->text + offsets[row] : (const uint8_t *)"";
}

/* The bytes that a part of a row takes in its message: of an attribute that is too long, more than any message has. */
static uint64_t part_size(const struct pynl_part *part, uint64_t row)
{
    const struct pynl_column *column = part->column;

    row = part->constant ? 0 : row;
    if (part->kind == PYNL_MEMBER || !has_value(column, row))
        return 0;
    switch (part->kind) {
    case PYNL_WHOLE:
        return text_size(column, row);
    case PYNL_STRING:
        if (text_size(column, row) + 1 > UINT16_MAX - ATTRIBUTE_HEADER)
            return UINT32_MAX;
        return ATTRIBUTE_HEADER + PYNL_ALIGN(text_size(column, row) + 1);
    case PYNL_BYTES:
        return ATTRIBUTE_HEADER + PYNL_ALIGN(column->lengths[row]);
    default:
        return ATTRIBUTE_HEADER + PYNL_ALIGN(column->width);
    }
}

static void put_member(uint8_t *header, const struct pynl_part *part, uint64_t row)
{
    const struct pynl_column *column = part->column;
    uint64_t value;

    row = part->constant ? 0 : row;
    if (!has_value(column, row))
        return;
    value = load_uint(column->values + row * column->width, column->width);

    if (part->overflow >= 0 && part->size < column->width && value >> (8 * part->size))
        value = (uint64_t)part->overflow;
    store_uint(header + part->type, part->size, value);
}

static uint8_t *put_part(uint8_t *at, const struct pynl_part *part, uint64_t row)
{
    const struct pynl_column *column = part->column;
    uint64_t size;

    row = part->constant ? 0 : row;
    if (part->kind == PYNL_MEMBER || !has_value(column, row))
        return at;
    switch (part->kind) {
    case PYNL_WHOLE:
        size = text_size(column, row);
        if (size)
            memcpy(at, text_of(column, row), size);
        return at + size;
    case PYNL_STRING: {
        uint8_t *start = at;

        size = text_size(column, row);
        at = put_attribute(at, part->type, NULL, 0);
        memset(at, 0, PYNL_ALIGN(size + 1));
        memcpy(at, text_of(column, row), size);
        store_uint(start, sizeof(uint16_t), ATTRIBUTE_HEADER + size + 1);
        return at + PYNL_ALIGN(size + 1);
    }
    case PYNL_BYTES:
        return put_attribute(at, part->type, column->values + row * column->width, column->lengths[row]);
    default:
        return put_attribute(at, part->type, column->values + row * column->width, column->width);
    }
}

int64_t pynl_bulk_encode(const struct pynl_request *request, const struct pynl_part *parts, uint32_t part_count,
                         uint64_t first, uint64_t rows, uint32_t sequence, uint8_t *out, uint64_t room, uint64_t *size)
{
    uint64_t header = MESSAGE_HEADER + PYNL_ALIGN(request->header_size), used = 0, row, last = 0;
    uint32_t i;

    for (row = first; row < rows; row++) {
        struct nlmsghdr message = {.nlmsg_type = request->type, .nlmsg_flags = request->flags | NLM_F_REQUEST};
        uint64_t length = header;
        uint8_t *at = out + used;

        for (i = 0; i < part_count; i++)
            length += part_size(&parts[i], row);
        if (length > room - used)
            break;
        message.nlmsg_len = (uint32_t)length;
        message.nlmsg_seq = sequence + (uint32_t)(row - first);
        memcpy(at, &message, sizeof(message));
        memset(at + MESSAGE_HEADER, 0, header - MESSAGE_HEADER);
        memcpy(at + MESSAGE_HEADER, request->header, request->header_size);
        for (i = 0; i < part_count; i++)
            if (parts[i].kind == PYNL_MEMBER)
                put_member(at + MESSAGE_HEADER, &parts[i], row);
        at += header;
        for (i = 0; i < part_count; i++)
            at = put_part(at, &parts[i], row);
        last = used;
        used += length;
    }
    if (row > first) {
        struct nlmsghdr message;

        memcpy(&message, out + last, sizeof(message));
        message.nlmsg_flags |= NLM_F_ACK;
        memcpy(out + last, &message, sizeof(message));
    }
    *size = used;
    return row == first && first < rows ? -EMSGSIZE : (int64_t)(row - first);
}

static int keep_answer(struct pynl_answers *answers, const uint8_t *data, uint64_t size)
{
    if (answers->size + size > answers->capacity) {
        uint64_t capacity = answers->capacity ? answers->capacity * 2 : 4096;
        uint8_t *grown;

        while (capacity < answers->size + size)
            capacity *= 2;
        grown = realloc(answers->data, capacity);
        if (!grown)
            return -ENOMEM;
        answers->data = grown;
        answers->capacity = capacity;
    }
    memcpy(answers->data + answers->size, data, size);
    memset(answers->data + answers->size + size, 0, PYNL_ALIGN(size) - size);
    answers->size += PYNL_ALIGN(size);
    answers->count++;
    return 0;
}

/* Keeps the refusals of one datagram; 1 once the last request is answered. */
static int sort_answers(struct pynl_answers *answers, const struct pynl_socket *socket, uint64_t size, uint32_t first,
                        uint32_t count)
{
    struct walk w = {.at = socket->buffer, .left = size};
    int result = 0;

    for (; walk_message(&w); walk_next(&w)) {
        uint32_t number = w.header.nlmsg_seq - first;

        answers->messages++;
        if (w.header.nlmsg_type != NLMSG_ERROR || w.header.nlmsg_pid != socket->port || number >= count ||
            w.header.nlmsg_len < MESSAGE_HEADER + sizeof(int32_t))
            continue;
        if (load32(w.at + MESSAGE_HEADER)) {
            int kept = keep_answer(answers, w.at, w.header.nlmsg_len);

            if (kept < 0)
                return kept;
        }
        if (number == count - 1)
            result = 1;
    }
    return result;
}

int pynl_answers_receive(struct pynl_answers *answers, const struct pynl_socket *socket, uint32_t first, uint32_t count,
                         int timeout_ms)
{
    for (;;) {
        uint32_t sender = 0;
        int64_t size = pynl_socket_receive(socket, timeout_ms, &sender);
        int result;

        if (size < 0)
            return (int)size;
        answers->bytes += (uint64_t)size;
        result = sender ? 0 : sort_answers(answers, socket, (uint64_t)size, first, count);
        if (result)
            return result;
    }
}

void pynl_answers_free(struct pynl_answers *answers)
{
    free(answers->data);
    memset(answers, 0, sizeof(*answers));
}
