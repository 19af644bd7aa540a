/*
 * exp, log and their kin of a level: errors in units of the last place against long double, every length and alignment, NaN, infinities and
 * numbers of every size. The bounds are those that kernels.h states.
 */
#ifndef TEST_FUNCTION_CASES_H
#define TEST_FUNCTION_CASES_H

#include <float.h>

#include "kernels/kernel_cases.h"

typedef struct function_case {
    const char *name;
    void (*run)(const mx_kernels *k, const double *x, size_t n, double *out);
    long double (*exact)(long double x);
    double ulps;
} function_case;

static void run_exp(const mx_kernels *k, const double *x, size_t n, double *out)
{
    k->exp(x, n, out);
}

static void run_log(const mx_kernels *k, const double *x, size_t n, double *out)
{
    k->log(x, n, out);
}

static void run_sigmoid(const mx_kernels *k, const double *x, size_t n, double *out)
{
    k->sigmoid(x, n, out);
}

static void run_softplus(const mx_kernels *k, const double *x, size_t n, double *out)
{
    k->softplus(x, n, out);
}

static void run_logistic_p(const mx_kernels *k, const double *x, size_t n, double *out)
{
    double *other = malloc(n * sizeof *other + (n == 0));
    k->logistic(x, n, out, other);
    free(other);
}

static void run_logistic_softplus(const mx_kernels *k, const double *x, size_t n, double *out)
{
    double *other = malloc(n * sizeof *other + (n == 0));
    k->logistic(x, n, other, out);
    free(other);
}

static long double exact_sigmoid(long double x)
{
    return 1 / (1 + expl(-x));
}

static long double exact_softplus(long double x)
{
    return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}

static const function_case function_cases[] = {
    {"exp", run_exp, expl, 1},
    {"log", run_log, logl, 1},
    {"sigmoid", run_sigmoid, exact_sigmoid, 2.5},
    {"softplus", run_softplus, exact_softplus, 2.5},
    {"logistic p", run_logistic_p, exact_sigmoid, 2.5},
    {"logistic softplus", run_logistic_softplus, exact_softplus, 2.5},
};
#define FUNCTION_CASES (sizeof function_cases / sizeof *function_cases)

/* |got - want| in units of the last place of want; 0 where both are NaN, infinite alike or beyond the largest double. */
static double ulps_between(double got, long double want)
{
    double rounded = (double)want;
    if (isnan(rounded) || isinf(rounded) || isnan(got) || isinf(got))
        return (isnan(rounded) && isnan(got)) || rounded == got ? 0 : (double)INFINITY;
    int exponent;
    frexpl(want, &exponent);
    double unit = ldexp(1, exponent - 53);
    if (!(unit >= DBL_TRUE_MIN))
        unit = DBL_TRUE_MIN;
    double error = (double)(fabsl((long double)got - want) / (long double)unit);
    return fabs(rounded) < DBL_MIN && error <= 2 ? error / 2 : error; /* subnormal: one more */
}

static void check_function(const function_case *f, const double *x, size_t n, double *worst)
{
    double *out = malloc(n * sizeof *out + (n == 0));
    f->run(level, x, n, out);
    for (size_t i = 0; i < n; i++) {
        double ulps = ulps_between(out[i], f->exact((long double)x[i]));
        if (!(ulps <= f->ulps))
            check_die(__FILE__, __LINE__, "%s(%a = %.17g) is %.17g; exact: %.20Lg, %.3g units of the last place",
                      f->name, x[i], x[i], out[i], f->exact((long double)x[i]), ulps);
        if (ulps > *worst)
            *worst = ulps;
    }
    free(out);
}

