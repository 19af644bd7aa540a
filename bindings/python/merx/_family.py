"""Between an estimator's arrays and a model of the C library: datasets made, options passed, errors told in the caller's words."""
import os

import numpy as np

from merx import _merx
from merx._checks import refuse_nonfinite


def threads():
    """Threads of a fit: MERX_NUM_THREADS, or 0 for every core. Results do not depend on it."""
    text = os.environ.get("MERX_NUM_THREADS", "")
    return int(text) if text.isdigit() else 0


def _free_name(wanted, taken):
    while wanted in taken:
        wanted += "_"
    return wanted


def target_name(y):
    """What explanations and files call the target: the name of a pandas Series, else "target"."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "target"


def text_of(value):
    """An option's value as the C option tables read it."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(value)


def fit_model(family, X, *, y=None, codes=None, classes=None, weights=None, options=None, seed=0, start=None, names=None, name="target", who=""):
    """A new fitted _merx.Model.

    X (n, d) C-contiguous float64 or float32, kept only for the call; y (n) float64, or codes (n) int32 with the classes' names; weights (n)
    float64 or None; options {name: value}; start (k, d) of k-means; names of the columns, or None; name of the target.
    Raises ValueError: with NaN or infinities, which of X, y and sample_weight has them.
    """
    model = _merx.Model(family)
    for option, value in (options or {}).items():
        model.set(option, text_of(value))
    if start is not None:
        model.set_start(np.ascontiguousarray(start, dtype=np.float64))
    names = [str(column) for column in names] if names is not None else None
    try:
        data = _merx.Dataset.matrix(X, names)
        taken = set(names or ())
        target = weight = None
        if codes is not None:
            target = _free_name(name, taken)
            data.add_categorical(target, codes, [str(value) for value in classes])
        elif y is not None:
            target = _free_name(name, taken)
            data.add_numeric(target, y)
        if weights is not None:
            weight = _free_name("sample_weight", taken)
            data.add_numeric(weight, weights)
        model.fit(data, target=target, weight=weight, threads=threads(), seed=seed)
    except (_merx.InputError, _merx.Error):
        refuse_nonfinite(X, "X", who)
        if y is not None:
            refuse_nonfinite(y, "y", who)
        if weights is not None:
            refuse_nonfinite(weights, "sample_weight", who)
        raise
    return model


def dataset_of(X, names=None):
    """A Dataset over an array that is to be predicted."""
    return _merx.Dataset.matrix(X, [str(name) for name in names] if names is not None else None)


