"""Studies in real processes that are killed, stopped and doubled: nothing lost, nothing twice.

The studies are in a script, as those of users are: ``PROGRAM``. It runs one of them in a
folder and leaves the resulting frame beside it. Scenarios wait while a file named after
their centre is in the folder of gates: so what is to be killed in the middle never finishes.
"""

import contextlib
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import sparsestat
from sparsestat.simulation import StudyLockedError
from sparsestat.simulation._store import Store
from tests.simulation.centres import content

psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")

TIMEOUT = 60
SOON = 10  # seconds within which processes that are told to stop are gone
IDENTITY = ["scenario", "method", "replication"]

PROGRAM = '''
"""python program.py STUDY N_JOBS PATH: run a study and leave its frame in PATH.pickle."""

import os
import sys
import time
from typing import NamedTuple

import numpy as np

from sparsestat.simulation import Study, grid


class Sample(NamedTuple):
    x: np.ndarray
    centre: float


def draw(centre, size, random_state):
    gate = os.path.join(os.environ["GATES"], str(centre))
    limit = time.monotonic() + 60
    while os.path.exists(gate) and time.monotonic() < limit:
        time.sleep(0.01)
    return Sample(centre + random_state.standard_normal(size), centre)


def average(sample):
    return float(np.mean(sample.x))


def middle(sample):
    return float(np.median(sample.x))


def noisy(sample, random_state):
    return average(sample) + random_state.standard_normal()


def absolute(fit, sample):
    return abs(fit - sample.centre)


def centres(n_sizes, replications):
    return Study(
        name="centres",
        scenarios=grid(centre=list(map(float, range(6))), size=range(10, 10 + n_sizes)),
        generate=draw,
        methods={"mean": average, "median": middle, "noisy": noisy},
        measures={"absolute": absolute},
        replications=replications,
        seed=5,
    )


def study(name):
    if name == "mixed":
        import mixed  # which takes a second: every process here pays for what it imports

        return mixed.study()
    return centres(2, 900) if name == "large" else centres(1, 200)


if __name__ == "__main__":
    name, n_jobs, path = sys.argv[1:]
    study(name).run(n_jobs=int(n_jobs), path=path).frame.to_pickle(path + ".pickle")
'''

MIXED = '''
import warnings

import numpy as np
from sklearn.linear_model import Ridge

from sparsestat import MCP, PenalizedRegressor
from sparsestat.datasets import make_sparse_regression
from sparsestat.simulation import Study, grid, measures


class RandomRidge(Ridge):
    """Ridge regression on rows drawn with replacement."""

    def fit(self, X, y):
        rng = np.random.default_rng(self.random_state)
        rows = rng.integers(len(y), size=len(y))
        return super().fit(X[rows], y[rows])


class FragileRidge(Ridge):
    def fit(self, X, y):
        if y[0] > 1.0:
            raise ArithmeticError(f"the first is {y[0]}")
        return super().fit(X, y)


class LoudRidge(Ridge):
    def fit(self, X, y):
        if y[0] > 0.0:
            warnings.warn(f"the first is {y[0]}", RuntimeWarning)
        return super().fit(X, y)


def study():
    return Study(
        name="mixed",
        scenarios=grid(n_samples=60, n_features=40, n_nonzero=3, rho=[0.0, 0.8]),
        generate=make_sparse_regression,
        methods={
            "ridge": Ridge(),
            "random": RandomRidge(),
            "fragile": FragileRidge(),
            "loud": LoudRidge(),
            "mcp": PenalizedRegressor(0.1, penalty=MCP()),
        },
        measures={"l2": measures.l2_error, "size": lambda fit, data: fit.coef_ @ fit.coef_},
        replications=60,
        seed=3,
    )
'''

ON_DASK = '''
"""python on_dask.py MIXED SMALL: run two studies on Dask; kill a worker of the second."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import joblib
from distributed import Client, LocalCluster
from pyarrow import parquet

import program


def count_rows(parts):
    return sum(parquet.read_metadata(part).num_rows for part in parts.glob("*.parquet"))


def kill(pid, parts, gate):
    """Kill a process once there are rows, and let the study go on after that."""
    limit = time.monotonic() + 30
    while count_rows(parts) < 300 and time.monotonic() < limit:
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    gate.unlink()


def main(mixed, small):
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    gate = Path(os.environ["GATES"], "1.0")
    with cluster, Client(cluster) as client, joblib.parallel_config("dask"):
        frame = program.study("mixed").run(path=mixed).frame
        frame.to_pickle(mixed + ".pickle")
        gate.touch()
        before = set(client.run(os.getpid).values())
        killer = threading.Thread(target=kill, args=(min(before), Path(small, "parts"), gate))
        killer.start()
        frame = program.study("small").run(path=small).frame
        killer.join()
        assert set(client.run(os.getpid).values()) != before
        frame.to_pickle(small + ".pickle")


if __name__ == "__main__":
    main(*sys.argv[1:])
'''


