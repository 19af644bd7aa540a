/*
 * similar: products like one product. It learns nothing: all is counted from what the shop knows when it is asked, so that a new product has neighbours at once. Formula: shop/answers/similar.h.
 */
#include "shop/answers/similar.h"

#include <math.h>
#include <stdio.h>

#include "shop/answers/answer.h"
#include "shop/answers/sales.h"

typedef struct view {
    mx_similar_ask ask;
    mx_similar_found *found;
    size_t count;
    uint32_t orders;           /* with the product asked about */
    bool chosen;               /* no product was named: the most sold one */
    const char *picture;       /* asked about in place of a product; "": none */
    const merx_recall *recall; /* of a search among pictures that may miss some */
} view;

/* The product with the most lines of sales, the lowest id of equals. */
static merx_status most_sold(const mx_snapshot *s, mx_arena *arena, int32_t *out, merx_error *err)
{
    uint32_t *lines = mx_arena_array(arena, s->products + 1, sizeof *lines, err);
    if (!lines)
        return MERX_E_MEMORY;
    for (size_t e = 0; e < s->events; e++)
        if (mx_snapshot_is_sale(s, e))
            lines[s->product[e]]++;
    *out = -1;
    for (size_t p = 0; p < s->products; p++)
        if (!s->product_service[p] && (*out < 0 || lines[p] > lines[*out]))
            *out = (int32_t)p;
    return MERX_OK;
}

static merx_status bar(const mx_ask *ask, view *v, merx_error *err)
{
    const char **ids;
    size_t n;
    MX_TRY(mx_split_ids(merx_options_text(ask->question, "exclude"), ask->arena, &ids, &n, err));
    uint8_t *barred = mx_arena_array(ask->arena, ask->snapshot->products + 1, 1, err);
    if (!barred)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        int32_t product = mx_snapshot_find_product(ask->snapshot, ids[i]);
        if (product < 0)
            return mx_unknown_product(ask->snapshot, ids[i], err);
        barred[product] = 1;
    }
    v->ask.barred = barred;
    return MERX_OK;
}

static merx_status find(const mx_ask *ask, view *v, merx_error *err)
{
    const merx_options *o = ask->question;
    const char *product = merx_options_text(o, "product");
    *v = (view){.ask = {.snapshot = ask->snapshot, .n = (size_t)merx_options_int(o, "n")},
                .chosen = !*product,
                .picture = merx_options_text(o, "picture")};
    v->ask.weight[MX_SIMILAR_BOUGHT] = merx_options_real(o, "bought");
    v->ask.weight[MX_SIMILAR_WORD] = merx_options_real(o, "words");
    v->ask.weight[MX_SIMILAR_CATEGORY] = merx_options_real(o, "category");
    v->ask.weight[MX_SIMILAR_PRICE] = merx_options_real(o, "price");
    v->ask.weight[MX_SIMILAR_PICTURE] = merx_options_real(o, "looks");
    if (*v->picture && *product)
        MX_FAIL(err, MERX_E_INVALID, "similar", "a product or a picture can be asked about, not both at a time");
    if (*v->picture) {
        v->chosen = false;
        v->ask.product = -1;
        MX_TRY(bar(ask, v, err));
        return mx_similar_find_picture(ask, v->picture, &v->ask, &v->found, &v->count, &v->recall, err);
    }
    if (v->chosen)
        MX_TRY(most_sold(ask->snapshot, ask->arena, &v->ask.product, err));
    else
        v->ask.product = mx_snapshot_find_product(ask->snapshot, product);
    if (v->ask.product < 0)
        return mx_unknown_product(ask->snapshot, product, err);
    MX_TRY(bar(ask, v, err));
    if (v->ask.weight[MX_SIMILAR_PICTURE] > 0)
        MX_TRY(mx_similar_product_vectors(ask, &v->ask.pictures, err));
    return mx_similar_find(&v->ask, ask->arena, &v->found, &v->count, &v->orders, err);
}

/* ---- the answer ---- */

