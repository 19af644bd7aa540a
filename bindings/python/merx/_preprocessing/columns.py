"""What the steps of a pipeline share: numbers with gaps out of arrays and data frames, names of columns, refusals."""
import numpy as np

from merx._checks import check_array, check_names, check_width, is_frame, is_sparse


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


def refuse_infinity(array, name="X"):
    """ValueError where there are infinities; NaN stays."""
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise ValueError(f"Input {name} contains infinity or a value too large for {array.dtype!r}.")


def floats_of(estimator, X, *, reset):
    """X (n, d) as float64 or float32 with NaN for what is missing, the fit's columns kept (reset) or compared. Dense input only."""
    check_names(estimator, X, reset)
    array = check_array(numbers_of(X), type(estimator).__name__, finite=False)
    refuse_infinity(array)
    check_width(estimator, array.shape[1], reset)
    return array


def floats_back(estimator, X, width=None):
    """What is given to inverse_transform: (n, width) as float64 or float32, NaN kept, names not looked at."""
    array = check_array(numbers_of(X), type(estimator).__name__, finite=False)
    refuse_infinity(array)
    width = estimator.n_features_in_ if width is None else width
    if array.shape[1] != width:
        raise ValueError(f"Shape of the passed X data is not correct. Expected {width} columns, got {array.shape[1]}.")
    return array


def writable(array, given, copy):
    """The array itself where it may be written over: copy is False, or nobody else holds its memory; else a copy."""
    mine = isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and not np.shares_memory(array, given))
    return array if array.flags.writeable and (mine or not copy) else array.copy()


def names_in(estimator, input_features):
    """Names of the columns that came in: those given (compared with the fit's), those of the fit, or x0, x1 …"""
    fitted = estimator.__dict__.get("feature_names_in_")
    d = estimator.n_features_in_
    if input_features is None:
        return fitted if fitted is not None else np.asarray([f"x{i}" for i in range(d)], dtype=object)
    names = np.asarray(input_features, dtype=object)
    if fitted is not None and not np.array_equal(fitted, names):
        raise ValueError("input_features is not equal to feature_names_in_")
    if len(names) != d:
        raise ValueError(f"input_features should have length equal to number of features ({d}), got {len(names)}")
    return names


class OneToOne:
    """A step whose columns come out as they went in, under their names."""

    def get_feature_names_out(self, input_features=None):
        """Names of transform's columns, (d) of str: those of the input."""
        self._check_is_fitted()
        return names_in(self, input_features)


def refuse_sparse_frame(estimator, out):
    """A frame holds no sparse matrix: ValueError where set_output asks for one."""
    from merx._base import _global_output

    config = getattr(estimator, "_sklearn_output_config", {}).get("transform") or _global_output()
    if config != "default" and is_sparse(out):
        name = config.capitalize()
        raise ValueError(
            f"{name} output does not support sparse data. Set sparse_output=False to output {config} dataframes or disable {name} output via "
            'set_output(transform="default").'
        )
