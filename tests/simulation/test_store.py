"""The folder of a study: whole parts or none, damage found, one run at a time."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from sparsestat.simulation import StudyLockedError, _store, grid
from sparsestat.simulation._replicate import Row
from sparsestat.simulation._scenario import scenario_id
from sparsestat.simulation._store import Manifest, Store
from tests.simulation.centres import (
    Sample,
    absolute_error,
    assert_same,
    average,
    counted,
    make_study,
    stored_rows,
)


@pytest.fixture
def study():
    return make_study(methods={"mean": average}, replications=6)


def parts_of(path):
    return sorted((path / "parts").glob("*.parquet"))


# --- Parts -----------------------------------------------------------------------------


def test_what_is_written_is_read_bit_for_bit(tmp_path):
    store = Store(tmp_path)
    values = [(0.1 + 0.2, float("nan")), (-0.0, float("inf")), (5e-324, 1e300)]
    texts = ["", 'a "quoted"\nline', "\u00fc\u4e2d\U0001f600"]
    rows = [
        Row("ab" * 16, f"method {k}", k, values[k], 0.5, texts[k], texts[k - 1], texts[k - 2])
        for k in range(3)
    ]
    with store.locked():
        store.write_part(rows, ["one", "two"], {"seed": "1"})
    (part,) = store.read_parts(repair=False)
    assert part.versions == {"seed": "1"}
    for row, found in zip(rows, part.rows.itertuples(index=False), strict=True):
        assert tuple(found[:3]) == row[:3]
        assert repr(tuple(map(float, found[3:5]))) == repr(row.values)
        assert tuple(found[5:]) == row[4:]


@pytest.mark.parametrize("what", ["truncated", "empty", "flipped", "foreign"])
def test_damaged_parts_are_reported_put_aside_and_run_again(study, tmp_path, what):
    reference = study.run(path=tmp_path).frame
    path = max(parts_of(tmp_path), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    if what == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "flipped":
        content[60] ^= 0xFF  # in a page of data: only its checksum can tell
        path.write_bytes(content)
    else:
        pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged.*its rows are missing"):
        assert len(study.load(tmp_path).frame) < len(reference)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged.*quarantine.*again"):
        assert_same(study.run(path=tmp_path).frame, reference)
    assert [p.name for p in (tmp_path / "quarantine").iterdir()] == [path.name]
    assert_same(study.run(path=tmp_path).frame, reference)  # and nothing more to say


def test_parts_that_vanish_are_run_again(study, tmp_path):
    reference = study.run(path=tmp_path).frame
    for path in parts_of(tmp_path)[::2]:
        path.unlink()
    assert_same(study.run(path=tmp_path).frame, reference)


def test_unfinished_parts_are_removed_and_other_files_left_alone(study, tmp_path):
    (tmp_path / "parts").mkdir()
    stray = tmp_path / "parts" / "1-2.parquet.tmp"
    others = [tmp_path / "notes.tmp", tmp_path / "parts" / "notes.txt"]
    for path in (stray, *others):
        path.write_text("unfinished", "utf-8")
    study.run(path=tmp_path)
    assert not stray.exists()
    assert all(path.exists() for path in others)


def test_parts_are_on_the_disk_before_they_have_their_name(study, tmp_path, monkeypatch):
    events = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        place = os.fstat(descriptor).st_ino == (tmp_path / "parts").stat().st_ino
        size = 0 if is_folder else os.fstat(descriptor).st_size
        events.append(("folder", place) if is_folder else ("file", size))
        real_fsync(descriptor)

    def replace(self, target):
        events.append(("rename", Path(target).suffix, self.stat().st_size))
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    study.run(path=tmp_path)
    renames = [k for k, event in enumerate(events) if event[1] == ".parquet"]
    assert len(renames) == len(parts_of(tmp_path)) > 0
    for k in renames:
        size = events[k][2]
        assert events[k - 1 : k + 2] == [("file", size), events[k], ("folder", True)]
    assert len(events) % 3 == 0
    assert [event[0] for event in events] == ["file", "rename", "folder"] * (len(events) // 3)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EMFILE, "too many open files"), OSError(errno.EIO, "i/o"), MemoryError()],
    ids=["files", "disk", "memory"],
)
def test_what_the_system_cannot_read_now_is_no_damage(study, tmp_path, monkeypatch, error):
    reference = study.run(path=tmp_path).frame
    before = parts_of(tmp_path)
    real, last = _store._read, before[-1]

    def read(path):
        if path == last:
            raise error
        return real(path)

    monkeypatch.setattr(_store, "_read", read)
    for use in (study.run, study.load):
        with pytest.raises(type(error)):
            use(path=tmp_path)
    monkeypatch.undo()
    assert parts_of(tmp_path) == before
    assert not (tmp_path / "quarantine").exists()
    assert_same(study.load(tmp_path).frame, reference)


@pytest.mark.parametrize(
    "what", ["no metadata", "a list", "no json", "error", "traceback", "replication", "seconds"]
)
def test_parts_that_are_none_of_ours_are_damaged(study, tmp_path, what):
    reference = study.run(path=tmp_path).frame
    path = parts_of(tmp_path)[-1]
    table = parquet.read_table(path)
    texts = {
        "no metadata": {},
        "a list": {b"sparsestat": b"[]"},
        "no json": {b"sparsestat": b"{"},
    }
    if what in texts:
        table = table.replace_schema_metadata(texts[what])
    else:
        table = table.drop_columns([what])
    parquet.write_table(table, path)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged.*its rows are missing"):
        assert len(study.load(tmp_path).frame) < len(reference)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged.*quarantine.*again"):
        assert_same(study.run(path=tmp_path).frame, reference)


# --- Very many parts -------------------------------------------------------------------


@pytest.fixture
def scattered(study, tmp_path, monkeypatch):
    """Return a study whose rows are in more parts than it may have after its next run."""
    for k in range(1, 6):
        replace(study, replications=k).run(path=tmp_path)
    assert len(parts_of(tmp_path)) >= 5
    monkeypatch.setattr(_store, "MOST_PARTS", 4)
    return study


def test_merging_changes_nothing_but_the_number_of_files(scattered, tmp_path, monkeypatch):
    reference = scattered.run(path=tmp_path / "apart").frame
    seconds = scattered_seconds(tmp_path)
    merged = scattered.run(path=tmp_path).frame
    assert len(parts_of(tmp_path)) == 1
    assert_same(merged, reference)
    assert scattered_seconds(tmp_path) >= seconds  # the rows themselves, none run again
    assert len(stored_rows(tmp_path)) == len(merged) == 24
    assert_same(scattered.load(tmp_path).frame, reference)
    # What other versions have made stays apart, and long tables are cut
    monkeypatch.setattr(_store, "MOST_ROWS", 10)
    monkeypatch.setattr(_store, "MOST_PARTS", 0)
    other = replace(scattered, methods={"mean": lambda sample: 0.0}, replications=3)
    other.run(path=tmp_path, on_change="rerun")
    assert len(parts_of(tmp_path)) == 3 + 2
    assert len(stored_rows(tmp_path)) == 24 + 12
    assert_same(scattered.load(tmp_path).frame, reference)
    assert (other.load(tmp_path).frame["centre_estimate"] == 0.0).all()


def scattered_seconds(path):
    """Return what tells one fit from the same fit run again."""
    rows = stored_rows(path)
    return set(zip(rows["scenario"], rows["replication"], rows["seconds"], strict=True))


def test_few_parts_are_left_as_they_are(scattered, tmp_path, monkeypatch):
    store, before = Store(tmp_path), parts_of(tmp_path)
    for most, expected in ((len(before), len(before)), (len(before) - 1, 1)):
        monkeypatch.setattr(_store, "MOST_PARTS", most)
        with store.locked():
            store.merge()
        assert len(parts_of(tmp_path)) == expected


def test_a_crash_while_parts_are_merged_loses_nothing_and_doubles_nothing(
    scattered, tmp_path, monkeypatch
):
    reference = scattered.run(path=tmp_path / "apart").frame
    real, left = Path.unlink, {"removals": 2}

    def unlink(self, missing_ok=False):
        if self.suffix == ".parquet":
            left["removals"] -= 1
            if left["removals"] < 0:
                raise KeyboardInterrupt
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt):
        scattered.run(path=tmp_path)
    left["removals"] = 1000
    assert len(parts_of(tmp_path)) > 4
    assert len(stored_rows(tmp_path)) > 24
    assert_same(scattered.load(tmp_path).frame, reference)
    assert_same(scattered.run(path=tmp_path).frame, reference)
    more = replace(scattered, replications=7).run(path=tmp_path).frame
    assert len(parts_of(tmp_path)) == 1
    assert_same(more[more["replication"] < 6].reset_index(drop=True), reference)


def test_damaged_parts_are_not_merged(scattered, tmp_path):
    reference = scattered.run(path=tmp_path / "apart").frame
    damaged = parts_of(tmp_path)[1]
    damaged.write_bytes(b"")
    store = Store(tmp_path)
    with store.locked(), pytest.warns(UserWarning, match="damaged"):
        store.merge()
    assert [p.name for p in (tmp_path / "quarantine").iterdir()] == [damaged.name]
    assert len(parts_of(tmp_path)) == 1
    assert_same(scattered.run(path=tmp_path).frame, reference)


# --- Rows that are there twice ---------------------------------------------------------


def written(study, path, value, *, error="", other=False):
    """Add a row for the only fit of a study, made by its code or by other code."""
    experiment = study._experiment
    versions = experiment.versions()
    if other:
        versions["method 'mean'"] = "0" * 16
    values = (float("nan") if error else value,) * len(experiment.columns)
    row = Row(scenario_id(study.scenarios[0]), "mean", 0, values, 0.1, "", error, error)
    store = Store(path)
    with store.locked():
        store.write_part([row], experiment.columns, versions)


GOOD, BAD, OLD, OLD_BAD = (
    {"value": 1.0},
    {"value": 2.0, "error": "ValueError: no"},
    {"value": 3.0, "other": True},
    {"value": 4.0, "error": "ValueError: old", "other": True},
)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([GOOD, BAD], "1.0"),
        ([BAD, GOOD], "1.0"),
        ([GOOD, OLD], "1.0"),
        ([OLD, GOOD], "1.0"),
        ([BAD, OLD], "ValueError: no"),
        ([OLD, BAD], "ValueError: no"),
        ([OLD, OLD_BAD], "3.0"),
        ([OLD_BAD, OLD], "3.0"),
        ([OLD, BAD, GOOD, OLD_BAD], "1.0"),
        ([GOOD, {"value": 5.0}], "5.0"),  # the later one
    ],
)
def test_of_two_rows_the_present_code_counts_then_success_then_the_later(
    tmp_path, rows, expected
):
    study = make_study(
        scenarios=grid(size=10, centre=0.0),
        methods={"mean": average},
        measures={"absolute": absolute_error},
        replications=1,
    )
    for row in rows:
        written(study, tmp_path, **row)
    added, result = counted(study, tmp_path, on_change="keep")
    assert added == 0
    assert len(result.frame) == 1
    found = result.frame.iloc[0]
    assert (found["error"] or str(found["absolute"])) == expected


# --- Disks that do not take it ---------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch):
    """Make the n-th synchronisation fail, as a full disk does; None for never."""
    real, left = os.fsync, {"writes": None}

    def fsync(descriptor):
        if left["writes"] is not None:
            left["writes"] -= 1
            if left["writes"] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return left


@pytest.mark.parametrize("writes", [0, 2, 4])
def test_a_full_disk_is_a_clear_error_and_loses_nothing(study, tmp_path, full_disk, writes):
    full_disk["writes"] = writes
    with pytest.raises(OSError, match=r"No space left.*cannot write the results") as e:
        study.run(path=tmp_path)
    assert e.value.errno == errno.ENOSPC
    assert str(tmp_path) in str(e.value)
    assert not list(tmp_path.rglob("*.tmp"))
    full_disk["writes"] = None
    kept = len(stored_rows(tmp_path))
    assert kept > 0 or writes < 4
    result = study.run(path=tmp_path)
    assert len(stored_rows(tmp_path)) == len(result.frame) == 24


def test_folders_that_cannot_be_made_are_named(study, tmp_path):
    file = tmp_path / "file"
    file.write_text("", "utf-8")
    with pytest.raises(OSError, match=r"cannot write the results of the study to .*file"):
        study.run(path=file / "study")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_folders_that_cannot_be_written_are_named(study, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot write the results"):
        study.run(path=tmp_path)
    tmp_path.chmod(0o700)


# --- The manifest ----------------------------------------------------------------------

BAD_RUNS = '{"format": 1, "name": "a", "decisions": {}, "scenarios": {}, "runs": [{}]}'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "a": 2}', BAD_RUNS]
)
def test_a_damaged_manifest_is_named_and_may_be_deleted(study, tmp_path, text):
    reference = study.run(path=tmp_path).frame
    manifest = tmp_path / "manifest.json"
    manifest.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"manifest\.json cannot be read.*delete this file"):
        study.run(path=tmp_path)
    manifest.unlink()
    before = len(stored_rows(tmp_path))
    assert_same(study.run(path=tmp_path).frame, reference)
    assert len(stored_rows(tmp_path)) == before


def test_a_manifest_comes_back_as_it_was(tmp_path):
    store = Store(tmp_path)
    manifest = Manifest(
        "a", {"x: 1, now 2": "keep"}, {"id": {"n": [1, None]}}, [{"packages": {}}]
    )
    with store.locked():
        store.write_manifest(manifest)
    assert store.manifest("other") == manifest
    assert Store(tmp_path / "nowhere").manifest("b") == Manifest("b")


# --- The lock --------------------------------------------------------------------------


def test_two_runs_in_one_folder_are_refused(study, tmp_path):
    with (
        Store(tmp_path).locked(),
        pytest.raises(StudyLockedError, match=f"process {os.getpid()}"),
    ):
        study.run(path=tmp_path)
    assert study.run(path=tmp_path).summary()["n"].min() == 6


def test_a_run_cannot_start_itself(tmp_path):
    def draw_and_run(size, centre, random_state):
        make_study(replications=1).run(path=tmp_path)
        return Sample(random_state.standard_normal(size), centre)

    study = make_study(generate=draw_and_run, scenarios=grid(size=3, centre=0.0))
    with pytest.raises(StudyLockedError):
        study.run(path=tmp_path)


def test_a_lock_ends_with_its_process(tmp_path):
    code = f"""
        import os
        from pathlib import Path
        from sparsestat.simulation._store import Store

        with Store(Path({str(tmp_path)!r})).locked():
            print("locked", flush=True)
            input()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "locked\n"
        with (
            pytest.raises(StudyLockedError, match=f"process {process.pid}"),
            Store(tmp_path).locked(),
        ):
            pass
    finally:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()
    with Store(tmp_path).locked():
        pass


def test_reading_needs_no_lock(study, tmp_path):
    study.run(path=tmp_path)
    with Store(tmp_path).locked():
        assert len(study.load(tmp_path).frame) == 24
