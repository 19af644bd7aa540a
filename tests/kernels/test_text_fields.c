/*
 * Fields of delimited text: every level beside the plain one over random texts of every length around a block, and numbers beside strtod.
 */
#include "base/random.h"
#include "kernels/text_fields.h"
#include "support/check.h"

enum { MOST = 400, ROOM = MOST + 256 };

static unsigned char buffer[ROOM + 256];
static uint32_t arrays[2][3][ROOM];

static mx_fields fields_over(int which)
{
    return (mx_fields){.ends = arrays[which][0], .rows = arrays[which][1], .inner = arrays[which][2]};
}

static void test_index(void **state)
{
    const mx_field_kernels *level = *state, *plain = mx_field_kernels_of(MX_ISA_REF);
    mx_random random;
    mx_random_init(&random, 9, 0);
    size_t regular = 0;
    for (int round = 0; round < 60000; round++) {
        static const char pieces[][5] = {"a",    ",",   "\n", "\"",   "\"\"", "\",\"",    "\r\n",
                                         "\"\n", ",\"", "x",  "12.5", "\r",   "\xc3\xa9", "\"\r\n"};
        const size_t size = (size_t)mx_random_below(&random, round % 3 ? 140 : MOST),
                     shift = (size_t)mx_random_below(&random, 32);
        unsigned char *text = buffer + 64 + shift;
        const unsigned kinds = round % 2 ? (unsigned)(sizeof pieces / sizeof *pieces) : 3;
        size_t n = 0;
        while (n < size) {
            const char *piece = pieces[mx_random_below(&random, kinds)];
            for (; *piece != '\0' && n < size; piece++)
                text[n++] = (unsigned char)*piece;
        }
        if (size > 0 && round % 50 == 0)
            text[mx_random_below(&random, size)] = 0;
        memset(text + size, round % 2 ? '"' : '\n', 64); /* what stands behind does not matter */
        mx_fields a = fields_over(0), b = fields_over(1);
        plain->index(text, size, ',', '"', &a);
        level->index(text, size, ',', '"', &b);
        assert_int_equal(a.irregular, b.irregular);
        assert_int_equal(a.stop, b.stop);
        regular += !a.irregular;
        for (size_t i = 0;; i++) { /* up to the stop */
            bool done_a = i == a.n_ends || a.ends[i + 1] >= a.stop, done_b = i == b.n_ends || b.ends[i + 1] >= b.stop;
            if (done_a != done_b || (!done_a && a.ends[i + 1] != b.ends[i + 1]))
                check_die(__FILE__, __LINE__, "round %d: end %zu is %u and %u", round, i, a.ends[i + 1], b.ends[i + 1]);
            if (done_a)
                break;
        }
        if (a.irregular)
            continue;
        assert_int_equal(a.n_rows, b.n_rows);
        assert_int_equal(a.n_inner, b.n_inner);
        assert_memory_equal(a.rows, b.rows, a.n_rows * sizeof *a.rows);
        assert_memory_equal(a.inner, b.inner, a.n_inner * sizeof *a.inner);
        assert_true(a.high == b.high && a.nul == b.nul && a.ends[0] == b.ends[0]);
    }
    assert_true(regular > 20000);
}

static void test_numbers(void **state)
{
    const mx_field_kernels *level = *state, *plain = mx_field_kernels_of(MX_ISA_REF);
    mx_random random;
    mx_random_init(&random, 10, 0);
    enum { ROWS = 5 };
    size_t read = 0;
    for (int round = 0; round < 100000; round++) {
        uint32_t ends[2 * ROWS + 1] = {UINT32_MAX}, others[2][ROWS];
        double out[2][ROWS];
        size_t at = 0, empty[2];
        unsigned char *text = buffer + 64 + mx_random_below(&random, 32);
        for (int f = 0; f < 2 * ROWS; f++) {
            char field[64];
            const int digits = 1 + (int)mx_random_below(&random, 20);
            switch (mx_random_below(&random, 9)) {
            case 0:
                field[0] = '\0';
                break;
            case 1:
                snprintf(field, sizeof field, "%.*g", digits, (mx_random_uniform(&random) - 0.5) * 100);
                break;
            case 2:
                snprintf(field, sizeof field, "%.*f", digits, (mx_random_uniform(&random) - 0.5) * 1e6);
                break;
            case 3:
                snprintf(field, sizeof field, "%lld",
                         (long long)mx_random_u64(&random) >> mx_random_below(&random, 63));
                break;
            case 4:
                snprintf(field, sizeof field, "\"%d.%02d\"", (int)mx_random_below(&random, 1000),
                         (int)mx_random_below(&random, 100));
                break;
            case 5:
                snprintf(field, sizeof field, "%0*d.", digits, (int)mx_random_below(&random, 100));
                break;
            case 6: {
                static const char *const odd[] = {"-",
                                                  ".",
                                                  "-.",
                                                  "1.2.3",
                                                  "+5",
                                                  "1e5",
                                                  "NA",
                                                  "--1",
                                                  " 1",
                                                  "-.5",
                                                  "\"",
                                                  "\"\"",
                                                  "1\r",
                                                  "\r",
                                                  "x",
                                                  "9007199254740993",
                                                  "0000000000000000000000000000001",
                                                  "9999999999999999999",
                                                  "10000000000000000000",
                                                  "1234567890123456789.5"};
                snprintf(field, sizeof field, "%s", odd[mx_random_below(&random, sizeof odd / sizeof *odd)]);
                break;
            }
            default:
                snprintf(field, sizeof field, "%d", (int)mx_random_below(&random, 100000) - 50000);
            }
            memcpy(text + at, field, strlen(field));
            at += strlen(field);
            ends[f + 1] = (uint32_t)at;
            text[at++] = f % 2 ? '\n' : ',';
        }
        for (int column = 0; column < 2; column++) {
            const size_t listed = plain->numbers(text, ends + column, 2, ROWS, '"', out[0], others[0], &empty[0]);
            assert_int_equal(level->numbers(text, ends + column, 2, ROWS, '"', out[1], others[1], &empty[1]), listed);
            assert_int_equal(empty[0], empty[1]);
            assert_memory_equal(others[0], others[1], listed * sizeof **others);
            for (size_t r = 0, o = 0; r < ROWS; r++) {
                if (o < listed && others[0][o] == r) {
                    o++;
                    continue;
                }
                if (isnan(out[0][r]) && isnan(out[1][r]))
                    continue;
                char field[64];
                const size_t begin = (size_t)(uint32_t)(ends[2 * r + (size_t)column] + 1),
                             size = ends[2 * r + (size_t)column + 1] - begin;
                memcpy(field, text + begin, size);
                field[size] = '\0';
                const double want = strtod(field[0] == '"' ? field + 1 : field, NULL);
                if (memcmp(&out[0][r], &want, sizeof want) != 0 || memcmp(&out[1][r], &want, sizeof want) != 0)
                    check_die(__FILE__, __LINE__, "\"%s\" is %a, %a, not %a", field, out[0][r], out[1][r], want);
                read++;
            }
        }
    }
    assert_true(read > 500000);
}

int main(void)
{
    int failed = 0;
    for (int isa = MX_ISA_REF; isa < MX_ISA_COUNT; isa++) {
        union {
            const mx_field_kernels *level;
            void *any;
        } as = {.level = mx_field_kernels_of((mx_isa)isa)};
        if (as.level == NULL) {
            printf("skipped: level %s is not in this build or machine\n", mx_isa_name((mx_isa)isa));
            continue;
        }
        const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_index, as.any),
                                           cmocka_unit_test_prestate(test_numbers, as.any)};
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
