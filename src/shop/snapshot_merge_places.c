/*
 * Merging: places of names, of the tail's rows and of events.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "shop/snapshot_merge_parts.h"

merx_status mx_merging_corrupt(merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, MX_SNAPSHOT_BLOB, "a column of events is damaged");
}

merx_status mx_merging_old_part(const mx_event_index *index, int32_t group, int32_t *first, int32_t *end,
                                merx_error *err)
{
    *first = *end = 0;
    if (group < 0)
        return MERX_OK;
    *first = index->starts[group];
    *end = index->starts[group + 1];
    return *first < 0 || *end < *first || (size_t)*end > index->listed ? mx_merging_corrupt(err) : MERX_OK;
}

/* ---- names ---- */

void mx_name_walk_begin(mx_name_walk *w, const mx_name_map *map)
{
    *w = (mx_name_walk){.map = map};
}

bool mx_name_walk_next(mx_name_walk *w, mx_str *text)
{
    const mx_name_map *map = w->map;
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
    mx_name_map *map = &m->names[which];
    MX_TRY(mx_builder_rank(&m->b, which, err));
    *map = (mx_name_map){.old = old, .old_n = old_n, .fresh = m->b.sorted[which], .fresh_n = m->b.count[which]};
    MX_TRY(mx_alloc_array_raw(m->b.alloc, old_n, sizeof *map->place, "names", &map->place, err));
    MX_TRY(mx_alloc_array_raw(m->b.alloc, map->fresh_n, sizeof *map->fresh_place, "names", &map->fresh_place, err));
    size_t i = 0, j = 0;
    map->same = true;
    while (i < old_n || j < map->fresh_n) {
        int order = i == old_n ? 1 : j == map->fresh_n ? -1 : mx_str_compare(old[i], map->fresh[j]);
        if (order < 0 && used && !used[i]) {
            map->place[i++] = -(int32_t)map->n - 2;
            map->same = false; /* also where a new name makes up for it */
            continue;
        }
        map->bytes += order <= 0 ? old[i].size : map->fresh[j].size;
        if (order <= 0)
            map->place[i++] = (int32_t)map->n;
        if (order >= 0)
            map->fresh_place[j++] = (int32_t)map->n;
        map->n++;
    }
    map->same = map->same && map->n == old_n;
    return MERX_OK;
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
            return mx_merging_corrupt(err);
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
    const mx_name_map *map = &m->names[which];
    if (code < -1 || code >= (int64_t)map->old_n)
        return mx_merging_corrupt(err);
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
            m->row[i].name[which] = mx_fresh_place(m, which, m->row[i].name[which]);
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

merx_status mx_merging_place(mx_merging *m, mx_records *records, merx_error *err)
{
    MX_TRY(own_rows(m, records, err));
    MX_TRY(place_names(m, err));
    MX_TRY(place_rows(m, err));
    MX_TRY(place_events(m, err));
    MX_TRY(group_rows(m, CUSTOMER, &m->by_customer, &m->n_by_customer, err));
    return group_rows(m, SESSION, &m->by_session, &m->n_by_session, err);
}
