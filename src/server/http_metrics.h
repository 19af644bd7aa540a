/*
 * What is counted: requests by route and status, how long they took, events taken. Each shop has its own, so that a key sees its shop's numbers alone. Floor 7.
 */
#ifndef MX_SERVER_HTTP_METRICS_H
#define MX_SERVER_HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

/* Routes are numbered as in the table (routes.h); one more stands for requests that no route has. */
enum { MX_METRIC_ROUTES = 96, MX_METRIC_STATUSES = 18, MX_METRIC_BUCKETS = 14 };

typedef struct mx_metrics {
    atomic_uint_fast64_t requests[MX_METRIC_ROUTES][MX_METRIC_STATUSES];
    atomic_uint_fast64_t bucket[MX_METRIC_ROUTES][MX_METRIC_BUCKETS + 1]; /* the last: longer than all bounds */
    atomic_uint_fast64_t total_us[MX_METRIC_ROUTES];
    atomic_uint_fast64_t events, duplicates;
} mx_metrics; /* zero-initialised; any thread */

void mx_metrics_request(mx_metrics *metrics, size_t route, unsigned status, double seconds);
void mx_metrics_events(mx_metrics *metrics, uint64_t accepted, uint64_t duplicates);

/* Prometheus text: first the line that says what a series is, once, then a shop's samples. */
typedef enum mx_metric {
    MX_METRIC_REQUESTS,
    MX_METRIC_SECONDS,
    MX_METRIC_EVENTS,
    MX_METRIC_DUPLICATES,
    MX_METRIC_KINDS
} mx_metric;
void mx_metric_head(mx_text *out, mx_metric kind);
/* shop: its label; "": of requests that no shop was found for. */
void mx_metric_samples(mx_text *out, mx_metric kind, const mx_metrics *metrics, const char *shop);

#endif
