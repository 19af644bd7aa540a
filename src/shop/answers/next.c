/*
 * next: what comes after a customer's purchases, a session's events or a list of products. The model and its formula: shop/answers/next.h.
 *
 * The history of a question is a sequence: the customer's purchases and the session's events in the order of time, then the products given, in the order they are given; the same product again at
 * once counts once. Of a long one the last `history` events are looked at. A product that the model has not seen is passed over; the reply says so.
 */
#include "shop/answers/next.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/dict_many.h"

typedef enum origin { FROM_CUSTOMER, FROM_SESSION, FROM_ITEMS } origin;

typedef struct evidence {
    int32_t item;
    origin from;
    int64_t time_ms; /* FROM_ITEMS: 0 */
} evidence;

typedef struct history {
    evidence *evidence; /* (m) in order */
    int32_t *items;     /* (m) the same items */
    size_t m;
    size_t outside; /* lines of products that the model has not seen */
    size_t before;  /* events before the last `history`, not looked at */
    bool asked;     /* a customer, a session or products were named */
} history;

/* ---- the history of a question ---- */

static void add(history *h, int32_t item, origin from, int64_t time_ms)
{
    if (item < 0)
        h->outside++;
    else if (h->m == 0 || h->evidence[h->m - 1].item != item)
        h->evidence[h->m++] = (evidence){item, from, time_ms};
}

static int32_t item_of(const mx_ask *ask, int32_t product)
{
    const mx_next *model = ask->state;
    return mx_dict_find(model->ids, mx_seen_product_id(mx_ask_seen(ask), product));
}

/* Events of the customer (purchases) and of the session (whatever touched a product), each event once. */
static void add_events(history *h, const mx_ask *ask, const mx_line *lines, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        bool bought = lines[k].of_customer && mx_line_is_sale(&lines[k]);
        bool touched = lines[k].of_session && lines[k].goods && lines[k].kind != MX_EVENT_RETURN;
        if (bought || touched)
            add(h, item_of(ask, lines[k].product), bought ? FROM_CUSTOMER : FROM_SESSION, lines[k].time_ms);
    }
}

/* The product of an id. product: where the snapshot has it; -1: not known yet. -1: the shop does not know it. */
static int32_t known_product(const mx_ask *ask, int32_t product, const char *id)
{
    mx_seen seen = mx_ask_seen(ask);
    return product >= 0 && !mx_seen_product_gone(seen, product) ? product : mx_seen_product(seen, id);
}

/* The products given, in their order. */
static merx_status add_given(history *h, const mx_ask *ask, const char *const *ids, size_t n, merx_error *err)
{
    const mx_next *model = ask->state;
    mx_str *texts = mx_arena_array(ask->arena, n + 1, sizeof *texts, err);
    int32_t *codes = mx_arena_array(ask->arena, n + 1, sizeof *codes, err);
    int32_t *known = mx_arena_array(ask->arena, n + 1, sizeof *known, err);
    int32_t *products = mx_arena_array(ask->arena, n + 1, sizeof *products, err);
    size_t kept = 0;
    if (!texts || !codes || !known || !products)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < n; k++)
        texts[k] = mx_str_of(ids[k]);
    mx_dict_find_all(model->ids, texts, n, codes);
    for (size_t k = 0; k < n; k++)
        if (codes[k] >= 0)
            known[kept++] = codes[k];
    mx_next_products(model, ask->snapshot, known, kept, products);
    kept = 0;
    for (size_t k = 0; k < n; k++) {
        /* The model may know a product that the shop no longer has. */
        if (known_product(ask, codes[k] < 0 ? -1 : products[kept++], ids[k]) < 0)
            return mx_unknown_product(ask->snapshot, ids[k], err);
        add(h, codes[k], FROM_ITEMS, 0);
    }
    return MERX_OK;
}

static merx_status build_history(const mx_ask *ask, history *h, merx_error *err)
{
    *h = (history){0};
    const mx_snapshot *s = ask->snapshot;
    mx_seen seen = mx_ask_seen(ask);
    const char *customer_id = merx_options_text(ask->question, "customer"),
               *session_id = merx_options_text(ask->question, "session"),
               *items = merx_options_text(ask->question, "items");
    mx_known customer = MX_NOBODY, session = MX_NOBODY;
    const char **ids;
    mx_line *lines;
    size_t given, n;
    h->asked = *customer_id || *session_id || *items;
    if (*customer_id && !mx_is_known(customer = mx_seen_customer(seen, customer_id)))
        return mx_unknown_customer(s, customer_id, err);
    if (*session_id && !mx_is_known(session = mx_seen_session(seen, session_id)))
        return mx_unknown_id(s->session_id, s->sessions, "session", session_id, err);
    MX_TRY(mx_split_ids(items, ask->arena, &ids, &given, err));
    MX_TRY(mx_seen_lines(seen, customer, session, MX_ALL_KINDS, ask->arena, &lines, &n, err));
    h->evidence = mx_arena_array(ask->arena, n + given + 1, sizeof *h->evidence, err);
    h->items = mx_arena_array(ask->arena, n + given + 1, sizeof *h->items, err);
    if (!h->evidence || !h->items)
        return MERX_E_MEMORY;
    add_events(h, ask, lines, n);
    MX_TRY(add_given(h, ask, ids, given, err));
    for (size_t k = 0; k < h->m; k++)
        h->items[k] = h->evidence[k].item;
    return MERX_OK;
}

