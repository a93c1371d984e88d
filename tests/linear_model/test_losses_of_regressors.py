"""Huber's loss, the Poisson and the gamma loss in the regressors: what users see of them."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from scipy.optimize import minimize_scalar
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import (
    d2_pinball_score,
    d2_tweedie_score,
    make_scorer,
    mean_poisson_deviance,
    r2_score,
)
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import get_tags

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    ElasticNet,
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    Loss,
    Lq,
    PenalizedRegressor,
    PenalizedRegressorCV,
    PoissonLoss,
    QuantileLoss,
    penalized_path,
)
from sparsestat.losses import CoxLoss, MultinomialLoss, loss_of

N, P = 150, 8
COEF = np.array([0.6, 0.0, -0.4, 0.0, 0.3, 0.0, 0.0, 0.0])
LOSSES = ["huber", "poisson", "gamma"]
POSITIVE = ["poisson", "gamma"]


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(scope="module", name="X")
def design():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P)) @ (np.eye(P) + 0.2) + np.linspace(-1.0, 1.0, P)
    X[rng.random((N, P)) < 0.2] = 0.0
    X.flags.writeable = False
    return X


def respond(X, loss, offset=0.0):
    rng = np.random.default_rng(1)
    eta = X @ COEF + 0.4 + offset
    if loss == "huber":
        return eta + rng.standard_t(2.0, N)
    if loss == "poisson":
        return rng.poisson(np.exp(eta)).astype(float)
    return rng.gamma(2.0, np.exp(eta) / 2.0)


@pytest.fixture
def y(X, loss):
    return respond(X, loss)


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(2).uniform(0.2, 2.0, N)


@pytest.fixture(scope="module")
def offset():
    return 0.5 * np.cos(np.arange(float(N)))


def inverse_link(loss, eta):
    return eta if loss == "huber" else np.exp(eta)


def values(loss, y, eta, delta=1.345):
    """Return the losses, written out."""
    if loss == "poisson":
        return np.exp(eta) - y * eta
    if loss == "gamma":
        return y * np.exp(-eta) + eta
    r = np.abs(y - eta)
    return np.where(r <= delta, r**2 / 2, delta * r - delta**2 / 2)


def slopes(loss, y, eta, delta=1.345):
    """Return their derivatives."""
    if loss == "poisson":
        return np.exp(eta) - y
    if loss == "gamma":
        return 1.0 - y * np.exp(-eta)
    return np.clip(eta - y, -delta, delta)


# --- the problem ------------------------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_a_fit_solves_the_problem_of_the_guide(
    loss, X, y, weight, offset, fit_intercept, to_input
):
    """Objective and stationarity, with weights, offset, penalty weights, ridge and bounds."""
    alpha, l2, v = 0.05, 0.02, np.linspace(0.5, 2.0, P)
    v[1], v[3] = 0.0, np.inf
    low, high = np.full(P, -0.1), np.full(P, np.inf)
    high[0] = 0.2
    model = PenalizedRegressor(
        alpha,
        loss=loss,
        penalty=ElasticNet(0.5),
        l2=l2,
        penalty_weights=v,
        bounds=(low, high),
        fit_intercept=fit_intercept,
        tol=1e-10,
    ).fit(to_input(X), y, sample_weight=weight, offset=offset)
    assert model.converged_
    share, b = weight / weight.sum(), model.coef_
    means = share @ X if fit_intercept else np.zeros(P)
    scales = np.sqrt(share @ (X - means) ** 2)
    eta = X @ b + model.intercept_ + offset
    theta, strength = scales * b, alpha * np.where(np.isinf(v), 1.0, v)
    penalty = strength * (0.5 * np.abs(theta) + 0.25 * theta**2)
    objective = share @ values(loss, y, eta) + penalty.sum() + 0.5 * l2 * theta @ theta
    assert_allclose(model.objective_, objective, rtol=1e-12)
    r = share * slopes(loss, y, eta)
    if fit_intercept:
        assert abs(r.sum()) < 1e-12
    pull = -((X - means) / scales).T @ r - l2 * theta - 0.5 * strength * theta
    inside = (b > low) & (b < high) & (b != 0.0)
    assert_allclose(pull[inside], 0.5 * strength[inside] * np.sign(b[inside]), atol=1e-8)
    zero = (b == 0.0) & np.isfinite(v)
    assert (np.abs(pull[zero]) <= 0.5 * strength[zero] + 1e-8).all()
    assert (pull[b == high] >= 0.5 * strength[b == high]).all()
    assert (pull[b == low] <= -0.5 * strength[b == low]).all()
    assert b[0] == 0.2
    assert b[2] == -0.1
    assert b[3] == 0.0
    assert math.isnan(model.dual_gap_)  # feature 1 has no penalty


def test_the_gap_certifies_and_the_default_penalty_does_not(loss, X, y):
    convex = PenalizedRegressor(0.05, loss=loss, penalty=L1(), tol=1e-10).fit(X, y)
    assert 0.0 <= convex.dual_gap_ < 1e-9
    default = PenalizedRegressor(0.05, loss=loss).fit(X, y)
    named = PenalizedRegressor(0.05, loss=loss, penalty=MCP(3.0, adaptive=True)).fit(X, y)
    assert math.isnan(default.dual_gap_)
    assert_array_equal(default.coef_, named.coef_)


def test_a_ridge_is_scikit_learns_poisson_regression(X):
    y = respond(X, "poisson")
    ours = PenalizedRegressor(
        0.3, loss="poisson", penalty=ElasticNet(0.0), standardize=False, tol=1e-10
    ).fit(X, y)
    theirs = PoissonRegressor(alpha=0.3, tol=1e-10, solver="newton-cholesky").fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-8)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7)
    assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-9)


def test_units_of_the_response_are_taken_up(X):
    """By the intercept of a log link, and by delta."""
    y = respond(X, "gamma")
    plain = PenalizedRegressor(0.05, loss="gamma", penalty=L1(), tol=1e-10).fit(X, y)
    scaled = clone(plain).fit(X, 1000.0 * y)
    assert_allclose(scaled.coef_, plain.coef_, atol=1e-8)
    assert_allclose(scaled.intercept_, plain.intercept_ + math.log(1000.0), atol=1e-8)
    y = respond(X, "huber")
    plain = PenalizedRegressor(0.05, loss=HuberLoss(1.0), penalty=L1(), tol=1e-10).fit(X, y)
    scaled = clone(plain).set_params(alpha=50.0, loss__delta=1000.0).fit(X, 1000.0 * y)
    assert_allclose(scaled.coef_, 1000.0 * plain.coef_, atol=1e-6)


def test_a_large_delta_is_least_squares(X):
    y = respond(X, "huber")
    huber = PenalizedRegressor(0.05, loss=HuberLoss(1e3), penalty=L1(), tol=1e-10).fit(X, y)
    squares = PenalizedRegressor(0.05, penalty=L1(), tol=1e-10).fit(X, y)
    assert_allclose(huber.coef_, squares.coef_, atol=1e-8)


def test_an_outlier_hardly_pulls_a_huber_fit(X):
    y = respond(X, "huber")
    spoilt = y.copy()
    spoilt[3] = 1e6
    plain, robust = (PenalizedRegressor(0.05, loss="huber").fit(X, z) for z in (y, spoilt))
    assert_allclose(robust.coef_, plain.coef_, atol=0.1)
    assert np.abs(PenalizedRegressor(0.05).fit(X, spoilt).coef_).max() > 100.0


# --- prediction and score ---------------------------------------------------------------


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_predictions_are_on_the_scale_of_the_response(loss, X, y, offset, to_input):
    shifted = respond(X, loss, offset)
    for model in (
        PenalizedRegressor(0.05, loss=loss),
        PenalizedRegressorCV(5, eps=0.1, loss=loss, cv=3),
    ):
        model.fit(to_input(X), shifted, offset=offset)
        eta = X @ model.coef_ + model.intercept_
        assert_allclose(model.predict(to_input(X)), inverse_link(loss, eta))
        assert_allclose(model.predict(X, offset=offset), inverse_link(loss, eta + offset))
    path = penalized_path(X, y, loss=loss, penalty=L1(), alphas=5)
    expected = X @ path.coefs.toarray() + path.intercepts  # linear predictors, as it says
    assert_allclose(path.predict(X), expected)


def test_huge_predictors_give_numbers_or_infinity_without_a_warning(X):
    for loss in POSITIVE:
        y = respond(X, loss)
        double = PenalizedRegressor(0.05, loss=loss).fit(X, y)
        single = PenalizedRegressor(0.05, loss=loss).fit(X.astype(np.float32), y)
        assert np.isfinite(double.predict(1e6 * X)).all()
        assert np.isposinf(single.predict((1e6 * X).astype(np.float32))).any()
        assert np.isfinite(single.score(1e6 * X.astype(np.float32), y))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_is_the_share_of_loss_explained(loss, X, y, weight, weighted):
    given = {"sample_weight": weight} if weighted else {}
    model = PenalizedRegressor(0.1, loss=loss, penalty=L1()).fit(X, y, **given)
    score = model.score(X, y, **given)
    if loss == "huber":
        share = weight / weight.sum() if weighted else np.full(N, 1.0 / N)
        best = minimize_scalar(lambda c: share @ values(loss, y, c), options={"xtol": 1e-12})
        expected = 1.0 - share @ values(loss, y, model.predict(X)) / best.fun
    else:
        power = {"poisson": 1, "gamma": 2}[loss]
        expected = d2_tweedie_score(y, model.predict(X), power=power, **given)
    assert_allclose(score, expected, rtol=1e-9)
    assert 0.1 < score < 1.0


def test_the_score_of_squared_error_is_r2(X, weight):
    y = respond(X, "huber")
    model = PenalizedRegressor(0.1).fit(X, y)
    assert_allclose(model.score(X, y), r2_score(y, model.predict(X)), rtol=1e-12)
    expected = r2_score(y, model.predict(X), sample_weight=weight)
    assert_allclose(model.score(X, y, sample_weight=weight), expected, rtol=1e-12)


@pytest.mark.parametrize("quantile", [0.3, 0.5])
def test_the_score_of_quantiles_is_scikit_learns(X, weight, quantile):
    y = respond(X, "huber")
    model = PenalizedRegressor(0.05, loss=QuantileLoss(quantile)).fit(X, y)
    expected = d2_pinball_score(y, model.predict(X), alpha=quantile)
    assert_allclose(model.score(X, y), expected, rtol=1e-9)
    many = PenalizedRegressorCV(5, loss=model.loss, eps=0.1, cv=FOLDS).fit(X, y)
    assert 0.0 < many.score(X, y, sample_weight=weight) < 1.0
    assert not get_tags(many).target_tags.positive_only


@pytest.mark.parametrize("loss", ["squared_error", "quantile", *LOSSES])
def test_a_constant_is_explained_by_itself_alone(loss, X):
    for level in (1.0, 0.1, 1e5 / 3):
        model = PenalizedRegressor(0.1, loss=loss).fit(X, np.full(N, level))
        assert not model.coef_.any()
        assert model.score(X, np.full(N, level)) == 1.0
        assert model.score(X, np.full(N, 2.0 * level)) == 0.0
    rows = np.arange(N) < 50  # the others have no weight
    y = np.where(rows, 3.0, 4.0)
    model = PenalizedRegressor(0.1, loss=loss).fit(X, y, sample_weight=rows)
    assert model.score(X, y, sample_weight=rows) == 1.0


def test_a_score_needs_responses_and_weights_that_can_be(loss, X, y, weight):
    model = PenalizedRegressor(0.1, loss=loss).fit(X, y)
    for bad in (np.zeros(N), -weight, weight[:-1]):
        with pytest.raises(ValueError, match="sample_weight"):
            model.score(X, y, sample_weight=bad)
    if loss in POSITIVE:
        with pytest.raises(ValueError, match="y must be"):
            model.score(X, -y)


# --- responses that cannot be -----------------------------------------------------------

BAD = [("poisson", -1.0, "y must be nonnegative for PoissonLoss"), ("gamma", 0.0, "positive")]


@pytest.mark.parametrize(("loss", "value", "message"), BAD)
def test_a_bad_response_is_named_and_leaves_the_estimator_as_it_was(X, loss, value, message):
    y = respond(X, loss)
    bad = y.copy()
    bad[7] = value
    for model in (
        PenalizedRegressor(0.05, loss=loss),
        PenalizedRegressorCV(4, loss=loss, cv=2),
        PenalizedRegressorCV(4, loss=loss, criterion="aic"),
    ):
        with pytest.raises(ValueError, match=rf"{message}.* Got {value:g} in it"):
            model.fit(X, bad)
        assert pickle.dumps(model) == pickle.dumps(clone(model))
        model.fit(X, y)
        before = pickle.dumps(model)
        with pytest.raises(ValueError, match=message):
            model.fit(X[:, :3], bad)
        assert pickle.dumps(model) == before
    with pytest.raises(ValueError, match=message):
        penalized_path(X, bad, loss=loss)


@pytest.mark.parametrize(("loss", "value"), [row[:2] for row in BAD])
def test_a_bad_response_without_weight_does_not_matter(X, loss, value):
    bad = respond(X, loss)
    bad[7] = value
    given = np.arange(N) != 7
    model = PenalizedRegressor(0.05, loss=loss).fit(X, bad, sample_weight=given)
    expected = PenalizedRegressor(0.05, loss=loss).fit(X[given], bad[given])
    assert_allclose(model.coef_, expected.coef_, atol=1e-8)


@pytest.mark.parametrize("estimator", [PenalizedRegressor, PenalizedRegressorCV])
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("log_loss", r"The 'loss' parameter .* must be a str among .* Got 'log_loss'"),
        ("hubert", r"The 'loss' parameter .* must be a str among .* Got 'hubert'"),
        (
            LogisticLoss(),
            r"loss must be one for regression\. Got LogisticLoss\(\), for a class",
        ),
        (MultinomialLoss(), r"loss must be one for regression"),
        (CoxLoss(), r"loss must be one for regression\. Got CoxLoss\(.*\), for a time"),
        (HuberLoss, "The 'loss' parameter"),
    ],
    ids=str,
)
def test_losses_of_other_models_are_refused(X, estimator, loss, message):
    with pytest.raises(ValueError, match=message):
        estimator(loss=loss).fit(X, np.arange(float(N)))


@pytest.mark.parametrize("penalty", [L0(), Lq(0.5), CEL0()], ids=str)
def test_penalties_that_jump_are_refused_where_the_curvature_has_no_bound(X, penalty):
    for loss in [*POSITIVE, "quantile"]:
        model = PenalizedRegressor(0.05, loss=loss, penalty=penalty)
        wanted = r"depends, .* and (that of .* has no bound|QuantileLoss.* has none)"
        with pytest.raises(ValueError, match=wanted):
            model.fit(X, respond(X, loss if loss in POSITIVE else "huber"))
        assert not hasattr(model, "coef_")
    model = PenalizedRegressor(0.05, loss="huber", penalty=penalty).fit(X, respond(X, "huber"))
    assert model.converged_


def test_solvers_of_squares_refuse_other_losses(loss, X, y):
    for solver in ("gram", "working_set"):
        with pytest.raises(ValueError, match=rf"{solver}.*squared error"):
            PenalizedRegressor(0.1, loss=loss, solver=solver).fit(X, y)
    model = PenalizedRegressor(0.1, loss=loss, solver="prox_newton").fit(X, y)
    assert_array_equal(model.coef_, PenalizedRegressor(0.1, loss=loss).fit(X, y).coef_)


def test_tags_say_which_responses_a_loss_takes():
    class AtLeastOne(Loss):
        def check(self, y):
            if (y < 1.0).any():
                raise ValueError("y must be at least one.")

        def value(self, y, eta):
            return 0.5 * (y - eta) ** 2

        def gradient(self, y, eta):
            return eta - y

        def curvature(self, y, eta):
            return np.ones_like(y - eta)

    wanted = {"squared_error": False, "huber": False, "poisson": True, "gamma": True}
    for loss, positive in {**wanted, HuberLoss(3.0): False, AtLeastOne(): True}.items():
        for estimator in (PenalizedRegressor(loss=loss), PenalizedRegressorCV(loss=loss)):
            assert get_tags(estimator).target_tags.positive_only is positive
    assert not get_tags(PenalizedRegressor(loss="no such loss")).target_tags.positive_only


# --- cross-validation -------------------------------------------------------------------

FOLDS = KFold(3)


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_minus_mean_losses_of_the_held_out_rows(
    loss, X, y, weight, offset, weighted
):
    given = {"sample_weight": weight, "offset": offset} if weighted else {}
    model = PenalizedRegressorCV(5, loss=loss, penalty=L1(), eps=0.1, cv=FOLDS, tol=1e-10)
    model.fit(X, y, **given)
    for row, (train, test) in enumerate(FOLDS.split(X)):
        part = {name: numbers[train] for name, numbers in given.items()}
        path = penalized_path(
            X[train], y[train], loss=loss, penalty=L1(), alphas=model.alphas_, tol=1e-10, **part
        )
        eta = path.predict(X[test]) + (offset[test, None] if weighted else 0.0)
        share = weight[test] / weight[test].sum() if weighted else np.full(test.size, 0.02)
        expected = -share @ values(loss, y[test, None], eta)
        assert_allclose(model.cv_results_["test_scores"][row], expected, rtol=1e-6)
    assert model.alpha_ == model.alphas_[model.cv_results_["mean_test_score"].argmax()]


def test_scorers_get_predictions_not_their_logarithms(loss, X, y):
    model = PenalizedRegressorCV(4, loss=loss, penalty=L1(), eps=0.2, cv=FOLDS, scoring="r2")
    model.fit(X, y)
    (train, test), *_ = FOLDS.split(X)
    path = penalized_path(X[train], y[train], loss=loss, penalty=L1(), alphas=model.alphas_)
    expected = [r2_score(y[test], inverse_link(loss, eta)) for eta in path.predict(X[test]).T]
    assert_allclose(model.cv_results_["test_scores"][0], expected, rtol=1e-5, atol=1e-7)


def test_a_deviance_chooses_as_the_mean_loss_does(X):
    y = respond(X, "poisson")
    options = {"loss": "poisson", "penalty": L1(), "cv": FOLDS}
    deviance = make_scorer(mean_poisson_deviance, greater_is_better=False)
    plain = PenalizedRegressorCV(8, **options).fit(X, y)
    scored = PenalizedRegressorCV(8, scoring=deviance, **options).fit(X, y)
    named = PenalizedRegressorCV(8, scoring="neg_mean_poisson_deviance", **options).fit(X, y)
    half = 0.5 * scored.cv_results_["test_scores"]
    assert np.ptp(plain.cv_results_["test_scores"] - half, axis=1).max() < 1e-12
    assert plain.alpha_ == scored.alpha_ == named.alpha_


def test_scorers_can_ask_for_the_share_of_loss(loss, X, y):
    def share(estimator, X, y, sample_weight=None):
        return estimator.score(X, y, sample_weight)

    model = PenalizedRegressorCV(4, loss=loss, penalty=L1(), eps=0.2, cv=FOLDS, scoring=share)
    model.fit(X, y)
    (train, test), *_ = FOLDS.split(X)
    best = PenalizedRegressor(model.alphas_[-1], loss=loss, penalty=L1())
    expected = best.fit(X[train], y[train]).score(X[test], y[test])
    assert_allclose(model.cv_results_["test_scores"][0, -1], expected, rtol=1e-5)


def test_a_grid_search_tunes_the_shape_of_the_loss(X):
    y = respond(X, "huber")
    grid = {"loss__delta": [0.5, 1.0, 5.0], "alpha": [0.05, 0.2]}
    search = GridSearchCV(
        PenalizedRegressor(loss="huber", penalty=L1()), grid, cv=3, scoring="r2"
    ).fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 6
    best = search.best_params_
    assert search.best_estimator_.loss == HuberLoss(best["loss__delta"])
    by_hand = PenalizedRegressor(best["alpha"], loss=search.best_estimator_.loss, penalty=L1())
    assert_array_equal(search.best_estimator_.coef_, by_hand.fit(X, y).coef_)


def test_a_shared_loss_is_changed_for_one_owner_only():
    shared = HuberLoss(2.0)
    one, other = PenalizedRegressor(loss=shared), PenalizedRegressor(loss=shared)
    one.set_params(loss__delta=3.0)
    assert (one.loss, other.loss, shared) == (HuberLoss(3.0), HuberLoss(2.0), HuberLoss(2.0))
    with pytest.raises(ValueError, match="delta"):
        one.set_params(loss__delta=-1.0)
    assert one.loss == HuberLoss(3.0)
    assert clone(one).loss == HuberLoss(3.0)


# --- information criteria ---------------------------------------------------------------


def minus_two_log_likelihood(loss, y, eta, weight):
    """Return it by statsmodels' families, that of the gamma family with its best shape."""
    mean = np.exp(eta)
    if loss == "poisson":
        return -2.0 * sm.families.Poisson().loglike(y, mean, freq_weights=weight)

    def of_shape(log_shape):
        family = sm.families.Gamma(sm.families.links.Log())
        return -2.0 * family.loglike(y, mean, freq_weights=weight, scale=np.exp(-log_shape))

    return minimize_scalar(of_shape, bounds=(-5.0, 8.0), method="bounded").fun


