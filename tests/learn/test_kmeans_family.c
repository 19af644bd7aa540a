/*
 * The families kmeans and minibatch_kmeans: the number of clusters chosen, given starts in the table's units, float32 matrices, one row, mini-batches
 * beside the full algorithm, descriptions, files, bad input, every allocation.
 */
#include "base/random.h"
#include "learn/cluster/kmeans_choose.h"
#include "learn/cluster/minibatch.h"
#include "merx/model.h"
#include "support/check.h"

enum { N = 6000, D = 4, BLOBS = 5 };
static double x[N * D];
static float x_float[N * D];
static char folder[256];

/* Five blobs whose centres lie 8 and more apart. */
static void fill(void)
{
    mx_random r;
    mx_random_init(&r, 21, 0);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++) {
            x_float[i * D + j] = (float)(mx_random_normal(&r) + (i % BLOBS == j ? 8 : i % BLOBS == 4 ? -6 : 0));
            x[i * D + j] = (double)x_float[i * D + j];
        }
}

static merx_model *fitted(const char *family, const merx_dataset *data, const char *const *options, merx_task *task)
{
    merx_error err = {0};
    merx_model *model;
    check_ok(merx_model_new(NULL, family, &model, &err), err);
    for (; options && *options; options += 2)
        check_ok(merx_model_set(model, options[0], options[1], &err), err);
    check_ok(merx_model_fit(model, data, NULL, task, &err), err);
    return model;
}

static merx_dataset *matrix(bool single)
{
    merx_error err = {0};
    static const char *const names[D] = {"a", "b", "c", "d"};
    merx_dataset *data;
    if (single)
        check_ok(merx_dataset_view_matrix_float(NULL, x_float, N, D, names, &data, &err), err);
    else
        check_ok(merx_dataset_view_matrix(NULL, x, N, D, names, &data, &err), err);
    return data;
}

__attribute__((noinline)) static char *description(const merx_model *model)
{
    merx_error err = {0};
    char *text;
    check_ok(merx_model_describe(model, &text, &err), err);
    return text;
}

static void test_choosing(void **state)
{
    (void)state;
    merx_dataset *data = matrix(false);
    const char *const families[] = {"kmeans", "minibatch_kmeans"}, *const by[] = {"silhouette", "gap"};
    for (size_t f = 0; f < 2; f++)
        for (size_t b = 0; b < 2; b++) {
            merx_model *model =
                fitted(families[f], data,
                       (const char *const[]){"clusters", "0", "choose", by[b], "least_clusters", b ? "1" : "2",
                                             "most_clusters", "8", "sample", "700", NULL},
                       NULL);
            merx_error err = {0};
            merx_prediction p;
            check_ok(merx_model_predict(model, data, NULL, &p, &err), err);
            assert_int_equal(p.outputs, BLOBS);
            merx_prediction_release(&p);
            char *text = description(model);
            check_contains(text, b ? "the gap statistic" : "by silhouette");
            check_contains(text, "sample of 700 rows");
            check_contains(text, "<-");
            merx_text_free(text);
            merx_model_free(model);
        }
    merx_dataset_free(data);
    /* What can't be told apart is one cluster; noise has one by the gap. */
    merx_error err = {0};
    static double same[300], noise[900];
    mx_random r;
    mx_random_init(&r, 3, 0);
    for (size_t i = 0; i < 900; i++)
        noise[i] = mx_random_uniform(&r);
    mx_kmeans_curve curve;
    check_ok(mx_kmeans_choose(same, NULL, 300, 1, 2, 9, false, 1, NULL, NULL, &curve, &err), err);
    assert_int_equal(curve.chosen, 1);
    assert_int_equal(curve.count, 0);
    mx_kmeans_curve_release(&curve);
    check_ok(mx_kmeans_choose(noise, NULL, 300, 3, 1, 6, true, 1, NULL, NULL, &curve, &err), err);
    assert_int_equal(curve.chosen, 1);
    assert_int_equal(curve.count, 6);
    for (size_t p = 0; p < 6; p++)
        assert_true(curve.points[3 * p + 2] > 0);
    mx_kmeans_curve_release(&curve);
    for (size_t i = 0; i < 300; i++)
        same[i] = (double)(i % 3); /* three values: the range ends there */
    check_ok(mx_kmeans_choose(same, NULL, 300, 1, 2, 9, false, 1, NULL, NULL, &curve, &err), err);
    assert_int_equal(curve.chosen, 3);
    assert_int_equal(curve.count, 2);
    check_close(curve.points[4], 1, 1e-12);
    mx_kmeans_curve_release(&curve);
    check_fails(mx_kmeans_choose(noise, NULL, 300, 3, 7, 6, true, 1, NULL, NULL, &curve, &err), MERX_E_RANGE, err);
}

