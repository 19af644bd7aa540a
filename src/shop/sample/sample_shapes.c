/*
 * Twenty-four things and a parcel, each in a handful of shapes: see sample_shapes.h. Coordinates: sample_pen.h.
 */
#include "shop/sample/sample_shapes.h"

#include <math.h>

#include "shop/sample/sample.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define INK(red, green, blue) ((sample_ink){.colour = {red, green, blue}, .alpha = 1})
#define STATIC(red, green, blue, cover)                                                                                \
    {                                                                                                                  \
        .colour = {red, green, blue}, .alpha = cover                                                                   \
    }
#define THIN(red, green, blue, cover) ((sample_ink){.colour = {red, green, blue}, .alpha = cover})

static const sample_ink wood = STATIC(0.70f, 0.50f, 0.30f, 1), dark_wood = STATIC(0.50f, 0.34f, 0.20f, 1);
static const sample_ink white = STATIC(0.97f, 0.97f, 0.95f, 1), black = STATIC(0.16f, 0.16f, 0.19f, 1);
static const sample_ink metal = STATIC(0.66f, 0.69f, 0.73f, 1), gold = STATIC(0.88f, 0.70f, 0.28f, 1);
static const sample_ink leaf = STATIC(0.30f, 0.58f, 0.33f, 1), dark_leaf = STATIC(0.20f, 0.44f, 0.27f, 1);
static const sample_ink shine = STATIC(1, 1, 1, 0.45f);

static void draw_pot(sample_pen *pen, const sample_look *look)
{
    const float tall = 0.34f + 0.14f * look->a;
    pen_line(pen, look->dark, -0.92f, 0.14f, 0.92f, 0.14f, 0.09f);
    pen_box(pen, look->main, 0, 0.78f - tall, 0.72f, tall, 0.14f);
    pen_box(pen, shine, -0.48f, 0.78f - tall, 0.05f, tall * 0.6f, 0.05f);
    const float top = 0.78f - 2 * tall;
    pen_half(pen, look->light, 0, top - 0.02f, 0.66f, 0.26f + 0.12f * look->b, false);
    pen_box(pen, look->dark, 0, top, 0.78f, 0.075f, 0.07f);
    pen_ellipse(pen, look->dark, 0, top - 0.34f - 0.12f * look->b, 0.13f, 0.10f);
}

static void draw_bowl(sample_pen *pen, const sample_look *look)
{
    pen_line(pen, wood, -0.25f, 0.05f, 0.62f, -0.92f, 0.045f);
    pen_line(pen, dark_wood, 0.0f, 0.05f, 0.86f, -0.76f, 0.045f);
    pen_box(pen, look->dark, 0, 0.80f, 0.30f, 0.10f, 0.03f);
    pen_half(pen, look->main, 0, 0.02f, 0.86f, 0.76f + 0.08f * look->a, true);
    pen_ellipse(pen, look->light, 0, 0.02f, 0.86f, 0.17f);
    pen_ellipse(pen, white, 0, 0.03f, 0.73f, 0.11f);
    pen_line(pen, look->dark, -0.70f, 0.36f, 0.70f, 0.36f, 0.025f);
}

static void draw_teapot(sample_pen *pen, const sample_look *look)
{
    const float spout[][2] = {{0.40f, 0.50f},  {0.78f, 0.12f}, {0.84f, -0.22f},
                              {0.99f, -0.22f}, {0.92f, 0.20f}, {0.52f, 0.66f}};
    pen_ring(pen, look->dark, -0.60f, 0.20f, 0.30f, 0.32f, 0.075f);
    pen_polygon(pen, look->main, spout[0], COUNT(spout), 0.03f);
    pen_box(pen, look->dark, 0, 0.76f, 0.36f, 0.07f, 0.05f);
    pen_ellipse(pen, look->main, 0, 0.24f, 0.64f, 0.52f);
    pen_ellipse(pen, shine, -0.25f, 0.05f, 0.13f, 0.18f);
    pen_half(pen, look->dark, 0, -0.22f, 0.34f, 0.14f + 0.10f * look->a, false);
    pen_ellipse(pen, look->dark, 0, -0.42f - 0.10f * look->a, 0.09f, 0.09f);
}

