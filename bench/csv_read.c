/*
 * Reading a large CSV into a typed table.
 *
 *   bench_csv_read generate PATH MEGABYTES [SEED]   writes a shop's order lines: dates, times, quoted texts with separators, quotes and line ends, floats
 *                                                   of 2 and of 16 digits, integers, words, truth values, missing values; the same bytes for the same seed
 *   bench_csv_read read PATH THREADS                reads it once through merx_dataset_read; one JSON object on stdout: seconds, rows, and per column its
 *                                                   type, missing values and sum (numbers; seconds of dates; bytes of words and texts; trues)
 *   bench_csv_read worker PATH                      reads it for every "go" (worker.h); with "check" the same facts, and the memory beside the table's
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/worker.h"
#include "merx/dataset.h"

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
    return (unsigned)((next_random(state) >> 32) * n >> 32);
}

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof *(array)))

static const char *const countries[] = {
    "United Kingdom", "Germany", "France",       "Ireland", "Spain",     "Netherlands", "Belgium", "Switzerland",
    "Portugal",       "Austria", "Norway",       "Italy",   "Finland",   "Denmark",     "Sweden",  "Poland",
    "Japan",          "Israel",  "Iceland",      "Canada",  "Greece",    "Malta",       "Cyprus",  "Singapore",
    "Lebanon",        "Brazil",  "Saudi Arabia", "USA",     "Australia", "Hong Kong",
};
static const char *const statuses[] = {"new", "paid", "packed", "shipped", "delivered", "returned"};
static const char *const adjectives[] = {"white", "red",     "vintage",  "small", "large", "wooden", "metal", "paper",
                                         "glass", "hanging", "set of 6", "retro", "heart", "ivory",  "pink",  "jumbo"};
static const char *const nouns[] = {"lantern",     "tea towel", "cake stand",    "lunch box",        "bunting",
                                    "doormat",     "clock",     "candle holder", "storage jar",      "party bag",
                                    "night light", "frame",     "mug",           "hot water bottle", "drawer knob",
                                    "sign",        "napkins",   "umbrella"};

static void put_days(FILE *out, unsigned days, unsigned seconds, int with_time)
{
    time_t at = (time_t)(18262 + days) * 86400 + (time_t)seconds; /* from 2020-01-01 */
    struct tm date;
    gmtime_r(&at, &date);
    fprintf(out, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
    if (with_time)
        fprintf(out, " %02d:%02d:%02d", date.tm_hour, date.tm_min, date.tm_sec);
}

static void put_text(FILE *out, uint64_t *random)
{
    unsigned style = below(random, 100), code = below(random, 1000000);
    const char *first = adjectives[below(random, COUNT(adjectives))];
    const char *second = adjectives[below(random, COUNT(adjectives))];
    const char *noun = nouns[below(random, COUNT(nouns))];
    if (style < 40)
        fprintf(out, "%s %s %s %06u", first, second, noun, code);
    else if (style < 80)
        fprintf(out, "\"%s %s, %s, %06u\"", first, noun, second, code);
    else if (style < 95)
        fprintf(out, "\"%s \"\"%s\"\" %s, %u\"\" wide\"", first, second, noun, code % 100);
    else
        fprintf(out, "\"%s %s,\ngift wrapped, %s %06u\"", first, noun, second, code);
}

static int generate(const char *path, double megabytes, uint64_t seed)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    static char buffer[1 << 20];
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    fputs("id,ordered,shipped,country,status,text,quantity,price,weight,discount,customer,gift\n", out);
    uint64_t random = seed;
    for (uint64_t id = 1; (double)ftello(out) < megabytes * 1e6; id++)
        for (int burst = 0; burst < 1000; burst++, id += burst < 1000) {
            unsigned days = below(&random, 1600);
            fprintf(out, "%" PRIu64 ",", id);
            put_days(out, days, 0, 0);
            fputc(',', out);
            if (below(&random, 100) >= 5)
                put_days(out, days + 1 + below(&random, 9), below(&random, 86400), 1);
            fprintf(out, ",%s,", countries[below(&random, below(&random, COUNT(countries)) + 1)]);
            if (below(&random, 100) >= 2)
                fputs(statuses[below(&random, COUNT(statuses))], out);
            fputc(',', out);
            put_text(out, &random);
            unsigned cents = 50 + below(&random, below(&random, 100000) + 1);
            fprintf(out, ",%u,%u.%02u,", 1 + below(&random, below(&random, 200) + 1), cents / 100, cents % 100);
            fprintf(out, "%.16f,", (double)(next_random(&random) >> 11) * 0x1p-53 * 9);
            if (below(&random, 100) >= 30)
                fprintf(out, "0.%02u", below(&random, 60));
            fputc(',', out);
            if (below(&random, 100) >= 10)
                fprintf(out, "%u", 10000 + below(&random, 400000));
            fputs(below(&random, 5) == 0 ? ",true\n" : ",false\n", out);
        }
    return fclose(out) == 0 ? 0 : 1;
}

