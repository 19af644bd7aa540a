/*
 * A shop: one handle on one store, its own models, its own limits. Nothing about a shop is global.
 *
 *     merx_shop_open(NULL, "merx-data/my-shop", &(merx_shop_options){.create = true}, &shop, &err);
 *     merx_shop_import(shop, "exports/", NULL, task, &import, &err);
 *     merx_shop_train(shop, NULL, NULL, task, &training, &err);
 *     merx_shop_ask(shop, "recommend", question, true, &reply, &err);
 *
 * The folder of a shop holds shop.db (records, unless records.address says where else they are), blobs/ (snapshots, every trained model version) and what reports write. Several processes may open one shop:
 * one writer at a time, readers never blocked. A handle is used by one thread at a time.
 */
#ifndef MERX_SHOP_H
#define MERX_SHOP_H

#include "merx/answer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_shop merx_shop;

typedef struct merx_shop_options {
    bool create; /* make the folder and an empty shop when there is none; else MERX_E_NOT_FOUND */
    bool read_only;
    const char *records; /* address of the record store; NULL: what the folder keeps, else "<folder>/shop.db" */
    const char *blobs;   /* address of the blob store; NULL: "<folder>/blobs" */
    /*
     * Keep `records` in the folder ("<folder>/records.address", mode 0600), so that everybody who opens it finds its records there. A password in the address is
     * MERX_E_INVALID: libpq takes it from ~/.pgpass, PGPASSWORD or a service. MERX_E_EXISTS: the folder's records are elsewhere already.
     */
    bool keep_records;
} merx_shop_options;

