/*
 * The n best items of next, exactly, out of an index. The idea and its bounds: next_top.h.
 *
 * Invariants: between questions every number of a desk's counts is -0.0, which no sum of list weights is, so it says "in no list"; NaN says "offered or barred", and is below every bound.
 */
#include "shop/answers/next_top.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sort.h"
#include "shop/answers/next.h"

enum { BLOCK = 64 };

/* Of states: a first guess that orders the items; any gives the same answers. */
#define TYPICAL 2.0
/* Above the error of a float product of (units / 8 + 6) 2^-24 of |h| |v| + |b|, and of a norm's own. */
#define SLACK 1e-4
/* Of sums in double. */
#define SLACK_OF_SUMS 1e-12

/* One question's working memory. */
typedef struct desk {
    double *counts;   /* (items) */
    int32_t *touched; /* (items + 1) those that are not -0.0, each once */
    size_t n_touched;
    float *hidden, *scratch; /* of the network */
} desk;

struct mx_next_index {
    size_t blocks, products;
    int32_t *order;             /* (items) by descending key, ties by item */
    double *key;                /* (items) of an item */
    float *norms;               /* (items) at least |v| by a little; 0 without a network */
    double *longest, *shortest; /* (blocks) of norms from there on */
    int32_t *popular;           /* (items) by descending number of sequences, ties by item */
    int32_t *product;           /* (items) of the snapshot it was loaded with; -1: none */
    _Atomic(desk *) spare;      /* one that nobody uses; NULL: none */
};

/* ---- making it ---- */

static void desk_free(const mx_next *model, desk *d)
{
    if (!d)
        return;
    MX_FREE_ARRAY(model->alloc, d->counts, model->items);
    MX_FREE_ARRAY(model->alloc, d->touched, model->items + 1);
    MX_FREE_ARRAY(model->alloc, d->hidden, model->ranker.units);
    MX_FREE_ARRAY(model->alloc, d->scratch, mx_ranker_follow_scratch(&model->ranker));
    MX_FREE_ARRAY(model->alloc, d, 1);
}

static merx_status desk_new(const mx_next *model, desk **out, merx_error *err)
{
    const merx_allocator *alloc = model->alloc;
    desk *d;
    merx_status status;
    *out = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *d, "working memory of next", &d, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, model->items, sizeof *d->counts, "scores of items", &d->counts, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, model->items + 1, sizeof *d->touched, "items of lists", &d->touched, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, model->ranker.units, sizeof *d->hidden, "state of the network", &d->hidden, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, mx_ranker_follow_scratch(&model->ranker), sizeof *d->scratch,
                               "scratch of the network", &d->scratch, err));
    for (size_t t = 0; t < model->items; t++)
        d->counts[t] = -0.0;
    *out = d;
    return MERX_OK;
out:
    desk_free(model, d);
    return status;
}

static merx_status take_desk(const mx_next *model, desk **out, merx_error *err)
{
    *out = atomic_exchange(&model->index->spare, NULL);
    return *out ? MERX_OK : desk_new(model, out, err);
}

/* Clean, for the next question; a second one that comes back at the same time goes. */
static void give_desk(const mx_next *model, desk *d)
{
    for (size_t i = 0; i < d->n_touched; i++)
        d->counts[d->touched[i]] = -0.0;
    d->n_touched = 0;
    desk *none = NULL;
    if (!atomic_compare_exchange_strong(&model->index->spare, &none, d))
        desk_free(model, d);
}

void mx_next_index_release(mx_next *model)
{
    mx_next_index *index = model->index;
    if (!index)
        return;
    desk_free(model, atomic_exchange(&index->spare, NULL));
    MX_FREE_ARRAY(model->alloc, index->order, model->items);
    MX_FREE_ARRAY(model->alloc, index->key, model->items);
    MX_FREE_ARRAY(model->alloc, index->norms, model->items);
    MX_FREE_ARRAY(model->alloc, index->longest, index->blocks);
    MX_FREE_ARRAY(model->alloc, index->shortest, index->blocks);
    MX_FREE_ARRAY(model->alloc, index->popular, model->items);
    MX_FREE_ARRAY(model->alloc, index->product, model->items);
    MX_FREE_ARRAY(model->alloc, index, 1);
    model->index = NULL;
}

