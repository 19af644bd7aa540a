/*
 * Calls: the task, the interpreter's lock, Ctrl-C, exceptions.
 *
 * Ctrl-C: while a call of the main thread runs, SIGINT has a handler that cancels the call's task and then does what Python's own does (it notes the
 * signal). The call ends at its next step, and Python raises KeyboardInterrupt. Calls may nest (a progress function that fits another model).
 */
#include "call.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- exceptions ---- */

enum { ERROR, INPUT, MISSING, MEMORY, FILES, UNFITTED, KINDS };
static PyObject *exceptions[KINDS];

static int kind_of(merx_status status)
{
    switch (status) {
    case MERX_E_NOT_FITTED:
        return UNFITTED;
    case MERX_E_MEMORY:
    case MERX_E_LIMIT:
        return MEMORY;
    case MERX_E_IO:
    case MERX_E_NO_SPACE:
    case MERX_E_PERMISSION:
        return FILES;
    case MERX_E_NOT_FOUND:
        return MISSING;
    case MERX_E_BUSY:
    case MERX_E_GATE:
    case MERX_E_INTERNAL:
        return ERROR;
    default:
        return INPUT;
    }
}

PyObject *mpy_raise(merx_status status, const merx_error *err)
{
    if (status == MERX_E_CANCELLED) {
        if (PyErr_CheckSignals() == 0)
            PyErr_SetNone(PyExc_KeyboardInterrupt);
        return NULL;
    }
    const char *where = err->where, *message = err->message[0] != '\0' ? err->message : merx_status_text(status);
    PyObject *text = where[0] != '\0' ? PyUnicode_FromFormat("%s: %s", where, message) : PyUnicode_FromString(message);
    if (text == NULL)
        return NULL;
    PyObject *type = exceptions[kind_of(status)], *error = PyObject_CallFunctionObjArgs(type, text, NULL);
    PyObject *code = PyUnicode_FromString(merx_status_name(status)), *place = PyUnicode_FromString(where);
    if (error != NULL && code != NULL && place != NULL && PyObject_SetAttrString(error, "code", code) == 0 &&
        PyObject_SetAttrString(error, "where", place) == 0)
        PyErr_SetObject(type, error);
    Py_XDECREF(error);
    Py_XDECREF(code);
    Py_XDECREF(place);
    Py_DECREF(text);
    return NULL;
}

