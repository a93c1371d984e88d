"""Peers that run in R: a process of its own that keeps the data and tells its time.

A peer is one expression of R in X, y, alphas and tol. Data are handed over, and answers
fetched, outside of the time that counts.
"""

import atexit
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.measure import Seconds, Told

__all__ = ["PREFIX", "Session", "evaluate", "installed_version"]

PREFIX = "R "  # of the names of packages of R
PROGRAM = Path(__file__).with_name("session.R")


@cache
def installed_version(package: str) -> str | None:
    """Return the version of a package of R, None if there is none."""
    code = f"cat(as.character(packageVersion('{package}')), as.character(getRversion()))"
    try:
        done = subprocess.run(
            ["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version, of_r = done.stdout.split()
    return f"{version} (R {of_r})"


class Session:
    """A process of R, and the problem that it holds."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory("-benchmarks")
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._problem = None

    def ask(self, line: str) -> list[str]:
        """Send one call, and wait for what it gives."""
        print(" ".join(line.split()), file=self._process.stdin, flush=True)
        reply = self._process.stdout.readline().split()
        if not reply:
            raise EOFError("R has ended")
        if reply[0] == "error":
            raise RuntimeError(" ".join(reply[1:]))
        return reply

    def receive(self, problem, y: np.ndarray) -> None:
        """Hand a problem over, unless it is there."""
        if problem is self._problem:
            return
        folder = Path(self._folder.name)
        X = np.asarray(problem.X)
        for name, values in {"X": X, "y": y, "alphas": problem.alphas}.items():
            np.asarray(values, dtype=float).ravel(order="F").tofile(folder / name)
        n, p = X.shape
        self.ask(f"receive('{folder}', {n}, {p}, {y.size // n}, {problem.alphas.size})")
        self._problem = problem

    def answer(self, expression: str, tol: float) -> Told:
        """Evaluate an expression for coefficients, of shape (n_coefs, n_alphas)."""
        folder = Path(self._folder.name)
        reply = self.ask(f"answer('{folder}', {tol!r}, {{ {expression} }})")
        cpu, wall = (float(seconds) for seconds in reply[:2])
        shape = tuple(int(size) for size in reply[2:])
        coefs = np.fromfile(folder / "coefs").reshape(shape, order="F")
        return Told(coefs, Seconds(cpu, wall))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


SESSIONS: list[Session] = []


@atexit.register
def close_all() -> None:
    while SESSIONS:
        SESSIONS.pop().close()


def evaluate(expression: str, problem, tol: float, y: np.ndarray | None = None) -> Told:
    """Return what R makes of a problem, whose y it is told if given in another form."""
    if not SESSIONS:
        SESSIONS.append(Session())
    (session,) = SESSIONS
    try:
        session.receive(problem, problem.y if y is None else y)
        return session.answer(expression, tol)
    except RuntimeError:  # of the expression: R goes on
        raise
    except BaseException:  # R has ended, or is interrupted at work: a new process has to
        close_all()
        raise
