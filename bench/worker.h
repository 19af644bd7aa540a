/*
 * merx's half of a paired timing (see bench/figures/peers.py): load once, then one repetition for every line "go …" on standard input.
 *
 *     double *x = bench_read(path, n * d * sizeof *x);
 *     bench_ready("\"rows\": %zu", n);
 *     bench_run run;
 *     while (bench_next(&run)) {          // waits for "go WORDS"; run.words holds what follows "go"
 *         bench_start(&run);
 *         …the thing that is timed…
 *         bench_stop(&run);
 *         bench_report(&run, "\"objective\": %.17g", objective);
 *     }
 *
 * Facts are members of a JSON object, without its braces; "" for none. For use in bench_NAME programs alone.
 */
#ifndef MERX_BENCH_WORKER_H
#define MERX_BENCH_WORKER_H

#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

typedef struct bench_run {
    char words[512];
    double began_s, began_cpu_s;
    double seconds, cpu_seconds, extra_mb;
} bench_run;

static double bench_base_mb;

static inline double bench_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* User and system time of every thread of this process. */
static inline double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double bench_status_mb(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kb = 0;
    size_t length = strlen(key);
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            kb = strtod(line + length + 1, NULL);
    if (file)
        fclose(file);
    return kb / 1024;
}

static inline _Noreturn void bench_fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static inline void *bench_memory(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 64) != 0)
        bench_fail("out of memory");
    /* Large pages for large arrays, where the system gives them: what numpy asks for too. */
    size_t page = (size_t)1 << 21, skip = (page - (uintptr_t)p % page) % page;
    if (bytes >= 2 * page)
        (void)madvise((char *)p + skip, bytes - skip, MADV_HUGEPAGE);
    return p;
}

/* A file of numbers as numpy's tofile writes them: exactly `bytes` of it, in memory of its own, 64-byte aligned. */
static inline void *bench_read(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    void *p = bench_memory(bytes);
    if (!file || fread(p, 1, bytes, file) != bytes || fgetc(file) != EOF) {
        fprintf(stderr, "bench: %s has not %zu bytes\n", path, bytes);
        exit(1);
    }
    fclose(file);
    return p;
}

/* The data are in memory: the peak is counted from here. */
__attribute__((format(printf, 1, 2))) static inline void bench_ready(const char *facts, ...)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
    bench_base_mb = bench_status_mb("VmRSS");
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    sched_getaffinity(0, sizeof cpus, &cpus);
    printf("{\"ready\": true, \"threads\": %d, \"base_mb\": %.1f", CPU_COUNT(&cpus), bench_base_mb);
    va_list arguments;
    va_start(arguments, facts);
    if (facts[0]) {
        fputs(", ", stdout);
        vprintf(facts, arguments);
    }
    va_end(arguments);
    puts("}");
    fflush(stdout);
}

static inline bool bench_next(bench_run *run)
{
    char line[sizeof run->words + 8];
    *run = (bench_run){0};
    if (!fgets(line, sizeof line, stdin) || strncmp(line, "go", 2) != 0)
        return false;
    line[strcspn(line, "\n")] = '\0';
    size_t skip = 2 + strspn(line + 2, " ");
    memcpy(run->words, line + skip, strlen(line + skip) + 1);
    return true;
}

static inline void bench_start(bench_run *run)
{
    run->began_cpu_s = bench_cpu_s();
    run->began_s = bench_now_s();
}

static inline void bench_stop(bench_run *run)
{
    run->seconds = bench_now_s() - run->began_s;
    run->cpu_seconds = bench_cpu_s() - run->began_cpu_s;
    run->extra_mb = bench_status_mb("VmHWM") - bench_base_mb;
}

__attribute__((format(printf, 2, 3))) static inline void bench_report(const bench_run *run, const char *facts, ...)
{
    printf("{\"seconds\": %.9g, \"cpu_seconds\": %.9g, \"extra_mb\": %.1f", run->seconds, run->cpu_seconds,
           run->extra_mb);
    va_list arguments;
    va_start(arguments, facts);
    if (facts[0]) {
        fputs(", ", stdout);
        vprintf(facts, arguments);
    }
    va_end(arguments);
    puts("}");
    fflush(stdout);
}

#endif
