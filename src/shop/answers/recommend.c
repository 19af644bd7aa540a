/*
 * recommend: products for a customer, a basket or a session, out of what was bought together. The model and its formula: shop/answers/recommender.h.
 *
 * The history of a question is the set of distinct products that the customer bought, that lie in the basket, and that the session touched: whichever were
 * given, together. A product that the model has not seen can neither speak for others nor be recommended until the next training; the reply says how many.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/recommender.h"

typedef enum source { FROM_CUSTOMER, FROM_BASKET, FROM_SESSION } source;

typedef struct evidence {
    int32_t item;
    source from;
    int64_t time_ms; /* of the last purchase or touch; basket: 0 */
} evidence;

typedef struct history {
    evidence *evidence; /* (m), by ascending item */
    int32_t *items;     /* (m) the same items */
    size_t m;
    size_t outside; /* lines of products that the model has not seen */
    bool asked;     /* a customer, a basket or a session was named */
} history;

/* What explain goes on with. */
typedef struct found {
    history history;
    const mx_ranked *best; /* the items of the reply */
} found;

/* ---- the history of a question ---- */

/* The products of items; -1: the shop does not know it. */
static merx_status products_of(const mx_ask *ask, const int32_t *items, size_t n, int32_t *products, merx_error *err)
{
    const mx_recommender *model = ask->state;
    mx_recommender_products(model, ask->snapshot, items, n, products);
    for (size_t k = 0; k < n && ask->tail; k++) {
        if (products[k] >= 0 && !mx_seen_product_gone(mx_ask_seen(ask), products[k]))
            continue;
        mx_str id = mx_dict_get(model->ids, items[k]);
        const char *text = mx_arena_strndup(ask->arena, id.data, id.size, err);
        if (!text)
            return MERX_E_MEMORY;
        products[k] = mx_seen_product(mx_ask_seen(ask), text);
    }
    return MERX_OK;
}

/* A line of the history before its product is looked up among the model's. */
typedef struct line {
    int32_t product;
    int64_t time_ms;
} line;

/* Adds lines (n) of one source. */
static merx_status add(history *h, const mx_ask *ask, const line *lines, size_t n, source from, merx_error *err)
{
    const mx_recommender *model = ask->state;
    evidence *larger = mx_arena_array(ask->arena, h->m + n + 1, sizeof *larger, err);
    int32_t *products = mx_arena_array(ask->arena, 2 * n + 1, sizeof *products, err), *items = products + n;
    if (!larger || !products)
        return MERX_E_MEMORY;
    if (h->m)
        memcpy(larger, h->evidence, h->m * sizeof *larger);
    h->evidence = larger;
    const int32_t base = (int32_t)ask->snapshot->products;
    for (size_t k = 0; k < n; k++)
        products[k] = lines[k].product < base ? lines[k].product : -1;
    mx_recommender_items(model, ask->snapshot, products, n, items);
    for (size_t k = 0; k < n; k++)
        if (lines[k].product >= base) /* known from the tail alone */
            items[k] = mx_dict_find(model->ids, mx_seen_product_id(mx_ask_seen(ask), lines[k].product));
    for (size_t k = 0; k < n; k++)
        if (items[k] < 0)
            h->outside++;
        else
            h->evidence[h->m++] = (evidence){items[k], from, lines[k].time_ms};
    return MERX_OK;
}

static merx_status add_customer(history *h, const mx_ask *ask, const char *id, merx_error *err)
{
    mx_known customer = mx_seen_customer(mx_ask_seen(ask), id);
    if (!mx_is_known(customer))
        return mx_unknown_customer(ask->snapshot, id, err);
    mx_line *seen;
    size_t n, sales = 0;
    MX_TRY(mx_seen_lines(mx_ask_seen(ask), customer, MX_NOBODY, 1u << MX_EVENT_PURCHASE, ask->arena, &seen, &n, err));
    line *lines = mx_arena_array(ask->arena, n + 1, sizeof *lines, err);
    if (!lines)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < n; k++)
        if (mx_line_is_sale(&seen[k]))
            lines[sales++] = (line){seen[k].product, seen[k].time_ms};
    return add(h, ask, lines, sales, FROM_CUSTOMER, err);
}

