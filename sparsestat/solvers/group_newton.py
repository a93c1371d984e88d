"""Newton's method where a penalty of the norms of groups is smooth.

P(t) with t = norm(w_g) and u = w_g / t has the second derivatives

    (P' / t) I - (P' / t - P'') uu'.

With several responses w has a row for each, a group is its features' coefficients for all
of them, and the Hessian is (H + diag(P' / t)) (x) I less a term of rank one for each group.
Systems with it are solved by the matrix inversion lemma: the product is never formed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from sparsestat._jit import kernel
from sparsestat.solvers.terms import solve_definite

__all__ = ["GroupCurvature"]


@kernel()
def subtract_outer(A, u, weights, starts):
    """Take weight u_g u_g' off the diagonal block of each group of a symmetric matrix."""
    for g in range(weights.size):
        for a in range(starts[g], starts[g + 1]):
            for b in range(starts[g], starts[g + 1]):
                A[a, b] -= weights[g] * u[a] * u[b]


@dataclass(frozen=True)
class GroupCurvature:
    """The second derivatives of a group penalty at nonzero groups.

    Parameters
    ----------
    ratios, bends : ndarray of shape (n_groups,)
        P' / t and P''.
    u : ndarray of shape (m,) or (n_responses, m)
        The coefficients of each group over their norm.
    starts : ndarray of int, shape (n_groups + 1,)
        Where groups begin, and where the last one ends.
    """

    ratios: np.ndarray
    bends: np.ndarray
    u: np.ndarray
    starts: np.ndarray

    def solve(self, H: np.ndarray, pull: np.ndarray) -> np.ndarray | None:
        """Solve (H + second derivatives) d = pull, made positive definite where it is not.

        Without the negative curvature of a concave penalty the step is that of its
        tangent, which majorises it. The ridge is for collinear columns.
        """
        drops = np.maximum(self.ratios - self.bends, 0.0)
        convex = np.maximum(self.ratios - np.maximum(self.bends, 0.0), 0.0)
        ridge = 1e-10 * H.trace() / H.shape[0]
        tries = [(convex, 0.0), (convex, ridge)]
        if self.bends.min() < 0.0:
            tries.insert(0, (drops, 0.0))
        return self._first(H, pull, tries)

    def solve_majorised(self, H: np.ndarray, pull: np.ndarray, more: Any) -> np.ndarray | None:
        """Solve the same with P' / t, and `more`, in place of the second derivatives.

        They are those of P'(t) norm(w_g)^2 / (2 t), which touches P at t and majorises it
        if P is concave as a function of t^2, as all penalties of this package are.
        """
        none, ridge = np.zeros(self.ratios.size), 1e-10 * H.trace() / H.shape[0]
        return self._first(H, pull, [(none, more), (none, more + ridge)])

    def _first(self, H, pull, tries):
        """Return the solution of the first system that is definite."""
        solve = self._solve_one if pull.ndim == 1 else self._solve_several
        for drops, shift in tries:
            step = solve(H, pull, drops, shift)
            if step is not None:
                return step
        return None

    def freedom(self, H: np.ndarray, l2: float) -> float:
        """Return the trace of (H + l2 I + second derivatives)^-1 H, for all responses.

        Negative second derivatives of a concave penalty count as zero.
        """
        drops = np.maximum(self.ratios - np.maximum(self.bends, 0.0), 0.0)
        if self.u.ndim == 1:
            A = self._one(H, drops, l2)
            return float(np.vdot(np.linalg.pinv(A, hermitian=True), H))
        V = np.linalg.pinv(self._shared(H, l2), hermitian=True)
        used = np.flatnonzero(drops > 0.0)
        total = self.u.shape[0] * float(np.vdot(V, H))
        if used.size:
            middle = np.diag(1.0 / drops[used]) - self._products(V, used)
            inner = self._products(V @ H @ V, used)
            total += float(np.vdot(np.linalg.pinv(middle, hermitian=True), inner))
        return total

    def _shared(self, H, shift):
        """Return H + diag(P' / t) + shift I."""
        A = H.copy()
        A.flat[:: A.shape[0] + 1] += np.repeat(self.ratios, np.diff(self.starts)) + shift
        return A

    def _one(self, H, drops, shift):
        A = self._shared(H, shift)
        subtract_outer(A, self.u, drops, self.starts)
        return A

    def _solve_one(self, H, pull, drops, shift):
        return solve_definite(self._one(H, drops, shift), pull)

    def _products(self, V, groups):
        """Return u_g'(V (x) I) u_h for all pairs of some groups."""
        blocks = V * (self.u.T @ self.u)
        for axis in (0, 1):
            blocks = np.add.reduceat(blocks, self.starts[:-1], axis=axis)
        return blocks[np.ix_(groups, groups)]

    def _solve_several(self, H, pull, drops, shift):
        factor, info = dpotrf(self._shared(H, shift).T, lower=1, overwrite_a=1)
        if info != 0:
            return None
        V, _ = dpotri(factor, lower=1, overwrite_c=1)
        V = np.tril(V) + np.tril(V, -1).T
        step = pull @ V
        used = np.flatnonzero(drops > 0.0)
        if used.size:
            middle = np.diag(1.0 / drops[used]) - self._products(V, used)
            along = np.add.reduceat((self.u * step).sum(axis=0), self.starts[:-1])[used]
            sizes = np.zeros(drops.size)
            solved = solve_definite(middle, along)
            if solved is None:
                return None
            sizes[used] = solved
            step += (self.u * np.repeat(sizes, np.diff(self.starts))) @ V
        return step if np.isfinite(step).all() else None
