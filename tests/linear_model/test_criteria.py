"""Information criteria against likelihoods, degrees of freedom and counts written out."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from scipy.special import expit
from sklearn.base import clone, is_classifier
from sklearn.model_selection import KFold

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    KSupport,
    LogSum,
    Lq,
    PenalizedClassifierCV,
    PenalizedRegressorCV,
    TopK,
    penalized_path,
)

CRITERIA = ["aic", "bic", "ebic"]
ESTIMATORS = [PenalizedRegressorCV, PenalizedClassifierCV]


@pytest.fixture(params=ESTIMATORS, ids=lambda estimator: estimator.__name__)
def estimator(request):
    return request.param


@pytest.fixture(params=CRITERIA)
def criterion(request):
    return request.param


@pytest.fixture(scope="module", name="X")
def design(tall):
    return tall.X[:, :12] + np.linspace(-1.0, 2.0, 12)


@pytest.fixture(scope="module")
def numbers(tall):
    return tall.y + 3.0


@pytest.fixture(scope="module")
def classes(tall):
    noise = np.random.default_rng(2).logistic(scale=2.0, size=150)
    return (tall.y + noise > 0.2).astype(int)


@pytest.fixture
def y(estimator, numbers, classes):
    return classes if estimator is PenalizedClassifierCV else numbers


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).uniform(0.2, 3.0, 150)


@pytest.fixture(scope="module")
def offset():
    return np.cos(np.arange(150.0))


# --- by hand ------------------------------------------------------------------


def log_likelihood(model, y, eta, weight):
    """Return the logarithm of the likelihood of all samples, each counted by its weight."""
    if is_classifier(model):
        return weight @ stats.bernoulli.logpmf(y, expit(eta))
    variance = model.noise_variance
    if variance is None:
        variance = np.average((y - eta) ** 2, weights=weight)
    return weight @ stats.norm.logpdf(y, eta, math.sqrt(variance))


def curved(model):
    """Return the factors of alpha and the numbers that make up the ridge of a model."""
    share = 1.0 - model.penalty.l1_ratio if isinstance(model.penalty, ElasticNet) else 0.0
    return share, model.l2


def freedom(model, X, eta, weight, coef, alpha):
    """Return the trace of the map from responses to fit, of the model with its intercept.

    The ridge R leaves the intercept alone: tr (A'DA + R)^-1 A'DA with the column of ones
    in A, so that nothing has to be known of how an intercept is profiled out.
    """
    share = weight / weight.sum()
    centre = share @ X if model.fit_intercept else 0.0
    scales = np.sqrt(share @ (X - centre) ** 2) if model.standardize else np.ones(X.shape[1])
    support = np.flatnonzero(coef)
    columns = X[:, support] / scales[support]
    ratio, l2 = curved(model)
    weights = np.ones(X.shape[1]) if model.penalty_weights is None else model.penalty_weights
    ridge = ratio * alpha * np.asarray(weights)[support] + l2
    if model.fit_intercept:
        columns = np.column_stack([np.ones(len(X)), columns])
        ridge = np.append(0.0, ridge)
    bend = expit(eta) * expit(-eta) if is_classifier(model) else np.ones(len(X))
    H = columns.T @ ((share * bend)[:, None] * columns)
    return np.trace(np.linalg.solve(H + np.diag(ridge), H)) if len(H) else 0.0


def criteria_by_hand(model, X, y, weight, offset=None):
    """Return the criterion and the degrees of freedom along the path of a fitted model."""
    X = np.asarray(X, dtype=float)
    N = weight.sum()
    weights = np.ones(X.shape[1]) if model.penalty_weights is None else model.penalty_weights
    penalised = (np.asarray(weights) > 0.0) & np.isfinite(weights)
    values, degrees = [], []
    points = zip(
        model.alphas_, model.path_.coefs.toarray().T, model.path_.intercepts, strict=True
    )
    for alpha, coef, intercept in points:
        eta = X @ coef + intercept + (0.0 if offset is None else offset)
        k = freedom(model, X, eta, weight, coef, alpha)
        value = -2.0 * log_likelihood(model, y, eta, weight)
        value += k * (2.0 if model.criterion == "aic" else math.log(N))
        if model.criterion == "ebic":
            m = np.count_nonzero(coef[penalised])
            value += 2.0 * math.log(math.comb(np.count_nonzero(penalised), m))
        values.append(value)
        degrees.append(k)
    return np.array(values), np.array(degrees)


def check(model, X, y, weight=None, offset=None):
    """Compare a fitted model's criterion, degrees of freedom and choice with those by hand."""
    weight = np.ones(len(y)) if weight is None else weight
    values, degrees = criteria_by_hand(model, X, y, weight, offset)
    assert_allclose(model.degrees_of_freedom_, degrees, rtol=1e-6)
    assert (degrees <= weight.sum() / 2).all()
    assert_allclose(model.criterion_, values, rtol=1e-8)
    best = np.argmin(values)
    assert model.alpha_ == model.alphas_[best]
    coef = model.path_.coefs.toarray()[:, best]
    assert_array_equal(model.coef_, coef)
    assert model.intercept_ == model.path_.intercepts[best]
    assert np.ptp(values) > 1.0
    return degrees


# --- values -------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), MCP(12.0), SCAD(12.0)], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_criterion_is_what_its_definition_says(
    estimator, criterion, X, y, weight, offset, penalty, fit_intercept, weighted
):
    extras = {"sample_weight": weight, "offset": offset} if weighted else {}
    model = estimator(
        12, eps=0.02, criterion=criterion, penalty=penalty, fit_intercept=fit_intercept
    ).fit(X, y, **extras)
    degrees = check(model, X, y, *extras.values())
    counts = model.path_.n_nonzeros + fit_intercept
    assert_allclose(degrees, counts)
    assert len(set(counts)) > 4


