"""Paired timing against a peer: both sides load once, then take turns on the same cores in one run.

A side is a program that keeps the worker's protocol (bench/worker.h in C, bench/peers/worker.py in Python): it says {"ready": true, …} when
its data are in memory and answers every line "go …" with one repetition, {"seconds", "cpu_seconds", "extra_mb", …}. What is loaded,
checked and printed is outside the timing, and while one side works the other waits.

    with peers.Worker(peers.program("bench_linear"), folder) as ours, peers.Worker(peers.python("linear.py"), folder) as peer:
        pair = peers.paired(ours, peer, 7)
    parts = [pair.speed("linear-fit, LinearRegression", at_least=20, aim=50), pair.objective("residual sum of squares"), pair.memory(64)]
"""
import json
import math
import os
import random
import subprocess
import time
from pathlib import Path

from .tools import ROOT, Missing, median, part

CORES = 2  # every comparison runs on two cores, however many there are
PEERS = ROOT / "bench" / "peers"


def peer_python():
    """The python that has the peers: MERX_PEERS, else bench/peers/.venv (a link to another environment will do)."""
    named = os.environ.get("MERX_PEERS")
    path = Path(named) if named else PEERS / ".venv" / "bin" / "python"
    if not path.exists():
        raise Missing(f"no peers: {path} is not there (bench/peers/setup installs them; MERX_PEERS names another python)")
    return path


