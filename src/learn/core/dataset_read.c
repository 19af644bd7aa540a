/*
 * Reading a table out of CSV in one pass, on all threads of the task.
 *
 * The file is taken in chunks of equal size, and each chunk by one thread: it guesses where the first row of the chunk begins, reads the rows up to the last that
 * ends in the chunk (table_part.c), each column as what it was taken for so far (table_cells.c), into arrays of its own. Then the chunks are committed in the order
 * of the file (table_store.c): the row that crosses the border to the chunk before is read, which shows whether the guess was right (if not the chunk is
 * read again from where its first row does begin); so is what the columns were taken for; rows are numbered, words get their codes, refused rows are
 * counted. After that the thread copies its values to their place in the table while others commit. (Ge, Li, Eilebrecht, Chandramouli, Kossmann 2019,
 * "Speculative Distributed CSV Data Parsing", has the guess and the proof of it, Mühlbauer et al. 2013, "Instant Loading", the chunks.)
 *
 * What a column is taken for only widens. When that happens after rows were committed the file is read once more, knowing better; the usual file never is.
 * Levels are sorted bytewise in the end (table_finish.c), so nothing that comes out depends on threads or chunks.
 *
 * Memory: the table, 2 % of spare rows, the codes of truth values until the end, and some 15 MB a thread.
 */
#include <string.h>

#include "base/run.h"
#include "io/file.h"
#include "io/idx.h"
#include "io/rows.h"
#include "learn/core/table_reader.h"

#define DEFAULT_MAX_LEVELS 1000
#define CHUNK ((size_t)1 << 18)
#define ROUND_CHUNKS 128
#define PAD MX_FIELDS_PADDING

merx_status mx_cell_rules_declare(mx_cell_rules *rules, const char *types, const char *path, merx_error *err)
{
    for (const char *at = types; at != NULL && *at != '\0';) {
        const char *end = strchr(at, ',');
        mx_str one = {at, end != NULL ? (size_t)(end - at) : strlen(at)};
        at = end != NULL ? end + 1 : NULL;
        one = mx_str_trim(one);
        if (one.size == 0)
            continue;
        const char *equals = memchr(one.data, '=', one.size);
        if (equals == NULL)
            MX_FAIL(err, MERX_E_PARSE, path, "\"%.*s\" does not declare a type (expected NAME=TYPE)", (int)one.size,
                    one.data);
        mx_str name = mx_str_trim((mx_str){one.data, (size_t)(equals - one.data)});
        mx_str type = mx_str_trim((mx_str){equals + 1, one.size - (size_t)(equals + 1 - one.data)});
        mx_cell_rule *found = NULL;
        for (size_t j = 0; j < rules->count; j++)
            if (mx_str_equal(name, mx_str_of(rules->columns[j].name)))
                found = &rules->columns[j];
        if (found == NULL)
            MX_FAIL(err, MERX_E_NOT_FOUND, path, "a type is declared for column \"%.*s\", which is not there",
                    (int)name.size, name.data);
        int t = 0;
        while (t < MERX_COLUMN_TYPES && !mx_str_equal(type, mx_str_of(merx_column_type_name((merx_column_type)t))))
            t++;
        if (t == MERX_COLUMN_TYPES)
            MX_FAIL(err, MERX_E_TYPE, path,
                    "\"%.*s\" is not a type of column (expected numeric, categorical, boolean, date or text)",
                    (int)type.size, type.data);
        found->declared = true;
        found->type = (merx_column_type)t;
    }
    for (size_t j = 0; j < rules->count; j++) {
        const mx_cell_rule *rule = &rules->columns[j];
        if (rule->declared && rule->type != MERX_COLUMN_CATEGORICAL && rule->type != MERX_COLUMN_TEXT)
            rules->checked[rules->n_checked++] = j;
    }
    return MERX_OK;
}

/* ---- the input ---- */

static merx_status open_input(mx_table_reader *r, const merx_csv_options *options, merx_error *err)
{
    const mx_rows_options rows = {.format = MX_ROWS_CSV,
                                  .separator = options->separator,
                                  .quote = options->quote,
                                  .no_header = options->no_header};
    mx_source *source;
    mx_rows_close(r->input);
    r->input = NULL;
    MX_TRY(mx_source_open(r->path, r->alloc, 0, &source, err));
    MX_TRY(mx_rows_open(source, &rows, r->alloc, &r->input, err));
    if (!mx_rows_file(r->input, &r->fd, &r->size) || r->size == 0) {
        r->fd = -1;
        r->size = 0;
    }
    r->offset = mx_rows_bytes(r->input);
    r->first_line = r->line = mx_rows_line(r->input);
    return MERX_OK;
}

