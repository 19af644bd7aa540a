/*
 * Timing of linear regression through the public API, from a matrix of the caller's: bench_linear_fit N D FOLDER, driven by bench/figures/linear.py. FOLDER
 * holds x (N, D) and y (N), float64. "go FAMILY OPTION=VALUE …" names the family and its options. What is timed is the fit, its threads'
 * start included; after "go whole …" also what makes a dataset of the arrays before it. The objective is sum (y - b0 - b x)^2 + l2 |b|^2, made
 * of the model's predictions of single rows.
 */
#include "bench/worker.h"
#include "merx/model.h"

static void must(merx_status status, const merx_error *err)
{
    if (status != MERX_OK)
        bench_fail(err->message);
}

/* Sets the options that follow the family's name in words, which is cut off there; returns the penalty. */
static double set_options(merx_model *model, char *rest, merx_error *err)
{
    double l2 = 0;
    char *word;
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        char *value = strchr(word, '=');
        if (value == NULL)
            bench_fail("options are written NAME=VALUE");
        *value = '\0';
        must(merx_model_set(model, word, value + 1, err), err);
        if (strcmp(word, "l2") == 0)
            l2 = strtod(value + 1, NULL);
    }
    return l2;
}

static double predict(const merx_model *model, const double *x, size_t d, merx_error *err)
{
    double value;
    must(merx_model_predict_row(model, x, d, &value, NULL, err), err);
    return value;
}

static double objective(const merx_model *model, const double *x, const double *y, size_t n, size_t d, double l2,
                        merx_error *err)
{
    double *unit = bench_memory(d * sizeof *unit), sum = 0;
    memset(unit, 0, d * sizeof *unit);
    double intercept = predict(model, unit, d, err);
    for (size_t j = 0; j < d; j++) {
        unit[j] = 1;
        double b = predict(model, unit, d, err) - intercept;
        unit[j] = 0;
        sum += l2 * b * b;
    }
    free(unit);
    for (size_t i = 0; i < n; i++) {
        double e = y[i] - predict(model, x + i * d, d, err);
        sum += e * e;
    }
    return sum;
}

int main(int count, char **words)
{
    if (count != 4)
        bench_fail("usage: bench_linear_fit N D FOLDER");
    size_t n = (size_t)strtoull(words[1], NULL, 10), d = (size_t)strtoull(words[2], NULL, 10);
    char path[600];
    snprintf(path, sizeof path, "%s/x", words[3]);
    double *x = bench_read(path, n * d * sizeof *x);
    snprintf(path, sizeof path, "%s/y", words[3]);
    double *y = bench_read(path, n * sizeof *y);
    merx_error err = {0};
    bench_ready("\"rows\": %zu", n);
    bench_run run;
    while (bench_next(&run)) {
        char *rest = run.words, *family = strtok_r(rest, " ", &rest);
        bool whole = family != NULL && strcmp(family, "whole") == 0;
        if (whole)
            family = strtok_r(rest, " ", &rest);
        if (family == NULL)
            bench_fail("go FAMILY OPTION=VALUE …");
        merx_task *task = NULL;
        merx_dataset *data = NULL;
        merx_model *model = NULL;
        if (whole)
            bench_start(&run);
        must(merx_dataset_view_matrix(NULL, x, n, d, NULL, &data, &err), &err);
        must(merx_dataset_add_numeric(data, "y", y, &err), &err);
        if (!whole)
            bench_start(&run);
        must(merx_task_new(NULL, &(merx_task_options){0}, &task, &err), &err);
        must(merx_model_new(NULL, family, &model, &err), &err);
        double l2 = set_options(model, rest, &err);
        must(merx_model_fit(model, data, &(merx_fit_columns){.target = "y"}, task, &err), &err);
        bench_stop(&run);
        bench_report(&run, "\"objective\": %.17g", objective(model, x, y, n, d, l2, &err));
        merx_model_free(model);
        merx_dataset_free(data);
        merx_task_free(task);
    }
    free(y);
    free(x);
    return 0;
}
