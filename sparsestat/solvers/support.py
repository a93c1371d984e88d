"""Models on a given support: their minimum, and second derivatives around it."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sparsestat.penalties import L1
from sparsestat.solvers.composite import SmoothPart
from sparsestat.solvers.problem import GLMProblem, LeastSquaresProblem, Problem
from sparsestat.solvers.prox_newton import NewtonSet
from sparsestat.solvers.quadratic import solve_quadratic

__all__ = ["Curvature", "Fit", "SupportModel", "Units", "support_model"]

# Hessians are worked out for about so many features at a time.
CHUNK = 64
# A ridge that no solution feels, relative to the curvature; without solution it holds.
BREATH = 1e-12


class Fit(NamedTuple):
    """The minimum of the loss plus the l2 term over some features.

    Attributes
    ----------
    features : ndarray of int, shape (k,)
        In order.
    w : ndarray of shape (k,)
        Their coefficients.
    intercept : float or ndarray
    value : float
        The loss plus the l2 term.
    n_iter : int
        Epochs and Newton steps used.
    """

    features: np.ndarray
    w: np.ndarray
    intercept: Any
    value: float
    n_iter: int


class Units:
    """Features gathered into units that are in or out of a model as a whole.

    Parameters
    ----------
    of : ndarray of int, shape (p,)
        The unit of each feature, from 0 on; -1 for features that belong to none.

    Attributes
    ----------
    of : ndarray of int, shape (p,)
    members : ndarray of int, shape (n_units, m)
        The features of each unit, filled up with -1.
    """

    def __init__(self, of: np.ndarray) -> None:
        self.of = of
        features = np.flatnonzero(of >= 0)
        features = features[np.argsort(of[features], kind="stable")]
        sizes = np.bincount(of[features])
        places = np.arange(features.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self.members = np.full((sizes.size, int(sizes.max(initial=1))), -1)
        self.members[of[features], places] = features

    @property
    def count(self) -> int:
        """The number of units."""
        return self.members.shape[0]

    def features(self, units: np.ndarray) -> np.ndarray:
        """Return the features of some units, in order."""
        members = self.members[units].ravel()
        return np.sort(members[members >= 0])


class Curvature(NamedTuple):
    """Second derivatives of loss plus l2 term, the intercept profiled out.

    Attributes
    ----------
    rows : ndarray of shape (k, p)
        For the features of a fit against all features.
    blocks : ndarray of shape (n_units, m, m)
        Within units; the identity where a unit has fewer features.
    """

    rows: np.ndarray
    blocks: np.ndarray


class SupportModel(ABC):
    """A problem's loss plus l2 term, to be minimised over one support after another."""

    def __init__(self, problem: Problem, units: Units, tol: float, max_iter: int) -> None:
        self.problem = problem
        self.units = units
        self._tol = tol
        self._max_iter = max_iter
        self._smooth = SmoothPart(problem)

    @abstractmethod
    def fit(self, features: np.ndarray, start: Fit | None) -> Fit:
        """Minimise over some features, in order, from an earlier fit."""

    @abstractmethod
    def curvature(self, fit: Fit) -> Curvature:
        """Return the second derivatives around a fit."""

    def is_unbounded(self, fit: Fit) -> bool:
        """Tell whether the loss falls for ever as these coefficients grow."""
        return False

    def coef(self, fit: Fit) -> np.ndarray:
        """Return the coefficients of all features."""
        coef = np.zeros(self.problem.n_features)
        coef[fit.features] = fit.w
        return coef

    def pull(self, fit: Fit) -> np.ndarray:
        """Return the negative gradient of loss plus l2 term: a pass over the data."""
        return -self._smooth.gradient(self._smooth.point(self.coef(fit), fit.intercept))

    def _begin(self, features: np.ndarray, start: Fit | None) -> np.ndarray:
        if start is None:
            return np.zeros(features.size)
        return self.coef(start)[features]


