/*
 * Rows of implicit ALS in a shared basis: conjugate gradients in float. Equations: row_solver.h.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/factor/row_solver.h"

enum {
    VECTOR = 8,      /* floats: rows are padded to whole ones */
    CHUNK = 512,     /* items of one sum in float; the chunks' sums are added in order */
    MOST_STEPS = 100 /* never reached: a hundredth takes two or three, 1e-6 about ten */
};

/* B's pivots may differ by this factor: R^-1, rounded to float, then has three digits left where it is worst, and the steps correct the rest. */
static const double worst_pivots = 1e8;
/* Tolerances from here on are far above what bfloat16 rounds. */
static const double halves_from = 0.01;

size_t mx_basis_wide(size_t f)
{
    return (f + VECTOR - 1) / VECTOR * VECTOR;
}

static size_t panels_size(size_t wide)
{
    return (wide + MX_PANEL - 1) / MX_PANEL * MX_PANEL * wide;
}

merx_status mx_basis_init(size_t f, const merx_allocator *alloc, mx_basis *out, merx_error *err)
{
    mx_basis b = {.f = f, .wide = mx_basis_wide(f), .alloc = alloc};
    *out = (mx_basis){0};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, 2 * f * f, sizeof *b.work, "basis of the rows", &b.work, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, panels_size(b.wide), sizeof(float), "basis of the rows", &b.forward, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, panels_size(b.wide), sizeof(float), "basis of the rows", &b.back, err));
    *out = b;
    return MERX_OK;
out:
    mx_basis_release(&b);
    return status;
}

void mx_basis_release(mx_basis *b)
{
    if (!b->alloc)
        return;
    mx_free_array(b->alloc, b->back, panels_size(b->wide), sizeof *b->back);
    mx_free_array(b->alloc, b->forward, panels_size(b->wide), sizeof *b->forward);
    mx_free_array(b->alloc, b->work, 2 * b->f * b->f, sizeof *b->work);
    *b = (mx_basis){0};
}

/* upper (f, f) = R^-1 from the last row up; below the diagonal 0. */
static void invert_triangle(const double *r, size_t f, double *upper)
{
    memset(upper, 0, f * f * sizeof *upper);
    for (size_t i = f; i-- > 0;) {
        double *row = upper + i * f, scale = 1 / r[i * f + i];
        for (size_t k = i + 1; k < f; k++)
            mx_kernel()->axpy(-scale * r[i * f + k], upper + k * f + k, row + k, f - k);
        row[i] = scale;
    }
}

bool mx_basis_set(mx_basis *b, const double *gram, double l2)
{
    size_t f = b->f;
    double *r = b->work, *inverse = b->work + f * f, least = INFINITY, most = 0;
    memcpy(r, gram, f * f * sizeof *r);
    for (size_t j = 0; j < f; j++)
        r[j * f + j] += l2;
    if (!mx_kernel()->cholesky(r, f))
        return false; /* a row's own items may still make its system regular */
    for (size_t j = 0; j < f; j++) {
        double pivot = r[j * f + j] * r[j * f + j];
        least = pivot < least ? pivot : least;
        most = pivot > most ? pivot : most;
    }
    if (!(most <= worst_pivots * least) || !(least >= 1e-30) || !(most <= 1e30))
        return false;
    invert_triangle(r, f, inverse);
    for (size_t k = 0; k < f; k++)
        for (size_t j = 0; j < f; j++) {
            size_t at = j / MX_PANEL * b->wide * MX_PANEL + k * MX_PANEL + j % MX_PANEL;
            b->forward[at] = (float)inverse[k * f + j];
            b->back[at] = (float)inverse[j * f + k];
        }
    return true;
}

bool mx_basis_takes_halves(double tolerance)
{
    return tolerance >= halves_from;
}

