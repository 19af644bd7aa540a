/*
 * The ranker's tensors: made, run, written and read. How it learns: sequence_ranker_fit.c.
 */
#include "learn/network/sequence_ranker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/prefetch.h"
#include "kernels/similarity.h"
#include "kernels/tensors.h"
#include "learn/network/sequence_ranker_parts.h"

merx_status mx_ranker_make(size_t items, size_t units, const merx_allocator *alloc, mx_ranker *out, merx_error *err)
{
    *out = (mx_ranker){.alloc = mx_allocator_or_default(alloc), .items = items, .units = units};
    const merx_allocator *a = out->alloc;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(a, items * units, sizeof(float), "item vectors", &out->vectors, err));
    mx_wish_large_pages(out->vectors, items * units * sizeof(float));
    MX_TRY_GOTO(mx_alloc_array(a, items, sizeof(float), "item biases", &out->bias, err));
    MX_TRY_GOTO(mx_alloc_array(a, units * 3 * units, sizeof(float), "weights of a GRU", &out->kernel, err));
    MX_TRY_GOTO(mx_alloc_array(a, units * 3 * units, sizeof(float), "weights of a GRU", &out->recurrent, err));
    MX_TRY_GOTO(mx_alloc_array(a, 6 * units, sizeof(float), "biases of a GRU", &out->biases, err));
    MX_TRY_GOTO(
        mx_alloc_array(a, 2 * mx_panels_size(units, 3 * units), sizeof(float), "weights of a GRU", &out->panels, err));
    MX_TRY_GOTO(mx_alloc_array(a, units * 3 * units, sizeof(float), "weights of a GRU", &out->strips, err));
    return MERX_OK;
out:
    mx_ranker_release(out);
    return status;
}

void mx_ranker_release(mx_ranker *r)
{
    if (!r->alloc)
        return;
    MX_FREE_ARRAY(r->alloc, r->vectors, r->items * r->units);
    MX_FREE_ARRAY(r->alloc, r->bias, r->items);
    MX_FREE_ARRAY(r->alloc, r->kernel, r->units * 3 * r->units);
    MX_FREE_ARRAY(r->alloc, r->recurrent, r->units * 3 * r->units);
    MX_FREE_ARRAY(r->alloc, r->biases, 6 * r->units);
    MX_FREE_ARRAY(r->alloc, r->panels, 2 * mx_panels_size(r->units, 3 * r->units));
    MX_FREE_ARRAY(r->alloc, r->strips, r->units * 3 * r->units);
    MX_FREE_ARRAY(r->alloc, r->inputs, r->kept * 3 * r->units);
    MX_FREE_ARRAY(r->alloc, r->input, r->items);
    *r = (mx_ranker){0};
}

/* Columns of a strip: half of what 64 units have, so that the half just used is still near when the next step begins with it. */
enum { STRIP = 96 };

void mx_ranker_pack(mx_ranker *r)
{
    size_t u = r->units;
    mx_tensor_kernel()->pack(r->kernel, 3 * u, u, 3 * u, r->panels);
    mx_tensor_kernel()->pack(r->recurrent, 3 * u, u, 3 * u, r->panels + mx_panels_size(u, 3 * u));
    float *to = r->strips;
    for (size_t j = 0, width; j < 3 * u; j += width) {
        width = 3 * u - j < STRIP ? 3 * u - j : STRIP;
        for (size_t k = 0; k < u; k++, to += width)
            memcpy(to, r->recurrent + k * 3 * u + j, width * sizeof *to);
    }
}

/* ---- running ---- */

size_t mx_ranker_scratch(const mx_ranker *r)
{
    return 6 * r->units;
}

/* zx (m, 3 u) out of the items' vectors (m, u). */
static void take_in(const mx_ranker *r, const float *vectors, size_t m, float *zx)
{
    size_t u = r->units;
    mx_tensor_kernel()->gemm(&(mx_gemm){.m = m,
                                        .k = u,
                                        .u = 3 * u,
                                        .a = vectors,
                                        .a_stride = u,
                                        .panels = r->panels,
                                        .bias = r->biases,
                                        .c = zx,
                                        .c_stride = 3 * u});
}

