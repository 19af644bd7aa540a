/*
 * The tail, written: names, rows, and what rows make of products.
 *
 * Publishing: an entry is complete before the head of its list names it (release), and a reader that follows a head (acquire) sees it complete.
 */
#include "shop/tail.h"

#include <string.h>

#include "shop/snapshot_parts.h"

/* How many lines of a product bear a title. */
typedef struct title_lines {
    int32_t next;
    int32_t count;
    mx_str title;
} title_lines;

static mx_str text_of(const mx_tail *tail, int32_t name)
{
    return name < 0 ? MX_STR("") : tail->name[name].text;
}

/* ---- making ---- */

static merx_status copy_rows(mx_tail *tail, const mx_tail *from, merx_error *err)
{
    for (size_t i = 0; i < from->rows; i++) {
        const mx_tail_row *row = &from->row[i];
        mx_event event = {.offset = from->offset,
                          .time_ms = row->time_ms - from->zone_ms,
                          .kind = (mx_event_kind)row->kind,
                          .customer = text_of(from, row->name[MX_TAIL_CUSTOMER]),
                          .product = text_of(from, row->name[MX_TAIL_PRODUCT]),
                          .order = text_of(from, row->name[MX_TAIL_ORDER]),
                          .session = text_of(from, row->name[MX_TAIL_SESSION]),
                          .title = text_of(from, row->name[MX_TAIL_TITLE]),
                          .quantity = row->quantity,
                          .price_minor = row->price_minor * from->unit,
                          .has_price = true};
        MX_TRY(mx_tail_add(tail, &event, MX_STR(""), err));
    }
    return MERX_OK;
}

static merx_status take_memory(mx_tail *tail, merx_error *err)
{
    const merx_allocator *alloc = tail->alloc;
    MX_TRY(mx_alloc_array_raw(alloc, tail->capacity, sizeof *tail->row, "tail", &tail->row, err));
    MX_TRY(mx_alloc_array_raw(alloc, tail->capacity, sizeof *tail->thing, "tail", &tail->thing, err));
    MX_TRY(mx_alloc_array_raw(alloc, tail->capacity * MX_TAIL_SPACES, sizeof *tail->name, "tail", &tail->name, err));
    for (tail->buckets = 64; tail->buckets < 2 * tail->capacity; tail->buckets *= 2)
        ;
    MX_TRY(mx_alloc_array_raw(alloc, tail->buckets, sizeof *tail->bucket, "tail", &tail->bucket, err));
    for (size_t i = 0; i < tail->buckets; i++)
        atomic_init(&tail->bucket[i], -1);
    return MERX_OK;
}

merx_status mx_tail_new(mx_snapshot *base, const mx_shop_settings *settings, size_t capacity, const mx_tail *before,
                        const merx_allocator *alloc, mx_tail **out, merx_error *err)
{
    mx_tail *tail;
    merx_status status = MERX_OK;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    if (capacity < 16)
        capacity = 16;
    if (capacity > MX_TAIL_ROWS_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "", "a tail of %zu events; expected at most %d", capacity, MX_TAIL_ROWS_MAX);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &tail, "tail", err));
    tail->alloc = alloc;
    tail->base = base;
    tail->capacity = capacity;
    tail->zone_ms = settings->zone_ms;
    tail->offset = base->offset;
    tail->unit = 1;
    for (int d = base->decimals; d < settings->decimals; d++)
        tail->unit *= 10;
    atomic_init(&tail->references, 1);
    mx_arena_init(&tail->arena, alloc);
    tail->titles = mx_vec_init(alloc, sizeof(title_lines), INT32_MAX, "titles of products");
    MX_TRY_GOTO(take_memory(tail, err));
    tail->services = mx_arena_strdup(&tail->arena, settings->services ? settings->services : "", err);
    if (!tail->services) {
        status = MERX_E_MEMORY;
        goto out;
    }
    if (before) {
        MX_TRY_GOTO(copy_rows(tail, before, err));
        tail->offset = before->offset;
    }
out:
    if (status == MERX_OK)
        *out = tail;
    else
        mx_tail_release(tail);
    return status;
}

