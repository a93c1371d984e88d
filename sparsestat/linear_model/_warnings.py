"""What fitting warns of: problems that missed the tolerance, or have no solution."""

import sys
import warnings
from typing import NamedTuple

from sklearn.exceptions import ConvergenceWarning

from sparsestat.solvers import Status

__all__ = ["Miss", "level_of_the_caller", "warn_unless_converged"]


class Miss(NamedTuple):
    """A solution that is not as asked for."""

    kkt_violation: float
    alpha: float
    status: Status


def warn_unless_converged(misses: list[Miss], total: int, tol: float, max_iter: int) -> None:
    """Warn, with what to do, if problems missed the tolerance or have no solution.

    Parameters
    ----------
    misses : list of Miss
    total : int
        Number of problems solved.
    tol : float
    max_iter : int
    """
    late = [miss for miss in misses if miss.status is Status.MAX_ITER]
    if late:
        violation, alpha, _ = max(late)
        warnings.warn(
            f"{len(late)} of {total} problems did not converge: the stationarity violation is "
            f"up to {violation:.1e}, at alpha = {alpha:.3g}, and tol is {tol:.1e}. Increase "
            f"max_iter (now {max_iter}), loosen tol, or use a larger alpha or some l2.",
            ConvergenceWarning,
            stacklevel=level_of_the_caller(),
        )
    endless = [miss for miss in misses if miss.status is Status.UNBOUNDED]
    if endless:
        alpha = max(miss.alpha for miss in endless)
        warnings.warn(
            f"{len(endless)} of {total} problems have no finite solution, from alpha = "
            f"{alpha:.3g} down: the selected features separate the classes (or the responses "
            "that are zero, or the events from those at risk), and nothing holds their "
            "coefficients back. They were stopped where the loss has become flat. Use a larger "
            "alpha, some l2, or a penalty that grows without end, such as L1.",
            ConvergenceWarning,
            stacklevel=level_of_the_caller(),
        )


def level_of_the_caller() -> int:
    """Count the frames between the warning and the first one outside fitting code."""
    inside = ("sparsestat", "sklearn", "contextlib")
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in inside:
        frame, level = frame.f_back, level + 1
    return level
