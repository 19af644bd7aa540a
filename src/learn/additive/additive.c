/*
 * Additive models: the fit from binning to averaged, purified shapes, and what a fitted model says about a row.
 *
 * Rows are put in the order of their keys (a hash of what they hold; the k-th of equal rows gets the k-th key), so sums, bags and with them the model's bits do not
 * depend on the order in which rows come. Bags run side by side, each on one thread.
 */
#include "learn/additive/additive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/sort.h"
#include "base/str.h"
#include "learn/additive/additive_parts.h"
#include "numeric/statistics.h"

#define ROW_BLOCK 1024

void mx_additive_release(mx_additive *m)
{
    if (m == NULL || m->alloc == NULL)
        return;
    size_t shapes = m->n_bins * m->outputs, cells = m->n_cells * m->outputs;
    MX_FREE_ARRAY(m->alloc, m->axes, m->d);
    MX_FREE_ARRAY(m->alloc, m->cuts, m->n_cuts);
    MX_FREE_ARRAY(m->alloc, m->side_of, m->n_bins);
    MX_FREE_ARRAY(m->alloc, m->intercepts, m->outputs);
    MX_FREE_ARRAY(m->alloc, m->shapes, shapes);
    MX_FREE_ARRAY(m->alloc, m->deviations, shapes);
    MX_FREE_ARRAY(m->alloc, m->masses, m->n_bins);
    MX_FREE_ARRAY(m->alloc, m->pairs, m->n_pairs);
    MX_FREE_ARRAY(m->alloc, m->pair_values, cells);
    MX_FREE_ARRAY(m->alloc, m->pair_deviations, cells);
    MX_FREE_ARRAY(m->alloc, m->pair_masses, m->n_cells);
    memset(m, 0, sizeof *m);
}

merx_status mx_additive_allocate_shapes(mx_additive *m, merx_error *err)
{
    size_t shapes;
    if (!mx_mul_size(m->n_bins, m->outputs, &shapes))
        MX_FAIL(err, MERX_E_MEMORY, "additive", "%zu bins of %zu outputs are too many", m->n_bins, m->outputs);
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->n_bins, &m->side_of, "shapes", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->outputs, &m->intercepts, "shapes", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, shapes, &m->shapes, "shapes", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, shapes, &m->deviations, "shapes", err));
    return MX_NEW_ARRAY(m->alloc, m->n_bins, &m->masses, "shapes", err);
}

merx_status mx_additive_allocate_pairs(mx_additive *m, merx_error *err)
{
    size_t cells;
    if (!mx_mul_size(m->n_cells, m->outputs, &cells))
        MX_FAIL(err, MERX_E_MEMORY, "additive", "%zu cells of %zu outputs are too many", m->n_cells, m->outputs);
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->n_pairs, &m->pairs, "pairs", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, cells, &m->pair_values, "pairs", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, cells, &m->pair_deviations, "pairs", err));
    return MX_NEW_ARRAY(m->alloc, m->n_cells, &m->pair_masses, "pairs", err);
}

/* ---- fit ---- */

typedef struct fitting {
    const mx_additive_data *data;
    const mx_additive_options *options;
    const merx_allocator *alloc;
    merx_task *task;
    mx_additive *model;
    size_t n; /* rows of weight above 0 */
    uint32_t *order;
    uint64_t *keys;
    uint16_t *bins;
    double *y, *weights, *base;
    double unit; /* added to scores: of Poisson, the logarithm of the mean */
    int32_t *labels;
    double *shapes, *pair_values, *gains, *rounds; /* slices of bags */
    size_t n_shapes, n_pair_values, n_gains, n_bins;
    double *held; /* (K, n): mean score of the bags that held a row out; NaN: none did */
    mx_additive_work work;
} fitting;

