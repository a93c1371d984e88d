"""The entry to the solvers: which one, at which strengths, from where."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from sparsestat.solvers.accelerated import ACCELERATED
from sparsestat.solvers.constraints import feasible_point
from sparsestat.solvers.convex import CONVEX
from sparsestat.solvers.gram_path import GRAM
from sparsestat.solvers.group_descent import GROUP_DESCENT
from sparsestat.solvers.multipliers import MULTIPLIERS, constrained_alpha_max
from sparsestat.solvers.problem import GLMProblem, Problem
from sparsestat.solvers.prox_newton import PROX_NEWTON
from sparsestat.solvers.quantile import QUANTILE
from sparsestat.solvers.result import Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.subset import SUBSET
from sparsestat.solvers.working_set import WORKING_SET

__all__ = ["SOLVERS", "alpha_grid", "alpha_max", "approach", "choose_solver", "solve_path"]

# In the order in which "auto" asks them; "gram" comes before all for tall problems.
SOLVERS: dict[str, Solver] = {
    "working_set": WORKING_SET,
    "gram": GRAM,
    "prox_newton": PROX_NEWTON,
    "group_descent": GROUP_DESCENT,
    "quantile": QUANTILE,
    "subset": SUBSET,
    "multipliers": MULTIPLIERS,
    "accelerated": ACCELERATED,
    "convex": CONVEX,
}

# From so many inequalities on, interior points find those that matter sooner (measured).
MANY_ROWS = 200

APPROACH_RATIO = 0.8

# A gradient below this share of what it could be is one of rounding.
ROUNDING = 4.0 * np.finfo(float).eps


def solve_path(
    problem: Problem,
    alphas: Iterable[float],
    *,
    solver: str = "auto",
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Return the solutions at each of `alphas`, by the solver that suits the problem.

    The solver is the one that :func:`choose_solver` says. Stationarity violations are in
    units of the largest absolute gradient, over features that are not excluded, at the
    null model: with the unpenalised coefficients fitted and all others zero.
    """
    null = _null_model(problem, tol, max_iter)
    scale = _violation_scale(problem, null)
    if start is None and null is not None:
        start = null.coef  # before the others are judged by what is left to explain
    path = SOLVERS[choose_solver(problem, solver)].path
    return path(problem, alphas, scale=scale, tol=tol, max_iter=max_iter, start=start)


def choose_solver(problem: Problem, solver: str = "auto") -> str:
    """Return the name of the solver to use, ``"auto"`` replaced by the one that suits.

    That is ``"gram"`` for least squares with n > 2 p and p <= 5000, ``"convex"`` for more
    than 200 inequalities on the coefficients, else the first of `SOLVERS` that takes the
    problem.

    Raises
    ------
    ValueError
        If the solver, or every solver, cannot take the problem; the message says why.
    """
    if solver != "auto":
        reason = _refusal(solver, problem)
        if reason:
            raise ValueError(f"solver={solver!r} does not fit: {reason}")
        return solver
    n, p = problem.design.shape
    first = ["gram"] if n > 2 * p and p <= 5000 else []
    if problem.constraints is not None:
        first = ["convex"] if (~problem.constraints.equal).sum() > MANY_ROWS else []
    reasons: dict[str, list[str]] = {}
    for name in dict.fromkeys(first + list(SOLVERS)):
        reason = _refusal(name, problem)
        if reason is None:
            return name
        reasons.setdefault(reason, []).append(name)
    said = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]
    raise ValueError("no solver takes this problem. " + " ".join(said))


def _refusal(name: str, problem: Problem) -> str | None:
    """Return why a solver cannot take a problem, None if it can."""
    if problem.constraints is not None and not SOLVERS[name].takes_constraints:
        return "it takes no constraints on the coefficients."
    return SOLVERS[name].refuses(problem)


