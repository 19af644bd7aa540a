/*
 * The fields of every kind of record, in one table: the checks, the copies and the drivers' columns are all read from it. Floor 3.
 *
 * The order of a kind's fields is the order of the columns. The first `keys` fields identify a record (models: answer and version).
 */
#ifndef MX_STORE_FIELDS_H
#define MX_STORE_FIELDS_H

#include "store/records.h"

typedef enum mx_field_type {
    MX_FIELD_TEXT, /* mx_str; empty: absent */
    MX_FIELD_INT,  /* int64_t, or uint64_t with minimum 0 */
    MX_FIELD_BOOL, /* bool */
    MX_FIELD_KIND, /* mx_event_kind */
    MX_FIELD_REAL  /* double; NaN: absent */
} mx_field_type;

typedef struct mx_field {
    const char *name; /* also the column's name */
    mx_field_type type;
    size_t offset;     /* within mx_record */
    size_t has_offset; /* of the bool that says whether the value is there; 0: it always is */
    bool required;     /* text that may not be empty */
    uint32_t max_size; /* of text, in bytes */
    int64_t minimum, maximum;
} mx_field;

typedef struct mx_fields {
    const mx_field *fields;
    size_t count, keys;
} mx_fields;

/* kind in [0, MX_RECORD_KINDS). Static storage. */
const mx_fields *mx_record_fields(mx_record_kind kind);

/* Money fields are those whose name ends so. */
#define MX_MONEY_SUFFIX "_minor"

mx_str *mx_field_text(const mx_field *field, mx_record *record);
const mx_str *mx_field_text_of(const mx_field *field, const mx_record *record);
/* Int, bool and kind fields; false: absent (then *value is 0). */
bool mx_field_int(const mx_field *field, const mx_record *record, int64_t *value);
void mx_field_set_int(const mx_field *field, mx_record *record, bool present, int64_t value);
double mx_field_real(const mx_field *field, const mx_record *record);
void mx_field_set_real(const mx_field *field, mx_record *record, double value);

/*
 * Whether a record may be stored. index: its place in the batch, for the message.
 * Errors: MERX_E_INVALID (missing, not UTF-8, a zero byte, no such kind), MERX_E_LIMIT (too long), MERX_E_RANGE (a number).
 */
merx_status mx_record_check(const mx_record *record, size_t index, merx_error *err) MERX_MUST_CHECK;

/* One text as an id of something: 1 ... max bytes of UTF-8 without a zero byte. */
merx_status mx_text_check(mx_str text, size_t max_size, bool required, const char *where, const char *name,
                          merx_error *err) MERX_MUST_CHECK;

/* *out = a copy of record whose texts live (terminated) in the arena. */
merx_status mx_record_copy(const mx_record *record, mx_arena *arena, mx_record *out, merx_error *err) MERX_MUST_CHECK;

/* The id of a model: "answer/3", or "answer/live" (*version 0). False: neither. */
bool mx_model_id_split(mx_str id, mx_str *answer, int64_t *version);

#endif
