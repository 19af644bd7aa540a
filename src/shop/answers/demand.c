/*
 * demand: units of each product in the weeks to come, what they depend on, and how they move with the price. The model is in demand_model.h.
 *
 * A model file holds the regression (coefficients, means, curve) and the elasticities by product id; the recent weeks themselves come from the snapshot asked on, so a new
 * sale changes the next answer. Forgetting trains again on what is left: the same bytes as never having seen the customer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "shop/answers/demand_model.h"
#include "shop/answers/sales.h"

#define WEEK_MS (7 * MX_DAY_MS)
enum { LEAST_WEEKS = 6 };

static const merx_option training[] = {
    {"horizon", MERX_OPTION_INT, 1, 13, "6", NULL, "Weeks ahead that are learnt; beyond them the farthest is taken."},
    {"recent", MERX_OPTION_INT, 4, 52, "12", NULL, "Last weeks that serve as targets of the regression."},
    {"l2", MERX_OPTION_REAL, 0.001, 1e6, "10", NULL, "Ridge penalty on the coefficients."},
    {"prices", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Whether to learn price elasticities."},
    {0}};
static const merx_option question[] = {
    {"product", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Id of a product; without it the products with most expected units."},
    {"weeks", MERX_OPTION_INT, 1, 26, "4", NULL, "Weeks to forecast for a product, from the first that is not over."},
    {"price", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "What if it had this price, e.g. 2.95 (with product)."},
    {"n", MERX_OPTION_INT, 1, 1000, "10", NULL, "Products to show when no product is given."},
    {0}};

typedef struct demand_state {
    const merx_allocator *alloc;
    mx_arena arena;
    mx_demand_model model;
    size_t products;
    mx_str *id;               /* ascending */
    const double *elasticity; /* (products, 3) value, low, high */
    const uint8_t *source;
    double pooled[3];
} demand_state;

mx_demand_options mx_demand_options_of(const merx_options *options)
{
    if (!options)
        return (mx_demand_options){.horizon = 6, .recent = 12, .l2 = 10, .prices = true};
    return (mx_demand_options){.horizon = merx_options_int(options, "horizon"),
                               .recent = merx_options_int(options, "recent"),
                               .l2 = merx_options_real(options, "l2"),
                               .prices = merx_options_bool(options, "prices")};
}

static merx_status needs(const mx_snapshot *s, merx_error *err)
{
    int64_t first_ms;
    size_t weeks = mx_demand_complete(s, INT64_MIN, INT64_MAX, &first_ms);
    size_t sales = 0;
    for (size_t i = 0; i < s->events && sales < 20; i++)
        sales += mx_snapshot_is_sale(s, i);
    if (weeks < LEAST_WEEKS || sales < 20)
        MX_FAIL(err, MERX_E_INVALID, "demand",
                "needs sales of goods over %d complete weeks, at least 20 lines; there are %zu weeks and %zu%s lines",
                LEAST_WEEKS, weeks, sales, sales == 20 ? " or more" : "");
    return MERX_OK;
}

/* ---- training ---- */