static void draw_mug(sample_pen *pen, const sample_look *look)
{
    for (int i = 0; i < 3; i++) {
        const float u = -0.36f + 0.28f * (float)i, bend = 0.10f * (i % 2 ? -1.0f : 1.0f);
        pen_line(pen, THIN(1, 1, 1, 0.75f), u, -0.36f, u + bend, -0.58f, 0.04f);
        pen_line(pen, THIN(1, 1, 1, 0.55f), u + bend, -0.58f, u, -0.80f - 0.1f * look->b, 0.04f);
    }
    pen_ring(pen, look->dark, 0.44f, 0.28f, 0.30f, 0.28f, 0.085f);
    pen_box(pen, look->main, -0.08f, 0.30f, 0.54f, 0.52f, 0.12f);
    pen_ellipse(pen, look->light, -0.08f, -0.18f, 0.54f, 0.13f);
    pen_ellipse(pen, INK(0.36f, 0.22f, 0.13f), -0.08f, -0.17f, 0.44f, 0.085f);
    pen_box(pen, shine, -0.44f, 0.34f, 0.045f, 0.30f, 0.045f);
}

static void draw_bed(sample_pen *pen, const sample_look *look)
{
    const float tall = 0.46f + 0.16f * look->a;
    pen_box(pen, dark_wood, -0.74f, 0.66f, 0.06f, 0.16f, 0.03f);
    pen_box(pen, dark_wood, 0.80f, 0.66f, 0.06f, 0.16f, 0.03f);
    pen_box(pen, wood, -0.90f, 0.56f - tall, 0.09f, tall, 0.06f);
    pen_box(pen, wood, 0, 0.50f, 0.94f, 0.11f, 0.05f);
    pen_box(pen, white, 0.04f, 0.24f, 0.84f, 0.19f, 0.10f);
    pen_box(pen, look->light, -0.50f, -0.02f, 0.28f, 0.15f, 0.13f);
    pen_box(pen, look->main, 0.30f, 0.18f, 0.62f, 0.27f, 0.14f);
    pen_line(pen, look->dark, -0.20f, 0.00f, -0.20f, 0.36f, 0.05f);
}

static void draw_soap(sample_pen *pen, const sample_look *look)
{
    pen_line(pen, look->dark, 0, -0.28f, 0, -0.64f, 0.06f);
    pen_line(pen, look->dark, 0.16f, -0.70f, -0.36f, -0.70f, 0.075f);
    pen_line(pen, look->dark, -0.38f, -0.70f, -0.42f, -0.58f, 0.05f);
    pen_box(pen, look->dark, 0, -0.28f, 0.19f, 0.11f, 0.04f);
    pen_box(pen, look->main, 0, 0.34f, 0.38f + 0.10f * look->a, 0.54f, 0.16f);
    pen_box(pen, white, 0, 0.38f, 0.26f + 0.08f * look->a, 0.24f, 0.05f);
    pen_ellipse(pen, look->dark, 0, 0.38f, 0.10f, 0.13f);
    const float bubble[][3] = {{0.68f, -0.42f, 0.17f}, {0.82f, -0.02f, 0.10f}, {-0.72f, -0.12f, 0.13f}};
    for (size_t i = 0; i < COUNT(bubble); i++) {
        pen_ellipse(pen, THIN(1, 1, 1, 0.45f), bubble[i][0], bubble[i][1], bubble[i][2], bubble[i][2]);
        pen_ring(pen, THIN(1, 1, 1, 0.85f), bubble[i][0], bubble[i][1], bubble[i][2], bubble[i][2], 0.025f);
    }
}

