/*
 * Signed distances, and painting by them: see sample_pen.h. Distances to boxes, lines and polygons are exact; to ellipses, to first order.
 */
#include "shop/sample/sample_pen.h"

#include <assert.h>
#include <math.h>

typedef enum shape_kind { ELLIPSE, RING, BOX, LINE, POLYGON } shape_kind;
enum { CORNERS = 24 };

typedef struct shape {
    shape_kind kind;
    float u, v, a, b, half; /* middle and sizes; a line: its two ends */
    const float *corner;    /* (n, 2) */
    size_t n;
} shape;

sample_colour sample_mix(sample_colour a, sample_colour b, float t)
{
    return (sample_colour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

sample_ink sample_ink_of(sample_colour colour, float alpha)
{
    return (sample_ink){.colour = colour, .alpha = alpha};
}

void pen_turn(sample_pen *pen, float angle)
{
    const float c = cosf(angle), s = sinf(angle), cosine = pen->cosine, sine = pen->sine;
    pen->cosine = cosine * c - sine * s;
    pen->sine = sine * c + cosine * s;
}

static float clamp(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* To first order: f / |grad f| of f = |p / r|. */
static float ellipse_distance(float x, float y, float a, float b)
{
    const float p = x / a, q = y / b, k = sqrtf(p * p + q * q);
    const float gu = p / a, gv = q / b, slope = sqrtf(gu * gu + gv * gv);
    return slope > 1e-6f ? k * (k - 1) / slope : -(a < b ? a : b);
}

static float box_distance(float x, float y, float a, float b, float round)
{
    const float p = fabsf(x) - (a - round), q = fabsf(y) - (b - round);
    const float u = p > 0 ? p : 0, v = q > 0 ? q : 0, most = p > q ? p : q;
    return sqrtf(u * u + v * v) + (most < 0 ? most : 0) - round;
}

static float line_distance(float u, float v, const shape *s)
{
    const float du = s->a - s->u, dv = s->b - s->v, length = du * du + dv * dv;
    const float t = length > 0 ? clamp(((u - s->u) * du + (v - s->v) * dv) / length) : 0;
    const float x = u - s->u - t * du, y = v - s->v - t * dv;
    return sqrtf(x * x + y * y) - s->half;
}

/* The nearest edge; the sign by how often a ray crosses the outline. */
static float polygon_distance(float u, float v, const shape *s)
{
    float least = 1e9f;
    bool inside = false;
    for (size_t i = 0, j = s->n - 1; i < s->n; j = i++) {
        const float iu = s->corner[2 * i], iv = s->corner[2 * i + 1], ju = s->corner[2 * j], jv = s->corner[2 * j + 1];
        const float du = ju - iu, dv = jv - iv, length = du * du + dv * dv;
        const float t = length > 0 ? clamp(((u - iu) * du + (v - iv) * dv) / length) : 0;
        const float x = u - iu - t * du, y = v - iv - t * dv, square = x * x + y * y;
        if (square < least)
            least = square;
        if ((iv > v) != (jv > v) && u < iu + du * (v - iv) / dv)
            inside = !inside;
    }
    return (inside ? -sqrtf(least) : sqrtf(least)) - s->half;
}

static float distance(const shape *s, float u, float v)
{
    switch (s->kind) {
    case ELLIPSE:
        return ellipse_distance(u - s->u, v - s->v, s->a, s->b);
    case RING:
        return fabsf(ellipse_distance(u - s->u, v - s->v, s->a, s->b)) - s->half;
    case BOX:
        return box_distance(u - s->u, v - s->v, s->a, s->b, s->half);
    case LINE:
        return line_distance(u, v, s);
    default:
        return polygon_distance(u, v, s);
    }
}

/* A circle in object coordinates that holds the shape. */
static void bound(const shape *s, float *u, float *v, float *radius)
{
    *u = s->u;
    *v = s->v;
    *radius = sqrtf(s->a * s->a + s->b * s->b) + s->half;
    if (s->kind == LINE) {
        *u = (s->u + s->a) / 2;
        *v = (s->v + s->b) / 2;
        *radius = hypotf(s->a - s->u, s->b - s->v) / 2 + s->half;
    } else if (s->kind == POLYGON) {
        *u = *v = *radius = 0;
        for (size_t i = 0; i < s->n; i++) {
            const float far = hypotf(s->corner[2 * i], s->corner[2 * i + 1]) + s->half;
            *radius = far > *radius ? far : *radius;
        }
    }
}

static sample_colour colour_at(const sample_ink *ink, float u, float v, float scale)
{
    /* Light comes from above on the left. */
    const float light = 1 - 0.09f * (u * 0.5f + v);
    sample_colour c = ink->colour;
    if (ink->period > 0) {
        const float phase = u / ink->period - floorf(u / ink->period);          /* 0 … 1 */
        const float away = (fabsf(phase - 0.5f) - 0.25f) * ink->period * scale; /* pixels from the stripe's edge */
        c = sample_mix(c, ink->stripe, clamp(0.5f - away));
    }
    return (sample_colour){c.r * light, c.g * light, c.b * light};
}

static int first_of(float x)
{
    return x < 0 ? 0 : x > SAMPLE_SIDE ? SAMPLE_SIDE : (int)x;
}

static void paint(sample_pen *pen, sample_ink ink, const shape *s)
{
    float bu, bv, radius;
    bound(s, &bu, &bv, &radius);
    const float stretched = bu * pen->wide;
    const float bx = pen->x + pen->scale * (pen->cosine * stretched - pen->sine * bv);
    const float by = pen->y + pen->scale * (pen->sine * stretched + pen->cosine * bv);
    const float wide = fabsf(pen->wide), reach = radius * pen->scale * (wide > 1 ? wide : 1) + pen->soft + 1;
    for (int y = first_of(by - reach); y < first_of(by + reach + 1); y++)
        for (int x = first_of(bx - reach); x < first_of(bx + reach + 1); x++) {
            const float dx = ((float)x + 0.5f - pen->x) / pen->scale, dy = ((float)y + 0.5f - pen->y) / pen->scale;
            const float u = (pen->cosine * dx + pen->sine * dy) / pen->wide, v = pen->cosine * dy - pen->sine * dx;
            const float cover = clamp(0.5f - distance(s, u, v) * pen->scale / pen->soft) * ink.alpha;
            sample_colour *pixel = &pen->pixel[y * SAMPLE_SIDE + x];
            if (cover > 0)
                *pixel = sample_mix(*pixel, colour_at(&ink, u, v, pen->scale), cover);
        }
}

void pen_ellipse(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv)
{
    paint(pen, ink, &(shape){.kind = ELLIPSE, .u = u, .v = v, .a = ru, .b = rv});
}

void pen_ring(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv, float half)
{
    paint(pen, ink, &(shape){.kind = RING, .u = u, .v = v, .a = ru, .b = rv, .half = half});
}

void pen_half(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv, bool down)
{
    float corner[CORNERS][2];
    for (int i = 0; i < CORNERS; i++) {
        const float angle = 3.14159265f * (float)i / (CORNERS - 1);
        corner[i][0] = u + ru * cosf(angle);
        corner[i][1] = v + (down ? rv : -rv) * sinf(angle);
    }
    pen_polygon(pen, ink, corner[0], CORNERS, 0);
}

void pen_box(sample_pen *pen, sample_ink ink, float u, float v, float hu, float hv, float round)
{
    paint(pen, ink, &(shape){.kind = BOX, .u = u, .v = v, .a = hu, .b = hv, .half = round});
}

void pen_line(sample_pen *pen, sample_ink ink, float u0, float v0, float u1, float v1, float half)
{
    paint(pen, ink, &(shape){.kind = LINE, .u = u0, .v = v0, .a = u1, .b = v1, .half = half});
}

void pen_polygon(sample_pen *pen, sample_ink ink, const float *corner, size_t n, float round)
{
    assert(n >= 3 && n <= CORNERS);
    paint(pen, ink, &(shape){.kind = POLYGON, .corner = corner, .n = n, .half = round});
}
