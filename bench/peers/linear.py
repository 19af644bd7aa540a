"""scikit-learn's half of linear-fit and predict-one, and the data of both sides.

    linear.py data FOLDER N D SEED                                    writes x, y
    linear.py fit FOLDER N D ordinary|ridge|intelex                   the worker: LinearRegression, Ridge(solver="cholesky"), scikit-learn-intelex's LinearRegression
    linear.py data-one FOLDER linear|logistic|kmeans N D K SEED       writes x and y, or starts.csv
    linear.py predict FOLDER linear|logistic|kmeans N D K             the worker: "go COUNT" predicts COUNT rows, one at a time
"""
import sys
import warnings
from pathlib import Path

import numpy as np
import worker

ANSWERS = 200


def write(folder, n, d, seed):
    """Columns of different means and spreads, each a little like its neighbour."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    x[:, 1:] += 0.5 * x[:, :-1]
    x *= rng.uniform(0.5, 2, d)
    x += rng.uniform(-3, 3, d)
    y = x @ rng.normal(size=d) + 2 + 3 * rng.normal(size=n)
    x.tofile(folder / "x")
    y.tofile(folder / "y")


def read(folder, n, d):
    return np.fromfile(folder / "x", np.float64).reshape(n, d), np.fromfile(folder / "y", np.float64)


def fit(folder, n, d, kind):
    from sklearn.linear_model import LinearRegression, Ridge
    x, y = read(folder, n, d)
    package = "scikit-learn"
    if kind == "intelex":
        from sklearnex.linear_model import LinearRegression
        package = "scikit-learn-intelex"

    def go(_):
        return (Ridge(solver="cholesky") if kind == "ridge" else LinearRegression()).fit(x, y)

    def check(model, _):
        total = float(np.sum(model.coef_**2)) if kind == "ridge" else 0.0
        for begin in range(0, n, 100_000):
            part = slice(begin, begin + 100_000)
            total += float(np.sum((y[part] - model.intercept_ - x[part] @ model.coef_) ** 2))
        return {"objective": total}

    worker.serve(go, check, versions=(package, "numpy"), rows=n)


def write_one(folder, family, n, d, k, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if family == "kmeans":
        x += rng.normal(scale=3, size=(k, d))[rng.integers(0, k, n)]
        names = ",".join(f"x{j}" for j in range(d))
        np.savetxt(folder / "starts.csv", x[rng.choice(n, k, replace=False)], delimiter=",", header=names, comments="", fmt="%.17g")
    else:
        y = x @ rng.normal(size=d) + 0.5 * rng.normal(size=n)
        (y if family == "linear" else (y > 0).astype(np.float64)).tofile(folder / "y")
    x.tofile(folder / "x")


def predict(folder, family, n, d, k):
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LinearRegression, LogisticRegression
    warnings.filterwarnings("ignore")
    x = np.fromfile(folder / "x", np.float64).reshape(n, d)
    if family == "kmeans":
        starts = np.loadtxt(folder / "starts.csv", delimiter=",", skiprows=1)
        model = KMeans(k, init=starts, n_init=1, max_iter=300).fit(x)
    else:
        y = np.fromfile(folder / "y", np.float64)
        model = LinearRegression().fit(x, y) if family == "linear" else LogisticRegression(tol=1e-8).fit(x, y.astype(int))
    rows = [np.ascontiguousarray(x[i:i + 1]) for i in range(min(n, 1000))]

    def go(words):
        for i in range(int(words[0])):
            model.predict(rows[i % len(rows)])
        return int(words[0])

    def check(calls, _):
        return {"calls": calls}

    worker.serve(go, check, versions=("scikit-learn", "numpy"), answers=[float(model.predict(row)[0]) for row in rows[:ANSWERS]])


if __name__ == "__main__":
    command, where = sys.argv[1], Path(sys.argv[2])
    if command == "data":
        write(where, *(int(word) for word in sys.argv[3:6]))
    elif command == "fit":
        fit(where, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    elif command == "data-one":
        write_one(where, sys.argv[3], *(int(word) for word in sys.argv[4:8]))
    else:
        predict(where, sys.argv[3], *(int(word) for word in sys.argv[4:7]))