static merx_status add_basket(history *h, const mx_ask *ask, const char *list, merx_error *err)
{
    const char **ids;
    size_t n;
    MX_TRY(mx_split_ids(list, ask->arena, &ids, &n, err));
    line *lines = mx_arena_array(ask->arena, n + 1, sizeof *lines, err);
    if (!lines)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < n; k++) {
        lines[k].product = mx_seen_product(mx_ask_seen(ask), ids[k]);
        if (lines[k].product < 0)
            return mx_unknown_product(ask->snapshot, ids[k], err);
    }
    return add(h, ask, lines, n, FROM_BASKET, err);
}

static merx_status add_session(history *h, const mx_ask *ask, const char *id, merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    mx_known session = mx_seen_session(mx_ask_seen(ask), id);
    if (!mx_is_known(session))
        return mx_unknown_id(s->session_id, s->sessions, "session", id, err);
    mx_line *seen;
    size_t n, touched = 0;
    MX_TRY(mx_seen_lines(mx_ask_seen(ask), MX_NOBODY, session, MX_ALL_KINDS, ask->arena, &seen, &n, err));
    line *lines = mx_arena_array(ask->arena, n + 1, sizeof *lines, err);
    if (!lines)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < n; k++)
        if (seen[k].goods && seen[k].kind != MX_EVENT_RETURN)
            lines[touched++] = (line){seen[k].product, seen[k].time_ms};
    return add(h, ask, lines, touched, FROM_SESSION, err);
}

/* By item, then by source, the latest first: the first of an item stands for it. */
static int compare_evidence(const void *a, const void *b)
{
    const evidence *x = a, *y = b;
    if (x->item != y->item)
        return (x->item > y->item) - (x->item < y->item);
    if (x->from != y->from)
        return (x->from > y->from) - (x->from < y->from);
    return (x->time_ms < y->time_ms) - (x->time_ms > y->time_ms);
}

static void sort_evidence(evidence *list, size_t n)
{
    enum { FEW = 32 };
    if (n > FEW) {
        qsort(list, n, sizeof *list, compare_evidence);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        evidence moved = list[i];
        size_t at = i;
        for (; at > 0 && compare_evidence(&list[at - 1], &moved) > 0; at--)
            list[at] = list[at - 1];
        list[at] = moved;
    }
}

static merx_status build_history(const mx_ask *ask, history *h, merx_error *err)
{
    *h = (history){0};
    const char *customer = merx_options_text(ask->question, "customer"),
               *basket = merx_options_text(ask->question, "basket");
    const char *session = merx_options_text(ask->question, "session");
    h->asked = *customer || *basket || *session;
    if (*customer)
        MX_TRY(add_customer(h, ask, customer, err));
    if (*basket)
        MX_TRY(add_basket(h, ask, basket, err));
    if (*session)
        MX_TRY(add_session(h, ask, session, err));
    sort_evidence(h->evidence, h->m);
    size_t kept = 0;
    for (size_t k = 0; k < h->m; k++)
        if (k == 0 || h->evidence[k].item != h->evidence[k - 1].item)
            h->evidence[kept++] = h->evidence[k];
    h->m = kept;
    h->items = mx_arena_array(ask->arena, kept + 1, sizeof *h->items, err);
    if (!h->items)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < kept; k++)
        h->items[k] = h->evidence[k].item;
    return MERX_OK;
}

/* ---- the answer ---- */

