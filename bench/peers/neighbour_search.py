"""hnswlib's and faiss's half of neighbour-search, and the data of both sides.

    neighbour_search.py data FOLDER N D M SEED        writes x.float32 (N x D) and queries.float32 (M x D)
    neighbour_search.py hnswlib|faiss FOLDER N D M K SIMILARITY     the worker; takes the words of bench/neighbour_search.c

The data stand for embeddings: points around 500 centres in a space of D / 4 dimensions, turned into D with a little noise; queries are drawn the same way and are
not among the rows. Recall is measured against faiss's exact search, once, untimed.
"""
import sys
from pathlib import Path

import numpy as np
import worker


def write(folder, n, d, m, seed):
    rng = np.random.default_rng(seed)
    latent, centres = d // 4, 500
    turn = rng.normal(size=(latent, d)) / np.sqrt(latent)
    middle = rng.normal(size=(centres, latent))
    for name, count in (("x", n), ("queries", m)):
        points = middle[rng.integers(0, centres, count)] + 0.6 * rng.normal(size=(count, latent))
        (points @ turn + 0.1 * rng.normal(size=(count, d))).astype(np.float32).tofile(folder / f"{name}.float32")


class Hnswlib:
    versions = ("hnswlib", "numpy")

    def __init__(self, x, similarity):
        self.x, self.space = x, {"cosine": "cosine", "inner_product": "ip", "euclidean": "l2"}[similarity]
        self.index = None

    def build(self, links, ef_construction):
        import hnswlib
        self.index = hnswlib.Index(space=self.space, dim=self.x.shape[1])
        self.index.init_index(max_elements=len(self.x), M=links, ef_construction=ef_construction)
        self.index.add_items(self.x, num_threads=len(__import__("os").sched_getaffinity(0)))

    def graph(self, queries, k, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k, num_threads=len(__import__("os").sched_getaffinity(0)))[0]

    def one(self, queries, k, ef):
        self.index.set_ef(ef)
        return np.concatenate([self.index.knn_query(query, k, num_threads=1)[0] for query in queries])


class Faiss:
    versions = ("faiss-cpu", "numpy")

    def __init__(self, x, similarity):
        import faiss
        self.faiss, self.x = faiss, x
        self.metric = faiss.METRIC_L2 if similarity == "euclidean" else faiss.METRIC_INNER_PRODUCT
        self.flat = faiss.IndexFlat(x.shape[1], self.metric)
        self.flat.add(x)
        self.index = None

    def build(self, links, ef_construction):
        self.index = self.faiss.IndexHNSWFlat(self.x.shape[1], links, self.metric)
        self.index.hnsw.efConstruction = ef_construction
        self.index.add(self.x)

    def graph(self, queries, k, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, k)[1]

    def one(self, queries, k, ef):
        self.index.hnsw.efSearch = ef
        return np.concatenate([self.index.search(query[None], k)[1] for query in queries])

    def exact(self, queries, k):
        return self.flat.search(queries, k)[1]


def serve(kind, folder, n, d, m, k, similarity):
    x = np.fromfile(folder / "x.float32", np.float32).reshape(n, d)
    queries = np.fromfile(folder / "queries.float32", np.float32).reshape(m, d)
    if similarity == "cosine":  # a peer that has no cosine takes unit vectors
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    exact = Faiss(x, similarity).exact(queries, k)
    side = {"hnswlib": Hnswlib, "faiss": Faiss}[kind](x, similarity)

    def go(words):
        numbers = [int(word) for word in words[1:]]
        if words[0] == "build":
            return side.build(*numbers)
        return side.exact(queries, k) if words[0] == "exact" else getattr(side, words[0])(queries, k, *numbers)

    def check(found, _):
        if found is None:
            return {"recall": 1.0}
        return {"recall": float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, exact)]))}

    worker.serve(go, check, versions=side.versions, rows=n)


if __name__ == "__main__":
    where, sizes = Path(sys.argv[2]), [int(word) for word in sys.argv[3:7]]
    if sys.argv[1] == "data":
        write(where, *sizes)
    else:
        serve(sys.argv[1], where, *sizes, sys.argv[7])
