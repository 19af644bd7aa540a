/*
 * What pictures lie in an export folder, and whose they are: see import_pictures.h.
 */
#include "shop/import_pictures.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/run.h"
#include "io/file.h"
#include "io/stream.h"
#include "io/tar.h"
#include "shop/product_pictures.h"

#define FOLDER "pictures"
#define MAX_DEPTH 32
#define SNIFFED ((size_t)12) /* bytes that tell the format */

static const char *const tar_names[MX_PICTURE_TARS] = {FOLDER ".tar", FOLDER ".tar.gz", FOLDER ".tar.zst"};

int mx_pictures_tar(const char *name)
{
    for (int i = 0; i < MX_PICTURE_TARS; i++)
        if (strcmp(name, tar_names[i]) == 0)
            return i;
    return -1;
}

/* ---- names ---- */

static const char *without_dot(const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        for (name += 2; *name == '/'; name++)
            ;
    return name;
}

static bool is_picture(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t size = strlen(name), n = strlen(endings[i]);
        if (size > n && mx_str_equal_nocase((mx_str){name + size - n, n}, mx_str_of(endings[i])))
            return true;
    }
    return false;
}

static merx_picture_format format_of(const unsigned char *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return MERX_PICTURE_JPEG;
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return MERX_PICTURE_PNG;
    if (size >= SNIFFED && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return MERX_PICTURE_WEBP;
    return MERX_PICTURE_UNKNOWN;
}

/* ---- what is there ---- */

/* Adds a picture, or replaces the one of that name. */
static merx_status add_found(mx_picture_intake *in, const mx_found_picture *found, int32_t *place, merx_error *err)
{
    int32_t code;
    bool added;
    mx_found_picture kept = *found;

    MX_TRY(mx_dict_add(in->names, mx_str_of(found->name), &code, &added, err));
    kept.name = mx_dict_get(in->names, code).data;
    kept.first_claim = -1;
    if (place != NULL)
        *place = code;
    if (!added) {
        MX_VEC_AT(&in->found, mx_found_picture, code) = kept;
        return MERX_OK;
    }
    MX_TRY(mx_vec_append(&in->found, &kept, 1, err));
    return in->found.count % 256 == 0 ? mx_task_step(in->task, in->found.count, err) : MERX_OK;
}

static merx_status too_large(mx_picture_intake *in, mx_found_picture *found, merx_error *err)
{
    found->wrong = mx_arena_printf(in->arena, err, "has %" PRIu64 " bytes (expected at most %" PRIu64 ")", found->size,
                                   MX_PICTURE_BYTES_MOST);
    return found->wrong != NULL ? MERX_OK : MERX_E_MEMORY;
}

static void judge(mx_found_picture *found)
{
    if (found->size == 0)
        found->wrong = "is empty (expected JPEG, PNG or WebP)";
    else if (found->format == MERX_PICTURE_UNKNOWN)
        found->wrong = "is no JPEG, PNG or WebP by its first bytes";
}

/* A file's size, digest and format. One that can't be read is wrong; it ends nothing. */
static merx_status look_at_file(mx_picture_intake *in, mx_found_picture *found, merx_error *err)
{
    merx_error failure = {0};
    struct stat info;
    unsigned char bytes[SNIFFED];
    size_t got = 0;

    if (stat(found->path, &info) != 0 || !S_ISREG(info.st_mode)) {
        found->wrong = "is not a regular file";
        return MERX_OK;
    }
    found->size = (uint64_t)info.st_size;
    if (found->size > MX_PICTURE_BYTES_MOST)
        return too_large(in, found, err);
    merx_status status = mx_sha256_file(found->path, found->sha256, &failure);
    FILE *file = status == MERX_OK ? fopen(found->path, "rbe") : NULL;
    if (file != NULL) {
        got = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
    }
    if (status != MERX_OK) {
        found->wrong = mx_arena_strdup(in->arena, failure.message, err);
        return found->wrong != NULL ? MERX_OK : MERX_E_MEMORY;
    }
    found->format = format_of(bytes, got);
    judge(found);
    return MERX_OK;
}

typedef enum where_to { INSIDE, OUTSIDE, NOWHERE } where_to;

/* Where a path below the folder leads when all links are followed. */
static merx_status follow(const mx_picture_intake *in, const char *name, char path[PATH_MAX], where_to *where,
                          merx_error *err)
{
    char joined[PATH_MAX];
    const size_t base = strlen(in->folder), size = strlen(name),
                 root = strcmp(in->root, "/") == 0 ? 0 : strlen(in->root);
    *where = NOWHERE;
    if (base + size + 2 > sizeof joined)
        return MERX_OK;
    memcpy(joined, in->folder, base);
    joined[base] = '/';
    memcpy(joined + base + 1, name, size + 1);
    if (realpath(joined, path) == NULL)
        return errno == ENOMEM ? mx_error_errno(err, errno, joined, "find") : MERX_OK;
    *where = strncmp(path, in->root, root) == 0 && path[root] == '/' ? INSIDE : OUTSIDE;
    return MERX_OK;
}

/* A file of the folder. */
static merx_status add_file(mx_picture_intake *in, const char *name, const char *path, int32_t *place, merx_error *err)
{
    mx_found_picture found = {.name = name};
    found.path = mx_arena_strdup(&in->work, path, err);
    if (found.path == NULL)
        return MERX_E_MEMORY;
    MX_TRY(look_at_file(in, &found, err));
    return add_found(in, &found, place, err);
}

static merx_status add_wrong(mx_picture_intake *in, const char *name, const char *wrong, merx_error *err)
{
    return add_found(in, &(mx_found_picture){.name = name, .path = "", .wrong = wrong}, NULL, err);
}

/* One name in a folder of pictures; *deeper: it is a folder to be walked through. */
static merx_status take_name(mx_picture_intake *in, const char *name, bool *deeper, merx_error *err)
{
    char path[PATH_MAX];
    struct stat info;
    where_to where;

    *deeper = false;
    char *whole = mx_path_join(&in->work, in->folder, name, err);
    if (whole == NULL)
        return MERX_E_MEMORY;
    if (lstat(whole, &info) != 0)
        return MERX_OK; /* gone since it was listed */
    const bool link = S_ISLNK(info.st_mode);
    MX_TRY(follow(in, name, path, &where, err));
    if (where == OUTSIDE)
        return add_wrong(in, name, "leads out of the folder (expected a file inside it)", err);
    if (where == NOWHERE || stat(path, &info) != 0)
        return is_picture(name) ? add_wrong(in, name, "is a link that leads nowhere", err) : MERX_OK;
    if (S_ISDIR(info.st_mode)) {
        *deeper = !link; /* what a link leads to is found where it is */
        return MERX_OK;
    }
    if (!is_picture(name)) {
        in->others++;
        return MERX_OK;
    }
    return add_file(in, name, path, NULL, err);
}

static merx_status walk(mx_picture_intake *in, const char *below, int depth, merx_error *err)
{
    char **names;
    size_t count;

    if (depth > MAX_DEPTH)
        return add_wrong(in, below, "lies too many folders deep", err);
    char *folder = mx_path_join(&in->work, in->folder, below, err);
    if (folder == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_list_folder(folder, &in->work, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool deeper;
        if (names[i][0] == '.')
            continue;
        char *name = mx_path_join(&in->work, below, names[i], err);
        if (name == NULL)
            return MERX_E_MEMORY;
        MX_TRY(take_name(in, name, &deeper, err));
        if (deeper)
            MX_TRY(walk(in, name, depth + 1, err));
    }
    return MERX_OK;
}

/* ---- a tar file ---- */

/* Digest and format of the entry's bytes. */
static merx_status look_at_entry(mx_picture_intake *in, mx_tar *tar, mx_found_picture *found, merx_error *err)
{
    unsigned char block[1 << 16];
    unsigned char first[SNIFFED];
    size_t kept = 0, got;
    mx_sha256 sha;

    if (found->size > MX_PICTURE_BYTES_MOST)
        return too_large(in, found, err);
    mx_sha256_init(&sha);
    do {
        MX_TRY(mx_tar_read(tar, block, sizeof block, &got, err));
        for (size_t i = 0; i < got && kept < sizeof first; i++)
            first[kept++] = block[i];
        mx_sha256_update(&sha, block, got);
    } while (got > 0);
    mx_sha256_hex_so_far(&sha, found->sha256);
    found->format = format_of(first, kept);
    judge(found);
    return MERX_OK;
}

/* "a.jpg", "./a.jpg" and "pictures/a.jpg" are the same. */
static merx_status take_entry(mx_picture_intake *in, mx_tar *tar, const char *path, const mx_tar_entry *entry,
                              uint64_t place, merx_error *err)
{
    const char *inner = without_dot(entry->name);
    mx_found_picture found = {.path = path, .entry = place, .size = entry->size};

    if (entry->type == MX_TAR_FOLDER)
        return MERX_OK;
    if (mx_str_starts(mx_str_of(inner), FOLDER "/"))
        inner += strlen(FOLDER) + 1;
    if (!is_picture(inner)) {
        in->others += entry->type == MX_TAR_FILE;
        return MERX_OK;
    }
    found.name = mx_arena_printf(&in->work, err, FOLDER "/%s", inner);
    found.member = mx_arena_strdup(&in->work, entry->name, err);
    if (found.name == NULL || found.member == NULL)
        return MERX_E_MEMORY;
    if (!mx_tar_safe_name(inner))
        found.wrong = "leads out of the folder (expected a relative name without \"..\")";
    else if (entry->type != MX_TAR_FILE)
        found.wrong = "is a link or a device in the tar file (expected a file)";
    else
        MX_TRY(look_at_entry(in, tar, &found, err));
    return add_found(in, &found, NULL, err);
}

static merx_status list_tar(mx_picture_intake *in, const char *name, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_source *source = NULL;
    mx_tar *tar = NULL;

    char *path = mx_path_join(&in->work, in->folder, name, err);
    if (path == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_source_open(path, in->alloc, 0, &source, err));
    MX_TRY_GOTO(mx_tar_open(source, MX_PICTURES_MOST, in->alloc, &tar, err));
    for (uint64_t place = 0;; place++) {
        mx_tar_entry entry;
        MX_TRY_GOTO(mx_tar_next(tar, &entry, err));
        if (entry.name == NULL)
            break;
        MX_TRY_GOTO(take_entry(in, tar, path, &entry, place, err));
    }
out:
    mx_tar_close(tar);
    mx_source_close(source);
    return status;
}

/* Tar files first: what lies in the folder counts before what a tar file has under that name. */
static merx_status list_pictures(mx_picture_intake *in, merx_error *err)
{
    char path[PATH_MAX];
    where_to where;

    mx_task_stage(in->task, "look at pictures", 0, "pictures");
    for (int i = 0; i < MX_PICTURE_TARS; i++)
        if (in->tars[i] != NULL) {
            in->speaks = true;
            MX_TRY(list_tar(in, in->tars[i], err));
        }
    if (!in->files)
        return MERX_OK;
    char *folder = mx_path_join(&in->work, in->folder, FOLDER, err);
    if (folder == NULL)
        return MERX_E_MEMORY;
    if (!mx_path_is_folder(folder))
        return MERX_OK;
    in->speaks = true;
    MX_TRY(follow(in, FOLDER, path, &where, err));
    if (where != INSIDE)
        return add_wrong(in, FOLDER, "leads out of the folder (expected a folder inside it)", err);
    return walk(in, FOLDER, 0, err);
}

/* ---- what rows say ---- */

/* The last row of a product counts, as for the product itself. */
typedef struct image_row {
    const char *file, *column, *text; /* text: what is in the column; NULL: no path */
    uint64_t line;
    uint32_t addresses;
} image_row;

typedef struct image_rows {
    mx_dict *ids;
    mx_vec rows; /* image_row, by code of the id */
} image_rows;

/* "https://…", "//host/…", "data:…": not a path. */
static bool is_address(mx_str text)
{
    if (mx_str_starts(text, "//") || mx_str_starts(text, "data:"))
        return true;
    for (size_t i = 0; i + 2 < text.size; i++) {
        const char c = text.data[i];
        if (c == ':')
            return i > 0 && text.data[i + 1] == '/' && text.data[i + 2] == '/';
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
              c == '.'))
            return false;
    }
    return false;
}

