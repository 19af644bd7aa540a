"""Writes metrics.json: metrics from scikit-learn, and folds of GroupKFold.

    python tests/golden/make_metrics.py      (scikit-learn, numpy)
"""
import json
import os
import platform

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.model_selection import GroupKFold

SEED = 20102
rng = np.random.default_rng(SEED)
y = rng.normal(size=50) * 3 + 10
p = y + rng.normal(size=50)
labels = rng.integers(0, 2, 80)
scores = np.round(rng.normal(size=80) + labels, 1)  # with ties
classes = rng.integers(0, 4, 60)
proba = rng.dirichlet(np.ones(4), 60)
proba[0] = np.eye(4)[(classes[0] + 1) % 4]  # probability 0 for the truth
chosen = proba.argmax(1)
x = np.concatenate([rng.normal(size=(30, 3)), rng.normal(size=(40, 3)) + 3, rng.normal(size=(1, 3)) + 20])
clusters = np.array([0] * 30 + [1] * 40 + [2])
a, b = rng.integers(0, 4, 70), rng.integers(0, 3, 70)
relevance = [dict(ranked=[3, 1, 7, 2, 9], relevant=[1, 2, 4], k=5)]
gains = np.array([[0, 1, 0, 1, 0]])
groups = rng.integers(0, 9, 64)
folds = np.zeros(64, int)
for k, (_, test) in enumerate(GroupKFold(4).split(np.zeros(64), groups=groups)):
    folds[test] = k
out = dict(
    provenance=dict(script="tests/golden/make_metrics.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
    regression=dict(y=y.tolist(), p=p.tolist(), mae=float(m.mean_absolute_error(y, p)), rmse=float(m.root_mean_squared_error(y, p)),
                    r2=float(m.r2_score(y, p)), wape=float(np.abs(y - p).sum() / np.abs(y).sum()), mape=float(m.mean_absolute_percentage_error(y, p))),
    binary=dict(labels=labels.tolist(), scores=scores.tolist(), auc=float(m.roc_auc_score(labels, scores)),
                average_precision=float(m.average_precision_score(labels, scores))),
    multi=dict(labels=classes.tolist(), probabilities=proba.ravel().tolist(), chosen=chosen.tolist(), log_loss=float(m.log_loss(classes, proba)),
               accuracy=float(m.accuracy_score(classes, chosen)), f1=float(m.f1_score(classes, chosen, average="macro"))),
    silhouette=dict(x=x.ravel().tolist(), labels=clusters.tolist(), value=float(m.silhouette_score(x, clusters))),
    rand=dict(a=a.tolist(), b=b.tolist(), value=float(m.adjusted_rand_score(a, b))),
    groups=dict(groups=groups.tolist(), folds=folds.tolist()),
)
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w"))