/* Items that are not to be recommended: barred (n_barred), repeats allowed. */
static merx_status bar(const mx_ask *ask, const history *h, int32_t **barred, size_t *n_barred, merx_error *err)
{
    const mx_recommender *model = ask->state;
    const char **ids;
    size_t n, given = merx_options_bool(ask->question, "new_only") ? h->m : 0;
    MX_TRY(mx_split_ids(merx_options_text(ask->question, "exclude"), ask->arena, &ids, &n, err));
    int32_t *items = mx_arena_array(ask->arena, given + n + 1, sizeof *items, err);
    if (!items)
        return MERX_E_MEMORY;
    if (given)
        memcpy(items, h->items, given * sizeof *items);
    *barred = items;
    *n_barred = given;
    for (size_t k = 0; k < n; k++) {
        int32_t item = mx_dict_find(model->ids, mx_str_of(ids[k]));
        if (item >= 0)
            items[(*n_barred)++] = item;
        else if (mx_seen_product(mx_ask_seen(ask), ids[k]) < 0)
            return mx_unknown_product(ask->snapshot, ids[k], err);
    }
    return MERX_OK;
}

/* The most bought products. */
static void most_bought(const mx_recommender *model, const int32_t *barred, size_t n_barred, size_t n, mx_ranked *best,
                        size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < model->items && *count < n; i++) {
        int32_t item = model->index->popular[i];
        size_t k = 0;
        while (k < n_barred && barred[k] != item)
            k++;
        if (k == n_barred)
            best[(*count)++] = (mx_ranked){item, model->buyers[item]};
    }
}

static merx_status fill_item(const mx_ask *ask, mx_ranked ranked, int32_t product, merx_item *item, merx_error *err)
{
    const mx_recommender *model = ask->state;
    mx_seen seen = mx_ask_seen(ask);
    mx_str id = product >= 0 ? mx_seen_product_id(seen, product) : mx_dict_get(model->ids, ranked.item);
    item->id = mx_arena_strndup(ask->arena, id.data, id.size, err);
    if (!item->id)
        return MERX_E_MEMORY;
    mx_str title = product >= 0 ? mx_seen_product_title(seen, product) : (mx_str){"", 0};
    item->title = mx_arena_strndup(ask->arena, title.data, title.size, err);
    if (!item->title)
        return MERX_E_MEMORY;
    item->score = ranked.score;
    int64_t price = product >= 0 ? mx_seen_product_price_minor(seen, product) : 0;
    MX_TRY(mx_item_fields(item, price > 0 ? 2 : 1, ask->arena, err));
    item->field[0] = (merx_field){"customers", mx_value_int(model->buyers[ranked.item])};
    if (price > 0)
        item->field[1] = (merx_field){"price", mx_value_money(price, ask->snapshot->decimals)};
    return MERX_OK;
}

static merx_status fill_items(const mx_ask *ask, const mx_ranked *best, size_t n, merx_reply *reply, merx_error *err)
{
    const mx_recommender *model = ask->state;
    const mx_snapshot *s = ask->snapshot;
    int32_t *items = mx_arena_array(ask->arena, 2 * n + 1, sizeof *items, err), *products = items + n;
    if (!items)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        items[i] = best[i].item;
    MX_TRY(products_of(ask, items, n, products, err));
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(&model->buyers[items[i]]);
        if ((size_t)products[i] < s->products) {
            __builtin_prefetch(&s->product_title[products[i]]);
            __builtin_prefetch(&s->product_price_minor[products[i]]);
        }
    }
    for (size_t i = 0; i < n; i++)
        if ((size_t)products[i] < s->products)
            __builtin_prefetch(s->product_title[products[i]].data);
    MX_TRY(mx_reply_items(reply, n, ask->arena, err));
    for (size_t i = 0; i < n; i++)
        MX_TRY(fill_item(ask, best[i], products[i], &reply->item[i], err));
    return MERX_OK;
}

/* digits: 24 bytes. */
static mx_str number(size_t n, char *digits)
{
    return (mx_str){digits, mx_format_int64((int64_t)n, digits)};
}

