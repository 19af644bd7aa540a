/*
 * The families `ease` and `neighbours`: item-to-item weights behind the model contract. A row of the sparse matrix is somebody's items with their values; the score
 * of an item is the sum over them of value times weight, so a row's reasons are its terms. They differ in how the weights are learnt.
 */
#include <math.h>
#include <string.h>

#include "learn/factor/ease.h"
#include "learn/factor/factor_family.h"
#include "learn/factor/neighbours.h"

typedef struct lists_state {
    mx_item_lists lists;
} lists_state;

static const merx_option ease_options[] = {
    {"l2", MERX_OPTION_REAL, 1e-9, 1e12, "300", NULL, "Strength of the penalty on squared weights."},
    {"keep", MERX_OPTION_INT, 0, INT32_MAX, "0", NULL,
     "Weights kept for each item, the largest by size; 0: all of them, 8 bytes each."},
    {"max_items", MERX_OPTION_INT, 1, INT32_MAX, "20000", NULL,
     "More items are refused: the fit takes 4 bytes for each pair of them, and its time grows with their cube."},
    {0},
};

static const merx_option neighbours_options[] = {
    {"similarity", MERX_OPTION_CHOICE, 0, 0, "cosine", "cosine|jaccard|lift|tfidf|bm25",
     "How alike two items are, by who had them; the last two weigh values too."},
    {"keep", MERX_OPTION_INT, 1, INT32_MAX, "20", NULL, "Most similar items kept for each item."},
    {"shrink", MERX_OPTION_REAL, 0, 1e9, "0", NULL,
     "Added to the denominator of the similarity, against chance on few users; not for bm25."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    lists_state *s = state;
    if (s == NULL)
        return;
    mx_item_lists_release(&s->lists);
    mx_free_array(alloc, s, 1, sizeof *s);
}

static merx_status fit_ease(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                            merx_task *task, void **state, merx_error *err)
{
    lists_state *s = NULL;
    *state = NULL;
    mx_ease_options o = {.l2 = merx_options_real(options, "l2"),
                         .keep = (size_t)merx_options_int(options, "keep"),
                         .max_items = (size_t)merx_options_int(options, "max_items")};
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "model of items", &s, err));
    merx_status status = mx_ease_fit(&design->csr, &o, alloc, task, &s->lists, err);
    if (status == MERX_OK)
        *state = s;
    else
        free_state(s, alloc);
    return status;
}

static merx_status fit_neighbours(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                                  merx_task *task, void **state, merx_error *err)
{
    static const char *const names[] = {"cosine", "jaccard", "lift", "tfidf", "bm25"};
    lists_state *s = NULL;
    *state = NULL;
    mx_neighbours_options o = {.keep = (size_t)merx_options_int(options, "keep"),
                               .shrink = merx_options_real(options, "shrink")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], merx_options_text(options, "similarity")) == 0)
            o.similarity = (mx_similarity)i;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "model of items", &s, err));
    merx_status status = mx_neighbours_fit(&design->csr, &o, alloc, task, &s->lists, err);
    if (status == MERX_OK)
        *state = s;
    else
        free_state(s, alloc);
    return status;
}

static size_t items_of(const void *state)
{
    return ((const lists_state *)state)->lists.items;
}

typedef struct predict_work {
    const mx_item_lists *lists;
    const mx_design *rows;
    double *values;
    int32_t *labels;
} predict_work;

