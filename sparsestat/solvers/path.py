"""The entry to the solvers: which one, at which strengths, from where."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from sparsestat.solvers.gram_path import gram_path
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.result import Solution
from sparsestat.solvers.working_set import working_set_path

__all__ = ["SOLVERS", "alpha_grid", "alpha_max", "approach", "solve_path"]

SOLVERS = {"working_set": working_set_path, "gram": gram_path}

APPROACH_RATIO = 0.8


def solve_path(
    problem: LeastSquaresProblem,
    alphas: Iterable[float],
    *,
    solver: str = "auto",
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Yield the solutions at each of `alphas`, by the solver that suits the shape.

    ``"auto"`` takes ``"gram"`` if n > 2 p and p <= 5000, else ``"working_set"``.
    """
    n, p = problem.design.shape
    if solver == "auto":
        solver = "gram" if n > 2 * p and p <= 5000 else "working_set"
    return SOLVERS[solver](problem, alphas, tol=tol, max_iter=max_iter, start=start)


def alpha_max(problem: LeastSquaresProblem, *, tol: float, max_iter: int) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    Unpenalised features are fitted first. For nonconvex penalties this is the smallest
    alpha at which zero is stationary. 0 if nothing can enter; infinity if the penalty
    has no slope at zero.
    """
    penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
    residual = problem.y
    slack = 1.0
    if not problem.weights.all():
        slack += tol  # the null model is known to this accuracy
        null = replace(problem, weights=np.where(problem.weights == 0.0, 0.0, np.inf))
        (solution,) = solve_path(null, [1.0], tol=tol, max_iter=max_iter)
        residual = problem.y - problem.design.predict(solution.coef)
    gradient = problem.design.gradient(residual)[penalised]
    pull = gradient if problem.positive else np.abs(gradient)
    largest = slack * float((pull / problem.weights[penalised]).max(initial=0.0))
    slope = problem.penalty.slope_at_zero(1.0)
    if largest == 0.0:
        return 0.0
    return largest / slope if slope > 0.0 else math.inf


def alpha_grid(largest: float, eps: float, n_alphas: int) -> np.ndarray:
    """Return strengths from `largest` down to `eps` times it, evenly in logarithm."""
    if largest <= np.finfo(np.float64).tiny:
        return np.full(n_alphas, np.finfo(np.float64).resolution)
    return largest * np.geomspace(1.0, eps, n_alphas)


def approach(
    problem: LeastSquaresProblem, alpha: float, *, tol: float, max_iter: int
) -> np.ndarray:
    """Return the strengths to solve on the way to one `alpha`, which comes last.

    A nonconvex problem can have several local minima; following them down from the
    largest strength, at which zero is one, gives the same solution whether or not the
    rest of the path is asked for. Convex problems are solved at once.
    """
    if problem.penalty.convex or alpha == 0.0:
        return np.array([alpha])
    largest = alpha_max(problem, tol=tol, max_iter=max_iter)
    if not alpha < largest < math.inf:
        return np.array([alpha])
    steps = math.ceil(math.log(largest / alpha) / -math.log(APPROACH_RATIO))
    return np.append(largest * (alpha / largest) ** (np.arange(1, steps) / steps), alpha)
