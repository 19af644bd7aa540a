"""What is given wrongly, or oddly: the exception that scikit-learn's users expect, never a crash."""
import copy
import pickle
import threading
import warnings

import numpy as np
import pytest

import merx
from merx.additive import AdditiveRegressor
from merx.cluster import KMeans
from merx.linear_model import LinearRegression, LogisticRegression
from merx.neighbors import KNeighborsClassifier


def all_models():
    return [LinearRegression(), LogisticRegression(), KMeans(2), KNeighborsClassifier(n_neighbors=2), AdditiveRegressor(bags=1, max_rounds=20)]


def target(model, X):
    return (X[:, 0] > np.median(X[:, 0])).astype(int)


@pytest.fixture(params=all_models(), ids=lambda m: type(m).__name__)
def model(request):
    return copy.deepcopy(request.param)


@pytest.fixture
def data(rng, model):
    X = rng.normal(size=(40, 3))
    return X, target(model, X)


def test_not_fitted(model, data):
    with pytest.raises(merx.NotFittedError, match="not fitted yet"):
        model.predict(data[0])
    with pytest.raises(ValueError):  # as scikit-learn's NotFittedError
        model.predict(data[0])


def test_layouts_give_the_same(model, data):
    X, y = data
    expected = model.fit(X, y).predict(X)
    wide = np.zeros((40, 6))
    wide[:, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    layouts = [np.asfortranarray(X), wide[:, ::2], X[::-1][::-1], read_only, X.tolist(), X.astype(">f8"), X.astype(object)]
    for one in layouts:
        np.testing.assert_array_equal(model.predict(one), expected)
        np.testing.assert_array_equal(copy.deepcopy(model).fit(one, y).predict(X), expected)
    assert (X == data[0]).all()


def test_negative_strides(model, data):
    X, y = data
    forward = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.predict(X[::-1]), forward[::-1])
    np.testing.assert_array_equal(model.predict(X[:, ::-1][:, ::-1]), forward)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(model, data, bad):
    X, y = data
    model.fit(X, y)
    broken = X.copy()
    broken[5, 1] = bad
    if np.isnan(bad) and isinstance(model, AdditiveRegressor):
        assert np.isfinite(model.predict(broken)).all()  # it takes missing values as they are
        return
    word = "NaN" if np.isnan(bad) else "infinity"
    for call in (lambda: model.predict(broken), lambda: model.predict(broken[5:6]), lambda: copy.deepcopy(model).fit(broken, y)):
        with pytest.raises(ValueError, match=word):
            call()


def test_nan_in_target_and_weights(rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    y[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        LinearRegression().fit(X, y)
    y[3] = np.inf
    with pytest.raises(ValueError, match="Input y contains infinity"):
        LinearRegression().fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        LinearRegression().fit(X, X[:, 0], sample_weight=np.full(30, np.nan))
    with pytest.raises(ValueError, match="[Nn]egative"):
        LinearRegression().fit(X, X[:, 0], sample_weight=np.full(30, -1.0))
    with pytest.raises(ValueError, match="1D array or scalar"):
        LinearRegression().fit(X, X[:, 0], sample_weight=np.ones((30, 1)))
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(29,\)"):
        LinearRegression().fit(X, X[:, 0], sample_weight=np.ones(29))


def test_shapes(model, data):
    X, y = data
    model.fit(X, y)
    for one, match in (
        (X[0], "Expected 2D array, got 1D array"), (X[0, 0], "Expected 2D array, got scalar"), (X[None], "dim 3"), (X[:, :2], "expecting 3 features"),
        (X[:0], "0 sample"), (X[:, :0], "0 feature|expecting 3"),
    ):
        with pytest.raises(ValueError, match=match):
            model.predict(one)
    if not isinstance(model, KMeans):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(X, y[:-1])
        with pytest.raises(ValueError, match="requires y to be passed"):
            model.fit(X, None)


def test_kinds(model, data):
    X, y = data
    with pytest.raises(ValueError, match="Complex data"):
        model.fit(X + 0j, y)
    words = X.astype(object)
    words[2, 1] = "red"
    with pytest.raises(ValueError, match="red"):
        model.fit(words, y)
    things = X.astype(object)
    things[2, 1] = {"a": 1}
    with pytest.raises(TypeError):
        model.fit(things, y)


def test_frames(model, data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model.fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        plain = model.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict(frame), plain)
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[["c", "b", "a"]])
    with pytest.raises(ValueError, match="unseen at fit time"):
        model.predict(frame.rename(columns={"a": "z"}))
    mixed = frame.rename(columns={"a": 1})
    with pytest.raises(TypeError, match="Feature names are only supported if all input features have string names"):
        model.fit(mixed, y)
    if not isinstance(model, (AdditiveRegressor, KNeighborsClassifier)):
        with pytest.raises(ValueError, match="'red' .row 0, column 'b': numbers are expected"):
            model.fit(frame.assign(b="red"), y)


def test_frames_with_words_and_dates(rng):
    pandas = pytest.importorskip("pandas")
    n = 400
    frame = pandas.DataFrame({
        "colour": rng.choice(["red", "blue", "green"], n), "size": rng.normal(size=n), "new": rng.uniform(size=n) < 0.5,
        "day": pandas.Timestamp("2026-01-01") + pandas.to_timedelta(rng.integers(0, 300, n), unit="D"),
        "kind": pandas.Categorical(rng.choice(["x", "y"], n)),
    })
    y = np.where(frame["colour"] == "red", 3.0, 0.0) + frame["size"] + np.where(frame["new"], 1.0, 0.0)
    model = AdditiveRegressor(bags=2).fit(frame, y)
    assert model.score(frame, y) > 0.95
    why = model.explain(frame, row=0)
    assert why.base + sum(c.contribution for c in why.contributions) == pytest.approx(why.score, rel=1e-6)
    assert {"colour", "size"} <= {c.name for c in why.contributions}
    missing = frame.copy()
    missing.loc[0, ["size"]] = np.nan
    missing.loc[1, ["colour"]] = None
    assert np.isfinite(model.predict(missing)).all()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="frame"):
        model.predict(np.zeros((3, 5)))


