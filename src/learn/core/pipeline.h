/*
 * The preprocessing pipeline: makes a design (numbers only) out of a table. It is learnt at fit and is part of the model. Floor 3.
 *
 * A *source* is a column of the table; a *slot* is a column of the design. Every slot belongs to one source, so contributions of slots
 * add up to contributions of sources.
 *
 *   numeric      value                  (log first when asked for; missing: mean or median; standardised when asked for)
 *   boolean      value                  0 or 1; missing: the share of true
 *   categorical  one slot per level     rare and surplus levels share one ("other"); missing is a level of its own
 *   date         trend in years, one slot per month, one per day of the week
 *   all          one slot "is missing"  when values were missing in training
 *
 * For families that take columns as they are (MX_PIPELINE_AS_IS) there are fewer slots, and missing is NaN in each:
 *
 *   numeric, boolean  value                 (log first when asked for)
 *   categorical       code                  of the level, "other" last; -1: a level that training has not seen
 *   date              year, month and day of the week, the latter two as codes
 *
 * Slots that are the same in every training row are dropped, with a note. What training never saw (a new level, a missing value where
 * there was none) takes the training mean of each slot: it speaks neither for nor against anything. A new level goes to "other" where
 * there is one. Text columns are left out, with a note. Weights do not enter here.
 */
#ifndef MX_LEARN_CORE_PIPELINE_H
#define MX_LEARN_CORE_PIPELINE_H

#include "io/tensor_file.h"
#include "learn/core/column_study.h"
#include "learn/core/table.h"
#include "merx/option.h"

typedef enum mx_slot_kind {
    MX_SLOT_VALUE,
    MX_SLOT_MISSING,
    MX_SLOT_LEVEL,
    MX_SLOT_OTHER,
    MX_SLOT_MONTH,
    MX_SLOT_WEEKDAY,
    MX_SLOT_PLAIN, /* the value, NaN when missing */
    MX_SLOT_CODE,
    MX_SLOT_MONTH_CODE,   /* 0 January … 11 */
    MX_SLOT_WEEKDAY_CODE, /* 0 Monday … 6 */
    MX_SLOT_KINDS
} mx_slot_kind;

typedef struct mx_slot {
    int32_t source;
    mx_slot_kind kind;
    int32_t argument;     /* LEVEL: the level; MONTH: 1 … 12; WEEKDAY: 0 Monday … 6; codes: how many */
    double center, scale; /* VALUE: (value - center) / scale */
    double neutral;       /* what stands for the unknown: the mean over the training rows, after center and scale */
} mx_slot;

#define MX_LEVEL_DROPPED (-1) /* all slots 0: the base level */
#define MX_LEVEL_UNKNOWN (-2)

typedef struct mx_source_column {
    const char *name;
    merx_column_type type;
    bool log;
    double fill;     /* stands for a missing value: of the value after log; a date's in years since 1970 */
    double min, max; /* of the training data as written; dates in ms; NaN when there was none */
    uint64_t missing;
    mx_dict *levels;  /* categorical: the training table's levels in its order */
    int32_t *slot_of; /* (levels) slot, or MX_LEVEL_DROPPED; with a code slot: the code */
    size_t n_levels;
    int32_t other, absent; /* slots of "other" (its code) and "is missing"; -1: none */
    size_t first, count;   /* its slots */
} mx_source_column;

typedef struct mx_pipeline {
    const merx_allocator *alloc;
    mx_arena arena;
    size_t n_sources, width;
    mx_source_column *sources;
    mx_slot *slots;        /* (width) */
    const char **names;    /* (width): "carat", "color=D", "date month=3" */
    struct mx_unit *units; /* (width), as families read them */
    /* (width) of the codes of a slot: how many, what they are called; NULL where no slot has codes. */
    size_t *levels;
    const char *const **level_names;
    mx_text notes; /* one line each: columns left out and why */
    /* What its file holds (pipeline_file.c), made once by mx_pipeline_pack. */
    int64_t *file_source_ints;
    int32_t *file_level_slots, *file_slots;
    double *file_source_reals, *file_slot_reals;
} mx_pipeline;

