"""An active-set method for a quadratic plus a separable penalty under linear constraints.

Where coefficients are off their kinks and bounds the penalty is smooth, and a row held
at its bound is an equation: the KKT equations are linear. A step goes towards their
solution, as far as no coefficient meets a kink or bound and no row its bound; what is met
is held from then on. At the solution, rows whose multiplier has the wrong sign are let
go, and coefficients that violate stationarity are set free.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lstsq, solve_triangular
from scipy.linalg.lapack import dgeqp3, dormqr

from sparsestat.linalg import submatrix
from sparsestat.solvers.constraints import LinearConstraints
from sparsestat.solvers.quadratic import Assessment, assess, newton_direction

__all__ = ["ActiveSet", "Quadratic", "solve_kkt"]

# After so many steps only what is worst is let go or set free, for fear of going in circles.
CAREFUL = 10
ROUNDING = 1e-14


class Quadratic(NamedTuple):
    """The problem apart from its state.

    Parameters
    ----------
    parameters : namedtuple
        The penalty's parameters.
    H : ndarray of shape (k, k)
        Symmetric positive semidefinite.
    strengths, lower, upper : ndarray of shape (k,)
    rows : LinearConstraints
    """

    parameters: Any
    H: np.ndarray
    strengths: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    rows: LinearConstraints

    @property
    def kinked(self) -> np.ndarray:
        """Which coordinates have a kink of the penalty at zero."""
        slope = self.parameters.functions.derivative(self.parameters, 0.0, 1.0)
        return slope * self.strengths > 0.0

    def assess(self, q: np.ndarray, w: np.ndarray, nu: np.ndarray) -> Assessment:
        """Return the penalty and the stationarity violations at some multipliers."""
        pull = q - nu @ self.rows.A
        curvatures = self.H.diagonal().copy()
        bounds = (self.lower, self.upper)
        return assess(self.parameters, pull, w, self.strengths, curvatures, *bounds)

    def solved(self, q: np.ndarray, w: np.ndarray, nu: np.ndarray, tol: float) -> bool:
        """Tell whether a point is feasible and stationary."""
        if self.rows.excess(w, nu).any():
            return False
        return bool(self.assess(q, w, nu).violation.max(initial=0.0) <= tol)


class Step(NamedTuple):
    """A step: of which coefficients, which of them were set free, how far, and of nu."""

    free: np.ndarray
    entered: np.ndarray
    d: np.ndarray
    change: np.ndarray


class ActiveSet:
    """A point, with what is held and what is free to move at it.

    Parameters
    ----------
    quadratic : Quadratic
    q, w : ndarray of shape (k,)
        Negative gradient and coefficients, overwritten.
    nu : ndarray of shape (m,)
        Multipliers of the rows, overwritten; those that are not zero are held.
    tol : float
        Largest stationarity violation allowed.

    Attributes
    ----------
    held : ndarray of shape (m,)
        1 for rows held at their upper bound, -1 at the lower one.
    piece : ndarray of shape (k,)
        On which side of zero free coefficients are, 0 for those that rest.
    """

    def __init__(
        self, quadratic: Quadratic, q: np.ndarray, w: np.ndarray, nu: np.ndarray, tol: float
    ) -> None:
        self.quadratic, self.q, self.w, self.nu, self.tol = quadratic, q, w, nu, tol
        self._kinked = quadratic.kinked
        self.held = np.where(quadratic.rows.equal, 1.0, np.sign(nu))
        inside = (quadratic.lower < w) & (w < quadratic.upper)
        self.piece = np.where(inside, np.where(self._kinked, np.sign(w), 1.0), 0.0)
        self._barred = np.zeros(w.size, dtype=bool)  # since it would leave its piece
        self._settled = False  # whether free coefficients and rows are where they should be

    def run(self, limit: int) -> int:
        """Take at most so many steps until solved or stuck; return how many."""
        taken = 0
        while taken < limit:
            careful = taken >= CAREFUL
            step = self._next(careful)
            if step is None:
                break
            self._advance(step, careful)
            taken += 1
        wrong = self._wrong()
        self.nu[wrong] = self.held[wrong] = 0.0
        return taken

    def _wrong(self) -> np.ndarray:
        """Return which rows have a multiplier of the wrong sign."""
        return ~self.quadratic.rows.equal & (self.held * self.nu < 0.0)

    def _next(self, careful: bool) -> "Step | None":
        """Choose what is free and held; return the step to the KKT solution.

        None if nothing is left to be done, or the equations have no solution.
        """
        quadratic, rows, w, kinked = self.quadratic, self.quadratic.rows, self.w, self._kinked
        self.held = np.where(self.held == 0.0, np.sign(rows.excess(w, self.held)), self.held)
        now = quadratic.assess(self.q, w, self.nu)
        pull = self.q - self.nu @ rows.A
        entering = (now.violation > self.tol) & (self.piece == 0.0) & ~self._barred
        if careful and entering.any():
            entering &= self._settled & (now.violation == now.violation[entering].max())
        inwards = np.where(w == 0.0, np.sign(pull), np.sign(w))
        self.piece = np.where(entering, inwards, self.piece)
        free = np.flatnonzero(self.piece)
        slope = np.where(kinked, self.piece, np.sign(w)) * now.slope
        g, h = (pull - slope)[free], -rows.excess(w, self.held)
        if not (
            entering.any()
            or h.any()
            or self._wrong().any()
            or np.abs(g).max(initial=0.0) > self.tol
        ):
            return None
        K = submatrix(quadratic.H, free)
        K.flat[:: free.size + 1] += now.curvature[free]
        on = np.flatnonzero(self.held)
        step = solve_kkt(K, rows.A[np.ix_(on, free)], g, h[on])
        if step is None:
            return None
        change = np.zeros(h.size)
        change[on] = step[1]
        return Step(free, entering[free], step[0], change)

    def _advance(self, step: "Step", careful: bool) -> None:
        """Go along a step as far as it may be gone."""
        quadratic, rows, w = self.quadratic, self.quadratic.rows, self.w
        free, d = step.free, step.d
        edge = np.where(d > 0.0, quadratic.upper[free], quadratic.lower[free])
        edge = np.where(self._kinked[free] & (d * self.piece[free] < 0.0), 0.0, edge)
        room = _fractions(edge - w[free], d)
        if not room.all():
            self._rest(step, room == 0.0, careful)
            return
        values, along = rows.A @ w, rows.A[:, free] @ d
        bound = np.where(along > 0.0, rows.upper, rows.lower)
        slack = np.where(self.held == 0.0, _fractions(bound - values, along), np.inf)
        length = min(1.0, room.min(initial=1.0), slack.min(initial=1.0))
        end = np.where(room <= length, edge, w[free] + length * d)
        large = max(np.abs(end).max(initial=0.0), np.abs(w[free]).max(initial=0.0))
        end[np.abs(end) <= ROUNDING * large] = 0.0  # what the rows held make zero
        self.q -= (end - w[free]) @ quadratic.H[free]
        w[free] = end
        self.nu += length * step.change
        self.piece[free[room <= length]] = 0.0
        self.held = np.where(slack <= length, np.sign(along), self.held)
        if length > 0.0:
            self._barred[:] = False
        self._settled = length == 1.0
        if self._settled:
            self._let_go(careful)

    def _rest(self, step: "Step", stopped: np.ndarray, careful: bool) -> None:
        """Let coefficients rest that would leave their piece at once, new ones first."""
        new = stopped & step.entered
        leaving = step.free[new if new.any() else stopped]
        if careful:
            leaving = leaving[:1]
        self._barred[leaving] = True
        self.piece[leaving] = 0.0

    def _let_go(self, careful: bool) -> None:
        """Let rows go whose multipliers have the wrong sign."""
        wrong = self._wrong()
        if careful:
            size = self.held * self.nu
            wrong &= size == np.where(wrong, size, 0.0).min(initial=0.0)
        self.held[wrong] = self.nu[wrong] = 0.0
        self._settled = not wrong.any()


def _fractions(room: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return which fractions of steps end where there is no room left."""
    fractions = np.full(d.size, np.inf)
    with np.errstate(over="ignore"):
        np.divide(room, d, out=fractions, where=d != 0.0)
    return np.maximum(fractions, 0.0)


