/*
 * The family `logistic` through the public API: class weights by name, calibration, several classes, sparse rows with a target, one row, what a description says.
 */
#include "base/random.h"
#include "merx/model.h"
#include "support/check.h"

enum { ROWS = 900, WORDS = 60 };
static double x[ROWS * 2], weight[ROWS];
static int32_t answer[ROWS], kind[ROWS];
static const char *const answers[] = {"no", "yes", "maybe"};
static const char *const kinds[] = {"cheap", "middling", "dear"};

static void fill(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        mx_random r;
        mx_random_init(&r, 8, i);
        x[2 * i] = mx_random_normal(&r);
        x[2 * i + 1] =
            exp(mx_random_normal(&r)); /* not what a line in the log-odds has: calibration has something to do */
        double t = 1.5 * x[2 * i] + 3 * log(x[2 * i + 1]) - 0.5;
        answer[i] = mx_random_uniform(&r) < 1 / (1 + exp(-t));
        kind[i] = answer[i] + (mx_random_uniform(&r) < 0.5 ? answer[i] : 0);
        weight[i] = (double)(1 + mx_random_below(&r, 3));
    }
}

static merx_dataset *table_of(bool several)
{
    merx_error err = {0};
    merx_dataset *t;
    check_ok(merx_dataset_from_matrix(NULL, x, ROWS, 2, (const char *[]){"size", "price"}, &t, &err), err);
    if (several)
        check_ok(merx_dataset_add_categorical(t, "answer", kind, kinds, 3, &err), err);
    else
        check_ok(merx_dataset_add_categorical(t, "answer", answer, answers, 3, &err), err);
    return t;
}

static merx_model *model_with(const char *options[][2], size_t count)
{
    merx_error err = {0};
    merx_model *m;
    check_ok(merx_model_new(NULL, "logistic", &m, &err), err);
    for (size_t i = 0; i < count; i++)
        check_ok(merx_model_set(m, options[i][0], options[i][1], &err), err);
    return m;
}

static const merx_fit_columns columns = {.target = "answer"};

static void test_class_weight(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t = table_of(false);
    const struct {
        const char *text, *contains;
        merx_status status;
    } bad[] = {{"yse:3", "did you mean \"yes\"", MERX_E_NOT_FOUND},
               {"whatever:3", "no class \"whatever\"", MERX_E_NOT_FOUND},
               {"maybe:3", "no class \"maybe\"", MERX_E_NOT_FOUND}, /* a level that no row has */
               {"yes", "names no weight", MERX_E_INVALID},
               {"yes:", "not a number above 0", MERX_E_RANGE},
               {"yes:0", "not a number above 0", MERX_E_RANGE},
               {"yes:-1", "not a number above 0", MERX_E_RANGE},
               {"yes:nan", "not a number above 0", MERX_E_RANGE},
               {"yes:inf", "not a number above 0", MERX_E_RANGE},
               {"yes:2,yes:3", "twice", MERX_E_EXISTS}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        merx_model *m = model_with((const char *[][2]){{"class_weight", bad[i].text}}, 1);
        if (merx_model_fit(m, t, &columns, NULL, &err) != bad[i].status)
            check_die(__FILE__, __LINE__, "%s: %s", bad[i].text, err.message);
        check_contains(err.message, bad[i].contains);
        merx_error_clear(&err);
        merx_model_free(m);
    }
    /* A class of weight 3 is three times the rows: a column of weights says the same. */
    double rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = answer[i] == 1 ? 3 : 0.5;
    merx_model *by_class = model_with((const char *[][2]){{"class_weight", " yes : 3, no:0.5 "}}, 1),
               *by_rows = model_with(NULL, 0);
    check_ok(merx_model_fit(by_class, t, &columns, NULL, &err), err);
    merx_prediction a, b;
    check_ok(merx_model_predict(by_class, t, NULL, &a, &err), err);
    check_ok(merx_dataset_add_numeric(t, "w", rows, &err), err);
    check_ok(merx_model_fit(by_rows, t, &(merx_fit_columns){.target = "answer", .weight = "w"}, NULL, &err), err);
    check_ok(merx_model_predict(by_rows, t, NULL, &b, &err), err);
    for (size_t i = 0; i < ROWS; i++)
        check_close(a.values[2 * i + 1], b.values[2 * i + 1], 1e-6);
    merx_prediction_release(&a), merx_prediction_release(&b);
    merx_model_free(by_class), merx_model_free(by_rows);
    merx_dataset_free(t);
}

