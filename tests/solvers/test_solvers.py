"""Properties that every solver must have, over penalties, designs and constraints."""

import itertools
from dataclasses import fields

import numpy as np
import pytest
from oracles import convex_optimum, objective, stationarity
from scipy import sparse
from scipy.optimize import nnls

from sparsestat import L1, MCP, SCAD, ElasticNet, SquaredLoss
from sparsestat.datasets import make_sparse_regression
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import (
    SOLVERS,
    GLMProblem,
    LeastSquaresProblem,
    Status,
    alpha_grid,
    alpha_max,
    approach,
    solve_path,
)

TOL = 1e-9


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


def make_problem(X, y, penalty, weights=None, **options):
    weights = np.ones(X.shape[1]) if weights is None else np.asarray(weights, dtype=float)
    return LeastSquaresProblem(
        DenseDesign(np.asfortranarray(X)), y, penalty, weights, **options
    )


def solve(problem, alphas, solver="auto", tol=TOL, max_iter=10_000, start=None):
    if solver == "prox_newton":  # least squares is a generalised linear model as well
        parts = {f.name: getattr(problem, f.name) for f in fields(problem)}
        problem = GLMProblem(**parts, loss=SquaredLoss())
    options = {"solver": solver, "tol": tol, "max_iter": max_iter, "start": start}
    return list(solve_path(problem, np.atleast_1d(alphas), **options))


def grid(problem, n_alphas=8, eps=0.02):
    return alpha_grid(alpha_max(problem, tol=TOL, max_iter=10_000), eps, n_alphas)


@pytest.fixture(params=["wide", "tall"])
def data(request):
    dataset = request.getfixturevalue(request.param)
    return dataset.X, dataset.y - dataset.y.mean()


def null_scale(X, y, weights, positive):
    """The largest gradient with unpenalised features fitted and excluded ones left out."""
    free, kept = X[:, weights == 0.0], X[:, np.isfinite(weights)]
    fit = nnls if positive else np.linalg.lstsq
    r = y - free @ fit(free, y)[0] if free.size else y
    return np.abs(kept.T @ r).max() / len(y)


OPTIONS = [
    {},
    {"l2": 0.1},
    {"positive": True},
    {"weights": "mixed"},
    {"weights": "mixed", "positive": True, "l2": 0.05},
]


@pytest.fixture(params=OPTIONS, ids=str)
def options(request, data):
    options = dict(request.param)
    if "weights" in options:
        weights = np.linspace(0.5, 2.0, data[0].shape[1])
        weights[:2], weights[2:4] = 0.0, np.inf
        options["weights"] = weights
    return options


def test_solutions_are_stationary_along_the_path(data, penalty, options, solver):
    X, y = data
    problem = make_problem(X, y, penalty, **options)
    scale = null_scale(X, y, problem.weights, problem.positive)
    alphas = grid(problem)
    for alpha, solution in zip(alphas, solve(problem, alphas, solver), strict=True):
        assert solution.status is Status.CONVERGED
        distance = stationarity(X, y, solution.coef, penalty, alpha, **options) / scale
        assert distance <= TOL * (1 + 1e-3)
        np.testing.assert_allclose(solution.kkt_violation, distance, atol=1e-13)
        value = objective(
            X, y, solution.coef, penalty, alpha, options.get("weights"), options.get("l2", 0.0)
        )
        np.testing.assert_allclose(solution.objective, value, rtol=1e-12)
        if "weights" in options:
            assert not solution.coef[2:4].any()
        if options.get("positive"):
            assert (solution.coef >= 0.0).all()


@pytest.mark.parametrize("convex", [L1(), ElasticNet(0.3)], ids=str)
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(
    data, convex, options, solver
):
    X, y = data
    if "weights" in options:  # cvxpy takes no infinite weights, and the gap no zero ones
        options = {**options, "weights": np.linspace(0.5, 2.0, X.shape[1])}
    problem = make_problem(X, y, convex, **options)
    alpha = grid(problem)[4]
    optimum = convex_optimum(X, y, convex, alpha, **options)
    (solution,) = solve(problem, alpha, solver)
    assert abs(solution.objective - optimum) <= 1e-8
    assert 0.0 <= solution.dual_gap <= 1e-8
    (rough,) = solve(problem, alpha, solver, max_iter=1)
    assert rough.objective - optimum <= rough.dual_gap + 1e-10
    assert rough.dual_gap > 1e-5  # so that the bound above has been put to the test


