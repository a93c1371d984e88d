"""How well estimated coefficients recover the true ones, and risks order survival times.

Every function of coefficients takes the true ones first and the estimated ones second.
Either is a vector: an array-like or a scipy sparse array of shape
(n_features,), (n_features, 1) or (1, n_features).

The true support is the set of nonzero true coefficients. The selected set is
the set of estimated coefficients larger than `tol` in absolute value; `tol`
does not touch the truth, so that it cannot hide a weak signal that was missed.
"""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

__all__ = [
    "support_precision",
    "support_recall",
    "support_f1",
    "exact_support_recovery",
    "false_discovery_proportion",
    "estimation_error",
    "prediction_error",
    "concordance_index",
]


def support_precision(coef_true: ArrayLike, coef: ArrayLike, *, tol: float = 0.0) -> float:
    """Share of the selected features that are truly nonzero.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.
    tol : float, default=0.0
        An estimated coefficient counts as selected if its absolute value is
        larger than this, in units of `coef`.

    Returns
    -------
    float
        In [0, 1]; 1 when nothing is selected.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, or `tol` is
        negative.

    See Also
    --------
    false_discovery_proportion : One minus this.

    Examples
    --------
    >>> from sparsestat.metrics import support_precision
    >>> support_precision([1.0, -2.0, 0.0, 0.0], [0.9, 0.0, 0.1, 0.0])
    0.5
    """
    n_hits, n_selected, _ = _support_counts(coef_true, coef, tol)
    return n_hits / n_selected if n_selected else 1.0


def support_recall(coef_true: ArrayLike, coef: ArrayLike, *, tol: float = 0.0) -> float:
    """Share of the truly nonzero features that are selected.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.
    tol : float, default=0.0
        An estimated coefficient counts as selected if its absolute value is
        larger than this, in units of `coef`.

    Returns
    -------
    float
        In [0, 1]; 1 when there is nothing to find.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, or `tol` is
        negative.

    Examples
    --------
    >>> from sparsestat.metrics import support_recall
    >>> support_recall([1.0, -2.0, 0.0, 0.0], [0.9, 0.0, 0.1, 0.0])
    0.5
    """
    n_hits, _, n_true = _support_counts(coef_true, coef, tol)
    return n_hits / n_true if n_true else 1.0


def support_f1(coef_true: ArrayLike, coef: ArrayLike, *, tol: float = 0.0) -> float:
    """Twice the number of hits over the sizes of the true and selected sets.

    This is the harmonic mean of precision and recall, or the Dice coefficient
    of the two sets.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.
    tol : float, default=0.0
        An estimated coefficient counts as selected if its absolute value is
        larger than this, in units of `coef`.

    Returns
    -------
    float
        In [0, 1]; 1 when both sets are empty, 0 when only one of them is.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, or `tol` is
        negative.

    Examples
    --------
    >>> from sparsestat.metrics import support_f1
    >>> support_f1([1.0, -2.0, 0.0, 0.0], [0.9, 0.0, 0.1, 0.0])
    0.5
    """
    n_hits, n_selected, n_true = _support_counts(coef_true, coef, tol)
    return 2 * n_hits / (n_selected + n_true) if n_selected + n_true else 1.0


def exact_support_recovery(coef_true: ArrayLike, coef: ArrayLike, *, tol: float = 0.0) -> bool:
    """Whether the selected features are the truly nonzero ones and no others.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients. Their signs are not compared.
    tol : float, default=0.0
        An estimated coefficient counts as selected if its absolute value is
        larger than this, in units of `coef`.

    Returns
    -------
    bool
        True also when both sets are empty.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, or `tol` is
        negative.

    Examples
    --------
    >>> from sparsestat.metrics import exact_support_recovery
    >>> exact_support_recovery([1.0, -2.0, 0.0], [0.9, -1.8, 1e-9])
    False
    >>> exact_support_recovery([1.0, -2.0, 0.0], [0.9, -1.8, 1e-9], tol=1e-6)
    True
    """
    n_hits, n_selected, n_true = _support_counts(coef_true, coef, tol)
    return n_hits == n_selected == n_true


def false_discovery_proportion(
    coef_true: ArrayLike, coef: ArrayLike, *, tol: float = 0.0
) -> float:
    """Share of the selected features that are truly zero.

    Its expectation over data sets is the false discovery rate.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.
    tol : float, default=0.0
        An estimated coefficient counts as selected if its absolute value is
        larger than this, in units of `coef`.

    Returns
    -------
    float
        In [0, 1]; 0 when nothing is selected.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, or `tol` is
        negative.

    Examples
    --------
    >>> from sparsestat.metrics import false_discovery_proportion
    >>> false_discovery_proportion([1.0, 0.0, 0.0, 0.0], [0.9, 0.2, 0.1, 0.3])
    0.75
    """
    n_hits, n_selected, _ = _support_counts(coef_true, coef, tol)
    return (n_selected - n_hits) / max(n_selected, 1)


