"""Shared by all tests: merx from where it was built or installed, warnings as they come, a folder of real data where there is one."""
import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def real_data():
    """The folder of public data sets that MERX_DATA names; the test is skipped without it."""
    named = os.environ.get("MERX_DATA")
    if not named or not Path(named).is_dir():
        if os.environ.get("MERX_REQUIRE_DATA"):
            pytest.fail("MERX_DATA names no folder, and MERX_REQUIRE_DATA asks for one")
        pytest.skip("MERX_DATA names no folder of data")
    return Path(named)
