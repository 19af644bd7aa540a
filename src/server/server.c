/*
 * A server's life: shops opened, keys read, HTTP started; and the other way round.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/system.h"
#include "io/file.h"
#include "server/jobs_of_shops.h"
#include "server/picture_sizes.h"
#include "server/server_state.h"
#include "server/streams.h"

enum { NAME_MAX_BYTES = 64, FILES_A_SHOP = 8, FILES_OTHERWISE = 64 };

static merx_status check_name(const char *name, merx_error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (n == 0 || n > NAME_MAX_BYTES || name[n] != '\0')
        MX_FAIL(
            err, MERX_E_INVALID, "",
            "\"%.80s\" can't be the name of a shop (expected 1 to %d of A-Z a-z 0-9 . _ -; give one as NAME=FOLDER)",
            name, NAME_MAX_BYTES);
    return MERX_OK;
}

/* As many descriptors as shops and connections need, if the system allows. */
static void raise_files(const merx_server *server)
{
    struct rlimit limit;
    rlim_t wanted = server->limits.connections + FILES_A_SHOP * server->n_shops * 2 + FILES_OTHERWISE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* What a crash left undone, before anybody is answered by models that know who was erased. */
static merx_status finish_forgetting(mx_served_shop *shop, merx_error *err)
{
    mx_arena arena;
    mx_shop_settings settings = {0};
    mx_arena_init(&arena, NULL);
    merx_status status = mx_shop_settings_read(shop->idle->shop->records, &arena, &settings, err);
    mx_arena_release(&arena);
    return status == MERX_OK && settings.forgetting ? mx_served_shop_writer(shop, err) : status;
}

/* A shop without a key beside others that have some can be asked nothing: that should not surprise. */
static void say_unreachable(merx_server *server)
{
    for (size_t i = 0; atomic_load(&server->asks_keys) && i < server->n_shops; i++)
        if (mx_key_ring_count(&server->ring, i) == 0)
            fprintf(stderr,
                    "merx serve: \"%s\" has no key, so nobody can ask it; merx key create %s --role reader makes one\n",
                    server->shops[i].name, server->shops[i].folder);
}

static merx_status open_shops(merx_server *server, const merx_served *shops, merx_error *err)
{
    for (size_t i = 0; i < server->n_shops; i++) {
        MX_TRY(check_name(shops[i].name, err));
        for (size_t k = 0; k < i; k++)
            if (strcmp(shops[k].name, shops[i].name) == 0)
                MX_FAIL(err, MERX_E_EXISTS, shops[i].folder,
                        "two shops are named \"%s\"; give one another name: NAME=%s", shops[i].name, shops[i].folder);
        MX_TRY(mx_served_shop_open(&server->shops[i], shops[i].name, shops[i].folder, err));
        server->opened++;
        MX_TRY(finish_forgetting(&server->shops[i], err));
    }
    return MERX_OK;
}

static merx_status start(merx_server *server, const merx_served *shops, merx_error *err)
{
    int threads = server->limits.workers < 4 ? 4 : server->limits.workers;
    mx_log_turn_on("models");
    mx_random_bytes(&server->id_prefix, sizeof server->id_prefix);
    raise_files(server);
    MX_TRY(open_shops(server, shops, err));
    MX_TRY(mx_key_ring_init(&server->ring, server->shops, server->n_shops, server->limits.rate, err));
    server->ring_made = true;
    MX_TRY(mx_key_ring_check(&server->ring, err));
    atomic_store(&server->asks_keys, mx_key_ring_any(&server->ring));
    say_unreachable(server);
    MX_TRY(mx_picture_sizes_new(MX_PICTURE_SIZES_BYTES, &server->pictures, err));
    for (size_t i = 0; i < server->n_shops; i++) /* what was opened to look is opened again when it is asked for */
        mx_served_shop_tend(&server->shops[i], -1);
    MX_TRY(mx_work_queue_new(threads, server->limits.waiting, NULL, &server->queue, err));
    MX_TRY(mx_caretaker_start(server->shops, server->n_shops, server->limits.idle_s, &server->caretaker, err));
    MX_TRY(mx_streams_new(server, server->limits.streams, &server->streams, err));
    MX_TRY(mx_server_open_jobs(server, err));
    return mx_http_start(server, err);
}

static merx_status read_tls(merx_server *server, const merx_options *settings, merx_error *err)
{
    return mx_tls_read(merx_options_text(settings, "tls_cert"), merx_options_text(settings, "tls_key"), mx_now_ms(),
                       &server->tls, err);
}

static size_t settings_count(void)
{
    size_t n = 0;
    while (merx_server_settings()[n].name)
        n++;
    return n;
}

/* What was set, for who asks later; where it came from is said by merx_server_origin. */
static merx_status keep_settings(merx_server *server, const merx_options *given, merx_error *err)
{
    const merx_option *table = merx_server_settings();
    MX_TRY(MX_NEW_ARRAY(NULL, settings_count(), &server->origins, "settings", err));
    MX_TRY(merx_options_new(NULL, table, &server->settings, err));
    for (size_t i = 0; table[i].name; i++) {
        server->origins[i] = "default";
        if (merx_options_is_set(given, table[i].name))
            MX_TRY(merx_options_set(server->settings, table[i].name, merx_options_text(given, table[i].name), err));
    }
    return MERX_OK;
}

void merx_server_origin(merx_server *server, const char *setting, const char *origin)
{
    static const char *const known[] = {"flag", "environment", "file", "default"};
    const merx_option *table = merx_server_settings();
    for (size_t i = 0; table[i].name; i++)
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (strcmp(table[i].name, setting) == 0 && strcmp(known[k], origin) == 0)
                server->origins[i] = known[k];
}

static void release(merx_server *server)
{
    mx_jobs_stop(server->jobs); /* what runs wakes streams */
    mx_http_stop(server);
    mx_streams_free(server->streams);
    mx_server_close_jobs(server);
    mx_work_queue_free(server->queue);
    mx_caretaker_end(server->caretaker);
    mx_picture_sizes_free(server->pictures);
    if (server->ring_made)
        mx_key_ring_release(&server->ring);
    mx_tls_release(&server->tls);
    for (size_t i = 0; i < server->opened; i++)
        mx_served_shop_close(&server->shops[i]);
    MX_FREE_ARRAY(NULL, server->shops, server->n_shops);
    merx_options_free(server->settings);
    MX_FREE_ARRAY(NULL, server->origins, settings_count());
    mx_spare_arenas_release(&server->spares);
    MX_FREE_ARRAY(NULL, server, 1);
}

merx_status merx_server_start(const merx_options *settings, const merx_served *shops, size_t n, merx_server **out,
                              merx_error *err)
{
    merx_server *server;
    merx_options *defaults = NULL;

    *out = NULL;
    if (n == 0 || n > MERX_SERVED_MAX)
        MX_FAIL(err, MERX_E_INVALID, "", "%zu shops can't be served; expected 1 to %d", n, MERX_SERVED_MAX);
    if (sodium_init() < 0)
        MX_FAIL(err, MERX_E_INTERNAL, "", "libsodium does not start");
    /* Before threads do: the seed of its hash tables is drawn once. */
    json_object_seed(0);
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &server, "server", err));
    mx_spare_arenas_init(&server->spares);
    server->started_s = mx_monotonic_s();
    server->n_shops = n;
    merx_status status = settings ? MERX_OK : merx_options_new(NULL, merx_server_settings(), &defaults, err);
    if (status == MERX_OK)
        status = mx_limits_read(settings ? settings : defaults, &server->limits, err);
    if (status == MERX_OK)
        status = read_tls(server, settings ? settings : defaults, err);
    if (status == MERX_OK)
        status = keep_settings(server, settings ? settings : defaults, err);
    if (status == MERX_OK)
        status = MX_NEW_ARRAY(NULL, n, &server->shops, "shops", err);
    if (status == MERX_OK)
        status = start(server, shops, err);
    merx_options_free(defaults);
    if (status == MERX_OK)
        *out = server;
    else
        release(server);
    return status;
}

