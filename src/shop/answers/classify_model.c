/*
 * The model of classify: pictures of products decoded, labelled and learnt; its file. The formula: shop/answers/classify.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/run.h"
#include "learn/neighbour/nearest_index.h"
#include "shop/answers/classify.h"

enum { A_BATCH = 64, LEAST_PICTURES = 8, RECALL_QUERIES = 1000 };

static const double RECALL = 0.95;

const merx_option mx_classify_training[] = {
    {"target", MERX_OPTION_CHOICE, 0, 0, "auto", "auto|category|product",
     "What a class is; auto: a category, or a product where fewer than two categories have pictures."},
    {"side", MERX_OPTION_INT, 16, 256, "64", NULL, "Pixels of height and width that the network sees."},
    {"filters", MERX_OPTION_INT, 4, 256, "16", NULL,
     "Channels of the network's first stage; each further one has twice as many."},
    {"blocks", MERX_OPTION_INT, 1, 8, "1", NULL, "Residual blocks of a stage."},
    {"epochs", MERX_OPTION_INT, 1, 10000, NULL, NULL,
     "How often all pictures are gone through; unset: as many as make 12,000 pictures, but 20 to 100."},
    {"batch", MERX_OPTION_INT, 2, 4096, "32", NULL, "Pictures of a step."},
    {"learning_rate", MERX_OPTION_REAL, 1e-6, 0.1, "0.004", NULL, "The largest step, after the warm-up."},
    {"augment", MERX_OPTION_REAL, 0, 2, "0.6", NULL,
     "How much pictures are changed while they are learnt; more wants more epochs, and tells better in the end."},
    {"mirror", MERX_OPTION_BOOL, 0, 0, "true", NULL,
     "Whether a picture and its mirror image show the same; no for letters and left shoes."},
    {"pictures", MERX_OPTION_INT, 2, 1000000, "50000", NULL,
     "At most so many are learnt from and compared with; of more a fixed part."},
    {0},
};

static int epochs_of(const merx_options *options, size_t pictures)
{
    if (merx_options_is_set(options, "epochs"))
        return (int)merx_options_int(options, "epochs");
    return (int)fmin(fmax(round(12000 / fmax((double)pictures, 1)), 20), 100);
}

mx_picture_recipe mx_classify_recipe(const merx_options *options, size_t classes, size_t pictures)
{
    size_t side = (size_t)merx_options_int(options, "side");
    double augment = merx_options_real(options, "augment");
    return (mx_picture_recipe){.height = side,
                               .width = side,
                               .channels = 3,
                               .classes = classes,
                               .filters = (int)merx_options_int(options, "filters"),
                               .blocks = (int)merx_options_int(options, "blocks"),
                               .epochs = epochs_of(options, pictures),
                               .batch_size = (int)merx_options_int(options, "batch"),
                               .learning_rate = merx_options_real(options, "learning_rate"),
                               .augment = augment > 0 ? augment : -1,
                               .unmirrored = !merx_options_bool(options, "mirror")};
}

/* ---- which pictures, and what they show ---- */

uint64_t mx_classify_key(const char *blob)
{
    return mx_hash64(blob, strlen(blob), 0);
}

typedef struct keyed {
    uint64_t key;
    size_t index;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->index > y->index) - (x->index < y->index);
}

merx_status mx_classify_choose(const mx_snapshot *snapshot, const mx_product_pictures *list, size_t most,
                               mx_arena *arena, uint8_t *part, merx_error *err)
{
    keyed *keys = mx_arena_array(arena, list->n + 1, sizeof *keys, err);
    size_t n = 0;
    if (!keys)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < list->n; i++) {
        part[i] = UINT8_MAX;
        if (!snapshot->product_service[list->picture[i].product])
            keys[n++] = (keyed){mx_classify_key(list->picture[i].blob), i};
    }
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n && i < most; i++)
        part[keys[i].index] = 0;
    return MERX_OK;
}

