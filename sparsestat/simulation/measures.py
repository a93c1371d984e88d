"""Performance measures, each with its Monte Carlo standard error.

A measure of a study is either a loss, any ``function(fit, data)`` that gives a number for
each replication and is then averaged (:func:`l2_error` and its kin here, or one's own), or
what a function here makes of an :class:`~sparsestat.simulation.Estimand` (:func:`bias`,
:func:`coverage` and so on). With :math:`e_i` for the error of the estimate in replication i
of n, the formulas are those of :cite:t:`morris2019simulation`; where the truth differs
between replications, :math:`e_i` is relative to its own. Monte Carlo standard errors of
differences between methods, in :meth:`StudyResult.compare
<sparsestat.simulation.StudyResult.compare>`, come from the influence of each replication.
"""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from sparsestat import metrics
from sparsestat.simulation import _statistics as st
from sparsestat.simulation._measure import (
    ESTIMATE,
    LOWER,
    SE,
    TRUTH,
    UPPER,
    VALUE,
    Estimand,
    Loss,
    Measure,
)

__all__ = [
    "l2_error",
    "prediction_error",
    "support_precision",
    "support_recall",
    "support_f1",
    "false_discovery_proportion",
    "exact_support",
    "n_selected",
    "mean",
    "quantile",
    "median",
    "performance",
    "bias",
    "relative_bias",
    "empirical_se",
    "mse",
    "rmse",
    "relative_precision",
    "model_se",
    "relative_error",
    "coverage",
    "bias_eliminated_coverage",
    "power",
    "Measure",
]

ERROR = (ESTIMATE, TRUTH)
INTERVAL = (LOWER, UPPER)


def l2_error(fit: Any, data: Any) -> float:
    """Return the Euclidean distance of the coefficients from the true ones.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    float

    Examples
    --------
    >>> from sparsestat.datasets import make_sparse_regression
    >>> from sparsestat.simulation import measures as m
    >>> data = make_sparse_regression(20, 4, 1, magnitude=2.0, random_state=0)
    >>> m.l2_error([0.0, 0.0, 0.0, 0.0], data)
    2.0
    """
    return metrics.estimation_error(data.coef, _coef(fit))


def prediction_error(fit: Any, data: Any) -> float:
    """Return the mean squared error of ``X @ coef`` against its true value, over ``data.X``.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``X`` and ``coef``

    Returns
    -------
    float
        In squared units of the response. Noise and intercept do not enter.
    """
    return metrics.prediction_error(data.coef, _coef(fit), data.X)


def support_precision(fit: Any, data: Any) -> float:
    """Return the share of the selected features that are truly nonzero.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    float
    """
    return metrics.support_precision(data.coef, _coef(fit))


def support_recall(fit: Any, data: Any) -> float:
    """Return the share of the truly nonzero features that are selected.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    float
    """
    return metrics.support_recall(data.coef, _coef(fit))


def support_f1(fit: Any, data: Any) -> float:
    """Return the harmonic mean of precision and recall.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    float
    """
    return metrics.support_f1(data.coef, _coef(fit))


def false_discovery_proportion(fit: Any, data: Any) -> float:
    """Return the share of the selected features that are truly zero.

    Its mean over replications estimates the false discovery rate.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    float
    """
    return metrics.false_discovery_proportion(data.coef, _coef(fit))


def exact_support(fit: Any, data: Any) -> bool:
    """Whether the selected features are the truly nonzero ones and no others.

    Its mean over replications is the probability of recovery.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : record with ``coef``

    Returns
    -------
    bool
    """
    return metrics.exact_support_recovery(data.coef, _coef(fit))


def n_selected(fit: Any, data: Any) -> int:
    """Return the number of coefficients that are not zero.

    Parameters
    ----------
    fit : estimator with ``coef_``, or array-like of shape (n_features,)
    data : object
        Not used.

    Returns
    -------
    int
    """
    return int(np.count_nonzero(_coef(fit)))