/* The next of the values between '|'; false: no more. */
static bool next_part(mx_str *rest, mx_str *part)
{
    while (rest->size > 0) {
        const char *bar = memchr(rest->data, '|', rest->size);
        const size_t size = bar != NULL ? (size_t)(bar - rest->data) : rest->size;
        *part = mx_str_trim((mx_str){rest->data, size});
        const size_t used = bar != NULL ? size + 1 : size;
        *rest = (mx_str){rest->data + used, rest->size - used};
        if (part->size > 0)
            return true;
    }
    return false;
}

static merx_status take_image(mx_picture_intake *in, image_rows *images, const mx_picture_table *table,
                              const char *column, uint64_t line, mx_str id, mx_str text, merx_error *err)
{
    image_row row = {.file = table->name, .column = column, .line = line};
    mx_str rest = text, part;
    int32_t code;
    bool added, path = false;

    while (next_part(&rest, &part)) {
        row.addresses += is_address(part);
        path = path || !is_address(part);
    }
    if (path && (row.text = mx_arena_strndup(&in->work, text.data, text.size, err)) == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_dict_add(images->ids, id, &code, &added, err));
    if (added)
        return mx_vec_append(&images->rows, &row, 1, err);
    MX_VEC_AT(&images->rows, image_row, code) = row;
    return MERX_OK;
}

