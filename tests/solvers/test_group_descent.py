"""Group penalties: stationary, optimal, equal to closed forms, scalar penalties and cvxpy."""

import itertools
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from sparsestat import (
    L0,
    L1,
    MCP,
    SCAD,
    GammaLoss,
    GroupLasso,
    GroupMCP,
    GroupPenalty,
    GroupSCAD,
    HuberLoss,
    LogisticLoss,
    LogSum,
    PoissonLoss,
    SparseGroupLasso,
    SquaredLoss,
)
from sparsestat._parallel import serial_blas
from sparsestat.linalg import CentredSparseDesign, DenseDesign, OperatorDesign
from sparsestat.solvers import (
    GLMProblem,
    LeastSquaresProblem,
    Status,
    alpha_grid,
    alpha_max,
    choose_solver,
    degrees_of_freedom,
    solve_path,
)

TOL = 1e-9
SIZES = [1, 2, 5, 3, 1, 4, 6, 2, 3, 3]
P = sum(SIZES)
# Not contiguous, of unequal sizes.
LABELS = np.random.default_rng(5).permutation(np.repeat(np.arange(10), SIZES))
SHAPES = {
    "lasso": lambda labels: GroupLasso(labels),
    "sparse": lambda labels: SparseGroupLasso(labels, 0.4),
    "sparse, nearly lasso": lambda labels: SparseGroupLasso(labels, 0.95),
    "mcp": lambda labels: GroupMCP(labels, 3.0),
    "mcp, steep": lambda labels: GroupMCP(labels, 1.3),
    "scad": lambda labels: GroupSCAD(labels, 3.7),
}
CONVEX = ["lasso", "sparse", "sparse, nearly lasso"]
LOSSES = {
    "squared": SquaredLoss(),
    "huber": HuberLoss(1.0),
    "logistic": LogisticLoss(),
    "poisson": PoissonLoss(),
    "gamma": GammaLoss(),
}


@pytest.fixture(params=SHAPES)
def shape(request):
    return request.param


def respond(loss, eta, rng):
    if isinstance(loss, LogisticLoss):
        return (rng.random(eta.size) < expit(eta)).astype(float)
    if isinstance(loss, PoissonLoss):
        return rng.poisson(np.exp(eta)).astype(float)
    if isinstance(loss, GammaLoss):
        return rng.gamma(2.0, np.exp(eta) / 2.0)
    return eta + 0.5 * rng.standard_normal(eta.size)


class Sample:
    """Columns in groups, the second and the seventh with an effect, and a response."""

    def __init__(self, loss=None, n=80, seed=0, labels=LABELS):
        rng = np.random.default_rng(seed)
        self.loss = SquaredLoss() if loss is None else loss
        shared = rng.standard_normal((n, labels.max() + 1))
        self.X = rng.standard_normal((n, labels.size)) + 0.7 * shared[:, labels]
        self.X -= self.X.mean(axis=0)
        b = np.where(np.isin(labels, [1, 6]), 0.4 * rng.choice([-1.0, 1.0], labels.size), 0.0)
        self.y = respond(self.loss, self.X @ b + 0.2, rng)
        self.weight = rng.uniform(0.2, 2.0, n)
        self.weight /= self.weight.mean()
        self.offset = 0.3 * rng.standard_normal(n)
        if isinstance(self.loss, SquaredLoss):
            self.y -= self.y.mean()

    def pose(self, penalty, design=None, weights=None, **options):
        p = self.X.shape[1]
        design = DenseDesign(np.asfortranarray(self.X)) if design is None else design
        weights = np.ones(p) if weights is None else np.asarray(weights, dtype=float)
        if isinstance(self.loss, SquaredLoss):
            return LeastSquaresProblem(design, self.y, penalty, weights, **options)
        options = {"fit_intercept": True, **options}
        problem = GLMProblem(design, self.y, penalty, weights, loss=self.loss, **options)
        matched = penalty.for_loss(self.loss.bound, problem.null_curvature)
        return replace(problem, penalty=matched)

    def negative_gradient(self, problem, solution):
        """Work out the negative gradient of loss plus l2 term from the definitions."""
        n = self.y.size
        share = np.full(n, 1.0 / n)
        if getattr(problem, "sample_weight", None) is not None:
            share = problem.sample_weight / n
        eta = self.X @ solution.coef + solution.intercept + getattr(problem, "offset", 0.0)
        r = -share * self.loss.gradient(self.y, eta)
        if getattr(problem, "fit_intercept", False):
            assert abs(r.sum()) <= 1e-9
        return self.X.T @ r - problem.l2 * solution.coef, share @ self.loss.value(self.y, eta)


