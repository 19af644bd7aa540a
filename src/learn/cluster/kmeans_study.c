/*
 * One pass over the rows. Sums run over fixed blocks of 1,024 rows, combined in their order; everything is taken about a shift (the mean of the first
 * block), so that the spread of columns far from 0 does not cancel.
 */
#include "learn/cluster/kmeans_study.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/random.h"

enum { GROUP = 64, SAMPLE_TAG = 0x6b6d }; /* blocks at a time; of the sample's hash */

typedef struct block_sum {
    double weight, heaviest, square;
} block_sum;

typedef struct pass {
    mx_kmeans_study *study;
    mx_design block;
    uint64_t before; /* rows of earlier blocks */
    size_t first;    /* block of the group */
    double *shift;   /* (d) */
    double *sums;    /* (GROUP, 2 d): of w (x - shift), largest |x| */
    block_sum *totals;
    double *scratch; /* (workers, d) */
} pass;

/* The first number of rows [begin, end) that is none, by name. */
static merx_status name_culprit(const pass *p, size_t begin, size_t end, double *scratch, merx_error *err)
{
    for (size_t i = begin; i < end; i++) {
        const double *row = mx_kmeans_row(&p->block, i, scratch);
        for (size_t j = 0; j < p->block.d; j++)
            if (!isfinite(row[j]))
                MX_FAIL(err, MERX_E_INVALID, "kmeans", "row %llu, column %zu is %g; expected a finite number",
                        (unsigned long long)(p->before + i), j, row[j]);
    }
    MX_FAIL(err, MERX_E_NUMERIC, "kmeans", "squared distances overflow; rescale the columns");
}

static merx_status sum_block(void *context, size_t block, merx_error *err)
{
    const pass *p = context;
    size_t d = p->block.d, begin = (p->first + block) * MX_ROWS_UNIT, end = begin + MX_ROWS_UNIT;
    end = end < p->block.n ? end : p->block.n;
    double *restrict sums = p->sums + block * 2 * d, *restrict largest = sums + d;
    double *scratch = p->scratch + (size_t)mx_worker_index() * d;
    const double *restrict shift = p->shift;
    block_sum total = {0};
    memset(sums, 0, 2 * d * sizeof *sums);
    for (size_t i = begin; i < end; i++) {
        double w = p->block.weights ? p->block.weights[i] : 1;
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, "kmeans",
                    "the weight of row %llu is %g; expected a finite number of 0 or more",
                    (unsigned long long)(p->before + i), w);
        const double *restrict row = mx_kmeans_row(&p->block, i, scratch);
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        size_t j = 0;
        for (; j + 4 <= d; j += 4) {
            double a = row[j] - shift[j], b = row[j + 1] - shift[j + 1], c = row[j + 2] - shift[j + 2],
                   e = row[j + 3] - shift[j + 3];
            sums[j] += w * a, sums[j + 1] += w * b, sums[j + 2] += w * c, sums[j + 3] += w * e;
            s0 += a * a, s1 += b * b, s2 += c * c, s3 += e * e;
        }
        for (; j < d; j++) {
            double a = row[j] - shift[j];
            sums[j] += w * a;
            s0 += a * a;
        }
        for (j = 0; j < d; j++)
            largest[j] = largest[j] > fabs(row[j]) ? largest[j] : fabs(row[j]);
        total.weight += w;
        total.heaviest = total.heaviest > w ? total.heaviest : w;
        double square = (s0 + s1) + (s2 + s3);
        if (!isfinite(square))
            return name_culprit(p, i, i + 1, scratch, err);
        total.square += w * square;
    }
    p->totals[block] = total;
    return MERX_OK;
}

/* ---- distinct rows ---- */

