/*
 * The families `nearest` and `nearest_classifier`: what the k nearest training rows say of a row (Fix & Hodges 1951; Cover & Hart 1967). Rows are kept in float32 and found by
 * exact search, so a prediction has the same bits in any company.
 *
 * A neighbour's vote is its sample weight, times 1 / distance when asked for; neighbours at distance 0 then vote alone. A value is the mean of the neighbours', by vote. A class's
 * probability is (k * its share of the votes + smoothing * its prior) / (k + smoothing), the prior its share of the training weights with one more for each class.
 *
 * Reasons telescope: from the training mean the row's values are put in column by column, in their order; a column's contribution is what the score changes by then. They sum to the
 * score exactly; what two columns say together counts with the later one.
 */
#include <math.h>
#include <string.h>

#include "learn/neighbour/exact_search.h"
#include "learn/neighbour/neighbour_family.h"

typedef struct nearest_state {
    size_t n, d, k, classes; /* classes 0: values */
    bool by_distance, euclidean;
    double smoothing;
    float *x;        /* (n, width) */
    float *norms;    /* (n) */
    int64_t *ids;    /* (n): 0, 1, … */
    double *targets; /* (n): value, or class code */
    double *weights; /* (n) */
    double *priors;  /* (classes) */
    float *means;    /* (d): where reasons begin */
    const merx_allocator *alloc;
} nearest_state;

#define SHARED_OPTIONS                                                                                                 \
    {"neighbours", MERX_OPTION_INT, 1, 100000, "10", NULL, "How many nearest rows are asked."},                        \
        {"votes",                                                                                                      \
         MERX_OPTION_CHOICE,                                                                                           \
         0,                                                                                                            \
         0,                                                                                                            \
         "equal",                                                                                                      \
         "equal|distance",                                                                                             \
         "Whether neighbours count alike, or by 1 / distance."},                                                       \
    {                                                                                                                  \
        "similarity", MERX_OPTION_CHOICE, 0, 0, "euclidean", "euclidean|cosine",                                       \
            "What is near: by distance, or by angle (distance is 1 - cosine then)."                                    \
    }

static const merx_option value_options[] = {SHARED_OPTIONS, {0}};
static const merx_option class_options[] = {
    SHARED_OPTIONS,
    {"smoothing", MERX_OPTION_REAL, 1e-9, 1e6, "1", NULL,
     "As if so many more neighbours had voted as the whole training data would."},
    {0},
};

static mx_vector_rows rows_of(const nearest_state *s)
{
    return (mx_vector_rows){.similarity = s->euclidean ? MERX_EUCLIDEAN : MERX_COSINE,
                            .n = s->n,
                            .d = s->d,
                            .width = mx_vector_width(s->d),
                            .x = s->x,
                            .norms = s->norms,
                            .ids = s->ids};
}

static void free_state(void *state, const merx_allocator *alloc)
{
    nearest_state *s = state;
    if (s == NULL)
        return;
    mx_free_array(alloc, s->x, s->n * sizeof *s->x, mx_vector_width(s->d));
    MX_FREE_ARRAY(alloc, s->norms, s->n);
    MX_FREE_ARRAY(alloc, s->ids, s->n);
    MX_FREE_ARRAY(alloc, s->targets, s->n);
    MX_FREE_ARRAY(alloc, s->weights, s->n);
    MX_FREE_ARRAY(alloc, s->priors, s->classes);
    MX_FREE_ARRAY(alloc, s->means, s->d);
    MX_FREE_ARRAY(alloc, s, 1);
}

/* A state of n rows with all of its arrays; n, d, classes are set. */
static merx_status new_state(size_t n, size_t d, size_t classes, const merx_allocator *alloc, nearest_state **out,
                             merx_error *err)
{
    nearest_state *s;
    merx_status status;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "nearest neighbours", err));
    s->n = n;
    s->d = d;
    s->classes = classes;
    s->alloc = alloc;
    MX_TRY_GOTO(mx_alloc_array(alloc, n * sizeof *s->x, mx_vector_width(d), "training rows", &s->x, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &s->norms, "training rows", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &s->ids, "training rows", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &s->targets, "training rows", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &s->weights, "training rows", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, classes, &s->priors, "priors", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, d, &s->means, "means", err));
    *out = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

