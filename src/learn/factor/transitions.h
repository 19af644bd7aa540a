/*
 * Item-to-item transitions: what follows what in sequences, near and far. Floor 4.
 *
 * Of a sequence s of items, every pair of places p < q no more than `reach` apart says something of s_q after s_p, and a little of s_p after s_q (who bought both
 * in that order might have bought them in the other):
 *
 *     c(i, t) = sum over such pairs of |s|^-damping decay^(q - p - 1) * (1 for i = s_p, t = s_q;  backward for i = s_q, t = s_p)
 *     weight(i, t) = c(i, t)^power / (1 + sum_t' c(i, t')^power)^spread
 *
 * power below 1: the tenth time tells less than the first. spread: an item that leads everywhere says less of each place. damping: a long sequence says less a pair.
 * The score of t for a history is a sum over its items, the last one first, each step back worth `fade` of the one after it: reasons are its terms.
 *
 * reach 1, decay 1, backward 0, damping 0, power 1 and spread 0 are plain counts of what came next: a first-order Markov chain (Rendle, Freudenthaler &
 * Schmidt-Thieme 2010 name it MC). The wider forms are those of sequential rules and item graphs (Ludewig & Jannach 2018, "Evaluation of session-based recommendation algorithms", SR).
 */
#ifndef MX_LEARN_TRANSITIONS_H
#define MX_LEARN_TRANSITIONS_H

#include "learn/core/sequences.h"
#include "learn/factor/item_lists.h"

typedef struct mx_transitions_options {
    int reach;       /* 1 … 1000 places */
    double decay;    /* (0, 1] a place further apart */
    double backward; /* [0, 1] */
    double damping;  /* [0, 1] */
    double power;    /* (0, 1] */
    double spread;   /* [0, 1] */
    size_t keep;     /* largest weights of an item that are kept; 0: 1000 */
} mx_transitions_options;

/*
 * out    what follows each item, largest weight first; release with mx_item_lists_release
 * Cost: O(events reach); memory O(items) a worker and 12 bytes an event, besides the result.
 * Threads: same bits for any number; sums are in double, in the order of the sequences.
 * Errors: MERX_E_RANGE for an option outside its range, MERX_E_INVALID for an item outside [0, n_items).
 */
merx_status mx_transitions_fit(const mx_sequences *sequences, const mx_transitions_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_item_lists *out,
                               merx_error *err) MERX_MUST_CHECK;

/* scores (items) += factor sum_k fade^(m - 1 - k) weight(history_k, .): the last of the history is worth most. */
void mx_transitions_score(const mx_item_lists *lists, const int32_t *history, size_t m, double fade, double factor,
                          double *scores);

#endif
