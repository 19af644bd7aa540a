/*
 * A call of the library from Python: errors become exceptions; a long call lets the other threads of the interpreter run, tells its progress and
 * ends when the user presses Ctrl-C.
 *
 *     mpy_call call;
 *     if (!mpy_call_begin(&call, &settings))
 *         return NULL;
 *     status = merx_model_fit(model, data, columns, call.task, &call.err);       without the interpreter's lock
 *     if (!mpy_call_end(&call, status))
 *         return NULL;
 */
#ifndef MPY_CALL_H
#define MPY_CALL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <signal.h>
#include <stdbool.h>

#include "merx/task.h"

typedef struct mpy_settings {
    int threads; /* 0: all cores */
    unsigned long long seed;
    PyObject *progress; /* callable(stage, done, count, unit, elapsed_s, left_s); NULL or None: none */
} mpy_settings;

typedef struct mpy_call {
    merx_task *task;
    merx_error err;
    PyObject *progress;
    PyThreadState *saved;
    bool failed;   /* an exception is set by a callback and kept in the three below */
    bool handling; /* SIGINT is ours meanwhile */
    struct mpy_call *outer;
    PyObject *type, *value, *traceback;
} mpy_call;

/* Makes the task and gives up the interpreter's lock. False: an exception is set, nothing to end. */
bool mpy_call_begin(mpy_call *call, const mpy_settings *settings);
/* Takes the lock back. False: an exception is set, for a failure, a callback's exception, or KeyboardInterrupt. */
bool mpy_call_end(mpy_call *call, merx_status status);
/* The same in two steps, where what the task allocated must be freed before it: the lock and the exception; then the task. */
bool mpy_call_return(mpy_call *call, merx_status status);
void mpy_call_release(mpy_call *call);
/* From a callback that runs without the lock: takes it; what happened is told by returning. `good` false: an exception is set, and the call ends with it. */
PyGILState_STATE mpy_callback_begin(void);
merx_status mpy_callback_end(mpy_call *call, PyGILState_STATE state, bool good, merx_error *err);

/*
 * Who uses an object whose calls give up the lock: one that changes it, alone, or any number of others. Zero at first; changed under the lock alone.
 * enter: false and RuntimeError when it can't be now. A call that keeps the lock throughout need not leave: mpy_use_may.
 */
typedef struct mpy_use {
    int users;
    bool changing;
} mpy_use;
bool mpy_use_may(const mpy_use *use, bool changes);
bool mpy_use_enter(mpy_use *use, bool changes);
void mpy_use_leave(mpy_use *use);

/* Sets the exception for a failed status. Always returns NULL. */
PyObject *mpy_raise(merx_status status, const merx_error *err);
/* Adds the exceptions to the module: merx.Error and its kinds. */
bool mpy_exceptions_init(PyObject *module);

#endif
