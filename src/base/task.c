/*
 * A task: threads, progress, cancellation and the memory budget of one long call.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/system.h"
#include "base/task_state.h"

static const double REPORT_EVERY_S = 0.1;

merx_status merx_task_new(const merx_allocator *alloc, const merx_task_options *options, merx_task **out,
                          merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    merx_task_options used = options != NULL ? *options : (merx_task_options){0};
    if (used.threads < 0 || used.threads > MX_MOST_THREADS)
        MX_FAIL(err, MERX_E_RANGE, "threads", "%d threads; expected 1 to %d, or 0 for all cores", used.threads,
                MX_MOST_THREADS);
    merx_task *task = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *task, "task", &task, err));
    task->alloc = alloc;
    task->options = used;
    task->threads = used.threads > 0 ? used.threads : mx_cores();
    if (task->threads > MX_MOST_THREADS)
        task->threads = MX_MOST_THREADS;
    mx_pool_init(task);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_alloc_array(alloc, (size_t)task->threads - 1, sizeof(mx_worker), "task", &task->pool.workers, err));
    MX_TRY_GOTO(merx_budget_new(alloc, used.max_memory_bytes, &task->budget, err));
    *out = task;
    return MERX_OK;
out:
    merx_task_free(task);
    return status;
}

void merx_task_free(merx_task *task)
{
    if (task == NULL)
        return;
    mx_pool_release(task);
    merx_budget_free(task->budget);
    MX_FREE_ARRAY(task->alloc, task->pool.workers, (size_t)task->threads - 1);
    mx_free_array(task->alloc, task, 1, sizeof *task);
}

void merx_task_cancel(merx_task *task)
{
    if (task != NULL)
        atomic_store(&task->cancelled, true);
}

bool merx_task_cancelled(const merx_task *task)
{
    return task != NULL && atomic_load_explicit(&task->cancelled, memory_order_relaxed);
}

int merx_task_threads(const merx_task *task)
{
    return task != NULL ? task->threads : 1;
}

uint64_t merx_task_seed(const merx_task *task)
{
    return task != NULL ? task->options.seed : 0;
}

uint64_t merx_task_max_memory(const merx_task *task)
{
    return task != NULL ? task->options.max_memory_bytes : 0;
}

uint64_t merx_task_peak_memory(const merx_task *task)
{
    return task != NULL ? merx_budget_peak(task->budget) : 0;
}

const merx_allocator *merx_task_allocator(const merx_task *task)
{
    return task != NULL ? merx_budget_allocator(task->budget) : merx_allocator_default();
}

static void copy_cut(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void report(merx_task *task, double now, bool ended)
{
    task->stage.report_s = now;
    if (task->options.progress == NULL)
        return;
    double elapsed_s = now - task->stage.begin_s;
    double done = -1;
    double left_s = -1;
    if (ended) {
        done = 1;
        left_s = 0;
    } else if (task->stage.total > 0) {
        done = (double)task->stage.done / (double)task->stage.total;
        if (done > 1)
            done = 1;
        if (done > 0)
            left_s = elapsed_s * (1 - done) / done;
    }
    merx_progress progress = {.stage = task->stage.name,
                              .done = done,
                              .count = task->stage.done,
                              .unit = task->stage.unit,
                              .elapsed_s = elapsed_s,
                              .left_s = left_s};
    task->options.progress(task->options.progress_context, &progress);
}

void mx_task_stage(merx_task *task, const char *stage, uint64_t total, const char *unit)
{
    if (task == NULL || mx_inside_body())
        return;
    mx_task_done(task);
    task->stage.open = true;
    copy_cut(task->stage.name, sizeof task->stage.name, stage);
    copy_cut(task->stage.unit, sizeof task->stage.unit, unit);
    task->stage.total = total;
    task->stage.done = 0;
    double now = mx_monotonic_s();
    task->stage.begin_s = now;
    if (now - task->stage.report_s >= REPORT_EVERY_S)
        report(task, now, false);
}

void mx_task_rename(merx_task *task, const char *stage)
{
    if (task != NULL && !mx_inside_body() && task->stage.open)
        copy_cut(task->stage.name, sizeof task->stage.name, stage);
}

merx_status mx_task_step(merx_task *task, uint64_t done, merx_error *err)
{
    if (task == NULL)
        return MERX_OK;
    if (merx_task_cancelled(task))
        MX_FAIL(err, MERX_E_CANCELLED, NULL, "cancelled");
    if (mx_inside_body() || !task->stage.open)
        return MERX_OK;
    task->stage.done = done;
    if (task->options.progress != NULL) {
        double now = mx_monotonic_s();
        if (now - task->stage.report_s >= REPORT_EVERY_S)
            report(task, now, false);
    }
    return MERX_OK;
}

void mx_task_done(merx_task *task)
{
    if (task == NULL || mx_inside_body() || !task->stage.open)
        return;
    if (task->stage.total > task->stage.done)
        task->stage.done = task->stage.total;
    report(task, mx_monotonic_s(), true);
    task->stage.open = false;
}

/* "310 MB", rounded up. */
static uint64_t megabytes(uint64_t bytes)
{
    return bytes / (1 << 20) + (bytes % (1 << 20) != 0);
}

merx_status mx_task_require_memory(const merx_task *task, uint64_t bytes, const char *what, merx_error *err)
{
    if (task == NULL || task->options.max_memory_bytes == 0)
        return MERX_OK;
    uint64_t max = task->options.max_memory_bytes;
    uint64_t used = merx_budget_used(task->budget);
    if (used <= max && bytes <= max - used)
        return MERX_OK;
    if (megabytes(used) > 0)
        MX_FAIL(err, MERX_E_LIMIT, NULL, "%s needs about %llu MB; --max-memory is %llu MB, of which %llu MB are in use",
                what, (unsigned long long)megabytes(bytes), (unsigned long long)(max >> 20),
                (unsigned long long)megabytes(used));
    MX_FAIL(err, MERX_E_LIMIT, NULL, "%s needs about %llu MB; --max-memory is %llu MB", what,
            (unsigned long long)megabytes(bytes), (unsigned long long)(max >> 20));
}
