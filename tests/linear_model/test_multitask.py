"""Several responses on one design: rows of coefficients are shared."""

import cvxpy as cp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import MultiTaskElasticNet, MultiTaskLasso
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from sparsestat import (
    L0,
    L1,
    MCP,
    SCAD,
    CVDisplay,
    ElasticNet,
    GroupLasso,
    GroupMCP,
    LogSum,
    PathDisplay,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SparseGroupLasso,
    penalized_path,
)
from sparsestat._parallel import serial_blas
from sparsestat.linalg import DenseDesign
from sparsestat.linear_model import SelectionWarning
from sparsestat.penalties import TopK
from sparsestat.solvers import (
    MultiTaskProblem,
    alpha_grid,
    alpha_max,
    degrees_of_freedom,
    solve_path,
)

GROUPS = np.arange(20) % 7
PENALTIES = [
    L1(),
    ElasticNet(0.4),
    MCP(3.0),
    SCAD(3.7),
    LogSum(0.5),
    GroupLasso(GROUPS),
    GroupMCP(GROUPS),
]
K, P = 4, 20


@pytest.fixture(params=PENALTIES, ids=lambda penalty: type(penalty).__name__)
def penalty(request):
    return request.param


def draw(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, P)) + rng.standard_normal((n, 1)) + 1.0
    X[:, ::3] *= 4.0
    B = np.zeros((K, P))
    B[:, [0, 7, 14]] = rng.uniform(0.3, 1.0, (K, 3)) * rng.choice([-1, 1], (K, 3))
    Y = X @ B.T + 0.5 * rng.standard_normal((n, K)) + np.arange(K)
    return X, Y


@pytest.fixture(scope="module")
def data():
    return draw()


def norms_by(penalty, B):
    """Return the norms that the penalty is about, with their strengths at alpha = 1."""
    if not hasattr(penalty, "groups"):
        return penalty, np.linalg.norm(B, axis=0), np.ones(P)
    labels = np.array(penalty.groups)
    norms = [np.linalg.norm(B[:, labels == g]) for g in range(7)]
    return penalty.norm_penalty, np.array(norms), np.sqrt(np.bincount(labels))


def value_of(penalty, B, alpha):
    scalar, norms, roots = norms_by(penalty, B)
    return scalar.value(norms, alpha * roots).sum()


# --- beside scikit-learn, cvxpy, and the definition ------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n", [15, 80])
def test_lasso_and_elastic_net_are_scikit_learns(fit_intercept, n):
    X, Y = draw(n)
    for alpha in (0.02, 0.3, 1.5):
        for penalty, other in (
            (L1(), MultiTaskLasso(alpha)),
            (ElasticNet(0.4), MultiTaskElasticNet(alpha, l1_ratio=0.4)),
        ):
            other.set_params(fit_intercept=fit_intercept, tol=1e-14, max_iter=200_000)
            options = {"standardize": False, "fit_intercept": fit_intercept, "tol": 1e-11}
            model = PenalizedRegressor(alpha, penalty=penalty, **options)
            model.fit(X, Y)
            other.fit(X, Y)
            np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-8)
            np.testing.assert_allclose(model.intercept_, other.intercept_, atol=1e-8)
            assert model.coef_.shape == (K, P)
            assert model.intercept_.shape == (K,)
            np.testing.assert_array_equal(model.support_, np.flatnonzero(model.coef_[0]))


@pytest.mark.parametrize("labels", [None, GROUPS])
def test_convex_penalties_reach_cvxpys_optimum(data, labels):
    X, Y = data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    B, alpha = cp.Variable((K, P)), 0.2
    columns = [np.array([j]) for j in range(P)]
    if labels is not None:
        columns = [np.flatnonzero(labels == g) for g in range(7)]
    terms = sum(np.sqrt(c.size) * cp.norm(cp.vec(B[:, c], order="C")) for c in columns)
    loss = cp.sum_squares(Y - Y.mean(axis=0) - X @ B.T) / (2 * len(Y))
    program = cp.Problem(cp.Minimize(loss + alpha * terms + 0.05 / 2 * cp.sum_squares(B)))
    program.solve(solver="CLARABEL")
    penalty = L1() if labels is None else GroupLasso(labels)
    model = PenalizedRegressor(alpha, penalty=penalty, l2=0.05).fit(X, Y)
    assert abs(model.objective_ - program.value) <= 1e-7
    assert 0.0 <= model.dual_gap_ <= 1e-7
    np.testing.assert_allclose(model.coef_, B.value, atol=1e-4)