/* A row of the design in float. */
static void narrow(const mx_design *design, size_t row, float *out)
{
    if (design->x_float != NULL)
        memcpy(out, design->x_float + row * design->d, design->d * sizeof *out);
    else
        for (size_t j = 0; j < design->d; j++)
            out[j] = (float)design->x[row * design->d + j];
}

/* ---- fit ---- */

static void settle(nearest_state *s)
{
    double total = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->ids[i] = (int64_t)i;
        total += s->weights[i];
        if (s->classes > 0)
            s->priors[(size_t)s->targets[i]] += s->weights[i];
    }
    for (size_t c = 0; c < s->classes; c++)
        s->priors[c] = (s->priors[c] + 1) / (total + (double)s->classes);
}

static merx_status fill(nearest_state *s, const mx_design *design, merx_task *task, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t width = mx_vector_width(s->d), at = 0;
    float *row;
    double *sums = NULL;
    MX_TRY(mx_alloc_array(work, s->d, sizeof *row, "a row", &row, err));
    merx_status status = mx_alloc_array(work, s->d, sizeof *sums, "means", &sums, err);
    merx_similarity similarity = s->euclidean ? MERX_EUCLIDEAN : MERX_COSINE;
    for (size_t i = 0; i < design->n && status == MERX_OK; i++) {
        if (i % 4096 == 0)
            status = mx_task_step(task, i, err);
        if (status != MERX_OK || (design->weights != NULL && !(design->weights[i] > 0)))
            continue;
        narrow(design, i, row);
        status = mx_vector_prepare(similarity, row, s->d, i, "training data", s->x + at * width, &s->norms[at], err);
        s->targets[at] = s->classes > 0 ? (double)design->labels[i] : design->y[i];
        s->weights[at] = design->weights != NULL ? design->weights[i] : 1;
        for (size_t j = 0; j < s->d; j++)
            sums[j] += (double)row[j];
        at++;
    }
    for (size_t j = 0; j < s->d && status == MERX_OK; j++)
        s->means[j] = (float)(sums[j] / (double)s->n);
    mx_free_array(work, sums, s->d, sizeof *sums);
    mx_free_array(work, row, s->d, sizeof *row);
    return status;
}

static merx_status fit_any(const merx_options *options, const mx_design *design, size_t classes,
                           const merx_allocator *alloc, merx_task *task, void **state, merx_error *err)
{
    size_t n = 0;
    nearest_state *s;
    *state = NULL;
    for (size_t i = 0; i < design->n; i++)
        n += design->weights == NULL || design->weights[i] > 0;
    if (n == 0)
        MX_FAIL(err, MERX_E_INVALID, "training data", "has no rows with a weight above 0");
    if (n > MERX_NEAREST_MAX_VECTORS || design->d > MERX_NEAREST_MAX_WIDTH)
        MX_FAIL(err, MERX_E_LIMIT, "training data", "has %zu rows of %zu columns (expected at most %u of %d)", n,
                design->d, MERX_NEAREST_MAX_VECTORS, MERX_NEAREST_MAX_WIDTH);
    mx_task_stage(task, "keeping the rows", design->n, "rows");
    MX_TRY(new_state(n, design->d, classes, alloc, &s, err));
    s->k = (size_t)merx_options_int(options, "neighbours");
    s->by_distance = strcmp(merx_options_text(options, "votes"), "distance") == 0;
    s->euclidean = strcmp(merx_options_text(options, "similarity"), "euclidean") == 0;
    s->smoothing = classes > 0 ? merx_options_real(options, "smoothing") : 0;
    merx_status status = fill(s, design, task, err);
    mx_task_done(task);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    settle(s);
    *state = s;
    return MERX_OK;
}

static merx_status fit_values(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                              merx_task *task, void **state, merx_error *err)
{
    return fit_any(options, design, 0, alloc, task, state, err);
}

static merx_status fit_classes(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                               merx_task *task, void **state, merx_error *err)
{
    return fit_any(options, design, design->classes, alloc, task, state, err);
}

