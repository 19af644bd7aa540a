/*
 * Merging: places of names, places of events, what is said of things; then the streams of columns, names and lists.
 */
#include "shop/snapshot_merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/run.h"

/* Names of one numbering, old ones and new ones, and their places among both. */
typedef struct name_map {
    const mx_str *old, *fresh; /* each ascending */
    size_t old_n, fresh_n, n;  /* n: of both together */
    int32_t *place;            /* (old_n) its place; <= -2: it is gone, and -(place + 2) is that of the next one */
    int32_t *fresh_place;      /* (fresh_n) */
    uint64_t bytes;
    bool same; /* every old name is where it was */
} name_map;

/* A walk over all names in their order. */
typedef struct name_walk {
    const name_map *map;
    size_t i, j;
    int32_t old, fresh; /* of the name it stands at; -1: it is not one of those */
} name_walk;

/* A piece of the file that is made as it is written. */
typedef struct stream {
    mx_merging *m;
    int which;        /* numbering */
    const void *from; /* column of the old snapshot */
    size_t width;     /* bytes of an element */
    size_t old_at, row_at, gone_at;
    name_walk walk;
    const mx_event_index *index;
    const uint32_t *rows; /* of the tail, by group, then place */
    size_t n_rows;
    int32_t total;             /* of starts */
    int32_t list_at, list_end; /* in the old list of the group */
    mx_str text;               /* left of the name that is written */
    int64_t offset;
} stream;

enum { STREAMS = 4 + EVENT_NAMES + 2 * NAMES + 4 };

struct mx_merging {
    mx_builder b;
    const mx_snapshot *old;
    int32_t without;
    bool things;
    int64_t unit;
    name_map names[NAMES];
    size_t rows;         /* of the tail */
    mx_event_row *row;   /* (rows) in the snapshot's order, names by place */
    int32_t *before;     /* (rows) how many old events come before it */
    int32_t *row_place;  /* (rows) among all events */
    const int32_t *gone; /* old events that are left out, ascending */
    size_t n_gone;
    int32_t *moved; /* (old events) its place; -1: gone */
    size_t events;
    uint32_t *by_customer, *by_session; /* rows of the tail that have one */
    size_t n_by_customer, n_by_session;
    /* columns of things */
    mx_str *title_text; /* titles on event lines, by place */
    mx_str *title;
    uint8_t *service, *said, *customer_said;
    int32_t *category, *price_event, *country;
    int64_t *price;
    mx_vec counts;            /* mx_title_count */
    int32_t *count_column[3]; /* its columns */
    size_t n_counts;
    mx_tensor_writer *writer;
    stream streams[STREAMS];
    size_t n_streams;
};

static merx_status corrupt(merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, MX_SNAPSHOT_BLOB, "a column of events is damaged");
}

/* ---- names ---- */

static void walk_begin(name_walk *w, const name_map *map)
{
    *w = (name_walk){.map = map};
}

/* The next name; false: there is none. */
static bool walk_next(name_walk *w, mx_str *text)
{
    const name_map *map = w->map;
    while (w->i < map->old_n && map->place[w->i] < 0)
        w->i++;
    bool has_old = w->i < map->old_n, has_fresh = w->j < map->fresh_n;
    if (!has_old && !has_fresh)
        return false;
    bool old = has_old && (!has_fresh || map->place[w->i] <= map->fresh_place[w->j]);
    bool fresh = has_fresh && (!has_old || map->fresh_place[w->j] <= map->place[w->i]);
    w->old = old ? (int32_t)w->i++ : -1;
    w->fresh = fresh ? (int32_t)w->j++ : -1;
    *text = old ? map->old[w->old] : map->fresh[w->fresh];
    return true;
}

/* used NULL: all old names stay; else those that are marked, and those that are among the new ones. */
static merx_status join_names(mx_merging *m, int which, const mx_str *old, size_t old_n, const uint8_t *used,
                              merx_error *err)
{
    name_map *map = &m->names[which];
    MX_TRY(mx_builder_rank(&m->b, which, err));
    *map = (name_map){.old = old, .old_n = old_n, .fresh = m->b.sorted[which], .fresh_n = m->b.count[which]};
    MX_TRY(mx_alloc_array_raw(m->b.alloc, old_n, sizeof *map->place, "names", &map->place, err));
    MX_TRY(mx_alloc_array_raw(m->b.alloc, map->fresh_n, sizeof *map->fresh_place, "names", &map->fresh_place, err));
    size_t i = 0, j = 0;
    while (i < old_n || j < map->fresh_n) {
        int order = i == old_n ? 1 : j == map->fresh_n ? -1 : mx_str_compare(old[i], map->fresh[j]);
        if (order < 0 && used && !used[i]) {
            map->place[i++] = -(int32_t)map->n - 2;
            continue;
        }
        map->bytes += order <= 0 ? old[i].size : map->fresh[j].size;
        if (order <= 0)
            map->place[i++] = (int32_t)map->n;
        if (order >= 0)
            map->fresh_place[j++] = (int32_t)map->n;
        map->n++;
    }
    map->same = map->n == old_n && (old_n == 0 || map->place[old_n - 1] == (int32_t)old_n - 1);
    return MERX_OK;
}

static int32_t fresh_place(const mx_merging *m, int which, int32_t code)
{
    return code < 0 ? -1 : m->names[which].fresh_place[m->b.rank[which][code]];
}