def pose(X, Y, penalty, **options):
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    design = DenseDesign(np.asfortranarray(X))
    weights = options.pop("weights", np.ones(P))
    return MultiTaskProblem(design, np.ascontiguousarray(Y.T), penalty, weights, **options)


def solve(problem, alphas, **options):
    options = {"tol": 1e-9, "max_iter": 10_000, **options}
    with serial_blas:  # threads would wait for each other
        return list(solve_path(problem, np.atleast_1d(alphas), **options))


def grid(problem, n_alphas=6, eps=0.02):
    return alpha_grid(alpha_max(problem, tol=1e-9, max_iter=1000), eps, n_alphas)


@pytest.mark.parametrize("n", [15, 30, 80])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_solutions_are_stationary_along_the_path(penalty, n, l2):
    X, Y = draw(n)
    problem = pose(X, Y, penalty, l2=l2)
    alphas = grid(problem)
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    scale = np.abs(Y.T @ X).max() / n
    for alpha, solution in zip(alphas, solve(problem, alphas), strict=True):
        assert solution.converged
        B = solution.coef
        Q = (Y - X @ B.T).T @ X / n - l2 * B
        scalar, norms, roots = norms_by(penalty, B)
        slopes = scalar.derivative(norms, alpha * roots)
        of = np.array(getattr(penalty, "groups", range(P)))
        t = np.where(norms > 0.0, norms, 1.0)
        rest = norms_by(penalty, Q - (slopes / t)[of] * B)[1]
        rest = np.where(norms > 0.0, rest, np.maximum(norms_by(penalty, Q)[1] - slopes, 0.0))
        np.testing.assert_allclose(solution.kkt_violation, rest.max() / scale, atol=1e-12)
        assert rest.max() / scale <= 1.001e-9
        value = ((Y - X @ B.T) ** 2).sum() / (2 * n) + l2 / 2 * (B**2).sum()
        value += value_of(penalty, B, alpha)
        np.testing.assert_allclose(solution.objective, value, rtol=1e-10)
    assert np.count_nonzero(solution.coef) > 0


def test_orthonormal_columns_have_the_closed_form(rng):
    n = 100
    X = np.linalg.qr(rng.standard_normal((n, P)))[0] * np.sqrt(n)
    X = np.linalg.qr(X - X.mean(axis=0))[0] * np.sqrt(n)
    Y = X @ rng.uniform(-2, 2, (P, K))
    for penalty in (L1(), MCP(3.0), SCAD(3.7)):
        (solution,) = solve(pose(X, Y, penalty), 1.5)
        Z = Y.T @ X / n
        norms = np.linalg.norm(Z, axis=0)
        np.testing.assert_allclose(
            solution.coef, Z * penalty.prox(norms, 1.0, 1.5) / norms, atol=1e-9
        )


def test_responses_may_be_rotated(penalty, data):
    """Norms know no axes: a rotation of the responses is one of the coefficients."""
    X, Y = data
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((K, K)))[0]
    one = PenalizedRegressor(0.2, penalty=penalty).fit(X, Y)
    other = PenalizedRegressor(0.2, penalty=penalty).fit(X, Y @ Q)
    np.testing.assert_allclose(Q.T @ one.coef_, other.coef_, atol=1e-7)
    np.testing.assert_allclose(Q.T @ one.intercept_, other.intercept_, atol=1e-6)


def test_the_same_response_twice_is_the_single_problem(data):
    """The norm of equal coefficients is root 2 times their size."""
    X, Y = data
    single = PenalizedRegressor(0.3, penalty=L1()).fit(X, Y[:, 0])
    double = PenalizedRegressor(0.3 * np.sqrt(2.0), penalty=L1()).fit(X, Y[:, [0, 0]])
    np.testing.assert_allclose(double.coef_, np.tile(single.coef_, (2, 1)), atol=1e-8)
    single = PenalizedRegressor(0.3, penalty=GroupLasso(GROUPS)).fit(X, Y[:, 0])
    double = PenalizedRegressor(0.3 * np.sqrt(2.0), penalty=GroupLasso(GROUPS))
    double.fit(X, Y[:, [0, 0]])
    np.testing.assert_allclose(double.coef_, np.tile(single.coef_, (2, 1)), atol=1e-8)


