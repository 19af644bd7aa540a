/*
 * What is in a data set of pictures: a folder walked through, or a tar file's headers; a list file; labels and their levels.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/file.h"
#include "io/rows.h"
#include "io/tar.h"
#include "media/pictures_state.h"

#define MAX_DEPTH 64
#define MAX_MEMBERS ((size_t)10000000)
#define MAX_LEVELS ((size_t)1 << 20)
#define MAX_HELD_BYTES ((uint64_t)16 << 30)

typedef struct listing {
    merx_pictures *set;
    const merx_pictures_options *options;
    size_t max_members;
    mx_dict *names;  /* of members: code = place in found */
    mx_vec found;    /* mx_member, of a tar file or folder */
    mx_vec labels;   /* const char *: n_columns for each member */
    mx_vec listed;   /* const char *: names of the list, in order */
    mx_dict *wanted; /* those names */
    uint64_t held_bytes;
} listing;

/* ---- names ---- */

static bool is_picture(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    const size_t size = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i]);
        if (size > n && mx_str_equal_nocase((mx_str){name + size - n, n}, mx_str_of(endings[i])))
            return true;
    }
    return false;
}

static const char *without_dot(const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        for (name += 2; *name == '/'; name++)
            ;
    return name;
}

/* Below the folder `within`: the rest of the name; NULL when it is elsewhere. */
static const char *below(const char *name, const char *within)
{
    if (within == NULL)
        return name;
    const size_t size = strlen(within);
    if (strncmp(name, within, size) != 0)
        return NULL;
    if (size > 0 && within[size - 1] == '/')
        return name + size;
    return name[size] == '/' ? name + size + 1 : NULL;
}

merx_status mx_pictures_path(const merx_pictures *set, const char *name, char *out, merx_error *err)
{
    char joined[PATH_MAX], root[PATH_MAX];
    const size_t base = strlen(set->path), size = strlen(name);
    if (base + size + 2 > sizeof joined)
        MX_FAIL(err, MERX_E_LIMIT, name, "is too long a path");
    memcpy(joined, set->path, base);
    joined[base] = '/';
    memcpy(joined + base + 1, name, size + 1);
    if (realpath(set->path, root) == NULL)
        return mx_error_errno(err, errno, set->path, "find");
    if (realpath(joined, out) == NULL)
        return mx_error_errno(err, errno, joined, "find");
    const size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(out, root, n) != 0 || out[n] != '/')
        MX_FAIL(err, MERX_E_INVALID, joined, "leads out of the data set (expected a name that stays in %s)", set->path);
    return MERX_OK;
}

/* Adds a member, or replaces the one of that name (in a tar file the last one counts). */
static merx_status add_member(listing *l, const mx_member *member, merx_error *err)
{
    int32_t code;
    bool added;
    if (l->found.count >= l->max_members && mx_dict_find(l->names, mx_str_of(member->name)) < 0)
        MX_FAIL(err, MERX_E_LIMIT, l->set->path, "holds more than %zu pictures", l->max_members);
    MX_TRY(mx_dict_add(l->names, mx_str_of(member->name), &code, &added, err));
    mx_member kept = *member;
    kept.name = mx_dict_get(l->names, code).data;
    if (!added) {
        MX_VEC_AT(&l->found, mx_member, code) = kept;
        return MERX_OK;
    }
    return mx_vec_append(&l->found, &kept, 1, err);
}

static bool wants(const listing *l, const char *name)
{
    if (l->wanted != NULL)
        return mx_dict_find(l->wanted, mx_str_of(name)) >= 0;
    return is_picture(name) && below(name, l->options->within) != NULL;
}

/* ---- a folder ---- */

