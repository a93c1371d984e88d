"""What solvers return."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

__all__ = ["Smooth", "Solution", "Status"]


class Status(StrEnum):
    """How a solver ended, as a sentence."""

    CONVERGED = "The stationarity violation is within the tolerance."
    MAX_ITER = "The iteration limit was reached before the stationarity violation fell to tol."
    UNBOUNDED = "The objective has no minimum: it falls for ever as coefficients grow."


class Smooth(NamedTuple):
    """The loss plus the l2 term at a solution.

    Parameters
    ----------
    value : float
    excess : callable
        The sum of its terms of the duality gap, for a share in [0, 1] of the gradient as
        dual point: f(b) + f*(u) - u'b in short, 0 for the whole gradient.
    """

    value: float
    excess: Callable[[float], float]

    @classmethod
    def of_squares(cls, value: float) -> "Smooth":
        """Return half a mean square with the excess that all of them have."""
        return cls(value, lambda share: (1.0 - share) ** 2 * value)


@dataclass(frozen=True)
class Solution:
    """The outcome of one penalised problem.

    Parameters
    ----------
    coef : ndarray of shape (n_features,)
    intercept : float
    objective : float
        Mean loss plus penalty.
    kkt_violation : float
        Largest stationarity violation, in units of the largest absolute gradient at the
        null model.
    dual_gap : float
        Upper bound on objective minus optimum; nan where no bound is known
        (nonconvex penalty, unpenalised features).
    n_iter : int
        Coordinate descent epochs plus Newton steps.
    status : Status
    """

    coef: np.ndarray
    intercept: float
    objective: float
    kkt_violation: float
    dual_gap: float
    n_iter: int
    status: Status

    @property
    def converged(self) -> bool:
        """Whether the stationarity violation is within the tolerance, at a minimum."""
        return self.status is Status.CONVERGED
