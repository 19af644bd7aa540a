"""What fit, evaluate and predict print, as Keras does: a bar on a terminal (verbose=1), one line an epoch (2), nothing (0)."""
import re
import sys
import time
from collections.abc import Mapping

_RUNNING = re.compile(r"loss (\S+)  .* (\S+)$")  # the C library's stage: "epoch 1/5  loss 0.1234  accuracy 0.9876"
_WIDTH = 20


def resolve(verbose: int | str) -> int:
    """0, 1 or 2: "auto" is a bar where there is a terminal or a notebook, else lines."""
    if verbose == "auto":
        out = sys.stdout
        screen = (hasattr(out, "isatty") and out.isatty()) or type(out).__module__.startswith("ipykernel")
        return 1 if screen else 2
    if isinstance(verbose, (bool, int)) and 0 <= verbose <= 2:
        return int(verbose)
    raise ValueError(f"verbose is {verbose!r}; expected 0, 1, 2 or 'auto'")


def number(value: float) -> str:
    """As Keras shows metrics."""
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _duration(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02d}:{int(seconds) % 60:02d}"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if seconds > 60 else f"{int(seconds)}s"


def _per_step(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"


class Bar:
    """The progress of one pass over `examples` in batches.

    verbose   0, 1 or 2 (resolve)
    """

    def __init__(self, examples: int, batch: int, verbose: int):
        self.batch, self.verbose = max(1, batch), verbose
        self.steps = max(1, -(-examples // self.batch))
        self.began = time.perf_counter()
        self.width = 0

    def running(self, stage, done, count, unit, elapsed, left, *, metric: str | None = None) -> None:
        """What the C library calls about ten times a second; metric: the name of what it tells beside the loss."""
        found = _RUNNING.search(stage)
        if self.verbose != 1 or not found or done >= 1:
            return
        logs = {"loss": float(found[1])}
        if metric is not None:
            logs[metric] = float(found[2])
        self._show(min(self.steps, -(-count // self.batch)), dict(sorted(logs.items())), _duration(max(0.0, left)))

    def end(self, logs: Mapping[str, float]) -> None:
        """The last line of the pass."""
        seconds = time.perf_counter() - self.began
        if self.verbose == 2:
            text = "".join(f" - {k}: {number(v)}" for k, v in logs.items())
            print(f"{self.steps}/{self.steps} - {seconds:.0f}s - {_per_step(seconds / self.steps)}{text}", flush=True)
        elif self.verbose == 1:
            self._show(self.steps, logs, f"{seconds:.0f}s")
            print(flush=True)

    def _show(self, step, logs, seconds):
        digits, full = len(str(self.steps)), _WIDTH * step // self.steps
        per = (time.perf_counter() - self.began) / max(1, step)
        bar = f"{step:{digits}d}/{self.steps} {'━' * full}"
        rest = f" {seconds} {_per_step(per)}" + "".join(f" - {k}: {number(v)}" for k, v in logs.items())
        width = len(bar) + _WIDTH - full + len(rest)
        print(f"\r{bar}\x1b[37m{'━' * (_WIDTH - full)}\x1b[0m{rest}{' ' * max(0, self.width - width)}", end="", flush=True)
        self.width = width
