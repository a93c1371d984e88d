"""Legal but degenerate classes: the right answer, and a warning only where there is none."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedClassifierCV,
    penalized_path,
)
from sparsestat.solvers import Status

HOLDING = [L1(), ElasticNet(0.5), LogSum(), Lq()]
# Beyond some size these do not hold coefficients back.
FLAT = [MCP(3.0, adaptive=True), SCAD(adaptive=True), CappedL1(), L0(), CEL0()]


@pytest.fixture(params=[L1(), ElasticNet(0.5), MCP(3.0, adaptive=True), L0()], ids=str)
def penalty(request):
    return request.param


@pytest.fixture(params=[np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def to_input(request):
    return request.param


def draw(n, p, seed=0):
    """Return a design with column means, and two classes that depend on it."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + np.linspace(-1.0, 2.0, p)
    y = (X[:, 0] + X[:, -1] - 1.0 + 2.0 * rng.logistic(size=n) > 0.0).astype(int)
    y[:2] = [0, 1]
    return X, y


def replaced(X, column, value):
    X = X.copy()
    X[:, column] = value
    return X


def log_odds(y, weight=None):
    """Return the intercept of the model without features."""
    weight = np.ones(y.size) if weight is None else weight
    return np.log(weight[y == 1].sum()) - np.log(weight[y == 0].sum())


# --- designs ------------------------------------------------------------------


def degenerate():
    """Yield names and data."""
    X, y = draw(60, 5)
    yield "constant column", (replaced(X, 2, 3.3), y)
    yield "constant column of a large number", (replaced(X, 2, 1e8 + 0.1), y)
    yield "column of zeros", (replaced(X, 2, 0.0), y)
    yield "nothing but constants", (np.tile([0.0, 1.0, -3.3], (60, 1)), y)
    yield "duplicated column", (replaced(X, 2, X[:, 0]), y)
    yield "opposite columns", (replaced(X, 2, -X[:, 0]), y)
    yield "every column twice", (np.hstack([X, X]), y)
    yield "collinear columns", (replaced(X, 2, X[:, 0] + X[:, 1]), y)
    yield "rank one", (np.outer(X[:, 0], [1.0, 2.0, -3.0]), y)
    yield "indicators that sum to one", (np.eye(3)[np.arange(60) % 3], y)
    yield "two samples", (X[:2], y[:2])
    yield "two equal samples of both classes", (X[[0, 0]], y[:2])
    yield "one feature", (X[:, :1], y)
    yield "two samples of one feature", (X[:2, :1], y[:2])
    yield "square", (X[:5], y[:5])
    yield "wide", draw(20, 200)
    yield "separable", (X, (X[:, 0] > -1.0).astype(int))
    yield "one sample of a class", (X, (np.arange(60) == 7).astype(int))
    yield "columns far from zero", (X + 1e6, y)


CASES = dict(degenerate())


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("alpha", [0.1, 1e-3])
def test_degenerate_data_are_fitted_to_stationarity(case, penalty, to_input, alpha):
    X, y = case
    model = PenalizedClassifier(alpha, penalty=penalty).fit(to_input(X), y)
    assert model.converged_
    assert np.isfinite(model.intercept_)
    centred = X - X.mean(axis=0)
    scales = np.sqrt((centred**2).mean(axis=0))
    constant = np.ptp(X, axis=0) == 0.0
    assert_array_equal(model.coef_[constant], 0.0)
    kept = ~constant
    Z, b = centred[:, kept] / scales[kept], (model.coef_ * scales)[kept]
    residual = y - expit(Z @ b + model.intercept_ + X.mean(axis=0) @ model.coef_)
    assert abs(residual.mean()) <= 1e-8
    ratio = getattr(penalty, "l1_ratio", 1.0)
    pull = Z.T @ residual / y.size - alpha * (1.0 - ratio) * b
    slope = alpha * ratio
    distance = np.where(b == 0, np.abs(pull) - slope, np.abs(pull - slope * np.sign(b)))
    assert distance.max(initial=0.0) <= 1e-7