/* Which old names the events that stay use. */
static merx_status mark_used(const mx_merging *m, const int32_t *column, size_t names, uint8_t **out, merx_error *err)
{
    size_t gone = 0;
    MX_TRY(MX_NEW_ARRAY(m->b.alloc, names, out, "names", err));
    for (size_t i = 0; i < m->old->events; i++) {
        if (gone < m->n_gone && (size_t)m->gone[gone] == i) {
            gone++;
            continue;
        }
        if (column[i] < -1 || column[i] >= (int64_t)names)
            return corrupt(err);
        if (column[i] >= 0)
            (*out)[column[i]] = 1;
    }
    return MERX_OK;
}

static merx_status place_names(mx_merging *m, merx_error *err)
{
    const mx_snapshot *s = m->old;
    const struct {
        const mx_str *names;
        size_t n;
        const int32_t *column;
    } of[NAMES] = {[PRODUCT] = {s->product_id, s->products, s->product},
                   [CUSTOMER] = {s->customer_id, s->customers, s->customer},
                   [ORDER] = {s->order_id, s->orders, s->order},
                   [SESSION] = {s->session_id, s->sessions, s->session},
                   [COUNTRY] = {s->country_name, s->countries, s->country},
                   [TITLE] = {s->memory->titles, s->memory->n_titles, s->memory->title},
                   [CATEGORY] = {s->category_name, s->categories, NULL}};
    for (int which = 0; which < NAMES; which++) {
        uint8_t *used = NULL;
        merx_status status = MERX_OK;
        if (m->things && which == CATEGORY) /* records alone name them */
            status = MX_NEW_ARRAY(m->b.alloc, of[which].n, &used, "names", err);
        else if (m->things || m->without >= 0)
            status = mark_used(m, of[which].column, of[which].n, &used, err);
        if (status == MERX_OK)
            status = join_names(m, which, of[which].names, of[which].n, used, err);
        MX_FREE_ARRAY(m->b.alloc, used, of[which].n);
        MX_TRY(status);
    }
    return MERX_OK;
}

/* ---- rows of the tail ---- */

/* A row without a customer takes its order's. */
static merx_status own_rows(mx_merging *m, mx_records *records, merx_error *err)
{
    mx_builder *b = &m->b;
    merx_status status = MERX_OK;
    int32_t *owner = NULL;
    mx_arena arena;
    size_t orders = mx_dict_count(b->names[ORDER]);

    mx_arena_init(&arena, b->alloc);
    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, orders, sizeof *owner, "customers of orders", &owner, err));
    for (size_t i = 0; i < orders; i++)
        owner[i] = -1;
    for (size_t i = 0; i < b->orders.count; i++) {
        const mx_pair_row *pair = &MX_VEC_AT(&b->orders, mx_pair_row, i);
        owner[pair->code] = pair->other;
    }
    for (size_t i = 0; i < b->rows.count; i++) {
        mx_event_row *row = &MX_VEC_AT(&b->rows, mx_event_row, i);
        int32_t order = row->name[ORDER];
        if (row->name[CUSTOMER] >= 0 || order < 0)
            continue;
        if (!m->things && owner[order] == -1) {
            mx_record record;
            owner[order] = -2; /* asked */
            status = mx_records_get(records, MX_ORDER, mx_dict_get(b->names[ORDER], order), &arena, &record, NULL);
            if (status == MERX_OK && record.order.customer.size > 0)
                MX_TRY_GOTO(mx_dict_add(b->names[CUSTOMER], record.order.customer, &owner[order], NULL, err));
            else if (status != MERX_OK && status != MERX_E_NOT_FOUND)
                MX_FAIL_GOTO(err, status, "", "the record of an order can't be read");
            status = MERX_OK;
        }
        row->name[CUSTOMER] = owner[order] < 0 ? -1 : owner[order];
    }
out:
    MX_FREE_ARRAY(b->alloc, owner, orders);
    mx_arena_release(&arena);
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    const mx_event_row *x = a, *y = b;
#define BY(field)                                                                                                      \
    if (x->field != y->field)                                                                                          \
    return x->field < y->field ? -1 : 1
    BY(time_ms);
    BY(name[ORDER]);
    BY(name[PRODUCT]);
    BY(name[CUSTOMER]);
    BY(kind);
    BY(quantity);
    BY(price);
    BY(name[SESSION]);
    BY(name[COUNTRY]);
    BY(name[TITLE]);
#undef BY
    return 0;
}

/* Twice the place of an old name, one less where it is gone: it stands between two that are there. */
static merx_status old_key(const mx_merging *m, int which, int32_t code, int64_t *key, merx_error *err)
{
    const name_map *map = &m->names[which];
    if (code < -1 || code >= (int64_t)map->old_n)
        return corrupt(err);
    int32_t place = code < 0 ? 0 : map->place[code];
    *key = code < 0 ? -3 : place >= 0 ? 2 * (int64_t)place : 2 * (int64_t)(-(place + 2)) - 1;
    return MERX_OK;
}

static int64_t row_key(int32_t place)
{
    return place < 0 ? -3 : 2 * (int64_t)place;
}

