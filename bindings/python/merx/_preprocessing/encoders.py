"""Words and codes as columns of 0 and 1: OneHotEncoder."""
import warnings

import numpy as np

from merx._base import Estimator, Interval, TransformerMixin
from merx._checks import check_array, check_names, check_width, is_frame, is_sparse
from merx._preprocessing.columns import is_nullable_number, names_in, refuse_infinity, refuse_sparse_frame

INFREQUENT = "infrequent_sklearn"  # scikit-learn's name for the column of rare categories


def _is_nan(value):
    return isinstance(value, (float, np.floating)) and value != value


def _columns_of(X, who):
    """The columns of X (n, d) as arrays of numbers, text or objects."""
    if is_sparse(X):
        raise TypeError(f"Sparse data was passed for X, but dense data is required by {who}. Use '.toarray()' to convert to a dense numpy array.")
    if is_frame(X) and hasattr(X, "iloc"):
        columns = [_frame_column(X.iloc[:, j]) for j in range(X.shape[1])]
        shape = X.shape
    else:
        array = np.asarray(X)
        if not hasattr(X, "dtype") and array.dtype.kind == "U":
            array = np.asarray(X, dtype=object)  # numbers beside text in a list stay numbers
        shape, columns = array.shape, array.T if array.ndim == 2 else [array]
    if len(shape) != 2 or min(shape) < 1 or any(column.dtype.kind == "c" for column in columns):
        check_array(np.empty(shape, dtype=complex if columns[0].dtype.kind == "c" else float) if len(columns) else np.empty(shape), who, finite=False)
    for column in columns:
        refuse_infinity(column)
    return list(columns)


def _frame_column(series):
    if is_nullable_number(series.dtype) and series.isna().any():
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.asarray(series)
    if values.dtype.kind == "O" and hasattr(series, "isna"):
        gone = np.asarray(series.isna()) & ~np.equal(values, None).astype(bool)
        if gone.any():  # pandas's NA is NaN here; None stays a category of its own
            values = values.copy()
            values[gone] = np.nan
    return values


def _categories_of(column):
    """The column's categories in order: numbers and text sorted, then None, then NaN."""
    if column.dtype.kind != "O":
        return np.unique(column)  # one NaN at most, and last
    try:
        found = set(column.tolist())
        gone = [None] * (None in found) + [np.nan] * any(_is_nan(value) for value in found)
        ordered = sorted(value for value in found if value is not None and not _is_nan(value))
    except TypeError:  # no order among them, or no hash
        kinds = sorted({type(value).__qualname__ for value in column.tolist()})
        raise TypeError(f"Encoders require their input argument must be uniformly strings or numbers. Got {kinds}") from None
    out = np.empty(len(ordered) + len(gone), dtype=object)
    out[:] = ordered + gone
    return out


def _codes_of(column, categories):
    """Place of each value among the categories, -1 where it is not among them."""
    nan_code = len(categories) - 1 if len(categories) and _is_nan(categories[-1]) else -1
    if column.dtype.kind == "O" or categories.dtype.kind == "O" or (column.dtype.kind in "US") != (categories.dtype.kind in "US"):
        places = {category: code for code, category in enumerate(categories.tolist()) if not _is_nan(category)}
        try:
            codes = np.fromiter((places.get(value, -1) for value in column.tolist()), dtype=np.int64, count=len(column))
        except TypeError as error:
            raise TypeError(f"Encoders require their input argument must be uniformly strings or numbers: {error}") from None
        if nan_code >= 0:
            for row in np.flatnonzero(codes < 0):
                if _is_nan(column[row]):
                    codes[row] = nan_code
        return codes
    at = np.minimum(np.searchsorted(categories, column), len(categories) - 1)
    codes = np.where(categories[at] == column, at, -1)
    if nan_code >= 0:
        codes[np.isnan(column)] = nan_code
    return codes


