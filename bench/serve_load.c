/*
 * Load for a server: HTTP/1.1 requests over kept-alive connections, from one thread by epoll, and what came of them.
 *
 *   bench_serve_load HOST:PORT KIND [--FLAG VALUE …]
 *
 * KIND: what is asked, drawn by a generator of its own for every request:
 *   recommend   GET /v1/answers/recommend of a customer C0000000 … drawn uniformly from --customers (10 products)
 *   why         the same with reasons
 *   paths       GET of a line of --file, drawn uniformly
 *   events      POST /v1/events of --batch events with random UUIDs as ids (--products, --customers: who and what)
 *   fresh       see below
 *
 * --connections N   (32) kept busy at once (closed loop), or used in turn (open loop)
 * --rate R          (0: closed loop) requests a second, evenly spaced. A request's time counts from when it should have been sent, also when every connection was busy then, so that a server
 *                   that stalls is charged for all that waited (no coordinated omission)
 * --seconds S (10), --warm S (1): requests that were due in the first S seconds are answered, but not counted
 * --seed N (0), --timeout S (10), --shop NAME (header Merx-Shop), --key KEY (Bearer)
 *
 * Percentiles are of all requests: one that failed counts as if it had taken --timeout. Every failure is counted: a status other than 200, a reply that is no HTTP, a connection that was refused or cut, a request not answered within --timeout or at the end. The last line is JSON: answered,
 * per_s, failures by kind, ms at p50, p90, p99, p99.9 and the most, the bytes of replies, the CPU seconds of this program. Times go into a histogram of 128 steps for each power of two, so that
 * a percentile is at most 0.8 % too large.
 *
 * fresh: --count times, --pause_ms apart: the product that is recommended first to some customer is bought by him (POST /v1/events); from when that is answered until a recommendation leaves it out is
 * one sample. An acknowledged event that is not seen within --timeout is a failure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "bench/worker.h"

/* ---- times ---- */

enum { STEPS = 128, STEP_BITS = 7, BUCKETS = STEPS * 40 };

typedef struct histogram {
    uint64_t count[BUCKETS], n, most_ns;
    double sum_ns;
} histogram;

static size_t bucket_of(uint64_t ns)
{
    if (ns < STEPS)
        return (size_t)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS;
    size_t bucket = (size_t)(power + 1) * STEPS + (size_t)((ns >> power) - STEPS);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The largest time of a bucket. */
static uint64_t bucket_end(size_t bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned power = (unsigned)(bucket / STEPS) - 1;
    return ((uint64_t)(STEPS + bucket % STEPS + 1) << power) - 1;
}

static void note_time(histogram *h, uint64_t ns)
{
    h->count[bucket_of(ns)]++;
    h->n++;
    h->sum_ns += (double)ns;
    h->most_ns = ns > h->most_ns ? ns : h->most_ns;
}

/* Of all that were asked: those that failed stand last, with a time of their own. */
static double percentile_ms(const histogram *h, double share, uint64_t failed, double failed_ms)
{
    double rank = (double)(h->n + failed) * share;
    uint64_t wanted = (uint64_t)rank, seen = 0;
    wanted += (double)wanted < rank;
    if (wanted > h->n)
        return failed_ms;
    for (size_t b = 0; b < BUCKETS; b++)
        if ((seen += h->count[b]) >= wanted && seen > 0) {
            uint64_t end = bucket_end(b);
            return (double)(end < h->most_ns ? end : h->most_ns) / 1e6;
        }
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what is asked ---- */

typedef enum kind { RECOMMEND, WHY, PATHS, EVENTS, FRESH, KINDS } kind;
static const char *const kind_name[KINDS] = {"recommend", "why", "paths", "events", "fresh"};

typedef struct plan {
    const char *host;
    kind kind;
    uint64_t connections, customers, products, batch, count, pause_ms;
    double rate, seconds, warm, timeout;
    const char *file;
    char headers[512]; /* of every request, each with its line end */
    char *lines;       /* of file */
    char **path;
    size_t paths;
    mx_random dice;
} plan;

static void load_paths(plan *p)
{
    FILE *in = p->file ? fopen(p->file, "rb") : NULL;
    long size = 0;
    if (!in || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) <= 0 || fseek(in, 0, SEEK_SET) != 0)
        bench_fail("paths needs --file FILE with a path on each line");
    p->lines = bench_memory((size_t)size + 1);
    p->path = bench_memory((size_t)size * sizeof *p->path);
    if (fread(p->lines, 1, (size_t)size, in) != (size_t)size)
        bench_fail("the file can't be read");
    fclose(in);
    p->lines[size] = '\0';
    for (char *line = strtok(p->lines, "\n"); line; line = strtok(NULL, "\n"))
        p->path[p->paths++] = line;
    if (p->paths == 0)
        bench_fail("the file has no line");
}

/* 16 random bytes as text; 36 characters. */
static char *put_uuid(char *out, mx_random *dice)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t word = 0; word < 4; word++) {
        uint32_t bits = mx_random_u32(dice);
        for (size_t i = 0; i < 8; i++, bits >>= 4) {
            size_t at = word * 8 + i;
            if (at == 8 || at == 12 || at == 16 || at == 20)
                *out++ = '-';
            *out++ = at == 12 ? '4' : at == 16 ? 'a' : hex[bits & 15];
        }
    }
    return out;
}

