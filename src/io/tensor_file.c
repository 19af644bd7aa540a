/*
 * Reading a tensor file (see tensor_file.h for the layout). Nothing in the header is believed: the length is checked against the file, every
 * shape against its type and its place, and the places against each other: they must cover the data without hole or overlap.
 *
 * A file written by another program (no "merx_format") is read too, when its types are ours.
 */
#include "io/tensor_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/tensor_format.h"

typedef struct entry {
    mx_tensor tensor;
    uint64_t begin, end; /* in the data */
} entry;

struct mx_tensor_file {
    const merx_allocator *alloc;
    char *name;
    size_t name_bytes;
    mx_map map;                /* data NULL: the caller's memory */
    const unsigned char *data; /* the tensors' part */
    size_t data_size;
    json_t *header; /* owns the strings */
    json_t *meta;   /* of header; NULL: none */
    entry *entries; /* with pads; in order of place */
    size_t entry_count;
    mx_tensor *tensors; /* without pads; in order of place */
    size_t count;
    const mx_tensor **by_name; /* sorted */
};

/* ---- types ---- */

static const struct {
    const char *name;
    size_t size;
} dtypes[MX_DTYPES] = {
    [MX_U8] = {"U8", 1},   [MX_I8] = {"I8", 1},   [MX_I32] = {"I32", 4},
    [MX_I64] = {"I64", 8}, [MX_F32] = {"F32", 4}, [MX_F64] = {"F64", 8},
};

size_t mx_dtype_size(mx_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *mx_dtype_name(mx_dtype dtype)
{
    return dtypes[dtype].name;
}

bool mx_tensor_bytes(mx_dtype dtype, int dims, const uint64_t *shape, size_t *bytes)
{
    size_t size = mx_dtype_size(dtype);
    for (int i = 0; i < dims; i++)
        if (shape[i] == 0) {
            *bytes = 0;
            return true;
        }
    for (int i = 0; i < dims; i++)
        if (!mx_mul_size(size, shape[i], &size))
            return false;
    *bytes = size;
    return true;
}

/* ---- the header ---- */

static merx_status read_u64(const mx_tensor_file *f, const char *tensor, const json_t *value, const char *what,
                            uint64_t *out, merx_error *err)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < 0)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\": %s is not a whole number >= 0", tensor, what);
    *out = (uint64_t)number;
    return MERX_OK;
}

static merx_status read_dtype(const mx_tensor_file *f, const char *tensor, const json_t *value, mx_dtype *out,
                              merx_error *err)
{
    const char *text = json_string_value(value);
    if (!text)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\" has no \"dtype\"", tensor);
    for (int i = 0; i < MX_DTYPES; i++) {
        if (strcmp(text, dtypes[i].name) == 0) {
            *out = (mx_dtype)i;
            return MERX_OK;
        }
    }
    MX_FAIL(err, MERX_E_UNSUPPORTED, f->name, "tensor \"%s\" is of type %.20s; U8, I8, I32, I64, F32 and F64 are read",
            tensor, text);
}

static merx_status read_entry(const mx_tensor_file *f, const char *name, const json_t *value, entry *out,
                              merx_error *err)
{
    mx_tensor *t = &out->tensor;
    const json_t *shape = json_object_get(value, "shape"), *places = json_object_get(value, "data_offsets");
    t->name = name;
    if (!json_is_object(value) || !json_is_array(shape) || !json_is_array(places) || json_array_size(places) != 2)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\" lacks its dtype, shape or data_offsets", name);
    MX_TRY(read_dtype(f, name, json_object_get(value, "dtype"), &t->dtype, err));
    if (json_array_size(shape) > MX_TENSOR_MAX_DIMS)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->name, "tensor \"%s\" has %zu dimensions; at most %d are read", name,
                json_array_size(shape), MX_TENSOR_MAX_DIMS);
    t->dims = (int)json_array_size(shape);
    for (int i = 0; i < t->dims; i++)
        MX_TRY(read_u64(f, name, json_array_get(shape, (size_t)i), "a dimension", &t->shape[i], err));
    MX_TRY(read_u64(f, name, json_array_get(places, 0), "a data offset", &out->begin, err));
    MX_TRY(read_u64(f, name, json_array_get(places, 1), "a data offset", &out->end, err));
    if (out->begin > out->end || out->end > f->data_size)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\" lies outside the file, which may be cut short", name);
    if (!mx_tensor_bytes(t->dtype, t->dims, t->shape, &t->size_bytes) || t->size_bytes != out->end - out->begin)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\": its shape does not fit its place", name);
    t->data = f->data ? f->data + out->begin : NULL;
    if (t->size_bytes > 0 && (uintptr_t)t->data % mx_dtype_size(t->dtype) != 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->name, "tensor \"%s\" is not aligned to its type", name);
    return MERX_OK;
}

