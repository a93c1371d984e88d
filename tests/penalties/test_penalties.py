"""Every penalty: its prox minimises, its derivatives differentiate, its object behaves."""

import copy
import functools
import itertools
import math
import pickle
from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from conftest import PENALTIES
from sklearn.base import clone

from sparsestat import CEL0, L0, L1, MCP, SCAD, CappedL1, ElasticNet, LogSum, Lq, Penalty
from sparsestat._jit import kernel
from sparsestat.penalties.scalar import (
    bounded_prox,
    penalty_curvature,
    penalty_derivative,
    penalty_prox,
    penalty_value,
    penalty_violation,
)

# Shapes near the ends of their ranges, beside those that the solvers are tested with.
MORE = [
    ElasticNet(0.0),
    ElasticNet(1.0),
    MCP(3.0, adaptive=True),
    SCAD(3.7, adaptive=True),
    LogSum(10.0),
    Lq(0.1),
    Lq(0.9),
    CappedL1(0.2),
    CEL0(0.25),
    CEL0(4.0),
]


def name(penalty):
    return f"{type(penalty).__name__}{tuple(penalty.get_params().values())}"


@pytest.fixture(params=[*PENALTIES, *MORE], ids=name)
def penalty(request):
    return request.param


# From well inside the convex regime of every penalty to well inside the concave one.
STEPS = [0.1, 0.5, 1.0, 1.19, 1.2, 1.5, 2.0, 2.7, 3.0, 3.7, 5.0, 10.0]
ALPHAS = [0.3, 1.0]


GRID = np.linspace(-8.0, 8.0, 16_001)


@functools.cache
def values_on_grid(penalty, alpha):
    return penalty.value(GRID, alpha)


