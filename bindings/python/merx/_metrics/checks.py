"""What the figures of quality look at first: lengths, kinds of targets, labels as codes, weights, averages over outputs.

A target's kind has scikit-learn's names: "binary" (at most two labels), "multiclass", "continuous", "multilabel-indicator" (n, c) of 0 and 1,
"multiclass-multioutput" and "continuous-multioutput" (n, c) of other numbers.
"""
import sys

import numpy as np

from merx._checks import check_lengths, check_weights, is_sparse, refuse_nonfinite


class UndefinedMetricWarning(UserWarning):
    """A figure that these data do not define, such as the precision of a label that is never predicted."""


def undefined_warning():
    """scikit-learn's UndefinedMetricWarning where scikit-learn is in use, else merx's."""
    if "sklearn" in sys.modules:
        from sklearn.exceptions import UndefinedMetricWarning as Theirs

        return Theirs
    return UndefinedMetricWarning


def one_of(name, value, allowed):
    """ValueError unless `value` is among `allowed`."""
    if not any(value is one or (isinstance(value, str) and value == one) for one in allowed):
        raise ValueError(f"{name} has to be one of {list(allowed)}, got {value!r}")


def weights_of(sample_weight, n):
    """Weights (n) of float64, or None; negative ones are left to the caller, as in scikit-learn."""
    return check_weights(sample_weight, np.empty((n, 0)), non_negative=False)


def _narrow(values):
    """(offsets from the least value, the least value) of whole numbers that lie close enough together to be counted in a table; else None."""
    if values.dtype.kind not in "iub" or not len(values):
        return None
    low, high = int(values.min()), int(values.max())
    if high - low > max(1000, len(values)) or not -(2**62) < low <= high < 2**62:
        return None
    return values.astype(np.int64) - low, low


def distinct(values):
    """The different values of an array (n), sorted: whole numbers by a table, objects by hash (comparing them costs most), others by a sort."""
    narrow = _narrow(values)
    if narrow is not None:
        return (np.flatnonzero(np.bincount(narrow[0])) + narrow[1]).astype(values.dtype)
    if values.dtype.kind != "O":
        return np.unique(values)
    found = sorted(set(values.tolist()))
    out = np.empty(len(found), dtype=object)
    out[:] = found
    return out


def encoded(values):
    """(the different values sorted, the place of each value (n) among them)."""
    narrow = _narrow(values)
    if narrow is not None:
        there = np.bincount(narrow[0]) > 0
        return (np.flatnonzero(there) + narrow[1]).astype(values.dtype), (np.cumsum(there) - 1)[narrow[0]]
    classes = distinct(values)
    if values.dtype.kind != "O":
        return classes, np.searchsorted(classes, values)
    places = {label: place for place, label in enumerate(classes.tolist())}
    return classes, np.fromiter(map(places.__getitem__, values.tolist()), dtype=np.intp, count=len(values))


def _objects(array, name):
    """An object array as text, numbers or truth values; mixtures are refused."""
    values = array.ravel().tolist()
    kinds = set(map(type, values))
    if kinds == {str}:
        return array
    if any(value is None or value != value for value in values):
        raise ValueError(f"Input {name} contains NaN.")
    texts = sum(issubclass(kind, str) for kind in kinds)
    if texts == len(kinds):
        return array
    if texts:
        raise ValueError(f"Mix of label input types (string and number) in {name}")
    plain = np.asarray(values)
    if plain.dtype.kind not in "biufc":
        raise ValueError(f"Unknown label type for {name}: labels are numbers, text or truth values, not {type(values[0]).__name__}")
    return plain.reshape(array.shape)


