"""Records: results as JSON, with the machine and the versions that gave them."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import r

__all__ = ["Record", "environment", "installed_version"]

PACKAGES = ("sparsestat", "numpy", "scipy", "scikit-learn", "numba")


class Record:
    """The results of one benchmark: a JSON file of entries by name.

    Each entry is written when it is added, so that what is finished is never lost.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Any] = {}
        if path.is_file():
            self.entries = json.loads(path.read_text("utf-8"))

    def add(self, name: str, entry: dict[str, Any]) -> None:
        """Put an entry in the place of an older one of its name, and write the file."""
        self.entries[name] = entry
        text = json.dumps(self.entries, indent=1, allow_nan=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(text, "utf-8")
        unfinished.replace(self.path)  # at once: a reader never sees half a file


def environment(command: str, peers: Iterable[str]) -> dict[str, Any]:
    """Describe the machine, the software, that of `peers` too, and the moment."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": command,
        "commit": COMMIT,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {
            name: installed_version(name) for name in dict.fromkeys([*PACKAGES, *peers])
        },
        "threads": _threads(),
    }


def installed_version(package: str) -> str | None:
    """Return the version of a distribution, or of a package of R, None if it is not there."""
    if package.startswith(r.PREFIX):
        return r.installed_version(package.removeprefix(r.PREFIX))
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


# Taken at import: what is committed while a long run goes on is not what it measures.
COMMIT = _commit()


def _cpu() -> str:
    """Return the processor's name, which Linux keeps in a file of its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _threads() -> dict[str, int]:
    """Return the number of threads of each numerical library that is loaded."""
    import numba
    from threadpoolctl import threadpool_info

    threads = {"numba": numba.get_num_threads()}
    for pool in threadpool_info():
        name = pool["prefix"]
        threads[name] = max(threads.get(name, 0), pool["num_threads"])
    return threads
