"""Writes linear.json: linear and ridge regression by scikit-learn, standard errors by the closed form in NumPy (float64), fit statistics by the
formulas of statsmodels' WLS (rows of weight 0 left out) with SciPy's F distribution.

    python tests/golden/make_linear.py      (scikit-learn, numpy, scipy)
"""
import json
import os
import platform

import numpy as np
import scipy.stats
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
    out["deficient"] = deficient
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
        s2 = (weights * residual**2).sum() / (rows - (d + intercept if l2 == 0 else np.trace(pi @ g)))
        out["residual_variance"] = s2
        if l2 == 0:
            k, rss = int(intercept), (weights * residual**2).sum()
            tss = (weights * (y - mean) ** 2).sum()
            f = (tss - rss) / d / s2
            llf = -rows / 2 * (np.log(rss) + 1 + np.log(np.pi / (rows / 2))) + 0.5 * np.log(weights[weights > 0]).sum()
            out["quality"] = dict(f=f, f_p=scipy.stats.f.sf(f, d, rows - d - k), log_likelihood=llf, aic=-2 * llf + 2 * (d + k), bic=-2 * llf + np.log(rows) * (d + k),
                                  adjusted_r2=1 - (1 - out["r2"]) * (rows - k) / (rows - d - k))
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
hot = np.eye(4)[rng.integers(0, 4, 40)]
tall = rng.normal(size=(40, 3)) * [1, 20, 0.3] + [0, 5, 1]
hot_y = hot @ [1, 2, 4, 8] + tall @ [1, -0.1, 2] + rng.normal(size=40)
near = rng.normal(size=(50, 3))
near[:, 2] = near[:, 0] + 1e-5 * near[:, 2]
cases += [
    case("twin columns", twin, y, deficient=True),
    case("twin columns, weighted", twin, y, w, deficient=True),
    case("a column times 7", np.column_stack([tall, tall[:, 0] * 7]), hot_y, deficient=True),
    case("all levels of a category", np.column_stack([hot, tall]), hot_y, deficient=True),
    case("all levels, without intercept", np.column_stack([hot, tall]), hot_y, intercept=False),
    case("a sum of columns, without intercept", np.column_stack([tall, tall.sum(1)]), hot_y, intercept=False, deficient=True),
    case("more columns than rows", wide, wide[:, 0] - wide[:, 5] + rng.normal(size=8), deficient=True),
    case("more columns than rows, weighted", wide, wide[:, 0] - wide[:, 5] + rng.normal(size=8), rng.random(8), deficient=True),
    case("nearly twins", near, near[:, 0] + near[:, 1] + 0.1 * rng.normal(size=50)),
    case("nearly twins, ridge", near, near[:, 0] + near[:, 1] + 0.1 * rng.normal(size=50), l2=1e-9, columns=np.ones(3)),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_linear.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear.json"), "w"),
)
