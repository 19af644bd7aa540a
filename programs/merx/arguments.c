/*
 * Parsing of arguments, and --help, out of the table of commands.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

const cli_flag cli_common_flags[] = {
    {"json", NULL, "print one JSON value on standard output"},
    {"quiet", NULL, "say nothing but results and errors"},
    {"threads", "N", "use N threads (default: all cores); results do not depend on it"},
    {"max-memory", "SIZE", "stay within SIZE (256M, 2G) or refuse at once with an estimate"},
    {"seed", "N", "seed of every random number (default 0)"},
    {"color", "WHEN", "auto (default), always or never; NO_COLOR is respected"},
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

static const cli_flag *find_flag(const cli_flag *table, const char *name, size_t length)
{
    for (const cli_flag *flag = table; flag && flag->name; flag++)
        if (strlen(flag->name) == length && strncmp(flag->name, name, length) == 0)
            return flag;
    return NULL;
}

int cli_usage_error(const cli_command *command, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "%smerx %s:%s ", cli_red(stderr), command->name, cli_plain(stderr));
    vfprintf(stderr, format, values);
    fprintf(stderr, "\nusage: merx %s %s\nmerx %s --help says more\n", command->name, command->usage, command->name);
    va_end(values);
    return 2;
}

/* An open flag "--new-only=false" becomes the setting new_only; the name is copied into storage. */
static void add_setting(cli_arguments *out, char **storage, const char *name, size_t length, const char *value)
{
    char *copy = *storage;
    for (size_t i = 0; i < length; i++)
        copy[i] = name[i] == '-' ? '_' : name[i];
    copy[length] = '\0';
    *storage += length + 1;
    out->settings[out->n_settings++] = (cli_setting){copy, value};
}

int cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *out)
{
    *out = (cli_arguments){.command = command};
    size_t text = 1;
    for (int i = 0; i < argc; i++)
        text += strlen(argv[i]) + 1;
    size_t slots = (size_t)argc + 1;
    out->positional = calloc(slots, sizeof *out->positional);
    out->flags = calloc(slots, sizeof *out->flags);
    out->settings = calloc(slots, sizeof *out->settings);
    out->storage = malloc(text);
    if (!out->positional || !out->flags || !out->settings || !out->storage) {
        fprintf(stderr, "merx: out of memory\n");
        return 1;
    }
    char *storage = out->storage;
    bool only_positional = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_positional || word[0] != '-' || word[1] == '\0') {
            out->positional[out->n_positional++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_positional = true;
            continue;
        }
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            cli_print_help(command, stdout);
            return -1;
        }
        if (strncmp(word, "--", 2) != 0)
            return cli_usage_error(command, "unknown flag %s; flags are written --name", word);
        const char *name = word + 2;
        const char *equals = strchr(name, '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const cli_flag *flag = find_flag(command->flags, name, length);
        if (!flag)
            flag = find_flag(cli_common_flags, name, length);
        if (!flag && (command->open == CLI_OPEN_NONE || length == 0))
            return cli_usage_error(command, "unknown flag --%.*s", (int)length, name);
        const char *value = equals ? equals + 1 : NULL;
        if (!flag || flag->value) {
            if (!value && i + 1 < argc)
                value = argv[++i];
            if (!value)
                return cli_usage_error(command, "--%.*s needs a value", (int)length, name);
        } else if (value) {
            return cli_usage_error(command, "--%.*s takes no value", (int)length, name);
        }
        if (flag)
            out->flags[out->n_flags++] = (cli_setting){flag->name, value ? value : ""};
        else
            add_setting(out, &storage, name, length, value);
    }
    if (out->n_positional < command->min_positional)
        return cli_usage_error(command, "too few arguments");
    if (command->max_positional >= 0 && out->n_positional > command->max_positional)
        return cli_usage_error(command, "unexpected argument \"%s\"", out->positional[command->max_positional]);
    const char *colour = cli_value(out, "color");
    if (colour && strcmp(colour, "auto") != 0 && strcmp(colour, "always") != 0 && strcmp(colour, "never") != 0)
        return cli_usage_error(command, "--color is \"%s\": expected auto, always or never", colour);
    if (colour && strcmp(colour, "auto") != 0)
        setenv("MERX_COLOR", colour, 1);
    return 0;
}

