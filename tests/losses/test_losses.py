"""Losses: derivatives against differences, conjugates against maxima, arrays of any library."""

import copy
import pickle

import array_api_strict
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from sparsestat import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredLoss,
)
from sparsestat._backend import namespace_of
from sparsestat.losses import LOSSES, Loss, loss_of

ETA = np.linspace(-6.0, 6.0, 49)
RESPONSES = {
    SquaredLoss(): [1.0, -2.0, 0.5],
    HuberLoss(1.03): [1.0, -2.0, 0.5],
    PoissonLoss(): [0.0, 1.0, 3.5],
    GammaLoss(): [0.1, 1.0, 3.5],
    LogisticLoss(): [0.0, 1.0],
}


@pytest.fixture(params=RESPONSES, ids=str)
def loss(request):
    return request.param


@pytest.fixture
def y(loss):
    """Every response beside every linear predictor."""
    return np.array(RESPONSES[loss])[:, None]


def test_derivatives_are_those_of_the_value(loss, y):
    h = 1e-5
    slope = (loss.value(y, ETA + h) - loss.value(y, ETA - h)) / (2 * h)
    bend = (loss.gradient(y, ETA + h) - loss.gradient(y, ETA - h)) / (2 * h)
    np.testing.assert_allclose(loss.gradient(y, ETA), slope, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(
        loss.curvature(y, ETA) + 0.0 * y, bend + 0.0 * y, rtol=1e-8, atol=1e-9
    )


def test_the_bound_is_the_largest_curvature(loss, y):
    eta = np.concatenate([ETA, [-800.0, 800.0]])
    curvature = loss.curvature(y, eta)
    assert (curvature >= 0.0).all()
    assert np.isfinite(curvature).all()
    assert curvature.max() == loss.bound or (np.isinf(loss.bound) and curvature.max() > 1e200)


def test_the_logistic_loss_is_minus_the_log_likelihood():
    chance = 1.0 / (1.0 + np.exp(-ETA))
    loss = LogisticLoss()
    np.testing.assert_allclose(loss.value(1.0, ETA), -np.log(chance), rtol=1e-12)
    np.testing.assert_allclose(loss.value(0.0, ETA), -np.log(1.0 - chance), rtol=1e-12)
    np.testing.assert_allclose(loss.value(0.0, ETA), loss.value(1.0, -ETA), rtol=1e-12)


@pytest.mark.parametrize("eta", [800.0, 1e5, 1e300])
def test_the_logistic_loss_of_extreme_predictors_is_exact(eta):
    """Without warnings either, which are errors here."""
    loss, both = LogisticLoss(), np.array([-eta, eta])
    np.testing.assert_array_equal(loss.value(np.ones(2), both), [eta, 0.0])
    np.testing.assert_array_equal(loss.value(np.zeros(2), both), [0.0, eta])
    np.testing.assert_array_equal(loss.gradient(np.ones(2), both), [-1.0, 0.0])
    np.testing.assert_array_equal(loss.gradient(np.zeros(2), both), [0.0, 1.0])
    np.testing.assert_array_equal(loss.curvature(np.zeros(2), both), [0.0, 0.0])
    for share in (0.0, 0.5, 1.0):
        assert np.isfinite(loss.excess(np.zeros(2), both, share)).all()


def test_small_logistic_losses_keep_their_digits():
    eta = np.array([30.0, 40.0, 100.0, 700.0])
    loss = LogisticLoss()
    np.testing.assert_allclose(loss.value(1.0, eta), np.exp(-eta), rtol=1e-12)
    np.testing.assert_allclose(loss.gradient(0.0, -eta), np.exp(-eta), rtol=1e-12)
    np.testing.assert_allclose(loss.curvature(1.0, eta), np.exp(-eta), rtol=1e-12)


# --- the duality gap ----------------------------------------------------------------


def conjugate(loss, y, u):
    """Return max over eta of u eta - loss(y, eta), by search."""
    fit = minimize_scalar(
        lambda eta: float(loss.value(y, eta) - u * eta),
        bounds=(-60.0, 60.0),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return -fit.fun


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 1.0])
def test_excess_is_value_plus_conjugate_minus_product(loss, y, share):
    eta = np.array([-4.0, -0.7, 0.0, 2.0, 9.0])
    gradient = loss.gradient(y, eta)
    excess = loss.excess(y, eta, share)
    for i in range(y.size):
        for j in range(eta.size):
            u = share * gradient[i, j]
            expected = loss.value(y[i, 0], eta[j]) + conjugate(loss, y[i, 0], u) - u * eta[j]
            np.testing.assert_allclose(excess[i, j], expected, atol=1e-8)


