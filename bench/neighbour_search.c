/*
 * Timing of nearest neighbours: bench_neighbour_search N D M K SIMILARITY X QUERIES, driven by bench/figures/neighbour.py.
 *
 *     go build LINKS EF_CONSTRUCTION    the graph over X (kept for the searches that follow)
 *     go graph EF                       the queries, all at once, by the graph
 *     go one EF                         the queries one call after the other
 *     go exact                          the queries by comparing with every vector
 * Reports recall@K against exact search of our own, which is done once, untimed.
 */
#include "bench/worker.h"
#include "merx/neighbour.h"

static size_t number(const char *text)
{
    return (size_t)strtoull(text, NULL, 10);
}

static merx_error err;

static void need(merx_status status)
{
    if (status != MERX_OK)
        bench_fail(err.message);
}

static double recall_of(const merx_neighbour *found, const merx_neighbour *exact, size_t m, size_t k)
{
    size_t hits = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++)
            for (size_t e = 0; e < k; e++)
                hits += found[i * k + j].id == exact[i * k + e].id;
    return (double)hits / (double)(m * k);
}

int main(int count, char **words)
{
    if (count != 8)
        bench_fail("usage: bench_neighbour_search N D M K SIMILARITY X QUERIES");
    size_t n = number(words[1]), d = number(words[2]), m = number(words[3]), k = number(words[4]);
    merx_nearest_options options = {.method = MERX_NEAREST_HNSW};
    while (options.similarity < MERX_SIMILARITIES && strcmp(merx_similarity_name(options.similarity), words[5]) != 0)
        options.similarity++;
    float *x = bench_read(words[6], n * d * sizeof *x), *queries = bench_read(words[7], m * d * sizeof *queries);
    merx_nearest *index = NULL, *plain = NULL;
    merx_neighbour *exact = bench_memory(m * k * sizeof *exact), *found = bench_memory(m * k * sizeof *found);
    merx_task *task = NULL;
    need(merx_task_new(NULL, &(merx_task_options){0}, &task, &err));
    merx_nearest_options flat = {.similarity = options.similarity, .method = MERX_NEAREST_EXACT};
    need(merx_nearest_build(NULL, &flat, x, NULL, n, d, task, &plain, &err));
    need(merx_nearest_search(plain, queries, m, k, task, exact, &err));
    bench_ready("\"rows\": %zu", n);
    bench_run run;
    while (bench_next(&run)) {
        char what[16] = "";
        size_t a = 0, b = 0;
        (void)sscanf(run.words, "%15s %zu %zu", what, &a, &b);
        bench_start(&run);
        if (strcmp(what, "build") == 0) {
            merx_nearest_free(index);
            options.links = a;
            options.ef_construction = b;
            need(merx_nearest_build(NULL, &options, x, NULL, n, d, task, &index, &err));
        } else if (strcmp(what, "graph") == 0) {
            need(merx_nearest_search_graph(index, queries, m, k, a, task, found, &err));
        } else if (strcmp(what, "one") == 0) {
            for (size_t i = 0; i < m; i++)
                need(merx_nearest_search_graph(index, queries + i * d, 1, k, a, NULL, found + i * k, &err));
        } else if (strcmp(what, "exact") == 0) {
            need(merx_nearest_search(plain, queries, m, k, task, found, &err));
        } else {
            bench_fail("expected: build, graph, one or exact");
        }
        bench_stop(&run);
        bench_report(&run, "\"recall\": %.6f", strcmp(what, "build") == 0 ? 1 : recall_of(found, exact, m, k));
    }
    merx_nearest_free(index);
    merx_nearest_free(plain);
    merx_task_free(task);
    free(found), free(exact), free(queries), free(x);
    return 0;
}
