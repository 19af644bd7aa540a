"""Linear models: closed forms, scikit-learn beside them, weights, targets, signatures."""
import inspect

import numpy as np
import pytest

from merx.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge


def lstsq(X, y, weights=None):
    A = np.column_stack([X, np.ones(len(X))])
    root = np.sqrt(np.ones(len(X)) if weights is None else weights)
    return np.linalg.lstsq(A * root[:, None], y * root, rcond=None)[0]


def test_least_squares_is_the_closed_form(rng):
    X, y, w = rng.normal(size=(300, 6)), rng.normal(size=300), rng.uniform(0, 3, 300)
    w[:20] = 0
    model = LinearRegression().fit(X, y, sample_weight=w)
    expected = lstsq(X, y, w)
    np.testing.assert_allclose(model.coef_, expected[:-1], rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, expected[-1], rtol=1e-9)
    np.testing.assert_allclose(model.predict(X), X @ expected[:-1] + expected[-1], rtol=1e-9)
    assert model.rank_ == 6 and model.n_features_in_ == 6


def test_more_columns_than_rows_is_the_shortest_solution(rng):
    X, y = rng.normal(size=(8, 20)), rng.normal(size=8)
    model = LinearRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, np.linalg.pinv(X) @ y, rtol=1e-8, atol=1e-12)


def test_several_targets_are_several_fits(rng):
    X, Y = rng.normal(size=(60, 4)), rng.normal(size=(60, 3))
    model = LinearRegression().fit(X, Y)
    assert model.coef_.shape == (3, 4) and model.intercept_.shape == (3,) and model.predict(X).shape == (60, 3)
    for t in range(3):
        np.testing.assert_array_equal(model.coef_[t], LinearRegression().fit(X, Y[:, t]).coef_)


def test_positive_coefficients(rng):
    X = rng.normal(size=(200, 5))
    y = X @ [1.0, -2.0, 3.0, 0.0, 0.5] + rng.normal(size=200) * 0.1
    model = LinearRegression(positive=True).fit(X, y)
    assert (model.coef_ >= 0).all() and model.coef_[1] == 0
    others = LinearRegression().fit(X[:, [0, 2, 3, 4]][:, model.coef_[[0, 2, 3, 4]] > 0], y)
    np.testing.assert_allclose(model.coef_[model.coef_ > 0], others.coef_, rtol=1e-4)


def test_ridge_is_the_closed_form(rng):
    X, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    centered = X - X.mean(axis=0)
    expected = np.linalg.solve(centered.T @ centered + 3 * np.eye(5), centered.T @ (y - y.mean()))
    np.testing.assert_allclose(Ridge(alpha=3.0).fit(X, y).coef_, expected, rtol=1e-10)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_elastic_net_meets_its_conditions(rng, ratio):
    X = rng.normal(size=(120, 8))
    y = X[:, :2] @ [3.0, -2.0] + rng.normal(size=120)
    model = (ElasticNet(0.2, l1_ratio=ratio, tol=1e-10) if ratio < 1 else Lasso(0.2, tol=1e-10)).fit(X, y)
    slope = -X.T @ (y - model.predict(X)) / len(y) + 0.2 * (1 - ratio) * model.coef_
    zero = model.coef_ == 0
    assert zero.any() and not zero.all()
    np.testing.assert_allclose(slope[~zero], -0.2 * ratio * np.sign(model.coef_[~zero]), atol=1e-5)
    assert (abs(slope[zero]) <= 0.2 * ratio + 1e-6).all()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_logistic_gradient_is_zero(rng, classes, intercept):
    X = rng.normal(size=(200, 4)) + 1
    y = rng.integers(0, classes, 200)
    w = rng.uniform(0.5, 2, 200)
    model = LogisticRegression(C=0.7, fit_intercept=intercept, tol=1e-10).fit(X, y, sample_weight=w)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    if classes == 2:
        slope = X.T @ (w * (p[:, 1] - y)) + model.coef_[0] / 0.7
    else:
        slope = ((p - np.eye(classes)[y]) * w[:, None]).T @ X + model.coef_ / 0.7
    np.testing.assert_allclose(slope, 0, atol=1e-3)
    assert (model.intercept_ == 0).all() != intercept


