/*
 * Empty clusters take the rows that are farthest from their centroids.
 */
#include <string.h>

#include "learn/cluster/kmeans_lloyd.h"

enum { BLOCK = 4096 };

typedef struct farthest {
    double distance2, weight;
    uint64_t row; /* of the whole; UINT64_MAX: none */
    int32_t label;
} farthest;

typedef struct search {
    mx_lloyd *l;
    const uint64_t *taken; /* rows that were given away */
    size_t taken_count;
    farthest *best;    /* (workers) of the design block that is looked at */
    double *distances; /* (workers, k + d) */
} search;

static bool is_taken(const search *s, uint64_t row)
{
    for (size_t t = 0; t < s->taken_count; t++)
        if (s->taken[t] == row)
            return true;
    return false;
}

static merx_status search_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    search *s = context;
    mx_lloyd *l = s->l;
    size_t begin = block * BLOCK, end = l->block.n - begin < BLOCK ? l->block.n : begin + BLOCK,
           worker = (size_t)mx_worker_index();
    double *distances = s->distances + worker * (l->k + l->d);
    farthest *best = &s->best[worker];
    for (size_t i = begin; i < end; i++) {
        double w = l->block.weights ? l->block.weights[i] : 1, d2;
        uint64_t row = l->offset + i;
        if (!(w > 0) || is_taken(s, row))
            continue;
        const double *x = mx_kmeans_row(&l->block, i, distances + l->k);
        size_t label = 0;
        if (l->labels) {
            label = (size_t)l->labels[row];
            mx_kernel()->squared_distances(x, l->centroids + label * l->d, l->d, 1, &d2);
        } else {
            mx_kernel()->squared_distances(x, l->transposed, l->d, l->k, distances);
            for (size_t c = 1; c < l->k; c++)
                label = distances[c] < distances[label] ? c : label;
            d2 = distances[label];
        }
        if (d2 > 0 && mx_lloyd_weight(l, label) > w &&
            (best->row == UINT64_MAX || d2 > best->distance2 || (d2 == best->distance2 && row < best->row)))
            *best = (farthest){d2, w, row, (int32_t)label};
    }
    return MERX_OK;
}

/* The farthest row of all, and its numbers in x (d). */
static merx_status find_farthest(search *s, farthest *out, double *x, merx_error *err)
{
    mx_lloyd *l = s->l;
    out->row = UINT64_MAX;
    MX_TRY(mx_design_rows_rewind(l->rows, err));
    for (l->offset = 0;; l->offset += l->block.n) {
        MX_TRY(mx_design_rows_next(l->rows, &l->block, err));
        if (l->block.n == 0)
            return MERX_OK;
        for (size_t w = 0; w < l->workers; w++)
            s->best[w].row = UINT64_MAX;
        MX_TRY(mx_parallel(l->task, (l->block.n + BLOCK - 1) / BLOCK, search_block, s, err));
        for (size_t w = 0; w < l->workers; w++) {
            const farthest *one = &s->best[w];
            if (one->row == UINT64_MAX || !(out->row == UINT64_MAX || one->distance2 > out->distance2 ||
                                            (one->distance2 == out->distance2 && one->row < out->row)))
                continue;
            *out = *one;
            const double *row = mx_kmeans_row(&l->block, (size_t)(one->row - l->offset), x);
            if (row != x)
                memcpy(x, row, l->d * sizeof *x);
        }
    }
}

merx_status mx_lloyd_fill_empty(mx_lloyd *l, bool *moved, merx_error *err)
{
    size_t empty = 0;
    *moved = false;
    for (size_t c = 0; c < l->k; c++)
        empty += !(mx_lloyd_weight(l, c) > 0);
    if (empty == 0)
        return MERX_OK;
    search s = {.l = l};
    double *x = NULL;
    uint64_t *taken = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(l->alloc, l->workers, sizeof(farthest), "farthest rows", &s.best, err));
    MX_TRY_GOTO(mx_alloc_array(l->alloc, l->workers * (l->k + l->d), sizeof(double), "distances", &s.distances, err));
    MX_TRY_GOTO(mx_alloc_array(l->alloc, l->d, sizeof(double), "farthest row", &x, err));
    MX_TRY_GOTO(mx_alloc_array(l->alloc, empty, sizeof(uint64_t), "farthest rows", &taken, err));
    s.taken = taken;
    for (size_t c = 0; c < l->k; c++) {
        farthest found;
        if (mx_lloyd_weight(l, c) > 0)
            continue;
        MX_TRY_GOTO(find_farthest(&s, &found, x, err));
        if (found.row == UINT64_MAX)
            break; /* no later one would find any */
        mx_lloyd_move_row(l, x, found.weight, -1, (size_t)found.label);
        mx_lloyd_move_row(l, x, found.weight, 1, c);
        if (l->labels) {
            l->labels[found.row] = (int32_t)c;
            l->slack[found.row] = -1;
        }
        taken[s.taken_count++] = found.row;
        *moved = true;
    }
out:
    mx_free_array(l->alloc, taken, empty, sizeof(uint64_t));
    mx_free_array(l->alloc, x, l->d, sizeof(double));
    mx_free_array(l->alloc, s.distances, l->workers * (l->k + l->d), sizeof(double));
    mx_free_array(l->alloc, s.best, l->workers, sizeof(farthest));
    return status;
}
