/*
 * The orders of the sample shop, week by week in time order: see sample.h for what is planted.
 */
#include "shop/sample/sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_ORDERS = 101, STREAM_FOLLOW };
#define FOLLOWED 2000
#define EXTRA_UNITS_MEAN 0.6

/* One order of the week being made. A return names the order it takes back. */
typedef struct week_order {
    int64_t time_ms;
    uint64_t number; /* of the order returned; 0: a new order */
    int32_t customer;
    uint32_t sequence;
    size_t first_line, lines;
    bool guest;
} week_order;
typedef struct week_line {
    int32_t product;
    int32_t quantity;
} week_line;

bool sample_followed(const sample_plan *plan, size_t customer)
{
    if (plan->n_customers <= FOLLOWED)
        return true;
    return mx_random_key(plan->seed, STREAM_FOLLOW, customer) % plan->n_customers < FOLLOWED;
}

merx_status sample_record_init(const sample_plan *plan, sample_record *record, merx_error *err)
{
    *record = (sample_record){.alloc = plan->alloc, .n_products = plan->n_products};
    record->lines = mx_vec_init(plan->alloc, sizeof(sample_line), (size_t)1 << 28, "lines of followed customers");
    merx_status status = MX_NEW_ARRAY(plan->alloc, plan->n_products, &record->sold_before, "products", err);
    if (status == MERX_OK)
        status =
            MX_NEW_ARRAY(plan->alloc, plan->n_products * SAMPLE_TEST_WEEKS, &record->test_units, "units by week", err);
    if (status != MERX_OK)
        sample_record_release(record);
    return status;
}

void sample_record_release(sample_record *record)
{
    if (!record->alloc)
        return;
    MX_FREE_ARRAY(record->alloc, record->sold_before, record->n_products);
    MX_FREE_ARRAY(record->alloc, record->test_units, record->n_products * SAMPLE_TEST_WEEKS);
    mx_vec_release(&record->lines);
    *record = (sample_record){0};
}

static int32_t draw_product(const sample_plan *plan, const double shares[SAMPLE_CATEGORIES], int week,
                            mx_random *random)
{
    double u = mx_random_uniform(random);
    size_t k = 0;
    while (k + 1 < SAMPLE_CATEGORIES && u >= shares[k])
        u -= shares[k++];
    while (plan->category[k].count == 0)
        k = (k + 1) % SAMPLE_CATEGORIES;
    const sample_category *category = &plan->category[k];
    const double most = pow(1 - SAMPLE_MAX_DISCOUNT, -category->elasticity);
    for (;;) {
        const double *cumulative = plan->cumulative + category->first;
        double x = mx_random_uniform(random) * cumulative[category->count - 1];
        size_t low = 0;
        size_t high = category->count - 1;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (cumulative[middle] > x)
                high = middle;
            else
                low = middle + 1;
        }
        int32_t product = plan->by_category[category->first + low];
        if (mx_random_uniform(random) * most < sample_promotion(plan, (size_t)product, week))
            return product;
    }
}

static merx_status add_line(mx_vec *lines, int32_t product, mx_random *random, merx_error *err)
{
    week_line *line = NULL;
    MX_TRY(mx_vec_push(lines, 1, &line, err));
    *line = (week_line){product, 1 + (int32_t)mx_random_poisson(random, EXTRA_UNITS_MEAN)};
    return MERX_OK;
}

/* The lines of one order; the customer's ring takes what was bought. */
static merx_status make_lines(const sample_plan *plan, sample_customer *customer,
                              const double shares[SAMPLE_CATEGORIES], int week, mx_random *random, mx_vec *lines,
                              merx_error *err)
{
    size_t wanted = 1 + (size_t)mx_random_poisson(random, sample_segments[customer->segment].lines_per_order - 1);
    size_t first = lines->count;
    for (size_t i = 0; i < wanted; i++) {
        if (customer->ring_size > 0 && mx_random_uniform(random) < SAMPLE_REPEAT) {
            MX_TRY(add_line(lines, customer->ring[mx_random_below(random, customer->ring_size)], random, err));
            continue;
        }
        int32_t product = draw_product(plan, shares, week, random);
        MX_TRY(add_line(lines, product, random, err));
        int32_t companion = plan->product[product].companion;
        if (companion >= 0 && mx_random_uniform(random) < SAMPLE_COMPANION)
            MX_TRY(add_line(lines, companion, random, err));
    }
    for (size_t i = first; i < lines->count; i++) {
        customer->ring[customer->ring_next] = MX_VEC_AT(lines, week_line, i).product;
        customer->ring_next = (uint8_t)((customer->ring_next + 1) % SAMPLE_RING);
        if (customer->ring_size < SAMPLE_RING)
            customer->ring_size++;
    }
    return MERX_OK;
}