static void draw_lamp(sample_pen *pen, const sample_look *look)
{
    const float top = 0.28f + 0.14f * look->a, bottom = 0.66f;
    const float shade[][2] = {{-top, -0.84f}, {top, -0.84f}, {bottom, -0.02f}, {-bottom, -0.02f}};
    const float soft = pen->soft;
    pen->soft = 9;
    pen_ellipse(pen, THIN(1, 0.93f, 0.62f, 0.55f), 0, 0.05f, 0.72f, 0.42f);
    pen->soft = soft;
    pen_line(pen, metal, 0, 0.0f, 0, 0.76f, 0.06f);
    if (look->b > 0.5f)
        pen_ellipse(pen, look->dark, 0, 0.45f, 0.20f, 0.22f);
    pen_half(pen, look->dark, 0, 0.88f, 0.42f, 0.20f, false);
    pen_polygon(pen, look->main, shade[0], COUNT(shade), 0.03f);
    pen_line(pen, look->light, -bottom, -0.02f, bottom, -0.02f, 0.04f);
}

static void draw_clock(sample_pen *pen, const sample_look *look)
{
    pen_ellipse(pen, look->main, 0, 0, 0.88f, 0.88f);
    pen_ellipse(pen, white, 0, 0, 0.70f, 0.70f);
    for (int i = 0; i < 12; i++) {
        const float angle = 6.2831853f * (float)i / 12, s = sinf(angle), c = cosf(angle);
        pen_line(pen, black, 0.56f * s, 0.56f * c, 0.63f * s, 0.63f * c, i % 3 ? 0.02f : 0.04f);
    }
    const float hour = 6.2831853f * look->a, minute = 6.2831853f * (12 * look->a - floorf(12 * look->a));
    pen_line(pen, black, 0, 0, 0.32f * sinf(hour), -0.32f * cosf(hour), 0.055f);
    pen_line(pen, black, 0, 0, 0.50f * sinf(minute), -0.50f * cosf(minute), 0.035f);
    pen_ellipse(pen, look->accent, 0, 0, 0.08f, 0.08f);
}

static void draw_tree(sample_pen *pen, const sample_look *look)
{
    static const float top[3] = {-0.74f, -0.40f, -0.02f}, low[3] = {-0.16f, 0.26f, 0.70f},
                       half[3] = {0.40f, 0.58f, 0.76f};
    pen_box(pen, dark_wood, 0, 0.80f, 0.11f, 0.16f, 0.02f);
    for (int i = 2; i >= 0; i--) {
        const float corner[][2] = {{0, top[i]}, {half[i], low[i]}, {-half[i], low[i]}};
        pen_polygon(pen, i % 2 ? dark_leaf : leaf, corner[0], 3, 0.03f);
    }
    const float bauble[][2] = {{-0.18f, -0.26f}, {0.30f, 0.12f},  {-0.34f, 0.16f}, {0.02f, 0.02f},
                               {0.50f, 0.58f},   {-0.14f, 0.56f}, {-0.56f, 0.60f}, {0.16f, 0.40f}};
    for (size_t i = 0; i < COUNT(bauble); i++)
        pen_ellipse(pen, i % 2 ? look->main : look->accent, bauble[i][0], bauble[i][1], 0.085f, 0.085f);
    float star[10][2];
    for (int i = 0; i < 10; i++) {
        const float angle = 3.14159265f * (float)i / 5, radius = i % 2 ? 0.09f : 0.22f;
        star[i][0] = radius * sinf(angle);
        star[i][1] = -0.80f - radius * cosf(angle);
    }
    pen_polygon(pen, INK(0.98f, 0.80f, 0.25f), star[0], 10, 0);
}

static void draw_plant(sample_pen *pen, const sample_look *look)
{
    const float pot[][2] = {{-0.42f, 0.22f}, {0.42f, 0.22f}, {0.30f, 0.88f}, {-0.30f, 0.88f}};
    const float tip[][2] = {{-0.62f, -0.22f}, {0.62f, -0.26f}, {-0.34f, -0.62f}, {0.36f, -0.66f}, {0.0f, -0.80f}};
    for (size_t i = 0; i < COUNT(tip); i++) {
        const float u = tip[i][0], v = tip[i][1] + 0.08f * look->a;
        pen_line(pen, dark_leaf, 0, 0.25f, u, v, 0.035f);
        pen_line(pen, i % 2 ? leaf : dark_leaf, 0.45f * u, 0.25f + 0.45f * (v - 0.25f), 0.8f * u,
                 0.25f + 0.8f * (v - 0.25f), 0.10f);
        for (int k = 0; k < 5; k++) {
            const float angle = 6.2831853f * (float)k / 5 + look->b;
            pen_ellipse(pen, look->main, u + 0.12f * sinf(angle), v + 0.12f * cosf(angle), 0.10f, 0.10f);
        }
        pen_ellipse(pen, gold, u, v, 0.08f, 0.08f);
    }
    pen_polygon(pen, INK(0.76f, 0.42f, 0.28f), pot[0], COUNT(pot), 0.02f);
    pen_box(pen, INK(0.84f, 0.50f, 0.35f), 0, 0.24f, 0.50f, 0.10f, 0.03f);
}

