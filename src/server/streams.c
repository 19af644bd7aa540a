/*
 * One list under one lock, one thread that asks sources. Who holds the lock may suspend and resume connections, so that no wake-up is lost between "nothing is there" and the sleep.
 */
#include "server/streams.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "server/connections.h"
#include "server/server_state.h"

enum { BUFFER_BYTES = 16 << 20 };

struct mx_stream {
    struct mx_streams *streams;
    struct mx_stream *next;
    const mx_stream_source *source;
    void *context;
    const mx_served_shop *shop;
    char key_id[MERX_KEY_ID_SIZE];
    struct MHD_Connection *connection;
    mx_connection *late;
    mx_text buffer; /* the filling thread's while `filling`, else with the lock */
    size_t sent;
    bool begun, dirty, filling, suspended, ended, gone;
    double look_s, check_s, sent_s; /* when it is asked next, its key looked at next, something was sent last */
};

struct mx_streams {
    merx_server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    mx_stream *first;
    size_t count, max;
    bool started, ending, quit;
};

static void free_stream(mx_stream *s)
{
    s->source->release(s->context);
    mx_text_release(&s->buffer);
    MX_FREE_ARRAY(NULL, s, 1);
}

/* With the lock. */
static void unlink_stream(mx_streams *streams, mx_stream *s)
{
    for (mx_stream **at = &streams->first; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            streams->count--;
            return;
        }
}

/* ---- the thread ---- */

/* Whether who opened it would still be let in. */
static bool is_allowed(const mx_stream *s)
{
    merx_server *server = s->streams->server;
    if (!s->key_id[0])
        return !atomic_load(&server->asks_keys);
    return mx_key_ring_holds(&server->ring, (size_t)(s->shop - server->shops), s->key_id);
}

static bool is_due(const mx_stream *s, double now)
{
    if (!s->begun || s->filling || s->gone || s->ended || s->buffer.size > 0)
        return false;
    return s->dirty || s->streams->ending || now >= s->check_s || now - s->sent_s >= MX_STREAM_HEARTBEAT_S ||
           (s->source->look_s > 0 && now >= s->look_s);
}

/* When it will be due by itself. */
static double due_at(const mx_stream *s)
{
    double at = s->sent_s + MX_STREAM_HEARTBEAT_S;
    at = s->check_s < at ? s->check_s : at;
    return s->source->look_s > 0 && s->look_s < at ? s->look_s : at;
}

static void resume(mx_stream *s)
{
    if (!s->suspended)
        return;
    s->suspended = false;
    MHD_resume_connection(s->connection);
}

/* With the lock, which is given up while the source is asked. */
static void fill(mx_streams *streams, mx_stream *s)
{
    bool ending = streams->ending;
    bool dirty = s->dirty;
    mx_stream_said said = MX_STREAM_IDLE;

    s->filling = true;
    s->dirty = false;
    pthread_mutex_unlock(&streams->lock);
    double now = mx_monotonic_s();
    bool allowed = true;
    if (now >= s->check_s) {
        allowed = is_allowed(s);
        s->check_s = now + MX_KEYS_LOOK_S;
    }
    if (!allowed)
        said = MX_STREAM_ENDED;
    else if (dirty || ending || (s->source->look_s > 0 && now >= s->look_s))
        said = s->source->fill(s->context, &s->buffer);
    if (mx_text_ok(&s->buffer, NULL) != MERX_OK) {
        mx_text_clear(&s->buffer);
        said = MX_STREAM_ENDED; /* no memory: the client comes again */
    }
    if (s->buffer.size == 0 && said == MX_STREAM_IDLE && now - s->sent_s >= MX_STREAM_HEARTBEAT_S)
        mx_text_puts(&s->buffer, ":\n\n");
    pthread_mutex_lock(&streams->lock);
    s->filling = false;
    if (s->gone) {
        free_stream(s);
        return;
    }
    s->dirty = s->dirty || said == MX_STREAM_MORE;
    s->look_s = now + s->source->look_s;
    s->ended = said == MX_STREAM_ENDED || (ending && said != MX_STREAM_MORE);
    if (s->buffer.size > 0 || s->ended) {
        s->sent_s = now;
        resume(s);
    }
}

static void sleep_until(mx_streams *streams, double at, double now)
{
    struct timespec until;
    double left = at - now;
    if (left <= 0)
        left = 0.001;
    clock_gettime(CLOCK_MONOTONIC, &until);
    long ns = until.tv_nsec + (long)((left - (double)(long)left) * 1e9);
    until.tv_sec += (time_t)(long)left + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&streams->wake, &streams->lock, &until);
}

static void *run(void *context)
{
    mx_streams *streams = context;
    pthread_mutex_lock(&streams->lock);
    while (!streams->quit) {
        double now = mx_monotonic_s();
        double next = now + MX_STREAM_HEARTBEAT_S;
        mx_stream *s = streams->first;
        while (s && !is_due(s, now)) {
            if (s->begun && !s->ended && s->buffer.size == 0 && due_at(s) < next)
                next = due_at(s);
            s = s->next;
        }
        if (s)
            fill(streams, s);
        else if (!streams->first)
            pthread_cond_wait(&streams->wake, &streams->lock);
        else
            sleep_until(streams, next, now);
    }
    pthread_mutex_unlock(&streams->lock);
    return NULL;
}

/* ---- all ---- */