static char *put_digits(char *out, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

static char *put_text(char *out, const char *text)
{
    size_t size = strlen(text);
    memcpy(out, text, size);
    return out + size;
}

enum { EVENT_BYTES = 160, HEAD_BYTES = 2048 };

/* The numbers that a customer's and a product's id have: bench/serve_shop.c. */
static char *put_event(plan *p, char *out, uint64_t customer, uint64_t product, const char *what)
{
    out = put_uuid(put_text(out, "{\"id\":\""), &p->dice);
    out = put_text(put_text(out, "\",\"kind\":\""), what);
    out = put_digits(put_text(out, "\",\"product\":\"P"), product, 6);
    out = put_digits(put_text(out, "\",\"customer\":\"C"), customer, 7);
    return put_text(out, "\"}");
}

static size_t write_post(const plan *p, const char *body, size_t size, char *out)
{
    int head = snprintf(
        out, HEAD_BYTES,
        "POST /v1/events HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        p->host, p->headers, size);
    memcpy(out + head, body, size);
    return (size_t)head + size;
}

static size_t write_get(const plan *p, const char *path, char *out, size_t room)
{
    int n = snprintf(out, room, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, p->host, p->headers);
    if (n < 0 || (size_t)n >= room)
        bench_fail("a path is too long");
    return (size_t)n;
}

static size_t write_events(plan *p, char *scratch, char *out)
{
    char *at = scratch;
    *at++ = '[';
    for (uint64_t i = 0; i < p->batch; i++) {
        if (i)
            *at++ = ',';
        at = put_event(p, at, mx_random_below(&p->dice, p->customers), mx_random_below(&p->dice, p->products),
                       i % 8 == 7 ? "purchase" : "view");
    }
    *at++ = ']';
    return write_post(p, scratch, (size_t)(at - scratch), out);
}

/* ---- connections ---- */

typedef struct wire {
    int fd; /* -1: none */
    bool busy, counted;
    uint64_t due_ns;
    char *out, *in; /* what is sent, what has come */
    size_t out_size, out_sent, in_size, in_room, body_at, body_size;
    bool have_head;
    int status;
} wire;

typedef struct results {
    histogram times;
    uint64_t status_failures, bad_replies, cut, refused, timeouts, unanswered, bytes;
    uint64_t first_status; /* that was not 200 */
    char first_body[300];
} results;

typedef struct load {
    plan *plan;
    struct sockaddr_storage address;
    socklen_t address_size;
    int epoll;
    wire *links;
    char *scratch;
    size_t out_room;
    results results;
} load;

static void resolve(load *l, const char *host)
{
    char name[256];
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(host, ':');
    if (!colon || (size_t)(colon - host) >= sizeof name)
        bench_fail("expected HOST:PORT");
    snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
    if (getaddrinfo(name, colon + 1, &hints, &found) != 0)
        bench_fail("the host is not known");
    memcpy(&l->address, found->ai_addr, found->ai_addrlen);
    l->address_size = found->ai_addrlen;
    freeaddrinfo(found);
}

/* Waits until connected: only at the start and after a failure. */
static bool open_link(load *l, wire *k)
{
    int yes = 1;
    k->fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (k->fd < 0 || connect(k->fd, (struct sockaddr *)&l->address, l->address_size) != 0) {
        if (k->fd >= 0)
            close(k->fd);
        k->fd = -1;
        l->results.refused++;
        return false;
    }
    (void)setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)fcntl(k->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = k};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, k->fd, &event) != 0)
        bench_fail("epoll_ctl failed");
    return true;
}

