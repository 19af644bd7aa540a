/*
 * Panels: the tables a model sees checked cell by cell against a naive twin, nothing from later than the origin, forecasts of a known law, one model
 * by group, dates, bad input, each allocation failing.
 */
#include "merx/panel.h"

#include "base/random.h"
#include "support/check.h"

enum { STORES = 3, PRODUCTS = 2, STEPS = 60, MOST = STORES * PRODUCTS * STEPS };

typedef struct shop {
    size_t n;
    double store[MOST], week[MOST], price[MOST], units[MOST];
    int32_t product[MOST];
    signed char deal[MOST];
    int64_t day[MOST];
} shop;

/* log units = 3 + store + product - 2 log price + 0.5 deal (+ noise): one row is missing now and then, and rows are not in order. */
static void fill(shop *s, double noise)
{
    memset(s, 0, sizeof *s);
    for (int k = 0; k < MOST; k++) {
        int i = (k * 7) % MOST, step = i % STEPS, store = i / STEPS % STORES, product = i / (STEPS * STORES);
        mx_random r;
        mx_random_init(&r, 3, (uint64_t)i);
        double price = 1 + mx_random_uniform(&r);
        signed char deal = mx_random_uniform(&r) < 0.3;
        if (i % 23 == 5)
            continue;
        size_t at = s->n++;
        s->store[at] = 10 + store;
        s->product[at] = product;
        s->week[at] = 100 + step;
        s->day[at] = INT64_C(86400000) * 7 * (100 + step);
        s->price[at] = price;
        s->deal[at] = deal;
        s->units[at] =
            exp(3 + 0.4 * store + 0.8 * product - 2 * log(price) + 0.5 * deal + noise * mx_random_normal(&r));
    }
}

static const char *const products[] = {"juice", "milk"};

static merx_status table_of(const shop *s, const merx_allocator *alloc, merx_dataset **out, merx_error *err)
{
    merx_dataset *t;
    merx_status status;
    double logs[MOST];
    *out = NULL;
    for (size_t i = 0; i < s->n; i++)
        logs[i] = log(s->price[i]);
    MX_TRY(merx_dataset_new_table(alloc, s->n, &t, err));
    MX_TRY_GOTO(merx_dataset_add_numeric(t, "store", s->store, err));
    MX_TRY_GOTO(merx_dataset_add_categorical(t, "product", s->product, products, 2, err));
    MX_TRY_GOTO(merx_dataset_add_numeric(t, "week", s->week, err));
    MX_TRY_GOTO(merx_dataset_add_date(t, "day", s->day, err));
    MX_TRY_GOTO(merx_dataset_add_numeric(t, "price", logs, err));
    MX_TRY_GOTO(merx_dataset_add_boolean(t, "deal", s->deal, err));
    MX_TRY_GOTO(merx_dataset_add_numeric(t, "units", s->units, err));
    *out = t;
    return MERX_OK;
out:
    merx_dataset_free(t);
    return status;
}

static const char *const names[] = {"store", "product"}, *const day[] = {"day"}, *const week[] = {"week"};
static const merx_panel_options usual = {.series = names,
                                         .n_series = 2,
                                         .time = "week",
                                         .target = "units",
                                         .logarithm = true,
                                         .ignore = day,
                                         .n_ignore = 1,
                                         .first = 2,
                                         .last = 3};

/* The row of a series at a week; -1: none. */
static int find(const shop *s, size_t like, double when)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->store[i] == s->store[like] && s->product[i] == s->product[like] && s->week[i] == when)
            return (int)i;
    return -1;
}

static double cell(const merx_dataset *t, const char *name, size_t row)
{
    int at = merx_dataset_find_column(t, name);
    if (at < 0)
        check_die(__FILE__, __LINE__, "there is no column \"%s\"", name);
    return merx_dataset_numeric(t, (size_t)at)[row];
}

static double naive_mean(const shop *s, size_t row, double from, double to, bool price)
{
    double sum = 0;
    int count = 0;
    for (double w = from; w <= to; w++) {
        int at = find(s, row, w);
        if (at >= 0) {
            sum += log(price ? s->price[at] : s->units[at]);
            count++;
        }
    }
    return count > 0 ? sum / count : NAN;
}

