/*
 * Slices, UTF-8, the text buffer, the dictionary against linear search, the nearest word.
 */
#include "base/dict_many.h"
#include "base/random.h"
#include "support/check.h"

static void test_slices(void **state)
{
    (void)state;
    assert_true(mx_str_equal(mx_str_of(NULL), MX_STR("")));
    assert_true(mx_str_equal(MX_STR("abc"), mx_str_of("abc")));
    assert_false(mx_str_equal(MX_STR("abc"), MX_STR("abd")));
    assert_false(mx_str_equal(MX_STR("abc"), MX_STR("ab")));
    assert_true(mx_str_equal_nocase(MX_STR("StockCode"), MX_STR("stockCODE")));
    assert_false(mx_str_equal_nocase(MX_STR("["), MX_STR("{")));
    assert_int_equal(mx_str_compare(MX_STR("ab"), MX_STR("abc")), -1);
    assert_int_equal(mx_str_compare(MX_STR("b"), MX_STR("abc")), 1);
    assert_int_equal(mx_str_compare(MX_STR("\xFF"), MX_STR("a")), 1);
    assert_int_equal(mx_str_compare(MX_STR(""), MX_STR("")), 0);
    assert_true(mx_str_equal(mx_str_trim(MX_STR(" \t\r\n a b \v\f")), MX_STR("a b")));
    assert_int_equal(mx_str_trim(MX_STR(" \n ")).size, 0);
    assert_true(mx_str_starts(MX_STR("events.csv"), "events"));
    assert_false(mx_str_starts(MX_STR("ev"), "events"));
    assert_true(mx_str_ends(MX_STR("events.csv.gz"), ".gz"));
    assert_false(mx_str_ends(MX_STR("z"), ".gz"));
}

/* Every code point by an encoder of its own; every two- and three-byte string by the grammar of RFC 3629. */
static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static void test_utf8(void **state)
{
    (void)state;
    size_t valid = 0;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char bytes[4];
        size_t size = encode(code, bytes);
        bool want = code < 0x110000 && !(code >= 0xD800 && code <= 0xDFFF);
        if (mx_utf8_valid((mx_str){bytes, size}, NULL) != want)
            check_die(__FILE__, __LINE__, "U+%X should be %s", (unsigned)code, want ? "valid" : "invalid");
        if (size > 1 && mx_utf8_valid((mx_str){bytes, size - 1}, NULL))
            check_die(__FILE__, __LINE__, "U+%X cut short is taken", (unsigned)code);
        valid += want;
    }
    assert_int_equal(valid, 0x110000 - 0x800);
    static const char *const bad[] = {
        "\x80",         "\xC0\xAF",         "\xC1\xBF",         "\xE0\x80\xAF", "\xF0\x80\x80\xAF",
        "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",         "\xC3("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[32];
        size_t where = 99;
        snprintf(text, sizeof text, "12345678\xC3\xA9%s", bad[i]);
        assert_false(mx_utf8_valid(mx_str_of(text), &where));
        assert_int_equal(where, 10);
    }
    assert_true(mx_utf8_valid(MX_STR("a\0b"), NULL));
    assert_int_equal(mx_utf8_columns(MX_STR("abc")), 3);
    assert_int_equal(mx_utf8_columns(MX_STR("茶壶 x")), 6);
    assert_int_equal(mx_utf8_columns(MX_STR("e\xCC\x81")), 1);
    assert_int_equal(mx_utf8_columns(MX_STR("é\n")), 1);
    assert_int_equal(mx_utf8_columns(MX_STR("🎁")), 2);
    assert_int_equal(mx_utf8_columns(MX_STR("\xFF")), 1);
}