def solve_kkt(
    K: np.ndarray, B: np.ndarray, g: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Solve K d + B'u = g, B d = h, for d and the u of least norm.

    By the null space of B, from a pivoted QR factorisation: K need be positive definite
    there only, and rows of B may depend on each other. None if it is not even that.

    Parameters
    ----------
    K : ndarray of shape (k, k)
        Symmetric positive semidefinite.
    B : ndarray of shape (r, k)
    g : ndarray of shape (k,)
    h : ndarray of shape (r,)
    """
    k, r = g.size, h.size
    if k == 0 or not B.any():
        d = newton_direction(K, np.zeros(k), g) if k else np.zeros(0)
        return None if d is None else (d, np.zeros(r))
    packed, order, tau, _, _ = dgeqp3(B.T)
    order = order - 1
    diagonal = np.abs(packed.diagonal())
    rank = int(np.count_nonzero(diagonal > 1e-12 * diagonal[0]))
    R = np.triu(packed[:rank])

    def rotate(M, side="L", trans="T"):
        return dormqr(side, trans, packed[:, :rank], tau[:rank], M, 64 * max(M.shape))[0]

    y = solve_triangular(R[:, :rank], h[order[:rank]], trans="T")
    K = rotate(rotate(K), "R", "N")
    g = rotate(g[:, None])[:, 0]
    z = g[rank:] - K[rank:, :rank] @ y
    if z.size:
        z = newton_direction(np.ascontiguousarray(K[rank:, rank:]), np.zeros(z.size), z)
        if z is None:
            return None
    rotated = np.concatenate([y, z])
    u = np.zeros(r)
    u[order] = lstsq(R, g[:rank] - K[:rank] @ rotated)[0]
    return rotate(rotated[:, None], "L", "N")[:, 0], u
