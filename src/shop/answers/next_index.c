/*
 * The index of next, made out of a model when it is loaded. What it is for: next_top.h.
 */
#include <math.h>

#include "base/sort.h"
#include "shop/answers/next.h"

/* Above the error of a float product of (units / 8 + 6) 2^-24 of |h| |v| + |b|, and of a norm's own. */
#define SLACK 1e-4
/* Of the strongest transition on average. For sessions of 20 events among 100,000 products a third of the links pass (of transitions a fifth), and of the 1,800 items that they name some 60 reach the network. */
#define CUT 0.007
/* Memory for what items put into the network. */
enum { INPUTS_MAX_BYTES = 64 << 20 };

void mx_next_index_release(mx_next *model)
{
    mx_next_index *index = model->index;
    if (!index)
        return;
    mx_next_desk_free(model, index->spare);
    MX_FREE_ARRAY(model->alloc, index->order, model->items);
    MX_FREE_ARRAY(model->alloc, index->bounds, model->items);
    MX_FREE_ARRAY(model->alloc, index->class, model->items);
    MX_FREE_ARRAY(model->alloc, index->longest, index->blocks);
    MX_FREE_ARRAY(model->alloc, index->shortest, index->blocks);
    MX_FREE_ARRAY(model->alloc, index->popular, model->items);
    MX_FREE_ARRAY(model->alloc, index->product, model->items);
    MX_FREE_ARRAY(model->alloc, index, 1);
    model->index = NULL;
}

/* bounds (items) of items. */
static merx_status measure(const mx_next *model, mx_next_bound *bounds, merx_error *err)
{
    const mx_ranker *r = &model->ranker;
    for (size_t t = 0; t < model->items; t++) {
        double squares = 0, bias = 0;
        for (size_t k = 0; r->items && k < r->units; k++)
            squares += (double)r->vectors[t * r->units + k] * (double)r->vectors[t * r->units + k];
        double norm = sqrt(squares) * (1 + SLACK);
        if (r->items)
            bias = (double)r->bias[t] + SLACK * fabs((double)r->bias[t]);
        bounds[t].norm = norm > 0 ? nextafterf((float)norm, INFINITY) : 0;
        double key = model->popularity * mx_next_share(model, (int32_t)t) +
                     model->network * (MX_NEXT_TYPICAL * (double)bounds[t].norm + bias);
        if (!(fabs(key) < 1e30))
            MX_FAIL(err, MERX_E_CORRUPT, "next", "the network's vector of product %zu is no usable number", t);
        bounds[t].key = nextafterf((float)key, INFINITY);
    }
    return MERX_OK;
}

static double rest_of(const mx_next *model, mx_next_bound bound)
{
    return (double)bound.key - model->network * MX_NEXT_TYPICAL * (double)bound.norm;
}

static size_t grade(double value, double least, double most)
{
    double share = most > least ? (value - least) / (most - least) : 0;
    return (size_t)fmin(share * MX_NEXT_GRADES, MX_NEXT_GRADES - 1);
}

/* By equal steps of g and of |v|. */
static void classify(const mx_next *model, const mx_next_bound *bounds, mx_next_index *index)
{
    double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
    for (size_t t = 0; t < model->items; t++) {
        double value[2] = {rest_of(model, bounds[t]), (double)bounds[t].norm};
        for (size_t i = 0; i < 2; i++) {
            least[i] = fmin(least[i], value[i]);
            most[i] = fmax(most[i], value[i]);
        }
    }
    for (size_t c = 0; c < MX_NEXT_CLASSES; c++)
        index->classes[c] = (mx_next_bound){-1e30F, 0};
    for (size_t t = 0; t < model->items; t++) {
        size_t of_rest = grade(rest_of(model, bounds[t]), least[0], most[0]),
               of_norm = grade((double)bounds[t].norm, least[1], most[1]);
        index->class[t] = (uint8_t)(of_rest * MX_NEXT_GRADES + of_norm);
        mx_next_bound *c = &index->classes[index->class[t]];
        c->norm = fmaxf(c->norm, bounds[t].norm);
    }
    /* key by the class's largest norm, as bounds are made of both. */
    for (size_t t = 0; t < model->items; t++) {
        mx_next_bound *c = &index->classes[index->class[t]];
        double key = rest_of(model, bounds[t]) + model->network * MX_NEXT_TYPICAL * (double)c->norm;
        c->key = fmaxf(c->key, nextafterf((float)key, INFINITY));
    }
}

