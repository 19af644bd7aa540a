"""scikit-learn's half of kmeans-fit, and the data of both sides.

    kmeans.py data FOLDER N D K blobs|noise SEED             writes x.float64, x.float32 (the same rows rounded) and for each K of its rows as starts
    kmeans.py fit FOLDER N D K ITERATIONS float64|float32 lloyd|elkan     the worker
    kmeans.py exact (as fit)                                 the same rows widened to float64, once: {"objective"}

The objective is the inertia of the centroids, measured in double over the rows as they are: what scikit-learn reports for float32 is summed in float.
"""
import sys
import warnings
from pathlib import Path

import numpy as np
import worker


def write(folder, n, d, k, kind, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if kind == "blobs":
        x += rng.normal(scale=3, size=(k, d))[rng.integers(0, k, n)]
    rows = rng.choice(n, k, replace=False)
    for dtype in (np.float64, np.float32):
        name = np.dtype(dtype).name
        rounded = np.ascontiguousarray(x, dtype)
        rounded.tofile(folder / f"x.{name}")
        rounded[rows].astype(np.float64).tofile(folder / f"starts.{name}")


def inertia(x, centres):
    centres = centres.astype(np.float64)
    total = 0.0
    for begin in range(0, len(x), 50_000):
        part = x[begin:begin + 50_000].astype(np.float64)
        squared = (part * part).sum(1)[:, None] - 2 * part @ centres.T + (centres * centres).sum(1)
        nearest = squared.argmin(1)
        total += float(((part - centres[nearest]) ** 2).sum())
    return total


def fit(folder, n, d, k, iterations, dtype, algorithm, exact=False):
    from sklearn.cluster import KMeans
    warnings.filterwarnings("ignore")
    wide = np.float64 if exact else dtype
    x = np.fromfile(folder / f"x.{dtype}", dtype).reshape(n, d).astype(wide, copy=False)
    starts = np.fromfile(folder / f"starts.{dtype}", np.float64).astype(wide).reshape(k, d)

    def go(_):
        return KMeans(k, init=starts, n_init=1, max_iter=iterations, tol=0, algorithm=algorithm, copy_x=False).fit(x)

    def check(model, _):
        return {"objective": inertia(x, model.cluster_centers_), "iterations": int(model.n_iter_)}

    if exact:
        worker.say(check(go(None), None))
        return
    worker.serve(go, check, versions=("scikit-learn", "numpy"), rows=n)


if __name__ == "__main__":
    where, numbers = Path(sys.argv[2]), [int(word) for word in sys.argv[3:6]]
    if sys.argv[1] == "data":
        write(where, *numbers, sys.argv[6], int(sys.argv[7]))
    else:
        fit(where, *numbers, int(sys.argv[6]), sys.argv[7], sys.argv[8], sys.argv[1] == "exact")
