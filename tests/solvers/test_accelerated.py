"""Accelerated gradient: for all penalties with a prox, joint ones and operators included."""

import itertools
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from oracles import convex_optimum, objective, stationarity
from posed import POSED, Sample, logistic, scale_of, squares, written_out
from scipy import sparse
from scipy.fft import dct, idct
from scipy.sparse.linalg import LinearOperator

from sparsestat import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    HuberLoss,
    LogSum,
    PoissonLoss,
)
from sparsestat.linalg import CentredSparseDesign, DenseDesign, OperatorDesign
from sparsestat.penalties import NM, GroupEnvelope, GroupTopK, KSupport, TopK
from sparsestat.solvers import (
    ACCELERATED,
    SOLVERS,
    GLMProblem,
    LeastSquaresProblem,
    Status,
    alpha_grid,
    alpha_max,
    approach,
)
from sparsestat.solvers.accelerated import (
    ghadimi_lan,
    never,
    no_momentum,
    optimal_damping,
    steps,
    when_it_turns,
)
from sparsestat.solvers.composite import JointTerm, SmoothPart, term_of

TOL = 1e-9
P = 24
LABELS = np.arange(P) // 3
SEPARABLE = [L1(), ElasticNet(0.5), MCP(3.0), SCAD(3.7), LogSum(1.0), CappedL1(1.0)]
CONVEX_JOINT = [KSupport(4), GroupEnvelope(LABELS, 2.5, np.linspace(0.5, 1.5, 8))]
CONSTRAINTS = [TopK(4), GroupTopK(LABELS, 2), NM(1, 4)]
OPTIONS = [
    {},
    {"l2": 0.1, "lower": 0.0},
    {"weights": "mixed"},
    {"weights": "mixed", "lower": -0.2, "upper": 0.3},
]


@pytest.fixture(scope="module")
def sample():
    return Sample()


def expand(options, p=P):
    options = dict(options)
    if "weights" in options:
        last = {"mixed": 2.0, "equal": 0.5}[options["weights"]]
        options["weights"] = np.linspace(0.5, last, p)
        options["weights"][:2], options["weights"][2:4] = 0.0, np.inf
    return options


def solve(problem, alphas, tol=TOL, max_iter=50_000, start=None):
    assert ACCELERATED.refuses(problem) is None
    options = {"scale": scale_of(problem), "tol": tol, "max_iter": max_iter, "start": start}
    return list(ACCELERATED.path(problem, np.atleast_1d(alphas), **options))


# --- separable penalties ------------------------------------------------------------


@pytest.fixture(params=SEPARABLE, ids=str)
def penalty(request):
    return request.param


@pytest.fixture(params=OPTIONS, ids=str)
def options(request):
    return expand(request.param)


def test_least_squares_solutions_are_stationary(sample, penalty, options):
    problem = squares(sample, penalty, **options)
    alphas = np.abs(sample.X.T @ sample.y).max() / sample.n * np.array([0.5, 0.2, 0.05])
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        assert solution.status is Status.CONVERGED
        distance = stationarity(sample.X, sample.y, solution.coef, penalty, alpha, **options)
        np.testing.assert_allclose(
            solution.kkt_violation, distance / scale_of(problem), atol=1e-12
        )
        value = objective(
            sample.X,
            sample.y,
            solution.coef,
            penalty,
            alpha,
            options.get("weights"),
            options.get("l2", 0.0),
        )
        np.testing.assert_allclose(solution.objective, value, rtol=1e-12)


def test_logistic_solutions_are_stationary(sample, penalty, options):
    problem, model = logistic(sample, penalty, **options), written_out(sample)
    for alpha, solution in zip((0.05, 0.02), solve(problem, (0.05, 0.02)), strict=True):
        assert solution.status is Status.CONVERGED
        at = (solution.coef, solution.intercept, penalty, alpha)
        distance = model.stationarity(*at, **options)
        np.testing.assert_allclose(
            solution.kkt_violation, distance / scale_of(problem), atol=1e-12
        )
        value = model.objective(*at, options.get("weights"), options.get("l2", 0.0))
        np.testing.assert_allclose(solution.objective, value, rtol=1e-12)