static merx_status walk(listing *l, const char *relative, int depth, merx_error *err)
{
    char **names, path[PATH_MAX];
    size_t count;
    struct stat info;
    mx_arena arena;
    merx_status status;
    if (depth > MAX_DEPTH)
        MX_FAIL(err, MERX_E_LIMIT, relative, "lies more than %d folders deep", MAX_DEPTH);
    mx_arena_init(&arena, l->set->alloc);
    const char *folder = *relative == '\0' ? l->set->path : mx_path_join(&arena, l->set->path, relative, err);
    status = MERX_E_MEMORY;
    if (folder == NULL)
        goto out;
    MX_TRY_GOTO(mx_list_folder(folder, &arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *name = *relative == '\0' ? names[i] : mx_path_join(&arena, relative, names[i], err);
        const char *whole = name != NULL ? mx_path_join(&arena, l->set->path, name, err) : NULL;
        if (whole == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
        if (lstat(whole, &info) != 0)
            MX_TRY_GOTO(mx_error_errno(err, errno, whole, "look at"));
        if (S_ISLNK(
                info.st_mode)) { /* stays inside; one to a folder is left out, its pictures are found where they are */
            if (stat(whole, &info) != 0 || (!S_ISDIR(info.st_mode) && !is_picture(name)))
                continue;
            MX_TRY_GOTO(mx_pictures_path(l->set, name, path, err));
            if (S_ISDIR(info.st_mode))
                continue;
        }
        if (S_ISDIR(info.st_mode))
            MX_TRY_GOTO(walk(l, name, depth + 1, err));
        else if (S_ISREG(info.st_mode) && wants(l, name))
            MX_TRY_GOTO(add_member(l, &(mx_member){.name = name}, err));
    }
    if (merx_task_cancelled(l->set->task))
        MX_FAIL_GOTO(err, MERX_E_CANCELLED, NULL, "cancelled");
    status = MERX_OK;
out:
    mx_arena_release(&arena);
    return status;
}

/* ---- a tar file ---- */

static merx_status hold_bytes(listing *l, mx_tar *tar, mx_member *member, merx_error *err)
{
    size_t at = 0, got;
    l->held_bytes += member->size;
    if (l->held_bytes > MAX_HELD_BYTES)
        MX_FAIL(err, MERX_E_LIMIT, l->set->path,
                "holds more than %llu bytes of pictures (a tar file that is not compressed may)",
                (unsigned long long)MAX_HELD_BYTES);
    unsigned char *bytes = mx_arena_alloc(&l->set->arena, member->size > 0 ? (size_t)member->size : 1, err);
    if (bytes == NULL)
        return MERX_E_MEMORY;
    do {
        MX_TRY(mx_tar_read(tar, bytes + at, (size_t)member->size - at, &got, err));
        at += got;
    } while (got > 0);
    member->held = bytes;
    return MERX_OK;
}

static merx_status read_tar(listing *l, merx_error *err)
{
    merx_pictures *set = l->set;
    mx_source *source;
    mx_tar *tar = NULL;
    uint64_t file_bytes;
    MX_TRY(mx_source_open(set->path, set->alloc, 0, &source, err));
    const bool plain = mx_source_file(source, &set->fd, &file_bytes);
    set->tar = source;
    if (!plain)
        set->fd = -1;
    merx_status status;
    MX_TRY_GOTO(mx_tar_open(source, l->max_members, set->alloc, &tar, err));
    for (;;) {
        mx_tar_entry entry;
        MX_TRY_GOTO(mx_tar_next(tar, &entry, err));
        if (entry.name == NULL)
            break;
        const char *name = without_dot(entry.name);
        if (*name == '\0' && entry.type == MX_TAR_FOLDER)
            continue; /* "./" */
        if (!mx_tar_safe_name(name))
            MX_FAIL_GOTO(err, MERX_E_INVALID, set->path,
                         "holds \"%.200s\" (expected names that stay inside: relative, without \"..\")", entry.name);
        if (entry.type != MX_TAR_FILE || !wants(l, name))
            continue;
        mx_member member = {.name = name, .offset = entry.offset, .size = entry.size};
        if (!plain && entry.size <= (uint64_t)4 << 30)
            MX_TRY_GOTO(hold_bytes(l, tar, &member, err));
        MX_TRY_GOTO(add_member(l, &member, err));
        if (merx_task_cancelled(set->task))
            MX_FAIL_GOTO(err, MERX_E_CANCELLED, NULL, "cancelled");
    }
    status = MERX_OK;
out:
    mx_tar_close(tar);
    if (!plain || status != MERX_OK) {
        mx_source_close(source);
        set->tar = NULL;
        set->fd = -1;
    }
    return status;
}

/* ---- the list ---- */

static bool is_header(mx_str field)
{
    static const char *const words[] = {"path", "file", "filename", "file_name", "image", "picture", "name"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mx_str_equal_nocase(field, mx_str_of(words[i])))
            return true;
    return false;
}

static merx_status take_row(listing *l, const mx_row *row, const char *file, merx_error *err)
{
    char where[224];
    (void)snprintf(where, sizeof where, "%.190s:%llu", file, (unsigned long long)row->line);
    if (row->problem != NULL)
        MX_FAIL(err, MERX_E_PARSE, where, "%s", row->problem);
    const mx_str path = mx_str_trim(row->fields[0]);
    if (row->number == 0 && is_header(path))
        return MERX_OK;
    char *whole = mx_arena_strndup(&l->set->arena, path.data, path.size, err);
    if (whole == NULL)
        return MERX_E_MEMORY;
    const char *name = without_dot(whole);
    if (!mx_tar_safe_name(name))
        MX_FAIL(err, MERX_E_INVALID, where,
                "\"%.200s\" is no name of a picture (expected a relative path without \"..\")", whole);
    if (l->listed.count >= l->max_members)
        MX_FAIL(err, MERX_E_LIMIT, where, "more than %zu pictures are listed", l->max_members);
    int32_t code;
    MX_TRY(mx_dict_add(l->wanted, mx_str_of(name), &code, NULL, err));
    MX_TRY(mx_vec_append(&l->listed, &name, 1, err));
    for (size_t c = 1; c < row->count; c++) {
        const mx_str label = mx_str_trim(row->fields[c]);
        const char *text = mx_arena_strndup(&l->set->arena, label.data, label.size, err);
        if (text == NULL)
            return MERX_E_MEMORY;
        MX_TRY(mx_vec_append(&l->labels, &text, 1, err));
    }
    return MERX_OK;
}

static merx_status read_list(listing *l, const char *file, merx_error *err)
{
    const mx_rows_options options = {.format = MX_ROWS_CSV, .no_header = true};
    mx_source *source;
    mx_rows *rows;
    MX_TRY(mx_dict_new(l->set->alloc, INT32_MAX - 1, &l->wanted, err));
    MX_TRY(mx_source_open(file, l->set->alloc, 0, &source, err));
    MX_TRY(mx_rows_open(source, &options, l->set->alloc, &rows, err));
    merx_status status = MERX_OK;
    l->set->n_columns = mx_rows_columns(rows) - 1;
    for (;;) {
        const mx_row *row;
        MX_TRY_GOTO(mx_rows_next(rows, &row, err));
        if (row == NULL)
            break;
        MX_TRY_GOTO(take_row(l, row, file, err));
    }
    if (l->listed.count == 0)
        MX_FAIL_GOTO(err, MERX_E_PARSE, file, "lists no picture (expected lines \"path, label\")");
out:
    mx_rows_close(rows);
    return status;
}

/* The members in the order of the list. */
static merx_status order_by_list(listing *l, const char *file, merx_error *err)
{
    for (size_t i = 0; i < l->listed.count; i++) {
        const char *name = MX_VEC_AT(&l->listed, const char *, i);
        const int32_t code = mx_dict_find(l->names, mx_str_of(name));
        if (code < 0)
            MX_FAIL(err, MERX_E_NOT_FOUND, file, "lists %.200s, which is not in %.200s", name, l->set->path);
        mx_member member = MX_VEC_AT(&l->found, mx_member, code);
        member.name = name;
        MX_TRY(mx_vec_append(&l->set->members, &member, 1, err));
    }
    return MERX_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mx_member *)a)->name, ((const mx_member *)b)->name);
}

