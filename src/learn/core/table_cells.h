/*
 * The cells of a table while it is read: what a column is taken for, the values of a part of the file, and the words and texts in them. Floor 3, for the reader
 * of tables alone (dataset_read.c says how the parts become one table).
 *
 * A column is taken for the narrowest thing all its values so far could be: nothing yet, numbers, dates (in one or more formats), words. What is taken for
 * it only ever widens, in that order; words become texts when there are more than max_levels of them. Whether words are truth values is seen at the end.
 */
#ifndef MX_LEARN_CORE_TABLE_CELLS_H
#define MX_LEARN_CORE_TABLE_CELLS_H

#include "base/str.h"
#include "kernels/text_fields.h"
#include "merx/dataset.h"

typedef enum mx_cell_kind {
    MX_CELLS_NONE,    /* all missing so far */
    MX_CELLS_NUMBERS, /* double; NaN: missing */
    MX_CELLS_DATES,   /* int64_t; INT64_MIN: missing */
    MX_CELLS_WORDS,   /* int32_t, codes of a dictionary; -1: missing */
    MX_CELLS_TEXTS    /* const char *; NULL: missing */
} mx_cell_kind;

typedef struct mx_cell_plan {
    mx_cell_kind kind;
    unsigned dates; /* bits of mx_date_format; the lowest one left is how they are read */
} mx_cell_plan;

/* What is known of a column before its values. */
typedef struct mx_cell_rule {
    const char *name;
    bool declared;
    merx_column_type type; /* when declared */
} mx_cell_rule;

/* What does not change while a file is read. */
typedef struct mx_cell_rules {
    const char *missing;  /* further words that mean missing, between '|' */
    bool numbers_missing; /* some of them may be numbers */
    bool suspect[256];    /* first bytes of words that mean missing, and white space */
    char quote;
    size_t max_levels, max_refused;
    mx_cell_rule *columns; /* (count) */
    size_t count;
    size_t *checked; /* (n_checked) columns with a declared type that can refuse a row, ascending */
    size_t n_checked;
} mx_cell_rules;

void mx_cell_rules_init(mx_cell_rules *rules, const merx_csv_options *options, char quote);
bool mx_cell_missing(const mx_cell_rules *rules, mx_str trimmed);
mx_cell_plan mx_cell_plan_first(const mx_cell_rule *rule);
/* The plan after one more value, that is not missing. */
mx_cell_plan mx_cell_plan_widen(mx_cell_plan plan, mx_str trimmed);
/* How values of the plan are held: two plans with the same can be put behind each other. */
bool mx_cell_plan_same(mx_cell_plan a, mx_cell_plan b);
size_t mx_cell_size(mx_cell_kind kind);
/* Whether a declared column takes a value; what would have been right, if not. */
bool mx_cell_fits(const mx_cell_rule *rule, mx_cell_plan *plan, mx_str trimmed, const char **expected);
/* "is not a usable number (expected …)" */
void mx_cell_describe(const mx_cell_rule *rule, const char *expected, char *out, size_t size);

/* Texts that stay where they are put, in blocks that grow. */
typedef struct mx_text_store {
    const merx_allocator *alloc;
    mx_vec blocks; /* mx_text_block */
    char *at, *end;
} mx_text_store;
typedef struct mx_text_block {
    void *data;
    size_t size;
} mx_text_block;
void mx_text_store_init(mx_text_store *store, const merx_allocator *alloc);
void mx_text_store_release(mx_text_store *store);
#define MX_TEXT_SLACK ((size_t)32)

/* A dictionary of one thread: words to codes in order of first sight. */
typedef struct mx_word {
    const char *text; /* in the thread's texts, terminated */
    uint32_t size;
    int32_t shared;   /* code in the table's dictionary; -1: not yet there */
    signed char flag; /* as a truth value; -1: none */
} mx_word;
typedef struct mx_word_slot {
    uint64_t first, second;
    uint32_t size;
    int32_t code; /* -1: means missing; -2: an empty slot */
} mx_word_slot;
typedef struct mx_words {
    const merx_allocator *alloc;
    mx_word_slot *slots;
    size_t n_slots, used, resolved; /* words below `resolved` are in the table's dictionary */
    mx_vec words;                   /* mx_word */
    bool all_flags;
} mx_words;
void mx_words_release(mx_words *words);
void mx_words_clear(mx_words *words);

/* The cells of one column in a part of the file. */
typedef struct mx_cells {
    mx_cell_plan begin, plan; /* taken for at the part's begin; now */
    void *values;             /* (capacity) of 8 bytes at most each */
    size_t missing, infinite;
} mx_cells;

typedef struct mx_infinite {
    size_t row, column;
    uint32_t size;
    char text[64]; /* as it was written */
} mx_infinite;

/* Rows of fields to be taken in: field c of row r lies in text[ends[r stride + c] + 1, ends[r stride + c + 1]). */
typedef struct mx_cell_rows {
    const unsigned char *text;
    const uint32_t *ends;
    size_t stride, rows;
} mx_cell_rows;

/* What the cells of a part share with those of others of the same thread. */
typedef struct mx_cell_scratch {
    const mx_cell_rules *rules;
    const mx_field_kernels *kernels;
    mx_text_store texts;
    mx_words *words;  /* (columns) */
    uint32_t *others; /* (others_room) */
    size_t others_room;
    mx_vec unquoted;  /* bytes of a field whose quotes were undone */
    mx_vec *infinite; /* mx_infinite, of the part being filled */
} mx_cell_scratch;

/*
 * Takes in column j of the rows, as rows `at` and on of the part. *redo becomes true when rows before were taken for something else: the part must be read
 * again. A declared column that can refuse stops at the first value it does not take, *refused (else it is left alone).
 */
merx_status mx_cells_fill(mx_cell_scratch *scratch, mx_cells *cells, size_t j, const mx_cell_rows *rows, size_t at,
                          bool *redo, size_t *refused, merx_error *err) MERX_MUST_CHECK;
/* Marks rows [from, to) missing. */
void mx_cells_blank(mx_cell_kind kind, void *values, size_t from, size_t to);
/* Field c of row r as the file has it: without quotes, doubled ones undone. Borrowed until the next call. */
merx_status mx_cell_text(mx_cell_scratch *scratch, const mx_cell_rows *rows, size_t r, size_t c, mx_str *out,
                         merx_error *err) MERX_MUST_CHECK;

#endif
