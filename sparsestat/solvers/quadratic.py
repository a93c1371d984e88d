"""The inner problem of every solver: a dense quadratic plus a separable penalty.

Minimise over w

    (1/2) w'Hw - c'w + sum_k p(|w_k|; strength_k),

within lower <= w <= upper, where lower <= 0 <= upper. The state is w and q = c - Hw, the
negative gradient of the quadratic; both are changed in place. Coordinate descent finds the
support and the pieces of the penalty, Newton steps on the support finish: for penalties
with piecewise constant curvature (all built-in ones) the last step is exact.
"""

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

from sparsestat._jit import kernel
from sparsestat.linalg import submatrix
from sparsestat.penalties.scalar import (
    bounded_prox,
    penalty_curvature,
    penalty_derivative,
    penalty_value,
    penalty_violation,
)

__all__ = ["Assessment", "assess", "newton_direction", "solve_quadratic"]

FIRST_EPOCHS = 5
MAX_ROUNDS = 100


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


class Assessment(NamedTuple):
    """The penalty at a point: its sum, and by coordinate violation, slope and curvature."""

    value: float
    violation: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


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
    """Minimise the quadratic plus penalty in place, starting at `w`.

    Works on compressed copies of the rows and columns that matter: the support and
    the coordinates that violate stationarity.

    Parameters
    ----------
    parameters : namedtuple
        The penalty's parameters.
    H : ndarray of shape (m, m)
        Symmetric positive semidefinite.
    q, w : ndarray of shape (m,)
        Negative gradient and coefficients, overwritten.
    strengths, lower, upper : ndarray of shape (m,)
    tol : float
        Largest stationarity violation allowed, in the units of q.
    max_iter : int
        Largest number of epochs and Newton steps.

    Returns
    -------
    int
        Epochs and Newton steps used.
    """
    n_iter = 0
    inner_tol = 0.5 * tol
    curvatures = H.diagonal().copy()
    for _ in range(MAX_ROUNDS):
        violation = assess(parameters, q, w, strengths, curvatures, lower, upper).violation
        matter = np.flatnonzero((w != 0.0) | (violation > 0.0))
        if n_iter >= max_iter or matter.size == 0 or violation.max() <= tol:
            break
        start, part = w[matter], w[matter]
        n_iter += _solve_block(
            parameters,
            submatrix(H, matter),
            q[matter],
            part,
            strengths[matter],
            lower[matter],
            upper[matter],
            inner_tol,
            max_iter - n_iter,
        )
        change = np.zeros(w.size)
        change[matter] = part - start
        w[matter] = part
        q -= H @ change
        inner_tol *= 0.5
    return n_iter


def _solve_block(parameters, H, q, w, strengths, lower, upper, tol, max_iter) -> int:
    """Alternate epochs of coordinate descent with Newton steps on the support."""
    n_iter = 0
    epochs = 1 if w.all() else FIRST_EPOCHS
    while n_iter < max_iter:
        most = min(epochs, max_iter - n_iter)
        used, moved = descend(parameters, H, q, w, strengths, lower, upper, tol, most)
        n_iter += used
        if moved <= tol:
            break
        # A step that ends where a coefficient stops has found a smaller problem: go on.
        step = Step.SHORT
        while step is Step.SHORT and n_iter < max_iter:
            step = _newton_step(parameters, H, q, w, strengths, lower, upper)
            n_iter += 1
        # Newton steps that fail cost more than epochs: try them ever more rarely.
        epochs = 2 if step is Step.FULL else 2 * epochs + 4
    return n_iter


class Step(Enum):
    """How far a Newton step went."""

    FULL = "to its end, coefficients stopped at zero and at their bounds"
    SHORT = "part of the way, to where one or more coefficients stop"
    NONE = "nowhere: the objective would not fall"


def _newton_step(parameters, H, q, w, strengths, lower, upper) -> Step:
    """Take one step of Newton's method on the support, if it lowers the objective."""
    curvatures = H.diagonal().copy()
    now = assess(parameters, q, w, strengths, curvatures, lower, upper)
    pull = q - np.copysign(np.where(w != 0.0, now.slope, 0.0), w)
    held = ((w >= upper) & (pull > 0.0)) | ((w <= lower) & (pull < 0.0))
    free = np.flatnonzero((w != 0.0) & ~held)
    if free.size == 0:
        return Step.NONE
    direction = newton_direction(submatrix(H, free), now.curvature[free], pull[free])
    if direction is None:
        return Step.NONE
    low, high = np.where(w > 0.0, 0.0, lower)[free], np.where(w > 0.0, upper, 0.0)[free]
    for step, end in _ends(w[free], direction, low, high):
        trial = w.copy()
        trial[free] = end
        change = trial - w
        Hd = H @ change
        value = assess(parameters, q, trial, strengths, curvatures, lower, upper).value
        if change @ (0.5 * Hd - q) + value < now.value:
            w[:] = trial
            q -= Hd
            return step
    return Step.NONE


def _ends(w, direction, low, high):
    """Yield the ends to try: of projected steps, ever shorter, then at the first stop."""
    for length in (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125):
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
        _, direction, info = dposv(A.T, pull, lower=1, overwrite_a=1)
        if info == 0 and np.isfinite(direction).all():
            return direction
    return None
