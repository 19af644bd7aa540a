/*
 * Neural networks with Keras's words: convolutional and recurrent, trained and run on the CPU.
 *
 *     merx_network *net = merx_network_new(NULL, MERX_INPUT(28, 28, 1));
 *     merx_network_add(net, MERX_CONV2D(.filters = 32, .kernel = {3, 3}, .activation = MERX_RELU));
 *     merx_network_add(net, MERX_MAX_POOL2D(.pool = {2, 2}));
 *     merx_network_add(net, MERX_FLATTEN());
 *     merx_network_add(net, MERX_DENSE(.units = 10, .activation = MERX_SOFTMAX));
 *     merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err);
 *     merx_network_fit(net, &train, &(merx_fit_options){.epochs = 10, .batch_size = 32}, task, NULL, &err);
 *
 * Numbers are float32. Shapes are those of one example, without the batch: pictures (height, width, channels), sequences (steps, features).
 * A member that is left out (0, NULL, false) means the default said beside it. Layers are nodes of a graph: merx_network_add follows the
 * last one, merx_network_connect names its inputs. What is wrong with a layer is told by merx_network_compile: which layer, what it got, what it needed.
 *
 * Results are the same bits for any number of threads: a batch is cut into blocks by its size alone and sums run in block order; random
 * numbers (initial weights, order of examples, dropout, augmentation) are functions of the task's seed and of what they are for.
 *
 * Threads: a network that is not being changed may be run by any number of threads (each with its own merx_runner); fit, load and setting weights need it alone.
 */
#ifndef MERX_NETWORK_H
#define MERX_NETWORK_H

#include "merx/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_network merx_network;

#define MERX_DIMS 4
typedef struct merx_dims {
    size_t rank; /* 0 … MERX_DIMS */
    size_t dim[MERX_DIMS];
} merx_dims;
/* The shape of an example: MERX_INPUT(28, 28, 1), MERX_INPUT(50, 32), MERX_INPUT(784). A sequence's first dimension is its most steps. */
#define MERX_INPUT(...) ((merx_dims){sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), {__VA_ARGS__}})

/* X(ENUM, word) */
#define MERX_ACTIVATION_TABLE(X)                                                                                       \
    X(LINEAR, linear)                                                                                                  \
    X(RELU, relu)                                                                                                      \
    X(TANH, tanh)                                                                                                      \
    X(SIGMOID, sigmoid)                                                                                                \
    X(SOFTPLUS, softplus)                                                                                              \
    X(ELU, elu)                                                                                                        \
    X(LEAKY_RELU, leaky_relu)                                                                                          \
    X(GELU, gelu)                                                                                                      \
    X(SILU, silu)                                                                                                      \
    X(HARD_SIGMOID, hard_sigmoid)                                                                                      \
    X(EXPONENTIAL, exponential)                                                                                        \
    X(SOFTMAX, softmax)
typedef enum merx_activation {
    MERX_ACTIVATION_DEFAULT, /* the layer's: linear; tanh of recurrent ones */
#define MERX_ACTIVATION_ENUM(name, word) MERX_##name,
    MERX_ACTIVATION_TABLE(MERX_ACTIVATION_ENUM)
#undef MERX_ACTIVATION_ENUM
} merx_activation;

typedef enum merx_padding { MERX_VALID, MERX_SAME } merx_padding;

/*
 * Layers. y = f(x W + b) with W (features, units), over the last dimension.
 */
typedef struct merx_dense {
    int units;
    merx_activation activation;
    bool no_bias;
} merx_dense;

/* Weights (kernel_h, kernel_w, channels / groups, filters). groups = channels makes it depthwise (filters a multiple of channels). */
typedef struct merx_conv2d {
    int filters;
    int kernel[2];
    int strides[2]; /* 1, 1 */
    merx_padding padding;
    int groups; /* 1 */
    merx_activation activation;
    bool no_bias;
} merx_conv2d;

