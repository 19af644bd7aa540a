# Written by bindings/python/make_stubs.py from merx.models.

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import ClassifierMixin, Estimator, RegressorMixin
from merx._explain import Explanation
from merx._types import MatrixLike, Path, RandomState
from merx.additive import AdditiveClassifier as AdditiveClassifier
from merx.additive import AdditiveRegressor as Additive
from merx.linear_model import ElasticNet as ElasticNet
from merx.linear_model import LinearRegression as Linear
from merx.linear_model import LogisticRegression as Logistic
from merx.linear_model import Ridge as Ridge
from merx.neighbors import KNeighborsClassifier as NearestClassifier
from merx.neighbors import KNeighborsRegressor as Nearest

class Network(ClassifierMixin, Estimator):
    """Neural network. Predicts the probability of each class by a network of layers: dense ones, or those of a JSON text (convolutions over pictures, recurrent layers over sequences, …).

        P(y = c) = softmax(layers(x))_c;  minimise the mean weighted cross-entropy by steps over batches of rows

    Parameters
    ----------
    spec : str
        The network: a file of JSON, or the JSON itself (it begins with {), or a file of a network or model whose weights the fit goes on
        from; empty for dense layers. docs/models/network.md says how it is written.
    hidden_layers : int
        Without spec: dense layers with relu before the last one.
    hidden_units : int
        Without spec: outputs of each of them.
    dropout : float
        Without spec: share of their outputs set to 0 in training.
    epochs : int
        Most passes over the rows. 0: the weights of the file that spec names stay as they are.
    batch_size : int
        Rows of a step.
    optimizer : {'adam', 'adamw', 'sgd', 'adagrad'}
        How weights are moved (unset: the spec's, or adam).
    learning_rate : float
        Step of the optimizer (unset: the spec's; 0.001; 0.01 of sgd).
    schedule : {'constant', 'cosine', 'steps', 'exponential_decay'}
        The learning rate's course (unset: the spec's, or constant). steps, exponential_decay: to a tenth per epoch.
    validation_share : float
        Share of the rows held out by seed; the weights of the epoch that tells them best are kept. 0: none, the last epoch's.
    patience : int
        The fit ends when the held-out loss has not fallen for so many epochs; 0: never. Without held-out rows: the training loss.
    curves_file : str
        Where an SVG of the learning curves goes; empty: nowhere.
    log_file : str
        Where a CSV of the epochs goes; empty: nowhere.
    class_weight : {'none', 'balanced'}
        balanced: rows are weighted so that each class has the same total weight.
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_ · classes_ : (classes)
    """
    spec: str
    hidden_layers: int
    hidden_units: int
    dropout: float
    epochs: int
    batch_size: int
    optimizer: Literal["adam", "adamw", "sgd", "adagrad"] | None
    learning_rate: float | None
    schedule: Literal["constant", "cosine", "steps", "exponential_decay"] | None
    validation_share: float
    patience: int
    curves_file: str
    log_file: str
    class_weight: Literal["none", "balanced"] | Mapping[Any, float]
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    classes_: NDArray[Any]
    def __init__(
        self,
        *,
        spec: str = "",
        hidden_layers: int = 2,
        hidden_units: int = 64,
        dropout: float = 0.0,
        epochs: int = 20,
        batch_size: int = 32,
        optimizer: Literal["adam", "adamw", "sgd", "adagrad"] | None = None,
        learning_rate: float | None = None,
        schedule: Literal["constant", "cosine", "steps", "exponential_decay"] | None = None,
        validation_share: float = 0.1,
        patience: int = 5,
        curves_file: str = "",
        log_file: str = "",
        class_weight: Literal["none", "balanced"] | Mapping[Any, float] = "none",
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def predict_proba(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def save(self, path: Path) -> None: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...

class NetworkRegressor(RegressorMixin, Estimator):
    """Neural network, for numbers. Predicts a number by a network of layers: dense ones, or those of a JSON text (convolutions over pictures, recurrent layers over sequences, …).

        y = mean + sd layers(x);  minimise the mean weighted loss of (y - mean) / sd by steps over batches of rows

    Parameters
    ----------
    spec : str
        The network: a file of JSON, or the JSON itself (it begins with {), or a file of a network or model whose weights the fit goes on
        from; empty for dense layers. docs/models/network.md says how it is written.
    hidden_layers : int
        Without spec: dense layers with relu before the last one.
    hidden_units : int
        Without spec: outputs of each of them.
    dropout : float
        Without spec: share of their outputs set to 0 in training.
    epochs : int
        Most passes over the rows. 0: the weights of the file that spec names stay as they are.
    batch_size : int
        Rows of a step.
    optimizer : {'adam', 'adamw', 'sgd', 'adagrad'}
        How weights are moved (unset: the spec's, or adam).
    learning_rate : float
        Step of the optimizer (unset: the spec's; 0.001; 0.01 of sgd).
    schedule : {'constant', 'cosine', 'steps', 'exponential_decay'}
        The learning rate's course (unset: the spec's, or constant). steps, exponential_decay: to a tenth per epoch.
    validation_share : float
        Share of the rows held out by seed; the weights of the epoch that tells them best are kept. 0: none, the last epoch's.
    patience : int
        The fit ends when the held-out loss has not fallen for so many epochs; 0: never. Without held-out rows: the training loss.
    curves_file : str
        Where an SVG of the learning curves goes; empty: nowhere.
    log_file : str
        Where a CSV of the epochs goes; empty: nowhere.
    loss : {'mean_squared_error', 'mean_absolute_error', 'huber'}
        What is minimised (unset: the spec's, or mean_squared_error).
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_
    """
    spec: str
    hidden_layers: int
    hidden_units: int
    dropout: float
    epochs: int
    batch_size: int
    optimizer: Literal["adam", "adamw", "sgd", "adagrad"] | None
    learning_rate: float | None
    schedule: Literal["constant", "cosine", "steps", "exponential_decay"] | None
    validation_share: float
    patience: int
    curves_file: str
    log_file: str
    loss: Literal["mean_squared_error", "mean_absolute_error", "huber"] | None
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        spec: str = "",
        hidden_layers: int = 2,
        hidden_units: int = 64,
        dropout: float = 0.0,
        epochs: int = 20,
        batch_size: int = 32,
        optimizer: Literal["adam", "adamw", "sgd", "adagrad"] | None = None,
        learning_rate: float | None = None,
        schedule: Literal["constant", "cosine", "steps", "exponential_decay"] | None = None,
        validation_share: float = 0.1,
        patience: int = 5,
        curves_file: str = "",
        log_file: str = "",
        loss: Literal["mean_squared_error", "mean_absolute_error", "huber"] | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def save(self, path: Path) -> None: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...

def families() -> dict[str, dict[str, Any]]: ...
