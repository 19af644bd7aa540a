"""Linear models with scikit-learn's words: LinearRegression, Ridge, Lasso, ElasticNet, LogisticRegression.

    >>> from merx.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[3.0]])
    array([7.])

Fits are exact, the same bits for any number of threads, and use every core (MERX_NUM_THREADS sets how many). Sparse matrices are taken and made dense.
"""
import warnings

import numpy as np

from merx import _merx
from merx._base import ClassifierMixin, Estimator, Interval, RegressorMixin
from merx._checks import (
    check_classes_y,
    check_lengths,
    check_numbers_y,
    check_weights,
    check_X,
    convergence_warning,
    is_sparse,
    require_y,
)
from merx._family import dataset_of, fit_model, target_name

__all__ = ["ElasticNet", "Lasso", "LinearRegression", "LogisticRegression", "Ridge"]


class _Linear(RegressorMixin, Estimator):
    """A regression with coef_ and intercept_; one model of the C library for each target."""

    _family = "linear"
    _tensor = "linear"
    _multi_output = True

    def _fit_options(self, target):
        raise NotImplementedError

    def _fit(self, X, y, sample_weight=None):
        self._validate_params()
        require_y(self, y)
        if is_sparse(X) and getattr(self, "positive", False) and isinstance(self, LinearRegression):
            raise TypeError(
                "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy array."
            )
        X = check_X(self, X, reset=True, accept_sparse=True, finite=False)
        name, y = target_name(y), check_numbers_y(y, self._multi_output)
        check_lengths(X=X, y=y)
        weights = check_weights(sample_weight, X)
        targets = y.reshape(len(y), -1)
        names = self.__dict__.get("feature_names_in_")
        models = [
            fit_model(
                self._family, X, y=np.ascontiguousarray(targets[:, t]), weights=weights, options=self._fit_options(t), names=names,
                name=name, who=type(self).__name__,
            )
            for t in range(targets.shape[1])
        ]
        self._model = models if y.ndim == 2 else models[0]
        found = [model.tensors() for model in models]
        coefficients = np.stack([one[f"{self._tensor}.coefficients"] for one in found])
        intercepts = np.array([one[f"{self._tensor}.scalars"][0] for one in found])
        if X.dtype == np.float32:
            coefficients, intercepts = coefficients.astype(np.float32), intercepts.astype(np.float32)
        if not self.fit_intercept:
            intercepts = 0.0
        self.coef_ = coefficients[0] if y.ndim == 1 else coefficients
        self.intercept_ = (intercepts[0] if y.ndim == 1 else intercepts) if self.fit_intercept else 0.0
        return found, y.ndim == 1

    def predict(self, X):
        """Predicted values: X (n, d) to (n), or (n, targets) when fitted on more than one target.

        Raises NotFittedError before fit; ValueError for another number of columns, NaN or infinities.
        """
        values = self._quick(X, labels=False)
        return self._predict_checked(X) if values is None else values

    def _predict_checked(self, X):
        self._check_is_fitted()
        X = check_X(self, X, reset=False, accept_sparse=True)
        data = dataset_of(X)
        several = isinstance(self._model, list)
        out = np.stack([model.predict(data) for model in self._model], axis=1) if several else self._model.predict(data)
        return out.astype(np.float32) if X.dtype == np.float32 else out

    def explain(self, X, row=0, target=0):
        """Why row `row` of X got its value: an Explanation, whose base (the prediction at the mean) and contributions sum to the prediction."""
        self._check_is_fitted()
        names = self.__dict__.get("feature_names_in_")
        X = check_X(self, X, reset=False, accept_sparse=True)
        from merx._explain import explanation

        return explanation(self._each_model()[target].explain(dataset_of(X, names), row))

    def describe(self):
        """Coefficients with standard errors and quality of the fit, for a person; one block of text a target."""
        self._check_is_fitted()
        return "\n".join(model.describe() for model in self._each_model())

    def _each_model(self):
        return self._model if isinstance(self._model, list) else [self._model]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = self._multi_output
        return tags