static merx_status write_sentence(const mx_ask *ask, const history *h, merx_reply *reply, merx_error *err)
{
    const char *customer = merx_options_text(ask->question, "customer");
    char items[24], bought[24];
    mx_str count = number(reply->items, items), known = number(h->m, bought);
    mx_str products = reply->items == 1 ? MX_STR(" product") : MX_STR(" products");
    if (h->m == 0)
        reply->sentence = mx_arena_join(
            ask->arena, (mx_str[]){MX_STR("The "), count, MX_STR(" products that most customers bought.")}, 3, err);
    else if (*customer)
        reply->sentence = mx_arena_join(ask->arena,
                                        (mx_str[]){count, products, MX_STR(" for customer "), mx_str_of(customer),
                                                   MX_STR(", out of "), known, MX_STR(" bought before.")},
                                        7, err);
    else
        reply->sentence = mx_arena_join(
            ask->arena, (mx_str[]){count, products, MX_STR(" to go with the "), known, MX_STR(" given.")}, 5, err);
    reply->score_unit = h->m ? "blended rank score" : "customers";
    return reply->sentence ? MERX_OK : MERX_E_MEMORY;
}

static merx_status write_notes(const mx_ask *ask, const history *h, merx_reply *reply, merx_error *err)
{
    const mx_recommender *model = ask->state;
    if (h->m == 0)
        MX_TRY(mx_reply_add_note(
            reply, ask->arena,
            h->asked ? "no purchases that the model knows are there to go by: these are the most bought products"
                     : "no customer, basket or session was given: these are the most bought products",
            err));
    if (h->m > 0 && model->ease_weight == 0) {
        char digits[24];
        const char *text =
            mx_arena_join(ask->arena,
                          (mx_str[]){MX_STR("the model was learnt without EASE: "), number(model->items, digits),
                                     MX_STR(" products are more than ease_max_items, or its weight is "
                                            "0")},
                          3, err);
        if (!text)
            return MERX_E_MEMORY;
        MX_TRY(mx_reply_add_note(reply, ask->arena, text, err));
    }
    if (h->outside)
        MX_TRY(mx_reply_note(
            reply, ask->arena, err,
            "%zu of the purchases are of products that were new after training; they count from the next training on",
            h->outside));
    return MERX_OK;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_recommender *model = ask->state;
    found *f = mx_arena_alloc(ask->arena, sizeof *f, err);
    if (!f)
        return MERX_E_MEMORY;
    history *h = &f->history;
    MX_TRY(build_history(ask, h, err));
    size_t n = (size_t)merx_options_int(ask->question, "n");
    if (n > model->items)
        n = model->items;
    mx_ranked *best = mx_arena_array(ask->arena, n + 1, sizeof *best, err);
    if (!best)
        return MERX_E_MEMORY;
    int32_t *barred;
    size_t n_barred;
    MX_TRY(bar(ask, h, &barred, &n_barred, err));
    if (h->m)
        MX_TRY(mx_recommender_top(model, h->items, h->m, barred, n_barred, n, ask->arena, best, &n, err));
    else
        most_bought(model, barred, n_barred, n, best, &n);
    f->best = best;
    if (ask->left)
        *ask->left = f;
    MX_TRY(fill_items(ask, best, n, reply, err));
    MX_TRY(write_sentence(ask, h, reply, err));
    return write_notes(ask, h, reply, err);
}

/* ---- reasons ---- */

static merx_status reason_text(const mx_ask *ask, const evidence *e, int32_t product, merx_reason *reason,
                               merx_error *err)
{
    const mx_recommender *model = ask->state;
    mx_str id = product >= 0 ? mx_seen_product_id(mx_ask_seen(ask), product) : mx_dict_get(model->ids, e->item);
    reason->id = mx_arena_strndup(ask->arena, id.data, id.size, err);
    if (!reason->id)
        return MERX_E_MEMORY;
    mx_str title = product >= 0 ? mx_seen_product_title(mx_ask_seen(ask), product) : id;
    char date[32] = " on ";
    switch (e->from) {
    case FROM_CUSTOMER:
        reason->kind = "purchase";
        mx_format_date(e->time_ms, false, date + 4);
        reason->text = mx_arena_join(ask->arena, (mx_str[]){MX_STR("bought "), title, mx_str_of(date)}, 3, err);
        break;
    case FROM_BASKET:
        reason->kind = "basket";
        reason->text = mx_arena_join(ask->arena, (mx_str[]){title, MX_STR(" is in the basket")}, 2, err);
        break;
    case FROM_SESSION:
        reason->kind = "session";
        reason->text = mx_arena_join(ask->arena, (mx_str[]){title, MX_STR(" in this session")}, 2, err);
        break;
    }
    return reason->text ? MERX_OK : MERX_E_MEMORY;
}

