# Written by bindings/python/make_stubs.py from merx.additive.

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import ClassifierMixin, Estimator, RegressorMixin
from merx._explain import Explanation
from merx._types import MatrixLike, Path, RandomState

__all__ = ["AdditiveClassifier", "AdditiveRegressor"]

class AdditiveClassifier(ClassifierMixin, Estimator):
    """Boosted additive classification. Predicts the probability of each class from a sum of learnt shapes, one for each column and one for each of the few pairs of columns that pay. Two classes or more.

        log-odds = b0 + sum_j f_j(x_j) + sum_(j,k) f_jk(x_j, x_k);  f piecewise constant, boosted on log loss

    Parameters
    ----------
    learning_rate : float
        Share of each step that is taken.
    max_rounds : int
        Most rounds over all columns, in each of two stages.
    patience : int
        A stage ends when the loss on held-out rows has made no progress for this many rounds.
    tolerance : float
        What counts as progress: a fall of the held-out loss by this share of it.
    bags : int
        Fits that are averaged; each holds other rows out to know when to stop.
    validation_share : float
        Share of the rows that each bag holds out.
    max_bins : int
        Most bins of a numeric column.
    leaves : int
        Pieces of one step of a column.
    min_samples : int
        Fewest rows of a piece.
    l2 : float
        Pull of each step towards 0, in rows of weight 1.
    pairs : int
        Most pairs of columns with a shape together; -1: as many as columns, at least 20; 0: none.
    pair_bins : int
        Most cells of a side of a pair's grid; never more than the square root of the number of rows.
    pair_leaves : int
        Pieces of one step of a pair.
    monotone : str
        Columns, separated by commas, in which the prediction only rises or only falls: "carat, price:-1".
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_ · classes_ : (classes)
    """
    learning_rate: float
    max_rounds: int
    patience: int
    tolerance: float
    bags: int
    validation_share: float
    max_bins: int
    leaves: int
    min_samples: int
    l2: float
    pairs: int
    pair_bins: int
    pair_leaves: int
    monotone: str
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    classes_: NDArray[Any]
    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_rounds: int = 10000,
        patience: int = 50,
        tolerance: float = 0.001,
        bags: int = 8,
        validation_share: float = 0.15,
        max_bins: int = 512,
        leaves: int = 2,
        min_samples: int = 4,
        l2: float = 15.0,
        pairs: int = -1,
        pair_bins: int = 64,
        pair_leaves: int = 4,
        monotone: str = "",
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def predict_proba(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def save(self, path: Path) -> None: ...
    def shapes_svg(self) -> str: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...

class AdditiveRegressor(RegressorMixin, Estimator):
    """Boosted additive regression. Predicts a number as a sum of learnt shapes, one for each column and one for each of the few pairs of columns that pay. Missing values and levels are taken as they are.

        y = b0 + sum_j f_j(x_j) + sum_(j,k) f_jk(x_j, x_k);  f piecewise constant, boosted on squared error

    Parameters
    ----------
    loss : {'squared', 'poisson'}
        What a regression makes small: squared errors, or, of a target in log_columns, the Poisson deviance of the target itself: means
        are predicted instead of medians, and what is large counts more.
    learning_rate : float
        Share of each step that is taken.
    max_rounds : int
        Most rounds over all columns, in each of two stages.
    patience : int
        A stage ends when the loss on held-out rows has made no progress for this many rounds.
    tolerance : float
        What counts as progress: a fall of the held-out loss by this share of it.
    bags : int
        Fits that are averaged; each holds other rows out to know when to stop.
    validation_share : float
        Share of the rows that each bag holds out.
    max_bins : int
        Most bins of a numeric column.
    leaves : int
        Pieces of one step of a column.
    min_samples : int
        Fewest rows of a piece.
    l2 : float
        Pull of each step towards 0, in rows of weight 1.
    pairs : int
        Most pairs of columns with a shape together; -1: as many as columns, at least 20; 0: none.
    pair_bins : int
        Most cells of a side of a pair's grid; never more than the square root of the number of rows.
    pair_leaves : int
        Pieces of one step of a pair.
    monotone : str
        Columns, separated by commas, in which the prediction only rises or only falls: "carat, price:-1".
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_
    """
    loss: Literal["squared", "poisson"]
    learning_rate: float
    max_rounds: int
    patience: int
    tolerance: float
    bags: int
    validation_share: float
    max_bins: int
    leaves: int
    min_samples: int
    l2: float
    pairs: int
    pair_bins: int
    pair_leaves: int
    monotone: str
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        loss: Literal["squared", "poisson"] = "squared",
        learning_rate: float = 0.1,
        max_rounds: int = 10000,
        patience: int = 50,
        tolerance: float = 0.001,
        bags: int = 8,
        validation_share: float = 0.15,
        max_bins: int = 512,
        leaves: int = 2,
        min_samples: int = 4,
        l2: float = 15.0,
        pairs: int = -1,
        pair_bins: int = 64,
        pair_leaves: int = 4,
        monotone: str = "",
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def save(self, path: Path) -> None: ...
    def shapes_svg(self) -> str: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...
