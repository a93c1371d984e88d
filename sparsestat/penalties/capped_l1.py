"""The capped l1 penalty."""

from dataclasses import dataclass

from sparsestat._parameters import check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["CappedL1"]


def capped_l1_value(penalty, t, strength):
    return strength * min(t, penalty.tau)


def capped_l1_prox(penalty, z, step, strength):
    # The lasso's answer below the cap, or no shrinkage beyond it, whichever is lower.
    size = abs(z)
    near = min(max(size - step * strength, 0.0), penalty.tau)
    far = max(size, penalty.tau)
    cost_near = 0.5 * (near - size) ** 2 + step * strength * near
    cost_far = 0.5 * (far - size) ** 2 + step * strength * penalty.tau
    best = near if cost_near <= cost_far else far
    return best if z > 0.0 else -best


def capped_l1_derivative(penalty, t, strength):
    return strength if t < penalty.tau else 0.0


@dataclass(frozen=True)
class CappedL1(Penalty):
    """The capped l1 penalty p(t; alpha) = alpha min(t, tau).

    The lasso for coefficients below tau, no shrinkage beyond.

    Parameters
    ----------
    tau : float, default=1.0
        The size of coefficient, on the standardised scale, at which the penalty stops
        to grow, > 0.

    Raises
    ------
    TypeError, ValueError
        If `tau` is not a real number > 0.

    References
    ----------
    T. Zhang (2010). Analysis of multi-stage convex relaxation for sparse
    regularization. Journal of Machine Learning Research 11, 1081-1107.

    Examples
    --------
    >>> from sparsestat import CappedL1
    >>> CappedL1(tau=1.0).prox([0.2, 1.0, 2.0], step=1.0, alpha=0.5)
    array([0. , 0.5, 2. ])
    """

    tau: float = 1.0
    functions = ScalarFunctions(capped_l1_value, capped_l1_prox, capped_l1_derivative)

    def __post_init__(self) -> None:
        check_parameter(self, "tau", above=0.0)
