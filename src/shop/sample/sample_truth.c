/*
 * What is true of a sample shop, and the best score each answer can reach, out of the planted probabilities.
 *
 * recommend  rank, for each followed customer who bought before and after the split, the products he had not bought by their planted chance in the
 *            weeks after it; NDCG@20 of that ranking on what was bought.
 * demand     forecast each product's units of each complete week after the split by the median of their planted distribution (compound Poisson, by Panjer's
 *            recursion); WAPE over all products sold before the split, zero weeks included.
 * classify   name the category by the picture: right of all but the parcels, and of those as often as one of 24 is guessed; accuracy, as expected.
 * segment    name the planted segment of each followed customer who came after the split by the most probable one given the lines of the first order; accuracy.
 */
#include "shop/sample/sample.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "learn/core/metrics.h"

#define FIRST_TEST_WEEK (SAMPLE_WEEKS - SAMPLE_TEST_WEEKS)
enum { TOP = 20 };

/*
 * Chance of each product within its category, companions' part included; shares (products). Promotions to come are nobody's to know before the split; their mean
 * effect is the same for all products of a category and cancels out.
 */
static void product_shares(const sample_plan *plan, double *shares)
{
    for (size_t p = 0; p < plan->n_products; p++)
        shares[p] = plan->product[p].weight;
    /* Only what was drawn itself brings its companion, so each adds its own weight, not what it was given. */
    for (size_t p = 0; p < plan->n_products; p++)
        if (plan->product[p].companion >= 0)
            shares[plan->product[p].companion] += (1 - SAMPLE_REPEAT) * SAMPLE_COMPANION * plan->product[p].weight;
}

/* Median of a sum of Poisson(mean) many quantities 1 + Poisson(0.6). Panjer 1981; beyond a mean of 200 lines the normal limit. */
static double median_units(double lines)
{
    enum { MOST = 2048, SIZES = 12 };
    if (lines > 200)
        return floor(lines * 1.6 + 0.5);
    double size[SIZES] = {0};
    double term = exp(-0.6);
    for (int j = 1; j < SIZES; j++) {
        size[j] = term;
        term *= 0.6 / j;
    }
    double chance[MOST];
    chance[0] = exp(-lines);
    double sum = chance[0];
    int n = 0;
    while (sum < 0.5 && n + 1 < MOST) {
        n++;
        chance[n] = 0;
        for (int j = 1; j < SIZES && j <= n; j++)
            chance[n] += lines * j / n * size[j] * chance[n - j];
        sum += chance[n];
    }
    return n;
}

static double best_demand(const sample_plan *plan, const sample_record *record, const double *shares)
{
    double error = 0;
    double sold = 0;
    for (int w = 0; w < SAMPLE_TEST_WEEKS; w++) {
        double mass[SAMPLE_CATEGORIES] = {0}; /* lines expected in each category */
        for (size_t c = 0; c < plan->n_customers; c++) {
            const sample_customer *customer = &plan->customer[c];
            double orders = sample_orders_expected(plan, customer, FIRST_TEST_WEEK + w);
            if (!(orders > 0))
                continue;
            double in_category[SAMPLE_CATEGORIES];
            sample_category_shares(plan, customer, FIRST_TEST_WEEK + w, in_category);
            for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
                mass[k] += orders * sample_segments[customer->segment].lines_per_order * in_category[k];
        }
        for (size_t p = 0; p < plan->n_products; p++) {
            if (!record->sold_before[p])
                continue;
            double lines = mass[plan->product[p].category] * shares[p];
            double units = record->test_units[p * SAMPLE_TEST_WEEKS + (size_t)w];
            error += fabs(units - median_units(lines));
            sold += units;
        }
    }
    return sold > 0 ? error / sold : NAN;
}

static int compare_shares(const void *a, const void *b, void *shares)
{
    double x = ((const double *)shares)[*(const int32_t *)a];
    double y = ((const double *)shares)[*(const int32_t *)b];
    if (x != y)
        return x > y ? -1 : 1;
    return *(const int32_t *)a < *(const int32_t *)b ? -1 : *(const int32_t *)a > *(const int32_t *)b;
}

static int compare_i32(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static bool contains(const int32_t *sorted, size_t n, int32_t value)
{
    return n > 0 && bsearch(&value, sorted, n, sizeof *sorted, compare_i32) != NULL;
}

/* Sorts and removes repeats; returns how many are left. */
static size_t make_set(int32_t *values, size_t n)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_i32);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (values[i] != values[kept - 1])
            values[kept++] = values[i];
    return kept;
}

