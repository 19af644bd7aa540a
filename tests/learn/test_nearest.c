/*
 * Nearest neighbours: exact search against its twin, also on vectors that are hard for floats; the graph's recall; the same bits for any number of threads and one query
 * alone; adding and removing at random against a plain list; bad input; cancelling.
 */
#include "learn/nearest_twin.h"

static merx_error err;

static merx_nearest *build(merx_similarity similarity, merx_nearest_method method, const float *x, const int64_t *ids,
                           size_t n, size_t d, int threads)
{
    merx_nearest *index = NULL;
    merx_task *task = NULL;
    merx_nearest_options options = {.similarity = similarity, .method = method, .seed = 5, .links = 8};
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 3}, &task, &err), err);
    check_ok(merx_nearest_build(NULL, &options, x, ids, n, d, task, &index, &err), err);
    merx_task_free(task);
    return index;
}

/* An index that makes queries of the kept form: they are vectors of an index of their own. */
static void compare_exact(const float *x, size_t n, const float *queries, size_t m, size_t d, size_t k,
                          const char *what)
{
    int64_t *ids = malloc(n * sizeof *ids);
    merx_neighbour *got = malloc(m * k * sizeof *got), *one = malloc(k * sizeof *one), *want = malloc(k * sizeof *want);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int64_t)(n - i) * 3;
    for (int similarity = 0; similarity < MERX_SIMILARITIES; similarity++) {
        merx_nearest *index = build((merx_similarity)similarity, MERX_NEAREST_EXACT, x, ids, n, d, 1);
        merx_nearest *asked = build((merx_similarity)similarity, MERX_NEAREST_EXACT, queries, NULL, m, d, 1);
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 4}, &task, &err), err);
        check_ok(merx_nearest_search(index, queries, m, k, task, got, &err), err);
        for (size_t i = 0; i < m; i += 1 + m / 40) {
            twin_search(index, ids, n, merx_nearest_vector(asked, (int64_t)i), k, want);
            twin_check(got + i * k, want, k, what, i);
            check_ok(merx_nearest_search(index, queries + i * d, 1, k, NULL, one, &err), err);
            twin_check(one, want, k, "one alone", i);
        }
        merx_task_free(task);
        merx_nearest_free(asked);
        merx_nearest_free(index);
    }
    free(ids), free(got), free(one), free(want);
}

static void test_exact(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 3, 8, 13, 40};
    for (size_t w = 0; w < 5; w++)
        for (size_t m = 3; m <= 250; m = m * 3 + 1) {
            float *x = twin_vectors(700, widths[w], 20, 0.4, 1), *q = twin_vectors(m, widths[w], 20, 0.4, 2);
            compare_exact(x, 700, q, m, widths[w], 10, "plain");
            free(x), free(q);
        }
    float *x = twin_vectors(9000, 5, 50, 0.2, 1), *q = twin_vectors(1700, 5, 50, 0.2, 2); /* segments; many blocks */
    compare_exact(x, 9000, q, 7, 5, 12, "segments");
    compare_exact(x, 9000, q, 1700, 5, 3, "blocks");
    compare_exact(x, 4, q, 6, 5, 9, "fewer than k");
    free(x), free(q);
}

/* Ties, distances far below the vectors' lengths, and lengths at both ends of what a float holds. */
static void test_hard(void **state)
{
    (void)state;
    enum { N = 600, D = 11, M = 20 };
    float *x = twin_vectors(N, D, 15, 0, 1), *q = twin_vectors(M, D, 15, 0, 2);
    compare_exact(x, N, q, M, D, 50, "equal vectors");
    for (size_t i = 0; i < N * D; i++)
        x[i] = (float)(int)(x[i] * 2);
    for (size_t i = 0; i < M * D; i++)
        q[i] = i < D ? 0 : (float)(int)(q[i] * 2);
    compare_exact(x, N, q, M, D, 30, "whole numbers and a query of zeros");
    static const double shifts[] = {1000, 1e6, 0, 0}, scales[] = {1e-2, 1, 1e17, 1e-25};
    for (int c = 0; c < 4; c++) {
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < D; j++) {
                mx_random random;
                mx_random_init(&random, 9, i * D + j);
                x[i * D + j] = (float)(shifts[c] + scales[c] * mx_random_normal(&random));
                if (i < M)
                    q[i * D + j] = (float)(shifts[c] + scales[c] * mx_random_normal(&random));
            }
        compare_exact(x, N, q, M, D, 10, "far from zero, or near it");
    }
    free(x), free(q);
}