/* *before: the old event comes before the row, or is its equal. */
static merx_status comes_before(const mx_merging *m, size_t i, const mx_event_row *row, bool *before, merx_error *err)
{
    const mx_snapshot *s = m->old;
    *before = s->time_ms[i] < row->time_ms;
    if (s->time_ms[i] != row->time_ms)
        return MERX_OK;
    int64_t product, customer, order, session, country, title;
    MX_TRY(old_key(m, PRODUCT, s->product[i], &product, err));
    MX_TRY(old_key(m, CUSTOMER, s->customer[i], &customer, err));
    MX_TRY(old_key(m, ORDER, s->order[i], &order, err));
    MX_TRY(old_key(m, SESSION, s->session[i], &session, err));
    MX_TRY(old_key(m, COUNTRY, s->country[i], &country, err));
    MX_TRY(old_key(m, TITLE, s->memory->title[i], &title, err));
    const int64_t old[] = {order,   product, customer, s->kind[i], s->quantity[i], s->price_minor[i],
                           session, country, title};
    const int64_t fresh[] = {row_key(row->name[ORDER]),
                             row_key(row->name[PRODUCT]),
                             row_key(row->name[CUSTOMER]),
                             row->kind,
                             row->quantity,
                             row->price,
                             row_key(row->name[SESSION]),
                             row_key(row->name[COUNTRY]),
                             row_key(row->name[TITLE])};
    *before = true;
    for (size_t k = 0; k < sizeof old / sizeof *old; k++)
        if (old[k] != fresh[k]) {
            *before = old[k] < fresh[k];
            break;
        }
    return MERX_OK;
}

static merx_status place_rows(mx_merging *m, merx_error *err)
{
    mx_builder *b = &m->b;
    m->rows = b->rows.count;
    m->row = b->rows.data;
    for (size_t i = 0; i < m->rows; i++) {
        m->row[i].price /= m->unit;
        for (int which = 0; which < EVENT_NAMES; which++)
            m->row[i].name[which] = fresh_place(m, which, m->row[i].name[which]);
    }
    if (m->rows > 1)
        qsort(m->row, m->rows, sizeof *m->row, compare_rows);
    MX_TRY(mx_alloc_array_raw(b->alloc, m->rows, sizeof *m->before, "places of events", &m->before, err));
    MX_TRY(mx_alloc_array_raw(b->alloc, m->rows, sizeof *m->row_place, "places of events", &m->row_place, err));
    size_t from = 0, gone = 0;
    for (size_t t = 0; t < m->rows; t++) {
        size_t low = from, high = m->old->events;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            bool before = false;
            MX_TRY(comes_before(m, middle, &m->row[t], &before, err));
            if (before)
                low = middle + 1;
            else
                high = middle;
        }
        from = low;
        while (gone < m->n_gone && (size_t)m->gone[gone] < low)
            gone++;
        m->before[t] = (int32_t)low;
        m->row_place[t] = (int32_t)(low - gone + t);
    }
    return MERX_OK;
}

static merx_status place_events(mx_merging *m, merx_error *err)
{
    size_t n = m->old->events, t = 0, gone = 0;
    m->events = n - m->n_gone + m->rows;
    if (m->events > INT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "", "the shop has %zu events; a snapshot holds at most %d", m->events, INT32_MAX);
    MX_TRY(mx_alloc_array_raw(m->b.alloc, n, sizeof *m->moved, "places of events", &m->moved, err));
    for (size_t i = 0; i < n; i++) {
        while (t < m->rows && (size_t)m->before[t] <= i)
            t++;
        bool left_out = gone < m->n_gone && (size_t)m->gone[gone] == i;
        m->moved[i] = left_out ? -1 : (int32_t)(i - gone + t);
        gone += left_out;
    }
    return MERX_OK;
}

/* Rows of the tail that have a name of the numbering, by it, then by their order. */
typedef struct group_order {
    const mx_event_row *row;
    int which;
} group_order;

