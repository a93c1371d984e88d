"""Models on a given support: their minimum, and second derivatives around it."""

import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sparsestat.penalties import L1
from sparsestat.solvers.composite import Point, SmoothPart
from sparsestat.solvers.problem import GLMProblem, LeastSquaresProblem, Problem
from sparsestat.solvers.prox_newton import NewtonSet
from sparsestat.solvers.quadratic import solve_quadratic
from sparsestat.solvers.tableau import COLLINEAR, inverse_of
from sparsestat.solvers.terms import solve_definite

__all__ = ["Curvature", "Fit", "SupportModel", "Units", "support_model"]

# Hessians are worked out for about so many features at a time.
CHUNK = 32
# Rises of the objective below this, relative to it, are rounding.
FLAT = 1e-14
# After so many Newton steps there may be no minimum.
STEPS = 25
# So many units outside a model have their second derivatives worked out.
LIKELY = 128
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
    """A problem's loss plus l2 term, to be minimised over one support after another.

    Attributes
    ----------
    is_free : bool
        Whether there are no bounds.
    """

    problem: Any

    def __init__(self, problem: Problem, units: Units, tol: float, max_iter: int) -> None:
        self.problem = problem
        self.units = units
        self._tol = tol
        self._max_iter = max_iter
        self._smooth = SmoothPart(problem)
        self._last: tuple[Fit, Point] | None = None
        self._rows = np.empty((32, problem.n_features))
        self._n_rows = 0
        self._places = np.full(problem.n_features, -1)
        self.is_free = bool(np.isinf([problem.lower, problem.upper]).all())

    @abstractmethod
    def fit(self, features: np.ndarray, start: Fit | None, enough: float = math.inf) -> Fit:
        """Minimise over some features, in order, from an earlier fit.

        What is not going to fall below `enough` need not be minimised.
        """

    @abstractmethod
    def curvature(self, fit: Fit, entering: np.ndarray) -> Curvature:
        """Return the second derivatives around a fit, for some units outside it at least."""

    def likely(self, fit: Fit, q: np.ndarray, entering: np.ndarray) -> np.ndarray:
        """Return the units, of some, whose entering is worth a closer look."""
        return entering

    def is_unbounded(self, fit: Fit) -> bool:
        """Tell whether the loss falls for ever as these coefficients grow."""
        return False

    @property
    def curvatures(self) -> np.ndarray:
        """Second derivatives by feature: upper bounds, or those at the null model."""
        return self.problem.curvatures

    def coef(self, fit: Fit) -> np.ndarray:
        """Return the coefficients of all features."""
        coef = np.zeros(self.problem.n_features)
        coef[fit.features] = fit.w
        return coef

    def pull(self, fit: Fit) -> np.ndarray:
        """Return the negative gradient of loss plus l2 term: a pass over the data."""
        return -self._smooth.gradient(self._point(fit))

    def _point(self, fit: Fit) -> Point:
        if self._last is None or self._last[0] is not fit:
            self._last = (fit, self._smooth.point(self.coef(fit), fit.intercept))
        return self._last[1]

    def gram(self, features: np.ndarray) -> np.ndarray:
        """Return rows of the Gram matrix plus the l2 term, each worked out once."""
        places = self._placed(features)  # before the rows are looked up, which it may renew
        return self._rows[places]

    def _placed(self, features: np.ndarray) -> np.ndarray:
        """Return where the rows of some features are, those worked out that are not known."""
        problem = self.problem
        missing = features[self._places[features] < 0]
        if missing.size:
            block = problem.design.block()
            block.append(missing)
            old = self._n_rows
            self._n_rows += missing.size
            if self._n_rows > self._rows.shape[0]:
                rows = np.empty((2 * self._n_rows, problem.n_features))
                rows[:old] = self._rows[:old]
                self._rows = rows
            new = np.arange(old, self._n_rows)
            self._rows[new] = problem.design.gradient(block.dense(np.arange(missing.size)))
            self._rows[new, missing] += problem.l2
            self._places[missing] = new
        return self._places[features]

    @property
    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows worked out so far, and where each feature's is: -1 if it is not."""
        return self._rows, self._places

    def _begin(self, features: np.ndarray, start: Fit | None) -> np.ndarray:
        if start is None:
            return np.zeros(features.size)
        return self.coef(start)[features]