static double sum_of(const merx_dataset *t, size_t j)
{
    size_t n = merx_dataset_rows(t);
    double sum = 0, lost = 0; /* compensated: Kahan 1965 */
    for (size_t i = 0; i < n; i++) {
        double value = 0;
        const char *text;
        switch (merx_dataset_column_type(t, j)) {
        case MERX_COLUMN_NUMERIC:
            value = merx_dataset_numeric(t, j)[i];
            break;
        case MERX_COLUMN_DATE: {
            int64_t ms = merx_dataset_date_ms(t, j)[i];
            value = ms == INT64_MIN ? 0 : (double)ms / 1000;
            break;
        }
        case MERX_COLUMN_BOOLEAN:
            value = merx_dataset_boolean(t, j)[i] == 1;
            break;
        default:
            text = merx_dataset_text(t, j, i);
            value = text != NULL ? (double)strlen(text) : 0;
        }
        if (isnan(value))
            continue;
        double y = value - lost, next = sum + y;
        lost = (next - sum) - y;
        sum = next;
    }
    return sum;
}

/* What the values themselves take: eight bytes a number or date, four a code, one a truth value, a pointer and its bytes a text. */
static double table_bytes(const merx_dataset *t)
{
    double bytes = 0;
    const double rows = (double)merx_dataset_rows(t);
    for (size_t j = 0; j < merx_dataset_columns(t); j++)
        switch (merx_dataset_column_type(t, j)) {
        case MERX_COLUMN_CATEGORICAL:
            bytes += 4 * rows;
            break;
        case MERX_COLUMN_BOOLEAN:
            bytes += rows;
            break;
        case MERX_COLUMN_TEXT:
            bytes += 9 * rows + sum_of(t, j);
            break;
        default:
            bytes += 8 * rows;
        }
    return bytes;
}

static int read_table(const char *path, int threads)
{
    merx_error err = {0};
    merx_task *task;
    merx_dataset *t;
    if (merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err) != MERX_OK)
        return 1;
    double began = bench_now_s();
    if (merx_dataset_read(path, NULL, task, &t, &err) != MERX_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.message);
        merx_task_free(task);
        return 1;
    }
    double seconds = bench_now_s() - began;
    printf("{\"seconds\": %.4f, \"rows\": %zu, \"peak_mb\": %.1f, \"columns\": {", seconds, merx_dataset_rows(t),
           (double)merx_task_peak_memory(task) / 1e6);
    for (size_t j = 0; j < merx_dataset_columns(t); j++)
        printf("%s\"%s\": {\"type\": \"%s\", \"missing\": %zu, \"sum\": %.17g}", j > 0 ? ", " : "",
               merx_dataset_column_name(t, j), merx_column_type_name(merx_dataset_column_type(t, j)),
               merx_dataset_missing(t, j), sum_of(t, j));
    printf("}}\n");
    merx_dataset_free(t);
    merx_task_free(task);
    return 0;
}

/* A side of a paired timing: one reading for every "go". */
static void serve(const char *path)
{
    bench_ready("\"chunks\": \"as usual\"");
    bench_run run;
    while (bench_next(&run)) {
        merx_error err = {0};
        merx_task *task;
        merx_dataset *t;
        if (merx_task_new(NULL, NULL, &task, &err) != MERX_OK)
            bench_fail(err.message);
        bench_start(&run);
        if (merx_dataset_read(path, NULL, task, &t, &err) != MERX_OK)
            bench_fail(err.message);
        bench_stop(&run);
        if (strstr(run.words, "check") != NULL) {
            static char facts[1 << 14];
            const double peak = (double)merx_task_peak_memory(task), table = table_bytes(t);
            size_t at = (size_t)snprintf(facts, sizeof facts,
                                         "\"rows\": %zu, \"table_mb\": %.1f, \"beyond_mb\": %.1f, \"columns\": {",
                                         merx_dataset_rows(t), table / 1e6, (peak - table) / 1e6);
            for (size_t j = 0; j < merx_dataset_columns(t); j++)
                at += (size_t)snprintf(facts + at, sizeof facts - at, "%s\"%s\": [%zu, %.17g]", j > 0 ? ", " : "",
                                       merx_dataset_column_name(t, j), merx_dataset_missing(t, j), sum_of(t, j));
            snprintf(facts + at, sizeof facts - at, "}");
            bench_report(&run, "%s", facts);
        } else {
            bench_report(&run, "\"rows\": %zu", merx_dataset_rows(t));
        }
        merx_dataset_free(t);
        merx_task_free(task);
    }
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "generate") == 0)
        return generate(argv[2], strtod(argv[3], NULL), argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    if (argc == 4 && strcmp(argv[1], "read") == 0)
        return read_table(argv[2], atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "worker") == 0) {
        serve(argv[2]);
        return 0;
    }
    fprintf(stderr, "usage: bench_csv_read generate PATH MEGABYTES [SEED] | read PATH THREADS | worker PATH\n");
    return 2;
}
