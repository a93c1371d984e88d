"""Designs and their blocks against plain matrices."""

import numpy as np
import pytest
from scipy import sparse

from sparsestat.linalg import CentredSparseDesign, DenseDesign


@pytest.fixture(params=["dense", "float32", "sparse", "centred"])
def pair(request, rng):
    """A design and the matrix it stands for."""
    n, p = 30, 12
    if request.param in ("dense", "float32"):
        dtype = np.float32 if request.param == "float32" else np.float64
        X = np.asfortranarray(rng.standard_normal((n, p)).astype(dtype))
        return DenseDesign(X), X.astype(np.float64)
    S = sparse.random_array((n, p), density=0.4, rng=rng, format="csc")
    u = rng.uniform(0.5, 1.5, n)
    u *= np.sqrt(n / (u @ u))
    means = S.T @ u / n if request.param == "centred" else np.zeros(p)
    return CentredSparseDesign(S, u, means), S.toarray() - np.outer(u, means)


def centred_residual(design, rng):
    r = rng.standard_normal(design.shape[0])
    u = getattr(design, "u", np.zeros_like(r))
    return r - u * (u @ r) / len(r)


def test_products(pair, rng):
    design, X = pair
    n, p = X.shape
    r, b = centred_residual(design, rng), np.where(rng.random(p) < 0.5, 0.0, 1.5)
    np.testing.assert_allclose(design.gradient(r), X.T @ r / n, atol=1e-12)
    np.testing.assert_allclose(design.gram(), X.T @ X / n, atol=1e-12)
    np.testing.assert_allclose(design.predict(b), X @ b, atol=1e-12)
    np.testing.assert_allclose(design.norms, np.sqrt((X**2).mean(axis=0)), atol=1e-7)


def test_blocks_grow_and_shrink(pair, rng):
    design, X = pair
    n = X.shape[0]
    r = centred_residual(design, rng)
    block = design.block()
    held = np.empty(0, dtype=int)
    for new in (np.array([3, 7]), np.array([0]), np.array([11, 5, 1])):
        held = np.concatenate([held, new])
        block.append(new)
        first = held.size - new.size
        np.testing.assert_allclose(block.gram(first), X[:, new].T @ X[:, held] / n, atol=1e-12)
    keep = np.array([1, 2, 5])
    block.keep(keep)
    held = held[keep]
    w = rng.standard_normal(held.size)
    np.testing.assert_allclose(block.predict(w), X[:, held] @ w, atol=1e-12)
    np.testing.assert_allclose(block.gradient(r), X[:, held].T @ r / n, atol=1e-12)
    np.testing.assert_allclose(block.gradient(r, first=1), X[:, held[1:]].T @ r / n, atol=1e-12)
    both = np.stack([r, 2.0 * r])
    np.testing.assert_allclose(block.gradient(both), both @ X[:, held] / n, atol=1e-12)
    np.testing.assert_allclose(design.gradient(both), both @ X / n, atol=1e-12)
    several = rng.standard_normal((3, held.size))
    np.testing.assert_allclose(block.predict(several), several @ X[:, held].T, atol=1e-12)
    whole = np.zeros((3, X.shape[1]))
    whole[:, held] = several
    np.testing.assert_allclose(design.predict(whole), several @ X[:, held].T, atol=1e-12)
    np.testing.assert_allclose(block.dense(np.array([2, 0])), X[:, held[[2, 0]]].T, atol=1e-15)


def test_weighted_products(pair, rng):
    design, X = pair
    if not np.all(getattr(design, "u", 1.0) == 1.0):
        design = CentredSparseDesign(design.matrix, np.ones(X.shape[0]), design.means)
        X = design.matrix.toarray() - design.means
    n = X.shape[0]
    d = rng.uniform(0.0, 2.0, n)
    d /= d.mean()
    block = design.block()
    features = np.array([3, 7, 0, 11])
    block.append(features)
    for old, new in (([], [0, 2, 3]), ([3, 1], [0, 2])):
        one, both = X[:, features[new]], X[:, features[old + new]]
        new, old = np.array(new), np.array(old, dtype=int)
        cross, sums = block.weighted_gram(d, new, old), block.weighted_sums(d, new)
        np.testing.assert_allclose(cross, one.T @ (d[:, None] * both) / n, atol=1e-7)
        np.testing.assert_allclose(sums, one.T @ d / n, atol=1e-7)
    np.testing.assert_allclose(design.mean_squares(d), d @ X**2 / n, atol=1e-6)
    np.testing.assert_allclose(design.mean_squares(None), design.norms**2)
    np.testing.assert_allclose(design.ranges(), np.ptp(X, axis=0), atol=1e-15)


def test_designs_never_write_to_the_data(rng):
    X = np.asfortranarray(rng.standard_normal((10, 3)))
    design = DenseDesign(X)
    assert np.shares_memory(design.columns, X)
    assert not design.columns.flags.writeable
    assert X.flags.writeable
