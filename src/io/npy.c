/*
 * NPY files: "\x93NUMPY", two bytes of version, the header's length (2 bytes little-endian in version 1, 4 in 2 and 3), the header, the array.
 * The header is a Python dictionary with exactly the keys descr, fortran_order and shape, in any order:
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 */
#include "io/npy.h"

#include <stdio.h>
#include <string.h>

#include "io/stream.h"

static const struct {
    const char *name, *code;
    size_t size;
} types[MX_NPY_TYPES] = {
    [MX_NPY_FLOAT64] = {"float64", "f8", 8}, [MX_NPY_FLOAT32] = {"float32", "f4", 4},
    [MX_NPY_INT8] = {"int8", "i1", 1},       [MX_NPY_INT16] = {"int16", "i2", 2},
    [MX_NPY_INT32] = {"int32", "i4", 4},     [MX_NPY_INT64] = {"int64", "i8", 8},
    [MX_NPY_UINT8] = {"uint8", "u1", 1},     [MX_NPY_UINT16] = {"uint16", "u2", 2},
    [MX_NPY_UINT32] = {"uint32", "u4", 4},   [MX_NPY_UINT64] = {"uint64", "u8", 8},
    [MX_NPY_BOOL] = {"bool", "b1", 1},
};

const char *mx_npy_type_name(mx_npy_type type)
{
    return (unsigned)type < MX_NPY_TYPES ? types[type].name : "unknown";
}

size_t mx_npy_element_size(mx_npy_type type)
{
    return (unsigned)type < MX_NPY_TYPES ? types[type].size : 0;
}