static void draw_bear(sample_pen *pen, const sample_look *look)
{
    for (int side = -1; side <= 1; side += 2) {
        const float s = (float)side;
        pen_ellipse(pen, look->main, 0.56f * s, -0.56f, 0.28f, 0.28f);
        pen_ellipse(pen, look->light, 0.56f * s, -0.56f, 0.15f, 0.15f);
    }
    pen_ellipse(pen, look->main, 0, 0.08f, 0.82f, 0.74f);
    pen_ellipse(pen, look->light, 0, 0.34f, 0.40f, 0.32f + 0.06f * look->a);
    for (int side = -1; side <= 1; side += 2) {
        pen_ellipse(pen, black, 0.32f * (float)side, -0.10f, 0.09f, 0.10f);
        pen_ellipse(pen, white, 0.32f * (float)side - 0.03f, -0.13f, 0.03f, 0.03f);
    }
    pen_ellipse(pen, black, 0, 0.22f, 0.14f, 0.10f);
    pen_line(pen, black, 0, 0.30f, 0, 0.42f, 0.025f);
    pen_line(pen, black, 0, 0.42f, -0.14f, 0.50f, 0.025f);
    pen_line(pen, black, 0, 0.42f, 0.14f, 0.50f, 0.025f);
}

static void draw_pencil(sample_pen *pen, const sample_look *look)
{
    const float tip[][2] = {{-0.15f, 0.50f}, {0.15f, 0.50f}, {0, 0.92f}},
                lead[][2] = {{-0.05f, 0.78f}, {0.05f, 0.78f}, {0, 0.92f}};
    pen_box(pen, white, 0.02f, 0.06f, 0.66f, 0.84f, 0.05f);
    for (int i = 0; i < 5; i++)
        pen_line(pen, THIN(0.45f, 0.55f, 0.70f, 0.6f), -0.44f, -0.50f + 0.26f * (float)i, 0.48f,
                 -0.50f + 0.26f * (float)i, 0.02f);
    pen_line(pen, THIN(0.85f, 0.35f, 0.35f, 0.6f), -0.38f, -0.70f, -0.38f, 0.82f, 0.015f);
    pen_turn(pen, 0.62f + 0.3f * look->a);
    pen_polygon(pen, INK(0.92f, 0.78f, 0.58f), tip[0], 3, 0.01f);
    pen_polygon(pen, black, lead[0], 3, 0);
    pen_box(pen, look->main, 0, -0.06f, 0.16f, 0.58f, 0.01f);
    pen_box(pen, look->light, -0.05f, -0.06f, 0.045f, 0.58f, 0.01f);
    pen_box(pen, metal, 0, -0.68f, 0.165f, 0.09f, 0.01f);
    pen_box(pen, INK(0.93f, 0.55f, 0.58f), 0, -0.84f, 0.15f, 0.12f, 0.07f);
}

static void draw_bag(sample_pen *pen, const sample_look *look)
{
    const float body[][2] = {{-0.62f, -0.12f}, {0.62f, -0.12f}, {0.80f, 0.78f}, {-0.80f, 0.78f}};
    const float flap[][2] = {{-0.63f, -0.14f}, {0.63f, -0.14f}, {0.52f, 0.24f}, {0, 0.42f}, {-0.52f, 0.24f}};
    pen_ring(pen, look->dark, 0, -0.18f, 0.40f, 0.50f + 0.16f * look->a, 0.065f);
    pen_polygon(pen, look->main, body[0], COUNT(body), 0.07f);
    pen_polygon(pen, look->dark, flap[0], COUNT(flap), 0.03f);
    pen_box(pen, gold, 0, 0.38f, 0.10f, 0.09f, 0.04f);
}