/* The last `history` events: what scores and reasons go by. What is left out of them still counts as bought before. */
static history recent(const mx_ask *ask, const history *h)
{
    history r = *h;
    size_t most = (size_t)merx_options_int(ask->question, "history");
    r.before = h->m > most ? h->m - most : 0;
    r.m -= r.before;
    r.evidence += r.before;
    r.items += r.before;
    return r;
}

/* ---- the answer ---- */

/* *barred (*count): items that are not to be given, in any order. */
static merx_status bar(const mx_ask *ask, const history *h, int32_t **barred, size_t *count, merx_error *err)
{
    const mx_next *model = ask->state;
    const char **ids;
    size_t n, old = merx_options_bool(ask->question, "new_only") ? h->m : 0;
    MX_TRY(mx_split_ids(merx_options_text(ask->question, "exclude"), ask->arena, &ids, &n, err));
    *count = 0;
    *barred = mx_arena_array(ask->arena, old + n + 1, sizeof **barred, err);
    if (!*barred)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < old; k++)
        (*barred)[(*count)++] = h->items[k];
    for (size_t k = 0; k < n; k++) {
        int32_t item = mx_dict_find(model->ids, mx_str_of(ids[k]));
        if (item >= 0)
            (*barred)[(*count)++] = item;
        else if (mx_seen_product(mx_ask_seen(ask), ids[k]) < 0)
            return mx_unknown_product(ask->snapshot, ids[k], err);
    }
    return MERX_OK;
}

/* product: of the snapshot; -1: to be looked for. */
static merx_status fill_item(const mx_ask *ask, int32_t code, double score, int32_t product, merx_item *item,
                             merx_error *err)
{
    const mx_next *model = ask->state;
    mx_seen seen = mx_ask_seen(ask);
    mx_str id = mx_dict_get(model->ids, code);
    item->id = mx_arena_strndup(ask->arena, id.data, id.size, err);
    if (!item->id)
        return MERX_E_MEMORY;
    product = known_product(ask, product, item->id);
    mx_str title = product >= 0 ? mx_seen_product_title(seen, product) : (mx_str){"", 0};
    item->title = mx_arena_strndup(ask->arena, title.data, title.size, err);
    if (!item->title)
        return MERX_E_MEMORY;
    item->score = score;
    int64_t price = product >= 0 ? mx_seen_product_price_minor(seen, product) : 0;
    MX_TRY(mx_item_fields(item, price > 0 ? 2 : 1, ask->arena, err));
    item->field[0] = (merx_field){mx_next_source_name(model->source), mx_value_int(model->holders[code])};
    if (price > 0)
        item->field[1] = (merx_field){"price", mx_value_money(price, ask->snapshot->decimals)};
    return MERX_OK;
}

static merx_status write_notes(const mx_ask *ask, const history *h, merx_reply *reply, merx_error *err)
{
    const mx_next *model = ask->state;
    if (h->m == 0)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "%s",
                             h->asked
                                 ? "no events that the model knows are there to go by: these are the products that "
                                   "most sequences hold"
                                 : "no customer, session or products were given: these are the products that most "
                                   "sequences hold"));
    if (h->m > 0 && !model->ranker.items)
        MX_TRY(mx_reply_note(reply, ask->arena, err, "%s",
                             "the model was learnt without the recurrent network: its weight is 0"));
    if (h->before)
        MX_TRY(
            mx_reply_note(reply, ask->arena, err, "the last %zu of %zu events are looked at", h->m, h->m + h->before));
    if (h->outside)
        MX_TRY(mx_reply_note(
            reply, ask->arena, err,
            "%zu of the events are of products that were new after training; they count from the next training on",
            h->outside));
    return MERX_OK;
}

