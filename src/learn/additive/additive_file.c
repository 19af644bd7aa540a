/*
 * An additive model in a file:
 *
 *   additive.scalars       f64 (9)        classes, bags, held-out rows, loss and residual range, rounds, 1 for the Poisson loss
 *   additive.axes          i64 (d, 3)     levels (0: numeric), cuts, cells of a side of a grid
 *   additive.cuts          f64            of all columns, one after another
 *   additive.sides         i32 (bins)     where each bin lies on the side of a grid
 *   additive.intercepts    f64 (K)
 *   additive.shapes        f64 (bins, K), additive.deviations the same, additive.masses f64 (bins)
 *   additive.pairs         i32 (P, 2)
 *   additive.pair_values   f64 (cells, K), additive.pair_deviations the same, additive.pair_masses f64 (cells)
 */
#include <math.h>
#include <string.h>

#include "learn/additive/additive_family.h"

enum { AXIS_INTS = 3 };

void mx_additive_state_free(void *state, const merx_allocator *alloc)
{
    mx_additive_state *s = state;
    if (s == NULL)
        return;
    mx_free_array(alloc, s->file_axes, s->model.d * AXIS_INTS, sizeof *s->file_axes);
    mx_free_array(alloc, s->file_pairs, s->model.n_pairs * 2, sizeof *s->file_pairs);
    mx_additive_release(&s->model);
    MX_FREE_ARRAY(alloc, s, 1);
}

merx_status mx_additive_pack(mx_additive_state *s, merx_error *err)
{
    const mx_additive *m = &s->model;
    const double scalars[MX_ADDITIVE_SCALARS] = {(double)m->classes, (double)m->bags, m->held_rows,
                                                 m->held_loss,       m->held_low,     m->held_high,
                                                 m->rounds,          m->pair_rounds,  m->poisson ? 1.0 : 0.0};
    memcpy(s->scalars, scalars, sizeof scalars);
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->d * AXIS_INTS, &s->file_axes, "columns", err));
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->n_pairs * 2, &s->file_pairs, "pairs", err));
    for (size_t j = 0; j < m->d; j++) {
        const int64_t ints[AXIS_INTS] = {(int64_t)m->axes[j].levels, (int64_t)m->axes[j].n_cuts,
                                         (int64_t)m->axes[j].side};
        memcpy(s->file_axes + j * AXIS_INTS, ints, sizeof ints);
    }
    for (size_t p = 0; p < m->n_pairs; p++) {
        s->file_pairs[2 * p] = (int32_t)m->pairs[p].a;
        s->file_pairs[2 * p + 1] = (int32_t)m->pairs[p].b;
    }
    return MERX_OK;
}

