"""Steps that move and stretch columns: StandardScaler, MinMaxScaler, LogTransformer."""
import numbers

import numpy as np

from merx._base import Estimator, TransformerMixin
from merx._checks import check_names, check_weights, check_width, is_sparse
from merx._preprocessing.columns import OneToOne, floats_back, floats_of, refuse_infinity, writable

_BLOCK = 1 << 17  # numbers of a block of rows: 1 MB, so that its passes stay in the cache


def _block_moments(X, weights):
    """(count, mean, sum of squared deviations) of each column of X (n, d), NaN left out; count is the sum of weights, 0 where there is nothing."""
    X = X.astype(np.float64, copy=False)
    missing = np.isnan(X)
    w = np.ones(len(X)) if weights is None else weights
    if missing.any():
        count = w @ ~missing
        X = np.where(missing, 0.0, X)
    else:
        missing, count = None, np.full(X.shape[1], w.sum())
    divisor = np.where(count > 0, count, 1)
    mean = (w @ X) / divisor
    deviations = X - mean
    if missing is not None:
        deviations[missing] = 0
    # The corrected two-pass algorithm (Chan, Golub & LeVeque 1983): what rounding left in the mean is taken out again.
    left = w @ deviations
    np.multiply(deviations, deviations, out=deviations)
    return count, mean + left / divisor, np.maximum(w @ deviations - left**2 / divisor, 0)


def _merged(a, b):
    """Moments of two sets of rows together (Chan, Golub & LeVeque 1983)."""
    count = a[0] + b[0]
    divisor = np.where(count > 0, count, 1)
    delta = b[1] - a[1]
    return count, a[1] + delta * (b[0] / divisor), a[2] + b[2] + delta**2 * (a[0] * b[0] / divisor)


