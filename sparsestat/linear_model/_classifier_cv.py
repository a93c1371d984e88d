"""Penalised classification with the strength chosen from the data."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from sparsestat._sklearn import CallbackSupportMixin
from sparsestat.base import Data, naming
from sparsestat.linear_model._classifier import (
    CLASSIFICATION_CONSTRAINTS,
    Classification,
)
from sparsestat.linear_model._cross_validation import (
    CV_CONSTRAINTS,
    Folds,
    PathModel,
    as_folds,
)
from sparsestat.linear_model._model import fit_method

__all__ = ["PenalizedClassifierCV"]


class PenalizedClassifierCV(CallbackSupportMixin, Classification, PathModel):
    """Logistic regression with a sparsity penalty whose strength is chosen from the data.

    As :class:`PenalizedRegressorCV`, with the model of :class:`PenalizedClassifier`. For
    more than two classes one strength is chosen for all.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths, or how many to place evenly in logarithm from the smallest one at
        which every penalised coefficient is zero on all data.
    eps : float, default=1e-3
        The last strength over the first, where `alphas` is a number. With more features
        than samples 0.05 is usual: further down, the classes are separated.
    criterion : {"cv", "aic", "bic", "ebic"}, default="cv"
        What chooses the strength, as in :class:`PenalizedRegressorCV`. For more than two
        classes the criteria of the classes are added.
    cv : int, splitter or iterable of (train, test), default=None
        As in scikit-learn; None means 5 stratified folds, in the order of the data. Every
        class must be among the training rows of every fold.
    scoring : str or callable, default=None
        As in scikit-learn, larger is better. None means the mean log-likelihood.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strength with the best mean score; "one_se" the largest one
        whose mean score is within one standard error of the best (cross-validation
        only).
    n_jobs : int, default=None
        Threads to run the folds in. Results do not depend on it.
    loss, penalty, l2, fit_intercept, standardize, penalty_weights, positive, bounds, \
constraints, class_weight, solver, tol, max_iter
        As in :class:`PenalizedClassifier`.

    Attributes
    ----------
    alpha_ : float
        The strength chosen.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, largest first.
    path_ : PathResult or list of PathResult
        The path on all data; for more than two classes, one a class.
    cv_results_ : dict of ndarray
        As in :class:`PenalizedRegressorCV`; ``"n_nonzero"`` counts features with a
        nonzero coefficient for some class. Only for ``criterion="cv"``.
    criterion_, degrees_of_freedom_ : ndarray of shape (n_alphas,)
        As in :class:`PenalizedRegressorCV`. Strengths at which the path has no finite
        solution are not eligible either, by no criterion. Not for ``criterion="cv"``.
    classes_, coef_, intercept_, support_, kkt_violation_, dual_gap_, objective_, converged_
        Of the chosen solution, as in :class:`PenalizedClassifier`.
    n_iter_ : int
        Epochs plus Newton steps of the full path, at least 1.
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
    ConvergenceWarning, UserWarning
        As in :class:`PenalizedClassifier`, for the solution chosen.

    See Also
    --------
    PenalizedClassifier : At one strength.

    Examples
    --------
    >>> from sparsestat import L1, PenalizedClassifierCV
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(300, 50, 3, response="logistic", random_state=0)
    >>> model = PenalizedClassifierCV(penalty=L1(), eps=0.05, selection="one_se")
    >>> model = model.fit(data.X, data.y)
    >>> bool(set(data.support) <= set(model.support_))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CLASSIFICATION_CONSTRAINTS,
        **CV_CONSTRAINTS,
    }

    def __init__(
        self,
        alphas: Any = 100,
        *,
        eps: float = 1e-3,
        criterion: str = "cv",
        cv: Any = None,
        scoring: Any = None,
        selection: str = "min",
        n_jobs: int | None = None,
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
    ) -> None:
        self.alphas = alphas
        self.eps = eps
        self.criterion = criterion
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.n_jobs = n_jobs
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

    @fit_method
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> "PenalizedClassifierCV":
        """Fit the path, choose a strength and keep the solution there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,) or float, optional
            Used in fitting and in scoring.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor; for two classes only.

        Returns
        -------
        self
        """
        data, weighted = self._read(X, y, sample_weight, offset)
        folds: Folds = []
        if self.criterion == "cv":
            data.check_rows()
            with naming("cv"):
                splitter = check_cv(self.cv, data.y, classifier=True)
                folds = as_folds(splitter.split(data.X, data.y), data.y.size)
            self._check_classes(data, folds)
        self._fit_path(weighted, data, X, y, folds)
        return self

    def _check_classes(self, data: Data, folds: Folds) -> None:
        """Raise if a class is missing from the training rows of a fold."""
        for train, _ in folds:
            missing = np.setdiff1d(self.classes_, data.take(train).weighted().y).tolist()
            if missing:
                raise ValueError(
                    f"cv leaves no training rows of class {missing[0]!r} in one of its folds. "
                    "Use folds that are stratified and fewer than the members of the class, "
                    "or an information criterion."
                )

    def _mean_score(self, held: Data, predictors: np.ndarray) -> float:
        chances = self._log_chances(_squeezed(predictors))
        columns = np.searchsorted(self.classes_, held.y)
        return float(np.average(chances[np.arange(held.y.size), columns], weights=held.weight))

    def _stand_in(self, predictors: np.ndarray) -> Any:
        return _Predictions(self.loss, self.classes_, _squeezed(predictors))


def _squeezed(predictors: np.ndarray) -> np.ndarray:
    return predictors[:, 0] if predictors.shape[1] == 1 else predictors


class _Predictions(Classification, BaseEstimator):
    """Stands for a fitted classifier before a scorer, with linear predictors at hand."""

    def __init__(self, loss, classes, predictors):
        self.loss = loss
        self.classes_ = classes
        self.predictors_ = predictors

    def __sklearn_is_fitted__(self):
        return True

    def _linear_predictor(self, X, offset=None):
        return self.predictors_
