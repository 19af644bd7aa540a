"""The examples in the docstrings."""
import doctest
import importlib
import subprocess
import sys

import pytest

MODULES = ["", ".activations", ".callbacks", ".initializers", ".layers", ".losses", ".metrics", ".models", ".optimizers", ".optimizers.schedules", ".utils", "._layer",
           "._training"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module("merx.keras" + name)
    result = doctest.testmod(module)
    assert result.failed == 0
    if name in (".layers", ".models", ".losses", ".optimizers.schedules"):
        assert result.attempted > 3


def test_import_brings_nothing_heavy():
    code = "import sys, merx.keras; print([m for m in ('keras', 'torch', 'tensorflow', 'sklearn', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
