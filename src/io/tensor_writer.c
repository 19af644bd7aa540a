/*
 * Writing a tensor file (see tensor_file.h for the layout).
 *
 * Order of the bytes: header length, header (metadata sorted by key, then the tensors in order of addition with the pads before those that
 * need them), spaces up to a multiple of 64 bytes, then the data in the same order, without holes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/atomic_file.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "io/tensor_format.h"

#define TENSORS_MAX ((size_t)1 << 20)
#define META_MAX ((size_t)1 << 16)

typedef struct meta_entry {
    const char *key, *value;
} meta_entry;

typedef struct piece { /* of the data: a tensor or a pad */
    mx_tensor tensor;
    uint64_t offset;
} piece;

struct mx_tensor_writer {
    const merx_allocator *alloc;
    mx_arena arena; /* names, metadata, copied strings */
    mx_vec meta;    /* meta_entry */
    mx_vec pieces;  /* piece */
    mx_dict *names;
    uint64_t data_size;
    size_t pads;
};

static const char zeros[MX_TENSOR_ALIGN];

merx_status mx_tensor_writer_new(const merx_allocator *alloc, mx_tensor_writer **out, merx_error *err)
{
    mx_tensor_writer *w;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *w, "tensor writer", &w, err));
    w->alloc = alloc;
    mx_arena_init(&w->arena, alloc);
    w->meta = mx_vec_init(alloc, sizeof(meta_entry), META_MAX, "metadata of a tensor file");
    w->pieces = mx_vec_init(alloc, sizeof(piece), 2 * TENSORS_MAX, "tensors of a file");
    merx_status status = mx_dict_new(alloc, TENSORS_MAX, &w->names, err);
    if (status != MERX_OK) {
        mx_tensor_writer_free(w);
        return status;
    }
    *out = w;
    return MERX_OK;
}

void mx_tensor_writer_free(mx_tensor_writer *writer)
{
    if (!writer)
        return;
    mx_dict_free(writer->names);
    mx_vec_release(&writer->meta);
    mx_vec_release(&writer->pieces);
    mx_arena_release(&writer->arena);
    mx_free_array(writer->alloc, writer, 1, sizeof *writer);
}

/* ---- adding ---- */

static merx_status check_text(const char *text, const char *what, merx_error *err)
{
    if (!mx_utf8_valid(mx_str_of(text), NULL))
        MX_FAIL(err, MERX_E_INVALID, "", "%s of a tensor file is not valid UTF-8", what);
    return MERX_OK;
}

merx_status mx_tensor_writer_meta(mx_tensor_writer *writer, const char *key, const char *value, merx_error *err)
{
    MX_TRY(check_text(key, "a metadata key", err));
    MX_TRY(check_text(value, "a metadata value", err));
    bool reserved = strcmp(key, MX_META_FORMAT) == 0 || strcmp(key, MX_META_CHECKSUM) == 0;
    for (size_t i = 0; i < writer->meta.count && !reserved; i++)
        reserved = strcmp(MX_VEC_AT(&writer->meta, meta_entry, i).key, key) == 0;
    if (reserved)
        MX_FAIL(err, MERX_E_EXISTS, "", "metadata \"%s\" is there already", key);
    meta_entry entry = {mx_arena_strdup(&writer->arena, key, err), mx_arena_strdup(&writer->arena, value, err)};
    if (!entry.key || !entry.value)
        return MERX_E_MEMORY;
    return mx_vec_append(&writer->meta, &entry, 1, err);
}

static merx_status push_piece(mx_tensor_writer *w, const mx_tensor *tensor, merx_error *err)
{
    piece p = {*tensor, w->data_size};
    MX_TRY(mx_vec_append(&w->pieces, &p, 1, err));
    w->data_size += tensor->size_bytes;
    return MERX_OK;
}

static merx_status push_pad(mx_tensor_writer *w, merx_error *err)
{
    uint64_t size = (MX_TENSOR_ALIGN - w->data_size % MX_TENSOR_ALIGN) % MX_TENSOR_ALIGN;
    if (size == 0)
        return MERX_OK;
    char *name = mx_arena_printf(&w->arena, err, MX_PAD_PREFIX "%zu", w->pads);
    if (!name)
        return MERX_E_MEMORY;
    mx_tensor pad = {.name = name, .dtype = MX_U8, .dims = 1, .shape = {size}, .data = zeros, .size_bytes = size};
    MX_TRY(push_piece(w, &pad, err));
    w->pads++;
    return MERX_OK;
}