def solve(problem, alphas, **options):
    options = {"tol": TOL, "max_iter": 10_000, **options}
    with serial_blas:  # threads would wait for each other
        return list(solve_path(problem, np.atleast_1d(alphas), **options))


def grid(problem, n_alphas=6, eps=0.03):
    return alpha_grid(alpha_max(problem, tol=TOL, max_iter=10_000), eps, n_alphas)


def distance(problem, q, b, alpha):
    """Return the largest Euclidean distance of a group's q to the subdifferential there."""
    penalty, labels = problem.penalty, np.array(problem.penalty.groups)
    r, worst = getattr(penalty, "l1_ratio", 0.0), 0.0
    for g in np.unique(labels):
        m = labels == g
        weight = problem.weights[m][0]
        if np.isinf(weight):
            assert not b[m].any()
            continue
        strength = alpha * weight * (1 - r) * np.sqrt(m.sum())
        single, t = alpha * weight * r, np.linalg.norm(b[m])
        slope = penalty.norm_penalty.derivative(t, strength)
        radial = slope * b[m] / t if t > 0.0 else 0.0
        rest = q[m] - radial - single * np.sign(b[m])
        rest = np.where(b[m] == 0.0, np.sign(rest) * np.maximum(np.abs(rest) - single, 0), rest)
        outward = ((rest > 0.0) & (problem.upper[m] == 0.0)) | (
            (rest < 0.0) & (problem.lower[m] == 0.0)
        )
        rest = np.linalg.norm(np.where((b[m] == 0.0) & outward, 0.0, rest))
        worst = max(worst, rest if t > 0.0 else max(rest - slope, 0.0))
    return worst


def objective(problem, loss, b, alpha):
    penalty, labels = problem.penalty, np.array(problem.penalty.groups)
    total, r = loss + problem.l2 / 2 * b @ b, getattr(penalty, "l1_ratio", 0.0)
    for g in np.unique(labels[b != 0.0]):
        m = labels == g
        strength = alpha * problem.weights[m][0]
        norm, single = np.linalg.norm(b[m]), r * strength * np.abs(b[m]).sum()
        total += (
            penalty.norm_penalty.value(norm, strength * (1 - r) * np.sqrt(m.sum())) + single
        )
    return total


def mixed_weights(labels=LABELS):
    weights = np.linspace(0.5, 2.0, labels.max() + 1)
    weights[3], weights[5] = 0.0, np.inf
    return weights[labels]


OPTIONS = {
    "plain": lambda s: {},
    "ridge": lambda s: {"l2": 0.1},
    "nonnegative": lambda s: {"lower": 0.0},
    "penalty weights": lambda s: {"weights": mixed_weights()},
    "all": lambda s: {
        "weights": mixed_weights(),
        "l2": 0.05,
        "lower": np.where(np.arange(P) % 3 == 0, 0.0, -np.inf),
        "upper": np.where(np.arange(P) % 4 == 1, 0.0, np.inf),
    },
}


