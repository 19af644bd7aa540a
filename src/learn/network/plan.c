/*
 * Where everything of a block lies: one allocation, laid out once.
 *
 * Time runs 0 … N - 1 through the nodes forward and N … 2 N - 1 back (node i at 2 N - 1 - i). A thing is alive from the time it is first written to the last time it is
 * read; two things may share a place when their times don't meet. Places are given first to what is largest, each the lowest one that is free for all its time.
 *
 *   y      forward of its node … (training) its own backward; (running) its last reader's forward, the output's to the end
 *   dy     the last reader's backward, which writes it first … its own backward
 *   saved  forward … backward of its node
 *
 * An in-place node's y (and, if it is its input's only reader, dy) is its input's.
 */
#include "learn/network/head.h"

#include <stdlib.h>
#include <string.h>

typedef struct thing {
    size_t size, from, until, *place;
    size_t at;
} thing;

static int by_size(const void *a, const void *b)
{
    const thing *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->from < y->from ? -1 : x->from > y->from ? 1 : x->place < y->place ? -1 : x->place > y->place;
}

static int by_place(const void *a, const void *b)
{
    const thing *x = *(thing *const *)a, *y = *(thing *const *)b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Gives each thing its place; returns the room needed. `placed` has room for n pointers. */
static size_t lay_out(thing *things, size_t n, thing **placed)
{
    size_t total = 0, count = 0;
    qsort(things, n, sizeof *things, by_size);
    for (size_t i = 0; i < n; i++) {
        thing *t = &things[i];
        size_t at = 0;
        /* placed is ascending in place: the lowest gap that is free while t is alive. */
        for (size_t j = 0; j < count; j++) {
            const thing *p = placed[j];
            if (p->until < t->from || t->until < p->from)
                continue;
            if (p->at >= at + t->size)
                break;
            if (p->at + p->size > at)
                at = p->at + p->size;
        }
        t->at = at;
        *t->place = at;
        placed[count++] = t;
        qsort(placed, count, sizeof *placed, by_place);
        total = at + t->size > total ? at + t->size : total;
    }
    return total;
}

/* The node whose memory y is in. */
static size_t owner(const merx_network *net, size_t i)
{
    while (net->node[i].in_place)
        i = (size_t)net->node[i].inputs[0];
    return i;
}

static bool shares_gradient(const merx_network *net, const mx_node *node)
{
    return node->in_place && net->node[node->inputs[0]].consumers == 1 && node->inputs[0] > 0;
}

static merx_status room_for(size_t most, size_t each, size_t *out, const mx_node *node, merx_error *err)
{
    if (!mx_mul_size(most, each, out) || *out > (size_t)1 << 40)
        MX_FAIL(err, MERX_E_LIMIT, node->name, "%zu examples of %zu numbers at a time are too many", most, each);
    *out = mx_network_align(*out);
    return MERX_OK;
}

merx_status mx_plan_make(const merx_network *net, size_t most, mx_plan_for what, mx_plan *plan, merx_error *err)
{
    bool training = what == MX_PLAN_TRAIN;
    size_t n = net->nodes, count = 0, last = 2 * n - 1, scratch = 0;
    thing *things = NULL;
    thing **placed = NULL;
    merx_status status;
    *plan = (mx_plan){.most = most, .what = what, .nodes = n};
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, n, &plan->place, "places", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, n, &plan->sums_at, "places", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, 4 * n, &things, "places", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, 4 * n, &placed, "places", err));
    for (size_t i = 0; i < n; i++) {
        const mx_node *node = &net->node[i];
        mx_places *p = &plan->place[i];
        *p = (mx_places){MX_NOWHERE, MX_NOWHERE, MX_NOWHERE, MX_NOWHERE, MX_NOWHERE};
        plan->sums_at[i] = plan->sums;
        plan->sums += node->sums;
        if (node->absorbed)
            continue;
        if (node->head && (training || what == MX_PLAN_JUDGE)) {
            size_t own = mx_head_scratch(net);
            scratch = own > scratch ? own : scratch;
            continue;
        }
        size_t own = node->scratch;
        if (node->scratch_per_example > 0) {
            size_t more;
            MX_TRY_GOTO(room_for(most, node->scratch_per_example, &more, node, err));
            own += more;
        }
        scratch = own > scratch ? own : scratch;
        /* Bytes are few: they get places of their own. */
        if (node->saved_bytes > 0 && training) {
            size_t bytes;
            MX_TRY_GOTO(room_for(most, node->saved_bytes, &bytes, node, err));
            p->saved_bytes = plan->bytes;
            plan->bytes += (bytes + 63) & ~(size_t)63;
        }
        if (node->makes_mask) {
            p->mask = plan->bytes;
            plan->bytes += (most * node->out.dim[0] + 63) & ~(size_t)63;
        }
        if (node->saved_floats > 0 && training) {
            thing *t = &things[count++];
            *t = (thing){.from = i, .until = last - i, .place = &p->saved};
            MX_TRY_GOTO(room_for(most, node->saved_floats, &t->size, node, err));
        }
        if (node->in_place)
            continue;
        thing *y = &things[count++];
        *y = (thing){.from = i, .until = training || i + 1 == n ? last - i : i, .place = &p->y};
        MX_TRY_GOTO(room_for(most, node->out_size, &y->size, node, err));
        for (size_t j = i + 1; j < n; j++) {
            const mx_node *reader = &net->node[j];
            if (reader->absorbed)
                continue;
            for (size_t k = 0; k < (reader->fused != NULL ? reader->fused->n_inputs : reader->n_inputs); k++)
                if (owner(net, (size_t)mx_node_source(reader, k)) == i) {
                    size_t until = training ? last - i : j;
                    y->until = until > y->until ? until : y->until;
                }
        }
        if (what == MX_PLAN_KEEP || (!training && owner(net, n - 1) == i))
            y->until = last;
        if (!training || i == 0)
            continue;
        thing *dy = &things[count++];
        size_t first = last - (n - 1);
        /* Written first by its last reader's backward; of the output, by the loss. */
        for (size_t j = n; j-- > i + 1;) {
            const mx_node *reader = &net->node[j];
            bool reads = false;
            for (size_t k = 0;
                 k < (reader->fused != NULL ? reader->fused->n_inputs : reader->n_inputs) && !reader->absorbed; k++) {
                size_t source = (size_t)mx_node_source(reader, k);
                reads |= source == i;
                /* Through a chain of shared gradients the last one's reader counts. */
                for (size_t via = source; !reads && net->node[via].in_place && shares_gradient(net, &net->node[via]);) {
                    via = (size_t)net->node[via].inputs[0];
                    reads = via == i;
                }
            }
            if (reads) {
                first = last - j;
                break;
            }
        }
        *dy = (thing){.from = first, .until = last - i, .place = &p->dy};
        MX_TRY_GOTO(room_for(most, node->out_size, &dy->size, node, err));
    }
    size_t at = lay_out(things, count, placed);
    for (size_t i = 1; i < n; i++) {
        const mx_node *node = &net->node[i];
        if (!node->in_place)
            continue;
        plan->place[i].y = plan->place[node->inputs[0]].y;
        if (training && shares_gradient(net, node))
            plan->place[i].dy = plan->place[node->inputs[0]].dy;
    }
    /* An in-place node that doesn't share its gradient has one of its own, for the whole time. */
    for (size_t i = 1; i < n && training; i++)
        if (net->node[i].in_place && plan->place[i].dy == MX_NOWHERE) {
            size_t size;
            MX_TRY_GOTO(room_for(most, net->node[i].out_size, &size, &net->node[i], err));
            plan->place[i].dy = at;
            at += size;
        }
    plan->scratch = at;
    plan->floats = at + mx_network_align(scratch);
    status = MERX_OK;