def _moments(X, weights):
    step = max(1, _BLOCK // X.shape[1])
    found = None
    for begin in range(0, len(X), step):
        one = _block_moments(X[begin : begin + step], None if weights is None else weights[begin : begin + step])
        found = one if found is None else _merged(found, one)
    return found


def _sparse_moments(X, weights):
    """_moments of a CSR matrix, whose zeros are not stored."""
    d = X.shape[1]
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    w = np.ones(X.shape[0]) if weights is None else weights
    values, cells = X.data.astype(np.float64), w[rows]
    there = ~np.isnan(values)
    columns, values, stored = X.indices[there], values[there], cells[there]
    count = w.sum() - np.bincount(X.indices[~there], weights=cells[~there], minlength=d)
    divisor = np.where(count > 0, count, 1)
    mean = np.bincount(columns, weights=stored * values, minlength=d) / divisor
    squares = np.bincount(columns, weights=stored * (values - mean[columns]) ** 2, minlength=d)
    zeros = np.maximum(count - np.bincount(columns, weights=stored, minlength=d), 0)
    return count, mean, squares + zeros * mean**2


class StandardScaler(OneToOne, TransformerMixin, Estimator):
    """Columns about 0 with variance 1: (x - mean_) / scale_. NaN is left out of the figures and stays NaN.

    Parameters
    ----------
    copy : bool
        False: a writeable C-contiguous array of float is changed in place.
    with_mean : bool
        Take the mean off. Sparse matrices need False.
    with_std : bool
        Divide by the standard deviation; constant columns are divided by 1.

    Attributes
    ----------
    mean_, var_, scale_ : (d) of float64 or None · n_samples_seen_ : rows, or (d) of them where columns lack some; the sum of weights with
    sample_weight · n_features_in_ · feature_names_in_

    var_ is the variance of the population (divided by n). Cost: O(n d), 1 MB of rows at a time.

    >>> import numpy as np
    >>> scaler = StandardScaler().fit([[0.0, 1.0], [2.0, np.nan], [4.0, 3.0]])
    >>> scaler.mean_, scaler.var_.round(3)
    (array([2., 2.]), array([2.667, 1.   ]))
    >>> scaler.transform([[2.0, 4.0]])
    array([[0., 2.]])
    """

    _kind = "transformer"
    _constraints = {"copy": [bool], "with_mean": [bool], "with_std": [bool]}

    def __init__(self, *, copy=True, with_mean=True, with_std=True):
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def _is_fitted(self):
        return "n_samples_seen_" in self.__dict__

    def fit(self, X, y=None, sample_weight=None):
        """Learns means and variances of X (n, d), an array, a frame or (without with_mean) a sparse matrix; y is ignored. Returns self.

        sample_weight (n): how often each row counts, 0 or more.
        Raises ValueError: text, infinity, shapes.
        """
        self._validate_params()
        X = self._sparse(X, reset=True) if is_sparse(X) else floats_of(self, X, reset=True)
        self._learn(X, sample_weight, None)
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """As fit, added to what was learnt before: as if all rows so far had been given at once. Returns self."""
        self._validate_params()
        first = not self._is_fitted()
        X = self._sparse(X, reset=first) if is_sparse(X) else floats_of(self, X, reset=first)
        self._learn(X, sample_weight, None if first else self._learnt())
        return self

    def fit_transform(self, X, y=None, sample_weight=None):
        """Fits to X (n, d) and scales it."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def _sparse(self, X, reset):
        """A sparse X as CSR of float64 or float32, checked."""
        if self.with_mean:
            raise ValueError("Cannot center sparse matrices: pass `with_mean=False` instead. Taking the mean off would fill their zeros.")
        X = X.tocsr()
        if X.dtype.kind == "c":
            raise ValueError(f"Complex data not supported\n{X}\n")
        if X.dtype != np.float32:
            X = X.astype(np.float64)
        if min(X.shape) < 1:
            raise ValueError(f"Found array with 0 sample(s) or feature(s) (shape={X.shape}) while a minimum of 1 is required.")
        refuse_infinity(X.data)
        check_names(self, X, reset)
        check_width(self, X.shape[1], reset)
        return X

    def _learnt(self):
        count = np.broadcast_to(np.asarray(self.n_samples_seen_, dtype=np.float64), (self.n_features_in_,))
        known = count > 0
        mean, var = (np.zeros(self.n_features_in_) if one is None else np.where(known, one, 0.0) for one in (self.mean_, self.var_))
        return count, mean, var * count

    def _learn(self, X, sample_weight, before):
        weights = check_weights(sample_weight, X)
        found = _sparse_moments(X, weights) if is_sparse(X) else _moments(X, weights)
        count, mean, squares = found if before is None else _merged(before, found)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean, var = np.where(count > 0, mean, np.nan), squares / count
        self.mean_ = mean if self.with_mean or self.with_std else None
        self.var_ = var if self.with_std else None
        self.scale_ = None
        if self.with_std:
            # A column is constant when its variance is no more than what rounding leaves (Chan, Golub & LeVeque 1983).
            eps = np.finfo(np.float64).eps
            self.scale_ = np.where(var <= count * eps * var + (count * mean * eps) ** 2, 1.0, np.sqrt(var))
        if weights is None and (before is None or np.asarray(self.n_samples_seen_).dtype.kind in "iu"):
            count = np.rint(count).astype(np.int64)
        self.n_samples_seen_ = count[0] if (count == count[0]).all() else count

    def transform(self, X, copy=None):
        """X (n, d) scaled, as float64 or, given as such, float32.

        Raises NotFittedError before fit; ValueError for another number of columns, text or infinity.
        """
        self._check_is_fitted()
        if is_sparse(X):
            out = self._sparse(X, reset=False)
            out = out.copy() if out is X else out
            if self.with_std:
                out.data = out.data / self.scale_[out.indices].astype(out.dtype)
            return out
        given, X = X, floats_of(self, X, reset=False)
        out = writable(X, given, self.copy if copy is None else copy)
        if self.with_mean:
            out -= self.mean_.astype(out.dtype)
        if self.with_std:
            out /= self.scale_.astype(out.dtype)
        return self._wrap_output(out, given)

    def inverse_transform(self, X, copy=None):
        """What transform was given, from what it returned: X (n, d) to (n, d)."""
        self._check_is_fitted()
        if is_sparse(X):
            if self.with_mean:
                raise ValueError("Cannot uncenter sparse matrices: pass `with_mean=False` instead.")
            out = X.tocsr().astype(np.float64 if X.dtype != np.float32 else np.float32)  # a copy
            if self.with_std:
                out.data *= self.scale_[out.indices].astype(out.dtype)
            return out
        out = writable(floats_back(self, X), X, self.copy if copy is None else copy)
        if self.with_std:
            out *= self.scale_.astype(out.dtype)
        if self.with_mean:
            out += self.mean_.astype(out.dtype)
        return out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class MinMaxScaler(OneToOne, TransformerMixin, Estimator):
    """Columns onto a range: x * scale_ + min_. NaN is left out of the figures and stays NaN.

    Parameters
    ----------
    feature_range : (low, high)
        Where the least and the greatest number of each column go.
    copy : bool
        False: a writeable C-contiguous array of float is changed in place.
    clip : bool
        Numbers beyond those of the fit go to the range's ends.

    Attributes
    ----------
    data_min_, data_max_, data_range_, scale_, min_ : (d) · n_samples_seen_ : int · n_features_in_ · feature_names_in_

    >>> scaler = MinMaxScaler().fit([[0.0], [5.0], [10.0]])
    >>> scaler.transform([[2.5], [20.0]])
    array([[0.25],
           [2.  ]])
    """

    _kind = "transformer"
    _constraints = {"feature_range": [tuple], "copy": [bool], "clip": [bool]}

    def __init__(self, feature_range=(0, 1), *, copy=True, clip=False):
        self.feature_range = feature_range
        self.copy = copy
        self.clip = clip

    def _is_fitted(self):
        return "n_samples_seen_" in self.__dict__

    def fit(self, X, y=None):
        """Learns the least and the greatest number of each column of X (n, d); y is ignored. Returns self."""
        self.__dict__.pop("n_samples_seen_", None)
        return self._learn(X, True)

    def partial_fit(self, X, y=None):
        """As fit, added to what was learnt before. Returns self."""
        return self._learn(X, not self._is_fitted())

    def _learn(self, X, first):
        self._validate_params()
        if len(self.feature_range) != 2 or not self.feature_range[0] < self.feature_range[1]:
            raise ValueError(f"Minimum of desired feature range must be smaller than maximum. Got {self.feature_range}.")
        if is_sparse(X):
            raise TypeError("MinMaxScaler does not support sparse input. StandardScaler(with_mean=False) scales sparse matrices.")
        X = floats_of(self, X, reset=first)
        # fmin and fmax pass over NaN, and leave it where there is nothing else.
        low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
        if not first:
            low, high = np.fmin(self.data_min_, low), np.fmax(self.data_max_, high)
        spread = high - low
        start, end = np.asarray(self.feature_range, dtype=X.dtype)
        self.scale_ = (end - start) / np.where(spread < 10 * np.finfo(X.dtype).eps, 1, spread).astype(X.dtype)
        self.min_ = start - low * self.scale_
        self.data_min_, self.data_max_, self.data_range_ = low, high, spread
        self.n_samples_seen_ = len(X) + (0 if first else self.n_samples_seen_)
        return self

    def transform(self, X):
        """X (n, d) on the range, as float64 or, given as such, float32.

        Raises NotFittedError before fit; ValueError for another number of columns, text or infinity.
        """
        self._check_is_fitted()
        given, X = X, floats_of(self, X, reset=False)
        out = writable(X, given, self.copy)
        out *= self.scale_.astype(out.dtype)
        out += self.min_.astype(out.dtype)
        if self.clip:
            np.clip(out, *self.feature_range, out=out)
        return self._wrap_output(out, given)

    def inverse_transform(self, X):
        """What transform was given, from what it returned: X (n, d) to (n, d)."""
        self._check_is_fitted()
        out = writable(floats_back(self, X), X, self.copy)
        out -= self.min_.astype(out.dtype)
        out /= self.scale_.astype(out.dtype)
        return out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class LogTransformer(OneToOne, TransformerMixin, Estimator):
    """The natural logarithm of columns above 0, such as prices and amounts: differences become ratios. NaN stays NaN.

    Parameters
    ----------
    columns : "positive", "all" or list of int or str
        Columns whose logarithm is taken: "positive", those whose numbers at fit are all above 0 (the others pass as they are); "all"; or
        positions or a frame's names.
    copy : bool
        False: a writeable C-contiguous array of float is changed in place.

    Attributes
    ----------
    columns_ : positions of the columns whose logarithm is taken, ascending · n_features_in_ · feature_names_in_

    A number that has no logarithm is refused with its column and row: at fit in columns that were asked for, and at transform.

    >>> step = LogTransformer().fit([[1.0, -1.0], [100.0, 1.0]])
    >>> step.transform([[10.0, 0.0]]).round(4)
    array([[2.3026, 0.    ]])
    >>> step.transform([[10.0, 0.0], [0.0, 0.0]])
    Traceback (most recent call last):
    ...
    ValueError: X: column 0, row 1: 0.0 has no logarithm (a number above 0 is expected)
    """

    _kind = "transformer"
    _constraints = {"columns": [{"positive", "all"}, "array"], "copy": [bool]}

    def __init__(self, columns="positive", *, copy=True):
        self.columns = columns
        self.copy = copy

    def _is_fitted(self):
        return "columns_" in self.__dict__

    def fit(self, X, y=None):
        """Looks at X (n, d) and settles the columns; y is ignored. Returns self.

        Raises ValueError: text, infinity, an unknown column, a number of 0 or less in a column that was asked for.
        """
        self._validate_params()
        X = floats_of(self, X, reset=True)
        if isinstance(self.columns, str) and self.columns == "positive":
            self.columns_ = np.flatnonzero(~(X <= 0).any(axis=0))
        else:
            self.columns_ = self._positions(X.shape[1])
            self._refuse(X)
        return self

    def _positions(self, d):
        if isinstance(self.columns, str):
            return np.arange(d)
        names = self.__dict__.get("feature_names_in_")
        places = {name: i for i, name in enumerate(names)} if names is not None else {}
        found = []
        for column in self.columns:
            if isinstance(column, str):
                if column not in places:
                    raise ValueError(f"columns has {column!r}, which X does not have; X has {list(places) if places else 'no names'}")
                found.append(places[column])
            elif isinstance(column, numbers.Integral) and not isinstance(column, (bool, np.bool_)) and -d <= column < d:
                found.append(int(column) % d)
            else:
                raise ValueError(f"columns has {column!r}; names or positions from {-d} to {d - 1} are expected")
        return np.unique(np.array(found, dtype=np.intp))

    def _refuse(self, X):
        bad = X[:, self.columns_] <= 0
        if bad.any():
            row, j = (int(one[0]) for one in np.nonzero(bad))
            column = int(self.columns_[j])
            names = self.__dict__.get("feature_names_in_")
            shown = column if names is None else f'"{names[column]}"'
            raise ValueError(f"X: column {shown}, row {row}: {X[row, column]} has no logarithm (a number above 0 is expected)")

    def transform(self, X):
        """X (n, d) with the logarithms of columns_, as float64 or, given as such, float32.

        Raises NotFittedError before fit; ValueError for a number of 0 or less in columns_, another number of columns, text or infinity.
        """
        self._check_is_fitted()
        given, X = X, floats_of(self, X, reset=False)
        self._refuse(X)
        out = writable(X, given, self.copy)
        out[:, self.columns_] = np.log(out[:, self.columns_])
        return self._wrap_output(out, given)

    def inverse_transform(self, X):
        """exp of columns_: what transform was given, from what it returned. X (n, d) to (n, d)."""
        self._check_is_fitted()
        out = writable(floats_back(self, X), X, self.copy)
        out[:, self.columns_] = np.exp(out[:, self.columns_])
        return out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
