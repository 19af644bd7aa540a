"""Figures of quality with scikit-learn's names and meanings, and those of shops' rankings.

    >>> from merx.metrics import f1_score, recall_at_k
    >>> f1_score(["spam", "ham", "spam"], ["spam", "ham", "ham"], pos_label="spam")
    0.6666666666666666
    >>> recall_at_k([[7, 3]], [[3, 1, 4]], k=3)
    0.5

Classifications: accuracy_score, balanced_accuracy_score, precision_score, recall_score, f1_score, confusion_matrix, log_loss, brier_score_loss,
roc_auc_score, average_precision_score, roc_curve, precision_recall_curve. Numbers: mean_squared_error, root_mean_squared_error,
mean_absolute_error, mean_absolute_percentage_error, median_absolute_error, r2_score, explained_variance_score. Clusters: silhouette_score,
silhouette_samples, adjusted_rand_score. Rankings: ndcg_score, recall_at_k, ndcg_at_k, hit_rate_at_k.

All are computed in float64, vectorised, and only NumPy is imported.
"""
from merx._metrics.checks import UndefinedMetricWarning
from merx._metrics.classification import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)
from merx._metrics.clustering import adjusted_rand_score, silhouette_samples, silhouette_score
from merx._metrics.curves import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve
from merx._metrics.ranking import hit_rate_at_k, ndcg_at_k, ndcg_score, recall_at_k
from merx._metrics.regression import (
    explained_variance_score,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

__all__ = [
    "UndefinedMetricWarning", "accuracy_score", "adjusted_rand_score", "average_precision_score", "balanced_accuracy_score", "brier_score_loss",
    "confusion_matrix", "explained_variance_score", "f1_score", "hit_rate_at_k", "log_loss", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "median_absolute_error", "ndcg_at_k", "ndcg_score", "precision_recall_curve",
    "precision_score", "r2_score", "recall_at_k", "recall_score", "roc_auc_score", "roc_curve", "root_mean_squared_error", "silhouette_samples",
    "silhouette_score",
]
