/*
 * The jobs of a shop: read from disk when its list is opened, begun, listed, cancelled.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/jobs/job_state.h"
#include "shop/jobs/uploads.h"

/* How old what is known of another process's jobs may be. */
#define LOOK_S 0.5

static bool has_ended(mx_job_state state)
{
    return state >= MX_JOB_DONE;
}

void mx_job_changed(mx_shop_jobs *shop, mx_job_entry *entry)
{
    entry->version++;
    if (shop->hooks.changed)
        shop->hooks.changed(shop->hooks.context);
}

static mx_job_entry *find(const mx_shop_jobs *shop, const char *id)
{
    for (mx_job_entry *e = shop->newest; e; e = e->older)
        if (strcmp(e->id, id) == 0)
            return e;
    return NULL;
}

static void free_entry(mx_job_entry *e)
{
    if (!e)
        return;
    json_decref(e->parameters);
    MX_FREE_ARRAY(NULL, e, 1);
}

static void free_entries(mx_job_entry *newest)
{
    while (newest) {
        mx_job_entry *e = newest;
        newest = e->older;
        free_entry(e);
    }
}

/* Ids in descending order. */
static void insert(mx_job_entry **newest, mx_job_entry *e)
{
    while (*newest && strcmp((*newest)->id, e->id) > 0)
        newest = &(*newest)->older;
    e->older = *newest;
    *newest = e;
}

/* ---- as JSON ---- */

static json_t *time_json(int64_t ms)
{
    char text[40];
    if (ms == 0)
        return json_null();
    mx_format_date(ms, true, text);
    return json_string(text);
}

static json_t *real_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *mx_job_error(const merx_error *err, const char *hint)
{
    char code[32];
    const char *name = merx_status_name(err->code) + strlen("MERX_E_");
    size_t n = 0;
    for (; name[n] && n < sizeof code - 1; n++)
        code[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] - 'A' + 'a' : name[n]);
    code[n] = '\0';
    return json_pack("{s:s, s:s, s:s, s:s}", "code", code, "message",
                     err->message[0] ? err->message : merx_status_text(err->code), "where", err->where, "hint", hint);
}

json_t *mx_job_record(const mx_job_entry *e, mx_job_state state, int64_t ended_ms, json_t *parameters, json_t *result,
                      json_t *error)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", e->id, "kind",
                     mx_job_kind_name(e->kind), "state", mx_job_state_name(state), "created", time_json(e->created_ms),
                     "started", time_json(e->started_ms), "ended", time_json(ended_ms), "progress",
                     state == MX_JOB_DONE ? json_real(1) : real_json(e->progress), "stage", e->stage, "left_s",
                     state == MX_JOB_RUNNING ? real_json(e->left_s) : json_null(), "parameters",
                     parameters ? parameters : json_null(), "result", result ? result : json_null(), "error",
                     error ? error : json_null());
}

/* Of a job that has not ended. With the lock. */
static json_t *entry_json(const mx_job_entry *e)
{
    return mx_job_record(e, e->state, 0, json_deep_copy(e->parameters), NULL, NULL);
}

json_t *mx_job_kept_parameters(const json_t *parameters)
{
    json_t *kept = json_deep_copy(parameters);
    json_t *customers = json_object_get(kept, "customers");
    for (size_t i = 0; i < json_array_size(customers); i++)
        json_array_set_new(customers, i, json_string("*"));
    return kept;
}

/* ---- from disk ---- */

static int64_t time_of(const json_t *record, const char *name)
{
    int64_t ms = 0;
    const char *text = json_string_value(json_object_get(record, name));
    return text && mx_parse_date(mx_str_of(text), MX_DATE_ISO, 0, &ms) ? ms : 0;
}

