/*
 * merx._merx: the extension. What is here is the C API as types; the words of scikit-learn and Keras are Python, in merx/.
 */
#include "merx/answer.h"
#include "merx/model.h"
#include "types.h"

PyObject *mpy_add_type(PyObject *module, PyType_Spec *spec, const char *name)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type != NULL && PyModule_AddObjectRef(module, name, type) != 0)
        Py_CLEAR(type);
    return type;
}

/* ---- descriptions ---- */

static const char *const option_types[] = {"bool", "int", "real", "choice", "text"};

PyObject *mpy_describe_options(const merx_option *table)
{
    PyObject *list = PyList_New(0);
    for (const merx_option *o = table; list != NULL && o != NULL && o->name != NULL; o++) {
        PyObject *one =
            Py_BuildValue("{s:s,s:s,s:d,s:d,s:z,s:z,s:s}", "name", o->name, "type", option_types[o->type], "min",
                          o->min, "max", o->max, "default", o->value, "choices", o->choices, "text", o->text);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *families(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyObject *list = PyList_New(0);
    const merx_family_info *f;
    for (size_t i = 0; list != NULL && (f = merx_family_at(i)) != NULL; i++) {
        PyObject *options = mpy_describe_options(f->options);
        PyObject *one = options == NULL
                            ? NULL
                            : Py_BuildValue("{s:s,s:s,s:s,s:s,s:I,s:N}", "name", f->name, "title", f->title, "text",
                                            f->text, "formula", f->formula, "tags", f->tags, "options", options);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *build_info(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    char text[4096];
    (void)merx_build_info(text, sizeof text);
    return PyUnicode_FromString(text);
}

static PyMethodDef functions[] = {
    {"families", families, METH_NOARGS,
     "families()\n\nEvery family of models with its options, as the C registry says."},
    {"build_info", build_info, METH_NOARGS, "build_info()\n\nVersion, libraries and instruction sets of this build."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, .m_name = "merx._merx", .m_doc = "merx's C API.", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__merx(void); /* CPython looks for it by name */
PyMODINIT_FUNC PyInit__merx(void)
{
    PyObject *module = PyModule_Create(&module_def);
    if (module == NULL)
        return NULL;
    if (!mpy_exceptions_init(module) || !mpy_dataset_init(module) || !mpy_model_init(module) ||
        !mpy_network_init(module) || !mpy_shop_init(module) ||
        PyModule_AddStringConstant(module, "__version__", merx_version()) != 0)
        Py_CLEAR(module);
    return module;
}
