"""The benchmarks: tolerances are chosen fairly, criteria are right, tables match results."""

import json
import math
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import lasso_path

from benchmarks import cold_start, comparison, logistic, logistic_peers, path, table
from benchmarks.__main__ import DOCUMENT, RESULTS, Options, main
from benchmarks.designs import Shape
from benchmarks.loss import LOGISTIC
from benchmarks.measure import Seconds, TimeLimitError, choose, interleave, ladder, time_limit
from benchmarks.peers import OURS, SOLVERS, Solver, any_problem
from benchmarks.record import Record, environment

SHAPES = path.SHAPES + logistic.SHAPES
LASSO, MCP, WIDE, LOGISTIC_MCP = (
    next(s.smoke() for s in SHAPES if s.name == name)
    for name in ("lasso-short", "mcp-wide", "logistic-wide", "logistic-mcp")
)


def installed(solvers, left_out=()):
    """Return what a plain installation of the package can run."""
    return {
        name: solver
        for name, solver in solvers.items()
        if solver.package in (OURS, "scikit-learn") and name not in left_out
    }


# --- Choosing a tolerance --------------------------------------------------------------


def test_ladder_is_even_and_includes_both_ends():
    rungs = ladder(1e-1, 1e-3)
    assert len(rungs) == 9
    assert (rungs[0], rungs[-1]) == (1e-1, 1e-3)
    np.testing.assert_allclose(np.divide(rungs[:-1], rungs[1:]), 10**0.25, rtol=0.01)


def test_choice_is_the_loosest_that_meets_the_target():
    tols = [1e-1, 1e-2, 1e-3, 1e-4]
    choice = choose(lambda tol: (tol**2, Seconds(1.0, 1.0)), tols, target=1e-6)
    assert (choice.status, choice.tol) == ("ok", 1e-3)
    assert [rung.tol for rung in choice.rungs] == [1e-1, 1e-2, 1e-3]


@pytest.mark.parametrize("reached", [1e-2, math.nan])
def test_missed_target_is_recorded_with_the_best(reached):
    choice = choose(lambda tol: (reached, Seconds(0.0, 0.0)), [1e-1, 1e-2], target=1e-6)
    assert (choice.status, choice.tol) == ("target missed", None)
    assert f"at best {reached:.1e}" in choice.detail


def test_hopeless_walk_ends():
    choice = choose(lambda tol: (1.0, Seconds(2.0, 2.0)), [1e-1] * 9, target=1e-6, patience=5.0)
    assert choice.status == "target missed"
    assert len(choice.rungs) == 3


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (TimeLimitError("more than 60 s"), "over the time limit", "60 s at tolerance 0.01"),
        (ValueError("int64\nindices"), "failed", "ValueError: int64 indices"),
    ],
)
def test_error_ends_the_walk_and_keeps_what_was_measured(error, status, said):
    def attempt(tol):
        if tol < 0.1:
            raise error
        return 1.0, Seconds(2.0, 2.0)

    choice = choose(attempt, [1e-1, 1e-2, 1e-3], target=1e-6)
    assert choice.status == status
    assert said in choice.detail
    assert [rung.tol for rung in choice.rungs] == [1e-1]