def edges(penalty, step, alpha):
    """Return where the prox has kinks and jumps, z > 0: by formula, and as it has them."""
    shape = [float(v) for v in penalty.get_params().values()]
    threshold = penalty.limit(alpha, 1.0 / step) * step
    flat = math.sqrt(2.0 * alpha / getattr(penalty, "curvature_of_loss", 1.0))
    kinks = [
        *(alpha * v for v in (1.0, step, 1.0 + step, *shape)),
        *(alpha * math.sqrt(v * step) for v in shape),
        *(v + alpha * step / 2.0 for v in shape),
        threshold if np.isfinite(threshold) else 0.0,
        flat,
    ]
    z = np.linspace(0.0, 7.0, 1401)
    x = penalty.prox(z, step, alpha)
    low = np.flatnonzero(np.diff(x) > 0.2)
    low, high = z[low], z[low + 1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        beyond = penalty.prox(middle, step, alpha) - penalty.prox(low, step, alpha) > 0.1
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return np.concatenate([kinks, low, high])


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("step", STEPS)
def test_prox_minimises_in_every_step_regime(penalty, step, alpha):
    values = values_on_grid(penalty, alpha)
    at = edges(penalty, step, alpha)
    zs = np.concatenate([np.linspace(-7.0, 7.0, 57), at, at - 1e-9, at + 1e-9])
    x = penalty.prox(zs, step, alpha)
    reached = 0.5 * (x - zs) ** 2 + step * penalty.value(x, alpha)
    best = np.array([(0.5 * (GRID - z) ** 2 + step * values).min() for z in zs])
    assert (reached <= best + 1e-12).all()
    # A grid is coarse; where the minimiser is not zero, its equation holds to rounding.
    kept = x != 0.0
    residual = np.abs(x[kept]) + step * penalty.derivative(x[kept], alpha) - np.abs(zs[kept])
    np.testing.assert_allclose(residual, 0.0, atol=1e-13 * (1.0 + step))


@pytest.mark.parametrize("step", STEPS)
def test_prox_is_odd_and_shrinks(penalty, step):
    z = np.linspace(0.0, 7.0, 71)
    x = penalty.prox(z, step, 0.7)
    np.testing.assert_array_equal(penalty.prox(-z, step, 0.7), -x)
    assert (x >= 0.0).all()
    assert (np.diff(x) >= 0.0).all()
    assert (x <= z * (1 + 1e-15)).all()


def test_prox_of_no_penalty_is_the_identity(penalty):
    z = np.array([-2.0, -1e-9, 0.0, 0.3, 5.0])
    np.testing.assert_allclose(penalty.prox(z, 1.0, 0.0), z, rtol=1e-15)


SMOOTHLY_FROM_ZERO = [
    penalty
    for penalty in [*PENALTIES, *MORE]
    if not penalty.jumps and penalty.slope_at_zero(1.0) > 0.0
]


@pytest.mark.parametrize("step", [0.1, 0.5])
@pytest.mark.parametrize("penalty", SMOOTHLY_FROM_ZERO, ids=name)
def test_prox_leaves_zero_without_a_gap_where_it_does_not_jump(penalty, step):
    alpha = 0.005  # no penalty is then concave beyond 1 / step, LogSum's the most
    threshold = step * penalty.slope_at_zero(alpha)
    bend = 1.0 + step * float(penalty.curvature(0.0, alpha))
    assert bend > 0.0
    for beyond in (1e-13, 1e-11, 1e-9, 1e-7):
        x = penalty.prox(threshold + beyond, step, alpha)
        np.testing.assert_allclose(x, beyond / bend, rtol=1e-5, atol=1e-15 + 1e-14 * threshold)


@pytest.mark.parametrize("z", [1e-100, 1e-8, 1.0, 1e8, 1e100])
@pytest.mark.parametrize("step", [1e-100, 1e-8, 1e8, 1e100])
def test_prox_of_extreme_arguments_is_a_number_between_zero_and_z(penalty, z, step):
    for alpha in (1e-300, 1e-50, 1.0, 1e50):
        x = float(penalty.prox(z, step, alpha))
        assert 0.0 <= x <= z * (1 + 1e-15)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_derivatives_are_those_of_the_value(penalty, alpha):
    # Off the kinks, which lie at alpha, at gamma * alpha, at tau and where CEL0 is flat.
    t = np.linspace(0.1 if isinstance(penalty, Lq) else 0.013, 5.0, 400)
    shape = [float(v) for v in penalty.get_params().values()]
    kinks = [0.0, alpha, *(alpha * v for v in shape), *shape]
    kinks += [math.sqrt(2.0 * alpha / v) for v in shape if v > 0.0]
    t = t[np.abs(t[:, None] - np.array(kinks)).min(axis=1) > 1e-3]
    assert t.size > 300
    h = 1e-5
    slope = (penalty.value(t + h, alpha) - penalty.value(t - h, alpha)) / (2 * h)
    bend = (penalty.derivative(t + h, alpha) - penalty.derivative(t - h, alpha)) / (2 * h)
    np.testing.assert_allclose(penalty.derivative(t, alpha), slope, atol=1e-8)
    np.testing.assert_allclose(penalty.curvature(t, alpha), bend, atol=1e-7)


def test_values_are_continuous_and_rise(penalty):
    t = np.linspace(0.0, 5.0, 50_001)
    for alpha in ALPHAS:
        rise = np.diff(penalty.value(t, alpha))
        assert (rise >= -1e-15).all()
        if not isinstance(penalty, L0 | Lq):
            largest = penalty.derivative(t, alpha).max()
            assert rise.max() <= largest * 1e-4 * (1 + 1e-9)


def test_value_is_zero_at_zero_and_even(penalty):
    b = np.array([0.0, 0.4, 3.0])
    assert penalty.value(0.0, 1.0) == 0.0
    np.testing.assert_array_equal(penalty.value(-b, 1.0), penalty.value(b, 1.0))


def test_slope_at_zero_is_the_largest_gradient_a_zero_withstands(penalty):
    slope = penalty.slope_at_zero(0.8)
    if slope == math.inf:
        assert isinstance(penalty, L0 | Lq)
        return
    step = 1e-3  # a small step: the prox is zero just up to step * slope
    assert penalty.prox(step * slope * (1 - 1e-9), step, 0.8) == 0.0
    assert penalty.prox(step * slope * (1 + 1e-6) + 1e-12, step, 0.8) > 0.0


CURVATURES = np.geomspace(1e-3, 1e3, 25)


@pytest.mark.parametrize("alpha", [1e-4, 0.3, 1.0, 20.0])
def test_the_limit_is_where_the_prox_leaves_zero_or_the_slope_at_zero(penalty, alpha):
    limits = penalty.limit(alpha, CURVATURES)
    if not penalty.jumps:
        np.testing.assert_allclose(limits, penalty.slope_at_zero(alpha), rtol=1e-15)
        return
    for limit, curvature in zip(limits, CURVATURES, strict=True):
        z, step = limit / curvature, 1.0 / curvature
        assert penalty.prox(z * (1 - 1e-12), step, alpha) == 0.0
        assert penalty.prox(z * (1 + 1e-12), step, alpha) > 0.0
        assert penalty.prox(-z * (1 + 1e-12), step, alpha) < 0.0


def test_the_strength_for_a_gradient_has_it_as_its_limit(penalty):
    if penalty.slope_at_zero(1.0) == 0.0:
        assert (penalty.strength_for(np.ones(2), np.ones(2)) == math.inf).all()
        return
    gradients = np.geomspace(1e-5, 1e5, 25)[:, None]
    limits = penalty.limit(penalty.strength_for(gradients, CURVATURES), CURVATURES)
    np.testing.assert_allclose(limits / gradients, 1.0, rtol=1e-12)
    back = penalty.strength_for(penalty.limit(0.7, CURVATURES), CURVATURES)
    np.testing.assert_allclose(back, 0.7, rtol=1e-12)


def test_limits_of_excluded_and_empty_columns_are_no_obstacle():
    """Infinite strengths withstand all; a column of zeros has no gradient to withstand."""
    for penalty in (Lq(0.5), Lq(2 / 3), L0(), CEL0()):
        assert penalty.limit(math.inf, 1.0) == math.inf
        assert penalty.limit(0.0, 1.0) == 0.0
        assert penalty.limit(1.0, np.zeros(2)).tolist() == [0.0, 0.0]


# --- closed forms ---------------------------------------------------------------


def prox_of_a_half(z, u):
    """The closed form for u |x|^(1/2) of Xu et al. (2012)."""
    a = np.abs(z)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.arccos(-(3**1.5 / 4) * u * a**-1.5)
    x = 2 / 3 * a * (1 + np.cos(2 / 3 * angle))
    return np.where(a <= 1.5 * u ** (2 / 3), 0.0, np.sign(z) * x)


def prox_of_two_thirds(z, u):
    """The closed form for u |x|^(2/3)."""
    a = np.abs(z)
    with np.errstate(invalid="ignore", divide="ignore"):
        d = np.sqrt(a**4 / 256 - 8 * u**3 / 729)
        root = np.cbrt(a**2 / 16 + d)
        y = root + 2 * u / 9 / root  # the other root, cbrt(a^2 / 16 - d), without cancellation
        x = (np.sqrt(2 * y) + np.sqrt(2 * a / np.sqrt(2 * y) - 2 * y)) ** 3 / 8
    return np.where(a <= 2 * (2 * u / 3) ** 0.75, 0.0, np.sign(z) * x)


@pytest.mark.parametrize(
    ("penalty", "closed_form"), [(Lq(0.5), prox_of_a_half), (Lq(2 / 3), prox_of_two_thirds)]
)
def test_bridge_penalties_have_the_closed_forms_of_their_exponents(penalty, closed_form):
    z = np.concatenate([np.linspace(-9.0, 9.0, 901), np.geomspace(1e-6, 1e6, 200)])
    for step in STEPS:
        for alpha in (1e-3, *ALPHAS, 7.0):
            jump = penalty.limit(alpha, 1 / step) * step
            at = np.concatenate([z, jump * np.array([1 - 1e-12, 1 + 1e-12])])
            expected = closed_form(at, step * alpha)
            np.testing.assert_allclose(penalty.prox(at, step, alpha), expected, rtol=1e-12)


@pytest.mark.parametrize("c_squared", [0.25, 1.0, 3.0])
def test_cel0_is_the_mcp_of_its_curvature(c_squared):
    b = np.linspace(0.0, 6.0, 301)
    for alpha in (0.01, 0.3, 1.0, 4.0):
        cel0 = CEL0(c_squared)
        strength = math.sqrt(c_squared * 2 * alpha)
        mcp = _mcp(1 / c_squared)
        same = functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)
        same(cel0.value(b, alpha), mcp.value(b, strength))
        same(cel0.derivative(b, alpha), mcp.derivative(b, strength))
        end = math.sqrt(2 * alpha / c_squared)
        off = b[np.abs(b - end) > 1e-9]
        same(cel0.curvature(off, alpha), mcp.curvature(off, strength))
        for step in STEPS:
            at = edges(cel0, step, alpha)
            at = np.concatenate([b + 1e-3 * math.pi, at * (1 - 1e-12), at * (1 + 1e-12)])
            same(cel0.prox(at, step, alpha), mcp.prox(at, step, strength))


