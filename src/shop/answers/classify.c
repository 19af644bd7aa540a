/*
 * classify: what is in a picture, a clip or a product's picture. The model and its formula: shop/answers/classify.h.
 *
 * A picture gives its most probable classes; a clip a line for each frame that is looked at, with its best class or "not sure".
 */
#include "shop/answers/classify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shop/answers/sales.h"

enum { MOST_SAMPLES = 20000, HEAT_MAP_TIMES = 4 };

/* One picture or frame that was looked at. */
typedef struct look {
    unsigned char *pixels; /* at the network's size */
    double *logits, *probability;
    size_t best;
    uint64_t frame, scene; /* of a clip; scenes from 1 */
    double time_ms;
} look;

typedef struct view {
    const char *what; /* for the sentence */
    look *look;
    size_t looks;
    bool clip, chosen; /* chosen: nothing was given */
    merx_video_info info;
    uint64_t frames;
} view;

/* ---- looking ---- */

static merx_status judge(const mx_ask *ask, look *l, merx_error *err)
{
    const mx_classify *m = ask->state;
    size_t k = m->network.classes;
    l->logits = mx_arena_array(ask->arena, k, sizeof *l->logits, err);
    l->probability = mx_arena_array(ask->arena, k, sizeof *l->probability, err);
    if (!l->logits || !l->probability)
        return MERX_E_MEMORY;
    MX_TRY(mx_picture_classifier_run(&m->network, l->pixels, 1, ask->task, NULL, l->logits, err));
    mx_picture_probabilities(l->logits, k, l->probability);
    for (size_t c = 1; c < k; c++)
        l->best = l->logits[c] > l->logits[l->best] ? c : l->best;
    return MERX_OK;
}

static merx_status keep_pixels(const mx_ask *ask, const merx_picture *picture, look *l, merx_error *err)
{
    const mx_picture_classifier *n = &((const mx_classify *)ask->state)->network;
    size_t size = n->height * n->width * 3;
    l->pixels = mx_arena_alloc(ask->arena, size, err);
    if (!l->pixels)
        return MERX_E_MEMORY;
    memcpy(l->pixels, picture->pixels, size);
    return MERX_OK;
}

static merx_status look_at_picture(const mx_ask *ask, const char *path, int32_t product, view *v, merx_error *err)
{
    merx_picture picture;
    merx_picture_bytes bytes;
    bool in_memory = path && mx_classify_picture_bytes(ask->question, &bytes);
    const mx_classify *m = ask->state;
    v->look = mx_arena_array(ask->arena, 1, sizeof *v->look, err);
    if (!v->look)
        return MERX_E_MEMORY;
    v->looks = 1;
    MX_TRY(mx_classify_picture(m, in_memory ? &bytes : NULL, path, ask->snapshot, product, 1, m->alloc, &picture, err));
    merx_status status = keep_pixels(ask, &picture, v->look, err);
    merx_picture_release(&picture);
    return status == MERX_OK ? judge(ask, v->look, err) : status;
}

static merx_status next_sample(const mx_ask *ask, merx_video *video, uint64_t *scene, view *v, bool *end,
                               merx_error *err)
{
    merx_video_frame frame;
    MX_TRY(merx_video_next(video, &frame, err));
    *end = !frame.picture.pixels;
    if (*end) {
        merx_picture_release(&frame.picture);
        return MERX_OK;
    }
    *scene += frame.scene_change;
    look *l = &v->look[v->looks];
    *l = (look){.frame = frame.index, .time_ms = frame.time_ms, .scene = *scene};
    merx_status status = v->looks == MOST_SAMPLES
                             ? mx_error_set(err, MERX_E_LIMIT, "clip",
                                            "it has more than %d samples; look less often with every_ms", MOST_SAMPLES)
                             : keep_pixels(ask, &frame.picture, l, err);
    merx_picture_release(&frame.picture);
    MX_TRY(status);
    v->looks++;
    v->frames = frame.index + 1;
    return judge(ask, l, err);
}

