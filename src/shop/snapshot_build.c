/*
 * Building a snapshot: rows gathered with names numbered in order of sight, then everything renumbered, sorted and written in its canonical order.
 *
 * Rows come from the records, or from an older snapshot followed by the tail of the log; what is written is the same. Every name that is written is used by a row or a thing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"
#include "base/sort.h"
#include "shop/snapshot_rows.h"

typedef mx_builder builder;

const char *const mx_snapshot_names[NAMES] = {"product_id",   "customer_id", "order_id",     "session_id",
                                              "country_name", "title_text",  "category_name"};

/* ---- gathering ---- */

static merx_status name_code(builder *b, int which, mx_str text, int32_t *code, merx_error *err)
{
    *code = -1;
    if (text.size == 0)
        return MERX_OK;
    if (which < EVENT_NAMES && mx_str_equal(text, b->last[which])) {
        *code = b->last_code[which];
        return MERX_OK;
    }
    MX_TRY(mx_dict_add(b->names[which], text, code, NULL, err));
    if (which < EVENT_NAMES) {
        b->last[which] = mx_dict_get(b->names[which], *code);
        b->last_code[which] = *code;
    }
    return MERX_OK;
}

static merx_status take_event(void *context, const mx_record *record, merx_error *err)
{
    builder *b = context;
    const mx_event *event = &record->event;
    const mx_str texts[EVENT_NAMES] = {event->product, event->customer, event->order,
                                       event->session, event->country,  event->title};
    mx_event_row *row;

    MX_TRY(mx_vec_push(&b->rows, 1, &row, err));
    row->time_ms = event->time_ms + b->settings->zone_ms;
    row->quantity = event->quantity;
    row->price = event->has_price ? event->price_minor : 0;
    row->kind = (uint8_t)event->kind;
    for (int i = 0; i < EVENT_NAMES; i++)
        MX_TRY(name_code(b, i, texts[i], &row->name[i], err));
    if (event->offset > b->offset)
        b->offset = event->offset;
    return b->rows.count % 65536 == 0 ? mx_task_step(b->task, b->rows.count, err) : MERX_OK;
}

static merx_status take_product(void *context, const mx_record *record, merx_error *err)
{
    builder *b = context;
    const mx_product *product = &record->product;
    mx_product_row row = {
        .price = product->price_minor, .has_price = product->has_price, .service = product->service, .title = -1};

    MX_TRY(name_code(b, PRODUCT, product->id, &row.code, err));
    MX_TRY(name_code(b, CATEGORY, product->category, &row.category, err));
    if (product->title.size > 0)
        MX_TRY(mx_dict_add(b->catalogue_titles, product->title, &row.title, NULL, err));
    return mx_vec_append(&b->products, &row, 1, err);
}

static merx_status take_customer(void *context, const mx_record *record, merx_error *err)
{
    builder *b = context;
    mx_pair_row row;
    MX_TRY(name_code(b, CUSTOMER, record->customer.id, &row.code, err));
    MX_TRY(name_code(b, COUNTRY, record->customer.country, &row.other, err));
    return mx_vec_append(&b->customers, &row, 1, err);
}

static merx_status take_order(void *context, const mx_record *record, merx_error *err)
{
    builder *b = context;
    mx_pair_row row;
    MX_TRY(name_code(b, ORDER, record->order.id, &row.code, err));
    MX_TRY(name_code(b, CUSTOMER, record->order.customer, &row.other, err));
    return row.other < 0 ? MERX_OK : mx_vec_append(&b->orders, &row, 1, err);
}

/* The code of an old name, given when a row that stays uses it first. */
static merx_status old_code(builder *b, int which, const mx_str *names, int32_t *codes, int32_t place, int32_t *out,
                            merx_error *err)
{
    *out = -1;
    if (place < 0)
        return MERX_OK;
    if (codes[place] < 0)
        MX_TRY(mx_dict_add(b->names[which], names[place], &codes[place], NULL, err));
    *out = codes[place];
    return MERX_OK;
}

