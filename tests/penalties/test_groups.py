"""Penalties of groups: definitions, proximal operators, limits, and behaviour as values."""

import pickle
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
from sklearn.base import clone

from sparsestat import (
    L1,
    MCP,
    SCAD,
    GroupLasso,
    GroupMCP,
    GroupPenalty,
    GroupSCAD,
    LogSum,
    PenalizedRegressor,
    SparseGroupLasso,
)

LABELS = np.array(["b", "a", "b", "c", "a", "b", "d", "b", "c"])  # not sorted, unequal sizes
GROUPS = [np.flatnonzero(label == LABELS) for label in "abcd"]
PENALTIES = [
    GroupLasso(LABELS),
    SparseGroupLasso(LABELS, 0.3),
    SparseGroupLasso(LABELS, 0.0),
    SparseGroupLasso(LABELS, 1.0),
    GroupMCP(LABELS, 3.0),
    GroupMCP(LABELS, 1.5),
    GroupSCAD(LABELS, 3.7),
    GroupSCAD(LABELS, 2.2),
]
CONVEX = [p for p in PENALTIES if p.convex]


@pytest.fixture(params=PENALTIES, ids=str)
def penalty(request):
    return request.param


def vectors(count=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, LABELS.size)) * rng.uniform(0.1, 5.0, (count, 1))


def value_written_out(penalty, b, alpha):
    r = getattr(penalty, "l1_ratio", 0.0)
    total = alpha * r * np.abs(b).sum()
    for members in GROUPS:
        strength = alpha * (1 - r) * np.sqrt(members.size)
        total += penalty.norm_penalty.value(np.linalg.norm(b[members]), strength)
    return total


@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
def test_value_is_the_sum_over_groups(penalty, alpha):
    for b in vectors():
        b[GROUPS[1]] = 0.0
        expected = value_written_out(penalty, b, alpha)
        np.testing.assert_allclose(penalty.value(b, alpha), expected, rtol=1e-12)


@pytest.mark.parametrize("step", [0.2, 1.0, 5.0])
def test_prox_is_not_beaten_along_its_direction_or_near_it(penalty, step):
    """Whatever the norm of a group, its best direction is that of the shrunk z."""
    rng = np.random.default_rng(1)
    for z in vectors(5):
        x = penalty.prox(z, step, 0.5)

        def cost(b, z=z):
            return 0.5 * ((b - z) ** 2).sum() + step * value_written_out(penalty, b, 0.5)

        least = cost(x)
        threshold = step * 0.5 * getattr(penalty, "l1_ratio", 0.0)
        shrunk = np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)
        for members in GROUPS:
            norm = np.linalg.norm(shrunk[members])
            for size in np.linspace(0.0, 1.2 * norm + 1e-3, 300) if norm else []:
                b = x.copy()
                b[members] = shrunk[members] * size / norm
                assert least <= cost(b) + 1e-12
        for scale in (1e-3, 0.1, 1.0):
            for _ in range(50):
                assert least <= cost(x + scale * rng.standard_normal(x.size)) + 1e-12


SHAPES = [
    GroupLasso([0, 0]),
    SparseGroupLasso([0, 0], 0.3),
    *(GroupMCP([0, 0], gamma) for gamma in (1.1, 3.0)),
    *(GroupSCAD([0, 0], gamma) for gamma in (2.1, 3.7)),
]


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0, 2.5, 10.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_prox_of_a_pair_is_the_best_of_a_grid_in_every_step_regime(shape, step):
    """gamma below the step included, and norms beside those where the prox bends or jumps."""
    alpha, gamma, r = 0.6, getattr(shape, "gamma", 0.0), getattr(shape, "l1_ratio", 0.0)
    strength = alpha * (1.0 - r) * np.sqrt(2.0)
    sizes = np.linspace(0.0, 8.0, 801)
    angles = np.linspace(0.0, np.pi / 2.0, 91)[:, None]
    grid = np.stack([sizes * np.cos(angles), sizes * np.sin(angles)])
    cost = shape.norm_penalty.value(sizes, strength) + alpha * r * grid.sum(axis=0)
    kinks = [step, 1.0, 1.0 + step, gamma, np.sqrt(gamma * step), 0.5 * (gamma + 1.0 + step)]
    norms = np.concatenate([strength * np.array(kinks), np.linspace(0.3, 7.5, 7)])
    for norm in np.concatenate([norms, norms - 1e-9, norms + 1e-9]):
        for angle in (0.0, 0.4, np.pi / 4.0):
            z = norm * np.array([np.cos(angle), np.sin(angle)])
            x = shape.prox(z, step, alpha)
            reached = 0.5 * ((x - z) ** 2).sum() + step * shape.value(x, alpha)
            best = (0.5 * ((grid - z[:, None, None]) ** 2).sum(axis=0) + step * cost).min()
            assert reached <= best + 1e-12


