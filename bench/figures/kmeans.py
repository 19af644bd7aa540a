"""k-means from given starts beside scikit-learn's, and time against rows."""
from . import peers, plots
from .tools import ROOT, build, median, part, scratch

ROWS, COLUMNS, CLUSTERS, ITERATIONS, SEED = 500_000, 16, 50, 50, 7
SCALE_ITERATIONS = 10  # as many rounds for every number of rows: none of them ends before


def data(folder, rows, kind):
    where = folder / f"{kind}-{rows}"
    where.mkdir()
    peers.run_python("kmeans.py", "data", where, rows, COLUMNS, CLUSTERS, kind, SEED)
    return where


def worker(where, rows, dtype, iterations=ITERATIONS):
    return peers.Worker(peers.program("bench_kmeans_fit"), rows, COLUMNS, CLUSTERS, iterations, dtype, where / f"x.{dtype}", where / f"starts.{dtype}")


def faster(where, dtype):
    """scikit-learn's faster algorithm on these rows, as a worker, warm."""
    sides = {}
    for algorithm in ("lloyd", "elkan"):
        side = peers.Worker(peers.python("kmeans.py"), "fit", where, ROWS, COLUMNS, CLUSTERS, ITERATIONS, dtype, algorithm)
        sides[algorithm] = side, side.go()["seconds"]
    best = min(sides, key=lambda name: sides[name][1])
    for name, (side, _) in sides.items():
        if name != best:
            side.close()
    return best, sides[best][0]


def exact_inertia(where, pair, title):
    """float32 once more, beside scikit-learn in float64 on the same rows: in float32 its sums of centroids round, and both ends lie apart by as much as the note says."""
    exact = peers.run_python("kmeans.py", "exact", where, ROWS, COLUMNS, CLUSTERS, ITERATIONS, "float32", "lloyd")["objective"]
    ours, peer = pair.ours[-1]["objective"], pair.peer[-1]["objective"]
    note = f"merx {ours:.12g}, peer in float64 {exact:.12g}, peer in float32 {peer:.12g} ({(peer - exact) / exact:.2g} from its float64)"
    return part(f"{title}: inertia, ours beside the peer's on the same rows in float64, relative", (ours - exact) / exact, "", at_most=1e-6, note=note)


def fit(quick):
    build()
    parts = []
    with scratch() as folder:
        for kind, at_least, aim in (("blobs", 6, 12), ("noise", 3, 5)):
            where = data(folder, ROWS, kind)
            for dtype in ("float64", "float32"):
                algorithm, peer = faster(where, dtype)
                with peer, worker(where, ROWS, dtype) as ours:
                    pair = peers.paired(ours, peer, peers.rounds_for(quick, 5))
                title = f"{kind}, {dtype}"
                parts.append(pair.speed(f"{title}: as many times faster than scikit-learn ({algorithm})", at_least=at_least, aim=aim))
                parts.append(pair.objective(f"{title}: inertia"))
                if dtype == "float32":
                    parts.append(exact_inertia(where, pair, title))
                parts.append(pair.memory(64, f"{title}: memory beyond the data"))
    return parts


def scale(quick):
    build()
    sizes = (20_000, 200_000) if quick else (20_000, 63_000, 200_000, 630_000, 2_000_000)
    parts, series = [], {}
    with scratch() as folder:
        for kind in ("blobs", "noise"):
            points = []
            for rows in sizes:
                with worker(data(folder, rows, kind), rows, "float64", SCALE_ITERATIONS) as ours:
                    ours.go()
                    runs = [ours.go() for _ in range(3 if quick else 5)]
                points.append((rows, median([run["seconds"] for run in runs])))
                if runs[0]["iterations"] != SCALE_ITERATIONS:
                    raise RuntimeError(f"{rows} rows of {kind} ended after {runs[0]['iterations']} rounds: times can't be compared")
            series[f"k-means, {kind}"] = points
            times = dict(points)
            for rows in sizes:
                if rows * 10 in times:
                    parts.append(part(f"{kind}: time of {rows * 10:,} rows over that of {rows:,}", round(times[rows * 10] / times[rows], 3), "×", at_most=11))
    if not quick:
        plots.scale(ROOT / "docs" / "pictures" / "kmeans-scale.svg", f"k-means, {COLUMNS} columns, {CLUSTERS} clusters, {SCALE_ITERATIONS} rounds", series)
    return parts
