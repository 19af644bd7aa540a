/*
 * The families `kmeans` and `minibatch_kmeans`: two ways to one state (centroids and weights), so all but the fit is shared.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/cluster/cluster_family.h"
#include "learn/cluster/kmeans_choose.h"
#include "learn/cluster/kmeans_given.h"
#include "learn/cluster/kmeans_study.h"
#include "learn/cluster/minibatch.h"
#include "learn/core/metrics.h"

enum { INERTIA, ITERATIONS, STARTS, BEST_START, WORST, SILHOUETTE, SILHOUETTE_ROWS, GAP, SCALARS };

typedef struct kmeans_state {
    mx_kmeans model;
    double *transposed; /* (d, k) */
    double scalars[SCALARS];
    mx_kmeans_curve curve; /* count 0: k was given */
} kmeans_state;

#define SHARED_OPTIONS                                                                                                 \
    {"clusters", MERX_OPTION_INT, 0, 1000000, "8", NULL, "How many clusters; 0: chosen on a sample."},                 \
        {"choose",                                                                                                     \
         MERX_OPTION_CHOICE,                                                                                           \
         0,                                                                                                            \
         0,                                                                                                            \
         "silhouette",                                                                                                 \
         "silhouette|gap",                                                                                             \
         "What chooses the number of clusters when it is 0: the mean silhouette or the gap statistic."},               \
        {"least_clusters", MERX_OPTION_INT, 1, 1000, "2", NULL, "The fewest clusters to choose from."},                \
        {"most_clusters", MERX_OPTION_INT, 1, 1000, "12", NULL, "The most clusters to choose from."},                  \
        {"sample",                                                                                                     \
         MERX_OPTION_INT,                                                                                              \
         10,                                                                                                           \
         20000,                                                                                                        \
         "2000",                                                                                                       \
         NULL,                                                                                                         \
         "Rows of the fixed sample on which the number of clusters is chosen and the silhouette is measured."},        \
        {"init", MERX_OPTION_CHOICE, 0, 0, "k-means++", "k-means++|random", "How starts are drawn."},                  \
        {"candidates",                                                                                                 \
         MERX_OPTION_INT,                                                                                              \
         0,                                                                                                            \
         32,                                                                                                           \
         "0",                                                                                                          \
         NULL,                                                                                                         \
         "Candidates that k-means++ tries for each centre; 0: 2 + ln k, 1: plain k-means++."},                         \
    {                                                                                                                  \
        "starts_file", MERX_OPTION_TEXT, 0, 0, "", NULL,                                                               \
            "A CSV file of given starts: a row for each cluster, a column for each column, in the table's units."      \
    }

static const merx_option kmeans_options[] = {
    SHARED_OPTIONS,
    {"starts", MERX_OPTION_INT, 1, 10000, "10", NULL, "How many drawn starts; the best end is kept."},
    {"max_iterations", MERX_OPTION_INT, 1, 1000000, "300", NULL, "Most rounds of Lloyd's algorithm from each start."},
    {"tolerance", MERX_OPTION_REAL, 0, 1, "1e-4", NULL,
     "A start ends when centroids move less than this, relative to the mean variance; 0: when no row changes cluster."},
    {0},
};

