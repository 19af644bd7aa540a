"""Writes ease.json: EASE in closed form in NumPy (float64), and item neighbours of implicit (cosine, TF-IDF, BM25), on small matrices.

    python tests/golden/make_ease.py      (implicit, numpy, scipy)
"""
import json
import os
import platform

import implicit
import numpy as np
import scipy.sparse as sp
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

SEED = 20114
rng = np.random.default_rng(SEED)


def ease(x, l2):
    """Steck 2019, eq. 8."""
    p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    return b


def neighbours(r, model):
    """Similarities of each item to all others; implicit keeps the item itself, too."""
    model.fit(r, show_progress=False)
    s = model.similarity.toarray()
    np.fill_diagonal(s, 0)
    return s


def matrix(users, items, share, values):
    dense = (rng.random((users, items)) < share) * values((users, items))
    dense[3] = 0  # a user without anything
    dense[:, 5] = 0  # an item that nobody has
    r = sp.csr_matrix(dense.astype(np.float64))
    r.sort_indices()
    return r


def round_off(a):
    return [float(f"{v:.9g}") for v in np.ravel(a)]


def case(name, r, penalties, kinds):
    users, items = r.shape
    out = dict(name=name, users=users, items=items, starts=r.indptr.tolist(), indices=r.indices.tolist(), values=r.data.tolist(), ease=[], neighbours={})
    for l2 in penalties:
        out["ease"].append(dict(l2=l2, weights=round_off(ease(r.toarray(), l2))))
    models = dict(tfidf=TFIDFRecommender(K=items, num_threads=1), bm25=BM25Recommender(K=items, K1=100, B=0.8, num_threads=1),
                  cosine=CosineRecommender(K=items, num_threads=1))
    for kind in kinds:
        out["neighbours"][kind] = round_off(neighbours(r, models[kind]))
    return out


cases = [
    case("ones", matrix(60, 23, 0.2, np.ones), [0.5, 10], ["cosine", "tfidf", "bm25"]),
    case("counts", matrix(90, 37, 0.15, lambda s: rng.integers(1, 6, s).astype(float)), [3, 250], ["tfidf", "bm25"]),  # with values: merx's cosine counts users
    case("more than a tile", matrix(120, 70, 0.1, np.ones), [5], []),
]
json.dump(
    dict(
        provenance=dict(script="tests/golden/make_ease.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, implicit=implicit.__version__),
        cases=cases,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ease.json"), "w"),
)