static merx_status measure(const mx_next *model, mx_next_index *index, merx_error *err)
{
    const mx_ranker *r = &model->ranker;
    for (size_t t = 0; t < model->items; t++) {
        double squares = 0, bias = 0;
        for (size_t k = 0; r->items && k < r->units; k++)
            squares += (double)r->vectors[t * r->units + k] * (double)r->vectors[t * r->units + k];
        double norm = sqrt(squares) * (1 + SLACK);
        if (r->items)
            bias = (double)r->bias[t] + SLACK * fabs((double)r->bias[t]);
        index->norms[t] = norm > 0 ? nextafterf((float)norm, INFINITY) : 0;
        index->key[t] = model->popularity * mx_next_share(model, (int32_t)t) +
                        model->network * (TYPICAL * (double)index->norms[t] + bias);
        if (!(fabs(index->key[t]) < 1e30))
            MX_FAIL(err, MERX_E_CORRUPT, "next", "the network's vector of product %zu is no usable number", t);
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

static merx_status order_items(const mx_next *model, mx_next_index *index, merx_error *err)
{
    size_t n = model->items;
    mx_keyed *keys = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, 2 * n, sizeof *keys, "order of items", &keys, err));
    for (size_t t = 0; t < n; t++)
        keys[t] = (mx_keyed){mx_key_of_double(-index->key[t]), (uint32_t)t};
    order_by(keys, n, index->order);
    for (size_t t = 0; t < n; t++)
        keys[t] = (mx_keyed){mx_key_of_int64(-(int64_t)model->holders[t]), (uint32_t)t};
    order_by(keys, n, index->popular);
    MX_FREE_ARRAY(model->alloc, keys, 2 * n);
    double longest = 0, shortest = INFINITY;
    for (size_t b = index->blocks; b > 0; b--) {
        for (size_t i = (b - 1) * BLOCK; i < b * BLOCK && i < n; i++) {
            longest = fmax(longest, (double)index->norms[index->order[i]]);
            shortest = fmin(shortest, (double)index->norms[index->order[i]]);
        }
        index->longest[b - 1] = longest;
        index->shortest[b - 1] = shortest;
    }
    return MERX_OK;
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

merx_status mx_next_index_build(mx_next *model, const mx_snapshot *snapshot, merx_error *err)
{
    const merx_allocator *alloc = model->alloc;
    size_t n = model->items;
    mx_next_index *index;
    merx_status status;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *index, "index of items", &index, err));
    model->index = index;
    index->blocks = (n + BLOCK - 1) / BLOCK;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->order, "order of items", &index->order, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->key, "bounds of items", &index->key, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->norms, "norms of items", &index->norms, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, index->blocks, sizeof *index->longest, "norms of blocks", &index->longest, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, index->blocks, sizeof *index->shortest, "norms of blocks", &index->shortest, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->popular, "order of items", &index->popular, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *index->product, "products of items", &index->product, err));
    MX_TRY_GOTO(measure(model, index, err));
    MX_TRY_GOTO(order_items(model, index, err));
    match_products(model, snapshot, index);
    return MERX_OK;
out:
    mx_next_index_release(model);
    return status;
}

int32_t mx_next_product_hint(const mx_next *model, const mx_snapshot *s, int32_t item)
{
    int32_t hint = model->index->product[item];
    return hint >= 0 && (size_t)hint < s->products && mx_str_equal(s->product_id[hint], mx_dict_get(model->ids, item))
               ? hint
               : -1;
}

/* ---- the best so far ---- */

