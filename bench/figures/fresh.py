"""The README's two commands in a bare Debian made by tools/fresh_machine."""
import os
import re

from .tools import ROOT, Missing, Run, part


def measure(quick):
    if os.geteuid() != 0:
        raise Missing("making a bare Debian needs root")
    run = Run([ROOT / "tools" / "fresh_machine"], cwd=ROOT)
    parts = [part("exit code of tools/fresh_machine", run.code, equals=0)]
    again = set()
    for command, code, seconds in re.findall(r"^\s+(\./\S+ \S+)\s+exit (\d+)\s+([\d.]+) s$", run.out, re.MULTILINE):
        what = f"{command}{' again' if command in again else ''}"
        again.add(command)
        parts.append(part(f"{what}: exit code", int(code), equals=0))
        parts.append(part(f"{what}: seconds", float(seconds), "s", at_most=5400))
    return parts
