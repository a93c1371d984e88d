"""Penalised regression with the strength chosen by cross-validation."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv

from sparsestat._parallel import parallel_map
from sparsestat._sklearn import CallbackSupportMixin, StrOptions, progress
from sparsestat.base import Data, naming, validate
from sparsestat.linear_model._model import (
    Model,
    PenalizedModel,
    fit_method,
    warn_unless_converged,
)
from sparsestat.linear_model._path import PATH_CONSTRAINTS, choose_alphas, collect
from sparsestat.losses import loss_of

__all__ = ["PenalizedRegressorCV"]


class PenalizedRegressorCV(CallbackSupportMixin, RegressorMixin, PenalizedModel):
    """Linear regression with a sparsity penalty whose strength is cross-validated.

    Fits the path of :func:`penalized_path` to all data and, at the same strengths, to
    the training part of each fold; scores the latter on the held-out parts; keeps the
    solution of the full path at the chosen strength.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths, or how many to place evenly in logarithm from the smallest one at
        which every penalised coefficient is zero on all data.
    eps : float, default=1e-3
        The last strength over the first, where `alphas` is a number. With more features
        than samples 0.05 is usual: far below, models nearly interpolate and take long.
    cv : int, splitter or iterable of (train, test), default=None
        As in scikit-learn; None means 5 folds, in the order of the data.
    scoring : str or callable, default=None
        As in scikit-learn, larger is better. None means minus the mean loss; for
        squared error that is minus half the mean squared error.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strength with the best mean score; "one_se" the largest one
        whose mean score is within one standard error of the best.
    n_jobs : int, default=None
        Threads to run the folds in. Results do not depend on it.
    loss, penalty, l2, fit_intercept, standardize, penalty_weights, positive, solver, tol, \
max_iter
        As in :class:`PenalizedRegressor`.

    Attributes
    ----------
    alpha_ : float
        The strength chosen.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, largest first.
    path_ : PathResult
        The path on all data.
    cv_results_ : dict of ndarray
        ``"alpha"``, ``"mean_test_score"``, ``"standard_error"``, ``"n_nonzero"`` (on all
        data), each of shape (n_alphas,), and ``"test_scores"`` of shape (n_folds,
        n_alphas). Means over folds are weighted by the total sample weight of the
        held-out parts; the standard error is that of this mean.
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
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
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "selection": [StrOptions({"min", "one_se"})],
        "n_jobs": [Integral, None],
        **PATH_CONSTRAINTS,
    }

    def __init__(
        self,
        alphas: Any = 100,
        *,
        eps: float = 1e-3,
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
        solver: str = "auto",
        tol: float | None = None,
        max_iter: int = 10_000,
    ) -> None:
        self.alphas = alphas
        self.eps = eps
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
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or float, optional
            Used in fitting and in scoring.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.

        Returns
        -------
        self
        """
        data = validate(X, y, sample_weight, offset, estimator=self)
        folds = _check_folds(self.cv, data)
        model = self._model()
        framed = model.frame(data)
        alphas = choose_alphas(self.alphas, self.eps, framed)
        with progress(self, "alpha", alphas.size, X, y) as report:
            solutions = []
            for solution in framed.solve(alphas):
                solutions.append(solution)
                if report(partial(self._fitted, solution, data.X.dtype, solution.n_iter)):
                    break
        alphas = alphas[: len(solutions)]
        path = collect(alphas, solutions, data.X.dtype)

        score = _scorer(self.scoring, loss_of(self.loss))
        results = parallel_map(
            lambda fold: _score_fold(model, data, alphas, score, *fold), folds, self.n_jobs
        )
        scores = np.array([scores for scores, _ in results])
        missed = sum((missed for _, missed in results), path.missed)
        warn_unless_converged(missed, (len(folds) + 1) * alphas.size, framed.tol, self.max_iter)
        weights = np.array([_total_weight(data, test) for _, test in folds])
        mean = np.average(scores, axis=0, weights=weights)
        error = _standard_error(scores, mean, weights)
        chosen = _select(mean, error, self.selection)
        self.alphas_ = alphas
        self.alpha_ = float(alphas[chosen])
        self.path_ = path
        self.cv_results_ = {
            "alpha": alphas,
            "mean_test_score": mean,
            "standard_error": error,
            "n_nonzero": path.n_nonzeros,
            "test_scores": scores,
        }
        self.__dict__.update(self._fitted(solutions[chosen], data.X.dtype, path.n_iters.sum()))
        return self


def _check_folds(cv: Any, data: Data) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the training and held-out rows of each fold, as indices."""
    with naming("cv"):
        rows = np.arange(data.y.size)
        folds = []
        for parts in check_cv(cv).split(data.X, data.y):
            try:
                train, test = (rows[part] for part in parts)
            except (IndexError, TypeError, ValueError) as error:
                raise ValueError(
                    f"cv must yield pairs of training and held-out rows. Got {parts!r}."
                ) from error
            if not (train.size and test.size):
                raise ValueError("cv yields a fold with no training or no held-out rows.")
            folds.append((train, test))
        if not folds:
            raise ValueError("cv yields no folds.")
    return folds


def _scorer(scoring: Any, loss: Any) -> Callable:
    """Return a function (data, linear predictors) -> scores by strength, larger is better."""
    if scoring is None:

        def mean_loss(held, predictors):
            losses = loss.value(held.y[:, None], predictors)
            return -np.average(losses, axis=0, weights=held.weight)

        return mean_loss
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring

    def by_scorer(held, predictors):
        weight = {} if held.weight is None else {"sample_weight": held.weight}
        scores = [scorer(_Predictor(eta), held.X, held.y, **weight) for eta in predictors.T]
        if not all(isinstance(score, Real) and math.isfinite(score) for score in scores):
            raise ValueError(f"scoring must return finite numbers. Got {scores[0]!r}, say.")
        return np.array(scores)

    return by_scorer


class _Predictor(RegressorMixin, BaseEstimator):
    """Stands for a fitted model before a scorer, with predictions made already."""

    def __init__(self, predictions):
        self.predictions = predictions

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.predictions


def _score_fold(
    model: Model, data: Data, alphas: np.ndarray, score: Callable, train: Any, test: Any
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Fit the path to the training rows; return test scores and violations beyond tol."""
    solutions = list(model.frame(data.take(train)).solve(alphas))
    path = collect(alphas, solutions, np.float64)
    held = data.take(test)
    predictors = path.predict(held.X)
    if held.offset is not None:
        predictors += held.offset[:, None]
    return score(held, predictors), path.missed


def _total_weight(data: Data, rows: np.ndarray) -> float:
    return float(
        np.arange(data.y.size)[rows].size if data.weight is None else data.weight[rows].sum()
    )


def _standard_error(scores, mean, weights) -> np.ndarray:
    """Return the standard error of weighted means over folds; nan for a single fold."""
    if len(scores) < 2:
        return np.full_like(mean, np.nan)
    variance = np.average((scores - mean) ** 2, axis=0, weights=weights)
    return np.sqrt(variance / (len(scores) - 1))


def _select(mean, error, selection) -> int:
    """Return the index of the chosen strength; strengths come largest first."""
    best = int(np.argmax(mean))
    if selection == "min":
        return best
    return int(np.flatnonzero(mean >= mean[best] - np.nan_to_num(error[best]))[0])
