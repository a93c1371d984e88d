"""A problem at one strength as a smooth part plus a term with a proximal operator.

For solvers that move all coefficients at once. They see the data only through products
with X and its transpose, so that X may be an operator.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from sparsestat._jit import kernel
from sparsestat.penalties import L1, NM, JointPenalty, SupportConstraint
from sparsestat.penalties.scalar import bounded_prox
from sparsestat.solvers.certificate import certify
from sparsestat.solvers.group_terms import shrunk
from sparsestat.solvers.grouped import Grouped
from sparsestat.solvers.problem import GLMProblem, Problem
from sparsestat.solvers.result import Smooth, Solution, Status

__all__ = [
    "GroupTerm",
    "JointTerm",
    "Point",
    "SeparableTerm",
    "SmoothPart",
    "StructuredTerm",
    "joint_refusal",
    "term_of",
]

# Where the loss changes by less than this share, differences of residuals are more exact.
NEARBY = 1e-6


class Point(NamedTuple):
    """Coefficients, with what the loss is there.

    Attributes
    ----------
    coef : ndarray of shape (p,)
    fixed : ndarray of shape (n,)
        X coef, plus offset if there is one.
    intercept : float or ndarray
        The best one.
    eta : ndarray of shape (n,)
        The linear predictor, with the intercept.
    residual : ndarray of shape (n,)
        Gradients of the loss are minus X'residual / n.
    value : float
        The loss plus the l2 term.
    """

    coef: np.ndarray
    fixed: np.ndarray
    intercept: Any
    eta: np.ndarray
    residual: np.ndarray
    value: float


class SmoothPart:
    """The loss plus the l2 term, the intercept profiled out."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._glm = problem if isinstance(problem, GLMProblem) else None
        self.offset = 0.0 if self._glm is None else self._glm.offset

    def point(self, coef: np.ndarray, intercept: Any) -> Point:
        """Return the point with these coefficients; the search for an intercept starts here."""
        return self.at(coef, self.problem.design.predict(coef) + self.offset, intercept)

    def at(self, coef: np.ndarray, fixed: np.ndarray, intercept: Any) -> Point:
        """Return the point whose X coef plus offset is known."""
        ridge = 0.5 * self.problem.l2 * float(coef @ coef)
        if self._glm is None:
            r = self.problem.y - fixed
            return Point(coef, fixed, 0.0, fixed, r, 0.5 * float(r @ r) / r.size + ridge)
        with np.errstate(over="ignore", invalid="ignore"):  # steps may turn out too long
            predictor = self._glm.at(fixed, intercept)
            value = self._glm.value(predictor.eta) + ridge
        return Point(coef, *predictor, value)

    def null(self) -> Point:
        """Return the point with zero coefficients."""
        zeros = np.zeros(self.problem.n_features)
        if self._glm is None:
            return self.at(zeros, np.zeros(self.problem.y.size), 0.0)
        null = self._glm.null
        return self.at(zeros, null.fixed, null.intercept)

    def gradient(self, point: Point) -> np.ndarray:
        """Return the gradient: a pass over the data."""
        return self.problem.l2 * point.coef - self.problem.design.gradient(point.residual)

    def above_tangent(self, new: Point, old: Point, gradient: np.ndarray) -> float:
        """Return by how much `new` lies above the tangent at `old`, infinity if undefined."""
        change, rise = new.coef - old.coef, new.value - old.value
        if not np.isfinite(rise):
            return float("inf")
        if self._glm is not None and abs(rise) > NEARBY * abs(old.value):
            return rise - float(gradient @ change)
        # Half the change of slope along the way: exact for squares, free of cancellation.
        bend = float((old.residual - new.residual) @ (new.fixed - old.fixed)) / new.fixed.size
        return 0.5 * (bend + self.problem.l2 * float(change @ change))

    def curvature_along(self, point: Point, direction: np.ndarray) -> float:
        """Return the second derivative near a point, for a unit vector along a direction."""
        along = self.problem.design.predict(direction)
        reach = float(np.abs(along).max(initial=0.0)) or 1.0  # predictors move by one at most
        step = direction / reach
        new = self.at(point.coef + step, point.fixed + along / reach, point.intercept)
        bend = self.above_tangent(new, point, self.gradient(point))
        return 2.0 * max(bend, 0.0) / float(step @ step)  # rounding may take it below

    def certificate(self, point: Point) -> Smooth:
        """Return the value at a point, with its terms of the duality gap."""
        glm = self._glm
        if glm is None:
            return Smooth.of_squares(point.value)
        ridge = 0.5 * self.problem.l2 * float(point.coef @ point.coef)
        return Smooth(
            point.value,
            lambda share: glm.excess(point.eta, share) + (1.0 - share) ** 2 * ridge,
        )

    def is_unbounded(self, point: Point) -> bool:
        """Tell whether coefficients can grow for ever, as they do already, no sample losing.

        Provided that no penalty holds them.
        """
        glm = self._glm
        if glm is None or not glm.is_flat(point.eta):
            return False
        ways = [*glm.endless_directions(point.eta)]
        ways += [point.eta - self.offset] if glm.l2 == 0.0 else []
        return any(glm.recedes(point.eta, way) for way in ways)