def versions():
    """What stands in bench/peers/requirements.txt, as installed."""
    code = ("import importlib.metadata, json, re, sys\nfound = {}\nfor line in open(sys.argv[1]):\n    name = re.split('[=<> ]', line.strip())[0]\n"
            "    try:\n        found[name] = importlib.metadata.version(name)\n    except Exception:\n        pass\nprint(json.dumps(found))")
    run = subprocess.run([peer_python(), "-c", code, PEERS / "requirements.txt"], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def program(name):
    """A program of the release build, e.g. bench_linear."""
    return [ROOT / "build" / "release" / "bin" / name]


def python(script):
    """A script of bench/peers, under the peers' python."""
    return [peer_python(), PEERS / script]


def cores():
    allowed = sorted(os.sched_getaffinity(0))
    return set(allowed[:CORES])


def environment(threads=CORES):
    """The thread settings of every library that has one, so that both sides may use the same cores and no more."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS",
             "ARROW_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    return {**os.environ, **{name: str(threads) for name in names}, "PYTHONPATH": str(PEERS)}


def run_python(script, *arguments, threads=CORES, code=False):
    """Runs a script of bench/peers (or code given as text) to its end; the JSON object of its last line."""
    allowed = set(sorted(cores())[:threads])
    command = [peer_python(), *(["-c", script] if code else [PEERS / script]), *arguments]
    run = subprocess.run([str(word) for word in command], env=environment(threads), capture_output=True, text=True, check=False,
                         preexec_fn=lambda: os.sched_setaffinity(0, allowed))
    if run.returncode != 0:
        raise RuntimeError(f"{script if not code else 'peer'}: exit code {run.returncode}: {run.stderr[-2000:]}")
    lines = run.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


def run_program(name, *arguments):
    """Runs a program of the release build to its end."""
    run = subprocess.run([str(word) for word in (*program(name), *arguments)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{name}: exit code {run.returncode}: {run.stderr[-2000:]}")


class Worker:
    """A side: a long-lived process that repeats on demand. facts: what it said when it was ready."""

    def __init__(self, command, *arguments, threads=CORES, env=None):
        allowed = set(sorted(cores())[:threads])
        self.name = Path(str(command[-1])).stem
        self.process = subprocess.Popen([str(word) for word in (*command, *arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**environment(threads), **(env or {})}, preexec_fn=lambda: os.sched_setaffinity(0, allowed))
        self.facts = self.answer()
        if not self.facts.get("ready"):
            raise RuntimeError(f"{self.name}: not ready: {self.facts}")

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: ended with exit code {self.process.wait()} (its messages are above)")
        return json.loads(line)

    def go(self, words=""):
        self.process.stdin.write(f"go {words}".rstrip() + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def interval(ours, peer, draws=2000, seed=1):
    """95 % interval of median(peer) / median(ours): rounds drawn with replacement, both sides of a round together."""
    if len(ours) < 3:
        ratios = [b / a for a, b in zip(ours, peer)]
        return min(ratios), max(ratios)
    generator = random.Random(seed)
    ratios = []
    for _ in range(draws):
        chosen = [generator.randrange(len(ours)) for _ in ours]
        ratios.append(median([peer[i] for i in chosen]) / median([ours[i] for i in chosen]))
    ratios.sort()
    return ratios[int(0.025 * draws)], ratios[int(0.975 * draws) - 1]


def seconds(value):
    return f"{value:.3f} s" if value >= 0.1 else f"{value * 1e3:.3g} ms" if value >= 1e-4 else f"{value * 1e6:.3g} µs"


class Pair:
    """Rounds of both sides: ours, peer are lists of what each repetition reported, in order."""

    def __init__(self, ours, peer, facts):
        self.ours, self.peer = ours, peer
        self.our_facts, self.peer_facts = facts
        self.our_s = median([run["seconds"] for run in ours])
        self.peer_s = median([run["seconds"] for run in peer])
        self.ratio = self.peer_s / self.our_s
        self.low, self.high = interval([run["seconds"] for run in ours], [run["seconds"] for run in peer])
        self.our_cpu_s = median([run.get("cpu_seconds", math.nan) for run in ours])
        self.peer_cpu_s = median([run.get("cpu_seconds", math.nan) for run in peer])

    def note(self):
        fastest = f"fastest {seconds(min(run['seconds'] for run in self.ours))} and {seconds(min(run['seconds'] for run in self.peer))}"
        cpus = f"CPU {seconds(self.our_cpu_s)} and {seconds(self.peer_cpu_s)}"
        threads = f"{self.our_facts.get('threads', '?')} and {self.peer_facts.get('threads', '?')} cores"
        return f"merx {seconds(self.our_s)}, peer {seconds(self.peer_s)} (medians of {len(self.ours)}; {fastest}; {cpus}; {threads})"

    def speed(self, what, *, at_least, aim=None):
        """How many times faster, the interval beside it."""
        return part(what, round(self.ratio, 3), "×", at_least=at_least, low=round(self.low, 3), high=round(self.high, 3), aim=aim, note=self.note())

    def objective(self, what, key="objective", *, tolerance=1e-6, both_ways=False):
        """Ours beside the peer's, relative: at most `tolerance` worse (larger), or away in either direction. The worst round counts."""
        gaps = [(a[key] - b[key]) / max(abs(b[key]), 1e-300) for a, b in zip(self.ours, self.peer)]
        worst = max(gaps, key=abs) if both_ways else max(gaps)
        note = f"merx {self.ours[-1][key]:.12g}, peer {self.peer[-1][key]:.12g}"
        value = abs(worst) if both_ways else worst
        return part(f"{what}: ours beside the peer's, relative", value if math.isfinite(value) else math.inf, "", at_most=tolerance, note=note)

    def at_most(self, what, key, bound, unit=""):
        """A number both sides report (a gradient's norm) is within the bound on both sides."""
        worst = max(run[key] for run in (*self.ours, *self.peer))
        ours = max(run[key] for run in self.ours)
        peer = max(run[key] for run in self.peer)
        return part(f"{what}, the larger of both sides", worst, unit, at_most=bound, note=f"merx {ours:.3g}, peer {peer:.3g}")

    def memory(self, at_most_mb=64, what="memory beyond the data"):
        """Largest resident set of our side over what was resident when the data were ready."""
        return part(what, max(run["extra_mb"] for run in self.ours), "MB", at_most=at_most_mb, note=f"peer {max(run['extra_mb'] for run in self.peer):.0f} MB")


def paired(ours, peer, rounds, *, warm=1, words="", pause_s=0.02):
    """Both sides in turns, the order changing every round; the first `warm` rounds are not counted."""
    runs = ([], [])
    for i in range(warm + rounds):
        order = ((0, ours), (1, peer)) if i % 2 == 0 else ((1, peer), (0, ours))
        for which, side in order:
            time.sleep(pause_s)  # threads of the other side that still spin have gone to sleep
            run = side.go(words)
            if i >= warm:
                runs[which].append(run)
    return Pair(*runs, (ours.facts, peer.facts))


def rounds_for(quick, full=7):
    return 3 if quick else full
