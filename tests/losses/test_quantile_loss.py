"""The quantile loss: its values, slopes, best constant, conjugate and likelihood."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from sparsestat.losses import Loss
from sparsestat.losses.quantile import QuantileLoss, lower_quantile

QUANTILES = [0.1, 0.5, 0.75]


@pytest.fixture(params=QUANTILES, ids=str)
def loss(request):
    return QuantileLoss(request.param)


def test_at_the_median_it_is_half_the_absolute_error(rng):
    y, eta = rng.standard_normal((2, 9))
    np.testing.assert_allclose(QuantileLoss().value(y, eta), np.abs(y - eta) / 2)


def test_gradients_are_slopes_of_the_value_and_zero_is_one_of_those_at_the_kink(loss):
    y, eta = np.array([[1.0], [-2.0]]), np.linspace(-5.0, 5.0, 36) + 0.01
    slope = (loss.value(y, eta + 1e-5) - loss.value(y, eta - 1e-5)) / 2e-5
    np.testing.assert_allclose(loss.gradient(y, eta), slope, atol=1e-9)
    assert loss.gradient(1.0, np.array([1.0])) == 0.0
    assert not loss.curvature(y, eta).any()
    assert loss.curvature(y, eta).shape == (2, 36)
    assert not loss.smooth


@pytest.mark.parametrize("quantile", QUANTILES)
def test_the_best_constant_is_the_lower_weighted_quantile(quantile, rng):
    loss = QuantileLoss(quantile)
    for n in (1, 2, 4, 10, 31):
        y, fixed = np.round(rng.standard_normal(n), 1), np.round(rng.standard_normal(n), 1)
        counts = rng.integers(1, 4, n)
        rest = np.repeat(y - fixed, counts)
        expected = np.quantile(rest, quantile, method="inverted_cdf")
        assert loss.shift(y, counts.astype(float), fixed, 0.0) == expected
        total = [loss.value(rest, c).sum() for c in rest]
        np.testing.assert_allclose(loss.value(rest, expected).sum(), min(total), rtol=1e-12)


def test_rounding_of_weights_does_not_move_the_lower_end():
    """Ten times 0.1 add up to less than 1, three times to more than 0.3."""
    values = np.arange(10.0)
    for k in range(1, 10):
        assert lower_quantile(values, np.full(10, 0.1), k / 10) == k - 1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_excess_is_value_plus_conjugate_minus_product(loss, share):
    """The conjugate at slopes within the range is y times the slope."""
    y, eta = np.array([[1.0], [-2.0], [0.5]]), np.linspace(-3.0, 3.0, 14)
    u = share * loss.gradient(y, eta)
    points = np.linspace(-9.0, 9.0, 37)[:, None, None]
    conjugate = (u * points - loss.value(y, points)).max(axis=0)
    np.testing.assert_allclose(conjugate, u * y, atol=1e-12)
    expected = loss.value(y, eta) + conjugate - u * eta
    np.testing.assert_allclose(loss.excess(y, eta, share), expected, atol=1e-12)


def test_the_likelihood_is_that_of_asymmetric_laplace_errors(loss, rng):
    """Whose density is exp(-loss(r) / s) t (1 - t) / s, at the best s."""
    r, t = rng.standard_normal(30), loss.quantile
    value = loss.value(r, 0.0)

    def likelihood(scale):
        return -2.0 * (np.log(t * (1 - t) / scale) - value / scale).sum()

    best = minimize_scalar(likelihood, bounds=(1e-3, 9.0), method="bounded")
    got = loss.minus_two_log_likelihood(r, np.full(30, 1 / 30), 30.0, value.mean())
    np.testing.assert_allclose(got, best.fun, rtol=1e-8)
    if t == 0.5:  # a Laplace distribution
        scale = 2.0 * value.mean()
        np.testing.assert_allclose(got, -2.0 * stats.laplace.logpdf(r, scale=scale).sum())
    assert loss.minus_two_log_likelihood(r, np.ones(30), 30.0, 0.0) == -np.inf


def test_it_is_a_value_like_other_losses(loss):
    assert isinstance(loss, Loss)
    assert loss == QuantileLoss(loss.quantile)
    assert repr(QuantileLoss(0.25)) == "QuantileLoss(quantile=0.25)"
    assert loss.get_params() == {"quantile": loss.quantile}
    loss.check(np.array([-1.0, 1e300]))


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1, 1.5, np.nan, np.inf])
def test_quantiles_out_of_range_are_refused(quantile):
    with pytest.raises(ValueError, match="'quantile' parameter of QuantileLoss"):
        QuantileLoss(quantile)


@pytest.mark.parametrize("quantile", ["median", None, True])
def test_quantiles_that_are_no_numbers_are_refused(quantile):
    with pytest.raises(TypeError, match="'quantile' parameter of QuantileLoss"):
        QuantileLoss(quantile)
