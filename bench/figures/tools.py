"""What every figure uses: the program, the data, timing with peak memory, parts with their bounds."""
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MERX = ROOT / "build" / "release" / "bin" / "merx"


class Missing(Exception):
    """Data or a peer is not there."""


def build():
    """The release build, brought up to date."""
    if not (ROOT / "build" / "release" / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "build/release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def data(name):
    """A folder of real data."""
    folder = Path(os.environ.get("MERX_DATA") or ROOT.parent / "shared" / "data") / name
    if not folder.exists():
        raise Missing(f"{name} is not in MERX_DATA ({folder.parent})")
    return folder


@contextmanager
def scratch():
    folder = Path(tempfile.mkdtemp(prefix="merx-figure-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """A finished command: code, out, err, seconds, peak_mb (largest resident set)."""

    def __init__(self, command, **options):
        began = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, **options)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.seconds = time.monotonic() - began
            self.code = process.returncode
            self.peak_mb = usage.ru_maxrss / 1024
            out.seek(0)
            err.seek(0)
            self.out = out.read().decode()
            self.err = err.read().decode()

    def json(self):
        return json.loads(self.out)

    def must(self):
        if self.code != 0:
            raise RuntimeError(f"exit code {self.code}: {self.err[-2000:]}")
        return self


def merx(*arguments, **options):
    return Run([MERX, *arguments], **options)


def part(what, value, unit="", *, at_least=None, at_most=None, equals=None, low=None, high=None, aim=None, note=None):
    """One measured value beside its bound. An interval's bound is judged by the value, unless the text says otherwise.

    aim: what is hoped for beyond the bound, shown beside it; note: how it was measured (both sides' times, cores), shown below it.
    """
    made = {"what": what, "value": value, "low": low, "high": high, "unit": unit}
    if aim is not None:
        made["aim"] = aim
    if note:
        made["note"] = note
    if at_least is not None:
        made.update(at_least=at_least, met=value >= at_least)
    elif at_most is not None:
        made.update(at_most=at_most, met=value <= at_most)
    else:
        made.update(equals=equals, met=value == equals)
    made["met"] = bool(made["met"])
    return made


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