@pytest.mark.parametrize("convex", [L1(), ElasticNet(0.3)], ids=str)
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(sample, convex):
    alpha = 0.1
    for problem, optimum in (
        (squares(sample, convex), convex_optimum(sample.X, sample.y, convex, alpha)),
        (logistic(sample, convex), written_out(sample).optimum(convex, alpha)),
    ):
        (solution,) = solve(problem, alpha)
        assert abs(solution.objective - optimum) <= 1e-7
        assert 0.0 <= solution.dual_gap <= 1e-8
        (rough,) = solve(problem, alpha, max_iter=3)
        assert rough.objective - optimum <= rough.dual_gap + 1e-9
        assert rough.dual_gap > 1e-6


@pytest.mark.parametrize("pose", POSED)
def test_all_losses_reach_what_newton_steps_reach(pose):
    problem = POSED[pose](ElasticNet(0.5))
    alphas = scale_of(problem) * np.array([0.5, 0.1])
    options = {"scale": scale_of(problem), "tol": TOL, "max_iter": 10_000}
    newton = SOLVERS["prox_newton"].path(problem, alphas, **options)
    for one, other in zip(solve(problem, alphas), newton, strict=True):
        assert one.status is Status.CONVERGED
        np.testing.assert_allclose(one.coef, other.coef, atol=1e-6)
        np.testing.assert_allclose(one.intercept, other.intercept, atol=1e-6)
        np.testing.assert_allclose(one.objective, other.objective, rtol=1e-10)
        np.testing.assert_allclose(one.dual_gap, 0.0, atol=1e-8)
    (joint,) = solve(replace(problem, penalty=KSupport(3)), alphas[1:])
    assert joint.status is Status.CONVERGED
    assert 0.0 <= joint.dual_gap <= 1e-7
    (few,) = solve(replace(problem, penalty=TopK(3)), 1.0)
    assert np.count_nonzero(few.coef) == 3


def test_separated_classes_are_owned_up_to():
    data = Sample(0, n=30, p=6)
    data.labels = (data.X[:, 0] > 0.0).astype(float)
    for penalty in (MCP(3.0), TopK(2)):
        (solution,) = solve(logistic(data, penalty), 1e-3, tol=1e-6, max_iter=5000)
        assert solution.status is Status.UNBOUNDED
        assert np.isfinite(solution.coef).all()
    for held in (L1(), KSupport(2)):
        assert solve(logistic(data, held), 1e-3, tol=1e-6)[0].status is Status.CONVERGED


def test_counts_whose_loss_curves_without_bound(sample):
    X, y = sample.X, sample.counts
    problem = GLMProblem(
        DenseDesign(X), y, L1(), np.ones(P), loss=PoissonLoss(), fit_intercept=True
    )
    for alpha, start in ((0.1, None), (0.01, np.full(P, 30.0)), (0.01, None)):
        (solution,) = solve(problem, alpha, start=start)
        assert solution.status is Status.CONVERGED
        b, b0 = cp.Variable(P), cp.Variable()
        eta = X @ b + b0
        loss = cp.sum(cp.exp(eta) - cp.multiply(y, eta)) / sample.n
        optimum = cp.Problem(cp.Minimize(loss + alpha * cp.norm1(b))).solve("CLARABEL")
        np.testing.assert_allclose(solution.objective, optimum, atol=1e-7)


# --- joint penalties ----------------------------------------------------------------


def least_joint(penalty, loss, b, alpha, l2, free, excluded, lower):
    """Return the least of a loss plus a convex joint penalty, by cvxpy."""
    labels = np.array(getattr(penalty, "groups", np.arange(P)))
    groups = np.unique(labels)
    costs = getattr(penalty, "costs", None)
    costs = np.ones(groups.size) if costs is None else np.array(costs)
    u = cp.Variable(groups.size)
    terms = []
    for g, label in enumerate(groups):
        inside = np.flatnonzero((labels == label) & ~free & ~excluded)
        if inside.size:
            terms.append(cp.quad_over_lin(b[inside], u[g]))
    total = loss + alpha / 2 * sum(terms) + l2 / 2 * cp.sum_squares(b)
    constraints = [u >= 0, u <= 1, costs @ u <= penalty.k]
    constraints += [b[excluded] == 0] if excluded.any() else []
    constraints += [b >= 0] if lower == 0.0 else []
    return cp.Problem(cp.Minimize(total), constraints).solve("CLARABEL")


