"""Degrees of freedom of a solution."""

from typing import Any

import numpy as np

from sparsestat.penalties import JointPenalty, SupportConstraint
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.problem import Problem
from sparsestat.solvers.result import Solution
from sparsestat.solvers.working_set import filled

__all__ = ["degrees_of_freedom"]


def degrees_of_freedom(problem: Problem, alpha: float, solution: Solution) -> float:
    """Return the effective number of coefficients, without the intercept.

    The number of nonzero coefficients; where a quadratic term R = diag(l2 + p'') shrinks
    them as well, as in ridge regression, the trace of (H + R)^-1 H with H the Hessian of
    the loss on the support. R has the second derivatives of norms of groups as well: for
    least squares and a convex penalty that makes the trace the divergence of the fit
    (Vaiter and others 2012). Negative ones of concave penalties count as zero. Constraints
    that hold take what they determine: H and R are those along directions that keep them.
    """
    if isinstance(problem.structure, Grouped):
        return _of_groups(problem, problem.structure, alpha, solution)
    support = np.flatnonzero(solution.coef)
    strengths = problem.strengths(alpha, support)
    bend = _bend(problem.penalty, solution.coef[support], strengths)
    ridge = np.maximum(bend, 0.0) + problem.l2
    ways = np.eye(support.size)
    if problem.constraints is not None:
        ways = problem.constraints.directions(solution.coef, support)
    if not ridge.any():
        return float(ways.shape[1])
    H = ways.T @ problem.hessian(support, solution.coef, solution.intercept) @ ways
    return float(np.trace(np.linalg.solve(H + ways.T * ridge @ ways, H)))


def _bend(penalty: Any, coef: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    if isinstance(penalty, SupportConstraint):
        return np.zeros(coef.size)
    if isinstance(penalty, JointPenalty):
        raise ValueError(
            f"the degrees of freedom of solutions with {penalty} are not known, so that no "
            "information criterion is. Use criterion='cv'."
        )
    return penalty.curvature(coef, strengths)


def _of_groups(problem: Problem, structure: Grouped, alpha: float, solution: Solution) -> float:
    coef = solution.coef
    features = structure.whole(filled(coef))
    if features.size == 0:
        return 0.0
    terms, w = structure.terms(alpha, features), coef.take(features, axis=-1)
    now = terms.assess(np.zeros(w.shape), w, np.empty(0))
    # Within a group a coefficient that an l1 norm or a bound holds at zero is not free.
    free = terms.smooth(w, now)
    H = problem.hessian(features[free], coef, solution.intercept)
    return terms.curvature(now, w, free).freedom(H, problem.l2)
