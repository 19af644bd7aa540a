/*
 * A sweep over the rows. A tile of rows that fits the first-level cache is read once from memory; margins, residuals, gradient and Hessian are
 * made from it before the next one.
 *
 * The Hessian of q > 1 is kept as blocks (c, k), c <= k, each the sum of v_i z_i z_i' with v_i = w_i p_ic (1 - p_ic) for c = k, else
 * w_i p_ic p_ik (subtracted at the end): rows scaled by the root of v_i and one rank-m update.
 */
#include "learn/linear/logistic_pass.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { TILE_DOUBLES = 4096, MOST_TILE = 64, PARTIAL_DOUBLES = 1 << 17 };

static const double ones[MOST_TILE] = {
#define EIGHT 1, 1, 1, 1, 1, 1, 1, 1
    EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
    EIGHT, EIGHT, EIGHT
#undef EIGHT
};

typedef struct window_work {
    const mx_logistic_pass *f;
    mx_design window;
    const double *parameters, *starts; /* starts (q): the intercept less b c, for rows as they are */
    const double *turned;              /* parameters as (e, q) */
    unsigned wants;
    size_t unit, width, at_loss, at_moments, at_hessian; /* of a block's sums */
    double *partial;
} window_work;

/* What a worker needs for a tile; all in one piece. */
typedef struct tile_room {
    double *w, *t, *r, *h, *v, *z, *packed;
} tile_room;

static tile_room room_of(const mx_logistic_pass *f)
{
    double *at = f->scratch + (size_t)mx_worker_index() * f->scratch_each;
    size_t m = f->tile, q = f->q;
    tile_room room = {.w = at, .t = at + m};
    room.r = room.t + m * q;
    room.h = room.r + m * q;
    room.v = room.h + m;
    room.z = room.v + m;
    room.packed = room.z + (f->copied ? (m * f->d + 7) / 8 * 8 : 0);
    return room;
}

merx_status mx_logistic_pass_init(mx_logistic_pass *f, merx_error *err)
{
    size_t e = f->d + 1;
    f->tile = TILE_DOUBLES / e;
    f->tile = f->tile > MOST_TILE || f->sparse ? MOST_TILE : f->tile < 8 ? 8 : f->tile;
    f->workers = (size_t)merx_task_threads(f->task);
    f->scratch_each = f->tile * (3 + 2 * f->q) + (f->copied ? (f->tile * f->d + 7) / 8 * 8 : 0);
    f->scratch_each += f->sparse || f->q * e > MX_LOGISTIC_MOST ? 0 : MX_GRAM_SCRATCH(f->d + 2);
    f->scratch_each = (f->scratch_each + 7) / 8 * 8;
    if (!mx_mul_size(f->scratch_each, f->workers, &f->scratch_count))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu columns are more than this machine can address", f->d);
    if (!mx_add_size(f->scratch_count, e, &f->scratch_count))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu columns are more than this machine can address", f->d);
    MX_TRY(mx_alloc_array(f->work, f->scratch_count, sizeof *f->scratch, "tiles of rows", &f->scratch, err));
    f->zeros = f->scratch + f->scratch_each * f->workers;
    return MERX_OK;
}

void mx_logistic_pass_release(mx_logistic_pass *f)
{
    mx_free_array(f->work, f->partial, f->partial_count, sizeof *f->partial);
    mx_free_array(f->work, f->scratch, f->scratch_count, sizeof *f->scratch);
    f->partial = f->scratch = NULL;
    f->partial_count = f->scratch_count = 0;
}

static double weight_of(const mx_logistic_pass *f, const mx_design *window, size_t i)
{
    double w = window->weights ? window->weights[i] : 1;
    return f->class_weights ? w * f->class_weights[window->labels[i]] : w;
}

/* w (m): the weights of rows from `first` on. */
static void set_weights(const mx_logistic_pass *f, const mx_design *window, size_t first, size_t m, double *w)
{
    if (window->weights != NULL)
        memcpy(w, window->weights + first, m * sizeof *w);
    else
        memcpy(w, ones, m * sizeof *w);
    for (size_t i = 0; f->class_weights != NULL && i < m; i++)
        w[i] *= f->class_weights[window->labels[first + i]];
}

/* ---- one tile ---- */

