/*
 * _merx.Network: merx_network. Layers come as its JSON (merx/keras/ writes it), numbers as C-contiguous arrays: x float32 or uint8 (seen as they are,
 * not divided by 255), labels int32, targets and weights float32.
 *
 * A fit needs the network alone; any number of threads may predict and read. Both are told by `use`, which changes under the
 * interpreter's lock. A few examples are predicted on the spot, without a task and without giving up the lock.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "merx/model.h"
#include "merx/network.h"
#include "types.h"

enum {
    SHORT_WORK = 1 << 20,   /* multiplications of a prediction up to which it is made on the spot */
    PARALLEL_WORK = 1 << 24 /* and from which threads are worth waking */
};

typedef struct network_object {
    PyObject_HEAD merx_network *net;
    size_t input, rows, output; /* numbers of an example; rows of its output (steps), numbers of its output */
    double work;                /* multiplications of an example, about */
    mpy_use use;
} network_object;

static PyTypeObject *network_type;

static const char *const kinds[MERX_LAYERS] = {[MERX_LAYER_INPUT] = "input",
#define KIND(name, word, member, type) [MERX_LAYER_##name] = #word,
                                               MERX_LAYER_TABLE(KIND)
#undef KIND
};

static const char *const losses[MERX_LOSSES] = {
#define LOSS(name, word) [MERX_##name] = #word,
    MERX_LOSS_TABLE(LOSS)
#undef LOSS
};

static const char *const optimizers[] = {"sgd", "adam", "adagrad"};

static size_t size_of(merx_dims dims)
{
    size_t size = 1;
    for (size_t i = 0; i < dims.rank; i++)
        size *= dims.dim[i];
    return size;
}

static bool is_recurrent(merx_layer_kind kind)
{
    return kind == MERX_LAYER_SIMPLE_RNN || kind == MERX_LAYER_LSTM || kind == MERX_LAYER_GRU;
}

/* What is asked often, once. Sizes of weights are known after compile. */
static void measure(network_object *self)
{
    size_t nodes = merx_network_nodes(self->net);
    merx_node last = merx_network_node(self->net, (int)nodes - 1);
    self->input = size_of(merx_network_node(self->net, 0).output);
    self->output = size_of(last.output);
    self->rows = last.output.rank > 0 ? self->output / last.output.dim[last.output.rank - 1] : 1;
    self->work = (double)self->input;
    for (size_t i = 1; i < nodes; i++) {
        merx_node node = merx_network_node(self->net, (int)i);
        size_t size = size_of(node.output);
        double times = 1; /* that each weight is used */
        if (is_recurrent(node.kind))
            times = (double)merx_network_node(self->net, node.input[0]).output.dim[0];
        else if (node.kind != MERX_LAYER_EMBEDDING && node.output.rank > 1)
            times = (double)size / (double)node.output.dim[node.output.rank - 1];
        self->work += (double)size + (node.kind != MERX_LAYER_EMBEDDING ? times * (double)node.weights : 0);
    }
}

/* Takes the network. */
static PyObject *wrap(PyTypeObject *type, merx_network *net)
{
    network_object *self = (network_object *)PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        merx_network_free(net);
        return NULL;
    }
    self->net = net;
    self->use = (mpy_use){0};
    measure(self);
    return (PyObject *)self;
}

static void network_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    merx_network_free(((network_object *)object)->net);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* ---- making one ---- */

static bool find_word(const char *what, const char *word, const char *const *words, size_t count, int *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (int)i;
            return true;
        }
    PyErr_Format(PyExc_ValueError, "there is no %s \"%s\"", what, word);
    return false;
}

