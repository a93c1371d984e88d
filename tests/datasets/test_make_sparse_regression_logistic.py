"""Logistic labels follow the law that the docstring of make_sparse_regression states."""

import math

import numpy as np
import pytest

from sparsestat.datasets import make_sparse_regression

DESIGNS = ["iid", "ar1", "block", "factor", "duplicated"]
NOISE_VARIANCE = math.pi**2 / 3


def make_labels(*sizes, **parameters):
    return make_sparse_regression(*sizes, response="logistic", **parameters)


def probabilities(data):
    return 1 / (1 + np.exp(-(data.intercept + data.X @ data.coef)))


def assert_within_four_standard_errors(estimate, truth, standard_error):
    assert np.all(np.abs(estimate - truth) <= 4 * standard_error)


# --- law of the labels --------------------------------------------------------


@pytest.mark.parametrize("snr", [0.2, 5.0])
@pytest.mark.parametrize("design", DESIGNS)
def test_labels_are_one_with_the_stated_probability(design, snr):
    data = make_labels(20_000, 12, 6, snr=snr, design=design, intercept=0.7, random_state=0)
    probability = probabilities(data)
    # Calibration in ten bins of equal size, from the least to the most probable.
    bins = np.array_split(np.argsort(probability), 10)
    for rows in bins:
        expected = probability[rows].sum()
        standard_error = np.sqrt((probability[rows] * (1 - probability[rows])).sum())
        assert_within_four_standard_errors(data.y[rows].sum(), expected, standard_error)


def test_labels_are_independent_given_the_features():
    n = 20_000
    data = make_labels(n, 4, 2, random_state=1)
    probability = probabilities(data)
    residual = (data.y - probability) / np.sqrt(probability * (1 - probability))
    serial_correlation = np.mean(residual[1:] * residual[:-1])
    assert_within_four_standard_errors(serial_correlation, 0, 1 / np.sqrt(n))


@pytest.mark.parametrize("snr", [0.1, 3.0, math.inf])
@pytest.mark.parametrize("intercept", [-2.0, 0.0, 1.0])
def test_empty_support_tosses_one_coin(intercept, snr):
    n = 10_000
    data = make_labels(n, 3, 0, snr=snr, intercept=intercept, random_state=2)
    share = 1 / (1 + math.exp(-intercept))
    assert_within_four_standard_errors(data.y.mean(), share, np.sqrt(share * (1 - share) / n))
    assert data.noise_variance == NOISE_VARIANCE
    assert not data.coef.any()


def test_extreme_log_odds_decide_the_label():
    for intercept, label in [(1e6, 1), (-1e6, 0)]:
        data = make_labels(100, 3, 1, intercept=intercept, random_state=0)
        assert (data.y == label).all()


@pytest.mark.parametrize("snr", [3.0, math.inf])
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("n_samples", "n_features"), [(1, 1), (1, 5), (5, 1), (4, 11)])
def test_labels_are_a_vector_of_integers(design, n_samples, n_features, snr):
    data = make_labels(n_samples, n_features, 1, snr=snr, design=design, random_state=0)
    assert data.X.shape == (n_samples, n_features)
    assert data.y.shape == (n_samples,)
    assert data.y.dtype == np.int64
    assert set(data.y) <= {0, 1}
    assert data.coef.dtype == np.float64
    assert type(data.intercept) is type(data.noise_variance) is float


# --- signal-to-noise ratio ----------------------------------------------------


@pytest.mark.parametrize("snr", [1e-12, 0.3, 1.0, 40.0, 1e300])
@pytest.mark.parametrize("n_features", [1, 2, 7, 8])
@pytest.mark.parametrize("design", DESIGNS)
def test_population_signal_variance_is_snr_times_pi_squared_over_three(design, n_features, snr):
    parameters = {"design": design, "block_size": 3, "random_state": 0}
    data = make_labels(3, n_features, n_features, snr=snr, **parameters)
    # With these coefficients a Gaussian response of the same ratio has the same noise variance;
    # its own tests compare it with the covariance matrix.
    gaussian = make_sparse_regression(
        3, n_features, n_features, snr=snr, coef=data.coef, **parameters
    )
    assert gaussian.noise_variance == pytest.approx(NOISE_VARIANCE, rel=1e-12)
    assert data.noise_variance == NOISE_VARIANCE


@pytest.mark.parametrize("design", DESIGNS)
def test_signal_variance_is_met_in_the_sample(design):
    n, snr = 20_000, 4.0
    data = make_labels(n, 12, 6, rho=0.6, snr=snr, design=design, random_state=3)
    signal = data.X @ data.coef
    assert_within_four_standard_errors(signal.var() / (snr * NOISE_VARIANCE), 1, np.sqrt(2 / n))