@pytest.mark.parametrize("joint", CONVEX_JOINT, ids=str)
@pytest.mark.parametrize(
    "options", [{}, {"l2": 0.1, "lower": 0.0}, {"weights": "equal"}], ids=str
)
def test_convex_joint_penalties_reach_the_optimum(sample, joint, options):
    options = expand(options)
    weights = options.get("weights", np.ones(P))
    free, excluded = weights == 0.0, np.isinf(weights)
    rest = (options.get("l2", 0.0), free, excluded, options.get("lower"))
    b, b0 = cp.Variable(P), cp.Variable()
    half = cp.sum_squares(sample.y - sample.X @ b) / (2 * sample.n)
    eta = sample.X @ b + b0 + sample.offset
    share = sample.weight / sample.n
    log = share @ cp.logistic(cp.multiply(1 - 2 * sample.labels, eta))
    for problem, loss in (
        (squares(sample, joint, **options), half),
        (logistic(sample, joint, **options), log),
    ):
        alpha = 0.2
        strength = alpha * weights[5]
        optimum = least_joint(joint, loss, b, strength, *rest)
        (solution,) = solve(problem, alpha)
        assert solution.status is Status.CONVERGED
        np.testing.assert_allclose(solution.objective, optimum, rtol=1e-6)
        assert not solution.coef[excluded].any()
        (rough,) = solve(problem, alpha, max_iter=2)
        if free.any():
            assert np.isnan(solution.dual_gap)
        else:
            assert 0.0 <= solution.dual_gap <= 1e-7
            assert rough.objective - optimum <= rough.dual_gap + 1e-7
            assert rough.dual_gap > 1e-5


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"l2": 0.1, "lower": 0.0}, {"weights": "equal", "lower": -0.5, "upper": 0.9}],
    ids=str,
)
def test_constraints_are_met_and_solutions_are_fixed_points(sample, constraint, options):
    options = expand(options)
    kept = options.get("weights", np.ones(P)) == options.get("weights", np.ones(P))[5]
    for problem in (
        squares(sample, constraint, **options),
        logistic(sample, constraint, **options),
    ):
        solution, again = solve(problem, (1.0, 7.0))
        assert solution.status is Status.CONVERGED
        assert np.isnan(solution.dual_gap)
        assert constraint.value(np.where(kept, solution.coef, 0.0), 1.0) == 0.0
        assert (problem.lower <= solution.coef).all()
        assert (solution.coef <= problem.upper).all()
        assert again.n_iter == 0  # every strength means the same
        q = problem.gradient(solution.coef, solution.intercept) - problem.l2 * solution.coef
        inside = (problem.lower < solution.coef) & (solution.coef < problem.upper)
        moving = inside & ((solution.coef != 0.0) | (problem.weights == 0.0))
        assert np.abs(q[moving]).max() <= 1e-8 * scale_of(problem)


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=str)
def test_projections_on_constraints_within_bounds_by_brute_force(constraint, rng):
    if isinstance(constraint, GroupTopK):
        constraint = GroupTopK(np.arange(8) // 3, 2)
    lower, upper = -rng.uniform(0.0, 1.0, 8), rng.uniform(0.0, 1.0, 8)
    lower[0], upper[1], weights = -np.inf, np.inf, np.ones(8)
    weights[3], weights[4] = 0.0, np.inf
    data = Sample(p=8)
    term = JointTerm(squares(data, constraint, weights=weights, lower=lower, upper=upper), 1.0)
    supports = [
        np.array(kept)
        for kept in itertools.product([False, True], repeat=8)
        if constraint.value(np.array(kept) * (weights == 1.0), 1.0) == 0.0 and not kept[4]
    ]
    for _ in range(50):
        z = 1.5 * rng.standard_normal(8)
        x = term.prox(z, 0.3)
        assert term.value(x) == 0.0
        inside = np.clip(z, lower, upper)
        least = min(np.sum((np.where(kept, inside, 0.0) - z) ** 2) for kept in supports)
        np.testing.assert_allclose(np.sum((x - z) ** 2), least)


def test_joint_penalties_of_one_kind_of_ridge_are_ridge_regression(sample):
    X, y, alpha = sample.X, sample.y, 0.3
    ridge = np.linalg.solve(X.T @ X / sample.n + alpha * np.eye(P), X.T @ y / sample.n)
    for penalty in (KSupport(P), GroupEnvelope(LABELS, 8.0)):
        (solution,) = solve(squares(sample, penalty), alpha)
        np.testing.assert_allclose(solution.coef, ridge, atol=1e-8)
    (full,) = solve(squares(sample, TopK(P)), alpha, tol=1e-11)
    np.testing.assert_allclose(full.coef, np.linalg.lstsq(X, y)[0], atol=1e-7)


# --- designs ------------------------------------------------------------------------


def operator(X):
    """Return X as nothing but its two products."""

    def matvec(b):
        return X @ np.ravel(b)

    def rmatvec(r):
        return X.T @ np.ravel(r)

    return LinearOperator(X.shape, matvec=matvec, rmatvec=rmatvec, dtype=X.dtype)


@pytest.mark.parametrize("joint", [MCP(3.0), L1(), KSupport(4), TopK(3)], ids=str)
@pytest.mark.parametrize("pose", [squares, logistic])
def test_operators_give_what_matrices_give(sample, joint, pose):
    rng = np.random.default_rng(1)
    S = sparse.random_array((sample.n, P), density=0.5, rng=rng, format="csc")
    A = S.toarray() + 0.1 * sample.X
    means = A.mean(axis=0)
    dense = DenseDesign(np.asfortranarray(A - means))
    share = np.full(sample.n, 1.0 / sample.n)
    centred = OperatorDesign.centred(operator(A), share)
    np.testing.assert_allclose(centred.means, means)
    columns = CentredSparseDesign(sparse.csc_array(A), np.ones(sample.n), means)
    alphas = (0.05, 0.02)
    expected = solve(pose(sample, joint, dense), alphas)
    for design in (centred, columns):
        for one, other in zip(
            solve(pose(sample, joint, design), alphas), expected, strict=True
        ):
            assert one.status is Status.CONVERGED
            np.testing.assert_allclose(one.coef, other.coef, atol=1e-6)
            np.testing.assert_allclose(one.intercept, other.intercept, atol=1e-6)
            np.testing.assert_allclose(one.objective, other.objective, rtol=1e-12)


def test_a_design_too_large_to_write_down(rng):
    """A spectrum of few lines from a fraction of the samples, by fast cosine transforms."""
    n, p = 1_000, 20_000
    rows = rng.choice(p, n, replace=False)

    def matvec(b):
        return np.sqrt(p / n) * idct(np.ravel(b), norm="ortho")[rows]

    def rmatvec(r):
        full = np.zeros(p)
        full[rows] = np.ravel(r)
        return np.sqrt(p / n) * dct(full, norm="ortho")

    design = OperatorDesign(LinearOperator((n, p), matvec=matvec, rmatvec=rmatvec, dtype=float))
    coef = np.zeros(p)
    lines = rng.choice(p, 20, replace=False)
    coef[lines] = rng.choice([-1.0, 1.0], 20) * rng.uniform(1.0, 2.0, 20)
    y = design.predict(coef) + 0.01 * rng.standard_normal(n)
    (solution,) = solve(LeastSquaresProblem(design, y, TopK(20), np.ones(p)), 1.0)
    assert set(np.flatnonzero(solution.coef)) == set(lines)
    np.testing.assert_allclose(solution.coef, coef, atol=0.05)


def test_weighted_operators_are_weighted_matrices(sample, rng):
    u = np.sqrt(sample.weight)
    means = sample.weight @ sample.X / sample.n
    design = OperatorDesign(u[:, None] * sample.X, means, u)
    X = u[:, None] * (sample.X - means)
    b, r = rng.standard_normal(P), rng.standard_normal(sample.n)
    np.testing.assert_allclose(design.predict(b), X @ b, atol=1e-12)
    np.testing.assert_allclose(design.gradient(r), X.T @ r / sample.n, atol=1e-12)
    assert np.isnan(design.norms).all()
    assert np.isnan(design.mean_squares(sample.weight)).all()
    norms = np.sqrt((X**2).mean(axis=0))
    known = OperatorDesign(u[:, None] * sample.X, means, u, norms)
    np.testing.assert_array_equal(known.mean_squares(None), norms**2)
    with pytest.raises(TypeError, match=r"X must be real. Got an operator of dtype complex128"):
        OperatorDesign(1j * sample.X)


# --- the method ---------------------------------------------------------------------


def test_damping_follows_its_recursion():
    optimal, original = 1.0, 1.0
    for k in range(2, 100):
        before, optimal = optimal, optimal_damping(optimal)
        np.testing.assert_allclose(optimal**2, (1.0 - optimal) * before**2)
        original = ghadimi_lan(original)
        np.testing.assert_allclose(original, 2.0 / (k + 1))
        assert no_momentum(before) == 1.0
    np.testing.assert_allclose(optimal, original, rtol=0.05)


def test_steps_of_fixed_length_are_those_of_the_paper(sample):
    """Written out for MCP: Ghadimi and Lan's three sequences, the concave part moved."""
    gamma, alpha = 3.0, 0.1
    problem = squares(sample, MCP(gamma))
    X, y, n = sample.X, sample.y, sample.n
    L = np.linalg.eigvalsh(X.T @ X / n)[-1]

    def soft(z, threshold):
        return np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)

    smooth = SmoothPart(problem)
    mine = steps(smooth, term_of(problem, alpha), smooth.null(), L, restart=never, growth=1.0)
    w, w_ag, a = np.zeros(P), np.zeros(P), 1.0
    for step in itertools.islice(mine, 25):
        w_md = (1 - a) * w_ag + a * w
        inside = np.abs(w_md) < gamma * alpha
        concave = np.where(inside, -w_md / gamma, -alpha * np.sign(w_md))
        G = X.T @ (X @ w_md - y) / n + concave
        w = soft(w - G / (a * L), alpha / (a * L))
        w_ag = soft(w_md - G / L, alpha / L)
        np.testing.assert_allclose(step.point.coef, w_ag, atol=1e-12)
        np.testing.assert_allclose(step.curvature, L)
        a = 2.0 / (1.0 + np.sqrt(1.0 + 4.0 / a**2))


