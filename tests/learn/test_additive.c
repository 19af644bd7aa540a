/*
 * Additive models: a known truth is recovered, contributions are pure and add up, constraints hold everywhere, steps and pair gains equal naive twins, and the order
 * of rows makes no difference to a bit. As part of a model (options, files, weights, missing values): the contract tests.
 */
#include "base/random.h"
#include "learn/additive/additive.h"
#include "learn/additive/additive_parts.h"
#include "merx/model.h"
#include "support/check.h"

enum { N = 4000, D = 4 };

static const mx_additive_options standard = {.max_bins = 64,
                                             .pair_bins = 16,
                                             .bags = 3,
                                             .pairs = 2,
                                             .leaves = 2,
                                             .pair_leaves = 4,
                                             .max_rounds = 3000,
                                             .patience = 50,
                                             .min_samples = 4,
                                             .learning_rate = 0.2,
                                             .l2 = 1,
                                             .tolerance = 1e-4,
                                             .held_out = 0.2,
                                             .seed = 7};

typedef struct world {
    double x[N * D], y[N], weights[N];
    int32_t labels[N];
    size_t levels[D];
} world;

/* x0, x1, x2 in [0, 1), x3 a level of three; y = 4 x0 - sin(6 x1) + level effect + 3 (x0 - 1/2)(x2 - 1/2), no noise. */
static double truth_of(const double *x)
{
    static const double effect[3] = {-1, 0, 1};
    return 4 * x[0] - sin(6 * x[1]) + effect[(int)x[3]] + 3 * (x[0] - 0.5) * (x[2] - 0.5);
}

static world *make_world(void)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->levels[3] = 3;
    for (size_t i = 0; i < N; i++) {
        mx_random r;
        mx_random_init(&r, 3, i);
        double *x = w->x + i * D;
        for (size_t j = 0; j < 3; j++)
            x[j] = mx_random_uniform(&r);
        x[3] = (double)mx_random_below(&r, 3);
        w->y[i] = truth_of(x);
        w->weights[i] = 0.5 + mx_random_uniform(&r);
        w->labels[i] = mx_random_uniform(&r) < 1 / (1 + exp(2 - w->y[i])) ? 1 : 0;
    }
    return w;
}

static mx_additive_data data_of(const world *w)
{
    return (mx_additive_data){.n = N, .d = D, .x = w->x, .levels = w->levels, .y = w->y};
}

static void test_truth_is_recovered(void **state)
{
    (void)state;
    world *w = make_world();
    mx_additive_data data = data_of(w);
    mx_additive m;
    merx_error err = {0};
    check_ok(mx_additive_fit(&data, &standard, NULL, NULL, &m, &err), err);
    double squares = 0, spread = 0, mean = 0;
    for (size_t i = 0; i < 2000; i++) { /* rows that it has not seen */
        mx_random r;
        mx_random_init(&r, 4, i);
        double x[D] = {mx_random_uniform(&r), mx_random_uniform(&r), mx_random_uniform(&r),
                       (double)mx_random_below(&r, 3)};
        double score, base, parts[D + 2], y = truth_of(x);
        mx_additive_score(&m, x, &score);
        squares += (score - y) * (score - y);
        mean += y / 2000;
        spread += y * y / 2000;
        double total = mx_additive_explain(&m, x, 0, parts, &base);
        check_same_double(total, score);
        double sum = base;
        for (size_t t = 0; t < D + m.n_pairs; t++)
            sum += parts[t];
        check_close(sum, score, 1e-12 * (1 + fabs(score)));
    }
    double left = squares / 2000 / (spread - mean * mean);
    if (!(left < 0.01))
        check_die(__FILE__, __LINE__, "%.4f of the variance is not explained", left);
    /* The pair that is there is found first, and is about 3 (x0 - 1/2)(x2 - 1/2). */
    assert_true(m.n_pairs > 0);
    assert_int_equal(m.pairs[0].a, 0);
    assert_int_equal(m.pairs[0].b, 2);
    check_close(mx_additive_importance(&m, D), 3.0 / 16, 0.05);
    check_close(mx_additive_importance(&m, 3), 2.0 / 3, 0.05);
    check_close(mx_additive_importance(&m, 0), 1, 0.06);
    /* A level that training has not seen, and a missing value where there was none, say nothing. */
    double x[D] = {0.3, 0.4, 0.5, 7}, parts[D + 2], base;
    mx_additive_explain(&m, x, 0, parts, &base);
    check_same_double(parts[3], 0);
    x[3] = -1;
    x[1] = NAN;
    mx_additive_explain(&m, x, 0, parts, &base);
    check_same_double(parts[3], 0);
    check_same_double(parts[1], 0);
    mx_additive_release(&m);
    free(w);
}