# --- Timing ----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="needs timer signals")
def test_time_limit_interrupts_and_is_lifted():
    def work(seconds):
        start = time.process_time()
        while time.process_time() - start < seconds:
            pass

    with pytest.raises(TimeLimitError, match=r"0\.05 s"), time_limit(0.05):
        work(10)
    work(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs timer signals")
@pytest.mark.parametrize("error", [None, ValueError("interrupted")])
def test_time_limit_is_told_whatever_becomes_of_the_interruption(error):
    def careless():
        try:
            time.sleep(10)
        except TimeLimitError:
            if error is not None:
                raise error from None

    with pytest.raises(TimeLimitError), time_limit(0.05):
        careless()
    with pytest.raises(ValueError, match="own"), time_limit(10):
        raise ValueError("own")


def test_interleave_takes_turns():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = interleave(functions, repeats=4, at_least=0.0)
    assert calls == list("abc" + "abc" + "bca" + "cab" + "abc")
    assert [len(times[name]) for name in "abc"] == [4, 4, 4]
    quick = []
    interleave({"quick": lambda: quick.append(0)}, repeats=1, at_least=1e-3)
    assert len(quick) > 10


# --- Criteria --------------------------------------------------------------------------


def test_criteria_at_zero():
    problem = LASSO.problem()
    zero = np.zeros((problem.X.shape[1], problem.alphas.size))
    np.testing.assert_allclose(problem.objectives(zero), problem.null_objective)
    expected = 1 - problem.alphas[-1] / problem.alphas[0]
    assert problem.violation(zero) == pytest.approx(expected)
    assert problem.gaps(zero)[0] == pytest.approx(0.0, abs=1e-12)


def test_criteria_at_a_lasso_solution():
    problem = LASSO.problem()
    _, coefs, gaps = lasso_path(problem.X, problem.y, alphas=problem.alphas, tol=1e-12)
    assert problem.violation(coefs) < 1e-5
    assert np.all(problem.gaps(coefs) * problem.null_objective <= gaps + 1e-12)
    worse = problem.objectives(coefs * 1.01)
    assert np.all(worse[1:] > problem.objectives(coefs)[1:])


def test_mcp_criteria_against_their_definition():
    problem = MCP.problem()
    rng = np.random.default_rng(0)
    b = rng.standard_normal(problem.X.shape[1]) * (rng.random(problem.X.shape[1]) < 0.3)
    alpha, gamma, size = problem.alphas[-1], problem.gamma, np.abs(b)
    penalty = np.where(
        size <= gamma * alpha, alpha * size - size**2 / (2 * gamma), gamma * alpha**2 / 2
    )
    residual = problem.y - problem.X @ b
    gradient = problem.X.T @ residual / problem.y.size
    slope = np.maximum(alpha - size / gamma, 0.0)
    distance = np.where(
        b == 0, np.maximum(np.abs(gradient) - alpha, 0), np.abs(gradient - np.sign(b) * slope)
    )
    last = replace(problem, alphas=problem.alphas[-1:])
    assert last.objectives(b[:, None])[0] == pytest.approx(
        (residual @ residual) / (2 * problem.y.size) + penalty.sum()
    )
    assert last.violation(b[:, None]) == pytest.approx(distance.max() / problem.null_gradient)


def test_logistic_criteria_against_their_definition():
    problem = LOGISTIC_MCP.problem()
    p = problem.X.shape[1]
    rng = np.random.default_rng(0)
    b = rng.standard_normal(p) * (rng.random(p) < 0.3)
    fit = problem.X @ b
    loss = np.where(problem.y == 1, np.log1p(np.exp(-fit)), np.log1p(np.exp(fit))).mean()
    alone = replace(problem, alphas=problem.alphas[-1:], gamma=None)
    alpha = alone.alphas[0]
    assert alone.objectives(b[:, None])[0] == pytest.approx(loss + alpha * np.abs(b).sum())
    y, fit, step = problem.y[:, None], fit[:, None], 1e-6
    slope = (alone.loss.means(y, fit + step) - alone.loss.means(y, fit - step)) / (2 * step)
    np.testing.assert_allclose(-alone.loss.residuals(y, fit).mean(axis=0), slope, rtol=1e-6)


def test_dual_of_the_logistic_loss_bounds_from_below():
    problem = WIDE.problem()
    solve = logistic_peers.SOLVERS["scikit-learn (liblinear)"].solve
    best = solve(problem, 1e-10)
    assert problem.violation(best) < 1e-6
    assert np.all(np.abs(problem.gaps(best)) < 1e-6)
    optimum = problem.objectives(best) / problem.null_objective
    rng = np.random.default_rng(0)
    for scale in (0.0, 0.01, 1.0, 100.0):
        coefs = best + scale * rng.standard_normal(best.shape)
        objectives = problem.objectives(coefs) / problem.null_objective
        gaps = problem.gaps(coefs)
        assert np.all(gaps >= objectives - optimum - 1e-12)
    zero = problem.gaps(np.zeros(best.shape))
    assert zero[0] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(zero) > 0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_designs_are_standardised_and_reproducible(shape):
    shape = shape.smoke()
    first, second = shape.problem(), shape.problem()
    X = first.X.toarray() if sparse.issparse(first.X) else first.X
    occupied = np.any(X != 0, axis=0)
    np.testing.assert_allclose((X[:, occupied] ** 2).mean(axis=0), 1.0)
    assert np.all(np.diff(first.alphas) < 0)
    np.testing.assert_array_equal(first.y, second.y)
    if first.loss is LOGISTIC:
        assert set(first.y) == {0.0, 1.0}
        assert 0.25 < first.y.mean() < 0.75
    if sparse.issparse(first.X):
        assert first.X.indices.dtype == first.X.indptr.dtype == np.int32
    else:
        assert first.X.flags.f_contiguous
        np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)