static int64_t draw_time(const sample_plan *plan, int week, mx_random *random)
{
    static const double day_share[7] = {0.15, 0.14, 0.14, 0.15, 0.14, 0.13, 0.15};
    double u = mx_random_uniform(random);
    int day = 0;
    while (day < 6 && u >= day_share[day])
        u -= day_share[day++];
    double hour = 8 + 13 * (mx_random_uniform(random) + mx_random_uniform(random)) / 2;
    return plan->start_ms + week * SAMPLE_WEEK_MS + day * MX_DAY_MS + (int64_t)(hour * 3600) * 1000;
}

static merx_status make_week(sample_plan *plan, int week, mx_vec *orders, mx_vec *lines, merx_error *err)
{
    for (size_t c = 0; c < plan->n_customers; c++) {
        sample_customer *customer = &plan->customer[c];
        double expected = sample_orders_expected(plan, customer, week);
        if (!(expected > 0))
            continue;
        mx_random random;
        mx_random_init(&random, plan->seed, mx_random_key(STREAM_ORDERS, c, (uint64_t)week));
        uint64_t count = mx_random_poisson(&random, expected);
        if (count == 0)
            continue;
        double shares[SAMPLE_CATEGORIES];
        sample_category_shares(plan, customer, week, shares);
        for (uint64_t i = 0; i < count; i++) {
            week_order *order = NULL;
            MX_TRY(mx_vec_push(orders, 1, &order, err));
            *order = (week_order){.time_ms = draw_time(plan, week, &random),
                                  .customer = (int32_t)c,
                                  .sequence = (uint32_t)i,
                                  .first_line = lines->count,
                                  .guest = mx_random_uniform(&random) < SAMPLE_GUEST};
            MX_TRY(make_lines(plan, customer, shares, week, &random, lines, err));
            order->lines = lines->count - order->first_line;
        }
    }
    return MERX_OK;
}

static int compare_orders(const void *a, const void *b)
{
    const week_order *x = a;
    const week_order *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    if (x->customer != y->customer)
        return x->customer < y->customer ? -1 : 1;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return x->first_line < y->first_line ? -1 : x->first_line > y->first_line;
}

static merx_status note_line(const sample_plan *plan, sample_record *record, const week_order *order,
                             const week_line *line, int week, merx_error *err)
{
    size_t product = (size_t)line->product;
    bool test = order->time_ms >= plan->split_ms;
    if (!test)
        record->sold_before[product] = 1;
    int test_week = week - (SAMPLE_WEEKS - SAMPLE_TEST_WEEKS);
    if (test_week >= 0)
        record->test_units[product * SAMPLE_TEST_WEEKS + (size_t)test_week] += (uint32_t)line->quantity;
    if (!order->guest && sample_followed(plan, (size_t)order->customer)) {
        sample_line *followed = NULL;
        MX_TRY(mx_vec_push(&record->lines, 1, &followed, err));
        *followed = (sample_line){order->customer, line->product, (uint32_t)record->orders_written, test};
    }
    return MERX_OK;
}

