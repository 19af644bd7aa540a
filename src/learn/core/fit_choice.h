/*
 * Which columns a fit takes: what merx_fit_columns asks for, found and checked. Floor 3.
 */
#ifndef MX_LEARN_CORE_FIT_CHOICE_H
#define MX_LEARN_CORE_FIT_CHOICE_H

#include "learn/core/family.h"
#include "learn/core/table.h"

typedef struct mx_fit_choice {
    size_t target, weight; /* columns of the data */
    bool has_target, has_weight;
    size_t *features, n_features; /* of a table; a matrix is taken whole */
    size_t room;
    const merx_allocator *alloc;
} mx_fit_choice;

/*
 * data: a table, a matrix, or the first table of a stream. A target where the family learns none, no target where it needs one, an unknown
 * column (the nearest is named), one named twice: errors. Owns: mx_fit_choice_release, also after a failure.
 */
merx_status mx_fit_choose(const merx_dataset *data, const mx_family *family, const merx_options *options,
                          const merx_fit_columns *columns, const merx_allocator *alloc, mx_fit_choice *w,
                          merx_error *err) MERX_MUST_CHECK;
void mx_fit_choice_release(mx_fit_choice *choice);

#endif
