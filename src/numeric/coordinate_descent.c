/*
 * Coordinate descent for the elastic net, over a Gram matrix or over columns.
 */
#include "numeric/coordinate_descent.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* A step that is this share of the largest coefficient is rounding. */
static const double ROUNDING = 1e-15;

/* The duality gap at b, and a dual point's slopes in u (d): a_j'r - l2 b_j, with the largest of them. */
static double gap_of(const mx_descent_matrix *a, const mx_descent_options *o, const double *b, double *u,
                     double *largest)
{
    double rr, rt, l1_norm = 0, square = 0, slope_square = 0;
    a->slopes(a->context, u);
    a->residual(a->context, b, &rr, &rt);
    *largest = 0;
    for (size_t j = 0; j < a->d; j++) {
        u[j] -= o->l2 * b[j];
        double size = o->positive ? u[j] : fabs(u[j]);
        *largest = size > *largest ? size : *largest;
        l1_norm += fabs(b[j]);
        square += b[j] * b[j];
        /* Without l1: how far the slope is from that of a minimum. */
        double away = o->positive && b[j] == 0 && u[j] < 0 ? 0 : u[j];
        slope_square += a->squares[j] > 0 ? away * away / (a->squares[j] + o->l2) : 0;
    }
    if (!(o->l1 > 0))
        return slope_square;
    double shrink = *largest > o->l1 ? o->l1 / *largest : 1;
    return 0.5 * rr * (1 + shrink * shrink) + o->l1 * l1_norm - shrink * rt +
           0.5 * o->l2 * (1 + shrink * shrink) * square;
}

/* The coordinates that may be other than 0 at the minimum, into list; what is left out goes to 0. Returns how many. */
static size_t screen(const mx_descent_matrix *a, const mx_descent_options *o, double *b, const double *u, double gap,
                     double largest, double *list)
{
    double radius = sqrt(2 * fabs(gap)) / o->l1, top = fmax(o->l1, largest);
    size_t kept = 0;
    for (size_t j = 0; j < a->d; j++) {
        if (!(a->squares[j] > 0))
            continue;
        double near = o->positive ? u[j] / top : fabs(u[j]) / top;
        if (!(o->l1 > 0) || !((1 - near) / sqrt(a->squares[j] + o->l2) > radius)) {
            list[kept++] = (double)j;
        } else if (b[j] != 0) {
            a->move(a->context, j, -b[j]);
            b[j] = 0;
        }
    }
    return kept;
}

/* One sweep over count coordinates of the list (those not 0 only, when `active`). Returns the largest step over the largest coefficient. */
static double sweep(const mx_descent_matrix *a, const mx_descent_options *o, double *b, const double *list,
                    size_t count, bool active)
{
    double most_step = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = (size_t)list[i];
        if (active && b[j] == 0)
            continue;
        double old = b[j], pull = a->slope(a->context, j) + a->squares[j] * old, now = 0;
        if (pull > o->l1)
            now = (pull - o->l1) / (a->squares[j] + o->l2);
        else if (pull < -o->l1 && !o->positive)
            now = (pull + o->l1) / (a->squares[j] + o->l2);
        if (now != old) {
            a->move(a->context, j, now - old);
            b[j] = now;
            most_step = fmax(most_step, fabs(now - old));
        }
        most = fmax(most, fabs(now));
    }
    return most > 0 ? most_step / most : most_step;
}

merx_status mx_coordinate_descent(const mx_descent_matrix *a, const mx_descent_options *o, double *b, double *scratch,
                                  merx_task *task, mx_descent_result *result, merx_error *err)
{
    double *u = scratch, *list = scratch + a->d, largest;
    double enough = o->tolerance * a->target;
    *result = (mx_descent_result){0};
    double gap = gap_of(a, o, b, u, &largest);
    /* Sweep until the coordinates rest; the gap has the last word, and asks for ten times more rest each time it refuses. */
    bool still = false; /* no coordinate moves beyond rounding: nothing is left to gain */
    double rest = 1e-2;
    while (!(gap <= enough) && !still && result->sweeps < o->most_sweeps) {
        size_t count = screen(a, o, b, u, gap, largest, list);
        double moved = INFINITY, least = fmax(rest, ROUNDING);
        while (moved > least && result->sweeps < o->most_sweeps) {
            MX_TRY(mx_task_step(task, 0, err));
            moved = sweep(a, o, b, list, count, false);
            result->sweeps++;
            for (double inner = moved; inner > least && result->sweeps < o->most_sweeps; result->sweeps++)
                inner = sweep(a, o, b, list, count, true);
        }
        gap = gap_of(a, o, b, u, &largest);
        still = moved <= ROUNDING;
        rest *= 0.1;
    }
    result->gap = a->target > 0 ? gap / a->target : 0;
    result->converged = gap <= enough || still;
    return MERX_OK;
}

/* ---- by the Gram matrix ---- */

static double gram_slope(void *context, size_t j)
{
    return ((const mx_descent_gram *)context)->slope[j];
}

static void gram_move(void *context, size_t j, double step)
{
    mx_descent_gram *g = context;
    mx_kernel()->axpy(-step, g->gram + j * g->stride, g->slope, g->d);
}

static void gram_slopes(void *context, double *out)
{
    const mx_descent_gram *g = context;
    memcpy(out, g->slope, g->d * sizeof *out);
}

/* t't - b'A't - b'(A'r), and t't - b'A't. */
static void gram_residual(void *context, const double *b, double *rr, double *rt)
{
    const mx_descent_gram *g = context;
    *rt = g->target - mx_kernel()->dot(b, g->moments, g->d);
    *rr = fmax(0, *rt - mx_kernel()->dot(b, g->slope, g->d));
}