@pytest.mark.parametrize("design", DESIGNS)
def test_coefficients_are_those_of_a_gaussian_response_times_one_positive_number(design):
    sizes, parameters = (20, 12, 6), {"design": design, "random_state": 4}
    gaussian = make_sparse_regression(*sizes, **parameters)
    logistic = make_labels(*sizes, **parameters)
    np.testing.assert_array_equal(logistic.X, gaussian.X)
    np.testing.assert_array_equal(logistic.support, gaussian.support)
    ratios = logistic.coef[logistic.support] / gaussian.coef[gaussian.support]
    assert ratios[0] > 0
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)


@pytest.mark.parametrize("magnitude", [1e-160, 1.0, 5.0])
def test_fixed_magnitude_is_scaled_to_the_ratio(magnitude):
    data = make_labels(3, 20, 8, snr=2.0, design="iid", magnitude=magnitude, random_state=0)
    expected = math.sqrt(2 * NOISE_VARIANCE / 8)
    # The square of 1e-160 is subnormal, with few digits.
    np.testing.assert_allclose(np.abs(data.coef[data.support]), expected, rtol=1e-3)


@pytest.mark.parametrize("design", DESIGNS)
def test_infinite_snr_gives_the_sign_of_the_log_odds(design):
    sizes, parameters = (50, 6, 3), {"design": design, "intercept": 0.5, "random_state": 0}
    data = make_labels(*sizes, snr=math.inf, **parameters)
    np.testing.assert_array_equal(data.y, 0.5 + data.X @ data.coef > 0)
    assert data.y.dtype == np.int64
    assert data.noise_variance == 0
    as_drawn = make_sparse_regression(*sizes, **parameters).coef
    np.testing.assert_array_equal(data.coef, as_drawn)


def test_given_coefficients_are_used_without_scaling_at_every_finite_snr():
    coef = np.array([0.0, 2.0, 0.0, -1.0])
    first, second = (
        make_labels(200, 4, 2, snr=snr, coef=coef, random_state=0) for snr in (0.1, 10.0)
    )
    np.testing.assert_array_equal(first.coef, coef)
    np.testing.assert_array_equal(first.y, second.y)
    assert first.noise_variance == second.noise_variance == NOISE_VARIANCE
    assert not np.shares_memory(first.coef, coef)


def test_given_coefficients_without_noise_separate_the_classes():
    coef = [0.0, 2.0, 0.0, -1.0]
    data = make_labels(200, 4, 2, snr=math.inf, coef=coef, random_state=0)
    np.testing.assert_array_equal(data.coef, coef)
    np.testing.assert_array_equal(data.y, data.X @ coef > 0)
    assert data.noise_variance == 0


@pytest.mark.parametrize("snr", [3.0, math.inf])
def test_cancelling_duplicates_count_as_no_signal(snr):
    sums = set()
    for seed in range(10):
        data = make_labels(
            500, 2, 2, snr=snr, design="duplicated", magnitude=1.0, random_state=seed
        )
        assert np.isfinite(data.coef).all()
        sums.add(cancels := data.coef.sum() == 0)
        if cancels:
            np.testing.assert_array_equal(np.abs(data.coef), 1)
            assert_within_four_standard_errors(data.y.mean(), 0.5, 0.5 / np.sqrt(500))
            assert data.noise_variance == NOISE_VARIANCE
    assert sums == {True, False}


# --- randomness ---------------------------------------------------------------


@pytest.mark.parametrize("design", DESIGNS)
def test_seed_determines_the_labels(design):
    first, again, other = (
        make_labels(50, 6, 3, design=design, random_state=seed) for seed in (0, 0, 1)
    )
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first.X, other.X)
    assert not np.array_equal(first.y, other.y)


def test_same_uniform_numbers_decide_the_labels_at_every_snr_and_intercept():
    # A label of 1 says that its uniform number is below the probability, one of 0 that it is
    # not. Numbers drawn anew would soon contradict each other.
    draws = [
        make_labels(100, 6, 3, snr=snr, intercept=intercept, random_state=0)
        for snr in np.geomspace(0.01, 100, 15)
        for intercept in (-1.0, 0.0, 1.0)
    ]
    for data in draws:
        np.testing.assert_array_equal(data.X, draws[0].X)
        np.testing.assert_array_equal(np.sign(data.coef), np.sign(draws[0].coef))
    probability = np.array([probabilities(data) for data in draws])
    y = np.array([data.y for data in draws])
    upper = np.where(y == 1, probability, 1.0).min(axis=0)
    lower = np.where(y == 0, probability, 0.0).max(axis=0)
    assert (lower < upper).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_uniform_numbers_do_not_depend_on_the_features(design):
    plain = make_labels(100, 3, 0, random_state=0)
    other = make_labels(100, 8, 0, rho=0.9, design=design, random_state=0)
    np.testing.assert_array_equal(other.y, plain.y)


def test_labels_are_not_tied_to_the_features_of_their_seed():
    # Under the null, labels and features come from one seed but separate streams.
    n = 20_000
    data = make_labels(n, 5, 0, random_state=5)
    association = (data.X * (2 * data.y - 1)[:, None]).mean(axis=0)
    assert_within_four_standard_errors(association, 0, 1 / np.sqrt(n))