out:
    MX_FREE_ARRAY(net->alloc, things, 4 * n);
    MX_FREE_ARRAY(net->alloc, placed, 4 * n);
    if (status != MERX_OK)
        mx_plan_release(net, plan);
    return status;
}

void mx_plan_release(const merx_network *net, mx_plan *plan)
{
    MX_FREE_ARRAY(net->alloc, plan->place, plan->nodes);
    MX_FREE_ARRAY(net->alloc, plan->sums_at, plan->nodes);
    plan->place = NULL;
    plan->sums_at = NULL;
}

merx_status mx_block_make(const merx_network *net, const mx_plan *plan, bool gradients, mx_block *block,
                          merx_error *err)
{
    *block = (mx_block){0};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(net->alloc, plan->floats, sizeof(float), "activations", &block->floats, err));
    mx_wish_large_pages(block->floats, plan->floats * sizeof(float));
    MX_TRY_GOTO(mx_alloc_array(net->alloc, plan->bytes, 1, "activations", &block->bytes, err));
    MX_TRY_GOTO(mx_alloc_array(net->alloc, plan->sums, sizeof(double), "batch statistics", &block->sums, err));
    if (gradients)
        MX_TRY_GOTO(mx_alloc_array(net->alloc, net->trainable, sizeof(float), "gradients", &block->gradients, err));
    return MERX_OK;
out:
    mx_block_release(net, plan, block);
    return status;
}

void mx_block_release(const merx_network *net, const mx_plan *plan, mx_block *block)
{
    mx_free_array(net->alloc, block->floats, plan->floats, sizeof(float));
    mx_free_array(net->alloc, block->bytes, plan->bytes, 1);
    mx_free_array(net->alloc, block->sums, plan->sums, sizeof(double));
    mx_free_array(net->alloc, block->gradients, net->trainable, sizeof(float));
    *block = (mx_block){0};
}