static merx_status write_sentence(const mx_ask *ask, const history *h, merx_reply *reply, merx_error *err)
{
    const char *customer = merx_options_text(ask->question, "customer"),
               *session = merx_options_text(ask->question, "session");
    const mx_next *model = ask->state;
    const char *plural = reply->items == 1 ? "" : "s", *events = h->m == 1 ? "" : "s";
    if (h->m == 0)
        reply->sentence = mx_arena_printf(ask->arena, err, "The %zu product%s of most %s.", reply->items, plural,
                                          mx_next_source_name(model->source));
    else if (*customer || *session)
        reply->sentence = mx_arena_printf(
            ask->arena, err, "%zu product%s that may come next for %s %s, after %zu event%s.", reply->items, plural,
            *customer ? "customer" : "session", *customer ? customer : session, h->m, events);
    else
        reply->sentence = mx_arena_printf(ask->arena, err, "%zu product%s that may come next after the %zu given.",
                                          reply->items, plural, h->m);
    reply->score_unit = h->m ? "blended rank score" : mx_next_source_name(model->source);
    return reply->sentence ? write_notes(ask, h, reply, err) : MERX_E_MEMORY;
}

static merx_status fill_items(const mx_ask *ask, const mx_next_place *best, size_t n, merx_reply *reply,
                              merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    int32_t *items = mx_arena_array(ask->arena, n + 1, sizeof *items, err);
    int32_t *products = mx_arena_array(ask->arena, n + 1, sizeof *products, err);
    if (!items || !products)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        items[i] = best[i].item;
    mx_next_products(ask->state, s, items, n, products);
    for (size_t i = 0; i < n; i++)
        if (products[i] >= 0) {
            __builtin_prefetch(&s->product_title[products[i]]);
            __builtin_prefetch(&s->product_price_minor[products[i]]);
        }
    for (size_t i = 0; i < n; i++)
        if (products[i] >= 0)
            __builtin_prefetch(s->product_title[products[i]].data);
    for (size_t i = 0; i < n; i++)
        MX_TRY(fill_item(ask, best[i].item, best[i].score, products[i], &reply->item[i], err));
    return MERX_OK;
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_next *model = ask->state;
    history all;
    MX_TRY(build_history(ask, &all, err));
    history h = recent(ask, &all);
    size_t n = (size_t)merx_options_int(ask->question, "n"), n_barred;
    mx_next_place *best = mx_arena_array(ask->arena, n, sizeof *best, err);
    int32_t *barred;
    if (!best)
        return MERX_E_MEMORY;
    MX_TRY(bar(ask, &all, &barred, &n_barred, err));
    MX_TRY(mx_next_top(model, h.items, h.m, barred, n_barred, n, best, &n, err));
    MX_TRY(mx_reply_items(reply, n, ask->arena, err));
    MX_TRY(fill_items(ask, best, n, reply, err));
    return write_sentence(ask, &h, reply, err);
}

/* ---- reasons ---- */

static merx_status reason_text(const mx_ask *ask, const evidence *e, merx_reason *reason, merx_error *err)
{
    const mx_next *model = ask->state;
    mx_str id = mx_dict_get(model->ids, e->item);
    reason->id = mx_arena_strndup(ask->arena, id.data, id.size, err);
    if (!reason->id)
        return MERX_E_MEMORY;
    int32_t product = mx_seen_product(mx_ask_seen(ask), reason->id);
    mx_str title = product >= 0 ? mx_seen_product_title(mx_ask_seen(ask), product) : id;
    char date[32];
    mx_format_date(e->time_ms, false, date);
    switch (e->from) {
    case FROM_CUSTOMER:
        reason->kind = "purchase";
        reason->text = mx_arena_printf(ask->arena, err, "bought %.*s on %s", (int)title.size, title.data, date);
        break;
    case FROM_SESSION:
        reason->kind = "session";
        reason->text = mx_arena_printf(ask->arena, err, "%.*s in this session", (int)title.size, title.data);
        break;
    case FROM_ITEMS:
        reason->kind = "item";
        reason->text = mx_arena_printf(ask->arena, err, "%.*s was given", (int)title.size, title.data);
        break;
    }
    return reason->text ? MERX_OK : MERX_E_MEMORY;
}

/* What stands before any event: how common the product is, and what the network says of nothing. alone: it is all there is, the number of sequences. */
static merx_status base_reason(const mx_ask *ask, const merx_item *item, double contribution, bool alone,
                               merx_reason *out, merx_error *err)
{
    const mx_next *model = ask->state;
    int32_t holders = model->holders[mx_dict_find(model->ids, mx_str_of(item->id))];
    const char *text = mx_arena_printf(ask->arena, err, "in %d of %zu %s%s", (int)holders, model->sequences,
                                       mx_next_source_name(model->source),
                                       alone ? "; there are no events to go by" : ", before any event");
    if (!text)
        return MERX_E_MEMORY;
    *out = (merx_reason){alone ? "popularity" : "base", item->id, text, contribution, NAN};
    return MERX_OK;
}