# --- Whole comparisons -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "solvers", "names"),
    [
        (LASSO, installed(SOLVERS), {OURS, "scikit-learn"}),  # no Gram matrix: p > n
        (
            WIDE,
            installed(logistic_peers.SOLVERS, left_out=["scikit-learn (saga)"]),  # slow
            {OURS, "scikit-learn (liblinear)"},
        ),
    ],
    ids=["squared", "logistic"],
)
def test_comparison_reaches_its_target(shape, solvers, names):
    entry = comparison.compare(shape, solvers, repeats=2)
    assert set(entry["solvers"]) == names
    assert entry["target"]["reference_gap"] < comparison.CERTIFIED
    target = entry["target"]["value"]
    for result in entry["solvers"].values():
        assert result["status"] == "ok"
        assert result["rungs"][-1]["reached"] <= target
        assert all(r["reached"] > target for r in result["rungs"][:-1])
        assert result["seconds"]["repeats"] == 2
        assert result["passes"]["median"] > 0
    assert entry["solvers"][OURS]["ratio"]["median"] == 1.0
    json.dumps(entry, allow_nan=False)


@pytest.mark.parametrize("shape", [MCP, LOGISTIC_MCP], ids=["squared", "logistic"])
def test_ours_is_as_stationary_as_the_best_peer(shape):
    def tight(problem, tol):
        return SOLVERS[OURS].solve(problem, 1e-10)

    solvers = {"tight": Solver("tight", "numpy", any_problem, tight), OURS: SOLVERS[OURS]}
    entry = comparison.compare(shape, solvers, repeats=1)
    peer, ours = (entry["solvers"][name] for name in solvers)
    assert ours["violation"] <= peer["violation"] < comparison.VIOLATION


def test_peers_that_cannot_be_used_stay_in_the_tables():
    def broken(problem, tol):
        raise RuntimeError("no such kernel")

    def careless(problem, tol):
        return np.zeros((problem.X.shape[1], problem.alphas.size))

    solvers = {
        OURS: SOLVERS[OURS],
        "absent": Solver("absent", "no-such-distribution", any_problem, broken),
        "broken": Solver("broken", "numpy", any_problem, broken),
        "careless": Solver("careless", "numpy", any_problem, careless),
    }
    entry = comparison.compare(LASSO, solvers, repeats=1)
    statuses = {name: result["status"] for name, result in entry["solvers"].items()}
    assert statuses == {
        OURS: "ok",
        "absent": "not installed",
        "broken": "failed",
        "careless": "target missed",
    }
    text = table.ratios({LASSO.name: entry}) + table.details({LASSO.name: entry})
    for words in ("not installed", "failed: RuntimeError: no such kernel", "target missed"):
        assert words in text


QUICK_PEERS = [n for n in logistic_peers.SOLVERS if n not in (OURS, "skglm")]  # it compiles


