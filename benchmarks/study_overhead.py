"""What a simulation study costs a replication, over the same work in a bare loop.

One method, `LinearRegression`, is fitted to 50 x 5 numbers and judged by one measure. The
bare loop draws the same data, fits and measures by hand; what a study takes longer than
that is its overhead, told in fits: times of ``LinearRegression().fit`` alone.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LinearRegression

from benchmarks.measure import say, spread
from benchmarks.record import Record, environment
from sparsestat.simulation import Study
from sparsestat.simulation._replicate import Task, run_task
from sparsestat.simulation._scenario import DATA, generator, scenario_id
from sparsestat.simulation._store import Store

__all__ = ["CASES", "Sample", "coef_error", "draw", "run"]

SHAPE = {"n_samples": 50, "n_features": 5}
CHUNK = 50  # the smallest task that counts: larger ones share their costs more widely
WORKERS = 2
SEED = 1
LIMIT = 5.0  # fits that a replication may cost

# Time of a replication in what is compared, in seconds of one processor
FIT, BARE = "fit", "bare loop"
CASES = {
    "chunks": f"tasks of {CHUNK}, each written",
    "serial": "Study.run in one process",
    "parallel": f"Study.run with {WORKERS} processes",
}


class Sample(NamedTuple):
    """Data of a replication."""

    X: np.ndarray
    y: np.ndarray


def draw(n_samples: int, n_features: int, random_state: np.random.Generator) -> Sample:
    """Draw a linear model whose coefficients are all 1."""
    X = random_state.standard_normal((n_samples, n_features))
    return Sample(X, X.sum(axis=1) + random_state.standard_normal(n_samples))


def coef_error(fit: LinearRegression, sample: Sample) -> float:
    """Return the squared error of the coefficients."""
    return float(np.sum((fit.coef_ - 1.0) ** 2))


def make_study(replications: int) -> Study:
    return Study(
        name="overhead",
        scenarios=[SHAPE],
        generate=draw,
        methods={"ols": LinearRegression()},
        measures={"squared": coef_error},
        replications=replications,
        seed=SEED,
    )


def run(options: Any) -> None:
    """Time everything in interleaved rounds; record the overheads."""
    record = Record(options.output / "study_overhead.json")
    if options.resume and record.entries:
        say("study_overhead: recorded already")
        return
    few, many = (2 * CHUNK, 2 * CHUNK) if options.smoke else (2000, 16000)
    times = rounds(few, many, options.repeats, warm_ups=0 if options.smoke else 1)
    entry = {
        "shape": SHAPE,
        "replications": {"chunks": few, "serial": few, "parallel": many},
        "limit": LIMIT,
        FIT: spread(times[FIT]),
        BARE: spread(times[BARE]),
        "cases": {case: summary(times, case) for case in CASES},
        "environment": environment(options.command, ["pyarrow", "joblib"]),
    }
    record.add("overhead", entry)
    for case, description in CASES.items():
        fits = entry["cases"][case]["overhead in fits"]
        say(f"{description:<32} {fits['median']:.2f} fits over the bare loop")
    say(f"written: {record.path}")


def rounds(few: int, many: int, repeats: int, warm_ups: int) -> dict[str, list[float]]:
    """Return the time of a replication in each round, after warm-ups.

    Warm-ups start the workers, which then stay for the rounds.
    """
    experiment = Runs(few, many)
    functions: dict[str, Callable[[], float]] = {
        FIT: experiment.fit,
        BARE: experiment.bare,
        "chunks": experiment.chunks,
        "serial": experiment.serial,
        "parallel": experiment.parallel,
    }
    names = list(functions)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(1 - warm_ups, repeats + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(functions[name]())
        shown = ", ".join(f"{name} {times[name][-1] * 1e6:.0f}" for name in names)
        say(f"{turn}/{repeats} microseconds: {shown}")
    if experiment.by_hand != experiment.by_study:
        raise RuntimeError("the study and the bare loop differ: they are not the same work")
    return {name: values[warm_ups:] for name, values in times.items()}


class Runs:
    """The same replications, run in several ways; each returns seconds a replication."""

    def __init__(self, few: int, many: int) -> None:
        self.few, self.many = make_study(few), make_study(many)
        self.identity = scenario_id(SHAPE)
        self.by_hand: list[float] = []
        self.by_study: list[float] = []

    def fit(self) -> float:
        sample = draw(**SHAPE, random_state=np.random.default_rng(0))
        with clock(self.few.replications) as taken:
            for _ in range(self.few.replications):
                LinearRegression().fit(sample.X, sample.y)
        return taken()

    def bare(self) -> float:
        replications = range(self.few.replications)
        rngs = [generator(SEED, self.identity, k, (DATA,)) for k in replications]
        self.by_hand = []
        with clock(self.few.replications) as taken:
            for rng in rngs:
                sample = draw(**SHAPE, random_state=rng)
                fit = LinearRegression().fit(sample.X, sample.y)
                self.by_hand.append(coef_error(fit, sample))
        return taken()

    def chunks(self) -> float:
        experiment, columns = self.few._experiment, ["squared"]
        methods, versions = tuple(experiment.methods), experiment.versions()
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            with store.locked(), clock(self.few.replications) as taken:
                for start in range(0, self.few.replications, CHUNK):
                    replications = range(start, start + CHUNK)
                    task = Task(self.identity, SHAPE, replications, methods, 0)
                    rows = run_task(experiment, versions, task).rows
                    store.write_part(rows, columns, versions)
        return taken()

    def serial(self) -> float:
        seconds, self.by_study = timed_run(self.few, 1)
        return seconds

    def parallel(self) -> float:
        """Return what a replication keeps busy: wall time by the number of processes."""
        return WORKERS * timed_run(self.many, WORKERS)[0]


def timed_run(study: Study, n_jobs: int) -> tuple[float, list[float]]:
    """Run a study in a new folder; return the seconds of a replication and the errors."""
    with tempfile.TemporaryDirectory() as folder:
        with clock(study.replications) as taken:
            result = study.run(n_jobs=n_jobs, path=folder)
        return taken(), result.frame["squared"].tolist()


@contextmanager
def clock(count: int) -> Iterator[Callable[[], float]]:
    """Time a block; the function that it is given tells the time of one of `count`."""
    start = time.perf_counter()
    seconds = 0.0
    yield lambda: seconds / count
    seconds = time.perf_counter() - start


def summary(times: dict[str, list[float]], case: str) -> dict[str, Any]:
    """Summarise a case; overheads are differences and ratios within a round."""
    triples = list(zip(times[case], times[BARE], times[FIT], strict=True))
    return {
        "what": CASES[case],
        "seconds": spread(times[case]),
        "overhead": spread(own - bare for own, bare, _ in triples),
        "overhead in fits": spread((own - bare) / fit for own, bare, fit in triples),
    }