static void check_row(const shop *s, const merx_dataset *t, size_t i, size_t row, int horizon)
{
    double w = s->week[row], seen = w - horizon;
    int last = find(s, row, seen), before = find(s, row, seen - 1), step = -1;
    for (double at = w - 1; at >= 100 && step < 0; at--)
        step = find(s, row, at);
    check_close(cell(t, "price", i), log(s->price[row]), 1e-12);
    check_close(cell(t, "units", i), s->units[row], 1e-12);
    check_close(cell(t, "units last", i), last >= 0 ? log(s->units[last]) : NAN, 1e-12);
    check_close(cell(t, "units last-1", i), before >= 0 ? log(s->units[before]) : NAN, 1e-12);
    check_close(cell(t, "units mean 4", i), naive_mean(s, row, seen - 3, seen, false), 1e-12);
    check_close(cell(t, "units mean 26", i), naive_mean(s, row, seen - 25, seen, false), 1e-12);
    check_close(cell(t, "price step", i), step >= 0 ? log(s->price[row]) - log(s->price[step]) : NAN, 1e-12);
    check_close(cell(t, "price last", i), last >= 0 ? log(s->price[row]) - log(s->price[last]) : NAN, 1e-12);
    check_close(cell(t, "price rel", i), log(s->price[row]) - naive_mean(s, row, w - 12, w - 1, true), 1e-12);
    char store[16];
    snprintf(store, sizeof store, "%g", s->store[row]);
    assert_string_equal(merx_dataset_text(t, (size_t)merx_dataset_find_column(t, "store"), i), store);
    assert_int_equal(merx_dataset_codes(t, (size_t)merx_dataset_find_column(t, "product"))[i], s->product[row]);
    assert_int_equal(merx_dataset_boolean(t, (size_t)merx_dataset_find_column(t, "deal"))[i], s->deal[row]);
}

/* The row of the shop that a row of a made table is: by its units, which no two rows share. */
static size_t row_of(const shop *s, double units)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->units[i] == units)
            return i;
    check_die(__FILE__, __LINE__, "no row has sold %.17g", units);
    return 0;
}

static void test_tables(void **state)
{
    (void)state;
    merx_error err = {0};
    shop s;
    merx_dataset *table, *t;
    merx_panel *panel;
    fill(&s, 0.3);
    check_ok(table_of(&s, NULL, &table, &err), err);
    check_ok(merx_panel_new(NULL, table, &usual, &panel, &err), err);
    assert_int_equal(merx_panel_series(panel), STORES * PRODUCTS);
    assert_int_equal(merx_panel_last_known(panel), 159);
    check_ok(merx_panel_training(panel, 140, &t, &err), err);
    size_t n = merx_dataset_rows(t), seen[2] = {0};
    assert_true(n > 150);
    for (size_t i = 0; i < n; i++) {
        size_t row = row_of(&s, cell(t, "units", i));
        int horizon = (int)cell(t, "horizon", i);
        assert_true(horizon == 2 || horizon == 3);
        assert_true(s.week[row] <= 140);
        seen[horizon - 2]++;
        check_row(&s, t, i, row, horizon);
    }
    assert_true(seen[0] > n / 3 && seen[1] > n / 3);
    merx_dataset_free(t);
    check_ok(merx_panel_future(panel, 140, &t, &err), err);
    assert_true(merx_dataset_rows(t) >= 9);
    for (size_t i = 0; i < merx_dataset_rows(t); i++) {
        size_t row = row_of(&s, cell(t, "units", i));
        assert_true(s.week[row] == 142 || s.week[row] == 143);
        check_row(&s, t, i, row, (int)(s.week[row] - 140));
    }
    merx_dataset_free(t);
    merx_panel_free(panel);
    merx_dataset_free(table);
}

static merx_model *ridge(const merx_allocator *alloc)
{
    merx_error err = {0};
    merx_model *model;
    check_ok(merx_model_new(alloc, "ridge", &model, &err), err);
    check_ok(merx_model_set(model, "l2", "0.001", &err), err);
    return model;
}

/* The law holds: without noise forecasts are right; with noise the factor is about exp(variance / 2). */
static void test_forecast(void **state)
{
    (void)state;
    merx_error err = {0};
    shop s;
    merx_model *model = ridge(NULL);
    for (int noisy = 0; noisy < 2; noisy++) {
        merx_dataset *table;
        merx_panel *panel;
        merx_forecast f;
        fill(&s, noisy ? 0.5 : 0);
        check_ok(table_of(&s, NULL, &table, &err), err);
        check_ok(merx_panel_new(NULL, table, &usual, &panel, &err), err);
        check_ok(merx_panel_forecast(panel, model, 150, NULL, &f, &err), err);
        assert_true(f.rows >= 9 && f.learned > 200);
        for (size_t i = 0; i < f.rows; i++) {
            assert_true(f.step[i] == 152 || f.step[i] == 153);
            assert_true(s.week[f.row[i]] == (double)f.step[i]);
            check_same_double(f.actual[i], s.units[f.row[i]]);
            if (!noisy)
                check_relative(f.value[i], f.actual[i], 1e-3);
        }
        check_close(f.bias, noisy ? exp(0.125) : 1, noisy ? 0.06 : 1e-4);
        assert_true(noisy ? f.fold_error > 0.2 && f.fold_error < 0.6 : f.fold_error < 1e-3);
        merx_forecast_release(&f);
        merx_panel_free(panel);
        merx_dataset_free(table);
    }
    merx_model_free(model);
}

