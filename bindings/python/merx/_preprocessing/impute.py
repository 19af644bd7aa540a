"""What stands in for missing values: SimpleImputer."""
import collections
import warnings

import numpy as np

from merx._base import Estimator, TransformerMixin
from merx._checks import check_array, check_names, check_width, is_frame, is_sparse, refuse_nonfinite
from merx._preprocessing.columns import names_in, numbers_of, refuse_infinity


def _is_nan(value):
    """Whether a parameter stands for what is missing: NaN or pandas's NA."""
    return (isinstance(value, (float, np.floating)) and value != value) or type(value).__name__ == "NAType"


def _missing_mask(X, missing_values):
    """Which cells of X (n, d) are missing."""
    if _is_nan(missing_values):
        if X.dtype.kind == "f":
            return np.isnan(X)
        return X != X if X.dtype.kind == "O" else np.zeros(X.shape, dtype=bool)  # of objects, only NaN differs from itself
    if missing_values is None:
        return np.equal(X, None).astype(bool) if X.dtype.kind == "O" else np.zeros(X.shape, dtype=bool)
    return np.asarray(X == missing_values, dtype=bool).reshape(X.shape)


def _least(values):
    """The least of some values; of kinds that have no order among them, the first kind's."""
    try:
        return min(values)
    except TypeError:
        return min(values, key=lambda value: (str(type(value)), value))


def _most_frequent(column):
    """The most frequent value, of equally frequent ones the least; NaN where there is none."""
    if not len(column):
        return np.nan
    if column.dtype.kind == "O":
        counts = collections.Counter(column.tolist())
        most = max(counts.values())
        return _least([value for value, count in counts.items() if count == most])
    values, counts = np.unique(column, return_counts=True)
    return values[counts.argmax()]


