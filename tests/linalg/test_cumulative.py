"""Cumulative sums of exponentials and running means, against sums written out."""

import numpy as np
import pytest

from sparsestat.linalg import log_cumulative_sums

BOUNDS = np.array([0, 5, 5, 6, 20])  # the second segment is empty


def by_hand(x):
    """Return logarithms of sums, in long floats, segment by segment."""
    wide = np.exp(x.astype(np.longdouble))
    parts = [np.log(np.cumsum(part)) for part in np.split(wide, BOUNDS[1:-1])]
    return np.concatenate(parts).astype(float)


@pytest.mark.parametrize("size", [0.0, 1.0, 300.0, 2000.0])
def test_sums_keep_their_digits_however_far_apart(size, rng):
    x = size * rng.standard_normal(20)
    for values in (x, np.sort(x), np.sort(x)[::-1]):
        logs = log_cumulative_sums(values, BOUNDS)
        np.testing.assert_allclose(logs, by_hand(values), rtol=1e-14, atol=1e-14)


def test_minus_infinity_adds_nothing():
    x = np.array([-np.inf, -np.inf, 0.0, -np.inf, 0.0])
    logs = log_cumulative_sums(x, np.array([0, 5]))
    np.testing.assert_array_equal(logs, [-np.inf, -np.inf, 0.0, 0.0, np.log(2.0)])