/*
 * Margins t (m, q) to residuals r (m, q): w (P - y). For q = 1 h (m) are the curvatures; with more, t becomes the probabilities. Returns the loss.
 * A margin is turned so that P is that of the wrong class: a small residual keeps all its digits.
 */
static double residuals(const mx_logistic_pass *f, const int32_t *labels, size_t m, const tile_room *room)
{
    const mx_kernels *kernel = mx_kernel();
    double loss = 0, *t = room->t, *r = room->r, *h = room->h;
    const double *w = room->w;
    size_t q = f->q;
    if (q == 1) {
        for (size_t i = 0; i < m; i++)
            t[i] *= 1 - 2.0 * labels[i];
        kernel->logistic(t, m, r, h);
        loss = kernel->dot(w, h, m);
        for (size_t i = 0; i < m; i++) {
            double wrong = w[i] * r[i];
            h[i] = wrong * (1 - r[i]);
            r[i] = wrong * (1 - 2.0 * labels[i]);
        }
        return loss;
    }
    for (size_t i = 0; i < m; i++)
        loss -= room->w[i] * t[i * q + (size_t)labels[i]];
    kernel->softmax(t, m, q, t, h);
    for (size_t i = 0; i < m; i++) {
        loss += room->w[i] * h[i];
        for (size_t c = 0; c < q; c++)
            r[i * q + c] = room->w[i] * t[i * q + c];
        r[i * q + (size_t)labels[i]] -= room->w[i];
    }
    return loss;
}

/* blocks (c, k): (d + 2, d + 2) each, as the kernel lays them: columns, a target that is not there, a one.
 * n >= m rows of x are in memory. */
static void hessian_tile(const mx_logistic_pass *f, const double *x, size_t n, const double *shift, size_t m,
                         const tile_room *room, double *blocks)
{
    size_t d = f->d, width = d + 2, q = f->q;
    mx_gram_rows rows = {.x = x, .shift = shift, .n = n, .d = d, .beside = true};
    for (size_t c = 0; c < q; c++)
        for (size_t k = c; k < q; k++, blocks += width * width) {
            const double *t = room->t;
            for (size_t i = 0; q > 1 && i < m; i++)
                room->v[i] = room->w[i] * t[i * q + c] * (c == k ? 1 - t[i * q + c] : t[i * q + k]);
            rows.w = q == 1 ? room->h : room->v;
            mx_kernel()->gram_add(&rows, 0, m, 0, width, blocks, room->packed);
        }
}

/* Sparse rows to dense ones. */
static void expand(const mx_csr *csr, size_t first, size_t m, size_t d, double *x)
{
    memset(x, 0, m * d * sizeof *x);
    for (size_t i = 0; i < m; i++)
        for (int64_t at = csr->starts[first + i]; at < csr->starts[first + i + 1]; at++)
            x[i * d + (size_t)csr->indices[at]] = csr->values ? (double)csr->values[at] : 1;
}

/* The tile's rows: as they are, or copied dense and less their shift. */
static const double *rows_of(const mx_logistic_pass *f, const mx_design *window, size_t first, size_t m, double *z)
{
    size_t d = f->d;
    const double *x = window->x ? window->x + first * d : NULL;
    if (!f->copied)
        return x;
    if (x == NULL) {
        expand(&window->csr, first, m, d, z);
        return z;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < d; j++)
            z[i * d + j] = x[i * d + j] - f->shift[j];
    return z;
}

static void dense_tile(const window_work *work, size_t first, size_t m, double *partial)
{
    const mx_logistic_pass *f = work->f;
    const mx_kernels *kernel = mx_kernel();
    size_t d = f->d, q = f->q;
    tile_room room = room_of(f);
    const double *x = rows_of(f, &work->window, first, m, room.z), *shift = f->copied ? f->zeros : f->shift;
    size_t n_left = f->copied ? m : work->window.n - first;
    set_weights(f, &work->window, first, m, room.w);
    partial[work->at_loss + 1] += kernel->dot(ones, room.w, m);
    if (q == 1) {
        kernel->margins(x, m, d, work->parameters, work->starts[0], room.t);
    } else {
        for (size_t i = 0; i < m; i++)
            memcpy(room.t + i * q, work->starts, q * sizeof *room.t);
        kernel->multiply_add(x, work->turned, room.t, m, d, q);
    }
    partial[work->at_loss] += residuals(f, work->window.labels + first, m, &room);
    if (q == 1) {
        kernel->add_rows(x, room.r, m, d, partial);
        partial[d] += kernel->dot(ones, room.r, m);
    } else {
        kernel->transposed_multiply_add(room.r, x, partial, m, q, d);
        kernel->add_rows(room.r, ones, m, q, partial + q * d);
    }
    if (work->wants & MX_LOGISTIC_MOMENTS)
        kernel->add_moments(x, room.w, m, d, shift, partial + work->at_moments, partial + work->at_moments + d);
    if (work->wants & MX_LOGISTIC_HESSIAN)
        hessian_tile(f, x, n_left, shift, m, &room, partial + work->at_hessian);
}

