"""Degrees of freedom of a solution."""

import numpy as np

from sparsestat.solvers.problem import Problem
from sparsestat.solvers.result import Solution

__all__ = ["degrees_of_freedom"]


def degrees_of_freedom(problem: Problem, alpha: float, solution: Solution) -> float:
    """Return the effective number of coefficients, without the intercept.

    The number of nonzero coefficients; where a quadratic term R = diag(l2 + p'') shrinks
    them as well, as in ridge regression, the trace of (H + R)^-1 H with H the Hessian of
    the loss on the support. Constraints that hold take what they determine: H and R are
    those along directions that keep them.
    """
    support = np.flatnonzero(solution.coef)
    strengths = problem.strengths(alpha, support)
    bend = problem.penalty.curvature(solution.coef[support], strengths)
    ridge = np.maximum(bend, 0.0) + problem.l2
    ways = np.eye(support.size)
    if problem.constraints is not None:
        ways = problem.constraints.directions(solution.coef, support)
    if not ridge.any():
        return float(ways.shape[1])
    H = ways.T @ problem.hessian(support, solution.coef, solution.intercept) @ ways
    return float(np.trace(np.linalg.solve(H + ways.T * ridge @ ways, H)))