static void write_file(const char *name, const char *text, char *path)
{
    snprintf(path, 300, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Starts in the units of the table, columns in another order, one too many; the end is that of the same starts after standardising by hand. */
static void test_given_starts(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[300], *text;
    merx_dataset *table;
    double a[400], b[400];
    for (size_t i = 0; i < 400; i++) {
        a[i] = 1000 + 10 * x[i * D];
        b[i] = 0.01 * x[i * D + 1] + (i % 2 ? 1 : 0);
    }
    check_ok(merx_dataset_new_table(NULL, 400, &table, &err), err);
    check_ok(merx_dataset_add_numeric(table, "a", a, &err), err);
    check_ok(merx_dataset_add_numeric(table, "b", b, &err), err);
    write_file("starts.csv", "b,unused,a\n0,7,1001\n1.0,8,1002\n0.02,9,1090\n", path);
    merx_model *model = fitted(
        "kmeans", table,
        (const char *const[]){"clusters", "0", "starts_file", path, "max_iterations", "1", "tolerance", "0", NULL},
        NULL);
    /* By hand: one assignment in standardised units, then means in the table's. */
    double mean[2] = {0}, deviation[2] = {0}, start[3][2] = {{1001, 0}, {1002, 1}, {1090, 0.02}}, sum[3][2] = {{0}},
           count[3] = {0};
    const double *columns[2] = {a, b};
    for (size_t j = 0; j < 2; j++) {
        for (size_t i = 0; i < 400; i++)
            mean[j] += columns[j][i] / 400;
        for (size_t i = 0; i < 400; i++)
            deviation[j] += pow(columns[j][i] - mean[j], 2) / 400;
        deviation[j] = sqrt(deviation[j]);
    }
    for (size_t i = 0; i < 400; i++) {
        size_t best = 0;
        double least = INFINITY;
        for (size_t c = 0; c < 3; c++) {
            double d2 = pow((a[i] - start[c][0]) / deviation[0], 2) + pow((b[i] - start[c][1]) / deviation[1], 2);
            best = d2 < least ? c : best;
            least = d2 < least ? d2 : least;
        }
        sum[best][0] += a[i];
        sum[best][1] += b[i];
        count[best]++;
    }
    text = description(model);
    const char *at = strstr(text, "3 clusters");
    assert_non_null(at);
    for (size_t c = 0; c < 3; c++) {
        char want[100];
        for (size_t j = 0; j < 2; j++) {
            snprintf(want, sizeof want, "    %-32s %14.6g\n", j ? "b" : "a", sum[c][j] / count[c]);
            check_contains(at, want);
            at = strstr(at, want);
        }
    }
    merx_text_free(text);
    merx_model_free(model);

    static const struct {
        const char *text, *says;
        merx_status code;
    } bad[] = {{"a\n1\n2\n3\n", "no column \"b\"", MERX_E_INVALID},
               {"a,b\n1,x\n2,y\n3,z\n", "starts are numbers", MERX_E_TYPE},
               {"a,b\n1,1\n2,\n3,4\n", "row 2, column \"b\" is missing", MERX_E_INVALID},
               {"a,b\n1,1\n3,4\n", "has 2 starts, but clusters is 3", MERX_E_INVALID}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file("bad.csv", bad[i].text, path);
        check_ok(merx_model_new(NULL, "kmeans", &model, &err), err);
        check_ok(merx_model_set(model, "clusters", "3", &err), err);
        check_ok(merx_model_set(model, "starts_file", path, &err), err);
        assert_int_equal(merx_model_fit(model, table, NULL, NULL, &err), bad[i].code);
        check_contains(err.message, bad[i].says);
        merx_error_clear(&err);
        merx_model_free(model);
    }
    check_ok(merx_model_new(NULL, "kmeans", &model, &err), err);
    check_ok(merx_model_set(model, "starts_file", "/nowhere/starts.csv", &err), err);
    assert_int_not_equal(merx_model_fit(model, table, NULL, NULL, &err), MERX_OK);
    merx_error_clear(&err);
    merx_model_free(model);
    merx_dataset_free(table);
}

/* The same starts from memory, for a matrix: one round by hand; what does not fit is refused. */
static void test_starts_in_memory(void **state)
{
    (void)state;
    merx_error err = {0};
    const double rows[] = {0, 0, 1, 0, 10, 0, 11, 0}, start[] = {10, 0, 1, 0};
    merx_dataset *data;
    merx_model *model;
    merx_prediction p;
    check_ok(merx_dataset_view_matrix(NULL, rows, 4, 2, NULL, &data, &err), err);
    static const char *const families[] = {"kmeans", "minibatch_kmeans"};
    for (size_t f = 0; f < 2; f++) {
        check_ok(merx_model_new(NULL, families[f], &model, &err), err);
        check_ok(merx_model_set(model, "clusters", "0", &err), err);
        check_ok(merx_model_set_start(model, start, 2, 2, &err), err);
        check_ok(merx_model_fit(model, data, NULL, NULL, &err), err);
        check_ok(merx_model_predict(model, data, NULL, &p, &err), err);
        assert_int_equal(p.outputs, 2);
        const int32_t want[] = {1, 1, 0, 0}; /* the starts' order */
        assert_memory_equal(p.labels, want, sizeof want);
        check_close(p.values[0 * 2 + 1], 0.5, 1e-12);
        merx_prediction_release(&p);
        check_ok(merx_model_set(model, "clusters", "3", &err), err);
        check_fails(merx_model_fit(model, data, NULL, NULL, &err), MERX_E_INVALID, err);
        check_ok(merx_model_set_start(model, start, 1, 4, &err), err);
        check_fails(merx_model_fit(model, data, NULL, NULL, &err), MERX_E_SHAPE, err);
        check_fails(merx_model_set_start(model, start, 0, 2, &err), MERX_E_SHAPE, err);
        check_ok(merx_model_set_start(model, NULL, 0, 0, &err), err);
        check_ok(merx_model_fit(model, data, NULL, NULL, &err), err);
        merx_model_free(model);
    }
    check_ok(merx_model_new(NULL, "linear", &model, &err), err);
    check_fails(merx_model_set_start(model, start, 2, 2, &err), MERX_E_UNSUPPORTED, err);
    merx_model_free(model);
    merx_dataset_free(data);
}

/* float32 numbers give what the same numbers as doubles give; a row alone gives what it gives among others. */
static void test_float_and_rows(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *wide = matrix(false), *single = matrix(true);
    for (int f = 0; f < 2; f++) {
        const char *family = f ? "minibatch_kmeans" : "kmeans";
        merx_model *a = fitted(family, wide, NULL, NULL), *b = fitted(family, single, NULL, NULL);
        merx_prediction p, q;
        check_ok(merx_model_predict(a, wide, NULL, &p, &err), err);
        check_ok(merx_model_predict(b, single, NULL, &q, &err), err);
        assert_memory_equal(p.values, q.values, N * p.outputs * sizeof(double));
        assert_memory_equal(p.labels, q.labels, N * sizeof(int32_t));
        for (size_t i = 0; i < N; i += 97) {
            double values[8];
            int32_t label;
            check_ok(merx_model_predict_row(a, x + i * D, D, values, &label, &err), err);
            assert_memory_equal(values, p.values + i * p.outputs, sizeof values);
            assert_int_equal(label, p.labels[i]);
            merx_explanation e;
            check_ok(merx_model_explain(b, single, i, -1, &e, &err), err);
            double sum = e.base;
            for (size_t c = 0; c < e.count; c++)
                sum += e.contributions[c].contribution;
            check_close(sum, e.score, 1e-9 * (1 + fabs(e.score)));
            merx_explanation_release(&e);
        }
        merx_prediction_release(&p);
        merx_prediction_release(&q);
        merx_model_free(a);
        merx_model_free(b);
    }
    merx_dataset_free(wide);
    merx_dataset_free(single);
}

/* ---- mini-batches ---- */

static void test_minibatch(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_design design = {.n = N, .d = D, .x = x};
    mx_design_rows rows = mx_design_rows_of(&design);
    mx_kmeans_options o = {.k = BLOBS, .n_init = 3, .seed = 2};
    mx_kmeans full, first = {0}, other;
    check_ok(mx_kmeans_fit(x, NULL, N, D, &o, NULL, NULL, &full, NULL, &err), err);
    mx_minibatch_options m = {.kmeans = o, .batch_size = 500, .patience = 10, .reassignment = 0.01};
    for (int threads = 1; threads <= 8; threads *= 2) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_minibatch_fit(&rows, &m, NULL, task, &other, &err), err);
        if (!(other.inertia < full.inertia * 1.02) || !(other.inertia >= full.inertia * (1 - 1e-12)))
            check_die(__FILE__, __LINE__, "mini-batches end at %g, full rounds at %g", other.inertia, full.inertia);
        if (threads == 1) {
            first = other;
        } else {
            assert_memory_equal(first.centroids, other.centroids, BLOBS * D * sizeof(double));
            check_same_double(first.inertia, other.inertia);
            assert_int_equal(first.iterations, other.iterations);
            mx_kmeans_release(&other);
        }
        merx_task_free(task);
    }
    double size = 0;
    for (size_t c = 0; c < BLOBS; c++) {
        size += first.sizes[c];
        assert_true(c == 0 || first.sizes[c - 1] >= first.sizes[c]);
    }
    check_close(size, N, 0);
    mx_kmeans_release(&first);
    mx_kmeans_release(&full);

    /* One pass, one batch, one given start: the first batch of all rows is a round of Lloyd. */
    mx_kmeans_options round = {.k = BLOBS, .start = x, .max_iterations = 1, .tolerance = -1};
    check_ok(mx_kmeans_fit(x, NULL, N, D, &round, NULL, NULL, &full, NULL, &err), err);
    m = (mx_minibatch_options){.kmeans = round, .batch_size = N};
    check_ok(mx_minibatch_fit(&rows, &m, NULL, NULL, &other, &err), err);
    for (size_t e = 0; e < BLOBS * D; e++)
        check_close(other.centroids[e], full.centroids[e], 1e-12);
    check_relative(other.inertia, full.inertia, 1e-12);
    mx_kmeans_release(&other);
    mx_kmeans_release(&full);

    /* A centroid that is nowhere near gets rows after a while; without reassignment it never does. */
    double start[BLOBS * D];
    memcpy(start, x, sizeof start);
    start[0] = 1e6;
    round.start = start;
    m = (mx_minibatch_options){.kmeans = round, .batch_size = 100};
    m.kmeans.max_iterations = 3;
    check_ok(mx_minibatch_fit(&rows, &m, NULL, NULL, &other, &err), err);
    assert_true(other.sizes[0] == 0);
    mx_kmeans_release(&other);
    m.reassignment = 0.01;
    check_ok(mx_minibatch_fit(&rows, &m, NULL, NULL, &other, &err), err);
    for (size_t c = 0; c < BLOBS; c++)
        assert_true(other.sizes[c] > 0);
    mx_kmeans_release(&other);
    m.reassignment = (double)NAN;
    check_fails(mx_minibatch_fit(&rows, &m, NULL, NULL, &other, &err), MERX_E_RANGE, err);
}