/* Writes the week's orders in time order; some of their lines come back in the week after, as orders of `returns`. */
static merx_status write_week(const sample_plan *plan, int week, mx_vec *orders, const mx_vec *lines, mx_vec *returns,
                              mx_vec *return_lines, mx_sink *sink, mx_text *text, sample_record *record,
                              merx_error *err)
{
    qsort(orders->data, orders->count, sizeof(week_order), compare_orders);
    for (size_t i = 0; i < orders->count; i++) {
        const week_order *order = &MX_VEC_AT(orders, week_order, i);
        uint64_t number = order->number ? order->number : ++record->orders_written;
        mx_random random;
        mx_random_init(&random, plan->seed,
                       mx_random_key(STREAM_ORDERS, (uint64_t)order->customer, (uint64_t)order->time_ms));
        for (size_t j = order->first_line; j < order->first_line + order->lines; j++) {
            const week_line *line = &MX_VEC_AT(lines, week_line, j);
            double price = (double)plan->product[line->product].price_minor *
                           (1 - sample_discount(plan, (size_t)line->product, week));
            int64_t minor = (int64_t)floor(price + 0.5);
            char when[32];
            mx_format_date(order->time_ms, true, when);
            mx_text_printf(text, "O%08" PRIu64 ",%s,", number, when);
            if (!order->guest)
                mx_text_printf(text, "C%07d", order->customer + 1);
            mx_text_printf(text, ",P%07d,%d,%" PRId64 ".%02" PRId64 "\n", line->product + 1, line->quantity,
                           minor / 100, minor % 100);
            record->lines_written++;
            if (line->quantity < 0)
                continue;
            MX_TRY(note_line(plan, record, order, line, week, err));
            if (week + 1 < SAMPLE_WEEKS && mx_random_uniform(&random) < SAMPLE_RETURN) {
                week_order *back = NULL;
                week_line *back_line = NULL;
                MX_TRY(mx_vec_push(returns, 1, &back, err));
                *back = *order;
                back->time_ms += SAMPLE_WEEK_MS;
                back->number = number;
                back->first_line = return_lines->count;
                back->lines = 1;
                MX_TRY(mx_vec_push(return_lines, 1, &back_line, err));
                *back_line = (week_line){line->product, -line->quantity};
            }
        }
        if (text->size > 1 << 16) {
            MX_TRY(mx_text_ok(text, err));
            MX_TRY(mx_sink_write(sink, text->data, text->size, err));
            mx_text_clear(text);
        }
    }
    return MERX_OK;
}

merx_status sample_orders_write(sample_plan *plan, const char *path, merx_task *task, sample_record *record,
                                merx_error *err)
{
    merx_status status = MERX_OK;
    mx_sink *sink = NULL;
    mx_text text;
    mx_text_init(&text, plan->alloc, 1 << 22);
    mx_vec orders = mx_vec_init(plan->alloc, sizeof(week_order), (size_t)1 << 30, "orders of a week");
    mx_vec lines = mx_vec_init(plan->alloc, sizeof(week_line), (size_t)1 << 30, "lines of a week");
    mx_vec returns[2] = {mx_vec_init(plan->alloc, sizeof(week_order), (size_t)1 << 28, "returns"),
                         mx_vec_init(plan->alloc, sizeof(week_order), (size_t)1 << 28, "returns")};
    mx_vec return_lines[2] = {mx_vec_init(plan->alloc, sizeof(week_line), (size_t)1 << 28, "returns"),
                              mx_vec_init(plan->alloc, sizeof(week_line), (size_t)1 << 28, "returns")};
    MX_TRY_GOTO(mx_sink_open(path, mx_compression_of_name(path), plan->alloc, &sink, err));
    mx_task_stage(task, "orders", SAMPLE_WEEKS, "weeks");
    mx_text_puts(&text, "order_id,time,customer,product,quantity,unit_price\n");
    for (int week = 0; week < SAMPLE_WEEKS; week++) {
        MX_TRY_GOTO(mx_task_step(task, (uint64_t)week, err));
        mx_vec_clear(&orders);
        mx_vec_clear(&lines);
        MX_TRY_GOTO(make_week(plan, week, &orders, &lines, err));
        /* What came back from last week's orders joins this week. */
        mx_vec *old = &returns[week % 2];
        mx_vec *old_lines = &return_lines[week % 2];
        for (size_t i = 0; i < old->count; i++) {
            week_order order = MX_VEC_AT(old, week_order, i);
            const week_line *line = &MX_VEC_AT(old_lines, week_line, order.first_line);
            order.first_line = lines.count;
            MX_TRY_GOTO(mx_vec_append(&lines, line, 1, err));
            MX_TRY_GOTO(mx_vec_append(&orders, &order, 1, err));
        }
        mx_vec_clear(old);
        mx_vec_clear(old_lines);
        MX_TRY_GOTO(write_week(plan, week, &orders, &lines, &returns[(week + 1) % 2], &return_lines[(week + 1) % 2],
                               sink, &text, record, err));
    }
    MX_TRY_GOTO(mx_text_ok(&text, err));
    MX_TRY_GOTO(mx_sink_write(sink, text.data, text.size, err));
    status = mx_sink_finish(sink, err);
    sink = NULL;
    mx_task_done(task);
out:
    if (sink)
        mx_sink_abandon(sink);
    mx_text_release(&text);
    mx_vec_release(&orders);
    mx_vec_release(&lines);
    for (int i = 0; i < 2; i++) {
        mx_vec_release(&returns[i]);
        mx_vec_release(&return_lines[i]);
    }
    return status;
}