/* order and keys: rows by a hash of what they hold; equal rows are numbered. */
static merx_status order_rows(fitting *f, merx_error *err)
{
    const mx_additive_data *data = f->data;
    size_t n = data->n, d = data->d;
    mx_keyed *keyed = NULL, *spare = NULL;
    merx_status status;
    if (n > UINT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "additive", "%zu rows are more than %u", n, UINT32_MAX);
    MX_TRY_GOTO(mx_alloc_array_raw(f->alloc, n, sizeof *keyed, "keys of rows", &keyed, err));
    MX_TRY_GOTO(mx_alloc_array_raw(f->alloc, n, sizeof *spare, "keys of rows", &spare, err));
    for (size_t i = 0; i < n; i++) {
        if (data->weights != NULL && !(data->weights[i] > 0))
            continue;
        uint64_t hash = mx_random_key(f->options->seed, data->labels != NULL ? (uint64_t)data->labels[i] : 0, 0);
        for (size_t j = 0; j < d + 2; j++) {
            double value = j < d             ? data->x[i * d + j]
                           : j > d           ? (data->weights != NULL ? data->weights[i] : 1)
                           : data->y != NULL ? data->y[i]
                                             : 0;
            uint64_t bits = isnan(value) ? UINT64_MAX : mx_key_of_double(value + 0.0);
            hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
        keyed[f->n++] = (mx_keyed){hash, (uint32_t)i};
    }
    if (f->n == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "additive", "every weight is 0 (expected rows that count)");
    MX_TRY_GOTO(mx_alloc_array_raw(f->alloc, f->n, sizeof *f->order, "order of rows", &f->order, err));
    MX_TRY_GOTO(mx_alloc_array_raw(f->alloc, f->n, sizeof *f->keys, "keys of rows", &f->keys, err));
    const mx_keyed *sorted = mx_sort_keyed(keyed, spare, f->n);
    uint64_t repeat = 0;
    for (size_t i = 0; i < f->n; i++) {
        repeat = i > 0 && sorted[i].key == sorted[i - 1].key ? repeat + 1 : 0;
        f->order[i] = sorted[i].row;
        f->keys[i] = mx_random_key(f->options->seed, sorted[i].key, repeat);
    }
out:
    MX_FREE_ARRAY(f->alloc, keyed, n);
    MX_FREE_ARRAY(f->alloc, spare, n);
    return status;
}

/*
 * For Poisson: y becomes exp(y) over its mean, so that curvatures are about 1 and pulls and steps mean what they do for other losses; the score of knowing
 * nothing is the logarithm of the mean, which is counted from.
 */
static merx_status take_logarithms_back(fitting *f, double total, merx_error *err)
{
    double most = f->y[0], mean = 0;
    for (size_t i = 1; i < f->n; i++)
        most = fmax(most, f->y[i]);
    for (size_t i = 0; i < f->n; i++)
        mean += (f->weights != NULL ? f->weights[i] : 1) * exp(f->y[i] - most);
    f->unit = most + log(mean / total);
    for (size_t i = 0; i < f->n; i++) {
        f->y[i] = exp(f->y[i] - f->unit);
        if (!(f->y[i] > 0 && f->y[i] < INFINITY))
            MX_FAIL(err, MERX_E_NUMERIC, "additive",
                    "targets lie too far apart for the Poisson loss (expected factors up to 1e300)");
    }
    f->base[0] = 0;
    return MERX_OK;
}

/* Targets and weights in that order, and the score of knowing nothing. */
static merx_status order_targets(fitting *f, merx_error *err)
{
    const mx_additive_data *data = f->data;
    mx_additive *m = f->model;
    size_t n = f->n;
    double total = 0;
    if (data->weights != NULL)
        MX_TRY(mx_alloc_array_raw(f->alloc, n, sizeof *f->weights, "weights", &f->weights, err));
    if (data->classes == 0)
        MX_TRY(mx_alloc_array_raw(f->alloc, n, sizeof *f->y, "targets", &f->y, err));
    else
        MX_TRY(mx_alloc_array_raw(f->alloc, n, sizeof *f->labels, "labels", &f->labels, err));
    MX_TRY(MX_NEW_ARRAY(f->alloc, data->classes > 0 ? data->classes : 1, &f->base, "base", err));
    for (size_t i = 0; i < n; i++) {
        size_t row = f->order[i];
        double w = data->weights != NULL ? data->weights[row] : 1;
        total += w;
        if (data->weights != NULL)
            f->weights[i] = w;
        if (data->classes == 0) {
            f->y[i] = data->y[row];
            f->base[0] += w * data->y[row];
        } else {
            f->labels[i] = data->labels[row];
            f->base[data->labels[row]] += w;
        }
    }
    if (!(total < INFINITY) || (data->classes == 0 && !(fabs(f->base[0]) < 1e150)))
        MX_FAIL(err, MERX_E_NUMERIC, "additive", "the sums of %s are too large for numbers",
                total < INFINITY ? "targets" : "weights");
    if (data->classes == 0) {
        f->base[0] /= total;
        return f->options->poisson ? take_logarithms_back(f, total, err) : MERX_OK;
    }
    /* Half a row more of each class keeps a class without weight finite. */
    double mean = 0;
    for (size_t k = 0; k < data->classes; k++) {
        f->base[k] = log((f->base[k] + 0.5) / (total + 0.5 * (double)data->classes));
        mean += f->base[k] / (double)data->classes;
    }
    for (size_t k = 0; k < data->classes; k++)
        f->base[k] -= mean;
    if (m->outputs == 1)
        f->base[0] = 2 * f->base[1];
    return MERX_OK;
}

/* Mean over the bags of (K, count) slices, as (count, K). */
static void average(const double *slices, size_t bags, size_t count, size_t outputs, double *out)
{
    for (size_t c = 0; c < count; c++)
        for (size_t k = 0; k < outputs; k++) {
            double sum = 0;
            for (size_t b = 0; b < bags; b++)
                sum += slices[(b * outputs + k) * count + c];
            out[c * outputs + k] = sum / (double)bags;
        }
}

static void deviate(const double *slices, size_t bags, size_t count, size_t outputs, const double *mean, double *out)
{
    for (size_t c = 0; c < count; c++)
        for (size_t k = 0; k < outputs; k++) {
            double sum = 0;
            for (size_t b = 0; b < bags; b++) {
                double e = slices[(b * outputs + k) * count + c] - mean[c * outputs + k];
                sum += e * e;
            }
            out[c * outputs + k] = bags > 1 ? sqrt(sum / (double)(bags - 1)) : 0;
        }
}

static void sum_masses(const fitting *f)
{
    mx_additive *m = f->model;
    for (size_t j = 0; j < m->d; j++)
        for (size_t i = 0; i < f->n; i++)
            m->masses[m->axes[j].first + f->bins[j * f->n + i]] += f->weights != NULL ? f->weights[i] : 1;
}

static size_t cell_of(const mx_additive *m, const mx_additive_pair *p, size_t bin_a, size_t bin_b)
{
    return p->first + (size_t)m->side_of[m->axes[p->a].first + bin_a] * m->axes[p->b].side +
           (size_t)m->side_of[m->axes[p->b].first + bin_b];
}

static void sum_pair_masses(const fitting *f)
{
    mx_additive *m = f->model;
    for (size_t p = 0; p < m->n_pairs; p++) {
        const uint16_t *a = f->bins + m->pairs[p].a * f->n, *b = f->bins + m->pairs[p].b * f->n;
        for (size_t i = 0; i < f->n; i++)
            m->pair_masses[cell_of(m, &m->pairs[p], a[i], b[i])] += f->weights != NULL ? f->weights[i] : 1;
    }
}

/* ---- which pairs ---- */

typedef struct candidate {
    double gain;
    size_t a, b;
} candidate;

static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

/* The pairs of largest gain, summed over the bags; columns under a constraint stay out. */
static merx_status choose_pairs(fitting *f, size_t most, merx_error *err)
{
    mx_additive *m = f->model;
    size_t d = m->d, count = d * (d - 1) / 2, usable = 0, at = 0, bags = m->bags;
    candidate *all = NULL;
    MX_TRY(MX_NEW_ARRAY(f->alloc, count, &all, "pairs of columns", err));
    const signed char *monotone = f->options->monotone;
    for (size_t a = 0; a < d; a++)
        for (size_t b = a + 1; b < d; b++, at++) {
            double gain = 0;
            for (size_t k = 0; k < bags; k++)
                gain += f->gains[k * count + at];
            if (gain > 0 && (monotone == NULL || (monotone[a] == 0 && monotone[b] == 0)))
                all[usable++] = (candidate){gain, a, b};
        }
    if (usable > 0)
        qsort(all, usable, sizeof *all, compare_candidates);
    m->n_pairs = usable < most ? usable : most;
    m->n_cells = 0;
    for (size_t p = 0; p < m->n_pairs; p++)
        m->n_cells += m->axes[all[p].a].side * m->axes[all[p].b].side;
    merx_status status = mx_additive_allocate_pairs(m, err);
    for (size_t p = 0, first = 0; status == MERX_OK && p < m->n_pairs; p++) {
        m->pairs[p] = (mx_additive_pair){all[p].a, all[p].b, first};
        first += m->axes[all[p].a].side * m->axes[all[p].b].side;
    }
    MX_FREE_ARRAY(f->alloc, all, count);
    return status;
}

/* ---- held-out rows ---- */

static merx_status score_held_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fitting *f = context;
    const mx_additive *m = f->model;
    size_t n = f->n, K = m->outputs, end = (block + 1) * ROW_BLOCK;
    for (size_t i = block * ROW_BLOCK; i < n && i < end; i++) {
        double bags = 0;
        for (size_t k = 0; k < K; k++)
            f->held[k * n + i] = 0;
        for (size_t b = 0; b < m->bags; b++) {
            if (!mx_additive_holds_out(f->options, f->keys[i], b))
                continue;
            bags++;
            for (size_t k = 0; k < K; k++) {
                const double *shapes = f->shapes + (b * K + k) * m->n_bins,
                             *cells = f->pair_values + (b * K + k) * m->n_cells;
                double score = f->base[k];
                for (size_t j = 0; j < m->d; j++)
                    score += shapes[m->axes[j].first + f->bins[j * n + i]];
                for (size_t p = 0; p < m->n_pairs; p++)
                    score +=
                        cells[cell_of(m, &m->pairs[p], f->bins[m->pairs[p].a * n + i], f->bins[m->pairs[p].b * n + i])];
                f->held[k * n + i] += score;
            }
        }
        for (size_t k = 0; k < K; k++)
            f->held[k * n + i] = bags > 0 ? f->held[k * n + i] / bags : NAN;
    }
    return MERX_OK;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static merx_status measure_held(fitting *f, merx_error *err)
{
    mx_additive *m = f->model;
    size_t n = f->n, K = m->outputs, held = 0;
    MX_TRY(mx_alloc_array_raw(f->alloc, K * n, sizeof *f->held, "held-out scores", &f->held, err));
    MX_TRY(mx_parallel(f->task, (n + ROW_BLOCK - 1) / ROW_BLOCK, score_held_block, f, err));
    double loss = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(f->held[i]))
            continue;
        double score[1] = {f->held[i]}, w = f->weights != NULL ? f->weights[i] : 1;
        weight += w;
        if (m->classes > 2) {
            double most = f->held[i], sum = 0;
            for (size_t k = 1; k < K; k++)
                most = fmax(most, f->held[k * n + i]);
            for (size_t k = 0; k < K; k++)
                sum += exp(f->held[k * n + i] - most);
            loss += w * (most + log(sum) - f->held[(size_t)f->labels[i] * n + i]);
        } else {
            loss +=
                w * mx_additive_loss(score, f->y != NULL ? f->y + i : NULL, f->labels != NULL ? f->labels + i : NULL,
                                     NULL, 1, (mx_loss_kind){m->classes, m->poisson}, NULL, NULL);
        }
        double truth = f->y == NULL || m->classes > 0 ? score[0] : m->poisson ? log(f->y[i]) : f->y[i];
        f->held[held++] = truth - score[0]; /* held <= i: what is overwritten has been read */
    }
    m->held_rows = (double)held;
    m->held_loss = weight > 0 ? loss / weight : 0;
    if (m->classes == 0 && held > 0) {
        qsort(f->held, held, sizeof *f->held, compare_double);
        m->held_low = mx_quantile_sorted(f->held, held, 0.05);
        m->held_high = mx_quantile_sorted(f->held, held, 0.95);
    }
    return MERX_OK;
}