static merx_status look_at_clip(const mx_ask *ask, const char *path, view *v, merx_error *err)
{
    const mx_classify *m = ask->state;
    merx_decoder *decoder = NULL;
    merx_video *video = NULL;
    merx_status status;
    uint64_t scene = 0;
    bool end = false;
    merx_video_options options = {
        .picture = {.height = m->network.height, .width = m->network.width, .fit = MERX_PICTURE_CROP},
        .every_ms = merx_options_real(ask->question, "every_ms")};
    v->clip = true;
    v->look = mx_arena_array(ask->arena, MOST_SAMPLES + 1, sizeof *v->look, err);
    if (!v->look)
        return MERX_E_MEMORY;
    MX_TRY_GOTO(merx_decoder_new(m->alloc, &(merx_decoder_options){.processes = 1}, &decoder, err));
    MX_TRY_GOTO(merx_video_open(decoder, path, &options, &video, err));
    merx_video_describe(video, &v->info);
    while (!end)
        MX_TRY_GOTO(next_sample(ask, video, &scene, v, &end, err));
out:
    merx_video_close(video);
    merx_decoder_free(decoder);
    return status;
}

/* The product asked about; without one the first that has a picture. */
static merx_status find_product(const mx_ask *ask, const char *id, int32_t *out, merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    mx_product_pictures list;
    if (*id) {
        *out = mx_snapshot_find_product(s, id);
        return *out < 0 ? mx_unknown_product(s, id, err) : MERX_OK;
    }
    MX_TRY(mx_product_pictures_list(s->blobs, s, ask->arena, &list, err));
    if (list.n == 0)
        MX_FAIL(err, MERX_E_NOT_FOUND, "classify", "no picture was given, and no product of the shop has one");
    *out = list.picture[0].product;
    return MERX_OK;
}

static merx_status see(const mx_ask *ask, view *v, merx_error *err)
{
    const char *picture = merx_options_text(ask->question, "picture"), *clip = merx_options_text(ask->question, "clip"),
               *product = merx_options_text(ask->question, "product");
    *v = (view){0};
    if ((*picture != 0) + (*clip != 0) + (*product != 0) > 1)
        MX_FAIL(err, MERX_E_INVALID, "classify", "one of picture, clip and product can be asked about at a time");
    if (*clip) {
        v->what = clip;
        return look_at_clip(ask, clip, v, err);
    }
    if (*picture) {
        v->what = picture;
        return look_at_picture(ask, picture, -1, v, err);
    }
    int32_t code;
    MX_TRY(find_product(ask, product, &code, err));
    v->chosen = !*product;
    mx_str id = ask->snapshot->product_id[code];
    v->what = mx_arena_strndup(ask->arena, id.data, id.size, err);
    return v->what ? look_at_picture(ask, NULL, code, v, err) : MERX_E_MEMORY;
}

/* ---- the answer ---- */

/* The name of a class for a person: the category, or the product's title. */
static const char *title_of(const mx_ask *ask, size_t class_code, merx_error *err)
{
    const mx_classify *m = ask->state;
    mx_str name = m->class_name[class_code];
    if (m->of_products) {
        char id[MX_ID_MAX + 1];
        (void)snprintf(id, sizeof id, "%.*s", (int)name.size, name.data);
        int32_t product = mx_snapshot_find_product(ask->snapshot, id);
        if (product >= 0 && ask->snapshot->product_title[product].size > 0)
            name = ask->snapshot->product_title[product];
    }
    return mx_arena_strndup(ask->arena, name.data, name.size, err);
}

static const char *id_of(const mx_ask *ask, size_t class_code, merx_error *err)
{
    mx_str name = ((const mx_classify *)ask->state)->class_name[class_code];
    return mx_arena_strndup(ask->arena, name.data, name.size, err);
}

static bool is_sure(const mx_ask *ask, const look *l)
{
    return l->probability[l->best] >= merx_options_real(ask->question, "sure");
}