def test_steps_without_momentum_are_proximal_gradient(sample):
    problem = squares(sample, L1())
    X, y, n, alpha = sample.X, sample.y, sample.n, 0.1
    L = np.linalg.eigvalsh(X.T @ X / n)[-1]
    smooth = SmoothPart(problem)
    mine = steps(
        smooth, term_of(problem, alpha), smooth.null(), L, momentum=no_momentum, growth=1.0
    )
    b = np.zeros(P)
    for step in itertools.islice(mine, 20):
        b = L1().prox(b - X.T @ (X @ b - y) / n / L, 1.0 / L, alpha)
        np.testing.assert_allclose(step.point.coef, b, atol=1e-12)
        assert step.damping == 1.0


@pytest.mark.parametrize(
    "joint",
    [L1(), MCP(1.5), SCAD(2.2), LogSum(0.1), CappedL1(0.3), KSupport(3), TopK(4)],
    ids=str,
)
@pytest.mark.parametrize("pose", [squares, logistic])
def test_the_objective_never_rises(joint, pose):
    problem = pose(Sample(3), joint)
    smooth, term = SmoothPart(problem), term_of(problem, 0.02)
    last = np.inf
    for step in itertools.islice(steps(smooth, term, smooth.null(), 1e-3), 200):
        assert step.objective <= last * (1 + 1e-13)
        np.testing.assert_allclose(
            step.objective, step.point.value + term.value(step.point.coef), rtol=1e-14
        )
        last = step.objective


