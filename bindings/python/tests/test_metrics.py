"""merx.metrics beside scikit-learn's on random data, against naive twins, and with bad input."""
import doctest
import importlib
import inspect
import subprocess
import sys
import warnings

import numpy as np
import pytest

import merx.metrics as M

PARTS = ["classification", "clustering", "curves", "ranking", "regression"]


@pytest.fixture(scope="module")
def S():
    return pytest.importorskip("sklearn.metrics")


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert np.isscalar(ours) == np.isscalar(theirs) and type(ours) is type(theirs)


def same_outcome(ours, theirs, *args, **kwargs):
    """Both return the same number, or both refuse."""
    try:
        expected = theirs(*args, **kwargs)
    except (ValueError, TypeError):
        with pytest.raises((ValueError, TypeError)):
            ours(*args, **kwargs)
        return
    same(ours(*args, **kwargs), expected)


def labels_of(random, n, k, kind):
    codes = random.integers(k, size=n)
    if kind == "text":
        return np.array(["ant", "bird", "cat", "dog", "eel"])[codes]
    if kind == "object":
        return np.array(["ant", "bird", "cat", "dog", "eel"], dtype=object)[codes]
    if kind == "bool":
        return codes > 0
    if kind == "float":
        return codes.astype(float)
    return codes * 3 - 3 if kind == "gaps" else codes


CASES = [(kind, k) for kind in ("int", "text", "object", "float", "gaps") for k in (2, 5)] + [("bool", 2), ("int", 1)]


