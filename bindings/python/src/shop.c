/*
 * _merx.Shop: merx_shop, and the answers' descriptions. Results are dicts, lists and plain values; merx/shop.py makes records of them.
 *
 * A handle is used by one thread at a time. A second thread waits for the first, as it would for a lock: who shares a handle among the threads of a server
 * wants each question answered, and a question takes less than a millisecond. Who wants answers while the shop is trained opens the folder a second time: readers
 * are never blocked. Two uses could never end, and are errors: from a progress function of the handle's own call, and in a process forked from the one that opened it.
 */
#include <math.h>
#include <stdint.h>
#include <unistd.h>

#include "merx/shop.h"
#include "types.h"

enum { WAIT_US = 1000000 /* between looks for a signal, should the platform's locks not be woken by one */ };

typedef struct shop_object {
    PyObject_HEAD merx_shop *shop; /* NULL: closed */
    PyThread_type_lock lock;
    unsigned long owner; /* thread that holds the lock; 0: nobody */
    pid_t process;       /* that opened it */
} shop_object;

/* ---- one thread at a time ---- */

static bool same_process(const shop_object *self)
{
    if (self->process == getpid())
        return true;
    PyErr_SetString(PyExc_RuntimeError,
                    "the shop was opened by the process this one was forked from; open it anew in this process");
    return false;
}

static bool take_lock(shop_object *self)
{
    if (!same_process(self))
        return false;
    if (self->owner == PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError, "the shop is busy with the call that this progress function belongs to");
        return false;
    }
    if (!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)) {
        PyLockStatus got;
        do {
            PyThreadState *saved = PyEval_SaveThread();
            got = PyThread_acquire_lock_timed(self->lock, WAIT_US, 1);
            PyEval_RestoreThread(saved);
            if (got != PY_LOCK_ACQUIRED && PyErr_CheckSignals() != 0)
                return false;
        } while (got != PY_LOCK_ACQUIRED);
    }
    self->owner = PyThread_get_thread_ident();
    return true;
}

static void leave(shop_object *self)
{
    self->owner = 0;
    PyThread_release_lock(self->lock);
}

/* Before every use. False: an exception is set. */
static bool enter(shop_object *self)
{
    if (!take_lock(self))
        return false;
    if (self->shop != NULL)
        return true;
    leave(self);
    PyErr_SetString(PyExc_ValueError, "the shop is closed");
    return false;
}

/* The same with a task; ended by finish. */
static bool begin(shop_object *self, mpy_call *call, const mpy_settings *settings)
{
    if (!enter(self))
        return false;
    if (mpy_call_begin(call, settings))
        return true;
    leave(self);
    return false;
}

static void finish(shop_object *self, mpy_call *call)
{
    mpy_call_release(call);
    leave(self);
}

/* ---- opening and closing ---- */

