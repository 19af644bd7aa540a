/*
 * The passes over rows. Invariants: (1) a label depends on the row and the centroids alone; (2) sums are exact, so no order shows in them; inertia runs over
 * fixed blocks of 1,024 rows combined in their order; (3) slack is below (lower bound to others) - (upper bound to own) by more than 1e-6 of either,
 * which covers what rounding in double can do to the comparison that it stands for.
 */
#include "learn/cluster/kmeans_lloyd.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 4096, TILE = MX_NEAREST_ROWS, PIECE = 512, PIECES = 64 };

typedef struct scratch {
    double *row, *distances; /* (d), (k) */
    float *tile;             /* (d, TILE) */
    float *upper, *lower;    /* (TILE) */
    int32_t *index;          /* (TILE) */
    uint32_t *list;          /* (BLOCK) rows of the block to look at */
    int32_t *labels;         /* (BLOCK) where none are held */
    uint64_t changed, doubled, looked_at;
} scratch;

static size_t sums_width(const mx_lloyd *l)
{
    return l->k * (2 * l->d + 2);
}

static scratch *scratch_of(const mx_lloyd *l, size_t worker)
{
    return (scratch *)(void *)(l->scratch + worker * l->scratch_bytes);
}

static size_t padded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Where the parts of one worker's scratch begin; returns its size. */
static size_t lay_out(size_t k, size_t d, scratch *s, char *base)
{
    size_t at = padded(sizeof *s);
#define PART(member, bytes)                                                                                            \
    if (s)                                                                                                             \
        s->member = (void *)(base + at);                                                                               \
    at += padded(bytes)
    PART(row, d * sizeof(double));
    PART(distances, k * sizeof(double));
    PART(tile, d * TILE * sizeof(float));
    PART(upper, TILE * sizeof(float));
    PART(lower, TILE * sizeof(float));
    PART(index, TILE * sizeof(int32_t));
    PART(list, BLOCK * sizeof(uint32_t));
    PART(labels, BLOCK * sizeof(int32_t));
#undef PART
    return at;
}

/* ---- sums ---- */

static void move_row(const mx_lloyd *l, double *sums, const double *row, double weight, size_t cluster)
{
    size_t d = l->d, k = l->k;
    if (weight == 0)
        return;
    const double one = 1;
    mx_kernel()->exact_add(weight, row, l->coarse, l->fine, sums + cluster * d, sums + (k + cluster) * d, d);
    mx_kernel()->exact_add(weight, &one, l->coarse + d, l->fine + d, sums + 2 * k * d + cluster,
                           sums + 2 * k * d + k + cluster, 1);
}

void mx_lloyd_move_row(mx_lloyd *l, const double *row, double weight, int by, size_t cluster)
{
    move_row(l, l->sums, row, by * weight, cluster);
}

double mx_lloyd_weight(const mx_lloyd *l, size_t cluster)
{
    const double *weights = l->sums + 2 * l->k * l->d;
    return weights[cluster] + weights[l->k + cluster];
}

double mx_lloyd_sum(const mx_lloyd *l, size_t cluster, size_t j)
{
    const double *high = l->sums + cluster * l->d, *low = high + l->k * l->d;
    return high[j] + low[j];
}

void mx_lloyd_clear(mx_lloyd *l)
{
    memset(l->sums, 0, sums_width(l) * sizeof *l->sums);
}

/* The multiples that sums are kept in: n values of at most `largest` stay below 2^51 of each. */
static void set_units(double largest, uint64_t n, double *coarse, double *fine)
{
    int range = 0, rows = 3;
    if (largest > 0)
        (void)frexp(largest, &range); /* largest < 2^range */
    while (rows < 64 && (n >> (rows - 3)) > 0)
        rows++; /* 8 n <= 2^rows */
    int unit = range + rows - 52, rest = unit + rows - 52;
    unit = unit < -1074 ? -1074 : unit;
    rest = rest < -1074 ? -1074 : rest;
    *coarse = ldexp(1.5, 52 + unit);
    *fine = ldexp(1.5, 52 + rest);
}

/* ---- centroids into the forms that passes read ---- */

