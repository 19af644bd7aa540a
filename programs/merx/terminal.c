/*
 * The terminal: colour, width, the progress bar, Ctrl-C; and the pieces every command shares.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

bool cli_colour(FILE *stream)
{
    const char *wanted = getenv("MERX_COLOR");
    if (wanted && *wanted)
        return strcmp(wanted, "always") == 0;
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return !(no_colour && *no_colour) && isatty(fileno(stream)) && terminal && strcmp(terminal, "dumb") != 0;
}

static const char *code(FILE *stream, const char *sequence)
{
    return cli_colour(stream) ? sequence : "";
}
const char *cli_bold(FILE *stream)
{
    return code(stream, "\033[1m");
}
const char *cli_dim(FILE *stream)
{
    return code(stream, "\033[2m");
}
const char *cli_red(FILE *stream)
{
    return code(stream, "\033[31m");
}
const char *cli_green(FILE *stream)
{
    return code(stream, "\033[32m");
}
const char *cli_plain(FILE *stream)
{
    return code(stream, "\033[0m");
}

int cli_columns(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
        return size.ws_col < 200 ? size.ws_col : 200;
    return 100;
}

static merx_task *volatile interrupted_task;
static volatile sig_atomic_t interrupt_signal;

int cli_fail(const merx_error *err)
{
    if (err->code == MERX_E_CANCELLED) {
        fprintf(stderr, "merx: interrupted; what was finished is kept\n");
        return 128 + (interrupt_signal ? interrupt_signal : SIGINT);
    }
    fprintf(stderr, "%smerx:%s ", cli_red(stderr), cli_plain(stderr));
    if (err->where[0])
        fprintf(stderr, "%s: ", err->where);
    fputs(err->message[0] ? err->message : merx_status_text(err->code), stderr);
    const merx_task *task = interrupted_task;
    if (err->code == MERX_E_MEMORY && merx_task_max_memory(task))
        fprintf(stderr, " (--max-memory is %.3g MB, and %.3g MB were in use; give more)",
                (double)merx_task_max_memory(task) / (1 << 20), (double)merx_task_peak_memory(task) / (1 << 20));
    fputc('\n', stderr);
    return 1;
}

int cli_usage_failure(const cli_command *command, const merx_error *err)
{
    if (err->code == MERX_E_MEMORY)
        return cli_fail(err); /* not for what was asked, but for how little was given */
    return cli_usage_error(command, "%s%s%s", err->where, err->where[0] ? ": " : "", err->message);
}

int cli_check_path(const char *path)
{
    if (access(path, F_OK) == 0)
        return 0;
    merx_error err = {.code = MERX_E_NOT_FOUND};
    snprintf(err.where, sizeof err.where, "%s", path);
    snprintf(err.message, sizeof err.message, "%s",
             errno == ENOENT ? "there is no such file or folder" : strerror(errno));
    return cli_fail(&err);
}

int cli_check_answer(const cli_arguments *arguments, const char *answer)
{
    char names[512] = "";
    for (size_t i = 0; merx_answer_at(i); i++) {
        if (strcmp(merx_answer_at(i)->name, answer) == 0)
            return 0;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", merx_answer_at(i)->name);
    }
    return cli_usage_error(arguments->command, "there is no answer \"%s\" (there are: %s)", answer, names);
}

void cli_note(const cli_arguments *arguments, const char *format, ...)
{
    if (cli_has(arguments, "quiet"))
        return;
    fflush(stdout); /* so that both streams on one terminal keep their order */
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

/* ---- progress ---- */

static void show_progress(void *context, const merx_progress *progress)
{
    (void)context;
    enum { WIDTH = 24 };
    if (progress->done >= 1) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
        return;
    }
    fprintf(stderr, "\r\033[K%s ", progress->stage);
    if (progress->done >= 0) {
        int full = (int)(progress->done * WIDTH);
        fputc('[', stderr);
        for (int i = 0; i < WIDTH; i++)
            fputs(i < full ? "#" : ".", stderr);
        fprintf(stderr, "] %3d %%", (int)(progress->done * 100));
    }
    if (progress->count && progress->unit && progress->unit[0])
        fprintf(stderr, " %llu %s", (unsigned long long)progress->count, progress->unit);
    if (progress->left_s >= 0 && progress->elapsed_s > 1)
        fprintf(stderr, ", %.0f s left", progress->left_s);
    fflush(stderr);
}

static void on_interrupt(int signal_number)
{
    interrupt_signal = signal_number;
    if (interrupted_task)
        merx_task_cancel(interrupted_task);
    /* A second one ends at once: everything stored is safe against that. */
    signal(signal_number, SIG_DFL);
}

