/*
 * The family `kmeans`: mx_kmeans behind the model contract.
 */
#include <math.h>
#include <string.h>

#include "learn/cluster/cluster_family.h"
#include "learn/cluster/kmeans.h"

typedef struct kmeans_state {
    mx_kmeans model;
    double scalars[2]; /* inertia, iterations */
} kmeans_state;

static const merx_option options_table[] = {
    {"clusters", MERX_OPTION_INT, 1, 1000000, "8", NULL, "How many clusters."},
    {"starts", MERX_OPTION_INT, 1, 10000, "10", NULL, "How many k-means++ starts; the best end is kept."},
    {"max_iterations", MERX_OPTION_INT, 1, 1000000, "300", NULL, "Most rounds of Lloyd's algorithm from each start."},
    {"tolerance", MERX_OPTION_REAL, 0, 1, "1e-4", NULL,
     "A start ends when centroids move less than this, relative to the mean variance; 0: when no row changes cluster."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    kmeans_state *s = state;
    if (s == NULL)
        return;
    mx_kmeans_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    kmeans_state *s = NULL;
    *state = NULL;
    double tolerance = merx_options_real(options, "tolerance");
    mx_kmeans_options o = {.k = (size_t)merx_options_int(options, "clusters"),
                           .n_init = (int)merx_options_int(options, "starts"),
                           .max_iterations = (int)merx_options_int(options, "max_iterations"),
                           .tolerance = tolerance > 0 ? tolerance : -1,
                           .seed = merx_task_seed(task)};
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "k-means model", &s, err));
    merx_status status =
        mx_kmeans_fit(design->x, design->weights, design->n, design->d, &o, alloc, task, &s->model, NULL, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    s->scalars[0] = s->model.inertia;
    s->scalars[1] = s->model.iterations;
    *state = s;
    return MERX_OK;
}

static size_t outputs(const void *state)
{
    return ((const kmeans_state *)state)->model.k;
}

static size_t inputs(const void *state)
{
    return ((const kmeans_state *)state)->model.d;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)err;
    const mx_kmeans *m = &((const kmeans_state *)state)->model;
    for (size_t i = 0; i < rows->n; i++) {
        const double *x = rows->x + i * m->d;
        for (size_t c = 0; c < m->k; c++) {
            double sum = 0;
            for (size_t j = 0; j < m->d; j++)
                sum += (x[j] - m->centroids[c * m->d + j]) * (x[j] - m->centroids[c * m->d + j]);
            values[i * m->k + c] = sqrt(sum);
        }
        if (labels != NULL)
            labels[i] = mx_kmeans_nearest(m, x, NULL);
    }
    return MERX_OK;
}

/* Why `output` and not the nearest other cluster: (x_j - other_j)^2 - (x_j - output_j)^2. */
static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)err;
    const mx_kmeans *m = &((const kmeans_state *)state)->model;
    *score = mx_kmeans_explain_cluster(m, rows->x + row * m->d, (int32_t)output, contributions, NULL);
    *base = 0;
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const mx_kmeans *m = &((const kmeans_state *)state)->model;
    mx_text_printf(text, "%zu clusters, inertia %.6g, %d iterations\n", m->k, m->inertia, m->iterations);
    for (size_t c = 0; c < m->k; c++) {
        mx_text_printf(text, "cluster %zu: weight %.6g\n", c, m->sizes[c]);
        for (size_t j = 0; j < m->d; j++)
            mx_text_printf(text, "    %-32s %14.6g\n", names->names[j], m->centroids[c * m->d + j]);
    }
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const kmeans_state *s = state;
    MX_TRY(
        mx_tensor_writer_matrix(writer, "kmeans.centroids", MX_F64, s->model.k, s->model.d, s->model.centroids, err));
    MX_TRY(mx_tensor_writer_vector(writer, "kmeans.sizes", MX_F64, s->model.k, s->model.sizes, err));
    return mx_tensor_writer_vector(writer, "kmeans.scalars", MX_F64, 2, s->scalars, err);
}

static merx_status load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    kmeans_state *s = NULL;
    const mx_tensor *centroids;
    const double *sizes, *scalars;
    uint64_t k, count;
    MX_TRY(mx_tensor_file_get(file, "kmeans.centroids", MX_F64, 2, (uint64_t[]){0, 0}, &centroids, err));
    MX_TRY(mx_tensor_file_vector(file, "kmeans.sizes", MX_F64, 0, &sizes, &k, err));
    MX_TRY(mx_tensor_file_vector(file, "kmeans.scalars", MX_F64, 2, &scalars, &count, err));
    if (k == 0 || k > INT32_MAX || centroids->shape[0] != k)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "there are %llu centroids and %llu sizes",
                (unsigned long long)centroids->shape[0], (unsigned long long)k);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "k-means model", &s, err));
    mx_kmeans *m = &s->model;
    m->alloc = alloc;
    m->k = (size_t)k;
    m->d = (size_t)centroids->shape[1];
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, m->k * m->d, sizeof(double), "centroids", &m->centroids, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, m->k, sizeof(double), "cluster sizes", &m->sizes, err));
    memcpy(m->centroids, centroids->data, centroids->size_bytes);
    memcpy(m->sizes, sizes, m->k * sizeof(double));
    memcpy(s->scalars, scalars, sizeof s->scalars);
    m->inertia = scalars[0];
    m->iterations = scalars[1] >= 0 && scalars[1] <= INT32_MAX ? (int)scalars[1] : 0;
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

/* Labels and distances of the rows, sums of the blocks. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)classes;
    uint64_t k = (uint64_t)merx_options_int(options, "clusters");
    return 16 * (uint64_t)n + 8 * 70 * k * (d + 1);
}

const mx_family mx_family_kmeans = {
    .version = 1,
    .info = {.name = "kmeans",
             .title = "k-means clustering",
             .text = "Groups rows around k centroids so that the squared distances to them are least. Columns should "
                     "be standardised.",
             .formula = "minimise sum_i w_i |x_i - mu_c(i)|^2",
             .tags = MERX_TAKES_TABLE | MERX_CLUSTERS | MERX_SUPPORTS_WEIGHTS,
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
