"""What of a study is there, and what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd

from sparsestat.simulation._replicate import Task
from sparsestat.simulation._scenario import Scenario
from sparsestat.simulation._store import Manifest, Part

__all__ = ["Group", "Inventory", "TaskQueue", "method_unit", "recorder_unit"]

IDENTITY = ["scenario", "method", "replication"]
SECONDS_A_TASK = 1.0

CURRENT, KEPT, CHANGED, DROPPED = 3, 2, 1, 0


def method_unit(name: str) -> str:
    """Return what a method is called among the versions."""
    return f"method {name!r}"


def recorder_unit(name: str) -> str:
    """Return what a loss or an estimand is called among the versions."""
    return f"measure {name!r}"


class Group(NamedTuple):
    """Replications of a scenario that lack the same methods."""

    scenario: Scenario
    replications: Sequence[int]
    methods: tuple[str, ...]


class Inventory:
    """The rows in a folder, sorted by whether the present code made them.

    A row counts if all that made it, the seed, `generate`, its method and the measures, is
    of the present version or of one that the manifest keeps. Of two rows of one identity
    the better one counts.

    Parameters
    ----------
    parts : sequence of Part
    versions : dict
        The present version of each unit, such as "generate" or "method 'lasso'".
    manifest : Manifest
    columns : sequence of str
        The recorded columns.
    scenarios : dict
        Those of the study, by identity.
    methods : sequence of str
        Those of the study.

    Attributes
    ----------
    rows : DataFrame
        Those that count.
    changed : DataFrame
        Those that nobody has said of whether they count, with the units that changed in
        the column `units`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        versions: Mapping[str, str],
        manifest: Manifest,
        columns: Sequence[str],
        scenarios: Mapping[str, Scenario],
        methods: Sequence[str],
    ) -> None:
        self.versions, self.scenarios, self.methods = versions, scenarios, methods
        self._kept, self._dropped = set(manifest.kept), set(manifest.dropped)
        named = [*IDENTITY, *columns, "seconds", "warning", "error", "traceback"]
        frames = []
        for part in parts:
            ranks, units = {}, {}
            for method in part.rows["method"].unique():
                ranks[method], units[method] = self._rank(part.versions, method)
            rows = part.rows.reindex(columns=named)
            rows = rows[rows["scenario"].isin(scenarios) & rows["method"].isin(methods)]
            rows["rank"] = rows["method"].map(ranks)
            rows["units"] = rows["method"].map(units)
            frames.append(rows[rows["rank"] > DROPPED])
        frames = [rows for rows in frames if len(rows)]
        nothing = pd.DataFrame(columns=[*named, "rank", "units"])
        found = pd.concat(frames, ignore_index=True) if frames else nothing
        found["succeeded"] = found["error"] == ""
        found = found.sort_values(["rank", "succeeded"], kind="stable")
        found = found.drop_duplicates(IDENTITY, keep="last")
        self.rows = found.loc[found["rank"] > CHANGED, named]
        self.changed = found[found["rank"] == CHANGED]

    def _rank(self, versions: Mapping[str, str], method: str) -> tuple[int, tuple[str, ...]]:
        """Rate the rows of a method in a part; name the units that changed."""
        rank, changed = CURRENT, []
        for unit, version in self.versions.items():
            if unit.startswith("method ") and unit != method_unit(method):
                continue
            mark = f"{unit}: {versions.get(unit)}"
            if versions.get(unit) == version:
                continue
            if mark in self._kept:
                rank = min(rank, KEPT)
            elif mark in self._dropped:
                rank = DROPPED
            else:
                rank = min(rank, CHANGED)
                changed.append(mark)
        return rank, tuple(changed)

    def missing(self, replications: int, *, retry_failed: bool) -> Iterator[Group]:
        """Yield what has to be run, scenario by scenario."""
        rows = self.rows[self.rows["replication"] < replications]
        if retry_failed:
            rows = rows[rows["error"] == ""]
        done = dict(iter(rows.groupby(["scenario", "method"], sort=False)["replication"]))
        for identity, scenario in self.scenarios.items():
            lacks = np.ones((replications, len(self.methods)), dtype=bool)
            for j, method in enumerate(self.methods):
                if (identity, method) in done:
                    lacks[done[identity, method].to_numpy(dtype=int), j] = False
            patterns, inverse = np.unique(lacks, axis=0, return_inverse=True)
            for k, pattern in enumerate(patterns):
                names = tuple(compress(self.methods, pattern))
                if names:
                    yield Group(scenario, np.flatnonzero(inverse == k).tolist(), names)


class TaskQueue:
    """Cut groups into tasks of about a second, by what finished tasks took.

    The first task of a group, and those that are handed out before it is back, are one
    replication each: nothing is known of a new scenario.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups
        self._seconds: dict[int, float] = {}  # a replication, by group

    def __iter__(self) -> Iterator[Task]:
        for k, group in enumerate(self.groups):
            start = 0
            while start < len(group.replications):
                seconds = self._seconds.get(k, SECONDS_A_TASK)
                stop = start + max(int(SECONDS_A_TASK / max(seconds, 1e-6)), 1)
                yield Task(group.scenario, group.replications[start:stop], group.methods, k)
                start = stop

    def finished(self, task: Task, seconds: float) -> None:
        """Take note of how long a task took."""
        self._seconds[task.group] = seconds / len(task.replications)
