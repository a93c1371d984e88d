"""Legal but degenerate input: no warning, and the right answer."""

import warnings

import numpy as np
import pytest
from by_hand import Data, violation
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sparsestat import (
    L1,
    MCP,
    SCAD,
    ElasticNet,
    PenalizedRegressor,
    PenalizedRegressorCV,
    penalized_path,
)

SOLVERS = ["gram", "working_set"]


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


@pytest.fixture(params=[L1(), ElasticNet(0.5), MCP(1.5), SCAD(3.7)], ids=str)
def penalty(request):
    return request.param


@pytest.fixture(params=[np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def to_input(request):
    return request.param


def draw(n, p, seed=0):
    """Return a design with column means, and a response with a mean."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + np.linspace(-1.0, 2.0, p)
    return X, 2.0 + X[:, 0] - X[:, -1] + rng.standard_normal(n)


def replaced(X, column, value):
    X = X.copy()
    X[:, column] = value
    return X


def degenerate():
    """Yield names and data."""
    X, y = draw(30, 6)
    yield "constant column", (replaced(X, 2, 3.3), y)
    yield "constant column of a large number", (replaced(X, 2, 1e8 + 0.1), y)
    yield "column of zeros", (replaced(X, 2, 0.0), y)
    yield "duplicated column", (replaced(X, 2, X[:, 0]), y)
    yield "opposite columns", (replaced(X, 2, -X[:, 0]), y)
    yield "every column twice", (np.hstack([X, X]), y)
    yield "collinear columns", (replaced(X, 2, X[:, 0] + X[:, 1]), y)
    yield "rank one", (np.outer(X[:, 0], [1.0, 2.0, -3.0]), y)
    yield "indicators that sum to one", (np.eye(3)[np.arange(30) % 3], y)
    yield "one sample", (X[:1], y[:1])
    yield "two samples", (X[:2], y[:2])
    yield "two equal samples", (X[[0, 0]], y[:2])
    yield "one feature", (X[:, :1], y)
    yield "one sample and feature", (X[:1, :1], y[:1])
    yield "square", (X[:6], y[:6])
    yield "wide", draw(6, 30)
    yield "exact fit", (X, 1.0 + X[:, 0])
    yield "zero response", (X, np.zeros(30))
    yield "response far from zero", (X, 1e6 + y)


CASES = dict(degenerate())


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def check_model(spec, model, X, y, tol=1e-7):
    """Check that a fitted model is finite, stationary and ignores what carries nothing."""
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_)
    constant = np.ptp(X, axis=0) == 0.0 if spec.fit_intercept else ~X.any(axis=0)
    assert_array_equal(model.coef_[constant], 0.0)
    kept = ~constant
    if kept.any() and np.ptp(y) > 0.0:
        fitted = violation(spec, Data(X[:, kept], y), model.coef_[kept], model.intercept_)
        assert fitted <= tol
    if spec.fit_intercept:
        assert_allclose(np.mean(y - model.predict(X)), 0.0, atol=1e-8 * np.abs(y).max())


@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_degenerate_data_are_fitted(case, penalty, solver, to_input, alpha):
    X, y = case
    spec = PenalizedRegressor(alpha, penalty=penalty, solver=solver)
    check_model(spec, clone(spec).fit(to_input(X), y), X, y)


@pytest.mark.parametrize("options", [{"fit_intercept": False}, {"standardize": False}], ids=str)
def test_degenerate_data_are_fitted_with_every_framing(case, penalty, to_input, options):
    X, y = case
    spec = PenalizedRegressor(0.1, penalty=penalty, **options)
    check_model(spec, clone(spec).fit(to_input(X), y), X, y)


def test_degenerate_data_have_paths(case, penalty, to_input):
    X, y = case
    path = penalized_path(to_input(X), y, penalty=penalty, alphas=10, eps=0.01)
    assert path.converged.all()
    assert path.n_nonzeros[0] == 0
    assert_allclose(path.predict(X)[:, 0], y.mean())


@pytest.mark.parametrize("penalty", [L1(), MCP()], ids=str)
def test_degenerate_data_are_cross_validated(case, penalty, to_input):
    X, y = case
    if len(y) < 2:
        with pytest.raises(ValueError, match="n_samples=1"):
            PenalizedRegressorCV(5, cv=2).fit(to_input(X), y)
        return
    model = PenalizedRegressorCV(5, eps=0.01, penalty=penalty, cv=2).fit(to_input(X), y)
    assert np.isfinite(model.cv_results_["mean_test_score"]).all()
    assert np.isfinite(model.predict(to_input(X))).all()


# --- constants ----------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 23, 41, 77, 99])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1, -1e-300])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_response_is_all_intercept(n, value, weighted):
    X, _ = draw(n, 3)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, n) if weighted else None
    y = np.full(n, value)
    for alpha in (0.0, 0.1):
        model = PenalizedRegressor(alpha, penalty=L1()).fit(X, y, sample_weight=weight)
        assert_array_equal(model.coef_, 0.0)
        assert_allclose(model.intercept_, value, rtol=1e-14)
    path = penalized_path(X, y, alphas=5, sample_weight=weight)
    assert path.coefs.nnz == 0
    assert_allclose(path.intercepts, value, rtol=1e-14)


@pytest.mark.parametrize("n", [6, 10, 49, 60, 98, 103, 1000])
@pytest.mark.parametrize("value", [3.3, 1e4, 1e8 + 0.1, 1e-300])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_column_gets_exactly_zero(to_input, n, value, weighted):
    X, y = draw(n, 3)
    X[:, 1] = value
    weight = np.random.default_rng(1).uniform(0.5, 2.0, n) if weighted else None
    for standardize in (False, True):
        model = PenalizedRegressor(0.0, standardize=standardize)
        model.fit(to_input(X), y, sample_weight=weight)
        without = clone(model).fit(to_input(X[:, [0, 2]]), y, sample_weight=weight)
        assert model.coef_[1] == 0.0
        assert_allclose(model.coef_[[0, 2]], without.coef_, atol=1e-8)


def test_a_column_that_varies_only_where_the_weight_is_zero_is_constant(to_input, penalty):
    X, y = draw(30, 4)
    X[:, 1] = 3.3
    X[:5, 1] = np.arange(5.0)
    weight = np.where(np.arange(30) < 5, 0.0, 1.0)
    model = PenalizedRegressor(0.1, penalty=penalty)
    model.fit(to_input(X), y, sample_weight=weight)
    removed = clone(model).fit(to_input(X[5:]), y[5:])
    assert model.coef_[1] == 0.0
    assert_allclose(model.coef_, removed.coef_, atol=1e-9)


def test_constant_columns_alone_leave_the_intercept(to_input, penalty, solver):
    X = np.tile([0.0, 1.0, -3.3], (12, 1))
    y = np.arange(12.0)
    model = PenalizedRegressor(0.1, penalty=penalty, solver=solver).fit(to_input(X), y)
    assert_array_equal(model.coef_, 0.0)
    assert_allclose(model.predict(to_input(X)), y.mean())
    path = penalized_path(to_input(X), y, penalty=penalty, alphas=4)
    assert path.coefs.nnz == 0
    assert path.converged.all()


def test_without_intercept_a_constant_column_is_a_column(to_input):
    X, y = draw(30, 3)
    X = replaced(X, 1, 2.0)
    model = PenalizedRegressor(0.0, fit_intercept=False, tol=1e-12).fit(to_input(X), y)
    assert_allclose(model.coef_, np.linalg.lstsq(X, y)[0], atol=1e-8)
    assert model.coef_[1] != 0.0


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_sample_with_weight_is_one_sample(to_input, penalty, fit_intercept):
    X, y = draw(12, 4)
    weight = np.zeros(12)
    weight[3] = 2.0
    model = PenalizedRegressor(0.1, penalty=penalty, fit_intercept=fit_intercept)
    model.fit(to_input(X), y, sample_weight=weight)
    single = clone(model).fit(to_input(X[[3]]), y[[3]])
    assert_allclose(model.predict(to_input(X)), single.predict(to_input(X)), atol=1e-9)
    if fit_intercept:
        assert_array_equal(model.coef_, 0.0)
        assert_allclose(model.intercept_, y[3])


def test_empty_columns_and_rows_of_sparse_input_carry_nothing(penalty, solver):
    X, y = draw(40, 6)
    X[np.random.default_rng(1).random(X.shape) < 0.5] = 0.0
    X[:, [0, 3]] = 0.0
    X[[5, 39]] = 0.0
    spec = PenalizedRegressor(0.1, penalty=penalty, solver=solver)
    dense = clone(spec).fit(X, y)
    for to_sparse in (sparse.csc_array, sparse.csr_array):
        model = clone(spec).fit(to_sparse(X), y)
        assert_allclose(model.coef_, dense.coef_, atol=1e-9)
        assert_array_equal(model.coef_[[0, 3]], 0.0)
    nothing = clone(spec).fit(sparse.csc_array(X.shape), y)
    assert_array_equal(nothing.coef_, 0.0)
    assert_allclose(nothing.intercept_, y.mean())


# --- strengths ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (6, 6)], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_without_penalty_no_fit_is_better(penalty, solver, shape, fit_intercept, to_input):
    X, y = draw(*shape)
    model = PenalizedRegressor(
        0.0, penalty=penalty, solver=solver, fit_intercept=fit_intercept
    ).fit(to_input(X), y)
    design = np.column_stack([np.ones(len(y)), X]) if fit_intercept else X
    least = np.mean((y - design @ np.linalg.lstsq(design, y)[0]) ** 2)
    assert np.mean((y - model.predict(X)) ** 2) <= least + 1e-8 * np.mean(y**2)


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-12, 2.0, 1e10, 1e300])
def test_nothing_enters_from_alpha_max_on(tall, penalty, solver, factor):
    largest = penalized_path(tall.X, tall.y, penalty=penalty, alphas=1).alphas[0]
    model = PenalizedRegressor(factor * largest, penalty=penalty, solver=solver)
    model.fit(tall.X, tall.y)
    assert_array_equal(model.coef_, 0.0)
    assert_allclose(model.intercept_, tall.y.mean())
    model.set_params(alpha=0.99 * largest).fit(tall.X, tall.y)
    assert model.coef_.any()


@pytest.mark.parametrize("alpha", [1e-300, 1e-30, 1e-12])
def test_a_strength_below_rounding_is_none(tall, penalty, alpha):
    model = PenalizedRegressor(alpha, penalty=penalty).fit(tall.X, tall.y)
    design = np.column_stack([np.ones(len(tall.y)), tall.X])
    assert_allclose(model.coef_, np.linalg.lstsq(design, tall.y)[0][1:], atol=1e-6)


def test_every_feature_may_be_left_out(wide, penalty, solver):
    out = np.full(120, np.inf)
    for alpha in (0.0, 0.1):
        model = PenalizedRegressor(
            alpha, penalty=penalty, penalty_weights=out, solver=solver
        ).fit(wide.X, wide.y)
        assert_array_equal(model.coef_, 0.0)
        assert_allclose(model.intercept_, wide.y.mean())
    path = penalized_path(
        wide.X, wide.y, penalty=penalty, penalty_weights=out, alphas=3, solver=solver
    )
    assert path.coefs.nnz == 0
    assert path.converged.all()


def test_every_feature_may_be_unpenalised(tall, penalty, solver):
    free = np.zeros(30)
    design = np.column_stack([np.ones(len(tall.y)), tall.X])
    expected = np.linalg.lstsq(design, tall.y)[0][1:]
    model = PenalizedRegressor(5.0, penalty=penalty, penalty_weights=free, solver=solver)
    assert_allclose(model.fit(tall.X, tall.y).coef_, expected, atol=1e-6)
    path = penalized_path(
        tall.X, tall.y, penalty=penalty, penalty_weights=free, alphas=3, solver=solver
    )
    assert_allclose(path.coefs.toarray(), np.tile(expected[:, None], 3), atol=1e-6)


# --- magnitudes ---------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-100, 1e-30, 1e30, 1e100])
@pytest.mark.parametrize("penalty", [L1(), MCP()], ids=str)
def test_the_unit_of_the_features_does_not_matter(penalty, solver, to_input, unit):
    X, y = draw(30, 6)
    plain = PenalizedRegressor(0.1, penalty=penalty, solver=solver).fit(to_input(X), y)
    model = clone(plain).fit(to_input(unit * X), y)
    assert_allclose(unit * model.coef_, plain.coef_, atol=1e-9)
    assert_allclose(model.predict(to_input(unit * X)), plain.predict(to_input(X)), atol=1e-9)


# Squares of the response, and products of two of them, have to stay in range.
@pytest.mark.parametrize("unit", [1e-70, 1e-30, 1e30, 1e70])
@pytest.mark.parametrize("penalty", [L1(), MCP()], ids=str)
def test_the_unit_of_the_response_does_not_matter(penalty, solver, to_input, unit):
    X, y = draw(30, 6)
    plain = PenalizedRegressor(0.1, penalty=penalty, solver=solver).fit(to_input(X), y)
    model = clone(plain).set_params(alpha=0.1 * unit).fit(to_input(X), unit * y)
    assert_allclose(model.coef_ / unit, plain.coef_, atol=1e-9)
    path = penalized_path(to_input(X), y, penalty=penalty, alphas=5, solver=solver)
    scaled = penalized_path(to_input(X), unit * y, penalty=penalty, alphas=5, solver=solver)
    assert_allclose(scaled.alphas / unit, path.alphas)
    assert_allclose(scaled.coefs.toarray() / unit, path.coefs.toarray(), atol=1e-9)


def test_features_may_have_very_different_units(penalty, solver, to_input):
    X, y = draw(30, 6)
    units = 10.0 ** np.array([-30, -10, 0, 5, 20, 30])
    plain = PenalizedRegressor(0.1, penalty=penalty, solver=solver).fit(to_input(X), y)
    model = clone(plain).fit(to_input(X * units), y)
    assert_allclose(units * model.coef_, plain.coef_, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_the_unit_of_single_precision_features_does_not_matter(penalty, to_input, unit):
    X, y = draw(30, 6)
    X = X.astype(np.float32)
    plain = PenalizedRegressor(0.1, penalty=penalty).fit(to_input(X), y)
    model = clone(plain).fit(to_input(X * np.float32(unit)), y)
    assert_allclose(unit * model.coef_.astype(float), plain.coef_, atol=1e-5)


@pytest.mark.parametrize("mean", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_far_from_zero_are_centred_without_loss(
    penalty, solver, to_input, mean, weighted
):
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (40, 6)).astype(float)  # exact also with the mean added
    y = X[:, 0] - X[:, 1] + rng.standard_normal(40)
    weight = rng.uniform(0.5, 2.0, 40) if weighted else None
    spec = PenalizedRegressor(0.1, penalty=penalty, solver=solver)
    plain = clone(spec).fit(X, y, sample_weight=weight)
    model = clone(spec).fit(to_input(X + mean), y, sample_weight=weight)
    assert_allclose(model.coef_, plain.coef_, atol=1e-7)
    assert_allclose(
        model.predict(to_input(X + mean)), plain.predict(X), atol=1e-14 * mean + 1e-6
    )


def test_long_columns_far_from_zero_are_not_taken_for_constant(to_input):
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (300_000, 2)) * 2.0**-12  # exact also with the mean added
    y = 1000.0 * X[:, 0] + rng.standard_normal(300_000)
    plain = PenalizedRegressor(0.1, penalty=L1()).fit(X, y)
    model = clone(plain).fit(to_input(X + 2.0**27), y)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-3)


def test_single_precision_columns_far_from_zero_are_centred_in_double(penalty):
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (40, 6)).astype(np.float32)
    y = X[:, 0] - X[:, 1] + rng.standard_normal(40)
    plain = PenalizedRegressor(0.1, penalty=penalty).fit(X, y)
    model = clone(plain).fit(X + np.float32(1e6), y)
    assert_allclose(model.coef_, plain.coef_, atol=1e-5)


def test_a_response_far_from_zero_is_centred_without_loss(penalty, solver):
    X, y = draw(30, 6)
    y = np.round(y, 3) * 1024
    plain = PenalizedRegressor(100.0, penalty=penalty, solver=solver).fit(X, y)
    model = clone(plain).fit(X, y + 2.0**40)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=1e-3)
    assert_allclose(model.intercept_ - 2.0**40, plain.intercept_, atol=1.0)


@pytest.mark.parametrize("power", [160, -170])
@pytest.mark.parametrize("spoil", ["X", "y"])
def test_values_whose_squares_leave_the_range_are_refused(to_input, power, spoil):
    X, y = draw(20, 3)
    factors = {"X": 1.0, "y": 1.0, spoil: 10.0**power}
    with pytest.raises(ValueError, match=f"{spoil} holds values whose squares"):
        PenalizedRegressor(0.1).fit(to_input(X * factors["X"]), y * factors["y"])


@pytest.mark.parametrize("weight", [1e300, 1e-310])
def test_weights_of_any_size_are_relative(weight):
    X, y = draw(20, 3)
    plain = PenalizedRegressor(0.1).fit(X, y)
    model = clone(plain).fit(X, y, sample_weight=np.full(20, weight))
    assert_allclose(model.coef_, plain.coef_, rtol=1e-10)


def test_a_strong_unpenalised_effect_does_not_blur_the_others(penalty, solver):
    X, y = draw(100, 3)
    strong = y + 1e9 * X[:, 0]
    spec = PenalizedRegressor(0.1, penalty=penalty, solver=solver, penalty_weights=[0, 1, 1])
    weak = clone(spec).fit(X, y)
    model = clone(spec).fit(X, strong)
    assert_allclose(model.coef_[1:], weak.coef_[1:], atol=1e-5)


def test_an_excluded_feature_does_not_set_the_unit_of_violations(solver):
    X, y = draw(50, 4)
    spec = PenalizedRegressor(0.01, penalty=L1(), standardize=False, solver=solver)
    plain = clone(spec).fit(X[:, :3], y)
    X[:, 3] *= 1e8
    model = clone(spec).set_params(penalty_weights=[1, 1, 1, np.inf]).fit(X, y)
    assert_allclose(model.coef_[:3], plain.coef_, atol=1e-8)


def test_a_gram_matrix_that_cancels_is_owned_up_to():
    rng = np.random.default_rng(0)
    X = 1e6 + rng.standard_normal((60, 2))
    X[0, 0] = 0.0
    y = 2.0 * (X[:, 0] - 1e6) + rng.standard_normal(60)
    weight = np.ones(60)
    weight[0] = 1e-16
    options = {"penalty": L1(), "solver": "gram"}
    exact = PenalizedRegressor(0.1, **options).fit(X, y, sample_weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = PenalizedRegressor(0.1, **options).fit(
            sparse.csc_array(X), y, sample_weight=weight
        )
    error = np.abs(model.coef_ - exact.coef_).max()
    assert not model.converged_ or error < 1e-6