typedef struct search {
    const mx_next *model;
    desk *d;
    double over;         /* network (|h| - TYPICAL) */
    mx_next_place *best; /* (n) in their order */
    size_t n, count;
} search;

static bool before(mx_next_place a, mx_next_place b)
{
    return a.score > b.score || (a.score == b.score && a.item < b.item);
}

static void keep(mx_next_place *best, size_t n, size_t *count, mx_next_place one)
{
    size_t at = *count;
    if (at == n && !before(one, best[n - 1]))
        return;
    at = at == n ? n - 1 : (*count)++;
    for (; at > 0 && before(one, best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = one;
}

/* What a score has to reach; a little less, for the rounding of bounds. */
static double least(const search *s)
{
    if (s->count < s->n)
        return -INFINITY;
    double score = s->best[s->n - 1].score;
    return score - SLACK_OF_SUMS * fabs(score);
}

/* The items of a list are scored, all at once, and offered. */
static void offer(search *s, const int32_t *items, size_t m)
{
    float logits[BLOCK];
    double *counts = s->d->counts;
    if (m && s->model->ranker.items)
        mx_ranker_logits(&s->model->ranker, s->d->hidden, items, m, logits);
    for (size_t i = 0; i < m; i++) {
        int32_t t = items[i];
        if (isnan(counts[t])) /* twice in a list */
            continue;
        double base = mx_next_base(s->model, t, s->model->ranker.items ? logits[i] : 0);
        keep(s->best, s->n, &s->count, (mx_next_place){t, counts[t] + base});
        if (counts[t] == 0 && signbit(counts[t])) /* in no list: to be cleaned up as well */
            s->d->touched[s->d->n_touched++] = t;
        counts[t] = NAN;
    }
}

static double bound(const search *s, int32_t t)
{
    return s->model->index->key[t] + s->over * (double)s->model->index->norms[t];
}

/* ---- the search ---- */

/* counts += times the weights of a list; -0.0 becomes a number that is none. Widened some at a time: a number alone would wait for the one before it. */
static void add_list(desk *d, const mx_item_lists *lists, int32_t j, double times)
{
    enum { AT_ONCE = 32 };
    static const double nothing = -0.0;
    double *counts = d->counts, parts[AT_ONCE];
    int32_t *touched = d->touched;
    size_t n_touched = d->n_touched;
    uint64_t none, bits;
    memcpy(&none, &nothing, sizeof none);
    for (int64_t k = lists->starts[j], end = lists->starts[j + 1]; k < end; k += AT_ONCE) {
        const float *weights = lists->weights + k;
        const int32_t *indices = lists->indices + k;
        size_t m = end - k < AT_ONCE ? (size_t)(end - k) : AT_ONCE;
        for (size_t i = 0; i < m; i++)
            parts[i] = times * (double)weights[i] + 0.0;
        for (size_t i = 0; i < m; i++) {
            int32_t t = indices[i];
            double sum = counts[t];
            memcpy(&bits, &sum, sizeof bits);
            touched[n_touched] = t;
            n_touched += bits == none;
            counts[t] = sum + parts[i];
        }
    }
    d->n_touched = n_touched;
}

static void add_lists(const mx_next *model, desk *d, const int32_t *history, size_t m)
{
    double times = 1;
    for (size_t k = m; k > 0 && times != 0; k--) {
        add_list(d, &model->after, history[k - 1], times);
        times *= model->fade;
    }
    for (size_t j = 0; j < m; j++)
        add_list(d, &model->alike, history[j], model->alike_weight);
}

/* What stands first in the lists of the last events: their scores are a first guess of what must be reached. */
static void offer_heads(search *s, const int32_t *history, size_t m)
{
    enum { EVENTS = 4 };
    const mx_item_lists *lists = &s->model->after;
    size_t each = (s->n + EVENTS - 1) / EVENTS + 4;
    for (size_t k = m; k > 0 && k + EVENTS > m; k--) {
        int32_t items[BLOCK];
        size_t taken = 0;
        int64_t at = lists->starts[history[k - 1]], end = lists->starts[history[k - 1] + 1];
        for (; at < end && taken < each && taken < BLOCK; at++) {
            int32_t t = lists->indices[at];
            if (!isnan(s->d->counts[t]))
                items[taken++] = t;
        }
        offer(s, items, taken);
    }
}

static void offer_touched(search *s)
{
    int32_t items[BLOCK];
    size_t m = 0, touched = s->d->n_touched;
    const mx_next_index *index = s->model->index;
    /* Of all bounds the largest: most are below by it alone. */
    double most = index->key[index->order[0]] + fmax(s->over * index->longest[0], s->over * index->shortest[0]);
    double reach = least(s);
    for (size_t i = 0; i < touched; i++) {
        int32_t t = s->d->touched[i];
        double counts = s->d->counts[t];
        if (counts + most >= reach && counts + bound(s, t) >= reach)
            items[m++] = t;
        if (m == BLOCK) {
            offer(s, items, m);
            m = 0;
            reach = least(s);
        }
    }
    offer(s, items, m);
}

static void offer_untouched(search *s)
{
    const mx_next_index *index = s->model->index;
    for (size_t b = 0; b < index->blocks; b++) {
        int32_t items[BLOCK];
        size_t m = 0;
        double first = index->key[index->order[b * BLOCK]], reach = least(s);
        if (!(first + fmax(s->over * index->longest[b], s->over * index->shortest[b]) >= reach))
            return;
        for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < s->model->items; i++) {
            int32_t t = index->order[i];
            if (s->d->counts[t] == 0 && bound(s, t) >= reach)
                items[m++] = t;
        }
        offer(s, items, m);
    }
}

static void bar(desk *d, const int32_t *barred, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *counts = &d->counts[barred[i]];
        if (*counts == 0 && signbit(*counts))
            d->touched[d->n_touched++] = barred[i];
        *counts = NAN;
    }
}

