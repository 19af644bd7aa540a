/*
 * Calibration. The sigmoid's two numbers by Newton's method with halved steps; the isotonic function by pooling over scores in order, rows of equal
 * score pooled first.
 */
#include "learn/core/calibrator.h"

#include <math.h>
#include <string.h>

#include "base/sort.h"

enum { MOST_STEPS = 100, MOST_HALVINGS = 40 };

typedef struct point {
    double score, target, weight;
} point;

/* ---- sigmoid ---- */

typedef struct slopes {
    double loss, a, b, aa, ab, bb; /* loss, gradient, Hessian */
} slopes;

static slopes sigmoid_sums(const point *points, size_t n, double a, double b)
{
    slopes s = {0};
    for (size_t i = 0; i < n; i++) {
        double x = points[i].score, w = points[i].weight, t = a * x + b, e = exp(-fabs(t));
        double p = t >= 0 ? 1 / (1 + e) : e / (1 + e), h = w * e / ((1 + e) * (1 + e)), r = w * (p - points[i].target);
        s.loss += w * ((t > 0 ? t : 0) + log1p(e) - points[i].target * t);
        s.a += r * x;
        s.b += r;
        s.aa += h * x * x;
        s.ab += h * x;
        s.bb += h;
    }
    return s;
}

static void fit_sigmoid(const point *points, size_t n, double positive, double negative, mx_calibrator *out)
{
    double a = 0, b = log((positive + 1) / (negative + 1));
    slopes s = sigmoid_sums(points, n, a, b);
    for (int i = 0; i < MOST_STEPS; i++) {
        double aa = s.aa + 1e-12 * (s.aa + 1e-300), bb = s.bb + 1e-12 * (s.bb + 1e-300),
               determinant = aa * bb - s.ab * s.ab;
        if (!(determinant > 0))
            break;
        double da = -(bb * s.a - s.ab * s.b) / determinant, db = -(aa * s.b - s.ab * s.a) / determinant,
               slope = da * s.a + db * s.b, step = 1;
        slopes next = s;
        bool moved = false;
        for (int h = 0; h < MOST_HALVINGS && !moved; h++) {
            next = sigmoid_sums(points, n, a + step * da, b + step * db);
            moved = next.loss <= s.loss + 1e-4 * step * slope;
            if (moved) {
                a += step * da;
                b += step * db;
            }
            step /= 2;
        }
        bool done = !moved || !(-slope > 1e-14 * (1 + fabs(s.loss)));
        s = next;
        if (done)
            break;
    }
    out->a = a;
    out->b = b;
}

/* ---- isotonic ---- */

/* Pools neighbours until targets do not descend; points (n) sorted by score, equal scores pooled. Each pool keeps its first and last score. */
static merx_status fit_isotonic(const point *points, size_t n, mx_calibrator *out, merx_error *err)
{
    typedef struct pool {
        double first, last, sum, weight;
    } pool;
    pool *pools = NULL;
    size_t count = 0;
    MX_TRY(mx_alloc_array_raw(out->alloc, n, sizeof *pools, "pools", &pools, err));
    for (size_t i = 0; i < n; i++) {
        pools[count++] =
            (pool){points[i].score, points[i].score, points[i].target * points[i].weight, points[i].weight};
        while (count > 1 &&
               pools[count - 2].sum * pools[count - 1].weight >= pools[count - 1].sum * pools[count - 2].weight) {
            pools[count - 2].last = pools[count - 1].last;
            pools[count - 2].sum += pools[count - 1].sum;
            pools[count - 2].weight += pools[count - 1].weight;
            count--;
        }
    }
    out->room = 2 * count;
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_alloc_array(out->alloc, out->room, sizeof *out->scores, "steps", &out->scores, err));
    MX_TRY_GOTO(mx_alloc_array(out->alloc, out->room, sizeof *out->chances, "steps", &out->chances, err));
    for (size_t k = 0; k < count; k++) {
        double chance = pools[k].sum / pools[k].weight;
        out->scores[out->steps] = pools[k].first;
        out->chances[out->steps++] = chance;
        if (pools[k].last > pools[k].first) {
            out->scores[out->steps] = pools[k].last;
            out->chances[out->steps++] = chance;
        }
    }
out:
    mx_free_array(out->alloc, pools, n, sizeof *pools);
    return status;
}

