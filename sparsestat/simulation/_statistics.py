"""Statistics of records: estimate, Monte Carlo error, and the influence of each replication."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsestat.simulation._measure import (
    ESTIMATE,
    LOWER,
    SE,
    TRUTH,
    UPPER,
    VALUE,
    Evaluation,
    Values,
)


def sample_mean(x: NDArray[np.float64]) -> Evaluation:
    """Estimate an expectation; its error is sd / sqrt(n)."""
    influence = x - np.mean(x)
    n = len(x)
    mcse = math.sqrt(influence @ influence / n / (n - 1)) if n > 1 else math.nan
    return Evaluation(float(np.mean(x)), mcse, influence)


def proportion(x: NDArray[np.float64]) -> Evaluation:
    """Estimate a probability from values 0 and 1; its error is sqrt(p (1 - p) / n)."""
    p = float(np.mean(x))
    return Evaluation(p, math.sqrt(p * (1.0 - p) / len(x)), x - p)


def loss_mean(values: Values) -> Evaluation:
    x = values[VALUE]
    return proportion(x) if np.all((x == 0.0) | (x == 1.0)) else sample_mean(x)


def _error(values: Values) -> np.ndarray:
    return values[ESTIMATE] - values[TRUTH]


def bias(values: Values) -> Evaluation:
    return sample_mean(_error(values))


def relative_bias(values: Values) -> Evaluation:
    return sample_mean(_error(values) / values[TRUTH])


def mse(values: Values) -> Evaluation:
    return sample_mean(_error(values) ** 2)


def rmse(values: Values) -> Evaluation:
    return _root(sample_mean(_error(values) ** 2))


def _root(square: Evaluation) -> Evaluation:
    """Take the root by the delta method."""
    root = math.sqrt(square.estimate)
    slope = 0.5 / root if root > 0.0 else 0.0
    return Evaluation(root, slope * square.mcse, slope * square.influence)


def empirical_se(values: Values) -> Evaluation:
    return _spread(_error(values))


def _spread(e: np.ndarray) -> Evaluation:
    """Estimate the standard deviation; it is 0 where errors differ by rounding alone."""
    n = len(e)
    centred = e - np.mean(e)
    s = math.sqrt(centred @ centred / (n - 1)) if n > 1 else math.nan
    if s <= 4.0 * np.finfo(float).eps * np.max(np.abs(e)):
        return Evaluation(0.0, 0.0, np.zeros(n))
    return Evaluation(s, s / math.sqrt(2.0 * max(n - 1, 1)), (centred**2 - s**2) / (2.0 * s))


def relative_precision(values: Values, reference: Values) -> Evaluation:
    own, base = _error(values), _error(reference)
    n = len(own)
    s, s_base = _spread(own), _spread(base)
    ratio = np.square(s_base.estimate / np.float64(s.estimate))
    covariance = (own - own.mean()) @ (base - base.mean()) / np.float64(n - 1)
    r = np.clip(covariance / (s.estimate * np.float64(s_base.estimate)), -1.0, 1.0)
    mcse = 200.0 * ratio * np.sqrt((1.0 - r**2) / (n - 1))
    relative = s_base.influence / s_base.estimate - s.influence / s.estimate
    return Evaluation(float(100.0 * (ratio - 1.0)), float(mcse), 200.0 * ratio * relative)


def model_se(values: Values) -> Evaluation:
    return _root(sample_mean(values[SE] ** 2))


def relative_error(values: Values) -> Evaluation:
    model, empirical = model_se(values), empirical_se(values)
    a, b = np.float64(model.estimate), np.float64(empirical.estimate)
    scale = 100.0 * a / b
    mcse = scale * np.hypot(model.mcse / a, empirical.mcse / b)
    influence = scale * (model.influence / a - empirical.influence / b)
    return Evaluation(float(scale - 100.0), float(mcse), influence)


def coverage(values: Values) -> Evaluation:
    return proportion(_within(values, values[TRUTH]))


def bias_eliminated_coverage(values: Values) -> Evaluation:
    return proportion(_within(values, values[TRUTH] + np.mean(_error(values))))


def power(values: Values, null: float) -> Evaluation:
    return proportion(1.0 - _within(values, null))


def _within(values: Values, point: Any) -> np.ndarray:
    return ((values[LOWER] <= point) & (point <= values[UPPER])).astype(float)


def quantile(values: Values, q: float) -> Evaluation:
    x = values[VALUE]
    reach = math.sqrt(q * (1.0 - q) / len(x))
    low, high = max(q - reach, 0.0), min(q + reach, 1.0)
    estimate, lower, upper = map(float, np.quantile(x, [q, low, high]))
    slope = (upper - lower) / (high - low)  # one over the density
    below = x <= estimate
    return Evaluation(estimate, slope * reach, slope * (np.mean(below) - below))