def _mcp(gamma):
    """An MCP with any gamma > 0: the class takes those above one only."""
    mcp = MCP(2.0)
    object.__setattr__(mcp, "gamma", gamma)
    return mcp


def test_cel0_lies_below_l0_and_touches_it_at_zero_and_beyond():
    b = np.linspace(0.0, 5.0, 501)
    for c_squared in (0.25, 1.0, 3.0):
        cel0, l0 = CEL0(c_squared).value(b, 0.8), L0().value(b, 0.8)
        flat = b >= math.sqrt(2 * 0.8 / c_squared)
        assert (cel0[(b > 0.0) & ~flat] < 0.8).all()
        np.testing.assert_array_equal(cel0[flat], l0[flat])


def test_limits_of_the_shapes_are_the_penalties_they_are_said_to_become():
    z, lasso = np.linspace(-4.0, 4.0, 161), L1().prox(np.linspace(-4.0, 4.0, 161), 0.5, 0.7)
    for near, strength in ((LogSum(1e6), 0.7e6), (CappedL1(1e6), 0.7), (MCP(1e6), 0.7)):
        np.testing.assert_allclose(near.prox(z, 0.5, strength), lasso, atol=1e-5)
    np.testing.assert_allclose(Lq(1 - 1e-7).prox(z, 0.5, 0.7), lasso, atol=1e-5)
    np.testing.assert_allclose(Lq(1e-7).prox(z, 0.5, 0.7), L0().prox(z, 0.5, 0.7), atol=1e-5)


