/*
 * Counting, and the text of it (Prometheus text exposition format 0.0.4).
 */
#include "server/http_metrics.h"

#include <inttypes.h>

#include "server/routes.h"

/* Upper bounds in microseconds. */
static const uint64_t bounds_us[MX_METRIC_BUCKETS] = {100,   250,   500,    1000,   2500,    5000,    10000,
                                                      25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};
/* Statuses the server gives; another is counted as 500. */
static const unsigned statuses[MX_METRIC_STATUSES] = {500, 200, 201, 202, 400, 401, 403, 404,
                                                      405, 409, 413, 415, 422, 429, 503, 507};

void mx_metrics_request(mx_metrics *metrics, size_t route, unsigned status, double seconds)
{
    size_t s = 0;
    while (s < MX_METRIC_STATUSES && statuses[s] != status)
        s++;
    uint64_t us = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
    size_t b = 0;
    while (b < MX_METRIC_BUCKETS && us > bounds_us[b])
        b++;
    atomic_fetch_add_explicit(&metrics->requests[route][s < MX_METRIC_STATUSES ? s : 0], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->bucket[route][b], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->total_us[route], us, memory_order_relaxed);
}

void mx_metrics_events(mx_metrics *metrics, uint64_t accepted, uint64_t duplicates)
{
    atomic_fetch_add_explicit(&metrics->events, accepted, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->duplicates, duplicates, memory_order_relaxed);
}

static const struct {
    const char *name, *type, *help;
} kinds[MX_METRIC_KINDS] = {
    [MX_METRIC_REQUESTS] = {"merx_http_requests_total", "counter", "Requests answered, by route and status."},
    [MX_METRIC_SECONDS] = {"merx_http_request_duration_seconds", "histogram",
                           "From the request's head to the end of the reply."},
    [MX_METRIC_EVENTS] = {"merx_events_accepted_total", "counter", "Events stored."},
    [MX_METRIC_DUPLICATES] = {"merx_events_duplicate_total", "counter", "Events whose id was stored already."},
};

void mx_metric_head(mx_text *out, mx_metric kind)
{
    mx_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", kinds[kind].name, kinds[kind].help, kinds[kind].name,
                   kinds[kind].type);
}

/* {shop="tea",method="GET",route="/v1/answers" without the closing brace. */
static void labels(mx_text *out, const char *shop, size_t route)
{
    const mx_route *r = mx_route_at(route);
    mx_text_printf(out, "{shop=\"%s\",method=\"%s\",route=\"%s\"", shop, r ? r->method : "", r ? r->path : "");
}

static uint64_t load(const atomic_uint_fast64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void put_requests(mx_text *out, const mx_metrics *metrics, const char *shop)
{
    for (size_t r = 0; r < MX_METRIC_ROUTES; r++)
        for (size_t s = 0; s < MX_METRIC_STATUSES; s++) {
            uint64_t n = load(&metrics->requests[r][s]);
            if (n == 0)
                continue;
            mx_text_puts(out, kinds[MX_METRIC_REQUESTS].name);
            labels(out, shop, r);
            mx_text_printf(out, ",status=\"%u\"} %" PRIu64 "\n", statuses[s], n);
        }
}

static void put_seconds(mx_text *out, const mx_metrics *metrics, const char *shop)
{
    const char *name = kinds[MX_METRIC_SECONDS].name;
    for (size_t r = 0; r < MX_METRIC_ROUTES; r++) {
        uint64_t sum = 0;
        for (size_t b = 0; b <= MX_METRIC_BUCKETS; b++)
            sum += load(&metrics->bucket[r][b]);
        if (sum == 0)
            continue;
        uint64_t so_far = 0;
        for (size_t b = 0; b < MX_METRIC_BUCKETS; b++) {
            so_far += load(&metrics->bucket[r][b]);
            mx_text_printf(out, "%s_bucket", name);
            labels(out, shop, r);
            mx_text_printf(out, ",le=\"%g\"} %" PRIu64 "\n", (double)bounds_us[b] * 1e-6, so_far);
        }
        so_far += load(&metrics->bucket[r][MX_METRIC_BUCKETS]);
        mx_text_printf(out, "%s_bucket", name);
        labels(out, shop, r);
        mx_text_printf(out, ",le=\"+Inf\"} %" PRIu64 "\n%s_sum", so_far, name);
        labels(out, shop, r);
        mx_text_printf(out, "} %.6f\n%s_count", (double)load(&metrics->total_us[r]) * 1e-6, name);
        labels(out, shop, r);
        mx_text_printf(out, "} %" PRIu64 "\n", so_far);
    }
}

void mx_metric_samples(mx_text *out, mx_metric kind, const mx_metrics *metrics, const char *shop)
{
    if (kind == MX_METRIC_REQUESTS)
        put_requests(out, metrics, shop);
    else if (kind == MX_METRIC_SECONDS)
        put_seconds(out, metrics, shop);
    else if (*shop)
        mx_text_printf(out, "%s{shop=\"%s\"} %" PRIu64 "\n", kinds[kind].name, shop,
                       load(kind == MX_METRIC_EVENTS ? &metrics->events : &metrics->duplicates));
}
