"""Least squares over single features: exchanges from model to model without fits.

With H the Gram matrix plus the l2 term, S the features in a model and c = X'y / n, the
tableau holds the inverse of H_SS, T = H_SS^-1 H_S, the coefficients w, the negative
gradient q = c - H_S'w and the Schur complements s_j = H_jj - H_jS T_j. From these all
exchanges of one feature for one are compared exactly. Entering and leaving change all of
them by matrices of rank one (the sweep operator), in time k p.
"""

from typing import NamedTuple

import numpy as np

from sparsestat._jit import REASSOCIATE, kernel, register_jitable

__all__ = ["COLLINEAR", "Prices", "Tableau", "follow_exchanges", "inverse_of", "tableau"]

# A feature is as good as collinear with the model where this little of its curvature is left.
COLLINEAR = 1e-9
TINY = np.finfo(np.float64).tiny


class Tableau(NamedTuple):
    """The tableau of a model of k features, the first k rows of what has rows.

    Attributes
    ----------
    T : ndarray of shape (m, p)
    inverse : ndarray of shape (m, m)
    w : ndarray of shape (m,)
    rows : ndarray of int, shape (m,)
        The features of S.
    q, schur : ndarray of shape (p,)
    member : ndarray of bool, shape (p,)
        Whether a feature is in S.
    """

    T: np.ndarray
    inverse: np.ndarray
    w: np.ndarray
    rows: np.ndarray
    q: np.ndarray
    schur: np.ndarray
    member: np.ndarray


class Prices(NamedTuple):
    """What features cost, and where they may be.

    Attributes
    ----------
    charges : ndarray of shape (p,)
        By a feature in the model; infinite for those that may not enter, -infinite for
        those that may not leave.
    floor : ndarray of shape (p,)
        The least Schur complement that counts.
    pools : ndarray of int, shape (p,)
    counts : ndarray of int, shape (n_pools,)
        How many features of each pool are in.
    room : float
        How many may be.
    fill : bool
        Whether features have to enter as long as there is room.
    """

    charges: np.ndarray
    floor: np.ndarray
    pools: np.ndarray
    counts: np.ndarray
    room: float
    fill: bool


def tableau(rows: np.ndarray, c: np.ndarray, curvatures: np.ndarray, features, room: int):
    """Work out the tableau of a model, with room for so many features.

    Parameters
    ----------
    rows : ndarray of shape (k, p)
        Of H, those of `features`.
    c, curvatures : ndarray of shape (p,)
        `curvatures` is the diagonal of H.
    """
    k, p = rows.shape
    T, inverse = np.empty((room, p)), np.empty((room, room))
    w, order = np.empty(room), np.empty(room, dtype=np.intp)
    inverse[:k, :k] = inverse_of(rows[:, features])
    np.dot(inverse[:k, :k], rows, out=T[:k])
    w[:k] = inverse[:k, :k] @ c[features]
    order[:k] = features
    schur = curvatures - np.einsum("kp,kp->p", rows, T[:k])
    member = np.zeros(p, dtype=bool)
    member[features] = True
    return Tableau(T, inverse, w, order, c - w[:k] @ rows, schur, member)


@register_jitable
def enter(table, k, j, h, floor):
    """Take feature j, with the row h of H, in as row k."""
    T, inverse, w = table.T, table.inverse, table.w
    r, column = np.empty(h.size), np.empty(k)
    for m in range(r.size):
        r[m] = h[m]
    for i in range(k):
        column[i] = T[i, j]
        weight = h[table.rows[i]]
        for m in range(r.size):
            r[m] -= weight * T[i, m]
    pivot = max(r[j], floor)
    step = table.q[j] / pivot
    for m in range(r.size):
        share = r[m] / pivot
        T[k, m] = share
        table.q[m] -= step * r[m]
        table.schur[m] -= share * r[m]
    for i in range(k):
        for m in range(r.size):
            T[i, m] -= column[i] * T[k, m]
        for m in range(k):
            inverse[i, m] += column[i] * column[m] / pivot
        inverse[i, k] = inverse[k, i] = -column[i] / pivot
        w[i] -= step * column[i]
    inverse[k, k], w[k], table.rows[k] = 1.0 / pivot, step, j
    table.member[j] = True


@register_jitable
def leave(table, k, row):
    """Let the feature of a row go, of k; the last row takes its place."""
    T, inverse, w = table.T, table.inverse, table.w
    line, own = np.empty(T.shape[1]), np.empty(k)
    for m in range(line.size):
        line[m] = T[row, m]
    for i in range(k):
        own[i] = inverse[row, i]
    V = 1.0 / max(own[row], TINY)
    step = V * w[row]
    for m in range(line.size):
        table.q[m] += step * line[m]
        table.schur[m] += V * line[m] * line[m]
    for i in range(k):
        share = V * own[i]
        w[i] -= step * own[i]
        if i != row:
            for m in range(line.size):
                T[i, m] -= share * line[m]
            for m in range(k):
                inverse[i, m] -= share * own[m]
    table.member[table.rows[row]] = False
    last = k - 1
    if row < last:
        w[row], table.rows[row] = w[last], table.rows[last]
        for m in range(line.size):
            T[row, m] = T[last, m]
        for i in range(last):
            inverse[row, i] = inverse[i, row] = inverse[last, i]
        inverse[row, row] = inverse[last, last]


