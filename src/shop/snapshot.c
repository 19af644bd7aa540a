/*
 * The snapshot, read: mapped, checked once, brought up to date, looked up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/snapshot_merge.h"

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
    MX_TRY(mx_sorted_names_init(s->product_id, s->products, &m->arena, &m->products, err));
    MX_TRY(mx_sorted_names_init(s->customer_id, s->customers, &m->arena, &m->customers, err));
    MX_TRY(mx_sorted_names_init(s->session_id, s->sessions, &m->arena, &m->sessions, err));
    MX_TRY(mx_tensor_file_strings(file, "title_text", &m->arena, &list, &m->n_titles, err));
    m->titles = list;
    MX_TRY(mx_tensor_file_strings(file, "product_title", &m->arena, &list, &n, err));
    s->product_title = list;
    if (n != s->products)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu titles of %zu products", n, s->products);
    MX_TRY(vector(file, "product_service", MX_U8, s->products, &s->product_service, err));
    MX_TRY(codes(file, "product_category", s->products, s->categories, &s->product_category, err));
    MX_TRY(vector(file, "product_price_minor", MX_I64, s->products, &s->product_price_minor, err));
    MX_TRY(vector(file, "product_said", MX_U8, s->products, &m->said, err));
    MX_TRY(vector(file, "customer_said", MX_U8, s->customers, &m->customer_said, err));
    return codes(file, "customer_country", s->customers, s->countries, &s->customer_country, err);
}

/* Starts and list of an index; what they hold is checked where it is read (mx_snapshot_events_of). */
static merx_status read_index(const mx_tensor_file *file, const char *starts, const char *events, size_t groups,
                              size_t limit, mx_event_index *out, merx_error *err)
{
    uint64_t n = 0;
    MX_TRY(vector(file, starts, MX_I32, groups + 1, &out->starts, err));
    MX_TRY(mx_tensor_file_vector(file, events, MX_I32, 0, &out->events, &n, err));
    out->groups = groups;
    out->listed = (size_t)n;
    if (n > limit)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" is too long", events);
    return MERX_OK;
}

/* Lengths only: no page of the columns is touched. */
static merx_status read_events(mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    const mx_tensor_file *file = m->file;
    uint64_t n = 0;

    MX_TRY(mx_tensor_file_vector(file, "time_ms", MX_I64, 0, &s->time_ms, &n, err));
    if (n > INT32_MAX)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "has more events than a snapshot holds");
    s->events = (size_t)n;
    m->events = s->events;
    MX_TRY(vector(file, "kind", MX_U8, n, &s->kind, err));
    MX_TRY(vector(file, "quantity", MX_I64, n, &s->quantity, err));
    MX_TRY(vector(file, "price_minor", MX_I64, n, &s->price_minor, err));
    MX_TRY(vector(file, "customer", MX_I32, n, &s->customer, err));
    MX_TRY(vector(file, "product", MX_I32, n, &s->product, err));
    MX_TRY(vector(file, "order", MX_I32, n, &s->order, err));
    MX_TRY(vector(file, "session", MX_I32, n, &s->session, err));
    MX_TRY(vector(file, "country", MX_I32, n, &s->country, err));
    MX_TRY(vector(file, "title", MX_I32, n, &m->title, err));
    MX_TRY(codes(file, "product_price_event", s->products, s->events, &m->price_event, err));
    MX_TRY(read_index(file, "customer_starts", "customer_events", s->customers, s->events, &m->by_customer, err));
    MX_TRY(read_index(file, "session_starts", "session_events", s->sessions, s->events, &m->by_session, err));
    MX_TRY(mx_tensor_file_vector(file, "said_product", MX_I32, 0, &m->said_product, &n, err));
    m->n_said = (size_t)n;
    MX_TRY(codes(file, "said_product", n, s->products, &m->said_product, err));
    MX_TRY(codes(file, "said_title", n, m->n_titles, &m->said_title, err));
    MX_TRY(vector(file, "said_count", MX_I32, n, &m->said_count, err));
    s->first_ms = s->events ? s->time_ms[0] : 0;
    s->last_ms = s->events ? s->time_ms[s->events - 1] : 0;
    return MERX_OK;
}

/* ---- looking through ---- */

