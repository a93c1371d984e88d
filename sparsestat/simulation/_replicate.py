"""What workers do: draw data, fit methods, record."""

import copy
import math
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from sparsestat.simulation._measure import Estimand, Loss
from sparsestat.simulation._scenario import (
    DATA,
    Scenario,
    generator,
    method_stream,
    scenario_id,
)

__all__ = [
    "Experiment",
    "Method",
    "Outcome",
    "Replica",
    "Row",
    "Task",
    "replicate",
    "run_task",
]

RANDOM_STATE = "random_state"


class Method:
    """An estimator or a function, to be fitted to the data of a replication.

    Parameters
    ----------
    name : str
    target : estimator or callable
        An estimator is cloned for each fit, and every `random_state` of it that is None
        gets a seed. A function is called with the data, and with ``random_state=`` if it
        has a parameter of that name.
    """

    def __init__(self, name: str, target: Any) -> None:
        self.target = target
        self.stream = method_stream(name)
        self.is_estimator = hasattr(target, "fit") and hasattr(target, "get_params")
        self.unseeded: list[str] = []
        self.unseeded_in: list[str] = []
        if self.is_estimator:
            for key, value in sorted(target.get_params(deep=True).items()):
                if value is None and key.rpartition("__")[2] == RANDOM_STATE:
                    self.unseeded.append(key)
                elif _shuffles_unseeded(value):
                    self.unseeded_in.append(key)
        self.is_random = not self.is_estimator and _takes_random_state(target)

    def fit(self, data: Any, seed: int, identity: str, replication: int) -> Any:
        """Return the fitted estimator, or what the function returns."""
        if not self.is_estimator:
            if not self.is_random:
                return self.target(data)
            rng = generator(seed, identity, replication, self.stream)
            return self.target(data, random_state=rng)
        if not (hasattr(data, "X") and hasattr(data, "y")):
            raise TypeError(
                "for methods that are estimators generate must return a record with "
                f"attributes X and y, such as a named tuple. Got {type(data).__name__}."
            )
        estimator = clone(self.target)
        if self.unseeded or self.unseeded_in:
            rng = generator(seed, identity, replication, self.stream)
            estimator.set_params(**{key: _draw_seed(rng) for key in self.unseeded})
            parameters = estimator.get_params(deep=True)
            for key in self.unseeded_in:
                parameters[key].random_state = _draw_seed(rng)
        return estimator.fit(data.X, data.y)


def _takes_random_state(function: Callable[..., Any]) -> bool:
    try:
        return RANDOM_STATE in signature(function).parameters
    except ValueError:  # compiled functions may not tell
        return False


def _shuffles_unseeded(value: Any) -> bool:
    """Whether this is something like ``KFold(shuffle=True)`` without a seed."""
    return (
        not hasattr(value, "get_params")
        and getattr(value, RANDOM_STATE, 0) is None
        and getattr(value, "shuffle", True)
    )


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


class Experiment(NamedTuple):
    """What all replications have in common."""

    seed: int
    generate: Callable[..., Any]
    methods: Mapping[str, Method]
    recorders: Mapping[str, Loss | Estimand]

    @property
    def columns(self) -> list[str]:
        """The recorded columns, in order."""
        return [
            recorder.column(name, part)
            for name, recorder in self.recorders.items()
            for part in recorder.parts
        ]


class Task(NamedTuple):
    """Replications of one scenario that lack the same methods: (a part of) a group."""

    scenario: Scenario
    replications: Sequence[int]
    methods: Sequence[str]
    group: int


class Row(NamedTuple):
    """The record of one fit. `error` is empty if it succeeded."""

    identity: str
    method: str
    replication: int
    values: tuple[float, ...]
    seconds: float = math.nan
    warning: str = ""
    error: str = ""
    traceback: str = ""


class Replica(NamedTuple):
    """One replication of a method, run again.

    Attributes
    ----------
    data : record
        What `generate` returned.
    fit : estimator or object
        What the method made of it.
    record : dict
        The recorded columns.
    """

    data: Any
    fit: Any
    record: dict[str, float]


class Outcome(NamedTuple):
    """What came of a task, and how long it took."""

    task: Task
    rows: list[Row]
    seconds: float


def run_task(experiment: Experiment, task: Task) -> Outcome:
    """Run a task; what goes wrong is in the rows."""
    start = time.perf_counter()
    identity = scenario_id(task.scenario)
    rows = [
        row
        for replication in task.replications
        for row in _run_replication(experiment, task, identity, replication)
    ]
    return Outcome(task, rows, time.perf_counter() - start)


def replicate(
    experiment: Experiment, scenario: Scenario, method: str, replication: int
) -> Replica:
    """Run one replication of one method; what goes wrong is raised."""
    identity = scenario_id(scenario)
    data = _draw(experiment, scenario, identity, replication)
    private = copy.deepcopy(data)
    fit = experiment.methods[method].fit(private, experiment.seed, identity, replication)
    values = _record(experiment, fit, data)
    return Replica(data, fit, dict(zip(experiment.columns, values, strict=True)))


def _draw(experiment: Experiment, scenario: Scenario, identity: str, replication: int) -> Any:
    rng = generator(experiment.seed, identity, replication, (DATA,))
    return experiment.generate(**scenario, random_state=rng)


def _record(experiment: Experiment, fit: Any, data: Any) -> tuple[float, ...]:
    values: list[float] = []
    for name, recorder in experiment.recorders.items():
        try:
            values += recorder.record(fit, data)
        except Exception as error:
            error.add_note(f"in measure {name!r}")
            raise
    return tuple(values)


def _run_replication(
    experiment: Experiment, task: Task, identity: str, replication: int
) -> Iterator[Row]:
    try:
        data = _draw(experiment, task.scenario, identity, replication)
    except Exception as error:
        for method in task.methods:
            row = Row(identity, method, replication, _nothing(experiment))
            yield row._replace(error=f"generate: {_line(error)}", traceback=_trace(error))
        return
    for method in task.methods:
        yield _run_method(experiment, data, identity, method, replication)


def _run_method(
    experiment: Experiment, data: Any, identity: str, method: str, replication: int
) -> Row:
    row = Row(identity, method, replication, _nothing(experiment))
    start = time.perf_counter()
    try:
        private = copy.deepcopy(data)  # methods may work in place; all see what was drawn
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit = experiment.methods[method].fit(
                private, experiment.seed, identity, replication
            )
            seconds = time.perf_counter() - start
            values = _record(experiment, fit, data)
    except Exception as error:
        seconds = time.perf_counter() - start
        return row._replace(seconds=seconds, error=_line(error), traceback=_trace(error))
    warning = f"{caught[0].category.__name__}: {caught[0].message}" if caught else ""
    return row._replace(values=values, seconds=seconds, warning=warning)


def _nothing(experiment: Experiment) -> tuple[float, ...]:
    return (math.nan,) * len(experiment.columns)


def _line(error: Exception) -> str:
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
    return f"{type(error).__name__}: {error}{notes}"


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