static PyObject *shop_new(PyTypeObject *type, PyObject *args, PyObject *words)
{
    static char *names[] = {"folder", "create", "read_only", NULL};
    PyObject *folder = NULL;
    int create = 0, read_only = 0;
    if (!PyArg_ParseTupleAndKeywords(args, words, "O&|pp", names, PyUnicode_FSConverter, &folder, &create, &read_only))
        return NULL;
    merx_shop_options options = {.create = create != 0, .read_only = read_only != 0};
    merx_shop *shop = NULL;
    merx_error err = {0};
    const char *path = PyBytes_AsString(folder);
    PyThreadState *saved = PyEval_SaveThread();
    merx_status status = merx_shop_open(NULL, path, &options, &shop, &err);
    PyEval_RestoreThread(saved);
    Py_DECREF(folder);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    shop_object *self = (shop_object *)PyType_GenericAlloc(type, 0);
    PyThread_type_lock lock = self != NULL ? PyThread_allocate_lock() : NULL;
    if (lock == NULL) {
        merx_shop_close(shop);
        Py_XDECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    self->shop = shop;
    self->lock = lock;
    self->process = getpid();
    return (PyObject *)self;
}

static void shop_dealloc(PyObject *object)
{
    shop_object *self = (shop_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    /* SQLite's rule: a connection is not closed in a process it was inherited by. */
    if (self->shop != NULL && self->process == getpid())
        merx_shop_close(self->shop);
    if (self->lock != NULL)
        PyThread_free_lock(self->lock);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *close_shop(PyObject *object, PyObject *unused)
{
    (void)unused;
    shop_object *self = (shop_object *)object;
    if (!take_lock(self))
        return NULL;
    merx_shop *shop = self->shop;
    self->shop = NULL;
    PyThreadState *saved = PyEval_SaveThread();
    merx_shop_close(shop);
    PyEval_RestoreThread(saved);
    leave(self);
    Py_RETURN_NONE;
}

static PyObject *get_closed(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((shop_object *)object)->shop == NULL);
}

/* ---- lists ---- */

/* Takes `one`, NULL with an exception set; false: the list is gone. */
static bool push(PyObject **list, PyObject *one)
{
    if (*list == NULL || one == NULL || PyList_Append(*list, one) != 0)
        Py_CLEAR(*list);
    Py_XDECREF(one);
    return *list != NULL;
}

/* Takes `value`. */
static bool put(PyObject *dict, const char *name, PyObject *value)
{
    bool good = value != NULL && PyDict_SetItemString(dict, name, value) == 0;
    Py_XDECREF(value);
    return good;
}

static PyObject *number_or_none(double value)
{
    return isnan(value) ? Py_NewRef(Py_None) : PyFloat_FromDouble(value);
}

/* ---- import ---- */

static PyObject *import_result(const merx_import *r)
{
    PyObject *files = PyList_New(0), *refusals = PyList_New(0);
    for (size_t i = 0; files != NULL && i < r->files; i++) {
        const merx_import_file *f = &r->file[i];
        push(&files,
             Py_BuildValue("{s:s,s:s,s:z,s:K,s:K,s:K,s:K,s:N}", "name", f->name, "preset", f->preset, "note", f->note,
                           "rows", (unsigned long long)f->rows, "accepted", (unsigned long long)f->accepted,
                           "duplicates", (unsigned long long)f->duplicates, "refused", (unsigned long long)f->refused,
                           "unchanged", PyBool_FromLong(f->unchanged)));
    }
    for (size_t i = 0; refusals != NULL && i < r->refusals; i++) {
        const merx_refusal *f = &r->refusal[i];
        push(&refusals, Py_BuildValue("{s:s,s:K,s:z,s:z,s:s}", "file", f->file, "line", (unsigned long long)f->line,
                                      "column", f->column, "value", f->value, "message", f->message));
    }
    if (files == NULL || refusals == NULL) {
        Py_XDECREF(files);
        Py_XDECREF(refusals);
        return NULL;
    }
    return Py_BuildValue("{s:N,s:N,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:(Li),s:N}", "files", files, "refusals", refusals,
                         "rows", (unsigned long long)r->rows, "accepted", (unsigned long long)r->accepted, "duplicates",
                         (unsigned long long)r->duplicates, "refused", (unsigned long long)r->refused, "events",
                         (unsigned long long)r->events, "customers", (unsigned long long)r->customers, "products",
                         (unsigned long long)r->products, "orders", (unsigned long long)r->orders, "amount",
                         (long long)r->amount_minor, r->decimals, "changed", PyBool_FromLong(r->changed));
}

static PyObject *import_(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"path", "mapping", "replace", "max_refused", "threads", "progress", NULL};
    PyObject *path = NULL, *mapping_object = Py_None, *mapping = NULL, *result = NULL;
    int replace = 0;
    unsigned long long max_refused = 0;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "O&|OpKiO", names, PyUnicode_FSConverter, &path, &mapping_object,
                                     &replace, &max_refused, &settings.threads, &settings.progress))
        goto out;
    if (mapping_object != Py_None && !PyUnicode_FSConverter(mapping_object, &mapping))
        goto out;
    mpy_call call;
    if (!begin(self, &call, &settings))
        goto out;
    merx_import import = {0};
    merx_import_options options = {.mapping = mapping != NULL ? PyBytes_AsString(mapping) : NULL,
                                   .replace = replace != 0,
                                   .max_refused = max_refused};
    merx_status status = merx_shop_import(self->shop, PyBytes_AsString(path), &options, call.task, &import, &call.err);
    if (mpy_call_return(&call, status))
        result = import_result(&import);
    merx_import_release(&import);
    finish(self, &call);
out:
    Py_XDECREF(path);
    Py_XDECREF(mapping);
    return result;
}

/* ---- training and evaluation ---- */