@kernel()
def prox_coordinates(parameters, z, step, strengths, lower, upper):
    """Evaluate the proximal operators of all coordinates within their bounds."""
    x = np.empty(z.size)
    for k in range(z.size):
        x[k] = bounded_prox(parameters, z[k], step, strengths[k], lower[k], upper[k])
    return x


class StructuredTerm(ABC):
    """A penalty of single coefficients or of groups at one strength, with the bounds.

    MCP and SCAD are split, as Ghadimi and Lan's method needs it: into the lasso with their
    slope at zero, which the proximal operator takes, and a concave rest, whose gradient
    joins that of the loss. Being concave, it lies below its tangents, so that steps that
    are short enough for the loss are short enough for the sum.
    """

    def __init__(self, problem: Problem, alpha: float) -> None:
        self._problem, self._alpha = problem, alpha
        structure = problem.structure
        self._features = structure.whole(np.isfinite(problem.weights))
        self._terms: Any = structure.terms(alpha, self._features)
        scalar = structure.scalar
        self._split = scalar.concavity is not None
        self._simple = L1() if self._split else scalar
        slope = scalar.slope_at_zero(1.0) if self._split else 1.0
        self._strengths = slope * self._terms.strengths

    def prox(self, z: np.ndarray, step: float) -> np.ndarray:
        """Evaluate the proximal operator of the part that has one."""
        x = np.zeros(z.size)  # excluded features stay there
        x[self._features] = self._prox(z[self._features], step)
        return x

    @abstractmethod
    def _prox(self, z: np.ndarray, step: float) -> np.ndarray: ...

    def value(self, coef: np.ndarray) -> float:
        """Return the whole penalty."""
        return self._assess(coef).value

    def bend(self, coef: np.ndarray) -> np.ndarray | float:
        """Return the gradient of the concave rest."""
        if not self._split:
            return 0.0
        gradient = np.zeros(coef.size)
        w = coef[self._features]
        gradient[self._features] = self._bend(w, self._assess(coef).slope - self._strengths)
        return gradient

    @abstractmethod
    def _bend(self, w: np.ndarray, slopes: np.ndarray) -> np.ndarray: ...

    def _assess(self, coef: np.ndarray, q: np.ndarray | None = None) -> Any:
        at, w = self._features, coef[self._features]
        q = np.zeros(at.size) if q is None else q[at]
        return self._terms.assess(q, w, np.ones(at.size))

    def holds(self, coef: np.ndarray) -> bool:
        """Tell whether a coefficient would cost more if it grew."""
        adrift = self._terms.adrift(coef[self._features], self._assess(coef))
        return bool(adrift.size < np.count_nonzero(coef))

    def violation(self, coef: np.ndarray, q: np.ndarray, curvature: float) -> float:
        """Return the largest stationarity violation at the negative gradient q."""
        return float(self._assess(coef, q).violation.max(initial=0.0))

    def certify(
        self,
        point: Point,
        q: np.ndarray,
        smooth: Smooth,
        curvature: float,
        scale: float,
        tol: float,
        n_iter: int,
    ) -> Solution:
        """Make the record of a solution, all features looked at."""
        return certify(
            self._problem,
            self._alpha,
            features=self._features,
            w=point.coef[self._features],
            q=q[self._features],
            smooth=smooth,
            scale=scale,
            tol=tol,
            n_iter=n_iter,
            intercept=point.intercept,
        )