@pytest.mark.parametrize("far", [1e-8, 1e8])
def test_the_first_length_does_not_matter(sample, far):
    problem = logistic(sample, MCP(12.0))
    smooth, term = SmoothPart(problem), term_of(problem, 0.05)
    (solution,) = solve(problem, 0.05)
    *_, step = itertools.islice(steps(smooth, term, smooth.null(), far), 600)
    np.testing.assert_allclose(step.point.coef, solution.coef, atol=1e-6)


def count(problem, alpha, **options):
    smooth, term = SmoothPart(problem), term_of(problem, alpha)
    L = np.linalg.eigvalsh(problem.design.gram())[-1]
    for k, step in enumerate(steps(smooth, term, smooth.null(), L, **options), start=1):
        q = -smooth.gradient(step.point)
        if term.violation(step.point.coef, q, L) <= 1e-6 * scale_of(problem) or k == 5000:
            return k
    return None


def test_momentum_restarts_and_longer_steps_each_save_steps():
    data = Sample(5, n=60, p=90)
    problem = squares(data, MCP(3.0))
    fixed = {"growth": 1.0}
    plain = count(problem, 0.1, momentum=no_momentum, **fixed)
    momentum = count(problem, 0.1, restart=never, **fixed)
    restarted = count(problem, 0.1, restart=when_it_turns, **fixed)
    assert momentum < plain
    assert restarted < momentum
    assert count(problem, 0.1) < restarted


