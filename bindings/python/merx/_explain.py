"""Why a row got its prediction: contributions that sum to the score, as text, as a table for notebooks, as a plot."""
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Contribution:
    """One column's part of a score. value: what the row has there, as text."""

    name: str
    value: str
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """base + the sum of the contributions = score (1e-6 relative).

    output        class, cluster or target that is explained
    score         predicted value of a regression; log-odds of a class; of a cluster, how much nearer it is than the next (squared distance)
    prediction    what stands beside the score: the value, or the probability
    contributions by descending size
    """

    output: str
    score: float
    base: float
    prediction: float
    contributions: list[Contribution] = field(default_factory=list)

    def __str__(self) -> str:
        most = max((abs(c.contribution) for c in self.contributions), default=0) or 1
        lines = [f"{self.output}: score {self.score:.6g}, prediction {self.prediction:.6g}", f"  {'base':24s} {self.base:+12.6g}"]
        for c in self.contributions:
            bar = "█" * max(1 if c.contribution else 0, round(abs(c.contribution) / most * 24))
            lines.append(f"  {c.name + ' = ' + c.value:24.24s} {c.contribution:+12.6g} {bar}")
        return "\n".join(lines)

    def _repr_html_(self):
        from merx._base import _escape

        most = max((abs(c.contribution) for c in self.contributions), default=0) or 1
        rows = "".join(
            f"<tr><td>{_escape(c.name)}</td><td>{_escape(c.value)}</td><td style='text-align:right'>{c.contribution:+.6g}</td><td><div style='"
            f"width:{abs(c.contribution) / most * 12:.2f}em;height:.8em;background:{'#2a7' if c.contribution >= 0 else '#c43'}'></div></td></tr>"
            for c in self.contributions
        )
        return (
            f"<table><caption>{_escape(self.output)}: score {self.score:.6g} = base {self.base:.6g} + contributions; prediction "
            f"{self.prediction:.6g}</caption><tr><th>column</th><th>value</th><th>contribution</th><th></th></tr>{rows}</table>"
        )

    def plot(self, ax: Any = None, most: int = 12) -> Any:
        """Bars of the `most` largest contributions and the rest together. Needs matplotlib; returns its Axes."""
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError("plot needs matplotlib: pip install matplotlib") from error
        if ax is None:
            ax = plt.subplots(figsize=(7, 0.35 * min(most + 1, len(self.contributions)) + 1.2), layout="constrained")[1]
        shown = [(f"{c.name} = {c.value}", c.contribution) for c in self.contributions[:most]]
        rest = sum(c.contribution for c in self.contributions[most:])
        if len(self.contributions) > most:
            shown.append((f"{len(self.contributions) - most} others", rest))
        labels, values = [s[0] for s in shown][::-1], [s[1] for s in shown][::-1]
        ax.barh(labels, values, color=["#2a9d6f" if v >= 0 else "#c8452f" for v in values])
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_xlabel(f"contribution to the score of {self.output}")
        ax.set_title(f"score {self.score:.4g} = base {self.base:.4g} + contributions", fontsize=10)
        return ax


def explanation(found: dict[str, Any]) -> Explanation:
    """From what _merx.Model.explain returns."""
    return Explanation(
        found["output"], found["score"], found["base"], found["prediction"], [Contribution(*one) for one in found["contributions"]]
    )
