/*
 * The parts of import: how a file is understood (import_layout.c, import_mapping.c), its rows turned into records (import_rows.c), what is refused
 * (import_refused.c), and the files of a folder one after the other (import.c). Pictures: import_pictures.h. Floor 5.
 */
#ifndef MX_SHOP_IMPORT_PARTS_H
#define MX_SHOP_IMPORT_PARTS_H

#include "base/clock.h"
#include "io/rows.h"
#include "shop/settings.h"
#include "shop/shop_state.h"

/* What a file holds. In the order files are imported: things before the events that name them. */
typedef enum mx_role {
    MX_ROLE_NONE = -1,
    MX_ROLE_PRODUCTS,
    MX_ROLE_CUSTOMERS,
    MX_ROLE_ORDERS,
    MX_ROLE_EVENTS,
    MX_ROLE_MESSAGES,
    MX_ROLE_REVIEWS,
    MX_ROLES
} mx_role;
const char *mx_role_name(mx_role role); /* "products" … */
mx_role mx_role_find(const char *name); /* also "order_lines", "purchases"; MX_ROLE_NONE */

/* What a column means. */
typedef enum mx_meaning {
    MX_MEANS_ID,
    MX_MEANS_PRODUCT,
    MX_MEANS_CUSTOMER,
    MX_MEANS_ORDER,
    MX_MEANS_SESSION,
    MX_MEANS_TIME,
    MX_MEANS_KIND,
    MX_MEANS_QUANTITY,
    MX_MEANS_PRICE,
    MX_MEANS_TITLE,
    MX_MEANS_COUNTRY,
    MX_MEANS_CATEGORY,
    MX_MEANS_BRAND,
    MX_MEANS_IMAGE,
    MX_MEANS_TEXT,
    MX_MEANS_SERVICE,
    MX_MEANS_STATUS,
    MX_MEANS_CHANNEL,
    MX_MEANS_LANGUAGE,
    MX_MEANS_INTENT,
    MX_MEANS_REPLY,
    MX_MEANS_RATING,
    MX_MEANINGS
} mx_meaning;
const char *mx_meaning_name(mx_meaning meaning); /* as in shop.json: "product", "time" … */
mx_meaning mx_meaning_find(const char *name);    /* MX_MEANINGS: none */
bool mx_role_has(mx_role role, mx_meaning meaning);
bool mx_role_needs(mx_role role, mx_meaning meaning);

/* How one file is understood. */
typedef struct mx_layout {
    mx_role role;
    bool retail;             /* the rules of preset online-retail */
    bool mapped;             /* by shop.json */
    int column[MX_MEANINGS]; /* -1: absent */
    bool date_format_given;
    mx_date_format date_format;
    char separator; /* 0: found */
    bool decimal_comma;
} mx_layout;
const char *mx_layout_preset(const mx_layout *layout);
/* The rows of a file: JSON lines by its name, else CSV. separator 0: found. Owns: mx_rows_close. */
merx_status mx_import_open_rows(const char *path, char separator, const merx_allocator *alloc, mx_rows **out,
                                merx_error *err) MERX_MUST_CHECK;

/*
 * Recognises a file by its column names (and, between roles that fit, by its own name). role is MX_ROLE_NONE when nothing fits.
 * wanted   a role to take, or MX_ROLE_NONE
 */
void mx_layout_recognise(const mx_rows *rows, const char *file_name, mx_role wanted, mx_layout *out);
/* Of a file that was not recognised, but whose name says what it holds and some of whose columns are that: what it lacks can be said. */
void mx_layout_suppose(const mx_rows *rows, const char *file_name, mx_layout *out);
/* The first column that the role needs and the layout lacks; MX_MEANINGS: none. */
mx_meaning mx_layout_lacks(const mx_layout *layout);
/* The services of preset online-retail, as a setting. */
extern const char mx_retail_services[];

/* ---- shop.json ---- */