static void close_link(wire *k)
{
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    k->busy = false;
}

static void wait_for(load *l, wire *k, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = k};
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, k->fd, &event) != 0)
        bench_fail("epoll_ctl failed");
}

/* false: the connection is gone. */
static bool send_more(load *l, wire *k)
{
    bool waited = k->out_sent > 0;
    while (k->out_sent < k->out_size) {
        ssize_t n = send(k->fd, k->out + k->out_sent, k->out_size - k->out_sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_for(l, k, EPOLLIN | EPOLLOUT);
            return true;
        }
        if (n <= 0)
            return false;
        k->out_sent += (size_t)n;
    }
    if (waited)
        wait_for(l, k, EPOLLIN);
    return true;
}

static void fail_link(load *l, wire *k)
{
    if (k->busy && k->counted)
        l->results.cut++;
    close_link(k);
}

static void ask(load *l, wire *k, uint64_t due_ns, bool counted)
{
    plan *p = l->plan;
    char path[160];
    k->busy = true;
    k->counted = counted;
    k->due_ns = due_ns;
    k->in_size = k->out_sent = 0;
    k->have_head = false;
    switch (p->kind) {
    case PATHS:
        k->out_size = write_get(p, p->path[mx_random_below(&p->dice, p->paths)], k->out, l->out_room);
        break;
    case EVENTS:
        k->out_size = write_events(p, l->scratch, k->out);
        break;
    default:
        snprintf(path, sizeof path, "/v1/answers/recommend?customer=C%07" PRIu64 "&n=10%s",
                 mx_random_below(&p->dice, p->customers), p->kind == WHY ? "&why=true" : "");
        k->out_size = write_get(p, path, k->out, l->out_room);
    }
    if (!send_more(l, k))
        fail_link(l, k);
}

/* Status and length out of a whole head. false: not understood. */
static bool read_head(wire *k, const char *end)
{
    k->status = k->in_size > 12 && memcmp(k->in, "HTTP/1.1 ", 9) == 0 ? atoi(k->in + 9) : 0;
    k->body_at = (size_t)(end - k->in) + 4;
    for (const char *line = k->in; line && line < end;
         line = memchr(line, '\n', (size_t)(end - line)), line += line != NULL)
        if (strncasecmp(line, "content-length:", 15) == 0) {
            k->body_size = (size_t)strtoull(line + 15, NULL, 10);
            k->have_head = k->status > 0;
            return k->have_head;
        }
    return false;
}

typedef enum came { MORE, WHOLE, GONE, GARBAGE } came;