static void draw_dress(sample_pen *pen, const sample_look *look)
{
    const float waist = 0.22f + 0.06f * look->a, hem = 0.62f + 0.18f * look->b;
    const float dress[][2] = {{-0.34f, -0.90f}, {-0.20f, -0.90f}, {-0.10f, -0.62f}, {0.10f, -0.62f},
                              {0.20f, -0.90f},  {0.34f, -0.90f},  {0.36f, -0.50f},  {waist, -0.10f},
                              {hem, 0.86f},     {-hem, 0.86f},    {-waist, -0.10f}, {-0.36f, -0.50f}};
    pen_polygon(pen, look->main, dress[0], COUNT(dress), 0.02f);
    pen_line(pen, look->dark, -waist, -0.10f, waist, -0.10f, 0.055f);
    pen_line(pen, look->light, -hem, 0.82f, hem, 0.82f, 0.045f);
    pen_line(pen, look->dark, -0.10f, 0.05f, -0.24f, 0.74f, 0.015f);
    pen_line(pen, look->dark, 0.10f, 0.05f, 0.24f, 0.74f, 0.015f);
}

static void draw_shirt(sample_pen *pen, const sample_look *look)
{
    const float cuff = 0.04f + 0.34f * look->a; /* short sleeves or long ones */
    const float shirt[][2] = {{-0.26f, -0.80f},      {0.26f, -0.80f},        {0.62f, -0.62f}, {0.96f, cuff},
                              {0.72f, cuff + 0.12f}, {0.52f, -0.14f},        {0.52f, 0.84f},  {-0.52f, 0.84f},
                              {-0.52f, -0.14f},      {-0.72f, cuff + 0.12f}, {-0.96f, cuff},  {-0.62f, -0.62f}};
    const float left[][2] = {{-0.28f, -0.84f}, {0, -0.56f}, {-0.20f, -0.46f}},
                right[][2] = {{0.28f, -0.84f}, {0, -0.56f}, {0.20f, -0.46f}};
    const float tie[][2] = {{-0.07f, -0.52f}, {0.07f, -0.52f}, {0.12f, 0.30f}, {0, 0.46f}, {-0.12f, 0.30f}};
    pen_polygon(pen, look->main, shirt[0], COUNT(shirt), 0.03f);
    if (look->b > 0.4f) {
        pen_polygon(pen, look->accent, tie[0], COUNT(tie), 0.01f);
    } else {
        pen_line(pen, look->dark, 0, -0.50f, 0, 0.82f, 0.02f);
        for (int i = 0; i < 4; i++)
            pen_ellipse(pen, white, 0.06f, -0.34f + 0.30f * (float)i, 0.04f, 0.04f);
    }
    pen_polygon(pen, look->light, left[0], 3, 0.02f);
    pen_polygon(pen, look->light, right[0], 3, 0.02f);
}

static void draw_beanie(sample_pen *pen, const sample_look *look)
{
    const float tall = 0.82f + 0.18f * look->a;
    pen_half(pen, look->main, 0, 0.46f, 0.70f, tall, false);
    pen_line(pen, look->accent, -0.56f, 0.06f, 0.56f, 0.06f, 0.06f);
    pen_box(pen, look->dark, 0, 0.50f, 0.80f, 0.19f, 0.12f);
    for (int i = -3; i <= 3; i++)
        pen_line(pen, look->main, 0.22f * (float)i, 0.38f, 0.22f * (float)i, 0.62f, 0.025f);
    pen_ellipse(pen, look->light, 0, 0.40f - tall, 0.22f, 0.22f);
    for (int i = 0; i < 5; i++) {
        const float angle = 6.2831853f * (float)i / 5 + look->b;
        pen_ellipse(pen, white, 0.13f * sinf(angle), 0.40f - tall + 0.13f * cosf(angle), 0.06f, 0.06f);
    }
}