typedef struct mx_mapping mx_mapping;
/* Reads and checks it. Errors: MERX_E_PARSE (line), MERX_E_NOT_FOUND (an unknown key, with the nearest). Owns: mx_mapping_free. */
merx_status mx_mapping_read(const char *path, const merx_allocator *alloc, mx_mapping **out,
                            merx_error *err) MERX_MUST_CHECK;
void mx_mapping_free(mx_mapping *mapping); /* NULL is allowed */
/* Inside a transaction: what it says of the shop goes to the settings. *changed: something was new. */
merx_status mx_mapping_apply(const mx_mapping *mapping, mx_records *records, const mx_shop_settings *now, bool *changed,
                             merx_error *err) MERX_MUST_CHECK;
/* What it says of a file before it is opened: role ("ignore": *ignored), separator, date format. False: nothing. */
bool mx_mapping_file(const mx_mapping *mapping, const char *file_name, mx_layout *layout, bool *ignored);
/* Its columns, once those of the file are known. MERX_E_INVALID: a column that is not there (with the nearest). */
merx_status mx_mapping_columns(const mx_mapping *mapping, const char *file_name, const mx_rows *rows, mx_layout *layout,
                               merx_error *err) MERX_MUST_CHECK;

/* ---- what is refused ---- */

typedef struct mx_refused {
    const merx_allocator *alloc;
    mx_arena *arena;    /* of the report */
    const char *path;   /* refused.csv */
    mx_sink *sink;      /* NULL until the first */
    mx_vec kept;        /* merx_refusal */
    merx_status failed; /* writing failed: said once, at the end */
    merx_error failure;
} mx_refused;
void mx_refused_init(mx_refused *refused, const char *path, mx_arena *arena, const merx_allocator *alloc);
merx_status mx_refused_add(mx_refused *refused, const char *file, uint64_t line, const char *column, mx_str value,
                           const char *message, merx_error *err) MERX_MUST_CHECK;
/* Finishes the file (removes an older one when nothing was refused and `read` says that files were read). */
merx_status mx_refused_finish(mx_refused *refused, bool read, merx_error *err) MERX_MUST_CHECK;
void mx_refused_release(mx_refused *refused);

/* ---- customers that were erased ---- */

typedef struct mx_erased {
    mx_dict *hashes; /* NULL: nobody was */
    char salt[65];
} mx_erased;
merx_status mx_erased_read(mx_records *records, const merx_allocator *alloc, mx_erased *out,
                           merx_error *err) MERX_MUST_CHECK;
bool mx_erased_has(const mx_erased *erased, char what, mx_str id); /* what: 'c' customer, 'o' order */
void mx_erased_release(mx_erased *erased);
/* Inside a transaction: remembers a salted hash of the id. */
merx_status mx_erased_add(mx_records *records, char what, mx_str id, merx_error *err) MERX_MUST_CHECK;

/* ---- rows ---- */

/* One file on its way into the store. */
typedef struct mx_intake {
    merx_shop *shop;
    merx_task *task;
    const merx_allocator *alloc;
    mx_refused *refused;
    const mx_erased *erased;
    mx_shop_settings *settings;
    mx_layout layout;
    const char *source; /* name of the file, as in the records */
    const mx_rows *rows;
    uint64_t max_refused;
    /* counts of this file */
    uint64_t read, accepted, duplicates, refusals;
    bool things_changed;
    bool refused_row; /* this row was */
    /* the batch */
    mx_arena arena;
    mx_vec batch; /* mx_event or mx_record */
    mx_dict *ids; /* things: the ids of this file */
} mx_intake;
merx_status mx_intake_init(mx_intake *intake,
                           merx_error *err) MERX_MUST_CHECK; /* the fields above the counts are set */
merx_status mx_intake_row(mx_intake *intake, const mx_row *row, merx_error *err) MERX_MUST_CHECK;
merx_status mx_intake_flush(mx_intake *intake, merx_error *err) MERX_MUST_CHECK;
void mx_intake_release(mx_intake *intake);

#endif
