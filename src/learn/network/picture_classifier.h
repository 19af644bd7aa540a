/*
 * A classifier of pictures: the network, and how it is trained, behind `classify`. Floor 4.
 *
 * Letters: n pictures, h w c their height, width, channels (bytes); k classes; p positions and d channels of the last feature map.
 *
 *     x        pixels, each channel standardised over the pictures learnt from
 *     stem     larger than 40 a side: 3 x 3 convolutions with stride 2 to `filters` channels until it is not; a small picture: a 3 x 3 convolution to 2 filters channels and the largest of 2 x 2, and
 *              `blocks` residual blocks, m + conv(conv(m)): He, Zhang, Ren & Sun 2016
 *     stages   a 3 x 3 convolution with stride 2 to twice the channels and `blocks` residual blocks, until the map is 8 x 8 or smaller
 *     map      (p, d), what the last stage gives; never below 0
 *     logit_k  = bias_k + sum_d W_dk mean_p map_pd
 *
 * Each convolution but a small picture's first has batch normalisation behind it, and relu. As the mean is linear, a logit is a sum over positions (class activation map: Zhou, Khosla, Lapedriza, Oliva & Torralba
 * 2016): logit_k = bias_k + sum_p (1/p) sum_d W_dk map_pd. A picture that may be mirrored is looked at twice, as it is and mirrored; features, maps and logits are the means of both, which are linear
 * too.
 *
 * Training: AdamW with a warm-up and a cosine, cross-entropy with smoothed labels, pictures augmented anew in each epoch.
 */
#ifndef MX_LEARN_PICTURE_CLASSIFIER_H
#define MX_LEARN_PICTURE_CLASSIFIER_H

#include "io/tensor_file.h"
#include "merx/network.h"

typedef struct mx_picture_recipe {
    size_t height, width, channels, classes; /* at least 8 x 8, at most 512 x 512; channels 1 or 3; classes 2 … 4096 */
    int filters;                             /* of the first stage; 0: 24 */
    int blocks;                              /* residual blocks of a stage; 0: 1 */
    int epochs;                              /* 0: 20 */
    int batch_size;                          /* 0: 64 */
    double learning_rate;                    /* 0: 0.004 */
    double weight_decay;                     /* negative: none; 0: 0.1, of 20,000 pictures and more 0.05 */
    double label_smoothing;                  /* negative: none; 0: 0.1 */
    bool unmirrored;                         /* a mirror image is another thing: letters, left shoes */
    double augment;                          /* times the next three; negative: none; 0: 1 */
    double zoom, colour,
        erase; /* of the augmentation; negative: none; 0: 0.4, 0.25, 0.2, of 20,000 pictures and more 0.12, 0.1, none */
} mx_picture_recipe;

typedef struct mx_picture_classifier {
    merx_network *net;
    size_t height, width, channels, classes;
    size_t map_height, map_width, features; /* p = map_height map_width; d */
    bool mirrored;
    int map;                    /* node */
    const float *kernel, *bias; /* (d, k), (k): the network's own */
} mx_picture_classifier;

/*
 * pixels   (n, h, w, c), borrowed
 * labels   (n) in [0, k)
 * history  may be NULL; release with merx_history_release
 * Owns: mx_picture_classifier_release.
 * Cost: per epoch about 6 n times the network's multiplications; memory mx_picture_classifier_bytes.
 * Errors: MERX_E_RANGE of the recipe or a label; those of merx_network_fit.
 */
merx_status mx_picture_classifier_fit(const mx_picture_recipe *recipe, const unsigned char *pixels,
                                      const int32_t *labels, size_t n, const merx_allocator *alloc, merx_task *task,
                                      mx_picture_classifier *out, merx_history *history,
                                      merx_error *err) MERX_MUST_CHECK;
void mx_picture_classifier_release(mx_picture_classifier *c);

/*
 * Features and logits of n pictures.
 * features  (n, d) written unless NULL: mean_p map_pd, the embedding
 * logits    (n, k) written unless NULL
 */
merx_status mx_picture_classifier_run(const mx_picture_classifier *c, const unsigned char *pixels, size_t n,
                                      merx_task *task, float *features, double *logits,
                                      merx_error *err) MERX_MUST_CHECK;

/*
 * What each position of one picture adds to a class's logit: map (p) written, row by row; with *bias they sum to that logit (1e-12 of the sum of their magnitudes).
 */
merx_status mx_picture_classifier_map(const mx_picture_classifier *c, const unsigned char *pixels, size_t label,
                                      double *map, double *bias, merx_error *err) MERX_MUST_CHECK;

/* p (k) = softmax(logits), in place allowed. */
void mx_picture_probabilities(const double *logits, size_t k, double *p);

/* As network_file.h writes a network, and metadata "mirrored". The weights are copied into the arena, which must live until the file is written. */
merx_status mx_picture_classifier_write(const mx_picture_classifier *c, mx_tensor_writer *writer, mx_arena *arena,
                                        merx_error *err) MERX_MUST_CHECK;
/* MERX_E_CORRUPT for a network that is none of these. */
merx_status mx_picture_classifier_read(const mx_tensor_file *file, const merx_allocator *alloc,
                                       mx_picture_classifier *out, merx_error *err) MERX_MUST_CHECK;

#endif
