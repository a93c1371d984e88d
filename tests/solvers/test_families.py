"""Losses beyond squares and logistic: stationary, optimal, equal to statsmodels' models."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
import statsmodels.api as sm
from oracles import distance, minimum, penalty_sum, rough_solutions
from scipy.special import xlogy
from statsmodels.robust.scale import HuberScale

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    GammaLoss,
    HuberLoss,
    LogSum,
    Lq,
    PoissonLoss,
)
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import GLMProblem, Status, alpha_grid, alpha_max, solve_path

TOL = 1e-9


class One(HuberScale):
    """A scale of one, in a form that all versions of RLM take."""

    def __call__(self, df_resid, nobs, resid):
        return 1.0


N, P = 120, 30
LOSSES = [HuberLoss(1.0), PoissonLoss(), GammaLoss()]
PENALTIES = [
    L1(),
    ElasticNet(0.4),
    MCP(3.0, adaptive=True),
    SCAD(3.7, adaptive=True),
    LogSum(0.5),
    CappedL1(0.3),
]
JUMPING = [L0(), CEL0(), Lq(0.5)]


def respond(loss, eta, rng):
    """Draw responses with a linear predictor."""
    if isinstance(loss, PoissonLoss):
        return rng.poisson(np.exp(eta)).astype(float)
    if isinstance(loss, GammaLoss):
        return rng.gamma(2.0, np.exp(eta) / 2.0)
    return eta + rng.standard_t(2.0, eta.size)


class Sample:
    """Columns, of which half are sparse, responses, weights and offsets."""

    def __init__(self, loss, seed=0, n=N, p=P):
        rng = np.random.default_rng(seed)
        self.X = rng.standard_normal((n, p)) * (rng.random((n, p)) < np.linspace(0.3, 1.0, p))
        self.weight = rng.uniform(0.2, 1.8, n)
        self.weight /= self.weight.mean()
        self.offset = 0.5 * rng.standard_normal(n)
        b = np.zeros(p)
        b[::7] = [0.7, -0.5, 0.4, 0.6, -0.4][: b[::7].size]
        self.y = respond(loss, self.X @ b + 0.3 + self.offset, rng)


OPTIONS = {
    "plain": lambda s: {},
    "weights and offset": lambda s: {"sample_weight": s.weight, "offset": s.offset},
    "ridge, box": lambda s: {"l2": 0.05, "lower": -0.2, "upper": 0.3},
    "penalty weights": lambda s: {
        "weights": np.r_[0.0, 0.0, np.inf, np.linspace(0.5, 2.0, P - 3)]
    },
}


def pose(sample, loss, penalty, kind="dense", fit_intercept=True, **options):
    means = sample.X.mean(axis=0) if fit_intercept else np.zeros(sample.X.shape[1])
    design = DenseDesign(np.asfortranarray(sample.X - means))
    if kind == "sparse":
        from scipy import sparse

        design = CentredSparseDesign(sparse.csc_array(sample.X), np.ones(len(sample.y)), means)
    weights = options.pop("weights", np.ones(sample.X.shape[1]))
    problem = GLMProblem(
        design, sample.y, penalty, weights, loss=loss, fit_intercept=fit_intercept, **options
    )
    return replace(problem, penalty=penalty.for_loss(loss.bound, problem.null_curvature))


def solve(problem, alphas, **options):
    return list(solve_path(problem, alphas, **({"tol": TOL, "max_iter": 10_000} | options)))


def strengths(problem, n_alphas=5, eps=0.05):
    return alpha_grid(alpha_max(problem, tol=TOL, max_iter=10_000), eps, n_alphas)


def null_scale(problem, X):
    free = problem.weights == 0.0
    null = replace(problem, weights=np.where(free, 0.0, np.inf), penalty=L1())
    (solution,) = solve(null, [1.0])
    gradient = problem.gradient(solution.coef, solution.intercept)
    return np.abs(gradient[np.isfinite(problem.weights)]).max()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("name", OPTIONS)
def test_solutions_are_stationary_along_the_path(loss, penalty, kind, name):
    sample = Sample(loss)
    for fit_intercept in (True, False):
        options = OPTIONS[name](sample)
        problem = pose(sample, loss, penalty, kind, fit_intercept, **options)
        scale, alphas = null_scale(problem, sample.X), strengths(problem)
        share = problem._weighted(np.full(N, 1.0 / N))
        for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
            assert solution.status is Status.CONVERGED
            b = solution.coef
            X = sample.X - (sample.X.mean(axis=0) if fit_intercept else 0.0)
            eta = X @ b + solution.intercept + problem.offset
            slopes = share * loss.gradient(sample.y, eta)
            q = -X.T @ slopes - problem.l2 * b
            worst = distance(
                q,
                b,
                problem.penalty,
                alpha * problem.weights,
                problem.curvatures,
                problem.lower,
                problem.upper,
            )
            assert worst / scale <= TOL * (1 + 1e-2) + 1e-12
            value = share @ loss.value(sample.y, eta)
            value += penalty_sum(b, problem.penalty, alpha, problem.weights, problem.l2)
            np.testing.assert_allclose(solution.objective, value, rtol=1e-11)
            if fit_intercept:
                assert abs(slopes.sum()) <= 1e-13


@pytest.mark.parametrize("penalty", JUMPING, ids=str)
def test_penalties_that_jump_need_a_bounded_curvature(penalty):
    sample = Sample(HuberLoss(1.0))
    problem = pose(sample, HuberLoss(1.0), penalty)
    alphas = strengths(problem)
    for solution in solve(problem, alphas):
        assert solution.status is Status.CONVERGED
    for loss in (PoissonLoss(), GammaLoss()):
        problem = replace(problem, loss=loss)
        with pytest.raises(ValueError, match=r"curvature of the loss, and that of .* no bound"):
            solve(problem, alphas)


def mean_loss(loss, y, eta, share):
    """Write a loss for cvxpy."""
    if isinstance(loss, HuberLoss):
        return share @ cp.huber(y - eta, loss.delta) / 2.0
    if isinstance(loss, PoissonLoss):
        return share @ (cp.exp(eta) - cp.multiply(y, eta))
    return share @ (cp.multiply(y, cp.exp(-eta)) + eta)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.4)], ids=str)
@pytest.mark.parametrize("name", ["plain", "weights and offset", "ridge, box"])
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(
    loss, penalty, name
):
    sample = Sample(loss, seed=1)
    options = OPTIONS[name](sample)
    problem = pose(sample, loss, penalty, **options)
    alpha = strengths(problem)[3]
    b, b0 = cp.Variable(P), cp.Variable()
    eta = (sample.X - sample.X.mean(axis=0)) @ b + b0 + problem.offset
    share = problem._weighted(np.full(N, 1.0 / N))
    terms = {k: v for k, v in options.items() if k in ("lower", "upper")}
    optimum = minimum(
        mean_loss(loss, sample.y, eta, share),
        b,
        penalty,
        alpha,
        None,
        problem.l2,
        **{"lower": -np.inf, "upper": np.inf, **terms},
        tol=1e-9,
    )
    (solution,) = solve(problem, [alpha])
    assert abs(solution.objective - optimum) <= 1e-8
    assert 0.0 <= solution.dual_gap <= 1e-8
    assert len(list(rough_solutions(solve, problem, alpha, optimum))) == 3


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("name", ["plain", "weights and offset"])
def test_without_penalty_the_models_are_those_of_statsmodels(loss, name):
    sample = Sample(loss, seed=2)
    options = OPTIONS[name](sample)
    problem = pose(sample, loss, L1(), **options)
    (solution,) = solve(problem, [0.0])
    exog = np.column_stack([np.ones(N), sample.X - sample.X.mean(axis=0)])
    weight = options.get("sample_weight", np.ones(N))
    if isinstance(loss, HuberLoss):  # with a scale of one
        if name != "plain":
            pytest.skip("RLM takes no weights")
        norm = sm.robust.norms.HuberT(loss.delta)
        fit = sm.RLM(sample.y, exog, norm).fit(
            scale_est=One(), maxiter=2000, tol=1e-13, conv="coefs"
        )
    else:
        family = {PoissonLoss: sm.families.Poisson, GammaLoss: sm.families.Gamma}[type(loss)]
        link = sm.families.links.Log()
        fit = sm.GLM(
            sample.y,
            exog,
            family(link),
            offset=options.get("offset"),
            freq_weights=weight,
        ).fit(tol=1e-13, maxiter=200)
    np.testing.assert_allclose(
        np.r_[solution.intercept, solution.coef], fit.params, rtol=1e-6, atol=1e-7
    )


# --- hard problems --------------------------------------------------------------------


def test_counts_that_are_all_zero_end_with_a_sentence_and_finite_numbers():
    sample = Sample(PoissonLoss())
    sample.y = np.zeros(N)
    problem = pose(sample, PoissonLoss(), L1())
    for solution in solve(problem, [0.1, 0.0]):
        assert solution.status is Status.UNBOUNDED
        assert np.isfinite(solution.coef).all()
        assert np.isfinite(solution.intercept)


@pytest.mark.parametrize("penalty", [MCP(3.0, adaptive=True), L1()], ids=str)
def test_features_that_mark_zero_counts_are_unbounded_without_a_penalty(penalty):
    """A feature that is there only where counts are zero wants an infinite coefficient."""
    rng = np.random.default_rng(0)
    sample = Sample(PoissonLoss(), seed=3)
    sample.X[:, 0] = rng.random(N) < 0.2
    sample.y[sample.X[:, 0] > 0.0] = 0.0
    problem = pose(sample, PoissonLoss(), penalty)
    low = strengths(problem, eps=1e-4)[-1]
    (solution,) = solve(problem, [low])
    assert np.isfinite(solution.coef).all()
    assert (solution.status is Status.UNBOUNDED) == (penalty != L1())
    (solution,) = solve(replace(problem, penalty=L1()), [0.0], max_iter=300)
    assert solution.status is not Status.CONVERGED
    assert np.isfinite(solution.coef).all()


def test_large_counts_and_steep_slopes_are_fitted():
    """Means from 1 to 1e9: steps from the null model overshoot by far."""
    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 1.0, 50)
    X = np.column_stack([x, rng.standard_normal(50)])
    sample = Sample(PoissonLoss(), n=50, p=2)
    sample.X, sample.y = X, np.round(np.exp(20.7 * x))
    for fit_intercept in (True, False):
        problem = pose(sample, PoissonLoss(), L1(), fit_intercept=fit_intercept)
        (solution,) = solve(problem, [1e-3])
        assert solution.status is Status.CONVERGED
        np.testing.assert_allclose(solution.coef[0], 20.7, rtol=1e-3)


def test_poisson_loss_differs_from_the_deviance_by_what_no_model_changes():
    sample = Sample(PoissonLoss())
    eta = 0.3 * sample.X[:, 0]
    half = xlogy(sample.y, sample.y) - sample.y * eta - sample.y + np.exp(eta)
    np.testing.assert_allclose(PoissonLoss().excess(sample.y, eta, 0.0), half, rtol=1e-11)
