/*
 * The tensor file: named tensors and text metadata in one block. Models and snapshots are written so. Floor 1.
 *
 * Layout: safetensors (huggingface/safetensors 0.4 format): u64 little-endian header length, a JSON header {"__metadata__": {string: string},
 * name: {"dtype", "shape", "data_offsets"}}, padded with spaces so that the data begins at a multiple of 64 bytes, then the data. Ours: tensors lie aligned to 64 bytes in order of addition except that the
 * format requires no holes, so alignment is reached by u8 tensors "_pad.N"; metadata holds "merx_format" (the writer's MX_TENSOR_FORMAT) and a "checksum" tensor-data SHA-256.
 * Python's `safetensors` opens it. Bytes depend on the contents alone.
 */
#ifndef MX_IO_TENSOR_FILE_H
#define MX_IO_TENSOR_FILE_H

#include "base/memory.h"
#include "base/str.h"

#define MX_TENSOR_FORMAT 1
#define MX_TENSOR_MAX_DIMS 8

typedef enum mx_dtype { MX_U8, MX_I8, MX_I32, MX_I64, MX_F32, MX_F64, MX_DTYPES } mx_dtype;
size_t mx_dtype_size(mx_dtype dtype);
const char *mx_dtype_name(mx_dtype dtype); /* safetensors' word: "F64" */

typedef struct mx_tensor {
    const char *name;
    mx_dtype dtype;
    int dims;
    uint64_t shape[MX_TENSOR_MAX_DIMS];
    const void *data; /* borrowed from the file */
    size_t size_bytes;
} mx_tensor;

/* Writing. Data passed to _add is borrowed until the file is finished, metadata is copied. Names and keys must be new. */
typedef struct mx_tensor_writer mx_tensor_writer;
merx_status mx_tensor_writer_new(const merx_allocator *alloc, mx_tensor_writer **out, merx_error *err) MERX_MUST_CHECK;
void mx_tensor_writer_free(mx_tensor_writer *writer);
merx_status mx_tensor_writer_meta(mx_tensor_writer *writer, const char *key, const char *value,
                                  merx_error *err) MERX_MUST_CHECK;
merx_status mx_tensor_writer_add(mx_tensor_writer *writer, const char *name, mx_dtype dtype, int dims,
                                 const uint64_t *shape, const void *data, merx_error *err) MERX_MUST_CHECK;
/* Shorthands for one and two dimensions. */
merx_status mx_tensor_writer_vector(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n,
                                    const void *data, merx_error *err) MERX_MUST_CHECK;
merx_status mx_tensor_writer_matrix(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n, uint64_t d,
                                    const void *data, merx_error *err) MERX_MUST_CHECK;
/* A list of strings: "<name>.offsets" (i64, n + 1) and "<name>.bytes" (u8). Copied at once. */
merx_status mx_tensor_writer_strings(mx_tensor_writer *writer, const char *name, const mx_str *strings, size_t n,
                                     merx_error *err) MERX_MUST_CHECK;
/*
 * A vector that is made when it is written, and held nowhere: make fills buffer with n elements from the first-th on, called in order, from 0 to the last.
 * A writer with such a vector needs mx_tensor_writer_digest. context: kept until the file is finished.
 */
typedef merx_status (*mx_tensor_make_fn)(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err);
merx_status mx_tensor_writer_made(mx_tensor_writer *writer, const char *name, mx_dtype dtype, uint64_t n,
                                  mx_tensor_make_fn make, void *context, merx_error *err) MERX_MUST_CHECK;
/*
 * In place of the checksum in the metadata, a last tensor "digest" (U8, 32): the SHA-256 of the XXH64 of each MiB of the data before it. It is there to tell whether contents are
 * equal, at a tenth of the cost; a reader can't verify by it. Nothing may be added afterwards.
 */
merx_status mx_tensor_writer_digest(mx_tensor_writer *writer, merx_error *err) MERX_MUST_CHECK;
/* The tensors so far, in order and without pads; valid until the next is added. i < mx_tensor_writer_pieces; NULL: a pad. */
size_t mx_tensor_writer_pieces(const mx_tensor_writer *writer);
const mx_tensor *mx_tensor_writer_piece(const mx_tensor_writer *writer, size_t i);
/* The file in memory: *data has *size bytes, returned (free with mx_free_array(alloc, data, size, 1)). */
merx_status mx_tensor_writer_bytes(mx_tensor_writer *writer, unsigned char **data, size_t *size,
                                   merx_error *err) MERX_MUST_CHECK;
/* The file piece by piece. */
typedef merx_status (*mx_tensor_put_fn)(void *context, const void *data, size_t size, merx_error *err);
merx_status mx_tensor_writer_stream(mx_tensor_writer *writer, mx_tensor_put_fn put, void *context,
                                    merx_error *err) MERX_MUST_CHECK;
/* Atomically to a path. */
merx_status mx_tensor_writer_save(mx_tensor_writer *writer, const char *path, merx_error *err) MERX_MUST_CHECK;

/* Reading. Every length is checked against the bytes that are there before it is used. */
typedef struct mx_tensor_file mx_tensor_file;
/* Maps the file. MERX_E_CORRUPT when damaged or cut short, MERX_E_VERSION when written by a newer format. verify: also check the checksum. */
merx_status mx_tensor_file_open(const char *path, const merx_allocator *alloc, bool verify, mx_tensor_file **out,
                                merx_error *err) MERX_MUST_CHECK;
/* data is kept; name for messages. */
merx_status mx_tensor_file_memory(const void *data, size_t size, const char *name, const merx_allocator *alloc,
                                  bool verify, mx_tensor_file **out, merx_error *err) MERX_MUST_CHECK;
void mx_tensor_file_close(mx_tensor_file *file);
const char *mx_tensor_file_name(const mx_tensor_file *file);
size_t mx_tensor_file_count(const mx_tensor_file *file); /* without pads */
const mx_tensor *mx_tensor_file_at(const mx_tensor_file *file, size_t i);
const char *mx_tensor_file_meta(const mx_tensor_file *file, const char *key); /* NULL: absent */
/* The tensor with this name, type and shape (a dimension of 0 in `shape` means any; dims -1: any shape). MERX_E_CORRUPT when absent or other. */
merx_status mx_tensor_file_get(const mx_tensor_file *file, const char *name, mx_dtype dtype, int dims,
                               const uint64_t *shape, const mx_tensor **out, merx_error *err) MERX_MUST_CHECK;
/* A vector of n elements (n 0: any length). */
merx_status mx_tensor_file_vector(const mx_tensor_file *file, const char *name, mx_dtype dtype, uint64_t n,
                                  void *data_out, uint64_t *n_out,
                                  merx_error *err) MERX_MUST_CHECK; /* data_out is a const T ** */
/* A list of strings: slices of the file, *strings in the arena. Offsets are checked. */
merx_status mx_tensor_file_strings(const mx_tensor_file *file, const char *name, mx_arena *arena, mx_str **strings,
                                   size_t *n, merx_error *err) MERX_MUST_CHECK;

#endif
