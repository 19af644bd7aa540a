/*
 * A layer: what each kind implements. Floor 4. Adding a kind is a line in MERX_LAYER_TABLE (merx/network.h), a file in layers/, and a line in layer_kinds.c.
 *
 * A kind works on blocks of examples of one batch. Its memory is planned once, at compile: it says in `shape` what it needs per example and per block, and finds it in the pass.
 * Letters: n examples of the block, k features in, u units out, t steps.
 *
 * 1. forward writes y; backward writes each dx that is not NULL (adds to it where dx_add says so) and adds to the gradients of its weights.
 * 2. y of a node, and what it saved, stay as they were until its backward is done. dy may be overwritten by backward.
 * 3. What a kind computes of an example depends on that example, the weights and (batch statistics) the whole batch alone: not on how the batch is cut.
 *    Sums over examples (gradients) are per block, in order of the examples; the blocks are summed in order.
 * 4. `twin` is the same forward written as plainly as can be, in double, of the whole batch at once: the specification. tests/learn/test_layers.c holds forward to it and
 *    backward to its finite differences.
 */
#ifndef MX_LEARN_NETWORK_LAYER_H
#define MX_LEARN_NETWORK_LAYER_H

#include "base/memory.h"
#include "kernels/tensors.h"
#include "merx/network.h"

enum { MX_NODE_INPUTS = 16, MX_NODE_WEIGHTS = 6, MX_NODE_NAME = 64 };

/* A member of a kind's options (merx_conv2d …): name in JSON, place in merx_layer, range, default. The one description of a layer's options. */
typedef enum mx_field_type {
    MX_FIELD_INT,  /* int in [min, max]; 0 stands for the default */
    MX_FIELD_PAIR, /* int[2]; JSON: a number or two */
    MX_FIELD_DIMS, /* int[MERX_DIMS], a 0 ends */
    MX_FIELD_REAL, /* double in [min, max]; 0 stands for the default */
    MX_FIELD_BOOL,
    MX_FIELD_NOT,        /* bool, named in JSON by its opposite: use_bias of no_bias */
    MX_FIELD_ACTIVATION, /* 0 stands for the default */
    MX_FIELD_PADDING,
} mx_field_type;
typedef struct mx_field {
    const char *name; /* NULL ends a table */
    mx_field_type type;
    size_t offset; /* in merx_layer */
    double min, max;
    const char *value; /* the default, as text; NULL: must be given */
    const char *text;  /* one sentence for a person */
} mx_field;
#define MX_FIELD(name_, type_, member_, min_, max_, value_, text_)                                                     \
    {                                                                                                                  \
        name_, MX_FIELD_##type_, offsetof(merx_layer, member_), min_, max_, value_, text_                              \
    }

double mx_field_standard(const mx_field *field); /* its default as a number; 0 for words */

typedef enum mx_initial {
    MX_INITIAL_ZEROS,
    MX_INITIAL_ONES,
    MX_INITIAL_GLOROT, /* uniform, sqrt(6 / (fan_in + fan_out)). Glorot & Bengio 2010 */
    MX_INITIAL_ORTHOGONAL, /* per block of `square` columns as Keras: of the whole (rows, columns) matrix. Saxe et al. 2014 */
    MX_INITIAL_UNIFORM, /* [-0.05, 0.05): Keras's embeddings */
    MX_INITIAL_FORGET,  /* zeros, ones in the second quarter: the bias of an lstm */
} mx_initial;

/* A tensor of weights: place in the network's one block of weights (and of gradients, moments: the same place). */
typedef struct mx_weight {
    const char *word; /* "kernel" */
    char name[MX_NODE_NAME + 24];
    merx_dims dims;
    size_t size, offset;
    size_t fan_in, fan_out;
    mx_initial initial;
    bool trainable;
    bool decays; /* AdamW's weight decay applies */
} mx_weight;

typedef struct mx_node mx_node;
typedef struct mx_layer_kind mx_layer_kind;

/* One block of examples on its way through one node. */
typedef struct mx_pass {
    size_t n;             /* examples of the block */
    size_t first;         /* number of the first one within the batch */
    size_t batch;         /* examples of the batch */
    bool training;        /* dropout, batch statistics; saved memory is there */
    bool logits;          /* the output's softmax or sigmoid is left to the loss */
    uint64_t seed, step;  /* random numbers are functions of (seed, step, node, example, element) */
    const float *weights; /* the network's block */
    float *gradients;     /* this block's sums, like weights; NULL while not training */
    const float *packed;  /* the node's own, written by pack */
    const float *x[MX_NODE_INPUTS];
    float *y;
    float *dy;
    float *dx[MX_NODE_INPUTS]; /* NULL: not wanted */
    bool dx_add[MX_NODE_INPUTS];
    float *saved;         /* (n saved_floats): from forward to backward */
    uint8_t *saved_bytes; /* (n saved_bytes) */
    float *scratch;       /* scratch floats, of this call alone */
    float *state;         /* stateful: (n state) of these examples; NULL: zeros, not kept */
    const uint8_t *mask;  /* (n, t) 0: the step is padding; NULL: none */
    uint8_t *mask_out;    /* makes_mask: (n, t) written */
    const double *sums;   /* (sums) of the batch */
    double *own_sums;     /* (sums) of this block, written by forward_sums and backward_sums */
} mx_pass;

/* The whole batch at once, in double; the twin's view. weights: the network's block. */
typedef struct mx_twin_pass {
    size_t n;
    bool training, logits;
    uint64_t seed, step;
    const double *weights;
    const double *x[MX_NODE_INPUTS];
    double *y;
    const uint8_t *mask;
    uint8_t *mask_out;
    double *scratch; /* as much as it asks for in twin_scratch */
    double *state;   /* (n, node->state) what the steps before left, and what these leave; NULL: zeros, not kept */
} mx_twin_pass;

