/*
 * A matrix out of an IDX file: pictures or other arrays of numbers, one row each, and the labels of the file beside it.
 */
#include <string.h>

#include "base/run.h"
#include "io/idx.h"
#include "learn/core/table.h"

#define BLOCK_ROWS ((size_t)256)
#define MAX_PATH_BYTES ((size_t)4096)
enum { MAX_LABELS = 65536 };

typedef struct conversion {
    const mx_idx *idx;
    double scale;
    float *floats; /* one of the two */
    double *doubles;
} conversion;

static merx_status convert(void *context, size_t block, merx_error *err)
{
    (void)err;
    const conversion *c = context;
    const size_t first = block * BLOCK_ROWS, left = c->idx->rows - first, n = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    if (c->floats != NULL)
        mx_idx_floats(c->idx, first, n, (float)c->scale, c->floats + first * c->idx->columns);
    else
        mx_idx_doubles(c->idx, first, n, c->scale, c->doubles + first * c->idx->columns);
    return MERX_OK;
}

/* Floats where they hold every value of the type, else doubles. */
static merx_status make_matrix(const mx_idx *idx, double scale, merx_task *task, merx_dataset **out, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    const bool wide = idx->type == MX_IDX_INT32 || idx->type == MX_IDX_FLOAT64;
    const size_t element = wide ? sizeof(double) : sizeof(float);
    size_t cells, bytes;
    void *x = NULL;
    if (!mx_mul_size(idx->rows, idx->columns, &cells) || !mx_mul_size(cells, element, &bytes))
        MX_FAIL(err, MERX_E_LIMIT, "matrix", "%zu rows of %zu columns are too many", idx->rows, idx->columns);
    cells = cells > 0 ? cells : 1;
    MX_TRY(mx_task_require_memory(task, bytes, "reading the matrix", err));
    MX_TRY(mx_alloc_array_raw(alloc, cells, element, "matrix", &x, err));
    conversion c = {.idx = idx, .scale = scale, .floats = wide ? NULL : x, .doubles = wide ? x : NULL};
    merx_status status = mx_parallel(task, (idx->rows + BLOCK_ROWS - 1) / BLOCK_ROWS, convert, &c, err);
    if (status == MERX_OK)
        status = wide ? merx_dataset_view_matrix(alloc, x, idx->rows, idx->columns, NULL, out, err)
                      : merx_dataset_view_matrix_float(alloc, x, idx->rows, idx->columns, NULL, out, err);
    if (status == MERX_OK) {
        status = mx_arena_adopt(&(*out)->arena, x, cells * element, err);
        if (status == MERX_OK)
            return MERX_OK;
    }
    mx_free_array(alloc, x, cells, element);
    return status;
}

/* ---- labels ---- */

/* Replaces the last `from` in the file's name; false when there is none or no room. */
static bool replace_last(char *path, const char *from, const char *to)
{
    char *found = NULL, *slash = strrchr(path, '/');
    for (char *at = slash != NULL ? slash : path; (at = strstr(at, from)) != NULL; at++)
        found = at;
    const size_t size = strlen(path);
    if (found == NULL || size + strlen(to) - strlen(from) >= MAX_PATH_BYTES)
        return false;
    const size_t tail = size - (size_t)(found - path) - strlen(from);
    memmove(found + strlen(to), found + strlen(from), tail + 1);
    memcpy(found, to, strlen(to));
    return true;
}

/* "a/train-images-idx3-ubyte.gz" has "a/train-labels-idx1-ubyte.gz", or the same without .gz, beside it. */
static bool find_labels(const char *path, char *out)
{
    static const char *const endings[] = {"", ".gz", ".zst"};
    if (strlen(path) >= MAX_PATH_BYTES)
        return false;
    memcpy(out, path, strlen(path) + 1);
    if (!replace_last(out, "images", "labels"))
        return false;
    char dims[5] = "idx0";
    for (dims[3] = '1'; dims[3] <= '8' && !replace_last(out, dims, "idx1"); dims[3]++)
        ;
    if (mx_path_is_file(out))
        return true;
    const mx_str name = mx_str_of(out);
    const size_t stem = mx_str_ends(name, ".gz")    ? name.size - 3
                        : mx_str_ends(name, ".zst") ? name.size - 4
                                                    : name.size;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (stem + strlen(endings[i]) >= MAX_PATH_BYTES)
            return false;
        memcpy(out + stem, endings[i], strlen(endings[i]) + 1);
        if (mx_path_is_file(out))
            return true;
    }
    return false;
}

