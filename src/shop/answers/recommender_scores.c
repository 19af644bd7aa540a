/*
 * Scores of the recommender, and their terms. Letters: t items; j items of the history; m their number; f factors; w weight of a purchase, c = 1 + w.
 *
 * The factors' part is solved among the items of the history when they are few (learn/factor/als_history.h), else as in training (als.h). Both give the same but for rounding.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "shop/answers/recommender.h"

enum { EXPLAIN_CHUNK = 256, SCRATCH_ON_STACK = 6144 };

/* ---- scores ---- */

static bool among_history(const mx_recommender *model, size_t m)
{
    return model->index && mx_als_solved_takes(&model->index->solved, m);
}

merx_status mx_recommender_user(const mx_recommender *model, const int32_t *history, size_t m, double *user,
                                merx_error *err)
{
    if (!among_history(model, m))
        return mx_als_fold_in(&model->als, history, NULL, m, user, err);
    double few[SCRATCH_ON_STACK], *scratch = few;
    size_t need = mx_als_history_scratch(&model->index->solved, m, 0);
    if (need > SCRATCH_ON_STACK)
        MX_TRY(mx_alloc_array_raw(model->alloc, need, sizeof *scratch, "equations of a history", &scratch, err));
    bool solved = mx_als_history_user(&model->als, &model->index->solved, history, m, scratch, user);
    if (scratch != few)
        MX_FREE_ARRAY(model->alloc, scratch, need);
    return solved ? MERX_OK : mx_als_fold_in(&model->als, history, NULL, m, user, err);
}

double mx_recommender_score_of(const mx_recommender *model, const double *user, int32_t item, double lists)
{
    size_t f = (size_t)model->als.factors;
    double dense = mx_kernel()->dot_float(user, model->als.item_factors + (size_t)item * f, f);
    return (double)model->trend[item] * (model->als_weight * dense + lists);
}

merx_status mx_recommender_score(const mx_recommender *model, const int32_t *history, size_t m, double *user,
                                 double *scores, merx_error *err)
{
    MX_TRY(mx_recommender_user(model, history, m, user, err));
    for (size_t t = 0; t < model->items; t++)
        scores[t] = 0;
    mx_item_lists_score(&model->ease, history, NULL, m, model->ease_weight, scores);
    mx_item_lists_score(&model->neighbours, history, NULL, m, model->co_purchase, scores);
    for (size_t t = 0; t < model->items; t++)
        scores[t] = mx_recommender_score_of(model, user, (int32_t)t, scores[t]);
    return MERX_OK;
}

size_t mx_recommender_best(const double *scores, const uint8_t *barred, size_t items, size_t n, int32_t *best)
{
    size_t count = 0;
    for (size_t i = 0; i < items; i++) {
        if (barred[i] || (count == n && !(scores[i] > scores[best[n - 1]])))
            continue;
        size_t at = count < n ? count++ : n - 1;
        for (; at > 0 && scores[i] > scores[best[at - 1]]; at--)
            best[at] = best[at - 1];
        best[at] = (int32_t)i;
    }
    return count;
}

/* ---- terms ---- */

/* What j says of t by the lists does not depend on the rest of the history. linear (n, m) += the weights of one kind of list; place: of a target, sorted by item. */
typedef struct placed {
    int32_t item, place;
} placed;

static size_t table_size(size_t n)
{
    size_t size = 16;
    while (size < 4 * n)
        size *= 2;
    return size;
}

/* Open addressing; place + 1, 0: empty. Targets are distinct. */
static placed *slot_of(placed *table, size_t mask, int32_t item)
{
    size_t at = ((uint32_t)item * UINT32_C(2654435769) >> 7) & mask;
    while (table[at].place && table[at].item != item)
        at = (at + 1) & mask;
    return &table[at];
}

static void add_linear(const mx_item_lists *lists, double factor, const int32_t *history, size_t m, placed *table,
                       size_t mask, double *linear)
{
    for (size_t j = 0; j < m; j++)
        for (int64_t k = lists->starts[history[j]]; k < lists->starts[history[j] + 1]; k++) {
            int32_t place = slot_of(table, mask, lists->indices[k])->place;
            if (place)
                linear[(size_t)(place - 1) * m + j] += factor * (double)lists->weights[k];
        }
}

