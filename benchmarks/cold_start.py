"""The first fit in a new process: what importing, compiling and fitting cost.

Each case is a script of its own. Its CPU time, user and system, is asked of the
operating system (not on Windows). That of a script which only imports scikit-learn and
numba and draws the data, run in the same round, is subtracted.
"""

import os
import resource
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
        base, times = rounds(cases, options.repeats, warm_ups, Path(folder))
    for case in cases:
        entries[case.name] = summary(base, times[case.name])
    record.add(
        "first fit",
        {
            "base_seconds": spread(base),
            "cases": {case.name: entries[case.name] for case in CASES},
            "environment": environment(options.command),
        },
    )
    say(f"written: {record.path}")


def rounds(
    cases: list[Case], repeats: int, warm_ups: int, folder: Path
) -> tuple[list[float], dict[str, list[float | None]]]:
    """Time the base and all cases in each round, after warm-ups that fill the cache."""
    base: list[float] = []
    times: dict[str, list[float | None]] = {case.name: [] for case in cases}
    filled = folder / "filled"
    for turn in range(1 - warm_ups, repeats + 1):
        first = cpu_seconds(BASE, filled)
        if first is None:
            raise RuntimeError("scikit-learn and numba cannot be imported")
        base.append(first)
        for case in cases:
            cache = folder / f"{case.name}-{turn}" if case.empty_cache else filled
            seconds = cpu_seconds(BASE + case.script, cache)
            times[case.name].append(seconds)
            shown = FAILED if seconds is None else f"{seconds - first:.3f} s over the imports"
            say(f"{turn}/{repeats} {case.name:<22} {shown}")
    return base[warm_ups:], {name: values[warm_ups:] for name, values in times.items()}


def cpu_seconds(script: str, cache: Path) -> float | None:
    """Return the CPU time of a new process that runs a script; None if it fails."""
    # A case without an own cache folder would find the code of earlier runs elsewhere.
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        say(done.stderr.strip().rpartition("\n")[2])
        return None
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def summary(base: list[float], times: list[float | None]) -> dict[str, Any]:
    """Summarise one case as CPU time above the base of the same round."""
    excess = [t - b for t, b in zip(times, base, strict=True) if t is not None]
    if len(excess) < len(times):
        return {"status": FAILED}
    return {"status": OK, "seconds": spread(excess)}