def test_alpha_max_is_where_the_first_row_enters(penalty, data):
    problem = pose(*data, penalty)
    largest = alpha_max(problem, tol=1e-9, max_iter=1000)
    above, below = solve(problem, [largest * (1 + 1e-6), largest * 0.99])
    assert not above.coef.any()
    assert below.coef.any()


def test_no_penalty_is_least_squares(data):
    X, Y = data
    model = PenalizedRegressor(0.0, penalty=MCP(3.0), fit_intercept=False).fit(X, Y)
    np.testing.assert_allclose(model.coef_.T, np.linalg.lstsq(X, Y)[0], atol=1e-7)
    X, Y = draw(15)
    model = PenalizedRegressor(0.0, penalty=L1()).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, atol=1e-5)


def test_degrees_of_freedom_are_the_divergence_of_the_fit(penalty):
    """By differences: the sum over numbers of d fit / d response, as Stein has it."""
    X, Y = draw(20)
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    l2 = 0.1

    def fit(Y):
        problem = MultiTaskProblem(
            DenseDesign(np.asfortranarray(X)),
            np.ascontiguousarray(Y.T),
            penalty,
            np.ones(P),
            l2=l2,
        )
        return problem, solve(problem, 0.3, tol=1e-12)[0]

    divergence, step = 0.0, 1e-5
    for i in range(20):
        for k in range(K):
            shift = np.zeros_like(Y)
            shift[i, k] = step
            up, down = (X @ fit(Y + side * shift)[1].coef.T for side in (1.0, -1.0))
            divergence += (up[i, k] - down[i, k]) / (2 * step)
    problem, solution = fit(Y)
    freedom = degrees_of_freedom(problem, 0.3, solution)
    assert 0.0 < freedom < np.count_nonzero(solution.coef)
    if penalty.convex:
        np.testing.assert_allclose(freedom, divergence, rtol=1e-4)
    else:
        assert freedom <= divergence * (1 + 1e-6)


# --- the estimator ---------------------------------------------------------------------


def test_sparse_single_precision_and_data_frames_are_the_same(penalty, data):
    X, Y = data
    model = PenalizedRegressor(0.2, penalty=penalty).fit(X, Y)
    again = PenalizedRegressor(0.2, penalty=penalty).fit(sparse.csr_array(X), Y)
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-6)
    low = PenalizedRegressor(0.2, penalty=penalty).fit(X.astype(np.float32), Y)
    assert low.coef_.dtype == low.intercept_.dtype == np.float32
    np.testing.assert_allclose(low.coef_, model.coef_, atol=1e-3)
    named = PenalizedRegressor(0.2, penalty=penalty).fit(
        pd.DataFrame(X, columns=[f"x{j}" for j in range(P)]), pd.DataFrame(Y)
    )
    np.testing.assert_array_equal(named.coef_, model.coef_)


def test_integer_weights_are_repeated_rows(penalty, data):
    X, Y = data
    counts = np.random.default_rng(0).integers(0, 4, len(Y))
    rows = np.repeat(np.arange(len(Y)), counts)
    weighted = PenalizedRegressor(0.2, penalty=penalty).fit(X, Y, sample_weight=counts)
    repeated = PenalizedRegressor(0.2, penalty=penalty).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-6)
    np.testing.assert_allclose(
        weighted.score(X, Y, sample_weight=counts), repeated.score(X[rows], Y[rows])
    )


def test_offsets_are_taken_off_and_added(data):
    X, Y = data
    offset = np.random.default_rng(0).standard_normal(Y.shape)
    plain = PenalizedRegressor(0.2, penalty=L1()).fit(X, Y - offset)
    model = PenalizedRegressor(0.2, penalty=L1()).fit(X, Y, offset=offset)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-10)
    np.testing.assert_allclose(model.predict(X, offset) - offset, plain.predict(X))
    with pytest.raises(ValueError, match="offset must have shape"):
        model.fit(X, Y, offset=offset[:, :2])
    with pytest.raises(ValueError, match="offset must have shape"):
        model.predict(X, offset[:, :2])


