"""The examples of the estimators' docstrings are run; merx.shop, merx.recommend, merx.keras, merx.metrics and merx.preprocessing have tests of theirs."""
import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["linear_model", "cluster", "neighbors", "additive", "models", "_generate", "_base", "_checks"])
def test_examples(name):
    module = importlib.import_module(f"merx.{name}")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    if not name.startswith("_"):
        assert result.attempted >= 2


def test_every_public_class_says_what_it_is():
    missing = []
    for name in ("linear_model", "cluster", "neighbors", "additive", "preprocessing", "recommend", "shop"):
        module = importlib.import_module(f"merx.{name}")
        for word in getattr(module, "__all__", [n for n in dir(module) if n[0].isupper()]):
            thing = getattr(module, word)
            if isinstance(thing, type):
                missing += [f"{name}.{word}.{method}" for method, value in vars(thing).items()
                            if callable(value) and not method.startswith("_") and not getattr(value, "__doc__", None)]
                if not thing.__doc__:
                    missing.append(f"{name}.{word}")
    assert missing == []
