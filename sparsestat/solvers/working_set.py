"""Paths for wide problems: a growing working set, its Gram matrix, lazy gradients.

At each strength the problem is solved on a working set of features, whose columns
are copied into a block and whose Gram matrix is extended as the set grows. Then the
features outside are checked. Cauchy-Schwarz bounds from earlier residuals settle most
of them without reading their columns (:class:`~sparsestat.linalg.LazyGradient`).
Violators join the set, the worst first and never more than double the support, so that
a cold start does not pay for a large set, and the problem is solved again.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from sparsestat.linalg import LazyGradient
from sparsestat.solvers.certificate import certify
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.quadratic import solve_quadratic
from sparsestat.solvers.result import Solution

__all__ = ["working_set_path"]

MIN_GROWTH = 64
ANTICIPATE = 0.9


class WorkingSet:
    """The features being worked on: their columns, Gram matrix, coefficients and gradients.

    Attributes
    ----------
    features : ndarray of int, shape (m,)
    gram : ndarray of shape (m, m)
        Gram matrix of the features plus l2 on its diagonal.
    w, q : ndarray of shape (m,)
        Coefficients, and negative gradients of loss plus l2 term.
    """

    def __init__(self, problem: LeastSquaresProblem) -> None:
        self._problem = problem
        self._block = problem.design.block()
        self._store = np.empty((0, 0))
        self.features = np.empty(0, dtype=np.intp)
        self.w = np.empty(0)
        self.q = np.empty(0)

    @property
    def gram(self) -> np.ndarray:
        """The Gram matrix, a view."""
        return self._store[: self.features.size, : self.features.size]

    def add(self, features: np.ndarray, residual: np.ndarray) -> None:
        """Take in features with coefficient zero, at the present residual."""
        old, size = self.features.size, self.features.size + features.size
        cross = self._block.append(features)
        if size > self._store.shape[0]:
            store = np.empty((max(2 * old, size),) * 2)
            store[:old, :old] = self.gram
            self._store = store
        self._store[old:size, :size] = cross
        self._store[:old, old:size] = cross[:, :old].T
        diagonal = np.arange(old, size)
        self._store[diagonal, diagonal] += self._problem.l2
        self.features = np.concatenate([self.features, features])
        self.w = np.concatenate([self.w, np.zeros(features.size)])
        self.q = np.concatenate([self.q, self._block.gradient(residual, first=old)])

    def keep(self, positions: np.ndarray) -> None:
        """Drop all features but those at `positions`."""
        gram = self.gram.take(positions, axis=0).take(positions, axis=1)
        self._store[: positions.size, : positions.size] = gram
        self._block.keep(positions)
        self.features = self.features[positions]
        self.w = self.w[positions]
        self.q = self.q[positions]

    def residual(self) -> np.ndarray:
        """Return y - X w, and make `q` exact at it."""
        r = self._problem.y - self._block.predict(self.w)
        self.q = self._block.gradient(r) - self._problem.l2 * self.w
        return r


def working_set_path(
    problem: LeastSquaresProblem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a problem at one strength after another, each from the last solution.

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
    gradient = LazyGradient(problem.design, problem.y, problem.positive)
    gradient.resting[np.isinf(problem.weights)] = False
    active = WorkingSet(problem)
    begin = problem.weights == 0.0
    if start is not None:
        begin |= start != 0.0
    _enter(active, gradient, np.flatnonzero(begin & gradient.resting), problem.y)
    if start is not None:
        active.w = start[active.features].astype(np.float64)
    previous = np.inf
    for alpha in alphas:
        solution = _solve(problem, active, gradient, alpha, previous, scale, tol, max_iter)
        _prune(active, gradient, problem.positive)
        yield solution
        previous = alpha


def _solve(problem, active, gradient, alpha, previous, scale, tol, max_iter) -> Solution:
    """Solve at one strength, from the state at the previous one."""
    limits = problem.limits(alpha)
    slack = tol * scale
    residual = active.residual()
    # Sequential strong rule: gradients are likely to change less than alpha does.
    reach = max(2.0 - previous / alpha, ANTICIPATE) if alpha > 0.0 else ANTICIPATE
    entering = _beyond(gradient, reach * limits)
    n_iter = 0
    while True:
        _enter(active, gradient, _worst(entering, gradient, limits, active), residual)
        n_iter += solve_quadratic(
            problem.penalty.parameters,
            active.gram,
            active.q,
            active.w,
            problem.strengths(alpha, active.features),
            problem.positive,
            0.5 * slack,
            max_iter - n_iter,
        )
        residual = active.residual()
        gradient.refresh(residual, limits)
        beyond = _beyond(gradient, limits)
        entering = beyond[gradient.pull[beyond] > limits[beyond] + slack]
        if entering.size == 0 or n_iter >= max_iter:
            break
    return certify(
        problem,
        alpha,
        features=np.concatenate([active.features, beyond]),
        w=np.concatenate([active.w, np.zeros(beyond.size)]),
        q=np.concatenate([active.q, gradient.pull[beyond]]),
        square=residual @ residual / residual.size + problem.l2 * (active.w @ active.w),
        scale=scale,
        tol=tol,
        n_iter=n_iter,
    )


def _beyond(gradient, limits) -> np.ndarray:
    """Return the resting features beyond their limits."""
    return np.flatnonzero(gradient.resting & (gradient.pull > limits))


def _worst(features, gradient, limits, active) -> np.ndarray:
    """Return the features that are the furthest beyond, so many as the set may grow by."""
    room = max(MIN_GROWTH, int(np.count_nonzero(active.w)))
    if features.size <= room:
        return features
    excess = gradient.pull[features] - limits[features]
    return np.sort(features[np.argpartition(excess, -room)[-room:]])


def _enter(active, gradient, features, residual) -> None:
    if features.size:
        active.add(features, residual)
        gradient.resting[features] = False


def _prune(active, gradient, positive) -> None:
    """Let zero coefficients rest when they have become the bulk of the working set."""
    support = np.flatnonzero(active.w)
    if active.features.size > max(2 * MIN_GROWTH, 3 * support.size):
        zero = np.flatnonzero(active.w == 0.0)
        pull = active.q[zero] if positive else np.abs(active.q[zero])
        gradient.rest(active.features[zero], pull)
        active.keep(support)
