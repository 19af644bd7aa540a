/*
 * merx: the program. Finds the command and runs it.
 */
#include <signal.h>
#include <string.h>

#include "command.h"

const cli_command *const cli_commands[] = {
    &cmd_up,      &cmd_import,     &cmd_train,   &cmd_ask,     &cmd_evaluate, &cmd_report,  &cmd_models,
    &cmd_forget,  &cmd_sample,     &cmd_fit,     &cmd_predict, &cmd_explain,  &cmd_inspect, &cmd_forecast,
    &cmd_picture, &cmd_frames,     &cmd_network, &cmd_serve,   &cmd_key,      &cmd_backup,  &cmd_restore,
    &cmd_version, &cmd_completion, &cmd_help,    NULL,
};

const cli_command *cli_find_command(const char *name)
{
    for (const cli_command *const *command = cli_commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "merx %s: AI for online shops in one C program\n\nusage: merx COMMAND [ARGUMENTS] [--help]\n\n",
            merx_version());
    for (const cli_command *const *command = cli_commands; *command; command++)
        fprintf(out, "  %s%-11s%s %s\n", cli_bold(out), (*command)->name, cli_plain(out), (*command)->summary);
    fprintf(out, "\nA first look:\n"
                 "  merx sample my-shop                     write a generated shop's export\n"
                 "  merx up my-shop --shop my-shop.merx     import, train, evaluate, report\n"
                 "  merx ask recommend --shop my-shop.merx --customer C000001 --why\n");
}

static int run_help(cli_arguments *arguments)
{
    if (arguments->n_positional == 0) {
        print_overview(stdout);
        return 0;
    }
    const cli_command *command = cli_find_command(arguments->positional[0]);
    if (!command)
        return cli_usage_error(&cmd_help, "there is no command \"%s\"", arguments->positional[0]);
    cli_print_help(command, stdout);
    return 0;
}

const cli_command cmd_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "show help on a command",
    .text = "Shows what merx can do, or one command in full.",
    .examples = "merx help ask\n",
    .max_positional = 1,
    .run = run_help,
};

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_overview(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    const cli_command *command = cli_find_command(name);
    if (!command) {
        fprintf(stderr, "merx: there is no command \"%s\"; merx --help lists them\n", name);
        return 2;
    }
    cli_arguments arguments;
    int code = cli_parse(command, argc - 2, argv + 2, &arguments);
    if (code == 0)
        code = command->run(&arguments);
    cli_arguments_free(&arguments);
    return code < 0 ? 0 : code;
}

int main(int argc, char **argv)
{
    /* A limit on the size of files (ulimit -f) is an error of the write, not the end of the program. */
    signal(SIGXFSZ, SIG_IGN);
    int code = run_command(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "merx: can't write to standard output\n");
        return 1;
    }
    return code;
}