static merx_status read_meta(mx_tensor_file *f, merx_error *err)
{
    const char *key;
    json_t *value;
    f->meta = json_object_get(f->header, "__metadata__");
    if (!f->meta)
        return MERX_OK;
    if (!json_is_object(f->meta))
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its metadata is not an object");
    json_object_foreach(f->meta, key, value) if (!json_is_string(value))
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its metadata \"%s\" is not a text", key);
    const char *format = mx_tensor_file_meta(f, MX_META_FORMAT);
    int64_t version;
    if (!format)
        return MERX_OK;
    if (!mx_parse_int64(mx_str_of(format), &version) || version < 1)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its format \"%.20s\" is not a number", format);
    if (version > MX_TENSOR_FORMAT)
        MX_FAIL(err, MERX_E_VERSION, f->name, "is of format %lld, written by a newer merx; this one reads up to %d",
                (long long)version, MX_TENSOR_FORMAT);
    return MERX_OK;
}

static int compare_places(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->tensor.name, y->tensor.name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const mx_tensor *const *)a)->name, (*(const mx_tensor *const *)b)->name);
}

static merx_status read_entries(mx_tensor_file *f, merx_error *err)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    f->entry_count = json_object_size(f->header) - (f->meta ? 1 : 0);
    MX_TRY(mx_alloc_array(f->alloc, f->entry_count, sizeof(entry), "tensors of a file", &f->entries, err));
    MX_TRY(mx_alloc_array(f->alloc, f->entry_count, sizeof(mx_tensor), "tensors of a file", &f->tensors, err));
    MX_TRY(mx_alloc_array(f->alloc, f->entry_count, sizeof(mx_tensor *), "tensors of a file", &f->by_name, err));
    json_object_foreach(f->header, key, value) if (strcmp(key, "__metadata__") != 0)
        MX_TRY(read_entry(f, key, value, &f->entries[n++], err));
    if (n > 0)
        qsort(f->entries, n, sizeof(entry), compare_places);
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const entry *e = &f->entries[i];
        if (e->begin != at)
            MX_FAIL(err, MERX_E_CORRUPT, f->name, "tensor \"%s\" leaves a hole or overlaps another", e->tensor.name);
        at = e->end;
        if (!mx_str_starts(mx_str_of(e->tensor.name), MX_PAD_PREFIX))
            f->tensors[f->count++] = e->tensor;
    }
    if (at != f->data_size)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its tensors have %llu bytes and its data %zu", (unsigned long long)at,
                f->data_size);
    for (size_t i = 0; i < f->count; i++)
        f->by_name[i] = &f->tensors[i];
    if (f->count > 0)
        qsort(f->by_name, f->count, sizeof *f->by_name, compare_names);
    return MERX_OK;
}

static merx_status check_sum(const mx_tensor_file *f, merx_error *err)
{
    char hex[65];
    const char *expected = mx_tensor_file_meta(f, MX_META_CHECKSUM);
    if (!expected)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "has no checksum to check");
    mx_sha256_hex(f->data, f->data_size, hex);
    if (strcmp(hex, expected) != 0)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its data is damaged: SHA-256 %.16s... where %.16s... was written", hex,
                expected);
    return MERX_OK;
}

