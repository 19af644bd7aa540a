# Written by bindings/python/make_stubs.py from merx.recommend.

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import Estimator
from merx._types import Progress, RandomState, SparseRows

__all__ = ["ALS", "EASE", "ItemNeighbours", "SequenceRecommender"]

class ALS:
    """Implicit matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008), as implicit's AlternatingLeastSquares.

    Users are folded in exactly. similar_items: the cosine of the items' factors. Values must be above 0.

    >>> from merx.recommend import ALS
    >>> ALS(factors=8).fit(rows, show_progress=False).recommend(0, rows[0], N=2)[0].shape
    (2,)

    minimise sum_ui c_ui (p_ui - x_u . y_i)^2 + l2 (|x|^2 + |y|^2),  c = 1 + alpha r,  p = 1 where r > 0

    factors : int, default=64
        Numbers that describe each user and each item. From 1 to 1024.
    regularization : real, default=20
        Strength of the penalty on squared factors. From 0 to 1000000000.
    alpha : real, default=1
        How much more a seen item counts than an unseen one: confidence is 1 + alpha * value. From 1e-09 to 1000000000.
    iterations : int, default=15
        Rounds of solving users, then items. From 1 to 10000.
    tolerance : real, default=0.05
        How near a row is solved in each round: its residual beside its right side. From 1e-07 to 0.5.
    random_state : int or None, default=None
        Of the random start; None is 0: the same data and options give the same bits.
    num_threads : int, default=0
        0: all cores. Results do not depend on it.
    """
    factors: int
    regularization: float
    alpha: float
    iterations: int
    tolerance: float
    random_state: RandomState
    num_threads: int
    def __init__(
        self,
        factors: int = 64,
        regularization: float = 20,
        alpha: float = 1,
        iterations: int = 15,
        tolerance: float = 0.05,
        random_state: RandomState = None,
        num_threads: int = 0,
    ) -> None: ...
    def explain(
        self,
        userid: int,
        user_items: SparseRows,
        itemid: int,
        user_weights: Any = None,
        N: int = 10,
    ) -> tuple[float, list[tuple[int, float]], None]: ...
    def fit(self, user_items: SparseRows, show_progress: Progress = True) -> Self: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    @property
    def item_factors(self) -> NDArray[np.float32]: ...
    @property
    def n_items_(self) -> int: ...
    def recommend(
        self,
        userid: Any,
        user_items: SparseRows | None = None,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        recalculate_user: bool = True,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
    def set_params(self, **params: Any) -> Self: ...
    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...

class EASE:
    """Linear item-to-item model in closed form (Steck 2019, "Embarrassingly shallow autoencoders for sparse data").

    similar_items: the weight of an item in the scores of the others; below zero it speaks against them.

    >>> from merx.recommend import EASE
    >>> score, parts, _ = EASE(regularization=10).fit(rows).explain(0, rows, itemid=3)
    >>> abs(score - sum(part for _, part in parts)) < 1e-9
    True

    minimise |X - X B|^2 + l2 |B|^2, diagonal of B zero:  P = (X'X + l2 I)^-1,  B_jt = -P_jt / P_tt

    regularization : real, default=300
        Strength of the penalty on squared weights. From 1e-09 to 1e+12.
    keep : int, default=0
        Weights kept for each item, the largest by size; 0: all of them, 8 bytes each. From 0 to 2147483647.
    max_items : int, default=20000
        More items are refused: the fit takes 4 bytes for each pair of them, and its time grows with their cube. From 1 to 2147483647.
    num_threads : int, default=0
        0: all cores. Results do not depend on it.
    """
    regularization: float
    keep: int
    max_items: int
    num_threads: int
    def __init__(self, regularization: float = 300, keep: int = 0, max_items: int = 20000, num_threads: int = 0) -> None: ...
    def explain(
        self,
        userid: int,
        user_items: SparseRows,
        itemid: int,
        user_weights: Any = None,
        N: int = 10,
    ) -> tuple[float, list[tuple[int, float]], None]: ...
    def fit(self, user_items: SparseRows, show_progress: Progress = True) -> Self: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    @property
    def item_weights_(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
    @property
    def n_items_(self) -> int: ...
    def recommend(
        self,
        userid: Any,
        user_items: SparseRows | None = None,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        recalculate_user: bool = True,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
    def set_params(self, **params: Any) -> Self: ...
    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...

class ItemNeighbours:
    """Item-to-item neighbours by the users they share, as implicit's CosineRecommender, TFIDFRecommender and BM25Recommender.

    similar_items: the similarity. Only items that a neighbour speaks for are recommended.

    >>> from merx.recommend import ItemNeighbours
    >>> ids, similarity = ItemNeighbours(K=5).fit(rows).similar_items(0, N=3)
    >>> len(ids), bool((np.diff(similarity) <= 0).all())
    (3, True)

    score(t) = sum over the row's items j of value_j similarity(j, t), t among the nearest of j

    similarity : choice, default='cosine'
        How alike two items are, by who had them; the last two weigh values too. One of cosine, jaccard, lift, tfidf, bm25.
    K : int, default=20
        Most similar items kept for each item. From 1 to 2147483647.
    shrink : real, default=0
        Added to the denominator of the similarity, against chance on few users; not for bm25. From 0 to 1000000000.
    num_threads : int, default=0
        0: all cores. Results do not depend on it.
    """
    similarity: Literal["cosine", "jaccard", "lift", "tfidf", "bm25"]
    K: int
    shrink: float
    num_threads: int
    def __init__(
        self,
        similarity: Literal["cosine", "jaccard", "lift", "tfidf", "bm25"] = "cosine",
        K: int = 20,
        shrink: float = 0,
        num_threads: int = 0,
    ) -> None: ...
    def explain(
        self,
        userid: int,
        user_items: SparseRows,
        itemid: int,
        user_weights: Any = None,
        N: int = 10,
    ) -> tuple[float, list[tuple[int, float]], None]: ...
    def fit(self, user_items: SparseRows, show_progress: Progress = True) -> Self: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    @property
    def item_weights_(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
    @property
    def n_items_(self) -> int: ...
    def recommend(
        self,
        userid: Any,
        user_items: SparseRows | None = None,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        recalculate_user: bool = True,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
    def set_params(self, **params: Any) -> Self: ...
    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...

class SequenceRecommender(Estimator):
    units: int
    embedding: int
    epochs: int
    learning_rate: float
    batch_size: int
    dropout: float
    max_length: int
    loss: Literal["auto", "sampled_softmax", "softmax"]
    validation_fraction: float
    patience: int
    random_state: RandomState
    num_threads: int
    items_: NDArray[Any]
    n_iter_: int
    best_epoch_: int
    history_: dict[str, list[float]]
    def __init__(
        self,
        units: int = 64,
        embedding: int = 64,
        epochs: int = 20,
        learning_rate: float = 0.01,
        batch_size: int = 128,
        dropout: float = 0.3,
        max_length: int = 50,
        loss: Literal["auto", "sampled_softmax", "softmax"] = "auto",
        validation_fraction: float = 0.1,
        patience: int = 3,
        random_state: RandomState = None,
        num_threads: int = 0,
    ) -> None: ...
    def explain(self, sequence: ArrayLike, itemid: int | str, N: int | None = None) -> tuple[float, list[tuple[Any, float]], float]: ...
    def fit(self, sequences: ArrayLike, y: Any = None, show_progress: Progress = True) -> Self: ...
    @property
    def n_items_(self) -> int: ...
    def recommend(
        self,
        sequences: ArrayLike,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...
    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...
