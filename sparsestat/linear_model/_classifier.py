"""Penalised classification at one strength."""

from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_expit, logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight

from sparsestat._sklearn import CallbackSupportMixin, Interval, StrOptions
from sparsestat.base import Data, check_vector, naming, validate
from sparsestat.linear_model._model import fit_method
from sparsestat.linear_model._posing import MODEL_CONSTRAINTS, Model
from sparsestat.linear_model._refit import Refit, Response
from sparsestat.losses import LogisticLoss, MultinomialLoss, loss_of
from sparsestat.solvers import SOLVERS

__all__ = ["CLASSIFICATION_CONSTRAINTS", "Classification", "PenalizedClassifier"]

CLASSIFICATION_CONSTRAINTS: dict[str, list[Any]] = {
    "loss": [StrOptions({"log_loss", "multinomial"}), LogisticLoss, MultinomialLoss],
    "solver": [StrOptions({"auto", *SOLVERS})],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}


ROUNDING = 1e-13


class Classification(ClassifierMixin, Refit):
    """What the penalised classifiers share: labels, prediction."""

    classes_: np.ndarray
    class_weight: Any

    def _read(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> tuple[Data, Data]:
        """Validate training data; note the classes.

        Returns the data as they are, and those to fit, with samples weighted by class.
        """
        if loss_of(self.loss).response != "class":
            raise ValueError(f"loss must be one for classes. Got {self.loss!r}.")
        data = validate(X, y, sample_weight, offset, estimator=self, labels=True)
        labels = data.weighted().y
        self.classes_ = np.unique(labels)
        if self.classes_.size < 2:
            (label,) = self.classes_.tolist()
            raise ValueError(
                f"y must hold at least two classes. Got one class: {label!r}"
                + ("." if labels.size == data.y.size else ", among samples with weight.")
            )
        if offset is not None and self.classes_.size > 2:
            raise ValueError(
                f"offset needs two classes. Got {self.classes_.size} classes in y."
            )
        if self.class_weight is None:
            return data, data
        return data, data.reweighted(self._class_factors(data))

    def _class_factors(self, data: Data) -> np.ndarray:
        """Return each sample's factor by its class, 1 for classes without any."""
        kept = data.weighted()
        with naming("class_weight"):
            weights = compute_class_weight(
                self.class_weight, classes=self.classes_, y=kept.y, sample_weight=kept.weight
            )
            if not (np.isfinite(weights).all() and (weights / weights.max() > 0.0).all()):
                raise ValueError(
                    "class_weight must hold positive numbers, none of them vanishing beside "
                    f"another. Got {weights}."
                )
        position = np.searchsorted(self.classes_, data.y)
        return np.append(weights, 1.0)[position]

    def _targets(self, y: np.ndarray) -> list[np.ndarray]:
        """Return the responses 0 and 1 of the problems that make the model."""
        if self._is_joint():
            return [(y[:, None] == self.classes_).astype(np.float64)]
        positive = self.classes_[1:] if self.classes_.size == 2 else self.classes_
        return [(y == label).astype(np.float64) for label in positive]

    def _is_joint(self) -> bool:
        """Tell whether one problem has the probabilities of all classes."""
        return isinstance(loss_of(self.loss), MultinomialLoss) and self.classes_.size > 2

    def _model(self) -> Model:
        model = super()._model()
        if isinstance(loss_of(self.loss), MultinomialLoss) and self.classes_.size == 2:
            return replace(model, loss="log_loss")  # the same model, with half the coefficients
        return model

    def _responses(self, y: np.ndarray) -> list[Response]:
        if not np.array_equal(np.unique(y), self.classes_):
            raise ValueError(
                f"y must hold the classes of the fit, {self.classes_.tolist()}. Got "
                f"{np.unique(y)[:20].tolist()}."
            )
        if self._is_joint():
            return [Response(y, self.support_)]
        targets, supports = self._targets(y), map(np.flatnonzero, np.atleast_2d(self.coef_))
        labels = self.classes_[-len(targets) :]
        parts = zip(targets, supports, labels, strict=True)
        return [Response(target, part, f" == {label}") for target, part, label in parts]

    def _fitted(self, *args: Any) -> dict[str, Any]:
        return {"classes_": self.classes_, **super()._fitted(*args)}

    def decision_function(self, X: Any, offset: Any = None) -> np.ndarray:
        """Evaluate the linear predictors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor, for two classes; zero by default, also if the
            model was fitted with an offset.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the logarithm of the odds of ``classes_[1]``; for more, that
            of each class against all others, or for the multinomial loss the logarithms of
            the probabilities up to a constant.
        """
        eta = self._linear_predictor(X)
        if offset is None:
            return eta
        if eta.ndim == 2:
            raise ValueError(f"offset needs two classes. There are {self.classes_.size}.")
        return eta + check_vector("offset", offset, eta.size)

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the most probable class, the first one if others equal it up to rounding.

        Parameters and shape of the data as in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, of the dtype of ``classes_``.
        """
        eta = self.decision_function(X, offset)
        if eta.ndim == 1:
            eta = np.column_stack([np.zeros_like(eta), eta])
        best = eta.max(axis=1, keepdims=True)
        return self.classes_[(eta >= best - ROUNDING * (1.0 + np.abs(best))).argmax(axis=1)]

    def predict_proba(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters as in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows add up to 1; for more than two classes, each against all others, the
            probabilities are divided by their sum.
        """
        return np.exp(self.predict_log_proba(X, offset))

    def predict_log_proba(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the logarithms of the probabilities of the classes.

        Parameters as in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._log_chances(self.decision_function(X, offset))

    def _log_chances(self, eta: np.ndarray) -> np.ndarray:
        """Return the logarithms of class probabilities from linear predictors."""
        if self._is_joint():
            return eta - logsumexp(eta, axis=1, keepdims=True)
        return log_probabilities(eta)


def log_probabilities(eta: np.ndarray) -> np.ndarray:
    """Return the logarithms of class probabilities, of classes each against the others."""
    if eta.ndim == 1:
        return np.column_stack([log_expit(-eta), log_expit(eta)])
    alone = log_expit(eta)
    return alone - logsumexp(alone, axis=1, keepdims=True)


class PenalizedClassifier(CallbackSupportMixin, Classification):
    """Logistic regression with a sparsity penalty.

    For two classes, y_i in {0, 1}, minimises over coefficients b and intercept b0

        sum_i w_i (log(1 + exp(eta_i)) - y_i eta_i) / sum_i w_i
        + sum_j p(abs(b_j); alpha v_j) + (l2 / 2) sum_j b_j^2,

    eta_i = x_i'b + b0 + offset_i, with sample weights w and penalty weights v. More
    classes are fitted each against all others, with one alpha, or, for
    ``loss="multinomial"``, together: class k has probability proportional to exp(eta_ik),
    and every feature a penalised coefficient for every class. With ``penalty=L1()`` and
    ``standardize=False`` this is scikit-learn's LogisticRegression with l1 penalty and
    C = 1 / (alpha sum_i w_i).

    Parameters
    ----------
    alpha : float, default=0.1
        Strength of the penalty, >= 0. With standardised features, L1, MCP or SCAD, penalty
        weights of 1 and no offset, every coefficient is 0 from 0.5 on, at the latest.
    loss : {"log_loss", "multinomial"}, LogisticLoss or MultinomialLoss, default="log_loss"
        Minus the mean log-likelihood: of each class against all others, or of the
        multinomial model (two classes have the same with both).
    penalty : Penalty, default=None
        A penalty of :mod:`sparsestat.penalties` or one of your own. None means
        ``MCP(gamma=3.0, adaptive=True)``.
    l2 : float, default=0.0
        Strength of an additional ridge term, >= 0, not multiplied by `alpha`.
    fit_intercept : bool, default=True
    standardize : bool, default=True
        Whether to penalise the coefficients of columns scaled to (weighted) mean square
        one, about their mean if there is an intercept. `coef_` is on the original scale.
    penalty_weights : array-like of shape (n_features,), default=None
        Multipliers of `alpha`: 0 leaves a feature unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must be >= 0.
    bounds : (lower, upper), default=None
        Bounds of `coef_`, lower <= 0 <= upper, each a number or an array-like of shape
        (n_features,); infinite where there is none.
    constraints : LinearConstraint or list of LinearConstraint, default=None
        Linear constraints of the coefficients of each class, as in
        :class:`PenalizedRegressor`.
    class_weight : dict, "balanced" or None, default=None
        Multipliers of the sample weights by class, as in scikit-learn. They change the
        fit and its likelihood, but not the weights of cross-validated scores, nor the
        number of samples in a criterion.
    solver : str, default="auto"
        As in :class:`PenalizedRegressor`; "auto" takes "prox_newton" for penalties on
        single coefficients.
    tol : float, default=None
        Bound on `kkt_violation_`. None means 1e-8, for float32 input 1e-5.
    max_iter : int, default=10000
        Bound on the epochs of coordinate descent plus Newton steps.
    warm_start : bool, default=False
        Whether to start at the last fit's coefficients.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; those of samples without weight are left out.
    coef_ : ndarray of shape (n_features,) or (n_classes, n_features)
        Coefficients, of the dtype of X: for two classes of the logarithm of the odds of
        ``classes_[1]``, for more a row for each class.
    intercept_ : float or ndarray of shape (n_classes,)
    support_ : ndarray of int
        Indices of the features with a nonzero coefficient for some class.
    n_iter_ : int
        Epochs plus Newton steps used, at least 1.
    kkt_violation_ : float
        Largest stationarity violation, as in :class:`PenalizedRegressor`; the largest
        over classes.
    dual_gap_ : float
        Upper bound on the objective minus its optimum; nan for nonconvex penalties and
        where a feature is unpenalised. The sum over classes.
    objective_ : float
        The sum over classes.
    converged_ : bool
        Whether `kkt_violation_` is within `tol`, at a minimum.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has column names that are all strings.

    Raises
    ------
    TypeError, ValueError
        From ``fit``, if a parameter or array is not as it must be; the message names it,
        and the estimator stays as it was.

    Warns
    -----
    ConvergenceWarning
        From ``fit``, if the tolerance is not met; or if the features selected separate
        the classes and the penalty does not hold their coefficients back, so that there
        is no finite solution.
    UserWarning
        From ``fit``, if the gamma of MCP or SCAD is so small that the problem of a single
        coefficient is not convex.

    See Also
    --------
    PenalizedClassifierCV : Chooses `alpha` from the data.
    penalized_path : Fits at many strengths.

    Notes
    -----
    Nonconvex problems are followed from the smallest strength at which the solution is
    zero, as in :class:`PenalizedRegressor`.

    Examples
    --------
    >>> from sparsestat import L1, PenalizedClassifier
    >>> from sparsestat.datasets import load_golub
    >>> genes = load_golub()
    >>> model = PenalizedClassifier(alpha=0.2, penalty=L1()).fit(genes.X, genes.y)
    >>> model.support_.size
    6
    >>> model.predict(genes.X[:2]).tolist()
    ['ALL', 'ALL']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        **CLASSIFICATION_CONSTRAINTS,
        **MODEL_CONSTRAINTS,
    }

    def __init__(
        self,
        alpha: float = 0.1,
        *,
        loss: Any = "log_loss",
        penalty: Any = None,
        l2: float = 0.0,
        fit_intercept: bool = True,
        standardize: bool = True,
        penalty_weights: Any = None,
        positive: bool = False,
        bounds: Any = None,
        constraints: Any = None,
        class_weight: Any = None,
        solver: str = "auto",
        tol: float | None = None,
        max_iter: int = 10_000,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.loss = loss
        self.penalty = penalty
        self.l2 = l2
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.penalty_weights = penalty_weights
        self.positive = positive
        self.bounds = bounds
        self.constraints = constraints
        self.class_weight = class_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    @fit_method
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> "PenalizedClassifier":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32, other numbers become float64.
        y : array-like of shape (n_samples,)
            Labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,) or float, optional
            Nonnegative weights; an integer weight equals as many copies of the row.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor; for two classes only.

        Returns
        -------
        self
        """
        _, data = self._read(X, y, sample_weight, offset)
        data = data.weighted()
        self._fit_targets(data, self._targets(data.y), X, y)
        return self