static bool takes_products(const mx_snapshot *s, const mx_product_pictures *list, const char *target)
{
    int32_t first = -1;
    if (strcmp(target, "auto") != 0)
        return strcmp(target, "product") == 0;
    for (size_t i = 0; i < list->n; i++) {
        int32_t category = s->product_category[list->picture[i].product];
        if (category >= 0 && first >= 0 && category != first)
            return false;
        first = category >= 0 ? category : first;
    }
    return true;
}

merx_status mx_classify_label(const mx_snapshot *s, const mx_product_pictures *list, const merx_options *options,
                              mx_arena *arena, mx_classify_labels *out, merx_error *err)
{
    bool products = takes_products(s, list, merx_options_text(options, "target"));
    size_t groups = products ? s->products : s->categories;
    int32_t *code = mx_arena_array(arena, groups + 1, sizeof *code, err);
    *out = (mx_classify_labels){.of_products = products};
    out->label = mx_arena_array(arena, list->n + 1, sizeof *out->label, err);
    out->name = mx_arena_array(arena, groups + 1, sizeof *out->name, err);
    out->pictures = mx_arena_array(arena, groups + 1, sizeof *out->pictures, err);
    if (!code || !out->label || !out->name || !out->pictures)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < list->n; i++) {
        int32_t product = list->picture[i].product, group = products ? product : s->product_category[product];
        out->label[i] = s->product_service[product] ? -1 : group;
        if (out->label[i] >= 0)
            code[group]++;
    }
    /* Codes of what has pictures, in the order of the names. */
    for (size_t g = 0; g < groups; g++) {
        if (code[g] > 0) {
            out->name[out->classes] = products ? s->product_id[g] : s->category_name[g];
            out->pictures[out->classes] = (size_t)code[g];
            code[g] = (int32_t)out->classes++;
        } else {
            code[g] = -1;
        }
    }
    size_t labelled = 0;
    for (size_t i = 0; i < list->n; i++) {
        out->label[i] = out->label[i] >= 0 ? code[out->label[i]] : -1;
        labelled += out->label[i] >= 0;
    }
    if (out->classes < 2 || labelled < LEAST_PICTURES)
        MX_FAIL(err, MERX_E_INVALID, "classify",
                "needs %d pictures of products at least, of two %s; there %s %zu of %zu (merx import takes pictures/)",
                LEAST_PICTURES, products ? "products" : "categories", labelled == 1 ? "is" : "are", labelled,
                out->classes);
    return MERX_OK;
}

/* ---- decoding ---- */

void mx_picture_set_release(mx_picture_set *set)
{
    MX_FREE_ARRAY(set->alloc, set->pixels, set->room * set->side * set->side * 3);
    MX_FREE_ARRAY(set->alloc, set->index, set->room);
    *set = (mx_picture_set){0};
}

static merx_picture_options covering(size_t side)
{
    return (merx_picture_options){.height = side, .width = side, .fit = MERX_PICTURE_CROP};
}

/* Decodes the pictures index[0 … n - 1] of the list behind those of the set; one that can't be is counted. */
static merx_status take_batch(mx_picture_set *set, mx_blobs *blobs, const mx_product_pictures *list,
                              const size_t *index, size_t n, merx_decoder *decoder, merx_task *task, merx_error *err)
{
    mx_blob blob[A_BATCH] = {{0}};
    merx_picture_bytes bytes[A_BATCH] = {{0}};
    merx_picture picture[A_BATCH];
    size_t opened = 0, size = set->side * set->side * 3;
    merx_status status;
    merx_picture_options options = covering(set->side);
    for (; opened < n; opened++) {
        const char *name = list->picture[index[opened]].blob;
        MX_TRY_GOTO(mx_blobs_map(blobs, name, &blob[opened], err));
        bytes[opened] = (merx_picture_bytes){blob[opened].data, blob[opened].size, name};
    }
    MX_TRY_GOTO(merx_pictures_decode(decoder, bytes, n, &options, task, picture, err));
    for (size_t i = 0; i < n; i++) {
        if (picture[i].pixels) {
            memcpy(set->pixels + set->n * size, picture[i].pixels, size);
            set->index[set->n++] = index[i];
        } else if (set->refused++ == 0) {
            (void)snprintf(set->refusal, sizeof set->refusal, "%.80s: %.110s", bytes[i].name, picture[i].error.message);
        }
        merx_picture_release(&picture[i]);
    }
out:
    for (size_t i = 0; i < opened; i++)
        mx_blobs_unmap(blobs, &blob[i]);
    return status;
}

