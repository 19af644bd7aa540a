/*
 * Look-up in a sorted list: every name that is there, and names beside those, against a walk through the list.
 */
#include "shop/sorted_names.h"

#include <stdlib.h>

#include "base/random.h"
#include "support/check.h"

enum { MOST = 3000, LONGEST = 24 };

static int compare(const void *a, const void *b)
{
    return mx_str_compare(*(const mx_str *)a, *(const mx_str *)b);
}

/* Distinct sorted names; returns how many. common: bytes that all begin with; alike: bytes behind those that most share; letters: of how many kinds the rest is. */
static size_t make(mx_str *names, char (*texts)[LONGEST], size_t n, size_t common, size_t alike, unsigned letters,
                   mx_random *random)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = common;
        memset(texts[i], 'c', common);
        if (mx_random_below(random, 8) > 0)
            for (size_t k = 0; k < alike; k++)
                texts[i][size++] = 'a';
        for (size_t k = 1 + mx_random_below(random, 7); k > 0; k--)
            texts[i][size++] = (char)mx_random_below(random, letters);
        names[i] = (mx_str){texts[i], size};
    }
    qsort(names, n, sizeof *names, compare);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (compare(&names[i], &names[kept - 1]) != 0)
            names[kept++] = names[i];
    return kept;
}

static int32_t walk(const mx_str *names, size_t n, mx_str name)
{
    for (size_t i = 0; i < n; i++)
        if (mx_str_equal(names[i], name))
            return (int32_t)i;
    return -1;
}

static void check_list(const mx_str *list, size_t n, mx_random *random)
{
    merx_error err = {0};
    mx_arena arena;
    mx_sorted_names names;
    mx_arena_init(&arena, NULL);
    check_ok(mx_sorted_names_init(list, n, &arena, &names, &err), err);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mx_sorted_names_find(&names, list[i]), i);
    for (size_t i = 0; i < 300; i++) { /* shorter, longer, another letter */
        char text[LONGEST + 1];
        mx_str other = n ? list[mx_random_below(random, n)] : MX_STR("");
        memcpy(text, other.data, other.size);
        mx_str name = {text, mx_random_below(random, other.size + 2)};
        text[other.size] = 'a';
        if (name.size && i % 2)
            text[mx_random_below(random, name.size)] = (char)mx_random_below(random, 256);
        assert_int_equal(mx_sorted_names_find(&names, name), walk(list, n, name));
    }
    assert_int_equal(mx_sorted_names_find(&names, MX_STR("")), walk(list, n, MX_STR("")));
    mx_arena_release(&arena);
}

static void test_find(void **state)
{
    (void)state;
    static mx_str names[MOST];
    static char texts[MOST][LONGEST];
    const size_t lengths[] = {1, 2, 16, 63, 64, 65, 80, 81, 500, MOST};
    const unsigned letters[] = {2, 10, 256};
    mx_random random;
    mx_random_init(&random, 5, 5);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (size_t common = 0; common <= 8; common += 4)
            for (size_t alike = 0; alike <= 8; alike += 4)
                for (size_t k = 0; k < sizeof letters / sizeof *letters; k++)
                    check_list(names, make(names, texts, lengths[l], common, alike, letters[k], &random), &random);
    check_list(names, 0, &random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
