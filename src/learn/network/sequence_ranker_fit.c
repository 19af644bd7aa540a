/*
 * How the ranker learns. Letters: u units; pieces of sequences, `batch` of them a step, cut into GROUPS groups by their place in the batch alone; slots, the items that a batch touches.
 *
 * A step: draw the columns; run the groups, each on any thread, with its own gradients; add those up in the order of the groups, the rows of item vectors in the order of
 * the groups' rows; Adam on the GRU's weights and on the touched rows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernels/tensors.h"
#include "learn/network/sequence_ranker_parts.h"

enum { GROUPS = 8, BATCH = 256, STEPS = 50, UNITS_MAX = 4096 };
enum { DRAW_VECTORS = 1, DRAW_MATRICES, DRAW_ORDER, DRAW_COLUMNS };

static const double beta1 = 0.9, beta2 = 0.999;

typedef struct fit_work {
    const mx_sequences *sequences;
    mx_ranker_options o;
    const merx_allocator *alloc;
    mx_ranker *ranker, moment1, moment2;
    mx_ranker_piece *pieces; /* (n_pieces) */
    size_t n_pieces;
    int64_t *order;          /* (n_pieces) of this epoch */
    mx_ranker_piece *chosen; /* (batch) in groups, each by falling length */
    size_t group_starts[GROUPS + 1];
    double *popular; /* (items) running sums of events */
    size_t most_columns, most_slots;
    int32_t *columns;        /* (most_columns) */
    float *log_weights;      /* (most_columns) */
    int32_t *column_of;      /* (items) -1 */
    int32_t *drawn;          /* (most_columns) how often */
    float *column_rows;      /* (most_columns, u) their vectors */
    float *column_bias;      /* (most_columns) */
    float *panels;           /* columns, columns back, kernel back, recurrent back */
    int32_t *slot_of, *slot; /* (items) -1; (most_slots) items */
    float *rows, *row_bias;  /* (most_slots, u), (most_slots): gradients */
    size_t slots;
    mx_ranker_group group[GROUPS];
    mx_ranker_shared shared;
    uint64_t steps;
} fit_work;

/* ---- before the first step ---- */

static merx_status check_input(const mx_sequences *s, const mx_ranker_options *o, merx_error *err)
{
    if (o->units < 1 || o->units > UNITS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "sequence ranker", "units is %zu; expected 1 to %d", o->units, UNITS_MAX);
    if (o->epochs < 1)
        MX_FAIL(err, MERX_E_RANGE, "sequence ranker", "epochs is %d; expected 1 or more", o->epochs);
    if (o->negatives < 1)
        MX_FAIL(err, MERX_E_RANGE, "sequence ranker", "negatives is 0; expected 1 or more");
    if (!(o->learning_rate > 0) || !isfinite(o->learning_rate))
        MX_FAIL(err, MERX_E_RANGE, "sequence ranker", "learning_rate is %g; expected a number above 0",
                o->learning_rate);
    if (!(o->dropout >= 0 && o->dropout < 1))
        MX_FAIL(err, MERX_E_RANGE, "sequence ranker", "dropout is %g; expected 0 or more and less than 1", o->dropout);
    for (int64_t e = 0; e < s->starts[s->n]; e++)
        if (s->items[e] < 0 || (size_t)s->items[e] >= s->n_items)
            MX_FAIL(err, MERX_E_INVALID, "sequence ranker", "event %lld is item %d; expected 0 to %zu", (long long)e,
                    (int)s->items[e], s->n_items - 1);
    for (size_t u = 0; u < s->n; u++)
        if (s->starts[u + 1] - s->starts[u] > 1)
            return MERX_OK;
    MX_FAIL(err, MERX_E_INVALID, "sequence ranker", "no sequence has two events; there is nothing to foretell");
}

/* Pieces of at most `steps` + 1 events; the next begins where the last ends. pieces NULL: counts. */
static size_t cut(const mx_sequences *s, size_t steps, mx_ranker_piece *pieces)
{
    size_t n = 0;
    for (size_t u = 0; u < s->n; u++)
        for (int64_t at = s->starts[u]; at + 1 < s->starts[u + 1]; at += (int64_t)steps, n++)
            if (pieces) {
                int64_t left = s->starts[u + 1] - at;
                pieces[n] = (mx_ranker_piece){.items = s->items + at,
                                              .count = left > (int64_t)steps + 1 ? steps + 1 : (size_t)left,
                                              .key = mx_random_key(u, (uint64_t)(at - s->starts[u]), 0)};
            }
    return n;
}