static merx_status take_part(mx_picture_set *set, const mx_snapshot *snapshot, const mx_product_pictures *list,
                             const uint8_t *part, uint8_t which, merx_decoder *decoder, merx_task *task, size_t *done,
                             merx_error *err)
{
    size_t index[A_BATCH], n = 0;
    for (size_t i = 0; i <= list->n; i++) {
        if (i < list->n && part[i] == which)
            index[n++] = i;
        if (n == A_BATCH || (i == list->n && n > 0)) {
            MX_TRY(take_batch(set, snapshot->blobs, list, index, n, decoder, task, err));
            *done += n;
            MX_TRY(mx_task_step(task, *done, err));
            n = 0;
        }
    }
    return MERX_OK;
}

merx_status mx_picture_set_load(const mx_snapshot *snapshot, const mx_product_pictures *list, const uint8_t *part,
                                size_t side, const merx_allocator *alloc, merx_task *task, mx_picture_set *out,
                                merx_error *err)
{
    merx_decoder *decoder = NULL;
    merx_status status;
    size_t done = 0, all = 0;
    *out = (mx_picture_set){.alloc = alloc, .side = side};
    for (size_t i = 0; i < list->n; i++)
        all += part[i] < 3;
    out->room = all ? all : 1;
    MX_TRY_GOTO(mx_task_require_memory(task, (uint64_t)out->room * side * side * 3, "pictures", err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, out->room * side * side * 3, sizeof *out->pixels, "pictures", &out->pixels, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->room, sizeof *out->index, "pictures", &out->index, err));
    merx_decoder_options options = {.processes = merx_task_threads(task) < 64 ? merx_task_threads(task) : 64};
    MX_TRY_GOTO(merx_decoder_new(alloc, &options, &decoder, err));
    mx_task_stage(task, "decode pictures", all, "pictures");
    for (uint8_t p = 0; p < 3; p++) {
        MX_TRY_GOTO(take_part(out, snapshot, list, part, p, decoder, task, &done, err));
        out->parts[p + 1] = out->n;
    }
    mx_task_done(task);
    status = MERX_OK;
out:
    merx_decoder_free(decoder);
    if (status != MERX_OK)
        mx_picture_set_release(out);
    return status;
}

bool mx_classify_picture_bytes(const merx_options *question, merx_picture_bytes *out)
{
    const merx_option_file *file = merx_options_file(question, "picture");
    if (file)
        *out = (merx_picture_bytes){file->bytes, file->size, "picture"};
    return file != NULL;
}

/* What is wrong with a picture is the question's failure, also when a part of it could be read. */
static merx_status decode_bytes(merx_decoder *decoder, const merx_picture_bytes *bytes,
                                const merx_picture_options *options, merx_picture *out, merx_error *err)
{
    MX_TRY(merx_pictures_decode(decoder, bytes, 1, options, NULL, out, err));
    if (out->error.code != MERX_OK)
        MX_FAIL(err, out->error.code, bytes->name, "%s", out->error.message);
    return MERX_OK;
}

