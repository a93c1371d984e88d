"""The inverse of a KKT matrix whose coefficients and constraints come and go.

Minimising a separable quadratic with second derivatives d, under the constraint that the
rows A fit exactly, is a linear system in

    K = [[diag(d), A'],  [A, 0]],      inverse(K) = [[N, Y],  [Y', -M]].

Its inverse is kept explicitly. Rows and columns are added and removed one or two at a time
by bordering: removing an entry e is bordering K with the unit vector of e, so that all
exchanges are one formula. Where d is zero throughout, as for linear programs, A is square,
Y is its inverse and N = M = 0 are left alone.
"""

import numpy as np

from sparsestat._jit import REASSOCIATE, kernel

__all__ = ["KKTInverse"]

SINGULAR = 1e-13


@kernel(fastmath=REASSOCIATE)
def add_outer(A, left, right):
    """Add left @ right' to the leading block of A."""
    for a in range(left.shape[0]):
        for t in range(left.shape[1]):
            factor = left[a, t]
            if factor != 0.0:
                for b in range(right.shape[1]):
                    A[a, b] += factor * right[t, b]


class KKTInverse:
    """The inverse for the free coordinates and the tied samples.

    Attributes
    ----------
    free : ndarray of int, shape (f,)
        Coordinates that may move.
    tied : ndarray of int, shape (k,)
        Samples that are fitted exactly.
    rows : ndarray of shape (k, m)
        Rows of the tied samples, over all m coordinates.
    age : int
        Exchanges since the inverse was made.
    """

    def __init__(self, n_coordinates: int) -> None:
        self.clear(n_coordinates, flat=True)

    def clear(self, n_coordinates: int, *, flat: bool) -> None:
        """Start without free coordinates and tied samples."""
        self._free = np.empty(8, dtype=np.intp)
        self._tied = np.empty(8, dtype=np.intp)
        self._rows = np.empty((8, n_coordinates))
        self._N, self._Y, self._M = np.zeros((3, 8, 8))
        self.n_free = self.n_tied = 0
        self.flat = flat
        self.age = 0

    @property
    def free(self) -> np.ndarray:
        return self._free[: self.n_free]

    @property
    def tied(self) -> np.ndarray:
        return self._tied[: self.n_tied]

    @property
    def rows(self) -> np.ndarray:
        return self._rows[: self.n_tied]

    @property
    def Y(self) -> np.ndarray:
        return self._Y[: self.n_free, : self.n_tied]

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Y and the tied rows in memory, for kernels: their leading blocks count."""
        return self._Y, self._rows

    @property
    def N(self) -> np.ndarray:
        return self._N[: self.n_free, : self.n_free]

    @property
    def M(self) -> np.ndarray:
        return self._M[: self.n_tied, : self.n_tied]

    def widen(self, columns: np.ndarray) -> None:
        """Take in coordinates, none of them free: their part of the tied rows."""
        rows = np.empty((self._rows.shape[0], self._rows.shape[1] + columns.shape[1]))
        rows[: self.n_tied, : self._rows.shape[1]] = self.rows
        rows[: self.n_tied, self._rows.shape[1] :] = columns
        self._rows = rows

    def keep(self, coordinates: np.ndarray) -> None:
        """Drop all coordinates but these, which hold all free ones, and renumber them."""
        places = np.full(self._rows.shape[1], -1)
        places[coordinates] = np.arange(coordinates.size)
        self._free[: self.n_free] = places[self.free]
        self._rows = np.ascontiguousarray(self._rows[:, coordinates])

    def make(
        self,
        free: np.ndarray,
        tied: np.ndarray,
        rows: np.ndarray,
        d: np.ndarray,
        *,
        flat: bool,
    ) -> bool:
        """Work out the inverse for free coordinates with second derivatives `d`.

        `rows` are those of the tied samples, over all coordinates; `flat` says that no
        coordinate, free or not, has a second derivative. Returns whether the matrix is
        regular; if not, nothing is changed.
        """
        f, k = free.size, tied.size
        A = rows[:, free]
        if flat and f != k:
            return False
        K = A if flat else np.block([[np.diag(d), A.T], [A, np.zeros((k, k))]])
        try:
            inverse = np.linalg.inv(K) if K.size else K
        except np.linalg.LinAlgError:
            return False
        # A solution has to come out of it with some digits.
        if K.size and not np.abs(inverse).max() * np.abs(K).max() < 1e12:
            return False
        size = 2 * max(f, k, 4)
        self._N, self._Y, self._M = np.zeros((3, size, size))
        self._free, self._tied = np.empty((2, size), dtype=np.intp)
        self._free[:f], self._tied[:k] = free, tied
        self._rows = np.empty((size, rows.shape[1]))
        self._rows[:k] = rows
        self.n_free, self.n_tied, self.flat, self.age = f, k, flat, 0
        if flat:
            self._Y[:f, :k] = inverse
        else:
            self._N[:f, :f] = inverse[:f, :f]
            self._Y[:f, :k] = inverse[:f, f:]
            self._M[:k, :k] = -inverse[f:, f:]
        return True

    def remake(self, d: np.ndarray) -> bool:
        """Work out the inverse anew, for second derivatives `d` of all coordinates."""
        free, tied, rows = self.free.copy(), self.tied.copy(), self.rows.copy()
        return self.make(free, tied, rows, d[free], flat=not d.any())

    def exchange(self, *changes: tuple) -> bool:
        """Make one or two changes; return whether they leave a regular matrix.

        Each is one of ``("untie", position)``, ``("fix", position)`` for the removal of a
        tied sample or free coordinate, ``("tie", sample, row)``, ``("free", coordinate,
        d)``. If the matrix would be singular nothing is changed.
        """
        f, k, t = self.n_free, self.n_tied, len(changes)
        B_free, B_tied = np.zeros((t, f)), np.zeros((t, k))
        W_free, W_tied = np.zeros((t, f)), np.zeros((t, k))
        corner = np.zeros((t, t))
        for a, (kind, what, *more) in enumerate(changes):
            if kind == "untie":
                B_tied[a, what] = 1.0
                W_free[a], W_tied[a] = self.Y[:, what], -self.M[:, what]
            elif kind == "fix":
                B_free[a, what] = 1.0
                W_free[a], W_tied[a] = self.N[:, what], self.Y[what]
            elif kind == "tie":
                B_free[a] = more[0][self.free]
                W_free[a], W_tied[a] = self.N @ B_free[a], B_free[a] @ self.Y
            else:
                B_tied[a] = self.rows[:, what]
                W_free[a], W_tied[a] = self.Y @ B_tied[a], -(self.M @ B_tied[a])
                corner[a, a] = more[0]
        if t == 2 and {changes[0][0], changes[1][0]} == {"tie", "free"}:
            tie, freed = changes if changes[0][0] == "tie" else changes[::-1]
            corner[0, 1] = corner[1, 0] = tie[2][freed[1]]
        G = _inverse(corner - B_free @ W_free.T - B_tied @ W_tied.T)
        if G is None:
            return False
        V_free, V_tied = G @ W_free, G @ W_tied
        self._reserve()
        left = np.ascontiguousarray(V_free.T)
        add_outer(self._Y, left, W_tied)
        if not self.flat:
            add_outer(self._N, left, W_free)
            add_outer(self._M, np.ascontiguousarray(-V_tied.T), W_tied)
        self._append(changes, G, V_free, V_tied)
        for kind, what, *_ in changes:
            if kind == "untie":
                self._untie(what)
            elif kind == "fix":
                self._fix(what)
        self.age += 1
        return True

    def _append(self, changes, G, V_free, V_tied) -> None:
        """Put down the rows and columns that were added."""
        f, k = self.n_free, self.n_tied
        for a, (kind, what, *more) in enumerate(changes):
            if kind == "tie":
                self._tied[k], self._rows[k] = what, more[0]
                self._Y[:f, k] = -V_free[a]
                self._M[:k, k] = self._M[k, :k] = V_tied[a]
                self._M[k, k] = -G[a, a]
                self.n_tied += 1
            elif kind == "free":
                self._free[f] = what
                self._Y[f, :k] = -V_tied[a]
                self._N[:f, f] = self._N[f, :f] = -V_free[a]
                self._N[f, f] = G[a, a]
                self.n_free += 1
        if self.n_free > f and self.n_tied > k:
            self._Y[f, k] = G[0, 1]

    def _untie(self, position: int) -> None:
        """Put the last tied sample in the place of another."""
        last = self.n_tied - 1
        self._tied[position], self._rows[position] = self._tied[last], self._rows[last]
        self._Y[: self.n_free, position] = self._Y[: self.n_free, last]
        self._M[position] = self._M[last]
        self._M[:, position] = self._M[:, last]
        self.n_tied = last

    def _fix(self, position: int) -> None:
        """Put the last free coordinate in the place of another."""
        last = self.n_free - 1
        self._free[position] = self._free[last]
        self._Y[position] = self._Y[last]
        self._N[position] = self._N[last]
        self._N[:, position] = self._N[:, last]
        self.n_free = last

    def _reserve(self) -> None:
        """Make room for one more coordinate and sample."""
        size = self._free.size
        if max(self.n_free, self.n_tied) < size:
            return
        for name in ("_N", "_Y", "_M"):
            grown = np.zeros((2 * size, 2 * size))
            grown[:size, :size] = getattr(self, name)
            setattr(self, name, grown)
        self._free, self._tied = (
            np.resize(self._free, 2 * size),
            np.resize(self._tied, 2 * size),
        )
        rows = np.empty((2 * size, self._rows.shape[1]))
        rows[: self.n_tied] = self.rows
        self._rows = rows


def _inverse(S: np.ndarray) -> np.ndarray | None:
    """Invert a symmetric matrix of one or two rows; None if it is singular."""
    if S.shape[0] == 1:
        return 1.0 / S if abs(S[0, 0]) > SINGULAR else None
    a, b, d = S[0, 0], S[0, 1], S[1, 1]
    determinant = a * d - b * b
    if not abs(determinant) > SINGULAR * max(abs(a), abs(b), abs(d)):
        return None
    return np.array([[d, -b], [-b, a]]) / determinant