static double log_loss(const merx_prediction *p, const int32_t *labels)
{
    double sum = 0;
    for (size_t i = 0; i < p->rows; i++)
        sum -= log(fmax(p->values[i * p->outputs + (size_t)labels[i]], 1e-9));
    return sum / (double)p->rows;
}

/* How far the mean probability of a class is from its share, in ten bins of the probability. */
static double miscalibration(const merx_prediction *p, const int32_t *labels)
{
    double sums[10] = {0}, hits[10] = {0}, total = 0;
    for (size_t i = 0; i < p->rows; i++) {
        double chance = p->values[i * p->outputs + 1];
        size_t bin = chance >= 1 ? 9 : (size_t)(chance * 10);
        sums[bin] += chance;
        hits[bin] += labels[i] == 1;
    }
    for (size_t k = 0; k < 10; k++)
        total += fabs(sums[k] - hits[k]) / (double)p->rows;
    return total;
}

static void test_calibration(void **state)
{
    (void)state;
    merx_error err = {0};
    for (int several = 0; several < 2; several++) {
        merx_dataset *t = table_of(several);
        const int32_t *labels = several ? kind : answer;
        double plain_loss = 0, plain_gap = 0;
        static const char *const how[] = {"none", "sigmoid", "isotonic"};
        merx_prediction plain = {0};
        for (size_t k = 0; k < 3; k++) {
            merx_model *m = model_with((const char *[][2]){{"calibrate", how[k]}}, 1), *loaded, *again;
            merx_prediction p, q;
            merx_task *task;
            check_ok(merx_model_fit(m, t, &columns, NULL, &err), err);
            check_ok(merx_model_predict(m, t, NULL, &p, &err), err);
            for (size_t i = 0; i < ROWS; i++) {
                double sum = 0;
                for (size_t c = 0; c < p.outputs; c++) {
                    assert_true(p.values[i * p.outputs + c] >= 0);
                    sum += p.values[i * p.outputs + c];
                }
                check_close(sum, 1, 1e-12);
                double one[3], row[2] = {x[2 * i], x[2 * i + 1]};
                int32_t label;
                if (i % 50 == 0) {
                    check_ok(merx_model_predict_row(m, row, 2, one, &label, &err), err);
                    assert_memory_equal(one, p.values + i * p.outputs, p.outputs * sizeof(double));
                    assert_int_equal(label, p.labels[i]);
                }
            }
            if (k == 0) {
                plain = p;
                plain_loss = log_loss(&p, labels);
                plain_gap = miscalibration(&p, labels);
            } else {
                /* Better on what it is for; scores and reasons as without it. */
                if (k == 2)
                    assert_true(log_loss(&p, labels) < plain_loss && miscalibration(&p, labels) < 0.7 * plain_gap);
                assert_true(memcmp(p.values, plain.values, ROWS * sizeof(double)) != 0);
                for (size_t row = 0; row < ROWS; row += 90)
                    for (int output = 0; output < (int)p.outputs; output++) {
                        merx_explanation e;
                        check_ok(merx_model_explain(m, t, row, output, &e, &err), err);
                        double sum = e.base;
                        for (size_t j = 0; j < e.count; j++)
                            sum += e.contributions[j].contribution;
                        check_close(sum, e.score, 1e-12 * fmax(1, fabs(e.score)));
                        check_same_double(e.prediction, p.values[row * p.outputs + (size_t)output]);
                        double mean = 0;
                        for (size_t c = 0; c < p.outputs; c++)
                            mean += log(plain.values[row * p.outputs + c]) / (double)p.outputs;
                        double logit = log(plain.values[row * p.outputs + (size_t)output]) - mean;
                        check_close(e.score, p.outputs == 2 ? 2 * logit : logit, 1e-8);
                        merx_explanation_release(&e);
                    }
            }
            char folder[256], path[300];
            check_make_folder(folder);
            snprintf(path, sizeof path, "%s/m", folder);
            check_ok(merx_model_save(m, path, &err), err);
            check_ok(merx_model_load(NULL, path, &loaded, &err), err);
            check_ok(merx_model_predict(loaded, t, NULL, &q, &err), err);
            assert_memory_equal(q.values, p.values, ROWS * p.outputs * sizeof(double));
            merx_prediction_release(&q);
            again = model_with((const char *[][2]){{"calibrate", how[k]}}, 1);
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 3}, &task, &err), err);
            check_ok(merx_model_fit(again, t, &columns, task, &err), err);
            check_ok(merx_model_predict(again, t, task, &q, &err), err);
            assert_memory_equal(q.values, p.values, ROWS * p.outputs * sizeof(double));
            merx_task_free(task);
            merx_prediction_release(&q);
            check_remove_folder(folder);
            char *text;
            check_ok(merx_model_describe(m, &text, &err), err);
            assert_true((strstr(text, "calibrated") != NULL) == (k > 0));
            check_contains(text, "McFadden");
            check_contains(text, "95 %");
            merx_text_free(text);
            if (k > 0)
                merx_prediction_release(&p);
            merx_model_free(m), merx_model_free(loaded), merx_model_free(again);
        }
        merx_prediction_release(&plain);
        merx_dataset_free(t);
    }
    /* A class of one row can't be held out. */
    merx_dataset *t = table_of(false), *few;
    size_t rows[20], n = 0;
    for (size_t i = 0; i < ROWS && n < 19; i++)
        if (answer[i] == 0)
            rows[n++] = i;
    for (size_t i = 0; n < 20; i++)
        if (answer[i] == 1)
            rows[n++] = i;
    check_ok(merx_dataset_take(t, rows, n, &few, &err), err);
    merx_model *m = model_with((const char *[][2]){{"calibrate", "sigmoid"}}, 1);
    assert_int_equal(merx_model_fit(m, few, &columns, NULL, &err), MERX_E_INVALID);
    check_contains(err.message, "calibration, without fold");
    check_contains(err.message, "\"yes\"");
    merx_error_clear(&err);
    merx_model_free(m);
    merx_dataset_free(few);
    merx_dataset_free(t);
}

