"""The continuous exact relaxation of the l0 penalty."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["CEL0"]


def cel0_value(penalty, t, strength):
    c = math.sqrt(penalty.curvature_of_loss)
    flat = math.sqrt(2.0 * strength)
    return c * t * (flat - 0.5 * c * t) if c * t < flat else strength


def cel0_prox(penalty, z, step, strength):
    size, square = abs(z), penalty.curvature_of_loss
    if step * square >= 1.0:  # concave up to its flat part: it is 0 or z
        return z if size > math.sqrt(2.0 * step * strength) else 0.0
    shrunk = size - step * math.sqrt(2.0 * strength * square)
    if shrunk <= 0.0:
        return 0.0
    shrunk = min(size, shrunk / (1.0 - step * square))
    return shrunk if z > 0.0 else -shrunk


def cel0_derivative(penalty, t, strength):
    square = penalty.curvature_of_loss
    return max(math.sqrt(2.0 * strength * square) - square * t, 0.0)


def cel0_curvature(penalty, t, strength):
    square = penalty.curvature_of_loss
    return -square if square * t * t < 2.0 * strength else 0.0


@dataclass(frozen=True)
class CEL0(Penalty):
    """The continuous exact l0 penalty: L0 without spurious local minima.

    p(t; alpha) = alpha - (c^2 / 2) (t - sqrt(2 alpha) / c)^2 for t <= sqrt(2 alpha) / c,
    alpha beyond, with c^2 the largest curvature of the loss along the coefficient: the
    squared norm of its column over n for least squares, a quarter of it for logistic
    loss. It is the largest function below the l0 penalty for which, for least squares,
    the global minimisers of the objective are those of L0, and each local minimiser
    becomes one of L0 when coefficients below sqrt(2 alpha) / c are set to zero. It is
    MCP with strength c sqrt(2 alpha) and gamma = 1 / c^2.

    Since c belongs to the column, estimators scale the columns whatever `standardize`
    says; like L0, the penalty does not depend on their units.

    Parameters
    ----------
    curvature_of_loss : float, default=1.0
        c^2 for a column of mean square one, > 0. Estimators put that of their loss in
        its place; it matters only to the methods of the penalty itself.

    Raises
    ------
    TypeError, ValueError
        If `curvature_of_loss` is not a real number > 0.

    References
    ----------
    E. Soubies, L. Blanc-Feraud, G. Aubert (2015). A continuous exact l0 penalty (CEL0)
    for least squares regularized problem. SIAM Journal on Imaging Sciences 8, 1607-1639.

    Examples
    --------
    >>> from sparsestat import CEL0, L0
    >>> CEL0().prox([0.5, 1.5, 3.0], step=1.0, alpha=1.0)
    array([0. , 1.5, 3. ])
    >>> CEL0().value([0.0, 1.0, 2.0], alpha=2.0)
    array([0. , 1.5, 2. ])
    """

    curvature_of_loss: float = field(default=1.0, repr=False)
    functions = ScalarFunctions(cel0_value, cel0_prox, cel0_derivative, cel0_curvature)
    jumps = True
    scale_free = True

    def __post_init__(self) -> None:
        check_parameter(self, "curvature_of_loss", above=0.0)

    def for_loss(self, bound: float, at_null: float) -> "CEL0":
        """Return the penalty that is matched to the largest curvature of a loss."""
        return replace(self, curvature_of_loss=bound)

    def limit(self, alpha: Any, curvature: Any) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand."""
        least = np.minimum(curvature, self.curvature_of_loss)
        return np.sqrt(2.0 * np.multiply(alpha, least))

    def strength_for(self, gradient: Any, curvature: Any) -> np.ndarray:
        """Return the strengths whose limits are these gradients."""
        return np.square(gradient) / (2.0 * np.minimum(curvature, self.curvature_of_loss))