def test_values_broadcast(penalty):
    assert penalty.value(np.zeros((3, 1)), [0.1, 0.2]).shape == (3, 2)
    assert penalty.prox(1.0, 1.0, 1.0).shape == ()


@pytest.mark.parametrize("convex", [L1(), ElasticNet(0.5), ElasticNet(0.0), ElasticNet(1.0)])
def test_conjugate_is_the_largest_excess(convex):
    b = np.linspace(-60.0, 60.0, 120_001)
    for u in (0.0, 0.3, 0.5, 1.0):
        excess = (u * b - convex.value(b, 1.0)).max()
        np.testing.assert_allclose(convex.conjugate(u, 1.0), excess, atol=1e-5)
        for reach in (0.0, 0.3, 2.0):
            within = (u * b - convex.value(b, 1.0))[(b >= 0.0) & (b <= reach + 1e-9)].max()
            np.testing.assert_allclose(convex.conjugate(u, 1.0, reach), within, atol=1e-5)
    outside = convex.conjugate(1.5, 1.0)
    assert np.isinf(outside) == (convex.slope_at_zero(1.0) == 1.0)
    assert convex.conjugate(1.5, 1.0, 0.5) < np.inf


def test_no_penalty_between_convex_and_not_claims_a_conjugate(penalty):
    assert hasattr(penalty, "conjugate") == penalty.convex


@kernel()
def evaluate(parameters, t, step, strength, out):
    out[0] = penalty_value(parameters, t, strength)
    out[1] = penalty_prox(parameters, t, step, strength)
    out[2] = penalty_derivative(parameters, t, strength)
    out[3] = penalty_curvature(parameters, t, strength)
    out[4] = penalty_violation(parameters, 0.3 - t, t, 1.0 / step, strength, -np.inf, np.inf)
    out[5] = penalty_violation(parameters, -t, 0.0, 1.0 / step, strength, 0.0, np.inf)


def test_kernels_and_python_agree(penalty):
    out = np.empty(6)
    for t in (0.0, 0.2, 0.9, 1.7, 4.0):
        for step in (0.5, 4.0):
            evaluate(penalty.parameters, t, step, 0.8, out)
            expected = [
                penalty.value(t, 0.8),
                penalty.prox(t, step, 0.8),
                penalty.derivative(t, 0.8),
                penalty.curvature(t, 0.8),
                violation_of(penalty, 0.3 - t, t, 1.0 / step, 0.8),
                0.0,
            ]
            np.testing.assert_allclose(out, expected, rtol=1e-14)
            evaluate.function(penalty.parameters, t, step, 0.8, out)
            np.testing.assert_allclose(out, expected, rtol=1e-15)


