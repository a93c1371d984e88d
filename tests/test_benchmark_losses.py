"""The benchmarks of other losses: criteria by their definitions, peers solve one problem."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from benchmarks import (
    cox,
    cox_peers,
    families,
    families_peers,
    multinomial,
    multinomial_peers,
    quantile,
    quantile_peers,
    r,
)
from benchmarks.__main__ import RESULTS
from benchmarks.comparison import CERTIFIED
from benchmarks.measure import Seconds, Told, timed
from benchmarks.peers import OURS
from benchmarks.record import Record
from benchmarks.survival import COX

BENCHMARKS = {
    "families": (families, families_peers.SOLVERS),
    "cox": (cox, cox_peers.SOLVERS),
    "multinomial": (multinomial, multinomial_peers.SOLVERS),
    "quantile": (quantile, quantile_peers.SOLVERS),
}
SMALL = {
    shape.name: (shape.smoke(), solvers)
    for module, solvers in BENCHMARKS.values()
    for shape in module.SHAPES
    if shape.gamma is None and "wide" in shape.name
}


@pytest.fixture(params=SMALL, scope="module")
def solved(request):
    """Return a problem, its peers and coefficients at a tight tolerance."""
    shape, solvers = SMALL[request.param]
    problem = shape.problem()
    return problem, solvers, solvers[OURS].solve(problem, 1e-10)


def test_residuals_are_minus_the_derivative(solved):
    problem, _, coefs = solved
    fitted = problem._fitted(problem._entries(coefs)[0]) + 0.1
    along = np.random.default_rng(0).standard_normal(fitted.shape)
    loss, y, step = problem.loss, problem._y, 1e-6
    slope = (loss.means(y, fitted + step * along) - loss.means(y, fitted - step * along)) / (
        2 * step
    )
    expected = -(loss.residuals(y, fitted) * along).sum(axis=0) / problem.X.shape[0]
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


def test_duals_certify_solutions_and_bound_from_below(solved):
    problem, _, best = solved
    assert problem.gaps(best).max() < CERTIFIED
    assert problem.violation(best) < 1e-8
    optimum = problem.objectives(best) / problem.null_objective
    best = problem._entries(best)[0].toarray()
    rng = np.random.default_rng(0)
    for scale in (0.0, 0.01, 0.3):
        coefs = best + scale * rng.standard_normal(best.shape)
        objectives = problem.objectives(coefs) / problem.null_objective
        assert np.all(problem.gaps(coefs) >= objectives - optimum - 1e-12)
    assert problem.gaps(np.zeros(best.shape))[0] == pytest.approx(0.0, abs=1e-9)


def test_problems_are_reproducible_and_their_heads_alike(solved):
    problem, _, _ = solved
    shape = next(s for s, _ in SMALL.values() if s.loss == problem.loss.name)
    again = shape.problem()
    np.testing.assert_array_equal(again.X, problem.X)
    np.testing.assert_array_equal(again.y, problem.y)
    head = problem.head(n_features=10)
    assert type(head) is type(problem)
    assert (head.n_coefs, head.alphas.size) == (problem.n_coefs * 10 // problem.X.shape[1], 3)


def test_plain_peers_solve_the_same_problem(solved):
    problem, solvers, _ = solved
    for solver in solvers.values():
        if solver.package != "scikit-learn" or not solver.suits(problem):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coefs = solver.solve(problem, 1e-9)
        assert problem.gaps(coefs).max() < 1e-4


QUICK = [
    (name, peer)
    for name, (_, solvers) in SMALL.items()
    for peer, solver in solvers.items()
    if solver.package not in (OURS, "scikit-learn", "skglm")  # it compiles
    and solver.suits(SMALL[name][0].problem())
]


@pytest.mark.parametrize(("name", "peer"), QUICK)
def test_other_peers_solve_the_same_problem(name, peer):
    shape, solvers = SMALL[name]
    solver, problem = solvers[peer], shape.problem()
    if not solver.installed:
        pytest.skip(f"{solver.package} is not installed")
    coefs, seconds = timed(lambda: solver.solve(problem, 1e-8))
    excess = problem.objectives(coefs) - problem.objectives(solvers[OURS].solve(problem, 1e-8))
    assert excess.max() < 1e-6 * problem.null_objective
    assert seconds.cpu >= 0.0


@pytest.mark.parametrize("loss", COX, ids=lambda loss: loss.ties)
def test_partial_likelihood_is_the_sum_over_events(loss):
    y = np.array(
        [(True, 1.0), (True, 2.0), (True, 2.0), (False, 2.0), (True, 3.0), (False, 4.0)],
        dtype=[("event", bool), ("time", float)],
    )
    eta = np.random.default_rng(0).standard_normal(y.size)
    expected, weights = 0.0, np.exp(eta)
    for time in (1.0, 2.0, 3.0):
        tied = np.flatnonzero(y["event"] & (y["time"] == time))
        for place, i in enumerate(tied):
            share = place / tied.size if loss.ties == "efron" else 0.0
            at_risk = weights[y["time"] >= time].sum() - share * weights[tied].sum()
            expected += np.log(at_risk) - eta[i]
    assert loss.means(y[:, None], eta[:, None])[0] == pytest.approx(expected / y.size)


@pytest.mark.parametrize("name", ["quantile-wide-0.5", "quantile-wide-0.8"])
def test_optima_of_quantiles_are_those_of_a_linear_program(name):
    shape, solvers = SMALL[name]
    problem = replace(shape.problem(), alphas=shape.problem().alphas[-1:])
    X, level, alpha = problem.X, problem.loss.level, problem.alphas[0]
    n, p = X.shape
    costs = np.concatenate([np.full(2 * p, alpha), np.full(n, level / n)])
    costs = np.append(costs, np.full(n, (1 - level) / n))
    program = linprog(costs, A_eq=np.hstack([X, -X, np.eye(n), -np.eye(n)]), b_eq=problem.y)
    found = problem.objectives(solvers[OURS].solve(problem, 1e-8))[0]
    assert found == pytest.approx(program.fun, rel=1e-9)


# --- Another process --------------------------------------------------------------------


def test_time_that_another_process_tells_counts():
    answer, seconds = timed(lambda: Told("answer", Seconds(2.0, 3.0)), count=4)
    assert (answer, seconds) == ("answer", Seconds(2.0, 3.0))


def test_packages_of_r_that_are_not_there_are_not_installed(monkeypatch):
    r.installed_version.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert r.installed_version("base") is None
    r.installed_version.cache_clear()


@pytest.mark.skipif(r.installed_version("base") is None, reason="R is not installed")
def test_r_keeps_the_problem_and_says_what_went_wrong():
    problem = SMALL["poisson-wide"][0].problem()
    try:
        told = r.evaluate("tol * crossprod(X, y) %*% t(alphas)", problem, 0.5)
        expected = 0.5 * np.outer(problem.X.T @ problem.y, problem.alphas)
        np.testing.assert_allclose(told.answer, expected, rtol=1e-12, atol=1e-12)
        with pytest.raises(RuntimeError, match="no such model"):
            r.evaluate("stop('no such model')", problem, 0.5)
        with pytest.raises(EOFError, match="ended"):
            r.evaluate("quit()", problem, 0.5)
        assert r.evaluate("cbind(alphas)", problem, 0.5).answer.shape == (5, 1)
    finally:
        r.close_all()


# --- Records ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", BENCHMARKS)
def test_recorded_results_are_full_runs(name):
    module, _ = BENCHMARKS[name]
    shapes = {shape.name: shape for shape in module.SHAPES}
    for recorded, entry in Record(RESULTS / f"{name}.json").entries.items():
        assert type(shapes[recorded])(**entry["design"]) == shapes[recorded]
        for result in entry["solvers"].values():
            assert result["status"] != "ok" or result["seconds"]["repeats"] >= 5
