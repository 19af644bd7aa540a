/*
 * The best products out of the index are those of full scoring, with the same scores to the bit: on made models of every shape, at every length of history and list.
 */
#include "base/random.h"
#include "shop/answers/recommender.h"
#include "support/check.h"

typedef struct shape {
    size_t items, factors, listed; /* listed: neighbours of each item */
    bool ease;                     /* lists of EASE, with weights below 0 too */
    bool flat;                     /* every trend 1, every vector of about one length */
    bool twins;                    /* many items with the same vector: ties */
    bool near;                     /* all vectors nearly the same: a float product can't tell them apart */
    size_t zeros;                  /* of so many items each, one has a vector of zeros; 0: none */
    double als_weight, l2;
    bool singular; /* the gram is zeros */
} shape;

static const shape shapes[] = {
    {.items = 1, .factors = 4, .als_weight = 1, .l2 = 1},
    {.items = 17, .factors = 3, .listed = 4, .als_weight = 1.25, .l2 = 2},
    {.items = 2000, .factors = 64, .listed = 20, .als_weight = 1.25, .l2 = 25},
    {.items = 2000, .factors = 24, .listed = 20, .ease = true, .als_weight = 0.25, .l2 = 5},
    {.items = 1500, .factors = 16, .listed = 5, .flat = true, .als_weight = 1, .l2 = 1},
    {.items = 1200, .factors = 8, .listed = 3, .twins = true, .als_weight = 1, .l2 = 1},
    {.items = 1200, .factors = 64, .listed = 3, .near = true, .flat = true, .als_weight = 1, .l2 = 1},
    {.items = 1200, .factors = 8, .listed = 3, .zeros = 2, .flat = true, .als_weight = 1, .l2 = 1},
    {.items = 900, .factors = 12, .listed = 10, .ease = true, .als_weight = 0, .l2 = 1},
    {.items = 700, .factors = 5, .zeros = 1, .als_weight = 1, .l2 = 1},
    {.items = 800, .factors = 10, .listed = 2, .als_weight = 1, .l2 = 0, .singular = true},
};

static mx_item_lists make_lists(mx_random *random, size_t items, size_t listed, bool below)
{
    mx_item_lists lists = {.items = items, .alloc = merx_allocator_default()};
    merx_error err = {0};
    check_ok(mx_alloc_array(lists.alloc, items + 1, sizeof *lists.starts, "lists", &lists.starts, &err), err);
    listed = listed < items ? listed : items - 1;
    check_ok(mx_alloc_array(lists.alloc, items * listed, sizeof *lists.indices, "lists", &lists.indices, &err), err);
    check_ok(mx_alloc_array(lists.alloc, items * listed, sizeof *lists.weights, "lists", &lists.weights, &err), err);
    for (size_t i = 0, at = 0; i < items; i++) {
        size_t from = mx_random_below(random, items);
        for (size_t k = 0; k < listed; k++, at++) {
            lists.indices[at] = (int32_t)((from + k * 7) % items);
            lists.weights[at] = (float)(mx_random_uniform(random) - (below ? 0.4 : 0)) * 0.2f;
        }
        lists.starts[i + 1] = (int64_t)at;
    }
    return lists;
}

/* ids "000000", "000003", …: a snapshot has others in between. */
static mx_snapshot make_snapshot(mx_arena *arena, size_t items, size_t step, size_t first)
{
    mx_str *ids = mx_arena_array(arena, items + 1, sizeof *ids, NULL);
    for (size_t i = 0; i < items; i++) /* some longer than what is compared at once */
        ids[i] = mx_str_of(mx_arena_printf(arena, NULL, "%06zu%s", first + i * step, i % 5 ? "" : "-of-a-long-id"));
    return (mx_snapshot){.products = items, .product_id = ids};
}