@pytest.mark.parametrize("convex", CONVEX, ids=str)
def test_convex_prox_is_cvxpys(convex):
    for z in vectors(3):
        b, r = cp.Variable(z.size), getattr(convex, "l1_ratio", 0.0)
        norms = sum(np.sqrt(m.size) * cp.norm(b[m]) for m in GROUPS)
        terms = 0.7 * ((1 - r) * norms + r * cp.norm1(b))
        problem = cp.Problem(cp.Minimize(cp.sum_squares(b - z) / 2 + 0.8 * terms))
        problem.solve(solver="CLARABEL")
        np.testing.assert_allclose(convex.prox(z, 0.8, 0.7), b.value, atol=1e-4)


def test_strengths_are_where_groups_leave_zero(penalty):
    """Below, the proximal operator moves the group, for steps that keep it convex."""
    for q in vectors():
        q[GROUPS[2]] = 0.0
        strengths = penalty.strength_for(q)
        assert strengths[2] == 0.0
        for g, members in enumerate(GROUPS):
            if g == 2:
                continue
            above = penalty.prox(q * 1e-3, 1e-3, strengths[g] * (1 + 1e-9))
            below = penalty.prox(q * 1e-3, 1e-3, strengths[g] * (1 - 1e-9))
            assert not above[members].any()
            assert below[members].any()


def test_strengths_of_large_and_small_groups_together():
    """The exact root does not lose digits to other groups, nor to ties."""
    labels = np.repeat([0, 1, 2], [50, 3, 4])
    q = np.r_[np.full(50, 1e6), 1e-6, 2e-6, 2e-6, 0.0, 1.0, 1.0, 1.0]
    r = 0.6
    roots = SparseGroupLasso(labels, r).strength_for(q)
    for g, a in enumerate(roots):
        members = labels == g
        shrunk = np.maximum(q[members] - r * a, 0.0)
        norm = np.linalg.norm(shrunk)
        np.testing.assert_allclose(norm, (1 - r) * np.sqrt(members.sum()) * a, rtol=1e-9)


@pytest.mark.parametrize("convex", CONVEX, ids=str)
def test_conjugate_is_zero_within_the_limits_and_infinite_beyond(convex):
    for q in vectors():
        alpha = convex.strength_for(q).max()
        assert convex.conjugate(q, alpha * (1 + 1e-12)) == 0.0
        assert convex.conjugate(q, alpha * (1 - 1e-9)) == np.inf
        for b in vectors(5, seed=2):  # Fenchel and Young
            assert q @ b <= convex.value(b, alpha) + 1e-9


@pytest.mark.parametrize(
    ("grouped", "scalar"),
    [
        (GroupLasso, L1()),
        (GroupMCP, MCP(3.0)),
        (GroupSCAD, SCAD(3.7)),
        (SparseGroupLasso, L1()),
    ],
)
def test_groups_of_one_are_the_scalar_penalty(grouped, scalar):
    penalty = grouped(range(9))
    for z in vectors():
        np.testing.assert_allclose(penalty.value(z, 0.6), scalar.value(z, 0.6).sum())
        np.testing.assert_allclose(
            penalty.prox(z, 0.9, 0.6), scalar.prox(z, 0.9, 0.6), atol=1e-14
        )
        np.testing.assert_allclose(penalty.strength_for(z), np.abs(z))


def test_sparse_group_lasso_has_the_lasso_and_the_group_lasso_at_its_ends():
    for z in vectors(5):
        ends = SparseGroupLasso(LABELS, 0.0), SparseGroupLasso(LABELS, 1.0)
        for one, other in zip(ends, (GroupLasso(LABELS), GroupLasso(range(9))), strict=True):
            np.testing.assert_allclose(one.prox(z, 1.0, 0.4), other.prox(z, 1.0, 0.4))
            np.testing.assert_allclose(one.value(z, 0.4), other.value(z, 0.4))


def test_the_order_and_names_of_labels_do_not_matter(penalty):
    order = np.random.default_rng(0).permutation(LABELS.size)
    names = {"a": 7, "b": -1, "c": 3, "d": 2}
    other = clone(penalty).set_params(groups=[names[label] for label in LABELS[order]])
    for z in vectors(5):
        expected = penalty.prox(z, 1.0, 0.5)[order]
        np.testing.assert_allclose(other.prox(z[order], 1.0, 0.5), expected, atol=1e-14)