static merx_status outside(const mx_snapshot *s, const char *name, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(s->memory->file), "tensor \"%s\" points outside its names", name);
}

static bool codes_hold(const int32_t *column, size_t n, size_t limit)
{
    int32_t low = 0;
    int32_t high = -1;
    for (size_t i = 0; i < n; i++) {
        low = column[i] < low ? column[i] : low;
        high = column[i] > high ? column[i] : high;
    }
    return low >= -1 && (high < 0 || (size_t)high < limit);
}

/* Ascending, from 0 to the length of the list, which names events. */
static bool index_holds(const mx_event_index *index, size_t events)
{
    if (index->starts[0] != 0 || (size_t)index->starts[index->groups] != index->listed)
        return false;
    for (size_t g = 0; g < index->groups; g++)
        if (index->starts[g] > index->starts[g + 1])
            return false;
    int32_t low = 0;
    int32_t high = -1;
    for (size_t i = 0; i < index->listed; i++) {
        low = index->events[i] < low ? index->events[i] : low;
        high = index->events[i] > high ? index->events[i] : high;
    }
    return low >= 0 && high < (int64_t)events;
}

static merx_status look_through(const mx_snapshot *s, merx_error *err)
{
    const struct mx_snapshot_memory *m = s->memory;
    size_t n = m->events;
    const struct {
        const char *name;
        const int32_t *column;
        size_t limit;
    } of[] = {{"customer", s->customer, s->customers}, {"product", s->product, s->products},
              {"order", s->order, s->orders},          {"session", s->session, s->sessions},
              {"country", s->country, s->countries},   {"title", m->title, m->n_titles}};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++)
        if (!codes_hold(of[k].column, n, of[k].limit))
            return outside(s, of[k].name, err);
    if (!index_holds(&m->by_customer, n))
        return outside(s, "customer_events", err);
    if (!index_holds(&m->by_session, n))
        return outside(s, "session_events", err);
    for (size_t i = 0; i < n; i++)
        if (s->kind[i] >= MX_EVENT_KINDS || (i > 0 && s->time_ms[i] < s->time_ms[i - 1]))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(m->file), "event %zu is out of order or of no kind", i);
    return MERX_OK;
}

merx_status mx_snapshot_check(const mx_snapshot *snapshot, merx_error *err)
{
    struct mx_snapshot_memory *m = snapshot->memory;
    if (atomic_load_explicit(&m->checked, memory_order_acquire) == 1)
        return MERX_OK;
    pthread_mutex_lock(&m->lock);
    merx_status status = MERX_OK;
    if (atomic_load(&m->checked) != 1) {
        status = look_through(snapshot, err);
        atomic_store_explicit(&m->checked, status == MERX_OK ? 1 : -1, memory_order_release);
    }
    pthread_mutex_unlock(&m->lock);
    return status;
}

bool mx_snapshot_is_checked(const mx_snapshot *snapshot)
{
    return atomic_load_explicit(&snapshot->memory->checked, memory_order_acquire) == 1;
}

bool mx_snapshot_is_damaged(const mx_snapshot *snapshot)
{
    return atomic_load(&snapshot->memory->checked) < 0;
}

static merx_status read_file(mx_snapshot *s, merx_error *err)
{
    struct mx_snapshot_memory *m = s->memory;
    const char *layout = mx_tensor_file_meta(m->file, "layout");
    const unsigned char *digest;
    char checksum[65];
    int64_t value = 0;
    char text[512];

    if (!layout || strcmp(layout, MX_SNAPSHOT_LAYOUT) != 0)
        MX_FAIL(err, MERX_E_VERSION, mx_tensor_file_name(m->file), "another layout of the snapshot");
    s->currency = mx_tensor_file_meta(m->file, "currency");
    MX_TRY(vector(m->file, "digest", MX_U8, 32, &digest, err));
    for (int i = 0; i < 32; i++)
        snprintf(checksum + 2 * i, 3, "%02x", digest[i]);
    if (!s->currency)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(m->file), "metadata is missing");
    MX_TRY(meta_int(m->file, "decimals", 0, 18, &value, err));
    s->decimals = (int)value;
    MX_TRY(meta_int(m->file, "week_start", 0, 6, &value, err));
    s->week_start = (int)value;
    MX_TRY(meta_int(m->file, "zone_ms", -MX_DAY_MS, MX_DAY_MS, &s->zone_ms, err));
    MX_TRY(meta_int(m->file, "offset", 0, INT64_MAX, &s->offset, err));
    MX_TRY(meta_int(m->file, "things_version", 0, INT64_MAX, &m->things_version, err));
    MX_TRY(meta_int(m->file, "log_version", INT64_MIN, INT64_MAX, &m->log_version, err));
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
    pthread_mutex_init(&s->memory->lock, NULL);
    *out = s;
    return MERX_OK;
}

