"""Runs: tasks go out to workers, what comes back goes to disk."""

import contextlib
import functools
import platform
import subprocess
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from queue import Queue
from typing import Any

from sparsestat._parallel import parallel_stream, thread_pools
from sparsestat.simulation._inventory import Group, TaskQueue
from sparsestat.simulation._replicate import Experiment, Outcome, Row, replicate, run_task
from sparsestat.simulation._store import Manifest, Store

__all__ = ["TooManyErrorsError", "compute", "logged_run"]

MOST_WAITING = 1000  # finished tasks that are not yet written
PACKAGES = ("sparsestat", "numpy", "scipy", "scikit-learn", "numba", "joblib", "pyarrow")


class TooManyErrorsError(RuntimeError):
    """More fits failed than the study allows."""


def compute(
    experiment: Experiment,
    versions: Mapping[str, str],
    groups: Sequence[Group],
    write: Callable[[Sequence[Row]], None],
    *,
    n_jobs: int | None,
    label: str,
    max_errors: int | None,
    first_must_work: bool,
) -> None:
    """Run all replications of the groups, and write rows as they come.

    Parameters
    ----------
    experiment : Experiment
    versions : dict
        Of its code, which workers must have too.
    groups : sequence of Group
    write : callable
        Takes finished rows to where they last.
    n_jobs : int or None
    label : str
        What the progress bar is called.
    max_errors : int or None
    first_must_work : bool
        Whether to raise the error of the first replication if all methods fail in it.
    """
    from tqdm.auto import tqdm

    queue = TaskQueue(groups)
    outcomes = _run_tasks(experiment, versions, queue, n_jobs, first_must_work)
    errors: Counter[str] = Counter()
    total = sum(len(group.replications) * len(group.methods) for group in groups)
    bar = tqdm(total=total, desc=label, unit="fit", disable=None)
    with Writer(write) as writer, contextlib.closing(outcomes), bar:
        for outcome in outcomes:
            queue.finished(outcome.task, outcome.seconds)
            writer.put(outcome.rows)
            errors.update(row.error for row in outcome.rows if row.error)
            if errors:
                bar.set_postfix(failed=errors.total(), refresh=False)
            bar.update(len(outcome.rows))
            if max_errors is not None and errors.total() > max_errors:
                (text, count), *_ = errors.most_common(1)
                raise TooManyErrorsError(
                    f"{errors.total()} fits of this run failed, max_errors={max_errors}. "
                    f"{count} times: {text}. Study.replay runs one of them again."
                )


class Writer:
    """Writes rows in a thread of its own; what comes during a write goes into the next.

    Workers then do not wait for the disk, and a slow one gets fewer and larger parts.

    Parameters
    ----------
    write : callable
        Takes rows. What it raises is raised by the next :meth:`put`, or at the end.
    """

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._waiting: Queue[list[Row] | None] = Queue(MOST_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="study writer")

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None and error is not self._error:
            raise self._error

    def put(self, rows: list[Row]) -> None:
        """Hand over rows."""
        if self._error is not None:
            raise self._error
        self._waiting.put(rows)

    def _work(self) -> None:
        ended = False
        while not ended:
            arrived = [self._waiting.get()]
            while not self._waiting.empty():
                arrived.append(self._waiting.get())
            ended = None in arrived
            rows = [row for some in arrived for row in some or ()]
            if rows and self._error is None:
                try:
                    self._write(rows)
                except BaseException as error:
                    self._error = error


def _run_tasks(
    experiment: Experiment,
    versions: Mapping[str, str],
    queue: TaskQueue,
    n_jobs: int | None,
    first_must_work: bool,
) -> Generator[Outcome, None, None]:
    """Yield what comes of all tasks; the first is run in this process, before the others.

    It compiles, so that workers find machine code in the cache, tells how long tasks take,
    and shows what cannot work at all.
    """
    tasks = iter(queue)
    run = functools.partial(run_task, experiment, versions)
    first = run(next(tasks))
    if first_must_work and all(row.error for row in first.rows):
        row = first.rows[0]
        replicate(experiment, first.task.scenario, row.method, row.replication)
    yield first
    with contextlib.closing(parallel_stream(run, tasks, n_jobs)) as outcomes:
        try:
            yield from outcomes
        except Exception as error:  # a worker that died, or one with other code
            error.add_note("What was finished is stored: run the study again to go on.")
            raise


@contextlib.contextmanager
def logged_run(manifest: Manifest, store: Store) -> Iterator[None]:
    """Note in the manifest what a run is made with, when it starts and when it is done."""
    run = {"started": _now(), "finished": None, **_environment()}
    before = manifest.runs[-1]["packages"] if manifest.runs else run["packages"]
    other = {
        name: (before.get(name), now)
        for name, now in run["packages"].items()
        if before.get(name) != now
    }
    if other:
        changes = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in other.items())
        warnings.warn(
            f"the rows in {store.folder} that are there already were computed with other "
            f"versions: {changes}.",
            stacklevel=4,
        )
    manifest.runs.append(run)
    store.write_manifest(manifest)
    yield
    run["finished"] = _now()
    store.write_manifest(manifest)


def _environment() -> dict[str, Any]:
    pools = {pool["internal_api"]: pool.get("version") for pool in thread_pools()}
    return {
        "packages": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}",
        "libraries": pools,
        "threads": 1,  # of BLAS, OpenMP and numba, in each worker
    }


def _commit() -> str | None:
    """Return the revision of the working directory, if it is in a git repository."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
