/*
 * What a merx_server is inside floor 7. settings.c fills the limits, server.c starts and stops, http.c speaks HTTP, handlers*.c answer.
 */
#ifndef MX_SERVER_SERVER_STATE_H
#define MX_SERVER_SERVER_STATE_H

#include "server/caretaker.h"
#include "server/cors.h"
#include "server/key_ring.h"
#include "server/request.h"
#include "server/spare_arenas.h"
#include "server/tls.h"

struct MHD_Daemon;

typedef struct mx_limits {
    uint64_t body_bytes;   /* of one request */
    uint64_t bodies_bytes; /* of all that are being read */
    size_t header_bytes;
    unsigned connections, timeout_s, stop_s, idle_s;
    size_t waiting; /* writes of one shop */
    int workers;
    double rate;
    uint64_t upload_bytes; /* of one upload */
    int jobs, job_threads;
    uint64_t job_bytes; /* memory of one job; 0: no limit */
    unsigned job_s;     /* 0: no limit */
    size_t streams;
    bool access_log;
    char host[64], port[8];
    char cors[MX_CORS_BYTES];
} mx_limits;
merx_status mx_limits_read(const merx_options *settings, mx_limits *out, merx_error *err) MERX_MUST_CHECK;

struct merx_server {
    mx_limits limits;
    mx_served_shop *shops;
    size_t n_shops, opened;
    mx_key_ring ring;
    bool ring_made;
    mx_work_queue *queue;
    mx_caretaker *caretaker;
    struct mx_picture_sizes *pictures;
    mx_tls tls; /* kept while the daemon runs */
    struct mx_jobs *jobs;
    struct mx_job_owner *job_owners; /* (n_shops) */
    struct mx_streams *streams;
    merx_options *settings; /* as they were given */
    const char **origins;   /* of each setting: "flag" … */
    struct MHD_Daemon *daemon;
    struct mx_connections *connections;
    mx_spare_arenas spares;
    mx_metrics metrics; /* of requests that belong to no shop */
    char address[96];
    double started_s;
    uint64_t id_prefix;
    atomic_uint_fast64_t id_count, body_bytes;
    atomic_int active; /* requests begun and not ended */
    atomic_bool stopping, asks_keys;
};

/* ---- http.c ---- */

merx_status mx_http_start(merx_server *server, merx_error *err) MERX_MUST_CHECK;
/* No connections are taken any more; those that are there go on. */
void mx_http_quiet(merx_server *server);
void mx_http_stop(merx_server *server);

#endif
