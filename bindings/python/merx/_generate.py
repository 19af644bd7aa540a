"""Estimators made from the option tables of the C library: a family added there appears here by itself, with signature and docstring.

    AdditiveRegressor = make("additive", "AdditiveRegressor", __name__)
"""
import inspect
import textwrap

import numpy as np

from merx import _merx
from merx._base import ClassifierMixin, Estimator, InvalidParameterError, RegressorMixin, seed_of
from merx._checks import check_classes_y, check_numbers_y, check_weights, require_y
from merx._family import target_name, text_of, threads
from merx._options import default_of
from merx._tables import dataset_for

NEEDS_TARGET, REGRESSES, CLASSIFIES, ALLOWS_MISSING = 1 << 4, 1 << 5, 1 << 6, 1 << 10  # merx/model.h


def families():
    """Every family of the C library, name to description (title, text, formula, tags, options)."""
    return {one["name"]: one for one in _merx.families()}


class _Generated(Estimator):
    """What generated estimators share. `_family` names the family; `_option_names` maps parameters to its options, `_option_words` words to its words."""

    _family = None
    _option_names = {}
    _option_words = {}

    def __init__(self, **parameters):
        known = inspect.signature(type(self).__init__).parameters
        for name, parameter in known.items():
            if name != "self":
                setattr(self, name, parameters.pop(name, parameter.default))
        if parameters:
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {next(iter(parameters))!r}")

    @property
    def _allows_missing(self):
        return bool(self._tags & ALLOWS_MISSING)

    def _new_model(self):
        model = _merx.Model(self._family)
        for parameter, option in self._option_names.items():
            value = getattr(self, parameter)
            if value is None or isinstance(value, dict):  # a dict of class weights is multiplied into the rows' weights
                continue
            value = self._option_words.get(parameter, {}).get(value, value) if isinstance(value, str) else value
            try:
                model.set(option, text_of(value))
            except _merx.Error as error:
                message = str(error).removeprefix(f"{option}: ")
                raise InvalidParameterError(f"The {parameter!r} parameter of {type(self).__name__}: {message}") from None
        return model

    def _fit(self, X, add_target, sample_weight, name):
        """Fits a new model to X and the column that `add_target(data, name, n)` adds, which may return weights of the rows."""
        model = self._new_model()
        data, n, array = dataset_for(self, X, reset=True, allow_missing=self._allows_missing)
        self._as_table = array is None
        target = _free(data, self, name)
        of_rows = add_target(data, target, n)
        weight, weights = None, check_weights(sample_weight, np.empty((n, 0)))
        if of_rows is not None:
            weights = of_rows if weights is None else weights * of_rows
        if weights is not None:
            weight = _free(data, self, "sample_weight")
            data.add_numeric(weight, weights)
        model.fit(data, target=target, weight=weight, threads=threads(), seed=seed_of(self.random_state))
        self._model = model

    def _is_fitted(self):
        return "_model" in self.__dict__

    def _data(self, X):
        self._check_is_fitted()
        return dataset_for(self, X, reset=False, allow_missing=self._allows_missing, as_table=self._as_table)[0]

    def _predict(self, X, labels):
        data = self._data(X)
        return self._model.labels(data) if labels else self._model.predict(data)

    def explain(self, X, row=0, output=None):
        """Why row `row` of X got its prediction: an Explanation whose base and contributions sum to the score.

        output: the class that is explained; None: the predicted one.
        """
        from merx._explain import explanation

        data = self._data(X)
        which = -1
        if output is not None:
            at = np.flatnonzero(np.asarray(self.classes_) == output) if hasattr(self, "classes_") else [int(output)]
            if len(at) == 0:
                raise ValueError(f"{output!r} is none of the classes {self.classes_.tolist()}")
            which = int(at[0])
        return explanation(self._model.explain(data, row, which))

    def describe(self):
        """The fitted model for a person, as text."""
        self._check_is_fitted()
        return self._model.describe()

    def tensors(self):
        """What the model has learnt, name to array (copies); docs/formats.md says what each is."""
        self._check_is_fitted()
        return self._model.tensors()

    def save(self, path):
        """Writes the model's file (safetensors layout), which `merx predict` and the C library read. Whole or not at all."""
        self._check_is_fitted()
        self._model.save(str(path))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allows_missing
        return tags


def weights_by_class(class_weight, classes, codes):
    """(n) of the weights that a dict {class: weight} gives the rows, 1 to classes it does not name; None without a dict."""
    if not isinstance(class_weight, dict):
        return None
    weights = np.ones(len(classes))
    for name, weight in class_weight.items():
        weights[classes == name] = weight
    return weights[codes]


def _check_length(n, y):
    if len(y) != n:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[n, len(y)]}")


