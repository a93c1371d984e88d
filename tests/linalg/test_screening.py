"""Lazy gradients are safe: what they settle is below its limit, whatever the residuals do."""

import numpy as np
import pytest
from scipy import sparse

from sparsestat.linalg import CentredSparseDesign, DenseDesign, LazyGradient
from sparsestat.linalg.screening import RING, full_gradient


def designs(rng, n=40, p=200):
    S = sparse.random_array((n, p), density=0.3, rng=rng, format="csc")
    means = S.sum(axis=0) / n
    yield DenseDesign(np.asfortranarray(rng.standard_normal((n, p))))
    yield DenseDesign(np.asfortranarray(rng.standard_normal((n, p)).astype(np.float32)))
    yield CentredSparseDesign(S, np.ones(n), np.zeros(p))
    yield CentredSparseDesign(S, np.ones(n), means)


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("pace", [0.02, 0.5])
def test_nothing_beyond_its_limit_is_missed(kind, bounded, pace, rng):
    design = list(designs(rng))[kind]
    n, p = design.shape
    r = rng.standard_normal(n)
    r -= r.mean()
    rises, falls = (rng.random((2, p)) < 0.6) | (not bounded)
    lazy = LazyGradient(design, r, full_gradient(design, r), rises, falls)
    drift = rng.standard_normal(n)
    drift -= drift.mean()
    limits = np.full(p, 0.3)
    unread = 0
    for _ in range(4 * RING):  # many times round the ring
        # Columns go to work and come back to rest at any time.
        away = rng.random(p) < 0.1
        back = np.flatnonzero(~lazy.resting)
        exact = full_gradient(design, r)
        lazy.rest(back, exact[back])
        lazy.resting[away] = False
        r = r + pace * drift + 0.1 * pace * rng.standard_normal(n)
        r -= r.mean()
        limits = limits * rng.uniform(0.97, 1.03)
        before = lazy.columns_read
        lazy.refresh(r, limits)
        unread += lazy.resting.sum() - (lazy.columns_read - before)
        exact = full_gradient(design, r)
        pull = np.where(np.where(exact > 0.0, rises, falls), np.abs(exact), 0.0)
        beyond = lazy.resting & (pull > limits)
        np.testing.assert_allclose(lazy.pull[beyond], pull[beyond], rtol=1e-12)
        assert (lazy.pull[lazy.resting & ~beyond] <= limits[lazy.resting & ~beyond]).all()
    if pace < 0.1:
        assert unread > 0.3 * p * 4 * RING  # laziness has been put to the test


def test_gradients_of_a_straight_path_are_read_twice(rng):
    """Residuals on a line are combinations of two: after two reads nothing is left to bound."""
    design = next(designs(rng))
    start, direction = rng.standard_normal((2, design.shape[0]))
    lazy = LazyGradient(design, start, full_gradient(design, start), *np.ones((2, 200), bool))
    lazy.refresh(start + 0.1 * direction, np.zeros(200))
    limits = np.abs(full_gradient(design, start + direction)) + 1e-4
    before = lazy.columns_read
    lazy.refresh(start + direction, limits)
    assert lazy.columns_read == before


def test_full_gradient_is_the_product(rng):
    for design in designs(rng):
        r = rng.standard_normal(design.shape[0])
        r -= r.mean()
        eye = np.eye(design.shape[1])
        X = np.column_stack([design.predict(column) for column in eye])
        np.testing.assert_allclose(full_gradient(design, r), X.T @ r / len(r), atol=1e-7)
