/*
 * Products, convolutions and pools of float tensors in plain C: the specification, the fallback, the oracle.
 */
#include <math.h>
#include <string.h>

#include "kernels/tensors.h"

/* Cell (l, j) of a packed (k, u). */
static inline size_t cell(size_t k, size_t l, size_t j)
{
    return j / MX_PANEL * k * MX_PANEL + l * MX_PANEL + j % MX_PANEL;
}

/* Where the convolution's window begins; may lie outside. */
static inline ptrdiff_t window(size_t out, size_t stride, size_t pad)
{
    return (ptrdiff_t)(out * stride) - (ptrdiff_t)pad;
}

/* Position `at` + i within 0 .. size, or SIZE_MAX. */
static inline size_t inside(ptrdiff_t at, size_t i, size_t size)
{
    ptrdiff_t place = at + (ptrdiff_t)i;
    return place >= 0 && (size_t)place < size ? (size_t)place : SIZE_MAX;
}

void mx_pack_ref(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    memset(panels, 0, mx_panels_size(k, u) * sizeof *panels);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < u; j++)
            panels[cell(k, l, j)] = b[l * stride + j];
}

void mx_pack_transposed_ref(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    memset(panels, 0, mx_panels_size(k, u) * sizeof *panels);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < u; j++)
            panels[cell(k, l, j)] = b[j * stride + l];
}

void mx_gemm_ref(const mx_gemm *g)
{
    for (size_t i = 0; i < g->m; i++) {
        const float *a = g->a + i * g->a_stride;
        for (size_t j = 0; j < g->u; j++) {
            float *c = g->c + i * g->c_stride + j, sum = 0;
            for (size_t l = 0; l < g->k; l++)
                sum += a[l] * g->panels[cell(g->k, l, j)];
            if (g->add)
                sum += *c;
            if (g->bias != NULL)
                sum += g->bias[j];
            *c = g->relu && !(sum > 0) ? 0 : sum;
        }
    }
}

void mx_gemv_ref(const float *x, const float *b, size_t k, size_t u, const float *bias, float *y)
{
    for (size_t j = 0; j < u; j++) {
        float sum = 0;
        for (size_t l = 0; l < k; l++)
            sum += x[l] * b[l * u + j];
        y[j] = sum + bias[j];
    }
}

void mx_gemm_outer_ref(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k, size_t u,
                       float *c, size_t c_stride)
{
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < u; j++) {
            float sum = 0;
            for (size_t i = 0; i < m; i++)
                sum += a[i * a_stride + l] * b[i * b_stride + j];
            c[l * c_stride + j] += sum;
        }
}

void mx_add_columns_ref(const float *x, size_t stride, size_t m, size_t u, float *sums)
{
    for (size_t j = 0; j < u; j++) {
        float sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += x[i * stride + j];
        sums[j] += sum;
    }
}

void mx_conv_pack_ref(const mx_conv *s, const float *w, float *panels)
{
    size_t k = s->kh * s->kw * (s->c / s->groups), u = s->u / s->groups;
    for (size_t g = 0; g < s->groups; g++)
        mx_pack_ref(w + g * u, s->u, k, u, panels + g * mx_panels_size(k, u));
}

/* Per group: (kh, kw, its units; its channels). */
void mx_conv_pack_back_ref(const mx_conv *s, const float *w, float *back)
{
    size_t c = s->c / s->groups, u = s->u / s->groups, k = s->kh * s->kw * u;
    memset(back, 0, mx_conv_back_size(s) * sizeof *back);
    for (size_t g = 0; g < s->groups; g++)
        for (size_t at = 0; at < s->kh * s->kw; at++)
            for (size_t l = 0; l < c; l++)
                for (size_t j = 0; j < u; j++)
                    back[g * mx_panels_size(k, c) + cell(k, at * u + j, l)] = w[(at * c + l) * s->u + g * u + j];
}

/* The sum at output pixel (oy, ox), unit j of group g, of example x. */
static float conv_sum(const mx_conv *s, const float *x, const float *panels, size_t oy, size_t ox, size_t g, size_t j)
{
    size_t c = s->c / s->groups, k = s->kh * s->kw * c;
    ptrdiff_t top = window(oy, s->stride_h, s->pad_top), left = window(ox, s->stride_w, s->pad_left);
    const float *of_group = panels + g * mx_panels_size(k, s->u / s->groups);
    float sum = 0;
    for (size_t i = 0; i < s->kh; i++)
        for (size_t l = 0; l < s->kw; l++) {
            size_t iy = inside(top, i, s->h), ix = inside(left, l, s->w);
            if (iy == SIZE_MAX || ix == SIZE_MAX)
                continue;
            for (size_t q = 0; q < c; q++)
                sum += x[(iy * s->w + ix) * s->c + g * c + q] * of_group[cell(k, (i * s->kw + l) * c + q, j)];
        }
    return sum;
}

