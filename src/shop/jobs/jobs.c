/*
 * The runner: threads that take waiting jobs in order, a clock that ends late ones and removes what has had its time; and the list of a shop's jobs.
 *
 * One lock guards all entries. Nothing is read from or written to a disk with it. The entry of a running job stays where it is: only ended ones are taken off the list.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/jobs/job_state.h"
#include "shop/jobs/uploads.h"

/* How far a job steps back behind the threads that answer, and how often the clock looks what is old. */
enum { NICE = 10, SWEEP_S = 300 };
#define SAID_S 0.5 /* shorter stages are not worth a line of the log */

const mx_jobs_options *mx_jobs_options_of(const mx_shop_jobs *shop)
{
    return &shop->jobs->options;
}

/* ---- a job that runs ---- */

static const char *hint_of(const mx_job_run *run, merx_status status)
{
    switch (status) {
    case MERX_E_LIMIT:
    case MERX_E_MEMORY:
        return run->shop->jobs->options.max_memory_bytes ? "the setting job_memory says how much memory a job may take"
                                                         : "";
    case MERX_E_BUSY:
        return "another process writes to the shop; start the job again when it has ended";
    case MERX_E_CHANGED:
        return run->entry->kind == MX_JOB_IMPORT
                   ? "the option \"replace\" takes the changed file in place of what came from it"
                   : "start the job again";
    case MERX_E_NO_SPACE:
        return "the server's disk is full; nothing half written was kept";
    default:
        return "the job's log has more";
    }
}

/* The share of a part's work that is behind: each stage is taken for half of what is left, since nobody knows how many there are. */
static double part_share(size_t stages, double done)
{
    double behind = 1 - pow(0.5, (double)(stages < 50 ? stages : 50));
    return done > 0 ? behind + done * (1 - behind) / 2 : behind;
}

static void on_progress(void *context, const merx_progress *p)
{
    mx_job_run *run = context;
    mx_job_entry *e = run->entry;
    mx_jobs *jobs = run->shop->jobs;
    bool ended = p->done >= 1;
    if (ended) {
        run->stages++;
        if (p->elapsed_s >= SAID_S)
            mx_job_say(run, "%s: %.1f s", p->stage, p->elapsed_s);
    }
    double share = part_share(run->stages, ended ? 0 : p->done);
    double progress = ((double)run->part + share) / (double)(run->parts ? run->parts : 1);
    /* Without parts, a stage that knows its end says more than a guess. */
    if (run->parts <= 1 && !ended && p->done >= 0 && run->stages == 0)
        progress = p->done;
    pthread_mutex_lock(&jobs->lock);
    snprintf(e->stage, sizeof e->stage, "%s", p->stage);
    if (!isfinite(e->progress) || progress > e->progress)
        e->progress = progress < 1 ? progress : 1;
    double elapsed = mx_monotonic_s() - e->begun_s;
    e->left_s = e->progress > 0.05 ? elapsed * (1 - e->progress) / e->progress : NAN;
    mx_job_changed(run->shop, e);
    pthread_mutex_unlock(&jobs->lock);
}

void mx_job_part(mx_job_run *run, size_t i, size_t n)
{
    run->part = i;
    run->parts = n;
    run->stages = 0;
    pthread_mutex_lock(&run->shop->jobs->lock);
    double progress = n ? (double)i / (double)n : 0;
    if (!isfinite(run->entry->progress) || progress > run->entry->progress)
        run->entry->progress = progress;
    mx_job_changed(run->shop, run->entry);
    pthread_mutex_unlock(&run->shop->jobs->lock);
}

