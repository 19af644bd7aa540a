/*
 * Numbers in and out: buffers of arrays seen without a copy, and new NumPy arrays. NumPy's C API is not used: the buffer protocol is part of the
 * stable ABI, and an array is made by calling numpy.empty.
 */
#ifndef MPY_ARRAYS_H
#define MPY_ARRAYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>

/* The kinds of numbers that buffers are taken of: struct's letters, with l and q alike where both have 8 bytes. */
typedef enum mpy_kind {
    MPY_FLOAT64,
    MPY_FLOAT32,
    MPY_INT64,
    MPY_INT32,
    MPY_INT8,
    MPY_UINT8,
    MPY_BOOL,
    MPY_KINDS
} mpy_kind;

typedef struct mpy_array {
    Py_buffer view; /* obj NULL: released */
    mpy_kind kind;
    int dims;
    size_t shape[8], count;
    const void *data;
} mpy_array;

/* C-contiguous numbers of at most 8 dimensions. False: an exception is set (TypeError; BufferError for other layouts), naming `what`. */
bool mpy_array_get(PyObject *object, const char *what, mpy_array *out);
/* The same, quietly: false without an exception when the object is no such array. */
bool mpy_array_try(PyObject *object, mpy_array *out);
/* Exactly this kind and number of dimensions; shape[0] = n unless n is SIZE_MAX. */
bool mpy_array_want(PyObject *object, const char *what, mpy_kind kind, int dims, size_t n, mpy_array *out);
void mpy_array_release(mpy_array *array);

/* A new array, not filled; *data is its memory, valid while it lives. NULL: an exception is set. */
PyObject *mpy_array_new(mpy_kind kind, int dims, const size_t *shape, void **data);
/* A new array with a copy of the data. */
PyObject *mpy_array_copy(mpy_kind kind, int dims, const size_t *shape, const void *data);

/* Whether all n numbers are finite. */
bool mpy_all_finite(const double *x, size_t n);
bool mpy_all_finite_float(const float *x, size_t n);

#endif
