"""The inner problem of every solver: a dense quadratic plus a penalty.

Minimise over w

    (1/2) w'Hw - c'w + p(w)

within bounds that hold zero. The state is w and q = c - Hw, the negative gradient of the
quadratic; both are changed in place. Descent by coordinates, or groups of them, finds the
support and the pieces of the penalty; Newton steps on the support finish. What differs
between penalties is in :class:`Terms`. w and q may have several rows, one a response, that
share H.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

from sparsestat.linalg import submatrix

__all__ = ["LENGTHS", "Assessment", "Step", "Terms", "minimise_quadratic", "solve_definite"]

MAX_ROUNDS = 100
# Changes of penalties and gradients below this, relative to them, are rounding.
ROUNDING = 1e-14
# The parts of a Newton step that are tried in turn.
LENGTHS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)


class Assessment(NamedTuple):
    """The penalty at a point: its sum, and by unit violation, slope and curvature.

    Units are what becomes nonzero together: single coefficients, or groups.
    """

    value: float
    violation: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


class Step(Enum):
    """How far a Newton step went."""

    FULL = "to its end, coefficients stopped at zero and at their bounds"
    SHORT = "part of the way, to where one or more coefficients stop"
    NONE = "nowhere: the objective would not fall"


class Terms(ABC):
    """The penalty and the bounds of the coefficients at hand, at one strength."""

    @abstractmethod
    def descend(
        self, H: np.ndarray, q: np.ndarray, w: np.ndarray, tol: float, max_epochs: int
    ) -> tuple[int, float]:
        """Run epochs of descent in place until no unit moves its gradient by `tol`.

        Returns the number of epochs and the largest movement in the last one.
        """

    @abstractmethod
    def first_epochs(self, w: np.ndarray) -> int:
        """Return how many epochs to run from w before the first Newton step."""

    @abstractmethod
    def assess(self, q: np.ndarray, w: np.ndarray, curvatures: np.ndarray) -> Any:
        """Return an :class:`Assessment` of w at the negative gradient q.

        `curvatures` are the second derivatives along the coordinates, or bounds of them.
        """

    @abstractmethod
    def matter(self, w: np.ndarray, violation: np.ndarray) -> np.ndarray:
        """Return the positions of the units that are nonzero or violate stationarity."""

    @abstractmethod
    def among(self, positions: np.ndarray) -> "Terms":
        """Return the terms of some coefficients, whole units."""

    @abstractmethod
    def trials(
        self, H: np.ndarray, q: np.ndarray, w: np.ndarray, now: Any
    ) -> Iterator[tuple[Step, np.ndarray]]:
        """Yield points to go to: by Newton's method, ever more carefully.

        Coefficients move where the objective is smooth, and stop at kinks and bounds.
        `now` is the assessment of w.
        """

    @abstractmethod
    def tangent(self, now: Any) -> "Terms":
        """Return the tangents of a concave penalty at a point, which majorise it.

        `now` is the assessment of the point. Infinite slopes hold coefficients at zero.
        """

    @property
    @abstractmethod
    def penalised(self) -> bool:
        """Whether all coefficients are."""

    @abstractmethod
    def conjugates(self, penalty: Any, q: np.ndarray) -> np.ndarray:
        """Return the conjugate of the penalty within the bounds, by unit.

        `penalty` is the scalar penalty, with a method ``conjugate``.
        """

    @abstractmethod
    def feasible_share(self, penalty: Any, q: np.ndarray, endless: np.ndarray) -> float:
        """Return the largest share of q for which some units' conjugates are finite."""

    @abstractmethod
    def adrift(self, w: np.ndarray, now: Any) -> np.ndarray:
        """Return the positions of the nonzero coefficients that no penalty pulls back."""


def minimise_quadratic(
    terms: Terms, H: np.ndarray, q: np.ndarray, w: np.ndarray, tol: float, max_iter: int
) -> int:
    """Minimise the quadratic plus penalty in place, starting at `w`.

    Works on compressed copies of the rows and columns that matter: the support and
    the units that violate stationarity.

    Parameters
    ----------
    terms : Terms
    H : ndarray of shape (m, m)
        Symmetric positive semidefinite, with contiguous rows.
    q, w : ndarray of shape (m,) or (n_responses, m)
        Negative gradient and coefficients, overwritten.
    tol : float
        Largest stationarity violation allowed, in the units of q.
    max_iter : int
        Largest number of epochs and Newton steps.

    Returns
    -------
    int
        Epochs and Newton steps used.
    """
    n_iter = 0
    inner_tol = 0.5 * tol
    curvatures = H.diagonal().copy()
    for _ in range(MAX_ROUNDS):
        violation = terms.assess(q, w, curvatures).violation
        matter = terms.matter(w, violation)
        if n_iter >= max_iter or matter.size == 0 or violation.max() <= tol:
            break
        inside = matter if w.ndim == 1 else np.s_[:, matter]
        whole = matter.size == H.shape[0]
        start = w.take(matter, axis=-1)
        part = start.copy()
        n_iter += _minimise_block(
            terms.among(matter),
            H if whole else submatrix(H, matter),
            q.take(matter, axis=-1),
            part,
            inner_tol,
            max_iter - n_iter,
        )
        change = np.zeros(w.shape)
        change[inside] = part - start
        w[inside] = part
        q -= change @ H
        inner_tol *= 0.5
    return n_iter


def _minimise_block(terms, H, q, w, tol, max_iter) -> int:
    """Alternate epochs of descent with Newton steps on the support."""
    n_iter = 0
    epochs = terms.first_epochs(w)
    while n_iter < max_iter:
        used, moved = terms.descend(H, q, w, tol, min(epochs, max_iter - n_iter))
        n_iter += used
        if moved <= tol:
            break
        # A step that ends where a coefficient stops has found a smaller problem: go on.
        step = Step.SHORT
        while step is Step.SHORT and n_iter < max_iter:
            step = _newton_step(terms, H, q, w)
            n_iter += 1
        # Newton steps that fail cost more than epochs: try them ever more rarely.
        epochs = 2 if step is Step.FULL else 2 * epochs + 4
    return n_iter


def _newton_step(terms, H, q, w) -> Step:
    """Take one step of Newton's method on the support, if it lowers the objective.

    Where the change of the objective is lost in rounding the violation has to fall.
    """
    curvatures = H.diagonal().copy()
    now = terms.assess(q, w, curvatures)
    for step, trial in terms.trials(H, q, w, now):
        change = trial - w
        Hd = change @ H
        after = q - Hd
        then = terms.assess(after, trial, curvatures)
        rise = np.vdot(change, 0.5 * Hd - q) + then.value - now.value
        if rise < 0.0 or (
            rise <= ROUNDING * abs(now.value)
            and now.violation.max() > ROUNDING * np.abs(curvatures * w - q).max()
            and then.violation.max() < 0.5 * now.violation.max()
        ):
            w[:], q[:] = trial, after
            return step
    return Step.NONE


def solve_definite(A: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Solve A x = b by Cholesky's method, destroying A; None if A is not definite."""
    _, x, info = dposv(A.T, b, lower=1, overwrite_a=1)
    return x if info == 0 and np.isfinite(x).all() else None
