/*
 * How good next is: learn from the sequences before a day, and foretell for each customer (session) the first new products from that day on, from all that came before them. Every product learnt is
 * ranked but for those that came before. NDCG@10 with binary gains and hit@10, beside transition counts, item-kNN and popularity.
 *
 * Lines of one order at one time are one moment: what is in it is foretold together, and none of it is known before. Letters: u tested sequences, i items. The interval of a figure resamples sequences;
 * differences are paired.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/metrics.h"
#include "numeric/statistics.h"
#include "shop/answers/next.h"
#include "shop/answers/recommender.h"

/* Of more sequences than SEQUENCES about so many are tested, chosen by a hash of their owners' ids: each costs a ranking of all products. */
enum { TOP = 10, A_BLOCK = 16, KNN_KEEP = 100, SEQUENCES = 50000 };
static const double markov_fade = 0.5; /* of the transition counts that stand beside it */

typedef enum ranker { BLEND, TRANSITIONS, KNN, POPULAR, RANKERS } ranker;

typedef struct test {
    const mx_next *model;
    const mx_item_lists *counts, *knn;
    size_t n, of, most_history;                /* of: how many there were */
    int32_t *owner;                            /* (n) customer or session */
    int64_t *history_starts, *relevant_starts; /* (n + 1) */
    mx_vec history, relevant;                  /* int32: in order; ascending */
    double *ndcg[RANKERS], *hit[RANKERS];      /* (n) */
    merx_task *task;
} test;

/* ---- what is foretold ---- */

