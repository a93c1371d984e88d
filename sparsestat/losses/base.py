"""What every loss is: a convex function of one response and one linear predictor."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import Parametric

__all__ = ["Loss", "newton_shift"]

# No double is the exponential of a number outside, with room for products of a few.
REACH = 600.0
# Where a constant is not looked for any more, if there need not be a best one.
FAR = 1e8


@dataclass(frozen=True, repr=False)
class Loss(Parametric, ABC):
    """Base of all losses f(y, eta) of a linear predictor eta.

    A loss is a frozen dataclass whose fields are its shape parameters. Its methods work
    elementwise. A loss of your own gives :meth:`value`, :meth:`gradient` and
    :meth:`curvature`; all else has defaults, right for any loss that is convex and twice
    differentiable in eta (see the user guide, "A loss of your own").

    Attributes
    ----------
    bound : float
        Upper bound of the curvature; infinity if there is none.
    coercive : bool
        Whether every sample's loss grows without end in both directions, so that the
        objective has a minimum whatever the data.
    smooth : bool
        Whether the loss is differentiable.
    response : {"number", "class", "time"}
        What y holds: which estimators take the loss.
    """

    bound: ClassVar[float] = math.inf
    coercive: ClassVar[bool] = False
    smooth: ClassVar[bool] = True
    response: ClassVar[str] = "number"

    @abstractmethod
    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""

    @abstractmethod
    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""

    @abstractmethod
    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta, >= 0."""

    def inverse_link(self, eta: Any) -> Any:
        """Return the prediction of the response that goes with eta."""
        return eta

    def check(self, y: np.ndarray) -> None:
        """Raise ValueError, naming y, if the loss is not defined for some response."""

    def shift(self, y: np.ndarray, share: np.ndarray, fixed: np.ndarray, start: float) -> float:
        """Return the constant that is best to add to linear predictors.

        Parameters
        ----------
        y, fixed : ndarray of shape (n,)
        share : ndarray of shape (n,)
            Nonnegative weights.
        start : float
            Where a search begins.
        """
        return newton_shift(self, y, share, fixed, start)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap.

        With u a share of the gradient, in [0, 1], and f* the convex conjugate of the loss
        f: f(eta) + f*(u) - u eta, which is >= 0, and 0 for the whole gradient. With
        nothing of the gradient it is what the loss has left to lose, half the deviance.
        The default searches for the point where the gradient is u.
        """
        y, eta = np.broadcast_arrays(np.asarray(y, float), np.asarray(eta, float))
        u = share * self.gradient(y, eta)
        point = _where_gradient_is(self, y, u, eta)
        return self.value(y, eta) - self.value(y, point) - u * (eta - point)

    def minus_two_log_likelihood(
        self, y: np.ndarray, share: np.ndarray, size: float, mean_loss: float
    ) -> float:
        """Return -2 log L of a model for information criteria, up to a constant.

        Parameters
        ----------
        y : ndarray of shape (n,)
        share : ndarray of shape (n,)
            Weights that add up to 1.
        size : float
            The number of samples.
        mean_loss : float
            The weighted mean of the loss.
        """
        return 2.0 * size * mean_loss


def newton_shift(loss: Any, y: Any, share: Any, fixed: Any, start: float) -> float:
    """Find the best constant by Newton's method, kept within the bracket that signs give."""
    shift, low, high, reach = start, -math.inf, math.inf, 4.0
    for _ in range(200):
        slopes = share * loss.gradient(y, fixed + shift)
        pull = -float(slopes.sum())
        if abs(pull) <= 4.0 * np.finfo(float).eps * float(np.abs(slopes).sum()):
            break
        low, high = (shift, high) if pull > 0.0 else (low, shift)
        bend = float((share * loss.curvature(y, fixed + shift)).sum())
        step = pull / bend if bend > 0.0 else math.copysign(reach, pull)
        after = shift + min(max(step, -reach), reach)
        reach *= 2.0
        if not low < after < high:
            after = 0.5 * (low + high)
        if after in (shift, low, high):
            break  # no number lies in between
        if abs(after - start) > FAR and not loss.coercive:
            break  # there is no minimum
        shift = after
    return shift


def _where_gradient_is(loss, y, u, start):
    """Return points where the gradient is u, by bisection of an interval that holds them."""
    point = start
    low, high = start - 1.0, start + 1.0
    for _ in range(12):  # at most 4096 on either side
        low = np.where(loss.gradient(y, low) > u, 2.0 * low - start, low)
        high = np.where(loss.gradient(y, high) < u, 2.0 * high - start, high)
    for _ in range(70):
        point = 0.5 * (low + high)
        above = loss.gradient(y, point) > u
        low, high = np.where(above, low, point), np.where(above, point, high)
    return point