enum { N = 3000, D = 20, M = 150, K = 10 };

static char *file_of(const merx_nearest *index, size_t *size)
{
    char folder[256], path[300];
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/index", folder);
    check_ok(merx_nearest_save(index, path, &err), err);
    char *bytes = check_read_file(path, size);
    check_remove_folder(folder);
    return bytes;
}

/* What is saved can be loaded: every link is checked there. */
static void check_whole(const merx_nearest *index)
{
    size_t size;
    char *bytes = file_of(index, &size);
    void *aligned = NULL;
    assert_int_equal(posix_memalign(&aligned, 64, size), 0);
    memcpy(aligned, bytes, size);
    merx_nearest *loaded = NULL;
    check_ok(merx_nearest_load_memory(NULL, aligned, size, "whole", true, &loaded, &err), err);
    assert_int_equal(merx_nearest_describe(loaded).count, merx_nearest_describe(index).count);
    merx_nearest_free(loaded);
    free(aligned), free(bytes);
}

static void check_same_file(const merx_nearest *a, const merx_nearest *b)
{
    size_t n, m;
    char *x = file_of(a, &n), *y = file_of(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x), free(y);
}

static void test_graph(void **state)
{
    (void)state;
    float *x = twin_vectors(N, D, 40, 0.6, 1), *q = twin_vectors(M, D, 40, 0.6, 2);
    static merx_neighbour exact[M * K], graph[M * K], one[K];
    for (int similarity = 0; similarity < MERX_SIMILARITIES; similarity++) {
        merx_nearest *index = build((merx_similarity)similarity, MERX_NEAREST_HNSW, x, NULL, N, D, 1);
        merx_nearest *threads = build((merx_similarity)similarity, MERX_NEAREST_HNSW, x, NULL, N, D, 7);
        check_same_file(index, threads);
        check_ok(merx_nearest_search_exact(index, q, M, K, NULL, exact, &err), err);
        check_ok(merx_nearest_search(threads, q, M, K, NULL, graph, &err), err);
        double recall = twin_recall(graph, exact, M, K), least = similarity == MERX_INNER_PRODUCT ? 0.9 : 0.98;
        print_message("  %s: recall %.4f\n", merx_similarity_name((merx_similarity)similarity), recall);
        assert_true(recall >= least);
        for (size_t i = 0; i < M; i++) {
            check_ok(merx_nearest_search(index, q + i * D, 1, K, NULL, one, &err), err);
            twin_check(one, graph + i * K, K, "one alone", i);
            for (size_t j = 0; j < K; j++) /* scores are those of exact search */
                for (size_t e = 0; e < K; e++)
                    if (exact[i * K + e].id == one[j].id)
                        check_same_double(one[j].score, exact[i * K + e].score);
        }
        /* Less with fewer candidates, all with as many as there are. */
        check_ok(merx_nearest_search_graph(index, q, M, K, K, NULL, graph, &err), err);
        assert_true(twin_recall(graph, exact, M, K) < recall);
        check_ok(merx_nearest_search_graph(index, q, M, K, N, NULL, graph, &err), err);
        check_close(twin_recall(graph, exact, M, K), 1, 0.001);
        merx_nearest_free(threads);
        merx_nearest_free(index);
    }
    free(x), free(q);
}