/* Without noise the known columns are all there is to know; one of them alone is not. */
static void test_features(void **state)
{
    (void)state;
    static const char *const law[] = {"store", "product", "price", "deal"}, *const part[] = {"price", "deal"};
    merx_error err = {0};
    shop s;
    merx_dataset *table;
    merx_panel *panel;
    merx_forecast f;
    merx_model *model = ridge(NULL);
    fill(&s, 0);
    check_ok(table_of(&s, NULL, &table, &err), err);
    for (int all = 0; all < 2; all++) {
        merx_panel_options options = usual;
        options.features = all ? law : part;
        options.n_features = all ? 4 : 2;
        check_ok(merx_panel_new(NULL, table, &options, &panel, &err), err);
        check_ok(merx_panel_forecast(panel, model, 150, NULL, &f, &err), err);
        assert_true(all ? f.fold_error < 0.02 : f.fold_error > 0.2);
        merx_forecast_release(&f);
        merx_panel_free(panel);
    }
    merx_model_free(model);
    merx_dataset_free(table);
}

/* What comes after the origin changes nothing but the truth beside the forecasts; threads change nothing. */
static void test_blind(void **state)
{
    (void)state;
    merx_error err = {0};
    shop s;
    merx_model *model = ridge(NULL);
    merx_forecast f[3];
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 4}, &task, &err), err);
    for (int k = 0; k < 3; k++) {
        merx_dataset *table;
        merx_panel *panel;
        fill(&s, 0.4);
        for (size_t i = 0; k == 1 && i < s.n; i++)
            if (s.week[i] > 150)
                s.units[i] = i % 2 == 0 ? NAN : 1e6;
        check_ok(table_of(&s, NULL, &table, &err), err);
        check_ok(merx_panel_new(NULL, table, &usual, &panel, &err), err);
        check_ok(merx_panel_forecast(panel, model, 150, k == 2 ? task : NULL, &f[k], &err), err);
        merx_panel_free(panel);
        merx_dataset_free(table);
    }
    for (int k = 1; k < 3; k++) {
        assert_int_equal(f[k].rows, f[0].rows);
        for (size_t i = 0; i < f[0].rows; i++) {
            check_same_double(f[k].value[i], f[0].value[i]);
            assert_true(k == 2 || f[k].actual[i] != f[0].actual[i]);
        }
    }
    for (int k = 0; k < 3; k++)
        merx_forecast_release(&f[k]);
    merx_task_free(task);
    merx_model_free(model);
}