static void test_shapes_are_pure(void **state)
{
    (void)state;
    world *w = make_world();
    mx_additive_data data = data_of(w);
    mx_additive m;
    merx_error err = {0};
    data.weights = w->weights;
    check_ok(mx_additive_fit(&data, &standard, NULL, NULL, &m, &err), err);
    for (size_t j = 0; j < D; j++) {
        double sum = 0, mass = 0;
        for (size_t c = m.axes[j].first; c < m.axes[j].first + m.axes[j].bins; c++) {
            sum += m.masses[c] * m.shapes[c];
            mass += m.masses[c];
        }
        check_close(sum / mass, 0, 1e-12);
    }
    double largest = 0;
    for (size_t p = 0; p < m.n_pairs; p++) {
        size_t a = m.axes[m.pairs[p].a].side, b = m.axes[m.pairs[p].b].side;
        const double *f = m.pair_values + m.pairs[p].first, *mass = m.pair_masses + m.pairs[p].first;
        for (size_t i = 0; i < a; i++) {
            double sum = 0, all = 0;
            for (size_t j = 0; j < b; j++) {
                sum += mass[i * b + j] * f[i * b + j];
                all += mass[i * b + j];
                largest = fmax(largest, fabs(f[i * b + j]));
            }
            check_close(all > 0 ? sum / all : 0, 0, 1e-12);
        }
        for (size_t j = 0; j < b; j++) {
            double sum = 0, all = 0;
            for (size_t i = 0; i < a; i++) {
                sum += mass[i * b + j] * f[i * b + j];
                all += mass[i * b + j];
            }
            check_close(all > 0 ? sum / all : 0, 0, 1e-12);
        }
    }
    assert_true(largest > 0.1);
    mx_additive_release(&m);
    free(w);
}

/* Purification: what was taken out and what is left make the old grid again, also for a grid in unconnected parts. */
static void test_purify(void **state)
{
    (void)state;
    enum { A = 7, B = 5 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        double cells[A * B], old[A * B], masses[A * B], rows[A], columns[B], room[B * (B + 2)];
        mx_random r;
        mx_random_init(&r, 11, seed);
        for (size_t q = 0; q < A * B; q++) {
            size_t i = q / B, j = q % B;
            cells[q] = old[q] = mx_random_normal(&r);
            bool apart = seed % 2 == 1 && (i < 3) != (j < 2);
            masses[q] = i == 4 || apart || mx_random_uniform(&r) < 0.2 ? 0 : mx_random_uniform(&r);
        }
        mx_purify(cells, masses, A, B, rows, columns, room);
        for (size_t i = 0; i < A; i++) {
            double sum = 0, mass = 0;
            for (size_t j = 0; j < B; j++) {
                sum += masses[i * B + j] * cells[i * B + j];
                mass += masses[i * B + j];
            }
            check_close(sum, 0, 1e-13);
            for (size_t j = 0; j < B; j++) {
                double below = 0;
                for (size_t k = 0; k < A; k++)
                    below += masses[k * B + j];
                if (mass > 0 && below > 0)
                    check_close(cells[i * B + j] + rows[i] + columns[j], old[i * B + j], 1e-12);
                else
                    check_same_double(cells[i * B + j], 0);
            }
        }
        for (size_t j = 0; j < B; j++) {
            double sum = 0;
            for (size_t i = 0; i < A; i++)
                sum += masses[i * B + j] * cells[i * B + j];
            check_close(sum, 0, 1e-13);
        }
    }
}

/* ---- naive twins ---- */

static double worth(double g, double h, double l2)
{
    return g * g / (h + l2);
}

/* The best single cut by trying all. */
static void naive_column(const mx_cell *hist, size_t bins, const mx_step_rule *rule, double *delta)
{
    double best = 0, moves[2] = {0};
    size_t cut = 0;
    for (size_t q = 1; q + 1 < bins; q++) {
        double g[2] = {0}, h[2] = {0}, rows[2] = {0};
        for (size_t c = 1; c + 1 < bins; c++) {
            g[c > q] += hist[c].g;
            h[c > q] += hist[c].h;
            rows[c > q] += hist[c].rows;
        }
        double gain =
            worth(g[0], h[0], rule->l2) + worth(g[1], h[1], rule->l2) - worth(g[0] + g[1], h[0] + h[1], rule->l2);
        if (rows[0] >= (double)rule->min_samples && rows[1] >= (double)rule->min_samples && gain > best + 1e-12) {
            best = gain;
            cut = q;
            moves[0] = rule->rate * g[0] / (h[0] + rule->l2);
            moves[1] = rule->rate * g[1] / (h[1] + rule->l2);
        }
    }
    assert_true(cut > 0);
    for (size_t c = 1; c + 1 < bins; c++)
        delta[c] = moves[c > cut];
}