class SeparableTerm(StructuredTerm):
    """A penalty on single coefficients."""

    def _prox(self, z: np.ndarray, step: float) -> np.ndarray:
        bounds = self._terms.lower, self._terms.upper
        return prox_coordinates(self._simple.parameters, z, step, self._strengths, *bounds)

    def _bend(self, w: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        return np.sign(w) * slopes


class GroupTerm(StructuredTerm):
    """A penalty of the norms of groups: single coefficients shrink first, then the norms."""

    def _prox(self, z: np.ndarray, step: float) -> np.ndarray:
        terms = self._terms
        z = shrunk(z, step * terms.singles[terms.of], terms.falls, terms.rises)
        norms = self._norms(z)
        after = self._simple.prox(norms, step, self._strengths)
        return z * (after / np.where(norms > 0.0, norms, 1.0))[terms.of]

    def _bend(self, w: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        norms = self._norms(w)
        return w * (slopes / np.where(norms > 0.0, norms, 1.0))[self._terms.of]

    def _norms(self, w: np.ndarray) -> np.ndarray:
        of = self._terms.of
        return np.sqrt(np.bincount(of, w**2, minlength=self._strengths.size))


class JointTerm:
    """A penalty on all coefficients together at one strength, with the bounds.

    Coefficients that are unpenalised or excluded take no part: to the penalty they are zero.
    """

    def __init__(self, problem: Problem, alpha: float) -> None:
        self._problem = problem
        self._penalty: Any = problem.penalty
        weights = problem.weights
        self._penalised = (weights > 0.0) & np.isfinite(weights)
        weight = float(weights[self._penalised].max(initial=0.0))  # all have the same
        self._strength = alpha * weight
        self._free = weights == 0.0

    def prox(self, z: np.ndarray, step: float) -> np.ndarray:
        """Evaluate the proximal operator within the bounds."""
        inside = np.clip(z, self._problem.lower, self._problem.upper)
        part = np.where(self._penalised, inside, 0.0)
        if isinstance(self._penalty, SupportConstraint):
            # A unit is worth what it brings z nearer, bounds considered.
            worth = np.sqrt(part * (2.0 * z - part))
            x = np.where(self._penalty.prox(worth, step, self._strength) != 0.0, part, 0.0)
        else:
            x = self._penalty.prox(part, step, self._strength)
        return np.where(self._free, inside, x)

    def value(self, coef: np.ndarray) -> float:
        """Return the penalty."""
        return self._penalty.value(np.where(self._penalised, coef, 0.0), self._strength)

    def bend(self, coef: np.ndarray) -> np.ndarray | float:
        """Return the gradient of a concave rest: there is none."""
        return 0.0

    def holds(self, coef: np.ndarray) -> bool:
        """Tell whether a coefficient would cost more if it grew."""
        return self._penalty.convex and self._strength > 0.0 and bool(coef.any())

    def violation(self, coef: np.ndarray, q: np.ndarray, curvature: float) -> float:
        """Return how far the proximal operator would move a coefficient, times the curvature.

        It is the operator with step 1 / curvature, at the negative gradient q. The longer the
        steps to a convex penalty's minimum, the less of q is left of it: where the loss is
        flat nothing would be, so that the penalty sets the least curvature.
        """
        if self._penalty.convex:
            curvature = max(curvature, self._strength)
        end = self.prox(coef + q / curvature, 1.0 / curvature)
        return curvature * float(np.abs(end - coef).max(initial=0.0))

    def certify(
        self,
        point: Point,
        q: np.ndarray,
        smooth: Smooth,
        curvature: float,
        scale: float,
        tol: float,
        n_iter: int,
    ) -> Solution:
        """Make the record of a solution.

        `kkt_violation` is that of the proximal operator with the step 1 / `curvature`, in
        units of `scale`. Constraints and unpenalised features have no duality gap.
        """
        value = self.value(point.coef)
        violation = self.violation(point.coef, q, curvature) / scale
        return Solution(
            coef=point.coef,
            intercept=point.intercept,
            objective=smooth.value + value,
            kkt_violation=violation,
            dual_gap=self._duality_gap(point.coef, q, smooth, value),
            n_iter=n_iter,
            status=Status.CONVERGED if violation <= tol else Status.MAX_ITER,
        )

    def _duality_gap(self, coef, q, smooth, value) -> float:
        """Bound how far the objective is above its minimum, by the dual point at hand."""
        if not self._penalty.convex or self._free.any():
            return float("nan")
        inward = np.where(q > 0.0, self._problem.upper > 0.0, self._problem.lower < 0.0)
        pull = np.where(self._penalised & inward, q, 0.0)
        gap = value - float(coef @ q) + self._penalty.conjugate(pull, self._strength)
        return max(float(smooth.excess(1.0) + gap), 0.0)  # rounding may take it below


def term_of(problem: Problem, alpha: float) -> StructuredTerm | JointTerm:
    """Return the penalty of a problem at one strength, with its proximal operator."""
    if isinstance(problem.penalty, JointPenalty):
        return JointTerm(problem, alpha)
    grouped = isinstance(problem.structure, Grouped)
    return GroupTerm(problem, alpha) if grouped else SeparableTerm(problem, alpha)


def joint_refusal(problem: Problem) -> str | None:
    """Say why no solver can take a problem with this joint penalty, None if one can."""
    penalty: Any = problem.penalty
    try:
        penalty.check_size(problem.n_features)
    except ValueError as error:
        return str(error)
    if isinstance(penalty, NM) and getattr(problem.design, "n_responses", 1) > 1:
        return f"{penalty} is about consecutive features: it goes with one linear predictor."
    penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
    if np.unique(problem.weights[penalised]).size > 1:
        return (
            f"{penalty} acts on all coefficients together, so that penalty weights other than "
            "0 and infinity must be equal."
        )
    sides = np.concatenate([problem.lower, problem.upper])
    if (
        not isinstance(penalty, SupportConstraint)
        and (np.isfinite(sides) & (sides != 0.0)).any()
    ):
        return f"{penalty} goes with the bounds 0 and infinity only."
    return None
