/*
 * Some sequences of a batch through the ranker, forward and backward. Letters: rows, the steps of all pieces; m pieces running at a time; u units; columns, the items that stand for the catalogue.
 *
 * The loss of a row with output o and target y is log(exp(l_y) + sum_{c != y} w_c exp(l_c)) - l_y, l = o . v + b, over the columns c with weight w_c in the sum.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "kernels/tensors.h"
#include "learn/network/sequence_ranker_parts.h"

/* X(member, count, what) */
#define GROUP_ARRAYS(X)                                                                                                \
    X(input, g->most_rows)                                                                                             \
    X(target, g->most_rows)                                                                                            \
    X(key, g->most_rows)                                                                                               \
    X(offset, g->most_steps + 2)                                                                                       \
    X(x, g->most_rows * g->units)                                                                                      \
    X(gates, g->most_rows * 3 * g->units)                                                                              \
    X(zh, g->most_rows * 3 * g->units)                                                                                 \
    X(h, g->most_rows * g->units)                                                                                      \
    X(before, g->most_rows * g->units)                                                                                 \
    X(o, g->most_rows * g->units)                                                                                      \
    X(d_o, g->most_rows * g->units)                                                                                    \
    X(dzx, g->most_rows * 3 * g->units)                                                                                \
    X(dzh, g->most_rows * 3 * g->units)                                                                                \
    X(logits, g->most_rows *(1 + g->most_columns))                                                                     \
    X(zeros, g->most_rows)                                                                                             \
    X(losses, g->most_rows)                                                                                            \
    X(weights, g->most_rows)                                                                                           \
    X(d_columns, g->most_columns * g->units)                                                                           \
    X(d_bias, 1 + g->most_columns)                                                                                     \
    X(d_kernel, g->units * 3 * g->units)                                                                               \
    X(d_recurrent, g->units * 3 * g->units)                                                                            \
    X(d_biases, 6 * g->units)

merx_status mx_ranker_group_make(size_t units, size_t most_pieces, size_t most_steps, size_t most_rows,
                                 size_t most_columns, const merx_allocator *alloc, mx_ranker_group *g, merx_error *err)
{
    *g = (mx_ranker_group){.alloc = mx_allocator_or_default(alloc),
                           .units = units,
                           .most_pieces = most_pieces,
                           .most_steps = most_steps,
                           .most_rows = most_rows,
                           .most_columns = most_columns};
    merx_status status;
#define MAKE(member, count)                                                                                            \
    MX_TRY_GOTO(mx_alloc_array(g->alloc, (count), sizeof *g->member, "steps of a batch", &g->member, err));
    GROUP_ARRAYS(MAKE)
#undef MAKE
    return MERX_OK;
out:
    mx_ranker_group_release(g);
    return status;
}

void mx_ranker_group_release(mx_ranker_group *g)
{
    if (!g->alloc)
        return;
#define RELEASE(member, count) MX_FREE_ARRAY(g->alloc, g->member, (count));
    GROUP_ARRAYS(RELEASE)
#undef RELEASE
    *g = (mx_ranker_group){0};
}

uint64_t mx_ranker_group_bytes(size_t units, size_t most_rows, size_t most_columns)
{
    return (uint64_t)most_rows * (18 * units + most_columns + 12) * 4 + (uint64_t)most_columns * units * 4;
}

/* Steps time by time. */
static void lay_out(mx_ranker_group *g, const mx_ranker_piece *pieces, size_t n)
{
    g->pieces = n;
    g->times = n ? pieces[0].count - 1 : 0;
    g->rows = 0;
    for (size_t t = 0; t < g->times; t++) {
        g->offset[t] = g->rows;
        for (size_t k = 0; k < n && pieces[k].count - 1 > t; k++, g->rows++) {
            g->input[g->rows] = pieces[k].items[t];
            g->target[g->rows] = pieces[k].items[t + 1];
            g->key[g->rows] = mx_random_key(pieces[k].key, t, 0);
        }
    }
    g->offset[g->times] = g->rows;
}

static size_t running(const mx_ranker_group *g, size_t t)
{
    return g->offset[t + 1] - g->offset[t];
}

/* y = x with a share of its numbers set to 0 and the others scaled up; keys say which, the same again when asked again. */
static void drop(const mx_ranker_group *g, const mx_ranker_shared *s, uint64_t purpose, const float *x, float *y)
{
    size_t u = g->units;
    if (!(s->dropout > 0)) {
        if (y != x)
            memcpy(y, x, g->rows * u * sizeof *y);
        return;
    }
    uint32_t below = (uint32_t)(s->dropout * 65536);
    float scale = (float)(65536.0 / (65536.0 - below));
    for (size_t r = 0; r < g->rows; r++) {
        uint64_t key = mx_random_key(g->key[r], s->epoch, purpose), bits = 0;
        for (size_t k = 0; k < u; k++) {
            bits = k % 4 == 0 ? mx_random_key(key, s->seed, k) : bits >> 16;
            y[r * u + k] = (bits & 0xffff) < below ? 0 : x[r * u + k] * scale;
        }
    }
}