static merx_status write_model(const mx_snapshot *s, const mx_demand_weeks *weeks, const mx_demand_model *model,
                               const mx_demand_price *price, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    size_t rows = weeks->rows;
    double *numbers = mx_arena_array(arena, 2 * MX_DEMAND_FEATURES + 4 + model->bins * MX_DEMAND_CURVE + rows * 3,
                                     sizeof *numbers, err);
    mx_str *ids = mx_arena_array(arena, rows, sizeof *ids, err);
    uint8_t *source = mx_arena_alloc(arena, rows, err);
    char *horizon = mx_arena_printf(arena, err, "%lld", (long long)model->horizon);
    if (!numbers || !ids || !source || !horizon)
        return MERX_E_MEMORY;
    double *mean = numbers + MX_DEMAND_FEATURES;
    double *whole = mean + MX_DEMAND_FEATURES;
    double *curve = whole + 4;
    double *elasticity = curve + model->bins * MX_DEMAND_CURVE;
    memcpy(numbers, model->coefficient, sizeof model->coefficient);
    memcpy(mean, model->mean, sizeof model->mean);
    memcpy(whole, (double[]){model->intercept, price->pooled.value, price->pooled.low, price->pooled.high},
           4 * sizeof *whole);
    memcpy(curve, model->curve, model->bins * sizeof *model->curve);
    for (size_t r = 0; r < rows; r++) {
        ids[r] = s->product_id[weeks->row_product[r]];
        source[r] = price->source[r];
        memcpy(elasticity + 3 * r, (double[]){price->row[r].value, price->row[r].low, price->row[r].high},
               3 * sizeof *elasticity);
    }
    MX_TRY(mx_tensor_writer_meta(writer, "horizon", horizon, err));
    MX_TRY(mx_tensor_writer_vector(writer, "coefficients", MX_F64, MX_DEMAND_FEATURES, numbers, err));
    MX_TRY(mx_tensor_writer_vector(writer, "means", MX_F64, MX_DEMAND_FEATURES, mean, err));
    MX_TRY(mx_tensor_writer_vector(writer, "intercept_and_pooled_elasticity", MX_F64, 4, whole, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "curve", MX_F64, model->bins, MX_DEMAND_CURVE, curve, err));
    MX_TRY(mx_tensor_writer_strings(writer, "products", ids, rows, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "elasticities", MX_F64, rows, 3, elasticity, err));
    return mx_tensor_writer_vector(writer, "elasticity_sources", MX_U8, rows, source, err);
}

static merx_status train(const mx_snapshot *s, const merx_options *options, const merx_allocator *alloc,
                         merx_task *task, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    MX_TRY(needs(s, err));
    mx_demand_options set = mx_demand_options_of(options);
    mx_demand_weeks weeks = {0};
    mx_demand_price price = {0};
    mx_demand_model *model = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, 1, &model, "the model", err));
    MX_TRY_GOTO(mx_demand_weeks_build(s, INT64_MAX, alloc, &weeks, err));
    mx_task_stage(task, "train demand", weeks.rows, "products");
    MX_TRY_GOTO(mx_demand_fit(s, &weeks, &set, alloc, task, model, err));
    if (!set.prices) /* a price that never varied teaches nothing */
        for (size_t r = 0; r < weeks.rows; r++)
            weeks.usual_minor[r] = 0;
    MX_TRY_GOTO(mx_demand_price_fit(&weeks, alloc, task, &price, err));
    MX_TRY_GOTO(write_model(s, &weeks, model, &price, writer, arena, err));
    mx_task_done(task);
out:
    mx_demand_price_release(&price);
    mx_demand_weeks_release(&weeks);
    MX_FREE_ARRAY(alloc, model, 1);
    return status;
}

static merx_status forget(const mx_snapshot *without, const mx_tensor_file *old, const merx_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                          bool *exact, merx_error *err)
{
    (void)old;
    *exact = true;
    return train(without, options, alloc, task, writer, arena, err);
}

static void unload(void *state)
{
    demand_state *d = state;
    if (!d)
        return;
    mx_arena_release(&d->arena);
    MX_FREE_ARRAY(d->alloc, d, 1);
}