/* ---- use ---- */

static size_t outputs(const void *state)
{
    const nearest_state *s = state;
    return s->classes > 0 ? s->classes : 1;
}

static size_t inputs(const void *state)
{
    return ((const nearest_state *)state)->d;
}

/* What neighbours say: values (outputs) written. */
static void vote(const nearest_state *s, const mx_found *found, size_t k, double *values)
{
    size_t m = s->classes > 0 ? s->classes : 1;
    double total = 0;
    bool touching = false;
    memset(values, 0, m * sizeof *values);
    for (size_t j = 0; j < k && found[j].id >= 0; j++) {
        double distance = s->euclidean ? sqrt(found[j].far) : fmax(1 + found[j].far, 0), v = s->weights[found[j].slot];
        touching = touching || (s->by_distance && distance == 0);
        if (touching && distance > 0)
            break; /* they come in order of distance */
        if (s->by_distance && distance > 0)
            v /= distance;
        total += v;
        values[s->classes > 0 ? (size_t)s->targets[found[j].slot] : 0] +=
            s->classes > 0 ? v : v * s->targets[found[j].slot];
    }
    if (s->classes == 0) {
        values[0] /= total;
        return;
    }
    double asked = (double)(k < s->n ? k : s->n);
    for (size_t c = 0; c < m; c++)
        values[c] = (asked * (values[c] / total) + s->smoothing * s->priors[c]) / (asked + s->smoothing);
}

/* m rows in float, (m, d): values (m, outputs). */
static merx_status predict_rows(const nearest_state *s, const float *x, size_t m, merx_task *task, double *values,
                                merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    mx_vector_rows rows = rows_of(s);
    size_t k = s->k < s->n ? s->k : s->n, all;
    float *queries = NULL;
    mx_found *found = NULL;
    merx_status status;
    if (!mx_mul_size(m, k, &all))
        MX_FAIL(err, MERX_E_LIMIT, "rows", "%zu neighbours of %zu rows are too many", k, m);
    MX_TRY_GOTO(mx_alloc_array_raw(work, m * sizeof *queries, rows.width, "rows", &queries, err));
    for (size_t i = 0; i < m; i++)
        MX_TRY_GOTO(
            mx_vector_prepare(rows.similarity, x + i * s->d, s->d, i, "rows", queries + i * rows.width, NULL, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, all, sizeof *found, "neighbours", &found, err));
    MX_TRY_GOTO(mx_exact_search(&rows, queries, m, k, task, found, err));
    for (size_t i = 0; i < m; i++)
        vote(s, found + i * k, k, values + i * outputs(s));
out:
    mx_free_array(work, found, all, sizeof *found);
    mx_free_array(work, queries, m * sizeof *queries, rows.width);
    return status;
}

enum { ROWS_AT_ONCE = 8192 };

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    const nearest_state *s = state;
    const merx_allocator *work = merx_task_allocator(task);
    size_t m = outputs(s), room = rows->n < ROWS_AT_ONCE ? rows->n : ROWS_AT_ONCE;
    float *x;
    MX_TRY(mx_alloc_array_raw(work, room, s->d * sizeof *x, "rows", &x, err));
    merx_status status = MERX_OK;
    for (size_t begin = 0, n; begin < rows->n && status == MERX_OK; begin += n) {
        n = rows->n - begin < room ? rows->n - begin : room;
        for (size_t i = 0; i < n; i++)
            narrow(rows, begin + i, x + i * s->d);
        status = predict_rows(s, x, n, task, values + begin * m, err);
    }
    for (size_t i = 0; labels != NULL && i < rows->n && status == MERX_OK; i++) {
        labels[i] = 0;
        for (size_t c = 1; c < m; c++)
            if (values[i * m + c] > values[i * m + (size_t)labels[i]])
                labels[i] = (int32_t)c;
    }
    mx_free_array(work, x, room, s->d * sizeof *x);
    return status;
}