/* An older snapshot as rows, its amounts at the store's decimals again. Its things come from the records. */
static merx_status take_old(builder *b, const mx_snapshot *old, int32_t without, merx_error *err)
{
    const struct mx_snapshot_memory *memory = old->memory;
    const mx_str *const names[EVENT_NAMES] = {old->product_id, old->customer_id,  old->order_id,
                                              old->session_id, old->country_name, memory->titles};
    const int32_t *const columns[EVENT_NAMES] = {old->product, old->customer, old->order,
                                                 old->session, old->country,  memory->title};
    const size_t counts[EVENT_NAMES] = {old->products, old->customers, old->orders,
                                        old->sessions, old->countries, memory->n_titles};
    int32_t *codes[EVENT_NAMES] = {NULL};
    merx_status status = MERX_OK;
    int64_t scale = 1;

    for (int d = old->decimals; d < b->settings->decimals; d++)
        scale *= 10;
    for (int which = 0; which < EVENT_NAMES; which++) {
        MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, counts[which], sizeof **codes, "names", &codes[which], err));
        for (size_t i = 0; i < counts[which]; i++)
            codes[which][i] = -1;
    }
    for (size_t i = 0; i < old->events; i++) {
        mx_event_row *row;
        if (without >= 0 && old->customer[i] == without)
            continue;
        MX_TRY_GOTO(mx_vec_push(&b->rows, 1, &row, err));
        *row = (mx_event_row){.time_ms = old->time_ms[i],
                              .quantity = old->quantity[i],
                              .price = old->price_minor[i] * scale,
                              .kind = old->kind[i]};
        for (int which = 0; which < EVENT_NAMES; which++)
            MX_TRY_GOTO(old_code(b, which, names[which], codes[which], columns[which][i], &row->name[which], err));
    }
    b->offset = old->offset;
out:
    for (int which = 0; which < EVENT_NAMES; which++)
        MX_FREE_ARRAY(b->alloc, codes[which], counts[which]);
    return status;
}

/* ---- renumbering and sorting ---- */

static int compare_names(const void *a, const void *b, void *dict)
{
    return mx_str_compare(mx_dict_get(dict, *(const int32_t *)a), mx_dict_get(dict, *(const int32_t *)b));
}

merx_status mx_builder_rank(builder *b, int which, merx_error *err)
{
    size_t n = mx_dict_count(b->names[which]);
    int32_t *codes = NULL;

    b->count[which] = n;
    MX_TRY(mx_alloc_array_raw(b->alloc, n, sizeof *codes, "snapshot names", &codes, err));
    merx_status status =
        mx_alloc_array_raw(b->alloc, n, sizeof *b->rank[which], "snapshot names", &b->rank[which], err);
    if (status == MERX_OK)
        status = mx_alloc_array_raw(b->alloc, n, sizeof *b->sorted[which], "snapshot names", &b->sorted[which], err);
    if (status == MERX_OK) {
        for (size_t i = 0; i < n; i++)
            codes[i] = (int32_t)i;
        if (n > 1)
            qsort_r(codes, n, sizeof *codes, compare_names, b->names[which]);
        for (size_t i = 0; i < n; i++) {
            b->rank[which][codes[i]] = (int32_t)i;
            b->sorted[which][i] = mx_dict_get(b->names[which], codes[i]);
        }
    }
    MX_FREE_ARRAY(b->alloc, codes, n);
    return status;
}

static int32_t ranked(const builder *b, int which, int32_t code)
{
    return code < 0 ? -1 : b->rank[which][code];
}

/* The rest of the canonical order, among events of one time. */
static int compare_rows(const void *a, const void *b, void *context)
{
    const mx_event_row *rows = context;
    const mx_event_row *x = &rows[((const mx_keyed *)a)->row];
    const mx_event_row *y = &rows[((const mx_keyed *)b)->row];
#define BY(field)                                                                                                      \
    if (x->field != y->field)                                                                                          \
    return x->field < y->field ? -1 : 1
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

/* Rows of an older snapshot come in their order. */
static bool is_sorted(const builder *b)
{
    const mx_event_row *rows = b->rows.data;
    for (size_t i = 1; i < b->rows.count; i++) {
        const mx_keyed before = {0, (uint32_t)(i - 1)};
        const mx_keyed here = {0, (uint32_t)i};
        if (rows[i - 1].time_ms > rows[i].time_ms ||
            (rows[i - 1].time_ms == rows[i].time_ms && compare_rows(&before, &here, b->rows.data) > 0))
            return false;
    }
    return true;
}

static merx_status sort_rows(builder *b, merx_error *err)
{
    merx_status status = MERX_OK;
    size_t n = b->rows.count;
    const mx_event_row *rows = b->rows.data;
    mx_keyed *keys = NULL;
    mx_keyed *spare = NULL;

    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, n, sizeof *b->order, "order of events", &b->order, err));
    if (is_sorted(b)) {
        for (size_t i = 0; i < n; i++)
            b->order[i] = (uint32_t)i;
        return MERX_OK;
    }
    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, n, sizeof *keys, "order of events", &keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, n, sizeof *spare, "order of events", &spare, err));
    for (size_t i = 0; i < n; i++)
        keys[i] = (mx_keyed){(uint64_t)rows[i].time_ms ^ (UINT64_C(1) << 63), (uint32_t)i};
    mx_keyed *sorted = mx_sort_keyed(keys, spare, n);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && sorted[end].key == sorted[first].key; end++)
            ;
        if (end - first > 1)
            qsort_r(sorted + first, end - first, sizeof *sorted, compare_rows, b->rows.data);
    }
    for (size_t i = 0; i < n; i++)
        b->order[i] = sorted[i].row;
