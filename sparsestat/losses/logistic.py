"""The logistic loss."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, xlogy

from sparsestat.losses.base import Loss, newton_shift

__all__ = ["LogisticLoss"]


@dataclass(frozen=True, repr=False)
class LogisticLoss(Loss):
    """The loss log(1 + exp(eta)) - y eta: minus the log-likelihood of y in {0, 1}.

    eta is the logarithm of the odds of y = 1. Methods work elementwise.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import LogisticLoss
    >>> LogisticLoss().value(np.array([0.0, 1.0]), np.array([0.0, 2.0])).round(4)
    array([0.6931, 0.1269])
    """

    bound: ClassVar[float] = 0.25
    response: ClassVar[str] = "class"

    def check(self, y: np.ndarray) -> None:
        """Raise ValueError unless responses are 0 or 1."""
        if not np.isin(y, (0.0, 1.0)).all():
            raise ValueError(f"y must be 0 or 1 for {self}. Got {np.unique(y)[:5].tolist()}.")

    def inverse_link(self, eta: Any) -> Any:
        """Return the probability that y = 1."""
        return expit(eta)

    def shift(self, y: Any, share: Any, fixed: Any, start: float) -> float:
        """Return the best constant to add: without others, the logarithm of the odds."""
        if not fixed.any():
            with np.errstate(divide="ignore"):
                odds = float(np.log(share @ y) - np.log(share @ (1.0 - y)))
            if np.isfinite(odds):
                start = odds
        return newton_shift(self, y, share, fixed, start)

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        return np.maximum(eta, 0.0) - y * eta + np.log1p(np.exp(-np.abs(eta)))

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta, expit(eta) - y, without cancellation."""
        sign = 2.0 * y - 1.0
        return -sign * expit(-sign * eta)

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta, at most 1/4."""
        return expit(eta) * expit(-eta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :class:`SquaredLoss`."""
        mean = y + share * self.gradient(y, eta)
        entropy = xlogy(mean, mean) + xlogy(1.0 - mean, 1.0 - mean)
        return np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))) + entropy - mean * eta

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return cp.logistic(eta) - cp.multiply(y, eta)
