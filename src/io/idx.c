/*
 * IDX files (see idx.h).
 */
#include "io/idx.h"

#include <string.h>

static const struct {
    mx_idx_type type;
    size_t size;
    const char *name;
} types[] = {{MX_IDX_UINT8, 1, "uint8"}, {MX_IDX_INT8, 1, "int8"},       {MX_IDX_INT16, 2, "int16"},
             {MX_IDX_INT32, 4, "int32"}, {MX_IDX_FLOAT32, 4, "float32"}, {MX_IDX_FLOAT64, 8, "float64"}};
enum { TYPES = sizeof types / sizeof *types };

size_t mx_idx_element_size(mx_idx_type type)
{
    for (int t = 0; t < TYPES; t++)
        if (types[t].type == type)
            return types[t].size;
    return 0;
}

const char *mx_idx_type_name(mx_idx_type type)
{
    for (int t = 0; t < TYPES; t++)
        if (types[t].type == type)
            return types[t].name;
    return "unknown";
}

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Reads until size bytes are there or the source ends. */
static merx_status read_full(mx_source *source, unsigned char *out, size_t size, size_t *got, merx_error *err)
{
    *got = 0;
    while (*got < size) {
        size_t step;
        MX_TRY(mx_source_read(source, out + *got, size - *got, &step, err));
        if (step == 0)
            break;
        *got += step;
    }
    return MERX_OK;
}

static merx_status read_header(mx_source *source, uint64_t max_bytes, mx_idx *out, size_t *bytes, merx_error *err)
{
    const char *name = mx_source_name(source);
    unsigned char head[4 + 4 * MX_IDX_MAX_DIMS];
    size_t got;
    MX_TRY(read_full(source, head, 4, &got, err));
    if (got < 4 || head[0] != 0 || head[1] != 0)
        MX_FAIL(err, MERX_E_PARSE, name, "is no IDX file (expected two bytes of zero, a type, a number of dimensions)");
    const size_t size = mx_idx_element_size((mx_idx_type)head[2]);
    if (size == 0)
        MX_FAIL(err, MERX_E_TYPE, name,
                "holds values of type 0x%02X (expected 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64)",
                head[2]);
    if (head[3] < 1 || head[3] > MX_IDX_MAX_DIMS)
        MX_FAIL(err, MERX_E_SHAPE, name, "has %d dimensions (expected 1 to %d)", head[3], MX_IDX_MAX_DIMS);
    out->type = (mx_idx_type)head[2];
    out->dims = head[3];
    MX_TRY(read_full(source, head + 4, 4 * (size_t)out->dims, &got, err));
    if (got < 4 * (size_t)out->dims)
        MX_FAIL(err, MERX_E_CORRUPT, name, "is cut short: its header names %d dimensions", out->dims);
    out->columns = 1;
    *bytes = size;
    for (int i = 0; i < out->dims; i++) {
        out->shape[i] = big_endian(head + 4 + 4 * i);
        if ((i > 0 && !mx_mul_size(out->columns, out->shape[i], &out->columns)) ||
            !mx_mul_size(*bytes, out->shape[i], bytes))
            MX_FAIL(err, MERX_E_LIMIT, name, "is larger than memory can be: dimension %d is %zu", i, out->shape[i]);
    }
    out->rows = out->shape[0];
    if (out->columns == 0)
        MX_FAIL(err, MERX_E_SHAPE, name, "has a dimension of 0 besides the first");
    if (*bytes > max_bytes)
        MX_FAIL(err, MERX_E_LIMIT, name, "holds %zu bytes of values (at most %llu are taken)", *bytes,
                (unsigned long long)max_bytes);
    return MERX_OK;
}

