"""Looks at what a caller gives, before anything is learnt from it: shapes, types, missing numbers, names of columns.

The messages are in scikit-learn's sense, so that who searches for one finds an answer. What costs a pass over the data is done only where it must
be: C refuses NaN and infinities of a fit by itself, and they are looked for here only to say where they are.
"""
import numbers
import sys
import warnings

import numpy as np


def is_sparse(X):
    """Whether it is one of SciPy's sparse matrices or arrays; SciPy is not imported."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


def is_frame(X):
    return hasattr(X, "columns") and hasattr(X, "shape") and not isinstance(X, np.ndarray)


def is_nullable_number(dtype):
    """Whether it is one of pandas's number types that may hold NA (Int64, Float32, boolean …)."""
    return not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "iufb" and hasattr(dtype, "na_value")


def numbers_of(X):
    """A frame with columns of pandas's nullable numbers as float64 with NaN; anything else as it is."""
    if is_frame(X) and hasattr(X, "dtypes") and hasattr(X, "to_numpy"):
        kinds = list(X.dtypes)
        if any(is_nullable_number(kind) for kind in kinds) and all(getattr(kind, "kind", "O") in "iufb" for kind in kinds):
            return X.to_numpy(dtype=np.float64, na_value=np.nan)
    return X


def feature_names(X):
    """The names of a data frame's columns as an object array; None when there are none, or none are text."""
    if not is_frame(X):
        return None
    names = list(X.columns)
    kinds = sorted({type(name).__name__ for name in names})
    if any(isinstance(name, str) for name in names) and kinds != ["str"]:
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types. If you want feature names to be stored and validated, you must "
            "convert them all to strings, by using X.columns = X.columns.astype(str) for example. Otherwise you can remove "
            "feature / column names from your data, or convert them all to a non-string data type."
        )
    return np.asarray(names, dtype=object) if kinds == ["str"] else None


def check_names(estimator, X, reset):
    """Keeps the names of the columns at fit (feature_names_in_), and compares those of later data with them."""
    names = feature_names(X)
    if reset:
        if names is not None:
            estimator.feature_names_in_ = names
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    fitted = estimator.__dict__.get("feature_names_in_")
    if fitted is None and names is None:
        return
    who = type(estimator).__name__
    if fitted is None:
        warnings.warn(f"X has feature names, but {who} was fitted without feature names", stacklevel=4)
        return
    if names is None:
        warnings.warn(f"X does not have valid feature names, but {who} was fitted with feature names", stacklevel=4)
        return
    if len(names) == len(fitted) and (names == fitted).all():
        return
    unseen, missing = sorted(set(names) - set(fitted)), sorted(set(fitted) - set(names))
    lines = ["The feature names should match those that were passed during fit."]
    for title, listed in (("Feature names unseen at fit time:", unseen), ("Feature names seen at fit time, yet now missing:", missing)):
        if listed:
            lines += [title, *(f"- {name}" for name in listed[:5]), *(["- ..."] if len(listed) > 5 else [])]
    if not unseen and not missing:
        lines.append("Feature names must be in the same order as they were in fit.")
    raise ValueError("\n".join(lines) + "\n")


def refuse_nonfinite(array, name, who):
    """ValueError that says whether it is NaN or infinity; nothing when all numbers are finite."""
    if array.dtype.kind not in "fc" or np.isfinite(array).all():
        return
    if np.isnan(array).any():
        message = f"Input {name} contains NaN."
        if name == "X" and who:
            message += (
                f"\n{who} does not accept missing values encoded as NaN natively. Fill them first, for instance with "
                "merx.preprocessing.SimpleImputer in a pipeline, or use merx.additive, which takes them as they are."
            )
        raise ValueError(message)
    raise ValueError(f"Input {name} contains infinity or a value too large for {array.dtype!r}.")


def check_array(X, who="", *, accept_sparse=False, keep_float32=True, min_samples=1, finite=True, name="X"):
    """X as a C-contiguous (n, d) array of float64 or float32; the array itself where it is one already.

    Sparse matrices are made dense where accept_sparse says that the model takes them.
    Raises ValueError (shape, numbers, NaN when `finite`) or TypeError (sparse where dense is needed, objects that are no numbers).
    """
    context = f" by {who}" if who else ""
    if is_sparse(X):
        if not accept_sparse:
            raise TypeError(
                f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to convert to a dense numpy array."
            )
        if X.dtype.kind == "c":
            raise ValueError(f"Complex data not supported\n{X}\n")
        X = X.toarray()
    array = X if type(X) is np.ndarray else _as_array(numbers_of(X))
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.ndim != 2:
        if array.ndim == 0:
            raise ValueError(
                f"Expected 2D array, got scalar array instead:\narray={array}.\nReshape your data either using array.reshape(-1, 1) if "
                "your data has a single feature or array.reshape(1, -1) if it contains a single sample."
            )
        if array.ndim == 1:
            raise ValueError(
                f"Expected 2D array, got 1D array instead:\narray={array}.\nReshape your data either using array.reshape(-1, 1) if "
                "your data has a single feature or array.reshape(1, -1) if it contains a single sample."
            )
        raise ValueError(f"Found array with dim {array.ndim}, while dim <= 2 is required{context}.")
    array = as_floats(array, keep_float32, X.columns if is_frame(X) else None)
    if array.shape[0] < min_samples:
        raise ValueError(
            f"Found array with {array.shape[0]} sample(s) (shape={array.shape}) while a minimum of {min_samples} is required{context}."
        )
    if array.shape[1] < 1:
        raise ValueError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required{context}.")
    if finite:
        refuse_nonfinite(array, name, who)
    return array