static int compare_groups(const void *a, const void *b, void *context)
{
    const group_order *o = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int32_t p = o->row[x].name[o->which], q = o->row[y].name[o->which];
    return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

static merx_status group_rows(const mx_merging *m, int which, uint32_t **out, size_t *n, merx_error *err)
{
    MX_TRY(mx_alloc_array_raw(m->b.alloc, m->rows, sizeof **out, "events by group", out, err));
    *n = 0;
    for (size_t t = 0; t < m->rows; t++)
        if (m->row[t].name[which] >= 0)
            (*out)[(*n)++] = (uint32_t)t;
    if (*n > 1)
        qsort_r(*out, *n, sizeof **out, compare_groups, &(group_order){m->row, which});
    return MERX_OK;
}

/* ---- products ---- */

static int compare_counts(const void *a, const void *b)
{
    const mx_title_count *x = a, *y = b;
    return x->product != y->product ? (x->product > y->product) - (x->product < y->product)
                                    : (x->title > y->title) - (x->title < y->title);
}

/* How many lines bear which title: the old ones, less those that are gone, and the new ones. */
static merx_status count_titles(mx_merging *m, merx_error *err)
{
    const struct mx_snapshot_memory *old = m->old->memory;
    const name_map *products = &m->names[PRODUCT], *titles = &m->names[TITLE];
    for (size_t i = 0; i < old->n_said; i++) {
        mx_title_count said = {old->said_product[i], old->said_title[i], old->said_count[i]};
        if (said.product < 0 || said.title < 0)
            return corrupt(err);
        said.product = products->place[said.product];
        said.title = titles->place[said.title];
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    for (size_t g = 0; g < m->n_gone; g++) {
        int32_t product = m->old->product[m->gone[g]], title = old->title[m->gone[g]];
        if (product < -1 || product >= (int64_t)products->old_n || title < -1 || title >= (int64_t)titles->old_n)
            return corrupt(err);
        mx_title_count said = {product < 0 ? -1 : products->place[product], title < 0 ? -1 : titles->place[title], -1};
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    for (size_t t = 0; t < m->rows; t++) {
        mx_title_count said = {m->row[t].name[PRODUCT], m->row[t].name[TITLE], 1};
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    mx_title_count *list = m->counts.data;
    if (m->counts.count > 1)
        qsort(list, m->counts.count, sizeof *list, compare_counts);
    for (size_t first = 0, end; first < m->counts.count; first = end) {
        mx_title_count sum = list[first];
        for (end = first + 1; end < m->counts.count && compare_counts(&list[end], &sum) == 0; end++)
            sum.count += list[end].count;
        if (sum.count > 0)
            list[m->n_counts++] = sum;
    }
    for (int k = 0; k < 3; k++) {
        MX_TRY(mx_alloc_array_raw(m->b.alloc, m->n_counts, sizeof(int32_t), "titles of products", &m->count_column[k],
                                  err));
        for (size_t i = 0; i < m->n_counts; i++)
            m->count_column[k][i] = k == 0 ? list[i].product : k == 1 ? list[i].title : list[i].count;
    }
    return MERX_OK;
}

/* The last event of each product that names a price, and that price. */
static void last_prices(mx_merging *m)
{
    const mx_snapshot *s = m->old;
    const name_map *products = &m->names[PRODUCT];
    bool lost = false;
    for (size_t p = 0; p < products->n; p++)
        m->price_event[p] = -1;
    for (size_t p = 0; p < products->old_n; p++) {
        int32_t event = s->memory->price_event[p], place = products->place[p];
        if (event < 0 || place < 0)
            continue;
        lost = lost || m->moved[event] < 0;
        m->price_event[place] = m->moved[event];
        m->price[place] = s->price_minor[event];
    }
    for (size_t i = 0; lost && i < s->events; i++) /* the one before it holds now */
        if (m->moved[i] >= 0 && s->price_minor[i] > 0 && s->product[i] >= 0) {
            m->price_event[products->place[s->product[i]]] = m->moved[i];
            m->price[products->place[s->product[i]]] = s->price_minor[i];
        }
    for (size_t p = 0; lost && p < products->n; p++)
        if (m->price_event[p] < 0)
            m->price[p] = 0;
    for (size_t t = 0; t < m->rows; t++) {
        int32_t place = m->row[t].name[PRODUCT];
        if (place >= 0 && m->row[t].price > 0 && m->row_place[t] > m->price_event[place]) {
            m->price_event[place] = m->row_place[t];
            m->price[place] = m->row[t].price;
        }
    }
}

/* What events say, and where nothing was read anew, what the old snapshot's records said. */
static void describe_by_events(mx_merging *m)
{
    const mx_snapshot *s = m->old;
    name_walk walk;
    mx_str id;
    size_t at = 0;
    walk_begin(&walk, &m->names[PRODUCT]);
    for (size_t p = 0; walk_next(&walk, &id); p++) {
        int32_t most = 0;
        m->title[p] = MX_STR("");
        for (; at < m->n_counts && (size_t)m->count_column[0][at] == p; at++)
            if (m->count_column[2][at] > most) {
                most = m->count_column[2][at];
                m->title[p] = m->title_text[m->count_column[1][at]];
            }
        m->category[p] = -1;
        m->service[p] = mx_is_service(m->b.settings->services, id);
        if (walk.old < 0 || m->things)
            continue;
        m->said[p] = s->memory->said[walk.old];
        m->service[p] = s->product_service[walk.old];
        if (m->said[p] & MX_SAID_TITLE)
            m->title[p] = s->product_title[walk.old];
        if (m->said[p] & MX_SAID_PRICE)
            m->price[p] = s->product_price_minor[walk.old];
        if (s->product_category[walk.old] >= 0)
            m->category[p] = m->names[CATEGORY].place[s->product_category[walk.old]];
    }
}

/* What records say, over it. */
static void describe_by_records(mx_merging *m)
{
    const mx_builder *b = &m->b;
    for (size_t i = 0; i < b->products.count; i++) {
        const mx_product_row *row = &MX_VEC_AT(&b->products, mx_product_row, i);
        int32_t p = fresh_place(m, PRODUCT, row->code);
        if (row->title >= 0)
            m->title[p] = mx_dict_get(b->catalogue_titles, row->title);
        m->said[p] = (uint8_t)((row->title >= 0 ? MX_SAID_TITLE : 0) | (row->has_price ? MX_SAID_PRICE : 0));
        if (row->service)
            m->service[p] = 1;
        if (row->has_price)
            m->price[p] = row->price;
        m->category[p] = fresh_place(m, CATEGORY, row->category);
    }
}

static merx_status describe_products(mx_merging *m, merx_error *err)
{
    const merx_allocator *alloc = m->b.alloc;
    size_t n = m->names[PRODUCT].n;
    name_walk walk;
    mx_str text;
    MX_TRY(MX_NEW_ARRAY(alloc, m->names[TITLE].n, &m->title_text, "titles", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->title, "titles", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->service, "services", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->said, "what records say", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->category, "categories", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->price, "prices", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->price_event, "prices", err));
    walk_begin(&walk, &m->names[TITLE]);
    for (size_t i = 0; walk_next(&walk, &text); i++)
        m->title_text[i] = text;
    MX_TRY(count_titles(m, err));
    last_prices(m);
    describe_by_events(m);
    describe_by_records(m);
    return MERX_OK;
}

/* ---- customers ---- */

/* The part of an old list of events. */
static merx_status old_part(const mx_event_index *index, int32_t group, int32_t *first, int32_t *end, merx_error *err)
{
    *first = *end = 0;
    if (group < 0)
        return MERX_OK;
    *first = index->starts[group];
    *end = index->starts[group + 1];
    return *first < 0 || *end < *first || (size_t)*end > index->listed ? corrupt(err) : MERX_OK;
}

static int compare_places(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The country of most of a customer's events: the lowest of equals; -1: none. rows (n): his of the tail. */
static merx_status country_of(const mx_merging *m, int32_t old, const uint32_t *rows, size_t n, mx_vec *scratch,
                              int32_t *out, merx_error *err)
{
    const mx_event_index *index = &m->old->memory->by_customer;
    int32_t first, end;
    mx_vec_clear(scratch);
    MX_TRY(old_part(index, old, &first, &end, err));
    for (int32_t k = first; k < end; k++) {
        int32_t event = index->events[k];
        if (event < 0 || (size_t)event >= m->old->events || m->old->country[event] >= (int64_t)m->old->countries)
            return corrupt(err);
        if (m->moved[event] >= 0 && m->old->country[event] >= 0)
            MX_TRY(mx_vec_append(scratch, &m->names[COUNTRY].place[m->old->country[event]], 1, err));
    }
    for (size_t k = 0; k < n; k++)
        if (m->row[rows[k]].name[COUNTRY] >= 0)
            MX_TRY(mx_vec_append(scratch, &m->row[rows[k]].name[COUNTRY], 1, err));
    int32_t *places = scratch->data;
    if (scratch->count > 1)
        qsort(places, scratch->count, sizeof *places, compare_places);
    size_t most = 0;
    *out = -1;
    for (size_t i = 0, stop; i < scratch->count; i = stop) {
        for (stop = i + 1; stop < scratch->count && places[stop] == places[i]; stop++)
            ;
        if (stop - i > most) {
            most = stop - i;
            *out = places[i];
        }
    }
    return MERX_OK;
}

static merx_status describe_customers(mx_merging *m, merx_error *err)
{
    const mx_snapshot *s = m->old;
    const mx_builder *b = &m->b;
    size_t n = m->names[CUSTOMER].n, at = 0;
    name_walk walk;
    mx_str id;
    merx_status status = MERX_OK;
    mx_vec scratch = mx_vec_init(b->alloc, sizeof(int32_t), INT32_MAX, "countries");
    MX_TRY_GOTO(MX_NEW_ARRAY(b->alloc, n, &m->country, "countries of customers", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(b->alloc, n, &m->customer_said, "countries of customers", err));
    walk_begin(&walk, &m->names[CUSTOMER]);
    for (size_t c = 0; walk_next(&walk, &id); c++) {
        size_t from = at;
        while (at < m->n_by_customer && (size_t)m->row[m->by_customer[at]].name[CUSTOMER] == c)
            at++;
        bool said = walk.old >= 0 && s->memory->customer_said[walk.old];
        int32_t country = walk.old >= 0 ? s->customer_country[walk.old] : -1;
        m->customer_said[c] = said && !m->things;
        if (m->customer_said[c] || (walk.old >= 0 && !said && at == from && walk.old != m->without))
            m->country[c] = country < 0 ? -1 : m->names[COUNTRY].place[country];
        else
            MX_TRY_GOTO(country_of(m, walk.old, m->by_customer + from, at - from, &scratch, &m->country[c], err));
    }
    for (size_t i = 0; i < b->customers.count; i++) {
        const mx_pair_row *row = &MX_VEC_AT(&b->customers, mx_pair_row, i);
        if (row->other >= 0) {
            int32_t c = fresh_place(m, CUSTOMER, row->code);
            m->country[c] = fresh_place(m, COUNTRY, row->other);
            m->customer_said[c] = 1;
        }
    }
out:
    mx_vec_release(&scratch);
    return status;
}

/* ---- streams ---- */

/* The pages of a column that was read lie in the system's cache: this process need not count them. */
static void let_pages_go(const void *data, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)data + page - 1) & ~(page - 1), end = ((uintptr_t)data + size) & ~(page - 1);
    if (end > first)
        (void)madvise((void *)first, end - first, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
}

/* n elements of an old column; names by their places. */
static merx_status copy_old(const stream *s, void *out, size_t n, merx_error *err)
{
    const mx_merging *m = s->m;
    memcpy(out, (const char *)s->from + s->old_at * s->width, n * s->width);
    if (s->which < 0)
        return MERX_OK;
    const name_map *map = &m->names[s->which];
    int32_t *codes = out;
    int32_t low = 0, high = -1;
    for (size_t i = 0; i < n; i++) {
        low = codes[i] < low ? codes[i] : low;
        high = codes[i] > high ? codes[i] : high;
    }
    if (low < -1 || high >= (int64_t)map->old_n)
        return corrupt(err);
    for (size_t i = 0; !map->same && i < n; i++)
        codes[i] = codes[i] < 0 ? -1 : map->place[codes[i]];
    return MERX_OK;
}

static void copy_row(const stream *s, const mx_event_row *row, void *out)
{
    const mx_snapshot *old = s->m->old;
    const void *from = s->which >= 0              ? (const void *)&row->name[s->which]
                       : s->from == old->time_ms  ? (const void *)&row->time_ms
                       : s->from == old->quantity ? (const void *)&row->quantity
                       : s->from == old->kind     ? (const void *)&row->kind
                                                  : (const void *)&row->price;
    memcpy(out, from, s->width);
}

/* A column: old events with the rows of the tail among them. */
static merx_status make_column(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    stream *s = context;
    const mx_merging *m = s->m;
    char *out = buffer;
    if (first == 0)
        s->old_at = s->row_at = s->gone_at = 0;
    for (uint64_t left = n; left > 0;) {
        size_t stop = s->row_at < m->rows ? (size_t)m->before[s->row_at] : m->old->events;
        bool ends_gone = s->gone_at < m->n_gone && (size_t)m->gone[s->gone_at] < stop;
        size_t run = (ends_gone ? (size_t)m->gone[s->gone_at] : stop) - s->old_at;
        run = run < left ? run : (size_t)left;
        if (run > 0) {
            MX_TRY(copy_old(s, out, run, err));
            s->old_at += run;
        } else if (ends_gone) {
            s->old_at++;
            s->gone_at++;
        } else {
            copy_row(s, &m->row[s->row_at++], out);
            run = 1;
        }
        out += run * s->width;
        left -= run;
    }
    if (first + n == m->events)
        let_pages_go(s->from, m->old->events * s->width);
    return MERX_OK;
}

static merx_status make_offsets(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    stream *s = context;
    int64_t *out = buffer;
    mx_str text;
    (void)err;
    if (first == 0) {
        walk_begin(&s->walk, &s->m->names[s->which]);
        s->offset = 0;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (first + i > 0 && walk_next(&s->walk, &text))
            s->offset += (int64_t)text.size;
        out[i] = s->offset;
    }
    return MERX_OK;
}

static merx_status make_bytes(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    stream *s = context;
    char *out = buffer;
    (void)err;
    if (first == 0) {
        walk_begin(&s->walk, &s->m->names[s->which]);
        s->text = MX_STR("");
    }
    while (n > 0) {
        if (s->text.size == 0 && !walk_next(&s->walk, &s->text))
            break;
        size_t now = s->text.size < n ? s->text.size : (size_t)n;
        memcpy(out, s->text.data, now);
        s->text = (mx_str){s->text.data + now, s->text.size - now};
        out += now;
        n -= now;
    }
    return MERX_OK;
}

/* The next group of a list by customer or session. */
static merx_status next_group(stream *s, int32_t *group, merx_error *err)
{
    mx_str text;
    *group += walk_next(&s->walk, &text);
    return old_part(s->index, s->walk.old, &s->list_at, &s->list_end, err);
}

/* The place of the next old event of the group; -1: there is none. */
static merx_status next_old(stream *s, int32_t *place, merx_error *err)
{
    *place = -1;
    for (; s->list_at < s->list_end; s->list_at++) {
        int32_t event = s->index->events[s->list_at];
        if (event < 0 || (size_t)event >= s->m->old->events)
            return corrupt(err);
        *place = s->m->moved[event];
        if (*place >= 0)
            return MERX_OK;
    }
    return MERX_OK;
}

static merx_status make_starts(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    stream *s = context;
    const mx_merging *m = s->m;
    int32_t *out = buffer;
    int32_t group = (int32_t)first - 2;
    if (first == 0) {
        walk_begin(&s->walk, &m->names[s->which]);
        s->row_at = 0;
        s->total = 0;
        group = -1;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (first + i > 0) {
            MX_TRY(next_group(s, &group, err));
            s->total += m->n_gone == 0 ? s->list_end - s->list_at : 0;
            for (int32_t place = 0; m->n_gone > 0 && place >= 0; s->list_at++) {
                MX_TRY(next_old(s, &place, err));
                s->total += place >= 0;
            }
            for (; s->row_at < s->n_rows && m->row[s->rows[s->row_at]].name[s->which] == group; s->row_at++)
                s->total++;
        }
        out[i] = s->total;
    }
    return MERX_OK;
}

static merx_status make_list(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    stream *s = context;
    const mx_merging *m = s->m;
    int32_t *out = buffer;
    if (first == 0) {
        walk_begin(&s->walk, &m->names[s->which]);
        s->row_at = 0;
        s->list_at = s->list_end = 0;
        s->total = -1; /* the group */
    }
    for (uint64_t i = 0; i < n;) {
        int32_t old;
        MX_TRY(next_old(s, &old, err));
        bool has_row = s->row_at < s->n_rows && s->total >= 0 && m->row[s->rows[s->row_at]].name[s->which] == s->total;
        int32_t row = has_row ? m->row_place[s->rows[s->row_at]] : -1;
        if (old < 0 && row < 0) {
            if (s->total + 1 >= (int32_t)m->names[s->which].n)
                return corrupt(err);
            MX_TRY(next_group(s, &s->total, err));
        } else if (row < 0 || (old >= 0 && old < row)) {
            out[i++] = old;
            s->list_at++;
        } else {
            out[i++] = row;
            s->row_at++;
        }
    }
    if (s->total + 1 == (int32_t)m->names[s->which].n)
        let_pages_go(s->index->events, s->index->listed * sizeof *s->index->events);
    return MERX_OK;
}

/* ---- the file ---- */

static stream *add_stream(mx_merging *m, int which)
{
    stream *s = &m->streams[m->n_streams++];
    s->m = m;
    s->which = which;
    return s;
}

static merx_status add_column(mx_merging *m, const char *name, mx_dtype dtype, int which, const void *from,
                              merx_error *err)
{
    stream *s = add_stream(m, which);
    s->from = from;
    s->width = mx_dtype_size(dtype);
    return mx_tensor_writer_made(m->writer, name, dtype, m->events, make_column, s, err);
}

static merx_status add_columns(mx_merging *m, merx_error *err)
{
    const mx_snapshot *s = m->old;
    MX_TRY(add_column(m, "time_ms", MX_I64, -1, s->time_ms, err));
    MX_TRY(add_column(m, "kind", MX_U8, -1, s->kind, err));
    MX_TRY(add_column(m, "product", MX_I32, PRODUCT, s->product, err));
    MX_TRY(add_column(m, "customer", MX_I32, CUSTOMER, s->customer, err));
    MX_TRY(add_column(m, "order", MX_I32, ORDER, s->order, err));
    MX_TRY(add_column(m, "session", MX_I32, SESSION, s->session, err));
    MX_TRY(add_column(m, "country", MX_I32, COUNTRY, s->country, err));
    MX_TRY(add_column(m, "title", MX_I32, TITLE, s->memory->title, err));
    MX_TRY(add_column(m, "quantity", MX_I64, -1, s->quantity, err));
    return add_column(m, "price_minor", MX_I64, -1, s->price_minor, err);
}

static merx_status add_names(mx_merging *m, mx_arena *arena, int which, merx_error *err)
{
    const name_map *map = &m->names[which];
    const char *offsets = mx_arena_printf(arena, err, "%s.offsets", mx_snapshot_names[which]);
    const char *bytes = mx_arena_printf(arena, err, "%s.bytes", mx_snapshot_names[which]);
    if (!offsets || !bytes)
        return MERX_E_MEMORY;
    MX_TRY(mx_tensor_writer_made(m->writer, offsets, MX_I64, map->n + 1, make_offsets, add_stream(m, which), err));
    return mx_tensor_writer_made(m->writer, bytes, MX_U8, map->bytes, make_bytes, add_stream(m, which), err);
}

static merx_status add_index(mx_merging *m, int which, const char *starts, const char *events,
                             const mx_event_index *index, const uint32_t *rows, size_t n_rows, merx_error *err)
{
    size_t listed = index->listed + n_rows;
    for (size_t g = 0; g < m->n_gone; g++)
        listed -= which == CUSTOMER || m->old->session[m->gone[g]] >= 0;
    for (int k = 0; k < 2; k++) {
        stream *s = add_stream(m, which);
        s->index = index;
        s->rows = rows;
        s->n_rows = n_rows;
        if (k == 0)
            MX_TRY(mx_tensor_writer_made(m->writer, starts, MX_I32, m->names[which].n + 1, make_starts, s, err));
        else
            MX_TRY(mx_tensor_writer_made(m->writer, events, MX_I32, listed, make_list, s, err));
    }
    return MERX_OK;
}

/* In the order of snapshot_build.c. */
static merx_status add_all(mx_merging *m, mx_arena *arena, merx_error *err)
{
    mx_tensor_writer *w = m->writer;
    const struct mx_snapshot_memory *old = m->old->memory;
    size_t products = m->names[PRODUCT].n, customers = m->names[CUSTOMER].n;
    MX_TRY(mx_snapshot_write_meta(&m->b, w, m->old->decimals, err));
    MX_TRY(add_columns(m, err));
    for (int which = 0; which < NAMES; which++)
        MX_TRY(add_names(m, arena, which, err));
    MX_TRY(mx_tensor_writer_strings(w, "product_title", m->title, products, err));
    MX_TRY(mx_tensor_writer_vector(w, "product_service", MX_U8, products, m->service, err));
    MX_TRY(mx_tensor_writer_vector(w, "product_category", MX_I32, products, m->category, err));
    MX_TRY(mx_tensor_writer_vector(w, "product_price_minor", MX_I64, products, m->price, err));
    MX_TRY(mx_tensor_writer_vector(w, "product_price_event", MX_I32, products, m->price_event, err));
    MX_TRY(mx_tensor_writer_vector(w, "product_said", MX_U8, products, m->said, err));
    MX_TRY(add_index(m, CUSTOMER, "customer_starts", "customer_events", &old->by_customer, m->by_customer,
                     m->n_by_customer, err));
    MX_TRY(add_index(m, SESSION, "session_starts", "session_events", &old->by_session, m->by_session, m->n_by_session,
                     err));
    MX_TRY(mx_tensor_writer_vector(w, "customer_country", MX_I32, customers, m->country, err));
    MX_TRY(mx_tensor_writer_vector(w, "customer_said", MX_U8, customers, m->customer_said, err));
    static const char *const said[] = {"said_product", "said_title", "said_count"};
    for (int k = 0; k < 3; k++)
        MX_TRY(mx_tensor_writer_vector(w, said[k], MX_I32, m->n_counts, m->count_column[k], err));
    return mx_tensor_writer_digest(w, err);
}

/* ---- all of it ---- */

static merx_status check_decimals(mx_merging *m, merx_error *err)
{
    const mx_shop_settings *settings = m->b.settings;
    bool may_change = settings->decimals > settings->decimals_least;
    bool fits = settings->decimals >= m->old->decimals && !(may_change && (m->things || m->without >= 0));
    m->unit = 1;
    for (int d = m->old->decimals; fits && d < settings->decimals; d++)
        m->unit *= 10;
    if (m->unit > 1 && !may_change)
        fits = false;
    for (size_t i = 0; fits && i < m->b.rows.count; i++)
        fits = MX_VEC_AT(&m->b.rows, mx_event_row, i).price % m->unit == 0;
    if (!fits)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "the decimals of amounts may be others now");
    return MERX_OK;
}

static merx_status prepare(mx_merging *m, mx_records *records, mx_arena *arena, merx_error *err)
{
    if (m->without >= 0) {
        int32_t first, end;
        MX_TRY(old_part(&m->old->memory->by_customer, m->without, &first, &end, err));
        m->gone = m->old->memory->by_customer.events + first;
        m->n_gone = (size_t)(end - first);
        for (size_t g = 0; g < m->n_gone; g++)
            if (m->gone[g] < 0 || (size_t)m->gone[g] >= m->old->events || (g > 0 && m->gone[g] <= m->gone[g - 1]))
                return corrupt(err);
    }
    MX_TRY(mx_builder_take_events(&m->b, records, m->old->offset, err));
    if (m->things)
        MX_TRY(mx_builder_take_things(&m->b, records, err));
    MX_TRY(check_decimals(m, err));
    MX_TRY(own_rows(m, records, err));
    MX_TRY(place_names(m, err));
    MX_TRY(place_rows(m, err));
    MX_TRY(place_events(m, err));
    MX_TRY(group_rows(m, CUSTOMER, &m->by_customer, &m->n_by_customer, err));
    MX_TRY(group_rows(m, SESSION, &m->by_session, &m->n_by_session, err));
    MX_TRY(describe_products(m, err));
    MX_TRY(describe_customers(m, err));
    MX_TRY(mx_tensor_writer_new(m->b.alloc, &m->writer, err));
    return add_all(m, arena, err);
}

merx_status mx_merging_new(mx_records *records, const mx_snapshot *old, int32_t without, bool things,
                           const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                           merx_task *task, mx_merging **out, merx_error *err)
{
    mx_merging *m;
    mx_arena arena;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &m, "new snapshot", err));
    mx_arena_init(&arena, alloc);
    m->old = old;
    m->without = without;
    m->things = things;
    m->counts = mx_vec_init(alloc, sizeof(mx_title_count), INT32_MAX, "titles of products");
    merx_status status = mx_builder_init(&m->b, settings, alloc, task, err);
    m->b.offset = last_offset;
    if (status == MERX_OK)
        status = prepare(m, records, &arena, err);
    mx_arena_release(&arena);
    if (status == MERX_OK)
        *out = m;
    else
        mx_merging_free(m);
    return status;
}

void mx_merging_free(mx_merging *m)
{
    if (!m)
        return;
    const merx_allocator *alloc = m->b.alloc;
    size_t products = m->names[PRODUCT].n, customers = m->names[CUSTOMER].n;
    mx_tensor_writer_free(m->writer);
    MX_FREE_ARRAY(alloc, m->before, m->rows);
    MX_FREE_ARRAY(alloc, m->row_place, m->rows);
    MX_FREE_ARRAY(alloc, m->by_customer, m->rows);
    MX_FREE_ARRAY(alloc, m->by_session, m->rows);
    MX_FREE_ARRAY(alloc, m->moved, m->old->events);
    MX_FREE_ARRAY(alloc, m->title_text, m->names[TITLE].n);
    MX_FREE_ARRAY(alloc, m->title, products);
    MX_FREE_ARRAY(alloc, m->service, products);
    MX_FREE_ARRAY(alloc, m->said, products);
    MX_FREE_ARRAY(alloc, m->category, products);
    MX_FREE_ARRAY(alloc, m->price, products);
    MX_FREE_ARRAY(alloc, m->price_event, products);
    MX_FREE_ARRAY(alloc, m->country, customers);
    MX_FREE_ARRAY(alloc, m->customer_said, customers);
    for (int k = 0; k < 3; k++)
        MX_FREE_ARRAY(alloc, m->count_column[k], m->n_counts);
    mx_vec_release(&m->counts);
    for (int which = 0; which < NAMES; which++) {
        MX_FREE_ARRAY(alloc, m->names[which].place, m->names[which].old_n);
        MX_FREE_ARRAY(alloc, m->names[which].fresh_place, m->names[which].fresh_n);
    }
    mx_builder_release(&m->b);
    MX_FREE_ARRAY(alloc, m, 1);
}

merx_status mx_merging_write(void *merging, mx_tensor_put_fn put, void *sink, merx_error *err)
{
    mx_merging *m = merging;
    return mx_tensor_writer_stream(m->writer, put, sink, err);
}

merx_status mx_merging_bytes(mx_merging *merging, unsigned char **data, size_t *size, merx_error *err)
{
    return mx_tensor_writer_bytes(merging->writer, data, size, err);
}