out:
    MX_FREE_ARRAY(b->alloc, keys, n);
    MX_FREE_ARRAY(b->alloc, spare, n);
    return status;
}

/* Rows and things speak in places from here on; a row without a customer takes its order's. */
static merx_status renumber(builder *b, merx_error *err)
{
    int32_t *owner = NULL;

    for (int which = 0; which < NAMES; which++)
        MX_TRY(mx_builder_rank(b, which, err));
    MX_TRY(mx_alloc_array_raw(b->alloc, b->count[ORDER], sizeof *owner, "customers of orders", &owner, err));
    for (size_t i = 0; i < b->count[ORDER]; i++)
        owner[i] = -1;
    for (size_t i = 0; i < b->orders.count; i++) {
        const mx_pair_row *row = &MX_VEC_AT(&b->orders, mx_pair_row, i);
        owner[ranked(b, ORDER, row->code)] = ranked(b, CUSTOMER, row->other);
    }
    for (size_t i = 0; i < b->rows.count; i++) {
        mx_event_row *row = &MX_VEC_AT(&b->rows, mx_event_row, i);
        for (int which = 0; which < EVENT_NAMES; which++)
            row->name[which] = ranked(b, which, row->name[which]);
        if (row->name[CUSTOMER] < 0 && row->name[ORDER] >= 0)
            row->name[CUSTOMER] = owner[row->name[ORDER]];
    }
    MX_FREE_ARRAY(b->alloc, owner, b->count[ORDER]);
    return MERX_OK;
}

/* ---- what is said of things ---- */

/*
 * For each place of `which`, the most frequent `other` of its rows (ties: the lowest): best (count[which]), -1 where there is none.
 * counts: each pair and how often it is there (mx_title_count); NULL: not asked for.
 */
static merx_status most_frequent(builder *b, int which, int other, int32_t *best, mx_vec *counts, merx_error *err)
{
    merx_status status = MERX_OK;
    size_t n = b->rows.count;
    size_t m = 0;
    mx_keyed *keys = NULL;
    mx_keyed *spare = NULL;

    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, n, sizeof *keys, "names of events", &keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(b->alloc, n, sizeof *spare, "names of events", &spare, err));
    for (size_t i = 0; i < n; i++) {
        const mx_event_row *row = &MX_VEC_AT(&b->rows, mx_event_row, i);
        if (row->name[which] >= 0 && row->name[other] >= 0)
            keys[m++] = (mx_keyed){(uint64_t)row->name[which] << 32 | (uint32_t)row->name[other], 0};
    }
    for (size_t i = 0; i < b->count[which]; i++)
        best[i] = -1;
    const mx_keyed *sorted = mx_sort_keyed(keys, spare, m);
    size_t most = 0;
    for (size_t first = 0, end; first < m; first = end) {
        for (end = first + 1; end < m && sorted[end].key == sorted[first].key; end++)
            ;
        size_t place = sorted[first].key >> 32;
        if (best[place] < 0 || end - first > most) {
            best[place] = (int32_t)(sorted[first].key & UINT32_MAX);
            most = end - first;
        }
        if (counts) {
            mx_title_count said = {(int32_t)place, (int32_t)(sorted[first].key & UINT32_MAX), (int32_t)(end - first)};
            MX_TRY_GOTO(mx_vec_append(counts, &said, 1, err));
        }
    }