@pytest.mark.parametrize("noise_variance", [0.5, 4, np.float32(25.0)], ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_noise_variance_takes_the_place_of_the_mean_squared_residual(
    criterion, X, numbers, weight, noise_variance, weighted
):
    extras = {"sample_weight": weight} if weighted else {}
    model = PenalizedRegressorCV(
        12, eps=0.01, criterion=criterion, penalty=L1(), noise_variance=noise_variance
    ).fit(X, numbers, **extras)
    check(model, X, numbers, *extras.values())


def test_more_noise_makes_for_fewer_features(X, numbers):
    sizes = [
        PenalizedRegressorCV(30, criterion="bic", penalty=L1(), noise_variance=variance)
        .fit(X, numbers)
        .support_.size
        for variance in (1.0, 4.0, 100.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2] == 0


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "ridge", [{"penalty": L1(), "l2": 0.3}, {"penalty": ElasticNet(0.3), "l2": 0.1}], ids=str
)
def test_with_a_ridge_the_degrees_of_freedom_are_a_trace(
    estimator, X, y, weight, ridge, to_input, standardize, fit_intercept
):
    model = estimator(
        8,
        eps=0.05,
        criterion="bic",
        standardize=standardize,
        fit_intercept=fit_intercept,
        penalty_weights=np.linspace(0.5, 2.0, 12),
        **ridge,
    ).fit(to_input(X), y, sample_weight=weight)
    degrees = check(model, X, y, weight)
    assert (degrees[1:] < model.path_.n_nonzeros[1:] + fit_intercept - 0.1).all()
    assert (degrees >= float(fit_intercept)).all()


def test_a_ridge_regression_has_the_freedom_of_its_hat_matrix(X, numbers):
    model = PenalizedRegressorCV([1e-12], criterion="aic", penalty=L1(), l2=0.5)
    model.fit(X, numbers)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    hat = Z @ np.linalg.solve(Z.T @ Z + 150 * 0.5 * np.eye(12), Z.T)
    assert_allclose(model.degrees_of_freedom_, np.trace(hat) + 1.0, rtol=1e-8)


@pytest.mark.parametrize(
    "penalty", [LogSum(), Lq(), CappedL1(), L0(), CEL0(), MCP(3.0, adaptive=True)], ids=str
)
def test_penalties_that_do_not_bend_upwards_count_coefficients(estimator, X, y, penalty):
    model = estimator(8, eps=0.02, criterion="bic", penalty=penalty).fit(X, y)
    check(model, X, y)
    assert_array_equal(model.degrees_of_freedom_, model.path_.n_nonzeros + 1.0)


def test_constraints_on_the_support_count_coefficients(X, numbers):
    model = PenalizedRegressorCV([1.0], criterion="bic", penalty=TopK(3)).fit(X, numbers)
    assert_array_equal(model.degrees_of_freedom_, [4.0])
    with pytest.raises(ValueError, match=r"degrees of freedom of solutions with KSupport"):
        model.set_params(penalty=KSupport(3)).fit(X, numbers)


# --- weights ------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_whole_weights_are_counts_of_samples(estimator, criterion, X, y, ridge):
    counts = np.random.default_rng(4).integers(0, 4, 150)
    options = {"alphas": 8, "eps": 0.05, "criterion": criterion, "penalty": L1()}
    weighted = estimator(l2=ridge, tol=1e-10, **options).fit(X, y, sample_weight=counts)
    repeated = estimator(l2=ridge, tol=1e-10, **options)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert_allclose(weighted.alphas_, repeated.alphas_)
    assert_allclose(weighted.criterion_, repeated.criterion_, rtol=1e-8)
    assert_allclose(weighted.degrees_of_freedom_, repeated.degrees_of_freedom_, rtol=1e-7)
    assert_allclose(weighted.alpha_, repeated.alpha_)
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-8)