def test_excess_is_nonnegative_falls_with_the_share_and_vanishes_with_the_whole(loss, y):
    eta = np.concatenate([ETA, [-40.0, -15.0, 15.0, 40.0]])
    shares = np.linspace(0.0, 1.0, 21)
    excess = np.array([loss.excess(y, eta, share) for share in shares])
    rounding = 1e-15 * (1.0 + np.abs(eta) + loss.value(y, eta))
    assert (excess >= -rounding).all()
    assert (np.diff(excess, axis=0) <= rounding).all()
    assert (excess[-1] <= rounding).all()
    # Without any of the gradient it is what the loss has left to lose.
    least = np.zeros_like(y)
    if loss in (PoissonLoss(), GammaLoss()):
        least = loss.value(y, np.log(np.maximum(y, 1e-200)))
    np.testing.assert_allclose(excess[0], loss.value(y, eta) - least, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("eta", [-1e6, -800.0, 800.0, 1e6])
def test_excess_is_finite_far_out(loss, y, eta):
    """Where means vanish or leave the range of floats, and without warnings."""
    for share in (0.0, 0.5, 1.0):
        assert np.isfinite(loss.excess(y, np.full_like(y, eta), share)).all()
    if loss == PoissonLoss():
        left = loss.excess(np.array([0.0, 2.0]), np.full(2, -1e6), 0.0)
        np.testing.assert_allclose(left, [0.0, 2 * np.log(2.0) - 2.0 + 2e6])


def test_the_default_excess_is_the_closed_one(loss, y):
    eta = np.array([-4.0, -0.7, 0.0, 2.0, 9.0])
    for share in (0.01, 0.5, 0.99, 1.0):
        found, closed = Loss.excess(loss, y, eta, share), loss.excess(y, eta, share)
        np.testing.assert_allclose(found, closed, rtol=1e-6, atol=1e-10)


def test_the_best_constant_is_found(loss, y, rng):
    responses, fixed = np.repeat(y[:, 0], 5), rng.standard_normal(5 * y.size)
    share = rng.dirichlet(np.ones(responses.size))
    shift = loss.shift(responses, share, fixed, 0.0)
    slopes = share * loss.gradient(responses, fixed + shift)
    assert abs(slopes.sum()) <= 1e-15 * (1.0 + np.abs(slopes).sum())
    np.testing.assert_allclose(
        Loss.shift(loss, responses, share, fixed, 3.0), shift, atol=1e-10
    )


@pytest.mark.parametrize("centre", [0.0, 1e8, -1e12])
def test_the_best_constant_is_found_far_from_zero(centre):
    y, share = centre + np.array([-3.0, 0.0, 1.0, 400.0]), np.full(4, 0.25)
    shift = HuberLoss(1.0).shift(y, share, np.zeros(4), 0.0)
    np.testing.assert_allclose(shift - centre, 0.5, atol=1e-15 * abs(centre) + 1e-10)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (PoissonLoss(), [1.0, -1.0], "nonnegative"),
        (GammaLoss(), [1.0, 0.0], "positive"),
        (LogisticLoss(), [0.5, 1.0], "0 or 1"),
    ],
)
def test_responses_out_of_range_are_named(loss, y, message):
    with pytest.raises(ValueError, match=f"y must be {message}"):
        loss.check(np.array(y))


def test_likelihoods_are_those_of_the_distributions(rng):
    n, eta = 40, rng.standard_normal(40)
    share, mean = np.full(n, 1 / n), np.exp(eta)
    counts, times = rng.poisson(mean).astype(float), rng.gamma(2.0, mean / 2.0)
    for loss, y, expected in (
        (PoissonLoss(), counts, -2 * stats.poisson.logpmf(counts, mean).sum()),
        (GammaLoss(), times, None),
        (SquaredLoss(), eta, -2 * stats.norm.logpdf(eta, 0.0, np.sqrt((eta**2).mean())).sum()),
    ):
        fit = np.zeros(n) if loss == SquaredLoss() else eta
        mean_loss = loss.value(y, fit).mean()
        if expected is None:
            best = minimize_scalar(
                lambda k: -2 * stats.gamma.logpdf(times, k, scale=mean / k).sum(),
                bounds=(0.1, 20.0),
                method="bounded",
            )
            expected = best.fun
        got = loss.minus_two_log_likelihood(y, share, float(n), mean_loss)
        np.testing.assert_allclose(got, expected, rtol=1e-7)


# --- objects and arrays -------------------------------------------------------------


def test_losses_are_values_and_have_scikit_learns_names(loss):
    same = type(loss)(**loss.get_params())
    assert loss == same
    assert hash(loss) == hash(same)
    assert eval(repr(loss)) == pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss
    assert loss_of(loss) is loss
    assert {name: loss_of(name) for name in LOSSES} == {
        "squared_error": SquaredLoss(),
        "huber": HuberLoss(),
        "quantile": QuantileLoss(),
        "poisson": PoissonLoss(),
        "gamma": GammaLoss(),
        "log_loss": LogisticLoss(),
        "multinomial": MultinomialLoss(),
    }
    assert SquaredLoss() != LogisticLoss()


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