def estimation_error(coef_true: ArrayLike, coef: ArrayLike) -> float:
    """Euclidean distance between the estimated and the true coefficients.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.

    Returns
    -------
    float
        Non-negative, in units of the coefficients.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length.

    Examples
    --------
    >>> from sparsestat.metrics import estimation_error
    >>> estimation_error([3.0, 0.0, 0.0], [0.0, 4.0, 0.0])
    5.0
    """
    coef_true, coef = _vectors(coef_true, coef)
    return float(np.linalg.norm(coef - coef_true))


def prediction_error(
    coef_true: ArrayLike,
    coef: ArrayLike,
    X: ArrayLike | None = None,
    *,
    covariance: ArrayLike | None = None,
) -> float:
    r"""Mean squared error of the linear prediction against its true value.

    With :math:`\delta = \hat\beta - \beta` it is :math:`\|X\delta\|^2 / n` over
    the rows of `X`, be they those of the fit or fresh ones, or
    :math:`\delta^\top \Sigma \delta` for a row with covariance
    :math:`\Sigma`. The noise of the response and the intercept do not enter.

    Parameters
    ----------
    coef_true, coef : array-like or sparse array of shape (n_features,)
        True and estimated coefficients.
    X : array-like or sparse array of shape (n_samples, n_features), default=None
        Rows at which to predict.
    covariance : array-like or sparse array of shape (n_features, n_features)
        Covariance of a centred random row, in place of `X`.

    Returns
    -------
    float
        In squared units of the response.

    Raises
    ------
    ValueError
        If the coefficients are not finite vectors of one length, if not
        exactly one of `X` and `covariance` is given, or if its shape does not
        match.

    Examples
    --------
    >>> from sparsestat.metrics import prediction_error
    >>> prediction_error([1.0, 0.0], [0.0, 1.0], [[1.0, 2.0], [0.0, 3.0]])
    5.0
    >>> prediction_error([1.0, 0.0], [0.0, 1.0], covariance=[[1.0, 0.5], [0.5, 1.0]])
    1.0
    """
    if (X is None) == (covariance is None):
        given = "neither" if X is None else "both"
        raise ValueError(f"exactly one of X and covariance must be given, got {given}")
    coef_true, coef = _vectors(coef_true, coef)
    delta = coef - coef_true
    if X is not None:
        residual = _matrix("X", X, delta.size) @ delta
        return float(np.mean(np.abs(residual) ** 2))
    sigma = _matrix("covariance", covariance, delta.size, n_rows=delta.size)
    return float(np.vdot(delta, sigma @ delta).real)


