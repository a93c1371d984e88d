"""Centring and scaling: from validated data to a design and a target, and back.

Data flow one way: :class:`~sparsestat.base.Data` -> a design and a target that a solver
takes, and a :class:`Frame` that brings coefficients back.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from sparsestat.base import Data
from sparsestat.linalg import CentredSparseDesign, DenseDesign, OperatorDesign

__all__ = ["Frame", "frame_columns", "frame_data"]

# Columns are centred and scaled in double precision, this many numbers at a time.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Frame:
    """The scale on which a problem is solved, and the way back.

    Parameters
    ----------
    means : ndarray of shape (p,)
        Column means taken off, zeros where the columns are not centred.
    scales : ndarray of shape (p,)
        What the columns are divided by; infinity for constant columns, which are
        collinear with the intercept and get coefficient 0.
    y_mean : float, or ndarray of shape (K,)
    """

    means: np.ndarray
    scales: np.ndarray
    y_mean: Any

    def restore(self, coef: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return coefficients and intercept for the user's columns.

        Coefficients of shape (p,), or (p, K) for K responses.
        """
        coef = (coef.T / self.scales).T
        return coef, self.y_mean - self.means @ coef

    def bounds(self, lower: np.ndarray, upper: np.ndarray) -> dict[str, Any]:
        """Return bounds of the user's coefficients on the scale of the problem."""
        scales = np.where(np.isfinite(self.scales), self.scales, 1.0)
        return {"lower": lower * scales, "upper": upper * scales}

    def express(self, coef: np.ndarray) -> np.ndarray:
        """Return the user's coefficients on the scale of the problem."""
        finite = np.isfinite(self.scales)
        return (np.where(finite, coef.T, 0.0) * np.where(finite, self.scales, 0.0)).T


def frame_data(
    data: Data, *, fit_intercept: bool, standardize: bool
) -> tuple[Any, np.ndarray, Frame]:
    """Centre and scale data so that plain least squares remains.

    With weights w of mean 1, columns become sqrt(w) (x - mean) / scale and the response
    sqrt(w) (y - mean), with weighted means; scales are root mean squares about the mean
    taken off. The intercept is profiled out exactly by the centring.

    Parameters
    ----------
    data : Data
        All weights positive.
    fit_intercept : bool
        Whether to centre.
    standardize : bool
        Whether to scale columns to mean square one.

    Returns
    -------
    design : DenseDesign or CentredSparseDesign
    target : ndarray of shape (n,), or (n_responses, n) if there are several
    frame : Frame
    """
    X, y, weight, offset, _ = data
    root = None if weight is None else np.sqrt(weight)
    rows = np.atleast_2d((y if offset is None else y - offset).T)  # one a response
    y_mean: Any = np.zeros(len(rows))
    if fit_intercept:
        rows, y_mean = _centre(rows.copy(), data.shares)
    target = np.ascontiguousarray(rows if root is None else root * rows)
    with np.errstate(over="ignore"):
        _check_range("y", np.vdot(target, target), np.abs(target).max())
    if y.ndim == 1:
        target, y_mean = target[0], float(y_mean[0])
    frame = _framing(X)
    design, means, scales = frame(X, data.shares, root, fit_intercept, standardize)
    return design, target, Frame(means, scales, y_mean)


def frame_columns(data: Data, *, fit_intercept: bool, standardize: bool) -> tuple[Any, Frame]:
    """Centre and scale the columns for a loss that takes weights and offset itself.

    As :func:`frame_data`, without factors sqrt(w). That the columns are centred changes
    no gradient at the best intercept, and keeps their products well conditioned.
    """
    frame = _framing(data.X)
    design, means, scales = frame(data.X, data.shares, None, fit_intercept, standardize)
    return design, Frame(means, scales, 0.0)


