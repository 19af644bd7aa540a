/*
 * A registry with one family, for tests of what stands above families: "toy", ridge regression through the Gram matrix. Include it in one
 * test program: it takes the place of the library's registry.
 */
#ifndef TESTS_SUPPORT_TOY_FAMILY_H
#define TESTS_SUPPORT_TOY_FAMILY_H

#include "learn/core/family.h"

typedef struct toy {
    size_t d;
    double base, *coefficients, *means;
} toy;

static void toy_free(void *state, const merx_allocator *alloc)
{
    toy *t = state;
    if (t == NULL)
        return;
    MX_FREE_ARRAY(alloc, t->coefficients, t->d);
    MX_FREE_ARRAY(alloc, t->means, t->d);
    MX_FREE_ARRAY(alloc, t, 1);
}

static merx_status toy_new(size_t d, const merx_allocator *alloc, toy **out, merx_error *err)
{
    merx_status status;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, out, "toy", err));
    (*out)->d = d;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, d, &(*out)->coefficients, "toy", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, d, &(*out)->means, "toy", err));
out:
    if (status != MERX_OK) {
        toy_free(*out, alloc);
        *out = NULL;
    }
    return status;
}

static merx_status toy_fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                           merx_task *task, void **state, merx_error *err)
{
    size_t n = design->n, d = design->d;
    const merx_allocator *scratch = merx_task_allocator(task);
    double *gram = NULL, *x = NULL;
    toy *t = NULL;
    merx_status status;
    MX_TRY_GOTO(toy_new(d, alloc, &t, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, d * d, &gram, "toy", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, n * d, &x, "toy", err));
    for (size_t i = 0; i < n; i++) {
        t->base += design->y[i] / (double)n;
        for (size_t j = 0; j < d; j++)
            t->means[j] += design->x[i * d + j] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            x[i * d + j] = design->x[i * d + j] - t->means[j];
            t->coefficients[j] += x[i * d + j] * (design->y[i] - t->base);
        }
    MX_TRY_GOTO(mx_gram(x, NULL, n, d, gram, task, err));
    for (size_t j = 0; j < d; j++)
        gram[j * d + j] += merx_options_real(options, "l2");
    MX_TRY_GOTO(mx_solve_spd(gram, d, t->coefficients, 1, err));
    *state = t;
    t = NULL;
out:
    toy_free(t, alloc);
    MX_FREE_ARRAY(scratch, gram, d * d);
    MX_FREE_ARRAY(scratch, x, n * d);
    return status;
}

static size_t toy_outputs(const void *state)
{
    (void)state;
    return 1;
}

static merx_status toy_explain(const void *state, const mx_design *rows, size_t row, size_t output, double *parts,
                               double *base, double *score, merx_error *err)
{
    (void)err, (void)output;
    const toy *t = state;
    *score = *base = t->base;
    for (size_t j = 0; j < t->d; j++) {
        parts[j] = t->coefficients[j] * (rows->x[row * t->d + j] - t->means[j]);
        *score += parts[j];
    }
    return MERX_OK;
}

static merx_status toy_predict(const void *state, const mx_design *rows, merx_task *task, double *values,
                               int32_t *labels, merx_error *err)
{
    (void)task, (void)err, (void)labels;
    const toy *t = state;
    for (size_t i = 0; i < rows->n; i++) {
        values[i] = t->base;
        for (size_t j = 0; j < t->d; j++)
            values[i] += t->coefficients[j] * (rows->x[i * t->d + j] - t->means[j]);
    }
    return MERX_OK;
}

static merx_status toy_describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    (void)err;
    const toy *t = state;
    for (size_t j = 0; j < t->d; j++)
        mx_text_printf(text, "%s: %.9g\n", names->names[j], t->coefficients[j]);
    return MERX_OK;
}

static merx_status toy_save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const toy *t = state;
    MX_TRY(mx_tensor_writer_vector(writer, "toy.base", MX_F64, 1, &t->base, err));
    MX_TRY(mx_tensor_writer_vector(writer, "toy.coefficients", MX_F64, t->d, t->coefficients, err));
    return mx_tensor_writer_vector(writer, "toy.means", MX_F64, t->d, t->means, err);
}

static merx_status toy_load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    const double *base, *coefficients, *means;
    uint64_t d;
    toy *t;
    MX_TRY(mx_tensor_file_vector(file, "toy.base", MX_F64, 1, &base, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "toy.coefficients", MX_F64, 0, &coefficients, &d, err));
    MX_TRY(mx_tensor_file_vector(file, "toy.means", MX_F64, d, &means, NULL, err));
    MX_TRY(toy_new((size_t)d, alloc, &t, err));
    t->base = *base;
    memcpy(t->coefficients, coefficients, t->d * sizeof *coefficients);
    memcpy(t->means, means, t->d * sizeof *means);
    *state = t;
    return MERX_OK;
}

static size_t toy_inputs(const void *state)
{
    return ((const toy *)state)->d;
}

static const merx_option toy_options[] = {
    {.name = "l2", .type = MERX_OPTION_REAL, .min = 0, .max = 1e9, .value = "0.001", .text = "Penalty."},
    {.name = NULL},
};

static const mx_family toy_family = {
    .version = 1,
    .info = {"toy", "A toy", "Ridge regression for tests.", "y = b0 + b x",
             MERX_TAKES_TABLE | MERX_NEEDS_TARGET | MERX_REGRESSES, toy_options},
    .fit = toy_fit,
    .free_state = toy_free,
    .outputs = toy_outputs,
    .predict = toy_predict,
    .explain = toy_explain,
    .describe = toy_describe,
    .save = toy_save,
    .load = toy_load,
    .inputs = toy_inputs,
};

const mx_family *mx_family_at(size_t i)
{
    return i == 0 ? &toy_family : NULL;
}

#endif
