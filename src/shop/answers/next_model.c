/*
 * The model of next: fit, follow, score, explain (its file: next_file.c). Letters: i, t items; j events of the history; m their number; n targets.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/factor/ease.h"
#include "learn/factor/neighbours.h"
#include "shop/answers/next.h"

enum { ALIKE_KEEP = 100, EASE_KEEP = 300 };

/* Chosen on the last purchase but one of amazon-beauty-seq's customers (docs/answers/next.md). */
const merx_option mx_next_training[] = {
    {"learn_from", MERX_OPTION_CHOICE, 0, 0, "auto", "auto|customers|sessions",
     "What each customer bought, or what each session touched; auto: customers if one of them bought twice."},
    {"reach", MERX_OPTION_INT, 1, 1000, "12", NULL, "How many places apart two products may be to tell of each other."},
    {"decay", MERX_OPTION_REAL, 0.001, 1, "0.8", NULL, "What a place further apart leaves of a pair's worth."},
    {"backward", MERX_OPTION_REAL, 0, 1, "0.2", NULL, "What a pair is worth in the other direction."},
    {"damping", MERX_OPTION_REAL, 0, 1, "0.25", NULL,
     "How much less a pair of a long sequence is worth: its length to the power of minus this."},
    {"power", MERX_OPTION_REAL, 0.01, 1, "0.7", NULL,
     "Sums of pairs are raised to this power: often tells less than twice."},
    {"spread", MERX_OPTION_REAL, 0, 1, "0.2", NULL,
     "How much less a product that leads to many says of each: the sum of its weights to the power of minus this."},
    {"keep", MERX_OPTION_INT, 1, 100000, "1000", NULL, "Most products kept behind each product."},
    {"fade", MERX_OPTION_REAL, 0.001, 1, "0.6", NULL, "What a step back in the history leaves of an event's worth."},
    {"popularity", MERX_OPTION_REAL, 0, 1000, "0.001", NULL,
     "Weight of the share of all events that were of a product."},
    {"alike", MERX_OPTION_REAL, 0, 1000, "0.1", NULL,
     "Weight of what goes together whatever the order, beside the strongest transition; 0: without it."},
    {"ease", MERX_OPTION_REAL, 0, 1000, "1", NULL,
     "The same, where `alike` is by EASE in place of cosines; 0: cosines always."},
    {"ease_max_items", MERX_OPTION_INT, 0, 100000, "6000", NULL,
     "By EASE in shops of at most so many products; its time grows with their cube."},
    {"ease_l2", MERX_OPTION_REAL, 0.001, 1e9, NULL, NULL,
     "Penalty of EASE; unset: 1.5 times the largest eigenvalue that chance alone would give."},
    {"network", MERX_OPTION_REAL, 0, 1000, "0.04", NULL,
     "Weight of the recurrent network's logit, beside the strongest transition; 0: without it."},
    {"units", MERX_OPTION_INT, 1, 512, "64", NULL, "Numbers that the network describes a product and a history with."},
    {"epochs", MERX_OPTION_INT, 1, 1000, NULL, NULL,
     "Passes of the network over all sequences; unset: as many as make 0.8 million events, but 1 to 10."},
    {"negatives", MERX_OPTION_INT, 1, 1000000, "500", NULL,
     "Products drawn by popularity that stand for all others in each batch (sampled softmax)."},
    {"learning_rate", MERX_OPTION_REAL, 1e-6, 1, "0.015", NULL, "Of Adam."},
    {"dropout", MERX_OPTION_REAL, 0, 0.95, "0.5", NULL,
     "Share of the network's inputs and outputs that are set to zero while it learns."},
    {0},
};

static mx_transitions_options transitions_of(const merx_options *options)
{
    return (mx_transitions_options){.reach = (int)merx_options_int(options, "reach"),
                                    .decay = merx_options_real(options, "decay"),
                                    .backward = merx_options_real(options, "backward"),
                                    .damping = merx_options_real(options, "damping"),
                                    .power = merx_options_real(options, "power"),
                                    .spread = merx_options_real(options, "spread"),
                                    .keep = (size_t)merx_options_int(options, "keep")};
}

static int epochs_of(const mx_sequences *s, const merx_options *options)
{
    if (merx_options_is_set(options, "epochs"))
        return (int)merx_options_int(options, "epochs");
    double events = (double)(s->starts[s->n] - (int64_t)s->n);
    return (int)fmin(fmax(round(8e5 / fmax(events, 1)), 1), 10);
}

static mx_ranker_options ranker_of(const mx_sequences *s, const merx_options *options, uint64_t seed)
{
    return (mx_ranker_options){.units = (size_t)merx_options_int(options, "units"),
                               .epochs = epochs_of(s, options),
                               .negatives = (size_t)merx_options_int(options, "negatives"),
                               .learning_rate = merx_options_real(options, "learning_rate"),
                               .dropout = merx_options_real(options, "dropout"),
                               .seed = seed};
}