static void test_text(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_text text;
    mx_text_init(&text, NULL, 10000);
    assert_string_equal(text.data, "");
    mx_text_puts(&text, "a");
    mx_text_puts(&text, NULL);
    mx_text_printf(&text, "%d-%s", 7, "b");
    assert_string_equal(text.data, "a7-b");
    mx_text_clear(&text);
    assert_string_equal(text.data, "");
    char long_word[1000];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    mx_text_printf(&text, "<%s>", long_word);
    assert_int_equal(text.size, 1001);
    assert_int_equal(strlen(text.data), 1001);
    check_ok(mx_text_ok(&text, &err), err);
    mx_text_clear(&text);
    mx_text_json(&text, (mx_str){"q\"\\\n\t\r\x01\x1F é茶\xFF\0", 16});
    assert_string_equal(text.data, "q\\\"\\\\\\n\\t\\r\\u0001\\u001f é茶\xEF\xBF\xBD\\u0000");
    mx_text_clear(&text);
    mx_text_html(&text, MX_STR("<a href=\"x\">'&'</a>\x02\n\xC3"));
    assert_string_equal(text.data, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;\xEF\xBF\xBD\n\xEF\xBF\xBD");
    mx_text_release(&text);
    assert_string_equal(text.data, "");

    mx_text_init(&text, NULL, 5);
    mx_text_puts(&text, "12345");
    check_ok(mx_text_ok(&text, &err), err);
    mx_text_puts(&text, "6");
    mx_text_clear(&text);
    mx_text_puts(&text, "123");
    mx_text_printf(&text, "%d", 456);
    mx_text_puts(&text, "4"); /* sticky, though it would fit */
    assert_string_equal(text.data, "123");
    check_fails(mx_text_ok(&text, &err), MERX_E_LIMIT, err);
    mx_text_release(&text);
}

/* Every byte at every place of a text, among plain ones: as a writer of single characters has it. */
static void test_json_places(void **state)
{
    (void)state;
    char value[20], want[200], got[MX_JSON_MOST(sizeof value)];
    for (size_t size = 1; size <= sizeof value; size++)
        for (size_t at = 0; at < size; at++)
            for (int byte = 0; byte < 256; byte++) {
                memset(value, 'p', size);
                value[at] = (char)byte;
                size_t n = 0;
                for (size_t i = 0; i < size; i++) {
                    unsigned char c = (unsigned char)value[i];
                    if (c == '"' || c == '\\')
                        n += (size_t)snprintf(want + n, sizeof want - n, "\\%c", c);
                    else if (c == '\n' || c == '\r' || c == '\t')
                        n += (size_t)snprintf(want + n, sizeof want - n, "\\%c",
                                              c == '\n'   ? 'n'
                                              : c == '\r' ? 'r'
                                                          : 't');
                    else if (c < 0x20)
                        n += (size_t)snprintf(want + n, sizeof want - n, "\\u%04x", (unsigned)c);
                    else
                        n += (size_t)snprintf(want + n, sizeof want - n, c < 0x80 ? "%c" : "\xEF\xBF\xBD", c);
                }
                char *end = mx_write_json(got, (mx_str){value, size});
                assert_int_equal(end - got, n);
                assert_memory_equal(got, want, n);
                mx_text text;
                mx_text_init(&text, NULL, sizeof want);
                mx_text_json(&text, (mx_str){value, size});
                assert_int_equal(text.size, n);
                assert_memory_equal(text.data, want, n);
                mx_text_release(&text);
            }
}

static merx_status write_text(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    mx_text text;
    mx_text_init(&text, alloc, 100000);
    for (int i = 0; i < 300; i++)
        mx_text_printf(&text, "%d,", i);
    mx_text_json(&text, MX_STR("a \"b\""));
    merx_status status = mx_text_ok(&text, err);
    mx_text_release(&text);
    return status;
}

static merx_status fill_dict(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    mx_dict *dict = NULL;
    MX_TRY(mx_dict_new(alloc, 1000, &dict, err));
    merx_status status = MERX_OK;
    for (int i = 0; i < 300 && status == MERX_OK; i++) {
        char word[32];
        int length = snprintf(word, sizeof word, "word %d", i);
        int32_t code = -5;
        mx_str text = {word, (size_t)length};
        status = mx_dict_add(dict, text, &code, NULL, err);
        if (status != MERX_OK) {
            assert_int_equal(mx_dict_count(dict), i);
            assert_int_equal(mx_dict_find(dict, text), -1);
        }
    }
    mx_dict_free(dict);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(write_text, NULL);
    check_every_allocation(fill_dict, NULL);
}

static void test_dict_twin(void **state)
{
    (void)state;
    enum { MOST = 600 };
    static char twin[MOST][8];
    static size_t twin_size[MOST];
    merx_error err = {0};
    mx_random random;
    mx_random_init(&random, 17, 0);
    mx_dict *dict = NULL;
    check_ok(mx_dict_new(NULL, MOST, &dict, &err), err);
    size_t count = 0;
    for (int step = 0; step < 20000; step++) {
        char word[8];
        size_t size = mx_random_below(&random, 4);
        for (size_t i = 0; i < size; i++)
            word[i] = (char)mx_random_below(&random, 12); /* NUL bytes too */
        int32_t want = -1;
        for (size_t i = 0; i < count && want < 0; i++)
            if (twin_size[i] == size && memcmp(twin[i], word, size) == 0)
                want = (int32_t)i;
        mx_str text = {word, size};
        assert_int_equal(mx_dict_find(dict, text), want);
        const mx_str many[] = {text, {"", 0}, text};
        int32_t codes[3];
        mx_dict_find_all(dict, many, 3, codes);
        assert_true(codes[0] == want && codes[2] == want && codes[1] == mx_dict_find(dict, many[1]));
        int32_t code = 0;
        bool added = false;
        merx_status status = mx_dict_add(dict, text, &code, &added, &err);
        if (want < 0 && count == MOST) {
            assert_int_equal(status, MERX_E_LIMIT);
            merx_error_clear(&err);
            assert_int_equal(mx_dict_find(dict, text), -1);
            continue;
        }
        assert_int_equal(status, MERX_OK);
        assert_int_equal(added, want < 0);
        if (want < 0) {
            memcpy(twin[count], word, size);
            twin_size[count] = size;
            want = (int32_t)count++;
        }
        assert_int_equal(code, want);
        assert_int_equal(mx_dict_count(dict), count);
    }
    assert_int_equal(count, MOST);
    for (size_t i = 0; i < count; i++) {
        mx_str got = mx_dict_get(dict, (int32_t)i);
        assert_true(mx_str_equal(got, (mx_str){twin[i], twin_size[i]}));
        assert_int_equal(got.data[got.size], 0);
    }
    mx_dict_free(dict);
    mx_dict_free(NULL);
}

static void test_dict_large(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_dict *dict = NULL;
    check_ok(mx_dict_new(NULL, SIZE_MAX, &dict, &err), err);
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < 100000; i++) {
            char word[32];
            int length = snprintf(word, sizeof word, "%d", i * 7);
            int32_t code = -1;
            check_ok(mx_dict_add(dict, (mx_str){word, (size_t)length}, &code, NULL, &err), err);
            assert_int_equal(code, i);
        }
    }
    mx_dict_free(dict);
}

static void test_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"epochs", "batch_size", "learning_rate", "seed", "l2"};
    enum { N = sizeof words / sizeof *words };
    assert_string_equal(mx_nearest_word("epoch", words, N), "epochs");
    assert_string_equal(mx_nearest_word("eopchs", words, N), "epochs");
    assert_string_equal(mx_nearest_word("batch-size", words, N), "batch_size");
    assert_string_equal(mx_nearest_word("Learnign_rate", words, N), "learning_rate");
    assert_string_equal(mx_nearest_word("seeds", words, N), "seed");
    assert_null(mx_nearest_word("momentum", words, N));
    assert_null(mx_nearest_word("", words, 1));
    assert_null(mx_nearest_word("x", words, 0));
    char long_word[200];
    memset(long_word, 'x', sizeof long_word);
    long_word[199] = '\0';
    assert_null(mx_nearest_word(long_word, words, N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),           cmocka_unit_test(test_utf8),         cmocka_unit_test(test_text),
        cmocka_unit_test(test_json_places),      cmocka_unit_test(test_dict_twin),    cmocka_unit_test(test_dict_large),
        cmocka_unit_test(test_every_allocation), cmocka_unit_test(test_nearest_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