/* Products whose prices act differently: one model for each is right where one for both is not. Dates: the same as weeks. */
static void test_by_and_dates(void **state)
{
    (void)state;
    merx_error err = {0};
    shop s;
    merx_model *model = ridge(NULL);
    double errors[3] = {0};
    fill(&s, 0);
    for (size_t i = 0; i < s.n; i++)
        s.units[i] *= s.product[i] == 0 ? pow(s.price[i], 3) : 1;
    merx_dataset *table;
    check_ok(table_of(&s, NULL, &table, &err), err);
    for (int k = 0; k < 3; k++) {
        merx_panel *panel;
        merx_forecast f;
        merx_panel_options options = usual;
        options.by = k > 0 ? "product" : NULL;
        options.time = k == 2 ? "day" : "week";
        options.ignore = k == 2 ? week : day;
        check_ok(merx_panel_new(NULL, table, &options, &panel, &err), err);
        check_ok(merx_panel_forecast(panel, model, 150, NULL, &f, &err), err);
        for (size_t i = 0; i < f.rows; i++)
            errors[k] += fabs(f.value[i] / f.actual[i] - 1) / (double)f.rows;
        char text[32];
        merx_panel_step_text(panel, 150, text);
        assert_string_equal(text, k == 2 ? "1972-11-16" : "150");
        merx_forecast_release(&f);
        merx_panel_free(panel);
    }
    print_message("  one model %g, one each %g\n", errors[0], errors[1]);
    assert_true(errors[0] > 20 * errors[1]);
    assert_true(errors[1] < 1e-2);
    check_close(errors[2], errors[1], 1e-12);
    merx_dataset_free(table);
    merx_model_free(model);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    shop s;
    merx_dataset *table;
    merx_panel *panel;
    merx_forecast f;
    fill(&s, 0.2);
    check_ok(table_of(&s, NULL, &table, &err), err);
    const char *const twice[] = {"store", "store"}, *const unknown[] = {"stor"};
    struct {
        merx_panel_options options;
        merx_status status;
    } bad[12];
    for (size_t i = 0; i < 12; i++)
        bad[i].options = usual;
    bad[0].options.n_series = 0, bad[0].status = MERX_E_INVALID;
    bad[1].options.series = twice, bad[1].status = MERX_E_EXISTS;
    bad[2].options.time = "weak", bad[2].status = MERX_E_NOT_FOUND;
    bad[3].options.target = "product", bad[3].status = MERX_E_TYPE;
    bad[4].options.time = "product", bad[4].status = MERX_E_TYPE;
    bad[5].options.last = 1, bad[5].status = MERX_E_RANGE;
    bad[6].options.lags = -1, bad[6].status = MERX_E_RANGE;
    bad[7].options.time = "units", bad[7].status = MERX_E_INVALID;
    bad[8].options.by = "produkt", bad[8].status = MERX_E_NOT_FOUND;
    bad[9].options.ignore = unknown, bad[9].status = MERX_E_NOT_FOUND;
    bad[10].options.n_series = 1, bad[10].status = MERX_E_EXISTS;  /* two rows of a store and week */
    bad[11].options.time = "price", bad[11].status = MERX_E_RANGE; /* not whole numbers */
    for (size_t i = 0; i < 12; i++) {
        merx_status status = merx_panel_new(NULL, table, &bad[i].options, &panel, &err);
        if (status != bad[i].status)
            check_die(__FILE__, __LINE__, "case %zu gave %s \"%s\"", i, merx_status_name(status), err.message);
        assert_true(err.message[0] != '\0' && panel == NULL);
        merx_error_clear(&err);
    }
    merx_dataset_free(table);
    s.units[7] = 0;
    check_ok(table_of(&s, NULL, &table, &err), err);
    check_fails(merx_panel_new(NULL, table, &usual, &panel, &err), MERX_E_NUMERIC, err);
    merx_dataset_free(table);
    s.units[7] = 3;
    check_ok(table_of(&s, NULL, &table, &err), err);
    check_ok(merx_panel_new(NULL, table, &usual, &panel, &err), err);
    merx_model *model = ridge(NULL), *groups;
    check_ok(merx_model_new(NULL, "kmeans", &groups, &err), err);
    check_fails(merx_panel_forecast(panel, model, 1000, NULL, &f, &err), MERX_E_INVALID, err);
    check_fails(merx_panel_forecast(panel, model, 98, NULL, &f, &err), MERX_E_INVALID, err);
    check_fails(merx_panel_forecast(panel, groups, 150, NULL, &f, &err), MERX_E_UNSUPPORTED, err);
    assert_null(f.memory);
    merx_panel_free(panel);
    const char *const features[] = {"price", "units meen 4"};
    merx_panel_options chosen = usual;
    chosen.features = features;
    chosen.n_features = 2;
    check_ok(merx_panel_new(NULL, table, &chosen, &panel, &err), err);
    check_fails(merx_panel_forecast(panel, model, 150, NULL, &f, &err), MERX_E_NOT_FOUND, err);
    assert_null(f.memory);
    merx_model_free(model), merx_model_free(groups);
    merx_panel_free(panel);
    merx_dataset_free(table);
}

static merx_status whole(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_dataset *table = NULL;
    merx_panel *panel = NULL;
    merx_model *model = NULL;
    merx_task *task = NULL;
    merx_forecast f = {0};
    merx_panel_options options = usual;
    merx_status status;
    static const char *const features[] = {"store", "price", "deal", "units mean 12"};
    options.by = "product";
    options.lags = 1;
    options.features = features;
    options.n_features = 4;
    MX_TRY_GOTO(merx_task_new(alloc, NULL, &task, err));
    MX_TRY_GOTO(table_of(context, alloc, &table, err));
    MX_TRY_GOTO(merx_panel_new(alloc, table, &options, &panel, err));
    MX_TRY_GOTO(merx_model_new(alloc, "ridge", &model, err));
    MX_TRY_GOTO(merx_panel_forecast(panel, model, 150, task, &f, err));
out:
    merx_forecast_release(&f);
    merx_model_free(model);
    merx_panel_free(panel);
    merx_dataset_free(table);
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    shop s;
    fill(&s, 0.2);
    check_every_allocation(whole, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),      cmocka_unit_test(test_forecast),     cmocka_unit_test(test_features),
        cmocka_unit_test(test_blind),       cmocka_unit_test(test_by_and_dates), cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
