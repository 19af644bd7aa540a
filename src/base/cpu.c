/*
 * What the machine can do: instruction sets (CPU and operating system and cap), cores, memory used.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/str.h"
#include "base/system.h"

static struct {
    bool available[MX_ISA_COUNT];
    mx_isa cap;
    char model[64];
} machine;

const char *mx_isa_name(mx_isa isa)
{
    static const char *const names[MX_ISA_COUNT] = {"ref", "avx2", "avx512", "avx512bf16"};
    return (unsigned)isa < MX_ISA_COUNT ? names[isa] : "unknown";
}

#if defined(__x86_64__)
/* XCR0: which registers the operating system saves. */
static uint64_t saved_registers(void)
{
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_bits(unsigned value, unsigned bits)
{
    return (value & bits) == bits;
}

/* Intel SDM vol. 1, 14.3 and 15.2: OSXSAVE, then XCR0 bits 1, 2 (AVX) and 5-7 (AVX-512). */
static void find_isas(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C))
        return;
    uint64_t saved = saved_registers();
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_bits(b, bit_AVX2))
        return;
    machine.available[MX_ISA_AVX2] = true;
    if ((saved & 0xE6) != 0xE6 || !has_bits(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL))
        return;
    machine.available[MX_ISA_AVX512] = true;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
        machine.available[MX_ISA_AVX512BF16] = has_bits(a, 1u << 5);
}

static void find_model(void)
{
    unsigned words[12];
    for (unsigned leaf = 0; leaf < 3; leaf++) {
        unsigned *w = words + (size_t)4 * leaf;
        if (!__get_cpuid(0x80000002u + leaf, &w[0], &w[1], &w[2], &w[3]))
            return;
    }
    char text[sizeof words + 1] = "";
    memcpy(text, words, sizeof words);
    mx_str trimmed = mx_str_trim(mx_str_of(text));
    snprintf(machine.model, sizeof machine.model, "%.*s", (int)trimmed.size, trimmed.data);
}
#else
static void find_isas(void) {}

static void find_model(void) {}
#endif

static void look(void)
{
    machine.available[MX_ISA_REF] = true;
    find_isas();
    find_model();
    machine.cap = MX_ISA_COUNT - 1;
    const char *cap = getenv("MERX_MAX_ISA");
    if (cap == NULL || *cap == '\0')
        return;
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        if (mx_str_equal_nocase(mx_str_of(cap), mx_str_of(mx_isa_name((mx_isa)isa)))) {
            machine.cap = (mx_isa)isa;
            return;
        }
    }
    mx_log("dispatch", "MERX_MAX_ISA=%s is not one of ref, avx2, avx512, avx512bf16: no cap", cap);
}

static void look_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
}

bool mx_isa_available(mx_isa isa)
{
    look_once();
    return (unsigned)isa < MX_ISA_COUNT && machine.available[isa];
}

bool mx_isa_usable(mx_isa isa)
{
    return mx_isa_available(isa) && isa <= machine.cap;
}

const char *mx_cpu_model(void)
{
    look_once();
    return machine.model[0] != '\0' ? machine.model : "unknown";
}

/* Cores a container's quota allows (control groups version 2), rounded up; 0 when there is no quota. */
static int quota_cores(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file == NULL)
        return 0;
    long long quota = 0;
    long long period = 0;
    int read = fscanf(file, "%lld %lld", &quota, &period); /* "max 100000" reads nothing */
    fclose(file);
    if (read != 2 || quota <= 0 || period <= 0 || quota / period >= 4096)
        return 0;
    return (int)((quota + period - 1) / period);
}

int mx_cores(void)
{
    cpu_set_t set;
    int cores = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cores = CPU_COUNT(&set);
    if (cores < 1)
        cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = quota_cores();
    if (quota > 0 && quota < cores)
        cores = quota;
    return cores > 0 ? cores : 1;
}

uint64_t mx_peak_rss_bytes(void)
{
    /* VmHWM speaks of this program; ru_maxrss may still be that of the program that started it. */
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long long kilobytes = 0;
    if (file != NULL) {
        char line[256];
        while (fgets(line, sizeof line, file) != NULL)
            if (sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1)
                break;
        fclose(file);
    }
    struct rusage usage;
    if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kilobytes = (unsigned long long)usage.ru_maxrss;
    return (uint64_t)kilobytes * 1024;
}
