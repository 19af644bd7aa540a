/*
 * Option tables: defaults, each type, what is refused and how it is said.
 */
#include "merx/option.h"
#include "support/check.h"

static const merx_option table[] = {
    {"shuffle", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Whether rows are shuffled."},
    {"epochs", MERX_OPTION_INT, 1, 1000, "10", NULL, "Passes over the data."},
    {"learning_rate", MERX_OPTION_REAL, 0, 10, "0.001", NULL, "Step length."},
    {"solver", MERX_OPTION_CHOICE, 0, 0, "lbfgs", "lbfgs|newton|sgd", "How it is solved."},
    {"name", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "A name."},
    {"rank", MERX_OPTION_INT, 1, 64, NULL, NULL, "Unset: chosen."},
    {"strength", MERX_OPTION_REAL, 0, 5, "auto", "auto|none", "A number, or a word."},
    {NULL, MERX_OPTION_BOOL, 0, 0, NULL, NULL, NULL},
};

static merx_options *new_options(void)
{
    merx_error err = {0};
    merx_options *options = NULL;
    check_ok(merx_options_new(NULL, table, &options, &err), err);
    return options;
}

static void test_defaults(void **state)
{
    (void)state;
    merx_options *options = new_options();
    assert_ptr_equal(merx_options_table(options), table);
    assert_true(merx_options_bool(options, "shuffle"));
    assert_int_equal(merx_options_int(options, "epochs"), 10);
    check_same_double(merx_options_real(options, "learning_rate"), 0.001);
    assert_string_equal(merx_options_text(options, "solver"), "lbfgs");
    assert_string_equal(merx_options_text(options, "name"), "");
    assert_true(merx_options_is_set(options, "epochs"));
    assert_false(merx_options_is_set(options, "name"));
    assert_false(merx_options_is_set(options, "rank"));
    merx_options_free(options);
    merx_options_free(NULL);
}

/* A number that may be a word. */
static void test_words(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_options *options = new_options();
    assert_true(isnan(merx_options_real(options, "strength")));
    assert_string_equal(merx_options_text(options, "strength"), "auto");
    check_ok(merx_options_set(options, "strength", "2.50", &err), err);
    check_same_double(merx_options_real(options, "strength"), 2.5);
    assert_int_equal(merx_options_set(options, "strength", "much", &err), MERX_E_TYPE);
    check_contains(err.message, "auto|none");
    merx_error_clear(&err);
    check_fails(merx_options_set(options, "strength", "6", &err), MERX_E_RANGE, err);
    check_same_double(merx_options_real(options, "strength"), 2.5);
    check_ok(merx_options_set(options, "strength", "none", &err), err);
    assert_true(isnan(merx_options_real(options, "strength")));
    check_fails(merx_options_set(options, "learning_rate", "auto", &err), MERX_E_TYPE, err);
    merx_options_free(options);
}

static void test_set(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_options *options = new_options();
    check_ok(merx_options_set(options, "shuffle", "No", &err), err);
    assert_false(merx_options_bool(options, "shuffle"));
    assert_string_equal(merx_options_text(options, "shuffle"), "false");
    check_ok(merx_options_parse(options, "epochs=0020", &err), err);
    assert_int_equal(merx_options_int(options, "epochs"), 20);
    assert_string_equal(merx_options_text(options, "epochs"), "20");
    check_ok(merx_options_parse(options, "learning_rate=1e-1", &err), err);
    check_same_double(merx_options_real(options, "learning_rate"), 0.1);
    assert_string_equal(merx_options_text(options, "learning_rate"), "0.1");
    check_ok(merx_options_parse(options, "solver=sgd", &err), err);
    assert_string_equal(merx_options_text(options, "solver"), "sgd");
    check_ok(merx_options_parse(options, "name=a=b 茶", &err), err);
    assert_string_equal(merx_options_text(options, "name"), "a=b 茶");
    check_ok(merx_options_parse(options, "name=", &err), err);
    assert_true(merx_options_is_set(options, "name"));
    check_ok(merx_options_set(options, "rank", "64", &err), err);
    assert_int_equal(merx_options_int(options, "rank"), 64);
    merx_options_free(options);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *assignment;
        merx_status status;
        const char *says;
    } bad[] = {
        {"epoch=5", MERX_E_NOT_FOUND, "did you mean \"epochs\""},
        {"momentum=5", MERX_E_NOT_FOUND, "no such option"},
        {"epochs=five", MERX_E_TYPE, "\"five\" is not a whole number"},
        {"epochs=1.5", MERX_E_TYPE, "whole number"},
        {"epochs=", MERX_E_TYPE, "whole number"},
        {"epochs=0", MERX_E_RANGE, "expected 1 to 1000"},
        {"epochs=1001", MERX_E_RANGE, "1001 is out of range"},
        {"learning_rate=nan", MERX_E_RANGE, "expected 0 to 10"},
        {"learning_rate=-1e-9", MERX_E_RANGE, "expected 0 to 10"},
        {"learning_rate=1x", MERX_E_TYPE, "not a number"},
        {"solver=adam", MERX_E_RANGE, "lbfgs|newton|sgd"},
        {"solver=", MERX_E_RANGE, "lbfgs|newton|sgd"},
        {"solver=lbfgs|newton", MERX_E_RANGE, "not one of"},
        {"shuffle=maybe", MERX_E_TYPE, "neither true nor false"},
        {"name=\xFF", MERX_E_TYPE, "UTF-8"},
        {"epochs", MERX_E_PARSE, "name=value"},
        {"", MERX_E_PARSE, "name=value"},
    };
    merx_options *options = new_options();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        merx_error err = {0};
        merx_status status = merx_options_parse(options, bad[i].assignment, &err);
        if (status != bad[i].status)
            check_die(__FILE__, __LINE__, "%s gave %s", bad[i].assignment, merx_status_name(status));
        check_contains(err.message, bad[i].says);
    }
    assert_int_equal(merx_options_int(options, "epochs"), 10);
    assert_string_equal(merx_options_text(options, "solver"), "lbfgs");
    assert_false(merx_options_is_set(options, "name"));
    char longest[4098];
    memset(longest, 'x', sizeof longest);
    longest[4097] = '\0';
    merx_error err = {0};
    check_fails(merx_options_set(options, "name", longest, &err), MERX_E_RANGE, err);
    longest[4096] = '\0';
    check_ok(merx_options_set(options, "name", longest, &err), err);
    merx_options_free(options);
}

