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
    mx_tensor_make_fn make; /* NULL: tensor.data */
    void *context;
} piece;

struct mx_tensor_writer {
    const merx_allocator *alloc;
    mx_arena arena; /* names, metadata, copied strings */
    mx_vec meta;    /* meta_entry */
    mx_vec pieces;  /* piece */
    mx_dict *names;
    uint64_t data_size;
    size_t pads;
    bool digest;
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
    piece p = {*tensor, w->data_size, NULL, NULL};
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

merx_status mx_tensor_writer_made(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n,
                                  mx_tensor_make_fn make, void *context, merx_error *err)
{
    MX_TRY(mx_tensor_writer_vector(writer, name, dtype, n, NULL, err));
    piece *p = &MX_VEC_AT(&writer->pieces, piece, writer->pieces.count - 1);
    p->make = make;
    p->context = context;
    return MERX_OK;
}

merx_status mx_tensor_writer_digest(mx_tensor_writer *writer, merx_error *err)
{
    MX_TRY(mx_tensor_writer_vector(writer, "digest", MX_U8, 32, NULL, err));
    writer->digest = true;
    return MERX_OK;
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
    char hex[65] = "", format[16];
    if (!w->digest)
        checksum(w, hex);
    (void)snprintf(format, sizeof format, "%d", MX_TENSOR_FORMAT);
    mx_vec entries = mx_vec_init(w->alloc, sizeof(meta_entry), META_MAX + 2, "metadata of a tensor file");
    const meta_entry own[2] = {{MX_META_FORMAT, format}, {MX_META_CHECKSUM, hex}};
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_vec_append(&entries, own, w->digest ? 1 : 2, err));
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

/* ---- the data, in order ---- */

enum { MADE_BYTES = 1 << 16, DIGEST_BLOCK = 1 << 20 };

/* What goes out, and the digest of it. */
typedef struct outlet {
    mx_tensor_put_fn put;
    void *context;
    bool digest;
    mx_sha256 sha;        /* of the blocks' hashes */
    unsigned char *block; /* (DIGEST_BLOCK) so far */
    size_t filled;
} outlet;

static void end_block(outlet *o)
{
    uint64_t hash = mx_hash64(o->block, o->filled, 0);
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(hash >> (8 * i));
    mx_sha256_update(&o->sha, bytes, sizeof bytes);
    o->filled = 0;
}

static merx_status put_data(outlet *o, const void *data, size_t size, merx_error *err)
{
    const unsigned char *at = data;
    for (size_t left = size; o->digest && left > 0;) {
        size_t n = DIGEST_BLOCK - o->filled < left ? DIGEST_BLOCK - o->filled : left;
        memcpy(o->block + o->filled, at, n);
        at += n;
        left -= n;
        o->filled += n;
        if (o->filled == DIGEST_BLOCK)
            end_block(o);
    }
    return size > 0 ? o->put(o->context, data, size, err) : MERX_OK;
}

static merx_status put_made(outlet *o, const piece *p, merx_error *err)
{
    _Alignas(MX_TENSOR_ALIGN) unsigned char buffer[MADE_BYTES];
    size_t size = mx_dtype_size(p->tensor.dtype);
    uint64_t n = p->tensor.shape[0], most = MADE_BYTES / size;
    for (uint64_t first = 0; first < n; first += most) {
        uint64_t now = n - first < most ? n - first : most;
        MX_TRY(p->make(p->context, buffer, first, now, err));
        MX_TRY(put_data(o, buffer, (size_t)now * size, err));
    }
    return MERX_OK;
}

static merx_status put_digest(outlet *o, merx_error *err)
{
    char hex[65];
    unsigned char bytes[32];
    if (o->filled > 0)
        end_block(o);
    mx_sha256_hex_so_far(&o->sha, hex);
    for (int i = 0; i < 32; i++) {
        const char *digits = "0123456789abcdef";
        bytes[i] =
            (unsigned char)((strchr(digits, hex[2 * i]) - digits) << 4 | (strchr(digits, hex[2 * i + 1]) - digits));
    }
    return o->put(o->context, bytes, sizeof bytes, err);
}

static merx_status put_pieces(const mx_tensor_writer *w, outlet *o, merx_error *err)
{
    for (size_t i = 0; i < w->pieces.count; i++) {
        const piece *p = &MX_VEC_AT(&w->pieces, piece, i);
        if (p->make)
            MX_TRY(put_made(o, p, err));
        else if (w->digest && i + 1 == w->pieces.count)
            MX_TRY(put_digest(o, err));
        else
            MX_TRY(put_data(o, p->tensor.data, p->tensor.size_bytes, err));
    }
    return MERX_OK;
}

merx_status mx_tensor_writer_stream(mx_tensor_writer *writer, mx_tensor_put_fn put, void *context, merx_error *err)
{
    mx_text header;
    outlet o = {.put = put, .context = context, .digest = writer->digest};
    merx_status status = MERX_OK;
    mx_text_init(&header, writer->alloc, MX_HEADER_MAX);
    mx_sha256_init(&o.sha);
    if (o.digest)
        MX_TRY_GOTO(mx_alloc_array_raw(writer->alloc, DIGEST_BLOCK, 1, "tensor file", &o.block, err));
    MX_TRY_GOTO(build_header(writer, &header, err));
    MX_TRY_GOTO(put(context, header.data, header.size, err));
    MX_TRY_GOTO(put_pieces(writer, &o, err));
out:
    mx_free_array(writer->alloc, o.block, DIGEST_BLOCK, 1);
    mx_text_release(&header);
    return status;
}

/* Bytes in memory, of a size that is known when the header is there. */
typedef struct memory_sink {
    const mx_tensor_writer *writer;
    unsigned char *data;
    size_t size, at;
} memory_sink;

static merx_status put_memory(void *context, const void *data, size_t size, merx_error *err)
{
    memory_sink *sink = context;
    if (!sink->data) { /* the header */
        if (!mx_add_size(size, sink->writer->data_size, &sink->size))
            MX_FAIL(err, MERX_E_LIMIT, "", "the tensor file is too large for memory");
        MX_TRY(mx_alloc_array_raw(sink->writer->alloc, sink->size, 1, "tensor file", &sink->data, err));
    }
    memcpy(sink->data + sink->at, data, size);
    sink->at += size;
    return MERX_OK;
}

merx_status mx_tensor_writer_bytes(mx_tensor_writer *writer, unsigned char **data, size_t *size, merx_error *err)
{
    memory_sink sink = {.writer = writer};
    *data = NULL;
    *size = 0;
    merx_status status = mx_tensor_writer_stream(writer, put_memory, &sink, err);
    if (status != MERX_OK) {
        mx_free_array(writer->alloc, sink.data, sink.size, 1);
        return status;
    }
    *data = sink.data;
    *size = sink.size;
    return MERX_OK;
}

static merx_status put_file(void *context, const void *data, size_t size, merx_error *err)
{
    return mx_atomic_write(context, data, size, err);
}

merx_status mx_tensor_writer_save(mx_tensor_writer *writer, const char *path, merx_error *err)
{
    mx_atomic_file file;
    MX_TRY(mx_atomic_open(&file, path, err));
    merx_status status = mx_tensor_writer_stream(writer, put_file, &file, err);
    if (status == MERX_OK)
        return mx_atomic_commit(&file, err);
    mx_atomic_abandon(&file);
    return status;
}
