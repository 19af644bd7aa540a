/*
 * The index in a tensor file.
 *
 * Metadata: kind "merx nearest", nearest_format, merx_version, similarity, method, width (d), next_id, seed; of a graph links, ef_construction, ef, entry; of what was
 * measured recall, recall_low, recall_high, recall_k, recall_ef, recall_queries.
 * Tensors: vectors f32 (n, d filled up), norms f32 (n), ids i64 (n; negative: a free slot); of a graph levels u8 (n; 255: free), links i32 (n, 2 M; -1: none) and upper_links
 * i32 (lists, M): the lists of layers 1 and up, slot by slot. Of no vectors there are no tensors.
 */
#include <stdio.h>

#include "learn/neighbour/nearest_index.h"

#define KIND "merx nearest"
#define FORMAT 1

/* ---- saving ---- */

static merx_status put_number(mx_tensor_writer *writer, const char *key, int64_t value, merx_error *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return mx_tensor_writer_meta(writer, key, text, err);
}

static merx_status put_real(mx_tensor_writer *writer, const char *key, double value, merx_error *err)
{
    char text[32];
    (void)mx_format_double(value, text);
    return mx_tensor_writer_meta(writer, key, text, err);
}

static merx_status put_metadata(const merx_nearest *index, mx_tensor_writer *writer, merx_error *err)
{
    const merx_nearest_info *info = &index->info;
    MX_TRY(mx_tensor_writer_meta(writer, "kind", KIND, err));
    MX_TRY(put_number(writer, "nearest_format", FORMAT, err));
    MX_TRY(mx_tensor_writer_meta(writer, "merx_version", merx_version(), err));
    MX_TRY(mx_tensor_writer_meta(writer, "similarity", merx_similarity_name(info->similarity), err));
    MX_TRY(mx_tensor_writer_meta(writer, "method", merx_nearest_method_name(info->method), err));
    MX_TRY(put_number(writer, "width", (int64_t)info->width, err));
    MX_TRY(put_number(writer, "next_id", index->next_id, err));
    MX_TRY(put_number(writer, "seed", (int64_t)info->seed, err));
    if (info->method == MERX_NEAREST_HNSW) {
        MX_TRY(put_number(writer, "links", (int64_t)info->links, err));
        MX_TRY(put_number(writer, "ef_construction", (int64_t)info->ef_construction, err));
        MX_TRY(put_number(writer, "ef", (int64_t)info->ef, err));
        MX_TRY(put_number(writer, "entry", index->graph.entry == MX_NO_SLOT ? -1 : (int64_t)index->graph.entry, err));
    }
    if (info->recall.k > 0) {
        MX_TRY(put_real(writer, "recall", info->recall.value, err));
        MX_TRY(put_real(writer, "recall_low", info->recall.low, err));
        MX_TRY(put_real(writer, "recall_high", info->recall.high, err));
        MX_TRY(put_number(writer, "recall_k", (int64_t)info->recall.k, err));
        MX_TRY(put_number(writer, "recall_ef", (int64_t)info->recall.ef, err));
        MX_TRY(put_number(writer, "recall_queries", (int64_t)info->recall.queries, err));
    }
    return MERX_OK;
}

/* Lists above layer 0 slot by slot, without those that nobody has. */
static void gather_lists(const mx_graph *g, uint32_t *out)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->levels[i] != MX_FREE_LEVEL && g->levels[i] > 0) {
            size_t size = g->levels[i] * g->links;
            memcpy(out, mx_graph_links(g, (uint32_t)i, 1), size * sizeof *out);
            out += size;
        }
}

static size_t count_lists(const mx_graph *g)
{
    size_t lists = 0;
    for (size_t i = 0; i < g->n; i++)
        lists += g->levels[i] != MX_FREE_LEVEL ? g->levels[i] : 0;
    return lists;
}

