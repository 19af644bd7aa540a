/*
 * The steps that `up` and the single commands share: import, train, report, each with what a person sees of it.
 */
#ifndef MERX_PROGRAM_SHOP_STEPS_H
#define MERX_PROGRAM_SHOP_STEPS_H

#include "command.h"

/* Each returns an exit code; *json, when not NULL, gets what --json prints. Without --json a summary goes to `out`. */
int step_import(const cli_arguments *arguments, merx_shop *shop, const char *path, merx_task *task, FILE *out,
                json_t **json);
int step_train(const cli_arguments *arguments, merx_shop *shop, const char *answer, merx_task *task, FILE *out,
               json_t **json);
int step_report(const cli_arguments *arguments, merx_shop *shop, const char *html, merx_task *task, json_t **json);

#endif
