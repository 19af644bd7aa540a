"""Writes nearest.json: nearest neighbours by scikit-learn's NearestNeighbors (brute force, float32 vectors widened to float64), inner products by numpy;
and what KNeighborsRegressor and KNeighborsClassifier predict.

    python tests/golden/make_nearest.py      (scikit-learn, numpy)
"""
import json
import os
import platform

import numpy as np
import sklearn
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

SEED = 160309320
rng = np.random.default_rng(SEED)


def case(name, x, queries, k):
    x, queries = (np.round(v, 4).astype(np.float32).astype(np.float64) for v in (x, queries))
    out = dict(name=name, n=len(x), d=x.shape[1], m=len(queries), k=k, x=x.ravel().tolist(), queries=queries.ravel().tolist())
    for metric in ("cosine", "euclidean"):
        distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(x).kneighbors(queries)
        out[metric] = dict(ids=index.ravel().tolist(), scores=(1 - distance if metric == "cosine" else distance).ravel().tolist())
    product = queries @ x.T
    index = np.argsort(-product, axis=1, kind="stable")[:, :k]
    out["inner_product"] = dict(ids=index.ravel().tolist(), scores=np.take_along_axis(product, index, 1).ravel().tolist())
    return out


cases = [
    case("normal", rng.normal(size=(150, 12)), rng.normal(size=(9, 12)), 7),
    case("lengths of other sizes", rng.normal(size=(120, 5)) * rng.lognormal(0, 2, size=(120, 1)), rng.normal(size=(6, 5)), 5),
    case("away from zero", rng.normal(size=(100, 8)) + 50, rng.normal(size=(5, 8)) + 50, 6),
    case("one column", rng.normal(size=(40, 1)) + 3, rng.normal(size=(4, 1)) + 3, 3),
]
for c in cases:
    if c["d"] == 1:
        del c["cosine"]  # all equal
def model(name, metric, votes, k):
    x, rows = (np.round(rng.normal(size=(n, 6)), 4).astype(np.float32).astype(np.float64) for n in (90, 12))
    rows[0] = x[3]  # at distance 0
    y = np.round(x[:, 0] + 0.5 * x[:, 1] ** 2 + 0.2 * rng.normal(size=len(x)), 4)
    labels = np.digitize(y, [0.0, 0.8])
    options = dict(n_neighbors=k, algorithm="brute", metric=metric, weights="distance" if votes == "distance" else "uniform")
    value = KNeighborsRegressor(**options).fit(x, y).predict(rows)
    shares = KNeighborsClassifier(**options).fit(x, labels).predict_proba(rows)
    return dict(name=name, similarity=metric, votes=votes, k=k, d=6, x=x.ravel().tolist(), rows=rows.ravel().tolist(), y=y.tolist(), labels=labels.tolist(),
                values=value.tolist(), shares=shares.ravel().tolist())


models = [model("equal votes", "euclidean", "equal", 7), model("votes by distance", "euclidean", "distance", 5), model("by angle", "cosine", "equal", 9),
          model("one neighbour", "euclidean", "equal", 1), model("more neighbours than rows", "euclidean", "equal", 90)]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_nearest.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
        models=models,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nearest.json"), "w"),
)