static void find(search *s, const int32_t *history, size_t m, const int32_t *barred, size_t n_barred)
{
    const mx_ranker *r = &s->model->ranker;
    double squares = 0;
    if (r->items)
        mx_ranker_follow(r, history, m, s->d->hidden, s->d->scratch);
    for (size_t k = 0; k < r->units && r->items; k++)
        squares += (double)s->d->hidden[k] * (double)s->d->hidden[k];
    s->over = s->model->network * (sqrt(squares) - TYPICAL);
    add_lists(s->model, s->d, history, m);
    bar(s->d, barred, n_barred);
    offer_heads(s, history, m);
    offer_touched(s);
    offer_untouched(s);
}

/* By the number of sequences. */
static void find_popular(search *s, const int32_t *barred, size_t n_barred)
{
    bar(s->d, barred, n_barred);
    for (size_t i = 0; i < s->model->items && s->count < s->n; i++) {
        int32_t t = s->model->index->popular[i];
        if (!isnan(s->d->counts[t]))
            s->best[s->count++] = (mx_next_place){t, s->model->holders[t]};
    }
}

merx_status mx_next_top(const mx_next *model, const int32_t *history, size_t m, const int32_t *barred, size_t n_barred,
                        size_t n, mx_next_place *best, size_t *count, merx_error *err)
{
    search s = {.model = model, .best = best, .n = n < model->items ? n : model->items};
    *count = 0;
    if (s.n == 0)
        return MERX_OK;
    MX_TRY(take_desk(model, &s.d, err));
    if (model->ranker.items)
        memset(s.d->hidden, 0, model->ranker.units * sizeof *s.d->hidden);
    if (m)
        find(&s, history, m, barred, n_barred);
    else
        find_popular(&s, barred, n_barred);
    give_desk(model, s.d);
    *count = s.count;
    return MERX_OK;
}
