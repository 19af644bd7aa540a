/*
 * Every text option of every answer has been thought of: it is open over HTTP, or it names a file and is closed.
 */
#include <string.h>

#include "merx/answer.h"
#include "server/open_options.h"
#include "support/check.h"

static const char *const closed[][2] = {
    {"classify", "picture"}, {"classify", "clip"}, {"classify", "heat_map"}, {"similar", "picture"}};

static void test_every_text_option(void **state)
{
    (void)state;
    size_t found = 0, seen = 0;
    for (size_t i = 0; merx_answer_at(i) != NULL; i++) {
        const merx_answer_info *info = merx_answer_at(i);
        for (const merx_option *o = info->question; o != NULL && o->name != NULL; o++) {
            bool listed = false;
            for (size_t k = 0; k < sizeof closed / sizeof *closed; k++)
                listed |= strcmp(closed[k][0], info->name) == 0 && strcmp(closed[k][1], o->name) == 0;
            found += listed;
            seen += o->type == MERX_OPTION_TEXT;
            if (mx_option_is_open(o) == listed)
                check_die(__FILE__, __LINE__,
                          "%s.%s is %s: open it in src/server/open_options.c if it names no file, or list it here",
                          info->name, o->name, listed ? "open" : "closed");
            assert_ptr_equal(mx_option_named(info->question, o->name), o);
        }
        assert_null(mx_option_named(info->question, "no such option"));
    }
    assert_int_equal(found, sizeof closed / sizeof *closed);
    assert_true(seen > found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_text_option)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
