/*
 * segment: which kinds of customers and products the shop has, and to which one belongs, with reasons. The model: shop/answers/segment_model.h.
 *
 * A customer's segment is that of his numbers now, not at training: his events are read when he is asked for. One whose first order came after training and who is not yet settled
 * gets the class that the regression on first orders gives.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/segment_model.h"

typedef enum subject_kind { NOBODY, BY_CENTROID, BY_FIRST_ORDER } subject_kind;

/* The one asked for. */
typedef struct subject {
    subject_kind kind;
    const mx_grouping *grouping;
    const char *id;
    mx_profile profile;
    int32_t own, other;
    double score, base;
    double contribution[MX_EARLY_COLUMNS]; /* by feature, or by column of the first order */
    double early_value[MX_EARLY_FEATURES];
    double probability; /* of the class */
} subject;

/* ---- who is asked for ---- */

static void place(subject *s, const mx_grouping *g)
{
    double row[MX_SEGMENT_FEATURES_MAX];
    s->kind = BY_CENTROID;
    mx_grouping_row(g, s->profile.feature, row);
    s->own = s->other = 0;
    if (g->kmeans.k > 1)
        s->score = mx_kmeans_explain_row(&g->kmeans, row, s->contribution, &s->own, &s->other);
}

static merx_status place_newcomer(const mx_ask *ask, const int32_t *events, size_t n, int32_t customer,
                                  int64_t *scratch, subject *s, merx_error *err)
{
    const mx_segments *model = ask->state;
    mx_newcomer newcomer;
    MX_TRY(mx_newcomer_place(model, ask->snapshot, customer, events, n, scratch, &newcomer, err));
    s->kind = BY_FIRST_ORDER;
    s->own = newcomer.segment;
    s->probability = newcomer.probability;
    memcpy(s->early_value, newcomer.value, sizeof newcomer.value);
    s->score = mx_logistic_explain_row(&model->early, newcomer.row, newcomer.class_index, s->contribution, &s->base);
    return MERX_OK;
}

static merx_status find_customer(const mx_ask *ask, const char *id, subject *s, merx_error *err)
{
    const mx_segments *model = ask->state;
    mx_snapshot *snapshot = ask->snapshot;
    int32_t customer = mx_snapshot_find_customer(snapshot, id);
    if (customer < 0)
        return mx_unknown_customer(snapshot, id, err);
    const int32_t *events;
    size_t n;
    MX_TRY(mx_snapshot_customer_events(snapshot, customer, &events, &n, err));
    int64_t *scratch = mx_arena_array(ask->arena, 2 * n + 1, sizeof *scratch, err);
    if (!scratch)
        return MERX_E_MEMORY;
    MX_TRY(mx_customer_profile(snapshot, events, n, snapshot->last_ms, scratch, &s->profile, err));
    s->grouping = &model->customers;
    if (!s->profile.sold)
        s->kind = NOBODY;
    else if (s->profile.first_ms > model->until_ms && model->early.classes > 1 &&
             snapshot->last_ms - s->profile.first_ms < model->settled_ms)
        MX_TRY(place_newcomer(ask, events, n, customer, scratch, s, err));
    else
        place(s, &model->customers);
    return MERX_OK;
}

static merx_status find_product(const mx_ask *ask, const char *id, subject *s, merx_error *err)
{
    const mx_segments *model = ask->state;
    const mx_snapshot *snapshot = ask->snapshot;
    int32_t product = mx_snapshot_find_product(snapshot, id);
    if (product < 0)
        return mx_unknown_product(snapshot, id, err);
    size_t n = 0, at = 0;
    for (size_t e = 0; e < snapshot->events; e++)
        n += snapshot->product[e] == product;
    int32_t *events = mx_arena_array(ask->arena, n + 1, sizeof *events, err);
    int64_t *scratch = mx_arena_array(ask->arena, 2 * n + 1, sizeof *scratch, err);
    if (!events || !scratch)
        return MERX_E_MEMORY;
    for (size_t e = 0; e < snapshot->events; e++)
        if (snapshot->product[e] == product)
            events[at++] = (int32_t)e;
    MX_TRY(mx_product_profile(snapshot, events, n, snapshot->last_ms, scratch, &s->profile, err));
    s->grouping = &model->products;
    s->kind = NOBODY;
    if (s->profile.sold)
        place(s, &model->products);
    return MERX_OK;
}

/* *asked says whether somebody was named at all. */
static merx_status find_subject(const mx_ask *ask, subject *s, bool *asked, merx_error *err)
{
    *s = (subject){0};
    const char *customer = merx_options_text(ask->question, "customer"),
               *product = merx_options_text(ask->question, "product");
    *asked = *customer || *product;
    if (*customer && *product)
        MX_FAIL(err, MERX_E_INVALID, "segment", "a customer and a product were given; expected one of them");
    s->id = *customer ? customer : product;
    if (*customer)
        return find_customer(ask, customer, s, err);
    return *product ? find_product(ask, product, s, err) : MERX_OK;
}

