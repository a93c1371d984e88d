"""Degrees of freedom of a solution."""

import numpy as np

from sparsestat.solvers.problem import Problem
from sparsestat.solvers.result import Solution

__all__ = ["degrees_of_freedom"]


def degrees_of_freedom(problem: Problem, alpha: float, solution: Solution) -> float:
    """Return the effective number of coefficients, without the intercept.

    The number of nonzero coefficients; where a quadratic term R = diag(l2 + p'') shrinks
    them as well, as in ridge regression, the trace of (H + R)^-1 H with H the Hessian of
    the loss on the support.
    """
    support = np.flatnonzero(solution.coef)
    strengths = problem.strengths(alpha, support)
    bend = problem.penalty.curvature(solution.coef[support], strengths)
    ridge = np.maximum(bend, 0.0) + problem.l2
    if not ridge.any():
        return float(support.size)
    H = problem.hessian(support, solution.coef, solution.intercept)
    return float(np.trace(np.linalg.solve(H + np.diag(ridge), H)))