static merx_status fill_class(const mx_ask *ask, const look *l, size_t class_code, merx_item *item, merx_error *err)
{
    const mx_classify *m = ask->state;
    item->id = id_of(ask, class_code, err);
    item->title = title_of(ask, class_code, err);
    if (!item->id || !item->title)
        return MERX_E_MEMORY;
    item->score = l->logits[class_code];
    MX_TRY(mx_item_fields(item, 2, ask->arena, err));
    item->field[0] = (merx_field){"probability", mx_value_share(l->probability[class_code])};
    item->field[1] = (merx_field){"pictures learnt", mx_value_int(m->class_pictures[class_code])};
    return MERX_OK;
}

/* The n classes with the largest logits, ties to the first; order (n) written. */
static void best_classes(const look *l, size_t classes, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = classes;
        for (size_t c = 0; c < classes; c++) {
            bool taken = false;
            for (size_t j = 0; j < i; j++)
                taken |= order[j] == c;
            if (!taken && (best == classes || l->logits[c] > l->logits[best]))
                best = c;
        }
        order[i] = best;
    }
}

static size_t shown(const mx_ask *ask)
{
    size_t n = (size_t)merx_options_int(ask->question, "n"), k = ((const mx_classify *)ask->state)->network.classes;
    return n < k ? n : k;
}

static merx_status give_png(const merx_option_file *file, const merx_picture *picture, const merx_allocator *alloc,
                            merx_error *err)
{
    merx_bytes png = {0};
    if (!file->write)
        return MERX_OK;
    MX_TRY(merx_png_encode(picture->pixels, picture->height, picture->width, 3, alloc, &png, err));
    merx_status status = file->write(file->context, png.data, png.size, err);
    merx_bytes_release(&png);
    return status;
}

/* The heat map of one class over the picture, into a PNG file. */
static merx_status write_heat_map(const mx_ask *ask, const look *l, const char *path, merx_error *err)
{
    const mx_classify *m = ask->state;
    const mx_picture_classifier *c = &m->network;
    size_t p = c->map_height * c->map_width;
    double *map = mx_arena_array(ask->arena, p, sizeof *map, err), bias;
    float *values = mx_arena_array(ask->arena, p, sizeof *values, err);
    const merx_option_file *file = merx_options_file(ask->question, "heat_map");
    merx_picture under = {0}, heat = {0};
    merx_status status;
    if (!map || !values)
        return MERX_E_MEMORY;
    MX_TRY(mx_picture_classifier_map(c, l->pixels, l->best, map, &bias, err));
    for (size_t i = 0; i < p; i++)
        values[i] = (float)map[i];
    merx_picture_options larger = {
        .height = c->height * HEAT_MAP_TIMES, .width = c->width * HEAT_MAP_TIMES, .fit = MERX_PICTURE_STRETCH};
    MX_TRY_GOTO(merx_picture_resize(l->pixels, c->height, c->width, &larger, m->alloc, &under, err));
    MX_TRY_GOTO(
        merx_heat_map(values, c->map_height, c->map_width, &under, under.height, under.width, m->alloc, &heat, err));
    if (file)
        status = give_png(file, &heat, m->alloc, err);
    else
        status = merx_png_write(path, heat.pixels, heat.height, heat.width, 3, err);
out:
    merx_picture_release(&under);
    merx_picture_release(&heat);
    return status;
}

static merx_status answer_picture(const mx_ask *ask, const view *v, merx_reply *reply, merx_error *err)
{
    const mx_classify *m = ask->state;
    const look *l = &v->look[0];
    size_t n = shown(ask), *order = mx_arena_array(ask->arena, n, sizeof *order, err);
    const char *heat_map = merx_options_text(ask->question, "heat_map");
    if (!order)
        return MERX_E_MEMORY;
    best_classes(l, m->network.classes, n, order);
    MX_TRY(mx_reply_items(reply, n, ask->arena, err));
    for (size_t i = 0; i < n; i++)
        MX_TRY(fill_class(ask, l, order[i], &reply->item[i], err));
    const char *first = reply->item[0].title;
    double share = 100 * l->probability[l->best];
    if (is_sure(ask, l))
        reply->sentence = mx_arena_printf(ask->arena, err, "%s shows %s (%.1f %%).", v->what, first, share);
    else
        reply->sentence =
            mx_arena_printf(ask->arena, err, "Not sure what %s shows: %s at best (%.1f %%).", v->what, first, share);
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (v->chosen)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "no picture was given: this is a product's own"));
    if (*heat_map) {
        MX_TRY(write_heat_map(ask, l, heat_map, err));
        MX_TRY(mx_reply_note(reply, ask->arena, err, "what speaks for %s is red in %s, what speaks against it blue",
                             first, heat_map));
    }
    return MERX_OK;
}

