/*
 * A large generated shop, straight into a store: what the figures of the service are measured on.
 *
 *   bench_serve_shop FOLDER [--products N] [--customers N] [--events N] [--days N] [--ids none|sequential|uuid] [--seed N] [--records ADDRESS] [--sessions FILE]
 *
 * Defaults: 100,000 products, 1,000,000 customers, 10,000,000 events over 180 days, events named by source and row (--ids none). FOLDER must be new or empty. --records: the store's address, else
 * FOLDER/shop.db. --sessions: also 10,000 sessions of 20 products, of customers whom the shop has not seen, a line each: "P000017,P000018,…". The last line on standard output is JSON: what was written, seconds, the largest memory.
 *
 * What is planted, so that models have something to learn:
 *  - products belong to tastes (about one for 250 products), which are their categories; how often a product is touched falls with its rank r as (r + 5)^-0.85;
 *  - a customer has one to three tastes; a session is of one of them, five in six of its products too;
 *  - within a taste products stand on a ring: after a product often comes the one 1, 2 or 5 places on (half of all steps);
 *  - customers' numbers of events are 1 and a Pareto tail (exponent 1.5, cut at 300 times the least); sessions hold 1 and more, 5 on average; more of them in the evening;
 *  - about a third of all events are purchases (each customer's first session ends with one), a tenth carts, the rest views.
 *
 * Everything is a function of the seed and the numbers: the same call writes the same records, in the order of time. Memory: some 50 bytes an event.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/sort.h"
#include "bench/worker.h"
#include "merx/shop.h"
#include "shop/settings.h"
#include "store/records.h"

#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1735689600000) /* 2025-01-01 */
#define SOURCE "generated"

enum { TASTE_PRODUCTS = 250, TASTES_OF_CUSTOMER = 3, SESSION_MEAN = 5, AT_ONCE = 8192, COMMIT_EVENTS = 1 << 20 };
enum { SESSIONS_TOLD = 10000, SESSION_TOLD_LENGTH = 20 };
enum { FOR_PRODUCTS = 1, FOR_CUSTOMER, FOR_ACTIVITY, FOR_IDS, FOR_SESSIONS }; /* streams of random numbers */

typedef enum ids { IDS_NONE, IDS_SEQUENTIAL, IDS_UUID } ids;

typedef struct shape {
    const char *folder, *records, *sessions;
    uint64_t products, customers, events, days, seed;
    ids ids;
} shape;

/* Products of a taste stand next to each other in `member`: places first[taste] … first[taste + 1] - 1, which is also their ring. */
typedef struct catalogue {
    size_t n, tastes;
    uint32_t *member, *place, *taste; /* (n) product at a place; place and taste of a product */
    size_t *first;                    /* (tastes + 1) */
    double *until;                    /* (n) weights of places summed up to and with each, over all tastes */
} catalogue;

typedef struct happening {
    uint32_t customer, product, session;
    uint8_t kind;
} happening;

/* ---- what there is ---- */

static void make_catalogue(const shape *s, catalogue *c)
{
    size_t n = (size_t)s->products;
    mx_random dice;
    mx_random_init(&dice, s->seed, FOR_PRODUCTS);
    *c = (catalogue){.n = n, .tastes = n / TASTE_PRODUCTS ? n / TASTE_PRODUCTS : 1};
    c->member = bench_memory(n * sizeof *c->member);
    c->place = bench_memory(n * sizeof *c->place);
    c->taste = bench_memory(n * sizeof *c->taste);
    c->first = bench_memory((c->tastes + 1) * sizeof *c->first);
    c->until = bench_memory(n * sizeof *c->until);
    int64_t *order = bench_memory(n * sizeof *order);
    memset(c->first, 0, (c->tastes + 1) * sizeof *c->first);
    for (size_t p = 0; p < n; p++) {
        order[p] = (int64_t)p;
        c->taste[p] = p < c->tastes ? (uint32_t)p : (uint32_t)mx_random_below(&dice, c->tastes); /* none is empty */
        c->first[c->taste[p] + 1]++;
    }
    for (size_t t = 0; t < c->tastes; t++)
        c->first[t + 1] += c->first[t];
    size_t *filled = bench_memory(c->tastes * sizeof *filled);
    memcpy(filled, c->first, c->tastes * sizeof *filled);
    for (size_t p = 0; p < n; p++) {
        c->place[p] = (uint32_t)filled[c->taste[p]]++;
        c->member[c->place[p]] = (uint32_t)p;
    }
    mx_random_shuffle_i64(&dice, order, n); /* order[p]: the rank of p */
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += pow((double)order[c->member[i]] + 5, -0.85);
        c->until[i] = sum;
    }
    free(filled);
    free(order);
}

