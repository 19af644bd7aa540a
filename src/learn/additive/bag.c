/*
 * One bag: boosting on the rows it keeps, early stopping on those it holds out.
 *
 * A *term* is a column or a pair. A round visits every term once. Between two visits one pass over the rows applies the last step and sums the gradient over the
 * next term's bins:
 *     g_i -= h_i delta[bin_i];  G[next_i] += g_i
 * For squared loss that is exact. For logistic and Poisson loss it is the gradient to first order in steps that are small (learning_rate); it is made exact again, from the
 * scores, at the end of every round, and the curvatures h are taken again every few rounds.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "learn/additive/additive_parts.h"

#define HELD_TAG UINT64_C(0x61646469)
#define REFRESH 8 /* rounds for which curvatures are kept */

bool mx_additive_holds_out(const mx_additive_options *options, uint64_t key, size_t bag)
{
    uint64_t drawn = mx_random_key(key, HELD_TAG, bag);
    return (double)(drawn >> 11) * 0x1p-53 < options->held_out;
}

/* Overflow-free log(1 + exp(z)). */
static double softplus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

double mx_additive_loss(const double *score, const double *y, const int32_t *labels, const double *weights, size_t n,
                        mx_loss_kind kind, double *g, double *h)
{
    size_t classes = kind.classes;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weights != NULL ? weights[i] : 1;
        if (kind.poisson) {
            double mean = exp(score[i]);
            total += 2 * w * (y[i] * (log(y[i]) - score[i]) - (y[i] - mean));
            if (g != NULL)
                g[i] = w * (y[i] - mean);
            if (h != NULL)
                h[i] = w * mean;
        } else if (classes == 0) {
            double r = y[i] - score[i];
            total += w * r * r;
            if (g != NULL)
                g[i] = w * r;
            if (h != NULL)
                h[i] = w;
        } else if (classes == 2) {
            double s = score[i];
            if (g != NULL || h != NULL) {
                double p = 1 / (1 + exp(-s));
                if (g != NULL)
                    g[i] = w * ((labels[i] == 1) - p);
                if (h != NULL)
                    h[i] = w * p * (1 - p);
            } else {
                total += w * softplus(labels[i] == 1 ? -s : s);
            }
        } else {
            double most = score[i], sum = 0;
            for (size_t k = 1; k < classes; k++)
                most = fmax(most, score[k * n + i]);
            for (size_t k = 0; k < classes; k++)
                sum += exp(score[k * n + i] - most);
            for (size_t k = 0; k < classes && (g != NULL || h != NULL); k++) {
                double p = exp(score[k * n + i] - most) / sum;
                if (g != NULL)
                    g[k * n + i] = w * (((size_t)labels[i] == k) - p);
                if (h != NULL)
                    h[k * n + i] = w * p * (1 - p);
            }
            total += w * (most + log(sum) - score[(size_t)labels[i] * n + i]);
        }
    }
    return total;
}

typedef struct term {
    const uint16_t *kept, *held;  /* cell of each row of the two parts */
    size_t cells, side_a, side_b; /* side_b 0: a column */
    int monotone;
    const uint16_t *order; /* not used for pairs and numeric columns */
    bool levels;
    double *values, *best, *delta; /* (K, cells) */
    mx_cell *hist;                 /* (K, cells): h and rows stay, g is summed at each visit */
} term;

typedef struct bag {
    const mx_additive_work *w;
    const merx_allocator *alloc;
    mx_arena arena;
    size_t number, n_kept, n_held, d, K, n_terms;
    term *terms;
    uint16_t *kept_bins, *held_bins; /* (d, rows) */
    double *y, *held_y, *weights, *held_weights;
    int32_t *labels, *held_labels;
    double *score, *g, *h, *held_score; /* (K, rows); h NULL: all ones */
    double *sums;                       /* two times the most cells */
    mx_cell *room;
    mx_block *blocks;
    uint16_t *order_room;
    double *masses_room;
} bag;

static void *take(bag *b, size_t count, size_t size, merx_error *err)
{
    return mx_arena_array(&b->arena, count > 0 ? count : 1, size, err);
}
#define TAKE(field, count)                                                                                             \
    do {                                                                                                               \
        if (((field) = take(b, (count), sizeof *(field), err)) == NULL)                                                \
            return MERX_E_MEMORY;                                                                                      \
    } while (0)

