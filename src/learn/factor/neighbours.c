/*
 * Item neighbours. Letters: i, j items; u users; n_i users of item i; n_ij users of both; d items in all.
 *
 * For item i every user of i adds to the sum of each of his items: a dense array of sums per worker, and the list of the items it touched, so that clearing costs
 * what filling did. What is added is one (in whole numbers), or the product of two weights. The best `keep` of the touched items go through a heap.
 *
 * Similarities are computed in double, rounded to float, and ranked as rounded: order and values agree in the file. Each item is worked
 * on alone, so the bits do not depend on threads.
 *
 * Source: Linden, Smith & York 2003, "Amazon.com recommendations: item-to-item collaborative filtering"; Sarwar et al. 2001;
 * shrinkage as Koren 2008, section 2.2; weights as implicit 0.7's TFIDFRecommender and BM25Recommender.
 */
#include "learn/factor/neighbours.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 /* items of one parallel block */ };

static const double k1 = 100, b = 0.8;

typedef struct fit_work {
    mx_csr users, items; /* items: the transpose */
    mx_similarity similarity;
    size_t keep;
    double shrink;
    /* Of TF-IDF and BM25: w_iu = user_weight[u] f_i(r). */
    double *user_weight; /* (users) */
    double *item_scale;  /* (items): tf-idf |w_i|; bm25 k1 (1 - b + b s_i / mean s) */
    double *sums;        /* (workers, items), all zero between items; NULL: counts */
    int32_t *counts;     /* likewise */
    int32_t *touched;    /* (workers, items + 1) */
    mx_link *heaps;      /* (workers, keep) */
    mx_list_builder lists;
} fit_work;

static double value_of(const mx_csr *a, int64_t at)
{
    return a->values ? (double)a->values[at] : 1.0;
}

/* f_i(r) of an entry. */
static double term_of(const fit_work *w, size_t item, double r)
{
    return w->similarity == MX_TFIDF ? sqrt(r) : r * (k1 + 1) / (r + w->item_scale[item]);
}

static double users_of(const fit_work *w, size_t item)
{
    return (double)(w->items.starts[item + 1] - w->items.starts[item]);
}

static float similarity_of(const fit_work *w, size_t i, size_t j, double sum)
{
    double n_i = users_of(w, i), n_j = users_of(w, j);
    switch (w->similarity) {
    case MX_COSINE:
        return (float)(sum / (sqrt(n_i * n_j) + w->shrink));
    case MX_JACCARD:
        return (float)(sum / (n_i + n_j - sum + w->shrink));
    case MX_LIFT:
        return (float)(sum / (n_i * n_j / (double)w->users.rows + w->shrink));
    case MX_TFIDF: {
        double size = w->item_scale[i] * w->item_scale[j] + w->shrink;
        return size > 0 ? (float)(sum / size) : 0;
    }
    case MX_BM25:
        return (float)sum;
    }
    return 0;
}

/* What of the users of an item is to be gone through: their items. */
static size_t work_of(const fit_work *w, size_t item)
{
    size_t work = 0;
    for (int64_t e = w->items.starts[item]; e < w->items.starts[item + 1]; e++)
        work += (size_t)(w->users.starts[w->items.indices[e] + 1] - w->users.starts[w->items.indices[e]]);
    return work;
}

/* Adds one for each user of both; the items touched are listed. Where most items are, it is quicker to look at all afterwards than to look at each time. */
static size_t count_users(const fit_work *w, size_t item, int32_t *counts, int32_t *touched)
{
    size_t n_touched = 0, items = w->users.columns;
    bool most = work_of(w, item) >= items;
    for (int64_t e = w->items.starts[item]; e < w->items.starts[item + 1]; e++) {
        size_t user = (size_t)w->items.indices[e];
        const int32_t *other = w->users.indices + w->users.starts[user],
                      *end = w->users.indices + w->users.starts[user + 1];
        if (most)
            for (; other < end; other++)
                counts[*other]++;
        else
            for (; other < end; other++)
                if (counts[*other]++ == 0)
                    touched[n_touched++] = *other;
    }
    for (size_t j = 0; most && j < items; j++) {
        touched[n_touched] = (int32_t)j;
        n_touched += counts[j] != 0;
    }
    return n_touched;
}

static size_t add_weights(const fit_work *w, size_t item, double *sums, int32_t *touched)
{
    size_t n_touched = 0;
    for (int64_t e = w->items.starts[item]; e < w->items.starts[item + 1]; e++) {
        size_t user = (size_t)w->items.indices[e];
        double own = w->user_weight[user] * w->user_weight[user] * term_of(w, item, value_of(&w->items, e));
        for (int64_t o = w->users.starts[user]; o < w->users.starts[user + 1]; o++) {
            int32_t other = w->users.indices[o];
            double before = sums[other];
            sums[other] += own * term_of(w, (size_t)other, value_of(&w->users, o));
            if (before == 0 && sums[other] != 0)
                touched[n_touched++] = other;
        }
    }
    return n_touched;
}

