/*
 * The limits of this machine, measured: floating-point peak of one core (float32, float64, bf16) and memory bandwidth. One JSON object on stdout.
 *
 * Peak: twelve independent chains of fused multiply-adds on the widest registers the CPU has, long enough to hide their latency. Bandwidth: sums over a block far
 * larger than the caches, best of five passes. Not a benchmark of merx: what its speeds are a share of.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { ROUNDS = 20 * 1000 * 1000, CHAINS = 12 };
static volatile double sink;

#if defined(__x86_64__)
#define DEFINE_PEAK(name, set, vector, set1, fmadd, store, element, lanes)                                             \
    __attribute__((target(set))) static double name(void)                                                              \
    {                                                                                                                  \
        vector a[CHAINS];                                                                                              \
        vector x = set1((element)0.999999), y = set1((element)1e-7);                                                   \
        for (int i = 0; i < CHAINS; i++)                                                                               \
            a[i] = set1((element)(i + 1));                                                                             \
        double began = now_s();                                                                                        \
        for (int r = 0; r < ROUNDS; r++)                                                                               \
            for (int i = 0; i < CHAINS; i++)                                                                           \
                a[i] = fmadd(a[i], x, y);                                                                              \
        double seconds = now_s() - began;                                                                              \
        element out[lanes];                                                                                            \
        for (int i = 1; i < CHAINS; i++)                                                                               \
            a[0] = fmadd(a[0], x, a[i]);                                                                               \
        store(out, a[0]);                                                                                              \
        sink = (double)out[0];                                                                                         \
        return 2.0 * (lanes) * (double)CHAINS * (double)ROUNDS / seconds / 1e9;                                        \
    }
DEFINE_PEAK(peak_f32_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps, float, 8)
DEFINE_PEAK(peak_f64_avx2, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_storeu_pd, double, 4)
DEFINE_PEAK(peak_f32_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps, float, 16)
DEFINE_PEAK(peak_f64_avx512, "avx512f", __m512d, _mm512_set1_pd, _mm512_fmadd_pd, _mm512_storeu_pd, double, 8)

__attribute__((target("avx512f,avx512bf16,avx512bw,avx512vl"))) static double peak_bf16(void)
{
    __m512 a[CHAINS];
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.9f), _mm512_set1_ps(0.9f));
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm512_set1_ps((float)(i + 1));
    double began = now_s();
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm512_dpbf16_ps(a[i], x, x);
    double seconds = now_s() - began;
    float out[16];
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    _mm512_storeu_ps(out, a[0]);
    sink = (double)out[0];
    return 2.0 * 32 * (double)CHAINS * (double)ROUNDS / seconds / 1e9;
}
#endif

#define BLOCK_BYTES ((size_t)256 << 20)

static double read_pass(const uint64_t *block)
{
    uint64_t sums[8] = {0};
    double began = now_s();
    for (size_t i = 0; i < BLOCK_BYTES / sizeof *block; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] += block[i + j];
    double seconds = now_s() - began;
    for (int j = 1; j < 8; j++)
        sums[0] += sums[j];
    sink = (double)sums[0];
    return (double)BLOCK_BYTES / seconds / 1e9;
}

typedef struct reader {
    pthread_t thread;
    uint64_t *block;
    double best;
} reader;

static void *read_best(void *context)
{
    reader *r = context;
    for (int i = 0; i < 5; i++) {
        double speed = read_pass(r->block);
        r->best = speed > r->best ? speed : r->best;
    }
    return NULL;
}

static double read_speed(int threads)
{
    reader readers[64] = {0};
    double sum = 0;
    threads = threads > 64 ? 64 : threads;
    for (int i = 0; i < threads; i++) {
        readers[i].block = malloc(BLOCK_BYTES);
        if (!readers[i].block)
            return 0;
        memset(readers[i].block, i + 1, BLOCK_BYTES);
    }
    for (int i = 0; i < threads; i++)
        if (pthread_create(&readers[i].thread, NULL, read_best, &readers[i]) != 0)
            return 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(readers[i].thread, NULL);
        sum += readers[i].best;
        free(readers[i].block);
    }
    return sum;
}

static void cpu_name(char *out, size_t size)
{
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512];
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            snprintf(out, size, "%s", strchr(line, ':') + 2);
            out[strcspn(out, "\n\"\\")] = '\0';
            break;
        }
    if (file)
        fclose(file);
}

int main(void)
{
    char cpu[256];
    cpu_name(cpu, sizeof cpu);
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    double f32 = 0;
    double f64 = 0;
    double bf16 = 0;
    const char *isa = "none";
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        isa = "avx512";
        f32 = peak_f32_avx512();
        f64 = peak_f64_avx512();
        if (__builtin_cpu_supports("avx512bf16"))
            bf16 = peak_bf16();
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isa = "avx2";
        f32 = peak_f32_avx2();
        f64 = peak_f64_avx2();
    }
#endif
    printf("{\"cpu\": \"%s\", \"cores\": %d, \"isa\": \"%s\", \"float32_gflops\": %.1f, \"float64_gflops\": %.1f, "
           "\"bf16_gflops\": %.1f, "
           "\"read_gb_s\": %.1f, \"read_all_gb_s\": %.1f}\n",
           cpu, cores, isa, f32, f64, bf16, read_speed(1), read_speed(cores));
    return 0;
}