static uint64_t hash_row(const double *row, size_t d)
{
    uint64_t hash = d;
    for (size_t j = 0; j < d; j++) {
        double value = row[j] + 0.0; /* -0 is 0 */
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static bool same_row(const double *a, const double *b, size_t d)
{
    for (size_t j = 0; j < d; j++)
        if (a[j] != b[j])
            return false;
    return true;
}

/* Keeps the row unless one like it is kept. table holds 1 + the number of the kept row. */
static void keep_distinct(mx_kmeans_study *s, const double *row)
{
    size_t at = hash_row(row, s->d) & (s->table_size - 1);
    for (; s->table[at]; at = (at + 1) & (s->table_size - 1))
        if (same_row(s->distinct + (s->table[at] - 1) * s->d, row, s->d))
            return;
    memcpy(s->distinct + s->distinct_count * s->d, row, s->d * sizeof *row);
    s->table[at] = ++s->distinct_count;
}

static size_t table_size(size_t k)
{
    size_t size = 4;
    while (size < 2 * k + 2)
        size *= 2;
    return size;
}

merx_status mx_kmeans_count_distinct(const double *x, size_t n, size_t d, size_t limit, const merx_allocator *alloc,
                                     size_t *count, merx_error *err)
{
    mx_kmeans_study s = {.d = d, .k = limit, .table_size = table_size(limit)};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, limit, d * sizeof(double), "distinct rows", &s.distinct, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s.table_size, sizeof(uint64_t), "distinct rows", &s.table, err));
    for (size_t i = 0; i < n && s.distinct_count < limit; i++)
        keep_distinct(&s, x + i * d);
    *count = s.distinct_count;
out:
    mx_free_array(alloc, s.table, s.table_size, sizeof(uint64_t));
    mx_free_array(alloc, s.distinct, limit, d * sizeof(double));
    return status;
}

/* ---- sample: a heap, the highest rank on top ---- */

static bool above(const mx_kmeans_study *s, size_t a, size_t b)
{
    return s->ranks[a] != s->ranks[b] ? s->ranks[a] > s->ranks[b] : s->sample_rows[a] > s->sample_rows[b];
}

static void swap_slots(mx_kmeans_study *s, size_t a, size_t b)
{
    uint64_t rank = s->ranks[a], row = s->sample_rows[a], key = s->sample_keys[a];
    s->ranks[a] = s->ranks[b], s->sample_rows[a] = s->sample_rows[b], s->sample_keys[a] = s->sample_keys[b];
    s->ranks[b] = rank, s->sample_rows[b] = row, s->sample_keys[b] = key;
    double weight = s->sample_weights[a];
    s->sample_weights[a] = s->sample_weights[b], s->sample_weights[b] = weight;
    double *x = s->sample + a * s->d, *y = s->sample + b * s->d;
    for (size_t j = 0; j < s->d; j++) {
        double value = x[j];
        x[j] = y[j], y[j] = value;
    }
}

static void sink(mx_kmeans_study *s, size_t at, size_t count)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && above(s, child + 1, child))
            child++;
        if (!above(s, child, at))
            return;
        swap_slots(s, at, child);
        at = child;
    }
}

static void draw_row(mx_kmeans_study *s, uint64_t number, uint64_t key, uint64_t seed, double weight, const double *row)
{
    uint64_t rank = mx_random_key(key, seed, SAMPLE_TAG);
    size_t at = s->sample_count;
    if (at == s->sample_room) {
        at = 0;
        if (rank > s->ranks[0] || (rank == s->ranks[0] && number > s->sample_rows[0]))
            return;
    } else {
        s->sample_count++;
    }
    s->ranks[at] = rank, s->sample_rows[at] = number, s->sample_keys[at] = key, s->sample_weights[at] = weight;
    memcpy(s->sample + at * s->d, row, s->d * sizeof *row);
    if (s->sample_count == s->sample_room && at + 1 == s->sample_room && at > 0)
        for (size_t i = s->sample_room / 2; i-- > 0;)
            sink(s, i, s->sample_room);
    else if (at == 0)
        sink(s, 0, s->sample_count == s->sample_room ? s->sample_room : 1);
}