static merx_status load(const mx_tensor_file *file, const mx_snapshot *s, const merx_allocator *alloc, void **state,
                        merx_error *err)
{
    (void)s;
    demand_state *d = NULL;
    const double *numbers = NULL;
    const mx_tensor *tensor = NULL;
    uint64_t n = 0;
    merx_status status;
    *state = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &d, "the model", err));
    d->alloc = alloc;
    mx_arena_init(&d->arena, alloc);
    const char *horizon = mx_tensor_file_meta(file, "horizon");
    if (!horizon || !mx_parse_int64(mx_str_of(horizon), &d->model.horizon) || d->model.horizon < 1 ||
        d->model.horizon > 13)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "has no horizon between 1 and 13");
    MX_TRY_GOTO(mx_tensor_file_vector(file, "coefficients", MX_F64, MX_DEMAND_FEATURES, &numbers, &n, err));
    memcpy(d->model.coefficient, numbers, sizeof d->model.coefficient);
    MX_TRY_GOTO(mx_tensor_file_vector(file, "means", MX_F64, MX_DEMAND_FEATURES, &numbers, &n, err));
    memcpy(d->model.mean, numbers, sizeof d->model.mean);
    MX_TRY_GOTO(mx_tensor_file_vector(file, "intercept_and_pooled_elasticity", MX_F64, 4, &numbers, &n, err));
    d->model.intercept = numbers[0];
    memcpy(d->pooled, numbers + 1, sizeof d->pooled);
    MX_TRY_GOTO(mx_tensor_file_get(file, "curve", MX_F64, 2, (uint64_t[]){0, MX_DEMAND_CURVE}, &tensor, err));
    if (tensor->shape[0] < 1 || tensor->shape[0] > MX_DEMAND_BINS)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "has a curve of %llu bins; 1 to %d are right",
                     (unsigned long long)tensor->shape[0], MX_DEMAND_BINS);
    d->model.bins = (size_t)tensor->shape[0];
    memcpy(d->model.curve, tensor->data, tensor->size_bytes);
    MX_TRY_GOTO(mx_tensor_file_strings(file, "products", &d->arena, &d->id, &d->products, err));
    MX_TRY_GOTO(mx_tensor_file_get(file, "elasticities", MX_F64, 2, (uint64_t[]){0, 3}, &tensor, err));
    d->elasticity = tensor->data;
    MX_TRY_GOTO(mx_tensor_file_vector(file, "elasticity_sources", MX_U8, 0, &d->source, &n, err));
    if (tensor->shape[0] != d->products || n != d->products)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "has %zu products, but elasticities of %llu",
                     d->products, (unsigned long long)tensor->shape[0]);
    *state = d;
out:
    if (status != MERX_OK)
        unload(d);
    return status;
}

/* ---- answering ---- */

/* One question: the weeks known and the row that is looked at. */
typedef struct inquiry {
    const mx_ask *ask;
    const demand_state *state;
    const merx_allocator *alloc;
    mx_demand_weeks weeks;
    mx_demand_row row;
    int32_t product;     /* -1: all */
    int64_t price_minor; /* asked for; 0: the usual */
} inquiry;

/* A forecast with its price. */
typedef struct outlook {
    mx_demand_forecast f;
    mx_elasticity elasticity;
    mx_price_source source;
    int64_t price_minor;
    double shift; /* elasticity * ln(price / usual) */
} outlook;

static void inquiry_end(inquiry *q)
{
    mx_demand_row_release(&q->row);
    mx_demand_weeks_release(&q->weeks);
}

static merx_status read_price(const mx_ask *ask, int64_t *price, merx_error *err)
{
    const char *text = merx_options_text(ask->question, "price");
    int decimals;
    *price = 0;
    if (!text[0])
        return MERX_OK;
    if (!mx_parse_decimal(mx_str_of(text), price, &decimals) || *price <= 0)
        MX_FAIL(err, MERX_E_PARSE, "price", "\"%s\" is no price above 0, such as 2.95", text);
    if (!mx_rescale_decimal(*price, decimals, ask->snapshot->decimals, price))
        MX_FAIL(err, MERX_E_RANGE, "price", "\"%s\" has more than the shop's %d decimals", text,
                ask->snapshot->decimals);
    return MERX_OK;
}

static merx_status inquiry_begin(const mx_ask *ask, inquiry *q, merx_error *err)
{
    const char *product = merx_options_text(ask->question, "product");
    *q = (inquiry){.ask = ask, .state = ask->state, .alloc = merx_task_allocator(ask->task), .product = -1};
    if (product[0]) {
        q->product = mx_snapshot_find_product(ask->snapshot, product);
        if (q->product < 0)
            return mx_unknown_product(ask->snapshot, product, err);
    }
    MX_TRY(read_price(ask, &q->price_minor, err));
    if (q->price_minor > 0 && q->product < 0)
        MX_FAIL(err, MERX_E_INVALID, "price", "needs a product");
    MX_TRY(mx_demand_weeks_build(ask->snapshot, INT64_MAX, q->alloc, &q->weeks, err));
    merx_status status = mx_demand_row_init(&q->weeks, q->alloc, &q->row, err);
    if (status != MERX_OK)
        inquiry_end(q);
    return status;
}

