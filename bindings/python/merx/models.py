"""Every family of the C library that learns a target, as an estimator under its family's name: merx.models.Linear, merx.models.NetworkRegressor …

    >>> import merx.models
    >>> sorted(name for name in dir(merx.models) if name[0].isupper())[:3]
    ['Additive', 'AdditiveClassifier', 'ElasticNet']

A family with a module of its own is the class of that module (merx.models.Linear is merx.linear_model.LinearRegression). The others are made from the
library's option tables, with its names and defaults: a family that is added there appears here by itself.
"""
import importlib

from merx._generate import NEEDS_TARGET, families, make

_made = {}
# Families that have a module of their own with the same class: family to (module, class).
_HOMES = {
    "linear": ("merx.linear_model", "LinearRegression"),
    "ridge": ("merx.linear_model", "Ridge"),
    "elastic_net": ("merx.linear_model", "ElasticNet"),
    "logistic": ("merx.linear_model", "LogisticRegression"),
    "additive": ("merx.additive", "AdditiveRegressor"),
    "additive_classifier": ("merx.additive", "AdditiveClassifier"),
    "nearest": ("merx.neighbors", "KNeighborsRegressor"),
    "nearest_classifier": ("merx.neighbors", "KNeighborsClassifier"),
}
_WITHOUT_WEIGHTS = ("network", "network_regressor")


def _class_name(family):
    return "".join(word.capitalize() for word in family.split("_"))


def _by_class():
    return {_class_name(name): name for name, info in families().items() if info["tags"] & NEEDS_TARGET}


def __getattr__(name):
    if name not in _made:
        family = _by_class().get(name) if name[:1].isupper() else None
        if family is None:
            raise AttributeError(f"module 'merx.models' has no attribute {name!r}; there are {', '.join(_by_class())}")
        home = _HOMES.get(family)
        if home is not None:
            _made[name] = getattr(importlib.import_module(home[0]), home[1])
        else:
            _made[name] = make(family, name, __name__, weights=family not in _WITHOUT_WEIGHTS)
    return _made[name]


def __dir__():
    return sorted([*_by_class(), "families"])