static double score_of(const nearest_state *s, const double *values, size_t output)
{
    double mean = 0;
    if (s->classes == 0)
        return values[0];
    for (size_t c = 0; c < s->classes; c++)
        mean += log(values[c]) / (double)s->classes;
    return log(values[output]) - mean;
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    const nearest_state *s = state;
    const merx_allocator *work = s->alloc;
    size_t steps = s->d + 1, m = outputs(s);
    float *path = NULL, *own = NULL;
    double *values = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(work, s->d, sizeof *own, "a row", &own, err));
    MX_TRY_GOTO(mx_alloc_array(work, steps, s->d * sizeof *path, "reasons", &path, err));
    MX_TRY_GOTO(mx_alloc_array(work, steps, m * sizeof *values, "reasons", &values, err));
    narrow(rows, row, own);
    for (size_t i = 0; i < steps; i++)
        for (size_t j = 0; j < s->d; j++)
            path[i * s->d + j] = j < i ? own[j] : s->means[j];
    MX_TRY_GOTO(predict_rows(s, path, steps, NULL, values, err));
    *base = score_of(s, values, output);
    *score = score_of(s, values + s->d * m, output);
    for (size_t j = 0; j < s->d; j++)
        contributions[j] = score_of(s, values + (j + 1) * m, output) - score_of(s, values + j * m, output);
out:
    mx_free_array(work, values, steps, m * sizeof *values);
    mx_free_array(work, path, steps, s->d * sizeof *path);
    mx_free_array(work, own, s->d, sizeof *own);
    return status;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const nearest_state *s = state;
    (void)names;
    mx_text_printf(text, "%zu nearest of %zu rows by %s, votes %s\n", s->k, s->n, s->euclidean ? "distance" : "angle",
                   s->by_distance ? "by 1 / distance" : "equal");
    if (s->classes > 0)
        mx_text_printf(text, "smoothing %g\n", s->smoothing);
    return mx_text_ok(text, err);
}

/* ---- files ---- */

enum { K, BY_DISTANCE, EUCLIDEAN, SMOOTHING, CLASSES, WIDTH, SCALARS };

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const nearest_state *s = state;
    const double scalars[SCALARS] = {(double)s->k, s->by_distance,     s->euclidean,
                                     s->smoothing, (double)s->classes, (double)s->d};
    MX_TRY(mx_tensor_writer_matrix(writer, "nearest.rows", MX_F32, s->n, mx_vector_width(s->d), s->x, err));
    MX_TRY(mx_tensor_writer_vector(writer, "nearest.norms", MX_F32, s->n, s->norms, err));
    MX_TRY(mx_tensor_writer_vector(writer, "nearest.targets", MX_F64, s->n, s->targets, err));
    MX_TRY(mx_tensor_writer_vector(writer, "nearest.weights", MX_F64, s->n, s->weights, err));
    MX_TRY(mx_tensor_writer_vector(writer, "nearest.means", MX_F32, s->d, s->means, err));
    char text[SCALARS * 33] = "";
    size_t at = 0;
    for (int i = 0; i < SCALARS; i++) {
        at += mx_format_double(scalars[i], text + at);
        text[at++] = i + 1 < SCALARS ? ' ' : '\0';
    }
    return mx_tensor_writer_meta(writer, "nearest", text, err);
}

static merx_status read_scalars(const mx_tensor_file *file, double *scalars, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, "nearest");
    mx_str left = mx_str_of(text);
    for (int i = 0; i < SCALARS; i++) {
        const char *end = left.size > 0 ? memchr(left.data, ' ', left.size) : NULL;
        size_t size = end != NULL ? (size_t)(end - left.data) : left.size;
        if (!mx_parse_double((mx_str){left.data, size}, &scalars[i]) || !(scalars[i] >= 0 && scalars[i] <= 1e9))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"nearest\" is \"%.80s\" (expected %d numbers)",
                    text != NULL ? text : "", SCALARS);
        left = end != NULL ? (mx_str){end + 1, left.size - size - 1} : (mx_str){left.data, 0};
    }
    if (scalars[K] < 1 || scalars[WIDTH] < 1 || scalars[WIDTH] > MERX_NEAREST_MAX_WIDTH ||
        (scalars[CLASSES] > 0 && !(scalars[SMOOTHING] > 0)))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"nearest\" is out of range: %.80s", text);
    return MERX_OK;
}