/* The first place from `from` on, before `to`, whose sum is above x. */
static size_t place_above(const catalogue *c, size_t from, size_t to, double x)
{
    while (from + 1 < to) {
        size_t middle = (from + to - 1) / 2;
        if (c->until[middle] > x)
            to = middle + 1;
        else
            from = middle + 1;
    }
    return from;
}

static uint32_t draw_product(const catalogue *c, mx_random *dice, size_t from, size_t to)
{
    double below = from ? c->until[from - 1] : 0;
    return c->member[place_above(c, from, to, below + mx_random_uniform(dice) * (c->until[to - 1] - below))];
}

static uint32_t next_product(const catalogue *c, mx_random *dice, uint32_t taste, uint32_t before, bool begins)
{
    static const size_t steps[] = {1, 1, 1, 1, 1, 2, 2, 2, 5, 5};
    size_t from = c->first[taste], to = c->first[taste + 1];
    double how = mx_random_uniform(dice);
    if (how < 1.0 / 6)
        return draw_product(c, dice, 0, c->n);
    if (how < 2.0 / 3 && !begins && c->taste[before] == taste)
        return c->member[from + (c->place[before] - from + steps[mx_random_below(dice, 10)]) % (to - from)];
    return draw_product(c, dice, from, to);
}

/* ---- what happens ---- */

/* A moment of the day, in ms: the evening has three times the morning's. */
static int64_t moment(mx_random *dice)
{
    for (;;) {
        double x = mx_random_uniform(dice);
        if (mx_random_uniform(dice) * 1.5 < 1 - 0.5 * cos(2 * M_PI * (x - 1.0 / 3)))
            return (int64_t)(x * (double)DAY_MS);
    }
}

/* How many events each customer has: they sum to s->events. */
static uint32_t *make_activity(const shape *s)
{
    size_t n = (size_t)s->customers;
    double *sums = bench_memory((n + 1) * sizeof *sums);
    uint32_t *counts = bench_memory(n * sizeof *counts);
    sums[0] = 0;
    for (size_t c = 0; c < n; c++) {
        mx_random dice;
        mx_random_init(&dice, s->seed, mx_random_key(FOR_ACTIVITY, c, 0));
        sums[c + 1] = sums[c] + fmin(pow(1 - mx_random_uniform(&dice), -1 / 1.5), 300);
    }
    double scale = (double)(s->events - s->customers) / sums[n];
    for (size_t c = 0; c < n; c++) {
        uint64_t from = (uint64_t)(sums[c] * scale),
                 to = c + 1 == n ? s->events - s->customers : (uint64_t)(sums[c + 1] * scale);
        counts[c] = 1 + (uint32_t)(to - from);
    }
    free(sums);
    return counts;
}

typedef struct log_of_events {
    happening *happening; /* (events) */
    mx_keyed *when;       /* (events) key: time; row: the happening */
    size_t n;
    uint32_t sessions;
} log_of_events;

static void make_customer(const shape *s, const catalogue *c, uint32_t customer, uint32_t events, log_of_events *log)
{
    mx_random dice;
    mx_random_init(&dice, s->seed, mx_random_key(FOR_CUSTOMER, customer, 0));
    uint32_t tastes[TASTES_OF_CUSTOMER];
    size_t n_tastes = 1 + (size_t)mx_random_below(&dice, TASTES_OF_CUSTOMER);
    for (size_t k = 0; k < n_tastes; k++)
        tastes[k] = c->taste[draw_product(c, &dice, 0, c->n)];
    uint64_t first_day = mx_random_below(&dice, s->days);
    bool first = true;
    while (events > 0) {
        uint64_t length = 1 + mx_random_poisson(&dice, mx_random_exponential(&dice) * (SESSION_MEAN - 1));
        uint32_t m = length < events ? (uint32_t)length : events;
        uint32_t taste = tastes[mx_random_below(&dice, n_tastes)], product = 0;
        uint64_t day = first ? first_day : first_day + mx_random_below(&dice, s->days - first_day);
        int64_t time_ms = START_MS + (int64_t)day * DAY_MS + moment(&dice);
        for (uint32_t k = 0; k < m; k++) {
            product = next_product(c, &dice, taste, product, k == 0);
            double what = mx_random_uniform(&dice);
            uint8_t kind = (first && k + 1 == m) || what < 0.25 ? MX_EVENT_PURCHASE
                           : what < 0.35                        ? MX_EVENT_CART
                                                                : MX_EVENT_VIEW;
            log->happening[log->n] = (happening){customer, product, log->sessions, kind};
            log->when[log->n] = (mx_keyed){(uint64_t)time_ms, (uint32_t)log->n};
            log->n++;
            time_ms += 1000 + (int64_t)(mx_random_exponential(&dice) * 40000);
        }
        log->sessions++;
        events -= m;
        first = false;
    }
}