def target(y, name):
    """(kind, labels): labels (n), or (n, c) for kinds of more than one column. Raises ValueError or TypeError for what is no target."""
    if is_sparse(y):
        y = y.toarray()
    if isinstance(y, (str, bytes, dict)) or not (hasattr(y, "__len__") or hasattr(y, "__array__")):
        raise ValueError(f"Expected array-like (array or non-string sequence) for {name}, got {y!r}")
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.dtype.kind == "S":
        raise TypeError(f"{name} holds labels as bytes, which are not supported. Convert them to text or to integers.")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} should be a 1d or a 2d array, got an array of shape {array.shape} instead.")
    if len(array) < 1:
        raise ValueError("Found empty input array (e.g., `y_true` or `y_pred`) while a minimum of 1 sample is required.")
    if array.dtype.kind == "O":
        array = _objects(array, name)
    refuse_nonfinite(array, name, "")
    whole = array.dtype.kind != "f" or bool((array == np.floor(array)).all())
    if array.ndim == 2 and array.shape[1] > 1:
        if not whole:
            return "continuous-multioutput", array
        few = array.dtype.kind in "biuf" and len(np.unique(array)) < 3
        return "multilabel-indicator" if few else "multiclass-multioutput", array
    array = array.ravel()
    if not whole:
        return "continuous", array
    return "binary" if len(distinct(array)) <= 2 else "multiclass", array


def _is_text(array):
    return array.dtype.kind in "OU"


def label_pair(y_true, y_pred, sample_weight):
    """What true and predicted labels have in common: (kind, classes, true, predicted, weights).

    For "binary" and "multiclass": classes sorted, true and predicted (n) of their codes. For "multilabel-indicator": classes 0 … c - 1, true and
    predicted (n, c) of bool. Raises ValueError: other kinds, mixed kinds, lengths, text beside numbers.
    """
    check_lengths(y_true=y_true, y_pred=y_pred, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    kind, true = target(y_true, "y_true")
    kind_pred, predicted = target(y_pred, "y_pred")
    kinds = {kind, kind_pred}
    if kinds == {"binary", "multiclass"}:
        kinds = {"multiclass"}
    if len(kinds) > 1:
        raise ValueError(f"Classification metrics can't handle a mix of {kind} and {kind_pred} targets")
    kind = kinds.pop()
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        raise ValueError(f"{kind} is not supported")
    weights = weights_of(sample_weight, len(true))
    if kind == "multilabel-indicator":
        if true.shape != predicted.shape:
            raise ValueError(f"Multi-label binary indicator input with different numbers of labels: {true.shape[1]} and {predicted.shape[1]}")
        return kind, np.arange(true.shape[1]), true != 0, predicted != 0, weights
    if _is_text(true) != _is_text(predicted):
        raise ValueError("Mix of label input types (string and number)")
    classes, codes = encoded(np.concatenate([true, predicted]))
    return "binary" if len(classes) <= 2 else "multiclass", classes, codes[: len(true)], codes[len(true) :], weights


def positions(labels, classes):
    """Place of each label among the classes, -1 where it is not among them."""
    places = {label: place for place, label in enumerate(classes.tolist())}
    return np.array([places.get(label, -1) for label in np.asarray(labels).tolist()], dtype=np.intp)


def positive_label(pos_label, y):
    """The positive label: the one given, or 1 where labels are of {0, 1} or {-1, 1}. Raises ValueError where it can't be told."""
    if pos_label is not None:
        return pos_label
    classes = distinct(y)
    if _is_text(classes) or classes.tolist() not in ([0, 1], [-1, 1], [0], [-1], [1]):
        shown = ", ".join(repr(label) for label in classes.tolist())
        raise ValueError(
            f"y_true takes value in {{{shown}}} and pos_label is not specified: either make y_true take value in {{0, 1}} or {{-1, 1}} or "
            "pass pos_label explicitly."
        )
    return 1


def scores_of(y_score, name="y_score"):
    """Scores or probabilities as finite floats, (n) or (n, c)."""
    array = np.asarray(y_score.toarray() if is_sparse(y_score) else y_score)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} should be a 1d or a 2d array, got an array of shape {array.shape} instead.")
    if array.size == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    refuse_nonfinite(array, name, "")
    return array


def column_of(array, name):
    """(n) of what is (n) or (n, 1)."""
    if array.ndim == 2 and array.shape[1] != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {array.shape} instead.")
    return array.ravel()


def mean_of(values, weights, normalize=True):
    """The (weighted) mean of values (n), or their (weighted) sum."""
    if normalize:
        return float(np.average(values, weights=weights))
    return float(np.sum(values) if weights is None else values @ weights)