static int parse_count(const cli_arguments *arguments, const char *flag, unsigned long long low,
                       unsigned long long high, unsigned long long *out)
{
    const char *value = cli_value(arguments, flag);
    if (!value)
        return 0;
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] == '-' || *value == '\0' || *end || errno || number < low || number > high)
        return cli_usage_error(arguments->command, "--%s is \"%s\": expected a whole number from %llu to %llu", flag,
                               value, low, high);
    *out = number;
    return 0;
}

int cli_task(const cli_arguments *arguments, merx_task **task)
{
    merx_task_options options = {0};
    unsigned long long threads = 0;
    unsigned long long seed = 0;
    int code_of_flag = parse_count(arguments, "threads", 1, 256, &threads);
    if (code_of_flag == 0)
        code_of_flag = parse_count(arguments, "seed", 0, ~0ull, &seed);
    if (code_of_flag)
        return code_of_flag;
    options.threads = (int)threads;
    options.seed = seed;
    merx_error err = {0};
    const char *memory = cli_value(arguments, "max-memory");
    if (memory && merx_parse_bytes(memory, &options.max_memory_bytes, &err) != MERX_OK)
        return cli_usage_error(arguments->command, "--max-memory: %s", err.message);
    if (memory && options.max_memory_bytes == 0)
        return cli_usage_error(arguments->command, "--max-memory is \"%s\": expected a size, such as 256M", memory);
    if (isatty(STDERR_FILENO) && !cli_has(arguments, "quiet"))
        options.progress = show_progress;
    if (merx_task_new(NULL, &options, task, &err) != MERX_OK)
        return cli_fail(&err);
    interrupted_task = *task;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

/* ---- the shop ---- */

/* Its records, or where they are. */
static bool holds_shop(const char *folder)
{
    static const char *const names[] = {"shop.db", "records.address"};
    char path[4096];
    struct stat status;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (length > 0 && (size_t)length < sizeof path && stat(path, &status) == 0)
            return true;
    }
    return false;
}

/* The only shop below ./merx-data, if there is exactly one. */
static bool only_shop(char *out, size_t size)
{
    DIR *folder = opendir("merx-data");
    if (!folder)
        return false;
    int found = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[sizeof entry->d_name + 16];
        snprintf(path, sizeof path, "merx-data/%s", entry->d_name);
        if (entry->d_name[0] != '.' && holds_shop(path) && ++found == 1)
            snprintf(out, size, "%s", path);
    }
    closedir(folder);
    return found == 1;
}

int cli_open_shop(const cli_arguments *arguments, cli_shop_use use, merx_shop **shop)
{
    bool create = use == CLI_SHOP_MAKES;
    bool reads = use == CLI_SHOP_READS;
    char found[4096];
    const char *folder = cli_value(arguments, "shop");
    if (!folder)
        folder = getenv("MERX_SHOP");
    if ((!folder || !*folder) && holds_shop("."))
        folder = ".";
    if ((!folder || !*folder) && !create && only_shop(found, sizeof found))
        folder = found;
    if (!folder || !*folder)
        return cli_usage_error(arguments->command,
                               "which shop? Give --shop DIR, set MERX_SHOP, or run it inside a shop's folder");
    merx_error err = {0};
    const char *records = cli_value(arguments, "records");
    merx_shop_options options = {
        .create = create, .read_only = use == CLI_SHOP_ONLY_READS, .records = records, .keep_records = records != NULL};
    merx_status status = merx_shop_open(NULL, folder, &options, shop, &err);
    if (status == MERX_E_PERMISSION && reads) {
        /* What was learned can be asked where nothing may be written. */
        merx_error_clear(&err);
        options.read_only = true;
        status = merx_shop_open(NULL, folder, &options, shop, &err);
    }
    return status == MERX_OK ? 0 : cli_fail(&err);
}

/* ---- output ---- */

int cli_print_json(json_t *value)
{
    if (!value || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0) {
        json_decref(value);
        fprintf(stderr, "merx: can't write JSON to standard output\n");
        return 1;
    }
    putchar('\n');
    json_decref(value);
    return 0;
}

json_t *cli_json_or_null(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

json_t *cli_json_parse(const char *text)
{
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

json_t *cli_evaluation_json(const merx_evaluation *evaluation)
{
    char *text = NULL;
    if (evaluation->figures == 0 || merx_evaluation_json(evaluation, &text, NULL) != MERX_OK)
        return json_null();
    json_t *value = cli_json_parse(text);
    merx_text_free(text);
    return value;
}

void cli_print_text(char *text)
{
    fputs(text, stdout);
    merx_text_free(text);
}

void cli_format_time(long long ms, char *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, 24, "%Y-%m-%d %H:%M", &parts);
}
