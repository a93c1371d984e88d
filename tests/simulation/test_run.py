"""Runs: tasks of about a second, rows that reach the disk, workers with the same code."""

import errno
import functools
import itertools
import os
import subprocess
import sys
import textwrap
import threading
import time

import numba
import numpy as np
import pytest

from sparsestat import _parallel
from sparsestat.simulation import Study, _run
from sparsestat.simulation._inventory import Group, TaskQueue
from sparsestat.simulation._replicate import Row
from sparsestat.simulation._run import Writer
from tests.simulation.centres import Sample, average, make_study, stored_rows

TIMEOUT = 30  # seconds after which a test says that something hangs


def bounded(function):
    """Return what a function returns or raises, but do not wait for it forever."""
    found = {}

    def work():
        try:
            found["value"] = function()
        except BaseException as error:
            found["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "it hangs"
    if "error" in found:
        raise found["error"]
    return found["value"]


# --- Tasks -----------------------------------------------------------------------------


def sizes_of_tasks(n, seconds_of):
    """Return the sizes of the tasks of a group, each finished before the next is made."""
    queue = TaskQueue([Group("a", {}, range(n), ("mean",))])
    sizes, seen = [], []
    for task in queue:
        sizes.append(len(task.replications))
        seen += task.replications
        queue.finished(task, seconds_of(len(sizes) - 1, len(task.replications)))
    assert seen == list(range(n))
    return sizes


def test_tasks_grow_step_by_step_to_a_second():
    assert sizes_of_tasks(1000, lambda k, n: 0.01 * n) == [1, 8, 64, *[100] * 9, 27]
    assert sizes_of_tasks(1000, lambda k, n: 0.0) == [1, 8, 64, 512, 415]
    assert sizes_of_tasks(5, lambda k, n: 3.0 * n) == [1] * 5
    assert sizes_of_tasks(11, lambda k, n: 0.3 * n) == [1, 3, 3, 3, 1]


def test_a_fast_start_is_no_promise():
    # A first replication that fails at once, and then slow ones
    sizes = sizes_of_tasks(100, lambda k, n: 1e-5 if k == 0 else 0.5 * n)
    assert sizes[:4] == [1, 8, 2, 2]
    assert max(sizes[2:]) == 2


def test_tasks_begin_small_in_every_group_and_wait_for_no_answer():
    groups = [Group(name, {"n": name}, range(3, 13), ("x", "y")) for name in "ab"]
    queue = TaskQueue(groups)
    tasks = iter(queue)
    early = [next(tasks) for _ in range(3)]
    assert [list(task.replications) for task in early] == [[3], [4], [5]]
    queue.finished(early[0], 0.001)
    rest = list(tasks)
    assert [len(task.replications) for task in rest] == [7, *[1] * 10]
    assert {(task.identity, task.group, task.methods) for task in rest} == {
        ("a", 0, ("x", "y")),
        ("b", 1, ("x", "y")),
    }


# --- The writer ------------------------------------------------------------------------


def rows(*numbers):
    return [Row("a", "mean", k, ()) for k in numbers]


class Disk:
    """Takes rows when it is let; the k-th write may fail."""

    def __init__(self, fails_at=None, is_slow=True):
        self.parts, self.calls, self.fails_at = [], 0, fails_at
        self.begun, self.go = threading.Event(), threading.Event()
        if not is_slow:
            self.go.set()

    def write(self, some):
        self.calls += 1
        self.begun.set()
        assert self.go.wait(TIMEOUT)
        if self.calls == self.fails_at:
            raise OSError(errno.ENOSPC, "no space")
        self.parts.append([row.replication for row in some])


def test_what_arrives_during_a_write_is_written_together():
    disk = Disk()

    def work():
        with Writer(disk.write) as writer:
            writer.put(rows(0))
            assert disk.begun.wait(TIMEOUT)
            for k in range(1, 6):
                writer.put(rows(k))
            writer.put([])
            disk.go.set()

    bounded(work)
    assert disk.parts == [[0], [1, 2, 3, 4, 5]]


def test_rows_are_written_as_they_come_and_before_the_end():
    disk = Disk(is_slow=False)

    def work():
        with Writer(disk.write) as writer:
            writer.put(rows(0, 1))
            limit = time.monotonic() + TIMEOUT
            while not disk.parts and time.monotonic() < limit:
                time.sleep(0.001)
            assert disk.parts == [[0, 1]]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bounded(work)


def test_rows_before_an_error_of_the_run_are_written():
    disk = Disk()

    def work():
        with Writer(disk.write) as writer:
            for k in range(20):
                writer.put(rows(k))
            disk.go.set()
            raise ArithmeticError("of the run")

    with pytest.raises(ArithmeticError, match="of the run"):
        bounded(work)
    assert list(itertools.chain(*disk.parts)) == list(range(20))


def test_an_error_of_the_disk_is_raised_by_the_next_rows():
    disk = Disk(fails_at=2, is_slow=False)
    put = []

    def work():
        with Writer(disk.write) as writer:
            for k in range(10_000):
                writer.put(rows(k))
                put.append(k)
                time.sleep(0.001)

    with pytest.raises(OSError, match="no space"):
        bounded(work)
    assert len(put) < 10_000
    assert disk.calls == 2
    (part,) = disk.parts
    assert part == list(range(len(part)))


def test_an_error_of_the_last_write_is_raised_at_the_end():
    disk = Disk(fails_at=1)

    def work():
        with Writer(disk.write) as writer:
            writer.put(rows(0))
            assert disk.begun.wait(TIMEOUT)
            writer.put(rows(1))
            disk.go.set()

    with pytest.raises(OSError, match="no space"):
        bounded(work)
    assert disk.calls == 1  # nothing is tried after an error


def test_a_disk_that_fails_while_much_waits_blocks_nobody(monkeypatch):
    monkeypatch.setattr(_run, "MOST_WAITING", 2)
    disk = Disk(fails_at=1)

    def work():
        with Writer(disk.write) as writer:
            threading.Timer(0.1, disk.go.set).start()
            for k in range(100):
                writer.put(rows(k))  # waits for a place

    with pytest.raises(OSError, match="no space"):
        bounded(work)


def test_a_slow_disk_makes_the_run_wait_and_gets_all(monkeypatch):
    monkeypatch.setattr(_run, "MOST_WAITING", 2)
    disk = Disk()

    def work():
        with Writer(disk.write) as writer:
            threading.Timer(0.1, disk.go.set).start()
            for k in range(100):
                writer.put(rows(k))

    bounded(work)
    assert list(itertools.chain(*disk.parts)) == list(range(100))


def test_a_disk_that_fails_ends_a_run_with_workers(tmp_path, monkeypatch):
    from sparsestat.simulation._store import Store

    real, left = Store.write_part, {"parts": 1}

    def write_part(self, *arguments, **options):
        left["parts"] -= 1
        if left["parts"] < 0:
            raise OSError(errno.ENOSPC, "no space")
        real(self, *arguments, **options)

    monkeypatch.setattr(Store, "write_part", write_part)
    with pytest.raises(OSError, match="no space"):
        bounded(lambda: make_study(replications=200).run(2, tmp_path))
    monkeypatch.undo()
    assert len(stored_rows(tmp_path)) >= 3
    assert (make_study().run(path=tmp_path).summary()["n"] == 12).all()


# --- Workers ---------------------------------------------------------------------------


def threads(sample):
    pools = [pool["num_threads"] for pool in _parallel.thread_pools()]
    return max(numba.get_num_threads(), *pools)


def process(fit, sample):
    return os.getpid()


def draw_design(random_state, design):
    """Return whether the design is an array that may be written to."""
    is_plain = type(design) is np.ndarray and design.flags.writeable
    return Sample(np.array([float(is_plain), design.sum()]), 0.0)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="all has one thread here")
