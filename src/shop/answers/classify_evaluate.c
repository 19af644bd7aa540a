/*
 * How good classify is: learnt on a part of the pictures, asked about the rest.
 *
 * Categories: a fifth of the products is held out with all their pictures, so that it is known whether a product never seen is recognised for what it is. Products: a fifth of the pictures
 * of products that have several. Beside it: the class of most pictures, and the nearest of all pictures learnt from at 8 x 8 pixels (squares of differences). Who is held out
 * is a function of the product's (picture's) name alone.
 *
 * The interval of a figure resamples pictures; differences are paired by picture.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/run.h"
#include "numeric/statistics.h"
#include "shop/answers/classify.h"

enum { HELD_OUT = 5, THUMBNAIL = 8, REPLICATES = 1000, LEAST_TESTS = 4 };

typedef struct test {
    const mx_classify_labels *labels;
    const mx_picture_set *set;
    size_t learnt, n;             /* pictures learnt from; tested, which come behind them in the set */
    double *right, *near, *usual; /* (n) 1 or 0 */
    double *sure, *sure_right;    /* (n) the best class has a probability of 1/2 at least; and is right */
    unsigned char *thumbnails;    /* (learnt + n, 8, 8, 3) */
    const double *logits;         /* (n, k) */
    size_t most;                  /* the class of most pictures learnt from */
} test;

static int32_t label_of(const test *t, size_t place)
{
    return t->labels->label[t->set->index[place]];
}

/* ---- who is held out ---- */

static void hold_out(const mx_snapshot *s, const mx_product_pictures *list, const mx_classify_labels *labels,
                     uint8_t *part)
{
    for (size_t i = 0; i < list->n; i++) {
        const mx_product_picture *p = &list->picture[i];
        if (part[i] != 0)
            continue;
        if (labels->label[i] < 0) {
            part[i] = UINT8_MAX;
        } else if (labels->of_products) {
            bool alone = labels->pictures[labels->label[i]] < 2;
            part[i] = !alone && mx_random_key(mx_classify_key(p->blob), 0x706963, 0) % HELD_OUT == 0;
        } else {
            part[i] = mx_random_key(mx_snapshot_product_key(s, p->product), 0x706963, 0) % HELD_OUT == 0;
        }
    }
}

/* ---- the naive ones ---- */

static merx_status make_thumbnails(test *t, const merx_allocator *alloc, merx_error *err)
{
    size_t size = t->set->side * t->set->side * 3, small = THUMBNAIL * THUMBNAIL * 3;
    merx_picture_options options = {.height = THUMBNAIL, .width = THUMBNAIL, .fit = MERX_PICTURE_STRETCH};
    for (size_t i = 0; i < t->learnt + t->n; i++) {
        merx_picture picture;
        MX_TRY(
            merx_picture_resize(t->set->pixels + i * size, t->set->side, t->set->side, &options, alloc, &picture, err));
        memcpy(t->thumbnails + i * small, picture.pixels, small);
        merx_picture_release(&picture);
    }
    return MERX_OK;
}

static merx_status judge_one(void *context, size_t i, merx_error *err)
{
    (void)err;
    const test *t = context;
    size_t small = THUMBNAIL * THUMBNAIL * 3, k = t->labels->classes, best = 0, nearest = 0;
    const unsigned char *own = t->thumbnails + (t->learnt + i) * small;
    int32_t label = label_of(t, t->learnt + i);
    uint64_t least = UINT64_MAX;
    for (size_t j = 0; j < t->learnt; j++) {
        const unsigned char *other = t->thumbnails + j * small;
        uint64_t sum = 0;
        for (size_t l = 0; l < small; l++) {
            int d = own[l] - other[l];
            sum += (uint64_t)(d * d);
        }
        if (sum < least) {
            least = sum;
            nearest = j;
        }
    }
    const double *logits = t->logits + i * k;
    double sum = 0;
    for (size_t c = 1; c < k; c++)
        best = logits[c] > logits[best] ? c : best;
    for (size_t c = 0; c < k; c++)
        sum += exp(logits[c] - logits[best]);
    t->right[i] = (int32_t)best == label;
    t->near[i] = label_of(t, nearest) == label;
    t->usual[i] = (int32_t)t->most == label;
    t->sure[i] = 1 / sum >= 0.5;
    t->sure_right[i] = t->sure[i] * t->right[i];
    return MERX_OK;
}

/* ---- figures ---- */