merx_status mx_classify_picture(const mx_classify *model, const merx_picture_bytes *bytes, const char *path,
                                const mx_snapshot *snapshot, int32_t product, size_t enlarged,
                                const merx_allocator *alloc, merx_picture *out, merx_error *err)
{
    merx_decoder *decoder = NULL;
    mx_blob blob = {0};
    merx_status status;
    mx_arena arena;
    merx_picture_options options = {
        .height = model->network.height * enlarged, .width = model->network.width * enlarged, .fit = MERX_PICTURE_CROP};
    *out = (merx_picture){0};
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(merx_decoder_new(alloc, &(merx_decoder_options){.processes = 1}, &decoder, err));
    if (bytes) {
        MX_TRY_GOTO(decode_bytes(decoder, bytes, &options, out, err));
    } else if (path) {
        MX_TRY_GOTO(merx_picture_read(decoder, path, &options, out, err));
    } else {
        mx_product_pictures list;
        size_t i = 0;
        MX_TRY_GOTO(mx_product_pictures_list(snapshot->blobs, snapshot, &arena, &list, err));
        while (i < list.n && list.picture[i].product != product)
            i++;
        if (i == list.n)
            MX_FAIL_GOTO(err, MERX_E_NOT_FOUND, "product", "%.*s has no picture",
                         (int)snapshot->product_id[product].size, snapshot->product_id[product].data);
        MX_TRY_GOTO(mx_blobs_map(snapshot->blobs, list.picture[i].blob, &blob, err));
        merx_picture_bytes own = {blob.data, blob.size, list.picture[i].blob};
        MX_TRY_GOTO(merx_pictures_decode(decoder, &own, 1, &options, NULL, out, err));
        if (!out->pixels)
            MX_FAIL_GOTO(err, out->error.code, list.picture[i].blob, "%s", out->error.message);
    }
    status = MERX_OK;
out:
    if (blob.data)
        mx_blobs_unmap(snapshot->blobs, &blob);
    merx_decoder_free(decoder);
    mx_arena_release(&arena);
    if (status != MERX_OK)
        merx_picture_release(out);
    return status;
}

/* ---- training ---- */

/* The pictures' index, as bytes in the arena: found again with a recall of RECALL of the ten nearest, where it is not exact. */
static merx_status write_index(const mx_picture_classifier *network, const float *vectors, size_t n,
                               const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                               merx_error *err)
{
    merx_nearest *index = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    merx_status status;
    merx_recall recall;
    merx_nearest_options options = {.similarity = MERX_COSINE, .seed = merx_task_seed(task)};
    MX_TRY_GOTO(merx_nearest_build(alloc, &options, vectors, NULL, n, network->features, task, &index, err));
    if (merx_nearest_describe(index).method == MERX_NEAREST_HNSW)
        MX_TRY_GOTO(merx_nearest_tune(index, NULL, RECALL_QUERIES, 10, RECALL, task, &recall, err));
    MX_TRY_GOTO(mx_nearest_bytes(index, &bytes, &size, err));
    void *kept = mx_arena_alloc(arena, size, err);
    if (!kept) {
        status = MERX_E_MEMORY;
        goto out;
    }
    memcpy(kept, bytes, size);
    status = mx_tensor_writer_vector(writer, "index", MX_U8, size, kept, err);
out:
    mx_free_array(alloc, bytes, size, 1);
    merx_nearest_free(index);
    return status;
}

/* Products of the set's pictures and the code of each picture. */
static merx_status write_products(const mx_snapshot *s, const mx_product_pictures *list, const mx_picture_set *set,
                                  mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    int32_t *code = mx_arena_array(arena, s->products + 1, sizeof *code, err),
            *of = mx_arena_array(arena, set->n + 1, sizeof *of, err);
    mx_str *ids = mx_arena_array(arena, s->products + 1, sizeof *ids, err);
    size_t n = 0;
    if (!code || !of || !ids)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < set->n; i++)
        code[list->picture[set->index[i]].product] = 1;
    for (size_t p = 0; p < s->products; p++)
        if (code[p]) {
            ids[n] = s->product_id[p];
            code[p] = (int32_t)n++;
        }
    for (size_t i = 0; i < set->n; i++)
        of[i] = code[list->picture[set->index[i]].product];
    MX_TRY(mx_tensor_writer_strings(writer, "products", ids, n, err));
    return mx_tensor_writer_vector(writer, "picture_product", MX_I32, set->n, of, err);
}

static merx_status write_model(const mx_picture_classifier *network, const mx_classify_labels *labels,
                               const mx_product_pictures *list, const mx_picture_set *set, const mx_snapshot *snapshot,
                               mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    int32_t *counts = mx_arena_array(arena, labels->classes, sizeof *counts, err);
    if (!counts)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < set->n; i++)
        if (labels->label[set->index[i]] >= 0)
            counts[labels->label[set->index[i]]]++;
    MX_TRY(mx_picture_classifier_write(network, writer, arena, err));
    MX_TRY(mx_tensor_writer_meta(writer, "target", labels->of_products ? "product" : "category", err));
    MX_TRY(mx_tensor_writer_meta(writer, "pictures_sha256", list->sha256, err));
    MX_TRY(mx_tensor_writer_strings(writer, "class_names", labels->name, labels->classes, err));
    MX_TRY(mx_tensor_writer_vector(writer, "class_pictures", MX_I32, labels->classes, counts, err));
    return write_products(snapshot, list, set, writer, arena, err);
}