static came receive(load *l, wire *k)
{
    for (;;) {
        if (k->in_room - k->in_size < 4096) {
            k->in_room = k->in_room * 2 + 16384;
            k->in = realloc(k->in, k->in_room + 1);
            if (!k->in)
                bench_fail("out of memory");
        }
        ssize_t n = recv(k->fd, k->in + k->in_size, k->in_room - k->in_size, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return MORE;
        if (n <= 0)
            return GONE;
        k->in_size += (size_t)n;
        k->in[k->in_size] = '\0';
        l->results.bytes += (uint64_t)n;
        if (!k->busy)
            return GARBAGE;
        if (!k->have_head) {
            const char *end = strstr(k->in, "\r\n\r\n");
            if (end && !read_head(k, end))
                return GARBAGE;
        }
        if (k->have_head && k->in_size >= k->body_at + k->body_size)
            return k->in_size == k->body_at + k->body_size ? WHOLE : GARBAGE;
    }
}

static void note_reply(load *l, wire *k, uint64_t now)
{
    k->busy = false;
    if (!k->counted)
        return;
    if (k->status != 200) {
        if (l->results.status_failures++ == 0) {
            l->results.first_status = (uint64_t)k->status;
            snprintf(l->results.first_body, sizeof l->results.first_body, "%.*s", (int)k->body_size,
                     k->in + k->body_at);
        }
        return;
    }
    note_time(&l->results.times, now > k->due_ns ? now - k->due_ns : 0);
}

/* What came on a link is taken in; true: it is free. */
static bool serve_link(load *l, wire *k, uint32_t events)
{
    if (events & EPOLLOUT && k->out_sent < k->out_size && !send_more(l, k)) {
        fail_link(l, k);
        return false;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return false;
    switch (receive(l, k)) {
    case WHOLE:
        note_reply(l, k, now_ns());
        return true;
    case GARBAGE:
        l->results.bad_replies++;
        close_link(k);
        return false;
    case GONE:
        fail_link(l, k);
        return false;
    case MORE:
        break;
    }
    return false;
}

/* Requests that wait too long are given up with their connections. */
static void give_up(load *l, uint64_t now)
{
    for (uint64_t i = 0; i < l->plan->connections; i++) {
        wire *k = &l->links[i];
        if (k->busy && now > k->due_ns && (double)(now - k->due_ns) > l->plan->timeout * 1e9) {
            l->results.timeouts += k->counted;
            close_link(k);
        }
    }
}

/* ---- the loops ---- */

enum { EVENTS_AT_ONCE = 256 };

/* Closed: each link asks again as soon as it is answered. Open: requests fall due by the clock and take the next free link. */
static void run(load *l)
{
    plan *p = l->plan;
    struct epoll_event events[EVENTS_AT_ONCE];
    uint64_t began = now_ns(), warm = began + (uint64_t)(p->warm * 1e9), end = warm + (uint64_t)(p->seconds * 1e9),
             looked = began, sent = 0;
    wire **idle = bench_memory(p->connections * sizeof *idle);
    for (;;) {
        uint64_t now = now_ns(), waiting = 0;
        size_t n_idle = 0;
        for (uint64_t i = 0; i < p->connections; i++) {
            wire *k = &l->links[i];
            if (k->fd < 0 && now < end && !open_link(l, k))
                usleep(1000);
            waiting += k->busy;
            if (k->fd >= 0 && !k->busy)
                idle[n_idle++] = k;
        }
        while (n_idle > 0 && now < end) {
            uint64_t due = p->rate > 0 ? began + (uint64_t)((double)sent / p->rate * 1e9) : now;
            if (due > now || due >= end)
                break;
            ask(l, idle[--n_idle], due, due >= warm);
            sent++;
            waiting++;
        }
        if (now >= end && waiting == 0)
            break;
        if (now >= end && (double)(now - end) > p->timeout * 1e9)
            break;
        /* In an open loop with a free link the clock is watched instead of slept by. */
        int n = epoll_wait(l->epoll, events, EVENTS_AT_ONCE, p->rate > 0 && now < end && n_idle > 0 ? 0 : 100);
        for (int i = 0; i < n; i++) {
            wire *k = events[i].data.ptr;
            bool is_free = k->fd >= 0 && serve_link(l, k, events[i].events);
            now = now_ns();
            if (is_free && p->rate <= 0 && now < end)
                ask(l, k, now, now >= warm);
        }
        if (now - looked > 100000000) {
            looked = now;
            give_up(l, now);
        }
    }
    for (uint64_t i = 0; i < p->connections; i++)
        l->results.unanswered += l->links[i].busy && l->links[i].counted;
    /* What was due and never sent, since every connection was stuck, is no less unanswered. */
    if (p->rate > 0) {
        uint64_t due = (uint64_t)((p->warm + p->seconds) * p->rate);
        l->results.unanswered += due > sent ? due - sent : 0;
    }
    free(idle);
}

/* One request on the first link, waited for. The body ends with '\0'. NULL: failed, and counted. */
static const char *talk(load *l, size_t size)
{
    wire *k = &l->links[0];
    struct epoll_event event;
    uint64_t began = now_ns();
    if (k->fd < 0 && !open_link(l, k))
        return NULL;
    k->busy = k->counted = true;
    k->due_ns = began;
    k->in_size = k->out_sent = 0;
    k->have_head = false;
    k->out_size = size;
    if (!send_more(l, k)) {
        fail_link(l, k);
        return NULL;
    }
    while ((double)(now_ns() - began) < l->plan->timeout * 1e9) {
        if (epoll_wait(l->epoll, &event, 1, 100) <= 0)
            continue;
        if (serve_link(l, k, event.events)) {
            if (k->status == 200)
                return k->in + k->body_at;
            return NULL;
        }
        if (k->fd < 0)
            return NULL;
    }
    l->results.timeouts++;
    close_link(k);
    return NULL;
}

static size_t write_first(load *l, uint64_t customer)
{
    char path[160];
    snprintf(path, sizeof path, "/v1/answers/recommend?customer=C%07" PRIu64 "&n=1", customer);
    return write_get(l->plan, path, l->links[0].out, l->out_room);
}

/* The number of the product that stands first; -1: there is none. */
static int64_t first_product(const char *body)
{
    static const char before[] = "\"items\":[{\"id\":\"P";
    const char *items = body ? strstr(body, before) : NULL;
    return items ? strtoll(items + sizeof before - 1, NULL, 10) : -1;
}

static void run_fresh(load *l)
{
    plan *p = l->plan;
    histogram *samples = bench_memory(sizeof *samples);
    memset(samples, 0, sizeof *samples);
    for (uint64_t i = 0; i < p->count; i++) {
        uint64_t customer = mx_random_below(&p->dice, p->customers);
        int64_t product = first_product(talk(l, write_first(l, customer)));
        if (product < 0)
            continue;
        char *end = put_event(p, l->scratch, customer, (uint64_t)product, "purchase");
        if (!talk(l, write_post(p, l->scratch, (size_t)(end - l->scratch), l->links[0].out)))
            continue;
        uint64_t acknowledged = now_ns();
        for (;;) {
            int64_t now_first = first_product(talk(l, write_first(l, customer)));
            uint64_t now = now_ns();
            if (now_first >= 0 && now_first != product) {
                note_time(samples, now - acknowledged);
                break;
            }
            if ((double)(now - acknowledged) > p->timeout * 1e9) {
                l->results.unanswered++;
                break;
            }
        }
        usleep((useconds_t)(p->pause_ms * 1000));
    }
    l->results.times = *samples;
    free(samples);
}

/* ---- the command line ---- */

static double real(const char *flag, const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most)) {
        fprintf(stderr, "bench: %s \"%s\": expected a number from %g to %g\n", flag, text, least, most);
        exit(2);
    }
    return value;
}

