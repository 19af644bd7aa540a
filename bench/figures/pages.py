"""docs/performance.md and docs/quality.md out of the measured figures, each with a plot."""
import subprocess
from xml.sax.saxutils import escape

from . import catalogue, peers
from .tools import ROOT, Missing


def bound(part):
    for word, sign in (("at_least", "≥"), ("at_most", "≤"), ("equals", "=")):
        if word in part:
            return sign, part[word]
    return "", ""


def versions():
    try:
        return ", ".join(f"{name} {version}" for name, version in peers.versions().items())
    except (Missing, OSError, subprocess.CalledProcessError):
        return "none installed"


def shown(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plot(rows):
    """Bars of value over bound: 1 is the bound; right is better where at least, left where at most."""
    height = 30 + 24 * len(rows)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" role="img" font-family="system-ui,sans-serif" font-size="12">',
             "<title>Measured values over their bounds</title>", f'<rect width="860" height="{height}" fill="#fff"/>']
    most = max([1.2] + [min(4, share) for _, share, _ in rows])
    left, width = 470, 330
    for i, (label, share, met) in enumerate(rows):
        y = 12 + 24 * i
        lines.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end" fill="#333">{escape(label[:72])}</text>')
        lines.append(f'<rect x="{left}" y="{y + 2}" width="{max(1, min(share, most) / most * width):.1f}" height="14" rx="3" fill="{"#1f9d74" if met else "#c8352b"}"/>')
        lines.append(f'<text x="{left + min(share, most) / most * width + 6:.1f}" y="{y + 13}" fill="#333">{share:.2f}</text>')
    x = left + width / most
    lines.append(f'<path d="M{x:.1f} 6V{height - 12}" stroke="#333" stroke-dasharray="4 3"/><text x="{x:.1f}" y="{height - 2}" text-anchor="middle" fill="#333">bound</text></svg>')
    return "\n".join(lines) + "\n"


def write(results):
    docs = ROOT / "docs"
    for kind, title in (("performance", "Performance"), ("quality", "Quality")):
        chosen = {name: result for name, result in results.items() if catalogue.FIGURES[name].kind == kind}
        machine = next((result["machine"] for result in chosen.values() if "machine" in result), {})
        lines = [f"# {title}", "", "Written by `bench/figure --all`, or by `bench/figure --pages` out of the newest run of each; each name can be measured alone with `bench/figure NAME`.", "",
                 f"Machine: {machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores, {machine.get('float32_gflops', 0):.0f} GFLOP/s float32 and "
                 f"{machine.get('read_gb_s', 0):.1f} GB/s a core.", "",
                 f"Peers: {versions()}; compared on {peers.CORES} cores, both sides in turns in one run.", "", f"![values over their bounds]({kind}.svg)", "",
                 "| figure | what | value | bound | met |", "|---|---|---|---|---|"]
        rows = []
        for name, result in chosen.items():
            for part in result["parts"]:
                sign, limit = bound(part)
                interval = f" [{shown(part['low'])}, {shown(part['high'])}]" if part.get("low") is not None else ""
                aim = f", aim {part['aim']}" if "aim" in part else ""
                note = f"<br>{part['note']}" if "note" in part else ""
                lines.append(f"| {name} | {part['what']}{note} | {shown(part['value'])}{interval} {part['unit']} | {sign} {limit}{aim} | {'yes' if part['met'] else '**no**'} |")
                if name != "machine" and sign in ("≥", "≤") and isinstance(limit, (int, float)) and limit > 1e-6:
                    rows.append((f"{name}: {part['what']}", part["value"] / limit, part["met"]))
            if "reason" in result:
                lines.append(f"| {name} | {result['reason']} | | | **no** |")
        if rows:
            (docs / f"{kind}.svg").write_text(plot(rows), encoding="utf-8")
        (docs / f"{kind}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
