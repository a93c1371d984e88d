"""The logistic loss."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, xlogy

__all__ = ["LogisticLoss"]


@dataclass(frozen=True)
class LogisticLoss:
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

    def constant(self, y: Any, share: Any) -> float:
        """Return the best constant linear predictor: the logarithm of the odds."""
        return float(np.log(share @ y) - np.log(share @ (1.0 - y)))

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
