/*
 * als-fit: implicit ALS on a matrix of MovieLens 20M's shape: 138,493 users x 26,744 items, 10 M positives.
 *
 *     bench_als_fit generate FOLDER [SCALE]   writes starts.i64 and indices.i32; deterministic; SCALE (default 1) shrinks all three numbers
 *     bench_als_fit fit FOLDER FACTORS L2 ALPHA ITERATIONS     the worker of bench/worker.h; "go save" also writes users.f32 and items.f32
 *
 * Users: log-normal activity, 20 items or more on average 72. Items: log-normal popularity, half of them had by 20 users or fewer, the most popular by some forty thousand.
 * Six of ten choices fall into groups that a user likes, so that there is something to learn.
 * "seconds" are those of an iteration: the stage of the iterations, with the last solve of the users, by their number.
 */
#include <math.h>

#include "base/random.h"
#include "base/sort.h"
#include "bench/worker.h"
#include "learn/factor/als.h"

enum { USERS = 138493, ITEMS = 26744, POSITIVES = 10000000, GROUPS = 40, LIKED = 4 };

static int compare_items(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The place of u in ascending sums. */
static size_t place(const double *sums, size_t n, double u)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sums[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void write_file(const char *folder, const char *name, const void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0)
        bench_fail("cannot write the matrix");
}

/* How many items each user has: log-normal, at least 20 by most, `positives` in all. */
static void draw_activity(size_t users, size_t items, size_t positives, int64_t *counts)
{
    mx_random random;
    mx_random_init(&random, 20, 1);
    double *wish = bench_memory(users * sizeof *wish), sum = 0;
    for (size_t u = 0; u < users; u++)
        sum += wish[u] = 0.15 + exp(1.2 * mx_random_normal(&random));
    int64_t left = (int64_t)positives;
    for (size_t u = 0; u < users; u++) {
        counts[u] = (int64_t)(wish[u] / sum * (double)positives);
        counts[u] = counts[u] < 1 ? 1 : counts[u] > (int64_t)items / 6 ? (int64_t)items / 6 : counts[u];
        left -= counts[u];
    }
    for (size_t u = 0; left != 0; u = (u + 1) % users) {
        int64_t step = left > 0 ? 1 : counts[u] > 1 ? -1 : 0;
        counts[u] += step;
        left -= step;
    }
    free(wish);
}

static int generate(const char *folder, size_t scale)
{
    size_t users = USERS / scale, items = ITEMS / scale, positives = POSITIVES / scale / scale;
    double *sums = bench_memory(items * sizeof *sums), *own = bench_memory(items * sizeof *own), all = 0;
    int32_t *members = bench_memory(items * sizeof *members);
    size_t starts_of[GROUPS + 1] = {0};
    double *popularity = bench_memory(items * sizeof *popularity);
    mx_random random;
    mx_random_init(&random, 20, 2);
    for (size_t i = 0; i < items; i++) {
        popularity[i] = exp(2.6 * mx_random_normal(&random));
        popularity[i] = popularity[i] > 4000 ? 4000 : popularity[i];
        sums[i] = all += popularity[i];
    }
    /* Item i is of group i % GROUPS; own: sums within each group. */
    for (size_t g = 0, at = 0; g < GROUPS; g++) {
        double sum = 0;
        for (size_t i = g; i < items; i += GROUPS, at++) {
            members[at] = (int32_t)i;
            own[at] = sum += popularity[i];
        }
        starts_of[g + 1] = at;
    }
    int64_t *starts = bench_memory((users + 1) * sizeof *starts), *counts = bench_memory(users * sizeof *counts);
    int32_t *indices = bench_memory(positives * sizeof *indices);
    int64_t *seen = bench_memory(items * sizeof *seen);
    memset(seen, -1, items * sizeof *seen);
    draw_activity(users, items, positives, counts);
    starts[0] = 0;
    for (size_t u = 0; u < users; u++) {
        int32_t *row = indices + starts[u];
        size_t liked[LIKED];
        mx_random_init(&random, 20, 1000 + u);
        for (int l = 0; l < LIKED; l++)
            liked[l] = mx_random_below(&random, GROUPS);
        for (int64_t k = 0; k < counts[u];) {
            size_t item;
            if (mx_random_uniform(&random) < 0.6) {
                size_t g = liked[mx_random_below(&random, LIKED)], n = starts_of[g + 1] - starts_of[g];
                const double *of = own + starts_of[g];
                item = (size_t)members[starts_of[g] + place(of, n, mx_random_uniform(&random) * of[n - 1])];
            } else {
                item = place(sums, items, mx_random_uniform(&random) * all);
            }
            if (seen[item] == (int64_t)u && mx_random_uniform(&random) < 0.97) /* taken: mostly another popular one */
                continue;
            while (seen[item] == (int64_t)u)
                item = mx_random_below(&random, items);
            seen[item] = (int64_t)u;
            row[k++] = (int32_t)item;
        }
        qsort(row, (size_t)counts[u], sizeof *row, compare_items);
        starts[u + 1] = starts[u] + counts[u];
    }
    write_file(folder, "starts.i64", starts, (users + 1) * sizeof *starts);
    write_file(folder, "indices.i32", indices, positives * sizeof *indices);
    printf("{\"users\": %zu, \"items\": %zu, \"positives\": %zu}\n", users, items, positives);
    return 0;
}

/* ---- the worker ---- */

typedef struct watch {
    double began_s, ended_s;
} watch;

static void watch_progress(void *context, const merx_progress *progress)
{
    watch *w = context;
    if (strcmp(progress->unit, "iterations") != 0)
        return;
    double now = bench_now_s();
    if (w->began_s == 0 || now - progress->elapsed_s < w->began_s)
        w->began_s = now - progress->elapsed_s;
    w->ended_s = now;
}

static size_t file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        bench_fail("no matrix; generate it first");
    long size = ftell(file);
    fclose(file);
    return (size_t)size;
}

