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

/* A change of a thing: what the tail takes of its record; the text in the tail's arena. */
typedef struct changed_thing {
    mx_record_kind kind;
    int32_t name;
    bool there, has_price, service;
    mx_str title;
    int64_t price_minor;
} changed_thing;

static mx_str text_of(const mx_tail *tail, int32_t name)
{
    return name < 0 ? MX_STR("") : tail->name[name].text;
}

/* ---- making ---- */

static merx_status copy_change(mx_tail *tail, const mx_tail *from, const changed_thing *thing, merx_error *err)
{
    mx_record record = {.kind = thing->kind};
    if (thing->kind == MX_PRODUCT)
        record.product = (mx_product){.id = text_of(from, thing->name),
                                      .title = thing->title,
                                      .price_minor = thing->price_minor * from->unit,
                                      .has_price = thing->has_price,
                                      .service = thing->service};
    else
        record.customer.id = text_of(from, thing->name);
    return mx_tail_change(tail, &record, thing->there, err);
}

static merx_status copy_rows(mx_tail *tail, const mx_tail *from, merx_error *err)
{
    for (size_t i = 0; i < from->rows; i++) {
        const mx_tail_row *row = &from->row[i];
        if (row->kind == MX_TAIL_CHANGE) {
            MX_TRY(copy_change(tail, from, &MX_VEC_AT(&from->changed, changed_thing, row->quantity), err));
            continue;
        }
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
    tail->things_version = mx_snapshot_things_version(base);
    tail->decimals_least = settings->decimals_least;
    tail->unit = 1;
    for (int d = base->decimals; d < settings->decimals; d++)
        tail->unit *= 10;
    atomic_init(&tail->references, 1);
    mx_arena_init(&tail->arena, alloc);
    tail->products = mx_vec_init(alloc, sizeof(mx_tail_product), INT32_MAX, "products");
    tail->titles = mx_vec_init(alloc, sizeof(title_lines), INT32_MAX, "titles of products");
    tail->changed = mx_vec_init(alloc, sizeof(changed_thing), INT32_MAX, "changed things");
    MX_TRY_GOTO(take_memory(tail, err));
    tail->services = mx_arena_strdup(&tail->arena, settings->services ? settings->services : "", err);
    if (!tail->services) {
        status = MERX_E_MEMORY;
        goto out;
    }
    if (before) {
        MX_TRY_GOTO(copy_rows(tail, before, err));
        tail->offset = before->offset;
        tail->things_version = before->things_version;
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
    mx_vec_release(&tail->products);
    mx_vec_release(&tail->titles);
    mx_vec_release(&tail->changed);
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

/* A product that is named for the first time: as the snapshot has it. */
static merx_status take_product(mx_tail *tail, mx_tail_name *name, merx_error *err)
{
    const mx_snapshot *s = tail->base;
    name->base = mx_snapshot_find_product_name(s, name->text);
    mx_tail_product product = {.price_row = -1, .titles = -1};
    if (name->base >= 0) {
        product.said = s->memory->said[name->base];
        product.said_title = s->product_title[name->base];
        product.said_price = s->product_price_minor[name->base];
    }
    name->service = name->base >= 0 ? s->product_service[name->base] != 0 : mx_is_service(tail->services, name->text);
    name->product = (int32_t)tail->products.count;
    return mx_vec_append(&tail->products, &product, 1, err);
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
                           .product = -1};
    atomic_init(&name->last, -1);
    if (space == MX_TAIL_PRODUCT)
        MX_TRY(take_product(tail, name, err));
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

static mx_tail_product *product_of(mx_tail *tail, int32_t name)
{
    return &MX_VEC_AT(&tail->products, mx_tail_product, tail->name[name].product);
}

static merx_status note_title(mx_tail *tail, mx_tail_product *product, mx_str title, int32_t count, merx_error *err)
{
    title_lines lines = {product->titles, count, title};
    MX_TRY(mx_vec_append(&tail->titles, &lines, 1, err));
    product->titles = (int32_t)(tail->titles.count - 1);
    return MERX_OK;
}

/* What the snapshot's lines say, before the first title of a row counts. */
static merx_status take_titles(mx_tail *tail, int32_t name, merx_error *err)
{
    const struct mx_snapshot_memory *m = tail->base->memory;
    mx_tail_product *product = product_of(tail, name);
    int32_t base = tail->name[name].base;
    if (product->titles >= 0 || base < 0)
        return MERX_OK;
    size_t low = 0;
    size_t high = m->n_said;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->said_product[middle] < base)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->n_said && m->said_product[low] == base; low++) {
        mx_str title = base_text(m->titles, m->n_titles, m->said_title[low]);
        MX_TRY(note_title(tail, product, title, m->said_count[low], err));
        if (m->said_count[low] > product->best_count) {
            product->best_count = m->said_count[low];
            product->best_title = title;
        }
    }
    return MERX_OK;
}

/* One line more that bears a title. */
static merx_status count_title(mx_tail *tail, int32_t name, mx_str title, merx_error *err)
{
    MX_TRY(take_titles(tail, name, err));
    mx_tail_product *product = product_of(tail, name);
    int32_t at = product->titles;
    while (at >= 0 && !mx_str_equal(MX_VEC_AT(&tail->titles, title_lines, at).title, title))
        at = MX_VEC_AT(&tail->titles, title_lines, at).next;
    if (at < 0) {
        MX_TRY(note_title(tail, product, title, 0, err));
        at = product->titles;
    }
    int32_t count = ++MX_VEC_AT(&tail->titles, title_lines, at).count;
    if (count > product->best_count ||
        (count == product->best_count && mx_str_compare(title, product->best_title) < 0)) {
        product->best_count = count;
        product->best_title = MX_VEC_AT(&tail->titles, title_lines, at).title;
    }
    return MERX_OK;
}

/* The event of the snapshot whose price is a product's last; -1: none. */
static int32_t price_event_of(const mx_tail *tail, int32_t name)
{
    int32_t base = tail->name[name].base;
    return base >= 0 ? tail->base->memory->price_event[base] : -1;
}

/* Whether a row comes after the line whose price is the last. */
static bool prices_last(mx_tail *tail, const mx_tail_row *row)
{
    const mx_tail_product *product = product_of(tail, row->name[MX_TAIL_PRODUCT]);
    if (product->price_row >= 0)
        return mx_tail_compare(tail, row, &tail->row[product->price_row]) >= 0;
    int32_t event = price_event_of(tail, row->name[MX_TAIL_PRODUCT]);
    return event < 0 || mx_tail_compare_base(tail, row, (size_t)event) >= 0;
}

/* What holds of a product now. */
static mx_tail_thing held(const mx_tail *tail, int32_t name)
{
    const mx_tail_thing *now = mx_tail_thing_of(tail, name, INT32_MAX);
    const mx_snapshot *s = tail->base;
    int32_t base = tail->name[name].base;
    if (now)
        return *now;
    return (mx_tail_thing){.title = base >= 0 ? s->product_title[base] : MX_STR(""),
                           .price_minor = base >= 0 ? s->product_price_minor[base] : 0,
                           .service = tail->name[name].service};
}

/* The row that is being added makes this of a product: title and price are its record's, and where that says nothing, those of events. */
static void hold(mx_tail *tail, int32_t name, bool service, bool gone)
{
    const mx_tail_product *product = product_of(tail, name);
    const mx_snapshot *s = tail->base;
    mx_tail_thing before = held(tail, name);
    int32_t event = price_event_of(tail, name), base = tail->name[name].base;
    bool as_was = product->titles < 0 && base >= 0 && !(s->memory->said[base] & MX_SAID_TITLE);
    mx_tail_thing next = {.title = product->said & MX_SAID_TITLE ? product->said_title
                                   : as_was                      ? s->product_title[base]
                                                                 : product->best_title,
                          .price_minor = product->said & MX_SAID_PRICE ? product->said_price
                                         : product->price_row >= 0     ? tail->row[product->price_row].price_minor
                                         : event >= 0                  ? s->price_minor[event]
                                                                       : 0,
                          .service = service,
                          .gone = gone,
                          .row = (int32_t)tail->rows,
                          .before = atomic_load_explicit(&tail->name[name].last, memory_order_relaxed)};
    if (before.price_minor == next.price_minor && mx_str_equal(before.title, next.title) &&
        before.service == next.service && before.gone == next.gone)
        return;
    if (before.service != next.service)
        atomic_store_explicit(&tail->has_services, true, memory_order_relaxed);
    if (next.gone)
        atomic_store_explicit(&tail->has_gone, true, memory_order_relaxed);
    tail->thing[tail->things] = next;
    atomic_store_explicit(&tail->name[name].last, (int32_t)tail->things++, memory_order_release);
}

/* What a row makes of its product. Its names are taken, it is not published yet. */
static merx_status note_product(mx_tail *tail, const mx_tail_row *row, merx_error *err)
{
    int32_t name = row->name[MX_TAIL_PRODUCT];
    if (name < 0)
        return MERX_OK;
    if (row->name[MX_TAIL_TITLE] >= 0)
        MX_TRY(count_title(tail, name, text_of(tail, row->name[MX_TAIL_TITLE]), err));
    if (row->price_minor > 0 && prices_last(tail, row))
        product_of(tail, name)->price_row = (int32_t)tail->rows;
    product_of(tail, name)->in_row = true;
    hold(tail, name, held(tail, name).service, false);
    return MERX_OK;
}

/* Whether an event of the snapshot names a product of it: a price or a title of one says so at once. */
static bool is_in_base(const mx_tail *tail, int32_t name)
{
    enum { BLOCK = 4096 };
    const mx_snapshot *s = tail->base;
    int32_t base = tail->name[name].base;
    if (base < 0 || price_event_of(tail, name) >= 0 ||
        MX_VEC_AT(&tail->products, mx_tail_product, tail->name[name].product).best_count > 0)
        return base >= 0;
    for (size_t first = 0; first < s->events; first += BLOCK) {
        size_t end = s->events - first < BLOCK ? s->events : first + BLOCK;
        int found = 0;
        for (size_t i = first; i < end; i++)
            found |= s->product[i] == base;
        if (found)
            return true;
    }
    return false;
}

static merx_status change_product(mx_tail *tail, const changed_thing *thing, merx_error *err)
{
    MX_TRY(take_titles(tail, thing->name, err));
    mx_tail_product *product = product_of(tail, thing->name);
    product->said = (uint8_t)((thing->title.size > 0 ? MX_SAID_TITLE : 0) | (thing->has_price ? MX_SAID_PRICE : 0));
    product->said_title = thing->title;
    product->said_price = thing->price_minor;
    bool service = thing->service || mx_is_service(tail->services, text_of(tail, thing->name));
    hold(tail, thing->name, service, !thing->there && !product->in_row && !is_in_base(tail, thing->name));
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

/* Whether the amounts that the snapshot shows would have other decimals. */
static bool other_decimals(const mx_tail *tail, const mx_product *product, bool there)
{
    int32_t name = look_up(tail, MX_TAIL_PRODUCT, product->id, hash_of(MX_TAIL_PRODUCT, product->id));
    int32_t base = mx_snapshot_find_product_name(tail->base, product->id);
    const struct mx_snapshot_memory *m = tail->base->memory;
    bool has = there && product->has_price, had = base >= 0 && m->said[base] & MX_SAID_PRICE;
    int64_t price = had ? tail->base->product_price_minor[base] : 0;
    if (name >= 0) {
        const mx_tail_product *known = &MX_VEC_AT(&tail->products, mx_tail_product, tail->name[name].product);
        had = known->said & MX_SAID_PRICE;
        price = known->said_price;
    }
    if (has && product->price_minor % tail->unit != 0)
        return true;
    /* It may have been the last that needs all of them. */
    bool stays = has && product->price_minor / tail->unit == price;
    return tail->base->decimals > tail->decimals_least && had && price % 10 != 0 && !stays;
}

merx_status mx_tail_change(mx_tail *tail, const mx_record *record, bool there, merx_error *err)
{
    changed_thing thing = {.kind = record->kind, .there = there};
    bool is_product = record->kind == MX_PRODUCT;
    if (!is_product && (record->kind != MX_CUSTOMER || !there))
        MX_FAIL(err, MERX_E_RANGE, "", "a change that the snapshot can't say");
    if (!is_product && mx_snapshot_find_customer(tail->base, record->customer.id.data) >= 0)
        return MERX_OK;
    if (is_product && other_decimals(tail, &record->product, there))
        MX_FAIL(err, MERX_E_RANGE, "", "the amounts may have other decimals than in the snapshot");
    if (tail->rows >= tail->capacity)
        MX_FAIL(err, MERX_E_LIMIT, "", "the tail has room for %zu rows", tail->capacity);
    mx_tail_row *row = &tail->row[tail->rows];
    *row = (mx_tail_row){
        .kind = MX_TAIL_CHANGE, .quantity = (int64_t)tail->changed.count, .before_customer = -1, .before_session = -1};
    for (int space = 0; space < MX_TAIL_SPACES; space++)
        row->name[space] = -1;
    MX_TRY(take_name(tail, is_product ? MX_TAIL_PRODUCT : MX_TAIL_CUSTOMER,
                     is_product ? record->product.id : record->customer.id, &thing.name, err));
    if (is_product && there) {
        thing.has_price = record->product.has_price;
        thing.service = record->product.service;
        thing.price_minor = thing.has_price ? record->product.price_minor / tail->unit : 0;
        thing.title.data = mx_arena_strndup(&tail->arena, record->product.title.data, record->product.title.size, err);
        thing.title.size = record->product.title.size;
        if (!thing.title.data)
            return MERX_E_MEMORY;
    }
    MX_TRY(mx_vec_append(&tail->changed, &thing, 1, err));
    if (is_product)
        MX_TRY(change_product(tail, &thing, err));
    tail->rows++;
    return MERX_OK;
}
