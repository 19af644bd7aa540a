"""Writes elastic_net.json: elastic net and lasso by scikit-learn, to a duality gap of 1e-14.

    python tests/golden/make_elastic_net.py      (scikit-learn, numpy, scipy)
"""
import json
import os
import platform
import warnings

import numpy as np
import scipy.sparse
import sklearn
from sklearn.linear_model import ElasticNet, ElasticNetCV

warnings.simplefilter("ignore")
SEED = 20260
rng = np.random.default_rng(SEED)


def case(name, x, y, alpha, l1_ratio, w=None, intercept=True, positive=False, sparse=False):
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, fit_intercept=intercept, positive=positive, tol=1e-14, max_iter=1000000)
    model.fit(scipy.sparse.csc_matrix(x) if sparse else x, y, sample_weight=w)
    out = dict(name=name, n=x.shape[0], d=x.shape[1], x=x.ravel().tolist(), y=y.tolist(), alpha=alpha, l1_ratio=l1_ratio, intercept=intercept, positive=positive, sparse=sparse)
    out.update(coefficients=model.coef_.tolist(), b0=float(model.intercept_))
    if w is not None:
        out["weights"] = w.tolist()
    return out


n, d = 60, 8
x = np.round(rng.normal(size=(n, d)) * [1, 10, 0.1, 3, 1, 1, 2, 1] + [0, 100, 5, -2, 0, 1, 0, 0], 6)
x[:, 5] = np.round(x[:, 0] + 0.1 * x[:, 5], 6)
y = np.round(x @ [1.5, -0.2, 4, 0.7, 0, 0, -0.5, 0] + 3 + rng.normal(size=n), 6)
w = rng.integers(0, 4, n).astype(float)
wide = np.round(rng.normal(size=(12, 30)), 6)
wide_y = np.round(wide[:, 0] * 2 - wide[:, 5] + 0.1 * rng.normal(size=12), 6)
sparse = np.where(rng.random((80, 10)) < 0.2, np.round(rng.normal(size=(80, 10)) * 8) / 8, 0)  # exact in float
sparse_y = np.round(sparse @ np.arange(10) + rng.normal(size=80), 6)
cases = [
    case("elastic net", x, y, 0.1, 0.5),
    case("lasso", x, y, 0.2, 1.0),
    case("weighted", x, y, 0.1, 0.7, w),
    case("without intercept", x, y, 0.1, 0.5, intercept=False),
    case("positive", x, y, 0.1, 0.5, positive=True),
    case("positive lasso, weighted", x, y, 0.05, 1.0, w, positive=True),
    case("more columns than rows", wide, wide_y, 0.05, 0.9),
    case("all zero", x, y, 1000.0, 1.0),
    case("ridge", x, y, 0.3, 0.0),
    case("sparse", sparse, sparse_y, 0.02, 0.5, sparse=True),
    case("sparse weighted", sparse, sparse_y, 0.02, 0.8, rng.integers(0, 3, 80).astype(float), sparse=True),
]
folds = rng.integers(0, 4, n)
path = ElasticNetCV(l1_ratio=0.5, alphas=20, cv=[(np.where(folds != k)[0], np.where(folds == k)[0]) for k in range(4)], tol=1e-12, max_iter=1000000).fit(x, y)
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_elastic_net.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
        path=dict(alphas=path.alphas_.tolist()),
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "elastic_net.json"), "w"),
)