def _medians(X):
    """Median of each column of X (n, d) without its NaN; NaN where there is nothing else."""
    ordered = np.sort(X, axis=0)  # NaN last
    count = len(X) - np.isnan(X).sum(axis=0)
    columns = np.arange(X.shape[1])
    low, high = ordered[np.maximum(count - 1, 0) // 2, columns], ordered[np.minimum(count // 2, len(X) - 1), columns]
    return np.where(count > 0, (low + high) / 2, np.nan)


class MissingColumns:
    """Which columns had missing values at fit: what add_indicator adds.

    features_ : (m) positions, ascending
    """

    def __init__(self, features):
        self.features_ = features

    def get_feature_names_out(self, names):
        """Names (m) of the columns that say what was missing, of the names (d) of those that came in."""
        return np.asarray([f"missingindicator_{name}" for name in names[self.features_]], dtype=object)


class SimpleImputer(TransformerMixin, Estimator):
    """Fills missing values of each column with one figure of the column.

    Parameters
    ----------
    missing_values : NaN, number, str, None or pandas.NA
        What counts as missing. With NaN, a frame's columns of text and objects also miss None and NA, as pandas has it.
    strategy : {"mean", "median", "most_frequent", "constant"} or callable
        The figure; "most_frequent" (the least of equals) and "constant" also take text; a callable is given a column's values that are there.
    fill_value : number, str or None
        What "constant" fills in; None: 0 for numbers, "missing_value" for text.
    copy : bool
        False: a writeable array of the fit's type is filled in place.
    add_indicator : bool
        Adds a column of 0 and 1 for each that missed values at fit, saying where.
    keep_empty_features : bool
        Columns without any value are kept, filled with 0 (or fill_value), instead of left out.

    Attributes
    ----------
    statistics_ : (d), NaN for columns without any value · indicator_ : None, or what has features_, the positions of columns that missed values ·
    n_features_in_ · feature_names_in_

    Sparse matrices are refused. Cost: O(n d), "median" and "most_frequent" O(n log n d).

    >>> import numpy as np
    >>> SimpleImputer().fit([[1.0, 4.0], [np.nan, 6.0]]).transform([[np.nan, np.nan]])
    array([[1., 5.]])
    >>> step = SimpleImputer(strategy="most_frequent", add_indicator=True)
    >>> step.fit_transform(np.array([["red"], ["red"], [np.nan]], dtype=object))
    array([['red', False],
           ['red', False],
           ['red', True]], dtype=object)
    """

    _kind = "transformer"
    _constraints = {
        "strategy": [{"mean", "median", "most_frequent", "constant"}, callable], "copy": [bool], "add_indicator": [bool],
        "keep_empty_features": [bool],
    }

    def __init__(self, *, missing_values=np.nan, strategy="mean", fill_value=None, copy=True, add_indicator=False, keep_empty_features=False):
        self.missing_values = missing_values
        self.strategy = strategy
        self.fill_value = fill_value
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features

    def _is_fitted(self):
        return "statistics_" in self.__dict__

    def _input(self, X, reset):
        """X (n, d) as an array of numbers or objects, and whether it is the caller's own memory. Called straight from fit and transform."""
        who = type(self).__name__
        if is_sparse(X):
            raise TypeError(f"Sparse data was passed for X, but dense data is required by {who}. Use '.toarray()' to convert to a dense numpy array.")
        check_names(self, X, reset)
        numeric = not isinstance(self.strategy, str) or self.strategy in ("mean", "median")
        given, X = X, numbers_of(X)
        if numeric and not (not reset and self._fit_dtype.kind == "O"):
            try:
                array = check_array(X, who, finite=False)
            except (ValueError, TypeError) as error:
                if "onvert" not in str(error) and "could not" not in str(error):
                    raise
                raise ValueError(f"Cannot use {self.strategy} strategy with non-numeric data:\n{error}") from None
        else:
            array = self._as_columns(X, not reset and self._fit_dtype.kind == "O")
        if array.dtype.kind not in "iufO":
            raise ValueError(
                f"{who} does not support data with dtype {array.dtype}. Please provide either a numeric array (with a floating point or integer "
                "dtype) or categorical data represented either as an array with integer dtype or an array of string values with an object dtype."
            )
        if _is_nan(self.missing_values):
            refuse_infinity(array)
        else:
            refuse_nonfinite(array, "X", who)
            if array.dtype.kind == "O" and bool(np.any(array != array)):
                raise ValueError("Input X contains NaN")
            if array.dtype.kind in "iuf" and not isinstance(self.missing_values, (int, float, np.number)):
                raise ValueError(
                    f"'X' and 'missing_values' types are expected to be both numerical. Got X.dtype={array.dtype} and "
                    f" type(missing_values)={type(self.missing_values)}."
                )
        check_width(self, array.shape[1], reset)
        own = isinstance(given, np.ndarray) and not np.shares_memory(array, given)
        return array if own or (not self.copy and array.flags.writeable) or reset else array.copy()

    def _as_columns(self, X, as_objects):
        """Numbers or objects as they are; text in lists becomes objects; a frame's NA and (in columns of objects) None become NaN."""
        if is_frame(X) and hasattr(X, "to_numpy") and hasattr(X, "isna"):
            array = np.asarray(X)
            if array.dtype.kind == "O" and _is_nan(self.missing_values):
                array = X.to_numpy(dtype=object, copy=True)
                array[np.asarray(X.isna())] = np.nan
        elif isinstance(X, (list, tuple)) and any(isinstance(cell, str) for row in X if isinstance(row, (list, tuple)) for cell in row):
            array = np.asarray(X, dtype=object)
        else:
            array = np.asarray(X)
        if array.ndim != 2 or array.dtype.kind == "c" or min(array.shape) < 1:
            check_array(np.empty(array.shape) if array.dtype.kind != "c" else array, type(self).__name__, finite=False)
        return array.astype(object) if as_objects else array

    def fit(self, X, y=None):
        """Learns the figure of each column of X (n, d), an array or a frame; y is ignored. Returns self.

        Raises ValueError: text for "mean" and "median", infinity, NaN when missing_values is another, a fill_value of another kind than X.
        """
        self._validate_params()
        X = self._input(X, reset=True)
        self._fit_dtype = self._fill_dtype = X.dtype
        mask = _missing_mask(X, self.missing_values)
        if self.strategy == "constant" and self.fill_value is not None:
            self._check_fill(type(self.fill_value), X, f"fill_value={self.fill_value!r} (of type {type(self.fill_value)!r})")
        self.indicator_ = MissingColumns(np.flatnonzero(mask.any(axis=0))) if self.add_indicator else None
        self.statistics_ = self._statistics(X, mask)
        return self

    @staticmethod
    def _check_fill(kind, X, what):
        if not np.can_cast(kind, X.dtype, casting="same_kind"):
            raise ValueError(
                f"{what} cannot be cast to the input data that is {X.dtype!r}. Make sure that both dtypes are of the same kind; a Python scalar may "
                "have to be a numpy scalar (e.g. np.uint8(0) for data of type np.uint8)."
            )

    def _statistics(self, X, mask):
        empty = mask.all(axis=0)
        instead = 0 if self.keep_empty_features else np.nan
        if self.strategy == "constant":
            value = (0 if X.dtype.kind in "iuf" else "missing_value") if self.fill_value is None else self.fill_value
            out = np.full(X.shape[1], value, dtype=object)
            if not self.keep_empty_features:
                out[empty] = np.nan
            return out
        if self.strategy == "mean":
            sums = np.where(mask, 0, X).sum(axis=0, dtype=np.float64)
            out = sums / np.maximum(len(X) - mask.sum(axis=0), 1)
        elif self.strategy == "median":
            out = _medians(np.where(mask, np.nan, X))
        else:
            figure = _most_frequent if self.strategy == "most_frequent" else self.strategy
            out = np.empty(X.shape[1], dtype=object if X.dtype.kind == "O" and self.strategy == "most_frequent" else np.float64)
            for j in range(X.shape[1]):
                out[j] = instead if empty[j] else figure(X[~mask[:, j], j])
            return out
        out[empty] = instead
        return out.astype(X.dtype)

    def transform(self, X):
        """X (n, d) filled: (n, d less columns without any value, plus those of add_indicator), of the fit's type.

        Raises NotFittedError before fit; ValueError for another number of columns, infinity, data of another kind.
        """
        self._check_is_fitted()
        given, X = X, self._input(X, reset=False)
        if self.strategy == "constant":
            self._check_fill(self._fill_dtype, X, f"The dtype of the filling value (i.e. {self._fill_dtype!r})")
        mask = _missing_mask(X, self.missing_values)
        kept = ~self._left_out()
        if not kept.all():
            left = np.flatnonzero(~kept)
            names = self.__dict__.get("feature_names_in_")
            warnings.warn(
                f"Skipping features without any observed values: {left if names is None else names[left]}. At least one non-missing value is needed "
                f"for imputation with strategy='{self.strategy}'.",
                stacklevel=2,
            )
        out, gaps = (X, mask) if kept.all() else (X[:, kept], mask[:, kept])
        rows, columns = np.nonzero(gaps)
        out[rows, columns] = self.statistics_[kept].astype(self._fill_dtype)[columns]
        if self.add_indicator:
            out = np.hstack([out, mask[:, self.indicator_.features_]])
        return self._wrap_output(out, given)

    def _left_out(self):
        """Which columns transform leaves out: those whose statistic is NaN."""
        if self.keep_empty_features:
            return np.zeros(len(self.statistics_), dtype=bool)
        return np.asarray(self.statistics_ != self.statistics_, dtype=bool)

    def inverse_transform(self, X):
        """Takes what was filled in out again, from what transform returned with add_indicator: (n, d) with missing_values in their places.

        Columns that were left out are 0. Raises ValueError without add_indicator.
        """
        self._check_is_fitted()
        if not self.add_indicator:
            raise ValueError(
                "'inverse_transform' works only when 'SimpleImputer' is instantiated with 'add_indicator=True'. Got "
                f"'add_indicator={self.add_indicator}' instead."
            )
        X = np.asarray(X)
        kept = np.flatnonzero(~self._left_out())
        flagged = self.indicator_.features_
        if X.ndim != 2 or X.shape[1] != len(kept) + len(flagged):
            raise ValueError(f"Shape of the passed X data is not correct. Expected {len(kept) + len(flagged)} columns, got shape {X.shape}.")
        out = np.zeros((len(X), len(self.statistics_)), dtype=object if self._fit_dtype.kind == "O" else np.float64)
        out[:, kept] = X[:, : len(kept)]
        rows, columns = np.nonzero(X[:, len(kept) :].astype(bool))
        out[rows, flagged[columns]] = self.missing_values
        return out

    def get_feature_names_out(self, input_features=None):
        """Names of transform's columns: those of the input that are kept, then "missingindicator_…"."""
        self._check_is_fitted()
        names = names_in(self, input_features)
        kept = names[~np.asarray(self.statistics_ != self.statistics_, dtype=bool)]
        return kept if not self.add_indicator else np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = _is_nan(self.missing_values)
        return tags
