"""What solvers return."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

__all__ = ["Solution", "Status"]


class Status(StrEnum):
    """How a solver ended, as a sentence."""

    CONVERGED = "The stationarity violation is within the tolerance."
    MAX_ITER = "The iteration limit was reached before the stationarity violation fell to tol."


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
        Largest distance of minus the loss gradient to the penalty's subdifferential,
        divided by the largest absolute gradient at coef = 0.
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
        """Whether the stationarity violation is within the tolerance."""
        return self.status is Status.CONVERGED