/* Ranks the customer's unseen products: every category's list is already in order, so this merges 24 of them. */
static size_t rank_products(const sample_plan *plan, const sample_record *record, const sample_customer *customer,
                            const int32_t *order, const double *chance, const int32_t *bought, size_t n_bought,
                            int32_t ranked[TOP])
{
    double taste[SAMPLE_CATEGORIES] = {0};
    for (int w = 0; w < SAMPLE_TEST_WEEKS; w++) {
        double shares[SAMPLE_CATEGORIES];
        sample_category_shares(plan, customer, FIRST_TEST_WEEK + w, shares);
        for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
            taste[k] += shares[k];
    }
    size_t next[SAMPLE_CATEGORIES];
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
        next[k] = plan->category[k].first;
    size_t n = 0;
    while (n < TOP) {
        size_t best = SAMPLE_CATEGORIES;
        double best_score = -1;
        for (size_t k = 0; k < SAMPLE_CATEGORIES; k++) {
            size_t end = plan->category[k].first + plan->category[k].count;
            while (next[k] < end &&
                   (!record->sold_before[order[next[k]]] || contains(bought, n_bought, order[next[k]])))
                next[k]++;
            if (next[k] < end && taste[k] * chance[order[next[k]]] > best_score) {
                best = k;
                best_score = taste[k] * chance[order[next[k]]];
            }
        }
        if (best == SAMPLE_CATEGORIES)
            break;
        ranked[n++] = order[next[best]++];
    }
    return n;
}

static int compare_lines(const void *a, const void *b)
{
    const sample_line *x = a;
    const sample_line *y = b;
    if (x->customer != y->customer)
        return x->customer < y->customer ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->product < y->product ? -1 : x->product > y->product;
}

static double best_segment_of(const sample_line *lines, size_t n, int planted)
{
    size_t first = 0;
    while (first < n && lines[first].order == lines[0].order)
        first++;
    int best = 0;
    double best_log = -INFINITY;
    for (int s = 0; s < SAMPLE_SEGMENTS; s++) {
        double mean = sample_segments[s].lines_per_order - 1;
        double log_chance = log(sample_segments[s].share) + (double)(first - 1) * log(mean) - mean;
        if (log_chance > best_log) {
            best_log = log_chance;
            best = s;
        }
    }
    return best == planted ? 1 : 0;
}

/* NDCG@20 of the planted ranking and accuracy of the planted segments, over the followed customers. */
static merx_status best_by_customer(const sample_plan *plan, sample_record *record, double *shares, double *ndcg,
                                    double *accuracy, merx_error *err)
{
    merx_status status = MERX_OK;
    int32_t *order = NULL;
    mx_vec before = mx_vec_init(plan->alloc, sizeof(int32_t), record->lines.count + 1, "products");
    mx_vec after = mx_vec_init(plan->alloc, sizeof(int32_t), record->lines.count + 1, "products");
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_products, &order, "products", err));
    memcpy(order, plan->by_category, plan->n_products * sizeof *order);
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
        qsort_r(order + plan->category[k].first, plan->category[k].count, sizeof *order, compare_shares, shares);
    sample_line *lines = record->lines.data;
    qsort(lines, record->lines.count, sizeof *lines, compare_lines);
    double sum = 0;
    double right = 0;
    size_t ranked_customers = 0;
    size_t new_customers = 0;
    for (size_t i = 0; i < record->lines.count;) {
        size_t end = i;
        mx_vec_clear(&before);
        mx_vec_clear(&after);
        for (; end < record->lines.count && lines[end].customer == lines[i].customer; end++)
            MX_TRY_GOTO(mx_vec_append(lines[end].test ? &after : &before, &lines[end].product, 1, err));
        const sample_customer *customer = &plan->customer[lines[i].customer];
        size_t n_before = make_set(before.data, before.count);
        size_t n_after = make_set(after.data, after.count);
        /* Only what is new to the customer counts, and what was sold before at all. */
        int32_t *wanted = after.data;
        size_t n_wanted = 0;
        for (size_t j = 0; j < n_after; j++)
            if (!contains(before.data, n_before, wanted[j]) && record->sold_before[wanted[j]])
                wanted[n_wanted++] = wanted[j];
        if (n_before > 0 && n_wanted > 0) {
            int32_t ranked[TOP];
            size_t n = rank_products(plan, record, customer, order, shares, before.data, n_before, ranked);
            sum += mx_ndcg_at_k(ranked, n, wanted, n_wanted);
            ranked_customers++;
        }
        if (n_before == 0) {
            right += best_segment_of(lines + i, end - i, customer->segment);
            new_customers++;
        }
        i = end;
    }
    *ndcg = ranked_customers ? sum / (double)ranked_customers : NAN;
    *accuracy = new_customers ? right / (double)new_customers : NAN;