static void test_recall(void **state)
{
    (void)state;
    float *x = twin_vectors(N, D, 40, 0.6, 1), *q = twin_vectors(M, D, 40, 0.6, 2);
    merx_nearest *index = build(MERX_EUCLIDEAN, MERX_NEAREST_HNSW, x, NULL, N, D, 1);
    merx_recall low, high, tuned, again;
    check_ok(merx_nearest_measure(index, q, M, K, 12, NULL, &low, &err), err);
    check_ok(merx_nearest_measure(index, q, M, K, 200, NULL, &high, &err), err);
    assert_true(low.low <= low.value && low.value <= low.high && low.low < low.high);
    assert_true(low.value < high.value && high.value <= 1);
    static merx_neighbour exact[M * K], graph[M * K];
    check_ok(merx_nearest_search_exact(index, q, M, K, NULL, exact, &err), err);
    check_ok(merx_nearest_search_graph(index, q, M, K, 12, NULL, graph, &err), err);
    check_close(low.value, twin_recall(graph, exact, M, K), 1e-12);
    check_ok(merx_nearest_tune(index, NULL, 200, K, 0.95, NULL, &tuned, &err), err);
    print_message("  ef %zu: %.4f [%.4f, %.4f]\n", tuned.ef, tuned.value, tuned.low, tuned.high);
    assert_true(tuned.value >= 0.95 && tuned.k == K && tuned.queries == 200);
    merx_nearest_info info = merx_nearest_describe(index);
    assert_int_equal(info.ef, tuned.ef);
    check_same_double(info.recall.value, tuned.value);
    check_ok(merx_nearest_measure(index, NULL, 200, K, 0, NULL, &again, &err), err);
    check_same_double(again.value, tuned.value);
    if (tuned.ef > K) {
        check_ok(merx_nearest_measure(index, NULL, 200, K, tuned.ef * 4 / 5 - 1 < K ? K : tuned.ef * 4 / 5 - 1, NULL,
                                      &again, &err),
                 err);
        assert_true(again.value < tuned.value);
    }
    check_ok(merx_nearest_measure(index, NULL, 1000000, K, 0, NULL, &again, &err), err);
    assert_int_equal(again.queries, N);
    check_fails(merx_nearest_tune(index, q, M, K, 1.5, NULL, &tuned, &err), MERX_E_RANGE, err);
    check_fails(merx_nearest_tune(index, q, 0, K, 0.9, NULL, &tuned, &err), MERX_E_RANGE, err);
    /* A graph too thin for what is asked says so, and is left as it was. */
    merx_nearest *thin = NULL;
    merx_nearest_options options = {MERX_INNER_PRODUCT, MERX_NEAREST_HNSW, 2, 2, 30, 1};
    check_ok(merx_nearest_build(NULL, &options, x, NULL, N, D, NULL, &thin, &err), err);
    merx_status status = merx_nearest_tune(thin, q, M, K, 1, NULL, &tuned, &err);
    if (status != MERX_OK) {
        assert_int_equal(status, MERX_E_NUMERIC);
        check_contains(err.message, "links");
        assert_int_equal(merx_nearest_describe(thin).ef, 30);
        merx_error_clear(&err);
    }
    merx_nearest_free(thin);
    merx_nearest *flat = build(MERX_COSINE, MERX_NEAREST_EXACT, x, NULL, N, D, 1);
    check_ok(merx_nearest_tune(flat, q, M, K, 1, NULL, &tuned, &err), err);
    check_same_double(tuned.value, 1);
    merx_nearest_free(flat);
    merx_nearest_free(index);
    free(x), free(q);
}

/* Many equal vectors: all can be found, by ascending id. */
static void test_equal(void **state)
{
    (void)state;
    float *x = twin_vectors(1200, 6, 12, 0, 1);
    merx_nearest *index = build(MERX_COSINE, MERX_NEAREST_HNSW, x, NULL, 1200, 6, 1);
    merx_neighbour got[40], want[40];
    size_t missed = 0;
    for (size_t i = 0; i < 1200; i += 7) {
        check_ok(merx_nearest_search_exact(index, x + i * 6, 1, 40, NULL, want, &err), err);
        check_ok(merx_nearest_search_graph(index, x + i * 6, 1, 40, 80, NULL, got, &err), err);
        for (size_t j = 0; j < 40; j++)
            missed += got[j].score < want[j].score;
        for (size_t j = 1; j < 40; j++)
            assert_true(got[j].score < got[j - 1].score || got[j].id > got[j - 1].id);
    }
    print_message("  %zu of %d missed\n", missed, 172 * 40);
    assert_true(missed <= 172 * 40 / 50);
    merx_nearest_free(index);
    free(x);
}

/* ---- adding and removing ---- */

