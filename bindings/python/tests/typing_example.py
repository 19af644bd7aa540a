"""Every module of the package once, by its types: run and checked by test_stubs.py."""
import numpy as np

import merx
from merx import keras, metrics
from merx.additive import AdditiveRegressor
from merx.cluster import KMeans, MiniBatchKMeans
from merx.keras import Sequential, layers
from merx.keras.callbacks import EarlyStopping
from merx.linear_model import LinearRegression, LogisticRegression
from merx.models import Network
from merx.neighbors import KNeighborsClassifier
from merx.preprocessing import OneHotEncoder, StandardScaler
from merx.recommend import EASE, SequenceRecommender
from merx.shop import Reply, Shop, write_sample

X = np.random.default_rng(0).normal(size=(50, 3))
y = (X[:, 0] > 0).astype(int)
total: float = float(LinearRegression().fit(X, X @ [1.0, 2.0, 3.0]).coef_.sum())
classes = LogisticRegression(C=2.0, class_weight="balanced").fit(StandardScaler().fit_transform(X), y)
quality: float = metrics.f1_score(y, classes.predict(X))
strongest: str = classes.explain(X, 3).contributions[0].name
clusters = KMeans(n_clusters=3, init=X[:3], random_state=0).fit(X).labels_.size + MiniBatchKMeans(2).fit_predict(X).size
picture: str = AdditiveRegressor(bags=2, loss="squared").fit(X, X[:, 0]).shapes_svg()
share: float = KNeighborsClassifier(n_neighbors=3, weights="distance").fit(X, y).score(X, y)
words = OneHotEncoder(sparse_output=False).fit([["a"], ["b"]]).categories_[0]
epochs: int = Network(epochs=1, hidden_units=4).epochs
ids, scores = SequenceRecommender(units=4, embedding=4, epochs=1).fit([["a", "b"], ["b", "a"]]).recommend(["a"], N=1)
parameters = EASE(regularization=3).set_params(keep=5).get_params()
model = Sequential([layers.Dense(4, activation="relu", input_shape=(3,)), layers.Dense(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(X, y, epochs=1, verbose=0, callbacks=[EarlyStopping(monitor="loss", patience=2)])
loss: float = history.history["loss"][0]


def best(shop: Shop) -> list[str]:
    reply: Reply = shop.recommend(basket=["P1", "P2"], n=3, why=True)
    return [item.id for item in reply if item.reasons[0].contribution > 0]


def evaluate(shop: Shop) -> float | None:
    trained = shop.train(["recommend"], options={"recommend.factors": 8})
    return trained["recommend"].evaluation["ndcg@20"].value if trained else None


try:
    write_sample("/dev/null/export", products=10)
except merx.Error as error:
    code: str = error.code
