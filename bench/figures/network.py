"""Networks beside Keras (TensorFlow) and PyTorch: training, answers, one answer; parity with Keras from the same weights; accuracy.

Every peer is called in several ways; each is warmed up and timed, and the fastest is the one that is measured in turns with merx. The notes list them all.
"""
import json
import math

from . import machine, peers
from .tools import ROOT, build, data, median, part, scratch

NETWORKS = ROOT / "bench" / "networks"
GOLDEN = ROOT / "tests" / "golden" / "network_parity.json"
FIT = ("fit", "fit+many", "fit+xla", "fit+xla+many", "fit+many+onednn", "function", "function+xla")
CALLS = ("function", "function+xla", "function+onednn", "function+single", "function+xla+single")
PREDICT = ("predict", "predict+xla", "predict+onednn")
# multiplications and additions of one example, forward and backward: the gradient by the network's input is never needed
CONV, DENSE = 2 * 26 * 26 * 32 * 9, 2 * 13 * 13 * 32 * 10
FLOPS = {"cnn-train": 2 * CONV + 3 * DENSE, "cnn-infer": CONV + DENSE, "lstm-train": 3 * 50 * 2 * (32 + 128) * 512}


class Asking:
    """A worker asked for the same thing every time: paired() gives both sides the same words."""

    def __init__(self, worker, words):
        self.worker, self.words, self.facts = worker, words, worker.facts

    def go(self, _=""):
        return self.worker.go(self.words)


def ours(mode, spec, folder, n, *more, threads=peers.CORES):
    return peers.Worker(peers.program("bench_network"), mode, NETWORKS / f"{spec}.json", folder, n, *more, threads=threads)


def keras(mode, spec, folder, n, way):
    return peers.Worker(peers.python("network_keras.py"), mode, folder, NETWORKS / f"{spec}.json", n, way)


def torch(mode, spec, folder, n, way):
    return peers.Worker(peers.python("network_torch.py"), mode, folder, spec, n, way)


