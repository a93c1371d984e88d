"""What a solver is to those who choose one."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sparsestat.solvers.result import Solution

__all__ = ["Solver"]


class Solver(NamedTuple):
    """A way to solve problems, and which ones it takes.

    Parameters
    ----------
    path : callable ``(problem, alphas, *, scale, tol, max_iter, start) -> iterator``
        Yields the :class:`~sparsestat.solvers.Solution` at one strength after another.
    refuses : callable ``(problem) -> str or None``
        Says, as a sentence, why it cannot take a problem; None if it can.
    takes_constraints : bool
        Whether it minds the problem's constraints on the coefficients.
    """

    path: Callable[..., Iterator[Solution]]
    refuses: Callable[[Any], str | None]
    takes_constraints: bool = False