/* Who wants to be called beside the work. */
typedef struct listener {
    void (*call)(void *context);
    void *context;
} listener;

/* zx of the item; zh (3 u): scratch. Both are written over. turned: the strips are gone through from the last one on, with the same bits. */
static void go_on(const mx_ranker *r, float *zx, float *zh, float *state, bool turned, listener beside)
{
    const mx_tensor_kernels *kernel = mx_tensor_kernel();
    size_t u = r->units, strips = (3 * u + STRIP - 1) / STRIP;
    for (size_t i = 0; i < strips; i++) {
        size_t j = (turned ? strips - 1 - i : i) * STRIP, width = 3 * u - j < STRIP ? 3 * u - j : STRIP;
        if (beside.call)
            beside.call(beside.context);
        kernel->gemv(state, r->strips + j * u, u, width, r->biases + 3 * u + j, zh + j);
    }
    kernel->gru_step(zx, zh, state, 1, u, MX_TANH, MX_SIGMOID, NULL, state);
}

void mx_ranker_step(const mx_ranker *r, int32_t item, float *state, float *scratch)
{
    take_in(r, r->vectors + (size_t)item * r->units, 1, scratch);
    go_on(r, scratch, scratch + 3 * r->units, state, false, (listener){0});
}

enum { TAKEN_AT_ONCE = 32 };

size_t mx_ranker_follow_scratch(const mx_ranker *r)
{
    return (4 * TAKEN_AT_ONCE + 3) * r->units;
}

merx_status mx_ranker_keep_inputs(mx_ranker *r, const int32_t *items, size_t n, merx_error *err)
{
    size_t u = r->units;
    float *vectors = NULL, *inputs = NULL;
    int32_t *input = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(r->alloc, r->items, sizeof *input, "inputs of a GRU", &input, err));
    MX_TRY_GOTO(mx_alloc_array_raw(r->alloc, n * 3 * u, sizeof *inputs, "inputs of a GRU", &inputs, err));
    MX_TRY_GOTO(mx_alloc_array_raw(r->alloc, TAKEN_AT_ONCE * u, sizeof *vectors, "item vectors", &vectors, err));
    mx_wish_large_pages(inputs, n * 3 * u * sizeof *inputs);
    for (size_t i = 0; i < r->items; i++)
        input[i] = -1;
    for (size_t first = 0, count; first < n; first += count) {
        count = n - first < TAKEN_AT_ONCE ? n - first : TAKEN_AT_ONCE;
        for (size_t k = 0; k < count; k++) {
            input[items[first + k]] = (int32_t)(first + k);
            memcpy(vectors + k * u, r->vectors + (size_t)items[first + k] * u, u * sizeof *vectors);
        }
        take_in(r, vectors, count, inputs + first * 3 * u);
    }
    r->input = input;
    r->inputs = inputs;
    r->kept = n;
out:
    MX_FREE_ARRAY(r->alloc, vectors, TAKEN_AT_ONCE * u);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(r->alloc, input, r->items);
        MX_FREE_ARRAY(r->alloc, inputs, n * 3 * u);
    }
    return status;
}

/* What an item is known by lies anywhere in memory: it is asked for some steps ahead. */
static void ask_for_input(const mx_ranker *r, int32_t item)
{
    int32_t row = r->input[item];
    const float *from = row >= 0 ? r->inputs + (size_t)row * 3 * r->units : r->vectors + (size_t)item * r->units;
    mx_prefetch(from, (row >= 0 ? 3 * r->units : r->units) * sizeof *from);
}

/* zx (3 u) of an item. */
static void take_kept(const mx_ranker *r, int32_t item, float *zx)
{
    size_t u = r->units;
    if (r->input[item] >= 0)
        memcpy(zx, r->inputs + (size_t)r->input[item] * 3 * u, 3 * u * sizeof *zx);
    else
        take_in(r, r->vectors + (size_t)item * u, 1, zx);
}

