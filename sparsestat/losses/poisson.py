"""The Poisson loss."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, xlogy

from sparsestat.losses.base import REACH, Loss

__all__ = ["PoissonLoss", "ratio_excess"]

# The mean that stands for that of counts which are all zero.
LEAST_MEAN = 1e-16


@dataclass(frozen=True, repr=False)
class PoissonLoss(Loss):
    """The loss exp(eta) - y eta: minus the log-likelihood of counts with mean exp(eta).

    Without log y!, which no model changes. y need not be whole: any nonnegative responses
    whose variance grows like their mean, and rates, with an offset or weights, are fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import PoissonLoss
    >>> PoissonLoss().value(np.array([0.0, 2.0]), np.array([0.0, 1.0])).round(4)
    array([1.    , 0.7183])
    """

    bound: ClassVar[float] = math.inf

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        return self.inverse_link(eta) - y * eta

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""
        return self.inverse_link(eta) - y

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta, the mean."""
        return self.inverse_link(eta) + 0.0 * y

    def inverse_link(self, eta: Any) -> Any:
        """Return the mean exp(eta)."""
        return np.exp(np.minimum(eta, REACH))

    def check(self, y: np.ndarray) -> None:
        """Raise ValueError if a response is negative."""
        if (y < 0.0).any():
            raise ValueError(f"y must be nonnegative for {self}. Got {y.min():g} in it.")

    def shift(self, y: np.ndarray, share: np.ndarray, fixed: np.ndarray, start: float) -> float:
        """Return the constant that makes fitted and observed means equal."""
        largest = float(fixed.max())
        observed = max(float(share @ y), LEAST_MEAN * float(share.sum()))
        return math.log(observed / float(share @ np.exp(fixed - largest))) - largest

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return cp.exp(eta) - cp.multiply(y, eta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :meth:`Loss.excess`."""
        mean = self.inverse_link(eta)
        return ratio_excess(mean, share * mean + (1.0 - share) * y, np.minimum(eta, REACH))

    def minus_two_log_likelihood(
        self, y: np.ndarray, share: np.ndarray, size: float, mean_loss: float
    ) -> float:
        """Return -2 log L."""
        return 2.0 * size * (mean_loss + float(share @ gammaln(y + 1.0)))


def ratio_excess(a: Any, b: Any, log_a: Any) -> Any:
    """Evaluate a - b + b log(b / a) for a, b >= 0, without cancellation near a = b.

    The logarithm of a is given, since a may have vanished where that has not.
    """
    rest = b - a
    general = xlogy(b, b) - b * log_a - rest
    near = (np.abs(rest) <= 0.1 * a) & (a > 0.0)
    x = np.where(near, rest, 0.0) / np.where(near, a, 1.0)
    # (1 + x) log(1 + x) - x
    series = (1.0 + x) * np.log1p(x) - x
    small = np.abs(x) < 1e-3
    series = np.where(
        small, x * x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 12.0 - x / 20.0))), series
    )
    return np.maximum(np.where(near, a * series, general), 0.0)