static PyObject *evaluation_result(const merx_evaluation *e)
{
    if (e->figures == 0)
        return Py_NewRef(Py_None);
    PyObject *figures = PyList_New(0);
    for (size_t i = 0; figures != NULL && i < e->figures; i++) {
        const merx_figure *f = &e->figure[i];
        bool beside = f->baseline_name[0] != '\0';
        push(&figures, Py_BuildValue("{s:s,s:N,s:N,s:N,s:z,s:N,s:N,s:N,s:N,s:N,s:N}", "name", f->name, "value",
                                     number_or_none(f->value), "low", number_or_none(f->low), "high",
                                     number_or_none(f->high), "baseline_name", beside ? f->baseline_name : NULL,
                                     "baseline", number_or_none(beside ? f->baseline : NAN), "difference",
                                     number_or_none(beside ? f->difference : NAN), "difference_low",
                                     number_or_none(beside ? f->difference_low : NAN), "difference_high",
                                     number_or_none(beside ? f->difference_high : NAN), "best_reachable",
                                     number_or_none(f->best_reachable), "higher_is_better",
                                     PyBool_FromLong(f->higher_is_better)));
    }
    if (figures == NULL)
        return NULL;
    return Py_BuildValue("{s:L,s:L,s:K,s:K,s:K,s:s,s:s,s:N,s:N,s:s}", "split", (long long)e->split_ms, "until",
                         (long long)e->until_ms, "train_rows", (unsigned long long)e->train_rows, "test_rows",
                         (unsigned long long)e->test_rows, "test_units", (unsigned long long)e->test_units, "unit",
                         e->unit, "protocol", e->protocol, "figures", figures, "gate_passed",
                         PyBool_FromLong(e->gate_passed), "gate", e->gate);
}

static PyObject *training_result(const merx_training *r)
{
    static const char *const outcomes[] = {"trained", "unchanged", "not better", "no data", "nothing to learn"};
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < r->count; i++) {
        const merx_trained *t = &r->trained[i];
        PyObject *evaluation = evaluation_result(&t->evaluation);
        push(&list, evaluation == NULL
                        ? NULL
                        : Py_BuildValue("{s:s,s:s,s:z,s:L,s:N,s:N}", "answer", t->answer, "outcome",
                                        outcomes[t->outcome], "note", t->note, "version", (long long)t->version, "live",
                                        PyBool_FromLong(t->live), "evaluation", evaluation));
    }
    return list;
}

/* A list of str as C strings that live as long as it. Free with PyMem_Free. NULL: an exception is set. */
static const char **words_of(PyObject *list, size_t *count)
{
    Py_ssize_t n = PyList_Size(list);
    const char **words = PyMem_Malloc(((size_t)n + 1) * sizeof *words);
    if (words == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        words[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL);
        if (words[i] == NULL) {
            PyMem_Free(words);
            return NULL;
        }
    }
    *count = (size_t)n;
    return words;
}

static PyObject *train(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"answer", "options", "force", "again", "threads", "seed", "progress", NULL};
    const char *answer = NULL;
    PyObject *given = NULL, *result = NULL;
    int force = 0, again = 0;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "|zO!ppiKO", names, &answer, &PyList_Type, &given, &force, &again,
                                     &settings.threads, &settings.seed, &settings.progress))
        return NULL;
    merx_train_options options = {.force = force != 0, .again = again != 0};
    const char **settings_text = NULL;
    /* The list is ours while the lock is given up: another thread can't change it. */
    PyObject *held = given != NULL ? PyList_GetSlice(given, 0, PyList_Size(given)) : NULL;
    if (given != NULL && (held == NULL || (settings_text = words_of(held, &options.n_options)) == NULL))
        goto out;
    options.options = settings_text;
    mpy_call call;
    if (!begin(self, &call, &settings))
        goto out;
    merx_training training = {0};
    merx_status status = merx_shop_train(self->shop, answer, &options, call.task, &training, &call.err);
    if (mpy_call_return(&call, status))
        result = training_result(&training);
    merx_training_release(&training);
    finish(self, &call);
out:
    PyMem_Free(settings_text);
    Py_XDECREF(held);
    return result;
}