static int fit(const char *folder, char **words)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/starts.i64", folder);
    size_t bytes = file_bytes(path), users = bytes / 8 - 1;
    int64_t *starts = bench_read(path, bytes);
    snprintf(path, sizeof path, "%s/indices.i32", folder);
    int32_t *indices = bench_read(path, (size_t)starts[users] * 4);
    size_t items = 0;
    for (int64_t e = 0; e < starts[users]; e++)
        items = (size_t)indices[e] >= items ? (size_t)indices[e] + 1 : items;
    mx_csr csr = {users, items, starts, indices, NULL};
    mx_als_options options = {.factors = atoi(words[0]),
                              .l2 = atof(words[1]),
                              .alpha = atof(words[2]),
                              .iterations = atoi(words[3]),
                              .tolerance = words[4] ? atof(words[4]) : 0};
    bench_ready("\"users\": %zu, \"items\": %zu, \"positives\": %lld", users, items, (long long)starts[users]);
    bench_run run;
    while (bench_next(&run)) {
        merx_error err = {0};
        watch w = {0};
        merx_task *task;
        mx_als model;
        if (merx_task_new(NULL, &(merx_task_options){.progress = watch_progress, .progress_context = &w}, &task,
                          &err) != MERX_OK)
            bench_fail(err.message);
        bench_start(&run);
        if (mx_als_fit(&csr, &options, NULL, task, &model, &err) != MERX_OK)
            bench_fail(err.message);
        bench_stop(&run);
        double whole = run.seconds;
        run.seconds = (w.ended_s - w.began_s) / options.iterations;
        run.cpu_seconds /= options.iterations;
        if (strcmp(run.words, "save") == 0) {
            write_file(folder, "users.f32", model.user_factors, users * (size_t)model.factors * sizeof(float));
            write_file(folder, "items.f32", model.item_factors, items * (size_t)model.factors * sizeof(float));
        }
        bench_report(&run, "\"whole_s\": %.6g", whole);
        mx_als_release(&model);
        merx_task_free(task);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "generate") == 0)
        return generate(argv[2], argc > 3 ? (size_t)atoi(argv[3]) : 1);
    if (argc >= 7 && strcmp(argv[1], "fit") == 0)
        return fit(argv[2], argv + 3);
    fputs("bench_als_fit generate FOLDER [SCALE] | fit FOLDER FACTORS L2 ALPHA ITERATIONS\n", stderr);
    return 2;
}
