"""penalized_path: certified at every point, one grid, one model whichever way it is solved."""

import numpy as np
import pytest
from by_hand import Data, objective, scale, violation
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    ElasticNet,
    LogSum,
    Lq,
    PathResult,
    PenalizedRegressor,
    penalized_path,
)

SOLVERS = ["gram", "working_set"]


@pytest.fixture(params=["wide", "tall"])
def data(request):
    """Data whose columns and response have means."""
    X, y, *_ = request.getfixturevalue(request.param)
    return Data(X + np.linspace(-1.0, 2.0, X.shape[1]), y + 3.0)


def points(path):
    """Yield (alpha, coef, intercept) along a path."""
    return zip(path.alphas, path.coefs.toarray().T, path.intercepts, strict=True)


# --- every point --------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_every_point_is_stationary(data, penalty, solver, dtype, to_input):
    data = data._replace(X=data.X.astype(dtype))
    path = penalized_path(
        to_input(data.X), data.y, penalty=penalty, alphas=12, eps=0.02, solver=solver
    )
    tol = 1e-8 if dtype == np.float64 else 1e-5
    assert path.coefs.dtype == path.intercepts.dtype == dtype
    assert path.converged.all()
    assert (path.kkt_violations <= tol).all()
    for alpha, coef, intercept in points(path):
        spec = PenalizedRegressor(alpha, penalty=penalty)
        assert violation(spec, data, coef, intercept) <= 1.5 * tol


@pytest.mark.parametrize("options", [{"positive": True}, {"l2": 0.1, "fit_intercept": False}])
@pytest.mark.parametrize("solver", SOLVERS)
def test_options_and_weights_hold_at_every_point(data, penalty, options, solver):
    rng = np.random.default_rng(1)
    data = data._replace(
        sample_weight=rng.uniform(0.2, 2.0, data.y.size), offset=rng.normal(size=data.y.size)
    )
    options = options | {"penalty": penalty, "solver": solver}
    path = penalized_path(
        data.X,
        data.y,
        sample_weight=data.sample_weight,
        offset=data.offset,
        alphas=6,
        eps=0.05,
        **options,
    )
    for k, (alpha, coef, intercept) in enumerate(points(path)):
        spec = PenalizedRegressor(alpha, **options)
        assert violation(spec, data, coef, intercept) <= 1.1e-8
        reached = objective(spec, data, coef, intercept)
        assert_allclose(path.objectives[k], reached, rtol=1e-9)


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
def test_the_solvers_agree_on_convex_paths(data, penalty):
    options = {"penalty": penalty, "alphas": 15, "eps": 0.01, "tol": 1e-11}
    gram, working_set = (
        penalized_path(data.X, data.y, solver=solver, **options) for solver in SOLVERS
    )
    assert_allclose(gram.coefs.toarray(), working_set.coefs.toarray(), atol=1e-8)
    assert_allclose(gram.objectives, working_set.objectives, atol=1e-12)
    assert (gram.dual_gaps <= 1e-6).all()


def test_a_lasso_path_equals_scikit_learn(data):
    X, y = data.X - data.X.mean(axis=0), data.y - data.y.mean()
    path = penalized_path(X, y, penalty=L1(), alphas=20, eps=0.02, standardize=False, tol=1e-11)
    _, coefs, _ = lasso_path(X, y, alphas=path.alphas, tol=1e-12, max_iter=100_000)
    assert_allclose(path.coefs.toarray(), coefs, atol=1e-8)


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
def test_convex_points_are_those_of_single_fits(data, penalty, solver):
    options = {"penalty": penalty, "solver": solver, "tol": 1e-11}
    path = penalized_path(data.X, data.y, alphas=5, eps=0.05, **options)
    for alpha, coef, intercept in points(path):
        model = PenalizedRegressor(alpha, **options).fit(data.X, data.y)
        assert_allclose(coef, model.coef_, atol=1e-8)
        assert_allclose(intercept, model.intercept_, atol=1e-8)


# --- the grid -----------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("positive", [False, True])
def test_the_first_point_is_the_last_without_features(data, penalty, solver, positive):
    options = {"penalty": penalty, "solver": solver, "positive": positive}
    path = penalized_path(data.X, data.y, alphas=50, eps=0.5, **options)
    assert path.n_nonzeros[0] == 0
    assert path.n_nonzeros[1] > 0
    assert_allclose(path.intercepts[0], data.y.mean())
    problem = scale(PenalizedRegressor(**options), data)
    pull = problem.X.T @ problem.y
    largest = pull.max() if positive else np.abs(pull).max()
    match penalty:
        case Lq(q=q):  # where zero and the other minimum of one coefficient are as good
            jump = 2 * (1 - q) / (2 - q) * largest
            start = jump ** (2 - q) / (2 * (1 - q))
        case L0() | CEL0():
            start = largest**2 / 2
        case LogSum(eps=eps):
            start = eps * largest
        case _:
            start = largest / getattr(penalty, "l1_ratio", 1.0)
    assert_allclose(path.alphas[0], start)
    assert_allclose(path.alphas, np.geomspace(path.alphas[0], 0.5 * path.alphas[0], 50))


def test_nothing_enters_where_only_negative_coefficients_would_help(tall):
    y = -tall.X[:, 0]
    path = penalized_path(tall.X[:, :1], y, penalty=L1(), positive=True, alphas=3)
    assert path.coefs.nnz == 0
    assert path.converged.all()


