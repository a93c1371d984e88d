"""What all linear estimators share: validation and prediction.

User input becomes :class:`Data`, validated arrays; :mod:`sparsestat.framing` makes a
numeric problem of them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from sparsestat._sklearn import check_sample_weight

__all__ = [
    "Data",
    "LinearEstimator",
    "check_shape",
    "check_vector",
    "n_columns",
    "is_missing",
    "naming",
    "validate",
]

X_CHECKS: dict[str, Any] = {
    "accept_sparse": "csc",
    "dtype": (np.float64, np.float32),
    "order": "F",
}


class Data(NamedTuple):
    """Validated training data.

    Parameters
    ----------
    X : ndarray in Fortran order or csc_array, of shape (n, p), float32 or float64
    y : ndarray of shape (n,) or (n, n_responses), float64, or of labels
    weight : ndarray of shape (n,), float64, or None
        Sample weights with mean 1; None if all are equal.
    offset : ndarray of the shape of y, float64, or None
        Known part of the linear predictor; None for zero.
    size : float
        The sum of the weights as given: how many samples there are.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    offset: np.ndarray | None
    size: float

    @property
    def shares(self) -> np.ndarray:
        """The weights, with sum 1."""
        n = self.y.shape[0]
        return np.full(n, 1.0 / n) if self.weight is None else self.weight / n

    def weighted(self) -> "Data":
        """Return the data without the rows that have no weight."""
        if self.weight is None or self.weight.all():
            return self
        return self.take(np.flatnonzero(self.weight))

    def reweighted(self, factors: np.ndarray) -> "Data":
        """Return the data with weights multiplied by positive factors, `size` as it was."""
        return self._replace(weight=_mean_one(self.shares * factors))

    def check_rows(self) -> None:
        """Raise ValueError if no rows can be taken."""
        if isinstance(self.X, LinearOperator):
            raise ValueError(
                "X is a LinearOperator, of which no rows can be taken: neither for "
                "cross-validation nor where sample weights are zero. Give X as an array or "
                "sparse matrix."
            )

    def take(self, rows: np.ndarray) -> "Data":
        """Return the data of some rows.

        Raises
        ------
        ValueError
            If the rows have no weight.
        """
        rows = np.arange(self.y.shape[0])[rows]  # masks become indices
        self.check_rows()
        if sparse.issparse(self.X):
            X = self.X[rows]
            X.sort_indices()
        else:
            X = self.X.T.take(rows, axis=1).T
        weight, size = None, float(rows.size)
        if self.weight is not None:
            weight = _mean_one(self.weight[rows])
            size = self.size * float(self.weight[rows].sum()) / self.y.shape[0]
        offset = None if self.offset is None else self.offset[rows]
        return Data(X, self.y[rows], weight, offset, size)


def validate(
    X: Any,
    y: Any,
    sample_weight: Any = None,
    offset: Any = None,
    *,
    estimator: BaseEstimator | None = None,
    labels: bool = False,
    reset: bool = True,
    several: bool = False,
) -> Data:
    """Check training data once, at the door.

    Parameters
    ----------
    X : {array-like, sparse matrix, LinearOperator} of shape (n, p)
    y : array-like of shape (n,), or (n, n_responses) if there may be several
    sample_weight : array-like of shape (n,), float or None
    offset : array-like of the shape of y, or None
    estimator : estimator, optional
        Gets ``n_features_in_`` and ``feature_names_in_``.
    labels : bool
        Whether y holds the labels of classes, of any sortable type, not numbers.
    reset : bool
        Whether the estimator learns the names and number of the features, or X must have
        those that it knows.
    several : bool
        Whether y may have several columns, responses that share their features.

    Returns
    -------
    Data

    Raises
    ------
    ValueError
        If an array has the wrong shape, is not numeric, holds NaN or infinity, or if
        the weights are negative or all zero.
    """
    with naming("X"):
        if isinstance(X, LinearOperator):
            X = _check_operator(X, estimator, reset)
        elif estimator is None:
            X = check_array(X, **X_CHECKS)
        else:
            X = validate_data(estimator, X, reset=reset, **X_CHECKS)
    if sparse.issparse(X):
        X = _canonical(X)
    with naming("y"):
        if y is None:
            raise ValueError("fit requires y to be passed, but the target y is None.")
        y = _check_response(y, X.shape[0], labels, several)
    weight, size = None, float(X.shape[0])
    if sample_weight is not None:
        with naming("sample_weight"):
            weight = check_sample_weight(sample_weight, X)
            with np.errstate(over="ignore"):
                size = float(weight.sum())
            weight = _mean_one(weight)
    if offset is not None:
        offset = check_shape("offset", offset, y.shape)
    return Data(X, y, weight, offset, size)


