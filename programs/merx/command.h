/*
 * The command line: one table of commands, each with its flags, text and function. --help, the man page and shell completion come from it, so they
 * can't disagree.
 *
 * Exit codes: 0 done · 1 the work failed (bad data, no space, …) · 2 wrong use (unknown flag, missing argument) · 130 interrupted.
 * Results go to stdout, everything else to stderr. --json makes stdout one JSON value.
 */
#ifndef MERX_PROGRAM_COMMAND_H
#define MERX_PROGRAM_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "merx/model.h"
#include "merx/shop.h"

typedef struct cli_flag {
    const char *name;  /* without dashes; NULL ends a table */
    const char *value; /* what stands for the value in help, e.g. "SIZE"; NULL: a switch */
    const char *text;
} cli_flag;

typedef struct cli_arguments cli_arguments;

typedef enum cli_open {
    CLI_OPEN_NONE,
    CLI_OPEN_QUESTION,
    CLI_OPEN_TRAINING,
    CLI_OPEN_MODEL,
    CLI_OPEN_SETTINGS /* of the command's own table */
} cli_open;

typedef struct cli_command {
    const char *name;
    const char *usage;                  /* after "merx name" */
    const char *summary;                /* one line */
    const char *text;                   /* paragraphs of --help */
    const char *examples;               /* lines */
    const cli_flag *flags;              /* besides the common ones */
    int min_positional, max_positional; /* -1: any number */
    cli_open open; /* flags not in the table are options of a question, of training or of a model: "--name value" */
    const merx_option *(*settings)(void); /* CLI_OPEN_SETTINGS: the table; NULL: this build has none */
    int (*run)(cli_arguments *arguments);
} cli_command;

extern const cli_command *const cli_commands[]; /* NULL ends */
extern const cli_flag cli_common_flags[];
const cli_command *cli_find_command(const char *name);

/* The arguments of a call, parsed. Strings are borrowed from argv. */
typedef struct cli_setting {
    const char *name, *value;
} cli_setting;
struct cli_arguments {
    const cli_command *command;
    int n_positional;
    const char **positional;
    int n_flags;
    cli_setting *flags; /* of the tables, in order */
    int n_settings;
    cli_setting *settings; /* open ones; names with '_' */
    char *storage;
};
/* 0, or an exit code after a message on stderr; -1: --help was printed. */
int cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *out);
void cli_arguments_free(cli_arguments *arguments);
const char *cli_value(const cli_arguments *arguments, const char *flag); /* the last one given; NULL */
bool cli_has(const cli_arguments *arguments, const char *flag);
void cli_print_help(const cli_command *command, FILE *out);
/* Says that this build has no server; exit code 1. */
int cli_no_server(void);

/* The terminal. */
bool cli_colour(FILE *stream);
int cli_columns(void);
/* "\033[1m" and the like, or "" without colour. */
const char *cli_bold(FILE *stream), *cli_dim(FILE *stream), *cli_red(FILE *stream), *cli_green(FILE *stream),
    *cli_plain(FILE *stream);

/* Prints the failure on stderr ("merx: where: message") and returns the exit code. */
int cli_fail(const merx_error *err);
int cli_usage_error(const cli_command *command, const char *format, ...) MERX_PRINTF(2, 3);
/* The same with what the library said. */
int cli_usage_failure(const cli_command *command, const merx_error *err);
/* A note to the person on stderr, unless --quiet. */
void cli_note(const cli_arguments *arguments, const char *format, ...) MERX_PRINTF(2, 3);

/* The task of a command: threads, memory, seed from the flags; a progress bar on a terminal; Ctrl-C cancels. Exit code or 0. */
int cli_task(const cli_arguments *arguments, merx_task **task);
/* What a command does with its shop: never writes; reads, and keeps what it derives where it may write; writes; makes it when absent. */
typedef enum cli_shop_use { CLI_SHOP_ONLY_READS, CLI_SHOP_READS, CLI_SHOP_WRITES, CLI_SHOP_MAKES } cli_shop_use;
/* The shop of a command: --shop, MERX_SHOP, the current folder, or the only shop in ./merx-data. Exit code or 0. */
int cli_open_shop(const cli_arguments *arguments, cli_shop_use use, merx_shop **shop);
/* Before a shop is made for it: exit code 1 when the file or folder is not there, or 0. */
int cli_check_path(const char *path);
int cli_check_answer(const cli_arguments *arguments, const char *answer); /* exit code 2 when there is none, or 0 */

/* JSON to stdout with a newline; the value is released. */
int cli_print_json(json_t *value);
json_t *cli_json_or_null(const char *text); /* a JSON string, or null for NULL */
json_t *cli_json_parse(const char *text);   /* of a text the library wrote; null on a bug */
/* Prints text made by the library and frees it. */
void cli_print_text(char *text);
json_t *cli_evaluation_json(const merx_evaluation *evaluation);
/* "2011-12-09 12:50" of ms since 1970; out >= 24 bytes. */
void cli_format_time(long long ms, char *out);

extern const cli_command cmd_up, cmd_import, cmd_train, cmd_ask, cmd_evaluate, cmd_report, cmd_models, cmd_forget,
    cmd_sample, cmd_fit, cmd_predict, cmd_explain, cmd_inspect, cmd_forecast, cmd_picture, cmd_frames, cmd_network,
    cmd_serve, cmd_key, cmd_backup, cmd_restore, cmd_version, cmd_completion, cmd_help;

#endif