static void follow_kept(const mx_ranker *r, const int32_t *items, size_t m, float *state, float *zx, listener beside)
{
    enum { AHEAD = 2 };
    for (size_t k = 0; k < m; k++)
        __builtin_prefetch(&r->input[items[k]]);
    for (size_t k = 0; k < m && k < AHEAD; k++)
        ask_for_input(r, items[k]);
    for (size_t k = 0; k < m; k++) {
        if (k + AHEAD < m)
            ask_for_input(r, items[k + AHEAD]);
        take_kept(r, items[k], zx);
        go_on(r, zx, zx + 3 * r->units, state, k % 2 == 1, beside);
    }
}

void mx_ranker_follow(const mx_ranker *r, const int32_t *items, size_t m, float *state, float *scratch,
                      void (*call)(void *context), void *context)
{
    size_t u = r->units;
    float *vectors = scratch, *zx = vectors + TAKEN_AT_ONCE * u, *zh = zx + TAKEN_AT_ONCE * 3 * u;
    listener beside = {call, context};
    if (r->inputs) {
        follow_kept(r, items, m, state, scratch, beside);
        return;
    }
    for (size_t first = 0, count; first < m; first += count) {
        count = m - first < TAKEN_AT_ONCE ? m - first : TAKEN_AT_ONCE;
        for (size_t k = 0; k < count; k++)
            memcpy(vectors + k * u, r->vectors + (size_t)items[first + k] * u, u * sizeof *vectors);
        take_in(r, vectors, count, zx);
        for (size_t k = 0; k < count; k++)
            go_on(r, zx + k * 3 * u, zh, state, k % 2 == 1, beside);
    }
}

/* logits (m) of the items first … first + m - 1. Of each alone: the bits do not depend on m. */
static void logits_of(const mx_ranker *r, const float *state, size_t first, size_t m, float *logits)
{
    const float *rows = r->vectors + first * r->units;
    if (r->units % MX_SIMILARITY_LANES == 0) {
        mx_similarity_kernel()->minus_dots(state, rows, r->units, NULL, m, logits);
        for (size_t i = 0; i < m; i++)
            logits[i] = r->bias[first + i] - logits[i];
        return;
    }
    for (size_t i = 0; i < m; i++) {
        float sum = 0;
        for (size_t k = 0; k < r->units; k++)
            sum += state[k] * rows[i * r->units + k];
        logits[i] = sum + r->bias[first + i];
    }
}

void mx_ranker_logits(const mx_ranker *r, const float *state, const int32_t *items, size_t m, float *logits)
{
    if (r->units % MX_SIMILARITY_LANES == 0) {
        mx_similarity_kernel()->minus_dots(state, r->vectors, r->units, (const uint32_t *)items, m, logits);
        for (size_t i = 0; i < m; i++)
            logits[i] = r->bias[items[i]] - logits[i];
        return;
    }
    for (size_t i = 0; i < m; i++)
        logits_of(r, state, (size_t)items[i], 1, &logits[i]);
}

float mx_ranker_logit(const mx_ranker *r, const float *state, int32_t item)
{
    float logit;
    logits_of(r, state, (size_t)item, 1, &logit);
    return logit;
}

void mx_ranker_score(const mx_ranker *r, const float *state, double factor, double *scores)
{
    enum { AT_ONCE = 256 };
    float logits[AT_ONCE];
    for (size_t first = 0; first < r->items; first += AT_ONCE) {
        size_t m = r->items - first < AT_ONCE ? r->items - first : AT_ONCE;
        logits_of(r, state, first, m, logits);
        for (size_t i = 0; i < m; i++)
            scores[first + i] += factor * (double)logits[i];
    }
}

merx_status mx_ranker_take_items(const mx_ranker *old, const int32_t *from, size_t items, const merx_allocator *alloc,
                                 mx_ranker *out, merx_error *err)
{
    size_t u = old->units;
    MX_TRY(mx_ranker_make(items, u, alloc, out, err));
    memcpy(out->kernel, old->kernel, u * 3 * u * sizeof(float));
    memcpy(out->recurrent, old->recurrent, u * 3 * u * sizeof(float));
    memcpy(out->biases, old->biases, 6 * u * sizeof(float));
    for (size_t i = 0; i < items; i++)
        if (from[i] >= 0) {
            memcpy(out->vectors + i * u, old->vectors + (size_t)from[i] * u, u * sizeof(float));
            out->bias[i] = old->bias[from[i]];
        }
    mx_ranker_pack(out);
    return MERX_OK;
}

