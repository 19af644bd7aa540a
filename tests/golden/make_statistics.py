"""Writes statistics.json: distributions, paired tests, quantiles and solvers from SciPy and NumPy.

    python tests/golden/make_statistics.py      (scipy, numpy)
"""
import json
import os
import platform

import numpy as np
import scipy
from scipy import optimize, stats

SEED = 20101
rng = np.random.default_rng(SEED)
z = [-37.0, -8.0, -3.5, -1.0, -1e-9, 0.0, 0.3, 1.959963984540054, 5.0, 9.0]
p = [1e-300, 1e-16, 1e-6, 0.025, 0.1, 0.4249, 0.5, 0.6, 0.9251, 0.975, 1 - 1e-9]
t = [(x, v) for v in (1.0, 2.0, 4.5, 30.0, 1000.0) for x in (-40.0, -2.5, -0.7, 0.0, 0.01, 1.3, 6.0)]
tq = [(q, v) for v in (1.0, 2.0, 4.5, 30.0, 1000.0) for q in (1e-10, 0.001, 0.025, 0.3, 0.55, 0.975, 0.9999)]

pairs = []
for name, a, b in [
    ("plain", rng.normal(size=40), rng.normal(size=40) + 0.3),
    ("ties and zeros", rng.integers(0, 6, 60).astype(float), rng.integers(0, 6, 60).astype(float)),
    ("twelve", np.arange(12.0), np.arange(12.0) * 1.1 + rng.normal(size=12)),
    ("clear", rng.normal(size=25) + 5, rng.normal(size=25)),
]:
    w = stats.wilcoxon(a, b, zero_method="wilcox", correction=True, method="approx")
    pairs.append(dict(name=name, a=a.tolist(), b=b.tolist(), t=float(stats.ttest_rel(a, b).pvalue), wilcoxon=float(w.pvalue)))

sample = rng.normal(size=37)
x = rng.normal(size=(23, 5))
weights = rng.uniform(0, 3, size=23)
a = x.T @ x + np.eye(5)
rhs = rng.normal(size=(5, 3))
wide = rng.normal(size=(12, 4))
wide[:, 3] = wide[:, 0] - 2 * wide[:, 1]  # rank 3
y = rng.normal(size=12)
solution, _, rank, singular = np.linalg.lstsq(wide, y, rcond=1e-10)
rosen = optimize.minimize(optimize.rosen, np.array([-1.2, 1, -0.5, 2, 1.5]), jac=optimize.rosen_der, method="L-BFGS-B", options=dict(ftol=0, gtol=1e-10))
out = dict(
    provenance=dict(script="tests/golden/make_statistics.py", seed=SEED, python=platform.python_version(), numpy=np.__version__, scipy=scipy.__version__),
    normal_cdf=[[v, float(stats.norm.cdf(v))] for v in z],
    normal_quantile=[[v, float(stats.norm.ppf(v))] for v in p],
    student_cdf=[[x_, v, float(stats.t.cdf(x_, v))] for x_, v in t],
    student_quantile=[[q, v, float(stats.t.ppf(q, v))] for q, v in tq],
    pairs=pairs,
    sample=sample.tolist(),
    mean=float(sample.mean()),
    variance=float(sample.var(ddof=1)),
    quantiles=[[q, float(np.quantile(sample, q))] for q in (0, 0.025, 0.31, 0.5, 0.975, 1)],
    gram=dict(x=x.ravel().tolist(), w=weights.tolist(), plain=(x.T @ x).ravel().tolist(), weighted=((x.T * weights) @ x).ravel().tolist()),
    spd=dict(a=a.ravel().tolist(), b=rhs.ravel().tolist(), x=np.linalg.solve(a, rhs).ravel().tolist(), inverse=np.linalg.inv(a).ravel().tolist()),
    lstsq=dict(x=wide.ravel().tolist(), y=y.tolist(), solution=solution.tolist(), rank=int(rank), singular=singular.tolist()),
    rosenbrock=dict(start=[-1.2, 1, -0.5, 2, 1.5], x=rosen.x.tolist(), value=float(rosen.fun)),
)
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "statistics.json"), "w"))
