/*
 * The snapshot and the tail, read as one.
 */
#include "shop/seen.h"

#include <stdlib.h>

#include "shop/snapshot_parts.h"

static bool has_tail(mx_seen seen)
{
    return seen.tail && seen.rows > 0;
}

static int32_t in_tail(mx_seen seen, mx_tail_space space, mx_str text)
{
    return has_tail(seen) ? mx_tail_find(seen.tail, space, text, seen.rows) : -1;
}

mx_known mx_seen_customer(mx_seen seen, const char *id)
{
    return (mx_known){mx_snapshot_find_customer(seen.snapshot, id), in_tail(seen, MX_TAIL_CUSTOMER, mx_str_of(id))};
}

mx_known mx_seen_session(mx_seen seen, const char *id)
{
    return (mx_known){mx_snapshot_find_session(seen.snapshot, id), in_tail(seen, MX_TAIL_SESSION, mx_str_of(id))};
}

/* ---- products ---- */

int32_t mx_seen_product(mx_seen seen, const char *id)
{
    int32_t product = mx_snapshot_find_product(seen.snapshot, id);
    if (product < 0) {
        int32_t name = in_tail(seen, MX_TAIL_PRODUCT, mx_str_of(id));
        product = name < 0 ? -1 : (int32_t)seen.snapshot->products + name;
    }
    return product >= 0 && mx_seen_product_gone(seen, product) ? -1 : product;
}

static bool is_base(mx_seen seen, int32_t product)
{
    return (size_t)product < seen.snapshot->products;
}

/* Its name in the tail; -1: no row bears it. */
static int32_t tail_name(mx_seen seen, int32_t product)
{
    return is_base(seen, product) ? in_tail(seen, MX_TAIL_PRODUCT, seen.snapshot->product_id[product])
                                  : product - (int32_t)seen.snapshot->products;
}

mx_str mx_seen_product_id(mx_seen seen, int32_t product)
{
    return is_base(seen, product) ? seen.snapshot->product_id[product]
                                  : seen.tail->name[product - (int32_t)seen.snapshot->products].text;
}

static const mx_tail_thing *thing_of(mx_seen seen, int32_t product)
{
    int32_t name = has_tail(seen) ? tail_name(seen, product) : -1;
    return name < 0 ? NULL : mx_tail_thing_of(seen.tail, name, seen.rows);
}

mx_str mx_seen_product_title(mx_seen seen, int32_t product)
{
    const mx_tail_thing *thing = thing_of(seen, product);
    return thing ? thing->title : is_base(seen, product) ? seen.snapshot->product_title[product] : MX_STR("");
}

int64_t mx_seen_product_price_minor(mx_seen seen, int32_t product)
{
    const mx_tail_thing *thing = thing_of(seen, product);
    return thing ? thing->price_minor : is_base(seen, product) ? seen.snapshot->product_price_minor[product] : 0;
}

bool mx_seen_product_gone(mx_seen seen, int32_t product)
{
    if (!has_tail(seen) || !atomic_load_explicit(&seen.tail->has_gone, memory_order_relaxed))
        return false;
    const mx_tail_thing *thing = thing_of(seen, product);
    return thing && thing->gone;
}

/* Whether a product may be a service, or no more one, beside what the snapshot and the tail's names say. */
static bool has_services(mx_seen seen)
{
    return has_tail(seen) && atomic_load_explicit(&seen.tail->has_services, memory_order_relaxed);
}

bool mx_seen_product_service(mx_seen seen, int32_t product)
{
    const mx_tail_thing *thing = has_services(seen) ? thing_of(seen, product) : NULL;
    if (thing)
        return thing->service;
    return is_base(seen, product) ? seen.snapshot->product_service[product] != 0
                                  : seen.tail->name[product - (int32_t)seen.snapshot->products].service;
}

/* ---- events ---- */

/* Events of the snapshot that are looked at: two ascending lists. */
typedef struct base_lists {
    const int32_t *customer, *session;
    size_t customers, sessions;
} base_lists;