def mean(loss: Callable[[Any, Any], float], target: float | None = None) -> Measure:
    r"""Estimate the mean of a loss over replications, as a study does with a plain function.

    Its Monte Carlo standard error is the standard deviation over :math:`\sqrt n`. Where all
    values are 0 or 1 it is that of a proportion, :math:`\sqrt{p (1 - p) / n}`.

    Parameters
    ----------
    loss : callable
        ``loss(fit, data)``
    target : float, default=None
        The value of a perfect method, from which figures draw.

    Returns
    -------
    Measure

    Examples
    --------
    >>> from sparsestat.simulation import measures as m
    >>> m.mean(m.false_discovery_proportion, target=0.0).target
    0.0
    """
    return Measure(Loss(loss), (VALUE,), st.loss_mean, target=target)


def quantile(loss: Callable[[Any, Any], float], q: float) -> Measure:
    r"""Estimate a quantile of a loss over replications, in place of its mean.

    The Monte Carlo standard error is half the distance between the sample quantiles at
    :math:`q \pm \sqrt{q(1-q)/n}`, Woodruff's interval. It is for continuous losses: of
    counts and other losses with ties it is often zero.

    Parameters
    ----------
    loss : callable
        ``loss(fit, data)``
    q : float
        In (0, 1).

    Returns
    -------
    Measure

    Raises
    ------
    ValueError
        If `q` is not between 0 and 1.

    Examples
    --------
    >>> from sparsestat.simulation import measures as m
    >>> worst = m.quantile(m.l2_error, 0.9)
    """
    if not isinstance(q, Real) or not 0.0 < q < 1.0:
        raise ValueError(f"q must be a number between 0 and 1. Got {q!r}.")
    return Measure(Loss(loss), (VALUE,), partial(st.quantile, q=q))


def median(loss: Callable[[Any, Any], float]) -> Measure:
    """Estimate the median of a loss over replications; see :func:`quantile`.

    Parameters
    ----------
    loss : callable
        ``loss(fit, data)``

    Returns
    -------
    Measure
    """
    return quantile(loss, 0.5)


def performance(estimand: Estimand) -> dict[str, Measure]:
    """Return the usual measures that the estimand has the parts for, by name.

    Parameters
    ----------
    estimand : Estimand

    Returns
    -------
    dict
        Of bias, empirical SE, MSE and RMSE, with a `se` also the model SE and its relative
        error, and with intervals their coverage and bias-eliminated coverage. Names begin
        with that of the estimand. To be passed as ``measures=`` or merged into it.

    Examples
    --------
    >>> from sparsestat.simulation import Estimand, measures as m
    >>> slope = Estimand("slope", lambda fit: fit.coef_[0], truth=1.0)
    >>> list(m.performance(slope))
    ['slope_bias', 'slope_empirical_se', 'slope_mse', 'slope_rmse']
    """
    makers: list[Callable[[Estimand], Measure]] = [bias, empirical_se, mse, rmse]
    if SE in estimand.parts:
        makers += [model_se, relative_error]
    if LOWER in estimand.parts:
        makers += [coverage, bias_eliminated_coverage]
    return {f"{estimand.name}_{maker.__name__}": maker(estimand) for maker in makers}


def bias(estimand: Estimand) -> Measure:
    r"""Estimate the mean error, :math:`\bar e`.

    Its Monte Carlo standard error is the standard deviation of the errors over
    :math:`\sqrt n`.

    Parameters
    ----------
    estimand : Estimand

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.bias, target=0.0)


def relative_bias(estimand: Estimand) -> Measure:
    r"""Estimate the mean of the errors over the truth, :math:`\frac 1n \sum e_i / \theta_i`.

    A fraction, not per cent.

    Parameters
    ----------
    estimand : Estimand
        Whose truth is not zero: the measure is not finite where it is.

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.relative_bias, target=0.0)


