"""Best subsets, nearly: hard thresholding, Newton on the support, then exchanges.

Hard thresholding and greedy growth propose supports; on each the loss is minimised by
Newton's method; then single features (or groups) enter, leave or replace one another, the
best first by the quadratic model, as long as the objective falls. Where that ends no single
exchange is known to help: most often the solution is the best of all, though nothing proves
it. Along sizes or strengths, neighbours start one another.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sparsestat.penalties import L0, SupportConstraint
from sparsestat.solvers.composite import JointTerm, joint_refusal
from sparsestat.solvers.hard_thresholding import harden
from sparsestat.solvers.problem import GLMProblem, MultiTaskProblem, Problem
from sparsestat.solvers.prox_newton import PROX_NEWTON
from sparsestat.solvers.result import Solution
from sparsestat.solvers.search import Search, State
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.working_set import WORKING_SET

__all__ = ["SUBSET", "best_subsets"]

# The stationarity violation at which hard thresholding ends, in units of the scale.
COARSE = 1e-3


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
    search = Search(problem, 0.5 * tol * scale, max_iter)
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
            starts = _starts(search, problem, rule, start, scale)
            found[rule.room] = search.best(starts, rule)
        yield search.solution(found[rule.room], problem, alpha, scale, tol, search.spent())


def _starts(search, problem, rule, start, scale) -> Iterator[State]:
    """Yield the models from which the exchanges start."""
    yield search.grow(search.of(np.zeros(problem.n_features), rule), rule)
    if np.isfinite(rule.room):
        yield search.of(harden(problem, None, COARSE * scale), rule)
        if start is not None and start.any():
            yield search.of(JointTerm(problem, 1.0).prox(start, 1.0), rule)


def best_subsets(
    problem: Problem,
    sizes: Sequence[int],
    *,
    scale: float,
    tol: float,
    max_iter: int,
) -> list[Solution]:
    """Return the best model found of each size: of so many features, or groups of them.

    Models grow from the smallest size to the largest, hard thresholding proposing others,
    and shrink again; the best of each size is kept.

    Parameters
    ----------
    problem : Problem
        Its penalty a TopK or GroupTopK, whose k gives way to the sizes.
    sizes : sequence of int
        Each >= 1, in any order.
    scale, tol, max_iter
        As for :func:`subset_path`.
    """
    search = Search(problem, 0.5 * tol * scale, max_iter)
    penalty: Any = problem.penalty
    posed = {k: replace(problem, penalty=replace(penalty, k=k)) for k in sorted(sizes)}
    rules = {k: search.rule(posed[k].penalty, 1.0) for k in posed}
    found: dict[int, State] = {}
    spent = dict.fromkeys(posed, 0)
    last = search.of(np.zeros(problem.n_features), next(iter(rules.values())))
    for k, rule in rules.items():
        hard = harden(posed[k], None, COARSE * scale)
        last = found[k] = search.best([search.grow(last, rule), search.of(hard, rule)], rule)
        spent[k] += search.spent()
    for k, rule in reversed(rules.items()):
        last = found[k] = search.best([search.shrink(last, rule)], rule, found[k])
        spent[k] += search.spent()
    return [search.solution(found[k], posed[k], 1.0, scale, tol, spent[k]) for k in sizes]


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
