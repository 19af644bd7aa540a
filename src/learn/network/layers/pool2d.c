/*
 * Max pooling: the largest of each window, per channel.
 *
 * node->fused: the convolution in front of it is done along, in one pass over the picture that keeps the pooled value and where in the window it came from, so that
 * neither the convolution's output nor its gradient is ever written: see mx_tensor_kernels.conv_pool.
 */
#include "learn/network/layer.h"

#include <math.h>
#include <string.h>

static const mx_field fields[] = {
    MX_FIELD("pool_size", PAIR, pool2d.pool, 1, 1024, "2", "Height and width of the window."),
    MX_FIELD("strides", PAIR, pool2d.strides, 1, 1024, "pool_size", "Rows and columns from window to window."),
    MX_FIELD("padding", PADDING, pool2d.padding, 0, 0, "valid",
             "valid: windows inside the picture; same: over its edge too."),
    {0},
};

static merx_status shape(mx_node *node, merx_error *err)
{
    const merx_pool2d *o = &node->layer.pool2d;
    MX_TRY(mx_node_need_rank(node, 0, 3, "pictures (height, width, channels)", err));
    mx_pool *s = &node->pool;
    *s = (mx_pool){.h = node->in[0].dim[0],
                   .w = node->in[0].dim[1],
                   .c = node->in[0].dim[2],
                   .ph = (size_t)o->pool[0],
                   .pw = (size_t)o->pool[1],
                   .stride_h = (size_t)o->strides[0],
                   .stride_w = (size_t)o->strides[1]};
    MX_TRY(mx_window(node, s->h, s->ph, s->stride_h, o->padding, "high", &s->out_h, &s->pad_top, err));
    MX_TRY(mx_window(node, s->w, s->pw, s->stride_w, o->padding, "wide", &s->out_w, &s->pad_left, err));
    node->out = MERX_INPUT(s->out_h, s->out_w, s->c);
    node->saved_bytes = mx_dims_size(node->out) * sizeof(uint32_t);
    return MERX_OK;
}

bool mx_pool_can_fuse(const mx_node *pool, const mx_node *conv)
{
    const mx_pool *p = &pool->pool;
    const mx_conv *c = &conv->conv;
    return pool->kind->id == MERX_LAYER_MAX_POOL2D && conv->kind->id == MERX_LAYER_CONV2D && conv->consumers == 1 &&
           conv->activation == MX_RELU && conv->n_weights == 2 && !c->winograd && c->groups == 1 && c->stride_h == 1 &&
           c->stride_w == 1 && p->ph == 2 && p->pw == 2 && p->stride_h == 2 && p->stride_w == 2 && p->pad_top == 0 &&
           p->pad_left == 0 && p->out_h == c->out_h / 2 && p->out_w == c->out_w / 2;
}

void mx_pool_fuse(mx_node *pool, mx_node *conv)
{
    pool->fused = conv;
    conv->absorbed = true;
    pool->saved_bytes = pool->out_size;
    pool->scratch = conv->scratch;
    /* The gradient of the convolution's whole output, when its input wants one. */
    pool->scratch_per_example = conv->inputs[0] > 0 ? conv->out_size : 0;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    if (node->fused != NULL) {
        const mx_node *conv = node->fused;
        kernels->conv_pool(&conv->conv, pass->n, pass->x[0], pass->packed, mx_pass_weight(conv, pass, 1), pass->y,
                           pass->saved_bytes, pass->scratch);
        return;
    }
    kernels->max_pool(&node->pool, pass->n, pass->x[0], pass->y,
                      pass->training ? (uint32_t *)(void *)pass->saved_bytes : NULL);
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    if (pass->dx[0] != NULL && !pass->dx_add[0])
        memset(pass->dx[0], 0, pass->n * (node->fused != NULL ? node->fused : node)->in_size[0] * sizeof(float));
    if (node->fused == NULL) {
        if (pass->dx[0] != NULL)
            kernels->max_pool_back(&node->pool, pass->n, pass->dy, (const uint32_t *)(const void *)pass->saved_bytes,
                                   pass->dx[0]);
        return;
    }
    const mx_node *conv = node->fused;
    kernels->conv_pool_outer(&conv->conv, pass->n, pass->x[0], pass->dy, pass->saved_bytes,
                             mx_pass_gradient(conv, pass, 0), mx_pass_gradient(conv, pass, 1), pass->scratch);
    if (pass->dx[0] != NULL) {
        float *full = pass->scratch + conv->scratch;
        kernels->conv_pool_spread(&conv->conv, pass->n, pass->dy, pass->saved_bytes, full);
        kernels->conv_back(&conv->conv, pass->n, full, pass->packed + conv->packed, pass->dx[0], pass->scratch);
    }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    const mx_pool *s = &node->pool;
    for (size_t i = 0; i < pass->n; i++)
        for (size_t r = 0; r < s->out_h; r++)
            for (size_t q = 0; q < s->out_w; q++)
                for (size_t l = 0; l < s->c; l++) {
                    double most = -INFINITY;
                    for (size_t a = 0; a < s->ph; a++)
                        for (size_t b = 0; b < s->pw; b++) {
                            size_t row = r * s->stride_h + a - s->pad_top, column = q * s->stride_w + b - s->pad_left;
                            if (row < s->h && column < s->w)
                                most = fmax(most, pass->x[0][((i * s->h + row) * s->w + column) * s->c + l]);
                        }
                    pass->y[((i * s->out_h + r) * s->out_w + q) * s->c + l] = most;
                }
}

const mx_layer_kind mx_layer_max_pool2d = {
    .id = MERX_LAYER_MAX_POOL2D,
    .word = "max_pool2d",
    .title = "Max pooling",
    .text = "The largest of each window, per channel.",
    .formula = "y = max over the window of x",
    .fields = fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};