merx_status mx_streams_new(merx_server *server, size_t max, mx_streams **out, merx_error *err)
{
    mx_streams *streams;
    pthread_condattr_t clock;

    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &streams, "streams", err));
    streams->server = server;
    streams->max = max;
    pthread_mutex_init(&streams->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&streams->wake, &clock);
    pthread_condattr_destroy(&clock);
    *out = streams;
    return MERX_OK;
}

void mx_streams_end(mx_streams *streams)
{
    if (!streams)
        return;
    pthread_mutex_lock(&streams->lock);
    streams->ending = true;
    pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->lock);
}

void mx_streams_free(mx_streams *streams)
{
    if (!streams)
        return;
    pthread_mutex_lock(&streams->lock);
    streams->quit = true;
    pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->lock);
    if (streams->started)
        pthread_join(streams->thread, NULL);
    while (streams->first) {
        mx_stream *s = streams->first;
        unlink_stream(streams, s);
        free_stream(s);
    }
    pthread_cond_destroy(&streams->wake);
    pthread_mutex_destroy(&streams->lock);
    MX_FREE_ARRAY(NULL, streams, 1);
}

void mx_streams_wake(mx_streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    for (mx_stream *s = streams->first; s; s = s->next)
        s->dirty = true;
    if (streams->first)
        pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->lock);
}

/* ---- one ---- */

/* What speaks against one more; NULL: nothing. With the lock. */
static const char *too_many(const mx_streams *streams, const char *key_id, mx_http_error *error)
{
    size_t of_key = 0;
    *error = MX_HTTP_UNAVAILABLE;
    if (streams->ending)
        return "the server is stopping";
    if (streams->count >= streams->max)
        return "as many streams as the setting max_streams allows are open";
    for (const mx_stream *s = streams->first; s; s = s->next)
        of_key += key_id[0] && strcmp(s->key_id, key_id) == 0;
    *error = MX_HTTP_TOO_MANY;
    return of_key >= MX_STREAMS_OF_KEY ? "too many streams of this key are open" : NULL;
}

static bool start_thread(mx_streams *streams)
{
    if (!streams->started)
        streams->started = pthread_create(&streams->thread, NULL, run, streams) == 0;
    return streams->started;
}

void mx_stream_reply(mx_request *request, const mx_stream_source *source, void *context)
{
    mx_streams *streams = request->server->streams;
    mx_stream *s;
    mx_http_error error;

    if (MX_NEW_ARRAY(NULL, 1, &s, "stream", NULL) != MERX_OK) {
        source->release(context);
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "", "out of memory");
        return;
    }
    *s = (mx_stream){.streams = streams, .source = source, .context = context, .shop = request->shop, .dirty = true};
    memcpy(s->key_id, request->key_id, sizeof s->key_id);
    mx_text_init(&s->buffer, NULL, BUFFER_BYTES);
    s->sent_s = mx_monotonic_s();
    s->check_s = s->sent_s + MX_KEYS_LOOK_S;
    pthread_mutex_lock(&streams->lock);
    const char *against = too_many(streams, s->key_id, &error);
    if (!against && !start_thread(streams)) {
        error = MX_HTTP_UNAVAILABLE;
        against = "no thread can be started";
    }
    if (!against) {
        s->next = streams->first;
        streams->first = s;
        streams->count++;
    }
    pthread_mutex_unlock(&streams->lock);
    if (against) {
        free_stream(s);
        request->retry_after_s = 5;
        mx_request_fail(request, error, "", "", "%s", against);
        return;
    }
    mx_request_stream(request, s);
}

void mx_stream_event(mx_text *out, const char *name, json_t *value)
{
    char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(value);
    if (!dump)
        return;
    mx_text_printf(out, "event: %s\ndata: ", name);
    mx_text_puts(out, dump);
    mx_text_puts(out, "\n\n");
    free(dump); /* allocated by jansson */
}

void mx_stream_begin(mx_stream *s, struct MHD_Connection *connection, struct mx_connection *late)
{
    pthread_mutex_lock(&s->streams->lock);
    s->connection = connection;
    s->late = late;
    s->begun = true;
    pthread_cond_signal(&s->streams->wake);
    pthread_mutex_unlock(&s->streams->lock);
}

ptrdiff_t mx_stream_read(mx_stream *s, char *out, size_t size)
{
    mx_streams *streams = s->streams;
    ptrdiff_t given = 0;
    pthread_mutex_lock(&streams->lock);
    size_t left = s->filling ? 0 : s->buffer.size - s->sent;
    if (left > 0) {
        given = (ptrdiff_t)(left < size ? left : size);
        memcpy(out, s->buffer.data + s->sent, (size_t)given);
        s->sent += (size_t)given;
        mx_connection_turn(s->late, false); /* the client's, to take it */
        if (s->sent == s->buffer.size) {
            mx_text_clear(&s->buffer);
            s->sent = 0;
            pthread_cond_signal(&streams->wake);
        }
    } else if (s->ended) {
        given = -1;
    } else {
        s->suspended = true;
        mx_connection_turn(s->late, true);
        MHD_suspend_connection(s->connection);
    }
    pthread_mutex_unlock(&streams->lock);
    return given;
}

void mx_stream_drop(mx_stream *s)
{
    if (!s)
        return;
    mx_streams *streams = s->streams;
    pthread_mutex_lock(&streams->lock);
    unlink_stream(streams, s);
    s->gone = true;
    bool filling = s->filling; /* then its thread frees it */
    pthread_mutex_unlock(&streams->lock);
    if (!filling)
        free_stream(s);
}
