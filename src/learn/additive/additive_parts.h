/*
 * The parts of the additive fit: bins.c, steps.c, bag.c, purify.c. Floor 4, for this folder and its tests.
 */
#ifndef MX_LEARN_ADDITIVE_PARTS_H
#define MX_LEARN_ADDITIVE_PARTS_H

#include "learn/additive/additive.h"

/* ---- bins.c ---- */

/* Axes and cuts of a model (d known): numeric columns into at most max_bins bins of about equal numbers of rows, a cut midway between neighbours. */
merx_status mx_additive_make_axes(const mx_additive_data *data, size_t max_bins, mx_additive *model, merx_task *task,
                                  merx_error *err) MERX_MUST_CHECK;
/* bins (d, n) written column by column: the bin of row order[i] at i, for n rows. */
merx_status mx_additive_bin_rows(const mx_additive *model, const double *x, const uint32_t *order, size_t n,
                                 uint16_t *bins, merx_task *task, merx_error *err) MERX_MUST_CHECK;
/*
 * The sides of grids: neighbouring bins of a numeric column share one of at most pair_bins cells of about equal mass; levels are put in the order of their shapes
 * (the output with the largest spread) first, so that a piece of a grid is an interval on each side.
 */
merx_status mx_additive_make_sides(mx_additive *model, size_t pair_bins, merx_error *err) MERX_MUST_CHECK;

/* ---- steps.c ---- */

/* Sums over the training rows of a bag that lie in a bin or cell: negative gradient, curvature, rows. */
typedef struct mx_cell {
    double g, h, rows;
} mx_cell;

typedef struct mx_step_rule {
    size_t leaves, min_samples;
    double rate, l2;
} mx_step_rule;

/*
 * One boosting step of a column. hist (bins), delta (bins) written: rate * G / (H + l2) of the piece that a bin lies in; missing is a piece of its own, unknown 0.
 * order: the value bins in the order in which they are cut into pieces (NULL: 1 … m).
 */
void mx_step_column(const mx_cell *hist, size_t bins, const uint16_t *order, const mx_step_rule *rule, double *delta);
/* Room for mx_step_pair and mx_pair_gain: cells of summed-area tables. */
size_t mx_step_pair_room(size_t side_a, size_t side_b);
/* One step of a pair over its grid (side_a, side_b): the best cut in four by one cut of each side, then the best single cuts until there are `leaves` pieces. */
void mx_step_pair(const mx_cell *hist, size_t side_a, size_t side_b, const mx_step_rule *rule, mx_cell *room,
                  double *delta);
/*
 * FAST: the gain of the best cut in four, after what rows and columns could do alone is taken out of hist (so that a column whose shape is not settled yet does not
 * recommend every pair it is in).
 */
double mx_pair_gain(mx_cell *hist, size_t side_a, size_t side_b, const mx_step_rule *rule, mx_cell *room);
/* f (m) becomes the nearest monotone sequence in weighted squares: direction +1 rising, -1 falling. blocks: room for m. Pool adjacent violators. */
typedef struct mx_block {
    double mean, weight;
    size_t count;
} mx_block;
void mx_make_monotone(double *f, const double *weights, size_t m, int direction, mx_block *blocks);

/* ---- bag.c ---- */

/* What every bag reads: rows are in the order of their keys. */
typedef struct mx_additive_work {
    const mx_additive_options *options;
    const mx_additive *model; /* axes, sides, pairs; shapes of the columns in the second stage */
    size_t n;
    const uint16_t *bins;  /* (d, n) */
    const double *y;       /* (n); for Poisson not its logarithm, and over its mean */
    const int32_t *labels; /* (n) */
    const double *weights; /* (n); NULL: ones */
    const uint64_t *keys;  /* (n) of the rows, all different */
    const double *base;    /* (K) */
    merx_task *task;
    const merx_allocator *alloc;
    /* Written, a slice for each bag. */
    double *shapes;      /* (bags, K * n_bins), output by output */
    double *pair_values; /* (bags, K * n_cells) */
    double *gains;       /* (bags, pairs of columns) */
    double *rounds;      /* (bags) */
} mx_additive_work;

/* Whether bag b holds a row out. */
bool mx_additive_holds_out(const mx_additive_options *options, uint64_t key, size_t bag);
/* Stages, each for one bag: the columns' shapes; the gain of every pair of columns after them; the chosen pairs, the columns going on beside them. */
merx_status mx_additive_bag_columns(void *work, size_t number, merx_error *err) MERX_MUST_CHECK;
merx_status mx_additive_bag_gains(void *work, size_t number, merx_error *err) MERX_MUST_CHECK;
merx_status mx_additive_bag_pairs(void *work, size_t number, merx_error *err) MERX_MUST_CHECK;
/*
 * Negative gradient g (K, n), curvature h (K, n) of the loss at scores (K, n), and the sum of weighted losses (squared error, log loss, or Poisson deviance
 * 2 (y (log y - score) - y + exp(score))). Any may be NULL; with gradients asked for, the sum is that of regressions alone.
 */
typedef struct mx_loss_kind {
    size_t classes; /* 0: regression */
    bool poisson;
} mx_loss_kind;
double mx_additive_loss(const double *score, const double *y, const int32_t *labels, const double *weights, size_t n,
                        mx_loss_kind kind, double *g, double *h);

/* ---- purify.c ---- */

/*
 * Takes the weighted means of the rows and columns out of a grid: cells (a, b), masses (a, b). rows (a) and columns (b) get what was taken out:
 * old cell = new cell + rows + columns, but for rows and columns without mass: they become 0. room: b (b + 2) doubles.
 */
void mx_purify(double *cells, const double *masses, size_t a, size_t b, double *rows, double *columns, double *room);

#endif