def test_ten_times_the_weight_claims_ten_times_the_data(estimator, X, y):
    options = {"alphas": 20, "penalty": L1(), "criterion": "bic"}
    plain = estimator(**options).fit(X, y)
    model = estimator(**options).fit(X, y, sample_weight=np.full(150, 10.0))
    check(model, X, y, np.full(150, 10.0))
    assert_array_equal(model.path_.coefs.toarray(), plain.path_.coefs.toarray())
    assert model.support_.size > plain.support_.size


def test_class_weights_are_weights_of_samples_of_which_there_are_no_more(criterion, X, classes):
    factor = np.where(classes == 1, 2.0, 0.5)
    factor *= classes.size / factor.sum()
    options = {"alphas": 8, "eps": 0.05, "criterion": criterion, "penalty": L1(), "tol": 1e-10}
    model = PenalizedClassifierCV(class_weight={0: 0.5, 1: 2.0}, **options).fit(X, classes)
    by_hand = PenalizedClassifierCV(**options).fit(X, classes, sample_weight=factor)
    assert_allclose(model.criterion_, by_hand.criterion_, rtol=1e-8)
    check(model, X, classes, factor)


def test_balanced_classes_leave_the_number_of_samples_as_it_is(X, classes):
    model = PenalizedClassifierCV(
        [1.0, 0.05], criterion="bic", penalty=L1(), class_weight="balanced"
    ).fit(X, classes)
    assert_allclose(model.criterion_[0], 150 * 2 * math.log(2.0) + math.log(150.0))


# --- which features count -----------------------------------------------------


def test_unpenalised_features_are_counted_but_not_searched_for(estimator, criterion, X, y):
    weights = np.ones(12)
    weights[[2, 5]] = 0.0
    weights[[0, 7, 8]] = np.inf
    options = {"alphas": 8, "eps": 0.05, "criterion": criterion, "penalty": L1()}
    model = estimator(penalty_weights=weights, **options).fit(X, y)
    degrees = check(model, X, y)
    assert degrees[0] == pytest.approx(3.0)
    if criterion == "ebic":
        bic = clone(model).set_params(criterion="bic").fit(X, y)
        m = model.path_.n_nonzeros - 2
        added = [2 * math.log(math.comb(7, int(k))) for k in m]
        assert_allclose(model.criterion_ - bic.criterion_, added, atol=1e-9)


def test_the_extended_criterion_asks_more_of_many_features(wide):
    options = {"penalty": SCAD(3.7), "eps": 0.05}
    bic = PenalizedRegressorCV(criterion="bic", **options).fit(wide.X, wide.y)
    ebic = PenalizedRegressorCV(criterion="ebic", **options).fit(wide.X, wide.y)
    assert ebic.support_.size < bic.support_.size
    assert ebic.alpha_ > bic.alpha_


# --- which solutions are eligible ---------------------------------------------


@pytest.mark.parametrize("criterion", CRITERIA)
def test_solutions_that_use_up_half_of_the_samples_are_not_eligible(wide, criterion):
    model = PenalizedRegressorCV(30, eps=0.02, penalty=L1(), criterion=criterion)
    model.fit(wide.X, wide.y)
    over = model.degrees_of_freedom_ > 30.0
    assert 0 < np.count_nonzero(over) < 30
    assert_array_equal(np.isinf(model.criterion_), over)
    values, _ = criteria_by_hand(model, wide.X, wide.y, np.ones(60))
    assert_allclose(model.criterion_[~over], values[~over], rtol=1e-8)
    assert model.alpha_ == model.alphas_[~over][np.argmin(values[~over])]


def test_exactly_half_of_the_samples_are_eligible():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 4)), rng.standard_normal(8)
    model = PenalizedRegressorCV([0.0], penalty=L1(), criterion="aic", fit_intercept=False)
    assert model.fit(X, y).degrees_of_freedom_ == [4.0]
    assert np.isfinite(model.criterion_).all()
    both = PenalizedRegressorCV([10.0, 0.0], penalty=L1(), criterion="aic").fit(X, y)
    assert_array_equal(both.degrees_of_freedom_, [1.0, 5.0])
    assert_array_equal(np.isfinite(both.criterion_), [True, False])
    assert both.alpha_ == 10.0


