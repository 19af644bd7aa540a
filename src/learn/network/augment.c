/*
 * Pictures changed a little, anew in each epoch, so that a network sees more of them than there are.
 *
 * In this order: a random crop resized to the whole (bilinear), a shift with zeros at the edge, a mirror image, contrast, brightness, a factor per channel, a rectangle erased.
 * What is drawn is a function of (seed, epoch, row) alone.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "learn/network/network_state.h"

bool mx_augments(const merx_augmentation *a)
{
    return a->flip || a->shift > 0 || a->zoom > 0 || a->brightness > 0 || a->contrast > 0 || a->colour > 0 ||
           a->erase > 0;
}

merx_status mx_augment_check(const merx_augmentation *a, const merx_dims *dims, merx_error *err)
{
    const struct {
        const char *name;
        double value, most;
    } ranges[] = {{"shift", a->shift, 1024},    {"zoom", a->zoom, 0.9},   {"brightness", a->brightness, 1},
                  {"contrast", a->contrast, 1}, {"colour", a->colour, 1}, {"erase", a->erase, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= 0 && ranges[i].value <= ranges[i].most))
            MX_FAIL(err, MERX_E_RANGE, "augmentation", "%s is %g; expected 0 to %g", ranges[i].name, ranges[i].value,
                    ranges[i].most);
    if (mx_augments(a) && dims->rank != 3)
        MX_FAIL(err, MERX_E_SHAPE, "augmentation",
                "augmentation is for pictures (height, width, channels); the input has %zu dimensions", dims->rank);
    return MERX_OK;
}

/* In [-most, most). */
static double around(mx_random *r, double most)
{
    return most * (2 * mx_random_uniform(r) - 1);
}

/* A crop of at least (1 - zoom) of each side, resized to the whole; pixel centres map to pixel centres. */
static void crop(mx_random *r, double zoom, size_t h, size_t w, size_t c, float *x, float *scratch)
{
    double share = 1 - zoom * mx_random_uniform(r), aspect = 1 + around(r, zoom / 2);
    double high = fmin(1, share * aspect) * (double)h, wide = fmin(1, share / aspect) * (double)w;
    double top = mx_random_uniform(r) * ((double)h - high), left = mx_random_uniform(r) * ((double)w - wide);
    memcpy(scratch, x, h * w * c * sizeof *x);
    for (size_t i = 0; i < h; i++) {
        double y = top + ((double)i + 0.5) * high / (double)h - 0.5;
        y = fmin(fmax(y, 0), (double)(h - 1));
        size_t y0 = (size_t)y, y1 = y0 + 1 < h ? y0 + 1 : y0;
        float fy = (float)(y - (double)y0);
        for (size_t j = 0; j < w; j++) {
            double z = left + ((double)j + 0.5) * wide / (double)w - 0.5;
            z = fmin(fmax(z, 0), (double)(w - 1));
            size_t x0 = (size_t)z, x1 = x0 + 1 < w ? x0 + 1 : x0;
            float fx = (float)(z - (double)x0);
            const float *a = scratch + (y0 * w + x0) * c, *b = scratch + (y0 * w + x1) * c,
                        *d = scratch + (y1 * w + x0) * c, *e = scratch + (y1 * w + x1) * c;
            for (size_t l = 0; l < c; l++) {
                float upper = a[l] + fx * (b[l] - a[l]), lower = d[l] + fx * (e[l] - d[l]);
                x[(i * w + j) * c + l] = upper + fy * (lower - upper);
            }
        }
    }
}

static void shift(mx_random *r, int most, size_t h, size_t w, size_t c, float *x, float *scratch)
{
    uint64_t span = 2 * (uint64_t)most + 1;
    ptrdiff_t down = (ptrdiff_t)mx_random_below(r, span) - most, right = (ptrdiff_t)mx_random_below(r, span) - most;
    memcpy(scratch, x, h * w * c * sizeof *x);
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w; j++) {
            size_t y = (size_t)((ptrdiff_t)i - down), z = (size_t)((ptrdiff_t)j - right);
            float *to = x + (i * w + j) * c;
            if (y < h && z < w)
                memcpy(to, scratch + (y * w + z) * c, c * sizeof *to);
            else
                memset(to, 0, c * sizeof *to);
        }
}

static void mirror(size_t h, size_t w, size_t c, float *x)
{
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w / 2; j++)
            for (size_t l = 0; l < c; l++) {
                float *a = x + (i * w + j) * c + l, *b = x + (i * w + w - 1 - j) * c + l, t = *a;
                *a = *b;
                *b = t;
            }
}

static void light(mx_random *r, const merx_augmentation *a, size_t pixels, size_t c, float *x)
{
    float factor = (float)(1 + around(r, a->contrast)), more = (float)around(r, a->brightness);
    double mean = 0;
    for (size_t i = 0; i < pixels * c; i++)
        mean += (double)x[i];
    float middle = (float)(mean / (double)(pixels * c));
    for (size_t l = 0; l < c; l++) {
        float channel = (float)(1 + around(r, a->colour));
        for (size_t i = 0; i < pixels; i++) {
            float *v = x + i * c + l;
            *v = ((*v - middle) * factor + middle + more) * channel;
        }
    }
}

/* Zhong, Zheng, Kang, Li & Yang 2020, "Random erasing data augmentation": 2 … 20 % of the picture, sides from 1 : 3 to 3 : 1, uniform noise in [0, 1). */
static void erase(mx_random *r, size_t h, size_t w, size_t c, float *x)
{
    double area = (0.02 + 0.18 * mx_random_uniform(r)) * (double)(h * w), ratio = exp(around(r, log(3)));
    size_t high = (size_t)fmin((double)h, fmax(1, sqrt(area * ratio))),
           wide = (size_t)fmin((double)w, fmax(1, sqrt(area / ratio)));
    size_t top = mx_random_below(r, h - high + 1), left = mx_random_below(r, w - wide + 1);
    for (size_t i = top; i < top + high; i++)
        for (size_t j = 0; j < wide * c; j++)
            x[(i * w + left) * c + j] = (float)mx_random_uniform(r);
}

void mx_augment(const merx_augmentation *a, const merx_dims *dims, uint64_t seed, uint64_t epoch, uint64_t row,
                float *x, float *scratch)
{
    size_t h = dims->dim[0], w = dims->dim[1], c = dims->dim[2];
    mx_random r;
    mx_random_init(&r, seed, mx_random_key(epoch, row, 0x617567));
    if (a->zoom > 0)
        crop(&r, a->zoom, h, w, c, x, scratch);
    if (a->shift > 0)
        shift(&r, a->shift, h, w, c, x, scratch);
    if (a->flip && mx_random_uniform(&r) < 0.5)
        mirror(h, w, c, x);
    if (a->brightness > 0 || a->contrast > 0 || a->colour > 0)
        light(&r, a, h * w, c, x);
    if (a->erase > 0 && mx_random_uniform(&r) < a->erase)
        erase(&r, h, w, c, x);
}