def null_scale(sample, problem):
    """The largest gradient with the unpenalised features fitted, excluded ones left out."""
    free, kept = problem.weights == 0.0, np.isfinite(problem.weights)
    null = replace(problem, weights=np.where(free, 0.0, np.inf))
    (solution,) = solve(null, 1.0, tol=1e-11)
    gradient = sample.negative_gradient(null, solution)[0] + null.l2 * solution.coef
    return np.abs(gradient[kept]).max()


def check_path(sample, problem, alphas, solutions):
    scale = null_scale(sample, problem)
    for alpha, solution in zip(alphas, solutions, strict=True):
        assert solution.status is Status.CONVERGED
        q, loss = sample.negative_gradient(problem, solution)
        violation = distance(problem, q, solution.coef, alpha) / scale
        assert violation <= TOL * (1 + 1e-3)
        np.testing.assert_allclose(solution.kkt_violation, violation, atol=1e-12)
        value = objective(problem, loss, solution.coef, alpha)
        np.testing.assert_allclose(solution.objective, value, rtol=1e-10)
        assert (solution.coef >= problem.lower).all()
        assert (solution.coef <= problem.upper).all()


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("n", [20, 80])  # fewer samples than features, and a tall problem
def test_least_squares_is_stationary_along_the_path(shape, name, n):
    sample = Sample(n=n)
    problem = sample.pose(SHAPES[shape](LABELS), **OPTIONS[name](sample))
    alphas = grid(problem)
    solutions = solve(problem, alphas)
    check_path(sample, problem, alphas, solutions)
    assert 0 < np.count_nonzero(solutions[2].coef) < P


@pytest.mark.parametrize("loss", list(LOSSES)[1:])
@pytest.mark.parametrize("name", ["plain", "nonnegative", "all"])
def test_other_losses_are_stationary_along_the_path(shape, loss, name):
    sample = Sample(LOSSES[loss])
    penalty = SHAPES[shape](LABELS)
    if hasattr(penalty, "gamma"):
        penalty.set_params(adaptive=True)
    options = OPTIONS[name](sample)
    if name == "all":
        options |= {"sample_weight": sample.weight, "offset": sample.offset}
    problem = sample.pose(penalty, **options)
    alphas = grid(problem, 4, 0.1)
    check_path(sample, problem, alphas, solve(problem, alphas))


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("name", ["plain", "nonnegative", "all"])
def test_accelerated_gradient_is_stationary_and_needs_no_columns(shape, loss, name):
    sample = Sample(LOSSES[loss])
    penalty = SHAPES[shape](LABELS)
    if hasattr(penalty, "gamma"):
        penalty.set_params(adaptive=True)
    problem = sample.pose(penalty, OperatorDesign(sample.X), **OPTIONS[name](sample))
    assert choose_solver(problem) == "accelerated"
    alphas = grid(problem, 4, 0.1)
    check_path(sample, problem, alphas, solve(problem, alphas, max_iter=100_000))


def convex_optimum(sample, problem, alpha, labels=LABELS):
    """Return the optimal value by cvxpy."""
    b, b0 = cp.Variable(sample.X.shape[1]), cp.Variable()
    eta = sample.X @ b + getattr(problem, "offset", 0.0)
    n, y = sample.y.size, sample.y
    share = np.full(n, 1 / n)
    if getattr(problem, "sample_weight", None) is not None:
        share = problem.sample_weight / n
    if getattr(problem, "fit_intercept", False):
        eta = eta + b0
    loss = {
        SquaredLoss: lambda: cp.square(y - eta) / 2,
        LogisticLoss: lambda: cp.logistic(cp.multiply(1 - 2 * y, eta)),
        PoissonLoss: lambda: cp.exp(eta) - cp.multiply(y, eta),
    }[type(sample.loss)]()
    r, terms = getattr(problem.penalty, "l1_ratio", 0.0), problem.l2 / 2 * cp.sum_squares(b)
    for g in np.unique(labels):
        m = np.flatnonzero(labels == g)
        weight = alpha * problem.weights[m[0]]
        terms += weight * (1 - r) * np.sqrt(m.size) * cp.norm(b[m]) + weight * r * cp.norm1(
            b[m]
        )
    constraints = [b >= 0] if (problem.lower == 0.0).all() else []
    program = cp.Problem(cp.Minimize(share @ loss + terms), constraints)
    program.solve(solver="CLARABEL")
    return program.value