static void fill_hist(mx_cell *hist, size_t n, uint64_t seed)
{
    for (size_t c = 0; c < n; c++) {
        mx_random r;
        mx_random_init(&r, seed, c);
        hist[c].rows = (double)(1 + mx_random_below(&r, 9));
        hist[c].h = hist[c].rows * (0.1 + mx_random_uniform(&r));
        hist[c].g = mx_random_normal(&r) * 3;
    }
}

static void test_steps(void **state)
{
    (void)state;
    enum { BINS = 12, SA = 6, SB = 7 };
    mx_step_rule rule = {2, 3, 0.5, 0.7};
    for (uint64_t seed = 0; seed < 50; seed++) {
        mx_cell hist[BINS], grid[SA * SB], copy[SA * SB], room[SA * SB];
        double got[BINS], want[BINS], delta[SA * SB];
        fill_hist(hist, BINS, seed);
        mx_step_column(hist, BINS, NULL, &rule, got);
        naive_column(hist, BINS, &rule, want);
        for (size_t c = 1; c + 1 < BINS; c++)
            check_close(got[c], want[c], 1e-12);
        check_close(got[0], rule.rate * hist[0].g / (hist[0].h + rule.l2) * (hist[0].rows >= 3), 1e-15);
        check_same_double(got[BINS - 1], 0);

        /* FAST: rows' and columns' own steps taken out by hand, then every cut in four. */
        fill_hist(grid, SA * SB, 1000 + seed);
        for (size_t i = 0; i < SA; i++)
            for (size_t j = 0; j < SB; j++)
                if (i + 1 == SA || j + 1 == SB)
                    grid[i * SB + j] = (mx_cell){0};
        memcpy(copy, grid, sizeof grid);
        double gain = mx_pair_gain(copy, SA, SB, &rule, room), best = 0;
        for (int sweep = 0; sweep < 4; sweep++) {
            for (size_t i = 0; i < SA; i++) {
                double g = 0, h = 0;
                for (size_t j = 0; j < SB; j++)
                    g += grid[i * SB + j].g, h += grid[i * SB + j].h;
                for (size_t j = 0; j < SB && h > 0; j++)
                    grid[i * SB + j].g -= g / h * grid[i * SB + j].h;
            }
            for (size_t j = 0; j < SB; j++) {
                double g = 0, h = 0;
                for (size_t i = 0; i < SA; i++)
                    g += grid[i * SB + j].g, h += grid[i * SB + j].h;
                for (size_t i = 0; i < SA && h > 0; i++)
                    grid[i * SB + j].g -= g / h * grid[i * SB + j].h;
            }
        }
        for (size_t a = 1; a + 1 < SA; a++)
            for (size_t b = 1; b + 1 < SB; b++) {
                double g[4] = {0}, h[4] = {0}, rows[4] = {0}, total = 0, all_g = 0, all_h = 0;
                bool fits = true;
                for (size_t q = 0; q < SA * SB; q++) {
                    size_t part = (size_t)(q / SB >= a) * 2 + (q % SB >= b);
                    g[part] += grid[q].g, h[part] += grid[q].h, rows[part] += grid[q].rows;
                    all_g += grid[q].g, all_h += grid[q].h;
                }
                for (int k = 0; k < 4; k++) {
                    fits &= rows[k] >= 3;
                    total += worth(g[k], h[k], rule.l2);
                }
                best = fits ? fmax(best, total - worth(all_g, all_h, rule.l2)) : best;
            }
        check_close(gain, best, 1e-9);
        assert_true(best > 0);

        /* A step of a pair with four pieces: at most four values, none where nothing is known. */
        mx_step_rule four = {4, 3, 0.5, 0.7};
        fill_hist(grid, SA * SB, 1000 + seed);
        mx_step_pair(grid, SA, SB, &four, room, delta);
        double seen[8];
        size_t different = 0;
        for (size_t i = 0; i + 1 < SA; i++)
            for (size_t j = 0; j + 1 < SB; j++) {
                size_t k = 0;
                while (k < different && seen[k] != delta[i * SB + j])
                    k++;
                if (k == different && different < 8)
                    seen[different++] = delta[i * SB + j];
            }
        assert_in_range(different, 2, 4);
        for (size_t i = 0; i < SA; i++)
            check_same_double(delta[i * SB + SB - 1], 0);
    }
}

