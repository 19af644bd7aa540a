/*
 * Merging: the streams of columns, names and lists, and the file they make.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shop/snapshot_merge_parts.h"

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
static merx_status copy_old(const mx_merge_stream *s, void *out, size_t n, merx_error *err)
{
    const mx_merging *m = s->m;
    memcpy(out, (const char *)s->from + s->old_at * s->width, n * s->width);
    if (s->which < 0)
        return MERX_OK;
    const mx_name_map *map = &m->names[s->which];
    int32_t *codes = out;
    int32_t low = 0, high = -1;
    for (size_t i = 0; i < n; i++) {
        low = codes[i] < low ? codes[i] : low;
        high = codes[i] > high ? codes[i] : high;
    }
    if (low < -1 || high >= (int64_t)map->old_n)
        return mx_merging_corrupt(err);
    for (size_t i = 0; !map->same && i < n; i++)
        codes[i] = codes[i] < 0 ? -1 : map->place[codes[i]];
    return MERX_OK;
}

static void copy_row(const mx_merge_stream *s, const mx_event_row *row, void *out)
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
    mx_merge_stream *s = context;
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
    mx_merge_stream *s = context;
    int64_t *out = buffer;
    mx_str text;
    (void)err;
    if (first == 0) {
        mx_name_walk_begin(&s->walk, &s->m->names[s->which]);
        s->offset = 0;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (first + i > 0 && mx_name_walk_next(&s->walk, &text))
            s->offset += (int64_t)text.size;
        out[i] = s->offset;
    }
    return MERX_OK;
}

static merx_status make_bytes(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    mx_merge_stream *s = context;
    char *out = buffer;
    (void)err;
    if (first == 0) {
        mx_name_walk_begin(&s->walk, &s->m->names[s->which]);
        s->text = MX_STR("");
    }
    while (n > 0) {
        if (s->text.size == 0 && !mx_name_walk_next(&s->walk, &s->text))
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
static merx_status next_group(mx_merge_stream *s, int32_t *group, merx_error *err)
{
    mx_str text;
    *group += mx_name_walk_next(&s->walk, &text);
    return mx_merging_old_part(s->index, s->walk.old, &s->list_at, &s->list_end, err);
}

/* The place of the next old event of the group; -1: there is none. */
static merx_status next_old(mx_merge_stream *s, int32_t *place, merx_error *err)
{
    *place = -1;
    for (; s->list_at < s->list_end; s->list_at++) {
        int32_t event = s->index->events[s->list_at];
        if (event < 0 || (size_t)event >= s->m->old->events)
            return mx_merging_corrupt(err);
        *place = s->m->moved[event];
        if (*place >= 0)
            return MERX_OK;
    }
    return MERX_OK;
}

static merx_status make_starts(void *context, void *buffer, uint64_t first, uint64_t n, merx_error *err)
{
    mx_merge_stream *s = context;
    const mx_merging *m = s->m;
    int32_t *out = buffer;
    int32_t group = (int32_t)first - 2;
    if (first == 0) {
        mx_name_walk_begin(&s->walk, &m->names[s->which]);
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
    mx_merge_stream *s = context;
    const mx_merging *m = s->m;
    int32_t *out = buffer;
    if (first == 0) {
        mx_name_walk_begin(&s->walk, &m->names[s->which]);
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
                return mx_merging_corrupt(err);
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

static mx_merge_stream *add_stream(mx_merging *m, int which)
{
    mx_merge_stream *s = &m->streams[m->n_streams++];
    s->m = m;
    s->which = which;
    return s;
}

static merx_status add_column(mx_merging *m, const char *name, mx_dtype dtype, int which, const void *from,
                              merx_error *err)
{
    mx_merge_stream *s = add_stream(m, which);
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
    const mx_name_map *map = &m->names[which];
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
        mx_merge_stream *s = add_stream(m, which);
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
        MX_TRY(mx_merging_old_part(&m->old->memory->by_customer, m->without, &first, &end, err));
        m->gone = m->old->memory->by_customer.events + first;
        m->n_gone = (size_t)(end - first);
        for (size_t g = 0; g < m->n_gone; g++)
            if (m->gone[g] < 0 || (size_t)m->gone[g] >= m->old->events || (g > 0 && m->gone[g] <= m->gone[g - 1]))
                return mx_merging_corrupt(err);
    }
    MX_TRY(mx_builder_take_events(&m->b, records, m->old->offset, err));
    if (m->things)
        MX_TRY(mx_builder_take_things(&m->b, records, err));
    MX_TRY(check_decimals(m, err));
    MX_TRY(mx_merging_place(m, records, err));
    MX_TRY(mx_merging_describe(m, err));
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
