/*
 * The model of next: what comes after a sequence of products. Floor 5.
 *
 * The score of item t behind a sequence j_1 … j_m is a blend of counts and of a recurrent network:
 *
 *     score(t) = popularity share(t) + sum_k fade^(m - k) after(j_k, t) + a sum_k alike(j_k, t) + n z_m(t)
 *
 * share(t): of all events learnt from, those of t; it decides where nothing else does. after(j, t): the weight of t behind j, of transitions near and far (learn/factor/transitions.h); alike(j, t): what goes together whatever the order, for the whole history alike, of sequences as sets: the weight of EASE (learn/factor/ease.h) where the products are few enough, else the cosine of
 * t and j where t is among the nearest of j (learn/factor/neighbours.h);
 * z_k(t): the logit of t that a GRU gives after k events (learn/network/sequence_ranker.h), z_0 before the first.
 *
 * Reasons: each event's term of the counts, and by how much its step changed the network's logit, z_k - z_{k-1}: that telescopes to z_m - z_0 exactly. What is left is the base,
 * popularity share(t) + n z_0(t).
 *
 * Counts grow with a shop, logits do not: the options `ease` or `alike`, and `network`, are weights beside transitions whose strongest one is 1 on average over events. a and n are what comes of them.
 *
 * In numbers the sums of counts come first: (sum of transitions, then of what goes together) + (popularity share(t) + n z_m(t)). What is asked is found without scoring every item: next_top.h.
 *
 * A state holds the events so far and the network's hidden numbers: one more event costs one step of the network, whatever came before.
 */
#ifndef MX_SHOP_NEXT_H
#define MX_SHOP_NEXT_H

#include "learn/factor/transitions.h"
#include "learn/network/sequence_ranker.h"
#include "shop/answers/answer.h"
#include "shop/answers/next_top.h"
#include "shop/answers/sales.h"

/* ---- what is learnt from ---- */

typedef enum mx_next_source {
    MX_NEXT_CUSTOMERS, /* what each customer bought, in the order of time */
    MX_NEXT_SESSIONS,  /* what each session looked at, put into the cart or bought */
} mx_next_source;
const char *mx_next_source_name(mx_next_source source); /* "customers" */

/* Sequences in the order of the ids of who they belong to; items are the products in them, in the order of their ids. The same product again at once counts once. */
typedef struct mx_next_sequences {
    const merx_allocator *alloc;
    mx_next_source source;
    mx_sequences view;
    int64_t *starts;        /* (n + 1) */
    int32_t *items;         /* (events) */
    int32_t *owner;         /* (n) customer or session of the snapshot */
    int32_t *item_product;  /* (items) */
    int32_t *product_item;  /* (products of the snapshot): -1 in no sequence */
    int32_t *holders;       /* (items) sequences that hold it */
    size_t products, lines; /* of the snapshot; lines that made the events */
} mx_next_sequences;

/* Cost: O(events). Owns: mx_next_sequences_release. On failure *out is zeroed. */
merx_status mx_next_sequences_build(const mx_snapshot *snapshot, mx_next_source source, const merx_allocator *alloc,
                                    mx_next_sequences *out, merx_error *err) MERX_MUST_CHECK;
void mx_next_sequences_release(mx_next_sequences *q);
/* The source that the option `learn_from` names; auto (and options NULL): customers if one of them bought twice, else sessions. */
merx_status mx_next_source_of(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                              mx_next_source *out, merx_error *err) MERX_MUST_CHECK;
/* Whether an event belongs to a sequence of the source. */
bool mx_next_is_event(const mx_snapshot *snapshot, mx_next_source source, size_t e);

/* ---- the model ---- */

typedef struct mx_next {
    const merx_allocator *alloc;
    mx_next_source source;
    size_t items, sequences; /* learnt from */
    double fade, popularity;
    double alike_weight, network; /* a, n; network: 0 without one */
    double events;                /* learnt from */
    int32_t *holders;             /* (items) */
    int32_t *count;               /* (items) events */
    mx_item_lists after, alike;
    mx_ranker ranker;     /* items 0: none */
    mx_next_index *index; /* for questions (next_top.h); NULL: not asked */
    mx_dict *ids;         /* item -> id of the product; NULL while training */
} mx_next;

extern const merx_option mx_next_training[];

/* Item-kNN over the sequences as sets: cosine, `keep` neighbours. */
merx_status mx_next_fit_alike(const mx_sequences *sequences, size_t keep, const merx_allocator *alloc, merx_task *task,
                              mx_item_lists *out, merx_error *err) MERX_MUST_CHECK;
/* Whether `alike` is by EASE: the option is above 0 and the products are few enough. */
bool mx_next_takes_ease(const mx_sequences *sequences, const merx_options *options);
/* counts_only: without the network, whose place is left empty, and `alike` by cosine. Same bits for any number of threads. */
merx_status mx_next_fit(const mx_next_sequences *sequences, const merx_options *options, bool counts_only,
                        const merx_allocator *alloc, merx_task *task, mx_next *out, merx_error *err) MERX_MUST_CHECK;
void mx_next_release(mx_next *model);
/* Everything handed to the writer lives in the arena. fingerprint: of what the network was learnt from, or "kept". */
merx_status mx_next_write(const mx_next *model, const mx_snapshot *snapshot, const mx_next_sequences *sequences,
                          const char *fingerprint, mx_tensor_writer *writer, mx_arena *arena,
                          merx_error *err) MERX_MUST_CHECK;
/* Copies what it needs out of the file. */
merx_status mx_next_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_next *out,
                         merx_error *err) MERX_MUST_CHECK;
/* Sixteen hex digits over the sequences, the options of the network and the seed: when they are equal, so is the network. */
void mx_next_fingerprint(const mx_snapshot *snapshot, const mx_next_sequences *q, const merx_options *options,
                         uint64_t seed, char out[17]);

/* ---- a sequence being followed ---- */

typedef struct mx_next_state {
    const mx_next *model;
    const merx_allocator *alloc;
    size_t m, most;
    int32_t *items; /* (m) so far */
    float *hidden;  /* the network's state */
    float *scratch;
} mx_next_state;
/* Room for `most` events. Owns: mx_next_end. */
merx_status mx_next_begin(const mx_next *model, size_t most, const merx_allocator *alloc, mx_next_state *out,
                          merx_error *err) MERX_MUST_CHECK;
void mx_next_end(mx_next_state *state);
void mx_next_reset(mx_next_state *state);
/* One more event. Cost: one step of the network; no memory is taken. m < most. */
void mx_next_step(mx_next_state *state, int32_t item);
/* share(t), and popularity share(t) + n logit. */
double mx_next_share(const mx_next *model, int32_t item);
double mx_next_base(const mx_next *model, int32_t item, float logit);
/* scores (items) written. Cost: O(items hidden + links of the events). */
void mx_next_scores(const mx_next_state *state, double *scores);

/*
 * Scores of n targets with every term: base (n); parts (m, n): of each event; without (m, n): the score of the sequence without that event (others move up one step), or the base where it was the only one.
 * Cost: m^2 / 2 steps of the network.
 */
merx_status mx_next_explain(const mx_next *model, const int32_t *history, size_t m, const int32_t *targets, size_t n,
                            double *base, double *parts, double *without, const merx_allocator *alloc,
                            merx_error *err) MERX_MUST_CHECK;

extern const mx_answer mx_answer_next;
merx_status mx_next_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err);

#endif
