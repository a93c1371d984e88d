"""The minimax concave penalty."""

import math
from copy import copy
from dataclasses import dataclass
from typing import Any

from sparsestat._parameters import check_flag, check_parameter
from sparsestat.penalties.base import BasePenalty, Penalty
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["FLATTEST", "MCP", "rescaled"]

# Where a loss is flatter, adaptive penalties are as good as the lasso.
FLATTEST = 1e-12


def mcp_value(penalty, t, strength):
    if t < penalty.gamma * strength:
        return t * (strength - 0.5 * t / penalty.gamma)
    return 0.5 * penalty.gamma * strength * strength


def mcp_prox(penalty, z, step, strength):
    size = abs(z)
    if step >= penalty.gamma:
        # The problem is concave up to gamma * strength: it is 0 or z, whichever is lower.
        return z if size > strength * math.sqrt(penalty.gamma * step) else 0.0
    if size >= penalty.gamma * strength:
        return z
    shrunk = (size - step * strength) / (1.0 - step / penalty.gamma)
    if shrunk <= 0.0:
        return 0.0
    return shrunk if z > 0.0 else -shrunk


def mcp_derivative(penalty, t, strength):
    return max(strength - t / penalty.gamma, 0.0)


def mcp_curvature(penalty, t, strength):
    return -1.0 / penalty.gamma if t < penalty.gamma * strength else 0.0


@dataclass(frozen=True, repr=False)
class MCP(Penalty):
    """The minimax concave penalty: lasso slope at zero, flat beyond gamma alpha.

    p(t; alpha) = alpha t - t^2 / (2 gamma) for t <= gamma alpha, gamma alpha^2 / 2
    beyond: large coefficients are not shrunk at all.

    Parameters
    ----------
    gamma : float, default=3.0
        How slowly the slope falls to zero, > 1. Towards infinity the penalty becomes
        the lasso, towards 1 (on standardised features) hard thresholding. The range
        is that in which the least-squares problem of one standardised feature is
        strictly convex.
    adaptive : bool, default=False
        Whether estimators divide gamma by the curvature that their loss has at the null
        model, so that gamma means for other losses what it means for least squares (our
        variant of the adaptive rescaling of Breheny and Huang, 2011, who use the
        curvature at the present iterate). For logistic loss and balanced classes, where
        the curvature is 1/4, that is MCP(4 gamma).

    Raises
    ------
    TypeError, ValueError
        If `gamma` is not a real number > 1, or `adaptive` not a bool.

    References
    ----------
    C.-H. Zhang (2010). Nearly unbiased variable selection under minimax concave
    penalty. Annals of Statistics 38, 894-942.

    Examples
    --------
    >>> from sparsestat import MCP
    >>> MCP(gamma=3.0).prox([0.5, 2.0, 4.0], step=1.0, alpha=1.0)
    array([0. , 1.5, 4. ])
    """

    gamma: float = 3.0
    adaptive: bool = False
    functions = ScalarFunctions(mcp_value, mcp_prox, mcp_derivative, mcp_curvature)

    def __post_init__(self) -> None:
        check_parameter(self, "gamma", above=1.0)
        check_flag(self, "adaptive")

    @property
    def concavity(self) -> float:
        """The largest -p''."""
        return 1.0 / self.gamma

    def for_loss(self, bound: float, at_null: float) -> "MCP":
        """Return the penalty to use with a loss: gamma over its curvature if adaptive."""
        return rescaled(self, self.gamma / max(at_null, FLATTEST)) if self.adaptive else self


def rescaled(penalty: BasePenalty, gamma: float) -> Any:
    """Return a penalty with another gamma, of any size, no longer adaptive."""
    penalty = copy(penalty)
    object.__setattr__(penalty, "gamma", gamma)
    object.__setattr__(penalty, "adaptive", False)
    return penalty