static merx_status explain_popular(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_recommender *model = ask->state;
    for (size_t i = 0; i < reply->items; i++) {
        merx_item *item = &reply->item[i];
        MX_TRY(mx_item_reasons(item, 1, ask->arena, err));
        const char *text =
            mx_arena_printf(ask->arena, err, "bought by %.0f of %zu customers; there are no purchases to go by",
                            item->score, model->customers);
        if (!text)
            return MERX_E_MEMORY;
        item->reason[0] = (merx_reason){"popularity", item->id, text, item->score, NAN};
    }
    return MERX_OK;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_recommender *model = ask->state;
    const found *f = *ask->left;
    const history *h = &f->history;
    if (h->m == 0)
        return explain_popular(ask, reply, err);
    size_t n = reply->items, m = h->m;
    int32_t *targets = mx_arena_array(ask->arena, n + 1, sizeof *targets, err);
    double *parts = mx_arena_array(ask->arena, n * m + 1, sizeof *parts, err);
    double *without = mx_arena_array(ask->arena, n * m + 1, sizeof *without, err);
    double *scores = mx_arena_array(ask->arena, n + 1, sizeof *scores, err);
    merx_reason *texts = mx_arena_array(ask->arena, m, sizeof *texts, err);
    int32_t *products = mx_arena_array(ask->arena, m, sizeof *products, err);
    if (!targets || !parts || !without || !scores || !texts || !products)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        targets[i] = f->best[i].item;
    merx_allocator memory = mx_arena_allocator(ask->arena);
    MX_TRY(mx_recommender_explain(model, h->items, m, targets, n, parts, without, scores, &memory, err));
    MX_TRY(products_of(ask, h->items, m, products, err));
    for (size_t j = 0; j < m; j++)
        MX_TRY(reason_text(ask, &h->evidence[j], products[j], &texts[j], err));
    for (size_t i = 0; i < n; i++) {
        merx_item *item = &reply->item[i];
        MX_TRY(mx_item_reasons(item, m, ask->arena, err));
        for (size_t j = 0; j < m; j++) {
            item->reason[j] = texts[j];
            item->reason[j].contribution = parts[i * m + j];
            item->reason[j].without = without[i * m + j];
        }
        mx_item_sort_reasons(item);
    }
    return MERX_OK;
}

/* ---- training, loading, forgetting ---- */

static merx_status needs(const mx_snapshot *snapshot, merx_error *err)
{
    for (size_t e = 0; e < snapshot->events; e++)
        if (snapshot->customer[e] >= 0 && mx_snapshot_is_sale(snapshot, e))
            return MERX_OK;
    MX_FAIL(err, MERX_E_INVALID, "recommend",
            "there are no purchases of goods by known customers; recommend learns from who bought what");
}

static merx_status train(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                         merx_task *task, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    mx_sales sales = {0};
    mx_recommender model = {0};
    merx_status status;
    MX_TRY(needs(snapshot, err));
    MX_TRY_GOTO(mx_sales_build(snapshot, alloc, &sales, err));
    MX_TRY_GOTO(mx_recommender_fit(snapshot, &sales, options, false, alloc, task, &model, err));
    char fingerprint[17];
    mx_recommender_fingerprint(snapshot, &sales, options, merx_task_seed(task), fingerprint);
    MX_TRY_GOTO(mx_recommender_write(&model, snapshot, &sales, fingerprint, writer, arena, err));
out:
    mx_recommender_release(&model);
    mx_sales_release(&sales);
    return status;
}

static void unload(void *state)
{
    mx_recommender *model = state;
    if (!model)
        return;
    const merx_allocator *alloc = model->alloc;
    mx_recommender_release(model);
    MX_FREE_ARRAY(alloc, model, 1);
}