@pytest.mark.parametrize("penalty", [FLAT[0], CappedL1(), L0(), Lq()], ids=str)
def test_degenerate_data_have_nonconvex_fits(case, penalty, to_input):
    X, y = case
    model = PenalizedClassifier(0.03, penalty=penalty, l2=0.02).fit(to_input(X), y)
    assert model.converged_
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert_array_equal(model.coef_[np.ptp(X, axis=0) == 0.0], 0.0)
    assert_allclose(model.predict_proba(X)[:, 1].mean(), y.mean(), atol=1e-8)


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_degenerate_data_have_paths(case, penalty, to_input):
    X, y = case
    path = penalized_path(
        to_input(X), y, loss="log_loss", penalty=penalty, alphas=8, eps=0.05, l2=0.02
    )
    assert path.converged.all()
    assert path.n_nonzeros[0] == 0
    assert_allclose(path.intercepts[0], log_odds(y), atol=1e-9)


@pytest.mark.parametrize("criterion", ["cv", "bic"])
def test_degenerate_data_are_chosen_from(case, to_input, criterion):
    X, y = case
    model = PenalizedClassifierCV(4, eps=0.1, penalty=L1(), cv=2, criterion=criterion)
    if criterion == "cv" and min(np.bincount(y)) < 2:
        model.set_params(cv=[(np.arange(y.size), np.arange(y.size))])
    model.fit(to_input(X), y)
    assert model.alpha_ in model.alphas_
    assert np.isfinite(model.predict_proba(to_input(X))).all()


@pytest.mark.parametrize("value", [3.3, 1e8 + 0.1, -1e-300])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_column_changes_nothing(to_input, penalty, value, weighted):
    X, y = draw(60, 3)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 60) if weighted else None
    model = PenalizedClassifier(0.02, penalty=penalty, tol=1e-10)
    without = clone(model).fit(to_input(X[:, [0, 2]]), y, sample_weight=weight)
    model.fit(to_input(replaced(X, 1, value)), y, sample_weight=weight)
    assert model.coef_[1] == 0.0
    assert_allclose(model.coef_[[0, 2]], without.coef_, atol=1e-8)


def test_without_intercept_a_constant_column_is_the_intercept():
    X, y = draw(60, 3)
    X = replaced(X, 1, 2.0)
    model = PenalizedClassifier(0.0, fit_intercept=False, tol=1e-11).fit(X, y)
    plain = PenalizedClassifier(0.0, tol=1e-11).fit(X[:, [0, 2]], y)
    assert_allclose(2.0 * model.coef_[1], plain.intercept_, atol=1e-8)
    assert_allclose(model.coef_[[0, 2]], plain.coef_, atol=1e-8)


@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
def test_constants_alone_leave_the_shares_of_the_classes(penalty, to_input):
    X, y = np.tile([0.0, 1.0, -3.3], (30, 1)), np.repeat(["a", "b", "c"], [15, 9, 6])
    model = PenalizedClassifier(0.05, penalty=penalty).fit(to_input(X), y)
    assert_array_equal(model.coef_, np.zeros((3, 3)))
    assert_allclose(model.predict_proba(to_input(X))[0], [0.5, 0.3, 0.2])
    assert_array_equal(model.predict(to_input(X)), np.full(30, "a"))


def test_copies_share_the_coefficient_if_the_penalty_says_so(to_input):
    X, y = draw(60, 3)
    twice = to_input(np.hstack([X, X]))
    lasso = PenalizedClassifier(0.05, penalty=L1()).fit(X, y)
    model = PenalizedClassifier(0.05, penalty=L1()).fit(twice, y)
    assert_allclose(model.coef_[:3] + model.coef_[3:], lasso.coef_, atol=1e-6)
    net = PenalizedClassifier(0.05, penalty=ElasticNet(0.5)).fit(twice, y)
    assert_allclose(net.coef_[:3], net.coef_[3:], atol=1e-6)
    assert net.support_.size >= 2
    whole = PenalizedClassifier(0.02, penalty=L0()).fit(twice, y)
    assert (whole.coef_[:3] * whole.coef_[3:] == 0.0).all()


def test_one_sample_of_each_class_is_enough():
    X, y = np.array([[0.0, 1.0], [2.0, 1.0]]), ["no", "yes"]
    model = PenalizedClassifier(0.1, penalty=L1()).fit(X, y)
    # With z = -1 and 1, the slope of log(1 + exp(-b)) at b is minus alpha.
    assert_allclose(model.coef_, [np.log(1 / 0.1 - 1.0), 0.0], atol=1e-7)
    assert_allclose(model.intercept_, -model.coef_[0], atol=1e-7)
    assert_array_equal(model.predict(X), y)