static PyObject *evaluate(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"answer", "split", "truth", "threads", "seed", "progress", NULL};
    const char *answer;
    long long split = 0;
    PyObject *truth_object = Py_None, *truth = NULL, *result = NULL;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "s|LOiKO", names, &answer, &split, &truth_object, &settings.threads,
                                     &settings.seed, &settings.progress))
        return NULL;
    if (truth_object != Py_None && !PyUnicode_FSConverter(truth_object, &truth))
        return NULL;
    mpy_call call;
    if (begin(self, &call, &settings)) {
        merx_evaluation e = {0};
        merx_status status = merx_shop_evaluate(
            self->shop, answer, split, truth != NULL ? PyBytes_AsString(truth) : NULL, call.task, &e, &call.err);
        if (mpy_call_return(&call, status))
            result = evaluation_result(&e);
        finish(self, &call);
    }
    Py_XDECREF(truth);
    return result;
}

static PyObject *versions(PyObject *object, PyObject *unused)
{
    (void)unused;
    shop_object *self = (shop_object *)object;
    merx_model_versions r = {0};
    merx_error err = {0};
    if (!enter(self))
        return NULL;
    PyThreadState *saved = PyEval_SaveThread();
    merx_status status = merx_shop_versions(self->shop, &r, &err);
    PyEval_RestoreThread(saved);
    leave(self);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < r.count; i++) {
        const merx_model_version *v = &r.version[i];
        PyObject *evaluation = evaluation_result(&v->evaluation);
        push(&list,
             evaluation == NULL
                 ? NULL
                 : Py_BuildValue("{s:s,s:L,s:L,s:L,s:N,s:K,s:s,s:N}", "answer", v->answer, "version",
                                 (long long)v->version, "created", (long long)v->created_ms, "data_offset",
                                 (long long)v->data_offset, "live", PyBool_FromLong(v->live), "size_bytes",
                                 (unsigned long long)v->size_bytes, "sha256", v->sha256, "evaluation", evaluation));
    }
    merx_model_versions_release(&r);
    return list;
}

/* ---- asking ---- */

/* (name, kind, value, decimals): money in minor units, dates in ms since 1970. */
static PyObject *field_result(const merx_field *f)
{
    const merx_value *v = &f->value;
    switch (v->type) {
    case MERX_VALUE_TEXT:
        return Py_BuildValue("(ssz)", f->name, "text", v->text);
    case MERX_VALUE_INT:
        return Py_BuildValue("(ssL)", f->name, "int", (long long)v->integer);
    case MERX_VALUE_REAL:
        return Py_BuildValue("(ssd)", f->name, "real", v->real);
    case MERX_VALUE_SHARE:
        return Py_BuildValue("(ssd)", f->name, "share", v->real);
    case MERX_VALUE_MONEY:
        return Py_BuildValue("(ssLi)", f->name, "money", (long long)v->integer, v->decimals);
    case MERX_VALUE_DATE:
        return Py_BuildValue("(ssL)", f->name, "date", (long long)v->integer);
    }
    return PyErr_Format(PyExc_SystemError, "%s: a value of type %d", f->name, (int)v->type);
}

static PyObject *item_result(const merx_item *item)
{
    PyObject *fields = PyList_New(0), *reasons = PyList_New(0);
    for (size_t i = 0; fields != NULL && i < item->fields; i++)
        push(&fields, field_result(&item->field[i]));
    for (size_t i = 0; reasons != NULL && item->reason != NULL && i < item->reasons; i++) {
        const merx_reason *r = &item->reason[i];
        push(&reasons, Py_BuildValue("(zzzdN)", r->kind, r->id, r->text, r->contribution, number_or_none(r->without)));
    }
    if (fields == NULL || reasons == NULL) {
        Py_XDECREF(fields);
        Py_XDECREF(reasons);
        return NULL;
    }
    return Py_BuildValue("(zzdNN)", item->id, item->title, item->score, fields, reasons);
}

static PyObject *reply_result(const merx_reply *r)
{
    PyObject *items = PyList_New(0), *notes = PyList_New(0);
    for (size_t i = 0; items != NULL && i < r->items; i++)
        push(&items, item_result(&r->item[i]));
    for (size_t i = 0; notes != NULL && i < r->notes; i++)
        push(&notes, PyUnicode_FromString(r->note[i]));
    if (items == NULL || notes == NULL) {
        Py_XDECREF(items);
        Py_XDECREF(notes);
        return NULL;
    }
    return Py_BuildValue("(zzzLLNN)", r->answer, r->sentence, r->score_unit, (long long)r->model_version,
                         (long long)r->data_offset, items, notes);
}

