/*
 * The file of segment: for each grouping its scales, centroids, sums and names; the coefficients of the new customers' regression; countries and their shares.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shop/answers/segment_model.h"

static void *copy(mx_arena *arena, const void *data, size_t count, size_t size, merx_error *err)
{
    void *to = mx_arena_array(arena, count ? count : 1, size, err);
    if (to && count)
        memcpy(to, data, count * size);
    return to;
}

static merx_status write_real(mx_tensor_writer *writer, mx_arena *arena, const char *name, size_t n, size_t d,
                              const double *data, merx_error *err)
{
    double *mine = copy(arena, data, n * d, sizeof *mine, err);
    return mine ? mx_tensor_writer_matrix(writer, name, MX_F64, n, d, mine, err) : MERX_E_MEMORY;
}

static merx_status write_int(mx_tensor_writer *writer, mx_arena *arena, const char *name, size_t n, const int64_t *data,
                             merx_error *err)
{
    int64_t *mine = copy(arena, data, n, sizeof *mine, err);
    return mine ? mx_tensor_writer_vector(writer, name, MX_I64, n, mine, err) : MERX_E_MEMORY;
}

#define KEY(name) (snprintf(key, sizeof key, "%s." name, side), key)

static merx_status write_grouping(const mx_grouping *g, const char *side, mx_tensor_writer *writer, mx_arena *arena,
                                  merx_error *err)
{
    char key[64];
    size_t k = g->kmeans.k, d = g->d;
    double scales[5 * MX_SEGMENT_FEATURES_MAX], means[MX_SEGMENTS_MAX * MX_SEGMENT_FEATURES_MAX];
    mx_str names[2 * MX_SEGMENTS_MAX];
    memcpy(scales, g->low, d * sizeof *scales);
    memcpy(scales + d, g->high, d * sizeof *scales);
    memcpy(scales + 2 * d, g->mean, d * sizeof *scales);
    memcpy(scales + 3 * d, g->scale, d * sizeof *scales);
    memcpy(scales + 4 * d, g->weight, d * sizeof *scales);
    for (size_t c = 0; c < k; c++) {
        memcpy(means + c * d, g->means[c], d * sizeof *means);
        names[c] = mx_str_of(g->name[c]);
        names[k + c] = mx_str_of(g->name_zh[c]);
    }
    MX_TRY(write_real(writer, arena, KEY("centroids"), k, d, g->kmeans.centroids, err));
    MX_TRY(write_real(writer, arena, KEY("scales"), 5, d, scales, err));
    MX_TRY(write_real(writer, arena, KEY("means"), k, d, means, err));
    MX_TRY(write_real(writer, arena, KEY("silhouettes"), 1, MX_SEGMENTS_MAX + 1, g->silhouette, err));
    MX_TRY(write_real(writer, arena, KEY("buys_again"), 1, k, g->again, err));
    MX_TRY(write_int(writer, arena, KEY("members"), k, g->members, err));
    MX_TRY(write_int(writer, arena, KEY("money_minor"), k, g->money_minor, err));
    return mx_tensor_writer_strings(writer, KEY("names"), names, 2 * k, err);
}

static merx_status write_early(const mx_segments *s, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    double scales[2 * MX_EARLY_COLUMNS];
    memcpy(scales, s->early_mean, sizeof s->early_mean);
    memcpy(scales + MX_EARLY_COLUMNS, s->early_scale, sizeof s->early_scale);
    MX_TRY(write_real(writer, arena, "early.scales", 2, MX_EARLY_COLUMNS, scales, err));
    size_t q = s->early.outputs, d = s->early.d;
    int64_t segments[MX_SEGMENTS_MAX];
    for (size_t c = 0; c < s->early.classes; c++)
        segments[c] = s->early_segment[c];
    MX_TRY(write_int(writer, arena, "early.segments", s->early.classes, segments, err));
    if (s->early.classes == 0)
        return MERX_OK;
    MX_TRY(write_real(writer, arena, "early.coefficients", q, d, s->early.coefficients, err));
    MX_TRY(write_real(writer, arena, "early.intercepts", 1, q, s->early.intercepts, err));
    return write_real(writer, arena, "early.means", 1, d, s->early.means, err);
}

merx_status mx_segments_write(const mx_segments *segments, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    char text[32];
    size_t countries = mx_dict_count(segments->countries);
    mx_str *names = mx_arena_array(arena, countries + 1, sizeof *names, err);
    if (!names)
        return MERX_E_MEMORY;
    for (size_t c = 0; c < countries; c++)
        names[c] = mx_dict_get(segments->countries, (int32_t)c);
    MX_TRY(write_grouping(&segments->customers, "customers", writer, arena, err));
    MX_TRY(write_grouping(&segments->products, "products", writer, arena, err));
    MX_TRY(write_early(segments, writer, arena, err));
    MX_TRY(mx_tensor_writer_strings(writer, "countries", names, countries, err));
    MX_TRY(write_real(writer, arena, "country_share", 1, countries, segments->country_share, err));
    snprintf(text, sizeof text, "%lld", (long long)segments->until_ms);
    MX_TRY(mx_tensor_writer_meta(writer, "until_ms", text, err));
    snprintf(text, sizeof text, "%lld", (long long)segments->settled_ms);
    MX_TRY(mx_tensor_writer_meta(writer, "settled_ms", text, err));
    snprintf(text, sizeof text, "%lld", (long long)segments->window_ms);
    return mx_tensor_writer_meta(writer, "window_ms", text, err);
}

/* ---- reading ---- */

