/*
 * Building a network: nodes, options with their defaults, shapes, fused steps, weights and where they lie, initial values.
 */
#include "learn/network/network_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/str.h"
#include "learn/network/head.h"

static const mx_layer_kind input_kind = {.id = MERX_LAYER_INPUT, .word = "input", .title = "Input"};

merx_network *merx_network_new(const merx_allocator *alloc, merx_dims input)
{
    alloc = mx_allocator_or_default(alloc);
    merx_network *net;
    if (MX_NEW_ARRAY(alloc, 1, &net, "network", NULL) != MERX_OK)
        return NULL;
    net->alloc = alloc;
    net->input = input;
    if (MX_NEW_ARRAY(alloc, 16, &net->node, "layers", NULL) != MERX_OK) {
        MX_FREE_ARRAY(alloc, net, 1);
        return NULL;
    }
    net->node_room = 16;
    mx_node *first = &net->node[net->nodes++];
    first->kind = &input_kind;
    first->out = input;
    (void)snprintf(first->name, sizeof first->name, "input");
    if (input.rank == 0 || input.rank > MERX_DIMS || mx_dims_size(input) == 0 || mx_dims_size(input) > (size_t)1 << 31)
        (void)mx_error_set(&net->failure, MERX_E_SHAPE, "input",
                           "an input has 1 to %d dimensions, each at least 1, and at most 2^31 numbers", MERX_DIMS);
    return net;
}

static void clear_shelf(merx_network *net)
{
    if (net->shelf != NULL)
        mx_workshop_free(net, atomic_exchange(&net->shelf->workshop, NULL));
}

static void release_compiled(merx_network *net)
{
    const merx_allocator *alloc = net->alloc;
    MX_FREE_ARRAY(alloc, net->packed, net->packed_size);
    MX_FREE_ARRAY(alloc, net->packed_at, net->nodes);
    MX_FREE_ARRAY(alloc, net->state_at, net->nodes);
    clear_shelf(net);
    MX_FREE_ARRAY(alloc, net->shelf, 1);
    net->shelf = NULL;
    MX_FREE_ARRAY(alloc, net->state, net->state_size * net->state_batch);
    net->packed = net->state = NULL;
    net->packed_at = net->state_at = NULL;
    net->state_batch = 0;
}

static void release_moments(merx_network *net)
{
    MX_FREE_ARRAY(net->alloc, net->moment1, net->trainable);
    MX_FREE_ARRAY(net->alloc, net->moment2, net->trainable);
    net->moment1 = net->moment2 = NULL;
}

void merx_network_free(merx_network *net)
{
    if (net == NULL)
        return;
    release_compiled(net);
    release_moments(net);
    MX_FREE_ARRAY(net->alloc, net->weights, net->size);
    MX_FREE_ARRAY(net->alloc, net->gradients, net->size);
    MX_FREE_ARRAY(net->alloc, net->node, net->node_room);
    MX_FREE_ARRAY(net->alloc, net, 1);
}

/* ---- nodes ---- */

static int *int_at(merx_layer *layer, const mx_field *f)
{
    return (int *)(void *)((char *)layer + f->offset);
}

static double *real_at(merx_layer *layer, const mx_field *f)
{
    return (double *)(void *)((char *)layer + f->offset);
}

static merx_status check_int(const mx_node *node, const mx_field *f, int v, merx_error *err)
{
    if (v < f->min || v > f->max)
        MX_FAIL(err, MERX_E_RANGE, node->name, "%s: %s is %d; expected %.0f to %.0f", node->kind->word, f->name, v,
                f->min, f->max);
    return MERX_OK;
}

static merx_status need_value(const mx_node *node, const mx_field *f, merx_error *err)
{
    if (f->value == NULL)
        MX_FAIL(err, MERX_E_INVALID, node->name, "%s needs %s", node->kind->word, f->name);
    return MERX_OK;
}

/* A default of the table: a number as text; 0 for words. */
double mx_field_standard(const mx_field *f)
{
    double v;
    return f->value != NULL && mx_parse_double(mx_str_of(f->value), &v) ? v : 0;
}

