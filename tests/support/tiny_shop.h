/*
 * A small shop in memory: lines are added by name, tiny_finish makes the snapshot they give, in its canonical order. And a model trained on it, asked and freed.
 *
 *     tiny_shop *shop = tiny_new();
 *     tiny_buy(shop, "ann", "o1", "tea", 2, 350, 10);    two of tea at 3.50 on day 10
 *     mx_snapshot *s = tiny_finish(shop, NULL);           NULL: nobody left out
 */
#ifndef TESTS_SUPPORT_TINY_SHOP_H
#define TESTS_SUPPORT_TINY_SHOP_H

#include "base/clock.h"
#include "shop/answers/answer.h"
#include "shop/snapshot_parts.h"
#include "support/check.h"

#define TINY_START INT64_C(1293840000000) /* 2011-01-01 */

typedef struct tiny_line {
    char customer[24], order[24], product[24], session[24];
    mx_event_kind kind;
    int64_t quantity, price, time_ms;
} tiny_line;

typedef struct tiny_shop {
    tiny_line *lines;
    size_t n, capacity;
} tiny_shop;

/* What tiny_finish makes: the snapshot first, so that one pointer is both. */
typedef struct tiny_snapshot {
    mx_snapshot s;
    struct mx_snapshot_memory memory;
    mx_arena arena;
} tiny_snapshot;

CHECK_UNUSED static tiny_shop *tiny_new(void)
{
    return calloc(1, sizeof(tiny_shop));
}

CHECK_UNUSED static void tiny_free(tiny_shop *shop)
{
    free(shop->lines);
    free(shop);
}

CHECK_UNUSED static tiny_line *tiny_add(tiny_shop *shop, mx_event_kind kind, const char *customer, const char *order,
                                        const char *product, int64_t quantity, int64_t price, double day)
{
    if (shop->n == shop->capacity) {
        shop->capacity = shop->capacity * 2 + 64;
        shop->lines = realloc(shop->lines, shop->capacity * sizeof *shop->lines);
    }
    tiny_line *line = &shop->lines[shop->n++];
    *line = (tiny_line){
        .kind = kind, .quantity = quantity, .price = price, .time_ms = TINY_START + (int64_t)(day * (double)MX_DAY_MS)};
    snprintf(line->customer, sizeof line->customer, "%s", customer);
    snprintf(line->order, sizeof line->order, "%s", order);
    snprintf(line->product, sizeof line->product, "%s", product);
    return line;
}

CHECK_UNUSED static void tiny_buy(tiny_shop *shop, const char *customer, const char *order, const char *product,
                                  int64_t quantity, int64_t price, double day)
{
    tiny_add(shop, MX_EVENT_PURCHASE, customer, order, product, quantity, price, day);
}

static int tiny_compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int tiny_compare_line(const void *a, const void *b)
{
    const tiny_line *x = *(const tiny_line *const *)a;
    const tiny_line *y = *(const tiny_line *const *)b;
    if (x->time_ms != y->time_ms)
        return x->time_ms > y->time_ms ? 1 : -1;
    int order = strcmp(x->order, y->order);
    order = order ? order : strcmp(x->product, y->product);
    order = order ? order : strcmp(x->customer, y->customer);
    return order ? order : (x->quantity > y->quantity) - (x->quantity < y->quantity);
}

/* Distinct names (a member of the lines at `at`), ascending, as the snapshot's list; codes per line. */
static const mx_str *tiny_names(tiny_line **lines, size_t n, size_t at, mx_arena *arena, size_t *count, int32_t *codes)
{
    const char **all = mx_arena_array(arena, n + 1, sizeof *all, NULL);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (((const char *)lines[i] + at)[0])
            all[m++] = mx_arena_strdup(arena, (const char *)lines[i] + at, NULL);
    qsort(all, m, sizeof *all, tiny_compare_text);
    mx_str *names = mx_arena_array(arena, m + 1, sizeof *names, NULL);
    *count = 0;
    for (size_t i = 0; i < m; i++)
        if (i == 0 || strcmp(all[i], all[i - 1]) != 0)
            names[(*count)++] = mx_str_of(all[i]);
    for (size_t i = 0; i < n; i++) {
        codes[i] = -1;
        for (size_t c = 0; c < *count; c++)
            if (mx_str_equal(names[c], mx_str_of((const char *)lines[i] + at)))
                codes[i] = (int32_t)c;
    }
    return names;
}

