/*
 * The answer `recommend` as a server gives it: bench_recommend_serving PRODUCTS CUSTOMERS EVENTS QUESTIONS [MODEL [plain|why]]
 *
 * A made shop in memory: products in groups of some 200, their popularity a power law; customers with a heavy-tailed number of purchases, most of them out of a few
 * groups. MODEL: the trained model is read from that file, or trained and written there when it is not. Then customers drawn uniformly are asked for ten products, without
 * and with reasons: from the options to the JSON text, one thread, nothing kept between questions. And how many places of the lists equal those of full scoring.
 */
#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "bench/worker.h"
#include "shop/answers/recommender.h"
#include "shop/heap_arena.h"
#include "shop/snapshot_parts.h"

enum { GROUP_PRODUCTS = 200, MOST_GROUPS = 6, MOST_EVENTS = 2000, DAYS = 730, FULL = 500 };

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        if ((call) != MERX_OK)                                                                                         \
            bench_fail(err.message);                                                                                   \
    } while (0)

static merx_error err;

static void *array(mx_arena *arena, size_t n, size_t size)
{
    void *block = mx_arena_array(arena, n + 1, size, &err);
    if (!block)
        bench_fail(err.message);
    return block;
}

static const mx_str *names(mx_arena *arena, size_t n, const char *before, const char *after)
{
    mx_str *out = array(arena, n, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        char *text = mx_arena_printf(arena, &err, "%s%07zu%s", before, i, after);
        if (!text)
            bench_fail(err.message);
        out[i] = mx_str_of(text);
    }
    return out;
}

/* ---- the shop ---- */

typedef struct popularity {
    double *upto; /* (products + 1) sums of weights; groups are runs of products */
    size_t products, groups;
} popularity;

static size_t pick(const popularity *p, size_t first, size_t end, mx_random *random)
{
    double at = p->upto[first] + mx_random_uniform(random) * (p->upto[end] - p->upto[first]);
    while (end - first > 1) {
        size_t middle = (first + end) / 2;
        if (p->upto[middle] <= at)
            first = middle;
        else
            end = middle;
    }
    return first;
}

static popularity make_popularity(mx_arena *arena, size_t products)
{
    popularity p = {.products = products, .groups = products / GROUP_PRODUCTS + 1};
    int64_t *rank = array(arena, products, sizeof *rank);
    mx_random random;
    mx_random_init(&random, 1, 1);
    for (size_t i = 0; i < products; i++)
        rank[i] = (int64_t)i;
    mx_random_shuffle_i64(&random, rank, products);
    p.upto = array(arena, products, sizeof *p.upto);
    for (size_t i = 0; i < products; i++)
        p.upto[i + 1] = p.upto[i] + pow((double)rank[i] + 20, -0.9);
    return p;
}

static size_t group_start(const popularity *p, size_t group)
{
    size_t at = group * GROUP_PRODUCTS;
    return at < p->products ? at : p->products - 1;
}

/* The groups of a customer: a function of his number. */
static size_t group_of(const popularity *p, size_t customer, uint64_t which)
{
    mx_random random;
    mx_random_init(&random, 2, mx_random_key(customer, which, 0));
    return mx_random_below(&random, p->groups);
}

/* Whose the events are: a customer's number of them is lognormal with mean events / customers. */
static int64_t *make_owners(mx_arena *arena, size_t customers, size_t events)
{
    int64_t *owner = array(arena, events, sizeof *owner);
    mx_random random;
    mx_random_init(&random, 3, 3);
    size_t at = 0;
    double mean = (double)events / (double)customers;
    for (size_t c = 0; c < customers && at < events; c++) {
        double count = fmin(mean * exp(mx_random_normal(&random) - 0.5), MOST_EVENTS);
        for (size_t k = 0; k < (size_t)count + 1 && at < events; k++)
            owner[at++] = (int64_t)c;
    }
    while (at < events)
        owner[at++] = (int64_t)mx_random_below(&random, customers);
    mx_random_shuffle_i64(&random, owner, events);
    return owner;
}

