"""Five listings as people write them, run twice: with scikit-learn's or Keras's imports, and with merx's. Nothing but the import lines differs.

    listings.py [--quick]        (merx on PYTHONPATH, MERX_DATA names the data); prints a JSON list of {what, ours, unit, at_least, note}

Each listing ends with `result`, larger is better. `at_least`: the peer's own result less the half width of the 95 % interval of one proportion over the
test rows (of R²: less 0.01), since two right fits from other random numbers differ by as much.
"""
import gzip
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

LISTINGS = {
    "LinearRegression, diamonds": (
        {"sklearn": "from sklearn.linear_model import LinearRegression", "merx": "from merx.linear_model import LinearRegression"},
        """
model = LinearRegression()
model.fit(X_train, y_train)
y_pred = model.predict(X_test)
result = model.score(X_test, y_test)
""",
    ),
    "LogisticRegression, online shoppers": (
        {"sklearn": "from sklearn.linear_model import LogisticRegression", "merx": "from merx.linear_model import LogisticRegression"},
        """
model = LogisticRegression()
model.fit(X_train, y_train)
y_pred = model.predict(X_test)
result = (y_pred == y_test).mean()
""",
    ),
    "KMeans, customers of online-retail": (
        {"sklearn": "from sklearn.cluster import KMeans", "merx": "from merx.cluster import KMeans"},
        """
kmeans = KMeans(n_clusters=3)
kmeans.fit(X)
labels = kmeans.labels_
centers = kmeans.cluster_centers_
result = 1 - ((X - centers[labels]) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
""",
    ),
    "Sequential with Conv2D, fashion-mnist": (
        {
            "sklearn": "from keras.models import Sequential\nfrom keras.layers import Conv2D, Dense, Flatten, MaxPooling2D",
            "merx": "from merx.keras.models import Sequential\nfrom merx.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D",
        },
        """
model = Sequential()
model.add(Conv2D(32, (3, 3), activation='relu', input_shape=(28, 28, 1)))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
history = model.fit(X_train, y_train, epochs=10, batch_size=32)
model.summary()
loss, result = model.evaluate(X_test, y_test)
""",
    ),
    "Sequential with LSTM, fashion-mnist's rows as steps": (
        {
            "sklearn": "from keras.models import Sequential\nfrom keras.layers import LSTM, Dense",
            "merx": "from merx.keras.models import Sequential\nfrom merx.keras.layers import LSTM, Dense",
        },
        """
model = Sequential()
model.add(LSTM(128, activation='relu', input_shape=(timesteps, input_dim)))
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
history = model.fit(X_train, y_train, epochs=5, batch_size=32)
predictions = model.predict(X_test)
result = (predictions.argmax(axis=1) == y_test.argmax(axis=1)).mean()
""",
    ),
}


def data_folder():
    return Path(os.environ["MERX_DATA"])


def split(X, y, seed=0):
    order = np.random.default_rng(seed).permutation(len(X))
    cut = len(X) * 4 // 5
    return {"X_train": X[order[:cut]], "y_train": y[order[:cut]], "X_test": X[order[cut:]], "y_test": y[order[cut:]]}


def frame(folder):
    import pandas

    return pandas.read_csv(sorted((data_folder() / folder).glob("*.csv*"))[0])


def diamonds():
    table = frame("diamonds")
    return split(table[["carat", "depth", "table", "x", "y", "z"]].to_numpy(), table["price"].to_numpy(dtype=float))


def shoppers():
    table = frame("online-shoppers-intention")
    X = table.drop(columns=["Revenue"]).select_dtypes("number").to_numpy(dtype=float)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return split(X, table["Revenue"].to_numpy().astype(int))


def customers():
    """Logarithms of recency, frequency and money of every customer."""
    table = frame("uci-online-retail")
    table = table[table["CustomerID"].notna() & (table["Quantity"] > 0)]
    import pandas

    when = pandas.to_datetime(table["InvoiceDate"])
    by = table.assign(money=table["Quantity"] * table["UnitPrice"], day=(when.max() - when).dt.days).groupby("CustomerID")
    found = pandas.DataFrame({"recency": by["day"].min(), "frequency": by["InvoiceNo"].nunique(), "money": by["money"].sum()})
    X = np.log1p(found.to_numpy(dtype=float))
    return {"X": (X - X.mean(axis=0)) / X.std(axis=0)}


def idx(name):
    with gzip.open(data_folder() / "fashion-mnist" / name) as file:
        raw = file.read()
    dims = [int.from_bytes(raw[4 + 4 * k : 8 + 4 * k], "big") for k in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def clothes(count):
    found = {}
    for part, name, most in (("train", "train", count), ("test", "t10k", 10_000)):
        pictures = idx(f"{name}-images-idx3-ubyte.gz")[:most].astype(np.float32) / 255
        labels = idx(f"{name}-labels-idx1-ubyte.gz")[:most]
        found[f"X_{part}"], found[f"y_{part}"] = pictures, np.eye(10, dtype=np.float32)[labels]
    return found


def pictures(count):
    found = clothes(count)
    return {**found, "X_train": found["X_train"][..., None], "X_test": found["X_test"][..., None]}


def run(imports, text, values):
    space = dict(values)
    began = time.perf_counter()
    exec(compile(imports + "\n" + text, "listing", "exec"), space)  # the listing is the text above, as a user would paste it
    return float(space["result"]), time.perf_counter() - began


def main():
    quick = "--quick" in sys.argv
    count = 2_000 if quick else 10_000
    data = {
        "LinearRegression, diamonds": diamonds, "LogisticRegression, online shoppers": shoppers, "KMeans, customers of online-retail": customers,
        "Sequential with Conv2D, fashion-mnist": lambda: pictures(count),
        "Sequential with LSTM, fashion-mnist's rows as steps": lambda: {**clothes(count), "timesteps": 28, "input_dim": 28},
    }
    results = []
    out = os.dup(1)
    os.dup2(2, 1)  # progress bars and summaries go to standard error
    for what, (imports, text) in LISTINGS.items():
        values = data[what]()
        ours, our_s = run(imports["merx"], text, values)
        theirs, their_s = run(imports["sklearn"], text, values)
        share = "Regression, d" not in what and "KMeans" not in what
        n = len(values["X_test"]) if "X_test" in values else len(values["X"])
        margin = 1.96 * math.sqrt(theirs * (1 - theirs) / n) if share else 0.01
        unit = "accuracy" if share else "R²" if "Linear" in what else "share of the spread explained"
        results.append({"what": what, "ours": round(ours, 4), "unit": unit, "at_least": round(theirs - margin, 4),
                        "note": f"peer {theirs:.4f}; the listing took {our_s:.2f} s with merx, {their_s:.2f} s with the peer (imports included)"})
    sys.stdout.flush()
    os.dup2(out, 1)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