/* without: a customer whose lines are left out, as if he had never been. Free with tiny_close. */
CHECK_UNUSED static mx_snapshot *tiny_finish(const tiny_shop *shop, const char *without)
{
    tiny_snapshot *t = calloc(1, sizeof *t);
    mx_snapshot *s = &t->s;
    mx_arena *a = &t->arena;
    mx_arena_init(a, NULL);
    tiny_line **lines = mx_arena_array(a, shop->n + 1, sizeof *lines, NULL);
    size_t n = 0;
    for (size_t i = 0; i < shop->n; i++)
        if (!without || strcmp(shop->lines[i].customer, without) != 0)
            lines[n++] = &shop->lines[i];
    qsort(lines, n, sizeof *lines, tiny_compare_line);
#define COLUMN(name, type, value)                                                                                      \
    type *name = mx_arena_array(a, n + 1, sizeof *name, NULL);                                                         \
    for (size_t i = 0; i < n; i++)                                                                                     \
        name[i] = (value);                                                                                             \
    s->name = name
    COLUMN(time_ms, int64_t, lines[i]->time_ms);
    COLUMN(kind, uint8_t, (uint8_t)lines[i]->kind);
    COLUMN(quantity, int64_t, lines[i]->quantity);
    COLUMN(price_minor, int64_t, lines[i]->price);
    COLUMN(customer, int32_t, -1);
    COLUMN(product, int32_t, -1);
    COLUMN(order, int32_t, -1);
    COLUMN(session, int32_t, -1);
    COLUMN(country, int32_t, -1);
#undef COLUMN
    s->events = n;
    s->customer_id = tiny_names(lines, n, offsetof(tiny_line, customer), a, &s->customers, customer);
    s->product_id = tiny_names(lines, n, offsetof(tiny_line, product), a, &s->products, product);
    s->order_id = tiny_names(lines, n, offsetof(tiny_line, order), a, &s->orders, order);
    s->session_id = tiny_names(lines, n, offsetof(tiny_line, session), a, &s->sessions, session);
    s->product_title = s->product_id;
    uint8_t *service = mx_arena_array(a, s->products + 1, 1, NULL);
    int32_t *category = mx_arena_array(a, s->products + 1, sizeof *category, NULL);
    int64_t *price = mx_arena_array(a, s->products + 1, sizeof *price, NULL);
    int32_t *home = mx_arena_array(a, s->customers + 1, sizeof *home, NULL);
    for (size_t p = 0; p < s->products; p++) {
        category[p] = -1;
        service[p] = mx_str_starts(s->product_id[p], "POST");
    }
    for (size_t i = 0; i < n; i++)
        if (product[i] >= 0)
            price[product[i]] = price_minor[i];
    for (size_t c = 0; c < s->customers; c++)
        home[c] = -1;
    s->product_service = service;
    s->product_category = category;
    s->product_price_minor = price;
    s->customer_country = home;
    s->decimals = 2;
    s->currency = "GBP";
    s->offset = (int64_t)n;
    s->first_ms = n ? time_ms[0] : 0;
    s->last_ms = n ? time_ms[n - 1] : 0;
    t->memory.alloc = merx_allocator_default();
    t->memory.events = n;
    s->memory = &t->memory;
    return s;
}

CHECK_UNUSED static void tiny_close(mx_snapshot *snapshot)
{
    tiny_snapshot *t = (tiny_snapshot *)snapshot;
    mx_event_index_release(&t->memory.by_customer);
    mx_event_index_release(&t->memory.by_session);
    mx_arena_release(&t->arena);
    free(t);
}

/* ---- a trained model ---- */

