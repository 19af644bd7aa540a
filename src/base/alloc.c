/*
 * Allocators: malloc's heap aligned to 64 bytes, one that obeys a budget, one that fails on purpose; arrays with checked sizes.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "base/str.h"

enum { ALIGNMENT = 64 };

static void *heap_alloc(void *context, size_t size)
{
    (void)context;
    if (size > SIZE_MAX - (ALIGNMENT - 1))
        return NULL;
    return aligned_alloc(ALIGNMENT, (size + (ALIGNMENT - 1)) / ALIGNMENT * ALIGNMENT);
}

static void heap_release(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

/* realloc does not keep the alignment, so growth copies. */
static void *heap_resize(void *context, void *block, size_t old_size, size_t size)
{
    void *moved = heap_alloc(context, size);
    if (moved == NULL || block == NULL)
        return moved;
    memcpy(moved, block, old_size < size ? old_size : size);
    free(block);
    return moved;
}

const merx_allocator *merx_allocator_default(void)
{
    static const merx_allocator heap = {heap_alloc, heap_resize, heap_release, NULL};
    return &heap;
}

const merx_allocator *mx_allocator_or_default(const merx_allocator *alloc)
{
    return alloc != NULL ? alloc : merx_allocator_default();
}

struct merx_budget {
    merx_allocator allocator;
    const merx_allocator *inner;
    uint64_t max_bytes;
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t peak_bytes;
};

/* Counts size bytes in; false when that would pass the maximum. */
static bool budget_take(merx_budget *budget, uint64_t size)
{
    uint64_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
    do {
        if (size > UINT64_MAX - used || (budget->max_bytes > 0 && used + size > budget->max_bytes))
            return false;
    } while (!atomic_compare_exchange_weak(&budget->used_bytes, &used, used + size));
    used += size;
    uint64_t peak = atomic_load_explicit(&budget->peak_bytes, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&budget->peak_bytes, &peak, used))
        continue;
    return true;
}

static void *budget_alloc(void *context, size_t size)
{
    merx_budget *budget = context;
    if (!budget_take(budget, size))
        return NULL;
    void *block = budget->inner->alloc(budget->inner->context, size);
    if (block == NULL)
        atomic_fetch_sub(&budget->used_bytes, size);
    return block;
}

/* While contents move both blocks exist; the count says so. */
static void *budget_resize(void *context, void *block, size_t old_size, size_t size)
{
    merx_budget *budget = context;
    if (!budget_take(budget, size))
        return NULL;
    void *moved = budget->inner->resize(budget->inner->context, block, old_size, size);
    if (moved == NULL)
        atomic_fetch_sub(&budget->used_bytes, size);
    else if (block != NULL)
        atomic_fetch_sub(&budget->used_bytes, old_size);
    return moved;
}

static void budget_release(void *context, void *block, size_t size)
{
    merx_budget *budget = context;
    if (block == NULL)
        return;
    budget->inner->release(budget->inner->context, block, size);
    atomic_fetch_sub(&budget->used_bytes, size);
}

merx_status merx_budget_new(const merx_allocator *inner, uint64_t max_bytes, merx_budget **out, merx_error *err)
{
    *out = NULL;
    inner = mx_allocator_or_default(inner);
    merx_budget *budget = NULL;
    MX_TRY(mx_alloc_array(inner, 1, sizeof *budget, "memory budget", &budget, err));
    budget->allocator = (merx_allocator){budget_alloc, budget_resize, budget_release, budget};
    budget->inner = inner;
    budget->max_bytes = max_bytes;
    *out = budget;
    return MERX_OK;
}

void merx_budget_free(merx_budget *budget)
{
    if (budget != NULL)
        mx_free_array(budget->inner, budget, 1, sizeof *budget);
}

const merx_allocator *merx_budget_allocator(merx_budget *budget)
{
    return &budget->allocator;
}

uint64_t merx_budget_max(const merx_budget *budget)
{
    return budget->max_bytes;
}

uint64_t merx_budget_used(const merx_budget *budget)
{
    return atomic_load(&budget->used_bytes);
}

uint64_t merx_budget_peak(const merx_budget *budget)
{
    return atomic_load(&budget->peak_bytes);
}