void mx_snapshot_close(mx_snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct mx_snapshot_memory *m = snapshot->memory;
    const merx_allocator *alloc = m->alloc;
    mx_event_index_release(&m->by_customer);
    mx_event_index_release(&m->by_session);
    pthread_mutex_destroy(&m->lock);
    mx_arena_release(&m->arena);
    mx_tensor_file_close(m->file);
    if (m->blobs)
        mx_blobs_unmap(m->blobs, &m->blob);
    MX_FREE_ARRAY(alloc, m->bytes, m->bytes_size);
    MX_FREE_ARRAY(alloc, m, 1);
    MX_FREE_ARRAY(alloc, snapshot, 1);
}

/* The stored snapshot. Errors: any; the caller rebuilds on what is not the environment's. check: its columns too. */
static merx_status map_stored(mx_blobs *blobs, bool check, const merx_allocator *alloc, mx_snapshot **out,
                              merx_error *err)
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
    if (status == MERX_OK && check)
        status = mx_snapshot_check(s, err);
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

bool mx_snapshot_leads_to(const mx_snapshot *snapshot, int64_t log_version, int64_t last_offset)
{
    return snapshot->memory->log_version == log_version && snapshot->offset <= last_offset;
}

/* What was just stored, unless another process has put its own there meanwhile. */
static merx_status map_written(mx_blobs *blobs, const mx_shop_settings *settings, int64_t last_offset,
                               const merx_allocator *alloc, mx_snapshot **out)
{
    MX_TRY(map_stored(blobs, false, alloc, out, NULL));
    if ((*out)->offset == last_offset && (*out)->memory->things_version == settings->things_version) {
        atomic_store(&(*out)->memory->checked, 1);
        return MERX_OK;
    }
    mx_snapshot_close(*out);
    *out = NULL;
    return MERX_E_BUSY;
}

static merx_status write_merging(void *context, mx_blob_put_fn put, void *sink, merx_error *err)
{
    return mx_merging_write(context, put, sink, err);
}

/* Where storing is refused (a read-only shop, a full disk), the snapshot lives in memory. */
static merx_status merge(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t without,
                         const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                         merx_task *task, mx_snapshot **out, merx_error *err)
{
    mx_merging *merging;
    unsigned char *bytes;
    size_t size;
    bool things = old->memory->things_version != settings->things_version;

    MX_TRY(mx_merging_new(records, old, without, things, settings, last_offset, alloc, task, &merging, err));
    merx_status status = mx_blobs_put_made(blobs, MX_SNAPSHOT_BLOB, write_merging, merging, NULL);
    if (status == MERX_OK)
        status = map_written(blobs, settings, last_offset, alloc, out);
    if (status != MERX_OK) {
        status = mx_merging_bytes(merging, &bytes, &size, err);
        if (status == MERX_OK)
            status = keep_bytes(bytes, size, alloc, out, err);
    }
    mx_merging_free(merging);
    return status;
}