static merx_status fill_sample(const mx_ask *ask, const look *l, merx_item *item, merx_error *err)
{
    uint64_t ms = (uint64_t)llround(l->time_ms);
    const char *best = title_of(ask, l->best, err);
    item->id = mx_arena_printf(ask->arena, err, "%llu:%02llu.%03llu", (unsigned long long)(ms / 60000),
                               (unsigned long long)(ms / 1000 % 60), (unsigned long long)(ms % 1000));
    if (!best || !item->id)
        return MERX_E_MEMORY;
    item->title = is_sure(ask, l) ? best : "not sure";
    item->score = l->logits[l->best];
    MX_TRY(mx_item_fields(item, 5, ask->arena, err));
    item->field[0] = (merx_field){"best", mx_value_text(best)};
    item->field[1] = (merx_field){"probability", mx_value_share(l->probability[l->best])};
    item->field[2] = (merx_field){"frame", mx_value_int((int64_t)l->frame)};
    item->field[3] = (merx_field){"time_ms", mx_value_real(l->time_ms, 3)};
    item->field[4] = (merx_field){"scene", mx_value_int((int64_t)l->scene)};
    return MERX_OK;
}

static merx_status answer_clip(const mx_ask *ask, const view *v, merx_reply *reply, merx_error *err)
{
    const mx_classify *m = ask->state;
    size_t *seen = mx_arena_array(ask->arena, m->network.classes, sizeof *seen, err), unsure = 0, most = 0;
    if (!seen)
        return MERX_E_MEMORY;
    if (*merx_options_text(ask->question, "heat_map"))
        MX_FAIL(err, MERX_E_INVALID, "heat_map", "is of a picture; a clip has many");
    if (v->looks == 0)
        MX_FAIL(err, MERX_E_INVALID, v->what, "it has no frames");
    MX_TRY(mx_reply_items(reply, v->looks, ask->arena, err));
    for (size_t i = 0; i < v->looks; i++) {
        MX_TRY(fill_sample(ask, &v->look[i], &reply->item[i], err));
        if (is_sure(ask, &v->look[i]))
            seen[v->look[i].best]++;
        else
            unsure++;
    }
    for (size_t c = 1; c < m->network.classes; c++)
        most = seen[c] > seen[most] ? c : most;
    const char *name = title_of(ask, most, err);
    const char *text = name && seen[most] > 0 ? mx_arena_printf(ask->arena, err, "%s in %zu, ", name, seen[most]) : "";
    if (!name || !text)
        return MERX_E_MEMORY;
    reply->sentence =
        mx_arena_printf(ask->arena, err, "%zu sample%s of %s: %snot sure in %zu; %llu scene%s.", v->looks,
                        v->looks == 1 ? "" : "s", v->what, text, unsure,
                        (unsigned long long)v->look[v->looks - 1].scene, v->look[v->looks - 1].scene == 1 ? "" : "s");
    return reply->sentence ? MERX_OK : MERX_E_MEMORY;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    view v;
    MX_TRY(see(ask, &v, err));
    reply->score_unit = "logit";
    return v.clip ? answer_clip(ask, &v, reply, err) : answer_picture(ask, &v, reply, err);
}

/* ---- reasons ---- */

/* Where region r of `regions` begins among `whole` places. */
static size_t edge(size_t r, size_t regions, size_t whole)
{
    return r * whole / regions;
}

static size_t regions_of(size_t map_side)
{
    return map_side < MX_CLASSIFY_REGIONS ? map_side : MX_CLASSIFY_REGIONS;
}