class OneHotEncoder(TransformerMixin, Estimator):
    """A column of 0 and 1 for each category of each column.

    Parameters
    ----------
    categories : "auto" or list of (k) arrays
        The categories of each column; "auto" finds and sorts them at fit.
    drop : None, "first", "if_binary" or (d) of categories
        A category of each column that gets no column of its own: the first, the first of two, or the one named.
    sparse_output : bool
        transform returns a SciPy CSR matrix, else an array.
    dtype : number type
        Of what transform returns.
    handle_unknown : {"error", "ignore", "infrequent_if_exist", "warn"}
        A category that fit did not see: refused; all zeros; taken as rare where the column has a rare ones' column, else all zeros ("warn": with
        a warning).
    min_frequency : int, float in (0, 1) or None
        Categories of fewer rows (or a lesser share of them) are rare and share a column, "infrequent_sklearn".
    max_categories : int or None
        Most columns for each column, the rare ones' among them; the most frequent categories keep theirs.
    feature_name_combiner : "concat" or callable(name, category)
        Names of columns: name_category, or what the callable returns.

    Attributes
    ----------
    categories_ : list of (k) arrays · drop_idx_ : (d) of places in categories_ or None, or None · infrequent_categories_ : list of arrays or None ·
    n_features_in_ · feature_names_in_

    NaN and None are categories of their own and come last. Frames are taken column by column, so that numbers stay numbers beside text.

    >>> encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit([["red"], ["blue"], ["red"]])
    >>> encoder.categories_
    [array(['blue', 'red'], dtype=object)]
    >>> encoder.transform([["red"], ["green"]])
    array([[0., 1.],
           [0., 0.]])
    >>> encoder.get_feature_names_out(["colour"])
    array(['colour_blue', 'colour_red'], dtype=object)
    """

    _kind = "transformer"
    _constraints = {
        "categories": [{"auto"}, list], "drop": [{"first", "if_binary"}, "array", None],
        "handle_unknown": [{"error", "ignore", "infrequent_if_exist", "warn"}], "max_categories": [Interval(int, 1, None), None],
        "min_frequency": [Interval(int, 1, None), Interval(float, 0, 1, open_low=True, open_high=True), None], "sparse_output": [bool],
        "feature_name_combiner": [{"concat"}, callable],
    }

    def __init__(
        self, *, categories="auto", drop=None, sparse_output=True, dtype=np.float64, handle_unknown="error", min_frequency=None, max_categories=None,
        feature_name_combiner="concat",
    ):
        self.categories = categories
        self.drop = drop
        self.sparse_output = sparse_output
        self.dtype = dtype
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.feature_name_combiner = feature_name_combiner

    def _is_fitted(self):
        return "categories_" in self.__dict__

    # ---- fit ----

    def fit(self, X, y=None):
        """Learns the categories of X (n, d), an array, nested lists or a frame; y is ignored. Returns self.

        Raises ValueError: shapes, infinity, categories other than those given, an unknown category in drop. TypeError: numbers beside text in a
        column.
        """
        self._validate_params()
        check_names(self, X, True)
        columns = _columns_of(X, type(self).__name__)
        check_width(self, len(columns), True)
        if not isinstance(self.categories, str) and len(self.categories) != len(columns):
            raise ValueError("Shape mismatch: if categories is an array, it has to be of shape (n_features,).")
        found, groups = [], []
        for j, column in enumerate(columns):
            categories = _categories_of(column) if isinstance(self.categories, str) else self._given_categories(j, column)
            found.append(categories)
            groups.append(self._grouped(column, categories))
        self.categories_ = found
        # (k) place of each category among a column's columns, the rare ones together in the last; None where none is rare.
        self._groups = groups
        self._dropped = self._find_dropped()
        self.drop_idx_ = None
        if self._dropped is not None:
            places = [d if d is None or g is None else int(np.flatnonzero(g == d)[0]) for d, g in zip(self._dropped, groups)]
            self.drop_idx_ = np.array(places, dtype=object)
        return self

    def _given_categories(self, j, column):
        categories = np.array(self.categories[j], dtype=object if column.dtype.kind == "U" else column.dtype)
        if categories.ndim != 1 or not len(categories):
            raise ValueError(f"In column {j}, the predefined categories have shape {categories.shape}; one or more in one dimension are expected.")
        if categories.dtype == object and isinstance(categories[0], bytes) and column.dtype.kind != "S":
            raise ValueError(
                f"In column {j}, the predefined categories have type 'bytes' which is incompatible with values of type '{type(column[0]).__name__}'."
            )
        if any(_is_nan(category) for category in categories[:-1]):
            raise ValueError(f"Nan should be the last element in user provided categories, see categories {categories} in column #{j}")
        if len(categories) != len(_categories_of(categories)):
            raise ValueError(f"In column {j}, the predefined categories contain duplicate elements.")
        if column.dtype.kind not in "OUS" and not np.array_equal(np.sort(categories), categories, equal_nan=categories.dtype.kind == "f"):
            raise ValueError("Unsorted categories are not supported for numerical categories")
        if self.handle_unknown == "error":
            self._refuse_unknown(column, _codes_of(column, categories) < 0, j, "fit")
        return categories

    @staticmethod
    def _refuse_unknown(column, unknown, j, when):
        if unknown.any():
            raise ValueError(f"Found unknown categories {list(dict.fromkeys(column[unknown].tolist()))} in column {j} during {when}")

    def _grouped(self, column, categories):
        """Places of the column's categories when the rare ones share one; None where none is rare."""
        if self.min_frequency is None and self.max_categories is None:
            return None
        codes = _codes_of(column, categories)
        counts = np.bincount(codes[codes >= 0], minlength=len(categories))
        rare = np.zeros(len(categories), dtype=bool)
        if self.min_frequency is not None:
            share = isinstance(self.min_frequency, (float, np.floating))
            rare = counts < (self.min_frequency * len(column) if share else self.min_frequency)
        if self.max_categories is not None and len(categories) - rare.sum() + 1 > self.max_categories:
            # Of equals, those that stand first are rare.
            order = np.argsort(counts, kind="stable")
            rare[order[: len(order) - (self.max_categories - 1)]] = True
        if not rare.any():
            return None
        places = np.cumsum(~rare) - 1
        places[rare] = int((~rare).sum())
        return places

    def _width(self, j):
        """Columns of column j before one is dropped."""
        return len(self.categories_[j]) if self._groups[j] is None else int(self._groups[j].max()) + 1

    def _find_dropped(self):
        """(d) of the place that is dropped among a column's columns, or None; None where nothing is dropped."""
        if self.drop is None:
            return None
        d = len(self.categories_)
        if isinstance(self.drop, str):
            return [0 if self.drop == "first" or self._width(j) == 2 else None for j in range(d)]
        wanted = np.asarray(self.drop, dtype=object)
        if len(wanted) != d:
            raise ValueError(f"`drop` should have length equal to the number of features ({d}), got {len(wanted)}")
        dropped, absent = [], []
        for j, category in enumerate(wanted):
            code = int(_codes_of(np.array([category], dtype=object), self.categories_[j])[0])
            if code < 0:
                absent.append(f"Category: {category}, Feature: {j}")
            elif self._groups[j] is not None and self._groups[j][code] == self._groups[j].max():
                raise ValueError(f"Unable to drop category {category!r} from feature {j} because it is infrequent")
            else:
                dropped.append(code if self._groups[j] is None else int(self._groups[j][code]))
        if absent:
            raise ValueError("The following categories were supposed to be dropped, but were not found in the training data.\n" + "\n".join(absent))
        return dropped

    @property
    def infrequent_categories_(self):
        """For each column, its rare categories as an array; None where none is rare."""
        self._check_is_fitted()
        if self.min_frequency is None and self.max_categories is None:
            raise AttributeError("infrequent_categories_ is there with min_frequency or max_categories only")
        return [None if g is None else c[g == g.max()] for c, g in zip(self.categories_, self._groups)]

    # ---- transform ----

    def _places(self, columns):
        """(n, d) of each cell's place among all columns of the result; -1 where the cell gets all zeros."""
        out = np.empty((len(columns[0]), len(columns)), dtype=np.int64)
        start, strange = 0, []
        for j, column in enumerate(columns):
            codes = _codes_of(column, self.categories_[j])
            unknown = codes < 0
            group, dropped = self._groups[j], None if self._dropped is None else self._dropped[j]
            if unknown.any():
                if self.handle_unknown == "error":
                    self._refuse_unknown(column, unknown, j, "transform")
                strange.append(j)
            if group is not None:
                codes = np.where(unknown, -1 if self.handle_unknown == "ignore" else group.max(), group[codes])
            width = self._width(j)
            if dropped is not None:
                codes = np.where(codes == dropped, -1, codes - (codes > dropped))
                width -= 1
            out[:, j] = np.where(codes >= 0, codes + start, -1)
            start += width
        if strange and (self.handle_unknown == "warn" or self.drop is not None):
            rare = self.handle_unknown in ("warn", "infrequent_if_exist")
            warnings.warn(
                f"Found unknown categories in columns {strange} during transform. These unknown categories will be encoded as "
                f"{'the infrequent category' if rare else 'all zeros'}",
                stacklevel=3,
            )
        return out, start

    def transform(self, X):
        """X (n, d) as 0 and 1: a CSR matrix or an array (n, columns), columns of a column beside each other in the categories' order.

        Raises NotFittedError before fit; ValueError for unknown categories (handle_unknown "error"), another number of columns, infinity.
        """
        self._check_is_fitted()
        check_names(self, X, False)
        columns = _columns_of(X, type(self).__name__)
        check_width(self, len(columns), False)
        places, width = self._places(columns)
        there = places >= 0
        if not self.sparse_output:
            out = np.zeros((len(places), width), dtype=self.dtype)
            out[np.nonzero(there)[0], places[there]] = 1
            return self._wrap_output(out, X)
        import scipy.sparse

        kind = np.int32 if max(there.sum(), width) < 2**31 else np.int64
        starts = np.append(0, np.cumsum(there.sum(axis=1)))
        out = scipy.sparse.csr_matrix(
            (np.ones(int(starts[-1]), dtype=self.dtype), places[there].astype(kind), starts.astype(kind)), shape=(len(places), width)
        )
        refuse_sparse_frame(self, out)
        return out

    def _shown(self, j):
        """The categories of column j as its columns have them, the rare ones as one name."""
        categories, group = self.categories_[j], self._groups[j]
        if group is None:
            return categories
        return np.concatenate([categories[group < group.max()].astype(object), np.array([INFREQUENT], dtype=object)])

    def inverse_transform(self, X):
        """Categories (n, d) from what transform returned: of each column's columns the greatest; None for all zeros where they mean unknown.

        A rare category comes back as "infrequent_sklearn". Raises ValueError: another number of columns, all zeros that mean nothing.
        """
        self._check_is_fitted()
        who = type(self).__name__
        if not is_sparse(X):
            return self._inverse(check_array(X, who), 0)
        X = X.tocsr()  # a block of rows at a time, as all of them would not fit where columns are many
        step = max(1, 4_000_000 // max(1, X.shape[1]))
        return np.concatenate([self._inverse(check_array(X[b : b + step], who, accept_sparse=True), b) for b in range(0, max(1, X.shape[0]), step)])

    def _inverse(self, X, first):
        """inverse_transform of rows that begin at row `first`."""
        d = len(self.categories_)
        dropped = [None] * d if self._dropped is None else self._dropped
        widths = [self._width(j) - (dropped[j] is not None) for j in range(d)]
        if X.shape[1] != sum(widths):
            raise ValueError(f"Shape of the passed X data is not correct. Expected {sum(widths)} columns, got {X.shape[1]}.")
        shown = [self._shown(j) for j in range(d)]
        out = np.empty((len(X), d), dtype=np.result_type(*(categories.dtype for categories in shown)))
        start, unknown = 0, {}
        for j in range(d):
            part = X[:, start : start + widths[j]]
            start += widths[j]
            left = shown[j] if dropped[j] is None else np.delete(shown[j], dropped[j])
            zeros = part.sum(axis=1) == 0 if widths[j] else np.ones(len(X), dtype=bool)
            if widths[j]:
                out[:, j] = left[part.argmax(axis=1)]
            if not zeros.any():
                continue
            if dropped[j] is not None:
                out[zeros, j] = shown[j][dropped[j]]
            elif self.handle_unknown == "ignore" or (self.handle_unknown != "error" and self._groups[j] is None):
                unknown[j] = zeros
            elif self._dropped is None:
                raise ValueError(
                    f"Samples {np.flatnonzero(zeros) + first} can not be inverted when drop=None and "
                    f"handle_unknown={self.handle_unknown!r} because they contain all zeros"
                )
            else:
                rows = np.flatnonzero(zeros) + first
                raise ValueError(f"Samples {rows} can not be inverted: column {j} drops no category, and theirs are all zeros")
        if unknown:
            out = out.astype(object)
            for j, zeros in unknown.items():
                out[zeros, j] = None
        return out

    def get_feature_names_out(self, input_features=None):
        """Names of transform's columns: name_category of each, or what feature_name_combiner makes of them."""
        self._check_is_fitted()
        names = names_in(self, input_features)
        combine = self.feature_name_combiner
        if not callable(combine):
            def combine(name, category):
                return f"{name}_{category}"
        elif not isinstance(combine("feature", "category"), str):
            raise TypeError(
                f"When `feature_name_combiner` is a callable, it should return a Python string. Got {type(combine('feature', 'category'))} instead."
            )
        out = []
        for j, name in enumerate(names):
            categories = self._shown(j)
            if self._dropped is not None and self._dropped[j] is not None:
                categories = np.delete(categories, self._dropped[j])
            out += [combine(name, category) for category in categories]
        return np.array(out, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags
