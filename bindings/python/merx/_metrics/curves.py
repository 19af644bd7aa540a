"""Figures of scores that order rows: the ROC and precision-recall curves and the areas under them. One sort each: O(n log n)."""
import itertools
import warnings

import numpy as np

from merx._checks import check_lengths
from merx._metrics.checks import column_of, distinct, encoded, one_of, positions, positive_label, scores_of, target, undefined_warning, weights_of


def _cumulated(positive, y_score, weights):
    """(false positives, true positives, thresholds) when rows of at least each distinct score are called positive; highest score first.

    positive (n) of bool; y_score (n); weights (n) or None. Rows of weight 0 are as if not there.
    """
    if weights is not None:
        kept = weights != 0
        positive, y_score, weights = positive[kept], y_score[kept], weights[kept]
    # Descending and stable: ascending from the end, backwards.
    order = len(y_score) - 1 - np.argsort(y_score[::-1], kind="stable")[::-1]
    y_score, positive = y_score[order], positive[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(y_score)), len(y_score) - 1)
    if weights is None:
        tps = np.cumsum(positive)[ends]
        return 1.0 + ends - tps, tps, y_score[ends]
    weights = weights[order]
    return np.cumsum((1 - positive) * weights)[ends], np.cumsum(positive * weights)[ends], y_score[ends]


