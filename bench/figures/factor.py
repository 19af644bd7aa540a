"""The figures of the factor models: ALS beside implicit, EASE in the real shop's recommendations."""
import json
import subprocess

from . import peers, retail
from .tools import build, part, merx, scratch

L2 = 0.1
ALPHA = 10
ITERATIONS = 5


def als_fit(quick):
    build()
    parts = []
    with scratch() as folder:
        made = json.loads(subprocess.run([*peers.program("bench_als_fit"), "generate", folder], check=True, capture_output=True, text=True).stdout)
        for factors in (64, 128):
            words = ("fit", folder, factors, L2, ALPHA, ITERATIONS)
            with peers.Worker(peers.program("bench_als_fit"), *words) as ours, \
                    peers.Worker(peers.python("als.py"), *words, env={"OPENBLAS_NUM_THREADS": "1"}) as peer:
                pair = peers.paired(ours, peer, 3 if quick else 5, warm=0)
                losses = []
                for side in (ours, peer):
                    side.go("save")
                    losses.append(peers.run_python("als.py", "loss", folder, factors, L2, ALPHA)["loss"])
            shape = f"{made['users']:,} x {made['items']:,}, {made['positives'] / 1e6:.0f} M positives"
            parts.append(pair.speed(f"ALS, {factors} factors, {shape}: an iteration beside implicit's", at_least=1.5, aim=3))
            parts.append(part(f"{factors} factors: the loss after {ITERATIONS} iterations beside implicit's, relative", losses[0] / losses[1] - 1, "", at_most=1e-3,
                              note=f"merx {losses[0]:.9g}, implicit {losses[1]:.9g}; below zero is better"))
    return parts


def retail_ease(quick):
    folder = retail.retail()
    with scratch() as work:
        merx("import", folder, "--shop", work / "shop", "--quiet").must()
        result = merx("evaluate", "recommend", "--shop", work / "shop", "--test-from", "2011-11-01", "--json", "--quiet").must().json()
        ndcg = {figure["name"]: figure for figure in result["recommend"]["figures"]}["ndcg@20"]
        return [part("NDCG@20, new items, full ranking, EASE in the blend", ndcg["value"], "", at_least=0.107, low=ndcg["low"], high=ndcg["high"])]