static void forward(mx_ranker_group *g, const mx_ranker_shared *s)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    const mx_ranker *r = s->ranker;
    size_t u = g->units;
    for (size_t e = 0; e < g->rows; e++)
        memcpy(g->x + e * u, r->vectors + (size_t)g->input[e] * u, u * sizeof *g->x);
    drop(g, s, 1, g->x, g->x);
    kernel->gemm(&(mx_gemm){.m = g->rows,
                            .k = u,
                            .u = 3 * u,
                            .a = g->x,
                            .a_stride = u,
                            .panels = r->panels,
                            .bias = r->biases,
                            .c = g->gates,
                            .c_stride = 3 * u});
    for (size_t t = 0; t < g->times; t++) {
        size_t m = running(g, t), at = g->offset[t];
        if (t == 0)
            memset(g->before, 0, m * u * sizeof *g->before);
        else
            memcpy(g->before + at * u, g->h + g->offset[t - 1] * u, m * u * sizeof *g->before);
        kernel->gemm(&(mx_gemm){.m = m,
                                .k = u,
                                .u = 3 * u,
                                .a = g->before + at * u,
                                .a_stride = u,
                                .panels = r->panels + mx_panels_size(u, 3 * u),
                                .bias = r->biases + 3 * u,
                                .c = g->zh + at * 3 * u,
                                .c_stride = 3 * u});
        kernel->gru_step(g->gates + at * 3 * u, g->zh + at * 3 * u, g->before + at * u, m, u, MX_TANH, MX_SIGMOID, NULL,
                         g->h + at * u);
    }
    drop(g, s, 2, g->h, g->o);
}

/* Losses of the rows; logits become their gradients, d_o that of the outputs, d_columns and d_bias those of the columns. */
static void rank(mx_ranker_group *g, const mx_ranker_shared *s)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    const mx_ranker *r = s->ranker;
    size_t u = g->units, n = s->columns.n, stride = 1 + n;
    kernel->gemm(&(mx_gemm){.m = g->rows,
                            .k = u,
                            .u = n,
                            .a = g->o,
                            .a_stride = u,
                            .panels = s->column_panels,
                            .bias = s->column_bias,
                            .c = g->logits + 1,
                            .c_stride = stride});
    for (size_t e = 0; e < g->rows; e++) {
        float *row = g->logits + e * stride;
        int32_t own = s->columns.column_of[g->target[e]];
        row[0] = mx_ranker_logit(r, g->o + e * u, g->target[e]);
        if (own >= 0)
            row[1 + own] = -1e30f; /* the target stands for itself */
        g->weights[e] = s->scale;
    }
    kernel->softmax_loss(g->logits, g->rows, stride, g->zeros, NULL, g->weights, g->logits, g->losses, g->logits);
    g->loss = 0;
    for (size_t e = 0; e < g->rows; e++)
        g->loss += g->losses[e];
    kernel->gemm(&(mx_gemm){.m = g->rows,
                            .k = n,
                            .u = u,
                            .a = g->logits + 1,
                            .a_stride = stride,
                            .panels = s->back_panels,
                            .c = g->d_o,
                            .c_stride = u});
    for (size_t e = 0; e < g->rows; e++) {
        const float *v = r->vectors + (size_t)g->target[e] * u;
        float own = g->logits[e * stride];
        for (size_t k = 0; k < u; k++)
            g->d_o[e * u + k] += own * v[k];
    }
    memset(g->d_columns, 0, n * u * sizeof *g->d_columns);
    memset(g->d_bias, 0, stride * sizeof *g->d_bias);
    kernel->gemm_outer(g->logits + 1, stride, g->o, u, g->rows, n, u, g->d_columns, u);
    kernel->add_columns(g->logits, stride, g->rows, stride, g->d_bias);
}

static void backward(mx_ranker_group *g, const mx_ranker_shared *s)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    size_t u = g->units;
    float *carried = g->h; /* (rows, u): h has been used: before and gates hold what is needed */
    drop(g, s, 2, g->d_o, g->d_o);
    for (size_t t = g->times; t-- > 0;) {
        size_t m = running(g, t), at = g->offset[t], later = t + 1 < g->times ? running(g, t + 1) : 0;
        if (later)
            kernel->add_to(carried + g->offset[t + 1] * u, later * u, g->d_o + at * u);
        kernel->gru_step_back(g->gates + at * 3 * u, g->zh + at * 3 * u, g->before + at * u, g->d_o + at * u, m, u,
                              MX_TANH, MX_SIGMOID, NULL, g->dzx + at * 3 * u, g->dzh + at * 3 * u, carried + at * u);
        kernel->gemm(&(mx_gemm){.m = m,
                                .k = 3 * u,
                                .u = u,
                                .a = g->dzh + at * 3 * u,
                                .a_stride = 3 * u,
                                .panels = s->recurrent_back,
                                .c = carried + at * u,
                                .c_stride = u,
                                .add = true});
    }
    memset(g->d_kernel, 0, u * 3 * u * sizeof *g->d_kernel);
    memset(g->d_recurrent, 0, u * 3 * u * sizeof *g->d_recurrent);
    memset(g->d_biases, 0, 6 * u * sizeof *g->d_biases);
    kernel->gemm_outer(g->x, u, g->dzx, 3 * u, g->rows, u, 3 * u, g->d_kernel, 3 * u);
    kernel->gemm_outer(g->before, u, g->dzh, 3 * u, g->rows, u, 3 * u, g->d_recurrent, 3 * u);
    kernel->add_columns(g->dzx, 3 * u, g->rows, 3 * u, g->d_biases);
    kernel->add_columns(g->dzh, 3 * u, g->rows, 3 * u, g->d_biases + 3 * u);
    kernel->gemm(&(mx_gemm){.m = g->rows,
                            .k = 3 * u,
                            .u = u,
                            .a = g->dzx,
                            .a_stride = 3 * u,
                            .panels = s->kernel_back,
                            .c = g->x,
                            .c_stride = u});
    drop(g, s, 1, g->x, g->x);
}

void mx_ranker_group_run(mx_ranker_group *g, const mx_ranker_shared *shared, const mx_ranker_piece *pieces, size_t n)
{
    lay_out(g, pieces, n);
    g->loss = 0;
    if (g->rows == 0)
        return;
    forward(g, shared);
    rank(g, shared);
    backward(g, shared);
}