@pytest.mark.parametrize("convex", CONVEX)
@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("lower", [-np.inf, 0.0])
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(
    convex, loss, lower
):
    sample = Sample(LOSSES[loss])
    weights = np.linspace(0.5, 2.0, 10)[LABELS]
    more = (
        {} if loss == "squared" else {"sample_weight": sample.weight, "offset": sample.offset}
    )
    problem = sample.pose(SHAPES[convex](LABELS), weights=weights, lower=lower, l2=0.02, **more)
    alpha = grid(problem)[3]
    optimum = convex_optimum(sample, problem, alpha)
    (solution,) = solve(problem, alpha)
    assert abs(solution.objective - optimum) <= 1e-7
    assert 0.0 <= solution.dual_gap <= 1e-7
    (rough,) = solve(problem, alpha, max_iter=1)
    assert rough.objective - optimum <= rough.dual_gap + 1e-7
    assert rough.dual_gap > 1e-5  # so that the bound above has been put to the test


@pytest.mark.parametrize("convex", CONVEX)
@pytest.mark.parametrize("loss", ["huber", "gamma"])
def test_the_gap_vanishes_with_other_losses(convex, loss):
    problem = Sample(LOSSES[loss]).pose(SHAPES[convex](LABELS))
    for solution in solve(problem, grid(problem, 4)):
        assert 0.0 <= solution.dual_gap <= 1e-8


def test_gap_is_unknown_where_it_cannot_be_had():
    sample = Sample()
    for shape, weights in (("mcp", None), ("lasso", mixed_weights())):
        problem = sample.pose(SHAPES[shape](LABELS), weights=weights)
        (solution,) = solve(problem, grid(problem)[3])
        assert np.isnan(solution.dual_gap)


# --- beside other answers ---------------------------------------------------------