/* By row number: ranks are made to order by it, then the heap is taken down. */
static void sort_sample(mx_kmeans_study *s)
{
    if (s->sample_count == 0)
        return;
    memcpy(s->ranks, s->sample_rows, s->sample_count * sizeof *s->ranks);
    bool sorted = true;
    for (size_t i = 1; i < s->sample_count && sorted; i++)
        sorted = s->ranks[i - 1] < s->ranks[i];
    if (sorted)
        return;
    for (size_t i = s->sample_count / 2; i-- > 0;)
        sink(s, i, s->sample_count);
    for (size_t end = s->sample_count; end-- > 1;) {
        swap_slots(s, 0, end);
        sink(s, 0, end);
    }
}

/* ---- the pass ---- */

static void set_shift(pass *p)
{
    size_t d = p->block.d, m = p->block.n < MX_ROWS_UNIT ? p->block.n : MX_ROWS_UNIT;
    for (size_t i = 0; i < m; i++) {
        const double *row = mx_kmeans_row(&p->block, i, p->scratch);
        for (size_t j = 0; j < d; j++)
            p->shift[j] += row[j];
    }
    for (size_t j = 0; j < d; j++)
        p->shift[j] = isfinite(p->shift[j]) ? p->shift[j] / (double)m : 0; /* what is not finite is found below */
}

static merx_status study_block(pass *p, const uint64_t *keys, uint64_t seed, merx_task *task, double *squares,
                               merx_error *err)
{
    mx_kmeans_study *s = p->study;
    size_t d = s->d, blocks = (p->block.n + MX_ROWS_UNIT - 1) / MX_ROWS_UNIT;
    if (p->before == 0)
        set_shift(p);
    for (p->first = 0; p->first < blocks; p->first += GROUP) {
        size_t count = blocks - p->first < GROUP ? blocks - p->first : GROUP;
        MX_TRY(mx_parallel(task, count, sum_block, p, err));
        for (size_t b = 0; b < count; b++) {
            const double *sums = p->sums + b * 2 * d;
            for (size_t j = 0; j < d; j++) {
                s->mean[j] += sums[j];
                s->largest[j] = s->largest[j] > sums[d + j] ? s->largest[j] : sums[d + j];
            }
            s->weight += p->totals[b].weight;
            s->heaviest = s->heaviest > p->totals[b].heaviest ? s->heaviest : p->totals[b].heaviest;
            *squares += p->totals[b].square;
        }
    }
    for (size_t i = 0; i < p->block.n && (s->sample_room > 0 || s->distinct_count < s->k); i++) {
        double w = p->block.weights ? p->block.weights[i] : 1;
        if (!(w > 0))
            continue;
        const double *row = mx_kmeans_row(&p->block, i, p->scratch);
        if (s->distinct_count < s->k)
            keep_distinct(s, row);
        if (s->sample_room > 0)
            draw_row(s, p->before + i, keys ? keys[i] : p->before + i, seed, w, row);
    }
    return MERX_OK;
}

/* Means and spread out of the sums about the shift. */
static merx_status conclude(mx_kmeans_study *s, const double *shift, double squares, merx_error *err)
{
    if (!(s->weight > 0) || !isfinite(s->weight))
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "the weights sum to %g; expected a finite number above 0", s->weight);
    double widest = 0;
    for (size_t j = 0; j < s->d; j++) {
        double moved = s->mean[j] / s->weight;
        squares -= s->mean[j] * moved;
        s->mean[j] = shift[j] + moved;
        widest = widest > s->largest[j] ? widest : s->largest[j];
    }
    s->spread = squares > 0 ? squares / s->weight / (double)s->d : 0;
    if (!isfinite(s->spread) || !(4 * widest * widest * (double)s->d * (s->weight + 1) <= DBL_MAX))
        MX_FAIL(err, MERX_E_NUMERIC, "kmeans", "squared distances overflow; rescale the columns");
    if (s->distinct_count < s->k)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is %zu, but there are only %zu distinct rows", s->k,
                s->distinct_count);
    return MERX_OK;
}