static int compare_items(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool same_moment(const mx_snapshot *s, int32_t a, int32_t b)
{
    return s->order[a] >= 0 && s->order[a] == s->order[b] && s->time_ms[a] == s->time_ms[b];
}

static bool holds(const int32_t *items, size_t n, int32_t item)
{
    for (size_t k = 0; k < n; k++)
        if (items[k] == item)
            return true;
    return false;
}

/* The events of one customer or session: the first moment from the split on with something new and something before it. past (count + 1): scratch. */
static merx_status collect_one(const mx_snapshot *s, int64_t split_ms, const int32_t *item_of, const int32_t *events,
                               size_t count, int32_t owner, int32_t *past, test *t, merx_error *err)
{
    size_t m = 0;
    for (size_t from = 0, to; from < count; from = to) {
        size_t before = t->relevant.count;
        for (to = from + 1; to < count && same_moment(s, events[from], events[to]);)
            to++;
        for (size_t k = from; k < to && m > 0 && s->time_ms[events[from]] >= split_ms; k++) {
            int32_t item = item_of[s->product[events[k]]];
            int32_t *found = t->relevant.count > before ? &MX_VEC_AT(&t->relevant, int32_t, before) : NULL;
            if (item >= 0 && !holds(past, m, item) && !holds(found, t->relevant.count - before, item))
                MX_TRY(mx_vec_append(&t->relevant, &item, 1, err));
        }
        size_t found = t->relevant.count - before;
        if (found > 0) {
            qsort(&MX_VEC_AT(&t->relevant, int32_t, before), found, sizeof(int32_t), compare_items);
            MX_TRY(mx_vec_append(&t->history, past, m, err));
            t->most_history = m > t->most_history ? m : t->most_history;
            t->owner[t->n] = owner;
            t->relevant_starts[t->n + 1] = (int64_t)t->relevant.count;
            t->history_starts[++t->n] = (int64_t)t->history.count;
            return MERX_OK;
        }
        for (size_t k = from; k < to; k++) {
            int32_t item = item_of[s->product[events[k]]];
            if (item >= 0 && (m == 0 || past[m - 1] != item))
                past[m++] = item;
        }
    }
    return MERX_OK;
}

/* The items [*from, to) of a list move down to `at`; returns where they end. */
static int64_t move_down(mx_vec *list, int64_t *from, int64_t to, int64_t at)
{
    int64_t n = to - *from;
    int32_t *items = list->data;
    memmove(items + at, items + *from, (size_t)n * sizeof *items);
    *from = at;
    return at + n;
}

/* Leaves about SEQUENCES of more. */
static void choose(const mx_snapshot *s, bool customers, test *t)
{
    size_t kept = 0;
    int64_t history = 0, relevant = 0;
    t->of = t->n;
    if (t->n <= SEQUENCES)
        return;
    uint64_t limit = UINT64_MAX / t->n * SEQUENCES;
    for (size_t u = 0; u < t->n; u++) {
        mx_str id = customers ? s->customer_id[t->owner[u]] : s->session_id[t->owner[u]];
        if (mx_hash64(id.data, id.size, 0x6e657874u) > limit)
            continue;
        int64_t from[2] = {t->history_starts[u], t->relevant_starts[u]};
        history = move_down(&t->history, &from[0], t->history_starts[u + 1], history);
        relevant = move_down(&t->relevant, &from[1], t->relevant_starts[u + 1], relevant);
        t->history_starts[kept] = from[0];
        t->relevant_starts[kept++] = from[1];
    }
    t->history_starts[kept] = history;
    t->relevant_starts[kept] = relevant;
    t->n = kept;
}

static merx_status collect(const mx_snapshot *s, int64_t split_ms, const mx_next_sequences *learnt,
                           const merx_allocator *alloc, test *t, merx_error *err)
{
    bool customers = learnt->source == MX_NEXT_CUSTOMERS;
    size_t owners = customers ? s->customers : s->sessions, most = 0;
    mx_event_groups groups = {0};
    int32_t *owner = NULL, *past = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, s->events, sizeof *owner, "owners of events", &owner, err));
    for (size_t e = 0; e < s->events; e++)
        owner[e] = mx_next_is_event(s, learnt->source, e) ? (customers ? s->customer[e] : s->session[e]) : -1;
    MX_TRY_GOTO(mx_event_groups_build(s, owner, owners, alloc, &groups, err));
    for (size_t g = 0; g < owners; g++)
        most = (size_t)(groups.starts[g + 1] - groups.starts[g]) > most
                   ? (size_t)(groups.starts[g + 1] - groups.starts[g])
                   : most;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, most + 1, sizeof *past, "events so far", &past, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, owners + 1, sizeof(int64_t), "tests", &t->history_starts, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, owners + 1, sizeof(int64_t), "tests", &t->relevant_starts, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, owners + 1, sizeof *t->owner, "tests", &t->owner, err));
    for (size_t g = 0; g < owners; g++)
        MX_TRY_GOTO(collect_one(s, split_ms, learnt->product_item, groups.events + groups.starts[g],
                                (size_t)(groups.starts[g + 1] - groups.starts[g]), (int32_t)g, past, t, err));
    choose(s, customers, t);
out:
    MX_FREE_ARRAY(alloc, past, most + 1);
    MX_FREE_ARRAY(alloc, owner, s->events);
    mx_event_groups_release(&groups);
    return status;
}

/* ---- ranking ---- */

static void measure(const test *t, size_t u, ranker which, const double *scores, const uint8_t *barred)
{
    const int32_t *relevant = &MX_VEC_AT(&t->relevant, int32_t, t->relevant_starts[u]);
    size_t m = (size_t)(t->relevant_starts[u + 1] - t->relevant_starts[u]);
    int32_t best[TOP], list[TOP];
    size_t k = mx_recommender_best(scores, barred, t->model->items, TOP, best);
    /* The ideal is over TOP places, also when fewer products are there to rank. */
    for (size_t i = 0; i < TOP; i++)
        list[i] = i < k ? best[i] : -1;
    t->ndcg[which][u] = mx_ndcg_at_k(list, TOP, relevant, m);
    t->hit[which][u] = mx_hit_at_k(list, TOP, relevant, m);
}

