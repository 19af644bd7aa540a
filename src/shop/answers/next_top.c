/*
 * The n best items of next, exactly, out of an index. The idea and its bounds: next_top.h.
 *
 * Invariants: between questions every slot of a desk's table is empty and few is empty. While one is asked, a sum of NaN says "taken or barred", and is below every bound.
 */
#include "shop/answers/next_top.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "shop/answers/next.h"

enum { BLOCK = MX_NEXT_BLOCK, WORD = 64 };

/* Of sums in double. */
#define SLACK_OF_SUMS 1e-12

/* An item of the lists or barred. */
typedef struct slot {
    uint32_t key; /* item + 1; 0: empty */
    float sum;    /* of the first pass */
} slot;

/* An item that the network was asked about. */
typedef struct candidate {
    int32_t item;
    double base;
    double most; /* its score is no more; in the second pass the sum over the lists */
} candidate;

/* One question's working memory. */
typedef struct mx_next_desk {
    slot *slots; /* (a power of two, more than twice the items): of them the first ones that mask says are in use */
    size_t mask;
    int shift;
    uint32_t *used; /* (items + 1) slots that are not empty */
    size_t n_used;
    candidate *candidates; /* (items), each item once */
    size_t n_candidates;
    mx_few few;              /* what the second pass is about */
    int32_t *place;          /* (items) among the candidates, of those few */
    mx_link *first;          /* (items) scratch */
    float *hidden, *scratch; /* of the network */
} desk;

static size_t words_of(const mx_next *model)
{
    return model->items / WORD + 1;
}

static size_t slots_of(size_t items)
{
    size_t slots = 64;
    while (slots < 2 * items + 2)
        slots *= 2;
    return slots;
}

void mx_next_desk_free(const mx_next *model, desk *d)
{
    if (!d)
        return;
    MX_FREE_ARRAY(model->alloc, d->slots, slots_of(model->items));
    MX_FREE_ARRAY(model->alloc, d->used, model->items + 1);
    MX_FREE_ARRAY(model->alloc, d->candidates, model->items);
    MX_FREE_ARRAY(model->alloc, d->few.bits, words_of(model));
    MX_FREE_ARRAY(model->alloc, d->place, model->items);
    MX_FREE_ARRAY(model->alloc, d->first, model->items);
    MX_FREE_ARRAY(model->alloc, d->hidden, model->ranker.units);
    MX_FREE_ARRAY(model->alloc, d->scratch, mx_ranker_follow_scratch(&model->ranker));
    MX_FREE_ARRAY(model->alloc, d, 1);
}

static merx_status desk_new(const mx_next *model, desk **out, merx_error *err)
{
    const merx_allocator *alloc = model->alloc;
    size_t n = model->items;
    desk *d;
    merx_status status;
    *out = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *d, "working memory of next", &d, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, slots_of(n), sizeof *d->slots, "sums of items", &d->slots, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n + 1, sizeof *d->used, "items of lists", &d->used, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *d->candidates, "bounds of items", &d->candidates, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, words_of(model), sizeof *d->few.bits, "set of items", &d->few.bits, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *d->place, "places of items", &d->place, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *d->first, "first items", &d->first, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, model->ranker.units, sizeof *d->hidden, "state of the network", &d->hidden, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, mx_ranker_follow_scratch(&model->ranker), sizeof *d->scratch,
                               "scratch of the network", &d->scratch, err));
    *out = d;
    return MERX_OK;
out:
    mx_next_desk_free(model, d);
    return status;
}

static merx_status take_desk(const mx_next *model, desk **out, merx_error *err)
{
    *out = __atomic_exchange_n(&model->index->spare, NULL, __ATOMIC_ACQ_REL);
    return *out ? MERX_OK : desk_new(model, out, err);
}

