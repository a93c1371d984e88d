"""Iterative hard thresholding: projected gradient on a constraint."""

import itertools

import numpy as np

from sparsestat.solvers.accelerated import first_curvature, no_momentum, steps
from sparsestat.solvers.composite import JointTerm, SmoothPart
from sparsestat.solvers.problem import Problem

__all__ = ["harden"]

# It ends after so many steps, or when so many have not changed the support.
MAX_STEPS, SETTLED = 200, 5


def harden(problem: Problem, start: np.ndarray | None, tol: float) -> np.ndarray:
    """Return what iterative hard thresholding makes of a start, zero by default.

    Projected gradient steps as long as the curvature they meet allows, until the support
    settles or no coefficient would move by `tol` over the curvature.
    """
    smooth, term = SmoothPart(problem), JointTerm(problem, 1.0)
    now = smooth.null()
    if start is not None and start.any():
        now = smooth.point(start.astype(np.float64), now.intercept)
    last, settled = now.coef != 0.0, 0
    path = steps(smooth, term, now, first_curvature(smooth, now), momentum=no_momentum)
    for step in itertools.islice(path, MAX_STEPS):
        support = step.point.coef != 0.0
        settled = settled + 1 if np.array_equal(support, last) else 0
        last = support
        if settled == SETTLED or step.moved <= tol:
            break
    return step.point.coef