def test_gap_is_unknown_where_it_cannot_be_had(wide):
    y = wide.y - wide.y.mean()
    for penalty, weights in ((MCP(3.0), None), (L1(), np.r_[0.0, np.ones(119)])):
        problem = make_problem(wide.X, y, penalty, weights)
        (solution,) = solve(problem, grid(problem)[3])
        assert np.isnan(solution.dual_gap)


def test_orthonormal_designs_have_the_closed_form(penalty, solver, rng):
    n, p = 200, 20
    Q, _ = np.linalg.qr(rng.standard_normal((n, p)))
    X = Q * np.sqrt(n)
    y = X @ rng.uniform(-3, 3, p) + 0.1 * rng.standard_normal(n)
    z = X.T @ y / n
    (solution,) = solve(make_problem(X, y, penalty), 0.8, solver)
    # A coefficient stays at zero, where the solver starts, while its gradient is within.
    expected = np.where(np.abs(z) > penalty.limit(0.8, 1.0), penalty.prox(z, 1.0, 0.8), 0.0)
    np.testing.assert_allclose(solution.coef, expected, atol=1e-10)


def test_best_of_all_supports_is_not_missed_on_easy_nonconvex_problems(rng):
    """Brute force: the stationary point in closed form on every piece of a small problem."""
    X = rng.standard_normal((60, 4))
    y = X @ np.array([2.0, -1.5, 0.0, 0.0]) + 0.3 * rng.standard_normal(60)
    penalty, alpha = MCP(3.0), 0.4
    best = np.inf
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=4):
        for flat in itertools.product((False, True), repeat=4):
            s, f = np.array(signs), np.array(flat)
            used = s != 0.0
            bend = np.where(f, 0.0, 1.0 / penalty.gamma)[used]
            pull = (X.T @ y / 60 - np.where(f, 0.0, alpha) * s)[used]
            G = X[:, used].T @ X[:, used] / 60 - np.diag(bend)
            b = np.zeros(4)
            b[used] = np.linalg.solve(G, pull)
            best = min(best, objective(X, y, b, penalty, alpha))
    problem = make_problem(X, y, penalty)
    *_, solution = solve(problem, approach(problem, alpha, tol=TOL, max_iter=1000))
    np.testing.assert_allclose(solution.objective, best, rtol=1e-10)


def test_sparse_and_centred_designs_solve_the_dense_problem(penalty, rng):
    n, p = 80, 50
    S = sparse.random_array((n, p), density=0.2, rng=rng, format="csc")
    root = np.sqrt(rng.uniform(0.5, 1.5, n))
    root *= np.sqrt(n / (root @ root))
    weighted = sparse.csc_array(S.multiply(root[:, None]))
    means = weighted.T @ root / n
    X = weighted.toarray() - np.outer(root, means)
    y = X @ rng.standard_normal(p) + rng.standard_normal(n)
    y -= root * (root @ y) / n  # as a response is when the intercept is profiled out
    dense = make_problem(X, y, penalty, l2=0.01)
    design = CentredSparseDesign(weighted, root, means)
    compressed = LeastSquaresProblem(design, y, penalty, np.ones(p), l2=0.01)
    alphas = grid(dense)
    for solver in ("working_set", "gram"):  # the third takes weights apart from the design
        pairs = zip(
            solve(dense, alphas, solver), solve(compressed, alphas, solver), strict=True
        )
        for one, other in pairs:
            np.testing.assert_allclose(other.coef, one.coef, atol=1e-8)


def test_float32_columns_are_solved_in_double_precision(wide, penalty, solver):
    y = wide.y - wide.y.mean()
    X = wide.X.astype(np.float32)
    single = make_problem(X, y, penalty)
    alphas = grid(single)
    double = make_problem(X.astype(np.float64), y, penalty)
    for one, other in zip(
        solve(single, alphas, solver), solve(double, alphas, solver), strict=True
    ):
        np.testing.assert_allclose(one.coef, other.coef, atol=1e-8)