def _as_array(X):
    # A frame of mixed number types goes to float64 at once instead of through objects.
    if is_frame(X) and hasattr(X, "dtypes"):
        try:
            kinds = {getattr(kind, "kind", "O") for kind in X.dtypes}
        except TypeError:
            kinds = {"O"}
        if len(kinds) > 1 and kinds <= set("iufb"):
            return np.asarray(X, dtype=np.float64)
    return np.asarray(X)


def as_floats(array, keep_float32, names=None):
    wanted = np.float32 if keep_float32 and array.dtype == np.float32 else np.float64
    try:
        return np.ascontiguousarray(array, dtype=wanted)
    except ValueError as error:
        where = _first_that_is_no_number(array)
        if where is None:
            raise
        row, column = where
        name = repr(str(names[column])) if names is not None else str(column)
        raise ValueError(
            f"{error} (row {row}, column {name}: numbers are expected; words become numbers by merx.preprocessing.OneHotEncoder, and "
            "merx.additive takes them as they are)"
        ) from None


def _first_that_is_no_number(array):
    for column in range(array.shape[1]):
        try:
            array[:, column].astype(np.float64)
        except ValueError:
            for row, value in enumerate(array[:, column]):
                try:
                    float(value)
                except (TypeError, ValueError):
                    return row, column
    return None


def check_width(estimator, d, reset):
    if reset:
        estimator.n_features_in_ = d
    elif d != getattr(estimator, "n_features_in_", d):  # a model whose coefficients were set by hand has none
        raise ValueError(
            f"X has {d} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} features as input."
        )


def check_X(estimator, X, *, reset, **options):
    """check_array with the names and the number of columns kept (reset) or compared with those of the fit."""
    check_names(estimator, X, reset)
    array = check_array(X, type(estimator).__name__, **options)
    check_width(estimator, array.shape[1], reset)
    return array


def require_y(estimator, y):
    if y is None:
        raise ValueError(f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None.")


def column_or_1d(y, warn=True):
    """y as one dimension; a column (n, 1) is taken with scikit-learn's warning."""
    array = np.asarray(y)
    if array.ndim == 1:
        return array
    if array.ndim == 2 and array.shape[1] == 1:
        if warn:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples, ), for example using ravel().",
                _conversion_warning(),
                stacklevel=4,
            )
        return array.ravel()
    raise ValueError(f"y should be a 1d array, got an array of shape {array.shape} instead.")


def _conversion_warning():
    if "sklearn" in sys.modules:
        from sklearn.exceptions import DataConversionWarning

        return DataConversionWarning
    return UserWarning


def convergence_warning():
    """scikit-learn's ConvergenceWarning where scikit-learn is in use."""
    if "sklearn" in sys.modules:
        from sklearn.exceptions import ConvergenceWarning

        return ConvergenceWarning
    return RuntimeWarning


def check_lengths(**arrays):
    lengths = [len(a) if not is_sparse(a) else a.shape[0] for a in arrays.values() if a is not None]
    if len(set(lengths)) > 1:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {lengths}")


def check_numbers_y(y, multi_output=False):
    """A regression's target: float64 (n), or (n, targets) where allowed; finite."""
    if is_sparse(y):
        raise TypeError("Sparse data was passed for y, but dense data is required. Use '.toarray()' to convert to a dense numpy array.")
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if not (multi_output and array.ndim == 2):
        array = column_or_1d(array, warn=True)
    if array.dtype.kind in "OUS":
        array = array.astype(np.float64)
    array = np.ascontiguousarray(array, dtype=np.float64)
    refuse_nonfinite(array, "y", "")
    return array


def check_classes_y(y):
    """A classification's target: (classes sorted, codes (n) of int32)."""
    array = column_or_1d(y)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.dtype.kind == "f":
        refuse_nonfinite(array, "y", "")
        if (array != np.floor(array)).any():
            raise ValueError(
                "Unknown label type: continuous. Maybe you are trying to fit a classifier, which expects discrete classes on a "
                "regression target with continuous values."
            )
    if array.dtype.kind == "O" and len(array) and not isinstance(array[0], str) and not np.isscalar(array[0]):
        raise ValueError("Unknown label type: unknown. Classes are numbers, text or truth values.")
    if array.dtype.kind == "O" and any(value is None or value != value for value in array):
        raise ValueError("Input y contains NaN.")
    classes, codes = np.unique(array, return_inverse=True)
    return classes, np.ascontiguousarray(codes.reshape(-1), dtype=np.int32)


def check_weights(weights, X, non_negative=True):
    """Sample weights: None, or (n) of float64. A number is the weight of every row."""
    if weights is None:
        return None
    n = X.shape[0]
    if isinstance(weights, numbers.Number):
        array = np.full(n, float(weights))
    else:
        array = np.asarray(weights)
        if array.dtype.kind == "c":
            raise ValueError(f"Complex data not supported\n{array}\n")
        array = np.ascontiguousarray(array, dtype=np.float64)
        if array.ndim != 1:
            raise ValueError("Sample weights must be 1D array or scalar")
        if array.shape != (n,):
            raise ValueError(f"sample_weight.shape == {array.shape}, expected {(n,)}!")
    refuse_nonfinite(array, "sample_weight", "")
    if non_negative and (array < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if not array.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return array