/* ---- fields ---- */

static merx_value feature_value(const mx_segment_feature *feature, double value, const mx_snapshot *s)
{
    return feature->share
               ? mx_value_share(value)
               : mx_value_real(value, feature->money ? (s->decimals < 2 ? s->decimals : 2) : feature->decimals);
}

static const mx_segment_feature *features_of(const mx_grouping *g)
{
    return g->customers ? mx_customer_feature_table : mx_product_feature_table;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static merx_status fill_segment(const mx_ask *ask, const mx_grouping *g, size_t c, merx_item *item, merx_error *err)
{
    const mx_segment_feature *table = features_of(g);
    double money = 0;
    for (size_t i = 0; i < g->kmeans.k; i++)
        money += (double)g->money_minor[i];
    item->id = mx_arena_printf(ask->arena, err, "%zu", c + 1);
    item->title = mx_arena_strdup(ask->arena, g->name[c], err);
    const char *zh = mx_arena_strdup(ask->arena, g->name_zh[c], err);
    if (!item->id || !item->title || !zh)
        return MERX_E_MEMORY;
    item->score = share((double)g->members[c], (double)g->n);
    bool again = !isnan(g->again[c]);
    MX_TRY(mx_item_fields(item, 5 + again + g->d, ask->arena, err));
    item->field[0] = (merx_field){"name_zh", mx_value_text(zh)};
    item->field[1] = (merx_field){g->customers ? "customers" : "products", mx_value_int(g->members[c])};
    item->field[2] = (merx_field){"share", mx_value_share(item->score)};
    item->field[3] = (merx_field){"revenue", mx_value_money(g->money_minor[c], ask->snapshot->decimals)};
    item->field[4] = (merx_field){"revenue_share", mx_value_share(share((double)g->money_minor[c], money))};
    if (again)
        item->field[5] = (merx_field){"buys_again", mx_value_share(g->again[c])};
    for (size_t j = 0; j < g->d; j++)
        item->field[5 + again + j] =
            (merx_field){g->customers || strcmp(table[j].name, "customers") != 0
                             ? (strcmp(table[j].name, "revenue") == 0 ? "mean_revenue" : table[j].name)
                             : "mean_customers",
                         feature_value(&table[j], g->means[c][j], ask->snapshot)};
    return MERX_OK;
}

/* The sentence speaks of the segment that brings most. */
static merx_status say_list(const mx_ask *ask, const mx_grouping *g, const char *what, merx_reply *reply,
                            merx_error *err)
{
    const mx_segments *model = ask->state;
    size_t top = 0;
    double money = 0;
    for (size_t c = 0; c < g->kmeans.k; c++) {
        money += (double)g->money_minor[c];
        top = g->money_minor[c] > g->money_minor[top] ? c : top;
    }
    reply->sentence =
        g->kmeans.k == 1
            ? mx_arena_printf(ask->arena, err, "%zu %s in one segment.", g->n, what)
            : mx_arena_printf(ask->arena, err, "%zu %s in %zu segments; %s are %.0f %% of them and %.0f %% of revenue.",
                              g->n, what, g->kmeans.k, g->name[top], 100 * share((double)g->members[top], (double)g->n),
                              100 * share((double)g->money_minor[top], money));
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (isnan(g->again[0]))
        return MERX_OK;
    int days = (int)((model->window_ms + MX_DAY_MS / 2) / MX_DAY_MS);
    return mx_reply_note(reply, ask->arena, err,
                         "buys_again: of those who were in the segment %d days before the last event, the share who "
                         "bought since",
                         days);
}

static merx_status list_segments(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_segments *model = ask->state;
    bool customers = strcmp(merx_options_text(ask->question, "kind"), "products") != 0;
    const mx_grouping *g = customers ? &model->customers : &model->products;
    const char *what = customers ? "customers" : "products";
    MX_TRY(mx_reply_items(reply, g->kmeans.k, ask->arena, err));
    for (size_t c = 0; c < g->kmeans.k; c++)
        MX_TRY(fill_segment(ask, g, c, &reply->item[c], err));
    reply->score_unit = customers ? "share of customers" : "share of products";
    MX_TRY(say_list(ask, g, what, reply, err));
    if (g->kmeans.k == 1)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "all %s are alike, or too few to tell apart", what));
    return MERX_OK;
}

