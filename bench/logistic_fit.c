/*
 * Timing of logistic regression through the public API, from a matrix of the caller's: bench_logistic_fit N D FOLDER, driven by bench/figures/logistic.py. FOLDER
 * holds x (float64) and y (int32, 0 or 1). "go OPTION=VALUE …" sets the options of the fit. Coefficients come out of the saved model.
 */
#include <unistd.h>

#include "bench/worker.h"
#include "io/tensor_file.h"
#include "merx/model.h"

static void must(merx_status status, const merx_error *err)
{
    if (status != MERX_OK)
        bench_fail(err->message);
}

static void set_options(merx_model *model, const char *words, merx_error *err)
{
    char copy[512], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", words);
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        char *value = strchr(word, '=');
        if (value == NULL)
            bench_fail("options are written NAME=VALUE");
        *value = '\0';
        must(merx_model_set(model, word, value + 1, err), err);
    }
}

/* "[b_1, …, b_d, b0]" of the model's file. */
static void write_parameters(const merx_model *model, const char *path, size_t d, char *out, size_t room,
                             merx_error *err)
{
    mx_tensor_file *file = NULL;
    const mx_tensor *b, *b0;
    must(merx_model_save(model, path, err), err);
    must(mx_tensor_file_open(path, NULL, false, &file, err), err);
    must(mx_tensor_file_get(file, "logistic.coefficients", MX_F64, 2, (uint64_t[]){1, d}, &b, err), err);
    must(mx_tensor_file_get(file, "logistic.intercepts", MX_F64, 1, (uint64_t[]){1}, &b0, err), err);
    size_t used = 0;
    for (size_t j = 0; j <= d; j++) {
        double value;
        memcpy(&value, j < d ? (const double *)b->data + j : b0->data, sizeof value);
        used += (size_t)snprintf(out + used, room - used, "%s%.17g", j > 0 ? ", " : "[", value);
    }
    snprintf(out + used, room - used, "]");
    mx_tensor_file_close(file);
    remove(path);
}

int main(int count, char **words)
{
    if (count != 4)
        bench_fail("usage: bench_logistic_fit N D FOLDER");
    size_t n = (size_t)strtoull(words[1], NULL, 10), d = (size_t)strtoull(words[2], NULL, 10);
    char path[600];
    snprintf(path, sizeof path, "%s/x", words[3]);
    double *x = bench_read(path, n * d * sizeof *x);
    snprintf(path, sizeof path, "%s/y", words[3]);
    int32_t *y = bench_read(path, n * sizeof *y);
    snprintf(path, sizeof path, "%s/model-%d.merx", words[3], (int)getpid());
    size_t room = 32 * (d + 2);
    char *parameters = bench_memory(room);
    static const char *const levels[] = {"0", "1"};
    merx_error err = {0};
    bench_ready("\"rows\": %zu", n);
    bench_run run;
    while (bench_next(&run)) {
        merx_task *task = NULL;
        merx_dataset *data = NULL;
        merx_model *model = NULL;
        bench_start(&run);
        must(merx_task_new(NULL, &(merx_task_options){0}, &task, &err), &err);
        must(merx_dataset_view_matrix(NULL, x, n, d, NULL, &data, &err), &err);
        must(merx_dataset_add_categorical(data, "y", y, levels, 2, &err), &err);
        must(merx_model_new(NULL, "logistic", &model, &err), &err);
        set_options(model, run.words, &err);
        must(merx_model_fit(model, data, &(merx_fit_columns){.target = "y"}, task, &err), &err);
        bench_stop(&run);
        write_parameters(model, path, d, parameters, room, &err);
        bench_report(&run, "\"parameters\": %s", parameters);
        merx_model_free(model);
        merx_dataset_free(data);
        merx_task_free(task);
    }
    free(parameters);
    free(y);
    free(x);
    return 0;
}