/* An entry as a record says; NULL: it is none. */
static mx_job_entry *read_entry(const char *id, const json_t *record)
{
    const char *kind = json_string_value(json_object_get(record, "kind"));
    const char *state = json_string_value(json_object_get(record, "state"));
    const char *stage = json_string_value(json_object_get(record, "stage"));
    const json_t *progress = json_object_get(record, "progress");
    mx_job_entry *e;
    if (!kind || !state || MX_NEW_ARRAY(NULL, 1, &e, "job", NULL) != MERX_OK)
        return NULL;
    int k = 0;
    int s = 0;
    while (k < MX_JOB_KINDS && strcmp(kind, mx_job_kind_name((mx_job_kind)k)) != 0)
        k++;
    while (s < MX_JOB_STATES && strcmp(state, mx_job_state_name((mx_job_state)s)) != 0)
        s++;
    if (k == MX_JOB_KINDS || s == MX_JOB_STATES ||
        (!has_ended((mx_job_state)s) && !json_is_object(json_object_get(record, "parameters")))) {
        free_entry(e);
        return NULL;
    }
    snprintf(e->id, sizeof e->id, "%s", id);
    snprintf(e->stage, sizeof e->stage, "%s", stage ? stage : "");
    e->kind = (mx_job_kind)k;
    e->state = (mx_job_state)s;
    e->version = 1;
    e->created_ms = time_of(record, "created");
    e->started_ms = time_of(record, "started");
    e->ended_ms = time_of(record, "ended");
    e->progress = json_is_number(progress) ? json_number_value(progress) : NAN;
    e->left_s = NAN;
    return e;
}

/* Its process is gone: the record says so from now on. */
static merx_status interrupt(const mx_shop_jobs *shop, mx_job_entry *e, const json_t *record, merx_error *err)
{
    merx_error ended = {0};
    merx_status set = mx_error_set(&ended, MERX_E_CANCELLED, "", "the server ended while the job ran");
    (void)set; /* a text made, no failure */
    e->state = MX_JOB_INTERRUPTED;
    e->ended_ms = mx_now_ms();
    json_t *json =
        mx_job_record(e, e->state, e->ended_ms, mx_job_kept_parameters(json_object_get(record, "parameters")), NULL,
                      mx_job_error(&ended, "start the job again; what it had stored by then stays"));
    merx_status status = mx_job_file_write(shop, e->id, json, err);
    json_decref(json);
    mx_job_import_remove(shop, e->id);
    return status;
}

static merx_status load_one(const mx_shop_jobs *shop, const char *id, bool ours, mx_job_entry **out, merx_error *err)
{
    char path[4096];
    json_t *record = NULL;
    merx_status status = mx_job_file_read(shop, id, &record, NULL);
    *out = status == MERX_OK ? read_entry(id, record) : NULL;
    if (status == MERX_E_NOT_FOUND && ours)
        mx_job_folder_remove(shop, id); /* a crash came before its record */
    status = MERX_OK;
    if (*out && ours && (*out)->state == MX_JOB_RUNNING)
        status = interrupt(shop, *out, record, err);
    if (*out && !has_ended((*out)->state))
        (*out)->parameters = json_deep_copy(json_object_get(record, "parameters"));
    if (*out)
        (*out)->file = mx_job_path(shop, id, MX_JOB_EXPORT_FILE, path, sizeof path) && mx_path_is_file(path);
    json_decref(record);
    return status;
}

/* The list as it is on disk, in place of what was known. With the lock, but at the start. */
static merx_status load(mx_shop_jobs *shop, merx_error *err)
{
    mx_arena arena;
    char **ids;
    size_t n;
    mx_job_entry *newest = NULL;
    size_t waiting = 0;
    size_t ended = 0;

    mx_arena_init(&arena, NULL);
    merx_status status = mx_job_ids(shop, &arena, &ids, &n, err);
    for (size_t i = 0; status == MERX_OK && i < n; i++) {
        mx_job_entry *e;
        status = load_one(shop, ids[i], shop->lock_fd >= 0, &e, err);
        if (!e)
            continue;
        insert(&newest, e);
        waiting += e->state == MX_JOB_WAITING;
        ended += has_ended(e->state);
        if (e->created_ms > shop->last_ms)
            shop->last_ms = e->created_ms;
    }
    mx_arena_release(&arena);
    if (status != MERX_OK) {
        free_entries(newest);
        return status;
    }
    free_entries(shop->newest);
    shop->newest = newest;
    shop->waiting = waiting;
    shop->ended = ended;
    return MERX_OK;
}