/* Defaults filled in, ranges checked. */
static merx_status settle_field(mx_node *node, const mx_field *f, merx_error *err)
{
    int *v = int_at(&node->layer, f);
    double *r = real_at(&node->layer, f);
    switch (f->type) {
    case MX_FIELD_INT:
        if (*v == 0) {
            MX_TRY(need_value(node, f, err));
            *v = (int)mx_field_standard(f);
        }
        return check_int(node, f, *v, err);
    case MX_FIELD_PAIR:
        if (v[0] == 0 && v[1] == 0) {
            MX_TRY(need_value(node, f, err));
            v[0] = v[1] = (int)mx_field_standard(f);
            if (v[0] == 0) /* "pool_size": the member before it */
                memcpy(v, v - 2, 2 * sizeof *v);
        }
        v[1] = v[1] == 0 ? v[0] : v[1];
        MX_TRY(check_int(node, f, v[0], err));
        return check_int(node, f, v[1], err);
    case MX_FIELD_DIMS:
        if (*v == 0)
            MX_TRY(need_value(node, f, err));
        for (size_t i = 0; i < MERX_DIMS && v[i] != 0; i++)
            MX_TRY(check_int(node, f, v[i], err));
        return MERX_OK;
    case MX_FIELD_REAL:
        if (*r == 0 && f->value != NULL)
            *r = mx_field_standard(f);
        if (!(*r >= f->min && *r <= f->max))
            MX_FAIL(err, MERX_E_RANGE, node->name, "%s: %s is %g; expected %g to %g", node->kind->word, f->name, *r,
                    f->min, f->max);
        return MERX_OK;
    default:
        return MERX_OK;
    }
}

static merx_status connect_node(merx_network *net, const merx_layer *layer, size_t n, const int *inputs,
                                merx_error *err)
{
    const mx_layer_kind *kind = mx_layer_kind_of(layer->kind);
    char name[MX_NODE_NAME];
    if (kind == NULL)
        MX_FAIL(err, MERX_E_INVALID, "network", "layer kind %d is unknown", (int)layer->kind);
    size_t same = 0;
    for (size_t i = 0; i < net->nodes; i++)
        same += net->node[i].kind == kind;
    if (layer->name != NULL && *layer->name != '\0' && strlen(layer->name) < sizeof name)
        (void)snprintf(name, sizeof name, "%s", layer->name);
    else if (same == 0)
        (void)snprintf(name, sizeof name, "%s", kind->word);
    else
        (void)snprintf(name, sizeof name, "%s_%zu", kind->word, same);
    if (layer->name != NULL && strlen(layer->name) >= sizeof name)
        MX_FAIL(err, MERX_E_LIMIT, layer->name, "a layer's name has at most %d bytes", MX_NODE_NAME - 1);
    if (strchr(name, '/') != NULL)
        MX_FAIL(err, MERX_E_INVALID, name, "a layer's name has no \"/\"");
    if (merx_network_find(net, name) >= 0)
        MX_FAIL(err, MERX_E_EXISTS, name, "two layers have this name");
    if (net->nodes == MX_MOST_NODES)
        MX_FAIL(err, MERX_E_LIMIT, name, "a network has at most %d layers", MX_MOST_NODES);
    if (n < kind->least_inputs || n > kind->most_inputs)
        MX_FAIL(err, MERX_E_SHAPE, name, "%s is given %zu inputs; it takes %zu to %zu", kind->word, n,
                kind->least_inputs, kind->most_inputs);
    for (size_t i = 0; i < n; i++)
        if (inputs[i] < 0 || (size_t)inputs[i] >= net->nodes)
            MX_FAIL(err, MERX_E_NOT_FOUND, name, "input %zu is node %d; there are nodes 0 to %zu", i, inputs[i],
                    net->nodes - 1);
    if (net->nodes == net->node_room) {
        mx_node *more;
        MX_TRY(MX_NEW_ARRAY(net->alloc, net->node_room * 2, &more, "layers", err));
        memcpy(more, net->node, net->nodes * sizeof *more);
        MX_FREE_ARRAY(net->alloc, net->node, net->node_room);
        net->node = more;
        net->node_room *= 2;
    }
    mx_node *node = &net->node[net->nodes];
    *node = (mx_node){.kind = kind, .layer = *layer, .number = (int)net->nodes, .n_inputs = n};
    node->layer.name = NULL;
    memcpy(node->name, name, sizeof name);
    for (size_t i = 0; i < n; i++)
        node->inputs[i] = inputs[i];
    for (const mx_field *f = kind->fields; f->name != NULL; f++)
        MX_TRY(settle_field(node, f, err));
    net->nodes++;
    return MERX_OK;
}

int merx_network_connect(merx_network *net, merx_layer layer, size_t n, const int *inputs)
{
    if (net == NULL)
        return -1;
    if (net->failure.code != MERX_OK)
        return -1;
    if (net->compiled) {
        (void)mx_error_set(&net->failure, MERX_E_INVALID, "network", "layers are added before the network is compiled");
        return -1;
    }
    return connect_node(net, &layer, n, inputs, &net->failure) == MERX_OK ? (int)net->nodes - 1 : -1;
}

