/*
 * IDX files (the format of MNIST and its kin): one array of numbers, big-endian. Floor 1.
 *
 * Two bytes of zero, a byte that names the type, a byte that counts the dimensions, four bytes for each dimension, the values row by row. The file may be
 * compressed (.gz, .zst: mx_source). What is read is held in memory; bytes after the last value are an error, as is one too few.
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
 */
#ifndef MX_IO_IDX_H
#define MX_IO_IDX_H

#include "io/stream.h"

#define MX_IDX_MAX_DIMS 8
#define MX_IDX_MAX_BYTES ((uint64_t)16 << 30) /* of values, decompressed */

typedef enum mx_idx_type {
    MX_IDX_UINT8 = 0x08,
    MX_IDX_INT8 = 0x09,
    MX_IDX_INT16 = 0x0B,
    MX_IDX_INT32 = 0x0C,
    MX_IDX_FLOAT32 = 0x0D,
    MX_IDX_FLOAT64 = 0x0E
} mx_idx_type;

typedef struct mx_idx {
    mx_idx_type type;
    int dims; /* 1 … MX_IDX_MAX_DIMS */
    size_t shape[MX_IDX_MAX_DIMS];
    size_t rows, columns; /* the first dimension; the product of the others, 1 when there are none */
    mx_vec bytes;         /* rows x columns values as the file has them */
} mx_idx;

/*
 * path       a file, also compressed
 * max_bytes  of values; 0: MX_IDX_MAX_BYTES. Memory grows with what is there, whatever the header claims
 * Owns: mx_idx_close. Errors: MERX_E_PARSE not IDX, MERX_E_CORRUPT too short or too long, MERX_E_LIMIT.
 */
merx_status mx_idx_open(const char *path, const merx_allocator *alloc, uint64_t max_bytes, mx_idx *out,
                        merx_error *err) MERX_MUST_CHECK;
/* The same from a source, which stays the caller's. */
merx_status mx_idx_read(mx_source *source, const merx_allocator *alloc, uint64_t max_bytes, mx_idx *out,
                        merx_error *err) MERX_MUST_CHECK;
void mx_idx_close(mx_idx *idx);
size_t mx_idx_element_size(mx_idx_type type); /* 0: no such type */
const char *mx_idx_type_name(mx_idx_type type);
/* Rows [first, first + n) times scale. Floats: exact for all types but int32 and float64. */
void mx_idx_floats(const mx_idx *idx, size_t first, size_t n, float scale, float *out);
void mx_idx_doubles(const mx_idx *idx, size_t first, size_t n, double scale, double *out);
/* Whether a file is named as an IDX file is: "train-images-idx3-ubyte", "x.idx", "t10k-labels.idx1-ubyte", with or without .gz or .zst. */
bool mx_idx_name(const char *path);

#endif
