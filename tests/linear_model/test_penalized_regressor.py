"""PenalizedRegressor against scikit-learn, cvxpy, closed forms and its own definition."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from by_hand import Data, objective, optimum, scale, violation
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso as SklearnLasso
from sklearn.preprocessing import StandardScaler

from sparsestat import CEL0, L1, MCP, SCAD, ElasticNet, PenalizedRegressor, penalized_path
from sparsestat.linalg import DenseDesign
from sparsestat.solvers import LeastSquaresProblem, approach

CONVEX = [L1(), ElasticNet(0.5), ElasticNet(0.1)]
SOLVERS = ["gram", "working_set"]


@pytest.fixture(params=["wide", "tall"])
def data(request):
    """Data whose columns and response have means."""
    X, y, *_ = request.getfixturevalue(request.param)
    return Data(X + np.linspace(-1.0, 2.0, X.shape[1]), y + 3.0)


@pytest.fixture
def weight(data):
    return np.random.default_rng(1).uniform(0.2, 2.0, data.y.size)


def fit_to(data, spec, to_input=np.asarray):
    """Fit a copy of an estimator to data."""
    arguments = {"sample_weight": data.sample_weight, "offset": data.offset}
    return clone(spec).fit(to_input(data.X), data.y, **arguments)


def some_weights(n_features):
    """Return penalty weights of every kind: unpenalised, excluded, light and heavy."""
    return np.resize([1.0, 0.0, 0.5, np.inf, 2.0, 1.0, 1.5], n_features)


# --- scikit-learn -------------------------------------------------------------


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.3)], ids=str)
def test_equals_scikit_learn(
    data, weight, penalty, fit_intercept, positive, weighted, to_input
):
    options = {"alpha": 0.1, "fit_intercept": fit_intercept, "positive": positive}
    precise = {"tol": 1e-13, "max_iter": 100_000}
    peer = (
        SklearnLasso(**options, **precise)
        if penalty == L1()
        else SklearnElasticNet(l1_ratio=0.3, **options, **precise)
    )
    weights = {"sample_weight": weight} if weighted else {}
    peer.fit(data.X, data.y, **weights)
    model = PenalizedRegressor(penalty=penalty, standardize=False, tol=1e-11, **options)
    model.fit(to_input(data.X), data.y, **weights)
    assert_allclose(model.coef_, peer.coef_, atol=1e-8)
    assert_allclose(model.intercept_, peer.intercept_, atol=1e-8)
    assert_allclose(model.predict(to_input(data.X)), peer.predict(data.X), atol=1e-7)
    assert model.coef_.any()


def test_standardising_is_scaling_by_hand(data, weight, penalty):
    scaler = StandardScaler().fit(data.X, sample_weight=weight)
    by_hand = PenalizedRegressor(0.1, penalty=penalty, standardize=False)
    by_hand.fit(scaler.transform(data.X), data.y, sample_weight=weight)
    model = PenalizedRegressor(0.1, penalty=penalty)
    model.fit(data.X, data.y, sample_weight=weight)
    assert_allclose(model.coef_, by_hand.coef_ / scaler.scale_, atol=1e-9)
    assert_allclose(model.predict(data.X), by_hand.predict(scaler.transform(data.X)), atol=1e-9)


def test_without_intercept_columns_are_scaled_about_zero(data, penalty):
    scales = np.sqrt((data.X**2).mean(axis=0))
    by_hand = PenalizedRegressor(0.1, penalty=penalty, standardize=False, fit_intercept=False)
    model = PenalizedRegressor(0.1, penalty=penalty, fit_intercept=False).fit(data.X, data.y)
    by_hand.fit(data.X / scales, data.y)
    assert_allclose(model.coef_, by_hand.coef_ / scales, atol=1e-9)
    assert model.intercept_ == 0.0


# --- global optima ------------------------------------------------------------

CONVEX_OPTIONS = {
    "plain": {},
    "in place": {"fit_intercept": False, "standardize": False},
    "l2": {"l2": 0.2},
    "positive": {"positive": True},
    "positive l2": {"positive": True, "l2": 0.05, "standardize": False},
    "penalty weights": {"penalty_weights": some_weights},
    "positive penalty weights": {"penalty_weights": some_weights, "positive": True},
}


def spec_for(data, options, **others):
    options = options | others
    if callable(options.get("penalty_weights")):
        options["penalty_weights"] = options["penalty_weights"](data.X.shape[1])
    return PenalizedRegressor(**options)


@pytest.mark.parametrize("options", CONVEX_OPTIONS.values(), ids=CONVEX_OPTIONS)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_convex_models_reach_the_optimum_and_bound_the_distance_to_it(
    data, weight, penalty, options, weighted
):
    if weighted:
        data = data._replace(sample_weight=weight, offset=np.sin(np.arange(weight.size)))
    spec = spec_for(data, options, alpha=0.1, penalty=penalty)
    least = optimum(spec, data)
    model = fit_to(data, spec)
    reached = objective(spec, data, model.coef_, model.intercept_)
    assert_allclose(model.objective_, reached, rtol=1e-10)
    assert abs(reached - least) <= 1e-7
    loose = fit_to(data, clone(spec).set_params(tol=0.1))
    suboptimality = objective(spec, data, loose.coef_, loose.intercept_) - least
    if spec.penalty_weights is None:
        assert model.dual_gap_ <= 1e-6
        assert suboptimality <= loose.dual_gap_ + 1e-9
    else:
        assert np.isnan(model.dual_gap_)


def test_an_excluded_feature_does_not_spoil_the_duality_gap(wide):
    excluded = np.where(np.arange(120) % 3, 1.0, np.inf)
    spec = PenalizedRegressor(0.1, penalty=L1(), penalty_weights=excluded, tol=0.1)
    model = spec.fit(wide.X, wide.y)
    suboptimality = model.objective_ - optimum(spec, Data(wide.X, wide.y))
    assert 0.0 <= suboptimality <= model.dual_gap_ < 1.0


@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=str)
def test_nonconvex_models_claim_no_duality_gap(tall, penalty):
    model = PenalizedRegressor(0.1, penalty=penalty).fit(tall.X, tall.y)
    assert np.isnan(model.dual_gap_)


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_penalty_it_is_least_squares(tall, penalty, solver):
    weight = np.random.default_rng(1).uniform(0.2, 2.0, tall.y.size)
    model = PenalizedRegressor(0.0, penalty=penalty, solver=solver, tol=1e-12)
    model.fit(tall.X, tall.y, sample_weight=weight)
    peer = sm.WLS(tall.y, sm.add_constant(tall.X), weights=weight).fit()
    assert_allclose(model.intercept_, peer.params[0], atol=1e-9)
    assert_allclose(model.coef_, peer.params[1:], atol=1e-9)
    plain = model.set_params(fit_intercept=False).fit(tall.X, tall.y)
    assert_allclose(plain.coef_, np.linalg.lstsq(tall.X, tall.y)[0], atol=1e-9)


@pytest.mark.parametrize("penalty", CONVEX, ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("duplicated", [False, True])
def test_small_strengths_are_reached_from_a_cold_start(penalty, solver, duplicated):
    rng = np.random.default_rng(42)
    X, y = rng.standard_normal((10, 30)), rng.standard_normal(10)
    X = np.hstack([X, X if duplicated else rng.standard_normal((10, 30))])
    spec = PenalizedRegressor(1e-5, penalty=penalty, solver=solver)
    model = clone(spec).fit(X, y)
    assert model.converged_
    assert violation(spec, Data(X, y), model.coef_, model.intercept_) <= 1e-7


# --- closed forms -------------------------------------------------------------


def from_zero(penalty, z, alpha):
    """Return the proximal operator, but zero where zero, the start, is stationary."""
    return np.where(np.abs(z) > penalty.limit(alpha, 1.0), penalty.prox(z, 1.0, alpha), 0.0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_on_an_orthonormal_design_it_is_the_proximal_operator(rng, penalty, solver):
    X = np.sqrt(64) * np.linalg.qr(rng.standard_normal((64, 24)))[0]
    y = X @ rng.normal(scale=2.0, size=24) + rng.standard_normal(64)
    options = {"fit_intercept": False, "standardize": False, "solver": solver}
    for alpha in (0.1, 0.5, 1.0, 3.0):
        model = PenalizedRegressor(alpha, penalty=penalty, **options).fit(X, y)
        assert_allclose(model.coef_, from_zero(penalty, X.T @ y / 64, alpha), atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("positive", [False, True])
def test_one_feature_is_solved_by_the_proximal_operator(rng, penalty, solver, positive):
    x = rng.standard_normal(20)
    x /= np.sqrt(x @ x / 20)
    for slope in (-3.0, -1.0, 0.2, 1.0, 3.0):
        model = PenalizedRegressor(
            0.5,
            penalty=penalty,
            fit_intercept=False,
            positive=positive,
            solver=solver,
        ).fit(x[:, None], slope * x)
        expected = from_zero(penalty, slope, 0.5)
        assert_allclose(model.coef_, max(expected, 0.0) if positive else expected, atol=1e-12)


# --- stationarity -------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_the_reported_violation_is_the_violation(data, penalty, solver, dtype, to_input):
    data = data._replace(X=data.X.astype(dtype))
    spec = PenalizedRegressor(0.1, penalty=penalty, solver=solver)
    model = fit_to(data, spec, to_input)
    tol = 1e-8 if dtype == np.float64 else 1e-5
    rounding = 1e-12 if dtype == np.float64 else 2e-6
    actual = violation(spec, data, model.coef_, model.intercept_)
    assert model.converged_
    assert model.kkt_violation_ <= tol
    assert_allclose(actual, model.kkt_violation_, rtol=0.01, atol=rounding)
    loose = fit_to(data, spec.set_params(tol=0.05), to_input)
    actual = violation(spec, data, loose.coef_, loose.intercept_)
    assert actual <= 0.05
    assert_allclose(actual, loose.kkt_violation_, rtol=0.01, atol=rounding)


OPTIONS = CONVEX_OPTIONS | {
    "everything": {
        "l2": 0.05,
        "positive": True,
        "penalty_weights": some_weights,
        "fit_intercept": False,
    },
    "unscaled": {"standardize": False},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_option_enters_the_stationarity_conditions(
    data, weight, penalty, options, solver
):
    data = data._replace(sample_weight=weight, offset=np.cos(np.arange(weight.size)))
    spec = spec_for(data, options, alpha=0.1, penalty=penalty, solver=solver)
    if penalty == CEL0() and "l2" in options and not spec.standardize:
        with pytest.raises(
            ValueError, match=r"l2 together with CEL0\(\) needs standardize=True"
        ):
            fit_to(data, spec)
        return
    for to_input in (np.asarray, sparse.csr_array):
        model = fit_to(data, spec, to_input)
        assert violation(spec, data, model.coef_, model.intercept_) <= 1.1e-8
        reached = objective(spec, data, model.coef_, model.intercept_)
        assert_allclose(model.objective_, reached, rtol=1e-9)


def test_fitted_attributes_describe_the_solution(data, penalty):
    model = PenalizedRegressor(0.1, penalty=penalty).fit(data.X, data.y)
    assert_array_equal(model.support_, np.flatnonzero(model.coef_))
    assert 0 < model.support_.size < data.X.shape[1]
    assert model.n_features_in_ == data.X.shape[1]
    assert model.n_iter_ >= 1
    assert model.converged_ is True


# --- parameters ---------------------------------------------------------------


def test_features_without_penalty_weight_are_not_shrunk(data, penalty):
    free = np.where(np.arange(data.X.shape[1]) < 3, 0.0, 1.0)
    model = PenalizedRegressor(10.0, penalty=penalty, penalty_weights=free)
    model.fit(data.X, data.y)
    design = sm.add_constant(data.X[:, :3])
    expected = np.linalg.lstsq(design, data.y)[0]
    assert_allclose(model.coef_[:3], expected[1:], atol=1e-8)
    assert_array_equal(model.support_, [0, 1, 2])


@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("solver", SOLVERS)
def test_infinite_penalty_weight_leaves_a_feature_out(tall, penalty, alpha, solver):
    out = np.arange(tall.X.shape[1]) % 3 == 0
    model = PenalizedRegressor(
        alpha, penalty=penalty, penalty_weights=np.where(out, np.inf, 1.0), solver=solver
    ).fit(tall.X, tall.y)
    without = PenalizedRegressor(alpha, penalty=penalty, solver=solver)
    without.fit(tall.X[:, ~out], tall.y)
    assert_array_equal(model.coef_[out], 0.0)
    assert_allclose(model.coef_[~out], without.coef_, atol=1e-9)


def test_penalty_weights_multiply_the_strength(data, penalty):
    threefold = np.full(data.X.shape[1], 3.0)
    model = PenalizedRegressor(0.05, penalty=penalty, penalty_weights=threefold)
    expected = PenalizedRegressor(0.15, penalty=penalty)
    assert_allclose(
        model.fit(data.X, data.y).coef_, expected.fit(data.X, data.y).coef_, atol=1e-9
    )


def test_no_penalty_means_the_default_mcp(data):
    model = PenalizedRegressor(0.1).fit(data.X, data.y)
    assert model.penalty is None
    expected = PenalizedRegressor(0.1, penalty=MCP(gamma=3.0)).fit(data.X, data.y)
    assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_offset_is_taken_off_the_response_and_added_to_predictions(
    data, penalty, fit_intercept
):
    offset = np.cos(np.arange(data.y.size))
    spec = PenalizedRegressor(0.1, penalty=penalty, fit_intercept=fit_intercept)
    model = clone(spec).fit(data.X, data.y, offset=offset)
    shifted = clone(spec).fit(data.X, data.y - offset)
    assert_allclose(model.coef_, shifted.coef_, atol=1e-12)
    assert_allclose(model.predict(data.X), shifted.predict(data.X), atol=1e-12)
    assert_allclose(model.predict(data.X, offset=offset), shifted.predict(data.X) + offset)


def test_a_constant_offset_goes_into_the_intercept(data):
    plain = PenalizedRegressor(0.1).fit(data.X, data.y)
    model = PenalizedRegressor(0.1).fit(data.X, data.y, offset=np.full(data.y.size, 2.0))
    assert_allclose(model.coef_, plain.coef_, atol=1e-12)
    assert_allclose(model.intercept_, plain.intercept_ - 2.0)


# --- starts and paths ---------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", CONVEX, ids=str)
def test_a_warm_start_saves_iterations_and_changes_no_optimum(data, penalty, solver):
    cold = PenalizedRegressor(0.09, penalty=penalty, solver=solver, tol=1e-11)
    warm = clone(cold).set_params(alpha=0.1, warm_start=True).fit(data.X, data.y)
    warm.set_params(alpha=0.09).fit(data.X, data.y)
    cold.fit(data.X, data.y)
    assert_allclose(warm.coef_, cold.coef_, atol=1e-8)
    assert warm.n_iter_ < cold.n_iter_


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_at_a_solution_stays_there(data, penalty, solver):
    cold = PenalizedRegressor(0.1, penalty=penalty, solver=solver).fit(data.X, data.y)
    warm = clone(cold).set_params(warm_start=True).fit(data.X, data.y).fit(data.X, data.y)
    assert_allclose(warm.coef_, cold.coef_, atol=1e-8)
    assert warm.n_iter_ == 1


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "change", [{"positive": True}, {"penalty_weights": some_weights}], ids=["sign", "weights"]
)
def test_a_warm_start_bows_to_new_constraints(data, penalty, solver, change):
    spec = PenalizedRegressor(0.1, penalty=penalty, solver=solver, warm_start=True)
    model = clone(spec).fit(data.X, data.y)
    changed = spec_for(data, spec.get_params(deep=False) | change)
    model.set_params(**changed.get_params(deep=False)).fit(data.X, data.y)
    assert violation(changed, data, model.coef_, model.intercept_) <= 1.1e-8


def test_a_warm_start_may_come_from_single_precision_or_sparse_input(data, penalty):
    spec = PenalizedRegressor(0.1, penalty=penalty, warm_start=True)
    model = clone(spec).fit(data.X.astype(np.float32), data.y)
    model.fit(sparse.csr_array(data.X), data.y).fit(data.X, data.y)
    assert model.coef_.dtype == np.float64
    assert violation(spec, data, model.coef_, model.intercept_) <= 1.1e-8


@pytest.mark.parametrize("penalty", [MCP(3.0), MCP(1.5), SCAD(3.7), SCAD(2.2)], ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_nonconvex_fit_is_the_end_of_the_path_that_approaches_it(data, penalty, solver):
    spec = PenalizedRegressor(0.1, penalty=penalty)
    scaled = scale(spec, data)
    n = data.y.size
    problem = LeastSquaresProblem(
        DenseDesign(np.asfortranarray(scaled.X * np.sqrt(n))),
        scaled.y * np.sqrt(n),
        penalty,
        np.ones(data.X.shape[1]),
    )
    alphas = approach(problem, 0.1, tol=1e-8, max_iter=10_000)
    assert alphas.size > 3
    path = penalized_path(data.X, data.y, penalty=penalty, alphas=alphas, solver=solver)
    model = spec.set_params(solver=solver).fit(data.X, data.y)
    assert_allclose(model.coef_, path.coefs[:, [-1]].toarray().ravel(), atol=1e-9)
    assert_allclose(model.intercept_, path.intercepts[-1], atol=1e-9)
    assert_allclose(model.objective_, path.objectives[-1], atol=1e-12)


# --- convergence --------------------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), MCP()], ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
def test_too_few_iterations_warn_with_what_to_do_at_the_line_that_fits(wide, penalty, solver):
    spec = PenalizedRegressor(0.01, penalty=penalty, solver=solver, max_iter=1)
    with pytest.warns(ConvergenceWarning) as caught:
        model = clone(spec).fit(wide.X, wide.y)
    (warning,) = caught
    for word in ("did not converge", "max_iter (now 1)", "tol", "alpha"):
        assert word in str(warning.message)
    assert warning.filename == __file__
    assert model.converged_ is False
    assert model.kkt_violation_ > 1e-8
    actual = violation(spec, Data(wide.X, wide.y), model.coef_, model.intercept_)
    assert_allclose(model.kkt_violation_, actual, rtol=1e-6)


def test_a_tolerance_below_rounding_warns_and_is_as_good_as_it_gets(tall):
    model = PenalizedRegressor(0.1, penalty=L1(), tol=1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(tall.X, tall.y)
    assert model.kkt_violation_ <= 1e-13


# --- bounds -----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0)], ids=str)
@pytest.mark.parametrize("standardize", [True, False])
def test_bounds_hold_on_the_users_scale(wide, penalty, standardize):
    X = wide.X * np.linspace(0.1, 10.0, 120)
    upper = np.linspace(0.0, 2.0, 120)
    model = PenalizedRegressor(
        0.1, penalty=penalty, standardize=standardize, bounds=(-0.1, upper)
    ).fit(X, wide.y)
    assert (model.coef_ >= -0.1).all()
    assert (model.coef_ <= upper).all()
    assert np.isclose(model.coef_, -0.1).any()
    assert np.isclose(model.coef_, upper)[1:].any()
    assert model.converged_
    positive = PenalizedRegressor(0.1, penalty=penalty, positive=True).fit(wide.X, wide.y)
    same = PenalizedRegressor(0.1, penalty=penalty, bounds=(0.0, np.inf)).fit(wide.X, wide.y)
    np.testing.assert_array_equal(positive.coef_, same.coef_)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((0.1, 1.0), "bounds must hold zero"),
        ((-1.0,), "pair"),
        ((np.zeros(3), 1.0), "shape"),
        ((np.nan, 1.0), "NaN"),
        (("a", 1.0), "bounds"),
        (1.0, "bounds"),
    ],
)
def test_bad_bounds_are_refused(wide, bounds, message):
    with pytest.raises((TypeError, ValueError), match=message):
        PenalizedRegressor(bounds=bounds).fit(wide.X, wide.y)
