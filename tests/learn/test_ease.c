/*
 * EASE beside NumPy's closed form, item neighbours beside implicit's; what both do with the odd: nobody's items, empty users, lists longer than there are items.
 */
#include "base/random.h"
#include "learn/factor/ease.h"
#include "learn/factor/neighbours.h"
#include "support/check.h"

typedef struct matrix {
    int64_t *starts;
    int32_t *indices;
    float *values;
    mx_csr csr;
} matrix;

static matrix read_matrix(json_t *c)
{
    size_t n, links;
    matrix m;
    double *starts = check_doubles(c, "starts", &n), *indices = check_doubles(c, "indices", &links),
           *values = check_doubles(c, "values", &links);
    m.starts = malloc(n * sizeof *m.starts);
    m.indices = malloc(links * sizeof *m.indices);
    m.values = malloc(links * sizeof *m.values);
    for (size_t i = 0; i < n; i++)
        m.starts[i] = (int64_t)starts[i];
    for (size_t e = 0; e < links; e++) {
        m.indices[e] = (int32_t)indices[e];
        m.values[e] = (float)values[e];
    }
    free(starts), free(indices), free(values);
    m.csr = (mx_csr){(size_t)check_number(c, "users"), (size_t)check_number(c, "items"), m.starts, m.indices, m.values};
    return m;
}

static void release(matrix *m)
{
    free(m->starts), free(m->indices), free(m->values);
}

/* The lists are the dense weights, each row largest first. */
static void check_lists(const mx_item_lists *lists, const double *want, size_t items, const char *what)
{
    size_t links = 0;
    assert_int_equal(lists->items, items);
    for (size_t j = 0; j < items; j++) {
        for (size_t t = 0; t < items; t++) {
            double got = mx_item_lists_weight(lists, (int32_t)j, (int32_t)t);
            if (!(fabs(got - want[j * items + t]) <= 2e-7 * (fabs(want[j * items + t]) + 1e-3)))
                check_die(__FILE__, __LINE__, "%s: weight (%zu, %zu) is %.9g, not %.9g", what, j, t, got,
                          want[j * items + t]);
            links += want[j * items + t] != 0;
        }
        for (int64_t k = lists->starts[j] + 1; k < lists->starts[j + 1]; k++)
            assert_true(fabsf(lists->weights[k - 1]) > fabsf(lists->weights[k]) ||
                        (fabsf(lists->weights[k - 1]) == fabsf(lists->weights[k]) &&
                         lists->indices[k - 1] < lists->indices[k]));
    }
    assert_true(links > items);
    assert_int_equal(mx_item_lists_count(lists), links);
}

static void test_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("ease"), *c, *e;
    size_t index, penalty, n;
    json_array_foreach(check_member(golden, "cases"), index, c)
    {
        matrix m = read_matrix(c);
        mx_item_lists lists;
        json_array_foreach(check_member(c, "ease"), penalty, e)
        {
            double *want = check_doubles(e, "weights", &n);
            check_ok(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = check_number(e, "l2")}, NULL, NULL, &lists, &err),
                     err);
            /* Items that nobody had take no part: their rows and columns are zero in NumPy, too. */
            check_lists(&lists, want, m.csr.columns, "ease");
            mx_item_lists_release(&lists);
            free(want);
        }
        const char *const kinds[] = {"cosine", "tfidf", "bm25"};
        const mx_similarity similarities[] = {MX_COSINE, MX_TFIDF, MX_BM25};
        for (size_t k = 0; k < 3; k++) {
            json_t *all = check_member(c, "neighbours");
            if (json_object_get(all, kinds[k]) == NULL)
                continue;
            double *want = check_doubles(all, kinds[k], &n);
            mx_neighbours_options o = {.similarity = similarities[k], .keep = 1000}; /* more than there are */
            check_ok(mx_neighbours_fit(&m.csr, &o, NULL, NULL, &lists, &err), err);
            check_lists(&lists, want, m.csr.columns, kinds[k]);
            mx_item_lists_release(&lists);
            free(want);
        }
        release(&m);
    }
    assert_int_equal(index, 3);
    json_decref(golden);
}

enum { USERS = 200, ITEMS = 150 };

static matrix planted(void)
{
    matrix m = {.starts = calloc(USERS + 1, sizeof(int64_t)),
                .indices = malloc(sizeof(int32_t) * USERS * ITEMS),
                .values = malloc(sizeof(float) * USERS * ITEMS)};
    mx_random random;
    mx_random_init(&random, 12, 0);
    int64_t at = 0;
    for (size_t u = 0; u < USERS; u++) {
        for (size_t i = 0; i < ITEMS && u != 7; i++)
            if (i != 9 && mx_random_uniform(&random) < (u % 3 == i % 3 ? 0.2 : 0.02)) {
                m.indices[at] = (int32_t)i;
                m.values[at++] = (float)(1 + mx_random_below(&random, 4));
            }
        m.starts[u + 1] = at;
    }
    m.csr = (mx_csr){USERS, ITEMS, m.starts, m.indices, m.values};
    return m;
}

static void check_same(const mx_item_lists *a, const mx_item_lists *b)
{
    assert_memory_equal(a->starts, b->starts, (a->items + 1) * sizeof *a->starts);
    assert_memory_equal(a->indices, b->indices, mx_item_lists_count(a) * sizeof *a->indices);
    assert_memory_equal(a->weights, b->weights, mx_item_lists_count(a) * sizeof *a->weights);
}