static merx_status explain_popular(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    for (size_t i = 0; i < reply->items; i++) {
        merx_item *item = &reply->item[i];
        MX_TRY(mx_item_reasons(item, 1, ask->arena, err));
        MX_TRY(base_reason(ask, item, item->score, true, &item->reason[0], err));
    }
    return MERX_OK;
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    const mx_next *model = ask->state;
    history all;
    MX_TRY(build_history(ask, &all, err));
    history h = recent(ask, &all);
    if (h.m == 0)
        return explain_popular(ask, reply, err);
    size_t n = reply->items, m = h.m;
    int32_t *targets = mx_arena_array(ask->arena, n + 1, sizeof *targets, err);
    double *base = mx_arena_array(ask->arena, n + 1, sizeof *base, err);
    double *parts = mx_arena_array(ask->arena, n * m + 1, sizeof *parts, err);
    double *without = mx_arena_array(ask->arena, n * m + 1, sizeof *without, err);
    merx_reason *texts = mx_arena_array(ask->arena, m, sizeof *texts, err);
    if (!targets || !base || !parts || !without || !texts)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        targets[i] = mx_dict_find(model->ids, mx_str_of(reply->item[i].id));
    MX_TRY(mx_next_explain(model, h.items, m, targets, n, base, parts, without, model->alloc, err));
    for (size_t j = 0; j < m; j++)
        MX_TRY(reason_text(ask, &h.evidence[j], &texts[j], err));
    for (size_t i = 0; i < n; i++) {
        merx_item *item = &reply->item[i];
        MX_TRY(mx_item_reasons(item, m + 1, ask->arena, err));
        for (size_t j = 0; j < m; j++) {
            item->reason[j] = texts[j];
            item->reason[j].contribution = parts[j * n + i];
            item->reason[j].without = without[j * n + i];
        }
        MX_TRY(base_reason(ask, item, base[i], false, &item->reason[m], err));
        mx_item_sort_reasons(item);
    }
    return MERX_OK;
}

/* ---- training, loading, forgetting ---- */

/* Some sequence has two events. */
static merx_status check_sequences(const mx_next_sequences *sequences, merx_error *err)
{
    for (size_t u = 0; u < sequences->view.n; u++)
        if (sequences->starts[u + 1] - sequences->starts[u] > 1)
            return MERX_OK;
    MX_FAIL(err, MERX_E_INVALID, "next", "%s; next learns from what follows what",
            sequences->source == MX_NEXT_CUSTOMERS ? "no customer bought two different goods one after the other"
                                                   : "no session touched two different goods one after the other");
}

/* options NULL: of the source that is taken by itself. */
static merx_status build_sequences(const mx_snapshot *snapshot, const merx_options *options,
                                   const merx_allocator *alloc, mx_next_sequences *out, merx_error *err)
{
    mx_next_source source;
    MX_TRY(mx_next_source_of(snapshot, options, alloc, &source, err));
    MX_TRY(mx_next_sequences_build(snapshot, source, alloc, out, err));
    merx_status status = check_sequences(out, err);
    if (status != MERX_OK)
        mx_next_sequences_release(out);
    return status;
}

static merx_status needs(const mx_snapshot *snapshot, merx_error *err)
{
    mx_next_sequences sequences;
    MX_TRY(build_sequences(snapshot, NULL, NULL, &sequences, err));
    mx_next_sequences_release(&sequences);
    return MERX_OK;
}

static merx_status train(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                         merx_task *task, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    mx_next_sequences sequences = {0};
    mx_next model = {0};
    merx_status status;
    MX_TRY_GOTO(build_sequences(snapshot, options, alloc, &sequences, err));
    MX_TRY_GOTO(mx_next_fit(&sequences, options, false, alloc, task, &model, err));
    char fingerprint[17];
    mx_next_fingerprint(snapshot, &sequences, options, merx_task_seed(task), fingerprint);
    MX_TRY_GOTO(mx_next_write(&model, snapshot, &sequences, fingerprint, writer, arena, err));
out:
    mx_next_release(&model);
    mx_next_sequences_release(&sequences);
    return status;
}

static void unload(void *state)
{
    mx_next *model = state;
    if (!model)
        return;
    const merx_allocator *alloc = model->alloc;
    mx_next_release(model);
    MX_FREE_ARRAY(alloc, model, 1);
}