/* Uniform in +- 1 / sqrt(u), as PyTorch's GRU; item vectors of standard deviation 0.05. */
static void draw_weights(mx_ranker *r, uint64_t seed)
{
    mx_random random;
    mx_random_init(&random, seed, mx_random_key(DRAW_VECTORS, 0, 0));
    for (size_t k = 0; k < r->items * r->units; k++)
        r->vectors[k] = (float)(0.05 * mx_random_normal(&random));
    mx_random_init(&random, seed, mx_random_key(DRAW_MATRICES, 0, 0));
    double edge = 1 / sqrt((double)r->units);
    for (size_t k = 0; k < r->units * 3 * r->units; k++)
        r->kernel[k] = (float)(edge * (2 * mx_random_uniform(&random) - 1));
    for (size_t k = 0; k < r->units * 3 * r->units; k++)
        r->recurrent[k] = (float)(edge * (2 * mx_random_uniform(&random) - 1));
    for (size_t k = 0; k < 6 * r->units; k++)
        r->biases[k] = (float)(edge * (2 * mx_random_uniform(&random) - 1));
}

/* ---- columns ---- */

static bool whole(const fit_work *w)
{
    return w->sequences->n_items <= w->o.negatives;
}

/* The place of x among running sums: the first sum above it. */
static size_t place(const double *sums, size_t n, double x)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sums[middle] > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* An item drawn c times of m weighs c / (m q), q its share of the events: what it stands for is drawn m q times on average. */
static void draw_columns(fit_work *w)
{
    mx_ranker_columns *columns = &w->shared.columns;
    size_t items = w->sequences->n_items;
    for (size_t c = 0; c < columns->n; c++)
        w->column_of[w->columns[c]] = -1;
    columns->n = 0;
    if (whole(w)) {
        for (; columns->n < items; columns->n++) {
            w->columns[columns->n] = w->column_of[columns->n] = (int32_t)columns->n;
            w->log_weights[columns->n] = 0;
        }
    } else {
        mx_random random;
        mx_random_init(&random, w->o.seed, mx_random_key(DRAW_COLUMNS, w->steps, 0));
        double events = w->popular[items - 1];
        for (size_t k = 0; k < w->o.negatives; k++) {
            size_t item = place(w->popular, items, mx_random_uniform(&random) * events);
            if (w->column_of[item] < 0) {
                w->drawn[columns->n] = 0;
                w->columns[columns->n] = (int32_t)item;
                w->column_of[item] = (int32_t)columns->n++;
            }
            w->drawn[w->column_of[item]]++;
        }
        for (size_t c = 0; c < columns->n; c++) {
            size_t item = (size_t)w->columns[c];
            double q = (w->popular[item] - (item ? w->popular[item - 1] : 0)) / events;
            w->log_weights[c] = (float)log(w->drawn[c] / ((double)w->o.negatives * q));
        }
    }
}

/* What the groups share, as the products want it. */
static void pack(fit_work *w)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    size_t u = w->ranker->units, n = w->shared.columns.n;
    float *columns = w->panels, *back = columns + mx_panels_size(u, w->most_columns),
          *kernel_back = back + mx_panels_size(w->most_columns, u),
          *recurrent_back = kernel_back + mx_panels_size(3 * u, u);
    for (size_t c = 0; c < n; c++) {
        memcpy(w->column_rows + c * u, w->ranker->vectors + (size_t)w->columns[c] * u, u * sizeof *w->column_rows);
        w->column_bias[c] = w->ranker->bias[w->columns[c]] + w->log_weights[c];
    }
    kernel->pack_transposed(w->column_rows, u, u, n, columns);
    kernel->pack(w->column_rows, u, n, u, back);
    kernel->pack_transposed(w->ranker->kernel, 3 * u, 3 * u, u, kernel_back);
    kernel->pack_transposed(w->ranker->recurrent, 3 * u, 3 * u, u, recurrent_back);
    w->shared.column_panels = columns;
    w->shared.back_panels = back;
    w->shared.kernel_back = kernel_back;
    w->shared.recurrent_back = recurrent_back;
    mx_ranker_pack(w->ranker);
}

/* ---- a step ---- */