def test_equal_samples_of_two_classes_are_a_tie():
    model = PenalizedClassifier(0.01).fit(np.ones((4, 2)), ["no", "yes"] * 2)
    assert_array_equal(model.coef_, 0.0)
    assert_allclose(model.predict_proba(np.ones((1, 2))), 0.5)


def test_more_features_than_samples_of_three_classes():
    X, _ = draw(24, 300)
    y = np.array(["a", "b", "c"])[np.arange(24) % 3]
    model = PenalizedClassifier(0.05, penalty=L1()).fit(X, y)
    assert model.converged_
    assert 0 < model.support_.size <= 3 * 24
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_empty_columns_and_rows_of_sparse_input_carry_nothing(penalty):
    X, y = draw(60, 6)
    X[np.random.default_rng(1).random(X.shape) < 0.5] = 0.0
    X[:, [1, 3]] = 0.0
    X[[5, 59]] = 0.0
    spec = PenalizedClassifier(0.02, penalty=penalty, tol=1e-10)
    dense = clone(spec).fit(X, y)
    for to_sparse in (sparse.csc_array, sparse.csr_array):
        model = clone(spec).fit(to_sparse(X), y)
        assert_allclose(model.coef_, dense.coef_, atol=1e-8)
        assert_array_equal(model.coef_[[1, 3]], 0.0)
    nothing = clone(spec).fit(sparse.csc_array(X.shape), y)
    assert_array_equal(nothing.coef_, 0.0)
    assert_allclose(nothing.intercept_, log_odds(y))


# --- strengths ----------------------------------------------------------------


@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
@pytest.mark.parametrize("factor", [1.0, 1 + 1e-12, 2.0, 1e10, 1e300])
def test_nothing_enters_from_alpha_max_on(penalty, factor):
    X, y = draw(60, 5)
    options = {"loss": "log_loss", "penalty": penalty}
    largest = penalized_path(X, y, alphas=1, **options).alphas[0]
    model = PenalizedClassifier(factor * largest, penalty=penalty, l2=0.0).fit(X, y)
    assert_array_equal(model.coef_, 0.0)
    assert_allclose(model.intercept_, log_odds(y))
    model.set_params(alpha=0.9 * largest).fit(X, y)
    assert model.coef_.any()


@pytest.mark.parametrize("penalty", [L1(), MCP(), SCAD(), ElasticNet(1.0)], ids=str)
def test_one_half_is_always_enough(penalty):
    X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)  # the largest gradient there is
    wide, classes = draw(12, 300)
    for features, labels in ((X, y), (wide, classes)):
        options = {"loss": "log_loss", "penalty": L1(), "alphas": 1}
        largest = penalized_path(features, labels, **options).alphas[0]
        assert largest <= 0.5 + 1e-12
    assert penalized_path(X, y, **options).alphas[0] == pytest.approx(0.5)


@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
@pytest.mark.parametrize("alpha", [1e-300, 1e-30, 1e-14])
def test_a_strength_below_rounding_is_none(penalty, alpha):
    X, y = draw(100, 4)
    plain = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y)
    model = PenalizedClassifier(alpha, penalty=penalty, tol=1e-10).fit(X, y)
    assert_allclose(model.coef_, plain.coef_[0], atol=1e-5)
    assert_allclose(model.intercept_, plain.intercept_[0], atol=1e-5)


@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
def test_every_feature_may_be_left_out(penalty):
    X, y = draw(60, 5)
    out = np.full(5, np.inf)
    for alpha in (0.0, 0.1):
        model = PenalizedClassifier(alpha, penalty=penalty, penalty_weights=out).fit(X, y)
        assert_array_equal(model.coef_, 0.0)
        assert_allclose(model.intercept_, log_odds(y))
    path = penalized_path(X, y, loss="log_loss", penalty=penalty, penalty_weights=out, alphas=3)
    assert path.coefs.nnz == 0
    assert path.converged.all()