/* Fields that say where the subject stands: number and name of the segment, and the next one or the probability. */
static merx_status fill_subject(const mx_ask *ask, const subject *s, merx_reply *reply, merx_error *err)
{
    const mx_grouping *g = s->grouping;
    const mx_segment_feature *table = features_of(g);
    bool early = s->kind == BY_FIRST_ORDER;
    size_t features = early ? MX_EARLY_FEATURES : g->d;
    MX_TRY(mx_reply_items(reply, 1, ask->arena, err));
    merx_item *item = &reply->item[0];
    item->id = mx_arena_strdup(ask->arena, s->id, err);
    item->title = mx_arena_strdup(ask->arena, g->name[s->own], err);
    const char *zh = mx_arena_strdup(ask->arena, g->name_zh[s->own], err),
               *next = mx_arena_strdup(ask->arena, g->name[s->other], err);
    if (!item->id || !item->title || !zh || !next)
        return MERX_E_MEMORY;
    item->score = s->score;
    MX_TRY(mx_item_fields(item, 3 + features, ask->arena, err));
    item->field[0] = (merx_field){"segment", mx_value_int(s->own + 1)};
    item->field[1] = (merx_field){"name_zh", mx_value_text(zh)};
    item->field[2] = early ? (merx_field){"probability", mx_value_share(s->probability)}
                           : (merx_field){"next", mx_value_text(g->kmeans.k > 1 ? next : "")};
    for (size_t j = 0; j < features; j++)
        item->field[3 + j] =
            early ? (merx_field){mx_early_feature_table[j].name, mx_value_real(s->early_value[j], 2)}
                  : (merx_field){table[j].name, feature_value(&table[j], s->profile.feature[j], ask->snapshot)};
    reply->score_unit = early ? "log-odds" : "squared distance to the next segment less that to the own";
    reply->sentence = mx_arena_printf(ask->arena, err, "%s %s belongs to: %s.", g->customers ? "Customer" : "Product",
                                      s->id, g->name[s->own]);
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (early)
        MX_TRY(mx_reply_note(reply, ask->arena, err,
                             "new: the segment in which customers who began like this lie when %d days have passed",
                             (int)(((const mx_segments *)ask->state)->settled_ms / MX_DAY_MS)));
    return MERX_OK;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    subject s;
    bool asked;
    MX_TRY(find_subject(ask, &s, &asked, err));
    if (!asked)
        return list_segments(ask, reply, err);
    if (s.kind != NOBODY)
        return fill_subject(ask, &s, reply, err);
    assert(s.grouping != NULL); /* whoever was found has one */
    MX_TRY(mx_reply_items(reply, 0, ask->arena, err));
    reply->score_unit = "";
    reply->sentence = mx_arena_printf(ask->arena, err, "%s %s belongs to no segment: there is no sale of goods yet.",
                                      s.grouping->customers ? "Customer" : "Product", s.id);
    return reply->sentence ? MERX_OK : MERX_E_MEMORY;
}

/* ---- reasons ---- */

static merx_status explain_list(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_segments *model = ask->state;
    const mx_grouping *g =
        strcmp(merx_options_text(ask->question, "kind"), "products") != 0 ? &model->customers : &model->products;
    for (size_t c = 0; c < reply->items; c++) {
        merx_item *item = &reply->item[c];
        MX_TRY(mx_item_reasons(item, 1, ask->arena, err));
        const char *text = mx_arena_printf(ask->arena, err, "%lld of %zu %s", (long long)g->members[c], g->n,
                                           g->customers ? "customers" : "products");
        if (!text)
            return MERX_E_MEMORY;
        item->reason[0] = (merx_reason){"base", "members", text, item->score, NAN};
    }
    return MERX_OK;
}

static merx_status explain_centroid(const mx_ask *ask, const subject *s, merx_item *item, merx_error *err)
{
    const mx_grouping *g = s->grouping;
    const mx_segment_feature *table = features_of(g);
    MX_TRY(mx_item_reasons(item, g->d, ask->arena, err));
    for (size_t j = 0; j < g->d; j++) {
        char mine[64], own[64], other[64];
        merx_value value = feature_value(&table[j], s->profile.feature[j], ask->snapshot);
        merx_value_format(&value, mine, sizeof mine);
        value = feature_value(&table[j], g->means[s->own][j], ask->snapshot);
        merx_value_format(&value, own, sizeof own);
        value = feature_value(&table[j], g->means[s->other][j], ask->snapshot);
        merx_value_format(&value, other, sizeof other);
        const char *text = g->kmeans.k > 1
                               ? mx_arena_printf(ask->arena, err, "%s: %s (mean of this segment %s, of the next %s)",
                                                 table[j].text, mine, own, other)
                               : mx_arena_printf(ask->arena, err, "%s: %s", table[j].text, mine);
        if (!text)
            return MERX_E_MEMORY;
        double without = 0; /* the two distances again, this feature left out of both */
        for (size_t f = 0; f < g->d; f++)
            without += f == j ? 0 : s->contribution[f];
        item->reason[j] = (merx_reason){"feature", table[j].name, text, s->contribution[j], without};
    }
    mx_item_sort_reasons(item);
    return MERX_OK;
}