/* ---- unique contributions ---- */

/* Pairs lose their rows' and columns' means to the columns' shapes, then shapes their means to the intercepts; slices of one bag and output. */
static void make_pure(const fitting *f, double *shapes, double *cells, double *intercept, double *room)
{
    const mx_additive *m = f->model;
    double *rows = room, *columns = rows + MX_ADDITIVE_MAX_PAIR_BINS + 2,
           *rest = columns + MX_ADDITIVE_MAX_PAIR_BINS + 2;
    for (size_t p = 0; p < m->n_pairs; p++) {
        const mx_additive_pair *pair = &m->pairs[p];
        const mx_additive_axis *a = &m->axes[pair->a], *b = &m->axes[pair->b];
        mx_purify(cells + pair->first, m->pair_masses + pair->first, a->side, b->side, rows, columns, rest);
        for (size_t c = 0; c < a->bins; c++)
            shapes[a->first + c] += rows[m->side_of[a->first + c]];
        for (size_t c = 0; c < b->bins; c++)
            shapes[b->first + c] += columns[m->side_of[b->first + c]];
    }
    for (size_t j = 0; j < m->d; j++) {
        const mx_additive_axis *axis = &m->axes[j];
        double mass = 0, sum = 0;
        for (size_t c = axis->first; c < axis->first + axis->bins; c++) {
            mass += m->masses[c];
            sum += m->masses[c] * shapes[c];
        }
        double mean = mass > 0 ? sum / mass : 0;
        *intercept += mean;
        bool monotone = f->options->monotone != NULL && f->options->monotone[j] != 0;
        for (size_t c = 0; c < axis->bins; c++) {
            bool silent = c + 1 == axis->bins ||
                          (m->masses[axis->first + c] == 0 && (c == 0 || axis->levels > 0) && !(monotone && c > 0));
            shapes[axis->first + c] = silent ? 0 : shapes[axis->first + c] - mean;
        }
    }
}