/* Clean, for the next question; a second one that comes back at the same time goes. */
static void give_desk(const mx_next *model, desk *d)
{
    memset(d->slots, 0, (d->mask + 1) * sizeof *d->slots);
    d->n_used = d->n_candidates = 0;
    desk *none = NULL;
    if (!__atomic_compare_exchange_n(&model->index->spare, &none, d, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        mx_next_desk_free(model, d);
}

/* ---- the best so far ---- */

typedef struct search {
    const mx_next *model;
    desk *d;
    const int32_t *history; /* (m) */
    size_t m;
    double over;         /* network (|h| - TYPICAL) */
    double above, below; /* what a sum of the first pass may be short of its sum over the lists, and beyond it */
    mx_next_place *best; /* (n) in their order: of lower bounds, then of scores */
    size_t n, count;
} search;

static bool before(mx_next_place a, mx_next_place b)
{
    return a.score > b.score || (a.score == b.score && a.item < b.item);
}

static void keep(search *s, mx_next_place one)
{
    size_t at = s->count;
    if (at == s->n && !before(one, s->best[at - 1]))
        return;
    at = at == s->n ? at - 1 : s->count++;
    for (; at > 0 && before(one, s->best[at - 1]); at--)
        s->best[at] = s->best[at - 1];
    s->best[at] = one;
}

/* What a bound has to reach; a little less, for its rounding. */
static double least(const search *s)
{
    if (s->count < s->n)
        return -INFINITY;
    double score = s->best[s->n - 1].score;
    return score - SLACK_OF_SUMS * fabs(score);
}

/* ---- the table ---- */

/* Room for as many different items. */
static void open_table(desk *d, size_t items)
{
    size_t slots = slots_of(items);
    d->mask = slots - 1;
    d->shift = 32;
    while (slots > 1) {
        slots /= 2;
        d->shift--;
    }
}

/* The slot of an item, or the empty one where it would go. */
static uint32_t slot_of(const desk *d, int32_t item)
{
    uint32_t at = (uint32_t)item * UINT32_C(2654435769) >> d->shift;
    uint64_t key = (uint64_t)item + 1;
    /* A product, as one branch for both: which of them is 0 cannot be foreseen, and a wrong guess costs more than all else here. */
    while (((uint64_t)d->slots[at].key ^ key) * (uint64_t)d->slots[at].key != 0)
        at = (at + 1) & (uint32_t)d->mask;
    return at;
}

static bool is_in_table(const desk *d, int32_t item)
{
    return d->slots[slot_of(d, item)].key != 0;
}

static void bar(desk *d, const int32_t *barred, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t at = slot_of(d, barred[i]);
        if (d->slots[at].key == 0)
            d->used[d->n_used++] = at;
        d->slots[at] = (slot){(uint32_t)barred[i] + 1, NAN};
    }
}

/* The sums of items += times the weights of links. */
static void add_links(desk *d, const int32_t *indices, const float *weights, size_t m, float times)
{
    slot *slots = d->slots;
    uint32_t *used = d->used;
    size_t n_used = d->n_used;
    for (size_t i = 0; i < m; i++) {
        uint32_t at = slot_of(d, indices[i]);
        used[n_used] = at;
        n_used += slots[at].key == 0;
        slots[at].key = (uint32_t)indices[i] + 1;
        slots[at].sum += times * weights[i];
    }
    d->n_used = n_used;
}

typedef struct hopeful {
    int32_t item;
    float sum;
} hopeful;

/* The network is asked about up to BLOCK items, all at once. */
static void take(search *s, const hopeful *list, size_t m)
{
    desk *d = s->d;
    float logits[BLOCK] = {0};
    int32_t items[BLOCK];
    for (size_t i = 0; i < m; i++)
        items[i] = list[i].item;
    if (m && s->model->ranker.items)
        mx_ranker_logits(&s->model->ranker, d->hidden, items, m, logits);
    for (size_t i = 0; i < m; i++) {
        double base = mx_next_base(s->model, items[i], logits[i]);
        keep(s, (mx_next_place){items[i], (double)list[i].sum - s->below + base});
        double most = (double)list[i].sum + s->above + base;
        if (most >= least(s))
            d->candidates[d->n_candidates++] = (candidate){items[i], base, most};
    }
}

/* ---- the first pass ---- */

/* The lists' memory, in the order in which it is asked for. */
typedef struct asking {
    const search *s;
    size_t stretch; /* of STRETCHES for each event */
    const char *at, *end;
} asking;

enum { STRETCHES = 4, LINE_BYTES = 64 };

static void next_stretch(asking *a)
{
    enum { HEAD = 128 };
    const mx_next *model = a->s->model;
    size_t event = a->stretch / STRETCHES, kind = a->stretch % STRETCHES;
    const mx_item_lists *lists = kind < 2 ? &model->alike : &model->after;
    int64_t from = lists->starts[a->s->history[event]];
    size_t m = (size_t)(lists->starts[a->s->history[event] + 1] - from);
    a->at = kind % 2 ? (const char *)(lists->weights + from) : (const char *)(lists->indices + from);
    a->end = a->at + (kind == 3 && m > HEAD ? HEAD : m) * sizeof(float);
    a->stretch++;
}

/* Few lines at a time: what a core cannot wait for at once it forgets. */
static void ask_for_some(void *context)
{
    enum { LINES = 20 };
    asking *a = context;
    for (size_t i = 0; i < LINES; i++, a->at += LINE_BYTES) {
        while (a->at >= a->end) {
            if (a->stretch == a->s->m * STRETCHES)
                return;
            next_stretch(a);
        }
        __builtin_prefetch(a->at);
    }
}

/* Links of a list that are worth the cut, or some more. */
static size_t head_of(const search *s, const mx_item_lists *lists, int32_t j, double times)
{
    enum { STEP = 16 };
    size_t m = (size_t)(lists->starts[j + 1] - lists->starts[j]), head = 0;
    const float *weights = lists->weights + lists->starts[j];
    while (head < m && times * fabs((double)weights[head]) >= s->model->index->cut)
        head = m - head < STEP ? m : head + STEP;
    return head;
}

/* *sizes += the largest of the list, *rest += the largest left out. */
static void add_head(const search *s, const mx_item_lists *lists, int32_t j, double times, double *sizes, double *rest)
{
    size_t m = (size_t)(lists->starts[j + 1] - lists->starts[j]), head = head_of(s, lists, j, times);
    const float *weights = lists->weights + lists->starts[j];
    if (m == 0)
        return;
    *sizes += times * fabs((double)weights[0]);
    add_links(s->d, lists->indices + lists->starts[j], weights, head, (float)times);
    if (head < m)
        *rest += times * fabs((double)weights[head]);
}

static size_t count_heads(const search *s)
{
    const mx_next *model = s->model;
    size_t links = 0;
    double times = 1;
    for (size_t k = s->m; k > 0 && times != 0; k--) {
        links += head_of(s, &model->after, s->history[k - 1], times);
        times *= model->fade;
    }
    for (size_t j = 0; j < s->m; j++)
        links += head_of(s, &model->alike, s->history[j], model->alike_weight);
    return links;
}

static void add_heads(search *s)
{
    const mx_next *model = s->model;
    double sizes = 0, rest = 0, times = 1;
    for (size_t k = s->m; k > 0 && times != 0; k--) {
        add_head(s, &model->after, s->history[k - 1], times, &sizes, &rest);
        times *= model->fade;
    }
    for (size_t j = 0; j < s->m; j++)
        add_head(s, &model->alike, s->history[j], model->alike_weight, &sizes, &rest);
    /* Each link is off by two roundings, each of 2 m sums by one. */
    double rounding = (double)(2 * s->m + 4) * 0x1p-24 * sizes;
    s->above = rest + rounding;
    s->below = (model->index->negative ? rest : 0) + rounding;
}

/* ---- bounds ---- */

/* What the first pass gave most: a first guess of what must be reached. */
static void take_first(search *s)
{
    desk *d = s->d;
    size_t kept = 0, most = s->n + s->n / 2 + 6;
    for (size_t i = 0; i < d->n_used; i++) {
        float sum = d->slots[d->used[i]].sum;
        if (kept < most ? sum > 0 : sum > d->first[0].weight)
            mx_links_offer(d->first, &kept, most, (mx_link){sum, (int32_t)(d->slots[d->used[i]].key - 1)});
    }
    for (size_t first = 0, m; first < kept; first += m) {
        hopeful list[BLOCK];
        m = kept - first < BLOCK ? kept - first : BLOCK;
        for (size_t i = 0; i < m; i++) {
            mx_link link = d->first[first + i];
            list[i] = (hopeful){link.item, link.weight};
            d->slots[slot_of(d, link.item)].sum = NAN;
        }
        take(s, list, m);
    }
}

static double bound_of(const search *s, mx_next_bound b)
{
    return (double)b.key + s->over * (double)b.norm;
}

static void take_used(search *s)
{
    hopeful list[BLOCK];
    size_t m = 0;
    const desk *d = s->d;
    const mx_next_index *index = s->model->index;
    double classes[MX_NEXT_CLASSES], most = -INFINITY;
    for (size_t c = 0; c < MX_NEXT_CLASSES; c++) {
        classes[c] = bound_of(s, index->classes[c]) + s->above;
        most = classes[c] > most ? classes[c] : most;
    }
    double reach = least(s);
    for (size_t i = 0; i < d->n_used; i++) {
        slot one = d->slots[d->used[i]];
        /* Most are below by the largest of all bounds. */
        if ((double)one.sum + most >= reach && (double)one.sum + classes[index->class[one.key - 1]] >= reach)
            list[m++] = (hopeful){(int32_t)(one.key - 1), one.sum};
        if (m == BLOCK) {
            take(s, list, m);
            m = 0;
            reach = least(s);
        }
    }
    take(s, list, m);
}

/* Items that the first pass did not touch. */
static void take_others(search *s)
{
    const mx_next_index *index = s->model->index;
    for (size_t b = 0; b < index->blocks; b++) {
        hopeful list[BLOCK];
        size_t m = 0;
        double first = (double)index->bounds[b * BLOCK].key, reach = least(s) - s->above;
        if (!(first + fmax(s->over * (double)index->longest[b], s->over * (double)index->shortest[b]) >= reach))
            return;
        for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < s->model->items; i++)
            if (bound_of(s, index->bounds[i]) >= reach && !is_in_table(s->d, index->order[i]))
                list[m++] = (hopeful){index->order[i], 0};
        take(s, list, m);
    }
}