static int compare_items(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The sequences as sets: by EASE with that penalty, or with l2 0 by cosine. */
static merx_status fit_sets(const mx_sequences *s, size_t keep, double l2, const merx_allocator *alloc, merx_task *task,
                            mx_item_lists *out, merx_error *err)
{
    int64_t *starts = NULL, kept = 0;
    int32_t *items = NULL;
    size_t n = s->n, events = (size_t)s->starts[n];
    merx_status status;
    *out = (mx_item_lists){0};
    alloc = mx_allocator_or_default(alloc);
    MX_TRY_GOTO(mx_alloc_array(alloc, n + 1, sizeof *starts, "sets of products", &starts, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, events, sizeof *items, "sets of products", &items, err));
    for (size_t u = 0; u < n; u++) {
        size_t m = (size_t)(s->starts[u + 1] - s->starts[u]);
        int64_t from = kept;
        memcpy(items + from, s->items + s->starts[u], m * sizeof *items);
        qsort(items + from, m, sizeof *items, compare_items);
        for (size_t k = 0; k < m; k++)
            if (k == 0 || items[from + (int64_t)k] != items[kept - 1])
                items[kept++] = items[from + (int64_t)k];
        starts[u + 1] = kept;
    }
    mx_csr sets = {.rows = n, .columns = s->n_items, .starts = starts, .indices = items};
    if (l2 > 0)
        MX_TRY_GOTO(mx_ease_fit(&sets, &(mx_ease_options){.l2 = l2, .keep = keep}, alloc, task, out, err));
    else
        MX_TRY_GOTO(mx_neighbours_fit(&sets, &(mx_neighbours_options){.similarity = MX_COSINE, .keep = keep}, alloc,
                                      task, out, err));
out:
    MX_FREE_ARRAY(alloc, starts, n + 1);
    MX_FREE_ARRAY(alloc, items, events);
    return status;
}

merx_status mx_next_fit_alike(const mx_sequences *s, size_t keep, const merx_allocator *alloc, merx_task *task,
                              mx_item_lists *out, merx_error *err)
{
    return fit_sets(s, keep, 0, alloc, task, out, err);
}

bool mx_next_takes_ease(const mx_sequences *s, const merx_options *options)
{
    return merx_options_real(options, "ease") > 0 && s->n_items > 0 &&
           s->n_items <= (size_t)merx_options_int(options, "ease_max_items");
}

static double ease_l2_of(const mx_sequences *s, const merx_options *options)
{
    if (merx_options_is_set(options, "ease_l2"))
        return merx_options_real(options, "ease_l2");
    /* As of recommend: 1.5 times the largest eigenvalue that chance alone gives the products' Gram matrix. */
    double n = (double)s->n, d = (double)s->n_items, p = (double)s->starts[s->n] / (n * d);
    return fmax(1.5 * p * (1 - p) * pow(sqrt(n) + sqrt(d), 2), 0.1);
}

/* The largest weight of an item's list, on average over events. */
static double strongest_of(const mx_next *model, const mx_item_lists *lists)
{
    double sum = 0;
    for (size_t i = 0; i < model->items; i++)
        if (lists->starts[i] < lists->starts[i + 1])
            sum += model->count[i] * (double)lists->weights[lists->starts[i]];
    return model->events > 0 ? sum / model->events : 0;
}

merx_status mx_next_fit(const mx_next_sequences *sequences, const merx_options *options, bool counts_only,
                        const merx_allocator *alloc, merx_task *task, mx_next *out, merx_error *err)
{
    const mx_sequences *s = &sequences->view;
    bool ease = !counts_only && mx_next_takes_ease(s, options);
    alloc = mx_allocator_or_default(alloc);
    *out = (mx_next){.alloc = alloc,
                     .source = sequences->source,
                     .items = s->n_items,
                     .sequences = s->n,
                     .fade = merx_options_real(options, "fade"),
                     .popularity = merx_options_real(options, "popularity"),
                     .alike_weight = merx_options_real(options, ease ? "ease" : "alike"),
                     .network = merx_options_real(options, "network"),
                     .events = (double)s->starts[s->n]};
    merx_status status;
    mx_transitions_options transitions = transitions_of(options);
    mx_ranker_options ranker = ranker_of(s, options, merx_task_seed(task));
    size_t links = (size_t)s->starts[s->n] * 2 * (size_t)transitions.reach, most = s->n_items * transitions.keep;
    uint64_t bytes = (links < most ? links : most) * 16 + s->n_items * 40 + (uint64_t)s->starts[s->n] * 12;
    if (out->network > 0 && !counts_only)
        bytes += mx_ranker_bytes(s, &ranker);
    if (ease)
        bytes += mx_ease_bytes(s->n_items, EASE_KEEP, (size_t)merx_task_threads(task));
    MX_TRY(mx_task_require_memory(task, bytes, "training next", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->items, sizeof *out->holders, "holders of items", &out->holders, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->items, sizeof *out->count, "events of items", &out->count, err));
    if (out->items)
        memcpy(out->holders, sequences->holders, out->items * sizeof *out->holders);
    for (int64_t e = 0; e < s->starts[s->n]; e++)
        out->count[s->items[e]]++;
    MX_TRY_GOTO(mx_transitions_fit(s, &transitions, alloc, task, &out->after, err));
    if (ease)
        MX_TRY_GOTO(fit_sets(s, EASE_KEEP, ease_l2_of(s, options), alloc, task, &out->alike, err));
    else if (out->alike_weight > 0)
        MX_TRY_GOTO(mx_next_fit_alike(s, ALIKE_KEEP, alloc, task, &out->alike, err));
    else
        MX_TRY_GOTO(mx_item_lists_none(s->n_items, alloc, &out->alike, err));
    double strongest = strongest_of(out, &out->after), nearest = strongest_of(out, &out->alike);
    out->alike_weight *= nearest > 0 ? strongest / nearest : 0;
    out->network *= strongest;
    if (out->network > 0 && !counts_only)
        MX_TRY_GOTO(mx_ranker_fit(s, &ranker, alloc, task, &out->ranker, err));
    return MERX_OK;
out:
    mx_next_release(out);
    return status;
}

void mx_next_release(mx_next *model)
{
    if (!model->alloc)
        return;
    mx_next_index_release(model);
    MX_FREE_ARRAY(model->alloc, model->holders, model->items);
    MX_FREE_ARRAY(model->alloc, model->count, model->items);
    mx_item_lists_release(&model->after);
    mx_item_lists_release(&model->alike);
    mx_ranker_release(&model->ranker);
    mx_dict_free(model->ids);
    *model = (mx_next){0};
}

void mx_next_fingerprint(const mx_snapshot *snapshot, const mx_next_sequences *q, const merx_options *options,
                         uint64_t seed, char out[17])
{
    mx_ranker_options o = ranker_of(&q->view, options, seed);
    double numbers[] = {merx_options_real(options, "network") > 0 ? 1 : 0,
                        (double)o.units,
                        o.epochs,
                        (double)o.negatives,
                        o.learning_rate,
                        o.dropout,
                        (double)q->source};
    uint64_t hash = mx_hash64(numbers, sizeof numbers, seed);
    for (size_t i = 0; i < q->view.n_items; i++) {
        uint64_t key = mx_snapshot_product_key(snapshot, q->item_product[i]);
        hash = mx_hash64(&key, sizeof key, hash);
    }
    for (size_t u = 0; u < q->view.n; u++) {
        size_t count = (size_t)(q->starts[u + 1] - q->starts[u]);
        mx_str id = (q->source == MX_NEXT_CUSTOMERS ? snapshot->customer_id : snapshot->session_id)[q->owner[u]];
        hash = mx_hash64(q->items + q->starts[u], count * sizeof(int32_t), mx_hash64(id.data, id.size, hash));
    }
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

/* ---- following a sequence ---- */

merx_status mx_next_begin(const mx_next *model, size_t most, const merx_allocator *alloc, mx_next_state *out,
                          merx_error *err)
{
    *out = (mx_next_state){.model = model, .alloc = mx_allocator_or_default(alloc), .most = most};
    size_t units = model->ranker.units;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, most, sizeof *out->items, "events of a sequence", &out->items, err));
    MX_TRY_GOTO(mx_alloc_array(out->alloc, units, sizeof *out->hidden, "state of the network", &out->hidden, err));
    MX_TRY_GOTO(mx_alloc_array(out->alloc, mx_ranker_scratch(&model->ranker), sizeof *out->scratch,
                               "scratch of the network", &out->scratch, err));
    return MERX_OK;
out:
    mx_next_end(out);
    return status;
}