@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
def test_every_feature_may_be_unpenalised(penalty):
    X, y = draw(100, 4)
    plain = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y)
    model = PenalizedClassifier(5.0, penalty=penalty, penalty_weights=np.zeros(4), tol=1e-10)
    assert_allclose(model.fit(X, y).coef_, plain.coef_[0], atol=1e-7)


# --- separated classes --------------------------------------------------------


def separated(kind):
    """Return data in which features tell two classes apart, nearly or without error."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    match kind:
        case "by one feature":
            return X, (X[:, 0] > 0.2).astype(int)
        case "by two together":
            return X, (X[:, 0] - X[:, 1] > 0.1).astype(int)
        case "but for a tie":
            X = np.column_stack([np.repeat([0.0, 1.0], 20), X])
            return X[:, :1], np.r_[np.arange(20) % 2, np.ones(20, dtype=int)]
        case "by more features than samples":
            return draw(12, 60)


SEPARATED = [
    "by one feature",
    "by two together",
    "but for a tie",
    "by more features than samples",
]


def check_endless(caught, model, alpha):
    """Check that one warning says what is wrong, how it ended and what to do about it."""
    (warning,) = caught
    assert warning.filename == __file__
    for words in ("no finite solution", f"alpha = {alpha:.3g}", "separate", "l2", "L1"):
        assert words in str(warning.message)
    assert model.converged_ is False
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_)
    assert model.n_iter_ < 10_000


@pytest.mark.parametrize("kind", SEPARATED)
@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
def test_without_penalty_separated_classes_have_no_solution(kind, penalty):
    X, y = separated(kind)
    model = PenalizedClassifier(0.0, penalty=penalty)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    check_endless(caught, model, 0.0)
    chance = model.predict_proba(X)[np.arange(y.size), y]
    assert np.count_nonzero(chance > 0.999) >= y.size / 2
    assert (chance > 0.4).all()


@pytest.mark.parametrize("kind", ["by one feature", "but for a tie"])
@pytest.mark.parametrize("penalty", FLAT, ids=str)
def test_a_flat_penalty_does_not_hold_separating_coefficients_back(kind, penalty):
    X, y = separated(kind)
    model = PenalizedClassifier(0.02, penalty=penalty)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    check_endless(caught, model, 0.02)


@pytest.mark.parametrize("kind", SEPARATED)
@pytest.mark.parametrize("penalty", HOLDING, ids=str)
@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-5])
def test_a_growing_penalty_holds_separating_coefficients_back(kind, penalty, alpha):
    X, y = separated(kind)
    model = PenalizedClassifier(alpha, penalty=penalty).fit(X, y)
    assert model.converged_


@pytest.mark.parametrize("kind", SEPARATED)
@pytest.mark.parametrize("penalty", [*HOLDING, *FLAT], ids=str)
@pytest.mark.parametrize(("alpha", "l2"), [(0.0, 1e-4), (0.01, 0.01)])
def test_a_ridge_holds_separating_coefficients_back(kind, penalty, alpha, l2):
    X, y = separated(kind)
    model = PenalizedClassifier(alpha, penalty=penalty, l2=l2).fit(X, y)
    assert model.converged_


@pytest.mark.parametrize("penalty", FLAT, ids=str)
def test_a_path_says_how_many_of_its_points_have_no_solution(penalty):
    X, y = separated("by one feature")
    with pytest.warns(ConvergenceWarning) as caught:
        path = penalized_path(X, y, loss="log_loss", penalty=penalty, alphas=20, eps=0.05)
    endless = np.array([status is Status.UNBOUNDED for status in path.statuses])
    assert 0 < np.count_nonzero(endless) < 20
    assert_array_equal(path.converged, ~endless)
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert f"{np.count_nonzero(endless)} of 20 problems have no finite solution" in message
    assert f"alpha = {path.alphas[endless].max():.3g}" in message


def test_one_separable_class_of_three_is_enough_to_say_so():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    y = np.where(X[:, 0] > 0.5, "apart", np.array(["here", "there"])[np.arange(60) % 2])
    model = PenalizedClassifier(0.02)
    with pytest.warns(ConvergenceWarning, match="1 of 3 problems have no finite") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    assert_array_equal(model.predict(X) == "apart", y == "apart")


def test_nearly_separated_classes_have_a_solution():
    X, y = separated("by one feature")
    y[np.argmax(X[:, 0])] = 0
    for penalty in FLAT:
        assert PenalizedClassifier(0.0, penalty=penalty).fit(X, y).converged_
    plain = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y)
    model = PenalizedClassifier(0.0, tol=1e-11).fit(X, y)
    assert_allclose(model.coef_, plain.coef_[0], rtol=1e-6, atol=1e-6)


# --- magnitudes ---------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-100, 1e-30, 1e30, 1e100])
def test_the_unit_of_the_features_does_not_matter(penalty, to_input, unit):
    X, y = draw(60, 4)
    plain = PenalizedClassifier(0.02, penalty=penalty, tol=1e-10).fit(to_input(X), y)
    model = clone(plain).fit(to_input(unit * X), y)
    assert_allclose(unit * model.coef_, plain.coef_, atol=1e-8)
    assert_allclose(model.intercept_, plain.intercept_, atol=1e-8)


@pytest.mark.parametrize("mean", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_far_from_zero_are_centred_without_loss(penalty, to_input, mean, weighted):
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (80, 4)).astype(float)  # exact also with the mean added
    y = (X[:, 0] - X[:, 1] + 2.0 * rng.logistic(size=80) > 0.0).astype(int)
    weight = rng.uniform(0.5, 2.0, 80) if weighted else None
    spec = PenalizedClassifier(0.02, penalty=penalty, tol=1e-10)
    plain = clone(spec).fit(X, y, sample_weight=weight)
    model = clone(spec).fit(to_input(X + mean), y, sample_weight=weight)
    assert_allclose(model.coef_, plain.coef_, atol=1e-7)
    assert_allclose(
        model.decision_function(to_input(X + mean)),
        plain.decision_function(X),
        atol=1e-14 * mean + 1e-6,
    )


@pytest.mark.parametrize("power", [160, -170])
def test_values_whose_squares_leave_the_range_are_refused(to_input, power):
    X, y = draw(60, 4)
    with pytest.raises(ValueError, match="X holds values whose squares"):
        PenalizedClassifier(0.1, penalty=L1()).fit(to_input(X * 10.0**power), y)


@pytest.mark.parametrize("weight", [1e300, 1e308, 1e-310])
def test_weights_of_any_size_are_relative(weight):
    X, y = draw(60, 4)
    plain = PenalizedClassifier(0.05, penalty=L1()).fit(X, y)
    model = clone(plain).fit(X, y, sample_weight=np.full(60, weight))
    assert_allclose(model.coef_, plain.coef_, rtol=1e-10)


@pytest.mark.parametrize("rare", [0, 1])
@pytest.mark.parametrize("weight", [1e-4, 1e-8, 1e-12, 1e-16, 1e-30, 1e-100])
def test_the_intercept_is_exact_however_light_a_class_is(rare, weight):
    X, y = draw(60, 4)
    weights = np.where(y == rare, weight, 1.0)
    model = PenalizedClassifier(1.0, penalty=L1()).fit(X, y, sample_weight=weights)
    assert_array_equal(model.coef_, 0.0)
    assert_allclose(model.intercept_, log_odds(y, weights), rtol=1e-9)
    expected = weights[y == rare].sum() / weights.sum()
    assert_allclose(model.predict_proba(X)[0, rare], expected, rtol=1e-7)


@pytest.mark.parametrize("size", [10.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize("penalty", [L1(), None], ids=str)
def test_a_constant_offset_of_any_size_goes_into_the_intercept(penalty, size):
    X, y = draw(60, 4)
    spec = PenalizedClassifier(0.05, penalty=penalty, tol=1e-10)
    plain = clone(spec).fit(X, y)
    for offset in (size, -size):
        model = clone(spec).fit(X, y, offset=np.full(60, offset))
        assert_allclose(model.coef_, plain.coef_, atol=1e-7)
        assert_allclose(model.intercept_, plain.intercept_ - offset, atol=1e-6)


@pytest.mark.parametrize("size", [10.0, 1000.0])
@pytest.mark.parametrize("penalty", [L1(), None], ids=str)
def test_an_offset_that_knows_the_classes_leaves_nothing_to_explain(penalty, size):
    X, y = draw(60, 4)
    model = PenalizedClassifier(0.05, penalty=penalty).fit(X, y, offset=size * (2.0 * y - 1.0))
    assert_array_equal(model.coef_, 0.0)
    assert_array_equal(model.predict(X, offset=size * (2.0 * y - 1.0)), y)


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_an_offset_that_is_wrong_about_the_classes_is_made_up_for(penalty):
    X, y = draw(60, 4)
    offset = -10.0 * (2.0 * y - 1.0)
    model = PenalizedClassifier(0.05, penalty=penalty).fit(X, y, offset=offset)
    assert model.converged_
    residual = y - model.predict_proba(X, offset)[:, 1]
    assert abs(residual.mean()) <= 1e-9


def test_a_strong_unpenalised_effect_does_not_blur_the_others():
    X, y = draw(400, 4)
    strong = 30.0 * X[:, 0]
    spec = PenalizedClassifier(0.02, penalty=L1(), penalty_weights=[0, 1, 1, 1], tol=1e-9)
    weak = clone(spec).fit(X, y)
    model = clone(spec).fit(X, y, offset=strong)
    assert_allclose(model.coef_[0], weak.coef_[0] - 30.0, atol=1e-4)
    assert_allclose(model.coef_[1:], weak.coef_[1:], atol=1e-4)


# --- separation beside coefficients that are held back -------------------------


@pytest.fixture
def quasi_separated():
    """A feature that is nonzero in one class only, beside others that are informative."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    y = X[:, 0] + rng.standard_normal(60) > 0
    first = np.zeros(60)
    first[np.flatnonzero(y)[:8]] = 1.0
    return np.column_stack([first, X]), y