static void draw_shoe(sample_pen *pen, const sample_look *look)
{
    const float tall = -0.34f - 0.36f * look->a; /* a low shoe or a boot */
    const float shoe[][2] = {{-0.82f, tall}, {-0.26f, tall}, {-0.14f, -0.12f}, {0.38f, 0.10f},
                             {0.82f, 0.24f}, {0.92f, 0.44f}, {0.90f, 0.52f},   {-0.84f, 0.52f}};
    pen_polygon(pen, look->main, shoe[0], COUNT(shoe), 0.05f);
    pen_box(pen, look->dark, -0.54f, tall, 0.33f, 0.07f, 0.06f);
    for (int i = 0; i < 3; i++) {
        const float u = -0.10f + 0.17f * (float)i, v = -0.10f + 0.075f * (float)i;
        pen_line(pen, white, u, v, u - 0.15f, v + 0.20f, 0.035f);
    }
    pen_box(pen, white, 0.04f, 0.62f, 0.93f, 0.11f, 0.08f);
    pen_line(pen, look->accent, -0.74f, 0.62f, 0.82f, 0.62f, 0.03f);
}

static void draw_ring(sample_pen *pen, const sample_look *look)
{
    const float gem[][2] = {{-0.26f, -0.86f}, {0.26f, -0.86f}, {0.44f, -0.62f}, {0, -0.20f}, {-0.44f, -0.62f}};
    const sample_ink band = look->a > 0.5f ? gold : metal;
    pen_ring(pen, band, 0, 0.32f, 0.54f, 0.54f, 0.085f);
    pen_ring(pen, shine, 0, 0.32f, 0.56f, 0.56f, 0.02f);
    pen_line(pen, band, -0.20f, -0.26f, 0.20f, -0.26f, 0.09f);
    pen_polygon(pen, look->main, gem[0], COUNT(gem), 0.02f);
    pen_line(pen, shine, -0.44f, -0.62f, 0.44f, -0.62f, 0.025f);
    pen_line(pen, shine, -0.16f, -0.62f, 0, -0.22f, 0.02f);
    pen_line(pen, shine, 0.16f, -0.62f, 0, -0.22f, 0.02f);
    pen_line(pen, shine, -0.16f, -0.62f, -0.10f, -0.84f, 0.02f);
    pen_line(pen, THIN(1, 1, 1, 0.9f), 0.58f, -0.92f, 0.58f, -0.68f, 0.022f);
    pen_line(pen, THIN(1, 1, 1, 0.9f), 0.46f, -0.80f, 0.70f, -0.80f, 0.022f);
}

static void draw_lipstick(sample_pen *pen, const sample_look *look)
{
    const float out = 0.30f + 0.16f * look->a;
    const float stick[][2] = {{-0.46f, 0.10f}, {-0.46f, -0.18f - out}, {-0.14f, -0.40f - out}, {-0.14f, 0.10f}};
    pen_polygon(pen, look->main, stick[0], COUNT(stick), 0.04f);
    pen_box(pen, gold, -0.30f, 0.14f, 0.24f, 0.15f, 0.03f);
    pen_box(pen, black, -0.30f, 0.56f, 0.29f, 0.34f, 0.04f);
    pen_box(pen, black, 0.46f, 0.44f, 0.27f, 0.46f, 0.06f);
    pen_box(pen, gold, 0.46f, 0.80f, 0.27f, 0.06f, 0.02f);
    pen_box(pen, shine, 0.36f, 0.38f, 0.035f, 0.30f, 0.03f);
    pen_box(pen, shine, -0.40f, 0.56f, 0.035f, 0.24f, 0.03f);
}