/* Sorted by name, the folder of each its label. */
static merx_status order_by_name(listing *l, merx_error *err)
{
    merx_pictures *set = l->set;
    if (l->found.count > 0)
        qsort(l->found.data, l->found.count, sizeof(mx_member), by_name);
    set->n_columns = 1;
    for (size_t i = 0; i < l->found.count; i++) {
        mx_member member = MX_VEC_AT(&l->found, mx_member, i);
        if ((member.name = mx_arena_strdup(&set->arena, member.name, err)) == NULL)
            return MERX_E_MEMORY;
        const char *rest = below(member.name, l->options->within), *slash = strrchr(rest, '/');
        const char *label = mx_arena_strndup(&set->arena, rest, slash != NULL ? (size_t)(slash - rest) : 0, err);
        if (label == NULL)
            return MERX_E_MEMORY;
        MX_TRY(mx_vec_append(&set->members, &member, 1, err));
        MX_TRY(mx_vec_append(&l->labels, &label, 1, err));
    }
    return MERX_OK;
}

/* ---- levels ---- */

typedef struct level {
    const char *text;
    int64_t number;
    int32_t code; /* before sorting */
} level;

static int by_number(const void *a, const void *b)
{
    const int64_t x = ((const level *)a)->number, y = ((const level *)b)->number;
    return x < y ? -1 : x > y ? 1 : strcmp(((const level *)a)->text, ((const level *)b)->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const level *)a)->text, ((const level *)b)->text);
}

