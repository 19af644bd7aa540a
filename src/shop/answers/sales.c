/*
 * Purchases as a matrix, events by group, hints for unknown ids. Letters: u rows (customers), i items, e events.
 *
 * Everything keeps the snapshot's own order, which is that of ids, so the result depends on what was sold to whom and on nothing else.
 */
#include "shop/answers/sales.h"

#include <stdlib.h>
#include <string.h>

enum { NEAREST_AROUND = 200, NEAREST_ALL = 20000 };

static int compare_i32(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Whether event e is a sale of goods to a known customer. */
static bool is_named_sale(const mx_snapshot *s, size_t e)
{
    return s->customer[e] >= 0 && mx_snapshot_is_sale(s, e);
}

static merx_status number_items(const mx_snapshot *s, mx_sales *out, merx_error *err)
{
    const merx_allocator *alloc = out->alloc;
    MX_TRY(mx_alloc_array_raw(alloc, out->products, sizeof(int32_t), "items of products", &out->product_item, err));
    MX_TRY(mx_alloc_array_raw(alloc, out->customers, sizeof(int32_t), "rows of customers", &out->customer_row, err));
    for (size_t p = 0; p < out->products; p++)
        out->product_item[p] = -1;
    for (size_t c = 0; c < out->customers; c++)
        out->customer_row[c] = -1;
    for (size_t e = 0; e < s->events; e++)
        if (is_named_sale(s, e)) {
            out->product_item[s->product[e]] = 0;
            out->customer_row[s->customer[e]] = 0;
            out->sales++;
        }
    for (size_t p = 0; p < out->products; p++)
        if (out->product_item[p] == 0)
            out->product_item[p] = (int32_t)out->matrix.columns++;
    for (size_t c = 0; c < out->customers; c++)
        if (out->customer_row[c] == 0)
            out->customer_row[c] = (int32_t)out->matrix.rows++;
    MX_TRY(mx_alloc_array(alloc, out->matrix.columns, sizeof(int32_t), "items", &out->item_product, err));
    MX_TRY(mx_alloc_array(alloc, out->matrix.columns, sizeof(int32_t), "buyers of items", &out->buyers, err));
    MX_TRY(mx_alloc_array(alloc, out->matrix.rows, sizeof(int32_t), "buying customers", &out->row_customer, err));
    for (size_t p = 0; p < out->products; p++)
        if (out->product_item[p] >= 0)
            out->item_product[out->product_item[p]] = (int32_t)p;
    for (size_t c = 0; c < out->customers; c++)
        if (out->customer_row[c] >= 0)
            out->row_customer[out->customer_row[c]] = (int32_t)c;
    return MERX_OK;
}

/* Lines are put behind their row's start, sorted, and repeats dropped in place (place k - 1 is only ever overwritten by its own value before k is read). */
static merx_status fill_rows(const mx_snapshot *s, mx_sales *out, merx_error *err)
{
    size_t rows = out->matrix.rows;
    MX_TRY(mx_alloc_array(out->alloc, rows + 1, sizeof(int64_t), "starts of rows", &out->starts, err));
    MX_TRY(mx_alloc_array_raw(out->alloc, out->sales, sizeof(int32_t), "sales", &out->indices, err));
    for (size_t e = 0; e < s->events; e++)
        if (is_named_sale(s, e))
            out->starts[out->customer_row[s->customer[e]] + 1]++;
    for (size_t u = 0; u < rows; u++)
        out->starts[u + 1] += out->starts[u];
    /* starts[u] moves to the end of row u while it is filled, and is set right again below. */
    for (size_t e = 0; e < s->events; e++)
        if (is_named_sale(s, e))
            out->indices[out->starts[out->customer_row[s->customer[e]]]++] = out->product_item[s->product[e]];
    for (size_t u = rows; u > 0; u--)
        out->starts[u] = out->starts[u - 1];
    out->starts[0] = 0;
    int64_t kept = 0, begin = 0;
    for (size_t u = 0; u < rows; u++) {
        int64_t end = out->starts[u + 1];
        qsort(out->indices + begin, (size_t)(end - begin), sizeof(int32_t), compare_i32);
        out->starts[u] = kept;
        for (int64_t k = begin; k < end; k++)
            if (k == begin || out->indices[k] != out->indices[k - 1]) {
                int32_t item = out->indices[k];
                out->buyers[item]++;
                out->indices[kept++] = item;
            }
        begin = end;
    }
    if (rows > 0)
        out->starts[rows] = kept;
    return MERX_OK;
}

merx_status mx_sales_build(const mx_snapshot *snapshot, const merx_allocator *alloc, mx_sales *out, merx_error *err)
{
    *out = (mx_sales){
        .alloc = mx_allocator_or_default(alloc), .products = snapshot->products, .customers = snapshot->customers};
    merx_status status;
    MX_TRY_GOTO(number_items(snapshot, out, err));
    MX_TRY_GOTO(fill_rows(snapshot, out, err));
    out->matrix.starts = out->starts;
    out->matrix.indices = out->indices;
    return MERX_OK;
out:
    mx_sales_release(out);
    return status;
}

void mx_sales_release(mx_sales *sales)
{
    const merx_allocator *alloc = sales->alloc;
    if (!alloc)
        return;
    MX_FREE_ARRAY(alloc, sales->starts, sales->matrix.rows + 1);
    MX_FREE_ARRAY(alloc, sales->indices, sales->sales);
    MX_FREE_ARRAY(alloc, sales->row_customer, sales->matrix.rows);
    MX_FREE_ARRAY(alloc, sales->item_product, sales->matrix.columns);
    MX_FREE_ARRAY(alloc, sales->product_item, sales->products);
    MX_FREE_ARRAY(alloc, sales->customer_row, sales->customers);
    MX_FREE_ARRAY(alloc, sales->buyers, sales->matrix.columns);
    *sales = (mx_sales){0};
}

int64_t mx_sales_find(const mx_sales *sales, size_t row, int32_t item)
{
    int64_t low = sales->starts[row], high = sales->starts[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sales->indices[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sales->starts[row + 1] && sales->indices[low] == item ? low : -1;
}

bool mx_sales_has(const mx_sales *sales, size_t row, int32_t item)
{
    return mx_sales_find(sales, row, item) >= 0;
}

merx_status mx_event_groups_build(const mx_snapshot *snapshot, const int32_t *group_of, size_t groups,
                                  const merx_allocator *alloc, mx_event_groups *out, merx_error *err)
{
    *out = (mx_event_groups){.alloc = mx_allocator_or_default(alloc), .groups = groups};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(out->alloc, groups + 1, sizeof(int64_t), "starts of groups", &out->starts, err));
    for (size_t e = 0; e < snapshot->events; e++)
        if (group_of[e] >= 0) {
            out->starts[group_of[e] + 1]++;
            out->count++;
        }
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, out->count, sizeof(int32_t), "grouped events", &out->events, err));
    for (size_t g = 0; g < groups; g++)
        out->starts[g + 1] += out->starts[g];
    for (size_t e = 0; e < snapshot->events; e++)
        if (group_of[e] >= 0)
            out->events[out->starts[group_of[e]]++] = (int32_t)e;
    for (size_t g = groups; g > 0; g--)
        out->starts[g] = out->starts[g - 1];
    out->starts[0] = 0;
    return MERX_OK;
out:
    mx_event_groups_release(out);
    return status;
}