class Fastest:
    """The fastest of a peer's ways of doing the same thing, warm and open; times: of every way."""

    def __init__(self, make, ways, words="", warm=2, count=3):
        self.worker, self.times, self.way = None, {}, None
        for way in ways:
            worker = make(way)
            for _ in range(warm):
                worker.go(words)
            self.times[way] = min(worker.go(words)["seconds"] for _ in range(count))
            if self.worker is None or self.times[way] < self.times[self.way]:
                self.close()
                self.worker, self.way = worker, way
            else:
                worker.close()

    def note(self):
        return "ways tried: " + ", ".join(f"{way} {peers.seconds(value)}" for way, value in sorted(self.times.items(), key=lambda item: item[1]))

    def close(self):
        if self.worker is not None:
            self.worker.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def share(title, flops, runs, n, at_least, aim=None):
    """What part of the peak of the cores the arithmetic that is needed makes, in the median repetition; interval: from the quarter slowest to the quarter fastest."""
    peak = machine.limits()["float32_gflops"] * 1e9 * peers.CORES
    times = sorted(run["seconds"] for run in runs)
    shares = [100 * flops * n / seconds / peak for seconds in times]
    note = f"{n / median(times):,.0f} a second, {flops / 1e6:.3g} MFLOP each; peak {peak / 1e9:.0f} GFLOP/s on {peers.CORES} cores"
    return part(f"{title}: share of the machine's peak", round(median(shares), 2), "%", at_least=at_least, aim=aim, low=round(shares[-(len(shares) // 4) - 1], 2),
                high=round(shares[len(shares) // 4], 2), note=note)


def beside(side, fastest, title, rounds, at_least, aim=None, words=("", "")):
    """A pair, and its part."""
    pair = peers.paired(Asking(side, words[0]), Asking(fastest.worker, words[1]), rounds, pause_s=0.2)
    made = pair.speed(f"{title} ({fastest.way})", at_least=at_least, aim=aim)
    made["note"] += "; " + fastest.note()
    return pair, made


def fashion(folder, which, n):
    where = folder / which
    where.mkdir()
    peers.run_python("fashion.py", data("fashion-mnist"), which, where, n)
    return where


def generated(folder, n, shape, first=0, classes=10):
    where = folder / f"generated-{shape}-{first}"
    where.mkdir()
    peers.run_python("generated.py", where, n, shape, classes, first)
    return where


def memory(title, runs, values):
    """Largest resident set beyond the data, beside parameters x 16 bytes + activations of one batch (values: floats an example, forward and backward) + 24 MB of program."""
    bound = (16 * runs[0]["weights"] + 4 * 32 * values) / 1e6 + 24
    return part(f"{title}: memory beyond the data", max(run["extra_mb"] for run in runs), "MB", at_most=round(bound, 1))


def cnn_train(quick):
    build()
    n = 6_400 if quick else 19_200
    rounds = peers.rounds_for(quick, 5)
    with scratch() as folder:
        where = fashion(folder, "train", n)
        with ours("train", "cnn", where, n) as side:
            with Fastest(lambda way: keras("train", "cnn", where, n, way), FIT[:4] if quick else FIT, warm=1, count=2) as peer:
                first, against_keras = beside(side, peer, "as many times faster than Keras", rounds, 10, 18)
            with Fastest(lambda way: torch("train", "cnn", where, n, way), ("eager", "last", "compile", "compile+last", "eager+single"), warm=1, count=2) as peer:
                second, against_torch = beside(side, peer, "as many times faster than PyTorch", rounds, 10, 18)
    runs = first.ours + second.ours
    return [share("training", FLOPS["cnn-train"], runs, n, 35, 45), against_keras, against_torch, memory("training", runs, 2 * (784 + 26 * 26 * 32 + 13 * 13 * 32 + 10))]


def cnn_infer(quick):
    build()
    n, rounds = 10_000, peers.rounds_for(quick, 9)
    with scratch() as folder:
        where = fashion(folder, "t10k", n)
        with ours("infer", "cnn", where, n) as side:
            with Fastest(lambda way: keras("infer", "cnn", where, n, way), PREDICT + CALLS[:3]) as peer:
                first, against_keras = beside(side, peer, "as many times faster than Keras", rounds, 6)
            with Fastest(lambda way: torch("infer", "cnn", where, n, way), ("eager", "last", "frozen", "frozen+last", "compile", "compile+last")) as peer:
                second, against_torch = beside(side, peer, "as many times faster than PyTorch", rounds, 2.5, 4)
    return [share("classifying", FLOPS["cnn-infer"], first.ours + second.ours, n, 35, 50), against_keras, against_torch]


def singles(mode, spec, torch_ways, where, n, quick, bounds):
    """One call from C beside Keras's predict, its compiled call, and PyTorch; bounds: (predict, compiled, (PyTorch, aim))."""
    rounds, parts = peers.rounds_for(quick, 7), []
    word = "one picture" if mode == "one" else "one more event"
    mine, theirs = "20000", "2000"
    with ours(mode, spec, where, n) as side:
        with Fastest(lambda way: keras(mode, spec, where, n, way), ("predict", "predict+single", "predict+xla"), "40") as peer:
            parts.append(beside(side, peer, f"{word} from C, as many times faster than Keras's predict", rounds, bounds[0], words=(mine, "40"))[1])
        with Fastest(lambda way: keras(mode, spec, where, n, way), CALLS, "500") as peer:
            parts.append(beside(side, peer, f"{word} from C, as many times faster than Keras compiled", rounds, bounds[1], words=(mine, theirs))[1])
        with Fastest(lambda way: torch(mode, spec.split("-")[0], where, n, way), torch_ways, "500") as peer:
            parts.append(beside(side, peer, f"{word} from C, as many times faster than PyTorch", rounds, *bounds[2], words=(mine, theirs))[1])
    return parts


def cnn_one(quick):
    build()
    with scratch() as folder:
        return singles("one", "cnn", ("eager", "last", "frozen", "compile"), fashion(folder, "t10k", 1000), 1000, quick, (2000, 25, (6, 10)))


def lstm_step(quick):
    build()
    with scratch() as folder:
        return singles("step", "lstm-tanh", ("eager", "cell", "frozen", "cell+frozen", "compile", "cell+compile"), generated(folder, 64, "50x32"), 64, quick, (5000, 50, (6, 10)))


def lstm_train(quick):
    build()
    n, rounds, parts = 640 if quick else 1_920, peers.rounds_for(quick, 5), []
    with scratch() as folder:
        where = generated(folder, n, "50x32")
        for f, against in (("relu", 4.5), ("tanh", 5)):
            with ours("train", f"lstm-{f}", where, n) as side:
                with Fastest(lambda way: keras("train", f"lstm-{f}", where, n, way), FIT[:4] if quick else FIT, warm=1, count=2) as peer:
                    pair, against_keras = beside(side, peer, f"{f}: as many times faster than Keras", rounds, against)
                runs, made = list(pair.ours), [against_keras]
                if f == "tanh":
                    with Fastest(lambda way: torch("train", "lstm", where, n, way), ("eager", "compile", "eager+single"), warm=1, count=2) as peer:
                        pair, against_torch = beside(side, peer, "tanh: as many times faster than PyTorch", rounds, 1.3, 1.7)
                    runs += pair.ours
                    made.append(against_torch)
            parts += [share(f"{f}: training", FLOPS["lstm-train"], runs, n, 60), *made]
    return parts


def resnet_train(quick):
    build()
    n, rounds, parts = 64 if quick else 128, peers.rounds_for(quick, 5), []
    with scratch() as folder:
        where = generated(folder, n, "64x64x3")
        with ours("train", "resnet", where, n) as side:
            with Fastest(lambda way: keras("train", "resnet", where, n, way), ("fit", "fit+xla", "fit+onednn"), warm=1, count=1) as peer:
                parts.append(beside(side, peer, "as many times faster than Keras", rounds, 1.5)[1])
            with Fastest(lambda way: torch("train", "resnet", where, n, way), ("eager", "last", "compile", "compile+last"), warm=1, count=1) as peer:
                pair, made = beside(side, peer, "as many times faster than PyTorch", rounds, 1.2)
                parts.append(made)
    weights = {side_.get("weights") for side_ in (pair.ours[0], pair.peer_facts)}
    parts.append(part("weights: as many as the peer's", len(weights), "", equals=1, note=f"{pair.ours[0]['weights']:,}, with moving statistics"))
    return parts


# ---- the same as Keras ----

WRITE = """
import json, sys
from pathlib import Path
import numpy as np
import generated
case, folder, source = json.load(open(sys.argv[1]))["networks"][int(sys.argv[2])], Path(sys.argv[3]), Path(sys.argv[4])
with open(folder / "weights", "wb") as out:
    for w in case["weights"]:
        size = int(np.prod(w["shape"]))
        v = np.array(w["values"], np.float32) if "values" in w else generated.numbers(w["stream"], size) * np.float32(w["limit"])
        v.astype(np.float32).tofile(out)
if case["examples"]["source"] == "generated":
    x, labels = generated.examples(case["examples"]["examples"], tuple(case["spec"]["input"]), 10)
else:
    rows = np.array(case["examples"]["rows"])
    x = np.fromfile(source / "x", np.float32).reshape(-1, 784)[rows]
    labels = np.fromfile(source / "labels", np.int32)[rows]
x.tofile(folder / "x")
labels.astype(np.int32).tofile(folder / "labels")
print(json.dumps({"n": len(labels)}))
"""
COMPARE = """
import json, sys
import numpy as np
case = json.load(open(sys.argv[1]))["networks"][int(sys.argv[2])]
made, worst, norm, at = np.fromfile(sys.argv[3], np.float32).astype(float), 0.0, 0.0, 0
sizes = [int(np.prod(w["shape"])) for w in case["weights"]]
for g, size in zip(case["gradients"], sizes, strict=True):
    ours = made[at:at + size]
    at += size
    norm = max(norm, abs(np.linalg.norm(ours) - g["norm"]) / g["norm"])
    worst = max(worst, np.abs(ours[g["places"]] - g["values"]).max() / (g["norm"] / np.sqrt(size)))
assert at == len(made)
print(json.dumps({"norm": norm, "worst": worst}))
"""


def parity(index, title, folder):
    """merx from Keras's initial weights on Keras's batches, beside the losses and gradients that Keras wrote in float64 (tests/golden/make_network.py)."""
    case = json.loads(GOLDEN.read_text())["networks"][index]
    where = folder / f"parity-{index}"
    where.mkdir()
    source = folder / "train"
    if case["examples"]["source"] == "fashion-mnist" and not source.exists():
        fashion(folder, "train", 60_000)
    n = peers.run_python(WRITE, GOLDEN, index, where, source, code=True)["n"]
    name = "cnn" if case["examples"]["source"] == "fashion-mnist" else f"lstm-{case['spec']['layers'][0]['activation']}"
    with ours("parity", name, where, n, where / "weights", where / "gradients") as side:
        losses = side.go(case["optimizer"]["learning_rate"])["losses"]
    exact, single = case["losses"]["float64"], case["losses"]["float32"]
    apart, own = ([abs(a - b) / abs(b) for a, b in zip(values, exact)] for values in (losses, single))
    parts = [part(f"{title}: losses of the first 10 steps, relative to Keras in float64", max(apart[:10]), "", at_most=max(1e-5, 3 * max(own[:10])),
                  note=f"{losses[0]:.8g} … {losses[9]:.8g}; Keras in float32 is away by {max(own[:10]):.2g}")]
    end = case["apart_from_step"]
    if end is None:
        parts.append(part(f"{title}: losses of the first 100 steps, relative to Keras in float64", max(apart), "", at_most=max(1e-3, 3 * max(own)),
                          note=f"{losses[0]:.8g} … {losses[-1]:.8g}; Keras in float32 is away by {max(own):.2g}"))
    else:
        note = (f"{losses[0]:.8g} … {losses[end - 1]:.8g}; step {end + 1} explodes: from there rounding alone decides, Keras in float32 is away from Keras in float64 "
                f"by up to {max(own):.2g}, merx by up to {max(apart):.2g}")
        parts.append(part(f"{title}: losses of the first {end} steps, where Keras in float32 itself leaves Keras in float64, relative", max(apart[:end]), "", at_most=1e-3, note=note))
    gradients = peers.run_python(COMPARE, GOLDEN, index, where / "gradients", code=True)
    parts.append(part(f"{title}: gradients of the first step, norms, relative", gradients["norm"], "", at_most=1e-4))
    parts.append(part(f"{title}: gradients of the first step, single values over their tensor's root mean square", gradients["worst"], "", at_most=1e-4))
    return parts


def binomial(right, rows):
    """95 % interval of a share: Wilson's."""
    z, p = 1.96, right / rows
    middle, half = (p + z * z / (2 * rows)) / (1 + z * z / rows), z * math.sqrt(p * (1 - p) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return middle - half, middle + half


def accuracies(title, spec, train, n, test, m, epochs):
    """Ours and Keras's own training from their own initial weights, and whether the intervals meet."""
    with ours("accuracy", spec, train, n, test, m) as side:
        run = side.go(f"{epochs} 1")
    peer = peers.run_python("network_keras.py", "accuracy", train, test, NETWORKS / f"{spec}.json", n, m, epochs, 1)
    a, b = binomial(run["right"], m), binomial(peer["right"], m)
    gap = max(a[0], b[0]) - min(a[1], b[1])
    note = (f"merx {run['right'] / m:.4f} [{a[0]:.4f}, {a[1]:.4f}] in {run['seconds']:.1f} s, Keras {peer['accuracy']:.4f} [{b[0]:.4f}, {b[1]:.4f}] in "
            f"{peer['seconds']:.1f} s; {epochs} epochs, {n:,} to learn, {m:,} held out")
    return part(f"{title}: gap between both intervals of the test accuracy (0 or less: they meet)", round(gap, 5), "", at_most=0, note=note)


def mean_interval(values):
    """Mean and its 95 % interval by Student's t."""
    quantile = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}[len(values) - 1]
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    reach = quantile * deviation / math.sqrt(len(values))
    return mean, mean - reach, mean + reach


def accuracies_of_many(title, spec, train, n, test, m, epochs, seeds):
    """Where a training explodes, rounding decides how it ends, and one run of each says nothing about either: means over initial weights."""
    with ours("accuracy", spec, train, n, test, m) as side:
        own = [side.go(f"{epochs} {seed}")["right"] / m for seed in range(1, seeds + 1)]
    peer = [peers.run_python("network_keras.py", "accuracy", train, test, NETWORKS / f"{spec}.json", n, m, epochs, seed)["right"] / m for seed in range(1, seeds + 1)]
    a, b = mean_interval(own), mean_interval(peer)
    each = [", ".join(f"{v:.3f}" for v in values) for values in (own, peer)]
    note = (f"merx {a[0]:.4f} [{a[1]:.4f}, {a[2]:.4f}] of {each[0]}; Keras {b[0]:.4f} [{b[1]:.4f}, {b[2]:.4f}] of {each[1]}; "
            f"{epochs} epochs, {n:,} to learn, {m:,} held out")
    return part(f"{title}: gap between both intervals of the mean accuracy over {seeds} initial weights (0 or less: they meet)", round(max(a[1], b[1]) - min(a[2], b[2]), 5), "",
                at_most=0, note=note)


def cnn_parity(quick):
    build()
    with scratch() as folder:
        parts = parity(0, "CNN", folder)
        parts.append(accuracies("CNN", "cnn", folder / "train", 60_000, fashion(folder, "t10k", 10_000), 10_000, 1 if quick else 10))
    return parts


def lstm_parity(quick):
    build()
    n, m = 1_600, 2_000
    with scratch() as folder:
        parts = parity(1, "LSTM, tanh", folder) + parity(2, "LSTM, relu", folder) + parity(3, "LSTM, relu, a twentieth of the rate", folder)
        train, test = generated(folder, n, "50x32"), generated(folder, m, "50x32", n)
        for f in ("tanh", "relu"):
            parts.append(accuracies(f"LSTM, {f}", f"lstm-{f}", train, n, test, m, 1 if quick else 10))
        parts.append(accuracies_of_many("LSTM, relu", "lstm-relu", train, n, test, m, 1 if quick else 10, 2 if quick else 8))
    return parts


def fashion_cnn(quick):
    build()
    epochs, seeds = 10, 1 if quick else 3
    with scratch() as folder:
        train, test = fashion(folder, "train", 60_000), fashion(folder, "t10k", 10_000)
        with ours("accuracy", "cnn", train, 60_000, test, 10_000) as side:
            runs = [side.go(f"{epochs} {seed}") for seed in range(1, seeds + 1)]
    middle = sorted(runs, key=lambda run: run["right"])[len(runs) // 2]
    low, high = binomial(middle["right"], 10_000)
    each = ", ".join(f"{run['right'] / 10_000:.4f}" for run in runs)
    note = f"seeds 1 to {seeds}: {each}; the median counts; {middle['seconds']:.1f} s to train on {peers.CORES} cores; Keras reaches 0.905 to 0.91"
    return [part("test accuracy after 10 epochs", middle["right"] / 10_000, "", at_least=0.905, low=round(low, 4), high=round(high, 4), note=note)]
