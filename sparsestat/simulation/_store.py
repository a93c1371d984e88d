"""The folder of a study: finished rows in parts, a manifest, a lock.

::

    simulations/NAME/
        manifest.json       which versions of the code count, scenarios, a log of runs
        parts/*.parquet     finished rows, each part with the versions that made it
        quarantine/         parts that could not be read
        lock                held by the run in progress

Parts are written under a temporary name, synchronised to the disk and renamed: they are
there whole or not at all. Only the process that runs the study writes.
"""

import contextlib
import errno
import json
import os
import platform
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sparsestat.simulation._replicate import Row

__all__ = ["Manifest", "Part", "Store", "StudyLockedError"]

FORMAT = 1
METADATA = b"sparsestat"
TEMPORARY = ".tmp"
TEXTS = ("scenario", "method", "warning", "error", "traceback")


class StudyLockedError(RuntimeError):
    """Another run works in the folder of the study."""


@dataclass
class Manifest:
    """What the folder says about itself.

    Parameters
    ----------
    name : str
    kept, dropped : list of str
        Versions of the code, other than the present ones, whose rows count or do not.
    scenarios : dict
        The fields of each scenario by its identity.
    runs : list of dict
        When each run started and finished, with which software, on what.
    """

    name: str
    kept: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    scenarios: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True)
class Part:
    """Rows that were written together, and the versions of the code that made them."""

    rows: pd.DataFrame
    versions: Mapping[str, Any]


class Store:
    """The folder of a study.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self._manifest = folder / "manifest.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; make it if need be.

        Raises
        ------
        StudyLockedError
            If another run holds it.
        OSError
            If nothing can be written there.
        """
        with self._writing():
            self.parts.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a+", encoding="utf-8")
        with lock:
            if not _try_to_lock(lock):
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise StudyLockedError(
                    f"another run works in {self.folder} ({holder}). Wait for it, stop it, or "
                    "give this one another path."
                )
            with self._writing():
                lock.truncate(0)
                lock.write(f"process {os.getpid()} on {platform.node()}\n")
                lock.flush()
                for folder in (self.folder, self.parts):
                    for name in ("manifest.json", "*.parquet"):
                        for stray in folder.glob(f"{name}{TEMPORARY}"):
                            stray.unlink()
            yield

    def manifest(self, name: str) -> Manifest:
        """Read the manifest, or begin one."""
        try:
            found = json.loads(self._manifest.read_text("utf-8"))
            if found["format"] != FORMAT:
                raise ValueError(
                    f"its format is {found['format']}, this version reads {FORMAT}"
                )
            return Manifest(**found)
        except FileNotFoundError:
            return Manifest(name)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._manifest} cannot be read: {error}. The results are in the parts: "
                "delete this file to go on with them."
            ) from error

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        text = json.dumps(asdict(manifest), indent=1) + "\n"
        self._write(self._manifest, text.encode())

    def write_part(
        self, rows: Sequence[Row], columns: Sequence[str], versions: Mapping[str, Any]
    ) -> None:
        """Add finished rows, for good."""
        import pyarrow as pa
        from pyarrow import parquet

        scenario, method, replication, values, seconds, *texts = zip(*rows, strict=True)
        numbers = np.array(values, dtype=float).reshape(len(rows), -1).T
        table = {
            "scenario": pa.array(scenario, pa.string()),
            "method": pa.array(method, pa.string()),
            "replication": pa.array(replication, pa.int64()),
            **dict(zip(columns, numbers, strict=True)),
            "seconds": pa.array(seconds, pa.float64()),
            **{k: pa.array(v, pa.string()) for k, v in zip(TEXTS[2:], texts, strict=True)},
        }
        content = pa.table(table).replace_schema_metadata({METADATA: json.dumps(versions)})
        buffer = pa.BufferOutputStream()
        parquet.write_table(content, buffer, write_page_checksum=True)
        path = self.parts / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.parquet"
        self._write(path, buffer.getvalue().to_pybytes())

    def read_parts(self, *, repair: bool) -> list[Part]:
        """Read all parts, together what the same versions made; warn of damaged ones.

        Parameters
        ----------
        repair : bool
            Whether to move damaged parts into quarantine, which needs the lock.
        """
        import pyarrow as pa
        from pyarrow import parquet

        tables: dict[bytes, list[Any]] = {}
        for path in sorted(self.parts.glob("*.parquet")):
            try:
                with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                    table = file.read()
                versions = table.schema.metadata[METADATA]
                tables.setdefault(versions, []).append(table)
            except Exception as error:  # pyarrow raises many kinds
                self._report(path, error, repair)
        parts = []
        for versions, alike in tables.items():
            rows = pa.concat_tables(alike).to_pandas()
            parts.append(Part(rows.astype(dict.fromkeys(TEXTS, object)), json.loads(versions)))
        return parts

    def _report(self, path: Path, error: Exception, repair: bool) -> None:
        consequence = "its rows are missing"
        if repair:
            quarantine = self.folder / "quarantine"
            with self._writing():
                quarantine.mkdir(exist_ok=True)
                path.replace(quarantine / path.name)
            consequence = f"it is now in {quarantine}, and its rows are computed again"
        warnings.warn(
            f"{path} is damaged ({type(error).__name__}: {error}): {consequence}.", stacklevel=4
        )

    def _write(self, path: Path, content: bytes) -> None:
        """Replace a file as a whole, so that it survives a power cut from then on."""
        temporary = path.with_name(f"{path.name}{TEMPORARY}")
        with self._writing():
            try:
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            _synchronise(path.parent)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Say what failed if the disk is full or must not be written."""
        try:
            yield
        except OSError as error:
            raise type(error)(
                error.errno,
                f"{error.strerror}: cannot write the results of the study to {self.folder}. "
                "What was written before stays; run the study again to go on, or give another "
                "path",
            ) from error


def _synchronise(folder: Path) -> None:
    """Make a rename last; where folders cannot be opened (Windows) the system sees to it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_to_lock(file: Any) -> bool:
    """Lock a file until it is closed or this process ends, however it ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