/* ---- the second pass ---- */

static void add_list(desk *d, const mx_item_lists *lists, int32_t j, double times)
{
    enum { AT_ONCE = 512 };
    uint32_t places[AT_ONCE];
    for (int64_t k = lists->starts[j], end = lists->starts[j + 1]; k < end; k += AT_ONCE) {
        const int32_t *indices = lists->indices + k;
        size_t m = end - k < AT_ONCE ? (size_t)(end - k) : AT_ONCE;
        m = mx_kernel()->find_few(&d->few, indices, m, places);
        for (size_t i = 0; i < m; i++)
            d->candidates[d->place[indices[places[i]]]].most += times * (double)lists->weights[k + places[i]];
    }
}

/* The scores of those that may be among the best, as mx_next_scores has them. */
static void settle(search *s)
{
    desk *d = s->d;
    const mx_next *model = s->model;
    size_t left = 0;
    double reach = least(s);
    for (size_t i = 0; i < d->n_candidates; i++)
        if (d->candidates[i].most >= reach)
            d->candidates[left++] = d->candidates[i];
    for (size_t i = 0; i < left; i++) {
        uint32_t t = (uint32_t)d->candidates[i].item;
        d->candidates[i].most = 0;
        mx_few_put(&d->few, t);
        d->place[t] = (int32_t)i;
    }
    double times = 1;
    for (size_t k = s->m; k > 0 && times != 0; k--) {
        add_list(d, &model->after, s->history[k - 1], times);
        times *= model->fade;
    }
    for (size_t j = 0; j < s->m; j++)
        add_list(d, &model->alike, s->history[j], model->alike_weight);
    d->few = (mx_few){.bits = d->few.bits};
    s->count = 0;
    for (size_t i = 0; i < left; i++) {
        candidate c = d->candidates[i];
        d->few.bits[(size_t)c.item / WORD] = 0;
        keep(s, (mx_next_place){c.item, c.most + c.base});
    }
}