static size_t row_of(const inquiry *q, int32_t product)
{
    size_t low = 0;
    size_t high = q->weeks.rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (q->weeks.row_product[middle] < product)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->weeks.rows && q->weeks.row_product[low] == product ? low : SIZE_MAX;
}

/* The row must be set. */
static void look(const inquiry *q, size_t horizon, mx_demand_group skip, outlook *out)
{
    size_t r = q->row.row;
    const demand_state *d = q->state;
    mx_str id = q->ask->snapshot->product_id[q->weeks.row_product[r]];
    size_t low = 0;
    size_t high = d->products;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mx_str_compare(d->id[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool known = low < d->products && mx_str_equal(d->id[low], id);
    const double *e = known ? d->elasticity + 3 * low : d->pooled;
    *out = (outlook){.elasticity = {e[0], e[1], e[2]}, .price_minor = q->weeks.usual_minor[r]};
    out->source = !isfinite(e[0])                           ? MX_PRICE_NONE
                  : known && d->source[low] <= MX_PRICE_OWN ? (mx_price_source)d->source[low]
                                                            : MX_PRICE_POOLED;
    mx_demand_predict(&d->model, &q->row, horizon, skip, &out->f);
    if (q->price_minor > 0) {
        if (out->source != MX_PRICE_NONE && out->price_minor > 0)
            out->shift = e[0] * log((double)q->price_minor / (double)out->price_minor);
        out->price_minor = q->price_minor;
    }
}

static int64_t week_start(const inquiry *q, size_t horizon)
{
    return q->weeks.first_ms + (int64_t)(q->weeks.weeks + horizon - 1) * WEEK_MS;
}

static int64_t revenue_of(double units, int64_t price)
{
    double value = units * (double)price;
    return value < 9e18 ? (int64_t)llround(value) : INT64_MAX;
}

static merx_status fill_item(const inquiry *q, size_t horizon, merx_item *item, merx_error *err)
{
    static const char *const sources[] = {"none: prices never varied", "the whole shop", "its category",
                                          "its own prices"};
    const mx_snapshot *s = q->ask->snapshot;
    outlook o;
    look(q, horizon, MX_DEMAND_GROUPS, &o);
    bool priced = o.source != MX_PRICE_NONE;
    double factor = exp(o.shift);
    double expected = o.f.expected * factor;
    item->score = o.f.log_expected + o.shift;
    MX_TRY(mx_item_fields(item, priced ? 11 : 8, q->ask->arena, err));
    merx_field *f = item->field;
    *f++ = (merx_field){"week", mx_value_date(week_start(q, horizon))};
    *f++ = (merx_field){"units", mx_value_real(o.f.units * factor, 1)};
    *f++ = (merx_field){"expected units", mx_value_real(expected, 2)};
    *f++ = (merx_field){"low", mx_value_real(o.f.low * factor, 1)};
    *f++ = (merx_field){"high", mx_value_real(o.f.high * factor, 1)};
    *f++ = (merx_field){"price", mx_value_money(o.price_minor, s->decimals)};
    *f++ = (merx_field){"revenue", mx_value_money(revenue_of(expected, o.price_minor), s->decimals)};
    if (priced) {
        *f++ = (merx_field){"elasticity", mx_value_real(o.elasticity.value, 2)};
        *f++ = (merx_field){"elasticity low", mx_value_real(o.elasticity.low, 2)};
        *f++ = (merx_field){"elasticity high", mx_value_real(o.elasticity.high, 2)};
    }
    *f = (merx_field){"elasticity from", mx_value_text(sources[o.source])};
    return MERX_OK;
}

typedef struct ranked {
    double expected;
    size_t row;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    if (x->expected != y->expected)
        return x->expected > y->expected ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static const char *text_of(mx_str text, mx_arena *arena, merx_error *err)
{
    return mx_arena_strndup(arena, text.data ? text.data : "", text.size, err);
}

static merx_status answer_top(inquiry *q, merx_reply *reply, merx_error *err)
{
    const mx_ask *ask = q->ask;
    ranked *order = NULL;
    double total = 0;
    char week[32];
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(q->alloc, q->weeks.rows, &order, "products", err));
    for (size_t r = 0; r < q->weeks.rows; r++) {
        mx_demand_forecast f;
        mx_demand_row_set(&q->row, r);
        mx_demand_predict(&q->state->model, &q->row, 1, MX_DEMAND_GROUPS, &f);
        order[r] = (ranked){f.expected, r};
        total += f.expected;
    }
    if (q->weeks.rows > 0)
        qsort(order, q->weeks.rows, sizeof *order, compare_ranked);
    size_t n = (size_t)merx_options_int(ask->question, "n");
    n = n < q->weeks.rows ? n : q->weeks.rows;
    MX_TRY_GOTO(mx_reply_items(reply, n, ask->arena, err));
    for (size_t k = 0; k < n; k++) {
        int32_t product = q->weeks.row_product[order[k].row];
        reply->item[k].id = text_of(ask->snapshot->product_id[product], ask->arena, err);
        reply->item[k].title = text_of(ask->snapshot->product_title[product], ask->arena, err);
        if (!reply->item[k].id || !reply->item[k].title) {
            status = MERX_E_MEMORY;
            goto out;
        }
        mx_demand_row_set(&q->row, order[k].row);
        MX_TRY_GOTO(fill_item(q, 1, &reply->item[k], err));
    }
    mx_format_date(week_start(q, 1), false, week);
    reply->sentence =
        mx_arena_printf(ask->arena, err, "About %.0f units of %zu products are expected in the week of %s.", total,
                        q->weeks.rows, week);
    status = reply->sentence ? MERX_OK : MERX_E_MEMORY;
out:
    MX_FREE_ARRAY(q->alloc, order, q->weeks.rows);
    return status;
}

static merx_status answer_product(inquiry *q, merx_reply *reply, merx_error *err)
{
    const mx_ask *ask = q->ask;
    const mx_snapshot *s = ask->snapshot;
    size_t r = row_of(q, q->product);
    const char *title = text_of(s->product_title[q->product], ask->arena, err);
    const char *id = text_of(s->product_id[q->product], ask->arena, err);
    if (!title || !id)
        return MERX_E_MEMORY;
    if (r == SIZE_MAX)
        MX_FAIL(err, MERX_E_NOT_FOUND, "product",
                "\"%s\" was never sold (or is a service): there is nothing to forecast from", id);
    mx_demand_row_set(&q->row, r);
    size_t n = (size_t)merx_options_int(ask->question, "weeks");
    double total = 0;
    outlook o = {0};
    MX_TRY(mx_reply_items(reply, n, ask->arena, err));
    for (size_t k = 0; k < n; k++) {
        char week[32];
        mx_format_date(week_start(q, k + 1), false, week);
        reply->item[k].id = mx_arena_strdup(ask->arena, week, err);
        reply->item[k].title = title;
        if (!reply->item[k].id)
            return MERX_E_MEMORY;
        MX_TRY(fill_item(q, k + 1, &reply->item[k], err));
        look(q, k + 1, MX_DEMAND_GROUPS, &o);
        total += o.f.expected * exp(o.shift);
    }
    reply->sentence = mx_arena_printf(ask->arena, err, "About %.1f units of %s are expected in the %zu weeks from %s.",
                                      total, title[0] ? title : id, n, reply->item[0].id);
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (o.source == MX_PRICE_NONE)
        MX_TRY(mx_reply_note(reply, ask->arena, err,
                             "No price varied enough to learn from: units are shown as if the price did not matter."));
    else if (o.source != MX_PRICE_OWN)
        MX_TRY(mx_reply_note(reply, ask->arena, err,
                             "The price of %s varied too little to learn from: the elasticity is that of %s.", id,
                             o.source == MX_PRICE_CATEGORY ? "its category" : "the whole shop"));
    if ((int64_t)n > q->state->model.horizon)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "Weeks beyond the %lldth are forecast as that one.",
                             (long long)q->state->model.horizon));
    return MERX_OK;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    inquiry q;
    MX_TRY(inquiry_begin(ask, &q, err));
    reply->score_unit = "log units";
    merx_status status = q.product >= 0 ? answer_product(&q, reply, err) : answer_top(&q, reply, err);
    inquiry_end(&q);
    return status;
}

