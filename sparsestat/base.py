"""What all linear estimators share: validation, centring and scaling, prediction.

Data flow one way: user input -> :class:`Data` (validated arrays) -> a design and a
target that a solver takes, and a :class:`Frame` that brings coefficients back.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from sparsestat._sklearn import check_sample_weight
from sparsestat.linalg import CentredSparseDesign, DenseDesign

__all__ = ["Data", "Frame", "LinearEstimator", "frame_data", "validate"]

# Columns are centred and scaled in double precision, this many numbers at a time.
CHUNK = 1 << 20

FIT_CHECKS = {
    "accept_sparse": "csc",
    "dtype": (np.float64, np.float32),
    "order": "F",
    "y_numeric": True,
}


class Data(NamedTuple):
    """Validated training data.

    Parameters
    ----------
    X : ndarray in Fortran order or csc_array, of shape (n, p), float32 or float64
    y : ndarray of shape (n,), float64
    weight : ndarray of shape (n,), float64, or None
        Sample weights with mean 1; None if all are equal.
    offset : ndarray of shape (n,), float64, or None
        Known part of the linear predictor; None for zero.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    offset: np.ndarray | None

    def take(self, rows: np.ndarray) -> "Data":
        """Return the data of some rows.

        Raises
        ------
        ValueError
            If the rows have no weight.
        """
        X = self.X[rows] if sparse.issparse(self.X) else self.X.T[:, rows].T
        weight = None if self.weight is None else _mean_one(self.weight[rows])
        return Data(X, self.y[rows], weight, None if self.offset is None else self.offset[rows])


def validate(
    X: Any,
    y: Any,
    sample_weight: Any = None,
    offset: Any = None,
    *,
    estimator: BaseEstimator | None = None,
) -> Data:
    """Check training data once, at the door.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n, p)
    y : array-like of shape (n,)
    sample_weight : array-like of shape (n,), float or None
    offset : array-like of shape (n,) or None
    estimator : estimator, optional
        Gets ``n_features_in_`` and ``feature_names_in_``.

    Returns
    -------
    Data

    Raises
    ------
    ValueError
        If an array has the wrong shape, is not numeric, holds NaN or infinity, or if
        the weights are negative or all zero.
    """
    if estimator is None:
        X, y = check_X_y(X, y, **FIT_CHECKS)
    else:
        X, y = validate_data(estimator, X, y, **FIT_CHECKS)
    y = y.astype(np.float64)
    if sparse.issparse(X):
        X = _canonical(X)
    weight = None
    if sample_weight is not None:
        weight = _mean_one(check_sample_weight(sample_weight, X))
    if offset is not None:
        offset = check_offset(offset, X)
    return Data(X, y, weight, offset)


def check_offset(offset: Any, X: Any) -> np.ndarray:
    """Return an offset as float64, checked to be one finite number a sample."""
    offset = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    if offset.ndim != 1:
        raise ValueError(f"offset must be one-dimensional. Got shape {offset.shape} instead.")
    check_consistent_length(X, offset)
    return offset


def _canonical(X: Any) -> sparse.csc_array:
    """Return a csc_array without duplicate entries, with 32-bit indices where they reach."""
    canonical = X.has_canonical_format
    X = sparse.csc_array(X)
    if not canonical:
        X = X.copy()
        X.sum_duplicates()
    if X.nnz < np.iinfo(np.int32).max and max(X.shape) < np.iinfo(np.int32).max:
        parts = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32))
        X = sparse.csc_array(parts, shape=X.shape)
    return X


