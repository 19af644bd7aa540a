"""merx.preprocessing beside scikit-learn's on random data, in its pipelines and its checks, and with bad input."""
import copy
import doctest
import importlib
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import merx
import merx.preprocessing as P

CLASSES = [P.StandardScaler, P.MinMaxScaler, P.SimpleImputer, P.OneHotEncoder, P.LogTransformer]


@pytest.fixture(scope="module")
def S():
    return pytest.importorskip("sklearn.preprocessing")


@pytest.fixture(scope="module")
def SimpleImputer():
    return pytest.importorskip("sklearn.impute").SimpleImputer


@pytest.fixture(scope="module")
def pandas():
    return pytest.importorskip("pandas")


def numbers(seed, n=200, d=5, missing=0.1, dtype=np.float64):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d)) * random.uniform(0.1, 100, d) + random.uniform(-1000, 1000, d)
    X[random.random((n, d)) < missing] = np.nan
    return X.astype(dtype)


def close(ours, theirs, rtol=1e-12):
    ours, theirs = (one.toarray() if hasattr(one, "toarray") else one for one in (ours, theirs))
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert np.asarray(ours).shape == np.asarray(theirs).shape
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


def same_cells(ours, theirs):
    """Equal arrays, of objects too; NaN is NaN."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype.kind == theirs.dtype.kind
    for a, b in zip(ours.ravel().tolist(), theirs.ravel().tolist()):
        assert a == b or (a != a and b != b), (a, b)


# ---- scalers ----


@pytest.mark.parametrize("missing", [0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", [{}, {"with_mean": False}, {"with_std": False}, {"with_mean": False, "with_std": False}])
def test_standard_scaler(S, missing, weighted, options, monkeypatch):
    X = numbers(1, missing=missing)
    X[:, 1] = 0.1  # constant
    if missing:
        X[:, 2] = np.nan
    w = np.random.default_rng(2).integers(4, size=len(X)).astype(float) if weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = S.StandardScaler(**options).fit(X, sample_weight=w)
    for block in (1 << 17, 100):  # all rows at once, 20 rows at a time
        monkeypatch.setattr("merx._preprocessing.scalers._BLOCK", block)
        ours = P.StandardScaler(**options).fit(X, sample_weight=w)
        for name in ("mean_", "var_", "scale_"):
            close(getattr(ours, name), getattr(theirs, name))
        assert not options.get("with_mean", True) or np.ndim(ours.n_samples_seen_) == np.ndim(theirs.n_samples_seen_)
        close(ours.transform(X), theirs.transform(X), 1e-10)
        close(ours.inverse_transform(ours.transform(X)), X, 1e-10)
    close(P.StandardScaler(**options).fit_transform(X, sample_weight=w), theirs.transform(X), 1e-10)


def test_standard_scaler_counts(S):
    X = numbers(3)
    for weights in (None, np.arange(200.0)):
        close(P.StandardScaler().fit(X, sample_weight=weights).n_samples_seen_, S.StandardScaler().fit(X, sample_weight=weights).n_samples_seen_)
    ours = P.StandardScaler().fit(X[~np.isnan(X).any(axis=1)])
    assert ours.n_samples_seen_ == (~np.isnan(X).any(axis=1)).sum() and ours.n_samples_seen_.dtype.kind == "i"


def test_standard_scaler_far_from_zero():
    """A mean 10^8 standard deviations away: one pass of squares would lose everything."""
    random = np.random.default_rng(4)
    X = 1e8 + random.standard_normal((1000, 1))
    ours = P.StandardScaler().fit(X)
    exact = np.var((X - 1e8).astype(np.longdouble))
    assert abs(ours.var_[0] - exact) < 1e-7
    assert P.StandardScaler().fit(np.full((1000, 1), 1e8 + 0.1)).scale_[0] == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_partial_fit_is_fit(S, weighted):
    X, w = numbers(5), np.random.default_rng(6).random(200) if weighted else None
    X[:50, 0] = np.nan  # nothing in the first part
    parts = P.StandardScaler()
    for begin in range(0, 200, 50):
        parts.partial_fit(X[begin : begin + 50], sample_weight=None if w is None else w[begin : begin + 50])
    whole = P.StandardScaler().fit(X, sample_weight=w)
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        close(getattr(parts, name), getattr(whole, name), 1e-11)
    low = P.MinMaxScaler().partial_fit(X[:50]).partial_fit(X[50:])
    for name in ("data_min_", "data_max_", "data_range_", "scale_", "min_", "n_samples_seen_"):
        close(getattr(low, name), getattr(S.MinMaxScaler().fit(X), name))
    assert P.StandardScaler().fit(X).fit(X[:100, :2]).mean_.shape == (2,)


def test_standard_scaler_sparse(S):
    sparse = pytest.importorskip("scipy.sparse")
    random = np.random.default_rng(7)
    dense = np.where(random.random((80, 6)) < 0.3, random.standard_normal((80, 6)), 0)
    dense[3, 2] = np.nan
    for weights in (None, random.random(80)):
        for kind in (sparse.csr_matrix, sparse.csc_array):
            X = kind(dense)
            ours = P.StandardScaler(with_mean=False).fit(X, sample_weight=weights)
            close(ours.scale_, P.StandardScaler(with_mean=False).fit(dense, sample_weight=weights).scale_)
            close(ours.scale_, S.StandardScaler(with_mean=False).fit(dense, sample_weight=weights).scale_)
            scaled = ours.transform(X)
            assert sparse.issparse(scaled)
            close(scaled, ours.transform(dense))
            close(ours.inverse_transform(scaled), dense)
            close(X, dense, 0)  # untouched
    with pytest.raises(ValueError, match="center sparse"):
        P.StandardScaler().fit(sparse.csr_matrix(np.eye(3)))
    with pytest.raises(TypeError, match="sparse"):
        P.MinMaxScaler().fit(sparse.csr_matrix(np.eye(3)))


@pytest.mark.parametrize("options", [{}, {"feature_range": (-2, 3)}, {"clip": True, "feature_range": (5, 6)}])
def test_min_max_scaler(S, options):
    X, new = numbers(8), numbers(9) * 1.5
    X[:, 1] = 4
    X[:, 3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = S.MinMaxScaler(**options).fit(X)
    ours = P.MinMaxScaler(**options).fit(X)
    for name in ("data_min_", "data_max_", "data_range_", "scale_", "min_", "n_samples_seen_"):
        close(getattr(ours, name), getattr(theirs, name))
    close(ours.transform(new), theirs.transform(new))
    close(ours.inverse_transform(ours.transform(X)), X, 1e-11)
    for bad in ((1, 0), (1, 1), (0, 1, 2)):
        with pytest.raises(ValueError):
            P.MinMaxScaler(feature_range=bad).fit(X)


def test_log_transformer(pandas):
    X = np.abs(numbers(10, missing=0.1)) + 0.5
    X[:, 2] *= -1
    ours = P.LogTransformer().fit(X)
    assert ours.columns_.tolist() == [0, 1, 3, 4]
    out = ours.transform(X)
    close(out[:, [0, 1, 3, 4]], np.log(X[:, [0, 1, 3, 4]]))
    close(out[:, 2], X[:, 2], 0)
    close(ours.inverse_transform(out), X)
    frame = pandas.DataFrame({"price": [1.0, 2.0, 4.0], "stock": [0.0, 1.0, 2.0]})
    named = P.LogTransformer(columns=["price"]).fit(frame)
    assert named.columns_.tolist() == [0] and P.LogTransformer(columns=[-1, 0, 0]).fit(frame + 1).columns_.tolist() == [0, 1]
    assert P.LogTransformer(columns=np.array([1])).fit(frame + 1).columns_.tolist() == [1]
    with pytest.raises(ValueError, match='column "stock", row 0: 0.0 has no logarithm'):
        P.LogTransformer(columns="all").fit(frame)
    with pytest.raises(ValueError, match='column "price", row 2: -1.0 has no logarithm'):
        named.transform(frame.assign(price=[1.0, np.nan, -1.0]))
    with pytest.raises(ValueError, match="column 1, row 0"):
        P.LogTransformer(columns=[1]).fit([[1.0, 0.0]])
    for columns, words in ((["cost"], "'cost'"), ([2], "positions from -2 to 1"), ([True], "True"), ([0.0], "0.0")):
        with pytest.raises(ValueError, match=words):
            P.LogTransformer(columns=columns).fit(frame)
    with pytest.raises(ValueError, match="'columns' parameter"):
        P.LogTransformer(columns="price").fit(frame)


@pytest.mark.parametrize("cls", [P.StandardScaler, P.MinMaxScaler, P.LogTransformer])
def test_copy(cls):
    X = np.abs(numbers(11, missing=0)) + 1
    kept = X.copy()
    step = cls().fit(X)
    out = step.transform(X)
    np.testing.assert_array_equal(X, kept)
    step.set_params(copy=False)
    assert step.transform(X) is X
    close(X, out, 0)
    X[:] = kept
    X.flags.writeable = False
    close(step.transform(X), out, 0)
    np.testing.assert_array_equal(X, kept)
    for other in (kept[:, ::-1], np.asfortranarray(kept), kept[::-2], kept.astype(np.float32)):
        before = other.copy()
        cls(copy=True).fit(other).inverse_transform(cls(copy=True).fit(other).transform(other))
        np.testing.assert_array_equal(other, before)
    assert cls().fit_transform(kept.astype(np.float32)).dtype == np.float32
    assert cls().fit_transform(kept.astype(np.int32)).dtype == np.float64


# ---- SimpleImputer ----


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant", np.max])
@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_imputer_numbers(SimpleImputer, strategy, indicator, keep):
    for dtype in (np.float64, np.float32):
        X, new = numbers(12, n=61, d=6, missing=0.3).round().astype(dtype), numbers(13, n=20, d=6, missing=0.3).astype(dtype)
        X[:, 2] = 7 if callable(strategy) else np.nan  # scikit-learn calls it with nothing
        X[:, 5] = 3
        options = {"strategy": strategy, "add_indicator": indicator, "keep_empty_features": keep}
        ours, theirs = P.SimpleImputer(**options).fit(X), SimpleImputer(**options).fit(X)
        tolerance = 1e-12 if dtype == np.float64 else 1e-5
        close(ours.statistics_.astype(float), theirs.statistics_.astype(float), tolerance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            filled, expected = ours.transform(new), theirs.transform(new)
        close(filled, expected, tolerance)
        assert filled.dtype == expected.dtype
        assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
        if indicator:
            assert ours.indicator_.features_.tolist() == theirs.indicator_.features_.tolist()
            back = np.where(np.isnan(new) & np.isin(np.arange(6), ours.indicator_.features_), np.nan, ours.statistics_.astype(float))
            back = np.where(np.isnan(new), back, new)
            if not (keep or callable(strategy)):
                back[~np.isnan(new[:, 2]), 2] = 0  # left out, so nobody knows
            close(ours.inverse_transform(filled), back, tolerance)
        if not keep and not callable(strategy):
            with pytest.warns(UserWarning, match=r"Skipping features without any observed values: \[2\]"):
                ours.transform(new)


def test_imputer_fill_values(SimpleImputer):
    X = np.array([[1, 2], [3, -1], [-1, 2], [3, 5]])
    for options in (
        {"missing_values": -1}, {"missing_values": -1, "strategy": "median"}, {"missing_values": -1, "strategy": "most_frequent"},
        {"missing_values": -1, "strategy": "constant", "fill_value": 9}, {"missing_values": -1, "strategy": "constant", "add_indicator": True},
    ):
        ours, theirs = P.SimpleImputer(**options).fit(X), SimpleImputer(**options).fit(X)
        same_cells(ours.statistics_, theirs.statistics_)
        same_cells(ours.transform(X), theirs.transform(X))
    with pytest.raises(ValueError, match="cannot be cast"):
        P.SimpleImputer(strategy="constant", fill_value="x").fit(X)
    with pytest.raises(ValueError, match="cannot be cast"):
        P.SimpleImputer(strategy="constant", fill_value=1.5).fit(X)
    with pytest.raises(ValueError, match="contains NaN"):
        P.SimpleImputer(missing_values=-1).fit([[np.nan], [-1.0]])
    with pytest.raises(ValueError, match="both numerical"):
        P.SimpleImputer(missing_values="gone", strategy="constant").fit(X)
    with pytest.raises(ValueError, match="add_indicator=True"):
        P.SimpleImputer().fit([[1.0]]).inverse_transform([[1.0]])


@pytest.mark.parametrize("options", [
    {"strategy": "most_frequent"}, {"strategy": "constant"}, {"strategy": "constant", "fill_value": "none"},
    {"strategy": "most_frequent", "add_indicator": True}, {"strategy": "most_frequent", "missing_values": "red"},
])
def test_imputer_text(SimpleImputer, options):
    random = np.random.default_rng(14)
    X = random.choice(["red", "green", "blue"], size=(50, 3)).astype(object)
    if "missing_values" not in options:
        X[random.random(X.shape) < 0.3] = np.nan
    ours, theirs = P.SimpleImputer(**options).fit(X), SimpleImputer(**options).fit(X)
    same_cells(ours.statistics_, theirs.statistics_)
    same_cells(ours.transform(X), theirs.transform(X))
    if options.get("add_indicator"):
        same = ours.inverse_transform(ours.transform(X))
        assert all(a == b or (a != a and b != b) for a, b in zip(same.ravel(), X.ravel()))
    with pytest.raises(ValueError, match="Cannot use mean strategy with non-numeric data"):
        P.SimpleImputer().fit(X)
    with pytest.raises(ValueError, match="does not support data with dtype <U"):
        P.SimpleImputer(strategy="most_frequent").fit(np.array([["a"], ["b"]]))
    filled = P.SimpleImputer(missing_values="", strategy="constant").fit_transform([["a"], [""]])
    same_cells(filled, np.array([["a"], ["missing_value"]], dtype=object))


def test_imputer_frames(SimpleImputer, pandas):
    frame = pandas.DataFrame({"colour": ["red", None, "red", "blue"], "size": ["S", "M", None, "M"]}, index=[3, 1, 4, 5])
    for one in (frame, frame.astype(object), frame.astype("category"), frame.astype("string")):
        filled = P.SimpleImputer(strategy="most_frequent").set_output(transform="pandas").fit_transform(one)
        assert filled.colour.tolist() == ["red", "red", "red", "blue"] and filled["size"].tolist() == ["S", "M", "M", "M"]
        assert filled.index.tolist() == [3, 1, 4, 5]
    same_cells(P.SimpleImputer(strategy="most_frequent").fit_transform(frame), SimpleImputer(strategy="most_frequent").fit_transform(frame))
    counts = pandas.DataFrame({"n": pandas.array([1, None, 3], dtype="Int64"), "x": [np.nan, 2.0, 4.0]})
    for strategy in ("mean", "median", "most_frequent", "constant"):
        same_cells(P.SimpleImputer(strategy=strategy).fit_transform(counts), SimpleImputer(strategy=strategy).fit_transform(counts))
    same_cells(P.SimpleImputer(missing_values=pandas.NA).fit_transform(counts), SimpleImputer(missing_values=pandas.NA).fit_transform(counts))
    step = P.SimpleImputer(add_indicator=True).fit(counts)
    assert step.get_feature_names_out().tolist() == ["n", "x", "missingindicator_n", "missingindicator_x"]


def test_imputer_leaves_its_input_alone():
    X = numbers(15)
    kept = X.copy()
    step = P.SimpleImputer().fit(X)
    step.transform(X)
    np.testing.assert_array_equal(X, kept)
    step.set_params(copy=False)
    assert step.transform(X) is X and not np.isnan(X).any()


# ---- OneHotEncoder ----


def words(seed, n=300):
    """Columns of (text, few numbers, floats with NaN, text with None and NaN), as objects."""
    random = np.random.default_rng(seed)
    X = np.empty((n, 4), dtype=object)
    X[:, 0] = random.choice(["a", "b", "c", "d", "e"], size=n, p=[0.5, 0.3, 0.1, 0.07, 0.03]).tolist()
    X[:, 1] = random.integers(2, size=n).tolist()
    X[:, 2] = random.choice([1.5, 2.5, np.nan], size=n).tolist()
    X[:, 3] = [["x", "y", None, np.nan][i] for i in random.integers(4, size=n)]
    return X


OPTIONS = [
    {}, {"drop": "first"}, {"drop": "if_binary"}, {"drop": ["b", 1, 2.5, None]}, {"handle_unknown": "ignore"},
    {"handle_unknown": "ignore", "drop": "first"},
    {"handle_unknown": "infrequent_if_exist", "min_frequency": 20}, {"handle_unknown": "infrequent_if_exist", "min_frequency": 0.2},
    {"handle_unknown": "ignore", "min_frequency": 40}, {"handle_unknown": "infrequent_if_exist", "max_categories": 2},
    {"handle_unknown": "infrequent_if_exist", "max_categories": 3, "drop": "first"},
    {"handle_unknown": "warn", "max_categories": 3, "min_frequency": 10},
    {"max_categories": 1}, {"min_frequency": 1000}, {"max_categories": 2, "drop": "if_binary"}, {"handle_unknown": "infrequent_if_exist"},
    {"dtype": np.int32}, {"dtype": bool, "drop": "first"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("sparse", [False, True])
def test_encoder(S, options, sparse):
    pytest.importorskip("scipy")
    X, new = words(16), words(17)
    ours, theirs = (cls(sparse_output=sparse, **options).fit(X) for cls in (P.OneHotEncoder, S.OneHotEncoder))
    for a, b in zip(ours.categories_, theirs.categories_):
        same_cells(a, b)
    assert (ours.drop_idx_ is None) == (theirs.drop_idx_ is None)
    if ours.drop_idx_ is not None:
        assert ours.drop_idx_.tolist() == theirs.drop_idx_.tolist()
    if "min_frequency" in options or "max_categories" in options:
        for a, b in zip(ours.infrequent_categories_, theirs.infrequent_categories_):
            assert (a is None) == (b is None)
            if a is not None:
                same_cells(a, b)
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    assert ours.get_feature_names_out(list("wxyz")).tolist() == theirs.get_feature_names_out(list("wxyz")).tolist()
    if options.get("handle_unknown", "error") != "error":
        new[:3, 0] = ["f", "g", "f"]
        new[3:5, 1] = 7
        new[5, 2] = 9.5
        new[6, 3] = "z"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        a = ours.transform(new)
    with warnings.catch_warnings(record=True) as told_theirs:
        warnings.simplefilter("always")
        b = theirs.transform(new)
    assert [str(one.message).split(" during")[0] for one in told] == [str(one.message).split(" during")[0] for one in told_theirs]
    assert a.dtype == b.dtype and type(a) is type(b)
    close(a, b, 0)
    try:
        expected = theirs.inverse_transform(b)
    except ValueError:
        with pytest.raises(ValueError, match="can not be inverted"):
            ours.inverse_transform(a)
    else:
        same_cells(ours.inverse_transform(a), expected)


@pytest.mark.parametrize("columns", [
    np.array([["b", "x"], ["a", "y"], ["b", "x"]]), [["b", 1], ["a", 2], ["b", 1]], [[3, 1.5], [2, 2.5], [3, 1.5]],
    np.array([[3, 1], [2, 2], [9, 1]]),
    np.array([[True, False], [False, False]]), np.array([[1.0, np.nan], [np.nan, 2.0], [1.0, 0.0]]), np.array([["b"], ["a"]], dtype="S1"),
])
def test_encoder_types(S, columns):
    ours, theirs = (cls(sparse_output=False, handle_unknown="ignore").fit(columns) for cls in (P.OneHotEncoder, S.OneHotEncoder))
    for a, b in zip(ours.categories_, theirs.categories_):
        same_cells(a, b)
    close(ours.transform(columns), theirs.transform(columns), 0)
    same_cells(ours.inverse_transform(ours.transform(columns)), theirs.inverse_transform(theirs.transform(columns)))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()


def test_encoder_given_categories(S):
    X = [["b", 2], ["a", 1], ["b", 3]]
    for given in ([["b", "a", "c"], [1, 2, 3]], [np.array(["c", "b", "a"]), np.array([1, 2, 3, 4])]):
        ours, theirs = (cls(categories=given, sparse_output=False).fit(X) for cls in (P.OneHotEncoder, S.OneHotEncoder))
        close(ours.transform(X), theirs.transform(X), 0)
        same_cells(ours.inverse_transform(ours.transform(X)), np.array(X, dtype=object))
    for given, words_, data in (
        ([["a"], [1, 2, 3]], "unknown categories", X), ([["a", "b"]], "Shape mismatch", X), ([["a", "b", "a"], [1, 2, 3]], "duplicate", X),
        ([[2, 1]], "Unsorted", np.array([[1], [2]])), ([[np.nan, 1.0]], "Nan should be the last", np.array([[1.0], [np.nan]])),
        ([[]], "one or more", np.array([[1]])), ([[b"a"]], "bytes", np.array([["a"]])),
    ):
        with pytest.raises(ValueError, match=words_):
            P.OneHotEncoder(categories=given).fit(data)


def test_encoder_refuses(S):
    X = words(18)
    step = P.OneHotEncoder().fit(X)
    new = X[:5].copy()
    new[2, 0] = "zebra"
    with pytest.raises(ValueError, match=r"Found unknown categories \['zebra'\] in column 0 during transform"):
        step.transform(new)
    with pytest.raises(ValueError, match="is expecting 4 features"):
        step.transform(X[:, :2])
    with pytest.raises(ValueError, match="Expected 14 columns"):
        step.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="uniformly strings or numbers"):
        P.OneHotEncoder().fit(np.array([["a"], [1]], dtype=object))
    with pytest.raises(ValueError, match="infinity"):
        P.OneHotEncoder().fit([[np.inf], [1.0]])
    with pytest.raises(ValueError, match="not found in the training data"):
        P.OneHotEncoder(drop=["q", 1, 2.5, None]).fit(X)
    with pytest.raises(ValueError, match="length equal to the number of features"):
        P.OneHotEncoder(drop=["a"]).fit(X)
    with pytest.raises(ValueError, match="because it is infrequent"):
        P.OneHotEncoder(drop=["e", 1, 2.5, None], min_frequency=20).fit(X)
    with pytest.raises(ValueError, match="can not be inverted"):
        step.inverse_transform(np.zeros((2, 14)))
    with pytest.raises(TypeError, match="Python string"):
        P.OneHotEncoder(feature_name_combiner=lambda name, category: 1).fit(X).get_feature_names_out()
    with pytest.raises(AttributeError):
        step.infrequent_categories_
    for options in (
        {"min_frequency": 1.5}, {"min_frequency": 0}, {"max_categories": 0}, {"drop": "last"}, {"handle_unknown": "x"}, {"sparse_output": 1},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            P.OneHotEncoder(**options).fit(X)
    with pytest.raises(ValueError, match="does not support sparse data"):
        P.OneHotEncoder().set_output(transform="pandas").fit(X).transform(X)


def test_encoder_sparse_blocks():
    """inverse_transform of a sparse matrix of more cells than a block holds."""
    pytest.importorskip("scipy")
    X = np.arange(5000).reshape(-1, 1) % 2500
    step = P.OneHotEncoder().fit(X)
    np.testing.assert_array_equal(step.inverse_transform(step.transform(X)), X)


def test_encoder_frames(S, pandas):
    frame = pandas.DataFrame({
        "colour": ["red", "blue", None, "red"], "n": [1, 2, 1, 1], "size": pandas.Categorical(["S", "M", "S", None]),
        "x": pandas.array([1, None, 2, 1], dtype="Int64"), "flag": [True, False, True, True],
    })
    ours, theirs = (cls(sparse_output=False).fit(frame) for cls in (P.OneHotEncoder, S.OneHotEncoder))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    close(ours.transform(frame), theirs.transform(frame), 0)
    out = ours.set_output(transform="pandas").transform(frame.iloc[1:])
    assert out.columns.tolist() == ours.get_feature_names_out().tolist() and out.index.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="feature names should match"):
        ours.transform(frame.rename(columns={"n": "m"}))


# ---- all ----


@pytest.mark.parametrize("cls", CLASSES)
def test_check_estimator(cls):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = checks.check_estimator(cls(), on_fail=None, on_skip=None)
    assert len(found) > 30
    assert [(one["check_name"], one["exception"]) for one in found if one["status"] not in ("passed", "skipped")] == []
    assert {one["check_name"] for one in found if one["status"] == "skipped"} <= {"check_array_api_input"}


@pytest.mark.parametrize("cls", CLASSES)
def test_same_parameters_as_scikit_learn(cls, S, SimpleImputer):
    theirs = SimpleImputer if cls is P.SimpleImputer else getattr(S, cls.__name__, None)
    if theirs is not None:
        assert repr(sorted(cls().get_params().items())) == repr(sorted(theirs().get_params().items()))


@pytest.mark.parametrize("cls", CLASSES)
def test_pickle_and_clone(cls):
    base = pytest.importorskip("sklearn.base")
    X = np.abs(numbers(19, n=30, d=3, missing=0)).round() + 1
    options = {"sparse_output": False} if cls is P.OneHotEncoder else {}
    step = cls(**options).fit(X)
    for other in (pickle.loads(pickle.dumps(step)), copy.deepcopy(step)):
        np.testing.assert_array_equal(other.transform(X), step.transform(X))
    fresh = base.clone(step)
    assert not fresh._is_fitted() and fresh.get_params() == step.get_params()
    with pytest.raises(merx.NotFittedError):
        fresh.transform(X)
    with pytest.raises(merx.NotFittedError):
        fresh.get_feature_names_out()


@pytest.mark.parametrize("cls", [one for one in CLASSES if one is not P.OneHotEncoder])
def test_bad_numbers(cls):
    good = np.ones((4, 2))
    step = cls().fit(good)
    for bad, error in (
        ([["a", "b"]], ValueError), ([[np.inf, 1]], ValueError), ([1, 2], ValueError), ([[1j, 2]], ValueError), (np.ones((3, 3)), ValueError),
        (np.empty((0, 2)), ValueError), (np.ones((2, 2, 2)), ValueError), (np.array([[object(), 1]]), (TypeError, ValueError)),
    ):
        with pytest.raises(error):
            step.transform(bad)
    with pytest.raises(ValueError, match="0 feature"):
        cls().fit(np.empty((3, 0)))


def test_column_transformer_and_pipeline(pandas):
    compose, pipeline = pytest.importorskip("sklearn.compose"), pytest.importorskip("sklearn.pipeline")
    import sklearn.preprocessing
    from sklearn.impute import SimpleImputer as TheirImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    random = np.random.default_rng(20)
    frame = pandas.DataFrame({
        "price": np.exp(random.standard_normal(120)), "colour": random.choice(["red", "blue", None], size=120),
        "n": random.integers(5, size=120) * 1.0,
    })
    frame.loc[::9, "n"] = np.nan
    y = (frame.price > 1).astype(int)

    def made(imputer, encoder, scaler):
        numeric = pipeline.make_pipeline(imputer(strategy="median", add_indicator=True), scaler())
        words_ = pipeline.make_pipeline(imputer(strategy="most_frequent"), encoder(handle_unknown="ignore", sparse_output=False))
        return compose.ColumnTransformer([("numbers", numeric, ["price", "n"]), ("words", words_, ["colour"])])

    ours = made(P.SimpleImputer, P.OneHotEncoder, P.StandardScaler)
    theirs = made(TheirImputer, sklearn.preprocessing.OneHotEncoder, sklearn.preprocessing.StandardScaler)
    frame["colour"] = frame.colour.astype(object).where(frame.colour.notna(), np.nan)
    close(ours.fit_transform(frame), theirs.fit_transform(frame))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    shown = ours.set_output(transform="pandas").fit_transform(frame)
    assert shown.columns.tolist() == theirs.get_feature_names_out().tolist()
    grid = {"columntransformer__numbers__standardscaler__with_mean": [True, False]}
    search = GridSearchCV(pipeline.make_pipeline(ours, LogisticRegression()), grid, cv=3)
    assert search.fit(frame, y).best_score_ > 0.8


def test_global_output_config(pandas):
    sklearn = pytest.importorskip("sklearn")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=[7, 8])
    with sklearn.config_context(transform_output="pandas"):
        for cls in (P.StandardScaler, P.MinMaxScaler, P.SimpleImputer, P.LogTransformer):
            out = cls().fit_transform(frame)
            assert out.columns.tolist() == ["a", "b"] and out.index.tolist() == [7, 8]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        P.StandardScaler().fit(frame).transform(frame.to_numpy())


def test_examples():
    for name in ("merx.preprocessing", *(f"merx._preprocessing.{part}" for part in ("scalers", "impute", "encoders"))):
        found = doctest.testmod(importlib.import_module(name))
        assert found.attempted > 0 and found.failed == 0, name


def test_imports_only_numpy():
    code = """
import sys, merx.preprocessing as P
P.OneHotEncoder(sparse_output=False).fit_transform([["a"], ["b"]])
P.SimpleImputer().fit_transform([[1.0]]), P.StandardScaler().fit_transform([[1.0]])
print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'scipy', 'pandas'}))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
