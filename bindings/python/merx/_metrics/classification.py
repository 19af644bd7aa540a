"""Figures of classifications: labels against labels, and labels against probabilities."""
import warnings

import numpy as np

from merx._checks import check_lengths
from merx._metrics.checks import (
    column_of,
    distinct,
    encoded,
    label_pair,
    mean_of,
    one_of,
    positions,
    positive_label,
    scores_of,
    target,
    undefined_warning,
    weights_of,
)

_AVERAGES = (None, "micro", "macro", "samples", "weighted")


def accuracy_score(y_true, y_pred, *, normalize=True, sample_weight=None):
    """The (weighted) share of rows whose label is right; with indicators, of rows all whose labels are.

    y_true, y_pred (n) of labels or (n, c) of 0 and 1; normalize False returns the (weighted) number of rows; sample_weight (n).
    Raises ValueError: unequal lengths, NaN, numbers that are no labels.

    >>> accuracy_score(["a", "b"], ["a", "a"])
    0.5
    """
    kind, _, true, predicted, weights = label_pair(y_true, y_pred, sample_weight)
    right = true == predicted
    return mean_of((right.all(axis=1) if kind == "multilabel-indicator" else right).astype(float), weights, normalize)


def confusion_matrix(y_true, y_pred, *, labels=None, sample_weight=None, normalize=None):
    """(c, c): how many rows (or how much weight) of true label i were predicted as label j.

    y_true, y_pred (n) of labels; labels (c) picks and orders them, else those found, sorted; normalize "true", "pred", "all" divides by the sums
    of rows, of columns, of everything (0 where a sum is 0), None counts.
    Raises ValueError: lengths, NaN, no label of `labels` in y_true.

    >>> confusion_matrix(["cat", "ant", "cat"], ["ant", "ant", "cat"])
    array([[1, 0],
           [1, 1]])
    """
    one_of("normalize", normalize, (None, "true", "pred", "all"))
    kind, classes, true, predicted, weights = label_pair(y_true, y_pred, sample_weight)
    if kind == "multilabel-indicator":
        raise ValueError(f"{kind} is not supported")
    count = len(classes)
    if labels is not None:
        labels = np.asarray(labels)
        count = labels.size
        if count == 0:
            raise ValueError("'labels' should contain at least one label.")
        places = np.full(len(classes), -1)
        found = positions(labels, classes)
        places[found[found >= 0]] = np.flatnonzero(found >= 0)
        true, predicted = places[true], places[predicted]
        if (true < 0).all():
            raise ValueError("At least one label specified must be in y_true")
        kept = (true >= 0) & (predicted >= 0)
        true, predicted, weights = true[kept], predicted[kept], weights if weights is None else weights[kept]
    matrix = np.bincount(true * count + predicted, weights=weights, minlength=count * count).reshape(count, count)
    if weights is not None and not np.isscalar(sample_weight) and np.asarray(sample_weight).dtype.kind in "iub":
        matrix = matrix.astype(np.int64)
    if normalize is not None:
        total = matrix.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
        matrix = matrix / np.where(total == 0, 1, total)
    if matrix.shape == (1, 1):
        warnings.warn(
            "A single label was found in 'y_true' and 'y_pred'. For the confusion matrix to have the correct shape, use the 'labels' parameter to "
            "pass all known labels.",
            stacklevel=2,
        )
    return matrix