/* ---- files ---- */

enum { NAME_SIZE = 64, UNITS_MAX = 4096, TENSORS = 5 };

typedef struct place {
    const char *word;
    float **values;
    uint64_t rows, columns; /* rows 0: a vector */
} place;

static void places_of(mx_ranker *r, place out[TENSORS])
{
    uint64_t u = r->units;
    out[0] = (place){"vectors", &r->vectors, r->items, u};
    out[1] = (place){"bias", &r->bias, 0, r->items};
    out[2] = (place){"kernel", &r->kernel, u, 3 * u};
    out[3] = (place){"recurrent", &r->recurrent, u, 3 * u};
    out[4] = (place){"biases", &r->biases, 2, 3 * u};
}

merx_status mx_ranker_write(const mx_ranker *ranker, const char *prefix, mx_tensor_writer *writer, mx_arena *arena,
                            merx_error *err)
{
    mx_ranker r = *ranker;
    place p[TENSORS];
    places_of(&r, p);
    for (size_t i = 0; i < TENSORS; i++) {
        char name[NAME_SIZE];
        size_t count = (size_t)((p[i].rows ? p[i].rows : 1) * p[i].columns);
        float *copy = mx_arena_array(arena, count + 1, sizeof *copy, err);
        if (!copy)
            return MERX_E_MEMORY;
        if (count)
            memcpy(copy, *p[i].values, count * sizeof *copy);
        snprintf(name, sizeof name, "%s.%s", prefix, p[i].word);
        if (p[i].rows)
            MX_TRY(mx_tensor_writer_matrix(writer, name, MX_F32, p[i].rows, p[i].columns, copy, err));
        else
            MX_TRY(mx_tensor_writer_vector(writer, name, MX_F32, p[i].columns, copy, err));
    }
    return MERX_OK;
}

merx_status mx_ranker_read(const mx_tensor_file *file, const char *prefix, const merx_allocator *alloc, mx_ranker *out,
                           merx_error *err)
{
    char name[NAME_SIZE];
    const mx_tensor *vectors;
    *out = (mx_ranker){0};
    snprintf(name, sizeof name, "%s.vectors", prefix);
    MX_TRY(mx_tensor_file_get(file, name, MX_F32, 2, (uint64_t[]){0, 0}, &vectors, err));
    if (vectors->shape[0] > INT32_MAX || vectors->shape[1] == 0 || vectors->shape[1] > UNITS_MAX)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "\"%s\" holds %llu x %llu numbers; expected 1 to %d a product", name,
                (unsigned long long)vectors->shape[0], (unsigned long long)vectors->shape[1], UNITS_MAX);
    MX_TRY(mx_ranker_make((size_t)vectors->shape[0], (size_t)vectors->shape[1], alloc, out, err));
    place p[TENSORS];
    places_of(out, p);
    merx_status status = MERX_OK;
    for (size_t i = 0; i < TENSORS; i++) {
        const mx_tensor *t;
        snprintf(name, sizeof name, "%s.%s", prefix, p[i].word);
        const uint64_t shape[2] = {p[i].rows ? p[i].rows : p[i].columns, p[i].columns};
        MX_TRY_GOTO(mx_tensor_file_get(file, name, MX_F32, p[i].rows ? 2 : 1, shape, &t, err));
        size_t count = (size_t)((p[i].rows ? p[i].rows : 1) * p[i].columns);
        const float *values = t->data;
        if (t->size_bytes != count * sizeof *values)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"%s\" has another size than its network",
                         name);
        for (size_t k = 0; k < count; k++)
            if (!isfinite(values[k]))
                MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"%s\" holds a number that is not finite",
                             name);
        if (count)
            memcpy(*p[i].values, values, count * sizeof *values);
    }
    mx_ranker_pack(out);
    return MERX_OK;
out:
    mx_ranker_release(out);
    return status;
}