/* Words of messages: sparse rows with a target beside them. Products with the entries (many columns) and with dense tiles (few) agree with a dense matrix. */
static void test_sparse(void **state)
{
    (void)state;
    merx_error err = {0};
    for (int wide = 0; wide < 2; wide++) {
        size_t d = wide ? 1000 : WORDS;
        int64_t *starts = calloc(ROWS + 1, sizeof *starts);
        int32_t *indices = malloc(ROWS * WORDS * sizeof *indices);
        float *values = malloc(ROWS * WORDS * sizeof *values);
        double *dense = calloc(ROWS * d, sizeof *dense);
        for (size_t i = 0; i < ROWS; i++) {
            starts[i + 1] = starts[i];
            for (int32_t j = 0; j < WORDS; j++) {
                mx_random r;
                mx_random_init(&r, 9, i * WORDS + (size_t)j);
                if (mx_random_uniform(&r) < (answer[i] == j % 2 ? 0.15 : 0.1)) {
                    int32_t column = wide ? j * 16 : j;
                    indices[starts[i + 1]] = column;
                    values[starts[i + 1]++] = 1 + (float)(j % 3);
                    dense[i * d + (size_t)column] = 1 + j % 3;
                }
            }
        }
        merx_dataset *sparse, *matrix;
        check_ok(merx_dataset_from_csr(NULL, ROWS, d, starts, indices, values, &sparse, &err), err);
        check_ok(merx_dataset_add_categorical(sparse, "answer", answer, answers, 2, &err), err);
        check_ok(merx_dataset_add_numeric(sparse, "w", weight, &err), err);
        check_ok(merx_dataset_view_matrix(NULL, dense, ROWS, d, NULL, &matrix, &err), err);
        check_ok(merx_dataset_add_categorical(matrix, "answer", answer, answers, 2, &err), err);
        check_ok(merx_dataset_add_numeric(matrix, "w", weight, &err), err);
        merx_fit_columns both = {.target = "answer", .weight = "w"};
        for (int l1 = 0; l1 < 2; l1++) {
            const char *options[][2] = {{"l1", l1 ? "4" : "0"}, {"l2", l1 ? "0.5" : "2"}, {"tolerance", "1e-9"}};
            merx_model *a = model_with(options, 3), *b = model_with(options, 3);
            merx_prediction p, q;
            check_ok(merx_model_fit(a, sparse, &both, NULL, &err), err);
            check_ok(merx_model_fit(b, matrix, &both, NULL, &err), err);
            check_ok(merx_model_predict(a, sparse, NULL, &p, &err), err);
            check_ok(merx_model_predict(b, matrix, NULL, &q, &err), err);
            double least = 1, most = 0;
            for (size_t i = 0; i < ROWS; i++) {
                check_close(p.values[2 * i + 1], q.values[2 * i + 1], 1e-5);
                least = fmin(least, p.values[2 * i + 1]);
                most = fmax(most, p.values[2 * i + 1]);
            }
            assert_true(most - least > 0.3);
            merx_explanation e;
            check_ok(merx_model_explain(a, sparse, 5, 1, &e, &err), err);
            assert_int_equal(e.count, starts[6] - starts[5]);
            double sum = e.base;
            for (size_t j = 0; j < e.count; j++)
                sum += e.contributions[j].contribution;
            check_close(sum, e.score, 1e-12);
            check_close(e.score, log(p.values[11] / p.values[10]), 1e-9);
            merx_explanation_release(&e);
            char *text;
            check_ok(merx_model_describe(a, &text, &err), err);
            check_contains(text, "log loss");
            assert_true((strstr(text, "coefficients are 0") != NULL) == (l1 || wide));
            merx_text_free(text);
            merx_prediction_release(&p), merx_prediction_release(&q);
            merx_model_free(a), merx_model_free(b);
        }
        merx_dataset_free(sparse), merx_dataset_free(matrix);
        free(starts), free(indices), free(values), free(dense);
    }
}

