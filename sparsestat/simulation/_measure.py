"""What a study records of each replication, and what it estimates from the records."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Estimand",
    "Evaluation",
    "Loss",
    "Measure",
    "Values",
    "replications_needed",
]

Values = Mapping[str, NDArray[np.float64]]

ESTIMATE, TRUTH, SE, LOWER, UPPER = "estimate", "truth", "se", "lower", "upper"
VALUE = "value"


@dataclass(frozen=True)
class Loss:
    """Record one number a replication, ``function(fit, data)``."""

    function: Callable[[Any, Any], float]

    parts = (VALUE,)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"a loss must be a function of a fit and data. Got {self.function!r}."
            )

    @property
    def made_of(self) -> tuple[Any, ...]:
        """What decides the records."""
        return (self.function,)

    def column(self, name: str, part: str) -> str:
        """Return the name of a part's column: that of the measure."""
        return name

    def record(self, fit: Any, data: Any) -> tuple[float, ...]:
        """Return the parts for one fit."""
        return (_number(self.function(fit, data), "its value"),)


@dataclass(frozen=True)
class Estimand:
    """A number that methods estimate, its true value, and how sure a method says it is.

    Parameters
    ----------
    name : str
        Columns of the results are called after it: ``name_estimate``, ``name_truth`` and,
        where known, ``name_se``, ``name_lower`` and ``name_upper``.
    estimate : callable
        ``estimate(fit)`` gives the estimate; `fit` is what a method returns, for an
        estimator its fitted copy.
    truth : float or callable
        The true value, or ``truth(data)`` for data drawn by the study.
    se : callable, default=None
        ``se(fit)`` gives the standard error that the method reports.
    interval : callable, default=None
        ``interval(fit)`` gives the two ends of the method's confidence interval. By
        default the normal interval about the estimate if there is a `se`.
    level : float, default=0.95
        Nominal coverage of the interval, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of its kind.

    See Also
    --------
    sparsestat.simulation.measures : Bias, coverage and other measures of estimands.

    Examples
    --------
    >>> from sparsestat.simulation import Estimand, measures as m
    >>> first = Estimand("first", lambda fit: fit.coef_[0], truth=lambda data: data.coef[0])
    >>> m.bias(first).target
    0.0
    """

    name: str
    estimate: Callable[[Any], float]
    truth: float | Callable[[Any], float]
    se: Callable[[Any], float] | None = None
    interval: Callable[[Any], tuple[float, float]] | None = None
    level: float = 0.95

    parts: tuple[str, ...] = field(init=False, repr=False, compare=False)
    z: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a string that is not empty. Got {self.name!r}.")
        for what, value, optional in (
            ("estimate", self.estimate, False),
            ("se", self.se, True),
            ("interval", self.interval, True),
        ):
            if not callable(value) and not (optional and value is None):
                raise TypeError(f"{what} must be a function of a fit. Got {value!r}.")
        if not callable(self.truth) and math.isnan(_number(self.truth, "truth")):
            raise ValueError("truth must be a number or a function of the data. Got nan.")
        if not isinstance(self.level, Real) or not 0.5 < 0.5 + 0.5 * self.level < 1.0:
            raise ValueError(f"level must be a number between 0 and 1. Got {self.level!r}.")
        parts = [ESTIMATE, TRUTH]
        if self.se is not None:
            parts.append(SE)
        if self.se is not None or self.interval is not None:
            parts += [LOWER, UPPER]
        object.__setattr__(self, "parts", tuple(parts))
        object.__setattr__(self, "z", NormalDist().inv_cdf(0.5 + 0.5 * self.level))

    @property
    def made_of(self) -> tuple[Any, ...]:
        """What decides the records."""
        return (self.name, self.estimate, self.truth, self.se, self.interval, self.level)

    def column(self, name: str, part: str) -> str:
        """Return the name of a part's column, whatever the measure is called."""
        return f"{self.name}_{part}"

    def record(self, fit: Any, data: Any) -> tuple[float, ...]:
        """Return the parts for one fit."""
        estimate = _number(self.estimate(fit), "the estimate")
        truth = self.truth(data) if callable(self.truth) else self.truth
        values = [estimate, _number(truth, "the truth")]
        if self.se is not None:
            se = _number(self.se(fit), "the standard error")
            if se < 0.0:
                raise ValueError(f"the standard error must not be negative. Got {se}.")
            values.append(se)
        if self.interval is not None:
            values += _ends(self.interval(fit))
        elif self.se is not None:
            values += [estimate - self.z * se, estimate + self.z * se]
        return tuple(values)