static void test_isotonic(void **state)
{
    (void)state;
    double f[5] = {1, 3, 2, 2, 5}, weights[5] = {1, 1, 3, 1, 1}, up[5] = {1, 2.2, 2.2, 2.2, 5}, down[3] = {1, 2, 6};
    mx_block blocks[5];
    mx_make_monotone(f, weights, 5, 1, blocks);
    for (size_t i = 0; i < 5; i++)
        check_close(f[i], up[i], 1e-15);
    mx_make_monotone(down, weights, 3, -1, blocks);
    check_close(down[0], (1 + 2 + 18) / 5.0, 1e-15);
    check_same_double(down[0], down[2]);
}

/* Whatever the other columns are, the score never falls in x0 and never rises in x1, though the data do both. */
static void test_monotone(void **state)
{
    (void)state;
    world *w = make_world();
    mx_additive_data data = data_of(w);
    mx_additive_options options = standard;
    static const signed char directions[D] = {1, -1, 0, 0};
    options.monotone = directions;
    options.pairs = 6;
    mx_additive m;
    merx_error err = {0};
    check_ok(mx_additive_fit(&data, &options, NULL, NULL, &m, &err), err);
    for (size_t p = 0; p < m.n_pairs; p++)
        assert_true(m.pairs[p].a >= 2 && m.pairs[p].b >= 2);
    for (size_t i = 0; i < 50; i++) {
        double before[2] = {0};
        for (size_t step = 0; step <= 300; step++) {
            double at = -0.1 + 1.2 * (double)step / 300, score[2];
            for (size_t j = 0; j < 2; j++) {
                double x[D];
                memcpy(x, w->x + i * D, sizeof x);
                x[j] = at;
                mx_additive_score(&m, x, &score[j]);
            }
            if (step > 0 && !(score[0] >= before[0] && score[1] <= before[1]))
                check_die(__FILE__, __LINE__, "row %zu at %g: the score goes the wrong way", i, at);
            before[0] = score[0];
            before[1] = score[1];
        }
    }
    assert_true(mx_additive_importance(&m, 0) > 0.5);
    mx_additive_release(&m);
    free(w);
}

static void check_same_model(const mx_additive *a, const mx_additive *b)
{
    assert_int_equal(a->n_bins, b->n_bins);
    assert_int_equal(a->n_cells, b->n_cells);
    assert_memory_equal(a->intercepts, b->intercepts, a->outputs * sizeof(double));
    assert_memory_equal(a->shapes, b->shapes, a->n_bins * a->outputs * sizeof(double));
    assert_memory_equal(a->pair_values, b->pair_values, a->n_cells * a->outputs * sizeof(double));
    check_same_double(a->held_loss, b->held_loss);
}

static void test_order_of_rows(void **state)
{
    (void)state;
    world *w = make_world(), *v = make_world();
    for (size_t i = 0; i < N; i++) {
        size_t from = (i * 1237 + 5) % N; /* 1237 has no factor in common with 4000 */
        memcpy(v->x + i * D, w->x + from * D, D * sizeof(double));
        v->labels[i] = w->labels[from];
        v->weights[i] = w->weights[from];
    }
    mx_additive_data data = data_of(w), other = data_of(v);
    data.y = other.y = NULL;
    data.classes = other.classes = 2;
    data.labels = w->labels;
    other.labels = v->labels;
    data.weights = w->weights;
    other.weights = v->weights;
    mx_additive m, moved, less;
    merx_error err = {0};
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 4}, &task, &err), err);
    check_ok(mx_additive_fit(&data, &standard, NULL, NULL, &m, &err), err);
    check_ok(mx_additive_fit(&other, &standard, NULL, task, &moved, &err), err);
    check_same_model(&moved, &m);
    /* A row of weight 0 is as good as absent. */
    memset(v->x, 0, sizeof v->x);
    memcpy(v->x, w->x, sizeof v->x);
    memcpy(v->labels, w->labels, sizeof v->labels);
    memcpy(v->weights, w->weights, sizeof v->weights);
    v->weights[N - 1] = 0;
    v->x[(N - 1) * D] = 1e9;
    mx_additive_release(&moved);
    check_ok(mx_additive_fit(&other, &standard, NULL, NULL, &moved, &err), err);
    data.n = N - 1;
    check_ok(mx_additive_fit(&data, &standard, NULL, NULL, &less, &err), err);
    check_same_model(&moved, &less);
    merx_task_free(task);
    mx_additive_release(&m), mx_additive_release(&moved), mx_additive_release(&less);
    free(w), free(v);
}

