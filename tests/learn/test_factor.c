/*
 * Implicit ALS: the paper's equations in NumPy, implicit's loss, fold-in, explanations; item neighbours: a naive twin.
 */
#include "base/random.h"
#include "learn/factor/als.h"
#include "learn/factor/neighbours.h"
#include "numeric/matrix.h"
#include "support/check.h"

/* ---- ALS ---- */

static double loss_of(const mx_csr *r, const mx_als *m)
{
    size_t f = (size_t)m->factors;
    double loss = 0;
    for (size_t u = 0; u < r->rows; u++) {
        int64_t e = r->starts[u];
        for (size_t i = 0; i < r->columns; i++) {
            bool hit = e < r->starts[u + 1] && (size_t)r->indices[e] == i;
            double value = hit ? (r->values ? (double)r->values[e] : 1.0) : 0, dot = 0;
            e += hit;
            for (size_t k = 0; k < f; k++)
                dot += (double)m->user_factors[u * f + k] * (double)m->item_factors[i * f + k];
            loss += (1 + m->alpha * value) * (hit - dot) * (hit - dot);
        }
    }
    for (size_t e = 0; e < r->rows * f; e++)
        loss += m->l2 * (double)m->user_factors[e] * (double)m->user_factors[e];
    for (size_t e = 0; e < r->columns * f; e++)
        loss += m->l2 * (double)m->item_factors[e] * (double)m->item_factors[e];
    return loss;
}

typedef struct matrix {
    int64_t *starts;
    int32_t *indices;
    float *values;
    mx_csr csr;
} matrix;

static void release(matrix *m)
{
    free(m->starts);
    free(m->indices);
    free(m->values);
}

static float *floats(json_t *c, const char *key, size_t *n)
{
    double *d = check_doubles(c, key, n);
    float *f = malloc(*n * sizeof *f);
    for (size_t i = 0; i < *n; i++)
        f[i] = (float)d[i];
    free(d);
    return f;
}

static matrix read_matrix(json_t *c)
{
    size_t n;
    matrix m;
    double *starts = check_doubles(c, "starts", &n);
    m.starts = malloc(n * sizeof *m.starts);
    for (size_t i = 0; i < n; i++)
        m.starts[i] = (int64_t)starts[i];
    free(starts);
    double *indices = check_doubles(c, "indices", &n);
    m.indices = malloc(n * sizeof *m.indices);
    for (size_t i = 0; i < n; i++)
        m.indices[i] = (int32_t)indices[i];
    free(indices);
    m.values = floats(c, "values", &n);
    m.csr = (mx_csr){(size_t)check_number(c, "users"), (size_t)check_number(c, "items"), m.starts, m.indices, m.values};
    return m;
}

static void test_als_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("als"), *c;
    size_t index;
    json_array_foreach(check_member(golden, "cases"), index, c)
    {
        matrix m = read_matrix(c);
        size_t n;
        float *start = floats(c, "start", &n);
        mx_als_options o = {.factors = (int)check_number(c, "factors"),
                            .l2 = check_number(c, "l2"),
                            .alpha = check_number(c, "alpha"),
                            .iterations = (int)check_number(c, "iterations"),
                            .start = start,
                            .tolerance = 1e-7};
        mx_als model;
        check_ok(mx_als_fit(&m.csr, &o, NULL, NULL, &model, &err), err);
        double *users = check_doubles(c, "user_factors", &n);
        for (size_t e = 0; e < n; e++)
            check_close(model.user_factors[e], users[e], 1e-4);
        free(users);
        double *items = check_doubles(c, "item_factors", &n);
        for (size_t e = 0; e < n; e++)
            check_close(model.item_factors[e], items[e], 1e-4);
        free(items);
        check_relative(loss_of(&m.csr, &model), check_number(c, "loss"), 1e-5);
        mx_als_release(&model);

        /* From random starts: among the losses that implicit reaches from its own (local minima differ). */
        double *theirs = check_doubles(c, "implicit_losses", &n), worst = 0, best = INFINITY, mean = 0;
        for (size_t e = 0; e < n; e++) {
            worst = fmax(worst, theirs[e]);
            best = fmin(best, theirs[e]);
        }
        o.start = NULL;
        for (o.seed = 0; o.seed < 5; o.seed++) {
            check_ok(mx_als_fit(&m.csr, &o, NULL, NULL, &model, &err), err);
            mean += loss_of(&m.csr, &model) / 5;
            mx_als_release(&model);
        }
        if (!(mean >= best - 0.1 * best && mean <= worst + 0.1 * (worst)))
            check_die(__FILE__, __LINE__, "mean loss %g is not near implicit's %g to %g", mean, best, worst);
        free(theirs);
        free(start);
        release(&m);
    }
    assert_int_equal(index, 2);
    json_decref(golden);
}

