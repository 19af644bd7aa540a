/*
 * Convolution over pictures: y = f(x * W + b), W (kh, kw, channels / groups, filters), cross-correlation as every network library has it.
 *
 * Padding "same" gives ceil(h / stride) rows, the odd pixel of padding below and to the right, as Keras and TensorFlow do. With relu behind it and a 2 x 2 max pooling as
 * the only one who looks at it, both run in one pass (pool2d.c), unless Winograd's form, which has no such pass, does the convolution.
 */
#include "learn/network/layer.h"

#include <string.h>

static const mx_field fields[] = {
    MX_FIELD("filters", INT, conv2d.filters, 1, 1 << 20, NULL, "Outputs of a pixel."),
    MX_FIELD("kernel_size", PAIR, conv2d.kernel, 1, 1024, NULL, "Height and width of the window."),
    MX_FIELD("strides", PAIR, conv2d.strides, 1, 1024, "1", "Rows and columns from window to window."),
    MX_FIELD("padding", PADDING, conv2d.padding, 0, 0, "valid",
             "valid: windows inside the picture; same: zeros around it."),
    MX_FIELD("groups", INT, conv2d.groups, 1, 1 << 20, "1",
             "Channels and filters are cut into so many groups that don't see one another."),
    MX_FIELD("activation", ACTIVATION, conv2d.activation, 0, 0, "linear", "f."),
    MX_FIELD("use_bias", NOT, conv2d.no_bias, 0, 0, "true", "Whether b is there."),
    {0},
};

static merx_status shape(mx_node *node, merx_error *err)
{
    const merx_conv2d *o = &node->layer.conv2d;
    MX_TRY(mx_node_need_rank(node, 0, 3, "pictures (height, width, channels)", err));
    size_t c = node->in[0].dim[2], u = (size_t)o->filters, groups = (size_t)o->groups;
    if (c % groups != 0 || u % groups != 0)
        MX_FAIL(err, MERX_E_SHAPE, node->name,
                "%zu channels and %zu filters can't be cut into %zu groups (both must be multiples of it)", c, u,
                groups);
    mx_conv *s = &node->conv;
    *s = (mx_conv){.h = node->in[0].dim[0],
                   .w = node->in[0].dim[1],
                   .c = c,
                   .u = u,
                   .groups = groups,
                   .kh = (size_t)o->kernel[0],
                   .kw = (size_t)o->kernel[1],
                   .stride_h = (size_t)o->strides[0],
                   .stride_w = (size_t)o->strides[1]};
    MX_TRY(mx_window(node, s->h, s->kh, s->stride_h, o->padding, "high", &s->out_h, &s->pad_top, err));
    MX_TRY(mx_window(node, s->w, s->kw, s->stride_w, o->padding, "wide", &s->out_w, &s->pad_left, err));
    s->winograd = mx_conv_winograd_pays(s);
    node->out = MERX_INPUT(s->out_h, s->out_w, u);
    node->activation = mx_activation_of(o->activation, MERX_LINEAR, &node->softmax);
    size_t window = s->kh * s->kw;
    mx_node_weight(node, "kernel", MERX_INPUT(s->kh, s->kw, c / groups, u), MX_INITIAL_GLOROT, window * (c / groups),
                   window * u);
    if (!o->no_bias)
        mx_node_weight(node, "bias", MERX_INPUT(u), MX_INITIAL_ZEROS, 0, 0);
    node->packed = mx_conv_panels_size(s);
    node->packed_back = mx_conv_back_size(s);
    node->scratch = mx_conv_scratch(s);
    if (node->activation == MX_GELU || node->activation == MX_SILU)
        node->saved_floats = mx_dims_size(node->out);
    return MERX_OK;
}

static void pack(const mx_node *node, const float *weights, float *packed, bool training)
{
    const float *w = weights + node->weight[0].offset;
    mx_tensor_kernel()->conv_pack(&node->conv, w, packed);
    if (training)
        mx_tensor_kernel()->conv_pack_back(&node->conv, w, packed + node->packed);
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    float *before = node->saved_floats > 0 && pass->training ? pass->saved : pass->y;
    size_t size = pass->n * node->out_size;
    kernels->conv(&node->conv, pass->n, pass->x[0], pass->packed,
                  node->n_weights > 1 ? mx_pass_weight(node, pass, 1) : NULL, node->activation == MX_RELU, before,
                  pass->scratch);
    if (node->softmax)
        kernels->softmax_loss(pass->y, size / node->conv.u, node->conv.u, NULL, NULL, NULL, pass->y, NULL, NULL);
    else if (node->activation != MX_LINEAR && node->activation != MX_RELU)
        kernels->activate(node->activation, before, size, pass->y);
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t size = pass->n * node->out_size, u = node->conv.u;
    if (node->softmax)
        mx_softmax_back(pass->y, pass->dy, size / u, u);
    else if (node->activation != MX_LINEAR)
        kernels->activate_back(node->activation, node->saved_floats > 0 ? pass->saved : NULL, pass->y, pass->dy, size,
                               pass->dy);
    kernels->conv_outer(&node->conv, pass->n, pass->x[0], pass->dy, mx_pass_gradient(node, pass, 0), pass->scratch);
    if (node->n_weights > 1)
        kernels->add_columns(pass->dy, u, size / u, u, mx_pass_gradient(node, pass, 1));
    if (pass->dx[0] != NULL) {
        if (!pass->dx_add[0])
            memset(pass->dx[0], 0, pass->n * node->in_size[0] * sizeof(float));
        kernels->conv_back(&node->conv, pass->n, pass->dy, pass->packed + node->packed, pass->dx[0], pass->scratch);
    }
}

void mx_conv2d_twin(const mx_node *node, const double *weights, size_t n, const double *x, double *y)
{
    const mx_conv *s = &node->conv;
    const double *w = weights + node->weight[0].offset;
    size_t c = s->c / s->groups, each = s->u / s->groups;
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < s->out_h; r++)
            for (size_t q = 0; q < s->out_w; q++)
                for (size_t o = 0; o < s->u; o++) {
                    double sum = node->n_weights > 1 ? weights[node->weight[1].offset + o] : 0;
                    for (size_t a = 0; a < s->kh; a++)
                        for (size_t b = 0; b < s->kw; b++) {
                            size_t row = r * s->stride_h + a - s->pad_top, column = q * s->stride_w + b - s->pad_left;
                            for (size_t l = 0; row < s->h && column < s->w && l < c; l++)
                                sum += x[((i * s->h + row) * s->w + column) * s->c + o / each * c + l] *
                                       w[((a * s->kw + b) * c + l) * s->u + o];
                        }
                    y[((i * s->out_h + r) * s->out_w + q) * s->u + o] = mx_twin_activate(node->activation, sum);
                }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    mx_conv2d_twin(node, pass->weights, pass->n, pass->x[0], pass->y);
    if (node->softmax)
        mx_twin_softmax(pass->y, pass->n * node->out_size / node->conv.u, node->conv.u);
}

const mx_layer_kind mx_layer_conv2d = {
    .id = MERX_LAYER_CONV2D,
    .word = "conv2d",
    .title = "Convolution",
    .text = "Every output pixel from a window of the picture, with the same weights everywhere.",
    .formula = "y = f(x * W + b)",
    .fields = fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};
