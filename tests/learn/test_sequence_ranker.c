/*
 * The sequence ranker: against a twin in double with finite differences, what it learns of planted sequences, the same bits for any number of threads, files, faults.
 */
#include "learn/network/sequence_ranker.h"

#include "base/random.h"
#include "support/check.h"

/* Twelve items in a ring: after i comes i + 1, now and then i + 2. */
enum { ITEMS = 12, SEQUENCES = 120 };

typedef struct ring {
    int64_t starts[SEQUENCES + 1];
    int32_t items[SEQUENCES * 9];
    mx_sequences view;
} ring;

static void draw(ring *r, uint64_t seed)
{
    mx_random random;
    mx_random_init(&random, seed, 5);
    r->starts[0] = 0;
    for (int u = 0; u < SEQUENCES; u++) {
        int64_t at = r->starts[u], length = 1 + (int64_t)mx_random_below(&random, 8);
        int32_t item = (int32_t)mx_random_below(&random, ITEMS);
        for (int64_t k = 0; k < length; k++) {
            r->items[at + k] = item;
            item = (item + 1 + (mx_random_below(&random, 6) == 0)) % ITEMS;
        }
        r->starts[u + 1] = at + length;
    }
    r->view = (mx_sequences){SEQUENCES, ITEMS, r->starts, r->items};
}

static const mx_ranker_options small = {
    .units = 6, .epochs = 40, .negatives = 100, .learning_rate = 0.05, .dropout = 0.1, .batch = 40, .seed = 3};

static void fitted(const mx_sequences *s, const mx_ranker_options *o, int threads, mx_ranker *out)
{
    merx_task *task;
    merx_error err = {0};
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 1}, &task, &err), err);
    check_ok(mx_ranker_fit(s, o, NULL, task, out, &err), err);
    merx_task_free(task);
}