static const merx_option minibatch_options[] = {
    SHARED_OPTIONS,
    {"starts", MERX_OPTION_INT, 1, 10000, "3", NULL, "How many drawn starts are compared on the sample."},
    {"batch_size", MERX_OPTION_INT, 1, 1000000000, "1024", NULL, "Rows of a batch."},
    {"max_passes", MERX_OPTION_INT, 1, 1000000, "100", NULL, "Most passes over the rows."},
    {"patience", MERX_OPTION_INT, 0, 1000000, "10", NULL,
     "Ends after so many batches without a lower smoothed inertia; 0: never before max_passes."},
    {"reassignment", MERX_OPTION_REAL, 0, 1, "0.01", NULL,
     "A centroid with less than this share of the greatest weight moves to a random row; 0: never."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    kmeans_state *s = state;
    if (s == NULL)
        return;
    mx_free_array(alloc, s->transposed, s->model.k, s->model.d * sizeof(double));
    mx_kmeans_curve_release(&s->curve);
    mx_kmeans_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

/* What is made of the model for predictions. */
static merx_status settle(kmeans_state *s, const merx_allocator *alloc, merx_error *err)
{
    const mx_kmeans *m = &s->model;
    MX_TRY(mx_alloc_array(alloc, m->k, m->d * sizeof(double), "centroids", &s->transposed, err));
    for (size_t c = 0; c < m->k; c++)
        for (size_t j = 0; j < m->d; j++)
            s->transposed[j * m->k + c] = m->centroids[c * m->d + j];
    return MERX_OK;
}

/* ---- fit ---- */

typedef struct plan {
    const merx_options *options;
    mx_design_rows *rows;
    const merx_allocator *alloc;
    merx_task *task;
    mx_kmeans_study study; /* of one cluster: for its sample */
    double *given;         /* read from a file, owned */
    const double *start;   /* given, or the design's; NULL: drawn */
    size_t k, given_k;
} plan;

static size_t count_of(const merx_options *options, const char *name)
{
    return (size_t)merx_options_int(options, name);
}

/* k: given, counted in a file, or chosen. */
static merx_status plan_clusters(plan *p, kmeans_state *s, merx_error *err)
{
    const merx_options *o = p->options;
    const char *path = merx_options_text(o, "starts_file");
    p->k = count_of(o, "clusters");
    if (path[0] != '\0') {
        MX_TRY(mx_kmeans_read_starts(path, p->rows->names, p->rows->units, p->rows->d, merx_task_allocator(p->task),
                                     p->task, &p->given, &p->given_k, err));
        if (p->k != 0 && p->k != p->given_k)
            MX_FAIL(err, MERX_E_INVALID, path, "has %zu starts, but clusters is %zu (0 takes as many as there are)",
                    p->given_k, p->k);
        p->k = p->given_k;
        p->start = p->given;
        return MERX_OK;
    }
    if (p->rows->held != NULL && p->rows->held->start != NULL) {
        p->start = p->rows->held->start;
        if (p->k != 0 && p->k != p->rows->held->start_rows)
            MX_FAIL(err, MERX_E_INVALID, "kmeans",
                    "there are %zu starts, but clusters is %zu (0 takes as many as there are)",
                    p->rows->held->start_rows, p->k);
        p->k = p->rows->held->start_rows;
        return MERX_OK;
    }
    if (p->k != 0)
        return MERX_OK;
    mx_task_stage(p->task, "choosing the number of clusters", 0, "");
    s->scalars[GAP] = strcmp(merx_options_text(o, "choose"), "gap") == 0;
    MX_TRY(mx_kmeans_choose(p->study.sample, p->study.sample_weights, p->study.sample_count, p->rows->d,
                            count_of(o, "least_clusters"), count_of(o, "most_clusters"), s->scalars[GAP] != 0,
                            merx_task_seed(p->task), p->alloc, p->task, &s->curve, err));
    p->k = s->curve.chosen;
    return MERX_OK;
}

static merx_status measure_silhouette(const plan *p, kmeans_state *s, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(p->task);
    size_t m = p->study.sample_count;
    int32_t *labels;
    MX_TRY(mx_alloc_array(work, m, sizeof *labels, "labels", &labels, err));
    for (size_t i = 0; i < m; i++)
        labels[i] = mx_kmeans_nearest(&s->model, p->study.sample + i * p->rows->d, NULL);
    merx_status status =
        mx_silhouette(p->study.sample, labels, m, p->rows->d, s->model.k, 0, 0, p->task, &s->scalars[SILHOUETTE], err);
    s->scalars[SILHOUETTE_ROWS] = (double)m;
    mx_free_array(work, labels, m, sizeof *labels);
    return status;
}

static merx_status run_fit(const plan *p, bool minibatch, kmeans_state *s, merx_error *err)
{
    const merx_options *o = p->options;
    mx_kmeans_options k = {.k = p->k,
                           .n_init = (int)merx_options_int(o, "starts"),
                           .seed = merx_task_seed(p->task),
                           .start = p->start,
                           .random = strcmp(merx_options_text(o, "init"), "random") == 0,
                           .candidates = count_of(o, "candidates")};
    if (!minibatch) {
        double tolerance = merx_options_real(o, "tolerance");
        k.max_iterations = (int)merx_options_int(o, "max_iterations");
        k.tolerance = tolerance > 0 ? tolerance : -1;
        return mx_kmeans_fit_rows(p->rows, &k, p->alloc, p->task, &s->model, NULL, err);
    }
    k.max_iterations = (int)merx_options_int(o, "max_passes");
    mx_minibatch_options m = {.kmeans = k,
                              .batch_size = count_of(o, "batch_size"),
                              .patience = (int)merx_options_int(o, "patience"),
                              .reassignment = merx_options_real(o, "reassignment")};
    return mx_minibatch_fit(p->rows, &m, p->alloc, p->task, &s->model, err);
}

static merx_status fit_any(const merx_options *options, mx_design_rows *rows, bool minibatch,
                           const merx_allocator *alloc, merx_task *task, void **state, merx_error *err)
{
    kmeans_state *s = NULL;
    plan p = {.options = options, .rows = rows, .alloc = alloc, .task = task};
    merx_status status;
    *state = NULL;
    MX_TRY_GOTO(mx_kmeans_check(&(mx_kmeans_options){.k = 1}, rows, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, 1, sizeof *s, "k-means model", &s, err));
    MX_TRY_GOTO(mx_kmeans_study_rows(rows, 1, NULL, merx_task_seed(task), count_of(options, "sample"),
                                     merx_task_allocator(task), task, &p.study, err));
    MX_TRY_GOTO(plan_clusters(&p, s, err));
    MX_TRY_GOTO(run_fit(&p, minibatch, s, err));
    MX_TRY_GOTO(measure_silhouette(&p, s, err));
    MX_TRY_GOTO(settle(s, alloc, err));
    s->scalars[INERTIA] = s->model.inertia;
    s->scalars[ITERATIONS] = s->model.iterations;
    s->scalars[STARTS] = s->model.starts;
    s->scalars[BEST_START] = s->model.best_start;
    s->scalars[WORST] = s->model.worst_inertia;
    *state = s;
    s = NULL;
out:
    free_state(s, alloc);
    mx_free_array(merx_task_allocator(task), p.given, p.given_k, rows->d * sizeof(double));
    mx_kmeans_study_release(&p.study);
    return status;
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    mx_design_rows rows = mx_design_rows_of(design);
    return fit_any(options, &rows, false, alloc, task, state, err);
}

static merx_status fit_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                            merx_task *task, void **state, merx_error *err)
{
    return fit_any(options, rows, false, alloc, task, state, err);
}

static merx_status fit_minibatch(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                                 merx_task *task, void **state, merx_error *err)
{
    mx_design_rows rows = mx_design_rows_of(design);
    return fit_any(options, &rows, true, alloc, task, state, err);
}

static merx_status fit_minibatch_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                                      merx_task *task, void **state, merx_error *err)
{
    return fit_any(options, rows, true, alloc, task, state, err);
}

