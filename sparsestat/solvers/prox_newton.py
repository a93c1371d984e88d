"""Paths for generalised linear models: quadratic models of the loss, minimised in turn.

On the working set the loss is replaced by its quadratic model, which the solver of least
squares minimises together with the penalty; a step towards the minimum follows, short
enough to lower the objective. The intercept is profiled out of the model as it is out of
the loss. A Hessian is used again, at this strength and the next, as long as steps with it
bring the violation down fast; it only decides how fast, not where the steps lead.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from sparsestat.penalties import L1
from sparsestat.solvers.problem import GLMProblem, LinearPredictor
from sparsestat.solvers.quadratic import (
    Assessment,
    assess,
    newton_direction,
    solve_quadratic,
    submatrix,
)
from sparsestat.solvers.result import Smooth, Solution
from sparsestat.solvers.working_set import WorkingSet, follow

__all__ = ["prox_newton_path"]

# A step with an old Hessian must bring the violation down at least so much.
FAST = 0.25
# Models need not be minimised better than what the step will leave of the violation.
INEXACT = 0.1
MODEL_ITER = 200
LENGTHS = 0.5 ** np.arange(8.0)
# Changes of the objective below this, relative to it, are rounding.
ROUNDING = 1e-14
# Where a solution takes its samples no further, a Newton step moves predictors less.
SETTLED = 0.5


class NewtonSet(WorkingSet):
    """The working set of a generalised linear model, with the Hessian at some point."""

    def __init__(self, problem: GLMProblem) -> None:
        super().__init__(problem)
        self._take(problem.null)
        self._reference: np.ndarray | None = None  # second derivatives in the Hessian
        self._sums = np.empty(0)  # X'reference / n, of the features in the Hessian

    def _take(self, predictor: LinearPredictor) -> None:
        self._predictor = predictor
        self.residual = predictor.residual
        self.intercept = predictor.intercept
        self._value = self.problem.value(predictor.eta)

    def keep(self, positions: np.ndarray) -> None:
        super().keep(positions)
        self._sums = self._sums[positions[positions < self._sums.size]]

    def move(self, w: np.ndarray) -> None:
        fixed = self.block.predict(w) + self.problem.offset
        self._accept(w, self.problem.at(fixed, self.intercept))

    def _accept(self, w: np.ndarray, predictor: LinearPredictor) -> None:
        self._take(predictor)
        self.w = w
        self.q = self.block.gradient(self.residual) - self.problem.l2 * w

    def smooth(self) -> Smooth:
        ridge = 0.5 * self.problem.l2 * (self.w @ self.w)
        eta = self._predictor.eta
        return Smooth(
            self._value + ridge,
            lambda share: self.problem.excess(eta, share) + (1.0 - share) ** 2 * ridge,
        )

    def minimise(self, strengths: np.ndarray, tol: float, max_iter: int) -> int:
        penalty = self.problem.penalty
        n_iter = 0
        worst = self._assess(self.w, strengths).violation.max(initial=0.0)
        while worst > tol and n_iter < max_iter:
            fresh = self._reference is None
            inner = max(INEXACT * worst, 0.5 * tol)
            used, moved = self._step(penalty, strengths, strengths, inner, max_iter - n_iter)
            n_iter += max(used, 1)
            if fresh and not moved:
                used, moved = self._careful_step(strengths, inner, max_iter - n_iter)
                n_iter += used
            before, worst = worst, self._assess(self.w, strengths).violation.max()
            if worst > FAST * before:
                if fresh and not moved:
                    break
                self._reference = None
        return n_iter

    def _careful_step(self, strengths, tol, max_iter) -> tuple[int, bool]:
        """Step where the model misleads: beyond a hill, or far out where the loss is flat.

        First by the tangents of a concave penalty, which majorise it; infinite slopes hold
        coefficients at zero. Then with bounds of the curvatures of the loss as well, so
        that the whole model majorises the objective.
        """
        penalty, model_strengths, n_iter = self.problem.penalty, strengths, 0
        if not penalty.convex:
            slopes = self._assess(self.w, strengths).slope
            penalty, model_strengths = L1(), np.nan_to_num(slopes, posinf=1e300)
            n_iter, moved = self._step(penalty, model_strengths, strengths, tol, max_iter)
            if moved:
                return n_iter, True
        self._reference, self._sums = self.problem.curvature_bound, np.empty(0)
        more, moved = self._step(penalty, model_strengths, strengths, tol, max_iter - n_iter)
        self._reference = None
        return n_iter + more, moved

    def _step(self, penalty, model_strengths, strengths, tol, max_iter) -> tuple[int, bool]:
        """Step towards the minimum of the quadratic model plus a penalty.

        Returns the iterations that took, and whether the objective fell.
        """
        w, q = self.w.copy(), self.q.copy()
        n_iter = solve_quadratic(
            penalty.parameters,
            self._ready_hessian(),
            q,
            w,
            model_strengths,
            self.problem.positive,
            tol,
            min(max_iter, MODEL_ITER),
        )
        return n_iter, self._search(w - self.w, strengths)

    def _search(self, direction: np.ndarray, strengths: np.ndarray) -> bool:
        """Go along a direction as far as lowers the objective, if at all."""
        if not direction.any():
            return False
        now = self._objective(self._value, self.w, strengths)
        along = self.block.predict(direction)
        for length in LENGTHS:
            w = self.w + length * direction
            fixed = self._predictor.fixed + length * along
            predictor = self.problem.at(fixed, self.intercept)
            after = self._objective(self.problem.value(predictor.eta), w, strengths)
            if after <= now + ROUNDING * abs(now):
                self._accept(w, predictor)
                return True
        return False

    def _objective(self, value: float, w: np.ndarray, strengths: np.ndarray) -> float:
        ridge = 0.5 * self.problem.l2 * (w @ w)
        return value + ridge + self._assess(w, strengths).value

    def _assess(self, w: np.ndarray, strengths: np.ndarray) -> Assessment:
        problem = self.problem
        curvatures = problem.curvatures[self.features]
        parameters = problem.penalty.parameters
        return assess(parameters, self.q, w, strengths, curvatures, problem.positive)

    def _ready_hessian(self) -> np.ndarray:
        """Return the Hessian: worked out anew if it was given up, else only extended."""
        if self._reference is None:
            self._reference = self.problem.curvature(self._predictor.eta)
            self._sums = np.empty(0)
        d, known = self._reference, self._sums.size
        if known < self.features.size:
            rows, sums = self.block.weighted_gram(d, known)
            self._sums = np.concatenate([self._sums, sums])
            self.extend_hessian(known, self.problem.profile(d, rows, sums, self._sums))
        return self.hessian

    def is_unbounded(self, strengths: np.ndarray) -> bool:
        """Tell whether coefficients can grow for ever, the objective falling.

        They can only where no penalty holds them and the loss has become flat. Then the
        gradient is small and Newton steps are not: each takes the linear predictors as
        far as the one before.
        """
        support = np.flatnonzero(self.w)
        if support.size == 0 or self.problem.l2 > 0.0:
            return False
        flat = not self._assess(self.w, strengths).slope[support].any()
        d = self.problem.curvature(self._predictor.eta)
        if not flat or d.min() > 1e-4 * self.problem.loss.bound:
            return False
        self._reference = None
        H = submatrix(self._ready_hessian(), support)
        step = newton_direction(H, np.zeros(support.size), self.q[support])
        if step is None:
            return True
        direction = np.zeros(self.w.size)
        direction[support] = step
        along = self.block.predict(direction)
        if self.problem.fit_intercept:
            along -= (d @ along) / max(d.sum(), np.finfo(float).tiny)
        return bool(np.abs(along).max() > SETTLED)


def prox_newton_path(
    problem: GLMProblem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a generalised linear model at one strength after another.

    Parameters and yields as :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    active = NewtonSet(problem)
    return follow(active, alphas, scale=scale, tol=tol, max_iter=max_iter, start=start)