out:
    MX_FREE_ARRAY(plan->alloc, order, plan->n_products);
    mx_vec_release(&before);
    mx_vec_release(&after);
    return status;
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static merx_status write_json(const sample_plan *plan, const sample_record *record, double ndcg, double wape,
                              double accuracy, const char *path, merx_error *err)
{
    json_t *segments = json_array();
    for (int s = 0; s < SAMPLE_SEGMENTS; s++)
        json_array_append_new(segments, json_pack("{s:s, s:f, s:f, s:f}", "name", sample_segments[s].name, "share",
                                                  sample_segments[s].share, "orders_per_week",
                                                  sample_segments[s].orders_per_week * plan->rate_scale,
                                                  "lines_per_order", sample_segments[s].lines_per_order));
    json_t *categories = json_array();
    for (size_t k = 0; k < SAMPLE_CATEGORIES; k++)
        json_array_append_new(categories, json_pack("{s:s, s:I, s:f, s:f, s:f}", "name", sample_category_name(k),
                                                    "products", (json_int_t)plan->category[k].count, "elasticity",
                                                    -plan->category[k].elasticity, "season_amplitude",
                                                    plan->category[k].season_amplitude, "season_peak_week",
                                                    plan->category[k].season_phase));
    json_t *bundles = json_array();
    for (size_t p = 0; p < plan->n_products && json_array_size(bundles) < 1000; p++)
        if (plan->product[p].companion >= 0) {
            char first[32];
            char second[32];
            snprintf(first, sizeof first, "P%07zu", p + 1);
            snprintf(second, sizeof second, "P%07d", plan->product[p].companion + 1);
            json_array_append_new(bundles, json_pack("{s:s, s:s, s:f}", "product", first, "companion", second, "chance",
                                                     SAMPLE_COMPANION));
        }
    json_t *root = json_pack(
        "{s:{s:I, s:I, s:I, s:I, s:I}, s:s, s:{s:{s:o}, s:{s:o}, s:{s:o}, s:{s:o}}, s:{s:o, s:o, s:o, s:f}}", "shop",
        "products", (json_int_t)plan->n_products, "customers", (json_int_t)plan->n_customers, "orders",
        (json_int_t)record->orders_written, "lines", (json_int_t)record->lines_written, "seed", (json_int_t)plan->seed,
        "split", "2025-11-01", "best", "recommend", "ndcg@20", real_or_null(ndcg), "demand", "wape", real_or_null(wape),
        "segment", "accuracy", real_or_null(accuracy), "classify", "accuracy", real_or_null(sample_best_classify(plan)),
        "planted", "segments", segments, "categories", categories, "bundles", bundles, "parcel_share", SAMPLE_PARCEL);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(root);
    if (!text)
        MX_FAIL(err, MERX_E_MEMORY, path, "no memory for the truth file");
    merx_status status = mx_write_file(path, text, strlen(text), err);
    free(text); /* allocated by jansson */
    return status;
}

merx_status sample_truth_write(const sample_plan *plan, sample_record *record, const char *path, merx_task *task,
                               merx_error *err)
{
    merx_status status = MERX_OK;
    double *shares = NULL; /* (products) */
    mx_task_stage(task, "best reachable scores", 2, "");
    MX_TRY_GOTO(MX_NEW_ARRAY(plan->alloc, plan->n_products, &shares, "shares", err));
    product_shares(plan, shares);
    double wape = best_demand(plan, record, shares);
    double ndcg;
    double accuracy;
    MX_TRY_GOTO(mx_task_step(task, 1, err));
    MX_TRY_GOTO(best_by_customer(plan, record, shares, &ndcg, &accuracy, err));
    MX_TRY_GOTO(write_json(plan, record, ndcg, wape, accuracy, path, err));
    mx_task_done(task);
out:
    MX_FREE_ARRAY(plan->alloc, shares, plan->n_products);
    return status;
}
