"""The quantile (pinball) loss."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

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


@dataclass(frozen=True)
class QuantileLoss:
    """The loss max(t r, (t - 1) r) of the residual r = y - eta, with t the `quantile`.

    Its best constant is a quantile: the linear predictor estimates that quantile of y
    given X, the median at 0.5 (then the loss is half the absolute error). Methods work
    elementwise.

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
    >>> from sparsestat.losses import QuantileLoss
    >>> QuantileLoss(0.9).value(np.array([1.0, 1.0]), np.array([0.0, 2.0])).round(3)
    array([0.9, 0.1])
    """

    quantile: float = 0.5
    # The loss bends at y only, and there without bound: the slope jumps.
    bound: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        value = self.quantile
        error = (
            "The 'quantile' parameter of QuantileLoss must be a real number > 0 and < 1. "
            f"Got {value!r}."
        )
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(error)
        if not 0.0 < float(value) < 1.0:
            raise ValueError(error)

    def check(self, y: Any) -> None:
        """Accept any response."""

    def constant(self, y: Any, share: Any, fixed: Any = 0.0) -> float:
        """Return the best constant to add to fixed linear predictors.

        The weighted quantile of what is left, for weights that add up to 1; the lower end
        where it is not unique.
        """
        rest = y - fixed
        return float(rest[lower_quantile(rest, share, self.quantile)])

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

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :class:`SquaredLoss`."""
        return (1.0 - share) * self.value(y, eta)

    def inverse_link(self, eta: Any) -> Any:
        """Return the prediction for linear predictors: themselves."""
        return eta
