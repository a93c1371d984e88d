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
MOST_PARTS, MOST_ROWS = 1000, 200_000  # of a folder before parts are merged; of a merged part
TEXTS = ("scenario", "method", "warning", "error", "traceback")


class StudyLockedError(RuntimeError):
    """Another run works in the folder of the study."""


@dataclass
class Manifest:
    """What the folder says about itself.

    Parameters
    ----------
    name : str
    decisions : dict
        Whether rows of one version of some code count while another one is present, "keep"
        or "rerun", by texts that name the code and both versions.
    scenarios : dict
        The fields of each scenario by its identity.
    runs : list of dict
        When each run started and finished, with which software, on what.
    """

    name: str
    decisions: dict[str, str] = field(default_factory=dict)
    scenarios: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"its format is {self.format}, this version reads {FORMAT}")
        for name, kind in (("decisions", dict), ("scenarios", dict), ("runs", list)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be a {kind.__name__}")
        if not all(isinstance(run, dict) and "packages" in run for run in self.runs):
            raise TypeError("runs must tell their packages")


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
            with self._writing():
                is_ours = _try_to_lock(lock)
            if not is_ours:
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
            return Manifest(**json.loads(self._manifest.read_text("utf-8")))
        except FileNotFoundError:
            return Manifest(name)
        except (ValueError, TypeError) as error:
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

        scenario, method, replication, values, seconds, *texts = zip(*rows, strict=True)
        numbers = np.array(values, dtype=float).reshape(len(rows), -1).T
        table = {
            "scenario": _strings(scenario),
            "method": _strings(method),
            "replication": pa.array(replication, pa.int64()),
            **dict(zip(columns, numbers, strict=True)),
            "seconds": pa.array(seconds, pa.float64()),
            **dict(zip(TEXTS[2:], map(_strings, texts), strict=True)),
        }
        metadata = {METADATA: json.dumps(versions)}
        self._write_table(pa.table(table).replace_schema_metadata(metadata))

    def _write_table(self, table: Any) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        buffer = pa.BufferOutputStream()
        parquet.write_table(table, buffer, write_page_checksum=True)
        path = self.parts / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.parquet"
        self._write(path, buffer.getvalue().to_pybytes())

    def read_parts(self, *, repair: bool) -> list[Part]:
        """Read all parts, together what the same versions made; warn of damaged ones.

        Parameters
        ----------
        repair : bool
            Whether to move damaged parts into quarantine, which needs the lock.
        """
        parts = []
        for versions, tables in self._alike(self._part_files(), repair=repair).items():
            rows = _joined(tables).to_pandas()
            parts.append(
                Part(rows.astype(dict.fromkeys(TEXTS, object)), json.loads(versions[0]))
            )
        return parts

    def merge(self) -> None:
        """Put the rows of very many parts into few.

        A crash before the old parts are gone leaves rows twice, of which one counts.
        """
        files = self._part_files()
        if len(files) <= MOST_PARTS:
            return
        for tables in self._alike(files, repair=True).values():
            table = _joined(tables)
            for start in range(0, len(table), MOST_ROWS):
                self._write_table(table.slice(start, MOST_ROWS))
        with self._writing():
            for path in files:
                path.unlink(missing_ok=True)  # a damaged one is elsewhere now

    def _part_files(self) -> list[Path]:
        return sorted(self.parts.glob("*.parquet"))

    def _alike(self, files: Sequence[Path], *, repair: bool) -> dict[Any, list[Any]]:
        """Read files; sort the tables by the versions that made them and their columns."""
        tables: dict[Any, list[Any]] = {}
        for path in files:
            try:
                table = _read(path)
            except MemoryError:
                raise
            except Exception as error:  # pyarrow raises many kinds
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # the system's, not the file's: too many open files, say
                self._report(path, error, repair)
            else:
                key = (table.schema.metadata[METADATA], tuple(table.column_names))
                tables.setdefault(key, []).append(table)
        return tables

    def _report(self, path: Path, error: Exception, repair: bool) -> None:
        consequence = "its rows are missing"
        if repair:
            quarantine = self.folder / "quarantine"
            with self._writing():
                quarantine.mkdir(exist_ok=True)
                path.replace(quarantine / path.name)
            consequence = f"it is now in {quarantine}, and its rows are computed again"
        warnings.warn(
            f"{path} is damaged ({type(error).__name__}: {error}): {consequence}.", stacklevel=6
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


def _read(path: Path) -> Any:
    """Read a part; raise if it is damaged, or none of ours."""
    from pyarrow import parquet

    with (
        path.open("rb") as content,  # of a path as it is: pyarrow would expand "~" in it
        parquet.ParquetFile(content, page_checksum_verification=True) as file,
    ):
        table = file.read()
    if not isinstance(json.loads(table.schema.metadata[METADATA]), dict):
        raise TypeError("it does not tell the versions of the code")
    table.select([*TEXTS, "replication", "seconds"])
    return table


def _joined(tables: Sequence[Any]) -> Any:
    import pyarrow as pa

    return pa.concat_tables(tables)


def _strings(texts: Sequence[str]) -> Any:
    """Return an Arrow array of texts, some of which may not be Unicode, as names of files."""
    import pyarrow as pa

    clean = [text.encode("utf-8", "backslashreplace").decode("utf-8") for text in texts]
    return pa.array(clean, pa.string())


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

            file.seek(2**30)  # the same place for all, whatever they have written
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