def empirical_se(estimand: Estimand) -> Measure:
    r"""Estimate the standard deviation :math:`s` of the errors.

    Its Monte Carlo standard error is :math:`s / \sqrt{2 (n - 1)}`, which is right for
    normal errors; :meth:`~sparsestat.simulation.StudyResult.compare` does not assume them.

    Parameters
    ----------
    estimand : Estimand

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.empirical_se)


def mse(estimand: Estimand) -> Measure:
    r"""Estimate the mean squared error, :math:`\frac 1n \sum e_i^2`.

    Parameters
    ----------
    estimand : Estimand

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.mse, target=0.0)


def rmse(estimand: Estimand) -> Measure:
    r"""Estimate the root of the mean squared error.

    Its Monte Carlo standard error is that of the mean squared error over twice the root,
    by the delta method.

    Parameters
    ----------
    estimand : Estimand

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.rmse, target=0.0)


def relative_precision(estimand: Estimand, reference: str) -> Measure:
    r"""Estimate the gain in precision over a reference method, in per cent.

    With :math:`s_0` for the empirical standard error of the reference, that of a method
    being :math:`s`, it is :math:`100 (s_0^2 / s^2 - 1)`. The Monte Carlo standard error is
    :math:`200 (s_0 / s)^2 \sqrt{(1 - r^2) / (n - 1)}`, where r is the correlation of the
    two errors; it is right for normal errors. All three are of the replications in which
    both methods succeed.

    Parameters
    ----------
    estimand : Estimand
    reference : str
        Name of a method of the study.

    Returns
    -------
    Measure
    """
    return Measure(estimand, ERROR, st.relative_precision, target=None, reference=reference)


def model_se(estimand: Estimand) -> Measure:
    r"""Estimate the root mean square of the standard errors that the method reports.

    Parameters
    ----------
    estimand : Estimand
        With a `se`.

    Returns
    -------
    Measure
    """
    return Measure(estimand, (SE,), st.model_se)


def relative_error(estimand: Estimand) -> Measure:
    r"""Estimate the relative error of the standard errors that the method reports.

    It is 100 (model SE over empirical SE - 1), in per cent: negative for a method that is
    too sure of itself. The Monte Carlo standard error is by the delta method, for normal
    errors that do not depend on the standard errors.

    Parameters
    ----------
    estimand : Estimand
        With a `se`.

    Returns
    -------
    Measure
    """
    return Measure(estimand, (*ERROR, SE), st.relative_error, target=0.0)


def coverage(estimand: Estimand) -> Measure:
    r"""Estimate the probability that the interval contains the truth.

    Parameters
    ----------
    estimand : Estimand
        With a `se` or an `interval`.

    Returns
    -------
    Measure
    """
    return Measure(estimand, (TRUTH, *INTERVAL), st.coverage, target=estimand.level)


def bias_eliminated_coverage(estimand: Estimand) -> Measure:
    r"""Estimate the probability that the interval contains the truth plus the bias.

    Coverage can be off because of bias or because of the width of the intervals; this
    shows the width alone. Its Monte Carlo standard error takes the bias as known.

    Parameters
    ----------
    estimand : Estimand
        With a `se` or an `interval`.

    Returns
    -------
    Measure
    """
    parts = (*ERROR, *INTERVAL)
    return Measure(estimand, parts, st.bias_eliminated_coverage, target=estimand.level)


def power(estimand: Estimand, null: float = 0.0) -> Measure:
    r"""Estimate the probability that the interval excludes a null value.

    Where the null value is the truth this is the type I error, elsewhere the power of the
    test that rejects when its value is outside the interval.

    Parameters
    ----------
    estimand : Estimand
        With a `se` or an `interval`.
    null : float, default=0.0

    Returns
    -------
    Measure
    """
    if not isinstance(null, Real):
        raise TypeError(f"null must be a number. Got {null!r}.")
    return Measure(estimand, INTERVAL, partial(st.power, null=float(null)))


def _coef(fit: Any) -> Any:
    return fit.coef_ if hasattr(fit, "coef_") else fit