def balanced_accuracy_score(y_true, y_pred, *, sample_weight=None, adjusted=False):
    """The mean over true labels of their recall; adjusted: 0 is chance and 1 is perfect.

    >>> balanced_accuracy_score([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one label is no trouble here
        matrix = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    support = matrix.sum(axis=1)
    known = support != 0
    if not known.all():
        warnings.warn("y_pred contains classes not in y_true", stacklevel=2)
    score = float(np.mean(matrix.diagonal()[known] / support[known]))
    if adjusted:
        chance = 1 / int(known.sum())
        with np.errstate(divide="ignore", invalid="ignore"):  # of one label, chance is perfect
            score = float(np.float64(score - chance) / (1 - chance))
    return score


def _zero_value(zero_division):
    """The value of 0/0."""
    if isinstance(zero_division, str):
        if zero_division == "warn":
            return 0.0
    elif isinstance(zero_division, (int, float, np.floating, np.integer)) and (zero_division in (0, 1) or zero_division != zero_division):
        return float(zero_division)
    raise ValueError(f"zero_division has to be 'warn', 0, 1 or nan, got {zero_division!r}")


def _label_sums(y_true, y_pred, labels, pos_label, average, sample_weight):
    """Sums of (weighted) rows by label: those rightly predicted, predicted, true; and the weights of an average of kind "samples".

    For "micro" one sum of all labels; for "samples" a sum by row instead.
    """
    if average != "binary":
        one_of("average", average, _AVERAGES)
    kind, classes, true, predicted, weights = label_pair(y_true, y_pred, sample_weight)
    if average == "binary":
        if kind != "binary":
            options = [one for one in _AVERAGES if one != "samples" or kind != "multiclass"]
            raise ValueError(f"Target is {kind} but average='binary'. Please choose another average setting, one of {options!r}.")
        if len(classes) == 2 and pos_label not in classes.tolist():
            raise ValueError(f"pos_label={pos_label} is not a valid label. It should be one of {classes}")
        labels = [pos_label]
    elif pos_label not in (None, 1):
        warnings.warn(
            f"Note that pos_label (set to {pos_label!r}) is ignored when average != 'binary' (got {average!r}). You may use labels=[pos_label] to "
            "specify a single positive class.",
            stacklevel=4,
        )
    if kind == "multilabel-indicator":
        if labels is not None:
            columns = np.asarray(labels)
            if columns.size and not (columns.min() >= 0 and columns.max() < true.shape[1]):
                raise ValueError(f"All labels must be in [0, n labels) for multilabel targets. Got {columns.tolist()} of {true.shape[1]}")
            true, predicted = true[:, columns], predicted[:, columns]
        share = np.ones(len(true)) if weights is None else weights
        by_row = average == "samples"
        sums = [one.sum(axis=1) * share if by_row else share @ one for one in (true & predicted, predicted, true)]
    else:
        if average == "samples":
            raise ValueError("Samplewise metrics are not available outside of multilabel classification.")
        k, right = len(classes), true == predicted
        sums = [
            np.bincount(true[right], weights=None if weights is None else weights[right], minlength=k),
            np.bincount(predicted, weights=weights, minlength=k),
            np.bincount(true, weights=weights, minlength=k),
        ]
        if labels is not None:
            found = positions(labels, classes)
            sums = [np.where(found >= 0, one[found], 0) for one in sums]  # a label that is nowhere has sums of 0
    if average == "micro":
        sums = [np.atleast_1d(one.sum()) for one in sums]
    return (*sums, weights)


def _averaged_ratio(numerator, denominator, metric, missing, average, zero_division, by):
    """numerator/denominator by label, with zero_division for 0/0, averaged as asked; by: the weights of "weighted" or "samples"."""
    value = _zero_value(zero_division)
    undefined = denominator == 0
    ratio = np.where(undefined, value, numerator / np.where(undefined, 1, denominator))
    if undefined.any() and isinstance(zero_division, str):
        one, many = ("label", "samples") if average == "samples" else ("sample", "labels")
        where = f"due to no {missing} {one}s" if len(ratio) == 1 else f"in {many} with no {missing} {one}s"
        warnings.warn(
            f"{metric} is ill-defined and being set to 0.0 {where}. Use `zero_division` parameter to control this behavior.",
            undefined_warning(), stacklevel=3,
        )
    if average is None:
        return ratio
    known = ~np.isnan(ratio)
    if not known.any():
        return float("nan")
    ratio = ratio[known]
    if by is None or by[known].sum() == 0:
        return float(ratio.mean())
    return float(np.average(ratio, weights=by[known]))


def _by(average, support, weights):
    return support if average == "weighted" else weights if average == "samples" else None


def precision_score(y_true, y_pred, *, labels=None, pos_label=1, average="binary", sample_weight=None, zero_division="warn"):
    """Of the rows predicted as a label, the share that have it: tp / (tp + fp).

    y_true, y_pred    (n) of labels, or (n, c) of 0 and 1
    labels            those to look at and their order; None: all
    pos_label         the label whose precision "binary" returns
    average           "binary"; "micro" (all labels' counts together), "macro" (their plain mean), "weighted" (by their support), "samples" (over
                      rows of indicators), None: an array by label
    sample_weight     (n)
    zero_division     0, 1 or nan for what is never predicted; "warn" is 0 with an UndefinedMetricWarning
    Raises ValueError: lengths, NaN, an unknown pos_label, more than two labels with "binary".

    >>> precision_score([0, 1, 1, 0], [1, 1, 1, 0])
    0.6666666666666666
    """
    tp, predicted, true, weights = _label_sums(y_true, y_pred, labels, pos_label, average, sample_weight)
    return _averaged_ratio(tp, predicted, "Precision", "predicted", average, zero_division, _by(average, true, weights))


def recall_score(y_true, y_pred, *, labels=None, pos_label=1, average="binary", sample_weight=None, zero_division="warn"):
    """Of the rows that have a label, the share predicted as it: tp / (tp + fn). Arguments as precision_score's.

    >>> recall_score([0, 1, 1, 0], [1, 1, 0, 0])
    0.5
    """
    tp, _, true, weights = _label_sums(y_true, y_pred, labels, pos_label, average, sample_weight)
    return _averaged_ratio(tp, true, "Recall", "true", average, zero_division, _by(average, true, weights))


def f1_score(y_true, y_pred, *, labels=None, pos_label=1, average="binary", sample_weight=None, zero_division="warn"):
    """The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn). Arguments as precision_score's.

    >>> f1_score([0, 1, 2, 2], [0, 1, 1, 2], average="macro")
    0.7777777777777777
    """
    tp, predicted, true, weights = _label_sums(y_true, y_pred, labels, pos_label, average, sample_weight)
    return _averaged_ratio(2.0 * tp, true + predicted, "F-score", "true nor predicted", average, zero_division, _by(average, true, weights))


def _probabilities(y_true, y_proba, labels):
    """One-hot labels (n, c) of float64 and probabilities (n, c) of c classes, checked against each other."""
    if y_proba.max() > 1:
        raise ValueError(f"y_prob contains values greater than 1: {y_proba.max()}")
    if y_proba.min() < 0:
        raise ValueError(f"y_prob contains values lower than 0: {y_proba.min()}")
    kind, y = target(y_true, "y_true")
    if y_proba.ndim == 1:
        y_proba = y_proba[:, None]
    if y_proba.shape[1] == 1:
        y_proba = np.concatenate([1 - y_proba, y_proba], axis=1)
    if kind == "multilabel-indicator" and labels is None:
        hot, classes = (y != 0).astype(np.float64), np.arange(y.shape[1])
    elif kind in ("binary", "multiclass"):
        classes = distinct(y if labels is None else np.asarray(labels))
        if labels is not None and not np.array_equal(classes, np.asarray(labels)):
            warnings.warn(
                f"Labels passed were {labels}. But this function assumes labels are ordered lexicographically. Pass the ordered "
                f"labels={classes.tolist()} and ensure that the columns of y_prob correspond to this ordering.",
                stacklevel=4,
            )
        found, codes = encoded(y)
        places = positions(found, classes)
        if (places < 0).any():
            raise ValueError(f"y_true contains values {set(found[places < 0].tolist())} not belonging to the passed labels {labels}.")
        if len(classes) == 1:
            if labels is None:
                raise ValueError(
                    f"y_true contains only one label ({classes[0]}). Please provide the list of all expected class labels explicitly through the "
                    "labels argument."
                )
            raise ValueError(f"The labels array needs to contain at least two labels, got {classes}.")
        hot = np.zeros((len(y), len(classes)))
        hot[np.arange(len(y)), places[codes]] = 1
    else:
        raise ValueError(f"Unknown label type: {kind}")
    if (abs(y_proba.sum(axis=1, dtype=np.float64) - 1) > np.sqrt(np.finfo(y_proba.dtype).eps)).any():
        warnings.warn("The y_prob values do not sum to one. Make sure to pass probabilities.", stacklevel=4)
    if len(classes) != y_proba.shape[1]:
        if labels is None:
            raise ValueError(
                f"y_true and y_prob contain different number of classes: {len(classes)} vs {y_proba.shape[1]}. Please provide the true labels "
                f"explicitly through the labels argument. Classes found in y_true: {classes}"
            )
        raise ValueError(f"The number of classes in labels is different from that in y_prob. Classes found in labels: {classes}")
    return hot, y_proba


def log_loss(y_true, y_proba, *, normalize=True, sample_weight=None, labels=None):
    """Minus the mean log-probability (natural logarithm) that was given to the true label; probabilities are kept off 0 and 1 by the dtype's eps.

    y_true (n) of labels; y_proba (n, c) with columns in the sorted labels' order, or (n) of the second label's; normalize False sums; labels names
    all c where y_true may lack some.
    Raises ValueError: lengths, NaN, probabilities outside [0, 1], a number of columns other than labels, unknown labels.

    >>> round(log_loss(["spam", "ham"], [[0.1, 0.9], [0.8, 0.2]]), 6)
    0.164252
    """
    y_proba = scores_of(y_proba, "y_proba")
    check_lengths(y_proba=y_proba, y_true=y_true, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    weights = weights_of(sample_weight, len(y_proba))
    hot, y_proba = _probabilities(y_true, y_proba, labels)
    eps = np.finfo(y_proba.dtype).eps
    return mean_of(-(hot * np.log(np.clip(y_proba, eps, 1 - eps))).sum(axis=1), weights, normalize)


def brier_score_loss(y_true, y_proba, *, sample_weight=None, pos_label=None, labels=None, scale_by_half="auto"):
    """The mean squared distance between the probabilities and the truth: sum over classes of (p - [true])², halved for two classes.

    y_true (n) of labels; y_proba (n) of pos_label's probability, or (n, c) as log_loss takes it; pos_label: 1 of {0, 1} and {-1, 1}, else the
    greater number, and to be named for text; scale_by_half True, False or "auto": for fewer than three classes.
    Raises ValueError: lengths, NaN, probabilities outside [0, 1], more than two labels for (n) probabilities.

    >>> round(brier_score_loss([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]), 6)
    0.0375
    """
    y_proba = scores_of(y_proba, "y_proba")
    check_lengths(y_proba=y_proba, y_true=y_true, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    weights = weights_of(sample_weight, len(y_proba))
    if not (isinstance(scale_by_half, (bool, np.bool_)) or scale_by_half == "auto"):
        raise ValueError(f"scale_by_half has to be True, False or 'auto', got {scale_by_half!r}")
    if y_proba.ndim == 1 or y_proba.shape[1] == 1:
        y_proba = column_of(y_proba, "y_proba")
        kind, y = target(y_true, "y_true")
        if kind != "binary":
            raise ValueError(f"The type of the target inferred from y_true is {kind} but should be binary according to the shape of y_prob.")
        if y_proba.max() > 1:
            raise ValueError(f"y_prob contains values greater than 1: {y_proba.max()}")
        if y_proba.min() < 0:
            raise ValueError(f"y_prob contains values less than 0: {y_proba.min()}")
        if pos_label is None and y.dtype.kind not in "OU":
            try:
                pos_label = positive_label(None, y)
            except ValueError:
                pos_label = y.max()
        true = (y == positive_label(pos_label, y)).astype(np.float64)
        loss, classes = 2 * (true - y_proba) ** 2, 2
    else:
        hot, y_proba = _probabilities(y_true, y_proba, labels)
        loss, classes = ((hot - y_proba) ** 2).sum(axis=1), y_proba.shape[1]
    half = classes < 3 if isinstance(scale_by_half, str) else scale_by_half
    return mean_of(loss, weights) * (0.5 if half else 1.0)
