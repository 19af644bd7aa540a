"""logistic-fit and logistic-scale: logistic regression beside scikit-learn's, and its time as rows grow."""
import json

from . import peers, plots
from .tools import ROOT, build, median, part, scratch

N, D = 200_000, 50
OPTIONS = "l2=1 tolerance=1e-5"


def qualities(folder, n, runs):
    """Gradient and objective of every run's parameters, by the same code for both sides."""
    path = folder / "parameters.json"
    path.write_text(json.dumps([run["parameters"] for run in runs]), encoding="utf-8")
    for run, found in zip(runs, peers.run_python("logistic.py", "check", n, D, folder, path)):
        run.update(found)


def fit(quick):
    build()
    with scratch() as folder:
        peers.run_python("logistic.py", "make", N, D, folder)
        with peers.Worker(peers.program("bench_logistic_fit"), N, D, folder) as ours, \
                peers.Worker(peers.python("logistic.py"), "fit", N, D, folder) as peer:
            pair = peers.paired(ours, peer, peers.rounds_for(quick, 15), words=f"{OPTIONS} standard_errors=no")
            full = peers.paired(ours, peer, peers.rounds_for(quick, 7), words=OPTIONS)
        qualities(folder, N, [*pair.ours, *pair.peer])
        solver = f"{peer.facts['solver']}, tol {peer.facts['tol']:g}"
        return [
            pair.speed(f"logistic regression {N:,} × {D}, against scikit-learn's best ({solver})", at_least=3, aim=6),
            pair.at_most("max norm of the gradient of the mean penalised loss", "gradient", 1e-5),
            pair.objective("mean penalised loss"),
            pair.memory(64),
            full.speed("the same with standard errors, which scikit-learn does not give", at_least=3),
        ]


def scale(quick):
    build()
    series = {}
    for n in (20_000, 63_000, N, 632_000, 10 * N):
        if quick and n not in (N, 10 * N):
            continue
        with scratch() as folder:
            peers.run_python("logistic.py", "make", n, D, folder)
            with peers.Worker(peers.program("bench_logistic_fit"), n, D, folder) as ours:
                runs = [ours.go(OPTIONS) for _ in range(2 + peers.rounds_for(quick, 9))][2:]
            qualities(folder, n, runs[-1:])
        series[n] = (median([run["seconds"] for run in runs]), runs[-1]["gradient"])
    plots.scale(ROOT / "docs" / "pictures" / "logistic-scale.svg", f"logistic regression, {D} columns, gradient ≤ 1e-5",
                {"logistic": [(n, seconds) for n, (seconds, _) in series.items()]})
    return [
        part("time for ten times the rows", round(series[10 * N][0] / series[N][0], 2), "×", at_most=11,
             note=f"{peers.seconds(series[N][0])} for {N:,} rows, {peers.seconds(series[10 * N][0])} for {10 * N:,}"),
        part("max norm of the gradient, the largest", max(gradient for _, gradient in series.values()), "", at_most=1e-5),
    ]