def _ends(interval: Any) -> tuple[float, float]:
    try:
        lower, upper = interval
    except (TypeError, ValueError):
        raise TypeError(f"the interval must be a pair of numbers. Got {interval!r}.") from None
    lower, upper = _number(lower, "the lower end"), _number(upper, "the upper end")
    if lower > upper:
        raise ValueError(f"the lower end must not be above the upper. Got {(lower, upper)}.")
    return lower, upper


class Evaluation(NamedTuple):
    """An estimate of a measure from the replications of a method.

    Attributes
    ----------
    estimate : float
    mcse : float
        Its Monte Carlo standard error.
    influence : ndarray of shape (n,)
        What each replication contributes to the error, to first order: the estimate is off
        by about their average. Differences of the influences of two methods on the same
        data give the error of a difference.
    """

    estimate: float
    mcse: float
    influence: NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """What a study estimates for each method in each scenario.

    Made by the functions of :mod:`sparsestat.simulation.measures`.

    Parameters
    ----------
    source : Loss or Estimand
        What is recorded of each replication.
    parts : tuple of str
        The parts of the record that the statistic needs.
    statistic : callable
        ``statistic(values)`` gives an :class:`Evaluation`; `values` holds an array a part.
        With a `reference`, ``statistic(values, reference_values)``.
    target : float, default=None
        The value of a perfect method, if there is one.
    reference : str, default=None
        Name of the method that the others are compared with.
    """

    source: Loss | Estimand
    parts: tuple[str, ...]
    statistic: Callable[..., Evaluation]
    target: float | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source, Loss | Estimand):
            raise TypeError(f"this measure is of an Estimand. Got {self.source!r}.")
        missing = set(self.parts) - set(self.source.parts)
        if missing:
            needs = "a se" if SE in missing else "a se or an interval"
            raise ValueError(f"this measure needs {needs} of the estimand {self.source!r}")

    def columns(self, name: str) -> list[str]:
        """Return the columns of the results that the statistic needs."""
        return [self.source.column(name, part) for part in self.parts]

    def evaluate(self, values: Values, reference: Values | None = None) -> Evaluation:
        """Estimate the measure from complete records; nan where there are too few."""
        n = len(next(iter(values.values())))
        if n == 0:
            return Evaluation(math.nan, math.nan, np.empty(0))
        with np.errstate(all="ignore"):
            if self.reference is None:
                found = self.statistic(values)
            else:
                found = self.statistic(values, reference)
        return found if n > 1 else found._replace(mcse=math.nan)


def replications_needed(pilot: Evaluation, mcse: float) -> float:
    """Return how many replications give a Monte Carlo standard error, judging by a pilot.

    A proportion that is 0 or 1 in the pilot is taken to be as if one more success and one
    more failure had been seen. A pilot without two values says nothing: nan.
    """
    n = len(pilot.influence)
    if n < 2:
        return math.nan
    if math.isnan(pilot.mcse):  # of estimates that are not finite
        return math.inf
    if pilot.mcse == 0.0 and pilot.estimate in (0.0, 1.0):
        p = 1.0 / (n + 2)
        return p * (1.0 - p) / mcse**2
    return n * (pilot.mcse / mcse) ** 2


def _number(value: Any, what: str) -> float:
    if np.ndim(value) != 0 or np.asarray(value).dtype.kind in "cSU":
        raise TypeError(f"{what} must be a real number. Got {value!r}.")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a real number. Got {value!r}.") from None
