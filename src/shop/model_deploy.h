/*
 * Which version of a model is live: deployed, rolled back, and what was live before. Floor 5.
 *
 * What was live is the setting "was_live/ANSWER", a JSON list of versions, the last one before the live one. It is bookkeeping: no digest reads it.
 */
#ifndef MX_SHOP_MODEL_DEPLOY_H
#define MX_SHOP_MODEL_DEPLOY_H

#include "shop/shop_state.h"

#define MX_SETTING_WAS_LIVE "was_live/" /* + answer */

/* Inside a write transaction, before a version is made live: notes the one that is live now. */
merx_status mx_model_note_live(mx_records *records, const char *answer, int64_t next, merx_error *err) MERX_MUST_CHECK;

/*
 * The bytes of a version's file, compared with the SHA-256 of its record: what is damaged on disk is never used.
 * *bytes   returned: mx_free_array(shop->alloc, bytes, size, 1)
 * Errors: MERX_E_CORRUPT (not the bytes that were written), MERX_E_NOT_FOUND (the file is gone), MERX_E_IO.
 */
merx_status mx_model_read(merx_shop *shop, const mx_model_record *record, unsigned char **bytes, size_t *size,
                          merx_error *err) MERX_MUST_CHECK;

/*
 * Makes a version live. *was: the one before; 0: none.
 * Errors: MERX_E_NOT_FOUND (no such version), MERX_E_GATE (it did not pass its gate, and force is false), MERX_E_CORRUPT (its file is damaged: what is live stays), MERX_E_BUSY.
 */
merx_status mx_model_deploy(merx_shop *shop, const char *answer, int64_t version, bool force, int64_t *was,
                            merx_error *err) MERX_MUST_CHECK;
/*
 * Makes the version live that was before the live one, and forgets that this one was: again goes further back. Versions that are gone or damaged are passed over.
 * Errors: MERX_E_NOT_FITTED: none was live before.
 */
merx_status mx_model_rollback(merx_shop *shop, const char *answer, int64_t *live, int64_t *was,
                              merx_error *err) MERX_MUST_CHECK;

#endif
