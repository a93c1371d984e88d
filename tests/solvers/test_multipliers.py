"""Problems with linear constraints: met exactly, certified, equal to other answers."""

from dataclasses import replace

import numpy as np
import pytest
from constrained import (
    CONSTRAINTS,
    LOSSES,
    OPTIONS,
    SOLVERS,
    TOL,
    N,
    P,
    assert_met,
    constraints,
    join,
    pose,
    rows,
    sample,
    size,
    solve,
    violation,
)
from scipy import sparse
from scipy.optimize import minimize

from sparsestat import L1, MCP, ElasticNet, LogisticLoss, SquaredLoss
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import (
    GLMProblem,
    LeastSquaresProblem,
    Status,
    alpha_grid,
    alpha_max,
    choose_solver,
    degrees_of_freedom,
)


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


@pytest.fixture(params=LOSSES, ids=str)
def loss(request):
    return request.param


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("loss", LOSSES[:3], ids=str)
def test_solutions_meet_the_constraints_and_are_stationary(loss, name, options, solver):
    problem = pose(loss, ElasticNet(0.7), constraints(name), **OPTIONS[options])
    scale = size(problem)
    alphas = scale * np.array([0.5, 0.1, 0.01])
    for alpha, solution in zip(alphas, solve(problem, alphas, solver), strict=True):
        assert solution.status is Status.CONVERGED
        assert_met(problem, solution.coef)
        assert violation(problem, alpha, solution) <= 2e-9 * scale


@pytest.mark.parametrize("name", ["sum to one", "monotone", "two sides"])
def test_both_solvers_agree_for_every_loss(loss, name):
    problem = pose(loss, L1(), constraints(name), l2=0.01)
    alphas = size(problem) * np.array([0.3, 0.03])
    for ours, cvxpys in zip(*(solve(problem, alphas, s) for s in SOLVERS), strict=True):
        assert ours.converged
        assert cvxpys.converged
        np.testing.assert_allclose(ours.objective, cvxpys.objective, rtol=1e-12)
        np.testing.assert_allclose(ours.coef, cvxpys.coef, atol=1e-7)
        np.testing.assert_array_equal(ours.coef == 0.0, cvxpys.coef == 0.0)
        np.testing.assert_allclose(ours.intercept, cvxpys.intercept, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in CONSTRAINTS if name != "redundant"])
def test_objectives_are_those_of_sequential_quadratic_programming(name, solver):
    X, y, *_ = sample(SquaredLoss(), n=40, p=6)
    y = y - y.mean()
    held = constraints(name, 6)
    problem = LeastSquaresProblem(
        DenseDesign(np.asfortranarray(X)), y, L1(), np.ones(6), constraints=held
    )
    alpha = 0.1 * size(problem)

    def value_and_slope(parts):  # b = u - v with u, v >= 0
        r = y - X @ (parts[:6] - parts[6:])
        slope = -X.T @ r / len(y)
        return r @ r / 80 + alpha * parts.sum(), alpha + np.concatenate([slope, -slope])

    A = np.hstack([held.A, -held.A])
    above, below = np.isfinite(held.upper) & ~held.equal, np.isfinite(held.lower) & ~held.equal
    sides = [
        {"type": "eq", "fun": lambda u: (A @ u - held.upper)[held.equal]},
        {"type": "ineq", "fun": lambda u: (held.upper - A @ u)[above]},
        {"type": "ineq", "fun": lambda u: (A @ u - held.lower)[below]},
    ]
    fit = minimize(
        value_and_slope,
        np.full(12, 0.1),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, None)] * 12,
        constraints=sides,
        options={"ftol": 1e-14, "maxiter": 500},
    )
    (solution,) = solve(problem, alpha, solver)
    np.testing.assert_allclose(solution.objective, fit.fun, rtol=1e-8)
    np.testing.assert_allclose(solution.coef, fit.x[:6] - fit.x[6:], atol=1e-4)


def test_least_squares_with_sum_zero_has_the_closed_form(solver):
    problem = pose(SquaredLoss(), L1(), constraints("sum to zero"))
    X, y = problem.design.columns.T, problem.y
    G, ones = X.T @ X, np.ones(P)
    free, toward = np.linalg.solve(G, X.T @ y), np.linalg.solve(G, ones)
    (solution,) = solve(problem, 0.0, solver)
    np.testing.assert_allclose(
        solution.coef, free - toward * free.sum() / toward.sum(), atol=1e-12
    )


