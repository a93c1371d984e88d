"""Paths for generalised linear models: quadratic models of the loss, minimised in turn.

On the working set the loss is replaced by its quadratic model, which the solver of least
squares minimises together with the penalty; a step towards the minimum follows, short
enough to lower the objective. The intercept is profiled out of the model as it is out of
the loss. A Hessian is used again, at this strength and the next, as long as steps with it
bring the violation down fast; it only decides how fast, not where the steps lead.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sparsestat.linalg import GrowingMatrix, submatrix
from sparsestat.penalties import Penalty
from sparsestat.penalties.scalar import bounded_prox
from sparsestat.solvers.problem import GLMProblem, LinearPredictor
from sparsestat.solvers.quadratic import newton_direction
from sparsestat.solvers.result import Smooth, Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.terms import Terms, minimise_quadratic
from sparsestat.solvers.working_set import WorkingSet, follow

__all__ = ["PROX_NEWTON"]

# A step with an old Hessian must bring the violation down at least so much.
FAST = 0.25
# Models need not be minimised better than what the step will leave of the violation.
INEXACT = 0.1
MODEL_ITER = 200
# Changes of the objective below this, relative to it or to the null model's, are rounding.
ROUNDING = 1e-14
# Where a solution takes its samples no further, a Newton step moves predictors less.
SETTLED = 0.5


class NewtonSet(WorkingSet):
    """The working set of a generalised linear model.

    Holds the Hessian at some point, of those features that have mattered since.
    """

    def __init__(self, problem: GLMProblem) -> None:
        super().__init__(problem)
        self._take(problem.null)
        self._unit = abs(self._value)
        self._forget()

    def _forget(self, reference: Any = None) -> None:
        """Give up the Hessian, for one with other second derivatives of the loss if any."""
        self._reference = reference
        self._hessian = GrowingMatrix()
        self._held = np.empty(0, dtype=np.intp)  # positions in the set

    def _take(self, predictor: LinearPredictor) -> None:
        self._predictor = predictor
        self.residual = predictor.residual
        self.intercept = predictor.intercept
        self._value = self.problem.value(predictor.eta)

    def keep(self, positions: np.ndarray) -> None:
        places = np.full(self.features.size, -1)
        places[positions] = np.arange(positions.size)
        super().keep(positions)
        kept = np.flatnonzero(places[self._held] >= 0)
        self._hessian.keep(kept)
        self._held = places[self._held[kept]]

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

    def minimise(self, terms: Terms, tol: float, max_iter: int) -> int:
        n_iter = 0
        violation = self._assess(self.w, terms).violation
        while (worst := violation.max(initial=0.0)) > tol and n_iter < max_iter:
            fresh = self._reference is None
            matter = terms.matter(self.w, violation)
            inner = max(INEXACT * worst, 0.5 * tol)
            used, moved = self._step(matter, terms, terms, inner, max_iter - n_iter)
            n_iter += max(used, 1)
            if fresh and not moved:
                used, moved = self._careful_step(matter, terms, inner, max_iter - n_iter)
                n_iter += used
            violation = self._assess(self.w, terms).violation
            if violation.max() > FAST * worst:
                if fresh and not moved:
                    break
                self._forget()
        return n_iter

    def _careful_step(self, matter, terms, tol, max_iter) -> tuple[int, bool]:
        """Step where the model misleads: beyond a hill, or far out where the loss is flat.

        First by the tangents of a concave penalty, which majorise it. Then with bounds of
        the curvatures of the loss as well, so that the whole model majorises the objective.
        """
        model, n_iter = terms, 0
        if not self.problem.penalty.convex:
            model = terms.tangent(self._assess(self.w, terms))
            n_iter, moved = self._step(matter, model, terms, tol, max_iter)
            if moved:
                return n_iter, True
        self._forget(self.problem.bend_bound(self._predictor.eta))
        more, moved = self._step(matter, model, terms, tol, max_iter - n_iter)
        self._forget()
        if not moved and self.problem.penalty.jumps:
            moved = self._jump(terms)
        return n_iter + more, moved

    def _jump(self, terms: Any) -> bool:
        """Move the coefficient that violates most to where its proximal operator has it.

        That lowers the objective, since the curvature there bounds that of the loss.
        """
        k = int(self._assess(self.w, terms).violation.argmax())
        feature, penalty = self.features[k], self.problem.penalty
        curvature = self.problem.curvatures[feature]
        if curvature <= 0.0:
            return False
        z = self.w[k] + self.q[k] / curvature
        strength = terms.strengths[k]
        bounds = (self.problem.lower[feature], self.problem.upper[feature])
        direction = np.zeros(self.w.size)
        end = bounded_prox(penalty, z, 1.0 / curvature, strength, *bounds)
        direction[k] = end - self.w[k]
        return self._search(direction, terms)

    def _step(self, matter, model, terms, tol, max_iter) -> tuple[int, bool]:
        """Step towards the minimum of the quadratic model plus the terms of a model.

        Only the features that matter may change. Returns the iterations that took, and
        whether the objective fell.
        """
        w, q = self.w[matter], self.q[matter]
        n_iter = minimise_quadratic(
            model.among(matter),
            self._hessian_of(matter),
            q,
            w,
            tol,
            min(max_iter, MODEL_ITER),
        )
        direction = np.zeros(self.w.size)
        direction[matter] = w - self.w[matter]
        return n_iter, self._search(direction, terms)

    def _search(self, direction: np.ndarray, terms: Terms) -> bool:
        """Go along a direction as far as lowers the objective, if at all."""
        if not direction.any():
            return False
        now = self._objective(self._value, self.w, terms)
        along = self.block.predict(direction)
        # Where predictors move by less than one the quadratic model is not far off.
        halvings = max(8, 3 + math.ceil(math.log2(max(np.abs(along).max(), 1.0))))
        for length in 0.5 ** np.arange(float(halvings)):
            w = self.w + length * direction
            fixed = self._predictor.fixed + length * along
            with np.errstate(over="ignore", invalid="ignore"):  # a step may be far too long
                predictor = self.problem.at(fixed, self.intercept)
                after = self._objective(self.problem.value(predictor.eta), w, terms)
            if after <= now + ROUNDING * max(abs(now), self._unit):
                self._accept(w, predictor)
                return True
        return False

    def _objective(self, value: float, w: np.ndarray, terms: Terms) -> float:
        ridge = 0.5 * self.problem.l2 * (w @ w)
        return value + ridge + self._assess(w, terms).value

    def _assess(self, w: np.ndarray, terms: Terms) -> Any:
        return terms.assess(self.q, w, self.problem.curvatures[self.features])

    def _hessian_of(self, matter: np.ndarray) -> np.ndarray:
        """Return the Hessian over some features: worked out anew if it was given up."""
        if self._reference is None:
            self._forget(self.problem.bend(self._predictor.eta))
        places = np.full(self.features.size, -1)
        places[self._held] = np.arange(self._held.size)
        new = matter[places[matter] < 0]
        if new.size:
            rows = self.problem.hessian_rows(self.block, self._reference, new, self._held)
            places[new] = np.arange(self._held.size, self._held.size + new.size)
            self._held = np.concatenate([self._held, new])
            self._hessian.extend(rows, self.problem.l2)
        return submatrix(self._hessian.values, places[matter])

    def is_unbounded(self, terms: Terms) -> bool:
        """Tell whether coefficients can grow for ever, the objective falling.

        Only those can that no penalty holds, where the loss has become flat. Then the
        gradient is small and Newton steps are not: each takes the linear predictors as far
        as the one before, in a direction in which no sample loses.
        """
        problem, eta = self.problem, self._predictor.eta
        if not problem.is_flat(eta):
            return False
        if any(problem.recedes(eta, along) for along in problem.endless_directions(eta)):
            return True  # no response but the lowest, or the highest, that there can be
        free = terms.adrift(self.w, self._assess(self.w, terms))
        if free.size == 0 or problem.l2 > 0.0:
            return False
        direction = np.zeros(self.w.size)
        direction[free] = self.w[free]
        constant = eta - self._predictor.fixed
        if problem.recedes(eta, self.block.predict(direction) + constant):
            return True  # the classes are separated already
        self._forget()  # the Hessian has to be that of this point
        step = newton_direction(self._hessian_of(free), np.zeros(free.size), self.q[free])
        if step is None:
            return True
        direction[free] = step
        along = problem.without_intercept(eta, self.block.predict(direction))
        return float(np.abs(along).max()) > SETTLED and problem.recedes(eta, along)


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


def _refuses(problem: Any) -> str | None:
    if not isinstance(problem, GLMProblem):
        return "squared error has solvers of its own."
    loss, penalty = problem.loss, problem.penalty
    if not isinstance(penalty, Penalty):
        return f"it takes penalties on single coefficients, not {penalty}."
    if not loss.smooth:
        return f"it takes smooth losses, and {loss} has a kink."
    if penalty.jumps and (
        math.isinf(loss.bound)
        if penalty.scale_free  # its shape is that of the loss
        else not np.isfinite(problem.curvatures).all()
    ):
        return (
            f"when a coefficient leaves zero depends, for {penalty}, on the curvature of the "
            f"loss, and that of {loss} has no bound."
        )
    return problem.without_columns


PROX_NEWTON = Solver(prox_newton_path, _refuses)
