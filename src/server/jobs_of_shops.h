/*
 * Jobs of the shops that are served: what they do in a shop's line of writes, and whom they wake. Floor 7.
 */
#ifndef MX_SERVER_JOBS_OF_SHOPS_H
#define MX_SERVER_JOBS_OF_SHOPS_H

#include "server/server_state.h"
#include "shop/jobs/jobs.h"

/* Opens the jobs of every shop; what was cut off is marked. */
merx_status mx_server_open_jobs(merx_server *server, merx_error *err) MERX_MUST_CHECK;
void mx_server_close_jobs(merx_server *server); /* NULL jobs are allowed */
/* Prometheus text of the shop's jobs; heads: with the lines that say what the series are. */
void mx_job_metrics(mx_text *out, mx_served_shop *shop, bool heads);

#endif
