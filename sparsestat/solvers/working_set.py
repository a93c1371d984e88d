"""Paths for wide problems: a growing working set, its Hessian, lazy gradients.

At each strength the problem is solved on a working set of features, whose columns
are copied into a block and whose Hessian is extended as the set grows. Then the
features outside are checked. Cauchy-Schwarz bounds from earlier residuals settle most
of them without reading their columns (:class:`~sparsestat.linalg.LazyGradient`).
Violators join the set, the worst first and never more than double the support, so that
a cold start does not pay for a large set, and the problem is solved again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sparsestat.linalg import GrowingMatrix
from sparsestat.penalties import Penalty
from sparsestat.solvers.certificate import certify
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.result import Smooth, Solution, Status
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.terms import Terms, minimise_quadratic

__all__ = ["WORKING_SET", "WorkingSet", "follow", "refuses_all_but_squares"]

MIN_GROWTH = 64
ANTICIPATE = 0.9


def filled(w: np.ndarray) -> np.ndarray:
    """Tell which features have a nonzero coefficient, for some response."""
    return (w if w.ndim == 1 else w.any(axis=0)) != 0.0


class WorkingSet(ABC):
    """The features being worked on: their columns, coefficients and gradients.

    Attributes
    ----------
    features : ndarray of int, shape (m,)
    w, q : ndarray of shape (m,)
        Coefficients, and negative gradients of loss plus l2 term.
    residual : ndarray of shape (n,)
        Gradients of the loss are minus X'residual / n.
    intercept : float

    All but the features have a row for each response where there are several.
    """

    residual: np.ndarray
    intercept = 0.0

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self.block = problem.design.block()
        self.features = np.empty(0, dtype=np.intp)
        rows = problem.y.shape[:-1]  # one for each response, if there are several
        self.w = np.empty((*rows, 0))
        self.q = np.empty((*rows, 0))

    def room_for(self, features: np.ndarray) -> int:
        """Return how many of some features the set may take in at once."""
        if features.size <= MIN_GROWTH:
            return MIN_GROWTH
        return max(MIN_GROWTH, int(np.count_nonzero(filled(self.w))))

    def add(self, features: np.ndarray) -> None:
        """Take in features with coefficient zero."""
        old = self.features.size
        self.block.append(features)
        self.features = np.concatenate([self.features, features])
        zeros = np.zeros((*self.w.shape[:-1], features.size))
        self.w = np.concatenate([self.w, zeros], axis=-1)
        pulls = self.block.gradient(self.residual, first=old)
        self.q = np.concatenate([self.q, pulls], axis=-1)

    def keep(self, positions: np.ndarray) -> None:
        """Drop all features but those at `positions`."""
        self.block.keep(positions)
        self.features = self.features[positions]
        self.w = self.w.take(positions, axis=-1)
        self.q = self.q.take(positions, axis=-1)

    @abstractmethod
    def move(self, w: np.ndarray) -> None:
        """Set the coefficients; make residual, gradients and intercept exact."""

    @abstractmethod
    def minimise(self, terms: Terms, tol: float, max_iter: int) -> int:
        """Minimise over the coefficients; return the epochs and Newton steps used."""

    @abstractmethod
    def smooth(self) -> Smooth:
        """Return the loss plus the l2 term."""

    def is_unbounded(self, terms: Terms) -> bool:
        """Tell whether coefficients can grow for ever, the objective falling."""
        return False


class LeastSquaresSet(WorkingSet):
    """The working set of least squares: its Hessian is a Gram matrix."""

    def __init__(self, problem: LeastSquaresProblem) -> None:
        super().__init__(problem)
        self.residual = problem.y
        self._hessian = GrowingMatrix()

    def keep(self, positions: np.ndarray) -> None:
        super().keep(positions)
        self._hessian.keep(positions[positions < self._hessian.size])

    def move(self, w: np.ndarray) -> None:
        self.w = w
        self.residual = self.problem.y - self.block.predict(w)
        self.q = self.block.gradient(self.residual) - self.problem.l2 * w

    def minimise(self, terms: Terms, tol: float, max_iter: int) -> int:
        if self._hessian.size < self.features.size:
            self._hessian.extend(self.block.gram(self._hessian.size), self.problem.l2)
        w, q = self.w.copy(), self.q.copy()
        n_iter = minimise_quadratic(terms, self._hessian.values, q, w, tol, max_iter)
        self.move(w)
        return n_iter

    def smooth(self) -> Smooth:
        r = self.residual
        value = 0.5 * (np.vdot(r, r) / r.shape[-1] + self.problem.l2 * np.vdot(self.w, self.w))
        return Smooth.of_squares(value)


def working_set_path(
    problem: LeastSquaresProblem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve least squares at one strength after another, each from the last solution.

    Parameters
    ----------
    problem : LeastSquaresProblem
    alphas : iterable of float
        Strengths, in the order they are to be solved.
    scale : float
        The unit of stationarity violations, see :func:`~sparsestat.solvers.solve_path`.
    tol : float
        Bound on the stationarity violation in this unit.
    max_iter : int
        Bound on epochs and Newton steps at each strength.
    start : ndarray of shape (p,), optional
        Coefficients to start from; zeros by default.

    Yields
    ------
    Solution
        One for each strength.
    """
    active = LeastSquaresSet(problem)
    return follow(active, alphas, scale=scale, tol=tol, max_iter=max_iter, start=start)


