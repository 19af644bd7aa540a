"""The Python package's half of python-overhead, and how long its import takes.

    merx_python.py fit FOLDER N D                   the worker: LinearRegression().fit(x, y) of linear.py's data
    merx_python.py predict FOLDER FAMILY N D K      the worker: "go COUNT" predicts COUNT rows, one at a time
    merx_python.py import MODULE                    prints {"ms": …, "sklearn": …}: the import beyond NumPy's own
"""
import json
import sys
import time
from pathlib import Path

import numpy as np


def fit(folder, n, d):
    import worker
    from merx.linear_model import LinearRegression

    x = np.fromfile(folder / "x", np.float64).reshape(n, d)
    y = np.fromfile(folder / "y", np.float64)
    worker.serve(lambda _: LinearRegression().fit(x, y), lambda model, _: {"rank": model.rank_}, versions=("numpy",), rows=n)


def predict(folder, family, n, d, k):
    import worker
    from merx.cluster import KMeans
    from merx.linear_model import LinearRegression, LogisticRegression

    x = np.fromfile(folder / "x", np.float64).reshape(n, d)
    if family == "kmeans":
        model = KMeans(k, init=np.loadtxt(folder / "starts.csv", delimiter=",", skiprows=1), n_init=1).fit(x)
    else:
        y = np.fromfile(folder / "y", np.float64)
        model = LinearRegression().fit(x, y) if family == "linear" else LogisticRegression().fit(x, y.astype(int))
    rows = [np.ascontiguousarray(x[i : i + 1]) for i in range(min(n, 1000))]

    def go(words):
        predict_one, at = model.predict, 0
        for _ in range(int(words[0])):
            predict_one(rows[at])
            at = at + 1 if at + 1 < len(rows) else 0

    worker.serve(go, versions=("numpy",), rows=n)


def measure_import(module):
    began = time.perf_counter()
    __import__(module)
    ms = (time.perf_counter() - began) * 1000
    print(json.dumps({"ms": ms, "sklearn": "sklearn" in sys.modules}))


def main(words):
    if words[0] == "import":
        measure_import(words[1])
    elif words[0] == "fit":
        fit(Path(words[1]), *map(int, words[2:4]))
    else:
        predict(Path(words[1]), words[2], *map(int, words[3:6]))


if __name__ == "__main__":
    main(sys.argv[1:])