void mx_next_end(mx_next_state *state)
{
    if (!state->alloc)
        return;
    MX_FREE_ARRAY(state->alloc, state->items, state->most);
    MX_FREE_ARRAY(state->alloc, state->hidden, state->model->ranker.units);
    MX_FREE_ARRAY(state->alloc, state->scratch, mx_ranker_scratch(&state->model->ranker));
    *state = (mx_next_state){0};
}

void mx_next_reset(mx_next_state *state)
{
    state->m = 0;
    if (state->model->ranker.units)
        memset(state->hidden, 0, state->model->ranker.units * sizeof *state->hidden);
}

void mx_next_step(mx_next_state *state, int32_t item)
{
    state->items[state->m++] = item;
    if (state->model->ranker.items)
        mx_ranker_step(&state->model->ranker, item, state->hidden, state->scratch);
}

double mx_next_share(const mx_next *model, int32_t item)
{
    return model->events > 0 ? model->count[item] / model->events : 0;
}

double mx_next_base(const mx_next *model, int32_t item, float logit)
{
    return model->popularity * mx_next_share(model, item) + model->network * (double)logit;
}

/* network z(t) of a hidden state; 0 without a network. */
static double network(const mx_next *model, const float *hidden, int32_t t)
{
    return model->ranker.items ? model->network * (double)mx_ranker_logit(&model->ranker, hidden, t) : 0;
}

