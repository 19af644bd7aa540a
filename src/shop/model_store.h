/*
 * Trained versions in the store: a blob "models/ANSWER/VERSION.safetensors" and a record beside it. Floor 5.
 *
 * The blob is put first, then the record, in one write transaction; a blob without a record is what a crash left, and the next training removes it.
 */
#ifndef MX_SHOP_MODEL_STORE_H
#define MX_SHOP_MODEL_STORE_H

#include "shop/shop_state.h"

/* Every version of one answer (NULL: of all), ascending by answer and version, copied into the arena. */
merx_status mx_model_list(mx_records *records, const char *answer, mx_arena *arena, mx_model_record **out, size_t *n,
                          merx_error *err) MERX_MUST_CHECK;
/* The live one among n; NULL: none. */
const mx_model_record *mx_model_live(const mx_model_record *list, size_t n);

/*
 * How a model was made, as JSON {"signature", "seed", "options": {name: text}}; lives in the arena. signature "": made so that the next training makes it anew.
 */
char *mx_model_recipe(const merx_options *options, uint64_t seed, const char *signature, mx_arena *arena,
                      merx_error *err);
/* Its parts again. options are set from it; names that are gone are left out. signature has 65 bytes. */
merx_status mx_model_recipe_read(mx_str recipe, merx_options *options, uint64_t *seed, char *signature,
                                 merx_error *err) MERX_MUST_CHECK;
/* What a model depends on: data, options, seed, code; as hex. */
merx_status mx_model_signature(const mx_answer *answer, const mx_snapshot *snapshot, const merx_options *options,
                               uint64_t seed, char hex[65], merx_error *err) MERX_MUST_CHECK;

/* What every model file says of itself. */
merx_status mx_model_describe(mx_tensor_writer *writer, const mx_answer *answer, const mx_snapshot *snapshot,
                              const merx_options *options, uint64_t seed, mx_arena *arena,
                              merx_error *err) MERX_MUST_CHECK;

/* Inside a write transaction: puts the blob, then the record as the next version. record: answer, metrics, options, data_offset, live; the rest is filled. */
merx_status mx_model_put(merx_shop *shop, mx_model_record *record, const unsigned char *bytes, size_t size,
                         mx_arena *arena, merx_error *err) MERX_MUST_CHECK;
/* Inside a write transaction: removes a version's record. Its blob goes with mx_model_sweep. */
merx_status mx_model_remove(merx_shop *shop, const mx_model_record *record, merx_error *err) MERX_MUST_CHECK;
/* Removes the blobs below models/ that no record names. Takes the write lock meanwhile. */
merx_status mx_model_sweep(merx_shop *shop, merx_error *err) MERX_MUST_CHECK;

#endif