enum { USERS = 300, ITEMS = 150 };

/* Users like items of their own third more; user 7 has nothing. */
static matrix planted(uint64_t seed)
{
    matrix m = {.starts = calloc(USERS + 1, sizeof(int64_t)),
                .indices = malloc(sizeof(int32_t) * USERS * ITEMS),
                .values = malloc(sizeof(float) * USERS * ITEMS)};
    mx_random random;
    mx_random_init(&random, seed, 0);
    int64_t at = 0;
    for (size_t u = 0; u < USERS; u++) {
        for (size_t i = 0; i < ITEMS && u != 7; i++)
            if (mx_random_uniform(&random) < (u % 3 == i % 3 ? 0.3 : 0.03)) {
                m.indices[at] = (int32_t)i;
                m.values[at++] = (float)(1 + mx_random_below(&random, 4));
            }
        m.starts[u + 1] = at;
    }
    m.csr = (mx_csr){USERS, ITEMS, m.starts, m.indices, m.values};
    return m;
}

static const mx_als_options planted_options = {.factors = 12, .l2 = 2, .alpha = 1.5, .iterations = 6, .seed = 4};

static void test_als_fold_in_and_reasons(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted(1);
    mx_als model;
    check_ok(mx_als_fit(&m.csr, &planted_options, NULL, NULL, &model, &err), err);
    double user[12], parts[ITEMS * 2], scores[2], score, largest = 0;
    for (size_t u = 0; u < USERS; u += 10) {
        size_t count = (size_t)(m.starts[u + 1] - m.starts[u]);
        const int32_t *items = m.indices + m.starts[u];
        const float *values = m.values + m.starts[u];
        check_ok(mx_als_fold_in(&model, items, values, count, user, &err), err);
        for (size_t k = 0; k < 12; k++)
            check_close(user[k], model.user_factors[u * 12 + k], 3e-6); /* solved in float there, to 1e-6 */
        const int32_t targets[] = {(int32_t)(u % ITEMS), 5};
        check_ok(mx_als_explain_many(&model, items, values, count, targets, 2, parts, scores, &err), err);
        for (int t = 0; t < 2; t++) {
            double dot = 0, sum = 0;
            for (size_t k = 0; k < 12; k++)
                dot += user[k] * (double)model.item_factors[(size_t)targets[t] * 12 + k];
            for (size_t j = 0; j < count; j++)
                sum += parts[(size_t)t * count + j];
            check_close(scores[t], sum, 1e-12);
            check_close(scores[t], dot, 1e-12);
            largest = fmax(largest, fabs(dot));
        }
        check_ok(mx_als_explain(&model, items, values, count, targets[1], parts, &score, &err), err);
        check_same_double(score, scores[1]);
    }
    assert_true(largest > 0.3);
    /* Nothing bought: zeros. */
    check_ok(mx_als_fold_in(&model, NULL, NULL, 0, user, &err), err);
    for (size_t k = 0; k < 12; k++) {
        check_same_double(user[k], 0);
        check_same_double(model.user_factors[7 * 12 + k], 0);
    }
    /* values NULL is all ones */
    const float ones[] = {1, 1};
    double other[12];
    check_ok(mx_als_fold_in(&model, (int32_t[]){3, 9}, NULL, 2, user, &err), err);
    check_ok(mx_als_fold_in(&model, (int32_t[]){3, 9}, ones, 2, other, &err), err);
    assert_memory_equal(user, other, sizeof user);
    check_fails(mx_als_fold_in(&model, (int32_t[]){ITEMS}, NULL, 1, user, &err), MERX_E_RANGE, err);
    check_fails(mx_als_fold_in(&model, (int32_t[]){-1}, NULL, 1, user, &err), MERX_E_RANGE, err);
    check_fails(mx_als_fold_in(&model, (int32_t[]){1}, (float[]){NAN}, 1, user, &err), MERX_E_INVALID, err);
    check_fails(mx_als_explain(&model, (int32_t[]){1}, NULL, 1, ITEMS, parts, &score, &err), MERX_E_RANGE, err);
    mx_als_release(&model);
    release(&m);
}

