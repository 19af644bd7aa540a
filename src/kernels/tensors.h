/*
 * Inner loops of networks: float32 tensors, one form per instruction set, picked at start together with kernels.h. Floor 1.
 *
 * Letters: n examples, m rows, k length of a sum, u columns (units), h w c height, width, channels of a picture, p pixels. Pictures are (n, h, w, c), weights
 * of a convolution (kh, kw, c, u), as in Keras ("channels last"). Everything is row-major.
 *
 * Sums run in float, over k in order, in registers (fused multiply-add): |error| <= k 2^-24 sum |terms|; where a sum goes on in memory ("+=") it is rounded once
 * more per call. A result's bits depend on the shapes and its own operands alone: not on neighbouring rows or examples, not on threads. NaN and
 * infinities go through (0 x NaN is NaN), but for relu, which gives 0 of NaN, and max pooling, which passes over NaN; who trains looks at the loss.
 *
 * The plain forms (`*_ref`) are the specification, the fallback and the test's oracle. tests/kernels/test_tensors_*.c.
 */
#ifndef MX_KERNELS_TENSORS_H
#define MX_KERNELS_TENSORS_H

#include "kernels/kernels.h"

typedef enum mx_activation {
    MX_LINEAR,
    MX_RELU,
    MX_TANH,
    MX_SIGMOID,
    MX_SOFTPLUS,
    MX_ELU,        /* alpha 1 */
    MX_LEAKY_RELU, /* slope 0.2 below 0, as Keras 3 */
    MX_GELU,       /* exact: x Phi(x) */
    MX_SILU,       /* x sigmoid(x) */
    MX_HARD_SIGMOID, /* Keras 3: relu6(x + 3) / 6 */
    MX_EXPONENTIAL,
    MX_ACTIVATIONS
} mx_activation;

/* Floats of a packed matrix: panels of MX_PANEL columns, each (k, MX_PANEL), zeros beyond u. */
static inline size_t mx_panels_size(size_t k, size_t u)
{
    return (u + MX_PANEL - 1) / MX_PANEL * MX_PANEL * k;
}

/* C (m, u) [+]= A (m, k) B (k, u) [+ bias], then relu when asked. */
typedef struct mx_gemm {
    size_t m, k, u;
    const float *a;
    size_t a_stride; /* from row to row, >= k */
    const float *panels;
    const float *bias; /* (u); NULL: none */
    float *c;
    size_t c_stride; /* >= u */
    bool add;        /* to what c holds */
    bool relu;
} mx_gemm;

/* A convolution's shape. Output pixel (y, x) sees input rows y * stride_h - pad_top + i * dilation_h; outside is 0. */
typedef struct mx_conv {
    size_t h, w, c;           /* input */
    size_t out_h, out_w, u;   /* output */
    size_t kh, kw, stride_h, stride_w, pad_top, pad_left;
    size_t groups; /* c and u are multiples of it; weights (kh, kw, c / groups, u) */
} mx_conv;

/* Pooling windows, as mx_conv; outside is not there (not counted by the average). */
typedef struct mx_pool {
    size_t h, w, c, out_h, out_w, ph, pw, stride_h, stride_w, pad_top, pad_left;
} mx_pool;

typedef struct mx_adam {
    float rate;           /* learning rate with the bias corrections in it: rate sqrt(1 - beta2^t) / (1 - beta1^t) */
    float beta1, beta2, epsilon;
    float decay;          /* AdamW: weights lose this share (learning rate x weight decay) first; 0: none */
    float scale;          /* of the gradient (clipping) */
} mx_adam;