merx_status mx_tensor_writer_add(mx_tensor_writer *writer, const char *name, mx_dtype dtype, int dims,
                                 const uint64_t *shape, const void *data, merx_error *err)
{
    MX_TRY(check_text(name, "a tensor's name", err));
    if (!*name || strcmp(name, "__metadata__") == 0 || mx_str_starts(mx_str_of(name), MX_PAD_PREFIX))
        MX_FAIL(err, MERX_E_INVALID, "", "\"%s\" can't name a tensor", name);
    if ((unsigned)dtype >= MX_DTYPES || dims < 0 || dims > MX_TENSOR_MAX_DIMS)
        MX_FAIL(err, MERX_E_INVALID, "", "tensor \"%s\": type %d with %d dimensions can't be written", name, (int)dtype,
                dims);
    mx_tensor tensor = {.name = NULL, .dtype = dtype, .dims = dims, .data = data};
    if (dims > 0)
        memcpy(tensor.shape, shape, (size_t)dims * sizeof *shape);
    uint64_t end;
    if (!mx_tensor_bytes(dtype, dims, tensor.shape, &tensor.size_bytes) ||
        __builtin_add_overflow(writer->data_size, (uint64_t)tensor.size_bytes, &end) || end > INT64_MAX / 2)
        MX_FAIL(err, MERX_E_LIMIT, "", "tensor \"%s\" is too large", name);
    if (mx_dict_find(writer->names, mx_str_of(name)) >= 0)
        MX_FAIL(err, MERX_E_EXISTS, "", "tensor \"%s\" is there already", name);
    if (tensor.size_bytes > 0)
        MX_TRY(push_pad(writer, err));
    int32_t code;
    MX_TRY(mx_vec_reserve(&writer->pieces, writer->pieces.count + 1, err)); /* so that a failure adds nothing */
    MX_TRY(mx_dict_add(writer->names, mx_str_of(name), &code, NULL, err));
    tensor.name = mx_dict_get(writer->names, code).data;
    return push_piece(writer, &tensor, err);
}

merx_status mx_tensor_writer_vector(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n,
                                    const void *data, merx_error *err)
{
    return mx_tensor_writer_add(writer, name, dtype, 1, &n, data, err);
}

merx_status mx_tensor_writer_matrix(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n, uint64_t d,
                                    const void *data, merx_error *err)
{
    const uint64_t shape[2] = {n, d};
    return mx_tensor_writer_add(writer, name, dtype, 2, shape, data, err);
}

merx_status mx_tensor_writer_strings(mx_tensor_writer *writer, const char *name, const mx_str *strings, size_t n,
                                     merx_error *err)
{
    mx_arena *arena = &writer->arena;
    size_t size = 0, count;
    for (size_t i = 0; i < n; i++)
        if (!mx_add_size(size, strings[i].size, &size))
            MX_FAIL(err, MERX_E_LIMIT, "", "the strings \"%s\" are too large", name);
    if (!mx_add_size(n, 1, &count))
        MX_FAIL(err, MERX_E_LIMIT, "", "the strings \"%s\" are too many", name);
    int64_t *offsets = mx_arena_array(arena, count, sizeof *offsets, err);
    char *bytes = mx_arena_alloc(arena, size + 1, err);
    char *offsets_name = mx_arena_printf(arena, err, "%s.offsets", name);
    char *bytes_name = mx_arena_printf(arena, err, "%s.bytes", name);
    if (!offsets || !bytes || !offsets_name || !bytes_name)
        return MERX_E_MEMORY;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (strings[i].size > 0)
            memcpy(bytes + at, strings[i].data, strings[i].size);
        at += strings[i].size;
        offsets[i + 1] = (int64_t)at;
    }
    MX_TRY(mx_tensor_writer_vector(writer, offsets_name, MX_I64, count, offsets, err));
    return mx_tensor_writer_vector(writer, bytes_name, MX_U8, size, bytes, err);
}

/* ---- writing ---- */

static int compare_meta(const void *a, const void *b)
{
    return strcmp(((const meta_entry *)a)->key, ((const meta_entry *)b)->key);
}

static void put_meta(mx_text *text, const meta_entry *entry, bool first)
{
    mx_text_puts(text, first ? "\"" : ",\"");
    mx_text_json(text, mx_str_of(entry->key));
    mx_text_puts(text, "\":\"");
    mx_text_json(text, mx_str_of(entry->value));
    mx_text_puts(text, "\"");
}

static void put_piece(mx_text *text, const piece *p)
{
    mx_text_puts(text, ",\"");
    mx_text_json(text, mx_str_of(p->tensor.name));
    mx_text_printf(text, "\":{\"dtype\":\"%s\",\"shape\":[", mx_dtype_name(p->tensor.dtype));
    for (int i = 0; i < p->tensor.dims; i++)
        mx_text_printf(text, "%s%llu", i ? "," : "", (unsigned long long)p->tensor.shape[i]);
    mx_text_printf(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)p->offset,
                   (unsigned long long)(p->offset + p->tensor.size_bytes));
}