merx_status merx_parse_bytes(const char *text, uint64_t *out, merx_error *err)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {
        {"", 1.0},       {"B", 1.0},     {"K", 0x1p10},   {"KB", 0x1p10},  {"KiB", 0x1p10},
        {"M", 0x1p20},   {"MB", 0x1p20}, {"MiB", 0x1p20}, {"G", 0x1p30},   {"GB", 0x1p30},
        {"GiB", 0x1p30}, {"T", 0x1p40},  {"TB", 0x1p40},  {"TiB", 0x1p40},
    };
    *out = 0;
    mx_str all = mx_str_trim(mx_str_of(text));
    size_t digits = 0;
    while (digits < all.size && ((all.data[digits] >= '0' && all.data[digits] <= '9') || all.data[digits] == '.'))
        digits++;
    mx_str unit = mx_str_trim((mx_str){all.data + digits, all.size - digits});
    double number = 0;
    double factor = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (mx_str_equal_nocase(unit, mx_str_of(units[i].name)))
            factor = units[i].factor;
    if (digits == 0 || factor == 0 || !mx_parse_double((mx_str){all.data, digits}, &number))
        MX_FAIL(err, MERX_E_PARSE, NULL, "\"%.*s\" is not a size (expected a number and a unit, such as 256M or 1.5G)",
                (int)(all.size < 64 ? all.size : 64), all.data);
    double bytes = number * factor;
    if (!(bytes < 0x1p63))
        MX_FAIL(err, MERX_E_RANGE, NULL, "\"%.*s\" is more than 8 million TB", (int)(all.size < 64 ? all.size : 64),
                all.data);
    *out = (uint64_t)bytes;
    return MERX_OK;
}

bool mx_mul_size(size_t a, size_t b, size_t *out)
{
    if (!__builtin_mul_overflow(a, b, out))
        return true;
    *out = 0;
    return false;
}

bool mx_add_size(size_t a, size_t b, size_t *out)
{
    if (!__builtin_add_overflow(a, b, out))
        return true;
    *out = 0;
    return false;
}

merx_status mx_alloc_array_raw(const merx_allocator *alloc, size_t count, size_t element_size, const char *what,
                               void *out, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    void *block = NULL;
    memcpy(out, &block, sizeof block);
    if (count == 0)
        return MERX_OK;
    size_t size = 0;
    if (!mx_mul_size(count, element_size, &size))
        MX_FAIL(err, MERX_E_MEMORY, what, "%zu elements of %zu bytes are more than can be addressed", count,
                element_size);
    block = alloc->alloc(alloc->context, size);
    if (block == NULL)
        MX_FAIL(err, MERX_E_MEMORY, what, "no memory for %zu bytes", size);
    memcpy(out, &block, sizeof block);
    return MERX_OK;
}

merx_status mx_alloc_array(const merx_allocator *alloc, size_t count, size_t element_size, const char *what, void *out,
                           merx_error *err)
{
    MX_TRY(mx_alloc_array_raw(alloc, count, element_size, what, out, err));
    void *block = NULL;
    memcpy(&block, out, sizeof block);
    if (block != NULL)
        memset(block, 0, count * element_size);
    return MERX_OK;
}

void mx_free_array(const merx_allocator *alloc, void *block, size_t count, size_t element_size)
{
    alloc = mx_allocator_or_default(alloc);
    if (block != NULL)
        alloc->release(alloc->context, block, count * element_size);
}

void mx_wish_large_pages(void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
    const size_t large = (size_t)1 << 21;
    size_t before = (large - (uintptr_t)block % large) % large; /* to the first large page */
    if (block != NULL && size >= before + large)
        (void)madvise((char *)block + before, (size - before) / large * large, MADV_HUGEPAGE);
#else
    (void)block;
    (void)size;
#endif
}

/* Counts the call and says whether it fails. Not for use by several threads at once with an exact k. */
static bool fails_now(mx_failing_allocator *failing)
{
    int64_t call = __atomic_fetch_add(&failing->calls, 1, __ATOMIC_SEQ_CST);
    return failing->fail_at >= 0 && (call == failing->fail_at || (failing->sticky && call > failing->fail_at));
}

static void count_live(mx_failing_allocator *failing, int64_t bytes, int64_t blocks)
{
    __atomic_fetch_add(&failing->live_bytes, bytes, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&failing->live_blocks, blocks, __ATOMIC_SEQ_CST);
}

static void *failing_alloc(void *context, size_t size)
{
    mx_failing_allocator *failing = context;
    void *block = fails_now(failing) ? NULL : heap_alloc(NULL, size);
    if (block != NULL)
        count_live(failing, (int64_t)size, 1);
    return block;
}

static void *failing_resize(void *context, void *block, size_t old_size, size_t size)
{
    mx_failing_allocator *failing = context;
    void *moved = fails_now(failing) ? NULL : heap_resize(NULL, block, old_size, size);
    if (moved != NULL)
        count_live(failing, (int64_t)size - (block != NULL ? (int64_t)old_size : 0), block == NULL);
    return moved;
}

static void failing_release(void *context, void *block, size_t size)
{
    if (block != NULL)
        count_live(context, -(int64_t)size, -1);
    heap_release(NULL, block, size);
}

void mx_failing_allocator_init(mx_failing_allocator *failing, int64_t fail_at, bool sticky)
{
    *failing = (mx_failing_allocator){.fail_at = fail_at, .sticky = sticky};
    failing->allocator = (merx_allocator){failing_alloc, failing_resize, failing_release, failing};
}
