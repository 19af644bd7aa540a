"""Plots of the documentation: time against rows, both axes logarithmic, with the slope."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#1f6fb4", "#c8352b", "#1f9d74", "#8a5fbf")


def slope(points):
    """Exponent of time = a * rows^b, by least squares of the logarithms."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def ticks(low, high):
    return [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def count_label(value):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def time_label(value):
    return f"{value:g} s" if value >= 1 else f"{value * 1e3:g} ms" if value >= 1e-3 else f"{value * 1e6:g} µs"


def scale(path, title, series, x_title="rows"):
    """Writes an SVG: series = {name: [(rows, seconds), …]}, every slope stated beside its name."""
    every = [point for points in series.values() for point in points]
    x_ticks = ticks(min(x for x, _ in every), max(x for x, _ in every))
    y_ticks = ticks(min(y for _, y in every), max(y for _, y in every))
    if len(y_ticks) == 1:
        y_ticks = [y_ticks[0] / 10, y_ticks[0]]
    left, top, width, height = 80, 46, 560, 320

    def at_x(x):
        return left + width * (math.log10(x) - math.log10(x_ticks[0])) / max(1e-9, math.log10(x_ticks[-1]) - math.log10(x_ticks[0]))

    def at_y(y):
        return top + height * (1 - (math.log10(y) - math.log10(y_ticks[0])) / (math.log10(y_ticks[-1]) - math.log10(y_ticks[0])))

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {top + height + 52}" role="img" '
             'font-family="system-ui,sans-serif" font-size="12">', f"<title>{escape(title)}</title>",
             f'<rect width="{left + width + 30}" height="{top + height + 52}" fill="#fff"/>',
             f'<text x="{left}" y="20" font-size="14" fill="#222">{escape(title)}</text>']
    for x in x_ticks:
        lines.append(f'<path d="M{at_x(x):.1f} {top}V{top + height}" stroke="#e4e4e4"/><text x="{at_x(x):.1f}" y="{top + height + 18}" text-anchor="middle" fill="#555">{count_label(x)}</text>')
    for y in y_ticks:
        lines.append(f'<path d="M{left} {at_y(y):.1f}H{left + width}" stroke="#e4e4e4"/><text x="{left - 8}" y="{at_y(y) + 4:.1f}" text-anchor="end" fill="#555">{time_label(y)}</text>')
    lines.append(f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle" fill="#333">{escape(x_title)}</text>')
    for i, (name, points) in enumerate(series.items()):
        points = sorted(points)
        colour = COLOURS[i % len(COLOURS)]
        path_d = "M" + "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in points)
        lines.append(f'<path d="{path_d}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.extend(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
        label = f"{name}: time ∝ rows^{slope(points):.2f}" if len(points) > 1 else name
        lines.append(f'<rect x="{left + 12}" y="{top + 10 + 20 * i}" width="12" height="12" fill="{colour}"/><text x="{left + 30}" y="{top + 20 + 20 * i}" fill="#222">{escape(label)}</text>')
    lines.append("</svg>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