/* ---- a twin in double ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void twin_step(const mx_ranker *r, const double *w[5], int32_t item, double *h)
{
    size_t u = r->units;
    double zx[64 * 3], zh[64 * 3];
    for (size_t c = 0; c < 3 * u; c++) {
        zx[c] = w[4][c];
        zh[c] = w[4][3 * u + c];
        for (size_t k = 0; k < u; k++) {
            zx[c] += w[0][(size_t)item * u + k] * w[2][k * 3 * u + c];
            zh[c] += h[k] * w[3][k * 3 * u + c];
        }
    }
    for (size_t k = 0; k < u; k++) {
        double z = sigmoid(zx[k] + zh[k]), reset = sigmoid(zx[u + k] + zh[u + k]);
        h[k] = z * h[k] + (1 - z) * tanh(zx[2 * u + k] + reset * zh[2 * u + k]);
    }
}

static double twin_logit(const mx_ranker *r, const double *w[5], const double *h, size_t t)
{
    double sum = w[1][t];
    for (size_t k = 0; k < r->units; k++)
        sum += h[k] * w[0][t * r->units + k];
    return sum;
}

static double twin_loss(const mx_ranker *r, const double *w[5], const mx_sequences *s)
{
    double loss = 0, rows = 0;
    for (size_t q = 0; q < s->n; q++) {
        double h[64] = {0};
        for (int64_t e = s->starts[q]; e + 1 < s->starts[q + 1]; e++, rows++) {
            double sum = 0;
            twin_step(r, w, s->items[e], h);
            for (size_t t = 0; t < r->items; t++)
                sum += exp(twin_logit(r, w, h, t));
            loss += log(sum) - twin_logit(r, w, h, (size_t)s->items[e + 1]);
        }
    }
    return loss / rows;
}

static void count_call(void *context)
{
    ++*(int *)context;
}

static void test_gradients(void **state)
{
    (void)state;
    ring r;
    draw(&r, 1);
    r.view.n = 25;
    mx_ranker ranker, gradients;
    mx_ranker_options o = small;
    o.epochs = 8;
    fitted(&r.view, &o, 1, &ranker);
    double loss;
    merx_error err = {0};
    check_ok(mx_ranker_gradients(&ranker, &r.view, NULL, NULL, &loss, &gradients, &err), err);
    size_t u = o.units, sizes[5] = {ITEMS * u, ITEMS, u * 3 * u, u * 3 * u, 6 * u};
    float *values[5] = {ranker.vectors, ranker.bias, ranker.kernel, ranker.recurrent, ranker.biases};
    float *found[5] = {gradients.vectors, gradients.bias, gradients.kernel, gradients.recurrent, gradients.biases};
    double *wide[5];
    for (size_t i = 0; i < 5; i++) {
        wide[i] = malloc(sizes[i] * sizeof *wide[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            wide[i][k] = (double)values[i][k];
    }
    const double *w[5] = {wide[0], wide[1], wide[2], wide[3], wide[4]};
    check_relative(loss, twin_loss(&ranker, w, &r.view), 1e-5);
    for (size_t i = 0; i < 5; i++) {
        double largest = 0;
        for (size_t k = 0; k < sizes[i]; k++) {
            double kept = wide[i][k], step = 1e-5;
            wide[i][k] = kept + step;
            double up = twin_loss(&ranker, w, &r.view);
            wide[i][k] = kept - step;
            double down = twin_loss(&ranker, w, &r.view);
            wide[i][k] = kept;
            check_close((double)found[i][k], (up - down) / (2 * step), 2e-6);
            largest = fmax(largest, fabs(up - down) / (2 * step));
        }
        assert_true(largest > 1e-3); /* zeros would prove nothing */
    }
    /* Step by step is what the twin says, too. */
    float h[6] = {0}, *scratch = malloc(mx_ranker_scratch(&ranker) * sizeof *scratch);
    double twin[6] = {0}, scores[ITEMS] = {0};
    for (int64_t e = 0; e < 5; e++) {
        mx_ranker_step(&ranker, r.items[e], h, scratch);
        twin_step(&ranker, w, r.items[e], twin);
        for (size_t t = 0; t < ITEMS; t++)
            check_close((double)mx_ranker_logit(&ranker, h, (int32_t)t), twin_logit(&ranker, w, twin, t), 1e-5);
    }
    /* Many steps at once and many logits at once have the bits of one after the other. */
    float followed[6] = {0}, *room = malloc(mx_ranker_follow_scratch(&ranker) * sizeof *room), several[3];
    const int32_t three[] = {ITEMS - 1, 0, 1};
    mx_ranker_follow(&ranker, r.items, 5, followed, room, NULL, NULL);
    assert_memory_equal(followed, h, sizeof h);
    /* The same where what some items put in is kept; and the caller is called. */
    const int32_t some[] = {r.items[1], ITEMS - 1 - r.items[1]};
    int calls = 0;
    check_ok(mx_ranker_keep_inputs(&ranker, some, 2, &err), err);
    memset(followed, 0, sizeof followed);
    mx_ranker_follow(&ranker, r.items, 5, followed, room, count_call, &calls);
    assert_memory_equal(followed, h, sizeof h);
    assert_true(calls >= 5);
    mx_ranker_logits(&ranker, h, three, 3, several);
    for (size_t t = 0; t < 3; t++)
        assert_true(several[t] == mx_ranker_logit(&ranker, h, three[t]));
    free(room);
    mx_ranker_score(&ranker, h, 0.5, scores);
    for (size_t t = 0; t < ITEMS; t++)
        check_same_double(scores[t], 0.5 * (double)mx_ranker_logit(&ranker, h, (int32_t)t));
    free(scratch);
    for (size_t i = 0; i < 5; i++)
        free(wide[i]);
    mx_ranker_release(&gradients);
    mx_ranker_release(&ranker);
}

/* ---- learning ---- */

