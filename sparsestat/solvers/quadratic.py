"""The terms of separable penalties in the inner problem: sum_k p(|w_k|; strength_k).

Within lower <= w <= upper, where lower <= 0 <= upper. Coordinate descent is exact in every
coordinate; for penalties with piecewise constant curvature (all built-in ones) the last
Newton step is exact as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat._jit import kernel
from sparsestat.linalg import submatrix, whole_rows
from sparsestat.penalties import L1
from sparsestat.penalties.scalar import (
    bounded_prox,
    penalty_curvature,
    penalty_derivative,
    penalty_value,
    penalty_violation,
)
from sparsestat.solvers.terms import (
    LENGTHS,
    Assessment,
    Step,
    Terms,
    minimise_quadratic,
    solve_definite,
)

__all__ = ["Assessment", "SeparableTerms", "assess", "newton_direction", "solve_quadratic"]

FIRST_EPOCHS = 5


@kernel()
def descend(parameters, H, q, w, strengths, lower, upper, tol, max_epochs):
    """Run epochs of coordinate descent until no coordinate moves its gradient by `tol`.

    Returns the number of epochs and the largest movement in the last one.
    """
    moved = 0.0
    for epoch in range(max_epochs):
        moved = 0.0
        for k in range(w.size):
            curvature = H[k, k]
            if curvature <= 0.0:  # a column of zeros
                continue
            old = w[k]
            new = bounded_prox(
                parameters,
                old + q[k] / curvature,
                1.0 / curvature,
                strengths[k],
                lower[k],
                upper[k],
            )
            if new == old:
                continue
            change = new - old
            w[k] = new
            for i in range(w.size):
                q[i] -= change * H[k, i]
            moved = max(moved, abs(change) * curvature)
        if moved <= tol:
            return epoch + 1, moved
    return max_epochs, moved


@kernel()
def assess_coordinates(
    parameters, q, w, strengths, curvatures, lower, upper, violation, slope, curvature
):
    """Fill in stationarity violations and penalty derivatives; return the penalty's sum."""
    total = 0.0
    for k in range(w.size):
        size = abs(w[k])
        total += penalty_value(parameters, size, strengths[k])
        slope[k] = penalty_derivative(parameters, size, strengths[k])
        curvature[k] = penalty_curvature(parameters, size, strengths[k])
        violation[k] = penalty_violation(
            parameters, q[k], w[k], curvatures[k], strengths[k], lower[k], upper[k]
        )
    return total


