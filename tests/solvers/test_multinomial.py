"""Multinomial problems: stationary, optimal, binary ones those of the logistic loss."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
import statsmodels.api as sm
from oracles import distance, minimum, rough_solutions
from scipy import sparse
from scipy.special import softmax

from sparsestat import L1, MCP, SCAD, ElasticNet, LogisticLoss, MultinomialLoss
from sparsestat.linalg import CentredSparseDesign, DenseDesign, StackedDesign
from sparsestat.solvers import (
    GLMProblem,
    MultinomialProblem,
    Status,
    alpha_grid,
    alpha_max,
    solve_path,
)

N, P, K = 150, 20, 3
TOL = 1e-9


class Sample:
    def __init__(self, seed=0, n=N, p=P, k=K):
        rng = np.random.default_rng(seed)
        self.X = rng.standard_normal((n, p)) * (rng.random((n, p)) < np.linspace(0.3, 1.0, p))
        B = np.zeros((p, k))
        B[:3] = 1.2 * rng.standard_normal((3, k))
        self.offset = 0.3 * rng.standard_normal((n, k))
        chances = softmax(self.X @ B + self.offset + np.linspace(-0.3, 0.3, k), axis=1)
        self.labels = (chances.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        self.Y = np.eye(k)[self.labels]
        self.weight = rng.uniform(0.3, 1.7, n)
        self.weight /= self.weight.mean()


def pose(sample, penalty, kind="dense", fit_intercept=True, **options):
    n, p = sample.X.shape
    k = sample.Y.shape[1]
    means = sample.X.mean(axis=0) if fit_intercept else np.zeros(p)
    design = DenseDesign(np.asfortranarray(sample.X - means))
    if kind == "sparse":
        design = CentredSparseDesign(sparse.csc_array(sample.X), np.ones(n), means)
    problem = MultinomialProblem(
        StackedDesign(design, k),
        sample.Y.ravel(),
        penalty,
        options.pop("weights", np.ones(p * k)),
        loss=MultinomialLoss(),
        fit_intercept=fit_intercept,
        **options,
    )
    return replace(problem, penalty=penalty.for_loss(0.25, problem.null_curvature))


def solve(problem, alphas, **options):
    return list(solve_path(problem, alphas, **({"tol": TOL, "max_iter": 10_000} | options)))


def strengths(problem, eps=0.05, n_alphas=5):
    return alpha_grid(alpha_max(problem, tol=TOL, max_iter=10_000), eps, n_alphas)


OPTIONS = {
    "plain": lambda s: {},
    "weights and offset": lambda s: {"sample_weight": s.weight, "offset": s.offset.ravel()},
    "ridge, box": lambda s: {"l2": 0.05, "lower": -0.2, "upper": 0.3},
    "penalty weights": lambda s: {
        "weights": np.repeat(np.r_[0.0, np.inf, np.linspace(0.5, 2.0, P - 2)], K)
    },
}


@pytest.mark.parametrize(
    "penalty",
    [L1(), ElasticNet(0.5), MCP(3.0, adaptive=True), SCAD(3.7, adaptive=True)],
    ids=str,
)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_solutions_are_stationary_along_the_path(penalty, kind, name, fit_intercept):
    sample = Sample()
    options = OPTIONS[name](sample)
    problem = pose(sample, penalty, kind, fit_intercept, **options)
    X = sample.X - (sample.X.mean(axis=0) if fit_intercept else 0.0)
    share = options.get("sample_weight", np.ones(N)) / N
    alphas = strengths(problem)
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        assert solution.status is Status.CONVERGED
        B = solution.coef.reshape(P, K)
        eta = (
            X @ B
            + solution.intercept
            + np.reshape(problem.offset, (-1, 1 if "offset" not in options else K))
        )
        R = share[:, None] * (sample.Y - softmax(eta, axis=1))
        q = (X.T @ R).ravel() - problem.l2 * solution.coef
        worst = distance(
            q,
            solution.coef,
            problem.penalty,
            alpha * problem.weights,
            problem.curvatures,
            problem.lower,
            problem.upper,
        )
        assert worst <= 2 * TOL
        if fit_intercept:
            assert np.abs(R.sum(axis=0)).max() <= 1e-14
            assert abs(solution.intercept.sum()) <= 1e-12


@pytest.mark.parametrize("name", ["plain", "weights and offset", "ridge, box"])
def test_convex_solutions_reach_the_optimum_and_the_gap_bounds_the_distance(name):
    sample = Sample(1)
    options = OPTIONS[name](sample)
    problem = pose(sample, L1(), **options)
    alpha = strengths(problem)[3]
    B, c = cp.Variable((P, K)), cp.Variable((1, K))
    X = sample.X - sample.X.mean(axis=0)
    eta = X @ B + np.ones((N, 1)) @ c
    if "offset" in options:
        eta = eta + sample.offset
    share = options.get("sample_weight", np.ones(N)) / N
    loss = share @ (cp.log_sum_exp(eta, axis=1) - cp.sum(cp.multiply(sample.Y, eta), axis=1))
    flat = cp.vec(B, order="C")
    terms = {k: options.get(k, d) for k, d in (("lower", -np.inf), ("upper", np.inf))}
    optimum = minimum(loss, flat, L1(), alpha, None, problem.l2, **terms, tol=1e-9)
    (solution,) = solve(problem, [alpha])
    assert abs(solution.objective - optimum) <= 1e-8
    assert 0.0 <= solution.dual_gap <= 1e-8
    assert len(list(rough_solutions(solve, problem, alpha, optimum))) == 3


def test_two_classes_are_a_logistic_model():
    """With |b| and |-b| of half the size each the penalty of L1 is the same."""
    sample = Sample(2, k=2)
    both = pose(sample, L1())
    one = GLMProblem(
        both.design.base,
        sample.Y[:, 1],
        L1(),
        np.ones(P),
        loss=LogisticLoss(),
        fit_intercept=True,
    )
    alphas = strengths(one)
    for a, b in zip(solve(both, alphas), solve(one, alphas), strict=True):
        B = a.coef.reshape(P, 2)
        np.testing.assert_allclose(B[:, 1] - B[:, 0], b.coef, atol=1e-7)
        np.testing.assert_allclose(a.intercept[1] - a.intercept[0], b.intercept, atol=1e-7)
        np.testing.assert_allclose(a.objective, b.objective, rtol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_without_penalty_the_model_is_that_of_statsmodels(fit_intercept):
    sample = Sample(3, n=300, p=6)
    problem = pose(sample, L1(), fit_intercept=fit_intercept)
    (solution,) = solve(problem, [0.0])
    assert solution.converged
    X = sample.X - (sample.X.mean(axis=0) if fit_intercept else 0.0)
    exog = np.column_stack([np.ones(300), X]) if fit_intercept else X
    fit = sm.MNLogit(sample.labels, exog).fit(disp=0, method="newton", tol=1e-12, maxiter=100)
    B = solution.coef.reshape(6, K)
    if fit_intercept:
        B = np.vstack([solution.intercept, B])
    np.testing.assert_allclose(B[:, 1:] - B[:, :1], fit.params, rtol=1e-6, atol=1e-7)


def test_separated_classes_are_unbounded_without_a_penalty_that_grows():
    rng = np.random.default_rng(0)
    sample = Sample(0, n=60, p=5)
    sample.X = rng.standard_normal((60, 5))
    sample.labels = np.digitize(sample.X[:, 0], [-0.4, 0.4])
    sample.Y = np.eye(K)[sample.labels]
    (bounded,) = solve(pose(sample, L1()), [0.01])
    assert bounded.converged
    (endless,) = solve(pose(sample, L1()), [0.0], max_iter=500)
    assert endless.status is Status.UNBOUNDED
    assert np.isfinite(endless.coef).all()


def test_the_hessian_is_the_derivative_of_the_gradient():
    sample = Sample(4)
    for fit_intercept in (True, False):
        problem = pose(sample, L1(), fit_intercept=fit_intercept, sample_weight=sample.weight)
        rng = np.random.default_rng(0)
        coef, h = 0.3 * rng.standard_normal(P * K), 1e-5
        features = np.array([0, 1, 4, 5, 17, 30])
        start = problem.at(problem.design.predict(coef) + 0.0, np.zeros(K))
        H = problem.hessian(features, coef, start.intercept)
        for column, f in enumerate(features):
            step = np.zeros(P * K)
            step[f] = h
            up, down = (problem.gradient(coef + s * step, start.intercept) for s in (1, -1))
            np.testing.assert_allclose(H[:, column], (down - up)[features] / (2 * h), atol=1e-8)