static void make_model(const shape *s, const mx_snapshot *snapshot, mx_recommender *out)
{
    const merx_allocator *alloc = merx_allocator_default();
    merx_error err = {0};
    size_t f = s->factors;
    mx_random random;
    mx_random_init(&random, 5, s->items);
    *out = (mx_recommender){.alloc = alloc,
                            .items = s->items,
                            .als_weight = s->als_weight,
                            .ease_weight = s->ease ? 1 : 0,
                            .co_purchase = 0.06,
                            .als = {.items = s->items, .factors = (int)f, .l2 = s->l2, .alpha = 1, .alloc = alloc}};
    check_ok(mx_alloc_array(alloc, s->items, sizeof *out->buyers, "buyers", &out->buyers, &err), err);
    check_ok(mx_alloc_array(alloc, s->items, sizeof *out->trend, "trend", &out->trend, &err), err);
    check_ok(mx_alloc_array(alloc, s->items * f, sizeof(float), "factors", &out->als.item_factors, &err), err);
    check_ok(mx_alloc_array(alloc, f * f, sizeof(double), "gram", &out->als.item_gram, &err), err);
    check_ok(mx_dict_new(alloc, s->items, &out->ids, &err), err);
    for (size_t i = 0; i < s->items; i++) {
        double length = s->flat ? 1 : exp(1.5 * mx_random_normal(&random) - 2);
        int32_t code;
        bool added;
        check_ok(mx_dict_add(out->ids, snapshot->product_id[i], &code, &added, &err), err);
        assert_true(added);
        out->buyers[i] = (int32_t)mx_random_below(&random, 30);
        out->trend[i] = s->flat ? 1 : (float)mx_random_gamma(&random, 3) / 3;
        float *row = out->als.item_factors + i * f;
        for (size_t k = 0; k < f; k++)
            row[k] = s->zeros && i % s->zeros == 0 ? 0 : (float)(length * mx_random_normal(&random));
        for (size_t k = 0; k < f && s->near && i > 0; k++)
            row[k] = nextafterf(out->als.item_factors[k], mx_random_u32(&random) % 2 ? 10 : -10);
        if (s->twins && i % 4) {
            memcpy(row, row - f, f * sizeof *row);
            out->trend[i] = out->trend[i - 1];
        }
    }
    for (size_t j = 0; j < f && !s->singular; j++)
        for (size_t k = 0; k < f; k++)
            for (size_t i = 0; i < s->items; i++)
                out->als.item_gram[j * f + k] +=
                    (double)out->als.item_factors[i * f + j] * (double)out->als.item_factors[i * f + k];
    out->neighbours = make_lists(&random, s->items, s->listed, false);
    out->ease = make_lists(&random, s->items, s->ease ? 30 : 0, true);
    check_ok(mx_recommender_index_build(out, snapshot, &err), err);
}

/* The twin: everything scored, everything sorted. */
static size_t full(const mx_recommender *model, const int32_t *history, size_t m, const uint8_t *barred, size_t n,
                   mx_ranked *best)
{
    merx_error err = {0};
    double *scores = malloc(model->items * sizeof *scores), *user = malloc((size_t)model->als.factors * sizeof *user);
    size_t count = 0;
    check_ok(mx_recommender_score(model, history, m, user, scores, &err), err);
    while (count < n) {
        int32_t next = -1;
        for (size_t t = 0; t < model->items; t++) {
            mx_ranked last = count ? best[count - 1] : (mx_ranked){-1, INFINITY};
            bool after = scores[t] < last.score || (scores[t] == last.score && (int32_t)t > last.item);
            if (!barred[t] && after && (next < 0 || scores[t] > scores[next]))
                next = (int32_t)t;
        }
        if (next < 0)
            break;
        best[count++] = (mx_ranked){next, scores[next]};
    }
    free(scores), free(user);
    return count;
}

static void compare(const mx_recommender *model, size_t m, size_t n, uint64_t seed)
{
    merx_error err = {0};
    mx_random random;
    mx_random_init(&random, seed, m * 1000 + n);
    m = m < model->items ? m : model->items;
    int32_t *history = malloc(m * sizeof *history), *barred_items = malloc((m + 40) * sizeof *barred_items);
    uint8_t *in = calloc(model->items, 1), *barred = calloc(model->items, 1);
    size_t n_barred = 0;
    for (size_t j = 0; j < m;) {
        size_t item = mx_random_below(&random, model->items);
        if (in[item]++)
            continue;
        history[j++] = (int32_t)item;
    }
    if (seed % 2) /* new_only */
        for (size_t j = 0; j < m; j++)
            barred_items[n_barred++] = history[j];
    for (size_t k = 0; k < seed % 3 * 20; k++) /* repeats are possible */
        barred_items[n_barred++] = (int32_t)mx_random_below(&random, model->items);
    for (size_t k = 0; k < n_barred; k++)
        barred[barred_items[k]] = 1;
    mx_ranked *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    size_t count, expected = full(model, history, m, barred, n, want);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    check_ok(mx_recommender_top(model, history, m, barred_items, n_barred, n, &arena, got, &count, &err), err);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        if (got[i].item != want[i].item)
            fail_msg("place %zu of %zu: item %d (%.17g), expected %d (%.17g)", i, n, (int)got[i].item, got[i].score,
                     (int)want[i].item, want[i].score);
        check_same_double(got[i].score, want[i].score);
    }
    mx_arena_release(&arena);
    free(history), free(barred_items), free(in), free(barred), free(want), free(got);
}

