"""Penalties on whole vectors: proximal operators, values, conjugates, bad parameters."""

import itertools
import pickle

import cvxpy as cp
import numpy as np
import pytest
from sklearn.base import clone

from sparsestat.penalties import NM, GroupEnvelope, GroupTopK, JointPenalty, KSupport, TopK

P = 12
LABELS = ["b", "a", "b", "c", "d", "d", "a", "e", "e", "e", "c", "f"]
NUMBERS = np.unique(LABELS, return_inverse=True)[1]
COSTS = [1.0, 0.5, 2.0, 1.5, 0.7, 3.0]

CONVEX = [
    KSupport(1),
    KSupport(3),
    KSupport(P),
    GroupEnvelope(LABELS, 2),
    GroupEnvelope(LABELS, 3.3, COSTS),
    GroupEnvelope(LABELS, 0.4, COSTS),
]
CONSTRAINTS = [
    TopK(1),
    TopK(4),
    TopK(2 * P),
    GroupTopK(LABELS, 2),
    NM(1, 3),
    NM(2, 5),
    NM(4, 4),
    NM(3, 100),
]
RIDGES = [1e-4, 1e-2, 0.1, 1.0, 7.0, 1e4, 1e12]


@pytest.fixture(params=CONVEX, ids=str)
def convex(request):
    return request.param


@pytest.fixture(params=CONSTRAINTS, ids=str)
def constraint(request):
    return request.param


@pytest.fixture(params=[*CONVEX, *CONSTRAINTS], ids=str)
def joint(request):
    return request.param


