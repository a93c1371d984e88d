"""Best subsets: against all subsets, where there are few, and by the optimality conditions."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from oracles import Logistic
from posed import POSED, Sample, logistic, scale_of, squares, written_out
from scipy import sparse
from scipy.optimize import lsq_linear

from sparsestat import L0, L1, MCP
from sparsestat.datasets import make_sparse_regression
from sparsestat.linalg import CentredSparseDesign, DenseDesign, OperatorDesign
from sparsestat.penalties import NM, GroupTopK, KSupport, TopK
from sparsestat.solvers import (
    SOLVERS,
    SUBSET,
    LeastSquaresProblem,
    Status,
    best_subsets,
)
from sparsestat.solvers.composite import JointTerm
from sparsestat.solvers.exchange import exchanges
from sparsestat.solvers.search import Search
from sparsestat.solvers.stepwise import StepwiseSearch, search_of
from sparsestat.solvers.support import LIKELY, Units, support_model
from sparsestat.solvers.tableau import COLLINEAR, Prices, follow_exchanges, tableau

TOL = 1e-9


def solve(problem, alphas=1.0, tol=TOL, max_iter=1000, start=None):
    assert SUBSET.refuses(problem) is None
    options = {"scale": scale_of(problem), "tol": tol, "max_iter": max_iter, "start": start}
    return list(SUBSET.path(problem, np.atleast_1d(alphas), **options))


def least_over(problem, supports, l2=0.0):
    """Return the least of half the mean squared error plus ridge over each support."""
    X, y = problem.design.columns.T, problem.y
    n = len(y)
    root = np.sqrt(n * l2) * np.eye(X.shape[1])
    rows, target = np.vstack([X, root]), np.r_[y, np.zeros(X.shape[1])]
    values = []
    for support in supports:
        part = rows[:, support]
        bounds = (problem.lower[support], problem.upper[support])
        if np.isfinite(bounds).any():
            w = lsq_linear(part, target, bounds, method="bvls", tol=1e-14).x
        else:
            w = np.linalg.lstsq(part, target)[0] if support else np.zeros(0)
        values.append(np.sum((target - part @ w) ** 2) / (2 * n))
    return np.array(values)


def correlated(seed, n=40, p=10, k=3, rho=0.7):
    data = make_sparse_regression(n, p, k, rho=rho, snr=2.0, random_state=seed)
    X = data.X - data.X.mean(axis=0)
    X /= np.sqrt((X**2).mean(axis=0))
    return np.asfortranarray(X), data.y - data.y.mean()


def pose(seed, penalty, weights=None, **options):
    X, y = correlated(seed)
    weights = np.ones(X.shape[1]) if weights is None else weights
    return LeastSquaresProblem(DenseDesign(X), y, penalty, weights, **options)


def subsets(p, k):
    return [list(s) for s in itertools.combinations(range(p), k)]


# --- the best of all, where all can be listed -----------------------------------------


def test_nearly_all_best_subsets_are_found_of_all_sizes():
    found, total = 0, 0
    for seed in range(12):
        problem = pose(seed, TopK(1))
        sizes = [5, 2, 1, 3, 4]
        solutions = best_subsets(
            problem, sizes, scale=scale_of(problem), tol=TOL, max_iter=1000
        )
        for k, solution in zip(sizes, solutions, strict=True):
            assert solution.status is Status.CONVERGED
            least = least_over(problem, subsets(10, k)).min()
            assert solution.objective >= least * (1 - 1e-10)
            assert np.count_nonzero(solution.coef) == k
            found += solution.objective <= least * (1 + 1e-10)
            total += 1
    assert found >= 0.95 * total


CASES = [
    (TopK(3), {}),
    (TopK(3), {"l2": 0.2}),
    (TopK(2), {"weights": np.r_[0.0, np.inf, np.full(8, 3.0)]}),
    (TopK(3), {"lower": 0.0}),
    (TopK(3), {"lower": -0.3, "upper": 0.4}),
    (GroupTopK(np.arange(10) // 2, 2), {}),
    (GroupTopK([0, 0, 0, 1, 1, 2, 2, 2, 2, 3], 2), {"l2": 0.1}),
    (NM(1, 2), {}),
    (NM(2, 5), {"lower": 0.0}),
]


def allowed(problem):
    """Return all supports that a constraint allows, unpenalised features always in."""
    p = problem.n_features
    penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
    for kept in itertools.product([False, True], repeat=int(penalised.sum())):
        mask = np.zeros(p)
        mask[penalised] = kept
        if problem.penalty.value(mask, 1.0) == 0.0:
            yield np.flatnonzero((mask > 0.0) | (problem.weights == 0.0)).tolist()


@pytest.mark.parametrize(("constraint", "options"), CASES, ids=str)
def test_constrained_minima_are_found(constraint, options):
    found = 0
    for seed in range(6):
        problem = pose(seed, constraint, **options)
        (solution,) = solve(problem)
        assert solution.status is Status.CONVERGED
        assert solution.kkt_violation <= TOL
        least = least_over(problem, list(allowed(problem)), problem.l2).min()
        assert solution.objective >= least * (1 - 1e-8)
        found += solution.objective <= least * (1 + 1e-8)
        penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
        assert constraint.value(np.where(penalised, solution.coef, 0.0), 1.0) == 0.0
        assert not solution.coef[np.isinf(problem.weights)].any()
    assert found >= 5


def pursued(problem):
    """Return the model that hard thresholding pursuit ends with."""
    search = Search(problem, 1e-10, 1000)
    rule = search.rule(problem.penalty, 1.0)
    nothing = search.of(np.zeros(problem.n_features), rule)
    *_, last = search.pursue(nothing, rule, JointTerm(problem, 1.0))
    return last


def test_the_exchanges_find_what_hard_thresholding_does_not():
    """On correlated columns pursuit is seldom right, the whole nearly always."""
    hard = polished = 0
    for seed in range(20):
        X, y = correlated(seed, p=12, rho=0.9)
        problem = LeastSquaresProblem(DenseDesign(X), y, TopK(3), np.ones(12))
        least = least_over(problem, subsets(12, 3)).min()
        hard += pursued(problem).objective <= least * (1 + 1e-9)
        polished += solve(problem)[0].objective <= least * (1 + 1e-9)
    assert polished >= 18
    assert hard <= 0.6 * polished


@pytest.mark.parametrize("weights", [None, "mixed"])
def test_the_l0_penalty_is_minimised(weights):
    found = improved = 0
    v = np.ones(10)
    if weights == "mixed":
        v[:5] = 2.0
        v[7], v[8] = 0.0, np.inf
    for seed in range(8):
        problem = pose(seed, L0(), v)
        options = {"scale": scale_of(problem), "tol": TOL, "max_iter": 1000}
        alphas = scale_of(problem) ** 2 * np.array([0.2, 0.05, 0.02])
        coordinatewise = SOLVERS["working_set"].path(problem, alphas, **options)
        kept = np.flatnonzero(np.isfinite(v) & (v > 0.0))
        supports = [
            [*np.flatnonzero(v == 0.0).tolist(), *kept[list(s)].tolist()]
            for k in range(kept.size + 1)
            for s in itertools.combinations(range(kept.size), k)
        ]
        losses = least_over(problem, supports)
        counts = np.array([v[s].sum() for s in supports])
        for alpha, base, solution in zip(
            alphas, coordinatewise, solve(problem, alphas), strict=True
        ):
            assert solution.status is Status.CONVERGED
            assert solution.objective <= base.objective * (1 + 1e-12)
            least = (losses + alpha * counts).min()
            assert solution.objective >= least * (1 - 1e-10)
            found += solution.objective <= least * (1 + 1e-10)
            improved += base.objective > least * (1 + 1e-10)
    assert found >= 23  # of 24
    assert improved >= 3


@pytest.mark.parametrize("constraint", [TopK(2), GroupTopK(np.arange(8) // 2, 1), NM(1, 4)])
def test_logistic_minima_are_found(constraint):
    data = Sample(2, n=60, p=8)
    problem = logistic(data, constraint, l2=0.05)
    (solution,) = solve(problem, tol=1e-8)
    assert solution.status is Status.CONVERGED
    model, least = written_out(data), np.inf
    for support in allowed(problem):
        part = Logistic(data.X[:, support], data.labels, True, data.weight, data.offset)
        b, b0 = newton(part, len(support))
        coef = np.zeros(8)
        coef[support] = b
        least = min(least, model.objective(coef, b0, L1(), 0.0, None, 0.05))
    np.testing.assert_allclose(solution.objective, least, rtol=1e-8)


def newton(model, k, l2=0.05):
    b = np.zeros(k + 1)
    for _ in range(30):
        r = model.residual(b[:k], b[k])
        ridge = np.append(np.full(k, l2), 0.0)
        gradient = np.append(-model.X.T @ r, -r.sum()) + ridge * b
        b -= np.linalg.solve(model.hessian(b[:k], b[k]) + np.diag(ridge), gradient)
    return b[:k], b[k]


@pytest.mark.parametrize("loss", POSED)
def test_minima_are_found_for_all_losses(loss):
    problem = POSED[loss](TopK(2), l2=0.01)
    p = problem.n_features
    (solution,) = solve(problem, tol=1e-8)
    assert solution.status is Status.CONVERGED
    assert np.count_nonzero(solution.coef) == 2
    options = {"scale": scale_of(problem), "tol": 1e-8, "max_iter": 1000}
    least = np.inf
    for support in subsets(p, 2):
        weights = np.full(p, np.inf)
        weights[support] = 0.0
        plain = replace(problem, penalty=L1(), weights=weights)
        (fit,) = SOLVERS["prox_newton"].path(plain, [1.0], **options)
        least = min(least, fit.objective)
    np.testing.assert_allclose(solution.objective, least, rtol=1e-8)
    groups = replace(problem, penalty=GroupTopK(np.arange(p) // 2, 2))
    (solution,) = solve(groups, tol=1e-8)
    assert solution.status is Status.CONVERGED


def test_logistic_l0_solutions_improve_on_those_of_coordinates():
    data = Sample(4, n=70, p=20)
    problem = logistic(data, L0(), l2=0.02)
    alphas = np.array([0.05, 0.02, 0.01])
    options = {"scale": scale_of(problem), "tol": 1e-8, "max_iter": 1000}
    base = list(SOLVERS["prox_newton"].path(problem, alphas, **options))
    solutions = solve(problem, alphas, tol=1e-8)
    for one, other in zip(base, solutions, strict=True):
        assert other.status is Status.CONVERGED
        assert other.objective <= one.objective + 1e-12


# --- the parts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "of", [np.arange(12), np.arange(12) // 3, np.r_[-1, np.arange(11) // 2]], ids=str
)
@pytest.mark.parametrize("pose", [squares, logistic])
def test_second_derivatives_and_exchanges_are_those_of_the_definitions(of, pose):
    data = Sample(1, n=50, p=12)
    problem, units = pose(data, TopK(2), l2=0.1), Units(of)
    model = support_model(problem, units, 1e-13, 1000)
    inside = np.zeros(units.count, dtype=bool)
    inside[[0, 2]] = True
    free = np.flatnonzero(of < 0)

    fit = model.fit(np.sort(np.r_[free, units.features(np.flatnonzero(inside))]), None)
    outside = np.flatnonzero(~inside)
    curvature = model.curvature(fit, outside)
    if pose is squares:
        H = data.X.T @ data.X / data.n
    else:
        full = written_out(data).hessian(model.coef(fit), fit.intercept)
        H = full[:-1, :-1] - np.outer(full[:-1, -1], full[-1, :-1]) / full[-1, -1]
    H += 0.1 * np.eye(12)
    np.testing.assert_allclose(curvature.rows, H[fit.features], atol=1e-12)
    for unit in outside:
        members = units.members[unit]
        members = members[members >= 0]
        block = curvature.blocks[unit][: members.size, : members.size]
        np.testing.assert_allclose(block, H[np.ix_(members, members)], atol=1e-12)
    q = model.pull(fit)
    c = H @ model.coef(fit) + q

    def least(chosen):
        """Return the least of the quadratic model over some units."""
        S = np.sort(np.r_[free, units.features(np.array(chosen, dtype=int))])
        return -0.5 * c[S] @ np.linalg.solve(H[np.ix_(S, S)], c[S])

    found, now = exchanges(units, inside, outside, fit, q, curvature), least([0, 2])
    for row, unit in enumerate(found.leaving):
        rest = [u for u in found.leaving if u != unit]
        np.testing.assert_allclose(found.losses[row], least(rest) - now, atol=1e-10)
        after = [least(rest) - least([*rest, j]) for j in found.entering]
        np.testing.assert_allclose(found.gains_after[row], after, atol=1e-8)
    gains = [now - least([0, 2, j]) for j in found.entering]
    np.testing.assert_allclose(found.gains, gains, atol=1e-8)
    if pose is squares:  # the model is exact
        other = model.fit(np.sort(np.r_[free, units.features(np.array([0, 2, 3]))]), None)
        np.testing.assert_allclose(fit.value - other.value, now - least([0, 2, 3]), atol=1e-10)


def test_no_single_exchange_helps():
    problem = pose(3, TopK(4))
    (solution,) = solve(problem)
    support = np.flatnonzero(solution.coef).tolist()
    swaps = [
        [*(s for s in support if s != i), j]
        for i in support
        for j in range(10)
        if j not in support
    ]
    assert (least_over(problem, swaps) >= solution.objective * (1 - 1e-12)).all()


def test_solutions_of_constraints_do_not_depend_on_the_strength_but_for_zero():
    problem = pose(0, TopK(2))
    solutions = solve(problem, [3.0, 0.0, 0.1])
    np.testing.assert_array_equal(solutions[0].coef, solutions[2].coef)
    full = np.linalg.lstsq(problem.design.columns.T, problem.y)[0]
    np.testing.assert_allclose(solutions[1].coef, full, atol=1e-8)
    assert all(s.converged for s in solutions)


def test_a_start_can_only_help():
    problem = pose(5, TopK(3))
    (cold,) = solve(problem)
    (warm,) = solve(problem, start=cold.coef)
    (astray,) = solve(problem, start=np.linspace(1.0, 2.0, 10))
    np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-12)
    assert astray.objective <= cold.objective * (1 + 1e-12)


def test_sparse_columns_give_what_dense_ones_give(rng):
    S = sparse.random_array((60, 30), density=0.3, rng=rng, format="csc")
    means = S.toarray().mean(axis=0)
    y = S @ np.where(np.arange(30) < 4, 2.0, 0.0) + 0.1 * rng.standard_normal(60)
    y -= y.mean()
    designs = (
        DenseDesign(np.asfortranarray(S.toarray() - means)),
        CentredSparseDesign(S, np.ones(60), means),
    )
    dense, centred = (
        solve(LeastSquaresProblem(design, y, TopK(4), np.ones(30)))[0] for design in designs
    )
    np.testing.assert_allclose(centred.coef, dense.coef, atol=1e-9)
    np.testing.assert_array_equal(np.flatnonzero(dense.coef), np.arange(4))


def test_models_grow_to_size_and_shrink(rng):
    problem = pose(1, TopK(6))
    search = Search(problem, 1e-10, 1000)
    rule = search.rule(TopK(6), 1.0)
    grown = search.grow(search.of(np.zeros(10), rule), rule)
    assert grown.inside.sum() == 6
    small = search.rule(TopK(2), 1.0)
    shrunk = search.shrink(grown, small)
    assert shrunk.inside.sum() == 2
    assert (shrunk.inside <= grown.inside).all()
    assert search.polish(shrunk, small).objective <= shrunk.objective
    assert search.spent() > 0 == search.spent()


def wide(seed, pose=squares, p=300, k=6):
    """Return a problem with more features than are looked at closely."""
    data = make_sparse_regression(80, p, k, rho=0.8, snr=4.0, random_state=seed)
    X = data.X - data.X.mean(axis=0)
    sample = Sample(seed, n=80, p=p)
    sample.X, sample.y = np.asfortranarray(X / X.std(axis=0)), data.y - data.y.mean()
    noise = np.random.default_rng(seed).standard_normal(80)
    sample.labels = (sample.y + noise > 0.0).astype(float)
    return pose(sample, TopK(k), l2=0.05)


def test_tableaus_follow_exchanges_to_where_none_helps():
    """What is kept from one model to the next is what the last model alone gives."""
    problem = wide(0)
    model = support_model(problem, Units(np.arange(300)), 1e-10, 1000)
    everything = np.arange(300)
    gram, c, curvatures = (
        model.gram(everything),
        problem.gradient_at_zero,
        problem.curvatures,
    )
    features = np.array([40, 3, 7, 250, 100, 8])
    kept = tableau(gram[features], c, curvatures, features, 8)
    room = 5.0  # one has to go
    prices = Prices(
        np.where(everything == 40, -np.inf, 0.0),  # has to stay
        COLLINEAR * curvatures,
        np.zeros(300, dtype=np.intp),
        np.array([6]),
        room,
        True,
    )
    k, n_moves, wanted = follow_exchanges(kept, 6, prices, gram, everything, 1e-12, 100)
    assert (k, wanted) == (5, -1)
    assert n_moves > 3
    found = kept.rows[:k]
    assert 40 in found
    fresh = tableau(gram[found], c, curvatures, found, 8)
    np.testing.assert_allclose(kept.T[:k], fresh.T[:k], atol=1e-9)
    np.testing.assert_allclose(kept.inverse[:k, :k], fresh.inverse[:k, :k], atol=1e-9)
    np.testing.assert_allclose(kept.w[:k], fresh.w[:k], atol=1e-10)
    np.testing.assert_allclose(kept.q, fresh.q, atol=1e-10)
    np.testing.assert_allclose(kept.schur, fresh.schur, atol=1e-9)
    np.testing.assert_array_equal(np.flatnonzero(kept.member), np.sort(found))


def test_stepwise_search_ends_where_no_exchange_of_the_general_search_helps():
    for seed in range(4):
        problem = wide(seed)
        search, plain = search_of(problem, 1e-10, 1000), Search(problem, 1e-10, 1000)
        assert isinstance(search, StepwiseSearch)
        rule = search.rule(problem.penalty, 1.0)
        nothing = search.of(np.zeros(300), rule)
        end = search.polish(search.climb(nothing, rule), rule)
        assert end.inside.sum() == 6
        again = plain.state(end.inside, rule)
        np.testing.assert_allclose(end.objective, again.objective, rtol=1e-11)
        assert plain.polish(again, rule).objective == again.objective


def test_paths_are_as_good_as_single_sizes():
    problem = wide(5)
    sizes = range(1, 13)
    options = {"scale": scale_of(problem), "tol": TOL, "max_iter": 1000}
    path = best_subsets(problem, sizes, **options)
    assert (np.diff([s.objective for s in path]) < 0.0).all()
    for k in (3, 6, 12):
        (single,) = solve(replace(problem, penalty=TopK(k)))
        assert path[k - 1].objective <= single.objective * (1 + 1e-12)


def test_exchanges_are_sought_among_the_features_that_promise_most():
    """The best exchange of all is among those of the features looked at closely."""
    found = total = 0
    for seed in range(6):
        problem = wide(seed, logistic)
        search = search_of(problem, 1e-10, 1000)
        rule = search.rule(problem.penalty, 1.0)
        state = search.climb(search.of(np.zeros(300), rule), rule)
        fit, outside = state.fit, np.flatnonzero(~state.inside)
        q = search.model.pull(fit)
        few = search.model.likely(fit, q, outside)
        assert few.size <= LIKELY < outside.size
        curvature = search.model.curvature(fit, outside)
        whole = exchanges(search.units, state.inside, outside, fit, q, curvature)
        falls = whole.gains_after - whole.losses[:, None]
        _, j = np.unravel_index(falls.argmax(), falls.shape)
        found += outside[j] in few
        total += 1
    assert found >= total - 1


def test_models_that_will_not_do_are_given_up():
    problem = wide(1, logistic)
    model = support_model(problem, Units(np.arange(300)), 1e-10, 1000)
    good = model.fit(np.array([1, 5, 9]), None)
    features = np.array([1, 5, 20])
    full = model.fit(features, good)
    least = full.value - 0.01
    early = model.fit(features, good, least)
    assert early.n_iter < full.n_iter
    assert least < full.value <= early.value


# --- degenerate data ------------------------------------------------------------------


def test_separated_classes_are_owned_up_to():
    data = Sample(0, n=30, p=6)
    data.labels = (data.X[:, 0] > 0.0).astype(float)
    (solution,) = solve(logistic(data, TopK(2)), tol=1e-6)
    assert solution.status is Status.UNBOUNDED
    assert np.isfinite(solution.coef).all()
    assert solution.coef[0] > 0.0


def test_collinear_and_constant_columns_end(rng):
    X = rng.standard_normal((30, 6))
    X = np.asfortranarray(np.hstack([X, X, -X[:, :2], np.zeros((30, 2))]))
    y = X[:, :3].sum(axis=1) + 0.1 * rng.standard_normal(30)
    for penalty in (TopK(3), TopK(16), NM(1, 2), GroupTopK(np.arange(16) // 2, 3), L0()):
        problem = LeastSquaresProblem(DenseDesign(X), y, penalty, np.ones(16))
        (solution,) = solve(problem, 0.05, tol=1e-7)
        assert solution.converged
        assert np.isfinite(solution.coef).all()


def test_degenerate_sizes_end():
    for X in (np.zeros((3, 2)), np.array([[2.0]]), np.array([[1.0, 2.0]])):
        y, p = X[:, 0] * 3.0 + 1.0, X.shape[1]
        for penalty, weights in (
            (TopK(1), np.ones(p)),
            (TopK(5), np.ones(p)),
            (TopK(1), np.zeros(p)),
            (TopK(1), np.full(p, np.inf)),
            (L0(), np.full(p, np.inf)),
        ):
            design = DenseDesign(np.asfortranarray(X))
            problem = LeastSquaresProblem(design, y, penalty, weights)
            (solution,) = SUBSET.path(problem, [0.1], scale=1.0, tol=TOL, max_iter=1000)
            assert solution.converged
            assert np.isfinite(solution.coef).all()


@pytest.mark.parametrize("penalty", [TopK(2), NM(1, 2), GroupTopK([0, 1, 1, 2], 1)], ids=str)
def test_excluded_features_take_no_room(rng, penalty):
    design = DenseDesign(np.asfortranarray(rng.standard_normal((20, 4))))
    weights = np.array([np.inf, 1.0, 1.0, 1.0])
    for y in (np.zeros(20), design.predict(np.array([9.0, 1.0, 0.0, 2.0]))):
        problem = LeastSquaresProblem(design, y, penalty, weights)
        (solution,) = SUBSET.path(problem, [0.1], scale=1.0, tol=TOL, max_iter=1000)
        assert solution.converged
        assert solution.coef[0] == 0.0
        assert np.count_nonzero(solution.coef) == (2 if y.any() else 0)


def test_refusals_say_why():
    for penalty in (MCP(3.0), KSupport(2)):
        assert "constraints on the support and L0" in SUBSET.refuses(pose(0, penalty))
    weighted = pose(0, TopK(2), np.arange(10) + 1.0)
    assert "must be equal" in SUBSET.refuses(weighted)
    assert SUBSET.refuses(replace(weighted, penalty=L0())) is None
    operator = replace(pose(0, TopK(2)), design=OperatorDesign(np.eye(40, 10)))
    assert "reads columns" in SUBSET.refuses(operator)
    assert "no bound" in SUBSET.refuses(POSED["Poisson"](L0()))