static merx_status load(const mx_tensor_file *file, const mx_snapshot *snapshot, const merx_allocator *alloc,
                        void **state, merx_error *err)
{
    mx_recommender *model;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *model, "recommender", &model, err));
    merx_status status = mx_recommender_read(file, alloc, model, err);
    if (status == MERX_OK)
        status = mx_recommender_index_build(model, snapshot, err);
    if (status != MERX_OK) {
        mx_recommender_release(model);
        MX_FREE_ARRAY(alloc, model, 1);
        return status;
    }
    *state = model;
    return MERX_OK;
}

/* The old lists of EASE for the products that are still there, under their new numbers. */
static merx_status keep_lists(const mx_snapshot *snapshot, const mx_sales *sales, const mx_recommender *old,
                              mx_recommender *model, const merx_allocator *alloc, merx_error *err)
{
    int32_t *before = NULL, *now = NULL;
    merx_status status;
    size_t links = 0;
    mx_item_lists *to = &model->ease;
    const mx_item_lists *from = &old->ease;
    model->ease_weight = old->ease_weight;
    model->als_weight = old->als_weight;
    MX_TRY_GOTO(mx_alloc_array(alloc, model->items, sizeof *before, "numbers of products", &before, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, old->items, sizeof *now, "numbers of products", &now, err));
    for (size_t i = 0; i < old->items; i++)
        now[i] = -1;
    for (size_t i = 0; i < model->items; i++) {
        before[i] = mx_dict_find(old->ids, snapshot->product_id[sales->item_product[i]]);
        if (before[i] >= 0)
            now[before[i]] = (int32_t)i;
    }
    for (size_t i = 0; i < model->items; i++) {
        if (before[i] >= 0)
            for (int64_t k = from->starts[before[i]]; k < from->starts[before[i] + 1]; k++)
                links += now[from->indices[k]] >= 0;
        to->starts[i + 1] = (int64_t)links;
    }
    status = mx_alloc_array(to->alloc, links, sizeof *to->indices, "lists of items", &to->indices, err);
    if (status == MERX_OK)
        status = mx_alloc_array(to->alloc, links, sizeof *to->weights, "lists of items", &to->weights, err);
    if (status != MERX_OK) { /* lists are released by their last start */
        MX_FREE_ARRAY(to->alloc, to->indices, links);
        to->indices = NULL;
        memset(to->starts, 0, (model->items + 1) * sizeof *to->starts);
        goto out;
    }
    for (size_t i = 0, at = 0; i < model->items; i++)
        if (before[i] >= 0)
            for (int64_t k = from->starts[before[i]]; k < from->starts[before[i] + 1]; k++)
                if (now[from->indices[k]] >= 0) {
                    to->indices[at] = now[from->indices[k]];
                    to->weights[at++] = from->weights[k];
                }
out:
    MX_FREE_ARRAY(alloc, before, model->items);
    MX_FREE_ARRAY(alloc, now, old->items);
    return status;
}