def test_logistic_classes_of_every_kind(rng):
    X = rng.normal(size=(90, 2))
    for names in (["no", "yes", "zebra"], [-3, 5, 70], [1.0, 2.0, 3.0]):
        y = np.asarray(names)[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]
        model = LogisticRegression().fit(X, y)
        np.testing.assert_array_equal(model.classes_, np.unique(y))
        assert set(model.predict(X)) <= set(names) and model.score(X, y) > 0.7
    y = X[:, 0] > 0
    assert LogisticRegression().fit(X, y).predict(X).dtype == bool


def test_class_weights(rng):
    X, y = rng.normal(size=(150, 3)), (rng.uniform(size=150) < 0.2).astype(int)
    weights = np.where(y == 1, 4.0, 0.5)
    a = LogisticRegression(class_weight={0: 0.5, 1: 4.0}).fit(X, y)
    b = LogisticRegression().fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-7)
    balanced = LogisticRegression(class_weight="balanced").fit(X, y)
    share = np.bincount(y) / 150
    np.testing.assert_allclose(balanced.coef_, LogisticRegression().fit(X, y, 0.5 / share[y]).coef_, rtol=1e-7)


def test_separated_classes_without_a_penalty_are_told():
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    with pytest.warns(RuntimeWarning if "sklearn" not in __import__("sys").modules else Warning, match="separate"):
        model = LogisticRegression(C=np.inf).fit(X, y)
    assert np.isfinite(model.coef_).all() and model.score(X, y) == 1


def test_explanations_add_up(rng):
    X = rng.normal(size=(100, 4))
    y = X @ [1.0, 2.0, 0.0, -1.0] + 5
    model = LinearRegression().fit(X, y)
    why = model.explain(X, row=3)
    assert why.score == pytest.approx(model.predict(X)[3])
    assert why.base + sum(c.contribution for c in why.contributions) == pytest.approx(why.score, rel=1e-6)
    labels = np.where(y > 5, "high", "low")
    classifier = LogisticRegression().fit(X, labels)
    for name in ("high", "low"):
        why = classifier.explain(X, row=1, output=name)
        assert why.output == name and why.base + sum(c.contribution for c in why.contributions) == pytest.approx(why.score, rel=1e-6)
    assert "score" in str(why) and "<table>" in why._repr_html_()
    with pytest.raises(ValueError, match="none of the classes"):
        classifier.explain(X, output="middle")


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "ElasticNet", "Lasso", "LogisticRegression"])
def test_signatures_and_fits_are_scikit_learns(rng, name):
    theirs = pytest.importorskip("sklearn.linear_model")
    ours, peer = globals()[name], getattr(theirs, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(peer))
    X, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    if name == "LogisticRegression":
        y = (y > 0).astype(int)
    a, b = ours().fit(X, y), peer(**({"tol": 1e-10} if name != "LinearRegression" else {})).fit(X, y)
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=1e-3, atol=1e-4)


def test_real_data_same_coefficients(real_data):
    """diamonds: the numbers' columns, beside scikit-learn."""
    theirs = pytest.importorskip("sklearn.linear_model")
    pandas = pytest.importorskip("pandas")
    files = sorted((real_data / "diamonds").glob("*.csv*"))
    frame = pandas.read_csv(files[0])
    X, y = frame[["carat", "depth", "table", "x", "y", "z"]], frame["price"]
    ours, peer = LinearRegression().fit(X, y), theirs.LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-7)
    assert list(ours.feature_names_in_) == list(X.columns) and ours.score(X, y) == pytest.approx(peer.score(X, y))