/* Copies of the picture, each with one region painted over with its mean colour. */
static void paint_over(const mx_picture_classifier *c, const unsigned char *pixels, size_t rows, size_t columns,
                       unsigned char *out)
{
    size_t h = c->height, w = c->width, size = h * w * 3;
    unsigned char mean[3];
    if (size == 0 || rows == 0 || columns == 0)
        return;
    for (size_t l = 0; l < 3; l++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < h * w; i++)
            sum += pixels[i * 3 + l];
        mean[l] = (unsigned char)((sum + h * w / 2) / (h * w));
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < columns; q++) {
            unsigned char *to = out + (r * columns + q) * size;
            memcpy(to, pixels, size);
            /* As much of the picture as the region is of the map. */
            size_t top = edge(r, rows, c->map_height) * h / c->map_height,
                   bottom = edge(r + 1, rows, c->map_height) * h / c->map_height,
                   left = edge(q, columns, c->map_width) * w / c->map_width,
                   right = edge(q + 1, columns, c->map_width) * w / c->map_width;
            for (size_t i = top; i < bottom; i++)
                for (size_t j = left; j < right; j++)
                    memcpy(to + (i * w + j) * 3, mean, 3);
        }
}

/* What looking again at a picture told: logits (regions, classes) without each region. */
static merx_status look_again(const mx_ask *ask, const look *l, size_t rows, size_t columns, double **out,
                              merx_error *err)
{
    const mx_classify *m = ask->state;
    const mx_picture_classifier *c = &m->network;
    size_t n = rows * columns;
    unsigned char *painted = NULL;
    *out = mx_arena_array(ask->arena, n * c->classes, sizeof **out, err);
    if (!*out)
        return MERX_E_MEMORY;
    MX_TRY(MX_NEW_ARRAY(m->alloc, n * c->height * c->width * 3, &painted, "pictures", err));
    paint_over(c, l->pixels, rows, columns, painted);
    merx_status status = mx_picture_classifier_run(c, painted, n, ask->task, NULL, *out, err);
    MX_FREE_ARRAY(m->alloc, painted, n * c->height * c->width * 3);
    return status;
}

static merx_status explain_class(const mx_ask *ask, const look *l, size_t class_code, const double *without,
                                 merx_item *item, merx_error *err)
{
    const mx_classify *m = ask->state;
    const mx_picture_classifier *c = &m->network;
    size_t rows = regions_of(c->map_height), columns = regions_of(c->map_width), p = c->map_height * c->map_width;
    double *map = mx_arena_array(ask->arena, p, sizeof *map, err), bias;
    if (!map)
        return MERX_E_MEMORY;
    MX_TRY(mx_picture_classifier_map(c, l->pixels, class_code, map, &bias, err));
    MX_TRY(mx_item_reasons(item, rows * columns + 1, ask->arena, err));
    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < columns; q++) {
            merx_reason *reason = &item->reason[r * columns + q];
            *reason = (merx_reason){.kind = "region", .without = without[(r * columns + q) * c->classes + class_code]};
            for (size_t i = edge(r, rows, c->map_height); i < edge(r + 1, rows, c->map_height); i++)
                for (size_t j = edge(q, columns, c->map_width); j < edge(q + 1, columns, c->map_width); j++)
                    reason->contribution += map[i * c->map_width + j];
            reason->id = mx_arena_printf(ask->arena, err, "row %zu column %zu", r + 1, q + 1);
            reason->text =
                mx_arena_printf(ask->arena, err, "the part of the picture in row %zu of %zu, column %zu of %zu", r + 1,
                                rows, q + 1, columns);
            if (!reason->id || !reason->text)
                return MERX_E_MEMORY;
        }
    item->reason[rows * columns] =
        (merx_reason){"base", "bias", "before anything of the picture is looked at", bias, NAN};
    mx_item_sort_reasons(item);
    return MERX_OK;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_classify *m = ask->state;
    size_t rows = regions_of(m->network.map_height), columns = regions_of(m->network.map_width);
    double *without;
    view v;
    MX_TRY(see(ask, &v, err));
    if (v.clip) {
        for (size_t i = 0; i < reply->items && i < v.looks; i++) {
            MX_TRY(look_again(ask, &v.look[i], rows, columns, &without, err));
            MX_TRY(explain_class(ask, &v.look[i], v.look[i].best, without, &reply->item[i], err));
        }
        return MERX_OK;
    }
    size_t n = reply->items, *order = mx_arena_array(ask->arena, n, sizeof *order, err);
    if (!order)
        return MERX_E_MEMORY;
    best_classes(&v.look[0], m->network.classes, n, order);
    MX_TRY(look_again(ask, &v.look[0], rows, columns, &without, err));
    for (size_t i = 0; i < n; i++)
        MX_TRY(explain_class(ask, &v.look[0], order[i], without, &reply->item[i], err));
    return MERX_OK;
}