/* Sparse rows with many columns: products with the entries alone. The gradient is (d, q) here, turned at the end. */
static void sparse_tile(const window_work *work, size_t first, size_t m, double *partial)
{
    const mx_logistic_pass *f = work->f;
    const mx_design *window = &work->window;
    const mx_csr *csr = &window->csr;
    size_t d = f->d, q = f->q;
    tile_room room = room_of(f);
    set_weights(f, window, first, m, room.w);
    partial[work->at_loss + 1] += mx_kernel()->dot(ones, room.w, m);
    for (size_t i = 0; i < m; i++) {
        double *t = room.t + i * q;
        for (size_t c = 0; c < q; c++)
            t[c] = work->turned[d * q + c];
        for (int64_t at = csr->starts[first + i]; at < csr->starts[first + i + 1]; at++) {
            const double *b = work->turned + (size_t)csr->indices[at] * q;
            double v = csr->values ? (double)csr->values[at] : 1;
            for (size_t c = 0; c < q; c++)
                t[c] += v * b[c];
        }
    }
    partial[work->at_loss] += residuals(f, window->labels + first, m, &room);
    for (size_t i = 0; i < m; i++) {
        const double *r = room.r + i * q;
        for (int64_t at = csr->starts[first + i]; at < csr->starts[first + i + 1]; at++) {
            double *g = partial + (size_t)csr->indices[at] * q, v = csr->values ? (double)csr->values[at] : 1;
            for (size_t c = 0; c < q; c++)
                g[c] += v * r[c];
        }
        for (size_t c = 0; c < q; c++)
            partial[d * q + c] += r[c];
    }
}

/* ---- blocks ---- */

/* Rows [*begin, *end) of block b that are used. */
static void block_rows(const mx_logistic_pass *f, size_t n, size_t b, size_t *begin, size_t *end)
{
    *begin = b * f->stride;
    *end = *begin + f->take < n ? *begin + f->take : n;
}

static merx_status unit_sums(void *context, size_t slot, merx_error *err)
{
    (void)err;
    const window_work *work = context;
    const mx_logistic_pass *f = work->f;
    size_t n = work->window.n, blocks = (n + f->stride - 1) / f->stride, unit = work->unit + slot;
    double *partial = work->partial + slot * work->width;
    memset(partial, 0, work->width * sizeof *partial);
    for (size_t b = unit * f->group; b < (unit + 1) * f->group && b < blocks; b++) {
        size_t begin, end;
        block_rows(f, n, b, &begin, &end);
        for (size_t first = begin; first < end; first += f->tile) {
            size_t m = end - first < f->tile ? end - first : f->tile;
            if (f->sparse)
                sparse_tile(work, first, m, partial);
            else
                dense_tile(work, first, m, partial);
        }
    }
    return MERX_OK;
}

/* total += partial, a slice of each call; total holds the sums of all blocks before. */
static void add_partial(double *restrict total, const double *restrict partial, size_t width)
{
    for (size_t i = 0; i < width; i++)
        total[i] += partial[i];
}

/* Blocks (c, k) to the whole matrix; the intercept is a block's last column, after the target that is not there. */
static void unpack_hessian(const double *blocks, size_t q, size_t e, double *hessian)
{
    size_t p = q * e, width = e + 1;
    for (size_t c = 0; c < q; c++)
        for (size_t k = c; k < q; k++, blocks += width * width)
            for (size_t i = 0; i < e; i++)
                for (size_t j = i; j < e; j++) {
                    double v = blocks[(i < e - 1 ? i : e) * width + (j < e - 1 ? j : e)];
                    v = c == k ? v : -v;
                    hessian[(c * e + i) * p + k * e + j] = hessian[(c * e + j) * p + k * e + i] = v;
                    hessian[(k * e + i) * p + c * e + j] = hessian[(k * e + j) * p + c * e + i] = v;
                }
}

