"""Paths for quantile regression, exact at every strength.

On the working set the loss and a model of the penalty are minimised to the vertex
(:class:`~sparsestat.solvers.vertex.Vertex`). Penalties that are piecewise linear or
quadratic up to a kink at zero, as the lasso and the elastic net, are their own model.
Others are replaced by their tangents at the last coefficients, which majorise concave
ones; as there are finitely many vertices, that ends at a stationary point after finitely
many of these models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import norm

from sparsestat.losses.quantile import lower_quantile
from sparsestat.penalties import Penalty
from sparsestat.solvers.piece import VANISHING, Kinks
from sparsestat.solvers.problem import GLMProblem, LinearPredictor
from sparsestat.solvers.quadratic import Assessment, assess
from sparsestat.solvers.result import Smooth, Solution, Status
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.vertex import Vertex
from sparsestat.solvers.working_set import WorkingSet, follow

__all__ = ["QUANTILE", "QuantileProblem"]

# Violations at resting coefficients are brought down to this, relative to tol.
EXACT = 1e-3
# Changes of the objective below this, relative to it, are rounding; so many end the search.
ROUNDING = 1e-13
IDLE = 5
# Violations that a model leaves more than this share of call for second derivatives.
SLOW = 0.1
NULL_ITER = 100_000
# Residuals below this, relative to those of the null model, are those of fitted samples.
SMOOTH = 1e-9


@dataclass(frozen=True)
class QuantileProblem(GLMProblem):
    """Penalised quantile regression.

    As :class:`GLMProblem` with a :class:`~sparsestat.losses.QuantileLoss`. Where residuals
    vanish the loss has many slopes, and the gradient of the objective is a set. At the null
    model all samples at the quantile take the same share of their range, so that the slopes
    add up to zero; with ties, other choices may have smaller gradients: alpha_max is then an
    upper bound of the strength at which the first coefficient enters.
    """

    @cached_property
    def shares(self) -> np.ndarray:
        """The weights of the samples, with sum 1."""
        return self._weighted(np.full(self.y.size, 1.0 / self.y.size))

    @property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """The ranges of the slopes of the weighted losses over n, in the residuals."""
        return self.shares * (self.loss.quantile - 1.0), self.shares * self.loss.quantile

    @cached_property
    def unit(self) -> float:
        """The typical size of residuals at the null model."""
        size = np.abs(self.y - self.null.eta)
        return float(np.median(size)) or float(size.mean()) or 1.0

    @cached_property
    def null_curvature(self) -> float:
        """The density of the residuals at zero, at the null model.

        The expectation of the loss has this second derivative along a column of mean square
        one: to penalties that adapt to the loss it is what a curvature is for smooth ones
        (our choice). Estimated by the difference quotient of two quantiles, Bofinger's
        bandwidth apart.
        """
        t = self.loss.quantile
        z = float(norm.ppf(t))
        width = (4.5 * norm.pdf(z) ** 4 / (2.0 * z * z + 1.0) ** 2 / self.y.size) ** 0.2
        ends = (max(t - width, 0.5 * t), min(t + width, 0.5 * (1.0 + t)))
        low, high = (self.y - self.null.eta)[
            [lower_quantile(self.y - self.null.eta, self.shares, end) for end in ends]
        ]
        return float((ends[1] - ends[0]) / max(high - low, SMOOTH * self.unit))

    @cached_property
    def curvatures(self) -> np.ndarray:
        """The second derivatives of the l2 term: the loss has none where it is smooth."""
        return np.full(self.n_features, float(self.l2))

    def bend(self, eta: np.ndarray) -> np.ndarray:
        """Return the weighted second derivatives, those of the loss smoothed very little.

        With them degrees of freedom are the number of samples that are fitted exactly.
        """
        fitted = np.abs(self.y - eta) <= SMOOTH * self.unit
        return self._weighted(np.where(fitted, 0.5 / (SMOOTH * self.unit), 0.0))

    def at(self, fixed: np.ndarray, intercept: float) -> LinearPredictor:
        """Return the linear predictor at X b + offset = `fixed` with the best intercept."""
        if self.fit_intercept:
            intercept = self.loss.shift(self.y, self.shares, fixed, 0.0)
        eta = fixed + intercept
        r = self.y - eta
        tied = np.abs(r) <= VANISHING * np.abs(r).mean()
        low, high = self.slopes
        u = np.where(r > 0.0, high, low)
        u[tied] = 0.0
        if self.fit_intercept:  # the slopes have to add up to zero
            share = -u.sum() / (high - low)[tied].sum()
            u[tied] = np.clip(share * (high - low), low, high)[tied]
        return LinearPredictor(fixed, intercept, eta, u.size * u)

    def gradient(self, coef: np.ndarray, intercept: float) -> np.ndarray:
        """Return minus the gradient of the loss at a null model.

        That is where the coefficients that are not zero, and the intercept, are the best
        ones without a penalty; of all slopes that the samples with residual zero leave to
        choose from, those are taken that prove it.
        """
        support = np.flatnonzero(coef)
        block = self.design.block()
        vertex = self.vertex(block)
        block.append(support)
        vertex.add(self.lower[support], self.upper[support], self.design.norms[support])
        vertex.put(np.append(intercept, coef[support]))
        zeros = np.zeros(1 + support.size)
        bend = np.append(0.0, np.full(support.size, float(self.l2)))
        vertex.solve(Kinks(zeros, zeros, bend), self.rounding, NULL_ITER)
        return self.design.gradient(self.y.size * vertex.slopes()[0])

    def vertex(self, block: Any) -> Vertex:
        """Return the vertex without coefficients, for a block that is empty as yet."""
        return Vertex(
            block,
            self.y - self.offset,
            *self.slopes,
            fit_intercept=self.fit_intercept,
            unit=self.unit,
        )

    @cached_property
    def rounding(self) -> float:
        """What gradients that vanish can be because of rounding."""
        return 1e-14 * float(np.abs(self.gradient_at_zero).max(initial=0.0))


class QuantileSet(WorkingSet):
    """The working set of quantile regression: a vertex, of its features.

    Attributes
    ----------
    imbalance : float
        How far the intercept is from stationary; 0 at the end of a search.
    """

    imbalance = 0.0

    def __init__(self, problem: QuantileProblem) -> None:
        super().__init__(problem)
        self.residual = problem.null.residual
        self.intercept = problem.null.intercept
        self._moved = False  # since the multipliers were worked out
        self._vertex = problem.vertex(self.block)

    def add(self, features: np.ndarray) -> None:
        super().add(features)
        problem = self.problem
        norms = problem.design.norms[features]
        self._vertex.add(problem.lower[features], problem.upper[features], norms)

    def keep(self, positions: np.ndarray) -> None:
        super().keep(positions)
        self._vertex.keep(positions)

    def move(self, w: np.ndarray) -> None:
        self._vertex.put(np.append(self.intercept, w))
        self._take()
        self._moved = True

    def _take(self) -> None:
        vertex = self._vertex
        coef = vertex.coef
        self.intercept, self.w = float(coef[0]), coef[1:]
        slopes, self.imbalance = vertex.slopes()
        self.residual = self.problem.y.size * slopes
        self.q = self.block.gradient(self.residual) - self.problem.l2 * self.w

    @property
    def _eta(self) -> np.ndarray:
        return self.block.predict(self.w) + self.problem.offset + self.intercept

    def smooth(self) -> Smooth:
        problem, eta = self.problem, self._eta
        value, ridge = problem.value(eta), 0.5 * problem.l2 * (self.w @ self.w)
        # Before the end slopes need not be those of the residuals' signs.
        product = float(self.residual @ (problem.y - eta)) / eta.size
        return Smooth(
            value + ridge,
            lambda share: value - share * product + (1.0 - share) ** 2 * ridge,
        )

    def minimise(self, terms: Any, tol: float, max_iter: int) -> int:
        n_iter, damping, idle = 0, 0.0, 0
        strengths = terms.strengths
        exact = max(EXACT * tol, self.problem.rounding)
        now = self._assess(strengths)
        if self._moved:
            self._vertex.solve(self._kinks(strengths, now, 0.0), tol, 0)
            self._take()
            now, self._moved = self._assess(strengths), False
        value, worst = self.smooth().value + now.value, self._worst(now)
        while worst > tol and n_iter < max_iter and idle < IDLE:
            w = self.w
            kinks = self._kinks(strengths, now, damping)
            n_iter += max(self._vertex.solve(kinks, exact, max_iter - n_iter), 1)
            self._take()
            after = self._assess(strengths)
            fall = value - (self.smooth().value + after.value)
            rounding = ROUNDING * max(abs(value), self.problem.unit)
            if fall >= -rounding or n_iter >= max_iter or (self.w == w).all():
                damping = 0.25 * damping if damping > now.curvature.max() else 0.0
                now, value, before = after, value - fall, worst
                worst = self._worst(now)
                idle = idle + 1 if abs(fall) <= rounding and worst > 0.9 * before else 0
                if SLOW * before < worst and tol < worst:
                    now, value = self._leap(strengths, now, value)
            else:  # the model has misled: go back, and stay closer
                reach = np.abs(self.w - w).max()
                damping = max(4.0 * damping, now.slope.max() / reach)
                self.move(w)
        return n_iter

    def _leap(self, strengths, now, value) -> tuple[Assessment, float]:
        """Take a Newton step within the piece, if it lowers the objective.

        Where l2 and tied samples outweigh a concave penalty only together, models that
        majorise it converge slowly.
        """
        pull = np.where(self.w != 0.0, self.q - np.sign(self.w) * now.slope, 0.0)
        bend = now.curvature + self.problem.l2
        coef = self._vertex.newton(np.append(0.0, bend), np.append(0.0, pull))
        if coef is None:
            return now, value
        state = self.w, self.intercept
        self.w, self.intercept = coef[1:], float(coef[0])
        there = self._assess(strengths)
        after = self.smooth().value + there.value
        if after >= value:
            self.w, self.intercept = state
            return now, value
        self._vertex.place(coef)
        return there, after

    def _worst(self, now: Assessment) -> float:
        return max(float(now.violation.max(initial=0.0)), abs(self.imbalance))

    def _assess(self, strengths: np.ndarray) -> Assessment:
        problem = self.problem
        bounds = (problem.lower[self.features], problem.upper[self.features])
        curvatures = problem.curvatures[self.features]
        parameters = problem.penalty.parameters
        return assess(parameters, self.q, self.w, strengths, curvatures, *bounds)

    def _kinks(self, strengths: np.ndarray, now: Assessment, damping: float) -> Kinks:
        """Return a convex model of penalty and l2 term, its slopes right at the present w.

        Concave pieces are replaced by their tangents, as far as l2 does not outweigh them.
        What a convex piece would do to the kink at zero is a linear term instead.
        """
        l2 = self.problem.l2
        bend = np.maximum(now.curvature, -l2) + damping
        slope = now.slope - bend * np.abs(self.w)
        kink = np.clip(slope, 0.0, self.problem.penalty.limit(strengths, l2))
        tilt = np.sign(self.w) * (slope - kink)
        return Kinks(*(np.append(0.0, part) for part in (kink, tilt, bend + l2)))


def quantile_path(
    problem: QuantileProblem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve quantile regression at one strength after another.

    Parameters and yields as :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    active = QuantileSet(problem)
    for solution in follow(
        active, alphas, scale=scale, tol=tol, max_iter=max_iter, start=start
    ):
        violation = abs(active.imbalance) / scale
        if violation > solution.kkt_violation:
            status = solution.status if violation <= tol else Status.MAX_ITER
            solution = replace(solution, kkt_violation=violation, status=status)
        yield solution


def _refuses(problem: Any) -> str | None:
    if not isinstance(problem, QuantileProblem):
        return "it takes the quantile loss only."
    penalty = problem.penalty
    if not isinstance(penalty, Penalty):
        return f"it takes penalties on single coefficients, not {penalty}."
    if penalty.jumps:
        return (
            f"when a coefficient leaves zero depends, for {penalty}, on the curvature of the "
            f"loss, and {problem.loss} has none. MCP, SCAD, LogSum and CappedL1 fit."
        )
    return problem.without_columns


QUANTILE = Solver(quantile_path, _refuses)