/* Copies of this bag's two parts, in the order of the keys. */
static merx_status split_rows(bag *b, merx_error *err)
{
    const mx_additive_work *w = b->w;
    size_t n = w->n, kept = 0, held = 0;
    uint32_t *rows;
    TAKE(rows, n);
    for (size_t i = 0; i < n; i++)
        b->n_held += mx_additive_holds_out(w->options, w->keys[i], b->number);
    if (b->n_held == n)
        b->n_held = 0; /* every row held out: keep them all, without early stopping */
    b->n_kept = n - b->n_held;
    for (size_t i = 0; i < n; i++) {
        bool out = b->n_held > 0 && mx_additive_holds_out(w->options, w->keys[i], b->number);
        rows[out ? b->n_kept + held++ : kept++] = (uint32_t)i;
    }
    TAKE(b->kept_bins, b->d * b->n_kept);
    TAKE(b->held_bins, b->d * b->n_held);
    TAKE(b->y, w->y != NULL ? b->n_kept : 0);
    TAKE(b->held_y, w->y != NULL ? b->n_held : 0);
    TAKE(b->labels, w->labels != NULL ? b->n_kept : 0);
    TAKE(b->held_labels, w->labels != NULL ? b->n_held : 0);
    TAKE(b->weights, w->weights != NULL ? b->n_kept : 0);
    TAKE(b->held_weights, w->weights != NULL ? b->n_held : 0);
    for (size_t j = 0; j < b->d; j++) {
        const uint16_t *from = w->bins + j * n;
        uint16_t *to = b->kept_bins + j * b->n_kept, *out = b->held_bins + j * b->n_held;
        for (size_t i = 0; i < b->n_kept; i++)
            to[i] = from[rows[i]];
        for (size_t i = 0; i < b->n_held; i++)
            out[i] = from[rows[b->n_kept + i]];
    }
    for (size_t i = 0; i < n; i++) {
        bool out = i >= b->n_kept;
        size_t to = out ? i - b->n_kept : i;
        if (w->y != NULL)
            (out ? b->held_y : b->y)[to] = w->y[rows[i]];
        if (w->labels != NULL)
            (out ? b->held_labels : b->labels)[to] = w->labels[rows[i]];
        if (w->weights != NULL)
            (out ? b->held_weights : b->weights)[to] = w->weights[rows[i]];
    }
    if (w->weights == NULL)
        b->weights = b->held_weights = NULL;
    TAKE(b->score, b->K * b->n_kept);
    TAKE(b->g, b->K * b->n_kept);
    TAKE(b->h, b->K * b->n_kept);
    TAKE(b->held_score, b->K * b->n_held);
    for (size_t k = 0; k < b->K; k++) {
        for (size_t i = 0; i < b->n_kept; i++)
            b->score[k * b->n_kept + i] = w->base[k];
        for (size_t i = 0; i < b->n_held; i++)
            b->held_score[k * b->n_held + i] = w->base[k];
    }
    return MERX_OK;
}

static merx_status add_term(bag *b, const uint16_t *kept, const uint16_t *held, size_t cells, merx_error *err)
{
    term *t = &b->terms[b->n_terms++];
    *t = (term){.kept = kept, .held = held, .cells = cells};
    TAKE(t->values, b->K * cells);
    TAKE(t->best, b->K * cells);
    TAKE(t->delta, b->K * cells);
    TAKE(t->hist, b->K * cells);
    for (size_t i = 0; i < b->n_kept; i++)
        t->hist[kept[i]].rows++;
    for (size_t k = 1; k < b->K; k++)
        for (size_t c = 0; c < cells; c++)
            t->hist[k * cells + c].rows = t->hist[c].rows;
    return MERX_OK;
}

static void sum_curvatures(bag *b)
{
    for (size_t q = 0; q < b->n_terms; q++) {
        term *t = &b->terms[q];
        for (size_t k = 0; k < b->K; k++) {
            mx_cell *hist = t->hist + k * t->cells;
            const double *h = b->h + k * b->n_kept;
            for (size_t c = 0; c < t->cells; c++)
                hist[c].h = 0;
            for (size_t i = 0; i < b->n_kept; i++)
                hist[t->kept[i]].h += h[i];
        }
    }
}