static merx_status run_windows(mx_logistic_pass *f, window_work *work, double *total, size_t slots, merx_error *err)
{
    MX_TRY(mx_design_rows_rewind(f->rows, err));
    for (;;) {
        memset(&work->window, 0, sizeof work->window);
        MX_TRY(mx_design_rows_next(f->rows, &work->window, err));
        const size_t n = work->window.n;
        if (n == 0)
            return MERX_OK;
        size_t blocks = (n + f->stride - 1) / f->stride, units = (blocks + f->group - 1) / f->group;
        for (work->unit = 0; work->unit < units; work->unit += slots) {
            size_t count = units - work->unit < slots ? units - work->unit : slots;
            MX_TRY(mx_parallel(f->task, count, unit_sums, work, err));
            for (size_t slot = 0; slot < count; slot++)
                add_partial(total, work->partial + slot * work->width, work->width);
        }
    }
}

/* An intercept that must not move has no slope, and a curvature of its own. */
static void hold_intercepts(unsigned wants, size_t q, size_t e, mx_logistic_sums *out)
{
    size_t p = q * e;
    for (size_t at = e - 1; at < p; at += e) {
        out->gradient[at] = 0;
        if ((wants & MX_LOGISTIC_HESSIAN) == 0)
            continue;
        for (size_t k = 0; k < p; k++)
            out->hessian[at * p + k] = out->hessian[k * p + at] = 0;
        out->hessian[at * p + at] = out->weight;
    }
}

static void write_sums(const mx_logistic_pass *f, const window_work *work, const double *total, mx_logistic_sums *out)
{
    size_t d = f->d, e = d + 1, q = f->q;
    out->loss = total[work->at_loss];
    out->weight = total[work->at_loss + 1];
    for (size_t c = 0; c < q; c++) {
        double whole = total[q * d + c];
        for (size_t j = 0; j < d; j++) {
            double g = f->sparse ? total[j * q + c] : total[c * d + j];
            out->gradient[c * e + j] = f->sparse || f->copied ? g : g - f->shift[j] * whole; /* of x less its shift */
        }
        out->gradient[c * e + d] = whole;
    }
    if (work->wants & MX_LOGISTIC_MOMENTS) {
        memcpy(out->sums, total + work->at_moments, d * sizeof *out->sums);
        memcpy(out->squares, total + work->at_moments + d, d * sizeof *out->squares);
    }
    if (work->wants & MX_LOGISTIC_HESSIAN)
        unpack_hessian(total + work->at_hessian, q, e, out->hessian);
    if (f->no_intercept)
        hold_intercepts(work->wants, q, e, out);
}

static merx_status need_partial(mx_logistic_pass *f, size_t count, merx_error *err)
{
    if (f->partial_count >= count)
        return MERX_OK;
    mx_free_array(f->work, f->partial, f->partial_count, sizeof *f->partial);
    f->partial = NULL;
    f->partial_count = 0;
    MX_TRY(mx_alloc_array_raw(f->work, count, sizeof *f->partial, "sums of blocks", &f->partial, err));
    f->partial_count = count;
    return MERX_OK;
}

