/*
 * What k-means asks of its rows before it begins, in one pass: that they are numbers, their range and spread, whether k of them differ, and the sample
 * that starts are drawn from. Floor 4.
 *
 * The sample is the rows whose keys hash lowest, so that a row left out changes it by one at most; up to `MX_KMEANS_SAMPLE` rows all are in it.
 */
#ifndef MX_LEARN_KMEANS_STUDY_H
#define MX_LEARN_KMEANS_STUDY_H

#include "learn/core/family.h"

enum { MX_KMEANS_SAMPLE = 65536 };

typedef struct mx_kmeans_study {
    const merx_allocator *alloc;
    size_t d, k;
    uint64_t n;
    double weight, heaviest; /* sum and largest of the weights */
    double spread;           /* mean over columns of the weighted variance */
    double *mean, *largest;  /* (d) weighted means; largest |x| */
    double *distinct;        /* (k, d): the first rows that differ, of weight above 0 */
    size_t distinct_count;   /* k at most */
    size_t sample_count, sample_room;
    double *sample,
        *sample_weights;     /* (sample_count, d) in the order of rows; sample_weights all 1 when there are none */
    uint64_t *sample_keys;   /* (sample_count): the caller's, or the row's number */
    uint64_t *table, *ranks; /* in the making: of distinct rows; of the sample */
    uint64_t *sample_rows;
    size_t table_size;
} mx_kmeans_study;

/*
 * k     in [1, rows->n]
 * keys  (n) or NULL: row numbers; of rows in memory alone
 * room  most rows of the sample; 0: none is drawn
 * Errors: MERX_E_INVALID for what is not a finite number, weights that are negative or sum to 0, fewer than k distinct rows (says how many);
 * MERX_E_NUMERIC where squared distances overflow. Owns: release, also after failures.
 */
merx_status mx_kmeans_study_rows(mx_design_rows *rows, size_t k, const uint64_t *keys, uint64_t seed, size_t room,
                                 const merx_allocator *alloc, merx_task *task, mx_kmeans_study *out,
                                 merx_error *err) MERX_MUST_CHECK;
void mx_kmeans_study_release(mx_kmeans_study *study);

/* How many rows of x (n, d) differ, at most `limit`. */
merx_status mx_kmeans_count_distinct(const double *x, size_t n, size_t d, size_t limit, const merx_allocator *alloc,
                                     size_t *count, merx_error *err) MERX_MUST_CHECK;

/* Row i of a design as doubles: the design's own, or widened into scratch (d). */
static inline const double *mx_kmeans_row(const mx_design *design, size_t i, double *scratch)
{
    if (design->x)
        return design->x + i * design->d;
    const float *row = design->x_float + i * design->d;
    for (size_t j = 0; j < design->d; j++)
        scratch[j] = (double)row[j];
    return scratch;
}

/* `rows` rows of d numbers hold at most so many when samples and tables are cut to a size. */
static inline size_t mx_kmeans_sample_room(size_t k, size_t d)
{
    size_t room = ((size_t)1 << 22) / (d ? d : 1), least = 16 * k;
    room = room < MX_KMEANS_SAMPLE ? room : MX_KMEANS_SAMPLE;
    return room > least ? room : least;
}

#endif