void mx_tail_release(mx_tail *tail)
{
    if (!tail || atomic_fetch_sub_explicit(&tail->references, 1, memory_order_acq_rel) != 1)
        return;
    const merx_allocator *alloc = tail->alloc;
    mx_vec_release(&tail->titles);
    mx_arena_release(&tail->arena);
    MX_FREE_ARRAY(alloc, tail->row, tail->capacity);
    MX_FREE_ARRAY(alloc, tail->thing, tail->capacity);
    MX_FREE_ARRAY(alloc, tail->name, tail->capacity * MX_TAIL_SPACES);
    MX_FREE_ARRAY(alloc, tail->bucket, tail->buckets);
    MX_FREE_ARRAY(alloc, tail, 1);
}

/* ---- names ---- */

static uint64_t hash_of(mx_tail_space space, mx_str text)
{
    return mx_hash64(text.data, text.size, (uint64_t)space);
}

static int32_t look_up(const mx_tail *tail, mx_tail_space space, mx_str text, uint64_t hash)
{
    int32_t at = atomic_load_explicit(&tail->bucket[hash & (tail->buckets - 1)], memory_order_acquire);
    for (; at >= 0; at = tail->name[at].next) {
        const mx_tail_name *name = &tail->name[at];
        if (name->hash == hash && name->space == space && mx_str_equal(name->text, text))
            return at;
    }
    return -1;
}

int32_t mx_tail_find(const mx_tail *tail, mx_tail_space space, mx_str text, int32_t rows)
{
    int32_t at = rows > 0 && text.size > 0 ? look_up(tail, space, text, hash_of(space, text)) : -1;
    return at >= 0 && tail->name[at].first_row < rows ? at : -1;
}

/* The name of a row that is being added; empty: -1. */
static merx_status take_name(mx_tail *tail, mx_tail_space space, mx_str text, int32_t *out, merx_error *err)
{
    *out = -1;
    if (text.size == 0)
        return MERX_OK;
    uint64_t hash = hash_of(space, text);
    *out = look_up(tail, space, text, hash);
    if (*out >= 0)
        return MERX_OK;
    atomic_int_least32_t *bucket = &tail->bucket[hash & (tail->buckets - 1)];
    mx_tail_name *name = &tail->name[tail->names];
    char *copy = mx_arena_strndup(&tail->arena, text.data, text.size, err);
    if (!copy)
        return MERX_E_MEMORY;
    *name = (mx_tail_name){.text = {copy, text.size},
                           .hash = hash,
                           .next = atomic_load_explicit(bucket, memory_order_relaxed),
                           .base = -1,
                           .first_row = (int32_t)tail->rows,
                           .space = (uint8_t)space,
                           .price_row = -1,
                           .titles = -1};
    atomic_init(&name->last, -1);
    if (space == MX_TAIL_PRODUCT) {
        name->base = mx_snapshot_find_product_name(tail->base, text);
        name->service =
            name->base >= 0 ? tail->base->product_service[name->base] != 0 : mx_is_service(tail->services, text);
    }
    *out = (int32_t)tail->names++;
    atomic_store_explicit(bucket, *out, memory_order_release);
    return MERX_OK;
}

/* ---- order ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const mx_tail *tail, int32_t a, int32_t b)
{
    return a == b ? 0 : mx_str_compare(text_of(tail, a), text_of(tail, b));
}

int mx_tail_compare(const mx_tail *tail, const mx_tail_row *a, const mx_tail_row *b)
{
    int order = compare_numbers(a->time_ms, b->time_ms);
    order = order ? order : compare_names(tail, a->name[MX_TAIL_ORDER], b->name[MX_TAIL_ORDER]);
    order = order ? order : compare_names(tail, a->name[MX_TAIL_PRODUCT], b->name[MX_TAIL_PRODUCT]);
    order = order ? order : compare_names(tail, a->name[MX_TAIL_CUSTOMER], b->name[MX_TAIL_CUSTOMER]);
    order = order ? order : compare_numbers(a->kind, b->kind);
    order = order ? order : compare_numbers(a->quantity, b->quantity);
    order = order ? order : compare_numbers(a->price_minor, b->price_minor);
    return order ? order : compare_names(tail, a->name[MX_TAIL_SESSION], b->name[MX_TAIL_SESSION]);
}

/* A name of the snapshot; damaged codes are nobody's. */
static mx_str base_text(const mx_str *names, size_t n, int32_t code)
{
    return code >= 0 && (size_t)code < n ? names[code] : MX_STR("");
}

