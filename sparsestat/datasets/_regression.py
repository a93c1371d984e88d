"""Sparse linear and logistic regression data with correlated features."""

from math import inf, isfinite, isnan, pi, sqrt
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import expit

_DESIGNS = ("iid", "ar1", "block", "factor", "duplicated")
_RESPONSES = ("gaussian", "logistic")

# The inner product of two random directions in three dimensions is uniform on
# [-1, 1], so that the mean absolute correlation of the factor design is rho / 2.
_N_FACTORS = 3

# Variance of the standard logistic distribution, whose distribution function is expit.
_LOGISTIC_VARIANCE = pi**2 / 3


class Dataset(NamedTuple):
    """A regression sample together with the truth it was drawn from.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, in Fortran order.
    y : ndarray of shape (n_samples,)
        Response: ``intercept + X @ coef + noise`` (float64) or, if it is logistic,
        1 where that sum is positive and 0 elsewhere (int64).
    coef : ndarray of shape (n_features,)
        True coefficients.
    intercept : float
        True intercept.
    noise_variance : float
        Variance of the noise in that sum, in squared units of `y` if `y` is the
        sum; logistic noise has variance pi^2 / 3.

    Examples
    --------
    >>> from sparsestat.datasets import make_sparse_regression
    >>> X, y, coef, *truth = make_sparse_regression(50, 8, 2, random_state=0)
    >>> X.shape, y.shape, coef.shape
    ((50, 8), (50,), (8,))
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64] | NDArray[np.int64]
    coef: NDArray[np.float64]
    intercept: float
    noise_variance: float

    @property
    def support(self) -> NDArray[np.intp]:
        """Sorted positions of the nonzero coefficients, shape (n_nonzero,)."""
        return np.flatnonzero(self.coef)


def make_sparse_regression(
    n_samples: int,
    n_features: int,
    n_nonzero: int,
    rho: float = 0.5,
    snr: float = 3.0,
    design: Literal["iid", "ar1", "block", "factor", "duplicated"] = "ar1",
    response: Literal["gaussian", "logistic"] = "gaussian",
    random_state: int | Generator | None = None,
    *,
    magnitude: float | tuple[float, float] = (0.5, 1.5),
    coef: ArrayLike | None = None,
    intercept: float = 0.0,
    block_size: int = 10,
) -> Dataset:
    r"""Draw a sparse linear or logistic regression problem with correlated features.

    The rows of `X` are independent Gaussian vectors whose entries have mean
    zero and population variance one. The response is
    ``intercept + X @ coef + noise`` with independent Gaussian noise or, for
    classification, tells where such a sum with logistic noise is positive.

    Parameters
    ----------
    n_samples, n_features : int
        Numbers of rows and of columns of `X`.
    n_nonzero : int
        Number of nonzero coefficients, at most `n_features`. Their positions
        and signs are random.
    rho : float, default=0.5
        Strength of the correlation between features, in [0, 1); see `design`.
    snr : float, default=3.0
        Signal-to-noise ratio :math:`\mathrm{Var}(x^\top \beta) / \sigma^2`,
        positive. The numerator is the exact variance under the population
        covariance of the features, not that of the sample. ``inf`` gives no
        noise. For a Gaussian response, :math:`\sigma^2` is what meets `snr`. For a
        logistic one, :math:`\sigma^2 = \pi^2 / 3` and the random coefficients are
        multiplied by the number that meets `snr`, except that ``inf`` leaves them as
        drawn; coefficients given as `coef` are used as they are, and a finite `snr`
        is then not used. When the signal has no variance, as with ``n_nonzero=0``,
        there is noise whatever `snr`: of variance 1 if Gaussian and
        :math:`\pi^2 / 3` if logistic, whose labels are then tosses of one coin.
    design : {"iid", "ar1", "block", "factor", "duplicated"}, default="ar1"
        Population correlation of the features:

        - ``"iid"``: none; `rho` is not used.
        - ``"ar1"``: ``rho ** abs(i - j)`` between features i and j.
        - ``"block"``: `rho` within consecutive blocks of `block_size` features
          (the last may be smaller), none between blocks.
        - ``"factor"``: three common factors explain the share `rho` of the
          variance of each feature, with random loadings, so that correlations
          have either sign and ``rho / 2`` as expected absolute value. `snr` is
          relative to the loadings drawn.
        - ``"duplicated"``: the first ``h = ceil(n_features / 2)`` features are
          as in ``"ar1"`` and feature ``h + j`` is an exact copy of feature j.
          Only the sum of the coefficients of two copies is identified.
    response : {"gaussian", "logistic"}, default="gaussian"
        Distribution of `y` given `X`:

        - ``"gaussian"``: normal with mean ``intercept + X @ coef``.
        - ``"logistic"``: labels 0 and 1 with
          :math:`P(y = 1 \mid x) = 1 / (1 + e^{-\beta_0 - x^\top \beta})`, where
          :math:`\beta_0` is `intercept`. Equivalently, a label is 1 where
          ``intercept + X @ coef + noise`` is positive, with standard logistic noise.
    random_state : int, Generator or None, default=None
        Passed to :func:`numpy.random.default_rng`. Features, coefficients and
        noise come from separate streams: under one seed, a change of `snr`
        or of the coefficients leaves `X` and the standardised noise (for logistic
        labels, the uniform numbers that decide them) as they were.
    magnitude : float or (float, float), default=(0.5, 1.5)
        Absolute value of every nonzero coefficient, or the limits between
        which the absolute values are drawn uniformly. For a logistic response only
        their ratios matter, unless `snr` is ``inf``.
    coef : array-like of shape (n_features,), default=None
        Coefficients to use instead of random ones; `magnitude` is then unused
        and `n_nonzero` must be their number of nonzero entries.
    intercept : float, default=0.0
        Constant added to `y` or, for a logistic response, to its log-odds.
    block_size : int, default=10
        Number of features in a block, for ``design="block"``.

    Returns
    -------
    Dataset
        Named tuple ``(X, y, coef, intercept, noise_variance)``, with the
        positions of the nonzero coefficients as its property ``support``.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Examples
    --------
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 500, 3, magnitude=1.0, random_state=0)
    >>> data.X.shape
    (100, 500)
    >>> abs(data.coef[data.support])
    array([1., 1., 1.])

    Labels with a signal of half the variance of the noise:

    >>> data = make_sparse_regression(
    ...     100, 500, 3, snr=0.5, response="logistic", random_state=0
    ... )
    >>> data.y[:8]
    array([0, 1, 1, 1, 1, 1, 0, 0])

    To compare a prediction with fresh rows of the same design, draw both
    samples at once and split them:

    >>> X, y, coef, *truth = make_sparse_regression(300, 500, 3, random_state=0)
    >>> X_train, X_test = X[:100], X[100:]
    """
    _require(_is_integer(n_samples, 1), "n_samples", "a positive integer", n_samples)
    _require(_is_integer(n_features, 1), "n_features", "a positive integer", n_features)
    in_range = _is_integer(n_nonzero, 0) and n_nonzero <= n_features
    _require(in_range, "n_nonzero", f"an integer from 0 to n_features={n_features}", n_nonzero)
    _require(_is_integer(block_size, 1), "block_size", "a positive integer", block_size)
    _require(_is_real(rho) and 0 <= rho < 1, "rho", "a number in [0, 1)", rho)
    _require(_is_real(snr) and snr > 0, "snr", "a positive number or inf", snr)
    _require(design in _DESIGNS, "design", f"one of {_DESIGNS}", design)
    _require(response in _RESPONSES, "response", f"one of {_RESPONSES}", response)
    _require(
        _is_real(intercept) and isfinite(intercept), "intercept", "a finite number", intercept
    )

    rho, snr, intercept = float(rho), float(snr), float(intercept)
    design_rng, coef_rng, noise_rng = _streams(random_state)
    if coef is None:
        beta = _draw_coef(coef_rng, n_features, n_nonzero, magnitude)
    else:
        beta = _checked_coef(coef, n_features, n_nonzero)
    X, signal_variance = _draw_design(design_rng, n_samples, beta, rho, design, block_size)
    if response == "gaussian":
        noise_variance = signal_variance / snr if signal_variance > 0 else 1.0
        noise = sqrt(noise_variance) * noise_rng.standard_normal(n_samples)
        return Dataset(X, intercept + X @ beta + noise, beta, intercept, noise_variance)
    noise_variance = _LOGISTIC_VARIANCE if snr < inf or signal_variance == 0 else 0.0
    if coef is None and signal_variance > 0 and noise_variance > 0:
        # Root by root, since the product or the ratio may exceed the largest number.
        beta *= sqrt(snr) * sqrt(noise_variance) / sqrt(signal_variance)
    y = _draw_labels(noise_rng, intercept + X @ beta, noise_variance > 0)
    return Dataset(X, y, beta, intercept, noise_variance)


def _draw_design(
    rng: Generator,
    n_samples: int,
    coef: NDArray[np.float64],
    rho: float,
    design: str,
    block_size: int,
) -> tuple[NDArray[np.float64], float]:
    """Draw X and give the population variance of x'coef.

    Everything is made feature by feature, as rows, whose transpose is X in
    Fortran order. No matrix of shape (n_features, n_features) is formed.
    """
    n_features = len(coef)
    if design == "iid":
        columns, variance = _ar1(rng, n_samples, coef, 0.0)
    elif design == "ar1":
        columns, variance = _ar1(rng, n_samples, coef, rho)
    elif design == "duplicated":
        n_copies = n_features // 2
        originals = coef[: n_features - n_copies].copy()
        originals[:n_copies] += coef[n_features - n_copies :]
        columns, variance = _ar1(rng, n_samples, originals, rho)
        columns = np.concatenate([columns, columns[:n_copies]])
    elif design == "block":
        index = np.arange(n_features)
        membership = (np.ones(n_features), (index, index // block_size))
        columns, variance = _factors(rng, n_samples, coef, rho, sparse.csr_array(membership))
    else:
        loadings = rng.standard_normal((n_features, _N_FACTORS))
        loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
        columns, variance = _factors(rng, n_samples, coef, rho, loadings)
    return columns.T, variance


def _ar1(
    rng: Generator, n_samples: int, coef: NDArray[np.float64], rho: float
) -> tuple[NDArray[np.float64], float]:
    """Draw x_j = rho x_{j-1} + sqrt(1 - rho^2) e_j, started from its stationary law."""
    columns = rng.standard_normal((len(coef), n_samples))
    columns[1:] *= sqrt(1 - rho**2)
    _accumulate(columns, rho)
    # x = L e with e white, so that Var(x'coef) = |L'coef|^2. L' is the same recursion
    # from last to first; the law is reversible, so that first to last serves as well.
    weights = coef.copy()
    _accumulate(weights, rho)
    weights[:-1] *= sqrt(1 - rho**2)
    return columns, float(weights @ weights)


def _accumulate(rows: NDArray[np.float64], rho: float) -> None:
    """Add to each row, in place, rho times the row before it."""
    if rho > 0:
        for j in range(1, len(rows)):
            rows[j] += rho * rows[j - 1]


def _factors(
    rng: Generator, n_samples: int, coef: NDArray[np.float64], rho: float, loadings: Any
) -> tuple[NDArray[np.float64], float]:
    """Draw x = sqrt(rho) loadings f + sqrt(1 - rho) e; each loading has unit length."""
    columns = sqrt(1 - rho) * rng.standard_normal((len(coef), n_samples))
    columns += sqrt(rho) * (loadings @ rng.standard_normal((loadings.shape[1], n_samples)))
    shared = loadings.T @ coef
    return columns, float(rho * (shared @ shared) + (1 - rho) * (coef @ coef))


def _draw_coef(
    rng: Generator, n_features: int, n_nonzero: int, magnitude: float | tuple[float, float]
) -> NDArray[np.float64]:
    """Draw positions, signs and absolute values of the nonzero coefficients."""
    is_range = isinstance(magnitude, tuple | list) and len(magnitude) == 2
    limits: Any = magnitude if is_range else (magnitude, magnitude)
    low, high = limits
    _require(
        _is_real(low) and _is_real(high) and 0 < low <= high < inf,
        "magnitude",
        "a positive number or a pair 0 < low <= high",
        magnitude,
    )
    coef = np.zeros(n_features)
    support = rng.choice(n_features, size=n_nonzero, replace=False)
    coef[support] = rng.choice([-1.0, 1.0], size=n_nonzero) * rng.uniform(low, high, n_nonzero)
    return coef


def _draw_labels(
    rng: Generator, log_odds: NDArray[np.float64], noisy: bool
) -> NDArray[np.int64]:
    """Draw labels 0 and 1 with the given log-odds, or take their signs."""
    # One uniform number a label, whatever its odds.
    positive = rng.random(len(log_odds)) < expit(log_odds) if noisy else log_odds > 0
    return positive.astype(np.int64)


def _checked_coef(coef: ArrayLike, n_features: int, n_nonzero: int) -> NDArray[np.float64]:
    """Copy the given coefficients once they agree with the sizes asked for."""
    beta = np.array(coef, dtype=np.float64)
    _require(beta.shape == (n_features,), "coef", f"of shape ({n_features},)", beta.shape)
    _require(bool(np.isfinite(beta).all()), "coef", "finite", coef)
    count = np.count_nonzero(beta)
    expected = f"{count}, the number of nonzero entries of coef"
    _require(n_nonzero == count, "n_nonzero", expected, n_nonzero)
    return beta


def _streams(random_state: int | Generator | None) -> list[Generator]:
    """Give one independent generator each to features, coefficients and noise."""
    try:
        return np.random.default_rng(random_state).spawn(3)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "random_state must be None, a non-negative integer or a numpy.random.Generator, "
            f"got {random_state!r}"
        ) from error


def _is_integer(value: Any, smallest: int) -> bool:
    return (
        isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= smallest
    )


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not isnan(value)


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {expected}, got {got!r}")
