"""Linear regression beside scikit-learn's, time against rows, and predictions of single rows."""
from . import peers, plots
from .tools import ROOT, build, median, part, scratch

ROWS, COLUMNS, SEED = 1_000_000, 50, 11
# what merx is asked for, the peer, how many times faster it must be and shall be
COMPARISONS = (
    ("linear", "ordinary", "LinearRegression of scikit-learn", 20, 50),
    ("ridge l2=1", "ridge", "Ridge(solver=\"cholesky\") of scikit-learn", 5, 12),
    ("linear", "intelex", "LinearRegression of scikit-learn-intelex", 3, 8),
)


def data(folder, rows):
    where = folder / f"rows-{rows}"
    where.mkdir()
    peers.run_python("linear.py", "data", where, rows, COLUMNS, SEED)
    return where


class Asking:
    """A worker that is asked for the same thing every time, since the sides of a pair are asked in different words; seconds are those of one of its calls."""

    def __init__(self, worker, words, calls=1):
        self.worker, self.words, self.calls, self.facts = worker, words, calls, worker.facts

    def go(self, _=""):
        run = self.worker.go(self.words)
        return {**run, "seconds": run["seconds"] / self.calls, "cpu_seconds": run["cpu_seconds"] / self.calls}


def fit(quick):
    build()
    parts = []
    with scratch() as folder:
        where = data(folder, ROWS)
        with peers.Worker(peers.program("bench_linear_fit"), ROWS, COLUMNS, where) as ours:
            for words, kind, title, at_least, aim in COMPARISONS:
                with peers.Worker(peers.python("linear.py"), "fit", where, ROWS, COLUMNS, kind) as peer:
                    pair = peers.paired(Asking(ours, words), peer, peers.rounds_for(quick), pause_s=0.3)
                parts.append(pair.speed(f"as many times faster than {title}", at_least=at_least, aim=aim))
                parts.append(pair.objective(f"{title}: penalised sum of squares"))
                parts.append(pair.memory(64, f"{title}: memory of merx beyond the data"))
    return parts


def scale(quick):
    build()
    sizes = (10_000, 100_000) if quick else (10_000, 31_600, 100_000, 316_000, 1_000_000)
    parts, points = [], []
    with scratch() as folder:
        for rows in sizes:
            with peers.Worker(peers.program("bench_linear_fit"), rows, COLUMNS, data(folder, rows)) as ours:
                for _ in range(3):
                    ours.go("linear")
                points.append((rows, median([ours.go("linear")["seconds"] for _ in range(5 if quick else 11)])))
    times = dict(points)
    for rows in sizes:
        if rows * 10 in times:
            parts.append(part(f"time of {rows * 10:,} rows over that of {rows:,}", round(times[rows * 10] / times[rows], 3), "×", at_most=11,
                              note=f"{peers.seconds(times[rows * 10])} and {peers.seconds(times[rows])}, {COLUMNS} columns"))
    if not quick:
        plots.scale(ROOT / "docs" / "pictures" / "linear-scale.svg", f"Linear regression, {COLUMNS} columns, float64, two cores", {"linear": points})
    return parts


def agreement(family, ours, theirs):
    """How far the predictions of the same rows are apart: relative for numbers, a share for labels."""
    if family == "linear":
        return max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(ours, theirs))
    return sum(a != b for a, b in zip(ours, theirs)) / len(theirs)


def predict_one(quick):
    build()
    parts = []
    with scratch() as folder:
        for family, columns, clusters in (("linear", 50, 1), ("logistic", 50, 1), ("kmeans", 16, 50)):
            shape = (5_000, columns, clusters)
            where = folder / family
            where.mkdir()
            peers.run_python("linear.py", "data-one", where, family, *shape, SEED)
            with peers.Worker(peers.program("bench_predict_one"), family, *shape, where) as ours, \
                    peers.Worker(peers.python("linear.py"), "predict", where, family, *shape) as peer:
                pair = peers.paired(Asking(ours, "200000", 200_000), Asking(peer, "500", 500), peers.rounds_for(quick))
                gap = agreement(family, ours.facts["answers"], peer.facts["answers"])
            parts.append(pair.speed(f"{family}: one row from C, as many times faster than scikit-learn's predict", at_least=1000))
            parts.append(part(f"{family}: predictions of the same rows apart" + (", relative" if family == "linear" else ", share of labels"), gap, "",
                              at_most=1e-6))
    return parts
