/*
 * Files and folders: mapped reading, atomic writing, listing. Floor 1.
 */
#ifndef MX_IO_FILE_H
#define MX_IO_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/str.h"

/* A file mapped read-only. An empty file has data NULL, size 0. */
typedef struct mx_map {
    const unsigned char *data;
    size_t size;
} mx_map;
merx_status mx_map_open(const char *path, mx_map *out, merx_error *err) MERX_MUST_CHECK;
void mx_map_close(mx_map *map);

/* Reads up to size bytes at an offset of an open file; *got is less at its end alone. name is for messages. */
merx_status mx_read_at(int fd, uint64_t offset, void *buffer, size_t size, size_t *got, const char *name,
                       merx_error *err) MERX_MUST_CHECK;

bool mx_path_exists(const char *path);
bool mx_path_is_folder(const char *path);
bool mx_path_is_file(const char *path); /* a regular one */
merx_status mx_file_size(const char *path, uint64_t *size, merx_error *err) MERX_MUST_CHECK;
/* Makes the folder and those above it; one that is there is no error. */
merx_status mx_make_folders(const char *path, merx_error *err) MERX_MUST_CHECK;
merx_status mx_remove_file(const char *path, merx_error *err) MERX_MUST_CHECK; /* absent is no error */
void mx_remove_tree(
    const char *path); /* a folder with all that is in it, no link followed; what can't be removed stays */
/* dir + "/" + name in the arena. */
char *mx_path_join(mx_arena *arena, const char *dir, const char *name, merx_error *err);
/* Names in a folder (no "." and ".."), sorted bytewise; strings live in the arena. */
merx_status mx_list_folder(const char *path, mx_arena *arena, char ***names, size_t *count,
                           merx_error *err) MERX_MUST_CHECK;

/*
 * Writes a whole file so that either the old or the new one is there, also after a crash: temporary file beside it, fsync, rename, fsync of the folder.
 * A failure (full disk, read-only folder) leaves the old file and no temporary one. A symbolic link is followed; a device or pipe is written to
 * as it is.
 */
merx_status mx_write_file(const char *path, const void *data, size_t size, merx_error *err) MERX_MUST_CHECK;

/* SHA-256 (libsodium), as 64 lower-case hex digits and a terminator. */
void mx_sha256_hex(const void *data, size_t size, char hex[65]);
merx_status mx_sha256_file(const char *path, char hex[65], merx_error *err) MERX_MUST_CHECK; /* of the bytes on disk */
typedef struct mx_sha256 {
    uint64_t opaque[16];
} mx_sha256;
void mx_sha256_init(mx_sha256 *state);
void mx_sha256_update(mx_sha256 *state, const void *data, size_t size);
void mx_sha256_hex_so_far(const mx_sha256 *state, char hex[65]); /* the state can go on */
/* 128-bit hash (BLAKE2b under a fixed key), for ids: the same on every machine and in every version. */
void mx_hash128(const void *data, size_t size, unsigned char out[16]);
void mx_random_bytes(void *out, size_t size); /* from the system; for keys, never for models */

#endif