/* The table of options: standardise, impute, rare_level, max_levels, drop_first, log_columns, limit_predictions. */
extern const merx_option mx_pipeline_option_table[];

/* Whether an option of the table means something to a family of these tags. */
bool mx_pipeline_option_for(const char *name, unsigned tags);

typedef enum mx_pipeline_mode { MX_PIPELINE_EVERY_LEVEL, MX_PIPELINE_DROP_FIRST, MX_PIPELINE_AS_IS } mx_pipeline_mode;

/*
 * Learns a pipeline over columns (n of them, by number). mode: what drop_first=auto means here, or columns as they are.
 * MERX_E_INVALID when no slot is left, MERX_E_NUMERIC for a logarithm of what is not positive.
 * Owns: free with mx_pipeline_free.
 */
merx_status mx_pipeline_fit(const merx_dataset *table, const size_t *columns, size_t n, const merx_options *options,
                            mx_pipeline_mode mode, const merx_allocator *alloc, merx_task *task, mx_pipeline **out,
                            merx_error *err) MERX_MUST_CHECK;
void mx_pipeline_free(mx_pipeline *pipeline);

/*
 * The same in steps, for tables that come one after the other: studies (n, zeroed) opened on the first, added to by the caller and ended; then the pipeline.
 * alloc is the pipeline's, both times: from_studies takes dictionaries out of the studies. where: for messages. The caller releases the studies, also after failures.
 */
merx_status mx_pipeline_study(const merx_dataset *table, const size_t *columns, size_t n, const merx_options *options,
                              mx_pipeline_mode mode, const merx_allocator *alloc, mx_column_study *studies,
                              merx_error *err) MERX_MUST_CHECK;
merx_status mx_pipeline_from_studies(mx_column_study *studies, size_t n, uint64_t rows, const char *where,
                                     const merx_options *options, mx_pipeline_mode mode, const merx_allocator *alloc,
                                     merx_task *task, mx_pipeline **out, merx_error *err) MERX_MUST_CHECK;

/* A table bound to the pipeline: columns found, types checked, levels matched by name. Any number of threads may transform through it. */
typedef struct mx_bound_column {
    const mx_column *column;
    int32_t *map; /* level of the table -> slot */
    size_t n_map;
} mx_bound_column;
typedef struct mx_binding {
    const merx_dataset *table;
    mx_bound_column *columns;
    size_t n;
    const merx_allocator *alloc;
} mx_binding;
merx_status mx_pipeline_bind(const mx_pipeline *pipeline, const merx_dataset *table, const merx_allocator *alloc,
                             mx_binding *out, merx_error *err) MERX_MUST_CHECK;
void mx_binding_release(mx_binding *binding);
/* x (count, width) written: rows begin … begin + count - 1. */
merx_status mx_pipeline_transform(const mx_pipeline *pipeline, const mx_binding *binding, size_t begin, size_t count,
                                  double *x, merx_error *err) MERX_MUST_CHECK;

/* Whether a comma-separated list ("price, carat") names the word. */
bool mx_list_has(const char *list, const char *name);

/* Tensors "pipeline.*". A loaded pipeline is checked as if it came from a stranger. */
merx_status mx_pipeline_save(const mx_pipeline *pipeline, mx_tensor_writer *writer, merx_error *err) MERX_MUST_CHECK;
merx_status mx_pipeline_load(const mx_tensor_file *file, const merx_allocator *alloc, mx_pipeline **out,
                             merx_error *err) MERX_MUST_CHECK;

/* For pipeline.c and pipeline_file.c: an empty one, and the names of the slots out of the rest. */
merx_status mx_pipeline_new(const merx_allocator *alloc, size_t n_sources, mx_pipeline **out,
                            merx_error *err) MERX_MUST_CHECK;
merx_status mx_pipeline_name_slots(mx_pipeline *pipeline, merx_error *err) MERX_MUST_CHECK;
merx_status mx_pipeline_pack(mx_pipeline *pipeline, merx_error *err) MERX_MUST_CHECK;

#endif