static merx_status load_arrays(const mx_tensor_file *file, nearest_state *s, merx_error *err)
{
    const mx_tensor *rows;
    const float *norms, *means;
    const double *targets, *weights;
    const uint64_t shape[] = {s->n, mx_vector_width(s->d)};
    MX_TRY(mx_tensor_file_get(file, "nearest.rows", MX_F32, 2, shape, &rows, err));
    MX_TRY(mx_tensor_file_vector(file, "nearest.norms", MX_F32, s->n, &norms, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "nearest.targets", MX_F64, s->n, &targets, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "nearest.weights", MX_F64, s->n, &weights, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "nearest.means", MX_F32, s->d, &means, NULL, err));
    for (size_t i = 0; i < s->n; i++)
        if (!(weights[i] > 0) || !isfinite(targets[i]) ||
            (s->classes > 0 && !(targets[i] >= 0 && targets[i] < (double)s->classes)))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "row %zu has target %g and weight %g", i,
                    targets[i], weights[i]);
    memcpy(s->x, rows->data, rows->size_bytes);
    memcpy(s->norms, norms, s->n * sizeof *norms);
    memcpy(s->targets, targets, s->n * sizeof *targets);
    memcpy(s->weights, weights, s->n * sizeof *weights);
    memcpy(s->means, means, s->d * sizeof *means);
    return MERX_OK;
}

static merx_status load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    double scalars[SCALARS];
    const double *targets;
    uint64_t n;
    nearest_state *s;
    *state = NULL;
    MX_TRY(read_scalars(file, scalars, err));
    MX_TRY(mx_tensor_file_vector(file, "nearest.targets", MX_F64, 0, &targets, &n, err));
    if (n == 0 || n > MERX_NEAREST_MAX_VECTORS || scalars[CLASSES] > 1e6)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "has %llu rows and %g classes", (unsigned long long)n,
                scalars[CLASSES]);
    MX_TRY(new_state((size_t)n, (size_t)scalars[WIDTH], (size_t)scalars[CLASSES], alloc, &s, err));
    s->k = (size_t)scalars[K];
    s->by_distance = scalars[BY_DISTANCE] > 0;
    s->euclidean = scalars[EUCLIDEAN] > 0;
    s->smoothing = scalars[SMOOTHING];
    merx_status status = load_arrays(file, s, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    settle(s);
    *state = s;
    return MERX_OK;
}

static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)options;
    return (uint64_t)n * (mx_vector_width(d) * sizeof(float) + 28) + (uint64_t)d * 16 + (uint64_t)classes * 8;
}

#define SHARED_FUNCTIONS                                                                                               \
    .free_state = free_state, .outputs = outputs, .predict = predict, .explain = explain, .describe = describe,        \
    .save = save, .load = load, .memory = memory, .inputs = inputs
#define TAGS MERX_TAKES_TABLE | MERX_TAKES_FLOAT | MERX_NEEDS_TARGET | MERX_SUPPORTS_WEIGHTS

const mx_family mx_family_nearest = {
    .version = 1,
    .info = {.name = "nearest",
             .title = "Nearest neighbours regression",
             .text = "The mean of the rows most alike. Nothing is fitted: the rows are kept, and searched exactly. "
                     "Columns should be standardised.",
             .formula = "y = sum over the k nearest rows of v_i y_i / sum of v_i, v_i = w_i or w_i / distance",
             .tags = TAGS | MERX_REGRESSES,
             .options = value_options},
    .fit = fit_values,
    SHARED_FUNCTIONS,
};

const mx_family mx_family_nearest_classifier = {
    .version = 1,
    .info = {.name = "nearest_classifier",
             .title = "Nearest neighbours classification",
             .text = "The classes of the rows most alike, by vote. Nothing is fitted: the rows are kept, and searched "
                     "exactly. Columns should be standardised.",
             .formula = "p_c = (k share_c + smoothing prior_c) / (k + smoothing), share_c of the votes v_i of the k "
                        "nearest rows",
             .tags = TAGS | MERX_CLASSIFIES,
             .options = class_options},
    .fit = fit_classes,
    SHARED_FUNCTIONS,
};
