/*
 * A growing text. A failure is remembered, so that a long run of appends needs one check at its end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

static char nothing[1] = "";

void mx_text_init(mx_text *text, const merx_allocator *alloc, size_t max_size)
{
    *text = (mx_text){.alloc = mx_allocator_or_default(alloc), .data = nothing, .max_size = max_size};
}

/* Makes room for n more bytes and the terminator. */
static bool make_room(mx_text *text, size_t n)
{
    if (text->failed)
        return false;
    if (n > text->max_size || text->size > text->max_size - n || text->size + n == SIZE_MAX) {
        text->failed = true;
        text->over_limit = true;
        return false;
    }
    size_t need = text->size + n + 1;
    if (need <= text->capacity)
        return true;
    size_t capacity = text->capacity < 64 ? 64 : text->capacity + text->capacity / 2;
    if (capacity > text->max_size && text->max_size < SIZE_MAX)
        capacity = text->max_size + 1;
    if (capacity < need)
        capacity = need;
    char *data = text->capacity == 0 ? text->alloc->alloc(text->alloc->context, capacity)
                                     : text->alloc->resize(text->alloc->context, text->data, text->capacity, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void mx_text_append(mx_text *text, const char *data, size_t size)
{
    if (size == 0 || !make_room(text, size))
        return;
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

char *mx_text_room(mx_text *text, size_t n)
{
    return make_room(text, n) ? text->data + text->size : NULL;
}

void mx_text_wrote(mx_text *text, size_t n)
{
    text->size += n;
    text->data[text->size] = '\0';
}

void mx_text_puts(mx_text *text, const char *string)
{
    if (string != NULL)
        mx_text_append(text, string, strlen(string));
}

void mx_text_printf(mx_text *text, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
        return;
    }
    if ((size_t)length < sizeof small) {
        mx_text_append(text, small, (size_t)length);
        return;
    }
    if (!make_room(text, (size_t)length))
        return;
    va_start(arguments, format);
    vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)length;
}

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD, for what is no UTF-8 */

typedef const char *(*escape_fn)(unsigned char c, char *buffer);
typedef size_t (*plain_fn)(const char *data, size_t size);

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* How many of the first bytes go into JSON as they are and are ASCII; at least that, by eights. */
static size_t plain_json(const char *data, size_t size)
{
    size_t i = 0;
    for (; size - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, data + i, sizeof x);
        /* A byte's high bit: it is none of ASCII, below 0x20, a quote or a backslash; a borrow only reaches bytes behind such a one. */
        uint64_t quote = x ^ EACH('"'), slash = x ^ EACH('\\');
        if ((x | (x - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1))) & EACH(0x80))
            break;
    }
    return i;
}

static size_t plain_html(const char *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

static const char *json_escape(unsigned char c, char *buffer)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if (c >= 0x20)
            return NULL;
        snprintf(buffer, 8, "\\u%04x", (unsigned)c);
        return buffer;
    }
}

static const char *html_escape(unsigned char c, char *buffer)
{
    (void)buffer;
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return NULL;
    default:
        return c < 0x20 ? replacement : NULL; /* XML has no way to write other control characters */
    }
}

static void append_escaped(mx_text *text, mx_str value, escape_fn escape, plain_fn plain_of)
{
    size_t plain = 0; /* start of the bytes that go out as they are */
    for (size_t i = 0; i < value.size;) {
        char buffer[8];
        i += plain_of(value.data + i, value.size - i);
        if (i == value.size)
            break;
        uint32_t code = 0;
        size_t step = mx_utf8_decode(value.data + i, value.size - i, &code);
        const char *instead = step == 0 ? replacement : step == 1 ? escape((unsigned char)code, buffer) : NULL;
        if (step == 0)
            step = 1;
        if (instead != NULL) {
            mx_text_append(text, value.data + plain, i - plain);
            mx_text_puts(text, instead);
            plain = i + step;
        }
        i += step;
    }
    if (value.size > plain)
        mx_text_append(text, value.data + plain, value.size - plain);
}

void mx_text_json(mx_text *text, mx_str value)
{
    append_escaped(text, value, json_escape, plain_json);
}

char *mx_write_json(char *out, mx_str value)
{
    for (size_t i = 0; i < value.size;) {
        size_t plain = plain_json(value.data + i, value.size - i);
        memcpy(out, value.data + i, plain);
        out += plain;
        i += plain;
        /* What is left is short, or has something to escape in its next eight bytes. */
        for (size_t end = value.size - i < 8 ? value.size : i + 8; i < end;) {
            char buffer[8];
            unsigned char c = (unsigned char)value.data[i];
            if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
                *out++ = (char)c;
                i++;
                continue;
            }
            uint32_t code = 0;
            size_t step = mx_utf8_decode(value.data + i, value.size - i, &code);
            const char *instead = step == 0 ? replacement : step == 1 ? json_escape(c, buffer) : NULL;
            size_t length = instead ? strlen(instead) : step;
            memcpy(out, instead ? instead : value.data + i, length);
            out += length;
            i += step ? step : 1;
        }
    }
    return out;
}

void mx_text_html(mx_text *text, mx_str value)
{
    append_escaped(text, value, html_escape, plain_html);
}

merx_status mx_text_ok(const mx_text *text, merx_error *err)
{
    if (!text->failed)
        return MERX_OK;
    if (text->over_limit)
        MX_FAIL(err, MERX_E_LIMIT, "text", "more than the %zu bytes allowed", text->max_size);
    MX_FAIL(err, MERX_E_MEMORY, "text", "no memory for more than %zu bytes", text->size);
}

void mx_text_clear(mx_text *text)
{
    text->size = 0;
    text->failed = false;
    text->over_limit = false;
    if (text->capacity > 0)
        text->data[0] = '\0';
}

void mx_text_release(mx_text *text)
{
    if (text->capacity > 0)
        text->alloc->release(text->alloc->context, text->data, text->capacity);
    text->data = nothing;
    text->capacity = 0;
    text->size = 0;
    text->failed = false;
    text->over_limit = false;
}

/* The size lies before the text, so that freeing needs no more than the pointer. */
merx_status mx_text_give(const mx_text *text, char **out, merx_error *err)
{
    unsigned char *block = NULL;
    *out = NULL;
    MX_TRY(mx_text_ok(text, err));
    size_t bytes = sizeof(max_align_t) + text->size + 1;
    MX_TRY(mx_alloc_array_raw(merx_allocator_default(), bytes, 1, "text", &block, err));
    memcpy(block, &bytes, sizeof bytes);
    memcpy(block + sizeof(max_align_t), text->data, text->size + 1);
    *out = (char *)block + sizeof(max_align_t);
    return MERX_OK;
}

void merx_text_free(char *text)
{
    if (text == NULL)
        return;
    void *block = text - sizeof(max_align_t);
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    mx_free_array(merx_allocator_default(), block, bytes, 1);
}