@pytest.mark.parametrize(
    "model",
    [
        PenalizedClassifier(0.02, penalty=MCP(3.0, adaptive=True)),
        PenalizedClassifier(0.05, penalty=L1(), penalty_weights=[0, 1, 1, 1, 1]),
        PenalizedClassifier(0.02, penalty=CappedL1(0.5)),
    ],
    ids=str,
)
def test_one_coefficient_that_grows_for_ever_is_enough(quasi_separated, model):
    with pytest.warns(ConvergenceWarning, match="no finite solution"):
        model = clone(model).fit(*quasi_separated)
    assert not model.converged_
    assert (model.coef_ != 0.0).sum() > 1  # others feel their penalty


def test_no_rule_chooses_a_strength_without_a_finite_solution(quasi_separated):
    X, y = quasi_separated
    for criterion in ("aic", "bic", "ebic", "cv"):
        model = PenalizedClassifierCV(
            20, eps=0.01, penalty=MCP(3.0, adaptive=True), criterion=criterion
        ).fit(X, y)
        assert not model.path_.finite.all()
        assert model.converged_


def test_a_light_sample_that_overlaps_is_overlap(rng):
    x = np.linspace(-2.0, 2.0, 61)
    y = x > 0.0
    y[0] = True  # on the wrong side
    weight = np.ones(61)
    weight[0] = 1e-4
    model = PenalizedClassifier(0.0, tol=1e-10).fit(x[:, None], y, sample_weight=weight)
    assert model.converged_


