/*
 * What a backup looks like; backup.c writes it, restore.c reads it. Floor 5.
 *
 *   merx-backup.json            one line: format, merx, created_ms, offset, versions, and the number of records of each kind
 *   records/KIND-NNNNNN.jsonl   lines of store/record_lines.h, some megabytes each; kinds in the order of MX_BACKUP_KINDS, events by offset
 *   blobs/NAME                  every blob, snapshots aside
 *   SHA256SUMS                  "HEX  NAME" of each of the above in their order, as sha256sum -c takes it; last, so that a backup without it is cut short
 *
 * versions: "recommend 7, segment 2": the highest version ever given of each answer's models, which are never used again.
 */
#ifndef MX_SHOP_BACKUP_H
#define MX_SHOP_BACKUP_H

#include "store/records.h"

#define MX_BACKUP_FORMAT 1
#define MX_BACKUP_HEAD "merx-backup.json"
#define MX_BACKUP_SUMS "SHA256SUMS"
#define MX_BACKUP_RECORDS "records/"
#define MX_BACKUP_BLOBS "blobs/"
#define MX_BACKUP_CHUNK ((size_t)4 << 20)         /* a part of records ends when it has as many bytes */
#define MX_BACKUP_RECORDS_MAX ((size_t)64 << 20)  /* and never has more */
#define MX_BACKUP_ENTRIES_MAX ((size_t)100000000) /* of the tar file */

/* Sources come after events: appending an event moves its source's watermark, and the source's record then sets it. */
static const mx_record_kind mx_backup_kinds[] = {MX_SETTING, MX_PRODUCT, MX_CUSTOMER, MX_ORDER, MX_MESSAGE,
                                                 MX_REVIEW,  MX_EVENT,   MX_SOURCE,   MX_MODEL};
enum { MX_BACKUP_KINDS = sizeof mx_backup_kinds / sizeof *mx_backup_kinds };

#endif