static void transpose_centroids(mx_lloyd *l)
{
    for (size_t c = 0; c < l->k; c++)
        for (size_t j = 0; j < l->d; j++)
            l->transposed[j * l->k + c] = l->centroids[c * l->d + j];
}

static void pack_centroids(mx_lloyd *l)
{
    size_t d = l->d;
    float kappa = mx_nearest_kappa(d);
    l->screened = true;
    for (size_t c = 0; c < l->strips * MX_NEAREST_STRIP; c++) {
        float *to = l->packed + c / MX_NEAREST_STRIP * d * MX_NEAREST_STRIP + c % MX_NEAREST_STRIP;
        if (c >= l->k) {
            for (size_t j = 0; j < d; j++)
                to[j * MX_NEAREST_STRIP] = 0;
            l->half[c] = MX_NEAREST_FAR;
            continue;
        }
        double norm = 0;
        for (size_t j = 0; j < d; j++) {
            double value = (l->centroids[c * d + j] - l->shift[j]) * l->scale;
            norm += value * value;
            to[j * MX_NEAREST_STRIP] = (float)(fabs(value) < 1e30 ? value : 0);
        }
        l->screened = l->screened && norm < 1e20; /* beyond, products with rows come near float's range */
        l->half[c] = mx_nearest_half(norm < 1e20 ? norm / 2 : 0, kappa);
    }
}

/* How far each cluster's slack falls: its centroid's movement since the last assignment and the most of any other. */
static void set_steps(mx_lloyd *l)
{
    double most = 0, second = 0;
    size_t at = 0;
    for (size_t c = 0; c < l->k; c++) {
        double moved = 0;
        for (size_t j = 0; j < l->d; j++) {
            double by = (l->centroids[c * l->d + j] - l->before[c * l->d + j]) * l->scale;
            moved += by * by;
        }
        moved = sqrt(moved);
        l->step[c] = (float)moved;
        if (moved > most) {
            second = most;
            most = moved;
            at = c;
        } else if (moved > second) {
            second = moved;
        }
    }
    for (size_t c = 0; c < l->k; c++)
        l->step[c] = (float)(((double)l->step[c] + (c == at ? second : most)) * 1.00001);
    memcpy(l->before, l->centroids, l->k * l->d * sizeof *l->before);
}

/* ---- one pass ---- */

/* The nearest centroid in double; *slack in the units of screening. */
static int32_t nearest_in_double(const mx_lloyd *l, const double *row, double *distances, float *slack)
{
    size_t k = l->k, nearest = 0;
    double next = INFINITY;
    mx_kernel()->squared_distances(row, l->transposed, l->d, k, distances);
    for (size_t c = 1; c < k; c++)
        if (distances[c] < distances[nearest]) {
            next = distances[nearest];
            nearest = c;
        } else if (distances[c] < next) {
            next = distances[c];
        }
    double own = sqrt(distances[nearest]) * l->scale * 1.000001, other = sqrt(next) * l->scale * 0.999999;
    *slack = other - own > 0 ? (float)((other < 1e30 ? other : 1e30) - own) * 0.9999f : -1;
    return (int32_t)nearest;
}

static double weight_of(const mx_lloyd *l, size_t i)
{
    return l->block.weights ? l->block.weights[i] : 1;
}

/* Rows of the block that have to be looked at. */
static size_t list_rows(const mx_lloyd *l, size_t begin, size_t count, uint32_t *list)
{
    size_t listed = 0;
    if (l->labels == NULL || l->fresh) {
        for (size_t r = 0; r < count; r++)
            list[r] = (uint32_t)r;
        return count;
    }
    float *restrict slack = l->slack + l->offset + begin;
    const int32_t *restrict labels = l->labels + l->offset + begin;
    const float *restrict step = l->step;
    for (size_t r = 0; r < count; r++) {
        /* Rounding of the difference is at most 2^-24 of what it began with. */
        float left = slack[r] * 0.9999998f - step[labels[r]];
        slack[r] = left;
        list[listed] = (uint32_t)r;
        listed += !(left > 0);
    }
    return listed;
}