void mx_basis_enter(const mx_basis *b, float *rows, size_t m, float *scratch, uint16_t *halves)
{
    if (halves) {
        mx_kernel()->multiply_panels(rows, b->forward, scratch, m, b->wide);
        mx_kernel()->to_bf16(scratch, m * b->wide, halves);
        return;
    }
    memcpy(scratch, rows, m * b->wide * sizeof *rows);
    mx_kernel()->multiply_panels(scratch, b->forward, rows, m, b->wide);
}

void mx_basis_leave(const mx_basis *b, const float *z, size_t m, float *x)
{
    mx_kernel()->multiply_panels(z, b->back, x, m, b->wide);
}

/* ---- conjugate gradients ---- */

size_t mx_basis_scratch(size_t f)
{
    return (4 + CHUNK) * mx_basis_wide(f) + CHUNK;
}

/* Four floats: what every x86-64 and AArch64 has. Lengths are whole vectors of eight. */
typedef float four __attribute__((vector_size(16)));

static inline four load(const float *p)
{
    four v;
    memcpy(&v, p, sizeof v);
    return v;
}

static float dot(const float *a, const float *b, size_t n)
{
    four s = {0}, t = {0};
    for (size_t i = 0; i < n; i += VECTOR) {
        s += load(a + i) * load(b + i);
        t += load(a + i + 4) * load(b + i + 4);
    }
    s += t;
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static void add(float v, const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += v * x[i];
}

/* Scratch of a row's sums. */
typedef struct room {
    float *sum;    /* (wide) */
    float *weight; /* (CHUNK) */
    float *rows;   /* (CHUNK, wide) */
} room;

static void gather(const mx_basis *b, const int32_t *items, size_t count, float *rows)
{
    if (b->halves)
        mx_kernel()->gather_bf16(b->halves, b->wide, items, count, rows);
    else
        mx_kernel()->gather_rows(b->v, b->wide, items, count, rows);
}

/* out (wide) += V'c (p NULL) or V'D V p, chunk by chunk. A row of one chunk is gathered once, with V'c. */
static void sum_over_items(const mx_basis *b, mx_rated row, const float *p, room r, float *out)
{
    float alpha = (float)b->alpha;
    for (size_t start = 0; start < row.m; start += CHUNK) {
        size_t count = row.m - start < CHUNK ? row.m - start : CHUNK;
        for (size_t j = 0; j < count; j++)
            r.weight[j] = (p ? 0 : 1) + alpha * (row.values ? row.values[start + j] : 1);
        if (!p || row.m > CHUNK)
            gather(b, row.items + start, count, r.rows);
        memset(r.sum, 0, b->wide * sizeof *r.sum);
        if (p)
            mx_kernel()->normal_rows(r.rows, b->wide, r.weight, count, p, r.sum);
        else
            mx_kernel()->sum_rows(r.rows, b->wide, r.weight, count, r.sum);
        add(1, r.sum, out, b->wide);
    }
}

merx_status mx_basis_solve(const mx_basis *b, mx_rated row, float *scratch, float *z, merx_error *err)
{
    size_t d = b->wide;
    float *r = scratch, *p = r + d, *q = p + d;
    room places = {q + d, q + 2 * d, q + 2 * d + CHUNK};
    memset(z, 0, d * sizeof *z);
    if (row.m == 0)
        return MERX_OK;
    memset(r, 0, d * sizeof *r);
    sum_over_items(b, row, NULL, places, r);
    memcpy(p, r, d * sizeof *p);
    float size = dot(r, r, d), enough = (float)(b->tolerance * b->tolerance) * size;
    for (int step = 0; step < MOST_STEPS && size > enough && size > 0; step++) {
        memcpy(q, p, d * sizeof *q);
        sum_over_items(b, row, p, places, q);
        float along = size / dot(p, q, d), before = size;
        add(along, p, z, d);
        add(-along, q, r, d);
        size = dot(r, r, d);
        for (size_t k = 0; k < d; k++)
            p[k] = r[k] + size / before * p[k];
    }
    if (!isfinite(size) || !isfinite(dot(z, z, d)))
        MX_FAIL(err, MERX_E_NUMERIC, "als", "the equations of a row overflow; rescale the values or lower alpha");
    return MERX_OK;
}
