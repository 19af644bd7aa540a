"""What every estimator of merx shares: parameters, scikit-learn's conventions, pickling.

An estimator works inside scikit-learn (Pipeline, GridSearchCV, clone, cross_val_score) without inheriting from it: scikit-learn looks for
get_params, set_params, fit and __sklearn_tags__, which are here. scikit-learn itself is imported in __sklearn_tags__ alone, which nobody else calls.
"""
import copy
import inspect
import numbers

import numpy as np

from merx import _merx


def _default_parameters(cls):
    """Name to default of the constructor, in its order."""
    found = cls.__dict__.get("_parameters_")
    if found is None:
        signature = inspect.signature(cls.__init__)
        found = {p.name: p.default for p in signature.parameters.values() if p.name != "self"}
        cls._parameters_ = found
    return found


def _same(a, b):
    """Whether two parameter values are the same for a person: NaN is NaN, arrays are never a default."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    try:
        return bool(a == b) or (a != a and b != b)
    except Exception:  # whatever a stranger's __eq__ does
        return False


def not_fitted(estimator):
    """The exception for a use before fit: scikit-learn's NotFittedError too, where scikit-learn is there."""
    message = (
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator."
    )
    return _not_fitted_class()(message)


_not_fitted_type = None


def _not_fitted_class():
    global _not_fitted_type
    if _not_fitted_type is None:
        try:
            from sklearn.exceptions import NotFittedError as Theirs
        except ImportError:
            return _merx.NotFittedError
        _not_fitted_type = type("NotFittedError", (_merx.NotFittedError, Theirs), {"__module__": "merx"})
    return _not_fitted_type


class Interval:
    """A number in a range, for `_constraints`: Interval(int, 1, None), Interval(float, 0, None, open_low=True)."""

    def __init__(self, kind, low, high, open_low=False, open_high=False):
        self.kind, self.low, self.high, self.open_low, self.open_high = kind, low, high, open_low, open_high

    def holds(self, value):
        kind = numbers.Integral if self.kind is int else numbers.Real
        if not isinstance(value, kind) or isinstance(value, (bool, np.bool_)):
            return False
        low = self.low is None or (value > self.low if self.open_low else value >= self.low)
        high = self.high is None or (value < self.high if self.open_high else value <= self.high)
        return bool(low and high)

    def __str__(self):
        left = "(-inf" if self.low is None else f"{'(' if self.open_low else '['}{self.low}"
        right = "inf)" if self.high is None else f"{self.high}{')' if self.open_high else ']'}"
        return f"{'an int' if self.kind is int else 'a float'} in the range {left}, {right}"


def _constraint_holds(constraint, value):
    if isinstance(constraint, Interval):
        return constraint.holds(value)
    if isinstance(constraint, set):
        return isinstance(value, str) and value in constraint
    if constraint is bool:
        return isinstance(value, (bool, np.bool_))
    if constraint == "verbose":
        return isinstance(value, (bool, np.bool_)) or Interval(int, 0, None).holds(value)
    if constraint == "random_state":
        return value is None or isinstance(value, (np.random.RandomState, np.random.Generator)) or Interval(int, 0, 2**32 - 1).holds(value)
    if constraint == "array":
        return hasattr(value, "__len__") and not isinstance(value, (str, bytes, dict))
    if constraint is callable:
        return callable(value)
    if isinstance(constraint, type):
        return isinstance(value, constraint)
    return value is constraint


def _constraint_text(constraint):
    if isinstance(constraint, set):
        return "a str among {" + ", ".join(repr(w) for w in sorted(constraint)) + "}"
    if isinstance(constraint, str):
        return {"verbose": "an int of 0 or more or a bool", "random_state": "an int, a RandomState or None", "array": "array-like"}[constraint]
    if constraint is callable:
        return "a callable"
    if isinstance(constraint, type):
        return f"an instance of {constraint.__name__!r}"
    return str(constraint)


class InvalidParameterError(ValueError, TypeError):
    """A constructor's parameter has a value it can't have; found when fit is called."""