/* Each half iteration lowers the loss, and the planted thirds are found: held-out likes of the own third score higher. */
static void test_als_learns(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted(2);
    double before = INFINITY;
    for (int iterations = 1; iterations <= 16; iterations *= 2) {
        mx_als_options o = planted_options;
        o.iterations = iterations;
        mx_als model;
        check_ok(mx_als_fit(&m.csr, &o, NULL, NULL, &model, &err), err);
        double loss = loss_of(&m.csr, &model);
        if (!(loss <= before * (1 + 1e-7)))
            check_die(__FILE__, __LINE__, "the loss rose from %.9g to %.9g", before, loss);
        before = loss;
        mx_als_release(&model);
    }
    mx_als_options o = planted_options;
    o.factors = 4;
    mx_als model;
    check_ok(mx_als_fit(&m.csr, &o, NULL, NULL, &model, &err), err);
    double own = 0, foreign = 0;
    for (size_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < ITEMS; i++) {
            double dot = 0;
            for (size_t k = 0; k < 4; k++)
                dot += (double)model.user_factors[u * 4 + k] * (double)model.item_factors[i * 4 + k];
            *(u % 3 == i % 3 ? &own : &foreign) += dot;
        }
    assert_true(own / (USERS * ITEMS / 3.0) > 3 * foreign / (USERS * ITEMS * 2 / 3.0));
    mx_als_release(&model);
    release(&m);
}

static void test_als_threads_and_options(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted(3);
    mx_als first, other;
    check_ok(mx_als_fit(&m.csr, &planted_options, NULL, NULL, &first, &err), err);
    for (int threads = 1; threads <= 8; threads *= 2) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_als_fit(&m.csr, &planted_options, NULL, task, &other, &err), err);
        assert_memory_equal(first.user_factors, other.user_factors, USERS * 12 * sizeof(float));
        assert_memory_equal(first.item_factors, other.item_factors, ITEMS * 12 * sizeof(float));
        assert_memory_equal(first.item_gram, other.item_gram, 12 * 12 * sizeof(double));
        mx_als_release(&other);
        merx_task_free(task);
    }
    /* Every option changes the result; keys equal to the index don't. */
    uint64_t keys[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        keys[i] = i;
    for (int what = 0; what < 7; what++) {
        mx_als_options o = planted_options;
        o.tolerance = what == 6 ? 0.01 : 0;
        o.l2 += what == 0;
        o.alpha += what == 1;
        o.iterations += what == 2;
        o.seed += what == 3;
        o.item_keys = what >= 4 ? keys : NULL;
        keys[0] = what == 5 ? 999 : 0;
        check_ok(mx_als_fit(&m.csr, &o, NULL, NULL, &other, &err), err);
        bool same = memcmp(first.item_factors, other.item_factors, ITEMS * 12 * sizeof(float)) == 0;
        if (same != (what == 4))
            check_die(__FILE__, __LINE__, "option %d: factors are %s", what, same ? "the same" : "different");
        mx_als_release(&other);
    }
    mx_als_release(&first);
    release(&m);
}

static void test_als_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_als model;
    const int64_t starts[] = {0, 2, 3}, none[] = {0, 0, 0};
    const int32_t indices[] = {0, 1, 1};
    const float zero[] = {1, 0, 1}, nan[] = {1, NAN, 1};
    mx_csr ok = {2, 2, starts, indices, NULL};
    mx_als_options good = {.factors = 2, .l2 = 0.1, .alpha = 1, .iterations = 2};
