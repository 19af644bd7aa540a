/*
 * The n best items of a history, exactly, out of an index. The idea and its bounds: recommender_index.h.
 *
 * Invariants: the heap's root is the last of those kept; an item is offered at most once; barred items never.
 */
#include <math.h>
#include <string.h>

#include "base/prefetch.h"
#include "kernels/kernels.h"
#include "shop/answers/recommender.h"

enum { FIRST_PANELS = 4 }; /* the longest vectors come before what the lists name: they bound the n-th best score */

/* An item of the lists or barred. */
typedef struct touched {
    int32_t key; /* item + 1; 0: an empty slot */
    bool barred;
    double lists; /* s(t) */
} touched;

typedef struct search {
    const mx_recommender *model;
    const double *user; /* (f) x */
    double length;      /* |x| */
    float *direction;   /* (f) x / |x| */
    float epsilon;
    touched *slots;
    size_t mask;
    mx_ranked *heap;
    size_t n, count;
    double floor; /* the n-th best score is not below it */
} search;

/* ---- the table ---- */

/* The slot of an item, or the empty one where it would go. */
static touched *slot_of(const search *s, int32_t item)
{
    size_t at = ((uint32_t)item * UINT32_C(2654435769) >> 7) & s->mask;
    while (s->slots[at].key && s->slots[at].key != item + 1)
        at = (at + 1) & s->mask;
    return &s->slots[at];
}

static size_t links_of(const mx_item_lists *lists, const int32_t *history, size_t m)
{
    size_t links = 0;
    for (size_t j = 0; j < m; j++)
        __builtin_prefetch(&lists->starts[history[j]]);
    for (size_t j = 0; j < m; j++) {
        size_t count = (size_t)(lists->starts[history[j] + 1] - lists->starts[history[j]]);
        links += count;
        mx_prefetch(lists->indices + lists->starts[history[j]], count * sizeof *lists->indices);
        mx_prefetch(lists->weights + lists->starts[history[j]], count * sizeof *lists->weights);
    }
    return links;
}

static void add_lists(search *s, const mx_item_lists *lists, const int32_t *history, size_t m, double factor)
{
    for (size_t j = 0; j < m; j++)
        for (int64_t k = lists->starts[history[j]]; k < lists->starts[history[j] + 1]; k++) {
            touched *slot = slot_of(s, lists->indices[k]);
            __builtin_prefetch(&s->model->index->bounds[lists->indices[k]]);
            slot->key = lists->indices[k] + 1;
            slot->lists += factor * (double)lists->weights[k];
        }
}

static merx_status fill_table(search *s, const int32_t *history, size_t m, const int32_t *barred, size_t n_barred,
                              mx_arena *arena, merx_error *err)
{
    const mx_recommender *model = s->model;
    size_t most = links_of(&model->ease, history, m) + links_of(&model->neighbours, history, m) + n_barred, size = 16;
    most = most < model->items ? most : model->items;
    while (size < 2 * most)
        size *= 2;
    s->slots = mx_arena_array(arena, size, sizeof *s->slots, err);
    if (!s->slots)
        return MERX_E_MEMORY;
    s->mask = size - 1;
    add_lists(s, &model->ease, history, m, model->ease_weight);
    add_lists(s, &model->neighbours, history, m, model->co_purchase);
    for (size_t i = 0; i < n_barred; i++) {
        touched *slot = slot_of(s, barred[i]);
        slot->key = barred[i] + 1;
        slot->barred = true;
    }
    return MERX_OK;
}

/* ---- the heap ---- */

static bool before(mx_ranked a, mx_ranked b)
{
    return a.score > b.score || (a.score == b.score && a.item < b.item);
}

