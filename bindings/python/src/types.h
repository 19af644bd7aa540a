/*
 * The types of the extension, each in its own file, and what they see of each other.
 */
#ifndef MPY_TYPES_H
#define MPY_TYPES_H

#include "arrays.h"
#include "call.h"
#include "merx/dataset.h"
#include "merx/option.h"

/* Each adds its types and functions to the module. */
bool mpy_dataset_init(PyObject *module);
bool mpy_model_init(PyObject *module);
bool mpy_shop_init(PyObject *module);
bool mpy_network_init(PyObject *module);

/* The C dataset of a _merx.Dataset, borrowed; NULL: an exception is set (TypeError). */
const merx_dataset *mpy_dataset_of(PyObject *object);

/* A heap type from its spec, added under its name without the module's. NULL: an exception is set. */
PyObject *mpy_add_type(PyObject *module, PyType_Spec *spec, const char *name);

/* A table of options as a list of dicts. NULL: an exception is set. */
PyObject *mpy_describe_options(const merx_option *table);

#endif