def test_strengths_at_which_a_fold_separates_are_not_eligible(rng):
    X = rng.standard_normal((40, 60))
    y = X[:, 0] + 0.5 * rng.standard_normal(40) > 0
    chosen = set()
    for tol in (1e-5, 1e-10):
        model = PenalizedClassifierCV(15, eps=0.2, tol=tol).fit(X, y)
        results = model.cv_results_
        assert not results["finite"].all()
        assert results["finite"][model.alphas_ == model.alpha_].all()
        chosen.add(round(model.alpha_, 12))
    assert len(chosen) == 1


# --- class weights act on the fit alone ------------------------------------------


def test_class_weights_leave_scores_and_criteria_to_the_sample_weights(rng):
    X = rng.standard_normal((80, 5))
    y = X[:, 0] + rng.standard_normal(80) > 0
    for options in ({"criterion": "bic"}, {"scoring": "accuracy", "cv": 3}):
        plain = PenalizedClassifierCV(8, eps=0.1, penalty=L1(), **options).fit(X, y)
        tenfold = clone(plain).set_params(class_weight={False: 10.0, True: 10.0}).fit(X, y)
        assert tenfold.alpha_ == plain.alpha_
        np.testing.assert_allclose(tenfold.coef_, plain.coef_, atol=1e-7)