@pytest.mark.parametrize(
    ("grouped", "scalar"),
    [
        (GroupLasso, L1()),
        (SparseGroupLasso, L1()),
        (GroupMCP, MCP(3.0)),
        (GroupSCAD, SCAD(3.7)),
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_groups_of_one_are_the_scalar_penalty(grouped, scalar, loss):
    sample = Sample(LOSSES[loss])
    names = [f"feature {j}" for j in np.random.default_rng(0).permutation(P)]
    penalties = [grouped(names), scalar]
    if hasattr(scalar, "gamma") and loss != "squared":
        penalties = [
            replace(penalties[0], adaptive=True),
            type(scalar)(scalar.gamma, adaptive=True),
        ]
    one, other = (sample.pose(penalty, l2=0.01) for penalty in penalties)
    assert choose_solver(one) == "group_descent"
    alphas = grid(other, 5, 0.1)
    np.testing.assert_allclose(alphas[0], grid(one)[0], rtol=1e-12)
    for a, b in zip(
        solve(one, alphas, tol=1e-11), solve(other, alphas, tol=1e-11), strict=True
    ):
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-9)
        np.testing.assert_allclose(a.objective, b.objective, rtol=1e-10)


def test_orthonormal_groups_have_the_closed_form(shape, rng):
    n = 200
    Q, _ = np.linalg.qr(rng.standard_normal((n, P)))
    sample = Sample(n=n)
    sample.X = Q * np.sqrt(n)
    sample.y = sample.X @ rng.uniform(-3, 3, P) + 0.1 * rng.standard_normal(n)
    penalty = SHAPES[shape](LABELS)
    (solution,) = solve(sample.pose(penalty), 0.8)
    z = sample.X.T @ sample.y / n
    np.testing.assert_allclose(solution.coef, penalty.prox(z, 1.0, 0.8), atol=1e-10)


def test_sparse_group_lasso_has_its_ends():
    sample = Sample()
    for ratio, end in ((0.0, GroupLasso(LABELS)), (1.0, L1())):
        one, other = sample.pose(SparseGroupLasso(LABELS, ratio)), sample.pose(end)
        alphas = grid(other)
        np.testing.assert_allclose(grid(one), alphas, rtol=1e-12)
        for a, b in zip(solve(one, alphas), solve(other, alphas), strict=True):
            np.testing.assert_allclose(a.coef, b.coef, atol=1e-8)


def test_the_order_of_features_does_not_matter(shape):
    sample = Sample(n=20)
    order = np.argsort(LABELS, kind="stable")
    shuffled = with_columns(sample, sample.X[:, order])
    one = sample.pose(SHAPES[shape](LABELS))
    other = shuffled.pose(SHAPES[shape](LABELS[order]))
    alphas = grid(one)
    for a, b in zip(solve(one, alphas), solve(other, alphas), strict=True):
        np.testing.assert_allclose(a.coef[order], b.coef, atol=1e-9)


def with_columns(sample, X):
    """Return the sample with other columns."""
    other = object.__new__(Sample)
    other.__dict__.update(sample.__dict__, X=X)
    return other


def test_groups_may_be_rotated():
    """Penalties of norms know no axes: the fit is the same on other columns of a group."""
    sample, rng = Sample(), np.random.default_rng(3)
    for loss in ("squared", "logistic"):
        sample = Sample(LOSSES[loss])
        rotation = np.zeros((P, P))
        for g in range(10):
            m = np.flatnonzero(g == LABELS)
            rotation[np.ix_(m, m)] = np.linalg.qr(rng.standard_normal((m.size, m.size)))[0]
        turned = with_columns(sample, sample.X @ rotation)
        for penalty in (GroupLasso(LABELS), GroupMCP(LABELS, 30.0)):
            one, other = sample.pose(penalty), turned.pose(penalty)
            alphas = grid(one)
            for a, b in zip(solve(one, alphas), solve(other, alphas), strict=True):
                np.testing.assert_allclose(a.coef, rotation @ b.coef, atol=1e-7)


def test_least_squares_is_a_generalised_linear_model(shape):
    sample = Sample(n=30)
    penalty = SHAPES[shape](LABELS)
    problem = sample.pose(penalty, weights=mixed_weights(), l2=0.05)
    weights = np.ones(30)
    model = GLMProblem(
        problem.design,
        sample.y,
        penalty,
        problem.weights,
        l2=0.05,
        loss=SquaredLoss(),
        sample_weight=weights,
        fit_intercept=True,
    )
    alphas = grid(problem)
    for a, b in zip(solve(problem, alphas), solve(model, alphas), strict=True):
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-7)


def test_best_of_all_sets_of_groups_is_found_where_groups_are_not_shrunk(rng):
    """Brute force: with large gamma alpha out of reach, MCP selects and leaves as it is."""
    labels = np.repeat([0, 1, 2, 3], [2, 3, 2, 1])
    sample = Sample(n=100, labels=labels)
    b = np.where(np.isin(labels, [0, 2]), 3.0, 0.0)
    sample.y = sample.X @ b + 0.3 * rng.standard_normal(100)
    (solution,) = solve(sample.pose(GroupMCP(labels, 1.5)), 0.3)
    best, least = None, np.inf
    for chosen in itertools.product((False, True), repeat=4):
        m = np.array(chosen)[labels]
        fit = np.zeros(8)
        fit[m] = np.linalg.lstsq(sample.X[:, m], sample.y)[0]
        flat = 0.75 * 0.3**2 * np.array([2, 3, 2, 1])[np.array(chosen)].sum()
        value = ((sample.y - sample.X @ fit) ** 2).mean() / 2 + flat
        if value < least:
            best, least = fit, value
    np.testing.assert_allclose(solution.coef, best, atol=1e-8)
    np.testing.assert_allclose(solution.objective, least, rtol=1e-8)


