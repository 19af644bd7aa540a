/*
 * The last dense layer together with the loss (head.h).
 */
#include "learn/network/head.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/random.h"

/* Logits of a row among samples: theirs, the label's, and up to a multiple of 16. */
enum { MX_HEAD_WIDE = MX_HEAD_SAMPLES + 16 };
enum { DRAW_SAMPLE = 0x736d70, DRAW_OTHER = 0x6f7468 };

static const mx_node *output_of(const merx_network *net)
{
    return &net->node[net->nodes - 1];
}

bool mx_head_fits(const merx_network *net, merx_loss loss)
{
    const mx_node *output = output_of(net);
    if (output->kind->id != MERX_LAYER_DENSE)
        return false;
    if (loss == MERX_SAMPLED_SOFTMAX || loss == MERX_BPR)
        return true;
    return loss == MERX_CATEGORICAL_CROSSENTROPY && output->at_loss && mx_output_units(net) > MX_HEAD_UNITS;
}

static size_t features_of(const mx_node *output)
{
    return output->weight[0].dims.dim[0];
}

size_t mx_head_scratch(const merx_network *net)
{
    size_t rows = MX_HEAD_ROWS, k = features_of(output_of(net)), s = MX_HEAD_SAMPLES;
    size_t full = rows * (MX_HEAD_COLUMNS + 2 * k);
    size_t sampled = rows * (MX_HEAD_WIDE + 2 * k) + 2 * k * s + 2 * s + mx_panels_size(k, s) + mx_panels_size(s, k);
    return full > sampled ? full : sampled;
}

/*
 * Columns of the part that begins at j: MX_HEAD_COLUMNS, the last ones fewer, but never a few that are the rest of a longer row: those lie in panels as the row does,
 * which a product of that few columns would take for its own layout.
 */
static size_t wide_at(size_t u, size_t j)
{
    size_t left = u - j;
    return left <= MX_HEAD_COLUMNS             ? left
           : left < MX_HEAD_COLUMNS + MX_PANEL ? MX_HEAD_COLUMNS - MX_PANEL
                                               : MX_HEAD_COLUMNS;
}

void mx_head_pack(const mx_node *node, const float *w, float *back)
{
    size_t k = node->weight[0].dims.dim[0], u = node->weight[0].dims.dim[1];
    for (size_t j = 0, wide; j < u; j += wide) {
        wide = wide_at(u, j);
        mx_tensor_kernel()->pack_transposed(w + j, u, wide, k, back);
        back += mx_panels_size(wide, k);
    }
}

/* ---- popularity ---- */

merx_status mx_popularity_new(const merx_network *net, mx_popularity *out, merx_error *err)
{
    *out = (mx_popularity){.items = mx_output_units(net)};
    return MX_NEW_ARRAY(net->alloc, out->items, &out->until, "popularity", err);
}

void mx_popularity_release(const merx_network *net, mx_popularity *p)
{
    MX_FREE_ARRAY(net->alloc, p->until, p->items);
    *p = (mx_popularity){0};
}

void mx_popularity_clear(mx_popularity *p)
{
    memset(p->until, 0, p->items * sizeof *p->until);
}

void mx_popularity_add(mx_popularity *p, const int32_t *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= 0 && (size_t)labels[i] < p->items)
            p->until[labels[i]]++;
}

void mx_popularity_close(mx_popularity *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->items; i++)
        p->until[i] = sum += p->until[i] + 1;
}

double mx_popularity_log_q(const mx_popularity *p, size_t item)
{
    uint64_t count = p->until[item] - (item > 0 ? p->until[item - 1] : 0);
    return log((double)count / (double)p->until[p->items - 1]);
}

