"""Penalised regression at one strength."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from sparsestat._sklearn import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    check_sample_weight,
)
from sparsestat.base import Data, check_shape, naming, validate
from sparsestat.linear_model._model import fit_method
from sparsestat.linear_model._posing import MODEL_CONSTRAINTS, takes_several
from sparsestat.linear_model._refit import Refit, Response
from sparsestat.losses import LOSSES, Loss, SquaredLoss, loss_of
from sparsestat.penalties import GroupPenalty, Penalty
from sparsestat.solvers import SOLVERS

__all__ = ["REGRESSION_CONSTRAINTS", "PenalizedRegressor", "Regression"]

NUMBERS = {name for name, loss in LOSSES.items() if loss.response == "number"}
REGRESSION_CONSTRAINTS: dict[str, list[Any]] = {
    "loss": [
        StrOptions(NUMBERS),
        Loss,
    ],
    "solver": [StrOptions({"auto", *SOLVERS})],
}


class Regression(RegressorMixin, Refit):
    """What the penalised regressors share: responses, prediction."""

    def _read(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> Data:
        """Validate training data."""
        loss = loss_of(self.loss)
        if loss.response != "number":
            raise ValueError(
                f"loss must be one for regression. Got {loss}, for a {loss.response}."
            )
        several = takes_several(loss, y)
        return validate(X, y, sample_weight, offset, estimator=self, several=several)

    def _responses(self, y: np.ndarray) -> list[Response]:
        if y.ndim == 1:
            return super()._responses(y)
        return [Response(each, self.support_, f"_{k}") for k, each in enumerate(y.T)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = not _takes_negative(self.loss)
        squares = isinstance(self.loss, SquaredLoss) or self.loss == "squared_error"
        tags.target_tags.multi_output = squares and _joins_responses(self)
        return tags

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the response.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_responses), optional
            Added to the linear predictor; zero by default, also if the model was
            fitted with an offset.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_responses)
            On the scale of the response: exp of the linear predictor for Poisson and gamma.
        """
        eta = self._linear_predictor(X, offset)
        with np.errstate(over="ignore"):  # infinite in single precision
            return loss_of(self.loss).inverse_link(eta)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of the loss that the model explains.

        That is 1 - (L - L_least) / (L_const - L_least) for the mean losses L of the model,
        of the best constant and of the best prediction of every response: R^2 for squared
        error, the share of deviance D^2 for others. Losses of several responses add up.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_responses)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at best; 0 for the best constant, and if that is perfect but the model is not.
        """
        eta = self._linear_predictor(X).astype(np.float64)
        loss, y = loss_of(self.loss), check_shape("y", y, eta.shape)
        loss.check(y)
        with naming("sample_weight"):
            weight = check_sample_weight(sample_weight, y)
        share = weight / weight.sum()
        constants = np.array(
            [loss.shift(each, share, np.zeros(each.size), 0.0) for each in np.atleast_2d(y.T)]
        )
        constant = np.broadcast_to(constants, (share.size, constants.size)).reshape(y.shape)
        if (y[share > 0.0] == y[share > 0.0][0]).all():  # what is left is rounding
            return float(np.allclose(eta, constant, rtol=1e-9, atol=1e-12))
        mine, least = ((share @ loss.excess(y, e, 0.0)).sum() for e in (eta, constant))
        return float(1.0 - mine / least)


def _joins_responses(model: Any) -> bool:
    """Tell whether a model of squared error takes several responses."""
    penalty = getattr(model, "penalty", None)
    joins = (
        penalty is None
        or (isinstance(penalty, Penalty) and not penalty.jumps)
        or (isinstance(penalty, GroupPenalty) and penalty.l1_share == 0.0)
    )
    return (
        joins
        and not getattr(model, "positive", False)
        and getattr(model, "bounds", None) is None
        and getattr(model, "solver", "auto") in ("auto", "group_descent")
    )


def _takes_negative(loss: Any) -> bool:
    if not (isinstance(loss, Loss) or loss in LOSSES):
        return True  # to be refused by fit
    try:
        loss_of(loss).check(np.array([-1.0]))
    except ValueError:
        return False
    return True


class PenalizedRegressor(CallbackSupportMixin, Regression):
    """Linear regression with a sparsity penalty.

    Minimises over coefficients b and intercept b0

        sum_i w_i loss(y_i, x_i'b + b0 + offset_i) / sum_i w_i
        + sum_j p(abs(b_j); alpha v_j) + (l2 / 2) sum_j b_j^2,

    with sample weights w and penalty weights v, or with a penalty of groups in place of the
    sum. With squared error, ``penalty=L1()`` and ``standardize=False`` this is
    scikit-learn's Lasso.

    Several responses, y of shape (n_samples, n_responses), share their features: squared
    errors add up, and p is that of the Euclidean norm of a feature's coefficients for all
    of them. That is scikit-learn's MultiTaskLasso and MultiTaskElasticNet for L1 and
    ElasticNet; for penalties of groups, norms are those of all coefficients of a group.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, >= 0.
    loss : {"squared_error", "huber", "quantile", "poisson", "gamma"} or Loss, \
default="squared_error"
        Half the squared error; :class:`~sparsestat.losses.HuberLoss`, for outliers;
        :class:`~sparsestat.losses.QuantileLoss`, for the median or another quantile;
        :class:`~sparsestat.losses.PoissonLoss` and :class:`~sparsestat.losses.GammaLoss`,
        for counts and positive responses, of which the linear predictor is the logarithm
        of the mean. Or such an object with settings, or a loss of your own.
    penalty : Penalty, default=None
        A penalty of :mod:`sparsestat.penalties` or one of your own. None means
        ``MCP(gamma=3.0)``, for other losses than squared error with ``adaptive=True``, and
        ``L1()`` for quantiles.
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
        Of :class:`scipy.optimize.LinearConstraint`: ``lb <= A @ coef_ <= ub``, as for
        coefficients that sum to zero or do not fall. For convex penalties.
    solver : str, default="auto"
        "auto" takes the first that can solve the problem, of: "gram" (squared error, n > 2 p
        and p <= 5000), "working_set" (squared error), "prox_newton" (other smooth losses),
        "group_descent" (penalties of groups, several responses), "quantile", "subset"
        (constraints on the support, and by name L0: exchanges lead to better minima),
        "multipliers" (linear constraints), "accelerated" (penalties on all coefficients,
        operators) and "convex" (by cvxpy; comes first for more than 200 inequalities). One
        that cannot solve the problem says why.
    tol : float, default=None
        Bound on `kkt_violation_`. None means 1e-8, for float32 input 1e-5.
    max_iter : int, default=10000
        Bound on the epochs of coordinate descent plus Newton steps.
    warm_start : bool, default=False
        Whether to start at the last fit's coefficients.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_responses, n_features)
        Coefficients, of the dtype of X.
    intercept_ : float or ndarray of shape (n_responses,)
    support_ : ndarray of int
        Indices of the features with a nonzero coefficient.
    n_iter_ : int
        Epochs plus Newton steps used, at least 1.
    kkt_violation_ : float
        Largest distance of minus the loss gradient to the subdifferential of the
        penalty, over the largest absolute gradient at the null model (unpenalised
        features fitted, all others zero), for standardised columns if `standardize`.
        For L0, CEL0 and Lq, how far the proximal operator would move a coefficient,
        times the curvature, takes the place of the distance. For groups the distance is
        Euclidean, over the coefficients of a group. For float32 input it is
        that of the coefficients before they are rounded.
    dual_gap_ : float
        Upper bound on the objective minus its optimum; nan for nonconvex penalties and
        where a feature is unpenalised.
    objective_ : float
    converged_ : bool
        Whether `kkt_violation_` is within `tol`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has column names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, if a parameter or array is not as it must be; the message names it,
        and the estimator stays as it was.

    Warns
    -----
    ConvergenceWarning
        From ``fit``, if the tolerance is not met, or if there is no finite solution (counts
        that are zero wherever some feature is, with nothing to hold its coefficient back).
    UserWarning
        From ``fit``, if the gamma of MCP or SCAD is so small that the problem of a single
        coefficient is not convex.

    See Also
    --------
    PenalizedRegressorCV : Chooses `alpha` by cross-validation.
    penalized_path : Fits at many strengths.

    Notes
    -----
    A nonconvex problem can have several local minima. ``fit`` then follows the solution
    from the smallest strength at which it is zero down to `alpha`. :func:`penalized_path`
    does so along the strengths it is given, and may end in another local minimum.

    Examples
    --------
    >>> from sparsestat import MCP, PenalizedRegressor
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 200, 3, snr=10.0, random_state=0)
    >>> model = PenalizedRegressor(alpha=0.3, penalty=MCP(gamma=3.0)).fit(data.X, data.y)
    >>> bool((model.support_ == data.support).all())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        **REGRESSION_CONSTRAINTS,
        **MODEL_CONSTRAINTS,
    }

    def __init__(
        self,
        alpha: float = 1.0,
        *,
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
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    @fit_method
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> "PenalizedRegressor":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, LinearOperator} of shape (n_samples, n_features)
            float32 stays float32, other numbers become float64. An operator needs
            ``standardize=False``; "auto" then takes the accelerated solver.
        y : array-like of shape (n_samples,) or (n_samples, n_responses)
        sample_weight : array-like of shape (n_samples,) or float, optional
            Nonnegative weights; an integer weight equals as many copies of the row.
        offset : array-like of the shape of y, optional
            Known part of the linear predictor.

        Returns
        -------
        self
        """
        data = self._read(X, y, sample_weight, offset).weighted()
        self._fit_targets(data, [data.y], X, y)
        return self
