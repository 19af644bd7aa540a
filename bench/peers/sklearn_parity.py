"""scikit-learn's own test files for LinearRegression, LogisticRegression and KMeans, run with merx's classes in place of theirs.

    sklearn_parity.py        (merx and pytest on PYTHONPATH); prints one JSON object: counts, the tests that failed, those left out with the reason

The names are replaced in scikit-learn's modules before the test files import them. Left out, by OUTSIDE, are tests that do not concern the public behaviour of
these classes: scikit-learn's private functions, and its other classes and functions (LogisticRegressionCV, k_means …), which stay scikit-learn's own code here.
A test that is skipped (array API without its packages) or that scikit-learn itself expects to fail is not counted.
"""
import json
import os
import sys
from collections import Counter

PRIVATE = "a private function or attribute of scikit-learn"
OTHER = "another class or function of scikit-learn, not one of the three"
# test function, or a part of a test's name in brackets, to the reason
OUTSIDE = {
    "test_preprocess_data": PRIVATE, "test_preprocess_data_multioutput": PRIVATE, "test_preprocess_data_weighted": PRIVATE,
    "test_sparse_preprocess_data_offsets": PRIVATE, "test_csr_preprocess_data": PRIVATE, "test_preprocess_copy_data_no_checks": PRIVATE,
    "test_dtype_preprocess_data": PRIVATE, "test_preprocess_data_integer_array_api_on_float32_only_device": PRIVATE, "test_rescale_data": PRIVATE,
    "test_fused_types_make_dataset": PRIVATE, "test_array_api_move_estimator_to": PRIVATE,
    "test_relocate_empty_clusters": PRIVATE, "test_minibatch_update_consistency": PRIVATE, "test_minibatch_reassign": PRIVATE,
    "test_minibatch_kmeans_init_size": PRIVATE, "test_euclidean_distance": PRIVATE, "test_inertia": PRIVATE, "test_is_same_clustering": PRIVATE,
    "test_sample_weight_init": PRIVATE, "test_sample_weight_zero": PRIVATE, "test_logreg_predict_proba_multinomial": PRIVATE,
    "test_k_means_function": OTHER, "test_kmeans_plusplus_wrong_params": OTHER, "test_kmeans_plusplus_output": OTHER,
    "test_kmeans_plusplus_norms": OTHER, "test_kmeans_plusplus_dataorder": OTHER,
    "test_consistency_path": OTHER, "test_logistic_regression_path_convergence_fail": OTHER, "test_logistic_regression_path_coefs_multinomial": OTHER,
    "test_logistic_regression_path_init_coefs": OTHER, "test_logistic_cv": OTHER, "test_logistic_cv_refit_false_non_elasticnet": OTHER,
    "test_logistic_cv_mock_scorer": OTHER, "test_logistic_cv_multinomial_score": OTHER, "test_multinomial_cv_iris": OTHER,
    "test_logistic_cv_folds_with_classes_missing": OTHER, "test_logistic_cv_sparse": OTHER, "test_logistic_regressioncv_class_weights": OTHER,
    "test_logistic_regression_cv_refit": OTHER, "test_LogisticRegressionCV_GridSearchCV_elastic_net": OTHER,
    "test_LogisticRegressionCV_no_refit": OTHER, "test_LogisticRegressionCV_elasticnet_attribute_shapes": OTHER,
    "test_LogisticRegressionCV_on_folds": OTHER, "test_scores_attribute_layout_elasticnet": OTHER,
    "test_lr_cv_scores_differ_when_sample_weight_is_requested": OTHER, "test_lr_cv_scores_without_enabling_metadata_routing": OTHER,
    "test_logisticregressioncv_warns_with_use_legacy_attributes": OTHER, "test_lr_scoring_warns": OTHER, "test_get_default_scorer": OTHER,
    "LogisticRegressionCV": OTHER, "-cv]": OTHER,
}
FILES = ("linear_model/tests/test_base.py", "linear_model/tests/test_logistic.py", "cluster/tests/test_k_means.py")


def reason_outside(name):
    function, _, rest = name.partition("[")
    return OUTSIDE.get(function) or next((why for part, why in OUTSIDE.items() if not part.startswith("test_") and part in "[" + rest), None)


class Replace:
    """The pytest plugin: merx's classes for scikit-learn's, before collection; outcomes after it."""

    def __init__(self):
        self.outcomes = {}

    def pytest_configure(self, config):
        import sklearn.cluster
        import sklearn.cluster._kmeans
        import sklearn.linear_model
        import sklearn.linear_model._base
        import sklearn.linear_model._logistic

        import merx.cluster
        import merx.linear_model

        for module in (sklearn.linear_model, sklearn.linear_model._base):
            module.LinearRegression = merx.linear_model.LinearRegression
        for module in (sklearn.linear_model, sklearn.linear_model._logistic):
            module.LogisticRegression = merx.linear_model.LogisticRegression
        for module in (sklearn.cluster, sklearn.cluster._kmeans):
            module.KMeans, module.MiniBatchKMeans = merx.cluster.KMeans, merx.cluster.MiniBatchKMeans

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("/")[2]
        if hasattr(report, "wasxfail"):
            outcome = "skipped"  # scikit-learn itself expects it to fail: not counted, whatever it does here
        elif report.outcome == "skipped":
            outcome = "skipped"
        elif report.outcome == "failed":
            outcome = "failed"
        else:
            outcome = "passed" if report.when == "call" else None
        if outcome is not None and self.outcomes.get(name) != "failed":
            self.outcomes[name] = outcome


def main():
    import pytest
    import sklearn

    root = os.path.dirname(sklearn.__file__)
    replace = Replace()
    out = os.dup(1)
    os.dup2(2, 1)  # what pytest says goes to standard error; the result stands alone
    pytest.main(
        ["-q", "-x", "--maxfail=100000", "-p", "no:cacheprovider", "-W", "ignore", "--tb=no", f"--confcutdir={root}", f"--rootdir={root}",
         *(os.path.join(root, file) for file in FILES)],
        plugins=[replace],
    )
    sys.stdout.flush()
    os.dup2(out, 1)
    inside, outside = {}, Counter()
    for name, outcome in replace.outcomes.items():
        why = reason_outside(name.partition("::")[2])
        if why is not None:
            outside[why] += outcome != "skipped"
        elif outcome != "skipped":
            inside[name] = outcome
    everything = [outcome for outcome in replace.outcomes.values() if outcome != "skipped"]
    functions = Counter(name.partition("[")[0] for name, outcome in inside.items() if outcome == "failed")
    print(json.dumps({
        "scikit-learn": sklearn.__version__, "counted": len(inside), "passed": sum(outcome == "passed" for outcome in inside.values()),
        "all_counted": len(everything), "all_passed": sum(outcome == "passed" for outcome in everything),
        "outside": dict(outside), "failed": {name: count for name, count in functions.items()},
    }))


if __name__ == "__main__":
    main()
