/*
 * Allocators, budget, arrays, arena; every allocation failing in turn.
 */
#include "base/random.h"
#include "base/str.h"
#include "support/check.h"

static void test_default_alignment(void **state)
{
    (void)state;
    const merx_allocator *heap = merx_allocator_default();
    for (size_t size = 1; size < 5000; size = size * 3 + 1) {
        unsigned char *block = heap->alloc(heap->context, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, 0x5A, size);
        block = heap->resize(heap->context, block, size, size * 2 + 7);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0x5A);
        block = heap->resize(heap->context, block, size * 2 + 7, 1);
        assert_int_equal(block[0], 0x5A);
        heap->release(heap->context, block, 1);
    }
    heap->release(heap->context, NULL, 0);
    void *fresh = heap->resize(heap->context, NULL, 0, 10);
    assert_non_null(fresh);
    heap->release(heap->context, fresh, 10);
    assert_null(heap->alloc(heap->context, SIZE_MAX - 3));
    assert_ptr_equal(mx_allocator_or_default(NULL), heap);
}

static void test_checked_sizes(void **state)
{
    (void)state;
    size_t size = 1;
    assert_true(mx_mul_size(3, 5, &size) && size == 15);
    assert_false(mx_mul_size(SIZE_MAX / 2, 3, &size));
    assert_int_equal(size, 0);
    assert_true(mx_add_size(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    assert_false(mx_add_size(SIZE_MAX, 1, &size));
    assert_int_equal(size, 0);
}

static void test_arrays(void **state)
{
    (void)state;
    merx_error err = {0};
    double *values = (double *)&err;
    check_ok(MX_NEW_ARRAY(NULL, 0, &values, "values", &err), err);
    assert_null(values);
    check_ok(MX_NEW_ARRAY(NULL, 100, &values, "values", &err), err);
    for (int i = 0; i < 100; i++)
        check_same_double(values[i], 0);
    MX_FREE_ARRAY(NULL, values, 100);
    values = (double *)&err;
    merx_status status = mx_alloc_array(NULL, SIZE_MAX / 4, 8, "values", &values, &err);
    assert_int_equal(status, MERX_E_MEMORY);
    assert_null(values);
    assert_string_equal(err.where, "values");
    merx_error_clear(&err);
    check_fails(mx_alloc_array_raw(NULL, SIZE_MAX / 16, 8, "values", &values, &err), MERX_E_MEMORY, err);
    mx_free_array(NULL, NULL, 5, 5);
}

static void test_budget(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_failing_allocator inner;
    mx_failing_allocator_init(&inner, -1, false);
    merx_budget *budget = NULL;
    check_ok(merx_budget_new(&inner.allocator, 1000, &budget, &err), err);
    const merx_allocator *alloc = merx_budget_allocator(budget);
    assert_int_equal(merx_budget_max(budget), 1000);
    void *a = alloc->alloc(alloc->context, 600);
    assert_non_null(a);
    assert_null(alloc->alloc(alloc->context, 401));
    assert_int_equal(merx_budget_used(budget), 600);
    void *b = alloc->alloc(alloc->context, 400);
    assert_non_null(b);
    assert_int_equal(merx_budget_used(budget), 1000);
    assert_null(alloc->resize(alloc->context, b, 400, 401));
    alloc->release(alloc->context, a, 600);
    b = alloc->resize(alloc->context, b, 400, 500); /* both exist for a moment */
    assert_non_null(b);
    assert_int_equal(merx_budget_used(budget), 500);
    assert_null(alloc->resize(alloc->context, b, 500, 501));
    inner.fail_at = inner.calls;
    assert_null(alloc->alloc(alloc->context, 10));
    assert_int_equal(merx_budget_used(budget), 500);
    inner.fail_at = inner.calls;
    assert_null(alloc->resize(alloc->context, b, 500, 10));
    assert_int_equal(merx_budget_used(budget), 500);
    alloc->release(alloc->context, b, 500);
    assert_int_equal(merx_budget_used(budget), 0);
    assert_int_equal(merx_budget_peak(budget), 1000);
    merx_budget_free(budget);
    merx_budget_free(NULL);
    assert_int_equal(inner.live_bytes, 0);

    check_ok(merx_budget_new(NULL, 0, &budget, &err), err);
    alloc = merx_budget_allocator(budget);
    a = alloc->resize(alloc->context, NULL, 16, 100000); /* no block: the old size counts for nothing */
    assert_non_null(a);
    assert_int_equal(merx_budget_used(budget), 100000);
    assert_null(alloc->alloc(alloc->context, SIZE_MAX - 10));
    alloc->release(alloc->context, a, 100000);
    merx_budget_free(budget);
}

static void test_parse_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"4096", 4096},
                {"0", 0},
                {"256M", UINT64_C(256) << 20},
                {"1.5G", UINT64_C(3) << 29},
                {"700MB", UINT64_C(700) << 20},
                {"2GiB", UINT64_C(2) << 30},
                {" 10 kb ", 10240},
                {"3T", UINT64_C(3) << 40},
                {"12b", 12}};
    merx_error err = {0};
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        check_ok(merx_parse_bytes(good[i].text, &bytes, &err), err);
        assert_true(bytes == good[i].bytes);
    }
    static const char *const bad[] = {"", "M", "-1", "1X", "1.2.3M", "1 2", "G1", "1e3", "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_fails(merx_parse_bytes(bad[i], &bytes, &err), MERX_E_PARSE, err);
    check_fails(merx_parse_bytes(NULL, &bytes, &err), MERX_E_PARSE, err);
    check_fails(merx_parse_bytes("99999999T", &bytes, &err), MERX_E_RANGE, err);
}

