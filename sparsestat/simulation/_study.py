"""Studies: what is compared, and how it is run."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from sparsestat.simulation._checks import (
    checked_measures,
    checked_methods,
    checked_scenarios,
    require_distinct,
    require_extra,
    require_integer,
)
from sparsestat.simulation._inventory import KEEP, REFUSE, RERUN, Inventory
from sparsestat.simulation._measure import Estimand, Loss
from sparsestat.simulation._replicate import Experiment, Method, Replica, replicate
from sparsestat.simulation._result import StudyResult, find_scenario
from sparsestat.simulation._run import TooManyErrorsError, compute, logged_run
from sparsestat.simulation._scenario import Scenario, scenario_id
from sparsestat.simulation._store import Manifest, Store

__all__ = ["Study", "StudyChangedError", "TooManyErrorsError"]

ON_CHANGE = (REFUSE, RERUN, KEEP)


class StudyChangedError(RuntimeError):
    """The folder holds rows that other code has made."""


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """A simulation study: methods compared on data drawn again and again.

    In each replication of a scenario, data are drawn and every method is fitted to them.
    Finished fits are on disk within seconds, so that a study that is stopped, however that
    happens, goes on where it was. In the words of ADEMP
    :cite:p:`morris2019simulation`: `generate` and `scenarios` are the data-generating
    mechanisms, `measures` the estimands and performance measures.

    The random numbers of a replication are a function of the seed, the scenario and the
    number of the replication, those of a method's own also of its name. Further scenarios,
    methods or replications, another order, another number of processes change nothing
    that was there. All methods see the same data, each a copy of its own.

    Parameters
    ----------
    name : str
        Results are kept in the folder ``simulations/name``, unless :meth:`run` is given
        another.
    scenarios : list of dict
        As :func:`grid` makes them. All have the same fields; values are numbers, strings,
        booleans, None, or lists, tuples and dictionaries of these. Fields cannot be called
        as other columns of the results are, such as ``n`` or ``method``.
    generate : callable
        ``generate(**scenario, random_state=rng)``, with a numpy Generator, returns a record
        with attributes ``X`` and ``y``, for methods that are estimators, and whatever the
        measures need of the truth. Every ``make_*`` of :mod:`sparsestat.datasets` is one.
    methods : dict
        Estimators or functions by name. An estimator is cloned for each fit; where it, a
        part of it or its splitter has ``random_state=None``, it gets a seed. A function is
        called as ``method(data)``, or ``method(data, random_state=rng)`` if it has such a
        parameter, and may return anything that the measures can use.
    measures : dict
        By name, losses ``function(fit, data)``, which are averaged, and measures made by
        the functions of :mod:`sparsestat.simulation.measures`. `fit` is the fitted
        estimator or what the function returned.
    replications : int
        A study with more of them, ``dataclasses.replace(study, replications=1000)``, goes
        on where this one ends.
    seed : int
        Not negative.
    max_errors : int, default=None
        A run in which more fits fail is stopped; by default none is.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of its kind.

    See Also
    --------
    grid : Scenarios from all combinations of values.
    Estimand : What bias and coverage are about.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import LassoCV, RidgeCV
    >>> from sparsestat.datasets import make_sparse_regression
    >>> from sparsestat.simulation import Study, grid, measures as m
    >>> study = Study(
    ...     name="lasso-or-ridge",
    ...     scenarios=grid(n_samples=100, n_features=10, n_nonzero=[1, 10]),
    ...     generate=make_sparse_regression,
    ...     methods={"lasso": LassoCV(), "ridge": RidgeCV()},
    ...     measures={"l2": m.l2_error, "fdp": m.false_discovery_proportion},
    ...     replications=5,
    ...     seed=1,
    ... )
    >>> results = study.run(path=tempfile.mkdtemp())
    >>> results.summary()[["n_nonzero", "method", "measure", "n"]].head(3)
       n_nonzero method measure  n
    0          1  lasso      l2  5
    1          1  lasso     fdp  5
    2          1  ridge      l2  5
    """

    name: str
    scenarios: Sequence[Scenario]
    generate: Callable[..., Any]
    methods: Mapping[str, Any]
    measures: Mapping[str, Any]
    replications: int
    seed: int
    max_errors: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w.-]*\w[\w. -]*", self.name):
            raise ValueError(
                "name must be a string that can name a folder: letters, digits, '_', '-', '.' "
                f"and spaces. Got {self.name!r}."
            )
        if not callable(self.generate):
            raise TypeError(f"generate must be a function. Got {self.generate!r}.")
        require_integer("replications", self.replications, 1)
        require_integer("seed", self.seed, 0)
        if self.max_errors is not None:
            require_integer("max_errors", self.max_errors, 0)
        checked = {
            "scenarios": checked_scenarios(self.scenarios),
            "methods": checked_methods(self.methods),
            "measures": checked_measures(self.measures, self.methods),
        }
        for field, value in checked.items():
            object.__setattr__(self, field, value)  # which frozen dataclasses need
        require_distinct(list(self.scenarios[0]), self._experiment.columns)

    # --- Running -----------------------------------------------------------------------

    def run(
        self,
        n_jobs: int | None = None,
        path: str | Path | None = None,
        on_change: Literal["error", "rerun", "keep"] = "error",
        *,
        retry_failed: bool = False,
    ) -> StudyResult:
        """Run what is missing, and return the results.

        The first replication is run in this process, before workers are started: it
        compiles what has to be compiled, and where every method fails in it nothing is
        stored and the error is raised.

        Parameters
        ----------
        n_jobs : int, default=None
            Number of processes; None is 1, unless a ``joblib.parallel_config`` says
            otherwise, and -1 all cores. Each works with one thread.
        path : path-like, default=None
            Folder of the study, made if need be; ``simulations/name`` by default.
        on_change : {"error", "rerun", "keep"}, default="error"
            What to do where the code of `generate`, a method or a measure is not that
            which made the rows in the folder: refuse; run them again (the old rows stay in
            the folder, and count again if the code goes back); or keep those that the
            present code has not made, nan standing for measures that are new. A decision
            holds for later runs of the same code with "error".
        retry_failed : bool, default=False
            Whether to run again the fits that failed.

        Returns
        -------
        StudyResult

        Raises
        ------
        StudyChangedError
            If code has changed and `on_change` is "error".
        StudyLockedError
            If another run works in the folder.
        TooManyErrorsError
            If more fits of this run fail than `max_errors`.
        OSError
            If results cannot be written.
        ImportError
            If pyarrow or tqdm is missing.

        Warns
        -----
        UserWarning
            If a part of the results is damaged (it is run again), or if packages have
            other versions than in the run before.
        """
        require_extra()
        if on_change not in ON_CHANGE:
            raise ValueError(f"on_change must be one of {ON_CHANGE}. Got {on_change!r}.")
        if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
            raise ValueError(
                f"n_jobs must be None or an integer that is not 0. Got {n_jobs!r}."
            )
        store, experiment = self._store(path), self._experiment
        with store.locked():
            manifest = store.manifest(self.name)
            versions = experiment.versions()
            look = partial(self._inventory, store, manifest, versions, on_change, repair=True)
            inventory = look()
            self._refuse_changes(inventory)
            manifest.decisions.update(dict.fromkeys(inventory.marks, on_change))
            groups = list(inventory.missing(self.replications, retry_failed=retry_failed))
            if groups:
                manifest.scenarios.update(self._scenarios_by_id)
                with logged_run(manifest, store):
                    columns = experiment.columns
                    compute(
                        experiment,
                        versions,
                        groups,
                        partial(store.write_part, columns=columns, versions=versions),
                        n_jobs=n_jobs,
                        label=self.name,
                        max_errors=self.max_errors,
                        first_must_work=inventory.rows.empty,
                    )
                store.merge()
                inventory = look()
            elif inventory.marks:
                store.write_manifest(manifest)
            return self._result(inventory)

    def load(self, path: str | Path | None = None) -> StudyResult:
        """Return the results that are in the folder, while a run goes on or without one.

        Parameters
        ----------
        path : path-like, default=None
            ``simulations/name`` by default.

        Returns
        -------
        StudyResult
            Of the replications that are finished.

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        StudyChangedError
            If other code has made the rows, and no run has said what is to become of them.
        """
        require_extra()
        store = self._store(path)
        if not store.folder.is_dir():
            raise FileNotFoundError(
                f"there is no study in {store.folder}: nothing was run yet."
            )
        manifest = store.manifest(self.name)
        versions = self._experiment.versions()
        inventory = self._inventory(store, manifest, versions, REFUSE, repair=False)
        self._refuse_changes(inventory)
        return self._result(inventory)

    def replay(self, scenario: Mapping[str, Any], method: str, replication: int) -> Replica:
        """Run one replication of one method again, here, and let its error be raised.

        Parameters
        ----------
        scenario : dict
            Values of fields that tell the scenario from the others.
        method : str
        replication : int
            From 0.

        Returns
        -------
        Replica
            With the ``data``, the ``fit`` and the ``record`` of the replication.

        Raises
        ------
        ValueError
            If there is no such scenario or method, or several.
        Exception
            Whatever the method raises.
        """
        if method not in self.methods:
            raise ValueError(f"method must be one of {list(self.methods)}. Got {method!r}.")
        require_integer("replication", replication, 0)
        found = self.scenarios[find_scenario(self.scenarios, scenario)]
        return replicate(self._experiment, found, method, replication)

    def replications_for(
        self,
        measure: str,
        mcse: float,
        *,
        pilot: int = 50,
        n_jobs: int | None = None,
        path: str | Path | None = None,
        on_change: Literal["error", "rerun", "keep"] = "error",
    ) -> int:
        """Estimate how many replications a Monte Carlo standard error needs, from a pilot.

        The pilot is the first replications of this study; they count when it is run, and
        where more of them are there already all are used.

        Parameters
        ----------
        measure : str
        mcse : float
            The Monte Carlo standard error that is wanted, in every scenario and for every
            method.
        pilot : int, default=50
            Number of replications of the pilot, at least 2.
        n_jobs, path, on_change
            As in :meth:`run`.

        Returns
        -------
        int
            The largest number that a method needs in a scenario. The error falls with the
            root of the number; of a proportion that is 0 or 1 in the pilot, the error is
            taken as if one more success and one more failure had been seen.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or the pilot says nothing of the measure.
        """
        if measure not in self.measures:
            raise ValueError(f"measure must be one of {list(self.measures)}. Got {measure!r}.")
        if not (isinstance(mcse, Real) and 0.0 < mcse < math.inf):
            raise ValueError(f"mcse must be a positive number. Got {mcse!r}.")
        require_integer("pilot", pilot, 2)
        first = replace(self, replications=pilot)
        first.run(n_jobs, path, on_change)
        most = replace(self, replications=max(pilot, self.replications))
        return most.load(path).replications_for(measure, mcse)

    def __repr__(self) -> str:
        return (
            f"Study({self.name!r}: {len(self.scenarios)} scenarios x {list(self.methods)} x "
            f"{self.replications} replications, seed={self.seed})"
        )

    # --- What happens inside -----------------------------------------------------------

    @cached_property
    def _recorders(self) -> dict[str, Loss | Estimand]:
        """What is recorded, by the name of the loss or the estimand."""
        found: dict[str, Loss | Estimand] = {}
        for name, measure in self.measures.items():
            source = measure.source
            key = source.name if isinstance(source, Estimand) else name
            if found.setdefault(key, source) != source:
                raise ValueError(f"two different things are to be recorded as {key!r}")
        return found

    @property
    def _experiment(self) -> Experiment:
        methods = {name: Method(name, target) for name, target in self.methods.items()}
        return Experiment(self.seed, self.generate, methods, self._recorders)

    @cached_property
    def _scenarios_by_id(self) -> dict[str, Scenario]:
        return {scenario_id(scenario): scenario for scenario in self.scenarios}

    def _store(self, path: str | Path | None) -> Store:
        return Store(
            Path("simulations", self.name) if path is None else Path(path).expanduser()
        )

    def _inventory(
        self,
        store: Store,
        manifest: Manifest,
        versions: Mapping[str, str],
        on_change: str,
        *,
        repair: bool,
    ) -> Inventory:
        return Inventory(
            store.read_parts(repair=repair),
            self._experiment,
            versions,
            self._scenarios_by_id,
            manifest,
            on_change,
        )

    def _result(self, inventory: Inventory) -> StudyResult:
        rows = inventory.rows[inventory.rows["replication"] < self.replications]
        return StudyResult.from_rows(
            self.name, self.scenarios, list(self.methods), self.measures, rows
        )

    def _refuse_changes(self, inventory: Inventory) -> None:
        if not len(inventory.changed):
            return
        changes = ", ".join(sorted({_change(mark) for mark in inventory.marks}))
        keep = ", on_change='keep' to keep them as they are"
        if "another seed" in changes:  # whose rows are no replications of this study
            keep = ""
        raise StudyChangedError(
            f"{len(inventory.changed)} rows of {self.name!r} were made with {changes}. Use "
            f"on_change='rerun' to run them again{keep}, or another path."
        )


def _change(mark: str) -> str:
    """Say what a mark of the inventory means."""
    unit, _, versions = mark.partition(": ")
    if unit == "seed":
        return "another seed"
    return f"no {unit}" if versions.startswith("None,") else f"another version of {unit}"
