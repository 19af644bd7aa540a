/*
 * beauty-next: the model of `next` on amazon-beauty-seq, by the protocol of the published figures.
 *
 *     bench_beauty_next FILE test|validation [THREADS [OPTION=VALUE …]]
 *     EVERY=8 bench_beauty_next …         measures every eighth customer alone
 *
 * FILE has a line "customer item" for each purchase, customers together, in the order of time (also .gz). Leave one out: the last item of each customer is the test item, the one before it
 * the validation item. Whatever is learnt is learnt from the others alone. `test` foretells the test item from all items before it (the validation item is part of what went before, never of what is
 * learnt from); `validation` the validation item from those before it. All items of the file are ranked but those of the history; ties count half.
 *
 * Prints one JSON object: HR@10 and NDCG@10 with bootstrap intervals over customers of the blend, of its parts alone, and of transition counts halved a step back (the more popular of equals first), and paired differences to
 * those; the time to learn; the time of one more event. `validation` adds the blend for several weights of the network ("network=0.02" is among the options for `test`).
 */
#include <math.h>

#include "bench/worker.h"
#include "io/stream.h"
#include "numeric/statistics.h"
#include "shop/answers/next.h"

enum { TOP = 10, A_BLOCK = 32, REPLICATES = 2000, MOST_BLENDS = 24 };

static const double weights_tried[] = {0.01, 0.02, 0.03, 0.05, 0.08};

typedef struct data {
    size_t customers, items;
    int64_t *starts; /* (customers + 1) of everything */
    int32_t *all;
    int64_t *train_starts; /* of what is learnt from */
    int32_t *train, *holders;
} data;

typedef struct work {
    const data *d;
    const mx_next *model;
    const mx_item_lists *markov;
    size_t every, n; /* n: customers measured */
    size_t left;     /* items of a customer that are not part of the history */
    size_t rankers;
    double weight[MOST_BLENDS];
    double *hit[MOST_BLENDS], *ndcg[MOST_BLENDS]; /* (customers) */
} work;

static void must(merx_status status, const merx_error *err)
{
    if (status != MERX_OK)
        bench_fail(err->message);
}

/* ---- the file ---- */

static char *read_all(const char *path, size_t *size)
{
    merx_error err = {0};
    mx_source *source;
    must(mx_source_open(path, NULL, 1u << 30, &source, &err), &err);
    size_t room = 1u << 24, got;
    char *text = bench_memory(room);
    for (*size = 0;; *size += got) {
        if (*size == room)
            bench_fail("the file is too large");
        must(mx_source_read(source, text + *size, room - *size, &got, &err), &err);
        if (got == 0)
            break;
    }
    mx_source_close(source);
    return text;
}

static void read_data(const char *path, data *d)
{
    size_t size, room = 0, n = 0;
    char *text = read_all(path, &size);
    for (size_t k = 0; k < size; k++)
        room += text[k] == '\n';
    *d =
        (data){.starts = bench_memory((room + 2) * sizeof(int64_t)), .all = bench_memory((room + 1) * sizeof(int32_t))};
    long before = -1;
    for (char *at = text, *end = text + size; at < end;) {
        char *next;
        long customer = strtol(at, &next, 10), item = strtol(next, &at, 10);
        if (item < 1 || item > 10000000 || customer < 1)
            bench_fail("a line is not \"customer item\", both from 1");
        if (customer != before)
            d->starts[d->customers++] = (int64_t)n;
        before = customer;
        d->all[n++] = (int32_t)item - 1;
        d->items = (size_t)item > d->items ? (size_t)item : d->items;
        while (at < end && (*at == '\n' || *at == '\r'))
            at++;
    }
    d->starts[d->customers] = (int64_t)n;
    free(text);
    d->train_starts = bench_memory((d->customers + 1) * sizeof(int64_t));
    d->train = bench_memory(n * sizeof(int32_t));
    d->holders = bench_memory(d->items * sizeof(int32_t));
    memset(d->holders, 0, d->items * sizeof(int32_t));
    int64_t kept = 0;
    for (size_t u = 0; u < d->customers; u++) {
        d->train_starts[u] = kept;
        for (int64_t k = d->starts[u]; k + 2 < d->starts[u + 1]; k++) {
            d->train[kept++] = d->all[k];
            d->holders[d->all[k]]++; /* no customer has an item twice */
        }
    }
    d->train_starts[d->customers] = kept;
}