/* The best neighbours of an item into heap, sorted; returns how many. */
static size_t neighbours_of(const fit_work *w, size_t item, size_t worker, mx_link *heap)
{
    size_t items = w->users.columns, kept = 0, n_touched;
    int32_t *touched = w->touched + worker * (items + 1), *counts = NULL;
    double *sums = NULL;
    if (w->sums) {
        sums = w->sums + worker * items;
        n_touched = add_weights(w, item, sums, touched);
    } else {
        counts = w->counts + worker * items;
        n_touched = count_users(w, item, counts, touched);
    }
    for (size_t t = 0; t < n_touched; t++) {
        int32_t other = touched[t];
        double sum = sums ? sums[other] : counts[other];
        if ((size_t)other != item)
            mx_links_offer(heap, &kept, w->keep, (mx_link){similarity_of(w, item, (size_t)other, sum), other});
        if (sums)
            sums[other] = 0;
        else
            counts[other] = 0;
    }
    mx_links_sort(heap, kept);
    return kept;
}

static merx_status fit_block(void *context, size_t block, merx_error *err)
{
    fit_work *w = context;
    size_t worker = (size_t)mx_worker_index(), items = w->users.columns, end = (block + 1) * BLOCK;
    mx_link *heap = w->heaps + worker * w->keep;
    mx_vec found = mx_list_builder_begin(&w->lists);
    merx_status status = MERX_OK;
    for (size_t item = block * BLOCK; item < end && item < items && status == MERX_OK; item++) {
        size_t kept = neighbours_of(w, item, worker, heap);
        status = mx_list_builder_put(&w->lists, item, heap, kept, &found, err);
    }
    mx_list_builder_end(&w->lists, block, &found);
    return status;
}

/* user_weight and item_scale. */
static void weigh(fit_work *w)
{
    size_t n = w->users.rows, d = w->users.columns;
    for (size_t u = 0; u < n; u++) {
        double idf = log((double)d) - log1p((double)(w->users.starts[u + 1] - w->users.starts[u]));
        w->user_weight[u] = idf;
    }
    double all = 0;
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (int64_t e = w->items.starts[i]; e < w->items.starts[i + 1]; e++) {
            double r = value_of(&w->items, e), idf = w->user_weight[w->items.indices[e]];
            sum += w->similarity == MX_TFIDF ? r * idf * idf : r;
        }
        w->item_scale[i] = w->similarity == MX_TFIDF ? sqrt(sum) : sum;
        all += sum;
    }
    for (size_t i = 0; w->similarity == MX_BM25 && i < d; i++)
        w->item_scale[i] = k1 * (1 - b + b * w->item_scale[i] / (all / (double)d));
}

static merx_status check_input(const mx_csr *users, const mx_neighbours_options *options, merx_error *err)
{
    if (!(options->shrink >= 0) || !isfinite(options->shrink))
        MX_FAIL(err, MERX_E_RANGE, "neighbours", "shrink is %g; expected a number of 0 or more", options->shrink);
    if (options->similarity < MX_TFIDF || !users->values)
        return MERX_OK;
    for (size_t u = 0; u < users->rows; u++)
        for (int64_t e = users->starts[u]; e < users->starts[u + 1]; e++)
            if (!(users->values[e] > 0) || !isfinite(users->values[e]))
                MX_FAIL(err, MERX_E_INVALID, "neighbours",
                        "row %zu, column %d holds %g; expected a finite number above 0", u, (int)users->indices[e],
                        (double)users->values[e]);
    return MERX_OK;
}

merx_status mx_neighbours_fit(const mx_csr *users, const mx_neighbours_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_item_lists *out, merx_error *err)
{
    *out = (mx_item_lists){0};
    MX_TRY(check_input(users, options, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t items = users->columns, workers = (size_t)merx_task_threads(task);
    size_t keep = options->keep ? options->keep : 100;
    bool weighed = options->similarity >= MX_TFIDF;
    keep = keep > items ? items : keep;
    fit_work w = {.users = *users, .similarity = options->similarity, .keep = keep, .shrink = options->shrink};
    mx_csr_own transposed = {0};
    MX_TRY_GOTO(mx_list_builder_init(items, BLOCK, keep, work, &w.lists, err));
    if (weighed)
        MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.sums, "co-occurrence sums", &w.sums, err));
    else
        MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.counts, "co-occurrence counts", &w.counts, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * (items + 1), sizeof *w.touched, "co-occurring items", &w.touched, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * keep, sizeof *w.heaps, "item neighbours", &w.heaps, err));
    MX_TRY_GOTO(mx_csr_transpose(users, work, &transposed, err));
    w.items = transposed.view;
    if (weighed) {
        MX_TRY_GOTO(mx_alloc_array(work, users->rows, sizeof *w.user_weight, "weights of users", &w.user_weight, err));
        MX_TRY_GOTO(mx_alloc_array(work, items, sizeof *w.item_scale, "scales of items", &w.item_scale, err));
        weigh(&w);
    }
    mx_task_stage(task, "item neighbours", items, "items");
    MX_TRY_GOTO(mx_parallel(task, w.lists.blocks, fit_block, &w, err));
    MX_TRY_GOTO(mx_list_builder_finish(&w.lists, alloc, out, err));
    mx_task_done(task);
out:
    mx_csr_release(&transposed);
    mx_free_array(work, w.item_scale, items, sizeof *w.item_scale);
    mx_free_array(work, w.user_weight, users->rows, sizeof *w.user_weight);
    mx_free_array(work, w.heaps, workers * keep, sizeof *w.heaps);
    mx_free_array(work, w.touched, workers * (items + 1), sizeof *w.touched);
    mx_free_array(work, w.counts, workers * items, sizeof *w.counts);
    mx_free_array(work, w.sums, workers * items, sizeof *w.sums);
    mx_list_builder_release(&w.lists);
    return status;
}
