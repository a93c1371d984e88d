"""The smoothly clipped absolute deviation penalty."""

from dataclasses import dataclass

from sparsestat._parameters import check_flag, check_parameter
from sparsestat.penalties.base import Penalty
from sparsestat.penalties.mcp import FLATTEST, rescaled
from sparsestat.penalties.scalar import ScalarFunctions, penalty_value

__all__ = ["SCAD"]


def scad_value(penalty, t, strength):
    if t <= strength:
        return strength * t
    if t < penalty.gamma * strength:
        return strength * t - 0.5 * (t - strength) ** 2 / (penalty.gamma - 1.0)
    return 0.5 * strength * strength * (penalty.gamma + 1.0)


def scad_prox(penalty, z, step, strength):
    size = abs(z)
    gamma = penalty.gamma
    if step < gamma - 1.0:
        if size >= gamma * strength:
            return z
        if size <= (1.0 + step) * strength:
            shrunk = max(size - step * strength, 0.0)
        else:
            shrunk = ((gamma - 1.0) * size - step * gamma * strength) / (gamma - 1.0 - step)
    else:
        # Concave between strength and gamma * strength: the minimiser lies at either end.
        near = min(max(size - step * strength, 0.0), strength)
        far = max(size, gamma * strength)
        cost_near = 0.5 * (near - size) ** 2 + step * penalty_value(penalty, near, strength)
        cost_far = 0.5 * (far - size) ** 2 + step * penalty_value(penalty, far, strength)
        shrunk = near if cost_near <= cost_far else far
    return shrunk if z > 0.0 else -shrunk


def scad_derivative(penalty, t, strength):
    if t <= strength:
        return strength
    return max(penalty.gamma * strength - t, 0.0) / (penalty.gamma - 1.0)


def scad_curvature(penalty, t, strength):
    if strength < t < penalty.gamma * strength:
        return -1.0 / (penalty.gamma - 1.0)
    return 0.0


@dataclass(frozen=True, repr=False)
class SCAD(Penalty):
    """Smoothly clipped absolute deviation: the lasso up to alpha, flat beyond gamma alpha.

    The slope p'(t; alpha) is alpha for t <= alpha, then falls linearly,
    (gamma alpha - t) / (gamma - 1), to zero at t = gamma alpha.

    Parameters
    ----------
    gamma : float, default=3.7
        Where the penalty becomes flat, in multiples of alpha, > 2. The default is
        Fan and Li's.
    adaptive : bool, default=False
        Whether estimators divide gamma - 1 by the curvature that their loss has at the
        null model, as in :class:`MCP`.

    Raises
    ------
    TypeError, ValueError
        If `gamma` is not a real number > 2, or `adaptive` not a bool.

    References
    ----------
    J. Fan, R. Li (2001). Variable selection via nonconcave penalized likelihood and
    its oracle properties. Journal of the American Statistical Association 96,
    1348-1360.

    Examples
    --------
    >>> from sparsestat import SCAD
    >>> SCAD(gamma=3.7).prox([0.5, 1.5, 4.0], step=1.0, alpha=1.0)
    array([0. , 0.5, 4. ])
    """

    gamma: float = 3.7
    adaptive: bool = False
    functions = ScalarFunctions(scad_value, scad_prox, scad_derivative, scad_curvature)

    def __post_init__(self) -> None:
        check_parameter(self, "gamma", above=2.0)
        check_flag(self, "adaptive")

    @property
    def concavity(self) -> float:
        """The largest -p''."""
        return 1.0 / (self.gamma - 1.0)

    def for_loss(self, bound: float, at_null: float) -> "SCAD":
        """Return the penalty to use with a loss, gamma rescaled if adaptive."""
        if not self.adaptive:
            return self
        return rescaled(self, 1.0 + (self.gamma - 1.0) / max(at_null, FLATTEST))
