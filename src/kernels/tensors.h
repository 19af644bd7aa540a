/*
 * Inner loops of networks: float32 tensors, one form per instruction set, picked at start together with kernels.h. Floor 1.
 *
 * Letters: n examples, m rows, k length of a sum, u columns (units), h w c height, width, channels of a picture, p pixels. Pictures are (n, h, w, c), weights
 * of a convolution (kh, kw, c, u), as in Keras ("channels last"). Everything is row-major.
 *
 * Sums run in float, over k in order, and what a result holds already and the bias are added to them: |error| <= (k + 2) 2^-24 sum |terms|. A level may cut a
 * sum into parts that depend on k and u alone. A result's bits depend on the shapes and its own operands alone: not on neighbouring rows or examples, not on threads
 * (with mx_conv.winograd on those of its patch of 2 x 2 pixels, and the bound is tensor_winograd.h's). NaN and
 * infinities go through (0 x NaN is NaN), but for relu, which gives 0 of NaN, and max pooling, which passes over NaN; who trains looks at the loss. No array
 * overlaps another of the same call, unless it says so.
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
    MX_ELU,          /* alpha 1 */
    MX_LEAKY_RELU,   /* slope 0.2 below 0, as Keras 3 */
    MX_GELU,         /* exact: x Phi(x) */
    MX_SILU,         /* x sigmoid(x) */
    MX_HARD_SIGMOID, /* Keras 3: relu6(x + 3) / 6 */
    MX_EXPONENTIAL,
    MX_ACTIVATIONS
} mx_activation;

/* Floats of a packed matrix: room for panels of MX_PANEL columns, each (k, MX_PANEL). How they lie is the level's own: what one packs it alone can read. A column j
 * that MX_PANEL divides begins at panels + j k. */
static inline size_t mx_panels_size(size_t k, size_t u)
{
    return (u + MX_PANEL - 1) / MX_PANEL * MX_PANEL * k;
}

/* C (m, u) [+]= A (m, k) B (k, u) [+ bias], then relu when asked. What lies between u and c_stride is not touched. */
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

/* A convolution's shape. Output pixel (y, x) sees input rows y stride_h - pad_top + i, columns x stride_w - pad_left + j, i < kh, j < kw; outside is 0. */
typedef struct mx_conv {
    size_t h, w, c;         /* input */
    size_t out_h, out_w, u; /* output */
    size_t kh, kw, stride_h, stride_w, pad_top, pad_left;
    size_t groups; /* c and u are multiples of it; weights (kh, kw, c / groups, u) */
    bool
        winograd; /* conv, conv_back and conv_outer by fewer products of numbers; only where mx_conv_can_winograd, and not with conv_pool */
} mx_conv;

/* Pooling windows, as mx_conv; outside is not there (not counted by the average). Each window has a pixel inside. */
typedef struct mx_pool {
    size_t h, w, c, out_h, out_w, ph, pw, stride_h, stride_w, pad_top, pad_left;
} mx_pool;

typedef struct mx_adam {
    float rate; /* learning rate with the bias corrections in it: rate sqrt(1 - beta2^t) / (1 - beta1^t) */
    double beta1,
        beta2; /* 1 - beta is rounded to float, as Keras does: of a float 0.999 it would be wrong in the fifth digit */
    float epsilon;
    float decay; /* AdamW: weights lose this share (learning rate x weight decay) first; 0: none */
    float scale; /* of the gradient (clipping) */
} mx_adam;