def test_warm_starts_spare_steps_and_find_the_same(sample):
    problem = squares(sample, L1())
    alphas = alpha_grid(alpha_max(problem, tol=TOL, max_iter=100), 0.01, 8)
    along = solve(problem, alphas)
    (cold,) = solve(problem, alphas[-1])
    (warm,) = solve(problem, alphas[-1], start=cold.coef)
    (astray,) = solve(problem, alphas[-1], start=np.full(P, 5.0))
    np.testing.assert_allclose(along[-1].coef, cold.coef, atol=1e-6)
    np.testing.assert_allclose(astray.coef, cold.coef, atol=1e-6)
    assert warm.n_iter == 0 < along[-1].n_iter < cold.n_iter
    assert along[0].n_iter == 0


def test_too_few_steps_are_owned_up_to(sample):
    for penalty in (MCP(3.0), KSupport(3), TopK(3)):
        (solution,) = solve(squares(sample, penalty), 0.1, max_iter=2)
        assert solution.status is Status.MAX_ITER
        assert solution.kkt_violation > TOL
        assert solution.n_iter == 2


def test_degenerate_data_end():
    for X in (np.zeros((3, 2)), np.array([[2.0]]), np.array([[1.0, 2.0]])):
        y, weights = X[:, 0] * 3.0 + 1.0, np.ones(X.shape[1])
        for penalty in (L1(), MCP(3.0), KSupport(1), TopK(1)):
            problem = LeastSquaresProblem(
                DenseDesign(np.asfortranarray(X)), y, penalty, weights
            )
            (solution,) = ACCELERATED.path(problem, [0.1], scale=1.0, tol=TOL, max_iter=10_000)
            assert solution.converged
            assert np.isfinite(solution.coef).all()


def test_zero_is_the_solution_of_joint_penalties_at_no_strength(sample):
    for penalty in (KSupport(3), TopK(3)):
        problem = squares(sample, penalty)
        assert alpha_max(problem, tol=TOL, max_iter=100) == np.inf
        assert approach(problem, 0.3, tol=TOL, max_iter=100).tolist() == [0.3]


@pytest.mark.parametrize("joint", CONVEX_JOINT, ids=str)
def test_where_the_loss_starts_straight_a_solution_is_one_all_the_same(sample, joint):
    """All samples are on the straight parts of the loss: nothing curves at zero."""
    design, weights = DenseDesign(sample.X), np.ones(P)
    loss, offset = HuberLoss(0.01), np.full(sample.n, 50.0)
    problem = GLMProblem(design, sample.y, joint, weights, loss=loss, offset=offset)
    (solution,) = solve(problem, 1e-4)
    assert solution.status is Status.CONVERGED
    assert solution.coef.any()
    assert 0.0 <= solution.dual_gap <= 1e-6 * solution.objective


@pytest.mark.parametrize("joint", CONVEX_JOINT, ids=str)
def test_the_violation_does_not_vanish_with_the_curvature(sample, joint):
    term, q = term_of(squares(sample, joint), 0.2), np.linspace(-1.0, 2.0, P)
    for curvature in (1e-3, 1e-12):
        violation = term.violation(np.zeros(P), q, curvature)
        assert violation == term.violation(np.zeros(P), q, 0.2)
        assert violation > 0.1


def test_flat_losses_end():
    """The step grows without end where nothing curves, and nothing breaks."""
    design = DenseDesign(np.zeros((3, 2), order="F"))
    problem = LeastSquaresProblem(design, np.ones(3), MCP(3.0), np.ones(2))
    smooth, term = SmoothPart(problem), term_of(problem, 0.0)
    *_, step = itertools.islice(steps(smooth, term, smooth.null(), 1.0), 5000)
    assert not step.point.coef.any()


def test_refusals_say_why(sample):
    for problem, message in (
        (squares(sample, L0()), "lets coefficients jump"),
        (squares(sample, KSupport(2), weights=np.arange(P) + 1.0), "must be equal"),
        (squares(sample, KSupport(2), upper=1.0), "bounds 0 and infinity only"),
    ):
        assert message in ACCELERATED.refuses(problem)
    assert ACCELERATED.refuses(squares(sample, TopK(2), upper=1.0)) is None
    weights = np.r_[0.0, np.inf, np.full(P - 2, 2.0)]
    assert ACCELERATED.refuses(squares(sample, TopK(2), weights=weights)) is None
    unknown = replace(squares(sample, L1()), penalty=object())
    assert "no proximal operator" in ACCELERATED.refuses(unknown)