/* ---- the header ---- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(cursor *c, char byte)
{
    skip_space(c);
    if (c->at == c->end || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static bool take_string(cursor *c, mx_str *out)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char quote = *c->at++;
    const char *end = memchr(c->at, quote, (size_t)(c->end - c->at));
    if (end == NULL)
        return false;
    *out = (mx_str){c->at, (size_t)(end - c->at)};
    c->at = end + 1;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    const size_t size = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0)
        return false;
    c->at += size;
    return true;
}

/* (3,) or (3, 4, 5); *dims counts them all, two are kept. */
static bool take_shape(cursor *c, size_t shape[2], int *dims)
{
    *dims = 0;
    if (!take(c, '('))
        return false;
    while (!take(c, ')')) {
        size_t value = 0;
        const char *first;
        skip_space(c);
        for (first = c->at; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            if (!mx_mul_size(value, 10, &value) || !mx_add_size(value, (size_t)(*c->at - '0'), &value))
                return false;
        if (c->at == first || *dims > 64)
            return false;
        if (*dims < 2)
            shape[*dims] = value;
        ++*dims;
        if (!take(c, ',')) {
            if (!take(c, ')'))
                return false;
            break;
        }
    }
    return true;
}

typedef struct header {
    mx_str descr;
    bool fortran, structured;
    size_t shape[2];
    int dims;
} header;

static bool parse_header(cursor c, header *h)
{
    unsigned seen = 0;
    *h = (header){.shape = {0, 0}};
    if (!take(&c, '{'))
        return false;
    while (!take(&c, '}')) {
        mx_str key;
        unsigned which;
        if (!take_string(&c, &key) || !take(&c, ':'))
            return false;
        if (mx_str_equal(key, MX_STR("descr"))) {
            which = 1;
            if (!take_string(&c, &h->descr)) {
                skip_space(&c);
                h->structured = c.at < c.end && *c.at == '[';
                return h->structured; /* a list of fields: no need to read on */
            }
        } else if (mx_str_equal(key, MX_STR("fortran_order"))) {
            which = 2;
            h->fortran = take_word(&c, "True");
            if (!h->fortran && !take_word(&c, "False"))
                return false;
        } else if (mx_str_equal(key, MX_STR("shape"))) {
            which = 4;
            if (!take_shape(&c, h->shape, &h->dims))
                return false;
        } else {
            return false;
        }
        if (seen & which)
            return false;
        seen |= which;
        if (!take(&c, ',')) {
            if (!take(&c, '}'))
                return false;
            break;
        }
    }
    skip_space(&c);
    return seen == 7 && c.at == c.end;
}

static merx_status find_type(mx_str descr, const char *name, mx_npy_type *type, merx_error *err)
{
    if (descr.size == 3 &&
        (descr.data[0] == '<' || descr.data[0] == '|' || descr.data[0] == '>' || descr.data[0] == '='))
        for (int t = 0; t < MX_NPY_TYPES; t++) {
            if (memcmp(descr.data + 1, types[t].code, 2) != 0)
                continue;
            if (descr.data[0] == '>' && types[t].size > 1)
                MX_FAIL(err, MERX_E_TYPE, name,
                        "holds big-endian numbers ('%.*s'); save them as little-endian: x.astype('<%s')",
                        (int)descr.size, descr.data, types[t].code);
            *type = (mx_npy_type)t;
            return MERX_OK;
        }
    MX_FAIL(err, MERX_E_TYPE, name,
            "holds values of type '%.*s' (expected float64, float32, int8 to int64, uint8 to uint64 or bool; "
            "x.astype('float64') makes them so)",
            descr.size > 40 ? 40 : (int)descr.size, descr.data);
}

merx_status mx_npy_parse(const void *bytes, size_t size, const char *name, mx_npy *out, merx_error *err)
{
    const unsigned char *p = bytes;
    *out = (mx_npy){.dims = 0};
    if (size >= 4 && memcmp(p, "PK\x03\x04", 4) == 0)
        MX_FAIL(err, MERX_E_PARSE, name, "is an archive of arrays (.npz); save the one array with numpy.save");
    if (size < 10 || memcmp(p, "\x93NUMPY", 6) != 0)
        MX_FAIL(err, MERX_E_PARSE, name, "is no NPY file (expected one that numpy.save wrote)");
    if (p[6] < 1 || p[6] > 3)
        MX_FAIL(err, MERX_E_VERSION, name, "is of NPY version %u.%u (expected 1, 2 or 3)", p[6], p[7]);
    size_t begin = p[6] == 1 ? 10 : 12, length = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1 && size >= 12)
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (size < begin || length > size - begin)
        MX_FAIL(err, MERX_E_CORRUPT, name, "is cut short: its header has no end");
    header h;
    const char *text = (const char *)p + begin;
    if (!parse_header((cursor){text, text + length}, &h))
        MX_FAIL(err, MERX_E_CORRUPT, name,
                "its header can't be read (expected {'descr': …, 'fortran_order': …, 'shape': …})");
    if (h.structured)
        MX_FAIL(err, MERX_E_TYPE, name, "holds records with fields; save a plain array of numbers");
    MX_TRY(find_type(h.descr, name, &out->type, err));
    if (h.dims < 1 || h.dims > 2)
        MX_FAIL(err, MERX_E_SHAPE, name, "has %d dimensions (expected a vector or a matrix)", h.dims);
    out->dims = h.dims;
    out->rows = h.shape[0];
    out->columns = h.dims == 2 ? h.shape[1] : 1;
    out->fortran = h.fortran && h.dims == 2;
    out->data = p + begin + length;
    size_t cells, need;
    if (!mx_mul_size(out->rows, out->columns, &cells) || !mx_mul_size(cells, types[out->type].size, &need) ||
        need > size - begin - length)
        MX_FAIL(err, MERX_E_CORRUPT, name, "is cut short: %zu x %zu values of %zu bytes do not fit in %zu", out->rows,
                out->columns, types[out->type].size, size - begin - length);
    return MERX_OK;
}

merx_status mx_npy_open(const char *path, mx_npy *out, merx_error *err)
{
    mx_map map;
    *out = (mx_npy){.dims = 0};
    MX_TRY(mx_map_open(path, &map, err));
    merx_status status = mx_npy_parse(map.data, map.size, path, out, err);
    if (status != MERX_OK) {
        mx_map_close(&map);
        *out = (mx_npy){.dims = 0};
        return status;
    }
    out->map = map;
    return MERX_OK;
}