void mx_conv_ref(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, bool relu,
                 float *y, float *scratch)
{
    (void)scratch;
    size_t u = s->u / s->groups;
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t oy = 0; oy < s->out_h; oy++)
            for (size_t ox = 0; ox < s->out_w; ox++)
                for (size_t j = 0; j < s->u; j++) {
                    float sum = conv_sum(s, x, panels, oy, ox, j / u, j % u) + (bias != NULL ? bias[j] : 0);
                    *y++ = relu && !(sum > 0) ? 0 : sum;
                }
}

/* dx of one input pixel gathers from the output pixels whose windows hold it. */
void mx_conv_back_ref(const mx_conv *s, size_t n, const float *dy, const float *back, float *dx, float *scratch)
{
    (void)scratch;
    size_t c = s->c / s->groups, u = s->u / s->groups, k = s->kh * s->kw * u;
    for (size_t e = 0; e < n; e++, dy += s->out_h * s->out_w * s->u)
        for (size_t iy = 0; iy < s->h; iy++)
            for (size_t ix = 0; ix < s->w; ix++)
                for (size_t q = 0; q < s->c; q++) {
                    const float *of_group = back + q / c * mx_panels_size(k, c);
                    float sum = 0;
                    for (size_t i = 0; i < s->kh; i++)
                        for (size_t l = 0; l < s->kw; l++) {
                            size_t py = iy + s->pad_top - i, px = ix + s->pad_left - l; /* wraps when below 0 */
                            if (iy + s->pad_top < i || ix + s->pad_left < l || py % s->stride_h != 0 ||
                                px % s->stride_w != 0 || py / s->stride_h >= s->out_h || px / s->stride_w >= s->out_w)
                                continue;
                            const float *from =
                                dy + (py / s->stride_h * s->out_w + px / s->stride_w) * s->u + q / c * u;
                            for (size_t j = 0; j < u; j++)
                                sum += from[j] * of_group[cell(k, (i * s->kw + l) * u + j, q % c)];
                        }
                    *dx++ += sum;
                }
}

void mx_conv_outer_ref(const mx_conv *s, size_t n, const float *x, const float *dy, float *dw, float *scratch)
{
    (void)scratch;
    size_t c = s->c / s->groups, u = s->u / s->groups;
    for (size_t i = 0; i < s->kh; i++)
        for (size_t l = 0; l < s->kw; l++)
            for (size_t q = 0; q < c; q++)
                for (size_t j = 0; j < s->u; j++) {
                    float sum = 0;
                    for (size_t p = 0; p < n * s->out_h * s->out_w; p++) {
                        size_t e = p / (s->out_h * s->out_w), oy = p / s->out_w % s->out_h, ox = p % s->out_w,
                               iy = inside(window(oy, s->stride_h, s->pad_top), i, s->h),
                               ix = inside(window(ox, s->stride_w, s->pad_left), l, s->w);
                        if (iy != SIZE_MAX && ix != SIZE_MAX)
                            sum += x[((e * s->h + iy) * s->w + ix) * s->c + j / u * c + q] * dy[p * s->u + j];
                    }
                    *dw++ += sum;
                }
}

void mx_conv_pool_ref(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y,
                      uint8_t *place, float *scratch)
{
    (void)scratch;
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t py = 0; py < s->out_h / 2; py++)
            for (size_t px = 0; px < s->out_w / 2; px++)
                for (size_t j = 0; j < s->u; j++) {
                    float best = -INFINITY;
                    uint8_t at = 0;
                    for (uint8_t t = 0; t < 4; t++) {
                        float sum = conv_sum(s, x, panels, 2 * py + t / 2, 2 * px + t % 2, 0, j);
                        if (sum > best) {
                            best = sum;
                            at = t;
                        }
                    }
                    best += bias != NULL ? bias[j] : 0;
                    *y++ = best > 0 ? best : 0;
                    if (place != NULL)
                        *place++ = best > 0 ? at : 4;
                }
}