static void test_same(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 5, 12, 33, 100}, numbers[] = {1, 10, 60, 1000};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        mx_snapshot snapshot = make_snapshot(&arena, shapes[s].items, 3, 0);
        mx_recommender model;
        make_model(&shapes[s], &snapshot, &model);
        assert_int_equal(model.index->solved.rows != NULL, !shapes[s].singular);
        for (size_t l = 0; l < 6; l++)
            for (size_t k = 0; k < 4; k++)
                for (uint64_t seed = 0; seed < (numbers[k] > 60 ? 1 : 6); seed++)
                    if (!shapes[s].singular || lengths[l] >= 2 * shapes[s].factors) /* fewer have no solution */
                        compare(&model, lengths[l], numbers[k], seed + 6 * l);
        mx_recommender_release(&model);
        mx_arena_release(&arena);
    }
}

static void test_orders(void **state)
{
    (void)state;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_snapshot snapshot = make_snapshot(&arena, 2000, 3, 0);
    mx_recommender model;
    make_model(&shapes[2], &snapshot, &model);
    const mx_recommender_index *index = model.index;
    for (size_t at = 1; at < model.items; at++) {
        float before = index->bounds[index->order[at - 1]].norm, here = index->bounds[index->order[at]].norm;
        assert_true(before > here || (before == here && index->order[at - 1] < index->order[at]));
        int32_t more = index->popular[at - 1], less = index->popular[at];
        assert_true(model.buyers[more] > model.buyers[less] ||
                    (model.buyers[more] == model.buyers[less] && more < less));
    }
    mx_recommender_release(&model);
    mx_arena_release(&arena);
}

/* Hints only: any other snapshot gives what a search by id gives. */
static void test_products(void **state)
{
    (void)state;
    enum { ITEMS = 800 };
    const size_t steps[] = {3, 1, 2, 3, 6, 3}, firsts[] = {0, 0, 1, 3, 0, 0}, counts[] = {800, 2400, 900, 800, 300, 0};
    static int32_t items[2400], found[2400];
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_snapshot loaded = make_snapshot(&arena, ITEMS, 3, 0);
    mx_recommender model;
    make_model(&(shape){.items = ITEMS, .factors = 2, .als_weight = 1, .l2 = 1}, &loaded, &model);
    size_t known = 0;
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        mx_snapshot other = make_snapshot(&arena, counts[s], steps[s], firsts[s]);
        for (size_t p = 0; p < counts[s]; p++)
            items[p] = p % 11 ? (int32_t)p : -1;
        mx_recommender_items(&model, &other, items, counts[s], found);
        for (size_t p = 0; p < counts[s]; p++) {
            assert_int_equal(found[p], p % 11 ? mx_dict_find(model.ids, other.product_id[p]) : -1);
            known += found[p] >= 0;
        }
        for (size_t t = 0; t < ITEMS; t++)
            items[t] = (int32_t)t;
        mx_recommender_products(&model, &other, items, ITEMS, found);
        for (size_t t = 0; t < ITEMS; t++) {
            mx_str id = mx_dict_get(model.ids, (int32_t)t);
            assert_int_equal(found[t], mx_find_id(other.product_id, other.products, id.data));
        }
    }
    assert_true(known > 1000);
    mx_recommender_release(&model);
    mx_arena_release(&arena);
}

/* A damaged model is refused when it is loaded, not when it is asked. */
static void test_damaged(void **state)
{
    (void)state;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_snapshot snapshot = make_snapshot(&arena, 17, 3, 0);
    const float bad[] = {NAN, INFINITY, -1};
    for (int b = 0; b < 5; b++) {
        mx_recommender model;
        merx_error err = {0};
        make_model(&shapes[1], &snapshot, &model);
        mx_recommender_index_release(&model);
        if (b < 3)
            model.trend[4] = bad[b];
        else
            model.als.item_factors[7] = bad[b - 3];
        check_fails(mx_recommender_index_build(&model, &snapshot, &err), MERX_E_CORRUPT, err);
        assert_null(model.index);
        mx_recommender_release(&model);
    }
    mx_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_orders),
                                       cmocka_unit_test(test_products), cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
