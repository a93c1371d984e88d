"""Gradients computed only where they might matter, shared by dense and sparse designs."""

from typing import Any, NamedTuple

import numpy as np

from sparsestat._jit import register_jitable

__all__ = [
    "GradientState",
    "LazyGradient",
    "full_gradient",
    "is_settled",
    "record",
    "record_all",
]

RING = 16
NONE = RING  # the slot that stands for no stored residual


class GradientState(NamedTuple):
    """What is known of the gradients x_j'r / n, as the kernels take it.

    Attributes
    ----------
    exact : ndarray of shape (2, p)
        The last two exact gradients of each column, the latest first.
    anchors : ndarray of int, shape (2, p)
        Slots of the residuals they were computed at; the first may be NONE, for a
        column without a bound, or only the second.
    factors : ndarray of shape (2, RING + 1, RING + 1)
        For each pair of slots, the combination of their residuals that is nearest to
        the present residual.
    rests : ndarray of shape (RING + 1, RING + 1)
        Upper bounds of norm(r - combination) / sqrt(n).
    pull : ndarray of shape (p,)
        Absolute gradients, 0 where they point out of the bounds: exact where they exceed
        the limit, estimates within the limit elsewhere.
    rises, falls : ndarray of bool, shape (p,)
        Whether the coefficients may become positive, and negative.
    resting : ndarray of bool, shape (p,)
        The columns to watch: neither worked on nor excluded.
    """

    exact: np.ndarray
    anchors: np.ndarray
    factors: np.ndarray
    rests: np.ndarray
    pull: np.ndarray
    rises: np.ndarray
    falls: np.ndarray
    resting: np.ndarray


@register_jitable
def pull_of(state, j, gradient):
    """Return the size of a gradient, 0 where it points out of the bounds."""
    if gradient > 0.0:
        return gradient if state.rises[j] else 0.0
    return -gradient if state.falls[j] else 0.0


@register_jitable
def is_settled(state, j, norm, limit, head):
    """Tell whether column j's gradient is provably below the limit; note its estimate."""
    first, second = state.anchors[0, j], state.anchors[1, j]
    if first == head or second == head:  # about to be overwritten
        return False
    estimate = state.factors[0, first, second] * state.exact[0, j]
    estimate += state.factors[1, first, second] * state.exact[1, j]
    pull = pull_of(state, j, estimate)
    if pull + norm * state.rests[first, second] < limit:
        state.pull[j] = pull
        return True
    return False


@register_jitable
def record(state, j, gradient, head):
    """Store an exact gradient, computed at the residual that slot `head` will hold."""
    state.exact[1, j] = state.exact[0, j]
    state.anchors[1, j] = NONE if state.anchors[0, j] == head else state.anchors[0, j]
    state.exact[0, j] = gradient
    state.anchors[0, j] = head
    state.pull[j] = pull_of(state, j, gradient)


def record_all(state: GradientState, gradient: np.ndarray, head: int) -> None:
    """Store exact gradients of all columns, as :func:`record` does for one."""
    state.exact[1] = state.exact[0]
    state.anchors[1] = np.where(state.anchors[0] == head, NONE, state.anchors[0])
    state.exact[0], state.anchors[0] = gradient, head
    allowed = np.where(gradient > 0.0, state.rises, state.falls)
    state.pull[:] = np.where(allowed, np.abs(gradient), 0.0)


def blank_state(p: int) -> GradientState:
    """Return a state in which nothing is known of any column."""
    slots = (RING + 1, RING + 1)
    return GradientState(
        exact=np.zeros((2, p)),
        anchors=np.full((2, p), NONE),
        factors=np.zeros((2, *slots)),
        rests=np.full(slots, np.inf),
        pull=np.zeros(p),
        rises=np.ones(p, dtype=bool),
        falls=np.ones(p, dtype=bool),
        resting=np.ones(p, dtype=bool),
    )


def full_gradient(design: Any, r: np.ndarray) -> np.ndarray:
    """Return X'r / n, every column read; of each row of r if there are several."""
    if r.ndim == 2:
        return np.array([full_gradient(design, row) for row in r])
    state = blank_state(design.shape[1])
    design.refresh(r, np.zeros(design.shape[1]), 0, state)
    return state.exact[0]


