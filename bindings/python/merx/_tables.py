"""Data frames and arrays as datasets of the C library: numbers as they are, words as levels, dates as dates."""
import numpy as np

from merx import _merx
from merx._checks import check_names, check_array, check_width, is_frame


def column_kind(values):
    """"numeric", "boolean", "date" or "categorical", as the column of a frame says."""
    kind = getattr(values.dtype, "kind", "O")
    name = str(values.dtype)
    if kind == "b" or name in ("boolean", "bool"):
        return "boolean"
    if kind in "iuf" and name != "category":
        return "numeric"
    if kind == "M" or name.startswith("datetime64"):
        return "date"
    return "categorical"


def is_table(X):
    """Whether a frame has columns that are not numbers, so that it goes as a table and not as a matrix."""
    if not is_frame(X) or not hasattr(X, "dtypes"):
        return False
    names = X.columns
    return len(set(map(str, names))) == len(names) and any(column_kind(X[name]) != "numeric" for name in names)


def _add(data, name, values):
    kind = column_kind(values)
    if kind == "numeric":
        data.add_numeric(name, np.ascontiguousarray(values.to_numpy(dtype=np.float64, na_value=np.nan)))
    elif kind == "boolean":
        missing = np.asarray(values.isna())
        flags = np.where(missing, False, values.to_numpy()).astype(bool)
        data.add_boolean(name, np.where(missing, -1, flags).astype(np.int8))
    elif kind == "date":
        stamps = np.asarray(values.to_numpy().astype("datetime64[ms]"))
        data.add_date(name, np.ascontiguousarray(stamps.view(np.int64)))
    else:
        missing = np.asarray(values.isna())
        words = np.where(missing, "", values.to_numpy().astype(object)).astype(str)
        levels, codes = np.unique(words[~missing], return_inverse=True)
        whole = np.full(len(words), -1, dtype=np.int32)
        whole[~missing] = codes
        data.add_categorical(name, whole, levels.tolist())


def table_of(X):
    """A Dataset of a frame's columns. Text and categories become levels; what is missing stays missing."""
    data = _merx.Dataset.table(len(X))
    for name in X.columns:
        _add(data, str(name), X[name])
    return data


def dataset_for(estimator, X, *, reset, allow_missing, as_table=None):
    """(Dataset, n, its columns' array or None) of what an estimator was given; checked against the fit unless `reset`.

    as_table: None lets the data say; else what the fit saw.
    """
    if is_table(X) if as_table is None else as_table:
        if not is_frame(X):
            raise ValueError(f"{type(estimator).__name__} was fitted on a data frame with columns that are no numbers; a frame with the same columns is expected")
        check_names(estimator, X, reset)
        check_width(estimator, len(X.columns), reset)
        if len(X) < 1:
            raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required by {type(estimator).__name__}.")
        return table_of(X), len(X), None
    check_names(estimator, X, reset)
    array = check_array(X, type(estimator).__name__, finite=not allow_missing)
    if allow_missing and np.isinf(array).any():
        raise ValueError(f"Input X contains infinity or a value too large for {array.dtype!r}.")
    check_width(estimator, array.shape[1], reset)
    names = estimator.__dict__.get("feature_names_in_")
    return _merx.Dataset.matrix(array, [str(name) for name in names] if names is not None else None), len(array), array
