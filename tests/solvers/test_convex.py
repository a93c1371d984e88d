"""The solver by cvxpy: what it is told, every kind of problem, losses with kinks."""

from dataclasses import dataclass, fields, replace

import cvxpy as cp
import numpy as np
import pytest
from constrained import (
    LOSSES,
    OPTIONS,
    SOLVERS,
    TOL,
    N,
    P,
    assert_met,
    constraints,
    pose,
    sample,
    size,
    solve,
)
from scipy.optimize import linprog

from sparsestat import (
    L1,
    CoxLoss,
    ElasticNet,
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    SquaredLoss,
)
from sparsestat.linalg import DenseDesign, StackedDesign
from sparsestat.losses import Loss, MultinomialLoss
from sparsestat.losses.quantile import QuantileLoss
from sparsestat.penalties import GroupEnvelope, GroupLasso, KSupport, SparseGroupLasso
from sparsestat.solvers import (
    CoxProblem,
    GLMProblem,
    MultinomialProblem,
    MultiTaskProblem,
    alpha_max,
    choose_solver,
)
from sparsestat.solvers.quantile import QuantileProblem


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


@pytest.fixture(params=LOSSES, ids=str)
def loss(request):
    return request.param


# What losses and penalties say to cvxpy.


@pytest.mark.parametrize(
    "penalty",
    [L1(), ElasticNet(0.3)],
    ids=str,
)
def test_penalties_are_written_for_cvxpy_as_they_are(penalty, rng):
    b, weights = rng.standard_normal(6), rng.uniform(0.0, 2.0, 6)
    alpha = cp.Parameter(nonneg=True, value=0.7)
    variable = cp.Variable(6, value=b)
    expression = penalty.expression(cp, variable, alpha, weights)
    np.testing.assert_allclose(expression.value, penalty.value(b, 0.7 * weights).sum())
    assert cp.Problem(cp.Minimize(expression)).is_dpp()  # written out once for all alphas


def test_losses_are_written_for_cvxpy_as_they_are(loss, rng):
    y = rng.integers(0, 2, 30).astype(float) + (1.0 if isinstance(loss, GammaLoss) else 0.0)
    eta = 2.0 * rng.standard_normal(30)
    expression = loss.expression(cp, y, cp.Variable(30, value=eta))
    assert expression.is_convex()
    np.testing.assert_allclose(expression.value, loss.value(y, eta), rtol=1e-10)


def test_multinomial_models_are_those_of_prox_newton(solver):
    rng = np.random.default_rng(2)
    X = sample(LogisticLoss())[0][:, :8]
    Y = np.eye(3)[rng.integers(0, 3, N)]
    design = StackedDesign(DenseDesign(np.asfortranarray(X)), 3)
    problem = MultinomialProblem(
        design, Y.ravel(), L1(), np.ones(24), loss=MultinomialLoss(), fit_intercept=True
    )
    for alpha in size(problem) * np.array([0.5, 0.1]):
        (one,), (two,) = solve(problem, alpha, solver), solve(problem, alpha, "prox_newton")
        assert one.converged
        np.testing.assert_allclose(one.objective, two.objective, atol=1e-12)
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-6)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_cox_models_take_constraints(ties):
    rng = np.random.default_rng(4)
    X = sample(LogisticLoss())[0][:, :8]
    y = np.empty(N, dtype=[("event", bool), ("time", float), ("stratum", int)])
    y["event"], y["stratum"] = rng.random(N) < 0.7, rng.integers(0, 2, N)
    y["time"] = np.round(rng.exponential(np.exp(-X[:, 0])), 1)  # with ties
    problem = CoxProblem(
        DenseDesign(np.asfortranarray(X)),
        y,
        L1(),
        np.ones(8),
        loss=CoxLoss(ties),
        sample_weight=np.linspace(0.5, 1.5, N),
    )
    alpha = 0.1 * size(problem)
    for held in (None, constraints("sum to zero", 8)):
        posed = replace(problem, constraints=held)
        one, two = (solve(posed, alpha, solver)[0] for solver in SOLVERS)
        assert one.converged
        assert two.converged
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-8)
    np.testing.assert_allclose(two.coef.sum(), 0.0, atol=1e-14)
    (other,) = solve(problem, alpha, "prox_newton")
    (same,) = solve(problem, alpha, "convex")
    np.testing.assert_allclose(same.objective, other.objective, atol=1e-12)