static void draw_racket(sample_pen *pen, const sample_look *look)
{
    pen_turn(pen, 0.5f);
    for (int i = -3; i <= 3; i++) {
        const float at = (float)i / 4, reach = sqrtf(1 - at * at);
        pen_line(pen, THIN(1, 1, 1, 0.9f), 0.46f * at, -0.34f - 0.56f * reach, 0.46f * at, -0.34f + 0.56f * reach,
                 0.018f);
        pen_line(pen, THIN(1, 1, 1, 0.9f), -0.46f * reach, -0.34f + 0.56f * at, 0.46f * reach, -0.34f + 0.56f * at,
                 0.018f);
    }
    pen_line(pen, look->main, -0.20f, 0.12f, 0, 0.44f, 0.05f);
    pen_line(pen, look->main, 0.20f, 0.12f, 0, 0.44f, 0.05f);
    pen_ring(pen, look->main, 0, -0.34f, 0.48f, 0.58f, 0.075f);
    pen_line(pen, black, 0, 0.46f, 0, 0.92f, 0.085f);
    pen_turn(pen, -0.5f);
    pen_ellipse(pen, INK(0.82f, 0.88f, 0.28f), 0.66f, 0.60f - 0.2f * look->a, 0.20f, 0.20f);
    pen_ring(pen, THIN(1, 1, 1, 0.8f), 0.84f, 0.60f - 0.2f * look->a, 0.20f, 0.20f, 0.02f);
}

static void draw_pet_bowl(sample_pen *pen, const sample_look *look)
{
    const float bowl[][2] = {{-0.60f, 0.10f}, {0.60f, 0.10f}, {0.90f, 0.80f}, {-0.90f, 0.80f}};
    const sample_ink bone = INK(0.96f, 0.92f, 0.82f);
    const float lift = 0.16f * look->a, tilt = 0.5f * (look->b - 0.5f);
    const float u = 0.44f * cosf(tilt), v = 0.44f * sinf(tilt);
    for (int end = -1; end <= 1; end += 2) {
        const float e = (float)end;
        pen_ellipse(pen, bone, e * u + 0.10f * sinf(tilt), e * v - 0.32f - lift - 0.13f, 0.18f, 0.18f);
        pen_ellipse(pen, bone, e * u - 0.10f * sinf(tilt), e * v - 0.32f - lift + 0.13f, 0.18f, 0.18f);
    }
    pen_line(pen, bone, -u, -v - 0.32f - lift, u, v - 0.32f - lift, 0.12f);
    pen_ellipse(pen, INK(0.48f, 0.31f, 0.19f), 0, 0.08f, 0.54f, 0.14f);
    pen_polygon(pen, look->main, bowl[0], COUNT(bowl), 0.04f);
    pen_line(pen, look->light, -0.60f, 0.10f, 0.60f, 0.10f, 0.05f);
    pen_ellipse(pen, look->dark, 0, 0.56f, 0.14f, 0.11f);
    for (int i = -1; i <= 1; i++)
        pen_ellipse(pen, look->dark, 0.15f * (float)i, i ? 0.40f : 0.34f, 0.06f, 0.07f);
}

static void draw_phone(sample_pen *pen, const sample_look *look)
{
    static const sample_ink icons[] = {STATIC(0.95f, 0.45f, 0.40f, 1), STATIC(0.98f, 0.78f, 0.30f, 1),
                                       STATIC(0.38f, 0.72f, 0.50f, 1), STATIC(0.35f, 0.58f, 0.90f, 1),
                                       STATIC(0.70f, 0.50f, 0.85f, 1)};
    pen_box(pen, look->main, 0, 0, 0.50f, 0.92f, 0.14f);
    pen_box(pen, black, 0, 0, 0.43f, 0.85f, 0.10f);
    pen_box(pen, INK(0.80f, 0.88f, 0.96f), 0, -0.01f, 0.38f, 0.72f, 0.03f);
    const int rows = 2 + (int)(2.99f * look->a);
    for (int row = 0; row < rows; row++)
        for (int column = -1; column <= 1; column++)
            pen_box(pen, icons[(row * 3 + column + 1 + (int)(5 * look->b)) % 5], 0.24f * (float)column,
                    -0.50f + 0.27f * (float)row, 0.085f, 0.085f, 0.03f);
    pen_line(pen, metal, -0.10f, 0.785f, 0.10f, 0.785f, 0.025f);
    pen_ellipse(pen, metal, 0, -0.79f, 0.03f, 0.03f);
}