/* ---- ranking ---- */

/*
 * The place of the target for every weight of the network in one pass over the items: how many stand before it, ties half. counts and network hold -infinity where an item
 * is part of the history.
 */
static void measure(work *w, size_t u, size_t first, const double *counts, const double *network, int32_t target,
                    const double *weights, size_t n)
{
    size_t above[MOST_BLENDS] = {0}, ties[MOST_BLENDS] = {0};
    double own[MOST_BLENDS];
    for (size_t k = 0; k < n; k++)
        own[k] = counts[target] + weights[k] * network[target];
    for (size_t i = 0; i < w->d->items; i++)
        for (size_t k = 0; k < n; k++) {
            double score = counts[i] + weights[k] * network[i];
            above[k] += score > own[k];
            ties[k] += score == own[k];
        }
    for (size_t k = 0; k < n; k++) {
        double rank = (double)above[k] + (double)(ties[k] - 1) / 2;
        w->hit[first + k][u] = rank < TOP;
        w->ndcg[first + k][u] = rank < TOP ? 1 / log2(rank + 2) : 0;
    }
}

static merx_status rank_block(void *context, size_t block, merx_error *err)
{
    work *w = context;
    const data *d = w->d;
    size_t items = d->items, end = (block + 1) * A_BLOCK < w->n ? (block + 1) * A_BLOCK : w->n;
    double *counts = bench_memory(items * sizeof *counts), *network = bench_memory(items * sizeof *network);
    mx_next without = *w->model;
    without.ranker = (mx_ranker){0};
    static const double nothing = 0;
    mx_next_state state;
    MX_TRY(mx_next_begin(w->model, 100000, NULL, &state, err));
    for (size_t u = block * A_BLOCK; u < end; u++) {
        size_t customer = u * w->every;
        const int32_t *history = d->all + d->starts[customer];
        size_t m = (size_t)(d->starts[customer + 1] - d->starts[customer]) - w->left;
        int32_t target = history[m];
        mx_next_reset(&state);
        for (size_t k = 0; k < m; k++)
            mx_next_step(&state, history[k]);
        memset(network, 0, items * sizeof *network);
        for (size_t i = 0; i < items; i++)
            counts[i] = 1e-9 * d->holders[i]; /* the more popular of equals: better than half of them */
        mx_transitions_score(w->markov, history, m, 0.5, 1, counts);
        for (size_t k = 0; k < m; k++)
            counts[history[k]] = -INFINITY;
        measure(w, u, 0, counts, network, target, &nothing, 1);
        if (w->model->ranker.items)
            mx_ranker_score(&w->model->ranker, state.hidden, 1, network);
        state.model = &without; /* the same without its network: the vectors are gone through once, not twice */
        mx_next_scores(&state, counts);
        state.model = w->model;
        for (size_t k = 0; k < m; k++)
            counts[history[k]] = network[history[k]] = -INFINITY;
        measure(w, u, 1, counts, network, target, &w->model->network, 1);
        measure(w, u, 3, network, network, target, &nothing, 1);
        measure(w, u, 2, counts, counts, target, &nothing, 1);
        measure(w, u, 4, counts, network, target, w->weight + 4, w->rankers - 4);
    }
    mx_next_end(&state);
    free(counts);
    free(network);
    return MERX_OK;
}

/* ---- the result ---- */

static void print_interval(const char *name, const mx_interval *v, const char *after)
{
    printf("\"%s\": {\"value\": %.6f, \"low\": %.6f, \"high\": %.6f}%s", name, v->value, v->low, v->high, after);
}

static void print_ranker(const work *w, size_t k, const char *name, merx_task *task)
{
    mx_interval hit, ndcg, hit_more, ndcg_more;
    merx_error err = {0};
    size_t n = w->n;
    must(mx_bootstrap_mean(w->hit[k], n, REPLICATES, 1, task, &hit, &err), &err);
    must(mx_bootstrap_mean(w->ndcg[k], n, REPLICATES, 1, task, &ndcg, &err), &err);
    must(mx_bootstrap_paired(w->hit[k], w->hit[0], n, REPLICATES, 1, task, &hit_more, &err), &err);
    must(mx_bootstrap_paired(w->ndcg[k], w->ndcg[0], n, REPLICATES, 1, task, &ndcg_more, &err), &err);
    printf(", \"%s\": {", name);
    print_interval("hr@10", &hit, ", ");
    print_interval("ndcg@10", &ndcg, ", ");
    print_interval("hr@10 more", &hit_more, ", ");
    print_interval("ndcg@10 more", &ndcg_more, "}");
}

