/*
 * What the files of the sequence ranker share. Floor 4, for this folder.
 */
#ifndef MX_LEARN_SEQUENCE_RANKER_PARTS_H
#define MX_LEARN_SEQUENCE_RANKER_PARTS_H

#include "base/run.h"
#include "learn/network/sequence_ranker.h"

/* All zeros, not packed. */
merx_status mx_ranker_make(size_t items, size_t units, const merx_allocator *alloc, mx_ranker *out,
                           merx_error *err) MERX_MUST_CHECK;
/* panels from kernel and recurrent. */
void mx_ranker_pack(mx_ranker *ranker);

/* A piece of a sequence: count >= 2 items, the first `count - 1` go in, the last `count - 1` are to be foretold. */
typedef struct mx_ranker_piece {
    const int32_t *items;
    size_t count;
    uint64_t key; /* for dropout */
} mx_ranker_piece;

/* The items that stand for all in a batch: distinct, each with the logarithm of its weight in the sum over the catalogue. */
typedef struct mx_ranker_columns {
    size_t n;
    const int32_t *items;     /* (n) */
    const float *log_weights; /* (n) */
    const int32_t *column_of; /* (catalogue): -1 */
} mx_ranker_columns;

/*
 * Forward and backward of some pieces of a batch, in memory of its own, and their gradients. Steps are laid out time by time: at time t the pieces still running come first, as they are sorted
 * by falling length; row offset[t] + k is piece k's.
 */
typedef struct mx_ranker_group {
    const merx_allocator *alloc;
    size_t units, most_rows, most_columns, most_pieces, most_steps;
    size_t rows, pieces, times;
    double loss;                   /* sum over rows */
    int32_t *input;                /* (rows) */
    int32_t *target;               /* (rows) */
    uint64_t *key;                 /* (rows) of the step, for dropout */
    size_t *offset;                /* (times + 1) */
    float *x;                      /* (rows, u) inputs, after dropout; then their gradients */
    float *gates, *zh;             /* (rows, 3 u) */
    float *h;                      /* (rows, u) */
    float *before;                 /* (rows, u) h of the step before */
    float *o;                      /* (rows, u) outputs: h after dropout */
    float *d_o;                    /* (rows, u) their gradients, then those of h */
    float *dzx, *dzh;              /* (rows, 3 u) */
    float *logits;                 /* (rows, 1 + columns): the target first; then their gradients */
    int32_t *zeros;                /* (rows) labels: the first */
    double *losses;                /* (rows) */
    float *weights;                /* (rows) of their losses */
    float *d_columns;              /* (columns, u) gradients of the columns' vectors */
    float *d_bias;                 /* (1 + columns) */
    float *d_kernel, *d_recurrent; /* (u, 3 u) */
    float *d_biases;               /* (2, 3 u) */
} mx_ranker_group;

/* What the groups of a batch share: weights as the products want them. */
typedef struct mx_ranker_shared {
    const mx_ranker *ranker;
    mx_ranker_columns columns;
    const float *column_bias;                  /* (columns) their biases and log weights */
    const float *column_panels;                /* the same, packed for o V' */
    const float *back_panels;                  /* packed for dP V */
    const float *kernel_back, *recurrent_back; /* packed transposes */
    double dropout;
    uint64_t seed, epoch;
    float scale; /* of a row's loss: 1 / rows of the batch */
} mx_ranker_shared;

merx_status mx_ranker_group_make(size_t units, size_t most_pieces, size_t most_steps, size_t most_rows,
                                 size_t most_columns, const merx_allocator *alloc, mx_ranker_group *g,
                                 merx_error *err) MERX_MUST_CHECK;
void mx_ranker_group_release(mx_ranker_group *g);
uint64_t mx_ranker_group_bytes(size_t units, size_t most_rows, size_t most_columns);
/* Lays out the pieces (sorted by falling count) and runs forward and backward. x then holds the gradients by the inputs' vectors (not the targets': column 0 of logits times o). */
void mx_ranker_group_run(mx_ranker_group *g, const mx_ranker_shared *shared, const mx_ranker_piece *pieces, size_t n);

#endif
