"""Newton's method under linear constraints on the coefficients, on a growing working set.

The loss is replaced by its quadratic model on a working set of features, which
:func:`~sparsestat.solvers.constrained_quadratic.solve_constrained` minimises together with
the penalty under the constraints; a step towards the minimum follows, short enough to lower
the objective. Points stay feasible, since the constraints are linear. Their multipliers nu
take a share of every gradient: features outside the working set are judged by q - A'nu,
with q minus the gradient of loss plus l2 term.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from sparsestat.linalg import GrowingMatrix
from sparsestat.losses import SquaredLoss
from sparsestat.solvers.active_set import Quadratic
from sparsestat.solvers.certificate import certify
from sparsestat.solvers.constrained_quadratic import solve_constrained
from sparsestat.solvers.constraints import LinearConstraints, feasible_point
from sparsestat.solvers.problem import GLMProblem, LeastSquaresProblem, LinearPredictor, Problem
from sparsestat.solvers.quadratic import Assessment, assess
from sparsestat.solvers.result import Smooth, Solution, Status

__all__ = ["ConstrainedSet", "as_glm"]

MIN_GROWTH = 64
# Changes of the objective below this, relative to it, are rounding.
ROUNDING = 1e-14
HALVINGS = 40
# How much of the way to bounds of the loss's second derivatives the model goes, since the
# loss may bend more where a step leads than where it starts. Steps that have to be shorter
# than TOO_FAR, and models not solved after MODEL_ITER iterations, ask for more.
LEAST_DAMPING, MOST_DAMPING = 1e-7, 1.0
TOO_FAR = 0.25
MODEL_ITER = 500
POLISHED = 1e-4
# Iterations before one asks whether there is a minimum at all.
PATIENCE = 100


def as_glm(problem: Problem) -> GLMProblem:
    """Return least squares as the generalised linear model that it is."""
    if isinstance(problem, GLMProblem):
        return problem
    assert isinstance(problem, LeastSquaresProblem)
    terms = {f.name: getattr(problem, f.name) for f in fields(problem)}
    return GLMProblem(**terms, loss=SquaredLoss())


class ConstrainedSet:
    """A problem with its current point, and the features being worked on.

    Parameters
    ----------
    problem : Problem
        With or without constraints.
    coef : ndarray of shape (p,), optional
        Where to start; by default at zero, or at a point that meets the constraints.
    nu : ndarray of shape (m,), optional
        Multipliers to start from.

    Attributes
    ----------
    coef, q : ndarray of shape (p,)
        Coefficients, and negative gradients of loss plus l2 term.
    nu : ndarray of shape (m,)
        Positive for rows held at their upper bounds, negative at the lower ones.

    Raises
    ------
    ValueError
        If no coefficients meet the constraints.
    """

    coef: np.ndarray
    q: np.ndarray

    def __init__(
        self, problem: Problem, coef: np.ndarray | None = None, nu: np.ndarray | None = None
    ) -> None:
        self.problem = glm = as_glm(problem)
        self.rows = glm.constraints or LinearConstraints.none(glm.n_features)
        self.kept = np.flatnonzero(np.isfinite(glm.weights))
        self.nu = np.zeros(self.rows.lower.size) if nu is None else nu.copy()
        self._block = glm.design.block()
        self._features = np.empty(0, dtype=np.intp)
        self._forget(None)
        self._damping = LEAST_DAMPING
        # On the first working set there has to be a point that meets the constraints.
        kept = np.isfinite(glm.weights)
        meeting = feasible_point(self.rows, kept, glm.lower, glm.upper)
        if meeting is None:
            raise ValueError("constraints cannot be met by features that are not excluded.")
        coef = meeting if coef is None else np.clip(coef, glm.lower, glm.upper)
        self._move(np.where(kept, coef, 0.0), glm.null.intercept)
        first = (coef != 0.0) | (meeting != 0.0) | (glm.weights == 0.0)
        self._admit(np.flatnonzero(first & kept))

    def solve(
        self, alpha: float, scale: float, tol: float, max_iter: int, *, polish: bool = False
    ) -> Solution:
        """Solve at one strength from the present point.

        With `polish` at least one step is taken, to far less than `tol`.
        """
        n_iter, limit = 0, tol * scale
        while True:
            now = self._assess(alpha)
            met = not self.rows.excess(self.coef, self.nu).any()
            done = met and now.violation.max(initial=0.0) <= limit and not polish
            if done or n_iter >= max_iter:
                break
            grown = self._enter(now.violation)
            inner = (POLISHED if polish else 0.5) * limit
            used, length = self._step(alpha, inner, max_iter - n_iter)
            polish = False
            n_iter += max(used, 1)
            if length == 0.0 and not grown and self._damping == MOST_DAMPING:
                break  # as good as rounding lets it be
            if n_iter > PATIENCE and self._is_unbounded(alpha):
                break
            self._damp(length)
        solution = self._certified(alpha, scale, tol, n_iter)
        self._prune()
        return solution

    def _move(self, coef: np.ndarray, intercept: Any) -> None:
        problem = self.problem
        fixed = problem.design.predict(coef) + problem.offset
        self.coef, self._predictor = coef, problem.at(fixed, intercept)
        self._value = self._loss(coef, self._predictor)
        self.q = problem.design.gradient(self._predictor.residual) - problem.l2 * coef

    def _loss(self, coef: np.ndarray, predictor: LinearPredictor) -> float:
        """Return the loss plus the l2 term."""
        ridge = 0.5 * self.problem.l2 * float(coef @ coef)
        return self.problem.value(predictor.eta) + ridge

    def _penalty(self, alpha: float, coef: np.ndarray) -> float:
        used = np.flatnonzero(coef)
        strengths = self.problem.strengths(alpha, used)
        return float(self.problem.penalty.value(coef[used], strengths).sum())

    def _admit(self, features: np.ndarray) -> None:
        """Take features into the working set."""
        features = np.setdiff1d(features, self._features)
        if features.size:
            self._block.append(features)
            self._features = np.concatenate([self._features, features])

    def _enter(self, violation: np.ndarray) -> bool:
        """Admit the features that violate most; tell whether there are any."""
        room = max(MIN_GROWTH, int(np.count_nonzero(self.coef)))
        outside = np.where(np.isin(self.kept, self._features), 0.0, violation)
        entering = np.flatnonzero(outside)
        if entering.size > room:
            entering = entering[np.argpartition(outside[entering], -room)[-room:]]
        self._admit(self.kept[entering])
        return bool(entering.size)

    def _prune(self) -> None:
        """Drop zero coefficients when they have become the bulk of the working set."""
        used = self.coef[self._features] != 0.0
        if self._features.size > max(2 * MIN_GROWTH, 3 * int(used.sum())):
            used |= self.problem.weights[self._features] == 0.0
            positions = np.flatnonzero(used)
            self._block.keep(positions)
            self._hessian.keep(positions[positions < self._hessian.size])
            self._features = self._features[positions]

    def _assess(self, alpha: float) -> Assessment:
        problem, kept = self.problem, self.kept
        return assess(
            problem.penalty.parameters,
            (self.q - self.nu @ self.rows.A)[kept],
            self.coef[kept],
            problem.strengths(alpha, kept),
            problem.curvatures[kept],
            problem.lower[kept],
            problem.upper[kept],
        )

    def _step(self, alpha: float, tol: float, max_iter: int) -> tuple[int, float]:
        """Step towards the minimum of the quadratic model; return how far, 0 to 1."""
        problem, features = self.problem, self._features
        w, q, nu = self.coef[features], self.q[features], self.nu.copy()
        quadratic = Quadratic(
            problem.penalty.parameters,
            self._model(),
            problem.strengths(alpha, features),
            problem.lower[features],
            problem.upper[features],
            self.rows.take(features),
        )
        exact = self._damping == MOST_DAMPING
        n_iter = solve_constrained(
            quadratic, q, w, nu, tol, max_iter if exact else min(max_iter, MODEL_ITER)
        )
        if not exact and not quadratic.solved(q, w, nu, tol):
            return n_iter, 0.0
        direction = np.zeros(problem.n_features)
        direction[features] = w - self.coef[features]
        return n_iter, self._search(alpha, direction, nu - self.nu)

    def _search(self, alpha: float, direction: np.ndarray, change: np.ndarray) -> float:
        """Go along a direction as far as lowers the objective, to the end if infeasible."""
        if not (direction.any() or change.any()):
            return 0.0
        problem = self.problem
        now = self._value + self._penalty(alpha, self.coef)
        feasible = not self.rows.excess(self.coef, np.zeros(self.nu.size)).any()
        along = problem.design.predict(direction)
        for length in 0.5 ** np.arange(HALVINGS):
            coef = self.coef + length * direction
            fixed = self._predictor.fixed + length * along
            predictor = problem.at(fixed, self._predictor.intercept)
            after = self._loss(coef, predictor) + self._penalty(alpha, coef)
            if after <= now + ROUNDING * abs(now) or (not feasible and np.isfinite(after)):
                self._move(coef, predictor.intercept)
                self.nu = self.nu + length * change
                return float(length)
        return 0.0

    def _damp(self, length: float) -> None:
        """Let the model bend more if it has led too far, less if not."""
        if length == 1.0:
            self._damping = max(0.1 * self._damping, LEAST_DAMPING)
        elif length < TOO_FAR:
            factor = 10.0 if length > 0.0 else 100.0
            self._damping = min(factor * self._damping, MOST_DAMPING)

    def _model(self) -> np.ndarray:
        """Return the Hessian of the model, as much as possible of it from before."""
        eta = self._predictor.eta
        bend = self.problem.bend(eta)
        if isinstance(bend, np.ndarray):
            most = self.problem.bend_bound(eta)
            if np.array_equal(bend, most):
                self._damping = MOST_DAMPING
            bend = bend + self._damping * (most - bend)
        if not (isinstance(bend, np.ndarray) and np.array_equal(bend, self._bend)):
            self._forget(bend)
        held, size = self._hessian.size, self._features.size
        if held < size:
            new, old = np.arange(held, size), np.arange(held)
            rows = self.problem.hessian_rows(self._block, bend, new, old)
            self._hessian.extend(rows, self.problem.l2)
        return self._hessian.values

    def _forget(self, bend: Any) -> None:
        """Give up the Hessian, for one with other second derivatives of the loss."""
        self._bend = bend
        self._hessian = GrowingMatrix()

    def _certified(self, alpha: float, scale: float, tol: float, n_iter: int) -> Solution:
        problem, coef, nu, kept = self.problem, self.coef, self.nu, self.kept
        slack = self.rows.support(nu) - float(nu @ (self.rows.A @ coef))
        ridge, eta = 0.5 * problem.l2 * float(coef @ coef), self._predictor.eta
        solution = certify(
            problem,
            alpha,
            features=kept,
            w=coef[kept],
            q=(self.q - nu @ self.rows.A)[kept],
            smooth=Smooth(
                self._value,
                lambda s: problem.excess(eta, s) + (1.0 - s) ** 2 * ridge + s * slack,
            ),
            scale=scale,
            tol=tol,
            n_iter=n_iter,
            intercept=self._predictor.intercept,
        )
        off = self.rows.infeasibility(coef, nu)
        if off > 0.0:
            violation = max(solution.kkt_violation, off)
            solution = replace(solution, kkt_violation=violation, dual_gap=np.nan)
        if self._is_unbounded(alpha):
            return replace(solution, status=Status.UNBOUNDED)
        if solution.kkt_violation > tol:
            return replace(solution, status=Status.MAX_ITER)
        return solution

    def _is_unbounded(self, alpha: float) -> bool:
        """Tell whether unpenalised coefficients can grow for ever, the objective falling."""
        problem, eta = self.problem, self._predictor.eta
        if problem.l2 > 0.0 or not problem.is_flat(eta):
            return False
        along = np.zeros(problem.n_features)
        along[self.kept] = np.where(self._assess(alpha).slope == 0.0, self.coef[self.kept], 0.0)
        if not self.rows.allow_for_ever(along):
            return False
        constant = eta - self._predictor.fixed
        return bool(problem.recedes(eta, problem.design.predict(along) + constant))