def test_a_group_penalty_of_ones_own_is_a_scalar_penalty_of_the_norms():
    @dataclass(frozen=True, repr=False)
    class GroupLogSum(GroupPenalty):
        eps: float = 1.0

        @property
        def norm_penalty(self):
            return LogSum(self.eps)

    penalty = GroupLogSum(LABELS, eps=0.5)
    b = vectors(1)[0]
    np.testing.assert_allclose(penalty.value(b, 0.6), value_written_out(penalty, b, 0.6))
    assert penalty.get_params()["eps"] == 0.5


# --- as values ----------------------------------------------------------------------


def test_penalties_are_values(penalty):
    for copied in (clone(penalty), pickle.loads(pickle.dumps(penalty))):
        assert copied == penalty
        assert hash(copied) == hash(penalty)
        assert repr(copied) == repr(penalty)
        assert copied.get_params() == penalty.get_params()
    assert penalty.groups == tuple(LABELS.tolist())
    with pytest.raises(AttributeError, match="groups"):
        penalty.groups = (1, 2)


def test_sequences_of_labels_of_any_kind_are_the_same():
    expected = GroupLasso((1, 1, 0))
    for groups in (
        [1, 1, 0],
        np.array([1, 1, 0]),
        np.array([1, 1, 0], np.int8),
        iter([1, 1, 0]),
    ):
        assert GroupLasso(groups) == expected
    assert GroupLasso((1, 1, 0)) != GroupLasso((1, 0, 0))
    assert GroupLasso((1, 1, 0)) != SparseGroupLasso((1, 1, 0))


def test_long_labels_are_not_shown_whole():
    assert repr(GroupMCP([0, 1])) == "GroupMCP(groups=(0, 1), gamma=3.0)"
    shown = repr(GroupMCP(np.arange(1000), gamma=2.0))
    assert shown == "GroupMCP(groups=(0, 1, 2, 3, 4, 5, 6, ..., 999), gamma=2.0)"
    assert len(repr(PenalizedRegressor(penalty=GroupLasso(np.arange(1000))))) < 200


def test_set_params_changes_groups_and_what_follows_from_them():
    penalty = GroupMCP([0, 0, 1])
    penalty.set_params(groups=[0, 1, 2], gamma=2.0)
    assert penalty == GroupMCP([0, 1, 2], 2.0)
    np.testing.assert_allclose(penalty.strength_for([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="gamma"):
        penalty.set_params(groups=[0], gamma=0.5)
    assert penalty == GroupMCP([0, 1, 2], 2.0)


def test_adaptive_gamma_is_divided_by_the_curvature():
    assert GroupMCP([0], 3.0, adaptive=True).for_loss(0.25, 0.2).gamma == 15.0
    assert GroupSCAD([0], 3.0, adaptive=True).for_loss(0.25, 0.2).gamma == 11.0
    for penalty in (GroupMCP([0]), GroupSCAD([0]), GroupLasso([0])):
        assert penalty.for_loss(0.25, 0.2) is penalty


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ([], ValueError, "one label for each coefficient.*Got none"),
        ([1, "a"], TypeError, "all numbers or all strings. Got both"),
        ([[0, 1], [1, 0]], ValueError, "must hold one label"),
        ([[0, 1], [1]], ValueError, "must hold one label"),
        ([0.0, np.nan], ValueError, "must hold one label"),
        ([None, None], ValueError, "must hold one label"),
        (None, TypeError, "must hold one label.*Got None"),
        ({"a": 0, "b": 0}, TypeError, "must hold one label.*Got {'a': 0"),
        ({0, 1}, TypeError, "must hold one label"),
    ],
)
def test_labels_that_are_none_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        GroupLasso(groups)


def test_shapes_out_of_range_are_refused():
    with pytest.raises(ValueError, match="'gamma' parameter of GroupMCP"):
        GroupMCP([0], gamma=1.0)
    with pytest.raises(ValueError, match="'gamma' parameter of GroupSCAD"):
        GroupSCAD([0], gamma=2.0)
    with pytest.raises(ValueError, match="'l1_ratio' parameter of SparseGroupLasso"):
        SparseGroupLasso([0], l1_ratio=1.1)
    with pytest.raises(TypeError, match="'adaptive' parameter of GroupMCP"):
        GroupMCP([0], adaptive=1)


def test_vectors_of_another_length_are_refused(penalty):
    with pytest.raises(ValueError, match=r"one label for each of 3 coefficients\. Got 9"):
        penalty.value([1.0, 2.0, 3.0], 1.0)
    with pytest.raises(ValueError, match="where a vector was expected"):
        penalty.prox(np.ones((3, 3)), 1.0, 1.0)