static PyObject *network_new(PyTypeObject *type, PyObject *args, PyObject *words)
{
    static char *names[] = {"json", "seed", NULL};
    const char *json;
    mpy_settings settings = {.threads = 1};
    if (!PyArg_ParseTupleAndKeywords(args, words, "s|K", names, &json, &settings.seed))
        return NULL;
    merx_error err = {0};
    merx_network *net;
    merx_status status = merx_network_from_json(NULL, json, NULL, NULL, &net, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    mpy_call call;
    if (!mpy_call_begin(&call, &settings)) {
        merx_network_free(net);
        return NULL;
    }
    /* Able to run; what it learns by is said later, and changes no weight. */
    status = merx_network_compile(net, MERX_SGD(), MERX_MEAN_SQUARED_ERROR, call.task, &call.err);
    if (!mpy_call_end(&call, status)) {
        merx_network_free(net);
        return NULL;
    }
    return wrap(type, net);
}

static PyObject *compile(PyObject *object, PyObject *args, PyObject *words)
{
    network_object *self = (network_object *)object;
    static char *names[] = {"loss",   "optimizer", "learning_rate", "momentum",     "nesterov", "beta_1",
                            "beta_2", "epsilon",   "clip_norm",     "weight_decay", NULL};
    const char *loss_word, *kind_word = "adam";
    int loss, kind, nesterov = 0;
    merx_optimizer o = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "s|sddpddddd", names, &loss_word, &kind_word, &o.learning_rate,
                                     &o.momentum, &nesterov, &o.beta1, &o.beta2, &o.epsilon, &o.clip_norm,
                                     &o.weight_decay) ||
        !find_word("loss", loss_word, losses, MERX_LOSSES, &loss) ||
        !find_word("optimizer", kind_word, optimizers, sizeof optimizers / sizeof *optimizers, &kind))
        return NULL;
    o.kind = (merx_optimizer_kind)kind;
    o.nesterov = nesterov != 0;
    merx_error err = {0};
    if (!mpy_use_enter(&self->use, true))
        return NULL;
    merx_status status = merx_network_compile(self->net, o, (merx_loss)loss, NULL, &err);
    mpy_use_leave(&self->use);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

/* ---- examples ---- */

typedef struct examples {
    mpy_array x, labels, targets, weights;
    merx_examples e;
} examples;

static void release(examples *m)
{
    mpy_array_release(&m->x);
    mpy_array_release(&m->labels);
    mpy_array_release(&m->targets);
    mpy_array_release(&m->weights);
}

/* The first number that is not finite; a layer's relu would make 0 of it, and nothing in what comes out would show. */
static bool refuse_not_finite(const float *x, size_t count, size_t each)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i])) {
            PyErr_Format(PyExc_ValueError, "example %zu of x holds %s; numbers are expected", i / each,
                         isnan(x[i]) ? "nan"
                         : x[i] > 0  ? "inf"
                                     : "-inf");
            return false;
        }
    return true;
}

static bool take_inputs(const network_object *self, PyObject *x, examples *m)
{
    memset(m, 0, sizeof *m);
    if (!mpy_array_get(x, "x", &m->x))
        return false;
    size_t n = m->x.dims > 0 ? m->x.shape[0] : 0;
    bool good = false;
    if (m->x.kind != MPY_FLOAT32 && m->x.kind != MPY_UINT8)
        PyErr_SetString(PyExc_TypeError, "x is neither float32 nor uint8");
    else if (m->x.dims == 0 || m->x.count != n * self->input)
        PyErr_Format(PyExc_ValueError, "x has %zu numbers in %zu rows; an example has %zu", m->x.count, n, self->input);
    else
        good = m->x.kind == MPY_UINT8 || mpy_all_finite_float(m->x.data, m->x.count) ||
               refuse_not_finite(m->x.data, m->x.count, self->input);
    if (!good) {
        release(m);
        return false;
    }
    m->e = (merx_examples){.n = n, .scale = 1};
    if (m->x.kind == MPY_UINT8)
        m->e.bytes = m->x.data;
    else
        m->e.x = m->x.data;
    return true;
}