static const char *copy(mx_arena *arena, mx_str text, merx_error *err)
{
    return mx_arena_strndup(arena, text.data, text.size, err);
}

static merx_status fill_item(const mx_ask *ask, const view *v, const mx_similar_found *f, merx_item *item,
                             merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    size_t p = (size_t)f->product, n = 0;
    bool of_product = !*v->picture;
    item->id = copy(ask->arena, s->product_id[p], err);
    item->title = copy(ask->arena, s->product_title[p], err);
    if (!item->id || !item->title)
        return MERX_E_MEMORY;
    item->score = f->score;
    bool priced = s->product_price_minor[p] > 0, sorted = s->product_category[p] >= 0;
    MX_TRY(mx_item_fields(item, (size_t)of_product + (size_t)priced + (size_t)sorted, ask->arena, err));
    if (of_product)
        item->field[n++] = (merx_field){"orders together", mx_value_int(f->together)};
    if (priced)
        item->field[n++] = (merx_field){"price", mx_value_money(s->product_price_minor[p], s->decimals)};
    if (sorted) {
        const char *name = copy(ask->arena, s->category_name[s->product_category[p]], err);
        if (!name)
            return MERX_E_MEMORY;
        item->field[n++] = (merx_field){"category", mx_value_text(name)};
    }
    return MERX_OK;
}

static merx_status answer_picture(const mx_ask *ask, const view *v, merx_reply *reply, merx_error *err)
{
    reply->sentence = mx_arena_printf(ask->arena, err, "%zu product%s with pictures like %s.", v->count,
                                      v->count == 1 ? "" : "s", v->picture);
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (v->recall)
        MX_TRY(mx_reply_note(reply, ask->arena, err,
                             "the search finds %.1f %% [%.1f, %.1f] of the %zu nearest pictures, as measured",
                             100 * v->recall->value, 100 * v->recall->low, 100 * v->recall->high, v->recall->k));
    return MERX_OK;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    view v;
    MX_TRY(find(ask, &v, err));
    const mx_snapshot *s = ask->snapshot;
    MX_TRY(mx_reply_items(reply, v.count, ask->arena, err));
    for (size_t i = 0; i < v.count; i++)
        MX_TRY(fill_item(ask, &v, &v.found[i], &reply->item[i], err));
    reply->score_unit = "similarity";
    if (*v.picture)
        return answer_picture(ask, &v, reply, err);
    mx_str id = s->product_id[v.ask.product], title = s->product_title[v.ask.product];
    reply->sentence = mx_arena_printf(ask->arena, err, "%zu product%s like %.*s (%.*s).", v.count,
                                      v.count == 1 ? "" : "s", (int)title.size, title.data, (int)id.size, id.data);
    if (!reply->sentence)
        return MERX_E_MEMORY;
    if (v.chosen)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "no product was given: this is about the one most often sold"));
    if (v.orders == 0)
        MX_TRY(mx_reply_note(reply, ask->arena, err,
                             "it is in no order yet: title, category and price alone speak for others"));
    return MERX_OK;
}

/* ---- reasons ---- */

