/*
 * NPY files (numpy.save): one array of one or two dimensions, versions 1.0, 2.0 and 3.0 of the format (NEP 1). Floor 1.
 *
 * Read as a mapping: data points into it. Little-endian float64, float32, int8 … int64, uint8 … uint64 and bool, in C or Fortran order; everything else is an error
 * that says what to save instead. A file that another program cuts short while it is mapped ends the process with SIGBUS, as with numpy's mmap_mode.
 */
#ifndef MX_IO_NPY_H
#define MX_IO_NPY_H

#include "io/file.h"

typedef enum mx_npy_type {
    MX_NPY_FLOAT64,
    MX_NPY_FLOAT32,
    MX_NPY_INT8,
    MX_NPY_INT16,
    MX_NPY_INT32,
    MX_NPY_INT64,
    MX_NPY_UINT8,
    MX_NPY_UINT16,
    MX_NPY_UINT32,
    MX_NPY_UINT64,
    MX_NPY_BOOL,
    MX_NPY_TYPES
} mx_npy_type;

typedef struct mx_npy {
    mx_map map; /* empty when the bytes are the caller's */
    mx_npy_type type;
    int dims;             /* 1 or 2 */
    size_t rows, columns; /* columns is 1 with one dimension */
    bool fortran;         /* columns one after the other */
    const unsigned char *data;
} mx_npy;

merx_status mx_npy_open(const char *path, mx_npy *out, merx_error *err) MERX_MUST_CHECK;
void mx_npy_close(mx_npy *npy);
/* The same over bytes that are kept. name is for messages. */
merx_status mx_npy_parse(const void *bytes, size_t size, const char *name, mx_npy *out,
                         merx_error *err) MERX_MUST_CHECK;
const char *mx_npy_type_name(mx_npy_type type); /* as numpy calls it: "float64" */
size_t mx_npy_element_size(mx_npy_type type);
/* Rows [first, first + n) as row-major doubles; integers beyond 2^53 are rounded. */
void mx_npy_rows(const mx_npy *npy, size_t first, size_t n, double *out);
/* Writes (rows, columns) row-major float64, version 1.0, as numpy.save does; dims 1 wants columns 1. Atomic (mx_sink). */
merx_status mx_npy_write(const char *path, const double *x, size_t rows, size_t columns, int dims,
                         const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;

#endif
