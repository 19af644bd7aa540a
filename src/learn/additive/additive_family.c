/*
 * The families `additive` and `additive_classifier`: mx_additive behind the model contract.
 */
#include "learn/additive/additive_family.h"

#include <math.h>
#include <string.h>

enum { PAIRS_AT_LEAST = 20 };

/* The first is of regressions alone: the classifier's table begins behind it. */
static const merx_option options_table[] = {
    {"loss", MERX_OPTION_CHOICE, 0, 0, "squared", "squared|poisson",
     "What a regression makes small: squared errors, or, of a target in log_columns, the Poisson deviance of the "
     "target "
     "itself: means are predicted instead of medians, and what is large counts more."},
    {"learning_rate", MERX_OPTION_REAL, 1e-4, 1, "0.1", NULL, "Share of each step that is taken."},
    {"max_rounds", MERX_OPTION_INT, 1, 1000000, "10000", NULL, "Most rounds over all columns, in each of two stages."},
    {"patience", MERX_OPTION_INT, 1, 1000000, "50", NULL,
     "A stage ends when the loss on held-out rows has made no progress for this many rounds."},
    {"tolerance", MERX_OPTION_REAL, 0, 1, "0.001", NULL,
     "What counts as progress: a fall of the held-out loss by this share of it."},
    {"bags", MERX_OPTION_INT, 1, 1000, "8", NULL,
     "Fits that are averaged; each holds other rows out to know when to stop."},
    {"validation_share", MERX_OPTION_REAL, 0.01, 0.9, "0.15", NULL, "Share of the rows that each bag holds out."},
    {"max_bins", MERX_OPTION_INT, 2, MX_ADDITIVE_MAX_BINS, "512", NULL, "Most bins of a numeric column."},
    {"leaves", MERX_OPTION_INT, 2, 64, "2", NULL, "Pieces of one step of a column."},
    {"min_samples", MERX_OPTION_INT, 1, 1e9, "4", NULL, "Fewest rows of a piece."},
    {"l2", MERX_OPTION_REAL, 0, 1e15, "15", NULL, "Pull of each step towards 0, in rows of weight 1."},
    {"pairs", MERX_OPTION_INT, -1, 1000000, "-1", NULL,
     "Most pairs of columns with a shape together; -1: as many as columns, at least 20; 0: none."},
    {"pair_bins", MERX_OPTION_INT, 2, MX_ADDITIVE_MAX_PAIR_BINS, "64", NULL,
     "Most cells of a side of a pair's grid; never more than the square root of the number of rows."},
    {"pair_leaves", MERX_OPTION_INT, 4, 64, "4", NULL, "Pieces of one step of a pair."},
    {"monotone", MERX_OPTION_TEXT, 0, 0, "", NULL,
     "Columns, separated by commas, in which the prediction only rises or only falls: \"carat, price:-1\"."},
    {0},
};

/* ---- monotone ---- */

static merx_status no_such_column(const mx_design *design, const char *name, merx_error *err)
{
    const char *nearest = design->names != NULL ? mx_nearest_word(name, design->names, design->d) : NULL;
    MX_FAIL(err, MERX_E_NOT_FOUND, "monotone", "there is no numeric column \"%s\" to learn from%s%s%s", name,
            nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "", nearest != NULL ? "\"?)" : "");
}

/* "log price" is named by "price" too. */
static bool names_column(const char *column, mx_str name)
{
    return mx_str_equal(mx_str_of(column), name) ||
           (strncmp(column, "log ", 4) == 0 && mx_str_equal(mx_str_of(column + 4), name));
}