static merx_status build(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t without,
                         const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                         merx_task *task, mx_snapshot **out, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    unsigned char *bytes;
    size_t size;

    MX_TRY(mx_snapshot_build(records, old, without, settings, last_offset, work, task, &bytes, &size, err));
    merx_status status = mx_blobs_put(blobs, MX_SNAPSHOT_BLOB, bytes, size, NULL);
    if (status == MERX_OK)
        status = map_written(blobs, settings, last_offset, alloc, out);
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

/* The next snapshot: merged out of the old one, built of its rows where amounts change their decimals, or of the records where there is none or it is damaged. */
static merx_status rebuild(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t without,
                           const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                           merx_task *task, mx_snapshot **out, merx_error *err)
{
    if (old && without < 0 && !mx_snapshot_leads_to(old, settings->log_version, last_offset))
        old = NULL;
    if (old) {
        merx_error failure = {0};
        merx_status status = merge(records, blobs, old, without, settings, last_offset, alloc, task, out, &failure);
        if (status == MERX_OK)
            return MERX_OK;
        if (status != MERX_E_UNSUPPORTED && status != MERX_E_CORRUPT)
            MX_FAIL(err, status, failure.where, "%s", failure.message);
        if (mx_snapshot_check(old, NULL) != MERX_OK) {
            old = NULL;
            without = -1;
        }
    }
    return build(records, blobs, old, without, settings, last_offset, alloc, task, out, err);
}

/* What is asked of a snapshot that is opened. */
typedef enum fresh_as {
    AS_RECORDS, /* built from the records */
    CURRENT,    /* all events in it, looked through */
    AS_STORED   /* any that events and changes of things complete */
} fresh_as;

static merx_status open_as(mx_records *records, mx_blobs *blobs, fresh_as fresh, const merx_allocator *alloc,
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
    if (fresh != AS_RECORDS && map_stored(blobs, fresh == CURRENT, alloc, &old, NULL) == MERX_OK) {
        bool current = old->memory->things_version == settings.things_version && old->offset == last_offset;
        if (current || (fresh == AS_STORED && mx_snapshot_leads_to(old, settings.log_version, last_offset))) {
            *out = old;
            old = NULL;
            goto out;
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

merx_status mx_snapshot_open(mx_records *records, mx_blobs *blobs, bool force, const merx_allocator *alloc,
                             merx_task *task, mx_snapshot **out, merx_error *err)
{
    return open_as(records, blobs, force ? AS_RECORDS : CURRENT, alloc, task, out, err);
}

merx_status mx_snapshot_open_stored(mx_records *records, mx_blobs *blobs, const merx_allocator *alloc,
                                    mx_snapshot **out, merx_error *err)
{
    return open_as(records, blobs, AS_STORED, alloc, NULL, out, err);
}

merx_status mx_snapshot_renew(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, const merx_allocator *alloc,
                              merx_task *task, mx_snapshot **out, merx_error *err)
{
    mx_shop_settings settings;
    mx_snapshot *stored = NULL;
    int64_t last_offset = 0;
    mx_arena arena;
    merx_status status = MERX_OK;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_shop_settings_read(records, &arena, &settings, err));
    MX_TRY_GOTO(mx_records_last_offset(records, &last_offset, err));
    bool damaged = old && mx_snapshot_is_damaged(old);
    if (!damaged && map_stored(blobs, false, alloc, &stored, NULL) == MERX_OK &&
        stored->memory->things_version == settings.things_version && stored->offset == last_offset) {
        *out = stored;
        stored = NULL;
        goto out;
    }
    MX_TRY_GOTO(rebuild(records, blobs, damaged ? NULL : old, -1, &settings, last_offset, alloc, task, out, err));
out:
    if (*out)
        (*out)->blobs = blobs;
    mx_snapshot_close(stored);
    mx_arena_release(&arena);
    return status;
}

void mx_snapshot_move(mx_snapshot *snapshot, mx_blobs *blobs)
{
    snapshot->blobs = blobs;
    if (snapshot->memory->blobs)
        snapshot->memory->blobs = blobs;
}

int64_t mx_snapshot_things_version(const mx_snapshot *snapshot)
{
    return snapshot->memory->things_version;
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
    bool same = status == MERX_OK && settings.things_version == old->memory->things_version + 1 &&
                settings.log_version == old->memory->log_version + 1;
    if (status == MERX_OK)
        status = same ? rebuild(records, blobs, old, customer, &settings, old->offset, alloc, task, out, err)
                      : mx_snapshot_open(records, blobs, true, alloc, task, out, err);
    if (status == MERX_OK && *out)
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

/* A snapshot that was not read from a file has no marks. */
static int32_t find(const mx_sorted_names *marked, const mx_str *ids, size_t n, mx_str id)
{
    const mx_sorted_names plain = {.name = ids, .n = n};
    return mx_sorted_names_find(marked->name == ids ? marked : &plain, id);
}

int32_t mx_snapshot_find_customer(const mx_snapshot *snapshot, const char *id)
{
    return find(&snapshot->memory->customers, snapshot->customer_id, snapshot->customers, mx_str_of(id));
}

int32_t mx_snapshot_find_product(const mx_snapshot *snapshot, const char *id)
{
    return mx_snapshot_find_product_name(snapshot, mx_str_of(id));
}

int32_t mx_snapshot_find_product_name(const mx_snapshot *snapshot, mx_str id)
{
    return find(&snapshot->memory->products, snapshot->product_id, snapshot->products, id);
}

int32_t mx_snapshot_find_session(const mx_snapshot *snapshot, const char *id)
{
    return find(&snapshot->memory->sessions, snapshot->session_id, snapshot->sessions, mx_str_of(id));
}

/* ---- events by customer and session ---- */

merx_status mx_event_index_build(const int32_t *group_of, size_t n, size_t groups, const merx_allocator *alloc,
                                 mx_event_index *out, merx_error *err)
{
    size_t known = 0;
    int32_t *starts;
    int32_t *list;

    *out = (mx_event_index){0};
    MX_TRY(MX_NEW_ARRAY(alloc, groups + 1, &starts, "events by group", err));
    for (size_t i = 0; i < n; i++)
        if (group_of[i] >= 0) {
            starts[group_of[i] + 1]++;
            known++;
        }
    merx_status status = mx_alloc_array_raw(alloc, known, sizeof *list, "events by group", &list, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, starts, groups + 1);
        return status;
    }
    for (size_t g = 0; g < groups; g++)
        starts[g + 1] += starts[g];
    for (size_t i = 0; i < n; i++)
        if (group_of[i] >= 0)
            list[starts[group_of[i]]++] = (int32_t)i;
    for (size_t g = groups; g > 0; g--)
        starts[g] = starts[g - 1];
    starts[0] = 0;
    *out = (mx_event_index){.alloc = alloc, .groups = groups, .listed = known, .starts = starts, .events = list};
    return MERX_OK;
}

static void free_built(const merx_allocator *alloc, const int32_t *list, size_t n)
{
    void *built; /* by mx_event_index_build; const to all others */
    memcpy(&built, &list, sizeof built);
    mx_free_array(alloc, built, n, sizeof *list);
}

void mx_event_index_release(mx_event_index *index)
{
    if (index->alloc && index->starts) {
        free_built(index->alloc, index->events, index->listed);
        free_built(index->alloc, index->starts, index->groups + 1);
    }
    *index = (mx_event_index){0};
}

/* The part of the index, its bounds checked; events of it may still be damaged. */
static merx_status part_of(const mx_snapshot *s, const mx_event_index *index, int32_t group, const int32_t **events,
                           size_t *n, merx_error *err)
{
    int32_t first = index->starts[group], end = index->starts[group + 1];
    if (first < 0 || end < first || (size_t)end > index->listed) {
        atomic_store(&s->memory->checked, -1);
        MX_FAIL(err, MERX_E_CORRUPT, "snapshot", "its list of events by customer or session is damaged");
    }
    *events = index->events + first;
    *n = (size_t)(end - first);
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
    if (!m->by_customer.starts) /* no file holds it, so one thread has it */
        MX_TRY(
            mx_event_index_build(snapshot->customer, m->events, snapshot->customers, m->alloc, &m->by_customer, err));
    MX_TRY(part_of(snapshot, &m->by_customer, customer, events, n, err));
    /* A view ends earlier. */
    while (*n > 0 && (size_t)(*events)[*n - 1] >= snapshot->events)
        --*n;
    return MERX_OK;
}

merx_status mx_snapshot_session_events(mx_snapshot *snapshot, int32_t session, const int32_t **events, size_t *n,
                                       merx_error *err)
{
    *events = NULL;
    *n = 0;
    if (session < 0 || (size_t)session >= snapshot->sessions)
        MX_FAIL(err, MERX_E_RANGE, "", "session %" PRId32 " of %zu", session, snapshot->sessions);
    struct mx_snapshot_memory *m = snapshot->memory;
    if (!m->by_session.starts)
        MX_TRY(mx_event_index_build(snapshot->session, m->events, snapshot->sessions, m->alloc, &m->by_session, err));
    MX_TRY(part_of(snapshot, &m->by_session, session, events, n, err));
    while (*n > 0 && (size_t)(*events)[*n - 1] >= snapshot->events)
        --*n;
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
