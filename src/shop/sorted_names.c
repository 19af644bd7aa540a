/*
 * Marks are compared as numbers: eight bytes, the first the highest, missing ones 0. Names of equal marks may lie in several runs of sixteen; all of those are looked through.
 */
#include "shop/sorted_names.h"

#include <string.h>

enum { RUN = 16, SHORT = 64 };

static uint64_t mark_of(mx_str name, size_t common)
{
    unsigned char bytes[8] = {0};
    size_t left = name.size > common ? name.size - common : 0;
    if (left)
        memcpy(bytes, name.data + common, left < sizeof bytes ? left : sizeof bytes);
    uint64_t mark = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        mark = mark << 8 | bytes[i];
    return mark;
}

static size_t common_of(mx_str a, mx_str b)
{
    size_t n = a.size < b.size ? a.size : b.size, i = 0;
    while (i < n && a.data[i] == b.data[i])
        i++;
    return i;
}

merx_status mx_sorted_names_init(const mx_str *names, size_t n, mx_arena *arena, mx_sorted_names *out, merx_error *err)
{
    *out = (mx_sorted_names){.name = names, .n = n};
    if (n <= SHORT)
        return MERX_OK;
    size_t marks = (n + RUN - 1) / RUN;
    out->common = common_of(names[0], names[n - 1]);
    out->mark = mx_arena_array(arena, marks, sizeof *out->mark, err);
    if (!out->mark)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < marks; i++)
        out->mark[i] = mark_of(names[i * RUN], out->common);
    return MERX_OK;
}

/* How many marks are below the bound. */
static size_t marks_below(const uint64_t *mark, size_t n, uint64_t bound)
{
    size_t from = 0;
    while (n > 0) { /* no branch: which half it is can't be foretold */
        size_t half = (n + 1) / 2;
        from += mark[from + half - 1] < bound ? half : 0;
        n = n / 2;
    }
    return from;
}

static int32_t halve(const mx_str *names, size_t from, size_t end, mx_str name)
{
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        int order = mx_str_compare(names[middle], name);
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            from = middle + 1;
        else
            end = middle;
    }
    return -1;
}

int32_t mx_sorted_names_find(const mx_sorted_names *names, mx_str name)
{
    if (!names->mark)
        return halve(names->name, 0, names->n, name);
    if (common_of(names->name[0], name) < names->common)
        return -1;
    uint64_t mark = mark_of(name, names->common);
    size_t marks = (names->n + RUN - 1) / RUN;
    size_t from = marks_below(names->mark, marks, mark), end = from;
    while (end < marks && names->mark[end] == mark)
        end++;
    from = from ? (from - 1) * RUN : 0;
    end = end * RUN < names->n ? end * RUN : names->n;
    /* The names of a run lie side by side: asked for at once. */
    if (end - from <= RUN) {
        enum { LINE_BYTES = 64 };
        for (size_t at = 0; at < (end - from) * sizeof *names->name; at += LINE_BYTES)
            __builtin_prefetch((const char *)(names->name + from) + at);
    }
    return halve(names->name, from, end, name);
}
