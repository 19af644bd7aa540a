/*
 * Pictures: how well they are recognised. Driven by bench/figures/pictures.py.
 *
 *     bench_pictures idx FOLDER THREADS [NAME=VALUE …]   classify's own network on an IDX data set (train-images-idx3-ubyte.gz …), classified on its test pictures. Names: those of
 *                                                        mx_picture_recipe, and seed
 *     bench_pictures shop SHOP FOLDER LIST               asks a shop's `classify` (best class) and `similar` (nearest product) about each picture of a list; lines "path, class": how many
 *                                                        are answered by that id
 *
 * Each prints one JSON object.
 */
#include <math.h>

#include "bench/worker.h"
#include "io/stream.h"
#include "learn/network/picture_classifier.h"
#include "merx/shop.h"

static merx_error err;

static void must(merx_status status)
{
    if (status != MERX_OK) {
        fprintf(stderr, "%s: ", err.where);
        bench_fail(err.message);
    }
}

/* ---- an IDX data set ---- */

static unsigned char *read_idx(const char *folder, const char *name, size_t header, size_t each, size_t *n)
{
    char path[600];
    mx_source *source;
    size_t room = (size_t)1 << 26, size = 0, got;
    unsigned char *bytes = bench_memory(room);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(mx_source_open(path, NULL, room, &source, &err));
    do {
        must(mx_source_read(source, bytes + size, room - size, &got, &err));
        size += got;
    } while (got > 0 && size < room);
    mx_source_close(source);
    if (size < header || (size - header) % each != 0)
        bench_fail("the file is not what it should be");
    *n = (size - header) / each;
    memmove(bytes, bytes + header, size - header);
    return bytes;
}

