/*
 * merx backup and merx restore: a shop into one file, and back.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

static json_t *backup_json(const char *file, const char *shop, const merx_backup *backup)
{
    char time[24];
    cli_format_time(backup->created_ms, time);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "file", file,
                     "shop", shop, "created", time, "events", (json_int_t)backup->events, "products",
                     (json_int_t)backup->products, "customers", (json_int_t)backup->customers, "orders",
                     (json_int_t)backup->orders, "messages", (json_int_t)backup->messages, "reviews",
                     (json_int_t)backup->reviews, "models", (json_int_t)backup->models, "files",
                     (json_int_t)backup->files, "offset", (json_int_t)backup->offset, "bytes",
                     (json_int_t)backup->size_bytes, "erased", (json_int_t)backup->erased, "seconds", backup->seconds);
}

static void print_backup(const merx_backup *backup)
{
    printf("  %llu events, %llu products, %llu customers, %llu orders, %llu messages, %llu reviews, %llu models, %llu "
           "files\n",
           (unsigned long long)backup->events, (unsigned long long)backup->products,
           (unsigned long long)backup->customers, (unsigned long long)backup->orders,
           (unsigned long long)backup->messages, (unsigned long long)backup->reviews,
           (unsigned long long)backup->models, (unsigned long long)backup->files);
}

/* ---- backup ---- */

static int run_backup(cli_arguments *arguments)
{
    const char *folder = arguments->positional[0], *file = arguments->positional[1];
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    merx_backup backup = {0};
    merx_error err = {0};
    int code = cli_task(arguments, &task);
    if (code == 0 && (merx_shop_open(NULL, folder, &(merx_shop_options){.read_only = true}, &shop, &err) != MERX_OK ||
                      merx_shop_backup(shop, file, task, &backup, &err) != MERX_OK))
        code = cli_fail(&err);
    if (code == 0 && cli_has(arguments, "json")) {
        code = cli_print_json(backup_json(file, folder, &backup));
    } else if (code == 0) {
        printf("%s is backed up to %s: %.1f MB in %.1f s\n", folder, file, (double)backup.size_bytes / 1e6,
               backup.seconds);
        print_backup(&backup);
    }
    merx_shop_close(shop);
    merx_task_free(task);
    return code;
}

static const cli_flag backup_flags[] = {{NULL, NULL, NULL}};

const cli_command cmd_backup = {
    .name = "backup",
    .usage = "SHOP FILE",
    .summary = "a shop into one file, while it is in use",
    .text =
        "Writes one state of the shop: every record, models, pictures and keys (hashed), each part with its SHA-256; "
        "also when its records are in PostgreSQL. What can be made again (the snapshot) is left out.\n"
        "The file is a tar, packed by zstd unless its name ends in .tar or .gz; its owner alone may read it. A file "
        "that is there is not written over.",
    .examples =
        "merx backup my-shop.merx my-shop-2024-05-01.tar.zst\nmerx backup my-shop.merx /backups/shop.tar.zst --json\n",
    .flags = backup_flags,
    .min_positional = 2,
    .max_positional = 2,
    .run = run_backup,
};

/* ---- restore ---- */

typedef struct id_list {
    char *text;
    const char **ids;
    size_t count;
} id_list;

/* One customer a line; empty lines are skipped. Exit code or 0. */
static int read_ids(const char *path, id_list *out)
{
    enum { MOST = 64 << 20 };
    merx_error err = {.code = MERX_E_IO};
    FILE *file = fopen(path, "rb");
    size_t size = 0, lines = 1;
    if (!file)
        return cli_check_path(path) ? 1 : cli_fail(&err);
    out->text = malloc(MOST + 1);
    if (out->text)
        size = fread(out->text, 1, MOST + 1, file);
    bool good = out->text && !ferror(file) && size <= MOST;
    fclose(file);
    for (size_t i = 0; good && i < size; i++)
        lines += out->text[i] == '\n';
    out->ids = good ? calloc(lines, sizeof *out->ids) : NULL;
    if (!out->ids) {
        snprintf(err.where, sizeof err.where, "%s", path);
        snprintf(err.message, sizeof err.message, "can't be read: expected one customer's id a line, at most 64 MB");
        return cli_fail(&err);
    }
    out->text[size] = '\0';
    for (char *line = out->text; line < out->text + size;) {
        char *end = line + strcspn(line, "\n");
        char *next = end + 1;
        while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
            end--;
        *end = '\0';
        if (*line)
            out->ids[out->count++] = line;
        line = next;
    }
    return 0;
}

static int run_restore(cli_arguments *arguments)
{
    const char *file = arguments->positional[0], *folder = arguments->positional[1];
    const char *erase = cli_value(arguments, "erase-file");
    merx_restore_options options = {.records = cli_value(arguments, "records")};
    merx_task *task = NULL;
    merx_backup backup = {0};
    merx_error err = {0};
    id_list ids = {0};
    int code = cli_task(arguments, &task);
    if (code == 0 && erase)
        code = read_ids(erase, &ids);
    options.erase = ids.ids;
    options.n_erase = ids.count;
    if (code == 0 && merx_shop_restore(NULL, file, folder, &options, task, &backup, &err) != MERX_OK)
        code = cli_fail(&err);
    if (code == 0 && cli_has(arguments, "json")) {
        code = cli_print_json(backup_json(file, folder, &backup));
    } else if (code == 0) {
        char time[24];
        cli_format_time(backup.created_ms, time);
        printf("%s is restored from %s, the state of %s (%.1f s)\n", folder, file, time, backup.seconds);
        print_backup(&backup);
        if (erase)
            printf("  erased again: %llu customers\n", (unsigned long long)backup.erased);
    }
    if (code == 0 && !erase)
        cli_note(arguments,
                 "customers who were erased after the backup was made are back: erase them again (merx forget, "
                 "or restore with --erase-file)");
    free(ids.ids);
    free(ids.text);
    merx_task_free(task);
    return code;
}

static const cli_flag restore_flags[] = {
    {"records", "ADDRESS",
     "where the records go, such as postgresql://merx@db.example/shops?schema=tea (default: shop.db in the folder)"},
    {"erase-file", "FILE",
     "customers who were erased since, one id a line: they are erased again before the shop is there"},
    {NULL, NULL, NULL},
};

const cli_command cmd_restore = {
    .name = "restore",
    .usage = "FILE SHOP [--records ADDRESS] [--erase-file FILE]",
    .summary = "a shop out of what merx backup wrote",
    .text =
        "Makes the folder SHOP, which must not be there or be empty. Every part is checked (SHA-256, each record, the "
        "counts) before the shop has its name; a backup that is cut short or was changed restores nothing.\n"
        "A backup of a shop in SQLite can be restored into PostgreSQL, and the other way round.",
    .examples = "merx restore my-shop-2024-05-01.tar.zst my-shop.merx\nmerx restore shop.tar.zst tea.merx --records "
                "'postgresql://merx@db.example/shops?schema=tea'\nmerx restore old.tar.zst tea.merx --erase-file "
                "erased-since.txt\n",
    .flags = restore_flags,
    .min_positional = 2,
    .max_positional = 2,
    .run = run_restore,
};