/* ---- the contract ---- */

static merx_status needs(const mx_snapshot *snapshot, merx_error *err)
{
    mx_arena arena;
    mx_product_pictures list;
    mx_classify_labels labels;
    merx_options *options = NULL;
    merx_status status;
    mx_arena_init(&arena, NULL);
    MX_TRY_GOTO(merx_options_new(NULL, mx_classify_training, &options, err));
    MX_TRY_GOTO(mx_product_pictures_list(snapshot->blobs, snapshot, &arena, &list, err));
    status = mx_classify_label(snapshot, &list, options, &arena, &labels, err);
out:
    merx_options_free(options);
    mx_arena_release(&arena);
    return status;
}

static merx_status load(const mx_tensor_file *file, const mx_snapshot *snapshot, const merx_allocator *alloc,
                        void **state, merx_error *err)
{
    mx_classify *model;
    (void)snapshot;
    alloc = mx_allocator_or_default(alloc);
    *state = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &model, "classify", err));
    merx_status status = mx_classify_read(file, alloc, model, err);
    if (status == MERX_OK)
        *state = model;
    else
        MX_FREE_ARRAY(alloc, model, 1);
    return status;
}

static void unload(void *state)
{
    mx_classify *model = state;
    if (!model)
        return;
    const merx_allocator *alloc = model->alloc;
    mx_classify_release(model);
    MX_FREE_ARRAY(alloc, model, 1);
}

static const merx_option question[] = {
    {"picture", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Path of a picture: JPEG, PNG or WebP."},
    {"clip", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Path of a video, MP4 or WebM: a line for each frame looked at."},
    {"product", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of a product: its own first picture."},
    {"n", MERX_OPTION_INT, 1, 1000, "3", NULL, "How many classes of a picture."},
    {"sure", MERX_OPTION_REAL, 0, 1, "0.5", NULL, "The least probability to be sure."},
    {"every_ms", MERX_OPTION_REAL, 0, 1e9, "1000", NULL, "Of a clip: milliseconds between frames; 0: every frame."},
    {"heat_map", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Path of a PNG file to write: what speaks for the best class (red), what against it (blue)."},
    {0},
};

const mx_answer mx_answer_classify = {
    .version = 1,
    .info = {.name = "classify",
             .title = "Pictures",
             .text =
                 "What a picture or clip shows: the categories (or products) of the shop with their probabilities, "
                 "\"not sure\" when none is likely enough. A convolutional network with residual blocks, trained on "
                 "the pictures of the shop's own products; what each part of the picture adds to a class's logit "
                 "is told, and drawn as a heat map.",
             .needs = "pictures of two products at least, better of two categories",
             .examples = "merx ask classify --picture photo.jpg --why\n"
                         "merx ask classify --picture photo.jpg --heat_map why.png\n"
                         "merx ask classify --clip tour.mp4 --every_ms 500 --json",
             .training = mx_classify_training,
             .question = question,
             .learns = true},
    .code_version = 3,
    .timeless = true,
    .of_pictures = true,
    .needs = needs,
    .train = mx_classify_train,
    .load = load,
    .unload = unload,
    .answer = answer,
    .explain = explain,
    .evaluate = mx_classify_evaluate,
    .forget = mx_classify_forget,
};
