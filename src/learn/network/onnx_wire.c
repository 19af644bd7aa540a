/*
 * Protocol buffers' wire format (onnx_wire.h).
 */
#include "learn/network/onnx_wire.h"

#include <string.h>

bool mx_wire_varint(mx_str *bytes, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < bytes->size && i < 10; i++) {
        uint64_t byte = (unsigned char)bytes->data[i];
        if (i == 9 && byte > 1)
            return false;
        *value |= (byte & 127) << (7 * i);
        if (byte < 128) {
            bytes->data += i + 1;
            bytes->size -= i + 1;
            return true;
        }
    }
    return false;
}

static uint64_t little_endian(const char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

bool mx_wire_next(mx_str *message, mx_wire_field *field, bool *bad)
{
    uint64_t key, size = 0;
    if (message->size == 0)
        return false;
    *field = (mx_wire_field){0};
    *bad = true;
    if (!mx_wire_varint(message, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
        return false;
    field->number = (uint32_t)(key >> 3);
    field->type = (int)(key & 7);
    switch (field->type) {
    case 0:
        *bad = !mx_wire_varint(message, &field->value);
        return !*bad;
    case 1:
    case 5:
        size = field->type == 1 ? 8 : 4;
        break;
    case 2:
        if (!mx_wire_varint(message, &size))
            return false;
        break;
    default:
        return false;
    }
    if (size > message->size)
        return false;
    if (field->type == 2)
        field->bytes = (mx_str){message->data, (size_t)size};
    else
        field->value = little_endian(message->data, (size_t)size);
    message->data += size;
    message->size -= (size_t)size;
    *bad = false;
    return true;
}

static void put_varint(mx_text *out, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    for (; value >= 128; value >>= 7)
        bytes[n++] = (char)(unsigned char)(value | 128);
    bytes[n++] = (char)value;
    mx_text_append(out, bytes, n);
}

void mx_wire_put_varint(mx_text *out, uint32_t number, uint64_t value)
{
    put_varint(out, (uint64_t)number << 3);
    put_varint(out, value);
}

void mx_wire_put_float(mx_text *out, uint32_t number, float value)
{
    uint32_t bits;
    char bytes[4];
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (char)(unsigned char)(bits >> (8 * i));
    put_varint(out, (uint64_t)number << 3 | 5);
    mx_text_append(out, bytes, sizeof bytes);
}

void mx_wire_put_bytes(mx_text *out, uint32_t number, const void *data, size_t size)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, size);
    mx_text_append(out, data, size);
}

void mx_wire_put_word(mx_text *out, uint32_t number, const char *word)
{
    mx_wire_put_bytes(out, number, word, strlen(word));
}
