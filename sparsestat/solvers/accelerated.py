"""Accelerated gradient steps, for penalties and designs that other solvers cannot take.

Ghadimi and Lan's method with the damping of Yang, Asgharian and Bhatnagar, which is optimal
under the conditions of the former: all coefficients move at once, along the gradient at a
point between two sequences, one of which takes ever longer steps. Steps adapt to the
curvature they meet, so that no eigenvalue is needed and the loss may curve without bound;
where momentum no longer helps it is dropped. Two products with X and one with its transpose
a step are all that is asked of the data.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sparsestat.penalties import JointPenalty, Penalty
from sparsestat.solvers.composite import (
    JointTerm,
    Point,
    SmoothPart,
    StructuredTerm,
    joint_refusal,
    term_of,
)
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.problem import GLMProblem, MultiTaskProblem, Problem
from sparsestat.solvers.result import Solution, Status
from sparsestat.solvers.solver import Solver

__all__ = [
    "ACCELERATED",
    "Step",
    "first_curvature",
    "ghadimi_lan",
    "never",
    "no_momentum",
    "optimal_damping",
    "steps",
    "when_it_turns",
]

# A step that was short enough may be so much longer the next time.
GROWTH = 1.1
# Curvature is taken a little larger than was met, and at most so many times what it was.
MARGIN, MOST = 1.05, 10.0
# Changes of the objective below this, relative to it, are rounding.
ROUNDING = 1e-14
# Losses that are flatter than this are flat.
FLAT = 1e-100
# The curvature met by steps shorter than this, relative and squared, is rounding.
TINY = 1e-24

Term = StructuredTerm | JointTerm


def optimal_damping(damping: float) -> float:
    """Return the next damping, the root a of a^2 = (1 - a) damping^2."""
    return 2.0 / (1.0 + math.sqrt(1.0 + 4.0 / damping**2))


def ghadimi_lan(damping: float) -> float:
    """Return the next damping of the original method: 2 / (k + 1) at step k."""
    return 2.0 * damping / (2.0 + damping)


def no_momentum(damping: float) -> float:
    """Return 1, at which the method is proximal gradient."""
    return 1.0


class Step(NamedTuple):
    """What one step has led to.

    Attributes
    ----------
    point : Point
        Where the sequence of solutions is now.
    objective : float
        Loss plus penalties there.
    middle, before : ndarray of shape (p,)
        Where the gradient was taken, and where the sequence was before.
    curvature : float
        The inverse of the step's length.
    damping : float
        1 for a step without momentum.
    """

    point: Point
    objective: float
    middle: np.ndarray
    before: np.ndarray
    curvature: float
    damping: float

    @property
    def moved(self) -> float:
        """The largest entry of the gradient mapping: about the stationarity violation."""
        return self.curvature * float(np.abs(self.middle - self.point.coef).max(initial=0.0))


def when_it_turns(step: Step) -> bool:
    """Tell whether momentum leads away from where the gradient does."""
    coef = step.point.coef
    return step.damping < 1.0 and float((step.middle - coef) @ (coef - step.before)) > 0.0


def never(step: Step) -> bool:
    """Keep the momentum come what may."""
    return False


def first_curvature(smooth: SmoothPart, point: Point) -> float:
    """Return the curvature along the gradient, to start with; steps correct it."""
    direction = smooth.gradient(point)
    if not direction.any():
        return 1.0
    return smooth.curvature_along(point, direction) or 1.0


def steps(
    smooth: SmoothPart,
    term: Term,
    start: Point,
    curvature: float,
    *,
    momentum: Callable[[float], float] = optimal_damping,
    restart: Callable[[Step], bool] = when_it_turns,
    growth: float = GROWTH,
) -> Iterator[Step]:
    """Yield steps towards a stationary point, for ever.

    Parameters
    ----------
    smooth : SmoothPart
    term : SeparableTerm or JointTerm
    start : Point
    curvature : float
        The inverse of the first step's length; it is raised until a step of that length
        lowers the smooth part as much as its quadratic bound says.
    momentum : callable ``(damping) -> damping``
        The damping of a step from that of the last; the first is 1.
    restart : callable ``(step) -> bool``
        When to start again without momentum. Unless it is `never`, that also happens when
        the objective rises, and the rise is taken back: then it never rises.
    growth : float, default=1.1
        How much longer each step may be than the last; 1 for steps that only get shorter.
    """
    now, objective = start, start.value + term.value(start.coef)
    lead, lead_fixed, damping = now.coef, now.fixed, 1.0
    while True:
        middle = _between(smooth, now, lead, lead_fixed, damping)
        slope = smooth.gradient(middle)
        full_slope = slope + term.bend(middle.coef)
        new, curvature = _short_enough(
            smooth, term, middle, slope, full_slope, max(curvature / growth, FLAT)
        )
        after = new.value + term.value(new.coef)
        if restart is not never and damping < 1.0 and after > objective + ROUNDING * abs(after):
            lead, lead_fixed, damping = now.coef, now.fixed, 1.0
            yield Step(now, objective, middle.coef, now.coef, curvature, 1.0)
            continue
        step = Step(new, after, middle.coef, now.coef, curvature, damping)
        if damping == 1.0 or restart(step):
            lead, lead_fixed = new.coef, new.fixed
            damping = 1.0 if damping < 1.0 else momentum(1.0)
        else:
            length = 1.0 / (damping * curvature)
            lead = term.prox(lead - length * full_slope, length)
            lead_fixed = smooth.problem.design.predict(lead) + smooth.offset
            damping = momentum(damping)
        now, objective = new, after
        yield step


def _between(smooth, now, lead, lead_fixed, damping) -> Point:
    """Return the point between the two sequences at which to take the gradient."""
    if damping == 1.0:
        return now
    coef = (1.0 - damping) * now.coef + damping * lead
    fixed = (1.0 - damping) * now.fixed + damping * lead_fixed
    return smooth.at(coef, fixed, now.intercept)


def _short_enough(smooth, term, middle, slope, full_slope, curvature) -> tuple[Point, float]:
    """Return the end of a step from `middle` and its curvature, raised until it suffices."""
    while True:
        coef = term.prox(middle.coef - full_slope / curvature, 1.0 / curvature)
        change = coef - middle.coef
        square = float(change @ change)
        if square == 0.0:
            return middle, curvature
        new = smooth.point(coef, middle.intercept)
        met = 2.0 * smooth.above_tangent(new, middle, slope) / square
        if met <= curvature or square <= TINY * float(coef @ coef):
            return new, curvature
        curvature *= min(max(MARGIN * met / curvature, MARGIN), MOST)


def accelerated_path(
    problem: Problem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a problem at one strength after another, each from the last solution.

    The stationarity violation is that of every other solver for penalties on single
    coefficients; for joint ones it is how far the proximal operator with the last step's
    length would move a coefficient, divided by that length. `max_iter` bounds the steps. A
    start that is worse than zero is not used.
    Parameters and yields as :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    smooth = SmoothPart(problem)
    now, curvature = smooth.null(), 0.0
    for alpha in alphas:
        term = term_of(problem, alpha)
        if curvature == 0.0:
            now = _begin(smooth, term, now, start)
            curvature = first_curvature(smooth, now)
        now, q, curvature, n_iter = _approach(
            smooth, term, now, curvature, tol * scale, max_iter
        )
        certificate = smooth.certificate(now)
        solution = term.certify(now, q, certificate, curvature, scale, tol, n_iter)
        if not term.holds(now.coef) and smooth.is_unbounded(now):
            solution = replace(solution, status=Status.UNBOUNDED)
        yield solution


def _begin(smooth: SmoothPart, term: Term, null: Point, start: np.ndarray | None) -> Point:
    """Return the start, or zero coefficients where they are the better start."""
    if start is None or not start.any():
        return null
    point = smooth.point(start.astype(np.float64), null.intercept)
    penalty = term.value(point.coef)
    if not np.isfinite(penalty):  # the first step will meet the constraint
        penalty = 0.0
    return point if point.value + penalty < null.value else null


def _approach(
    smooth: SmoothPart, term: Term, now: Point, curvature: float, tol: float, max_iter: int
) -> tuple[Point, np.ndarray, float, int]:
    """Take steps until the stationarity violation is within `tol`.

    Returns the point, its negative gradient, the curvature and the number of steps. The
    violation costs a pass over the data: it is worked out when the step says it is small.
    """
    q = -smooth.gradient(now)
    if term.violation(now.coef, q, curvature) <= tol and np.isfinite(term.value(now.coef)):
        return now, q, curvature, 0
    small = tol
    for n_iter, step in enumerate(steps(smooth, term, now, curvature), start=1):
        if step.moved <= small or n_iter >= max_iter:
            q = -smooth.gradient(step.point)
            violation = term.violation(step.point.coef, q, step.curvature)
            if violation <= tol or n_iter >= max_iter:
                break
            small = 0.5 * min(small, step.moved)
    return step.point, q, step.curvature, n_iter


def _refuses(problem: Problem) -> str | None:
    penalty = problem.penalty
    if isinstance(problem, MultiTaskProblem):
        return "it takes one response."
    if isinstance(problem, GLMProblem) and not problem.loss.smooth:
        return f"it takes smooth losses, and {problem.loss} has a kink."
    if isinstance(penalty, JointPenalty):
        return joint_refusal(problem)
    if isinstance(problem.structure, Grouped):
        return problem.structure.refusal
    if not isinstance(penalty, Penalty):
        return f"it has no proximal operator for {penalty}."
    if penalty.jumps:
        return (
            f"{penalty} lets coefficients jump, and steps of all coefficients at once stop "
            "where one alone would still jump."
        )
    return None


ACCELERATED = Solver(accelerated_path, _refuses)