/* Into a file, or with path NULL into memory. */
static merx_status save(const merx_nearest *index, const char *path, unsigned char **data, size_t *size,
                        merx_error *err)
{
    const mx_vector_rows *rows = &index->rows;
    const mx_graph *g = &index->graph;
    mx_tensor_writer *writer = NULL;
    bool hnsw = index->info.method == MERX_NEAREST_HNSW;
    size_t lists = hnsw ? count_lists(g) : 0, row = g->links * sizeof(uint32_t);
    uint32_t *high = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_tensor_writer_new(index->alloc, &writer, err));
    MX_TRY_GOTO(put_metadata(index, writer, err));
    if (rows->n > 0) {
        MX_TRY_GOTO(mx_tensor_writer_matrix(writer, "vectors", MX_F32, rows->n, rows->width, rows->x, err));
        MX_TRY_GOTO(mx_tensor_writer_vector(writer, "norms", MX_F32, rows->n, rows->norms, err));
        MX_TRY_GOTO(mx_tensor_writer_vector(writer, "ids", MX_I64, rows->n, rows->ids, err));
    }
    if (rows->n > 0 && hnsw) {
        MX_TRY_GOTO(mx_tensor_writer_vector(writer, "levels", MX_U8, rows->n, g->levels, err));
        MX_TRY_GOTO(mx_tensor_writer_matrix(writer, "links", MX_I32, rows->n, 2 * g->links, g->low, err));
    }
    if (lists > 0) {
        MX_TRY_GOTO(mx_alloc_array_raw(index->alloc, lists, row, "links", &high, err));
        gather_lists(g, high);
        MX_TRY_GOTO(mx_tensor_writer_matrix(writer, "upper_links", MX_I32, lists, g->links, high, err));
    }
    status = path ? mx_tensor_writer_save(writer, path, err) : mx_tensor_writer_bytes(writer, data, size, err);
out:
    mx_free_array(index->alloc, high, lists, row);
    mx_tensor_writer_free(writer);
    return status;
}

merx_status merx_nearest_save(const merx_nearest *index, const char *path, merx_error *err)
{
    return save(index, path, NULL, NULL, err);
}

merx_status mx_nearest_bytes(const merx_nearest *index, unsigned char **data, size_t *size, merx_error *err)
{
    return save(index, NULL, data, size, err);
}

/* ---- loading ---- */

static merx_status get_number(const mx_tensor_file *file, const char *key, int64_t least, int64_t most, int64_t *out,
                              merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (text == NULL || !mx_parse_int64(mx_str_of(text), out) || *out < least || *out > most)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"%s\" is %.40s%s%.40s (expected %lld to %lld)", key,
                text != NULL ? "\"" : "", text != NULL ? text : "absent", text != NULL ? "\"" : "", (long long)least,
                (long long)most);
    return MERX_OK;
}

static merx_status get_size(const mx_tensor_file *file, const char *key, int64_t least, int64_t most, size_t *out,
                            merx_error *err)
{
    int64_t value = 0;
    MX_TRY(get_number(file, key, least, most, &value, err));
    *out = (size_t)value;
    return MERX_OK;
}

static merx_status get_share(const mx_tensor_file *file, const char *key, double *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (text == NULL || !mx_parse_double(mx_str_of(text), out) || !(*out >= 0 && *out <= 1))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"%s\" is no share of 0 to 1", key);
    return MERX_OK;
}

static merx_status get_word(const mx_tensor_file *file, const char *key, const char *(*name)(int), int least, int count,
                            int *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    for (int i = least; text != NULL && i < count; i++)
        if (strcmp(text, name(i)) == 0) {
            *out = i;
            return MERX_OK;
        }
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "\"%s\" is \"%.40s\", which is none of it", key,
            text != NULL ? text : "");
}

static const char *similarity_at(int i)
{
    return merx_similarity_name((merx_similarity)i);
}

static const char *method_at(int i)
{
    return merx_nearest_method_name((merx_nearest_method)i);
}

