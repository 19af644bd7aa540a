/*
 * EASE. Letters: j, t items; u users; d items in all.
 *
 * X'X is made by rows: for item j each of its users adds x_uj x_ut to the sums of his items t >= j, users in order. Row j goes into the tiles of the upper
 * triangle (numeric/tiles.h), which are inverted in place. Then each row of tiles gives the lists of its 64 items.
 */
#include "learn/factor/ease.h"

#include <math.h>
#include <string.h>

#include "numeric/tiles.h"

typedef struct fit_work {
    mx_csr users, items; /* items: the transpose */
    double l2;
    size_t keep;
    mx_tiles tiles;
    double *diagonal; /* (items): P_tt */
    double *rows;     /* (workers, padded items) */
    mx_link *heaps;   /* (workers, keep) */
    mx_list_builder lists;
} fit_work;

static double value_of(const mx_csr *a, int64_t at)
{
    return a->values ? (double)a->values[at] : 1.0;
}

uint64_t mx_ease_bytes(size_t items, size_t keep, size_t threads)
{
    uint64_t tiles = mx_tiles_bytes(items, threads), kept = keep && keep < items ? keep : items;
    uint64_t beside = (uint64_t)items * (8 + 8 * threads) + 16 * kept * ((uint64_t)items + threads);
    return tiles > UINT64_MAX - beside ? UINT64_MAX : tiles + beside;
}

/* Row j of X'X from column j on into its tiles. */
static void gram_row(const fit_work *w, size_t j, double *row)
{
    const mx_tiles *t = &w->tiles;
    size_t own = j / MX_TILE;
    memset(row, 0, t->count * MX_TILE * sizeof *row);
    for (int64_t e = w->items.starts[j]; e < w->items.starts[j + 1]; e++) {
        size_t user = (size_t)w->items.indices[e];
        double mine = value_of(&w->items, e);
        for (int64_t o = w->users.starts[user + 1]; o-- > w->users.starts[user];) {
            size_t other = (size_t)w->users.indices[o];
            if (other < j)
                break;
            row[other] += mine * value_of(&w->users, o);
        }
    }
    row[j] += w->l2;
    for (size_t k = own; k < t->count; k++) {
        size_t first = k * MX_TILE, count = t->d - first < MX_TILE ? t->d - first : MX_TILE;
        memcpy(mx_tile(t, own, k) + j % MX_TILE * MX_TILE, row + first, count * sizeof *row);
    }
}

static merx_status gram_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const fit_work *w = context;
    double *row = w->rows + (size_t)mx_worker_index() * w->tiles.count * MX_TILE;
    for (size_t j = block * MX_TILE; j < (block + 1) * MX_TILE && j < w->tiles.d; j++)
        gram_row(w, j, row);
    return MERX_OK;
}

static merx_status list_block(void *context, size_t block, merx_error *err)
{
    fit_work *w = context;
    size_t worker = (size_t)mx_worker_index(), d = w->tiles.d;
    double *row = w->rows + worker * w->tiles.count * MX_TILE;
    mx_link *heap = w->heaps + worker * w->keep;
    mx_vec found = mx_list_builder_begin(&w->lists);
    merx_status status = MERX_OK;
    for (size_t j = block * MX_TILE; j < (block + 1) * MX_TILE && j < d && status == MERX_OK; j++) {
        size_t kept = 0;
        if (w->items.starts[j] < w->items.starts[j + 1]) {
            mx_tiles_row(&w->tiles, j, row);
            for (size_t t = 0; t < d; t++)
                if (t != j && row[t] != 0)
                    mx_links_offer(heap, &kept, w->keep, (mx_link){(float)(-row[t] / w->diagonal[t]), (int32_t)t});
            mx_links_sort(heap, kept);
        }
        status = mx_list_builder_put(&w->lists, j, heap, kept, &found, err);
    }
    mx_list_builder_end(&w->lists, block, &found);
    return status;
}

