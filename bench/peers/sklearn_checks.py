"""scikit-learn's own check_estimator over every estimator of the Python package. Prints one JSON object: estimators, checks, failures.

    sklearn_checks.py        (merx on PYTHONPATH)

EXPECTED names the checks that fail by design, with the reason; anything else that fails is a failure.
"""
import importlib
import json
import warnings

MODULES = ("linear_model", "cluster", "neighbors", "additive", "preprocessing", "models")
BAGS = (
    "each bag holds out a share of the rows to know when to stop: a row of weight 2 is held out whole or not, two equal rows one by one; so the two are "
    "not the same fit, as in scikit-learn's own HistGradientBoosting and SGD with early stopping"
)
EXPECTED = {
    "AdditiveRegressor": {"check_sample_weight_equivalence_on_dense_data": BAGS},
    "AdditiveClassifier": {"check_sample_weight_equivalence_on_dense_data": BAGS},
}


def estimators():
    found = {}
    for module in MODULES:
        loaded = importlib.import_module(f"merx.{module}")
        for name in getattr(loaded, "__all__", None) or dir(loaded):
            made = getattr(loaded, name)
            if isinstance(made, type) and hasattr(made, "fit"):
                found.setdefault(f"{made.__module__}.{made.__name__}", made)
    return found


def main():
    import sklearn
    from sklearn.utils.estimator_checks import check_estimator

    warnings.simplefilter("ignore")
    result = {"scikit-learn": sklearn.__version__, "estimators": 0, "checks": 0, "passed": 0, "skipped": [], "expected": [], "failed": []}
    for name, cls in estimators().items():
        result["estimators"] += 1
        for one in check_estimator(cls(), on_fail=None, on_skip=None, expected_failed_checks=EXPECTED.get(cls.__name__)):
            result["checks"] += 1
            where = f"{name}: {one['check_name']}"
            if one["status"] == "passed":
                result["passed"] += 1
            elif one["status"] == "skipped":
                result["skipped"].append(where)
            elif one["status"] == "xfail":
                result["expected"].append(f"{where}: {one['expected_to_fail_reason']}")
            else:
                result["failed"].append(f"{where}: {str(one['exception'])[:300]}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