static void make_log(const shape *s, const catalogue *c, log_of_events *log)
{
    size_t n = (size_t)s->events;
    uint32_t *counts = make_activity(s);
    *log = (log_of_events){0};
    log->happening = bench_memory(n * sizeof *log->happening);
    log->when = bench_memory(n * sizeof *log->when);
    mx_keyed *spare = bench_memory(n * sizeof *spare);
    for (size_t customer = 0; customer < s->customers; customer++)
        make_customer(s, c, (uint32_t)customer, counts[customer], log);
    mx_keyed *sorted = mx_sort_keyed(log->when, spare, n);
    free(sorted == log->when ? spare : log->when);
    log->when = sorted;
    free(counts);
}

/* By the same rules as those of the log; of sessions that are not in it. */
static void write_sessions(const shape *s, const catalogue *c)
{
    FILE *out = fopen(s->sessions, "w");
    if (!out)
        bench_fail("the file of --sessions can't be written");
    for (uint64_t i = 0; i < SESSIONS_TOLD; i++) {
        mx_random dice;
        mx_random_init(&dice, s->seed, mx_random_key(FOR_SESSIONS, i, 0));
        uint32_t taste = c->taste[draw_product(c, &dice, 0, c->n)], product = 0;
        for (int k = 0; k < SESSION_TOLD_LENGTH; k++) {
            product = next_product(c, &dice, taste, product, k == 0);
            fprintf(out, "%sP%06u", k ? "," : "", product);
        }
        fputc('\n', out);
    }
    if (fclose(out) != 0)
        bench_fail("the file of --sessions can't be written");
}

/* ---- into the store ---- */

static int64_t price_of(const shape *s, uint32_t product)
{
    mx_random dice;
    mx_random_init(&dice, s->seed, mx_random_key(FOR_PRODUCTS, product, 1));
    return (int64_t)(exp(7 + 0.9 * mx_random_normal(&dice))) + 99;
}

static merx_status write_products(const shape *s, const catalogue *c, mx_records *records, merx_error *err)
{
    static const char *const adjective[] = {"Plain", "Warm", "Light", "Classic", "Small", "Family", "Folding", "Quiet"};
    static const char *const noun[] = {"Lamp",   "Scarf",  "Teapot", "Chair", "Kettle",
                                       "Jacket", "Basket", "Clock",  "Bowl"};
    mx_record *batch = bench_memory(AT_ONCE * sizeof *batch);
    char(*text)[4][48] = bench_memory(AT_ONCE * sizeof *text);
    merx_status status = mx_records_begin(records, err);
    for (size_t p = 0; p < c->n && status == MERX_OK;) {
        size_t k = 0;
        for (; k < AT_ONCE && p < c->n; k++, p++) {
            uint64_t hash = mx_random_key(s->seed, p, 2);
            snprintf(text[k][0], 48, "P%06zu", p);
            snprintf(text[k][1], 48, "%s %s %zu", adjective[hash % 8], noun[hash / 8 % 9], p);
            snprintf(text[k][2], 48, "Category %03u", (unsigned)c->taste[p]);
            snprintf(text[k][3], 48, "Brand %02u", (unsigned)(hash / 72 % 60));
            batch[k] = (mx_record){.kind = MX_PRODUCT,
                                   .product = {.id = mx_str_of(text[k][0]),
                                               .title = mx_str_of(text[k][1]),
                                               .category = mx_str_of(text[k][2]),
                                               .brand = mx_str_of(text[k][3]),
                                               .price_minor = price_of(s, (uint32_t)p),
                                               .has_price = true}};
        }
        status = mx_records_upsert(records, batch, k, err);
    }
    free(batch);
    free(text);
    return status == MERX_OK ? mx_records_commit(records, err) : status;
}

