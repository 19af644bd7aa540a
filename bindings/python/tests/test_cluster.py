"""KMeans and MiniBatchKMeans: what the objective says, starts, weights, scikit-learn beside them."""
import inspect

import numpy as np
import pytest

from merx.cluster import KMeans, MiniBatchKMeans


def blobs(rng, n=300, k=4, d=3):
    centers = rng.normal(scale=8, size=(k, d))
    truth = rng.integers(0, k, n)
    return centers[truth] + rng.normal(size=(n, d)), truth, centers


@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans])
def test_finds_blobs(rng, cls):
    X, truth, _ = blobs(rng)
    model = cls(4, n_init=5, random_state=1).fit(X)
    assert len({(a, b) for a, b in zip(truth, model.labels_)}) == 4
    np.testing.assert_array_equal(model.labels_, model.predict(X))
    np.testing.assert_array_equal(model.transform(X).argmin(axis=1), model.labels_)
    assert model.inertia_ == pytest.approx(((X - model.cluster_centers_[model.labels_]) ** 2).sum())
    assert model.score(X) == pytest.approx(-model.inertia_)


def test_an_end_is_a_fixed_point(rng):
    X, _, _ = blobs(rng)
    model = KMeans(6, tol=0, random_state=3).fit(X)
    for c in range(6):
        np.testing.assert_allclose(X[model.labels_ == c].mean(axis=0), model.cluster_centers_[c], rtol=1e-9)


def test_given_starts_keep_their_order(rng):
    X, _, centers = blobs(rng)
    model = KMeans(4, init=centers).fit(X)
    assert (np.linalg.norm(model.cluster_centers_ - centers, axis=1) < 1).all()
    by_call = KMeans(4, init=lambda X, k, random_state: centers).fit(X)
    np.testing.assert_array_equal(by_call.cluster_centers_, model.cluster_centers_)
    with pytest.raises(ValueError, match="does not match the number of clusters"):
        KMeans(3, init=centers).fit(X)
    with pytest.raises(ValueError, match="number of features"):
        KMeans(4, init=centers[:, :2]).fit(X)


def test_weights_are_repetitions(rng):
    X, _, centers = blobs(rng, n=80)
    weights = rng.integers(0, 4, 80)
    weighted = KMeans(4, init=centers).fit(X, sample_weight=weights)
    repeated = KMeans(4, init=centers).fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)


def test_partial_fit_ends_near_fit(rng):
    X, truth, centers = blobs(rng, n=2000)
    model = MiniBatchKMeans(4, init=centers)
    for begin in range(0, 2000, 100):
        model.partial_fit(X[begin : begin + 100])
    assert (np.linalg.norm(model.cluster_centers_ - KMeans(4, init=centers).fit(X).cluster_centers_, axis=1) < 0.3).all()
    assert model.n_steps_ == 20 and (model.predict(X[:5]) == model.transform(X[:5]).argmin(axis=1)).all()


def test_fewer_distinct_rows_than_clusters():
    with pytest.warns(Warning, match="Number of distinct clusters"):
        model = KMeans(3).fit([[1.0], [1.0], [2.0], [2.0]])
    assert model.cluster_centers_.shape == (3, 1) and model.inertia_ == 0
    with pytest.raises(ValueError, match=r"n_samples=2 should be >= n_clusters=3"):
        KMeans(3).fit([[1.0], [2.0]])


def test_same_seed_same_bits(rng):
    X, _, _ = blobs(rng)
    a, b = (KMeans(5, init="random", random_state=4).fit(X) for _ in range(2))
    np.testing.assert_array_equal(a.cluster_centers_, b.cluster_centers_)


def test_float32_stays(rng):
    X = blobs(rng)[0].astype(np.float32)
    model = KMeans(4).fit(X)
    assert model.cluster_centers_.dtype == np.float32 and model.transform(X).dtype == np.float32


def test_explanations_add_up(rng):
    X, _, _ = blobs(rng)
    model = KMeans(4).fit(X)
    why = model.explain(X, row=7)
    assert why.base + sum(c.contribution for c in why.contributions) == pytest.approx(why.score, rel=1e-6)
    distances = np.sort(model.transform(X[7:8])[0] ** 2)
    assert why.score == pytest.approx(distances[1] - distances[0], rel=1e-6)


@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans])
def test_signatures_and_ends_are_scikit_learns(rng, cls):
    theirs = getattr(pytest.importorskip("sklearn.cluster"), cls.__name__)
    assert str(inspect.signature(cls)) == str(inspect.signature(theirs))
    X, _, centers = blobs(rng)
    a, b = cls(4, init=centers).fit(X), theirs(4, init=centers, n_init=1).fit(X)
    assert a.inertia_ == pytest.approx(b.inertia_, rel=0.01)
    if cls is KMeans:
        np.testing.assert_array_equal(a.labels_, b.labels_)
        np.testing.assert_allclose(a.cluster_centers_, b.cluster_centers_, rtol=1e-6)
