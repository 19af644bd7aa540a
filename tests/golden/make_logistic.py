"""Writes logistic.json: binary and multinomial logistic regression by scikit-learn (newton-cholesky to 1e-12; saga and lbfgs for l1, elastic net and
wide sparse rows), standard errors by the inverse Hessian in NumPy (several classes: the pseudo-inverse over coefficients that sum to 0 over
classes), and calibration by scikit-learn's sigmoid and isotonic regression (float64).

    python tests/golden/make_logistic.py      (scikit-learn, numpy, scipy)
"""
import json
import os
import platform
import warnings

import numpy as np
import scipy.sparse as sp
import sklearn
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

SEED = 20111
rng = np.random.default_rng(SEED)
warnings.simplefilter("ignore")


def standard_errors(x, w, p, l2, classes):
    """Binary: (d + 1). Several classes: (classes, d + 1), of the symmetric parameters. Intercept last."""
    n, d = x.shape
    z = np.column_stack([x, np.ones(n)])
    e = d + 1
    if classes == 2:
        h = z.T @ ((w * p[:, 0] * p[:, 1])[:, None] * z)
        h[np.arange(d), np.arange(d)] += l2
        return np.sqrt(np.diag(np.linalg.inv(h)))
    h = np.zeros((classes * e, classes * e))
    for c in range(classes):
        for k in range(classes):
            v = w * p[:, c] * ((c == k) - p[:, k])
            h[c * e : (c + 1) * e, k * e : (k + 1) * e] = z.T @ (v[:, None] * z)
        h[c * e + np.arange(d), c * e + np.arange(d)] += l2
    centre = np.kron(np.eye(classes) - 1 / classes, np.eye(e))
    return np.sqrt(np.diag(np.linalg.pinv(centre @ h @ centre, hermitian=True)))


def case(name, x, labels, classes, l2, w=None, l1=0.0, class_weight=None):
    n, d = x.shape
    weights = np.ones(n) if w is None else w
    strength = l1 + l2
    options = dict(C=1 / strength if strength > 0 else np.inf, max_iter=200000, class_weight=class_weight)
    if l1 > 0:
        model = LogisticRegression(l1_ratio=l1 / strength, solver="saga", tol=1e-13, random_state=1, **options)
    elif sp.issparse(x):
        model = LogisticRegression(solver="lbfgs", tol=1e-10, **options)
    else:
        model = LogisticRegression(solver="newton-cholesky", tol=1e-12, **options)
    model.fit(x, labels, sample_weight=w)
    b, b0 = model.coef_, model.intercept_
    p = model.predict_proba(x)
    if class_weight == "balanced":
        values = compute_class_weight("balanced", classes=np.arange(classes), y=labels, sample_weight=w)
    else:
        values = np.ones(classes) if class_weight is None else np.array([class_weight.get(c, 1.0) for c in range(classes)])
    effective = weights * values[labels]
    loss = -(effective * np.log(p[np.arange(n), labels])).sum() + 0.5 * l2 * (b**2).sum() + l1 * np.abs(b).sum()
    out = dict(name=name, n=n, d=d, classes=classes, l2=l2, l1=l1, labels=labels.tolist(), loss=loss / effective.sum(),
               coefficients=np.round(b, 11).ravel().tolist(), intercepts=(b0 - (b0.mean() if classes > 2 else 0)).tolist(), probabilities=p[:5].ravel().tolist())
    if sp.issparse(x):
        out.update(starts=x.indptr.tolist(), indices=x.indices.tolist(), values=x.data.tolist())
    else:
        out["x"] = x.ravel().tolist()
        if l1 == 0:
            out["standard_errors"] = standard_errors(x, effective, p, l2, classes).ravel().tolist()
    if w is not None:
        out["weights"] = w.tolist()
    if class_weight == "balanced":
        out["balanced"] = True
    elif class_weight is not None:
        out["class_weights"] = values.tolist()
    return out