/* The largest of each row are kept; items that nobody had have no list; the same bits on any number of threads. */
static void test_keep_and_threads(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted();
    mx_item_lists all, few, other;
    check_ok(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 20}, NULL, NULL, &all, &err), err);
    check_ok(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 20, .keep = 7}, NULL, NULL, &few, &err), err);
    double within = 0, across = 0;
    for (size_t j = 0; j < ITEMS; j++) {
        size_t count = (size_t)(few.starts[j + 1] - few.starts[j]);
        assert_int_equal(count, j == 9 ? 0 : 7);
        assert_int_equal(all.starts[j + 1] - all.starts[j], j == 9 ? 0 : ITEMS - 2);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(few.indices[(size_t)few.starts[j] + k], all.indices[(size_t)all.starts[j] + k]);
            assert_true(few.weights[(size_t)few.starts[j] + k] == all.weights[(size_t)all.starts[j] + k]);
        }
        for (size_t t = 0; t < ITEMS; t++)
            *(j % 3 == t % 3 ? &within : &across) += mx_item_lists_weight(&all, (int32_t)j, (int32_t)t);
    }
    assert_true(within > 0 && within > 3 * fabs(across));
    for (int threads = 2; threads <= 8; threads *= 2) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 20}, NULL, task, &other, &err), err);
        check_same(&all, &other);
        mx_item_lists_release(&other);
        mx_neighbours_options bm25 = {.similarity = MX_BM25, .keep = 9};
        check_ok(mx_neighbours_fit(&m.csr, &bm25, NULL, task, &other, &err), err);
        mx_item_lists once;
        check_ok(mx_neighbours_fit(&m.csr, &bm25, NULL, NULL, &once, &err), err);
        check_same(&once, &other);
        mx_item_lists_release(&once);
        mx_item_lists_release(&other);
        merx_task_free(task);
    }
    /* A score is the sum of its parts. */
    const int32_t history[] = {3, 60, 61};
    const float values[] = {1, 2, 0.5f};
    double scores[ITEMS] = {0};
    mx_item_lists_score(&all, history, values, 3, 2, scores);
    for (int32_t t = 0; t < ITEMS; t++)
        check_close(scores[t],
                    2 * (mx_item_lists_weight(&all, 3, t) + 2 * mx_item_lists_weight(&all, 60, t) +
                         0.5 * mx_item_lists_weight(&all, 61, t)),
                    1e-12);
    mx_item_lists_release(&all);
    mx_item_lists_release(&few);
    release(&m);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    matrix m = planted();
    mx_item_lists out;
    check_fails(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 0}, NULL, NULL, &out, &err), MERX_E_RANGE, err);
    check_fails(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = NAN}, NULL, NULL, &out, &err), MERX_E_RANGE, err);
    assert_int_equal(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 1, .max_items = 149}, NULL, NULL, &out, &err),
                     MERX_E_LIMIT);
    check_contains(err.message, "max_items");
    err = (merx_error){0};
    m.values[5] = NAN;
    check_fails(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 1}, NULL, NULL, &out, &err), MERX_E_INVALID, err);
    check_fails(mx_neighbours_fit(&m.csr, &(mx_neighbours_options){.similarity = MX_TFIDF}, NULL, NULL, &out, &err),
                MERX_E_INVALID, err);
    m.values[5] = -1; /* weighs against in EASE; has no square root */
    check_ok(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 1}, NULL, NULL, &out, &err), err);
    mx_item_lists_release(&out);
    check_fails(mx_neighbours_fit(&m.csr, &(mx_neighbours_options){.similarity = MX_BM25}, NULL, NULL, &out, &err),
                MERX_E_INVALID, err);
    m.values[5] = 3e38f;
    m.values[6] = 3e38f;
    check_fails(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 1e-9}, NULL, NULL, &out, &err), MERX_E_NUMERIC, err);
    const int64_t none[] = {0, 0};
    mx_csr empty = {1, 4, none, NULL, NULL};
    check_fails(mx_ease_fit(&empty, &(mx_ease_options){.l2 = 1}, NULL, NULL, &out, &err), MERX_E_INVALID, err);
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .max_memory_bytes = 100000}, &task, &err), err);
    m.values[5] = m.values[6] = 1;
    assert_int_equal(mx_ease_fit(&m.csr, &(mx_ease_options){.l2 = 1}, NULL, task, &out, &err), MERX_E_LIMIT);
    check_contains(err.message, "needs about");
    merx_task_free(task);
    release(&m);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    const matrix *m = context;
    merx_task *task = NULL;
    mx_item_lists ease = {0}, tfidf = {0};
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    merx_status status = mx_ease_fit(&m->csr, &(mx_ease_options){.l2 = 1, .keep = 3}, alloc, task, &ease, err);
    if (status == MERX_OK)
        status = mx_neighbours_fit(&m->csr, &(mx_neighbours_options){.similarity = MX_TFIDF, .keep = 3}, alloc, task,
                                   &tfidf, err);
    mx_item_lists_release(&tfidf);
    mx_item_lists_release(&ease);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    matrix m = planted();
    check_every_allocation(scenario, &m);
    release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_keep_and_threads),
                                       cmocka_unit_test(test_bad_input), cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
