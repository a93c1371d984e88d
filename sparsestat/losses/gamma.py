"""The gamma loss."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammaln

from sparsestat.losses.base import REACH, Loss
from sparsestat.losses.poisson import ratio_excess

__all__ = ["GammaLoss"]


@dataclass(frozen=True, repr=False)
class GammaLoss(Loss):
    """The loss y exp(-eta) + eta: that of gamma responses with mean exp(eta).

    Minus the log-likelihood over the shape parameter, without what no coefficient
    changes. For positive responses whose standard deviation grows like their mean.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import GammaLoss
    >>> GammaLoss().value(np.array([1.0, 2.0]), np.array([0.0, 1.0])).round(4)
    array([1.    , 1.7358])
    """

    coercive = True

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        return self._ratio(y, eta) + eta

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""
        return 1.0 - self._ratio(y, eta)

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta: the response over its mean."""
        return self._ratio(y, eta)

    def inverse_link(self, eta: Any) -> Any:
        """Return the mean exp(eta)."""
        return np.exp(np.minimum(eta, REACH))

    def check(self, y: np.ndarray) -> None:
        """Raise ValueError if a response is not positive."""
        if (y <= 0.0).any():
            raise ValueError(f"y must be positive for {self}. Got {y.min():g} in it.")

    def shift(self, y: np.ndarray, share: np.ndarray, fixed: np.ndarray, start: float) -> float:
        """Return the constant that makes the mean of response over fit 1."""
        least = float(fixed.min())
        total = float(share @ (y * np.exp(least - fixed)))
        return math.log(total / float(share.sum())) - least

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return cp.multiply(y, cp.exp(-eta)) + eta

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :meth:`Loss.excess`."""
        ratio = self._ratio(y, eta)
        log_ratio = np.log(y) + np.minimum(-eta, REACH)
        return ratio_excess(ratio, 1.0 - share + share * ratio, log_ratio)

    def minus_two_log_likelihood(
        self, y: np.ndarray, share: np.ndarray, size: float, mean_loss: float
    ) -> float:
        """Return -2 log L with the shape parameter that maximises it."""
        mean_log = float(share @ np.log(y))
        rest = mean_loss - 1.0 - mean_log  # the mean excess at share 0
        if rest <= 1e-12:  # a perfect fit
            return -math.inf
        shape = brentq(lambda k: math.log(k) - digamma(k) - rest, 1e-8, 1e13, xtol=1e-300)
        value = shape * (math.log(shape) - mean_loss) - gammaln(shape)
        return -2.0 * size * float(value + (shape - 1.0) * mean_log)

    @staticmethod
    def _ratio(y: Any, eta: Any) -> Any:
        return y * np.exp(np.minimum(-eta, REACH))