static merx_status calibrated_life(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_dataset *t = NULL, *part = NULL;
    merx_model *m = NULL, *loaded = NULL;
    merx_prediction p = {0};
    merx_task *task = NULL;
    size_t rows[60];
    char path[300];
    merx_status status;
    snprintf(path, sizeof path, "%s/calibrated", (const char *)context);
    for (size_t i = 0; i < 60; i++)
        rows[i] = 7 * i;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_dataset_from_matrix(alloc, x, ROWS, 2, NULL, &t, err));
    MX_TRY_GOTO(merx_dataset_add_categorical(t, "answer", kind, kinds, 3, err));
    MX_TRY_GOTO(merx_dataset_take(t, rows, 60, &part, err));
    MX_TRY_GOTO(merx_model_new(alloc, "logistic", &m, err));
    MX_TRY_GOTO(merx_model_set(m, "calibrate", "isotonic", err));
    MX_TRY_GOTO(merx_model_set(m, "class_weight", "dear:2", err));
    MX_TRY_GOTO(merx_model_set(m, "max_iterations", "2", err));
    MX_TRY_GOTO(merx_model_fit(m, part, &columns, task, err));
    MX_TRY_GOTO(merx_model_save(m, path, err));
    MX_TRY_GOTO(merx_model_load(alloc, path, &loaded, err));
    MX_TRY_GOTO(merx_model_predict(loaded, part, task, &p, err));
out:
    merx_prediction_release(&p);
    merx_model_free(loaded);
    merx_model_free(m);
    merx_dataset_free(part);
    merx_dataset_free(t);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    char folder[256];
    check_make_folder(folder);
    check_every_allocation(calibrated_life, folder);
    check_remove_folder(folder);
}

int main(void)
{
    fill();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_weight),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