def _curve(y_true, y_score, pos_label, sample_weight):
    check_lengths(y_true=y_true, y_score=y_score, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    kind, y = target(y_true, "y_true")
    if kind != "binary" and not (kind == "multiclass" and pos_label is not None):
        raise ValueError(f"{kind} format is not supported")
    pos_label = positive_label(pos_label, y)
    score = column_of(scores_of(y_score), "y_score")
    return _cumulated(np.asarray(y == pos_label), score, weights_of(sample_weight, len(y)))


def _corners(fps, tps, thresholds):
    """Without points on a straight line between their neighbours."""
    if len(fps) <= 2:
        return fps, tps, thresholds
    kept = np.concatenate([[True], (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), [True]])
    return fps[kept], tps[kept], thresholds[kept]


def roc_curve(y_true, y_score, *, pos_label=None, sample_weight=None, drop_intermediate=True):
    """The receiver operating characteristic: (false positive rates, true positive rates, thresholds), each (t), from none positive to all.

    y_true (n) of two labels; y_score (n), higher for pos_label (None: 1 of {0, 1} or {-1, 1}); drop_intermediate leaves out points on straight
    lines. The first threshold is infinite. Raises ValueError: lengths, NaN, labels of which pos_label can't be told.

    >>> fpr, tpr, thresholds = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr, tpr
    (array([0. , 0. , 0.5, 0.5, 1. ]), array([0. , 0.5, 0.5, 1. , 1. ]))
    """
    fps, tps, thresholds = _curve(y_true, y_score, pos_label, sample_weight)
    return _roc(fps, tps, thresholds, drop_intermediate)


def _roc(fps, tps, thresholds, drop_intermediate):
    if drop_intermediate:
        fps, tps, thresholds = _corners(fps, tps, thresholds)
    fps, tps = np.append(0.0, fps), np.append(0.0, tps)
    thresholds = np.append(np.inf, thresholds.astype(np.float64))
    for sums, missing, rate in ((fps, "negative", "false"), (tps, "positive", "true")):
        if sums[-1] <= 0:
            warnings.warn(f"No {missing} samples in y_true, {rate} positive value should be meaningless", undefined_warning(), stacklevel=3)
    nothing = np.full(len(fps), np.nan)
    return fps / fps[-1] if fps[-1] > 0 else nothing, tps / tps[-1] if tps[-1] > 0 else nothing, thresholds


def precision_recall_curve(y_true, y_score, *, pos_label=None, sample_weight=None, drop_intermediate=False):
    """(precisions (t + 1), recalls (t + 1), thresholds (t)), thresholds ascending; the last point is precision 1 at recall 0.

    Arguments as roc_curve's; drop_intermediate leaves out thresholds within runs of equal recall.

    >>> precision, recall, thresholds = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> precision.round(2), recall
    (array([0.5 , 0.67, 0.5 , 1.  , 1.  ]), array([1. , 1. , 0.5, 0.5, 0. ]))
    """
    fps, tps, thresholds = _curve(y_true, y_score, pos_label, sample_weight)
    if drop_intermediate and len(fps) > 2:
        changes = np.diff(tps) != 0
        kept = np.concatenate([[True], changes[:-1] | changes[1:], [True]])
        fps, tps, thresholds = fps[kept], tps[kept], thresholds[kept]
    return _precision_recall(fps, tps, thresholds)


def _precision_recall(fps, tps, thresholds):
    called = tps + fps
    precision = np.where(called != 0, tps / np.where(called != 0, called, 1), 0.0)
    if tps[-1] == 0:
        warnings.warn("No positive class found in y_true, recall is set to one for all thresholds.", stacklevel=3)
        recall = np.ones(len(tps))
    else:
        recall = tps / tps[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def _roc_area(positive, y_score, weights, max_fpr=None):
    """The area under the ROC curve of rows that are positive or not; up to max_fpr, standardised after McClish 1989."""
    if positive.all() or not positive.any():
        warnings.warn("Only one class is present in y_true. ROC AUC score is not defined in that case.", undefined_warning(), stacklevel=4)
        return float("nan")
    fpr, tpr, _ = _roc(*_cumulated(positive, y_score, weights), True)
    if max_fpr is None or max_fpr == 1:
        return _trapezoids(fpr, tpr)
    if not 0 < max_fpr <= 1:
        raise ValueError(f"Expected max_fpr in range (0, 1], got: {max_fpr!r}")
    stop = np.searchsorted(fpr, max_fpr, "right")
    last = np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    area, least = _trapezoids(np.append(fpr[:stop], max_fpr), np.append(tpr[:stop], last)), 0.5 * max_fpr**2
    return 0.5 * (1 + (area - least) / (max_fpr - least))


def _trapezoids(x, y):
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def _average_precision(positive, y_score, weights):
    precision, recall, _ = _precision_recall(*_cumulated(positive, y_score, weights))
    return float(max(0.0, -(np.diff(recall) * precision[:-1]).sum()))


def _averaged(metric, hot, y_score, average, weights):
    """A binary figure of each column of hot (n, c) of bool against that of y_score (n, c), averaged over columns (or rows: "samples")."""
    if y_score.shape != hot.shape:
        raise ValueError(f"y_score has shape {y_score.shape}, but y_true's labels make {hot.shape}")
    if average == "micro":
        return metric(hot.ravel(), y_score.ravel(), None if weights is None else np.repeat(weights, hot.shape[1]))
    share = None
    if average == "samples":
        share, weights, hot, y_score = weights, None, hot.T, y_score.T
    elif average == "weighted":
        share = (hot if weights is None else hot * weights[:, None]).sum(axis=0).astype(float)
        if np.isclose(share.sum(), 0):
            return 0.0
    values = np.array([metric(hot[:, c], y_score[:, c], weights) for c in range(hot.shape[1])])
    if average is None:
        return values
    if share is not None:
        values[share == 0] = 0
    return float(np.average(values, weights=share))


def _one_hot(y, classes):
    found, codes = encoded(y)
    return positions(found, classes)[codes][:, None] == np.arange(len(classes))


def roc_auc_score(y_true, y_score, *, average="macro", sample_weight=None, max_fpr=None, multi_class="raise", labels=None):
    """The area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half.

    y_true          (n) of labels, or (n, c) of 0 and 1
    y_score         two labels: (n), higher for the greater one; more: (n, c) of probabilities that sum to 1, columns in the labels' order
    average         over labels: "macro", "weighted" (by support), "micro" (not with "ovo"), "samples" (indicators), None: an array by label
    sample_weight   (n); not with "ovo"
    max_fpr         two labels: the (standardised) area up to this false positive rate, in (0, 1]
    multi_class     more than two labels: "ovr" each against the rest, "ovo" each pair (Hand & Till 2001)
    labels          (c) sorted, where y_true may lack some
    Raises ValueError: lengths, NaN, unknown labels, columns other than labels. One label only: NaN with an UndefinedMetricWarning.

    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    kind, y = target(y_true, "y_true")
    y_score = scores_of(y_score)
    check_lengths(y_true=y, y_score=y_score, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    weights = weights_of(sample_weight, len(y))
    one_of("average", average, (None, "micro", "macro", "weighted", "samples"))
    if kind == "multiclass" or (kind == "binary" and y_score.ndim == 2 and y_score.shape[1] > 2):
        if max_fpr is not None and max_fpr != 1:
            raise ValueError(
                f"Partial AUC computation not available in multiclass setting, 'max_fpr' must be set to `None`, received `max_fpr={max_fpr}` instead"
            )
        if multi_class not in ("ovo", "ovr"):
            raise ValueError("multi_class must be in ('ovo', 'ovr')")
        return _multiclass_area(y, y_score, labels, multi_class, average, weights)
    if kind == "binary":
        classes = distinct(y)
        positive = np.asarray(y == classes[1]) if len(classes) == 2 else np.zeros(len(y), dtype=bool)
        return _roc_area(positive, column_of(y_score, "y_score"), weights, max_fpr)
    if kind != "multilabel-indicator":
        raise ValueError(f"{kind} format is not supported")
    return _averaged(lambda hot, score, w: _roc_area(hot, score, w, max_fpr), y != 0, y_score, average, weights)


def _multiclass_area(y, y_score, labels, multi_class, average, weights):
    if y_score.ndim != 2:
        raise ValueError(
            f"`y_score` needs to be of shape `(n_samples, n_classes)`, since `y_true` contains multiple classes. Got `y_score.shape={y_score.shape}`."
        )
    if not np.allclose(1, y_score.sum(axis=1)):
        raise ValueError("Target scores need to be probabilities for multiclass roc_auc, i.e. they should sum up to 1.0 over classes")
    options = ("micro", "macro", "weighted", None) if multi_class == "ovr" else ("macro", "weighted")
    if average not in options:
        raise ValueError(f"average must be one of {options} for multiclass problems with multi_class={multi_class!r}")
    found = distinct(y)
    if labels is None:
        classes = found
        if len(classes) != y_score.shape[1]:
            raise ValueError("Number of classes in y_true not equal to the number of columns in 'y_score'")
    else:
        labels = column_of(np.asarray(labels), "labels")
        classes = distinct(labels)
        if len(classes) != len(labels):
            raise ValueError("Parameter 'labels' must be unique")
        if not np.array_equal(classes, labels):
            raise ValueError("Parameter 'labels' must be ordered")
        if len(classes) != y_score.shape[1]:
            raise ValueError(f"Number of given labels, {len(classes)}, not equal to the number of columns in 'y_score', {y_score.shape[1]}")
        if (positions(found, classes) < 0).any():
            raise ValueError("'y_true' contains labels not in parameter 'labels'")
    if multi_class == "ovr":
        return _averaged(_roc_area, _one_hot(y, classes), y_score, average, weights)
    if weights is not None:
        raise ValueError("sample_weight is not supported for multiclass one-vs-one ROC AUC, 'sample_weight' must be None in this case.")
    places = positions(found, classes)
    rows = [np.flatnonzero(y == label) for label in found]
    areas, share = [], []
    for i, j in itertools.combinations(range(len(found)), 2):
        both = np.concatenate([rows[i], rows[j]])
        first = np.arange(len(both)) < len(rows[i])
        areas.append((_roc_area(first, y_score[both, places[i]], None) + _roc_area(~first, y_score[both, places[j]], None)) / 2)
        share.append(len(both) / len(y))
    return float(np.average(areas, weights=share if average == "weighted" else None))


def average_precision_score(y_true, y_score, *, average="macro", pos_label=1, sample_weight=None):
    """Average precision: the sum over thresholds of (recall - recall of the threshold before) precision; not interpolated.

    y_true (n) of labels or (n, c) of 0 and 1; y_score (n) for two labels, else (n, c); average as roc_auc_score's; pos_label: of two labels, the
    positive one. Raises ValueError: lengths, NaN, an unknown pos_label, columns other than labels.

    >>> round(average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    one_of("average", average, (None, "micro", "macro", "weighted", "samples"))
    kind, y = target(y_true, "y_true")
    y_score = scores_of(y_score)
    check_lengths(y_true=y, y_score=y_score, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    weights = weights_of(sample_weight, len(y))
    if kind == "binary":
        classes = distinct(y)
        if len(classes) == 2 and pos_label not in classes.tolist():
            raise ValueError(f"pos_label={pos_label} is not a valid label. It should be one of {classes}")
        return _average_precision(np.asarray(y == pos_label), column_of(y_score, "y_score"), weights)
    if kind not in ("multiclass", "multilabel-indicator"):
        raise ValueError(f"{kind} format is not supported")
    if pos_label != 1:
        raise ValueError(f"Parameter pos_label is fixed to 1 for {kind} y_true. Do not set pos_label or set pos_label to 1.")
    hot = _one_hot(y, distinct(y)) if kind == "multiclass" else y != 0
    if y_score.shape != hot.shape:
        raise ValueError(
            f"`y_score` needs to be of shape `(n_samples, n_classes)`, since `y_true` contains multiple classes. Got `y_score.shape={y_score.shape}`."
        )
    return _averaged(_average_precision, hot, y_score, average, weights)
