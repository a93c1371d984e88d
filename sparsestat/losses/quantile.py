"""The quantile (pinball) loss."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.losses.base import Loss

__all__ = ["QuantileLoss", "lower_quantile"]


def lower_quantile(values: np.ndarray, share: np.ndarray, quantile: float) -> int:
    """Return the position of the lower weighted quantile, for weights that add up to 1.

    That is the least value with so much weight on it and below; where a whole interval
    minimises the loss, its lower end.
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(share[order])
    reached = below >= quantile - 4.0 * values.size * np.finfo(float).eps
    return int(order[min(int(reached.argmax()), values.size - 1)])


@dataclass(frozen=True, repr=False)
class QuantileLoss(Loss):
    """The loss max(t r, (t - 1) r) of the residual r = y - eta, with t the `quantile`.

    Its best constant is a quantile: the linear predictor estimates that quantile of y
    given X, the median at 0.5 (where the loss is half the absolute error).

    Parameters
    ----------
    quantile : float, default=0.5
        In (0, 1).

    Raises
    ------
    TypeError, ValueError
        If `quantile` is not a real number in (0, 1).

    References
    ----------
    R. Koenker, G. Bassett (1978). Regression quantiles. Econometrica 46, 33-50.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat.losses.quantile import QuantileLoss
    >>> QuantileLoss(0.9).value(np.array([1.0, 1.0]), np.array([0.0, 2.0])).round(3)
    array([0.9, 0.1])
    """

    quantile: float = 0.5

    coercive: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_parameter(self, "quantile", above=0.0, below=1.0)

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        r = y - eta
        return np.maximum(self.quantile * r, (self.quantile - 1.0) * r)

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta; at y, where any slope in between is one, 0."""
        r = y - eta
        return np.where(r > 0.0, -self.quantile, np.where(r < 0.0, 1.0 - self.quantile, 0.0))

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta: 0, where there is one."""
        return np.zeros_like(y - eta)

    def shift(self, y: Any, share: Any, fixed: Any, start: float) -> float:
        """Return the constant that is best to add to linear predictors.

        The weighted quantile of what is left, its lower end where it is not unique.
        """
        rest = y - fixed
        return float(rest[lower_quantile(rest, share / share.sum(), self.quantile)])

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return self.quantile * cp.pos(y - eta) + (1.0 - self.quantile) * cp.pos(eta - y)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :meth:`Loss.excess`."""
        return (1.0 - share) * self.value(y, eta)

    def minus_two_log_likelihood(
        self, y: np.ndarray, share: np.ndarray, size: float, mean_loss: float
    ) -> float:
        """Return -2 log L of an asymmetric Laplace distribution, its best scale put in.

        For information criteria; minus infinity for a perfect fit.
        """
        if mean_loss <= 0.0:
            return -math.inf
        height = self.quantile * (1.0 - self.quantile) / mean_loss
        return 2.0 * size * (1.0 - math.log(height))
