/*
 * The snapshot, read: mapped, checked once, brought up to date, looked up.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/snapshot_parts.h"

/* ---- reading the file ---- */

static merx_status meta_int(const mx_tensor_file *file, const char *key, int64_t low, int64_t high, int64_t *out,
                            merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (!text || !mx_parse_int64(mx_str_of(text), out) || *out < low || *out > high)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "metadata \"%s\" is missing or wrong", key);
    return MERX_OK;
}

/* A column of codes, each in [-1, limit). */
static merx_status codes(const mx_tensor_file *file, const char *name, uint64_t n, size_t limit, const int32_t **out,
                         merx_error *err)
{
    MX_TRY(mx_tensor_file_vector(file, name, MX_I32, n, out, NULL, err));
    int32_t low = 0;
    int32_t high = -1;
    for (uint64_t i = 0; i < n; i++) {
        low = (*out)[i] < low ? (*out)[i] : low;
        high = (*out)[i] > high ? (*out)[i] : high;
    }
    if (low < -1 || (high >= 0 && (size_t)high >= limit))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" points outside its names", name);
    return MERX_OK;
}

/* A vector of exactly n elements; none: n 0 would mean any length. */
static merx_status vector(const mx_tensor_file *file, const char *name, mx_dtype dtype, uint64_t n, void *out,
                          merx_error *err)
{
    uint64_t got = 0;
    MX_TRY(mx_tensor_file_vector(file, name, dtype, n, out, &got, err));
    if (got != n)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" has another length", name);
    return MERX_OK;
}

static merx_status read_things(mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    const mx_tensor_file *file = m->file;
    mx_str *list;
    size_t n;

#define NAMES(tensor, field, count)                                                                                    \
    MX_TRY(mx_tensor_file_strings(file, tensor, &m->arena, &list, &n, err));                                           \
    s->field = list;                                                                                                   \
    s->count = n
    NAMES("product_id", product_id, products);
    NAMES("customer_id", customer_id, customers);
    NAMES("order_id", order_id, orders);
    NAMES("session_id", session_id, sessions);
    NAMES("country_name", country_name, countries);
    NAMES("category_name", category_name, categories);
#undef NAMES
    MX_TRY(mx_tensor_file_strings(file, "title_text", &m->arena, &list, &m->n_titles, err));
    m->titles = list;
    MX_TRY(mx_tensor_file_strings(file, "product_title", &m->arena, &list, &n, err));
    s->product_title = list;
    if (n != s->products)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu titles of %zu products", n, s->products);
    MX_TRY(vector(file, "product_service", MX_U8, s->products, &s->product_service, err));
    MX_TRY(codes(file, "product_category", s->products, s->categories, &s->product_category, err));
    MX_TRY(vector(file, "product_price_minor", MX_I64, s->products, &s->product_price_minor, err));
    return codes(file, "customer_country", s->customers, s->countries, &s->customer_country, err);
}

static merx_status read_events(mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    const mx_tensor_file *file = m->file;
    uint64_t n = 0;

    MX_TRY(mx_tensor_file_vector(file, "time_ms", MX_I64, 0, &s->time_ms, &n, err));
    s->events = (size_t)n;
    m->events = s->events;
    MX_TRY(vector(file, "kind", MX_U8, n, &s->kind, err));
    MX_TRY(vector(file, "quantity", MX_I64, n, &s->quantity, err));
    MX_TRY(vector(file, "price_minor", MX_I64, n, &s->price_minor, err));
    MX_TRY(codes(file, "customer", n, s->customers, &s->customer, err));
    MX_TRY(codes(file, "product", n, s->products, &s->product, err));
    MX_TRY(codes(file, "order", n, s->orders, &s->order, err));
    MX_TRY(codes(file, "session", n, s->sessions, &s->session, err));
    MX_TRY(codes(file, "country", n, s->countries, &s->country, err));
    MX_TRY(codes(file, "title", n, m->n_titles, &m->title, err));
    for (size_t i = 0; i < s->events; i++)
        if (s->kind[i] >= MX_EVENT_KINDS || (i > 0 && s->time_ms[i] < s->time_ms[i - 1]))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "event %zu is out of order or of no kind", i);
    s->first_ms = n ? s->time_ms[0] : 0;
    s->last_ms = n ? s->time_ms[n - 1] : 0;
    return MERX_OK;
}

