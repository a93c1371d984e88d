"""Exchanges of coordinates and samples leave the inverse that a factorisation gives."""

import numpy as np
import pytest

from sparsestat.solvers.kkt_inverse import KKTInverse

N, M = 40, 18


def matrix(inverse, X, d):
    A = X[inverse.tied][:, inverse.free]
    corner = np.zeros((inverse.n_tied, inverse.n_tied))
    return np.block([[np.diag(d[inverse.free]), A.T], [A, corner]])


def whole(inverse):
    return np.block([[inverse.null, inverse.right], [inverse.right.T, -inverse.dual]])


def possible(inverse, X, d, rng):
    """Return a random exchange, one that keeps a flat matrix square if it is flat."""
    resting = np.setdiff1d(np.arange(M), inverse.free)
    loose = np.setdiff1d(np.arange(N), inverse.tied)
    i = rng.choice(loose)
    tie = ("tie", i, X[i])
    untie = ("untie", rng.integers(inverse.n_tied))
    fix = ("fix", rng.integers(inverse.n_free))
    free = None
    if resting.size:
        j = rng.choice(resting)
        free = ("free", j, d[j])
    pairs = [(untie, tie), (untie, fix), (free, tie), (free, fix)]
    if not inverse.flat:
        pairs += [(untie,), (tie,), (fix,), (free,)]
    return pairs[rng.integers(len(pairs))]


@pytest.mark.parametrize("flat", [True, False])
def test_exchanges_give_the_inverse_of_the_changed_matrix(flat, rng):
    X = rng.standard_normal((N, M))
    d = np.zeros(M) if flat else np.where(rng.random(M) < 0.7, rng.uniform(0.1, 1.0, M), 0.0)
    inverse, kinds = KKTInverse(M), set()
    assert inverse.make(np.arange(6), np.arange(5, 11), X[5:11].T, d[:6], flat=flat)
    for _ in range(300):
        changes = possible(inverse, X, d, rng)
        if None in changes or min(inverse.n_free, inverse.n_tied) < 3:
            assert inverse.make(np.arange(6), np.arange(6), X[:6].T, d[:6], flat=flat)
            continue
        before = whole(inverse), inverse.free.copy(), inverse.tied.copy()
        if not inverse.exchange(*changes):
            np.testing.assert_array_equal(whole(inverse), before[0])
            continue
        kinds.add(tuple(change[0] for change in changes))
        K = matrix(inverse, X, d)
        if np.linalg.cond(K) > 1e5:  # do not go on from here
            assert inverse.make(before[1], before[2], X[before[2]].T, d[before[1]], flat=flat)
            continue
        np.testing.assert_allclose(whole(inverse) @ K, np.eye(len(K)), atol=1e-7)
        np.testing.assert_array_equal(inverse.columns, X[inverse.tied].T)
    assert len(kinds) == (4 if flat else 8)
    assert inverse.remake(d)
    K = matrix(inverse, X, d)
    np.testing.assert_allclose(whole(inverse) @ K, np.eye(len(K)), atol=1e-9)
    assert inverse.age == 0


def test_exchanges_that_would_leave_a_singular_matrix_are_refused(rng):
    X = rng.standard_normal((5, 4))
    X[3], X[:, 3] = X[0], X[:, 0]
    inverse = KKTInverse(4)
    assert inverse.make(np.arange(2), np.arange(2), X[:2].T, np.zeros(2), flat=True)
    for changes in ((("free", 2, 0.0), ("tie", 3, X[3])), (("free", 3, 0.0), ("tie", 2, X[2]))):
        assert not inverse.exchange(*changes)
    assert not inverse.make(np.array([0, 3]), np.arange(2), X[:2].T, np.zeros(2), flat=True)
    assert not inverse.make(np.arange(3), np.arange(2), X[:2].T, np.zeros(3), flat=True)
    np.testing.assert_allclose(inverse.right @ X[:2, :2], np.eye(2), atol=1e-12)


def test_coordinates_come_and_go(rng):
    X = rng.standard_normal((N, M))
    inverse = KKTInverse(4)
    free, tied = np.array([3, 1]), np.array([7, 2])
    assert inverse.make(free, tied, X[tied, :4].T, np.zeros(2), flat=True)
    inverse.widen(X[tied, 4:].T)
    np.testing.assert_array_equal(inverse.columns, X[tied].T)
    kept = np.array([1, 3, 5, 17])
    inverse.keep(kept)
    np.testing.assert_array_equal(inverse.columns, X[tied][:, kept].T)
    np.testing.assert_array_equal(inverse.free, [1, 0])
    np.testing.assert_allclose(inverse.right @ X[tied][:, free], np.eye(2), atol=1e-12)