/* The end: on disk first, then told. */
static void finish(mx_job_run *run, mx_job_state state, const merx_error *err, const char *hint)
{
    mx_shop_jobs *shop = run->shop;
    mx_job_entry *e = run->entry;
    merx_error failure = {0};
    int64_t ended_ms = mx_now_ms();
    bool failed = state != MX_JOB_DONE && err->code != MERX_OK;
    bool result = state == MX_JOB_DONE || json_object_size(run->result) > 0;

    if (failed)
        mx_job_say(run, "%s: %s%s%s", mx_job_state_name(state), err->where, err->where[0] ? ": " : "", err->message);
    else
        mx_job_say(run, "%s", mx_job_state_name(state));
    mx_job_log_close(run);
    json_t *json = mx_job_record(e, state, ended_ms, mx_job_kept_parameters(run->parameters),
                                 result ? json_incref(run->result) : NULL, failed ? mx_job_error(err, hint) : NULL);
    if (mx_job_file_write(shop, e->id, json, &failure) != MERX_OK) {
        char line[1200];
        int n = snprintf(line, sizeof line, "merx: the record of job %s can't be written: %s: %s\n", e->id,
                         failure.where, failure.message);
        ssize_t done = n > 0 ? write(STDERR_FILENO, line, strlen(line)) : 0;
        (void)done; /* a log that can't be written has nowhere to say so */
    }
    json_decref(json);
    pthread_mutex_lock(&shop->jobs->lock);
    e->state = state;
    e->ended_ms = ended_ms;
    e->task = NULL;
    if (state == MX_JOB_DONE)
        e->progress = 1;
    e->file = state == MX_JOB_DONE && e->kind == MX_JOB_EXPORT;
    json_decref(e->parameters);
    e->parameters = NULL;
    shop->ended++;
    shop->counts[e->kind][state]++;
    mx_job_changed(shop, e);
    pthread_mutex_unlock(&shop->jobs->lock);
}

static merx_status run_kind(mx_job_run *run, merx_error *err)
{
    const mx_jobs_options *o = &run->shop->jobs->options;
    merx_task *task;
    MX_TRY(merx_task_new(NULL,
                         &(merx_task_options){.threads = o->threads,
                                              .max_memory_bytes = o->max_memory_bytes,
                                              .progress = on_progress,
                                              .progress_context = run},
                         &task, err));
    pthread_mutex_lock(&run->shop->jobs->lock);
    run->task = run->entry->task = task;
    if (run->entry->cancel || run->shop->jobs->stopping)
        merx_task_cancel(task);
    pthread_mutex_unlock(&run->shop->jobs->lock);
    merx_status status = merx_task_cancelled(task) ? mx_error_set(err, MERX_E_CANCELLED, "", "cancelled")
                                                   : mx_job_works[run->entry->kind].run(run, err);
    pthread_mutex_lock(&run->shop->jobs->lock);
    run->entry->task = NULL;
    pthread_mutex_unlock(&run->shop->jobs->lock);
    run->task = NULL;
    merx_task_free(task);
    return status;
}

static void run_job(mx_job_run *run)
{
    mx_jobs *jobs = run->shop->jobs;
    mx_job_entry *e = run->entry;
    merx_error err = {0};
    mx_job_state state = MX_JOB_DONE;

    mx_job_log_open(run);
    mx_job_say(run, "%s begins", mx_job_kind_name(e->kind));
    json_t *json = mx_job_record(e, MX_JOB_RUNNING, 0, json_deep_copy(run->parameters), NULL, NULL);
    merx_status status = mx_job_file_write(run->shop, e->id, json, &err);
    json_decref(json);
    if (status == MERX_OK)
        status = run_kind(run, &err);
    pthread_mutex_lock(&jobs->lock);
    bool cancel = e->cancel;
    bool late = e->late;
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    const char *hint = hint_of(run, status);
    if (status == MERX_E_CANCELLED && late) {
        state = MX_JOB_FAILED;
        merx_error_clear(&err);
        (void)mx_error_set(&err, MERX_E_LIMIT, "", "took longer than %u s, and was ended", jobs->options.time_s);
        hint = "the setting job_time says how long a job may take";
    } else if (status == MERX_E_CANCELLED && cancel) {
        state = MX_JOB_CANCELLED;
        merx_error_clear(&err);
    } else if (status == MERX_E_CANCELLED && stopping) {
        state = MX_JOB_INTERRUPTED;
        merx_error_clear(&err);
        (void)mx_error_set(&err, MERX_E_CANCELLED, "", "the server was stopped while the job ran");
        hint = "start the job again";
    } else if (status != MERX_OK) {
        state = MX_JOB_FAILED;
    }
    finish(run, state, &err, hint);
}

