"""Convex problems by cvxpy: an answer that owes nothing to the other solvers.

The problem is written out for cvxpy, by the `expression` of its loss and its penalty, and
handed to an interior-point method. Its solution is close; Newton's method on the KKT
equations of the coefficients and constraints that it has found to matter then makes it
exact, so that zeros are zeros and constraints hold
(:class:`~sparsestat.solvers.constrained_set.ConstrainedSet`, or
:func:`~sparsestat.solvers.piecewise.solve_piecewise` for losses with kinks).
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sparsestat.penalties import GroupPenalty, JointPenalty
from sparsestat.solvers.accelerated import ACCELERATED
from sparsestat.solvers.constrained_set import ConstrainedSet, as_glm
from sparsestat.solvers.constraints import LinearConstraints
from sparsestat.solvers.group_descent import GROUP_DESCENT
from sparsestat.solvers.piecewise import solve_piecewise
from sparsestat.solvers.problem import GLMProblem, MultiTaskProblem, Problem
from sparsestat.solvers.result import Solution, Status
from sparsestat.solvers.solver import Solver

__all__ = ["CONVEX"]

# Tried in turn: what interior-point methods reach depends on the problem.
TOLERANCES = (1e-10, 1e-8)
# Coefficients and multipliers below this, relative to the largest, are taken for zero.
NEGLIGIBLE = 1e-6
# What makes solutions exact that are not sparse one by one.
FINISHES = {JointPenalty: ACCELERATED, GroupPenalty: GROUP_DESCENT}
# How far the objective may be above cvxpy's, in units of scale times coefficients.
AGREEMENT = 1e-6


class Point(NamedTuple):
    """A solution of cvxpy's.

    Parameters
    ----------
    coef : ndarray of shape (p,)
    nu : ndarray of shape (m,)
        Multipliers of the constraints, positive at upper bounds.
    objective : float
    """

    coef: np.ndarray
    nu: np.ndarray
    objective: float


class Side(NamedTuple):
    """Rows of the constraints as equations or as bounds on one side, for cvxpy."""

    rows: np.ndarray
    sign: float
    constraint: Any


class Program:
    """A problem written out for cvxpy, with the strength as its parameter.

    The tolerances of interior-point methods are absolute. So coefficients are in units of
    the largest gradient over the curvature of the loss, the objective in those of the
    product.

    Parameters
    ----------
    problem : GLMProblem
    X : ndarray of shape (n, k)
        The columns of features that are not excluded.
    scale : float
        The largest gradient at the null model.
    """

    def __init__(self, problem: GLMProblem, X: np.ndarray, scale: float) -> None:
        import cvxpy as cp

        self._problem, self._scale = problem, scale
        self._kept = kept = np.flatnonzero(np.isfinite(problem.weights))
        self._empty = kept[~X.any(axis=0)]
        if not problem.loss.smooth:  # a loss of residuals
            unit = float(np.abs(problem.y - problem.null.eta).mean()) or 1.0
        elif problem.null_curvature > 0.0:
            unit = scale / problem.null_curvature
        else:
            unit = 1.0
        self._unit = unit
        self._alpha = cp.Parameter(nonneg=True)
        self._b = b = cp.Variable(kept.size)
        fixed = (unit * X) @ b + problem.offset
        coef = (unit * np.eye(problem.n_features)[:, kept]) @ b
        weights = np.where(np.isfinite(problem.weights), problem.weights, 0.0)
        objective = problem.expression(cp, fixed)
        objective += problem.penalty.expression(cp, coef, self._alpha, weights)
        if problem.l2 > 0.0:
            objective += 0.5 * problem.l2 * unit**2 * cp.sum_squares(b)
        self._sides = self._sides_of(problem.constraints)
        bounds = self._within(problem.lower[kept], problem.upper[kept])
        self._program = cp.Problem(
            cp.Minimize(objective / (scale * unit)),
            [side.constraint for side in self._sides] + bounds,
        )

    def _sides_of(self, rows: LinearConstraints | None) -> list[Side]:
        if rows is None:
            return []
        A = rows.A[:, self._kept]
        lower, upper = rows.lower / self._unit, rows.upper / self._unit
        equal = np.flatnonzero(rows.equal)
        above = np.flatnonzero(~rows.equal & np.isfinite(upper))
        below = np.flatnonzero(~rows.equal & np.isfinite(lower))
        sides = [
            Side(equal, 1.0, A[equal] @ self._b == upper[equal]),
            Side(above, 1.0, A[above] @ self._b <= upper[above]),
            Side(below, -1.0, A[below] @ self._b >= lower[below]),
        ]
        return [side for side in sides if side.rows.size]

    def _within(self, lower: np.ndarray, upper: np.ndarray) -> list[Any]:
        lower, upper = lower / self._unit, upper / self._unit
        low, high = np.flatnonzero(np.isfinite(lower)), np.flatnonzero(np.isfinite(upper))
        bounds = [self._b[low] >= lower[low], self._b[high] <= upper[high]]
        return [bound for bound in bounds if bound.size]

    def solve(self, alpha: float) -> Point | None:
        """Solve at one strength; None if cvxpy's solver fails."""
        from cvxpy.error import SolverError

        self._alpha.value = alpha
        for tol in TOLERANCES:
            options = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tol)
            with warnings.catch_warnings():  # that it may be inaccurate: it is polished
                warnings.simplefilter("ignore")
                try:
                    self._program.solve(solver="CLARABEL", **options)
                except SolverError:
                    continue
            if self._b.value is not None:
                return self._point()
        return None

    def _point(self) -> Point:
        problem = self._problem
        coef = np.zeros(problem.n_features)
        b: Any = self._b.value
        coef[self._kept] = self._unit * b
        coef = np.clip(coef, problem.lower, problem.upper)
        coef[self._empty] = 0.0  # or they keep what rounding leaves of them
        coef[np.abs(coef) <= NEGLIGIBLE * np.abs(coef).max()] = 0.0
        m = 0 if problem.constraints is None else problem.constraints.lower.size
        nu = np.zeros(m)
        for side in self._sides:
            nu[side.rows] += side.sign * self._scale * side.constraint.dual_value
        nu[np.abs(nu) <= NEGLIGIBLE * self._scale] = 0.0
        value: Any = self._program.value
        return Point(coef, nu, float(value) * self._scale * self._unit)


