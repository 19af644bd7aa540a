/*
 * Philox against the published vectors (Random123 1.14, tests/kat_vectors), the hash against xxHash's, distributions against their
 * moments and distribution functions.
 */
#include "base/random.h"
#include "base/str.h"
#include "support/check.h"

static void test_philox_vectors(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        mx_philox4x32(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

/* xxHash's own sanity check: bytes from a multiplicative sequence, sizes 0, 1, 4, 14, 222, seeds 0 and PRIME32. */
static void test_hash_vectors(void **state)
{
    (void)state;
    const uint64_t prime32 = 2654435761u;
    unsigned char data[222];
    uint64_t generator = prime32;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(generator >> 56);
        generator *= UINT64_C(11400714785074694797);
    }
    static const struct {
        size_t size;
        bool seeded;
        uint64_t hash;
    } known[] = {
        {0, false, UINT64_C(0xEF46DB3751D8E999)},  {0, true, UINT64_C(0xAC75FDA2929B17EF)},
        {1, false, UINT64_C(0xE934A84ADB052768)},  {1, true, UINT64_C(0x5014607643A9B4C3)},
        {4, false, UINT64_C(0x9136A0DCA57457EE)},  {14, false, UINT64_C(0x8282DCC4994E35C8)},
        {14, true, UINT64_C(0xC3BD6BF63DEB6DF0)},  {222, false, UINT64_C(0xB641AE8CB691C174)},
        {222, true, UINT64_C(0x20CB8AB7AE10C14A)},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t hash = mx_hash64(data, known[i].size, known[i].seeded ? prime32 : 0);
        if (hash != known[i].hash)
            check_die(__FILE__, __LINE__, "hash of %zu bytes is %016llx, not %016llx", known[i].size,
                      (unsigned long long)hash, (unsigned long long)known[i].hash);
    }
    assert_true(mx_hash64("a", 1, 0) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(mx_hash64("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
}

static void test_pure_function(void **state)
{
    (void)state;
    mx_random a;
    mx_random b;
    mx_random_init(&a, 7, 9);
    mx_random_init(&b, 7, 9);
    for (int i = 0; i < 100; i++)
        assert_int_equal(mx_random_u32(&a), mx_random_u32(&b));
    mx_random_init(&b, 7, 10);
    mx_random c;
    mx_random_init(&c, 8, 9);
    mx_random_init(&a, 7, 9);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint32_t x = mx_random_u32(&a);
        same += x == mx_random_u32(&b);
        same += x == mx_random_u32(&c);
    }
    assert_int_equal(same, 0);
    /* The first number is the first word of the block (counter 0, stream 9) under the seed. */
    uint32_t block[4];
    mx_philox4x32((const uint32_t[4]){0, 0, 9, 0}, (const uint32_t[2]){7, 0}, block);
    mx_random_init(&a, 7, 9);
    assert_int_equal(mx_random_u32(&a), block[0]);
}

/* Mean and variance of n draws within 5 standard errors (variance: a generous bound by the fourth moment). */
typedef double (*draw_fn)(mx_random *random, double parameter);

static void check_moments(draw_fn draw, double parameter, double mean, double variance, double kurtosis)
{
    enum { N = 200000 };
    mx_random random;
    mx_random_init(&random, 11, 0);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < N; i++) {
        double x = draw(&random, parameter) - mean;
        sum += x;
        squares += x * x;
    }
    check_close(sum / N, 0, 5 * sqrt(variance / N));
    check_close(squares / N, variance, 5 * variance * sqrt((kurtosis - 1) / N));
}

static double draw_uniform(mx_random *random, double unused)
{
    (void)unused;
    double x = mx_random_uniform(random);
    if (!(x >= 0 && x < 1))
        check_die(__FILE__, __LINE__, "uniform is %.17g", x);
    return x;
}

static double draw_normal(mx_random *random, double unused)
{
    (void)unused;
    return mx_random_normal(random);
}

static double draw_exponential(mx_random *random, double unused)
{
    (void)unused;
    return mx_random_exponential(random);
}

static double draw_poisson(mx_random *random, double mean)
{
    return (double)mx_random_poisson(random, mean);
}

static void test_moments(void **state)
{
    (void)state;
    check_moments(draw_uniform, 0, 0.5, 1.0 / 12, 1.8);
    check_moments(draw_normal, 0, 0, 1, 3);
    check_moments(draw_exponential, 0, 1, 1, 9);
    static const double means[] = {0.01, 0.7, 3, 9.99, 10, 12.5, 100, 1e6};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        check_moments(draw_poisson, means[i], means[i], means[i], 3 + 1 / means[i]);
    static const double shapes[] = {0.1, 0.5, 1, 2.5, 40};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_moments(mx_random_gamma, shapes[i], shapes[i], shapes[i], 3 + 6 / shapes[i]);
    mx_random random;
    mx_random_init(&random, 1, 1);
    assert_int_equal(mx_random_poisson(&random, 0), 0);
    assert_int_equal(mx_random_poisson(&random, -1), 0);
    assert_int_equal(mx_random_poisson(&random, (double)NAN), 0);
    check_same_double(mx_random_gamma(&random, (double)NAN), 0);
}

/* Poisson probabilities, cell by cell, around the switch of algorithms. */
static void test_poisson_cells(void **state)
{
    (void)state;
    static const double means[] = {5, 10, 30};
    enum { N = 200000, CELLS = 100 };
    for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        mx_random random;
        mx_random_init(&random, 21, m);
        int counts[CELLS] = {0};
        for (int i = 0; i < N; i++) {
            uint64_t k = mx_random_poisson(&random, means[m]);
            assert_true(k < CELLS);
            counts[k]++;
        }
        for (int k = 0; k < CELLS; k++) {
            double p = exp(-means[m] + k * log(means[m]) - lgamma(k + 1));
            check_close((double)counts[k] / N, p, 5 * sqrt(p / N) + 2.0 / N);
        }
    }
}

/* The normal is the quantile of a uniform: its distribution function gives the uniform back, also far out. */
static void test_normal_quantile(void **state)
{
    (void)state;
    mx_random normals;
    mx_random uniforms;
    mx_random_init(&normals, 5, 5);
    mx_random_init(&uniforms, 5, 5);
    double largest = 0;
    for (int i = 0; i < 300000; i++) {
        double x = mx_random_normal(&normals);
        double u = ((double)(mx_random_u64(&uniforms) >> 12) + 0.5) * 0x1p-52;
        double tail = u < 0.5 ? u : 1 - u;
        check_close(0.5 * erfc(fabs(x) / sqrt(2)), tail, 1e-13 * tail + 1e-16);
        assert_true((x < 0) == (u < 0.5));
        if (fabs(x) > largest)
            largest = fabs(x);
    }
    assert_true(largest > 4.2 && largest < 6.5);
}

static void test_below(void **state)
{
    (void)state;
    mx_random random;
    mx_random_init(&random, 3, 3);
    enum { N = 120000 };
    int counts[6] = {0};
    for (int i = 0; i < N; i++)
        counts[mx_random_below(&random, 6)]++;
    for (int i = 0; i < 6; i++)
        check_close((double)counts[i] / N, 1.0 / 6, 5 * sqrt(5.0 / 36 / N));
    /* 3 * 2^62: taking the remainder of 64 bits would make the lower third twice as likely. */
    uint64_t bound = UINT64_C(3) << 62;
    int low = 0;
    for (int i = 0; i < N; i++) {
        uint64_t x = mx_random_below(&random, bound);
        assert_true(x < bound);
        low += x < bound / 3;
    }
    check_close((double)low / N, 1.0 / 3, 5 * sqrt(2.0 / 9 / N));
    assert_int_equal(mx_random_below(&random, 1), 0);
}

static void test_shuffle(void **state)
{
    (void)state;
    int counts[4][4] = {{0}};
    enum { N = 40000 };
    for (int i = 0; i < N; i++) {
        mx_random random;
        mx_random_init(&random, 4, (uint64_t)i);
        int64_t values[4] = {0, 1, 2, 3};
        mx_random_shuffle_i64(&random, values, 4);
        int seen = 0;
        for (int j = 0; j < 4; j++) {
            counts[j][values[j]]++;
            seen |= 1 << values[j];
        }
        assert_int_equal(seen, 15);
    }
    for (int j = 0; j < 16; j++)
        check_close((double)counts[j / 4][j % 4] / N, 0.25, 5 * sqrt(3.0 / 16 / N));
    mx_random random;
    mx_random_init(&random, 4, 4);
    mx_random_shuffle_i64(&random, NULL, 0);
}

static void test_key(void **state)
{
    (void)state;
    uint64_t base = mx_random_key(1, 2, 3);
    assert_true(base == mx_random_key(1, 2, 3));
    assert_true(base != mx_random_key(2, 1, 3));
    assert_true(base != mx_random_key(1, 3, 2));
    assert_true(mx_random_key(0, 0, 0) != 0);
    int flipped = 0;
    for (int bit = 0; bit < 64; bit++) {
        flipped += __builtin_popcountll(base ^ mx_random_key(1 ^ UINT64_C(1) << bit, 2, 3));
        flipped += __builtin_popcountll(base ^ mx_random_key(1, 2 ^ UINT64_C(1) << bit, 3));
        flipped += __builtin_popcountll(base ^ mx_random_key(1, 2, 3 ^ UINT64_C(1) << bit));
    }
    check_close(flipped / 192.0, 32, 5 * 4 / sqrt(192));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_vectors),
        cmocka_unit_test(test_hash_vectors),
        cmocka_unit_test(test_pure_function),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_poisson_cells),
        cmocka_unit_test(test_normal_quantile),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