/* Logits of several classes: what all outputs of a bin share says nothing. */
static void centre_outputs(double *slice, size_t count, size_t outputs)
{
    for (size_t c = 0; c < count; c++) {
        double mean = 0;
        for (size_t k = 0; k < outputs; k++)
            mean += slice[k * count + c];
        mean /= (double)outputs;
        for (size_t k = 0; k < outputs; k++)
            slice[k * count + c] -= mean;
    }
}

static merx_status finish(fitting *f, merx_error *err)
{
    mx_additive *m = f->model;
    size_t K = m->outputs, side = MX_ADDITIVE_MAX_PAIR_BINS + 2, room_size = 2 * side + side * (side + 2);
    double *room = NULL;
    MX_TRY(MX_NEW_ARRAY(f->alloc, room_size, &room, "purification", err));
    for (size_t b = 0; b < m->bags; b++) {
        double *shapes = f->shapes + b * K * m->n_bins, *cells = f->pair_values + b * K * m->n_cells;
        if (K > 1) {
            centre_outputs(shapes, m->n_bins, K);
            centre_outputs(cells, m->n_cells, K);
        }
        for (size_t k = 0; k < K; k++) {
            double intercept = f->base[k] + f->unit;
            make_pure(f, shapes + k * m->n_bins, cells + k * m->n_cells, &intercept, room);
            m->intercepts[k] += intercept / (double)m->bags;
        }
    }
    MX_FREE_ARRAY(f->alloc, room, room_size);
    average(f->shapes, m->bags, m->n_bins, K, m->shapes);
    deviate(f->shapes, m->bags, m->n_bins, K, m->shapes, m->deviations);
    average(f->pair_values, m->bags, m->n_cells, K, m->pair_values);
    deviate(f->pair_values, m->bags, m->n_cells, K, m->pair_values, m->pair_deviations);
    return MERX_OK;
}