/* Another process runs the jobs of this shop, or did: what is known is what is on disk now. With the lock. */
static merx_status look_again(mx_shop_jobs *shop, merx_error *err)
{
    bool taken = false;
    double now = mx_monotonic_s();
    if (shop->lock_fd >= 0 || now - shop->looked_s < LOOK_S)
        return MERX_OK;
    shop->looked_s = now;
    if (shop->newest && mx_job_lock(shop, &taken, NULL) != MERX_OK)
        taken = false; /* a folder that may only be read */
    MX_TRY(load(shop, err));
    if (taken && shop->waiting > 0)
        MX_TRY(mx_jobs_start_threads(shop->jobs, err));
    return MERX_OK;
}

static merx_status open_list(mx_shop_jobs *shop, merx_error *err)
{
    char path[4096];
    bool taken = false;
    bool jobs = mx_job_path(shop, "", "", path, sizeof path) && mx_path_is_folder(path);
    if (jobs && mx_job_lock(shop, &taken, NULL) != MERX_OK)
        taken = false; /* a folder that may only be read */
    if (jobs)
        MX_TRY(load(shop, err));
    MX_TRY(mx_uploads_sweep(shop->folder, INT64_MIN, taken, err));
    return MERX_OK;
}

merx_status mx_shop_jobs_open(mx_jobs *jobs, const char *folder, const mx_job_hooks *hooks, mx_shop_jobs **out,
                              merx_error *err)
{
    mx_shop_jobs *shop;
    size_t size = strlen(folder) + 1;

    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &shop, "jobs", err));
    shop->jobs = jobs;
    shop->lock_fd = -1;
    shop->hooks = *hooks;
    merx_status status = mx_alloc_array_raw(NULL, size, 1, "folder", &shop->folder, err);
    if (status == MERX_OK) {
        memcpy(shop->folder, folder, size);
        status = open_list(shop, err);
    }
    if (status != MERX_OK) {
        mx_shop_jobs_close(shop);
        return status;
    }
    pthread_mutex_lock(&jobs->lock);
    shop->next = jobs->shops;
    jobs->shops = shop;
    if (shop->lock_fd >= 0)
        status = shop->waiting > 0 ? mx_jobs_start_threads(jobs, err) : mx_jobs_start_clock(jobs, err);
    pthread_cond_broadcast(&jobs->work);
    pthread_mutex_unlock(&jobs->lock);
    if (status != MERX_OK) {
        mx_shop_jobs_close(shop);
        return status;
    }
    *out = shop;
    return MERX_OK;
}

void mx_shop_jobs_close(mx_shop_jobs *shop)
{
    if (!shop)
        return;
    pthread_mutex_lock(&shop->jobs->lock);
    for (mx_shop_jobs **at = &shop->jobs->shops; *at; at = &(*at)->next)
        if (*at == shop) {
            *at = shop->next;
            break;
        }
    pthread_mutex_unlock(&shop->jobs->lock);
    free_entries(shop->newest);
    if (shop->lock_fd >= 0)
        (void)close(shop->lock_fd);
    if (shop->folder)
        MX_FREE_ARRAY(NULL, shop->folder, strlen(shop->folder) + 1);
    MX_FREE_ARRAY(NULL, shop, 1);
}

/* ---- beginning ---- */

/* The right to run jobs of this shop; with the lock. */
static merx_status take_shop(mx_shop_jobs *shop, merx_error *err)
{
    bool taken = false;
    if (shop->jobs->stopping)
        MX_FAIL(err, MERX_E_BUSY, "", "the server is stopping");
    if (shop->lock_fd >= 0)
        return MERX_OK;
    MX_TRY(mx_job_lock(shop, &taken, err));
    if (!taken)
        MX_FAIL(err, MERX_E_BUSY, "", "another process runs the jobs of this shop");
    return load(shop, err);
}