@pytest.mark.parametrize("step", STEPS)
def test_bounded_prox_attains_the_minimum_within_the_bounds(penalty, step):
    for alpha, (lower, upper) in itertools.product(
        ALPHAS, [(-0.4, 1.3), (0.0, 0.7), (-2.0, 0.0)]
    ):
        inside = (lower <= GRID) & (upper >= GRID)
        penalties = step * values_on_grid(penalty, alpha)[inside]
        at = edges(penalty, step, alpha)
        beside = np.concatenate([at, at - 1e-9, at + 1e-9])
        for z in np.concatenate([np.linspace(-6.0, 6.0, 25), beside, -beside]):
            x = bounded_prox(penalty, z, step, alpha, lower, upper)
            assert lower <= x <= upper
            least = (0.5 * (GRID[inside] - z) ** 2 + penalties).min()
            value = 0.5 * (x - z) ** 2 + step * float(penalty.value(x, alpha))
            assert value <= least + 1e-9


def violation_of(penalty, q, w, curvature, alpha):
    """Return the violation of one coefficient w >= 0 at the negative gradient q."""
    if penalty.jumps:
        return curvature * abs(penalty.prox(w + q / curvature, 1.0 / curvature, alpha) - w)
    slope = float(penalty.derivative(w, alpha))
    return abs(q - slope) if w > 0.0 else max(abs(q) - slope, 0.0)


def test_penalties_are_values(penalty):
    same = type(penalty)(**penalty.get_params())
    assert same == penalty
    assert hash(same) == hash(penalty)
    assert eval(repr(penalty)) == penalty or isinstance(penalty, CEL0)  # which hides c
    assert pickle.loads(pickle.dumps(penalty)) == penalty
    assert pickle.loads(pickle.dumps(penalty.parameters)) == penalty.parameters
    assert clone(penalty) == penalty
    assert copy.deepcopy(penalty) == penalty
    for name in penalty.get_params():
        with pytest.raises(FrozenInstanceError):
            setattr(penalty, name, 9.0)


def test_different_penalties_are_unequal():
    every = [*PENALTIES, *MORE, MCP(3.7), ElasticNet(1.5e-9), LogSum(3.7), CappedL1(3.7)]
    for one, other in itertools.combinations(every, 2):
        assert one != other
        assert type(one.parameters) is not type(other.parameters) or type(one) is type(other)


@pytest.mark.parametrize(
    ("penalty", "shown"),
    [
        (L0(), "L0()"),
        (CEL0(), "CEL0()"),
        (LogSum(0.1), "LogSum(eps=0.1)"),
        (Lq(0.5), "Lq(q=0.5)"),
        (CappedL1(2.0), "CappedL1(tau=2.0)"),
        (MCP(3.0), "MCP(gamma=3.0)"),
        (MCP(3.0, adaptive=True), "MCP(gamma=3.0, adaptive=True)"),
        (SCAD(adaptive=True), "SCAD(gamma=3.7, adaptive=True)"),
    ],
)
def test_penalties_show_their_shape(penalty, shown):
    assert repr(penalty) == shown


def test_the_shape_is_the_first_argument_and_has_a_default():
    assert Lq(0.3).q == 0.3
    assert LogSum(0.3).eps == 0.3
    assert CappedL1(0.3).tau == 0.3
    assert (Lq(), LogSum(), CappedL1()) == (Lq(0.5), LogSum(1.0), CappedL1(1.0))
    with pytest.raises(TypeError):
        L0(1.0)


def test_penalties_know_whether_they_are_convex_and_jump():
    every = {type(penalty) for penalty in PENALTIES}
    assert {cls for cls in every if cls.convex} == {L1, ElasticNet}
    assert {cls for cls in every if cls.jumps} == {L0, Lq, CEL0}
    assert {cls for cls in every if cls.scale_free} == {CEL0}


# --- what a loss makes of a penalty ------------------------------------------------


def test_only_adaptive_penalties_and_cel0_depend_on_the_loss(penalty):
    own = penalty.for_loss(0.25, 0.1)
    if isinstance(penalty, CEL0):
        assert own == CEL0(0.25)
    elif getattr(penalty, "adaptive", False):
        assert own != penalty
    else:
        assert own is penalty


@pytest.mark.parametrize("at_null", [7.0, 0.25, 0.01, 1.0])
def test_adaptive_shapes_mean_for_a_curvature_what_they_mean_for_one(at_null):
    """With curvature c and strength a the prox is that of curvature 1 at strength a / c."""
    z = np.linspace(-6.0, 6.0, 241)
    for penalty in (MCP(1.5, adaptive=True), MCP(adaptive=True), SCAD(adaptive=True)):
        own = penalty.for_loss(0.25, at_null)
        plain = type(penalty)(penalty.gamma)
        assert own.adaptive is False
        np.testing.assert_allclose(own.concavity, at_null * plain.concavity, rtol=1e-14)
        if isinstance(penalty, MCP):
            expected = plain.prox(z, 1.0, 0.7)
            reached = own.prox(z, 1.0 / at_null, 0.7 * at_null)
            np.testing.assert_allclose(reached, expected, atol=1e-12)


