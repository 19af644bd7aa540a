/*
 * The index of a loaded recommender: building it, and products by hints. The search: recommender_top.c.
 */
#include "shop/answers/recommender_index.h"

#include <math.h>
#include <string.h>

#include "base/sort.h"
#include "kernels/kernels.h"
#include "shop/answers/recommender.h"

/* Above the error of a norm computed in double and of an exact score; and what keeps float arithmetic clear of its smallest numbers. */
#define NORM_SLACK 1e-6
#define NORM_LEAST 1e-36

void mx_recommender_index_release(mx_recommender *model)
{
    mx_recommender_index *index = model->index;
    if (!index)
        return;
    size_t items = model->items, f = (size_t)model->als.factors, places = index->panels * MX_PANEL;
    MX_FREE_ARRAY(model->alloc, index->order, places);
    MX_FREE_ARRAY(model->alloc, index->rows, places * f);
    MX_FREE_ARRAY(model->alloc, index->bounds, items);
    MX_FREE_ARRAY(model->alloc, index->popular, items);
    MX_FREE_ARRAY(model->alloc, index->product, items);
    MX_FREE_ARRAY(model->alloc, index->item, index->products);
    MX_FREE_ARRAY(model->alloc, index->ids, items);
    mx_als_solved_release(&index->solved);
    MX_FREE_ARRAY(model->alloc, index, 1);
    model->index = NULL;
}

static float z_of(const mx_recommender *model, size_t item, float factor)
{
    return (float)(model->als_weight * (double)model->trend[item] * (double)factor);
}

static merx_status measure(const mx_recommender *model, mx_item_bound *bounds, merx_error *err)
{
    size_t f = (size_t)model->als.factors;
    for (size_t t = 0; t < model->items; t++) {
        const float *y = model->als.item_factors + t * f;
        double squares = 0;
        for (size_t k = 0; k < f; k++)
            squares += (double)y[k] * (double)y[k];
        double norm = model->als_weight * (double)model->trend[t] * sqrt(squares);
        if (!(norm >= 0 && norm < 1e30) || !(model->trend[t] >= 0))
            MX_FAIL(err, MERX_E_CORRUPT, "recommend", "the factors or the trend of product %zu are no usable numbers",
                    t);
        bounds[t] = (mx_item_bound){norm > 0 ? (float)(norm * (1 + NORM_SLACK) + NORM_LEAST) : 0, model->trend[t]};
    }
    return MERX_OK;
}

/* Items by ascending key, ties by item. */
static void order_by(mx_keyed *keys, mx_keyed *spare, size_t n, int32_t *order)
{
    const mx_keyed *sorted = mx_sort_keyed(keys, spare, n);
    for (size_t i = 0; i < n; i++)
        order[i] = (int32_t)sorted[i].row;
}

static merx_status order_items(const mx_recommender *model, mx_recommender_index *index, merx_error *err)
{
    size_t items = model->items;
    mx_keyed *keys = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, 2 * items, sizeof *keys, "order of items", &keys, err));
    for (size_t t = 0; t < items; t++) {
        uint32_t bits; /* of a float from 0 on: they ascend with it */
        memcpy(&bits, &index->bounds[t].norm, sizeof bits);
        keys[t] = (mx_keyed){UINT32_MAX - bits, (uint32_t)t};
    }
    order_by(keys, keys + items, items, index->order);
    for (size_t at = items; at < index->panels * MX_PANEL; at++)
        index->order[at] = -1;
    for (size_t t = 0; t < items; t++)
        keys[t] = (mx_keyed){mx_key_of_int64(-(int64_t)model->buyers[t]), (uint32_t)t};
    order_by(keys, keys + items, items, index->popular);
    MX_FREE_ARRAY(model->alloc, keys, 2 * items);
    return MERX_OK;
}

static void fill_panels(const mx_recommender *model, mx_recommender_index *index)
{
    size_t f = (size_t)model->als.factors;
    for (size_t p = 0; p < index->panels; p++) {
        float *panel = index->rows + p * f * MX_PANEL;
        for (size_t j = 0; j < MX_PANEL; j++) {
            int32_t item = index->order[p * MX_PANEL + j];
            for (size_t k = 0; k < f; k++)
                panel[k * MX_PANEL + j] =
                    item < 0 ? 0 : z_of(model, (size_t)item, model->als.item_factors[(size_t)item * f + k]);
        }
    }
}

static mx_short_id short_id(mx_str id)
{
    mx_short_id out = {.size = (uint32_t)id.size};
    if (id.size)
        memcpy(out.first, id.data, id.size < sizeof out.first ? id.size : sizeof out.first);
    return out;
}

/* Both lists of ids ascend, so one walk finds what is in both. An order that does not (a model made elsewhere) only leaves hints out. */
static void match_products(const mx_recommender *model, const mx_snapshot *s, mx_recommender_index *index)
{
    for (size_t p = 0; p < index->products; p++)
        index->item[p] = -1;
    for (size_t t = 0, p = 0; t < model->items; t++) {
        mx_str id = mx_dict_get(model->ids, (int32_t)t);
        index->ids[t] = short_id(id);
        while (p < s->products && mx_str_compare(s->product_id[p], id) < 0)
            p++;
        bool same = p < s->products && mx_str_equal(s->product_id[p], id);
        index->product[t] = same ? (int32_t)p : -1;
        if (same)
            index->item[p] = (int32_t)t;
    }
}

