"""Writes linear_exact.json: least squares that are hard in double, solved in rational arithmetic. Norris, Longley and Wampler 1 to 5 are data sets of
NIST's Statistical Reference Datasets (linear regression); the solutions found here are checked against NIST's certified values.

    python tests/golden/make_linear_exact.py      (nothing but Python)
"""
import json
import math
import os
import platform
from fractions import Fraction as F

NORRIS = """0.1 0.2  338.8 337.4  118.1 118.2  888.0 884.6  9.2 10.1  228.1 226.5  668.5 666.3  998.5 996.3  449.1 448.6  778.9 777.0  559.2 558.2  0.3 0.4
0.1 0.6  778.1 775.5  668.8 666.9  339.3 338.0  448.9 447.5  10.8 11.6  557.7 556.0  228.3 228.1  998.0 995.8  888.8 887.6  119.6 120.2  0.3 0.3
0.6 0.3  557.6 556.8  339.3 339.1  888.0 887.2  998.5 999.0  778.9 779.0  10.2 11.1  117.6 118.3  228.9 229.2  668.4 669.1  449.2 448.9  0.2 0.5""".split()
LONGLEY = """60323 83.0 234289 2356 1590 107608 1947
61122 88.5 259426 2325 1456 108632 1948
60171 88.2 258054 3682 1616 109773 1949
61187 89.5 284599 3351 1650 110929 1950
63221 96.2 328975 2099 3099 112075 1951
63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953
63761 100.0 363112 3578 3350 116219 1954
66019 101.2 397469 2904 3048 117388 1955
67857 104.6 419180 2822 2857 118734 1956
68169 108.4 442769 2936 2798 120445 1957
66513 110.8 444546 4681 2637 121950 1958
68655 112.6 482704 3813 2552 123366 1959
69564 114.2 502601 3931 2514 125368 1960
69331 115.7 518173 4806 2572 127852 1961
70551 116.9 554894 4007 2827 130081 1962"""
WAMPLER3 = [760, -2042, 2111, -1684, 3888, 1858, 11379, 17560, 39287, 64382, 113159, 175108, 273291, 400186, 581243, 811568, 1121004, 1506550, 2002767, 2611612, 3369180]
CERTIFIED = {
    "Norris": ([-0.262323073774029, 1.00211681802045], [0.232818234301152, 0.429796848199937e-03]),
    "Longley": (
        [-3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359, -0.511041056535807e-01, 1829.15146461355],
        [890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675, 0.226073200069370, 455.478499142212],
    ),
    "Wampler1": ([1] * 6, [0] * 6),
    "Wampler2": ([1, 0.1, 0.01, 0.001, 0.0001, 0.00001], [0] * 6),
    "Wampler3": ([1] * 6, [2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350, 5.64566512170752, 0.112324854679312]),
    "Wampler4": ([1] * 6, [215232.624678170, 236355.173469681, 77934.3524331583, 10147.5507550350, 564.566512170752, 11.2324854679312]),
    "Wampler5": ([1] * 6, [21523262.4678170, 23635517.3469681, 7793435.24331583, 1014755.07550350, 56456.6512170752, 1123.24854679312]),
}


def root(v):
    """Square root of a fraction as a double."""
    return math.sqrt(v) if v < 10**300 else float(v) ** 0.5


def case(name, x, y, digits):
    """x: rows of doubles as fractions; the solution of the doubles that the test will read."""
    x = [[F(float(v)) for v in row] for row in x]
    y = [F(float(v)) for v in y]
    n, k = len(y), len(x[0]) + 1
    rows = [[F(1)] + row for row in x]
    a = [[sum(r[i] * r[j] for r in rows) for j in range(k)] + [sum(r[i] * t for r, t in zip(rows, y))] + [F(i == j) for j in range(k)] for i in range(k)]
    for i in range(k):  # Gauss-Jordan: solution in column k, inverse after it
        pivot = next(r for r in range(i, k) if a[r][i] != 0)
        a[i], a[pivot] = a[pivot], a[i]
        a[i] = [v / a[i][i] for v in a[i]]
        for r in range(k):
            if r != i and a[r][i] != 0:
                a[r] = [v - a[r][i] * p for v, p in zip(a[r], a[i])]
    b = [a[i][k] for i in range(k)]
    rss = sum((t - sum(c * v for c, v in zip(b, r))) ** 2 for r, t in zip(rows, y))
    mean = sum(y) / n
    tss = sum((t - mean) ** 2 for t in y)
    errors = [root(rss / (n - k) * a[i][k + 1 + i]) for i in range(k)]
    if name in CERTIFIED:
        for got, want in list(zip(map(float, b), CERTIFIED[name][0])) + list(zip(errors, CERTIFIED[name][1])):
            assert abs(got - want) <= 2e-13 * max(1, abs(want)) or abs(got - want) <= 1e-9 * abs(want) or (want == 0 and got < 1e-8), (name, got, want)
    return dict(name=name, n=n, d=k - 1, x=[float(v) for r in x for v in r], y=[float(v) for v in y], b0=float(b[0]), coefficients=[float(v) for v in b[1:]],
                standard_errors=errors[1:] + errors[:1], residual_sum=float(rss), r2=float(1 - rss / tss), digits=digits)


norris = [float(v) for v in NORRIS]
longley = [[float(v) for v in line.split()] for line in LONGLEY.splitlines()]
powers = [[v**p for p in range(1, 6)] for v in range(21)]
w1 = [sum(v**p for p in range(6)) for v in range(21)]
w2 = [float(sum(F(v, 10) ** p for p in range(6))) for v in range(21)]
# As NIST's Filip, whose 82 points lie in [-8.8, -3.1]: a polynomial of degree 10; powers rounded to double before anything is fitted.
px = [round(-8.8 + 5.7 * i / 81, 9) for i in range(82)]
py = [round(0.85 + 0.05 * math.sin(v * 1.7) + 0.004 * ((i * 7919) % 13 - 6) / 6, 6) for i, v in enumerate(px)]
cases = [
    case("Norris", [[v] for v in norris[1::2]], norris[::2], 12),
    case("Longley", [r[1:] for r in longley], [r[0] for r in longley], 10),
    case("Wampler1", powers, w1, 9),
    case("Wampler2", powers, w2, 9),
    case("Wampler3", powers, WAMPLER3, 9),
    case("Wampler4", powers, [a + 100 * (b - a) for a, b in zip(w1, WAMPLER3)], 8),
    case("Wampler5", powers, [a + 10000 * (b - a) for a, b in zip(w1, WAMPLER3)], 8),
    case("degree 10", [[v**p for p in range(1, 11)] for v in px], py, 6),
]
json.dump(dict(provenance=dict(script="tests/golden/make_linear_exact.py", python=platform.python_version()), cases=cases),
          open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear_exact.json"), "w"))