@pytest.mark.parametrize(
    "penalty",
    [
        KSupport(3),
        GroupEnvelope(np.arange(P) // 4, 2.0),
        GroupEnvelope(np.arange(P) // 4, 2.5, costs=[1.0, 2.0, 1.5, 0.5, 1.0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("weights", [np.ones(P), np.r_[0.0, np.inf, np.ones(P - 2)]], ids=str)
@pytest.mark.parametrize("loss", [SquaredLoss(), LogisticLoss()], ids=str)
def test_joint_penalties_are_those_of_accelerated_gradient(penalty, weights, loss):
    problem = pose(loss, penalty, weights=weights, lower=np.r_[0.0, np.full(P - 1, -np.inf)])
    for alpha in (1.0, 0.05):
        (one,) = solve(problem, alpha, "convex", tol=1e-7)
        (two,) = solve(problem, alpha, "accelerated", tol=1e-9)
        assert one.converged
        np.testing.assert_allclose(one.objective, two.objective, rtol=1e-10)
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-5)
    held = replace(problem, constraints=constraints("sum to zero"))
    with pytest.raises(ValueError, match="takes no constraints together with"):
        choose_solver(held, "convex")


@pytest.mark.parametrize("r", [0.0, 0.4])
@pytest.mark.parametrize("options", ["plain", "nonnegative", "penalty weights"])
def test_norms_of_groups_are_those_of_group_descent(loss, r, options):
    labels = np.arange(P) // 3
    terms = dict(OPTIONS[options])
    if "weights" in terms:
        terms["weights"] = np.array([0.0, np.inf, 0.5, 1.0, 2.0, 1.0, 0.7])[labels]
    problem = pose(loss, SparseGroupLasso(labels, r) if r else GroupLasso(labels), **terms)
    for alpha in alpha_max(problem, tol=TOL, max_iter=100) * np.array([0.5, 0.05]):
        (one,), (two,) = solve(problem, alpha, "convex"), solve(problem, alpha)
        assert one.converged
        assert two.converged
        np.testing.assert_allclose(one.objective, two.objective, rtol=1e-12)
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-7)
        assert np.array_equal(one.coef == 0.0, two.coef == 0.0)
    held = replace(problem, constraints=constraints("sum to zero"))
    with pytest.raises(ValueError, match="takes no constraints together with"):
        choose_solver(held, "convex")


@pytest.mark.parametrize("solver", SOLVERS)
def test_several_responses_are_left_to_others(solver):
    problem = pose(SquaredLoss())
    several = MultiTaskProblem(
        problem.design, np.vstack([problem.y, problem.y]), L1(), np.ones(P)
    )
    with pytest.raises(ValueError, match="takes one response"):
        choose_solver(several, solver)


@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """A loss from outside the package."""

    bound = 1.0
    coercive = True

    def value(self, y, eta):
        size = np.abs(eta - y)
        return size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)

    def gradient(self, y, eta):
        return np.tanh(eta - y)

    def curvature(self, y, eta):
        return 1.0 / np.cosh(np.clip(eta - y, -300, 300)) ** 2


class WrittenLogCosh(LogCosh):
    """The same with a word to cvxpy: log cosh r = log(exp(r) + exp(-r)) - log 2."""

    def expression(self, cp, y, eta):
        r = eta - y
        return cp.logistic(2.0 * r) - r - np.log(2.0)


def test_losses_from_outside_take_constraints():
    X, y, *_ = sample(HuberLoss())
    problem = GLMProblem(
        DenseDesign(np.asfortranarray(X)),
        y,
        L1(),
        np.ones(P),
        constraints=constraints("sum to zero"),
        loss=WrittenLogCosh(),
        fit_intercept=True,
    )
    alpha = 0.1 * size(problem)
    one, two = (solve(problem, alpha, solver)[0] for solver in SOLVERS)
    assert one.converged
    assert two.converged
    np.testing.assert_allclose(one.coef, two.coef, atol=1e-8)
    plain = replace(problem, loss=LogCosh())
    (same,) = solve(plain, alpha, "multipliers")
    np.testing.assert_allclose(same.coef, one.coef, atol=1e-12)
    with pytest.raises(ValueError, match="does not say how to write it for cvxpy"):
        solve(plain, alpha, "convex")


# Losses with a kink.


@dataclass(frozen=True, repr=False)
class CheckLoss(Loss):
    """The loss whose best constant is a quantile."""

    quantile: float = 0.5
    coercive = True
    smooth = False

    def value(self, y, eta):
        return np.maximum(self.quantile * (y - eta), (self.quantile - 1.0) * (y - eta))

    def gradient(self, y, eta):
        r = y - eta
        return np.where(r > 0.0, -self.quantile, np.where(r < 0.0, 1.0 - self.quantile, 0.0))

    def curvature(self, y, eta):
        return np.zeros_like(y - eta)

    def shift(self, y, share, fixed, start):
        order = np.argsort(y - fixed)
        below = np.cumsum(share[order]) / share.sum()
        return float((y - fixed)[order[np.searchsorted(below, self.quantile - 1e-12)]])

    def expression(self, cp, y, eta):
        return self.quantile * cp.pos(y - eta) + (1.0 - self.quantile) * cp.pos(eta - y)


def pose_quantile(quantile, penalty, held=None, **options):
    X, y, weight, offset = sample(HuberLoss())
    design = DenseDesign(np.asfortranarray(X))
    glm = {"sample_weight": weight, "offset": offset, "fit_intercept": True, **options}
    glm = {"penalty": penalty, "weights": np.ones(P), "constraints": held, **glm}
    return GLMProblem(design, y, loss=CheckLoss(quantile), **glm)


@pytest.mark.parametrize("quantile", [0.5, 0.8])
@pytest.mark.parametrize("name", [None, "sum to one", "monotone"])
def test_quantiles_are_those_of_a_linear_program(quantile, name):
    held = None if name is None else constraints(name)
    problem = pose_quantile(quantile, L1(), held)
    X, share = problem.design.columns.T, problem.sample_weight / N
    for alpha in size(problem) * np.array([0.3, 0.03]):
        parts = [X, -X, np.ones((N, 1)), -np.ones((N, 1)), np.eye(N), -np.eye(N)]
        costs = [np.full(2 * P, alpha), np.zeros(2), share * quantile, share * (1 - quantile)]
        A_eq, b_eq, A_ub, b_ub = np.hstack(parts), problem.y - problem.offset, None, None
        if held is not None:
            more = np.hstack([held.A, -held.A, np.zeros((len(held.A), 2 + 2 * N))])
            if held.equal.all():
                A_eq, b_eq = np.vstack([A_eq, more]), np.append(b_eq, held.upper)
            else:
                A_ub, b_ub = -more, -held.lower
        program = linprog(np.concatenate(costs), A_ub, b_ub, A_eq, b_eq)
        (solution,) = solve(problem, alpha, "convex")
        assert solution.converged
        assert solution.dual_gap <= 1e-12
        np.testing.assert_allclose(solution.objective, program.fun, rtol=1e-9)
        np.testing.assert_allclose(
            solution.coef, program.x[:P] - program.x[P : 2 * P], atol=1e-7
        )
        eta = X @ solution.coef + solution.intercept + problem.offset
        fitted = np.abs(problem.y - eta) <= 1e-10
        rank = degrees = np.count_nonzero(solution.coef) + 1
        if held is not None:
            values = held.A @ solution.coef
            at_bound = np.abs(values - held.lower) <= 1e-12
            used = held.A[at_bound][:, solution.coef != 0.0]
            rank = degrees - (np.linalg.matrix_rank(used) if used.size else 0)
            assert_met(problem, solution.coef)
        assert fitted.sum() == rank  # a vertex, and exactly


@pytest.mark.parametrize("options", ["ridge, box", "penalty weights"])
def test_quantiles_with_quadratic_penalties_are_optimal(options):
    problem = pose_quantile(0.3, ElasticNet(0.5), constraints("two sides"), **OPTIONS[options])
    for solution in solve(problem, size(problem) * np.array([0.3, 0.01]), "convex"):
        assert solution.converged
        assert_met(problem, solution.coef)
        if options == "ridge, box":
            assert 0.0 <= solution.dual_gap <= 1e-10


@pytest.mark.parametrize("quantile", [0.5, 0.9])
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
def test_quantiles_are_those_of_the_solver_for_quantiles(quantile, penalty):
    posed = pose_quantile(quantile, penalty)
    terms = {f.name: getattr(posed, f.name) for f in fields(posed)}
    problem = QuantileProblem(**terms | {"loss": QuantileLoss(quantile)})
    assert choose_solver(problem) == "quantile"
    alphas = size(problem) * np.array([0.3, 0.03])
    for one, two in zip(
        *(solve(problem, alphas, s) for s in ("convex", "quantile")), strict=True
    ):
        assert one.converged
        np.testing.assert_allclose(one.objective, two.objective, rtol=1e-12)
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-9)
    held = replace(problem, constraints=constraints("sum to zero"))
    largest = alpha_max(held, tol=1e-9, max_iter=1000)
    above, below = solve(held, [1.01 * largest, 0.2 * largest])
    assert not above.coef.any()
    assert np.count_nonzero(below.coef) > 1
    assert_met(held, below.coef)
    with_free = replace(held, weights=np.r_[0.0, np.ones(P - 1)])
    with pytest.raises(ValueError, match="Give alphas as an array"):
        alpha_max(with_free, tol=1e-9, max_iter=1000)


def test_kinks_are_not_for_newton():
    problem = pose_quantile(0.5, L1(), constraints("sum to zero"))
    assert choose_solver(problem) == "convex"
    with pytest.raises(ValueError, match="takes smooth losses"):
        choose_solver(problem, "multipliers")
