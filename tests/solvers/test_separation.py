"""Classes that some direction separates: there, and only there, is no finite solution.

Beside an independent answer by linear programming.
"""

import numpy as np
import pytest
from oracles import Logistic
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import expit
from test_prox_newton import Sample, pose, solve, strengths

from sparsestat import CEL0, L0, L1, MCP, SCAD, CappedL1, ElasticNet, LogSum, Lq
from sparsestat.solvers import Status

FLAT = [MCP(3.0), MCP(3.0, adaptive=True), SCAD(3.7), L0(), CEL0(), CappedL1(1.0)]


def is_separated(model, columns, positive=False):
    """Tell whether some direction of a few coefficients, and the intercept, loses nowhere.

    That is, whether it takes the predictors of no sample towards the other class, and of
    some sample away from it: such coefficients grow for ever.
    """
    Z = model.X[:, columns]
    lowest = [0.0 if positive else None] * Z.shape[1]
    if model.fit_intercept:
        Z, lowest = np.column_stack([Z, np.ones(len(Z))]), [*lowest, None]
    if Z.shape[1] == 0:
        return False
    margins = (2 * model.y - 1)[:, None] * Z
    fit = linprog(
        -margins.sum(axis=0),
        A_ub=np.vstack([-margins, margins]),
        b_ub=np.repeat([0.0, 1.0], len(Z)),
        bounds=[(low, None) for low in lowest],
    )
    return -fit.fun > 0.5  # the margins go up to 1, where they are not all zero


def drawn(seed, n, p, noise=1.0):
    """A sample without structure: separated by chance, by few features or by many."""
    sample, rng = Sample(seed, n, p), np.random.default_rng(seed)
    sample.X = rng.standard_normal((n, p))
    sample.y = (sample.X[:, 0] + noise * rng.standard_normal(n) > 0.0).astype(float)
    return sample


@pytest.mark.parametrize("penalty", FLAT, ids=str)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("positive", [False, True])
def test_solutions_are_unbounded_where_linear_programming_says_so(penalty, seed, positive):
    sample = drawn(seed, n=40, p=25)
    problem, model = pose(sample, penalty, lower=0.0 if positive else -np.inf)
    seen = set()
    alphas = np.append(strengths(problem, share=0.05), 0.0)
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        slope = problem.penalty.derivative(solution.coef, alpha)
        loose = np.flatnonzero((solution.coef != 0.0) & (slope == 0.0))
        separated = loose.size > 0 and is_separated(model, loose, positive)
        assert (solution.status is Status.UNBOUNDED) == separated
        assert solution.converged != separated
        assert solution.kkt_violation <= 1e-9
        seen.add(separated)
    assert (True in seen) == is_separated(model, np.arange(25), positive)


def far_out(seed):
    """A sample of few, partly large entries: Newton steps take predictors far out."""
    sample, rng = Sample(seed, n=60, p=100), np.random.default_rng(seed)
    entries = sparse.random_array(
        (60, 100), density=0.3, rng=rng, format="csc", data_sampler=rng.standard_normal
    )
    sample.X = entries.toarray() * rng.uniform(0.8, 3.0, 100)
    effect = sample.X[:, :4] @ rng.choice([-1.0, 1.0], 4)
    sample.y = (rng.random(60) < expit(effect + 0.5)).astype(float)
    return sample


@pytest.mark.parametrize(
    ("seed", "penalty", "fit_intercept"),
    [
        (0, L0(), False),  # near separation that is none, with predictors of several hundred
        (1, L0(), True),
        (1, SCAD(3.7), True),
        (2, MCP(3.0, adaptive=True), False),  # separation along a winding way
    ],
    ids=str,
)
def test_far_out_solutions_are_told_from_none(seed, penalty, fit_intercept):
    problem, model = pose(far_out(seed), penalty, fit_intercept=fit_intercept)
    alphas = strengths(problem, n_alphas=8, share=0.05)[:4]
    largest = 0.0
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        slope = problem.penalty.derivative(solution.coef, alpha)
        loose = np.flatnonzero((solution.coef != 0.0) & (slope == 0.0))
        separated = is_separated(model, loose)
        assert solution.status is (Status.UNBOUNDED if separated else Status.CONVERGED)
        eta = model.X @ solution.coef + solution.intercept
        largest = max(largest, np.abs(eta).max())
    assert largest > 50.0


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5), LogSum(1.0), Lq(0.5)], ids=str)
def test_penalties_that_grow_without_end_hold_all_coefficients(penalty):
    sample = drawn(0, n=40, p=25, noise=0.0)
    problem, model = pose(sample, penalty)
    assert is_separated(model, np.arange(25))
    alphas = strengths(problem, n_alphas=4, share=1e-3)
    assert all(s.status is Status.CONVERGED for s in solve(problem, alphas))