static void test_functions_error(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    double x[COUNT];
    const double scales[] = {1e-300, 1e-20, 1e-8, 0.01, 0.3, 1, 1.5, 5, 30, 200, 750, 1e4, 1e300};
    for (size_t f = 0; f < FUNCTION_CASES; f++) {
        double worst = 0;
        mx_random random;
        mx_random_init(&random, 21, f);
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
            for (size_t i = 0; i < COUNT; i++)
                x[i] = scales[s] * (2 * mx_random_uniform(&random) - 1);
            check_function(&function_cases[f], x, COUNT, &worst);
        }
        for (size_t round = 0; round < 8; round++) { /* every exponent */
            for (size_t i = 0; i < COUNT; i++)
                x[i] = ldexp(1 + mx_random_uniform(&random), (int)(i % 2100) - 1075);
            check_function(&function_cases[f], x, COUNT, &worst);
        }
        for (size_t i = 0; i < COUNT; i++) /* around 1 and around multiples of ln 2 / 2 */
            x[i] = i % 2 ? 1 + (double)((int)i - 2048) * 0x1p-45
                         : ((double)(i / 2) - 1024) * 0.34657359027997264 + (mx_random_uniform(&random) - 0.5) * 1e-9;
        check_function(&function_cases[f], x, COUNT, &worst);
        print_message("%s: largest error %.3f ulp\n", function_cases[f].name, worst);
    }
}

static void test_functions_edges(void **state)
{
    (void)state;
    const double edges[] = {0.0,
                            -0.0,
                            (double)NAN,
                            (double)INFINITY,
                            -(double)INFINITY,
                            DBL_MAX,
                            -DBL_MAX,
                            DBL_MIN,
                            -DBL_MIN,
                            DBL_TRUE_MIN,
                            -DBL_TRUE_MIN,
                            0x1.fffffffffffffp-1023,
                            709.782712893384,
                            709.7827128933841,
                            -708.3964185322641,
                            -745.1332191019411,
                            -745.1332191019412,
                            -745.5,
                            -1000,
                            1000,
                            1,
                            -1,
                            36.7,
                            -36.7,
                            37.5,
                            0x1.fffffffffffffp-1,
                            0x1.0000000000001p0,
                            0x1.6a09e667f3bcdp0,
                            0x1.6a09e667f3bccp0,
                            0x1.6a09e667f3bcdp-1,
                            0x1.6a09e667f3bccp-1};
    double worst = 0;
    for (size_t f = 0; f < FUNCTION_CASES; f++)
        check_function(&function_cases[f], edges, sizeof edges / sizeof *edges, &worst);
    double x[] = {0, -0.0, (double)INFINITY, -1, (double)NAN}, out[5];
    level->log(x, 5, out);
    assert_true(out[0] == -(double)INFINITY && out[1] == -(double)INFINITY && out[2] == (double)INFINITY);
    assert_true(isnan(out[3]) && isnan(out[4]));
    level->exp(x, 5, out);
    assert_true(out[0] == 1 && out[1] == 1 && out[2] == (double)INFINITY && isnan(out[4]));
}

/* Every length, alignment and place of something strange: the bits of the element alone; nothing written beyond; in place. */
static void test_functions_places(void **state)
{
    (void)state;
    for (size_t f = 0; f < FUNCTION_CASES; f++)
        for (size_t n = 0; n <= 37; n++)
            for (size_t place = 0; place <= n; place++) {
                block x = block_of(n, (n + place) % 4, 22), out = block_of(n, place % 4, 23);
                if (place < n)
                    x.at[place] = strange[(n + place) % (sizeof strange / sizeof *strange)];
                function_cases[f].run(level, x.at, n, out.at);
                for (size_t i = 0; i < n; i++) {
                    double alone;
                    function_cases[f].run(level, x.at + i, 1, &alone);
                    check_like(out.at[i], alone, 0, function_cases[f].name, n, i);
                }
                function_cases[f].run(level, x.at, n, x.at);
                for (size_t i = 0; i < n; i++)
                    check_like(x.at[i], out.at[i], 0, "in place", n, i);
                block_free(x);
                block_free(out);
            }
}