static merx_status linear_parts(const mx_recommender *model, const int32_t *history, size_t m, const int32_t *targets,
                                size_t n, double *linear, const merx_allocator *alloc, merx_error *err)
{
    size_t size = table_size(n);
    placed *table;
    MX_TRY(mx_alloc_array(alloc, size, sizeof *table, "places of targets", &table, err));
    for (size_t t = 0; t < n; t++)
        *slot_of(table, size - 1, targets[t]) = (placed){targets[t], (int32_t)t + 1};
    memset(linear, 0, n * m * sizeof *linear);
    add_linear(&model->ease, model->ease_weight, history, m, table, size - 1, linear);
    add_linear(&model->neighbours, model->co_purchase, history, m, table, size - 1, linear);
    MX_FREE_ARRAY(alloc, table, size);
    return MERX_OK;
}

/* own (m): x . y_j; spread (m): y_j' A^-1 y_j; parts (n, m) of the targets. */
static merx_status als_parts(const mx_recommender *model, const int32_t *history, size_t m, const int32_t *targets,
                             size_t n, double *parts, double *scores, double *own, double *spread,
                             const merx_allocator *alloc, merx_error *err)
{
    size_t chunk = m < EXPLAIN_CHUNK ? m : EXPLAIN_CHUNK, need = m * chunk;
    double c = 1 + model->als.alpha;
    merx_status status = MERX_OK;
    bool few = among_history(model, m);
    if (few)
        need = mx_als_history_scratch(&model->index->solved, m, n);
    double *scratch;
    MX_TRY(mx_alloc_array_raw(alloc, need, sizeof *scratch, "parts of the history", &scratch, err));
    if (few && mx_als_history_explain(&model->als, &model->index->solved, history, m, targets, n, scratch, parts, own,
                                      spread)) {
        for (size_t t = 0; t < n; t++) {
            scores[t] = 0;
            for (size_t j = 0; j < m; j++)
                scores[t] += parts[t * m + j];
        }
        goto out;
    }
    for (size_t from = 0; from < m; from += chunk) {
        size_t count = m - from < chunk ? m - from : chunk;
        MX_TRY_GOTO(
            mx_als_explain_many(&model->als, history, NULL, m, history + from, count, scratch, own + from, err));
        for (size_t j = 0; j < count; j++)
            spread[from + j] = scratch[j * m + from + j] / c;
    }
    MX_TRY_GOTO(mx_als_explain_many(&model->als, history, NULL, m, targets, n, parts, scores, err));
out:
    MX_FREE_ARRAY(alloc, scratch, need);
    return status;
}

merx_status mx_recommender_explain(const mx_recommender *model, const int32_t *history, size_t m,
                                   const int32_t *targets, size_t n, double *parts, double *without, double *scores,
                                   const merx_allocator *alloc, merx_error *err)
{
    double *own = NULL;
    double w = model->als.alpha, c = 1 + w;
    merx_status status;
    MX_TRY(mx_alloc_array_raw(alloc, (2 + n) * m, sizeof *own, "scores of the history", &own, err));
    double *spread = own + m, *linear = spread + m;
    MX_TRY_GOTO(linear_parts(model, history, m, targets, n, linear, alloc, err));
    MX_TRY_GOTO(als_parts(model, history, m, targets, n, parts, scores, own, spread, alloc, err));
    for (size_t t = 0; t < n; t++) {
        double all = 0, als = scores[t], trend = (double)model->trend[targets[t]];
        for (size_t j = 0; j < m; j++)
            all += linear[t * m + j];
        for (size_t j = 0; j < m; j++) {
            /* A' = A - w y_j y_j', b' = b - c y_j: y_t' A'^-1 b' out of g = y_t' A^-1 y_j. */
            double *part = parts + t * m + j, g = *part / c, mine = linear[t * m + j];
            double refold = als - *part + w * g * (own[j] - c * spread[j]) / (1 - w * spread[j]);
            without[t * m + j] = trend * ((m > 1 ? model->als_weight * refold : 0) + (all - mine));
            *part = trend * (model->als_weight * *part + mine);
        }
        scores[t] = trend * (model->als_weight * als + all);
    }
out:
    MX_FREE_ARRAY(alloc, own, (2 + n) * m);
    return status;
}