/* The numbers of one array beside x, `each` of an example. None: left out. */
static bool take_one(PyObject *object, const char *what, mpy_kind kind, size_t n, size_t each, mpy_array *a,
                     const void **out)
{
    if (object == NULL || object == Py_None)
        return true;
    if (!mpy_array_get(object, what, a))
        return false;
    if (a->kind != kind)
        PyErr_Format(PyExc_TypeError, "%s is not %s", what, kind == MPY_INT32 ? "int32" : "float32");
    else if (a->count != n * each)
        PyErr_Format(PyExc_ValueError, "%s has %zu numbers; %zu examples of %zu are expected", what, a->count, n, each);
    else
        *out = a->data;
    return *out != NULL || (PyErr_Occurred() == NULL && n == 0);
}

static bool take_examples(const network_object *self, PyObject *x, PyObject *labels, PyObject *targets,
                          PyObject *weights, examples *m)
{
    if (!take_inputs(self, x, m))
        return false;
    const void *found[3] = {NULL, NULL, NULL};
    if (take_one(labels, "labels", MPY_INT32, m->e.n, self->rows, &m->labels, &found[0]) &&
        take_one(targets, "targets", MPY_FLOAT32, m->e.n, self->output, &m->targets, &found[1]) &&
        take_one(weights, "weights", MPY_FLOAT32, m->e.n, 1, &m->weights, &found[2])) {
        m->e.labels = found[0];
        m->e.targets = found[1];
        m->e.weights = found[2];
        return true;
    }
    release(m);
    return false;
}

static int threads_for(const network_object *self, size_t n, int wanted)
{
    return wanted == 0 && self->work * (double)n < PARALLEL_WORK ? 1 : wanted;
}

/* ---- learning ---- */

static bool take_augmentation(PyObject *object, merx_augmentation *out)
{
    int flip = 0;
    if (object == NULL || object == Py_None)
        return true;
    if (!PyTuple_Check(object)) {
        PyErr_SetString(PyExc_TypeError,
                        "augmentation is a tuple (flip, shift, zoom, brightness, contrast, colour, erase)");
        return false;
    }
    if (!PyArg_ParseTuple(object, "piddddd", &flip, &out->shift, &out->zoom, &out->brightness, &out->contrast,
                          &out->colour, &out->erase))
        return false;
    out->flip = flip != 0;
    return true;
}

static PyObject *list_epochs(const merx_history *history)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < history->epochs; i++) {
        const merx_epoch *e = &history->epoch[i];
        PyObject *one = Py_BuildValue("(dddd)", e->loss, e->metric, e->learning_rate, e->seconds);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *fit(PyObject *object, PyObject *args, PyObject *words)
{
    network_object *self = (network_object *)object;
    static char *names[] = {"x",       "labels", "targets",      "weights", "epochs",   "batch_size",
                            "shuffle", "rates",  "augmentation", "threads", "progress", NULL};
    PyObject *x, *labels = NULL, *targets = NULL, *weights = NULL, *rates = NULL, *augmentation = NULL, *result = NULL;
    int shuffle = 1;
    merx_fit_options o = {.epochs = 1, .batch_size = 32};
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "O|OOOiipOOiO", names, &x, &labels, &targets, &weights, &o.epochs,
                                     &o.batch_size, &shuffle, &rates, &augmentation, &settings.threads,
                                     &settings.progress) ||
        !take_augmentation(augmentation, &o.augmentation))
        return NULL;
    o.in_order = !shuffle;
    if (o.epochs < 1 || o.batch_size < 1) {
        PyErr_Format(PyExc_ValueError, "epochs is %d and batch_size %d; both are at least 1", o.epochs, o.batch_size);
        return NULL;
    }
    examples m;
    mpy_array r = {0};
    if (!take_examples(self, x, labels, targets, weights, &m))
        return NULL;
    size_t batch = (size_t)o.batch_size < m.e.n ? (size_t)o.batch_size
                   : m.e.n > 0                  ? m.e.n
                                                : 1,
           steps = (m.e.n + batch - 1) / batch * (size_t)o.epochs;
    if (rates != NULL && rates != Py_None) {
        if (!mpy_array_want(rates, "rates (steps of the fit)", MPY_FLOAT64, 1, steps, &r))
            goto out;
        o.learning_rates = r.data;
    }
    mpy_call call;
    merx_history history = {0};
    if (!mpy_use_enter(&self->use, true))
        goto out;
    settings.threads = threads_for(self, m.e.n, settings.threads);
    if (!mpy_call_begin(&call, &settings)) {
        mpy_use_leave(&self->use);
        goto out;
    }
    merx_status status = merx_network_fit(self->net, &m.e, &o, call.task, &history, &call.err);
    /* A network out of a file counts its epochs from the first one: nothing was left to do. It goes on now. */
    if (status == MERX_OK && history.epochs < (size_t)o.epochs) {
        merx_history_release(&history);
        status = merx_network_fit(self->net, &m.e, &o, call.task, &history, &call.err);
    }
    if (mpy_call_return(&call, status))
        result = list_epochs(&history);
    merx_history_release(&history);
    mpy_call_release(&call);
    mpy_use_leave(&self->use);