static void test_file_in_memory(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_options *options = NULL;
    const merx_option_file file = {.bytes = "bytes", .size = 5};
    check_ok(merx_options_new(NULL, table, &options, &err), err);
    assert_null(merx_options_file(options, "name"));
    check_ok(merx_options_set_file(options, "name", "the picture", &file, &err), err);
    assert_string_equal(merx_options_text(options, "name"), "the picture");
    assert_int_equal(merx_options_file(options, "name")->size, 5);
    assert_ptr_equal(merx_options_file(options, "name")->bytes, file.bytes);
    check_fails(merx_options_set_file(options, "epochs", "the picture", &file, &err), MERX_E_TYPE, err);
    check_fails(merx_options_set_file(options, "nam", "the picture", &file, &err), MERX_E_NOT_FOUND, err);
    /* A path set later is a path again. */
    check_ok(merx_options_set(options, "name", "photo.jpg", &err), err);
    assert_null(merx_options_file(options, "name"));
    merx_options_free(options);
}

static merx_status use_options(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_options *options = NULL;
    MX_TRY(merx_options_new(alloc, table, &options, err));
    merx_status status = merx_options_set(options, "epochs", "30", err);
    if (merx_options_int(options, "epochs") != (status == MERX_OK ? 30 : 10))
        check_die(__FILE__, __LINE__, "a failed set changed the value");
    merx_options_free(options);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(use_options, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_set),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_file_in_memory),
                                       cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
