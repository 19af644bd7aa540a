"""The Python package: scikit-learn's own checks and tests, what a call costs beyond C's, the listings, the import."""
import json
import subprocess
import sys

from . import linear, peers
from .tools import ROOT, Missing, median, part, scratch

PACKAGE = ROOT / "build" / "release" / "python"
PYTEST = ROOT / "build" / "figures" / "pytest"


def build():
    """The release build with the package's extension, for the peers' Python."""
    subprocess.run(["cmake", "--preset", "release", "-DMERX_BUILD_PYTHON=ON", f"-DPython3_EXECUTABLE={peers.peer_python()}"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "build/release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def environment():
    found = peers.environment()
    # Compiled modules are kept, as for everybody who has installed the package.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**found, "PYTHONPATH": f"{PACKAGE}:{PYTEST}:{peers.PEERS}"}


def run(script, *arguments):
    """A script of bench/peers with merx importable; the JSON object of its last line."""
    done = subprocess.run([str(peers.peer_python()), str(peers.PEERS / script), *map(str, arguments)], env=environment(), capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script}: exit code {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def need_pytest():
    if not (PYTEST / "pytest").exists():
        done = subprocess.run([str(peers.peer_python()), "-m", "pip", "install", "-q", "--target", str(PYTEST), "pytest"], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise Missing(f"no pytest: {done.stderr[-500:]}")


def checks(quick):
    build()
    found = run("sklearn_checks.py")
    for line in found["failed"]:
        print(f"         failed: {line}", file=sys.stderr)
    listed = "; ".join(found["expected"]) or "none"
    return [
        part("checks that fail", len(found["failed"]), "", at_most=0,
             note=f"scikit-learn {found['scikit-learn']}: {found['estimators']} estimators, {found['passed']} of {found['checks']} checks passed, "
                  f"{len(found['skipped'])} skipped (array API, whose packages are not there)" + "".join(f"<br>failed: {line}" for line in found["failed"])),
        part("expected failures, each with its reason", len(found["expected"]), "", at_most=2, note=listed),
    ]


def parity(quick):
    build()
    need_pytest()
    found = run("sklearn_parity.py")
    failed = ", ".join(f"{name.rpartition('::')[2]} ({count})" for name, count in found["failed"].items())
    outside = "; ".join(f"{count}: {why}" for why, count in found["outside"].items())
    return [
        part("scikit-learn's own tests that pass with merx's classes", round(100 * found["passed"] / found["counted"], 2), "%", at_least=90,
             note=f"scikit-learn {found['scikit-learn']}: {found['passed']} of {found['counted']} tests of LinearRegression, LogisticRegression, KMeans and "
                  f"MiniBatchKMeans; left out {outside}; with those {found['all_passed']} of {found['all_counted']}<br>not passed: {failed or 'none'}"),
    ]


def overhead(quick):
    build()
    env = {"PYTHONPATH": f"{PACKAGE}:{peers.PEERS}"}
    rounds = peers.rounds_for(quick, 9)
    parts = []
    with scratch() as folder:
        for family, columns, clusters in (("linear", 50, 1), ("logistic", 50, 1), ("kmeans", 16, 50)):
            shape = (5_000, columns, clusters)
            where = folder / family
            where.mkdir()
            peers.run_python("linear.py", "data-one", where, family, *shape, linear.SEED)
            with peers.Worker(peers.program("bench_predict_one"), family, *shape, where) as c, \
                    peers.Worker(peers.python("merx_python.py"), "predict", where, family, *shape, env=env) as python:
                pair = peers.paired(linear.Asking(c, "200000", 200_000), linear.Asking(python, "50000", 50_000), rounds)
            ours, theirs = (median([one["seconds"] for one in side]) for side in (pair.ours, pair.peer))
            parts.append(part(f"{family}: predict of one row, Python less C", round((theirs - ours) * 1e6, 3), "µs", at_most=3,
                              note=f"medians of {rounds}: Python {theirs * 1e6:.3f} µs, C {ours * 1e6:.3f} µs; the feature-name check is off since the fit saw no names"))
        where = linear.data(folder, linear.ROWS)
        fits = 5 if quick else 21
        with peers.Worker(peers.program("bench_linear_fit"), linear.ROWS, linear.COLUMNS, where) as c, \
                peers.Worker(peers.python("merx_python.py"), "fit", where, linear.ROWS, linear.COLUMNS, env=env) as python:
            pair = peers.paired(linear.Asking(c, "whole linear standard_errors=false"), python, fits, warm=2)
        ours, theirs = (min(one["seconds"] for one in side) for side in (pair.ours, pair.peer))
        parts.append(part("fit of 1,000,000 x 50, Python over C", round(100 * (theirs / ours - 1), 2), "%", at_most=1,
                          note=f"fastest of {fits} fits each, taken in turns: {theirs * 1e3:.2f} ms and {ours * 1e3:.2f} ms, both from the arrays to the fitted model; "
                               f"medians {median([one['seconds'] for one in pair.peer]) * 1e3:.2f} and {median([one['seconds'] for one in pair.ours]) * 1e3:.2f} ms"))
    return parts


def listings(quick):
    build()
    parts = []
    for one in run("listings.py", *(["--quick"] if quick else [])):
        parts.append(part(one["what"], one["ours"], one["unit"], at_least=one["at_least"], note=one["note"]))
    return parts


def import_time(quick):
    build()
    parts = []
    for module in ("merx", "merx.linear_model"):
        runs = [run("merx_python.py", "import", module) for _ in range(5 if quick else 21)]
        parts.append(part(f"import {module} beyond NumPy's own import", round(median([one["ms"] for one in runs]), 2), "ms", at_most=15,
                          note=f"median of {len(runs)} processes; fastest {min(one['ms'] for one in runs):.2f} ms"))
        if module != "merx":
            parts.append(part("scikit-learn imported along with it", sum(one["sklearn"] for one in runs), "", at_most=0))
    return parts