size_t mx_popularity_sample(const mx_popularity *p, uint64_t seed, uint64_t step, uint64_t number)
{
    mx_random random;
    mx_random_init(&random, seed, mx_random_key(step, DRAW_SAMPLE, number));
    uint64_t at = mx_random_below(&random, p->until[p->items - 1]);
    size_t low = 0, high = p->items - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->until[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t mx_head_other(size_t items, size_t label, uint64_t seed, uint64_t step, uint64_t row)
{
    mx_random random;
    mx_random_init(&random, seed, mx_random_key(step, DRAW_OTHER, row));
    size_t other = (size_t)mx_random_below(&random, items - 1);
    return other + (other >= label);
}

/* ---- a tile ---- */

/* Rows of the layer that count, side by side. */
typedef struct tile {
    const mx_run *run;
    const mx_loss_rows *rows;
    mx_block *block;
    const mx_node *output;
    size_t k, u, m;
    const float *w, *b; /* the weights; b NULL: none */
    float *dw, *db;     /* NULL: not training */
    const float *in;    /* the layer's input, all rows */
    float *d_in;        /* its gradient, all rows; NULL: not wanted */
    size_t row[MX_HEAD_ROWS];
    int32_t label[MX_HEAD_ROWS];
    float weight[MX_HEAD_ROWS]; /* with the scale */
    double loss[MX_HEAD_ROWS];
    float *x, *dx, *rest; /* (m, k), (m, k), further scratch */
} tile;

/* Whether the label's logit is the largest, the first of equals. */
static bool is_largest(const float *y, size_t u, size_t label)
{
    float own = y[label];
    int above = 0;
    for (size_t j = 0; j < label; j++)
        above |= !(y[j] < own);
    for (size_t j = label + 1; j < u; j++)
        above |= !(y[j] <= own);
    return above == 0;
}

static size_t largest_of(const float *t, size_t u)
{
    size_t best = 0;
    for (size_t j = 1; j < u; j++)
        best = t[j] > t[best] ? j : best;
    return best;
}

static double weight_of(const mx_loss_rows *r, size_t i)
{
    double w = r->weights != NULL ? (double)r->weights[i] : 1;
    if (r->class_weights == NULL)
        return w;
    return w * r->class_weights[r->labels != NULL ? (size_t)r->labels[i] : largest_of(r->targets + i * r->u, r->u)];
}

static const float *panels_of(const tile *t)
{
    return t->run->net->packed + t->run->net->packed_at[t->output->number];
}

/* The largest of y (n); lanes that the compiler makes vectors of. */
static float top_of(const float *y, size_t n)
{
    float top[16], best = y[0];
    size_t j = 0;
    if (n >= 16) {
        memcpy(top, y, sizeof top);
        for (j = 16; j + 16 <= n; j += 16)
            for (size_t q = 0; q < 16; q++)
                top[q] = y[j + q] > top[q] ? y[j + q] : top[q];
        for (size_t q = 0; q < 16; q++)
            best = top[q] > best ? top[q] : best;
    }
    for (; j < n; j++)
        best = y[j] > best ? y[j] : best;
    return best;
}

/* What is known of a row while its logits come by, some columns at a time. */
typedef struct row_so_far {
    float own, top;
    bool first; /* the label is the first of the largest so far */
} row_so_far;

static void see_logits(row_so_far *s, const float *y, size_t j, size_t wide, size_t label)
{
    float top = top_of(y, wide);
    bool here = label >= j && label - j < wide;
    if (here)
        s->own = y[label - j];
    if (j > 0 && !(top > s->top))
        return;
    s->top = top;
    s->first = here && s->own == top;
    for (size_t l = 0; s->first && l < label - j; l++)
        s->first = y[l] != top;
}

/* Logits of columns j … j + wide of all rows to y (m, wide); add: to what it holds. */
static void logits_of(const tile *t, size_t j, size_t wide, bool add, float *y)
{
    mx_gemm g = {.m = t->m,
                 .k = t->k,
                 .u = wide,
                 .a = t->x,
                 .a_stride = t->k,
                 .panels = panels_of(t) + j * t->k,
                 .bias = t->b != NULL ? t->b + j : NULL,
                 .c = y,
                 .c_stride = wide,
                 .add = add};
    mx_tensor_kernel()->gemm(&g);
}

/* Once through the catalogue: L of each row, its loss. */
static void sum_logits(tile *t, double *all)
{
    static const int32_t zeros[MX_HEAD_ROWS];
    double most[MX_HEAD_ROWS], parts[MX_HEAD_ROWS], reached[MX_HEAD_ROWS], aim[MX_HEAD_ROWS], loss[MX_HEAD_ROWS];
    float first[MX_HEAD_ROWS], *y = t->rest;
    row_so_far so_far[MX_HEAD_ROWS];
    for (size_t i = 0; i < t->m; i++) {
        most[i] = -INFINITY;
        parts[i] = reached[i] = aim[i] = 0;
        so_far[i] = (row_so_far){0};
    }
    for (size_t j = 0, wide; j < t->u; j += wide) {
        wide = wide_at(t->u, j);
        logits_of(t, j, wide, false, y);
        for (size_t i = 0; i < t->m; i++) {
            const float *target = t->rows->targets != NULL ? t->rows->targets + t->row[i] * t->u + j : NULL,
                        *row = y + i * wide;
            see_logits(&so_far[i], row, j, wide, (size_t)t->label[i]);
            first[i] = row[0];
            for (size_t l = 0; target != NULL && l < wide; l++)
                if (target[l] != 0) {
                    reached[i] += (double)target[l] * (double)row[l];
                    aim[i] += (double)target[l];
                }
        }
        /* Of column 0 the loss is these columns' L less its logit. */
        mx_tensor_kernel()->softmax_loss(y, t->m, wide, zeros, NULL, NULL, y, loss, NULL);
        for (size_t i = 0; i < t->m; i++) {
            double sum = loss[i] + (double)first[i];
            parts[i] = sum > most[i] ? parts[i] * exp(most[i] - sum) + 1 : parts[i] + exp(sum - most[i]);
            most[i] = sum > most[i] ? sum : most[i];
        }
    }
    for (size_t i = 0; i < t->m; i++) {
        all[i] = most[i] + log(parts[i]);
        t->loss[i] = t->rows->targets != NULL ? aim[i] * all[i] - reached[i] : all[i] - (double)so_far[i].own;
        t->block->metric += so_far[i].first;
    }
}

static void full_softmax(tile *t)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    double all[MX_HEAD_ROWS];
    float *y = t->rest;
    const float *back = panels_of(t) + t->output->packed;
    sum_logits(t, all);
    if (t->dw == NULL)
        return;
    for (size_t i = 0; i < t->m; i++)
        all[i] = log((double)t->weight[i]) - all[i];
    for (size_t j = 0, wide; j < t->u; j += wide) {
        wide = wide_at(t->u, j);
        for (size_t i = 0; i < t->m; i++)
            for (size_t l = 0; l < wide; l++)
                y[i * wide + l] = (float)all[i];
        logits_of(t, j, wide, true, y);
        kernels->activate(MX_EXPONENTIAL, y, t->m * wide, y);
        for (size_t i = 0; i < t->m; i++) {
            const float *target = t->rows->targets != NULL ? t->rows->targets + t->row[i] * t->u + j : NULL;
            size_t label = (size_t)t->label[i];
            for (size_t l = 0; target != NULL && l < wide; l++)
                y[i * wide + l] -= t->weight[i] * target[l];
            if (target == NULL && label >= j && label - j < wide)
                y[i * wide + label - j] -= t->weight[i];
        }
        kernels->gemm_outer(t->x, t->k, y, wide, t->m, t->k, wide, t->dw + j, t->u);
        if (t->db != NULL)
            kernels->add_columns(y, wide, t->m, wide, t->db + j);
        if (t->d_in == NULL)
            continue;
        mx_gemm d = {.m = t->m,
                     .k = wide,
                     .u = t->k,
                     .a = y,
                     .a_stride = wide,
                     .panels = back,
                     .c = t->dx,
                     .c_stride = t->k,
                     .add = j > 0};
        kernels->gemm(&d);
        back += mx_panels_size(wide, t->k);
    }
}

/* Label and samples: columns 0 … s - 1 are the samples, column s the label. */
static void sampled_softmax(tile *t, const size_t *sample)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    const mx_popularity *p = t->run->popularity;
    size_t s = MX_HEAD_SAMPLES, k = t->k, wide = MX_HEAD_WIDE;
    int32_t of_label[1] = {(int32_t)s};
    float *y = t->rest, *columns = y + t->m * wide, *d_columns = columns + k * s, *shift = d_columns + k * s,
          *d_shift = shift + s, *panels = d_shift + s, *back = panels + mx_panels_size(k, s);
    for (size_t j = 0; j < s; j++)
        shift[j] = (t->b != NULL ? t->b[sample[j]] : 0) - (float)mx_popularity_log_q(p, sample[j]);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < s; j++)
            columns[l * s + j] = t->w[l * t->u + sample[j]];
    kernels->pack(columns, s, k, s, panels);
    mx_gemm g = {
        .m = t->m, .k = k, .u = s, .a = t->x, .a_stride = k, .panels = panels, .bias = shift, .c = y, .c_stride = wide};
    kernels->gemm(&g);
    for (size_t i = 0; i < t->m; i++) {
        size_t label = (size_t)t->label[i];
        float *row = y + i * wide, own = (t->b != NULL ? t->b[label] : 0) - (float)mx_popularity_log_q(p, label);
        for (size_t l = 0; l < k; l++)
            own += t->x[i * k + l] * t->w[l * t->u + label];
        row[s] = own;
        for (size_t j = 0; j < s; j++)
            if (sample[j] == label)
                row[j] = -1e30F; /* its share is 0 */
        t->block->metric += is_largest(row, s + 1, s);
        kernels->softmax_loss(row, 1, s + 1, of_label, NULL, &t->weight[i], row, &t->loss[i],
                              t->dw != NULL ? row : NULL);
    }
    if (t->dw == NULL)
        return;
    memset(d_columns, 0, k * s * sizeof *d_columns);
    memset(d_shift, 0, s * sizeof *d_shift);
    kernels->gemm_outer(t->x, k, y, wide, t->m, k, s, d_columns, s);
    kernels->add_columns(y, wide, t->m, s, d_shift);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < s; j++)
            t->dw[l * t->u + sample[j]] += d_columns[l * s + j];
    for (size_t j = 0; t->db != NULL && j < s; j++)
        t->db[sample[j]] += d_shift[j];
    if (t->d_in != NULL) {
        kernels->pack_transposed(columns, s, s, k, back);
        mx_gemm into = {.m = t->m, .k = s, .u = k, .a = y, .a_stride = wide, .panels = back, .c = t->dx, .c_stride = k};
        kernels->gemm(&into);
    }
    for (size_t i = 0; i < t->m; i++) {
        size_t label = (size_t)t->label[i];
        float slope = y[i * wide + s];
        for (size_t l = 0; l < k; l++) {
            t->dw[l * t->u + label] += t->x[i * k + l] * slope;
            if (t->d_in != NULL)
                t->dx[i * k + l] += t->w[l * t->u + label] * slope;
        }
        if (t->db != NULL)
            t->db[label] += slope;
    }
}

