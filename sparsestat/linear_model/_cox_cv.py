"""The penalised Cox model with the strength chosen from the data."""

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from sparsestat._sklearn import CallbackSupportMixin, StrOptions
from sparsestat.base import Data, naming
from sparsestat.linear_model._cox import COX_CONSTRAINTS
from sparsestat.linear_model._cross_validation import (
    CV_CONSTRAINTS,
    Folds,
    PathModel,
    as_folds,
)
from sparsestat.linear_model._model import fit_method
from sparsestat.linear_model._path import PathResult
from sparsestat.linear_model._survival import Survival, read_survival
from sparsestat.metrics import concordance_index

__all__ = ["PenalizedCoxCV"]


class PenalizedCoxCV(CallbackSupportMixin, Survival, PathModel):
    """The Cox model with a sparsity penalty whose strength is chosen from the data.

    As :class:`PenalizedRegressorCV`, with the model of :class:`PenalizedCox`.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths, or how many to place evenly in logarithm from the smallest one at
        which every penalised coefficient is zero on all data.
    eps : float, default=1e-2
        The last strength over the first, where `alphas` is a number. With more features
        than events 0.05 is usual.
    criterion : {"cv", "aic", "bic", "ebic"}, default="cv"
        What chooses the strength, as in :class:`PenalizedRegressorCV`. The number of
        samples in the criteria is that of the events (Volinsky and Raftery 2000).
    cv : int, splitter or iterable of (train, test), default=None
        As in scikit-learn; None means 5 folds with like shares of events, in the order of
        the data. Every fold must have events among its training and its held-out rows.
    scoring : {"concordance"} or callable, default=None
        None means the cross-validated partial likelihood (Verweij and van Houwelingen
        1993): the log partial likelihood of all data less that of the training data, over
        the number of held-out events. So the held-out samples are compared with all that
        are at risk with them. "concordance" is the concordance index among the held-out
        samples alone; a callable is a scikit-learn scorer. Larger is better.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strength with the best mean score; "one_se" the largest one
        whose mean score is within one standard error of the best (cross-validation
        only).
    n_jobs : int, default=None
        Threads to run the folds in. Results do not depend on it.
    ties, penalty, l2, standardize, penalty_weights, positive, bounds, constraints, solver, \
tol, max_iter
        As in :class:`PenalizedCox`.

    Attributes
    ----------
    alpha_ : float
        The strength chosen.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, largest first.
    path_ : PathResult
        The path on all data.
    cv_results_ : dict of ndarray
        As in :class:`PenalizedRegressorCV`; folds count by the weight of their held-out
        events. Only for ``criterion="cv"``.
    criterion_, degrees_of_freedom_ : ndarray of shape (n_alphas,)
        As in :class:`PenalizedClassifierCV`. Not for ``criterion="cv"``.
    coef_, intercept_, baseline_hazard_, event_times_, support_, kkt_violation_, dual_gap_, \
objective_, converged_
        Of the chosen solution, as in :class:`PenalizedCox`.
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
        As in :class:`PenalizedCox`, for the solution chosen.

    See Also
    --------
    PenalizedCox : At one strength.

    References
    ----------
    P. J. M. Verweij, H. C. van Houwelingen (1993). Cross-validation in survival analysis.
    Statistics in Medicine 12, 2305-2314.

    C. T. Volinsky, A. E. Raftery (2000). Bayesian information criterion for censored
    survival models. Biometrics 56, 256-262.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import PenalizedCoxCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 50))
    >>> failure = rng.exponential(np.exp(-X[:, 0] + X[:, 1]))
    >>> censoring = rng.exponential(2.0, 200)
    >>> y = np.empty(200, dtype=[("event", bool), ("time", float)])
    >>> y["event"], y["time"] = failure <= censoring, np.minimum(failure, censoring)
    >>> model = PenalizedCoxCV(selection="one_se").fit(X, y)
    >>> model.support_
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{name: kinds for name, kinds in CV_CONSTRAINTS.items() if name != "fit_intercept"},
        **COX_CONSTRAINTS,
        "scoring": [StrOptions({"concordance"}), callable, None],
    }

    def __init__(
        self,
        alphas: Any = 100,
        *,
        eps: float = 1e-2,
        criterion: str = "cv",
        cv: Any = None,
        scoring: Any = None,
        selection: str = "min",
        n_jobs: int | None = None,
        ties: str = "breslow",
        penalty: Any = None,
        l2: float = 0.0,
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
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.n_jobs = n_jobs
        self.ties = ties
        self.penalty = penalty
        self.l2 = l2
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
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, strata: Any = None
    ) -> "PenalizedCoxCV":
        """Fit the path, choose a strength and keep the solution there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : structured array or data frame of shape (n_samples,)
            As in :class:`PenalizedCox`.
        sample_weight : array-like of shape (n_samples,) or float, optional
            Used in fitting and in scoring.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.
        strata : array-like of shape (n_samples,), optional
            Labels of strata, each of which has a baseline hazard of its own.

        Returns
        -------
        self
        """
        data, labels = read_survival(X, y, sample_weight, offset, strata, estimator=self)
        if not data.weighted().y["event"].any():
            raise ValueError(
                "y holds no event, among samples with weight: nothing to choose by."
            )
        folds = self._folds(data) if self.criterion == "cv" else []
        self._fit_path(data, data, X, y, folds)
        self._store_baselines(data.weighted(), labels)
        return self

    def _folds(self, data: Data) -> Folds:
        """Return the folds, all of them with events on both sides."""
        event = data.y["event"]
        with naming("cv"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class")  # few are censored
            splitter = check_cv(self.cv, event, classifier=True)
            folds = as_folds(splitter.split(data.X, event), event.size)
        for parts in folds:
            for rows, kind in zip(parts, ("training", "held-out"), strict=True):
                if self._events(data, rows) == 0.0:
                    raise ValueError(
                        f"cv leaves no event among the {kind} rows of one of its folds. Use "
                        "fewer folds, with like shares of events, or an information criterion."
                    )
        return folds

    def _targets(self, y: np.ndarray) -> list[np.ndarray]:
        return [y]

    def _count(self, scored: Data) -> float:
        return self._events(scored, np.arange(scored.y.size)) * scored.size / scored.y.size

    def _fold_weight(self, scored: Data, rows: np.ndarray) -> float:
        return self._events(scored, rows)

    def _events(self, data: Data, rows: np.ndarray) -> float:
        """Return the sum of the weights of the events among some rows."""
        event = data.y["event"][rows]
        return float(event.sum() if data.weight is None else data.weight[rows] @ event)

    def _loss_scores(
        self, scored: Data, train: np.ndarray, test: np.ndarray, paths: list[PathResult]
    ) -> list[float]:
        """Return the log partial likelihood of all rows less that of the training rows.

        For each event held out: that of the held-out rows alone would leave out who was at
        risk with them.
        """
        (path,) = paths
        part = self._log_likelihoods(scored, train, path)
        whole = self._log_likelihoods(scored, np.concatenate([train, test]), path)
        return ((whole - part) / self._events(scored, test)).tolist()

    def _log_likelihoods(self, data: Data, rows: np.ndarray, path: PathResult) -> np.ndarray:
        """Return the log partial likelihood of some rows at each strength of a path."""
        weight = np.ones(data.y.size) if data.weight is None else data.weight
        rows = rows[weight[rows] > 0.0]
        part, y, weight = data.take(rows), data.y[rows], weight[rows]
        likelihood = self.loss.likelihood(y["time"], y["event"], weight, y["stratum"])
        predictors = path.predict(part.X).astype(np.float64)
        if part.offset is not None:
            predictors += part.offset[:, None]
        return -weight.sum() * np.array([likelihood.value(eta) for eta in predictors.T])

    def _scorer(self) -> Callable:
        if self.scoring == "concordance":
            return _concordance
        scorer = super()._scorer()
        return lambda held, predictors: scorer(
            held._replace(y=held.y[["event", "time"]]), predictors
        )

    def _stand_in(self, predictors: np.ndarray) -> Any:
        return _Predictions(predictors[:, 0])


def _concordance(held: Data, predictors: np.ndarray) -> float:
    with naming("cv"):
        return concordance_index(
            held.y["time"],
            held.y["event"],
            predictors[:, 0],
            sample_weight=held.weight,
            strata=held.y["stratum"],
        )


class _Predictions(Survival, BaseEstimator):
    """Stands for a fitted Cox model before a scorer, with risks at hand."""

    def __init__(self, predictors):
        self.predictors = predictors

    def __sklearn_is_fitted__(self):
        return True

    def _linear_predictor(self, X, offset=None):
        return self.predictors