def _free(data, estimator, wanted):
    taken = {name for name, _ in data.columns()} | set(map(str, estimator.__dict__.get("feature_names_in_", ())))
    while wanted in taken:
        wanted += "_"
    return wanted


class _Regressor(RegressorMixin, _Generated):
    def fit(self, X, y, sample_weight=None):
        """X (n, d) of numbers, or a data frame with words, dates and truth values too; y (n); sample_weight (n). Returns self."""
        require_y(self, y)

        def add(data, name, n):
            values = check_numbers_y(y)
            _check_length(n, values)
            data.add_numeric(name, values)

        self._fit(X, add, sample_weight, target_name(y))
        return self

    def predict(self, X):
        """Predicted values, X (n, d) to (n)."""
        values = self._quick(X, labels=False)
        return self._predict(X, labels=False) if values is None else values


class _Classifier(ClassifierMixin, _Generated):
    def fit(self, X, y, sample_weight=None):
        """X (n, d) of numbers, or a data frame with words, dates and truth values too; y (n) of classes; sample_weight (n). Returns self."""
        require_y(self, y)
        found = []

        def add(data, name, n):
            classes, codes = check_classes_y(y)
            _check_length(n, codes)
            if len(classes) < 2:
                raise ValueError(f"Classifier can't train when only one class is present: the data contains only one class: {classes[0]!r}")
            data.add_categorical(name, codes, [str(c) for c in classes])
            found.append(classes)
            return weights_by_class(getattr(self, "class_weight", None), classes, codes)

        self._fit(X, add, sample_weight, target_name(y))
        self.classes_ = found[0]
        return self

    def predict(self, X):
        """The most probable class of each row, X (n, d) to (n)."""
        labels = self._quick(X, labels=True)
        if labels is None:
            labels = self._predict(X, labels=True)
        return self.classes_[labels]

    def predict_proba(self, X):
        """Probabilities, X (n, d) to (n, classes); rows sum to 1."""
        values = self._quick(X, labels=False)
        return self._predict(X, labels=False) if values is None else values


def _without_weights(cls):
    """fit(X, y) alone: neighbours and batches of a network know rows, not weights of rows (a weight of 2 would not be the row twice)."""
    fit = cls.fit

    def plain(self, X, y):
        return fit(self, X, y)

    plain.__name__, plain.__qualname__ = "fit", f"{cls.__name__}.fit"
    plain.__doc__ = fit.__doc__.replace("; sample_weight (n)", "")
    cls.fit = plain
    return cls


def _docstring(info, options, words):
    def text(option, parameter):
        kind = {"bool": "bool", "int": "int", "real": "float", "text": "str"}.get(option["type"])
        choices = [words.get(parameter, {}).get(w, w) for w in (option["choices"] or "").split("|") if w]
        if option["type"] == "choice":
            kind = "{" + ", ".join(repr(c) for c in choices) + "}"
        elif choices:
            kind += " or " + ", ".join(repr(c) for c in choices)
        return f"{parameter} : {kind}\n" + textwrap.indent(textwrap.fill(option["text"], 130), "    ")

    body = "\n".join(text(option, parameter) for parameter, option in options)
    return (
        f"{info['title']}. {info['text']}\n\n    {info['formula']}\n\nParameters\n----------\n{body}\nrandom_state : int, RandomState or None\n"
        "    Seed; None is 0.\n\nAttributes\n----------\nn_features_in_ · feature_names_in_"
        + (" · classes_ : (classes)" if info["tags"] & CLASSIFIES else "")
        + "\n"
    )


def make(family, name, module, rename=None, words=None, weights=True):
    """A class for a family that learns a target.

    rename: option to parameter, where the field has another word; words: parameter to {the field's word: the option's word}; weights False: fit has no
    sample_weight.
    """
    rename, words = rename or {}, words or {}
    info = families()[family]
    back = {parameter: {theirs: ours for ours, theirs in table.items()} for parameter, table in words.items()}
    options = [(rename.get(option["name"], option["name"]), option) for option in info["options"]]

    def default(parameter, option):
        value = default_of(option)
        return back.get(parameter, {}).get(value, value)

    def __init__(self, **parameters):
        _Generated.__init__(self, **parameters)

    keyword = inspect.Parameter.KEYWORD_ONLY
    __init__.__signature__ = inspect.Signature(
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(inspect.Parameter(parameter, keyword, default=default(parameter, option)) for parameter, option in options),
            inspect.Parameter("random_state", keyword, default=None),
        ]
    )
    made = type(
        name, (_Classifier if info["tags"] & CLASSIFIES else _Regressor,),
        {
            "__init__": __init__, "__doc__": _docstring(info, options, back), "__module__": module, "_family": family, "_tags": info["tags"],
            "_option_names": {parameter: option["name"] for parameter, option in options}, "_option_words": words,
        },
    )
    return made if weights else _without_weights(made)