/* Applies a step to the gradients of the rows kept (and to their scores, for losses whose gradient is made new from them). */
static void apply(size_t n, const uint16_t *cell, const double *delta, double *g, const double *h, double *score)
{
    if (h == NULL) {
        for (size_t i = 0; i < n; i++)
            g[i] -= delta[cell[i]];
    } else if (score == NULL) {
        for (size_t i = 0; i < n; i++)
            g[i] -= h[i] * delta[cell[i]];
    } else {
        for (size_t i = 0; i < n; i++) {
            double step = delta[cell[i]];
            score[i] += step;
            g[i] -= h[i] * step;
        }
    }
}

/* The same, and sums of the new gradients over the next term's cells: in two runs, even and odd rows. */
static void apply_and_sum(size_t n, const uint16_t *cell, const double *delta, double *g, const double *h,
                          double *score, const uint16_t *next, double *sums, size_t cells)
{
    double *even = sums, *odd = sums + cells;
    size_t i = 0;
    if (h == NULL) {
        for (; i + 2 <= n; i += 2) {
            double p = g[i] - delta[cell[i]], q = g[i + 1] - delta[cell[i + 1]];
            g[i] = p;
            g[i + 1] = q;
            even[next[i]] += p;
            odd[next[i + 1]] += q;
        }
        for (; i < n; i++)
            even[next[i]] += g[i] -= delta[cell[i]];
    } else if (score == NULL) {
        for (; i + 2 <= n; i += 2) {
            double p = g[i] - h[i] * delta[cell[i]], q = g[i + 1] - h[i + 1] * delta[cell[i + 1]];
            g[i] = p;
            g[i + 1] = q;
            even[next[i]] += p;
            odd[next[i + 1]] += q;
        }
        for (; i < n; i++)
            even[next[i]] += g[i] -= h[i] * delta[cell[i]];
    } else {
        for (; i + 2 <= n; i += 2) {
            double s = delta[cell[i]], t = delta[cell[i + 1]], p = g[i] - h[i] * s, q = g[i + 1] - h[i + 1] * t;
            score[i] += s;
            score[i + 1] += t;
            g[i] = p;
            g[i + 1] = q;
            even[next[i]] += p;
            odd[next[i + 1]] += q;
        }
        for (; i < n; i++) {
            double s = delta[cell[i]];
            score[i] += s;
            even[next[i]] += g[i] -= h[i] * s;
        }
    }
}

/* Levels in the order of their own moves, ties by level. */
static void order_levels(const mx_cell *hist, size_t bins, double l2, uint16_t *order)
{
    /* A pull towards the mean keeps levels of few rows from the ends. */
    double mean = 0, rows = 0;
    for (size_t c = 1; c + 1 < bins; c++) {
        mean += hist[c].h;
        rows += hist[c].rows;
    }
    double pull = l2 + 10 * (rows > 0 ? mean / rows : 1);
    for (size_t c = 1; c + 1 < bins; c++) {
        double move = hist[c].g / (hist[c].h + pull);
        size_t at = c;
        for (; at > 1; at--) {
            const mx_cell *before = &hist[order[at - 1]];
            if (!(before->g / (before->h + pull) > move))
                break;
            order[at] = order[at - 1];
        }
        order[at] = (uint16_t)c;
    }
}

/* The step of term t for output k, after its gradients are summed. */
static void make_step(bag *b, term *t, size_t k)
{
    const mx_additive_options *o = b->w->options;
    mx_step_rule rule = {t->side_b > 0 ? o->pair_leaves : o->leaves, o->min_samples, o->learning_rate, o->l2};
    mx_cell *hist = t->hist + k * t->cells;
    double *delta = t->delta + k * t->cells, *values = t->values + k * t->cells;
    if (t->side_b > 0) {
        mx_step_pair(hist, t->side_a, t->side_b, &rule, b->room, delta);
    } else {
        if (t->levels)
            order_levels(hist, t->cells, o->l2, b->order_room);
        mx_step_column(hist, t->cells, t->levels ? b->order_room : NULL, &rule, delta);
        if (t->monotone != 0) {
            size_t m = t->cells - 2;
            for (size_t c = 0; c < m; c++) {
                delta[c + 1] += values[c + 1];
                b->masses_room[c] = hist[c + 1].h;
            }
            mx_make_monotone(delta + 1, b->masses_room, m, t->monotone, b->blocks);
            for (size_t c = 0; c < m; c++) {
                double goal = delta[c + 1];
                delta[c + 1] = goal - values[c + 1];
                values[c + 1] = goal;
            }
            values[0] += delta[0];
            return;
        }
    }
    for (size_t c = 0; c < t->cells; c++)
        values[c] += delta[c];
}

