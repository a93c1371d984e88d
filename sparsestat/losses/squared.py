"""Half the squared error."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from sparsestat._backend import namespace_of
from sparsestat.losses.base import Loss

__all__ = ["SquaredLoss"]


@dataclass(frozen=True, repr=False)
class SquaredLoss(Loss):
    """The loss (y - eta)^2 / 2 of a linear predictor eta: a Gaussian likelihood.

    Methods work elementwise on arrays of any one library.

    Attributes
    ----------
    bound : float
        Upper bound of the curvature.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import SquaredLoss
    >>> SquaredLoss().value(np.array([1.0, 3.0]), np.array([0.0, 1.0]))
    array([0.5, 2. ])
    """

    bound: ClassVar[float] = 1.0
    coercive: ClassVar[bool] = True

    def shift(self, y: Any, share: Any, fixed: Any, start: float) -> float:
        """Return the constant that is best to add: the mean residual."""
        return float(share @ (y - fixed)) / float(share.sum())

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        return 0.5 * (y - eta) ** 2

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""
        return eta - y

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta, which is 1."""
        return namespace_of(y, eta).ones_like(y - eta)

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, the module `cp`; eta is its expression."""
        return 0.5 * cp.square(y - eta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :meth:`Loss.excess`."""
        return (1.0 - share) ** 2 * self.value(y, eta)

    def minus_two_log_likelihood(
        self, y: Any, share: Any, size: float, mean_loss: float, variance: float | None = None
    ) -> float:
        """Return -2 log L with a noise variance, None for the one that maximises L."""
        variance = 2.0 * mean_loss if variance is None else float(variance)
        if variance <= 0.0:  # a perfect fit
            return -math.inf
        return size * (math.log(2.0 * math.pi * variance) + 2.0 * mean_loss / variance)