static void test_bad_data(void **state)
{
    (void)state;
    world *w = make_world();
    mx_additive_data data = data_of(w);
    mx_additive m;
    merx_error err = {0};
    memset(w->weights, 0, sizeof w->weights);
    data.weights = w->weights;
    check_fails(mx_additive_fit(&data, &standard, NULL, NULL, &m, &err), MERX_E_INVALID, err);
    data.weights = NULL;
    w->y[3] = 1e300;
    check_fails(mx_additive_fit(&data, &standard, NULL, NULL, &m, &err), MERX_E_NUMERIC, err);
    w->y[3] = 1;
    merx_task *task;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(mx_additive_fit(&data, &standard, NULL, task, &m, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
    free(w);
}

/* With noise that multiplies by exp(z / 2), z normal, the Poisson loss finds means; squared errors of the logarithm find medians, lower by exp(-1/8). */
static void test_poisson(void **state)
{
    (void)state;
    world *w = make_world();
    mx_additive_data data = data_of(w);
    merx_error err = {0};
    double truth = 0;
    for (size_t i = 0; i < N; i++) {
        mx_random r;
        mx_random_init(&r, 5, i);
        truth += exp(w->y[i] + 0.125 + 20);
        w->y[i] += 20 + 0.5 * mx_random_normal(&r);
    }
    for (int poisson = 0; poisson < 2; poisson++) {
        mx_additive m;
        mx_additive_options options = standard;
        options.poisson = poisson == 1;
        check_ok(mx_additive_fit(&data, &options, NULL, NULL, &m, &err), err);
        assert_true(m.poisson == options.poisson);
        double sum = 0, score;
        for (size_t i = 0; i < N; i++) {
            mx_additive_score(&m, w->x + i * D, &score);
            sum += exp(score);
        }
        check_close(sum / truth, poisson ? 1 : exp(-0.125), 0.03);
        assert_true(m.held_loss > 0.1 && m.held_loss < 1);
        mx_additive_release(&m);
    }
    /* exp(-1000) beside exp(20) is no number above 0. */
    mx_additive_options options = standard;
    mx_additive m;
    options.poisson = true;
    w->y[3] = -1000;
    check_fails(mx_additive_fit(&data, &options, NULL, NULL, &m, &err), MERX_E_NUMERIC, err);
    free(w);
}

/* The loss is of a target whose logarithm is learnt; the model's file keeps it. */
static void test_poisson_model(void **state)
{
    (void)state;
    enum { ROWS = 400 };
    merx_error err = {0};
    double x[ROWS], units[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        mx_random r;
        mx_random_init(&r, 6, i);
        x[i] = mx_random_uniform(&r);
        units[i] = exp(3 + 2 * x[i] + 0.5 * mx_random_normal(&r));
    }
    merx_dataset *table;
    check_ok(merx_dataset_new_table(NULL, ROWS, &table, &err), err);
    check_ok(merx_dataset_add_numeric(table, "x", x, &err), err);
    check_ok(merx_dataset_add_numeric(table, "units", units, &err), err);
    merx_model *model, *again;
    check_ok(merx_model_new(NULL, "additive", &model, &err), err);
    check_ok(merx_model_set(model, "loss", "poisson", &err), err);
    merx_fit_columns columns = {.target = "units"};
    check_fails(merx_model_fit(model, table, &columns, NULL, &err), MERX_E_INVALID, err);
    check_ok(merx_model_set(model, "log_columns", "units", &err), err);
    check_ok(merx_model_fit(model, table, &columns, NULL, &err), err);
    char folder[256], path[300];
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/sales.merx", folder);
    check_ok(merx_model_save(model, path, &err), err);
    check_ok(merx_model_load(NULL, path, &again, &err), err);
    check_remove_folder(folder);
    merx_prediction p, q;
    check_ok(merx_model_predict(model, table, NULL, &p, &err), err);
    check_ok(merx_model_predict(again, table, NULL, &q, &err), err);
    double sum = 0, actual = 0;
    for (size_t i = 0; i < ROWS; i++) {
        check_same_double(p.values[i], q.values[i]);
        sum += p.values[i];
        actual += units[i];
    }
    check_close(sum / actual, 1, 0.02);
    merx_prediction_release(&p), merx_prediction_release(&q);
    merx_model_free(model), merx_model_free(again);
    merx_dataset_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_poisson_model),
        cmocka_unit_test(test_truth_is_recovered),
        cmocka_unit_test(test_shapes_are_pure),
        cmocka_unit_test(test_purify),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_isotonic),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_order_of_rows),
        cmocka_unit_test(test_bad_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
