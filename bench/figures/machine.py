"""The machine's own limits, measured by bench/machine.c: what every speed is a share of."""
import functools
import json
import subprocess

from .tools import ROOT, build, part


@functools.cache
def limits():
    build()
    program = ROOT / "build" / "release" / "bin" / "bench_machine"
    return json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)


def describe():
    try:
        return limits()
    except (OSError, subprocess.CalledProcessError) as reason:
        return {"error": str(reason)}


def measure(quick):
    measured = limits()
    return [
        part("float32 peak of one core", measured["float32_gflops"], "GFLOP/s", at_least=1.0),
        part("float64 peak of one core", measured["float64_gflops"], "GFLOP/s", at_least=1.0),
        part("bf16 peak of one core (0: the CPU has none)", measured["bf16_gflops"], "GFLOP/s", at_least=0.0),
        part("memory bandwidth of one core, reading", measured["read_gb_s"], "GB/s", at_least=1.0),
        part("memory bandwidth of all cores, reading", measured["read_all_gb_s"], "GB/s", at_least=1.0),
    ]