const char *merx_server_address(const merx_server *server)
{
    return server->address;
}

bool merx_server_speaks_tls(const merx_server *server)
{
    return server->tls.certificate != NULL;
}

merx_status merx_server_renew_certificate(merx_server *server, bool *renewed, merx_error *err)
{
    bool changed = false;
    merx_status status = MERX_OK;
    if (merx_server_speaks_tls(server))
        status = mx_tls_renew(&server->tls, merx_options_text(server->settings, "tls_cert"),
                              merx_options_text(server->settings, "tls_key"), mx_now_ms(), &changed, err);
    if (renewed)
        *renewed = changed;
    return status;
}

bool merx_server_asks_keys(const merx_server *server)
{
    return atomic_load(&server->asks_keys);
}

/* Until nothing has been under way for a tenth of a second, since a request may just be coming in on a connection that is kept. False: not within the time. */
static bool wait_quiet(const merx_server *server, double seconds)
{
    double end = mx_monotonic_s() + seconds;
    double quiet_since = mx_monotonic_s();
    for (;;) {
        double now = mx_monotonic_s();
        if (atomic_load(&server->active) > 0)
            quiet_since = now;
        else if (now - quiet_since >= 0.1)
            return true;
        if (now >= end)
            return atomic_load(&server->active) == 0;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

bool merx_server_stop(merx_server *server)
{
    if (!server)
        return true;
    atomic_store(&server->stopping, true);
    mx_http_quiet(server);
    /* What runs is cancelled and says so, then streams tell it and end: they are requests that would go on. */
    mx_jobs_stop(server->jobs);
    mx_streams_end(server->streams);
    bool quiet = wait_quiet(server, server->limits.stop_s);
    if (!quiet)
        for (size_t i = 0; i < server->n_shops; i++)
            mx_served_shop_cancel(&server->shops[i]);
    /* What is set aside must be answered before libmicrohttpd can end. */
    mx_work_queue_end(server->queue);
    (void)wait_quiet(server, quiet ? 0 : 2);
    release(server);
    return quiet;
}