/* ---- faults ---- */

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    const char *const *options = context;
    merx_task *task = NULL;
    merx_dataset *data = NULL;
    merx_model *model = NULL, *loaded = NULL;
    char path[300], *text = NULL;
    merx_status status;
    snprintf(path, sizeof path, "%s/faults.merx", folder);
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_dataset_view_matrix_float(alloc, x_float, 60, D, NULL, &data, err));
    MX_TRY_GOTO(merx_model_new(alloc, *options++, &model, err));
    for (; *options; options += 2)
        MX_TRY_GOTO(merx_model_set(model, options[0], options[1], err));
    MX_TRY_GOTO(merx_model_fit(model, data, NULL, task, err));
    MX_TRY_GOTO(merx_model_save(model, path, err));
    MX_TRY_GOTO(merx_model_load(alloc, path, &loaded, err));
    MX_TRY_GOTO(merx_model_describe(loaded, &text, err));
    check_contains(text, "clusters, inertia");
out:
    merx_text_free(text);
    merx_model_free(loaded);
    merx_model_free(model);
    merx_dataset_free(data);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    const char *full[] = {"kmeans", "clusters", "0", "choose", "gap", "most_clusters", "3", "starts", "1", NULL};
    const char *batches[] = {"minibatch_kmeans", "clusters", "3", "batch_size", "16", "max_passes", "2", NULL};
    check_every_allocation(scenario, full);
    check_every_allocation(scenario, batches);
    char path[300];
    write_file("few.csv", "x0,x1,x2,x3\n0,0,0,0\n8,0,0,0\n", path);
    const char *given[] = {"kmeans", "clusters", "0", "starts_file", path, NULL};
    check_every_allocation(scenario, given);
}

int main(void)
{
    fill();
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choosing),         cmocka_unit_test(test_given_starts),
        cmocka_unit_test(test_starts_in_memory), cmocka_unit_test(test_float_and_rows),
        cmocka_unit_test(test_minibatch),        cmocka_unit_test(test_every_allocation),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
