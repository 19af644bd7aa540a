/*
 * Resizing (see resize.h).
 */
#include "media/resize.h"

#include <math.h>
#include <string.h>

/* ---- the plan ---- */

static size_t at_least_one(double value)
{
    return value < 1 ? 1 : (size_t)(value + 0.5);
}

mx_fit_plan mx_fit(size_t h, size_t w, const merx_picture_options *options)
{
    const double height = (double)options->height, width = (double)options->width;
    mx_fit_plan plan = {.bottom = (double)h,
                        .right = (double)w,
                        .height = options->height,
                        .width = options->width,
                        .rows = options->height,
                        .columns = options->width};
    if (options->height == 0) {
        plan.height = plan.rows = h;
        plan.width = plan.columns = w;
        return plan;
    }
    const double by_height = (double)h / height,
                 by_width = (double)w / width; /* pixels of the picture in one of the result */
    const double cover = by_height < by_width ? by_height : by_width,
                 within = by_height < by_width ? by_width : by_height;
    switch (options->fit) {
    case MERX_PICTURE_CROP:
        plan.top = ((double)h - cover * height) / 2;
        plan.left = ((double)w - cover * width) / 2;
        plan.bottom = plan.top + cover * height;
        plan.right = plan.left + cover * width;
        break;
    case MERX_PICTURE_PAD:
    case MERX_PICTURE_INSIDE: {
        const double scale = options->fit == MERX_PICTURE_INSIDE && within < 1 ? 1 : within;
        plan.rows = at_least_one((double)h / scale);
        plan.columns = at_least_one((double)w / scale);
        plan.rows = plan.rows < options->height ? plan.rows : options->height;
        plan.columns = plan.columns < options->width ? plan.columns : options->width;
        if (options->fit == MERX_PICTURE_INSIDE) {
            plan.height = plan.rows;
            plan.width = plan.columns;
        }
        plan.y = (plan.height - plan.rows) / 2;
        plan.x = (plan.width - plan.columns) / 2;
        break;
    }
    default:
        break;
    }
    return plan;
}

/* ---- weights ---- */

/* Pixel i of the result is the sum of weights[i * most + k] times pixel first[i] + k, k < count[i]. */
typedef struct axis {
    size_t m, most;
    size_t *first, *count;
    float *weights;
} axis;

static merx_status make_axis(size_t n, double begin, double end, size_t m, mx_arena *arena, axis *out, merx_error *err)
{
    const double step = (end - begin) / (double)m, half = step > 1 ? step : 1;
    out->m = m;
    out->most = (size_t)ceil(half) * 2 + 1;
    out->first = mx_arena_array(arena, m, sizeof *out->first, err);
    out->count = mx_arena_array(arena, m, sizeof *out->count, err);
    size_t cells;
    if (!mx_mul_size(m, out->most, &cells))
        MX_FAIL(err, MERX_E_LIMIT, "picture", "is too large to be resized");
    out->weights = mx_arena_array(arena, cells, sizeof *out->weights, err);
    if (out->first == NULL || out->count == NULL || out->weights == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < m; i++) {
        const double centre = begin + ((double)i + 0.5) * step;
        const double low = centre - half + 0.5, high = centre + half + 0.5;
        size_t first = low > 0 ? (size_t)low : 0, last = high < (double)n ? (size_t)high : n;
        if (first >= n)
            first = n - 1;
        if (last <= first)
            last = first + 1;
        if (last - first > out->most)
            last = first + out->most;
        float *weights = out->weights + i * out->most;
        double sum = 0;
        for (size_t k = first; k < last; k++) {
            const double weight = 1 - fabs((double)k + 0.5 - centre) / half;
            weights[k - first] = weight > 0 ? (float)weight : 0;
            sum += (double)weights[k - first];
        }
        if (!(sum > 0)) { /* a border thinner than a pixel */
            weights[0] = 1;
            sum = 1;
        }
        for (size_t k = first; k < last; k++)
            weights[k - first] = (float)((double)weights[k - first] / sum);
        out->first[i] = first;
        out->count[i] = last - first;
    }
    return MERX_OK;
}

/* ---- the passes ---- */

/* out (n) = sum of weights[k] times row k: four rows at a time, so that out is read and written less often. */
static void add_rows(const unsigned char *in, size_t stride, const float *weights, size_t count, size_t n, float *out)
{
    memset(out, 0, n * sizeof *out);
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const unsigned char *a = in + k * stride, *b = a + stride, *c = b + stride, *d = c + stride;
        const float wa = weights[k], wb = weights[k + 1], wc = weights[k + 2], wd = weights[k + 3];
        for (size_t j = 0; j < n; j++)
            out[j] += (wa * (float)a[j] + wb * (float)b[j]) + (wc * (float)c[j] + wd * (float)d[j]);
    }
    for (; k < count; k++) {
        const unsigned char *a = in + k * stride;
        const float weight = weights[k];
        for (size_t j = 0; j < n; j++)
            out[j] += weight * (float)a[j];
    }
}

static unsigned char to_byte(float value)
{
    const float rounded = value + 0.5f;
    return rounded <= 0 ? 0 : rounded >= 255 ? 255 : (unsigned char)rounded;
}

static void add_columns(const float *row, size_t from, const axis *x, unsigned char *out)
{
    for (size_t i = 0; i < x->m; i++) {
        const float *at = row + (x->first[i] - from) * 3, *weights = x->weights + i * x->most;
        float r = 0, g = 0, b = 0;
        for (size_t k = 0; k < x->count[i]; k++) {
            r += weights[k] * at[3 * k];
            g += weights[k] * at[3 * k + 1];
            b += weights[k] * at[3 * k + 2];
        }
        out[3 * i] = to_byte(r);
        out[3 * i + 1] = to_byte(g);
        out[3 * i + 2] = to_byte(b);
    }
}

static void fill(unsigned char *out, size_t n, const unsigned char *colour)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + 3 * i, colour, 3);
}

merx_status mx_resize(const unsigned char *in, size_t h, size_t w, const mx_fit_plan *plan,
                      const unsigned char *background, const merx_allocator *alloc, unsigned char *out, merx_error *err)
{
    axis y, x;
    mx_arena arena;
    merx_status status;
    if (plan->rows == h && plan->columns == w && plan->height == h && plan->width == w && plan->top <= 0 &&
        plan->left <= 0 && plan->bottom >= (double)h && plan->right >= (double)w) {
        memcpy(out, in, h * w * 3);
        return MERX_OK;
    }
    if (plan->rows < plan->height || plan->columns < plan->width)
        fill(out, plan->height * plan->width, background);
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(make_axis(h, plan->top, plan->bottom, plan->rows, &arena, &y, err));
    MX_TRY_GOTO(make_axis(w, plan->left, plan->right, plan->columns, &arena, &x, err));
    size_t from = w, to = 0;
    for (size_t i = 0; i < x.m; i++) {
        from = x.first[i] < from ? x.first[i] : from;
        to = x.first[i] + x.count[i] > to ? x.first[i] + x.count[i] : to;
    }
    const size_t n = (to - from) * 3;
    float *row = mx_arena_array(&arena, n, sizeof *row, err);
    if (row == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < y.m; i++) {
        add_rows(in + (y.first[i] * w + from) * 3, w * 3, y.weights + i * y.most, y.count[i], n, row);
        add_columns(row, from, &x, out + ((plan->y + i) * plan->width + plan->x) * 3);
    }
    status = MERX_OK;
out:
    mx_arena_release(&arena);
    return status;
}