class LinearRegression(_Linear):
    """Ordinary least squares: minimises sum_i w_i (y_i - b0 - b x_i)².

    Parameters
    ----------
    fit_intercept : bool
        Learn b0; without it the line goes through the origin.
    copy_X : bool
        Taken for scikit-learn's sake; X is never changed.
    tol : float
        Taken for scikit-learn's sake; the fit is exact.
    n_jobs : int or None
        Taken for scikit-learn's sake; every core is used, with the same bits.
    positive : bool
        Allow no coefficient below 0.

    Attributes
    ----------
    coef_ : (d) or (targets, d) · intercept_ : float or (targets) · rank_ : int · n_features_in_ · feature_names_in_

    Cost: one pass over X for its Gram matrix, O(n d²), and a Cholesky factorisation; a pivoted one where columns depend on each other.

    >>> import numpy as np
    >>> X = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 3.0]])
    >>> model = LinearRegression().fit(X, X @ [1.0, 2.0] + 3)
    >>> model.coef_.round(6), round(float(model.intercept_), 6)
    (array([1., 2.]), 3.0)
    """

    _constraints = {
        "fit_intercept": [bool], "copy_X": [bool], "tol": [Interval(float, 0, None)], "n_jobs": [None, Interval(int, None, None)],
        "positive": [bool],
    }

    def __init__(self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False):
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    @property
    def _family(self):
        return "elastic_net" if self.positive else "linear"

    @property
    def _tensor(self):
        return "elastic_net" if self.positive else "linear"

    def _fit_options(self, target):
        if self.positive:
            return {"alpha": 0, "positive": True, "intercept": self.fit_intercept, "tolerance": 1e-12, "max_iterations": 100000}
        return {"intercept": self.fit_intercept, "standard_errors": False}

    def fit(self, X, y, sample_weight=None):
        """X (n, d), y (n) or (n, targets), sample_weight (n). Returns self."""
        found, single = self._fit(X, y, sample_weight)
        if not self.positive:
            ranks = [int(one["linear.scalars"][5]) for one in found]
            self.rank_ = ranks[0]
        return self