static void one_round(bag *b, bool squared)
{
    size_t n = b->n_kept;
    const double *unit = squared && b->weights == NULL ? NULL : b->h;
    for (size_t q = 0; q < b->n_terms; q++) {
        term *t = &b->terms[q];
        const term *last = q > 0 ? t - 1 : NULL;
        for (size_t k = 0; k < b->K; k++) {
            double *g = b->g + k * n, *score = squared ? NULL : b->score + k * n;
            const double *h = unit == NULL ? NULL : unit + k * n;
            memset(b->sums, 0, 2 * t->cells * sizeof *b->sums);
            if (last != NULL) {
                apply_and_sum(n, last->kept, last->delta + k * last->cells, g, h, score, t->kept, b->sums, t->cells);
            } else {
                size_t i = 0;
                for (; i + 2 <= n; i += 2) {
                    b->sums[t->kept[i]] += g[i];
                    b->sums[t->cells + t->kept[i + 1]] += g[i + 1];
                }
                for (; i < n; i++)
                    b->sums[t->kept[i]] += g[i];
            }
            mx_cell *hist = t->hist + k * t->cells;
            for (size_t c = 0; c < t->cells; c++)
                hist[c].g = b->sums[c] + b->sums[t->cells + c];
            make_step(b, t, k);
        }
    }
    const term *last = &b->terms[b->n_terms - 1];
    for (size_t k = 0; k < b->K; k++) {
        double *g = b->g + k * n, *score = squared ? NULL : b->score + k * n;
        apply(n, last->kept, last->delta + k * last->cells, g, unit == NULL ? NULL : unit + k * n, score);
        for (size_t q = 0; q < b->n_terms; q++) {
            const term *t = &b->terms[q];
            const double *delta = t->delta + k * t->cells;
            double *held = b->held_score + k * b->n_held;
            for (size_t i = 0; i < b->n_held; i++)
                held[i] += delta[t->held[i]];
        }
    }
}

static void keep_best(bag *b)
{
    for (size_t q = 0; q < b->n_terms; q++)
        memcpy(b->terms[q].best, b->terms[q].values, b->K * b->terms[q].cells * sizeof(double));
}

static mx_loss_kind kind_of(const mx_additive_work *w)
{
    return (mx_loss_kind){w->model->classes, w->options->poisson};
}

static double held_loss(const bag *b)
{
    return mx_additive_loss(b->held_score, b->held_y, b->held_labels, b->held_weights, b->n_held, kind_of(b->w), NULL,
                            NULL);
}

/* Rounds until the held-out loss has not fallen for `patience` of them; the terms end in `best`. */
static merx_status boost(bag *b, double *rounds, merx_error *err)
{
    const mx_additive_work *w = b->w;
    const mx_additive_options *o = w->options;
    size_t best_round = 0, last_progress = 0;
    mx_loss_kind kind = kind_of(w);
    bool squared = kind.classes == 0 && !kind.poisson;
    double best = b->n_held > 0 ? held_loss(b) : 0, mark = best;
    keep_best(b);
    (void)mx_additive_loss(b->score, b->y, b->labels, b->weights, b->n_kept, kind, b->g, b->h);
    sum_curvatures(b);
    for (size_t round = 1; round <= o->max_rounds; round++) {
        if (w->task != NULL && merx_task_cancelled(w->task))
            MX_FAIL(err, MERX_E_CANCELLED, "additive", "cancelled");
        one_round(b, squared);
        if (!squared) {
            bool refresh = round % REFRESH == 0;
            (void)mx_additive_loss(b->score, b->y, b->labels, b->weights, b->n_kept, kind, b->g, refresh ? b->h : NULL);
            if (refresh)
                sum_curvatures(b);
        }
        if (b->n_held == 0) {
            best_round = round;
            continue;
        }
        double loss = held_loss(b);
        if (loss < best) {
            best = loss;
            best_round = round;
            keep_best(b);
        }
        if (loss < mark * (1 - o->tolerance)) {
            mark = loss;
            last_progress = round;
        } else if (round - last_progress >= o->patience) {
            break;
        }
    }
    if (b->n_held == 0)
        keep_best(b);
    *rounds = (double)best_round;
    return MERX_OK;
}

