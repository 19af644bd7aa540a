/*
 * Writing events into a store of records, and reading them back.
 *
 *   bench_records_events ADDRESS BATCH TOTAL [write]  appends TOTAL events with random UUIDs as ids, BATCH in a transaction, to a store that is made when
 *                                                     absent; then, without the word "write", scans all. One JSON object on stdout: seconds, this
 *                                                     process's CPU seconds, events/s.
 *
 * Each event: one of 1,000,000 customers, of 100,000 products, a session, a price. ADDRESS: as mx_records_open takes it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/records.h"

typedef struct work {
    mx_event *events;
    char (*texts)[4][40];
    size_t batch;
    mx_random dice;
    int64_t now_ms;
} work;

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_batch(work *w)
{
    for (size_t i = 0; i < w->batch; i++) {
        uint64_t a = mx_random_u64(&w->dice), b = mx_random_u64(&w->dice);
        char(*text)[40] = w->texts[i];
        snprintf(text[0], 40, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
                 (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0xfff), (unsigned long long)(b & 0xffffffffffff));
        snprintf(text[1], 40, "C%07u", (unsigned)mx_random_below(&w->dice, 1000000));
        snprintf(text[2], 40, "P%07u", (unsigned)mx_random_below(&w->dice, 100000));
        snprintf(text[3], 40, "S%09u", (unsigned)(w->now_ms / 5000 % 1000000000));
        w->events[i] = (mx_event){.id = mx_str_of(text[0]),
                                  .time_ms = w->now_ms++,
                                  .kind = MX_EVENT_VIEW,
                                  .customer = mx_str_of(text[1]),
                                  .product = mx_str_of(text[2]),
                                  .session = mx_str_of(text[3]),
                                  .quantity = 1,
                                  .price_minor = 1250,
                                  .has_price = true};
    }
}

static merx_status write_batch(mx_records *records, const work *w, uint64_t *appended, merx_error *err)
{
    MX_TRY(mx_records_begin(records, err));
    MX_TRY(mx_records_append(records, w->events, w->batch, appended, err));
    return mx_records_commit(records, err);
}

static merx_status add_size(void *context, const mx_record *record, merx_error *err)
{
    (void)err;
    *(uint64_t *)context += record->event.id.size > 0;
    return MERX_OK;
}

/* How many were new, and the seconds that writing took; making the events is not counted. */
static merx_status run(mx_records *records, work *w, uint64_t total, uint64_t *written, double *seconds, double *cpu,
                       merx_error *err)
{
    *written = 0;
    *seconds = *cpu = 0;
    for (uint64_t done = 0; done < total; done += w->batch) {
        uint64_t appended = 0;
        make_batch(w);
        double began = mx_monotonic_s(), began_cpu = cpu_s();
        MX_TRY(write_batch(records, w, &appended, err));
        *seconds += mx_monotonic_s() - began;
        *cpu += cpu_s() - began_cpu;
        *written += appended;
    }
    return MERX_OK;
}

int main(int argc, char **argv)
{
    merx_error err = {0};
    mx_records *records = NULL;
    work w = {.now_ms = INT64_C(1700000000000)};
    uint64_t written = 0, read = 0, seed = 0;
    double seconds = 0, cpu = 0;

    const bool write_only = argc == 5 && strcmp(argv[4], "write") == 0;
    if ((argc != 4 && !write_only) || (w.batch = (size_t)strtoull(argv[2], NULL, 10)) == 0) {
        fprintf(stderr, "usage: %s ADDRESS BATCH TOTAL [write]\n", argv[0]);
        return 2;
    }
    w.events = calloc(w.batch, sizeof *w.events);
    w.texts = calloc(w.batch, sizeof *w.texts);
    /* Another run on the same store shall not write the same ids. */
    if (w.events == NULL || w.texts == NULL || getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return 1;
    mx_random_init(&w.dice, seed, 0);
    merx_status status = mx_records_open(argv[1], &(mx_records_options){.create = true}, NULL, &records, &err);
    if (status == MERX_OK)
        status = run(records, &w, strtoull(argv[3], NULL, 10), &written, &seconds, &cpu, &err);
    double began = mx_monotonic_s();
    if (status == MERX_OK && !write_only)
        status = mx_records_scan_events(records, 0, MX_BY_OFFSET, add_size, &read, &err);
    double scan = mx_monotonic_s() - began;
    if (status == MERX_OK)
        printf("{\"written\": %" PRIu64
               ", \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"events_per_s\": %.0f, \"read\": %" PRIu64
               ", \"read_per_s\": %.0f}\n",
               written, seconds, cpu, (double)written / seconds, read, (double)read / scan);
    else
        fprintf(stderr, "%s: %s: %s\n", merx_status_name(status), err.where, err.message);
    mx_records_close(records);
    free(w.events);
    free(w.texts);
    return status == MERX_OK ? 0 : 1;
}