static mx_snapshot *make_shop(mx_arena *arena, size_t products, size_t customers, size_t events)
{
    mx_snapshot *s = array(arena, 1, sizeof *s);
    struct mx_snapshot_memory *memory = array(arena, 1, sizeof *memory);
    popularity p = make_popularity(arena, products);
    int64_t *owner = make_owners(arena, customers, events);
    int64_t *time_ms = array(arena, events, sizeof *time_ms), *one = array(arena, events, sizeof *one);
    uint8_t *kind = array(arena, events, 1), *service = array(arena, products, 1);
    int32_t *customer = array(arena, events, sizeof *customer), *product = array(arena, events, sizeof *product);
    int32_t *none = array(arena, events, sizeof *none), *category = array(arena, products, sizeof *category);
    int64_t *price = array(arena, products, sizeof *price);
    mx_random random;
    mx_random_init(&random, 4, 4);
    for (size_t e = 0; e < events; e++) {
        size_t c = (size_t)owner[e];
        time_ms[e] = INT64_C(1600000000000) + (int64_t)((double)DAYS * (double)MX_DAY_MS * (double)e / (double)events);
        kind[e] = MX_EVENT_PURCHASE;
        one[e] = 1;
        none[e] = -1;
        customer[e] = (int32_t)c;
        size_t group = group_of(&p, c, mx_random_below(&random, 1 + c % MOST_GROUPS));
        product[e] = (int32_t)(mx_random_uniform(&random) < 0.2
                                   ? pick(&p, 0, products, &random)
                                   : pick(&p, group_start(&p, group), group_start(&p, group + 1) + 1, &random));
    }
    for (size_t i = 0; i < products; i++)
        price[i] = 99 + (int64_t)(i * 37 % 10000);
    memory->alloc = merx_allocator_default();
    memory->events = events;
    *s = (mx_snapshot){.events = events,
                       .time_ms = time_ms,
                       .kind = kind,
                       .customer = customer,
                       .product = product,
                       .order = none,
                       .session = none,
                       .country = none,
                       .quantity = one,
                       .price_minor = one,
                       .products = products,
                       .customers = customers,
                       .product_id = names(arena, products, "P", ""),
                       .product_title = names(arena, products, "Product ", " with a title of usual length"),
                       .product_service = service,
                       .product_category = category,
                       .product_price_minor = price,
                       .customer_id = names(arena, customers, "C", ""),
                       .decimals = 2,
                       .currency = "EUR",
                       .offset = (int64_t)events,
                       .first_ms = time_ms[0],
                       .last_ms = time_ms[events - 1],
                       .memory = memory};
    TRY(mx_sorted_names_init(s->product_id, products, arena, &memory->products, &err));
    TRY(mx_sorted_names_init(s->customer_id, customers, arena, &memory->customers, &err));
    return s;
}

/* ---- the model ---- */

static void train(const mx_snapshot *s, const char *path)
{
    merx_task *task = NULL;
    merx_options *options = NULL;
    mx_tensor_writer *writer = NULL;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    TRY(merx_task_new(NULL, &(merx_task_options){.threads = 1, .seed = 1}, &task, &err));
    TRY(merx_options_new(NULL, mx_recommend_training, &options, &err));
    TRY(mx_tensor_writer_new(NULL, &writer, &err));
    TRY(mx_answer_recommend.train(s, options, NULL, task, writer, &arena, &err));
    TRY(mx_tensor_writer_save(writer, path, &err));
    mx_tensor_writer_free(writer);
    merx_options_free(options);
    mx_arena_release(&arena);
    merx_task_free(task);
}

/* ---- questions ---- */