def test_penalty_weights_leave_out_and_leave_free(penalty, data):
    X, Y = data
    weights = np.where(GROUPS == 3, 0.0, 1.0)
    weights[GROUPS == 0] = np.inf
    model = PenalizedRegressor(0.2, penalty=penalty, penalty_weights=weights).fit(X, Y)
    assert model.converged_
    assert model.coef_[:, GROUPS == 3].all()
    assert not model.coef_[:, GROUPS == 0].any()
    assert np.isnan(model.dual_gap_)


def test_predictions_and_scores_are_of_all_responses(data):
    X, Y = data
    model = PenalizedRegressor(0.2, penalty=L1()).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_.T + model.intercept_)
    expected = r2_score(Y, model.predict(X), multioutput="variance_weighted")
    np.testing.assert_allclose(model.score(X, Y), expected)
    assert cross_val_score(model, X, Y, cv=3).min() > 0.8


def test_constant_columns_and_responses(penalty, data):
    X, Y = data
    X, Y = X.copy(), Y.copy()
    X[:, 7], Y[:, 1] = 3.0, 2.0
    model = PenalizedRegressor(0.2, penalty=penalty).fit(X, Y)
    assert model.converged_
    assert not model.coef_[:, 7].any()
    np.testing.assert_allclose(model.coef_[1], 0.0, atol=1e-9)
    np.testing.assert_allclose(model.intercept_[1], 2.0)
    Y[:] = 2.0
    assert not model.fit(X, Y).coef_.any()


def test_a_warm_start_begins_at_the_solution(penalty, data):
    X, Y = data
    model = PenalizedRegressor(0.2, penalty=penalty, warm_start=True).fit(X, Y)
    coef = model.coef_
    np.testing.assert_allclose(model.fit(X, Y).coef_, coef, atol=1e-10)
    assert model.n_iter_ == 1
    with pytest.raises(ValueError, match="warm_start=True needs as many"):
        model.fit(X, Y[:, :2])


def test_paths_come_one_a_response(penalty, data):
    X, Y = data
    paths = penalized_path(X, Y, penalty=penalty, alphas=[0.5, 0.1])
    assert len(paths) == K
    for a, alpha in enumerate([0.5, 0.1]):
        model = PenalizedRegressor(alpha, penalty=penalty).fit(X, Y)
        if penalty.convex:
            for k, path in enumerate(paths):
                np.testing.assert_allclose(
                    path.coefs.toarray()[:, a], model.coef_[k], atol=1e-6
                )
                np.testing.assert_allclose(path.intercepts[a], model.intercept_[k], atol=1e-6)
            np.testing.assert_allclose(paths[0].objectives[a], model.objective_)
    predicted = np.stack([path.predict(X)[:, 1] for path in paths], axis=1)
    assert predicted.shape == Y.shape


@pytest.mark.parametrize("criterion", ["cv", "aic", "bic", "ebic"])
def test_strengths_are_chosen_from_the_data(penalty, data, criterion):
    X, Y = data
    model = PenalizedRegressorCV(20, eps=0.01, penalty=penalty, criterion=criterion).fit(X, Y)
    assert {0, 7, 14} <= set(model.support_)
    assert model.coef_.shape == (K, P)
    assert len(model.path_) == K
    assert model.score(X, Y) > 0.9
    np.testing.assert_allclose(model.predict(X), X @ model.coef_.T + model.intercept_)
    if criterion != "cv":
        assert model.degrees_of_freedom_[0] == K
    chosen = np.flatnonzero(model.alphas_ == model.alpha_)[0]
    np.testing.assert_allclose(model.path_[2].coefs.toarray()[:, chosen], model.coef_[2])


def test_criteria_are_those_of_a_normal_likelihood_of_all_numbers(data):
    X, Y = data
    model = PenalizedRegressorCV(8, eps=0.05, penalty=L1(), criterion="bic").fit(X, Y)
    for a in range(8):
        fitted = np.stack([path.predict(X)[:, a] for path in model.path_], axis=1)
        variance = ((Y - fitted) ** 2).mean()
        expected = Y.size * (np.log(2 * np.pi * variance) + 1)
        expected += model.degrees_of_freedom_[a] * np.log(Y.size)
        np.testing.assert_allclose(model.criterion_[a], expected)