n, d = 150, 3
x = np.round(rng.normal(size=(n, d)) * [1, 2, 0.5] + [0, 1, 3], 3)
two = (x @ [1.0, -0.5, 1.2] - 3 + rng.logistic(size=n) > 0).astype(int)
logits = x @ rng.normal(size=(d, 4)) + [0.5, 0, -0.5, 0]
four = (logits + rng.gumbel(size=(n, 4))).argmax(1)
w = rng.integers(0, 4, n).astype(float)
z = np.round(rng.normal(size=(n, 6)), 3)
z_two = (z @ [1.0, -0.7, 0.3, 0, 0, 0] + rng.logistic(size=n) > 0).astype(int)
z_three = (z[:, :3] * 1.2 + rng.gumbel(size=(n, 3))).argmax(1)


def sparse(rows, columns, share):
    """Values that float32 holds exactly."""
    m = sp.random(rows, columns, share, format="csr", rng=rng, data_rvs=lambda size: rng.integers(1, 9, size) / 4)
    m.sort_indices()
    m.indptr, m.indices = m.indptr.astype(np.int32), m.indices.astype(np.int32)
    return m


few, wide = sparse(120, 8, 0.3), sparse(160, 700, 0.012)
few_y = (few @ rng.normal(size=8) + rng.logistic(size=120) > 0).astype(int)
wide_y = (wide @ rng.normal(size=700) + rng.logistic(size=160) > 0).astype(int)
wide_three = ((wide @ rng.normal(size=(700, 3))) + rng.gumbel(size=(160, 3))).argmax(1)
cases = [
    case("binary", x, two, 2, 0.0),
    case("binary, penalty", x, two, 2, 2.5),
    case("binary, weights", x, two, 2, 0.5, w),
    case("multinomial", z, z_three, 3, 0.0),
    case("multinomial, penalty", x, four, 4, 1.0),
    case("multinomial, weights", x, four, 4, 4.0, w),
    case("binary, l1", z, z_two, 2, 0.0, l1=6.0),
    case("binary, l1, weights", z, z_two, 2, 0.0, w, l1=4.0),
    case("binary, elastic net", z, z_two, 2, 3.0, l1=5.0),
    case("multinomial, l1", z, z_three, 3, 0.0, l1=5.0),
    case("multinomial, elastic net", z, z_three, 3, 2.0, l1=3.0),
    case("binary, balanced", x, two, 2, 1.0, class_weight="balanced"),
    case("binary, balanced, weights", x, two, 2, 1.0, w, class_weight="balanced"),
    case("multinomial, class weights", x, four, 4, 1.0, class_weight={0: 3.0, 2: 0.5}),
    case("sparse", few, few_y, 2, 1.0),
    case("sparse, wide", wide, wide_y, 2, 0.5),
    case("sparse, wide, multinomial", wide, wide_three, 3, 0.5),
    case("sparse, wide, l1", wide, wide_y, 2, 0.0, l1=0.4),
]


def calibration(name, kind, scores, labels, weights):
    if kind == "sigmoid":
        fitted = _SigmoidCalibration().fit(scores, labels, sample_weight=weights)
    else:
        fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights)
    at = np.linspace(scores.min() - 1, scores.max() + 1, 41)
    return dict(name=name, kind=kind, scores=scores.tolist(), labels=labels.tolist(), weights=None if weights is None else weights.tolist(),
                at=at.tolist(), chances=fitted.predict(at).tolist())


scores = np.round(rng.normal(size=200) * 2, 1)  # with ties
happened = (scores * 0.6 - 0.4 + rng.logistic(size=200) > 0).astype(int)
some = rng.integers(0, 4, 200).astype(float)
calibrations = [calibration(f"{kind}{', weights' if v is not None else ''}", kind, scores, happened, v) for kind in ("sigmoid", "isotonic") for v in (None, some)]

json.dump(
    dict(
        provenance=dict(script="tests/golden/make_logistic.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
        calibrations=calibrations,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "logistic.json"), "w"),
)
