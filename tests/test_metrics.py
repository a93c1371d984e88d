"""Recovery and error measures against their definitions on sets and vectors."""

import itertools
import math

import numpy as np
import pytest
from scipy import sparse

from sparsestat.metrics import (
    concordance_index,
    estimation_error,
    exact_support_recovery,
    false_discovery_proportion,
    prediction_error,
    support_f1,
    support_precision,
    support_recall,
)

SUPPORT_METRICS = [
    support_precision,
    support_recall,
    support_f1,
    exact_support_recovery,
    false_discovery_proportion,
]
METRICS = [*SUPPORT_METRICS, estimation_error]

TRUTH = np.array([1.0, -2.0, 0.5, 0.0, 0.0, 0.0])
# Finds two of three, and adds one of its own.
ESTIMATE = np.array([0.5, -2.0, 0.0, 0.0, 0.25, 0.0])
ZERO = np.zeros(6)


def random_pair(seed):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(15) * (rng.random(15) < 0.4) for _ in range(2))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (support_precision, 2 / 3),
        (support_recall, 2 / 3),
        (support_f1, 4 / 6),
        (exact_support_recovery, False),
        (false_discovery_proportion, 1 / 3),
        (estimation_error, math.sqrt(0.25 + 0.25 + 0.0625)),
    ],
)
def test_worked_example(metric, expected):
    assert metric(TRUTH, ESTIMATE) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_support_metrics_equal_their_set_definitions(seed):
    truth, estimate = random_pair(seed)
    true, selected = set(np.flatnonzero(truth)), set(np.flatnonzero(estimate))
    hits = len(true & selected)
    assert support_precision(truth, estimate) == pytest.approx(hits / len(selected))
    assert support_recall(truth, estimate) == pytest.approx(hits / len(true))
    assert false_discovery_proportion(truth, estimate) == pytest.approx(
        len(selected - true) / len(selected)
    )
    assert support_f1(truth, estimate) == pytest.approx(2 * hits / (len(true) + len(selected)))
    assert exact_support_recovery(truth, estimate) is (true == selected)


@pytest.mark.parametrize("seed", range(5))
def test_truth_comes_first(seed):
    truth, estimate = random_pair(seed)
    assert support_precision(truth, estimate) == support_recall(estimate, truth)
    assert support_precision(TRUTH, [1, 0, 0, 0, 0, 0]) == 1
    assert support_recall(TRUTH, [1, 0, 0, 0, 0, 0]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("truth", "estimate", "precision", "recall", "f1", "exact", "fdp"),
    [
        (TRUTH, ZERO, 1, 0, 0, False, 0),
        (ZERO, ESTIMATE, 0, 1, 0, False, 1),
        (ZERO, ZERO, 1, 1, 1, True, 0),
        (TRUTH, TRUTH[::-1], 0, 0, 0, False, 1),
        (TRUTH, -3 * TRUTH, 1, 1, 1, True, 0),
    ],
    ids=["nothing selected", "nothing to find", "both empty", "disjoint", "equal sets"],
)
def test_conventions_for_extreme_sets(truth, estimate, precision, recall, f1, exact, fdp):
    assert support_precision(truth, estimate) == precision
    assert support_recall(truth, estimate) == recall
    assert support_f1(truth, estimate) == f1
    assert exact_support_recovery(truth, estimate) is exact
    assert false_discovery_proportion(truth, estimate) == fdp


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("metric", METRICS)
def test_order_of_features_does_not_matter(metric, seed):
    truth, estimate = random_pair(seed)
    order = np.random.default_rng(seed).permutation(truth.size)
    assert metric(truth[order], estimate[order]) == pytest.approx(metric(truth, estimate))


def test_selected_means_strictly_larger_than_tol():
    estimate = [1.0, -2.0, 0.5, 1e-3, -1e-3, 0.0]
    assert not exact_support_recovery(TRUTH, estimate)
    assert not exact_support_recovery(TRUTH, estimate, tol=0.9e-3)
    assert exact_support_recovery(TRUTH, estimate, tol=1e-3)
    assert support_precision(TRUTH, estimate) == pytest.approx(3 / 5)
    assert support_precision(TRUTH, estimate, tol=1e-3) == 1
    assert false_discovery_proportion(TRUTH, estimate, tol=1e-3) == 0