def refuses_all_but_squares(problem: Any) -> str | None:
    """Say why a solver of separable least squares cannot take a problem."""
    if not isinstance(problem, LeastSquaresProblem):
        return f"it takes squared error, not {problem.loss}."
    if not isinstance(problem.penalty, Penalty):
        return f"it takes penalties on single coefficients, not {problem.penalty}."
    return problem.without_columns


WORKING_SET = Solver(working_set_path, refuses_all_but_squares)


def follow(
    active: WorkingSet,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Follow the path with an empty working set of the problem, as its solver does."""
    problem = active.problem
    gradient = problem.structure.watch(active.residual)
    gradient.resting[np.isinf(problem.weights)] = False
    begin = problem.weights == 0.0
    if start is not None:
        begin |= filled(start)
    _enter(active, gradient, problem.structure.whole(begin & gradient.resting))
    if start is not None:
        active.move(start.take(active.features, axis=-1).astype(np.float64))
    previous = np.inf
    for alpha in alphas:
        solution = _solve(active, gradient, alpha, previous, scale, tol, max_iter)
        _prune(active, gradient)
        yield solution
        previous = alpha


def _solve(active, gradient, alpha, previous, scale, tol, max_iter) -> Solution:
    """Solve at one strength, from the state at the previous one."""
    problem, structure = active.problem, active.problem.structure
    limits = structure.limits(alpha)
    # A coefficient that jumps violates much as soon as it violates at all.
    slack = 0.0 if problem.penalty.jumps else tol * scale
    # Sequential strong rule: gradients are likely to change less than alpha does.
    reach = max(2.0 - previous / alpha, ANTICIPATE) if alpha > 0.0 else ANTICIPATE
    entering = structure.beyond(gradient, limits, reach)
    entering = structure.worst(entering, gradient, limits, active.room_for(entering))
    n_iter = 0
    while True:
        _enter(active, gradient, entering)
        terms = structure.terms(alpha, active.features)
        n_iter += active.minimise(terms, 0.5 * tol * scale, max_iter - n_iter)
        gradient.refresh(active.residual, limits)
        beyond = structure.beyond(gradient, limits)
        room = active.room_for(beyond)
        entering = structure.worst(beyond, gradient, limits, room, slack)
        if entering.size == 0 or n_iter >= max_iter:
            break
    rest = np.zeros((*active.w.shape[:-1], beyond.size))
    solution = certify(
        problem,
        alpha,
        features=np.concatenate([active.features, beyond]),
        w=np.concatenate([active.w, rest], axis=-1),
        q=np.concatenate([active.q, gradient.values.take(beyond, axis=-1)], axis=-1),
        smooth=active.smooth(),
        scale=scale,
        tol=tol,
        n_iter=n_iter,
        intercept=active.intercept,
    )
    if active.is_unbounded(terms):
        return replace(solution, status=Status.UNBOUNDED)
    return solution


def _enter(active, gradient, features) -> None:
    if features.size:
        active.add(features)
        gradient.resting[features] = False


def _prune(active, gradient) -> None:
    """Let zero coefficients rest when they have become the bulk of the working set."""
    support = active.problem.structure.support(active.features, active.w)
    if active.features.size > max(2 * MIN_GROWTH, 3 * support.size):
        zero = np.delete(np.arange(active.features.size), support)
        gradient.rest(active.features[zero], active.q.take(zero, axis=-1))
        active.keep(support)
