/*
 * The live models of a shop, as its records named them at one time, each loaded at its first question. Floor 5.
 *
 * A set never changes: when another version is live there is another set, which shares the models that stayed. A loaded model is only read, by any number of threads, and goes when the
 * last set that has it goes.
 *
 * A model whose file does not load leaves the version that was live before it to answer, if that one is loaded and still among the shop's versions; the log says so.
 */
#ifndef MX_SHOP_LOADED_MODELS_H
#define MX_SHOP_LOADED_MODELS_H

#include "shop/answers/answer.h"
#include "store/blobs.h"

typedef struct mx_model_set mx_model_set;

/*
 * What is live now. before: a set of the same shop whose models are shared, itself when nothing else is live (with one more reference); NULL: none.
 * records   borrowed
 * blobs     kept; any number of threads must be able to map blobs with it
 * Owns: mx_model_set_release.
 */
merx_status mx_model_set_read(mx_records *records, mx_blobs *blobs, mx_model_set *before, const merx_allocator *alloc,
                              mx_model_set **out, merx_error *err) MERX_MUST_CHECK;
mx_model_set *mx_model_set_take(mx_model_set *set); /* one reference more */
void mx_model_set_release(mx_model_set *set);       /* NULL is allowed */

/*
 * The live model of an answer (by its number), loaded. Any thread; who comes while it is being loaded waits.
 * *state lives as long as the set. Errors: MERX_E_NOT_FITTED: none is live.
 */
merx_status mx_model_set_use(mx_model_set *set, size_t answer, mx_snapshot *snapshot, const void **state,
                             int64_t *version, merx_error *err) MERX_MUST_CHECK;

#endif