@pytest.mark.parametrize("kind,k", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_against_labels(S, kind, k, weighted):
    random = np.random.default_rng(k)
    for n in (2, 60):
        y, p = labels_of(random, n, k, kind), labels_of(random, n, max(k - 1, 1), kind)
        w = random.random(n) + 0.01 if weighted else None
        for name in ("accuracy_score", "balanced_accuracy_score", "confusion_matrix"):
            same_outcome(getattr(M, name), getattr(S, name), y, p, sample_weight=w)
        same_outcome(M.accuracy_score, S.accuracy_score, y, p, sample_weight=w, normalize=False)
        same_outcome(M.balanced_accuracy_score, S.balanced_accuracy_score, y, p, sample_weight=w, adjusted=True)
        for how in ("true", "pred", "all"):
            same_outcome(M.confusion_matrix, S.confusion_matrix, y, p, sample_weight=w, normalize=how)
        for name in ("precision_score", "recall_score", "f1_score"):
            for average in ("binary", "micro", "macro", "weighted", "samples", None):
                for zero in ("warn", 1, np.nan) if n == 2 else ("warn",):
                    same_outcome(getattr(M, name), getattr(S, name), y, p, average=average, sample_weight=w, zero_division=zero)
            same_outcome(getattr(M, name), getattr(S, name), y, p, pos_label=y[0], sample_weight=w)
            chosen = list(np.unique(y))[::-1][:2]
            for average in ("micro", "macro", "weighted", None):
                same_outcome(getattr(M, name), getattr(S, name), y, p, labels=chosen, average=average, sample_weight=w)


def test_labels_that_are_nowhere(S):
    y, p = [0, 1, 1, 3], [0, 1, 3, 3]
    for name in ("precision_score", "recall_score", "f1_score"):
        for labels in ([0, 7], [7], [3, 0, 9, 1]):
            for average in ("micro", "macro", "weighted", None):
                same(getattr(M, name)(y, p, labels=labels, average=average), getattr(S, name)(y, p, labels=labels, average=average))
    same(M.confusion_matrix(y, p, labels=[3, 7, 1]), S.confusion_matrix(y, p, labels=[3, 7, 1]))
    same(M.confusion_matrix(y, p, sample_weight=[1, 2, 3, 4]), S.confusion_matrix(y, p, sample_weight=[1, 2, 3, 4]))
    assert M.confusion_matrix(y, p, sample_weight=[1, 2, 3, 4]).dtype.kind == "i"


def test_indicators(S):
    random = np.random.default_rng(0)
    y, p, w = random.integers(2, size=(50, 4)), random.integers(2, size=(50, 4)), random.random(50)
    y[3] = p[3] = y[4] = 0
    y[:, 2] = p[:, 2] = 0
    scores = random.random((50, 4)).round(1)
    for weights in (None, w):
        same(M.accuracy_score(y, p, sample_weight=weights), S.accuracy_score(y, p, sample_weight=weights))
        for average in ("micro", "macro", "weighted", "samples", None):
            for name in ("precision_score", "recall_score", "f1_score"):
                for zero in ("warn", 1, np.nan):
                    same_outcome(getattr(M, name), getattr(S, name), y, p, average=average, sample_weight=weights, zero_division=zero)
                same_outcome(getattr(M, name), getattr(S, name), y, p, average=average, labels=[2, 0], sample_weight=weights)
            for name in ("roc_auc_score", "average_precision_score"):
                same_outcome(getattr(M, name), getattr(S, name), y, scores, average=average, sample_weight=weights)


@pytest.mark.parametrize("kind", ["int", "text", "gaps", "float"])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities(S, kind, weighted):
    random = np.random.default_rng(1)
    for k in (2, 3, 5):
        n = 200
        y = labels_of(random, n, k, kind)
        p = random.random((n, k)) ** 3
        p /= p.sum(axis=1, keepdims=True)
        p[:5] = np.eye(k)[random.integers(k, size=5)]  # certain, and mostly wrong
        w = random.random(n) if weighted else None
        if w is not None:
            w[::7] = 0
        same(M.log_loss(y, p, sample_weight=w), S.log_loss(y, p, sample_weight=w))
        same(M.log_loss(y, p, sample_weight=w, normalize=False), S.log_loss(y, p, sample_weight=w, normalize=False))
        for scale in ("auto", True, False):
            same(M.brier_score_loss(y, p, sample_weight=w, scale_by_half=scale), S.brier_score_loss(y, p, sample_weight=w, scale_by_half=scale))
        classes = np.unique(y)
        part = y != classes[0]
        if k > 2:
            weights = None if w is None else w[part]
            for name in ("log_loss", "brier_score_loss"):
                same(getattr(M, name)(y[part], p[part], labels=classes, sample_weight=weights),
                     getattr(S, name)(y[part], p[part], labels=classes, sample_weight=weights))
            for average in ("macro", "weighted", "micro", None):
                for how in ("ovr", "ovo"):
                    for labels in (None, classes):
                        try:
                            expected = S.roc_auc_score(y, p, multi_class=how, average=average, labels=labels, sample_weight=w)
                        except (ValueError, NotImplementedError):
                            with pytest.raises(ValueError):
                                M.roc_auc_score(y, p, multi_class=how, average=average, labels=labels, sample_weight=w)
                            continue
                        ours = M.roc_auc_score(y, p, multi_class=how, average=average, labels=labels, sample_weight=w)
                        np.testing.assert_allclose(ours, expected, rtol=1e-12)
                    same_outcome(M.roc_auc_score, S.roc_auc_score, y[part], p[part], labels=classes, average=average, multi_class="ovr")
                same(M.average_precision_score(y, p, average=average, sample_weight=w),
                     S.average_precision_score(y, p, average=average, sample_weight=w))
            same_outcome(M.roc_auc_score, S.roc_auc_score, y, p)
        else:
            same(M.log_loss(y, p[:, 1], sample_weight=w), S.log_loss(y, p[:, 1], sample_weight=w))
            for pos in (None, classes[0], classes[1]):
                same_outcome(M.brier_score_loss, S.brier_score_loss, y, p[:, 1], pos_label=pos, sample_weight=w)
    assert M.log_loss([0, 1], np.float32([[1, 0], [1, 0]])) == pytest.approx(S.log_loss([0, 1], np.float32([[1, 0], [1, 0]])), rel=1e-6)


@pytest.mark.parametrize("kind", ["int", "text", "bool", "gaps"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores(S, kind, weighted):
    random = np.random.default_rng(2)
    for n in (2, 3, 100):
        y = labels_of(random, n, 2, kind)
        for score in (random.standard_normal(n), random.integers(4, size=n), np.zeros(n), random.random(n).astype(np.float32)):
            w = random.random(n) if weighted else None
            if w is not None and n > 3:
                w[::5] = 0
            same_outcome(M.roc_auc_score, S.roc_auc_score, y, score, sample_weight=w)
            same_outcome(M.roc_auc_score, S.roc_auc_score, y, score, sample_weight=w, max_fpr=0.3)
            for pos in (None, y[0], 1):
                if pos is not None:
                    same_outcome(M.average_precision_score, S.average_precision_score, y, score, pos_label=pos, sample_weight=w)
                for name in ("roc_curve", "precision_recall_curve"):
                    for drop in (False, True):
                        try:
                            expected = getattr(S, name)(y, score, pos_label=pos, sample_weight=w, drop_intermediate=drop)
                        except ValueError:
                            with pytest.raises(ValueError):
                                getattr(M, name)(y, score, pos_label=pos, sample_weight=w, drop_intermediate=drop)
                            continue
                        found = getattr(M, name)(y, score, pos_label=pos, sample_weight=w, drop_intermediate=drop)
                        if not (weighted and drop):  # with weights, rounding decides which points lie on a straight line
                            for ours, theirs in zip(found, expected):
                                np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", [0, 1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_numbers(S, outputs, weighted):
    random = np.random.default_rng(3)
    names = ["mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "median_absolute_error",
             "r2_score", "explained_variance_score"]
    for n in (1, 2, 50):
        shape = (n, outputs) if outputs else (n,)
        for y, p in (
            (random.standard_normal(shape), random.standard_normal(shape)), (random.integers(3, size=shape), random.integers(3, size=shape)),
            (np.ones(shape), np.ones(shape)), (np.ones(shape), random.standard_normal(shape)),
        ):
            w = random.integers(4, size=n) + (np.arange(n) == 0) if weighted else None
            for name in names:
                options = [{"multioutput": word} for word in ("raw_values", "uniform_average", "variance_weighted", "x", [0.2, 0.3, 0.5])]
                if name in names[5:]:
                    options += [{"force_finite": False}]
                for option in options:
                    same_outcome(getattr(M, name), getattr(S, name), y, p, sample_weight=w, **option)


def test_clusters(S, monkeypatch):
    random = np.random.default_rng(4)
    X, labels = random.standard_normal((301, 4)), random.integers(5, size=301)
    labels[0] = 9  # alone
    X[10] = X[11]
    same(M.silhouette_score(X, labels), S.silhouette_score(X, labels))
    same(M.silhouette_score(X + 100, labels.astype(str)), S.silhouette_score(X, labels))
    same(M.silhouette_score(X, labels, sample_size=100, random_state=3), S.silhouette_score(X, labels, sample_size=100, random_state=3))
    whole = M.silhouette_samples(X, labels)
    np.testing.assert_allclose(whole, S.silhouette_samples(X, labels), rtol=1e-11, atol=1e-12)
    monkeypatch.setattr("merx._metrics.clustering._BLOCK", 1000)  # eight rows a block
    np.testing.assert_allclose(M.silhouette_samples(X, labels), whole, rtol=1e-12)
    assert M.silhouette_score(np.zeros((4, 1)), [0, 0, 1, 1]) == 0
    for bad in (np.zeros(301), np.arange(301), labels[:-1], labels + 0.5):
        with pytest.raises(ValueError):
            M.silhouette_score(X, bad)
    for k, m in ((1, 1), (3, 5), (300, 2), (300, 300)):
        a, b = random.integers(k, size=300), random.integers(m, size=300)
        same(M.adjusted_rand_score(a, b), S.adjusted_rand_score(a, b))
        same(M.adjusted_rand_score(a, a.astype(str)), 1.0)
    same(M.adjusted_rand_score([0, 0, 1, 1], [0, 1, 0, 1]), -0.5)
    with pytest.raises(ValueError, match="inconsistent"):
        M.adjusted_rand_score([0, 1], [0, 1, 2])


def test_ndcg_of_scores(S):
    random = np.random.default_rng(5)
    for ties in (1, 9):
        y, score, w = random.integers(4, size=(40, 13)), random.random((40, 13)).round(ties), random.random(40)
        y[3] = 0
        for k in (None, 1, 5, 13, 50):
            for weights in (None, w):
                same(M.ndcg_score(y, score, k=k, sample_weight=weights), S.ndcg_score(y, score, k=k, sample_weight=weights))
                ours = M.ndcg_score(y, score, k=k, sample_weight=weights, ignore_ties=True)
                same(ours, S.ndcg_score(y, score, k=k, sample_weight=weights, ignore_ties=True))
    for bad in (([1, 0], [1, 2]), ([[1], [0]], [[1], [0]]), ([[-1, 0]], [[0, 1]]), ([[1, 0]], [[0, 1, 2]]), ([[np.nan, 0]], [[0, 1]])):
        with pytest.raises(ValueError):
            M.ndcg_score(*bad)
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="k has to be"):
            M.ndcg_score([[1, 0]], [[0, 1]], k=k)


def naive_ranking(relevant, ranked, k):
    """(recall, ndcg, hit) by row; rows without relevant items are None."""
    out = []
    for right, shown in zip(relevant, ranked):
        right, shown = set(right), list(shown)[:k]
        if not right:
            out.append(None)
            continue
        first = {}
        for place, item in enumerate(shown):
            first.setdefault(item, place)
        places = [place for item, place in first.items() if item in right]
        best = sum(1 / np.log2(i + 2) for i in range(min(k, len(right))))
        out.append((len(places) / len(right), sum(1 / np.log2(place + 2) for place in places) / best, float(bool(places))))
    return out


@pytest.mark.parametrize("text", [False, True])
def test_rankings_against_a_naive_twin(text):
    random = np.random.default_rng(6)
    names = np.array([f"item {i}" for i in range(30)])
    relevant = [random.integers(30, size=random.integers(0, 8)) for _ in range(60)]
    ranked = random.integers(30, size=(60, 12))  # with items shown twice
    w = random.random(60)
    for k in (1, 3, 12, 40):
        rows = naive_ranking(relevant, ranked, k)
        asked = np.array([row is not None for row in rows])
        expected = np.array([row for row in rows if row is not None])
        right = [names[items].tolist() for items in relevant] if text else relevant
        for shown in ([names[ranked], names[ranked].tolist(), names[ranked].astype(object)] if text else [ranked, ranked.tolist()]):
            for c, name in enumerate(("recall_at_k", "ndcg_at_k", "hit_rate_at_k")):
                assert getattr(M, name)(right, shown, k=k) == pytest.approx(expected[:, c].mean(), rel=1e-12)
                weighted = np.average(expected[:, c], weights=w[asked])
                assert getattr(M, name)(right, shown, k=k, sample_weight=w) == pytest.approx(weighted, rel=1e-12)
                assert getattr(M, name)([set(items) for items in right], shown, k=k) == getattr(M, name)(right, shown, k=k)


def test_rankings_fillers_and_sparse():
    sparse = pytest.importorskip("scipy.sparse")
    relevant = sparse.csr_array(np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 0]]))
    ranked = np.array([[3, 0, -1], [1, -1, -1], [1, 2, 3]], dtype=np.int32)
    assert M.recall_at_k(relevant, ranked, k=2) == 0.25
    assert M.hit_rate_at_k(relevant, ranked, k=2) == 0.5
    assert M.ndcg_at_k(relevant, ranked, k=1) == 0.5
    assert M.recall_at_k([[-1, 3], [2, -1]], ranked[:2], k=3) == 0.5  # a filler is no item, on either side
    assert M.recall_at_k([["a", None]], np.array([["b", None, "a"]], dtype=object), k=3) == 1
    assert M.recall_at_k([[1.0]], np.array([[np.nan, 1.0]]), k=2) == 1
    assert M.recall_at_k([[1], [2]], [[], []], k=2) == 0


