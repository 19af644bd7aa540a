/*
 * Buffers and new arrays.
 */
#include "arrays.h"

#include <stdint.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} kinds[MPY_KINDS] = {
    [MPY_FLOAT64] = {"float64", 8}, [MPY_FLOAT32] = {"float32", 4}, [MPY_INT64] = {"int64", 8},
    [MPY_INT32] = {"int32", 4},     [MPY_INT8] = {"int8", 1},       [MPY_UINT8] = {"uint8", 1},
    [MPY_BOOL] = {"bool", 1},
};

/* struct's format to a kind; MPY_KINDS: none of ours. */
static mpy_kind kind_of(const char *format, Py_ssize_t size)
{
    if (format == NULL)
        return size == 1 ? MPY_UINT8 : MPY_KINDS;
    if (*format == '=' || *format == '@' || *format == '<')
        format++;
    if (*format == '\0' || format[1] != '\0')
        return MPY_KINDS;
    switch (*format) {
    case 'd':
        return MPY_FLOAT64;
    case 'f':
        return MPY_FLOAT32;
    case 'l':
    case 'q':
    case 'n':
        return size == 8 ? MPY_INT64 : MPY_INT32;
    case 'i':
        return size == 4 ? MPY_INT32 : MPY_KINDS;
    case 'b':
        return MPY_INT8;
    case 'B':
        return MPY_UINT8;
    case '?':
        return MPY_BOOL;
    default:
        return MPY_KINDS;
    }
}

static bool look(mpy_array *out)
{
    out->kind = kind_of(out->view.format, out->view.itemsize);
    out->dims = out->view.ndim;
    if (out->kind == MPY_KINDS || out->dims > 8)
        return false;
    out->count = 1;
    for (int k = 0; k < out->dims; k++) {
        out->shape[k] = (size_t)out->view.shape[k];
        out->count *= out->shape[k];
    }
    out->data = out->view.buf;
    return true;
}

bool mpy_array_try(PyObject *object, mpy_array *out)
{
    out->view.obj = NULL;
    if (PyObject_GetBuffer(object, &out->view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
        PyErr_Clear();
        out->view.obj = NULL;
        return false;
    }
    if (look(out))
        return true;
    mpy_array_release(out);
    return false;
}

bool mpy_array_get(PyObject *object, const char *what, mpy_array *out)
{
    out->view.obj = NULL;
    if (PyObject_GetBuffer(object, &out->view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
        out->view.obj = NULL;
        return false;
    }
    if (look(out))
        return true;
    PyErr_Format(
        PyExc_TypeError,
        "%s has %d dimensions of type \"%s\"; numbers are expected (float64, float32, int64, int32, int8, uint8, bool)",
        what, out->view.ndim, out->view.format != NULL ? out->view.format : "B");
    mpy_array_release(out);
    return false;
}

bool mpy_array_want(PyObject *object, const char *what, mpy_kind kind, int dims, size_t n, mpy_array *out)
{
    if (!mpy_array_get(object, what, out))
        return false;
    if (out->kind != kind || out->dims != dims)
        PyErr_Format(PyExc_TypeError, "%s is %s of %d dimensions; %s of %d is expected", what, kinds[out->kind].name,
                     out->dims, kinds[kind].name, dims);
    else if (n != SIZE_MAX && out->shape[0] != n)
        PyErr_Format(PyExc_ValueError, "%s has %zu rows; %zu are expected", what, out->shape[0], n);
    else
        return true;
    mpy_array_release(out);
    return false;
}

void mpy_array_release(mpy_array *array)
{
    if (array->view.obj != NULL)
        PyBuffer_Release(&array->view);
    array->view.obj = NULL;
}

static PyObject *numpy_empty, *dtypes[MPY_KINDS];

static bool find_numpy(void)
{
    if (numpy_empty != NULL)
        return true;
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL)
        return false;
    bool good = true;
    for (int k = 0; k < MPY_KINDS && good; k++) {
        if (dtypes[k] == NULL)
            dtypes[k] = PyObject_CallMethod(numpy, "dtype", "s", kinds[k].name);
        good = dtypes[k] != NULL;
    }
    if (good)
        numpy_empty = PyObject_GetAttrString(numpy, "empty");
    Py_DECREF(numpy);
    return numpy_empty != NULL;
}

PyObject *mpy_array_new(mpy_kind kind, int dims, const size_t *shape, void **data)
{
    if (!find_numpy())
        return NULL;
    PyObject *sizes = dims == 1 ? PyLong_FromSize_t(shape[0]) : PyTuple_New(dims);
    if (sizes == NULL)
        return NULL;
    for (int k = 0; dims != 1 && k < dims; k++) {
        PyObject *size = PyLong_FromSize_t(shape[k]);
        if (size == NULL || PyTuple_SetItem(sizes, k, size) != 0) {
            Py_DECREF(sizes);
            return NULL;
        }
    }
    PyObject *array = PyObject_CallFunctionObjArgs(numpy_empty, sizes, dtypes[kind], NULL);
    Py_DECREF(sizes);
    if (array == NULL)
        return NULL;
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) {
        Py_DECREF(array);
        return NULL;
    }
    *data = view.buf;
    PyBuffer_Release(&view);
    return array;
}

PyObject *mpy_array_copy(mpy_kind kind, int dims, const size_t *shape, const void *data)
{
    void *memory;
    PyObject *array = mpy_array_new(kind, dims, shape, &memory);
    size_t bytes = kinds[kind].size;
    for (int k = 0; k < dims; k++)
        bytes *= shape[k];
    if (array != NULL && bytes > 0)
        memcpy(memory, data, bytes);
    return array;
}

/* x - x is 0 but for NaN and infinities; four sums, so that each need not wait for the one before. */
bool mpy_all_finite(const double *x, size_t n)
{
    double s[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += x[i + k] - x[i + k];
    for (; i < n; i++)
        s[0] += x[i] - x[i];
    return s[0] + s[1] + s[2] + s[3] == 0;
}

bool mpy_all_finite_float(const float *x, size_t n)
{
    float s[8] = {0, 0, 0, 0, 0, 0, 0, 0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            s[k] += x[i + k] - x[i + k];
    for (; i < n; i++)
        s[0] += x[i] - x[i];
    for (size_t k = 0; k < 8; k++)
        sum += s[k];
    return sum == 0;
}