@pytest.mark.parametrize("criterion", ["aic", "bic", "ebic"])
@pytest.mark.parametrize("loss", POSITIVE)
@pytest.mark.parametrize("weighted", [False, True])
def test_criteria_are_those_of_the_likelihood(criterion, loss, X, weight, offset, weighted):
    y = respond(X, loss, offset)
    model = PenalizedRegressorCV(8, loss=loss, penalty=L1(), criterion=criterion, eps=0.02)
    model.fit(X, y, sample_weight=weight if weighted else None, offset=offset)
    w = weight if weighted else np.ones(N)
    for i, eta in enumerate(model.path_.predict(X).T + offset):
        k, m = model.path_.n_nonzeros[i] + 1, model.path_.n_nonzeros[i]
        expected = minus_two_log_likelihood(loss, y, eta, w)
        expected += k * (2.0 if criterion == "aic" else math.log(w.sum()))
        if criterion == "ebic":
            expected += 2.0 * math.log(math.comb(P, m))
        assert_allclose(model.criterion_[i], expected, rtol=1e-9)
    assert model.alpha_ == model.alphas_[model.criterion_.argmin()]


@pytest.mark.parametrize("loss", ["squared_error", *POSITIVE])
def test_without_a_penalty_criteria_are_those_of_statsmodels(loss, X):
    y = respond(X, "huber" if loss == "squared_error" else loss)
    models = [
        PenalizedRegressorCV([0.0], loss=loss, penalty=L1(), criterion=name, tol=1e-10)
        for name in ("aic", "bic")
    ]
    aic, bic = (model.fit(X, y).criterion_[0] for model in models)
    exog = sm.add_constant(X)
    if loss == "squared_error":
        fit = sm.OLS(y, exog).fit()
        llf = fit.llf
        assert_allclose([aic, bic], [fit.aic, fit.bic], rtol=1e-10)
    elif loss == "poisson":
        fit = sm.GLM(y, exog, sm.families.Poisson()).fit(tol=1e-12)
        llf = fit.llf
        assert_allclose([aic, bic], [fit.aic, fit.bic_llf], rtol=1e-10)
    else:
        family = sm.families.Gamma(sm.families.links.Log())
        fit = sm.GLM(y, exog, family).fit(tol=1e-12, maxiter=500)
        shape = 1.0 / fit.scale
        best = minimize_scalar(
            lambda k: -stats.gamma.logpdf(y, k, scale=fit.fittedvalues / k).sum(),
            bounds=(0.5 * shape, 2.0 * shape),
            method="bounded",
        )
        llf = -best.fun
        # statsmodels' shape is another estimate, of less likelihood.
        assert fit.llf < llf < fit.llf + 1.0
    assert_allclose(aic, -2.0 * llf + 2 * (P + 1), rtol=1e-9)
    assert_allclose(bic, -2.0 * llf + math.log(N) * (P + 1), rtol=1e-9)