static mx_str field_of(const mx_row *row, int column)
{
    if ((size_t)column >= row->count || row->fields[column].data == NULL)
        return (mx_str){"", 0};
    return mx_str_trim(row->fields[column]);
}

static merx_status read_table(mx_picture_intake *in, image_rows *images, const mx_picture_table *table, merx_error *err)
{
    const int image = table->layout->column[MX_MEANS_IMAGE], id_column = table->layout->column[MX_MEANS_ID];
    merx_status status = MERX_OK;
    mx_rows *rows = NULL;

    if (image < 0 || id_column < 0)
        return MERX_OK;
    MX_TRY(mx_import_open_rows(table->path, table->layout->separator, in->alloc, &rows, err));
    const char *column = mx_arena_strdup(in->arena, mx_rows_column(rows, (size_t)image), err);
    status = column != NULL ? MERX_OK : MERX_E_MEMORY;
    while (status == MERX_OK) {
        const mx_row *row;
        MX_TRY_GOTO(mx_rows_next(rows, &row, err));
        if (row == NULL)
            break;
        const mx_str id = row->problem == NULL ? field_of(row, id_column) : (mx_str){"", 0};
        /* Others were refused with their row. */
        if (id.size > 0 && id.size <= MX_ID_MAX && field_of(row, image).size <= MX_NAME_MAX)
            MX_TRY_GOTO(take_image(in, images, table, column, row->line, id, field_of(row, image), err));
    }
out:
    mx_rows_close(rows);
    return status;
}