static void settle_row(const mx_lloyd *l, scratch *s, double *sums, size_t i, const double *row, int32_t *label,
                       int32_t found)
{
    double w = weight_of(l, i);
    int32_t old = *label;
    if (old == found)
        return;
    s->changed++;
    if (old >= 0)
        move_row(l, sums, row, -w, (size_t)old);
    move_row(l, sums, row, w, (size_t)found);
    *label = found;
}

/* Asks for the next tile's rows while this one's are worked on: rows that were not pruned lie scattered. */
static void fetch_rows(const char *x, size_t row_bytes, const uint32_t *list, size_t m)
{
    if (row_bytes > 1024) /* long rows stream by themselves */
        return;
    for (size_t p = 0; p < m; p++)
        for (size_t at = 0; at < row_bytes; at += 64)
            __builtin_prefetch(x + list[p] * row_bytes + at);
}

static void look_at(const mx_lloyd *l, scratch *s, double *sums, size_t begin, size_t count, int32_t *labels)
{
    const mx_kernels *kernel = mx_kernel();
    mx_nearest_centres centres = {l->d, l->strips, l->packed, l->half, mx_nearest_kappa(l->d)};
    const double *x = l->block.x ? l->block.x + begin * l->d : NULL;
    const float *x_float = x ? NULL : l->block.x_float + begin * l->d;
    for (size_t t = 0; t < count; t += TILE) {
        size_t m = count - t < TILE ? count - t : TILE;
        const uint32_t *list = s->list + t;
        if (l->screened) {
            size_t ahead = count - t - m < TILE ? count - t - m : TILE;
            if (x)
                fetch_rows((const char *)x, l->d * sizeof *x, list + m, ahead);
            else
                fetch_rows((const char *)x_float, l->d * sizeof *x_float, list + m, ahead);
            if (x)
                kernel->gather_tile(x, l->d, list, m, l->shift, l->scale, s->tile);
            else
                kernel->gather_tile_float(x_float, l->d, list, m, l->shift, l->scale, s->tile);
            kernel->nearest_bounds(&centres, s->tile, m, s->upper, s->lower, s->index);
        }
        for (size_t p = 0; p < m; p++) {
            size_t i = begin + list[p];
            int32_t found = s->index[p], *label = &labels[list[p]];
            float slack = (s->lower[p] - s->upper[p]) * 0.9999998f;
            const double *row = NULL;
            if (!l->screened || !(slack > 0)) {
                row = mx_kmeans_row(&l->block, i, s->row);
                found = nearest_in_double(l, row, s->distances, &slack);
                s->doubled++;
            }
            if (*label != found)
                settle_row(l, s, sums, i, row ? row : mx_kmeans_row(&l->block, i, s->row), label, found);
            if (l->labels)
                l->slack[l->offset + i] = slack;
        }
    }
    s->looked_at += count;
}

static double own_distance2(const mx_lloyd *l, const double *row, int32_t label)
{
    const double *centroid = l->centroids + (size_t)label * l->d;
    double sum = 0;
    for (size_t j = 0; j < l->d; j++)
        sum += (row[j] - centroid[j]) * (row[j] - centroid[j]);
    return sum;
}

/* Four rows at a time: their sums run beside each other. */
static double unit_inertia(const mx_lloyd *l, scratch *s, size_t begin, size_t end, const int32_t *labels)
{
    double inertia = 0;
    size_t i = begin, d = l->d;
    for (; l->block.x && i + 4 <= end; i += 4, labels += 4) {
        const double *x = l->block.x + i * d, *c0 = l->centroids + (size_t)labels[0] * d,
                     *c1 = l->centroids + (size_t)labels[1] * d, *c2 = l->centroids + (size_t)labels[2] * d,
                     *c3 = l->centroids + (size_t)labels[3] * d;
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (size_t j = 0; j < d; j++) {
            s0 += (x[j] - c0[j]) * (x[j] - c0[j]);
            s1 += (x[d + j] - c1[j]) * (x[d + j] - c1[j]);
            s2 += (x[2 * d + j] - c2[j]) * (x[2 * d + j] - c2[j]);
            s3 += (x[3 * d + j] - c3[j]) * (x[3 * d + j] - c3[j]);
        }
        inertia += weight_of(l, i) * s0;
        inertia += weight_of(l, i + 1) * s1;
        inertia += weight_of(l, i + 2) * s2;
        inertia += weight_of(l, i + 3) * s3;
    }
    for (; i < end; i++, labels++)
        inertia += weight_of(l, i) * own_distance2(l, mx_kmeans_row(&l->block, i, s->row), *labels);
    return inertia;
}