merx_status mx_kmeans_study_rows(mx_design_rows *rows, size_t k, const uint64_t *keys, uint64_t seed, size_t room,
                                 const merx_allocator *alloc, merx_task *task, mx_kmeans_study *out, merx_error *err)
{
    size_t d = rows->d, cells = 0, workers = (size_t)merx_task_threads(task);
    double squares = 0;
    pass p = {.study = out};
    *out = (mx_kmeans_study){.alloc = alloc, .d = d, .k = k};
    merx_status status;
    if (!mx_mul_size(k, d, &cells) || k > SIZE_MAX / 64)
        MX_FAIL(err, MERX_E_LIMIT, "kmeans", "%zu clusters of %zu columns are more than this machine can address", k,
                d);
    out->sample_room = room > rows->n ? (size_t)rows->n : room;
    out->table_size = table_size(k);
    MX_TRY_GOTO(mx_alloc_array(alloc, d, sizeof(double), "column means", &out->mean, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, d, sizeof(double), "column ranges", &out->largest, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, cells, sizeof(double), "distinct rows", &out->distinct, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->table_size, sizeof(uint64_t), "distinct rows", &out->table, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->sample_room, d * sizeof(double), "sample", &out->sample, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->sample_room, sizeof(double), "sample", &out->sample_weights, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->sample_room, sizeof(uint64_t), "sample", &out->sample_keys, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->sample_room, sizeof(uint64_t), "sample", &out->sample_rows, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, out->sample_room, sizeof(uint64_t), "sample", &out->ranks, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, d, sizeof(double), "column means", &p.shift, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, 2 * GROUP * d, sizeof(double), "block sums", &p.sums, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, GROUP, sizeof(block_sum), "block sums", &p.totals, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, workers * d, sizeof(double), "rows", &p.scratch, err));
    MX_TRY_GOTO(mx_design_rows_rewind(rows, err));
    for (;; p.before += p.block.n) {
        MX_TRY_GOTO(mx_design_rows_next(rows, &p.block, err));
        if (p.block.n == 0)
            break;
        MX_TRY_GOTO(study_block(&p, keys, seed, task, &squares, err));
    }
    out->n = p.before;
    MX_TRY_GOTO(conclude(out, p.shift, squares, err));
    sort_sample(out);
out:
    mx_free_array(alloc, p.scratch, workers * d, sizeof(double));
    mx_free_array(alloc, p.totals, GROUP, sizeof(block_sum));
    mx_free_array(alloc, p.sums, 2 * GROUP * d, sizeof(double));
    mx_free_array(alloc, p.shift, d, sizeof(double));
    return status;
}

void mx_kmeans_study_release(mx_kmeans_study *s)
{
    if (s->alloc == NULL)
        return;
    mx_free_array(s->alloc, s->ranks, s->sample_room, sizeof(uint64_t));
    mx_free_array(s->alloc, s->sample_rows, s->sample_room, sizeof(uint64_t));
    mx_free_array(s->alloc, s->sample_keys, s->sample_room, sizeof(uint64_t));
    mx_free_array(s->alloc, s->sample_weights, s->sample_room, sizeof(double));
    mx_free_array(s->alloc, s->sample, s->sample_room, s->d * sizeof(double));
    mx_free_array(s->alloc, s->table, s->table_size, sizeof(uint64_t));
    mx_free_array(s->alloc, s->distinct, s->k * s->d, sizeof(double));
    mx_free_array(s->alloc, s->largest, s->d, sizeof(double));
    mx_free_array(s->alloc, s->mean, s->d, sizeof(double));
    memset(s, 0, sizeof *s);
}
