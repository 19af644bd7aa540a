"""The table of model.summary(), as Keras prints it."""
from typing import Any


def _size(count: int) -> str:
    value = float(count * 4)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{value:.2f} {unit}"
        value /= 1024
    return ""


def table(model: Any, line_length: int | None = None) -> str:
    """Layers, output shapes, weights, and in a graph what each follows."""
    from .models import Sequential

    known, chain = model._known(), isinstance(model, Sequential)
    heads = ["Layer (type)", "Output Shape", "Param #"] + ([] if chain else ["Connected to"])
    rows = []
    trainable = fixed = 0
    for layer in model.layers:
        weights = layer.weights if known else []
        sizes = [(1 if not w.shape else int(_product(w.shape)), w.trainable) for w in weights]
        trainable += sum(n for n, t in sizes if t)
        fixed += sum(n for n, t in sizes if not t)
        row = [f"{layer.name} ({type(layer).__name__})", str(layer.output_shape) if layer.built else "?",
               f"{sum(n for n, _ in sizes):,}" if known else "0 (unbuilt)"]
        if not chain:
            row.append(", ".join(t._layer.name for t in layer.output._inputs) or "-")
        rows.append(row)
    widths = [max(w, *(len(r[i]) for r in [heads, *rows])) for i, w in enumerate([31, 22, 13] if chain else [19, 17, 10, 17])]
    spare = (line_length or 0) - sum(widths) - 3 * len(widths) - 1
    widths[0] += max(0, spare)
    cells = lambda row, bar: bar + bar.join(  # noqa: E731
        f" {c.rjust(w) if i == 2 else c.ljust(w)} " for i, (c, w) in enumerate(zip(row, widths))) + bar
    rule = lambda left, line, cross, right: left + cross.join(line * (w + 2) for w in widths) + right  # noqa: E731
    lines = [f'Model: "{model.name}"', rule("┏", "━", "┳", "┓"), cells(heads, "┃"), rule("┡", "━", "╇", "┩")]
    for i, row in enumerate(rows):
        lines += ([rule("├", "─", "┼", "┤")] if i else []) + [cells(row, "│")]
    lines.append(rule("└", "─", "┴", "┘"))
    for word, count in (("Total", trainable + fixed), ("Trainable", trainable), ("Non-trainable", fixed)):
        lines.append(f" {word} params: {count:,} ({_size(count)})")
    return "\n".join(lines)


def _product(shape):
    out = 1
    for s in shape:
        out *= s
    return out