void mx_conv_pool_outer_ref(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place,
                            float *dw, float *dbias, float *scratch)
{
    (void)scratch;
    size_t pooled_h = s->out_h / 2, pooled_w = s->out_w / 2, pixels = n * pooled_h * pooled_w;
    for (size_t j = 0; j < s->u; j++) {
        float sum = 0;
        for (size_t p = 0; p < pixels; p++)
            sum += place[p * s->u + j] < 4 ? dy[p * s->u + j] : 0;
        dbias[j] += sum;
    }
    for (size_t i = 0; i < s->kh; i++)
        for (size_t l = 0; l < s->kw; l++)
            for (size_t q = 0; q < s->c; q++)
                for (size_t j = 0; j < s->u; j++) {
                    float sum = 0;
                    for (size_t p = 0; p < pixels; p++) {
                        size_t at = place[p * s->u + j], oy = p / pooled_w % pooled_h * 2 + at / 2,
                               ox = p % pooled_w * 2 + at % 2, e = p / (pooled_h * pooled_w),
                               iy = inside(window(oy, 1, s->pad_top), i, s->h),
                               ix = inside(window(ox, 1, s->pad_left), l, s->w);
                        if (at < 4 && iy != SIZE_MAX && ix != SIZE_MAX)
                            sum += x[((e * s->h + iy) * s->w + ix) * s->c + q] * dy[p * s->u + j];
                    }
                    *dw++ += sum;
                }
}

void mx_conv_pool_spread_ref(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full)
{
    memset(full, 0, n * s->out_h * s->out_w * s->u * sizeof *full);
    for (size_t e = 0; e < n; e++, full += s->out_h * s->out_w * s->u)
        for (size_t py = 0; py < s->out_h / 2; py++)
            for (size_t px = 0; px < s->out_w / 2; px++)
                for (size_t j = 0; j < s->u; j++, dy++, place++)
                    if (*place < 4)
                        full[((2 * py + *place / 2) * s->out_w + 2 * px + *place % 2) * s->u + j] = *dy;
}

void mx_max_pool_ref(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place)
{
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++)
            for (size_t q = 0; q < s->c; q++) {
                ptrdiff_t top = window(p / s->out_w, s->stride_h, s->pad_top),
                          left = window(p % s->out_w, s->stride_w, s->pad_left);
                float best = -INFINITY;
                size_t at = SIZE_MAX;
                for (size_t i = 0; i < s->ph; i++)
                    for (size_t l = 0; l < s->pw; l++) {
                        size_t iy = inside(top, i, s->h), ix = inside(left, l, s->w);
                        if (iy == SIZE_MAX || ix == SIZE_MAX)
                            continue;
                        float v = x[(iy * s->w + ix) * s->c + q];
                        at = at == SIZE_MAX || v > best ? iy * s->w + ix : at;
                        best = v > best ? v : best;
                    }
                *y++ = best;
                if (place != NULL)
                    *place++ = (uint32_t)at;
            }
}

void mx_max_pool_back_ref(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx)
{
    for (size_t e = 0; e < n; e++, dx += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++)
            for (size_t q = 0; q < s->c; q++)
                dx[(size_t)*place++ * s->c + q] += *dy++;
}

/* Whether pixel t of the window of output pixel p lies inside, and which one it is. */
static bool window_pixel(const mx_pool *s, size_t p, size_t t, size_t *pixel)
{
    ptrdiff_t top = window(p / s->out_w, s->stride_h, s->pad_top),
              left = window(p % s->out_w, s->stride_w, s->pad_left);
    size_t y = inside(top, t / s->pw, s->h), x = inside(left, t % s->pw, s->w);
    *pixel = y != SIZE_MAX && x != SIZE_MAX ? y * s->w + x : SIZE_MAX;
    return *pixel != SIZE_MAX;
}

static float window_count(const mx_pool *s, size_t p)
{
    size_t count = 0, pixel;
    for (size_t t = 0; t < s->ph * s->pw; t++)
        count += window_pixel(s, p, t, &pixel);
    return (float)count;
}

void mx_average_pool_ref(const mx_pool *s, size_t n, const float *x, float *y)
{
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, y += s->c) {
            float count = window_count(s, p);
            for (size_t q = 0; q < s->c; q++) {
                float sum = 0;
                size_t pixel;
                for (size_t t = 0; t < s->ph * s->pw; t++)
                    if (window_pixel(s, p, t, &pixel))
                        sum += x[pixel * s->c + q];
                y[q] = sum / count;
            }
        }
}

void mx_average_pool_back_ref(const mx_pool *s, size_t n, const float *dy, float *dx)
{
    for (size_t e = 0; e < n; e++, dx += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, dy += s->c) {
            float count = window_count(s, p);
            for (size_t q = 0; q < s->c; q++) {
                size_t pixel;
                for (size_t t = 0; t < s->ph * s->pw; t++)
                    if (window_pixel(s, p, t, &pixel))
                        dx[pixel * s->c + q] += dy[q] / count;
            }
        }
}

void mx_add_ref(const float *a, const float *b, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

void mx_add_to_ref(const float *a, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] += a[i];
}
