/*
 * What is planted: see sample.h.
 */
#include "shop/sample/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const sample_segment sample_segments[SAMPLE_SEGMENTS] = {
    {"loyal", 0.12, 0.60, 6.0, 200},      {"regular", 0.28, 0.22, 4.0, 80},   {"big basket", 0.10, 0.12, 14.0, 120},
    {"occasional", 0.30, 0.08, 3.0, 120}, {"one-time", 0.20, 1.00, 2.0, 0.5},
};

/* Purposes of random streams. */
enum { STREAM_CATEGORY = 1, STREAM_TASTE, STREAM_PRODUCT, STREAM_CUSTOMER, STREAM_PROMOTION };

static void plan_categories(sample_plan *plan)
{
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++) {
        mx_random random;
        mx_random_init(&random, plan->seed, mx_random_key(STREAM_CATEGORY, k, 0));
        sample_category *category = &plan->category[k];
        category->season_amplitude = 0.1 + 0.6 * mx_random_uniform(&random);
        category->season_phase = 52 * mx_random_uniform(&random);
        category->price_level = exp(1.2 + 0.9 * mx_random_normal(&random));
        category->elasticity = 1.2 + 1.3 * mx_random_uniform(&random);
    }
    for (size_t t = 0; t < SAMPLE_TASTES; t++) {
        mx_random random;
        mx_random_init(&random, plan->seed, mx_random_key(STREAM_TASTE, t, 0));
        double sum = 0;
        for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
            sum += plan->taste[t][k] = mx_random_gamma(&random, 0.15) + 1e-4; /* sparse Dirichlet */
        for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
            plan->taste[t][k] /= sum;
    }
}

static int compare_products(const void *a, const void *b, void *products)
{
    const sample_product *x = &((const sample_product *)products)[*(const int32_t *)a];
    const sample_product *y = &((const sample_product *)products)[*(const int32_t *)b];
    if (x->category != y->category)
        return x->category < y->category ? -1 : 1;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return *(const int32_t *)a < *(const int32_t *)b ? -1 : *(const int32_t *)a > *(const int32_t *)b;
}

static void plan_products(sample_plan *plan)
{
    for (size_t p = 0; p < plan->n_products; p++) {
        mx_random random;
        mx_random_init(&random, plan->seed, mx_random_key(STREAM_PRODUCT, p, 0));
        sample_product *product = &plan->product[p];
        product->category = (uint16_t)mx_random_below(&random, SAMPLE_CATEGORIES);
        product->weight = mx_random_uniform(&random); /* becomes rank^-0.8 below */
        double price = plan->category[product->category].price_level * exp(0.5 * mx_random_normal(&random));
        product->price_minor = 5 + 10 * (int64_t)(10 * fmin(price, 5000)); /* ends in 5 cents */
        product->companion = mx_random_uniform(&random) < 1.0 / 6 ? 0 : -1;
        plan->by_category[p] = (int32_t)p;
    }
    qsort_r(plan->by_category, plan->n_products, sizeof *plan->by_category, compare_products, plan->product);
    for (size_t i = 0; i < plan->n_products;) {
        size_t k = plan->product[plan->by_category[i]].category;
        size_t end = i;
        double sum = 0;
        for (; end < plan->n_products && plan->product[plan->by_category[end]].category == k; end++)
            sum += pow((double)(end - i + 1), -0.8);
        plan->category[k].first = i;
        plan->category[k].count = end - i;
        double running = 0;
        for (size_t j = i; j < end; j++) {
            sample_product *product = &plan->product[plan->by_category[j]];
            product->weight = pow((double)(j - i + 1), -0.8) / sum;
            plan->cumulative[j] = running += product->weight;
            /* The companion is a few ranks further down: seldom found alone. */
            size_t companion = j + 3 + (j - i) % 5;
            product->companion = product->companion >= 0 && companion < end ? plan->by_category[companion] : -1;
        }
        i = end;
    }
}

static void plan_customers(sample_plan *plan)
{
    for (size_t c = 0; c < plan->n_customers; c++) {
        mx_random random;
        mx_random_init(&random, plan->seed, mx_random_key(STREAM_CUSTOMER, c, 0));
        sample_customer *customer = &plan->customer[c];
        double u = mx_random_uniform(&random);
        uint8_t segment = 0;
        while (segment + 1 < SAMPLE_SEGMENTS && u >= sample_segments[segment].share)
            u -= sample_segments[segment++].share;
        customer->segment = segment;
        customer->taste = (uint8_t)mx_random_below(&random, SAMPLE_TASTES);
        customer->second_taste = (uint8_t)mx_random_below(&random, SAMPLE_TASTES);
        customer->country =
            (uint8_t)(mx_random_uniform(&random) < 0.6 ? 0 : mx_random_below(&random, SAMPLE_COUNTRIES));
        /* A third was there from the start; the others come evenly. */
        customer->first_week =
            (int16_t)(mx_random_uniform(&random) < 0.35 ? 0 : mx_random_below(&random, SAMPLE_WEEKS));
        double active = sample_segments[segment].active_weeks * mx_random_exponential(&random);
        customer->last_week = (int16_t)fmin(SAMPLE_WEEKS - 1, customer->first_week + floor(active));
        customer->rate =
            (float)(sample_segments[segment].orders_per_week * exp(0.3 * mx_random_normal(&random) - 0.045));
    }
}