int merx_network_add(merx_network *net, merx_layer layer)
{
    return net == NULL ? -1 : merx_network_connect(net, layer, 1, (int[]){(int)net->nodes - 1});
}

int merx_network_find(const merx_network *net, const char *name)
{
    for (size_t i = 0; i < net->nodes; i++)
        if (strcmp(net->node[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- shapes ---- */

size_t mx_network_align(size_t floats)
{
    return (floats + 15) & ~(size_t)15;
}

int mx_node_source(const mx_node *node, size_t i)
{
    return node->fused != NULL ? node->fused->inputs[i] : node->inputs[i];
}

static bool makes_mask_for(const merx_network *net, const mx_node *node, int *from)
{
    *from = -1;
    if (node->n_inputs == 0)
        return false;
    const mx_node *before = &net->node[node->inputs[0]];
    *from = before->makes_mask ? before->number : before->passes_mask ? before->mask_node : -1;
    return *from >= 0;
}

merx_status mx_network_shape_last(merx_network *net, merx_error *err)
{
    mx_node *last = &net->node[net->nodes - 1];
    last->mask_node = -1;
    for (size_t i = 0; i < last->n_inputs; i++) {
        last->in[i] = net->node[last->inputs[i]].out;
        last->in_size[i] = mx_dims_size(last->in[i]);
    }
    merx_status status = last->kind->shape(last, err);
    last->n_weights = 0; /* mx_network_shapes begins anew */
    return status;
}

merx_status mx_network_shapes(merx_network *net, merx_error *err)
{
    if (net->nodes < 2)
        MX_FAIL(err, MERX_E_INVALID, "network", "there is no layer to learn with");
    net->has_sums = net->has_state = false;
    for (size_t i = 0; i < net->nodes; i++) {
        mx_node *node = &net->node[i];
        node->consumers = 0;
        node->n_weights = 0;
        node->saved_floats = node->saved_bytes = node->packed = node->packed_back = 0;
        node->scratch = node->scratch_per_example = node->state = node->sums = node->twin_scratch = 0;
        node->makes_mask = node->passes_mask = node->in_place = node->at_loss = node->absorbed = node->head = false;
        node->fused = NULL;
        node->mask_node = -1;
        for (size_t j = 0; j < node->n_inputs; j++) {
            mx_node *before = &net->node[node->inputs[j]];
            before->consumers++;
            node->in[j] = before->out;
            node->in_size[j] = before->out_size;
        }
        if (i > 0) {
            (void)makes_mask_for(net, node, &node->mask_node);
            MX_TRY(node->kind->shape(node, err));
        }
        node->out_size = mx_dims_size(node->out);
        if (node->out_size == 0 || node->out_size > (size_t)1 << 31)
            MX_FAIL(err, MERX_E_LIMIT, node->name, "the output has %zu numbers; a layer has 1 to 2^31", node->out_size);
        net->has_sums |= node->sums > 0;
        net->has_state |= node->state > 0 && node->layer.recurrent.stateful;
    }
    for (size_t i = 1; i + 1 < net->nodes; i++)
        if (net->node[i].consumers == 0)
            MX_FAIL(err, MERX_E_INVALID, net->node[i].name,
                    "no layer takes its output (the last layer is the network's output)");
    for (size_t i = 1; i < net->nodes; i++) {
        mx_node *node = &net->node[i], *before = &net->node[node->inputs[0]];
        if (node->n_inputs == 1 && before->number > 0 && mx_pool_can_fuse(node, before))
            mx_pool_fuse(node, before);
    }
    return MERX_OK;
}

static merx_status place_weights(merx_network *net, merx_error *err)
{
    size_t at = 0;
    for (int trainable = 1; trainable >= 0; trainable--) {
        for (size_t i = 0; i < net->nodes; i++)
            for (size_t j = 0; j < net->node[i].n_weights; j++) {
                mx_weight *w = &net->node[i].weight[j];
                if (w->trainable != (trainable == 1))
                    continue;
                w->offset = at;
                at += mx_network_align(w->size);
                if (at > (size_t)1 << 31)
                    MX_FAIL(err, MERX_E_LIMIT, w->name, "a network has at most 2^31 weights");
            }
        if (trainable == 1)
            net->trainable = at;
    }
    net->size = at;
    size_t packed = 0, state = 0;
    MX_TRY(MX_NEW_ARRAY(net->alloc, net->nodes, &net->packed_at, "places", err));
    MX_TRY(MX_NEW_ARRAY(net->alloc, net->nodes, &net->state_at, "places", err));
    MX_TRY(MX_NEW_ARRAY(net->alloc, 1, &net->shelf, "places", err));
    for (size_t i = 0; i < net->nodes; i++) {
        net->packed_at[i] = packed;
        packed += mx_network_align(net->node[i].packed + net->node[i].packed_back);
        net->state_at[i] = state;
        state += mx_network_align(net->node[i].state);
    }
    net->packed_size = packed;
    net->state_size = state;
    return mx_alloc_array(net->alloc, packed, sizeof(float), "packed weights", &net->packed, err);
}

/* ---- initial weights ---- */

/* Columns of a random orthogonal matrix (rows >= columns), or rows of one, by Gram-Schmidt in double, twice. */
static merx_status orthogonal(const merx_network *net, const mx_weight *w, mx_random *random, float *out,
                              merx_error *err)
{
    size_t rows = w->dims.dim[0], columns = w->size / rows, many = rows > columns ? rows : columns,
           few = rows + columns - many;
    double *q;
    MX_TRY(mx_alloc_array_raw(net->alloc, many * few, sizeof *q, "orthogonal matrix", &q, err));
    for (size_t i = 0; i < few; i++) {
        double *v = q + i * many, length = 0;
        for (size_t l = 0; l < many; l++)
            v[l] = mx_random_normal(random);
        for (int again = 0; again < 2; again++)
            for (size_t j = 0; j < i; j++) {
                double along = 0;
                for (size_t l = 0; l < many; l++)
                    along += v[l] * q[j * many + l];
                for (size_t l = 0; l < many; l++)
                    v[l] -= along * q[j * many + l];
            }
        for (size_t l = 0; l < many; l++)
            length += v[l] * v[l];
        length = 1 / sqrt(length);
        for (size_t l = 0; l < many; l++)
            v[l] *= length;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            out[i * columns + j] = (float)(rows > columns ? q[j * many + i] : q[i * many + j]);
    mx_free_array(net->alloc, q, many * few, sizeof *q);
    return MERX_OK;
}

static merx_status draw_weight(const merx_network *net, const mx_weight *w, uint64_t seed, merx_error *err)
{
    mx_random random;
    mx_random_init(&random, seed, mx_random_key(mx_hash64(w->name, strlen(w->name), 0), 0x6e6574, 0));
    float *out = net->weights + w->offset;
    double bound = w->initial == MX_INITIAL_UNIFORM ? 0.05 : sqrt(6 / (double)(w->fan_in + w->fan_out));
    switch (w->initial) {
    case MX_INITIAL_ORTHOGONAL:
        return orthogonal(net, w, &random, out, err);
    case MX_INITIAL_GLOROT:
    case MX_INITIAL_UNIFORM:
        for (size_t i = 0; i < w->size; i++)
            out[i] = (float)(bound * (2 * mx_random_uniform(&random) - 1));
        return MERX_OK;
    case MX_INITIAL_FORGET:
        for (size_t i = 0; i < w->size; i++)
            out[i] = i >= w->size / 4 && i < w->size / 2 ? 1 : 0;
        return MERX_OK;
    default:
        for (size_t i = 0; i < w->size; i++)
            out[i] = w->initial == MX_INITIAL_ONES ? 1 : 0;
        return MERX_OK;
    }
}

/* ---- packing ---- */

typedef struct pack_work {
    merx_network *net;
    bool training;
} pack_work;

static merx_status pack_node(void *context, size_t i, merx_error *err)
{
    (void)err;
    const pack_work *w = context;
    const merx_network *net = w->net;
    const mx_node *node = &net->node[i];
    if (node->kind->pack != NULL)
        node->kind->pack(node, net->weights, net->packed + net->packed_at[i], w->training);
    return MERX_OK;
}

merx_status mx_network_pack(merx_network *net, bool training, merx_task *task, merx_error *err)
{
    pack_work w = {net, training};
    /* Few weights: waking another thread costs more. */
    if (net->packed_size < 1 << 20)
        task = NULL;
    return mx_parallel(task, net->nodes, pack_node, &w, err);
}

/* ---- compile ---- */

merx_status merx_network_compile(merx_network *net, merx_optimizer optimizer, merx_loss loss, merx_task *task,
                                 merx_error *err)
{
    if (net == NULL)
        MX_FAIL(err, MERX_E_MEMORY, "network", "there is no network (merx_network_new gave NULL)");
    if (net->failure.code != MERX_OK)
        MX_FAIL(err, net->failure.code, net->failure.where, "%s", net->failure.message);
    optimizer = mx_optimizer_defaults(optimizer);
    MX_TRY(mx_optimizer_check(&optimizer, err));
    bool first = !net->compiled;
    if (first) {
        release_compiled(net);
        MX_TRY(mx_network_shapes(net, err));
        MX_TRY(place_weights(net, err));
        if (net->weights == NULL)
            MX_TRY(mx_alloc_array(net->alloc, net->size, sizeof(float), "weights", &net->weights, err));
        net->seed = merx_task_seed(task);
        for (size_t i = 0; i < net->nodes && !net->resumes; i++) /* loaded weights need not be drawn first */
            for (size_t j = 0; j < net->node[i].n_weights; j++)
                MX_TRY(draw_weight(net, &net->node[i].weight[j], net->seed, err));
    }
    mx_node *output = &net->node[net->nodes - 1];
    output->at_loss = mx_loss_takes_logits(loss, output);
    MX_TRY(mx_loss_fits(net, loss, err));
    output->head = mx_head_fits(net, loss);
    clear_shelf(net);
    release_moments(net);
    net->optimizer = optimizer;
    net->loss = loss;
    net->steps = net->epochs = 0;
    size_t moments = mx_optimizer_moments(&optimizer);
    if (moments > 0)
        MX_TRY(mx_alloc_array(net->alloc, net->trainable, sizeof(float), "moments", &net->moment1, err));
    if (moments > 1)
        MX_TRY(mx_alloc_array(net->alloc, net->trainable, sizeof(float), "moments", &net->moment2, err));
    if (optimizer.kind == MERX_OPTIMIZER_ADAGRAD && net->moment1 != NULL)
        for (size_t i = 0; i < net->trainable; i++)
            net->moment1[i] = 0.1F; /* Keras's initial_accumulator_value */
    net->compiled = true;
    return mx_network_pack(net, false, task, err);
}

/* ---- looking inside ---- */

size_t merx_network_nodes(const merx_network *net)
{
    return net->nodes;
}

merx_node merx_network_node(const merx_network *net, int node)
{
    const mx_node *n = &net->node[node];
    merx_node out = {.kind = n->kind->id, .name = n->name, .output = n->out, .inputs = n->n_inputs, .input = n->inputs};
    for (size_t j = 0; j < n->n_weights; j++)
        out.weights += n->weight[j].size;
    return out;
}

size_t merx_network_weights(const merx_network *net)
{
    size_t count = 0;
    for (size_t i = 0; i < net->nodes; i++)
        count += net->node[i].n_weights;
    return count;
}

static const mx_weight *weight_at(const merx_network *net, size_t i)
{
    for (size_t k = 0; k < net->nodes; k++) {
        if (i < net->node[k].n_weights)
            return &net->node[k].weight[i];
        i -= net->node[k].n_weights;
    }
    return NULL;
}

merx_weight merx_network_weight(const merx_network *net, size_t i)
{
    const mx_weight *w = weight_at(net, i);
    if (w == NULL)
        return (merx_weight){0};
    return (merx_weight){.name = w->name,
                         .dims = w->dims,
                         .size = w->size,
                         .trainable = w->trainable,
                         .values = net->weights + w->offset,
                         .gradient = net->gradients != NULL ? net->gradients + w->offset : NULL};
}

merx_status merx_network_set_weight(merx_network *net, size_t i, const float *values, size_t size, merx_error *err)
{
    const mx_weight *w = net->compiled ? weight_at(net, i) : NULL;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "weights are set after the network is compiled");
    if (w == NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, "network", "there is no weight %zu; there are %zu", i,
                merx_network_weights(net));
    if (size != w->size)
        MX_FAIL(err, MERX_E_SHAPE, w->name, "is given %zu numbers; it has %zu", size, w->size);
    memcpy(net->weights + w->offset, values, size * sizeof *values);
    return mx_network_pack(net, false, NULL, err);
}

void merx_network_reset(merx_network *net)
{
    if (net->state != NULL)
        memset(net->state, 0, net->state_size * net->state_batch * sizeof *net->state);
}

size_t mx_input_size(const merx_network *net)
{
    return net->node[0].out_size;
}

size_t mx_output_units(const merx_network *net)
{
    const mx_node *out = &net->node[net->nodes - 1];
    return out->out.rank > 0 ? out->out.dim[out->out.rank - 1] : 1;
}

size_t mx_output_rows(const merx_network *net)
{
    return net->node[net->nodes - 1].out_size / mx_output_units(net);
}
