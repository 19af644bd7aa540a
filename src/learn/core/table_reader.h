/*
 * The reader of tables, inside (dataset_read.c has the idea): parts of the file, the threads that fill them, and the table they become. Floor 3.
 */
#ifndef MX_LEARN_CORE_TABLE_READER_H
#define MX_LEARN_CORE_TABLE_READER_H

#include <pthread.h>

#include "base/run.h"
#include "io/csv_scan.h"
#include "learn/core/table.h"
#include "learn/core/table_cells.h"

/* A row that is left out. */
typedef struct mx_refusal {
    size_t begin;  /* of the row in the part's text */
    size_t row;    /* good rows of the part before it */
    uint64_t line; /* counted from the part's first */
    int column;    /* of the value that does not fit; -1: the row can't be read */
} mx_refusal;

/* Rows out of a piece of the file. */
typedef struct mx_table_part {
    const unsigned char *text;
    size_t begin, size; /* the first row begins at begin; the text ends at size */
    size_t limit;       /* rows that begin here or behind are left to another part */
    bool last;          /* the file ends with the text */
    /* filled by mx_table_part_read */
    size_t stop;       /* where the first row that was not read begins */
    bool skipping;     /* ... but what is left of its line is to be skipped first */
    bool redo;         /* values were taken for what they are not: read again, with the plans as they are now */
    uint64_t newlines; /* before `stop` */
    size_t rows, capacity;
    mx_cells *cells; /* (columns) */
    mx_vec runs;     /* mx_line_run, lines counted from the part's first */
    mx_vec refused;  /* mx_refusal */
    mx_vec infinite; /* mx_infinite */
} mx_table_part;

/* What one thread works with. */
typedef struct mx_table_worker {
    const merx_allocator *alloc;
    const mx_cell_rules *rules;
    mx_csv_format format;
    mx_cell_scratch scratch;
    mx_cell_plan *plans, *begun; /* (columns) as its parts have them; as they were given */
    mx_fields index;
    uint32_t *ends; /* (columns + 1) of a single row */
    mx_str *fields; /* (columns) */
    bool *quoted;
    size_t *saved_missing; /* (columns) of the checked columns, before rows that may be taken back */
    unsigned *saved_dates;
    unsigned char *block, *seam_block; /* with padding around */
    size_t chunk, seam_capacity;
    size_t piece; /* bytes indexed at a time; less where rows are not regular */
    size_t size, guess;
    bool last, has_seam;
    mx_table_part body, seam;
} mx_table_worker;

/* The text is indexed by so much at a time; a longer row is scanned alone. */
#define MX_TABLE_PIECE ((size_t)1 << 15)

merx_status mx_table_worker_init(mx_table_worker *worker, const mx_cell_rules *rules, const mx_csv_format *format,
                                 size_t chunk, const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;
void mx_table_worker_release(mx_table_worker *worker);
/* Reads the part from its begin. The worker's plans are those at the begin, and afterwards those at the end. */
merx_status mx_table_part_read(mx_table_worker *worker, mx_table_part *part, merx_error *err) MERX_MUST_CHECK;
/* What a refused row of the part was refused for; *value is what stood there, data NULL for a row that can't be read. */
merx_status mx_table_part_describe(mx_table_worker *worker, const mx_table_part *part, const mx_refusal *refusal,
                                   int *column, mx_str *value, char *out, size_t size, merx_error *err) MERX_MUST_CHECK;
/* Where a row is likely to begin in a text that begins anywhere. */
size_t mx_table_guess(mx_table_worker *worker, const unsigned char *text, size_t size);

/* A column of the table being read. */
typedef struct mx_table_column {
    mx_cell_plan plan;
    void *values;
    size_t capacity; /* rows */
    size_t missing;
    bool filled;     /* some row committed has a value */
    mx_dict *words;  /* of the whole file */
    mx_vec texts;    /* const char *, by code: the words where they stay */
    bool all_flags;  /* every word is a truth value */
    size_t infinite; /* rows noted, one more than may be refused at most */
} mx_table_column;

typedef struct mx_infinite_row {
    size_t row, column;
    uint64_t line;
    uint32_t size;
    char text[64];
} mx_infinite_row;

typedef struct mx_table_reader {
    const char *path;
    const merx_allocator *alloc;
    merx_task *task;
    const mx_cell_rules *rules;
    mx_csv_format format;
    size_t chunk; /* bytes */
    /* the input */
    struct mx_rows *input;
    int fd;                /* -1: a stream */
    uint64_t offset, size; /* of the first row, of the file */
    uint64_t first_line;
    bool input_ended; /* stream */
    /* threads */
    int threads;
    mx_table_worker *workers;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t reading, turn; /* the chunk that may read the stream, be committed */
    size_t copying;       /* threads that copy into the columns */
    bool failed;
    mx_cell_plan *plans; /* (columns) what they were taken for after the last chunk committed; under the lock */
    size_t base;         /* chunk that block 0 of this round is */
    /* what the chunks committed so far left behind; for the thread whose turn it is */
    mx_vec tail; /* bytes of the row that has begun */
    bool skipping, ended, stale;
    uint64_t line, bytes;
    size_t rows, capacity;
    uint64_t refused;
    mx_vec runs;     /* mx_line_run */
    mx_vec infinite; /* mx_infinite_row */
    mx_table_column *columns;
} mx_table_reader;

/* Waits for the chunks before, and takes in the worker's parts; a chunk that could not be read comes with its status. */
merx_status mx_table_commit(mx_table_reader *reader, mx_table_worker *worker, size_t chunk, merx_status status,
                            merx_error *err) MERX_MUST_CHECK;
int mx_infinite_row_compare(const void *a, const void *b);
merx_status mx_table_fail_infinite(const mx_table_reader *reader, const mx_infinite_row *row,
                                   merx_error *err) MERX_MUST_CHECK;
merx_status mx_table_finish(mx_table_reader *reader, merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
void mx_table_columns_release(mx_table_reader *reader);
/* Forgets the rows, keeps what the columns are taken for. */
void mx_table_restart(mx_table_reader *reader);

/* merx_dataset_read of a CSV with chunks of so many bytes (0: as usual), so that tests can cut anywhere. */
merx_status mx_dataset_read_chunks(const char *path, const merx_csv_options *options, size_t chunk, merx_task *task,
                                   merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
/* By the rows of rows.h, in two passes on one thread: JSON lines, and CSV for the tests. */
merx_status mx_dataset_read_rows(const char *path, const merx_csv_options *options, merx_task *task, merx_dataset **out,
                                 merx_error *err) MERX_MUST_CHECK;
/* Sets the types declared as "price=numeric,zip=categorical". */
merx_status mx_cell_rules_declare(mx_cell_rules *rules, const char *types, const char *path,
                                  merx_error *err) MERX_MUST_CHECK;

#endif
