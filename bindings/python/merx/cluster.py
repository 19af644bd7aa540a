"""Clustering with scikit-learn's words: KMeans, MiniBatchKMeans.

    >>> from merx.cluster import KMeans
    >>> KMeans(n_clusters=2).fit([[0.0], [0.1], [5.0], [5.1]]).labels_
    array([0, 0, 1, 1], dtype=int32)
"""
import warnings

import numpy as np

from merx import _merx
from merx._base import ClusterMixin, Estimator, Interval, TransformerMixin, seed_of
from merx._checks import check_array, check_weights, check_X, convergence_warning
from merx._family import dataset_of, fit_model

__all__ = ["KMeans", "MiniBatchKMeans"]

_CONSTRAINTS = {
    "n_clusters": [Interval(int, 1, None)], "init": [{"k-means++", "random"}, callable, "array"], "n_init": [{"auto"}, Interval(int, 1, None)],
    "max_iter": [Interval(int, 1, None)], "tol": [Interval(float, 0, None)], "verbose": ["verbose"], "random_state": ["random_state"],
}


class _KMeans(TransformerMixin, ClusterMixin, Estimator):
    """What the two share: starts, centres, predictions, distances."""

    _INERTIA, _ITERATIONS = 0, 1  # places in kmeans.scalars

    def _starts(self, X, seed):
        """(k, d) of given centres, or None when they are drawn."""
        init = self.init
        if isinstance(init, str):
            return None
        if callable(init):
            init = init(X, self.n_clusters, random_state=np.random.RandomState(seed % 2**32))
        init = check_array(init, name="init")
        if init.shape[0] != self.n_clusters:
            raise ValueError(f"The shape of the initial centers {init.shape} does not match the number of clusters {self.n_clusters}.")
        if init.shape[1] != X.shape[1]:
            raise ValueError(f"The shape of the initial centers {init.shape} does not match the number of features of the data {X.shape[1]}.")
        return np.asarray(init, dtype=np.float64)

    def _count_starts(self, starts):
        if starts is not None and not callable(self.init):
            if self.n_init not in ("auto", 1):
                warnings.warn(
                    f"Explicit initial center position passed: performing only one init in {type(self).__name__} instead of n_init={self.n_init}.",
                    RuntimeWarning, stacklevel=4,
                )
            return 1
        if self.n_init != "auto":
            return int(self.n_init)
        return self._n_init_auto if self.init == "random" or callable(self.init) else 1

    def _fit(self, family, X, sample_weight, options):
        X = check_X(self, X, reset=True, accept_sparse=True, finite=False)
        if X.shape[0] < self.n_clusters:
            from merx._checks import refuse_nonfinite

            refuse_nonfinite(X, "X", type(self).__name__)
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")
        weights = check_weights(sample_weight, X)
        seed = seed_of(self.random_state)
        starts = self._starts(X, seed)
        n_init = self._count_starts(starts)
        self._n_init = n_init
        options = {"clusters": self.n_clusters, "starts": n_init, **options}
        if isinstance(self.init, str):
            options["init"] = self.init
        tries = n_init if callable(self.init) else 1
        best = None
        for t in range(tries):
            start = starts if t == 0 else self._starts(X, seed + t)
            model, extra = self._fit_distinct(family, X, weights, options, seed, start)
            found = model.tensors()
            if best is None or found["kmeans.scalars"][self._INERTIA] < best[1]["kmeans.scalars"][self._INERTIA]:
                best = (model, found, extra)
        model, found, extra = best
        self._model = model
        centers = found["kmeans.centroids"]
        if extra:
            # As many centres as were asked for; those beyond the distinct points repeat the last.
            centers = np.concatenate([centers, np.repeat(centers[-1:], extra, axis=0)])
        self.cluster_centers_ = centers.astype(X.dtype)
        self.n_iter_ = max(1, int(found["kmeans.scalars"][self._ITERATIONS]))
        self.labels_ = self._labels_of(X)
        self.inertia_ = float(found["kmeans.scalars"][self._INERTIA])
        return X, weights

    def _fit_distinct(self, family, X, weights, options, seed, start):
        """The model, and how many clusters fewer than asked for the distinct rows allow (with a warning)."""
        try:
            return fit_model(family, X, weights=weights, options=options, seed=seed, start=start, who=type(self).__name__), 0
        except _merx.InputError:
            used = X if weights is None else X[weights > 0]
            distinct = len(np.unique(used, axis=0))
            if distinct >= self.n_clusters:
                raise
            warnings.warn(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({self.n_clusters}). Possibly due to duplicate points in X.",
                convergence_warning(), stacklevel=4,
            )
            options = {**options, "clusters": distinct}
            return fit_model(family, X, weights=weights, options=options, seed=seed, who=type(self).__name__), self.n_clusters - distinct

    def _is_fitted(self):
        return "cluster_centers_" in self.__dict__

    def _labels_of(self, X):
        if self.__dict__.get("_model") is None:
            return self._distances_of(X).argmin(axis=1).astype(np.int32)
        labels = self._model.rows_labels(X)
        return labels if labels is not None else self._model.labels(dataset_of(X))

    def _distances_of(self, X):
        """Distances (n, k) to the centres as they stand, for centres that no model holds (partial_fit)."""
        centers = self.cluster_centers_.astype(np.float64)
        out = np.empty((len(X), len(centers)))
        step = max(1, 4_000_000 // centers.size)
        for begin in range(0, len(X), step):
            rows = X[begin : begin + step, None, :].astype(np.float64)
            out[begin : begin + step] = np.sqrt(((rows - centers) ** 2).sum(axis=2))
        return out

    def predict(self, X):
        """The nearest centre of each row: X (n, d) to (n) of int32.

        Raises NotFittedError before fit; ValueError for another number of columns, NaN or infinities.
        """
        labels = self._quick(X, labels=True)
        if labels is not None:
            return labels
        self._check_is_fitted()
        return self._labels_of(check_X(self, X, reset=False, accept_sparse=True))

    def transform(self, X):
        """Distances to the centres: X (n, d) to (n, n_clusters)."""
        self._check_is_fitted()
        checked = check_X(self, X, reset=False, accept_sparse=True)
        if self.__dict__.get("_model") is None:
            return self._wrap_output(self._distances_of(checked).astype(checked.dtype), X)
        distances = self._model.rows_values(checked)
        if distances is None:
            distances = self._model.predict(dataset_of(checked))
        missing = len(self.cluster_centers_) - distances.shape[1]
        if missing:
            distances = np.concatenate([distances, np.repeat(distances[:, -1:], missing, axis=1)], axis=1)
        return self._wrap_output(distances.astype(checked.dtype), X)

    def fit_transform(self, X, y=None, sample_weight=None):
        """Fits and returns the distances to the centres."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def score(self, X, y=None, sample_weight=None):
        """Minus the (weighted) sum of squared distances to the nearest centre."""
        self._check_is_fitted()
        X = check_X(self, X, reset=False, accept_sparse=True)
        weights = check_weights(sample_weight, X)
        centers = self.cluster_centers_[self._labels_of(X)].astype(np.float64)
        squares = ((X - centers) ** 2).sum(axis=1)
        return -float(squares.sum() if weights is None else squares @ weights)

    def get_feature_names_out(self, input_features=None):
        """Names of transform's columns: "kmeans0", "kmeans1" …"""
        self._check_is_fitted()
        name = type(self).__name__.lower()
        return np.asarray([f"{name}{i}" for i in range(len(self.cluster_centers_))], dtype=object)

    def explain(self, X, row=0, cluster=None):
        """Why row `row` of X is in its cluster (or `cluster`) and not in the next: an Explanation by column, in squared distance."""
        self._check_is_fitted()
        names = self.__dict__.get("feature_names_in_")
        X = check_X(self, X, reset=False, accept_sparse=True)
        from merx._explain import explanation

        return explanation(self._model.explain(dataset_of(X, names), row, -1 if cluster is None else cluster))

    def describe(self):
        """The clusters for a person: sizes, centres, silhouette."""
        self._check_is_fitted()
        return self._model.describe()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class KMeans(_KMeans):
    """k-means by Lloyd's algorithm: minimises the sum of squared distances of rows to their centre.

    Parameters
    ----------
    n_clusters : int
        k.
    init : {"k-means++", "random"}, (k, d) array or callable(X, n_clusters, random_state)
        How starts are drawn, or the start itself.
    n_init : int or "auto"
        Starts, of which the best end is kept; "auto": 1 for k-means++ and given starts, 10 for random ones and callables.
    max_iter : int
        Most rounds from each start.
    tol : float
        A start ends when the centres move less, relative to the mean variance.
    verbose, copy_x
        Taken for scikit-learn's sake.
    random_state : int, RandomState or None
        Seed; None is 0.
    algorithm : {"lloyd", "elkan"}
        Taken for scikit-learn's sake; bounds are used where they pay, with the same result.

    Attributes
    ----------
    cluster_centers_ : (k, d) · labels_ : (n) of int32 · inertia_ : float · n_iter_ : int · n_features_in_ · feature_names_in_

    Clusters are numbered by size, the largest first; given starts keep their order. Cost: O(n k d) a round; the same bits for any number of threads.

    >>> model = KMeans(n_clusters=2).fit([[0.0], [0.1], [0.2], [5.0]])
    >>> model.cluster_centers_.round(3), model.predict([[4.0]])
    (array([[0.1],
           [5. ]]), array([1], dtype=int32))
    """

    _n_init_auto = 10
    _constraints = {**_CONSTRAINTS, "copy_x": [bool], "algorithm": [{"lloyd", "elkan"}]}

    def __init__(
        self, n_clusters=8, *, init="k-means++", n_init="auto", max_iter=300, tol=1e-4, verbose=0, random_state=None, copy_x=True,
        algorithm="lloyd",
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    def fit(self, X, y=None, sample_weight=None):
        """X (n, d), sample_weight (n); y is ignored. Returns self."""
        self._validate_params()
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.", RuntimeWarning, stacklevel=2
            )
        self._fit("kmeans", X, sample_weight, {"max_iterations": int(self.max_iter), "tolerance": min(float(self.tol), 1.0)})
        return self


class MiniBatchKMeans(_KMeans):
    """k-means in small steps: a few passes over the rows, for data too large for many. The end lies a little above that of KMeans.

    Parameters
    ----------
    n_clusters, init, verbose, random_state
        As KMeans.
    max_iter : int
        Most passes over the rows.
    batch_size : int
        Rows of a step.
    compute_labels : bool
        Whether labels_ and inertia_ are of all rows at the end (they always are).
    tol, init_size
        Taken for scikit-learn's sake.
    max_no_improvement : int or None
        Ends after so many batches without a lower smoothed inertia; None: never before max_iter.
    n_init : int or "auto"
        Starts compared on a sample; "auto": 1 for k-means++ and given starts, 3 for random ones.
    reassignment_ratio : float
        A centre with less than this share of the greatest weight moves to a random row.

    Attributes
    ----------
    cluster_centers_ : (k, d) · labels_ : (n) of int32 · inertia_ : float · n_iter_, n_steps_ : int · n_features_in_ · feature_names_in_
    """

    _n_init_auto = 3
    _constraints = {
        **_CONSTRAINTS, "batch_size": [Interval(int, 1, None)], "compute_labels": [bool], "max_no_improvement": [Interval(int, 0, None), None],
        "init_size": [Interval(int, 1, None), None], "reassignment_ratio": [Interval(float, 0, None)],
    }

    def __init__(
        self, n_clusters=8, *, init="k-means++", max_iter=100, batch_size=1024, verbose=0, compute_labels=True, random_state=None, tol=0.0,
        max_no_improvement=10, init_size=None, n_init="auto", reassignment_ratio=0.01,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio

    def fit(self, X, y=None, sample_weight=None):
        """X (n, d), sample_weight (n); y is ignored. Returns self."""
        self._validate_params()
        if self.init_size is not None and self.init_size < self.n_clusters:
            warnings.warn(
                f"init_size={self.init_size} should be larger than n_clusters={self.n_clusters}. The C library chooses its own sample.",
                RuntimeWarning, stacklevel=2,
            )
        X, weights = self._fit(
            "minibatch_kmeans", X, sample_weight,
            {
                "max_passes": int(self.max_iter), "batch_size": int(self.batch_size), "patience": int(self.max_no_improvement or 0),
                "reassignment": min(float(self.reassignment_ratio), 1.0),
            },
        )
        self.n_steps_ = self.n_iter_
        self.n_iter_ = -(-self.n_steps_ * min(self.batch_size, len(X)) // len(X))
        self._counts = np.bincount(self.labels_, weights=weights, minlength=self.n_clusters)
        self.inertia_ = -self.score(X, sample_weight=weights)
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """One step on the rows of X (n, d) as one batch: each centre moves to the mean of all rows it was ever given. Returns self.

        The first call draws the centres from X. Source: Sculley 2010, algorithm 1.
        """
        first = "cluster_centers_" not in self.__dict__
        if first:
            self._validate_params()
        X = check_X(self, X, reset=first, accept_sparse=True)
        weights = check_weights(sample_weight, X)
        if first:
            if len(X) < self.n_clusters:
                raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}.")
            seed = seed_of(self.random_state)
            centers = self._starts(X, seed)
            if centers is None:
                options = {"clusters": self.n_clusters, "starts": 1, "init": self.init, "max_iterations": 1}
                model, extra = self._fit_distinct("kmeans", X, weights, options, seed, None)
                centers = model.tensors()["kmeans.centroids"]
                centers = np.concatenate([centers, np.repeat(centers[-1:], extra, axis=0)])
            self.cluster_centers_ = np.array(centers, dtype=X.dtype)
            self._counts = np.zeros(self.n_clusters)
            self.n_steps_, self.n_iter_ = 0, 1
        self._model = None  # the centres are ahead of any model of the C library
        labels = self._labels_of(X)
        given = np.ones(len(X)) if weights is None else weights
        added = np.bincount(labels, weights=given, minlength=self.n_clusters)
        sums = np.zeros(self.cluster_centers_.shape)
        np.add.at(sums, labels, given[:, None] * X)
        moved = added > 0
        self._counts = self._counts + added
        share = (added / np.where(moved, self._counts, 1))[:, None]
        means = sums / np.where(moved, added, 1)[:, None]
        self.cluster_centers_ = np.where(moved[:, None], self.cluster_centers_ * (1 - share) + means * share, self.cluster_centers_).astype(X.dtype)
        self.n_steps_ += 1
        self.labels_ = self._labels_of(X)
        self.inertia_ = -self.score(X, sample_weight=weights)
        return self
