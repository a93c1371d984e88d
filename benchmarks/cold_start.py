"""The first fit in a new process: what importing, compiling and fitting cost.

Each case is a script in a process of its own, which first imports scikit-learn and numba
and draws the data. Its CPU time, user and system, from there on is what counts.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import FAILED, NOT_INSTALLED, OK, say, spread
from benchmarks.record import Record, environment

__all__ = ["CASES", "Case", "run"]

BASE = """
import numba, numpy as np, sklearn.linear_model
rng = np.random.default_rng(0)
X = rng.standard_normal((200, 400))
y = X[:, :5].sum(axis=1) + rng.standard_normal(200)
"""
OURS = """
from sparsestat import MCP, PenalizedRegressor
PenalizedRegressor(alpha=0.2, penalty=MCP()).fit(X, y)
"""
SKGLM = """
from skglm import MCPRegression
MCPRegression(alpha=0.2).fit(X, y)
"""
CLOCK = "print(time.process_time() - start)"
SKLEARN = """
sklearn.linear_model.Lasso(alpha=0.2).fit(X, y)
"""


@dataclass(frozen=True)
class Case:
    """A first fit.

    Parameters
    ----------
    name : str
    module : str
        What must be installed.
    script : str
        Run after BASE.
    empty_cache : bool
        Whether numba's cache folder is new. Otherwise an earlier run has filled it.
    """

    name: str
    module: str
    script: str
    empty_cache: bool = False


CASES = (
    Case("sparsestat MCP, cold", "sparsestat", OURS, empty_cache=True),
    Case("sparsestat MCP, warm", "sparsestat", OURS),
    Case("skglm MCP", "skglm", SKGLM),  # compiles in every process: it cannot be cached
    Case("scikit-learn lasso", "sklearn", SKLEARN),
)


def run(options: Any) -> None:
    """Run every case in turn; record the CPU time over that of the imports."""
    record = Record(options.output / "cold_start.json")
    if options.resume and record.entries:
        say("cold_start: recorded already")
        return
    cases = [case for case in CASES if find_spec(case.module)]
    entries = {case.name: {"status": NOT_INSTALLED} for case in CASES if case not in cases}
    with tempfile.TemporaryDirectory() as folder:
        warm_ups = 0 if options.smoke else 1
        times = rounds(cases, options.repeats, warm_ups, Path(folder))
    for case in cases:
        entries[case.name] = summary(times[case.name])
    record.add(
        "first fit",
        {
            "cases": {case.name: entries[case.name] for case in CASES},
            "environment": environment(options.command, ["skglm"]),
        },
    )
    say(f"written: {record.path}")


def rounds(
    cases: list[Case], repeats: int, warm_ups: int, folder: Path
) -> dict[str, list[float | None]]:
    """Time all cases in each round, after warm-ups that fill the cache."""
    times: dict[str, list[float | None]] = {case.name: [] for case in cases}
    for turn in range(1 - warm_ups, repeats + 1):
        for case in cases:
            cache = folder / (f"{case.name}-{turn}" if case.empty_cache else "filled")
            seconds = cpu_seconds(case.script, cache)
            times[case.name].append(seconds)
            shown = FAILED if seconds is None else f"{seconds:.3f} s over the imports"
            say(f"{turn}/{repeats} {case.name:<22} {shown}")
    return {name: values[warm_ups:] for name, values in times.items()}


def cpu_seconds(script: str, cache: Path) -> float | None:
    """Return the CPU time that a script takes in a new process after BASE; None if it fails."""
    # A case without an own cache folder would find the code of earlier runs elsewhere.
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    clocked = "\n".join([BASE, "import time", "start = time.process_time()", script, CLOCK])
    done = subprocess.run(
        [sys.executable, "-c", clocked], env=variables, capture_output=True, text=True
    )
    if done.returncode != 0:
        say(done.stderr.strip().rpartition("\n")[2])
        return None
    return float(done.stdout.split()[-1])


def summary(times: list[float | None]) -> dict[str, Any]:
    """Summarise one case."""
    kept = [seconds for seconds in times if seconds is not None]
    if len(kept) < len(times):
        return {"status": FAILED}
    return {"status": OK, "seconds": spread(kept)}