def test_penalty_weights_move_the_start_of_the_grid(data):
    weights = np.linspace(0.5, 3.0, data.X.shape[1])
    path = penalized_path(data.X, data.y, penalty=L1(), penalty_weights=weights, alphas=2)
    problem = scale(PenalizedRegressor(), data)
    assert_allclose(path.alphas[0], np.max(np.abs(problem.X.T @ problem.y) / weights))


@pytest.mark.parametrize("solver", SOLVERS)
def test_unpenalised_features_are_in_from_the_start(data, penalty, solver):
    free = np.where(np.arange(data.X.shape[1]) < 2, 0.0, 1.0)
    path = penalized_path(
        data.X,
        data.y,
        penalty=penalty,
        penalty_weights=free,
        alphas=50,
        eps=0.5,
        solver=solver,
    )
    design = np.column_stack([np.ones(data.y.size), data.X[:, :2]])
    least_squares = np.linalg.lstsq(design, data.y)[0]
    first = path.coefs[:, [0]].toarray().ravel()
    assert_allclose(first[:2], least_squares[1:], atol=1e-8)
    assert_array_equal(first[2:], 0.0)
    assert_allclose(path.intercepts[0], least_squares[0], atol=1e-8)
    assert path.n_nonzeros[1] > 2


def test_given_strengths_are_solved_largest_first_and_not_changed(tall, penalty):
    alphas = np.array([0.01, 0.5, 0.0, 0.1, 0.1])
    before = alphas.copy()
    path = penalized_path(tall.X, tall.y, penalty=penalty, alphas=alphas)
    assert_array_equal(alphas, before)
    assert_array_equal(path.alphas, [0.5, 0.1, 0.1, 0.01, 0.0])
    from_list = penalized_path(tall.X, tall.y, penalty=penalty, alphas=sorted(alphas))
    assert_array_equal(path.coefs.toarray(), from_list.coefs.toarray())
    dense = path.coefs.toarray()
    assert_array_equal(dense[:, 1], dense[:, 2])
    design = np.column_stack([np.ones(tall.y.size), tall.X])
    assert_allclose(dense[:, -1], np.linalg.lstsq(design, tall.y)[0][1:], atol=1e-6)


def test_a_path_of_one_strength_is_that_of_its_start(tall):
    path = penalized_path(tall.X, tall.y, alphas=1)
    assert path.alphas.shape == (1,)
    assert path.coefs.nnz == 0


def test_a_penalty_without_slope_at_zero_needs_its_strengths_given(tall):
    ridge = ElasticNet(0.0)
    with pytest.raises(ValueError, match="Give alphas as an array"):
        penalized_path(tall.X, tall.y, penalty=ridge)
    path = penalized_path(
        tall.X, tall.y, penalty=ridge, alphas=[2.0], standardize=False, fit_intercept=False
    )
    gram = tall.X.T @ tall.X / len(tall.y) + 2.0 * np.eye(30)
    expected = np.linalg.solve(gram, tall.X.T @ tall.y / len(tall.y))
    assert_allclose(path.coefs.toarray().ravel(), expected, atol=1e-9)


# --- the result ---------------------------------------------------------------


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_predictions_are_those_of_the_single_models(tall, to_input):
    X = to_input(tall.X)
    path = penalized_path(X, tall.y, penalty=L1(), alphas=[0.5, 0.1], tol=1e-11)
    predictions = path.predict(X)
    assert isinstance(predictions, np.ndarray)
    assert predictions.shape == (len(tall.y), 2)
    for k, alpha in enumerate(path.alphas):
        model = PenalizedRegressor(alpha, penalty=L1(), tol=1e-11).fit(X, tall.y)
        assert_allclose(predictions[:, k], model.predict(X), atol=1e-8)


def test_the_result_says_what_it_holds(tall):
    path = penalized_path(tall.X, tall.y, penalty=L1(), alphas=[0.5, 0.1, 0.01])
    assert isinstance(path, PathResult)
    assert isinstance(path.coefs, sparse.csc_array)
    assert path.coefs.shape == (30, 3)
    assert_array_equal(path.n_nonzeros, np.count_nonzero(path.coefs.toarray(), axis=0))
    few, many = path.n_nonzeros[[0, -1]]
    assert repr(path) == (
        f"PathResult(3 alphas from 0.5 to 0.01, {few} to {many} of 30 coefficients nonzero)"
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", [L1(), MCP(), SCAD()], ids=str)
@pytest.mark.parametrize("max_iter", [1, 5])
def test_points_that_miss_the_tolerance_are_counted_and_shown(wide, penalty, solver, max_iter):
    options = {"penalty": penalty, "solver": solver, "max_iter": max_iter}
    with pytest.warns(ConvergenceWarning) as caught:
        path = penalized_path(wide.X, wide.y, alphas=10, **options)
    failed = np.count_nonzero(~path.converged)
    worst = path.alphas[np.argmax(path.kkt_violations)]
    (warning,) = caught
    assert f"{failed} of 10 problems did not converge" in str(warning.message)
    assert f"alpha = {worst:.3g}" in str(warning.message)
    assert warning.filename == __file__
    assert (path.n_iters <= max_iter).all()
    assert_array_equal(path.converged, path.kkt_violations <= 1e-8)
