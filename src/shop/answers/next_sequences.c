/*
 * The sequences that next learns from: customers' purchases or what sessions touched, in the canonical order of events.
 */
#include <string.h>

#include "shop/answers/next.h"

const char *mx_next_source_name(mx_next_source source)
{
    return source == MX_NEXT_CUSTOMERS ? "customers" : "sessions";
}

bool mx_next_is_event(const mx_snapshot *s, mx_next_source source, size_t e)
{
    if (source == MX_NEXT_CUSTOMERS)
        return s->customer[e] >= 0 && mx_snapshot_is_sale(s, e);
    return s->session[e] >= 0 && s->product[e] >= 0 && !s->product_service[s->product[e]] &&
           s->kind[e] != MX_EVENT_RETURN;
}

/* Whether some customer bought on two lines. */
static merx_status come_back(const mx_snapshot *s, const merx_allocator *alloc, bool *out, merx_error *err)
{
    uint8_t *bought = NULL;
    *out = false;
    MX_TRY(mx_alloc_array(alloc, s->customers, 1, "customers who bought", &bought, err));
    for (size_t e = 0; e < s->events && !*out; e++)
        if (mx_next_is_event(s, MX_NEXT_CUSTOMERS, e))
            *out = bought[s->customer[e]]++ > 0;
    MX_FREE_ARRAY(alloc, bought, s->customers);
    return MERX_OK;
}

merx_status mx_next_source_of(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                              mx_next_source *out, merx_error *err)
{
    const char *name = options ? merx_options_text(options, "learn_from") : "auto";
    bool customers = strcmp(name, "customers") == 0;
    if (strcmp(name, "auto") == 0)
        MX_TRY(come_back(snapshot, mx_allocator_or_default(alloc), &customers, err));
    *out = customers ? MX_NEXT_CUSTOMERS : MX_NEXT_SESSIONS;
    return MERX_OK;
}

static const int32_t *owners(const mx_snapshot *s, mx_next_source source)
{
    return source == MX_NEXT_CUSTOMERS ? s->customer : s->session;
}

/* item_product, product_item, view.n_items, view.n, lines; sequence_of (groups): the sequence of each customer or session, -1: none. */
static merx_status number_things(const mx_snapshot *s, mx_next_sequences *out, int32_t *sequence_of, size_t groups,
                                 merx_error *err)
{
    const int32_t *owner = owners(s, out->source);
    MX_TRY(mx_alloc_array_raw(out->alloc, s->products, sizeof(int32_t), "items of products", &out->product_item, err));
    for (size_t p = 0; p < s->products; p++)
        out->product_item[p] = -1;
    for (size_t g = 0; g < groups; g++)
        sequence_of[g] = -1;
    for (size_t e = 0; e < s->events; e++)
        if (mx_next_is_event(s, out->source, e)) {
            out->product_item[s->product[e]] = 0;
            sequence_of[owner[e]] = 0;
            out->lines++;
        }
    for (size_t p = 0; p < s->products; p++)
        if (out->product_item[p] == 0)
            out->product_item[p] = (int32_t)out->view.n_items++;
    for (size_t g = 0; g < groups; g++)
        if (sequence_of[g] == 0)
            sequence_of[g] = (int32_t)out->view.n++;
    MX_TRY(mx_alloc_array(out->alloc, out->view.n_items, sizeof(int32_t), "items", &out->item_product, err));
    MX_TRY(mx_alloc_array(out->alloc, out->view.n_items, sizeof(int32_t), "holders of items", &out->holders, err));
    MX_TRY(mx_alloc_array(out->alloc, out->view.n, sizeof(int32_t), "owners of sequences", &out->owner, err));
    for (size_t p = 0; p < s->products; p++)
        if (out->product_item[p] >= 0)
            out->item_product[out->product_item[p]] = (int32_t)p;
    for (size_t g = 0; g < groups; g++)
        if (sequence_of[g] >= 0)
            out->owner[sequence_of[g]] = (int32_t)g;
    return MERX_OK;
}

/* Lines are put behind their sequence's start, then repeats at once are dropped in place. */
static merx_status fill(const mx_snapshot *s, mx_next_sequences *out, const int32_t *sequence_of, merx_error *err)
{
    const int32_t *owner = owners(s, out->source);
    size_t n = out->view.n;
    int32_t *last = NULL;
    MX_TRY(mx_alloc_array(out->alloc, n + 1, sizeof(int64_t), "starts of sequences", &out->starts, err));
    MX_TRY(mx_alloc_array_raw(out->alloc, out->lines, sizeof(int32_t), "events of sequences", &out->items, err));
    for (size_t e = 0; e < s->events; e++)
        if (mx_next_is_event(s, out->source, e))
            out->starts[sequence_of[owner[e]] + 1]++;
    for (size_t u = 0; u < n; u++)
        out->starts[u + 1] += out->starts[u];
    for (size_t e = 0; e < s->events; e++)
        if (mx_next_is_event(s, out->source, e))
            out->items[out->starts[sequence_of[owner[e]]]++] = out->product_item[s->product[e]];
    for (size_t u = n; u > 0; u--)
        out->starts[u] = out->starts[u - 1];
    out->starts[0] = 0;
    MX_TRY(mx_alloc_array(out->alloc, out->view.n_items, sizeof *last, "last sequences of items", &last, err));
    int64_t kept = 0, begin = 0;
    for (size_t u = 0; u < n; u++) {
        int64_t end = out->starts[u + 1];
        out->starts[u] = kept;
        for (int64_t k = begin; k < end; k++) {
            int32_t item = out->items[k];
            if (kept > out->starts[u] && out->items[kept - 1] == item)
                continue;
            out->items[kept++] = item;
            if (last[item] != (int32_t)u + 1) {
                last[item] = (int32_t)u + 1;
                out->holders[item]++;
            }
        }
        begin = end;
    }
    if (n > 0)
        out->starts[n] = kept;
    MX_FREE_ARRAY(out->alloc, last, out->view.n_items);
    return MERX_OK;
}

merx_status mx_next_sequences_build(const mx_snapshot *snapshot, mx_next_source source, const merx_allocator *alloc,
                                    mx_next_sequences *out, merx_error *err)
{
    *out =
        (mx_next_sequences){.alloc = mx_allocator_or_default(alloc), .source = source, .products = snapshot->products};
    size_t groups = source == MX_NEXT_CUSTOMERS ? snapshot->customers : snapshot->sessions;
    int32_t *sequence_of = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, groups, sizeof *sequence_of, "sequences", &sequence_of, err));
    MX_TRY_GOTO(number_things(snapshot, out, sequence_of, groups, err));
    MX_TRY_GOTO(fill(snapshot, out, sequence_of, err));
    out->view.starts = out->starts;
    out->view.items = out->items;
out:
    MX_FREE_ARRAY(out->alloc, sequence_of, groups);
    if (status != MERX_OK)
        mx_next_sequences_release(out);
    return status;
}

void mx_next_sequences_release(mx_next_sequences *q)
{
    if (!q->alloc)
        return;
    MX_FREE_ARRAY(q->alloc, q->starts, q->view.n + 1);
    MX_FREE_ARRAY(q->alloc, q->items, q->lines);
    MX_FREE_ARRAY(q->alloc, q->owner, q->view.n);
    MX_FREE_ARRAY(q->alloc, q->item_product, q->view.n_items);
    MX_FREE_ARRAY(q->alloc, q->product_item, q->products);
    MX_FREE_ARRAY(q->alloc, q->holders, q->view.n_items);
    *q = (mx_next_sequences){0};
}