static merx_status make_column(listing *l, size_t column, merx_error *err)
{
    merx_pictures *set = l->set;
    mx_label_column *out = &set->columns[column];
    const size_t n = set->members.count;
    mx_dict *dict;
    mx_arena arena;
    MX_TRY(mx_dict_new(set->alloc, MAX_LEVELS, &dict, err));
    mx_arena_init(&arena, set->alloc);
    merx_status status = MERX_E_MEMORY;
    out->codes = mx_arena_array(&set->arena, n + 1, sizeof *out->codes, err);
    if (out->codes == NULL)
        goto out;
    for (size_t i = 0; i < n; i++)
        MX_TRY_GOTO(mx_dict_add(dict, mx_str_of(MX_VEC_AT(&l->labels, const char *, i * set->n_columns + column)),
                                &out->codes[i], NULL, err));
    out->n_levels = mx_dict_count(dict);
    status = MERX_E_MEMORY;
    out->levels = mx_arena_array(&set->arena, out->n_levels + 1, sizeof *out->levels, err);
    level *levels = mx_arena_array(&arena, out->n_levels + 1, sizeof *levels, err);
    int32_t *place = mx_arena_array(&arena, out->n_levels + 1, sizeof *place, err);
    if (out->levels == NULL || levels == NULL || place == NULL)
        goto out;
    bool numbers = true;
    for (size_t k = 0; k < out->n_levels; k++) {
        const mx_str text = mx_dict_get(dict, (int32_t)k);
        levels[k] = (level){.text = text.data, .code = (int32_t)k};
        numbers = numbers && mx_parse_int64(text, &levels[k].number);
    }
    qsort(levels, out->n_levels, sizeof *levels, numbers ? by_number : by_text);
    for (size_t k = 0; k < out->n_levels; k++) {
        place[levels[k].code] = (int32_t)k;
        if ((out->levels[k] = mx_arena_strdup(&set->arena, levels[k].text, err)) == NULL)
            goto out;
    }
    for (size_t i = 0; i < n; i++)
        out->codes[i] = place[out->codes[i]];
    status = MERX_OK;
out:
    mx_arena_release(&arena);
    mx_dict_free(dict);
    return status;
}

/* ---- all of it ---- */

/* A listed picture of a folder is looked for by its path: the folder need not be walked. */
static merx_status find_listed(listing *l, merx_error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < l->listed.count; i++) {
        const char *name = MX_VEC_AT(&l->listed, const char *, i);
        merx_error why = {0};
        const merx_status status = mx_pictures_path(l->set, name, path, &why);
        if (status == MERX_E_NOT_FOUND || (status == MERX_OK && !mx_path_is_file(path)))
            continue; /* order_by_list says so */
        if (status != MERX_OK)
            return mx_error_set(err, why.code, why.where, "%s", why.message);
        MX_TRY(add_member(l, &(mx_member){.name = name}, err));
    }
    return MERX_OK;
}

merx_status mx_pictures_list(merx_pictures *set, const merx_pictures_options *options, merx_error *err)
{
    listing l = {
        .set = set, .options = options, .max_members = options->max_members > 0 ? options->max_members : MAX_MEMBERS};
    merx_status status;
    if (l.max_members > INT32_MAX - 1)
        MX_FAIL(err, MERX_E_RANGE, set->path, "max_members is %zu (expected at most %d)", l.max_members, INT32_MAX - 1);
    l.found = mx_vec_init(set->alloc, sizeof(mx_member), l.max_members + 1, "pictures");
    l.labels = mx_vec_init(set->alloc, sizeof(const char *), SIZE_MAX / 64, "labels");
    l.listed = mx_vec_init(set->alloc, sizeof(const char *), l.max_members + 1, "listed pictures");
    set->members = mx_vec_init(set->alloc, sizeof(mx_member), l.max_members + 1, "pictures");
    MX_TRY_GOTO(mx_dict_new(set->alloc, l.max_members + 1, &l.names, err));
    if (options->list != NULL)
        MX_TRY_GOTO(read_list(&l, options->list, err));
    if (!set->folder)
        MX_TRY_GOTO(read_tar(&l, err));
    else if (options->list != NULL)
        MX_TRY_GOTO(find_listed(&l, err));
    else
        MX_TRY_GOTO(walk(&l, "", 0, err));
    if (options->list != NULL)
        MX_TRY_GOTO(order_by_list(&l, options->list, err));
    else
        MX_TRY_GOTO(order_by_name(&l, err));
    if (set->members.count == 0)
        MX_FAIL_GOTO(err, MERX_E_NOT_FOUND, set->path,
                     "holds no picture%s%s (expected .jpg, .jpeg, .png or .webp files)",
                     options->within != NULL ? " below " : "", options->within != NULL ? options->within : "");
    set->columns = mx_arena_array(&set->arena, set->n_columns + 1, sizeof *set->columns, err);
    status = set->columns != NULL ? MERX_OK : MERX_E_MEMORY;
    for (size_t c = 0; status == MERX_OK && c < set->n_columns; c++)
        status = make_column(&l, c, err);
out:
    mx_vec_release(&l.found);
    mx_vec_release(&l.labels);
    mx_vec_release(&l.listed);
    mx_dict_free(l.names);
    mx_dict_free(l.wanted);
    return status;
}
