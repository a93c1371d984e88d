"""Blocks give rows of samples, and sums of a few of their columns."""

import numpy as np
import pytest
from scipy import sparse

from sparsestat.linalg import CentredSparseDesign, DenseDesign


@pytest.fixture(params=["dense", "float32", "sparse"])
def pair(request, rng):
    """A block of three columns, and these columns written out."""
    X = rng.standard_normal((20, 6)) * (rng.random((20, 6)) < 0.5)
    features = np.array([4, 0, 3])
    if request.param == "sparse":
        means = X.mean(axis=0)
        design = CentredSparseDesign(sparse.csc_array(X), np.ones(20), means)
        X = X - means
    else:
        X = X.astype(np.float32 if request.param == "float32" else np.float64)
        design = DenseDesign(np.asfortranarray(X))
    block = design.block()
    block.append(features[:2])
    block.samples(np.array([0]))
    block.append(features[2:])
    return block, X[:, features]


def test_rows_of_samples(pair):
    block, columns = pair
    samples = np.array([7, 0, 19, 7])
    np.testing.assert_allclose(block.samples(samples), columns[samples], atol=1e-15)
    np.testing.assert_allclose(block.samples(samples, first=1), columns[samples, 1:])
    assert block.samples(samples[:0]).shape == (0, 3)


def test_combinations_of_columns_and_of_a_constant(pair):
    block, columns = pair
    got = block.combine(np.array([2, -1, 0]), np.array([0.5, 3.0, -2.0]))
    expected = 0.5 * columns[:, 2] + 3.0 - 2.0 * columns[:, 0]
    np.testing.assert_allclose(got, expected, atol=1e-14)