static int compare_pieces(const void *a, const void *b)
{
    const mx_ranker_piece *x = a, *y = b;
    if (x->count != y->count)
        return (x->count < y->count) - (x->count > y->count);
    return (x->key > y->key) - (x->key < y->key);
}

static merx_status run_group(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *w = context;
    mx_ranker_group_run(&w->group[block], &w->shared, w->chosen + w->group_starts[block],
                        w->group_starts[block + 1] - w->group_starts[block]);
    return MERX_OK;
}

/* Pieces first … first + n - 1 of the epoch's order into groups of equal number. */
static void choose(fit_work *w, size_t first, size_t n)
{
    size_t rows = 0;
    for (size_t k = 0; k < n; k++) {
        w->chosen[k] = w->pieces[w->order[first + k]];
        rows += w->chosen[k].count - 1;
    }
    for (size_t g = 0; g <= GROUPS; g++)
        w->group_starts[g] = n * g / GROUPS;
    for (size_t g = 0; g < GROUPS; g++)
        qsort(w->chosen + w->group_starts[g], w->group_starts[g + 1] - w->group_starts[g], sizeof *w->chosen,
              compare_pieces);
    w->shared.scale = (float)(1.0 / (double)rows);
}

static float *slot_of(fit_work *w, int32_t item)
{
    int32_t *at = &w->slot_of[item];
    if (*at < 0) {
        *at = (int32_t)w->slots;
        w->slot[w->slots] = item;
        memset(w->rows + w->slots * w->ranker->units, 0, w->ranker->units * sizeof *w->rows);
        w->row_bias[w->slots++] = 0;
    }
    return w->rows + (size_t)*at * w->ranker->units;
}

/* rows, row_bias: the gradients of every item that the batch touched. Returns the sum of the losses. */
static double gather_rows(fit_work *w)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    size_t u = w->ranker->units, n = w->shared.columns.n;
    double loss = 0;
    for (size_t s = 0; s < w->slots; s++)
        w->slot_of[w->slot[s]] = -1;
    w->slots = 0;
    for (size_t g = 0; g < GROUPS; g++) {
        mx_ranker_group *group = &w->group[g];
        loss += group->loss;
        for (size_t c = 0; c < n && group->rows; c++) {
            kernel->add_to(group->d_columns + c * u, u, slot_of(w, w->columns[c]));
            w->row_bias[w->slot_of[w->columns[c]]] += group->d_bias[1 + c];
        }
        for (size_t e = 0; e < group->rows; e++) {
            kernel->add_to(group->x + e * u, u, slot_of(w, group->input[e]));
            float own = group->logits[e * (1 + n)], *row = slot_of(w, group->target[e]);
            const float *o = group->o + e * u;
            for (size_t k = 0; k < u; k++)
                row[k] += own * o[k];
            w->row_bias[w->slot_of[group->target[e]]] += own;
        }
    }
    return loss;
}

static void sum_groups(fit_work *w)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    size_t u = w->ranker->units;
    mx_ranker_group *first = &w->group[0];
    if (first->rows == 0) { /* a batch of fewer pieces than groups: the first groups may be empty */
        memset(first->d_kernel, 0, u * 3 * u * sizeof(float));
        memset(first->d_recurrent, 0, u * 3 * u * sizeof(float));
        memset(first->d_biases, 0, 6 * u * sizeof(float));
    }
    for (size_t g = 1; g < GROUPS; g++)
        if (w->group[g].rows) {
            kernel->add_to(w->group[g].d_kernel, u * 3 * u, first->d_kernel);
            kernel->add_to(w->group[g].d_recurrent, u * 3 * u, first->d_recurrent);
            kernel->add_to(w->group[g].d_biases, 6 * u, first->d_biases);
        }
}

static void descend(fit_work *w)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    mx_ranker *r = w->ranker, *m = &w->moment1, *v = &w->moment2;
    size_t u = r->units;
    double t = (double)w->steps + 1;
    mx_adam adam = {.rate = (float)(w->o.learning_rate * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t))),
                    .beta1 = beta1,
                    .beta2 = beta2,
                    .epsilon = 1e-8f,
                    .scale = 1};
    const mx_ranker_group *sum = &w->group[0];
    kernel->adam(&adam, u * 3 * u, sum->d_kernel, m->kernel, v->kernel, r->kernel);
    kernel->adam(&adam, u * 3 * u, sum->d_recurrent, m->recurrent, v->recurrent, r->recurrent);
    kernel->adam(&adam, 6 * u, sum->d_biases, m->biases, v->biases, r->biases);
    for (size_t s = 0; s < w->slots; s++) {
        size_t item = (size_t)w->slot[s];
        kernel->adam(&adam, u, w->rows + s * u, m->vectors + item * u, v->vectors + item * u, r->vectors + item * u);
        kernel->adam(&adam, 1, w->row_bias + s, m->bias + item, v->bias + item, r->bias + item);
    }
    w->steps++;
}

