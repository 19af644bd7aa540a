/*
 * The model contract: the same bits from every family: fitted again, with 1, 2 and 8 threads, and for any subset of rows. Every family
 * trains and predicts with several threads here, so ThreadSanitizer runs this too.
 */
#include "contract/model_subjects.h"

static void test_same_bits(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data, *part;
    merx_model *model, *again;
    merx_prediction all, some;
    check_ok(make_data(s, 500, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    check_ok(merx_model_predict(model, data, NULL, &all, &err), err);
    double least = all.values[0], most = least;
    for (size_t i = 0; i < all.rows * all.outputs; i++) {
        assert_true(isfinite(all.values[i]));
        least = fmin(least, all.values[i]);
        most = fmax(most, all.values[i]);
    }
    if (!(most > least))
        check_die(__FILE__, __LINE__, "every prediction is %g", least);
    for (int threads = 1; threads <= 8; threads = threads == 1 ? 2 : threads * 4) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        new_fitted(s, data, task, &again);
        check_same_bytes(again, model, "fitted again");
        check_ok(merx_model_predict(again, data, task, &some, &err), err);
        check_same_predictions(&some, &all, "predicted again");
        merx_prediction_release(&some);
        merx_model_free(again);
        merx_task_free(task);
    }
    /* Subsets of one, two, many rows, in another order. */
    size_t rows[97], sizes[] = {1, 2, 3, 97};
    for (size_t i = 0; i < 97; i++)
        rows[i] = (i * 389 + 17) % 500;
    for (size_t k = 0; k < 4; k++) {
        check_ok(merx_dataset_take(data, rows, sizes[k], &part, &err), err);
        check_ok(merx_model_predict(model, part, NULL, &some, &err), err);
        for (size_t i = 0; i < sizes[k]; i++)
            for (size_t j = 0; j < all.outputs; j++)
                check_same_double(some.values[i * all.outputs + j], all.values[rows[i] * all.outputs + j]);
        merx_prediction_release(&some);
        merx_dataset_free(part);
    }
    check_ok(merx_dataset_take(data, rows, 0, &part, &err), err);
    check_ok(merx_model_predict(model, part, NULL, &some, &err), err);
    assert_int_equal(some.rows, 0);
    merx_prediction_release(&some);
    check_fails(fit(s, model, part, NULL, &err), MERX_E_INVALID, err);
    merx_dataset_free(part);
    merx_prediction_release(&all);
    merx_model_free(model);
    merx_dataset_free(data);
}

EACH(test_same_bits)

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_test_same_bits)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
