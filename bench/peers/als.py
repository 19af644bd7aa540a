"""implicit's half of als-fit: its CPU solver with conjugate gradients (three steps), float32, two threads, BLAS on one as it advises.

    als.py fit FOLDER FACTORS L2 ALPHA ITERATIONS     the worker; "seconds" are those of an iteration, as implicit reports them to its callback
    als.py loss FOLDER FACTORS L2 ALPHA               the loss of FOLDER/users.f32 and items.f32, as a JSON object
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import worker


def matrix(folder):
    starts = np.fromfile(Path(folder) / "starts.i64", np.int64)
    indices = np.fromfile(Path(folder) / "indices.i32", np.int32)
    return sp.csr_matrix((np.ones(len(indices), np.float32), indices, starts.astype(np.int32)), shape=(len(starts) - 1, int(indices.max()) + 1))


def loss(ratings, x, y, l2, alpha):
    """sum_ui c (p - x.y)^2 + l2 (|x|^2 + |y|^2) in double: all pairs by the products of the factors, then what the positives change."""
    x64, y64 = x.astype(np.float64), y.astype(np.float64)
    total = float(np.sum((x64.T @ x64) * (y64.T @ y64))) + l2 * (float(np.sum(x64 * x64)) + float(np.sum(y64 * y64)))
    rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    for begin in range(0, len(rows), 1 << 18):
        part = slice(begin, begin + (1 << 18))
        dots = np.einsum("ij,ij->i", x64[rows[part]], y64[ratings.indices[part]])
        total += float(np.sum((1 + alpha) * (1 - dots) ** 2 - dots**2))
    return total


def fit(folder, factors, l2, alpha, iterations):
    import implicit
    import threadpoolctl
    threads = int(__import__("os").environ.get("OMP_NUM_THREADS", "2"))
    threadpoolctl.threadpool_limits(1, "blas")
    ratings = matrix(folder)
    # implicit reads a value as the confidence of a positive: 1 + alpha here
    state = {}

    def go(words):
        model = implicit.als.AlternatingLeastSquares(factors=factors, regularization=l2, alpha=1 + alpha, iterations=iterations, use_cg=True, use_gpu=False,
                                                     dtype=np.float32, num_threads=threads, random_state=1)
        times = []
        model.fit(ratings, show_progress=False, callback=lambda iteration, seconds, _: times.append(seconds))
        state["times"] = times
        return model

    def check(model, words):
        if words == ["save"]:
            model.user_factors.tofile(Path(folder) / "users.f32")
            model.item_factors.tofile(Path(folder) / "items.f32")
        return {"seconds": float(np.mean(state["times"]))}

    worker.serve(go, check, versions=("implicit", "numpy", "scipy"), users=ratings.shape[0], items=ratings.shape[1], positives=int(ratings.nnz))


if __name__ == "__main__":
    command, where, f, ridge, weight = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
    if command == "fit":
        fit(where, f, ridge, weight, int(sys.argv[6]))
    else:
        users = np.fromfile(Path(where) / "users.f32", np.float32).reshape(-1, f)
        items = np.fromfile(Path(where) / "items.f32", np.float32).reshape(-1, f)
        print(json.dumps({"loss": loss(matrix(where), users, items, ridge, weight)}))
