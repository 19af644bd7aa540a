"""Writes logistic.json: binary and multinomial logistic regression by scikit-learn (lbfgs and newton-cholesky to 1e-12), standard
errors by the inverse Hessian in NumPy (float64).

    python tests/golden/make_logistic.py      (scikit-learn, numpy)
"""
import json
import os
import platform
import warnings

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

SEED = 20111
rng = np.random.default_rng(SEED)
warnings.simplefilter("ignore")


def case(name, x, labels, classes, l2, w=None):
    n, d = x.shape
    weights = np.ones(n) if w is None else w
    # scikit-learn is given well-scaled columns of zero mean and the penalty is undone by scaling: only equal units are penalised here.
    model = LogisticRegression(C=1 / l2 if l2 > 0 else np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(x, labels, sample_weight=w)
    b, b0 = model.coef_, model.intercept_
    p = model.predict_proba(x)
    loss = -(weights * np.log(p[np.arange(n), labels])).sum() / weights.sum() + 0.5 * l2 * (b**2).sum() / weights.sum()
    out = dict(name=name, n=n, d=d, classes=classes, l2=l2, x=x.ravel().tolist(), labels=labels.tolist(), loss=loss,
               coefficients=b.ravel().tolist(), intercepts=(b0 - (b0.mean() if classes > 2 else 0)).tolist(), probabilities=p[:5].ravel().tolist())
    if w is not None:
        out["weights"] = w.tolist()
    if classes == 2:
        z = np.column_stack([x, np.ones(n)])
        h = z.T @ ((weights * p[:, 0] * p[:, 1])[:, None] * z)
        h[np.arange(d), np.arange(d)] += l2
        out["standard_errors"] = np.sqrt(np.diag(np.linalg.inv(h))).tolist()
    return out


n, d = 150, 3
x = rng.normal(size=(n, d)) * [1, 2, 0.5] + [0, 1, 3]
two = (x @ [1.0, -0.5, 1.2] - 3 + rng.logistic(size=n) > 0).astype(int)
logits = x @ rng.normal(size=(d, 4)) + [0.5, 0, -0.5, 0]
four = (logits + rng.gumbel(size=(n, 4))).argmax(1)
w = rng.integers(0, 4, n).astype(float)
cases = [
    case("binary", x, two, 2, 0.0),
    case("binary, penalty", x, two, 2, 2.5),
    case("binary, weights", x, two, 2, 0.5, w),
    case("multinomial, penalty", x, four, 4, 1.0),
    case("multinomial, weights", x, four, 4, 4.0, w),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_logistic.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "logistic.json"), "w"),
)
