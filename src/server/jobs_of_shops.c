/*
 * A runner's thread that needs the shop's line of writes puts a piece of work there and waits for it.
 */
#include "server/jobs_of_shops.h"

#include <inttypes.h>

#include "server/record_json.h"
#include "server/streams.h"

/* What the hooks of a shop's jobs know. */
struct mx_job_owner {
    merx_server *server;
    mx_served_shop *shop;
};

typedef struct lane_work {
    mx_work work; /* first */
    mx_served_shop *shop;
    const char *customer; /* NULL: nothing is erased, the shop has been written to */
    merx_receipt *receipt;
    merx_status status;
    merx_error err;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
} lane_work;

static void run_in_lane(mx_work *work)
{
    lane_work *w = (lane_work *)(void *)work;
    if (w->customer) {
        w->status = mx_served_shop_writer(w->shop, &w->err);
        if (w->status == MERX_OK)
            w->status = mx_served_shop_forget(w->shop, w->customer, w->receipt, &w->err);
    } else {
        mx_served_shop_written(w->shop, 0);
    }
    pthread_mutex_lock(&w->lock);
    w->is_done = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

static merx_status in_lane(const struct mx_job_owner *owner, lane_work *w, merx_error *err)
{
    w->work.run = run_in_lane;
    w->shop = owner->shop;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->done, NULL);
    merx_status status = MERX_OK;
    if (mx_work_queue_put(owner->server->queue, &owner->shop->writes, &w->work)) {
        pthread_mutex_lock(&w->lock);
        while (!w->is_done)
            pthread_cond_wait(&w->done, &w->lock);
        pthread_mutex_unlock(&w->lock);
        if (w->status != MERX_OK)
            status = mx_error_set(err, w->status, w->err.where, "%s", w->err.message);
    } else {
        status = mx_error_set(err, MERX_E_BUSY, "", "too many writes wait in the shop's line");
    }
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->lock);
    return status;
}

static merx_status erase(void *context, const char *customer, merx_task *task, merx_receipt *out, merx_error *err)
{
    lane_work w = {.customer = customer, .receipt = out};
    (void)task; /* an erasure that has begun is finished: it is cancelled between customers */
    return in_lane(context, &w, err);
}

/* A full line means that others are about to say the same. */
static void written(void *context)
{
    const struct mx_job_owner *owner = context;
    lane_work w = {0};
    if (in_lane(context, &w, NULL) == MERX_OK)
        mx_streams_wake(owner->server->streams);
}

static void changed(void *context)
{
    const struct mx_job_owner *owner = context;
    mx_streams_wake(owner->server->streams);
}

merx_status mx_server_open_jobs(merx_server *server, merx_error *err)
{
    const mx_limits *limits = &server->limits;
    mx_jobs_options options = {.at_once = limits->jobs,
                               .threads = limits->job_threads,
                               .max_memory_bytes = limits->job_bytes,
                               .time_s = limits->job_s,
                               .record_json = mx_record_to_json};
    MX_TRY(MX_NEW_ARRAY(NULL, server->n_shops, &server->job_owners, "jobs", err));
    MX_TRY(mx_jobs_new(&options, &server->jobs, err));
    for (size_t i = 0; i < server->n_shops; i++) {
        struct mx_job_owner *owner = &server->job_owners[i];
        *owner = (struct mx_job_owner){server, &server->shops[i]};
        mx_job_hooks hooks = {.context = owner, .written = written, .erase = erase, .changed = changed};
        MX_TRY(mx_shop_jobs_open(server->jobs, server->shops[i].folder, &hooks, &server->shops[i].jobs, err));
    }
    return MERX_OK;
}

void mx_server_close_jobs(merx_server *server)
{
    mx_jobs_stop(server->jobs);
    for (size_t i = 0; i < server->opened; i++) {
        mx_shop_jobs_close(server->shops[i].jobs);
        server->shops[i].jobs = NULL;
    }
    mx_jobs_free(server->jobs);
    server->jobs = NULL;
    MX_FREE_ARRAY(NULL, server->job_owners, server->n_shops);
    server->job_owners = NULL;
}

void mx_job_metrics(mx_text *out, mx_served_shop *shop, bool heads)
{
    uint64_t counts[MX_JOB_KINDS][MX_JOB_STATES];
    if (heads)
        mx_text_puts(out,
                     "# HELP merx_jobs Jobs that wait and run now, and those that have ended since the server began.\n"
                     "# TYPE merx_jobs gauge\n");
    mx_jobs_count(shop->jobs, counts);
    for (int kind = 0; kind < MX_JOB_KINDS; kind++)
        for (int state = 0; state < MX_JOB_STATES; state++)
            if (counts[kind][state] > 0)
                mx_text_printf(out, "merx_jobs{shop=\"%s\",kind=\"%s\",state=\"%s\"} %" PRIu64 "\n", shop->name,
                               mx_job_kind_name((mx_job_kind)kind), mx_job_state_name((mx_job_state)state),
                               counts[kind][state]);
}