static merx_status parse(mx_tensor_file *f, const unsigned char *bytes, size_t size, bool verify, merx_error *err)
{
    if (size < 8)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "is no tensor file: %zu bytes, at least 8 expected", size);
    uint64_t header_size = 0;
    for (int i = 7; i >= 0; i--)
        header_size = header_size << 8 | bytes[i];
    if (header_size > size - 8)
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "is no tensor file, or cut short: its header ends beyond its %zu bytes",
                size);
    if (header_size > MX_HEADER_MAX)
        MX_FAIL(err, MERX_E_LIMIT, f->name, "has a header of %llu bytes; at most %zu are read",
                (unsigned long long)header_size, MX_HEADER_MAX);
    json_error_t why;
    f->data = bytes + 8 + header_size;
    f->data_size = size - 8 - (size_t)header_size;
    f->header = json_loadb((const char *)bytes + 8, (size_t)header_size, JSON_REJECT_DUPLICATES, &why);
    if (!f->header && json_error_code(&why) == json_error_out_of_memory)
        MX_FAIL(err, MERX_E_MEMORY, f->name, "no memory for its header");
    if (!json_is_object(f->header))
        MX_FAIL(err, MERX_E_CORRUPT, f->name, "its header is not a JSON object (%s)",
                f->header ? "another value" : why.text);
    MX_TRY(read_meta(f, err));
    MX_TRY(read_entries(f, err));
    return verify ? check_sum(f, err) : MERX_OK;
}

/* ---- opening ---- */

static merx_status file_new(const char *name, const merx_allocator *alloc, mx_tensor_file **out, merx_error *err)
{
    mx_tensor_file *f;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *f, "tensor file", &f, err));
    f->alloc = alloc;
    f->name_bytes = strlen(name) + 1;
    merx_status status = mx_alloc_array_raw(alloc, f->name_bytes, 1, "name of a tensor file", &f->name, err);
    if (status != MERX_OK) {
        mx_tensor_file_close(f);
        return status;
    }
    memcpy(f->name, name, f->name_bytes);
    *out = f;
    return MERX_OK;
}

merx_status mx_tensor_file_open(const char *path, const merx_allocator *alloc, bool verify, mx_tensor_file **out,
                                merx_error *err)
{
    mx_tensor_file *f;
    *out = NULL;
    MX_TRY(file_new(path, alloc, &f, err));
    merx_status status = mx_map_open(path, &f->map, err);
    if (status == MERX_OK)
        status = parse(f, f->map.data, f->map.size, verify, err);
    if (status != MERX_OK) {
        mx_tensor_file_close(f);
        return status;
    }
    *out = f;
    return MERX_OK;
}

merx_status mx_tensor_file_memory(const void *data, size_t size, const char *name, const merx_allocator *alloc,
                                  bool verify, mx_tensor_file **out, merx_error *err)
{
    mx_tensor_file *f;
    *out = NULL;
    MX_TRY(file_new(name, alloc, &f, err));
    merx_status status = parse(f, data, size, verify, err);
    if (status != MERX_OK) {
        mx_tensor_file_close(f);
        return status;
    }
    *out = f;
    return MERX_OK;
}

void mx_tensor_file_close(mx_tensor_file *file)
{
    if (!file)
        return;
    json_decref(file->header);
    MX_FREE_ARRAY(file->alloc, file->entries, file->entry_count);
    MX_FREE_ARRAY(file->alloc, file->tensors, file->entry_count);
    mx_free_array(file->alloc, file->by_name, file->entry_count, sizeof *file->by_name);
    mx_map_close(&file->map);
    mx_free_array(file->alloc, file->name, file->name ? file->name_bytes : 0, 1);
    mx_free_array(file->alloc, file, 1, sizeof *file);
}

/* ---- what is inside ---- */

const char *mx_tensor_file_name(const mx_tensor_file *file)
{
    return file->name;
}