static void checksum(const mx_tensor_writer *w, char hex[65])
{
    mx_sha256 state;
    mx_sha256_init(&state);
    for (size_t i = 0; i < w->pieces.count; i++) {
        const mx_tensor *tensor = &MX_VEC_AT(&w->pieces, piece, i).tensor;
        mx_sha256_update(&state, tensor->data, tensor->size_bytes);
    }
    mx_sha256_hex_so_far(&state, hex);
}

/* Everything before the data, padded. */
static merx_status build_header(mx_tensor_writer *w, mx_text *text, merx_error *err)
{
    char hex[65], format[16];
    checksum(w, hex);
    (void)snprintf(format, sizeof format, "%d", MX_TENSOR_FORMAT);
    mx_vec entries = mx_vec_init(w->alloc, sizeof(meta_entry), META_MAX + 2, "metadata of a tensor file");
    const meta_entry own[2] = {{MX_META_FORMAT, format}, {MX_META_CHECKSUM, hex}};
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_vec_append(&entries, own, 2, err));
    if (w->meta.count > 0)
        MX_TRY_GOTO(mx_vec_append(&entries, w->meta.data, w->meta.count, err));
    qsort(entries.data, entries.count, sizeof(meta_entry), compare_meta);
    mx_text_append(text, zeros, 8); /* the length, filled in below */
    mx_text_puts(text, "{\"__metadata__\":{");
    for (size_t i = 0; i < entries.count; i++)
        put_meta(text, &MX_VEC_AT(&entries, meta_entry, i), i == 0);
    mx_text_puts(text, "}");
    for (size_t i = 0; i < w->pieces.count; i++)
        put_piece(text, &MX_VEC_AT(&w->pieces, piece, i));
    mx_text_puts(text, "}");
    while (!text->failed && text->size % MX_TENSOR_ALIGN != 0)
        mx_text_puts(text, " ");
    MX_TRY_GOTO(mx_text_ok(text, err));
    uint64_t size = text->size - 8;
    for (int i = 0; i < 8; i++)
        text->data[i] = (char)(unsigned char)(size >> (8 * i));
out:
    mx_vec_release(&entries);
    return status;
}

size_t mx_tensor_writer_pieces(const mx_tensor_writer *writer)
{
    return writer->pieces.count;
}

const mx_tensor *mx_tensor_writer_piece(const mx_tensor_writer *writer, size_t i)
{
    const mx_tensor *tensor = &MX_VEC_AT(&writer->pieces, piece, i).tensor;
    return mx_str_starts(mx_str_of(tensor->name), MX_PAD_PREFIX) ? NULL : tensor;
}

merx_status mx_tensor_writer_bytes(mx_tensor_writer *writer, unsigned char **data, size_t *size, merx_error *err)
{
    mx_text header;
    *data = NULL;
    *size = 0;
    mx_text_init(&header, writer->alloc, MX_HEADER_MAX);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(build_header(writer, &header, err));
    size_t total;
    if (!mx_add_size(header.size, writer->data_size, &total))
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "", "the tensor file is too large for memory");
    MX_TRY_GOTO(mx_alloc_array_raw(writer->alloc, total, 1, "tensor file", data, err));
    *size = total;
    memcpy(*data, header.data, header.size);
    unsigned char *at = *data + header.size;
    for (size_t i = 0; i < writer->pieces.count; i++) {
        const mx_tensor *tensor = &MX_VEC_AT(&writer->pieces, piece, i).tensor;
        if (tensor->size_bytes > 0)
            memcpy(at, tensor->data, tensor->size_bytes);
        at += tensor->size_bytes;
    }
out:
    mx_text_release(&header);
    return status;
}

merx_status mx_tensor_writer_save(mx_tensor_writer *writer, const char *path, merx_error *err)
{
    mx_text header;
    mx_atomic_file file;
    mx_text_init(&header, writer->alloc, MX_HEADER_MAX);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(build_header(writer, &header, err));
    MX_TRY_GOTO(mx_atomic_open(&file, path, err));
    MX_TRY_GOTO(mx_atomic_write(&file, header.data, header.size, err));
    for (size_t i = 0; i < writer->pieces.count; i++) {
        const mx_tensor *tensor = &MX_VEC_AT(&writer->pieces, piece, i).tensor;
        MX_TRY_GOTO(mx_atomic_write(&file, tensor->data, tensor->size_bytes, err));
    }
    MX_TRY_GOTO(mx_atomic_commit(&file, err));
out:
    mx_text_release(&header);
    return status;
}
