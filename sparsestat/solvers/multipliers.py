"""Paths under linear constraints on the coefficients, and where they begin."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sparsestat.penalties import Penalty
from sparsestat.solvers.constrained_set import ConstrainedSet, as_glm
from sparsestat.solvers.constraints import LinearConstraints, feasible_point, least_pull
from sparsestat.solvers.problem import MultiTaskProblem, Problem
from sparsestat.solvers.result import Solution
from sparsestat.solvers.solver import Solver

__all__ = ["MULTIPLIERS", "constrained_alpha_max"]


def multipliers_path(
    problem: Problem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a convex problem with constraints at one strength after another.

    Parameters and yields as :func:`~sparsestat.solvers.working_set.working_set_path`. The
    stationarity violation is that of q - A'nu at the multipliers nu found, and counts how
    far constraints are from being met, relative to their terms, where that is not rounding.

    The duality gap takes nu into account: with f the loss plus the l2 term, the bound

        excess of f at s + s (sup of nu'a over lower <= a <= upper - nu'A b)
        + sum_j p(|b_j|) - s b_j (q - A'nu)_j + p*(s (q - A'nu)_j)

    holds at every nu, by weak duality of the problem and its dual at s q and s nu; the
    second term vanishes where nu holds rows at their bounds.
    """
    active = ConstrainedSet(problem, start)
    for alpha in alphas:
        yield active.solve(alpha, scale, tol, max_iter)


def _refuses(problem: Any) -> str | None:
    if isinstance(problem, MultiTaskProblem):
        return "it takes one response."
    if not isinstance(problem.penalty, Penalty):
        return f"it takes penalties on single coefficients, not {problem.penalty}."
    if not problem.penalty.convex:
        return f"it takes convex penalties, and {problem.penalty} is not."
    loss = as_glm(problem).loss
    if not loss.smooth:
        return f"it takes smooth losses, and {loss} has a kink."
    return problem.without_columns


MULTIPLIERS = Solver(multipliers_path, _refuses, takes_constraints=True)


def constrained_alpha_max(
    problem: Problem, rows: LinearConstraints, *, tol: float, max_iter: int
) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    Constraints that hold at zero take a share A'nu of the gradient q, and alpha only has
    to outweigh what is left with the best multipliers nu. For a loss with a kink, of whose
    gradients one is taken, that is an upper bound.

    Raises
    ------
    ValueError
        If the constraints do not hold while all penalised coefficients are zero; for a
        loss with a kink also if there are unpenalised coefficients.
    """
    free = problem.weights == 0.0
    if free.any() and not as_glm(problem).loss.smooth:
        raise ValueError(
            "with constraints, a loss with a kink and unpenalised features it is not known "
            "where a path begins. Give alphas as an array."
        )
    if feasible_point(rows, free, problem.lower, problem.upper) is None:
        raise ValueError(
            "constraints do not hold where all penalised coefficients are zero, so that no "
            "alpha sets them to zero. Give alphas as an array."
        )
    null = ConstrainedSet(replace(problem, weights=np.where(free, 0.0, np.inf)))
    scale = float(np.abs(problem.gradient_at_zero[free]).max(initial=0.0)) or 1.0
    null.solve(1.0, scale, tol, max_iter)
    held = np.array(
        [
            np.where(rows.at_bound(null.coef, -1.0), -np.inf, 0.0),
            np.where(rows.at_bound(null.coef, 1.0), np.inf, 0.0),
        ]
    )
    sides = np.array([null.coef < problem.upper, null.coef > problem.lower])
    pull = least_pull(rows, null.q, problem.weights, sides, null.nu, held)
    largest = float(problem.penalty.strength_for(pull, 1.0)) if pull > 0.0 else 0.0
    return largest * (1.0 + tol)  # the accuracy to which the multipliers are known
