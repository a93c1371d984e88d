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

from sparsestat._jit import one_numba_thread
from sparsestat._parallel import serial_libraries
from sparsestat.simulation._fingerprint import fingerprint
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
FAILURES = (Exception, SystemExit)  # but no interrupt by the user


class Method:
    """An estimator or a function, to be fitted to the data of a replication.

    While it works, numpy's global generator, which is what None as a seed means to most
    estimators, is in a state that the stream of the method decides.

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
        parameters = target.get_params(deep=True) if self.is_estimator else {}
        self.unseeded = [
            key
            for key, value in sorted(parameters.items())
            if value is None and key.rpartition("__")[2] == RANDOM_STATE
        ]
        self.is_random = not self.is_estimator and _takes_random_state(target)

    def fit(self, data: Any, seed: int, identity: str, replication: int) -> Any:
        """Return the fitted estimator, or what the function returns."""
        rng = generator(seed, identity, replication, self.stream)
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(rng.integers(2**32, size=4))  # noqa: NPY002
        try:
            return self._fit(data, rng)
        finally:
            np.random.set_state(state)  # noqa: NPY002

    def _fit(self, data: Any, rng: np.random.Generator) -> Any:
        if self.is_random:
            return self.target(data, random_state=rng)
        if not self.is_estimator:
            return self.target(data)
        if not (hasattr(data, "X") and hasattr(data, "y")):
            raise TypeError(
                "for methods that are estimators generate must return a record with "
                f"attributes X and y, such as a named tuple. Got {type(data).__name__}."
            )
        estimator = clone(self.target)
        if self.unseeded:
            estimator.set_params(**{key: _draw_seed(rng) for key in self.unseeded})
        estimator.fit(data.X, data.y)
        return estimator


def _takes_random_state(function: Callable[..., Any]) -> bool:
    try:
        return RANDOM_STATE in signature(function).parameters
    except ValueError:  # compiled functions may not tell
        return False


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def method_unit(name: str) -> str:
    """Return what a method is called among the versions."""
    return f"method {name!r}"


def recorder_unit(name: str, recorder: Loss | Estimand) -> str:
    """Return what a loss or an estimand is called among the versions."""
    return f"{'estimand' if isinstance(recorder, Estimand) else 'measure'} {name!r}"


class Experiment(NamedTuple):
    """What all replications have in common."""

    seed: int
    generate: Callable[..., Any]
    methods: Mapping[str, Method]
    recorders: Mapping[str, Loss | Estimand]

    def versions(self) -> dict[str, str]:
        """Return fingerprints of all that makes a row, with which each is marked."""
        return {
            "seed": str(self.seed),
            "generate": fingerprint(self.generate),
            **{method_unit(name): fingerprint(m.target) for name, m in self.methods.items()},
            **{
                recorder_unit(name, recorder): fingerprint(*recorder.made_of)
                for name, recorder in self.recorders.items()
            },
        }

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

    identity: str
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


def run_task(experiment: Experiment, versions: Mapping[str, str], task: Task) -> Outcome:
    """Run a task, if this process has the given versions of the code.

    What goes wrong in methods is in the rows.
    """
    _check_versions(experiment, versions)
    start = time.perf_counter()
    with serial_libraries, one_numba_thread():
        rows = [
            row
            for replication in task.replications
            for row in _run_replication(experiment, task, replication)
        ]
    return Outcome(task, rows, time.perf_counter() - start)


_checked: set[tuple[tuple[str, str], ...]] = set()


def _check_versions(experiment: Experiment, versions: Mapping[str, str]) -> None:
    """Refuse to work with other code than that with which the rows will be marked.

    Workers keep the modules that they have imported; files may be edited meanwhile.
    """
    key = tuple(versions.items())
    if key in _checked:
        return
    here = experiment.versions()
    other = [unit for unit, version in versions.items() if here[unit] != version]
    if other:
        raise RuntimeError(
            f"a worker has another version of {', '.join(other)} than the process that runs "
            "the study: a module was edited since one of them has imported it. Start Python, "
            "and the workers of a cluster, anew and run the study again."
        )
    _checked.add(key)


def replicate(
    experiment: Experiment, scenario: Scenario, method: str, replication: int
) -> Replica:
    """Run one replication of one method; what goes wrong is raised."""
    identity = scenario_id(scenario)
    with serial_libraries, one_numba_thread():
        data = _draw(experiment, scenario, identity, replication)
        private = copy.deepcopy(data)
        fit = experiment.methods[method].fit(private, experiment.seed, identity, replication)
        values = _record(experiment, fit, copy.deepcopy(data))
    return Replica(data, fit, dict(zip(experiment.columns, values, strict=True)))


def _draw(experiment: Experiment, scenario: Scenario, identity: str, replication: int) -> Any:
    rng = generator(experiment.seed, identity, replication, (DATA,))
    return experiment.generate(**copy.deepcopy(dict(scenario)), random_state=rng)


def _record(experiment: Experiment, fit: Any, data: Any) -> tuple[float, ...]:
    values: list[float] = []
    for name, recorder in experiment.recorders.items():
        try:
            values += recorder.record(fit, data)
        except Exception as error:
            error.add_note(f"in measure {name!r}")
            raise
    return tuple(values)


def _run_replication(experiment: Experiment, task: Task, replication: int) -> Iterator[Row]:
    try:
        data = _draw(experiment, task.scenario, task.identity, replication)
    except FAILURES as error:
        for method in task.methods:
            row = Row(task.identity, method, replication, _nothing(experiment))
            yield row._replace(error=f"generate: {_line(error)}", traceback=_trace(error))
        return
    for method in task.methods:
        yield _run_method(experiment, data, task.identity, method, replication)


def _run_method(
    experiment: Experiment, data: Any, identity: str, method: str, replication: int
) -> Row:
    row = Row(identity, method, replication, _nothing(experiment))
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Methods and measures may work in place; all of them see what was drawn.
            private = copy.deepcopy(data)
            start = time.perf_counter()
            fit = experiment.methods[method].fit(
                private, experiment.seed, identity, replication
            )
            row = row._replace(seconds=time.perf_counter() - start)
            row = row._replace(values=_record(experiment, fit, copy.deepcopy(data)))
        except FAILURES as error:
            seconds = time.perf_counter() - start
            row = row._replace(seconds=seconds, error=_line(error), traceback=_trace(error))
    if caught:
        row = row._replace(warning=f"{caught[0].category.__name__}: {_text(caught[0].message)}")
    return row


def _nothing(experiment: Experiment) -> tuple[float, ...]:
    return (math.nan,) * len(experiment.columns)


def _line(error: BaseException) -> str:
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
    return f"{type(error).__name__}: {_text(error)}{notes}"


def _text(thing: Any) -> str:
    try:
        return str(thing)
    except Exception as error:  # of an exception whose message cannot be made
        return f"<no text: {type(error).__name__}>"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
