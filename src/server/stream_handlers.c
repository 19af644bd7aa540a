/*
 * What streams tell: a job as it goes on, events as they are accepted.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/record_json.h"
#include "server/server_state.h"
#include "server/streams.h"
#include "shop/jobs/jobs.h"

enum { LOG_AT_ONCE = 32768, LINE_MAX_BYTES = 1300, EVENTS_AT_ONCE = 500, EVENT_BYTES_AT_ONCE = 1 << 20 };

/* How often the store is asked for events of other processes, and how often it is seen that this one wrote. */
#define STORE_LOOK_S 0.5
#define OWN_LOOK_S 0.1

/* ---- a job ---- */

typedef struct job_stream {
    mx_shop_jobs *jobs;
    char id[MX_JOB_ID_SIZE];
    uint64_t version, log_at;
} job_stream;

/* "TIME text\n" lines as log events. */
static void put_lines(mx_text *out, const mx_text *log)
{
    const char *at = log->data;
    while (*at) {
        size_t size = strcspn(at, "\n");
        const char *space = memchr(at, ' ', size);
        size_t time = space ? (size_t)(space - at) : size;
        mx_stream_event(out, "log",
                        json_pack("{s:o, s:o}", "time", json_stringn(at, time), "text",
                                  space ? json_stringn(space + 1, size - time - 1) : json_string("")));
        at += size + (at[size] == '\n');
    }
}

static bool put_log(job_stream *s, mx_text *out)
{
    mx_text log;
    mx_text_init(&log, NULL, LOG_AT_ONCE + 1);
    bool more = false;
    if (mx_job_log(s->jobs, s->id, s->log_at, LOG_AT_ONCE, &log, NULL) == MERX_OK) {
        put_lines(out, &log);
        s->log_at += log.size;
        more = log.size > LOG_AT_ONCE - LINE_MAX_BYTES;
    }
    mx_text_release(&log);
    return more;
}

static mx_stream_said fill_job(void *context, mx_text *out)
{
    job_stream *s = context;
    json_t *job = NULL;
    bool ended = false;
    uint64_t version = mx_job_version(s->jobs, s->id, &ended);
    if (version == 0)
        return MX_STREAM_ENDED; /* its turn to go has come */
    /* All lines of an ended job are there: its log is closed before its end is told. */
    if (put_log(s, out))
        return MX_STREAM_MORE;
    if (version == s->version)
        return MX_STREAM_IDLE;
    s->version = version;
    if (mx_job_get(s->jobs, s->id, &job, NULL) != MERX_OK)
        return MX_STREAM_ENDED;
    mx_stream_event(out, ended ? "end" : "job", job);
    return ended ? MX_STREAM_ENDED : MX_STREAM_IDLE;
}

static void release_job(void *context)
{
    job_stream *s = context;
    MX_FREE_ARRAY(NULL, s, 1);
}

/* The look is for jobs that another process runs. */
static const mx_stream_source job_source = {fill_job, release_job, 1.0};

void mx_handle_job_events(mx_request *request)
{
    merx_error err = {0};
    job_stream *s;
    if (strlen(request->path_value) >= MX_JOB_ID_SIZE ||
        mx_job_version(request->shop->jobs, request->path_value, NULL) == 0) {
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "", "there is no job \"%.40s\"", request->path_value);
        return;
    }
    if (MX_NEW_ARRAY(NULL, 1, &s, "stream", &err) != MERX_OK) {
        mx_request_failure(request, &err);
        return;
    }
    s->jobs = request->shop->jobs;
    memcpy(s->id, request->path_value, strlen(request->path_value) + 1);
    mx_stream_reply(request, &job_source, s);
}

/* ---- events ---- */

typedef struct event_stream {
    mx_served_shop *shop;
    int64_t after;
    uint64_t generation; /* of the shop, when the store was asked last */
    double asked_s;
} event_stream;

typedef struct event_page {
    mx_text list;
    mx_shop_settings settings;
    size_t count;
    int64_t last;
    bool full;
} event_page;

