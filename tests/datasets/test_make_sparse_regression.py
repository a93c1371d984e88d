"""The drawn data follow the law that the docstring states."""

import math

import numpy as np
import pytest

from sparsestat.datasets import Dataset, make_sparse_regression

DESIGNS = ["iid", "ar1", "block", "factor", "duplicated"]
RHOS = [0.0, 0.3, 0.9]
BLOCK_SIZE = 3


def population_correlation(design, n_features, rho):
    index = np.arange(n_features)
    lag = np.abs(index[:, None] - index)
    if design == "iid":
        return np.eye(n_features)
    if design == "ar1":
        return rho**lag
    if design == "block":
        block = index // BLOCK_SIZE
        return np.where(lag == 0, 1.0, np.where(block[:, None] == block, rho, 0.0))
    twin = index % math.ceil(n_features / 2)
    return rho ** np.abs(twin[:, None] - twin)


def assert_within_four_standard_errors(estimate, truth, standard_error):
    # The floor lets quantities without sampling error (correlation 1) agree to rounding.
    assert np.all(np.abs(estimate - truth) <= 4 * standard_error + 1e-12)


# --- features -----------------------------------------------------------------


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("design", ["iid", "ar1", "block", "duplicated"])
def test_feature_correlations_match_the_population(design, rho):
    n, p = 20_000, 7
    X = make_sparse_regression(
        n, p, 1, rho=rho, design=design, block_size=BLOCK_SIZE, random_state=0
    ).X
    truth = population_correlation(design, p, rho)
    standard_error = (1 - truth**2) / np.sqrt(n)
    assert_within_four_standard_errors(np.corrcoef(X, rowvar=False), truth, standard_error)


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("design", DESIGNS)
def test_features_have_mean_zero_and_variance_one(design, rho):
    n = 20_000
    X = make_sparse_regression(n, 7, 1, rho=rho, design=design, random_state=1).X
    assert_within_four_standard_errors(X.mean(axis=0), 0, 1 / np.sqrt(n))
    assert_within_four_standard_errors(X.var(axis=0), 1, np.sqrt(2 / n))


@pytest.mark.parametrize("rho", RHOS)
def test_factor_design_has_mean_absolute_correlation_of_half_rho(rho):
    n, p, replications = 10_000, 20, 50
    upper = np.triu_indices(p, 1)
    rng = np.random.default_rng(2)
    # With the sign from the other half of the rows, sampling noise does not bias
    # the mean absolute correlation upwards.
    means = []
    for _ in range(replications):
        X = make_sparse_regression(n, p, 0, rho=rho, design="factor", random_state=rng).X
        first, second = (np.corrcoef(half, rowvar=False)[upper] for half in np.split(X, 2))
        means.append(np.mean(first * np.sign(second)))
    standard_error = np.std(means, ddof=1) / np.sqrt(replications)
    assert_within_four_standard_errors(np.mean(means), rho / 2, standard_error)


def test_factor_design_has_three_factors_beyond_equal_specific_variances():
    n, p, rho = 20_000, 30, 0.6
    X = make_sparse_regression(n, p, 0, rho=rho, design="factor", random_state=3).X
    eigenvalues = np.linalg.eigvalsh(X.T @ X / n)
    edge = (1 - rho) * (1 + np.sqrt(p / n)) ** 2  # Marchenko-Pastur
    assert eigenvalues[-4] < 1.05 * edge
    assert eigenvalues[-3] > 3 * edge


@pytest.mark.parametrize("n_features", [1, 2, 7, 8])
def test_second_half_of_duplicated_design_copies_the_first_exactly(n_features):
    X = make_sparse_regression(20, n_features, 0, design="duplicated", random_state=0).X
    half = math.ceil(n_features / 2)
    np.testing.assert_array_equal(X[:, half:], X[:, : n_features - half])
    assert np.linalg.matrix_rank(X) == half