int mx_tail_compare_base(const mx_tail *tail, const mx_tail_row *row, size_t event)
{
    const mx_snapshot *s = tail->base;
    int order = compare_numbers(row->time_ms, s->time_ms[event]);
    if (order)
        return order;
    order = mx_str_compare(text_of(tail, row->name[MX_TAIL_ORDER]), base_text(s->order_id, s->orders, s->order[event]));
    order = order ? order
                  : mx_str_compare(text_of(tail, row->name[MX_TAIL_PRODUCT]),
                                   base_text(s->product_id, s->products, s->product[event]));
    order = order ? order
                  : mx_str_compare(text_of(tail, row->name[MX_TAIL_CUSTOMER]),
                                   base_text(s->customer_id, s->customers, s->customer[event]));
    order = order ? order : compare_numbers(row->kind, s->kind[event]);
    order = order ? order : compare_numbers(row->quantity, s->quantity[event]);
    order = order ? order : compare_numbers(row->price_minor, s->price_minor[event]);
    return order ? order
                 : mx_str_compare(text_of(tail, row->name[MX_TAIL_SESSION]),
                                  base_text(s->session_id, s->sessions, s->session[event]));
}

/* ---- products ---- */

const mx_tail_thing *mx_tail_thing_of(const mx_tail *tail, int32_t product, int32_t rows)
{
    int32_t at = atomic_load_explicit(&tail->name[product].last, memory_order_acquire);
    while (at >= 0 && tail->thing[at].row >= rows)
        at = tail->thing[at].before;
    return at >= 0 ? &tail->thing[at] : NULL;
}

static uint8_t said_of(const mx_tail *tail, const mx_tail_name *product)
{
    const struct mx_snapshot_memory *m = tail->base->memory;
    return product->base >= 0 && m->said ? m->said[product->base] : 0;
}

static merx_status note_title(mx_tail *tail, mx_tail_name *product, mx_str title, int32_t count, merx_error *err)
{
    title_lines lines = {product->titles, count, title};
    MX_TRY(mx_vec_append(&tail->titles, &lines, 1, err));
    product->titles = (int32_t)(tail->titles.count - 1);
    return MERX_OK;
}

/* What the snapshot's lines say, before the first title of a row counts. */
static merx_status take_titles(mx_tail *tail, mx_tail_name *product, merx_error *err)
{
    const struct mx_snapshot_memory *m = tail->base->memory;
    if (product->titles >= 0 || product->base < 0)
        return MERX_OK;
    size_t low = 0;
    size_t high = m->n_said;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->said_product[middle] < product->base)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->n_said && m->said_product[low] == product->base; low++) {
        MX_TRY(
            note_title(tail, product, base_text(m->titles, m->n_titles, m->said_title[low]), m->said_count[low], err));
        if (m->said_count[low] > product->best_count)
            product->best_count = m->said_count[low];
    }
    return MERX_OK;
}

/* One line more that bears a title; *best becomes the title that most lines bear. */
static merx_status count_title(mx_tail *tail, mx_tail_name *product, mx_str title, mx_str *best, merx_error *err)
{
    MX_TRY(take_titles(tail, product, err));
    int32_t at = product->titles;
    while (at >= 0 && !mx_str_equal(MX_VEC_AT(&tail->titles, title_lines, at).title, title))
        at = MX_VEC_AT(&tail->titles, title_lines, at).next;
    if (at < 0) {
        MX_TRY(note_title(tail, product, title, 0, err));
        at = product->titles;
    }
    int32_t count = ++MX_VEC_AT(&tail->titles, title_lines, at).count;
    if (count > product->best_count ||
        (count == product->best_count && (best->size == 0 || mx_str_compare(title, *best) < 0))) {
        product->best_count = count;
        *best = MX_VEC_AT(&tail->titles, title_lines, at).title;
    }
    return MERX_OK;
}

