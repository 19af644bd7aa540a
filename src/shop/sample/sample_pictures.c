/*
 * The pictures of the sample shop: one PNG for each product, drawn from its category and, for the rest, from its own random numbers; see sample_shapes.h.
 *
 * A share of them shows a parcel, whatever the category: no picture tells theirs, so who names the category by the picture can be right of all others, and of those as
 * often as by guessing.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "io/file.h"
#include "merx/media.h"
#include "shop/sample/sample.h"
#include "shop/sample/sample_shapes.h"

enum { STREAM_PICTURE = 301, STREAM_PARCEL, BLOCK = 64 };

bool sample_is_parcel(const sample_plan *plan, size_t product)
{
    mx_random random;
    mx_random_init(&random, plan->seed, mx_random_key(STREAM_PARCEL, product, 0));
    return mx_random_uniform(&random) < SAMPLE_PARCEL;
}

double sample_best_classify(const sample_plan *plan)
{
    double right = 0;
    for (size_t p = 0; p < plan->n_products; p++)
        right += sample_is_parcel(plan, p) ? 1.0 / SAMPLE_CATEGORIES : 1;
    return plan->n_products > 0 ? right / (double)plan->n_products : NAN;
}

/* ---- colours ---- */

static float draw(mx_random *random, float from, float to)
{
    return from + (to - from) * (float)mx_random_uniform(random);
}

/* hue 0 … 1, saturation, lightness. */
static sample_colour of_hue(float hue, float saturation, float lightness)
{
    float part[3];
    for (int i = 0; i < 3; i++) {
        float h = hue + (float)(1 - i) / 3;
        h -= floorf(h);
        const float ramp = h < 1.0f / 6 ? 6 * h : h < 0.5f ? 1 : h < 2.0f / 3 ? 6 * (2.0f / 3 - h) : 0;
        const float chroma = saturation * (1 - fabsf(2 * lightness - 1));
        part[i] = lightness + chroma * (ramp - 0.5f);
    }
    return (sample_colour){part[0], part[1], part[2]};
}

static float luma(sample_colour c)
{
    return 0.30f * c.r + 0.59f * c.g + 0.11f * c.b;
}

/* In the order of the colours' words; "Striped" has any colour. */
static const sample_colour bases[SAMPLE_COLOURS - 1] = {
    {0.80f, 0.22f, 0.22f}, {0.24f, 0.42f, 0.75f}, {0.30f, 0.60f, 0.38f}, {0.95f, 0.95f, 0.94f}, {0.20f, 0.20f, 0.23f},
    {0.94f, 0.89f, 0.78f}, {0.58f, 0.60f, 0.63f}, {0.93f, 0.62f, 0.70f}, {0.86f, 0.69f, 0.30f}};

static sample_look make_look(mx_random *random, size_t colour)
{
    static const sample_colour white = {1, 1, 1}, black = {0, 0, 0};
    sample_look look = {.a = draw(random, 0, 1), .b = draw(random, 0, 1)};
    const sample_colour any = of_hue(draw(random, 0, 1), draw(random, 0.4f, 0.6f), draw(random, 0.45f, 0.58f));
    sample_colour main = colour < SAMPLE_COLOURS - 1 ? bases[colour] : any;
    main.r += draw(random, -0.04f, 0.04f);
    main.g += draw(random, -0.04f, 0.04f);
    main.b += draw(random, -0.04f, 0.04f);
    const bool deep = luma(main) < 0.3f;
    look.main = sample_ink_of(main, 1);
    look.dark = sample_ink_of(sample_mix(main, deep ? white : black, deep ? 0.22f : 0.30f), 1);
    look.light = sample_ink_of(sample_mix(main, white, deep ? 0.40f : 0.55f), 1);
    look.accent = sample_ink_of(of_hue(draw(random, 0, 1), 0.65f, 0.5f), 1);
    if (colour >= SAMPLE_COLOURS - 1) {
        look.main.stripe = sample_mix(main, white, 0.75f);
        look.main.period = draw(random, 0.20f, 0.32f);
    }
    return look;
}