double sample_week_volume(int week)
{
    /* Week 0 begins in October 2024; Christmas trade lies before weeks 11 and 63. */
    double to_christmas = fmin(fabs(week - 9.5), fabs(week - 61.5));
    return 0.9 + 0.6 * exp(-to_christmas * to_christmas / 18);
}

double sample_discount(const sample_plan *plan, size_t product, int week)
{
    mx_random random;
    mx_random_init(&random, plan->seed, mx_random_key(STREAM_PROMOTION, product, (uint64_t)week));
    if (mx_random_uniform(&random) >= 0.08)
        return 0;
    return (double)(10 + 10 * (int)mx_random_below(&random, 3)) / 100; /* 10, 20 or 30 % */
}

double sample_promotion(const sample_plan *plan, size_t product, int week)
{
    double discount = sample_discount(plan, product, week);
    return discount > 0 ? pow(1 - discount, -plan->category[plan->product[product].category].elasticity) : 1;
}

double sample_orders_expected(const sample_plan *plan, const sample_customer *customer, int week)
{
    if (week < customer->first_week || week > customer->last_week)
        return 0;
    return plan->rate_scale * customer->rate * sample_week_volume(week);
}

void sample_category_shares(const sample_plan *plan, const sample_customer *customer, int week,
                            double shares[SAMPLE_CATEGORIES])
{
    double sum = 0;
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++) {
        const sample_category *category = &plan->category[k];
        if (category->count == 0) {
            shares[k] = 0;
            continue;
        }
        double season =
            1 + category->season_amplitude * cos(2 * 3.14159265358979323846 * (week - category->season_phase) / 52);
        double taste = 0.70 * plan->taste[customer->taste][k] + 0.22 * plan->taste[customer->second_taste][k] +
                       0.08 / SAMPLE_CATEGORIES;
        sum += shares[k] = season * taste;
    }
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
        shares[k] /= sum;
}

merx_status sample_plan_make(const merx_sample_options *options, const merx_allocator *alloc, sample_plan *plan,
                             merx_error *err)
{
    merx_status status = MERX_OK;
    *plan = (sample_plan){.alloc = mx_allocator_or_default(alloc), .seed = options->seed, .rate_scale = 1};
    plan->n_products = options->products ? options->products : 500;
    plan->n_customers = options->customers ? options->customers : 2000;
    plan->events = options->events ? options->events : 60000;
    if (plan->n_products > 10000000 || plan->n_customers > 100000000 || plan->events > 1000000000)
        MX_FAIL(err, MERX_E_RANGE, "sample",
                "%zu products, %zu customers, %llu events: at most 10 million, 100 million and 1 billion",
                plan->n_products, plan->n_customers, (unsigned long long)plan->events);
    plan->start_ms = mx_ms_from_date(&(mx_date){.year = 2024, .month = 10, .day = 7});
    plan->split_ms = mx_ms_from_date(&(mx_date){.year = 2025, .month = 11, .day = 1});
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_products, &plan->product, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_products, &plan->by_category, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_products, &plan->cumulative, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_customers, &plan->customer, "customers", err));
    plan_categories(plan);
    plan_products(plan);
    plan_customers(plan);
    double expected = 0;
    for (size_t c = 0; c < plan->n_customers; c++)
        for (int week = plan->customer[c].first_week; week <= plan->customer[c].last_week; week++)
            expected += sample_orders_expected(plan, &plan->customer[c], week) *
                        sample_segments[plan->customer[c].segment].lines_per_order;
    plan->rate_scale = (double)plan->events / (expected * (1 + SAMPLE_COMPANION / 7));
out:
    if (status != MERX_OK)
        sample_plan_release(plan);
    return status;
}

void sample_plan_release(sample_plan *plan)
{
    MX_FREE_ARRAY(plan->alloc, plan->product, plan->n_products);
    MX_FREE_ARRAY(plan->alloc, plan->by_category, plan->n_products);
    MX_FREE_ARRAY(plan->alloc, plan->cumulative, plan->n_products);
    MX_FREE_ARRAY(plan->alloc, plan->customer, plan->n_customers);
    *plan = (sample_plan){0};
}
