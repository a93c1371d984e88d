"""The inverse of a KKT matrix whose coordinates and constraints come and go.

Minimising a separable quadratic with second derivatives d, under the constraint that the
rows A fit exactly, is a linear system in

    K = [[diag(d), A'],  [A, 0]],      inverse(K) = [[N, Y],  [Y', -M]].

Its inverse is kept explicitly: Y is a right inverse of A, N inverts diag(d) on the null
space of A. Where d is zero throughout, as for linear programs, the matrix is called flat:
then A is square, Y is its inverse, and N = M = 0 are left alone.
"""

from typing import Any

import numpy as np

from sparsestat._jit import REASSOCIATE, kernel, register_jitable

__all__ = ["KKTInverse"]

# Exchanges that leave less are refused, and inverses with larger entries: no digits left.
SINGULAR = 1e-13
LARGEST = 1e12
NO_ROW = np.empty(0)


@kernel(fastmath=REASSOCIATE)
def add_outer(A, left, right):
    """Add left' right to the leading block of A."""
    for t in range(left.shape[0]):
        for a in range(left.shape[1]):
            factor = left[t, a]
            if factor != 0.0:
                for b in range(right.shape[1]):
                    A[a, b] += factor * right[t, b]


@kernel(fastmath=REASSOCIATE)
def pivot(right, columns, free, tied, f, k, untie, release, tie, stop, row):
    """Exchange in a flat matrix, where a release comes with a stop; return whether it can.

    Released is the tied sample, if `untie`, or else the resting coordinate `release`; what
    stops is the sample, if `tie`, or else the free coordinate at the position `stop`. With
    the column x that the release moves along and the row z that stops it all four exchanges
    are Y - x z' / p, bordered by x / p and z / p where a column or a row is new.
    """
    x, z = right[:f, 0] * 0.0, right[0, :k] * 0.0
    for a in range(f):
        if untie:
            x[a] = right[a, release]
        else:
            for b in range(k):
                x[a] += right[a, b] * columns[release, b]
    if tie:
        for a in range(f):
            for b in range(k):
                z[b] += row[free[a]] * right[a, b]
    else:
        for b in range(k):
            z[b] = right[stop, b]
    if untie:
        p = z[release]
    elif tie:
        p = -row[release]
        for b in range(k):
            p += z[b] * columns[release, b]
    else:
        p = x[stop]
    if not abs(p) > SINGULAR:
        return False
    for a in range(f):
        factor = x[a] / p
        for b in range(k):
            right[a, b] -= factor * z[b]
    border(right, columns, free, tied, f, k, untie, release, tie, stop, row, x, z, p)
    return True


@register_jitable
def border(right, columns, free, tied, f, k, untie, release, tie, stop, row, x, z, p):
    """Put what is new where what goes out was, else to the end; fill the gaps that are left."""
    column, line = release if untie else k, f if tie else stop
    if tie:
        for a in range(f):
            right[a, column] = x[a] / p
        tied[column] = stop
        for j in range(row.size):
            columns[j, column] = row[j]
    elif untie:
        for a in range(f):
            right[a, column] = right[a, k - 1]
        tied[column] = tied[k - 1]
        for j in range(columns.shape[0]):
            columns[j, column] = columns[j, k - 1]
    if not untie:
        for b in range(k):
            right[line, b] = z[b] / p
        if tie:
            right[line, k] = -1.0 / p
        free[line] = release
    elif not tie:
        for b in range(k - 1):
            right[stop, b] = right[f - 1, b]
        free[stop] = free[f - 1]


