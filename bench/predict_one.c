/*
 * Timing of the prediction of one row from C: bench_predict_one FAMILY N D K FOLDER, driven by bench/figures/linear.py. FOLDER holds x (N, D) and, but for
 * k-means, y (N), float64 (classes 0 and 1 for "logistic"); for k-means starts.csv (K, D). The model is fitted once; a repetition is a number of calls that "go COUNT" names,
 * over the rows in turn. "answers": the first rows' predictions: values for "linear", labels for the others.
 */
#include <math.h>

#include "bench/worker.h"
#include "merx/model.h"

enum { ANSWERS = 200, MOST_OUTPUTS = 1024 };

static void must(merx_status status, const merx_error *err)
{
    if (status != MERX_OK)
        bench_fail(err->message);
}

static double *read_numbers(const char *folder, const char *name, size_t count)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return bench_read(path, count * sizeof(double));
}

int main(int count, char **words)
{
    if (count != 6)
        bench_fail("usage: bench_predict_one FAMILY N D K FOLDER");
    const char *family = words[1];
    size_t n = (size_t)strtoull(words[2], NULL, 10), d = (size_t)strtoull(words[3], NULL, 10);
    double *x = read_numbers(words[5], "x", n * d), *y = NULL;
    int32_t *classes = bench_memory(n * sizeof *classes);
    static const char *const levels[] = {"0", "1"};
    bool linear = strcmp(family, "linear") == 0, clusters = strcmp(family, "kmeans") == 0;
    merx_error err = {0};
    merx_dataset *data = NULL;
    merx_model *model = NULL;
    must(merx_dataset_view_matrix(NULL, x, n, d, NULL, &data, &err), &err);
    must(merx_model_new(NULL, family, &model, &err), &err);
    if (clusters) {
        char path[600];
        snprintf(path, sizeof path, "%s/starts.csv", words[5]);
        must(merx_model_set(model, "clusters", words[4], &err), &err);
        must(merx_model_set(model, "starts_file", path, &err), &err);
    } else {
        y = read_numbers(words[5], "y", n);
        for (size_t i = 0; i < n; i++)
            classes[i] = y[i] > 0.5;
        must(linear ? merx_dataset_add_numeric(data, "y", y, &err)
                    : merx_dataset_add_categorical(data, "y", classes, levels, 2, &err),
             &err);
    }
    must(merx_model_fit(model, data, &(merx_fit_columns){.target = clusters ? NULL : "y"}, NULL, &err), &err);

    char answers[ANSWERS * 32] = "[";
    double values[MOST_OUTPUTS];
    int32_t label = 0;
    for (size_t i = 0, used = 1; i < ANSWERS; i++) {
        must(merx_model_predict_row(model, x + i * d, d, values, linear ? NULL : &label, &err), &err);
        used += (size_t)snprintf(answers + used, sizeof answers - used, "%s%.17g%s", i > 0 ? "," : "",
                                 linear ? values[0] : (double)label, i + 1 == ANSWERS ? "]" : "");
    }
    bench_ready("\"answers\": %s", answers);
    bench_run run;
    while (bench_next(&run)) {
        size_t calls = (size_t)strtoull(run.words, NULL, 10);
        double sum = 0;
        bench_start(&run);
        for (size_t i = 0, row = 0; i < calls; i++, row = row + 1 < n ? row + 1 : 0) {
            must(merx_model_predict_row(model, x + row * d, d, values, linear ? NULL : &label, &err), &err);
            sum += values[0];
        }
        bench_stop(&run);
        if (!isfinite(sum))
            bench_fail("a prediction is not finite");
        bench_report(&run, "\"calls\": %zu", calls);
    }
    merx_model_free(model);
    merx_dataset_free(data);
    free(classes);
    free(y);
    free(x);
    return 0;
}