def test_the_sparsest_solution_is_always_eligible(estimator, X, y):
    rows = np.r_[:7, 143:150]
    free = np.where(np.arange(12) < 11, 0.0, 1.0)
    model = estimator(
        [1.0, 0.1, 0.01], criterion="bic", penalty=L1(), penalty_weights=free, l2=1e-3
    ).fit(X[rows], y[rows])
    sparsest = model.degrees_of_freedom_.min()
    assert sparsest > 7.0
    assert_array_equal(np.isfinite(model.criterion_), model.degrees_of_freedom_ == sparsest)
    assert np.isfinite(model.criterion_[model.alphas_ == model.alpha_])


def test_a_perfect_fit_beats_everything(X):
    y = 1.0 + 2.0 * X[:, 3]
    model = PenalizedRegressorCV([1.0, 0.0], criterion="ebic", penalty=MCP(3.0)).fit(X, y)
    assert model.criterion_[1] < model.criterion_[0] - 1000.0
    assert model.alpha_ == 0.0


def test_equal_values_are_decided_for_the_largest_strength(estimator, X, y):
    model = estimator([9.0, 8.0, 7.0], criterion="bic", penalty=L1()).fit(X, y)
    assert np.ptp(model.criterion_) == 0.0
    assert model.alpha_ == 9.0


# --- several classes ----------------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_the_criteria_of_several_classes_are_added(criterion, X, tall, penalty):
    noise = np.random.default_rng(2).logistic(scale=2.0, size=150)
    y = np.array(["ape", "bee", "cat"])[
        np.digitize(tall.y + noise, np.quantile(tall.y + noise, [0.5, 0.8]))
    ]
    weight = np.random.default_rng(1).uniform(0.2, 3.0, 150)
    options = {"penalty": penalty, "criterion": criterion, "l2": 0.01}
    model = PenalizedClassifierCV(6, eps=0.1, **options).fit(X, y, sample_weight=weight)
    parts = [
        PenalizedClassifierCV(model.alphas_, **options).fit(X, y == label, sample_weight=weight)
        for label in model.classes_
    ]
    total = sum(part.criterion_ for part in parts)
    assert_allclose(model.criterion_, total, rtol=1e-9)
    assert_allclose(
        model.degrees_of_freedom_, sum(part.degrees_of_freedom_ for part in parts), rtol=1e-9
    )
    assert model.alpha_ == model.alphas_[np.argmin(total)]


# --- folds play no part -------------------------------------------------------


def test_nothing_is_split(estimator, X, y):
    options = {"alphas": 5, "penalty": L1(), "criterion": "bic"}
    plain = estimator(**options).fit(X, y)
    for cv in (KFold(1000), 1000):
        model = estimator(cv=cv, scoring="r2", **options).fit(X, y)
        assert model.alpha_ == plain.alpha_
    assert not hasattr(plain, "cv_results_")


def test_a_class_of_one_member_has_a_criterion(X):
    y = np.zeros(150, dtype=int)
    y[17] = 1
    model = PenalizedClassifierCV(5, eps=0.5, criterion="bic", penalty=L1()).fit(X, y)
    check(model, X, y)


def test_one_standard_error_needs_standard_errors(estimator, criterion, X, y):
    model = estimator(5, penalty=L1(), criterion=criterion, selection="one_se")
    with pytest.raises(ValueError, match=r"selection='one_se' needs criterion='cv'"):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


def test_the_path_is_that_of_the_strengths(estimator, criterion, X, y, weight):
    model = estimator(6, eps=0.1, penalty=L1(), criterion=criterion)
    model.fit(X, y, sample_weight=weight)
    loss = "log_loss" if is_classifier(model) else "squared_error"
    path = penalized_path(
        X, y, loss=loss, penalty=L1(), alphas=6, eps=0.1, sample_weight=weight
    )
    assert_array_equal(model.alphas_, path.alphas)
    assert_array_equal(model.path_.coefs.toarray(), path.coefs.toarray())
    assert model.criterion_.shape == model.degrees_of_freedom_.shape == (6,)


def test_many_classes_do_not_use_up_the_samples_by_their_intercepts(rng):
    labels = np.repeat(np.arange(10), 6)
    X = rng.standard_normal((60, 4))
    X[:, 0] += labels
    model = PenalizedClassifierCV(6, eps=0.1, penalty=L1(), criterion="aic").fit(X, labels)
    assert model.degrees_of_freedom_.max() > 30.0
    assert np.isfinite(model.criterion_).all()
    assert model.support_.size > 0


def test_weights_beyond_counting_are_refused(rng):
    X, y = rng.standard_normal((60, 3)), np.arange(60) % 2
    with pytest.raises(ValueError, match="sample_weight adds up to more"):
        PenalizedClassifierCV(3, criterion="bic").fit(X, y, sample_weight=np.full(60, 1e308))