typedef struct mx_tensor_kernels {
    mx_isa isa;

    /* B (k, u), or its transpose lying in memory as (u, k), to panels (mx_panels_size floats). stride: from row to row of what lies in memory. */
    void (*pack)(const float *b, size_t stride, size_t k, size_t u, float *panels);
    void (*pack_transposed)(const float *b, size_t stride, size_t k, size_t u, float *panels);
    void (*gemm)(const mx_gemm *g);
    /* y (u) = x (k) B (k, u) + bias, no packing, for a matrix that one row after another meets: it is read from its first number to its last. */
    void (*gemv)(const float *x, const float *b, size_t k, size_t u, const float *bias, float *y);
    /* C (k, u) += A' B of a (m, k), b (m, u), no packing: weight gradients. Sums over m in order. */
    void (*gemm_outer)(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k, size_t u,
                       float *c, size_t c_stride);
    /* sums (u) += sum_i x_i: bias gradients. */
    void (*add_columns)(const float *x, size_t stride, size_t m, size_t u, float *sums);

    /*
     * Convolutions over n examples of weights w (kh, kw, c / groups, u), packed for the product and for the gradient by input. y is written; dx and dw (as w) are
     * added to. scratch: mx_conv_scratch floats.
     */
    void (*conv_pack)(const mx_conv *s, const float *w, float *panels);    /* mx_conv_panels_size floats */
    void (*conv_pack_back)(const mx_conv *s, const float *w, float *back); /* mx_conv_back_size floats */
    void (*conv)(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, bool relu,
                 float *y, float *scratch);
    void (*conv_back)(const mx_conv *s, size_t n, const float *dy, const float *back, float *dx, float *scratch);
    void (*conv_outer)(const mx_conv *s, size_t n, const float *x, const float *dy, float *dw, float *scratch);

    /*
     * One pass for convolution + bias + relu + max pooling 2 x 2 with stride 2 (groups 1, stride 1): y (n, out_h / 2, out_w / 2, u), place: which of the four (0 … 3, row by
     * row; the first of equals, before the bias) was the largest, 4 where relu gave 0; NULL: not kept, y has the same bits. Backward of it: dy like y; conv_pool_outer adds to dw and dbias;
     * conv_pool_spread writes the (n, out_h, out_w, u) gradient of the convolution's output for conv_back. Odd last rows and columns are left out, as Keras does. Where relu gave 0, x may count 0 times
     * in dw, which NaN and infinity survive.
     */
    void (*conv_pool)(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y,
                      uint8_t *place, float *scratch);
    void (*conv_pool_outer)(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place,
                            float *dw, float *dbias, float *scratch);
    void (*conv_pool_spread)(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full);

    /* place: the pixel of the example's input that y came from, the first of equals; NULL: not kept. A window of NaN alone gives -infinity and its first pixel. */
    void (*max_pool)(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place);
    void (*max_pool_back)(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx); /* adds */
    void (*average_pool)(const mx_pool *s, size_t n, const float *x, float *y);
    void (*average_pool_back)(const mx_pool *s, size_t n, const float *dy, float *dx); /* adds */

    /* y = f(x), in place allowed; errors <= 4 ulp (gelu 8). back: dx = dy f'(.), from y where the activation allows (linear, relu, tanh, sigmoid, softplus, elu, leaky relu,
     * hard sigmoid, exponential), from x alone for gelu and silu (x NULL otherwise). dx may be dy or x. Infinity gives the limit: gelu and silu of -infinity are 0.
     * Error of back: 4 ulp of |dy| times the slope's terms, taken without their signs (1 + y^2 of tanh). */
    void (*activate)(mx_activation f, const float *x, size_t n, float *y);
    void (*activate_back)(mx_activation f, const float *x, const float *y, const float *dy, size_t n, float *dx);
    /*
     * Row by row of x (m, u): p = softmax, and loss_i = -sum_c t_ic log p_ic of the row's label (labels; one outside 0 .. u - 1: no target) or its target row (targets;
     * at most one of the two is given); dx = (p - t) weight_i, NULL: not wanted; weights (m), NULL: ones. loss (m), without the weights, NULL: not wanted; targets of 0
     * take no part in it. p may be x and dx may be p. |error of p_c| <= (|x_c - max x| + log u + 12) 2^-24 p_c, + 2^-149; |error of loss| <= (log u + 4) 2^-23 sum |t|.
     * A row with NaN, with infinity or of nothing but -infinity gives NaN.
     */
    void (*softmax_loss)(const float *x, size_t m, size_t u, const int32_t *labels, const float *targets,
                         const float *weights, float *p, double *loss, float *dx);

    /*
     * One step of a recurrent layer for m sequences, behind the matrix product. z (m, 4 u) holds x W + h U + b, gates i, f, c, o (Keras order) and is overwritten with the activated
     * gates. f: of candidate and output (tanh by default); g: of gates (sigmoid). c, h (m, u) written, c may be c_before. mask (m), 0: keeps state (h, c from before), and z of the row is not to be used; NULL: none. h may be h_before.
     * Places of z whose activation is gelu or silu keep what they held, which their slope needs; back computes them again.
     * back: dz (m, 4 u) written from dh (m, u, of this step's output) and dc (m, u, running; overwritten with the gradient of c_before). Where mask is 0, dz is 0 and dc stays;
     * dh passes on to the step before unchanged, which is the caller's to do. dz may be gates.
     */
    void (*lstm_step)(float *z, const float *c_before, const float *h_before, size_t m, size_t u, mx_activation f,
                      mx_activation g, const uint8_t *mask, float *c, float *h);
    void (*lstm_step_back)(const float *gates, const float *c_before, const float *c, const float *dh, float *dc,
                           size_t m, size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dz);
    /*
     * GRU with reset_after (Keras' default, cuDNN's form): zx (m, 3 u) = x W + b_in, zh (m, 3 u) = h U + b_rec, gates z, r, h: z = g(zx_z + zh_z), r = g(zx_r + zh_r), hh = f(zx_h + r zh_h),
     * h = z h_before + (1 - z) hh. zx is overwritten with z, r, hh; zh_h is kept for back. back: dzx (m, 3 u), dzh (m, 3 u) and dh_before (m, u, z's part) written; where mask
     * is 0, they are 0, 0 and dh. dzx may be gates. h may be h_before. gelu and silu: zx keeps what they were given.
     */
    void (*gru_step)(float *zx, const float *zh, const float *h_before, size_t m, size_t u, mx_activation f,
                     mx_activation g, const uint8_t *mask, float *h);
    void (*gru_step_back)(const float *gates, const float *zh, const float *h_before, const float *dh, size_t m,
                          size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dzx, float *dzh,
                          float *dh_before);

    /* Optimisers, n weights: m, v: moments. g is scaled first. The source: Kingma & Ba 2015 as Keras 3 computes it (epsilon outside the root); Loshchilov & Hutter 2019. */
    void (*adam)(const mx_adam *o, size_t n, const float *g, float *m, float *v, float *w);
    /* Keras: velocity = momentum velocity - rate g; w += velocity, nesterov: w += momentum velocity - rate g. velocity NULL when momentum is 0. */
    void (*sgd)(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g, float *velocity,
                float *w);
    void (*adagrad)(float rate, float epsilon, float scale, size_t n, const float *g, float *sums, float *w);

    /* dst = a + b; dst += a; sum of squares in double. dst may be a or b. */
    void (*add)(const float *a, const float *b, size_t n, float *dst);
    void (*add_to)(const float *a, size_t n, float *dst);
    double (*sum_squares)(const float *x, size_t n);
} mx_tensor_kernels;