static void sift_down(mx_ranked *heap, size_t count, size_t at)
{
    mx_ranked moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(heap[child], heap[child + 1]))
            child++;
        if (!before(moved, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void keep(search *s, mx_ranked one)
{
    if (s->count == s->n) {
        if (before(one, s->heap[0])) {
            s->heap[0] = one;
            sift_down(s->heap, s->count, 0);
        }
        return;
    }
    size_t at = s->count++;
    for (; at > 0 && before(s->heap[(at - 1) / 2], one); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = one;
}

static void sort_heap(search *s)
{
    for (size_t left = s->count; left > 1;) {
        mx_ranked last = s->heap[0];
        s->heap[0] = s->heap[--left];
        s->heap[left] = last;
        sift_down(s->heap, left, 0);
    }
}

/* What a score has to reach. */
static double least(const search *s)
{
    return s->count < s->n || s->heap[0].score < s->floor ? s->floor : s->heap[0].score;
}

static void offer(search *s, int32_t item, double lists)
{
    keep(s, (mx_ranked){item, mx_recommender_score_of(s->model, s->user, item, lists)});
}

/* ---- the search ---- */

static const float *row_of(const search *s, int32_t item)
{
    return s->model->als.item_factors + (size_t)item * (size_t)s->model->als.factors;
}

/* What a score of the item takes. */
static void ask_for_item(const search *s, int32_t item)
{
    mx_prefetch(row_of(s, item), (size_t)s->model->als.factors * sizeof(float));
    __builtin_prefetch(&s->model->trend[item]);
}

static void offer_touched(search *s)
{
    enum { TOGETHER = 32 };
    const mx_item_bound *bounds = s->model->index->bounds;
    for (size_t at = 0; at <= s->mask;) {
        const touched *hopeful[TOGETHER];
        size_t count = 0;
        for (; at <= s->mask && count < TOGETHER; at++) {
            const touched *one = &s->slots[at];
            if (!one->key || one->barred)
                continue;
            const mx_item_bound *bound = &bounds[one->key - 1];
            double listed = (double)bound->trend * one->lists;
            if (listed + s->length * (double)bound->norm + 1e-12 * fabs(listed) < least(s))
                continue;
            ask_for_item(s, one->key - 1);
            hopeful[count++] = one;
        }
        for (size_t i = 0; i < count; i++)
            offer(s, hopeful[i]->key - 1, hopeful[i]->lists);
    }
}

/* An item whose score is 0 by its vector, of a run of ascending ones. False: neither it nor those after it can be among the best. */
static bool offer_zero(search *s, int32_t item)
{
    if (s->count == s->n && !before((mx_ranked){item, 0}, s->heap[0]))
        return false;
    if (!slot_of(s, item)->key)
        offer(s, item, 0);
    return true;
}

/* What a product in float has to reach, of a panel whose longest vector that is. */
static float cut_of(const search *s, float longest)
{
    return nextafterf((float)(least(s) / s->length - (double)(s->epsilon * longest)), -INFINITY);
}

/* The items of a panel that bits name, but for those in the table. */
static void offer_panel(search *s, const int32_t *items, uint32_t bits)
{
    for (uint32_t left = bits; left; left &= left - 1)
        ask_for_item(s, items[__builtin_ctz(left)] < 0 ? 0 : items[__builtin_ctz(left)]);
    for (; bits; bits &= bits - 1) {
        int32_t item = items[__builtin_ctz(bits)];
        if (item >= 0 && !slot_of(s, item)->key)
            offer(s, item, 0);
    }
}

/*
 * The longest vectors: what their products are at least bounds the n-th best score from below, so that few of them need a score in double. They are looked at even where nothing after
 * them is. Returns how many panels; products (FIRST_PANELS, MX_PANEL).
 */
static size_t look_first(search *s, float (*products)[MX_PANEL])
{
    enum { MOST = 32 };
    const mx_recommender_index *index = s->model->index;
    size_t f = (size_t)s->model->als.factors, panels = 0, known = 0;
    double best[MOST]; /* descending; of n */
    for (; panels < FIRST_PANELS && panels < index->panels; panels++) {
        const int32_t *items = index->order + panels * MX_PANEL;
        float longest = index->bounds[items[0]].norm;
        if (longest == 0)
            break;
        mx_kernel()->panel_above(s->direction, index->rows + panels * f * MX_PANEL, f, -INFINITY, products[panels]);
        for (size_t j = 0; j < MX_PANEL && s->n <= MOST; j++) {
            double sure = s->length * ((double)products[panels][j] - (double)(s->epsilon * longest));
            sure -= 1e-12 * fabs(sure);
            if (items[j] < 0 || (known == s->n && !(sure > best[known - 1])) || slot_of(s, items[j])->key)
                continue;
            size_t at = known < s->n ? known++ : known - 1;
            for (; at > 0 && best[at - 1] < sure; at--)
                best[at] = best[at - 1];
            best[at] = sure;
        }
    }
    if (known == s->n && s->n <= MOST)
        s->floor = best[known - 1];
    return panels;
}

static void offer_first(search *s, float (*products)[MX_PANEL], size_t panels)
{
    const mx_recommender_index *index = s->model->index;
    for (size_t p = 0; p < panels; p++) {
        const int32_t *items = index->order + p * MX_PANEL;
        float cut = cut_of(s, index->bounds[items[0]].norm);
        uint32_t bits = 0;
        for (size_t j = 0; j < MX_PANEL; j++)
            bits |= (uint32_t)(products[p][j] >= cut) << j;
        offer_panel(s, items, bits);
    }
}

/* Panels from `from` on, until nothing after them can be among the best. */
static void scan(search *s, size_t from)
{
    const mx_recommender_index *index = s->model->index;
    size_t f = (size_t)s->model->als.factors;
    float products[MX_PANEL];
    for (size_t p = from; p < index->panels; p++) {
        const int32_t *items = index->order + p * MX_PANEL;
        float longest = index->bounds[items[0]].norm;
        if ((double)longest < least(s) / s->length)
            return;
        if (longest == 0) {
            for (size_t j = 0; j < MX_PANEL && items[j] >= 0; j++)
                if (!offer_zero(s, items[j]))
                    return;
            continue;
        }
        offer_panel(
            s, items,
            mx_kernel()->panel_above(s->direction, index->rows + p * f * MX_PANEL, f, cut_of(s, longest), products));
    }
}

static void find(search *s)
{
    const mx_recommender *model = s->model;
    float products[FIRST_PANELS][MX_PANEL];
    if (s->length == 0) {
        offer_touched(s);
        for (size_t t = 0; t < model->items && offer_zero(s, (int32_t)t); t++)
            ;
        return;
    }
    size_t first = look_first(s, products);
    offer_first(s, products, first);
    offer_touched(s);
    scan(s, first);
}

/* Scaled, so that it is 0 for zeros alone. */
static double length_of(const double *x, size_t f)
{
    double largest = 0, squares = 0;
    for (size_t k = 0; k < f; k++)
        largest = fmax(largest, fabs(x[k]));
    for (size_t k = 0; k < f && largest > 0; k++)
        squares += x[k] / largest * (x[k] / largest);
    return largest * sqrt(squares);
}

merx_status mx_recommender_top(const mx_recommender *model, const int32_t *history, size_t m, const int32_t *barred,
                               size_t n_barred, size_t n, mx_arena *arena, mx_ranked *best, size_t *count,
                               merx_error *err)
{
    size_t f = (size_t)model->als.factors;
    double *user = mx_arena_array(arena, f, sizeof *user, err);
    search s = {
        .model = model, .user = user, .heap = best, .n = n < model->items ? n : model->items, .floor = -INFINITY};
    s.direction = mx_arena_array(arena, f, sizeof *s.direction, err);
    *count = 0;
    if (!user || !s.direction)
        return MERX_E_MEMORY;
    if (s.n == 0)
        return MERX_OK;
    MX_TRY(mx_recommender_user(model, history, m, user, err));
    MX_TRY(fill_table(&s, history, m, barred, n_barred, arena, err));
    s.length = length_of(user, f);
    if (!isfinite(s.length))
        MX_FAIL(err, MERX_E_NUMERIC, "recommend", "the vector of the history overflows");
    s.epsilon = (float)(f + 8) * 0x1p-24f;
    for (size_t k = 0; k < f && s.length > 0; k++)
        s.direction[k] = (float)(user[k] / s.length);
    find(&s);
    sort_heap(&s);
    *count = s.count;
    return MERX_OK;
}
