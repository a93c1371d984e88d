"""The elastic net penalty."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["ElasticNet"]


def elastic_net_value(penalty, t, strength):
    return strength * t * (penalty.l1_ratio + 0.5 * (1.0 - penalty.l1_ratio) * t)


def elastic_net_prox(penalty, z, step, strength):
    shrunk = abs(z) - step * strength * penalty.l1_ratio
    if shrunk <= 0.0:
        return 0.0
    shrunk /= 1.0 + step * strength * (1.0 - penalty.l1_ratio)
    return shrunk if z > 0.0 else -shrunk


def elastic_net_derivative(penalty, t, strength):
    return strength * (penalty.l1_ratio + (1.0 - penalty.l1_ratio) * t)


def elastic_net_curvature(penalty, t, strength):
    return strength * (1.0 - penalty.l1_ratio)


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """The elastic net penalty p(t; alpha) = alpha (r t + (1 - r) t^2 / 2).

    Convex. The quadratic part spreads weight over correlated features.

    Parameters
    ----------
    l1_ratio : float, default=0.5
        The share r of the absolute value, in [0, 1]: 1 is the lasso, 0 is ridge.

    Raises
    ------
    TypeError, ValueError
        If `l1_ratio` is not a real number in [0, 1].

    References
    ----------
    H. Zou, T. Hastie (2005). Regularization and variable selection via the elastic
    net. Journal of the Royal Statistical Society B 67, 301-320.

    Examples
    --------
    >>> from sparsestat import ElasticNet
    >>> ElasticNet(0.5).prox([0.5, 3.0], step=1.0, alpha=1.0).round(3)
    array([0.   , 1.667])
    """

    l1_ratio: float = 0.5
    functions = ScalarFunctions(
        elastic_net_value, elastic_net_prox, elastic_net_derivative, elastic_net_curvature
    )
    convex = True

    def __post_init__(self) -> None:
        check_parameter(self, "l1_ratio", at_least=0.0, at_most=1.0)

    def conjugate(self, u: Any, alpha: Any, reach: Any = np.inf) -> np.ndarray:
        """Evaluate max over 0 <= b <= reach of abs(u) b - p(b; alpha) elementwise."""
        excess = np.maximum(np.abs(u) - np.multiply(alpha, self.l1_ratio), 0.0)
        ridge = np.multiply(alpha, 1.0 - self.l1_ratio)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.minimum(np.where(excess > 0.0, excess / ridge, 0.0), reach)
            rest = np.where(ridge > 0.0, 0.5 * ridge * size, 0.0)
            return np.where(size > 0.0, size * (excess - rest), 0.0)

    def expression(self, cp: Any, b: Any, alpha: Any, weights: Any) -> Any:
        """Write the sum of the penalty for cvxpy, see :class:`L1`."""
        lasso, ridge = weights @ cp.abs(b), weights @ cp.square(b)
        return alpha * (self.l1_ratio * lasso + 0.5 * (1.0 - self.l1_ratio) * ridge)