def test_tol_does_not_hide_a_missed_weak_signal():
    assert support_recall([1.0, 0.01], [1.0, 0.0], tol=0.1) == 0.5
    assert support_f1([1.0, 0.01], [1.0, 0.01], tol=0.1) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "container",
    [
        list,
        sparse.coo_array,
        lambda v: sparse.csc_array(v[:, None]),
        lambda v: sparse.csr_matrix(v),
        lambda v: v[:, None],
    ],
    ids=["list", "sparse 1-d", "sparse column", "sparse row", "dense column"],
)
@pytest.mark.parametrize("metric", METRICS)
def test_containers_agree(metric, container):
    expected = metric(TRUTH, ESTIMATE)
    assert metric(container(TRUTH), ESTIMATE) == expected
    assert metric(TRUTH, container(ESTIMATE)) == expected
    assert metric(container(TRUTH), container(ESTIMATE)) == expected


def test_stored_zeros_of_a_sparse_vector_are_zeros():
    estimate = sparse.csc_array(([1.0, 0.0], ([0, 3], [0, 0])), shape=(6, 1))
    assert estimate.nnz == 2
    assert support_precision(TRUTH, estimate) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_results_are_plain_python_scalars(metric):
    expected = bool if metric is exact_support_recovery else float
    for estimate in (ESTIMATE, ZERO, sparse.coo_array(ESTIMATE)):
        assert type(metric(TRUTH, estimate)) is expected


def test_integers_and_booleans_subtract_as_numbers():
    assert estimation_error(np.uint8([3, 0]), np.uint8([0, 4])) == 5
    assert estimation_error([True, False], [False, True]) == pytest.approx(math.sqrt(2))


def test_estimation_error_is_a_norm_of_the_difference():
    assert estimation_error(TRUTH, TRUTH) == 0
    assert estimation_error(TRUTH, ESTIMATE) == estimation_error(ESTIMATE, TRUTH)
    assert estimation_error(7 * TRUTH, 7 * ESTIMATE) == pytest.approx(
        7 * estimation_error(TRUTH, ESTIMATE)
    )
    assert estimation_error([0, 0], [3j, 4]) == 5


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_prediction_error_is_the_mean_squared_difference_of_predictions(container):
    X = np.random.default_rng(0).standard_normal((9, 6))
    expected = np.mean((X @ TRUTH - X @ ESTIMATE) ** 2)
    assert prediction_error(TRUTH, ESTIMATE, container(X)) == pytest.approx(expected)
    assert type(prediction_error(TRUTH, ESTIMATE, container(X))) is float


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_prediction_error_agrees_between_rows_and_their_second_moments(container):
    X = np.random.default_rng(1).standard_normal((9, 6))
    error = prediction_error(TRUTH, ESTIMATE, covariance=container(X.T @ X / 9))
    assert error == pytest.approx(prediction_error(TRUTH, ESTIMATE, X))
    assert type(error) is float


def test_prediction_error_of_uncorrelated_features_is_squared_estimation_error():
    error = prediction_error(TRUTH, ESTIMATE, covariance=np.eye(6))
    assert error == pytest.approx(estimation_error(TRUTH, ESTIMATE) ** 2)


def test_prediction_error_of_complex_coefficients_is_real():
    X = np.array([[1.0, 1j], [0.0, 2.0]])
    assert prediction_error([1, 0], [0, 1j], X) == pytest.approx(4.0)
    assert prediction_error([1, 0], [0, 1j], covariance=np.eye(2)) == pytest.approx(2.0)


