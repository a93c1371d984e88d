"""The folder of a study: whole parts or none, damage found, one run at a time."""

import errno
import os
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from sparsestat.simulation import StudyLockedError, grid
from sparsestat.simulation._replicate import Row
from sparsestat.simulation._store import Manifest, Store
from tests.simulation.centres import Sample, assert_same, average, make_study, stored_rows


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
