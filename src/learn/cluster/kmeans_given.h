/*
 * Starts that a person gives: a CSV file with a header, a column for each column of the design (in any order, more are ignored) and a row for
 * each cluster, in the units of the table. Floor 4.
 */
#ifndef MX_LEARN_KMEANS_GIVEN_H
#define MX_LEARN_KMEANS_GIVEN_H

#include "learn/core/family.h"

/* names, units (d) as designs have them. *starts (k, d) returned: free with mx_free_array. Errors name the file and the column. */
merx_status mx_kmeans_read_starts(const char *path, const char *const *names, const mx_unit *units, size_t d,
                                  const merx_allocator *alloc, merx_task *task, double **starts, size_t *k,
                                  merx_error *err) MERX_MUST_CHECK;

#endif
