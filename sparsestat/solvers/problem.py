"""The plain numeric problems that solvers take."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sparsestat.penalties import GroupPenalty, Penalty
from sparsestat.solvers.constraints import LinearConstraints
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.structure import Separable, Structure

__all__ = [
    "GLMProblem",
    "LeastSquaresProblem",
    "LinearPredictor",
    "MultiTaskProblem",
    "Problem",
    "SquaresProblem",
]


# How far predictors go to see whether a loss falls for ever.
FAR = 1e6


@dataclass(frozen=True)
class Problem(ABC):
    """A loss of a linear model plus penalties: what all problems have.

    Parameters
    ----------
    design : DenseDesign or CentredSparseDesign
        X, of shape (n, p).
    y : ndarray of shape (n,), float64
    penalty : BasePenalty
        p.
    weights : ndarray of shape (p,)
        0 leaves a coefficient unpenalised, infinity fixes it at zero.
    lower, upper : ndarray of shape (p,), or float
        Bounds of the coefficients, lower <= 0 <= upper.
    l2 : float
    constraints : LinearConstraints, optional
        On the coefficients, for solvers that take them.
    """

    design: Any
    y: np.ndarray
    penalty: Any
    weights: np.ndarray
    lower: Any = -math.inf
    upper: Any = math.inf
    l2: float = 0.0
    constraints: LinearConstraints | None = None

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            values = np.full(self.n_features, getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)

    @property
    def n_features(self) -> int:
        """The number of coefficients."""
        return self.design.shape[1]

    @cached_property
    def structure(self) -> Structure:
        """What the penalty joins: groups of coefficients, or none."""
        return Grouped(self) if isinstance(self.penalty, GroupPenalty) else Separable(self)

    def strengths(self, alpha: float, features: np.ndarray) -> np.ndarray:
        """Return alpha weights_j of some features, none of them excluded."""
        return alpha * self.weights[features]

    def limits(self, alpha: float) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand.

        Infinite or nan for excluded features, which no gradient exceeds.
        """
        with np.errstate(invalid="ignore"):  # 0 times infinity
            return self.penalty.limit(alpha * self.weights, self.curvatures)

    @property
    def without_columns(self) -> str | None:
        """The reason why solvers that read columns cannot take the problem, if so."""
        if self.design.has_columns:
            return None
        return "it reads columns of X, which a LinearOperator does not show."

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """Return the sizes of negative gradients at zero, 0 where they point out of bounds."""
        allowed = np.where(gradient > 0.0, self.upper > 0.0, self.lower < 0.0)
        return np.where(allowed, np.abs(gradient), 0.0)

    @property
    @abstractmethod
    def curvatures(self) -> np.ndarray:
        """Upper bounds of the second derivatives of loss plus l2 term, shape (p,)."""

    @property
    @abstractmethod
    def gradient_at_zero(self) -> np.ndarray:
        """Minus the gradient of the loss at zero coefficients: one pass over the data."""

    @abstractmethod
    def gradient(self, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return minus the gradient of the loss."""

    @abstractmethod
    def loss_at(self, coef: np.ndarray, intercept: float) -> float:
        """Return the weighted mean of the loss."""

    @abstractmethod
    def hessian(self, features: np.ndarray, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return the Hessian of the loss over some features, the intercept profiled out."""


@dataclass(frozen=True)
class SquaresProblem(Problem):
    """Squared error, of one response or several."""

    @cached_property
    def curvatures(self) -> np.ndarray:
        """The second derivatives of loss plus l2 term."""
        return self.design.norms**2 + self.l2

    @cached_property
    def gradient_at_zero(self) -> np.ndarray:
        """X'y / n."""
        return self.design.gradient(self.y)

    def gradient(self, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return minus the gradient of the loss; there is no intercept here."""
        return self.design.gradient(self.y - self.design.predict(coef))

    def loss_at(self, coef: np.ndarray, intercept: float) -> float:
        """Return the mean loss."""
        r = self.y - self.design.predict(coef)
        return 0.5 * float(np.vdot(r, r)) / r.shape[-1]

    def hessian(self, features: np.ndarray, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return the Gram matrix of some features."""
        block = self.design.block()
        block.append(features)
        return block.gram()


@dataclass(frozen=True)
class LeastSquaresProblem(SquaresProblem):
    """Penalised least squares without intercept.

    Minimise over b

        norm(y - X b)^2 / (2 n) + (l2 / 2) norm(b)^2 + sum_j p(|b_j|; alpha weights_j)

    within lower <= b <= upper; or with another penalty in place of the sum.
    """


@dataclass(frozen=True)
class MultiTaskProblem(SquaresProblem):
    """Penalised least squares of several responses that share their features.

    Minimise over B, with rows b_k for the responses and columns B_j for the features,

        sum_k norm(y_k - X b_k)^2 / (2 n) + (l2 / 2) norm(B)^2
        + sum_j p(norm(B_j); alpha weights_j),

    or with a group penalty, whose norms are those of all coefficients of a group.

    Parameters
    ----------
    y : ndarray of shape (n_responses, n)
    """

    loss: ClassVar[str] = "squared error of several responses"  # for messages

    @cached_property
    def structure(self) -> Structure:
        """What the penalty joins: the coefficients of a feature, or of a group."""
        joins = isinstance(self.penalty, Penalty | GroupPenalty)
        return Grouped(self) if joins else Separable(self)


class LinearPredictor(NamedTuple):
    """A linear predictor with what the loss is at it.

    Attributes
    ----------
    fixed : ndarray of shape (n,)
        X b plus offset.
    intercept : float
    eta : ndarray of shape (n,)
        The linear predictor, with the intercept.
    residual : ndarray of shape (n,)
        Minus the weighted derivatives of the loss: gradients are X'residual / n.
    """

    fixed: np.ndarray
    intercept: Any
    eta: np.ndarray
    residual: np.ndarray


@dataclass(frozen=True)
class GLMProblem(Problem):
    """A penalised generalised linear model.

    Minimise over b and, if `fit_intercept`, over b0

        sum_i w_i loss(y_i, x_i'b + b0 + offset_i) / n + (l2 / 2) norm(b)^2
        + sum_j p(|b_j|; alpha weights_j)

    within lower <= b <= upper. The intercept is profiled out: at every b the best one is
    taken. Then residuals sum to zero, and centring X changes no gradient.

    Parameters
    ----------
    loss : loss
        A :class:`~sparsestat.losses.Loss`.
    sample_weight : ndarray of shape (n,), optional
        w, positive with mean 1; None if all are equal.
    offset : ndarray of shape (n,) or 0
    fit_intercept : bool
    """

    loss: Any = None
    sample_weight: np.ndarray | None = None
    offset: np.ndarray | float = 0.0
    fit_intercept: bool = False

    @cached_property
    def null(self) -> LinearPredictor:
        """The linear predictor at zero coefficients."""
        return self.at(np.zeros(self.y.size) + self.offset, 0.0)

    @cached_property
    def null_curvature(self) -> float:
        """The mean second derivative of the loss at zero coefficients."""
        return self._mean(self.loss.curvature(self.y, self.null.eta))

    @cached_property
    def curvatures(self) -> np.ndarray:
        """Upper bounds of the second derivatives of loss plus l2 term."""
        if math.isinf(self.loss.bound):
            return np.full(self.n_features, math.inf)
        return self.loss.bound * self.design.mean_squares(self.sample_weight) + self.l2

    @cached_property
    def gradient_at_zero(self) -> np.ndarray:
        """Minus the gradient of the loss at zero coefficients and the best intercept."""
        return self.design.gradient(self.null.residual)

    def gradient(self, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return minus the gradient of the loss."""
        fixed = self.design.predict(coef) + self.offset
        return self.design.gradient(self.at(fixed, intercept).residual)

    def loss_at(self, coef: np.ndarray, intercept: float) -> float:
        """Return the weighted mean of the loss."""
        return self.value(self.predictor(coef, intercept))

    def predictor(self, coef: np.ndarray, intercept: Any) -> np.ndarray:
        """Return the linear predictor."""
        return self.design.predict(coef) + self.offset + intercept

    def hessian(self, features: np.ndarray, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return the Hessian of the loss over some features, the intercept profiled out."""
        block = self.design.block()
        block.append(features)
        bend = self.bend(self.predictor(coef, intercept))
        return self.hessian_rows(block, bend, np.arange(features.size), np.arange(0))

    def hessian_rows(
        self, block: Any, bend: Any, new: np.ndarray, old: np.ndarray
    ) -> np.ndarray:
        """Return rows of the Hessian of the loss, the intercept profiled out.

        Parameters
        ----------
        block : block of the design
        bend : ndarray of shape (n,)
            What :meth:`bend` returns at the point.
        new, old : ndarray of int
            Positions in the block: of the rows, and of the first columns.

        Returns
        -------
        ndarray of shape (new.size, old.size + new.size)
        """
        rows = block.weighted_gram(bend, new, old)
        if self.fit_intercept:
            sums = block.weighted_sums(bend, np.concatenate([old, new]))
            rows -= np.outer(sums[old.size :], sums) / max(bend.mean(), np.finfo(float).tiny)
        return rows

    def value(self, eta: np.ndarray) -> float:
        """Return the weighted mean of the loss."""
        return self._mean(self.loss.value(self.y, eta))

    def excess(self, eta: np.ndarray, share: float) -> float:
        """Return the weighted mean of the loss's terms of the duality gap."""
        return self._mean(self.loss.excess(self.y, eta, share))

    def expression(self, cp: Any, fixed: Any) -> Any:
        """Write the weighted mean of the loss for cvxpy, the module `cp`.

        `fixed` is its expression of X b plus offset.
        """
        share = self._weighted(np.full(self.y.size, 1.0 / self.y.size))
        eta = fixed + cp.Variable() if self.fit_intercept else fixed
        return share @ self.loss.expression(cp, self.y, eta)

    def residual(self, eta: np.ndarray) -> np.ndarray:
        """Return minus the weighted derivatives of the loss."""
        return self._weighted(-self.loss.gradient(self.y, eta))

    def bend(self, eta: np.ndarray) -> Any:
        """Return what Hessians are worked out from: the weighted second derivatives."""
        return self._weighted(self.loss.curvature(self.y, eta))

    def bend_bound(self, eta: np.ndarray) -> Any:
        """Return the same with upper bounds of the second derivatives: of all, or at eta."""
        bound = self.loss.bound
        if math.isinf(bound):
            bound = float(self.loss.curvature(self.y, eta).max())
        return self._weighted(np.full(self.y.size, bound))

    def at(self, fixed: np.ndarray, intercept: float) -> LinearPredictor:
        """Return the linear predictor at X b + offset = `fixed` with the best intercept.

        `intercept` is where the search for it starts, if there is one.
        """
        if self.fit_intercept:
            share = self._weighted(np.full(self.y.size, 1.0 / self.y.size))
            intercept = self.loss.shift(self.y, share, fixed, intercept)
        eta = fixed + intercept
        return LinearPredictor(fixed, intercept, eta, self.residual(eta))

    def is_flat(self, eta: np.ndarray) -> bool:
        """Tell whether the loss of some sample has become flat, as it does far out."""
        if self.loss.coercive:
            return False
        curvature = self.loss.curvature(self.y, eta)
        highest = self.loss.bound
        if math.isinf(highest):
            highest = max(self.null_curvature, 1e-8)
        return bool(curvature.min() <= 1e-4 * highest)

    def recedes(self, eta: np.ndarray, along: np.ndarray) -> bool:
        """Tell whether no sample loses where predictors go far along a direction."""
        reach = float(np.abs(along).max())
        if reach == 0.0:
            return False
        after = self.loss.value(self.y, eta + (FAR / reach) * along)
        return bool((after <= self.loss.value(self.y, eta) + 1.0).all())

    def endless_directions(self, eta: np.ndarray) -> Iterable[np.ndarray]:
        """Yield the directions that need no feature and in which predictors may go far."""
        return (np.ones_like(eta), -np.ones_like(eta)) if self.fit_intercept else ()

    def without_intercept(self, eta: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Take the best constant off a direction of the linear predictor."""
        if not self.fit_intercept:
            return along
        d = self.bend(eta)
        return along - (d @ along) / max(d.sum(), np.finfo(float).tiny)

    def _weighted(self, values: np.ndarray) -> np.ndarray:
        return values if self.sample_weight is None else self.sample_weight * values

    def _mean(self, values: np.ndarray) -> float:
        return float(self._weighted(values).mean())