static merx_status pass_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const mx_lloyd *l = context;
    size_t worker = (size_t)mx_worker_index(), begin = block * BLOCK,
           count = l->block.n - begin < BLOCK ? l->block.n - begin : BLOCK;
    scratch *s = scratch_of(l, worker);
    int32_t *labels = l->labels ? l->labels + l->offset + begin : s->labels;
    if (l->labels == NULL)
        memset(labels, -1, count * sizeof *labels);
    size_t listed = list_rows(l, begin, count, s->list);
    look_at(l, s, l->sums + (1 + worker) * sums_width(l), begin, listed, labels);
    for (size_t r = 0; l->measure && r < count; r += MX_ROWS_UNIT) {
        size_t end = r + MX_ROWS_UNIT < count ? r + MX_ROWS_UNIT : count;
        l->block_inertia[(l->offset + begin + r) / MX_ROWS_UNIT] =
            unit_inertia(l, s, begin + r, begin + end, labels + r);
    }
    return MERX_OK;
}

/* Adds what the workers gathered to the totals; returns how many labels changed. */
static uint64_t gather(mx_lloyd *l)
{
    size_t width = sums_width(l);
    uint64_t changed = 0;
    for (size_t w = 0; w < l->workers; w++) {
        double *part = l->sums + (1 + w) * width;
        for (size_t e = 0; e < width; e++)
            l->sums[e] += part[e];
        memset(part, 0, width * sizeof *part);
        changed += scratch_of(l, w)->changed;
        scratch_of(l, w)->changed = 0;
    }
    return changed;
}

static merx_status assign(mx_lloyd *l, bool measure, uint64_t *changed, merx_error *err)
{
    l->measure = measure;
    transpose_centroids(l);
    pack_centroids(l);
    set_steps(l);
    if (l->labels == NULL || l->fresh)
        mx_lloyd_clear(l);
    MX_TRY(mx_design_rows_rewind(l->rows, err));
    for (l->offset = 0;; l->offset += l->block.n) {
        MX_TRY(mx_design_rows_next(l->rows, &l->block, err));
        if (l->block.n == 0)
            break;
        if (l->offset + l->block.n > l->n)
            MX_FAIL(err, MERX_E_INVALID, "kmeans", "the rows changed between passes: there were %llu",
                    (unsigned long long)l->n);
        MX_TRY(mx_parallel(l->task, (l->block.n + BLOCK - 1) / BLOCK, pass_block, l, err));
    }
    if (l->offset != l->n)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "the rows changed between passes: there were %llu, now %llu",
                (unsigned long long)l->n, (unsigned long long)l->offset);
    *changed = gather(l);
    l->fresh = false;
    return MERX_OK;
}

/* New centroids out of the sums; returns their squared movement. A cluster that stayed empty keeps its place. */
static double move_centroids(mx_lloyd *l)
{
    double movement = 0;
    for (size_t c = 0; c < l->k; c++) {
        double weight = mx_lloyd_weight(l, c);
        for (size_t j = 0; weight > 0 && j < l->d; j++) {
            double *at = &l->centroids[c * l->d + j], next = mx_lloyd_sum(l, c, j) / weight;
            movement += (next - *at) * (next - *at);
            *at = next;
        }
    }
    return movement;
}