merx_status mx_logistic_pass_run(mx_logistic_pass *f, const double *parameters, unsigned wants, mx_logistic_sums *out,
                                 merx_error *err)
{
    size_t d = f->d, e = d + 1, q = f->q, p = q * e, count;
    window_work work = {.f = f, .parameters = parameters, .wants = f->sparse ? 0 : wants};
    work.at_loss = p;
    work.at_moments = p + 2;
    work.at_hessian = work.at_moments + (work.wants & MX_LOGISTIC_MOMENTS ? 2 * d : 0);
    work.width = work.at_hessian + (work.wants & MX_LOGISTIC_HESSIAN ? q * (q + 1) / 2 * (d + 2) * (d + 2) : 0);
    work.width = (work.width + 7) / 8 * 8; /* no two blocks share a line of the cache */
    size_t blocks = (f->n + f->stride - 1) / f->stride, units = (blocks + f->group - 1) / f->group,
           slots = PARTIAL_DOUBLES / work.width;
    slots = slots < 2 * f->workers ? 2 * f->workers : slots;
    slots = slots > units ? units : slots;
    if (!mx_mul_size(slots + 1, work.width, &count) || !mx_add_size(count, p + q, &count))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu columns are more than this machine can address", d);
    MX_TRY(need_partial(f, count, err));
    double *total = f->partial, *turned = f->partial + work.width, *starts = turned + p;
    work.partial = starts + q;
    work.turned = turned;
    work.starts = starts;
    memset(total, 0, work.width * sizeof *total);
    for (size_t c = 0; c < q; c++) {
        starts[c] = parameters[c * e + d];
        for (size_t j = 0; !f->sparse && !f->copied && j < d; j++)
            starts[c] -= f->shift[j] * parameters[c * e + j];
        for (size_t j = 0; j < e; j++)
            turned[j * q + c] = parameters[c * e + j];
    }
    MX_TRY(run_windows(f, &work, total, slots, err));
    write_sums(f, &work, total, out);
    return MERX_OK;
}

/* ---- directions ---- */

typedef struct margin_work {
    const mx_logistic_pass *f;
    const mx_design *window;
    const double *direction;
    double *range; /* (blocks, 2): least, size */
} margin_work;

static double logit_of(const mx_logistic_pass *f, const mx_design *window, size_t i, const double *direction)
{
    double sum = direction[f->d];
    if (window->x) {
        const double *x = window->x + i * f->d;
        for (size_t j = 0; j < f->d; j++)
            sum += direction[j] * (x[j] - f->shift[j]);
    } else {
        for (int64_t at = window->csr.starts[i]; at < window->csr.starts[i + 1]; at++)
            sum += direction[window->csr.indices[at]] * (window->csr.values ? (double)window->csr.values[at] : 1);
    }
    return sum;
}

static merx_status margin_block(void *context, size_t b, merx_error *err)
{
    (void)err;
    const margin_work *work = context;
    const mx_logistic_pass *f = work->f;
    size_t end = (b + 1) * MX_LOGISTIC_BLOCK < work->window->n ? (b + 1) * MX_LOGISTIC_BLOCK : work->window->n;
    double *range = work->range + 2 * b;
    range[0] = INFINITY;
    range[1] = 0;
    for (size_t i = b * MX_LOGISTIC_BLOCK; i < end; i++) {
        if (!(weight_of(f, work->window, i) > 0))
            continue;
        size_t label = (size_t)work->window->labels[i];
        double own = logit_of(f, work->window, i, work->direction + (f->q > 1 ? label * (f->d + 1) : 0));
        for (size_t c = 0; c < f->q; c++) {
            double s = f->q == 1 ? (label == 1 ? own : -own)
                                 : own - logit_of(f, work->window, i, work->direction + c * (f->d + 1));
            if (f->q > 1 && c == label)
                continue;
            range[0] = s < range[0] ? s : range[0];
            range[1] = fabs(s) > range[1] ? fabs(s) : range[1];
        }
    }
    return MERX_OK;
}

merx_status mx_logistic_pass_margins(mx_logistic_pass *f, const double *direction, double *least, double *size,
                                     merx_error *err)
{
    *least = INFINITY;
    *size = 0;
    mx_design window;
    MX_TRY(mx_design_rows_rewind(f->rows, err));
    for (;;) {
        memset(&window, 0, sizeof window);
        MX_TRY(mx_design_rows_next(f->rows, &window, err));
        if (window.n == 0)
            return MERX_OK;
        size_t blocks = (window.n + MX_LOGISTIC_BLOCK - 1) / MX_LOGISTIC_BLOCK;
        MX_TRY(need_partial(f, 2 * blocks, err));
        margin_work work = {f, &window, direction, f->partial};
        MX_TRY(mx_parallel(f->task, blocks, margin_block, &work, err));
        for (size_t b = 0; b < blocks; b++) {
            *least = f->partial[2 * b] < *least ? f->partial[2 * b] : *least;
            *size = f->partial[2 * b + 1] > *size ? f->partial[2 * b + 1] : *size;
        }
    }
}
