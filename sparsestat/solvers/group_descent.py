"""Paths for penalties of the norms of groups: of features, or of coefficients for tasks."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sparsestat.linalg import DenseBlock
from sparsestat.solvers.gram_path import gram_path
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.problem import (
    GLMProblem,
    LeastSquaresProblem,
    MultiTaskProblem,
    SquaresProblem,
)
from sparsestat.solvers.prox_newton import NewtonSet
from sparsestat.solvers.result import Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.working_set import LeastSquaresSet, follow

__all__ = ["GROUP_DESCENT"]

# If so many epochs on residuals do not suffice, Newton steps are called for.
MOST_EPOCHS = 50


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
    several = isinstance(problem, MultiTaskProblem)
    active = LeastSquaresSet(problem) if several else GroupSquaresSet(problem)
    return follow(active, alphas, **options)


class GroupSquaresSet(LeastSquaresSet):
    """The working set of least squares with groups, which may have more features than samples.

    Then epochs on residuals cost less than those on the Gram matrix, which is worked out
    only if they do not suffice.
    """

    def __init__(self, problem: LeastSquaresProblem) -> None:
        super().__init__(problem)
        self._blocks: dict[int, np.ndarray] = {}

    def minimise(self, terms: Any, tol: float, max_iter: int) -> int:
        n_iter = 0
        if self.features.size > self.residual.size and isinstance(self.block, DenseBlock):
            n_iter = self._descend(terms, tol, min(MOST_EPOCHS, max_iter))
            if self._violation(terms) <= tol:
                return n_iter
        return n_iter + super().minimise(terms, tol, max_iter - n_iter)

    def _descend(self, terms: Any, tol: float, max_epochs: int) -> int:
        """Run epochs on residuals until the violation is below `tol`, or there are too many."""
        widest = int(np.diff(terms.starts).max())
        if terms.strengths.size * widest**2 > self.features.size * self.residual.size:
            return 0  # a large group among small ones
        blocks = np.zeros((terms.strengths.size, widest, widest))
        for g, (first, end) in enumerate(itertools.pairwise(terms.starts)):
            own = self._own_block(first, end)
            blocks[g, : end - first, : end - first] = own
        n_iter, inner = 0, 0.5 * tol
        while n_iter < max_epochs and self._violation(terms) > tol:
            w, r = self.w.copy(), self.residual.copy()
            used, _ = terms.descend_residuals(
                self.block.rows, blocks, r, w, self.problem.l2, inner, max_epochs - n_iter
            )
            n_iter += used
            inner *= 0.5
            self.move(w)
        return n_iter

    def _own_block(self, first: int, end: int) -> np.ndarray:
        """Return the part of the Hessian that belongs to a group."""
        feature = int(self.features[first])
        if feature not in self._blocks:
            columns = self.block.rows[first:end]
            ridge = self.problem.l2 * np.eye(end - first)
            self._blocks[feature] = columns @ columns.T / self.residual.size + ridge
        return self._blocks[feature]

    def _violation(self, terms: Any) -> float:
        return float(terms.assess(self.q, self.w, np.empty(0)).violation.max(initial=0.0))


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
