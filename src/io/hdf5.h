/*
 * HDF5 files, read in place as far as h5py writes them when nothing special is asked: groups, whole (not chunked) tensors of numbers, attributes of text. Floor 1.
 * docs.hdfgroup.org/archive/support/HDF5/doc/H5.format.html (version 3.0); section numbers below are its.
 *
 * A reader of what may be hostile, over bytes in memory: every address and length is checked against them, nothing is allocated, nothing is followed out of the file. libhdf5 is not
 * used: little of the format is needed, and malformed files overflow buffers in it (up to 1.14.6: CVE-2025-2309, CVE-2025-2310, CVE-2025-44905).
 *
 *   read        superblock 0 to 3; object headers 1 and 2; groups as symbol tables and as links in the header; contiguous and compact tensors; integers, float16, 32 and 64
 *   not read    chunks and with them filters, groups kept in a fractal heap, soft and external links, other types: MERX_E_UNSUPPORTED says which
 */
#ifndef MX_IO_HDF5_H
#define MX_IO_HDF5_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { MX_HDF5_DIMS = 8, MX_HDF5_MOST_LINKS = 1 << 16 };

typedef struct mx_hdf5 {
    const unsigned char *data; /* kept */
    size_t size;
    const char *name; /* kept; for messages */
    uint64_t base;    /* addresses count from here */
    uint64_t root;
} mx_hdf5;

typedef enum mx_hdf5_type { MX_HDF5_OTHER, MX_HDF5_FLOAT, MX_HDF5_SIGNED, MX_HDF5_UNSIGNED } mx_hdf5_type;
typedef struct mx_hdf5_tensor {
    mx_hdf5_type type;
    size_t bytes; /* of a number: 1, 2, 4, 8 */
    size_t rank, dim[MX_HDF5_DIMS], count;
    const unsigned char *data; /* (count bytes) within the file, little-endian, not aligned */
} mx_hdf5_tensor;

/* Errors: MERX_E_CORRUPT when it is no HDF5 file. */
merx_status mx_hdf5_open(const void *data, size_t size, const char *name, mx_hdf5 *out,
                         merx_error *err) MERX_MUST_CHECK;

/* An object is the address of its header; the root group is file->root. Calls back for every link of a group, in the file's order; a status other than MERX_OK ends it. */
typedef merx_status (*mx_hdf5_visit)(void *context, mx_str link, uint64_t object, merx_error *err);
merx_status mx_hdf5_links(const mx_hdf5 *file, uint64_t group, mx_hdf5_visit visit, void *context,
                          merx_error *err) MERX_MUST_CHECK;
/* The object at "layers/dense/vars" below the group; *found false when there is none. */
merx_status mx_hdf5_find(const mx_hdf5 *file, uint64_t group, const char *path, uint64_t *object, bool *found,
                         merx_error *err) MERX_MUST_CHECK;
/* Errors: MERX_E_UNSUPPORTED for a tensor that is stored in another way; MERX_E_TYPE when the object is none. what: its name, for messages. */
merx_status mx_hdf5_tensor_of(const mx_hdf5 *file, uint64_t object, const char *what, mx_hdf5_tensor *out,
                              merx_error *err) MERX_MUST_CHECK;
/* Number i as a double. */
double mx_hdf5_number(const mx_hdf5_tensor *tensor, size_t i);
/* An attribute that is one text; size 0 when there is none of that name, or it is no text. Borrowed from the file. */
merx_status mx_hdf5_text(const mx_hdf5 *file, uint64_t object, const char *attribute, mx_str *out,
                         merx_error *err) MERX_MUST_CHECK;

#endif
