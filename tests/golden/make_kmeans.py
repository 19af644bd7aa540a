"""Writes kmeans.json: Lloyd's k-means by scikit-learn from given starts (float64).

    python tests/golden/make_kmeans.py      (scikit-learn, numpy)
"""
import json
import os
import platform

import numpy as np
import sklearn
from sklearn.cluster import KMeans

SEED = 20112
rng = np.random.default_rng(SEED)


def case(name, x, start, w=None, tol=0.0, max_iter=300):
    model = KMeans(len(start), init=start, n_init=1, tol=tol, max_iter=max_iter, algorithm="lloyd").fit(x, sample_weight=w)
    out = dict(name=name, n=len(x), d=x.shape[1], k=len(start), tolerance=tol, max_iterations=max_iter, x=x.ravel().tolist(), start=start.ravel().tolist(),
               centroids=model.cluster_centers_.ravel().tolist(), labels=model.labels_.tolist(), inertia=float(model.inertia_))
    if w is not None:
        out["weights"] = w.tolist()
    return out


x = np.concatenate([rng.normal(size=(40, 3)) + c for c in ([0, 0, 0], [3, 0, 1], [0, 4, -2], [2, 2, 2])])
w = rng.integers(1, 5, len(x)).astype(float)
far = np.vstack([x[:3], [[100.0, 100.0, 100.0]]])
cases = [
    case("given starts", x, x[:4]),
    case("weights", x, x[10:15], w),
    case("tolerance", x, x[:6], tol=1e-2),
    case("two iterations", x, x[:4], max_iter=2),
    case("an empty cluster takes the farthest row", x, far),
    case("one cluster", x, x[:1]),
]
wide = rng.normal(size=(150, 5)) * [1, 10, 0.1, 1, 0] + [0, 1000, 0, -5, 3]  # columns of other ranges, far from 0, one constant
line = np.sort(rng.normal(size=(90, 1)), axis=0)
single = rng.normal(size=(120, 4)).astype(np.float32).astype(float)
cases += [
    case("columns of other ranges", wide, wide[[3, 50, 90, 91, 92, 140]]),
    case("one column", line, line[::9]),
    case("as many clusters as rows", line[:12], line[:12]),
    case("numbers of float32", single, single[5:17], max_iter=40),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_kmeans.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, sklearn=sklearn.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kmeans.json"), "w"),
)
