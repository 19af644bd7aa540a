/*
 * Files that were sent to a shop, to be imported by a job: "uploads/NAME" in its folder. Floor 5.
 *
 * A file appears under its name when it is whole and on disk; until then it is a temporary one beside it. What holds rows of customers does not stay for ever: uploads go after
 * seven days, and with each erasure of a customer.
 */
#ifndef MX_SHOP_UPLOADS_H
#define MX_SHOP_UPLOADS_H

#include "base/memory.h"

#define MX_UPLOAD_NAME_MAX 128
#define MX_UPLOADS_MAX 1000 /* of one shop */
#define MX_UPLOAD_DAYS 7

/* 1 to 128 of A-Z a-z 0-9 . _ -, no dot first. */
bool mx_upload_name_valid(const char *name);

typedef struct mx_upload mx_upload;
/*
 * Begins one; nothing of it is held in memory.
 * folder   the shop's
 * limit    most bytes
 * Owns: mx_upload_commit or mx_upload_abandon, whatever they return.
 * Errors: MERX_E_INVALID (the name), MERX_E_LIMIT (MX_UPLOADS_MAX are there), MERX_E_NO_SPACE, MERX_E_IO.
 */
merx_status mx_upload_begin(const char *folder, const char *name, uint64_t limit, mx_upload **out,
                            merx_error *err) MERX_MUST_CHECK;
/* Errors: MERX_E_LIMIT, MERX_E_NO_SPACE, MERX_E_IO; then no temporary file is left, and every later call fails likewise. */
merx_status mx_upload_write(mx_upload *upload, const void *data, size_t size, merx_error *err) MERX_MUST_CHECK;
/* On disk under its name, in place of an older one. */
merx_status mx_upload_commit(mx_upload *upload, char sha256[65], uint64_t *bytes, merx_error *err) MERX_MUST_CHECK;
void mx_upload_abandon(mx_upload *upload); /* NULL is allowed */

typedef struct mx_uploaded {
    const char *name;
    uint64_t bytes;
    int64_t created_ms;
} mx_uploaded;
/* By name; in the arena. */
merx_status mx_uploads_list(const char *folder, mx_arena *arena, mx_uploaded **out, size_t *n,
                            merx_error *err) MERX_MUST_CHECK;
/* MERX_E_NOT_FOUND: there is no such upload. */
merx_status mx_upload_remove(const char *folder, const char *name, merx_error *err) MERX_MUST_CHECK;
/* Removes those older than a time, and what a crash left of unfinished ones. INT64_MAX: all of them. */
merx_status mx_uploads_sweep(const char *folder, int64_t before_ms, bool unfinished, merx_error *err) MERX_MUST_CHECK;

#endif