out:
    mpy_array_release(&r);
    release(&m);
    return result;
}

static PyObject *evaluate(PyObject *object, PyObject *args, PyObject *words)
{
    network_object *self = (network_object *)object;
    static char *names[] = {"x", "labels", "targets", "weights", "threads", NULL};
    PyObject *x, *labels = NULL, *targets = NULL, *weights = NULL, *result = NULL;
    mpy_settings settings = {0};
    if (!PyArg_ParseTupleAndKeywords(args, words, "O|OOOi", names, &x, &labels, &targets, &weights, &settings.threads))
        return NULL;
    examples m;
    mpy_call call;
    double loss = 0, metric = 0;
    if (!take_examples(self, x, labels, targets, weights, &m))
        return NULL;
    if (!mpy_use_enter(&self->use, false))
        goto out;
    settings.threads = threads_for(self, m.e.n, settings.threads);
    if (!mpy_call_begin(&call, &settings)) {
        mpy_use_leave(&self->use);
        goto out;
    }
    merx_status status = merx_network_evaluate(self->net, &m.e, call.task, &loss, &metric, &call.err);
    if (mpy_call_end(&call, status))
        result = Py_BuildValue("(dd)", loss, metric);
    mpy_use_leave(&self->use);
out:
    release(&m);
    return result;
}

/* ---- running ---- */

/* (n, …) as the node's output. */
static PyObject *new_output(const network_object *self, int node, size_t n, void **memory)
{
    merx_dims dims = merx_network_node(self->net, node).output;
    size_t shape[1 + MERX_DIMS] = {n};
    memcpy(shape + 1, dims.dim, dims.rank * sizeof *shape);
    return mpy_array_new(MPY_FLOAT32, 1 + (int)dims.rank, shape, memory);
}

static PyObject *predict(PyObject *object, PyObject *args, PyObject *words)
{
    network_object *self = (network_object *)object;
    static char *names[] = {"x", "threads", NULL};
    PyObject *x;
    mpy_settings settings = {0};
    examples m;
    void *memory;
    if (!PyArg_ParseTupleAndKeywords(args, words, "O|i", names, &x, &settings.threads) || !take_inputs(self, x, &m))
        return NULL;
    PyObject *result = new_output(self, (int)merx_network_nodes(self->net) - 1, m.e.n, &memory);
    bool good = false;
    if (result != NULL && mpy_use_enter(&self->use, false)) {
        if (self->work * (double)m.e.n < SHORT_WORK) {
            merx_error err = {0};
            merx_status status = merx_network_predict(self->net, &m.e, NULL, memory, &err);
            good = status == MERX_OK;
            if (!good)
                mpy_raise(status, &err);
        } else {
            mpy_call call;
            settings.threads = threads_for(self, m.e.n, settings.threads);
            if (mpy_call_begin(&call, &settings)) {
                merx_status status = merx_network_predict(self->net, &m.e, call.task, memory, &call.err);
                good = mpy_call_end(&call, status);
            }
        }
        mpy_use_leave(&self->use);
    }
    release(&m);
    if (!good)
        Py_CLEAR(result);
    return result;
}