merx_status mx_idx_read(mx_source *source, const merx_allocator *alloc, uint64_t max_bytes, mx_idx *out,
                        merx_error *err)
{
    enum { FIRST = 1 << 16 };
    size_t want;
    unsigned char beyond;
    merx_status status = MERX_OK;
    *out = (mx_idx){.dims = 0};
    MX_TRY(read_header(source, max_bytes > 0 ? max_bytes : MX_IDX_MAX_BYTES, out, &want, err));
    out->bytes = mx_vec_init(mx_allocator_or_default(alloc), 1, want, "values of an IDX file");
    size_t got = 0;
    for (size_t have = 0; have < want; have += got) {
        unsigned char *at;
        /* As much again as came so far: a header that lies costs no more than twice what is there. */
        size_t step = have > FIRST ? have : FIRST;
        step = step < want - have ? step : want - have;
        MX_TRY_GOTO(mx_vec_push(&out->bytes, step, &at, err));
        MX_TRY_GOTO(read_full(source, at, step, &got, err));
        if (got < step)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_source_name(source),
                         "is cut short: %zu rows of %zu values of %zu bytes are %zu bytes, and %zu are there",
                         out->rows, out->columns, mx_idx_element_size(out->type), want, have + got);
    }
    MX_TRY_GOTO(mx_source_read(source, &beyond, 1, &got, err));
    if (got > 0)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_source_name(source), "goes on after its %zu rows of %zu values", out->rows,
                     out->columns);
    return MERX_OK;
out:
    mx_idx_close(out);
    return status;
}

merx_status mx_idx_open(const char *path, const merx_allocator *alloc, uint64_t max_bytes, mx_idx *out, merx_error *err)
{
    mx_source *source;
    *out = (mx_idx){.dims = 0};
    MX_TRY(mx_source_open(path, alloc, 0, &source, err));
    merx_status status = mx_idx_read(source, alloc, max_bytes, out, err);
    mx_source_close(source);
    return status;
}

void mx_idx_close(mx_idx *idx)
{
    if (idx->bytes.alloc != NULL)
        mx_vec_release(&idx->bytes);
    *idx = (mx_idx){.dims = 0};
}

/* ---- values ---- */

static uint64_t bits_at(const unsigned char *at, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | at[i];
    return bits;
}

static double value_at(mx_idx_type type, const unsigned char *at)
{
    switch (type) {
    case MX_IDX_UINT8:
        return at[0];
    case MX_IDX_INT8:
        return (int8_t)at[0];
    case MX_IDX_INT16:
        return (int16_t)bits_at(at, 2);
    case MX_IDX_INT32:
        return (int32_t)bits_at(at, 4);
    case MX_IDX_FLOAT32: {
        const uint32_t bits = (uint32_t)bits_at(at, 4);
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    default: {
        const uint64_t bits = bits_at(at, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    }
}

void mx_idx_floats(const mx_idx *idx, size_t first, size_t n, float scale, float *out)
{
    const size_t size = mx_idx_element_size(idx->type), count = n * idx->columns;
    const unsigned char *at = (const unsigned char *)idx->bytes.data + first * idx->columns * size;
    if (idx->type == MX_IDX_UINT8) {
        for (size_t i = 0; i < count; i++)
            out[i] = (float)at[i] * scale;
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = (float)value_at(idx->type, at + i * size) * scale;
}

void mx_idx_doubles(const mx_idx *idx, size_t first, size_t n, double scale, double *out)
{
    const size_t size = mx_idx_element_size(idx->type), count = n * idx->columns;
    const unsigned char *at = (const unsigned char *)idx->bytes.data + first * idx->columns * size;
    for (size_t i = 0; i < count; i++)
        out[i] = value_at(idx->type, at + i * size) * scale;
}

/* ---- names ---- */

bool mx_idx_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    mx_str name = mx_str_of(slash != NULL ? slash + 1 : path);
    if (mx_str_ends(name, ".gz"))
        name.size -= 3;
    else if (mx_str_ends(name, ".zst"))
        name.size -= 4;
    if (mx_str_ends(name, ".idx"))
        return true;
    /* …-idxN or .idxN, then the end or "-ubyte" and its like. */
    for (size_t i = 1; i + 4 <= name.size; i++)
        if ((name.data[i - 1] == '-' || name.data[i - 1] == '.') && memcmp(name.data + i, "idx", 3) == 0 &&
            name.data[i + 3] >= '1' && name.data[i + 3] <= '8' && (i + 4 == name.size || name.data[i + 4] == '-') &&
            memchr(name.data + i, '.', name.size - i) == NULL)
            return true;
    return false;
}
