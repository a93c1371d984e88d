"""Half the squared error."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sparsestat._backend import namespace_of

__all__ = ["SquaredLoss"]


@dataclass(frozen=True)
class SquaredLoss:
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

    def constant(self, y: Any, share: Any) -> float:
        """Return the best constant linear predictor, for weights that add up to 1."""
        return float(share @ y)

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample."""
        return 0.5 * (y - eta) ** 2

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivative in eta."""
        return eta - y

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivative in eta, which is 1."""
        return namespace_of(y, eta).ones_like(y - eta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Evaluate the terms of the duality gap.

        With u a share of the gradient, in [0, 1], and f* the convex conjugate of the loss
        f: f(eta) + f*(u) - u eta, which is >= 0, and 0 for the whole gradient.
        """
        return (1.0 - share) ** 2 * self.value(y, eta)
