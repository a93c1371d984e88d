"""Where a search for a vertex stands: on one piece of a piecewise quadratic objective.

Some samples are *tied*, their residuals zero; some coordinates are *free*, the others rest
at zero, at a bound, or where they were put. Every other residual and free coefficient is on
one side of zero. Within a piece the objective is quadratic; it ends where a residual or a
free coefficient vanishes. Coordinates are coefficients on columns of about the same size.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import qr

from sparsestat.losses.quantile import lower_quantile
from sparsestat.solvers.kkt_inverse import KKTInverse

__all__ = ["VANISHING", "Kinks", "Piece"]

# Residuals below this, relative to those of the null model, are taken for zero.
VANISHING = 1e-11
# An inverse that leaves this much of them, relative to the same, is made anew.
POOR = 1e-7
# Beyond this share of samples it is cheaper to read all than the rows of those that flip.
MANY = 0.2
# What there is of each coordinate.
COORDINATES = ("theta", "_theta_side", "_lower", "_upper", "_sizes", "_is_free", "_gradient")


class Kinks(NamedTuple):
    """What is minimised beside the losses: slope |b| + tilt b + bend b^2 / 2, by b."""

    slope: np.ndarray
    tilt: np.ndarray
    bend: np.ndarray

    def scaled(self, sizes: np.ndarray) -> "Kinks":
        """Return the same for the arguments b times some sizes."""
        return Kinks(self.slope / sizes, self.tilt / sizes, self.bend / sizes**2)


class Piece:
    """The coordinates, the residuals, and on which side of zero they are.

    Parameters
    ----------
    block : block
        The columns of the coordinates from 1 on, which :meth:`add` takes in; none as yet.
        Coordinate 0 is the intercept.
    target : ndarray of shape (n,)
    low, high : ndarray of shape (n,)
        The range of the multipliers: the slopes of the losses in the residuals.
    fit_intercept : bool
        Otherwise coordinate 0 stays at zero.
    unit : float
        The typical size of residuals.

    Attributes
    ----------
    theta : ndarray of shape (m,)
        The coordinates.
    multipliers : ndarray of shape (k,)
        Those of the tied samples, in their order.
    """

    def __init__(
        self,
        block: Any,
        target: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        *,
        fit_intercept: bool,
        unit: float,
    ) -> None:
        self._block, self._target, self._unit = block, target, unit
        self._low, self._high, self._weight = low, high, high - low
        self._fit_intercept = fit_intercept
        reach = np.inf if fit_intercept else 0.0
        self.theta, self._theta_side = np.zeros((2, 1))
        self._lower, self._upper = np.array([-reach]), np.array([reach])
        self._sizes, self._is_free = np.ones(1), np.zeros(1, dtype=bool)
        self._kinks = Kinks(*np.zeros((3, 1)))
        self._inverse = KKTInverse(1)
        self._r, self._side = np.zeros((2, target.size))
        self.put(self.theta)

    # --- coordinates --------------------------------------------------------------

    @property
    def coef(self) -> np.ndarray:
        """The intercept and the coefficients."""
        return self.theta / self._sizes

    def add(self, lower: np.ndarray, upper: np.ndarray, sizes: np.ndarray) -> None:
        """Take in the block's last columns, of such sizes, with coefficients zero."""
        first, zeros = self.theta.size - 1, np.zeros(lower.size)
        # Powers of two: to scale by them is exact.
        sizes = np.exp2(np.round(np.log2(np.where(sizes > 0.0, sizes, 1.0))))
        columns = self._block.samples(self._inverse.tied, first=first).T
        self._inverse.widen(columns / sizes[:, None])
        self.theta = np.append(self.theta, zeros)
        self._theta_side = np.append(self._theta_side, zeros)
        self._lower = np.append(self._lower, lower * sizes)
        self._upper = np.append(self._upper, upper * sizes)
        self._sizes = np.append(self._sizes, sizes)
        self._is_free = np.append(self._is_free, zeros > 0.0)
        self._kinks = Kinks(*(np.append(part, zeros) for part in self._kinks))
        self._measure()

    def keep(self, positions: np.ndarray) -> None:
        """Drop all coefficients but those at `positions`, the others being zero."""
        kept = np.append(0, positions + 1)
        dropped = np.setdiff1d(self._inverse.free, kept)
        for name in COORDINATES:
            setattr(self, name, getattr(self, name)[kept])
        self._kinks = Kinks(*(part[kept] for part in self._kinks))
        if dropped.size:  # free and zero, as happens where kinks meet
            self.put(self.coef)
        else:
            self._inverse.keep(kept)

    def put(self, coef: np.ndarray) -> None:
        """Start from given coefficients, and the best intercept for them."""
        theta = np.clip(coef * self._sizes, self._lower, self._upper)
        theta[0] = 0.0
        rest = self._target - self._fitted(theta)
        near = np.empty(0, dtype=np.intp)
        if self._fit_intercept:
            share = self._weight / self._weight.sum()
            quantile = float(self._high[0] / self._weight[0])
            near = np.array([lower_quantile(rest, share, quantile)])
            theta[0] = rest[near[0]]
        self.theta = theta
        size = np.abs(rest - theta[0])
        coordinates = np.flatnonzero(theta)
        if self._fit_intercept:
            coordinates = np.union1d(0, coordinates)
        # Solutions tie as many samples as there are free coordinates, or more.
        most = min(4 * coordinates.size, size.size)
        nearest = np.argpartition(size, most - 1)[:most] if most else near
        near = np.union1d(near, nearest[size[nearest] <= VANISHING * self._unit])
        self._join(near, coordinates)
        self.multipliers = np.zeros(self._inverse.n_tied)
        self._measure()

    def _join(self, near, coordinates) -> None:
        """Tie so many of the near samples to coordinates as are independent."""
        rows = self._rows(near)
        order, rank = _independent(rows[:, coordinates].T)
        tied, rows = near[order[:rank]], rows[order[:rank]]
        order, rank = _independent(rows[:, coordinates])
        free, flat = coordinates[order[:rank]], not self._kinks.bend.any()
        if not self._inverse.make(free, tied, rows.T, self._kinks.bend[free], flat):
            self._inverse.clear(self.theta.size, flat=flat)
        self._is_free[:] = False
        self._is_free[self._inverse.free] = True

    def _rows(self, samples) -> np.ndarray:
        """Return rows of samples over all coordinates."""
        rows = np.empty((samples.size, self.theta.size))
        rows[:, 0] = 1.0 if self._fit_intercept else 0.0
        rows[:, 1:] = self._block.samples(samples)
        rows[:, 1:] /= self._sizes[1:]
        return rows

    # --- the state at the coordinates ---------------------------------------------

    def _fitted(self, theta) -> np.ndarray:
        return self._block.predict(theta[1:] / self._sizes[1:]) + theta[0]

    def _along(self, moving, d) -> np.ndarray:
        """Return how linear predictors change with the moving coordinates."""
        return self._block.combine(moving - 1, d / self._sizes[moving])

    def _measure(self) -> None:
        """Work out residuals, sides and gradient from the coordinates."""
        tied, r = self._inverse.tied, self._target - self._fitted(self.theta)
        rounding = 8.0 * np.finfo(float).eps * (np.abs(self._target) + np.abs(r))
        clear = np.abs(r) > VANISHING * self._unit + rounding
        # On which side a vanishing residual is counted is for the search to say.
        unknown = clear | (self._side == 0.0)
        self._side = np.where(unknown, np.where(r < 0.0, -1.0, 1.0), self._side)
        r[tied] = self._side[tied] = 0.0
        self._r = r
        # So for a free coefficient that vanishes.
        side, vanish = self._theta_side, np.abs(self.theta) <= VANISHING * self._unit
        self.theta[vanish & (self.theta * side < 0.0)] = 0.0
        kept = np.where(self._is_free, side, 0.0)
        self._theta_side = np.where(self.theta != 0.0, np.sign(self.theta), kept)
        self._regrade()

    def _regrade(self) -> None:
        """Work out the gradient: Z'u with u the slopes of the losses, 0 for tied samples."""
        u = np.where(self._side > 0.0, self._high, np.where(self._side < 0.0, self._low, 0.0))
        self._gradient = np.zeros(self.theta.size)
        total = 0.0
        if self._fit_intercept:
            # Blocks of centred columns want sums of zero.
            total = float(u.sum())
            u[0] -= total
        self._gradient[1:] = u.size * self._block.gradient(u) / self._sizes[1:]
        self._gradient += total * self._rows(np.zeros(1, dtype=np.intp))[0]

    def _update(self, samples, changes) -> np.ndarray:
        """Let slopes of samples change; return the row of the last one."""
        if samples.size > MANY * self._r.size:
            self._regrade()
            return self._rows(samples[-1:])[0]
        rows = self._block.samples(samples) / self._sizes[1:]
        self._gradient[1:] += changes @ rows
        row = np.empty(self.theta.size)
        row[0], row[1:] = float(self._fit_intercept), rows[-1]
        self._gradient[0] += row[0] * changes.sum()
        return row

    def _refine(self) -> None:
        """Make tied samples fit to rounding, and all that follows from it exact."""
        inverse = self._inverse
        for _ in range(3):
            fitted = self._fitted(self.theta)
            rest = (self._target - fitted)[inverse.tied]
            size = np.abs(rest).max(initial=0.0)
            if size <= 4.0 * np.finfo(float).eps * np.abs(fitted).max(initial=0.0):
                break
            if size > POOR * self._unit and inverse.age:
                self._renew()
                rest = (self._target - self._fitted(self.theta))[inverse.tied]
            self.theta[inverse.free] += inverse.right @ rest
            np.clip(self.theta, self._lower, self._upper, out=self.theta)
        self._measure()

    def _renew(self) -> None:
        """Make the inverse anew; start afresh where that fails."""
        if not self._inverse.remake(self._kinks.bend):
            self.put(self.coef)

    def newton(self, bend: np.ndarray, pull: np.ndarray) -> np.ndarray | None:
        """Return where a Newton step with second derivatives `bend` leads, tied samples kept.

        `bend` and `pull`, the negative gradients, are those of intercept and coefficients.
        None if that is not within the piece, or the derivatives are singular there.
        """
        if self._inverse.flat:
            return None
        bend, pull = bend / self._sizes**2, pull / self._sizes
        free, tied = self._inverse.free, self._inverse.tied
        inverse = KKTInverse(self.theta.size)
        if not inverse.make(free, tied, self._inverse.columns, bend[free], flat=False):
            return None
        theta = self.theta.copy()
        theta[free] += inverse.null @ pull[free]
        inside = (theta >= self._lower) & (theta <= self._upper)
        if not (inside & (theta * self._theta_side >= 0.0)).all():
            return None
        return theta / self._sizes

    def place(self, coef: np.ndarray) -> None:
        """Go to another intercept and coefficients within the piece."""
        self.theta = coef * self._sizes
        self._refine()

    def slopes(self) -> tuple[np.ndarray, float]:
        """Return the slopes of the losses, the multipliers for tied samples, and their sum.

        The slopes returned add up to zero if there is an intercept, as those of a dual
        point must. Before the end of the search they have to be shifted for that: the sum
        is that before, how far the intercept is from stationary.
        """
        tied = self._inverse.tied
        u = np.where(self._side > 0.0, self._high, self._low)
        u[tied] = np.clip(self.multipliers, self._low[tied], self._high[tied])
        if not self._fit_intercept:
            return u, 0.0
        total = float(u.sum())
        if abs(total) <= u.size * np.finfo(float).eps * np.abs(u).sum():
            return u, 0.0
        return self._balanced(u), total

    def _balanced(self, u) -> np.ndarray:
        """Shift slopes, within their ranges, until they add up to zero."""
        low, high, moved = -1.0, 1.0, u
        for _ in range(60):
            shift = 0.5 * (low + high)
            moved = np.clip(u + shift * self._weight, self._low, self._high)
            low, high = (low, shift) if moved.sum() > 0.0 else (shift, high)
        return moved


def _independent(A: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the order of columns in which each is the least dependent, and the rank."""
    if not A.any():
        return np.arange(A.shape[1]), 0
    R, order = qr(A, mode="r", pivoting=True)
    sizes = np.abs(np.diag(R))
    return order, int(np.count_nonzero(sizes > 1e-9 * sizes[0]))