static merx_status find_base(mx_seen seen, mx_known customer, mx_known session, base_lists *out, merx_error *err)
{
    *out = (base_lists){0};
    if (customer.base >= 0)
        MX_TRY(mx_snapshot_customer_events(seen.snapshot, customer.base, &out->customer, &out->customers, err));
    if (session.base >= 0)
        MX_TRY(mx_snapshot_session_events(seen.snapshot, session.base, &out->session, &out->sessions, err));
    return MERX_OK;
}

static merx_status damaged(const mx_snapshot *s, int32_t event, merx_error *err)
{
    atomic_store(&s->memory->checked, -1);
    MX_FAIL(err, MERX_E_CORRUPT, "snapshot", "event %d is damaged", (int)event);
}

/* All but whose it is. event: in range. */
static merx_status base_line(const mx_snapshot *s, int32_t event, mx_line *out, merx_error *err)
{
    int32_t product = s->product[event];
    if (product < -1 || product >= (int64_t)s->products || s->kind[event] >= MX_EVENT_KINDS)
        return damaged(s, event, err);
    out->time_ms = s->time_ms[event];
    out->quantity = s->quantity[event];
    out->price_minor = s->price_minor[event];
    out->product = product;
    out->kind = s->kind[event];
    out->goods = product >= 0 && !s->product_service[product];
    return MERX_OK;
}

/* An event that is looked at. */
typedef struct looked_at {
    int32_t event;
    bool of_customer, of_session;
} looked_at;

/* The lists joined. */
static size_t join(const base_lists *lists, looked_at *out)
{
    size_t c = 0, s = 0, n = 0;
    while (c < lists->customers || s < lists->sessions) {
        bool of_customer = c < lists->customers && (s >= lists->sessions || lists->customer[c] <= lists->session[s]);
        bool of_session = s < lists->sessions && (c >= lists->customers || lists->session[s] <= lists->customer[c]);
        out[n++] = (looked_at){of_customer ? lists->customer[c] : lists->session[s], of_customer, of_session};
        c += of_customer;
        s += of_session;
    }
    return n;
}

/* Somebody's events lie all over the columns: what a line needs is asked for before the first of them is waited for, and of kinds that nobody wants no more than that. */
static merx_status take_some(const mx_snapshot *s, const looked_at *list, size_t n, unsigned kinds, mx_line *lines,
                             int32_t *events, size_t *taken, merx_error *err)
{
    size_t wanted = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].event < 0 || (size_t)list[i].event >= s->events)
            return damaged(s, list[i].event, err);
        __builtin_prefetch(&s->kind[list[i].event]);
    }
    for (size_t i = 0; i < n; i++) {
        int32_t event = list[i].event;
        if (s->kind[event] < MX_EVENT_KINDS && !(kinds >> s->kind[event] & 1))
            continue;
        __builtin_prefetch(&s->product[event]);
        __builtin_prefetch(&s->quantity[event]);
        __builtin_prefetch(&s->time_ms[event]);
        __builtin_prefetch(&s->price_minor[event]);
        events[wanted] = event;
        lines[wanted++] = (mx_line){.of_customer = list[i].of_customer, .of_session = list[i].of_session};
    }
    for (size_t i = 0; i < wanted; i++)
        MX_TRY(base_line(s, events[i], &lines[i], err));
    *taken += wanted;
    return MERX_OK;
}

/* The lines of the lists, with the event of each beside it. */
static merx_status take_base(mx_seen seen, const base_lists *lists, unsigned kinds, looked_at *list, mx_line *lines,
                             int32_t *events, size_t *n, merx_error *err)
{
    enum { TOGETHER = 32 };
    size_t all = join(lists, list);
    *n = 0;
    for (size_t from = 0; from < all; from += TOGETHER) {
        size_t some = all - from < TOGETHER ? all - from : TOGETHER;
        MX_TRY(take_some(seen.snapshot, list + from, some, kinds, lines + *n, events + *n, n, err));
    }
    return MERX_OK;
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const mx_tail *tail = ((const mx_seen *)context)->tail;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int order = mx_tail_compare(tail, &tail->row[x], &tail->row[y]);
    return order ? order : (x > y) - (x < y);
}

static int32_t first_of(mx_seen seen, int32_t name)
{
    return name < 0 ? -1 : atomic_load_explicit(&seen.tail->name[name].last, memory_order_acquire);
}