size_t mx_tensor_file_count(const mx_tensor_file *file)
{
    return file->count;
}

const mx_tensor *mx_tensor_file_at(const mx_tensor_file *file, size_t i)
{
    return &file->tensors[i];
}

const char *mx_tensor_file_meta(const mx_tensor_file *file, const char *key)
{
    return json_string_value(json_object_get(file->meta, key));
}

static const mx_tensor *find(const mx_tensor_file *file, const char *name)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(file->by_name[middle]->name, name);
        if (order == 0)
            return file->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

merx_status mx_tensor_file_get(const mx_tensor_file *file, const char *name, mx_dtype dtype, int dims,
                               const uint64_t *shape, const mx_tensor **out, merx_error *err)
{
    *out = NULL;
    const mx_tensor *tensor = find(file, name);
    if (!tensor)
        MX_FAIL(err, MERX_E_CORRUPT, file->name, "has no tensor \"%s\"", name);
    if (tensor->dtype != dtype)
        MX_FAIL(err, MERX_E_CORRUPT, file->name, "tensor \"%s\" is of type %s; %s was expected", name,
                mx_dtype_name(tensor->dtype), mx_dtype_name(dtype));
    if (dims >= 0 && tensor->dims != dims)
        MX_FAIL(err, MERX_E_CORRUPT, file->name, "tensor \"%s\" has %d dimensions; %d were expected", name,
                tensor->dims, dims);
    for (int i = 0; i < dims; i++)
        if (shape[i] != 0 && tensor->shape[i] != shape[i])
            MX_FAIL(err, MERX_E_CORRUPT, file->name, "tensor \"%s\": dimension %d is %llu; %llu was expected", name, i,
                    (unsigned long long)tensor->shape[i], (unsigned long long)shape[i]);
    *out = tensor;
    return MERX_OK;
}

merx_status mx_tensor_file_vector(const mx_tensor_file *file, const char *name, mx_dtype dtype, uint64_t n,
                                  void *data_out, uint64_t *n_out, merx_error *err)
{
    const mx_tensor *tensor;
    MX_TRY(mx_tensor_file_get(file, name, dtype, 1, &n, &tensor, err));
    memcpy(data_out, &tensor->data, sizeof tensor->data); /* a const T **, whatever T is */
    if (n_out)
        *n_out = tensor->shape[0];
    return MERX_OK;
}

merx_status mx_tensor_file_strings(const mx_tensor_file *file, const char *name, mx_arena *arena, mx_str **strings,
                                   size_t *n, merx_error *err)
{
    *strings = NULL;
    *n = 0;
    char *offsets_name = mx_arena_printf(arena, err, "%s.offsets", name);
    char *bytes_name = mx_arena_printf(arena, err, "%s.bytes", name);
    if (!offsets_name || !bytes_name)
        return MERX_E_MEMORY;
    const int64_t *offsets;
    const char *bytes;
    uint64_t count, size;
    MX_TRY(mx_tensor_file_vector(file, offsets_name, MX_I64, 0, &offsets, &count, err));
    MX_TRY(mx_tensor_file_vector(file, bytes_name, MX_U8, 0, &bytes, &size, err));
    if (count == 0 || offsets[0] != 0 || (uint64_t)offsets[count - 1] != size)
        MX_FAIL(err, MERX_E_CORRUPT, file->name, "the offsets of the strings \"%s\" do not fit their bytes", name);
    for (uint64_t i = 1; i < count; i++)
        if (offsets[i] < offsets[i - 1])
            MX_FAIL(err, MERX_E_CORRUPT, file->name, "the offsets of the strings \"%s\" go back at %llu", name,
                    (unsigned long long)i);
    if (count == 1)
        return MERX_OK;
    mx_str *list = mx_arena_array(arena, count - 1, sizeof *list, err);
    if (!list)
        return MERX_E_MEMORY;
    for (uint64_t i = 0; i + 1 < count; i++)
        list[i] = (mx_str){bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
    *strings = list;
    *n = count - 1;
    return MERX_OK;
}
