/*
 * Running one block of examples through the nodes, forward and back.
 */
#include "learn/network/network_state.h"

#include <math.h>

/* The pass of one node: where everything of it lies. */
static void aim(const mx_run *run, const mx_block *block, size_t n, size_t first, size_t i, mx_pass *pass)
{
    const merx_network *net = run->net;
    const mx_node *node = &net->node[i];
    const mx_places *p = &run->plan->place[i];
    size_t inputs = node->fused != NULL ? node->fused->n_inputs : node->n_inputs;
    *pass =
        (mx_pass){.n = n,
                  .first = first,
                  .batch = run->batch,
                  .training = run->training,
                  .logits = run->logits,
                  .seed = net->seed,
                  .step = run->step,
                  .weights = net->weights,
                  .gradients = block->gradients,
                  .packed = net->packed != NULL
                                ? net->packed + net->packed_at[node->fused != NULL ? (size_t)node->fused->number : i]
                                : NULL,
                  .y = block->floats + p->y,
                  .scratch = block->floats + run->plan->scratch};
    if (p->saved != MX_NOWHERE)
        pass->saved = block->floats + p->saved;
    if (p->saved_bytes != MX_NOWHERE)
        pass->saved_bytes = block->bytes + p->saved_bytes;
    if (p->mask != MX_NOWHERE)
        pass->mask_out = block->bytes + p->mask;
    if (node->mask_node >= 0)
        pass->mask = block->bytes + run->plan->place[node->mask_node].mask;
    if (p->dy != MX_NOWHERE)
        pass->dy = block->floats + p->dy;
    if (node->state > 0 && node->layer.recurrent.stateful && run->state != NULL)
        pass->state = run->state + net->state_at[i] * run->state_batch + first * node->state;
    if (block->sums != NULL)
        pass->own_sums = block->sums + run->plan->sums_at[i];
    if (run->sums != NULL)
        pass->sums = run->sums + run->plan->sums_at[i];
    for (size_t k = 0; k < inputs; k++)
        pass->x[k] = block->floats + run->plan->place[mx_node_source(node, k)].y;
}

static void run_back(const mx_run *run, mx_block *block, size_t n, size_t first, size_t i, bool sums)
{
    const merx_network *net = run->net;
    const mx_node *node = &net->node[i];
    mx_pass pass;
    aim(run, block, n, first, i, &pass);
    size_t inputs = node->fused != NULL ? node->fused->n_inputs : node->n_inputs;
    for (size_t k = 0; k < inputs; k++) {
        int source = mx_node_source(node, k);
        if (source == 0)
            continue;
        pass.dx[k] = block->floats + run->plan->place[source].dy;
        /* The last reader writes, those before it add: a later node that reads the same, or an earlier input of this one. */
        for (size_t j = i + 1; j < net->nodes && !pass.dx_add[k]; j++) {
            const mx_node *other = &net->node[j];
            size_t others = other->fused != NULL ? other->fused->n_inputs : other->n_inputs;
            for (size_t l = 0; l < others && !other->absorbed; l++)
                pass.dx_add[k] |= mx_node_source(other, l) == source;
        }
        for (size_t l = 0; l < k; l++)
            pass.dx_add[k] |= mx_node_source(node, l) == source;
    }
    if (sums)
        node->kind->backward_sums(node, &pass);
    else
        node->kind->backward(node, &pass);
}

void mx_forward(const mx_run *run, mx_block *block, size_t n, size_t first, size_t from, size_t until)
{
    for (size_t i = from > 0 ? from : 1; i < until; i++) {
        const mx_node *node = &run->net->node[i];
        if (node->absorbed)
            continue;
        mx_pass pass;
        aim(run, block, n, first, i, &pass);
        node->kind->forward(node, &pass);
    }
}

void mx_forward_sums(const mx_run *run, mx_block *block, size_t n, size_t first, size_t i)
{
    mx_pass pass;
    aim(run, block, n, first, i, &pass);
    run->net->node[i].kind->forward_sums(&run->net->node[i], &pass);
}

void mx_backward(const mx_run *run, mx_block *block, size_t n, size_t first, size_t from, size_t until)
{
    for (size_t i = from + 1; i-- > until;)
        if (i > 0 && !run->net->node[i].absorbed)
            run_back(run, block, n, first, i, false);
}

void mx_backward_sums(const mx_run *run, mx_block *block, size_t n, size_t first, size_t i)
{
    run_back(run, block, n, first, i, true);
}

int mx_first_not_finite(const mx_run *run, const mx_block *block, size_t n)
{
    const merx_network *net = run->net;
    for (size_t i = 0; i < net->nodes; i++) {
        if (net->node[i].absorbed || run->plan->place[i].y == MX_NOWHERE)
            continue;
        const float *y = block->floats + run->plan->place[i].y;
        for (size_t j = 0; j < n * net->node[i].out_size; j++)
            if (!isfinite(y[j]))
                return (int)i;
    }
    return -1;
}
