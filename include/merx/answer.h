/*
 * Answers: what a shop asks. Each has a name, a table of options for training and one for questions, and gives a reply: items with scores, fields and reasons that add up.
 */
#ifndef MERX_ANSWER_H
#define MERX_ANSWER_H

#include "merx/option.h"
#include "merx/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_answer_info {
    const char *name;            /* "recommend" */
    const char *title;           /* "Recommendations" */
    const char *text;            /* one paragraph: what it answers and how */
    const char *needs;           /* what data, in words */
    const char *examples;        /* lines of `merx ask` commands */
    const merx_option *training; /* options of training; a table of only the end when it learns nothing */
    const merx_option *question; /* options of a question */
    bool learns;
} merx_answer_info;

/* Every answer of this build, in a fixed order; NULL past the end. Static storage. */
MERX_API const merx_answer_info *merx_answer_at(size_t i);
MERX_API const merx_answer_info *merx_answer_find(const char *name);

/* ---- a reply ---- */

typedef enum merx_value_type {
    MERX_VALUE_TEXT,
    MERX_VALUE_INT,
    MERX_VALUE_REAL,
    MERX_VALUE_SHARE,
    MERX_VALUE_MONEY,
    MERX_VALUE_DATE
} merx_value_type;
typedef struct merx_value {
    merx_value_type type;
    int decimals; /* MONEY: amount is in 10^-decimals; REAL: digits worth showing (0: shortest) */
    union {
        const char *text;
        int64_t integer; /* INT; MONEY: minor units; DATE: ms since 1970 */
        double real;     /* REAL; SHARE: 0.25 is 25 % */
    };
} merx_value;
typedef struct merx_field {
    const char *name;
    merx_value value;
} merx_field;

/*
 * One reason. The contributions of an item's reasons sum to its score (1e-6 relative). `without` is the score computed again with that evidence removed.
 */
typedef struct merx_reason {
    const char *kind; /* "purchase", "feature", "base", "trend", "season" … */
    const char *id;   /* of the product, column … */
    const char *text; /* for a person, e.g. "bought WHITE LANTERN on 2011-03-02" */
    double contribution;
    double without; /* NaN: does not apply (a base) */
} merx_reason;

typedef struct merx_item {
    const char *id, *title;
    double score;
    size_t fields, reasons;
    merx_field *field;
    merx_reason *reason; /* by descending absolute contribution; NULL unless asked why */
} merx_item;

typedef struct merx_reply {
    const char *answer;
    const char *sentence;   /* the answer in one plain sentence */
    const char *score_unit; /* what the score is: "blended rank score", "log-odds", "log units", "" */
    int64_t model_version;  /* 0: no model */
    int64_t data_offset;    /* of the last event it has seen */
    size_t items, notes;
    merx_item *item;
    const char **note;
    void *memory; /* everything above lives here */
} merx_reply;
MERX_API void merx_reply_release(merx_reply *reply);

/* A value as text for a person ("12.50", "25.0 %", "2011-12-09"); returns its length without terminator. Locale-free. */
MERX_API size_t merx_value_format(const merx_value *value, char *out, size_t size);
/*
 * The reply as JSON (one object; "types" says once what the fields of each name are: text, int, real, share, money or date; an item whose fields are of other types has "types" of
 * its own), as a table for a terminal. Returned: free with merx_text_free.
 */
MERX_API merx_status merx_reply_json(const merx_reply *reply, char **text, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_reply_table(const merx_reply *reply, int columns, bool colour, char **text,
                                      merx_error *err) MERX_MUST_CHECK;

/* ---- an evaluation ---- */

#define MERX_FIGURES_MAX 12
typedef struct merx_figure {
    char name[32];           /* "ndcg@20" */
    char baseline_name[48];  /* what stands beside it: "popularity", "item-kNN"; "" if nothing */
    double value, low, high; /* 95 % interval */
    double baseline;
    double difference, difference_low, difference_high; /* value - baseline, paired; NaN without a baseline */
    double best_reachable;                              /* from a truth file; NaN when unknown */
    bool higher_is_better;
} merx_figure;
typedef struct merx_evaluation {
    int64_t split_ms;                           /* learnt before, tested from here on; 0: not split by time */
    int64_t until_ms;                           /* end of the test data */
    uint64_t train_rows, test_rows, test_units; /* units: customers, series … that intervals resample */
    char unit[24];                              /* "customers" */
    char protocol[320];                         /* how it was measured, one sentence */
    size_t figures;                             /* the first is the one the gate looks at; 0: not evaluated */
    merx_figure figure[MERX_FIGURES_MAX];
    bool gate_passed;
    char gate[200]; /* why, one sentence */
} merx_evaluation;
MERX_API merx_status merx_evaluation_json(const merx_evaluation *evaluation, char **text,
                                          merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_evaluation_parse(const char *json, merx_evaluation *out, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_evaluation_table(const merx_evaluation *evaluation, int columns, bool colour, char **text,
                                           merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