typedef struct tiny_model {
    const merx_allocator *alloc;
    unsigned char *bytes;
    size_t size;
    mx_tensor_file *file;
    const mx_answer *answer;
    void *state;
} tiny_model;

CHECK_UNUSED static void tiny_model_free(tiny_model *model)
{
    if (model->state)
        model->answer->unload(model->state);
    mx_tensor_file_close(model->file);
    if (model->bytes)
        mx_free_array(model->alloc, model->bytes, model->size, 1);
    *model = (tiny_model){0};
}

/* Options of a table, set by "name=value name=value" (NULL or "": defaults). */
CHECK_UNUSED static merx_status tiny_options(const merx_allocator *alloc, const merx_option *table, const char *set,
                                             merx_options **out, merx_error *err)
{
    MX_TRY(merx_options_new(alloc, table, out, err));
    char text[512];
    snprintf(text, sizeof text, "%s", set ? set : "");
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        merx_status status = merx_options_parse(*out, word, err);
        if (status != MERX_OK) {
            merx_options_free(*out);
            *out = NULL;
            return status;
        }
    }
    return MERX_OK;
}

/* Trains (forget: NULL; else the old model, and *exact is written) and opens what it wrote; loads it too. */
CHECK_UNUSED static merx_status tiny_train(const mx_answer *answer, const mx_snapshot *s, const char *set,
                                           const merx_allocator *alloc, int threads, const tiny_model *forget,
                                           bool *exact, tiny_model *out, merx_error *err)
{
    *out = (tiny_model){.alloc = alloc, .answer = answer};
    merx_task *task = NULL;
    merx_options *options = NULL;
    mx_tensor_writer *writer = NULL;
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = threads, .seed = 7}, &task, err));
    MX_TRY_GOTO(tiny_options(alloc, answer->info.training, set, &options, err));
    MX_TRY_GOTO(mx_tensor_writer_new(alloc, &writer, err));
    if (forget)
        MX_TRY_GOTO(answer->forget(s, forget->file, options, alloc, task, writer, &arena, exact, err));
    else
        MX_TRY_GOTO(answer->train(s, options, alloc, task, writer, &arena, err));
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, &out->bytes, &out->size, err));
    MX_TRY_GOTO(mx_tensor_file_memory(out->bytes, out->size, "model", alloc, true, &out->file, err));
    MX_TRY_GOTO(answer->load(out->file, s, alloc, &out->state, err));
out:
    mx_tensor_writer_free(writer);
    merx_options_free(options);
    mx_arena_release(&arena);
    merx_task_free(task);
    if (status != MERX_OK)
        tiny_model_free(out);
    return status;
}

/* Asks with reasons; everything lives in the arena. */
CHECK_UNUSED static merx_status tiny_ask(const tiny_model *model, mx_snapshot *s, const char *set, mx_arena *arena,
                                         merx_reply *reply, merx_error *err)
{
    merx_options *question;
    void *left = NULL;
    *reply = (merx_reply){0};
    MX_TRY(tiny_options(arena->alloc, model->answer->info.question, set, &question, err));
    mx_ask ask = {.snapshot = s, .state = model->state, .question = question, .arena = arena, .left = &left};
    merx_status status = model->answer->answer(&ask, reply, err);
    if (status == MERX_OK && model->answer->explain)
        status = model->answer->explain(&ask, reply, err);
    merx_options_free(question);
    return status;
}

/* Every item's reasons sum to its score. Returns how many reasons there were. */
CHECK_UNUSED static size_t tiny_check_reasons(const merx_reply *reply)
{
    size_t count = 0;
    for (size_t i = 0; i < reply->items; i++) {
        double sum = 0;
        for (size_t j = 0; j < reply->item[i].reasons; j++)
            sum += reply->item[i].reason[j].contribution;
        if (reply->item[i].reasons)
            check_close(sum, reply->item[i].score, 1e-6 * fmax(fabs(reply->item[i].score), 1e-3));
        count += reply->item[i].reasons;
    }
    return count;
}

CHECK_UNUSED static bool tiny_same(const tiny_model *a, const tiny_model *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif
