"""The build backend: scikit-build-core's, for builds from the repository.

The C sources lie two folders up, so that an archive of this folder alone could not be built; it is refused here instead of at its user's.
"""
from pathlib import Path

from scikit_build_core import build as _build

_ROOT = Path(__file__).resolve().parents[2]


def _in_repository(hook):
    def checked(*arguments, **words):
        if not (_ROOT / "CMakeLists.txt").is_file():
            raise SystemExit(
                f"merx: this folder is not in merx's repository (there is no {_ROOT / 'CMakeLists.txt'}): in a clone of it, "
                "pip install ./bindings/python; or install a wheel"
            )
        return hook(*arguments, **words)

    return checked


get_requires_for_build_wheel = _in_repository(_build.get_requires_for_build_wheel)
get_requires_for_build_editable = _in_repository(_build.get_requires_for_build_editable)
prepare_metadata_for_build_wheel = _in_repository(_build.prepare_metadata_for_build_wheel)
prepare_metadata_for_build_editable = _in_repository(_build.prepare_metadata_for_build_editable)
build_wheel = _in_repository(_build.build_wheel)
build_editable = _in_repository(_build.build_editable)


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit(
        "merx: there is no source archive of the Python package alone: its C sources are the repository's. "
        "Clone the repository and run tools/wheel, or pip install ./bindings/python"
    )
