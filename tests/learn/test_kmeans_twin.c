/*
 * k-means beside a twin that is too simple to be wrong: Lloyd's algorithm as it is written in textbooks. Values are multiples of 1/64, so that sums are
 * exact on both sides and every label, centroid and count of rounds must agree to the bit: duplicates, ties, empty clusters, weights,
 * constant columns, one column, k = 1, k = n; float32; rows from a stream cut into blocks.
 */
#include <stdio.h>

#include "base/random.h"
#include "learn/cluster/kmeans.h"
#include "support/check.h"

typedef struct problem {
    size_t n, d, k;
    double *x, *weights, *start; /* weights NULL: ones */
    float *x_float;
    int max_iterations;
    double tolerance;
} problem;

typedef struct answer {
    double *centroids, *sizes, inertia;
    int32_t *labels;
    int iterations;
} answer;

static answer answer_of(const problem *p)
{
    return (answer){.centroids = calloc(p->k * p->d, sizeof(double)),
                    .sizes = calloc(p->k, sizeof(double)),
                    .labels = calloc(p->n, sizeof(int32_t))};
}

static void answer_free(answer *a)
{
    free(a->centroids), free(a->sizes), free(a->labels);
}

static double weight(const problem *p, size_t i)
{
    return p->weights ? p->weights[i] : 1;
}

static double distance2(const problem *p, const double *centroids, size_t i, size_t c)
{
    double sum = 0;
    for (size_t j = 0; j < p->d; j++) {
        double by = p->x[i * p->d + j] - centroids[c * p->d + j];
        sum += by * by;
    }
    return sum;
}

static size_t twin_assign(const problem *p, answer *a)
{
    size_t changed = 0;
    a->inertia = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t best = 0;
        for (size_t c = 1; c < p->k; c++)
            if (distance2(p, a->centroids, i, c) < distance2(p, a->centroids, i, best))
                best = c;
        changed += a->labels[i] != (int32_t)best;
        a->labels[i] = (int32_t)best;
        a->inertia += weight(p, i) * distance2(p, a->centroids, i, best);
    }
    return changed;
}

static void twin_sizes(const problem *p, answer *a)
{
    memset(a->sizes, 0, p->k * sizeof *a->sizes);
    for (size_t i = 0; i < p->n; i++)
        a->sizes[a->labels[i]] += weight(p, i);
}

static bool twin_fill(const problem *p, answer *a)
{
    bool moved = false, *taken = calloc(p->n, sizeof *taken);
    twin_sizes(p, a);
    for (size_t c = 0; c < p->k; c++) {
        if (a->sizes[c] > 0)
            continue;
        size_t far = p->n;
        for (size_t i = 0; i < p->n; i++) {
            size_t own = (size_t)a->labels[i];
            if (weight(p, i) > 0 && !taken[i] && distance2(p, a->centroids, i, own) > 0 &&
                a->sizes[own] > weight(p, i) &&
                (far == p->n ||
                 distance2(p, a->centroids, i, own) > distance2(p, a->centroids, far, (size_t)a->labels[far])))
                far = i;
        }
        if (far == p->n)
            break;
        taken[far] = true;
        a->labels[far] = (int32_t)c;
        twin_sizes(p, a);
        moved = true;
    }
    free(taken);
    return moved;
}

static double twin_move(const problem *p, answer *a)
{
    double movement = 0;
    for (size_t c = 0; c < p->k; c++)
        for (size_t j = 0; j < p->d && a->sizes[c] > 0; j++) {
            double sum = 0, *at = &a->centroids[c * p->d + j];
            for (size_t i = 0; i < p->n; i++)
                if (a->labels[i] == (int32_t)c)
                    sum += weight(p, i) * p->x[i * p->d + j];
            double next = sum / a->sizes[c];
            movement += (next - *at) * (next - *at);
            *at = next;
        }
    return movement;
}

static void twin(const problem *p, answer *a)
{
    memcpy(a->centroids, p->start, p->k * p->d * sizeof(double));
    for (size_t i = 0; i < p->n; i++)
        a->labels[i] = -1;
    for (a->iterations = 1;; a->iterations++) {
        size_t changed = twin_assign(p, a);
        bool moved = twin_fill(p, a);
        if (changed == 0 && !moved)
            break;
        if (twin_move(p, a) <= p->tolerance || a->iterations >= p->max_iterations)
            break;
    }
    twin_assign(p, a);
    twin_sizes(p, a);
}

static size_t distinct_rows(const problem *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool seen = !(weight(p, i) > 0);
        for (size_t e = 0; e < i && !seen; e++)
            seen = weight(p, e) > 0 && memcmp(p->x + i * p->d, p->x + e * p->d, p->d * sizeof(double)) == 0;
        count += !seen;
    }
    return count;
}

/* ---- rows in blocks of 1,024 ---- */

typedef struct cut_rows {
    mx_design_rows rows;
    const problem *p;
    size_t at, block_rows;
    bool single;
} cut_rows;