/* Random pushes, appends, reserves and clears against a plain array. */
static void test_vec_twin(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    static int twin[MOST];
    merx_error err = {0};
    for (uint64_t seed = 0; seed < 20; seed++) {
        mx_random random;
        mx_random_init(&random, seed, 0);
        mx_vec vec = mx_vec_init(NULL, sizeof(int), MOST, "numbers");
        size_t count = 0;
        for (int step = 0; step < 500; step++) {
            size_t n = mx_random_below(&random, 40);
            int values[40];
            for (size_t i = 0; i < n; i++)
                values[i] = (int)mx_random_u32(&random);
            int *slot = NULL;
            merx_status status =
                step % 2 == 0 ? mx_vec_append(&vec, values, n, &err) : mx_vec_push(&vec, n, &slot, &err);
            if (count + n > MOST) {
                assert_int_equal(status, MERX_E_LIMIT);
                merx_error_clear(&err);
                mx_vec_clear(&vec);
                count = 0;
                continue;
            }
            assert_int_equal(status, MERX_OK);
            if (step % 2 == 1 && n > 0)
                memcpy(slot, values, n * sizeof *values);
            memcpy(twin + count, values, n * sizeof *values);
            count += n;
            if (step % 50 == 0)
                check_ok(mx_vec_reserve(&vec, mx_random_below(&random, MOST), &err), err);
            assert_int_equal(vec.count, count);
            assert_true(vec.capacity <= MOST);
            if (count > 0)
                assert_memory_equal(vec.data, twin, count * sizeof *twin);
        }
        assert_int_equal(mx_vec_reserve(&vec, MOST + 1, &err), MERX_E_LIMIT);
        merx_error_clear(&err);
        mx_vec_release(&vec);
        mx_vec_release(&vec);
    }
    mx_vec huge = mx_vec_init(NULL, 8, SIZE_MAX, "huge");
    check_fails(mx_vec_reserve(&huge, SIZE_MAX / 4, &err), MERX_E_MEMORY, err);
    check_fails(mx_vec_push(&huge, SIZE_MAX / 16, NULL, &err), MERX_E_MEMORY, err);
    assert_int_equal(huge.count, 0);
}