merx_status mx_lloyd_run(mx_lloyd *l, int max_iterations, double tolerance, uint64_t step, double *inertia,
                         int *iterations, merx_error *err)
{
    uint64_t changed;
    bool moved;
    l->fresh = true;
    if (l->labels)
        memset(l->labels, -1, (size_t)l->n * sizeof *l->labels);
    memcpy(l->before, l->centroids, l->k * l->d * sizeof *l->before);
    for (*iterations = 1;; ++*iterations) {
        MX_TRY(assign(l, false, &changed, err));
        MX_TRY(mx_lloyd_fill_empty(l, &moved, err));
        if (l->labels && changed == 0 && !moved)
            break; /* the centroids are already the means of these labels */
        double movement = move_centroids(l);
        if (movement <= tolerance || *iterations >= max_iterations)
            break;
        MX_TRY(mx_task_step(l->task, step, err));
    }
    MX_TRY(assign(l, true, &changed, err));
    *inertia = 0;
    for (size_t b = 0; b < l->blocks; b++)
        *inertia += l->block_inertia[b];
    return MERX_OK;
}

merx_status mx_lloyd_measure(mx_lloyd *l, double *inertia, merx_error *err)
{
    uint64_t changed;
    l->fresh = true;
    if (l->labels)
        memset(l->labels, -1, (size_t)l->n * sizeof *l->labels);
    MX_TRY(assign(l, true, &changed, err));
    *inertia = 0;
    for (size_t b = 0; b < l->blocks; b++)
        *inertia += l->block_inertia[b];
    return MERX_OK;
}

typedef struct add_work {
    mx_lloyd *l;
    size_t begin, end, first; /* rows; the first piece */
    double inertia[PIECES];
} add_work;

/* Pieces end at multiples of PIECE rows of the design, wherever the rows begin: a design that ends in their midst cuts none of them. */
static merx_status add_piece(void *context, size_t piece, merx_error *err)
{
    (void)err;
    add_work *a = context;
    const mx_lloyd *l = a->l;
    size_t worker = (size_t)mx_worker_index(), begin = (a->first + piece) * PIECE, end = begin + PIECE;
    begin = begin > a->begin ? begin : a->begin;
    end = end < a->end ? end : a->end;
    scratch *s = scratch_of(l, worker);
    memset(s->labels, -1, (end - begin) * sizeof *s->labels);
    size_t listed = list_rows(l, begin, end - begin, s->list);
    look_at(l, s, l->sums + (1 + worker) * sums_width(l), begin, listed, s->labels);
    a->inertia[piece] = unit_inertia(l, s, begin, end, s->labels);
    return MERX_OK;
}

merx_status mx_lloyd_add_rows(mx_lloyd *l, const mx_design *design, size_t begin, size_t end, double *inertia,
                              merx_error *err)
{
    transpose_centroids(l);
    pack_centroids(l);
    l->block = *design;
    while (begin < end) {
        add_work a = {.l = l, .begin = begin, .end = end, .first = begin / PIECE};
        a.end = (a.first + PIECES) * PIECE < end ? (a.first + PIECES) * PIECE : end;
        size_t pieces = (a.end + PIECE - 1) / PIECE - a.first;
        MX_TRY(mx_parallel(l->task, pieces, add_piece, &a, err));
        for (size_t p = 0; p < pieces; p++)
            *inertia += a.inertia[p];
        begin = a.end;
    }
    (void)gather(l);
    return MERX_OK;
}

/* ---- memory ---- */

