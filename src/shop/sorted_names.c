/*
 * Marks are compared as numbers: eight bytes, the first the highest, missing ones 0. Names of equal marks may lie in several runs of sixteen; all of those are looked through. Level
 * l + 1 holds every sixteenth mark of level l: a node of sixteen is two lines of the cache, and a million names have four levels.
 */
#include "shop/sorted_names.h"

#include <string.h>

#include "base/prefetch.h"

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
    out->common = common_of(names[0], names[n - 1]);
    for (size_t count = (n + RUN - 1) / RUN; out->levels == 0 || count > 1; count = (count + RUN - 1) / RUN) {
        mx_name_marks *level = &out->level[out->levels];
        *level = (mx_name_marks){mx_arena_array(arena, count, sizeof *level->mark, err), count};
        if (!level->mark)
            return MERX_E_MEMORY;
        for (size_t i = 0; i < count; i++)
            level->mark[i] = out->levels ? level[-1].mark[i * RUN] : mark_of(names[i * RUN], out->common);
        out->levels++;
    }
    return MERX_OK;
}

/* How many marks are below the bound. */
static size_t marks_below(const mx_sorted_names *names, uint64_t bound)
{
    size_t node = 0, below = 0;
    for (size_t l = names->levels; l-- > 0;) {
        const mx_name_marks *level = &names->level[l];
        size_t from = node * RUN, end = from + RUN < level->n ? from + RUN : level->n;
        below = from;
        for (size_t i = from; i < end; i++)
            below += level->mark[i] < bound;
        node = below > from ? below - 1 : from;
    }
    return below;
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
    if (names->levels == 0)
        return halve(names->name, 0, names->n, name);
    if (common_of(names->name[0], name) < names->common)
        return -1;
    uint64_t mark = mark_of(name, names->common);
    size_t from = marks_below(names, mark), end = from;
    while (end < names->level[0].n && names->level[0].mark[end] == mark)
        end++;
    from = from ? (from - 1) * RUN : 0;
    end = end * RUN < names->n ? end * RUN : names->n;
    /* The names of a run lie side by side: asked for at once. */
    if (end - from <= RUN)
        mx_prefetch(names->name + from, (end - from) * sizeof *names->name);
    return halve(names->name, from, end, name);
}