/* The label is the best item that the row does not hold (all held: the best). */
static merx_status predict_row(void *context, size_t row, merx_error *err)
{
    (void)err;
    predict_work *w = context;
    const mx_csr *csr = &w->rows->csr;
    size_t items = w->lists->items, start = (size_t)csr->starts[row], count = (size_t)csr->starts[row + 1] - start;
    const int32_t *history = csr->indices + start;
    double *scores = w->values + row * items;
    memset(scores, 0, items * sizeof *scores);
    mx_item_lists_score(w->lists, history, csr->values != NULL ? csr->values + start : NULL, count, 1, scores);
    if (w->labels == NULL)
        return MERX_OK;
    size_t best = SIZE_MAX, best_held = 0, held = 0;
    for (size_t i = 0; i < items; i++) {
        if (held < count && (size_t)history[held] == i)
            held++;
        else if (best == SIZE_MAX || scores[i] > scores[best])
            best = i;
        if (scores[i] > scores[best_held])
            best_held = i;
    }
    w->labels[row] = (int32_t)(best != SIZE_MAX ? best : best_held);
    return MERX_OK;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    predict_work w = {&((const lists_state *)state)->lists, rows, values, labels};
    return mx_parallel(task, rows->n, predict_row, &w, err);
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)err;
    const mx_item_lists *lists = &((const lists_state *)state)->lists;
    const mx_csr *csr = &rows->csr;
    memset(contributions, 0, lists->items * sizeof *contributions);
    *base = *score = 0;
    for (int64_t e = csr->starts[row]; e < csr->starts[row + 1]; e++) {
        double part = (csr->values != NULL ? (double)csr->values[e] : 1.0) *
                      mx_item_lists_weight(lists, csr->indices[e], (int32_t)output);
        contributions[csr->indices[e]] = part;
        *score += part;
    }
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    (void)names;
    const mx_item_lists *lists = &((const lists_state *)state)->lists;
    size_t links = mx_item_lists_count(lists), below = 0;
    for (size_t k = 0; k < links; k++)
        below += lists->weights[k] < 0;
    mx_text_printf(text, "%zu items, %zu weights, %zu of them below zero\n", lists->items, links, below);
    return mx_text_ok(text, err);
}

static merx_status save_ease(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    return mx_item_lists_write(&((const lists_state *)state)->lists, "ease", writer, err);
}

static merx_status save_neighbours(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    return mx_item_lists_write(&((const lists_state *)state)->lists, "neighbours", writer, err);
}

static merx_status load(const char *prefix, const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                        merx_error *err)
{
    lists_state *s = NULL;
    *state = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "model of items", &s, err));
    merx_status status = mx_item_lists_read(file, prefix, alloc, &s->lists, err);
    if (status == MERX_OK)
        *state = s;
    else
        free_state(s, alloc);
    return status;
}

static merx_status load_ease(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    return load("ease", file, alloc, state, err);
}

static merx_status load_neighbours(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                                   merx_error *err)
{
    return load("neighbours", file, alloc, state, err);
}

static uint64_t ease_memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)n, (void)classes;
    return mx_ease_bytes(d, (size_t)merx_options_int(options, "keep"), 1);
}

static uint64_t neighbours_memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)n, (void)classes;
    uint64_t keep = (uint64_t)merx_options_int(options, "keep");
    return (uint64_t)d * (32 + 16 * (keep < d ? keep : d));
}

const mx_family mx_family_ease = {
    .version = 1,
    .info = {.name = "ease",
             .title = "Linear item model in closed form (EASE)",
             .text =
                 "Learns from who had what how much each item speaks for or against each other one; ranks all items. "
                 "For catalogues of up to some ten thousand items.",
             .formula =
                 "minimise |X - X B|^2 + l2 |B|^2, diagonal of B zero:  P = (X'X + l2 I)^-1,  B_jt = -P_jt / P_tt",
             .tags = MERX_TAKES_SPARSE | MERX_RANKS,
             .options = ease_options},
    .fit = fit_ease,
    .free_state = free_state,
    .outputs = items_of,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = save_ease,
    .load = load_ease,
    .memory = ease_memory,
    .inputs = items_of,
};

const mx_family mx_family_neighbours = {
    .version = 1,
    .info = {.name = "neighbours",
             .title = "Item-to-item neighbours",
             .text = "Learns from who had what which items go together, by the users they share; ranks all items.",
             .formula = "score(t) = sum over the row's items j of value_j similarity(j, t), t among the nearest of j",
             .tags = MERX_TAKES_SPARSE | MERX_RANKS,
             .options = neighbours_options},
    .fit = fit_neighbours,
    .free_state = free_state,
    .outputs = items_of,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = save_neighbours,
    .load = load_neighbours,
    .memory = neighbours_memory,
    .inputs = items_of,
};