static merx_status cut_next(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    (void)err;
    cut_rows *cut = (cut_rows *)(void *)rows;
    const problem *p = cut->p;
    size_t m = p->n - cut->at < cut->block_rows ? p->n - cut->at : cut->block_rows;
    *block = (mx_design){.n = m,
                         .d = p->d,
                         .x = cut->single ? NULL : p->x + cut->at * p->d,
                         .x_float = cut->single ? p->x_float + cut->at * p->d : NULL,
                         .weights = p->weights ? p->weights + cut->at : NULL};
    cut->at += m;
    return MERX_OK;
}

static merx_status cut_rewind(mx_design_rows *rows, merx_error *err)
{
    (void)err;
    ((cut_rows *)(void *)rows)->at = 0;
    return MERX_OK;
}

/* ---- random problems ---- */

static problem problem_of(uint64_t seed, mx_random *random)
{
    problem p = {.d = 1 + mx_random_below(random, seed % 5 == 0 ? 40 : 6)};
    p.n = 1 + mx_random_below(random, seed % 7 == 0 ? 3000 : 150);
    p.k = 1 + mx_random_below(random, p.n < 90 ? p.n : seed % 3 ? 9 : 90);
    p.k = seed % 11 == 0 && p.n < 60 ? p.n : p.k;
    p.max_iterations = 1 + (int)mx_random_below(random, 30);
    p.tolerance = seed % 4 == 0 ? 0.5 : 0;
    double grid = seed % 2 ? 64 : 2, offset = seed % 6 == 1 ? 4096 : 0, wide = seed % 9 == 4 ? 1e5 : 1;
    p.x = malloc(p.n * p.d * sizeof(double));
    p.x_float = malloc(p.n * p.d * sizeof(float));
    p.start = malloc(p.k * p.d * sizeof(double));
    for (size_t e = 0; e < p.n * p.d; e++) {
        double value = nearbyint(mx_random_normal(random) * grid) / grid;
        value = seed % 8 == 3 && e % p.d == 0 ? 1 : value; /* a constant column */
        p.x[e] = (e / p.d % 97 == 5 ? wide : 1) * value + offset;
        p.x_float[e] = (float)p.x[e];
    }
    if (seed % 3 == 1) {
        p.weights = malloc(p.n * sizeof(double));
        for (size_t i = 0; i < p.n; i++)
            p.weights[i] = (double)mx_random_below(random, 5);
        p.weights[0] = 1;
    }
    for (size_t c = 0; c < p.k; c++) {
        size_t row = mx_random_below(random, p.n);
        for (size_t j = 0; j < p.d; j++) /* rows, rows twice, places far from every row */
            p.start[c * p.d + j] = p.x[row * p.d + j] + (seed % 5 == 2 && c % 3 == 0 ? 1000 : 0);
    }
    if (seed % 13 == 6)
        p.start[0] = 1e25; /* too far for float */
    return p;
}

static void compare(const problem *p, const answer *want, const mx_kmeans *got, const int32_t *labels, uint64_t seed,
                    const char *what)
{
    for (size_t i = 0; labels && i < p->n; i++)
        if (labels[i] != want->labels[i])
            check_die(__FILE__, __LINE__, "problem %llu (n %zu, d %zu, k %zu), %s: row %zu is in %d, not in %d",
                      (unsigned long long)seed, p->n, p->d, p->k, what, i, labels[i], want->labels[i]);
    for (size_t e = 0; e < p->k * p->d; e++)
        if (got->centroids[e] != want->centroids[e])
            check_die(__FILE__, __LINE__,
                      "problem %llu (n %zu, d %zu, k %zu), %s: centroid %zu, column %zu: %.17g, not %.17g",
                      (unsigned long long)seed, p->n, p->d, p->k, what, e / p->d, e % p->d, got->centroids[e],
                      want->centroids[e]);
    for (size_t c = 0; c < p->k; c++)
        check_close(got->sizes[c], want->sizes[c], 0);
    if (got->iterations != want->iterations)
        check_die(__FILE__, __LINE__, "problem %llu, %s: %d rounds, not %d", (unsigned long long)seed, what,
                  got->iterations, want->iterations);
    check_close(got->inertia, want->inertia, 1e-12 * (1 + want->inertia));
}

static size_t refused, filled, early;