def vectors(seed=0, count=30):
    """Vectors of ordinary and of very different sizes, with zeros and with ties."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        z = rng.standard_normal(P)
        if i % 3 == 1:
            z *= 10.0 ** rng.uniform(-4, 4, P)
        if i % 3 == 2:
            z = np.round(2 * z) / 2
        yield z


def norms(b, penalty):
    labels = getattr(penalty, "groups", range(P))
    return np.sqrt([np.sum(b[np.array(labels) == label] ** 2) for label in sorted(set(labels))])


def costs_of(penalty):
    return np.asarray(
        getattr(penalty, "costs", None) or np.ones(norms(np.ones(P), penalty).size)
    )


# --- the convex ones ----------------------------------------------------------------


@pytest.mark.parametrize("ridge", RIDGES)
def test_prox_and_conjugate_meet_in_the_equality_of_fenchel_and_young(convex, ridge):
    """x is the prox of z if and only if (z - x) / ridge is a subgradient at x."""
    for z in vectors():
        x = convex.prox(z, ridge / 0.3, 0.3)
        slope = (z - x) / ridge
        value, conjugate = convex.value(x, 1.0), convex.conjugate(slope, 1.0)
        size = value + conjugate + abs(x @ slope)
        assert abs(value + conjugate - x @ slope) <= 1e-13 * (1.0 + 1.0 / ridge) * size


@pytest.mark.parametrize("ridge", [0.05, 0.5, 5.0])
def test_prox_minimises_by_cvxpy(convex, ridge):
    for z in vectors(seed=1, count=3):
        z = np.clip(z, -5.0, 5.0)
        sizes, costs = norms(z, convex), costs_of(convex)
        x, u = cp.Variable(sizes.size), cp.Variable(sizes.size)
        terms = [cp.quad_over_lin(x[g], u[g]) for g in range(sizes.size)]
        problem = cp.Problem(
            cp.Minimize(cp.sum_squares(x - sizes) / 2 + ridge / 2 * sum(terms)),
            [u >= 0, u <= 1, costs @ u <= convex.k],
        )
        least = problem.solve(solver="CLARABEL")
        b = convex.prox(z, 1.0, ridge)
        np.testing.assert_allclose(
            np.sum((b - z) ** 2) / 2 + convex.value(b, ridge), least, atol=1e-6
        )
        np.testing.assert_allclose(norms(b, convex), x.value, atol=2e-4)


def test_value_is_the_least_over_shares_by_cvxpy(convex, rng):
    z = rng.uniform(0.3, 2.0, P)
    sizes, costs = norms(z, convex), costs_of(convex)
    u = cp.Variable(sizes.size)
    total = 0.7 / 2 * sizes**2 @ cp.inv_pos(u)
    least = cp.Problem(cp.Minimize(total), [u <= 1, costs @ u <= convex.k]).solve("CLARABEL")
    np.testing.assert_allclose(convex.value(z, 0.7), least, rtol=1e-6)


def test_convex_proxes_are_firmly_nonexpansive(convex):
    for ridge in (0.01, 1.0, 30.0):
        for z, other in itertools.pairwise(vectors(seed=3)):
            change = convex.prox(z, ridge, 1.0) - convex.prox(other, ridge, 1.0)
            product = change @ (z - other)
            assert change @ change <= product + 1e-12 * abs(product)


def test_envelopes_of_one_coefficient_and_of_all(rng):
    z, ridge = rng.standard_normal(P), 0.8
    np.testing.assert_allclose(KSupport(1).value(z, 2.0), np.abs(z).sum() ** 2)
    for penalty in (KSupport(P), KSupport(10 * P), GroupEnvelope(LABELS, 6)):
        np.testing.assert_allclose(penalty.value(z, 2.0), z @ z)
        np.testing.assert_allclose(penalty.prox(z, ridge, 1.0), z / (1.0 + ridge))
    # The prox of half the squared l1 norm is a soft threshold of ridge times its own sum.
    x = KSupport(1).prox(z, ridge, 1.0)
    soft = np.maximum(np.abs(z) - ridge * np.abs(x).sum(), 0.0) * np.sign(z)
    np.testing.assert_allclose(x, soft, atol=1e-14)


def test_the_norm_of_sparse_vectors_is_that_of_ridge_and_larger_beyond(rng):
    b = np.zeros(P)
    b[:3] = rng.standard_normal(3)
    np.testing.assert_allclose(KSupport(3).value(b, 1.0), b @ b / 2)
    assert KSupport(2).value(b, 1.0) > b @ b / 2
    in_two = np.where(np.isin(LABELS, ["a", "b"]), 1.0, 0.0)
    np.testing.assert_allclose(GroupEnvelope(LABELS, 2).value(in_two, 1.0), in_two.sum() / 2)
    assert GroupEnvelope(LABELS, 1).value(in_two, 1.0) > in_two.sum() / 2


def test_single_groups_make_the_group_envelope_the_k_support_norm(rng):
    z = rng.standard_normal(P)
    alone = GroupEnvelope(np.arange(P), 4)
    np.testing.assert_allclose(alone.prox(z, 0.5, 1.0), KSupport(4).prox(z, 0.5, 1.0))
    np.testing.assert_allclose(alone.value(z, 0.5), KSupport(4).value(z, 0.5))
    np.testing.assert_allclose(alone.conjugate(z, 0.5), KSupport(4).conjugate(z, 0.5))


def test_costs_and_budget_scale_together(rng):
    z = rng.standard_normal(P)
    one, other = (GroupEnvelope(LABELS, 2.0 * c, [c * v for v in COSTS]) for c in (1.0, 8.0))
    np.testing.assert_allclose(one.prox(z, 0.5, 1.0), other.prox(z, 0.5, 1.0), rtol=1e-13)


def test_values_do_not_leave_the_range(convex):
    for size in (1e-150, 1e150):
        value = convex.value(np.full(P, size), 1.0)
        np.testing.assert_allclose(value / size / size, convex.value(np.ones(P), 1.0))
        x = convex.prox(np.full(P, size), 1.0, 1.0)
        np.testing.assert_allclose(x / size, convex.prox(np.ones(P), 1.0, 1.0))


# --- the constraints ----------------------------------------------------------------


def supports(constraint):
    """All supports that a constraint allows, from its words alone."""
    for kept in itertools.product([False, True], repeat=P):
        kept = np.array(kept)
        if isinstance(constraint, NM):
            counts = [kept[i : i + constraint.m].sum() for i in range(0, P, constraint.m)]
            allowed = max(counts) <= constraint.n
        elif isinstance(constraint, GroupTopK):
            allowed = len(set(NUMBERS[kept])) <= constraint.k
        else:
            allowed = kept.sum() <= constraint.k
        if allowed:
            yield kept


def test_constraints_project_by_brute_force(constraint):
    allowed = np.array(list(supports(constraint)))
    for z in vectors(seed=4, count=20):
        x = constraint.prox(z, 0.3, 2.0)
        assert constraint.value(x, 1.0) == 0.0
        nearest = (~allowed @ z**2).min()
        np.testing.assert_allclose(np.sum((x - z) ** 2), nearest, rtol=1e-12)
        np.testing.assert_array_equal(x[x != 0.0], z[x != 0.0])
        np.testing.assert_array_equal(constraint.prox(x, 0.3, 1.0), x)


def test_constraints_are_infinite_outside(constraint):
    allowed = {tuple(kept) for kept in supports(constraint)}
    rng = np.random.default_rng(5)
    for _ in range(200):
        kept = rng.random(P) < rng.random()
        value = constraint.value(np.where(kept, rng.standard_normal(P), 0.0), 1.0)
        assert value == (0.0 if tuple(kept) in allowed else np.inf)


def test_constraints_ignore_the_step_and_keep_the_first_of_equals(constraint):
    z = np.array([1.0, -1.0, 1.0, -1.0] * 3)
    x = constraint.prox(z, 1e-3, 1.0)
    np.testing.assert_array_equal(x, constraint.prox(z, 1e3, 5.0))
    if isinstance(constraint, TopK):
        np.testing.assert_array_equal(np.flatnonzero(x), np.arange(min(constraint.k, P)))


def test_units_and_pools_describe_the_constraint(constraint):
    units = constraint.units(P)
    n_units = units.max() + 1
    pools = constraint.pools(n_units)
    for kept in itertools.islice(supports(constraint), 0, None, 7):
        chosen = np.unique(units[kept])
        assert np.bincount(pools[chosen], minlength=1).max(initial=0) <= constraint.room
    sizes = constraint.sizes(np.ones(P))
    mask = constraint.choose(sizes)
    assert mask.shape == (n_units,)
    assert np.bincount(pools[mask]).max() <= constraint.room


def test_top_one_of_a_million(rng):
    z = rng.standard_normal(1_000_000)
    assert np.flatnonzero(TopK(1).prox(z, 1.0, 1.0)) == np.abs(z).argmax()


# --- all ----------------------------------------------------------------------------


def test_prox_is_odd_and_leaves_zeros_aside(joint, rng):
    z = rng.standard_normal(P)
    if isinstance(joint, NM):
        z[-1] = 0.0
    else:
        z[::4] = 0.0
    x = joint.prox(z, 0.5, 1.0)
    signs = rng.choice([-1.0, 1.0], P)
    np.testing.assert_allclose(joint.prox(signs * z, 0.5, 1.0), signs * x)
    assert not x[z == 0.0].any()
    assert (np.abs(x) <= np.abs(z)).all()
    if isinstance(joint, KSupport | TopK):
        np.testing.assert_allclose(joint.prox(z[z != 0.0], 0.5, 1.0), x[z != 0.0])


def test_prox_of_nonnegative_vectors_is_that_of_the_positive_part(joint, rng):
    """No nonnegative point near by is better than the prox of max(z, 0)."""
    z = rng.standard_normal(P)
    x = joint.prox(np.maximum(z, 0.0), 0.5, 1.0)
    best = np.sum((x - z) ** 2) / 2 + 0.5 * joint.value(x, 1.0)
    for scale in (1e-4, 1e-2, 1.0):
        for _ in range(50):
            trial = joint.prox(np.maximum(x + scale * rng.standard_normal(P), 0.0), 1e-9, 1.0)
            value = np.sum((trial - z) ** 2) / 2 + 0.5 * joint.value(trial, 1.0)
            assert value >= best - 1e-12


def test_no_strength_is_no_penalty(joint, rng):
    z = rng.standard_normal(P)
    np.testing.assert_array_equal(joint.prox(z, 1.0, 0.0), z)
    assert joint.value(z, 0.0) == 0.0
    assert joint.value(np.zeros(P), 1.0) == 0.0
    np.testing.assert_array_equal(joint.prox(np.zeros(P), 1.0, 1.0), np.zeros(P))
    if joint.convex:
        assert joint.conjugate(np.zeros(P), 0.0) == joint.conjugate(np.zeros(P), 1.0) == 0.0
        assert joint.conjugate(z, 0.0) == np.inf


def test_prox_does_not_touch_its_argument(joint, rng):
    z = rng.standard_normal(P)
    z.flags.writeable = False
    joint.prox(z, 0.5, 1.0)
    joint.prox(z, 0.5, 0.0)[0] = 1.0


def test_penalties_are_values(joint):
    assert isinstance(joint, JointPenalty)
    again = type(joint)(**joint.get_params())
    for copy in (clone(joint), pickle.loads(pickle.dumps(joint)), again):
        assert copy == joint
        assert hash(copy) == hash(joint)
        assert copy is not joint
    assert repr(joint).startswith(type(joint).__name__ + "(")


def test_set_params_takes_the_groups_along():
    penalty = GroupTopK(LABELS, 1).set_params(groups=[0, 0, 1], k=1)
    np.testing.assert_array_equal(penalty.prox([1.0, 1.0, 1.2], 1.0, 1.0), [1.0, 1.0, 0.0])
    envelope = GroupEnvelope([0, 0, 1], 1.0).set_params(costs=[1.0, 2.0])
    assert envelope == GroupEnvelope([0, 0, 1], 1.0, (1.0, 2.0))
    assert envelope.value([1.0, 0.0, 1.0], 1.0) > GroupEnvelope([0, 0, 1], 1.0).value(
        [1.0, 0.0, 1.0], 1.0
    )


def test_long_labels_are_shown_in_short():
    assert repr(GroupTopK(range(1000), 3)) == (
        "GroupTopK(groups=(0, 1, 2, 3, 4, 5, 6, ..., 999), k=3)"
    )


@pytest.mark.parametrize("make", [TopK, KSupport, lambda k: GroupTopK([0, 1], k)])
@pytest.mark.parametrize("k", [2.0, "3", None, True])
def test_k_must_be_an_integer(make, k):
    with pytest.raises(TypeError, match=r"The 'k' parameter of .* must be an integer >= 1"):
        make(k)


@pytest.mark.parametrize("make", [TopK, KSupport, lambda k: GroupTopK([0, 1], k)])
def test_k_must_be_positive(make):
    with pytest.raises(ValueError, match=r"'k' parameter of .* must be an integer >= 1. Got 0"):
        make(0)
    assert make(np.int64(2)) == make(2)


def test_n_and_m_are_counts():
    with pytest.raises(ValueError, match=r"'n' parameter of NM must be at most 'm', 2. Got 3"):
        NM(3, 2)
    with pytest.raises(ValueError, match=r"'m' parameter of NM must be an integer >= 1. Got 0"):
        NM(1, 0)
    with pytest.raises(TypeError, match=r"'n' parameter of NM"):
        NM(0.5, 4)


@pytest.mark.parametrize("make", [lambda g: GroupTopK(g, 1), lambda g: GroupEnvelope(g, 1.0)])
def test_groups_must_be_labels(make):
    for labels in ([], [[0, 1], [1, 0]], [0.0, np.nan], [None, 1], np.array([{}, {}])):
        with pytest.raises(ValueError, match=r"'groups' parameter of .* must hold one label"):
            make(labels)
    with pytest.raises(TypeError, match=r"all numbers or all strings. Got both"):
        make(("a", 1))
    for length in (1, 3):
        with pytest.raises(ValueError, match=rf"for each of {length} coefficients. Got 2"):
            make([0, 1]).prox(np.ones(length), 1.0, 1.0)
        with pytest.raises(ValueError, match=rf"for each of {length} coefficients. Got 2"):
            make([0, 1]).value(np.ones(length), 1.0)
    make([0, 1]).check_size(2)


def test_budget_and_costs_are_checked():
    with pytest.raises(ValueError, match=r"'k' parameter of GroupEnvelope must be a real"):
        GroupEnvelope([0, 1], 0.0)
    for costs in ([1.0], [1.0, 0.0], [1.0, np.inf], [1.0, 2.0, 3.0], ["a", "b"], {0: 1.0}, 1.0):
        with pytest.raises(ValueError, match=r"must be a finite number > 0 for each of the 2"):
            GroupEnvelope([0, 1], 1.0, costs)