/* One of the numbers of each epoch against the epoch. */
static merx_status write_curve(const merx_history *history, const char *name, size_t offset, mx_tensor_writer *writer,
                               mx_arena *arena, merx_error *err)
{
    double *points = mx_arena_array(arena, 2 * history->epochs + 1, sizeof *points, err);
    if (!points)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < history->epochs; i++) {
        points[2 * i] = history->epoch[i].epoch;
        memcpy(&points[2 * i + 1], (const char *)&history->epoch[i] + offset, sizeof(double));
    }
    return mx_tensor_writer_matrix(writer, name, MX_F64, history->epochs, 2, points, err);
}

merx_status mx_classify_train(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    mx_product_pictures list;
    mx_classify_labels labels;
    mx_picture_set set = {0};
    mx_picture_classifier network = {0};
    merx_history history = {0};
    merx_status status;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_product_pictures_list(snapshot->blobs, snapshot, arena, &list, err));
    MX_TRY(mx_classify_label(snapshot, &list, options, arena, &labels, err));
    uint8_t *part = mx_arena_array(arena, list.n + 1, 1, err);
    int32_t *label = mx_arena_array(arena, list.n + 1, sizeof *label, err);
    if (!part || !label)
        return MERX_E_MEMORY;
    MX_TRY(mx_classify_choose(snapshot, &list, (size_t)merx_options_int(options, "pictures"), arena, part, err));
    for (size_t i = 0; i < list.n; i++)
        part[i] = part[i] == 0 && labels.label[i] < 0 ? 1 : part[i];
    MX_TRY_GOTO(
        mx_picture_set_load(snapshot, &list, part, (size_t)merx_options_int(options, "side"), alloc, task, &set, err));
    mx_picture_recipe recipe = mx_classify_recipe(options, labels.classes, set.parts[1]);
    for (size_t i = 0; i < set.parts[1]; i++)
        label[i] = labels.label[set.index[i]];
    if (set.parts[1] < LEAST_PICTURES)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "classify", "%zu of %zu pictures can't be decoded; the first: %.150s",
                     set.refused, set.refused + set.n, set.refusal);
    MX_TRY_GOTO(
        mx_picture_classifier_fit(&recipe, set.pixels, label, set.parts[1], alloc, task, &network, &history, err));
    float *vectors = mx_arena_array(arena, set.n * network.features + 1, sizeof *vectors, err);
    if (!vectors) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(mx_picture_classifier_run(&network, set.pixels, set.n, task, vectors, NULL, err));
    MX_TRY_GOTO(write_index(&network, vectors, set.n, alloc, task, writer, arena, err));
    MX_TRY_GOTO(write_model(&network, &labels, &list, &set, snapshot, writer, arena, err));
    MX_TRY_GOTO(write_curve(&history, MX_CURVE_PREFIX "loss", offsetof(merx_epoch, loss), writer, arena, err));
    status = write_curve(&history, MX_CURVE_PREFIX "accuracy", offsetof(merx_epoch, metric), writer, arena, err);
out:
    merx_history_release(&history);
    mx_picture_classifier_release(&network);
    mx_picture_set_release(&set);
    return status;
}

/* ---- forgetting ---- */

static merx_status copy_tensors(const mx_tensor_file *old, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    for (size_t i = 0; i < mx_tensor_file_count(old); i++) {
        const mx_tensor *t = mx_tensor_file_at(old, i);
        void *data = mx_arena_alloc(arena, t->size_bytes + 1, err);
        if (!data)
            return MERX_E_MEMORY;
        memcpy(data, t->data, t->size_bytes);
        MX_TRY(mx_tensor_writer_add(writer, t->name, t->dtype, t->dims, t->shape, data, err));
    }
    return MERX_OK;
}