@pytest.mark.parametrize("design", DESIGNS)
def test_rows_are_independent(design):
    n = 20_000
    X = make_sparse_regression(n, 4, 0, rho=0.9, design=design, random_state=4).X
    serial_correlation = np.mean(X[1:] * X[:-1], axis=0)
    assert_within_four_standard_errors(serial_correlation, 0, 1 / np.sqrt(n))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("n_samples", "n_features"), [(1, 1), (1, 5), (5, 1), (4, 11)])
def test_arrays_have_the_stated_shape_order_and_dtype(design, n_samples, n_features):
    data = make_sparse_regression(n_samples, n_features, 1, design=design, random_state=0)
    assert data.X.shape == (n_samples, n_features)
    assert data.y.shape == (n_samples,)
    assert data.coef.shape == (n_features,)
    assert data.X.flags.f_contiguous
    assert data.X.dtype == data.y.dtype == data.coef.dtype == np.float64
    assert type(data.intercept) is type(data.noise_variance) is float


@pytest.mark.parametrize("design", DESIGNS)
def test_many_features_need_no_square_matrix(design):
    # A 100 000 x 100 000 matrix would take 80 GB.
    data = make_sparse_regression(2, 100_000, 100_000, design=design, random_state=0)
    assert np.isfinite(data.X).all()
    assert np.isfinite(data.noise_variance)


# --- coefficients -------------------------------------------------------------


@pytest.mark.parametrize("n_nonzero", [0, 1, 5, 12])
def test_support_has_the_stated_size(n_nonzero):
    data = make_sparse_regression(3, 12, n_nonzero, random_state=0)
    assert np.count_nonzero(data.coef) == n_nonzero
    np.testing.assert_array_equal(data.support, np.flatnonzero(data.coef))


def test_positions_and_signs_are_uniform():
    p, k, replications = 6, 2, 1_000
    rng = np.random.default_rng(5)
    coefs = np.array(
        [make_sparse_regression(1, p, k, random_state=rng).coef for _ in range(replications)]
    )
    share = k / p
    standard_error = np.sqrt(share * (1 - share) / replications)
    assert_within_four_standard_errors((coefs != 0).mean(axis=0), share, standard_error)
    positive = (coefs > 0).sum() / (k * replications)
    assert_within_four_standard_errors(positive, 0.5, 0.5 / np.sqrt(k * replications))


def test_default_magnitudes_are_uniform_on_their_range():
    n = 5_000
    magnitudes = np.abs(make_sparse_regression(1, n, n, random_state=6).coef)
    assert magnitudes.min() >= 0.5
    assert magnitudes.max() <= 1.5
    assert_within_four_standard_errors(magnitudes.mean(), 1, np.sqrt(1 / 12 / n))
    # Var((U - 1)^2) = 1/80 - 1/144 for U uniform on [0.5, 1.5].
    variance_error = np.sqrt((1 / 80 - 1 / 144) / n)
    assert_within_four_standard_errors(np.mean((magnitudes - 1) ** 2), 1 / 12, variance_error)


@pytest.mark.parametrize("magnitude", [2, 0.25, (0.25, 0.25)])
def test_magnitude_can_be_fixed(magnitude):
    data = make_sparse_regression(3, 20, 8, magnitude=magnitude, random_state=0)
    np.testing.assert_array_equal(np.abs(data.coef[data.support]), np.max(magnitude))


def test_magnitude_range_is_respected():
    data = make_sparse_regression(3, 200, 200, magnitude=(3, 4), random_state=0)
    assert np.abs(data.coef).min() >= 3
    assert np.abs(data.coef).max() <= 4
    assert np.ptp(np.abs(data.coef)) > 0.9


def test_given_coefficients_are_used_and_copied():
    coef = np.array([0.0, 2.0, 0.0, -1.0])
    data = make_sparse_regression(5, 4, 2, snr=np.inf, coef=coef, random_state=0)
    np.testing.assert_array_equal(data.coef, coef)
    np.testing.assert_array_equal(data.y, data.X @ coef)
    assert not np.shares_memory(data.coef, coef)