/* The least of several timings of one more event behind a history of ten, in microseconds. */
static double step_us(const mx_next *model, const data *d)
{
    mx_next_state state;
    merx_error err = {0};
    double least = INFINITY;
    must(mx_next_begin(model, 2000, NULL, &state, &err), &err);
    for (int round = 0; round < 20; round++) {
        mx_next_reset(&state);
        double began = bench_cpu_s();
        for (int k = 0; k < 1000; k++)
            mx_next_step(&state, d->train[k]);
        least = fmin(least, (bench_cpu_s() - began) / 1000 * 1e6);
    }
    mx_next_end(&state);
    return least;
}

int main(int argc, char **argv)
{
    if (argc < 3 || (strcmp(argv[2], "test") != 0 && strcmp(argv[2], "validation") != 0))
        bench_fail("usage: bench_beauty_next FILE test|validation [THREADS [OPTION=VALUE …]]");
    bool test = strcmp(argv[2], "test") == 0;
    data d;
    merx_options *options;
    merx_task *task;
    merx_error err = {0};
    read_data(argv[1], &d);
    must(merx_options_new(NULL, mx_next_training, &options, &err), &err);
    for (int k = 4; k < argc; k++)
        must(merx_options_parse(options, argv[k], &err), &err);
    must(merx_task_new(NULL, &(merx_task_options){.threads = argc > 3 ? atoi(argv[3]) : 0, .seed = 42}, &task, &err),
         &err);
    mx_next_sequences sequences = {.view = {d.customers, d.items, d.train_starts, d.train}, .holders = d.holders};
    mx_next model;
    mx_item_lists markov;
    double began = bench_now_s(), began_cpu = bench_cpu_s();
    must(mx_next_fit(&sequences, options, false, NULL, task, &model, &err), &err);
    double seconds = bench_now_s() - began, cpu_seconds = bench_cpu_s() - began_cpu;
    mx_transitions_options plain = {.reach = 1, .decay = 1, .power = 1, .keep = d.items};
    must(mx_transitions_fit(&sequences.view, &plain, NULL, task, &markov, &err), &err);
    const char *every = getenv("EVERY");
    work w = {.d = &d, .model = &model, .markov = &markov, .every = 1, .left = test ? 1 : 2, .rankers = 4};
    if (every && atoi(every) > 0)
        w.every = (size_t)atoi(every);
    w.n = (d.customers + w.every - 1) / w.every;
    fprintf(stderr, "learnt in %.1f s, %.1f s of processor time\n", seconds, cpu_seconds);
    for (size_t k = 0; !test && k < sizeof weights_tried / sizeof weights_tried[0]; k++)
        w.weight[w.rankers++] = weights_tried[k];
    for (size_t k = 0; k < w.rankers; k++) {
        w.hit[k] = bench_memory(d.customers * sizeof(double));
        w.ndcg[k] = bench_memory(d.customers * sizeof(double));
    }
    must(mx_parallel(task, (w.n + A_BLOCK - 1) / A_BLOCK, rank_block, &w, &err), &err);
    fprintf(stderr, "weights: alike %g, network %g\n", model.alike_weight, model.network);
    printf("{\"customers\": %zu, \"measured\": %zu, \"items\": %zu, \"learnt_from\": %lld, \"seconds\": %.3f, "
           "\"cpu_seconds\": %.3f, "
           "\"step_us\": %.3f",
           d.customers, w.n, d.items, (long long)d.train_starts[d.customers], seconds, cpu_seconds,
           step_us(&model, &d));
    print_ranker(&w, 0, "transitions", task);
    print_ranker(&w, 1, "next", task);
    print_ranker(&w, 2, "counts", task);
    print_ranker(&w, 3, "network", task);
    for (size_t k = 4; k < w.rankers; k++) {
        char name[32];
        snprintf(name, sizeof name, "network=%g", w.weight[k]);
        print_ranker(&w, k, name, task);
    }
    printf("}\n");
    return 0;
}
