"""Best subsets, nearly: pursuit and growth, Newton on the support, then exchanges.

Hard thresholding pursuit and greedy growth propose supports; on each the loss is minimised
by Newton's method; then single features (or groups) enter, leave or replace one another, the
best first by the quadratic model, as long as the objective falls. Where that ends no single
exchange is known to help: most often the solution is the best of all, though nothing proves
it. Along sizes or strengths, neighbours start one another.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from sparsestat.penalties import L0, SupportConstraint
from sparsestat.solvers.composite import JointTerm, joint_refusal
from sparsestat.solvers.problem import GLMProblem, MultiTaskProblem, Problem
from sparsestat.solvers.prox_newton import PROX_NEWTON
from sparsestat.solvers.result import Solution
from sparsestat.solvers.search import State
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.stepwise import search_of
from sparsestat.solvers.working_set import WORKING_SET

__all__ = ["SUBSET", "best_subsets"]


def subset_path(
    problem: Problem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a problem with a constraint on the support, or with the l0 penalty.

    For a constraint every strength but 0 means the same. For the l0 penalty the exchanges
    start at the solution of the coordinatewise solvers and at the support of the last
    strength, or at zero. `max_iter` bounds the epochs and Newton steps of each fit on a
    support, and the exchanges. Parameters and yields as
    :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    search = search_of(problem, 0.5 * tol * scale, max_iter)
    if isinstance(problem.penalty, SupportConstraint):
        yield from _constrained(search, alphas, start, scale, tol)
        return
    alphas = list(alphas)
    bases = _coordinatewise(problem).path(
        problem, alphas, scale=scale, tol=tol, max_iter=max_iter, start=start
    )
    last: State | None = None
    for alpha, base in zip(alphas, bases, strict=True):
        rule = search.rule(problem.penalty, alpha)
        starts = [search.of(base.coef, rule)]
        if last is None:
            starts.append(search.of(np.zeros(base.coef.size), rule))
        else:
            starts.append(search.state(last.inside, rule, last.fit))
        last = search.look_ahead(search.best(starts, rule), rule)
        yield search.solution(last, problem, alpha, scale, tol, search.spent())


def _constrained(search, alphas, start, scale, tol) -> Iterator[Solution]:
    problem, found = search.problem, {}
    for alpha in alphas:
        rule = search.rule(problem.penalty, alpha)
        if rule.room not in found:
            nothing = search.of(np.zeros(problem.n_features), rule)
            starts = _starts(search, problem, nothing, rule, start)
            found[rule.room] = search.detour(search.best(starts, rule), rule)
        yield search.solution(found[rule.room], problem, alpha, scale, tol, search.spent())


def _starts(search, problem, nothing, rule, start) -> Iterator[State]:
    """Yield the models from which the exchanges start."""
    yield search.climb(nothing, rule)
    if np.isfinite(rule.room):
        term = JointTerm(problem, 1.0)
        yield from search.pursue(nothing, rule, term)
        if start is not None and start.any():
            yield search.of(term.prox(start, 1.0), rule)


def best_subsets(
    problem: Problem,
    sizes: Sequence[int],
    *,
    scale: float,
    tol: float,
    max_iter: int,
) -> list[Solution]:
    """Return the best model found of each size: of so many features, or groups of them.

    Models grow from the smallest size to the largest, pursuit proposing others; then they
    shrink and grow into their neighbours as long as these are better for it.

    Parameters
    ----------
    problem : Problem
        Its penalty a TopK or GroupTopK, whose k gives way to the sizes.
    sizes : sequence of int
        Each >= 1, in any order.
    scale, tol, max_iter
        As for :func:`subset_path`.
    """
    search = search_of(problem, 0.5 * tol * scale, max_iter)
    penalty: Any = problem.penalty
    posed = {k: replace(problem, penalty=replace(penalty, k=k)) for k in sorted(sizes)}
    rules = {k: search.rule(posed[k].penalty, 1.0) for k in posed}
    spent = dict.fromkeys(posed, 0)
    found: dict[int, State] = {}
    nothing = last = search.of(np.zeros(problem.n_features), rules[min(posed)])
    full = False
    moving = set()  # models from which others may gain: all up to one that explains all
    for k, rule in rules.items():
        starts = [search.grow(last, rule)]
        if not full:
            starts += search.pursue(nothing, rule, JointTerm(posed[k], 1.0))
            moving.add(k)
        last = found[k] = search.best(starts, rule)
        full = full or search.is_exhausted(last)
        spent[k] += search.spent()
    if not full:  # the others have larger ones to learn from
        found[k] = search.detour(search.best([search.climb(nothing, rule)], rule, last), rule)
    _pass_on(search, rules, found, spent, moving)
    return [search.solution(found[k], posed[k], 1.0, scale, tol, spent[k]) for k in sizes]


def _pass_on(search, rules, found, spent, moving) -> None:
    """Let models shrink and grow into their neighbours in turn, as long as one gains."""
    up = list(pairwise(rules))
    down = [(b, a) for a, b in reversed(up)]
    for step, pairs in itertools.cycle([(search.shrink, down), (search.grow, up)]):
        better = set()
        for a, b in pairs:
            if a not in moving:
                continue
            state = search.best([step(found[a], rules[b])], rules[b], found[b])
            if search.is_lower(state, found[b]):
                found[b] = state
                moving.add(b)
                better.add(b)
            spent[b] += search.spent()
        moving = better
        if not moving:
            break


def _coordinatewise(problem: Problem) -> Solver:
    return PROX_NEWTON if isinstance(problem, GLMProblem) else WORKING_SET


def _refuses(problem: Problem) -> str | None:
    penalty = problem.penalty
    if isinstance(problem, MultiTaskProblem):
        return "it takes one response."
    if problem.without_columns:
        return problem.without_columns
    if isinstance(problem, GLMProblem) and not problem.loss.smooth:
        return f"it takes smooth losses, and {problem.loss} has a kink."
    if isinstance(penalty, SupportConstraint):
        return joint_refusal(problem)
    if not isinstance(penalty, L0):
        return f"it is for constraints on the support and L0, not for {penalty}."
    return _coordinatewise(problem).refuses(problem)


SUBSET = Solver(subset_path, _refuses)