struct mx_node {
    const mx_layer_kind *kind;
    merx_layer layer; /* options with their defaults filled in */
    char name[MX_NODE_NAME];
    int number;
    size_t n_inputs;
    int inputs[MX_NODE_INPUTS];
    merx_dims in[MX_NODE_INPUTS], out;
    size_t in_size[MX_NODE_INPUTS], out_size;
    size_t n_weights;
    mx_weight weight[MX_NODE_WEIGHTS];
    /* What shape asks for, in floats unless said otherwise. */
    size_t saved_floats, saved_bytes; /* per example, training alone */
    size_t packed;                    /* written by pack after weights changed */
    size_t packed_back;               /* more of it, training alone, behind it */
    size_t scratch, scratch_per_example;
    size_t state; /* per example: what a step leaves to the next (recurrent) */
    size_t sums;  /* doubles: batch statistics */
    size_t twin_scratch;
    bool makes_mask;      /* writes mask_out */
    bool passes_mask;     /* the mask of its input holds behind it */
    int mask_node;        /* whose mask it sees; -1: none */
    bool in_place;        /* y may be the memory of x[0] (reshaping) */
    bool at_loss;         /* its softmax or sigmoid is part of the loss */
    const mx_node *fused; /* the convolution that this pooling does along; NULL */
    bool absorbed;        /* done along by another node: never run */
    size_t consumers;
    mx_conv conv;
    mx_pool pool;
    mx_activation activation, recurrent_activation; /* of the kernels */
    bool softmax;
    bool head; /* the last one: trained and judged along with the loss, in tiles of rows (head.h) */
};

struct mx_layer_kind {
    merx_layer_kind id;
    const char *word, *title, *text, *formula;
    const mx_field *fields;
    size_t least_inputs, most_inputs;
    /* Checks inputs and options, says out, weights and memory. Errors are about the layer: the caller adds its name. */
    merx_status (*shape)(mx_node *node, merx_error *err);
    void (*pack)(const mx_node *node, const float *weights, float *packed, bool training); /* NULL: nothing to do */
    void (*forward)(const mx_node *node, const mx_pass *pass);
    void (*backward)(const mx_node *node, const mx_pass *pass);
    /* Kinds with node->sums > 0, training: each block's sums before forward (and before backward), which the network adds up in order of the blocks. */
    void (*forward_sums)(const mx_node *node, const mx_pass *pass);
    void (*backward_sums)(const mx_node *node, const mx_pass *pass);
    /* After a batch that was learnt from: moves the statistics in the network's weights by the batch's sums. batch: examples. */
    void (*settle)(const mx_node *node, const double *sums, size_t batch, float *weights);
    /* A sequence can't be run step by step through it. NULL: it can (forward of a sequence of one step, with pass->state). */
    bool (*whole_sequence)(const mx_node *node);
    void (*twin)(const mx_node *node, const mx_twin_pass *pass);
};

/* The kinds (layer_kinds.c). */
const mx_layer_kind *mx_layer_kind_at(size_t i); /* NULL past the end */
const mx_layer_kind *mx_layer_kind_of(merx_layer_kind id);
const mx_layer_kind *mx_layer_kind_find(const char *word); /* NULL: none */

/* Helpers of shape. */
/* Declares a weight; dims by MERX_INPUT(…). */
mx_weight *mx_node_weight(mx_node *node, const char *word, merx_dims dims, mx_initial initial, size_t fan_in,
                          size_t fan_out);
size_t mx_dims_size(merx_dims dims);
/* "28 x 28 x 1". */
const char *mx_dims_text(merx_dims dims, char text[96]);
/* MERX_E_SHAPE unless input `which` has `rank` dimensions; what: "pictures (height, width, channels)". */
merx_status mx_node_need_rank(const mx_node *node, size_t which, size_t rank, const char *what,
                              merx_error *err) MERX_MUST_CHECK;
/* The public activation as the kernels' one; softmax gives linear and node->softmax. standard: what MERX_ACTIVATION_DEFAULT means. */
mx_activation mx_activation_of(merx_activation given, merx_activation standard, bool *softmax);
const char *mx_activation_word(merx_activation activation);

/* Windows over `size` pixels: how many, and the padding before the first. MERX_E_SHAPE when none fits; side: "high" or "wide". */
merx_status mx_window(const mx_node *node, size_t size, size_t window, size_t stride, merx_padding padding,
                      const char *side, size_t *out, size_t *before, merx_error *err) MERX_MUST_CHECK;
/* dy of rows (m, u) behind a softmax becomes dy before it: y_j (dy_j - sum_c dy_c y_c). */
void mx_softmax_back(const float *y, float *dy, size_t m, size_t u);

static inline const float *mx_pass_weight(const mx_node *node, const mx_pass *pass, size_t i)
{
    return pass->weights + node->weight[i].offset;
}
static inline float *mx_pass_gradient(const mx_node *node, const mx_pass *pass, size_t i)
{
    return pass->gradients + node->weight[i].offset;
}

/* A pooling and the convolution before it in one pass (layers/pool2d.c). */
bool mx_pool_can_fuse(const mx_node *pool, const mx_node *conv);
void mx_pool_fuse(mx_node *pool, mx_node *conv);
void mx_conv2d_twin(const mx_node *node, const double *weights, size_t n, const double *x, double *y);

/* The activations' twins, in double. */
double mx_twin_activate(mx_activation f, double x);
void mx_twin_softmax(double *x, size_t rows, size_t u);

#endif