#define REFUSED(csr, code, ...)                                                                                        \
    do {                                                                                                               \
        mx_als_options o = good;                                                                                       \
        __VA_ARGS__;                                                                                                   \
        check_fails(mx_als_fit(&(csr), &o, NULL, NULL, &model, &err), code, err);                                      \
        assert_null(model.item_factors);                                                                               \
    } while (0)
    REFUSED(ok, MERX_E_RANGE, o.factors = 0);
    REFUSED(ok, MERX_E_RANGE, o.factors = 100000);
    REFUSED(ok, MERX_E_RANGE, o.l2 = NAN);
    REFUSED(ok, MERX_E_RANGE, o.l2 = -1);
    REFUSED(ok, MERX_E_RANGE, o.alpha = 0);
    REFUSED(ok, MERX_E_RANGE, o.iterations = 0);
    REFUSED(ok, MERX_E_RANGE, o.tolerance = -0.1);
    REFUSED(ok, MERX_E_RANGE, o.tolerance = 1);
    REFUSED(ok, MERX_E_RANGE, o.tolerance = NAN);
    REFUSED(ok, MERX_E_NUMERIC, (o.l2 = 0, o.factors = 8)); /* 2 items can't determine 8 factors */
    mx_csr bad = ok;
    bad.values = zero;
    REFUSED(bad, MERX_E_INVALID, (void)o);
    bad.values = nan;
    REFUSED(bad, MERX_E_INVALID, (void)o);
    bad = (mx_csr){2, 2, none, NULL, NULL};
    REFUSED(bad, MERX_E_INVALID, (void)o);
    bad = (mx_csr){0, 0, none, NULL, NULL};
    REFUSED(bad, MERX_E_INVALID, (void)o);
#undef REFUSED
}

/* ---- neighbours ---- */

static float naive_similarity(const matrix *m, size_t a, size_t b, const mx_neighbours_options *o)
{
    double both = 0, n_a = 0, n_b = 0;
    for (size_t u = 0; u < USERS; u++) {
        bool has_a = false, has_b = false;
        for (int64_t e = m->starts[u]; e < m->starts[u + 1]; e++) {
            has_a |= (size_t)m->indices[e] == a;
            has_b |= (size_t)m->indices[e] == b;
        }
        n_a += has_a;
        n_b += has_b;
        both += has_a && has_b;
    }
    if (both == 0)
        return 0;
    if (o->similarity == MX_COSINE)
        return (float)(both / (sqrt(n_a * n_b) + o->shrink));
    if (o->similarity == MX_JACCARD)
        return (float)(both / (n_a + n_b - both + o->shrink));
    return (float)(both / (n_a * n_b / USERS + o->shrink));
}

static void test_neighbours_twin(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted(5);
    for (int kind = 0; kind < 6; kind++) {
        mx_neighbours_options o = {
            .similarity = (mx_similarity)(kind % 3), .keep = kind < 3 ? 9 : 0, .shrink = kind % 2 ? 0 : 3};
        mx_item_lists model;
        check_ok(mx_neighbours_fit(&m.csr, &o, NULL, NULL, &model, &err), err);
        size_t keep = o.keep ? o.keep : 100, full = 0;
        assert_int_equal(model.items, ITEMS);
        for (size_t i = 0; i < ITEMS; i += 7) {
            bool used[ITEMS] = {false};
            float similarities[ITEMS];
            for (size_t j = 0; j < ITEMS; j++)
                similarities[j] = naive_similarity(&m, i, j, &o);
            size_t count = (size_t)(model.starts[i + 1] - model.starts[i]);
            for (size_t rank = 0; rank <= count && rank < keep; rank++) {
                size_t best = ITEMS;
                float most = 0;
                for (size_t j = 0; j < ITEMS; j++) {
                    float s = j == i || used[j] ? 0 : similarities[j];
                    if (s > most) {
                        most = s;
                        best = j;
                    }
                }
                if (rank == count) {
                    assert_int_equal(best, ITEMS); /* nobody was left out */
                    break;
                }
                assert_int_equal(model.indices[model.starts[i] + (int64_t)rank], best);
                check_same_double(model.weights[model.starts[i] + (int64_t)rank], most);
                used[best] = true;
            }
            full += count == keep;
        }
        assert_true(full > 10);
        mx_item_lists_release(&model);
    }
    release(&m);
}

