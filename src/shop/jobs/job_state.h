/*
 * What jobs are inside: jobs.c (runner), job_files.c (disk), job_kinds.c (what can be asked), job_work.c and job_export.c (what is done). Floor 5, for these alone.
 */
#ifndef MX_SHOP_JOB_STATE_H
#define MX_SHOP_JOB_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "shop/jobs/jobs.h"

#define MX_JOB_EXPORT_FILE "export.jsonl"
#define MX_JOB_IMPORT_FOLDER "import"

/* A job in memory. With the lock of mx_jobs, but what is said to be the runner's. */
typedef struct mx_job_entry {
    struct mx_job_entry *older;
    char id[MX_JOB_ID_SIZE];
    mx_job_kind kind;
    mx_job_state state;
    uint64_t version;
    int64_t created_ms, started_ms, ended_ms; /* 0: not yet */
    json_t *parameters;                       /* of a job that has not ended; NULL: on disk */
    char stage[128];
    double progress, left_s; /* NaN: unknown */
    bool cancel, late;       /* asked to end; took too long */
    bool file;               /* an export that is there */
    double begun_s;
    merx_task *task; /* while it runs */
} mx_job_entry;

struct mx_shop_jobs {
    mx_jobs *jobs;
    struct mx_shop_jobs *next; /* of mx_jobs */
    char *folder;              /* the shop's */
    mx_job_hooks hooks;
    int lock_fd; /* -1: another process's, or not asked for yet */
    mx_job_entry *newest;
    size_t waiting, ended;
    bool writing; /* a job that writes runs */
    int64_t last_ms;
    double looked_s;                              /* at the disk, when another process runs the jobs */
    uint64_t counts[MX_JOB_KINDS][MX_JOB_STATES]; /* ended since the process began */
};

#define MX_JOBS_AT_ONCE 64

struct mx_jobs {
    mx_jobs_options options;
    pthread_mutex_t lock;
    pthread_cond_t work, clock;
    mx_shop_jobs *shops;
    pthread_t thread[MX_JOBS_AT_ONCE], clock_thread;
    int started;
    bool clock_started, stopping;
    double swept_s;
};

/* A job being run: what its kind works with. */
typedef struct mx_job_run {
    mx_shop_jobs *shop;
    mx_job_entry *entry;
    const json_t *parameters; /* copied for the runner */
    merx_task *task;
    json_t *result;
    int log_fd;
    size_t log_bytes;
    size_t part, parts, stages; /* which part of the work, and how many stages of it are behind */
    char folder[4096];          /* the job's */
} mx_job_run;

typedef struct mx_job_work {
    const char *name;
    bool writes;
    /* What is asked, checked: parameters to keep (returned). */
    merx_status (*check)(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err);
    merx_status (*run)(mx_job_run *run, merx_error *err);
} mx_job_work;
extern const mx_job_work mx_job_works[MX_JOB_KINDS];

/* ---- jobs.c ---- */

/* Begins part i of n of a job's work. */
void mx_job_part(mx_job_run *run, size_t i, size_t n);
const mx_jobs_options *mx_jobs_options_of(const mx_shop_jobs *shop);
/* With the lock: the threads that run jobs, and the clock; those that run already are left alone. */
merx_status mx_jobs_start_threads(mx_jobs *jobs, merx_error *err) MERX_MUST_CHECK;
merx_status mx_jobs_start_clock(mx_jobs *jobs, merx_error *err) MERX_MUST_CHECK;

/* ---- job_list.c ---- */

/* Jansson walks over and copies out of what it does not change by functions that want it without const. */
static inline json_t *mx_json_unconst(const json_t *value)
{
    json_t *out;
    memcpy(&out, &value, sizeof out);
    return out;
}

/* With the lock: a job is another than before. */
void mx_job_changed(mx_shop_jobs *shop, mx_job_entry *entry);
/* The record as it is told and kept. parameters, result and error are taken; NULL stands for null. */
json_t *mx_job_record(const mx_job_entry *entry, mx_job_state state, int64_t ended_ms, json_t *parameters,
                      json_t *result, json_t *error);
json_t *mx_job_error(const merx_error *err, const char *hint);
/* Parameters as they stay: whom a job was about is not kept. */
json_t *mx_job_kept_parameters(const json_t *parameters);

/* ---- job_files.c ---- */

/* "FOLDER/jobs/ID", or with a file in it; false: too long. */
bool mx_job_path(const mx_shop_jobs *shop, const char *id, const char *name, char *out, size_t size);
/* Writes the record, whole and durable. */
merx_status mx_job_file_write(const mx_shop_jobs *shop, const char *id, json_t *json, merx_error *err) MERX_MUST_CHECK;
merx_status mx_job_file_read(const mx_shop_jobs *shop, const char *id, json_t **json, merx_error *err) MERX_MUST_CHECK;
/* The job's folder and everything in it. */
void mx_job_folder_remove(const mx_shop_jobs *shop, const char *id);
/* The links of an import. */
void mx_job_import_remove(const mx_shop_jobs *shop, const char *id);
/* Takes the lock of the folder, making the folder if need be; false: another process has it. */
merx_status mx_job_lock(mx_shop_jobs *shop, bool *taken, merx_error *err) MERX_MUST_CHECK;
/* Ids of the jobs on disk, ascending; in the arena. */
merx_status mx_job_ids(const mx_shop_jobs *shop, mx_arena *arena, char ***ids, size_t *n,
                       merx_error *err) MERX_MUST_CHECK;
bool mx_job_id_valid(const char *id);

void mx_job_log_open(mx_job_run *run);
void mx_job_log_close(mx_job_run *run);
/* A line of the log. What can't be written is left out: a log must not fail the work. */
void mx_job_say(mx_job_run *run, const char *format, ...) MERX_PRINTF(2, 3);

/* ---- job_kinds.c ---- */

/* Kind and parameters of what is asked. */
merx_status mx_job_check(mx_shop_jobs *shop, const json_t *asked, mx_job_kind *kind, json_t **parameters,
                         merx_error *err) MERX_MUST_CHECK;
/* An option's value as text, as tables of options take it; false: it is a list or an object. */
bool mx_job_option_text(const json_t *value, char *number, size_t size, const char **text);
/* What an import may be told. */
extern const merx_option mx_job_import_options[];
merx_status mx_job_set_options(const json_t *values, merx_options *options, const char *where,
                               merx_error *err) MERX_MUST_CHECK;
/* Assignments "answer.option=value" of a training; in the arena. */
merx_status mx_job_assignments(const json_t *parameters, mx_arena *arena, const char ***out, size_t *n,
                               merx_error *err) MERX_MUST_CHECK;
/* An evaluation, or null when there is none. */
json_t *mx_evaluation_to_json(const merx_evaluation *evaluation);

merx_status mx_job_import(mx_job_run *run, merx_error *err) MERX_MUST_CHECK;
merx_status mx_job_train(mx_job_run *run, merx_error *err) MERX_MUST_CHECK;
merx_status mx_job_evaluate(mx_job_run *run, merx_error *err) MERX_MUST_CHECK;
merx_status mx_job_erase(mx_job_run *run, merx_error *err) MERX_MUST_CHECK;
merx_status mx_job_export(mx_job_run *run, merx_error *err) MERX_MUST_CHECK;

#endif