def test_the_criterion_of_hubers_loss_takes_it_for_minus_the_log_likelihood(X):
    y = respond(X, "huber")
    model = PenalizedRegressorCV(6, loss="huber", penalty=L1(), criterion="bic").fit(X, y)
    means = values("huber", y[:, None], model.path_.predict(X)).mean(axis=0)
    expected = 2.0 * N * means + math.log(N) * (model.path_.n_nonzeros + 1)
    assert_allclose(model.criterion_, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="noise_variance needs squared error"):
        model.set_params(noise_variance=1.0).fit(X, y)


# --- other ways to the same model -------------------------------------------------------


def test_a_path_has_the_models_of_the_regressor(loss, X, y, weight, offset):
    given = {"sample_weight": weight, "offset": offset}
    options = {"loss": loss, "penalty": L1(), "tol": 1e-10}
    path = penalized_path(X, y, alphas=6, **given, **options)
    assert path.converged.all()
    assert path.n_nonzeros[0] == 0
    for alpha, coef, intercept in zip(
        path.alphas, path.coefs.toarray().T, path.intercepts, strict=True
    ):
        model = PenalizedRegressor(alpha, **options).fit(X, y, **given)
        assert_allclose(coef, model.coef_, atol=1e-7)
        assert_allclose(intercept, model.intercept_, atol=1e-7)