static merx_status read_file(mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    const char *layout = mx_tensor_file_meta(m->file, "layout");
    const char *checksum = mx_tensor_file_meta(m->file, "checksum");
    int64_t value = 0;
    char text[512];

    if (!layout || strcmp(layout, MX_SNAPSHOT_LAYOUT) != 0)
        MX_FAIL(err, MERX_E_VERSION, mx_tensor_file_name(m->file), "another layout of the snapshot");
    s->currency = mx_tensor_file_meta(m->file, "currency");
    if (!s->currency || !checksum)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(m->file), "metadata is missing");
    MX_TRY(meta_int(m->file, "decimals", 0, 18, &value, err));
    s->decimals = (int)value;
    MX_TRY(meta_int(m->file, "week_start", 0, 6, &value, err));
    s->week_start = (int)value;
    MX_TRY(meta_int(m->file, "zone_ms", -MX_DAY_MS, MX_DAY_MS, &s->zone_ms, err));
    MX_TRY(meta_int(m->file, "offset", 0, INT64_MAX, &s->offset, err));
    MX_TRY(meta_int(m->file, "things_version", 0, INT64_MAX, &m->things_version, err));
    MX_TRY(read_things(s, err));
    MX_TRY(read_events(s, err));
    int size = snprintf(text, sizeof text, "%s|%s|%d|%d|%" PRId64 "|%s", MX_SNAPSHOT_LAYOUT, checksum, s->decimals,
                        s->week_start, s->zone_ms, s->currency);
    mx_sha256_hex(text, (size_t)size, s->sha256);
    return MERX_OK;
}

static merx_status snapshot_new(const merx_allocator *alloc, mx_snapshot **out, merx_error *err)
{
    mx_snapshot *s;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "snapshot", err));
    merx_status status = MX_NEW_ARRAY(alloc, 1, &s->memory, "snapshot", err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, s, 1);
        return status;
    }
    s->memory->alloc = alloc;
    mx_arena_init(&s->memory->arena, alloc);
    *out = s;
    return MERX_OK;
}

void mx_snapshot_close(mx_snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct mx_snapshot_memory *m = snapshot->memory;
    const merx_allocator *alloc = m->alloc;
    MX_FREE_ARRAY(alloc, m->list, m->listed);
    MX_FREE_ARRAY(alloc, m->starts, snapshot->customers + 1);
    mx_arena_release(&m->arena);
    mx_tensor_file_close(m->file);
    if (m->blobs)
        mx_blobs_unmap(m->blobs, &m->blob);
    MX_FREE_ARRAY(alloc, m->bytes, m->bytes_size);
    MX_FREE_ARRAY(alloc, m, 1);
    MX_FREE_ARRAY(alloc, snapshot, 1);
}

/* The stored snapshot. Errors: any; the caller rebuilds on what is not the environment's. */
static merx_status map_stored(mx_blobs *blobs, const merx_allocator *alloc, mx_snapshot **out, merx_error *err)
{
    mx_snapshot *s;
    MX_TRY(snapshot_new(alloc, &s, err));
    merx_status status = mx_blobs_map(blobs, MX_SNAPSHOT_BLOB, &s->memory->blob, err);
    if (status == MERX_OK) {
        s->memory->blobs = blobs;
        status = mx_tensor_file_memory(s->memory->blob.data, s->memory->blob.size, MX_SNAPSHOT_BLOB, alloc, false,
                                       &s->memory->file, err);
    }
    if (status == MERX_OK)
        status = read_file(s, err);
    if (status != MERX_OK) {
        mx_snapshot_close(s);
        return status;
    }
    *out = s;
    return MERX_OK;
}

/* ---- opening ---- */

