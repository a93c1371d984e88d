"""The terms of group penalties in the inner problem: sum_g P(norm(w_g)) + l1 norms.

Block coordinate descent, where the model of a group has the curvature of the quadratic
along the step it leads to, and Newton steps on the nonzero groups. With several responses
w has a row for each, and a group is its features' coefficients for all of them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sparsestat._jit import kernel
from sparsestat.linalg import submatrix, whole_rows
from sparsestat.penalties import L1
from sparsestat.penalties.groups import root_of_shrunk_norm
from sparsestat.penalties.scalar import penalty_curvature, penalty_derivative, penalty_value
from sparsestat.solvers.group_epochs import descend_groups, descend_residuals, shrink
from sparsestat.solvers.group_newton import GroupCurvature
from sparsestat.solvers.terms import LENGTHS, Step, Terms

__all__ = ["GroupTerms", "shrunk"]


FIRST_EPOCHS = 5
# A Newton step on m coefficients costs about as much as m / PER_EPOCH epochs.
PER_EPOCH = 30


def shrunk(z: np.ndarray, thresholds: Any, falls: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """Move numbers towards zero by thresholds; to zero where their sign is not allowed."""
    allowed = np.where(z > 0.0, rises, falls)
    return np.where(allowed, np.sign(z) * np.maximum(np.abs(z) - thresholds, 0.0), 0.0)


@kernel()
def assess_groups(
    parameters,
    q,
    w,
    starts,
    strengths,
    singles,
    falls,
    rises,
    violation,
    slope,
    curvature,
    size,
):
    """Fill in violations, and the norms with P' and P'' there; return the penalty's sum."""
    total = 0.0
    for g in range(strengths.size):
        square, absolute = 0.0, 0.0
        for k in range(w.shape[0]):
            for j in range(starts[g], starts[g + 1]):
                square += w[k, j] * w[k, j]
                absolute += abs(w[k, j])
        t = size[g] = math.sqrt(square)
        total += penalty_value(parameters, t, strengths[g]) + singles[g] * absolute
        slope[g] = penalty_derivative(parameters, t, strengths[g])
        curvature[g] = penalty_curvature(parameters, t, strengths[g])
        rest = 0.0
        for k in range(w.shape[0]):
            for j in range(starts[g], starts[g + 1]):
                if w[k, j] == 0.0:
                    pull = shrink(q[k, j], singles[g], falls[j], rises[j])
                else:
                    pull = q[k, j] - slope[g] * w[k, j] / t - math.copysign(singles[g], w[k, j])
                rest += pull * pull
        violation[g] = math.sqrt(rest) if t > 0.0 else max(math.sqrt(rest) - slope[g], 0.0)
    return total


class GroupAssessment(NamedTuple):
    """The penalty at a point: its sum, by group the violation, and P' and P'' at the norm."""

    value: float
    violation: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    size: np.ndarray


