/* The families of the additive folder. Floor 4. */
#ifndef MX_LEARN_ADDITIVE_FAMILY_H
#define MX_LEARN_ADDITIVE_FAMILY_H

#include "learn/additive/additive.h"
#include "learn/core/family.h"

extern const mx_family mx_family_additive, mx_family_additive_classifier;

/* additive_file.c: tensors "additive.*". A loaded model is checked as if it came from a stranger. */
enum {
    MX_ADDITIVE_CLASSES,
    MX_ADDITIVE_BAGS,
    MX_ADDITIVE_HELD_ROWS,
    MX_ADDITIVE_HELD_LOSS,
    MX_ADDITIVE_HELD_LOW,
    MX_ADDITIVE_HELD_HIGH,
    MX_ADDITIVE_ROUNDS,
    MX_ADDITIVE_PAIR_ROUNDS,
    MX_ADDITIVE_POISSON,
    MX_ADDITIVE_SCALARS
};
typedef struct mx_additive_state {
    mx_additive model;
    /* What its file holds besides the model's own arrays. */
    double scalars[MX_ADDITIVE_SCALARS];
    int64_t *file_axes;  /* (d, 3): levels, cuts, side */
    int32_t *file_pairs; /* (P, 2) */
} mx_additive_state;
merx_status mx_additive_pack(mx_additive_state *state, merx_error *err) MERX_MUST_CHECK;
void mx_additive_state_free(void *state, const merx_allocator *alloc);
merx_status mx_additive_save(const void *state, mx_tensor_writer *writer, merx_error *err) MERX_MUST_CHECK;
merx_status mx_additive_load(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                             merx_error *err) MERX_MUST_CHECK;

/* additive_describe.c: importances and shapes as text, shapes as pictures. */
merx_status mx_additive_describe(const void *state, const mx_design *names, mx_text *text,
                                 merx_error *err) MERX_MUST_CHECK;
merx_status mx_additive_plot(const void *state, const mx_design *names, mx_text *svg, merx_error *err) MERX_MUST_CHECK;

#endif
