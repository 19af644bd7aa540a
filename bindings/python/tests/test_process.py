"""What concerns the whole process: imports, Ctrl-C, fork, the lock."""
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from merx.cluster import KMeans
from merx.linear_model import LinearRegression


def python(code, **options):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options)


def test_import_brings_nothing_else():
    done = python("import sys, merx, merx.linear_model, merx.cluster, merx.preprocessing, merx.metrics, merx.additive\n"
                  "print([m for m in ('sklearn', 'scipy', 'pandas', 'matplotlib') if m in sys.modules])")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def slow_fit():
    rng = np.random.default_rng(0)
    return KMeans(200, init="random", n_init=1000, max_iter=100000, tol=0.0), rng.normal(size=(30000, 20))


def test_interrupt_stops_a_fit_and_keeps_the_last_state():
    model, X = slow_fit()
    model.set_params(n_init=1, max_iter=2).fit(X[:1000])
    before = model.cluster_centers_.copy()
    model.set_params(n_init=1000, max_iter=100000)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert time.monotonic() - began < 20
    np.testing.assert_array_equal(model.cluster_centers_, before)
    assert len(model.predict(X)) == len(X)
    # And Ctrl-C does what it did before.
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


def test_the_lock_is_released_in_a_fit():
    model, X = slow_fit()
    model.set_params(n_init=30, max_iter=30)
    ticks, ended = 0, threading.Event()
    worker = threading.Thread(target=lambda: (model.fit(X), ended.set()))
    worker.start()
    while not ended.is_set():
        time.sleep(0.005)
        ticks += 1
    worker.join()
    assert ticks >= 3


def test_fork_after_import_and_fit(rng):
    X, y = rng.normal(size=(5000, 10)), rng.normal(size=5000)
    expected = LinearRegression().fit(X, y).predict(X)
    pid = os.fork()
    if pid == 0:
        try:
            good = (LinearRegression().fit(X, y).predict(X) == expected).all()
            os._exit(0 if good else 1)
        except BaseException:
            os._exit(2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail("the child that forked after a fit does not end")


def test_two_fits_of_one_model_at_once_are_told():
    from merx import _merx

    X = np.random.default_rng(0).normal(size=(20000, 20))
    model, errors = _merx.Model("kmeans"), []
    model.set("clusters", "24")
    data = _merx.Dataset.matrix(X)

    def work():
        try:
            model.fit(data)
        except RuntimeError as error:
            errors.append(str(error))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert model.fitted and errors and all("another thread" in one for one in errors)


def test_a_model_that_is_being_fitted_cannot_be_read():
    from merx import _merx

    X = np.random.default_rng(0).normal(size=(20000, 20))
    model = _merx.Model("kmeans")
    model.set("clusters", "3")
    data = _merx.Dataset.matrix(X)
    model.fit(data)
    model.set("clusters", "24")
    worker = threading.Thread(target=lambda: model.fit(data))
    worker.start()
    refused = set()
    calls = {"describe": model.describe, "tensors": model.tensors, "to_bytes": model.to_bytes, "outputs": model.outputs,
             "explain": lambda: model.explain(data, 0), "set": lambda: model.set("clusters", "4"), "predict": lambda: model.predict(data)}
    while worker.is_alive():
        for name, call in calls.items():
            try:
                call()
            except RuntimeError as error:
                assert "another thread" in str(error)
                refused.add(name)
    worker.join()
    assert refused == set(calls) and len(model.outputs()) == 24


def test_same_bits_for_any_number_of_threads():
    code = ("import numpy as np, hashlib; from merx.linear_model import LinearRegression; from merx.cluster import KMeans\n"
            "r = np.random.default_rng(1); X = r.normal(size=(20000, 8)); y = X[:, 0] + r.normal(size=20000)\n"
            "print(hashlib.sha256(LinearRegression().fit(X, y).coef_.tobytes() + KMeans(5).fit(X).cluster_centers_.tobytes()).hexdigest())")
    found = {python(code, env={**os.environ, "MERX_NUM_THREADS": threads}).stdout for threads in ("1", "2", "7")}
    assert len(found) == 1 and found.pop().strip()