static void random_changes(merx_nearest_method method, merx_similarity similarity, uint64_t seed)
{
    enum { MOST = 2500, WIDTH = 9 };
    static int64_t ids[MOST];
    size_t n = 300, rounds = 25;
    int64_t next = 300;
    float *x = twin_vectors(20000, WIDTH, 30, 0.5, seed);
    merx_nearest *index = build(similarity, method, x, NULL, n, WIDTH, 1);
    mx_random random;
    mx_random_init(&random, seed, 1);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int64_t)i;
    for (size_t round = 0; round < rounds; round++) {
        size_t some = 1 + mx_random_below(&random, round % 5 == 4 ? n : 150);
        if (mx_random_below(&random, 2) == 0 || n < 50) {
            int64_t fresh[MOST];
            some = some < MOST - n ? some : MOST - n;
            for (size_t i = 0; i < some; i++)
                ids[n++] = fresh[i] = next++;
            bool named = round % 2 == 0;
            check_ok(merx_nearest_add(index, x + fresh[0] * WIDTH, named ? fresh : NULL, some, NULL, &err), err);
        } else {
            int64_t gone[MOST];
            some = some < n ? some : n;
            for (size_t i = 0; i < some; i++) {
                size_t at = mx_random_below(&random, n);
                gone[i] = ids[at];
                ids[at] = ids[--n];
            }
            check_ok(merx_nearest_remove(index, gone, some, NULL, &err), err);
            for (size_t i = 0; i < some; i++)
                assert_false(merx_nearest_has(index, gone[i]));
        }
        assert_int_equal(merx_nearest_describe(index).count, n);
        if (method == MERX_NEAREST_HNSW)
            check_whole(index);
        merx_neighbour got[20 * 8], want[20 * 8];
        for (size_t i = 0; i < 20; i++) {
            size_t at = mx_random_below(&random, 20000);
            merx_nearest *asked = build(similarity, MERX_NEAREST_EXACT, x + at * WIDTH, NULL, 1, WIDTH, 1);
            twin_search(index, ids, n, merx_nearest_vector(asked, 0), 8, want + i * 8);
            merx_nearest_free(asked);
            check_ok(merx_nearest_search_exact(index, x + at * WIDTH, 1, 8, NULL, got + i * 8, &err), err);
            twin_check(got + i * 8, want + i * 8, 8, "after changes", i);
            check_ok(merx_nearest_search(index, x + at * WIDTH, 1, 8, NULL, got + i * 8, &err), err);
        }
        if (n >= 8 && !(twin_recall(got, want, 20, 8) >= (similarity == MERX_INNER_PRODUCT ? 0.8 : 0.95)))
            check_die(__FILE__, __LINE__, "seed %llu, round %zu: recall %.3f of %zu vectors", (unsigned long long)seed,
                      round, twin_recall(got, want, 20, 8), n);
    }
    check_ok(merx_nearest_remove(index, ids, n, NULL, &err), err);
    merx_neighbour none[3];
    check_ok(merx_nearest_search(index, x, 1, 3, NULL, none, &err), err);
    assert_true(none[0].id == -1 && isnan(none[0].score));
    check_ok(merx_nearest_add(index, x, NULL, 50, NULL, &err), err);
    check_ok(merx_nearest_search(index, x, 1, 3, NULL, none, &err), err);
    assert_in_range(none[0].id, next, next + 49); /* numbers are not used again */
    merx_nearest_free(index);
    free(x);
}

static void test_changes(void **state)
{
    (void)state;
    random_changes(MERX_NEAREST_EXACT, MERX_COSINE, 11);
    random_changes(MERX_NEAREST_HNSW, MERX_EUCLIDEAN, 12);
    random_changes(MERX_NEAREST_HNSW, MERX_COSINE, 13);
    random_changes(MERX_NEAREST_HNSW, MERX_INNER_PRODUCT, 14);
}

/* ---- files ---- */

