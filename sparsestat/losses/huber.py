"""Huber's loss."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.losses.base import Loss

__all__ = ["HuberLoss"]


@dataclass(frozen=True, repr=False)
class HuberLoss(Loss):
    """Half the squared error up to a size delta of the residual, linear beyond.

    r^2 / 2 for r = y - eta, abs(r) <= delta, else delta abs(r) - delta^2 / 2: large
    errors count, but their size does not pull the fit.

    Parameters
    ----------
    delta : float, default=1.345
        Where large residuals begin, > 0, in the units of y. For normal errors with
        standard deviation s, 1.345 s loses 5 % of efficiency.

    Raises
    ------
    TypeError, ValueError
        If `delta` is not a positive number.

    References
    ----------
    P. J. Huber (1964). Robust estimation of a location parameter. Annals of Mathematical
    Statistics 35, 73-101.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import HuberLoss
    >>> HuberLoss(delta=1.0).value(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    """

    delta: float = 1.345

    bound: ClassVar[float] = 1.0
    coercive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_parameter(self, "delta", above=0.0)

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        size = np.abs(y - eta)
        inner = np.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""
        return np.clip(eta - y, -self.delta, self.delta)

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta: 1 for small residuals, else 0."""
        return (np.abs(y - eta) <= self.delta).astype(np.float64)

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return 0.5 * cp.huber(y - eta, self.delta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap, see :meth:`Loss.excess`."""
        size = np.abs(y - eta)
        inner = np.minimum(size, self.delta)
        rest = (1.0 - share) * inner
        return rest * (size - 0.5 * (1.0 + share) * inner)