static merx_status load(const mx_tensor_file *file, const mx_snapshot *snapshot, const merx_allocator *alloc,
                        void **state, merx_error *err)
{
    mx_next *model;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *model, "model of next", &model, err));
    merx_status status = mx_next_read(file, alloc, model, err);
    if (status == MERX_OK)
        status = mx_next_index_build(model, snapshot, err);
    if (status != MERX_OK) {
        mx_next_release(model);
        MX_FREE_ARRAY(alloc, model, 1);
        return status;
    }
    *state = model;
    return MERX_OK;
}

/* The old network for the products that are still there; those it did not have are left to the counts. */
static merx_status keep_network(const mx_snapshot *snapshot, const mx_next_sequences *sequences, const mx_next *old,
                                mx_next *model, merx_error *err)
{
    int32_t *before = NULL;
    model->network = old->ranker.items ? model->network : 0;
    if (!(model->network > 0))
        return MERX_OK;
    MX_TRY(mx_alloc_array(model->alloc, model->items, sizeof *before, "numbers of products", &before, err));
    for (size_t i = 0; i < model->items; i++)
        before[i] = mx_dict_find(old->ids, snapshot->product_id[sequences->item_product[i]]);
    merx_status status = mx_ranker_take_items(&old->ranker, before, model->items, model->alloc, &model->ranker, err);
    MX_FREE_ARRAY(model->alloc, before, model->items);
    return status;
}

/* What goes together as the old model has it: of the same sequences, so of the same products. */
static void take_alike(mx_next *old, mx_next *model)
{
    mx_item_lists cosines = model->alike;
    model->alike = old->alike;
    model->alike_weight = old->alike_weight;
    old->alike = cosines;
}

static merx_status forget(const mx_snapshot *without, const mx_tensor_file *old_file, const merx_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                          bool *exact, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *exact = false;
    mx_next_sequences sequences = {0};
    mx_next old = {0}, model = {0};
    merx_status status;
    MX_TRY_GOTO(mx_next_read(old_file, alloc, &old, err));
    MX_TRY_GOTO(build_sequences(without, options, alloc, &sequences, err));
    MX_TRY_GOTO(mx_next_fit(&sequences, options, true, alloc, task, &model, err));
    char fingerprint[17];
    mx_next_fingerprint(without, &sequences, options, merx_task_seed(task), fingerprint);
    const char *before = mx_tensor_file_meta(old_file, "fingerprint");
    /* Counts alone are exact always; a network and EASE are where they were learnt from these very sequences. */
    bool same = before && strcmp(before, fingerprint) == 0, ease = mx_next_takes_ease(&sequences.view, options);
    *exact = (!(model.network > 0) && !ease) || same;
    if (ease && same)
        take_alike(&old, &model);
    MX_TRY_GOTO(keep_network(without, &sequences, &old, &model, err));
    /* A kept network is not what was learnt from these sequences: a later forgetting must not take it for that. */
    MX_TRY_GOTO(mx_next_write(&model, without, &sequences, *exact ? fingerprint : "kept", writer, arena, err));
out:
    mx_next_release(&model);
    mx_next_release(&old);
    mx_next_sequences_release(&sequences);
    return status;
}

static const merx_option question[] = {
    {"customer", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Id of a customer: what may follow what he bought."},
    {"session", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Id of a session: what may follow what was looked at, put into the cart or bought in it."},
    {"items", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "Ids of products in the order they came, separated by commas: what may follow them."},
    {"n", MERX_OPTION_INT, 1, 1000, "10", NULL, "How many products."},
    {"history", MERX_OPTION_INT, 1, 1000, "100", NULL, "How many events, the last ones, are looked at."},
    {"new_only", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Leave out what is in the history."},
    {"exclude", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Ids of products to leave out, separated by commas."},
    {0},
};

const mx_answer mx_answer_next = {
    .version = 1,
    .info = {.name = "next",
             .title = "Next purchase",
             .text = "What may come next after a customer's purchases, a session's events or products in a given "
                     "order: what followed what, near and far (transition counts), and a recurrent network (GRU) that "
                     "has followed every sequence, added up. Every product of the shop is ranked, and each event's "
                     "part of the score is told.",
             .needs = "purchases with customers and products, or sessions",
             .examples = "merx ask next --customer 12347 --why\nmerx ask next --items 85123A,22423 --n 5",
             .training = mx_next_training,
             .question = question,
             .learns = true},
    .code_version = 1,
    .live = true,
    .needs = needs,
    .train = train,
    .load = load,
    .unload = unload,
    .answer = answer,
    .explain = explain,
    .evaluate = mx_next_evaluate,
    .forget = forget,
};