def test_alpha_max_is_where_the_first_coefficient_enters(data, penalty, options, solver):
    X, y = data
    problem = make_problem(X, y, penalty, **options)
    largest = alpha_max(problem, tol=TOL, max_iter=10_000)
    free = problem.weights == 0.0
    above, below = solve(problem, [largest * (1 + 1e-6), largest * 0.99], solver)
    assert not above.coef[~free].any()
    assert below.coef[~free].any()
    if free.any() and not problem.positive:
        assert above.coef[free].all()


def test_a_warm_start_changes_the_work_not_the_solution(wide, solver):
    y = wide.y - wide.y.mean()
    problem = make_problem(wide.X, y, L1())
    alpha = grid(problem)[3]
    (cold,) = solve(problem, alpha, solver)
    (warm,) = solve(problem, alpha, solver, start=cold.coef)
    (astray,) = solve(problem, alpha, solver, start=np.ones(120))
    np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-12)
    np.testing.assert_allclose(astray.coef, cold.coef, atol=1e-8)
    assert warm.n_iter == 0 < cold.n_iter


def test_supports_larger_than_the_growth_of_the_working_set(rng):
    X = rng.standard_normal((300, 900))
    y = X @ np.where(np.arange(900) < 250, 1.0, 0.0)
    problem = make_problem(X, y, L1())
    (cold,) = solve(problem, 0.01 * alpha_max(problem, tol=TOL, max_iter=1000))
    assert cold.converged
    assert np.count_nonzero(cold.coef) > 128
    assert stationarity(X, y, cold.coef, L1(), 0.01 * np.abs(X.T @ y).max() / 300) < 1e-8


def test_no_penalty_interpolates_or_regresses(wide, tall, solver):
    for data in (wide, tall):
        X, y = data.X, data.y - data.y.mean()
        (solution,) = solve(make_problem(X, y, MCP(3.0)), 0.0, solver)
        assert np.abs(X.T @ (y - X @ solution.coef)).max() / len(y) <= 1e-8
    np.testing.assert_allclose(solution.coef, np.linalg.lstsq(X, y)[0], atol=1e-7)


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0), SCAD(3.7)], ids=str)
def test_duplicated_columns_do_not_stall(penalty, solver, rng):
    X = rng.standard_normal((50, 20))
    X = np.hstack([X, X, -X[:, :5]])
    y = X[:, :4].sum(axis=1) + 0.1 * rng.standard_normal(50)
    problem = make_problem(X, y, penalty)
    assert all(
        s.converged for s in solve(problem, grid(problem, eps=1e-3), solver, max_iter=2000)
    )


def test_designs_with_several_roles_of_size_one(penalty, solver):
    for X in (np.array([[2.0]]), np.array([[1.0], [-1.0]]), np.array([[1.0, 2.0]])):
        y = X[:, 0] * 3.0
        (solution,) = solve(make_problem(X, y, penalty), 0.5, solver)
        assert stationarity(X, y, solution.coef, penalty, 0.5) <= 1e-8


def test_too_few_iterations_are_owned_up_to(solver):
    data = make_sparse_regression(50, 100, 10, rho=0.9, random_state=0)
    problem = make_problem(data.X, data.y, L1())
    (solution,) = solve(problem, grid(problem)[-1], solver, max_iter=2)
    assert solution.status is Status.MAX_ITER
    assert not solution.converged
    assert solution.kkt_violation > TOL
    assert solution.n_iter == 2


def test_approach_leads_from_alpha_max_to_alpha():
    data = make_sparse_regression(50, 20, 3, random_state=0)
    problem = make_problem(data.X, data.y, MCP(3.0))
    largest = alpha_max(problem, tol=TOL, max_iter=1000)
    steps = approach(problem, 0.1 * largest, tol=TOL, max_iter=1000)
    assert steps[-1] == 0.1 * largest
    ratios = steps[1:] / steps[:-1]
    np.testing.assert_allclose(ratios, ratios[0])
    assert 0.8 <= ratios[0] < 0.85
    for alone in (0.0, largest, 2 * largest):
        assert approach(problem, alone, tol=TOL, max_iter=1000).tolist() == [alone]
    convex = make_problem(data.X, data.y, L1())
    assert approach(convex, 0.1 * largest, tol=TOL, max_iter=1000).size == 1