static merx_status rank_block(void *context, size_t block, merx_error *err)
{
    const test *t = context;
    const mx_next *model = t->model;
    size_t items = model->items;
    const merx_allocator *alloc = merx_task_allocator(t->task);
    double *scores = NULL;
    uint8_t *barred = NULL;
    mx_next_state state = {0};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, items, sizeof *scores, "scores", &scores, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, items, 1, "products left out", &barred, err));
    MX_TRY_GOTO(mx_next_begin(model, t->most_history, alloc, &state, err));
    size_t end = (block + 1) * A_BLOCK < t->n ? (block + 1) * A_BLOCK : t->n;
    for (size_t u = block * A_BLOCK; u < end; u++) {
        const int32_t *history = &MX_VEC_AT(&t->history, int32_t, t->history_starts[u]);
        size_t m = (size_t)(t->history_starts[u + 1] - t->history_starts[u]);
        mx_next_reset(&state);
        for (size_t j = 0; j < m; j++) {
            barred[history[j]] = 1;
            mx_next_step(&state, history[j]);
        }
        mx_next_scores(&state, scores);
        measure(t, u, BLEND, scores, barred);
        memset(scores, 0, items * sizeof *scores);
        mx_transitions_score(t->counts, history, m, markov_fade, 1, scores);
        measure(t, u, TRANSITIONS, scores, barred);
        memset(scores, 0, items * sizeof *scores);
        mx_item_lists_score(t->knn, history, NULL, m, 1, scores);
        measure(t, u, KNN, scores, barred);
        for (size_t i = 0; i < items; i++)
            scores[i] = model->holders[i];
        measure(t, u, POPULAR, scores, barred);
        for (size_t j = 0; j < m; j++)
            barred[history[j]] = 0;
    }
out:
    mx_next_end(&state);
    MX_FREE_ARRAY(alloc, scores, items);
    MX_FREE_ARRAY(alloc, barred, items);
    return status;
}

/* ---- figures ---- */

static merx_status report(const test *t, merx_evaluation *out, merx_task *task, merx_error *err)
{
    static const struct {
        const char *ndcg, *hit, *baseline;
        ranker which;
    } beside[] = {{"ndcg@10", "hit@10", "transition counts", TRANSITIONS},
                  {"ndcg@10 over item-kNN", "hit@10 over item-kNN", "item-kNN", KNN},
                  {"ndcg@10 over popularity", "hit@10 over popularity", "popularity", POPULAR}};
    for (size_t b = 0; b < 3; b++) {
        MX_TRY(mx_evaluation_add_mean(out, beside[b].ndcg, beside[b].baseline, t->ndcg[BLEND], t->ndcg[beside[b].which],
                                      t->n, task, err));
        MX_TRY(mx_evaluation_add_mean(out, beside[b].hit, beside[b].baseline, t->hit[BLEND], t->hit[beside[b].which],
                                      t->n, task, err));
    }
    const merx_figure *first = &out->figure[0], *second = &out->figure[2];
    out->gate_passed = first->difference_low > 0 && second->difference_low > 0;
    snprintf(out->gate, sizeof out->gate,
             "ndcg@10 %.4f: %+.4f [%+.4f, %+.4f] to transition counts, %+.4f [%+.4f, %+.4f] to item-kNN: %s",
             first->value, first->difference, first->difference_low, first->difference_high, second->difference,
             second->difference_low, second->difference_high,
             out->gate_passed ? "both above zero" : "not both surely above zero");
    return MERX_OK;
}

static merx_status run(const mx_evaluate *evaluate, const merx_allocator *alloc, test *t, merx_evaluation *out,
                       merx_error *err)
{
    double *values;
    MX_TRY(mx_alloc_array(alloc, 2 * RANKERS * t->n, sizeof *values, "figures of sequences", &values, err));
    for (size_t s = 0; s < RANKERS; s++) {
        t->ndcg[s] = values + s * t->n;
        t->hit[s] = values + (RANKERS + s) * t->n;
    }
    mx_task_stage(evaluate->task, "evaluate next", t->n, out->unit);
    MX_TRY(mx_parallel(evaluate->task, (t->n + A_BLOCK - 1) / A_BLOCK, rank_block, t, err));
    MX_TRY(report(t, out, evaluate->task, err));
    mx_task_done(evaluate->task);
    return MERX_OK;
}