static double mean_rounds(const fitting *f)
{
    double sum = 0;
    for (size_t b = 0; b < f->model->bags; b++)
        sum += f->rounds[b];
    return sum / (double)f->model->bags;
}

static merx_status fit_stages(fitting *f, merx_error *err)
{
    mx_additive *m = f->model;
    const mx_additive_options *o = f->options;
    size_t d = m->d, bags = m->bags, count = d * (d - 1) / 2, most = o->pairs;
    f->work = (mx_additive_work){.options = o,
                                 .model = m,
                                 .n = f->n,
                                 .bins = f->bins,
                                 .y = f->y,
                                 .labels = f->labels,
                                 .weights = f->weights,
                                 .keys = f->keys,
                                 .base = f->base,
                                 .task = f->task,
                                 .alloc = f->alloc,
                                 .shapes = f->shapes,
                                 .gains = NULL,
                                 .rounds = f->rounds};
    mx_task_stage(f->task, "boost the columns", 0, "");
    MX_TRY(mx_parallel(f->task, bags, mx_additive_bag_columns, &f->work, err));
    m->rounds = mean_rounds(f);
    average(f->shapes, bags, m->n_bins, m->outputs, m->shapes);
    size_t root = (size_t)sqrt((double)f->n) > 2 ? (size_t)sqrt((double)f->n) : 2;
    MX_TRY(mx_additive_make_sides(m, o->pair_bins < root ? o->pair_bins : root, err));
    if (most > 0 && count > 0) {
        f->n_gains = bags * count;
        MX_TRY(MX_NEW_ARRAY(f->alloc, f->n_gains, &f->gains, "gains of pairs", err));
        f->work.gains = f->gains;
        mx_task_stage(f->task, "look for pairs", 0, "");
        MX_TRY(mx_parallel(f->task, bags, mx_additive_bag_gains, &f->work, err));
        MX_TRY(choose_pairs(f, most, err));
    }
    if (m->n_pairs > 0) {
        f->n_pair_values = bags * m->outputs * m->n_cells;
        MX_TRY(MX_NEW_ARRAY(f->alloc, f->n_pair_values, &f->pair_values, "pairs of bags", err));
        f->work.pair_values = f->pair_values;
        mx_task_stage(f->task, "boost the pairs", 0, "");
        MX_TRY(mx_parallel(f->task, bags, mx_additive_bag_pairs, &f->work, err));
        m->pair_rounds = mean_rounds(f);
        sum_pair_masses(f);
    }
    MX_TRY(measure_held(f, err));
    return finish(f, err);
}