/* ---- the search ---- */

static void find(search *s, const int32_t *barred, size_t n_barred)
{
    const mx_next *model = s->model;
    const mx_ranker *r = &model->ranker;
    double squares = 0;
    for (size_t j = 0; j < s->m; j++) {
        __builtin_prefetch(&model->alike.starts[s->history[j]]);
        __builtin_prefetch(&model->after.starts[s->history[j]]);
    }
    if (r->items)
        mx_ranker_follow(r, s->history, s->m, s->d->hidden, s->d->scratch, ask_for_some, &(asking){.s = s});
    for (size_t k = 0; k < r->units && r->items; k++)
        squares += (double)s->d->hidden[k] * (double)s->d->hidden[k];
    s->over = model->network * (sqrt(squares) - MX_NEXT_TYPICAL);
    size_t links = count_heads(s) + n_barred;
    open_table(s->d, links < model->items ? links : model->items);
    bar(s->d, barred, n_barred);
    add_heads(s);
    take_first(s);
    take_used(s);
    take_others(s);
    settle(s);
}

/* By the number of sequences. */
static void find_popular(search *s, const int32_t *barred, size_t n_barred)
{
    open_table(s->d, n_barred < s->model->items ? n_barred : s->model->items);
    bar(s->d, barred, n_barred);
    for (size_t i = 0; i < s->model->items && s->count < s->n; i++) {
        int32_t t = s->model->index->popular[i];
        if (!is_in_table(s->d, t))
            s->best[s->count++] = (mx_next_place){t, s->model->holders[t]};
    }
}

merx_status mx_next_top(const mx_next *model, const int32_t *history, size_t m, const int32_t *barred, size_t n_barred,
                        size_t n, mx_next_place *best, size_t *count, merx_error *err)
{
    search s = {.model = model, .history = history, .m = m, .best = best, .n = n < model->items ? n : model->items};
    *count = 0;
    if (s.n == 0)
        return MERX_OK;
    MX_TRY(take_desk(model, &s.d, err));
    if (model->ranker.items)
        memset(s.d->hidden, 0, model->ranker.units * sizeof *s.d->hidden);
    if (m)
        find(&s, barred, n_barred);
    else
        find_popular(&s, barred, n_barred);
    give_desk(model, s.d);
    *count = s.count;
    return MERX_OK;
}
