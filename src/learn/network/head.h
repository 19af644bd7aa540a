/*
 * The last dense layer together with the loss, for catalogues: never all logits at once. Floor 4.
 *
 * Of a sequence each step is a row of the loss, and (n steps) x 50,000 logits do not fit. So the last layer's forward is left out; when the loss is due, rows
 * that count are taken a tile at a time, and of these MX_HEAD_COLUMNS of the catalogue at a time, which stay in cache: once through the catalogue for each row's
 * L = log sum_j exp l_j, and once more for weight (exp(l_j - L) - t_j), the gradient of the logits, which goes to W, b and x at once. The logits are computed
 * twice: to write them down and read them again takes longer.
 *
 *   categorical_crossentropy   over all of the catalogue, when it has more than MX_HEAD_UNITS classes
 *   sampled_softmax            over the label and MX_HEAD_SAMPLES items drawn anew each step, by how often they are a label (plus one), the same for the whole batch:
 *                              l_j = s_j - log q_j for label and samples, an item drawn that is the label does not count; -log softmax(l)_label.
 *                              Bengio & Senecal 2008; Jean, Cho, Memisevic & Bengio 2015. Evaluated: over all of the catalogue, without correction.
 *   bpr                        a pair a row: -log sigmoid(s_label - s_j), j another item, drawn alike. Rendle et al. 2009
 *
 * What is drawn is a function of (seed, step, number of the sample or of the row in its batch).
 */
#ifndef MX_LEARN_NETWORK_HEAD_H
#define MX_LEARN_NETWORK_HEAD_H

#include "learn/network/network_state.h"

enum { MX_HEAD_UNITS = 4096, MX_HEAD_ROWS = 512, MX_HEAD_COLUMNS = 128, MX_HEAD_SAMPLES = 1024, MX_HEAD_BLOCK = 64 };

/* Whether the network's output is such a layer; compile asks, node->head has it. */
bool mx_head_fits(const merx_network *net, merx_loss loss);
/* Floats that it needs of a block's scratch. */
size_t mx_head_scratch(const merx_network *net);

/* W' for the way back, MX_HEAD_COLUMNS of the catalogue at a time; room as of W' as a whole. */
void mx_head_pack(const mx_node *node, const float *w, float *back);

/* How often each item is a label: what samples are drawn by. */
struct mx_popularity {
    size_t items;
    uint64_t *until; /* (items) (count + 1) of the items up to this one, with it */
};
merx_status mx_popularity_new(const merx_network *net, mx_popularity *out, merx_error *err) MERX_MUST_CHECK;
void mx_popularity_release(const merx_network *net, mx_popularity *popularity);
void mx_popularity_clear(mx_popularity *popularity);                                /* counts of 0 */
void mx_popularity_add(mx_popularity *popularity, const int32_t *labels, size_t n); /* labels below 0: none */
void mx_popularity_close(mx_popularity *popularity);                                /* after the last labels */
double mx_popularity_log_q(const mx_popularity *popularity, size_t item);
size_t mx_popularity_sample(const mx_popularity *popularity, uint64_t seed, uint64_t step, uint64_t number);
/* The item that row `row` is compared with: any but the label. */
size_t mx_head_other(size_t items, size_t label, uint64_t seed, uint64_t step, uint64_t row);

/*
 * Loss and metric of the rows into the block's sums; training: the gradients of W and b are added, that of the layer's input is written.
 */
void mx_head(const mx_run *run, const mx_loss_rows *rows, mx_block *block);
/* The sum of weight_i loss_i from all logits y (m, u), in double. */
double mx_head_twin(const mx_run *run, merx_loss loss, const mx_loss_rows *rows, const double *y);

#endif
