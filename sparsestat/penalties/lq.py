"""The bridge penalty with an exponent below one."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["Lq"]


def lq_value(penalty, t, strength):
    return strength * t**penalty.q


def lq_prox(penalty, z, step, strength):
    size, q, u = abs(z), penalty.q, step * strength
    if u == 0.0:
        return z
    # Up to this size zero is the global minimiser; beyond, the larger stationary point.
    jump = (2.0 * (1.0 - q) * u) ** (1.0 / (2.0 - q))
    if size <= jump * (2.0 - q) / (2.0 * (1.0 - q)):
        return 0.0
    # Newton's method on x + u q x^(q - 1) = size, convex in x, falls to the root from above.
    x = size
    while True:
        slope = u * q * x ** (q - 1.0)
        lower = max(x - (x + slope - size) / (1.0 - (1.0 - q) * slope / x), jump)
        if not lower < x:
            break
        x = lower
    return x if z > 0.0 else -x


def lq_derivative(penalty, t, strength):
    if strength == 0.0:
        return 0.0
    return math.inf if t == 0.0 else strength * penalty.q * t ** (penalty.q - 1.0)


def lq_curvature(penalty, t, strength):
    if t == 0.0:
        return 0.0
    return strength * penalty.q * (penalty.q - 1.0) * t ** (penalty.q - 2.0)


@dataclass(frozen=True)
class Lq(Penalty):
    """The bridge penalty p(t; alpha) = alpha t^q with 0 < q < 1.

    Between the lasso (q = 1) and L0 (q = 0). The slope at zero is infinite: a coefficient
    leaves zero by a jump, and zero is a local minimiser of every coefficient's problem.

    Parameters
    ----------
    q : float, default=0.5
        The exponent, > 0 and < 1; 1/2 and 2/3 are usual.

    Raises
    ------
    TypeError, ValueError
        If `q` is not a real number > 0 and < 1.

    References
    ----------
    I. Frank, J. Friedman (1993). A statistical view of some chemometrics regression
    tools. Technometrics 35, 109-135.

    Z. Xu, X. Chang, F. Xu, H. Zhang (2012). L1/2 regularization: a thresholding
    representation theory and a fast solver. IEEE Transactions on Neural Networks and
    Learning Systems 23, 1013-1027.

    Examples
    --------
    >>> from sparsestat import Lq
    >>> Lq(q=0.5).prox([1.0, 2.0, 5.0], step=1.0, alpha=1.0).round(3)
    array([0.   , 1.605, 4.771])
    """

    q: float = 0.5
    functions = ScalarFunctions(lq_value, lq_prox, lq_derivative, lq_curvature)
    jumps = True

    def __post_init__(self) -> None:
        check_parameter(self, "q", above=0.0, below=1.0)

    def limit(self, alpha: Any, curvature: Any) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand."""
        share, power = 2.0 * (1.0 - self.q), 1.0 / (2.0 - self.q)
        with np.errstate(divide="ignore", invalid="ignore"):  # columns of zeros
            jump = (share * np.divide(alpha, curvature)) ** power
            return np.nan_to_num(curvature * jump * (2.0 - self.q) / share, posinf=np.inf)

    def strength_for(self, gradient: Any, curvature: Any) -> np.ndarray:
        """Return the strengths whose limits are these gradients."""
        share = 2.0 * (1.0 - self.q)
        jump = np.divide(gradient, curvature) * share / (2.0 - self.q)
        return curvature * jump ** (2.0 - self.q) / share