merx_status mx_classify_forget(const mx_snapshot *without, const mx_tensor_file *old, const merx_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                               bool *exact, merx_error *err)
{
    static const char *const kept[] = {"mirrored",       "network", "network_seed",   "network_steps",
                                       "network_epochs", "target",  "pictures_sha256"};
    mx_product_pictures list;
    (void)options, (void)alloc, (void)task;
    MX_TRY(mx_product_pictures_list(without->blobs, without, arena, &list, err));
    const char *before = mx_tensor_file_meta(old, "pictures_sha256");
    /* A product that only his orders named is gone with him, and its pictures with it. */
    *exact = before && strcmp(before, list.sha256) == 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *value = mx_tensor_file_meta(old, kept[i]);
        if (!value)
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(old), "metadata \"%s\" is missing", kept[i]);
        MX_TRY(mx_tensor_writer_meta(writer, kept[i], value, err));
    }
    return copy_tensors(old, writer, arena, err);
}

/* ---- reading ---- */

static merx_status read_lists(const mx_tensor_file *file, mx_classify *m, merx_error *err)
{
    const char *where = mx_tensor_file_name(file);
    size_t names;
    uint64_t n;
    MX_TRY(mx_tensor_file_strings(file, "class_names", &m->arena, &m->class_name, &names, err));
    MX_TRY(mx_tensor_file_vector(file, "class_pictures", MX_I32, m->network.classes, &m->class_pictures, &n, err));
    if (names != m->network.classes)
        MX_FAIL(err, MERX_E_CORRUPT, where, "%zu names for %zu classes", names, m->network.classes);
    MX_TRY(mx_tensor_file_strings(file, "products", &m->arena, &m->product, &m->products, err));
    MX_TRY(mx_tensor_file_vector(file, "picture_product", MX_I32, 0, &m->picture_product, &n, err));
    m->pictures = n;
    for (size_t i = 0; i < m->pictures; i++)
        if (m->picture_product[i] < 0 || (size_t)m->picture_product[i] >= m->products)
            MX_FAIL(err, MERX_E_CORRUPT, where, "picture %zu is of product %d; there are %zu", i,
                    (int)m->picture_product[i], m->products);
    const unsigned char *bytes;
    uint64_t size;
    MX_TRY(mx_tensor_file_vector(file, "index", MX_U8, 0, &bytes, &size, err));
    MX_TRY(merx_nearest_load_memory(m->alloc, bytes, size, where, false, &m->index, err));
    merx_nearest_info info = merx_nearest_describe(m->index);
    if (info.count != m->pictures || info.width != m->network.features || info.similarity != MERX_COSINE)
        MX_FAIL(err, MERX_E_CORRUPT, where, "an index of %zu vectors of %zu numbers for %zu pictures of %zu",
                info.count, info.width, m->pictures, m->network.features);
    for (size_t i = 0; i < m->pictures; i++)
        if (!merx_nearest_has(m->index, (int64_t)i))
            MX_FAIL(err, MERX_E_CORRUPT, where, "its index has no vector of picture %zu", i);
    return MERX_OK;
}

merx_status mx_classify_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_classify *out, merx_error *err)
{
    const char *target = mx_tensor_file_meta(file, "target");
    merx_status status;
    *out = (mx_classify){.alloc = mx_allocator_or_default(alloc)};
    mx_arena_init(&out->arena, out->alloc);
    if (!target || (strcmp(target, "category") != 0 && strcmp(target, "product") != 0))
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                     "metadata \"target\" is neither category nor product");
    out->of_products = strcmp(target, "product") == 0;
    MX_TRY_GOTO(mx_picture_classifier_read(file, out->alloc, &out->network, err));
    if (out->network.channels != 3 || out->network.height != out->network.width)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "its network is not one of colour pictures");
    MX_TRY_GOTO(read_lists(file, out, err));
    return MERX_OK;
out:
    mx_classify_release(out);
    return status;
}

void mx_classify_release(mx_classify *model)
{
    merx_nearest_free(model->index);
    mx_picture_classifier_release(&model->network);
    mx_arena_release(&model->arena);
    *model = (mx_classify){0};
}
