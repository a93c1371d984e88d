"""What of a study is there, and what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd

from sparsestat.simulation._replicate import Experiment, Task, method_unit
from sparsestat.simulation._scenario import Scenario
from sparsestat.simulation._store import Manifest, Part

__all__ = ["KEEP", "REFUSE", "RERUN", "Group", "Inventory", "TaskQueue"]

IDENTITY = ["scenario", "method", "replication"]
SECONDS_A_TASK = 1.0
GROWTH = 8  # of tasks, at most

# What to do with rows that other code has made
REFUSE, RERUN, KEEP = "error", "rerun", "keep"

CURRENT, KEPT, CHANGED, DROPPED = 3, 2, 1, 0
# Columns beside the recorded ones, which have names: numbers cannot be mistaken for those.
RANK, MARKS, SUCCEEDED = 0, 1, 2


class Group(NamedTuple):
    """Replications of a scenario that lack the same methods."""

    identity: str
    scenario: Scenario
    replications: Sequence[int]
    methods: tuple[str, ...]


class Inventory:
    """The rows in a folder, sorted by whether the present code made them.

    A row is marked with the versions of all that made it: the seed, `generate`, its method
    and the measures. It counts if they are the present ones, or if those that are not are
    kept. Of two rows of one identity the one of the present code counts; among those, one
    without an error, and the later one.

    Parameters
    ----------
    parts : sequence of Part
    experiment : Experiment
    versions : dict
        Of its code, at the start of the run.
    scenarios : dict
        Those of the study, by identity.
    manifest : Manifest
        Whose decisions of earlier runs hold if there is no new one.
    on_change : {"error", "rerun", "keep"}, default="error"
        The decision about rows that other code has made.

    Attributes
    ----------
    rows : DataFrame
        Those that count.
    changed : DataFrame
        Those about which there is no decision.
    marks : list of str
        What has changed in them, or in the rows that `on_change` has decided about.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        experiment: Experiment,
        versions: Mapping[str, str],
        scenarios: Mapping[str, Scenario],
        manifest: Manifest,
        on_change: str = REFUSE,
    ) -> None:
        self.scenarios, self.methods = scenarios, list(experiment.methods)
        self._versions, self._manifest = versions, manifest
        self._on_change = on_change
        columns = [*IDENTITY, *experiment.columns, "seconds", "warning", "error", "traceback"]
        frames = [self._rated(part, columns) for part in parts]
        frames = [rows for rows in frames if len(rows)]
        nothing = pd.DataFrame(columns=[*columns, RANK, MARKS])
        found = pd.concat(frames, ignore_index=True) if frames else nothing
        numbers = dict.fromkeys([*experiment.columns, "seconds"], float)
        found = found.astype({**numbers, "replication": int})
        found[SUCCEEDED] = found["error"] == ""
        found = found.sort_values([RANK, SUCCEEDED], kind="stable")
        found = found.drop_duplicates(IDENTITY, keep="last")
        self.rows = found.loc[found[RANK] > CHANGED, columns]
        self.changed = found[found[RANK] == CHANGED]
        decided = found if on_change != REFUSE else self.changed
        self.marks = sorted({mark for marks in decided[MARKS] for mark in marks})

    def _rated(self, part: Part, columns: Sequence[str]) -> pd.DataFrame:
        """Return the rows of a part that belong to the study."""
        rows = part.rows.reindex(columns=columns)
        rows = rows[rows["scenario"].isin(self.scenarios) & rows["method"].isin(self.methods)]
        ratings = {m: self._rate(part.versions, m) for m in rows["method"].unique()}
        rows[RANK] = rows["method"].map({m: rank for m, (rank, _) in ratings.items()})
        rows[MARKS] = rows["method"].map({m: marks for m, (_, marks) in ratings.items()})
        return rows

    def _rate(self, made_by: Mapping[str, str], method: str) -> tuple[int, tuple[str, ...]]:
        """Rate the rows of a method by the versions that made them; tell what differs."""
        others = {method_unit(name) for name in self.methods if name != method}
        marks = tuple(
            f"{unit}: {made_by.get(unit)}, now {version}"
            for unit, version in self._versions.items()
            if unit not in others and made_by.get(unit) != version
        )
        ranks = {REFUSE: CHANGED, KEEP: KEPT, RERUN: DROPPED}
        decisions = self._manifest.decisions
        if self._on_change == REFUSE:
            rates = [ranks[decisions.get(mark, REFUSE)] for mark in marks]
        else:
            rates = [ranks[self._on_change]] * len(marks)
        if any(mark.startswith("seed: ") for mark in marks):
            # Rows of another seed are other rows: they can be run, not kept.
            rates = [DROPPED if rate == DROPPED else CHANGED for rate in rates]
        return min(rates, default=CURRENT), marks

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
                    yield Group(
                        identity, scenario, np.flatnonzero(inverse == k).tolist(), names
                    )


class TaskQueue:
    """Cut groups into tasks of about a second, by what finished tasks took.

    The first task of a group, and those that are handed out before it is back, are one
    replication each, since nothing is known of a new scenario; the next ones may grow,
    step by step, since a first replication that fails tells little of the others.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups
        self._size: dict[int, int] = {}  # of the next task, by group

    def __iter__(self) -> Iterator[Task]:
        for k, group in enumerate(self.groups):
            start = 0
            while start < len(group.replications):
                stop = start + self._size.get(k, 1)
                replications = group.replications[start:stop]
                yield Task(group.identity, group.scenario, replications, group.methods, k)
                start = stop

    def finished(self, task: Task, seconds: float) -> None:
        """Take note of how long a task took."""
        n = len(task.replications)
        wanted = int(SECONDS_A_TASK * n / max(seconds, 1e-6))
        self._size[task.group] = max(min(wanted, GROWTH * n), 1)