@pytest.mark.parametrize("penalty", [*FLAT, L1()], ids=str)
@pytest.mark.parametrize("l2", [1e-6, 1e-2])
def test_any_ridge_holds_all_coefficients(penalty, l2):
    sample = drawn(0, n=40, p=25, noise=0.0)
    problem, _ = pose(sample, penalty, l2=l2)
    alphas = np.append(strengths(problem, n_alphas=3, share=0.05), 0.0)
    assert all(s.status is Status.CONVERGED for s in solve(problem, alphas))


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5), LogSum(1.0), *FLAT], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_unpenalised_feature_that_separates_some_samples_is_seen_beside_any_others(
    penalty, fit_intercept
):
    """An indicator of samples of one class: quasi-complete separation, common in practice."""
    sample = drawn(1, n=150, p=6, noise=2.0)
    sample.X[:, 5] = np.arange(150) < 20
    sample.y[:20] = 1.0
    weights = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    problem, model = pose(sample, penalty, weights=weights)
    assert is_separated(model, [5])
    alphas = strengths(problem, n_alphas=5, share=0.1)
    solutions = solve(problem, alphas)
    assert all(s.status is Status.UNBOUNDED for s in solutions)
    assert np.count_nonzero(solutions[-1].coef) > 1
    assert all(s.n_iter < 1000 for s in solutions)


@pytest.mark.parametrize("gap", [3e-1, 1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("penalty", [MCP(3.0), SCAD(3.7), L0(), L1()], ids=str)
def test_classes_that_overlap_by_little_are_not_separated(penalty, gap):
    """One sample is on the wrong side, by ever less: the optimum goes far out but stays."""
    x = np.concatenate([np.linspace(-2.0, -0.5, 20), np.linspace(0.5, 2.0, 20)])
    y = (x > 0.0).astype(float)
    x, y = np.append(x, [gap / 2, -gap / 2]), np.append(y, [0.0, 1.0])
    sample = Sample(0, n=42, p=1)
    sample.X, sample.y = x[:, None], y
    problem, model = pose(sample, penalty, fit_intercept=False)
    assert not is_separated(model, [0])
    (solution,) = solve(problem, [0.0])
    assert solution.status is Status.CONVERGED
    b = solution.coef
    slope = float(model.X[:, 0] @ model.residual(b, 0.0))
    assert abs(slope) <= 1e-9
    assert b[0] > 3.0
    # The root of the derivative, by bisection.
    low, high = 0.0, 1e4
    for _ in range(200):
        middle = 0.5 * (low + high)
        rising = model.X[:, 0] @ model.residual(np.array([middle]), 0.0) > 0.0
        low, high = (middle, high) if rising else (low, middle)
    np.testing.assert_allclose(b[0], low, rtol=1e-3)


@pytest.mark.parametrize("kind", ["dense", "sparse", "single"])
@pytest.mark.parametrize("penalty", [MCP(3.0, adaptive=True), L0(), CappedL1(1.0)], ids=str)
def test_separation_is_seen_whatever_the_design_weights_and_offset(penalty, kind):
    sample = Sample(3, n=80, p=8)
    sample.y = (sample.X[:, 0] - sample.X[:, 1] > 0.02).astype(float)
    extras = {"sample_weight": sample.weight, "offset": sample.offset}
    problem, model = pose(sample, penalty, kind, **extras)
    assert is_separated(model, [0, 1])
    *_, solution = solve(problem, strengths(problem, share=0.02))
    assert solution.status is Status.UNBOUNDED
    assert {0, 1} <= set(np.flatnonzero(solution.coef))


def test_the_oracle_tells_separated_classes_from_others():
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    for y, complete, through_zero in (
        ([0, 0, 1, 1], True, True),
        ([0, 1, 1, 1], True, False),
        ([0, 1, 0, 1], False, False),
    ):
        assert is_separated(Logistic(x, np.array(y)), [0]) == complete
        assert is_separated(Logistic(x, np.array(y), False), [0]) == through_zero
    boundary = np.array([[-1.0], [0.0], [0.0], [1.0]])
    assert is_separated(Logistic(boundary, np.array([0, 0, 1, 1])), [0])
    assert not is_separated(Logistic(-x, np.array([0, 0, 1, 1])), [0], positive=True)


def test_a_large_sample_with_strong_effects_is_not_separated():
    rng = np.random.default_rng(0)
    sample = Sample(0, n=1000, p=5)
    sample.X = 3.0 * rng.standard_normal((1000, 5))
    sample.y = (rng.random(1000) < expit(4.0 * sample.X[:, 0] - 2.0 * sample.X[:, 1])).astype(
        float
    )
    for penalty in FLAT:
        problem, model = pose(sample, penalty)
        *_, solution = solve(problem, strengths(problem, n_alphas=4, share=0.01))
        assert np.abs(model.X @ solution.coef).max() > 30.0
        assert solution.status is Status.CONVERGED