/* Fills the worker's block with the bytes of a chunk. */
static merx_status read_chunk(mx_table_reader *r, mx_table_worker *w, size_t chunk, merx_error *err)
{
    unsigned char *data = w->block + PAD;
    w->size = 0;
    w->last = true;
    merx_status status = MERX_OK;
    if (r->fd >= 0) {
        const uint64_t at = r->offset + (uint64_t)chunk * r->chunk, left = at < r->size ? r->size - at : 0;
        const size_t size = left < r->chunk ? (size_t)left : r->chunk;
        status = mx_read_at(r->fd, at, data, size, &w->size, r->path, err);
        if (status == MERX_OK && w->size < size)
            status = mx_error_set(err, MERX_E_CHANGED, r->path, "the file changed while it was read");
        w->last = left <= r->chunk;
    } else { /* a stream gives its bytes in their order */
        pthread_mutex_lock(&r->lock);
        while (r->reading != chunk)
            pthread_cond_wait(&r->moved, &r->lock);
        const bool ended = r->input_ended;
        pthread_mutex_unlock(&r->lock);
        while (!ended && status == MERX_OK && w->size < r->chunk) {
            size_t got;
            status = mx_rows_raw(r->input, data + w->size, r->chunk - w->size, &got, err);
            w->size += got;
            if (got == 0)
                break;
        }
        w->last = w->size < r->chunk;
        pthread_mutex_lock(&r->lock);
        r->reading++;
        r->input_ended |= w->last || status != MERX_OK;
        pthread_cond_broadcast(&r->moved);
        pthread_mutex_unlock(&r->lock);
    }
    memset(w->block, 0, PAD);
    memset(data + w->size, 0, PAD);
    return status;
}

static merx_status read_body(mx_table_reader *r, mx_table_worker *w, size_t chunk, merx_error *err)
{
    w->has_seam = false;
    MX_TRY(read_chunk(r, w, chunk, err));
    pthread_mutex_lock(&r->lock);
    memcpy(w->plans, r->plans, r->rules->count * sizeof *w->plans);
    pthread_mutex_unlock(&r->lock);
    memcpy(w->begun, w->plans, r->rules->count * sizeof *w->plans);
    const unsigned char *text = w->block + PAD;
    w->guess = chunk == 0 ? 0 : mx_table_guess(w, text, w->size);
    w->body.text = text;
    w->body.begin = w->guess;
    w->body.size = w->body.limit = w->size;
    w->body.last = w->last;
    for (;;) {
        MX_TRY(mx_table_part_read(w, &w->body, err));
        if (!w->body.redo)
            return MERX_OK;
        for (size_t j = 0; j < r->rules->count; j++)
            if (w->scratch.words[j].n_slots > 0)
                mx_words_clear(&w->scratch.words[j]);
    }
}

static merx_status do_chunk(void *context, size_t block, merx_error *err)
{
    mx_table_reader *r = context;
    mx_table_worker *w = &r->workers[mx_worker_index()];
    const size_t chunk = r->base + block;
    return mx_table_commit(r, w, chunk, read_body(r, w, chunk, err), err);
}

static merx_status read_all(mx_table_reader *r, merx_error *err)
{
    mx_task_stage(r->task, "read the table", r->size - (r->size > 0 ? r->offset : 0), "bytes");
    MX_TRY(mx_task_step(r->task, 0, err));
    while (!r->ended) {
        size_t chunks = r->base == 0 ? 1 : ROUND_CHUNKS; /* the first alone: it shows what the columns are */
        if (r->fd >= 0) {
            const uint64_t left = (r->size - r->offset + r->chunk - 1) / r->chunk - r->base;
            chunks = left > chunks ? chunks : left > 0 ? (size_t)left : 1;
        }
        MX_TRY(mx_parallel(r->task, chunks, do_chunk, r, err));
        r->base += chunks;
        MX_TRY(mx_task_step(r->task, r->bytes, err));
    }
    mx_task_done(r->task);
    return MERX_OK;
}

/* ---- all of it ---- */

