/*
 * Percentile bootstrap (Efron 1979): the 2.5 % and 97.5 % points of the statistic over `replicates` resamples with replacement.
 *
 * Replicate r draws its n units from stream key(TAG, r) of the seed, in order: a replicate is the same whoever computes it.
 * Replicates go to threads in fixed blocks.
 */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "numeric/statistics.h"

#define BLOCK_REPLICATES 8
#define LEAST_REPLICATES 200
#define DRAW_TAG UINT64_C(0x626f6f7473747270) /* "bootstrp" */
#define PART 128

typedef struct resampling {
    const double *num, *den; /* den NULL: ones; a mean */
    const double *minus;     /* NULL, or subtracted from num */
    mx_statistic_fn fn;      /* instead of sums */
    void *context;
    size_t n;
    int replicates;
    uint64_t seed;
    double *results; /* (replicates) */
    const merx_allocator *alloc;
} resampling;

/* Unbiased draw in [0, n), n < 2^32 (Lemire 2019). */
static inline uint32_t draw(mx_random *random, uint32_t n)
{
    uint64_t product = (uint64_t)mx_random_u32(random) * n;
    if ((uint32_t)product < n) {
        uint32_t least = (uint32_t)(-n) % n;
        while ((uint32_t)product < least)
            product = (uint64_t)mx_random_u32(random) * n;
    }
    return (uint32_t)(product >> 32);
}

static double resample_sums(const resampling *r, mx_random *random)
{
    double num = 0, den = 0;
    for (size_t begin = 0; begin < r->n; begin += PART) {
        size_t count = r->n - begin < PART ? r->n - begin : PART;
        double part_num = 0, part_den = 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t unit = draw(random, (uint32_t)r->n);
            part_num += r->minus != NULL ? r->num[unit] - r->minus[unit] : r->num[unit];
            part_den += r->den != NULL ? r->den[unit] : 1;
        }
        num += part_num;
        den += part_den;
    }
    return num / den;
}

static merx_status resample_block(void *context, size_t block, merx_error *err)
{
    const resampling *r = context;
    int begin = (int)block * BLOCK_REPLICATES;
    int end = begin + BLOCK_REPLICATES < r->replicates ? begin + BLOCK_REPLICATES : r->replicates;
    uint32_t *units = NULL;
    if (r->fn != NULL)
        MX_TRY(mx_alloc_array_raw(r->alloc, r->n, sizeof *units, "resampled units", &units, err));
    for (int k = begin; k < end; k++) {
        mx_random random;
        mx_random_init(&random, r->seed, mx_random_key(DRAW_TAG, (uint64_t)k, 0));
        if (units == NULL) {
            r->results[k] = resample_sums(r, &random);
            continue;
        }
        for (size_t i = 0; i < r->n; i++)
            units[i] = draw(&random, (uint32_t)r->n);
        r->results[k] = r->fn(r->context, units, r->n);
    }
    MX_FREE_ARRAY(r->alloc, units, r->n);
    return MERX_OK;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static merx_status run(resampling *r, double value, merx_task *task, mx_interval *out, merx_error *err)
{
    *out = (mx_interval){NAN, NAN, NAN};
    if (r->n == 0)
        MX_FAIL(err, MERX_E_INVALID, "bootstrap", "there are no units to draw from");
    if (r->n > UINT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "bootstrap", "%zu units are more than 4294967295", r->n);
    if (r->replicates < LEAST_REPLICATES)
        MX_FAIL(err, MERX_E_RANGE, "bootstrap", "%d replicates are too few (at least %d)", r->replicates,
                LEAST_REPLICATES);
    r->alloc = merx_task_allocator(task);
    MX_TRY(MX_NEW_ARRAY(r->alloc, (size_t)r->replicates, &r->results, "bootstrap replicates", err));
    size_t blocks = ((size_t)r->replicates + BLOCK_REPLICATES - 1) / BLOCK_REPLICATES;
    merx_status status = mx_parallel(task, blocks, resample_block, r, err);
    if (status == MERX_OK) {
        /* A resample without a value (a ratio 0 / 0) is left out. */
        size_t count = 0;
        for (int k = 0; k < r->replicates; k++)
            if (!isnan(r->results[k]))
                r->results[count++] = r->results[k];
        qsort(r->results, count, sizeof *r->results, compare_double);
        *out = (mx_interval){value, mx_quantile_sorted(r->results, count, 0.025),
                             mx_quantile_sorted(r->results, count, 0.975)};
    }
    MX_FREE_ARRAY(r->alloc, r->results, (size_t)r->replicates);
    return status;
}

merx_status mx_bootstrap_mean(const double *values, size_t n, int replicates, uint64_t seed, merx_task *task,
                              mx_interval *out, merx_error *err)
{
    resampling r = {.num = values, .n = n, .replicates = replicates, .seed = seed};
    return run(&r, mx_mean(values, n), task, out, err);
}

merx_status mx_bootstrap_paired(const double *a, const double *b, size_t n, int replicates, uint64_t seed,
                                merx_task *task, mx_interval *out, merx_error *err)
{
    resampling r = {.num = a, .minus = b, .n = n, .replicates = replicates, .seed = seed};
    /* The mean of differences, in the order and blocks of mx_sum. */
    double total = 0;
    for (size_t begin = 0; begin < n; begin += PART) {
        double part = 0;
        for (size_t i = begin; i < n && i < begin + PART; i++)
            part += a[i] - b[i];
        total += part;
    }
    return run(&r, total / (double)n, task, out, err);
}

merx_status mx_bootstrap_ratio(const double *num, const double *den, size_t n, int replicates, uint64_t seed,
                               merx_task *task, mx_interval *out, merx_error *err)
{
    resampling r = {.num = num, .den = den, .n = n, .replicates = replicates, .seed = seed};
    return run(&r, mx_sum(num, n) / mx_sum(den, n), task, out, err);
}

merx_status mx_bootstrap(size_t n, mx_statistic_fn fn, void *context, int replicates, uint64_t seed, merx_task *task,
                         mx_interval *out, merx_error *err)
{
    resampling r = {.fn = fn, .context = context, .n = n, .replicates = replicates, .seed = seed};
    if (n == 0 || n > UINT32_MAX)
        return run(&r, NAN, task, out, err);
    /* The estimate is the statistic of every unit once, in order. */
    const merx_allocator *alloc = merx_task_allocator(task);
    uint32_t *units = NULL;
    MX_TRY(mx_alloc_array_raw(alloc, n, sizeof *units, "units", &units, err));
    for (size_t i = 0; i < n; i++)
        units[i] = (uint32_t)i;
    double value = fn(context, units, n);
    MX_FREE_ARRAY(alloc, units, n);
    return run(&r, value, task, out, err);
}
