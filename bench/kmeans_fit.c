/*
 * Timing of k-means from given starts: bench_kmeans_fit N D K ITERATIONS float64|float32 X STARTS, driven by bench/figures/kmeans.py.
 *
 * Starts are doubles. Reports the centroids' inertia measured in double over the rows as they are, as the peer's side does with its own centroids.
 */
#include <math.h>

#include "base/run.h"
#include "bench/worker.h"
#include "learn/cluster/kmeans.h"

static size_t number(const char *text)
{
    return (size_t)strtoull(text, NULL, 10);
}

static double inertia_of(const mx_kmeans *model, const mx_design *design)
{
    double total = 0;
    for (size_t i = 0; i < design->n; i++) {
        double least = INFINITY;
        for (size_t c = 0; c < model->k; c++) {
            double sum = 0;
            for (size_t j = 0; j < design->d; j++) {
                double value = design->x ? design->x[i * design->d + j] : (double)design->x_float[i * design->d + j];
                sum += (value - model->centroids[c * model->d + j]) * (value - model->centroids[c * model->d + j]);
            }
            least = sum < least ? sum : least;
        }
        total += least;
    }
    return total;
}

int main(int count, char **words)
{
    if (count != 8)
        bench_fail("usage: bench_kmeans_fit N D K ITERATIONS float64|float32 X STARTS");
    size_t n = number(words[1]), d = number(words[2]), k = number(words[3]);
    bool single = strcmp(words[5], "float32") == 0;
    mx_design design = {.n = n, .d = d};
    void *x = bench_read(words[6], n * d * (single ? sizeof(float) : sizeof(double)));
    if (single)
        design.x_float = x;
    else
        design.x = x;
    double *starts = bench_read(words[7], k * d * sizeof *starts);
    mx_kmeans_options options = {.k = k, .start = starts, .max_iterations = (int)number(words[4]), .tolerance = -1};
    merx_error err = {0};
    bench_ready("\"rows\": %zu", n);
    bench_run run;
    while (bench_next(&run)) {
        merx_task *task = NULL;
        mx_kmeans model;
        mx_design_rows rows = mx_design_rows_of(&design);
        bench_start(&run);
        if (merx_task_new(NULL, &(merx_task_options){0}, &task, &err) != MERX_OK ||
            mx_kmeans_fit_rows(&rows, &options, NULL, task, &model, NULL, &err) != MERX_OK)
            bench_fail(err.message);
        merx_task_free(task);
        bench_stop(&run);
        bench_report(&run, "\"objective\": %.17g, \"reported\": %.17g, \"iterations\": %d", inertia_of(&model, &design),
                     model.inertia, model.iterations);
        mx_kmeans_release(&model);
    }
    free(starts);
    free(x);
    return 0;
}
