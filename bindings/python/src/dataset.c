/*
 * _merx.Dataset: merx_dataset. A matrix is a view of the array it was made from, which lives as long as the dataset.
 */
#include <stdint.h>
#include <string.h>

#include "types.h"

typedef struct dataset_object {
    PyObject_HEAD merx_dataset *dataset;
    merx_task *task; /* that read it, whose budget counts the table: freed after it; NULL: none */
    mpy_array held;  /* of a matrix */
} dataset_object;

static PyTypeObject *dataset_type;

static dataset_object *new_object(void)
{
    dataset_object *self = (dataset_object *)PyType_GenericAlloc(dataset_type, 0);
    if (self != NULL) {
        self->dataset = NULL;
        self->task = NULL;
        self->held.view.obj = NULL;
    }
    return self;
}

static void dataset_dealloc(PyObject *object)
{
    dataset_object *self = (dataset_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    merx_dataset_free(self->dataset);
    merx_task_free(self->task);
    mpy_array_release(&self->held);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

const merx_dataset *mpy_dataset_of(PyObject *object)
{
    if (!PyObject_TypeCheck(object, dataset_type)) {
        PyErr_SetString(PyExc_TypeError, "a _merx.Dataset is expected");
        return NULL;
    }
    return ((dataset_object *)object)->dataset;
}

/* A list of text as C strings that live as long as `names`; *out NULL for None. Free with PyMem_Free. False: an exception is set. */
static bool read_words(PyObject *names, const char *what, const char ***out, size_t *count)
{
    *out = NULL;
    *count = 0;
    if (names == NULL || names == Py_None)
        return true;
    Py_ssize_t n = PyList_Check(names) ? PyList_Size(names) : -1;
    if (n < 0) {
        PyErr_Format(PyExc_TypeError, "%s: a list of str is expected", what);
        return false;
    }
    const char **words = PyMem_Malloc(((size_t)n + 1) * sizeof *words);
    if (words == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *word = PyList_GetItem(names, i);
        words[i] = word == Py_None ? NULL : PyUnicode_AsUTF8AndSize(word, NULL);
        if (words[i] == NULL && word != Py_None) {
            PyMem_Free(words);
            return false;
        }
    }
    *out = words;
    *count = (size_t)n;
    return true;
}

/* ---- making ---- */

static PyObject *matrix(PyObject *type, PyObject *args)
{
    (void)type;
    PyObject *x, *names = NULL;
    if (!PyArg_ParseTuple(args, "O|O", &x, &names))
        return NULL;
    dataset_object *self = new_object();
    const char **words = NULL;
    size_t count;
    merx_error err = {0};
    merx_status status = MERX_OK;
    if (self == NULL || !mpy_array_get(x, "X", &self->held) || !read_words(names, "names", &words, &count))
        goto out;
    if (self->held.dims != 2 || (self->held.kind != MPY_FLOAT64 && self->held.kind != MPY_FLOAT32)) {
        PyErr_SetString(PyExc_TypeError, "X: a matrix of float64 or float32 is expected");
        goto out;
    }
    size_t n = self->held.shape[0], d = self->held.shape[1];
    if (words != NULL && count != d) {
        PyErr_Format(PyExc_ValueError, "names: %zu names for %zu columns", count, d);
        goto out;
    }
    status = self->held.kind == MPY_FLOAT64
                 ? merx_dataset_view_matrix(NULL, self->held.data, n, d, words, &self->dataset, &err)
                 : merx_dataset_view_matrix_float(NULL, self->held.data, n, d, words, &self->dataset, &err);
    if (status != MERX_OK)
        mpy_raise(status, &err);
out:
    PyMem_Free(words);
    if (self != NULL && PyErr_Occurred() != NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *table(PyObject *type, PyObject *args)
{
    (void)type;
    Py_ssize_t rows;
    if (!PyArg_ParseTuple(args, "n", &rows))
        return NULL;
    if (rows < 0)
        return PyErr_Format(PyExc_ValueError, "rows: %zd; 0 or more are expected", rows);
    dataset_object *self = new_object();
    if (self == NULL)
        return NULL;
    merx_error err = {0};
    merx_status status = merx_dataset_new_table(NULL, (size_t)rows, &self->dataset, &err);
    if (status == MERX_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return mpy_raise(status, &err);
}

static PyObject *sparse(PyObject *type, PyObject *args)
{
    (void)type;
    Py_ssize_t n, d;
    PyObject *starts, *indices, *values;
    if (!PyArg_ParseTuple(args, "nnOOO", &n, &d, &starts, &indices, &values))
        return NULL;
    if (n < 0 || d < 0)
        return PyErr_Format(PyExc_ValueError, "a matrix of %zd x %zd", n, d);
    dataset_object *self = new_object();
    mpy_array s = {0}, i = {0}, v = {0};
    merx_error err = {0};
    merx_status status = MERX_OK;
    if (self == NULL || !mpy_array_want(starts, "indptr", MPY_INT64, 1, (size_t)n + 1, &s) ||
        !mpy_array_want(indices, "indices", MPY_INT32, 1, SIZE_MAX, &i) ||
        (values != Py_None && !mpy_array_want(values, "data", MPY_FLOAT32, 1, i.count, &v)))
        goto out;
    const int64_t *begin = s.data;
    if (begin[0] != 0 || (size_t)begin[n] != i.count) {
        PyErr_Format(PyExc_ValueError, "indptr goes from %lld to %lld; 0 to %zu, the number of indices, is expected",
                     (long long)begin[0], (long long)begin[n], i.count);
        goto out;
    }
    status = merx_dataset_from_csr(NULL, (size_t)n, (size_t)d, s.data, i.data, v.data, &self->dataset, &err);
    if (status != MERX_OK)
        mpy_raise(status, &err);
out:
    mpy_array_release(&s);
    mpy_array_release(&i);
    mpy_array_release(&v);
    if (self != NULL && PyErr_Occurred() != NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *read_file(PyObject *type, PyObject *args)
{
    (void)type;
    const char *path, *types = NULL;
    int threads = 0;
    PyObject *progress = NULL;
    if (!PyArg_ParseTuple(args, "s|ziO", &path, &types, &threads, &progress))
        return NULL;
    dataset_object *self = new_object();
    if (self == NULL)
        return NULL;
    mpy_call call;
    if (!mpy_call_begin(&call, &(mpy_settings){.threads = threads, .progress = progress})) {
        Py_DECREF(self);
        return NULL;
    }
    merx_status status =
        merx_dataset_read(path, &(merx_csv_options){.types = types}, call.task, &self->dataset, &call.err);
    bool good = mpy_call_return(&call, status);
    self->task = call.task;
    call.task = NULL;
    mpy_call_release(&call);
    if (!good)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---- columns ---- */

static PyObject *add(dataset_object *self, PyObject *args, mpy_kind kind)
{
    const char *name;
    PyObject *values, *levels = NULL;
    if (!PyArg_ParseTuple(args, kind == MPY_INT32 ? "sOO" : "sO", &name, &values, &levels))
        return NULL;
    mpy_array a;
    const char **words = NULL;
    size_t count = 0;
    merx_error err = {0};
    if (!mpy_array_want(values, name, kind, 1, merx_dataset_rows(self->dataset), &a))
        return NULL;
    merx_status status = MERX_OK;
    bool good = read_words(levels, name, &words, &count);
    if (good) {
        switch (kind) {
        case MPY_FLOAT64:
            status = merx_dataset_add_numeric(self->dataset, name, a.data, &err);
            break;
        case MPY_INT32:
            status = merx_dataset_add_categorical(self->dataset, name, a.data, words, count, &err);
            break;
        case MPY_INT8:
            status = merx_dataset_add_boolean(self->dataset, name, a.data, &err);
            break;
        default:
            status = merx_dataset_add_date(self->dataset, name, a.data, &err);
            break;
        }
    }
    PyMem_Free(words);
    mpy_array_release(&a);
    if (!good)
        return NULL;
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *add_numeric(PyObject *self, PyObject *args)
{
    return add((dataset_object *)self, args, MPY_FLOAT64);
}

static PyObject *add_categorical(PyObject *self, PyObject *args)
{
    return add((dataset_object *)self, args, MPY_INT32);
}

static PyObject *add_boolean(PyObject *self, PyObject *args)
{
    return add((dataset_object *)self, args, MPY_INT8);
}

static PyObject *add_date(PyObject *self, PyObject *args)
{
    return add((dataset_object *)self, args, MPY_INT64);
}

static PyObject *add_text(PyObject *object, PyObject *args)
{
    dataset_object *self = (dataset_object *)object;
    const char *name, **words;
    PyObject *values;
    size_t count;
    if (!PyArg_ParseTuple(args, "sO", &name, &values) || !read_words(values, name, &words, &count))
        return NULL;
    merx_error err = {0};
    merx_status status = MERX_OK;
    bool good = count == merx_dataset_rows(self->dataset);
    if (good)
        status = merx_dataset_add_text(self->dataset, name, words, &err);
    PyMem_Free(words);
    if (!good)
        return PyErr_Format(PyExc_ValueError, "%s has %zu rows; %zu are expected", name, count,
                            merx_dataset_rows(self->dataset));
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

/* ---- looking ---- */

static PyObject *columns(PyObject *object, PyObject *unused)
{
    (void)unused;
    const merx_dataset *d = ((dataset_object *)object)->dataset;
    size_t n = merx_dataset_columns(d);
    bool named = merx_dataset_get_shape(d) == MERX_SHAPE_TABLE;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && named && i < n; i++) {
        PyObject *pair = Py_BuildValue("(ss)", merx_dataset_column_name(d, i),
                                       merx_column_type_name(merx_dataset_column_type(d, i)));
        if (pair == NULL || PyList_Append(list, pair) != 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *get_shape(PyObject *object, void *unused)
{
    (void)unused;
    const merx_dataset *d = ((dataset_object *)object)->dataset;
    return Py_BuildValue("(nn)", (Py_ssize_t)merx_dataset_rows(d), (Py_ssize_t)merx_dataset_columns(d));
}

static PyObject *get_kind(PyObject *object, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(merx_dataset_shape_name(merx_dataset_get_shape(((dataset_object *)object)->dataset)));
}

static PyMethodDef methods[] = {
    {"matrix", matrix, METH_VARARGS | METH_CLASS,
     "matrix(X, names=None)\n\nA view of a C-contiguous float64 or float32 matrix."},
    {"table", table, METH_VARARGS | METH_CLASS, "table(rows)\n\nAn empty table; columns are added to it."},
    {"sparse", sparse, METH_VARARGS | METH_CLASS,
     "sparse(n, d, indptr, indices, data)\n\nA copy of a CSR matrix: int64, int32, float32 (None: ones)."},
    {"read", read_file, METH_VARARGS | METH_CLASS,
     "read(path, types=None, threads=0, progress=None)\n\nA table out of a CSV or JSON-lines file, a matrix out of NPY "
     "or IDX."},
    {"add_numeric", add_numeric, METH_VARARGS, "add_numeric(name, values)\n\nfloat64; NaN: missing."},
    {"add_categorical", add_categorical, METH_VARARGS, "add_categorical(name, codes, levels)\n\nint32; -1: missing."},
    {"add_boolean", add_boolean, METH_VARARGS, "add_boolean(name, values)\n\nint8: 0, 1; -1: missing."},
    {"add_date", add_date, METH_VARARGS,
     "add_date(name, values)\n\nint64 milliseconds since 1970; the least int64: missing."},
    {"add_text", add_text, METH_VARARGS, "add_text(name, values)\n\nA list of str; None: missing."},
    {"columns", columns, METH_NOARGS, "columns()\n\nName and type of each column of a table."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"shape", get_shape, NULL, "(rows, columns)", NULL},
    {"kind", get_kind, NULL, "\"table\", \"matrix\" or \"sparse\"", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dataset_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "What models learn from; see matrix, table, sparse and read."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "merx._merx.Dataset",
    .basicsize = sizeof(dataset_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

bool mpy_dataset_init(PyObject *module)
{
    dataset_type = (PyTypeObject *)mpy_add_type(module, &spec, "Dataset");
    return dataset_type != NULL;
}