static merx_status explain_first_order(const mx_ask *ask, const subject *s, merx_item *item, merx_error *err)
{
    MX_TRY(mx_item_reasons(item, MX_EARLY_FEATURES + 1, ask->arena, err));
    for (size_t j = 0; j < MX_EARLY_FEATURES; j++) {
        const mx_early_feature *feature = &mx_early_feature_table[j];
        double sum = 0;
        for (int c = 0; c < feature->columns; c++)
            sum += s->contribution[feature->first + c];
        const char *text = mx_arena_printf(ask->arena, err, "%s: %.2f", feature->text, s->early_value[j]);
        if (!text)
            return MERX_E_MEMORY;
        item->reason[j] = (merx_reason){"feature", feature->name, text, sum, s->score - sum};
    }
    item->reason[MX_EARLY_FEATURES] = (merx_reason){"base", "base", "an average first order", s->base, NAN};
    mx_item_sort_reasons(item);
    return MERX_OK;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    subject s;
    bool asked;
    MX_TRY(find_subject(ask, &s, &asked, err));
    if (!asked)
        return explain_list(ask, reply, err);
    if (s.kind == NOBODY || reply->items != 1)
        return MERX_OK;
    return s.kind == BY_FIRST_ORDER ? explain_first_order(ask, &s, &reply->item[0], err)
                                    : explain_centroid(ask, &s, &reply->item[0], err);
}

/* ---- training, loading, forgetting ---- */

static merx_status needs(const mx_snapshot *snapshot, merx_error *err)
{
    for (size_t e = 0; e < snapshot->events; e++)
        if (snapshot->customer[e] >= 0 && mx_snapshot_is_sale(snapshot, e))
            return MERX_OK;
    MX_FAIL(err, MERX_E_INVALID, "segment",
            "there are no purchases of goods by known customers; segment learns from what customers bought");
}

static merx_status train(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                         merx_task *task, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    mx_segments segments;
    MX_TRY(needs(snapshot, err));
    MX_TRY(mx_segments_fit(snapshot, options, true, alloc, task, &segments, err));
    merx_status status = mx_segments_write(&segments, writer, arena, err);
    mx_segments_release(&segments);
    return status;
}

static void unload(void *state)
{
    mx_segments *segments = state;
    if (!segments)
        return;
    const merx_allocator *alloc = segments->alloc;
    mx_segments_release(segments);
    MX_FREE_ARRAY(alloc, segments, 1);
}

static merx_status load(const mx_tensor_file *file, const mx_snapshot *snapshot, const merx_allocator *alloc,
                        void **state, merx_error *err)
{
    (void)snapshot;
    mx_segments *segments;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *segments, "segments", &segments, err));
    merx_status status = mx_segments_read(file, alloc, segments, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, segments, 1);
        return status;
    }
    *state = segments;
    return MERX_OK;
}

/* Training again takes a fraction of a second and gives the bytes of never having seen him. */
static merx_status forget(const mx_snapshot *without, const mx_tensor_file *old, const merx_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                          bool *exact, merx_error *err)
{
    (void)old;
    *exact = false;
    MX_TRY(train(without, options, alloc, task, writer, arena, err));
    *exact = true;
    return MERX_OK;
}

static const merx_option question[] = {
    {"kind", MERX_OPTION_CHOICE, 0, 0, "customers", "customers|products", "Which segments to list."},
    {"customer", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of a customer: his segment and why."},
    {"product", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of a product: its group and why."},
    {0},
};

const mx_answer mx_answer_segment = {
    .version = 1,
    .info = {.name = "segment",
             .title = "Segments",
             .text =
                 "Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and "
                 "habits; and kinds of products, by sales, price, buyers and "
                 "season. Groups are found by k-means and named in plain words; a feature counts as much as it tells "
                 "who buys again; a newcomer is classed by his first order.",
             .needs = "purchases with customers, products, prices and times",
             .examples = "merx ask segment\nmerx ask segment --kind products\nmerx ask segment --customer 12347 --why",
             .training = mx_segment_training,
             .question = question,
             .learns = true},
    .code_version = 2,
    .needs = needs,
    .train = train,
    .load = load,
    .unload = unload,
    .answer = answer,
    .explain = explain,
    .evaluate = mx_segment_evaluate,
    .forget = forget,
};
