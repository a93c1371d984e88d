"""The results of a study, and what is estimated from them."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from sparsestat.simulation import _plots, _tables
from sparsestat.simulation._measure import (
    Estimand,
    Evaluation,
    Measure,
    Values,
    replications_needed,
)
from sparsestat.simulation._scenario import Scenario, scenario_id, shown
from sparsestat.simulation._zip_plot import zip_plot

__all__ = ["StudyResult"]

ESTIMATES = ["method", "measure", "estimate", "mcse", "n", "n_failed"]


@dataclass(frozen=True, eq=False, repr=False)
class StudyResult:
    """What a study found: a record of every fit, and the estimates made from them.

    Returned by :meth:`Study.run <sparsestat.simulation.Study.run>`.

    Attributes
    ----------
    name : str
    scenarios : tuple of dict
    methods : tuple of str
    measures : dict of str to Measure
    frame : DataFrame
        A row a fit, in the order of scenarios, methods and replications: the fields of the
        scenario, ``method``, ``replication``, the recorded numbers, the ``seconds`` that
        the fit took, and the texts ``warning`` (the first one of the fit) and ``error``,
        which are empty if there was none. Recorded numbers are nan after an error.
    failures : DataFrame
        The rows with an error, with its ``traceback``.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    methods: tuple[str, ...]
    measures: Mapping[str, Measure]
    frame: pd.DataFrame
    failures: pd.DataFrame
    _cells: Mapping[tuple[int, str], slice]  # the rows of a method in a scenario

    @classmethod
    def from_rows(
        cls,
        name: str,
        scenarios: Sequence[Scenario],
        methods: Sequence[str],
        measures: Mapping[str, Measure],
        rows: pd.DataFrame,
    ) -> "StudyResult":
        """Sort stored rows, and put the fields of their scenarios in front."""
        scenario = pd.Index(map(scenario_id, scenarios)).get_indexer(rows["scenario"])
        method = pd.Index(methods).get_indexer(rows["method"])
        wanted = np.flatnonzero((scenario >= 0) & (method >= 0))
        keys = (rows["replication"].to_numpy(dtype=int), method, scenario)
        order = wanted[np.lexsort([key[wanted] for key in keys])]
        scenario, cell = scenario[order], (scenario * len(methods) + method)[order]
        fields = {
            field: _column([shown(s[field]) for s in scenarios]).take(scenario)
            for field in scenarios[0]
        }
        fields = {field: values.reset_index(drop=True) for field, values in fields.items()}
        rows = rows.iloc[order].drop(columns="scenario").reset_index(drop=True)
        frame = pd.concat([pd.DataFrame(fields, index=rows.index), rows], axis=1)
        ends = np.searchsorted(cell, np.arange(len(scenarios) * len(methods) + 1))
        cells = {
            (i, name): slice(*ends[i * len(methods) + j :][:2])
            for i in range(len(scenarios))
            for j, name in enumerate(methods)
        }
        return cls(
            name,
            tuple(scenarios),
            tuple(methods),
            dict(measures),
            frame.drop(columns="traceback"),
            frame[frame["error"] != ""].reset_index(drop=True),
            cells,
        )

    def __repr__(self) -> str:
        return (
            f"StudyResult({self.name!r}: {len(self.frame)} fits of {list(self.methods)} in "
            f"{len(self.scenarios)} scenarios, {len(self.failures)} failed)"
        )

    # --- Estimates ---------------------------------------------------------------------

    def summary(self, measures: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Estimate measures for each method in each scenario.

        Parameters
        ----------
        measures : str or sequence of str, default=None
            By default all.

        Returns
        -------
        DataFrame
            The fields of the scenario, ``method``, ``measure``, ``estimate``, its Monte
            Carlo standard error ``mcse`` (nan from a single replication), the number ``n``
            of replications it is from, and ``n_failed``, the number of those with an
            error. Replications where a recorded number is nan without an error are in
            neither.
        """
        return self._tabulate(
            (i, method, name, (method,), self._evaluate(i, method, name))
            for i in range(len(self.scenarios))
            for method in self.methods
            for name in self._chosen(measures)
        )

    def compare(
        self, a: str, b: str, measures: str | Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Estimate the difference of two methods, `a` minus `b`, in measures.

        The methods have seen the same data, so that their difference is often known much
        better than either estimate. Replications in which either failed are left out.

        Parameters
        ----------
        a, b : str
            Names of methods.
        measures : str or sequence of str, default=None
            By default all but those that compare with a reference already.

        Returns
        -------
        DataFrame
            As :meth:`summary`, `estimate` being the difference and `mcse` its standard
            error, from the differences of the influences of each replication.

        Raises
        ------
        ValueError
            If there is no such method or measure.
        """
        for method in (a, b):
            _require(method in self.methods, "method", method, self.methods)
        names = self._chosen(measures)
        names = [name for name in names if self.measures[name].reference is None]
        return self._tabulate(
            (i, f"{a} - {b}", name, (a, b), self._difference(i, a, b, name))
            for i in range(len(self.scenarios))
            for name in names
        )

    def replications_for(self, measure: str, mcse: float) -> int:
        """Estimate how many replications a Monte Carlo standard error needs.

        Parameters
        ----------
        measure : str
        mcse : float
            The error that is wanted in every scenario and for every method.

        Returns
        -------
        int
            As :meth:`Study.replications_for
            <sparsestat.simulation.Study.replications_for>`, with these results for a pilot.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or these results say nothing of the measure.
        """
        _require(measure in self.measures, "measure", measure, self.measures)
        if not (isinstance(mcse, Real) and 0.0 < mcse < np.inf):
            raise ValueError(f"mcse must be a positive number. Got {mcse!r}.")
        needed = [
            replications_needed(self._evaluate(i, method, measure), mcse)
            for i in range(len(self.scenarios))
            for method in self.methods
        ]
        needed = [number for number in needed if not math.isnan(number)]
        if not needed or math.isinf(max(needed)):
            raise ValueError(
                f"nothing can be said: no method has two values of {measure!r}, or they are "
                "not finite."
            )
        return max(math.ceil(max(needed)), 1)

    def _evaluate(self, scenario: int, method: str, name: str) -> Evaluation:
        measure = self.measures[name]
        methods = [method] if measure.reference is None else [method, measure.reference]
        return measure.evaluate(*self._complete(scenario, methods, name))

    def _difference(self, scenario: int, a: str, b: str, name: str) -> Evaluation:
        measure = self.measures[name]
        first, second = map(measure.evaluate, self._complete(scenario, [a, b], name))
        influence = first.influence - second.influence
        n = len(influence)
        mcse = float(np.std(influence) / np.sqrt(n - 1)) if n > 1 else np.nan
        return Evaluation(first.estimate - second.estimate, mcse, influence)

    def _complete(self, scenario: int, methods: Sequence[str], name: str) -> list[Values]:
        """Return what a measure needs of the replications in which no method lacks any."""
        measure = self.measures[name]
        columns = [self.frame[column].to_numpy() for column in measure.columns(name)]
        replication = self.frame["replication"].to_numpy()
        numbers, values = [], []
        for method in methods:
            rows = self._cells[scenario, method]
            block = np.array([column[rows] for column in columns])
            complete = ~np.isnan(block).any(axis=0)
            numbers.append(replication[rows][complete])
            values.append(block[:, complete])
        if len(methods) > 1:
            common = functools.reduce(np.intersect1d, numbers)
            found = zip(values, numbers, strict=True)
            values = [block[:, np.isin(number, common)] for block, number in found]
        return [dict(zip(measure.parts, block, strict=True)) for block in values]

    def _n_failed(self, scenario: int, methods: Sequence[str]) -> int:
        failed: set[int] = set()
        for method in methods:
            rows = self.frame.iloc[self._cells[scenario, method]]
            failed.update(rows["replication"][rows["error"] != ""])
        return len(failed)

    def _tabulate(
        self, estimates: Iterable[tuple[int, str, str, Sequence[str], Evaluation]]
    ) -> pd.DataFrame:
        failed = functools.cache(self._n_failed)
        rows = [
            [
                *(shown(value) for value in self.scenarios[i].values()),
                *(method, name, found.estimate, found.mcse),
                *(len(found.influence), failed(i, of)),
            ]
            for i, method, name, of, found in estimates
        ]
        columns = [*self._fields, *ESTIMATES]
        values = zip(*rows, strict=True) if rows else [()] * len(columns)
        return pd.DataFrame({k: _column(list(v)) for k, v in zip(columns, values, strict=True)})

    @property
    def _fields(self) -> list[str]:
        return list(self.scenarios[0])

    # --- Tables ------------------------------------------------------------------------

    def to_markdown(self, measures: str | Sequence[str] | None = None) -> str:
        """Return a table of the estimates, with Monte Carlo standard errors in brackets.

        Parameters
        ----------
        measures : str or sequence of str, default=None
            By default all.

        Returns
        -------
        str
            A line for each method in each scenario. Numbers are rounded to two digits of
            their errors.
        """
        return _tables.to_markdown(self.summary(measures), self._fields)

    def to_latex(self, measures: str | Sequence[str] | None = None) -> str:
        """Return the table of :meth:`to_markdown` for LaTeX, with the package booktabs.

        Parameters
        ----------
        measures : str or sequence of str, default=None

        Returns
        -------
        str
        """
        return _tables.to_latex(self.summary(measures), self._fields)

    def _chosen(self, measures: str | Sequence[str] | None) -> list[str]:
        if isinstance(measures, str):
            measures = [measures]
        for name in measures or ():
            _require(name in self.measures, "measure", name, self.measures)
        return list(self.measures if measures is None else measures)

    # --- Figures -----------------------------------------------------------------------

    def plot_lollipop(self, measure: str, *, ax: Any = None) -> Any:
        """Draw one measure for each method in each scenario, as sticks from its target.

        Parameters
        ----------
        measure : str
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        table, target = self._table(measure)
        return _plots.lollipop(table, self._fields, label=measure, target=target, ax=ax)

    def plot_nested_loop(
        self, measure: str, *, order: Sequence[str] | None = None, ax: Any = None
    ) -> Any:
        """Draw one measure over all scenarios, a step line a method, fields as loops below.

        Parameters
        ----------
        measure : str
        order : sequence of str, default=None
            Fields, from the outermost loop inwards; those that are not named follow in
            their own order.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes

        References
        ----------
        :cite:t:`rucker2014presenting`
        """
        table, target = self._table(measure)
        return _plots.nested_loop(
            table, self._fields, label=measure, target=target, order=order, ax=ax
        )

    def plot_zip(
        self, measure: str, scenario: Mapping[str, Any] | None = None, *, axes: Any = None
    ) -> Any:
        """Draw the intervals of one scenario, those farthest from the truth on top.

        Parameters
        ----------
        measure : str
            A measure of an estimand that has intervals, such as its coverage.
        scenario : dict, default=None
            Values of fields that tell the scenario from the others, if there are any.
        axes : sequence of matplotlib Axes, default=None
            One for each method; a new figure by default.

        Returns
        -------
        ndarray of matplotlib Axes
        """
        _require(measure in self.measures, "measure", measure, self.measures)
        source = self.measures[measure].source
        if not isinstance(source, Estimand) or "lower" not in source.parts:
            raise ValueError(f"measure must be of an estimand with intervals. Got {measure!r}.")
        i = find_scenario(self.scenarios, scenario or {})
        rows = slice(
            self._cells[i, self.methods[0]].start, self._cells[i, self.methods[-1]].stop
        )
        parts = ("estimate", "truth", "lower", "upper")
        names = {source.column(measure, part): part for part in parts}
        intervals = self.frame.iloc[rows][["method", *names]].rename(columns=names)
        return zip_plot(intervals, label=source.name, level=source.level, axes=axes)

    def _table(self, measure: str) -> tuple[pd.DataFrame, float | None]:
        _require(measure in self.measures, "measure", measure, self.measures)
        return self.summary(measure).drop(columns="measure"), self.measures[measure].target


def _column(values: list[Any]) -> pd.Series:
    """Return values as they are: pandas would make nan of None, and floats of integers."""
    return pd.Series(values, dtype=object if None in values else None)


def find_scenario(scenarios: Sequence[Scenario], fields: Mapping[str, Any]) -> int:
    """Return the position of the only scenario with some values of its fields."""
    if not isinstance(fields, Mapping):
        raise TypeError(f"scenario must be a dictionary of its fields. Got {fields!r}.")
    unknown = sorted(set(fields) - set(scenarios[0]))
    if unknown:
        raise ValueError(f"scenarios have no fields {unknown}. They have {list(scenarios[0])}.")
    wanted = scenario_id(fields)
    found = [
        i
        for i, scenario in enumerate(scenarios)
        if scenario_id({field: scenario[field] for field in fields}) == wanted
    ]
    if len(found) != 1:
        raise ValueError(
            f"{dict(fields)} must describe one scenario of {len(scenarios)}; it describes "
            f"{len(found)}."
        )
    return found[0]


def _require(holds: bool, what: str, got: Any, choices: Iterable[str]) -> None:
    if not holds:
        raise ValueError(f"{what} must be one of {list(choices)}. Got {got!r}.")