/* A categorical column whose levels are the whole numbers that occur, ascending. */
static merx_status add_labels(merx_dataset *data, const char *path, const char *column, merx_error *err)
{
    const merx_allocator *alloc = data->alloc;
    mx_idx idx;
    mx_arena arena;
    merx_status status;
    MX_TRY(mx_idx_open(path, alloc, 0, &idx, err));
    mx_arena_init(&arena, alloc);
    if (idx.columns != 1 || idx.type == MX_IDX_FLOAT32 || idx.type == MX_IDX_FLOAT64)
        MX_FAIL_GOTO(err, MERX_E_TYPE, path, "holds no labels: %s of %d dimensions (expected whole numbers, one a row)",
                     mx_idx_type_name(idx.type), idx.dims);
    if (idx.rows != data->rows)
        MX_FAIL_GOTO(err, MERX_E_SHAPE, path, "holds %zu labels for the %zu rows of %s", idx.rows, data->rows,
                     data->name);
    int32_t *codes = mx_arena_array(&arena, idx.rows + 1, sizeof *codes, err);
    int32_t *code_of = mx_arena_array(&arena, MAX_LABELS, sizeof *code_of, err);
    const char **levels = mx_arena_array(&arena, MAX_LABELS, sizeof *levels, err);
    if (codes == NULL || code_of == NULL || levels == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    memset(code_of, 0, MAX_LABELS * sizeof *code_of);
    for (size_t i = 0; i < idx.rows; i++) {
        double label;
        mx_idx_doubles(&idx, i, 1, 1, &label);
        if (!(label >= 0 && label < MAX_LABELS))
            MX_FAIL_GOTO(err, MERX_E_RANGE, path, "label %zu is %g (expected 0 to %d)", i, label, MAX_LABELS - 1);
        codes[i] = (int32_t)label;
        code_of[codes[i]] = 1;
    }
    size_t n = 0;
    for (int32_t label = 0; label < MAX_LABELS; label++)
        if (code_of[label] != 0) {
            levels[n] = mx_arena_printf(&arena, err, "%d", (int)label);
            if (levels[n] == NULL) {
                status = MERX_E_MEMORY;
                goto out;
            }
            code_of[label] = (int32_t)n++;
        }
    for (size_t i = 0; i < idx.rows; i++)
        codes[i] = code_of[codes[i]];
    status = merx_dataset_add_categorical(data, column, codes, levels, n, err);
out:
    mx_arena_release(&arena);
    mx_idx_close(&idx);
    return status;
}

merx_status merx_dataset_read_idx(const char *path, const merx_idx_options *options, merx_task *task,
                                  merx_dataset **out, merx_error *err)
{
    static const merx_idx_options defaults = {0};
    const merx_allocator *alloc = merx_task_allocator(task);
    char beside[MAX_PATH_BYTES];
    mx_idx idx;
    *out = NULL;
    if (options == NULL)
        options = &defaults;
    if (!(options->scale >= 0 && options->scale < 1e30))
        MX_FAIL(err, MERX_E_RANGE, path, "scale is %g (expected a positive number, or 0: by the type)", options->scale);
    MX_TRY(mx_idx_open(path, alloc, 0, &idx, err));
    const bool pictures = idx.type == MX_IDX_UINT8 && idx.dims >= 3;
    const double scale = options->scale > 0 ? options->scale : pictures ? 1.0 / 255 : 1;
    merx_status status;
    MX_TRY_GOTO(make_matrix(&idx, scale, task, out, err));
    mx_idx_close(&idx);
    if (((*out)->name = mx_arena_strdup(&(*out)->arena, path, err)) == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    const char *labels = options->labels;
    if (labels == NULL && find_labels(path, beside))
        labels = beside;
    if (labels != NULL && *labels != '\0')
        MX_TRY_GOTO(add_labels(*out, labels, options->label_name != NULL ? options->label_name : "label", err));
    return MERX_OK;
out:
    mx_idx_close(&idx);
    merx_dataset_free(*out);
    *out = NULL;
    return status;
}