/* How often the item after each is the one ranked first. */
static double foretold(const mx_ranker *r)
{
    float *h = calloc(r->units, sizeof *h), *scratch = malloc(mx_ranker_scratch(r) * sizeof *scratch);
    int right = 0;
    for (int32_t i = 0; i < ITEMS; i++) {
        memset(h, 0, r->units * sizeof *h);
        mx_ranker_step(r, i, h, scratch);
        mx_ranker_step(r, (i + 1) % ITEMS, h, scratch);
        int32_t best = 0;
        for (int32_t t = 1; t < ITEMS; t++)
            if (mx_ranker_logit(r, h, t) > mx_ranker_logit(r, h, best))
                best = t;
        right += best == (i + 2) % ITEMS;
    }
    free(h);
    free(scratch);
    return (double)right / ITEMS;
}

static void test_learns(void **state)
{
    (void)state;
    ring r;
    draw(&r, 2);
    mx_ranker ranker;
    fitted(&r.view, &small, 2, &ranker);
    check_close(foretold(&ranker), 1, 0.1);
    mx_ranker_release(&ranker);
    /* From four drawn columns a step: an estimate of the same loss. Pieces of three steps. */
    mx_ranker_options o = small;
    o.negatives = 4;
    o.steps = 3;
    o.epochs = 60;
    fitted(&r.view, &o, 2, &ranker);
    check_close(foretold(&ranker), 1, 0.25);
    mx_ranker_release(&ranker);
}

static bool same(const mx_ranker *a, const mx_ranker *b)
{
    size_t u = a->units;
    return memcmp(a->vectors, b->vectors, a->items * u * sizeof(float)) == 0 &&
           memcmp(a->bias, b->bias, a->items * sizeof(float)) == 0 &&
           memcmp(a->kernel, b->kernel, u * 3 * u * sizeof(float)) == 0 &&
           memcmp(a->recurrent, b->recurrent, u * 3 * u * sizeof(float)) == 0 &&
           memcmp(a->biases, b->biases, 6 * u * sizeof(float)) == 0;
}

static void test_same_bits(void **state)
{
    (void)state;
    ring r;
    draw(&r, 4);
    mx_ranker_options o = small;
    o.epochs = 3;
    o.negatives = 5;
    mx_ranker first, other;
    fitted(&r.view, &o, 1, &first);
    for (int threads = 1; threads <= 8; threads *= 2) {
        fitted(&r.view, &o, threads, &other);
        if (!same(&first, &other))
            fail_msg("other bits with %d threads", threads);
        mx_ranker_release(&other);
    }
    /* Every option is heard. */
    mx_ranker_options changed[] = {o, o, o, o, o, o, o};
    changed[0].epochs = 2;
    changed[1].negatives = 6;
    changed[2].learning_rate = 0.02;
    changed[3].dropout = 0;
    changed[4].batch = 30;
    changed[5].steps = 2;
    changed[6].seed = 4;
    for (size_t k = 0; k < 7; k++) {
        fitted(&r.view, &changed[k], 1, &other);
        if (same(&first, &other))
            fail_msg("option %zu changes nothing", k);
        mx_ranker_release(&other);
    }
    mx_ranker_release(&first);
}

static void test_refused(void **state)
{
    (void)state;
    ring r;
    draw(&r, 4);
    mx_ranker out;
    merx_error err = {0};
    mx_ranker_options bad[] = {small, small, small, small, small, small};
    bad[0].units = 0;
    bad[1].epochs = 0;
    bad[2].negatives = 0;
    bad[3].learning_rate = NAN;
    bad[4].dropout = 1;
    bad[5].dropout = NAN;
    for (size_t k = 0; k < 6; k++) {
        err = (merx_error){0};
        check_fails(mx_ranker_fit(&r.view, &bad[k], NULL, NULL, &out, &err), MERX_E_RANGE, err);
    }
    r.items[3] = ITEMS;
    err = (merx_error){0};
    assert_int_equal(mx_ranker_fit(&r.view, &small, NULL, NULL, &out, &err), MERX_E_INVALID);
    check_contains(err.message, "event 3 is item 12; expected 0 to 11");
    const int64_t starts[] = {0, 1, 2};
    err = (merx_error){0};
    check_fails(mx_ranker_fit(&(mx_sequences){2, 2, starts, (const int32_t[]){0, 1}}, &small, NULL, NULL, &out, &err),
                MERX_E_INVALID, err);
    draw(&r, 4);
    mx_ranker_options wild = small;
    wild.learning_rate = 1e38;
    err = (merx_error){0};
    assert_int_equal(mx_ranker_fit(&r.view, &wild, NULL, NULL, &out, &err), MERX_E_NUMERIC);
    check_contains(err.message, "a smaller learning_rate");
}

