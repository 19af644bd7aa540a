"""Writes inspect.json: partial dependence, permutation importance and calibration from scikit-learn.

    python tests/golden/make_inspect.py      (scikit-learn, numpy)
"""
import json
import os
import platform

import numpy as np
import scipy
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import brier_score_loss

SEED = 4107
rng = np.random.default_rng(SEED)
n = 240
x = np.c_[rng.normal(size=n), rng.exponential(size=n), rng.integers(0, 4, n)].astype(float)
x[:, 1] += 0.4 * x[:, 0]  # columns that move together
y = 2 + 1.5 * x[:, 0] - 0.7 * x[:, 1] + 0.9 * x[:, 2] + rng.normal(size=n)
labels = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.4 + 1.2 * x[:, 0] - 0.6 * x[:, 1] + 0.3 * x[:, 2])))).astype(int)

linear = LinearRegression().fit(x, y)
logistic = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(x, labels)


def dependence(model, column, points, low, high):
    made = partial_dependence(model, x, [column], percentiles=(low, high), grid_resolution=points, kind="both", method="brute",
                              response_method="predict_proba" if model is logistic else "auto")
    return dict(column=column, points=points, low=low, high=high, grid=made["grid_values"][0].tolist(), average=made["average"][0].tolist(),
                individual=made["individual"][0][:5].ravel().tolist())


def importance(model, target, scoring):
    made = permutation_importance(model, x, target, n_repeats=1000, random_state=7, scoring=scoring)
    return dict(mean=made.importances_mean.tolist(), deviation=made.importances_std.tolist())


p = logistic.predict_proba(x)[:, 1]


def calibration(bins, strategy):
    observed, predicted = calibration_curve(labels, p, n_bins=bins, strategy=strategy)
    return dict(bins=bins, uniform=strategy == "uniform", observed=observed.tolist(), predicted=predicted.tolist())


out = dict(
    provenance=dict(script="tests/golden/make_inspect.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, scipy=scipy.__version__,
                    sklearn=sklearn.__version__),
    x=x.ravel().tolist(), y=y.tolist(), labels=labels.tolist(),
    linear=dict(dependence=[dependence(linear, 0, 20, 0.05, 0.95), dependence(linear, 1, 7, 0.0, 1.0), dependence(linear, 2, 10, 0.05, 0.95)],
                r2=importance(linear, y, "r2"), mae=importance(linear, y, "neg_mean_absolute_error")),
    logistic=dict(dependence=[dependence(logistic, 0, 15, 0.1, 0.8), dependence(logistic, 2, 10, 0.05, 0.95)],
                  auc=importance(logistic, labels, "roc_auc"), brier=importance(logistic, labels, "neg_brier_score"),
                  calibration=[calibration(10, "quantile"), calibration(8, "uniform"), calibration(3, "quantile")],
                  brier_score=float(brier_score_loss(labels, p))),
)
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "inspect.json"), "w"))