static merx_status reason_text(const mx_ask *ask, const view *v, const mx_similar_found *f, int part,
                               merx_reason *reason, merx_error *err)
{
    static const char *const kinds[MX_SIMILAR_PARTS] = {"bought", "words", "category", "price", "picture"};
    const mx_snapshot *s = ask->snapshot;
    size_t p = (size_t)f->product;
    const char *words;
    char money[2][48];
    reason->kind = reason->id = kinds[part];
    switch ((mx_similar_part)part) {
    case MX_SIMILAR_BOUGHT:
        reason->text = mx_arena_printf(ask->arena, err, "in %u order%s together, of %u and %u", f->together,
                                       f->together == 1 ? "" : "s", v->orders, f->orders);
        break;
    case MX_SIMILAR_WORD:
        MX_TRY(mx_similar_shared_words(s->product_title[v->ask.product], s->product_title[p], ask->arena, &words, err));
        reason->text = mx_arena_printf(ask->arena, err, "shares the words %s", words);
        break;
    case MX_SIMILAR_CATEGORY: {
        mx_str name = s->category_name[s->product_category[p]];
        reason->text = mx_arena_printf(ask->arena, err, "of the same category, %.*s", (int)name.size, name.data);
        break;
    }
    case MX_SIMILAR_PRICE:
        for (int k = 0; k < 2; k++) {
            merx_value value = mx_value_money(s->product_price_minor[k ? f->product : v->ask.product], s->decimals);
            (void)merx_value_format(&value, money[k], sizeof money[k]);
        }
        reason->text = mx_arena_printf(ask->arena, err, "costs %s, beside %s", money[1], money[0]);
        break;
    case MX_SIMILAR_PICTURE:
    default:
        reason->text = "its picture is alike";
        break;
    }
    return reason->text ? MERX_OK : MERX_E_MEMORY;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    view v;
    MX_TRY(find(ask, &v, err));
    for (size_t i = 0; i < reply->items && i < v.count; i++) {
        const mx_similar_found *f = &v.found[i];
        merx_item *item = &reply->item[i];
        size_t n = 0;
        for (int k = 0; k < MX_SIMILAR_PARTS; k++)
            n += f->part[k] > 0;
        MX_TRY(mx_item_reasons(item, n, ask->arena, err));
        n = 0;
        for (int k = 0; k < MX_SIMILAR_PARTS; k++) {
            if (!(f->part[k] > 0))
                continue;
            merx_reason *reason = &item->reason[n++];
            MX_TRY(reason_text(ask, &v, f, k, reason, err));
            reason->contribution = f->part[k];
            reason->without = 0;
            for (int other = 0; other < MX_SIMILAR_PARTS; other++)
                reason->without += other != k ? f->part[other] : 0;
        }
        mx_item_sort_reasons(item);
    }
    return MERX_OK;
}

static merx_status needs(const mx_snapshot *s, merx_error *err)
{
    size_t goods = 0;
    for (size_t p = 0; p < s->products; p++)
        goods += !s->product_service[p];
    if (goods < 2)
        MX_FAIL(err, MERX_E_INVALID, "similar", "needs two products at least; there %s %zu", goods == 1 ? "is" : "are",
                goods);
    return MERX_OK;
}

static const merx_option training[] = {{0}};

static const merx_option question[] = {
    {"product", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of the product; without one: the one most often sold."},
    {"picture", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Path of a picture (JPEG, PNG, WebP): products whose pictures are like it, by what classify has learnt."},
    {"n", MERX_OPTION_INT, 1, 1000, "10", NULL, "How many products."},
    {"exclude", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Ids of products to leave out, separated by commas."},
    {"bought", MERX_OPTION_REAL, 0, 100, "1", NULL, "What being bought together counts."},
    {"words", MERX_OPTION_REAL, 0, 100, "1", NULL, "What words that titles share count."},
    {"category", MERX_OPTION_REAL, 0, 100, "0.3", NULL, "What being of one category counts."},
    {"price", MERX_OPTION_REAL, 0, 100, "0.1", NULL, "What a like price counts."},
    {"looks", MERX_OPTION_REAL, 0, 100, "0.5", NULL, "What pictures that are alike count."},
    {0},
};

const mx_answer mx_answer_similar = {
    .version = 1,
    .info = {.name = "similar",
             .title = "Similar products",
             .text = "Products like one product or picture: bought in the same orders, with words in common, of the "
                     "same category, at a like price, with pictures alike. The parts are weighed and added up, and "
                     "each one's part is told. "
                     "Nothing is learnt: a new product has neighbours at once.",
             .needs = "two products at least; orders, titles, categories and prices as far as they are known",
             .examples = "merx ask similar --shop SHOP --product 85123A --why\n"
                         "merx ask similar --shop SHOP --product 85123A --bought 0\n"
                         "merx ask similar --shop SHOP --picture photo.jpg",
             .training = training,
             .question = question,
             .learns = false},
    .code_version = 1,
    .needs = needs,
    .answer = answer,
    .explain = explain,
};