static merx_status report(const test *t, merx_evaluation *out, merx_task *task, merx_error *err)
{
    mx_interval sure_right;
    MX_TRY(mx_evaluation_add_mean(out, "accuracy", "nearest thumbnail", t->right, t->near, t->n, task, err));
    MX_TRY(mx_evaluation_add_mean(out, "accuracy over most frequent", "most frequent", t->right, t->usual, t->n, task,
                                  err));
    MX_TRY(mx_evaluation_add_mean(out, "sure of", "", t->sure, NULL, t->n, task, err));
    if (mx_sum(t->sure, t->n) > 0) {
        MX_TRY(
            mx_bootstrap_ratio(t->sure_right, t->sure, t->n, REPLICATES, merx_task_seed(task), task, &sure_right, err));
        if (isfinite(sure_right.low) && isfinite(sure_right.high))
            (void)mx_evaluation_add(out, "accuracy when sure", &sure_right);
    }
    const merx_figure *first = &out->figure[0], *second = &out->figure[1];
    out->gate_passed = first->difference_low > 0 && second->difference_low > 0;
    (void)snprintf(out->gate, sizeof out->gate,
                   "accuracy %.3f: %+.3f [%+.3f, %+.3f] to the nearest thumbnail, %+.3f [%+.3f, %+.3f] to the most "
                   "frequent class: %s",
                   first->value, first->difference, first->difference_low, first->difference_high, second->difference,
                   second->difference_low, second->difference_high,
                   out->gate_passed ? "both above zero" : "not both surely above zero");
    return MERX_OK;
}

static merx_status run(const mx_evaluate *evaluate, test *t, const merx_allocator *alloc, mx_arena *arena,
                       merx_evaluation *out, merx_error *err)
{
    const mx_classify_labels *labels = t->labels;
    merx_task *task = evaluate->task;
    mx_picture_classifier network = {0};
    size_t size = t->set->side * t->set->side * 3;
    merx_status status;
    int32_t *label = mx_arena_array(arena, t->learnt, sizeof *label, err);
    double *logits = mx_arena_array(arena, t->n * labels->classes, sizeof *logits, err);
    size_t *count = mx_arena_array(arena, labels->classes, sizeof *count, err);
    double *values = mx_arena_array(arena, 5 * t->n, sizeof *values, err);
    t->thumbnails = mx_arena_array(arena, (t->learnt + t->n) * THUMBNAIL * THUMBNAIL * 3, 1, err);
    if (!label || !logits || !count || !values || !t->thumbnails)
        return MERX_E_MEMORY;
    t->right = values, t->near = values + t->n, t->usual = values + 2 * t->n, t->sure = values + 3 * t->n,
    t->sure_right = values + 4 * t->n;
    t->logits = logits;
    for (size_t i = 0; i < t->learnt; i++)
        count[label[i] = label_of(t, i)]++;
    for (size_t c = 1; c < labels->classes; c++)
        t->most = count[c] > count[t->most] ? c : t->most;
    mx_picture_recipe recipe = mx_classify_recipe(evaluate->options, labels->classes, t->learnt);
    MX_TRY(make_thumbnails(t, alloc, err));
    MX_TRY_GOTO(mx_picture_classifier_fit(&recipe, t->set->pixels, label, t->learnt, alloc, task, &network, NULL, err));
    MX_TRY_GOTO(mx_picture_classifier_run(&network, t->set->pixels + t->learnt * size, t->n, task, NULL, logits, err));
    MX_TRY_GOTO(mx_parallel(task, t->n, judge_one, t, err));
    status = report(t, out, task, err);
out:
    mx_picture_classifier_release(&network);
    return status;
}

merx_status mx_classify_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err)
{
    const merx_allocator *alloc = mx_allocator_or_default(evaluate->alloc);
    const mx_snapshot *s = evaluate->snapshot;
    const merx_options *options = evaluate->options;
    mx_product_pictures list;
    mx_classify_labels labels;
    mx_picture_set set = {0};
    merx_status status;
    mx_arena arena;
    *out = (merx_evaluation){.split_ms = 0};
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_product_pictures_list(s->blobs, s, &arena, &list, err));
    MX_TRY_GOTO(mx_classify_label(s, &list, options, &arena, &labels, err));
    uint8_t *part = mx_arena_array(&arena, list.n + 1, 1, err);
    if (!part) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(mx_classify_choose(s, &list, (size_t)merx_options_int(options, "pictures"), &arena, part, err));
    hold_out(s, &list, &labels, part);
    MX_TRY_GOTO(mx_picture_set_load(s, &list, part, (size_t)merx_options_int(options, "side"), alloc, evaluate->task,
                                    &set, err));
    test t = {.labels = &labels, .set = &set, .learnt = set.parts[1], .n = set.parts[2] - set.parts[1]};
    out->train_rows = t.learnt;
    out->test_rows = out->test_units = t.n;
    (void)snprintf(out->unit, sizeof out->unit, "pictures");
    (void)snprintf(out->protocol, sizeof out->protocol, "%s, and classified by what is learnt from the %zu others",
                   labels.of_products ? "a fifth of the pictures of products with several is held out"
                                      : "a fifth of the products is held out with all their pictures",
                   t.learnt);
    if (t.n < LEAST_TESTS || t.learnt < LEAST_TESTS)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "classify", "%zu pictures to learn from and %zu to test are too few",
                     t.learnt, t.n);
    status = run(evaluate, &t, alloc, &arena, out, err);
out:
    mx_picture_set_release(&set);
    mx_arena_release(&arena);
    return status;
}