static void test_file(void **state)
{
    (void)state;
    ring r;
    draw(&r, 6);
    mx_ranker_options o = small;
    o.epochs = 1;
    mx_ranker ranker, read, other;
    fitted(&r.view, &o, 1, &ranker);
    mx_tensor_writer *writer;
    mx_tensor_file *file;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_error err = {0};
    unsigned char *bytes;
    size_t size;
    check_ok(mx_tensor_writer_new(NULL, &writer, &err), err);
    check_ok(mx_ranker_write(&ranker, "network", writer, &arena, &err), err);
    check_ok(mx_tensor_writer_bytes(writer, &bytes, &size, &err), err);
    check_ok(mx_tensor_file_memory(bytes, size, "ranker", NULL, true, &file, &err), err);
    check_ok(mx_ranker_read(file, "network", NULL, &read, &err), err);
    assert_true(same(&ranker, &read));
    float h[2][6] = {{0}, {0}}, scratch[36];
    mx_ranker_step(&ranker, 4, h[0], scratch);
    mx_ranker_step(&read, 4, h[1], scratch);
    assert_memory_equal(h[0], h[1], sizeof h[0]);
    check_fails(mx_ranker_read(file, "other", NULL, &other, &err), MERX_E_CORRUPT, err);
    /* Fewer products, in another order, and a new one. */
    const int32_t from[] = {7, -1, 2};
    check_ok(mx_ranker_take_items(&read, from, 3, NULL, &other, &err), err);
    memset(h, 0, sizeof h);
    mx_ranker_step(&read, 7, h[0], scratch);
    mx_ranker_step(&other, 0, h[1], scratch);
    assert_memory_equal(h[0], h[1], sizeof h[0]);
    check_same_double((double)mx_ranker_logit(&other, h[1], 2), (double)mx_ranker_logit(&read, h[0], 2));
    check_same_double((double)mx_ranker_logit(&other, h[1], 1), 0);
    mx_ranker_release(&other);
    mx_ranker_release(&read);
    mx_ranker_release(&ranker);
    mx_tensor_file_close(file);
    mx_free_array(NULL, bytes, size, 1);
    mx_tensor_writer_free(writer);
    mx_arena_release(&arena);
}

static void test_allocations(void **state)
{
    (void)state;
    ring r;
    draw(&r, 7);
    mx_ranker_options o = small;
    o.epochs = 1;
    for (int64_t fail = 0;; fail++) {
        mx_failing_allocator failing;
        mx_failing_allocator_init(&failing, fail, false);
        merx_task *task;
        merx_error err = {0};
        mx_ranker ranker;
        merx_status status = merx_task_new(&failing.allocator, &(merx_task_options){.threads = 1}, &task, &err);
        if (status == MERX_OK) {
            status = mx_ranker_fit(&r.view, &o, &failing.allocator, task, &ranker, &err);
            if (status == MERX_OK)
                mx_ranker_release(&ranker);
            merx_task_free(task);
        }
        assert_int_equal(failing.live_bytes, 0);
        if (status == MERX_OK) {
            assert_true(fail > 50);
            break;
        }
        assert_int_equal(status, MERX_E_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_learns), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_file),   cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