# --- designs and data ----------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_sparse_designs_solve_the_dense_problem(shape, loss, rng):
    n = 60
    S = sparse.random_array((n, P), density=0.3, rng=rng, format="csc")
    means = S.mean(axis=0)
    sample = with_columns(Sample(LOSSES[loss], n=n), S.toarray() - means)
    penalty = SHAPES[shape](LABELS)
    dense = sample.pose(penalty)
    compressed = sample.pose(penalty, CentredSparseDesign(S, np.ones(n), means))
    alphas = grid(dense, 4, 0.1)
    for a, b in zip(solve(dense, alphas), solve(compressed, alphas), strict=True):
        np.testing.assert_allclose(b.coef, a.coef, atol=1e-7)
    single = np.asfortranarray(sample.X.astype(np.float32))
    one = sample.pose(penalty, DenseDesign(single))
    other = sample.pose(penalty, DenseDesign(single.astype(np.float64)))
    for a, b in zip(solve(one, alphas[1:]), solve(other, alphas[1:]), strict=True):
        np.testing.assert_allclose(b.coef, a.coef, atol=1e-7)


def test_integer_weights_are_repeated_rows(shape):
    sample = Sample(LogisticLoss())
    counts = np.random.default_rng(0).integers(1, 4, sample.y.size)
    rows = np.repeat(np.arange(sample.y.size), counts)
    penalty = SHAPES[shape](LABELS)
    weighted = sample.pose(penalty, sample_weight=counts / counts.mean())
    repeated = with_columns(sample, sample.X[rows])
    repeated.y = sample.y[rows]
    alphas = grid(weighted, 4, 0.1)
    pairs = zip(solve(weighted, alphas), solve(repeated.pose(penalty), alphas), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-7)
        np.testing.assert_allclose(a.intercept, b.intercept, atol=1e-7)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_alpha_max_is_where_the_first_group_enters(shape, loss):
    for name in ("plain", "nonnegative", "penalty weights"):
        sample = Sample(LOSSES[loss])
        problem = sample.pose(SHAPES[shape](LABELS), **OPTIONS[name](sample))
        largest = alpha_max(problem, tol=TOL, max_iter=10_000)
        above, below = solve(problem, [largest * (1 + 1e-6), largest * 0.99])
        free = problem.weights == 0.0
        assert not above.coef[~free].any()
        assert below.coef[~free].any()
        assert np.unique(LABELS[(below.coef != 0.0) & ~free]).size == 1
        assert above.coef[free].all()


def test_a_single_group_and_a_single_feature(shape):
    for labels in (np.zeros(6, dtype=int), np.zeros(1, dtype=int)):
        sample = Sample(labels=labels)
        sample.y += sample.X.sum(axis=1)
        problem = sample.pose(SHAPES[shape](labels))
        alphas = grid(problem)
        check_path(sample, problem, alphas, solve(problem, alphas))


def test_nothing_to_select_from(shape):
    sample = Sample()
    penalty = SHAPES[shape](LABELS)
    for weights, response in ((np.full(P, np.inf), sample.y), (np.ones(P), 0.0 * sample.y)):
        problem = replace(sample.pose(penalty, weights=weights), y=response)
        assert alpha_max(problem, tol=TOL, max_iter=100) == 0.0
        (solution,) = solve(problem, 0.1)
        assert solution.converged
        assert not solution.coef.any()
        assert degrees_of_freedom(problem, 0.1, solution) == 0.0


def test_no_penalty_interpolates_or_regresses(shape):
    for n in (20, 80):
        sample = Sample(n=n)
        (solution,) = solve(sample.pose(SHAPES[shape](LABELS)), 0.0)
        assert np.abs(sample.X.T @ (sample.y - sample.X @ solution.coef)).max() / n <= 1e-8
    np.testing.assert_allclose(solution.coef, np.linalg.lstsq(sample.X, sample.y)[0], atol=1e-7)


