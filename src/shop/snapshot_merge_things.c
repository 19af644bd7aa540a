/*
 * Merging: what is said of products and customers.
 */
#include <stdlib.h>

#include "shop/snapshot_merge_parts.h"

/* ---- products ---- */

static int compare_counts(const void *a, const void *b)
{
    const mx_title_count *x = a, *y = b;
    return x->product != y->product ? (x->product > y->product) - (x->product < y->product)
                                    : (x->title > y->title) - (x->title < y->title);
}

/* How many lines bear which title: the old ones, less those that are gone, and the new ones. */
static merx_status count_titles(mx_merging *m, merx_error *err)
{
    const struct mx_snapshot_memory *old = m->old->memory;
    const mx_name_map *products = &m->names[PRODUCT], *titles = &m->names[TITLE];
    for (size_t i = 0; i < old->n_said; i++) {
        mx_title_count said = {old->said_product[i], old->said_title[i], old->said_count[i]};
        if (said.product < 0 || said.title < 0)
            return mx_merging_corrupt(err);
        said.product = products->place[said.product];
        said.title = titles->place[said.title];
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    for (size_t g = 0; g < m->n_gone; g++) {
        int32_t product = m->old->product[m->gone[g]], title = old->title[m->gone[g]];
        if (product < -1 || product >= (int64_t)products->old_n || title < -1 || title >= (int64_t)titles->old_n)
            return mx_merging_corrupt(err);
        mx_title_count said = {product < 0 ? -1 : products->place[product], title < 0 ? -1 : titles->place[title], -1};
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    for (size_t t = 0; t < m->rows; t++) {
        mx_title_count said = {m->row[t].name[PRODUCT], m->row[t].name[TITLE], 1};
        if (said.product >= 0 && said.title >= 0)
            MX_TRY(mx_vec_append(&m->counts, &said, 1, err));
    }
    mx_title_count *list = m->counts.data;
    if (m->counts.count > 1)
        qsort(list, m->counts.count, sizeof *list, compare_counts);
    for (size_t first = 0, end; first < m->counts.count; first = end) {
        mx_title_count sum = list[first];
        for (end = first + 1; end < m->counts.count && compare_counts(&list[end], &sum) == 0; end++)
            sum.count += list[end].count;
        if (sum.count > 0)
            list[m->n_counts++] = sum;
    }
    for (int k = 0; k < 3; k++) {
        MX_TRY(mx_alloc_array_raw(m->b.alloc, m->n_counts, sizeof(int32_t), "titles of products", &m->count_column[k],
                                  err));
        for (size_t i = 0; i < m->n_counts; i++)
            m->count_column[k][i] = k == 0 ? list[i].product : k == 1 ? list[i].title : list[i].count;
    }
    return MERX_OK;
}

/* The last event of each product that names a price, and that price. */
static void last_prices(mx_merging *m)
{
    const mx_snapshot *s = m->old;
    const mx_name_map *products = &m->names[PRODUCT];
    bool lost = false;
    for (size_t p = 0; p < products->n; p++)
        m->price_event[p] = -1;
    for (size_t p = 0; p < products->old_n; p++) {
        int32_t event = s->memory->price_event[p], place = products->place[p];
        if (event < 0 || place < 0)
            continue;
        lost = lost || m->moved[event] < 0;
        m->price_event[place] = m->moved[event];
        m->price[place] = s->price_minor[event];
    }
    for (size_t i = 0; lost && i < s->events; i++) /* the one before it holds now */
        if (m->moved[i] >= 0 && s->price_minor[i] > 0 && s->product[i] >= 0) {
            m->price_event[products->place[s->product[i]]] = m->moved[i];
            m->price[products->place[s->product[i]]] = s->price_minor[i];
        }
    for (size_t p = 0; lost && p < products->n; p++)
        if (m->price_event[p] < 0)
            m->price[p] = 0;
    for (size_t t = 0; t < m->rows; t++) {
        int32_t place = m->row[t].name[PRODUCT];
        if (place >= 0 && m->row[t].price > 0 && m->row_place[t] > m->price_event[place]) {
            m->price_event[place] = m->row_place[t];
            m->price[place] = m->row[t].price;
        }
    }
}

/* What events say, and where nothing was read anew, what the old snapshot's records said. */
static void describe_by_events(mx_merging *m)
{
    const mx_snapshot *s = m->old;
    mx_name_walk walk;
    mx_str id;
    size_t at = 0;
    mx_name_walk_begin(&walk, &m->names[PRODUCT]);
    for (size_t p = 0; mx_name_walk_next(&walk, &id); p++) {
        int32_t most = 0;
        m->title[p] = MX_STR("");
        for (; at < m->n_counts && (size_t)m->count_column[0][at] == p; at++)
            if (m->count_column[2][at] > most) {
                most = m->count_column[2][at];
                m->title[p] = m->title_text[m->count_column[1][at]];
            }
        m->category[p] = -1;
        m->service[p] = mx_is_service(m->b.settings->services, id);
        if (walk.old < 0 || m->things)
            continue;
        m->said[p] = s->memory->said[walk.old];
        m->service[p] = s->product_service[walk.old];
        if (m->said[p] & MX_SAID_TITLE)
            m->title[p] = s->product_title[walk.old];
        if (m->said[p] & MX_SAID_PRICE)
            m->price[p] = s->product_price_minor[walk.old];
        if (s->product_category[walk.old] >= 0)
            m->category[p] = m->names[CATEGORY].place[s->product_category[walk.old]];
    }
}

/* What records say, over it. */
static void describe_by_records(mx_merging *m)
{
    const mx_builder *b = &m->b;
    for (size_t i = 0; i < b->products.count; i++) {
        const mx_product_row *row = &MX_VEC_AT(&b->products, mx_product_row, i);
        int32_t p = mx_fresh_place(m, PRODUCT, row->code);
        if (row->title >= 0)
            m->title[p] = mx_dict_get(b->catalogue_titles, row->title);
        m->said[p] = (uint8_t)((row->title >= 0 ? MX_SAID_TITLE : 0) | (row->has_price ? MX_SAID_PRICE : 0));
        if (row->service)
            m->service[p] = 1;
        if (row->has_price)
            m->price[p] = row->price;
        m->category[p] = mx_fresh_place(m, CATEGORY, row->category);
    }
}

static merx_status describe_products(mx_merging *m, merx_error *err)
{
    const merx_allocator *alloc = m->b.alloc;
    size_t n = m->names[PRODUCT].n;
    mx_name_walk walk;
    mx_str text;
    MX_TRY(MX_NEW_ARRAY(alloc, m->names[TITLE].n, &m->title_text, "titles", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->title, "titles", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->service, "services", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->said, "what records say", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->category, "categories", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->price, "prices", err));
    MX_TRY(MX_NEW_ARRAY(alloc, n, &m->price_event, "prices", err));
    mx_name_walk_begin(&walk, &m->names[TITLE]);
    for (size_t i = 0; mx_name_walk_next(&walk, &text); i++)
        m->title_text[i] = text;
    MX_TRY(count_titles(m, err));
    last_prices(m);
    describe_by_events(m);
    describe_by_records(m);
    return MERX_OK;
}

/* ---- customers ---- */

static int compare_places(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The country of most of a customer's events: the lowest of equals; -1: none. rows (n): his of the tail. */
static merx_status country_of(const mx_merging *m, int32_t old, const uint32_t *rows, size_t n, mx_vec *scratch,
                              int32_t *out, merx_error *err)
{
    const mx_event_index *index = &m->old->memory->by_customer;
    int32_t first, end;
    mx_vec_clear(scratch);
    MX_TRY(mx_merging_old_part(index, old, &first, &end, err));
    for (int32_t k = first; k < end; k++) {
        int32_t event = index->events[k];
        if (event < 0 || (size_t)event >= m->old->events || m->old->country[event] >= (int64_t)m->old->countries)
            return mx_merging_corrupt(err);
        if (m->moved[event] >= 0 && m->old->country[event] >= 0)
            MX_TRY(mx_vec_append(scratch, &m->names[COUNTRY].place[m->old->country[event]], 1, err));
    }
    for (size_t k = 0; k < n; k++)
        if (m->row[rows[k]].name[COUNTRY] >= 0)
            MX_TRY(mx_vec_append(scratch, &m->row[rows[k]].name[COUNTRY], 1, err));
    int32_t *places = scratch->data;
    if (scratch->count > 1)
        qsort(places, scratch->count, sizeof *places, compare_places);
    size_t most = 0;
    *out = -1;
    for (size_t i = 0, stop; i < scratch->count; i = stop) {
        for (stop = i + 1; stop < scratch->count && places[stop] == places[i]; stop++)
            ;
        if (stop - i > most) {
            most = stop - i;
            *out = places[i];
        }
    }
    return MERX_OK;
}

static merx_status describe_customers(mx_merging *m, merx_error *err)
{
    const mx_snapshot *s = m->old;
    const mx_builder *b = &m->b;
    size_t n = m->names[CUSTOMER].n, at = 0;
    mx_name_walk walk;
    mx_str id;
    merx_status status = MERX_OK;
    mx_vec scratch = mx_vec_init(b->alloc, sizeof(int32_t), INT32_MAX, "countries");
    MX_TRY_GOTO(MX_NEW_ARRAY(b->alloc, n, &m->country, "countries of customers", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(b->alloc, n, &m->customer_said, "countries of customers", err));
    mx_name_walk_begin(&walk, &m->names[CUSTOMER]);
    for (size_t c = 0; mx_name_walk_next(&walk, &id); c++) {
        size_t from = at;
        while (at < m->n_by_customer && (size_t)m->row[m->by_customer[at]].name[CUSTOMER] == c)
            at++;
        bool said = walk.old >= 0 && s->memory->customer_said[walk.old];
        int32_t country = walk.old >= 0 ? s->customer_country[walk.old] : -1;
        m->customer_said[c] = said && !m->things;
        if (m->customer_said[c] || (walk.old >= 0 && !said && at == from && walk.old != m->without))
            m->country[c] = country < 0 ? -1 : m->names[COUNTRY].place[country];
        else
            MX_TRY_GOTO(country_of(m, walk.old, m->by_customer + from, at - from, &scratch, &m->country[c], err));
    }
    for (size_t i = 0; i < b->customers.count; i++) {
        const mx_pair_row *row = &MX_VEC_AT(&b->customers, mx_pair_row, i);
        if (row->other >= 0) {
            int32_t c = mx_fresh_place(m, CUSTOMER, row->code);
            m->country[c] = mx_fresh_place(m, COUNTRY, row->other);
            m->customer_said[c] = 1;
        }
    }
out:
    mx_vec_release(&scratch);
    return status;
}

merx_status mx_merging_describe(mx_merging *m, merx_error *err)
{
    MX_TRY(describe_products(m, err));
    return describe_customers(m, err);
}