class LeastSquaresModel(SupportModel):
    """Least squares: rows of the Gram matrix are kept, so that fits need no data."""

    def __init__(self, problem: LeastSquaresProblem, *args: Any) -> None:
        super().__init__(problem, *args)
        self._rows: dict[int, np.ndarray] = {}
        self._square = 0.5 * float(problem.y @ problem.y) / problem.y.size
        self._blocks: np.ndarray | None = None

    def _gram(self, features: np.ndarray) -> np.ndarray:
        problem = self.problem
        for j in features:
            if j not in self._rows:
                block = problem.design.block()
                block.append(np.array([j]))
                row = problem.design.gradient(block.predict(np.ones(1)))
                row[j] += problem.l2
                self._rows[j] = row
        rows = [self._rows[j] for j in features]
        return np.array(rows).reshape(features.size, problem.n_features)

    def fit(self, features: np.ndarray, start: Fit | None) -> Fit:
        problem = self.problem
        rows, c = self._gram(features), problem.gradient_at_zero[features]
        H, w = np.ascontiguousarray(rows[:, features]), self._begin(features, start)
        q = c - H @ w
        n_iter = solve_quadratic(
            L1().parameters,
            H,
            q,
            w,
            np.zeros(features.size),
            problem.lower[features],
            problem.upper[features],
            self._tol,
            self._max_iter,
        )
        return Fit(features, w, 0.0, self._square - 0.5 * float(w @ (c + q)), n_iter)

    def pull(self, fit: Fit) -> np.ndarray:
        return self.problem.gradient_at_zero - fit.w @ self._gram(fit.features)

    def curvature(self, fit: Fit) -> Curvature:
        if self._blocks is None:
            self._blocks = self._within_units()
        return Curvature(self._gram(fit.features), self._blocks)

    def _within_units(self) -> np.ndarray:
        problem, members = self.problem, self.units.members
        if members.shape[1] == 1:
            return problem.curvatures[members[:, :, None]]
        blocks = _identities(*members.shape)
        for unit, features in enumerate(members):
            features = features[features >= 0]
            block = problem.design.block()
            block.append(features)
            size = features.size
            blocks[unit, :size, :size] = block.gram() + problem.l2 * np.eye(size)
        return blocks


class GLMModel(SupportModel):
    """A generalised linear model: fits by Newton's method."""

    def __init__(self, problem: GLMProblem, *args: Any) -> None:
        super().__init__(problem, *args)
        self._plain = replace(problem, penalty=L1())
        ridge = BREATH * problem.null_curvature * float(problem.design.norms.max()) ** 2
        self._held = replace(self._plain, l2=problem.l2 + ridge)

    def fit(self, features: np.ndarray, start: Fit | None) -> Fit:
        active = self._active(self._held, features, start)
        terms = self._held.structure.terms(0.0, features)
        n_iter = active.minimise(terms, self._tol, self._max_iter)
        return Fit(features, active.w, active.intercept, active.smooth().value, n_iter)

    def is_unbounded(self, fit: Fit) -> bool:
        if self.problem.l2 > 0.0:
            return False
        active = self._active(self._plain, fit.features, fit)
        return active.is_unbounded(self._plain.structure.terms(0.0, fit.features))

    def _active(self, problem: GLMProblem, features, start: Fit | None) -> NewtonSet:
        active = NewtonSet(problem)
        active.add(features)
        if start is not None:
            active.move(self._begin(features, start))
        return active

    def curvature(self, fit: Fit) -> Curvature:
        problem, members = self._plain, self.units.members
        bend = problem.bend(self._smooth.point(self.coef(fit), fit.intercept).eta)
        k, width = fit.features.size, max(CHUNK // members.shape[1], 1)
        rows, blocks = np.zeros((k, problem.n_features)), _identities(*members.shape)
        block = problem.design.block()
        block.append(fit.features)
        held = np.arange(k)
        rows[:, fit.features] = problem.hessian_rows(block, bend, held, np.arange(0))
        for first in range(0, members.shape[0], width):
            units = slice(first, first + width)
            there = members[units] >= 0
            features = members[units][there]
            block.append(features)
            part = problem.hessian_rows(block, bend, k + np.arange(features.size), held)
            block.keep(held)
            rows[:, features] = part[:, :k].T
            places = np.full(there.shape, -1)
            places[there] = np.arange(features.size)
            pairs = part[:, k:][places[:, :, None], places[:, None, :]]
            both = there[:, :, None] & there[:, None, :]
            blocks[units] = np.where(both, pairs, blocks[units])
        rows[held, fit.features] += problem.l2
        diagonal = np.arange(members.shape[1])
        blocks[:, diagonal, diagonal] += np.where(members >= 0, problem.l2, 0.0)
        return Curvature(rows, blocks)


def _identities(count: int, size: int) -> np.ndarray:
    return np.tile(np.eye(size), (count, 1, 1))


def support_model(problem: Problem, units: Units, tol: float, max_iter: int) -> SupportModel:
    """Return the model that suits a problem."""
    if isinstance(problem, LeastSquaresProblem):
        return LeastSquaresModel(problem, units, tol, max_iter)
    if isinstance(problem, GLMProblem):
        return GLMModel(problem, units, tol, max_iter)
    raise TypeError(f"No support model for {type(problem).__name__}.")