static merx_status read_monotone(const char *list, const mx_design *design, signed char *out, merx_error *err)
{
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        mx_str one = mx_str_trim((mx_str){list, size});
        list += size + (list[size] == ',');
        if (one.size == 0)
            continue;
        const char *colon = memchr(one.data, ':', one.size);
        for (const char *at = colon; at != NULL; at = memchr(at + 1, ':', (size_t)(one.data + one.size - at - 1)))
            colon = at; /* the last one: names may have colons */
        signed char direction = 1;
        if (colon != NULL) {
            mx_str sign = mx_str_trim((mx_str){colon + 1, (size_t)(one.data + one.size - colon - 1)});
            if (mx_str_equal(sign, MX_STR("-1")))
                direction = -1;
            else if (!mx_str_equal(sign, MX_STR("+1")) && !mx_str_equal(sign, MX_STR("1")))
                MX_FAIL(err, MERX_E_INVALID, "monotone", "\"%.*s\" is no direction (expected +1 or -1)", (int)sign.size,
                        sign.data);
            one = mx_str_trim((mx_str){one.data, (size_t)(colon - one.data)});
        }
        size_t j = 0;
        while (j < design->d && !(design->names != NULL && names_column(design->names[j], one)))
            j++;
        char name[256];
        size_t shown = one.size < sizeof name - 1 ? one.size : sizeof name - 1;
        memcpy(name, one.data, shown);
        name[shown] = '\0';
        if (j == design->d)
            return no_such_column(design, name, err);
        if (design->levels != NULL && design->levels[j] > 0)
            MX_FAIL(err, MERX_E_TYPE, "monotone", "column \"%s\" has levels, which have no order", name);
        out[j] = direction;
    }
    return MERX_OK;
}

/* ---- fit ---- */

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    *state = NULL;
    alloc = mx_allocator_or_default(alloc);
    const merx_allocator *scratch = merx_task_allocator(task);
    mx_additive_state *s = NULL;
    signed char *monotone = NULL;
    size_t *levels = NULL;
    merx_status status;
    mx_additive_options o = {.max_bins = (size_t)merx_options_int(options, "max_bins"),
                             .pair_bins = (size_t)merx_options_int(options, "pair_bins"),
                             .bags = (size_t)merx_options_int(options, "bags"),
                             .leaves = (size_t)merx_options_int(options, "leaves"),
                             .pair_leaves = (size_t)merx_options_int(options, "pair_leaves"),
                             .max_rounds = (size_t)merx_options_int(options, "max_rounds"),
                             .patience = (size_t)merx_options_int(options, "patience"),
                             .min_samples = (size_t)merx_options_int(options, "min_samples"),
                             .learning_rate = merx_options_real(options, "learning_rate"),
                             .tolerance = merx_options_real(options, "tolerance"),
                             .l2 = merx_options_real(options, "l2"),
                             .held_out = merx_options_real(options, "validation_share"),
                             .poisson =
                                 design->labels == NULL && strcmp(merx_options_text(options, "loss"), "poisson") == 0,
                             .seed = merx_task_seed(task)};
    if (o.poisson && !design->y_log)
        MX_FAIL(err, MERX_E_INVALID, "additive",
                "loss poisson learns the logarithm of a target above 0 (expected the target in log_columns)");
    int64_t pairs = merx_options_int(options, "pairs");
    o.pairs = pairs >= 0 ? (size_t)pairs : design->d > PAIRS_AT_LEAST ? design->d : PAIRS_AT_LEAST;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, 1, &s, "additive model", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, design->d, &monotone, "constraints", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, design->d, &levels, "levels", err));
    for (size_t j = 0; j < design->d; j++)
        levels[j] = design->levels != NULL ? design->levels[j] : 0;
    MX_TRY_GOTO(read_monotone(merx_options_text(options, "monotone"), design, monotone, err));
    o.monotone = monotone;
    mx_additive_data data = {.n = design->n,
                             .d = design->d,
                             .classes = design->labels != NULL ? design->classes : 0,
                             .x = design->x,
                             .levels = levels,
                             .y = design->y,
                             .labels = design->labels,
                             .weights = design->weights};
    MX_TRY_GOTO(mx_additive_fit(&data, &o, alloc, task, &s->model, err));
    MX_TRY_GOTO(mx_additive_pack(s, err));
    *state = s;
    s = NULL;
out:
    mx_additive_state_free(s, alloc);
    MX_FREE_ARRAY(scratch, monotone, design->d);
    MX_FREE_ARRAY(scratch, levels, design->d);
    return status;
}

/* Keys, order, bins and targets of all rows; two copies of a bag's rows for each thread (as many as bags may be). */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    uint64_t outputs = classes > 2 ? classes : 1, bags = (uint64_t)merx_options_int(options, "bags"),
             threads = bags < 2 ? bags : 2;
    int64_t asked = merx_options_int(options, "pairs");
    uint64_t most = (uint64_t)d * (d > 0 ? d - 1 : 0) / 2, pairs = asked >= 0           ? (uint64_t)asked
                                                                   : d > PAIRS_AT_LEAST ? d
                                                                                        : PAIRS_AT_LEAST;
    pairs = pairs < most ? pairs : most;
    return n * (64 + 2 * d + threads * (2 * (d + pairs) + 32 * outputs + 32)) + 65536;
}

