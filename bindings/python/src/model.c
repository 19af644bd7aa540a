/*
 * _merx.Model: merx_model. Predictions of rows of plain numbers take the short way: no dataset, no task, the lock kept, for a few rows.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "merx/model.h"
#include "types.h"

enum {
    SHORT_CELLS = 4096,     /* numbers of a prediction up to which rows go one by one */
    PARALLEL_CELLS = 262144 /* and from which threads are worth waking */
};

typedef struct model_object {
    PyObject_HEAD merx_model *model;
    mpy_use use; /* a fit needs the model alone */
} model_object;

static PyTypeObject *model_type;

/* The object of a new model, which is taken; or the exception. */
static PyObject *made(PyTypeObject *type, merx_status status, const merx_error *err, merx_model *model)
{
    if (status != MERX_OK)
        return mpy_raise(status, err);
    model_object *self = (model_object *)PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        merx_model_free(model);
        return NULL;
    }
    self->model = model;
    self->use = (mpy_use){0};
    return (PyObject *)self;
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *words)
{
    const char *family;
    static char *names[] = {"family", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, words, "s", names, &family))
        return NULL;
    merx_error err = {0};
    merx_model *model = NULL;
    merx_status status = merx_model_new(NULL, family, &model, &err);
    return made(type, status, &err, model);
}

static void model_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    merx_model_free(((model_object *)object)->model);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* ---- options and fit ---- */