static bool all_finite(const float *x, size_t n)
{
    bool finite = true;
    for (size_t k = 0; k < n; k++)
        finite &= isfinite(x[k]) != 0;
    return finite;
}

/* A loss can stay finite while weights no longer are: sigmoids and tanh saturate. */
static merx_status check_weights(const fit_work *w, int number, merx_error *err)
{
    const mx_ranker *r = w->ranker;
    size_t u = r->units;
    if (all_finite(r->kernel, u * 3 * u) && all_finite(r->recurrent, u * 3 * u) && all_finite(r->biases, 6 * u) &&
        all_finite(r->vectors, r->items * u) && all_finite(r->bias, r->items))
        return MERX_OK;
    MX_FAIL(err, MERX_E_NUMERIC, "sequence ranker",
            "weights are not finite after epoch %d; a smaller learning_rate than %g may help", number + 1,
            w->o.learning_rate);
}

static merx_status epoch(fit_work *w, int number, merx_task *task, double *loss, merx_error *err)
{
    mx_random random;
    mx_random_init(&random, w->o.seed, mx_random_key(DRAW_ORDER, (uint64_t)number, 0));
    for (size_t k = 0; k < w->n_pieces; k++)
        w->order[k] = (int64_t)k;
    mx_random_shuffle_i64(&random, w->order, w->n_pieces);
    w->shared.epoch = (uint64_t)number;
    double sum = 0, rows = 0;
    for (size_t first = 0; first < w->n_pieces; first += w->o.batch) {
        size_t n = w->n_pieces - first < w->o.batch ? w->n_pieces - first : w->o.batch;
        choose(w, first, n);
        draw_columns(w);
        pack(w);
        MX_TRY(mx_parallel(task, GROUPS, run_group, w, err));
        double batch = gather_rows(w);
        if (!isfinite(batch))
            MX_FAIL(err, MERX_E_NUMERIC, "sequence ranker",
                    "the loss is %g in epoch %d, step %llu; a smaller learning_rate than %g may help", batch,
                    number + 1, (unsigned long long)w->steps + 1, w->o.learning_rate);
        sum += batch;
        rows += 1 / (double)w->shared.scale;
        sum_groups(w);
        descend(w);
        MX_TRY(mx_task_step(task, (uint64_t)number * w->n_pieces + first + n, err));
    }
    *loss = sum / rows;
    return check_weights(w, number, err);
}

/* ---- memory ---- */

static mx_ranker_options filled(const mx_ranker_options *options, const mx_sequences *s)
{
    mx_ranker_options o = *options;
    size_t longest = 1;
    for (size_t u = 0; u < s->n; u++) {
        size_t steps = (size_t)(s->starts[u + 1] - s->starts[u]);
        longest = steps > longest ? steps : longest;
    }
    o.batch = o.batch ? o.batch : BATCH;
    o.steps = o.steps ? o.steps : STEPS;
    o.steps = o.steps < longest ? o.steps : longest;
    size_t n = cut(s, o.steps, NULL);
    o.batch = o.batch < n ? o.batch : n ? n : 1;
    return o;
}

/* Rows of the fullest group that could come: its pieces all as long as can be, but no more than all events. */
static size_t most_rows_of(const mx_sequences *s, const mx_ranker_options *o)
{
    size_t pieces = (o->batch + GROUPS - 1) / GROUPS, rows = pieces * o->steps, events = (size_t)s->starts[s->n];
    return rows < events ? rows : events;
}

uint64_t mx_ranker_bytes(const mx_sequences *s, const mx_ranker_options *options)
{
    mx_ranker_options o = filled(options, s);
    uint64_t columns = s->n_items < o.negatives ? s->n_items : o.negatives, rows = most_rows_of(s, &o);
    return GROUPS * mx_ranker_group_bytes(o.units, rows, columns) +
           (uint64_t)s->n_items * (3 * (o.units + 1) * 4 + 16) + columns * o.units * 12 +
           (2 * GROUPS * rows + columns) * o.units * 4 + (uint64_t)o.units * o.units * 60 +
           cut(s, o.steps, NULL) * (sizeof(mx_ranker_piece) + 8);
}