/* points (n) by score ascending, rows of a score in their order; then those of one score become one. Returns how many. */
static merx_status sort_points(point *points, size_t *n, const merx_allocator *alloc, merx_error *err)
{
    mx_keyed *keys = NULL;
    point *copy = NULL;
    merx_status status;
    size_t rows = *n, count = 0;
    if (rows > UINT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "calibration", "%zu rows are more than 2^32 - 1", rows);
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, 2 * rows, sizeof *keys, "scores in order", &keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, rows, sizeof *copy, "scores in order", &copy, err));
    memcpy(copy, points, rows * sizeof *copy);
    for (size_t i = 0; i < rows; i++)
        keys[i] = (mx_keyed){mx_key_of_double(points[i].score + 0.0), (uint32_t)i};
    const mx_keyed *sorted = mx_sort_keyed(keys, keys + rows, rows);
    for (size_t i = 0; i < rows; i++) {
        point next = copy[sorted[i].row];
        if (count > 0 && points[count - 1].score == next.score) {
            point *last = &points[count - 1];
            double weight = last->weight + next.weight;
            last->target += (next.target - last->target) * next.weight / weight;
            last->weight = weight;
        } else {
            points[count++] = next;
        }
    }
    *n = count;
out:
    mx_free_array(alloc, copy, rows, sizeof *copy);
    mx_free_array(alloc, keys, 2 * rows, sizeof *keys);
    return status;
}

merx_status mx_calibrator_fit(mx_calibration kind, const double *scores, const int32_t *labels, int32_t positive,
                              const double *weights, size_t n, const merx_allocator *alloc, mx_calibrator *out,
                              merx_error *err)
{
    *out = (mx_calibrator){.kind = kind, .a = 1, .alloc = mx_allocator_or_default(alloc)};
    if (kind == MX_CALIBRATION_NONE)
        return MERX_OK;
    point *points = NULL;
    merx_status status;
    size_t count = 0;
    double with = 0, without = 0;
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, n, sizeof *points, "scores", &points, err));
    for (size_t i = 0; i < n; i++) {
        double w = weights ? weights[i] : 1;
        if (!(w > 0))
            continue;
        if (!isfinite(scores[i]))
            MX_FAIL_GOTO(err, MERX_E_NUMERIC, "calibration", "the score of row %zu is %g; expected a finite number", i,
                         scores[i]);
        *(labels[i] == positive ? &with : &without) += w;
        points[count++] = (point){scores[i], labels[i] == positive, w};
    }
    if (count == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "calibration", "no row has a weight above 0");
    if (kind == MX_CALIBRATION_SIGMOID) {
        for (size_t i = 0; i < count; i++)
            points[i].target = points[i].target > 0 ? (with + 1) / (with + 2) : 1 / (without + 2);
        fit_sigmoid(points, count, with, without, out);
    } else {
        MX_TRY_GOTO(sort_points(points, &count, out->alloc, err));
        MX_TRY_GOTO(fit_isotonic(points, count, out, err));
    }
out:
    mx_free_array(out->alloc, points, n, sizeof *points);
    if (status != MERX_OK)
        mx_calibrator_release(out);
    return status;
}

double mx_calibrator_apply(const mx_calibrator *c, double score)
{
    if (c->kind == MX_CALIBRATION_NONE)
        return score;
    if (c->kind == MX_CALIBRATION_SIGMOID) {
        double t = c->a * score + c->b, e = exp(-fabs(t));
        return isnan(t) ? t : t >= 0 ? 1 / (1 + e) : e / (1 + e);
    }
    size_t low = 0, high = c->steps; /* the first step at or after the score */
    if (isnan(score))
        return score;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->scores[middle] < score)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || low == c->steps)
        return c->chances[low == 0 ? 0 : c->steps - 1];
    double width = c->scores[low] - c->scores[low - 1], part = (score - c->scores[low - 1]) / width;
    return c->chances[low - 1] + part * (c->chances[low] - c->chances[low - 1]);
}

void mx_calibrator_release(mx_calibrator *c)
{
    if (c->alloc == NULL)
        return;
    mx_free_array(c->alloc, c->scores, c->room, sizeof *c->scores);
    mx_free_array(c->alloc, c->chances, c->room, sizeof *c->chances);
    memset(c, 0, sizeof *c);
}