/* ---- a fitted model ---- */

static const mx_additive *model_of(const void *state)
{
    return &((const mx_additive_state *)state)->model;
}

static size_t outputs(const void *state)
{
    size_t classes = model_of(state)->classes;
    return classes > 0 ? classes : 1;
}

static size_t inputs(const void *state)
{
    return model_of(state)->d;
}

static void predict_row(const void *state, const double *x, double *values, int32_t *label)
{
    const mx_additive *m = model_of(state);
    if (m->classes == 0) {
        mx_additive_score(m, x, values);
        return;
    }
    if (m->classes == 2) {
        double score;
        mx_additive_score(m, x, &score);
        double small = 1 / (1 + exp(fabs(score)));
        values[0] = score > 0 ? small : 1 - small;
        values[1] = score > 0 ? 1 - small : small;
        if (label != NULL)
            *label = score > 0;
        return;
    }
    mx_additive_score(m, x, values);
    size_t best = 0;
    double sum = 0;
    for (size_t k = 1; k < m->classes; k++)
        if (values[k] > values[best])
            best = k;
    double most = values[best];
    for (size_t k = 0; k < m->classes; k++)
        sum += values[k] = exp(values[k] - most);
    for (size_t k = 0; k < m->classes; k++)
        values[k] /= sum;
    if (label != NULL)
        *label = (int32_t)best;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)err;
    size_t k = outputs(state);
    for (size_t i = 0; i < rows->n; i++)
        predict_row(state, rows->x + i * rows->d, values + i * k, labels != NULL ? labels + i : NULL);
    return MERX_OK;
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)err;
    const mx_additive *m = model_of(state);
    *score = mx_additive_explain(m, rows->x + row * rows->d, m->outputs > 1 ? output : 0, contributions, base);
    if (m->classes == 2 && output == 0) { /* log-odds of the first class */
        *score = -*score;
        *base = -*base;
        for (size_t t = 0; t < m->d + m->n_pairs; t++)
            contributions[t] = -contributions[t];
    }
    return MERX_OK;
}

static size_t extra_terms(const void *state)
{
    return model_of(state)->n_pairs;
}

static void extra_term(const void *state, size_t term, size_t *a, size_t *b)
{
    *a = model_of(state)->pairs[term].a;
    *b = model_of(state)->pairs[term].b;
}

#define SHARED                                                                                                         \
    .fit = fit, .free_state = mx_additive_state_free, .outputs = outputs, .predict = predict, .explain = explain,      \
    .describe = mx_additive_describe, .save = mx_additive_save, .load = mx_additive_load, .memory = memory,            \
    .inputs = inputs, .predict_row = predict_row, .extra_terms = extra_terms, .extra_term = extra_term,                \
    .plot = mx_additive_plot
#define TAGS (MERX_TAKES_TABLE | MERX_TAKES_LEVELS | MERX_NEEDS_TARGET | MERX_SUPPORTS_WEIGHTS | MERX_ALLOWS_MISSING)

const mx_family mx_family_additive = {
    .version = 1,
    .info = {.name = "additive",
             .title = "Boosted additive regression",
             .text =
                 "Predicts a number as a sum of learnt shapes, one for each column and one for each of the few pairs "
                 "of columns that pay. Missing values and levels are taken as they are.",
             .formula = "y = b0 + sum_j f_j(x_j) + sum_(j,k) f_jk(x_j, x_k);  f piecewise constant, boosted on squared "
                        "error",
             .tags = TAGS | MERX_REGRESSES,
             .options = options_table},
    SHARED,
};

const mx_family mx_family_additive_classifier = {
    .version = 1,
    .info = {.name = "additive_classifier",
             .title = "Boosted additive classification",
             .text =
                 "Predicts the probability of each class from a sum of learnt shapes, one for each column and one for "
                 "each of the few pairs of columns that pay. Two classes or more.",
             .formula = "log-odds = b0 + sum_j f_j(x_j) + sum_(j,k) f_jk(x_j, x_k);  f piecewise constant, boosted on "
                        "log loss",
             .tags = TAGS | MERX_CLASSIFIES,
             .options = options_table + 1},
    SHARED,
};
