/*
 * The drivers of this build, and the wrappers that make calls fail for tests. Floor 3, inside src/store only.
 */
#ifndef MX_STORE_DRIVERS_H
#define MX_STORE_DRIVERS_H

#include "store/blobs.h"
#include "store/records.h"

extern const mx_records_driver mx_records_sqlite;
extern const mx_records_driver mx_records_postgres; /* in builds with MERX_POSTGRES */
extern const mx_blobs_driver mx_blobs_directory;

/* state: (driver, inner) wrapped; closing it closes inner. */
extern const mx_records_driver mx_records_fault;
merx_status mx_records_fault_new(const mx_records_driver *driver, void *inner, const merx_allocator *alloc,
                                 int64_t fail_at, merx_status code, void **state, merx_error *err) MERX_MUST_CHECK;
int64_t mx_records_fault_count(const void *state);

extern const mx_blobs_driver mx_blobs_fault;
merx_status mx_blobs_fault_new(const mx_blobs_driver *driver, void *inner, const merx_allocator *alloc, int64_t fail_at,
                               merx_status code, void **state, merx_error *err) MERX_MUST_CHECK;
int64_t mx_blobs_fault_count(const void *state);

#endif