@pytest.mark.parametrize("name", QUICK_PEERS)
def test_logistic_peers_solve_the_same_problem(name):
    solver = logistic_peers.SOLVERS[name]
    if not solver.installed:
        pytest.skip(f"{solver.package} is not installed")
    for shape in (WIDE, next(s.smoke() for s in SHAPES if s.name == "logistic-counts")):
        problem = shape.problem().head(n_features=20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coefs = solver.solve(problem, 1e-9)
        assert problem.gaps(coefs).max() < 1e-4


def test_strengths_that_a_solver_leaves_out_miss_the_target():
    problem = WIDE.problem()
    coefs = logistic_peers.complete(np.ones((problem.X.shape[1], 2)), problem)
    assert coefs.shape == (problem.X.shape[1], problem.alphas.size)
    assert coefs[:, 2:].count_nonzero() == 0
    assert problem.gaps(coefs)[-1] > problem.suboptimality


def test_run_resumes_and_records_each_shape(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(path, "SOLVERS", {OURS: SOLVERS[OURS]})
    options = Options(output=tmp_path, repeats=1, smoke=True, resume=True, only=("mcp-wide",))
    path.run(options)
    first = (tmp_path / "path.json").read_text("utf-8")
    path.run(replace(options, only=("mcp-wide", "lasso-wide")))
    second = json.loads((tmp_path / "path.json").read_text("utf-8"))
    assert second["mcp-wide"] == json.loads(first)["mcp-wide"]
    assert list(second) == ["mcp-wide", "lasso-wide"]
    assert "recorded already" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="lasso-wide"):
        path.run(replace(options, only=("lasso-narrow",)))


def test_cold_start_counts_from_the_imports_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cold_start, "BASE", "import sys\n")
    monkeypatch.setattr(
        cold_start,
        "CASES",
        (
            cold_start.Case("works", "sys", "sum(i * i for i in range(10**6))"),
            cold_start.Case("fails", "sys", "raise SystemExit(1)"),
            cold_start.Case("absent", "no_such_module", ""),
        ),
    )
    cold_start.run(Options(output=tmp_path, repeats=2))
    entries = json.loads((tmp_path / "cold_start.json").read_text("utf-8"))
    cases = entries["first fit"]["cases"]
    assert cases["works"]["seconds"]["min"] > 0
    assert cases["fails"] == {"status": "failed"}
    assert cases["absent"] == {"status": "not installed"}
    assert "not installed" in table.cold_start(entries)


# --- Records, tables and the command line ----------------------------------------------


def test_record_round_trip(tmp_path):
    record = Record(tmp_path / "new" / "path.json")
    record.add("a", {"value": 1.5, "none": None, "environment": environment("python", [])})
    record.add("b", {"value": 2})
    again = Record(record.path)
    assert again.entries == record.entries
    again.add("a", {"value": 3})
    assert list(Record(record.path).entries.items()) == [
        ("a", {"value": 3}),
        ("b", {"value": 2}),
    ]
    assert [p.name for p in record.path.parent.iterdir()] == ["path.json"]


def test_environment_names_versions_and_no_paths():
    described = environment("python -m benchmarks path", ["no-such-distribution"])
    assert described["versions"]["numpy"] == np.__version__
    assert described["versions"]["no-such-distribution"] is None
    assert described["threads"]["numba"] >= 1
    assert str(Path.home()) not in json.dumps(described)


def test_tables_of_the_documentation_match_the_recorded_results():
    text = DOCUMENT.read_text("utf-8")
    assert text == table.render(text, RESULTS), "run: python -m benchmarks table"
    with pytest.raises(ValueError, match="no markers for the table 'path'"):
        table.render("# Benchmarks", RESULTS)


@pytest.mark.parametrize("name", ["path", "logistic"])
def test_recorded_results_are_full_runs(name):
    for shape, entry in Record(RESULTS / f"{name}.json").entries.items():
        recorded = Shape(**entry["design"])
        assert recorded == next(s for s in SHAPES if s.name == shape)
        for result in entry["solvers"].values():
            assert result["status"] != "ok" or result["seconds"]["repeats"] >= 5


def test_command_line_lists_the_benchmarks(capsys):
    main([])
    assert "cold_start" in capsys.readouterr().out


def test_smoke_run_leaves_the_results_alone(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(path, "run", asked.append)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # it sets numbers of threads
    main(["path", "--smoke"])
    main(["path", "--smoke", "--output", str(tmp_path)])
    main(["path"])
    folders = [options.output for options in asked]
    assert folders[0] not in (RESULTS, tmp_path)
    assert folders[1:] == [tmp_path, RESULTS]
    folders[0].rmdir()
