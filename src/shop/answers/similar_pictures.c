/*
 * What pictures say to `similar`: vectors of the shop's pictures out of the live model of `classify`.
 */
#include <math.h>
#include <string.h>

#include "base/run.h"
#include "shop/answers/classify.h"
#include "shop/answers/similar.h"

static merx_status classifier(const mx_ask *ask, const mx_classify **out, merx_error *err)
{
    const void *state = NULL;
    if (ask->model_of)
        MX_TRY(ask->model_of(ask->context, "classify", &state, err));
    *out = state;
    return MERX_OK;
}

/* The snapshot's product of each of the model's; -1: gone. */
static int32_t *products_of(const mx_snapshot *s, const mx_classify *m, mx_arena *arena, merx_error *err)
{
    int32_t *code = mx_arena_array(arena, m->products + 1, sizeof *code, err);
    for (size_t p = 0, i = 0; code && p < m->products; p++) {
        /* Both ascend. */
        while (i < s->products && mx_str_compare(s->product_id[i], m->product[p]) < 0)
            i++;
        code[p] = i < s->products && mx_str_equal(s->product_id[i], m->product[p]) ? (int32_t)i : -1;
    }
    return code;
}

merx_status mx_similar_product_vectors(const mx_ask *ask, const mx_similar_vectors **out, merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    const mx_classify *m;
    *out = NULL;
    MX_TRY(classifier(ask, &m, err));
    if (!m)
        return MERX_OK;
    size_t d = m->network.features;
    mx_similar_vectors *vectors = mx_arena_array(ask->arena, 1, sizeof *vectors, err);
    float *x = mx_arena_array(ask->arena, s->products * d + 1, sizeof *x, err);
    const int32_t *code = products_of(s, m, ask->arena, err);
    if (!vectors || !x || !code)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < m->pictures; i++) {
        int32_t product = code[m->picture_product[i]];
        const float *v = merx_nearest_vector(m->index, (int64_t)i);
        for (size_t j = 0; product >= 0 && j < d; j++)
            x[(size_t)product * d + j] += v[j];
    }
    *vectors = (mx_similar_vectors){x, d};
    *out = vectors;
    return MERX_OK;
}

merx_status mx_similar_find_picture(const mx_ask *ask, const char *path, const mx_similar_ask *similar,
                                    mx_similar_found **found, size_t *count, const merx_recall **recall,
                                    merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    const mx_classify *m;
    merx_picture picture;
    merx_picture_bytes bytes;
    bool in_memory = mx_classify_picture_bytes(ask->question, &bytes);
    *count = 0;
    MX_TRY(classifier(ask, &m, err));
    if (!m)
        MX_FAIL(err, MERX_E_NOT_FITTED, "similar",
                "pictures are compared by what classify has learnt, and it has no live model: merx train classify");
    size_t most = m->pictures, n = similar->n;
    /* A product may have many pictures, each nearer than another product's first. */
    if (merx_nearest_describe(m->index).method == MERX_NEAREST_HNSW)
        most =
            n * MX_PICTURES_OF_PRODUCT < MERX_NEAREST_MAX_SEARCH ? n * MX_PICTURES_OF_PRODUCT : MERX_NEAREST_MAX_SEARCH;
    most = most < m->pictures ? most : m->pictures;
    float *vector = mx_arena_array(ask->arena, m->network.features, sizeof *vector, err);
    merx_neighbour *near = mx_arena_array(ask->arena, most + 1, sizeof *near, err);
    uint8_t *seen = mx_arena_array(ask->arena, s->products + 1, 1, err);
    merx_recall *kept = mx_arena_array(ask->arena, 1, sizeof *kept, err);
    const int32_t *code = products_of(s, m, ask->arena, err);
    *found = mx_arena_array(ask->arena, n + 1, sizeof **found, err);
    if (!vector || !near || !seen || !kept || !code || !*found)
        return MERX_E_MEMORY;
    *kept = merx_nearest_describe(m->index).recall;
    *recall = kept->k > 0 ? kept : NULL;
    MX_TRY(mx_classify_picture(m, in_memory ? &bytes : NULL, path, s, -1, 1, m->alloc, &picture, err));
    merx_status status = mx_picture_classifier_run(&m->network, picture.pixels, 1, ask->task, vector, NULL, err);
    merx_picture_release(&picture);
    MX_TRY(status);
    MX_TRY(merx_nearest_search(m->index, vector, 1, most, ask->task, near, err));
    for (size_t i = 0; i < most && near[i].id >= 0 && *count < n; i++) {
        int32_t product = code[m->picture_product[near[i].id]];
        if (product < 0 || seen[product] || s->product_service[product] ||
            (similar->barred && similar->barred[product]) || !(near[i].score > 0))
            continue;
        seen[product] = 1;
        mx_similar_found *f = &(*found)[(*count)++];
        *f = (mx_similar_found){.product = product};
        f->score = f->part[MX_SIMILAR_PICTURE] = similar->weight[MX_SIMILAR_PICTURE] * near[i].score;
    }
    return MERX_OK;
}