out:
    MX_FREE_ARRAY(b->alloc, keys, n);
    MX_FREE_ARRAY(b->alloc, spare, n);
    return status;
}

/* The columns of things, by place. */
typedef struct things {
    mx_str *title;
    uint8_t *service;
    int32_t *category, *country;
    int64_t *price;
    int32_t *price_event;   /* the last event that names a price; -1: none does */
    uint8_t *said;          /* MX_SAID_*: what the record says */
    uint8_t *customer_said; /* 1: the record says the country */
} things;

static merx_status describe_products(builder *b, things *t, merx_error *err)
{
    size_t n = b->count[PRODUCT];
    int32_t *best = NULL;

    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->title, "titles", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->service, "services", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->category, "categories", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->price, "prices", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->price_event, "prices", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &t->said, "what records say", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, n, &best, "titles", err));
    merx_status status = most_frequent(b, PRODUCT, TITLE, best, &b->said, err);
    for (size_t i = 0; status == MERX_OK && i < n; i++) {
        t->title[i] = best[i] < 0 ? MX_STR("") : b->sorted[TITLE][best[i]];
        t->service[i] = mx_is_service(b->settings->services, b->sorted[PRODUCT][i]);
        t->category[i] = t->price_event[i] = -1;
    }
    MX_FREE_ARRAY(b->alloc, best, n);
    MX_TRY(status);
    for (size_t i = 0; i < b->rows.count; i++) {
        const mx_event_row *row = &MX_VEC_AT(&b->rows, mx_event_row, b->order[i]);
        if (row->name[PRODUCT] >= 0 && row->price > 0) {
            t->price[row->name[PRODUCT]] = row->price;
            t->price_event[row->name[PRODUCT]] = (int32_t)i;
        }
    }
    for (size_t i = 0; i < b->products.count; i++) {
        const mx_product_row *row = &MX_VEC_AT(&b->products, mx_product_row, i);
        int32_t place = ranked(b, PRODUCT, row->code);
        if (row->title >= 0)
            t->title[place] = mx_dict_get(b->catalogue_titles, row->title);
        t->said[place] = (uint8_t)((row->title >= 0 ? MX_SAID_TITLE : 0) | (row->has_price ? MX_SAID_PRICE : 0));
        if (row->service)
            t->service[place] = 1;
        if (row->has_price)
            t->price[place] = row->price;
        t->category[place] = ranked(b, CATEGORY, row->category);
    }
    return MERX_OK;
}

static merx_status describe_customers(builder *b, things *t, merx_error *err)
{
    MX_TRY(MX_NEW_ARRAY(b->alloc, b->count[CUSTOMER], &t->country, "countries of customers", err));
    MX_TRY(MX_NEW_ARRAY(b->alloc, b->count[CUSTOMER], &t->customer_said, "countries of customers", err));
    MX_TRY(most_frequent(b, CUSTOMER, COUNTRY, t->country, NULL, err));
    for (size_t i = 0; i < b->customers.count; i++) {
        const mx_pair_row *row = &MX_VEC_AT(&b->customers, mx_pair_row, i);
        if (row->other >= 0) {
            t->country[ranked(b, CUSTOMER, row->code)] = ranked(b, COUNTRY, row->other);
            t->customer_said[ranked(b, CUSTOMER, row->code)] = 1;
        }
    }
    return MERX_OK;
}

/* Decimals beyond the least that no amount needs: the contents must not tell of amounts that are gone. */
static int spare_decimals(const builder *b, const things *t)
{
    int spare = b->settings->decimals - b->settings->decimals_least;
    for (; spare > 0; spare--) {
        int64_t unit = 1;
        bool whole = true;
        for (int i = 0; i < spare; i++)
            unit *= 10;
        for (size_t i = 0; whole && i < b->rows.count; i++)
            whole = MX_VEC_AT(&b->rows, mx_event_row, i).price % unit == 0;
        for (size_t i = 0; whole && i < b->count[PRODUCT]; i++)
            whole = t->price[i] % unit == 0;
        if (whole)
            break;
    }
    return spare > 0 ? spare : 0;
}

