/*
 * Flags that the commands for pictures and video share.
 */
#ifndef MERX_PROGRAM_MEDIA_FLAGS_H
#define MERX_PROGRAM_MEDIA_FLAGS_H

#include "command.h"
#include "merx/media.h"

/* --size and --fit. Exit code or 0. */
int media_picture_options(const cli_arguments *arguments, merx_picture_options *out);

#endif