static PyObject *set(PyObject *object, PyObject *args)
{
    const char *name, *value;
    merx_error err = {0};
    if (!PyArg_ParseTuple(args, "ss", &name, &value) || !mpy_use_may(&((model_object *)object)->use, true))
        return NULL;
    merx_status status = merx_model_set(((model_object *)object)->model, name, value, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *set_start(PyObject *object, PyObject *values)
{
    merx_error err = {0};
    mpy_array a = {0};
    merx_status status;
    if (!mpy_use_may(&((model_object *)object)->use, true))
        return NULL;
    if (values == Py_None) {
        status = merx_model_set_start(((model_object *)object)->model, NULL, 0, 0, &err);
    } else {
        if (!mpy_array_want(values, "start", MPY_FLOAT64, 2, SIZE_MAX, &a))
            return NULL;
        status = merx_model_set_start(((model_object *)object)->model, a.data, a.shape[0], a.shape[1], &err);
        mpy_array_release(&a);
    }
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *fit(PyObject *object, PyObject *args, PyObject *words)
{
    model_object *self = (model_object *)object;
    static char *names[] = {"data", "target", "weight", "threads", "seed", "progress", NULL};
    PyObject *data;
    const char *target = NULL, *weight = NULL;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "O|zziKO", names, &data, &target, &weight, &settings.threads,
                                     &settings.seed, &settings.progress))
        return NULL;
    const merx_dataset *dataset = mpy_dataset_of(data);
    mpy_call call;
    if (dataset == NULL || !mpy_use_enter(&self->use, true))
        return NULL;
    if (!mpy_call_begin(&call, &settings)) {
        mpy_use_leave(&self->use);
        return NULL;
    }
    merx_status status = merx_model_fit(self->model, dataset, &(merx_fit_columns){.target = target, .weight = weight},
                                        call.task, &call.err);
    bool good = mpy_call_end(&call, status);
    mpy_use_leave(&self->use);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- predictions ---- */

typedef enum wanted { VALUES, LABELS } wanted;

static bool is_flat(const merx_model *model)
{
    return (merx_model_family(model)->tags & MERX_REGRESSES) != 0;
}

/* Labels of classes are what NumPy indexes with (others would be cast at every use); clusters are int32, as scikit-learn's. */
static mpy_kind labels_of(const merx_model *model)
{
    return (merx_model_family(model)->tags & MERX_CLASSIFIES) != 0 ? MPY_INT64 : MPY_INT32;
}

static void put_label(const merx_model *model, void *memory, size_t i, int32_t label)
{
    if (labels_of(model) == MPY_INT64)
        ((int64_t *)memory)[i] = label;
    else
        ((int32_t *)memory)[i] = label;
}

/* (n, outputs) of float64, (n) for regressions; or (n) of labels. */
static PyObject *new_result(const merx_model *model, size_t n, wanted what, void **memory)
{
    size_t shape[2] = {n, merx_model_outputs(model)};
    if (what == LABELS)
        return mpy_array_new(labels_of(model), 1, shape, memory);
    return mpy_array_new(MPY_FLOAT64, is_flat(model) ? 1 : 2, shape, memory);
}

static PyObject *predict_few(const model_object *self, const double *x, size_t n, size_t d, wanted what)
{
    const merx_model *model = self->model;
    size_t outputs = merx_model_outputs(model);
    double on_stack[64], *values = on_stack, *more = NULL;
    void *memory;
    PyObject *result = new_result(model, n, what, &memory);
    if (result == NULL)
        return NULL;
    if (what == LABELS && outputs > sizeof on_stack / sizeof *on_stack) {
        values = more = PyMem_Malloc(outputs * sizeof *more);
        if (more == NULL) {
            Py_DECREF(result);
            return PyErr_NoMemory();
        }
    }
    merx_error err = {0};
    merx_status status = MERX_OK;
    bool labelled = (merx_model_family(model)->tags & (MERX_CLASSIFIES | MERX_CLUSTERS)) != 0;
    for (size_t i = 0; i < n && status == MERX_OK; i++) {
        int32_t label = 0;
        status = merx_model_predict_row(model, x + i * d, d, what == LABELS ? values : (double *)memory + i * outputs,
                                        labelled ? &label : NULL, &err);
        if (what == LABELS)
            put_label(model, memory, i, label);
    }
    PyMem_Free(more);
    if (status == MERX_OK)
        return result;
    Py_DECREF(result);
    return mpy_raise(status, &err);
}

static PyObject *predict_dataset(model_object *self, const merx_dataset *data, size_t cells, wanted what)
{
    mpy_call call;
    if (!mpy_use_enter(&self->use, false))
        return NULL;
    if (!mpy_call_begin(&call, &(mpy_settings){.threads = cells < PARALLEL_CELLS ? 1 : 0})) {
        mpy_use_leave(&self->use);
        return NULL;
    }
    merx_prediction p = {0};
    merx_status status = merx_model_predict(self->model, data, call.task, &p, &call.err);
    PyObject *result = NULL;
    if (mpy_call_return(&call, status)) {
        void *memory;
        result = new_result(self->model, p.rows, what, &memory);
        if (result != NULL && what == VALUES)
            memcpy(memory, p.values, p.rows * p.outputs * sizeof *p.values);
        for (size_t i = 0; result != NULL && what == LABELS && i < p.rows; i++)
            put_label(self->model, memory, i, p.labels != NULL ? p.labels[i] : 0);
    }
    merx_prediction_release(&p);
    mpy_call_release(&call);
    mpy_use_leave(&self->use);
    return result;
}

/*
 * Rows of plain numbers: None when X is not a C-contiguous float64 matrix as wide as the fit with finite numbers alone, for the caller to look closer.
 */
static PyObject *predict_rows(PyObject *object, PyObject *x, wanted what)
{
    model_object *self = (model_object *)object;
    mpy_array a;
    size_t outputs = self->use.changing ? 0 : merx_model_outputs(self->model);
    if (outputs == 0 || !mpy_array_try(x, &a))
        Py_RETURN_NONE;
    PyObject *result = NULL;
    if (a.kind != MPY_FLOAT64 || a.dims != 2 || a.shape[0] == 0 || a.shape[1] == 0 ||
        !mpy_all_finite(a.data, a.count)) {
        result = Py_NewRef(Py_None);
    } else if (a.count + a.shape[0] * outputs <= SHORT_CELLS) {
        result = predict_few(self, a.data, a.shape[0], a.shape[1], what);
    } else {
        merx_dataset *data;
        merx_error err = {0};
        merx_status status = merx_dataset_view_matrix(NULL, a.data, a.shape[0], a.shape[1], NULL, &data, &err);
        if (status != MERX_OK) {
            mpy_raise(status, &err);
        } else {
            result = predict_dataset(self, data, a.count, what);
            merx_dataset_free(data);
        }
    }
    mpy_array_release(&a);
    return result;
}

static PyObject *rows_values(PyObject *self, PyObject *x)
{
    return predict_rows(self, x, VALUES);
}

static PyObject *rows_labels(PyObject *self, PyObject *x)
{
    return predict_rows(self, x, LABELS);
}

static PyObject *predict_of(PyObject *object, PyObject *data, wanted what)
{
    const merx_dataset *dataset = mpy_dataset_of(data);
    return dataset == NULL ? NULL
                           : predict_dataset((model_object *)object, dataset,
                                             merx_dataset_rows(dataset) * merx_dataset_columns(dataset), what);
}

static PyObject *predict(PyObject *self, PyObject *data)
{
    return predict_of(self, data, VALUES);
}

static PyObject *labels(PyObject *self, PyObject *data)
{
    return predict_of(self, data, LABELS);
}

/* ---- looking inside ---- */

static PyObject *explain(PyObject *object, PyObject *args)
{
    model_object *self = (model_object *)object;
    PyObject *data;
    Py_ssize_t row;
    int output = -1;
    if (!PyArg_ParseTuple(args, "On|i", &data, &row, &output))
        return NULL;
    const merx_dataset *dataset = mpy_dataset_of(data);
    if (dataset == NULL || !mpy_use_may(&self->use, false))
        return NULL;
    merx_error err = {0};
    merx_explanation e = {0};
    merx_status status = merx_model_explain(self->model, dataset, (size_t)row, output, &e, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < e.count; i++) {
        PyObject *one =
            Py_BuildValue("(ssd)", e.contributions[i].name, e.contributions[i].value, e.contributions[i].contribution);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    PyObject *result = list == NULL
                           ? NULL
                           : Py_BuildValue("{s:s,s:d,s:d,s:d,s:N}", "output", e.output != NULL ? e.output : "", "score",
                                           e.score, "base", e.base, "prediction", e.prediction, "contributions", list);
    merx_explanation_release(&e);
    return result;
}

static PyObject *take_text(merx_status status, const merx_error *err, char *text)
{
    if (status != MERX_OK)
        return mpy_raise(status, err);
    PyObject *result = PyUnicode_FromString(text);
    merx_text_free(text);
    return result;
}

static PyObject *describe(PyObject *object, PyObject *unused)
{
    (void)unused;
    merx_error err = {0};
    char *text = NULL;
    if (!mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    merx_status status = merx_model_describe(((model_object *)object)->model, &text, &err);
    return take_text(status, &err, text);
}

static PyObject *shapes_svg(PyObject *object, PyObject *unused)
{
    (void)unused;
    merx_error err = {0};
    char *text = NULL;
    if (!mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    merx_status status = merx_model_shapes_svg(((model_object *)object)->model, &text, &err);
    return take_text(status, &err, text);
}

static merx_status take_tensor(void *context, const merx_tensor *tensor, merx_error *err)
{
    static const struct {
        const char *word;
        mpy_kind kind;
    } kinds[] = {{"F64", MPY_FLOAT64}, {"F32", MPY_FLOAT32}, {"I64", MPY_INT64},
                 {"I32", MPY_INT32},   {"I8", MPY_INT8},     {"U8", MPY_UINT8}};
    PyObject *dict = context, *array = NULL;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k].word, tensor->dtype) == 0)
            array = mpy_array_copy(kinds[k].kind, (int)tensor->dims, tensor->shape, tensor->data);
    bool good = array != NULL && PyDict_SetItemString(dict, tensor->name, array) == 0;
    Py_XDECREF(array);
    if (!good)
        err->code = MERX_E_MEMORY;
    return good ? MERX_OK : MERX_E_MEMORY;
}

static PyObject *tensors(PyObject *object, PyObject *unused)
{
    (void)unused;
    merx_error err = {0};
    if (!mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    merx_status status = merx_model_each_tensor(((model_object *)object)->model, take_tensor, dict, &err);
    if (status == MERX_OK)
        return dict;
    Py_DECREF(dict);
    return PyErr_Occurred() != NULL ? NULL : mpy_raise(status, &err);
}

static PyObject *output_names(PyObject *object, PyObject *unused)
{
    (void)unused;
    const merx_model *model = ((model_object *)object)->model;
    if (!mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    size_t n = merx_model_outputs(model);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < n; i++) {
        PyObject *name = PyUnicode_FromString(merx_model_output(model, i));
        if (name == NULL || PyList_Append(list, name) != 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *evaluate(PyObject *object, PyObject *data)
{
    model_object *self = (model_object *)object;
    const merx_dataset *dataset = mpy_dataset_of(data);
    mpy_call call;
    merx_metrics m = {0};
    if (dataset == NULL || !mpy_use_enter(&self->use, false))
        return NULL;
    if (!mpy_call_begin(&call, &(mpy_settings){0})) {
        mpy_use_leave(&self->use);
        return NULL;
    }
    merx_status status = merx_model_evaluate(self->model, dataset, call.task, &m, &call.err);
    bool good = mpy_call_end(&call, status);
    mpy_use_leave(&self->use);
    PyObject *dict = good ? PyDict_New() : NULL;
    for (size_t i = 0; dict != NULL && i < m.count; i++) {
        PyObject *one = Py_BuildValue("(ddd)", m.metric[i].value, m.metric[i].low, m.metric[i].high);
        if (one == NULL || PyDict_SetItemString(dict, m.metric[i].name, one) != 0)
            Py_CLEAR(dict);
        Py_XDECREF(one);
    }
    return dict;
}

/* ---- files ---- */

static PyObject *save(PyObject *object, PyObject *args)
{
    const char *path;
    merx_error err = {0};
    if (!PyArg_ParseTuple(args, "s", &path) || !mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    merx_status status = merx_model_save(((model_object *)object)->model, path, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *to_bytes(PyObject *object, PyObject *unused)
{
    (void)unused;
    merx_error err = {0};
    void *bytes;
    size_t size;
    if (!mpy_use_may(&((model_object *)object)->use, false))
        return NULL;
    merx_status status = merx_model_to_bytes(((model_object *)object)->model, &bytes, &size, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    PyObject *result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    merx_bytes_free(bytes, size);
    return result;
}

static PyObject *load(PyObject *type, PyObject *args)
{
    const char *path;
    merx_error err = {0};
    merx_model *model = NULL;
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    merx_status status = merx_model_load(NULL, path, &model, &err);
    return made((PyTypeObject *)type, status, &err, model);
}

static PyObject *from_bytes(PyObject *type, PyObject *args)
{
    const char *bytes;
    Py_ssize_t size;
    merx_error err = {0};
    merx_model *model = NULL;
    if (!PyArg_ParseTuple(args, "y#", &bytes, &size))
        return NULL;
    merx_status status = merx_model_from_bytes(NULL, bytes, (size_t)size, &model, &err);
    return made((PyTypeObject *)type, status, &err, model);
}

static PyObject *get_family(PyObject *object, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(merx_model_family(((model_object *)object)->model)->name);
}

static PyObject *get_fitted(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(merx_model_is_fitted(((model_object *)object)->model));
}

static PyMethodDef methods[] = {
    {"set", set, METH_VARARGS, "set(name, value)\n\nAn option of the next fit, as text."},
    {"set_start", set_start, METH_O,
     "set_start(centroids)\n\nWhere the next fits begin, float64 (k, d); None: nowhere."},
    {"fit", (PyCFunction)(void (*)(void))fit, METH_VARARGS | METH_KEYWORDS,
     "fit(data, target=None, weight=None, threads=0, seed=0, progress=None)\n\nLearns from a Dataset. A fit that fails "
     "keeps the old state."},
    {"rows_values", rows_values, METH_O,
     "rows_values(X)\n\nPredictions of rows of plain numbers; None when X is no finite C-contiguous float64 matrix."},
    {"rows_labels", rows_labels, METH_O, "rows_labels(X)\n\nLabels of rows of plain numbers; None as rows_values."},
    {"predict", predict, METH_O, "predict(data)\n\n(n, outputs) of float64, (n) for a regression."},
    {"labels", labels, METH_O, "labels(data)\n\n(n) of classes (int64) or clusters (int32), from 0."},
    {"explain", explain, METH_VARARGS,
     "explain(data, row, output=-1)\n\nbase and contributions that sum to the score."},
    {"describe", describe, METH_NOARGS, "describe()\n\nThe model for a person, as text."},
    {"shapes_svg", shapes_svg, METH_NOARGS, "shapes_svg()\n\nThe strongest terms of an additive model, as SVG."},
    {"tensors", tensors, METH_NOARGS, "tensors()\n\nName to array: copies of all the model has learnt."},
    {"outputs", output_names, METH_NOARGS, "outputs()\n\nWhat the outputs are called."},
    {"evaluate", evaluate, METH_O, "evaluate(data)\n\nName to (value, low, high), 95 % intervals."},
    {"save", save, METH_VARARGS, "save(path)\n\nThe model's file, whole or not at all."},
    {"load", load, METH_VARARGS | METH_CLASS, "load(path)"},
    {"to_bytes", to_bytes, METH_NOARGS, "to_bytes()\n\nThe file in memory."},
    {"from_bytes", from_bytes, METH_VARARGS | METH_CLASS, "from_bytes(bytes)"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"family", get_family, NULL, "\"linear\", …", NULL},
    {"fitted", get_fitted, NULL, "whether it has learnt", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, model_new},
    {Py_tp_dealloc, model_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "Model(family)\n\nA model of a family of merx: options, fit, predict, explain, files."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "merx._merx.Model",
    .basicsize = sizeof(model_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool mpy_model_init(PyObject *module)
{
    model_type = (PyTypeObject *)mpy_add_type(module, &spec, "Model");
    return model_type != NULL;
}
