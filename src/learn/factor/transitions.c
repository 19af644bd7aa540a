/*
 * Transitions. Letters: i, t items; s sequences; e events, the places of all sequences one after another.
 *
 * Events are ordered by item (counting sort, so that those of an item keep their order). Item i is worked on alone: each of its events adds to the sums of
 * the items around it, in a dense array of a worker; what was touched is listed, so that clearing costs what filling did. Weights are computed in double, rounded to float, and
 * ranked as rounded.
 */
#include "learn/factor/transitions.h"

#include <math.h>

enum { BLOCK = 64 /* items of one parallel block */, REACH_MAX = 1000, KEEP = 1000 };

typedef struct fit_work {
    const mx_sequences *sequences;
    const mx_transitions_options *o;
    int64_t *item_starts; /* (items + 1) */
    int64_t *item_events; /* (events) by item */
    int32_t *sequence_of; /* (events) */
    double *share;        /* (sequences): |s|^-damping */
    double *near;         /* (reach): decay^k */
    double *sums;         /* (workers, items), all zero between items */
    int32_t *touched;     /* (workers, items) */
    mx_link *heaps;       /* (workers, keep) */
    mx_list_builder lists;
} fit_work;

static merx_status check_input(const mx_sequences *s, const mx_transitions_options *o, merx_error *err)
{
    if (o->reach < 1 || o->reach > REACH_MAX)
        MX_FAIL(err, MERX_E_RANGE, "transitions", "reach is %d; expected 1 to %d places", o->reach, REACH_MAX);
    const struct {
        const char *name;
        double value, least;
    } shares[] = {{"decay", o->decay, 1e-9},
                  {"backward", o->backward, 0},
                  {"damping", o->damping, 0},
                  {"power", o->power, 1e-9},
                  {"spread", o->spread, 0}};
    for (size_t k = 0; k < sizeof shares / sizeof shares[0]; k++)
        if (!(shares[k].value >= shares[k].least && shares[k].value <= 1))
            MX_FAIL(err, MERX_E_RANGE, "transitions", "%s is %g; expected %s 1", shares[k].name, shares[k].value,
                    shares[k].least > 0 ? "above 0 and up to" : "0 to");
    for (int64_t e = 0; e < s->starts[s->n]; e++)
        if (s->items[e] < 0 || (size_t)s->items[e] >= s->n_items)
            MX_FAIL(err, MERX_E_INVALID, "transitions", "event %lld is item %d; expected 0 to %zu", (long long)e,
                    (int)s->items[e], s->n_items - 1);
    return MERX_OK;
}

static void add(double *sums, int32_t *touched, size_t *n_touched, int32_t item, double amount)
{
    if (sums[item] == 0)
        touched[(*n_touched)++] = item;
    sums[item] += amount;
}

/* The sums of item i; returns how many items were touched. Every amount is above 0, so none is listed twice. */
static size_t sum_item(const fit_work *w, size_t i, double *sums, int32_t *touched)
{
    size_t n_touched = 0;
    const int32_t *items = w->sequences->items;
    for (int64_t k = w->item_starts[i]; k < w->item_starts[i + 1]; k++) {
        int64_t e = w->item_events[k], begin = w->sequences->starts[w->sequence_of[e]],
                end = w->sequences->starts[w->sequence_of[e] + 1];
        double share = w->share[w->sequence_of[e]];
        for (int64_t g = 1; g <= w->o->reach && (e + g < end || e - g >= begin); g++) {
            double amount = share * w->near[g - 1];
            if (!(amount > 0))
                break; /* so far away that it is nothing even in double */
            if (e + g < end)
                add(sums, touched, &n_touched, items[e + g], amount);
            if (e - g >= begin && w->o->backward * amount > 0)
                add(sums, touched, &n_touched, items[e - g], w->o->backward * amount);
        }
    }
    return n_touched;
}

/* The best weights of item i into heap, sorted; returns how many. */
static size_t weigh_item(const fit_work *w, size_t i, size_t worker, mx_link *heap)
{
    double *sums = w->sums + worker * w->sequences->n_items, all = 0;
    int32_t *touched = w->touched + worker * w->sequences->n_items;
    size_t n_touched = sum_item(w, i, sums, touched), kept = 0;
    for (size_t k = 0; k < n_touched; k++) {
        double *sum = &sums[touched[k]];
        *sum = w->o->power < 1 ? pow(*sum, w->o->power) : *sum;
        all += *sum;
    }
    double scale = w->o->spread > 0 ? pow(1 + all, -w->o->spread) : 1;
    for (size_t k = 0; k < n_touched; k++) {
        mx_links_offer(heap, &kept, w->lists.keep, (mx_link){(float)(sums[touched[k]] * scale), touched[k]});
        sums[touched[k]] = 0;
    }
    mx_links_sort(heap, kept);
    return kept;
}