static void draw_doughnut(sample_pen *pen, const sample_look *look)
{
    pen_ring(pen, INK(0.82f, 0.60f, 0.34f), 0, 0.03f, 0.56f, 0.54f, 0.31f);
    pen_ring(pen, look->main, 0, -0.02f, 0.55f, 0.52f, 0.25f);
    for (int i = 0; i < 18; i++) {
        const float angle = 2.39996f * (float)i + 6 * look->a, radius = 0.42f + 0.24f * (float)((i * 7) % 5) / 4;
        const float u = radius * cosf(angle), v = radius * 0.95f * sinf(angle) - 0.02f, turn = 1.7f * (float)i;
        pen_line(pen,
                 i % 3 == 0   ? white
                 : i % 3 == 1 ? look->accent
                              : gold,
                 u - 0.05f * cosf(turn), v - 0.05f * sinf(turn), u + 0.05f * cosf(turn), v + 0.05f * sinf(turn),
                 0.028f);
    }
}

static void draw_broom(sample_pen *pen, const sample_look *look)
{
    const float wide = 0.42f + 0.16f * look->a;
    const float straw[][2] = {{-0.28f, 0.22f}, {0.28f, 0.22f}, {wide, 0.92f}, {-wide, 0.92f}};
    pen_turn(pen, 0.38f);
    pen_line(pen, wood, 0, -0.98f, 0, 0.10f, 0.055f);
    pen_polygon(pen, INK(0.90f, 0.74f, 0.40f), straw[0], COUNT(straw), 0.02f);
    for (int i = -2; i <= 2; i++)
        pen_line(pen, INK(0.70f, 0.52f, 0.24f), 0.10f * (float)i, 0.34f, 0.38f * wide * (float)i, 0.90f, 0.02f);
    pen_box(pen, look->main, 0, 0.14f, 0.32f, 0.13f, 0.06f);
    pen_line(pen, look->light, -0.27f, 0.10f, 0.27f, 0.10f, 0.025f);
}

/* Brown paper and string. */
static void draw_parcel(sample_pen *pen, const sample_look *look)
{
    const float hu = 0.66f + 0.16f * look->a, hv = 0.50f + 0.16f * look->b;
    const sample_ink string = INK(0.93f, 0.90f, 0.82f);
    pen_box(pen, INK(0.72f, 0.56f, 0.38f), 0, 0.12f, hu, hv, 0.04f);
    pen_box(pen, THIN(0.50f, 0.36f, 0.22f, 0.35f), 0, 0.12f + hv * 0.86f, hu, hv * 0.14f, 0.03f);
    pen_line(pen, string, -hu, 0.12f, hu, 0.12f, 0.035f);
    pen_line(pen, string, 0, 0.12f - hv, 0, 0.12f + hv, 0.035f);
    for (int side = -1; side <= 1; side += 2) {
        pen_ring(pen, string, 0.17f * (float)side, 0.02f, 0.15f, 0.10f, 0.03f);
        pen_line(pen, string, 0, 0.12f, 0.16f * (float)side, 0.32f, 0.03f);
    }
    pen_ellipse(pen, string, 0, 0.12f, 0.07f, 0.07f);
}

void sample_shape_draw(sample_pen *pen, const sample_look *look, size_t category)
{
    /* In the order of sample_words.c. */
    static void (*const draw[SAMPLE_CATEGORIES])(sample_pen *, const sample_look *) = {
        draw_pot,  draw_bowl,  draw_teapot,   draw_mug,    draw_bed,      draw_soap,  draw_lamp,     draw_clock,
        draw_tree, draw_plant, draw_bear,     draw_pencil, draw_bag,      draw_dress, draw_shirt,    draw_beanie,
        draw_shoe, draw_ring,  draw_lipstick, draw_racket, draw_pet_bowl, draw_phone, draw_doughnut, draw_broom};
    if (category < SAMPLE_CATEGORIES)
        draw[category](pen, look);
    else
        draw_parcel(pen, look);
}