merx_status mx_additive_save(const void *state, mx_tensor_writer *w, merx_error *err)
{
    const mx_additive_state *s = state;
    const mx_additive *m = &s->model;
    size_t K = m->outputs;
    MX_TRY(mx_tensor_writer_vector(w, "additive.scalars", MX_F64, MX_ADDITIVE_SCALARS, s->scalars, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.axes", MX_I64, m->d, AXIS_INTS, s->file_axes, err));
    MX_TRY(mx_tensor_writer_vector(w, "additive.cuts", MX_F64, m->n_cuts, m->cuts, err));
    MX_TRY(mx_tensor_writer_vector(w, "additive.sides", MX_I32, m->n_bins, m->side_of, err));
    MX_TRY(mx_tensor_writer_vector(w, "additive.intercepts", MX_F64, K, m->intercepts, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.shapes", MX_F64, m->n_bins, K, m->shapes, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.deviations", MX_F64, m->n_bins, K, m->deviations, err));
    MX_TRY(mx_tensor_writer_vector(w, "additive.masses", MX_F64, m->n_bins, m->masses, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.pairs", MX_I32, m->n_pairs, 2, s->file_pairs, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.pair_values", MX_F64, m->n_cells, K, m->pair_values, err));
    MX_TRY(mx_tensor_writer_matrix(w, "additive.pair_deviations", MX_F64, m->n_cells, K, m->pair_deviations, err));
    return mx_tensor_writer_vector(w, "additive.pair_masses", MX_F64, m->n_cells, m->pair_masses, err);
}

/* ---- reading ---- */

static merx_status damaged(const mx_tensor_file *file, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the additive model is damaged: %s", what);
}

/* A matrix (or, columns 0, a vector) of finite numbers of exactly this many rows, copied. */
static merx_status copy_reals(const mx_tensor_file *file, const char *name, size_t rows, size_t columns, double *out,
                              merx_error *err)
{
    const mx_tensor *t;
    const uint64_t shape[2] = {0, columns};
    MX_TRY(mx_tensor_file_get(file, name, MX_F64, columns > 0 ? 2 : 1, shape, &t, err));
    size_t count = rows * (columns > 0 ? columns : 1);
    if (t->shape[0] != rows || t->size_bytes != count * sizeof *out)
        return damaged(file, "parts of different lengths", err);
    if (count > 0)
        memcpy(out, t->data, t->size_bytes);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return damaged(file, "a value that is no number", err);
    return MERX_OK;
}

static merx_status load_axes(const mx_tensor_file *file, mx_additive *m, merx_error *err)
{
    const mx_tensor *axes;
    const double *cuts;
    uint64_t n_cuts;
    MX_TRY(mx_tensor_file_get(file, "additive.axes", MX_I64, 2, (const uint64_t[]){0, AXIS_INTS}, &axes, err));
    MX_TRY(mx_tensor_file_vector(file, "additive.cuts", MX_F64, 0, &cuts, &n_cuts, err));
    m->d = (size_t)axes->shape[0];
    if (m->d == 0)
        return damaged(file, "it has no columns", err);
    MX_TRY(MX_NEW_ARRAY(m->alloc, m->d, &m->axes, "columns", err));
    m->n_cuts = (size_t)n_cuts;
    MX_TRY(mx_alloc_array_raw(m->alloc, m->n_cuts, sizeof *m->cuts, "cuts", &m->cuts, err));
    if (n_cuts > 0)
        memcpy(m->cuts, cuts, m->n_cuts * sizeof *cuts);
    size_t at = 0;
    for (size_t j = 0; j < m->d; j++) {
        const int64_t *ints = (const int64_t *)axes->data + j * AXIS_INTS;
        mx_additive_axis *axis = &m->axes[j];
        if (ints[0] < 0 || ints[1] < 0 || ints[0] >= UINT16_MAX - 2 || ints[1] >= UINT16_MAX - 2 ||
            (ints[0] > 0 && ints[1] > 0) || (uint64_t)ints[1] > n_cuts - at || ints[2] < 3 ||
            ints[2] > MX_ADDITIVE_MAX_PAIR_BINS + 2)
            return damaged(file, "a column of impossible size", err);
        axis->levels = (size_t)ints[0];
        axis->n_cuts = (size_t)ints[1];
        axis->side = (size_t)ints[2];
        axis->cuts = at;
        axis->first = m->n_bins;
        axis->bins = (axis->levels > 0 ? axis->levels : axis->n_cuts + 1) + 2;
        for (size_t c = at; c < at + axis->n_cuts; c++)
            if (isnan(m->cuts[c]) || (c > at && !(m->cuts[c - 1] < m->cuts[c])))
                return damaged(file, "cuts that do not ascend", err);
        at += axis->n_cuts;
        m->n_bins += axis->bins;
    }
    return at == m->n_cuts ? MERX_OK : damaged(file, "parts of different lengths", err);
}

static merx_status load_shapes(const mx_tensor_file *file, mx_additive *m, merx_error *err)
{
    const int32_t *sides;
    uint64_t n;
    MX_TRY(mx_tensor_file_vector(file, "additive.sides", MX_I32, 0, &sides, &n, err));
    /* Before room is made: as many bins as the file has values for. */
    if (n != m->n_bins)
        return damaged(file, "parts of different lengths", err);
    MX_TRY(mx_additive_allocate_shapes(m, err));
    for (size_t j = 0; j < m->d; j++)
        for (size_t c = m->axes[j].first; c < m->axes[j].first + m->axes[j].bins; c++) {
            if (sides[c] < 0 || (size_t)sides[c] >= m->axes[j].side)
                return damaged(file, "a bin outside its grid", err);
            m->side_of[c] = sides[c];
        }
    MX_TRY(copy_reals(file, "additive.intercepts", m->outputs, 0, m->intercepts, err));
    MX_TRY(copy_reals(file, "additive.shapes", m->n_bins, m->outputs, m->shapes, err));
    MX_TRY(copy_reals(file, "additive.deviations", m->n_bins, m->outputs, m->deviations, err));
    return copy_reals(file, "additive.masses", m->n_bins, 0, m->masses, err);
}

static merx_status load_pairs(const mx_tensor_file *file, mx_additive *m, merx_error *err)
{
    const mx_tensor *pairs;
    const double *masses;
    uint64_t n;
    MX_TRY(mx_tensor_file_get(file, "additive.pairs", MX_I32, 2, (const uint64_t[]){0, 2}, &pairs, err));
    MX_TRY(mx_tensor_file_vector(file, "additive.pair_masses", MX_F64, 0, &masses, &n, err));
    const int32_t *ints = pairs->data;
    size_t count = (size_t)pairs->shape[0], cells = 0;
    for (size_t p = 0; p < count; p++) {
        int32_t a = ints[2 * p], b = ints[2 * p + 1];
        if (a < 0 || b <= a || (size_t)b >= m->d)
            return damaged(file, "a pair of columns that are not there", err);
        cells += m->axes[a].side * m->axes[b].side;
        if (cells > n)
            return damaged(file, "parts of different lengths", err);
    }
    if (cells != n)
        return damaged(file, "parts of different lengths", err);
    m->n_pairs = count;
    m->n_cells = cells;
    MX_TRY(mx_additive_allocate_pairs(m, err));
    for (size_t p = 0, first = 0; p < count; p++) {
        m->pairs[p] = (mx_additive_pair){(size_t)ints[2 * p], (size_t)ints[2 * p + 1], first};
        first += m->axes[m->pairs[p].a].side * m->axes[m->pairs[p].b].side;
    }
    MX_TRY(copy_reals(file, "additive.pair_values", cells, m->outputs, m->pair_values, err));
    MX_TRY(copy_reals(file, "additive.pair_deviations", cells, m->outputs, m->pair_deviations, err));
    return copy_reals(file, "additive.pair_masses", cells, 0, m->pair_masses, err);
}

merx_status mx_additive_load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    const double *scalars, *intercepts;
    uint64_t count, outputs;
    MX_TRY(mx_tensor_file_vector(file, "additive.scalars", MX_F64, MX_ADDITIVE_SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "additive.intercepts", MX_F64, 0, &intercepts, &outputs, err));
    double classes = scalars[MX_ADDITIVE_CLASSES], bags = scalars[MX_ADDITIVE_BAGS];
    if (!(classes >= 0 && classes <= INT32_MAX) || classes == 1 || classes != floor(classes) ||
        outputs != (classes > 2 ? (uint64_t)classes : 1) || !(bags >= 1 && bags <= INT32_MAX))
        return damaged(file, "numbers of classes or bags that can't be", err);
    mx_additive_state *s = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "additive model", err));
    mx_additive *m = &s->model;
    merx_status status;
    *m = (mx_additive){.alloc = alloc,
                       .classes = (size_t)classes,
                       .outputs = (size_t)outputs,
                       .bags = (size_t)bags,
                       .held_rows = scalars[MX_ADDITIVE_HELD_ROWS],
                       .held_loss = scalars[MX_ADDITIVE_HELD_LOSS],
                       .held_low = scalars[MX_ADDITIVE_HELD_LOW],
                       .held_high = scalars[MX_ADDITIVE_HELD_HIGH],
                       .rounds = scalars[MX_ADDITIVE_ROUNDS],
                       .pair_rounds = scalars[MX_ADDITIVE_PAIR_ROUNDS],
                       .poisson = scalars[MX_ADDITIVE_POISSON] == 1};
    MX_TRY_GOTO(load_axes(file, m, err));
    MX_TRY_GOTO(load_shapes(file, m, err));
    MX_TRY_GOTO(load_pairs(file, m, err));
    MX_TRY_GOTO(mx_additive_pack(s, err));
    *state = s;
    s = NULL;
out:
    mx_additive_state_free(s, alloc);
    return status;
}
