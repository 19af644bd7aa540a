/*
 * A recurrent network over sequences of items that ranks a large catalogue for what comes next. Floor 4.
 *
 * Letters: i, t items; u units; x_k the k-th item of a sequence; h_0 = 0.
 *
 *     v = vectors[x_k]                                    one table of item vectors, for what goes in and what comes out
 *     z = s(v K_z + a_z + h U_z + b_z), r likewise, c = tanh(v K_c + a_c + r (h U_c + b_c)),  h_k = z h_{k-1} + (1 - z) c
 *     logit_k(t) = h_k . vectors[t] + bias[t]
 *
 * A GRU as Keras's and cuDNN's (reset after the product; Cho et al. 2014) on tied vectors, as GRU4Rec (Hidasi et al. 2016; Hidasi & Karatzoglou 2018).
 *
 * It is learnt by the cross-entropy of each next item, by Adam. The sum over all items is estimated from `negatives` of them, drawn by popularity for each batch, each weighed by one over how often
 * it is expected to be drawn (Bengio & Senecal 2008); a catalogue of no more items than that is summed over whole. What a batch touches alone is changed: item vectors have lazy moments, as PyTorch's
 * SparseAdam, so that a step costs what the batch holds and not the catalogue.
 *
 * Why not a merx_network: its optimizer goes over every weight in each step, and what goes in and what comes out have no table in common.
 */
#ifndef MX_LEARN_SEQUENCE_RANKER_H
#define MX_LEARN_SEQUENCE_RANKER_H

#include "io/tensor_file.h"
#include "learn/core/sequences.h"
#include "merx/task.h"

typedef struct mx_ranker {
    const merx_allocator *alloc;
    size_t items, units;
    float *vectors;   /* (items, u) */
    float *bias;      /* (items) */
    float *kernel;    /* (u, 3 u): gates z, r, c */
    float *recurrent; /* (u, 3 u) */
    float *biases;    /* (2, 3 u): of the input, of the state */
    float *panels;    /* both matrices as the kernels want them; made by fit and read */
    float *strips;    /* recurrent once more, for one sequence at a time: strips of columns, one behind the other */
    float *inputs;    /* (kept, 3 u) v K + a of the items that mx_ranker_keep_inputs named; NULL: of none */
    int32_t *input;   /* (items) an item's row in inputs; -1: none */
    size_t kept;
} mx_ranker;

typedef struct mx_ranker_options {
    size_t units;
    int epochs;
    size_t negatives;
    double learning_rate;
    double dropout; /* [0, 1): of inputs and of outputs, while learning */
    size_t batch;   /* sequences; 0: 256 */
    size_t steps;   /* longer sequences are learnt in pieces of so many steps; 0: 50 */
    uint64_t seed;
} mx_ranker_options;

/*
 * Cost: per epoch O(steps u (negatives + 6 u)); memory mx_ranker_bytes.
 * Threads: same bits for any number: a batch is cut into groups by its size alone, whose gradients are added in order.
 * Errors: MERX_E_RANGE for options; MERX_E_INVALID for an item outside [0, n_items) or no sequence of two; MERX_E_NUMERIC for a loss that is not finite (names the epoch and advises).
 */
merx_status mx_ranker_fit(const mx_sequences *sequences, const mx_ranker_options *options, const merx_allocator *alloc,
                          merx_task *task, mx_ranker *out, merx_error *err) MERX_MUST_CHECK;
uint64_t mx_ranker_bytes(const mx_sequences *sequences, const mx_ranker_options *options);
void mx_ranker_release(mx_ranker *r);

/* One more item. state (u): h, zeros before the first; scratch: mx_ranker_scratch floats. Cost: 12 u^2 operations. */
void mx_ranker_step(const mx_ranker *ranker, int32_t item, float *state, float *scratch);
size_t mx_ranker_scratch(const mx_ranker *ranker);
/*
 * m more items, with the bits of as many steps, in less time: what the items put in is one product. scratch: mx_ranker_follow_scratch floats.
 * call (NULL: none) is called with the context some times in each step: it can ask for the caller's own memory while numbers are worked at.
 */
void mx_ranker_follow(const mx_ranker *ranker, const int32_t *items, size_t m, float *state, float *scratch,
                      void (*call)(void *context), void *context);
size_t mx_ranker_follow_scratch(const mx_ranker *ranker);
/*
 * What the first n > 0 of the listed items (each once) put in is computed now, once for a ranker, and kept for mx_ranker_follow: half of its work. Nothing else changes.
 * Cost: n products of u by 3 u; memory 12 n u + 4 items bytes, freed by release.
 */
merx_status mx_ranker_keep_inputs(mx_ranker *ranker, const int32_t *items, size_t n, merx_error *err) MERX_MUST_CHECK;
float mx_ranker_logit(const mx_ranker *ranker, const float *state, int32_t item);
/* logits (m) of the listed items, each with the bits of mx_ranker_logit. */
void mx_ranker_logits(const mx_ranker *ranker, const float *state, const int32_t *items, size_t m, float *logits);
/* scores (items) += factor logit. */
void mx_ranker_score(const mx_ranker *ranker, const float *state, double factor, double *scores);

/* The network over other items: new item i is old item from[i], -1: one it has not seen, whose vector and bias are 0. */
merx_status mx_ranker_take_items(const mx_ranker *old, const int32_t *from, size_t items, const merx_allocator *alloc,
                                 mx_ranker *out, merx_error *err) MERX_MUST_CHECK;

/* Tensors PREFIX.vectors, .bias, .kernel, .recurrent, .biases; copies live in the arena. */
merx_status mx_ranker_write(const mx_ranker *ranker, const char *prefix, mx_tensor_writer *writer, mx_arena *arena,
                            merx_error *err) MERX_MUST_CHECK;
/* Copies. MERX_E_CORRUPT when tensors do not fit together or hold a number that is not finite. */
merx_status mx_ranker_read(const mx_tensor_file *file, const char *prefix, const merx_allocator *alloc, mx_ranker *out,
                           merx_error *err) MERX_MUST_CHECK;

/* ---- for tests ---- */

/*
 * The mean loss of a batch (every sequence whole, against all items, without dropout) and its gradients, like the ranker's tensors: vectors (items, u), bias (items), kernel, recurrent, biases.
 */
merx_status mx_ranker_gradients(const mx_ranker *ranker, const mx_sequences *sequences, const merx_allocator *alloc,
                                merx_task *task, double *loss, mx_ranker *gradients, merx_error *err) MERX_MUST_CHECK;

#endif
