"""The l0 penalty."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["L0"]


def l0_value(penalty, t, strength):
    return strength if t > 0.0 else 0.0


def l0_prox(penalty, z, step, strength):
    return z if abs(z) > math.sqrt(2.0 * step * strength) else 0.0


def l0_derivative(penalty, t, strength):
    return math.inf if t == 0.0 and strength > 0.0 else 0.0


@dataclass(frozen=True)
class L0(Penalty):
    """The l0 penalty p(t; alpha) = alpha if t > 0, else 0: it counts coefficients.

    Coefficients that are kept are not shrunk at all. Solutions are such that no
    coefficient can be improved by itself, to or from zero (coordinatewise hard
    thresholding); the best subset they need not be.

    References
    ----------
    A. Beck, Y. C. Eldar (2013). Sparsity constrained nonlinear optimization:
    optimality conditions and algorithms. SIAM Journal on Optimization 23, 1480-1509.

    Examples
    --------
    >>> from sparsestat import L0
    >>> L0().prox([0.5, 1.5, 3.0], step=1.0, alpha=1.0)
    array([0. , 1.5, 3. ])
    """

    functions = ScalarFunctions(l0_value, l0_prox, l0_derivative)
    jumps = True

    def limit(self, alpha: Any, curvature: Any) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand."""
        return np.sqrt(2.0 * np.multiply(alpha, curvature))

    def strength_for(self, gradient: Any, curvature: Any) -> np.ndarray:
        """Return the strengths whose limits are these gradients."""
        return np.square(gradient) / (2.0 * np.asarray(curvature))