static void drop_decimals(builder *b, things *t, int spare)
{
    int64_t unit = 1;
    for (int i = 0; i < spare; i++)
        unit *= 10;
    if (unit == 1)
        return;
    for (size_t i = 0; i < b->rows.count; i++)
        MX_VEC_AT(&b->rows, mx_event_row, i).price /= unit;
    for (size_t i = 0; i < b->count[PRODUCT]; i++)
        t->price[i] /= unit;
}

/* ---- writing ---- */

/* The columns of events live here until the writer is done. */
typedef struct columns {
    int64_t *time_ms, *quantity, *price;
    uint8_t *kind;
    int32_t *name[EVENT_NAMES];
    mx_event_index by_customer, by_session;
} columns;

static merx_status fill_columns(const builder *b, mx_arena *arena, columns *c, merx_error *err)
{
    size_t n = b->rows.count;
    if (n == 0)
        return MERX_OK;
    c->time_ms = mx_arena_array(arena, n, sizeof *c->time_ms, err);
    c->quantity = mx_arena_array(arena, n, sizeof *c->quantity, err);
    c->price = mx_arena_array(arena, n, sizeof *c->price, err);
    c->kind = mx_arena_array(arena, n, 1, err);
    if (!c->time_ms || !c->quantity || !c->price || !c->kind)
        return MERX_E_MEMORY;
    for (int which = 0; which < EVENT_NAMES; which++) {
        c->name[which] = mx_arena_array(arena, n, sizeof *c->name[which], err);
        if (!c->name[which])
            return MERX_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        const mx_event_row *row = &MX_VEC_AT(&b->rows, mx_event_row, b->order[i]);
        c->time_ms[i] = row->time_ms;
        c->quantity[i] = row->quantity;
        c->price[i] = row->price;
        c->kind[i] = row->kind;
        for (int which = 0; which < EVENT_NAMES; which++)
            c->name[which][i] = row->name[which];
    }
    return MERX_OK;
}

static merx_status fill_indexes(const builder *b, columns *c, merx_error *err)
{
    MX_TRY(mx_event_index_build(c->name[CUSTOMER], b->events, b->count[CUSTOMER], b->alloc, &c->by_customer, err));
    return mx_event_index_build(c->name[SESSION], b->events, b->count[SESSION], b->alloc, &c->by_session, err);
}

static merx_status write_index(mx_tensor_writer *writer, const char *starts, const char *events,
                               const mx_event_index *index, merx_error *err)
{
    MX_TRY(mx_tensor_writer_vector(writer, starts, MX_I32, index->groups + 1, index->starts, err));
    return mx_tensor_writer_vector(writer, events, MX_I32, index->listed, index->events, err);
}

/* Titles on event lines, as columns. */
static merx_status write_said(const builder *b, mx_arena *arena, mx_tensor_writer *writer, merx_error *err)
{
    static const char *const names[] = {"said_product", "said_title", "said_count"};
    size_t n = b->said.count;
    for (int k = 0; k < 3; k++) {
        int32_t *column = mx_arena_array(arena, n + 1, sizeof *column, err);
        if (!column)
            return MERX_E_MEMORY;
        for (size_t i = 0; i < n; i++) {
            const mx_title_count *said = &MX_VEC_AT(&b->said, mx_title_count, i);
            column[i] = k == 0 ? said->product : k == 1 ? said->title : said->count;
        }
        MX_TRY(mx_tensor_writer_vector(writer, names[k], MX_I32, n, column, err));
    }
    return MERX_OK;
}

merx_status mx_snapshot_write_meta(const builder *b, mx_tensor_writer *writer, int decimals, merx_error *err)
{
    char text[32];
    MX_TRY(mx_tensor_writer_meta(writer, "kind", "merx snapshot", err));
    MX_TRY(mx_tensor_writer_meta(writer, "layout", MX_SNAPSHOT_LAYOUT, err));
    MX_TRY(mx_tensor_writer_meta(writer, "currency", b->settings->currency, err));
#define META(key, value)                                                                                               \
    snprintf(text, sizeof text, "%" PRId64, (int64_t)(value));                                                         \
    MX_TRY(mx_tensor_writer_meta(writer, key, text, err))
    META("decimals", decimals);
    META("week_start", b->settings->week_start);
    META("zone_ms", b->settings->zone_ms);
    META("offset", b->offset);
    META("things_version", b->settings->things_version);
    META("log_version", b->settings->log_version);
#undef META
    return MERX_OK;
}

