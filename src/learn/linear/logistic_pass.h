/*
 * One sweep over the rows of a logistic regression: the loss, its gradient and, when asked for, its Hessian. Floor 4, for logistic*.c.
 *
 * Letters: n rows, d columns, q outputs (1 for two classes, else one for each), e = d + 1, p = q e parameters: (q, e), the intercept last.
 * Columns are seen less a fixed shift c, so that a column far from 0 costs no digits: logit = a + b (x - c). c = 0 for sparse rows.
 *
 * Rows are cut into blocks of 1,024 (sparse rows with many columns: more), counted from the first; a block's sums are taken tile by tile, and the
 * blocks' sums are added in order: the same bits for any number of threads and for any windows the rows come in. A sample is the first `take` rows
 * of each block, `group` blocks to one sum.
 */
#ifndef MX_LEARN_LOGISTIC_PASS_H
#define MX_LEARN_LOGISTIC_PASS_H

#include "learn/core/family.h"

enum { MX_LOGISTIC_BLOCK = 1024, MX_LOGISTIC_MOST = 640 }; /* MOST: parameters for which there are Hessians */

typedef struct mx_logistic_pass {
    mx_design_rows *rows;
    size_t n, d, q, classes;
    bool sparse;                 /* products with the entries themselves; else rows are dense, or made so */
    bool copied;                 /* rows are copied less their shift before use: sparse rows, and columns far from 0 */
    bool no_intercept;           /* intercepts stay where they are: 0, with a shift of 0 */
    const double *class_weights; /* (classes); NULL: ones */
    double *shift;               /* (d), then a 0 */
    size_t stride, take, group;  /* rows from block to block; used of each; blocks to one sum */
    merx_task *task;
    const merx_allocator *work;
    size_t tile, scratch_each, scratch_count, workers;
    double *scratch; /* (workers, scratch_each), then zeros (d + 1) */
    const double *zeros;
    double *partial; /* room for the sums of some blocks */
    size_t partial_count;
} mx_logistic_pass;

enum { MX_LOGISTIC_HESSIAN = 1, MX_LOGISTIC_MOMENTS = 2 };

typedef struct mx_logistic_sums {
    double loss, weight;    /* sum of w loss, sum of w */
    double *gradient;       /* (p) */
    double *hessian;        /* (p, p), both triangles; read when MX_LOGISTIC_HESSIAN is asked for */
    double *sums, *squares; /* (d): of w (x - c) and w (x - c)^2; when MX_LOGISTIC_MOMENTS is asked for */
} mx_logistic_sums;

/* Sets tile and scratch; the fields above them are the caller's. Release in any case. */
merx_status mx_logistic_pass_init(mx_logistic_pass *f, merx_error *err) MERX_MUST_CHECK;
void mx_logistic_pass_release(mx_logistic_pass *f);
/* Sums of what `parameters` (p) give, without penalty. What is not finite goes through. */
merx_status mx_logistic_pass_run(mx_logistic_pass *f, const double *parameters, unsigned wants, mx_logistic_sums *out,
                                 merx_error *err) MERX_MUST_CHECK;
/*
 * How far the direction (p) of parameters moves rows of weight above 0 towards their own class: logit of the own class less that of another, over all rows and
 * other classes; largest in size over rows in *size. Writes the smallest to *least.
 */
merx_status mx_logistic_pass_margins(mx_logistic_pass *f, const double *direction, double *least, double *size,
                                     merx_error *err) MERX_MUST_CHECK;

#endif