void mx_event_groups_release(mx_event_groups *groups)
{
    if (!groups->alloc)
        return;
    MX_FREE_ARRAY(groups->alloc, groups->starts, groups->groups + 1);
    MX_FREE_ARRAY(groups->alloc, groups->events, groups->count);
    *groups = (mx_event_groups){0};
}

/* ---- ids that are not there ---- */

/* First place whose id is not before the given one. */
static size_t lower_bound(const mx_str *ids, size_t n, mx_str id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mx_str_compare(ids[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Looks at all ids, in a big shop at those around the place where it would stand. A failed allocation gives the message without the hint. */
merx_status mx_unknown_id(const mx_str *ids, size_t n, const char *what, const char *id, merx_error *err)
{
    size_t from = 0, to = n;
    if (n > NEAREST_ALL) {
        size_t at = lower_bound(ids, n, mx_str_of(id));
        from = at > NEAREST_AROUND ? at - NEAREST_AROUND : 0;
        to = at + NEAREST_AROUND < n ? at + NEAREST_AROUND : n;
    }
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    const char **candidates = to > from ? mx_arena_array(&arena, to - from, sizeof *candidates, NULL) : NULL;
    size_t count = 0;
    for (size_t i = from; candidates && i < to; i++)
        if ((candidates[count] = mx_arena_strndup(&arena, ids[i].data, ids[i].size, NULL)))
            count++;
    const char *nearest = count ? mx_nearest_word(id, candidates, count) : NULL;
    if (nearest)
        mx_error_set(err, MERX_E_NOT_FOUND, what, "%s \"%.100s\" is not known; the nearest id is \"%.255s\"", what, id,
                     nearest);
    else
        mx_error_set(err, MERX_E_NOT_FOUND, what, "%s \"%.100s\" is not known, and no id of the %zu known is near it",
                     what, id, n);
    mx_arena_release(&arena);
    return MERX_E_NOT_FOUND;
}

merx_status mx_unknown_customer(const mx_snapshot *snapshot, const char *id, merx_error *err)
{
    return mx_unknown_id(snapshot->customer_id, snapshot->customers, "customer", id, err);
}

merx_status mx_unknown_product(const mx_snapshot *snapshot, const char *id, merx_error *err)
{
    return mx_unknown_id(snapshot->product_id, snapshot->products, "product", id, err);
}

int32_t mx_find_id(const mx_str *ids, size_t n, const char *id)
{
    mx_str text = mx_str_of(id);
    size_t at = lower_bound(ids, n, text);
    return at < n && mx_str_equal(ids[at], text) ? (int32_t)at : -1;
}

merx_status mx_split_ids(const char *list, mx_arena *arena, const char ***ids, size_t *n, merx_error *err)
{
    size_t most = 1;
    for (const char *c = list; *c; c++)
        most += *c == ',';
    *n = 0;
    *ids = mx_arena_array(arena, most, sizeof **ids, err);
    if (!*ids)
        return MERX_E_MEMORY;
    for (const char *begin = list;;) {
        const char *end = strchrnul(begin, ',');
        mx_str word = mx_str_trim((mx_str){begin, (size_t)(end - begin)});
        if (word.size > 0) {
            if (!((*ids)[*n] = mx_arena_strndup(arena, word.data, word.size, err)))
                return MERX_E_MEMORY;
            ++*n;
        }
        if (!*end)
            return MERX_OK;
        begin = end + 1;
    }
}