static void release(fit_work *w, size_t panels)
{
    const merx_allocator *a = w->alloc;
    size_t items = w->sequences->n_items, u = w->o.units;
    for (size_t g = 0; g < GROUPS; g++)
        mx_ranker_group_release(&w->group[g]);
    mx_ranker_release(&w->moment1);
    mx_ranker_release(&w->moment2);
    MX_FREE_ARRAY(a, w->pieces, w->n_pieces);
    MX_FREE_ARRAY(a, w->order, w->n_pieces);
    MX_FREE_ARRAY(a, w->chosen, w->o.batch);
    MX_FREE_ARRAY(a, w->popular, items);
    MX_FREE_ARRAY(a, w->columns, w->most_columns);
    MX_FREE_ARRAY(a, w->log_weights, w->most_columns);
    MX_FREE_ARRAY(a, w->drawn, w->most_columns);
    MX_FREE_ARRAY(a, w->column_of, items);
    MX_FREE_ARRAY(a, w->column_rows, w->most_columns * u);
    MX_FREE_ARRAY(a, w->column_bias, w->most_columns);
    MX_FREE_ARRAY(a, w->panels, panels);
    MX_FREE_ARRAY(a, w->slot_of, items);
    MX_FREE_ARRAY(a, w->slot, w->most_slots);
    MX_FREE_ARRAY(a, w->rows, w->most_slots * u);
    MX_FREE_ARRAY(a, w->row_bias, w->most_slots);
}

static size_t panels_of(const fit_work *w)
{
    size_t u = w->o.units;
    return mx_panels_size(u, w->most_columns) + mx_panels_size(w->most_columns, u) + 2 * mx_panels_size(3 * u, u);
}

static merx_status prepare(fit_work *w, merx_error *err)
{
    const mx_sequences *s = w->sequences;
    const merx_allocator *a = w->alloc;
    size_t items = s->n_items, u = w->o.units, rows = most_rows_of(s, &w->o);
    w->n_pieces = cut(s, w->o.steps, NULL);
    w->most_columns = whole(w) ? items : w->o.negatives;
    w->most_slots = w->most_columns + 2 * GROUPS * rows;
    w->most_slots = w->most_slots < items ? w->most_slots : items;
    MX_TRY(mx_alloc_array_raw(a, w->n_pieces, sizeof *w->pieces, "pieces of sequences", &w->pieces, err));
    MX_TRY(mx_alloc_array_raw(a, w->n_pieces, sizeof *w->order, "pieces of sequences", &w->order, err));
    MX_TRY(mx_alloc_array_raw(a, w->o.batch, sizeof *w->chosen, "pieces of a batch", &w->chosen, err));
    MX_TRY(mx_alloc_array(a, items, sizeof *w->popular, "events of items", &w->popular, err));
    MX_TRY(mx_alloc_array(a, w->most_columns, sizeof *w->columns, "items of a batch", &w->columns, err));
    MX_TRY(mx_alloc_array(a, w->most_columns, sizeof *w->log_weights, "items of a batch", &w->log_weights, err));
    MX_TRY(mx_alloc_array(a, w->most_columns, sizeof *w->drawn, "items of a batch", &w->drawn, err));
    MX_TRY(mx_alloc_array_raw(a, items, sizeof *w->column_of, "items of a batch", &w->column_of, err));
    MX_TRY(mx_alloc_array(a, w->most_columns * u, sizeof *w->column_rows, "vectors of a batch", &w->column_rows, err));
    MX_TRY(mx_alloc_array(a, w->most_columns, sizeof *w->column_bias, "biases of a batch", &w->column_bias, err));
    MX_TRY(mx_alloc_array(a, panels_of(w), sizeof *w->panels, "vectors of a batch", &w->panels, err));
    MX_TRY(mx_alloc_array_raw(a, items, sizeof *w->slot_of, "items of a batch", &w->slot_of, err));
    MX_TRY(mx_alloc_array(a, w->most_slots, sizeof *w->slot, "items of a batch", &w->slot, err));
    MX_TRY(mx_alloc_array(a, w->most_slots * u, sizeof *w->rows, "gradients of a batch", &w->rows, err));
    MX_TRY(mx_alloc_array(a, w->most_slots, sizeof *w->row_bias, "gradients of a batch", &w->row_bias, err));
    MX_TRY(mx_ranker_make(items, u, a, &w->moment1, err));
    MX_TRY(mx_ranker_make(items, u, a, &w->moment2, err));
    for (size_t g = 0; g < GROUPS; g++)
        MX_TRY(mx_ranker_group_make(u, (w->o.batch + GROUPS - 1) / GROUPS, w->o.steps, rows, w->most_columns, a,
                                    &w->group[g], err));
    cut(s, w->o.steps, w->pieces);
    for (int64_t e = 0; e < s->starts[s->n]; e++)
        w->popular[s->items[e]]++;
    for (size_t i = 0; i < items; i++) {
        w->popular[i] += i ? w->popular[i - 1] : 0;
        w->column_of[i] = w->slot_of[i] = -1;
    }
    w->shared = (mx_ranker_shared){.ranker = w->ranker,
                                   .columns = {0, w->columns, w->log_weights, w->column_of},
                                   .column_bias = w->column_bias,
                                   .dropout = w->o.dropout,
                                   .seed = w->o.seed};
    return MERX_OK;
}

