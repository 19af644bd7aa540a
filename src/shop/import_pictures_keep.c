/*
 * Pictures into the store: decoded once, put, and what is not claimed any more removed. See import_pictures.h for the steps and what a crash leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"
#include "io/file.h"
#include "io/stream.h"
#include "io/tar.h"
#include "media/decoder.h"
#include "media/picture.h"
#include "shop/import_pictures.h"
#include "shop/product_pictures.h"

enum { BATCH = 64, SMALL = 32 };            /* pictures decoded at a time; pixels a side of what comes back */
#define BATCH_BYTES ((uint64_t)(48u << 20)) /* of them, unless one is larger */

typedef struct keeping {
    mx_picture_intake *in;
    mx_dict *held;    /* names of blobs that are there */
    bool *wanted;     /* (held): it stays */
    mx_dict *claimed; /* names of blobs that claims gave so far */
    uint8_t *count;   /* (products): pictures of each */
    bool *needed;     /* (found): its bytes are to be decoded */
    mx_vec put;       /* const char *: blobs that are new */
    merx_decoder *decoder;
    uint64_t fresh, again, refused, done;
    /* the batch */
    mx_arena bytes;
    merx_picture_bytes encoded[BATCH];
    int32_t picture[BATCH];
    size_t n;
    uint64_t size;
} keeping;

static mx_found_picture *found_at(const keeping *k, int32_t i)
{
    return &MX_VEC_AT(&k->in->found, mx_found_picture, i);
}

static mx_picture_claim *claim_at(const keeping *k, size_t i)
{
    return &MX_VEC_AT(&k->in->claims, mx_picture_claim, i);
}

static const char *extension_of(merx_picture_format format)
{
    return format == MERX_PICTURE_JPEG ? "jpg" : format == MERX_PICTURE_PNG ? "png" : "webp";
}

static merx_status blob_of(const keeping *k, const mx_picture_claim *claim, char out[256], merx_error *err)
{
    const mx_found_picture *found = found_at(k, claim->picture);
    return mx_product_picture_name(k->in->snapshot->product_id[claim->product], found->sha256,
                                   extension_of(found->format), out, err);
}

/* ---- whether anything is new ---- */

static void add_text(mx_sha256 *sha, const char *text)
{
    const uint64_t length = strlen(text);
    mx_sha256_update(sha, &length, sizeof length);
    mx_sha256_update(sha, text, strlen(text));
}

/* Of all claims: whose, which bytes, what was found wrong without decoding. */
static void sign_claims(const keeping *k, uint64_t *bytes, char hex[65])
{
    mx_sha256 sha;
    *bytes = 0;
    mx_sha256_init(&sha);
    for (size_t i = 0; i < k->in->claims.count; i++) {
        const mx_picture_claim *claim = claim_at(k, i);
        const mx_found_picture *found = claim->picture >= 0 ? found_at(k, claim->picture) : NULL;
        const mx_str id = claim->product >= 0 ? k->in->snapshot->product_id[claim->product] : (mx_str){"", 0};
        const uint64_t length = id.size;
        mx_sha256_update(&sha, &length, sizeof length);
        if (id.size > 0)
            mx_sha256_update(&sha, id.data, id.size);
        add_text(&sha, claim->file);
        add_text(&sha, claim->value);
        add_text(&sha, found != NULL ? found->sha256 : "");
        add_text(&sha, claim->wrong != NULL ? claim->wrong : "");
        *bytes += found != NULL ? found->size : 0;
    }
    mx_sha256_hex_so_far(&sha, hex);
}

typedef struct held_scan {
    mx_dict *held;
    mx_sha256 sha;
} held_scan;

static merx_status take_held(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    held_scan *scan = context;
    int32_t code;
    (void)size_bytes;
    add_text(&scan->sha, name);
    return mx_dict_add(scan->held, mx_str_of(name), &code, NULL, err);
}

/* The blobs that are there, and one digest of their names. */
static merx_status list_held(mx_blobs *blobs, mx_dict *held, char hex[65], merx_error *err)
{
    held_scan scan = {.held = held};
    mx_sha256_init(&scan.sha);
    MX_TRY(mx_blobs_list(blobs, MX_PICTURES_PREFIX, take_held, &scan, err));
    mx_sha256_hex_so_far(&scan.sha, hex);
    return MERX_OK;
}

