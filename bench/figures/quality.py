"""Quality on two public tables, five folds of one file that both sides read, beside scikit-learn and interpret on the same rows.

interpret's explainable boosting machine takes minutes a fold: it runs where MERX_SLOW_PEERS is set.
"""
import os

from . import peers
from .tools import build, data, merx, part, scratch

SOURCE = {"shoppers": ("online-shoppers-intention", "online_shoppers_intention.csv.gz"), "diamonds": ("diamonds", "diamonds.csv.gz")}
PEERS = {"plain": {"shoppers": "scikit-learn LogisticRegression", "diamonds": "scikit-learn LinearRegression"},
         "boosted": {"shoppers": "scikit-learn HistGradientBoosting", "diamonds": "scikit-learn HistGradientBoosting"},
         "additive": {"shoppers": "interpret EBM", "diamonds": "interpret EBM"}}


def measure(what, title, family, options, names, **bound):
    build()
    folder, file = SOURCE[what]
    source = data(folder) / file
    target = {"shoppers": "Revenue", "diamonds": "price"}[what]
    with scratch() as work:
        table = work / "table.csv"
        peers.run_python("tables.py", "make", what, source, table)
        run = merx("fit", family, table, "--target", target, "--fold-column", "fold", "--held-out", work / "merx.csv", "--quiet", "--json",
                   *options).must()
        held = []
        for name in names:
            peers.run_python("tables.py", "predict", what, table, name, work / f"{name}.csv")
            held.append(work / f"{name}.csv")
        found = peers.run_python("tables.py", "compare", what, table, work / "merx.csv", *held)
    digits = 5 if what == "shoppers" else 2
    beside = "; ".join(f"{PEERS[name][what]} {f['value']:.{digits}f}, difference {f['ahead']:+.{digits}f} "
                       f"[{f['ahead_low']:+.{digits}f}, {f['ahead_high']:+.{digits}f}]" for name, f in zip(names, found[1:]))
    ours = found[0]
    return [part(title, round(ours["value"], digits), "", low=ours["low"], high=ours["high"],
                 note=f"{beside}; six fits and the rest in {run.seconds:.0f} s", **bound)]


def slow():
    return ("additive",) if os.environ.get("MERX_SLOW_PEERS") else ()


def shoppers_logistic(quick):
    return measure("shoppers", "AUC, logistic regression, plain columns", "logistic", [], ("plain",), at_least=0.892)


def shoppers_additive(quick):
    return measure("shoppers", "AUC, additive model", "additive_classifier", [], ("boosted", *slow()), at_least=0.928, aim=0.932)


def diamonds_linear(quick):
    return measure("diamonds", "mean absolute error, linear regression of the log price, plain columns, predictions limited", "linear",
                   ["--log_columns", "price", "--limit_predictions", "true"], ("plain",), at_most=445)


def diamonds_additive(quick):
    return measure("diamonds", "mean absolute error, additive model of the log price", "additive", ["--log_columns", "price"],
                   ("boosted", *slow()), at_most=300, aim=275)