merx_status mx_ranker_fit(const mx_sequences *sequences, const mx_ranker_options *options, const merx_allocator *alloc,
                          merx_task *task, mx_ranker *out, merx_error *err)
{
    *out = (mx_ranker){0};
    MX_TRY(check_input(sequences, options, err));
    fit_work w = {
        .sequences = sequences, .o = filled(options, sequences), .alloc = merx_task_allocator(task), .ranker = out};
    merx_status status;
    double loss = 0;
    MX_TRY_GOTO(mx_ranker_make(sequences->n_items, w.o.units, alloc, out, err));
    MX_TRY_GOTO(prepare(&w, err));
    draw_weights(out, w.o.seed);
    mx_task_stage(task, "recurrent network", (uint64_t)w.o.epochs * w.n_pieces, "sequences");
    for (int k = 0; k < w.o.epochs; k++)
        MX_TRY_GOTO(epoch(&w, k, task, &loss, err));
    mx_task_done(task);
    mx_ranker_pack(out);
out:
    release(&w, panels_of(&w));
    if (status != MERX_OK)
        mx_ranker_release(out);
    return status;
}

/* ---- gradients, for tests ---- */

merx_status mx_ranker_gradients(const mx_ranker *ranker, const mx_sequences *sequences, const merx_allocator *alloc,
                                merx_task *task, double *loss, mx_ranker *gradients, merx_error *err)
{
    size_t items = ranker->items, u = ranker->units;
    mx_ranker_options o = {.units = u, .epochs = 1, .negatives = items, .learning_rate = 1, .batch = SIZE_MAX};
    *gradients = (mx_ranker){0};
    MX_TRY(check_input(sequences, &o, err));
    o.steps = (size_t)sequences->starts[sequences->n];
    mx_ranker held = *ranker;
    fit_work w = {
        .sequences = sequences, .o = filled(&o, sequences), .alloc = merx_task_allocator(task), .ranker = &held};
    merx_status status;
    MX_TRY_GOTO(mx_ranker_make(items, u, alloc, gradients, err));
    MX_TRY_GOTO(prepare(&w, err));
    for (size_t k = 0; k < w.n_pieces; k++)
        w.order[k] = (int64_t)k;
    choose(&w, 0, w.n_pieces);
    draw_columns(&w);
    pack(&w);
    MX_TRY_GOTO(mx_parallel(task, GROUPS, run_group, &w, err));
    *loss = gather_rows(&w) * (double)w.shared.scale;
    sum_groups(&w);
    memcpy(gradients->kernel, w.group[0].d_kernel, u * 3 * u * sizeof(float));
    memcpy(gradients->recurrent, w.group[0].d_recurrent, u * 3 * u * sizeof(float));
    memcpy(gradients->biases, w.group[0].d_biases, 6 * u * sizeof(float));
    for (size_t s = 0; s < w.slots; s++) {
        memcpy(gradients->vectors + (size_t)w.slot[s] * u, w.rows + s * u, u * sizeof(float));
        gradients->bias[w.slot[s]] = w.row_bias[s];
    }
out:
    release(&w, panels_of(&w));
    if (status != MERX_OK)
        mx_ranker_release(gradients);
    return status;
}