/* Copies a matrix (n, d) of exactly that shape; values must be finite unless any. */
static merx_status read_real(const mx_tensor_file *file, const char *name, size_t n, size_t d, bool any, double *out,
                             merx_error *err)
{
    const mx_tensor *tensor;
    MX_TRY(mx_tensor_file_get(file, name, MX_F64, 2, (uint64_t[]){n, d}, &tensor, err));
    if (tensor->size_bytes != n * d * sizeof *out)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" has another shape", name);
    if (n > 0 && d > 0)
        memcpy(out, tensor->data, n * d * sizeof *out);
    for (size_t i = 0; i < n * d; i++)
        if (!any && !isfinite(out[i]))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" holds what is not a number", name);
    return MERX_OK;
}

static merx_status read_int(const mx_tensor_file *file, const char *name, size_t n, int64_t *out, merx_error *err)
{
    const int64_t *data;
    MX_TRY(mx_tensor_file_vector(file, name, MX_I64, n, &data, NULL, err));
    memcpy(out, data, n * sizeof *out);
    return MERX_OK;
}

static merx_status read_names(const mx_tensor_file *file, const char *key, mx_grouping *out, merx_error *err)
{
    mx_arena arena;
    mx_arena_init(&arena, out->alloc);
    mx_str *names;
    size_t n, k = out->kmeans.k;
    merx_status status;
    MX_TRY_GOTO(mx_tensor_file_strings(file, key, &arena, &names, &n, err));
    if (n != 2 * k)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu names for %zu segments", n, k);
    for (size_t c = 0; c < n; c++) {
        char *to = c < k ? out->name[c] : out->name_zh[c - k];
        if (names[c].size >= MX_SEGMENT_NAME)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the name of a segment is too long");
        memcpy(to, names[c].data, names[c].size);
        to[names[c].size] = 0;
    }
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status read_grouping(const mx_tensor_file *file, const char *side, bool customers,
                                 const merx_allocator *alloc, mx_grouping *out, merx_error *err)
{
    char key[64];
    const mx_tensor *centroids;
    *out = (mx_grouping){
        .alloc = alloc, .customers = customers, .d = customers ? MX_CUSTOMER_FEATURES : MX_PRODUCT_FEATURES};
    size_t d = out->d;
    double scales[5 * MX_SEGMENT_FEATURES_MAX], means[MX_SEGMENTS_MAX * MX_SEGMENT_FEATURES_MAX];
    MX_TRY(mx_tensor_file_get(file, KEY("centroids"), MX_F64, 2, (uint64_t[]){0, d}, &centroids, err));
    size_t k = (size_t)centroids->shape[0];
    if (k < 1 || k > MX_SEGMENTS_MAX)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu segments; expected 1 to %d", k, MX_SEGMENTS_MAX);
    out->kmeans = (mx_kmeans){.k = k, .d = d, .alloc = alloc};
    MX_TRY(mx_alloc_array(alloc, k * d, sizeof(double), "centroids", &out->kmeans.centroids, err));
    MX_TRY(mx_alloc_array(alloc, k, sizeof(double), "sizes of segments", &out->kmeans.sizes, err));
    MX_TRY(read_real(file, KEY("centroids"), k, d, false, out->kmeans.centroids, err));
    MX_TRY(read_real(file, KEY("scales"), 5, d, false, scales, err));
    MX_TRY(read_real(file, KEY("means"), k, d, false, means, err));
    MX_TRY(read_real(file, KEY("silhouettes"), 1, MX_SEGMENTS_MAX + 1, true, out->silhouette, err));
    MX_TRY(read_real(file, KEY("buys_again"), 1, k, true, out->again, err));
    MX_TRY(read_int(file, KEY("members"), k, out->members, err));
    MX_TRY(read_int(file, KEY("money_minor"), k, out->money_minor, err));
    for (size_t j = 0; j < d; j++) {
        out->low[j] = scales[j];
        out->high[j] = scales[d + j];
        out->mean[j] = scales[2 * d + j];
        out->scale[j] = scales[3 * d + j];
        out->weight[j] = scales[4 * d + j];
        if (!(out->scale[j] > 0 && out->weight[j] > 0))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                    "a feature's scale is %g and its weight %g; expected more than 0", out->scale[j], out->weight[j]);
    }
    for (size_t c = 0; c < k; c++) {
        memcpy(out->means[c], means + c * d, d * sizeof *means);
        out->n += (size_t)out->members[c];
        out->kmeans.sizes[c] = (double)out->members[c];
    }
    return read_names(file, KEY("names"), out, err);
}