/* The level that mx_kernel() runs at. */
const mx_tensor_kernels *mx_tensor_kernel(void);
/* One level; NULL as mx_kernels_of. For tests. */
const mx_tensor_kernels *mx_tensor_kernels_of(mx_isa isa);

/* Room, in floats, the same for every level; they go by s->winograd too. */
size_t mx_conv_panels_size(const mx_conv *s);
size_t mx_conv_back_size(const mx_conv *s);
size_t mx_conv_scratch(const mx_conv *s);

/* Winograd's form of a convolution (tensor_winograd.h): whether it can do this one, and is worth it. */
enum { MX_WINOGRAD_MOST = 512 /* channels, filters */, MX_WINOGRAD_SPOTS = 16 /* of a patch */ };
bool mx_conv_can_winograd(const mx_conv *s);
bool mx_conv_winograd_pays(const mx_conv *s);
/* Patches of 2 x 2 pixels that it works at together. */
size_t mx_winograd_patches(size_t c, size_t u);

/*
 * What the table is made of, per level: products (tensor_products_*.c), convolutions (tensor_convolutions_*.c; they read panels as pools do), pools
 * (tensor_pools_*.c), functions and optimisers (tensor_functions_*.c). The plain forms of the first three are in tensor_products_ref.c.
 */
#define MX_TENSOR_PRODUCTS(level)                                                                                      \
    void mx_pack_##level(const float *b, size_t stride, size_t k, size_t u, float *panels);                            \
    void mx_pack_transposed_##level(const float *b, size_t stride, size_t k, size_t u, float *panels);                 \
    void mx_gemm_##level(const mx_gemm *g);                                                                            \
    void mx_gemv_##level(const float *x, const float *b, size_t k, size_t u, const float *bias, float *y);             \
    void mx_gemm_outer_##level(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k,   \
                               size_t u, float *c, size_t c_stride);                                                   \
    void mx_add_columns_##level(const float *x, size_t stride, size_t m, size_t u, float *sums);                       \
    void mx_add_##level(const float *a, const float *b, size_t n, float *dst);                                         \
    void mx_add_to_##level(const float *a, size_t n, float *dst);
#define MX_TENSOR_CONVOLUTIONS(level)                                                                                  \
    void mx_conv_pack_##level(const mx_conv *s, const float *w, float *panels);                                        \
    void mx_conv_pack_back_##level(const mx_conv *s, const float *w, float *back);                                     \
    void mx_conv_##level(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias,           \
                         bool relu, float *y, float *scratch);                                                         \
    void mx_conv_back_##level(const mx_conv *s, size_t n, const float *dy, const float *back, float *dx,               \
                              float *scratch);                                                                         \
    void mx_conv_outer_##level(const mx_conv *s, size_t n, const float *x, const float *dy, float *dw, float *scratch);