/* The snapshot of freshly built bytes, which are taken. */
static merx_status keep_bytes(unsigned char *bytes, size_t size, const merx_allocator *alloc, mx_snapshot **out,
                              merx_error *err)
{
    mx_snapshot *s;
    merx_status status = snapshot_new(alloc, &s, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, bytes, size);
        return status;
    }
    s->memory->bytes = bytes;
    s->memory->bytes_size = size;
    status = mx_tensor_file_memory(bytes, size, MX_SNAPSHOT_BLOB, alloc, false, &s->memory->file, err);
    if (status == MERX_OK)
        status = read_file(s, err);
    if (status != MERX_OK) {
        mx_snapshot_close(s);
        return status;
    }
    *out = s;
    return MERX_OK;
}

/* Builds and stores; where storing is refused (a read-only shop, a full disk), the snapshot lives in memory. */
static merx_status rebuild(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t without,
                           const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                           merx_task *task, mx_snapshot **out, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    unsigned char *bytes;
    size_t size;

    MX_TRY(mx_snapshot_build(records, old, without, settings, last_offset, work, task, &bytes, &size, err));
    merx_status status = mx_blobs_put(blobs, MX_SNAPSHOT_BLOB, bytes, size, NULL);
    if (status == MERX_OK)
        status = map_stored(blobs, alloc, out, NULL);
    if (status == MERX_OK) {
        MX_FREE_ARRAY(work, bytes, size);
        return MERX_OK;
    }
    if (work == alloc)
        return keep_bytes(bytes, size, alloc, out, err);
    unsigned char *copy;
    status = mx_alloc_array_raw(alloc, size, 1, "snapshot", &copy, err);
    if (status == MERX_OK)
        memcpy(copy, bytes, size);
    MX_FREE_ARRAY(work, bytes, size);
    MX_TRY(status);
    return keep_bytes(copy, size, alloc, out, err);
}

merx_status mx_snapshot_open(mx_records *records, mx_blobs *blobs, bool force, const merx_allocator *alloc,
                             merx_task *task, mx_snapshot **out, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_shop_settings settings;
    mx_snapshot *old = NULL;
    int64_t last_offset = 0;
    mx_arena arena;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_shop_settings_read(records, &arena, &settings, err));
    MX_TRY_GOTO(mx_records_last_offset(records, &last_offset, err));
    if (!force && map_stored(blobs, alloc, &old, NULL) == MERX_OK) {
        if (old->memory->things_version == settings.things_version && old->offset == last_offset) {
            *out = old;
            old = NULL;
            goto out;
        }
        if (old->memory->things_version != settings.things_version || old->offset > last_offset) {
            mx_snapshot_close(old);
            old = NULL;
        }
    }
    MX_TRY_GOTO(rebuild(records, blobs, old, -1, &settings, last_offset, alloc, task, out, err));
out:
    if (*out)
        (*out)->blobs = blobs;
    mx_snapshot_close(old);
    mx_arena_release(&arena);
    return status;
}

merx_status mx_snapshot_forget(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t customer,
                               const merx_allocator *alloc, merx_task *task, mx_snapshot **out, merx_error *err)
{
    mx_shop_settings settings;
    mx_arena arena;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_arena_init(&arena, alloc);
    merx_status status = mx_shop_settings_read(records, &arena, &settings, err);
    /* Another version: another process has changed things, or erased, since; then the records are read. */
    bool same = status == MERX_OK && settings.things_version == old->memory->things_version + 1;
    if (status == MERX_OK)
        status = same ? rebuild(records, blobs, old, customer, &settings, old->offset, alloc, task, out, err)
                      : mx_snapshot_open(records, blobs, true, alloc, task, out, err);
    if (status == MERX_OK)
        (*out)->blobs = blobs;
    mx_arena_release(&arena);
    return status;
}

bool mx_snapshot_is_current(const mx_snapshot *snapshot, mx_records *records)
{
    mx_shop_settings settings;
    mx_arena arena;
    int64_t last_offset;

    mx_arena_init(&arena, NULL);
    bool current = mx_records_last_offset(records, &last_offset, NULL) == MERX_OK && last_offset == snapshot->offset &&
                   mx_shop_settings_read(records, &arena, &settings, NULL) == MERX_OK &&
                   settings.things_version == snapshot->memory->things_version;
    mx_arena_release(&arena);
    return current;
}