static void test_neighbours_edges(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_item_lists model;
    /* Item 2 is nobody's; items 0 and 1 share one user; the tie of 3 and 4 goes to 3. */
    const int64_t starts[] = {0, 2, 5};
    const int32_t indices[] = {0, 1, 1, 3, 4};
    mx_csr r = {2, 5, starts, indices, NULL};
    check_ok(mx_neighbours_fit(&r, &(mx_neighbours_options){.keep = 2}, NULL, NULL, &model, &err), err);
    const int64_t want_starts[] = {0, 1, 3, 3, 5, 7};
    const int32_t want[] = {1, 0, 3, 4, 1, 3, 1};
    assert_memory_equal(model.starts, want_starts, sizeof want_starts);
    assert_memory_equal(model.indices, want, sizeof want);
    check_same_double(model.weights[3], 1);
    mx_item_lists_release(&model);
    const int64_t none[] = {0};
    mx_csr empty = {0, 0, none, NULL, NULL};
    check_ok(mx_neighbours_fit(&empty, &(mx_neighbours_options){0}, NULL, NULL, &model, &err), err);
    assert_int_equal(model.starts[0], 0);
    mx_item_lists_release(&model);
    check_fails(mx_neighbours_fit(&r, &(mx_neighbours_options){.shrink = -1}, NULL, NULL, &model, &err), MERX_E_RANGE,
                err);
    check_fails(mx_neighbours_fit(&r, &(mx_neighbours_options){.shrink = NAN}, NULL, NULL, &model, &err), MERX_E_RANGE,
                err);
}

static void test_neighbours_threads(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted(6);
    mx_item_lists first, other;
    mx_neighbours_options o = {.similarity = MX_LIFT, .keep = 20, .shrink = 1};
    check_ok(mx_neighbours_fit(&m.csr, &o, NULL, NULL, &first, &err), err);
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_neighbours_fit(&m.csr, &o, NULL, task, &other, &err), err);
        assert_memory_equal(first.starts, other.starts, (ITEMS + 1) * sizeof(int64_t));
        assert_memory_equal(first.indices, other.indices, (size_t)first.starts[ITEMS] * sizeof(int32_t));
        assert_memory_equal(first.weights, other.weights, (size_t)first.starts[ITEMS] * sizeof(float));
        mx_item_lists_release(&other);
        merx_task_free(task);
    }
    mx_item_lists_release(&first);
    release(&m);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    const matrix *m = context;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_als als = {0};
    mx_item_lists neighbours = {0};
    merx_status status = MERX_OK;
    double user[12], parts[2], score;
    mx_als_options o = planted_options;
    o.iterations = 1;
    MX_TRY_GOTO(mx_als_fit(&m->csr, &o, alloc, task, &als, err));
    MX_TRY_GOTO(mx_als_fold_in(&als, (int32_t[]){1, 2}, NULL, 2, user, err));
    MX_TRY_GOTO(mx_als_explain(&als, (int32_t[]){1, 2}, NULL, 2, 3, parts, &score, err));
    MX_TRY_GOTO(mx_neighbours_fit(&m->csr, &(mx_neighbours_options){0}, alloc, task, &neighbours, err));
out:
    mx_als_release(&als);
    mx_item_lists_release(&neighbours);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    matrix m = planted(8);
    check_every_allocation(scenario, &m);
    release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_als_golden),       cmocka_unit_test(test_als_fold_in_and_reasons),
        cmocka_unit_test(test_als_learns),       cmocka_unit_test(test_als_threads_and_options),
        cmocka_unit_test(test_als_bad_input),    cmocka_unit_test(test_neighbours_twin),
        cmocka_unit_test(test_neighbours_edges), cmocka_unit_test(test_neighbours_threads),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
