"""Pinball losses plus kinks and a separable quadratic, minimised exactly.

The objective is, over coordinates theta (the intercept first, then coefficients),

    sum_i c_i max(t r_i, (t - 1) r_i) + sum_j slope_j |theta_j| + tilt_j theta_j
    + bend_j theta_j^2 / 2,        r = target - Z theta,

within bounds. It is a piecewise quadratic, whose pieces end where a residual or a
coefficient vanishes. The search goes from piece to piece: some samples are *tied*, their
residuals zero, some coordinates are *free*, the others rest at zero, at a bound, or where
they were put. Where a multiplier of a tied sample or the pull on a resting coordinate is
beyond its limits, that one is released, and the step along the direction in which all other
tied samples stay tied ends where the objective is least, past as many kinks as that takes.
Without quadratic terms these are the pivots of a primal simplex method with long steps.

Where more residuals vanish than coordinates can explain, steps may have length zero. Such
residuals are then shifted off zero by small random amounts, until the shifted problem is
solved; the true residuals follow.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import qr

from sparsestat.losses.quantile import lower_quantile
from sparsestat.solvers.kkt_inverse import KKTInverse
from sparsestat.solvers.pivots import NOTHING, TIED, choose, search

__all__ = ["Kinks", "Vertex"]

# Exchanges until the inverse is made anew.
LIFETIME = 100
# Multipliers may be beyond their range by this share of it.
SHARE = 1e-10
# Residuals below this, relative to those of the null model, are taken for zero.
VANISHING = 1e-11
# Steps that move no predictor by more than this, relative to residuals, are no progress.
TINY = 1e-13
# After so many of them vanishing residuals are shifted, by so much.
STALLS = 12
SHIFT = 1e-8
ROUNDS = 20
# Beyond this share of samples it is cheaper to read all than the rows of those that flip.
MANY = 0.2
COORDINATES = (
    "theta",
    "_theta_side",
    "_lower",
    "_upper",
    "_sizes",
    "_is_free",
    "_gradient",
)


class Kinks(NamedTuple):
    """What is minimised beside the losses, by coordinate: slope, tilt, bend."""

    slope: np.ndarray
    tilt: np.ndarray
    bend: np.ndarray


class Vertex:
    """The present piece: tied samples, free coordinates, and where all the others rest.

    Parameters
    ----------
    block : block
        The columns of the coordinates from 1 on, which :meth:`add` takes in; none as yet.
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
        self._rng = np.random.default_rng(0)
        self.put(self.theta)

    # --- coordinates --------------------------------------------------------------

    def add(self, lower: np.ndarray, upper: np.ndarray, sizes: np.ndarray) -> None:
        """Take in the block's last columns, of such sizes, with coefficients zero."""
        first, zeros = self.theta.size - 1, np.zeros(lower.size)
        self._inverse.widen(self._block.samples(self._inverse.tied, first=first))
        self.theta = np.append(self.theta, zeros)
        self._theta_side = np.append(self._theta_side, zeros)
        self._lower = np.append(self._lower, lower)
        self._upper = np.append(self._upper, upper)
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
            self.put(self.theta)
        else:
            self._inverse.keep(kept)

    def put(self, theta: np.ndarray) -> None:
        """Start from given coefficients, and the best intercept for them."""
        theta = np.clip(theta, self._lower, self._upper)
        rest = self._target - self._block.predict(theta[1:])
        near = np.empty(0, dtype=np.intp)
        if self._fit_intercept:
            near = self._quantile(rest)
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

    def _quantile(self, rest) -> np.ndarray:
        share = self._weight / self._weight.sum()
        quantile = float(self._high[0] / self._weight[0])
        return np.array([lower_quantile(rest, share, quantile)])

    def _join(self, near, coordinates) -> None:
        """Tie so many of the near samples to coordinates as are independent."""
        rows = self._rows(near)
        order, rank = _independent(rows[:, coordinates].T)
        tied, rows = near[order[:rank]], rows[order[:rank]]
        order, rank = _independent(rows[:, coordinates])
        free = coordinates[order[:rank]]
        bend = self._kinks.bend
        if not self._inverse.make(free, tied, rows, bend[free], flat=not bend.any()):
            self._inverse.clear(self.theta.size, flat=not bend.any())
        self._is_free[:] = False
        self._is_free[self._inverse.free] = True

    def _rows(self, samples) -> np.ndarray:
        """Return rows of samples over all coordinates."""
        rows = np.empty((samples.size, self.theta.size))
        rows[:, 0] = 1.0 if self._fit_intercept else 0.0
        rows[:, 1:] = self._block.samples(samples)
        return rows

    # --- the state at the coordinates ---------------------------------------------

    def _measure(self) -> None:
        """Work out residuals, sides and gradient from the coordinates."""
        tied = self._inverse.tied
        self._r = self._target - (self._block.predict(self.theta[1:]) + self.theta[0])
        rounding = 8.0 * np.finfo(float).eps * (np.abs(self._target) + np.abs(self._r))
        clear = np.abs(self._r) > VANISHING * self._unit + rounding
        # On which side a vanishing residual is counted is for the search to say.
        side = np.where(
            clear | (self._side == 0.0), np.where(self._r < 0.0, -1.0, 1.0), self._side
        )
        side[tied] = 0.0
        self._r[tied] = 0.0
        self._side = side
        # So for a free coefficient that vanishes: the search has it on one side of zero.
        side, size = self._theta_side, np.abs(self.theta) * self._sizes
        self.theta[(self.theta * side < 0.0) & (size <= VANISHING * self._unit)] = 0.0
        kept = np.where(self._is_free, side, 0.0)
        self._theta_side = np.where(self.theta != 0.0, np.sign(self.theta), kept)
        self._regrade()

    def _regrade(self) -> None:
        """Work out the gradient: Z'u with u the slopes of the losses, 0 for tied samples."""
        u = self._slopes(slice(None))
        self._gradient = np.zeros(self.theta.size)
        total = 0.0
        if self._fit_intercept:
            # Blocks of centred columns want sums of zero.
            total = float(u.sum())
            u[0] -= total
        self._gradient[1:] = u.size * self._block.gradient(u)
        self._gradient += total * self._rows(np.array([0]))[0]

    def _refine(self) -> None:
        """Make tied samples fit to rounding, and all that follows from it exact."""
        inverse = self._inverse
        for _ in range(3):
            fitted = self._block.predict(self.theta[1:]) + self.theta[0]
            rest = (self._target - fitted)[inverse.tied]
            size = np.abs(rest).max(initial=0.0)
            if size <= 4.0 * np.finfo(float).eps * np.abs(fitted).max(initial=0.0):
                break
            if size > 1e-7 * self._unit and inverse.age:
                self._renew()
                rest = (self._target - fitted)[inverse.tied]
            self.theta[inverse.free] += inverse.Y @ rest
            np.clip(self.theta, self._lower, self._upper, out=self.theta)
        self._measure()

    def _renew(self) -> None:
        """Make the inverse anew; start afresh where that fails."""
        if not self._inverse.remake(self._kinks.bend):
            self.put(self.theta)

    def _shift(self) -> None:
        """Move the residuals that vanish, but are not tied, off zero."""
        shift = SHIFT * self._unit
        near = np.flatnonzero((self._side != 0.0) & (np.abs(self._r) <= shift))
        self._r[near] = self._side[near] * shift * self._rng.uniform(1.0, 2.0, near.size)

    def newton(self, bend: np.ndarray, pull: np.ndarray) -> np.ndarray | None:
        """Return where a Newton step with second derivatives `bend` leads, tied samples kept.

        None if that is not within the present piece, or the derivatives are singular there.
        """
        free, tied = self._inverse.free, self._inverse.tied
        inverse = KKTInverse(self.theta.size)
        if not inverse.make(free, tied, self._inverse.rows, bend[free], flat=False):
            return None
        theta = self.theta.copy()
        theta[free] += inverse.N @ pull[free]
        inside = (theta >= self._lower) & (theta <= self._upper)
        return theta if (inside & (theta * self._theta_side >= 0.0)).all() else None

    def place(self, theta: np.ndarray) -> None:
        """Go to other coordinates within the present piece."""
        self.theta = theta
        self._refine()

    # --- the search ---------------------------------------------------------------

    def solve(self, kinks: Kinks, tol: float, max_iter: int) -> int:
        """Minimise; return the number of steps.

        `tol` bounds the violations at resting coordinates, in units of their gradients.
        """
        self._take(kinks)
        n_iter, rounds, settled, self._stalls, self._stuck = 0, 0, True, 0, False
        while n_iter < max_iter and not self._stuck:
            moved = not self._inverse.flat and self._descend(tol)
            if not moved:
                kind, what, sign, steepest = self._choose(tol)
                if kind == NOTHING:
                    if settled or rounds == ROUNDS:
                        break
                    self._refine()
                    rounds, settled = rounds + 1, True
                    continue
                self._release(kind, what, sign, steepest)
            n_iter, settled = n_iter + 1, False
            if self._stalls >= STALLS:
                self._shift()
                self._stalls = 0
            if self._inverse.age >= LIFETIME:
                self._renew()
        if not settled:
            self._refine()
            self._choose(tol)
        elif n_iter == max_iter:
            self._choose(tol)
        self._polish()
        return n_iter

    def _take(self, kinks) -> None:
        """Change the kinks; the inverse with them, if it has to."""
        free, before = self._inverse.free, self._kinks
        self._kinks = kinks
        if self._inverse.flat == (not kinks.bend.any()):
            if (kinks.bend[free] == before.bend[free]).all():
                return
        if not self._inverse.remake(kinks.bend):
            self.put(self.theta)

    @property
    def _force(self) -> np.ndarray:
        return self._gradient - self._kinks.tilt - self._kinks.bend * self.theta

    def _choose(self, tol):
        inverse = self._inverse
        self.multipliers, self._pulls = np.zeros(inverse.n_tied), np.empty(self.theta.size)
        return choose(
            *inverse.parts,
            inverse.free,
            inverse.tied,
            self._is_free,
            self.theta,
            self._theta_side,
            self._force,
            self._kinks.slope,
            self._lower,
            self._upper,
            self._low,
            self._high,
            tol,
            SHARE,
            self.multipliers,
            self._pulls,
        )

    def _polish(self) -> None:
        """Take the rounding of the inverse out of the multipliers."""
        free = self._inverse.free
        rest = self._pulls[free] - self._theta_side[free] * self._kinks.slope[free]
        self.multipliers -= rest @ self._inverse.Y

    def _descend(self, tol) -> bool:
        """Step towards the minimum over the free coordinates, tied samples staying tied."""
        inverse, free = self._inverse, self._inverse.free
        force = self._force[free] - self._theta_side[free] * self._kinks.slope[free]
        # Without what multipliers take of it first: N would leave rounding of its size.
        force -= (force @ inverse.Y) @ inverse.rows[:, free]
        d = inverse.N @ force
        slope = -float(d @ force)
        # What no multipliers can balance is the change of the gradient along d.
        if slope >= 0.0 or np.abs(self._kinks.bend[free] * d).max() <= tol:
            return False
        stop = self._move(free, d, slope, -slope)
        if stop is not None and not inverse.exchange(stop):
            self.put(self.theta)
        return True

    def _release(self, kind, what, sign, steepest) -> None:
        """Release a tied sample or a resting coordinate, and make the step that follows."""
        inverse, bend = self._inverse, self._kinks.bend
        if kind == TIED:
            sample = inverse.tied[what]
            moving, d = inverse.free, -sign * inverse.Y[:, what]
            self._side[sample] = sign
            self._gradient += self._slopes(sample) * inverse.rows[what]
            release: tuple = ("untie", what)
        else:
            moving = np.append(inverse.free, what)
            d = np.append(inverse.Y @ (-sign * inverse.rows[:, what]), sign)
            self._is_free[what] = True
            if self.theta[what] == 0.0:
                self._theta_side[what] = sign
            release = ("free", what, bend[what])
        stop = self._move(moving, d, -steepest, float(bend[moving] @ (d * d)))
        if stop == ("fix", inverse.n_free):  # it has come to rest again
            return
        if self._stuck or not inverse.exchange(release, *([stop] if stop else [])):
            self.put(self.theta)

    def _move(self, moving, d, slope, bend) -> tuple | None:
        """Go along a direction to where the objective is least.

        Returns the change of the inverse that this brings, a coordinate named by its
        position among the `moving` ones.
        """
        n, m = self._r.size, self.theta.size
        along = self._along(moving, d)
        room = n + 2 * m
        items = np.empty(room, dtype=np.intp)
        step, hit, passed = search(
            self._r,
            along,
            self._side,
            self._weight,
            self.theta,
            moving,
            d,
            self._theta_side,
            self._kinks.slope,
            self._lower,
            self._upper,
            slope,
            bend,
            *np.empty((2, room)),
            items,
        )
        if not math.isfinite(step):  # a slope that is rounding, along which nothing moves
            self._stuck = True
            step, passed = 0.0, 0
        self._r -= step * along
        self.theta[moving] += step * d
        still = step * np.abs(along).max(initial=0.0) <= TINY * self._unit
        self._stalls = self._stalls + 1 if still else 0
        items = items[:passed]
        self._theta_side[items[items >= n] - n] *= -1.0
        row = self._flip(items[items < n], hit if hit < n else -1)
        if hit < 0:
            return None
        if hit < n:
            return ("tie", hit, row)
        coordinate = (hit - n) % m
        if hit < n + m:
            self.theta[coordinate] = 0.0
        else:
            bounds = self._upper if d[moving == coordinate][0] > 0.0 else self._lower
            self.theta[coordinate] = bounds[coordinate]
        self._theta_side[coordinate] = np.sign(self.theta[coordinate])
        self._is_free[coordinate] = False
        return ("fix", int(np.flatnonzero(moving == coordinate)[0]))

    def _along(self, moving, d) -> np.ndarray:
        """Return how linear predictors change with the moving coordinates."""
        features = moving > 0
        along = self._block.combine(moving[features] - 1, d[features])
        if not features.all():
            along += d[~features].sum()
        return along

    def _slopes(self, samples) -> np.ndarray:
        """Return the slopes of the losses, 0 for tied samples."""
        side = self._side[samples]
        return np.where(
            side > 0.0, self._high[samples], np.where(side < 0.0, self._low[samples], 0.0)
        )

    def _flip(self, samples, tie) -> np.ndarray | None:
        """Let residuals change sign, and one vanish; return its row."""
        if tie >= 0:
            samples = np.append(samples, tie)
        if samples.size == 0:
            return None
        before = self._slopes(samples)
        self._side[samples] *= -1.0
        if tie >= 0:
            self._r[tie] = self._side[tie] = 0.0
        rows = self._rows(samples[-1:] if samples.size > MANY * self._r.size else samples)
        if rows.shape[0] < samples.size:
            self._regrade()
        else:
            self._gradient += (self._slopes(samples) - before) @ rows
        return rows[-1]

    def slopes(self) -> tuple[np.ndarray, float]:
        """Return the slopes of the losses, the multipliers for tied samples, and their sum.

        The slopes returned add up to zero if there is an intercept, as those of a dual
        point must. Before the end of the search they have to be shifted for that: the sum
        is that before, how far the intercept is from stationary.
        """
        u, tied = self._slopes(slice(None)), self._inverse.tied
        u[tied] = np.clip(self.multipliers, self._low[tied], self._high[tied])
        if not self._fit_intercept:
            return u, 0.0
        total = float(u.sum())
        if abs(total) <= u.size * np.finfo(float).eps * np.abs(u).sum():
            return u, 0.0
        return self._balanced(u), total

    def _balanced(self, u) -> np.ndarray:
        """Shift slopes, within their ranges, until they add up to zero."""
        low, high = -1.0, 1.0
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
