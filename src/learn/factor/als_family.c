/*
 * The family `als`: implicit matrix factorisation behind the model contract. A row of the sparse matrix is a user's items; prediction
 * folds the row in, so users need not have been in the training data and no user factors are kept in the file.
 */
#include <math.h>
#include <string.h>

#include "learn/factor/als.h"
#include "learn/factor/factor_family.h"

enum { L2, ALPHA, SCALARS };

typedef struct als_state {
    mx_als model;
    double scalars[SCALARS];
} als_state;

static const merx_option options_table[] = {
    {"factors", MERX_OPTION_INT, 1, 1024, "64", NULL, "Numbers that describe each user and each item."},
    {"l2", MERX_OPTION_REAL, 0, 1e9, "20", NULL, "Strength of the penalty on squared factors."},
    {"alpha", MERX_OPTION_REAL, 1e-9, 1e9, "1", NULL,
     "How much more a seen item counts than an unseen one: confidence is 1 + alpha * value."},
    {"iterations", MERX_OPTION_INT, 1, 10000, "15", NULL, "Rounds of solving users, then items."},
    {"tolerance", MERX_OPTION_REAL, 1e-7, 0.5, "0.05", NULL,
     "How near a row is solved in each round: its residual beside its right side."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    als_state *s = state;
    if (s == NULL)
        return;
    mx_als_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    als_state *s = NULL;
    *state = NULL;
    mx_als_options o = {.factors = (int)merx_options_int(options, "factors"),
                        .l2 = merx_options_real(options, "l2"),
                        .alpha = merx_options_real(options, "alpha"),
                        .iterations = (int)merx_options_int(options, "iterations"),
                        .tolerance = merx_options_real(options, "tolerance"),
                        .items_only = true,
                        .seed = merx_task_seed(task)};
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "factor model", &s, err));
    merx_status status = mx_als_fit(&design->csr, &o, alloc, task, &s->model, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    s->scalars[L2] = o.l2;
    s->scalars[ALPHA] = o.alpha;
    *state = s;
    return MERX_OK;
}

static size_t outputs(const void *state)
{
    return ((const als_state *)state)->model.items;
}

typedef struct predict_work {
    const mx_als *model;
    const mx_design *rows;
    double *values;
    int32_t *labels;
} predict_work;

/* One row: its user vector, then all items. The label is the best item that the row does not hold (all held: the best). */
static merx_status predict_block(void *context, size_t row, merx_error *err)
{
    predict_work *w = context;
    const mx_als *m = w->model;
    const mx_csr *csr = &w->rows->csr;
    size_t f = (size_t)m->factors, start = (size_t)csr->starts[row], count = (size_t)csr->starts[row + 1] - start;
    const int32_t *items = csr->indices + start;
    double user[1024];
    MX_TRY(mx_als_fold_in(m, items, csr->values != NULL ? csr->values + start : NULL, count, user, err));
    double *scores = w->values + row * m->items;
    size_t best = SIZE_MAX, held = 0, best_held = 0;
    for (size_t i = 0; i < m->items; i++) {
        double dot = 0;
        for (size_t k = 0; k < f; k++)
            dot += user[k] * (double)m->item_factors[i * f + k];
        scores[i] = dot;
        if (held < count && (size_t)items[held] == i)
            held++;
        else if (best == SIZE_MAX || dot > scores[best])
            best = i;
        if (dot > scores[best_held])
            best_held = i;
    }
    if (w->labels != NULL)
        w->labels[row] = (int32_t)(best != SIZE_MAX ? best : best_held);
    return MERX_OK;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    predict_work w = {.model = &((const als_state *)state)->model, .rows = rows, .values = values, .labels = labels};
    return mx_parallel(task, rows->n, predict_block, &w, err);
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    const mx_als *m = &((const als_state *)state)->model;
    const mx_csr *csr = &rows->csr;
    size_t start = (size_t)csr->starts[row], count = (size_t)csr->starts[row + 1] - start;
    const int32_t *items = csr->indices + start;
    memset(contributions, 0, m->items * sizeof *contributions);
    *base = 0;
    /* The parts come in the order of the row; spread them from the last on, so that none is overwritten. */
    MX_TRY(mx_als_explain(m, items, csr->values != NULL ? csr->values + start : NULL, count, (int32_t)output,
                          contributions, score, err));
    for (size_t j = count; j-- > 0;) {
        double part = contributions[j];
        contributions[j] = 0;
        contributions[items[j]] = part;
    }
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    (void)names;
    const mx_als *m = &((const als_state *)state)->model;
    mx_text_printf(text, "%zu items, %d factors, l2 %.6g, alpha %.6g\n", m->items, m->factors, m->l2, m->alpha);
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const als_state *s = state;
    uint64_t f = (uint64_t)s->model.factors;
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_factors", MX_F32, s->model.items, f, s->model.item_factors, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_gram", MX_F64, f, f, s->model.item_gram, err));
    return mx_tensor_writer_vector(writer, "als.scalars", MX_F64, SCALARS, s->scalars, err);
}

static merx_status load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    als_state *s = NULL;
    const mx_tensor *items, *gram;
    const double *scalars;
    uint64_t count;
    MX_TRY(mx_tensor_file_vector(file, "als.scalars", MX_F64, SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_get(file, "als.item_factors", MX_F32, 2, (uint64_t[]){0, 0}, &items, err));
    MX_TRY(mx_tensor_file_get(file, "als.item_gram", MX_F64, 2, (uint64_t[]){0, 0}, &gram, err));
    uint64_t f = items->shape[1];
    if (f == 0 || f > 1024 || items->shape[0] == 0 || items->shape[0] > INT32_MAX || gram->shape[0] != f ||
        gram->shape[1] != f || !(scalars[L2] >= 0) || !(scalars[ALPHA] > 0))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "the shapes or numbers of the factor model do not fit each other");
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "factor model", &s, err));
    mx_als *m = &s->model;
    m->alloc = alloc;
    m->items = (size_t)items->shape[0];
    m->factors = (int)f;
    m->l2 = s->scalars[L2] = scalars[L2];
    m->alpha = s->scalars[ALPHA] = scalars[ALPHA];
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, m->items * (size_t)f, sizeof(float), "item factors", &m->item_factors, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, (size_t)(f * f), sizeof(double), "item gram matrix", &m->item_gram, err));
    memcpy(m->item_factors, items->data, items->size_bytes);
    memcpy(m->item_gram, gram->data, gram->size_bytes);
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

/* Both factor matrices, 64 partial Gram matrices. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)classes;
    uint64_t f = (uint64_t)merx_options_int(options, "factors");
    return 4 * f * ((uint64_t)n + d) + 8 * 66 * f * f;
}

static size_t inputs(const void *state)
{
    return ((const als_state *)state)->model.items;
}

const mx_family mx_family_als = {
    .version = 1,
    .info =
        {.name = "als",
         .title = "Implicit matrix factorisation (ALS)",
         .text =
             "Learns from who had what (purchases, views) which other items each user would choose; ranks all items.",
         .formula =
             "minimise sum_ui c_ui (p_ui - x_u . y_i)^2 + l2 (|x|^2 + |y|^2),  c = 1 + alpha r,  p = 1 where r > 0",
         .tags = MERX_TAKES_SPARSE | MERX_RANKS,
         .options = options_table},
    .fit = fit,
    .free_state = free_state,
    .outputs = outputs,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = save,
    .load = load,
    .memory = memory,
    .inputs = inputs,
};