static merx_status write_customers(const shape *s, mx_records *records, merx_error *err)
{
    static const char *const country[] = {"GB", "DE", "FR", "CN", "US", "NL"};
    mx_record *batch = bench_memory(AT_ONCE * sizeof *batch);
    char(*text)[16] = bench_memory(AT_ONCE * sizeof *text);
    merx_status status = mx_records_begin(records, err);
    for (size_t c = 0; c < s->customers && status == MERX_OK;) {
        size_t k = 0;
        for (; k < AT_ONCE && c < s->customers; k++, c++) {
            snprintf(text[k], 16, "C%07zu", c);
            batch[k] = (mx_record){.kind = MX_CUSTOMER,
                                   .customer = {.id = mx_str_of(text[k]),
                                                .country = mx_str_of(country[mx_random_key(s->seed, c, 3) % 6]),
                                                .created_ms = START_MS,
                                                .has_created = true}};
        }
        status = mx_records_upsert(records, batch, k, err);
    }
    free(batch);
    free(text);
    return status == MERX_OK ? mx_records_commit(records, err) : status;
}

static void write_id(const shape *s, size_t row, char *out)
{
    mx_random dice;
    if (s->ids == IDS_SEQUENTIAL) {
        snprintf(out, 40, "e%010zu", row);
        return;
    }
    mx_random_init(&dice, s->seed, mx_random_key(FOR_IDS, row, 0));
    uint64_t a = mx_random_u64(&dice), b = mx_random_u64(&dice);
    snprintf(out, 40, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0xfff), (unsigned long long)(b & 0xffffffffffff));
}

static merx_status write_events(const shape *s, const log_of_events *log, mx_records *records, merx_error *err)
{
    mx_event *batch = bench_memory(AT_ONCE * sizeof *batch);
    char(*text)[5][40] = bench_memory(AT_ONCE * sizeof *text);
    merx_status status = mx_records_begin(records, err);
    for (size_t row = 0; row < log->n && status == MERX_OK;) {
        size_t k = 0;
        for (; k < AT_ONCE && row < log->n; k++, row++) {
            const happening *h = &log->happening[log->when[row].row];
            char(*t)[40] = text[k];
            snprintf(t[0], 40, "C%07u", h->customer);
            snprintf(t[1], 40, "P%06u", h->product);
            snprintf(t[2], 40, "S%08u", h->session);
            batch[k] = (mx_event){.time_ms = (int64_t)log->when[row].key,
                                  .kind = (mx_event_kind)h->kind,
                                  .customer = mx_str_of(t[0]),
                                  .product = mx_str_of(t[1]),
                                  .session = mx_str_of(t[2]),
                                  .quantity = 1};
            if (h->kind == MX_EVENT_PURCHASE) {
                snprintf(t[3], 40, "O%08u", h->session);
                batch[k].order = mx_str_of(t[3]);
                batch[k].price_minor = price_of(s, h->product);
                batch[k].has_price = true;
            }
            if (s->ids == IDS_NONE) {
                batch[k].source = mx_str_of(SOURCE);
                batch[k].row = row;
            } else {
                write_id(s, row, t[4]);
                batch[k].id = mx_str_of(t[4]);
            }
        }
        status = mx_records_append(records, batch, k, NULL, err);
        if (status == MERX_OK && row / COMMIT_EVENTS != (row - k) / COMMIT_EVENTS)
            status = mx_records_commit(records, err) == MERX_OK ? mx_records_begin(records, err) : MERX_E_IO;
    }
    free(batch);
    free(text);
    return status == MERX_OK ? mx_records_commit(records, err) : status;
}

static merx_status write_settings(mx_records *records, merx_error *err)
{
    MX_TRY(mx_records_begin(records, err));
    MX_TRY(mx_records_set_setting(records, MX_SETTING_CURRENCY, "GBP", err));
    return mx_records_commit(records, err);
}