static merx_status add_claim(mx_picture_intake *in, mx_picture_claim *claim, merx_error *err)
{
    claim->next = -1;
    if (in->claims.count >= MX_PICTURES_MOST)
        MX_FAIL(err, MERX_E_LIMIT, in->folder, "more than %zu pictures of products", MX_PICTURES_MOST);
    if (claim->picture >= 0) {
        mx_found_picture *found = &MX_VEC_AT(&in->found, mx_found_picture, claim->picture);
        if (claim->wrong == NULL)
            claim->wrong = found->wrong;
        claim->next = found->first_claim;
        found->first_claim = (int32_t)in->claims.count;
    }
    return mx_vec_append(&in->claims, claim, 1, err);
}

/* The picture that a path in a row names; -1, with *wrong: there is none. Also "a.jpg" for "pictures/a.jpg". */
static merx_status find_named(mx_picture_intake *in, const char *text, int32_t *place, const char **wrong,
                              merx_error *err)
{
    const char *name = without_dot(text);
    char path[PATH_MAX];
    where_to where;

    *place = -1;
    *wrong = NULL;
    if (!mx_tar_safe_name(name)) {
        *wrong = "leads out of the folder (expected a path inside it, such as pictures/a.jpg)";
        return MERX_OK;
    }
    if (!is_picture(name)) {
        *wrong = "is no picture by its name (expected .jpg, .jpeg, .png or .webp)";
        return MERX_OK;
    }
    *place = mx_dict_find(in->names, mx_str_of(name));
    if (*place >= 0)
        return MERX_OK;
    MX_TRY(follow(in, name, path, &where, err));
    if (where == INSIDE)
        return add_file(in, name, path, place, err);
    if (where == OUTSIDE) {
        *wrong = "leads out of the folder by a link (expected a file inside it)";
        return MERX_OK;
    }
    char *below = mx_arena_printf(&in->work, err, FOLDER "/%s", name);
    if (below == NULL)
        return MERX_E_MEMORY;
    *place = mx_dict_find(in->names, mx_str_of(below));
    if (*place < 0)
        *wrong = "there is no such file in the folder";
    return MERX_OK;
}