static merx_status get_metadata(const mx_tensor_file *file, merx_nearest *index, int64_t *entry, merx_error *err)
{
    merx_nearest_info *info = &index->info;
    const char *kind = mx_tensor_file_meta(file, "kind"), *name = mx_tensor_file_name(file);
    int64_t format, seed;
    int word;
    if (kind == NULL || strcmp(kind, KIND) != 0)
        MX_FAIL(err, MERX_E_CORRUPT, name, "is no index of neighbours: its kind is \"%.40s\"",
                kind != NULL ? kind : "");
    MX_TRY(get_number(file, "nearest_format", 1, INT64_MAX, &format, err));
    if (format > FORMAT)
        MX_FAIL(err, MERX_E_VERSION, name, "has format %lld; this version reads up to %d", (long long)format, FORMAT);
    MX_TRY(get_word(file, "similarity", similarity_at, 0, MERX_SIMILARITIES, &word, err));
    info->similarity = (merx_similarity)word;
    MX_TRY(get_word(file, "method", method_at, MERX_NEAREST_EXACT, MERX_NEAREST_METHODS, &word, err));
    info->method = (merx_nearest_method)word;
    MX_TRY(get_size(file, "width", 1, MERX_NEAREST_MAX_WIDTH, &info->width, err));
    MX_TRY(get_number(file, "next_id", 0, INT64_MAX, &index->next_id, err));
    MX_TRY(get_number(file, "seed", INT64_MIN, INT64_MAX, &seed, err));
    info->seed = (uint64_t)seed;
    *entry = -1;
    if (info->method == MERX_NEAREST_HNSW) {
        MX_TRY(get_size(file, "links", 2, MERX_NEAREST_MAX_LINKS, &info->links, err));
        MX_TRY(get_size(file, "ef_construction", 1, MERX_NEAREST_MAX_SEARCH, &info->ef_construction, err));
        MX_TRY(get_size(file, "ef", 1, MERX_NEAREST_MAX_SEARCH, &info->ef, err));
        MX_TRY(get_number(file, "entry", -1, MERX_NEAREST_MAX_VECTORS, entry, err));
    }
    if (mx_tensor_file_meta(file, "recall") != NULL) {
        MX_TRY(get_share(file, "recall", &info->recall.value, err));
        MX_TRY(get_share(file, "recall_low", &info->recall.low, err));
        MX_TRY(get_share(file, "recall_high", &info->recall.high, err));
        MX_TRY(get_size(file, "recall_k", 1, INT64_MAX, &info->recall.k, err));
        MX_TRY(get_size(file, "recall_ef", 0, MERX_NEAREST_MAX_SEARCH, &info->recall.ef, err));
        MX_TRY(get_size(file, "recall_queries", 1, INT64_MAX, &info->recall.queries, err));
    }
    return MERX_OK;
}

static merx_status get_vectors(const mx_tensor_file *file, merx_nearest *index, merx_error *err)
{
    mx_vector_rows *rows = &index->rows;
    const char *name = mx_tensor_file_name(file);
    const mx_tensor *vectors;
    *rows = (mx_vector_rows){
        .similarity = index->info.similarity, .d = index->info.width, .width = mx_vector_width(index->info.width)};
    if (mx_tensor_file_count(file) == 0)
        return MERX_OK;
    MX_TRY(mx_tensor_file_get(file, "vectors", MX_F32, 2, (const uint64_t[]){0, rows->width}, &vectors, err));
    if (vectors->shape[0] == 0 || vectors->shape[0] > MERX_NEAREST_MAX_VECTORS)
        MX_FAIL(err, MERX_E_CORRUPT, name, "has %llu vectors (expected 1 to %u)", (unsigned long long)vectors->shape[0],
                MERX_NEAREST_MAX_VECTORS);
    rows->n = vectors->shape[0];
    rows->x = vectors->data;
    MX_TRY(mx_tensor_file_vector(file, "norms", MX_F32, rows->n, &rows->norms, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "ids", MX_I64, rows->n, &rows->ids, NULL, err));
    for (size_t i = 0; i < rows->n; i++) {
        index->info.count += rows->ids[i] >= 0;
        if (rows->ids[i] >= index->next_id && rows->ids[i] < INT64_MAX)
            MX_FAIL(err, MERX_E_CORRUPT, name, "vector %zu has id %lld, but the next is to be %lld", i,
                    (long long)rows->ids[i], (long long)index->next_id);
    }
    return MERX_OK;
}