def test_coefficients_that_are_free_to_sum_are_not_changed(solver):
    held = rows(np.ones((1, P)), -100.0, 100.0)
    problem = pose(SquaredLoss(), L1())
    alphas = size(problem) * np.array([0.3, 0.05])
    unconstrained = solve(problem, alphas)
    for one, two in zip(
        unconstrained, solve(replace(problem, constraints=held), alphas, solver), strict=True
    ):
        np.testing.assert_allclose(two.coef, one.coef, atol=1e-8)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.4), ElasticNet(0.0)], ids=str)
def test_without_constraints_solutions_are_those_of_the_other_solvers(
    loss, penalty, options, solver
):
    problem = pose(loss, penalty, **OPTIONS[options])
    others = ["working_set", "gram"] if isinstance(loss, SquaredLoss) else ["prox_newton"]
    alphas = size(problem) * np.array([0.3, 0.03])
    solutions = solve(problem, alphas, solver)
    for other in others:
        for one, two in zip(solutions, solve(problem, alphas, other), strict=True):
            np.testing.assert_allclose(one.objective, two.objective, atol=1e-9)
            np.testing.assert_allclose(one.coef, two.coef, atol=1e-7)
            np.testing.assert_allclose(one.intercept, two.intercept, atol=1e-7)
            assert one.kkt_violation <= TOL


@pytest.mark.parametrize("name", ["sum to zero", "sum to one", "monotone", "two sides"])
def test_the_gap_bounds_the_distance_to_the_optimum(loss, name):
    problem = pose(loss, L1(), constraints(name), l2=0.02)
    alpha = 0.05 * size(problem)
    (best,) = solve(problem, alpha, "convex")
    assert 0.0 <= best.dual_gap <= 1e-9
    near = 0
    for tol in (1e-1, 1e-2, 1e-3, 1e-5):
        (rough,) = solve(problem, alpha, "multipliers", tol=tol)
        if np.isfinite(rough.dual_gap):
            assert rough.objective - best.objective <= rough.dual_gap + 1e-13
            near += 1
    assert near > 1


def test_a_path_begins_where_all_coefficients_are_zero(loss, solver):
    held = constraints("sum to zero")
    problem = pose(loss, L1(), held)
    largest = alpha_max(problem, tol=TOL, max_iter=1000)
    q = problem.gradient_at_zero  # what a multiplier can even out does not count
    np.testing.assert_allclose(largest, (q.max() - q.min()) / 2.0, rtol=1e-8)
    above, below = solve(problem, [largest * (1 + 1e-7), largest * (1 - 1e-3)], solver)
    assert not above.coef.any()
    assert np.count_nonzero(below.coef) == 2


@pytest.mark.parametrize(
    "options",
    [{}, {"lower": 0.0}, {"weights": OPTIONS["penalty weights"]["weights"]}],
    ids=["plain", "nonnegative", "weights"],
)
@pytest.mark.parametrize("name", ["redundant", "monotone", "concave", "sums of groups"])
def test_alpha_max_is_the_smallest(name, options):
    problem = pose(SquaredLoss(), L1(), constraints(name), **options)
    penalised = problem.weights > 0.0
    largest = alpha_max(problem, tol=TOL, max_iter=1000)
    if options == {"lower": 0.0} and name in ("redundant", "sums of groups"):
        assert largest <= 1e-12  # zero is the only point
        return
    above, below = solve(problem, [largest * (1 + 1e-7), largest * (1 - 1e-4)])
    assert not above.coef[penalised].any()
    assert below.coef[penalised].any()


def test_alphas_have_to_be_given_where_zero_does_not_meet_the_constraints():
    problem = pose(SquaredLoss(), L1(), constraints("sum to one"))
    with pytest.raises(ValueError, match=r"no alpha sets them to zero\. Give alphas"):
        alpha_max(problem, tol=TOL, max_iter=1000)
    weights = np.r_[0.0, np.ones(P - 1)]  # the first coefficient can be one
    largest = alpha_max(replace(problem, weights=weights), tol=TOL, max_iter=1000)
    (solution,) = solve(replace(problem, weights=weights), largest * (1 + 1e-7))
    np.testing.assert_allclose(solution.coef, np.eye(P)[0], atol=1e-12)


def test_alpha_max_is_infinite_for_ridge():
    problem = pose(SquaredLoss(), ElasticNet(0.0), constraints("sum to zero"))
    assert alpha_max(problem, tol=TOL, max_iter=1000) == np.inf


