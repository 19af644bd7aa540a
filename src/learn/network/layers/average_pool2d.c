/*
 * The mean of each window per channel, and the mean or the largest of the whole picture.
 *
 * What lies outside the picture is not counted (Keras, TensorFlow).
 */
#include <math.h>
#include <string.h>

#include "learn/network/layer.h"

static const mx_field none[] = {{0}};
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
    return MERX_OK;
}

/* One window as large as the picture. */
static merx_status shape_global(mx_node *node, merx_error *err)
{
    MX_TRY(mx_node_need_rank(node, 0, 3, "pictures (height, width, channels)", err));
    size_t h = node->in[0].dim[0], w = node->in[0].dim[1], c = node->in[0].dim[2];
    node->pool =
        (mx_pool){.h = h, .w = w, .c = c, .out_h = 1, .out_w = 1, .ph = h, .pw = w, .stride_h = h, .stride_w = w};
    node->out = MERX_INPUT(c);
    if (node->kind->id == MERX_LAYER_GLOBAL_MAX_POOL2D)
        node->saved_bytes = c * sizeof(uint32_t);
    return MERX_OK;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    mx_tensor_kernel()->average_pool(&node->pool, pass->n, pass->x[0], pass->y);
}

static void clear_dx(const mx_node *node, const mx_pass *pass)
{
    if (!pass->dx_add[0])
        memset(pass->dx[0], 0, pass->n * node->in_size[0] * sizeof(float));
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    if (pass->dx[0] == NULL)
        return;
    clear_dx(node, pass);
    mx_tensor_kernel()->average_pool_back(&node->pool, pass->n, pass->dy, pass->dx[0]);
}

static void max_forward(const mx_node *node, const mx_pass *pass)
{
    mx_tensor_kernel()->max_pool(&node->pool, pass->n, pass->x[0], pass->y,
                                 pass->training ? (uint32_t *)(void *)pass->saved_bytes : NULL);
}

static void max_backward(const mx_node *node, const mx_pass *pass)
{
    if (pass->dx[0] == NULL)
        return;
    clear_dx(node, pass);
    mx_tensor_kernel()->max_pool_back(&node->pool, pass->n, pass->dy, (const uint32_t *)(const void *)pass->saved_bytes,
                                      pass->dx[0]);
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    const mx_pool *s = &node->pool;
    bool largest = node->kind->id == MERX_LAYER_GLOBAL_MAX_POOL2D;
    for (size_t i = 0; i < pass->n; i++)
        for (size_t r = 0; r < s->out_h; r++)
            for (size_t q = 0; q < s->out_w; q++)
                for (size_t l = 0; l < s->c; l++) {
                    double sum = 0, most = -INFINITY;
                    size_t count = 0;
                    for (size_t a = 0; a < s->ph; a++)
                        for (size_t b = 0; b < s->pw; b++) {
                            size_t row = r * s->stride_h + a - s->pad_top, column = q * s->stride_w + b - s->pad_left;
                            if (row >= s->h || column >= s->w)
                                continue;
                            double v = pass->x[0][((i * s->h + row) * s->w + column) * s->c + l];
                            sum += v;
                            most = fmax(most, v);
                            count++;
                        }
                    pass->y[((i * s->out_h + r) * s->out_w + q) * s->c + l] = largest ? most : sum / (double)count;
                }
}

const mx_layer_kind mx_layer_average_pool2d = {
    .id = MERX_LAYER_AVERAGE_POOL2D,
    .word = "average_pool2d",
    .title = "Average pooling",
    .text = "The mean of each window, per channel.",
    .formula = "y = mean over the window of x",
    .fields = fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};

const mx_layer_kind mx_layer_global_average_pool2d = {
    .id = MERX_LAYER_GLOBAL_AVERAGE_POOL2D,
    .word = "global_average_pool2d",
    .title = "Global average pooling",
    .text = "The mean of the whole picture, per channel.",
    .formula = "y = mean of x",
    .fields = none,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape_global,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};

const mx_layer_kind mx_layer_global_max_pool2d = {
    .id = MERX_LAYER_GLOBAL_MAX_POOL2D,
    .word = "global_max_pool2d",
    .title = "Global max pooling",
    .text = "The largest of the whole picture, per channel.",
    .formula = "y = max of x",
    .fields = none,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape_global,
    .forward = max_forward,
    .backward = max_backward,
    .twin = twin,
};
