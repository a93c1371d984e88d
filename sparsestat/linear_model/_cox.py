"""The penalised Cox model at one strength."""

import warnings
from numbers import Real
from typing import Any, ClassVar

from sparsestat._sklearn import CallbackSupportMixin, Interval, StrOptions
from sparsestat.linear_model._model import fit_method
from sparsestat.linear_model._posing import MODEL_CONSTRAINTS
from sparsestat.linear_model._survival import Survival, read_survival
from sparsestat.linear_model._warnings import level_of_the_caller
from sparsestat.solvers import SOLVERS

__all__ = ["COX_CONSTRAINTS", "PenalizedCox"]

COX_CONSTRAINTS: dict[str, list[Any]] = {
    "ties": [StrOptions({"breslow", "efron"})],
    "solver": [StrOptions({"auto", *SOLVERS})],
    **{name: kinds for name, kinds in MODEL_CONSTRAINTS.items() if name != "fit_intercept"},
}


class PenalizedCox(CallbackSupportMixin, Survival):
    """Cox's proportional hazards model with a sparsity penalty.

    The hazard of sample i is exp(eta_i), eta_i = x_i'b + offset_i, times a baseline hazard
    that is left open. Minimises over coefficients b

        -log(partial likelihood) / sum_i w_i
        + sum_j p(abs(b_j); alpha v_j) + (l2 / 2) sum_j b_j^2,

    with sample weights w and penalty weights v. With ``penalty=L1()`` this is R's glmnet
    for ``family="cox"``.

    Parameters
    ----------
    alpha : float, default=0.1
        Strength of the penalty, >= 0.
    ties : {"breslow", "efron"}, default="breslow"
        How events at the same time count, see :class:`~sparsestat.losses.CoxLoss`.
    penalty : Penalty, default=None
        A penalty of :mod:`sparsestat.penalties` or one of your own. None means
        ``MCP(gamma=3.0, adaptive=True)``.
    l2 : float, default=0.0
        Strength of an additional ridge term, >= 0, not multiplied by `alpha`.
    standardize : bool, default=True
        Whether to penalise the coefficients of columns scaled to (weighted) variance one.
        `coef_` is on the original scale.
    penalty_weights : array-like of shape (n_features,), default=None
        Multipliers of `alpha`: 0 leaves a feature unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must be >= 0.
    bounds : (lower, upper), default=None
        Bounds of `coef_`, lower <= 0 <= upper, each a number or an array-like of shape
        (n_features,); infinite where there is none.
    constraints : LinearConstraint or list of LinearConstraint, default=None
        Linear constraints of `coef_`, as in :class:`PenalizedRegressor`.
    solver : str, default="auto"
        As in :class:`PenalizedClassifier`; those that cannot take the model say why.
    tol : float, default=None
        Bound on `kkt_violation_`. None means 1e-8, for float32 input 1e-5.
    max_iter : int, default=10000
        Bound on the epochs of coordinate descent plus Newton steps.
    warm_start : bool, default=False
        Whether to start at the last fit's coefficients.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients, of the dtype of X.
    intercept_ : float
        0: the baseline hazard takes its place.
    baseline_hazard_ : BaselineHazard, or dict of BaselineHazard by stratum
        The cumulative hazard at X = 0, with ``times`` and ``cumulative_hazard``: Breslow's
        estimator, or its form for Efron's treatment of ties.
    event_times_ : ndarray of shape (n_times,)
        The times at which there are events, ascending.
    support_ : ndarray of int
        Indices of the nonzero coefficients.
    n_iter_ : int
        Epochs plus Newton steps used, at least 1.
    kkt_violation_ : float
        Largest stationarity violation, as in :class:`PenalizedRegressor`.
    dual_gap_ : float
        Upper bound on the objective minus its optimum; nan for nonconvex penalties and
        where a feature is unpenalised.
    objective_ : float
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
        From ``fit``, if the tolerance is not met; or if those with events always have the
        highest risk of all at risk, in some direction in which the penalty does not hold
        coefficients back, so that there is no finite solution (monotone likelihood).
    UserWarning
        From ``fit``, if there is no event, so that all coefficients are zero; or if the
        gamma of MCP or SCAD is so small that the problem of a single coefficient is not
        convex.

    See Also
    --------
    PenalizedCoxCV : Chooses `alpha` from the data.
    penalized_path : Fits at many strengths.

    Notes
    -----
    Nonconvex problems are followed from the smallest strength at which the solution is
    zero, as in :class:`PenalizedRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import L1, PenalizedCox
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 50))
    >>> failure = rng.exponential(np.exp(-X[:, 0] + X[:, 1]))
    >>> censoring = rng.exponential(2.0, 200)
    >>> y = np.empty(200, dtype=[("event", bool), ("time", float)])
    >>> y["event"], y["time"] = failure <= censoring, np.minimum(failure, censoring)
    >>> model = PenalizedCox(alpha=0.15, penalty=L1()).fit(X, y)
    >>> model.support_
    array([0, 1])
    >>> model.predict_survival(X[:2], times=[0.5, 1.0]).shape
    (2, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        **COX_CONSTRAINTS,
    }

    def __init__(
        self,
        alpha: float = 0.1,
        *,
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
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
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
        self.warm_start = warm_start

    @fit_method
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, strata: Any = None
    ) -> "PenalizedCox":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32, other numbers become float64.
        y : structured array or data frame of shape (n_samples,)
            One boolean field: whether the event was seen. One numeric field: the time of the
            event or of censoring. Their order and names do not matter.
        sample_weight : array-like of shape (n_samples,) or float, optional
            Nonnegative weights. With ``ties="breslow"`` an integer weight equals as many
            copies of the row.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.
        strata : array-like of shape (n_samples,), optional
            Labels of strata, each of which has a baseline hazard of its own.

        Returns
        -------
        self
        """
        data, labels = read_survival(X, y, sample_weight, offset, strata, estimator=self)
        data = data.weighted()
        if not data.y["event"].any():
            warnings.warn(
                "y holds no event, among samples with weight: nothing can be learnt of the "
                "risks, and every coefficient is zero.",
                UserWarning,
                stacklevel=level_of_the_caller(),
            )
        self._fit_targets(data, [data.y], X, y)
        self._store_baselines(data, labels)
        return self
