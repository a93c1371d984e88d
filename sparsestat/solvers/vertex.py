"""Pinball losses plus kinks and a separable quadratic, minimised exactly.

The objective is, over coordinates theta (the intercept first, then coefficients),

    sum_i c_i max(t r_i, (t - 1) r_i) + sum_j slope_j |theta_j| + tilt_j theta_j
    + bend_j theta_j^2 / 2,        r = target - Z theta,

within bounds. The search goes from piece to piece. Where the multiplier of a tied sample or
the pull on a resting coordinate is beyond its limits, that one is released, and the step
along the direction in which all other tied samples stay tied ends where the objective is
least, past as many kinks as that takes. Without quadratic terms these are the pivots of a
primal simplex method with long steps.

Where more residuals vanish than coordinates can explain, steps may have length zero. Such
residuals are then shifted off zero by small random amounts, until the shifted problem is
solved; the true residuals follow.
"""

import math
from typing import Any

import numpy as np

from sparsestat.solvers.piece import Kinks, Piece
from sparsestat.solvers.pivots import NOTHING, TIED, advance, choose

__all__ = ["Vertex"]

# Exchanges until the inverse is made anew, beside the number of its columns.
LIFETIME = 100
# Multipliers may be beyond their range by this share of it.
SHARE = 1e-10
# Steps that move no predictor by more than this, relative to residuals, are no progress.
TINY = 1e-13
# After so many of them vanishing residuals are shifted, by so much.
STALLS = 12
SHIFT = 1e-8
# So often true residuals may call for more.
ROUNDS = 20


class Vertex(Piece):
    """A piece, and the search for the one with the minimum."""

    _stuck = False
    _rng: Any = None

    def solve(self, kinks: Kinks, tol: float, max_iter: int) -> int:
        """Minimise; return the number of steps.

        `tol` bounds the violations at resting coordinates, in units of their gradients.
        """
        self._take(kinks.scaled(self._sizes))
        limits = tol / self._sizes
        n_iter, rounds, settled = 0, 0, True
        self._stalls, self._stuck = 0, False
        while n_iter < max_iter and not self._stuck:
            moved = not self._inverse.flat and self._descend(limits)
            if not moved:
                kind, what, sign, steepest = self._choose(limits)
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
            if self._inverse.age >= LIFETIME + self._inverse.n_tied:
                self._renew()
        if not settled:
            self._refine()
        if not settled or n_iter >= max_iter:
            self._choose(limits)
        self._polish()
        return n_iter

    def _take(self, kinks) -> None:
        """Change the kinks; the inverse with them, if it has to."""
        free, before = self._inverse.free, self._kinks
        self._kinks = kinks
        same = self._inverse.flat == (not kinks.bend.any())
        if same and (kinks.bend[free] == before.bend[free]).all():
            return
        self._renew()

    def _shift(self) -> None:
        """Move the residuals that vanish, but are not tied, off zero."""
        if self._rng is None:
            self._rng = np.random.default_rng(0)
        shift = SHIFT * self._unit
        near = np.flatnonzero((self._side != 0.0) & (np.abs(self._r) <= shift))
        self._r[near] = self._side[near] * shift * self._rng.uniform(1.0, 2.0, near.size)
        self._stalls = 0

    def _choose(self, tol) -> tuple[int, int, float, float]:
        """Return what to release, if anything: kind, position, sign, slope."""
        inverse, kinks = self._inverse, self._kinks
        self.multipliers = np.zeros(inverse.n_tied)
        return choose(
            *inverse.parts,
            inverse.free,
            inverse.tied,
            self._is_free,
            self.theta,
            self._theta_side,
            self._gradient,
            *kinks,
            self._lower,
            self._upper,
            self._low,
            self._high,
            tol,
            SHARE,
            self.multipliers,
        )

    def _pull(self, coordinates) -> np.ndarray:
        """Return the force on coordinates, without the multipliers', on their side of zero."""
        kinks, theta = self._kinks, self.theta[coordinates]
        return (
            self._gradient[coordinates]
            - kinks.tilt[coordinates]
            - kinks.bend[coordinates] * theta
            - kinks.slope[coordinates] * self._theta_side[coordinates]
        )

    def _polish(self) -> None:
        """Take the rounding of the inverse out of the multipliers."""
        free = self._inverse.free
        rest = self._pull(free) + self._inverse.columns[free] @ self.multipliers
        self.multipliers -= rest @ self._inverse.right

    def _descend(self, tol) -> bool:
        """Step towards the minimum over the free coordinates, tied samples staying tied."""
        inverse, free = self._inverse, self._inverse.free
        force = self._pull(free)
        # Without what multipliers take of it first: N would leave rounding of its size.
        force -= inverse.columns[free] @ (force @ inverse.right)
        d = inverse.null @ force
        slope = -float(d @ force)
        # What no multipliers can balance is the change of the gradient along d.
        if slope >= 0.0 or (np.abs(self._kinks.bend[free] * d) <= tol[free]).all():
            return False
        stop = self._move(free, d, slope, -slope)
        if stop is not None and not inverse.exchange(stop):
            self.put(self.coef)
        return True

    def _release(self, kind, what, sign, steepest) -> None:
        """Release a tied sample or a resting coordinate, and make the step that follows."""
        inverse, bend = self._inverse, self._kinks.bend
        release: tuple[Any, ...]
        if kind == TIED:
            sample = inverse.tied[what]
            moving, d = inverse.free, -sign * inverse.right[:, what]
            self._side[sample] = sign
            slope = (self._high if sign > 0.0 else self._low)[sample]
            self._gradient += slope * inverse.columns[:, what]
            release = ("untie", what)
        else:
            moving = np.append(inverse.free, what)
            d = np.append(inverse.right @ (-sign * inverse.columns[what]), sign)
            self._is_free[what] = True
            if self.theta[what] == 0.0:
                self._theta_side[what] = sign
            release = ("free", what, bend[what])
        curvature = 0.0 if inverse.flat else float(bend[moving] @ (d * d))
        stop = self._move(moving, d, -steepest, curvature)
        if stop == ("fix", inverse.n_free):  # it has come to rest again
            return
        changes = [release] if stop is None else [release, stop]
        if self._stuck or not inverse.exchange(*changes):
            self.put(self.coef)

    def _move(self, moving, d, slope, bend) -> tuple[Any, ...] | None:
        """Go along a direction to where the objective is least.

        Returns the change of the inverse that this brings, a coordinate named by its
        position among the `moving` ones.
        """
        size = self._r.size + 2 * self.theta.size
        items = np.empty(size, dtype=np.intp)
        ratios, jumps = np.empty((2, size))
        moved, tie, rest, count = advance(
            self._r,
            self._along(moving, d),
            self._side,
            self._low,
            self._high,
            self.theta,
            moving,
            d,
            self._theta_side,
            self._is_free,
            self._kinks.slope,
            self._lower,
            self._upper,
            slope,
            bend,
            ratios,
            jumps,
            items,
        )
        if math.isinf(moved):  # a slope that is rounding, along which nothing moves
            self._stuck = True
            return None
        self._stalls = self._stalls + 1 if moved <= TINY * self._unit else 0
        row = self._update(items[:count], jumps[:count]) if count else None
        if tie >= 0:
            return ("tie", tie, row)
        return ("fix", rest) if rest >= 0 else None