@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_columns_of_zeros_and_duplicates_within_and_between_groups(shape, loss):
    sample = Sample(LOSSES[loss], n=40)
    sample.X[:, LABELS == 4] = 0.0
    sixth, eighth = np.flatnonzero(LABELS == 6), np.flatnonzero(LABELS == 8)
    sample.X[:, sixth[1]] = sample.X[:, sixth[0]]
    sample.X[:, sixth[2]] = 0.0
    sample.X[:, eighth] = sample.X[:, sixth[:3]]
    problem = sample.pose(SHAPES[shape](LABELS))
    alphas = grid(problem, 5, 0.05)
    solutions = solve(problem, alphas)
    check_path(sample, problem, alphas, solutions)
    for solution in solutions:
        assert not solution.coef[LABELS == 4].any()
        assert solution.coef[sixth[2]] == 0.0
        np.testing.assert_allclose(solution.coef[sixth[1]], solution.coef[sixth[0]], atol=1e-6)
        assert np.isfinite(degrees_of_freedom(problem, alphas[-1], solution))


def test_many_groups_enter_at_once_and_rest_again():
    labels = np.repeat(np.arange(150), 4)
    sample = Sample(n=100, labels=labels)
    problem = sample.pose(GroupLasso(labels))
    largest = alpha_max(problem, tol=TOL, max_iter=1000)
    down, up, again = solve(problem, np.array([0.01, 0.7, 0.01]) * largest)
    for solution in (down, up, again):
        assert solution.converged
    assert np.count_nonzero(down.coef) > 200
    assert 0 < np.count_nonzero(up.coef) < 40
    np.testing.assert_allclose(again.objective, down.objective, rtol=1e-9)


def test_large_groups_of_correlated_columns():
    """Groups larger than the sample, with condition numbers that stall plain descent."""
    labels = np.repeat([0, 1, 2], 50)
    sample = Sample(n=30, labels=labels)
    sample.X += 5.0 * np.random.default_rng(0).standard_normal((30, 3))[:, labels]
    sample.y = sample.X[:, :50] @ np.linspace(-1, 1, 50) * 0.1
    for penalty in (GroupLasso(labels), SparseGroupLasso(labels), GroupMCP(labels)):
        problem = sample.pose(penalty)
        for solution in solve(problem, grid(problem, 5, 0.01)):
            assert solution.converged
            assert solution.n_iter < 1000


def test_a_warm_start_changes_the_work_not_the_solution():
    sample = Sample(n=20)
    problem = sample.pose(SparseGroupLasso(LABELS))
    alpha = grid(problem)[3]
    (cold,) = solve(problem, alpha)
    (warm,) = solve(problem, alpha, start=cold.coef)
    (astray,) = solve(problem, alpha, start=np.ones(P))
    np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-12)
    np.testing.assert_allclose(astray.coef, cold.coef, atol=1e-8)
    assert warm.n_iter == 0 < cold.n_iter


def test_too_few_iterations_are_owned_up_to():
    problem = Sample(n=20).pose(GroupLasso(LABELS))
    (solution,) = solve(problem, grid(problem)[-1], max_iter=2)
    assert solution.status is Status.MAX_ITER
    assert solution.kkt_violation > TOL
    assert solution.n_iter == 2


def test_separated_classes_have_no_finite_solution():
    sample = Sample(LogisticLoss())
    sample.y = (sample.X[:, LABELS == 1].sum(axis=1) > 0.0).astype(float)
    problem = sample.pose(GroupMCP(LABELS, 3.0, adaptive=True))
    solution = solve(problem, grid(problem, 5, 0.2))[-1]
    assert solution.status is Status.UNBOUNDED
    assert np.isfinite(solution.coef).all()