static void test_file(void **state)
{
    (void)state;
    char folder[256], path[300];
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/index", folder);
    float *x = twin_vectors(N, D, 40, 0.6, 1), *q = twin_vectors(M, D, 40, 0.6, 2);
    static merx_neighbour before[M * K], after[M * K];
    merx_recall recall;
    for (int method = MERX_NEAREST_EXACT; method < MERX_NEAREST_METHODS; method++) {
        merx_nearest *index = build(MERX_COSINE, (merx_nearest_method)method, x, NULL, N, D, 1), *loaded = NULL;
        check_ok(merx_nearest_tune(index, q, M, K, 0.9, NULL, &recall, &err), err);
        check_ok(merx_nearest_save(index, path, &err), err);
        check_ok(merx_nearest_load(NULL, path, true, &loaded, &err), err);
        merx_nearest_info a = merx_nearest_describe(index), b = merx_nearest_describe(loaded);
        assert_true(a.similarity == b.similarity && a.method == b.method && a.count == b.count && a.width == b.width &&
                    a.links == b.links && a.ef == b.ef && a.layers == b.layers && a.seed == b.seed &&
                    a.ef_construction == b.ef_construction && a.recall.k == b.recall.k && a.recall.ef == b.recall.ef &&
                    a.recall.queries == b.recall.queries);
        check_same_double(a.recall.low, b.recall.low);
        check_ok(merx_nearest_search(index, q, M, K, NULL, before, &err), err);
        check_ok(merx_nearest_search(loaded, q, M, K, NULL, after, &err), err);
        for (size_t i = 0; i < M; i++)
            twin_check(after + i * K, before + i * K, K, "loaded", i);
        check_same_file(index, loaded);
        /* What changes after loading changes as if it had never been a file. */
        const int64_t gone[] = {7, 2999, 14};
        check_ok(merx_nearest_remove(index, gone, 3, NULL, &err), err);
        check_ok(merx_nearest_remove(loaded, gone, 3, NULL, &err), err);
        check_ok(merx_nearest_add(index, q, NULL, 100, NULL, &err), err);
        check_ok(merx_nearest_add(loaded, q, NULL, 100, NULL, &err), err);
        check_same_file(index, loaded);
        assert_int_equal(merx_nearest_describe(loaded).recall.k, 0);
        merx_nearest_free(loaded);
        merx_nearest_free(index);
    }
    check_fails(merx_nearest_load(NULL, "/nowhere/at/all", false, &(merx_nearest *){NULL}, &err), MERX_E_NOT_FOUND,
                err);
    check_remove_folder(folder);
    free(x), free(q);
}

/* Every file with some bytes changed is refused, or is an index that can be searched. */
static void test_damaged(void **state)
{
    (void)state;
    float *x = twin_vectors(120, 5, 10, 0.5, 1);
    merx_nearest *index = build(MERX_EUCLIDEAN, MERX_NEAREST_HNSW, x, NULL, 120, 5, 1), *loaded;
    size_t size, refused = 0, taken = 0;
    char *bytes = file_of(index, &size), *copy = NULL;
    assert_int_equal(posix_memalign((void **)&copy, 64, size), 0);
    mx_random random;
    mx_random_init(&random, 3, 3);
    for (int round = 0; round < 4000; round++) {
        memcpy(copy, bytes, size);
        size_t at = mx_random_below(&random, round % 2 ? size : 2500);
        for (size_t i = 0; i < 1 + mx_random_below(&random, 4) && at + i < size; i++)
            copy[at + i] = (char)mx_random_u32(&random);
        merx_neighbour got[5];
        if (merx_nearest_load_memory(NULL, copy, size, "damaged", false, &loaded, &err) != MERX_OK) {
            assert_null(loaded);
            assert_true(err.message[0] != '\0');
            merx_error_clear(&err);
            refused++;
            continue;
        }
        if (merx_nearest_describe(loaded).width == 5)
            check_ok(merx_nearest_search(loaded, x, 1, 5, NULL, got, &err), err);
        merx_nearest_free(loaded);
        taken++;
    }
    print_message("  %zu refused, %zu taken\n", refused, taken);
    assert_true(refused > 500 && taken > 100);
    for (size_t cut = 0; cut < size; cut += 97)
        assert_int_not_equal(merx_nearest_load_memory(NULL, copy, cut, "cut", false, &loaded, NULL), MERX_OK);
    merx_nearest_free(index);
    free(bytes), free(copy), free(x);
}

/* ---- bad input ---- */