static merx_status put_event(void *context, const mx_record *record, merx_error *err)
{
    event_page *page = context;
    if (page->count >= EVENTS_AT_ONCE || page->list.size >= EVENT_BYTES_AT_ONCE) {
        page->full = true;
        MX_FAIL(err, MERX_E_CANCELLED, "", "the page is full");
    }
    json_t *json = mx_record_to_json(record, &page->settings);
    json_object_set_new(json, "offset", json_integer(record->event.offset));
    char *dump = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    if (!dump)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for an event");
    mx_text_puts(&page->list, page->count ? "," : "");
    mx_text_puts(&page->list, dump);
    free(dump); /* allocated by jansson */
    page->count++;
    page->last = record->event.offset;
    return mx_text_ok(&page->list, err);
}

/* In one read transaction. */
static merx_status read_page(const event_stream *s, mx_records *records, event_page *page, merx_error *err)
{
    mx_arena arena;
    merx_error failure = {0};
    MX_TRY(mx_records_begin(records, err));
    mx_arena_init(&arena, NULL);
    merx_status status = mx_shop_settings_read(records, &arena, &page->settings, err);
    if (status == MERX_OK)
        status = mx_records_scan_events(records, s->after, MX_BY_OFFSET, put_event, page, &failure);
    if (status == MERX_E_CANCELLED && page->full)
        status = MERX_OK;
    mx_arena_release(&arena);
    mx_records_rollback(records);
    return status;
}

static mx_stream_said fill_events(void *context, mx_text *out)
{
    event_stream *s = context;
    event_page page = {.last = s->after};
    mx_reader *reader = NULL;
    double now = mx_monotonic_s();
    uint64_t generation = atomic_load(&s->shop->generation);

    if (generation == s->generation && now - s->asked_s < STORE_LOOK_S)
        return MX_STREAM_IDLE;
    s->asked_s = now;
    /* What can't be read now, a lost connection perhaps, is read later: nothing is passed over. */
    if (mx_served_shop_take(s->shop, &reader, NULL) != MERX_OK)
        return MX_STREAM_IDLE;
    mx_text_init(&page.list, NULL, EVENT_BYTES_AT_ONCE * 4);
    merx_status status = read_page(s, reader->shop->records, &page, NULL);
    mx_served_shop_give(s->shop, reader);
    if (status == MERX_OK && page.count > 0) {
        mx_text_printf(out, "event: events\nid: %" PRId64 "\ndata: {\"offset\":%" PRId64 ",\"events\":[", page.last,
                       page.last);
        mx_text_append(out, page.list.data, page.list.size);
        mx_text_puts(out, "]}\n\n");
        s->after = page.last;
    }
    if (status == MERX_OK && !page.full)
        s->generation = generation;
    if (page.full)
        s->asked_s = 0;
    mx_text_release(&page.list);
    return page.full ? MX_STREAM_MORE : MX_STREAM_IDLE;
}

static void release_events(void *context)
{
    event_stream *s = context;
    MX_FREE_ARRAY(NULL, s, 1);
}

static const mx_stream_source event_source = {fill_events, release_events, OWN_LOOK_S};

/* Where to begin: after, or the newest event there is. False: the reply says what is wrong. */
static bool find_beginning(mx_request *request, int64_t *after)
{
    merx_error err = {0};
    mx_reader *reader = NULL;
    for (size_t i = 0; i < request->n_query; i++) {
        const mx_query *q = &request->query[i];
        if (strcmp(q->name, "after") != 0) {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "",
                            "there is no such parameter here (there is: after)");
            return false;
        }
        if (!mx_parse_int64(mx_str_of(q->value), after) || *after < 0) {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, "after", "",
                            "\"%.40s\" is not an offset: a whole number from 0", q->value);
            return false;
        }
        return true;
    }
    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK) {
        status = mx_records_last_offset(reader->shop->records, after, &err);
        mx_served_shop_give(request->shop, reader);
    }
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    return status == MERX_OK;
}

void mx_handle_event_stream(mx_request *request)
{
    merx_error err = {0};
    event_stream *s;
    int64_t after = 0;
    if (!find_beginning(request, &after))
        return;
    if (MX_NEW_ARRAY(NULL, 1, &s, "stream", &err) != MERX_OK) {
        mx_request_failure(request, &err);
        return;
    }
    s->shop = request->shop;
    s->after = after;
    s->asked_s = -1;
    s->generation = UINT64_MAX;
    mx_stream_reply(request, &event_source, s);
}