static merx_status read_early(const mx_tensor_file *file, mx_segments *out, merx_error *err)
{
    double scales[2 * MX_EARLY_COLUMNS];
    MX_TRY(read_real(file, "early.scales", 2, MX_EARLY_COLUMNS, false, scales, err));
    memcpy(out->early_mean, scales, sizeof out->early_mean);
    memcpy(out->early_scale, scales + MX_EARLY_COLUMNS, sizeof out->early_scale);
    for (size_t j = 0; j < MX_EARLY_COLUMNS; j++)
        if (!(out->early_scale[j] > 0))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "a column's scale is %g; expected more than 0",
                    out->early_scale[j]);
    const int64_t *segments;
    uint64_t count;
    MX_TRY(mx_tensor_file_vector(file, "early.segments", MX_I64, 0, &segments, &count, err));
    if (count == 0)
        return MERX_OK;
    size_t k = (size_t)count, d = MX_EARLY_COLUMNS;
    if (k < 2 || k > out->customers.kmeans.k)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu classes of newcomers for %zu segments", k,
                out->customers.kmeans.k);
    for (size_t c = 0; c < k; c++) {
        if (segments[c] < (c ? segments[c - 1] + 1 : 0) || segments[c] >= (int64_t)out->customers.kmeans.k)
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                    "the classes of newcomers are no ascending segments");
        out->early_segment[c] = (int32_t)segments[c];
    }
    size_t q = k == 2 ? 1 : k;
    out->early = (mx_logistic){.d = d, .classes = k, .outputs = q, .alloc = out->alloc};
    MX_TRY(mx_alloc_array(out->alloc, q * d, sizeof(double), "coefficients", &out->early.coefficients, err));
    MX_TRY(mx_alloc_array(out->alloc, q, sizeof(double), "intercepts", &out->early.intercepts, err));
    MX_TRY(mx_alloc_array(out->alloc, d, sizeof(double), "means", &out->early.means, err));
    MX_TRY(read_real(file, "early.coefficients", q, d, false, out->early.coefficients, err));
    MX_TRY(read_real(file, "early.intercepts", 1, q, false, out->early.intercepts, err));
    return read_real(file, "early.means", 1, d, false, out->early.means, err);
}

static merx_status read_countries(const mx_tensor_file *file, mx_segments *out, merx_error *err)
{
    mx_arena arena;
    mx_arena_init(&arena, out->alloc);
    mx_str *names;
    size_t n;
    merx_status status;
    MX_TRY_GOTO(mx_tensor_file_strings(file, "countries", &arena, &names, &n, err));
    MX_TRY_GOTO(mx_dict_new(out->alloc, n ? n : 1, &out->countries, err));
    for (size_t c = 0; c < n; c++) {
        int32_t code;
        bool added;
        MX_TRY_GOTO(mx_dict_add(out->countries, names[c], &code, &added, err));
        if (!added)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "country \"%.*s\" is named twice",
                         (int)names[c].size, names[c].data);
    }
    out->n_countries = n;
    MX_TRY_GOTO(mx_alloc_array(out->alloc, n, sizeof(double), "countries", &out->country_share, err));
    MX_TRY_GOTO(read_real(file, "country_share", 1, n, false, out->country_share, err));
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status read_time(const mx_tensor_file *file, const char *key, int64_t *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (!text || !mx_parse_int64(mx_str_of(text), out))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "metadata \"%s\" is missing or wrong", key);
    return MERX_OK;
}

merx_status mx_segments_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_segments *out, merx_error *err)
{
    *out = (mx_segments){.alloc = mx_allocator_or_default(alloc)};
    merx_status status;
    MX_TRY_GOTO(read_time(file, "until_ms", &out->until_ms, err));
    MX_TRY_GOTO(read_time(file, "settled_ms", &out->settled_ms, err));
    MX_TRY_GOTO(read_time(file, "window_ms", &out->window_ms, err));
    MX_TRY_GOTO(read_grouping(file, "customers", true, out->alloc, &out->customers, err));
    MX_TRY_GOTO(read_grouping(file, "products", false, out->alloc, &out->products, err));
    MX_TRY_GOTO(read_early(file, out, err));
    MX_TRY_GOTO(read_countries(file, out, err));
    return MERX_OK;
out:
    mx_segments_release(out);
    return status;
}