static void test_bad_input(void **state)
{
    (void)state;
    float *x = twin_vectors(200, 4, 10, 0.5, 1);
    merx_nearest *index = NULL;
    merx_neighbour got[4];
    int64_t ids[200];
    for (size_t i = 0; i < 200; i++)
        ids[i] = (int64_t)i * 2;
    check_fails(merx_nearest_build(NULL, NULL, x, NULL, 10, 0, NULL, &index, &err), MERX_E_SHAPE, err);
    check_fails(merx_nearest_build(NULL, NULL, x, NULL, 1, MERX_NEAREST_MAX_WIDTH + 1, NULL, &index, &err),
                MERX_E_SHAPE, err);
    check_fails(merx_nearest_build(NULL, &(merx_nearest_options){.method = MERX_NEAREST_HNSW, .links = 1}, x, NULL, 10,
                                   4, NULL, &index, &err),
                MERX_E_RANGE, err);
    check_fails(merx_nearest_build(NULL, &(merx_nearest_options){.similarity = MERX_SIMILARITIES}, x, NULL, 10, 4, NULL,
                                   &index, &err),
                MERX_E_INVALID, err);
    for (int method = MERX_NEAREST_EXACT; method < MERX_NEAREST_METHODS; method++) {
        index = build(MERX_EUCLIDEAN, (merx_nearest_method)method, x, ids, 100, 4, 1);
        merx_nearest *same = build(MERX_EUCLIDEAN, (merx_nearest_method)method, x, ids, 100, 4, 1);
        float bad[8] = {1, 2, 3, 4, 5, NAN, 7, 8};
        merx_status status = merx_nearest_add(index, bad, NULL, 2, NULL, &err);
        assert_int_equal(status, MERX_E_NUMERIC);
        check_contains(err.message, "row 1, column 1");
        merx_error_clear(&err);
        bad[5] = 3e18F;
        check_fails(merx_nearest_add(index, bad, NULL, 2, NULL, &err), MERX_E_RANGE, err);
        bad[5] = 0;
        check_fails(merx_nearest_add(index, bad, (const int64_t[]){1, 198}, 2, NULL, &err), MERX_E_EXISTS, err);
        check_fails(merx_nearest_add(index, bad, (const int64_t[]){1, 1}, 2, NULL, &err), MERX_E_EXISTS, err);
        check_fails(merx_nearest_add(index, bad, (const int64_t[]){1, -1}, 2, NULL, &err), MERX_E_RANGE, err);
        check_fails(merx_nearest_remove(index, (const int64_t[]){0, 5}, 2, NULL, &err), MERX_E_NOT_FOUND, err);
        check_fails(merx_nearest_remove(index, (const int64_t[]){0, 2, 0}, 3, NULL, &err), MERX_E_NOT_FOUND, err);
        check_fails(merx_nearest_search(index, x, 1, 0, NULL, got, &err), MERX_E_RANGE, err);
        check_fails(merx_nearest_search_ids(index, (const int64_t[]){1}, 1, 1, NULL, got, &err), MERX_E_NOT_FOUND, err);
        bad[0] = INFINITY;
        check_fails(merx_nearest_search(index, bad, 1, 1, NULL, got, &err), MERX_E_NUMERIC, err);
        if (method == MERX_NEAREST_EXACT)
            check_fails(merx_nearest_search_graph(index, x, 1, 1, 9, NULL, got, &err), MERX_E_UNSUPPORTED, err);
        check_same_file(index, same); /* nothing was changed by any of it */
        check_ok(merx_nearest_search_ids(index, (const int64_t[]){20, 60}, 2, 2, NULL, got, &err), err);
        assert_true(got[0].id != 20 && got[1].id != 20 && got[2].id != 60 && got[3].id != 60);
        check_ok(merx_nearest_search(index, x + 10 * 4, 1, 2, NULL, got + 2, &err), err);
        assert_int_equal(got[2].id, 20);
        assert_int_equal(got[3].id, got[0].id);
        merx_nearest_free(same);
        merx_nearest_free(index);
    }
    check_ok(merx_nearest_build(NULL, NULL, NULL, NULL, 0, 4, NULL, &index, &err), err);
    check_ok(merx_nearest_search(index, x, 1, 4, NULL, got, &err), err);
    assert_true(got[0].id == -1 && isnan(got[3].score));
    check_whole(index);
    merx_nearest_free(index);
    free(x);
}

