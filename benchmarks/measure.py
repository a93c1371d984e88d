"""How things are timed, and how each solver's tolerance is chosen."""

import gc
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = [
    "Choice",
    "TimeLimitError",
    "Rung",
    "Seconds",
    "Told",
    "choose",
    "interleave",
    "ladder",
    "message",
    "say",
    "spread",
    "time_limit",
    "timed",
]

# How a solver fared
OK = "ok"
NOT_INSTALLED = "not installed"
MISSED = "target missed"
OVER_TIME = "over the time limit"
FAILED = "failed"


def say(line: str) -> None:
    """Report progress at once, also into a pipe."""
    print(line, flush=True)


class TimeLimitError(Exception):
    """A run took longer than it may."""


@dataclass(frozen=True)
class Seconds:
    """How long something took, in CPU time and on the wall clock."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Told:
    """An answer from another process, with the time that it says it took."""

    answer: Any
    seconds: Seconds


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimitError if the block takes longer.

    A compiled function is interrupted when it returns to the interpreter; if it makes an
    error of its own, or none, out of the interruption, that is one nevertheless. Without timer
    signals (Windows, a thread other than the main one) there is no limit. The limit is on
    the wall clock: on Linux a timer of CPU time makes the clock of CPU time coarse.
    """
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    over = TimeLimitError(f"more than {seconds:g} s")
    expired = False

    def stop(*_: object) -> None:
        nonlocal expired
        expired = True
        raise over

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Exception as error:
        if expired and error is not over:
            raise over from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if expired:
        raise over


def timed(function: Callable[[], Any], count: int = 1) -> tuple[Any, Seconds]:
    """Call a function `count` times; return what it gives, and the time of one call.

    Warnings, such as those of peers that did not reach their tolerance, are not shown:
    the accuracy is measured. The garbage collector waits, as in :mod:`timeit`. For a
    function that has its answer :class:`Told`, the time told counts.
    """
    told: list[Seconds] = []
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(count):
                result = function()
                if isinstance(result, Told):
                    told.append(result.seconds)
                    result = result.answer
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        gc.enable()
    if told:
        cpu, wall = sum(t.cpu for t in told), sum(t.wall for t in told)
    return result, Seconds(cpu / count, wall / count)


def ladder(loosest: float, tightest: float, rungs_per_decade: int = 4) -> list[float]:
    """Return tolerances from loosest to tightest, evenly in logarithm."""
    n_rungs = round(math.log10(loosest / tightest) * rungs_per_decade) + 1
    return [float(f"{tol:.3g}") for tol in np.geomspace(loosest, tightest, n_rungs)]


@dataclass(frozen=True)
class Rung:
    """One run on the ladder: what a tolerance costs and what it reaches."""

    tol: float
    seconds: float
    reached: float


@dataclass(frozen=True)
class Choice:
    """Where a walk down the ladder ended.

    Parameters
    ----------
    status : str
        "ok", or why no tolerance was chosen.
    rungs : tuple of Rung
        All runs that finished; the last is the one chosen if the status is "ok".
    detail : str
    """

    status: str
    rungs: tuple[Rung, ...] = ()
    detail: str = ""

    @property
    def tol(self) -> float | None:
        """The tolerance chosen, if there is one."""
        return self.rungs[-1].tol if self.status == OK else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "tol": self.tol}


def message(error: Exception) -> str:
    """Return what an error says, in one short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]


def choose(
    attempt: Callable[[float], tuple[float, Seconds]],
    tols: Iterable[float],
    target: float,
    patience: float = math.inf,
) -> Choice:
    """Walk from loose to tight; stop at the first tolerance that meets the target.

    Parameters
    ----------
    attempt : callable
        What a tolerance reaches, and its time.
    tols : iterable of float
    target : float
        What is reached must be at most this.
    patience : float
        CPU seconds after which no further tolerance is tried.
    """
    rungs: list[Rung] = []
    for tol in tols:
        try:
            reached, seconds = attempt(tol)
        except TimeLimitError as error:
            return Choice(OVER_TIME, tuple(rungs), f"{error} at tolerance {tol:g}")
        except Exception as error:  # whatever a peer raises is a result
            return Choice(FAILED, tuple(rungs), message(error))
        rungs.append(Rung(tol, seconds.cpu, reached))
        if reached <= target:
            return Choice(OK, tuple(rungs))
        if sum(rung.seconds for rung in rungs) > patience:
            break
    best = min(rung.reached for rung in rungs)
    return Choice(MISSED, tuple(rungs), f"at best {best:.1e} at tolerance {tol:g}")


def interleave(
    functions: Mapping[str, Callable[[], Any]], repeats: int, at_least: float = 0.05
) -> dict[str, list[Seconds]]:
    """Time each function once a round, so that all see the same state of the machine.

    An untimed call comes first. Each round starts with another function, so that none
    always follows the same one. Quick functions are called several times in a round, for
    `at_least` so many seconds.
    """
    names = list(functions)
    counts = {}
    for name in names:
        seconds = max(timed(functions[name])[1].cpu, 1e-6)
        counts[name] = max(1, math.ceil(at_least / seconds))
    times: dict[str, list[Seconds]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(timed(functions[name], counts[name])[1])
    return times


def spread(values: Iterable[float]) -> dict[str, float | int]:
    """Summarise repeated measurements."""
    values = list(values)
    return {
        "median": float(np.median(values)),
        "min": float(min(values)),
        "max": float(max(values)),
        "repeats": len(values),
    }
