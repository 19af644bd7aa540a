/*
 * Answers by full scoring of every product, outside the server: what served answers are compared with.
 *
 *   bench_serve_truth SHOP recommend N < customers     a customer's id on each line
 *   bench_serve_truth SHOP next N < sessions           ids of products on each line, separated by commas, in their order
 *
 * For each line one with the ids of the N best products of the live model, best first, those bought (given) left out; ties go to the product that comes first by its id. No path of the answers is
 * used, only the models' plain scores of everything (shop/answers/recommender.h, next.h).
 */
#include "bench/worker.h"
#include "shop/answers/next.h"
#include "shop/answers/recommender.h"
#include "shop/model_store.h"

static merx_error err;

static void need(merx_status status)
{
    if (status != MERX_OK) {
        fprintf(stderr, "bench: %s: %s: %s\n", merx_status_name(status), err.where, err.message);
        exit(1);
    }
}

typedef struct truth {
    mx_snapshot *snapshot;
    mx_recommender recommender;
    mx_next next;
    size_t n;
    double *scores, *user; /* (items), (factors) */
    uint8_t *barred;       /* (items) */
    int32_t *best, *history;
    size_t history_room;
} truth;

static void open_model(merx_shop *shop, const char *answer, mx_arena *arena, truth *t)
{
    mx_model_record *list;
    size_t n;
    mx_blob blob;
    mx_tensor_file *file;
    need(mx_model_list(shop->records, answer, arena, &list, &n, &err));
    const mx_model_record *live = mx_model_live(list, n);
    if (!live)
        bench_fail("the shop has no live model of that answer");
    need(mx_blobs_map(shop->blobs, live->blob.data, &blob, &err));
    need(mx_tensor_file_memory(blob.data, blob.size, live->blob.data, NULL, true, &file, &err));
    bool next = strcmp(answer, "next") == 0;
    need(next ? mx_next_read(file, NULL, &t->next, &err) : mx_recommender_read(file, NULL, &t->recommender, &err));
    size_t items = next ? t->next.items : t->recommender.items;
    t->scores = bench_memory(items * sizeof *t->scores);
    t->barred = bench_memory(items);
    memset(t->barred, 0, items);
    t->user = bench_memory((size_t)t->recommender.als.factors * sizeof *t->user);
    t->best = bench_memory(t->n * sizeof *t->best);
    mx_tensor_file_close(file);
    mx_blobs_unmap(shop->blobs, &blob);
}

static int compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void room_for(truth *t, size_t m)
{
    if (m > t->history_room) {
        t->history_room = m * 2;
        free(t->history);
        t->history = bench_memory(t->history_room * sizeof *t->history);
    }
}

static void print_best(truth *t, const mx_dict *ids, size_t items, const int32_t *history, size_t m)
{
    for (size_t k = 0; k < m; k++)
        t->barred[history[k]] = 1;
    size_t n = mx_recommender_best(t->scores, t->barred, items, t->n < items ? t->n : items, t->best);
    for (size_t k = 0; k < m; k++)
        t->barred[history[k]] = 0;
    for (size_t i = 0; i < n; i++) {
        mx_str id = mx_dict_get(ids, t->best[i]);
        printf("%s%.*s", i ? "," : "", (int)id.size, id.data);
    }
    putchar('\n');
}

static void recommend(truth *t, const char *id)
{
    const mx_recommender *model = &t->recommender;
    const int32_t *events;
    size_t n, m = 0, kept = 0;
    mx_snapshot *s = t->snapshot;
    int32_t customer = mx_snapshot_find_customer(s, id);
    if (customer < 0)
        bench_fail("the shop has no such customer");
    need(mx_snapshot_customer_events(s, customer, &events, &n, &err));
    room_for(t, n + 1);
    for (size_t k = 0; k < n; k++)
        if (mx_snapshot_is_sale(s, (size_t)events[k])) {
            int32_t item = mx_dict_find(model->ids, s->product_id[s->product[events[k]]]);
            if (item >= 0)
                t->history[m++] = item;
        }
    qsort(t->history, m, sizeof *t->history, compare);
    for (size_t k = 0; k < m; k++)
        if (k == 0 || t->history[k] != t->history[kept - 1])
            t->history[kept++] = t->history[k];
    if (kept)
        need(mx_recommender_score(model, t->history, kept, t->user, t->scores, &err));
    else
        for (size_t i = 0; i < model->items; i++)
            t->scores[i] = model->buyers[i];
    print_best(t, model->ids, model->items, t->history, kept);
}

static void next(truth *t, char *line)
{
    const mx_next *model = &t->next;
    mx_next_state state;
    size_t m = 0;
    room_for(t, strlen(line) + 1);
    for (char *id = strtok(line, ","); id; id = strtok(NULL, ",")) {
        int32_t item = mx_dict_find(model->ids, mx_str_of(id));
        if (item >= 0 && (m == 0 || t->history[m - 1] != item))
            t->history[m++] = item;
    }
    need(mx_next_begin(model, m, NULL, &state, &err));
    for (size_t k = 0; k < m; k++)
        mx_next_step(&state, t->history[k]);
    if (m)
        mx_next_scores(&state, t->scores);
    else
        for (size_t i = 0; i < model->items; i++)
            t->scores[i] = model->holders[i];
    mx_next_end(&state);
    print_best(t, model->ids, model->items, t->history, m);
}

int main(int argc, char **argv)
{
    static truth t;
    merx_shop *shop = NULL;
    mx_arena arena;
    char line[1 << 16];
    if (argc != 4 || (strcmp(argv[2], "recommend") != 0 && strcmp(argv[2], "next") != 0) || atoi(argv[3]) < 1)
        bench_fail("usage: bench_serve_truth SHOP recommend|next N < questions");
    bool is_next = strcmp(argv[2], "next") == 0;
    t.n = (size_t)atoi(argv[3]);
    mx_arena_init(&arena, NULL);
    need(merx_shop_open(NULL, argv[1], NULL, &shop, &err));
    need(mx_shop_snapshot(shop, NULL, &t.snapshot, &err));
    open_model(shop, argv[2], &arena, &t);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (is_next)
            next(&t, line);
        else
            recommend(&t, line);
    }
    mx_next_release(&t.next);
    mx_recommender_release(&t.recommender);
    merx_shop_close(shop);
    mx_arena_release(&arena);
    free(t.scores);
    free(t.user);
    free(t.barred);
    free(t.best);
    free(t.history);
    return 0;
}