void cli_arguments_free(cli_arguments *arguments)
{
    free(arguments->positional);
    free(arguments->flags);
    free(arguments->settings);
    free(arguments->storage);
}

const char *cli_value(const cli_arguments *arguments, const char *flag)
{
    for (int i = arguments->n_flags; i-- > 0;)
        if (strcmp(arguments->flags[i].name, flag) == 0)
            return arguments->flags[i].value;
    return NULL;
}

bool cli_has(const cli_arguments *arguments, const char *flag)
{
    return cli_value(arguments, flag) != NULL;
}

static void print_flags(const cli_flag *table, FILE *out)
{
    for (const cli_flag *flag = table; flag && flag->name; flag++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
        fprintf(out, "  %-24s %s\n", left, flag->text);
    }
}

static void print_options(const merx_option *table, FILE *out)
{
    for (const merx_option *option = table; option && option->name; option++) {
        fprintf(out, "  --%-22s %s", option->name, option->text);
        if (option->type == MERX_OPTION_CHOICE)
            fprintf(out, " (%s)", option->choices);
        else if (option->type == MERX_OPTION_INT || option->type == MERX_OPTION_REAL)
            fprintf(out, " [%.15g … %.15g%s%s]", option->min, option->max, option->choices ? " or " : "",
                    option->choices ? option->choices : "");
        if (option->value && option->value[0])
            fprintf(out, " (default %s)", option->value);
        fputc('\n', out);
    }
}

static void print_lines(const char *lines, FILE *out)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        fprintf(out, "  %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
}

/* The options that come from tables of the library: of questions, of training, of models, of the server. */
static void print_open_options(const cli_command *command, FILE *out)
{
    cli_open open = command->open;
    if (open == CLI_OPEN_QUESTION || open == CLI_OPEN_TRAINING) {
        for (size_t i = 0; merx_answer_at(i); i++) {
            const merx_answer_info *info = merx_answer_at(i);
            const merx_option *table = open == CLI_OPEN_QUESTION ? info->question : info->training;
            if (!table || !table->name)
                continue;
            fprintf(out, "\n%s%s%s\n", cli_bold(out), info->name, cli_plain(out));
            if (open == CLI_OPEN_QUESTION)
                fprintf(out, "  %s\n", info->text);
            print_options(table, out);
            if (open == CLI_OPEN_QUESTION)
                print_lines(info->examples, out);
        }
    } else if (open == CLI_OPEN_SETTINGS && command->settings) {
        fprintf(out, "\n%ssettings%s\n", cli_bold(out), cli_plain(out));
        print_options(command->settings(), out);
    } else if (open == CLI_OPEN_MODEL) {
        for (size_t i = 0; merx_family_at(i); i++) {
            const merx_family_info *info = merx_family_at(i);
            fprintf(out, "\n%s%s%s: %s\n  %s\n", cli_bold(out), info->name, cli_plain(out), info->title, info->formula);
            print_options(info->options, out);
        }
        fprintf(out, "\n%severy model on a table%s\n", cli_bold(out), cli_plain(out));
        print_options(merx_pipeline_options(), out);
    }
}

void cli_print_help(const cli_command *command, FILE *out)
{
    fprintf(out, "merx %s: %s\n\nusage: merx %s %s\n\n%s\n", command->name, command->summary, command->name,
            command->usage, command->text);
    if (command->flags && command->flags->name) {
        fprintf(out, "\n%sflags%s\n", cli_bold(out), cli_plain(out));
        print_flags(command->flags, out);
    }
    fprintf(out, "\n%scommon flags%s\n", cli_bold(out), cli_plain(out));
    print_flags(cli_common_flags, out);
    if (command->open != CLI_OPEN_NONE)
        print_open_options(command, out);
    fprintf(out, "\n%sexamples%s\n", cli_bold(out), cli_plain(out));
    print_lines(command->examples, out);
}
