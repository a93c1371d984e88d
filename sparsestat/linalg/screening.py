"""Gradients computed only where they might matter, shared by dense and sparse designs."""

from typing import Any

import numpy as np

from sparsestat._jit import register_jitable

__all__ = ["LazyGradient", "full_gradient", "is_settled"]

RING = 16


@register_jitable
def is_settled(gradient, drift, limit, positive):
    """Tell whether a zero coefficient provably stays zero.

    Parameters
    ----------
    gradient : float
        x'r_0 / n for a column x at an earlier residual r_0.
    drift : float
        norm(x) norm(r - r_0) / n, which bounds the change of the gradient since.
    limit : float
        The largest gradient that a zero coefficient withstands.
    positive : bool
        Whether only a positive gradient can move the coefficient.
    """
    size = gradient if positive else abs(gradient)
    return size + drift < limit


def full_gradient(design: Any, r: np.ndarray) -> np.ndarray:
    """Return X'r / n by one refresh in which no column is settled."""
    p = design.shape[1]
    gradient = np.zeros(p)
    anchor, resting = np.zeros(p, dtype=np.intp), np.ones(p, dtype=bool)
    design.refresh(r, np.zeros(1), anchor, 0, np.zeros(p), resting, False, gradient)
    return gradient


class LazyGradient:
    """The gradient X'r / n of resting coefficients, kept as values with error bounds.

    By Cauchy-Schwarz a column's gradient moves by at most norm(x_j) norm(r - r_0) / n
    between residuals r_0 and r. Each resting column remembers its last exact gradient
    and the residual it was computed at (its anchor, one of a ring of stored
    residuals). While the bound keeps the gradient within the limit that a zero
    coefficient withstands, the column need not be read. A column whose anchor is
    about to be overwritten is recomputed, and one that starts to rest has no anchor,
    so a bound never leans on a residual that is not stored.

    Parameters
    ----------
    design : DenseDesign or CentredSparseDesign
    r : ndarray of shape (n,)
        First residual.
    positive : bool
        Whether coefficients are constrained to be nonnegative.

    Attributes
    ----------
    values : ndarray of shape (p,)
        Exact where `refresh` computed them or the caller wrote them, otherwise the
        last exact values; a resting one beyond its limit is always exact.
    resting : ndarray of bool, shape (p,)
        The columns to watch; those being worked on or excluded are False.
    columns_read : int
    """

    def __init__(self, design: Any, r: np.ndarray, positive: bool) -> None:
        n, p = design.shape
        self._design = design
        self._positive = positive
        self._ring = np.empty((RING, n))
        self._ring[0] = r
        self._squares = np.zeros(RING)
        self._squares[0] = r @ r
        self._used = 1
        self._head = 0
        self._anchor = np.zeros(p, dtype=np.intp)
        self.values = full_gradient(design, r)
        self.resting = np.ones(p, dtype=bool)
        self.columns_read = p

    def rest(self, features: np.ndarray) -> None:
        """Watch these columns from now on."""
        self.resting[features] = True
        self._anchor[features] = RING  # the slot whose drift is infinite: no bound yet

    def refresh(self, r: np.ndarray, limits: np.ndarray) -> None:
        """Make `values` exact at `r` wherever a resting column might exceed its limit."""
        head = (self._head + 1) % RING
        drifts = self._drifts(r)
        count = self._design.refresh(
            r, drifts, self._anchor, head, limits, self.resting, self._positive, self.values
        )
        if count:
            self._head = head
            self._used = max(self._used, head + 1)
            self._ring[head] = r
            self._squares[head] = r @ r
            self.columns_read += count

    def _drifts(self, r: np.ndarray) -> np.ndarray:
        """Return upper bounds of norm(r - stored residual) / sqrt(n), infinity for none."""
        squares = self._squares[: self._used] + r @ r
        distances = squares - 2.0 * (self._ring[: self._used] @ r)
        rounding = r.size * np.finfo(np.float64).eps * squares
        drifts = np.full(RING + 1, np.inf)
        drifts[: self._used] = np.sqrt((np.maximum(distances, 0.0) + rounding) / r.size)
        return drifts
