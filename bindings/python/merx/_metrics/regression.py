"""Figures of predicted numbers. Outputs (n, t) get one figure each, and multioutput says how they become one."""
import warnings

import numpy as np

from merx._checks import check_lengths
from merx._metrics.checks import scores_of, undefined_warning, weights_of

_PLAIN = ("raw_values", "uniform_average")
_WITH_VARIANCE = (*_PLAIN, "variance_weighted")


def _outputs(y_true, y_pred, sample_weight, multioutput, words=_PLAIN):
    """(true (n, t), predicted (n, t), weights (n) or None) of float64, after looking at multioutput."""
    check_lengths(y_true=y_true, y_pred=y_pred, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    true, predicted = (scores_of(y, name).astype(np.float64, copy=False) for y, name in ((y_true, "y_true"), (y_pred, "y_pred")))
    true, predicted = true.reshape(len(true), -1), predicted.reshape(len(predicted), -1)
    if true.shape[1] != predicted.shape[1]:
        raise ValueError(f"y_true and y_pred have different number of output ({true.shape[1]}!={predicted.shape[1]})")
    if isinstance(multioutput, str):
        if multioutput not in words:
            raise ValueError(f"Allowed 'multioutput' string values are {words}. You provided multioutput={multioutput!r}")
    elif multioutput is not None:
        shares = np.asarray(multioutput)
        if true.shape[1] == 1:
            raise ValueError("Custom weights are useful only in multi-output cases.")
        if shares.shape != (true.shape[1],):
            raise ValueError(f"There must be equally many custom weights ({shares.size}) as outputs ({true.shape[1]}).")
    return true, predicted, weights_of(sample_weight, len(true))


def _joined(values, multioutput):
    """Figures of outputs (t) as one number, or as they are for "raw_values"."""
    if isinstance(multioutput, str):
        if multioutput == "raw_values":
            return values
        multioutput = None
    return float(np.average(values, weights=multioutput))


def mean_squared_error(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """The (weighted) mean of (y_true - y_pred)², in squared units of y.

    y_true, y_pred (n) or (n, t); sample_weight (n); multioutput "uniform_average", "raw_values" (an array by output) or (t) shares.
    Raises ValueError: unequal lengths or numbers of outputs, NaN, infinity, text.

    >>> mean_squared_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.375
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput)
    return _joined(np.average((true - predicted) ** 2, axis=0, weights=weights), multioutput)


def root_mean_squared_error(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """The root of mean_squared_error by output, in y's units. Arguments as mean_squared_error's.

    >>> root_mean_squared_error([1.0, 1.0], [4.0, 5.0])
    3.5355339059327378
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput)
    return _joined(np.sqrt(np.average((true - predicted) ** 2, axis=0, weights=weights)), multioutput)


def mean_absolute_error(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """The (weighted) mean of |y_true - y_pred|, in y's units. Arguments as mean_squared_error's.

    >>> mean_absolute_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.5
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput)
    return _joined(np.average(abs(true - predicted), axis=0, weights=weights), multioutput)


def mean_absolute_percentage_error(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """The (weighted) mean of |y_true - y_pred| / max(|y_true|, 2.2e-16): a share, 1 is 100 %. Arguments as mean_squared_error's.

    >>> mean_absolute_percentage_error([2.0, 4.0], [3.0, 3.0])
    0.375
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput)
    shares = abs(predicted - true) / np.maximum(abs(true), np.finfo(np.float64).eps)
    return _joined(np.average(shares, axis=0, weights=weights), multioutput)


def _weighted_medians(values, weights):
    """Median of each column of values (n, t) where row i counts weights[i] times: Hyndman & Fan 1996, quantile 2 (averaged at the jumps)."""
    values, weights = values[weights != 0], weights[weights != 0]
    order = np.argsort(values, axis=0)
    out = np.empty(values.shape[1])
    for t in range(values.shape[1]):
        column, below = values[order[:, t], t], np.cumsum(weights[order[:, t]])
        half = 0.5 * below[-1]
        at = min(int(np.searchsorted(below, half)), len(column) - 1)
        if below[at] - half > np.finfo(np.float64).eps:
            out[t] = column[at]
        else:
            out[t] = (column[at] + column[min(at + 1, len(column) - 1)]) / 2
    return out


def median_absolute_error(y_true, y_pred, *, multioutput="uniform_average", sample_weight=None):
    """The (weighted) median of |y_true - y_pred|, in y's units: few great errors don't move it. Arguments as mean_squared_error's.

    >>> median_absolute_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.5
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput)
    errors = abs(predicted - true)
    return _joined(np.median(errors, axis=0) if weights is None else _weighted_medians(errors, weights), multioutput)


def _explained(error, spread, multioutput, force_finite):
    """1 - error/spread by output (t), joined. Without spread: 1 for no error, else 0, or what the division says without force_finite."""
    if force_finite:
        known = spread != 0
        scores = np.where(known, 1 - error / np.where(known, spread, 1), np.where(error != 0, 0.0, 1.0))
        scores[error == 0] = 1.0
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - error / spread
    if isinstance(multioutput, str) and multioutput == "variance_weighted":
        multioutput = spread if (spread != 0).any() else None
    return _joined(scores, multioutput)


def r2_score(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average", force_finite=True):
    """R²: 1 - the squared error over that of y_true's mean; 1 is perfect, 0 as good as the mean, below 0 worse.

    y_true, y_pred (n) or (n, t); sample_weight (n); multioutput as mean_squared_error's, or "variance_weighted" (None is "uniform_average");
    force_finite: a constant y_true gives 1 (met exactly) or 0 instead of NaN or -inf. One row: NaN with an UndefinedMetricWarning.
    Raises ValueError: unequal lengths or numbers of outputs, NaN, infinity, text.

    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput, _WITH_VARIANCE)
    if len(true) < 2:
        warnings.warn("R^2 score is not well-defined with less than two samples.", undefined_warning(), stacklevel=2)
        return float("nan")
    w = 1.0 if weights is None else weights[:, None]
    error = (w * (true - predicted) ** 2).sum(axis=0)
    spread = (w * (true - np.average(true, axis=0, weights=weights)) ** 2).sum(axis=0)
    return _explained(error, spread, multioutput, force_finite)


def explained_variance_score(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average", force_finite=True):
    """1 - the variance of y_true - y_pred over that of y_true: R² of predictions freed of their mean error. Arguments as r2_score's.

    >>> explained_variance_score([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    1.0
    """
    true, predicted, weights = _outputs(y_true, y_pred, sample_weight, multioutput, _WITH_VARIANCE)
    error, spread = (
        np.average((one - np.average(one, axis=0, weights=weights)) ** 2, axis=0, weights=weights) for one in (true - predicted, true)
    )
    return _explained(error, spread, multioutput, force_finite)