def n_columns(y: Any) -> int:
    """Count the columns of a response, 1 for a vector."""
    with naming("y"):
        shape = np.asarray(y).shape
    return shape[1] if len(shape) == 2 else 1


def _check_response(y: Any, size: int, labels: bool, several: bool) -> np.ndarray:
    """Return y as a vector, or as a matrix of several responses if that is allowed."""
    if several and n_columns(y) > 1:
        y = check_array(y, dtype=np.float64, input_name="y")
        return check_shape("y", y, (size, y.shape[1]))
    y = column_or_1d(y, warn=True)
    return _check_labels(y, size) if labels else check_vector("y", y, size)


def _check_operator(
    X: LinearOperator, estimator: BaseEstimator | None, reset: bool
) -> LinearOperator:
    """Return an operator as one of float64."""
    if np.issubdtype(X.dtype, np.complexfloating):
        raise ValueError(f"X must be real. Got an operator of dtype {X.dtype}.")
    if min(X.shape) < 1:
        raise ValueError(f"X must have samples and features. Got shape {X.shape}.")
    if estimator is not None and reset:
        vars(estimator).pop("feature_names_in_", None)
        estimator.n_features_in_ = X.shape[1]
    elif estimator is not None:
        _check_width(X, estimator)
    return LinearOperator(X.shape, matvec=X.matvec, rmatvec=X.rmatvec, dtype=np.float64)


def _check_width(X: LinearOperator, estimator: Any) -> None:
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(f"X must have {estimator.n_features_in_} features. Got {X.shape[1]}.")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of an argument before messages that leave it out."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if re.search(rf"\b{name}\b", str(error)):
            raise
        raise type(error)(f"{name}: {error}") from error


def check_vector(name: str, values: Any, size: int | None = None) -> np.ndarray:
    """Return an argument as a float64 vector of finite numbers, of a given length if any."""
    with naming(name):
        values = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
        if values.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional. Got shape {values.shape}.")
        if size is not None:
            _check_size(name, values, size)
    return values


def check_shape(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return an argument as float64 numbers, one for each sample, and response if several."""
    if len(shape) == 1:
        return check_vector(name, values, shape[0])
    with naming(name):
        values = check_array(values, dtype=np.float64, input_name=name)
        if values.shape != shape:
            raise ValueError(
                f"{name} must have shape {shape}, a row for each sample and a column for each "
                f"response. Got shape {values.shape} (inconsistent numbers of samples)."
            )
    return values


def _check_labels(y: np.ndarray, size: int) -> np.ndarray:
    """Return labels of classes that are there and can be sorted."""
    if y.dtype == object and any(map(is_missing, y)):
        raise ValueError("y must not hold missing labels (None or NaN).")
    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    _check_size("y", y, size)
    if y.dtype == object:
        types = {type(label).__name__ for label in y}
        if len(types) > 1:
            raise TypeError(f"y must hold labels of one type. Got {sorted(types)}.")
        if types != {"str"}:
            raise ValueError(
                f"Unknown label type of y: {types.pop()} with dtype object. Use strings or a "
                "numeric dtype."
            )
    check_classification_targets(y)
    return y


def is_missing(label: Any) -> bool:
    """Tell whether a label is None, NaN, NaT or pandas' NA."""
    # pandas' NA compares as neither equal nor different.
    return label is None or type(label).__name__ == "NAType" or label != label


def _check_size(name: str, values: np.ndarray, size: int) -> None:
    if values.size != size:
        raise ValueError(
            f"{name} must have one value for each of {size} samples. Got {values.size} "
            "(inconsistent numbers of samples)."
        )


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
    largest = weight.max()
    if largest <= 0.0:
        raise ValueError("sample_weight is zero for every sample of a cross-validation fold.")
    weight = weight / largest  # sums of very large or small weights leave the range
    return weight / weight.mean()


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
        """Return X coef_ + intercept_ + offset, with a column for each row of coef_."""
        check_is_fitted(self)
        with naming("X"):
            if isinstance(X, LinearOperator):
                _check_width(X, self)
            else:
                X = validate_data(
                    self, X, accept_sparse=("csr", "csc"), dtype=X_CHECKS["dtype"], reset=False
                )
        eta = X @ self.coef_.T + self.intercept_
        return eta if offset is None else eta + check_shape("offset", offset, eta.shape)
