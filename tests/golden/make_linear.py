"""Writes linear.json: linear and ridge regression by scikit-learn, standard errors by the closed form in NumPy (float64).

    python tests/golden/make_linear.py      (scikit-learn, numpy)
"""
import json
import os
import platform

import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression, Ridge

SEED = 20110
rng = np.random.default_rng(SEED)


def case(name, x, y, w=None, l2=0.0, columns=None, intercept=True, deficient=False):
    """columns: multiplies l2 per column (0 leaves a column free): ridge on x / sqrt(columns) by augmented least squares."""
    n, d = x.shape
    weights = np.ones(n) if w is None else w
    if columns is not None:
        m = np.average(x, axis=0, weights=weights) if intercept else np.zeros(d)
        ym = np.average(y, weights=weights) if intercept else 0.0
        s = np.sqrt(weights)[:, None]
        a = np.vstack([s * (x - m), np.diag(np.sqrt(l2 * columns))])
        b = np.concatenate([s[:, 0] * (y - ym), np.zeros(d)])
        coef = np.linalg.lstsq(a, b, rcond=None)[0]
        b0 = ym - coef @ m if intercept else 0.0
    else:
        model = LinearRegression(fit_intercept=intercept) if l2 == 0 else Ridge(alpha=l2, fit_intercept=intercept, solver="cholesky")
        model.fit(x, y, sample_weight=w)
        coef, b0 = model.coef_, float(model.intercept_)
    out = dict(name=name, n=n, d=d, x=x.ravel().tolist(), y=y.tolist(), l2=l2, intercept=intercept, coefficients=coef.tolist(), b0=b0)
    if w is not None:
        out["weights"] = w.tolist()
    if columns is not None:
        out["l2_per_column"] = columns.tolist()
    residual = y - x @ coef - b0
    mean = np.average(y, weights=weights) if intercept else 0.0
    out["r2"] = 1 - (weights * residual**2).sum() / (weights * (y - mean) ** 2).sum()
    if not deficient:
        # Cov = s2 P^-1 X'WX P^-1, P = X'WX + l2 (intercept free); s2 = sum w e^2 / (n - tr(P^-1 X'WX))
        z = np.column_stack([x, np.ones(n)]) if intercept else x
        g = z.T @ (weights[:, None] * z)
        p = g.copy()
        p[np.arange(d), np.arange(d)] += l2 * (np.ones(d) if columns is None else columns)
        pi = np.linalg.inv(p)
        rows = (weights > 0).sum()
        s2 = (weights * residual**2).sum() / (rows - np.trace(pi @ g))
        out["residual_variance"] = s2
        out["standard_errors"] = np.sqrt(np.diag(s2 * pi @ g @ pi)).tolist()
    return out


n, d = 60, 4
x = rng.normal(size=(n, d)) * [1, 10, 0.01, 3] + [0, 100, 5, -2]
y = x @ [1.5, -0.2, 40, 0.7] + 3 + rng.normal(size=n)
w = rng.integers(0, 4, n).astype(float)
twin = np.column_stack([x[:, :2], x[:, 0], x[:, 3]])
wide = rng.normal(size=(8, 12))
cases = [
    case("ordinary", x, y),
    case("weighted", x, y, w),
    case("without intercept", x, y, intercept=False),
    case("ridge", x, y, l2=3.5),
    case("ridge weighted", x, y, w, l2=20.0),
    case("ridge without intercept", x, y, l2=2.0, intercept=False),
    case("penalty per column", x, y, w, l2=2.0, columns=np.array([1.0, 0.0, 0.5, 10.0])),
    case("ridge, more columns than rows", wide, wide[:, 0] - wide[:, 5] + rng.normal(size=8), l2=1.0),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_linear.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear.json"), "w"),
)