/* ---- use ---- */

static size_t outputs(const void *state)
{
    return ((const kmeans_state *)state)->model.k;
}

static size_t inputs(const void *state)
{
    return ((const kmeans_state *)state)->model.d;
}

static void predict_row(const void *state, const double *x, double *values, int32_t *label)
{
    const kmeans_state *s = state;
    size_t k = s->model.k, nearest = 0;
    mx_kernel()->squared_distances(x, s->transposed, s->model.d, k, values);
    if (label != NULL) {
        for (size_t c = 1; c < k; c++)
            nearest = values[c] < values[nearest] ? c : nearest;
        *label = (int32_t)nearest;
    }
    for (size_t c = 0; c < k; c++)
        values[c] = sqrt(values[c]);
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    const mx_kmeans *m = &((const kmeans_state *)state)->model;
    double *scratch = NULL;
    if (rows->x == NULL)
        MX_TRY(mx_alloc_array(m->alloc, m->d, sizeof *scratch, "a row", &scratch, err));
    for (size_t i = 0; i < rows->n; i++)
        predict_row(state, mx_kmeans_row(rows, i, scratch), values + i * m->k, labels != NULL ? &labels[i] : NULL);
    mx_free_array(m->alloc, scratch, m->d, sizeof *scratch);
    return MERX_OK;
}