class LeastSquaresModel(SupportModel):
    """Least squares: rows of the Gram matrix are kept, so that fits need no data."""

    def __init__(self, problem: LeastSquaresProblem, *args: Any) -> None:
        super().__init__(problem, *args)
        self._square = 0.5 * float(problem.y @ problem.y) / problem.y.size
        self._blocks: np.ndarray | None = None

    def fit(self, features: np.ndarray, start: Fit | None, enough: float = math.inf) -> Fit:
        problem, c = self.problem, self.problem.gradient_at_zero[features]
        places = self._placed(features)
        H = self._rows[np.ix_(places, features)]
        w = self._begin(features, start)
        q, n_iter = c - H @ w, 0
        settled = False
        if self.is_free and features.size:  # one Newton step is all
            step = solve_definite(H.copy(), q)
            if step is not None:
                w, n_iter = w + step, 1
                q = c - H @ w
                settled = bool(np.abs(q).max() <= self._tol)
        if not settled:
            n_iter += solve_quadratic(
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
        return Fit(features, w, 0.0, self.value(w, c, q), n_iter)

    def value(self, w: np.ndarray, c: np.ndarray, q: np.ndarray) -> float:
        """Return the loss plus l2 term, from negative gradients at zero and at w."""
        return self._square - 0.5 * float(w @ (c + q))

    def pull(self, fit: Fit) -> np.ndarray:
        return self.problem.gradient_at_zero - fit.w @ self.gram(fit.features)

    def curvature(self, fit: Fit, entering: np.ndarray) -> Curvature:
        if self._blocks is None:
            self._blocks = self._within_units()
        return Curvature(self.gram(fit.features), self._blocks)

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
    """A generalised linear model: fits by Newton's method.

    By plain steps where they succeed, and where they do not by those of working sets.
    """

    def __init__(self, problem: GLMProblem, *args: Any) -> None:
        super().__init__(problem, *args)
        self._plain = replace(problem, penalty=L1())
        ridge = BREATH * problem.null_curvature * float(problem.design.norms.max()) ** 2
        self._held = replace(self._plain, l2=problem.l2 + ridge)

    def fit(self, features: np.ndarray, start: Fit | None, enough: float = math.inf) -> Fit:
        if self.is_free and np.ndim(self._plain.null.intercept) == 0:
            start, done = self._newton(features, start, enough)
            if done:
                return start
        active = self._active(self._held, features, start)
        terms = self._held.structure.terms(0.0, features)
        n_iter = active.minimise(terms, self._tol, self._max_iter)
        return Fit(features, active.w, active.intercept, active.smooth().value, n_iter)

    def _newton(self, features, start: Fit | None, enough: float) -> tuple[Fit, bool]:
        """Take Newton steps as long as they succeed; tell whether that was all.

        The intercept takes part in the steps.
        """
        problem, everything = self._held, np.arange(features.size)
        block = problem.design.block()
        block.append(features)
        w, intercept = self._begin(features, start), problem.null.intercept
        if start is not None:
            intercept = start.intercept
        fixed = block.predict(w) + problem.offset
        value = problem.value(fixed + intercept) + 0.5 * problem.l2 * float(w @ w)
        for n_iter in range(min(STEPS, self._max_iter)):
            fit = Fit(features, w, intercept, value, n_iter)
            r, bend = problem.residual(fixed + intercept), problem.bend(fixed + intercept)
            shift = 0.0
            if problem.fit_intercept:
                if float(bend.sum()) <= 1e-100:  # a straight loss has no Newton step
                    return fit, False
                shift = float(r.sum()) / float(bend.sum())
                r -= shift * bend
            q = block.gradient(r) - problem.l2 * w
            if np.abs(q).max(initial=0.0) <= self._tol and abs(shift) <= 1e-9:
                return fit._replace(intercept=problem.at(fixed, intercept).intercept), True
            H = problem.hessian_rows(block, bend, everything, everything[:0])
            H[everything, everything] += problem.l2
            step = solve_definite(H, q) if features.size else q
            if step is None:
                return fit, False
            along = block.predict(step)
            if problem.fit_intercept:
                total = max(float(bend.sum()), np.finfo(np.float64).tiny)
                shift -= float(bend @ along) / total
            fall = 0.5 * float(r @ along) / r.size
            # Where predictors move by less than one the quadratic model is not far off.
            if value - 2.0 * fall > enough and np.abs(along + shift).max() < 1.0:
                return fit, True
            w, fixed, intercept = w + step, fixed + along, intercept + shift
            with np.errstate(over="ignore", invalid="ignore"):
                value = problem.value(fixed + intercept) + 0.5 * problem.l2 * float(w @ w)
            if not value <= fit.value + FLAT * abs(fit.value):
                return fit, False
        return Fit(features, w, intercept, value, STEPS), False

    def is_unbounded(self, fit: Fit) -> bool:
        if self.problem.l2 > 0.0 or not self.problem.is_flat(self._point(fit).eta):
            return False
        active = self._active(self._plain, fit.features, fit)
        return active.is_unbounded(self._plain.structure.terms(0.0, fit.features))

    @property
    def curvatures(self) -> np.ndarray:
        """Second derivatives by feature: upper bounds, or those at the null model."""
        problem = self.problem
        if np.isfinite(problem.curvatures).all():
            return problem.curvatures
        return problem.null_curvature * problem.design.norms**2 + problem.l2

    def _active(self, problem: GLMProblem, features, start: Fit | None) -> NewtonSet:
        active = NewtonSet(problem)
        active.add(features)
        if start is not None:
            active.move(self._begin(features, start))
        return active

    def likely(self, fit: Fit, q: np.ndarray, entering: np.ndarray) -> np.ndarray:
        """Return the units that gain most if all samples bend alike: now, or after another.

        Then second derivatives are those of the Gram matrix times one number. That errs in
        proportion to what leaves, so that the best after each have to be compared.
        """
        if entering.size <= LIKELY:
            return entering
        rows = self.gram(fit.features)
        inverse = inverse_of(rows[:, fit.features])
        T = inverse @ rows
        diagonal = self.problem.design.norms**2 + self.problem.l2
        bend = self._bend(fit)
        schur = np.maximum(diagonal - np.einsum("kp,kp->p", rows, T), COLLINEAR * diagonal)
        V = 1.0 / np.maximum(inverse.diagonal(), np.finfo(np.float64).tiny)
        members = self.units.members[entering]
        count = max(LIKELY // (fit.features.size + 1), 8)
        chosen = np.zeros(entering.size, dtype=bool)
        for pull, left in itertools.chain(
            [(q, schur)],
            (
                (q + bend * v * w * t, schur + v * t * t)
                for t, v, w in zip(T, V, fit.w, strict=True)
            ),
        ):
            gains = np.divide(pull * pull, left, out=np.zeros_like(q), where=left > 0.0)
            worth = np.where(members >= 0, gains[members], 0.0).max(axis=1)
            chosen[np.argpartition(-worth, count)[:count]] = True
        return entering[chosen]

    def _bend(self, fit: Fit) -> float:
        """Return how much the loss bends around a fit, where squared error bends by one."""
        bend = self.problem.bend(self._point(fit).eta)
        if isinstance(bend, np.ndarray):
            return max(float(bend.mean()), np.finfo(np.float64).tiny)
        return self.problem.null_curvature

    def curvature(self, fit: Fit, entering: np.ndarray) -> Curvature:
        problem, members = self._plain, self.units.members
        bend = problem.bend(self._point(fit).eta)
        k, width = fit.features.size, max(CHUNK // members.shape[1], 1)
        rows, blocks = np.zeros((k, problem.n_features)), _identities(*members.shape)
        block = problem.design.block()
        block.append(fit.features)
        held = np.arange(k)
        rows[:, fit.features] = problem.hessian_rows(block, bend, held, np.arange(0))
        for first in range(0, entering.size, width):
            units = entering[first : first + width]
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