static void test_arena(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_failing_allocator counting;
    mx_failing_allocator_init(&counting, -1, false);
    mx_arena arena;
    mx_arena_init(&arena, &counting.allocator);
    for (int round = 0; round < 3; round++) {
        enum { N = 2000 };
        static unsigned char *blocks[N];
        static size_t sizes[N];
        mx_random random;
        mx_random_init(&random, 9, (uint64_t)round);
        size_t total = 0;
        for (int i = 0; i < N; i++) {
            sizes[i] = i % 100 == 0 ? mx_random_below(&random, 300000) : mx_random_below(&random, 100);
            blocks[i] = mx_arena_alloc(&arena, sizes[i], &err);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            for (size_t j = 0; j < sizes[i]; j++)
                if (blocks[i][j] != 0)
                    check_die(__FILE__, __LINE__, "block %d is not zeroed at %zu", i, j);
            memset(blocks[i], i % 255 + 1, sizes[i]);
            total += sizes[i];
        }
        for (int i = 0; i < N; i++)
            for (size_t j = 0; j < sizes[i]; j++)
                if (blocks[i][j] != i % 255 + 1)
                    check_die(__FILE__, __LINE__, "block %d was overwritten at %zu", i, j);
        assert_true(arena.used_bytes >= total);
        assert_true((size_t)counting.live_bytes < total * 2 + (1 << 21));
        mx_arena_clear(&arena);
        assert_int_equal(arena.used_bytes, 0);
        assert_true(counting.live_blocks <= 1);
    }
    assert_string_equal(mx_arena_strdup(&arena, "shop", &err), "shop");
    assert_string_equal(mx_arena_strndup(&arena, "shopping", 4, &err), "shop");
    assert_string_equal(mx_arena_strndup(&arena, NULL, 0, &err), "");
    assert_string_equal(mx_arena_printf(&arena, &err, "%d-%s", 42, "x"), "42-x");
    assert_string_equal(mx_arena_join(&arena, (mx_str[]){MX_STR("a"), MX_STR(""), MX_STR("bc"), {NULL, 0}}, 4, &err),
                        "abc");
    assert_string_equal(mx_arena_join(&arena, NULL, 0, &err), "");
    assert_null(mx_arena_array(&arena, SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, MERX_E_MEMORY);
    merx_error_clear(&err);
    assert_null(mx_arena_alloc(&arena, SIZE_MAX - 1, &err));
    assert_int_equal(err.code, MERX_E_MEMORY);
    mx_arena_release(&arena);
    mx_arena_release(&arena);
    assert_int_equal(counting.live_blocks, 0);
    assert_int_equal(counting.live_bytes, 0);
}

/* The same again takes one block; what it hands out as an allocator holds that contract. */
static void test_arena_again(void **state)
{
    (void)state;
    mx_failing_allocator counting;
    mx_failing_allocator_init(&counting, -1, false);
    mx_arena arena;
    mx_arena_init(&arena, &counting.allocator);
    for (int round = 0; round < 4; round++) {
        merx_allocator alloc = mx_arena_allocator(&arena);
        int64_t before = counting.calls;
        unsigned char *grown = NULL;
        for (size_t size = 1; size < 3000; size += size / 2 + 1) {
            grown = alloc.resize(alloc.context, grown, size > 1 ? size * 2 / 3 : 1, size);
            assert_non_null(grown);
            assert_int_equal((uintptr_t)grown % 64, 0);
            assert_true(size == 1 || grown[0] == 'x');
            memset(grown, 'x', size);
            unsigned char *other = alloc.alloc(alloc.context, size);
            assert_int_equal((uintptr_t)other % 64, 0);
            memset(other, 'y', size);
            alloc.release(alloc.context, other, size);
        }
        assert_int_equal(grown[0], 'x');
        assert_true(round < 2 || counting.calls == before);
        mx_arena_clear(&arena);
        assert_true(counting.live_blocks <= 1);
    }
    mx_arena_release(&arena);
    assert_int_equal(counting.live_blocks, 0);
}

static merx_status build_things(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_status status = MERX_OK;
    double *values = NULL;
    merx_budget *budget = NULL;
    mx_vec vec = mx_vec_init(alloc, sizeof(int), 1000, "numbers");
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, 10, &values, "values", err));
    MX_TRY_GOTO(merx_budget_new(alloc, 1 << 20, &budget, err));
    for (int i = 0; i < 200; i++) {
        size_t before = vec.count;
        status = mx_vec_append(&vec, &i, 1, err);
        if (status != MERX_OK) {
            assert_int_equal(vec.count, before);
            goto out;
        }
    }
    for (int i = 0; i < 100; i++) {
        status = MERX_E_MEMORY;
        if (mx_arena_alloc(&arena, (size_t)i * 40, err) == NULL || mx_arena_printf(&arena, err, "%d", i) == NULL)
            goto out;
    }
    status = MERX_OK;
out:
    MX_FREE_ARRAY(alloc, values, 10);
    merx_budget_free(budget);
    mx_vec_release(&vec);
    mx_arena_release(&arena);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(build_things, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_alignment),
        cmocka_unit_test(test_checked_sizes),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_parse_bytes),
        cmocka_unit_test(test_vec_twin),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_again),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