/* An entry of the next id; with the lock. */
static merx_status new_entry(mx_shop_jobs *shop, mx_job_kind kind, json_t *parameters, mx_job_entry **out,
                             merx_error *err)
{
    uint16_t tag;
    int64_t now = mx_now_ms();
    MX_TRY(take_shop(shop, err));
    if (shop->waiting >= MX_JOBS_WAITING)
        MX_FAIL(err, MERX_E_BUSY, "", "%d jobs of this shop wait already", MX_JOBS_WAITING);
    MX_TRY(mx_jobs_start_threads(shop->jobs, err));
    MX_TRY(MX_NEW_ARRAY(NULL, 1, out, "job", err));
    mx_job_entry *e = *out;
    shop->last_ms = now > shop->last_ms ? now : shop->last_ms + 1;
    mx_random_bytes(&tag, sizeof tag);
    snprintf(e->id, sizeof e->id, "%011" PRIx64 "%04x", (uint64_t)shop->last_ms & UINT64_C(0xfffffffffff), tag);
    e->kind = kind;
    e->state = MX_JOB_WAITING;
    e->version = 1;
    e->created_ms = shop->last_ms;
    e->progress = e->left_s = NAN;
    e->parameters = parameters;
    return MERX_OK;
}

/* Takes the oldest ended job off the list when there are too many; false: none. With the lock. */
static bool drop_oldest(mx_shop_jobs *shop, char id[MX_JOB_ID_SIZE])
{
    mx_job_entry **oldest = NULL;
    if (shop->ended <= MX_JOBS_KEPT)
        return false;
    for (mx_job_entry **at = &shop->newest; *at; at = &(*at)->older)
        if (has_ended((*at)->state))
            oldest = at;
    if (!oldest)
        return false;
    mx_job_entry *e = *oldest;
    *oldest = e->older;
    memcpy(id, e->id, MX_JOB_ID_SIZE);
    shop->ended--;
    free_entry(e);
    return true;
}

merx_status mx_job_start(mx_shop_jobs *shop, const json_t *asked, json_t **job, merx_error *err)
{
    mx_jobs *jobs = shop->jobs;
    mx_job_kind kind = MX_JOB_IMPORT;
    json_t *parameters = NULL;
    mx_job_entry *e = NULL;
    char old[MX_JOB_ID_SIZE];

    *job = NULL;
    MX_TRY(mx_job_check(shop, asked, &kind, &parameters, err));
    pthread_mutex_lock(&jobs->lock);
    merx_status status = new_entry(shop, kind, parameters, &e, err);
    pthread_mutex_unlock(&jobs->lock);
    if (status != MERX_OK) {
        json_decref(parameters);
        return status;
    }
    *job = entry_json(e);
    status = mx_job_file_write(shop, e->id, *job, err);
    if (status != MERX_OK) {
        mx_job_folder_remove(shop, e->id);
        free_entry(e);
        json_decref(*job);
        *job = NULL;
        return status;
    }
    pthread_mutex_lock(&jobs->lock);
    insert(&shop->newest, e);
    shop->waiting++;
    mx_job_changed(shop, e);
    pthread_cond_broadcast(&jobs->work);
    while (drop_oldest(shop, old)) {
        pthread_mutex_unlock(&jobs->lock);
        mx_job_folder_remove(shop, old);
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    return MERX_OK;
}

/* ---- looking ---- */

merx_status mx_job_get(mx_shop_jobs *shop, const char *id, json_t **job, merx_error *err)
{
    *job = NULL;
    pthread_mutex_lock(&shop->jobs->lock);
    merx_status status = look_again(shop, err);
    const mx_job_entry *e = status == MERX_OK ? find(shop, id) : NULL;
    bool found = e != NULL;
    if (e && !has_ended(e->state))
        *job = entry_json(e);
    pthread_mutex_unlock(&shop->jobs->lock);
    if (status != MERX_OK)
        return status;
    if (!found)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no job \"%.40s\"", id);
    return *job ? MERX_OK : mx_job_file_read(shop, id, job, err);
}