/* ---- threads ---- */

/* The oldest waiting job that may begin; with the lock. */
static mx_job_entry *next_job(mx_jobs *jobs, mx_shop_jobs **of)
{
    mx_job_entry *best = NULL;
    for (mx_shop_jobs *shop = jobs->shops; shop; shop = shop->next) {
        mx_job_entry *writer = NULL;
        mx_job_entry *reader = NULL;
        for (mx_job_entry *e = shop->newest; e && shop->waiting > 0; e = e->older) {
            if (e->state != MX_JOB_WAITING)
                continue;
            if (mx_job_works[e->kind].writes)
                writer = e;
            else
                reader = e;
        }
        if (shop->writing)
            writer = NULL;
        mx_job_entry *first = writer && (!reader || writer->created_ms < reader->created_ms) ? writer : reader;
        if (first && (!best || first->created_ms < best->created_ms)) {
            best = first;
            *of = shop;
        }
    }
    return best;
}

static void step_back(void)
{
    /* Of this thread alone, on Linux; those it starts for a job inherit it. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
}

static void *run_thread(void *context)
{
    mx_jobs *jobs = context;
    step_back();
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        mx_shop_jobs *shop = NULL;
        mx_job_entry *e = next_job(jobs, &shop);
        if (!e) {
            pthread_cond_wait(&jobs->work, &jobs->lock);
            continue;
        }
        bool writes = mx_job_works[e->kind].writes;
        mx_job_run run = {.shop = shop, .entry = e, .log_fd = -1};
        e->state = MX_JOB_RUNNING;
        e->started_ms = mx_now_ms();
        e->begun_s = mx_monotonic_s();
        e->progress = 0;
        shop->waiting--;
        shop->writing = shop->writing || writes;
        run.parameters = json_deep_copy(e->parameters);
        run.result = json_object();
        mx_job_changed(shop, e);
        pthread_cond_signal(&jobs->clock);
        pthread_mutex_unlock(&jobs->lock);
        run_job(&run);
        json_decref(mx_json_unconst(run.parameters));
        json_decref(run.result);
        pthread_mutex_lock(&jobs->lock);
        if (writes)
            shop->writing = false;
        pthread_cond_broadcast(&jobs->work);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* With the lock. Ends what takes too long; true: something runs. */
static bool look_at_time(mx_jobs *jobs)
{
    bool runs = false;
    double now = mx_monotonic_s();
    for (mx_shop_jobs *shop = jobs->shops; shop; shop = shop->next)
        for (mx_job_entry *e = shop->newest; e; e = e->older) {
            if (e->state != MX_JOB_RUNNING)
                continue;
            runs = true;
            if (jobs->options.time_s > 0 && !e->late && e->task && now - e->begun_s > jobs->options.time_s) {
                e->late = true;
                merx_task_cancel(e->task);
            }
        }
    return runs;
}

/* An export of this shop that has had its time; false: none. With the lock. */
static bool old_file(mx_shop_jobs *shop, int64_t before_ms, char id[MX_JOB_ID_SIZE])
{
    for (mx_job_entry *e = shop->newest; e; e = e->older)
        if (e->file && e->ended_ms < before_ms) {
            e->file = false;
            memcpy(id, e->id, MX_JOB_ID_SIZE);
            return true;
        }
    return false;
}

/* Only the process that runs a shop's jobs cleans up after them. Shops stay open while the clock runs. */
static void sweep(mx_jobs *jobs)
{
    int64_t now = mx_now_ms();
    char id[MX_JOB_ID_SIZE];
    char path[4096];
    for (mx_shop_jobs *shop = jobs->shops; shop; shop = shop->next) {
        bool ours = shop->lock_fd >= 0;
        while (ours && old_file(shop, now - (int64_t)MX_JOB_FILE_HOURS * 3600000, id)) {
            pthread_mutex_unlock(&jobs->lock);
            if (mx_job_path(shop, id, MX_JOB_EXPORT_FILE, path, sizeof path))
                (void)unlink(path);
            pthread_mutex_lock(&jobs->lock);
        }
        pthread_mutex_unlock(&jobs->lock);
        /* What can't be removed now is tried again. */
        if (mx_uploads_sweep(shop->folder, now - (int64_t)MX_UPLOAD_DAYS * MX_DAY_MS, false, NULL) != MERX_OK)
            (void)0;
        pthread_mutex_lock(&jobs->lock);
    }
}

static void *run_clock(void *context)
{
    mx_jobs *jobs = context;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        struct timespec until;
        bool runs = look_at_time(jobs);
        if (mx_monotonic_s() - jobs->swept_s >= SWEEP_S) {
            jobs->swept_s = mx_monotonic_s();
            sweep(jobs);
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += runs ? 1 : SWEEP_S;
        pthread_cond_timedwait(&jobs->clock, &jobs->lock, &until);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

merx_status mx_jobs_start_clock(mx_jobs *jobs, merx_error *err)
{
    if (jobs->clock_started)
        return MERX_OK;
    int failed = pthread_create(&jobs->clock_thread, NULL, run_clock, jobs);
    if (failed)
        return mx_error_errno(err, failed, "", "start a thread");
    jobs->clock_started = true;
    return MERX_OK;
}

merx_status mx_jobs_start_threads(mx_jobs *jobs, merx_error *err)
{
    while (jobs->started < jobs->options.at_once) {
        int failed = pthread_create(&jobs->thread[jobs->started], NULL, run_thread, jobs);
        if (failed && jobs->started == 0)
            return mx_error_errno(err, failed, "", "start a thread");
        if (failed)
            break;
        jobs->started++;
    }
    return mx_jobs_start_clock(jobs, err);
}

merx_status mx_jobs_new(const mx_jobs_options *options, mx_jobs **out, merx_error *err)
{
    mx_jobs *jobs;
    pthread_condattr_t clock;

    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &jobs, "jobs", err));
    jobs->options = *options;
    if (jobs->options.at_once < 1)
        jobs->options.at_once = 1;
    if (jobs->options.at_once > MX_JOBS_AT_ONCE)
        jobs->options.at_once = MX_JOBS_AT_ONCE;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->work, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->clock, &clock);
    pthread_condattr_destroy(&clock);
    jobs->swept_s = -SWEEP_S;
    *out = jobs;
    return MERX_OK;
}

void mx_jobs_stop(mx_jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (mx_shop_jobs *shop = jobs->shops; shop; shop = shop->next)
        for (mx_job_entry *e = shop->newest; e; e = e->older)
            if (e->state == MX_JOB_RUNNING && e->task)
                merx_task_cancel(e->task);
    pthread_cond_broadcast(&jobs->work);
    pthread_cond_broadcast(&jobs->clock);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->started; i++)
        pthread_join(jobs->thread[i], NULL);
    jobs->started = 0;
    if (jobs->clock_started)
        pthread_join(jobs->clock_thread, NULL);
    jobs->clock_started = false;
}

void mx_jobs_free(mx_jobs *jobs)
{
    if (!jobs)
        return;
    mx_jobs_stop(jobs);
    pthread_mutex_destroy(&jobs->lock);
    pthread_cond_destroy(&jobs->work);
    pthread_cond_destroy(&jobs->clock);
    MX_FREE_ARRAY(NULL, jobs, 1);
}