/* A wall, often with a table before it; light behind dark things, darker behind light ones. */
static void draw_background(sample_pen *pen, mx_random *random, sample_colour main)
{
    const float lightness = luma(main) > 0.72f ? draw(random, 0.58f, 0.70f) : draw(random, 0.86f, 0.93f);
    const sample_colour wall =
        of_hue(draw(random, 0, 1), draw(random, 0.15f, lightness < 0.8f ? 0.28f : 0.45f), lightness);
    const sample_colour table = sample_mix(wall, (sample_colour){0.45f, 0.36f, 0.30f}, draw(random, 0.10f, 0.35f));
    const int edge = mx_random_uniform(random) < 0.6 ? (int)draw(random, 40, 52) : SAMPLE_SIDE;
    for (int y = 0; y < SAMPLE_SIDE; y++) {
        const float dim = 1.02f - 0.07f * (float)y / SAMPLE_SIDE;
        const sample_colour row = y < edge ? wall : table;
        for (int x = 0; x < SAMPLE_SIDE; x++)
            pen->pixel[y * SAMPLE_SIDE + x] = (sample_colour){row.r * dim, row.g * dim, row.b * dim};
    }
}

static unsigned char byte_of(float value)
{
    return (unsigned char)(value <= 0 ? 0 : value >= 1 ? 255 : lrintf(value * 255));
}

void sample_picture_draw(const sample_plan *plan, size_t product, unsigned char *pixels)
{
    sample_pen pen = {.soft = 1};
    mx_random random;

    mx_random_init(&random, plan->seed, mx_random_key(STREAM_PICTURE, product, 0));
    const sample_look look = make_look(&random, sample_product_colour(plan, product));
    draw_background(&pen, &random, look.main.colour);
    pen.scale = draw(&random, 20, 26);
    pen.x = SAMPLE_SIDE / 2.0f + draw(&random, -4, 4);
    pen.y = SAMPLE_SIDE / 2.0f + draw(&random, -3, 3);
    pen.wide = draw(&random, 0.90f, 1.10f) * (mx_random_uniform(&random) < 0.5 ? -1.0f : 1.0f);
    pen.cosine = 1;
    pen.soft = 9;
    pen_ellipse(&pen, (sample_ink){.colour = {0.12f, 0.10f, 0.12f}, .alpha = 0.30f}, 0, 0.92f, 0.72f, 0.12f);
    pen.soft = 1;
    pen_turn(&pen, draw(&random, -0.22f, 0.22f));
    sample_shape_draw(&pen, &look,
                      sample_is_parcel(plan, product) ? SAMPLE_CATEGORIES : plan->product[product].category);
    for (size_t i = 0; i < (size_t)SAMPLE_SIDE * SAMPLE_SIDE; i++) {
        pixels[3 * i] = byte_of(pen.pixel[i].r);
        pixels[3 * i + 1] = byte_of(pen.pixel[i].g);
        pixels[3 * i + 2] = byte_of(pen.pixel[i].b);
    }
}

/* ---- files ---- */

typedef struct writing {
    const sample_plan *plan;
    const char *folder;
} writing;

/* Not by mx_write_file: a sample is made again, not rescued, and waiting for the disk for each picture takes longer than drawing it. */
static merx_status write_whole(const char *path, const unsigned char *bytes, size_t size, merx_error *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    merx_status status = MERX_OK;
    if (fd < 0)
        return mx_error_errno(err, errno, path, "make");
    while (size > 0 && status == MERX_OK) {
        const ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno != EINTR)
            status = mx_error_errno(err, errno, path, "write");
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    if (close(fd) != 0 && status == MERX_OK)
        status = mx_error_errno(err, errno, path, "write");
    return status;
}

static merx_status write_one(const writing *w, size_t product, merx_error *err)
{
    unsigned char pixels[SAMPLE_SIDE * SAMPLE_SIDE * 3];
    char path[4200];
    merx_bytes png = {0};

    const int length = snprintf(path, sizeof path, "%s/P%07zu.png", w->folder, product + 1);
    if (length < 0 || (size_t)length >= sizeof path)
        MX_FAIL(err, MERX_E_LIMIT, w->folder, "is too long a path");
    sample_picture_draw(w->plan, product, pixels);
    MX_TRY(merx_png_encode(pixels, SAMPLE_SIDE, SAMPLE_SIDE, 3, w->plan->alloc, &png, err));
    merx_status status = write_whole(path, png.data, png.size, err);
    merx_bytes_release(&png);
    return status;
}

merx_status sample_pictures_write(const sample_plan *plan, const char *folder, merx_task *task, merx_error *err)
{
    const writing w = {plan, folder};
    MX_TRY(mx_make_folders(folder, err));
    mx_task_stage(task, "pictures", plan->n_products, "pictures");
    for (size_t p = 0; p < plan->n_products; p++) {
        MX_TRY(write_one(&w, p, err));
        if (p % BLOCK == 0)
            MX_TRY(mx_task_step(task, p, err));
    }
    mx_task_done(task);
    return MERX_OK;
}