def test_redundant_rows_and_ways_to_write_an_equation_change_nothing(solver):
    sum_to_one = rows(np.ones((1, P)), 1.0, 1.0)
    two = rows(np.ones((2, P)), [1.0, -np.inf], [np.inf, 1.0])
    loose = rows(np.ones((1, P)), -5.0, 5.0)
    problem = pose(SquaredLoss(), L1())
    alpha = 0.1 * size(problem)
    coefs = [
        solve(replace(problem, constraints=held), alpha, solver)[0].coef
        for held in (sum_to_one, two, join(sum_to_one, sum_to_one), join(sum_to_one, loose))
    ]
    for coef in coefs[1:]:
        np.testing.assert_allclose(coef, coefs[0], atol=1e-12)


def test_monotone_effects_do_not_fall_and_ties_are_exact(solver):
    rng = np.random.default_rng(0)
    dose = rng.integers(0, 8, 200)
    X = (dose[:, None] >= np.arange(1, 8)).astype(float)  # for the user: steps as columns
    levels = np.eye(8)[dose][:, 1:]
    y = np.sqrt(dose) + rng.standard_normal(200)
    target = y - y.mean()
    design = DenseDesign(np.asfortranarray(levels - levels.mean(axis=0)))
    steps = rows(np.diff(np.eye(7), axis=0), 0.0, np.inf)
    problem = LeastSquaresProblem(
        design, target, L1(), np.zeros(7), lower=0.0, constraints=steps
    )
    (solution,) = solve(problem, 1.0, solver)
    differences = np.diff(np.append(0.0, solution.coef))
    assert (differences >= -1e-14).all()
    # The same model with nonnegative steps, no constraints.
    steps_as_columns = LeastSquaresProblem(
        DenseDesign(np.asfortranarray(X - X.mean(axis=0))), target, L1(), np.zeros(7), lower=0.0
    )
    (same,) = solve(steps_as_columns, 1.0)
    np.testing.assert_allclose(differences, same.coef, atol=1e-9)
    assert (same.coef == 0.0).any()
    np.testing.assert_allclose(differences[same.coef == 0.0], 0.0, atol=1e-14)


@pytest.mark.parametrize("factor", [1e-7, 1e7])
@pytest.mark.parametrize("name", ["sum to zero", "monotone"])
def test_solutions_scale_with_the_response(factor, name, solver):
    problem = pose(SquaredLoss(), L1(), constraints(name))
    alpha = 0.1 * size(problem)
    (one,) = solve(problem, alpha, solver)
    (other,) = solve(replace(problem, y=factor * problem.y), factor * alpha, solver)
    assert other.converged
    np.testing.assert_allclose(other.coef, factor * one.coef, rtol=1e-8, atol=1e-10 * factor)


def test_sparse_designs_are_taken(loss, solver):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((N, P)) * (rng.random((N, P)) < 0.3)
    dense = pose(loss, L1(), constraints("sum to zero"))
    means = X.mean(axis=0)
    designs = [
        DenseDesign(np.asfortranarray(X - means)),
        CentredSparseDesign(sparse.csc_array(X), np.ones(N), means),
    ]
    alpha = 0.05
    one, two = (solve(replace(dense, design=d), alpha, solver)[0] for d in designs)
    assert one.converged
    assert two.converged
    np.testing.assert_allclose(one.coef, two.coef, atol=1e-7)


def test_a_warm_start_need_not_meet_the_constraints():
    problem = pose(LogisticLoss(), L1(), constraints("sum to one"))
    alpha = 0.1 * size(problem)
    (cold,) = solve(problem, alpha)
    for start in (np.zeros(P), np.full(P, 3.0), cold.coef):
        (warm,) = solve(problem, alpha, start=start)
        assert warm.converged
        np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-7)