static void cancel_when_begun(void *context, const merx_progress *progress)
{
    if (progress->count > 0)
        merx_task_cancel(*(merx_task **)context);
}

/* Cancelled at the start nothing is in; later some batches are; the index is whole each time. */
static void test_cancel(void **state)
{
    (void)state;
    enum { MANY = 12000 };
    float *x = twin_vectors(MANY, D, 40, 0.6, 1);
    merx_nearest *index = build(MERX_EUCLIDEAN, MERX_NEAREST_HNSW, x, NULL, 500, D, 1);
    merx_nearest *same = build(MERX_EUCLIDEAN, MERX_NEAREST_HNSW, x, NULL, 500, D, 1);
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2}, &task, &err), err);
    merx_task_cancel(task);
    check_fails(merx_nearest_add(index, x + 500 * D, NULL, 1000, task, &err), MERX_E_CANCELLED, err);
    check_same_file(index, same);
    merx_task_free(task);
    merx_task_options options = {.threads = 2, .progress = cancel_when_begun, .progress_context = &task};
    check_ok(merx_task_new(NULL, &options, &task, &err), err);
    merx_status status = merx_nearest_add(index, x + 500 * D, NULL, MANY - 500, task, &err);
    size_t count = merx_nearest_describe(index).count;
    print_message("  %s, %zu in\n", merx_status_name(status), count);
    assert_true(status == MERX_OK ? count == MANY : status == MERX_E_CANCELLED && count < MANY);
    merx_error_clear(&err);
    check_whole(index);
    merx_task_free(task);
    merx_neighbour got[1];
    check_ok(merx_nearest_search(index, x + (count - 1) * D, 1, 1, NULL, got, &err), err);
    assert_int_equal(got[0].id, count - 1);
    merx_nearest_free(same);
    merx_nearest_free(index);
    free(x);
}

/* ---- memory that fails ---- */

static merx_status life(const merx_allocator *alloc, void *context, merx_error *error)
{
    const float *x = context;
    merx_task *task = NULL;
    merx_nearest *index = NULL, *loaded = NULL;
    merx_neighbour got[3 * 7];
    merx_recall recall;
    char folder[256], path[300];
    merx_nearest_options options = {.similarity = MERX_COSINE, .method = MERX_NEAREST_HNSW, .links = 4};
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/index", folder);
    merx_status status = merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, error);
    if (status == MERX_OK)
        status = merx_nearest_build(alloc, &options, x, NULL, 150, 6, task, &index, error);
    if (status == MERX_OK)
        status = merx_nearest_search(index, x, 7, 3, task, got, error);
    if (status == MERX_OK) {
        size_t before = merx_nearest_describe(index).count;
        status = merx_nearest_add(index, x + 150 * 6, NULL, 60, task, error);
        if (merx_nearest_describe(index).count != before + (status == MERX_OK ? 60 : 0))
            check_die(__FILE__, __LINE__, "a failed addition left %zu vectors", merx_nearest_describe(index).count);
    }
    if (status == MERX_OK) {
        status = merx_nearest_remove(index, (const int64_t[]){5, 160, 20}, 3, task, error);
        assert_int_equal(merx_nearest_has(index, 160), status != MERX_OK);
    }
    if (status == MERX_OK)
        status = merx_nearest_measure(index, NULL, 20, 3, 0, task, &recall, error);
    if (status == MERX_OK)
        status = merx_nearest_search_ids(index, (const int64_t[]){1, 2}, 2, 3, task, got, error);
    if (status == MERX_OK)
        status = merx_nearest_save(index, path, error);
    if (status == MERX_OK)
        status = merx_nearest_load(alloc, path, true, &loaded, error);
    if (status == MERX_OK)
        status = merx_nearest_add(loaded, x, NULL, 5, task, error);
    merx_nearest_free(loaded);
    merx_nearest_free(index);
    merx_task_free(task);
    check_remove_folder(folder);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    float *x = twin_vectors(210, 6, 10, 0.5, 1);
    check_every_allocation(life, x);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),  cmocka_unit_test(test_hard),        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_recall), cmocka_unit_test(test_equal),       cmocka_unit_test(test_changes),
        cmocka_unit_test(test_file),   cmocka_unit_test(test_damaged),     cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