static merx_status write_tensors(const builder *b, const things *t, const columns *c, mx_tensor_writer *writer,
                                 merx_error *err)
{
    static const char *const columns_of[EVENT_NAMES] = {"product", "customer", "order", "session", "country", "title"};
    size_t n = b->events;

    MX_TRY(mx_tensor_writer_vector(writer, "time_ms", MX_I64, n, c->time_ms, err));
    MX_TRY(mx_tensor_writer_vector(writer, "kind", MX_U8, n, c->kind, err));
    for (int which = 0; which < EVENT_NAMES; which++)
        MX_TRY(mx_tensor_writer_vector(writer, columns_of[which], MX_I32, n, c->name[which], err));
    MX_TRY(mx_tensor_writer_vector(writer, "quantity", MX_I64, n, c->quantity, err));
    MX_TRY(mx_tensor_writer_vector(writer, "price_minor", MX_I64, n, c->price, err));
    for (int which = 0; which < NAMES; which++)
        MX_TRY(mx_tensor_writer_strings(writer, mx_snapshot_names[which], b->sorted[which], b->count[which], err));
    MX_TRY(mx_tensor_writer_strings(writer, "product_title", t->title, b->count[PRODUCT], err));
    MX_TRY(mx_tensor_writer_vector(writer, "product_service", MX_U8, b->count[PRODUCT], t->service, err));
    MX_TRY(mx_tensor_writer_vector(writer, "product_category", MX_I32, b->count[PRODUCT], t->category, err));
    MX_TRY(mx_tensor_writer_vector(writer, "product_price_minor", MX_I64, b->count[PRODUCT], t->price, err));
    MX_TRY(mx_tensor_writer_vector(writer, "product_price_event", MX_I32, b->count[PRODUCT], t->price_event, err));
    MX_TRY(mx_tensor_writer_vector(writer, "product_said", MX_U8, b->count[PRODUCT], t->said, err));
    MX_TRY(write_index(writer, "customer_starts", "customer_events", &c->by_customer, err));
    MX_TRY(write_index(writer, "session_starts", "session_events", &c->by_session, err));
    MX_TRY(mx_tensor_writer_vector(writer, "customer_country", MX_I32, b->count[CUSTOMER], t->country, err));
    return mx_tensor_writer_vector(writer, "customer_said", MX_U8, b->count[CUSTOMER], t->customer_said, err);
}

static merx_status finish(builder *b, unsigned char **bytes, size_t *size, merx_error *err)
{
    merx_status status = MERX_OK;
    things t = {0};
    columns c = {0};
    mx_arena arena;
    mx_tensor_writer *writer = NULL;
    unsigned char *inner = NULL;

    mx_arena_init(&arena, b->alloc);
    b->events = b->rows.count;
    MX_TRY_GOTO(renumber(b, err));
    MX_TRY_GOTO(sort_rows(b, err));
    MX_TRY_GOTO(describe_products(b, &t, err));
    MX_TRY_GOTO(describe_customers(b, &t, err));
    int spare = spare_decimals(b, &t);
    drop_decimals(b, &t, spare);
    MX_TRY_GOTO(fill_columns(b, &arena, &c, err));
    MX_TRY_GOTO(fill_indexes(b, &c, err));
    mx_vec_release(&b->rows); /* the columns say it now */
    MX_TRY_GOTO(mx_tensor_writer_new(b->alloc, &writer, err));
    MX_TRY_GOTO(mx_snapshot_write_meta(b, writer, b->settings->decimals - spare, err));
    MX_TRY_GOTO(write_tensors(b, &t, &c, writer, err));
    MX_TRY_GOTO(write_said(b, &arena, writer, err));
    MX_TRY_GOTO(mx_tensor_writer_digest(writer, err));
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, &inner, size, err));
    *bytes = inner;
out:
    mx_tensor_writer_free(writer);
    mx_arena_release(&arena);
    MX_FREE_ARRAY(b->alloc, t.title, b->count[PRODUCT]);
    MX_FREE_ARRAY(b->alloc, t.service, b->count[PRODUCT]);
    MX_FREE_ARRAY(b->alloc, t.category, b->count[PRODUCT]);
    MX_FREE_ARRAY(b->alloc, t.price, b->count[PRODUCT]);
    MX_FREE_ARRAY(b->alloc, t.price_event, b->count[PRODUCT]);
    MX_FREE_ARRAY(b->alloc, t.said, b->count[PRODUCT]);
    mx_event_index_release(&c.by_customer);
    mx_event_index_release(&c.by_session);
    MX_FREE_ARRAY(b->alloc, t.country, b->count[CUSTOMER]);
    MX_FREE_ARRAY(b->alloc, t.customer_said, b->count[CUSTOMER]);
    return status;
}