class LazyGradient:
    """The gradients of resting coefficients, kept as values with error bounds.

    For any combination c = s_1 r_1 + s_2 r_2 of two earlier residuals, Cauchy-Schwarz
    bounds how far x_j'r / n is from s_1 x_j'r_1 / n + s_2 x_j'r_2 / n:

        norm(x_j) norm(r - c) / n.

    Each resting column remembers its last two exact gradients and the residuals they
    were computed at (its anchors, in a ring of stored residuals); c is the projection
    of r on them, for which the bound is tightest. Along a path residuals are nearly
    linear in alpha, so that c is close to r. While the bound keeps the gradient within
    the limit that a zero coefficient withstands, the column need not be read. A column
    one of whose anchors is about to be overwritten is read, and one that starts to rest
    has no anchors, so a bound never leans on a residual that is not stored.

    Parameters
    ----------
    design : DenseDesign or CentredSparseDesign
    r : ndarray of shape (n,)
        First residual.
    gradient : ndarray of shape (p,)
        X'r / n.
    rises, falls : ndarray of bool, shape (p,)
        Whether the coefficients may become positive, and negative.

    Attributes
    ----------
    pull, resting : ndarray of shape (p,)
        As in :class:`GradientState`.
    values : ndarray of shape (p,)
        The latest exact gradients: at the present residual where they exceed the limit.
    columns_read : int
    """

    def __init__(
        self,
        design: Any,
        r: np.ndarray,
        gradient: np.ndarray,
        rises: np.ndarray,
        falls: np.ndarray,
    ) -> None:
        n, p = design.shape
        self._design = design
        self._ring = np.zeros((RING, n))
        self._products = np.zeros((RING, RING))
        self._head = -1
        self._unit = float(np.abs(r).max()) or 1.0  # keeps squares and their products in range
        self._state = blank_state(p)
        self.pull = self._state.pull
        self.values = self._state.exact[0]
        self.resting = self._state.resting
        self.columns_read = 0
        self._state.exact[0] = gradient
        self._state.anchors[0] = 0
        self._state.rises[:] = rises
        self._state.falls[:] = falls
        self.pull[:] = self._pull(gradient, slice(None))
        self._hold(r / self._unit, np.zeros(RING), 0)

    def _pull(self, gradient: np.ndarray, features: Any) -> np.ndarray:
        allowed = np.where(
            gradient > 0.0, self._state.rises[features], self._state.falls[features]
        )
        return np.where(allowed, np.abs(gradient), 0.0)

    def rest(self, features: np.ndarray, gradient: np.ndarray) -> None:
        """Watch these columns, whose present gradients are known, from now on."""
        self._state.anchors[:, features] = NONE
        self.values[features] = gradient
        self.pull[features] = self._pull(gradient, features)
        self.resting[features] = True

    def refresh(self, r: np.ndarray, limits: np.ndarray) -> None:
        """Make `pull` exact at `r` wherever a resting column might exceed its limit."""
        head = (self._head + 1) % RING
        shape = r / self._unit
        products = self._ring @ shape
        self._project(products, float(shape @ shape), r.size)
        count = self._design.refresh(r, limits, head, self._state)
        if count:
            self._hold(shape, products, head)
            self.columns_read += count

    def _hold(self, shape: np.ndarray, products: np.ndarray, head: int) -> None:
        """Store a residual, and its products with all that are stored."""
        self._head = head
        self._ring[head] = shape
        products[head] = shape @ shape
        self._products[head] = self._products[:, head] = products

    def _project(self, products: np.ndarray, square: float, n: int) -> None:
        """Set the projections of r on every pair of stored residuals."""
        inner = np.zeros_like(self._state.rests)
        inner[:RING, :RING] = self._products
        squares = np.diag(inner)
        onto = np.append(products, 0.0)
        first, second = squares[:, None], squares[None, :]
        determinant = first * second - inner**2
        # Nearly parallel residuals, and pairs with NONE, project on the first alone.
        both = determinant > 1e-10 * first * second
        divisor = np.where(both, determinant, np.where(first > 0.0, first, 1.0))
        a = np.where(both, onto[:, None] * second - onto * inner, onto[:, None]) / divisor
        b = np.where(both, onto * first - onto[:, None] * inner, 0.0) / divisor
        # The square of the rest is written out for the factors as they were rounded.
        rest = square - 2.0 * (a * onto[:, None] + b * onto)
        rest += a * a * first + 2.0 * a * b * inner + b * b * second
        rounding = 4.0 * n * np.finfo(np.float64).eps
        rest = np.maximum(rest, 0.0) + rounding * (square + a * a * first + b * b * second)
        self._state.factors[0], self._state.factors[1] = a, b
        self._state.rests[:] = np.sqrt(rest / n) * self._unit
        self._state.rests[NONE] = np.inf