def test_tasks_use_one_thread_and_hold_plain_arrays_here_and_in_workers(tmp_path):
    design = np.ones((400, 500))
    assert design.nbytes > 1_000_000
    study = Study(
        name="threads",
        scenarios=[{}],
        generate=functools.partial(draw_design, design=design),
        methods={
            "threads": threads,
            "plain": lambda sample: sample.x[0],
            "sum": lambda sample: sample.x[1],
        },
        measures={"value": lambda fit, sample: float(fit), "process": process},
        replications=12,
        seed=1,
    )
    before = threads(None)
    frame = bounded(lambda: study.run(2, tmp_path)).frame
    assert (frame["error"] == "").all()
    assert os.getpid() in set(frame["process"])
    assert len(set(frame["process"])) > 1
    values = frame.groupby("method")["value"].agg(set).to_dict()
    assert values == {"threads": {1.0}, "plain": {1.0}, "sum": {200_000.0}}
    assert before == threads(None) > 1


EDITED = """
import importlib
import os
import pathlib
import sys
import time

import numpy as np

sys.dont_write_bytecode = True
here = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(here))
(here / "mine.py").write_text("def method(data): return float(data[0])")
import mine
from sparsestat.simulation import Study


def slow_process(fit, data):
    time.sleep(0.1)
    return os.getpid()


def study():
    return Study(
        name="edited",
        scenarios=[{}],
        generate=lambda random_state: random_state.standard_normal(3),
        methods={"mine": mine.method},
        measures={"value": lambda fit, data: fit - data[0], "process": slow_process},
        replications=6,
        seed=1,
    )


if __name__ == "__main__":
    seen, k = set(), 0
    while len(seen) < 3 and k < 20:  # until both workers have imported the module
        frame = study().run(2, here / str(k)).frame
        seen, k = seen.union(frame["process"]), k + 1
    assert (frame["value"] == 0.0).all()
    (here / "mine.py").write_text("def method(data): return float(data[0]) + 1.0")
    importlib.reload(mine)
    try:
        study().run(2, here / "new")
    except RuntimeError as error:
        print(error, *error.__notes__)
    frame = study().run(1, here / "new").frame
    assert np.allclose(frame["value"], 1.0)
"""


def test_workers_with_old_code_are_refused(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(EDITED), "utf-8")
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a worker has another version of method 'mine' than the process" in done.stdout
    assert "What was finished is stored: run the study again" in done.stdout


def test_the_first_replication_is_run_here(tmp_path):
    study = make_study(methods={"mean": average}, measures={"process": process})
    frame = bounded(lambda: study.run(2, tmp_path)).frame
    first = frame.iloc[0]
    assert (first["size"], first["centre"], first["replication"]) == (10, 0.0, 0)
    assert first["process"] == os.getpid()
    assert not (frame["process"].iloc[1:] == os.getpid()).any()