typedef struct merx_pool2d {
    int pool[2];    /* 2, 2 */
    int strides[2]; /* the pool's */
    merx_padding padding;
} merx_pool2d;

typedef struct merx_activate {
    merx_activation activation;
} merx_activate;

typedef struct merx_dropout {
    double rate; /* share set to 0 in training, [0, 1); what stays is scaled by 1 / (1 - rate) */
} merx_dropout;

/* Over the last dimension's channels: batch statistics in training, moving ones otherwise. Ioffe & Szegedy 2015. */
typedef struct merx_batch_norm {
    double momentum; /* 0.99 */
    double epsilon;  /* 0.001 */
    bool no_scale, no_center;
} merx_batch_norm;

/* Over the last dimension of each row. Ba, Kiros & Hinton 2016. */
typedef struct merx_layer_norm {
    double epsilon; /* 0.001 */
    bool no_scale, no_center;
} merx_layer_norm;

/* (steps) of whole numbers in [0, vocabulary) to (steps, units). mask_zero: 0 is padding, which recurrent layers skip. */
typedef struct merx_embedding {
    int vocabulary, units;
    bool mask_zero;
} merx_embedding;

/* Steps whose features all equal `value` are skipped by what follows. */
typedef struct merx_masking {
    double value;
} merx_masking;

/*
 * Recurrent layers: (steps, features) to (units), or (steps, units) with return_sequences.
 *   simple_rnn  h_t = f(x_t W + h_{t-1} U + b). Elman 1990.
 *   lstm        gates in Keras's order i, f, c, o. Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000; forget bias 1 at the start.
 *   gru         gates z, r, h, reset after the product (Keras's and cuDNN's form). Cho et al. 2014.
 */
typedef struct merx_recurrent {
    int units;
    merx_activation activation;           /* tanh */
    merx_activation recurrent_activation; /* sigmoid; lstm and gru */
    bool return_sequences, go_backwards;
    bool
        stateful; /* example i of a batch goes on where example i of the batch before ended; merx_network_reset begins anew */
    bool no_bias;
} merx_recurrent;

typedef struct merx_concatenate {
    int unused; /* along the last dimension */
} merx_concatenate;

typedef struct merx_reshape {
    int shape[MERX_DIMS]; /* a 0 ends */
} merx_reshape;

/* X(ENUM, word, member of merx_layer, its type) */
#define MERX_LAYER_TABLE(X)                                                                                            \
    X(DENSE, dense, dense, merx_dense)                                                                                 \
    X(CONV2D, conv2d, conv2d, merx_conv2d)                                                                             \
    X(MAX_POOL2D, max_pool2d, pool2d, merx_pool2d)                                                                     \
    X(AVERAGE_POOL2D, average_pool2d, pool2d, merx_pool2d)                                                             \
    X(GLOBAL_MAX_POOL2D, global_max_pool2d, pool2d, merx_pool2d)                                                       \
    X(GLOBAL_AVERAGE_POOL2D, global_average_pool2d, pool2d, merx_pool2d)                                               \
    X(FLATTEN, flatten, reshape, merx_reshape)                                                                         \
    X(RESHAPE, reshape, reshape, merx_reshape)                                                                         \
    X(ACTIVATION, activation, activate, merx_activate)                                                                 \
    X(DROPOUT, dropout, dropout, merx_dropout)                                                                         \
    X(BATCH_NORM, batch_norm, batch_norm, merx_batch_norm)                                                             \
    X(LAYER_NORM, layer_norm, layer_norm, merx_layer_norm)                                                             \
    X(EMBEDDING, embedding, embedding, merx_embedding)                                                                 \
    X(MASKING, masking, masking, merx_masking)                                                                         \
    X(SIMPLE_RNN, simple_rnn, recurrent, merx_recurrent)                                                               \
    X(LSTM, lstm, recurrent, merx_recurrent)                                                                           \
    X(GRU, gru, recurrent, merx_recurrent)                                                                             \
    X(ADD, add, concatenate, merx_concatenate)                                                                         \
    X(CONCATENATE, concatenate, concatenate, merx_concatenate)