def _mean_one(weight: np.ndarray) -> np.ndarray:
    total = weight.sum()
    if total <= 0.0:
        raise ValueError("sample_weight is zero for every sample of a cross-validation fold.")
    return weight * (weight.size / total)


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
    y_mean : float
    """

    means: np.ndarray
    scales: np.ndarray
    y_mean: float

    def restore(self, coef: np.ndarray) -> tuple[np.ndarray, float]:
        """Return coefficients and intercept for the user's columns."""
        coef = coef / self.scales
        return coef, float(self.y_mean - self.means @ coef)

    def express(self, coef: np.ndarray) -> np.ndarray:
        """Return the user's coefficients on the scale of the problem."""
        finite = np.isfinite(self.scales)
        return np.where(finite, coef, 0.0) * np.where(finite, self.scales, 0.0)


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
    fit_intercept : bool
        Whether to centre.
    standardize : bool
        Whether to scale columns to mean square one.

    Returns
    -------
    design : DenseDesign or CentredSparseDesign
    target : ndarray of shape (n,)
    frame : Frame
    """
    X, y, weight, offset = data
    y = y if offset is None else y - offset
    root = None if weight is None else np.sqrt(weight)
    y_mean = 0.0
    if fit_intercept:
        y_mean = float(np.average(y, weights=weight))
    target = y - y_mean if root is None else root * (y - y_mean)
    if sparse.issparse(X):
        design, means, scales = _frame_sparse(X, weight, root, fit_intercept, standardize)
    else:
        design, means, scales = _frame_dense(X, weight, root, fit_intercept, standardize)
    return design, target, Frame(means, scales, y_mean)


def _frame_dense(X, weight, root, centre, standardize):
    n, p = X.shape
    means, scales = np.zeros(p), np.ones(p)
    if weight is None and not centre and not standardize:
        return DenseDesign(X), means, scales
    columns = np.empty((p, n), dtype=X.dtype)
    share = np.full(n, 1.0 / n) if weight is None else weight / n
    width = max(CHUNK // n, 1)
    for first in range(0, p, width):
        chunk = slice(first, first + width)
        part = X.T[chunk].astype(np.float64)
        if centre:
            means[chunk] = part @ share
            part -= means[chunk, None]
        deviations = np.sqrt((part * part) @ share)
        scales[chunk] = _scales(deviations, means[chunk], n, standardize)
        part /= scales[chunk, None]
        if root is not None:
            part *= root
        columns[chunk] = part
    return DenseDesign(columns.T), means, scales


def _frame_sparse(X, weight, root, centre, standardize):
    n, p = X.shape
    if weight is None and not centre and not standardize:
        return CentredSparseDesign(X, np.ones(n), np.zeros(p)), np.zeros(p), np.ones(p)
    share = np.full(n, 1.0 / n) if weight is None else weight / n
    means = np.asarray(X.T @ share) if centre else np.zeros(p)
    # Two passes: entries about their mean, and the mean itself for the entries that are zero.
    counts = np.diff(X.indptr)
    about = (X.data - np.repeat(means, counts)) ** 2 * share[X.indices]
    stored = sparse.csc_array((share[X.indices], X.indices, X.indptr), shape=X.shape)
    variances = sparse.csc_array((about, X.indices, X.indptr), shape=X.shape).sum(axis=0)
    variances += means**2 * np.maximum(1.0 - stored.sum(axis=0), 0.0)
    deviations = np.sqrt(variances)
    scales = _scales(deviations, means, n, standardize)
    values = X.data / np.repeat(scales, counts).astype(X.dtype)
    u = np.ones(n) if root is None else root
    if root is not None:
        values = (values * root[X.indices]).astype(X.dtype)
    S = sparse.csc_array((values, X.indices, X.indptr), shape=X.shape)
    return CentredSparseDesign(S, u, means / scales, deviations / scales), means, scales


def _scales(deviations, means, n, standardize) -> np.ndarray:
    """Return what to divide columns by; infinity where nothing but rounding is left."""
    scales = deviations.copy() if standardize else np.ones_like(deviations)
    constant = deviations <= n * np.finfo(np.float64).eps * np.abs(means)
    scales[constant] = np.inf
    return scales


class LinearEstimator(BaseEstimator):
    """Prediction, tags and links to the documentation, shared by linear estimators."""

    _doc_link_module = "sparsestat"
    _doc_link_template = (
        "https://sparsestat.readthedocs.io/en/stable/api/generated/"
        "{estimator_module}.{estimator_name}.html"
    )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _linear_predictor(self, X: Any, offset: Any = None) -> np.ndarray:
        """Return X coef_ + intercept_ + offset."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), reset=False
        )
        eta = X @ self.coef_ + self.intercept_
        return eta if offset is None else eta + check_offset(offset, X)