static merx_status write_shop(const shape *s, const catalogue *c, const log_of_events *log, merx_error *err)
{
    merx_shop *shop = NULL;
    mx_records *records = NULL;
    char address[4096];
    uint64_t events = 0;
    merx_status status = merx_shop_open(
        NULL, s->folder,
        &(merx_shop_options){.create = true, .records = s->records, .keep_records = s->records != NULL}, &shop, err);
    merx_shop_close(shop);
    snprintf(address, sizeof address, "%s/shop.db", s->folder);
    if (status == MERX_OK)
        status = mx_records_open(s->records ? s->records : address,
                                 &(mx_records_options){.cache_bytes = UINT64_C(1) << 30}, NULL, &records, err);
    if (status == MERX_OK)
        status = mx_records_count(records, MX_EVENT, &events, err);
    if (status == MERX_OK && events > 0) {
        fprintf(stderr, "bench: %s: %" PRIu64 " events are there already; give a new shop\n", s->folder, events);
        status = MERX_E_EXISTS;
    }
    if (status == MERX_OK)
        status = write_settings(records, err);
    if (status == MERX_OK)
        status = write_products(s, c, records, err);
    if (status == MERX_OK)
        status = write_customers(s, records, err);
    if (status == MERX_OK)
        status = write_events(s, log, records, err);
    mx_records_close(records);
    return status;
}

/* ---- the command line ---- */

static uint64_t number(const char *flag, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value < least || value > most) {
        fprintf(stderr, "bench: %s \"%s\": expected a whole number from %" PRIu64 " to %" PRIu64 "\n", flag, text,
                least, most);
        exit(2);
    }
    return value;
}

static ids ids_of(const char *text)
{
    static const char *const names[] = {"none", "sequential", "uuid"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            return (ids)i;
    fprintf(stderr, "bench: --ids \"%s\": expected none, sequential or uuid\n", text);
    exit(2);
}

static shape shape_of(int argc, char **argv)
{
    shape s = {.products = 100000, .customers = 1000000, .events = 10000000, .days = 180};
    if (argc < 2 || argc % 2 != 0) {
        fprintf(stderr,
                "usage: %s FOLDER [--products N] [--customers N] [--events N] [--days N] [--ids none|sequential|uuid] "
                "[--seed N] [--records ADDRESS] [--sessions FILE]\n",
                argv[0]);
        exit(2);
    }
    s.folder = argv[1];
    for (int i = 2; i < argc; i += 2) {
        const char *flag = argv[i], *value = argv[i + 1];
        if (strcmp(flag, "--products") == 0)
            s.products = number(flag, value, 10, 999999);
        else if (strcmp(flag, "--customers") == 0)
            s.customers = number(flag, value, 1, 9999999);
        else if (strcmp(flag, "--events") == 0)
            s.events = number(flag, value, 1, 99999999);
        else if (strcmp(flag, "--days") == 0)
            s.days = number(flag, value, 1, 3650);
        else if (strcmp(flag, "--seed") == 0)
            s.seed = number(flag, value, 0, INT64_MAX);
        else if (strcmp(flag, "--ids") == 0)
            s.ids = ids_of(value);
        else if (strcmp(flag, "--records") == 0)
            s.records = value;
        else if (strcmp(flag, "--sessions") == 0)
            s.sessions = value;
        else {
            fprintf(stderr, "bench: there is no flag \"%s\"\n", flag);
            exit(2);
        }
    }
    if (s.events < s.customers) {
        fprintf(stderr, "bench: %" PRIu64 " events for %" PRIu64 " customers: each has one at least\n", s.events,
                s.customers);
        exit(2);
    }
    return s;
}

int main(int argc, char **argv)
{
    shape s = shape_of(argc, argv);
    catalogue c;
    log_of_events log;
    merx_error err = {0};
    double began = bench_now_s();
    make_catalogue(&s, &c);
    if (s.sessions)
        write_sessions(&s, &c);
    make_log(&s, &c, &log);
    double made = bench_now_s();
    merx_status status = write_shop(&s, &c, &log, &err);
    if (status != MERX_OK) {
        fprintf(stderr, "bench: %s: %s: %s\n", merx_status_name(status), err.where, err.message);
        return 1;
    }
    printf("{\"products\": %zu, \"customers\": %" PRIu64
           ", \"events\": %zu, \"sessions\": %u, \"make_seconds\": %.2f, \"write_seconds\": %.2f, \"cpu_seconds\": "
           "%.2f, \"peak_mb\": %.0f}\n",
           c.n, s.customers, log.n, log.sessions, made - began, bench_now_s() - made, bench_cpu_s(),
           bench_status_mb("VmHWM"));
    free(log.happening);
    free(log.when);
    free(c.member);
    free(c.place);
    free(c.taste);
    free(c.first);
    free(c.until);
    return 0;
}
