"""Paths for penalties of the norms of groups: of features, or of coefficients for tasks."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sparsestat.solvers.gram_path import gram_path
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.problem import GLMProblem, MultiTaskProblem, SquaresProblem
from sparsestat.solvers.prox_newton import NewtonSet
from sparsestat.solvers.result import Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.working_set import LeastSquaresSet, follow

__all__ = ["GROUP_DESCENT"]


def group_descent_path(
    problem: Any,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a problem with a group penalty at one strength after another.

    By the loops of the solvers for single coefficients: a working set of groups, for tall
    least squares the whole Gram matrix. Parameters and yields as
    :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    options: dict[str, Any] = {"scale": scale, "tol": tol, "max_iter": max_iter, "start": start}
    if isinstance(problem, GLMProblem):
        return follow(NewtonSet(problem), alphas, **options)
    n, p = problem.design.shape
    if n > 2 * p and p <= 5000:
        return gram_path(problem, alphas, **options)
    return follow(LeastSquaresSet(problem), alphas, **options)


def _refuses(problem: Any) -> str | None:
    if not isinstance(problem, GLMProblem | SquaresProblem):
        return f"it takes squared error and smooth losses, not {problem.loss}."
    penalty, several = problem.penalty, isinstance(problem, MultiTaskProblem)
    if not isinstance(problem.structure, Grouped):
        rows = ", or of the coefficients of a feature" if several else ""
        return f"it takes penalties of groups{rows}, not {penalty}."
    if isinstance(problem, GLMProblem) and not problem.loss.smooth:
        return f"it takes smooth losses, and {problem.loss} has a kink."
    if several:
        # Newton's method would need another Hessian for every response.
        if getattr(penalty, "l1_share", 0.0) > 0.0:
            return f"{penalty} sets single coefficients to zero: it goes with one response."
        if np.isfinite([problem.lower, problem.upper]).any():
            return "bounds of the coefficients go with one response."
    return problem.structure.refusal or problem.without_columns


GROUP_DESCENT = Solver(group_descent_path, _refuses)