void mx_npy_close(mx_npy *npy)
{
    mx_map_close(&npy->map);
    npy->data = NULL;
}

/* ---- values ---- */

static double value_at(mx_npy_type type, const unsigned char *at)
{
    uint64_t bits = 0;
    double real;
    float single;
    for (size_t i = types[type].size; i-- > 0;)
        bits = bits << 8 | at[i];
    switch (type) {
    case MX_NPY_FLOAT64:
        memcpy(&real, &bits, sizeof real);
        return real;
    case MX_NPY_FLOAT32: {
        const uint32_t half = (uint32_t)bits;
        memcpy(&single, &half, sizeof single);
        return (double)single;
    }
    case MX_NPY_INT8:
        return (double)(int8_t)bits;
    case MX_NPY_INT16:
        return (double)(int16_t)bits;
    case MX_NPY_INT32:
        return (double)(int32_t)bits;
    case MX_NPY_INT64:
        return (double)(int64_t)bits;
    case MX_NPY_BOOL:
        return bits != 0;
    default:
        return (double)bits;
    }
}

void mx_npy_rows(const mx_npy *npy, size_t first, size_t n, double *out)
{
    const size_t size = types[npy->type].size, d = npy->columns;
    if (!npy->fortran) {
        const unsigned char *at = npy->data + first * d * size;
        for (size_t i = 0; i < n * d; i++)
            out[i] = value_at(npy->type, at + i * size);
        return;
    }
    enum { TILE = 32 }; /* rows and columns at a time, so that both sides stay in the cache */
    for (size_t row = 0; row < n; row += TILE)
        for (size_t column = 0; column < d; column += TILE)
            for (size_t j = column; j < d && j < column + TILE; j++)
                for (size_t i = row; i < n && i < row + TILE; i++)
                    out[i * d + j] = value_at(npy->type, npy->data + (j * npy->rows + first + i) * size);
}

/* ---- writing ---- */

merx_status mx_npy_write(const char *path, const double *x, size_t rows, size_t columns, int dims,
                         const merx_allocator *alloc, merx_error *err)
{
    char head[256], shape[64];
    size_t cells, bytes;
    if (dims < 1 || dims > 2 || (dims == 1 && columns != 1))
        MX_FAIL(err, MERX_E_INVALID, path, "%d dimensions with %zu columns can't be written", dims, columns);
    if (!mx_mul_size(rows, columns, &cells) || !mx_mul_size(cells, sizeof *x, &bytes))
        MX_FAIL(err, MERX_E_LIMIT, path, "%zu x %zu values are too many", rows, columns);
    if (dims == 1)
        (void)snprintf(shape, sizeof shape, "(%zu,)", rows);
    else
        (void)snprintf(shape, sizeof shape, "(%zu, %zu)", rows, columns);
    memcpy(head, "\x93NUMPY\x01\x00", 8);
    int length =
        snprintf(head + 10, sizeof head - 10, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    size_t end = 10 + (size_t)length;
    const size_t whole = (end + 1 + 63) / 64 * 64; /* the array begins at a multiple of 64 */
    memset(head + end, ' ', whole - end - 1);
    head[whole - 1] = '\n';
    head[8] = (char)((whole - 10) & 0xFF);
    head[9] = (char)((whole - 10) >> 8);
    mx_sink *sink;
    MX_TRY(mx_sink_open(path, MX_PLAIN, alloc, &sink, err));
    merx_status status = mx_sink_write(sink, head, whole, err);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (status == MERX_OK && bytes > 0)
        status = mx_sink_write(sink, x, bytes, err);
#else
    for (size_t i = 0; status == MERX_OK && i < cells; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits = __builtin_bswap64(bits);
        status = mx_sink_write(sink, &bits, sizeof bits, err);
    }
#endif
    if (status != MERX_OK) {
        mx_sink_abandon(sink);
        return status;
    }
    return mx_sink_finish(sink, err);
}