# --- noise --------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [1, 2, 7, 8])
@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("design", ["iid", "ar1", "block", "duplicated"])
def test_noise_variance_is_population_signal_variance_over_snr(design, rho, n_features):
    data = make_sparse_regression(
        3,
        n_features,
        n_features,
        rho=rho,
        snr=2.5,
        design=design,
        block_size=BLOCK_SIZE,
        random_state=0,
    )
    signal = data.coef @ population_correlation(design, n_features, rho) @ data.coef
    assert data.noise_variance == pytest.approx(signal / 2.5, rel=1e-12)


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("design", DESIGNS)
def test_signal_to_noise_ratio_is_met_in_the_sample(design, rho):
    n, snr = 20_000, 4.0
    data = make_sparse_regression(n, 12, 6, rho=rho, snr=snr, design=design, random_state=7)
    signal = data.X @ data.coef
    noise = data.y - signal
    relative_error = np.sqrt(2 / n)
    assert_within_four_standard_errors(
        signal.var() / (snr * data.noise_variance), 1, relative_error
    )
    assert_within_four_standard_errors(noise.var() / data.noise_variance, 1, relative_error)
    assert_within_four_standard_errors(np.corrcoef(signal, noise)[0, 1], 0, 1 / np.sqrt(n))


def test_infinite_snr_gives_no_noise():
    data = make_sparse_regression(10, 6, 3, snr=math.inf, random_state=0)
    assert data.noise_variance == 0
    np.testing.assert_array_equal(data.y, data.X @ data.coef)


@pytest.mark.parametrize("snr", [0.1, 3.0, math.inf])
def test_empty_support_gives_noise_of_variance_one(snr):
    n = 20_000
    data = make_sparse_regression(n, 3, 0, snr=snr, random_state=8)
    assert data.noise_variance == 1
    assert_within_four_standard_errors(data.y.var(), 1, np.sqrt(2 / n))


def test_cancelling_duplicates_count_as_no_signal():
    coef = [1.0, 0.0, -1.0, 0.0]
    data = make_sparse_regression(5, 4, 2, design="duplicated", coef=coef, random_state=0)
    assert data.noise_variance == 1


def test_intercept_shifts_the_response():
    plain = make_sparse_regression(10, 6, 3, random_state=0)
    shifted = make_sparse_regression(10, 6, 3, intercept=-4, random_state=0)
    np.testing.assert_allclose(shifted.y, plain.y - 4, rtol=0, atol=1e-12)
    assert shifted.intercept == -4


# --- randomness ---------------------------------------------------------------


def assert_same(a: Dataset, b: Dataset):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("design", DESIGNS)
def test_seed_determines_the_data(design):
    first, again, other = (
        make_sparse_regression(10, 6, 3, design=design, random_state=seed) for seed in (0, 0, 1)
    )
    assert_same(first, again)
    assert not np.array_equal(first.X, other.X)
    assert not np.array_equal(first.y, other.y)


def test_generator_equals_its_seed_and_moves_on():
    rng = np.random.default_rng(0)
    first = make_sparse_regression(10, 6, 3, random_state=rng)
    second = make_sparse_regression(10, 6, 3, random_state=rng)
    assert_same(first, make_sparse_regression(10, 6, 3, random_state=0))
    assert not np.array_equal(first.X, second.X)


def test_no_seed_gives_fresh_data_and_leaves_the_global_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (make_sparse_regression(10, 6, 3) for _ in range(2))
    assert not np.array_equal(first.X, second.X)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_features_and_noise_are_common_random_numbers():
    a = make_sparse_regression(10, 6, 3, snr=1.0, random_state=0)
    b = make_sparse_regression(10, 6, 5, snr=9.0, magnitude=2.0, random_state=0)
    np.testing.assert_array_equal(a.X, b.X)
    noise_a, noise_b = (
        (data.y - data.X @ data.coef) / np.sqrt(data.noise_variance) for data in (a, b)
    )
    np.testing.assert_allclose(noise_a, noise_b, rtol=1e-10, atol=1e-10)


