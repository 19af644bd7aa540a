"""The figure of `next` on amazon-beauty-seq: leave one out, ranked against the whole catalogue, as the published figures are measured."""
import os

from . import peers
from .tools import Run, build, data, part


def measure(quick):
    build()
    source = data("amazon-beauty-seq") / "beauty.txt.gz"
    run = Run([*peers.program("bench_beauty_next"), source, "test", os.cpu_count(), "epochs=20", "negatives=1000"]).must()
    found = run.json()
    ours, counts, markov = found["next"], found["counts"], found["transitions"]
    how = (f"{found['measured']:,} customers, {found['items']:,} items, learnt from {found['learnt_from']:,} events (all but each customer's last two) in "
           f"{found['seconds']:.0f} s; one more event {found['step_us']:.1f} µs")
    parts = []
    for name, least, aim, digits in (("hr@10", 0.0533, 0.060, 4), ("ndcg@10", 0.0327, 0.037, 4)):
        mine, more = ours[name], ours[name + " more"]
        parts.append(part(f"{name.upper()}, leave one out, all items ranked, ties half", round(mine["value"], digits), "", at_least=least, aim=aim,
                          low=mine["low"], high=mine["high"],
                          note=f"counts alone {counts[name]['value']:.4f}, network alone {found['network'][name]['value']:.4f}; {how}"))
        parts.append(part(f"{name.upper()} minus transition counts halved a step back ({markov[name]['value']:.4f}): low end of the paired 95 % interval",
                          round(more["low"], 5), "", at_least=1e-9, low=more["low"], high=more["high"]))
    return parts