@pytest.mark.parametrize("name", ["sum to zero", "two sides"])
def test_degrees_of_freedom_count_what_constraints_leave(name):
    problem = pose(SquaredLoss(), L1(), constraints(name))
    alpha = 0.1 * size(problem)
    (solution,) = solve(problem, alpha)
    held = problem.constraints
    support = np.flatnonzero(solution.coef)
    at_bound = np.abs(held.A @ solution.coef - held.upper) <= 1e-10
    at_bound |= np.abs(held.A @ solution.coef - held.lower) <= 1e-10
    rank = np.linalg.matrix_rank(held.A[at_bound][:, support])
    assert rank > 0
    assert degrees_of_freedom(problem, alpha, solution) == support.size - rank
    # Stein's formula: the divergence of the fit in the responses, where no support changes.
    X, step = problem.design.columns.T, 1e-6
    fit = X @ solution.coef
    moved = [
        (X @ solve(replace(problem, y=problem.y + step * e), alpha)[0].coef - fit)[i] / step
        for i, e in enumerate(np.eye(N))
    ]
    np.testing.assert_allclose(sum(moved), support.size - rank, atol=1e-3)
    ridged = replace(problem, l2=0.5)
    (shrunk,) = solve(ridged, alpha)
    support = np.flatnonzero(shrunk.coef)
    assert 0.0 < degrees_of_freedom(ridged, alpha, shrunk) < support.size


def test_the_solver_is_chosen_by_the_constraints():
    squares, logistic = pose(SquaredLoss()), pose(LogisticLoss())
    for problem in (squares, logistic):
        few = replace(problem, constraints=constraints("sum to zero"))
        assert choose_solver(few) == "multipliers"
        many = rows(np.random.default_rng(0).standard_normal((201, P)), -1.0, 1.0)
        assert choose_solver(replace(problem, constraints=many)) == "convex"
        for solver in ("working_set", "gram", "prox_newton"):
            with pytest.raises(ValueError, match="takes no constraints on the coefficients"):
                choose_solver(few, solver)
        nonconvex = replace(few, penalty=MCP(3.0))
        with pytest.raises(ValueError, match=r"takes convex penalties, and MCP"):
            choose_solver(nonconvex)
    tall = replace(squares, design=DenseDesign(np.asfortranarray(np.eye(100, P))))
    assert choose_solver(replace(tall, constraints=constraints("sum to zero"))) == "multipliers"


def test_constraints_that_excluded_features_would_have_to_meet_are_refused(solver):
    weights = np.r_[np.inf, np.ones(P - 1)]
    held = rows(np.eye(P)[:1], 0.1, 0.1)
    problem = pose(SquaredLoss(), L1(), held, weights=weights)
    with pytest.raises(ValueError, match="constraints cannot be met"):
        solve(problem, 0.1, solver)


def test_nothing_to_fit_is_zero(solver):
    everything_excluded = pose(LogisticLoss(), L1(), weights=np.full(P, np.inf))
    (solution,) = solve(everything_excluded, 0.1, solver)
    assert solution.converged
    assert not solution.coef.any()


def test_separated_classes_are_told_of(solver):
    X = sample(LogisticLoss())[0]
    y = (X[:, 0] > X[:, 1]).astype(float)
    design = DenseDesign(np.asfortranarray(X))
    held = constraints("sum to zero")
    weights = np.r_[0.0, 0.0, np.ones(P - 2)]
    problem = GLMProblem(design, y, L1(), weights, constraints=held, loss=LogisticLoss())
    (solution,) = solve(problem, 0.05, solver, tol=1e-8)
    assert solution.status is Status.UNBOUNDED
    assert np.isfinite(solution.coef).all()
    assert_met(problem, solution.coef)


def test_too_few_iterations_are_owned_up_to():
    problem = pose(LogisticLoss(), L1(), constraints("sum to one"))
    (solution,) = solve(problem, 1e-3 * size(problem), "multipliers", max_iter=3)
    assert solution.status is Status.MAX_ITER
    assert solution.kkt_violation > TOL


def test_paths_of_many_features_are_fast_enough_to_be_used():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 300))
    X -= X.mean(axis=0)
    y = X[:, :6] @ np.array([1.0, -1.0, 0.8, -0.8, 0.6, -0.6]) + rng.standard_normal(100)
    held = rows(np.ones((1, 300)), 0.0, 0.0)
    problem = LeastSquaresProblem(
        DenseDesign(np.asfortranarray(X)), y - y.mean(), L1(), np.ones(300), constraints=held
    )
    largest = alpha_max(problem, tol=TOL, max_iter=1000)
    path = solve(problem, alpha_grid(largest, 0.02, 40))
    assert all(solution.converged for solution in path)
    assert max(solution.dual_gap for solution in path) <= 1e-12
    # A few steps a strength: a cold solution takes more than a tenth of the whole path.
    assert sum(solution.n_iter for solution in path) <= 10 * 40
