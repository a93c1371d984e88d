"""The log-sum penalty."""

import math
from dataclasses import dataclass

from sparsestat._parameters import check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["LogSum"]


def log_sum_value(penalty, t, strength):
    return strength * math.log1p(t / penalty.eps)


def log_sum_prox(penalty, z, step, strength):
    size, eps, u = abs(z), penalty.eps, step * strength
    discriminant = 0.25 * (size + eps) ** 2 - u
    if discriminant < 0.0:  # the objective increases throughout
        return 0.0
    # The larger root, written without cancellation, is the local minimum away from zero.
    half, rest = 0.5 * (size - eps), math.sqrt(discriminant)
    root = half + rest if half >= 0.0 else (size * eps - u) / (rest - half)
    if root <= 0.0:
        return 0.0
    # Where the problem is not convex zero is another one: which of the two is lower?
    if u > eps * eps and 0.5 * (root - size) ** 2 + u * math.log1p(root / eps) >= 0.5 * size**2:
        return 0.0
    return root if z > 0.0 else -root


def log_sum_derivative(penalty, t, strength):
    return strength / (penalty.eps + t)


def log_sum_curvature(penalty, t, strength):
    return -strength / (penalty.eps + t) ** 2


@dataclass(frozen=True)
class LogSum(Penalty):
    """The log-sum penalty p(t; alpha) = alpha log(1 + t / eps).

    The limit of reweighted lasso fits. The slope at zero is alpha / eps, and it falls like
    alpha / t: large coefficients are shrunk little, but always a little.

    Parameters
    ----------
    eps : float, default=1.0
        The size of coefficient, on the standardised scale, at which the slope has fallen
        to half, > 0. Towards infinity, with alpha / eps fixed, the penalty becomes the
        lasso; small values come close to counting nonzero coefficients.

    Raises
    ------
    TypeError, ValueError
        If `eps` is not a real number > 0.

    References
    ----------
    E. Candes, M. Wakin, S. Boyd (2008). Enhancing sparsity by reweighted l1
    minimization. Journal of Fourier Analysis and Applications 14, 877-905.

    Examples
    --------
    >>> from sparsestat import LogSum
    >>> LogSum(eps=1.0).prox([0.5, 2.0, 5.0], step=1.0, alpha=1.0).round(3)
    array([0.   , 1.618, 4.828])
    """

    eps: float = 1.0
    functions = ScalarFunctions(
        log_sum_value, log_sum_prox, log_sum_derivative, log_sum_curvature
    )

    def __post_init__(self) -> None:
        check_parameter(self, "eps", above=0.0)