def assess(
    parameters: Any,
    q: np.ndarray,
    w: np.ndarray,
    strengths: np.ndarray,
    curvatures: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> Assessment:
    """Evaluate the penalty and the stationarity violations at w.

    `curvatures` are the second derivatives along the coordinates, or bounds of them.
    """
    violation, slope, curvature = np.empty((3, w.size))
    value = assess_coordinates(
        parameters, q, w, strengths, curvatures, lower, upper, violation, slope, curvature
    )
    return Assessment(value, violation, slope, curvature)


@dataclass(eq=False)  # frozen ones take longer to make
class SeparableTerms(Terms):
    """A penalty of single coefficients within bounds, at one strength.

    Parameters
    ----------
    parameters : namedtuple
        The penalty's parameters.
    strengths, lower, upper : ndarray of shape (m,)
    """

    parameters: Any
    strengths: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def descend(self, H, q, w, tol, max_epochs):
        """Run epochs of coordinate descent, see :class:`Terms`."""
        bounds = (self.lower, self.upper)
        H = whole_rows(H)
        return descend(self.parameters, H, q, w, self.strengths, *bounds, tol, max_epochs)

    def first_epochs(self, w):
        """Return how many epochs to run before the first Newton step."""
        return 1 if w.all() else FIRST_EPOCHS

    def assess(self, q, w, curvatures):
        """Evaluate the penalty and the stationarity violations at w."""
        bounds = (self.lower, self.upper)
        return assess(self.parameters, q, w, self.strengths, curvatures, *bounds)

    def matter(self, w, violation):
        """Return the positions of nonzero and violating coefficients."""
        return np.flatnonzero((w != 0.0) | (violation > 0.0))

    def among(self, positions):
        """Return the terms of some coefficients."""
        return SeparableTerms(
            self.parameters,
            self.strengths[positions],
            self.lower[positions],
            self.upper[positions],
        )

    def trials(self, H, q, w, now) -> Iterator[tuple[Step, np.ndarray]]:
        """Yield the ends of projected Newton steps on the support."""
        pull = q - np.copysign(np.where(w != 0.0, now.slope, 0.0), w)
        held = ((w >= self.upper) & (pull > 0.0)) | ((w <= self.lower) & (pull < 0.0))
        free = np.flatnonzero((w != 0.0) & ~held)
        if free.size == 0:
            return
        step = newton_direction(submatrix(H, free), now.curvature[free], pull[free])
        if step is not None:
            direction = np.zeros(w.size)
            direction[free] = step
            yield from self._ends(w, direction)

    def _ends(self, w, direction):
        """Yield the ends of projected steps, ever shorter, then that at the first stop."""
        low = np.where(w > 0.0, 0.0, self.lower)
        high = np.where(w > 0.0, self.upper, 0.0)
        for length in LENGTHS:
            beyond = w + length * direction
            end = np.clip(beyond, low, high)
            if length == 1.0 or (end != beyond).any():
                yield (Step.FULL if length == 1.0 else Step.SHORT), end
        beyond = w + direction
        stops = np.flatnonzero((beyond < low) | (beyond > high))
        if stops.size:
            limits = np.where(beyond < low, low, high)[stops]
            lengths = (limits - w[stops]) / direction[stops]
            first = lengths.argmin()
            end = w + lengths[first] * direction
            end[stops[first]] = limits[first]
            yield Step.SHORT, np.clip(end, low, high)

    def tangent(self, now):
        """Return the tangents at a point: a lasso."""
        slopes = np.nan_to_num(now.slope, posinf=1e300)
        return SeparableTerms(L1().parameters, slopes, self.lower, self.upper)

    @property
    def penalised(self):
        """Whether all coefficients are."""
        return self.strengths.all()

    def conjugates(self, penalty, q):
        """Return the conjugate of the penalty within the bounds, by coefficient."""
        reach = np.where(q > 0.0, self.upper, -self.lower)
        return penalty.conjugate(np.abs(q), self.strengths, reach)

    def feasible_share(self, penalty, q, endless):
        """Return the largest share of q for which some conjugates are finite."""
        limits = penalty.slope_at_zero(1.0) * self.strengths[endless]
        return float((limits / np.maximum(np.abs(q[endless]), limits)).min())

    def adrift(self, w, now):
        """Return the positions of the nonzero coefficients that no penalty pulls back."""
        return np.flatnonzero((w != 0.0) & (now.slope == 0.0))


def solve_quadratic(
    parameters: Any,
    H: np.ndarray,
    q: np.ndarray,
    w: np.ndarray,
    strengths: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    tol: float,
    max_iter: int,
) -> int:
    """Minimise the quadratic plus a separable penalty in place, starting at `w`.

    See :func:`~sparsestat.solvers.terms.minimise_quadratic`.
    """
    terms = SeparableTerms(parameters, strengths, lower, upper)
    return minimise_quadratic(terms, H, q, w, tol, max_iter)


def newton_direction(H, curvature, pull) -> np.ndarray | None:
    """Solve (H + diag(curvature)) d = pull, made positive definite where it is not.

    Without the negative curvature of a concave penalty the step is that of its
    tangent, which majorises it. The ridge is for collinear columns.
    """
    convex = np.maximum(curvature, 0.0)
    ridge = 1e-10 * H.trace() / pull.size
    shifts = (
        [curvature, convex, convex + ridge]
        if curvature.min() < 0.0
        else [convex, convex + ridge]
    )
    for shift in shifts:
        A = H.copy()
        A.flat[:: pull.size + 1] += shift
        direction = solve_definite(A, pull)
        if direction is not None:
            return direction
    return None