static merx_status is_same(const keeping *k, const char *signature, const char *held, bool *same, merx_error *err)
{
    mx_record record;
    merx_error failure = {0};
    const merx_status status =
        mx_records_get(k->in->shop->records, MX_SOURCE, mx_str_of(MX_PICTURES_SOURCE), &k->in->work, &record, &failure);
    *same = status == MERX_OK && mx_str_equal(record.source.file_sha256, mx_str_of(signature)) &&
            mx_str_equal(record.source.text_sha256, mx_str_of(held));
    if (status != MERX_OK && status != MERX_E_NOT_FOUND)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

/* ---- decoding and putting ---- */

/* The picture is good: it becomes a blob of each product that claims it. */
static merx_status put_claims(keeping *k, int32_t picture, const void *bytes, size_t size, merx_error *err)
{
    for (int32_t i = found_at(k, picture)->first_claim; i >= 0; i = claim_at(k, (size_t)i)->next) {
        const mx_picture_claim *claim = claim_at(k, (size_t)i);
        char name[256];
        int32_t code;
        bool added;
        if (claim->wrong != NULL)
            continue;
        MX_TRY(blob_of(k, claim, name, err));
        if (mx_dict_find(k->held, mx_str_of(name)) >= 0)
            continue;
        MX_TRY(mx_dict_add(k->claimed, mx_str_of(name), &code, &added, err));
        if (!added)
            continue; /* the same bytes, given twice */
        const char *kept = mx_dict_get(k->claimed, code).data;
        MX_TRY(mx_vec_append(&k->put, &kept, 1, err));
        MX_TRY(mx_blobs_put(k->in->shop->blobs, name, bytes, size, err));
    }
    return MERX_OK;
}

static merx_status make_decoder(keeping *k, merx_error *err)
{
    const int threads = merx_task_threads(k->in->task);
    const merx_decoder_options options = {.processes = threads < MX_DECODER_MOST ? threads : MX_DECODER_MOST,
                                          .max_bytes = MX_PICTURE_BYTES_MOST};
    return k->decoder != NULL ? MERX_OK : merx_decoder_new(k->in->alloc, &options, &k->decoder, err);
}

/* What ends the import; anything else that stops the decoder ends the pictures alone. */
static bool ends_all(merx_status status)
{
    return status == MERX_E_MEMORY || status == MERX_E_CANCELLED;
}

static merx_status judge_batch(keeping *k, const merx_picture *pictures, merx_error *err)
{
    for (size_t i = 0; i < k->n; i++) {
        const int32_t p = k->picture[i];
        mx_found_picture *found = found_at(k, p);
        char hex[65];
        if (pictures[i].error.code != MERX_OK) {
            found->wrong = mx_arena_strdup(k->in->arena, pictures[i].error.message, err);
            if (found->wrong == NULL)
                return MERX_E_MEMORY;
            continue;
        }
        mx_sha256_hex(k->encoded[i].bytes, k->encoded[i].size, hex);
        if (strcmp(hex, found->sha256) != 0) {
            found->wrong = "was changed while it was read (import again)";
            continue;
        }
        MX_TRY(put_claims(k, p, k->encoded[i].bytes, k->encoded[i].size, err));
    }
    return MERX_OK;
}

static merx_status flush_batch(keeping *k, merx_error *err)
{
    const merx_picture_options small = {.height = SMALL, .width = SMALL, .fit = MERX_PICTURE_INSIDE};
    merx_picture pictures[BATCH];
    merx_error failure = {0};
    merx_status status = MERX_OK;

    if (k->n == 0 || k->in->unchecked != NULL)
        goto out;
    status = make_decoder(k, &failure);
    if (status == MERX_OK)
        status = merx_pictures_decode(k->decoder, k->encoded, k->n, &small, k->in->task, pictures, &failure);
    if (status == MERX_OK) {
        status = judge_batch(k, pictures, err);
        for (size_t i = 0; i < k->n; i++)
            merx_picture_release(&pictures[i]);
    } else if (ends_all(status)) {
        status = mx_error_set(err, status, failure.where, "%s", failure.message);
    } else {
        status = MERX_OK;
        k->in->unchecked = mx_arena_printf(
            k->in->arena, err, "pictures are left as they were: they can't be checked, since %.250s%s%.500s%s",
            failure.where, *failure.where ? ": " : "", failure.message,
            failure.code == MERX_E_NOT_FOUND
                ? " (merx-decode comes with the part merx-media of an installation; MERX_DECODE may say where it is)"
                : "");
        if (k->in->unchecked == NULL)
            status = MERX_E_MEMORY;
    }
    k->done += k->n;
    if (status == MERX_OK)
        status = mx_task_step(k->in->task, k->done, err);
out:
    k->n = 0;
    k->size = 0;
    mx_arena_clear(&k->bytes);
    return status;
}

/* Bytes of a picture go into the batch; they live in k->bytes. */
static merx_status add_to_batch(keeping *k, int32_t picture, const void *bytes, size_t size, merx_error *err)
{
    k->encoded[k->n] = (merx_picture_bytes){.bytes = bytes, .size = size, .name = found_at(k, picture)->name};
    k->picture[k->n++] = picture;
    k->size += size;
    return k->n == BATCH || k->size >= BATCH_BYTES ? flush_batch(k, err) : MERX_OK;
}

static merx_status make_room(keeping *k, int32_t picture, merx_error *err)
{
    return k->n > 0 && k->size + found_at(k, picture)->size > BATCH_BYTES ? flush_batch(k, err) : MERX_OK;
}

static merx_status read_files(keeping *k, merx_error *err)
{
    for (size_t i = 0; i < k->in->found.count && k->in->unchecked == NULL; i++) {
        mx_found_picture *found = found_at(k, (int32_t)i);
        merx_picture_bytes bytes;
        merx_error failure = {0};
        if (!k->needed[i] || found->member != NULL)
            continue;
        MX_TRY(make_room(k, (int32_t)i, err));
        merx_status status = mx_read_picture(found->path, MX_PICTURE_BYTES_MOST, &k->bytes, &bytes, &failure);
        if (status == MERX_E_MEMORY)
            return mx_error_set(err, status, failure.where, "%s", failure.message);
        if (status != MERX_OK || bytes.bytes == NULL) {
            found->wrong = "was changed while it was read (import again)";
            continue;
        }
        MX_TRY(add_to_batch(k, (int32_t)i, bytes.bytes, bytes.size, err));
    }
    return MERX_OK;
}

static merx_status read_entry(keeping *k, mx_tar *tar, int32_t picture, merx_error *err)
{
    const size_t size = (size_t)found_at(k, picture)->size;
    size_t at = 0, got = 1;
    MX_TRY(make_room(k, picture, err));
    unsigned char *bytes = mx_arena_alloc(&k->bytes, size, err);
    if (bytes == NULL)
        return MERX_E_MEMORY;
    while (at < size && got > 0) {
        MX_TRY(mx_tar_read(tar, bytes + at, size - at, &got, err));
        at += got;
    }
    return add_to_batch(k, picture, bytes, at, err);
}

static int by_entry(const void *a, const void *b, void *found)
{
    const mx_found_picture *x = &((const mx_found_picture *)found)[*(const int32_t *)a];
    const mx_found_picture *y = &((const mx_found_picture *)found)[*(const int32_t *)b];
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The needed entries of one tar file, which is read through once more. */
static merx_status read_tar(keeping *k, const char *path, merx_error *err)
{
    const size_t n = k->in->found.count;
    merx_status status = MERX_OK;
    mx_source *source = NULL;
    mx_tar *tar = NULL;
    size_t m = 0, next = 0;

    int32_t *list = mx_arena_array(&k->in->work, n + 1, sizeof *list, err);
    if (list == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const mx_found_picture *found = found_at(k, (int32_t)i);
        if (k->needed[i] && found->member != NULL && strcmp(found->path, path) == 0)
            list[m++] = (int32_t)i;
    }
    if (m == 0)
        return MERX_OK;
    qsort_r(list, m, sizeof *list, by_entry, k->in->found.data);
    MX_TRY(mx_source_open(path, k->in->alloc, 0, &source, err));
    MX_TRY_GOTO(mx_tar_open(source, MX_PICTURES_MOST, k->in->alloc, &tar, err));
    for (uint64_t place = 0; next < m && k->in->unchecked == NULL; place++) {
        mx_tar_entry entry;
        MX_TRY_GOTO(mx_tar_next(tar, &entry, err));
        if (entry.name == NULL)
            MX_FAIL_GOTO(err, MERX_E_CHANGED, path, "was changed while it was read (import again)");
        const mx_found_picture *found = found_at(k, list[next]);
        if (place != found->entry)
            continue;
        if (entry.size != found->size || strcmp(entry.name, found->member) != 0)
            MX_FAIL_GOTO(err, MERX_E_CHANGED, path, "was changed while it was read (import again)");
        MX_TRY_GOTO(read_entry(k, tar, list[next++], err));
    }
out:
    mx_tar_close(tar);
    mx_source_close(source);
    return status;
}

/* ---- claims ---- */

/* One claim without a fault so far: it is there already, or its bytes are needed. */
static merx_status sort_claim(keeping *k, mx_picture_claim *claim, merx_error *err)
{
    char name[256];
    MX_TRY(blob_of(k, claim, name, err));
    const int32_t held = mx_dict_find(k->held, mx_str_of(name));
    if (held >= 0)
        k->wanted[held] = true;
    else
        k->needed[claim->picture] = true;
    return MERX_OK;
}

/* Distinct pictures of each product are counted; one too many is refused. */
static merx_status count_claims(keeping *k, merx_error *err)
{
    mx_dict *names = NULL;
    merx_status status = MERX_OK;

    MX_TRY(mx_dict_new(k->in->alloc, MX_PICTURES_MOST, &names, err));
    for (size_t i = 0; i < k->in->claims.count; i++) {
        mx_picture_claim *claim = claim_at(k, i);
        char name[256];
        int32_t code;
        if (claim->wrong != NULL)
            continue;
        MX_TRY_GOTO(blob_of(k, claim, name, err));
        if (mx_dict_find(names, mx_str_of(name)) < 0) {
            if (k->count[claim->product] == MX_PICTURES_OF_PRODUCT) {
                claim->wrong = mx_arena_printf(k->in->arena, err, "its product has %d pictures already (at most %d)",
                                               MX_PICTURES_OF_PRODUCT, MX_PICTURES_OF_PRODUCT);
                status = claim->wrong != NULL ? MERX_OK : MERX_E_MEMORY;
                if (status != MERX_OK)
                    goto out;
                continue;
            }
            k->count[claim->product]++;
            MX_TRY_GOTO(mx_dict_add(names, mx_str_of(name), &code, NULL, err));
        }
        MX_TRY_GOTO(sort_claim(k, claim, err));
    }
out:
    mx_dict_free(names);
    return status;
}

static merx_status refuse_claims(keeping *k, merx_error *err)
{
    mx_picture_intake *in = k->in;
    const char *last = "";
    for (size_t i = 0; i < in->claims.count; i++) {
        mx_picture_claim *claim = claim_at(k, i);
        if (claim->wrong == NULL && claim->picture >= 0)
            claim->wrong = found_at(k, claim->picture)->wrong;
        if (claim->wrong == NULL && in->unchecked != NULL && k->needed[claim->picture])
            claim->wrong = in->unchecked;
        if (claim->wrong == NULL)
            continue;
        k->refused++;
        last = claim->wrong;
        MX_TRY(mx_refused_add(in->refused, claim->file, claim->line, claim->column, mx_str_of(claim->value),
                              claim->wrong, err));
        if (in->max_refused > 0 && k->refused > in->max_refused)
            MX_FAIL(err, MERX_E_LIMIT, claim->file, "more than %llu pictures are refused; the last %s",
                    (unsigned long long)in->max_refused, last);
    }
    return MERX_OK;
}

/* ---- all of it ---- */

static merx_status remove_unclaimed(keeping *k, merx_error *err)
{
    for (size_t i = 0; i < mx_dict_count(k->held); i++)
        if (!k->wanted[i]) {
            MX_TRY(mx_blobs_remove(k->in->shop->blobs, mx_dict_get(k->held, (int32_t)i).data, err));
            k->in->removed++;
        }
    return MERX_OK;
}

/* What was put for this import goes again: the pictures are as before. */
static void take_back(keeping *k)
{
    for (size_t i = 0; i < k->put.count; i++)
        (void)!mx_blobs_remove(k->in->shop->blobs, MX_VEC_AT(&k->put, const char *, i), NULL);
}

static merx_status write_source(const keeping *k, const char *signature, uint64_t bytes, merx_error *err)
{
    mx_records *records = k->in->shop->records;
    char hex[65];
    mx_dict *now = NULL;
    merx_status status = MERX_OK;

    MX_TRY(mx_dict_new(k->in->alloc, INT32_MAX, &now, err));
    MX_TRY_GOTO(list_held(k->in->shop->blobs, now, hex, err));
    const mx_record record = {.kind = MX_SOURCE,
                              .source = {.name = mx_str_of(MX_PICTURES_SOURCE),
                                         .file_sha256 = mx_str_of(signature),
                                         .file_bytes = bytes,
                                         .rows = k->in->claims.count,
                                         .accepted = k->fresh + k->again,
                                         .refused = k->refused,
                                         .text_bytes = mx_dict_count(now),
                                         .text_sha256 = mx_str_of(hex)}};
    MX_TRY_GOTO(mx_records_remove(records, MX_SOURCE, record.source.name, err));
    MX_TRY_GOTO(mx_records_upsert(records, &record, 1, err));
out:
    mx_dict_free(now);
    return status;
}

static merx_status decode_needed(keeping *k, merx_error *err)
{
    const mx_picture_intake *in = k->in;
    uint64_t needed = 0;
    for (size_t i = 0; i < in->found.count; i++)
        needed += k->needed[i];
    mx_task_stage(in->task, "import pictures", needed, "pictures");
    MX_TRY(read_files(k, err));
    for (int i = 0; i < MX_PICTURE_TARS && in->unchecked == NULL; i++)
        if (in->tars[i] != NULL) {
            const char *path = mx_path_join(&k->in->work, in->folder, in->tars[i], err);
            if (path == NULL)
                return MERX_E_MEMORY;
            MX_TRY(read_tar(k, path, err));
        }
    MX_TRY(flush_batch(k, err));
    mx_task_done(in->task);
    return MERX_OK;
}

/* Inside the transaction: a second writer waits, or is told. */
static merx_status apply(keeping *k, const char *signature, uint64_t bytes, merx_error *err)
{
    MX_TRY(decode_needed(k, err));
    MX_TRY(refuse_claims(k, err));
    if (k->in->unchecked != NULL) {
        take_back(k);
        mx_vec_clear(&k->put);
    }
    k->fresh = k->put.count;
    k->again = k->in->claims.count - k->refused - k->fresh;
    if (k->in->unchecked != NULL)
        return MERX_OK;
    MX_TRY(remove_unclaimed(k, err));
    return write_source(k, signature, bytes, err);
}

/* What is there and what is needed. *same: nothing is to be done. */
static merx_status prepare(keeping *k, char signature[65], uint64_t *bytes, bool *same, merx_error *err)
{
    mx_picture_intake *in = k->in;
    char held[65];

    mx_dict_free(k->held);
    mx_dict_free(k->claimed);
    k->held = k->claimed = NULL;
    MX_TRY(mx_dict_new(in->alloc, INT32_MAX, &k->held, err));
    MX_TRY(mx_dict_new(in->alloc, MX_PICTURES_MOST, &k->claimed, err));
    MX_TRY(list_held(in->shop->blobs, k->held, held, err));
    sign_claims(k, bytes, signature);
    MX_TRY(is_same(k, signature, held, same, err));
    if (*same)
        return MERX_OK;
    k->wanted = mx_arena_array(&in->work, mx_dict_count(k->held) + 1, sizeof *k->wanted, err);
    k->count = mx_arena_array(&in->work, in->snapshot->products + 1, sizeof *k->count, err);
    k->needed = mx_arena_array(&in->work, in->found.count + 1, sizeof *k->needed, err);
    return k->wanted && k->count && k->needed ? count_claims(k, err) : MERX_E_MEMORY;
}

merx_status mx_pictures_keep(mx_picture_intake *in, merx_import_file *file, bool *changed, merx_error *err)
{
    keeping k = {.in = in};
    char signature[65];
    uint64_t bytes;
    bool same = false;
    merx_status status = MERX_OK;

    mx_arena_init(&k.bytes, in->alloc);
    k.put = mx_vec_init(in->alloc, sizeof(const char *), MX_PICTURES_MOST, "new pictures");
    MX_TRY_GOTO(prepare(&k, signature, &bytes, &same, err));
    file->unchanged = same;
    if (same)
        goto out;
    /* Another writer may have been here before the lock was ours. */
    MX_TRY_GOTO(mx_records_begin(in->shop->records, err));
    status = prepare(&k, signature, &bytes, &same, err);
    if (status == MERX_OK && !same)
        status = apply(&k, signature, bytes, err);
    if (status == MERX_OK && !same && in->unchecked == NULL)
        status = mx_records_commit(in->shop->records, err);
    else
        mx_records_rollback(in->shop->records);
    if (status != MERX_OK && in->removed == 0)
        take_back(&k);
    file->unchanged = same;
    if (status == MERX_OK && !same) {
        file->rows = in->claims.count;
        file->accepted = k.fresh;
        file->duplicates = k.again;
        file->refused = k.refused;
        *changed = k.fresh > 0 || in->removed > 0;
    }
out:
    merx_decoder_free(k.decoder);
    mx_dict_free(k.held);
    mx_dict_free(k.claimed);
    mx_vec_release(&k.put);
    mx_arena_release(&k.bytes);
    return status;
}