class KKTInverse:
    """The inverse for f free coordinates and k tied samples, of m coordinates in all.

    Attributes
    ----------
    n_free, n_tied : int
    flat : bool
        Whether no coordinate, free or not, has a second derivative.
    age : int
        Exchanges since the inverse was made.
    """

    def __init__(self, n_coordinates: int) -> None:
        self.clear(n_coordinates, flat=True)

    def clear(self, n_coordinates: int, *, flat: bool) -> None:
        """Start without free coordinates and tied samples."""
        self.n_free = self.n_tied = self.age = 0
        self.flat = flat
        self._free, self._tied = np.empty((2, 8), dtype=np.intp)
        self._columns = np.empty((n_coordinates, 8))
        self._right, self._null, self._dual = np.zeros((3, 8, 8))

    @property
    def free(self) -> np.ndarray:
        """The coordinates that may move, shape (f,)."""
        return self._free[: self.n_free]

    @property
    def tied(self) -> np.ndarray:
        """The samples that are fitted exactly, shape (k,)."""
        return self._tied[: self.n_tied]

    @property
    def columns(self) -> np.ndarray:
        """The tied samples' rows over all coordinates, transposed: shape (m, k)."""
        return self._columns[:, : self.n_tied]

    @property
    def right(self) -> np.ndarray:
        """Y, of shape (f, k)."""
        return self._right[: self.n_free, : self.n_tied]

    @property
    def null(self) -> np.ndarray:
        """N, of shape (f, f)."""
        return self._null[: self.n_free, : self.n_free]

    @property
    def dual(self) -> np.ndarray:
        """M, of shape (k, k)."""
        return self._dual[: self.n_tied, : self.n_tied]

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Y and the columns as they lie in memory, for kernels: leading blocks count."""
        return self._right, self._columns

    def widen(self, columns: np.ndarray) -> None:
        """Take in coordinates, none of them free: their columns, shape (more, k)."""
        m = self._columns.shape[0]
        wider = np.empty((m + columns.shape[0], self._columns.shape[1]))
        wider[:m, : self.n_tied] = self.columns
        wider[m:, : self.n_tied] = columns
        self._columns = wider

    def keep(self, coordinates: np.ndarray) -> None:
        """Drop all coordinates but these, which hold all free ones, and renumber them."""
        places = np.full(self._columns.shape[0], -1)
        places[coordinates] = np.arange(coordinates.size)
        self._free[: self.n_free] = places[self.free]
        self._columns = self._columns[coordinates]

    def make(
        self, free: np.ndarray, tied: np.ndarray, columns: np.ndarray, d: np.ndarray, flat: bool
    ) -> bool:
        """Work out the inverse for free coordinates with second derivatives `d`.

        `columns` are those of the tied samples, over all coordinates. Returns whether the
        matrix is regular; if not, nothing is changed.
        """
        f, k = free.size, tied.size
        if flat and f != k:
            return False
        A = columns[free].T
        K = A if flat else np.block([[np.diag(d), A.T], [A, np.zeros((k, k))]])
        try:
            inverse = np.linalg.inv(K)
        except np.linalg.LinAlgError:
            return False
        if not np.abs(inverse).max(initial=0.0) * np.abs(K).max(initial=0.0) < LARGEST:
            return False
        self.clear(columns.shape[0], flat=flat)
        self._reserve(max(f, k))
        self.n_free, self.n_tied = f, k
        self._free[:f], self._tied[:k] = free, tied
        self.columns[:] = columns
        self.right[:] = inverse if flat else inverse[:f, f:]
        if not flat:
            self.null[:] = inverse[:f, :f]
            self.dual[:] = -inverse[f:, f:]
        return True

    def remake(self, d: np.ndarray) -> bool:
        """Work out the inverse anew, for second derivatives `d` of all coordinates."""
        parts = self.free.copy(), self.tied.copy(), self.columns.copy()
        return self.make(*parts, d[self.free], flat=not d.any())

    def exchange(self, *changes: tuple[Any, ...]) -> bool:
        """Make one or two changes; return whether they leave a regular matrix.

        Each is one of ``("untie", position)``, ``("fix", position)`` for the removal of a
        tied sample or free coordinate, ``("tie", sample, row)``, ``("free", coordinate,
        d)``. If the matrix would be singular nothing is changed.
        """
        self._reserve(1 + max(self.n_free, self.n_tied))
        self.age += 1
        return self._pivot(*changes) if self.flat else self._border(changes)

    def _pivot(self, out, into) -> bool:
        untie, tie = out[0] == "untie", into[0] == "tie"
        row = into[2] if tie else NO_ROW
        parts = (self._right, self._columns, self._free, self._tied)
        sizes = (self.n_free, self.n_tied)
        done = pivot(*parts, *sizes, untie, out[1], tie, into[1], row)
        if done:
            self.n_free += (not untie) - (not tie)
            self.n_tied += tie - untie
        return done

    def _border(self, changes) -> bool:
        """Exchange in any matrix, by bordering.

        To remove an entry is to border the matrix with its unit vector. With borders B,
        corner C and G = inverse(C - B' inverse(K) B), the inverse changes by W G W',
        W = inverse(K) B, and is bordered by -W G and G.
        """
        f, k, t = self.n_free, self.n_tied, len(changes)
        B_free, W_free = np.zeros((2, t, f))
        B_tied, W_tied = np.zeros((2, t, k))
        corner = np.zeros((t, t))
        for a, (kind, what, *more) in enumerate(changes):
            if kind == "untie":
                B_tied[a, what] = 1.0
                W_free[a], W_tied[a] = self.right[:, what], -self.dual[:, what]
            elif kind == "fix":
                B_free[a, what] = 1.0
                W_free[a], W_tied[a] = self.null[:, what], self.right[what]
            elif kind == "tie":
                B_free[a] = more[0][self.free]
                W_free[a], W_tied[a] = self.null @ B_free[a], B_free[a] @ self.right
            else:
                B_tied[a] = self.columns[what]
                W_free[a], W_tied[a] = self.right @ B_tied[a], -(self.dual @ B_tied[a])
                corner[a, a] = more[0]
        if t == 2 and changes[0][0] == "free" and changes[1][0] == "tie":
            corner[0, 1] = corner[1, 0] = changes[1][2][changes[0][1]]
        G = _inverse(corner - B_free @ W_free.T - B_tied @ W_tied.T)
        if G is None:
            return False
        V_free, V_tied = G @ W_free, G @ W_tied
        add_outer(self._right, V_free, W_tied)
        add_outer(self._null, V_free, W_free)
        add_outer(self._dual, -V_tied, W_tied)
        self._append(changes, G, V_free, V_tied)
        for kind, what, *_ in changes:
            if kind == "untie":
                self._untie(what)
            elif kind == "fix":
                self._fix(what)
        return True

    def _append(self, changes, G, V_free, V_tied) -> None:
        """Put down the rows and columns that were added."""
        f, k = self.n_free, self.n_tied
        for a, (kind, what, *more) in enumerate(changes):
            if kind == "tie":
                self._tied[k], self._columns[:, k] = what, more[0]
                self._right[:f, k] = -V_free[a]
                self._dual[:k, k] = self._dual[k, :k] = V_tied[a]
                self._dual[k, k] = -G[a, a]
                self.n_tied += 1
            elif kind == "free":
                self._free[f] = what
                self._right[f, :k] = -V_tied[a]
                self._null[:f, f] = self._null[f, :f] = -V_free[a]
                self._null[f, f] = G[a, a]
                self.n_free += 1
        if self.n_free > f and self.n_tied > k:
            self._right[f, k] = G[0, 1]

    def _untie(self, position) -> None:
        """Put the last tied sample in the place of another."""
        self.n_tied = last = self.n_tied - 1
        for part in (self._tied, self._columns.T, self._right.T, self._dual, self._dual.T):
            part[position] = part[last]

    def _fix(self, position) -> None:
        """Put the last free coordinate in the place of another."""
        self.n_free = last = self.n_free - 1
        for part in (self._free, self._right, self._null, self._null.T):
            part[position] = part[last]

    def _reserve(self, size) -> None:
        """Make room for so many coordinates and samples."""
        before = self._free.size
        if size <= before:
            return
        size = max(size, 2 * before)
        for name in ("_free", "_tied", "_right", "_null", "_dual", "_columns"):
            part = getattr(self, name)
            shape = tuple(size if side == before else side for side in part.shape)
            if name == "_columns":
                shape = (part.shape[0], size)
            grown = np.zeros(shape, dtype=part.dtype)
            grown[tuple(slice(side) for side in part.shape)] = part
            setattr(self, name, grown)


def _inverse(S: np.ndarray) -> np.ndarray | None:
    """Invert a symmetric matrix of one or two rows; None if it is singular."""
    if S.shape[0] == 1:
        return 1.0 / S if abs(S[0, 0]) > SINGULAR else None
    a, b, d = S[0, 0], S[0, 1], S[1, 1]
    determinant = a * d - b * b
    if not abs(determinant) > SINGULAR * max(abs(a), abs(b), abs(d)):
        return None
    return np.array([[d, -b], [-b, a]]) / determinant