typedef enum merx_layer_kind {
    MERX_LAYER_INPUT,
#define MERX_LAYER_ENUM(name, word, member, type) MERX_LAYER_##name,
    MERX_LAYER_TABLE(MERX_LAYER_ENUM)
#undef MERX_LAYER_ENUM
        MERX_LAYERS
} merx_layer_kind;

typedef struct merx_layer {
    merx_layer_kind kind;
    const char *name; /* NULL: the kind's word with a number, "conv2d_1"; copied */
    union {
        merx_dense dense;
        merx_conv2d conv2d;
        merx_pool2d pool2d;
        merx_activate activate;
        merx_dropout dropout;
        merx_batch_norm batch_norm;
        merx_layer_norm layer_norm;
        merx_embedding embedding;
        merx_masking masking;
        merx_recurrent recurrent;
        merx_concatenate concatenate;
        merx_reshape reshape;
    };
} merx_layer;

/* __extension__: braces may stay empty, MERX_BATCH_NORM(). */
#define MERX_LAYER(kind_, member_, ...)                                                                                \
    (__extension__(merx_layer){.kind = MERX_LAYER_##kind_, .member_ = {__VA_ARGS__}})
#define MERX_DENSE(...) MERX_LAYER(DENSE, dense, __VA_ARGS__)
#define MERX_CONV2D(...) MERX_LAYER(CONV2D, conv2d, __VA_ARGS__)
#define MERX_MAX_POOL2D(...) MERX_LAYER(MAX_POOL2D, pool2d, __VA_ARGS__)
#define MERX_AVERAGE_POOL2D(...) MERX_LAYER(AVERAGE_POOL2D, pool2d, __VA_ARGS__)
#define MERX_GLOBAL_MAX_POOL2D() ((merx_layer){.kind = MERX_LAYER_GLOBAL_MAX_POOL2D})
#define MERX_GLOBAL_AVERAGE_POOL2D() ((merx_layer){.kind = MERX_LAYER_GLOBAL_AVERAGE_POOL2D})
#define MERX_FLATTEN() ((merx_layer){.kind = MERX_LAYER_FLATTEN})
#define MERX_RESHAPE(...) ((merx_layer){.kind = MERX_LAYER_RESHAPE, .reshape = {{__VA_ARGS__}}})
#define MERX_ACTIVATION(which_) ((merx_layer){.kind = MERX_LAYER_ACTIVATION, .activate = {which_}})
#define MERX_DROPOUT(rate_) ((merx_layer){.kind = MERX_LAYER_DROPOUT, .dropout = {rate_}})
#define MERX_BATCH_NORM(...) MERX_LAYER(BATCH_NORM, batch_norm, __VA_ARGS__)
#define MERX_LAYER_NORM(...) MERX_LAYER(LAYER_NORM, layer_norm, __VA_ARGS__)
#define MERX_EMBEDDING(...) MERX_LAYER(EMBEDDING, embedding, __VA_ARGS__)
#define MERX_MASKING(...) MERX_LAYER(MASKING, masking, __VA_ARGS__)
#define MERX_SIMPLE_RNN(...) MERX_LAYER(SIMPLE_RNN, recurrent, __VA_ARGS__)
#define MERX_LSTM(...) MERX_LAYER(LSTM, recurrent, __VA_ARGS__)
#define MERX_GRU(...) MERX_LAYER(GRU, recurrent, __VA_ARGS__)
#define MERX_ADD() ((merx_layer){.kind = MERX_LAYER_ADD})
#define MERX_CONCATENATE() ((merx_layer){.kind = MERX_LAYER_CONCATENATE})

/* ---- building ---- */

/* NULL when memory is out. Owns: free with merx_network_free. */
MERX_API merx_network *merx_network_new(const merx_allocator *alloc, merx_dims input);
MERX_API void merx_network_free(merx_network *net);
/* Adds a layer behind the last one; returns its node's number (the input is node 0), -1 when it can't be (merx_network_compile says why). */
MERX_API int merx_network_add(merx_network *net, merx_layer layer);
/* The same behind other nodes: merx_network_connect(net, MERX_ADD(), 2, (int[]){a, b}). */
MERX_API int merx_network_connect(merx_network *net, merx_layer layer, size_t n, const int *inputs);

/* ---- what it learns, and how ---- */

/* X(ENUM, word) */
#define MERX_LOSS_TABLE(X)                                                                                             \
    X(CATEGORICAL_CROSSENTROPY, categorical_crossentropy)                                                              \
    X(BINARY_CROSSENTROPY, binary_crossentropy)                                                                        \
    X(MEAN_SQUARED_ERROR, mean_squared_error)                                                                          \
    X(MEAN_ABSOLUTE_ERROR, mean_absolute_error)                                                                        \
    X(HUBER, huber)                                                                                                    \
    X(SAMPLED_SOFTMAX, sampled_softmax)                                                                                \
    X(BPR, bpr)
/*
 * categorical_crossentropy takes labels or rows of shares that sum to 1, behind a softmax. binary_crossentropy: behind a sigmoid. huber: delta 1.
 * For ranking a large catalogue, behind a dense layer without activation: sampled_softmax (negatives drawn by popularity, with the correction of Bengio & Senecal 2008), bpr
 * (Rendle et al. 2009); both take labels. Of sequences (steps, units) each step is an example; a label below 0 does not count.
 */
typedef enum merx_loss {
#define MERX_LOSS_ENUM(name, word) MERX_##name,
    MERX_LOSS_TABLE(MERX_LOSS_ENUM)
#undef MERX_LOSS_ENUM
        MERX_LOSSES
} merx_loss;

typedef enum merx_optimizer_kind {
    MERX_OPTIMIZER_SGD,
    MERX_OPTIMIZER_ADAM,
    MERX_OPTIMIZER_ADAGRAD
} merx_optimizer_kind;
typedef enum merx_schedule_kind {
    MERX_CONSTANT,
    MERX_COSINE_DECAY,      /* from the rate to rate x final over the fit, Loshchilov & Hutter 2017 */
    MERX_STEPS,             /* times `factor` after every `every` epochs */
    MERX_EXPONENTIAL_DECAY, /* times `factor` per `every` epochs, smoothly */
} merx_schedule_kind;
typedef struct merx_optimizer {
    merx_optimizer_kind kind;
    double learning_rate; /* 0.001; SGD 0.01 */
    double momentum;      /* SGD */
    bool nesterov;
    double beta1, beta2, epsilon; /* 0.9, 0.999, 1e-7 */
    double weight_decay;          /* above 0: AdamW; not of biases and norms */
    double clip_norm;             /* of all gradients together; 0: none */
    merx_schedule_kind schedule;
    double warmup_epochs, every, factor, final; /* 0, 1, 0.1, 0 */
} merx_optimizer;
#define MERX_SGD(...) ((merx_optimizer){.kind = MERX_OPTIMIZER_SGD, __VA_ARGS__})
#define MERX_ADAM(...) ((merx_optimizer){.kind = MERX_OPTIMIZER_ADAM, __VA_ARGS__})
#define MERX_ADAGRAD(...) ((merx_optimizer){.kind = MERX_OPTIMIZER_ADAGRAD, __VA_ARGS__})

/*
 * Checks every layer, plans memory and steps, draws initial weights by the task's seed (Keras's initialisers: Glorot uniform; orthogonal for what is recurrent).
 * May be called again for another optimizer or loss: weights stay, moments begin anew.
 * Errors: MERX_E_SHAPE names the layer, what it got and what it needed; MERX_E_LIMIT for more than 2^31 weights.
 */
MERX_API merx_status merx_network_compile(merx_network *net, merx_optimizer optimizer, merx_loss loss, merx_task *task,
                                          merx_error *err) MERX_MUST_CHECK;

/* ---- data ---- */

/*
 * Examples with what is to be learnt of them. One of x, bytes and gather gives the inputs; labels or targets say what is right.
 */
typedef struct merx_examples {
    size_t n;
    const float *x;             /* (n, input) borrowed; of an embedding: whole numbers */
    const unsigned char *bytes; /* (n, input) borrowed; the network sees bytes * scale */
    float scale;                /* 0: 1 / 255 */
    /* Writes the inputs of m examples, and their labels (of a cross-entropy or ranking loss) or targets, each unless NULL; any thread, same row same values. */
    merx_status (*gather)(void *context, const size_t *rows, size_t m, float *x, int32_t *labels, float *targets,
                          merx_error *err);
    void *context;
    const int32_t *labels; /* (n), or (n, steps) of a sequence; class numbers; below 0: does not count */
    const float *targets;  /* (n, output) */
    const float *weights;  /* (n) of examples; NULL: ones */
} merx_examples;

/* Of pictures, while training; each drawn anew per example and epoch. */
typedef struct merx_augmentation {
    bool flip;                           /* left and right, half of the time */
    int shift;                           /* moved by up to so many pixels each way; the edge is filled with zeros */
    double zoom;                         /* random crop of at least (1 - zoom) of each side, resized */
    double brightness, contrast, colour; /* changes of up to so much, each channel for colour */
    double erase; /* probability that a rectangle of 2 … 20 % of the picture is erased; Zhong et al. 2020 */
} merx_augmentation;

typedef struct merx_epoch {
    int epoch;           /* 1 … */
    double loss, metric; /* metric: accuracy behind a cross-entropy, mean absolute error otherwise */
    double validation_loss, validation_metric; /* NaN without validation */
    double learning_rate, seconds;
} merx_epoch;

typedef struct merx_fit_options {
    int epochs;                      /* 1 */
    int batch_size;                  /* 32 */
    bool in_order;                   /* examples are not shuffled */
    double validation_split;         /* the last share of the examples is held out, [0, 1) */
    const merx_examples *validation; /* in its place */
    const double *class_weights;     /* (classes); NULL: ones */
    double
        label_smoothing; /* [0, 1): of categorical_crossentropy with labels, while training: the right class counts 1 - s + s / classes, each other s / classes. Szegedy et al. 2016 */
    merx_augmentation augmentation;
    const double *
        learning_rates; /* of each step of this fit, ceil(n / batch_size) an epoch, in place of the optimizer's rate and schedule; NULL */
    int patience;      /* end when the validation (or training) loss has not fallen for so many epochs; 0: never */
    double min_delta;  /* what counts as falling */
    bool restore_best; /* keep the weights of the best epoch */
    const char *
        checkpoint; /* file written after each epoch (with restore_best: after each best one): resume with merx_network_load */
    const char *csv_log; /* a line an epoch */
    const char *curves;  /* an SVG of losses and metrics */
    /* After each epoch; other than MERX_OK ends the fit with it. */
    merx_status (*on_epoch)(void *context, const merx_epoch *epoch, merx_error *err);
    void *context;
} merx_fit_options;

typedef struct merx_history {
    size_t epochs;
    merx_epoch *epoch;
    int best; /* epoch with the lowest validation (or training) loss, from 1 */
    const merx_allocator *alloc;
} merx_history;
MERX_API void merx_history_release(merx_history *history);

/*
 * Trains. A fit that is called again goes on (as Keras does); after merx_network_load of a checkpoint it goes on to the same bits as one never interrupted: epochs counts from the first.
 * Errors: MERX_E_SHAPE, MERX_E_RANGE for a label outside the classes (names the row); MERX_E_NUMERIC for a loss that is NaN or infinite names the step and the layer: the
 * weights are then those of the last good epoch. MERX_E_CANCELLED likewise keeps the last whole epoch.
 * history: written, may be NULL; release with merx_history_release.
 */
MERX_API merx_status merx_network_fit(merx_network *net, const merx_examples *examples, const merx_fit_options *options,
                                      merx_task *task, merx_history *history, merx_error *err) MERX_MUST_CHECK;
/* One step on these examples as one batch, in this order. loss: mean over the batch, before the step; may be NULL. */
MERX_API merx_status merx_network_train_batch(merx_network *net, const merx_examples *batch, merx_task *task,
                                              double *loss, merx_error *err) MERX_MUST_CHECK;
/* The gradients of the mean loss by every weight, without a step, in merx_weight.gradient (valid until the next call on the network). training: with dropout and batch statistics. */
MERX_API merx_status merx_network_gradients(merx_network *net, const merx_examples *batch, merx_task *task,
                                            double *loss, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_network_evaluate(const merx_network *net, const merx_examples *examples, merx_task *task,
                                           double *loss, double *metric, merx_error *err) MERX_MUST_CHECK;

/* ---- running ---- */

/* out (n, output) written. x (n, input). Cost: 2 x the multiplications; in blocks that fit the cache. */
MERX_API merx_status merx_network_predict(const merx_network *net, const merx_examples *examples, merx_task *task,
                                          float *out, merx_error *err) MERX_MUST_CHECK;

/* Memory to run up to `most` examples at a time without allocation; the network must outlive it and keep its weights. One thread at a time. */
typedef struct merx_runner merx_runner;
/* keep: the outputs of all layers can be looked at after a run (merx_runner_node), for more memory. */
MERX_API merx_status merx_runner_new(const merx_network *net, size_t most, bool keep, merx_runner **out,
                                     merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_runner_free(merx_runner *runner);
/* n <= most examples; returns (n, output), which lives until the next call. Never fails. */
MERX_API const float *merx_runner_run(merx_runner *runner, const float *x, size_t n);
/* The output of another node in the last run, e.g. an embedding or the last feature map. NULL: not kept, or a convolution that is done along with its pooling. */
MERX_API const float *merx_runner_node(const merx_runner *runner, int node);
/*
 * One more step of a sequence of one example: x (features), or one whole number for an embedding. Recurrent layers go on from their state; returns (output), of the step.
 * MERX_E_UNSUPPORTED from merx_runner_new_steps when a layer needs the whole sequence. Cost: one step.
 */
MERX_API merx_status merx_runner_new_steps(const merx_network *net, merx_runner **out, merx_error *err) MERX_MUST_CHECK;
MERX_API const float *merx_runner_step(merx_runner *runner, const float *x);
MERX_API void merx_runner_reset(merx_runner *runner);
/* The state between steps, to be kept and put back: merx_runner_state_size floats. */
MERX_API size_t merx_runner_state_size(const merx_runner *runner);
MERX_API void merx_runner_get_state(const merx_runner *runner, float *state);
MERX_API void merx_runner_set_state(merx_runner *runner, const float *state);

/* ---- inside ---- */

typedef struct merx_node {
    merx_layer_kind kind;
    const char *name;
    merx_dims output;
    size_t weights; /* numbers, trainable and not */
    size_t inputs;
    const int *input;
} merx_node;
MERX_API size_t merx_network_nodes(const merx_network *net); /* with the input */
MERX_API merx_node merx_network_node(const merx_network *net, int node);
MERX_API int merx_network_find(const merx_network *net, const char *name); /* -1: none */

typedef struct merx_weight {
    const char *name; /* "conv2d/kernel" */
    merx_dims dims;
    size_t size;
    bool trainable;
    const float *values, *gradient; /* gradient: NULL before merx_network_gradients */
} merx_weight;
/* In the order of Keras's get_weights(): per layer kernel, recurrent kernel, bias; gamma, beta, moving mean, moving variance. */
MERX_API size_t merx_network_weights(const merx_network *net);
MERX_API merx_weight merx_network_weight(const merx_network *net, size_t i);
MERX_API merx_status merx_network_set_weight(merx_network *net, size_t i, const float *values, size_t size,
                                             merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_network_reset(merx_network *net); /* states of stateful layers */

/* A table of the layers, as Keras's summary(). Returned: free with merx_text_free. */
MERX_API merx_status merx_network_summary(const merx_network *net, char **text, merx_error *err) MERX_MUST_CHECK;

/* ---- files ---- */

/* The network as JSON: {"input": [28, 28, 1], "layers": [{"layer": "conv2d", "filters": 32, …}, …], "optimizer": {…}, "loss": "…"}. Returned: free with merx_text_free. */
MERX_API merx_status merx_network_to_json(const merx_network *net, char **text, merx_error *err) MERX_MUST_CHECK;
/* Built, not compiled. optimizer, loss: written when the text has them, else left; may be NULL. Errors name the place in the text, unknown words with the nearest known one. */
MERX_API merx_status merx_network_from_json(const merx_allocator *alloc, const char *text, merx_optimizer *optimizer,
                                            merx_loss *loss, merx_network **out, merx_error *err) MERX_MUST_CHECK;
/* A tensor file: layers, weights, and what a fit needs to go on. Atomically. */
MERX_API merx_status merx_network_save(const merx_network *net, const char *path, merx_error *err) MERX_MUST_CHECK;
/* Ready to run, or to go on with a fit. Also of a model's file (families network, network_regressor): its network alone, with the optimizer anew. */
MERX_API merx_status merx_network_load(const merx_allocator *alloc, const char *path, merx_network **out,
                                       merx_error *err) MERX_MUST_CHECK;

/* The same in memory. Returned: free with merx_bytes_free (merx/model.h). */
MERX_API merx_status merx_network_to_bytes(const merx_network *net, void **bytes, size_t *size,
                                           merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_network_from_bytes(const merx_allocator *alloc, const void *bytes, size_t size,
                                             merx_network **out, merx_error *err) MERX_MUST_CHECK;

/*
 * ONNX (opset 17). Exported inputs and outputs keep merx's shapes: (N, height, width, channels), (N, steps, features). MERX_E_UNSUPPORTED names what ONNX has no operator for: masks, stateful
 * layers, functions of recurrent layers but tanh, relu, sigmoid and softplus.
 */
MERX_API merx_status merx_network_export_onnx(const merx_network *net, const char *path,
                                              merx_error *err) MERX_MUST_CHECK;
/*
 * A network of a file with one input and one output, ready to run and to be trained on. Pictures and sequences that the file has with channels or steps first are given with them last, as
 * merx has them. Errors: MERX_E_CORRUPT; MERX_E_UNSUPPORTED names the operator.
 */
MERX_API merx_status merx_network_import_onnx(const merx_allocator *alloc, const char *path, merx_network **out,
                                              merx_error *err) MERX_MUST_CHECK;

/*
 * Weights that Keras 3 wrote, `.weights.h5` or those of a `.keras` archive, into a compiled network: all of them, or none after a failure. Layers are matched by name where
 * those with weights have the same names on both sides, else by kind and order. What the optimizer keeps stays.
 * Errors: MERX_E_SHAPE names the layer, what the file has and what was needed; MERX_E_CORRUPT; MERX_E_UNSUPPORTED for what HDF5 can do and h5py does not by default (chunks, filters).
 */
MERX_API merx_status merx_network_load_keras(merx_network *net, const char *path, merx_error *err) MERX_MUST_CHECK;
/*
 * The network of a `.keras` archive, Sequential or Functional, ready to run and to be trained on; with the model's loss and optimizer where merx has them, else Adam and the loss that fits
 * the output. Errors: as above; MERX_E_UNSUPPORTED names the layer, or the option and its value.
 */
MERX_API merx_status merx_network_import_keras(const merx_allocator *alloc, const char *path, merx_network **out,
                                               merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