void mx_builder_release(builder *b)
{
    for (int which = 0; which < NAMES; which++) {
        mx_dict_free(b->names[which]);
        MX_FREE_ARRAY(b->alloc, b->rank[which], b->count[which]);
        MX_FREE_ARRAY(b->alloc, b->sorted[which], b->count[which]);
    }
    mx_dict_free(b->catalogue_titles);
    mx_vec_release(&b->rows);
    mx_vec_release(&b->products);
    mx_vec_release(&b->customers);
    mx_vec_release(&b->orders);
    mx_vec_release(&b->said);
    MX_FREE_ARRAY(b->alloc, b->order, b->events);
}

/* Bytes of workspace for one event at the peak: its row, its columns, the file, the sort. */
enum { EVENT_BYTES = 56 + 53 + 53 + 36 };

merx_status mx_builder_init(mx_builder *b, const mx_shop_settings *settings, const merx_allocator *alloc,
                            merx_task *task, merx_error *err)
{
    *b = (mx_builder){.alloc = alloc, .task = task, .settings = settings};
    b->rows = mx_vec_init(alloc, sizeof(mx_event_row), INT32_MAX, "events");
    b->products = mx_vec_init(alloc, sizeof(mx_product_row), INT32_MAX, "products");
    b->customers = mx_vec_init(alloc, sizeof(mx_pair_row), INT32_MAX, "customers");
    b->orders = mx_vec_init(alloc, sizeof(mx_pair_row), INT32_MAX, "orders");
    b->said = mx_vec_init(alloc, sizeof(mx_title_count), INT32_MAX, "titles of products");
    for (int which = 0; which < NAMES; which++)
        MX_TRY(mx_dict_new(b->alloc, INT32_MAX, &b->names[which], err));
    return mx_dict_new(b->alloc, INT32_MAX, &b->catalogue_titles, err);
}

merx_status mx_builder_take_events(mx_builder *b, mx_records *records, int64_t after, merx_error *err)
{
    return mx_records_scan_events(records, after, MX_BY_OFFSET, take_event, b, err);
}

merx_status mx_builder_take_things(mx_builder *b, mx_records *records, merx_error *err)
{
    MX_TRY(mx_records_scan(records, MX_PRODUCT, take_product, b, err));
    MX_TRY(mx_records_scan(records, MX_CUSTOMER, take_customer, b, err));
    return mx_records_scan(records, MX_ORDER, take_order, b, err);
}

static merx_status gather(builder *b, mx_records *records, const mx_snapshot *old, int32_t without, merx_error *err)
{
    uint64_t total = 0;

    MX_TRY(mx_records_count(records, MX_EVENT, &total, err));
    if (total > INT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "", "the shop has %" PRIu64 " events; a snapshot holds at most %d", total,
                INT32_MAX);
    MX_TRY(mx_task_require_memory(b->task, total * EVENT_BYTES, "the snapshot", err));
    MX_TRY(mx_vec_reserve(&b->rows, (size_t)total, err));
    mx_task_stage(b->task, "snapshot", total, "events");
    if (old)
        MX_TRY(take_old(b, old, without, err));
    MX_TRY(mx_builder_take_events(b, records, old ? old->offset : 0, err));
    return mx_builder_take_things(b, records, err);
}

merx_status mx_snapshot_build(mx_records *records, const mx_snapshot *old, int32_t without,
                              const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                              merx_task *task, unsigned char **bytes, size_t *size, merx_error *err)
{
    builder b;
    alloc = mx_allocator_or_default(alloc);
    *bytes = NULL;
    *size = 0;
    merx_status status = mx_builder_init(&b, settings, alloc, task, err);
    if (status == MERX_OK)
        status = gather(&b, records, old, without, err);
    if (b.offset < last_offset)
        b.offset = last_offset;
    if (status == MERX_OK)
        status = finish(&b, bytes, size, err);
    mx_builder_release(&b);
    mx_task_done(task);
    return status;
}
