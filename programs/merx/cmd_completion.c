/*
 * merx completion: shell completion and the man page, out of the table of commands.
 */
#include <string.h>

#include "command.h"

static void put_flags(const cli_command *command, const char *prefix)
{
    for (const cli_flag *flag = command->flags; flag && flag->name; flag++)
        printf(" %s%s", prefix, flag->name);
    for (const merx_option *option = command->settings ? command->settings() : NULL; option && option->name; option++)
        printf(" %s%s", prefix, option->name);
    for (const cli_flag *flag = cli_common_flags; flag->name; flag++)
        printf(" %s%s", prefix, flag->name);
}

/* The words a command's first argument can be. */
static void put_words(const cli_command *command)
{
    if (command->open == CLI_OPEN_QUESTION || command->run == cmd_train.run || command->run == cmd_evaluate.run)
        for (size_t i = 0; merx_answer_at(i); i++)
            printf(" %s", merx_answer_at(i)->name);
    if (command->open == CLI_OPEN_MODEL)
        for (size_t i = 0; merx_family_at(i); i++)
            printf(" %s", merx_family_at(i)->name);
    if (command->run == cmd_completion.run)
        fputs(" bash zsh fish man", stdout);
    if (command->run == cmd_network.run)
        fputs(" summary export import", stdout);
    if (command->run == cmd_key.run)
        fputs(" create list revoke", stdout);
    if (command->run == cmd_help.run)
        for (const cli_command *const *other = cli_commands; *other; other++)
            printf(" %s", (*other)->name);
}

static void put_completions(const cli_command *command)
{
    put_words(command);
    put_flags(command, "--");
}

static void print_bash(void)
{
    puts("# bash completion for merx: source <(merx completion bash)");
    puts("_merx() {\n  local current=${COMP_WORDS[COMP_CWORD]} words=\n  if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("    words=\"", stdout);
    for (const cli_command *const *command = cli_commands; *command; command++)
        printf("%s ", (*command)->name);
    puts("\"\n  else\n    case ${COMP_WORDS[1]} in");
    for (const cli_command *const *command = cli_commands; *command; command++) {
        printf("    %s) words=\"", (*command)->name);
        put_completions(*command);
        puts("\" ;;");
    }
    puts("    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))");
    puts("  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n}\ncomplete -o filenames -F _merx "
         "merx");
}

static void print_zsh(void)
{
    puts("#compdef merx\n# zsh completion for merx: merx completion zsh > \"${fpath[1]}/_merx\"");
    puts("_merx() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(");
    for (const cli_command *const *command = cli_commands; *command; command++) {
        printf("      '%s:", (*command)->name);
        for (const char *c = (*command)->summary; *c; c++)
            fputs(*c == '\'' ? "'\\''" : *c == ':' ? "\\:" : (char[]){*c, 0}, stdout);
        puts("'");
    }
    puts("    )\n    _describe command commands\n    return\n  fi\n  case $words[2] in");
    for (const cli_command *const *command = cli_commands; *command; command++) {
        printf("  %s) compadd --", (*command)->name);
        put_completions(*command);
        puts(" ;;");
    }
    puts("  esac\n  _files\n}\n_merx \"$@\"");
}

static void print_fish(void)
{
    puts("# fish completion for merx: merx completion fish > ~/.config/fish/completions/merx.fish");
    for (const cli_command *const *command = cli_commands; *command; command++) {
        printf("complete -c merx -n __fish_use_subcommand -a %s -d '", (*command)->name);
        for (const char *c = (*command)->summary; *c; c++)
            fputs(*c == '\'' ? "\\'" : (char[]){*c, 0}, stdout);
        puts("'");
        printf("complete -c merx -n '__fish_seen_subcommand_from %s' -a '", (*command)->name);
        put_completions(*command);
        puts("'");
    }
}

/* A line for roff: a leading dot or quote and every backslash and dash escaped. */
static void put_roff(const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        start = *text == '\n';
    }
    putchar('\n');
}

static void print_man(void)
{
    printf(".TH MERX 1 \"\" \"merx %s\" \"User Commands\"\n.SH NAME\nmerx \\- AI for online shops in one C "
           "program\n.SH SYNOPSIS\n.B merx\n.I COMMAND\n"
           "[\\fIARGUMENTS\\fR]\n.SH COMMANDS\n",
           merx_version());
    for (const cli_command *const *command = cli_commands; *command; command++) {
        printf(".SS merx %s ", (*command)->name);
        put_roff((*command)->usage);
        put_roff((*command)->text);
        for (const cli_flag *flag = (*command)->flags; flag && flag->name; flag++) {
            printf(".TP\n\\fB\\-\\-%s\\fR %s\n", flag->name, flag->value ? flag->value : "");
            put_roff(flag->text);
        }
        for (const merx_option *option = (*command)->settings ? (*command)->settings() : NULL; option && option->name;
             option++) {
            printf(".TP\n\\fB\\-\\-%s\\fR VALUE (default %s)\n", option->name, option->value ? option->value : "none");
            put_roff(option->text);
        }
        puts(".PP\nExamples:\n.PP\n.nf");
        put_roff((*command)->examples);
        puts(".fi");
    }
    puts(".SH COMMON FLAGS");
    for (const cli_flag *flag = cli_common_flags; flag->name; flag++) {
        printf(".TP\n\\fB\\-\\-%s\\fR %s\n", flag->name, flag->value ? flag->value : "");
        put_roff(flag->text);
    }
    puts(".SH EXIT STATUS\n0 done, 1 the work failed, 2 wrong use, 130 interrupted.\n.SH ENVIRONMENT\n.TP\n.B "
         "MERX_SHOP\nthe shop's folder when "
         "\\-\\-shop is not given\n.TP\n.B MERX_SERVE_*\nsettings of merx serve, such as MERX_SERVE_LISTEN\n.TP\n.B "
         "NO_COLOR\nno colour\n.TP\n.B MERX_MAX_ISA\ncaps the instruction set: ref, "
         "avx2, avx512\n.TP\n"
         ".B MERX_VERBOSE\ntopics to log on standard error: dispatch, store, all");
}

static int run(cli_arguments *arguments)
{
    const char *shell = arguments->positional[0];
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else if (strcmp(shell, "fish") == 0)
        print_fish();
    else if (strcmp(shell, "man") == 0)
        print_man();
    else
        return cli_usage_error(arguments->command, "\"%s\" is none of bash, zsh, fish, man", shell);
    return 0;
}

const cli_command cmd_completion = {
    .name = "completion",
    .usage = "bash|zsh|fish|man",
    .summary = "print completion for a shell, or the man page",
    .text = "Everything comes from the program's own table of commands.",
    .examples = "source <(merx completion bash)\nmerx completion man | man -l -\n",
    .min_positional = 1,
    .max_positional = 1,
    .run = run,
};