typedef struct mx_tensor_kernels {
    mx_isa isa;

    /* B (k, u), or its transpose lying in memory as (u, k), to panels (mx_panels_size floats). stride: from row to row of what lies in memory. */
    void (*pack)(const float *b, size_t stride, size_t k, size_t u, float *panels);
    void (*pack_transposed)(const float *b, size_t stride, size_t k, size_t u, float *panels);
    void (*gemm)(const mx_gemm *g);
    /* C (k, u) += A' B of a (m, k), b (m, u), no packing: weight gradients. Sums over m in order. */
    void (*gemm_outer)(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k, size_t u,
                       float *c, size_t c_stride);
    void (*add_columns)(const float *x, size_t stride, size_t m, size_t u, float *sums); /* sums (u) += sum_i x_i: bias gradients */

    /*
     * Convolutions over n examples. panels: per group, its weights (kh kw c/groups, u/groups) packed with `pack`; back: per group, what conv_pack_back makes of
     * them for the gradient by input. dx and dw are added to (dw (kh, kw, c/groups, u)). scratch: conv_scratch floats.
     */
    void (*conv_pack)(const mx_conv *s, const float *w, float *panels);      /* conv_panels_size floats */
    void (*conv_pack_back)(const mx_conv *s, const float *w, float *back);   /* conv_back_size floats */
    void (*conv)(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, bool relu,
                 float *y, float *scratch);
    void (*conv_back)(const mx_conv *s, size_t n, const float *dy, const float *back, float *dx, float *scratch);
    void (*conv_outer)(const mx_conv *s, size_t n, const float *x, const float *dy, float *dw, float *scratch);

    /*
     * One pass for convolution + bias + relu + max pooling 2 x 2 with stride 2 (groups 1, stride 1): y (n, out_h / 2, out_w / 2, u), place: which of the four (0 … 3, row by
     * row; the first of equals) was the largest, 4 where relu gave 0. Backward of it: dy like y; conv_pool_outer adds to dw and dbias;
     * conv_pool_spread writes the (n, out_h, out_w, u) gradient of the convolution's output for conv_back. Odd last rows and columns are left out, as Keras does.
     */
    void (*conv_pool)(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y,
                      uint8_t *place, float *scratch);
    void (*conv_pool_outer)(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place,
                            float *dw, float *dbias, float *scratch);
    void (*conv_pool_spread)(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full);

    void (*max_pool)(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place); /* place: pixel of the example's input, NULL: not kept */
    void (*max_pool_back)(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx); /* adds */
    void (*average_pool)(const mx_pool *s, size_t n, const float *x, float *y);
    void (*average_pool_back)(const mx_pool *s, size_t n, const float *dy, float *dx); /* adds */

    /* y = f(x), in place allowed; errors <= 4 ulp (gelu 8). back: dx = dy f'(.), from y where the activation allows (linear, relu, tanh, sigmoid, softplus, elu, leaky relu,
     * hard sigmoid, exponential), from x too for gelu and silu (x NULL otherwise). dx may be dy. */
    void (*activate)(mx_activation f, const float *x, size_t n, float *y);
    void (*activate_back)(mx_activation f, const float *x, const float *y, const float *dy, size_t n, float *dx);
    /* Row by row of x (m, u): softmax, and loss_i = -sum_c t_ic log softmax_ic of the row's label (labels) or its target row (targets, the other NULL); dx = (softmax - t) weight_i, NULL: not
     * wanted; weights (m), NULL: ones. loss in double, NULL: not wanted. p may be x and dx may be p. */
    void (*softmax_loss)(const float *x, size_t m, size_t u, const int32_t *labels, const float *targets,
                         const float *weights, float *p, double *loss, float *dx);

    /*
     * One step of a recurrent layer for m sequences, behind the matrix product. z (m, 4 u) holds x W + h U + b, gates i, f, c, o (Keras order) and is overwritten with the activated
     * gates. f: of candidate and output (tanh by default); g: of gates (sigmoid). c, h (m, u) written, c may be c_before. mask (m), 0: keeps state (h, c from before); NULL: none.
     * back: dz (m, 4 u) written from dh (m, u, of this step's output) and dc (m, u, running; overwritten with the gradient of c_before).
     */
    void (*lstm_step)(float *z, const float *c_before, const float *h_before, size_t m, size_t u, mx_activation f,
                      mx_activation g, const uint8_t *mask, float *c, float *h);
    void (*lstm_step_back)(const float *gates, const float *c_before, const float *c, const float *dh, float *dc,
                           size_t m, size_t u, mx_activation f, mx_activation g, float *dz);
    /*
     * GRU with reset_after (Keras' default, cuDNN's form): zx (m, 3 u) = x W + b_in, zh (m, 3 u) = h U + b_rec, gates z, r, h: z = g(zx_z + zh_z), r = g(zx_r + zh_r), hh = f(zx_h + r zh_h),
     * h = z h_before + (1 - z) hh. zx is overwritten with z, r, hh; zh_h is kept for back. back: dzx (m, 3 u), dzh (m, 3 u) and dh_before (m, u, z's part) written.
     */
    void (*gru_step)(float *zx, const float *zh, const float *h_before, size_t m, size_t u, mx_activation f,
                     mx_activation g, const uint8_t *mask, float *h);
    void (*gru_step_back)(const float *gates, const float *zh, const float *h_before, const float *dh, size_t m,
                          size_t u, mx_activation f, mx_activation g, float *dzx, float *dzh, float *dh_before);

    /* Optimisers, n weights: m, v: moments. g is scaled first. The source: Kingma & Ba 2015 as Keras 3 computes it (epsilon outside the root); Loshchilov & Hutter 2019. */
    void (*adam)(const mx_adam *o, size_t n, const float *g, float *m, float *v, float *w);
    /* Keras: velocity = momentum velocity - rate g; w += velocity, nesterov: w += momentum velocity - rate g. velocity NULL when momentum is 0. */
    void (*sgd)(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g, float *velocity,
                float *w);
    void (*adagrad)(float rate, float epsilon, float scale, size_t n, const float *g, float *sums, float *w);

    /* dst = a + b; dst += a; sum of squares in double; largest absolute value (NaN gives NaN). */
    void (*add)(const float *a, const float *b, size_t n, float *dst);
    void (*add_to)(const float *a, size_t n, float *dst);
    double (*sum_squares)(const float *x, size_t n);
} mx_tensor_kernels;

/* The level that mx_kernel() runs at. */
const mx_tensor_kernels *mx_tensor_kernel(void);
/* One level; NULL as mx_kernels_of. For tests. */
const mx_tensor_kernels *mx_tensor_kernels_of(mx_isa isa);

/* Room, in floats, the same for every level. */
size_t mx_conv_panels_size(const mx_conv *s);
size_t mx_conv_back_size(const mx_conv *s);
size_t mx_conv_scratch(const mx_conv *s);

#endif