class Estimator:
    """Parameters as scikit-learn has them: the constructor keeps them unchanged under their names, fit looks at them.

    `_constraints` says of each parameter what it may be: a list of Interval, set of words, bool, type, None …
    """

    _constraints = {}

    # ---- parameters ----

    def get_params(self, deep=True):
        """The constructor's parameters and their values; with deep, those of estimators among them as name__parameter."""
        found = {}
        for name in _default_parameters(type(self)):
            value = getattr(self, name)
            found[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found.update((f"{name}__{key}", inner) for key, inner in value.get_params().items())
        return found

    def set_params(self, **params):
        """Sets parameters by name, also name__parameter of an estimator among them. Returns self.

        ValueError names an unknown one and those there are.
        """
        valid = self.get_params(deep=True)
        nested = {}
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {sorted(_default_parameters(type(self)))!r}."
                )
            if rest:
                nested.setdefault(name, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, inner in nested.items():
            getattr(self, name).set_params(**inner)
        return self

    def _validate_params(self):
        for name, allowed in self._constraints.items():
            value = getattr(self, name)
            if not any(_constraint_holds(one, value) for one in allowed):
                texts = [_constraint_text(one) for one in allowed]
                text = texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " or " + texts[-1]
                raise InvalidParameterError(f"The {name!r} parameter of {type(self).__name__} must be {text}. Got {value!r} instead.")

    def __repr__(self):
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _default_parameters(type(self)).items()
            if not _same(getattr(self, name, default), default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    # ---- state ----

    def __getstate__(self):
        # The model goes as the bytes of its file: data, which nothing executes on loading.
        state = dict(self.__dict__)
        for name, value in state.items():
            if isinstance(value, _merx.Model):
                state[name] = _Packed(value.to_bytes() if value.fitted else None, value.family)
            elif isinstance(value, list) and value and all(isinstance(one, _merx.Model) for one in value):
                state[name] = [_Packed(one.to_bytes(), one.family) for one in value]
        return state

    def __setstate__(self, state):
        for name, value in state.items():
            if isinstance(value, _Packed):
                value = value.open()
            elif isinstance(value, list) and value and all(isinstance(one, _Packed) for one in value):
                value = [one.open() for one in value]
            self.__dict__[name] = value

    def __deepcopy__(self, memo):
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__setstate__({name: copy.deepcopy(value, memo) for name, value in self.__getstate__().items()})
        return made

    def __sklearn_is_fitted__(self):
        return self._is_fitted()

    def _is_fitted(self):
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def _check_is_fitted(self):
        if not self._is_fitted():
            raise not_fitted(self)

    # ---- predictions ----

    def _quick(self, X, labels):
        """Predictions of rows of plain numbers without a look at names and types: what C gives, or None when X needs a closer look.

        labels: classes or clusters, else values. Columns that had names at fit are always compared; several models (targets) go the other way.
        """
        model = self.__dict__.get("_model")
        if type(model) is not _merx.Model or "feature_names_in_" in self.__dict__:
            return None
        try:
            return model.rows_labels(X) if labels else model.rows_values(X)
        except _merx.Error:
            return None  # said in the caller's words by the closer look

    # ---- scikit-learn ----

    _kind = None  # "regressor", "classifier", "clusterer", "transformer"

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None if self._kind == "transformer" else self._kind,
            target_tags=TargetTags(required=self._kind in ("regressor", "classifier")),
            transformer_tags=TransformerTags() if hasattr(self, "transform") else None,
            classifier_tags=ClassifierTags() if self._kind == "classifier" else None,
            regressor_tags=RegressorTags() if self._kind == "regressor" else None,
            input_tags=InputTags(),
        )

    def _repr_html_(self):
        rows = "".join(f"<tr><td>{name}</td><td>{_escape(repr(value))}</td></tr>" for name, value in self.get_params(deep=False).items())
        return f"<details><summary><code>{_escape(repr(self))}</code></summary><table>{rows}</table></details>"


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Packed:
    """A model's file in a pickle."""

    def __init__(self, data, family):
        self.data, self.family = data, family

    def open(self):
        return _merx.Model(self.family) if self.data is None else _merx.Model.from_bytes(self.data)


class RegressorMixin:
    _kind = "regressor"

    def score(self, X, y, sample_weight=None):
        """R², the share of y's variance that predictions explain; 1 is perfect, 0 is as good as the mean.

        X (n, d), y (n) or (n, targets), sample_weight (n).
        """
        from merx.metrics import r2_score

        return r2_score(y, self.predict(X), sample_weight=sample_weight)


class ClassifierMixin:
    _kind = "classifier"

    def score(self, X, y, sample_weight=None):
        """Accuracy: the (weighted) share of rows whose class is predicted. X (n, d), y (n), sample_weight (n)."""
        from merx.metrics import accuracy_score

        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)


class ClusterMixin:
    _kind = "clusterer"

    def fit_predict(self, X, y=None, **kwargs):
        """Fits and returns labels_, (n) of int. y is ignored."""
        return self.fit(X, **kwargs).labels_


class TransformerMixin:
    def fit_transform(self, X, y=None, **fit_params):
        """Fits to X (n, d) and transforms it."""
        return (self.fit(X, **fit_params) if y is None else self.fit(X, y, **fit_params)).transform(X)

    def set_output(self, *, transform=None):
        """What transform returns: "default" (NumPy), "pandas" or "polars"; None leaves it. Returns self."""
        if transform is not None:
            if transform not in ("default", "pandas", "polars"):
                raise ValueError(f"output config must be in ['default', 'pandas', 'polars'], got {transform!r}")
            self._sklearn_output_config = {"transform": transform}
        return self

    def _wrap_output(self, out, X):
        config = getattr(self, "_sklearn_output_config", {}).get("transform")
        if config is None:
            config = _global_output()
        if config == "default":
            return out
        names = self.get_feature_names_out()
        if config == "pandas":
            import pandas

            return pandas.DataFrame(out, columns=names, index=getattr(X, "index", None))
        import polars

        return polars.DataFrame(out, schema=list(names), orient="row")


def _global_output():
    """scikit-learn's own setting (set_config(transform_output=…)), when scikit-learn is in use."""
    import sys

    if "sklearn" not in sys.modules:
        return "default"
    import sklearn

    return sklearn.get_config().get("transform_output", "default")


def seed_of(random_state):
    """The seed of a fit. None is 0: merx's results never change from run to run unless asked to."""
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool) and 0 <= random_state < 2**64:
        return int(random_state)
    raise ValueError(f"{random_state!r} cannot be used to seed a numpy.random.RandomState instance (an int of 0 or more is expected)")
