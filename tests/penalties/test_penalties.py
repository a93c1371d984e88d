"""Every penalty: its prox minimises, its derivatives differentiate, its object behaves."""

import copy
import functools
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.base import clone

from sparsestat import L1, MCP, SCAD, ElasticNet, Penalty
from sparsestat._jit import kernel
from sparsestat.penalties.scalar import (
    penalty_curvature,
    penalty_derivative,
    penalty_prox,
    penalty_value,
)

# From well inside the convex regime of every penalty to well inside the concave one.
STEPS = [0.1, 0.5, 1.0, 1.19, 1.2, 1.5, 2.0, 2.7, 3.0, 3.7, 5.0, 10.0]
ALPHAS = [0.3, 1.0]


GRID = np.linspace(-8.0, 8.0, 16_001)


@functools.cache
def values_on_grid(penalty, alpha):
    return penalty.value(GRID, alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("step", STEPS)
def test_prox_minimises_in_every_step_regime(penalty, step, alpha):
    values = values_on_grid(penalty, alpha)
    # Kinks and jumps of the prox lie at multiples of alpha: sample beside them as well.
    beside = alpha * np.array([1.0, step, 1 + step, math.sqrt(3 * step), 1.5, 3.0, 3.7])
    zs = np.concatenate([np.linspace(-7.0, 7.0, 57), beside - 1e-9, beside + 1e-9])
    x = penalty.prox(zs, step, alpha)
    reached = 0.5 * (x - zs) ** 2 + step * penalty.value(x, alpha)
    best = np.array([(0.5 * (GRID - z) ** 2 + step * values).min() for z in zs])
    assert (reached <= best + 1e-12).all()


@pytest.mark.parametrize("step", STEPS)
def test_prox_is_odd_and_shrinks(penalty, step):
    z = np.linspace(0.0, 7.0, 71)
    x = penalty.prox(z, step, 0.7)
    np.testing.assert_array_equal(penalty.prox(-z, step, 0.7), -x)
    assert (x >= 0.0).all()
    assert (x <= z).all() or isinstance(penalty, SCAD)  # SCAD's large steps may jump outward


def test_prox_of_no_penalty_is_the_identity(penalty):
    z = np.array([-2.0, -1e-9, 0.0, 0.3, 5.0])
    np.testing.assert_array_equal(penalty.prox(z, 1.0, 0.0), z)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_derivatives_are_those_of_the_value(penalty, alpha):
    # Off the kinks, which lie at alpha and gamma * alpha.
    t = np.linspace(0.013, 5.0, 400)
    kinks = alpha * np.array([0.0, 1.0, *(v for v in penalty.get_params().values())])
    t = t[np.abs(t[:, None] - kinks).min(axis=1) > 1e-3]
    h = 1e-5
    slope = (penalty.value(t + h, alpha) - penalty.value(t - h, alpha)) / (2 * h)
    bend = (penalty.derivative(t + h, alpha) - penalty.derivative(t - h, alpha)) / (2 * h)
    np.testing.assert_allclose(penalty.derivative(t, alpha), slope, atol=1e-8)
    np.testing.assert_allclose(penalty.curvature(t, alpha), bend, atol=1e-8)


def test_value_is_zero_at_zero_and_even(penalty):
    b = np.array([0.0, 0.4, 3.0])
    assert penalty.value(0.0, 1.0) == 0.0
    np.testing.assert_array_equal(penalty.value(-b, 1.0), penalty.value(b, 1.0))


def test_slope_at_zero_is_the_largest_gradient_a_zero_withstands(penalty):
    slope = penalty.slope_at_zero(0.8)
    step = 1e-3  # a small step: the prox is zero just up to step * slope
    assert penalty.prox(step * slope * (1 - 1e-9), step, 0.8) == 0.0
    assert penalty.prox(step * slope * (1 + 1e-6), step, 0.8) > 0.0


def test_values_broadcast(penalty):
    assert penalty.value(np.zeros((3, 1)), [0.1, 0.2]).shape == (3, 2)
    assert penalty.prox(1.0, 1.0, 1.0).shape == ()


@pytest.mark.parametrize("convex", [L1(), ElasticNet(0.5), ElasticNet(0.0), ElasticNet(1.0)])
def test_conjugate_is_the_largest_excess(convex):
    b = np.linspace(-60.0, 60.0, 60_001)
    for u in (0.0, 0.3, 0.5, 1.0):
        excess = (u * b - convex.value(b, 1.0)).max()
        np.testing.assert_allclose(convex.conjugate(u, 1.0), excess, atol=1e-5)
    outside = convex.conjugate(1.5, 1.0)
    assert np.isinf(outside) == (convex.slope_at_zero(1.0) == 1.0)


def test_no_penalty_between_convex_and_not_claims_a_conjugate(penalty):
    assert hasattr(penalty, "conjugate") == penalty.convex


@kernel()
def evaluate(parameters, t, step, strength, out):
    out[0] = penalty_value(parameters, t, strength)
    out[1] = penalty_prox(parameters, t, step, strength)
    out[2] = penalty_derivative(parameters, t, strength)
    out[3] = penalty_curvature(parameters, t, strength)


def test_kernels_and_python_agree(penalty):
    out = np.empty(4)
    for t in (0.0, 0.2, 0.9, 1.7, 4.0):
        for step in (0.5, 4.0):
            evaluate(penalty.parameters, t, step, 0.8, out)
            expected = [
                penalty.value(t, 0.8),
                penalty.prox(t, step, 0.8),
                penalty.derivative(t, 0.8),
                penalty.curvature(t, 0.8),
            ]
            np.testing.assert_allclose(out, expected, rtol=1e-15)
            evaluate.function(penalty.parameters, t, step, 0.8, out)
            np.testing.assert_array_equal(out, expected)


def test_penalties_are_values(penalty):
    same = type(penalty)(**penalty.get_params())
    assert same == penalty
    assert hash(same) == hash(penalty)
    assert eval(repr(penalty)) == penalty
    assert pickle.loads(pickle.dumps(penalty)) == penalty
    assert pickle.loads(pickle.dumps(penalty.parameters)) == penalty.parameters
    assert clone(penalty) == penalty
    assert copy.deepcopy(penalty) == penalty
    for name in penalty.get_params():
        with pytest.raises(FrozenInstanceError):
            setattr(penalty, name, 9.0)


def test_different_penalties_are_unequal():
    assert MCP(3.7) != SCAD(3.7)
    assert MCP(3.0) != MCP(2.0)
    assert L1() != ElasticNet(1.0)


def test_set_params_changes_or_leaves_all():
    penalty = MCP(3.0)
    assert penalty.set_params(gamma=5.0) is penalty
    assert penalty == MCP(5.0)
    with pytest.raises(ValueError, match="gamma"):
        penalty.set_params(gamma=0.5)
    with pytest.raises(ValueError, match=r"'delta'.*\['adaptive', 'gamma'\]"):
        penalty.set_params(delta=1.0)
    assert penalty == MCP(5.0)


@pytest.mark.parametrize(
    ("cls", "bad"),
    [
        (MCP, 1.0),
        (MCP, -3.0),
        (MCP, math.nan),
        (MCP, math.inf),
        (SCAD, 2.0),
        (SCAD, 0),
        (ElasticNet, -0.1),
        (ElasticNet, 1.1),
    ],
)
def test_parameters_out_of_range_are_named(cls, bad):
    name = next(iter(cls().get_params()))
    with pytest.raises(ValueError, match=f"'{name}' parameter of {cls.__name__} must be"):
        cls(bad)


@pytest.mark.parametrize("bad", ["3", None, [3.0], True, 3 + 0j])
def test_parameters_that_are_no_numbers_are_named(bad):
    with pytest.raises(TypeError, match="'gamma' parameter of MCP must be a real number > 1"):
        MCP(bad)


def test_functions_with_other_arguments_are_refused_where_the_class_is_defined():
    def value(penalty, size, strength):
        return strength * size

    functions = L1.functions._replace(value=value)
    with pytest.raises(
        TypeError, match=r"value function of Odd must take .* penalty, t, strength"
    ):
        type("Odd", (Penalty,), {"functions": functions})