def test_rankings_refuse():
    for relevant, ranked, words in (
        ([[1]], [[1], [2]], "inconsistent"), ([[]], [[1]], "No row has a relevant item"), ([["a"]], [[1]], "text and"), ([["a", 1]], [["a"]], ""),
        ([["a"], [1]], [["a"], ["b"]], "text and"), ([1], [[1]], "list of items"), (["abc"], [["a"]], "list of items"), ([[1]], [1], "list of items"),
        ([], [], "empty"),
    ):
        if words:
            with pytest.raises(ValueError, match=words):
                M.recall_at_k(relevant, ranked)
    for k in (0, -2, 2.5, None):
        with pytest.raises(ValueError, match="k has to be"):
            M.ndcg_at_k([[1]], [[1]], k=k)


BAD = [
    ([0, 1], [0, 1, 1], "inconsistent"), ([], [], "empty"), ([0, 1.5], [0, 1], "mix of continuous and binary"),
    ([0.5, 1.5], [0.5, 1], "continuous is not supported"),
    ([0, np.nan], [0, 1], "NaN"), ([0, np.inf], [0, 1], "infinity"), (["a", "b"], [0, 1], "Mix of label"), ([["a", "b"]], ["a"], "mix of"),
    (np.array(["a", None], dtype=object), ["a", "a"], "NaN"), (np.array(["a", 1], dtype=object), ["a", "a"], "Mix of label"),
    ([0, 1j], [0, 1], "Complex"), ("ab", "ab", "array-like"), (np.zeros((2, 2, 2)), [0, 1], "1d or a 2d"),
]