def test_sparse_is_taken_where_the_model_allows(data, model):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = data
    if isinstance(model, (AdditiveRegressor, KNeighborsClassifier)):
        with pytest.raises(TypeError, match="dense data is required"):
            model.fit(sparse.csr_array(X), y)
        return
    expected = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(sparse.csr_array(X), y).predict(sparse.csc_array(X)), expected)


def test_parameters_are_looked_at(rng):
    X, y = rng.normal(size=(20, 2)), rng.integers(0, 2, 20)
    for made, match in (
        (LogisticRegression(C=-1), "The 'C' parameter of LogisticRegression must be a float in the range"), (LogisticRegression(solver="magic"), "solver"),
        (KMeans("two"), "n_clusters"), (KMeans(2, tol=-1.0), "tol"), (KMeans(2, random_state="x"), "random_state"),
        (KNeighborsClassifier(n_neighbors=0), "n_neighbors"), (KNeighborsClassifier(weights="odd"), "weights"),
        (AdditiveRegressor(learning_rate=-3.0), "learning_rate"),
    ):
        with pytest.raises(ValueError, match=match):
            made.fit(X, y)
    with pytest.raises(TypeError, match="unexpected keyword"):
        KNeighborsClassifier(neighbors=3)
    with pytest.raises(ValueError, match="Invalid parameter 'D' for estimator"):
        LogisticRegression().set_params(D=1)


def test_a_failed_fit_keeps_the_old_state(rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    model = LinearRegression().fit(X, y)
    before = model.predict(X)
    bad = X.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError):
        model.fit(bad, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_pickles_are_data(model, data):
    X, y = data
    model.fit(X, y)
    text = pickle.dumps(model)
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.get_params() == model.get_params()
    broken = bytearray(text)
    at = broken.find(b'"__metadata__"')
    assert at > 0  # the model's own file is inside
    broken[at + 60] ^= 0x55
    with pytest.raises((ValueError, merx.Error, pickle.UnpicklingError, EOFError, UnicodeDecodeError)):
        pickle.loads(bytes(broken))


def test_many_threads_predict(model, data):
    X, y = data
    model.fit(X, y)
    big = np.tile(X, (200, 1))
    expected, wrong = model.predict(big), []

    def work():
        for _ in range(10):
            if not (model.predict(big) == expected).all() or not (model.predict(big[:1]) == expected[:1]).all():
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert not wrong


def test_the_target_is_called_what_the_series_is(rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rng.normal(size=(60, 2)), columns=["price", "size"])
    y = pandas.Series(frame["size"] * 2, name="price")  # a column of the same name is no obstacle
    for model in (LinearRegression(), AdditiveRegressor(bags=1, max_rounds=20)):
        assert model.fit(frame[["size"]], y).explain(frame[["size"]]).output == "price"
        assert model.fit(frame, y).explain(frame).output == "price_"


def test_nullable_numbers(rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": rng.normal(size=40), "b": pandas.array(list(range(40)), dtype="Int64")})
    y = frame["a"] * 2 + 1
    model = LinearRegression().fit(frame, y)
    np.testing.assert_allclose(model.coef_, [2, 0], atol=1e-9)
    frame.loc[3, "b"] = pandas.NA
    with pytest.raises(ValueError, match="NaN"):
        model.predict(frame)
    assert np.isfinite(AdditiveRegressor(bags=1, max_rounds=20).fit(frame, y).predict(frame)).all()