class Ridge(_Linear):
    """Least squares with a penalty on squared coefficients: minimises sum_i w_i (y_i - b0 - b x_i)² + alpha |b|².

    Parameters
    ----------
    alpha : float or (targets)
        Strength of the penalty; 0 is plain least squares.
    fit_intercept : bool
        Learn b0, which is not penalised.
    copy_X, max_iter, tol, solver, random_state
        Taken for scikit-learn's sake; the fit is exact.
    positive : bool
        Not supported: ElasticNet has it.

    Attributes
    ----------
    coef_ : (d) or (targets, d) · intercept_ : float or (targets) · n_iter_ : 1, the fit is direct · n_features_in_ · feature_names_in_

    >>> Ridge(alpha=1.0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).coef_.round(4)
    array([1.3333])
    """

    _family = "ridge"
    _constraints = {
        "alpha": [Interval(float, 0, None), "array"], "fit_intercept": [bool], "copy_X": [bool],
        "max_iter": [None, Interval(int, 1, None)], "tol": [Interval(float, 0, None)],
        "solver": [{"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}], "positive": [bool], "random_state": ["random_state"],
    }

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, copy_X=True, max_iter=None, tol=1e-4, solver="auto", positive=False, random_state=None
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def _fit_options(self, target):
        alphas = np.ravel(self.alpha)
        alpha = alphas[0] if len(alphas) == 1 else alphas[target]
        return {"l2": float(alpha), "intercept": self.fit_intercept, "standard_errors": False}

    def fit(self, X, y, sample_weight=None):
        """X (n, d), y (n) or (n, targets), sample_weight (n). Returns self."""
        if self.positive:
            raise ValueError("positive=True is not supported by Ridge; ElasticNet(l1_ratio=0, positive=True) learns it")
        alphas, shape = np.ravel(self.alpha), np.asarray(y).shape
        targets = shape[1] if len(shape) == 2 else 1
        if len(alphas) not in (1, targets):
            raise ValueError(f"Number of targets and number of penalties do not correspond: {len(alphas)} != {targets}")
        self._fit(X, y, sample_weight)
        self.n_iter_ = 1
        return self


class ElasticNet(_Linear):
    """Linear regression that leaves out columns: minimises 1/(2 W) sum_i w_i (y_i - b0 - b x_i)² + alpha l1_ratio |b|_1 + alpha (1 - l1_ratio)/2 |b|².

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    l1_ratio : float
        Share of the penalty on absolute coefficients, which sets some to exactly 0: 1 is the lasso, 0 is a ridge.
    fit_intercept : bool
        Learn b0, which is not penalised.
    precompute, copy_X, warm_start, random_state, selection
        Taken for scikit-learn's sake; the C solver decides these by itself.
    max_iter : int
        Most sweeps over the coefficients; ConvergenceWarning when they do not suffice.
    tol : float
        The fit ends when the duality gap is at most this share of y's sum of squares.
    positive : bool
        Allow no coefficient below 0.

    Attributes
    ----------
    coef_ : (d) or (targets, d) · intercept_ : float or (targets) · n_iter_ : int · n_features_in_ · feature_names_in_

    >>> X = [[0.0, 0.0], [1.0, 0.1], [2.0, -0.1], [3.0, 0.0]]
    >>> ElasticNet(alpha=0.1, l1_ratio=1.0).fit(X, [0.0, 1.0, 2.0, 3.0]).coef_.round(2)
    array([0.92, 0.  ])
    """

    _family = _tensor = "elastic_net"
    _constraints = {
        "alpha": [Interval(float, 0, None)], "l1_ratio": [Interval(float, 0, 1)], "fit_intercept": [bool], "precompute": [bool, "array"],
        "max_iter": [Interval(int, 1, None), None], "copy_X": [bool], "tol": [Interval(float, 0, None)], "warm_start": [bool],
        "positive": [bool], "random_state": ["random_state"], "selection": [{"cyclic", "random"}],
    }

    def __init__(
        self, alpha=1.0, *, l1_ratio=0.5, fit_intercept=True, precompute=False, max_iter=1000, copy_X=True, tol=1e-4, warm_start=False,
        positive=False, random_state=None, selection="cyclic",
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _fit_options(self, target):
        return {
            "alpha": float(self.alpha), "l1_ratio": float(self.l1_ratio), "intercept": self.fit_intercept, "positive": self.positive,
            "tolerance": min(max(float(self.tol), 1e-12), 0.1), "max_iterations": int(self.max_iter or 1000),
        }

    def fit(self, X, y, sample_weight=None):
        """X (n, d), y (n) or (n, targets), sample_weight (n). Returns self."""
        found, single = self._fit(X, y, sample_weight)
        self._note_iterations(found, single)
        return self

    def _note_iterations(self, found, single):
        counts = [int(one["elastic_net.scalars"][_NET_ITERATIONS]) for one in found]
        if max(counts) >= (self.max_iter or 1000):
            warnings.warn(
                f"Objective did not converge in {max(counts)} sweeps. You might want to increase max_iter, or tol.", convergence_warning(),
                stacklevel=3,
            )
        self.n_iter_ = counts[0] if single else counts

    @property
    def sparse_coef_(self):
        """coef_ as a SciPy sparse matrix (needs SciPy)."""
        from scipy import sparse

        return sparse.csr_array(np.atleast_2d(self.coef_))


class Lasso(ElasticNet):
    """ElasticNet with l1_ratio 1: the penalty is on absolute coefficients alone. Parameters and attributes as there.

    >>> Lasso(alpha=0.1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).coef_.round(2)
    array([0.85])
    """

    _constraints = {name: value for name, value in ElasticNet._constraints.items() if name != "l1_ratio"}

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, precompute=False, copy_X=True, max_iter=1000, tol=1e-4, warm_start=False, positive=False,
        random_state=None, selection="cyclic",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    l1_ratio = 1.0


# In the words of scikit-learn's solvers, for who filters them.
_NOT_CONVERGED = {
    "lbfgs": "lbfgs failed to converge after {} iteration(s): increase max_iter or scale the columns",
    "liblinear": "Liblinear failed to converge, increase the number of iterations. ({} were made)",
    "newton-cg": "newton-cg failed to converge. Increase the number of iterations. ({} were made)",
    "newton-cholesky": "Newton solver did not converge after {} iterations.",
    "sag": "The max_iter was reached which means the coef_ did not converge ({} iterations)",
    "saga": "The max_iter was reached which means the coef_ did not converge ({} iterations)",
}
_LEAST_L2 = 1e-4  # of classes that a plane separates, without a penalty

_NET_ITERATIONS = 5  # place in elastic_net.scalars: sweeps


class LogisticRegression(ClassifierMixin, Estimator):
    """Logistic regression, binary and multinomial: minimises sum_i w_i loss_i + (1 - l1_ratio)/(2 C) |b|² + l1_ratio/C |b|_1.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", None}
        Older spelling of l1_ratio and C: "l2" is l1_ratio=0, "l1" is l1_ratio=1, None is C=inf.
    C : float
        Inverse strength of the penalty; inf is none. Without a penalty, classes that a plane separates are refused: their coefficients have no end.
    l1_ratio : float
        Share of the penalty on absolute coefficients, which sets some to exactly 0.
    dual, intercept_scaling, solver, verbose, warm_start, n_jobs, random_state
        Taken for scikit-learn's sake: one solver (Newton with borrowed Hessians, L-BFGS for very many columns) serves all, and every core is used.
    tol : float
        The fit ends when no slope of the mean loss exceeds it (1e-6 at most, in standardised columns).
    fit_intercept : bool
        Learn a constant term, which is not penalised.
    class_weight : dict, "balanced" or None
        Weights of classes, {class: weight}; "balanced": the same total weight in each.
    max_iter : int
        Most steps of the solver; ConvergenceWarning when they do not suffice.

    Attributes
    ----------
    classes_ : (classes) · coef_ : (1, d) for two classes, else (classes, d) · intercept_ : (1) or (classes) · n_iter_ : (1) of int
    n_features_in_ · feature_names_in_

    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    >>> model.predict([[0.5], [2.5]])
    array(['no', 'yes'], dtype='<U3')
    >>> model.predict_proba([[1.5]]).round(3)
    array([[0.5, 0.5]])
    """

    _SOLVERS = {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}
    _constraints = {
        "penalty": [{"l1", "l2", "elasticnet", "deprecated"}, None], "C": [Interval(float, 0, None, open_low=True)],
        "l1_ratio": [Interval(float, 0, 1), None], "dual": [bool], "tol": [Interval(float, 0, None)], "fit_intercept": [bool],
        "intercept_scaling": [Interval(float, 0, None)], "class_weight": [dict, {"balanced"}, None], "random_state": ["random_state"],
        "solver": [_SOLVERS], "max_iter": [Interval(int, 0, None)], "verbose": ["verbose"], "warm_start": [bool],
        "n_jobs": [None, Interval(int, None, None)],
    }

    def __init__(
        self, penalty="deprecated", *, C=1.0, l1_ratio=0.0, dual=False, tol=1e-4, fit_intercept=True, intercept_scaling=1, class_weight=None,
        random_state=None, solver="lbfgs", max_iter=100, verbose=0, warm_start=False, n_jobs=None,
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def _penalties(self):
        """(l2, l1) of the C library, as `penalty` or l1_ratio and C say."""
        C, ratio = float(self.C), self.l1_ratio
        if self.n_jobs is not None:
            warnings.warn("'n_jobs' has no effect: every core is used, with the same bits.", FutureWarning, stacklevel=4)
        if self.penalty != "deprecated":
            warnings.warn(
                "'penalty' was deprecated in scikit-learn 1.8: use l1_ratio (0 is l2, 1 is l1), and C=np.inf for no penalty.", FutureWarning,
                stacklevel=4,
            )
            if self.penalty == "elasticnet" and ratio is None:
                raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
            if self.penalty is None:
                if C != 1.0 and not np.isinf(C):
                    warnings.warn("Setting penalty=None will ignore the C and l1_ratio parameters", UserWarning, stacklevel=4)
                C = np.inf
            wanted = {"l1": 1.0, "l2": 0.0}.get(self.penalty, ratio)
            if self.penalty == "l1" and ratio not in (None, 0.0, 1.0) or self.penalty == "l2" and ratio not in (None, 0.0, 1.0):
                warnings.warn(
                    f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={self.penalty})", UserWarning, stacklevel=4
                )
            elif wanted != ratio and self.penalty in ("l1", "l2"):
                warnings.warn(
                    f"Inconsistent values: penalty={self.penalty} with l1_ratio={ratio}. penalty is deprecated; l1_ratio alone says what is meant.",
                    UserWarning, stacklevel=4,
                )
            ratio = {"l1": 1.0, "l2": 0.0, None: 0.0, "elasticnet": ratio}[self.penalty]
        elif ratio is None:
            warnings.warn("'l1_ratio=None' was deprecated in scikit-learn 1.8: use l1_ratio=0, its default.", FutureWarning, stacklevel=4)
            ratio = 0.0
        if np.isinf(C):
            return 0.0, 0.0
        return (1 - ratio) / C, ratio / C

    def _class_weights(self, codes, weights):
        """(n) of weights with those of the classes in them, or None."""
        if self.class_weight is None:
            return weights
        k = len(self.classes_)
        if isinstance(self.class_weight, str):
            counts = np.bincount(codes, weights=weights, minlength=k)
            of_class = counts.sum() / (k * np.where(counts > 0, counts, 1))
        else:
            of_class = np.ones(k)
            unknown = [c for c in self.class_weight if c not in self.classes_]
            if unknown and len(unknown) == len(self.class_weight):
                raise ValueError(f"The classes, {[c for c in self.classes_.tolist()]}, are not in class_weight")
            for c, weight in self.class_weight.items():
                of_class[self.classes_ == c] = weight
        return of_class[codes] * (1.0 if weights is None else weights)

    def fit(self, X, y, sample_weight=None):
        """X (n, d), y (n) of classes: numbers, text or truth values; sample_weight (n). Returns self.

        Raises ValueError for fewer than two classes, NaN, wrong shapes; a fit that fails leaves the model as it was.
        """
        self._validate_params()
        require_y(self, y)
        l2, l1 = self._penalties()
        X = check_X(self, X, reset=True, accept_sparse=True, finite=False)
        name = target_name(y)
        classes, codes = check_classes_y(y)
        check_lengths(X=X, y=codes)
        weights = check_weights(sample_weight, X)
        if len(classes) < 2:
            raise ValueError(
                f"This solver needs samples of at least 2 classes in the data, but the data contains only one class: {classes[0]!r}"
            )
        self.classes_ = classes
        weights = self._class_weights(codes, weights)
        used = np.arange(len(classes))
        if weights is not None:
            X, codes, weights, used = _without_idle_classes(X, codes, weights, len(classes))
        options = {
            "l2": l2, "l1": l1, "intercept": self.fit_intercept, "standard_errors": False, "max_iterations": max(int(self.max_iter), 1),
            "tolerance": min(max(float(self.tol), 1e-15), 1e-6),
        }
        if self.max_iter == 0:
            return self._fit_nothing(X, len(classes))
        model = self._fit_model(X, codes, classes[used], weights, options, name)
        found = model.tensors()
        self._model = model
        coefficients, intercepts = found["logistic.coefficients"], found["logistic.intercepts"]
        if len(used) < len(classes):
            coefficients, intercepts = _with_idle_classes(coefficients, intercepts, used, len(classes))
            self._model = None
        if not self.fit_intercept:
            intercepts = np.zeros_like(intercepts)
        if X.dtype == np.float32:
            coefficients, intercepts = coefficients.astype(np.float32), intercepts.astype(np.float32)
        self.coef_, self.intercept_ = coefficients, intercepts
        iterations, converged = int(found["logistic.scalars"][1]), bool(found["logistic.scalars"][2])
        self.n_iter_ = np.array([min(iterations, self.max_iter)], dtype=np.int32)
        if not converged and iterations >= self.max_iter:
            warnings.warn(_NOT_CONVERGED[self.solver].format(self.max_iter), convergence_warning(), stacklevel=2)
        return self

    def _fit_model(self, X, codes, classes, weights, options, name):
        start = None
        if self.warm_start and "coef_" in self.__dict__ and self.coef_.shape == (1 if len(classes) == 2 else len(classes), X.shape[1]):
            start = np.column_stack([self.densify().coef_, self.intercept_])
        arguments = {
            "codes": codes, "classes": [str(c) for c in classes], "weights": weights, "start": start,
            "names": self.__dict__.get("feature_names_in_"), "name": name, "who": type(self).__name__,
        }
        try:
            return fit_model("logistic", X, options=options, **arguments)
        except _merx.Error as error:
            if error.code != "MERX_E_NUMERIC" or options["l2"] > 0 or options["l1"] > 0:
                raise
            # scikit-learn stops somewhere on the way to infinity; here the end is well defined, and said.
            warnings.warn(f"{error}. Fitted with l2 = {_LEAST_L2} instead", convergence_warning(), stacklevel=3)
            return fit_model("logistic", X, options={**options, "l2": _LEAST_L2}, **arguments)

    def _fit_nothing(self, X, k):
        """max_iter=0: where a fit would begin."""
        rows = 1 if k == 2 else k
        self._model = None
        self.coef_, self.intercept_ = np.zeros((rows, X.shape[1]), dtype=X.dtype), np.zeros(rows, dtype=X.dtype)
        self.n_iter_ = np.zeros(1, dtype=np.int32)
        warnings.warn(_NOT_CONVERGED[self.solver].format(0), convergence_warning(), stacklevel=3)
        return self

    # ---- use ----

    def decision_function(self, X):
        """Log-odds: (n) of the second of two classes, else (n, classes)."""
        self._check_is_fitted()
        X = check_X(self, X, reset=False, accept_sparse=True)
        coefficients = self.coef_.toarray() if is_sparse(self.coef_) else self.coef_
        scores = X @ coefficients.T + self.intercept_
        return scores.reshape(-1) if scores.size == len(X) else scores

    def predict(self, X):
        """The most probable class of each row: X (n, d) to (n)."""
        labels = self._quick(X, labels=True)
        if labels is not None:
            return self.classes_[labels]
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def predict_proba(self, X):
        """Probabilities, X (n, d) to (n, classes); rows sum to 1."""
        values = self._quick(X, labels=False)
        return _softmax(self.decision_function(X)) if values is None else values

    def predict_log_proba(self, X):
        """Logarithms of predict_proba."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def explain(self, X, row=0, output=None):
        """Why row `row` of X got its class: an Explanation whose score is the class's log-odds.

        output: the class that is explained; None: the predicted one.
        """
        self._check_is_fitted()
        if self._model is None:
            raise ValueError("classes without a row of weight above 0 can't be explained")
        names = self.__dict__.get("feature_names_in_")
        X = check_X(self, X, reset=False, accept_sparse=True)
        which = -1
        if output is not None:
            at = np.flatnonzero(self.classes_ == output)
            if len(at) == 0:
                raise ValueError(f"{output!r} is none of the classes {self.classes_.tolist()}")
            which = int(at[0])
        from merx._explain import explanation

        return explanation(self._model.explain(dataset_of(X, names), row, which))

    def describe(self):
        """Coefficients and quality of the fit, for a person."""
        self._check_is_fitted()
        return self._model.describe()

    def sparsify(self):
        """coef_ as a SciPy sparse matrix, for models with many coefficients of 0. Returns self."""
        self._check_is_fitted()
        from scipy import sparse

        self.coef_ = sparse.csr_array(self.coef_)
        return self

    def densify(self):
        """coef_ as an array again. Returns self."""
        self._check_is_fitted()
        if is_sparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _softmax(scores):
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1) / 2
    scores = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


def _without_idle_classes(X, codes, weights, k):
    """Rows of classes all of whose weights are 0 go; (X, codes, weights, the classes that stay)."""
    totals = np.bincount(codes, weights=weights, minlength=k)
    used = np.flatnonzero(totals > 0)
    if len(used) == k:
        return X, codes, weights, used
    if len(used) < 2:
        raise ValueError("fewer than two classes have a row of weight above 0")
    keep = totals[codes] > 0
    places = np.cumsum(totals > 0) - 1
    return np.ascontiguousarray(X[keep]), places[codes[keep]].astype(np.int32), weights[keep], used


def _with_idle_classes(coefficients, intercepts, used, k):
    """Coefficients of all classes; those without weight are as improbable as can be."""
    if len(used) == 2:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    whole, constants = np.zeros((k, coefficients.shape[1])), np.full(k, -1e3)
    whole[used], constants[used] = coefficients, intercepts
    return whole, constants