static void compare_softmax(size_t n, size_t k, double scale, size_t place, double value)
{
    block x = block_of(n * k, (n + k) % 4, 24), got = block_of(n * k, 1, 25), sums = block_of(n, 3, 25),
          again = block_of(n, 1, 25);
    for (size_t e = 0; e < n * k; e++)
        x.at[e] *= scale;
    if (place < n * k)
        x.at[place] = value;
    level->softmax(x.at, n, k, got.at, sums.at);
    for (size_t i = 0; i < n && k > 0; i++) {
        long double top = -(long double)INFINITY, sum = 0;
        const double *row = x.at + i * k;
        for (size_t c = 0; c < k; c++)
            top = (long double)row[c] > top ? (long double)row[c] : top;
        for (size_t c = 0; c < k; c++)
            sum += expl((long double)row[c] - top);
        long double want = top + logl(sum);
        if (isnan((double)sum)) {
            assert_true(isnan(sums.at[i]));
        } else {
            double bound = 0x1p-52 * (double)(fabsl(want) + fabsl(top) + (long double)k + 2);
            if (!((double)fabsl((long double)sums.at[i] - want) <= bound))
                check_die(__FILE__, __LINE__, "log sum of row %zu (k = %zu) is %.17g, exact %.20Lg", i, k, sums.at[i],
                          want);
        }
        for (size_t c = 0; c < k; c++) {
            long double p = expl((long double)row[c] - top) / sum;
            double distance = fabs((double)((long double)row[c] - top));
            if (isnan((double)p))
                assert_true(isnan(got.at[i * k + c]));
            else if ((double)p == 0)
                assert_true(got.at[i * k + c] <= DBL_TRUE_MIN);
            else if (!((double)fabsl((long double)got.at[i * k + c] - p) <=
                       (distance + (double)k + 4) * 0x1p-52 * (double)p + 2 * DBL_TRUE_MIN))
                check_die(__FILE__, __LINE__, "softmax of row %zu, class %zu of %zu is %.17g, exact %.20Lg", i, c, k,
                          got.at[i * k + c], p);
        }
    }
    for (size_t i = 0; i < n && k > 0; i++) { /* a row alone, without its sum: the same bits */
        double *alone = malloc(k * sizeof *alone);
        level->softmax(x.at + i * k, 1, k, alone, NULL);
        for (size_t c = 0; c < k; c++)
            check_like(got.at[i * k + c], alone[c], 0, "softmax of a row alone", k, c);
        free(alone);
    }
    level->softmax(x.at, n, k, x.at, again.at);
    for (size_t e = 0; e < n * k; e++)
        check_like(x.at[e], got.at[e], 0, "softmax in place", k, e);
    for (size_t i = 0; i < n; i++)
        check_like(again.at[i], sums.at[i], 0, "log sums in place", k, i);
    block_free(x);
    block_free(got);
    block_free(sums);
    block_free(again);
}

static void test_softmax(void **state)
{
    (void)state;
    const double scales[] = {1e-9, 1, 20, 400, 1e5, 1e307};
    for (size_t k = 0; k <= 19; k++)
        for (size_t n = 0; n <= 9; n++)
            for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
                compare_softmax(n, k, scales[s], SIZE_MAX, 0);
    compare_softmax(700, 3, 2, SIZE_MAX, 0); /* more than one batch */
    compare_softmax(3, 1500, 2, SIZE_MAX, 0);
    for (size_t place = 0; place < 5 * 7; place++)
        for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
            compare_softmax(5, 7, 1, place, strange[s]);
    double none[] = {-(double)INFINITY, -(double)INFINITY}, out[2], sum;
    level->softmax(none, 1, 2, out, &sum);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(sum));
}

static const struct CMUnitTest function_tests[] = {
    cmocka_unit_test(test_functions_error),
    cmocka_unit_test(test_functions_edges),
    cmocka_unit_test(test_functions_places),
    cmocka_unit_test(test_softmax),
};

#endif
