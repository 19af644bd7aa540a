"""merx's estimators inside scikit-learn's tools."""
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone, is_classifier, is_clusterer, is_regressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from merx.additive import AdditiveClassifier  # noqa: E402
from merx.cluster import KMeans  # noqa: E402
from merx.linear_model import LinearRegression, LogisticRegression, Ridge  # noqa: E402


def test_pipeline_and_grid_search(rng):
    X = rng.normal(size=(200, 5)) * [1, 10, 100, 1, 1]
    y = np.where(X[:, 0] + X[:, 1] / 10 > 0, "buys", "leaves")
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1e-4, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"logisticregression__C": 1.0} and search.best_score_ > 0.9
    assert set(search.predict(X)) == {"buys", "leaves"}


def test_cross_validation_and_search_in_parallel(rng):
    X = rng.normal(size=(120, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=120) * 0.1
    assert cross_val_score(LinearRegression(), X, y, cv=4).min() > 0.95
    found = GridSearchCV(Ridge(), {"alpha": [0.1, 1000.0]}, n_jobs=2, cv=3).fit(X, y)
    assert found.best_params_ == {"alpha": 0.1}


def test_clone_and_kinds(rng):
    model = LogisticRegression(C=3.0).fit(rng.normal(size=(20, 2)), [0, 1] * 10)
    copy = clone(model)
    assert copy.C == 3.0 and not hasattr(copy, "coef_")
    assert is_classifier(model) and is_regressor(Ridge()) and is_clusterer(KMeans()) and is_classifier(AdditiveClassifier())


def test_clusters_as_features(rng):
    X = rng.normal(size=(150, 4))
    y = (X[:, 0] > 0).astype(int)
    pipe = make_pipeline(KMeans(8, random_state=0), LogisticRegression()).fit(X, y)
    assert pipe.score(X, y) > 0.7
    frame = KMeans(3).set_output(transform="pandas").fit(X).transform(X)
    assert list(frame.columns) == ["kmeans0", "kmeans1", "kmeans2"]


def test_not_fitted_is_scikit_learns():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        LinearRegression().predict([[1.0]])
