"""Writes als.json: implicit ALS from the paper's equations in NumPy (float64) on a small matrix, its loss, and the loss that `implicit`
(exact solver) reaches on the same data with the same options.

    python tests/golden/make_als.py      (implicit, numpy, scipy)
"""
import json
import os
import platform

import implicit
import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares

SEED = 20113
rng = np.random.default_rng(SEED)


def loss(r, x, y, l2, alpha):
    r = r.toarray()
    return float(((1 + alpha * r) * ((r > 0) - x @ y.T) ** 2).sum() + l2 * ((x**2).sum() + (y**2).sum()))


def half(r, y, l2, alpha):
    g = y.T @ y + l2 * np.eye(y.shape[1])
    x = np.zeros((r.shape[0], y.shape[1]))
    for u in range(r.shape[0]):
        items, values = r.indices[r.indptr[u]:r.indptr[u + 1]], r.data[r.indptr[u]:r.indptr[u + 1]]
        z = y[items]
        if len(items):
            x[u] = np.linalg.solve(g + (z.T * (alpha * values)) @ z, z.T @ (1 + alpha * values))
    return x


def case(name, r, f, l2, alpha, iterations):
    start = rng.normal(size=(r.shape[1], f)) * 0.1
    y, t = start, r.T.tocsr()
    for _ in range(iterations):
        x = half(r, y, l2, alpha)
        y = half(t, x, l2, alpha)
    x = half(r, y, l2, alpha)
    best = []
    for seed in range(5):
        confidence = r.copy()
        confidence.data = (1 + alpha * confidence.data).astype(np.float32)
        model = AlternatingLeastSquares(factors=f, regularization=l2, alpha=1.0, iterations=iterations, use_cg=False, use_gpu=False,
                                        dtype=np.float64, num_threads=1, random_state=seed)
        model.fit(confidence, show_progress=False)
        best.append(loss(r, model.user_factors, model.item_factors, l2, alpha))
    return dict(name=name, users=r.shape[0], items=r.shape[1], starts=r.indptr.tolist(), indices=r.indices.tolist(), values=r.data.tolist(), factors=f, l2=l2,
                alpha=alpha, iterations=iterations, start=start.ravel().tolist(), user_factors=x.ravel().tolist(), item_factors=y.ravel().tolist(),
                loss=loss(r, x, y, l2, alpha), implicit_losses=best)


def matrix(users, items, share, values):
    dense = (rng.random((users, items)) < share) * values((users, items))
    dense[3] = 0  # a user without anything
    r = sp.csr_matrix(dense)
    r.sort_indices()
    return r


cases = [
    case("counts", matrix(30, 20, 0.2, lambda s: rng.integers(1, 6, s).astype(float)), 5, 0.5, 2.0, 8),
    case("ones", matrix(25, 40, 0.15, np.ones), 8, 3.0, 1.0, 12),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_als.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, implicit=implicit.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "als.json"), "w"),
)