/* Outputs of an inner layer: a runner that keeps them, over blocks of examples. */
static merx_status run_node(merx_network *net, const merx_examples *e, int node, size_t input, size_t output,
                            merx_task *task, float *out, merx_error *err)
{
    enum { MOST = 64 };
    merx_runner *runner = NULL;
    size_t most = e->n < MOST ? e->n : MOST;
    merx_status status = merx_runner_new(net, most, true, &runner, err);
    for (size_t at = 0; status == MERX_OK && at < e->n; at += most) {
        size_t n = e->n - at < most ? e->n - at : most;
        (void)merx_runner_run(runner, e->x + at * input, n);
        const float *y = merx_runner_node(runner, node);
        if (y == NULL) {
            status = MERX_E_UNSUPPORTED;
            err->code = status;
            (void)snprintf(
                err->message, sizeof err->message, "%s",
                "this convolution runs along with the pooling behind it, so that its own output is never there");
        } else if (merx_task_cancelled(task)) {
            status = MERX_E_CANCELLED;
        } else {
            memcpy(out + at * output, y, n * output * sizeof *out);
        }
    }
    merx_runner_free(runner);
    return status;
}

static PyObject *predict_node(PyObject *object, PyObject *args)
{
    network_object *self = (network_object *)object;
    PyObject *x;
    int node;
    examples m;
    void *memory;
    if (!PyArg_ParseTuple(args, "Oi", &x, &node))
        return NULL;
    if (node < 0 || (size_t)node >= merx_network_nodes(self->net)) {
        PyErr_Format(PyExc_IndexError, "there is no node %d", node);
        return NULL;
    }
    if (!take_inputs(self, x, &m))
        return NULL;
    size_t each = size_of(merx_network_node(self->net, node).output);
    PyObject *result = NULL;
    bool good = false;
    mpy_call call;
    if (m.e.x == NULL)
        PyErr_SetString(PyExc_TypeError, "x is not float32");
    else if ((result = new_output(self, node, m.e.n, &memory)) != NULL && mpy_use_enter(&self->use, false)) {
        if (mpy_call_begin(&call, &(mpy_settings){.threads = 1})) {
            merx_status status =
                m.e.n == 0 ? MERX_OK : run_node(self->net, &m.e, node, self->input, each, call.task, memory, &call.err);
            good = mpy_call_end(&call, status);
        }
        mpy_use_leave(&self->use);
    }
    release(&m);
    if (!good)
        Py_CLEAR(result);
    return result;
}

/* ---- inside ---- */