static merx_status fit_block(void *context, size_t block, merx_error *err)
{
    fit_work *w = context;
    size_t worker = (size_t)mx_worker_index(), items = w->sequences->n_items, end = (block + 1) * BLOCK;
    mx_link *heap = w->heaps + worker * w->lists.keep;
    mx_vec found = mx_list_builder_begin(&w->lists);
    merx_status status = MERX_OK;
    for (size_t i = block * BLOCK; i < end && i < items && status == MERX_OK; i++)
        status = mx_list_builder_put(&w->lists, i, heap, weigh_item(w, i, worker, heap), &found, err);
    mx_list_builder_end(&w->lists, block, &found);
    return status;
}

/* Events by item, their sequences, and what a pair of each sequence and distance is worth. */
static void prepare(fit_work *w)
{
    const mx_sequences *s = w->sequences;
    for (size_t u = 0; u < s->n; u++) {
        double length = (double)(s->starts[u + 1] - s->starts[u]);
        w->share[u] = w->o->damping > 0 && length > 0 ? pow(length, -w->o->damping) : 1;
        for (int64_t e = s->starts[u]; e < s->starts[u + 1]; e++)
            w->sequence_of[e] = (int32_t)u;
    }
    w->near[0] = 1;
    for (int k = 1; k < w->o->reach; k++)
        w->near[k] = w->near[k - 1] * w->o->decay;
    int64_t events = s->starts[s->n];
    for (int64_t e = 0; e < events; e++)
        w->item_starts[s->items[e] + 1]++;
    for (size_t i = 0; i < s->n_items; i++)
        w->item_starts[i + 1] += w->item_starts[i];
    for (int64_t e = 0; e < events; e++)
        w->item_events[w->item_starts[s->items[e]]++] = e;
    for (size_t i = s->n_items; i > 0; i--)
        w->item_starts[i] = w->item_starts[i - 1];
    w->item_starts[0] = 0;
}

merx_status mx_transitions_fit(const mx_sequences *sequences, const mx_transitions_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_item_lists *out, merx_error *err)
{
    *out = (mx_item_lists){0};
    MX_TRY(check_input(sequences, options, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t items = sequences->n_items, events = (size_t)sequences->starts[sequences->n], n = sequences->n;
    size_t workers = (size_t)merx_task_threads(task), reach = (size_t)options->reach;
    fit_work w = {.sequences = sequences, .o = options};
    MX_TRY_GOTO(mx_list_builder_init(items, BLOCK, options->keep ? options->keep : KEEP, work, &w.lists, err));
    MX_TRY_GOTO(mx_alloc_array(work, items + 1, sizeof *w.item_starts, "events of items", &w.item_starts, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, events, sizeof *w.item_events, "events of items", &w.item_events, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, events, sizeof *w.sequence_of, "events of items", &w.sequence_of, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, n, sizeof *w.share, "shares of sequences", &w.share, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, reach, sizeof *w.near, "weights of distances", &w.near, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.sums, "sums of transitions", &w.sums, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.touched, "items touched", &w.touched, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * w.lists.keep, sizeof *w.heaps, "transitions kept", &w.heaps, err));
    prepare(&w);
    mx_task_stage(task, "transitions", items, "items");
    MX_TRY_GOTO(mx_parallel(task, w.lists.blocks, fit_block, &w, err));
    MX_TRY_GOTO(mx_list_builder_finish(&w.lists, alloc, out, err));
    mx_task_done(task);
out:
    MX_FREE_ARRAY(work, w.heaps, workers * w.lists.keep);
    MX_FREE_ARRAY(work, w.touched, workers * items);
    MX_FREE_ARRAY(work, w.sums, workers * items);
    MX_FREE_ARRAY(work, w.near, reach);
    MX_FREE_ARRAY(work, w.share, n);
    MX_FREE_ARRAY(work, w.sequence_of, events);
    MX_FREE_ARRAY(work, w.item_events, events);
    MX_FREE_ARRAY(work, w.item_starts, items + 1);
    mx_list_builder_release(&w.lists);
    return status;
}

void mx_transitions_score(const mx_item_lists *lists, const int32_t *history, size_t m, double fade, double factor,
                          double *scores)
{
    double times = factor;
    for (size_t k = m; k > 0 && times != 0; k--) {
        for (int64_t at = lists->starts[history[k - 1]]; at < lists->starts[history[k - 1] + 1]; at++)
            scores[lists->indices[at]] += times * (double)lists->weights[at];
        times *= fade;
    }
}