/* Factors of the old model for the products that are still there; their gram anew. Products it did not have keep zeros: their neighbours alone speak for them. */
static merx_status keep_factors(const mx_snapshot *snapshot, const mx_sales *sales, const mx_recommender *old,
                                mx_recommender *model, const merx_allocator *alloc, merx_task *task, merx_error *err)
{
    size_t f = (size_t)old->als.factors;
    double *wide = NULL;
    merx_status status;
    if (model->als.factors != old->als.factors) {
        MX_FREE_ARRAY(model->alloc, model->als.item_factors, model->items * (size_t)model->als.factors);
        model->als.item_factors = NULL;
        MX_FREE_ARRAY(model->alloc, model->als.item_gram, (size_t)model->als.factors * (size_t)model->als.factors);
        model->als.item_gram = NULL;
        model->als.factors = old->als.factors;
        MX_TRY(mx_alloc_array(model->alloc, model->items * f, sizeof(float), "item factors", &model->als.item_factors,
                              err));
        MX_TRY(mx_alloc_array(model->alloc, f * f, sizeof(double), "gram of item factors", &model->als.item_gram, err));
    }
    model->als.l2 = old->als.l2;
    model->als.alpha = old->als.alpha;
    MX_TRY_GOTO(mx_alloc_array(alloc, model->items * f, sizeof *wide, "item factors", &wide, err));
    for (size_t i = 0; i < model->items; i++) {
        int32_t before = mx_dict_find(old->ids, snapshot->product_id[sales->item_product[i]]);
        if (before < 0)
            continue;
        memcpy(model->als.item_factors + i * f, old->als.item_factors + (size_t)before * f, f * sizeof(float));
        for (size_t k = 0; k < f; k++)
            wide[i * f + k] = (double)old->als.item_factors[(size_t)before * f + k];
    }
    MX_TRY_GOTO(mx_gram(wide, NULL, model->items, f, model->als.item_gram, task, err));
out:
    MX_FREE_ARRAY(alloc, wide, model->items * f);
    return status;
}

static merx_status forget(const mx_snapshot *without, const mx_tensor_file *old_file, const merx_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                          bool *exact, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *exact = false;
    mx_sales sales = {0};
    mx_recommender old = {0}, model = {0};
    merx_status status;
    MX_TRY(needs(without, err));
    MX_TRY_GOTO(mx_recommender_read(old_file, alloc, &old, err));
    MX_TRY_GOTO(mx_sales_build(without, alloc, &sales, err));
    MX_TRY_GOTO(mx_recommender_fit(without, &sales, options, true, alloc, task, &model, err));
    char fingerprint[17];
    mx_recommender_fingerprint(without, &sales, options, merx_task_seed(task), fingerprint);
    const char *before = mx_tensor_file_meta(old_file, "fingerprint");
    *exact = before && strcmp(before, fingerprint) == 0;
    MX_TRY_GOTO(keep_factors(without, &sales, &old, &model, alloc, task, err));
    MX_TRY_GOTO(keep_lists(without, &sales, &old, &model, alloc, err));
    if (*exact &&
        model.items == old.items) /* he bought nothing that was learnt: the old gram is the gram, to the bit */
        memcpy(model.als.item_gram, old.als.item_gram,
               (size_t)old.als.factors * (size_t)old.als.factors * sizeof(double));
    /* Kept factors are not what was learnt from these sales: a later forgetting must not take them for that. */
    MX_TRY_GOTO(mx_recommender_write(&model, without, &sales, *exact ? fingerprint : "kept", writer, arena, err));
out:
    mx_recommender_release(&model);
    mx_recommender_release(&old);
    mx_sales_release(&sales);
    return status;
}

static const merx_option question[] = {
    {"customer", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of a customer: products for him, by what he bought."},
    {"basket", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Ids of products, separated by commas: what goes with them."},
    {"session", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Id of a session: what goes with what was looked at, put into the cart or bought in it."},
    {"n", MERX_OPTION_INT, 1, 1000, "10", NULL, "How many products."},
    {"new_only", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Leave out what the customer has bought and what was given."},
    {"exclude", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Ids of products to leave out, separated by commas."},
    {0},
};

const mx_answer mx_answer_recommend = {
    .version = 1,
    .info = {.name = "recommend",
             .title = "Recommendations",
             .text = "Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear "
                     "model of products), what is bought together (item-to-item "
                     "similarity) and what customers of like taste buy (implicit "
                     "matrix factorisation), added up. Every product of the shop is ranked, and each past purchase's "
                     "part of the score is told.",
             .needs = "purchases with customers and products",
             .examples = "merx ask recommend --customer 12347 --why\nmerx ask recommend --basket 85123A,22423 --n 5",
             .training = mx_recommend_training,
             .question = question,
             .learns = true},
    .code_version = 2,
    .live = true,
    .needs = needs,
    .train = train,
    .load = load,
    .unload = unload,
    .answer = answer,
    .explain = explain,
    .evaluate = mx_recommend_evaluate,
    .forget = forget,
};
