/*
 * Sums over rows that every least-squares fit begins with, taken in one pass. Floor 2.
 *
 * With a shift s (the mean of the first 1,024 rows, or zeros) and w_i weights:
 *
 *     z_i = [x_i - s, y_i - s_y, 1],     C = sum_i w_i z_i z_i'
 *
 * holds everything: the sum of weights, the sums of the columns, and the Gram matrix, from which means and the *centred* Gram matrix come
 * without loss, since the columns were near their means from the start (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance").
 *
 * Rows are cut into blocks of 1,024 counted from the first row ever added, and the blocks' sums are added in order: the same bits however the
 * rows were handed over (one call or a thousand, of any sizes) and for any number of threads. Memory: O(d^2), whatever n.
 * A value that is not finite is noticed in the same pass (it makes its sum not finite); a second pass over the block then names row and column.
 */
#ifndef MX_NUMERIC_GRAM_H
#define MX_NUMERIC_GRAM_H

#include "base/run.h"

enum { MX_GRAM_BLOCK = 1024, MX_GRAM_MOST_COLUMNS = 1 << 15 };

typedef struct mx_gram_options {
    bool raw;                 /* no shift: for fits without an intercept, whose Gram matrix is not centred */
    const char *where;        /* of errors: the model's name; kept */
    const char *const *names; /* (d) of the columns, for errors; kept; NULL: by number */
} mx_gram_options;

typedef struct mx_gram_sums mx_gram_sums;

/*
 * Sums of no rows yet, for d columns and one target. Returned: free with mx_gram_sums_free (which takes NULL).
 * Errors: MERX_E_LIMIT above MX_GRAM_MOST_COLUMNS; MERX_E_MEMORY.
 */
merx_status mx_gram_sums_new(size_t d, const mx_gram_options *options, const merx_allocator *alloc, mx_gram_sums **out,
                             merx_error *err) MERX_MUST_CHECK;
void mx_gram_sums_free(mx_gram_sums *sums);

/*
 * Adds n rows, any number.
 *
 * x  (n, d) row-major, borrowed: read once
 * y  (n) or NULL: zeros. The same choice in every call
 * w  (n) or NULL: ones. 0 or more
 * Cost: n d^2 multiply-adds on the task's threads. Rows that don't fill a block wait in a copy.
 * Errors: MERX_E_INVALID for a value that is not finite or a weight that is negative: "row 12, column 3 is nan; expected a finite number"; rows
 * count from the first one ever added. MERX_E_NUMERIC when squares overflow. MERX_E_CANCELLED. The sums are of no use afterwards.
 */
merx_status mx_gram_sums_add(mx_gram_sums *sums, const double *x, const double *y, const double *w, size_t n,
                             merx_task *task, merx_error *err) MERX_MUST_CHECK;

/* What the rows so far amount to. Letters: e = d + 1: the columns, then the target. */
typedef struct mx_gram_totals {
    uint64_t rows, used_rows; /* all; those with a weight above 0 */
    double weight;            /* sum of weights */
    double *means;            /* (e) written; weighted; the caller's */
    /*
     * (e, e) written; the caller's; both triangles: sum_i w_i t_i t_i' of t_i = [x_i, y_i] - means: X'WX in (0 .. d, 0 .. d), X'Wy in column d,
     * y'Wy at (d, d). Of t_i = [x_i, y_i] when the options say raw (means are written all the same).
     * |error of a cell| <= about (1024 + rows / 1024) u sum_i w_i |z_ij z_ik|; in practice a few u.
     */
    double *gram;
} mx_gram_totals;

/*
 * Finishes the rows that wait and writes the totals. No rows may be added afterwards (an assertion); it may be called again.
 * Errors: MERX_E_INVALID for no rows and for weights that sum to 0; as mx_gram_sums_add for the rows that waited.
 */
merx_status mx_gram_sums_finish(mx_gram_sums *sums, merx_task *task, mx_gram_totals *totals,
                                merx_error *err) MERX_MUST_CHECK;

/* gram (d, d) = sum_i w_i x_i x_i' (w NULL: ones), over fixed blocks of 1,024 rows combined in order; both triangles written. What is not finite goes through. */
merx_status mx_gram(const double *x, const double *w, size_t n, size_t d, double *gram, merx_task *task,
                    merx_error *err) MERX_MUST_CHECK;

#endif