static void take_flag(plan *p, const char *flag, const char *value)
{
    size_t used = strlen(p->headers);
    if (strcmp(flag, "--connections") == 0)
        p->connections = (uint64_t)real(flag, value, 1, 10000);
    else if (strcmp(flag, "--rate") == 0)
        p->rate = real(flag, value, 0, 1e7);
    else if (strcmp(flag, "--seconds") == 0)
        p->seconds = real(flag, value, 0.001, 1e6);
    else if (strcmp(flag, "--warm") == 0)
        p->warm = real(flag, value, 0, 1e6);
    else if (strcmp(flag, "--timeout") == 0)
        p->timeout = real(flag, value, 0.001, 1e6);
    else if (strcmp(flag, "--customers") == 0)
        p->customers = (uint64_t)real(flag, value, 1, 9999999);
    else if (strcmp(flag, "--products") == 0)
        p->products = (uint64_t)real(flag, value, 1, 999999);
    else if (strcmp(flag, "--batch") == 0)
        p->batch = (uint64_t)real(flag, value, 1, 100000);
    else if (strcmp(flag, "--count") == 0)
        p->count = (uint64_t)real(flag, value, 1, 1e9);
    else if (strcmp(flag, "--pause_ms") == 0)
        p->pause_ms = (uint64_t)real(flag, value, 0, 1e6);
    else if (strcmp(flag, "--seed") == 0)
        mx_random_init(&p->dice, (uint64_t)real(flag, value, 0, 1e15), 0);
    else if (strcmp(flag, "--file") == 0)
        p->file = value;
    else if (strcmp(flag, "--shop") == 0)
        snprintf(p->headers + used, sizeof p->headers - used, "Merx-Shop: %.100s\r\n", value);
    else if (strcmp(flag, "--key") == 0)
        snprintf(p->headers + used, sizeof p->headers - used, "Authorization: Bearer %.100s\r\n", value);
    else {
        fprintf(stderr, "bench: there is no flag \"%s\"\n", flag);
        exit(2);
    }
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void print_results(const plan *p, const results *r, double seconds)
{
    const histogram *h = &r->times;
    double most_ms = (double)h->most_ns / 1e6, failed_ms = fmax(p->timeout * 1e3, most_ms);
    uint64_t failures = r->status_failures + r->bad_replies + r->cut + r->refused + r->timeouts + r->unanswered;
    printf("{\"kind\": \"%s\", \"answered\": %" PRIu64 ", \"per_s\": %.1f, \"failures\": %" PRIu64
           ", \"failed\": {\"status\": %" PRIu64 ", \"not_http\": %" PRIu64 ", \"cut\": %" PRIu64
           ", \"refused\": %" PRIu64 ", \"timeout\": %" PRIu64 ", \"unanswered\": %" PRIu64 "}, ",
           kind_name[p->kind], h->n, (double)h->n / (p->kind == FRESH ? seconds : p->seconds), failures,
           r->status_failures, r->bad_replies, r->cut, r->refused, r->timeouts, r->unanswered);
    if (r->first_status) {
        printf("\"first_failure\": {\"status\": %" PRIu64 ", \"body\": ", r->first_status);
        print_text(r->first_body);
        printf("}, ");
    }
    printf(
        "\"mean_ms\": %.4f, \"p50_ms\": %.4f, \"p90_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f, \"max_ms\": %.4f, "
        "\"bytes\": %" PRIu64 ", \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n",
        h->n ? h->sum_ns / (double)h->n / 1e6 : 0, percentile_ms(h, 0.5, failures, failed_ms),
        percentile_ms(h, 0.9, failures, failed_ms), percentile_ms(h, 0.99, failures, failed_ms),
        percentile_ms(h, 0.999, failures, failed_ms), failures ? failed_ms : most_ms, r->bytes, seconds, bench_cpu_s());
}

int main(int argc, char **argv)
{
    static plan p = {.connections = 32,
                     .customers = 1000000,
                     .products = 100000,
                     .batch = 1000,
                     .count = 1000,
                     .seconds = 10,
                     .warm = 1,
                     .timeout = 10};
    static load l;
    if (argc < 3 || argc % 2 != 1) {
        fprintf(stderr,
                "usage: %s HOST:PORT recommend|why|paths|events|fresh [--FLAG VALUE …] (flags: the top of "
                "bench/serve_load.c)\n",
                argv[0]);
        return 2;
    }
    p.host = argv[1];
    while (p.kind < KINDS && strcmp(argv[2], kind_name[p.kind]) != 0)
        p.kind++;
    if (p.kind == KINDS)
        bench_fail("expected recommend, why, paths, events or fresh");
    for (int i = 3; i < argc; i += 2)
        take_flag(&p, argv[i], argv[i + 1]);
    if (p.kind == PATHS)
        load_paths(&p);
    if (p.kind == FRESH)
        p.connections = 1;
    /* Event ids must be new in every run, whatever the seed. */
    if (p.kind == EVENTS || p.kind == FRESH) {
        uint64_t fresh;
        if (getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
            bench_fail("no random bytes");
        p.dice.stream = fresh;
    }
    l.plan = &p;
    resolve(&l, p.host);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.out_room = HEAD_BYTES + 65536 + p.batch * EVENT_BYTES;
    l.scratch = bench_memory(l.out_room);
    l.links = bench_memory(p.connections * sizeof *l.links);
    memset(l.links, 0, p.connections * sizeof *l.links);
    for (uint64_t i = 0; i < p.connections; i++) {
        l.links[i].fd = -1;
        l.links[i].out = bench_memory(l.out_room);
    }
    double began = bench_now_s();
    if (p.kind == FRESH)
        run_fresh(&l);
    else
        run(&l);
    print_results(&p, &l.results, bench_now_s() - began);
    for (uint64_t i = 0; i < p.connections; i++) {
        close_link(&l.links[i]);
        free(l.links[i].out);
        free(l.links[i].in);
    }
    free(l.links);
    free(l.scratch);
    free(p.path);
    free(p.lines);
    return 0;
}