/* What the first pass relies on. seen (items): scratch. */
static merx_status check_lists(const mx_next *model, const mx_item_lists *lists, double times, int32_t *seen,
                               bool *negative, merx_error *err)
{
    for (size_t i = 0; i < model->items; i++)
        seen[i] = -1;
    for (size_t i = 0; i < model->items; i++) {
        float last = INFINITY;
        for (int64_t k = lists->starts[i]; k < lists->starts[i + 1]; k++) {
            float size = fabsf(lists->weights[k]);
            int32_t *before = &seen[lists->indices[k]];
            if (size > last || *before == (int32_t)i || !(times * (double)size < 1e30))
                MX_FAIL(err, MERX_E_CORRUPT, "next",
                        "the list of product %zu does not fall, names a product twice or holds no usable number", i);
            last = size;
            *before = (int32_t)i;
            *negative |= lists->weights[k] < 0;
        }
    }
    return MERX_OK;
}

/* Items by ascending key, ties by item. */
static void order_by(mx_keyed *keys, size_t n, int32_t *order)
{
    const mx_keyed *sorted = mx_sort_keyed(keys, keys + n, n);
    for (size_t i = 0; i < n; i++)
        order[i] = (int32_t)sorted[i].row;
}

/* found (items) of items. */
static merx_status order_items(const mx_next *model, const mx_next_bound *found, mx_next_index *index, merx_error *err)
{
    size_t n = model->items;
    mx_keyed *keys = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, 2 * n, sizeof *keys, "order of items", &keys, err));
    for (size_t t = 0; t < n; t++)
        keys[t] = (mx_keyed){mx_key_of_double(-(double)found[t].key), (uint32_t)t};
    order_by(keys, n, index->order);
    for (size_t t = 0; t < n; t++)
        keys[t] = (mx_keyed){mx_key_of_int64(-(int64_t)model->holders[t]), (uint32_t)t};
    order_by(keys, n, index->popular);
    MX_FREE_ARRAY(model->alloc, keys, 2 * n);
    for (size_t i = 0; i < n; i++)
        index->bounds[i] = found[index->order[i]];
    float longest = 0, shortest = INFINITY;
    for (size_t b = index->blocks; b > 0; b--) {
        for (size_t i = (b - 1) * MX_NEXT_BLOCK; i < b * MX_NEXT_BLOCK && i < n; i++) {
            longest = fmaxf(longest, index->bounds[i].norm);
            shortest = fminf(shortest, index->bounds[i].norm);
        }
        index->longest[b - 1] = longest;
        index->shortest[b - 1] = shortest;
    }
    return MERX_OK;
}

static merx_status take_bounds(const mx_next *model, mx_next_index *index, merx_error *err)
{
    mx_next_bound *found = NULL;
    merx_status status;
    MX_TRY(mx_alloc_array_raw(model->alloc, model->items, sizeof *found, "bounds of items", &found, err));
    MX_TRY_GOTO(measure(model, found, err));
    classify(model, found, index);
    MX_TRY_GOTO(order_items(model, found, index, err));
out:
    MX_FREE_ARRAY(model->alloc, found, model->items);
    return status;
}