static PyObject *dims_tuple(merx_dims dims)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)dims.rank);
    for (size_t i = 0; tuple != NULL && i < dims.rank; i++) {
        PyObject *size = PyLong_FromSize_t(dims.dim[i]);
        if (size == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, size) != 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *nodes(PyObject *object, PyObject *unused)
{
    (void)unused;
    const merx_network *net = ((network_object *)object)->net;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < merx_network_nodes(net); i++) {
        merx_node node = merx_network_node(net, (int)i);
        PyObject *inputs = PyList_New(0), *one = NULL, *dims = dims_tuple(node.output);
        bool good = inputs != NULL && dims != NULL;
        for (size_t k = 0; good && k < node.inputs; k++) {
            PyObject *number = PyLong_FromLong(node.input[k]);
            good = number != NULL && PyList_Append(inputs, number) == 0;
            Py_XDECREF(number);
        }
        if (good)
            one = Py_BuildValue("(ssOnO)", kinds[node.kind], node.name, dims, (Py_ssize_t)node.weights, inputs);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(inputs);
        Py_XDECREF(dims);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *weights(PyObject *object, PyObject *unused)
{
    (void)unused;
    const merx_network *net = ((network_object *)object)->net;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        PyObject *one = Py_BuildValue("(sNO)", w.name, dims_tuple(w.dims), w.trainable ? Py_True : Py_False);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static bool check_weight(const network_object *self, Py_ssize_t i)
{
    if (i >= 0 && (size_t)i < merx_network_weights(self->net))
        return true;
    PyErr_Format(PyExc_IndexError, "there is no weight %zd; there are %zu", i, merx_network_weights(self->net));
    return false;
}

static PyObject *get_weight(PyObject *object, PyObject *args)
{
    network_object *self = (network_object *)object;
    Py_ssize_t i;
    if (!PyArg_ParseTuple(args, "n", &i) || !check_weight(self, i) || !mpy_use_enter(&self->use, false))
        return NULL;
    merx_weight w = merx_network_weight(self->net, (size_t)i);
    PyObject *array = mpy_array_copy(MPY_FLOAT32, (int)w.dims.rank, w.dims.dim, w.values);
    mpy_use_leave(&self->use);
    return array;
}

static PyObject *set_weight(PyObject *object, PyObject *args)
{
    network_object *self = (network_object *)object;
    Py_ssize_t i;
    PyObject *values;
    mpy_array a;
    if (!PyArg_ParseTuple(args, "nO", &i, &values) || !check_weight(self, i) || !mpy_array_get(values, "a weight", &a))
        return NULL;
    merx_error err = {0};
    merx_status status = MERX_OK;
    bool good = a.kind == MPY_FLOAT32;
    if (!good)
        PyErr_SetString(PyExc_TypeError, "a weight is not float32");
    good = good && mpy_use_enter(&self->use, true);
    if (good) {
        status = merx_network_set_weight(self->net, (size_t)i, a.data, a.count, &err);
        mpy_use_leave(&self->use);
    }
    mpy_array_release(&a);
    if (!good)
        return NULL;
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

/* ---- files ---- */

static PyObject *to_json(PyObject *object, PyObject *unused)
{
    (void)unused;
    merx_error err = {0};
    char *text = NULL;
    merx_status status = merx_network_to_json(((network_object *)object)->net, &text, &err);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    PyObject *result = PyUnicode_FromString(text);
    merx_text_free(text);
    return result;
}

typedef merx_status (*writes)(const merx_network *net, const char *path, merx_error *err);
typedef merx_status (*reads)(const merx_allocator *alloc, const char *path, merx_network **out, merx_error *err);

static PyObject *write_with(PyObject *object, PyObject *args, writes function)
{
    network_object *self = (network_object *)object;
    const char *path;
    merx_error err = {0};
    if (!PyArg_ParseTuple(args, "s", &path) || !mpy_use_enter(&self->use, false))
        return NULL;
    merx_status status = function(self->net, path, &err);
    mpy_use_leave(&self->use);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *read_with(PyObject *type, PyObject *args, reads function)
{
    const char *path;
    merx_error err = {0};
    merx_network *net = NULL;
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    merx_status status = function(NULL, path, &net, &err);
    return status != MERX_OK ? mpy_raise(status, &err) : wrap((PyTypeObject *)type, net);
}

static PyObject *save(PyObject *self, PyObject *args)
{
    return write_with(self, args, merx_network_save);
}

static PyObject *export_onnx(PyObject *self, PyObject *args)
{
    return write_with(self, args, merx_network_export_onnx);
}

static PyObject *load(PyObject *type, PyObject *args)
{
    return read_with(type, args, merx_network_load);
}

static PyObject *import_onnx(PyObject *type, PyObject *args)
{
    return read_with(type, args, merx_network_import_onnx);
}

static PyObject *import_keras(PyObject *type, PyObject *args)
{
    return read_with(type, args, merx_network_import_keras);
}

static PyObject *load_keras(PyObject *object, PyObject *args)
{
    network_object *self = (network_object *)object;
    const char *path;
    merx_error err = {0};
    if (!PyArg_ParseTuple(args, "s", &path) || !mpy_use_enter(&self->use, true))
        return NULL;
    merx_status status = merx_network_load_keras(self->net, path, &err);
    mpy_use_leave(&self->use);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *to_bytes(PyObject *object, PyObject *unused)
{
    (void)unused;
    network_object *self = (network_object *)object;
    merx_error err = {0};
    void *bytes;
    size_t size;
    if (!mpy_use_enter(&self->use, false))
        return NULL;
    merx_status status = merx_network_to_bytes(self->net, &bytes, &size, &err);
    mpy_use_leave(&self->use);
    if (status != MERX_OK)
        return mpy_raise(status, &err);
    PyObject *result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    merx_bytes_free(bytes, size);
    return result;
}

static PyObject *from_bytes(PyObject *type, PyObject *args)
{
    const char *bytes;
    Py_ssize_t size;
    merx_error err = {0};
    merx_network *net = NULL;
    if (!PyArg_ParseTuple(args, "y#", &bytes, &size))
        return NULL;
    merx_status status = merx_network_from_bytes(NULL, bytes, (size_t)size, &net, &err);
    return status != MERX_OK ? mpy_raise(status, &err) : wrap((PyTypeObject *)type, net);
}

#define WORDS(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"compile", WORDS(compile),
     "compile(loss, optimizer=\"adam\", learning_rate=0, momentum=0, nesterov=False, beta_1=0, beta_2=0, epsilon=0, "
     "clip_norm=0, weight_decay=0)\n\n"
     "Weights stay, moments begin anew. 0 stands for the default."},
    {"fit", WORDS(fit),
     "fit(x, labels=None, targets=None, weights=None, epochs=1, batch_size=32, shuffle=True, rates=None, "
     "augmentation=None, threads=0, progress=None)\n\n"
     "[(loss, metric, last learning rate, seconds), …] of the epochs. rates: float64, one a step. An interrupted or "
     "failed fit keeps the weights of the last whole epoch."},
    {"evaluate", WORDS(evaluate), "evaluate(x, labels=None, targets=None, weights=None, threads=0)\n\n(loss, metric)"},
    {"predict", WORDS(predict), "predict(x, threads=0)\n\n(n, output) of float32."},
    {"predict_node", predict_node, METH_VARARGS, "predict_node(x, node)\n\nThe output of an inner node; x is float32."},
    {"nodes", nodes, METH_NOARGS, "nodes()\n\n[(kind, name, shape, weights, inputs), …] with the input."},
    {"weights", weights, METH_NOARGS, "weights()\n\n[(name, shape, trainable), …] in Keras's order."},
    {"get_weight", get_weight, METH_VARARGS, "get_weight(i)\n\nA copy."},
    {"set_weight", set_weight, METH_VARARGS, "set_weight(i, values)\n\nfloat32, as many as there are."},
    {"to_json", to_json, METH_NOARGS, "to_json()\n\nLayers, optimizer and loss."},
    {"save", save, METH_VARARGS, "save(path)\n\nThe network's file, whole or not at all."},
    {"load", load, METH_VARARGS | METH_CLASS, "load(path)"},
    {"to_bytes", to_bytes, METH_NOARGS, "to_bytes()\n\nThe file in memory."},
    {"from_bytes", from_bytes, METH_VARARGS | METH_CLASS, "from_bytes(bytes)"},
    {"export_onnx", export_onnx, METH_VARARGS, "export_onnx(path)"},
    {"import_onnx", import_onnx, METH_VARARGS | METH_CLASS, "import_onnx(path)"},
    {"import_keras", import_keras, METH_VARARGS | METH_CLASS, "import_keras(path)\n\nThe network of a .keras archive."},
    {"load_keras", load_keras, METH_VARARGS,
     "load_keras(path)\n\nThe weights of a .weights.h5 file or a .keras archive."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, network_new},
    {Py_tp_dealloc, network_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc, "Network(json, seed=0)\n\nA network of layers: fit, predict, weights, files. The seed is of initial "
                "weights, order, dropout and augmentation."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "merx._merx.Network",
    .basicsize = sizeof(network_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

bool mpy_network_init(PyObject *module)
{
    network_type = (PyTypeObject *)mpy_add_type(module, &spec, "Network");
    return network_type != NULL;
}