class Process:
    """A script that runs; at the end of the context it and its workers are gone.

    Its output goes to a file: workers that are left behind would hold the end of a pipe.
    """

    def __init__(self, place, script, *arguments):
        self.log = place / f"{time.monotonic_ns()}.log"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "COV"))
        }
        package = Path(sparsestat.__file__).parents[1]
        environment |= {
            "PYTHONPATH": os.pathsep.join([str(place), str(package)]),
            "GATES": str(place / "gates"),
        }
        with self.log.open("w") as log:
            self.popen = subprocess.Popen(
                [sys.executable, str(place / script), *map(str, arguments)],
                env=environment,
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.popen.pid
        self.children = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # First those that work: the trackers then clean up what these have shared, and end.
        for processes in ([self.popen, *self.workers()], self.children):
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(self.children, SOON)
        self.popen.wait(TIMEOUT)

    def workers(self):
        """Note all processes below this one; return those of loky that do the work."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid).children(recursive=True)
            self.children += [child for child in found if child not in self.children]
        return [child for child in self.children if _is_worker(child)]

    def wait_for_rows(self, path, count):
        """Wait until there are so many rows in a folder; return all workers."""
        limit = time.monotonic() + TIMEOUT
        while count_rows(path) < count:
            assert self.popen.poll() is None, self.log.read_text()
            assert time.monotonic() < limit, f"{count_rows(path)} rows after {TIMEOUT} s"
            time.sleep(0.02)
        return self.workers()

    def finish(self):
        assert self.popen.wait(TIMEOUT) == 0, self.log.read_text()


def _is_worker(process):
    try:
        return any("LokyProcess" in word for word in process.cmdline())
    except psutil.Error:
        return False


class Place:
    """A folder with the scripts, a study and the gates."""

    def __init__(self, folder):
        self.folder = folder
        self.study = folder / "study"
        self.gates = folder / "gates"
        self.gates.mkdir(parents=True)
        (folder / "program.py").write_text(PROGRAM)
        (folder / "mixed.py").write_text(MIXED)
        (folder / "on_dask.py").write_text(ON_DASK)

    def start(self, name="large", n_jobs=2, path=None):
        return Process(self.folder, "program.py", name, n_jobs, path or self.study)

    def run(self, name="large", n_jobs=2, path=None):
        """Run a study to its end; return the frame."""
        with self.start(name, n_jobs, path) as process:
            process.finish()
        return self.frame(path or self.study)

    def frame(self, path):
        return pickle.loads(path.with_name(f"{path.name}.pickle").read_bytes())

    def close(self, *centres):
        for centre in centres:
            (self.gates / str(centre)).touch()

    def open(self, *centres):
        for centre in centres:
            (self.gates / str(centre)).unlink()


def part_files(path):
    return set((path / "parts").glob("*.parquet"))


def count_rows(path):
    return sum(parquet.read_metadata(part).num_rows for part in part_files(path))


def identities(parts):
    """Count the rows of some parts by their identities."""
    frames = [pd.read_parquet(part, columns=IDENTITY) for part in sorted(parts)]
    return Counter(pd.concat(frames).itertuples(index=False, name=None))


def assert_identical(one, other):
    """Assert that two frames are the same bit for bit, but for the times."""
    assert content(one).equals(content(other))
    for name in content(one).select_dtypes(np.floating):
        assert one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes(), name


def assert_whole(path, frame, reference):
    """Assert that a folder holds each row once and nothing unfinished, and gives the frame."""
    assert_identical(frame, reference)
    rows = identities(part_files(path))
    assert len(rows) == rows.total() == len(reference)
    assert not list(path.rglob("*.tmp"))


def gone(processes):
    """Wait, not for long, until processes have ended; return whether they have."""
    return not psutil.wait_procs(processes, SOON)[1]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "place")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A place where nothing is interrupted."""
    return Place(tmp_path_factory.mktemp("quiet") / "place")


@pytest.fixture(scope="module")
def reference(quiet):
    frame = quiet.run(n_jobs=1)
    assert len(frame) == 6 * 2 * 900 * 3
    return frame


@pytest.fixture(scope="module")
def small(quiet):
    return quiet.run("small", 1, quiet.folder / "small")


@pytest.fixture(scope="module")
def mixed(quiet):
    return quiet.run("mixed", 1, quiet.folder / "mixed")


# --- Runs that are stopped -------------------------------------------------------------


def kill(process, workers):
    os.kill(process.pid, signal.SIGKILL)


def kill_worker(process, workers):
    workers[0].kill()


def interrupt(process, workers):
    os.kill(process.pid, signal.SIGINT)


def interrupt_all(process, workers):
    """Do as Ctrl-C in a terminal: the workers get the signal too."""
    os.killpg(process.pid, signal.SIGINT)


# In this order, on one study: what stops it, what the process returns and says.
STOPS = {
    kill: (-signal.SIGKILL, ""),
    kill_worker: (1, r"TerminatedWorkerError: A worker process(.|\n)*SIGKILL"),
    interrupt: (-signal.SIGINT, "KeyboardInterrupt"),
    interrupt_all: (-signal.SIGINT, "KeyboardInterrupt"),
}


class Stop(NamedTuple):
    """What became of a run that was stopped in the middle."""

    returncode: int
    said: str
    everything_ended: bool
    new: set[Path]  # parts that the run has written
    kept: bool  # the parts that were there when it was stopped


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A study that was stopped in every way, each time a fifth further on."""
    place = Place(tmp_path_factory.mktemp("stopped") / "place")
    place.close(*(k + 1.0 for k in range(len(STOPS))))
    stops, before = {}, set()
    for k, stop in enumerate(STOPS):
        with place.start() as process:
            workers = process.wait_for_rows(place.study, 5400 * k + 2700)
            there = part_files(place.study)
            stop(process, workers)
            returncode = process.popen.wait(SOON)
            ended = gone(process.children)
        after = part_files(place.study)
        stops[stop] = Stop(
            returncode, process.log.read_text(), ended, after - before, there <= after
        )
        before = after
        place.open(k + 1.0)
    return place, stops


@pytest.mark.parametrize("how", STOPS)
def test_a_run_that_is_stopped_says_why_and_keeps_its_rows(stopped, how):
    _, stops = stopped
    returncode, message = STOPS[how]
    assert stops[how].returncode == returncode
    assert re.search(message, stops[how].said)
    assert stops[how].kept
    assert identities(stops[how].new).total() >= 2000


@pytest.mark.parametrize("how", STOPS)
def test_workers_end_soon_after_the_run(stopped, how):
    """They would work on tasks, and keep open the pipes of who has started the run."""
    _, stops = stopped
    assert stops[how].everything_ended


def test_each_run_computes_what_is_missing_and_the_end_is_the_same(stopped, reference):
    place, stops = stopped
    before = part_files(place.study)
    frame = place.run()
    written = [stop.new for stop in stops.values()] + [part_files(place.study) - before]
    rows = [identities(parts) for parts in written]
    assert all(counts.total() == len(counts) > 0 for counts in rows)
    assert len(set().union(*rows)) == sum(map(len, rows)) == len(reference)
    assert_whole(place.study, frame, reference)


def test_a_second_run_is_refused_until_the_first_is_dead(place):
    """Even if workers of the first are not: here they are stopped, and cannot end."""
    place.close(1.0)
    with place.start() as first:
        workers = first.wait_for_rows(place.study, 2700)
        with place.start() as second:
            assert second.popen.wait(TIMEOUT) == 1
            error = second.log.read_text().splitlines()[-1]
        assert "StudyLockedError: another run works in" in error
        assert f"process {first.pid} on" in error
        for worker in workers:
            worker.suspend()
        with pytest.raises(StudyLockedError), Store(place.study).locked():
            pass
        os.kill(first.pid, signal.SIGKILL)
        first.popen.wait(SOON)
        assert [worker.is_running() for worker in workers] == [True, True]
        with Store(place.study).locked():
            pass


# --- Wherever it runs ------------------------------------------------------------------


def test_the_mixed_study_fails_warns_and_varies(mixed):
    by_method = mixed.groupby("method")
    failed = by_method["error"].agg(lambda texts: np.mean(texts != ""))
    warned = by_method["warning"].agg(lambda texts: np.mean(texts != ""))
    assert 0.0 < failed["fragile"] < 0.5
    assert failed.drop("fragile").max() == 0.0
    assert 0.0 < warned["loud"] < 1.0
    assert by_method["l2"].nunique().min() > 60


def test_two_processes_give_the_same_bits(quiet, mixed):
    path = quiet.folder / "loky"
    assert_whole(path, quiet.run("mixed", 2, path), mixed)


@pytest.fixture(scope="module")
def dask(quiet):
    """The folders of two studies run on Dask, a worker killed in the second."""
    if find_spec("distributed") is None:
        pytest.skip("needs distributed")
    folders = quiet.folder / "dask-mixed", quiet.folder / "dask-small"
    with Process(quiet.folder, "on_dask.py", *folders) as process:
        process.finish()
    return folders


def test_dask_gives_the_same_bits(quiet, dask, mixed):
    path, _ = dask
    assert_whole(path, quiet.frame(path), mixed)


def test_a_killed_dask_worker_changes_nothing(quiet, dask, small):
    _, path = dask
    assert_whole(path, quiet.frame(path), small)
