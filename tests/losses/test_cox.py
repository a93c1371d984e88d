"""The partial likelihood: loops over risk sets, differences, bounds, extreme predictors."""

import copy
import pickle

import numpy as np
import pytest
from risk_sets_by_hand import terms

from sparsestat import CoxLoss

TIES = ["breslow", "efron"]
N = 40


def value_by_hand(eta, data, ties):
    total = 0.0
    for mass, counts, events in terms(*data, ties):
        total += mass * np.log(counts @ np.exp(eta)) - events @ eta
    return total / data[2].sum()


def derivatives_by_hand(eta, data, ties):
    """Return gradient and Hessian in eta."""
    gradient, hessian = np.zeros(eta.size), np.zeros((eta.size,) * 2)
    for mass, counts, events in terms(*data, ties):
        chances = counts * np.exp(eta)
        chances /= chances.sum()
        gradient += mass * chances - events
        hessian += mass * (np.diag(chances) - np.outer(chances, chances))
    return gradient / data[2].sum(), hessian / data[2].sum()


def draw(kind, rng):
    """Return time, event, weight, strata."""
    time, event = rng.exponential(size=N), rng.random(N) < 0.6
    weight, strata = np.ones(N), np.zeros(N, dtype=int)
    if "ties" in kind:
        time = np.ceil(4 * time)
    if "strata" in kind:
        strata = rng.integers(0, 4, N)
    if "weights" in kind:
        weight = rng.uniform(0.2, 3.0, N)
    if "one time" in kind:
        time[:] = 1.0
    if "one event" in kind:
        event[:] = np.arange(N) == 7
    if "all events" in kind:
        event[:] = True
    if "lonely strata" in kind:
        strata = np.maximum(np.arange(N) - N // 2, 0)
        event[strata % 3 == 1] = False
    return time, event, weight, strata


KINDS = [
    "no complication",
    "ties",
    "strata",
    "weights",
    "ties, strata, weights",
    "one time",
    "one event",
    "ties, all events",
    "lonely strata",
]


@pytest.fixture(params=KINDS)
def data(request, rng):
    return draw(request.param, rng)


@pytest.fixture(params=TIES)
def ties(request):
    return request.param


@pytest.fixture
def f(data, ties):
    return CoxLoss(ties).likelihood(*data)


@pytest.fixture
def eta(rng):
    return 1.5 * rng.standard_normal(N)


# --- value and derivatives ----------------------------------------------------------


def test_the_value_is_that_of_loops_over_risk_sets(f, eta, data, ties):
    np.testing.assert_allclose(f.value(eta), value_by_hand(eta, data, ties), rtol=1e-13)


def test_the_residual_is_minus_n_times_the_gradient(f, eta, data, ties):
    gradient, _ = derivatives_by_hand(eta, data, ties)
    np.testing.assert_allclose(f.residual(eta), -N * gradient, atol=1e-13)
    h = 1e-5
    for i in range(0, N, 7):
        step = np.where(np.arange(N) == i, h, 0.0)
        slope = (f.value(eta + step) - f.value(eta - step)) / (2 * h)
        np.testing.assert_allclose(f.residual(eta)[i], -N * slope, atol=1e-8)


def test_residuals_sum_to_zero_in_each_stratum(f, eta, data):
    sums = np.bincount(data[3], f.residual(eta))
    np.testing.assert_allclose(sums, 0.0, atol=1e-13)


def test_the_hessian_is_that_of_loops_over_risk_sets(f, eta, data, ties):
    _, hessian = derivatives_by_hand(eta, data, ties)
    H = f.hessian(eta)
    np.testing.assert_allclose(H.apply(np.eye(N)), N * hessian, atol=1e-13)
    np.testing.assert_allclose(f.curvature(eta), N * np.diag(hessian), atol=1e-13)
    h, direction = 1e-5, np.linspace(-1.0, 1.0, N)
    change = (f.residual(eta - h * direction) - f.residual(eta + h * direction)) / (2 * h)
    np.testing.assert_allclose(H.apply(direction[None])[0], change, atol=1e-8)


def test_predictors_may_be_shifted_in_each_stratum(f, eta, data):
    shift = np.random.default_rng(1).standard_normal(N)[data[3]]
    np.testing.assert_allclose(f.value(eta + shift), f.value(eta), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(f.residual(eta + shift), f.residual(eta), atol=1e-12)
    np.testing.assert_allclose(f.hessian(eta).apply(shift[None]), 0.0, atol=1e-12)


def test_without_ties_breslow_and_efron_agree(rng, eta):
    data = draw("strata, weights", rng)
    breslow, efron = (CoxLoss(ties).likelihood(*data) for ties in TIES)
    np.testing.assert_allclose(breslow.value(eta), efron.value(eta), rtol=1e-14)
    np.testing.assert_allclose(breslow.residual(eta), efron.residual(eta), atol=1e-14)


def test_weights_are_copies_of_rows_with_breslow(rng):
    """Not with Efron, to whom copies are tied events, each counting less than the last."""
    time, event, _, strata = draw("ties, strata", rng)
    weight, eta = rng.integers(1, 4, N), rng.standard_normal(N)
    rows = np.repeat(np.arange(N), weight)
    for ties in TIES:
        few = CoxLoss(ties).likelihood(time, event, weight.astype(float), strata)
        many = CoxLoss(ties).likelihood(time[rows], event[rows], None, strata[rows])
        residual = np.bincount(rows, many.residual(eta[rows])) / rows.size * N
        same = np.isclose(few.value(eta), many.value(eta[rows]), rtol=1e-13)
        assert same == (ties == "breslow")
        assert np.allclose(few.residual(eta), residual, atol=1e-13) == (ties == "breslow")


def test_the_order_of_samples_does_not_matter(f, eta, data, ties, rng):
    rows = rng.permutation(N)
    time, event, weight, strata = (column[rows] for column in data)
    other = CoxLoss(ties).likelihood(time, event, weight, strata)
    np.testing.assert_allclose(other.value(eta[rows]), f.value(eta), rtol=1e-13)
    np.testing.assert_allclose(other.residual(eta[rows]), f.residual(eta)[rows], atol=1e-13)
    z = rng.standard_normal((3, N))
    product = f.hessian(eta).apply(z)[:, rows]
    np.testing.assert_allclose(other.hessian(eta[rows]).apply(z[:, rows]), product, atol=1e-12)


def test_without_events_there_is_nothing_to_explain(ties, eta):
    f = CoxLoss(ties).likelihood(np.arange(N) + 1.0, np.zeros(N, dtype=bool))
    assert f.value(eta) == f.event_share == f.excess(eta, 0.3) == 0.0
    np.testing.assert_array_equal(f.residual(eta), 0.0)
    np.testing.assert_array_equal(f.hessian(eta).apply(np.eye(N)), 0.0)
    (baseline,) = f.baseline(eta)
    assert baseline.times.size == 0
    np.testing.assert_array_equal(baseline.log_at(np.array([1.0])), -np.inf)


# --- far out ------------------------------------------------------------------------


def exact(eta, data, ties):
    """Return value and residual with the range of long floats."""
    wide = [eta.astype(np.longdouble), (*data[:2], data[2].astype(np.longdouble), data[3])]
    return value_by_hand(*wide, ties), -N * derivatives_by_hand(*wide, ties)[0]


def test_extreme_predictors_neither_overflow_nor_lose_small_risk_sets(f, data, ties, rng):
    for eta in (
        rng.uniform(-700, 700, N),
        700.0 * np.sign(rng.standard_normal(N)),
        np.linspace(700, -700, N)[np.argsort(np.argsort(data[0]))],
        np.linspace(-700, 700, N)[np.argsort(np.argsort(data[0]))],
    ):
        value, residual = exact(eta, data, ties)
        np.testing.assert_allclose(f.value(eta), float(value), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(f.residual(eta), residual.astype(float), atol=1e-11)
        np.testing.assert_allclose(np.bincount(data[3], f.residual(eta)), 0.0, atol=1e-11)
        H = f.hessian(eta).apply(np.eye(N))
        np.testing.assert_allclose(H, H.T, atol=1e-11)
        assert np.linalg.eigvalsh(H)[0] >= -1e-10
        for share in (0.0, 0.5, 1.0):
            assert np.isfinite(f.excess(eta, share))


def test_predictors_of_any_size_give_finite_numbers(f, rng):
    for size in (1e5, 1e15, 1e150):
        eta = size * rng.standard_normal(N)
        assert np.isfinite(f.value(eta))
        assert np.isfinite(f.residual(eta)).all()
        assert np.isfinite(f.hessian(eta).apply(np.eye(N))).all()
        assert np.isfinite(f.excess(eta, 0.5))


# --- bounds -------------------------------------------------------------------------


def test_no_hessian_exceeds_the_bound(f, data, rng):
    bound = f.hessian_bound().apply(np.eye(N))
    np.testing.assert_allclose(bound, bound.T, atol=1e-12)
    for size in (0.0, 1.0, 10.0):
        for _ in range(10):
            H = f.hessian(size * rng.standard_normal(N)).apply(np.eye(N))
            assert np.linalg.eigvalsh(bound - H)[0] >= -1e-9


def test_curvature_along_a_column_is_within_a_quarter_of_its_squared_range(f, data, rng):
    share = data[2][data[1]].sum() / data[2].sum()
    assert f.event_share == pytest.approx(share)
    for size in (0.0, 1.0, 10.0):
        x = rng.standard_normal(N)
        curvature = f.hessian(size * rng.standard_normal(N)).apply(x[None])[0] @ x / N
        assert curvature <= share * np.ptp(x) ** 2 / 4


# --- the duality gap ----------------------------------------------------------------


def conjugate(u, data, ties):
    """Return the conjugate of the loss by cvxpy: the largest u'eta - f(eta)."""
    import cvxpy as cp

    eta = cp.Variable(u.size)
    loss = 0
    for mass, counts, events in terms(*data, ties):
        used = np.flatnonzero(counts)
        logs = np.log(counts[used])
        loss += mass * cp.log_sum_exp(eta[used] + logs) - events @ eta
    problem = cp.Problem(cp.Maximize(u @ eta - loss / data[2].sum()), [cp.abs(eta) <= 60])
    return problem.solve(solver="CLARABEL")


@pytest.mark.parametrize("kind", ["ties", "ties, strata, weights", "one event"])
def test_excess_is_at_least_value_plus_conjugate_minus_product(kind, ties, rng):
    data = [column[:12] for column in draw(kind, rng)]
    data[3] = np.unique(data[3], return_inverse=True)[1]
    f, eta = CoxLoss(ties).likelihood(*data), rng.standard_normal(12)
    for share in (0.0, 0.3, 0.9, 0.99):
        u = -share * f.residual(eta) / 12
        least = f.value(eta) + conjugate(u, data, ties) - u @ eta
        assert f.excess(eta, share) >= least - 1e-7
    assert f.excess(eta, 1.0) == 0.0


def test_excess_falls_with_the_share_and_vanishes_quadratically(f, eta):
    shares = np.linspace(0.0, 1.0, 21)
    excess = np.array([f.excess(eta, share) for share in shares])
    assert (excess >= 0.0).all()
    assert (np.diff(excess) <= 1e-15).all()
    assert excess[-1] == 0.0
    near, nearer = f.excess(eta, 1.0 - 1e-5), f.excess(eta, 1.0 - 1e-6)
    assert nearer <= 1e-2 * near * (1.0 + 1e-3) + 1e-20


# --- baseline -----------------------------------------------------------------------


def test_the_baseline_is_the_sum_of_masses_over_risk_sums(f, eta, data, ties):
    time, event, _, strata = data
    baselines = f.baseline(eta)
    assert len(baselines) == strata.max() + 1
    for s, baseline in enumerate(baselines):
        inside = strata == s
        part = [column[inside] for column in data]
        np.testing.assert_array_equal(baseline.times, np.unique(time[inside & event]))
        for t in [0.0, *time]:
            expected = sum(
                mass / (counts @ np.exp(eta[inside]))
                for mass, counts, events in terms(*part, ties)
                if part[0][events > 0].min() <= t
            )
            np.testing.assert_allclose(np.exp(baseline.log_at(t)), expected, rtol=1e-12)


def test_the_hazard_lived_through_adds_up_to_the_events(eta, data):
    """With Breslow: expected events are as many as observed ones."""
    time, event, weight, strata = data
    baselines = CoxLoss().likelihood(*data).baseline(eta)
    lived = np.array([baselines[s].log_at(t) for s, t in zip(strata, time, strict=True)])
    np.testing.assert_allclose(weight @ np.exp(eta + lived), weight @ event, rtol=1e-12)


# --- as other losses ----------------------------------------------------------------


def test_samples_share_out_the_loss(ties, rng, eta):
    """The means of what it returns are value, gradient and bound of the gap."""
    time, event, _, _ = draw("ties", rng)
    y = np.rec.fromarrays([event, time], names="event,time")
    loss, f = CoxLoss(ties), CoxLoss(ties).likelihood(time, event)
    np.testing.assert_allclose(loss.value(y, eta).mean(), f.value(eta), rtol=1e-14)
    assert (loss.value(y, eta)[~event] == 0.0).all()
    np.testing.assert_array_equal(loss.gradient(y, eta), -f.residual(eta))
    np.testing.assert_array_equal(loss.curvature(y, eta), f.curvature(eta))
    np.testing.assert_allclose(loss.excess(y, eta, 0.5).mean(), f.excess(eta, 0.5))
    assert loss.shift(y, np.full(N, 1 / N), eta, 0.0) == 0.0
    np.testing.assert_allclose(loss.inverse_link(eta), np.exp(eta))
    assert loss.minus_two_log_likelihood(y, None, N, f.value(eta)) == 2 * N * f.value(eta)


# --- objects ------------------------------------------------------------------------


def test_losses_are_values():
    assert CoxLoss() == CoxLoss("breslow") != CoxLoss("efron")
    loss = CoxLoss("efron")
    assert eval(repr(loss)) == pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss
    assert hash(loss) == hash(CoxLoss(ties="efron"))
    with pytest.raises(ValueError, match=r"ties.*'breslow' or 'efron'.*'exact'"):
        CoxLoss("exact")