# --- bad input ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_samples": -1}, r"n_samples must be a positive integer, got -1"),
        ({"n_samples": 2.0}, r"n_samples must be a positive integer, got 2\.0"),
        ({"n_samples": True}, r"n_samples must be a positive integer, got True"),
        ({"n_features": 0}, r"n_features must be a positive integer, got 0"),
        ({"n_nonzero": -1}, r"n_nonzero must be an integer from 0 to n_features=6, got -1"),
        ({"n_nonzero": 7}, r"n_nonzero must be an integer from 0 to n_features=6, got 7"),
        ({"n_nonzero": 1.5}, r"n_nonzero must be an integer from 0 to n_features=6, got 1\.5"),
        ({"rho": -0.1}, r"rho must be a number in \[0, 1\), got -0\.1"),
        ({"rho": math.nan}, r"rho must be a number in \[0, 1\), got nan"),
        ({"rho": "0.5"}, r"rho must be a number in \[0, 1\), got '0\.5'"),
        ({"snr": 0}, r"snr must be a positive number or inf, got 0"),
        ({"snr": math.nan}, r"snr must be a positive number or inf, got nan"),
        ({"snr": None}, r"snr must be a positive number or inf, got None"),
        ({"design": "ar2"}, r"design must be one of \('iid', .*\), got 'ar2'"),
        ({"response": "poisson"}, r"response must be one of \('gaussian', .*\), got 'poisson'"),
        ({"response": None}, r"response must be one of \(.*, 'logistic'\), got None"),
        ({"random_state": -1}, r"random_state must be None, a non-negative .*, got -1"),
        ({"random_state": "seed"}, r"random_state must be None, .*, got 'seed'"),
        ({"magnitude": 0}, r"magnitude must be a positive number or .*, got 0"),
        ({"magnitude": (2, 1)}, r"magnitude must be .* 0 < low <= high, got \(2, 1\)"),
        ({"magnitude": (1, 2, 3)}, r"magnitude must be .*, got \(1, 2, 3\)"),
        ({"magnitude": math.inf}, r"magnitude must be .*, got inf"),
        ({"intercept": math.inf}, r"intercept must be a finite number, got inf"),
        ({"block_size": 0}, r"block_size must be a positive integer, got 0"),
        ({"coef": [1, 2]}, r"coef must be of shape \(6,\), got \(2,\)"),
        ({"coef": [1, math.nan, 0, 0, 0, 0]}, r"coef must be finite, got \[1, nan"),
        ({"coef": [1, 0, 0, 0, 0, 0]}, r"n_nonzero must be 1, the number of .*, got 2"),
    ],
)
@pytest.mark.parametrize("response", ["gaussian", "logistic"])
def test_bad_parameter_is_named_with_what_it_must_be_and_what_it_got(
    response, changes, message
):
    valid = {"n_samples": 5, "n_features": 6, "n_nonzero": 2, "response": response}
    parameters = valid | changes
    with pytest.raises(ValueError, match=f"^{message}"):
        make_sparse_regression(**parameters)


@pytest.mark.parametrize("design", DESIGNS)
def test_rho_of_one_is_refused_for_every_design(design):
    with pytest.raises(ValueError, match=r"^rho must be a number in \[0, 1\), got 1"):
        make_sparse_regression(5, 6, 2, rho=1.0, design=design)


def test_numpy_scalars_are_numbers():
    plain = make_sparse_regression(5, 6, 2, rho=0.5, snr=2.0, random_state=0)
    scalars = make_sparse_regression(
        np.int64(5), np.int32(6), np.uint8(2), np.float32(0.5), np.float32(2), random_state=0
    )
    assert_same(plain, scalars)
    assert type(scalars.noise_variance) is float