#define MX_TENSOR_POOLS(level)                                                                                         \
    void mx_conv_pool_##level(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias,      \
                              float *y, uint8_t *place, float *scratch);                                               \
    void mx_conv_pool_outer_##level(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place, \
                                    float *dw, float *dbias, float *scratch);                                          \
    void mx_conv_pool_spread_##level(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full);  \
    void mx_max_pool_##level(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place);                   \
    void mx_max_pool_back_##level(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx);      \
    void mx_average_pool_##level(const mx_pool *s, size_t n, const float *x, float *y);                                \
    void mx_average_pool_back_##level(const mx_pool *s, size_t n, const float *dy, float *dx);
#define MX_TENSOR_FUNCTIONS(level)                                                                                     \
    void mx_activate_##level(mx_activation f, const float *x, size_t n, float *y);                                     \
    void mx_activate_back_##level(mx_activation f, const float *x, const float *y, const float *dy, size_t n,          \
                                  float *dx);                                                                          \
    void mx_softmax_loss_##level(const float *x, size_t m, size_t u, const int32_t *labels, const float *targets,      \
                                 const float *weights, float *p, double *loss, float *dx);                             \
    void mx_lstm_step_##level(float *z, const float *c_before, const float *h_before, size_t m, size_t u,              \
                              mx_activation f, mx_activation g, const uint8_t *mask, float *c, float *h);              \
    void mx_lstm_step_back_##level(const float *gates, const float *c_before, const float *c, const float *dh,         \
                                   float *dc, size_t m, size_t u, mx_activation f, mx_activation g,                    \
                                   const uint8_t *mask, float *dz);                                                    \
    void mx_gru_step_##level(float *zx, const float *zh, const float *h_before, size_t m, size_t u, mx_activation f,   \
                             mx_activation g, const uint8_t *mask, float *h);                                          \
    void mx_gru_step_back_##level(const float *gates, const float *zh, const float *h_before, const float *dh,         \
                                  size_t m, size_t u, mx_activation f, mx_activation g, const uint8_t *mask,           \
                                  float *dzx, float *dzh, float *dh_before);                                           \
    void mx_adam_##level(const mx_adam *o, size_t n, const float *g, float *m, float *v, float *w);                    \
    void mx_sgd_##level(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g,              \
                        float *velocity, float *w);                                                                    \
    void mx_adagrad_##level(float rate, float epsilon, float scale, size_t n, const float *g, float *sums, float *w);  \
    double mx_sum_squares_##level(const float *x, size_t n);
MX_TENSOR_PRODUCTS(ref)
MX_TENSOR_CONVOLUTIONS(ref)
MX_TENSOR_POOLS(ref)
MX_TENSOR_PRODUCTS(avx2)
MX_TENSOR_CONVOLUTIONS(avx2)
MX_TENSOR_POOLS(avx2)
MX_TENSOR_PRODUCTS(avx512)
MX_TENSOR_CONVOLUTIONS(avx512)
MX_TENSOR_POOLS(avx512)
MX_TENSOR_FUNCTIONS(ref)
MX_TENSOR_FUNCTIONS(avx2)
MX_TENSOR_FUNCTIONS(avx512)

/* A level: the forms of the products and of the functions that run at it, its own or those of a lower one. */
#define MX_TENSOR_LEVEL(set, products, convolutions, pools, functions)                                                 \
    {                                                                                                                  \
        .isa = set, .pack = mx_pack_##products, .pack_transposed = mx_pack_transposed_##products,                      \
        .gemm = mx_gemm_##products, .gemv = mx_gemv_##products, .gemm_outer = mx_gemm_outer_##products,                \
        .add_columns = mx_add_columns_##products, .conv_pack = mx_conv_pack_##convolutions,                            \
        .conv_pack_back = mx_conv_pack_back_##convolutions, .conv = mx_conv_##convolutions,                            \
        .conv_back = mx_conv_back_##convolutions, .conv_outer = mx_conv_outer_##convolutions,                          \
        .conv_pool = mx_conv_pool_##pools, .conv_pool_outer = mx_conv_pool_outer_##pools,                              \
        .conv_pool_spread = mx_conv_pool_spread_##pools, .max_pool = mx_max_pool_##pools,                              \
        .max_pool_back = mx_max_pool_back_##pools, .average_pool = mx_average_pool_##pools,                            \
        .average_pool_back = mx_average_pool_back_##pools, .add = mx_add_##products, .add_to = mx_add_to_##products,   \
        .sum_squares = mx_sum_squares_##functions, .activate = mx_activate_##functions,                                \
        .activate_back = mx_activate_back_##functions, .softmax_loss = mx_softmax_loss_##functions,                    \
        .lstm_step = mx_lstm_step_##functions, .lstm_step_back = mx_lstm_step_back_##functions,                        \
        .gru_step = mx_gru_step_##functions, .gru_step_back = mx_gru_step_back_##functions,                            \
        .adam = mx_adam_##functions, .sgd = mx_sgd_##functions, .adagrad = mx_adagrad_##functions                      \
    }

#endif