/* Why `output` and not the nearest other cluster: (x_j - other_j)^2 - (x_j - output_j)^2. */
static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    const mx_kmeans *m = &((const kmeans_state *)state)->model;
    double *scratch = NULL;
    if (rows->x == NULL)
        MX_TRY(mx_alloc_array(m->alloc, m->d, sizeof *scratch, "a row", &scratch, err));
    *score = mx_kmeans_explain_cluster(m, mx_kmeans_row(rows, row, scratch), (int32_t)output, contributions, NULL);
    *base = 0;
    mx_free_array(m->alloc, scratch, m->d, sizeof *scratch);
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const kmeans_state *s = state;
    const mx_kmeans *m = &s->model;
    mx_text_printf(text, "%zu clusters, inertia %.6g, %d iterations\n", m->k, m->inertia, m->iterations);
    if (s->scalars[STARTS] > 1)
        mx_text_printf(text, "start %g of %g won; the worst ended at inertia %.6g\n", s->scalars[BEST_START] + 1,
                       s->scalars[STARTS], s->scalars[WORST]);
    if (!isnan(s->scalars[SILHOUETTE]))
        mx_text_printf(text, "silhouette %.6g (fixed sample of %g rows)\n", s->scalars[SILHOUETTE],
                       s->scalars[SILHOUETTE_ROWS]);
    if (s->curve.count > 0)
        mx_text_printf(text, "the number of clusters was chosen by %s on the sample:\n",
                       s->scalars[GAP] != 0 ? "the gap statistic" : "silhouette");
    for (size_t p = 0; p < s->curve.count; p++) {
        const double *point = s->curve.points + 3 * p;
        mx_text_printf(text, "    %6g %14.6g", point[0], point[1]);
        if (s->scalars[GAP] != 0)
            mx_text_printf(text, " (standard error %.6g)", point[2]);
        mx_text_puts(text, point[0] == (double)m->k ? "  <-\n" : "\n");
    }
    for (size_t c = 0; c < m->k; c++) {
        mx_text_printf(text, "cluster %zu: weight %.6g\n", c, m->sizes[c]);
        for (size_t j = 0; j < m->d; j++) {
            mx_unit unit = names->units != NULL ? names->units[j] : (mx_unit){0, 1};
            mx_text_printf(text, "    %-32s %14.6g\n", names->names[j],
                           m->centroids[c * m->d + j] * unit.scale + unit.shift);
        }
    }
    return mx_text_ok(text, err);
}

/* ---- file ---- */

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const kmeans_state *s = state;
    MX_TRY(
        mx_tensor_writer_matrix(writer, "kmeans.centroids", MX_F64, s->model.k, s->model.d, s->model.centroids, err));
    MX_TRY(mx_tensor_writer_vector(writer, "kmeans.sizes", MX_F64, s->model.k, s->model.sizes, err));
    if (s->curve.count > 0)
        MX_TRY(mx_tensor_writer_matrix(writer, "kmeans.curve", MX_F64, s->curve.count, 3, s->curve.points, err));
    return mx_tensor_writer_vector(writer, "kmeans.scalars", MX_F64, SCALARS, s->scalars, err);
}

