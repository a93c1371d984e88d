"""Regularisation paths: every solver at the same accuracy, in one process.

Convex problems: a solver must come within `suboptimality` of the optimum, everywhere on
the path, in units of the objective at zero. Nonconvex ones have many stationary points:
a peer must reach VIOLATION, and this package as small a violation as the best of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks.designs import Shape
from benchmarks.measure import (
    FAILED,
    NOT_INSTALLED,
    OK,
    Choice,
    Seconds,
    TimeLimitError,
    choose,
    interleave,
    ladder,
    message,
    say,
    spread,
    time_limit,
    timed,
)
from benchmarks.peers import OURS, Solver
from benchmarks.problem import Problem
from benchmarks.record import Record, environment

__all__ = ["compare", "run"]

VIOLATION = 1e-4
# The tightest are for packages that mean the square of a difference.
TOLERANCES = ladder(1e-1, 1e-14)
TIGHT = 1e-10  # tolerance of the reference solution
CERTIFIED = 1e-8  # duality gap of the reference, far below what solvers must reach
LIMIT = 60.0  # seconds of one run, on the wall clock
SMOKE_LIMIT = 1.0
PATIENCE = 10  # a walk down the ladder ends after so many times the limit

PASS = "product X'r"

Accuracy = Callable[[Any], float]


def run(
    options: Any,
    name: str,
    shapes: Iterable[Shape],
    solvers: Mapping[str, Solver],
    limit: float = LIMIT,
) -> None:
    """Compare the solvers on the shapes asked for; record each shape once it is done."""
    names = [shape.name for shape in shapes]
    unknown = sorted(set(options.only) - set(names))
    if unknown:
        raise SystemExit(f"unknown shapes {unknown}; there are {names}")
    record = Record(options.output / f"{name}.json")
    packages = [solver.package for solver in solvers.values()]
    for shape in shapes:
        if options.only and shape.name not in options.only:
            continue
        if options.resume and shape.name in record.entries:
            say(f"{shape.name}: recorded already")
            continue
        with threadpool_limits(1):
            if options.smoke:
                entry = compare(shape.smoke(), solvers, options.repeats, SMOKE_LIMIT)
            else:
                entry = compare(shape, solvers, options.repeats, limit)
            entry["environment"] = environment(options.command, packages)
        record.add(shape.name, entry)
    say(f"written: {record.path}")


def compare(
    shape: Shape, solvers: Mapping[str, Solver], repeats: int, limit: float = LIMIT
) -> dict[str, Any]:
    """Give every solver its tolerance, then time all of them in turn."""
    say(f"{shape.name}: {shape.n_samples} x {shape.n_features}, {shape.design}")
    problem = shape.problem()
    suited = {name: solver for name, solver in solvers.items() if solver.suits(problem)}
    choices, usable = prepare(suited, problem)
    target: dict[str, Any] = {"measure": "violation", "value": VIOLATION}
    accuracy: Accuracy = problem.violation
    if problem.convex:
        optimum, gap = reference(usable, problem, limit)
        say(f"  reference: duality gap {gap:.1e} of the null objective")
        value = problem.suboptimality
        target = {"measure": "suboptimality", "value": value, "reference_gap": gap}
        accuracy = suboptimality(problem, optimum)
    chosen, answers = choose_all(usable, problem, accuracy, target["value"], limit)
    choices |= chosen
    times = time_all(usable, choices, problem, repeats)
    entries = {name: choice.as_dict() for name, choice in choices.items()}
    for name, coefs in answers.items():
        entries[name] |= quality(problem, coefs, answers.get(OURS))
        entries[name] |= timing(times, name)
        ratio = entries[name]["ratio"]
        text = f", {ratio['median']:.2f} x {OURS}" if ratio else ""
        say(f"  {name:<25} {entries[name]['seconds']['median']:.4f} s{text}")
    return {
        "design": asdict(shape),
        "target": target,
        "limit_seconds": limit,
        "product_seconds": spread(t.cpu for t in times[PASS]),
        "solvers": entries,
    }


def prepare(
    suited: Mapping[str, Solver], problem: Problem
) -> tuple[dict[str, Choice], dict[str, Solver]]:
    """Load and compile each solver on a small problem; return verdicts and what works."""
    small = problem.head()
    verdicts, usable = {}, {}
    for name, solver in suited.items():
        if not solver.installed:
            verdicts[name] = Choice(NOT_INSTALLED)
            continue
        try:
            with time_limit(LIMIT):
                timed(lambda solver=solver: solver.solve(small, 1e-3))
        except TimeLimitError:  # it may still solve the problem itself
            usable[name] = solver
        except Exception as error:  # whatever a peer raises is a result
            verdicts[name] = Choice(FAILED, detail=message(error))
            say(f"  {name:<25} {FAILED}: {message(error)}")
        else:
            usable[name] = solver
    return verdicts, usable


def reference(
    usable: Mapping[str, Solver], problem: Problem, limit: float
) -> tuple[np.ndarray, float]:
    """Return the best objectives found with a tight tolerance, and their duality gap.

    The gap bounds what any solver could still find. Solvers are asked one after the
    other until it leaves no doubt.
    """
    best = np.full(problem.alphas.size, problem.null_objective)
    bound = np.zeros(problem.alphas.size)
    gap = 1.0
    for solver in usable.values():
        try:
            with time_limit(limit):
                coefs, _ = timed(lambda solver=solver: solver.solve(problem, TIGHT))
        except Exception:  # over time, or failed: the next one may do
            continue
        objectives, gaps = problem.objectives(coefs), problem.gaps(coefs)
        best = np.minimum(best, objectives)
        bound = np.maximum(bound, objectives - gaps * problem.null_objective)
        gap = float((best - bound).max()) / problem.null_objective
        if gap <= CERTIFIED:
            break
    return best, gap


def suboptimality(problem: Problem, optimum: np.ndarray) -> Accuracy:
    def measure(coefs: Any) -> float:
        return float((problem.objectives(coefs) - optimum).max()) / problem.null_objective

    return measure


def choose_all(
    usable: Mapping[str, Solver],
    problem: Problem,
    accuracy: Accuracy,
    target: float,
    limit: float,
) -> tuple[dict[str, Choice], dict[str, Any]]:
    """Choose each solver's tolerance; return the choices and the answers they give.

    Ours comes last, since on nonconvex problems it has to do as well as the best peer.
    """
    choices: dict[str, Choice] = {}
    answers: dict[str, Any] = {}
    for name in sorted(usable, key=lambda name: name == OURS):
        if name == OURS and not problem.convex:
            reached = [c.rungs[-1].reached for c in choices.values() if c.status == OK]
            target = min([target, *reached])

        def attempt(tol: float, name: str = name) -> tuple[float, Seconds]:
            with time_limit(limit):
                coefs, seconds = timed(lambda: usable[name].solve(problem, tol))
            answers[name] = coefs
            return accuracy(coefs), seconds

        choice = choices[name] = choose(attempt, TOLERANCES, target, PATIENCE * limit)
        if choice.status != OK:
            answers.pop(name, None)
        last = choice.rungs[-1] if choice.rungs else None
        told = f"{last.reached:.1e} at tolerance {last.tol:g}" if last else ""
        say(f"  {name:<25} {choice.status}: {choice.detail or told}")
    return choices, answers


def time_all(
    usable: Mapping[str, Solver],
    choices: Mapping[str, Choice],
    problem: Problem,
    repeats: int,
) -> dict[str, list[Seconds]]:
    """Time every solver at its tolerance, and the product X'r that is the yardstick."""
    runs: dict[str, Callable[[], Any]] = {PASS: problem.product}
    for name, choice in choices.items():
        if choice.tol is not None:
            runs[name] = lambda solve=usable[name].solve, tol=choice.tol: solve(problem, tol)
    return interleave(runs, repeats)


def timing(times: Mapping[str, list[Seconds]], name: str) -> dict[str, Any]:
    """Summarise the times of one solver; ratios are taken within each round."""
    own = [t.cpu for t in times[name]]
    ours = [t.cpu for t in times.get(OURS, [])]
    products = [t.cpu for t in times[PASS]]
    return {
        "seconds": spread(own),
        "wall_seconds": spread(t.wall for t in times[name]),
        "ratio": spread(np.divide(own, ours)) if ours else None,
        "passes": spread(np.divide(own, products)),
    }


def quality(problem: Problem, coefs: Any, ours: Any) -> dict[str, Any]:
    """Describe an answer: violation, support at the end, objective beside ours."""
    excess = None
    if ours is not None:
        difference = problem.objectives(coefs) - problem.objectives(ours)
        excess = float(difference.mean()) / problem.null_objective
    last = sparse.csc_array(coefs)[:, [-1]]
    return {
        "violation": problem.violation(coefs),
        "nonzeros_last": int(last.count_nonzero()),
        "mean_objective_excess": excess,
    }
