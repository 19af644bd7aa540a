/*
 * Jobs: long work on shops beside answering: import, train, evaluate, erase, export. A job is a task with a record, limits, a log and an end. Floor 5.
 *
 *     mx_jobs_new(&options, &jobs, err);  mx_shop_jobs_open(jobs, folder, &hooks, &shop, err);
 *     mx_job_start(shop, asked, &json, err);  ...  mx_jobs_stop(jobs);  mx_shop_jobs_close(shop);  mx_jobs_free(jobs);
 *
 * The runner is threads of this process. Records and logs are files, "jobs/ID/job.json" and "jobs/ID/log" of the shop's folder, and not records of the store: a job must be able to say
 * how it stands while it, or another, holds the store's write lock, and its log is appended to a hundred times a second.
 *
 * Invariants
 *  1. A job's id grows with its creation: ids in order are jobs in order.
 *  2. A job that was accepted is on disk. Its end is on disk before anybody is told of it.
 *  3. Jobs of one shop that write (import, train, erase) run one at a time, in order. Of all shops at most `at_once` jobs run.
 *  4. Who finds a job that "runs" when he opens the shop's jobs marks it interrupted: its process is gone, or one process could not hold the lock of the folder. It is not run
 *     again, so a job that kills its process does so once. Jobs that waited go on waiting.
 *  5. One process runs the jobs of a shop: it holds the lock of "jobs/lock". Others can read them.
 *  6. An ended job names no customer: ids asked for become "*" in its record. Its log quotes no values of rows.
 */
#ifndef MX_SHOP_JOBS_H
#define MX_SHOP_JOBS_H

#include <jansson.h>

#include "shop/settings.h"
#include "shop/shop_state.h"

#define MX_JOB_ID_SIZE 16          /* 15 hex digits and the terminator */
#define MX_JOBS_KEPT 200           /* ended ones of a shop; the oldest go */
#define MX_JOBS_WAITING 100        /* of one shop */
#define MX_JOB_LOG_BYTES (1 << 20) /* what a job says beyond is left out, and that it is is said */
#define MX_JOB_FILE_HOURS 24       /* how long what an export made is there */
#define MX_JOB_CUSTOMERS_MAX 1000  /* of one job */

typedef enum mx_job_kind {
    MX_JOB_IMPORT,
    MX_JOB_TRAIN,
    MX_JOB_EVALUATE,
    MX_JOB_ERASE,
    MX_JOB_EXPORT,
    MX_JOB_KINDS
} mx_job_kind;
const char *mx_job_kind_name(mx_job_kind kind); /* "import" … */
typedef enum mx_job_state {
    MX_JOB_WAITING,
    MX_JOB_RUNNING,
    MX_JOB_DONE,
    MX_JOB_FAILED,
    MX_JOB_CANCELLED,
    MX_JOB_INTERRUPTED,
    MX_JOB_STATES
} mx_job_state;
const char *mx_job_state_name(mx_job_state state); /* "waiting" … */

typedef struct mx_jobs mx_jobs;           /* of a process */
typedef struct mx_shop_jobs mx_shop_jobs; /* of one shop */

typedef struct mx_jobs_options {
    int at_once; /* jobs that run at the same time, of all shops */
    int threads; /* of one job */
    uint64_t max_memory_bytes;
    unsigned time_s; /* longer jobs end; 0: no limit */
    /* A record as the export writes it. NULL: no memory. */
    json_t *(*record_json)(const mx_record *record, const mx_shop_settings *settings);
} mx_jobs_options;

/* What the owner of a shop does for its jobs and hears of them. Called from the runner's threads. */
typedef struct mx_job_hooks {
    void *context;
    /* Records or models of the shop have changed. */
    void (*written)(void *context);
    /* Erases a customer in the owner's line of writes; NULL: with a handle of the job's own. */
    merx_status (*erase)(void *context, const char *customer, merx_task *task, merx_receipt *out, merx_error *err);
    /* A job has another state, progress or log. Called with a lock held: may not call functions of this header. NULL: nobody listens. */
    void (*changed)(void *context);
} mx_job_hooks;

/* Threads start with the first job. Owns: mx_jobs_free. */
merx_status mx_jobs_new(const mx_jobs_options *options, mx_jobs **out, merx_error *err) MERX_MUST_CHECK;
/* Cancels what runs, waits for its end ("interrupted"), begins nothing more. */
void mx_jobs_stop(mx_jobs *jobs);
void mx_jobs_free(mx_jobs *jobs); /* after its shops are closed */

/*
 * The jobs of a shop's folder. Those that were running are marked interrupted; those that waited go on waiting.
 * hooks   copied
 * Owns: mx_shop_jobs_close, after mx_jobs_stop.
 */
merx_status mx_shop_jobs_open(mx_jobs *jobs, const char *folder, const mx_job_hooks *hooks, mx_shop_jobs **out,
                              merx_error *err) MERX_MUST_CHECK;
void mx_shop_jobs_close(mx_shop_jobs *shop);

/*
 * Any thread, each of these.
 *
 * Takes a job: {"kind": …, …} as in docs/jobs.md, checked whole. *job is what mx_job_get gives; owns: json_decref.
 * Errors: MERX_E_INVALID, _RANGE, _TYPE, _NOT_FOUND (an answer, an option, an upload), where names the member; MERX_E_LIMIT (MX_JOBS_WAITING wait),
 * MERX_E_BUSY (another process runs the jobs of this shop, or none is begun any more), MERX_E_NO_SPACE, MERX_E_IO.
 */
merx_status mx_job_start(mx_shop_jobs *shop, const json_t *asked, json_t **job, merx_error *err) MERX_MUST_CHECK;
/* {id, kind, state, created, started, ended, progress, stage, left_s, parameters, result, error}. MERX_E_NOT_FOUND. */
merx_status mx_job_get(mx_shop_jobs *shop, const char *id, json_t **job, merx_error *err) MERX_MUST_CHECK;
/* An array of at most n jobs, newest first, those before the id (NULL: from the newest). *more: there are older ones. */
merx_status mx_job_list(mx_shop_jobs *shop, const char *before, size_t n, json_t **list, bool *more,
                        merx_error *err) MERX_MUST_CHECK;
/* A waiting job ends at once, a running one soon. MERX_E_EXISTS: it has ended already. */
merx_status mx_job_cancel(mx_shop_jobs *shop, const char *id, json_t **job, merx_error *err) MERX_MUST_CHECK;
/* Appends at most n bytes of its log, from a byte on; whole lines, each "TIME text\n". */
merx_status mx_job_log(mx_shop_jobs *shop, const char *id, uint64_t from, size_t n, mx_text *out,
                       merx_error *err) MERX_MUST_CHECK;
/* What an export made: *fd is the caller's to close. MERX_E_NOT_FOUND: it made none, or it is gone by now. */
merx_status mx_job_file(mx_shop_jobs *shop, const char *id, int *fd, uint64_t *bytes, merx_error *err) MERX_MUST_CHECK;
/* Grows with each change of the job; 0: there is no such job. *ended (may be NULL): nothing more will change. */
uint64_t mx_job_version(mx_shop_jobs *shop, const char *id, bool *ended);
/* Jobs of the shop by kind and state: those waiting and running now, and those that ended since the process began. */
void mx_jobs_count(mx_shop_jobs *shop, uint64_t counts[MX_JOB_KINDS][MX_JOB_STATES]);

/* Removes what uploads and exports hold below the shop's folder: an erased customer may be in them. */
merx_status mx_job_files_forget(const char *folder, merx_error *err) MERX_MUST_CHECK;

#endif
