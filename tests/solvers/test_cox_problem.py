"""The problem of a Cox model: Hessians on either storage, bounds, endless directions."""

import numpy as np
import pytest
from scipy import sparse

from sparsestat import CEL0, L1, CoxLoss, Lq
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.solvers import CoxProblem, choose_solver, cox_problem

N, P = 30, 7


def records(rng, strata=2):
    y = np.empty(N, dtype=[("event", bool), ("time", float), ("stratum", int)])
    y["event"], y["time"] = rng.random(N) < 0.7, np.ceil(5.0 * rng.random(N))
    y["stratum"] = rng.integers(0, strata, N)
    return y


@pytest.fixture(params=["dense", "sparse"])
def pair(request, rng):
    """A problem, and the matrix of its design."""
    X = np.where(rng.random((N, P)) < 0.5, 0.0, rng.standard_normal((N, P)))
    centred = X - X.mean(axis=0)
    if request.param == "dense":
        design = DenseDesign(np.asfortranarray(centred))
    else:
        S = sparse.csc_array(X)
        design = CentredSparseDesign(S, np.ones(N), X.mean(axis=0), centred.std(axis=0))
    terms = {"sample_weight": rng.uniform(0.5, 1.5, N), "offset": rng.standard_normal(N)}
    loss = CoxLoss("efron")
    return CoxProblem(design, records(rng), L1(), np.ones(P), loss=loss, **terms), centred


def test_gradients_and_hessians_are_differences_of_the_loss(pair, rng):
    problem, X = pair
    b, h = rng.standard_normal(P), 1e-5
    q, H = problem.gradient(b, 0.0), problem.hessian(np.arange(P), b, 0.0)
    for j, e in enumerate(np.eye(P)):
        up, down = (problem.loss_at(b + side * h * e, 0.0) for side in (1.0, -1.0))
        np.testing.assert_allclose(-q[j], (up - down) / (2 * h), atol=1e-9)
        change = problem.gradient(b - h * e, 0.0) - problem.gradient(b + h * e, 0.0)
        np.testing.assert_allclose(H[j], change / (2 * h), atol=1e-8)
    np.testing.assert_allclose(H, H.T, atol=1e-14)
    eta = X @ b + problem.offset
    np.testing.assert_allclose(problem.loss_at(b, 0.0), problem.value(eta), rtol=1e-13)


@pytest.mark.parametrize("chunk", [1, 2 * N, 1 << 21])
def test_hessians_are_worked_out_row_by_row_as_features_come(pair, rng, chunk, monkeypatch):
    problem, _ = pair
    monkeypatch.setattr(cox_problem, "CHUNK", chunk)
    whole = problem.hessian(np.arange(P), np.zeros(P), 0.0)
    block = problem.design.block()
    features = np.array([4, 0, 6, 2, 5])
    block.append(features)
    bend = problem.bend(problem.null.eta)
    for new, old in (([0, 1, 2, 3, 4], []), ([3, 1], [0, 4]), ([2], [1, 0, 3])):
        rows = problem.hessian_rows(block, bend, np.array(new), np.array(old, dtype=int))
        expected = whole[np.ix_(features[new], features[old + new])]
        np.testing.assert_allclose(rows, expected, atol=1e-14)


def test_bounds_exceed_hessians(pair, rng):
    problem, _ = pair
    block = problem.design.block()
    block.append(np.arange(P))
    nothing = np.arange(0)
    for size in (0.0, 1.0, 30.0):
        b = size * rng.standard_normal(P)
        H = problem.hessian(np.arange(P), b, 0.0)
        assert (H.diagonal() <= problem.curvatures).all()
        bound = problem.bend_bound(problem.predictor(b, 0.0))
        B = problem.hessian_rows(block, bound, np.arange(P), nothing)
        assert np.linalg.eigvalsh(B - H)[0] >= -1e-12


def test_the_curvature_at_the_null_model_is_the_share_of_events(pair):
    problem, _ = pair
    share = np.average(problem.y["event"], weights=problem.sample_weight)
    assert problem.null_curvature == pytest.approx(share)


def test_a_direction_is_endless_if_events_go_the_furthest_of_all_at_risk(rng):
    y = records(rng, strata=1)
    design = DenseDesign(np.asfortranarray(rng.standard_normal((N, 1))))
    problem = CoxProblem(design, y, L1(), np.ones(1), loss=CoxLoss())
    eta = problem.null.eta
    # Tied events go equally far, those censored a little less than events before.
    along = -y["time"] - 0.1 * ~y["event"]
    assert problem.recedes(eta, along)
    assert problem.recedes(20.0 * along, along)
    assert not problem.recedes(eta, -along)
    assert not problem.recedes(eta, 0.0 * along)
    one = np.flatnonzero(y["event"])[0]
    assert not problem.recedes(eta, along - 0.01 * (np.arange(N) == one))
    assert not problem.is_flat(eta)
    assert problem.is_flat(20.0 * along)


def test_penalties_that_need_one_bound_for_all_columns_are_refused(pair):
    problem, _ = pair
    parts = {name: getattr(problem, name) for name in ("design", "y", "weights", "loss")}
    assert choose_solver(CoxProblem(penalty=Lq(0.5), **parts)) == "prox_newton"
    with pytest.raises(ValueError, match=r"CEL0\(\).*CoxLoss\(ties='efron'\) has no bound"):
        choose_solver(CoxProblem(penalty=CEL0(), **parts))