merx_status mx_additive_fit(const mx_additive_data *data, const mx_additive_options *options,
                            const merx_allocator *alloc, merx_task *task, mx_additive *out, merx_error *err)
{
    fitting f = {.data = data, .options = options, .alloc = merx_task_allocator(task), .task = task, .model = out};
    merx_status status;
    *out = (mx_additive){
        .alloc = mx_allocator_or_default(alloc), .d = data->d, .classes = data->classes, .poisson = options->poisson};
    out->outputs = data->classes > 2 ? data->classes : 1;
    out->bags = options->bags;
    MX_TRY_GOTO(order_rows(&f, err));
    MX_TRY_GOTO(order_targets(&f, err));
    MX_TRY_GOTO(mx_additive_make_axes(data, options->max_bins, out, task, err));
    MX_TRY_GOTO(mx_additive_allocate_shapes(out, err));
    f.n_bins = data->d * f.n;
    MX_TRY_GOTO(mx_alloc_array_raw(f.alloc, f.n_bins, sizeof *f.bins, "bins of rows", &f.bins, err));
    MX_TRY_GOTO(mx_additive_bin_rows(out, data->x, f.order, f.n, f.bins, task, err));
    sum_masses(&f);
    f.n_shapes = out->bags * out->outputs * out->n_bins;
    MX_TRY_GOTO(MX_NEW_ARRAY(f.alloc, f.n_shapes, &f.shapes, "shapes of bags", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(f.alloc, out->bags, &f.rounds, "rounds of bags", err));
    MX_TRY_GOTO(fit_stages(&f, err));
out:
    MX_FREE_ARRAY(f.alloc, f.order, f.n);
    MX_FREE_ARRAY(f.alloc, f.keys, f.n);
    MX_FREE_ARRAY(f.alloc, f.bins, f.n_bins);
    MX_FREE_ARRAY(f.alloc, f.y, f.n);
    MX_FREE_ARRAY(f.alloc, f.weights, f.n);
    MX_FREE_ARRAY(f.alloc, f.labels, f.n);
    MX_FREE_ARRAY(f.alloc, f.base, data->classes > 0 ? data->classes : 1);
    MX_FREE_ARRAY(f.alloc, f.shapes, f.n_shapes);
    MX_FREE_ARRAY(f.alloc, f.pair_values, f.n_pair_values);
    MX_FREE_ARRAY(f.alloc, f.gains, f.n_gains);
    MX_FREE_ARRAY(f.alloc, f.rounds, out->bags);
    MX_FREE_ARRAY(f.alloc, f.held, out->outputs * f.n);
    if (status != MERX_OK)
        mx_additive_release(out);
    return status;
}

/* ---- a fitted model ---- */

void mx_additive_score(const mx_additive *m, const double *x, double *score)
{
    for (size_t k = 0; k < m->outputs; k++) {
        double total = m->intercepts[k];
        for (size_t j = 0; j < m->d; j++)
            total += m->shapes[(m->axes[j].first + mx_additive_bin(m, j, x[j])) * m->outputs + k];
        for (size_t p = 0; p < m->n_pairs; p++) {
            const mx_additive_pair *pair = &m->pairs[p];
            size_t a = mx_additive_bin(m, pair->a, x[pair->a]), b = mx_additive_bin(m, pair->b, x[pair->b]);
            total += m->pair_values[cell_of(m, pair, a, b) * m->outputs + k];
        }
        score[k] = total;
    }
}

double mx_additive_explain(const mx_additive *m, const double *x, size_t k, double *contributions, double *base)
{
    double total = *base = m->intercepts[k];
    for (size_t j = 0; j < m->d; j++)
        total += contributions[j] = m->shapes[(m->axes[j].first + mx_additive_bin(m, j, x[j])) * m->outputs + k];
    for (size_t p = 0; p < m->n_pairs; p++) {
        const mx_additive_pair *pair = &m->pairs[p];
        size_t a = mx_additive_bin(m, pair->a, x[pair->a]), b = mx_additive_bin(m, pair->b, x[pair->b]);
        total += contributions[m->d + p] = m->pair_values[cell_of(m, pair, a, b) * m->outputs + k];
    }
    return total;
}

double mx_additive_importance(const mx_additive *m, size_t t)
{
    size_t K = m->outputs, begin, count;
    const double *values = t < m->d ? m->shapes : m->pair_values, *masses = t < m->d ? m->masses : m->pair_masses;
    if (t < m->d) {
        begin = m->axes[t].first;
        count = m->axes[t].bins;
    } else {
        const mx_additive_pair *p = &m->pairs[t - m->d];
        begin = p->first;
        count = m->axes[p->a].side * m->axes[p->b].side;
    }
    double most = 0;
    for (size_t k = 0; k < K; k++) {
        double sum = 0, mass = 0;
        for (size_t c = begin; c < begin + count; c++) {
            mass += masses[c];
            sum += masses[c] * fabs(values[c * K + k]);
        }
        most = fmax(most, mass > 0 ? sum / mass : 0);
    }
    return most;
}