merx_status mx_recommender_index_build(mx_recommender *model, const mx_snapshot *snapshot, merx_error *err)
{
    const merx_allocator *alloc = model->alloc;
    size_t items = model->items, f = (size_t)model->als.factors;
    mx_recommender_index *index;
    merx_status status;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *index, "index of items", &index, err));
    model->index = index;
    index->panels = (items + MX_PANEL - 1) / MX_PANEL;
    index->products = snapshot->products;
    size_t places = index->panels * MX_PANEL;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, places, sizeof *index->order, "order of items", &index->order, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, places * f, sizeof *index->rows, "panels of items", &index->rows, err));
    mx_wish_large_pages(index->rows, places * f * sizeof *index->rows);
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, items, sizeof *index->bounds, "norms of items", &index->bounds, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, items, sizeof *index->popular, "order of items", &index->popular, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, items, sizeof *index->product, "products of items", &index->product, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, items, sizeof *index->ids, "ids of items", &index->ids, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, index->products, sizeof *index->item, "items of products", &index->item, err));
    MX_TRY_GOTO(mx_als_solved_init(&model->als, alloc, &index->solved, err));
    MX_TRY_GOTO(measure(model, index->bounds, err));
    MX_TRY_GOTO(order_items(model, index, err));
    fill_panels(model, index);
    match_products(model, snapshot, index);
    return MERX_OK;
out:
    mx_recommender_index_release(model);
    return status;
}

/* ---- products ---- */

/* Below 0, 0, above 0: the id of an item beside that of a product. */
static int compare_ids(const mx_recommender *model, int32_t item, mx_str id)
{
    const mx_short_id *mine = &model->index->ids[item];
    size_t least = mine->size < id.size ? mine->size : id.size, first = sizeof mine->first;
    int order = least ? memcmp(mine->first, id.data, least < first ? least : first) : 0;
    if (order == 0 && least > first)
        order = memcmp(mx_dict_get(model->ids, item).data + first, id.data + first, least - first);
    return order ? order : (mine->size > id.size) - (mine->size < id.size);
}

static int32_t item_of(const mx_recommender *model, const mx_snapshot *s, int32_t product)
{
    const mx_recommender_index *index = model->index;
    mx_str id = s->product_id[product];
    if ((size_t)product < index->products) {
        int32_t item = index->item[product];
        if (item >= 0 && compare_ids(model, item, id) == 0)
            return item;
    }
    return mx_dict_find(model->ids, id);
}

/* Ids ascend, and a later snapshot has some more of them: outwards from where it was, in doubling steps, then halving. */
static int32_t product_of(const mx_recommender *model, const mx_snapshot *s, int32_t item)
{
    int32_t hint = model->index->product[item];
    size_t from = 0, end = s->products;
    if (hint >= 0 && (size_t)hint < end) {
        int order = compare_ids(model, item, s->product_id[hint]);
        if (order == 0)
            return hint;
        if (order < 0)
            end = (size_t)hint;
        else
            from = (size_t)hint + 1;
        for (size_t step = 1; order > 0 && from + step < end; step *= 2) {
            if (compare_ids(model, item, s->product_id[from + step]) < 0)
                end = from + step;
            else
                from += step;
        }
    }
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        int order = compare_ids(model, item, s->product_id[middle]);
        if (order == 0)
            return (int32_t)middle;
        if (order > 0)
            from = middle + 1;
        else
            end = middle;
    }
    return -1;
}

/* Steps of each that others wait for, before any is waited for. */
enum { TOGETHER = 32 };

static void items_of(const mx_recommender *model, const mx_snapshot *s, const int32_t *products, size_t n,
                     int32_t *items)
{
    const mx_recommender_index *index = model->index;
    for (size_t k = 0; k < n; k++)
        if (products[k] >= 0) {
            __builtin_prefetch(&s->product_id[products[k]]);
            __builtin_prefetch(&index->item[(size_t)products[k] < index->products ? products[k] : 0]);
        }
    for (size_t k = 0; k < n; k++) {
        items[k] = products[k] >= 0 && (size_t)products[k] < index->products ? index->item[products[k]] : -1;
        if (products[k] >= 0)
            __builtin_prefetch(s->product_id[products[k]].data);
        if (items[k] >= 0)
            __builtin_prefetch(&index->ids[items[k]]);
    }
    for (size_t k = 0; k < n; k++)
        items[k] = products[k] >= 0 ? item_of(model, s, products[k]) : -1;
}

void mx_recommender_items(const mx_recommender *model, const mx_snapshot *snapshot, const int32_t *products, size_t n,
                          int32_t *items)
{
    for (size_t k = 0; k < n; k += TOGETHER)
        items_of(model, snapshot, products + k, n - k < TOGETHER ? n - k : TOGETHER, items + k);
}

static void products_of(const mx_recommender *model, const mx_snapshot *s, const int32_t *items, size_t n,
                        int32_t *products)
{
    const mx_recommender_index *index = model->index;
    for (size_t k = 0; k < n; k++) {
        __builtin_prefetch(&index->product[items[k]]);
        __builtin_prefetch(&index->ids[items[k]]);
    }
    for (size_t k = 0; k < n; k++) {
        products[k] = index->product[items[k]];
        if (products[k] >= 0 && (size_t)products[k] < s->products)
            __builtin_prefetch(&s->product_id[products[k]]);
    }
    for (size_t k = 0; k < n; k++)
        if (products[k] >= 0 && (size_t)products[k] < s->products)
            __builtin_prefetch(s->product_id[products[k]].data);
    for (size_t k = 0; k < n; k++)
        products[k] = product_of(model, s, items[k]);
}

void mx_recommender_products(const mx_recommender *model, const mx_snapshot *snapshot, const int32_t *items, size_t n,
                             int32_t *products)
{
    for (size_t k = 0; k < n; k += TOGETHER)
        products_of(model, snapshot, items + k, n - k < TOGETHER ? n - k : TOGETHER, products + k);
}