static merx_status learn(const mx_evaluate *evaluate, const mx_next_sequences *sequences, const merx_allocator *alloc,
                         mx_next *model, mx_item_lists *counts, mx_item_lists *knn, merx_error *err)
{
    mx_transitions_options plain = {.reach = 1, .decay = 1, .power = 1};
    MX_TRY(mx_next_fit(sequences, evaluate->options, false, alloc, evaluate->task, model, err));
    MX_TRY(mx_transitions_fit(&sequences->view, &plain, alloc, evaluate->task, counts, err));
    return mx_next_fit_alike(&sequences->view, KNN_KEEP, alloc, evaluate->task, knn, err);
}

merx_status mx_next_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err)
{
    const merx_allocator *alloc = mx_allocator_or_default(evaluate->alloc);
    const mx_snapshot *whole = evaluate->snapshot;
    mx_snapshot before = mx_snapshot_before(whole, evaluate->split_ms);
    mx_next_sequences sequences = {0};
    mx_next model = {0};
    mx_item_lists counts = {0}, knn = {0};
    mx_next_source source;
    test t = {.model = &model,
              .counts = &counts,
              .knn = &knn,
              .history = mx_vec_init(alloc, sizeof(int32_t), whole->events + 1, "histories"),
              .relevant = mx_vec_init(alloc, sizeof(int32_t), whole->events + 1, "products to foretell"),
              .task = evaluate->task};
    size_t owners = 0;
    merx_status status;
    *out = (merx_evaluation){.split_ms = evaluate->split_ms, .until_ms = whole->last_ms};
    MX_TRY_GOTO(mx_next_source_of(&before, evaluate->options, alloc, &source, err));
    owners = source == MX_NEXT_CUSTOMERS ? whole->customers : whole->sessions;
    snprintf(out->unit, sizeof out->unit, "%s", mx_next_source_name(source));
    snprintf(out->protocol, sizeof out->protocol,
             "learnt before the split; for each of the %s the first new products from it on (of one order together), "
             "from all "
             "events before them; every product learnt is ranked, those before left out",
             mx_next_source_name(source));
    MX_TRY_GOTO(mx_next_sequences_build(&before, source, alloc, &sequences, err));
    MX_TRY_GOTO(collect(whole, evaluate->split_ms, &sequences, alloc, &t, err));
    out->train_rows = (uint64_t)sequences.starts[sequences.view.n];
    out->test_rows = (uint64_t)t.relevant_starts[t.n];
    out->test_units = t.n;
    if (t.of > t.n) {
        size_t size = strlen(out->protocol);
        snprintf(out->protocol + size, sizeof out->protocol - size, "; %zu of %zu, chosen by a hash of their ids", t.n,
                 t.of);
    }
    if (t.n == 0) {
        snprintf(out->gate, sizeof out->gate, "nothing to measure: none of the %s had something new from the split on",
                 mx_next_source_name(source));
        goto out;
    }
    MX_TRY_GOTO(learn(evaluate, &sequences, alloc, &model, &counts, &knn, err));
    MX_TRY_GOTO(run(evaluate, alloc, &t, out, err));
out:
    MX_FREE_ARRAY(alloc, t.ndcg[0], 2 * RANKERS * t.n);
    MX_FREE_ARRAY(alloc, t.history_starts, owners + 1);
    MX_FREE_ARRAY(alloc, t.relevant_starts, owners + 1);
    MX_FREE_ARRAY(alloc, t.owner, owners + 1);
    mx_vec_release(&t.history);
    mx_vec_release(&t.relevant);
    mx_item_lists_release(&knn);
    mx_item_lists_release(&counts);
    mx_next_release(&model);
    mx_next_sequences_release(&sequences);
    return status;
}
