"""Linear constraints on coefficients: what solvers take, and how users give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import null_space
from scipy.optimize import LinearConstraint, linprog

__all__ = ["LinearConstraints", "feasible_point", "least_pull", "linear_constraints"]

# Rows hold to this, relative to their terms, their bound and the largest coefficient.
EXACT = 1e-13
ACCURATE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class LinearConstraints:
    """The constraints lower <= A b <= upper on coefficients.

    Parameters
    ----------
    A : ndarray of shape (m, p)
        Rows of norm 1, on the scale of the problem.
    lower, upper : ndarray of shape (m,)
        lower <= upper; infinite where there is no bound.
    """

    A: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def none(cls, n_features: int) -> "LinearConstraints":
        """Return the absence of constraints."""
        return cls(np.empty((0, n_features)), np.empty(0), np.empty(0))

    @property
    def equal(self) -> np.ndarray:
        """Which rows are equations."""
        return self.lower == self.upper

    def take(self, features: np.ndarray) -> "LinearConstraints":
        """Return the constraints on some coefficients, the others being zero."""
        return LinearConstraints(self.A[:, features], self.lower, self.upper)

    def for_each(self, n_responses: int) -> "LinearConstraints":
        """Return the same constraints on the coefficients of each of several responses."""
        sides = (np.repeat(side, n_responses) for side in (self.lower, self.upper))
        return LinearConstraints(np.kron(self.A, np.eye(n_responses)), *sides)

    def excess(self, b: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Return how far rows are from where they should be, 0 where that is rounding.

        That is at the upper bound where `held` is positive, at the lower one where it is
        negative, and between them elsewhere.
        """
        off, size = self._off(b, held)
        return np.where(np.abs(off) <= EXACT * size, 0.0, off)

    def at_bound(self, b: np.ndarray, side: float) -> np.ndarray:
        """Return which rows are at their upper bound, or at their lower one if `side` < 0."""
        finite = np.isfinite(self.upper if side > 0.0 else self.lower)
        return finite & (self.excess(b, np.full(finite.size, side)) == 0.0)

    def infeasibility(self, b: np.ndarray, held: np.ndarray) -> float:
        """Return the largest excess over what it is relative to, 0 if it is rounding."""
        off, size = self._off(b, held)
        relative = np.abs(off) / np.maximum(size, np.finfo(float).tiny)
        largest = float(relative.max(initial=0.0))
        return largest if largest > EXACT else 0.0

    def _off(self, b, held):
        values = self.A @ b
        nearest = np.clip(values, self.lower, self.upper)
        nearest = np.where(held > 0.0, self.upper, np.where(held < 0.0, self.lower, nearest))
        size = np.abs(self.A) @ np.abs(b) + np.abs(b).max(initial=0.0) + np.abs(nearest)
        return values - nearest, size

    def directions(self, b: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return orthonormal directions of some coefficients that rows at bounds allow."""
        held = self.at_bound(b, 1.0) | self.at_bound(b, -1.0)
        return null_space(self.A[np.ix_(held, features)])

    def allow_for_ever(self, d: np.ndarray) -> bool:
        """Tell whether coefficients may go along a direction without end."""
        values, rounding = self.A @ d, EXACT * np.abs(d).max(initial=0.0)
        stopped = np.isfinite(self.upper) & (values > rounding)
        stopped |= np.isfinite(self.lower) & (values < -rounding)
        return not stopped.any()

    def support(self, nu: np.ndarray) -> float:
        """Return the largest nu'a over lower <= a <= upper."""
        used = nu != 0.0
        return float(nu[used] @ np.where(nu > 0.0, self.upper, self.lower)[used])


def linear_constraints(
    constraints: Any,
    scales: np.ndarray,
    *,
    weights: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> LinearConstraints | None:
    """Bring the user's constraints to the scale of a problem, and check them.

    Parameters
    ----------
    constraints : LinearConstraint, sequence of LinearConstraint, or None
        On the coefficients of the user's columns; None and no rows mean no constraints.
    scales : ndarray of shape (p,)
        What columns are divided by; infinite where the coefficient is 0 for good.
    weights : ndarray of shape (p,)
        Infinite for excluded features.
    lower, upper : ndarray of shape (p,)
        Bounds of coefficients on the scale of the problem.

    Raises
    ------
    TypeError
        If they are not :class:`scipy.optimize.LinearConstraint` objects.
    ValueError
        If their matrix or bounds have the wrong shape or values, or if no coefficients
        meet them.
    """
    if constraints is None:
        return None
    if isinstance(constraints, LinearConstraint):
        constraints = [constraints]
    if not isinstance(constraints, Sequence) or not all(
        isinstance(c, LinearConstraint) for c in constraints
    ):
        raise TypeError(
            "constraints must be a scipy.optimize.LinearConstraint or a list of them. Got "
            f"{constraints!r}."
        )
    if not constraints:
        return None
    parts = [_checked(constraint, scales.size) for constraint in constraints]
    A, low, high = (np.concatenate(part) for part in zip(*parts, strict=True))
    A = A / scales
    norms = np.sqrt((A * A).sum(axis=1))
    impossible = (norms == 0.0) & ((low > 0.0) | (high < 0.0))
    used = (norms > 0.0) & (np.isfinite(low) | np.isfinite(high))
    rows = LinearConstraints(
        A[used] / norms[used, None], low[used] / norms[used], high[used] / norms[used]
    )
    kept = np.isfinite(weights) & np.isfinite(scales)
    if impossible.any() or feasible_point(rows, kept, lower, upper) is None:
        raise ValueError(
            "constraints cannot be met: no coefficients within the bounds, with those of "
            "excluded and constant columns at zero, satisfy all of them."
        )
    return rows if used.any() else None


def _checked(constraint: LinearConstraint, n_features: int):
    """Return the matrix and bounds of a user's constraint as float64 arrays."""
    A = constraint.A
    A = np.atleast_2d(A.toarray() if sparse.issparse(A) else A).astype(np.float64)
    if A.ndim != 2 or A.shape[1] != n_features:
        raise ValueError(
            f"constraints must have a matrix A with one column for each of {n_features} "
            f"features. Got shape {A.shape}."
        )
    if not np.isfinite(A).all():
        raise ValueError("constraints must have a matrix A of finite numbers. Got NaN or inf.")
    try:
        bounds = [np.broadcast_to(b, A.shape[:1]) for b in (constraint.lb, constraint.ub)]
    except ValueError:
        raise ValueError(
            f"constraints must have bounds lb and ub for each of {A.shape[0]} rows of A. Got "
            f"shapes {np.shape(constraint.lb)} and {np.shape(constraint.ub)}."
        ) from None
    lb, ub = (b.astype(np.float64) for b in bounds)
    if not ((lb <= ub) & (lb < np.inf) & (ub > -np.inf)).all():
        raise ValueError(
            "constraints must have lb <= ub, lb below infinity and ub above minus infinity. "
            f"Got lb = {lb.tolist()}, ub = {ub.tolist()}."
        )
    return A, lb, ub


def feasible_point(
    constraints: LinearConstraints, kept: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray | None:
    """Return coefficients that meet constraints and bounds, None if there are none.

    Zero if that will do, otherwise those whose absolute values have the least sum.

    Parameters
    ----------
    constraints : LinearConstraints
    kept : ndarray of bool, shape (p,)
        Which coefficients may differ from zero.
    lower, upper : ndarray of shape (p,)
        Bounds, lower <= 0 <= upper.
    """
    b = np.zeros(kept.size)
    off = constraints.excess(b, np.zeros(constraints.lower.size))
    if not off.any():
        return b
    if not kept.any():
        return None
    unit = np.abs(off).max()  # the tolerances of the solver are absolute
    A = constraints.A[:, kept]
    matrix = np.concatenate([A, -A], axis=1)
    above, below = np.isfinite(constraints.upper), np.isfinite(constraints.lower)
    solution = linprog(
        np.ones(matrix.shape[1]),
        A_ub=np.concatenate([matrix[above], -matrix[below]]),
        b_ub=np.concatenate([constraints.upper[above], -constraints.lower[below]]) / unit,
        bounds=np.column_stack(
            [
                np.zeros(matrix.shape[1]),
                np.concatenate([upper[kept], -lower[kept]]) / unit,
            ]
        ),
        method="highs",
        options=ACCURATE,
    )
    if solution.status != 0:
        return None
    halves = unit * solution.x
    b[kept] = halves[: A.shape[1]] - halves[A.shape[1] :]
    return b


def least_pull(
    constraints: LinearConstraints,
    q: np.ndarray,
    weights: np.ndarray,
    sides: np.ndarray,
    nu: np.ndarray,
    held: np.ndarray,
) -> float:
    """Return the least over multipliers of the largest weighted gradient left.

    That is the least t for which there are multipliers mu with (q - A'mu)_j within
    t weights_j, on the sides of zero to which coefficients may move: a linear program.

    Parameters
    ----------
    constraints : LinearConstraints
    q : ndarray of shape (p,)
        Negative gradients.
    weights : ndarray of shape (p,)
        Infinite for excluded features.
    sides : ndarray of bool, shape (2, p)
        Whether bounds let coefficients grow, and let them fall.
    nu : ndarray of shape (m,)
        Multipliers to begin with.
    held : ndarray of shape (2, m)
        Bounds of the multipliers.
    """
    movable = held[0] < held[1]
    pull = q - nu @ constraints.A
    penalised = np.isfinite(weights) & (weights > 0.0)
    # An unpenalised coefficient that may go both ways keeps its gradient, which is zero.
    still = np.flatnonzero((weights == 0.0) & sides.all(axis=0))
    one_way = np.isfinite(weights) & ((weights > 0.0) | ~sides.all(axis=0))
    up, down = (np.flatnonzero(one_way & side) for side in sides)
    unit = np.abs(pull[penalised]).max(initial=0.0)

    def largest(pull):
        beyond = np.where(pull > 0.0, sides[0], sides[1]) & penalised
        return float((np.abs(pull[beyond]) / weights[beyond]).max(initial=0.0))

    if not movable.any() or unit == 0.0:
        return largest(pull)
    A = constraints.A[movable]
    matrix = np.concatenate([-A[:, up].T, A[:, down].T])
    costs = -np.concatenate([weights[up], weights[down]])
    solution = linprog(
        np.append(np.zeros(A.shape[0]), 1.0),
        A_ub=np.column_stack([matrix, costs]),
        b_ub=np.concatenate([-pull[up], pull[down]]) / unit,
        A_eq=np.column_stack([A[:, still].T, np.zeros(still.size)]),
        b_eq=np.zeros(still.size),
        bounds=np.vstack([(held[:, movable] - nu[movable]).T / unit, [0.0, np.inf]]),
        method="highs",
        options=ACCURATE,
    )
    if solution.status != 0:
        return largest(pull)
    return min(largest(pull - unit * (solution.x[:-1] @ A)), largest(pull))
