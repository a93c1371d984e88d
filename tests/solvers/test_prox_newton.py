"""Logistic regression by proximal Newton, beside answers from the definitions and cvxpy."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from oracles import Logistic, rough_solutions
from scipy import sparse
from scipy.special import expit

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    LogisticLoss,
    LogSum,
    Lq,
)
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import (
    GLMProblem,
    Status,
    alpha_grid,
    alpha_max,
    degrees_of_freedom,
    solve_path,
)

TOL = 1e-9
N, P = 120, 15
PENALTIES = [
    L1(),
    ElasticNet(0.5),
    MCP(3.0),
    MCP(3.0, adaptive=True),
    SCAD(3.7),
    SCAD(3.7, adaptive=True),
    LogSum(1.0),
    LogSum(0.1),
    Lq(0.5),
    Lq(2 / 3),
    L0(),
    CEL0(),
    CappedL1(1.0),
]
FLAT = [MCP(3.0, adaptive=True), MCP(3.0), SCAD(3.7), L0(), CEL0(), CappedL1(1.0)]


class Sample:
    """Data with few zeros or many, and labels from a sparse model."""

    def __init__(self, seed=0, n=N, p=P, signal=1.0):
        rng = np.random.default_rng(seed)
        self.S = sparse.random_array(
            (n, p), density=0.4, rng=rng, format="csc", data_sampler=rng.standard_normal
        )
        self.S = sparse.csc_array(self.S.multiply(rng.uniform(0.8, 2.0, p)))
        self.X = self.S.toarray()
        coef = np.where(np.arange(p) < 4, signal * rng.choice([-1.0, 1.0], p), 0.0)
        self.y = (rng.random(n) < expit(self.X @ coef + 0.4)).astype(float)
        self.weight = rng.uniform(0.2, 2.0, n)
        self.weight /= self.weight.mean()
        self.offset = 0.5 * rng.standard_normal(n)


@pytest.fixture(scope="module")
def sample():
    return Sample()


def pose(sample, penalty, kind="dense", fit_intercept=True, **options):
    """Return a problem, and the same model written out on the same columns."""
    n, p = sample.X.shape
    weight, offset = options.pop("sample_weight", None), options.pop("offset", 0.0)
    means = sample.X.mean(axis=0) if fit_intercept else np.zeros(p)
    X = sample.X - means
    if kind == "sparse":
        design = CentredSparseDesign(sample.S, np.ones(n), means)
    else:
        dtype = np.float32 if kind == "single" else np.float64
        design = DenseDesign(np.asfortranarray(X.astype(dtype)))
        X = X.astype(dtype).astype(np.float64)
    problem = GLMProblem(
        design,
        sample.y,
        penalty,
        options.pop("weights", np.ones(p)),
        loss=LogisticLoss(),
        sample_weight=weight,
        offset=offset,
        fit_intercept=fit_intercept,
        **options,
    )
    matched = penalty.for_loss(0.25, problem.null_curvature)
    return replace(problem, penalty=matched), Logistic(
        X, sample.y, fit_intercept, weight, offset
    )


def mixed_weights(p=P):
    weights = np.linspace(0.5, 2.0, p)
    weights[:2], weights[2:4] = 0.0, np.inf
    return weights


SIDES = {"weights": None, "lower": -np.inf, "upper": np.inf}.items()
OPTIONS = {
    "plain": lambda sample: {},
    "weights and offset": lambda s: {"sample_weight": s.weight, "offset": s.offset},
    "ridge": lambda sample: {"l2": 0.05},
    "positive": lambda sample: {"lower": 0.0},
    "box": lambda s: {"lower": -0.1, "upper": np.linspace(0.0, 0.4, s.X.shape[1])},
    "penalty weights": lambda sample: {"weights": mixed_weights()},
    "all": lambda s: {
        "sample_weight": s.weight,
        "offset": s.offset,
        "l2": 0.02,
        "lower": 0.0,
        "weights": mixed_weights(),
    },
}


def strengths(problem, n_alphas=6, share=0.15):
    """Strengths down to the one whose limit is a share of the largest gradient."""
    largest = alpha_max(problem, tol=TOL, max_iter=10_000)
    one, other = (float(problem.penalty.strength_for(g, 0.25)) for g in (share, 1.0))
    return alpha_grid(largest, one / other, n_alphas)


def solve(problem, alphas, **options):
    return list(solve_path(problem, alphas, **({"tol": TOL, "max_iter": 10_000} | options)))


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("kind", ["dense", "sparse", "single"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_solutions_are_stationary_along_the_path(sample, penalty, kind, fit_intercept, name):
    options = OPTIONS[name](sample)
    problem, model = pose(sample, penalty, kind, fit_intercept, **options)
    terms = {k: v for k, v in options.items() if k in ("weights", "l2", "lower", "upper")}
    scale = model.scale(*(terms.get(k, d) for k, d in SIDES))
    alphas = strengths(problem)
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        assert solution.status is not Status.MAX_ITER
        b, b0 = solution.coef, solution.intercept
        distance = model.stationarity(b, b0, problem.penalty, alpha, **terms)
        assert distance / scale <= TOL * (1 + 1e-2) + 1e-13
        terms_of_value = {k: v for k, v in terms.items() if k in ("weights", "l2")}
        value = model.objective(b, b0, problem.penalty, alpha, **terms_of_value)
        np.testing.assert_allclose(solution.objective, value, rtol=1e-11)
        if fit_intercept:
            assert abs(model.residual(b, b0).sum()) <= 1e-14
        else:
            assert b0 == 0.0
        if "weights" in options:
            assert not b[2:4].any()
        assert (b >= options.get("lower", -np.inf)).all()
        assert (b <= options.get("upper", np.inf)).all()


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.3)], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(
    sample, penalty, fit_intercept, name
):
    options = OPTIONS[name](sample)
    if "weights" in options:  # the gap takes no unpenalised features
        options["weights"] = np.where(mixed_weights() == 0.0, 0.5, mixed_weights())
    problem, model = pose(sample, penalty, fit_intercept=fit_intercept, **options)
    terms = {k: v for k, v in options.items() if k in ("weights", "l2", "lower", "upper")}
    alpha = strengths(problem)[4]
    optimum = model.optimum(penalty, alpha, **terms)
    (solution,) = solve(problem, [alpha])
    assert abs(solution.objective - optimum) <= 1e-8
    assert 0.0 <= solution.dual_gap <= 1e-8
    for rough in rough_solutions(solve, problem, alpha, optimum, rounding=1e-10):
        if penalty == L1() and "upper" not in terms:
            gap = model.gap(rough.coef, rough.intercept, alpha, **terms)
            np.testing.assert_allclose(rough.dual_gap, gap, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_integer_weights_are_repeated_rows(sample, penalty):
    counts = np.random.default_rng(5).integers(1, 4, N)
    repeated = Sample()
    rows = np.repeat(np.arange(N), counts)
    repeated.X, repeated.y = sample.X[rows], sample.y[rows]
    means = repeated.X.mean(axis=0)
    weighted = Sample()
    weighted.X = sample.X - means
    repeated.X = repeated.X - means
    one, _ = pose(weighted, penalty, fit_intercept=False, sample_weight=counts / counts.mean())
    other, _ = pose(repeated, penalty, fit_intercept=False)
    one, other = replace(one, fit_intercept=True), replace(other, fit_intercept=True)
    alphas = strengths(other, share=0.3)
    for a, b in zip(solve(one, alphas), solve(other, alphas), strict=True):
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-6)
        np.testing.assert_allclose(a.objective, b.objective, rtol=1e-10)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("lower", [-np.inf, 0.0])
def test_alpha_max_is_where_the_first_coefficient_enters(sample, penalty, lower):
    problem, _ = pose(sample, penalty, lower=lower)
    largest = alpha_max(problem, tol=TOL, max_iter=10_000)
    above, below = solve(problem, [largest * (1 + 1e-6), largest * 0.98])
    assert not above.coef.any()
    assert below.coef.any()


@pytest.mark.parametrize("penalty", [L0(), CEL0(), Lq(0.5), Lq(2 / 3)], ids=str)
def test_coefficients_that_jump_are_beyond_their_jump_and_zeros_within_their_limit(
    sample, penalty
):
    problem, model = pose(sample, penalty)
    alphas = strengths(problem, share=0.4)
    curvatures = model.curvatures()
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        b = solution.coef
        q = model.X.T @ model.residual(b, solution.intercept)
        limit = problem.penalty.limit(alpha, curvatures)
        assert (np.abs(q)[b == 0.0] <= limit[b == 0.0]).all()
        edge = limit / curvatures * (1 + 1e-9)  # what the proximal operator first lets out
        jump = problem.penalty.prox(edge, 1.0 / curvatures, alpha)
        assert (np.abs(b)[b != 0.0] >= jump[b != 0.0] * (1 - 1e-6)).all()


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_only_penalties_that_hold_coefficients_back_have_solutions_on_separated_classes(
    penalty, fit_intercept
):
    sample = Sample(3, n=80, p=8)
    sample.X = np.random.default_rng(3).standard_normal((80, 8))
    sample.y = (sample.X[:, 0] - sample.X[:, 1] > 0.0).astype(float)
    problem, model = pose(sample, penalty, fit_intercept=fit_intercept)
    alphas = strengths(problem, share=0.02)
    *_, solution = solve(problem, alphas)
    margins = (2 * sample.y - 1) * (model.X @ solution.coef + solution.intercept)
    if penalty in FLAT or penalty == SCAD(3.7, adaptive=True):
        assert solution.status is Status.UNBOUNDED
        assert margins.min() > 10.0
        assert solution.n_iter < 2000
    else:
        assert solution.status is Status.CONVERGED
    (ridged,) = solve(replace(problem, l2=0.01), alphas[-1:])
    assert ridged.status is Status.CONVERGED


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_separation_is_seen_without_penalty_also_where_it_is_not_complete(fit_intercept):
    rng = np.random.default_rng(0)
    sample = Sample(0, n=60, p=3)
    sample.X = rng.standard_normal((60, 3))
    for ties, status in ((0, Status.UNBOUNDED), (8, Status.UNBOUNDED)):
        sample.X[:ties, 0] = 0.0
        sample.y = (sample.X[:, 0] > 0.0).astype(float)
        sample.y[:ties] = np.arange(ties) % 2
        problem, _ = pose(sample, L1(), fit_intercept=False)
        problem = replace(problem, fit_intercept=fit_intercept)
        (solution,) = solve(problem, [0.0])
        assert solution.status is status
    sample.y[20:22] = 1.0 - sample.y[20:22]  # two labels the other way: no longer separated
    problem, _ = pose(sample, L1(), fit_intercept=False)
    (solution,) = solve(replace(problem, fit_intercept=fit_intercept), [0.0])
    assert solution.status is Status.CONVERGED


def test_extreme_fitted_probabilities_alone_are_no_separation():
    rng = np.random.default_rng(1)
    sample = Sample(1, n=400, p=2)
    sample.X = rng.standard_normal((400, 2))
    sample.X[:30, 0] = 40.0 * rng.choice([-1.0, 1.0], 30)
    sample.y = (rng.random(400) < expit(2.0 * sample.X[:, 0])).astype(float)
    problem, model = pose(sample, MCP(3.0, adaptive=True))
    (solution,) = solve(problem, [0.01])
    assert np.abs(model.X @ solution.coef + solution.intercept).max() > 40.0
    assert solution.status is Status.CONVERGED


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_a_class_of_two_in_two_thousand(penalty):
    sample = Sample(4, n=2000, p=6)
    sample.y = np.zeros(2000)
    sample.y[[7, 1500]] = 1.0
    problem, model = pose(sample, penalty)
    for alpha, solution in zip(
        alphas := strengths(problem, share=0.5), solve(problem, alphas), strict=True
    ):
        assert solution.status is not Status.MAX_ITER
        distance = model.stationarity(solution.coef, solution.intercept, problem.penalty, alpha)
        assert distance <= 1.1 * TOL * model.scale()


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True), L0()], ids=str)
def test_collinear_and_empty_columns_do_not_stall(sample, penalty):
    double = Sample()
    double.X = np.hstack([sample.X, sample.X, -sample.X[:, :3], np.zeros((N, 2))])
    problem, _ = pose(double, penalty, l2=0.0)
    for solution in solve(problem, strengths(problem), max_iter=2000):
        assert solution.status is not Status.MAX_ITER
        assert not solution.coef[-2:].any()


def test_a_start_changes_the_work_not_the_solution(sample):
    problem, _ = pose(sample, L1())
    alpha = strengths(problem)[3]
    (cold,) = solve(problem, [alpha])
    (warm,) = solve(problem, [alpha], start=cold.coef)
    (astray,) = solve(problem, [alpha], start=np.ones(P))
    np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-10)
    np.testing.assert_allclose(astray.coef, cold.coef, atol=1e-7)
    assert warm.n_iter < cold.n_iter


def test_degrees_of_freedom_are_those_of_the_hat_matrix(sample):
    for penalty, l2, fit_intercept in itertools.product(
        (L1(), ElasticNet(0.4), MCP(3.0, adaptive=True)), (0.0, 0.1), (True, False)
    ):
        problem, model = pose(sample, penalty, fit_intercept=fit_intercept, l2=l2)
        alpha = strengths(problem)[4]
        (solution,) = solve(problem, [alpha])
        support = np.flatnonzero(solution.coef)
        assert support.size > 2
        df = degrees_of_freedom(problem, alpha, solution)
        ridge = l2 + (0.6 * alpha if isinstance(penalty, ElasticNet) else 0.0)
        if ridge == 0.0:
            assert df == support.size
            continue
        # With the intercept as one more column that no ridge shrinks, less its own degree.
        H = model.hessian(solution.coef, solution.intercept)
        kept = [*support, P] if fit_intercept else [*support]
        H = H[np.ix_(kept, kept)]
        R = ridge * np.diag(np.arange(len(kept)) < support.size)
        np.testing.assert_allclose(df, np.trace(np.linalg.solve(H + R, H)) - fit_intercept)
        assert df < support.size


# --- the intercept --------------------------------------------------------------------


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 800.0, 1e5])
@pytest.mark.parametrize("far", [0.0, -700.0, 1e4])
def test_the_intercept_balances_the_residuals_of_any_predictors(sample, spread, far):
    problem, _ = pose(sample, L1(), sample_weight=sample.weight)
    fixed = far + spread * np.random.default_rng(0).standard_normal(N)
    for start in (0.0, 50.0, -far):
        predictor = problem.at(fixed, start)
        residual = sample.weight * (sample.y - expit(predictor.eta))
        np.testing.assert_allclose(predictor.residual, residual, atol=1e-12)
        # An intercept is a number: beside large ones it has no finer steps than this.
        step = 4 * np.spacing(abs(predictor.intercept) + np.abs(fixed).max())
        assert abs(residual.sum()) <= 1e-13 * N + step * N


def test_centring_changes_no_coefficient(sample):
    for penalty in (L1(), MCP(3.0, adaptive=True), L0()):
        problem, _ = pose(sample, penalty, sample_weight=sample.weight)
        shifts = np.linspace(-3.0, 3.0, P)
        shifted = DenseDesign(np.asfortranarray(sample.X - sample.X.mean(axis=0) + shifts))
        for alpha in strengths(problem, n_alphas=3):
            (one,) = solve(problem, [alpha])
            # Bounds of curvatures are those of the columns: keep them, for L0's sake.
            uncentred = replace(problem, design=shifted)
            uncentred.__dict__["curvatures"] = problem.curvatures
            (other,) = solve(uncentred, [alpha])
            np.testing.assert_allclose(other.coef, one.coef, atol=1e-6)
            np.testing.assert_allclose(
                other.intercept, one.intercept - shifts @ one.coef, atol=1e-6
            )
            np.testing.assert_allclose(other.objective, one.objective, rtol=1e-10)


# --- hard problems --------------------------------------------------------------------


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_more_features_than_samples_do_not_stall(penalty, seed, fit_intercept):
    """Paths on which models mislead: far out, beyond hills, with jumps the other way."""
    sample = Sample(seed, n=60, p=100)
    options = [{}, {"weights": mixed_weights(100)}, {"lower": 0.0, "l2": 0.02}]
    for terms in options:
        problem, model = pose(sample, penalty, fit_intercept=fit_intercept, **terms)
        scale = model.scale(*(terms.get(k, d) for k, d in SIDES))
        alphas = strengths(problem, share=0.15)
        for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
            assert solution.status is not Status.MAX_ITER
            distance = model.stationarity(
                solution.coef, solution.intercept, problem.penalty, alpha, **terms
            )
            assert distance / scale <= TOL * (1 + 1e-3) + 1e-12


@pytest.mark.parametrize("penalty", [L0(), CEL0(), Lq(0.5)], ids=str)
@pytest.mark.parametrize("seed", [12, 14, 17, 18])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_jump_where_models_see_no_way_down(penalty, seed, fit_intercept):
    """Far out the loss bends less than its bound: its models want what the bound does not."""
    sample = Sample(seed, n=40, p=60)
    problem, model = pose(sample, penalty, fit_intercept=fit_intercept)
    alphas = strengths(problem, n_alphas=8, share=0.03)
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        assert solution.status is not Status.MAX_ITER
        distance = model.stationarity(solution.coef, solution.intercept, problem.penalty, alpha)
        assert distance <= TOL * model.scale() * (1 + 1e-3) + 1e-13


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_columns_of_very_different_units_reach_a_tight_tolerance(penalty):
    sample = Sample(2)
    sample.X = sample.X * np.geomspace(1e-2, 1e2, P)
    problem, model = pose(sample, penalty)
    alphas = strengths(problem, share=0.3)
    for alpha, solution in zip(alphas, solve(problem, alphas, tol=1e-10), strict=True):
        distance = model.stationarity(solution.coef, solution.intercept, problem.penalty, alpha)
        assert distance <= 1e-10 * model.scale() * (1 + 1e-2) + 1e-14
        assert solution.status is not Status.MAX_ITER


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_two_samples_and_constant_columns_have_solutions(penalty, fit_intercept):
    two = Sample(0, n=2, p=3)
    two.X, two.y = np.array([[1.0, 2.0, 0.0], [-1.0, 2.0, 0.5]]), np.array([0.0, 1.0])
    problem, model = pose(two, penalty, fit_intercept=fit_intercept)
    for alpha in strengths(problem, share=0.5):
        (solution,) = solve(problem, [alpha])
        assert solution.status is not Status.MAX_ITER
        distance = model.stationarity(solution.coef, solution.intercept, problem.penalty, alpha)
        assert distance <= TOL * model.scale() * (1 + 1e-3) + 1e-15
        if fit_intercept:
            assert solution.coef[1] == 0.0  # the constant column is the intercept's


def test_one_column_has_the_solution_of_a_search():
    sample = Sample(5, n=100, p=1)
    for penalty in (L1(), MCP(6.0), SCAD(5.0), LogSum(1.0), Lq(0.5), L0()):
        problem, model = pose(sample, penalty, fit_intercept=False)
        grid = np.linspace(-3.0, 3.0, 60_001)
        margins = np.outer(grid, model.X[:, 0] * (1 - 2 * sample.y))
        loss = np.logaddexp(0.0, margins).mean(axis=1)
        for alpha in strengths(problem, share=0.5)[2:]:
            (solution,) = solve(problem, [alpha])
            value = model.objective(solution.coef, 0.0, penalty, alpha)
            assert value <= (loss + penalty.value(grid, alpha)).min() + 1e-9
            assert solution.coef[0] != 0.0


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_unpenalised_features_are_fitted_before_others_are_judged(penalty):
    """A feature that only stands in for an unpenalised one does not enter."""
    rng = np.random.default_rng(0)
    sample = Sample(0, n=200, p=3)
    free = rng.standard_normal(200)
    sample.X = np.column_stack([free + 0.3 * rng.standard_normal(200), free, free**2])
    sample.y = (rng.random(200) < expit(2.0 * free)).astype(float)
    problem, model = pose(sample, penalty, weights=np.array([1.0, 0.0, 1.0]))
    largest = alpha_max(problem, tol=TOL, max_iter=10_000)
    (first,) = solve(problem, [largest * (1 + 1e-6)])
    b, b0 = model.null([1])
    np.testing.assert_allclose(first.coef, b, atol=1e-5)
    np.testing.assert_allclose(first.intercept, b0, atol=1e-5)
    assert np.flatnonzero(first.coef).tolist() == [1]


def test_too_few_iterations_are_owned_up_to(sample):
    for penalty in (L1(), MCP(3.0), L0()):
        problem, model = pose(sample, penalty)
        alpha = strengths(problem)[-1]
        (solution,) = solve(problem, [alpha], max_iter=3)
        assert solution.status is Status.MAX_ITER
        assert solution.n_iter >= 3
        distance = model.stationarity(solution.coef, solution.intercept, penalty, alpha)
        np.testing.assert_allclose(solution.kkt_violation, distance / model.scale(), rtol=1e-6)
        assert solution.kkt_violation > TOL


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_a_strength_solved_again_costs_nothing(sample, penalty):
    problem, _ = pose(sample, penalty)
    alpha = strengths(problem)[2]
    first, again = solve(problem, [alpha, alpha])
    assert again.n_iter == 0
    np.testing.assert_array_equal(again.coef, first.coef)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_sparse_and_dense_designs_have_the_same_solutions(sample, penalty):
    dense, _ = pose(sample, penalty, sample_weight=sample.weight)
    compressed, _ = pose(sample, penalty, "sparse", sample_weight=sample.weight)
    alphas = strengths(dense)
    for one, other in zip(solve(dense, alphas), solve(compressed, alphas), strict=True):
        np.testing.assert_allclose(other.coef, one.coef, atol=1e-7)
        np.testing.assert_allclose(other.intercept, one.intercept, atol=1e-7)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_without_penalty_it_is_the_maximum_of_the_likelihood(sample, fit_intercept):
    for extras in ({}, {"sample_weight": sample.weight, "offset": sample.offset}):
        problem, model = pose(sample, L1(), fit_intercept=fit_intercept, **extras)
        (solution,) = solve(problem, [0.0])
        b, b0 = model.null(np.arange(P))
        np.testing.assert_allclose(solution.coef, b, atol=1e-5)
        np.testing.assert_allclose(solution.intercept, b0, atol=1e-5)
        assert degrees_of_freedom(problem, 0.0, solution) == P