static merx_status claim_row(mx_picture_intake *in, mx_str id, const image_row *row, merx_error *err)
{
    mx_str rest = mx_str_of(row->text), part;
    const int32_t product = mx_snapshot_find_product(in->snapshot, id.data);

    in->addresses += row->addresses;
    while (next_part(&rest, &part)) {
        if (is_address(part))
            continue;
        mx_picture_claim claim = {.product = product, .file = row->file, .column = row->column, .line = row->line};
        claim.value = mx_arena_strndup(in->arena, part.data, part.size, err);
        if (claim.value == NULL)
            return MERX_E_MEMORY;
        MX_TRY(find_named(in, claim.value, &claim.picture, &claim.wrong, err));
        if (claim.picture >= 0)
            MX_VEC_AT(&in->found, mx_found_picture, claim.picture).said = true;
        if (claim.wrong == NULL && product < 0)
            claim.wrong = "belongs to a product whose row was refused";
        in->speaks = true;
        MX_TRY(add_claim(in, &claim, err));
    }
    return MERX_OK;
}

static merx_status claim_by_rows(mx_picture_intake *in, merx_error *err)
{
    image_rows images = {.ids = NULL};
    merx_status status = MERX_OK;

    images.rows = mx_vec_init(in->alloc, sizeof(image_row), INT32_MAX, "rows that name pictures");
    MX_TRY(mx_dict_new(in->alloc, INT32_MAX, &images.ids, err));
    for (size_t i = 0; i < in->n_tables; i++)
        MX_TRY_GOTO(read_table(in, &images, &in->tables[i], err));
    for (size_t i = 0; i < images.rows.count; i++)
        MX_TRY_GOTO(claim_row(in, mx_dict_get(images.ids, (int32_t)i), &MX_VEC_AT(&images.rows, image_row, i), err));
out:
    mx_vec_release(&images.rows);
    mx_dict_free(images.ids);
    return status;
}

/* ---- what names say ---- */

/* "pictures/ID.jpg", "pictures/ID/anything.jpg": the id. */
static mx_str id_in_name(const char *name)
{
    const char *begin = name + strlen(FOLDER) + 1;
    const char *end = strchr(begin, '/');
    if (end == NULL)
        end = strrchr(begin, '.');
    return (mx_str){begin, end != NULL ? (size_t)(end - begin) : strlen(begin)};
}

static merx_status claim_by_name(mx_picture_intake *in, int32_t place, merx_error *err)
{
    const mx_found_picture *found = &MX_VEC_AT(&in->found, const mx_found_picture, place);
    mx_picture_claim claim = {.picture = place, .product = -1, .column = "", .value = ""};
    const bool below = mx_str_starts(mx_str_of(found->name), FOLDER "/");
    const mx_str id = below ? id_in_name(found->name) : (mx_str){"", 0};

    claim.file = mx_arena_strdup(in->arena, found->member != NULL ? strrchr(found->path, '/') + 1 : found->name, err);
    if (found->member != NULL)
        claim.value = mx_arena_strdup(in->arena, found->member, err);
    char *product = mx_arena_strndup(in->arena, id.data, id.size, err);
    if (claim.file == NULL || claim.value == NULL || product == NULL)
        return MERX_E_MEMORY;
    claim.product = mx_snapshot_find_product(in->snapshot, product);
    if (found->wrong == NULL && claim.product < 0) {
        claim.wrong =
            mx_arena_printf(in->arena, err,
                            "there is no product \"%.100s\" (expected pictures/ID.jpg or pictures/ID/NAME.jpg "
                            "with the id of a product, or a path in its image column)",
                            product);
        if (claim.wrong == NULL)
            return MERX_E_MEMORY;
    }
    return add_claim(in, &claim, err);
}