static merx_status check_input(const mx_csr *users, const mx_ease_options *options, merx_task *task, merx_error *err)
{
    size_t d = users->columns;
    if (!(options->l2 > 0) || !isfinite(options->l2))
        MX_FAIL(err, MERX_E_RANGE, "ease", "l2 is %g; expected a number above 0", options->l2);
    if (users->rows == 0 || d == 0 || users->starts[users->rows] == 0)
        MX_FAIL(err, MERX_E_INVALID, "ease", "there is nothing to learn from: %zu rows, %zu columns, no interactions",
                users->rows, d);
    if (options->max_items && d > options->max_items)
        MX_FAIL(
            err, MERX_E_LIMIT, "ease",
            "%zu items need a matrix of %.0f MB and its inverse; max_items is %zu: raise it, or take als or neighbours",
            d, (double)mx_tiles_bytes(d, 1) / 1e6, options->max_items);
    if (users->values)
        for (size_t u = 0; u < users->rows; u++)
            for (int64_t e = users->starts[u]; e < users->starts[u + 1]; e++)
                if (!isfinite(users->values[e]))
                    MX_FAIL(err, MERX_E_INVALID, "ease", "row %zu, column %d holds %g; expected a finite number", u,
                            (int)users->indices[e], (double)users->values[e]);
    return mx_task_require_memory(task, mx_ease_bytes(d, options->keep, (size_t)merx_task_threads(task)),
                                  "fitting ease", err);
}

static merx_status run(fit_work *w, const merx_allocator *alloc, merx_task *task, mx_item_lists *out, merx_error *err)
{
    bool definite;
    size_t d = w->tiles.d;
    MX_TRY(mx_parallel(task, w->tiles.count, gram_block, w, err));
    MX_TRY(mx_tiles_invert(&w->tiles, task, &definite, err));
    for (size_t t = 0; definite && t < d; t++) {
        w->diagonal[t] = mx_tile(&w->tiles, t / MX_TILE, t / MX_TILE)[t % MX_TILE * (MX_TILE + 1)];
        definite = w->diagonal[t] > 0 && isfinite(w->diagonal[t]);
    }
    if (!definite)
        MX_FAIL(err, MERX_E_NUMERIC, "ease", "X'X + %g I can't be inverted; raise l2 or rescale the values", w->l2);
    mx_task_stage(task, "lists of items", d, "items");
    MX_TRY(mx_parallel(task, w->tiles.count, list_block, w, err));
    MX_TRY(mx_list_builder_finish(&w->lists, alloc, out, err));
    mx_task_done(task);
    return MERX_OK;
}

merx_status mx_ease_fit(const mx_csr *users, const mx_ease_options *options, const merx_allocator *alloc,
                        merx_task *task, mx_item_lists *out, merx_error *err)
{
    *out = (mx_item_lists){0};
    MX_TRY(check_input(users, options, task, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t d = users->columns, workers = (size_t)merx_task_threads(task);
    fit_work w = {.users = *users, .l2 = options->l2, .keep = options->keep && options->keep < d ? options->keep : d};
    mx_csr_own transposed = {0};
    MX_TRY_GOTO(mx_csr_transpose(users, work, &transposed, err));
    w.items = transposed.view;
    MX_TRY_GOTO(mx_tiles_init(d, work, &w.tiles, err));
    size_t padded = w.tiles.count * MX_TILE;
    MX_TRY_GOTO(mx_alloc_array(work, d, sizeof *w.diagonal, "diagonal", &w.diagonal, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * padded, sizeof *w.rows, "rows of items", &w.rows, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * w.keep, sizeof *w.heaps, "lists of items", &w.heaps, err));
    MX_TRY_GOTO(mx_list_builder_init(d, MX_TILE, w.keep, work, &w.lists, err));
    MX_TRY_GOTO(run(&w, alloc, task, out, err));
out:
    mx_list_builder_release(&w.lists);
    mx_free_array(work, w.heaps, workers * w.keep, sizeof *w.heaps);
    mx_free_array(work, w.rows, workers * w.tiles.count * MX_TILE, sizeof *w.rows);
    mx_free_array(work, w.diagonal, d, sizeof *w.diagonal);
    mx_tiles_release(&w.tiles);
    mx_csr_release(&transposed);
    return status;
}