mx_descent_matrix mx_descent_gram_start(mx_descent_gram *g, const double *b)
{
    memcpy(g->slope, g->moments, g->d * sizeof *g->slope);
    for (size_t j = 0; j < g->d; j++) {
        g->squares[j] = g->gram[j * g->stride + j];
        if (b[j] != 0)
            gram_move(g, j, b[j]);
    }
    return (mx_descent_matrix){.d = g->d,
                               .squares = g->squares,
                               .target = g->target,
                               .slope = gram_slope,
                               .move = gram_move,
                               .slopes = gram_slopes,
                               .residual = gram_residual,
                               .context = g};
}

/* ---- by columns ---- */

static double column_slope(void *context, size_t j)
{
    const mx_descent_columns *c = context;
    return mx_kernel()->dot(c->columns + j * c->rows, c->residual, c->rows);
}

static void column_move(void *context, size_t j, double step)
{
    mx_descent_columns *c = context;
    mx_kernel()->axpy(-step, c->columns + j * c->rows, c->residual, c->rows);
}

static void column_slopes(void *context, double *out)
{
    const mx_descent_columns *c = context;
    for (size_t j = 0; j < c->d; j++)
        out[j] = column_slope(context, j);
}

static void column_residual(void *context, const double *b, double *rr, double *rt)
{
    const mx_descent_columns *c = context;
    (void)b;
    *rr = mx_kernel()->dot(c->residual, c->residual, c->rows);
    *rt = mx_kernel()->dot(c->residual, c->t, c->rows);
}

mx_descent_matrix mx_descent_columns_start(mx_descent_columns *c, const double *b)
{
    memcpy(c->residual, c->t, c->rows * sizeof *c->residual);
    c->target = mx_kernel()->dot(c->t, c->t, c->rows);
    for (size_t j = 0; j < c->d; j++) {
        const double *column = c->columns + j * c->rows;
        c->squares[j] = mx_kernel()->dot(column, column, c->rows);
        if (b[j] != 0)
            column_move(c, j, b[j]);
    }
    return (mx_descent_matrix){.d = c->d,
                               .squares = c->squares,
                               .target = c->target,
                               .slope = column_slope,
                               .move = column_move,
                               .slopes = column_slopes,
                               .residual = column_residual,
                               .context = c};
}

/* ---- by sparse columns ---- */

static double sparse_value(const mx_descent_sparse *s, int64_t p)
{
    double v = s->columns->values != NULL ? (double)s->columns->values[p] : 1;
    return s->weights != NULL ? v * s->weights[s->columns->indices[p]] : v;
}

/* sum w v (rest + offset) - m sum w r: the offset drops out, since sum w (v - m) = 0. */
static double sparse_slope(void *context, size_t j)
{
    const mx_descent_sparse *s = context;
    double sum = 0;
    for (int64_t p = s->columns->starts[j]; p < s->columns->starts[j + 1]; p++)
        sum += sparse_value(s, p) * s->residual[s->columns->indices[p]];
    return s->means != NULL ? sum - s->means[j] * s->sum : sum;
}

static void sparse_move(void *context, size_t j, double step)
{
    mx_descent_sparse *s = context;
    for (int64_t p = s->columns->starts[j]; p < s->columns->starts[j + 1]; p++)
        s->residual[s->columns->indices[p]] -= step * (s->columns->values != NULL ? (double)s->columns->values[p] : 1);
    if (s->means != NULL)
        s->sum -= step * s->weight * s->means[j];
}

static void sparse_slopes(void *context, double *out)
{
    const mx_descent_sparse *s = context;
    for (size_t j = 0; j < s->columns->rows; j++)
        out[j] = sparse_slope(context, j);
}

static void sparse_residual(void *context, const double *b, double *rr, double *rt)
{
    const mx_descent_sparse *s = context;
    (void)b;
    *rr = *rt = 0;
    for (size_t i = 0; i < s->columns->columns; i++) {
        double w = s->weights != NULL ? s->weights[i] : 1;
        *rr += w * s->residual[i] * s->residual[i];
        *rt += w * s->residual[i] * s->t[i];
    }
    if (s->means != NULL)
        *rr = fmax(0, *rr - s->sum * s->sum / s->weight);
}

mx_descent_matrix mx_descent_sparse_start(mx_descent_sparse *s, const double *b)
{
    size_t n = s->columns->columns;
    memcpy(s->residual, s->t, n * sizeof *s->residual);
    s->target = 0;
    s->sum = 0;
    for (size_t i = 0; i < n; i++) {
        double w = s->weights != NULL ? s->weights[i] : 1;
        s->target += w * s->t[i] * s->t[i];
        s->sum += s->means != NULL ? w * s->t[i] : 0;
    }
    for (size_t j = 0; j < s->columns->rows; j++) {
        double square = 0;
        for (int64_t p = s->columns->starts[j]; p < s->columns->starts[j + 1]; p++)
            square += sparse_value(s, p) * (s->columns->values != NULL ? (double)s->columns->values[p] : 1);
        double centred = s->means != NULL ? square - s->weight * s->means[j] * s->means[j] : square;
        s->squares[j] = centred > 1e-14 * square ? centred : 0;
        if (b[j] != 0)
            sparse_move(s, j, b[j]);
    }
    return (mx_descent_matrix){.d = s->columns->rows,
                               .squares = s->squares,
                               .target = s->target,
                               .slope = sparse_slope,
                               .move = sparse_move,
                               .slopes = sparse_slopes,
                               .residual = sparse_residual,
                               .context = s};
}