# --- bad input ----------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("truth", "estimate", "message"),
    [
        (TRUTH, np.ones(5), r"coef must have as many entries as coef_true, 6, got 5"),
        (np.ones((2, 3)), TRUTH, r"coef_true must be a vector, got .* shape \(2, 3\)"),
        (TRUTH, sparse.eye_array(6), r"coef must be a vector, got .* shape \(6, 6\)"),
        (TRUTH, 1.0, r"coef must be a vector, got an array of shape \(\)"),
        (TRUTH, [math.nan] * 6, r"coef must be finite, got NaN or infinity"),
        ([math.inf] * 6, TRUTH, r"coef_true must be finite, got NaN or infinity"),
        (TRUTH, ["a"] * 6, r"coef must be numeric, got dtype <U1"),
    ],
)
def test_bad_coefficients_are_named(metric, truth, estimate, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        metric(truth, estimate)


@pytest.mark.parametrize("metric", SUPPORT_METRICS)
@pytest.mark.parametrize("tol", [-1e-9, math.nan, "0"])
def test_bad_tol_is_named(metric, tol):
    with pytest.raises(ValueError, match=r"^tol must be a non-negative number, got "):
        metric(TRUTH, ESTIMATE, tol=tol)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, r"exactly one of X and covariance must be given, got neither"),
        ({"X": np.eye(6), "covariance": np.eye(6)}, r"exactly one of .*, got both"),
        ({"X": np.ones((3, 5))}, r"X must have shape \(n_samples, 6\), got \(3, 5\)"),
        ({"X": np.ones(6)}, r"X must have shape \(n_samples, 6\), got \(6,\)"),
        ({"X": np.ones((0, 6))}, r"X must have shape \(n_samples, 6\), got \(0, 6\)"),
        ({"covariance": np.ones((3, 6))}, r"covariance must have shape \(6, 6\), got \(3, 6\)"),
    ],
)
def test_bad_rows_are_named(rows, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        prediction_error(TRUTH, ESTIMATE, **rows)


# --- concordance --------------------------------------------------------------------


def concordance_by_hand(time, event, risk, weight, strata):
    concordant = total = 0.0
    for i, j in itertools.product(range(len(time)), repeat=2):
        later = time[j] > time[i] or (time[j] == time[i] and not event[j])
        if event[i] and later and strata[i] == strata[j]:
            total += weight[i] * weight[j]
            share = 1.0 if risk[i] > risk[j] else 0.5 * (risk[i] == risk[j])
            concordant += share * weight[i] * weight[j]
    return concordant / total


@pytest.mark.parametrize("n_strata", [1, 3])
@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize("seed", range(4))
def test_concordance_counts_pairs(seed, digits, n_strata):
    """With ties of times and of risks the more, the fewer the digits."""
    rng = np.random.default_rng(seed)
    time, risk = (
        np.round(rng.exponential(size=50), digits),
        np.round(rng.normal(size=50), digits),
    )
    event, weight = rng.random(50) < 0.6, rng.uniform(0.0, 2.0, 50)
    strata = rng.integers(0, n_strata, 50)
    expected = concordance_by_hand(time, event, risk, weight, strata)
    ours = concordance_index(time, event, risk, sample_weight=weight, strata=strata)
    assert ours == pytest.approx(expected, rel=1e-12)
    reverse = concordance_index(time, event, -risk, sample_weight=weight, strata=strata)
    assert ours + reverse == pytest.approx(1.0)


def test_concordance_of_perfect_and_of_equal_risks():
    time = np.arange(1.0, 10.0)
    assert concordance_index(time, np.ones(9), -time) == 1.0
    assert concordance_index(time, np.ones(9), time) == 0.0
    assert concordance_index(time, np.ones(9), np.zeros(9)) == 0.5


def test_concordance_of_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="no pair is comparable"):
        concordance_index([1.0, 2.0], [False, False], [0.0, 1.0])
    with pytest.raises(ValueError, match="no pair is comparable"):
        concordance_index([1.0, 1.0], [True, True], [0.0, 1.0])
    with pytest.raises(ValueError, match="of one length"):
        concordance_index([1.0, 2.0], [True, True], [0.0])
    with pytest.raises(ValueError, match="there are no samples"):
        concordance_index([], [], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time": [1.0, np.nan, 3.0]}, "^time must be finite"),
        ({"risk": [1.0, np.nan, 3.0]}, "^risk must be finite"),
        ({"risk": [1.0, np.inf, 3.0]}, "^risk must be finite"),
        ({"event": [2, 1, 2]}, "^event must hold booleans, or 0 and 1"),
        ({"event": [1.0, np.nan, 0.0]}, "^event must hold booleans"),
        ({"event": ["1", "0", "1"]}, "^event must hold booleans"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "^sample_weight must not be negative"),
    ],
    ids=str,
)
def test_what_would_be_misread_is_refused(arguments, message):
    """R codes events as 2 and censoring as 1, both of them true as booleans."""
    given = {"time": [1.0, 2.0, 3.0], "event": [1, 0, 1], "risk": [3.0, 1.0, 2.0]}
    with pytest.raises(ValueError, match=message):
        concordance_index(**given | arguments)
