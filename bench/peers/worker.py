"""The peer's half of a paired timing: load once, then one repetition for every line "go …" on standard input.

    def go(words): …the thing that is timed…; return result
    def check(result, words): …not timed…; return {"objective": …}
    worker.serve(go, check, rows=len(x))

Prints {"ready": true, facts, threads, versions} when the data are there, then {"seconds", "cpu_seconds", "extra_mb", …check} per "go".
extra_mb: largest resident set since the data were ready, less what was resident then. bench/worker.h is the same for merx.
"""
import gc
import importlib.metadata
import json
import os
import resource
import sys
import time


def status_mb(key):
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass  # the peak then counts what loading took: more, never less


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def say(facts):
    print(json.dumps(facts), flush=True)


def serve(go, check=None, *, versions=(), **facts):
    gc.collect()
    reset_peak()
    base = status_mb("VmRSS")
    say({"ready": True, "threads": len(os.sched_getaffinity(0)), "base_mb": round(base, 1),
         "versions": {name: importlib.metadata.version(name) for name in versions}, **facts})
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] != "go":
            break
        gc.collect()
        gc.disable()
        cpu = cpu_seconds()
        began = time.perf_counter()
        result = go(words[1:])
        seconds = time.perf_counter() - began
        cpu = cpu_seconds() - cpu
        gc.enable()
        measured = {"seconds": seconds, "cpu_seconds": round(cpu, 6), "extra_mb": round(status_mb("VmHWM") - base, 1)}
        measured.update(check(result, words[1:]) if check else {})
        del result
        say(measured)