static void one_problem(uint64_t seed)
{
    merx_error err = {0};
    mx_random random;
    mx_random_init(&random, seed, 1);
    problem p = problem_of(seed, &random);
    answer want = answer_of(&p);
    mx_kmeans_options o = {.k = p.k, .start = p.start, .max_iterations = p.max_iterations, .tolerance = -1};
    mx_kmeans got = {0};
    int32_t *labels = malloc(p.n * sizeof *labels);
    size_t distinct = distinct_rows(&p);
    double spread = 1;
    if (distinct < p.k) {
        check_fails(mx_kmeans_fit(p.x, p.weights, p.n, p.d, &o, NULL, NULL, &got, labels, &err), MERX_E_INVALID, err);
        refused++;
        goto done;
    }
    if (p.tolerance > 0) { /* the option is relative to the spread: found out of a fit of one cluster */
        mx_kmeans one = {0};
        double mean[40] = {0};
        check_ok(mx_kmeans_fit(p.x, p.weights, p.n, p.d,
                               &(mx_kmeans_options){.k = 1, .start = mean, .max_iterations = 2}, NULL, NULL, &one, NULL,
                               &err),
                 err);
        spread = one.inertia / one.sizes[0] / (double)p.d;
        p.tolerance = spread * p.tolerance * (double)p.k;
        o.tolerance = spread > 0 ? p.tolerance / spread : -1;
        mx_kmeans_release(&one);
    }
    twin(&p, &want);
    early += want.iterations < p.max_iterations;
    check_ok(mx_kmeans_fit(p.x, p.weights, p.n, p.d, &o, NULL, NULL, &got, labels, &err), err);
    compare(&p, &want, &got, labels, seed, "double");
    mx_kmeans_release(&got);
    mx_design single = {.n = p.n, .d = p.d, .x_float = p.x_float, .weights = p.weights};
    mx_design_rows held = mx_design_rows_of(&single);
    check_ok(mx_kmeans_fit_rows(&held, &o, NULL, NULL, &got, labels, &err), err);
    compare(&p, &want, &got, labels, seed, "float");
    mx_kmeans_release(&got);
    for (size_t units = 1; units <= 2; units++) {
        cut_rows cut = {.rows = {.d = p.d, .n = p.n, .next = cut_next, .rewind = cut_rewind},
                        .p = &p,
                        .block_rows = units * MX_ROWS_UNIT,
                        .single = units == 2};
        check_ok(mx_kmeans_fit_rows(&cut.rows, &o, NULL, NULL, &got, NULL, &err), err);
        compare(&p, &want, &got, NULL, seed, "stream");
        mx_kmeans_release(&got);
    }
    for (size_t c = 0; c < p.k && p.k > 1; c++) {
        bool used = false;
        for (size_t e = 0; e < c; e++)
            used = used || memcmp(p.start + c * p.d, p.start + e * p.d, p.d * sizeof(double)) == 0;
        filled += used; /* the same start twice: the later one is empty at first */
    }
done:
    free(labels);
    answer_free(&want);
    free(p.x), free(p.x_float), free(p.start), free(p.weights);
}

static void test_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 350; seed++)
        one_problem(seed);
    print_message("  %zu refused for want of distinct rows, %zu clusters empty at first, %zu ended early\n", refused,
                  filled, early);
    assert_true(refused > 20 && refused < 200 && filled > 100 && early > 100);
}

/* Rows in a stream, starts drawn: the bits of the fit in memory, with any number of threads. */
static void test_drawn_starts(void **state)
{
    (void)state;
    merx_error err = {0};
    enum { ROWS = 5000, COLUMNS = 5 };
    static double x[ROWS * COLUMNS];
    static int32_t labels[ROWS];
    mx_random random;
    mx_random_init(&random, 4, 0);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            x[i * COLUMNS + j] = mx_random_normal(&random) + (i % 7 == j ? 4 : 0);
    problem p = {.n = ROWS, .d = COLUMNS, .x = x};
    double plain = 0, greedy = 0;
    for (int kind = 0; kind < 3; kind++) {
        mx_kmeans_options o = {.k = 13, .n_init = 3, .seed = 7, .random = kind == 1, .candidates = kind == 2 ? 1 : 0};
        mx_kmeans held = {0}, cut = {0};
        check_ok(mx_kmeans_fit(x, NULL, ROWS, COLUMNS, &o, NULL, NULL, &held, labels, &err), err);
        for (int threads = 1; threads <= 8; threads *= 2) {
            merx_task *task = NULL;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
            cut_rows rows = {.rows = {.d = COLUMNS, .n = ROWS, .next = cut_next, .rewind = cut_rewind},
                             .p = &p,
                             .block_rows = (size_t)threads * MX_ROWS_UNIT};
            check_ok(mx_kmeans_fit_rows(&rows.rows, &o, NULL, task, &cut, NULL, &err), err);
            assert_memory_equal(held.centroids, cut.centroids, 13 * COLUMNS * sizeof(double));
            assert_memory_equal(held.sizes, cut.sizes, 13 * sizeof(double));
            check_same_double(held.inertia, cut.inertia);
            mx_kmeans_release(&cut);
            merx_task_free(task);
        }
        for (size_t i = 0; i < ROWS; i++)
            assert_int_equal(labels[i], mx_kmeans_nearest(&held, x + i * COLUMNS, NULL));
        plain = kind == 2 ? held.inertia : plain;
        greedy = kind == 0 ? held.inertia : greedy;
        mx_kmeans_release(&held);
    }
    if (!(greedy < plain * 1.02))
        check_die(__FILE__, __LINE__, "greedy starts end at %g, plain ones at %g", greedy, plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_twin), cmocka_unit_test(test_drawn_starts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
