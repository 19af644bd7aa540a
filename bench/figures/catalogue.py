"""Every figure of the project: its name, what it asks for, and the function that measures it."""
from dataclasses import dataclass
from typing import Callable

from . import beauty, csv, demand, factor, fresh, kmeans, linear, logistic, machine, neighbour, network, pictures, python, quality, retail, serve


@dataclass
class Figure:
    text: str
    kind: str  # "performance" or "quality": the page it stands on
    measure: Callable[[bool], list]


FIGURES = {
    "machine": Figure("peak of float32, float64, bf16 and memory bandwidth of this machine", "performance", machine.measure),
    "retail-import": Figure("541,909 rows read, refusals listed, exact sum, 4,372 customers", "quality", retail.imports),
    "retail-seconds": Figure("import, training of four answers, evaluation, report in <= 30 s", "performance", retail.seconds),
    "retail-memory": Figure("peak memory of the whole job <= 700 MB", "performance", retail.memory),
    "retail-bounded": Figure("the same answers within --max-memory 256M, or refused with an estimate", "performance", retail.bounded),
    "retail-recommend": Figure("NDCG@20 >= 0.095 on new items, above item-kNN", "quality", retail.recommend),
    "retail-forget": Figure("a forgotten customer leaves the state of never having seen him, <= 1 s", "quality", retail.forget),
    "retail-crash": Figure("kill -9 at 20 random moments, run again: the same bytes", "quality", retail.crash),
    "logistic-fit": Figure("logistic regression 200,000 x 50 against scikit-learn, gradient <= 1e-5: >= 3x", "performance", logistic.fit),
    "logistic-scale": Figure("logistic regression, ten times the rows in <= 11 times the time", "performance", logistic.scale),
    "als-fit": Figure("implicit ALS, 138,493 x 26,744, 10 M positives, 64 and 128 factors, against implicit: >= 1.5x at equal loss", "performance", factor.als_fit),
    "retail-ease": Figure("EASE in the recommendations of the real shop: NDCG@20 >= 0.107", "quality", factor.retail_ease),
    "beauty-next": Figure("next on amazon-beauty-seq, leave one out, full ranking: HR@10 >= 0.0533, NDCG@10 >= 0.0327, above decayed transitions", "quality", beauty.measure),
    "linear-fit": Figure("linear regression 1,000,000 x 50, float64: >= 20x LinearRegression, 5x Ridge(cholesky), 3x scikit-learn-intelex", "performance", linear.fit),
    "linear-scale": Figure("linear regression: ten times the rows in <= 11 times the time", "performance", linear.scale),
    "predict-one": Figure("one row predicted from C, linear, logistic, k-means: >= 1,000x scikit-learn's predict", "performance", linear.predict_one),
    "csv-read": Figure("1 GB of CSV into a typed table, against the fastest of pandas, pyarrow, polars, duckdb: >= 1.5x", "performance", csv.read),
    "kmeans-fit": Figure("k-means 500,000 x 16, k = 50, given starts, 50 rounds beside scikit-learn: blobs >= 6x, noise >= 3x", "performance", kmeans.fit),
    "kmeans-scale": Figure("k-means: ten times the rows in <= 11 times the time", "performance", kmeans.scale),
    "neighbour-search": Figure("nearest neighbours, 100,000 x 64, recall@10 >= 0.95: queries a second beside hnswlib and faiss: >= 1.5x", "performance", neighbour.search),
    "shoppers-logistic": Figure("AUC >= 0.892 on online-shoppers-intention, plain columns, beside scikit-learn", "quality", quality.shoppers_logistic),
    "shoppers-additive": Figure("the same of additive_classifier: >= 0.928, aim 0.932, beside boosted trees", "quality", quality.shoppers_additive),
    "diamonds-linear": Figure("mean absolute error <= 445 on diamonds, plain columns, beside scikit-learn", "quality", quality.diamonds_linear),
    "diamonds-additive": Figure("the same of additive: <= 300, aim 275, beside boosted trees", "quality", quality.diamonds_additive),
    "oj-demand": Figure("orange juice, 913 series, ten rounds: WAPE <= 47 %, total within 5 % of what was sold", "quality", demand.measure),
    "cnn-parity": Figure("a convolutional network from Keras's weights: losses of 10 steps to 1e-5, 100 to 1e-3, gradients to 1e-4, accuracy", "quality", network.cnn_parity),
    "lstm-parity": Figure("the same of LSTM(128), tanh and relu", "quality", network.lstm_parity),
    "cnn-train": Figure("train that network, batch 32: >= 35 % of the machine's peak, >= 10x Keras, >= 10x PyTorch", "performance", network.cnn_train),
    "cnn-infer": Figure("classify 10,000 pictures in batches of 256: >= 35 % of the peak, >= 6x Keras, >= 2.5x PyTorch", "performance", network.cnn_infer),
    "cnn-one": Figure("classify one picture from C: >= 2,000x Keras's predict, >= 25x Keras compiled, >= 6x PyTorch", "performance", network.cnn_one),
    "lstm-train": Figure("train LSTM(128), 50 steps of 32, batch 32: >= 60 % of the peak, >= 4.5x (relu) and 5x (tanh) Keras, >= 1.3x PyTorch", "performance", network.lstm_train),
    "lstm-step": Figure("one more event through it from C: >= 5,000x Keras's predict, >= 50x Keras compiled, >= 6x PyTorch", "performance", network.lstm_step),
    "resnet-train": Figure("train a residual network of 1.09 M weights on 3 x 64 x 64 pictures: >= 1.5x Keras, >= 1.2x PyTorch", "performance", network.resnet_train),
    "fashion-cnn": Figure("fashion-mnist, that convolutional network, 10 epochs: test accuracy >= 0.905", "quality", network.fashion_cnn),
    "fashion-best": Figure("fashion-mnist, classify's own recipe, <= 15 min to learn: test accuracy >= 0.940", "quality", pictures.fashion),
    "grocery-classify": Figure("grocery-store-images, val, from scratch: accuracy >= 0.50 fine, 0.62 coarse", "quality", pictures.grocery_classify),
    "grocery-similar": Figure("the same, val against train through similar: recall@1 by product >= 0.45", "quality", pictures.grocery_similar),
    "video-frames": Figure("a clip of 1,189 frames: all decoded, times within a frame, scenes, each labelled or not sure, as JSON", "quality", pictures.video_frames),
    "sklearn-checks": Figure("scikit-learn's check_estimator over every estimator of the Python package: all pass, at most 2 expected failures", "quality", python.checks),
    "sklearn-parity": Figure("scikit-learn's own tests of LinearRegression, LogisticRegression, KMeans with merx's classes: >= 90 % pass", "quality", python.parity),
    "python-overhead": Figure("Python less C: predict of one row <= 3 us, fit of 1,000,000 x 50 <= 1 %", "performance", python.overhead),
    "listings": Figure("scikit-learn's and Keras's listings, unchanged but for the imports, reach the peers' accuracy", "quality", python.listings),
    "import-time": Figure("import merx beyond NumPy's own import <= 15 ms, scikit-learn only when it is used", "performance", python.import_time),
    "serve-recommend": Figure("top 10 over HTTP for any of a million customers, one core: >= 25,000/s, p99 <= 2 ms; at 10,000/s p99 <= 1 ms; as full scoring", "performance", serve.recommend),
    "serve-why": Figure("the same with reasons: >= 15,000/s", "performance", serve.why),
    "serve-next": Figure("next over HTTP after 20 events, one core: >= 10,000/s, p99 <= 3 ms, recall@10 of full scoring >= 0.95", "performance", serve.following),
    "serve-events": Figure("durable events over HTTP, batches of 1,000, random UUIDs: SQLite >= 150,000/s, PostgreSQL >= 60,000/s", "performance", serve.events),
    "serve-fresh": Figure("an event accepted -> visible in an answer: p99 <= 50 ms", "performance", serve.fresh),
    "serve-restart": Figure("kill -9 with 10 M events -> first right answer <= 1 s", "performance", serve.restart),
    "serve-memory": Figure("resident memory of the server of that shop under an hour of load: <= 1.5 GB, flat", "performance", serve.memory),
    "serve-shops": Figure("1,000 idle shops in one server: <= 200 KB each; the first answer of a cold one <= 50 ms", "performance", serve.shops),
    "serve-hello": Figure("recommend over a bare libmicrohttpd hello: >= 0.12", "performance", serve.hello),
    "serve-gorse": Figure("beside a Gorse server (--gorse URL), same data: answers/s, p99, events/s, memory, import to first recommendation: >= 5x each", "performance", serve.gorse),
    "fault-kill": Figure("kill -9 during event batches 100 times: every acknowledged event is there, none twice", "quality", serve.kill),
    "fresh-machine": Figure("the README's two commands in a bare Debian", "quality", fresh.measure),
}