static merx_status make_rules(mx_table_reader *r, mx_cell_rules *rules, const merx_csv_options *options,
                              mx_arena *arena, merx_error *err)
{
    merx_csv_options used = *options;
    used.max_levels = options->max_levels > 0 ? options->max_levels : DEFAULT_MAX_LEVELS;
    mx_cell_rules_init(rules, &used, options->quote != '\0' ? options->quote : '"');
    rules->count = mx_rows_columns(r->input);
    rules->columns = mx_arena_array(arena, rules->count, sizeof *rules->columns, err);
    rules->checked = mx_arena_array(arena, rules->count, sizeof *rules->checked, err);
    if (rules->columns == NULL || rules->checked == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < rules->count; j++)
        if ((rules->columns[j].name = mx_arena_strdup(arena, mx_rows_column(r->input, j), err)) == NULL)
            return MERX_E_MEMORY;
    MX_TRY(mx_cell_rules_declare(rules, options->types, r->path, err));
    r->rules = rules;
    r->format = (mx_csv_format){mx_rows_separator(r->input), rules->quote, MX_CSV_FIELD_BYTES,
                                MX_CSV_FIELD_BYTES + MX_CSV_ROW_BYTES};
    return MERX_OK;
}

static merx_status make_workers(mx_table_reader *r, merx_error *err)
{
    MX_TRY(MX_NEW_ARRAY(r->alloc, r->rules->count, &r->columns, "columns", err));
    MX_TRY(MX_NEW_ARRAY(r->alloc, r->rules->count, &r->plans, "columns", err));
    for (size_t j = 0; j < r->rules->count; j++)
        r->plans[j] = r->columns[j].plan = mx_cell_plan_first(&r->rules->columns[j]);
    r->threads = merx_task_threads(r->task);
    MX_TRY(MX_NEW_ARRAY(r->alloc, (size_t)r->threads, &r->workers, "threads", err));
    for (int i = 0; i < r->threads; i++)
        MX_TRY(mx_table_worker_init(&r->workers[i], r->rules, &r->format, r->chunk, r->alloc, err));
    return MERX_OK;
}

merx_status mx_dataset_read_chunks(const char *path, const merx_csv_options *options, size_t chunk, merx_task *task,
                                   merx_dataset **out, merx_error *err)
{
    *out = NULL;
    mx_table_reader r = {
        .path = path, .alloc = merx_task_allocator(task), .task = task, .chunk = chunk > 0 ? chunk : CHUNK};
    mx_cell_rules rules = {0};
    mx_arena arena;
    mx_arena_init(&arena, r.alloc);
    r.tail = mx_vec_init(r.alloc, 1, SIZE_MAX / 4, "row across blocks of the file");
    r.runs = mx_vec_init(r.alloc, sizeof(mx_line_run), SIZE_MAX / 64, "lines of rows");
    r.infinite = mx_vec_init(r.alloc, sizeof(mx_infinite_row), SIZE_MAX / 256, "infinite numbers");
    r.fd = -1;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.moved, NULL);
    merx_status status;
    if (options->max_levels > INT32_MAX - 1)
        MX_FAIL_GOTO(err, MERX_E_RANGE, path, "max_levels %zu is too large", options->max_levels);
    MX_TRY_GOTO(open_input(&r, options, err));
    MX_TRY_GOTO(make_rules(&r, &rules, options, &arena, err));
    MX_TRY_GOTO(make_workers(&r, err));
    for (;;) {
        MX_TRY_GOTO(read_all(&r, err));
        if (!r.stale)
            break;
        MX_TRY_GOTO(open_input(&r, options, err));
        if (mx_rows_columns(r.input) != rules.count)
            MX_FAIL_GOTO(err, MERX_E_CHANGED, path, "the file changed while it was read");
        mx_table_restart(&r);
    }
    MX_TRY_GOTO(mx_table_finish(&r, out, err));
out:
    mx_rows_close(r.input);
    for (int i = 0; r.workers != NULL && i < r.threads; i++)
        mx_table_worker_release(&r.workers[i]);
    MX_FREE_ARRAY(r.alloc, r.workers, (size_t)r.threads);
    if (r.rules != NULL) {
        mx_table_columns_release(&r);
        MX_FREE_ARRAY(r.alloc, r.plans, r.rules->count);
    }
    mx_arena_release(&arena);
    pthread_cond_destroy(&r.moved);
    pthread_mutex_destroy(&r.lock);
    return status;
}

merx_status merx_dataset_read(const char *path, const merx_csv_options *options, merx_task *task, merx_dataset **out,
                              merx_error *err)
{
    static const merx_csv_options defaults = {0};
    mx_rows_format format = MX_ROWS_CSV;
    if (options == NULL)
        options = &defaults;
    if (mx_str_ends(mx_str_of(path), ".npy") || mx_str_ends(mx_str_of(path), ".npz"))
        return mx_dataset_read_npy(path, task, out, err);
    if (mx_idx_name(path))
        return merx_dataset_read_idx(path, NULL, task, out, err);
    (void)mx_rows_format_of_name(path, &format);
    return format == MX_ROWS_JSONL ? mx_dataset_read_rows(path, options, task, out, err)
                                   : mx_dataset_read_chunks(path, options, 0, task, out, err);
}
