/*
 * Spare arenas: the last one given is taken first, empty, with the memory it had; what is large is not kept.
 */
#include "server/spare_arenas.h"

#include "support/check.h"

static void test_spares(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_spare_arenas spares;
    mx_spare_arenas_init(&spares);
    mx_arena first = mx_spare_arena_take(&spares), second = mx_spare_arena_take(&spares);
    const void *of_first = mx_arena_alloc(&first, 100, &err), *of_second = mx_arena_alloc(&second, 100, &err);
    assert_non_null(of_first);
    mx_spare_arena_give(&spares, &first);
    mx_spare_arena_give(&spares, &second);
    first = mx_spare_arena_take(&spares);
    assert_int_equal(first.used_bytes, 0);
    assert_ptr_equal(mx_arena_alloc(&first, 100, &err), of_second);
    second = mx_spare_arena_take(&spares);
    assert_ptr_equal(mx_arena_alloc(&second, 100, &err), of_first);

    assert_non_null(mx_arena_alloc(&first, MX_SPARE_ARENA_BYTES, &err));
    mx_spare_arena_give(&spares, &first);
    assert_int_equal(spares.n, 0);
    mx_spare_arena_give(&spares, &second);
    assert_int_equal(spares.n, 1);

    for (size_t i = 0; i < 2 * MX_SPARE_ARENAS; i++) {
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        assert_non_null(mx_arena_alloc(&arena, 10, &err));
        mx_spare_arena_give(&spares, &arena);
    }
    assert_int_equal(spares.n, MX_SPARE_ARENAS);
    mx_spare_arenas_release(&spares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