static merx_status load_curve(const mx_tensor_file *file, const merx_allocator *alloc, mx_kmeans_curve *curve,
                              merx_error *err)
{
    const mx_tensor *points;
    bool there = false;
    for (size_t i = 0; i < mx_tensor_file_count(file) && !there; i++)
        there = strcmp(mx_tensor_file_at(file, i)->name, "kmeans.curve") == 0;
    if (!there)
        return MERX_OK;
    MX_TRY(mx_tensor_file_get(file, "kmeans.curve", MX_F64, 2, (uint64_t[]){0, 3}, &points, err));
    curve->alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(curve->alloc, (size_t)points->shape[0], 3 * sizeof(double), "curve", &curve->points, err));
    curve->count = (size_t)points->shape[0];
    memcpy(curve->points, points->data, points->size_bytes);
    return MERX_OK;
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
    MX_TRY(mx_tensor_file_vector(file, "kmeans.scalars", MX_F64, SCALARS, &scalars, &count, err));
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
    m->inertia = scalars[INERTIA];
    m->iterations = scalars[ITERATIONS] >= 0 && scalars[ITERATIONS] <= INT32_MAX ? (int)scalars[ITERATIONS] : 0;
    MX_TRY_GOTO(load_curve(file, alloc, &s->curve, err));
    MX_TRY_GOTO(settle(s, alloc, err));
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

/* Labels and bounds of the rows; sums of two threads and forms of the centroids; the sample that starts are drawn from. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)classes;
    uint64_t k = (uint64_t)merx_options_int(options, "clusters"), m = mx_kmeans_sample_room((size_t)k, d);
    k = k > 0 ? k : (uint64_t)merx_options_int(options, "most_clusters");
    m = m < n ? m : n;
    return 8 * (uint64_t)n + 8 * 12 * k * (d + 1) + 8 * m * (d + 5);
}

static uint64_t memory_minibatch(const merx_options *options, size_t n, size_t d, size_t classes)
{
    return memory(options, n < MX_KMEANS_SAMPLE ? n : MX_KMEANS_SAMPLE, d, classes);
}

#define SHARED_FUNCTIONS                                                                                               \
    .free_state = free_state, .outputs = outputs, .predict = predict, .explain = explain, .describe = describe,        \
    .save = save, .load = load, .inputs = inputs, .predict_row = predict_row

#define FORMULA "minimise sum over clusters of d(x, mu)^2 = sum_i w_i |x_i - mu_c(i)|^2"
#define TAGS MERX_TAKES_TABLE | MERX_TAKES_FLOAT | MERX_TAKES_STREAM | MERX_CLUSTERS | MERX_SUPPORTS_WEIGHTS

const mx_family mx_family_kmeans = {
    .version = 1,
    .info = {.name = "kmeans",
             .title = "k-means clustering",
             .text = "Groups rows around k centroids so that the squared distances to them are least. Columns should "
                     "be standardised.",
             .formula = FORMULA,
             .tags = TAGS,
             .options = kmeans_options},
    .fit = fit,
    .fit_rows = fit_rows,
    .start = MX_START_ROWS,
    .memory = memory,
    SHARED_FUNCTIONS,
};

const mx_family mx_family_minibatch_kmeans = {
    .version = 1,
    .info = {.name = "minibatch_kmeans",
             .title = "Mini-batch k-means clustering",
             .text = "k-means in small steps: a few passes over the rows, for data too large for many. The end lies a "
                     "little above that of k-means. Rows are read in their order; shuffle sorted data first.",
             .formula = FORMULA,
             .tags = TAGS,
             .options = minibatch_options},
    .fit = fit_minibatch,
    .fit_rows = fit_minibatch_rows,
    .start = MX_START_ROWS,
    .memory = memory_minibatch,
    SHARED_FUNCTIONS,
};