static int32_t *wide(const unsigned char *labels, size_t n)
{
    int32_t *out = bench_memory(n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = labels[i];
    return out;
}

static bool set_recipe(mx_picture_recipe *r, const char *word, uint64_t *seed)
{
    char name[32];
    double value;
    if (sscanf(word, "%31[a-z_]=%lf", name, &value) != 2)
        return false;
    struct {
        const char *name;
        int *integer;
        double *real;
    } known[] = {{"filters", &r->filters, NULL},
                 {"blocks", &r->blocks, NULL},
                 {"epochs", &r->epochs, NULL},
                 {"batch_size", &r->batch_size, NULL},
                 {"learning_rate", NULL, &r->learning_rate},
                 {"weight_decay", NULL, &r->weight_decay},
                 {"label_smoothing", NULL, &r->label_smoothing},
                 {"zoom", NULL, &r->zoom},
                 {"colour", NULL, &r->colour},
                 {"erase", NULL, &r->erase}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) {
            if (known[i].integer)
                *known[i].integer = (int)value;
            else
                *known[i].real = value;
            return true;
        }
    if (strcmp(name, "seed") == 0)
        *seed = (uint64_t)value;
    return strcmp(name, "seed") == 0;
}

static void idx(int count, char **words)
{
    mx_picture_recipe recipe = {.height = 28, .width = 28, .channels = 1, .classes = 10};
    uint64_t seed = 1;
    size_t n, m, labels, more, right = 0;
    for (int i = 4; i < count; i++)
        if (!set_recipe(&recipe, words[i], &seed))
            bench_fail("an option is not known");
    unsigned char *x = read_idx(words[2], "train-images-idx3-ubyte.gz", 16, 784, &n),
                  *test = read_idx(words[2], "t10k-images-idx3-ubyte.gz", 16, 784, &m),
                  *y = read_idx(words[2], "train-labels-idx1-ubyte.gz", 8, 1, &labels),
                  *test_y = read_idx(words[2], "t10k-labels-idx1-ubyte.gz", 8, 1, &more);
    if (labels != n || more != m)
        bench_fail("not as many labels as pictures");
    merx_task *task;
    must(merx_task_new(NULL, &(merx_task_options){.seed = seed, .threads = atoi(words[3])}, &task, &err));
    mx_picture_classifier classifier;
    merx_history history = {0};
    int32_t *own = wide(y, n);
    double began = bench_now_s();
    must(mx_picture_classifier_fit(&recipe, x, own, n, NULL, task, &classifier, &history, &err));
    double seconds = bench_now_s() - began, *logits = bench_memory(m * 10 * sizeof *logits), loss = 0;
    must(mx_picture_classifier_run(&classifier, test, m, task, NULL, logits, &err));
    double asked = bench_now_s() - began - seconds;
    for (size_t i = 0; i < m; i++) {
        size_t best = 0;
        for (size_t k = 1; k < 10; k++)
            best = logits[i * 10 + k] > logits[i * 10 + best] ? k : best;
        right += best == test_y[i];
        mx_picture_probabilities(logits + i * 10, 10, logits + i * 10);
        loss -= log(logits[i * 10 + test_y[i]]) / (double)m;
    }
    size_t weights = 0;
    for (size_t i = 0; i < merx_network_weights(classifier.net); i++)
        weights += merx_network_weight(classifier.net, i).size;
    printf("{\"learnt\": %zu, \"rows\": %zu, \"right\": %zu, \"log_loss\": %.6f, \"seconds\": %.2f, \"asked_seconds\": "
           "%.3f, \"epochs\": %zu, \"weights\": %zu, \"train_loss\": %.6f}\n",
           n, m, right, loss, seconds, asked, history.epochs, weights, history.epoch[history.epochs - 1].loss);
    merx_history_release(&history);
    mx_picture_classifier_release(&classifier);
    merx_task_free(task);
    free(x), free(test), free(y), free(test_y), free(own), free(logits);
}

/* ---- a shop ---- */

/* The first answer's id; "" when there is none. */
static void ask(merx_shop *shop, const char *answer, const char *path, char *out, size_t size)
{
    merx_options *question;
    merx_reply reply;
    must(merx_shop_question(shop, answer, &question, &err));
    must(merx_options_set(question, "picture", path, &err));
    must(merx_options_set(question, "n", "1", &err));
    must(merx_shop_ask(shop, answer, question, false, &reply, &err));
    snprintf(out, size, "%s", reply.items ? reply.item[0].id : "");
    merx_reply_release(&reply);
    merx_options_free(question);
}

static void shop(char **words)
{
    merx_shop *shop;
    FILE *list = fopen(words[4], "r");
    char line[1024], path[2048], id[300];
    size_t rows = 0, classified = 0, similar = 0;
    if (!list)
        bench_fail("the list can't be read");
    must(merx_shop_open(NULL, words[2], &(merx_shop_options){.read_only = true}, &shop, &err));
    double began = bench_now_s();
    while (fgets(line, sizeof line, list)) {
        char *comma = strstr(line, ", ");
        if (!comma)
            bench_fail("a line of the list has no class");
        *comma = '\0';
        char *wanted = comma + 2;
        wanted[strcspn(wanted, "\n")] = '\0';
        snprintf(path, sizeof path, "%s/%s", words[3], line);
        ask(shop, "classify", path, id, sizeof id);
        classified += strcmp(id, wanted) == 0;
        ask(shop, "similar", path, id, sizeof id);
        similar += strcmp(id, wanted) == 0;
        rows++;
    }
    printf("{\"rows\": %zu, \"classified\": %zu, \"similar\": %zu, \"seconds\": %.3f}\n", rows, classified, similar,
           bench_now_s() - began);
    merx_shop_close(shop);
    fclose(list);
}

int main(int count, char **words)
{
    if (count >= 4 && strcmp(words[1], "idx") == 0)
        idx(count, words);
    else if (count == 5 && strcmp(words[1], "shop") == 0)
        shop(words);
    else
        bench_fail("usage: bench_pictures idx FOLDER THREADS [NAME=VALUE …], shop SHOP FOLDER LIST");
    return 0;
}