def convex_path(
    problem: Problem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a convex problem by cvxpy at one strength after another.

    Parameters and yields as :func:`~sparsestat.solvers.multipliers.multipliers_path`;
    `start` is where it goes on from if cvxpy fails, and iterations are those of the Newton
    steps, or steps of the active-set method, that follow it. A solution whose objective is
    above cvxpy's is not reported as converged.
    """
    problem = as_glm(problem)
    X = _columns(problem)
    program = Program(problem, X, scale) if X.shape[1] else None
    m = 0 if problem.constraints is None else problem.constraints.lower.size
    zeros = np.zeros(problem.n_features)
    last = Point(zeros if start is None else start, np.zeros(m), np.inf)
    for alpha in alphas:
        point = None if program is None else program.solve(alpha)
        solution = _exact(problem, alpha, X, point or last, scale, tol, max_iter)
        height = scale * (1.0 + np.abs(solution.coef).max(initial=0.0))
        if point is not None and solution.objective > point.objective + AGREEMENT * height:
            solution = replace(solution, status=Status.MAX_ITER)
        yield solution
        last = Point(solution.coef, np.zeros(m), np.inf)


def _columns(problem: Problem) -> np.ndarray:
    """Return the columns of the features that are not excluded."""
    units = np.eye(problem.n_features)[np.isfinite(problem.weights)]
    columns = [problem.design.predict(unit) for unit in units]
    return np.column_stack(columns) if columns else np.empty((problem.design.shape[0], 0))


def _exact(problem, alpha, X, point, scale, tol, max_iter) -> Solution:
    """Make a solution of cvxpy's exact."""
    limits = {"scale": scale, "tol": tol, "max_iter": max_iter}
    for kind, finish in FINISHES.items():
        if isinstance(problem.penalty, kind):
            (solution,) = finish.path(problem, [alpha], start=point.coef, **limits)
            return solution
    if not problem.loss.smooth:
        return solve_piecewise(problem, alpha, X, point.coef, point.nu, **limits)
    near = ConstrainedSet(problem, point.coef, point.nu)
    return near.solve(alpha, **limits, polish=True)


def _refuses(problem: Any) -> str | None:
    if isinstance(problem, MultiTaskProblem):
        return "it takes one response."
    penalty = problem.penalty
    if not penalty.convex:
        return f"it takes convex penalties, and {penalty} is not."
    for kind, finish in FINISHES.items():
        if isinstance(penalty, kind):
            if problem.constraints is not None:
                return f"it takes no constraints together with {penalty}."
            if reason := finish.refuses(problem):
                return reason
    glm = as_glm(problem)
    written = type(glm).expression is not GLMProblem.expression or hasattr(
        glm.loss, "expression"
    )
    for part, known in ((penalty, hasattr(penalty, "expression")), (glm.loss, written)):
        if not known:
            return f"{part} does not say how to write it for cvxpy, by a method `expression`."
    return problem.without_columns


CONVEX = Solver(convex_path, _refuses, takes_constraints=True)