/* ---- views and look-ups ---- */

/* The first event with time >= ms. */
static size_t first_from(const mx_snapshot *s, int64_t ms)
{
    size_t low = 0;
    size_t high = s->events;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->time_ms[middle] < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

mx_snapshot mx_snapshot_before(const mx_snapshot *whole, int64_t until_ms)
{
    mx_snapshot view = *whole;
    view.events = first_from(whole, until_ms);
    view.first_ms = view.events ? view.time_ms[0] : 0;
    view.last_ms = view.events ? view.time_ms[view.events - 1] : 0;
    return view;
}

int64_t mx_snapshot_split_ms(const mx_snapshot *snapshot)
{
    if (snapshot->events == 0)
        return 0;
    int64_t first = mx_floor_day(snapshot->first_ms);
    int64_t end = mx_floor_day(snapshot->last_ms) + MX_DAY_MS;
    int64_t days = (end - first) / MX_DAY_MS;
    if (days < 14)
        return 0;
    int64_t split = mx_floor_month(end - 28 * MX_DAY_MS);
    if (split - first >= (days + 1) / 2 * MX_DAY_MS)
        return split;
    return first + days * 8 / 10 * MX_DAY_MS;
}

static int32_t find(const mx_str *ids, size_t n, mx_str id)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = mx_str_compare(ids[middle], id);
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int32_t mx_snapshot_find_customer(const mx_snapshot *snapshot, const char *id)
{
    return find(snapshot->customer_id, snapshot->customers, mx_str_of(id));
}

int32_t mx_snapshot_find_product(const mx_snapshot *snapshot, const char *id)
{
    return find(snapshot->product_id, snapshot->products, mx_str_of(id));
}

/* Counting sort of the whole's events by customer. */
static merx_status list_by_customer(const mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    size_t known = 0;
    size_t *starts;
    int32_t *list;

    MX_TRY(MX_NEW_ARRAY(m->alloc, s->customers + 1, &starts, "events of customers", err));
    for (size_t i = 0; i < m->events; i++)
        if (s->customer[i] >= 0) {
            starts[s->customer[i] + 1]++;
            known++;
        }
    merx_status status = mx_alloc_array_raw(m->alloc, known, sizeof *list, "events of customers", &list, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(m->alloc, starts, s->customers + 1);
        return status;
    }
    for (size_t c = 0; c < s->customers; c++)
        starts[c + 1] += starts[c];
    for (size_t i = 0; i < m->events; i++)
        if (s->customer[i] >= 0)
            list[starts[s->customer[i]]++] = (int32_t)i;
    for (size_t c = s->customers; c > 0; c--)
        starts[c] = starts[c - 1];
    starts[0] = 0;
    m->starts = starts;
    m->list = list;
    m->listed = known;
    return MERX_OK;
}

merx_status mx_snapshot_customer_events(mx_snapshot *snapshot, int32_t customer, const int32_t **events, size_t *n,
                                        merx_error *err)
{
    *events = NULL;
    *n = 0;
    if (customer < 0 || (size_t)customer >= snapshot->customers)
        MX_FAIL(err, MERX_E_RANGE, "", "customer %" PRId32 " of %zu", customer, snapshot->customers);
    struct mx_snapshot_memory *m = snapshot->memory;
    if (!m->starts)
        MX_TRY(list_by_customer(snapshot, err));
    assert(m->starts != NULL);
    size_t first = m->starts[customer];
    size_t end = m->starts[customer + 1];
    /* A view ends earlier. */
    while (end > first && (size_t)m->list[end - 1] >= snapshot->events)
        end--;
    *events = m->list + first;
    *n = end - first;
    return MERX_OK;
}

uint64_t mx_snapshot_customer_key(const mx_snapshot *snapshot, int32_t customer)
{
    mx_str id = snapshot->customer_id[customer];
    return mx_hash64(id.data, id.size, 0x637573746f6d6572u);
}

uint64_t mx_snapshot_product_key(const mx_snapshot *snapshot, int32_t product)
{
    mx_str id = snapshot->product_id[product];
    return mx_hash64(id.data, id.size, 0x70726f64756374u);
}