merx_status mx_lloyd_init(mx_lloyd *l, mx_design_rows *rows, const mx_kmeans_study *study, bool held, merx_task *task,
                          merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t d = study->d, k = study->k, width, room, strips = (k + MX_NEAREST_STRIP - 1) / MX_NEAREST_STRIP;
    *l = (mx_lloyd){.d = d,
                    .k = k,
                    .n = study->n,
                    .strips = strips,
                    .workers = (size_t)merx_task_threads(task),
                    .alloc = alloc,
                    .task = task,
                    .rows = rows};
    if (!mx_mul_size(k, 2 * d + 2, &width) || !mx_mul_size(width, 1 + l->workers, &room) || k > SIZE_MAX / 256 / d)
        MX_FAIL(err, MERX_E_LIMIT, "kmeans", "%zu clusters of %zu columns are more than this machine can address", k,
                d);
    l->scratch_bytes = lay_out(k, d, NULL, NULL);
    l->blocks = (size_t)((study->n + MX_ROWS_UNIT - 1) / MX_ROWS_UNIT);
    MX_TRY(mx_alloc_array(alloc, k * d, sizeof(double), "centroids", &l->centroids, err));
    MX_TRY(mx_alloc_array(alloc, k * d, sizeof(double), "centroids", &l->transposed, err));
    MX_TRY(mx_alloc_array(alloc, k * d, sizeof(double), "centroids", &l->before, err));
    MX_TRY(mx_alloc_array(alloc, strips * MX_NEAREST_STRIP * d, sizeof(float), "centroids", &l->packed, err));
    MX_TRY(mx_alloc_array(alloc, strips * MX_NEAREST_STRIP, sizeof(float), "centroids", &l->half, err));
    MX_TRY(mx_alloc_array(alloc, d, sizeof(double), "shift", &l->shift, err));
    MX_TRY(mx_alloc_array(alloc, d + 1, sizeof(double), "units of sums", &l->coarse, err));
    MX_TRY(mx_alloc_array(alloc, d + 1, sizeof(double), "units of sums", &l->fine, err));
    MX_TRY(mx_alloc_array(alloc, room, sizeof(double), "cluster sums", &l->sums, err));
    MX_TRY(mx_alloc_array(alloc, k, sizeof(float), "steps", &l->step, err));
    MX_TRY(mx_alloc_array(alloc, l->workers, l->scratch_bytes, "scratch", &l->scratch, err));
    MX_TRY(mx_alloc_array(alloc, l->blocks, sizeof(double), "block sums", &l->block_inertia, err));
    if (held) {
        MX_TRY(mx_alloc_array(alloc, (size_t)l->n, sizeof(int32_t), "labels", &l->labels, err));
        MX_TRY(mx_alloc_array(alloc, (size_t)l->n, sizeof(float), "bounds", &l->slack, err));
    }
    for (size_t w = 0; w < l->workers; w++)
        lay_out(k, d, scratch_of(l, w), l->scratch + w * l->scratch_bytes);
    double widest = 0;
    for (size_t j = 0; j < d; j++) {
        l->shift[j] = (double)(float)study->mean[j];
        l->shift[j] = isfinite(l->shift[j]) ? l->shift[j] : 0;
        double reach = study->largest[j] + fabs(l->shift[j]);
        widest = widest > reach ? widest : reach;
        set_units(study->largest[j] * study->heaviest, study->n, &l->coarse[j], &l->fine[j]);
    }
    set_units(study->heaviest, study->n, &l->coarse[d], &l->fine[d]);
    int exponent = 0;
    (void)frexp(widest, &exponent);
    exponent = exponent < -120 ? -120 : exponent; /* the scale is a float, too */
    l->scale = ldexp(1, -exponent);
    return MERX_OK;
}

void mx_lloyd_release(mx_lloyd *l)
{
    size_t d = l->d, k = l->k, packed = l->strips * MX_NEAREST_STRIP;
    if (l->alloc == NULL)
        return;
    mx_free_array(l->alloc, l->slack, (size_t)l->n, sizeof(float));
    mx_free_array(l->alloc, l->labels, (size_t)l->n, sizeof(int32_t));
    mx_free_array(l->alloc, l->block_inertia, l->blocks, sizeof(double));
    mx_free_array(l->alloc, l->scratch, l->workers, l->scratch_bytes);
    mx_free_array(l->alloc, l->step, k, sizeof(float));
    mx_free_array(l->alloc, l->sums, (1 + l->workers) * sums_width(l), sizeof(double));
    mx_free_array(l->alloc, l->fine, d + 1, sizeof(double));
    mx_free_array(l->alloc, l->coarse, d + 1, sizeof(double));
    mx_free_array(l->alloc, l->shift, d, sizeof(double));
    mx_free_array(l->alloc, l->half, packed, sizeof(float));
    mx_free_array(l->alloc, l->packed, packed * d, sizeof(float));
    mx_free_array(l->alloc, l->before, k * d, sizeof(double));
    mx_free_array(l->alloc, l->transposed, k * d, sizeof(double));
    mx_free_array(l->alloc, l->centroids, k * d, sizeof(double));
    memset(l, 0, sizeof *l);
}