merx_status mx_job_list(mx_shop_jobs *shop, const char *before, size_t n, json_t **list, bool *more, merx_error *err)
{
    *list = json_array();
    *more = false;
    pthread_mutex_lock(&shop->jobs->lock);
    merx_status status = look_again(shop, err);
    for (const mx_job_entry *e = shop->newest; status == MERX_OK && e; e = e->older) {
        if (before && strcmp(e->id, before) >= 0)
            continue;
        *more = json_array_size(*list) == n;
        if (*more)
            break;
        json_array_append_new(*list, has_ended(e->state) ? json_string(e->id) : entry_json(e));
    }
    pthread_mutex_unlock(&shop->jobs->lock);
    for (size_t i = json_array_size(*list); status == MERX_OK && i-- > 0;) {
        json_t *job;
        const char *id = json_string_value(json_array_get(*list, i));
        if (!id)
            continue;
        /* One whose turn to go has come, or that is damaged, is left out. */
        if (mx_job_file_read(shop, id, &job, NULL) == MERX_OK)
            json_array_set_new(*list, i, job);
        else
            json_array_remove(*list, i);
    }
    if (status != MERX_OK) {
        json_decref(*list);
        *list = NULL;
    }
    return status;
}

uint64_t mx_job_version(mx_shop_jobs *shop, const char *id, bool *ended)
{
    pthread_mutex_lock(&shop->jobs->lock);
    const mx_job_entry *e = look_again(shop, NULL) == MERX_OK ? find(shop, id) : NULL;
    uint64_t version = e ? e->version : 0;
    if (ended)
        *ended = e && has_ended(e->state);
    pthread_mutex_unlock(&shop->jobs->lock);
    return version;
}

void mx_jobs_count(mx_shop_jobs *shop, uint64_t counts[MX_JOB_KINDS][MX_JOB_STATES])
{
    pthread_mutex_lock(&shop->jobs->lock);
    memcpy(counts, shop->counts, sizeof shop->counts);
    for (const mx_job_entry *e = shop->newest; e; e = e->older)
        if (!has_ended(e->state))
            counts[e->kind][e->state]++;
    pthread_mutex_unlock(&shop->jobs->lock);
}

/* ---- cancelling ---- */

/* A job that waits ends here and now; its record is written by the caller. With the lock. */
static void end_waiting(mx_shop_jobs *shop, mx_job_entry *e, json_t **job)
{
    e->state = MX_JOB_CANCELLED;
    e->ended_ms = mx_now_ms();
    *job = mx_job_record(e, e->state, e->ended_ms, mx_job_kept_parameters(e->parameters), NULL, NULL);
    json_decref(e->parameters);
    e->parameters = NULL;
    shop->waiting--;
    shop->ended++;
    shop->counts[e->kind][e->state]++;
}

merx_status mx_job_cancel(mx_shop_jobs *shop, const char *id, json_t **job, merx_error *err)
{
    merx_status status = MERX_OK;
    bool waited = false;

    *job = NULL;
    pthread_mutex_lock(&shop->jobs->lock);
    MX_TRY_GOTO(look_again(shop, err));
    mx_job_entry *e = find(shop, id);
    if (!e)
        MX_FAIL_GOTO(err, MERX_E_NOT_FOUND, "", "there is no job \"%.40s\"", id);
    if (has_ended(e->state))
        MX_FAIL_GOTO(err, MERX_E_EXISTS, "", "the job has ended: it is %s", mx_job_state_name(e->state));
    if (shop->lock_fd < 0)
        MX_FAIL_GOTO(err, MERX_E_BUSY, "", "another process runs the jobs of this shop: ask it");
    waited = e->state == MX_JOB_WAITING;
    e->cancel = true;
    if (waited) {
        end_waiting(shop, e, job);
    } else {
        if (e->task)
            merx_task_cancel(e->task);
        *job = entry_json(e);
    }
    mx_job_changed(shop, e);
out:
    pthread_mutex_unlock(&shop->jobs->lock);
    if (status == MERX_OK && waited)
        status = mx_job_file_write(shop, id, *job, err);
    if (status != MERX_OK) {
        json_decref(*job);
        *job = NULL;
    }
    return status;
}