bool mpy_exceptions_init(PyObject *module)
{
    const struct {
        int kind;
        const char *name, *full, *doc;
        PyObject *base, *second;
    } table[] = {
        {ERROR, "Error", "merx.Error",
         "What merx raises. `code` is the C status (\"MERX_E_RANGE\"), `where` the file, column or object it speaks "
         "of.",
         PyExc_Exception, NULL},
        {INPUT, "InputError", "merx.InputError", "Wrong data or options; also a ValueError.", NULL, PyExc_ValueError},
        {MISSING, "NotFoundError", "merx.NotFoundError",
         "A name that is not there; the message says the nearest. Also a LookupError.", NULL, PyExc_LookupError},
        {MEMORY, "MemoryLimitError", "merx.MemoryLimitError",
         "Memory is out, or a limit is reached; also a MemoryError.", NULL, PyExc_MemoryError},
        {FILES, "FileError", "merx.FileError", "A file could not be read or written; also an OSError.", NULL,
         PyExc_OSError},
        {UNFITTED, "NotFittedError", "merx.NotFittedError",
         "A model was used before it was fitted; also a ValueError and an AttributeError.", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        PyObject *bases = table[i].base != NULL ? PyTuple_Pack(1, table[i].base)
                          : table[i].second != NULL
                              ? PyTuple_Pack(2, exceptions[ERROR], table[i].second)
                              : PyTuple_Pack(3, exceptions[ERROR], PyExc_ValueError, PyExc_AttributeError);
        if (bases == NULL)
            return false;
        PyObject *type = PyErr_NewExceptionWithDoc(table[i].full, table[i].doc, bases, NULL);
        Py_DECREF(bases);
        if (type == NULL)
            return false;
        exceptions[table[i].kind] = type;
        if (PyModule_AddObjectRef(module, table[i].name, type) != 0)
            return false;
    }
    return true;
}

/* ---- Ctrl-C ---- */

static mpy_call *_Atomic running; /* of the main thread, innermost */
static struct sigaction python_handler;

static void on_interrupt(int number, siginfo_t *info, void *context)
{
    mpy_call *call = atomic_load(&running);
    if (call != NULL)
        merx_task_cancel(call->task);
    if ((python_handler.sa_flags & SA_SIGINFO) != 0)
        python_handler.sa_sigaction(number, info, context);
    else
        python_handler.sa_handler(number);
}

static bool in_main_thread(void)
{
    return (pid_t)syscall(SYS_gettid) == getpid();
}

static void watch_interrupts(mpy_call *call)
{
    if (!in_main_thread())
        return;
    call->outer = atomic_load(&running);
    if (call->outer == NULL) {
        struct sigaction now;
        if (sigaction(SIGINT, NULL, &now) != 0 ||
            ((now.sa_flags & SA_SIGINFO) == 0 && (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)))
            return;
        python_handler = now;
        now.sa_sigaction = on_interrupt;
        now.sa_flags |= SA_SIGINFO;
        atomic_store(&running, call);
        if (sigaction(SIGINT, &now, NULL) != 0) {
            atomic_store(&running, NULL);
            return;
        }
    } else {
        atomic_store(&running, call);
    }
    call->handling = true;
}

static void unwatch_interrupts(mpy_call *call)
{
    if (!call->handling)
        return;
    if (call->outer == NULL)
        (void)sigaction(SIGINT, &python_handler, NULL);
    atomic_store(&running, call->outer);
    call->handling = false;
}

/* ---- who uses an object ---- */

bool mpy_use_may(const mpy_use *use, bool changes)
{
    if (!use->changing && !(changes && use->users > 0))
        return true;
    PyErr_SetString(
        PyExc_RuntimeError,
        use->changing
            ? "the model is being trained by another thread; wait until that fit has ended"
            : "the model is used by another thread while it would be changed; wait until that call has ended");
    return false;
}

bool mpy_use_enter(mpy_use *use, bool changes)
{
    if (!mpy_use_may(use, changes))
        return false;
    use->users++;
    use->changing = changes;
    return true;
}

void mpy_use_leave(mpy_use *use)
{
    use->users--;
    use->changing = false;
}

/* ---- calls ---- */

PyGILState_STATE mpy_callback_begin(void)
{
    return PyGILState_Ensure();
}

merx_status mpy_callback_end(mpy_call *call, PyGILState_STATE state, bool good, merx_error *err)
{
    if (!good && !call->failed) {
        call->failed = true;
        PyErr_Fetch(&call->type, &call->value, &call->traceback);
        merx_task_cancel(call->task);
    } else if (!good) {
        PyErr_Clear();
    }
    PyGILState_Release(state);
    if (good)
        return MERX_OK;
    if (err != NULL && err->code == MERX_OK)
        err->code = MERX_E_CANCELLED;
    return MERX_E_CANCELLED;
}

static void tell_progress(void *context, const merx_progress *p)
{
    mpy_call *call = context;
    if (call->failed)
        return;
    PyGILState_STATE state = mpy_callback_begin();
    PyObject *answer =
        PyObject_CallFunction(call->progress, "sdKsdd", p->stage != NULL ? p->stage : "", p->done,
                              (unsigned long long)p->count, p->unit != NULL ? p->unit : "", p->elapsed_s, p->left_s);
    Py_XDECREF(answer);
    (void)mpy_callback_end(call, state, answer != NULL, NULL);
}

bool mpy_call_begin(mpy_call *call, const mpy_settings *settings)
{
    memset(call, 0, sizeof *call);
    merx_task_options options = {.threads = settings->threads, .seed = settings->seed};
    if (settings->progress != NULL && settings->progress != Py_None) {
        call->progress = settings->progress;
        options.progress = tell_progress;
        options.progress_context = call;
    }
    merx_status status = merx_task_new(NULL, &options, &call->task, &call->err);
    if (status != MERX_OK) {
        mpy_raise(status, &call->err);
        return false;
    }
    Py_XINCREF(call->progress);
    watch_interrupts(call);
    call->saved = PyEval_SaveThread();
    return true;
}

bool mpy_call_return(mpy_call *call, merx_status status)
{
    unwatch_interrupts(call);
    PyEval_RestoreThread(call->saved);
    if (call->failed) {
        PyErr_Restore(call->type, call->value, call->traceback);
        return false;
    }
    if (status != MERX_OK) {
        mpy_raise(status, &call->err);
        return false;
    }
    return true;
}

void mpy_call_release(mpy_call *call)
{
    Py_CLEAR(call->progress);
    merx_task_free(call->task);
    call->task = NULL;
}

bool mpy_call_end(mpy_call *call, merx_status status)
{
    bool good = mpy_call_return(call, status);
    mpy_call_release(call);
    return good;
}
