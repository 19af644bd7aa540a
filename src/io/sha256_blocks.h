/*
 * Whole blocks of SHA-256 by the CPU's own instructions. Floor 1, for digest.c.
 */
#ifndef MX_IO_SHA256_BLOCKS_H
#define MX_IO_SHA256_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this CPU has them. */
bool mx_sha256_blocks_usable(void);
/* Takes `blocks` times 64 bytes into the state (a, b … h). Only where usable. */
void mx_sha256_blocks(uint32_t state[8], const unsigned char *data, size_t blocks);

#endif