@dataclass(frozen=True)
class GroupTerms(Terms):
    """A penalty of the norms of groups, at one strength.

    Parameters
    ----------
    parameters : namedtuple
        Of the scalar penalty P.
    of : ndarray of int, shape (m,)
        The number, from 0 on, of the group of each feature; those of a group lie together.
    strengths : ndarray of shape (n_groups,)
        Of P.
    singles : ndarray of shape (n_groups,)
        Strengths of the l1 norms; zeros if there are several responses.
    falls, rises : ndarray of bool, shape (m,)
        Whether coefficients may be negative, and positive.
    """

    parameters: Any
    of: np.ndarray
    strengths: np.ndarray
    singles: np.ndarray
    falls: np.ndarray
    rises: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Where groups begin, and where the last one ends."""
        return np.searchsorted(self.of, np.arange(self.strengths.size + 1))

    @cached_property
    def kinked(self) -> np.ndarray:
        """Whether the objective has a kink, or a bound, where a coefficient is zero."""
        return (self.singles > 0.0)[self.of] | ~(self.falls & self.rises)

    def _sums(self, values):
        """Return the sums over the features of each group, for every row."""
        return np.add.reduceat(values, self.starts[:-1], axis=-1)

    def descend(self, H, q, w, tol, max_epochs):
        """Run epochs of block coordinate descent, see :class:`Terms`."""
        curvatures = np.maximum.reduceat(H.diagonal(), self.starts[:-1])
        sides = (self.singles, self.falls, self.rises)
        return descend_groups(
            self.parameters,
            whole_rows(H),
            np.atleast_2d(q),
            np.atleast_2d(w),
            self.starts,
            curvatures,
            self.strengths,
            *sides,
            tol,
            max_epochs,
        )

    def descend_residuals(
        self,
        rows: np.ndarray,
        blocks: np.ndarray,
        r: np.ndarray,
        w: np.ndarray,
        l2: float,
        tol: float,
        max_epochs: int,
    ) -> tuple[int, float]:
        """Run epochs as `descend` does, with columns and residuals in place of H and q.

        Parameters
        ----------
        rows : ndarray of shape (m, n)
            The columns of X, one a row.
        blocks : ndarray of shape (n_groups, size, size)
            The part of H of each group, `size` no less than that of the largest.
        r, w : ndarray of shape (n,), (m,)
            Residual and coefficients, overwritten.
        l2 : float
            Part of the diagonal of H.
        """
        curvatures = blocks.diagonal(axis1=1, axis2=2).max(axis=1)
        sides = (self.singles, self.falls, self.rises)
        return descend_residuals(
            self.parameters,
            rows,
            blocks,
            r,
            w,
            self.starts,
            curvatures,
            self.strengths,
            *sides,
            l2,
            tol,
            max_epochs,
        )

    def first_epochs(self, w):
        """Return how many epochs cost about as much as a Newton step."""
        return max(FIRST_EPOCHS, w.shape[-1] ** 2 // (PER_EPOCH * w.size))

    def assess(self, q, w, curvatures):
        """Evaluate the penalty and the stationarity violations at w."""
        violation, slope, curvature, size = np.empty((4, self.strengths.size))
        value = assess_groups(
            self.parameters,
            np.ascontiguousarray(np.atleast_2d(q)),
            np.ascontiguousarray(np.atleast_2d(w)),
            self.starts,
            self.strengths,
            self.singles,
            self.falls,
            self.rises,
            violation,
            slope,
            curvature,
            size,
        )
        return GroupAssessment(value, violation, slope, curvature, size)

    def matter(self, w, violation):
        """Return the positions of the features of nonzero and violating groups."""
        used = np.logical_or.reduceat(_filled(w), self.starts[:-1])
        return np.flatnonzero((used | (violation > 0.0))[self.of])

    def among(self, positions):
        """Return the terms of some groups."""
        groups, of = np.unique(self.of[positions], return_inverse=True)
        return GroupTerms(
            self.parameters,
            of,
            self.strengths[groups],
            self.singles[groups],
            self.falls[positions],
            self.rises[positions],
        )

    def trials(self, H, q, w, now) -> Iterator[tuple[Step, np.ndarray]]:
        """Yield the ends of Newton steps on the nonzero groups, then of careful ones.

        Single coefficients stop where they would jump over a kink or a bound. Groups that
        would pass through zero, into the other half of their space, stop there: beyond,
        Newton's model says nothing, so that small groups can keep it from getting on. Then
        squares that majorise the norms do.
        """
        free = self.smooth(w, now)
        if free.size == 0:
            return
        curvature = self.curvature(now, w, free)
        ratios = now.slope / np.where(now.size > 0.0, now.size, np.inf)
        singles = self.singles[self.of]
        pull = (q - ratios[self.of] * w - singles * np.sign(w)).take(free, axis=-1)
        part = H if free.size == w.shape[-1] else submatrix(H, free)
        step = curvature.solve(part, pull)
        if step is not None:
            yield from self._ends(w, free, step, stop=True)
        more = 0.0
        if singles.any():
            more = singles[free] / np.where(singles[free] > 0.0, np.abs(w[free]), 1.0)
        step = curvature.solve_majorised(part, pull, more)
        if step is not None:
            yield from self._ends(w, free, step, stop=False)

    def _ends(self, w, free, step, stop):
        """Yield the ends of ever shorter steps, groups stopped at zero or not."""
        penalised = (self.strengths > 0.0) | (self.singles > 0.0)
        for length in LENGTHS:
            end = w.copy()
            end[..., free] += length * step
            same = w * end
            end = np.where(self.kinked & (same < 0.0), 0.0, end)
            if stop:
                along = same if same.ndim == 1 else same.sum(axis=0)
                gone = penalised & (self._sums(along) <= 0.0)
                end = np.where(gone[self.of], 0.0, end)
            yield (Step.FULL if length == 1.0 else Step.SHORT), end

    def smooth(self, w: np.ndarray, now: GroupAssessment) -> np.ndarray:
        """Return the positions of the features in which the objective is smooth at w."""
        return np.flatnonzero((now.size > 0.0)[self.of] & (_filled(w) | ~self.kinked))

    def curvature(self, now: GroupAssessment, w: np.ndarray, free: np.ndarray) -> Any:
        """Return the second derivatives of the penalty over features of nonzero groups."""
        groups, first = np.unique(self.of[free], return_index=True)
        size = now.size[groups]
        starts = np.append(first, free.size)
        u = w.take(free, axis=-1) / np.repeat(size, np.diff(starts))
        return GroupCurvature(now.slope[groups] / size, now.curvature[groups], u, starts)

    def tangent(self, now):
        """Return the tangents at the norms: a group lasso."""
        return replace(self, parameters=L1().parameters, strengths=now.slope)

    @property
    def penalised(self):
        """Whether all groups are."""
        return ((self.strengths > 0.0) | (self.singles > 0.0)).all()

    def _norms(self, q):
        """Return the norms of q as far as the l1 norms and the signs let groups feel it."""
        pull = shrunk(q, self.singles[self.of], self.falls, self.rises)
        squares = pull**2 if pull.ndim == 1 else (pull**2).sum(axis=0)
        return np.sqrt(self._sums(squares))

    def conjugates(self, penalty, q):
        """Return the conjugate of the penalty, by group."""
        return penalty.conjugate(self._norms(q), self.strengths)

    def feasible_share(self, penalty, q, endless):
        """Return the largest share of q for which some conjugates are finite."""
        allowed = np.abs(shrunk(q, 0.0, self.falls, self.rises))
        slopes = penalty.slope_at_zero(1.0) * self.strengths
        if not self.singles.any():
            return float((slopes[endless] / self._norms(q)[endless]).min())
        roots = root_of_shrunk_norm(allowed, self.of, self.starts[:-1], self.singles, slopes)
        return float(1.0 / roots.max())

    def adrift(self, w, now):
        """Return the positions of the nonzero coefficients that no penalty pulls back."""
        free = (now.slope == 0.0) & (self.singles == 0.0)
        return np.flatnonzero(_filled(w) & free[self.of])


def _filled(w):
    return w != 0.0 if w.ndim == 1 else w.any(axis=0)
