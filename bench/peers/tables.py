"""Models of the two public tables, held out over the same folds, for quality.py.

    tables.py make WHAT SOURCE TABLE          TABLE is SOURCE with a column `fold` (5 folds, seed 0)
    tables.py predict WHAT TABLE MODEL OUT    held-out predictions of a peer, one line for each row
    tables.py compare WHAT TABLE OURS PEER…   figures of all, paired differences with 95 % bootstrap intervals, as JSON

WHAT is shoppers (AUC, folds stratified) or diamonds (mean absolute error of the price, learnt as its logarithm). MODEL is plain
(one-hot columns, numbers standardised, logistic or linear regression), boosted (scikit-learn's histogram gradient boosting) or additive
(interpret's explainable boosting machine), all with their default options.
"""
import json
import sys

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import mean_absolute_error, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TARGET = {"shoppers": "Revenue", "diamonds": "price"}
RESAMPLES = 200


def make(what, source, table):
    frame = pd.read_csv(source)
    splitter = (StratifiedKFold if what == "shoppers" else KFold)(n_splits=5, shuffle=True, random_state=0)
    fold = np.empty(len(frame), int)
    for k, (_, held) in enumerate(splitter.split(frame, frame[TARGET[what]])):
        fold[held] = k
    frame.assign(fold=fold).to_csv(table, index=False)


def read(what, table):
    frame = pd.read_csv(table)
    y = frame[TARGET[what]].astype(float).to_numpy()
    return frame.drop(columns=[TARGET[what], "fold"]), y, frame["fold"].to_numpy()


def model_of(what, name, x):
    words = [c for c in x if not pd.api.types.is_numeric_dtype(x[c])]
    if name == "plain":
        columns = make_column_transformer((OneHotEncoder(drop="first"), words), remainder=StandardScaler())
        return make_pipeline(columns, LogisticRegression(max_iter=1000) if what == "shoppers" else LinearRegression())
    if name == "boosted":
        kind = HistGradientBoostingClassifier if what == "shoppers" else HistGradientBoostingRegressor
        return kind(categorical_features="from_dtype", random_state=0)
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor
    return (ExplainableBoostingClassifier if what == "shoppers" else ExplainableBoostingRegressor)(random_state=0, n_jobs=2)


def predict(what, table, name, out):
    x, y, fold = read(what, table)
    if name == "boosted":
        x = x.astype({c: "category" for c in x if not pd.api.types.is_numeric_dtype(x[c])})
    if what == "shoppers":
        x = x.astype({"Weekend": int})
    held = np.empty(len(y))
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        model = model_of(what, name, x)
        if what == "shoppers":
            held[test] = model.fit(x[train], y[train].astype(int)).predict_proba(x[test])[:, 1]
        else:
            price = np.exp(model.fit(x[train], np.log(y[train])).predict(x[test]))
            held[test] = np.clip(price, y[train].min(), y[train].max()) if name == "plain" else price
    pd.DataFrame({"prediction": held}).to_csv(out, index=False)


def figure(what, y, p):
    return roc_auc_score(y, p) if what == "shoppers" else mean_absolute_error(y, p)


def compare(what, table, *files):
    _, y, fold = read(what, table)
    held = [pd.read_csv(file) for file in files]
    held = [frame["true" if "true" in frame else "prediction"].to_numpy() for frame in held]
    random = np.random.default_rng(0)
    parts = [np.flatnonzero(fold == k) for k in np.unique(fold)]

    def figures(rows):
        return [np.mean([figure(what, y[r], p[r]) for r in rows]) for p in held]

    values = figures(parts)
    drawn = np.array([figures([random.choice(r, len(r)) for r in parts]) for _ in range(RESAMPLES)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    differences = drawn[:, :1] - drawn
    print(json.dumps([{"value": float(v), "low": float(low[i]), "high": float(high[i]), "ahead": float(values[0] - v),
                       "ahead_low": float(np.quantile(differences[:, i], 0.025)),
                       "ahead_high": float(np.quantile(differences[:, i], 0.975))} for i, v in enumerate(values)]))


if __name__ == "__main__":
    {"make": make, "predict": predict, "compare": compare}[sys.argv[1]](*sys.argv[2:])