static int by_name(const void *a, const void *b, void *found)
{
    return strcmp(((const mx_found_picture *)found)[*(const int32_t *)a].name,
                  ((const mx_found_picture *)found)[*(const int32_t *)b].name);
}

/* Those that no row names, in the order of their names. */
static merx_status claim_by_names(mx_picture_intake *in, merx_error *err)
{
    const size_t n = in->found.count;
    int32_t *order = mx_arena_array(&in->work, n + 1, sizeof *order, err);
    size_t m = 0;

    if (order == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!MX_VEC_AT(&in->found, mx_found_picture, i).said)
            order[m++] = (int32_t)i;
    if (m > 1)
        qsort_r(order, m, sizeof *order, by_name, in->found.data);
    for (size_t i = 0; i < m; i++)
        MX_TRY(claim_by_name(in, order[i], err));
    return MERX_OK;
}

/* ---- all of it ---- */

static merx_status find_root(mx_picture_intake *in, merx_error *err)
{
    char path[PATH_MAX];
    if (realpath(in->folder, path) == NULL)
        return mx_error_errno(err, errno, in->folder, "find");
    in->root = mx_arena_strdup(&in->work, path, err);
    return in->root != NULL ? MERX_OK : MERX_E_MEMORY;
}

static merx_status make_note(mx_picture_intake *in, merx_import_file *file, merx_error *err)
{
    mx_text text;
    merx_status status = MERX_OK;

    mx_text_init(&text, in->alloc, 1u << 16);
    if (in->removed > 0)
        mx_text_printf(&text, "%s%" PRIu64 " removed", text.size > 0 ? "; " : "", in->removed);
    if (in->addresses > 0)
        mx_text_printf(&text, "%s%" PRIu64 " pictures named by address are not fetched", text.size > 0 ? "; " : "",
                       in->addresses);
    if (in->others > 0)
        mx_text_printf(&text, "%s%" PRIu64 " files are none by their names", text.size > 0 ? "; " : "", in->others);
    if (in->unchecked != NULL)
        mx_text_printf(&text, "%s%s", text.size > 0 ? "; " : "", in->unchecked);
    status = mx_text_ok(&text, err);
    if (status == MERX_OK && text.size > 0 && (file->note = mx_arena_strdup(in->arena, text.data, err)) == NULL)
        status = MERX_E_MEMORY;
    mx_text_release(&text);
    return status;
}

static merx_status import_pictures(mx_picture_intake *in, merx_import_file *file, bool *said, bool *changed,
                                   merx_error *err)
{
    mx_snapshot *snapshot;

    MX_TRY(mx_dict_new(in->alloc, MX_PICTURES_MOST, &in->names, err));
    MX_TRY(find_root(in, err));
    MX_TRY(mx_shop_snapshot(in->shop, in->task, &snapshot, err));
    in->snapshot = snapshot;
    MX_TRY(list_pictures(in, err));
    MX_TRY(claim_by_rows(in, err));
    MX_TRY(claim_by_names(in, err));
    mx_task_done(in->task);
    if (in->speaks)
        MX_TRY(mx_pictures_keep(in, file, changed, err));
    *said = in->speaks || in->addresses > 0;
    return make_note(in, file, err);
}

merx_status mx_pictures_import(mx_picture_intake *in, merx_import_file *file, bool *said, bool *changed,
                               merx_error *err)
{
    *file = (merx_import_file){.name = MX_PICTURES_SOURCE, .preset = "pictures"};
    *said = *changed = false;
    mx_arena_init(&in->work, in->alloc);
    in->found = mx_vec_init(in->alloc, sizeof(mx_found_picture), MX_PICTURES_MOST, "pictures");
    in->claims = mx_vec_init(in->alloc, sizeof(mx_picture_claim), MX_PICTURES_MOST, "pictures of products");
    merx_status status = import_pictures(in, file, said, changed, err);
    mx_vec_release(&in->found);
    mx_vec_release(&in->claims);
    mx_dict_free(in->names);
    mx_arena_release(&in->work);
    return status;
}