static merx_status set_options(merx_options *question, PyObject *dict, bool *raised, merx_error *err)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &name, &value)) {
        const char *n = PyUnicode_AsUTF8AndSize(name, NULL),
                   *v = n == NULL ? NULL : PyUnicode_AsUTF8AndSize(value, NULL);
        *raised = v == NULL;
        if (v == NULL)
            return MERX_E_TYPE;
        merx_status status = merx_options_set(question, n, v, err);
        if (status != MERX_OK)
            return status;
    }
    return MERX_OK;
}

static PyObject *ask(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"answer", "options", "why", NULL};
    const char *answer;
    PyObject *given = NULL, *result = NULL;
    int why = 0;
    if (!PyArg_ParseTupleAndKeywords(args, words, "s|O!p", names, &answer, &PyDict_Type, &given, &why) || !enter(self))
        return NULL;
    merx_options *question = NULL;
    merx_reply reply = {0};
    merx_error err = {0};
    bool raised = false;
    merx_status status = merx_shop_question(self->shop, answer, &question, &err);
    if (status == MERX_OK && given != NULL)
        status = set_options(question, given, &raised, &err);
    if (status == MERX_OK) {
        PyThreadState *saved = PyEval_SaveThread();
        status = merx_shop_ask(self->shop, answer, question, why != 0, &reply, &err);
        PyEval_RestoreThread(saved);
    }
    leave(self);
    if (status == MERX_OK)
        result = reply_result(&reply);
    else if (!raised)
        mpy_raise(status, &err);
    merx_reply_release(&reply);
    merx_options_free(question);
    return result;
}

/* ---- forgetting, digest, report ---- */

static PyObject *forget(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"customer", "threads", "progress", NULL};
    const char *customer;
    mpy_settings settings = {0};
    mpy_call call;
    if (!PyArg_ParseTupleAndKeywords(args, words, "s|iO", names, &customer, &settings.threads, &settings.progress) ||
        !begin(self, &call, &settings))
        return NULL;
    merx_receipt r = {0};
    PyObject *result = NULL, *answers = NULL;
    merx_status status = merx_shop_forget(self->shop, customer, call.task, &r, &call.err);
    if (mpy_call_return(&call, status) && (answers = PyDict_New()) != NULL) {
        bool good = true;
        for (size_t i = 0; good && i < r.answers; i++)
            good = put(answers, r.answer[i].answer, PyUnicode_FromString(r.answer[i].how));
        if (good)
            result =
                Py_BuildValue("{s:s,s:K,s:K,s:K,s:K,s:K,s:O,s:d}", "customer", r.customer, "events",
                              (unsigned long long)r.events, "orders", (unsigned long long)r.orders, "messages",
                              (unsigned long long)r.messages, "reviews", (unsigned long long)r.reviews, "customers",
                              (unsigned long long)r.customers, "answers", answers, "seconds", r.seconds);
    }
    Py_XDECREF(answers);
    merx_receipt_release(&r);
    finish(self, &call);
    return result;
}

static PyObject *digest(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"with_models", NULL};
    int with_models = 1;
    if (!PyArg_ParseTupleAndKeywords(args, words, "|p", names, &with_models) || !enter(self))
        return NULL;
    char hex[65];
    merx_error err = {0};
    PyThreadState *saved = PyEval_SaveThread();
    merx_status status = merx_shop_digest(self->shop, with_models != 0, hex, &err);
    PyEval_RestoreThread(saved);
    leave(self);
    return status == MERX_OK ? PyUnicode_FromString(hex) : mpy_raise(status, &err);
}

static PyObject *report(PyObject *object, PyObject *args, PyObject *words)
{
    shop_object *self = (shop_object *)object;
    static char *names[] = {"html", "language", "columns", "colour", "threads", "progress", NULL};
    PyObject *html_object = Py_None, *html = NULL, *result = NULL;
    const char *language = NULL;
    int columns = 0, colour = 0;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "|OzipiO", names, &html_object, &language, &columns, &colour,
                                     &settings.threads, &settings.progress))
        return NULL;
    if (html_object != Py_None && !PyUnicode_FSConverter(html_object, &html))
        return NULL;
    mpy_call call;
    if (begin(self, &call, &settings)) {
        merx_report_options options = {.html = html != NULL ? PyBytes_AsString(html) : NULL,
                                       .language = language,
                                       .columns = columns,
                                       .colour = colour != 0};
        char *text = NULL;
        merx_status status = merx_shop_report(self->shop, &options, call.task, &text, &call.err);
        if (mpy_call_return(&call, status))
            result = PyUnicode_FromString(text);
        merx_text_free(text);
        finish(self, &call);
    }
    Py_XDECREF(html);
    return result;
}