static merx_status begin(bag *b, mx_additive_work *w, size_t number, size_t terms, size_t cells, merx_error *err)
{
    *b = (bag){.w = w, .alloc = w->alloc, .number = number, .d = w->model->d, .K = w->model->outputs};
    mx_arena_init(&b->arena, w->alloc);
    MX_TRY(split_rows(b, err));
    size_t bins = 0;
    for (size_t j = 0; j < b->d; j++)
        bins = bins < w->model->axes[j].bins ? w->model->axes[j].bins : bins;
    cells = cells < bins ? bins : cells;
    TAKE(b->terms, terms);
    TAKE(b->sums, 2 * cells);
    TAKE(b->room, cells);
    TAKE(b->blocks, bins);
    TAKE(b->order_room, bins);
    TAKE(b->masses_room, bins);
    return MERX_OK;
}

static merx_status add_columns(bag *b, merx_error *err)
{
    const mx_additive *m = b->w->model;
    for (size_t j = 0; j < b->d; j++) {
        MX_TRY(add_term(b, b->kept_bins + j * b->n_kept, b->held_bins + j * b->n_held, m->axes[j].bins, err));
        term *t = &b->terms[b->n_terms - 1];
        t->monotone = b->w->options->monotone != NULL ? b->w->options->monotone[j] : 0;
        t->levels = m->axes[j].levels > 0;
    }
    return MERX_OK;
}

static size_t most_cells(const mx_additive *m)
{
    size_t one = 0, two = 0;
    for (size_t j = 0; j < m->d; j++) {
        size_t s = m->axes[j].side;
        if (s > one) {
            two = one;
            one = s;
        } else if (s > two) {
            two = s;
        }
    }
    return one * two;
}

static void give_columns(const bag *b, size_t first_term, double *out)
{
    const mx_additive *m = b->w->model;
    for (size_t j = 0; j < b->d; j++) {
        const term *t = &b->terms[first_term + j];
        for (size_t k = 0; k < b->K; k++)
            memcpy(out + k * m->n_bins + m->axes[j].first, t->best + k * t->cells, t->cells * sizeof *out);
    }
}

merx_status mx_additive_bag_columns(void *work, size_t number, merx_error *err)
{
    mx_additive_work *w = work;
    bag one, *b = &one;
    merx_status status;
    MX_TRY_GOTO(begin(b, w, number, w->model->d, 0, err));
    MX_TRY_GOTO(add_columns(b, err));
    MX_TRY_GOTO(boost(b, &w->rounds[number], err));
    give_columns(b, 0, w->shapes + number * b->K * w->model->n_bins);
out:
    mx_arena_release(&b->arena);
    return status;
}

/* Scores of the two parts from shapes (K, n_bins). */
static void score_rows(bag *b, const double *shapes)
{
    const mx_additive *m = b->w->model;
    for (size_t k = 0; k < b->K; k++)
        for (size_t j = 0; j < b->d; j++) {
            const double *f = shapes + k * m->n_bins + m->axes[j].first;
            const uint16_t *kept = b->kept_bins + j * b->n_kept, *held = b->held_bins + j * b->n_held;
            for (size_t i = 0; i < b->n_kept; i++)
                b->score[k * b->n_kept + i] += f[kept[i]];
            for (size_t i = 0; i < b->n_held; i++)
                b->held_score[k * b->n_held + i] += f[held[i]];
        }
}

static void cells_of(const mx_additive *m, size_t a, size_t c, const uint16_t *bins_a, const uint16_t *bins_c, size_t n,
                     uint16_t *out)
{
    const int32_t *side_a = m->side_of + m->axes[a].first, *side_c = m->side_of + m->axes[c].first;
    size_t side = m->axes[c].side;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint16_t)((size_t)side_a[bins_a[i]] * side + (size_t)side_c[bins_c[i]]);
}

