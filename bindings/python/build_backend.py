"""The build backend: scikit-build-core's, for builds from the repository.

The C sources lie two folders up, so that an archive of this folder alone could not be built; it is refused here instead of at its user's.
"""
from pathlib import Path

from scikit_build_core import build as _build
from scikit_build_core.build import (  # noqa: F401  what a frontend calls
    get_requires_for_build_editable,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

_ROOT = Path(__file__).resolve().parents[2]


def _in_repository():
    if not (_ROOT / "CMakeLists.txt").is_file():
        raise SystemExit(
            f"merx: this folder is not in merx's repository (there is no {_ROOT / 'CMakeLists.txt'}): build from a clone, "
            "pip install ./bindings/python, or install a wheel"
        )


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _in_repository()
    return _build.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    _in_repository()
    return _build.build_editable(wheel_directory, config_settings, metadata_directory)


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit(
        "merx: there is no source archive of the Python package alone: its C sources are the repository's. "
        "Clone the repository and run tools/wheel, or pip install ./bindings/python"
    )
