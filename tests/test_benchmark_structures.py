"""Benchmarks of groups, several responses and sums to zero: their criteria, by brute force."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar

from benchmarks import constraints, groups, multitask
from benchmarks.constraints_peers import SOLVERS as CONTRASTS
from benchmarks.group_peers import SOLVERS as GROUPS
from benchmarks.group_peers import TASKS
from benchmarks.peers import OURS

CASES = [
    *((shape, GROUPS) for shape in groups.SHAPES),
    *((shape, TASKS) for shape in multitask.SHAPES),
    *((shape, CONTRASTS) for shape in constraints.SHAPES),
]


@pytest.fixture(params=CASES, ids=lambda case: case[0].name)
def case(request):
    shape, solvers = request.param
    problem = shape.smoke().problem()
    return problem, sparse.csc_array(solvers[OURS].solve(problem, 1e-9))


def test_our_answer_is_the_optimum(case):
    problem, coefs = case
    assert problem.violation(coefs) <= 1e-8
    if problem.convex:
        assert -1e-12 <= problem.gaps(coefs).max() <= 1e-8


def test_zero_is_an_answer_at_the_first_strength_alone(case):
    problem, coefs = case
    zeros = np.zeros(coefs.shape)
    assert np.abs(coefs[:, [0]]).max() <= 1e-8
    assert coefs[:, [1]].count_nonzero() > 0
    assert problem.violation(zeros) > 0.01
    if problem.convex:
        assert problem.gaps(zeros)[0] <= 1e-12 < problem.gaps(zeros)[1]


def test_no_way_from_the_answer_lowers_the_objective(case, rng):
    problem, coefs = case
    for _ in range(5):
        way = rng.standard_normal(coefs.shape[0]) * (rng.random(coefs.shape[0]) < 0.2)
        way -= way.mean() if isinstance(problem, constraints.ContrastProblem) else 0.0

        def last(length, way=way):
            moved = coefs.toarray() + length * way[:, None]
            return float(problem.objectives(moved)[-1])

        best = minimize_scalar(last, bounds=(-1e-2, 1e-2), method="bounded").fun
        assert best >= last(0.0) - 1e-10 * problem.null_objective