def test_weights_along_a_path_are_copies_of_rows(loss, X, y):
    counts = np.random.default_rng(4).integers(0, 4, N)
    options = {"loss": loss, "alphas": 5, "penalty": L1(), "tol": 1e-10}
    weighted = penalized_path(X, y, sample_weight=counts, **options)
    repeated = penalized_path(np.repeat(X, counts, axis=0), np.repeat(y, counts), **options)
    assert_allclose(weighted.alphas, repeated.alphas)
    assert_allclose(weighted.coefs.toarray(), repeated.coefs.toarray(), atol=1e-7)


def test_a_sparse_path_is_that_of_dense_columns(loss, X, y, weight):
    options = {"loss": loss, "alphas": 5, "penalty": MCP(3.0, adaptive=True), "tol": 1e-10}
    dense = penalized_path(X, y, sample_weight=weight, **options)
    packed = penalized_path(sparse.csr_array(X), y, sample_weight=weight, **options)
    assert_allclose(packed.coefs.toarray(), dense.coefs.toarray(), atol=1e-8)


def test_single_precision_is_close(loss, X, y):
    double = PenalizedRegressorCV(5, loss=loss, penalty=L1(), cv=3).fit(X, y)
    single = clone(double).fit(X.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == single.predict(X.astype(np.float32)).dtype == np.float32
    assert_allclose(single.coef_, double.coef_, atol=1e-4)
    assert_allclose(single.score(X.astype(np.float32), y), double.score(X, y), rtol=1e-4)


def test_a_warm_start_arrives_at_once(loss, X, y):
    model = PenalizedRegressor(0.05, loss=loss, penalty=L1(), warm_start=True).fit(X, y)
    coef, first = model.coef_, model.n_iter_
    assert model.fit(X, y).n_iter_ < first
    assert_allclose(model.coef_, coef, atol=1e-7)
    near = model.set_params(alpha=0.04).fit(X, y)
    cold = PenalizedRegressor(0.04, loss=loss, penalty=L1()).fit(X, y)
    assert_allclose(near.coef_, cold.coef_, atol=1e-6)


def test_bounds_hold_along_a_path_and_in_cross_validation(loss, X, y):
    options = {"loss": loss, "penalty": L1(), "bounds": (-0.1, np.full(P, 0.2))}
    path = penalized_path(X, y, alphas=6, **options)
    coefs = path.coefs.toarray()
    assert coefs.max() == pytest.approx(0.2)
    assert coefs.min() == pytest.approx(-0.1)
    model = PenalizedRegressorCV(6, cv=3, **options).fit(X, y)
    assert -0.1 - 1e-12 <= model.coef_.min() < model.coef_.max() <= 0.2 + 1e-12
    positive = PenalizedRegressor(0.01, loss=loss, penalty=L1(), positive=True).fit(X, y)
    assert positive.coef_.min() == 0.0 < positive.coef_.max()


def test_a_data_frame_brings_its_names(loss, X, y):
    frame = pd.DataFrame(X, columns=[f"feature {j}" for j in range(P)])
    model = PenalizedRegressor(0.05, loss=loss).fit(frame, pd.Series(y))
    assert model.feature_names_in_.tolist() == list(frame.columns)
    plain = PenalizedRegressor(0.05, loss=loss).fit(X, y)
    assert_allclose(model.predict(frame), plain.predict(X))


def test_names_and_objects_are_the_same_loss(loss, X, y):
    by_name, by_object = (
        PenalizedRegressor(0.05, loss=kind).fit(X, y) for kind in (loss, loss_of(loss))
    )
    assert_array_equal(by_name.coef_, by_object.coef_)
    assert {loss_of(name) for name in LOSSES} == {HuberLoss(), PoissonLoss(), GammaLoss()}


# --- degenerate data --------------------------------------------------------------------


def test_counts_that_are_all_zero_end_with_a_warning_and_numbers(X):
    with pytest.warns(ConvergenceWarning, match="no finite solution"):
        model = PenalizedRegressor(0.1, loss="poisson").fit(X, np.zeros(N))
    assert not model.converged_
    assert not model.coef_.any()
    assert (model.predict(X) < 1e-8).all()


def test_a_feature_that_marks_zero_counts_is_reported_and_never_chosen(X):
    y, marked = respond(X, "poisson"), X.copy()
    marked[:, 5] = (np.arange(N) % 4 == 0) * 1.0
    y[::4] = 0.0
    # Held back by L1, not by MCP, flat as it is.
    assert PenalizedRegressor(1e-3, loss="poisson", penalty=L1()).fit(marked, y).converged_
    with pytest.warns(ConvergenceWarning, match="responses that are zero"):
        model = PenalizedRegressor(1e-3, loss="poisson").fit(marked, y)
    assert np.isfinite(model.coef_).all()
    chosen = PenalizedRegressorCV(10, loss="poisson", criterion="aic").fit(marked, y)
    finite = chosen.path_.finite
    assert not finite.all()
    assert chosen.alpha_ in chosen.alphas_[finite]


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_samples_are_enough(loss, X, y, n):
    model = PenalizedRegressor(0.5, loss=loss, penalty=L1()).fit(X[:n], y[:n] + 1.0)
    assert model.converged_
    if n == 1:
        assert_allclose(model.predict(X[:1]), y[:1] + 1.0, rtol=1e-8)


def test_constant_and_repeated_columns_are_no_matter(loss, X, y):
    columns = np.column_stack([X, np.full(N, 3.0), X[:, 0], np.zeros(N)])
    model = PenalizedRegressor(0.05, loss=loss, penalty=L1(), tol=1e-10).fit(columns, y)
    plain = PenalizedRegressor(0.05, loss=loss, penalty=L1(), tol=1e-10).fit(X, y)
    assert model.converged_
    assert model.coef_[8] == model.coef_[10] == 0.0
    assert_allclose(model.predict(columns), plain.predict(X), rtol=1e-6)


def test_more_features_than_samples(loss, rng):
    X = rng.standard_normal((40, 100))
    eta = X[:, 0] - X[:, 1]
    y = {"huber": eta, "poisson": np.round(np.exp(eta)), "gamma": np.exp(eta) + 0.1}[loss]
    for penalty in (L1(), MCP(3.0, adaptive=True)):
        path = penalized_path(X, y, loss=loss, penalty=penalty, alphas=8, eps=0.2)
        assert path.converged.all()
        assert {0, 1} <= set(path.coefs[:, [-1]].nonzero()[0])