/* ---- of the module ---- */

static PyObject *write_sample(PyObject *module, PyObject *args, PyObject *words)
{
    (void)module;
    static char *names[] = {"folder", "products", "customers", "events", "seed", "progress", NULL};
    PyObject *folder = NULL;
    unsigned long long products = 0, customers = 0, events = 0;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "O&|KKKKO", names, PyUnicode_FSConverter, &folder, &products,
                                     &customers, &events, &settings.seed, &settings.progress))
        return NULL;
    mpy_call call;
    if (!mpy_call_begin(&call, &settings)) {
        Py_DECREF(folder);
        return NULL;
    }
    merx_sample_options options = {
        .products = products, .customers = customers, .events = events, .seed = settings.seed};
    bool good = mpy_call_end(&call, merx_sample_write(PyBytes_AsString(folder), &options, call.task, &call.err));
    Py_DECREF(folder);
    return good ? Py_NewRef(Py_None) : NULL;
}

static PyObject *answers(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    const merx_answer_info *a;
    for (size_t i = 0; list != NULL && (a = merx_answer_at(i)) != NULL; i++) {
        PyObject *training = mpy_describe_options(a->training), *question = mpy_describe_options(a->question);
        if (training != NULL && question != NULL) {
            push(&list, Py_BuildValue("{s:s,s:s,s:s,s:z,s:z,s:O,s:O,s:N}", "name", a->name, "title", a->title, "text",
                                      a->text, "needs", a->needs, "examples", a->examples, "training", training,
                                      "question", question, "learns", PyBool_FromLong(a->learns)));
        } else {
            Py_CLEAR(list);
        }
        Py_XDECREF(training);
        Py_XDECREF(question);
    }
    return list;
}

#define WITH_WORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"close", close_shop, METH_NOARGS, "close()\n\nEnds the use of the shop; a second time does nothing."},
    {"import_", WITH_WORDS(import_),
     "import_(path, mapping=None, replace=False, max_refused=0, threads=0, progress=None)\n\nThe files of a folder, or "
     "one file."},
    {"train", WITH_WORDS(train),
     "train(answer=None, options=[], force=False, again=False, threads=0, seed=0, progress=None)\n\noptions: "
     "\"answer.name=value\"."},
    {"evaluate", WITH_WORDS(evaluate),
     "evaluate(answer, split=0, truth=None, threads=0, seed=0, progress=None)\n\nsplit: ms since 1970; 0: the "
     "default."},
    {"versions", versions, METH_NOARGS, "versions()\n\nEvery model that was trained."},
    {"ask", WITH_WORDS(ask), "ask(answer, options={}, why=False)\n\nOptions as text."},
    {"forget", WITH_WORDS(forget), "forget(customer, threads=0, progress=None)\n\nErases a customer; the receipt."},
    {"digest", WITH_WORDS(digest), "digest(with_models=True)\n\nSHA-256 of what the shop holds, as hex."},
    {"report", WITH_WORDS(report),
     "report(html=None, language=None, columns=0, colour=False, threads=0, progress=None)\n\nThe report as text, and "
     "as a page."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"closed", get_closed, NULL, "whether close was called", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, shop_new},
    {Py_tp_dealloc, shop_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "Shop(folder, create=False, read_only=False)\n\nA shop: import, train, ask, forget. merx.shop.Shop is "
                "made of it."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "merx._merx.Shop",
    .basicsize = sizeof(shop_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

static PyMethodDef functions[] = {
    {"answers", answers, METH_NOARGS, "answers()\n\nEvery answer with its options, as the C registry says."},
    {"write_sample", WITH_WORDS(write_sample),
     "write_sample(folder, products=0, customers=0, events=0, seed=0, progress=None)\n\nA generated shop's export; 0: "
     "the default."},
    {NULL, NULL, 0, NULL},
};

bool mpy_shop_init(PyObject *module)
{
    PyObject *type = mpy_add_type(module, &spec, "Shop");
    Py_XDECREF(type);
    return type != NULL && PyModule_AddFunctions(module, functions) == 0;
}