/* ---- reasons ---- */

static merx_status add_reasons(const inquiry *q, size_t horizon, merx_item *item, merx_error *err)
{
    static const char *const kinds[MX_DEMAND_GROUPS] = {"level", "recent sales", "trend", "season"};
    static const char *const texts[MX_DEMAND_GROUPS] = {"what it sells in the long run", "the last eight weeks",
                                                        "growth, and how far ahead the week is",
                                                        "the time of the year"};
    mx_arena *arena = q->ask->arena;
    outlook o;
    look(q, horizon, MX_DEMAND_GROUPS, &o);
    MX_TRY(mx_item_reasons(item, MX_DEMAND_GROUPS + 3, arena, err));
    merx_reason *r = item->reason;
    *r++ = (merx_reason){.kind = "base",
                         .id = "base",
                         .text = "a product with everything at its mean",
                         .contribution = o.f.base,
                         .without = NAN};
    *r++ = (merx_reason){.kind = "spread",
                         .id = "spread",
                         .text = "from the middle of the logarithms to the mean of units",
                         .contribution = o.f.log_expected - o.f.x,
                         .without = NAN};
    for (int g = 0; g < MX_DEMAND_GROUPS; g++) {
        outlook other;
        look(q, horizon, (mx_demand_group)g, &other);
        *r++ = (merx_reason){.kind = kinds[g],
                             .id = kinds[g],
                             .text = texts[g],
                             .contribution = o.f.part[g],
                             .without = other.f.log_expected + other.shift};
    }
    *r = (merx_reason){.kind = "price",
                       .id = "price",
                       .text = o.shift != 0 ? "the price asked for against the usual one" : "the usual price",
                       .contribution = o.shift,
                       .without = o.f.log_expected};
    mx_item_sort_reasons(item);
    return MERX_OK;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    inquiry q;
    MX_TRY(inquiry_begin(ask, &q, err));
    merx_status status = MERX_OK;
    for (size_t k = 0; k < reply->items; k++) {
        int32_t product = q.product >= 0 ? q.product : mx_snapshot_find_product(ask->snapshot, reply->item[k].id);
        size_t row = row_of(&q, product);
        if (row == SIZE_MAX)
            continue;
        mx_demand_row_set(&q.row, row);
        MX_TRY_GOTO(add_reasons(&q, q.product >= 0 ? k + 1 : 1, &reply->item[k], err));
    }
out:
    inquiry_end(&q);
    return status;
}

const mx_answer mx_answer_demand = {
    .version = 1,
    .info = {.name = "demand",
             .title = "Demand",
             .text = "Units of each product in the weeks to come, by one regression over all products on their level, "
                     "recent sales, trend and season, "
                     "with an interval; and how units move with the price: elasticities of products, drawn towards "
                     "their category and the "
                     "whole shop.",
             .needs = "purchases with products and times over six weeks or more; prices that varied, for elasticities",
             .examples = "merx ask demand --shop SHOP\nmerx ask demand --shop SHOP --product 85123A --weeks 6 --why\n"
                         "merx ask demand --shop SHOP --product 85123A --price 2.55",
             .training = training,
             .question = question,
             .learns = true},
    .code_version = 2,
    .needs = needs,
    .train = train,
    .load = load,
    .unload = unload,
    .answer = answer,
    .explain = explain,
    .evaluate = mx_demand_evaluate,
    .forget = forget,
};