merx_status mx_additive_bag_gains(void *work, size_t number, merx_error *err)
{
    mx_additive_work *w = work;
    const mx_additive *m = w->model;
    bag one, *b = &one;
    merx_status status;
    size_t cells = most_cells(m), at = 0;
    mx_cell *hist = NULL;
    uint16_t *cell = NULL;
    MX_TRY_GOTO(begin(b, w, number, 0, cells, err));
    if ((hist = take(b, cells, sizeof *hist, err)) == NULL || (cell = take(b, b->n_kept, sizeof *cell, err)) == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    score_rows(b, w->shapes + number * b->K * m->n_bins);
    (void)mx_additive_loss(b->score, b->y, b->labels, b->weights, b->n_kept, kind_of(w), b->g, b->h);
    mx_step_rule rule = {4, w->options->min_samples, 1, w->options->l2};
    double *gains = w->gains + number * (b->d * (b->d - 1) / 2);
    for (size_t j = 0; j < b->d; j++)
        for (size_t q = j + 1; q < b->d; q++, at++) {
            size_t side_a = m->axes[j].side, side_b = m->axes[q].side;
            cells_of(m, j, q, b->kept_bins + j * b->n_kept, b->kept_bins + q * b->n_kept, b->n_kept, cell);
            gains[at] = 0;
            for (size_t k = 0; k < b->K; k++) {
                memset(hist, 0, side_a * side_b * sizeof *hist);
                for (size_t i = 0; i < b->n_kept; i++) {
                    mx_cell *c = &hist[cell[i]];
                    c->g += b->g[k * b->n_kept + i];
                    c->h += b->h[k * b->n_kept + i];
                    c->rows++;
                }
                gains[at] += mx_pair_gain(hist, side_a, side_b, &rule, b->room);
            }
        }
out:
    mx_arena_release(&b->arena);
    return status;
}

merx_status mx_additive_bag_pairs(void *work, size_t number, merx_error *err)
{
    mx_additive_work *w = work;
    const mx_additive *m = w->model;
    bag one, *b = &one;
    merx_status status;
    uint16_t *kept = NULL, *held = NULL;
    double *shapes = w->shapes + number * w->model->outputs * m->n_bins,
           *pairs = w->pair_values + number * w->model->outputs * m->n_cells;
    MX_TRY_GOTO(begin(b, w, number, m->d + m->n_pairs, most_cells(m), err));
    kept = take(b, m->n_pairs * b->n_kept, sizeof *kept, err);
    held = take(b, m->n_pairs * b->n_held, sizeof *held, err);
    if (kept == NULL || held == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t p = 0; p < m->n_pairs; p++) {
        size_t a = m->pairs[p].a, c = m->pairs[p].b;
        cells_of(m, a, c, b->kept_bins + a * b->n_kept, b->kept_bins + c * b->n_kept, b->n_kept, kept + p * b->n_kept);
        cells_of(m, a, c, b->held_bins + a * b->n_held, b->held_bins + c * b->n_held, b->n_held, held + p * b->n_held);
        MX_TRY_GOTO(add_term(b, kept + p * b->n_kept, held + p * b->n_held, m->axes[a].side * m->axes[c].side, err));
        b->terms[p].side_a = m->axes[a].side;
        b->terms[p].side_b = m->axes[c].side;
    }
    MX_TRY_GOTO(add_columns(b, err));
    score_rows(b, shapes);
    for (size_t j = 0; j < b->d; j++)
        for (size_t k = 0; k < b->K; k++)
            memcpy(b->terms[m->n_pairs + j].values + k * m->axes[j].bins, shapes + k * m->n_bins + m->axes[j].first,
                   m->axes[j].bins * sizeof *shapes);
    MX_TRY_GOTO(boost(b, &w->rounds[number], err));
    give_columns(b, m->n_pairs, shapes);
    for (size_t p = 0; p < m->n_pairs; p++) {
        const term *t = &b->terms[p];
        for (size_t k = 0; k < b->K; k++)
            memcpy(pairs + k * m->n_cells + m->pairs[p].first, t->best + k * t->cells, t->cells * sizeof *pairs);
    }
out:
    mx_arena_release(&b->arena);
    return status;
}