@register_jitable
def best_replacement(table, k, prices, least):
    """Return the best exchange of one for one that gains more than `least`.

    That is what it gains, the row that leaves and the feature that enters, or -1 both.
    """
    q, schur, floor, charges = table.q, table.schur, prices.floor, prices.charges
    cost = np.empty(q.size)
    for j in range(q.size):
        cost[j] = np.inf if table.member[j] else charges[j]
    best, leaving, entering = least, -1, -1
    for i in range(k):
        old = table.rows[i]
        V = 1.0 / max(table.inverse[i, i], TINY)
        pull = V * table.w[i]
        spare = charges[old] - 0.5 * pull * table.w[i]
        hits = 0
        for j in range(q.size):
            after = q[j] + table.T[i, j] * pull
            left = max(schur[j] + table.T[i, j] * table.T[i, j] * V, floor[j])
            hits += after * after > 2.0 * (best - spare + cost[j]) * left
        if hits == 0:
            continue
        for j in range(q.size):
            pool = prices.pools[j]
            if pool != prices.pools[old] and prices.counts[pool] >= prices.room:
                continue
            after = q[j] + table.T[i, j] * pull
            left = max(schur[j] + table.T[i, j] * table.T[i, j] * V, floor[j])
            gain = 0.5 * after * after / left - cost[j] + spare
            if gain > best:
                best, leaving, entering = gain, i, j
    return best, leaving, entering


@register_jitable
def best_entry(table, prices, least):
    """Return the best gain above `least` of a feature that enters, and it, or -1."""
    best, entering = least, -1
    for j in range(table.q.size):
        if table.member[j] or prices.counts[prices.pools[j]] >= prices.room:
            continue
        left = max(table.schur[j], prices.floor[j])
        gain = 0.5 * table.q[j] * table.q[j] / left - prices.charges[j]
        if gain > best:
            best, entering = gain, j
    return best, entering


@register_jitable
def best_exit(table, k, prices, least, crowded):
    """Return the best gain above `least` where a row leaves, and it, or -1.

    If `crowded`, from pools that have more than they have room for.
    """
    best, leaving = least, -1
    for i in range(k):
        old = table.rows[i]
        if crowded and prices.counts[prices.pools[old]] <= prices.room:
            continue
        loss = 0.5 * table.w[i] * table.w[i] / max(table.inverse[i, i], TINY)
        gain = prices.charges[old] - loss
        if gain > best:
            best, leaving = gain, i
    return best, leaving


@kernel(fastmath=REASSOCIATE)
def follow_exchanges(table, k, prices, gram, places, least, max_moves):
    """Exchange features, the best first, in place, until none gains more than `least`.

    Before, features leave pools without room and, if `fill`, enter those with room.

    Parameters
    ----------
    table : Tableau
    k : int
        The size of the model.
    prices : Prices
    gram : ndarray of shape (m, p)
        Known rows of H.
    places : ndarray of int, shape (p,)
        Where the row of each feature is, -1 if it is not known.
    least : float
    max_moves : int

    Returns
    -------
    k, n_moves : int
    wanted : int
        A feature whose row is needed to go on; -1 if none is.
    """
    for n_moves in range(max_moves):
        entering = -1
        _, row = best_exit(table, k, prices, -np.inf, True)
        if row < 0 and prices.fill:
            _, entering = best_entry(table, prices, -np.inf)
        if row < 0 and entering < 0:
            best, row, entering = best_replacement(table, k, prices, least)
            gain, alone = best_exit(table, k, prices, best, False)
            if alone >= 0:
                best, row, entering = gain, alone, -1
            gain, alone = best_entry(table, prices, best)
            if alone >= 0:
                row, entering = -1, alone
        if row < 0 and entering < 0:
            return k, n_moves, -1
        if entering >= 0 and (places[entering] < 0 or k == table.T.shape[0]):
            return k, n_moves, entering
        if row >= 0:
            prices.counts[prices.pools[table.rows[row]]] -= 1
            leave(table, k, row)
            k -= 1
        if entering >= 0:
            prices.counts[prices.pools[entering]] += 1
            enter(table, k, entering, gram[places[entering]], prices.floor[entering])
            k += 1
    return k, max_moves, -1


def inverse_of(H: np.ndarray) -> np.ndarray:
    """Return the inverse of a positive semidefinite matrix, pseudo where it has none."""
    try:
        return np.linalg.inv(H)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(H, hermitian=True)