static size_t ask(mx_snapshot *s, const void *model, size_t customer, bool why)
{
    static mx_arena arena; /* as the server's: of the question before */
    static merx_allocator memory;
    if (!arena.alloc) {
        mx_arena_init(&arena, NULL);
        memory = mx_arena_allocator(&arena);
    }
    merx_options *question = NULL;
    void *left = NULL;
    mx_text text;
    merx_reply reply = {.answer = "recommend", .sentence = "", .score_unit = "", .model_version = 1};
    mx_text_init(&text, &memory, MX_REPLY_TEXT_MAX);
    TRY(merx_options_new(&memory, mx_answer_recommend.info.question, &question, &err));
    TRY(merx_options_set(question, "customer", s->customer_id[customer].data, &err));
    mx_ask context = {.snapshot = s, .state = model, .question = question, .arena = &arena, .left = why ? &left : NULL};
    TRY(mx_answer_recommend.answer(&context, &reply, &err));
    if (why)
        TRY(mx_answer_recommend.explain(&context, &reply, &err));
    mx_reply_write_json(&reply, &text);
    TRY(mx_text_ok(&text, &err));
    size_t size = text.size;
    merx_options_free(question);
    mx_arena_clear(&arena);
    return size;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static int compare_items(const void *a, const void *b)
{
    return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

static void measure(mx_snapshot *s, const void *model, size_t questions, bool why)
{
    double *took = malloc(questions * sizeof *took);
    mx_random random;
    mx_random_init(&random, 5, why);
    for (size_t q = 0; q < questions / 10; q++)
        ask(s, model, mx_random_below(&random, s->customers), why);
    size_t bytes = 0;
    double began = bench_cpu_s();
    for (size_t q = 0; q < questions; q++) {
        double from = bench_now_s();
        bytes += ask(s, model, mx_random_below(&random, s->customers), why);
        took[q] = bench_now_s() - from;
    }
    double cpu = bench_cpu_s() - began;
    qsort(took, questions, sizeof *took, compare);
    printf("{\"why\": %s, \"answers_per_s\": %.0f, \"cpu_us\": %.2f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": "
           "%.1f, \"bytes\": %.0f}\n",
           why ? "true" : "false", (double)questions / cpu, cpu / (double)questions * 1e6, took[questions / 2] * 1e6,
           took[questions * 99 / 100] * 1e6, took[questions - 1] * 1e6, (double)bytes / (double)questions);
    fflush(stdout);
    free(took);
}

/* Places of the reply that name the product which full scoring puts there. */
static void compare_full(mx_snapshot *s, const mx_recommender *model, size_t questions)
{
    double *scores = malloc(model->items * sizeof *scores), *user = malloc((size_t)model->als.factors * sizeof *user);
    uint8_t *barred = calloc(model->items, 1);
    size_t places = 0, same = 0;
    mx_random random;
    mx_random_init(&random, 6, 6);
    for (size_t q = 0; q < questions; q++) {
        size_t customer = mx_random_below(&random, s->customers), n, m = 0;
        const int32_t *events;
        TRY(mx_snapshot_customer_events(s, (int32_t)customer, &events, &n, &err));
        int32_t *history = malloc((n + 1) * sizeof *history), best[10];
        for (size_t k = 0; k < n; k++) {
            int32_t item = mx_dict_find(model->ids, s->product_id[s->product[events[k]]]);
            if (item < 0 || barred[item])
                continue;
            barred[item] = 1;
            history[m++] = item;
        }
        qsort(history, m, sizeof *history, compare_items);
        merx_options *question = NULL;
        mx_arena *arena = NULL;
        merx_reply reply = {0};
        TRY(merx_options_new(NULL, mx_answer_recommend.info.question, &question, &err));
        TRY(merx_options_set(question, "customer", s->customer_id[customer].data, &err));
        TRY(mx_heap_arena_new(NULL, &arena, &err));
        TRY(mx_answer_recommend.answer(&(mx_ask){.snapshot = s, .state = model, .question = question, .arena = arena},
                                       &reply, &err));
        if (m > 0) {
            TRY(mx_recommender_score(model, history, m, user, scores, &err));
            size_t found = mx_recommender_best(scores, barred, model->items, 10, best);
            places += found;
            for (size_t i = 0; i < found && i < reply.items; i++)
                same += mx_str_equal(mx_dict_get(model->ids, best[i]), mx_str_of(reply.item[i].id));
        }
        for (size_t j = 0; j < m; j++)
            barred[history[j]] = 0;
        mx_heap_arena_free(arena);
        merx_options_free(question);
        free(history);
    }
    printf("{\"places\": %zu, \"as_full_scoring\": %zu}\n", places, same);
    free(scores), free(user), free(barred);
}

int main(int count, char **words)
{
    if (count < 5 || count > 7)
        bench_fail("usage: bench_recommend_serving PRODUCTS CUSTOMERS EVENTS QUESTIONS [MODEL [plain|why]]");
    size_t products = strtoull(words[1], NULL, 10), customers = strtoull(words[2], NULL, 10),
           events = strtoull(words[3], NULL, 10), questions = strtoull(words[4], NULL, 10);
    const char *path = count > 5 ? words[5] : "/tmp/bench_recommend_serving.safetensors";
    if (!products || !customers || !events || !questions)
        bench_fail("each number is to be above 0");
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_snapshot *s = make_shop(&arena, products, customers, events);
    mx_tensor_file *file = NULL;
    void *model = NULL;
    if (count < 6 || access(path, R_OK) != 0)
        train(s, path);
    double began = bench_now_s();
    TRY(mx_tensor_file_open(path, NULL, true, &file, &err));
    TRY(mx_answer_recommend.load(file, s, NULL, &model, &err));
    printf("{\"load_ms\": %.0f}\n", (bench_now_s() - began) * 1e3);
    if (count < 7 || strcmp(words[6], "plain") == 0)
        measure(s, model, questions, false);
    if (count < 7 || strcmp(words[6], "why") == 0)
        measure(s, model, questions, true);
    compare_full(s, model, questions < FULL ? questions : FULL);
    mx_answer_recommend.unload(model);
    mx_tensor_file_close(file);
    mx_event_index_release(&s->memory->by_customer);
    mx_arena_release(&arena);
    return 0;
}
