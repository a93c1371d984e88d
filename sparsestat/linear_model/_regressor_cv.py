"""Penalised regression with the strength chosen from the data."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import check_cv

from sparsestat._sklearn import CallbackSupportMixin, Interval
from sparsestat.base import Data, naming
from sparsestat.linear_model._cross_validation import (
    CV_CONSTRAINTS,
    Folds,
    PathModel,
    as_folds,
)
from sparsestat.linear_model._model import fit_method
from sparsestat.linear_model._regressor import REGRESSION_CONSTRAINTS, Regression
from sparsestat.losses import SquaredLoss, loss_of

__all__ = ["PenalizedRegressorCV"]


class PenalizedRegressorCV(CallbackSupportMixin, Regression, PathModel):
    """Linear regression with a sparsity penalty whose strength is chosen from the data.

    Fits the path of :func:`penalized_path` to all data and keeps the solution at the
    strength that cross-validation or an information criterion chooses. Cross-validation
    fits paths at the same strengths to the training part of each fold and scores them on
    the held-out parts.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths, or how many to place evenly in logarithm from the smallest one at
        which every penalised coefficient is zero on all data.
    eps : float, default=1e-3
        The last strength over the first, where `alphas` is a number. With more features
        than samples 0.05 is usual: far below, models nearly interpolate and take long.
    criterion : {"cv", "aic", "bic", "ebic"}, default="cv"
        What chooses the strength: cross-validation, or -2 log L plus 2 k (AIC), k log N
        (BIC) or k log N + 2 log(p choose m) (extended BIC), for N samples (the sum of the
        weights), k degrees of freedom (see `degrees_of_freedom_`) and m selected out of p
        penalised features. With many features take "cv" or "ebic".
    noise_variance : float, default=None
        Variance of the noise in the likelihood L of an information criterion. None means
        the mean squared residual of each model.
    cv : int, splitter or iterable of (train, test), default=None
        As in scikit-learn; None means 5 folds, in the order of the data.
    scoring : str or callable, default=None
        As in scikit-learn, larger is better. None means minus the mean loss; for
        squared error that is minus half the mean squared error.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strength with the best mean score; "one_se" the largest one
        whose mean score is within one standard error of the best (cross-validation
        only).
    n_jobs : int, default=None
        Threads to run the folds in. Results do not depend on it.
    loss, penalty, l2, fit_intercept, standardize, penalty_weights, positive, bounds, \
constraints, solver, tol, max_iter
        As in :class:`PenalizedRegressor`.

    Attributes
    ----------
    alpha_ : float
        The strength chosen.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, largest first.
    path_ : PathResult
        The path on all data; a list with one for each response if there are several.
    cv_results_ : dict of ndarray
        ``"alpha"``, ``"mean_test_score"``, ``"standard_error"``, ``"n_nonzero"`` (on all
        data), each of shape (n_alphas,), and ``"test_scores"`` of shape (n_folds,
        n_alphas). Means over folds are weighted by the total sample weight of the
        held-out parts; the standard error is that of this mean. ``"finite"`` says at which
        strengths the path and all folds have a finite solution; others are not chosen.
        Only for ``criterion="cv"``.
    criterion_ : ndarray of shape (n_alphas,)
        Values of the information criterion; infinite for models that are not eligible,
        having more than N / 2 degrees of freedom (unless the first has, too). Not for
        ``criterion="cv"``.
    degrees_of_freedom_ : ndarray of shape (n_alphas,)
        The number of nonzero coefficients, or with a ridge term the trace of the matrix
        that maps the responses to the fit; plus one for the intercept. Not for
        ``criterion="cv"``.
    coef_ : ndarray of shape (n_features,) or (n_responses, n_features)
    intercept_ : float or ndarray of shape (n_responses,)
    support_ : ndarray of int
    n_iter_ : int
        Epochs plus Newton steps of the full path, at least 1.
    kkt_violation_, dual_gap_, objective_, converged_
        Of the chosen solution, as in :class:`PenalizedRegressor`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has column names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, if a parameter or array is not as it must be; the message names it,
        and the estimator stays as it was.

    See Also
    --------
    PenalizedRegressor : At one strength.

    Examples
    --------
    >>> from sparsestat import PenalizedRegressorCV
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 200, 3, snr=10.0, random_state=0)
    >>> model = PenalizedRegressorCV(selection="one_se").fit(data.X, data.y)
    >>> bool((model.support_ == data.support).all())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "noise_variance": [Interval(Real, 0, None, closed="neither"), None],
        **REGRESSION_CONSTRAINTS,
        **CV_CONSTRAINTS,
    }

    def __init__(
        self,
        alphas: Any = 100,
        *,
        eps: float = 1e-3,
        criterion: str = "cv",
        noise_variance: float | None = None,
        cv: Any = None,
        scoring: Any = None,
        selection: str = "min",
        n_jobs: int | None = None,
        loss: Any = "squared_error",
        penalty: Any = None,
        l2: float = 0.0,
        fit_intercept: bool = True,
        standardize: bool = True,
        penalty_weights: Any = None,
        positive: bool = False,
        bounds: Any = None,
        constraints: Any = None,
        solver: str = "auto",
        tol: float | None = None,
        max_iter: int = 10_000,
    ) -> None:
        self.alphas = alphas
        self.eps = eps
        self.criterion = criterion
        self.noise_variance = noise_variance
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
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    @fit_method
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> "PenalizedRegressorCV":
        """Fit the path, cross-validate it and keep the chosen solution.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_responses)
        sample_weight : array-like of shape (n_samples,) or float, optional
            Used in fitting and in scoring.
        offset : array-like of the shape of y, optional
            Known part of the linear predictor.

        Returns
        -------
        self
        """
        if self.noise_variance is not None and not isinstance(loss_of(self.loss), SquaredLoss):
            raise ValueError(f"noise_variance needs squared error. Got loss {self.loss}.")
        data = self._read(X, y, sample_weight, offset)
        folds: Folds = []
        if self.criterion == "cv":
            data.check_rows()
            with naming("cv"):
                folds = as_folds(check_cv(self.cv).split(data.X, data.y), len(data.y))
        self._fit_path(data, data, X, y, folds)
        return self

    def _targets(self, y: np.ndarray) -> list[np.ndarray]:
        return [y]

    def _mean_score(self, held: Data, predictors: np.ndarray) -> float:
        responses = held.y.reshape(predictors.shape)
        losses = loss_of(self.loss).value(responses, predictors).sum(axis=1)
        return -float(np.average(losses, weights=held.weight))

    def _count(self, scored: Data) -> float:
        return scored.size * (scored.y.size / len(scored.y))

    def _stand_in(self, predictors: np.ndarray) -> Any:
        single = predictors.shape[1] == 1
        return _Predictions(self.loss, predictors[:, 0] if single else predictors)


class _Predictions(Regression):
    """Stands for a fitted regressor before a scorer, with linear predictors at hand."""

    def __init__(self, loss, predictors):
        self.loss = loss
        self.predictors = predictors

    def __sklearn_is_fitted__(self):
        return True

    def _linear_predictor(self, X, offset=None):
        return self.predictors