def test_a_group_penalty_of_ones_own():
    problem = Sample(n=30).pose(GroupLogSum(LABELS, eps=0.5))
    alphas = grid(problem)
    check_path(Sample(n=30), problem, alphas, solve(problem, alphas))


@dataclass(frozen=True, repr=False)
class GroupLogSum(GroupPenalty):
    eps: float = 1.0

    @property
    def norm_penalty(self):
        return LogSum(self.eps)


@dataclass(frozen=True, repr=False)
class GroupL0(GroupPenalty):
    @property
    def norm_penalty(self):
        return L0()


# --- degrees of freedom -------------------------------------------------------------


def test_degrees_of_freedom_are_the_divergence_of_the_fit(shape):
    """By differences: the sum over samples of d fit / d response, as Stein has it.

    Negative second derivatives of concave penalties count as zero, so that their number
    is smaller than the divergence.
    """
    sample = Sample(n=40)
    penalty = SHAPES[shape](LABELS)

    def fit(y):
        problem = replace(sample.pose(penalty, l2=0.1), y=y)
        (solution,) = solve(problem, 0.1, tol=1e-12)
        return problem, solution

    step, divergence = 1e-5, 0.0
    for i in range(40):
        shift = step * (np.arange(40) == i)
        up, down = (sample.X @ fit(y)[1].coef for y in (sample.y + shift, sample.y - shift))
        divergence += (up[i] - down[i]) / (2 * step)
    problem, solution = fit(sample.y)
    freedom = degrees_of_freedom(problem, 0.1, solution)
    assert 0.0 < freedom < np.count_nonzero(solution.coef)
    if penalty.convex:
        np.testing.assert_allclose(freedom, divergence, rtol=1e-4)
    else:
        assert freedom <= divergence * (1 + 1e-6)


def test_degrees_of_freedom_of_single_features_are_their_number():
    problem = Sample().pose(GroupLasso(range(P)))
    alpha = grid(problem)[3]
    (solution,) = solve(problem, alpha)
    expected = np.count_nonzero(solution.coef)
    np.testing.assert_allclose(degrees_of_freedom(problem, alpha, solution), expected)


# --- what is refused -----------------------------------------------------------------


def test_labels_and_weights_that_do_not_fit_are_refused():
    sample = Sample()
    with pytest.raises(ValueError, match=r"one label for each of 30 coefficients\. Got 29"):
        solve(sample.pose(GroupLasso(LABELS[1:])), 0.1)
    with pytest.raises(ValueError, match="penalty_weights must be equal within each group"):
        solve(sample.pose(GroupLasso(LABELS), weights=np.linspace(1, 2, P)), 0.1)


@pytest.mark.parametrize(
    ("penalty", "options", "solver", "message"),
    [
        (GroupLasso(LABELS), {"upper": 1.0}, "auto", "not kept between other bounds"),
        (GroupLasso(LABELS), {"lower": -1.0}, "group_descent", "not kept between other"),
        (GroupLasso(LABELS), {"lower": -1.0}, "accelerated", "not kept between other"),
        (GroupL0(LABELS), {}, "group_descent", "have a slope at zero, and GroupL0.* jumps"),
        (GroupL0(LABELS), {}, "accelerated", "have a slope at zero, and GroupL0.* jumps"),
        (L1(), {}, "group_descent", "takes penalties of groups, not L1"),
        (GroupLasso(LABELS), {}, "working_set", "on single coefficients, not GroupLasso"),
        (GroupLasso(LABELS), {}, "gram", "on single coefficients, not GroupLasso"),
    ],
)
def test_what_solvers_cannot_take_is_said(penalty, options, solver, message):
    with pytest.raises(ValueError, match=message):
        solve(Sample().pose(penalty, **options), 0.1, solver=solver)
    with pytest.raises(ValueError, match="on single coefficients, not GroupLasso"):
        solve(Sample(LogisticLoss()).pose(GroupLasso(LABELS)), 0.1, solver="prox_newton")