def _violation_scale(problem: Problem, null: Solution | None) -> float:
    """Return the unit of stationarity violations, 1 where all gradients vanish."""
    kept = np.isfinite(problem.weights)
    at_zero = float(np.abs(problem.gradient_at_zero[..., kept]).max(initial=0.0))
    if null is not None and (problem.weights[kept] > 0.0).any():
        gradient = problem.gradient(null.coef, null.intercept)
        # Rounding of the size of the gradient at zero cannot be undercut.
        at_zero = max(float(np.abs(gradient[..., kept]).max()), 1e-7 * at_zero)
    largest = _largest_gradient(problem)
    if at_zero <= ROUNDING * largest:  # nothing to explain, and no unit
        at_zero = largest
    return at_zero or 1.0


def _largest_gradient(problem: Problem) -> float:
    """Return what no gradient at zero exceeds, by the sizes of columns and residuals."""
    if not problem.design.has_columns:
        return 0.0
    residual = problem.null.residual if isinstance(problem, GLMProblem) else problem.y
    size = float(np.sqrt(np.mean(residual**2)))
    return size * float(problem.design.norms.max(initial=0.0))


def _null_model(problem: Problem, tol: float, max_iter: int) -> Solution | None:
    """Return the solution with unpenalised features only.

    None if there are none, or if they alone cannot meet the constraints.
    """
    free, rows = problem.weights == 0.0, problem.constraints
    if not free.any():
        return None
    if rows is not None and feasible_point(rows, free, problem.lower, problem.upper) is None:
        return None
    null = replace(problem, weights=np.where(free, 0.0, np.inf))
    scale = float(np.abs(problem.gradient_at_zero[..., free]).max()) or 1.0
    solve = SOLVERS[choose_solver(null)].path
    (solution,) = solve(null, [1.0], scale=scale, tol=tol, max_iter=max_iter)
    return solution


def _null_gradient(problem: Problem, tol: float, max_iter: int) -> np.ndarray:
    """Return the gradients at the null model."""
    null = _null_model(problem, tol, max_iter)
    if null is None:
        return problem.gradient_at_zero
    return problem.gradient(null.coef, null.intercept)


def alpha_max(problem: Problem, *, tol: float, max_iter: int) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    Unpenalised features are fitted first. For nonconvex penalties this is the smallest
    alpha at which zero is stationary. 0 if nothing can enter; infinity if the penalty
    has no slope at zero.

    Raises
    ------
    ValueError
        If there are constraints that do not hold while these coefficients are zero.
    """
    rows = problem.constraints
    if rows is not None:
        return constrained_alpha_max(problem, rows, tol=tol, max_iter=max_iter)
    largest = problem.structure.alpha_max(_null_gradient(problem, tol, max_iter))
    if not problem.weights.all() or problem.penalty.jumps:
        # The null model is known to this accuracy; nor may rounding let a jump in.
        largest *= 1.0 + tol
    return largest


def alpha_grid(largest: float, eps: float, n_alphas: int) -> np.ndarray:
    """Return strengths from `largest` down to `eps` times it, evenly in logarithm."""
    if largest <= np.finfo(np.float64).tiny:
        return np.full(n_alphas, np.finfo(np.float64).resolution)
    return largest * np.geomspace(1.0, eps, n_alphas)


def approach(problem: Problem, alpha: float, *, tol: float, max_iter: int) -> np.ndarray:
    """Return the strengths to solve on the way to one `alpha`, which comes last.

    A nonconvex problem can have several local minima; following them down from the
    largest strength, at which zero is one, is what makes solutions along a path good
    ones. Convex problems are solved at once.
    """
    if problem.penalty.convex or alpha == 0.0:
        return np.array([alpha])
    largest = alpha_max(problem, tol=tol, max_iter=max_iter)
    if not alpha < largest < math.inf:
        return np.array([alpha])
    steps = math.ceil(math.log(largest / alpha) / -math.log(APPROACH_RATIO))
    return np.append(largest * (alpha / largest) ** (np.arange(1, steps) / steps), alpha)