void mx_next_scores(const mx_next_state *state, double *scores)
{
    const mx_next *model = state->model;
    if (model->items)
        memset(scores, 0, model->items * sizeof *scores);
    mx_transitions_score(&model->after, state->items, state->m, model->fade, 1, scores);
    mx_item_lists_score(&model->alike, state->items, NULL, state->m, model->alike_weight, scores);
    enum { AT_ONCE = 256 };
    float logits[AT_ONCE] = {0};
    int32_t items[AT_ONCE];
    for (size_t first = 0; first < model->items; first += AT_ONCE) {
        size_t n = model->items - first < AT_ONCE ? model->items - first : AT_ONCE;
        for (size_t i = 0; i < n; i++)
            items[i] = (int32_t)(first + i);
        if (model->ranker.items)
            mx_ranker_logits(&model->ranker, state->hidden, items, n, logits);
        for (size_t i = 0; i < n; i++)
            scores[first + i] += mx_next_base(model, items[i], logits[i]);
    }
}

/* fade^k for k events back. */
static double faded(const mx_next *model, size_t back)
{
    return pow(model->fade, (double)back);
}

/* Of event `at` of m: its term of the counts. */
static double counts_part(const mx_next *model, const int32_t *history, size_t m, size_t at, int32_t t)
{
    return faded(model, m - 1 - at) * mx_item_lists_weight(&model->after, history[at], t) +
           model->alike_weight * mx_item_lists_weight(&model->alike, history[at], t);
}

/* parts (m, n) written: the network's alone. */
static void network_parts(mx_next_state *state, const int32_t *history, size_t m, const int32_t *targets, size_t n,
                          double *before, double *parts)
{
    mx_next_reset(state);
    for (size_t t = 0; t < n; t++)
        before[t] = network(state->model, state->hidden, targets[t]);
    for (size_t j = 0; j < m; j++) {
        mx_next_step(state, history[j]);
        for (size_t t = 0; t < n; t++) {
            double now = network(state->model, state->hidden, targets[t]);
            parts[j * n + t] = now - before[t];
            before[t] = now;
        }
    }
}

/* Scores of the history without event `left`. */
static void score_without(mx_next_state *state, const int32_t *history, size_t m, size_t left, const int32_t *targets,
                          size_t n, double *without)
{
    const mx_next *model = state->model;
    mx_next_reset(state);
    for (size_t j = 0; j < m; j++)
        if (j != left)
            mx_next_step(state, history[j]);
    for (size_t t = 0; t < n; t++) {
        double score = model->popularity * mx_next_share(model, targets[t]) + network(model, state->hidden, targets[t]);
        for (size_t j = 0; j < state->m; j++)
            score += counts_part(model, state->items, state->m, j, targets[t]);
        without[t] = score;
    }
}

merx_status mx_next_explain(const mx_next *model, const int32_t *history, size_t m, const int32_t *targets, size_t n,
                            double *base, double *parts, double *without, const merx_allocator *alloc, merx_error *err)
{
    mx_next_state state = {0};
    double *before = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(mx_allocator_or_default(alloc), n, sizeof *before, "scores so far", &before, err));
    MX_TRY_GOTO(mx_next_begin(model, m, alloc, &state, err));
    for (size_t t = 0; t < n; t++)
        base[t] = model->popularity * mx_next_share(model, targets[t]) + network(model, state.hidden, targets[t]);
    network_parts(&state, history, m, targets, n, before, parts);
    for (size_t j = 0; j < m; j++)
        for (size_t t = 0; t < n; t++)
            parts[j * n + t] += counts_part(model, history, m, j, targets[t]);
    for (size_t j = 0; j < m; j++)
        score_without(&state, history, m, j, targets, n, without + j * n);
out:
    mx_next_end(&state);
    MX_FREE_ARRAY(mx_allocator_or_default(alloc), before, n);
    return status;
}