/* Both lists of ids ascend, so one walk finds what is in both. An order that does not (a model made elsewhere) only leaves hints out. */
static void match_products(const mx_next *model, const mx_snapshot *s, mx_next_index *index)
{
    for (size_t t = 0, p = 0; t < model->items; t++) {
        mx_str id = mx_dict_get(model->ids, (int32_t)t);
        while (s && p < s->products && mx_str_compare(s->product_id[p], id) < 0)
            p++;
        index->product[t] = s && p < s->products && mx_str_equal(s->product_id[p], id) ? (int32_t)p : -1;
    }
}

/* product: scratch before it is matched. */
static merx_status take_lists(const mx_next *model, mx_next_index *index, merx_error *err)
{
    MX_TRY(check_lists(model, &model->after, 1, index->product, &index->negative, err));
    MX_TRY(check_lists(model, &model->alike, model->alike_weight, index->product, &index->negative, err));
    double sum = 0;
    for (size_t i = 0; i < model->items; i++)
        if (model->after.starts[i] < model->after.starts[i + 1])
            sum += model->count[i] * fabs((double)model->after.weights[model->after.starts[i]]);
    index->cut = model->events > 0 ? CUT * sum / model->events : 0;
    return MERX_OK;
}

static merx_status keep_inputs(mx_next *model, const mx_next_index *index, merx_error *err)
{
    mx_ranker *r = &model->ranker;
    if (!r->items || r->inputs)
        return MERX_OK;
    size_t most = INPUTS_MAX_BYTES / (3 * r->units * sizeof *r->inputs);
    return mx_ranker_keep_inputs(r, index->popular, most < r->items ? most : r->items, err);
}

merx_status mx_next_index_build(mx_next *model, const mx_snapshot *snapshot, merx_error *err)
{
    const merx_allocator *alloc = model->alloc;
    size_t n = model->items;
    mx_next_index *index;
    merx_status status;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *index, "index of items", &index, err));
    model->index = index;
    index->blocks = (n + MX_NEXT_BLOCK - 1) / MX_NEXT_BLOCK;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->order, "order of items", &index->order, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->bounds, "bounds of items", &index->bounds, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->class, "classes of items", &index->class, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, index->blocks, sizeof *index->longest, "norms of blocks", &index->longest, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, index->blocks, sizeof *index->shortest, "norms of blocks", &index->shortest, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->popular, "order of items", &index->popular, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->product, "products of items", &index->product, err));
    MX_TRY_GOTO(take_bounds(model, index, err));
    MX_TRY_GOTO(take_lists(model, index, err));
    match_products(model, snapshot, index);
    MX_TRY_GOTO(keep_inputs(model, index, err));
    return MERX_OK;
out:
    mx_next_index_release(model);
    return status;
}

static void products_of(const mx_next *model, const mx_snapshot *s, const int32_t *items, size_t n, int32_t *products)
{
    for (size_t k = 0; k < n; k++)
        __builtin_prefetch(&model->index->product[items[k]]);
    for (size_t k = 0; k < n; k++) {
        int32_t hint = model->index->product[items[k]];
        products[k] = hint >= 0 && (size_t)hint < s->products ? hint : -1;
        if (products[k] >= 0)
            __builtin_prefetch(&s->product_id[hint]);
    }
    for (size_t k = 0; k < n; k++)
        if (products[k] >= 0) {
            __builtin_prefetch(s->product_id[products[k]].data);
            __builtin_prefetch(mx_dict_get(model->ids, items[k]).data);
        }
    for (size_t k = 0; k < n; k++)
        if (products[k] >= 0 && !mx_str_equal(s->product_id[products[k]], mx_dict_get(model->ids, items[k])))
            products[k] = -1;
}

void mx_next_products(const mx_next *model, const mx_snapshot *snapshot, const int32_t *items, size_t n,
                      int32_t *products)
{
    enum { TOGETHER = 24 };
    for (size_t k = 0; k < n; k += TOGETHER)
        products_of(model, snapshot, items + k, n - k < TOGETHER ? n - k : TOGETHER, products + k);
}