def concordance_index(
    time: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> float:
    """Share of comparable pairs whose order the risks predict: Harrell's C.

    A pair is comparable if one has its event while the other is known to be free of it:
    at a later time, or censored at the same time. It is concordant if the one with the
    event has the higher risk, and counts half if the risks are equal.

    Parameters
    ----------
    time : array-like of shape (n_samples,)
    event : array-like of bool, or of 0 and 1, shape (n_samples,)
        Whether the time is that of an event; else it is censored.
    risk : array-like of shape (n_samples,)
        Predictions that are higher for those expected to have their event earlier.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative; a pair counts the product of its weights.
    strata : array-like of shape (n_samples,), default=None
        Labels; pairs are formed within strata.

    Returns
    -------
    float
        In [0, 1]: 1/2 for risks that say nothing.

    Raises
    ------
    ValueError
        If arrays do not have the same length, times or risks are not finite, events are
        neither boolean nor 0 and 1, weights are negative, or no pair is comparable.

    References
    ----------
    F. E. Harrell, K. L. Lee, D. B. Mark (1996). Multivariable prognostic models. Statistics
    in Medicine 15, 361-387.

    Examples
    --------
    >>> from sparsestat.metrics import concordance_index
    >>> concordance_index([1.0, 2.0, 3.0], [True, False, True], [0.5, 0.9, 0.1])
    0.5
    """
    time, risk = _vector("time", time), _vector("risk", risk)
    event = _events(event)
    weight = np.ones(time.size) if sample_weight is None else _weights(sample_weight)
    codes = np.zeros(time.size, dtype=np.intp)
    if strata is not None:
        codes = np.unique(np.asarray(strata), return_inverse=True)[1]
    if any(v.shape != time.shape for v in (event, risk, weight, codes)):
        raise ValueError("time, event, risk and what goes with them must be of one length")
    if not time.size:
        raise ValueError("no pair is comparable: there are no samples")
    ranks = np.unique(risk, return_inverse=True)[1]
    order = np.lexsort((event, -time, codes))
    concordant = tied = total = 0.0
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        # Of any two samples the one with the higher key has its event first, if any.
        after = np.append(1, np.diff(time[rows]) != 0.0) | ~event[rows]
        after[1:] |= ~event[rows[:-1]]
        keys = np.cumsum(after) - 1
        below, equal = _count_pairs(keys, ranks[rows], weight[rows], event[rows])
        concordant, tied = concordant + below, tied + equal
        comparable = np.append(0.0, np.cumsum(np.bincount(keys, weight[rows])))[keys]
        total += float((weight[rows] * event[rows]) @ comparable)
    if total == 0.0:
        raise ValueError("no pair is comparable: none is known to be free of another's event")
    return (concordant + 0.5 * tied) / total


def _events(values: ArrayLike) -> np.ndarray:
    """Give events as booleans; other codes, such as 1 and 2, would all count as true."""
    events = np.asarray(values)
    if events.dtype.kind not in "biuf" or not np.isin(events, (0, 1)).all():
        raise ValueError("event must hold booleans, or 0 and 1")
    return events.astype(bool)


def _weights(values: ArrayLike) -> np.ndarray:
    weights = _vector("sample_weight", values)
    if (weights < 0.0).any():
        raise ValueError("sample_weight must not be negative")
    return weights


def _count_pairs(keys, ranks, weight, event) -> tuple[float, float]:
    """Sum the weights of pairs of an event and a sample with a lower key, by their ranks.

    Returns the sums for lower and for equal ranks of the other. Two keys first differ at
    one bit: so the pairs are found bit by bit, among those that agree in all higher bits.
    """
    below = equal = 0.0
    by_rank = np.argsort(ranks, kind="stable")
    for bit in reversed(range(int(keys.max()).bit_length())):
        blocks = keys >> (bit + 1)
        order = by_rank[np.argsort(blocks[by_rank], kind="stable")]
        block, rank, w = blocks[order], ranks[order], weight[order]
        upper = (keys[order] >> bit) & 1 == 1
        lower = np.append(0.0, np.cumsum(np.where(upper, 0.0, w)))
        new_block = np.append(True, np.diff(block) != 0)
        new_run = new_block | np.append(True, np.diff(rank) != 0)
        first, run = np.flatnonzero(new_run), np.cumsum(new_run) - 1
        begin = lower[np.flatnonzero(new_block)][np.cumsum(new_block) - 1]
        ties = np.diff(lower[np.append(first, rank.size)])[run]
        paying = np.where(upper & event[order], w, 0.0)
        below += float(paying @ (lower[first][run] - begin))
        equal += float(paying @ ties)
    return below, equal


def _support_counts(coef_true: ArrayLike, coef: ArrayLike, tol: float) -> tuple[int, int, int]:
    """Count the hits, the selected and the truly nonzero features."""
    if not isinstance(tol, Real) or not tol >= 0:
        raise ValueError(f"tol must be a non-negative number, got {tol!r}")
    coef_true, coef = _vectors(coef_true, coef)
    nonzero, selected = coef_true != 0, np.abs(coef) > tol
    return int(np.sum(nonzero & selected)), int(selected.sum()), int(nonzero.sum())


def _vectors(coef_true: ArrayLike, coef: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Give both as dense vectors of one length."""
    truth, estimate = _vector("coef_true", coef_true), _vector("coef", coef)
    if truth.size != estimate.size:
        raise ValueError(
            f"coef must have as many entries as coef_true, {truth.size}, got {estimate.size}"
        )
    return truth, estimate


def _vector(name: str, value: Any) -> np.ndarray:
    array = value.toarray() if sparse.issparse(value) else np.asarray(value)
    if array.ndim not in (1, 2) or array.size != max(array.shape):
        raise ValueError(f"{name} must be a vector, got an array of shape {array.shape}")
    if array.dtype.kind not in "biufc":
        raise ValueError(f"{name} must be numeric, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        # A NaN would otherwise count as a coefficient that was not selected.
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    # Booleans and unsigned integers do not subtract as numbers.
    return array.ravel().astype(np.result_type(array, np.float64))


def _matrix(name: str, value: Any, n_features: int, n_rows: int | None = None) -> Any:
    matrix = value if sparse.issparse(value) else np.asarray(value)
    rows = "n_samples" if n_rows is None else n_rows
    if (
        matrix.ndim != 2
        or matrix.shape[1] != n_features
        or matrix.shape[0] == 0
        or n_rows not in (None, matrix.shape[0])
    ):
        raise ValueError(f"{name} must have shape ({rows}, {n_features}), got {matrix.shape}")
    return matrix