/* Owns: close with merx_shop_close (NULL is allowed). alloc is kept. */
MERX_API merx_status merx_shop_open(const merx_allocator *alloc, const char *folder, const merx_shop_options *options,
                                    merx_shop **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_shop_close(merx_shop *shop);
/*
 * Closes a shop for which the first thing that it was made for has failed: the folder that merx_shop_open made is removed again, with those above it that it made too. A folder that was
 * there before, one that another process has open too, and a shop in which anything is stored (settings aside) stay as merx_shop_close leaves them. Records elsewhere
 * (merx_shop_options.records) stay. NULL is allowed.
 */
MERX_API void merx_shop_abandon(merx_shop *shop);
MERX_API const char *merx_shop_folder(const merx_shop *shop);

/* ---- import ---- */

typedef struct merx_import_options {
    /* path of a mapping file; NULL: "shop.json" in the folder when there is one, else presets by column names */
    const char *mapping;
    /* a file whose already imported rows were changed replaces what came from it, instead of MERX_E_CHANGED */
    bool replace;
    /* more refused rows than this stop the import, and nothing of that file is kept; 0: no limit */
    uint64_t max_refused;
} merx_import_options;

typedef struct merx_import_file {
    const char *name; /* relative to the folder; "pictures/": all pictures of it, also those of a tar file */
    const char *
        preset; /* how it was understood: "online-retail", "products", "events" …, "mapping", "pictures"; "ignored" with note */
    const char *note; /* NULL: none */
    uint64_t rows, accepted, duplicates,
        refused;    /* of this import; of pictures: those of products, new, there already */
    bool unchanged; /* already imported, not read again */
} merx_import_file;
typedef struct merx_refusal {
    const char *file;
    uint64_t line; /* 0: the file itself, a picture */
    const char *column, *value, *message;
} merx_refusal;
#define MERX_REFUSALS_KEPT 1000 /* the first ones; all are in refused.csv of the shop's folder */

typedef struct merx_import {
    size_t files, refusals;
    const merx_import_file *file;
    const merx_refusal *refusal;
    uint64_t rows, accepted, duplicates, refused; /* sums over files */
    /* what the shop holds now */
    uint64_t events, customers, products, orders;
    int64_t amount_minor; /* exact sum of quantity * price over all events */
    int decimals;         /* of the shop's money */
    bool changed;         /* something new was stored */
    void *memory;
} merx_import;

/*
 * Imports the files of a folder, or one file. Presets are recognised by column names. Each file is one transaction, checked first and
 * then kept; kill -9 at any moment leaves whole files imported or not. Files already imported and unchanged are not read again; a file that grew adds its new rows.
 * Pictures of products come from the folder "pictures" in it ("pictures/ID.jpg", "pictures/ID/any.png"), from pictures.tar(.gz, .zst), or from paths in the image column of products. Each is decoded
 * once by merx-decode (merx/media.h) before it is kept; where that program is missing, the pictures are refused, and the tables are not. Afterwards the shop has the pictures of the
 * folder, no others; a folder that says nothing of pictures leaves them.
 * Cost: one pass over each file, memory bounded (about 64 MB, and some 200 bytes for each picture).
 * Errors: MERX_E_NOT_FOUND (no file in it that merx understands: names what it looked at), MERX_E_CHANGED, MERX_E_LIMIT, MERX_E_NO_SPACE …; nothing stored before is harmed.
 */
MERX_API merx_status merx_shop_import(merx_shop *shop, const char *path, const merx_import_options *options,
                                      merx_task *task, merx_import *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_import_release(merx_import *import);

/* ---- training, evaluation, models ---- */

typedef struct merx_train_options {
    bool force;                 /* deploy also what does not pass its gate */
    bool again;                 /* train also when data, options and code are those of the newest version */
    const char *const *options; /* "answer.name=value", e.g. "recommend.factors=32" */
    size_t n_options;
} merx_train_options;

typedef enum merx_train_outcome {
    MERX_TRAINED,
    MERX_UNCHANGED,
    MERX_NOT_BETTER,
    MERX_NO_DATA,
    MERX_NOTHING_TO_LEARN
} merx_train_outcome;
typedef struct merx_trained {
    const char *answer;
    merx_train_outcome outcome;
    const char *note; /* why not, for NOT_BETTER and NO_DATA */
    int64_t version;  /* 0: none */
    bool live;
    merx_evaluation evaluation; /* of this version, by the time split */
} merx_trained;
typedef struct merx_training {
    size_t count;
    merx_trained *trained;
    void *memory;
} merx_training;

/*
 * Trains, evaluates (by time, on data before the split only), passes the gate, and deploys: one answer, or all (NULL). A model that is not better than its baseline is kept but not live.
 * An answer whose model is up to date (same data, options, code) is left as it is, with its stored evaluation.
 * Errors: MERX_E_LIMIT with an estimate when max_memory does not suffice.
 */
MERX_API merx_status merx_shop_train(merx_shop *shop, const char *answer, const merx_train_options *options,
                                     merx_task *task, merx_training *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_training_release(merx_training *training);

/* Evaluates anew, without storing. split_ms 0: the default split (see merx_answer_info). truth: path of a truth file written by `merx sample`, or NULL. */
MERX_API merx_status merx_shop_evaluate(merx_shop *shop, const char *answer, int64_t split_ms, const char *truth,
                                        merx_task *task, merx_evaluation *out, merx_error *err) MERX_MUST_CHECK;

typedef struct merx_model_version {
    const char *answer;
    int64_t version;
    int64_t created_ms;
    int64_t data_offset;
    bool live;
    uint64_t size_bytes;
    const char *sha256;
    merx_evaluation evaluation;
} merx_model_version;
typedef struct merx_model_versions {
    size_t count;
    merx_model_version *version;
    void *memory;
} merx_model_versions;
MERX_API merx_status merx_shop_versions(merx_shop *shop, merx_model_versions *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_model_versions_release(merx_model_versions *versions);

/* ---- asking ---- */

/* The options a question to this answer can set. Owns: merx_options_free. */
MERX_API merx_status merx_shop_question(const merx_shop *shop, const char *answer, merx_options **out,
                                        merx_error *err) MERX_MUST_CHECK;
/* question NULL: all defaults. why: with reasons. Owns: merx_reply_release. MERX_E_NOT_FITTED: no live model (says how to train). */
MERX_API merx_status merx_shop_ask(merx_shop *shop, const char *answer, const merx_options *question, bool why,
                                   merx_reply *out, merx_error *err) MERX_MUST_CHECK;

/* ---- forgetting ---- */

typedef struct merx_forgotten {
    const char *answer;
    const char *how; /* "recomputed", "retrain queued", "nothing learnt" */
} merx_forgotten;
typedef struct merx_receipt {
    const char *customer;                                  /* as given */
    uint64_t events, orders, messages, reviews, customers; /* rows erased */
    size_t answers;
    const merx_forgotten *answer;
    double seconds;
    void *memory;
} merx_receipt;
/*
 * Erases a customer from rows, snapshots and models. What was learnt exactly is recomputed to the bytes of never having seen him; where that can't be, a retrain is queued (the
 * next merx_shop_train does it) and the receipt says so. MERX_E_NOT_FOUND: no such customer. The rows can't come back by importing the same files again.
 */
MERX_API merx_status merx_shop_forget(merx_shop *shop, const char *customer, merx_task *task, merx_receipt *out,
                                      merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_receipt_release(merx_receipt *receipt);

/* SHA-256 over the shop's logical state (records, snapshot, live models), offsets and times of training aside, as hex; what tests of forgetting and crashes compare. */
MERX_API merx_status merx_shop_digest(merx_shop *shop, bool with_models, char hex[65], merx_error *err) MERX_MUST_CHECK;

/* ---- backup ---- */

typedef struct merx_backup {
    uint64_t events, products, customers, orders, messages, reviews, models;
    uint64_t files;      /* of models and pictures */
    int64_t offset;      /* of the last event */
    int64_t created_ms;  /* when it was made */
    uint64_t size_bytes; /* of the backup */
    uint64_t erased;     /* restore: customers of options->erase who were in it */
    double seconds;
} merx_backup;

/*
 * Writes one state of the shop into one file (docs/backup.md: a tar of JSON lines and files, with their SHA-256; zstd unless the name ends in .tar or .gz), whatever store its records are
 * in. Others may go on reading and writing meanwhile when the shop was opened read-only; else writers wait. What can be made again (the snapshot) is left out, keys are in it.
 * The file is for its owner alone (mode 0600) and appears when it is whole. Memory: the largest model, and some megabytes.
 * Errors: MERX_E_EXISTS: there is such a file; MERX_E_NO_SPACE …; then there is no file.
 */
MERX_API merx_status merx_shop_backup(merx_shop *shop, const char *path, merx_task *task, merx_backup *out,
                                      merx_error *err) MERX_MUST_CHECK;

typedef struct merx_restore_options {
    const char *
        records; /* address of the record store, which must hold no shop yet, kept in the folder; NULL: "<folder>/shop.db" */
    const char *const *
        erase; /* customers who were erased since the backup was made: erased again; one who is not in it is no error */
    size_t n_erase;
} merx_restore_options;
/*
 * Makes a shop out of a backup. Everything is checked: each part's SHA-256, every record, the counts; only then the folder has its name. Offsets, versions of models, watermarks of imports and
 * keys are those of the backup.
 * folder  made; must not be there, or be empty
 * Errors: MERX_E_EXISTS; MERX_E_CORRUPT: cut short or changed, and where; MERX_E_VERSION: by a newer merx. Nothing is left then, except in this case: when only the erasing (options->erase)
 * failed and the records are not in the folder, they are restored there.
 */
MERX_API merx_status merx_shop_restore(const merx_allocator *alloc, const char *path, const char *folder,
                                       const merx_restore_options *options, merx_task *task, merx_backup *out,
                                       merx_error *err) MERX_MUST_CHECK;

/* ---- report ---- */

typedef struct merx_report_options {
    const char *html;     /* path of the page; NULL: none */
    const char *language; /* "en" or "zh"; NULL: en */
    int columns;          /* of the text; 0: 100 */
    bool colour;
} merx_report_options;
/* The report for a person as text (returned: merx_text_free), and as one self-contained page. A function of the shop's state alone. */
MERX_API merx_status merx_shop_report(merx_shop *shop, const merx_report_options *options, merx_task *task, char **text,
                                      merx_error *err) MERX_MUST_CHECK;

/* ---- the sample shop ---- */

typedef struct merx_sample_options {
    uint64_t products, customers, events; /* 0: 500, 2000, 60000 */
    uint64_t seed;
} merx_sample_options;
/*
 * Writes a generated shop's export into a folder (made when absent; must be empty), and what is true of it to "<folder>.truth.json" beside it: the planted
 * structure and the best reachable score of each answer. Streams: memory O(products + customers).
 */
MERX_API merx_status merx_sample_write(const char *folder, const merx_sample_options *options, merx_task *task,
                                       merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
