"""Properties that every solver must have, over penalties, designs and constraints."""

import itertools
from dataclasses import fields

import numpy as np
import pytest
from oracles import convex_optimum, objective, stationarity
from scipy import sparse
from scipy.optimize import lsq_linear

from sparsestat import CEL0, L0, L1, MCP, ElasticNet, Lq, SquaredLoss
from sparsestat.datasets import make_sparse_regression
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import (
    GLMProblem,
    LeastSquaresProblem,
    Status,
    alpha_grid,
    alpha_max,
    approach,
    degrees_of_freedom,
    solve_path,
)

TOL = 1e-9


# The others take other penalties, or are tested with looser tolerances.
@pytest.fixture(params=["working_set", "gram", "prox_newton"])
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


def null_scale(X, y, problem):
    """The largest gradient with unpenalised features fitted and excluded ones left out."""
    free, kept = problem.weights == 0.0, X[:, np.isfinite(problem.weights)]
    r = y
    if free.any():
        bounds = (problem.lower[free], problem.upper[free])
        r = y - X[:, free] @ lsq_linear(X[:, free], y, bounds, tol=1e-14).x
    return np.abs(kept.T @ r).max() / len(y)


OPTIONS = [
    {},
    {"l2": 0.1},
    {"lower": 0.0},
    {"lower": -0.2, "upper": 0.5},
    {"weights": "mixed"},
    {"weights": "mixed", "lower": 0.0, "l2": 0.05},
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
    scale = null_scale(X, y, problem)
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
        assert (solution.coef >= problem.lower).all()
        assert (solution.coef <= problem.upper).all()


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


# --- penalties that jump ----------------------------------------------------------


@pytest.fixture
def orthogonal(rng):
    """Orthogonal columns of very different norms, and a response."""
    n, p = 100, 8
    X = np.linalg.qr(rng.standard_normal((n, p)))[0] * np.sqrt(n) * np.geomspace(0.2, 5.0, p)
    coef = np.array([4.0, 0.0, -2.0, 0.3, 0.0, 0.2, 0.1, -0.02])
    return X, X @ coef + 0.5 * rng.standard_normal(n)


def best_subset(X, y, alpha):
    """Return the minimiser of half the mean squared error plus alpha times its size."""
    best, least = np.zeros(X.shape[1]), (y @ y) / len(y) / 2
    for size in range(1, X.shape[1] + 1):
        for subset in itertools.combinations(range(X.shape[1]), size):
            b = np.zeros(X.shape[1])
            b[list(subset)] = np.linalg.lstsq(X[:, subset], y)[0]
            value = ((y - X @ b) ** 2).mean() / 2 + alpha * size
            if value < least:
                best, least = b, value
    return best


@pytest.mark.parametrize("alpha", [1e-3, 0.02, 0.1, 0.2])
def test_cel0_has_the_minimisers_of_l0_on_orthogonal_columns_of_any_norm(
    orthogonal, alpha, solver
):
    X, y = orthogonal
    best = best_subset(X, y, alpha)
    assert 0 < np.count_nonzero(best) < 8
    (l0,) = solve(make_problem(X, y, L0()), alpha, solver)
    np.testing.assert_allclose(l0.coef, best, atol=1e-9)
    scales = np.sqrt((X**2).mean(axis=0))  # CEL0 is defined for columns of mean square one
    (cel0,) = solve(make_problem(X / scales, y, CEL0()), alpha, solver)
    np.testing.assert_allclose(cel0.coef / scales, best, atol=1e-9)
    np.testing.assert_allclose(cel0.objective, objective(X, y, best, L0(), alpha), rtol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_cel0_is_below_l0_and_equals_it_where_it_is_stationary(seed):
    """On scaled columns coordinates are 0 or beyond the flat edge: the values agree."""
    data = make_sparse_regression(40, 8, 4, rho=0.6, snr=4.0, random_state=seed)
    X, y = data.X / np.sqrt((data.X**2).mean(axis=0)), data.y - data.y.mean()
    problem = make_problem(X, y, CEL0())
    alphas = grid(problem, eps=1e-3)
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        b = solution.coef
        assert (np.abs(b[b != 0.0]) >= np.sqrt(2 * alpha) * (1 - 1e-9)).all()
        np.testing.assert_allclose(
            solution.objective, objective(X, y, b, L0(), alpha), rtol=1e-10
        )
        least = objective(X, y, best_subset(X, y, alpha), L0(), alpha)
        assert solution.objective >= least - 1e-12


@pytest.mark.parametrize("jumping", [L0(), CEL0(), Lq(0.5), Lq(2 / 3)], ids=str)
def test_zeros_are_within_their_limit_and_others_beyond_their_jump(
    data, jumping, options, solver
):
    if "upper" in options:
        pytest.skip("a bound can make a jump not worth while")
    X, y = data
    problem = make_problem(X, y, jumping, **options)
    curvatures = (X**2).mean(axis=0) + problem.l2
    kept = (problem.weights > 0.0) & np.isfinite(problem.weights)
    alphas = grid(problem)
    for alpha, solution in zip(alphas, solve(problem, alphas, solver), strict=True):
        b, c, a = solution.coef[kept], curvatures[kept], alpha * problem.weights[kept]
        q = (X.T @ (y - X @ solution.coef) / len(y) - problem.l2 * solution.coef)[kept]
        limit = jumping.limit(a, c)
        zero = b == 0.0
        pull = np.where(
            np.where(q > 0.0, problem.upper[kept] > 0.0, problem.lower[kept] < 0.0),
            np.abs(q),
            0.0,
        )
        assert (pull[zero] <= limit[zero] * (1 + 1e-12)).all()
        jump = jumping.prox(limit / c * (1 + 1e-9), 1.0 / c, a)
        assert (jump > 0.0).all()
        assert (np.abs(b)[~zero] >= jump[~zero] * (1 - 1e-6)).all()


def test_others_wait_until_unpenalised_features_are_fitted(penalty, solver):
    """A feature that only stands in for an unpenalised one never enters."""
    rng = np.random.default_rng(0)
    free = rng.standard_normal(80)
    X = np.column_stack([free + 0.3 * rng.standard_normal(80), free, rng.standard_normal(80)])
    y = 5.0 * free + X[:, 2] + 0.1 * rng.standard_normal(80)
    problem = make_problem(X, y, penalty, [1.0, 0.0, 1.0])
    largest = alpha_max(problem, tol=TOL, max_iter=10_000)
    first, second = solve(problem, [largest * (1 + 1e-6), 0.5 * largest], solver)
    np.testing.assert_allclose(first.coef, [0.0, free @ y / (free @ free), 0.0], atol=1e-7)
    assert np.flatnonzero(second.coef).tolist() == [1, 2]


# --- designs ----------------------------------------------------------------------


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
    if not (penalty.jumps and "upper" in options):  # a bound can make a jump not worth while
        assert below.coef[~free].any()
    if free.any() and not np.isfinite(problem.lower).any():
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


# --- degrees of freedom -------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix(data, penalty, l2):
    X, y = data
    weights = np.linspace(0.5, 2.0, X.shape[1])
    problem = make_problem(X, y, penalty, weights, l2=l2)
    alpha = grid(problem)[4]
    (solution,) = solve(problem, alpha)
    used = np.flatnonzero(solution.coef)
    df = degrees_of_freedom(problem, alpha, solution)
    ridge = np.full(used.size, l2)
    if isinstance(penalty, ElasticNet):
        ridge += alpha * weights[used] * (1 - penalty.l1_ratio)
    elif l2 == 0.0:
        assert df == used.size
    A = X[:, used]
    hat = A @ np.linalg.solve(A.T @ A / len(y) + np.diag(ridge), A.T) / len(y)
    np.testing.assert_allclose(df, np.trace(hat), rtol=1e-8)
    assert 1.0 < df <= used.size


def test_degrees_of_freedom_are_the_divergence_of_the_fit(tall):
    """By differences: the sum over samples of d fit / d response, as Stein has it."""
    X, y = tall.X[:40, :10], tall.y[:40] - tall.y[:40].mean()
    for penalty, l2 in ((L1(), 0.0), (ElasticNet(0.3), 0.0), (L1(), 0.2)):

        def fit(y, penalty=penalty, l2=l2):
            problem = make_problem(X, y, penalty, l2=l2)
            (solution,) = solve(problem, 0.15, tol=1e-12)
            return problem, solution

        step, divergence = 1e-5, 0.0
        for i in range(40):
            shift = step * (np.arange(40) == i)
            up, down = X @ fit(y + shift)[1].coef, X @ fit(y - shift)[1].coef
            divergence += (up[i] - down[i]) / (2 * step)
        problem, solution = fit(y)
        df = degrees_of_freedom(problem, 0.15, solution)
        np.testing.assert_allclose(df, divergence, rtol=1e-5)


def test_no_coefficients_are_no_degrees_of_freedom(tall):
    for l2 in (0.0, 0.1):
        problem = make_problem(tall.X, tall.y, L1(), l2=l2)
        (solution,) = solve(problem, 1e6)
        assert degrees_of_freedom(problem, 1e6, solution) == 0.0