def test_adaptive_shapes_are_what_is_documented_for_balanced_classes():
    assert MCP(3.0, adaptive=True).for_loss(0.25, 0.25) == MCP(12.0)
    assert SCAD(3.7, adaptive=True).for_loss(0.25, 0.25) == SCAD(1.0 + 2.7 * 4.0)


def test_concavity_is_the_largest_bend_where_gamma_is_meant_to_bound_it(penalty):
    if not isinstance(penalty, MCP | SCAD):
        assert penalty.concavity is None
        return
    t = np.linspace(0.0, 5.0, 1001)
    assert penalty.concavity == -penalty.curvature(t, 1.0).min()


@pytest.mark.parametrize(
    "penalty", [MCP(3.0, adaptive=True), SCAD(3.7, adaptive=True)], ids=str
)
def test_adaptive_does_not_change_the_penalty_itself(penalty):
    plain, b = type(penalty)(penalty.gamma), np.linspace(-5.0, 5.0, 101)
    for own, others in (
        (penalty.value(b, 0.7), plain.value(b, 0.7)),
        (penalty.prox(b, 2.0, 0.7), plain.prox(b, 2.0, 0.7)),
        (penalty.derivative(b, 0.7), plain.derivative(b, 0.7)),
    ):
        np.testing.assert_array_equal(own, others)


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
        (LogSum, 0.0),
        (LogSum, -1.0),
        (LogSum, math.nan),
        (LogSum, math.inf),
        (Lq, 0.0),
        (Lq, 1.0),
        (Lq, 1.5),
        (Lq, math.nan),
        (CappedL1, 0.0),
        (CappedL1, -0.5),
        (CappedL1, math.inf),
        (CEL0, 0.0),
        (CEL0, -1.0),
        (CEL0, math.nan),
    ],
)
def test_parameters_out_of_range_are_named(cls, bad):
    name = next(iter(cls().get_params()))
    with pytest.raises(ValueError, match=f"'{name}' parameter of {cls.__name__} must be"):
        cls(bad)


@pytest.mark.parametrize("bad", ["0.5", None, [0.5], True, False, 3 + 0j, np.array([0.5])])
@pytest.mark.parametrize(
    ("cls", "wanted"),
    [
        (MCP, "'gamma' parameter of MCP must be a real number > 1"),
        (SCAD, "'gamma' parameter of SCAD must be a real number > 2"),
        (ElasticNet, "'l1_ratio' parameter of ElasticNet must be a real number >= 0 and <= 1"),
        (LogSum, "'eps' parameter of LogSum must be a real number > 0"),
        (Lq, "'q' parameter of Lq must be a real number > 0 and < 1"),
        (CappedL1, "'tau' parameter of CappedL1 must be a real number > 0"),
        (CEL0, "'curvature_of_loss' parameter of CEL0 must be a real number > 0"),
    ],
)
def test_parameters_that_are_no_numbers_are_named(cls, wanted, bad):
    with pytest.raises(TypeError, match=wanted):
        cls(bad)


@pytest.mark.parametrize("bad", ["yes", None, 1, 0.0, [True]])
@pytest.mark.parametrize("cls", [MCP, SCAD])
def test_flags_that_are_no_booleans_are_named(cls, bad):
    with pytest.raises(
        TypeError, match=f"'adaptive' parameter of {cls.__name__} must be a bool"
    ):
        cls(3.0, bad)
    assert cls(3.0, np.True_).adaptive


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_any_real_type_are_taken(number):
    for cls in (Lq, LogSum, CappedL1, ElasticNet):
        assert cls(number) == cls(0.5)
        assert cls(number).parameters == cls(0.5).parameters


def test_functions_with_other_arguments_are_refused_where_the_class_is_defined():
    def value(penalty, size, strength):
        return strength * size

    functions = L1.functions._replace(value=value)
    with pytest.raises(
        TypeError, match=r"value function of Odd must take .* penalty, t, strength"
    ):
        type("Odd", (Penalty,), {"functions": functions})
