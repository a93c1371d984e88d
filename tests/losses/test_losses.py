"""Losses: derivatives against differences, arrays of any library."""

import array_api_strict
import numpy as np
import pytest

from sparsestat import SquaredLoss
from sparsestat._backend import namespace_of


def test_derivatives_are_those_of_the_value():
    loss, y, eta, h = SquaredLoss(), np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1, 4.0]), 1e-5
    slope = (loss.value(y, eta + h) - loss.value(y, eta - h)) / (2 * h)
    bend = (loss.gradient(y, eta + h) - loss.gradient(y, eta - h)) / (2 * h)
    np.testing.assert_allclose(loss.gradient(y, eta), slope, atol=1e-9)
    np.testing.assert_allclose(loss.curvature(y, eta), bend, atol=1e-9)


def test_arrays_of_another_library_stay_in_it():
    y, eta = (array_api_strict.asarray(values) for values in ([1.0, 2.0], [0.0, 4.0]))
    loss = SquaredLoss()
    for result in (loss.value(y, eta), loss.gradient(y, eta), loss.curvature(y, eta)):
        assert namespace_of(result).__name__.startswith("array_api_strict")


def test_mixed_libraries_are_refused():
    with pytest.raises(TypeError, match=r"array_api_strict.*numpy"):
        namespace_of(np.ones(2), array_api_strict.ones(2))
    with pytest.raises(TypeError, match="list is not an array"):
        namespace_of([1.0])
    assert namespace_of(np.ones(2), 1.0, None) is np