@pytest.mark.parametrize("y,p,words", BAD)
def test_bad_labels(y, p, words):
    for name in ("accuracy_score", "balanced_accuracy_score", "confusion_matrix", "precision_score", "recall_score", "f1_score"):
        with pytest.raises(ValueError, match=words):
            getattr(M, name)(y, p)


def test_bad_arguments():
    with pytest.raises(ValueError, match="average has to be one of"):
        M.f1_score([0, 1], [0, 1], average="mean")
    with pytest.raises(ValueError, match="pos_label=5 is not a valid label"):
        M.f1_score([0, 1], [0, 1], pos_label=5)
    with pytest.raises(ValueError, match="multiclass but average='binary'"):
        M.recall_score([0, 1, 2], [0, 1, 1])
    with pytest.raises(ValueError, match="zero_division"):
        M.recall_score([0, 1], [0, 1], zero_division=2)
    with pytest.raises(ValueError, match="At least one label"):
        M.confusion_matrix([0, 1], [0, 1], labels=[5])
    with pytest.raises(ValueError, match="should contain at least one"):
        M.confusion_matrix([0, 1], [0, 1], labels=[])
    with pytest.raises(ValueError, match="normalize"):
        M.confusion_matrix([0, 1], [0, 1], normalize="rows")
    with pytest.raises(ValueError, match="greater than 1"):
        M.log_loss([0, 1], [0.5, 1.5])
    with pytest.raises(ValueError, match="lower than 0"):
        M.log_loss([0, 1], [[0.5, 0.5], [-0.5, 1.0]])
    with pytest.raises(ValueError, match="only one label"):
        M.log_loss([1, 1], [0.5, 0.5])
    with pytest.raises(ValueError, match="not belonging to the passed labels"):
        M.log_loss([0, 7], [0.5, 0.5], labels=[0, 1])
    with pytest.raises(ValueError, match="different number of classes"):
        M.log_loss([0, 1], [[0.2, 0.3, 0.5]] * 2)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        M.brier_score_loss(["a", "b"], [0.1, 0.9])
    with pytest.raises(ValueError, match="should be binary"):
        M.brier_score_loss([0, 1, 2], [0.1, 0.9, 0.5])
    with pytest.raises(ValueError, match="NaN"):
        M.roc_auc_score([0, 1], [0.5, np.nan])
    with pytest.raises(ValueError, match="1d array"):
        M.roc_auc_score([0, 1], [[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(ValueError, match="sum up to 1"):
        M.roc_auc_score([0, 1, 2], np.ones((3, 3)), multi_class="ovr")
    with pytest.raises(ValueError, match="different number of output"):
        M.mean_squared_error([1.0, 2.0], [[1.0, 2.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        M.r2_score([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(ValueError):
        M.mean_absolute_error(["a", "b"], [1.0, 2.0])
    for name in ("mean_squared_error", "accuracy_score", "f1_score"):
        with pytest.raises(ValueError, match="inconsistent"):
            getattr(M, name)([0, 1], [0, 1], sample_weight=[1])
        with pytest.raises(ValueError, match="NaN"):
            getattr(M, name)([0, 1], [0, 1], sample_weight=[1, np.nan])


def test_warnings_say_what_is_undefined():
    for call in (
        lambda: M.precision_score([0, 1], [0, 0]), lambda: M.recall_score([0, 0], [0, 1]), lambda: M.f1_score([0, 0], [0, 0]),
        lambda: M.r2_score([1.0], [1.0]), lambda: M.roc_auc_score([1, 1], [0.1, 0.2]), lambda: M.roc_curve([1, 1], [0.1, 0.2]),
    ):
        with pytest.warns(UserWarning) as told:
            call()
        assert any(one.category.__name__ == "UndefinedMetricWarning" for one in told)
        assert all(one.filename == __file__ for one in told)


def test_frames(S):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"y": ["a", "b", "a", "b"], "p": ["a", "b", "b", "b"], "n": [1, 2, 3, 4], "m": [1.0, 2.5, 3, 4]}, index=[5, 3, 1, 0])
    assert M.accuracy_score(frame.y, frame.p) == 0.75
    assert M.f1_score(frame.y.astype("category"), frame.p, pos_label="b") == S.f1_score(frame.y, frame.p, pos_label="b")
    same(M.mean_squared_error(frame[["n", "m"]], frame[["m", "n"]]), S.mean_squared_error(frame[["n", "m"]], frame[["m", "n"]]))
    same(M.roc_auc_score(frame.y, frame.m), S.roc_auc_score(frame.y, frame.m))


def test_as_a_scorer(S):
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(8)
    X = random.standard_normal((90, 3))
    y = (X[:, 0] > 0).astype(int)
    scorer = S.make_scorer(M.log_loss, response_method="predict_proba", greater_is_better=False)
    ours = selection.cross_val_score(LogisticRegression(), X, y, scoring=scorer)
    theirs = selection.cross_val_score(LogisticRegression(), X, y, scoring="neg_log_loss")
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_signatures(S):
    """Parameters, their order and defaults as scikit-learn's, but for what is of one distance only and for deprecated names."""
    for name in M.__all__:
        if not hasattr(S, name) or name in ("silhouette_score", "silhouette_samples"):
            continue
        ours = [(p.name, p.kind, p.default) for p in inspect.signature(getattr(M, name)).parameters.values()]
        theirs = [(p.name, p.kind, p.default) for p in inspect.signature(getattr(S, name)).parameters.values()]
        if name == "log_loss":
            theirs = [(n, k, inspect.Parameter.empty if n == "y_proba" else d) for n, k, d in theirs if n != "y_pred"]
        assert ours == theirs, name


def test_examples():
    for name in ["merx.metrics", *(f"merx._metrics.{part}" for part in PARTS)]:
        found = doctest.testmod(importlib.import_module(name))
        assert found.attempted > 0 and found.failed == 0, name
    for name in M.__all__:
        assert getattr(M, name).__doc__, name


def test_imports_only_numpy():
    code = "import sys, merx.metrics; print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'scipy', 'pandas'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