def test_cross_validated_scores_are_minus_the_mean_loss(data):
    X, Y = data
    offset = 0.1 * np.random.default_rng(0).standard_normal(Y.shape)
    alphas = np.array([0.5, 0.1])
    cv = [(np.arange(40, 80), np.arange(40)), (np.arange(40), np.arange(40, 80))]
    model = PenalizedRegressorCV(alphas, penalty=L1(), cv=cv).fit(X, Y, offset=offset)
    for f, (train, test) in enumerate(cv):
        for a, alpha in enumerate(alphas):
            part = PenalizedRegressor(alpha, penalty=L1())
            part.fit(X[train], Y[train], offset=offset[train])
            losses = (Y[test] - part.predict(X[test], offset[test])) ** 2 / 2
            expected = -losses.sum(axis=1).mean()
            np.testing.assert_allclose(model.cv_results_["test_scores"][f, a], expected)
    scored = PenalizedRegressorCV(alphas, penalty=L1(), cv=cv, scoring="r2").fit(X, Y)
    assert scored.cv_results_["mean_test_score"].max() > 0.8


def test_paths_are_drawn_by_response(data):
    X, Y = data
    model = PenalizedRegressorCV(5, eps=0.1, penalty=L1()).fit(X, Y)
    display = PathDisplay.from_estimator(model, target=2)
    np.testing.assert_array_equal(display.coefs, model.path_[2].coefs.toarray())
    CVDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="target must be one of the responses"):
        PathDisplay.from_estimator(model)
    plt.close("all")


def test_parameters_are_searched_and_cloned(data):
    X, Y = data
    search = GridSearchCV(
        PenalizedRegressor(penalty=MCP(3.0)), {"alpha": [0.1, 1.0], "penalty__gamma": [1.5, 3]}
    )
    search.fit(X, Y)
    assert search.predict(X).shape == Y.shape
    assert clone(search.best_estimator_).get_params()["penalty__gamma"] in (1.5, 3)


def test_refits_come_one_a_response(data):
    X, Y = data
    model = PenalizedRegressor(0.5, penalty=MCP(3.0)).fit(X, Y)
    with pytest.warns(SelectionWarning):
        results = model.refit(X, Y)
    columns = np.column_stack([np.ones(len(X)), X[:, model.support_]])
    expected = np.linalg.lstsq(columns, Y)[0]
    for k, result in enumerate(results):
        np.testing.assert_allclose(np.sort(result.params), np.sort(expected[:, k]), atol=1e-8)
    with pytest.raises(ValueError, match="offset needs one response"):
        model.refit(X, Y, offset=np.zeros_like(Y))


def test_one_column_is_one_response(data):
    X, Y = data
    with pytest.warns(UserWarning, match="column-vector y"):
        model = PenalizedRegressor(0.2).fit(X, Y[:, :1])
    assert model.coef_.shape == (P,)


def test_what_does_not_fit_is_said(data):
    X, Y = data
    for wrong, message in (
        ({"loss": "huber"}, r"several responses needs squared error. Got loss HuberLoss"),
        ({"positive": True}, "bounds of the coefficients go with one response"),
        ({"bounds": (-1.0, 1.0)}, "bounds of the coefficients go with one response"),
        ({"penalty": SparseGroupLasso(GROUPS)}, "goes with one response"),
        ({"penalty": L0()}, "have a slope at zero, and L0.. jumps"),
        ({"penalty": TopK(3)}, "of the coefficients of a feature, not TopK"),
        ({"solver": "gram"}, "it takes squared error, not squared error of several responses"),
        ({"solver": "accelerated"}, "it takes one response"),
        ({"solver": "prox_newton"}, "squared error has solvers of its own"),
    ):
        with pytest.raises(ValueError, match=message):
            PenalizedRegressor(0.1, **wrong).fit(X, Y)
    with pytest.raises(ValueError, match="several responses needs squared error"):
        penalized_path(X, np.abs(Y), loss="poisson")
    with pytest.raises(ValueError, match="y"):
        PenalizedRegressor(0.1).fit(X, Y[:-1])
    Y = Y.copy()
    Y[3, 1] = np.nan
    with pytest.raises(ValueError, match="y contains NaN"):
        PenalizedRegressor(0.1).fit(X, Y)