static void pairs(tile *t)
{
    for (size_t i = 0; i < t->m; i++) {
        size_t label = (size_t)t->label[i],
               other = mx_head_other(t->u, label, t->rows->seed, t->rows->step, t->rows->first + t->row[i]);
        const float *x = t->x + i * t->k;
        double apart = t->b != NULL ? (double)t->b[label] - (double)t->b[other] : 0;
        for (size_t l = 0; l < t->k; l++)
            apart += (double)x[l] * ((double)t->w[l * t->u + label] - (double)t->w[l * t->u + other]);
        t->loss[i] = apart > 0 ? log1p(exp(-apart)) : log1p(exp(apart)) - apart;
        t->block->metric += apart > 0;
        if (t->dw == NULL)
            continue;
        float slope = (float)(-(double)t->weight[i] / (1 + exp(apart)));
        for (size_t l = 0; l < t->k; l++) {
            t->dw[l * t->u + label] += x[l] * slope;
            t->dw[l * t->u + other] -= x[l] * slope;
            t->dx[i * t->k + l] = (t->w[l * t->u + label] - t->w[l * t->u + other]) * slope;
        }
        if (t->db != NULL) {
            t->db[label] += slope;
            t->db[other] -= slope;
        }
    }
}

void mx_head(const mx_run *run, const mx_loss_rows *r, mx_block *block)
{
    const merx_network *net = run->net;
    const mx_node *output = output_of(net);
    int source = mx_node_source(output, 0);
    size_t sample[MX_HEAD_SAMPLES], count = 0;
    bool sampled = net->loss == MERX_SAMPLED_SOFTMAX && run->training;
    tile t = {.run = run, .rows = r, .block = block, .output = output, .k = features_of(output), .u = r->u};
    t.w = net->weights + output->weight[0].offset;
    t.b = output->n_weights > 1 ? net->weights + output->weight[1].offset : NULL;
    t.in = block->floats + run->plan->place[source].y;
    if (run->training) {
        t.dw = block->gradients + output->weight[0].offset;
        t.db = output->n_weights > 1 ? block->gradients + output->weight[1].offset : NULL;
        t.d_in = source > 0 ? block->floats + run->plan->place[source].dy : NULL;
    }
    /* Tiles of about as many rows each. */
    for (size_t i = 0; i < r->m; i++)
        count += r->labels == NULL || r->labels[i] >= 0;
    size_t tiles = (count + MX_HEAD_ROWS - 1) / MX_HEAD_ROWS, most = tiles > 0 ? (count + tiles - 1) / tiles : 0;
    t.x = block->floats + run->plan->scratch;
    assert(t.x != NULL);
    t.dx = t.x + most * t.k;
    t.rest = t.dx + most * t.k;
    for (size_t j = 0; sampled && j < MX_HEAD_SAMPLES; j++)
        sample[j] = mx_popularity_sample(run->popularity, r->seed, r->step, j);
    if (t.d_in != NULL)
        memset(t.d_in, 0, r->m * t.k * sizeof *t.d_in);
    for (size_t i = 0; i < r->m;) {
        for (t.m = 0; i < r->m && t.m < most; i++) {
            if (r->labels != NULL && r->labels[i] < 0)
                continue;
            t.row[t.m] = i;
            t.label[t.m] = r->labels != NULL ? r->labels[i] : (int32_t)largest_of(r->targets + i * t.u, t.u);
            t.weight[t.m] = (float)(weight_of(r, i) * r->scale);
            memcpy(t.x + t.m * t.k, t.in + i * t.k, t.k * sizeof *t.x);
            t.m++;
        }
        if (t.m == 0)
            break;
        if (net->loss == MERX_BPR)
            pairs(&t);
        else if (sampled)
            sampled_softmax(&t, sample);
        else
            full_softmax(&t);
        for (size_t j = 0; j < t.m; j++) {
            block->loss += weight_of(r, t.row[j]) * t.loss[j];
            if (t.d_in != NULL)
                memcpy(t.d_in + t.row[j] * t.k, t.dx + j * t.k, t.k * sizeof *t.dx);
        }
        block->counted += (double)t.m;
    }
}

double mx_head_twin(const mx_run *run, merx_loss loss, const mx_loss_rows *r, const double *y)
{
    double total = 0;
    size_t sample[MX_HEAD_SAMPLES];
    for (size_t j = 0; loss != MERX_BPR && j < MX_HEAD_SAMPLES; j++)
        sample[j] = mx_popularity_sample(run->popularity, r->seed, r->step, j);
    for (size_t i = 0; i < r->m; i++) {
        if (r->labels[i] < 0)
            continue;
        size_t label = (size_t)r->labels[i];
        const double *row = y + i * r->u;
        if (loss == MERX_BPR) {
            size_t other = mx_head_other(r->u, label, r->seed, r->step, r->first + i);
            total += weight_of(r, i) * log1p(exp(row[other] - row[label]));
            continue;
        }
        double own = row[label] - mx_popularity_log_q(run->popularity, label), parts = 1;
        for (size_t j = 0; j < MX_HEAD_SAMPLES; j++) {
            if (sample[j] != label)
                parts += exp(row[sample[j]] - mx_popularity_log_q(run->popularity, sample[j]) - own);
        }
        total += weight_of(r, i) * log(parts);
    }
    return total;
}