/* Whether a row comes after the line whose price holds. */
static bool prices_last(const mx_tail *tail, const mx_tail_name *product, const mx_tail_row *row)
{
    const struct mx_snapshot_memory *m = tail->base->memory;
    if (product->price_row >= 0)
        return mx_tail_compare(tail, row, &tail->row[product->price_row]) >= 0;
    int32_t event = product->base >= 0 && m->price_event ? m->price_event[product->base] : -1;
    return event < 0 || mx_tail_compare_base(tail, row, (size_t)event) >= 0;
}

/* What a row makes of its product. Its names are taken, it is not published yet. */
static merx_status note_product(mx_tail *tail, const mx_tail_row *row, merx_error *err)
{
    if (row->name[MX_TAIL_PRODUCT] < 0)
        return MERX_OK;
    mx_tail_name *product = &tail->name[row->name[MX_TAIL_PRODUCT]];
    const mx_tail_thing *now = mx_tail_thing_of(tail, row->name[MX_TAIL_PRODUCT], INT32_MAX);
    const mx_snapshot *s = tail->base;
    uint8_t said = said_of(tail, product);
    mx_tail_thing next = {.title = now                  ? now->title
                                   : product->base >= 0 ? s->product_title[product->base]
                                                        : MX_STR(""),
                          .price_minor = now                  ? now->price_minor
                                         : product->base >= 0 ? s->product_price_minor[product->base]
                                                              : 0,
                          .row = (int32_t)tail->rows,
                          .before = atomic_load_explicit(&product->last, memory_order_relaxed)};
    mx_str title = next.title;
    int64_t price = next.price_minor;
    if (!(said & MX_SAID_TITLE) && row->name[MX_TAIL_TITLE] >= 0)
        MX_TRY(count_title(tail, product, text_of(tail, row->name[MX_TAIL_TITLE]), &next.title, err));
    if (row->price_minor > 0 && prices_last(tail, product, row)) {
        product->price_row = (int32_t)tail->rows;
        if (!(said & MX_SAID_PRICE))
            next.price_minor = row->price_minor;
    }
    if (price == next.price_minor && mx_str_equal(title, next.title))
        return MERX_OK;
    tail->thing[tail->things] = next;
    atomic_store_explicit(&product->last, (int32_t)tail->things++, memory_order_release);
    return MERX_OK;
}

/* ---- adding ---- */

static int32_t last_of(const mx_tail *tail, int32_t name)
{
    return name < 0 ? -1 : atomic_load_explicit(&tail->name[name].last, memory_order_relaxed);
}

static void publish(mx_tail *tail, int32_t name)
{
    if (name >= 0)
        atomic_store_explicit(&tail->name[name].last, (int32_t)tail->rows, memory_order_release);
}

merx_status mx_tail_add(mx_tail *tail, const mx_event *event, mx_str owner, merx_error *err)
{
    int64_t price = event->has_price ? event->price_minor : 0;
    if (tail->rows >= tail->capacity)
        MX_FAIL(err, MERX_E_LIMIT, "", "the tail has room for %zu events", tail->capacity);
    if (price % tail->unit != 0)
        MX_FAIL(err, MERX_E_RANGE, "", "the amount has more decimals than the snapshot");
    const mx_str texts[MX_TAIL_SPACES] = {
        [MX_TAIL_PRODUCT] = event->product, [MX_TAIL_CUSTOMER] = event->customer.size > 0 ? event->customer : owner,
        [MX_TAIL_SESSION] = event->session, [MX_TAIL_ORDER] = event->order,
        [MX_TAIL_TITLE] = event->title,
    };
    mx_tail_row *row = &tail->row[tail->rows];
    *row = (mx_tail_row){.time_ms = event->time_ms + tail->zone_ms,
                         .quantity = event->quantity,
                         .price_minor = price / tail->unit,
                         .kind = (uint8_t)event->kind};
    for (int space = 0; space < MX_TAIL_SPACES; space++)
        MX_TRY(take_name(tail, (mx_tail_space)space, texts[space], &row->name[space], err));
    row->before_customer = last_of(tail, row->name[MX_TAIL_CUSTOMER]);
    row->before_session = last_of(tail, row->name[MX_TAIL_SESSION]);
    MX_TRY(note_product(tail, row, err));
    publish(tail, row->name[MX_TAIL_CUSTOMER]);
    publish(tail, row->name[MX_TAIL_SESSION]);
    tail->offset = event->offset;
    tail->rows++;
    return MERX_OK;
}