def _centre(rows: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the weighted mean off each row, in place.

    Differences to the first entry come first: they carry no rounding of the size of
    the mean, and the rows that are constant become exactly zero.
    """
    pivot = rows[:, 0].copy()
    rows -= pivot[:, None]
    rest = rows @ share
    rows -= rest[:, None]
    return rows, pivot + rest


def _framing(X: Any) -> Any:
    if isinstance(X, LinearOperator):
        return _frame_operator
    return _frame_sparse if sparse.issparse(X) else _frame_dense


def _frame_operator(X, share, root, centre, standardize):
    if standardize:
        raise ValueError(
            "standardize=True needs the columns of X, which a LinearOperator does not show. "
            "Use standardize=False."
        )
    means = np.asarray(X.rmatvec(share), dtype=np.float64) if centre else None
    A = X if root is None else aslinearoperator(sparse.diags_array(root)) @ X
    design = OperatorDesign(A, means, root)
    return design, design.means, np.ones(X.shape[1])


def _frame_dense(X, share, root, centre, standardize):
    n, p = X.shape
    means, scales = np.zeros(p), np.ones(p)
    if root is None and not centre and not standardize:
        return DenseDesign(X), means, scales
    columns = np.empty((p, n), dtype=X.dtype)
    width = max(CHUNK // n, 1)
    for first in range(0, p, width):
        chunk = slice(first, first + width)
        part = X.T[chunk].astype(np.float64)
        if centre:
            part, means[chunk] = _centre(part, share)
        with np.errstate(over="ignore"):
            squares = (part * part) @ share
        _check_range("X", squares, np.abs(part).max(axis=1))
        scales[chunk] = _scales(np.sqrt(squares), standardize)
        part /= scales[chunk, None]
        if root is not None:
            part *= root
        columns[chunk] = part
    return DenseDesign(columns.T), means, scales


def _frame_sparse(X, share, root, centre, standardize):
    n, p = X.shape
    if root is None and not centre and not standardize:
        return CentredSparseDesign(X, np.ones(n), np.zeros(p)), np.zeros(p), np.ones(p)
    counts = np.diff(X.indptr)
    pivots = np.zeros(p)
    if centre:  # as in _centre, where no entry is an implicit zero
        full = np.flatnonzero(counts == n)
        pivots[full] = X.data[X.indptr[full]]
    values = X.data - np.repeat(pivots, counts)

    def sums(entries):
        return sparse.csc_array((entries, X.indices, X.indptr), shape=X.shape).sum(axis=0)

    means = sums(values * share[X.indices]) if centre else np.zeros(p)
    about = values - np.repeat(means, counts)

    def deviations(share):
        # Two passes: entries about their mean, and the mean itself for those that are zero.
        shares = share[X.indices]
        unstored = np.where(counts < n, np.maximum(1.0 - sums(shares), 0.0), 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = sums(about**2 * shares) + means**2 * unstored
        _check_range("X", squares, sums(np.abs(about)))
        return np.sqrt(squares)

    sizes = deviations(share)
    scales = _scales(sizes, standardize)
    if root is None and not np.all(share == share[0]):
        sizes = deviations(np.full(n, 1.0 / n))  # the design itself is not weighted
    values /= np.repeat(scales, counts)
    u = np.ones(n) if root is None else root
    if root is not None:
        values *= root[X.indices]
    S = sparse.csc_array((values.astype(X.dtype), X.indices, X.indptr), shape=X.shape)
    design = CentredSparseDesign(S, u, means / scales, sizes / scales)
    return design, pivots + means, scales


def _check_range(name: str, squares: Any, sizes: Any) -> None:
    """Raise where squares overflow, or vanish though the values do not."""
    if not np.all(np.isfinite(squares)) or np.any((squares == 0.0) & (sizes != 0.0)):
        raise ValueError(
            f"{name} holds values whose squares leave the range of float64: rescale."
        )


def _scales(deviations, standardize) -> np.ndarray:
    """Return what to divide columns by, infinity for those that are zero."""
    scales = deviations if standardize else np.ones_like(deviations)
    return np.where(deviations > 0.0, scales, np.inf)