/* Rows of the tail that are looked at, each once, in the snapshot's order. */
static merx_status take_rows(mx_seen seen, mx_known customer, mx_known session, unsigned kinds, mx_arena *arena,
                             int32_t **rows, size_t *n, merx_error *err)
{
    const mx_tail *tail = seen.tail;
    size_t most = 0;
    *n = 0;
    *rows = NULL;
    if (!has_tail(seen))
        return MERX_OK;
    int32_t of_customer = first_of(seen, customer.tail), of_session = first_of(seen, session.tail);
    for (int32_t at = of_customer; at >= 0; at = tail->row[at].before_customer)
        most += at < seen.rows;
    for (int32_t at = of_session; at >= 0; at = tail->row[at].before_session)
        most += at < seen.rows;
    if (most == 0)
        return MERX_OK;
    int32_t *list = mx_arena_array(arena, most, sizeof *list, err);
    if (!list)
        return MERX_E_MEMORY;
    for (int32_t at = of_customer; at >= 0; at = tail->row[at].before_customer)
        if (at < seen.rows && kinds >> tail->row[at].kind & 1)
            list[(*n)++] = at;
    for (int32_t at = of_session; at >= 0; at = tail->row[at].before_session)
        if (at < seen.rows && kinds >> tail->row[at].kind & 1 &&
            (customer.tail < 0 || tail->row[at].name[MX_TAIL_CUSTOMER] != customer.tail))
            list[(*n)++] = at;
    if (*n > 1)
        qsort_r(list, *n, sizeof *list, compare_rows, &seen);
    *rows = list;
    return MERX_OK;
}

static mx_line tail_line(mx_seen seen, int32_t at, mx_known customer, mx_known session)
{
    const mx_tail_row *row = &seen.tail->row[at];
    int32_t name = row->name[MX_TAIL_PRODUCT];
    const mx_tail_name *product = name >= 0 ? &seen.tail->name[name] : NULL;
    return (mx_line){.time_ms = row->time_ms,
                     .quantity = row->quantity,
                     .price_minor = row->price_minor,
                     .product = !product             ? -1
                                : product->base >= 0 ? product->base
                                                     : (int32_t)seen.snapshot->products + name,
                     .kind = row->kind,
                     .goods = product && !product->service,
                     .of_customer = customer.tail >= 0 && row->name[MX_TAIL_CUSTOMER] == customer.tail,
                     .of_session = session.tail >= 0 && row->name[MX_TAIL_SESSION] == session.tail};
}

merx_status mx_seen_lines(mx_seen seen, mx_known customer, mx_known session, unsigned kinds, mx_arena *arena,
                          mx_line **lines, size_t *n, merx_error *err)
{
    base_lists base;
    int32_t *rows;
    size_t n_rows, n_base;

    *lines = NULL;
    *n = 0;
    MX_TRY(find_base(seen, customer, session, &base, err));
    MX_TRY(take_rows(seen, customer, session, kinds, arena, &rows, &n_rows, err));
    size_t most = base.customers + base.sessions;
    mx_line *list = mx_arena_array(arena, most + n_rows + 1, sizeof *list, err);
    int32_t *events = mx_arena_array(arena, most + 1, sizeof *events, err);
    looked_at *looked = mx_arena_array(arena, most + 1, sizeof *looked, err);
    if (!list || !events || !looked)
        return MERX_E_MEMORY;
    MX_TRY(take_base(seen, &base, kinds, looked, list, events, &n_base, err));
    /* From the end, so that rows find their places among the lines that are there. */
    size_t at = n_base + n_rows;
    *lines = list;
    *n = at;
    for (size_t b = n_base, r = n_rows; r > 0;)
        if (b > 0 && mx_tail_compare_base(seen.tail, &seen.tail->row[rows[r - 1]], (size_t)events[b - 1]) < 0)
            list[--at] = list[--b];
        else
            list[--at] = tail_line(seen, rows[--r], customer, session);
    for (size_t k = 0; has_services(seen) && k < *n; k++)
        list[k].goods = list[k].product >= 0 && !mx_seen_product_service(seen, list[k].product);
    return MERX_OK;
}
