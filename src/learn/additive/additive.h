/*
 * Boosted additive models: score = b0 + sum_j f_j(x_j) + sum_(j,k) f_jk(x_j, x_k), every f piecewise constant over bins of its columns. Floor 4.
 *
 * n rows, d columns, K outputs (1 for regression and two classes, else one for each class), B bins of a column, P pairs.
 *
 * Bins of a column: 0 missing, 1 … m values (intervals between cuts, or levels), m + 1 unknown (a level that training has not seen). Unknown is always 0, and so
 * is a bin without training rows: it speaks for nothing.
 *
 * 1. Every f_j has weighted mean 0 over the training rows, every f_jk weighted mean 0 in each row and column of its grid that has training rows: contributions are unique.
 * 2. With more than two classes the outputs of every f sum to 0 in each bin (logits are centred).
 * 3. A column under a constraint is in no pair, and its f_j is monotone over its bins 1 … m, so the score is monotone in it whatever the others are.
 * 4. Which rows a bag holds out, and the order in which rows are summed, depend on what the rows hold and on the seed, not on their position.
 *
 * Sources: Lou, Caruana, Gehrke 2012; Lou, Caruana, Gehrke, Hooker 2013 (FAST); Nori, Jenkins, Koch, Caruana 2019 (InterpretML); Lengerich et al. 2020 (purification).
 */
#ifndef MX_LEARN_ADDITIVE_H
#define MX_LEARN_ADDITIVE_H

#include "base/run.h"

#define MX_ADDITIVE_MAX_BINS 4096
#define MX_ADDITIVE_MAX_PAIR_BINS 128

typedef struct mx_additive_options {
    size_t max_bins,
        pair_bins; /* of a column: for its own shape (numbers), for a side of a grid (at most the root of n) */
    size_t bags;   /* fits that are averaged */
    size_t pairs;  /* most pairs */
    size_t leaves, pair_leaves; /* pieces of one step */
    size_t max_rounds, patience;
    size_t min_samples; /* rows of a piece */
    double learning_rate, l2;
    double tolerance; /* a fall of the held-out loss by less than this share of it is no progress */
    double held_out;  /* share of the rows that a bag keeps for early stopping */
    bool poisson;     /* y is a logarithm; the loss is the Poisson deviance of exp(y), not the squared error of y */
    const signed char *monotone; /* (d) -1, 0, +1; NULL: none */
    uint64_t seed;
} mx_additive_options;

typedef struct mx_additive_data {
    size_t n, d, classes;  /* classes 0: regression */
    const double *x;       /* (n, d) row-major; NaN: missing; levels as 0, 1, 2 … */
    const size_t *levels;  /* (d) of a column of levels; 0: numeric */
    const double *y;       /* (n) regression */
    const int32_t *labels; /* (n) classes */
    const double *weights; /* (n) >= 0; NULL: ones */
} mx_additive_data;

typedef struct mx_additive_axis {
    size_t levels; /* 0: numeric */
    size_t n_cuts; /* numeric: value bin 1 + number of cuts below x */
    size_t cuts;   /* its first in `cuts` */
    size_t bins;   /* m + 2 */
    size_t first;  /* its first bin among all columns' */
    size_t side;   /* cells of a side of a grid: 0 missing, 1 … , side - 1 unknown */
} mx_additive_axis;

typedef struct mx_additive_pair {
    size_t a, b;  /* columns, a < b */
    size_t first; /* its first cell among all pairs'; cell = side index of a * side of b + side index of b */
} mx_additive_pair;

typedef struct mx_additive {
    const merx_allocator *alloc;
    size_t d, outputs, classes, bags;
    bool poisson;
    mx_additive_axis *axes; /* (d) */
    size_t n_cuts, n_bins, n_pairs, n_cells;
    double *cuts;       /* (n_cuts) ascending within a column */
    int32_t *side_of;   /* (n_bins) where a bin lies on the side of a grid */
    double *intercepts; /* (K) */
    double *shapes;     /* (n_bins, K) */
    double *deviations; /* (n_bins, K) standard deviation over the bags */
    double *masses;     /* (n_bins) weight of the training rows there */
    mx_additive_pair *pairs;
    double *pair_values, *pair_deviations; /* (n_cells, K) */
    double *pair_masses;                   /* (n_cells) */
    /* Of rows that a bag held out, averaged over the bags that did: how many, mean loss, and for regression what a value lies below (5 %, 95 %) less the score. */
    double held_rows, held_loss, held_low, held_high;
    double rounds, pair_rounds; /* means over bags */
} mx_additive;

/*
 * Fits a model. A failed fit leaves *out empty.
 * Cost: rounds * (d + P) * n additions per bag; memory about 2 n (2 d + 2 P + 8 K) bytes per thread.
 * Errors: MERX_E_INVALID for weights that leave no rows, MERX_E_NUMERIC for targets that are too large.
 */
merx_status mx_additive_fit(const mx_additive_data *data, const mx_additive_options *options,
                            const merx_allocator *alloc, merx_task *task, mx_additive *out,
                            merx_error *err) MERX_MUST_CHECK;
void mx_additive_release(mx_additive *model);
/* Room for shapes (d, K, n_bins given), and for pairs (n_pairs, n_cells given). */
merx_status mx_additive_allocate_shapes(mx_additive *model, merx_error *err) MERX_MUST_CHECK;
merx_status mx_additive_allocate_pairs(mx_additive *model, merx_error *err) MERX_MUST_CHECK;

/* The bin of a value of column j. */
size_t mx_additive_bin(const mx_additive *model, size_t j, double value);
/* score (K) written. */
void mx_additive_score(const mx_additive *model, const double *x, double *score);
/* Contributions of output k: of columns (d), then of pairs (P); base is the intercept. Their sum, in order, is the score. */
double mx_additive_explain(const mx_additive *model, const double *x, size_t k, double *contributions, double *base);
/* Weighted mean of |f| over the training rows, largest over the outputs: of term t < d + P. */
double mx_additive_importance(const mx_additive *model, size_t t);

#endif