static merx_status get_graph(const mx_tensor_file *file, merx_nearest *index, int64_t entry, merx_error *err)
{
    mx_graph *g = &index->graph;
    const char *name = mx_tensor_file_name(file);
    size_t n = index->rows.n, lists = 0;
    const mx_tensor *tensor;
    g->links = index->info.links;
    if (index->info.method != MERX_NEAREST_HNSW)
        return MERX_OK;
    g->n = n;
    g->entry = entry < 0 ? MX_NO_SLOT : (uint32_t)entry;
    if (n == 0)
        return mx_graph_check(g, index->rows.ids, name, err);
    /* Pages that can't be written: nobody does before reserve() has copied them. */
    MX_TRY(mx_tensor_file_vector(file, "levels", MX_U8, n, &g->levels, NULL, err));
    MX_TRY(mx_tensor_file_get(file, "links", MX_I32, 2, (const uint64_t[]){n, 2 * g->links}, &tensor, err));
    memcpy(&g->low, &tensor->data, sizeof tensor->data);
    MX_TRY(mx_alloc_array_raw(index->alloc, n, sizeof *g->high_at, "links", &g->high_at, err));
    index->capacity = n;
    for (size_t i = 0; i < n; i++) {
        if (lists > MX_NO_SLOT - MX_TOP_LAYER)
            MX_FAIL(err, MERX_E_CORRUPT, name, "has more than %u lists of upper links", MX_NO_SLOT);
        g->high_at[i] = (uint32_t)lists;
        if (g->levels[i] != MX_FREE_LEVEL)
            lists += g->levels[i];
        if (g->levels[i] != MX_FREE_LEVEL && g->levels[i] > g->top)
            g->top = g->levels[i];
    }
    if (lists > 0) {
        MX_TRY(mx_tensor_file_get(file, "upper_links", MX_I32, 2, (const uint64_t[]){lists, g->links}, &tensor, err));
        memcpy(&g->high, &tensor->data, sizeof tensor->data);
    }
    g->lists = lists;
    index->info.layers = (size_t)(g->top + 1);
    return mx_graph_check(g, index->rows.ids, name, err);
}

/* The file is taken, also on failure. */
static merx_status load(const merx_allocator *alloc, mx_tensor_file *file, merx_nearest **out, merx_error *err)
{
    merx_nearest *index = NULL;
    int64_t entry;
    merx_status status = mx_nearest_new(alloc, &index, err);
    if (status != MERX_OK) {
        mx_tensor_file_close(file);
        return status;
    }
    index->file = file;
    MX_TRY_GOTO(get_metadata(file, index, &entry, err));
    MX_TRY_GOTO(get_vectors(file, index, err));
    MX_TRY_GOTO(get_graph(file, index, entry, err));
    merx_error twice = {0};
    status = mx_nearest_map_ids(index, index->rows.n, &twice);
    if (status == MERX_E_EXISTS)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "an id %s", twice.message);
    if (status != MERX_OK)
        MX_FAIL_GOTO(err, status, twice.where, "%s", twice.message);
    *out = index;
    return MERX_OK;
out:
    merx_nearest_free(index);
    return status;
}

merx_status merx_nearest_load(const merx_allocator *alloc, const char *path, bool verify, merx_nearest **out,
                              merx_error *err)
{
    mx_tensor_file *file;
    *out = NULL;
    MX_TRY(mx_tensor_file_open(path, alloc, verify, &file, err));
    return load(alloc, file, out, err);
}

merx_status merx_nearest_load_memory(const merx_allocator *alloc, const void *data, size_t size, const char *name,
                                     bool verify, merx_nearest **out, merx_error *err)
{
    mx_tensor_file *file;
    *out = NULL;
    MX_TRY(mx_tensor_file_memory(data, size, name, alloc, verify, &file, err));
    return load(alloc, file, out, err);
}
