"""The lasso penalty."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["L1"]


def l1_value(penalty, t, strength):
    return strength * t


def l1_prox(penalty, z, step, strength):
    shrunk = abs(z) - step * strength
    if shrunk <= 0.0:
        return 0.0
    return shrunk if z > 0.0 else -shrunk


def l1_derivative(penalty, t, strength):
    return strength


@dataclass(frozen=True)
class L1(Penalty):
    """The lasso penalty p(t; alpha) = alpha t.

    Convex: the solution is the global optimum and comes with a duality gap. Large
    coefficients are shrunk by as much as small ones.

    References
    ----------
    R. Tibshirani (1996). Regression shrinkage and selection via the lasso. Journal
    of the Royal Statistical Society B 58, 267-288.

    Examples
    --------
    >>> from sparsestat import L1
    >>> L1().prox([-3.0, 0.5, 3.0], step=1.0, alpha=1.0)
    array([-2.,  0.,  2.])
    """

    functions = ScalarFunctions(l1_value, l1_prox, l1_derivative)
    convex = True

    def conjugate(self, u: Any, alpha: Any, reach: Any = np.inf) -> np.ndarray:
        """Evaluate max over 0 <= b <= reach of abs(u) b - p(b; alpha) elementwise."""
        excess = np.abs(u) - alpha
        return np.multiply(
            excess, reach, out=np.zeros(np.broadcast(excess, reach).shape), where=excess > 0.0
        )

    def expression(self, cp: Any, b: Any, alpha: Any, weights: Any) -> Any:
        """Write the sum of p(abs(b_j); alpha weights_j) for cvxpy, the module `cp`.

        `b` is its expression of shape (p,), `alpha` its nonnegative scalar parameter; weights
        are finite, and zero for excluded coefficients.
        """
        return alpha * (weights @ cp.abs(b))
