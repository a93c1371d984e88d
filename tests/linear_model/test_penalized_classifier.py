"""PenalizedClassifier against scikit-learn, cvxpy, statsmodels and its own definition."""

import warnings

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from by_hand import Data, penalty_slope, penalty_value, scale, strengths
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    LogisticLoss,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedClassifierCV,
    penalized_path,
)

SMOOTH = [L1(), ElasticNet(0.5), MCP(12.0), SCAD(12.0)]
SPECIES = np.array(["ape", "bee", "cat"])


@pytest.fixture(params=["wide", "tall"])
def data(request):
    """Data of two classes, 0 and 1, whose columns have means."""
    X, y, *_ = request.getfixturevalue(request.param)
    noise = np.random.default_rng(2).logistic(scale=0.4 * y.std(), size=y.size)
    return Data(X + np.linspace(-1.0, 2.0, X.shape[1]), (y + noise > 0.2).astype(float))


@pytest.fixture
def weight(data):
    return np.random.default_rng(1).uniform(0.2, 2.0, data.y.size)


@pytest.fixture
def three(tall):
    """Data of three classes, of different sizes."""
    noise = np.random.default_rng(2).logistic(scale=0.4 * tall.y.std(), size=150)
    parts = np.quantile(tall.y + noise, [0.5, 0.8])
    return Data(
        tall.X + np.linspace(-1.0, 2.0, 30), SPECIES[np.digitize(tall.y + noise, parts)]
    )


def fit_to(data, spec):
    """Fit a copy of an estimator to data."""
    extras = {"sample_weight": data.sample_weight, "offset": data.offset}
    return clone(spec).fit(data.X, data.y, **extras)


def some_weights(n_features):
    """Return penalty weights of every kind: unpenalised, excluded, light and heavy."""
    return np.resize([1.0, 1.0, 0.5, np.inf, 2.0, 0.0, 1.5], n_features)


# --- the model by hand --------------------------------------------------------


def predictors(data, coef, intercept):
    offset = 0.0 if data.offset is None else data.offset
    return data.X @ coef + intercept + offset


def residuals(data, eta):
    """Return minus the derivatives of the mean loss."""
    return data.shares * (data.y - expit(eta))


def null_predictors(spec, data):
    """Return the predictors of the model without features."""
    eta = predictors(data, np.zeros(data.X.shape[1]), 0.0)
    if not spec.fit_intercept:
        return eta
    return eta + brentq(lambda b0: residuals(data, eta + b0).sum(), -50.0, 50.0, xtol=1e-14)


def null_curvature(spec, data):
    mean = expit(null_predictors(spec, data))
    return data.shares @ (mean * (1.0 - mean))


def violation(spec, data, coef, intercept):
    """Return the largest distance to stationarity over the largest gradient at zero."""
    scales = scale(spec, data).scales
    b = coef * scales
    columns = data.X / scales
    residual = residuals(data, predictors(data, coef, intercept))
    if spec.fit_intercept:
        assert abs(residual.sum()) <= 1e-14 * data.y.size
    pull = columns.T @ residual - spec.l2 * b
    a = np.broadcast_to(strengths(spec), b.shape)
    slope = penalty_slope(spec.penalty, np.abs(b), np.where(np.isinf(a), 0.0, a))
    at_zero = np.maximum((pull if spec.positive else np.abs(pull)) - slope, 0.0)
    distance = np.where(b == 0.0, at_zero, np.abs(pull - np.sign(b) * slope))
    assert not b[np.isinf(a)].any()
    unit = np.abs(columns.T @ residuals(data, null_predictors(spec, data))).max()
    return distance[np.isfinite(a)].max() / unit


def objective(spec, data, coef, intercept):
    """Return the weighted mean loss plus penalties."""
    eta = predictors(data, coef, intercept)
    b = coef * scale(spec, data).scales
    a = np.broadcast_to(strengths(spec), b.shape)
    penalties = penalty_value(spec.penalty, np.abs(b), np.where(b == 0.0, 0.0, a))
    loss = data.shares @ (np.logaddexp(0.0, eta) - data.y * eta)
    return loss + penalties.sum() + spec.l2 / 2 * b @ b


def optimum(spec, data):
    """Return the least objective of a convex model, by cvxpy."""
    scales = scale(spec, data).scales
    a = np.broadcast_to(strengths(spec), scales.shape)
    ratio = getattr(spec.penalty, "l1_ratio", 1.0)
    kept = np.isfinite(a)
    b, b0 = cp.Variable(kept.sum()), cp.Variable()
    eta = predictors(data, np.zeros(scales.size), 0.0) + (data.X / scales)[:, kept] @ b + b0
    loss = data.shares @ (cp.logistic(eta) - cp.multiply(data.y, eta))
    lasso = cp.sum(cp.multiply(a[kept] * ratio, cp.abs(b)))
    ridge = cp.sum(cp.multiply(a[kept] * (1 - ratio) + spec.l2, cp.square(b))) / 2
    constraints = [] if spec.fit_intercept else [b0 == 0]
    if spec.positive:
        constraints.append(b >= 0)
    least = cp.Problem(cp.Minimize(loss + lasso + ridge), constraints)
    tolerances = dict.fromkeys(["tol_gap_abs", "tol_gap_rel", "tol_feas"], 1e-8)
    return least.solve(solver="CLARABEL", **tolerances)


# --- other software -----------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.3)], ids=str)
def test_equals_scikit_learn(data, weight, penalty, fit_intercept, weighted):
    weight = weight if weighted else np.ones(data.y.size)
    alpha, ratio = 0.07, getattr(penalty, "l1_ratio", 1.0)
    # liblinear knows no elastic net, and penalises the intercept.
    with_newton = ratio == 1.0 and not fit_intercept
    peer = LogisticRegression(
        C=1 / (alpha * weight.sum()),
        l1_ratio=ratio,
        solver="liblinear" if with_newton else "saga",
        fit_intercept=fit_intercept,
        tol=1e-12 if with_newton else 1e-11,
        max_iter=100_000,
        random_state=0,
    ).fit(data.X, data.y, sample_weight=weight)
    model = PenalizedClassifier(
        alpha, penalty=penalty, standardize=False, fit_intercept=fit_intercept, tol=1e-11
    ).fit(data.X, data.y, sample_weight=weight)
    assert_allclose(model.coef_, peer.coef_[0], atol=1e-7)
    assert_allclose(model.intercept_, np.ravel(peer.intercept_)[0], atol=1e-7)
    assert_allclose(model.predict_proba(data.X), peer.predict_proba(data.X), atol=1e-7)
    assert_array_equal(model.predict(data.X), peer.predict(data.X))
    assert 3 < model.support_.size < data.X.shape[1]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [None, L1(), SCAD(adaptive=True), L0(), Lq()], ids=str)
def test_without_penalty_it_is_maximum_likelihood(tall, penalty, fit_intercept):
    rng = np.random.default_rng(1)
    y = (tall.y + rng.logistic(scale=2.0, size=150) > 0.0).astype(float)
    weight, offset = rng.uniform(0.2, 2.0, 150), rng.normal(size=150)
    X = tall.X[:, :8]
    design = sm.add_constant(X) if fit_intercept else X
    glm = sm.GLM(y, design, sm.families.Binomial(), offset=offset, freq_weights=weight)
    peer = glm.fit(tol=1e-14)
    model = PenalizedClassifier(0.0, penalty=penalty, fit_intercept=fit_intercept, tol=1e-12)
    model.fit(X, y, sample_weight=weight, offset=offset)
    coef = peer.params[1:] if fit_intercept else peer.params
    assert_allclose(model.coef_, coef, atol=1e-8)
    assert_allclose(model.intercept_, peer.params[0] if fit_intercept else 0.0, atol=1e-8)
    assert_allclose(model.predict_proba(X, offset)[:, 1], peer.predict(design, offset=offset))
    assert_allclose(model.objective_, -peer.llf / weight.sum())


CONVEX_OPTIONS = {
    "plain": {},
    "in place": {"fit_intercept": False, "standardize": False},
    "l2": {"l2": 0.05},
    "positive": {"positive": True},
    "positive l2": {"positive": True, "l2": 0.02, "standardize": False},
    "penalty weights": {"penalty_weights": some_weights, "l2": 0.01},
}


def spec_for(data, options, **others):
    options = options | others
    if callable(options.get("penalty_weights")):
        options["penalty_weights"] = options["penalty_weights"](data.X.shape[1])
    return PenalizedClassifier(**options)


@pytest.mark.parametrize("options", CONVEX_OPTIONS.values(), ids=CONVEX_OPTIONS)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_convex_models_reach_the_optimum_and_bound_the_distance_to_it(
    data, weight, penalty, options, weighted
):
    if weighted:
        data = data._replace(sample_weight=weight, offset=np.sin(np.arange(weight.size)))
    spec = spec_for(data, options, alpha=0.05, penalty=penalty)
    least = optimum(spec, data)
    model = fit_to(data, spec)
    reached = objective(spec, data, model.coef_, model.intercept_)
    assert_allclose(model.objective_, reached, rtol=1e-10)
    assert abs(reached - least) <= 1e-7
    assert model.support_.size > 2
    loose = fit_to(data, clone(spec).set_params(tol=0.1))
    suboptimality = objective(spec, data, loose.coef_, loose.intercept_) - least
    if spec.penalty_weights is None:
        assert 0.0 <= model.dual_gap_ <= 1e-7
        assert suboptimality <= loose.dual_gap_ + 1e-7
    else:
        assert np.isnan(model.dual_gap_)


# --- stationarity -------------------------------------------------------------

OPTIONS = CONVEX_OPTIONS | {
    "everything": {
        "l2": 0.05,
        "positive": True,
        "penalty_weights": [1.0, 0.5, 2.0, np.inf],
        "fit_intercept": False,
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("penalty", SMOOTH, ids=str)
def test_every_option_enters_the_stationarity_conditions(data, weight, penalty, options):
    data = data._replace(sample_weight=weight, offset=np.cos(np.arange(weight.size)))
    weights = options.get("penalty_weights")
    if weights is not None:
        # All features penalised: the unit of violations is the gradient without any.
        weights = np.resize([1.0, 0.5, np.inf, 2.0], data.X.shape[1])
    spec = PenalizedClassifier(
        **options | {"penalty_weights": weights, "alpha": 0.08, "penalty": penalty}
    )
    model = fit_to(data, spec)
    assert violation(spec, data, model.coef_, model.intercept_) <= 1.1e-8
    assert model.kkt_violation_ <= 1e-8
    reached = objective(spec, data, model.coef_, model.intercept_)
    assert_allclose(model.objective_, reached, rtol=1e-9)
    assert model.support_.size > 0


@pytest.mark.parametrize("penalty", SMOOTH, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["double", "single"])
def test_the_reported_violation_is_the_violation(data, penalty, dtype):
    data = data._replace(X=data.X.astype(dtype))
    rounding = 1e-12 if dtype == np.float64 else 2e-6
    for tol in (None, 0.05):
        spec = PenalizedClassifier(0.08, penalty=penalty, tol=tol)
        model = fit_to(data, spec)
        actual = violation(spec, data, model.coef_.astype(float), intercept_of(model, data))
        assert model.converged_
        assert_allclose(actual, model.kkt_violation_, rtol=0.01, atol=rounding)
        assert model.kkt_violation_ <= (tol or (1e-8 if dtype == np.float64 else 1e-5))


def intercept_of(model, data):
    """Return the intercept that is best for coefficients rounded to their precision."""
    eta = predictors(data, model.coef_.astype(float), 0.0)
    best = brentq(lambda b0: residuals(data, eta + b0).sum(), -50.0, 50.0, xtol=1e-14)
    assert_allclose(model.intercept_, best, rtol=1e-5, atol=1e-6)
    return best


@pytest.mark.parametrize("penalty", [L0(), CEL0(), Lq(0.5)], ids=str)
@pytest.mark.parametrize("options", [{}, {"l2": 0.05}, {"positive": True}], ids=str)
def test_coefficients_that_jump_are_fixed_points_of_the_proximal_operator(
    data, weight, penalty, options
):
    data = data._replace(sample_weight=weight)
    spec = PenalizedClassifier(0.02, penalty=penalty, tol=1e-10, **options)
    model = fit_to(data, spec)
    b = model.coef_ * scale(spec, data).scales
    columns = data.X / scale(spec, data).scales
    residual = residuals(data, predictors(data, model.coef_, model.intercept_))
    if penalty == CEL0():
        penalty = CEL0(curvature_of_loss=0.25)
    step = 1.0 / (0.25 + spec.l2)
    after = penalty.prox(b + step * (columns.T @ residual - spec.l2 * b), step, 0.02)
    if spec.positive:
        after = np.maximum(after, 0.0)
        assert (b >= 0.0).all()
    assert_allclose(after, b, atol=1e-7)
    assert 0 < model.support_.size < 20


# --- options ------------------------------------------------------------------


@pytest.mark.parametrize("penalty", SMOOTH, ids=str)
def test_standardising_is_scaling_by_hand(data, weight, penalty):
    scaler = StandardScaler().fit(data.X, sample_weight=weight)
    by_hand = PenalizedClassifier(0.08, penalty=penalty, standardize=False, tol=1e-10)
    by_hand.fit(scaler.transform(data.X), data.y, sample_weight=weight)
    model = PenalizedClassifier(0.08, penalty=penalty, tol=1e-10)
    model.fit(data.X, data.y, sample_weight=weight)
    assert_allclose(model.coef_, by_hand.coef_ / scaler.scale_, atol=1e-8)
    assert_allclose(
        model.decision_function(data.X),
        by_hand.decision_function(scaler.transform(data.X)),
        atol=1e-8,
    )


def test_without_intercept_columns_are_scaled_about_zero(data):
    scales = np.sqrt((data.X**2).mean(axis=0))
    by_hand = PenalizedClassifier(0.05, penalty=L1(), standardize=False, fit_intercept=False)
    model = PenalizedClassifier(0.05, penalty=L1(), fit_intercept=False)
    by_hand.fit(data.X / scales, data.y)
    assert_allclose(model.fit(data.X, data.y).coef_, by_hand.coef_ / scales, atol=1e-8)
    assert model.intercept_ == 0.0


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True), Lq(0.5)], ids=str)
def test_features_without_penalty_weight_are_not_shrunk(data, weight, penalty):
    free = np.where(np.arange(data.X.shape[1]) < 3, 0.0, 1.0)
    model = PenalizedClassifier(10.0, penalty=penalty, penalty_weights=free, tol=1e-11)
    model.fit(data.X, data.y, sample_weight=weight)
    design = sm.add_constant(data.X[:, :3])
    glm = sm.GLM(data.y, design, sm.families.Binomial(), freq_weights=weight)
    assert_allclose([model.intercept_, *model.coef_[:3]], glm.fit(tol=1e-14).params, atol=1e-8)
    assert_array_equal(model.support_, [0, 1, 2])


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True), CEL0()], ids=str)
@pytest.mark.parametrize("alpha", [0.0, 0.02])
def test_infinite_penalty_weight_leaves_a_feature_out(tall, penalty, alpha):
    y = (tall.y + np.random.default_rng(2).logistic(scale=2.0, size=150) > 0.0).astype(int)
    out = np.arange(30) % 3 == 0
    model = PenalizedClassifier(alpha, penalty=penalty, tol=1e-10)
    without = clone(model).fit(tall.X[:, ~out], y)
    model.set_params(penalty_weights=np.where(out, np.inf, 1.0)).fit(tall.X, y)
    assert_array_equal(model.coef_[out], 0.0)
    assert_allclose(model.coef_[~out], without.coef_, atol=1e-7)
    assert without.support_.size > 0


@pytest.mark.parametrize("penalty", [*SMOOTH, LogSum(), CappedL1(), L0()], ids=str)
def test_penalty_weights_multiply_the_strength(data, penalty):
    threefold = np.full(data.X.shape[1], 3.0)
    spec = PenalizedClassifier(0.02, penalty=penalty, l2=0.01, tol=1e-10)
    expected = clone(spec).set_params(alpha=0.06).fit(data.X, data.y)
    model = clone(spec).set_params(penalty_weights=threefold).fit(data.X, data.y)
    assert_allclose(model.coef_, expected.coef_, atol=1e-8)


@pytest.mark.parametrize("penalty", SMOOTH, ids=str)
def test_the_zero_model_begins_at_the_largest_gradient(data, weight, penalty):
    spec = PenalizedClassifier(penalty=penalty)
    data = data._replace(sample_weight=weight)
    residual = residuals(data, null_predictors(spec, data))
    columns = data.X / scale(spec, data).scales
    ratio = getattr(penalty, "l1_ratio", 1.0)
    largest = np.abs(columns.T @ residual).max() / ratio
    assert largest * ratio <= 0.5
    zero = fit_to(data, clone(spec).set_params(alpha=1.000001 * largest))
    assert_array_equal(zero.coef_, 0.0)
    assert_allclose(zero.intercept_, null_predictors(spec, data)[0], atol=1e-9)
    assert fit_to(data, clone(spec).set_params(alpha=0.999 * largest)).support_.size == 1


def test_a_loss_object_is_the_loss_of_that_name(data):
    named = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, data.y)
    model = PenalizedClassifier(0.05, penalty=L1(), loss=LogisticLoss()).fit(data.X, data.y)
    assert_array_equal(model.coef_, named.coef_)


# --- weights of classes -------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kind", ["dict", "part of a dict", "balanced"])
def test_class_weights_are_sample_weights(three, weighted, kind):
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.2, 2.0, 150) if weighted else np.ones(150)
    match kind:
        case "dict":
            given = {"cat": 3.0, "ape": 0.5, "bee": 1.5}
            factor = pd.Series(three.y).map(given).to_numpy()
        case "part of a dict":
            given = {"bee": 4.0}
            factor = np.where(three.y == "bee", 4.0, 1.0)
        case "balanced":
            given = kind
            total = pd.Series(weight).groupby(three.y).transform("sum").to_numpy()
            factor = weight.sum() / (3 * total)
    model = PenalizedClassifier(0.04, penalty=L1(), class_weight=given, tol=1e-10)
    model.fit(three.X, three.y, sample_weight=weight if weighted else None)
    by_hand = PenalizedClassifier(0.04, penalty=L1(), tol=1e-10)
    by_hand.fit(three.X, three.y, sample_weight=weight * factor)
    assert_allclose(model.coef_, by_hand.coef_, atol=1e-8)
    assert_allclose(model.intercept_, by_hand.intercept_, atol=1e-8)
    plain = clone(by_hand).fit(three.X, three.y, sample_weight=weight)
    assert np.abs(model.coef_ - plain.coef_).max() > 1e-3


def test_balanced_classes_are_equally_probable_without_features(data):
    model = PenalizedClassifier(1.0, penalty=L1(), class_weight="balanced")
    assert data.y.mean() != 0.5
    assert_allclose(model.fit(data.X, data.y).predict_proba(data.X), 0.5)


def test_classes_without_weight_take_no_part_in_the_balance(three):
    weight = np.where(three.y == "bee", 0.0, 1.0)
    kept = three.y != "bee"
    model = PenalizedClassifier(0.05, penalty=L1(), class_weight="balanced", tol=1e-10)
    without = clone(model).fit(three.X[kept], three.y[kept])
    model.fit(three.X, three.y, sample_weight=weight)
    assert_array_equal(model.classes_, ["ape", "cat"])
    assert_allclose(model.coef_, without.coef_, atol=1e-8)


# --- more than two classes ----------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), None, SCAD(adaptive=True), Lq(0.5), CEL0()], ids=str)
def test_several_classes_are_fitted_each_against_all_others(three, penalty):
    weight = np.random.default_rng(1).uniform(0.2, 2.0, 150)
    spec = PenalizedClassifier(0.02, penalty=penalty, l2=0.01)
    model = clone(spec).fit(three.X, three.y, sample_weight=weight)
    parts = [
        clone(spec).fit(three.X, three.y == label, sample_weight=weight) for label in SPECIES
    ]
    assert_array_equal(model.classes_, SPECIES)
    assert_allclose(model.coef_, [part.coef_ for part in parts], atol=1e-12)
    assert_allclose(model.intercept_, [part.intercept_ for part in parts], atol=1e-12)
    assert_array_equal(model.support_, np.unique(np.concatenate([p.support_ for p in parts])))
    assert max(part.n_iter_ for part in parts) < model.n_iter_
    assert model.n_iter_ <= sum(part.n_iter_ for part in parts)
    assert model.kkt_violation_ == max(part.kkt_violation_ for part in parts)
    assert_allclose(model.objective_, sum(part.objective_ for part in parts))
    assert_allclose(model.dual_gap_, sum(part.dual_gap_ for part in parts))
    predictors = np.column_stack([part.decision_function(three.X) for part in parts])
    assert_allclose(model.decision_function(three.X), predictors, atol=1e-12)
    alone = np.column_stack([part.predict_proba(three.X)[:, 1] for part in parts])
    expected = alone / alone.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(three.X), expected, atol=1e-12)
    assert_array_equal(model.predict(three.X), SPECIES[expected.argmax(axis=1)])
    assert len(set(model.predict(three.X))) == 3


def test_one_class_that_does_not_converge_is_enough_to_say_so(three):
    model = PenalizedClassifier(0.02, penalty=L1(), max_iter=6)
    with pytest.warns(ConvergenceWarning, match=r"\d of 3 problems did not converge") as caught:
        model.fit(three.X, three.y)
    assert len(caught) == 1
    assert model.converged_ is False


def test_ten_classes_in_any_order(rng):
    y = np.repeat(np.arange(10) ** 2, 20)
    X = rng.standard_normal((200, 10)) + 2.0 * np.eye(10)[np.repeat(np.arange(10), 20)]
    order = rng.permutation(200)
    model = PenalizedClassifier(0.01, penalty=L1()).fit(X[order], y[order])
    assert_array_equal(model.classes_, np.arange(10) ** 2)
    assert model.score(X, y) > 0.6
    assert (np.diagonal(model.coef_) > 0.0).all()


# --- predictions --------------------------------------------------------------


@pytest.fixture(params=[2, 3], ids=["two classes", "three classes"])
def fitted(request, three):
    y = three.y if request.param == 3 else np.where(three.y == "bee", "ape", three.y)
    return PenalizedClassifier(0.05, penalty=L1()).fit(three.X, y)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_probabilities_are_those_of_the_linear_predictors(fitted, three, to_input):
    X = to_input(three.X)
    eta = three.X @ fitted.coef_.T + fitted.intercept_
    assert_allclose(fitted.decision_function(X), eta, atol=1e-12)
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (150, fitted.classes_.size)
    assert_allclose(probabilities.sum(axis=1), 1.0)
    if eta.ndim == 1:
        assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-eta)))
        chosen = (eta > 0).astype(int)
    else:
        alone = 1 / (1 + np.exp(-eta))
        assert_allclose(probabilities, alone / alone.sum(axis=1, keepdims=True))
        chosen = eta.argmax(axis=1)
    assert_array_equal(chosen, probabilities.argmax(axis=1))
    assert_array_equal(fitted.predict(X), fitted.classes_[chosen])
    assert_allclose(np.exp(fitted.predict_log_proba(X)), probabilities)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e8, 1e150])
def test_probabilities_stay_in_range_for_huge_linear_predictors(fitted, three, size):
    X = size * (three.X - three.X.mean(axis=0))
    eta = fitted.decision_function(X)
    logs, probabilities = fitted.predict_log_proba(X), fitted.predict_proba(X)
    assert np.abs(eta).max() > size
    assert np.isfinite(logs).all()
    assert (logs <= 0.0).all()
    assert_allclose(probabilities.sum(axis=1), 1.0)
    rows, chosen = np.arange(150), np.searchsorted(fitted.classes_, fitted.predict(X))
    assert_array_equal(logs[rows, chosen], logs.max(axis=1))
    if eta.ndim == 1:
        low, best = -np.abs(eta), 0.0
    else:
        low, best = eta.min(axis=1), np.minimum(eta.max(axis=1), 0.0)
    behind = low < -100.0
    # The share of the sum that the other classes have is less than that of three at most.
    assert_allclose(logs.min(axis=1)[behind], (low - best)[behind], atol=np.log(3.0) + 1e-9)
    assert behind.any()


def test_an_offset_is_added_to_the_linear_predictor(data):
    offset = np.cos(np.arange(data.y.size))
    model = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, data.y, offset=offset)
    eta = data.X @ model.coef_ + model.intercept_
    assert_allclose(model.decision_function(data.X), eta, atol=1e-12)
    assert_allclose(model.decision_function(data.X, offset), eta + offset, atol=1e-12)
    assert_allclose(model.predict_proba(data.X, offset)[:, 1], expit(eta + offset))
    assert_allclose(
        model.predict_log_proba(data.X, offset=offset)[:, 0], np.log(expit(-eta - offset))
    )
    assert_array_equal(model.predict(data.X, offset=offset), eta + offset > 0.0)
    plain = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, data.y)
    assert np.abs(plain.coef_ - model.coef_).max() > 1e-3


# --- labels -------------------------------------------------------------------

# The second in sorting order comes first.
LABELS = {
    "strings": np.array(["yes", "no"]),
    "integers": np.array([3, -7]),
    "small integers": np.array([200, 100], dtype=np.uint8),
    "floats": np.array([1.0, -1.0]),
    "bools": np.array([True, False]),
    "objects": np.array(["yes", "a longer no"], dtype=object),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_many_types_come_back_as_they_were(data, labels):
    y = labels[(data.y == 0.0).astype(int)]
    expected = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, data.y)
    model = PenalizedClassifier(0.05, penalty=L1())
    for given in (y, list(y), pd.Series(y)):
        model.fit(data.X, given)
        assert_array_equal(model.coef_, expected.coef_)
        predicted = model.predict(data.X)
        assert_array_equal(np.sort(labels), model.classes_)
        assert predicted.dtype == model.classes_.dtype
        assert_array_equal(predicted, labels[(expected.predict(data.X) == 0.0).astype(int)])
        assert model.score(data.X, y) == accuracy_score(data.y, expected.predict(data.X))
    assert model.fit(data.X, y).classes_.dtype == labels.dtype


def test_categories_are_labels(data):
    y = pd.Series(np.where(data.y == 1.0, "case", "absent"), dtype="category")
    model = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, y)
    assert_array_equal(model.classes_, ["absent", "case"])
    assert model.score(data.X, y) > 0.5


# --- what is stored -----------------------------------------------------------


def test_fitted_attributes_describe_the_solution(data):
    model = PenalizedClassifier(0.05, penalty=L1()).fit(data.X, data.y)
    assert model.coef_.shape == (data.X.shape[1],)
    assert isinstance(model.intercept_, float)
    assert_array_equal(model.support_, np.flatnonzero(model.coef_))
    assert model.n_features_in_ == data.X.shape[1]
    assert model.n_iter_ >= 1
    assert model.converged_ is True
    assert isinstance(model.objective_, float)


def test_with_several_classes_there_is_a_row_for_each(three):
    model = PenalizedClassifier(0.05, penalty=L1()).fit(three.X, three.y)
    assert model.coef_.shape == (3, 30)
    assert model.intercept_.shape == (3,)
    assert_array_equal(model.support_, np.flatnonzero(model.coef_.any(axis=0)))
    assert model.support_.size > max(np.count_nonzero(model.coef_, axis=1))
    for name in ("kkt_violation_", "dual_gap_", "objective_"):
        assert isinstance(getattr(model, name), float)
    assert model.converged_ is True
    model.fit(three.X, three.y == "bee")
    assert model.coef_.shape == (30,)


# --- gamma and the curvature of the loss --------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_adaptive_divides_gamma_by_the_curvature_at_the_null_model(
    data, weight, weighted, fit_intercept
):
    if weighted:
        data = data._replace(sample_weight=weight, offset=2.0 * np.cos(np.arange(weight.size)))
    spec = PenalizedClassifier(0.08, fit_intercept=fit_intercept, l2=0.005)
    curvature = null_curvature(spec, data)
    assert curvature < 0.2 if weighted else curvature == pytest.approx(0.25, abs=0.01)
    for adaptive, rescaled in (
        (MCP(3.0, adaptive=True), MCP(3.0 / curvature)),
        (SCAD(3.7, adaptive=True), SCAD(1.0 + 2.7 / curvature)),
    ):
        model = fit_to(data, clone(spec).set_params(penalty=adaptive))
        by_hand = clone(spec).set_params(penalty=rescaled)
        assert_allclose(model.coef_, fit_to(data, by_hand).coef_, atol=1e-7)
        assert violation(by_hand, data, model.coef_, model.intercept_) <= 1.1e-8
        assert model.penalty == adaptive
        assert model.support_.size > 0


def test_no_penalty_means_the_adaptive_mcp(data):
    model = PenalizedClassifier(0.1).fit(data.X, data.y)
    assert model.penalty is None
    expected = PenalizedClassifier(0.1, penalty=MCP(3.0, adaptive=True)).fit(data.X, data.y)
    assert_array_equal(model.coef_, expected.coef_)


def test_each_class_has_a_gamma_of_its_own(three):
    model = PenalizedClassifier(0.06, l2=0.01).fit(three.X, three.y)
    for label, coef in zip(SPECIES, model.coef_, strict=True):
        share = np.mean(three.y == label)
        rescaled = MCP(3.0 / (share * (1.0 - share)))
        part = PenalizedClassifier(0.06, penalty=rescaled, l2=0.01)
        assert_allclose(part.fit(three.X, three.y == label).coef_, coef, atol=1e-7)


FITS = {
    "fit": lambda penalty, data: PenalizedClassifier(0.3, penalty=penalty).fit(data.X, data.y),
    "CV": lambda penalty, data: PenalizedClassifierCV([0.3, 0.2], penalty=penalty, cv=2).fit(
        data.X, data.y
    ),
    "path": lambda penalty, data: penalized_path(
        data.X, data.y, loss="log_loss", penalty=penalty, alphas=[0.3]
    ),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("penalty", [MCP(3.0), SCAD(3.7)], ids=str)
def test_a_penalty_that_bends_more_than_the_loss_warns_once_at_the_line_that_fits(
    data, fit, penalty
):
    with pytest.warns(UserWarning, match="not convex") as caught:
        fit(penalty, data)
    (warning,) = caught
    assert warning.category is UserWarning
    assert warning.filename == __file__
    for words in (str(penalty), "larger gamma", "adaptive=True"):
        assert words in str(warning.message)


@pytest.mark.parametrize("penalty", [MCP(4.2), SCAD(5.2), *SMOOTH, LogSum(0.1), L0()], ids=str)
def test_a_penalty_that_does_not_bend_too_much_is_no_cause_to_warn(penalty):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 3)), np.arange(100) % 2
    model = PenalizedClassifier(0.05, penalty=penalty).fit(X, y)
    assert model.converged_


def test_ridge_bends_the_other_way(data):
    model = PenalizedClassifier(0.1, penalty=MCP(3.0), l2=0.2).fit(data.X, data.y)
    assert model.converged_


def test_a_rare_class_whose_problem_is_not_convex_is_enough_to_warn():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 3)), np.repeat([0, 1, 2], [50, 40, 10])
    with pytest.warns(UserWarning, match="not convex") as caught:
        PenalizedClassifier(0.3, penalty=MCP(5.0)).fit(X, y)
    assert len(caught) == 1


# --- starts -------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
def test_a_warm_start_saves_iterations_and_changes_no_optimum(three, penalty):
    cold = PenalizedClassifier(0.045, penalty=penalty, tol=1e-10)
    warm = clone(cold).set_params(alpha=0.05, warm_start=True).fit(three.X, three.y)
    warm.set_params(alpha=0.045).fit(three.X, three.y)
    cold.fit(three.X, three.y)
    assert_allclose(warm.coef_, cold.coef_, atol=1e-7)
    assert warm.n_iter_ < cold.n_iter_


@pytest.mark.parametrize("penalty", [L1(), None, L0(), Lq()], ids=str)
def test_a_warm_start_at_a_solution_stays_there(data, penalty):
    cold = PenalizedClassifier(0.07, penalty=penalty, l2=0.01).fit(data.X, data.y)
    warm = clone(cold).set_params(warm_start=True).fit(data.X, data.y).fit(data.X, data.y)
    assert_allclose(warm.coef_, cold.coef_, atol=1e-6)
    assert warm.n_iter_ <= 2


@pytest.mark.parametrize("change", [{"positive": True}, {"penalty_weights": some_weights}])
def test_a_warm_start_bows_to_new_constraints(data, change):
    spec = PenalizedClassifier(0.05, penalty=L1(), l2=0.01, warm_start=True, tol=1e-10)
    model = clone(spec).fit(data.X, data.y)
    changed = spec_for(data, spec.get_params(deep=False) | change)
    model.set_params(**changed.get_params(deep=False)).fit(data.X, data.y)
    cold = clone(changed).set_params(warm_start=False).fit(data.X, data.y)
    assert_allclose(model.coef_, cold.coef_, atol=1e-7)


def test_a_nonconvex_fit_is_the_end_of_the_path_that_approaches_it(data):
    spec = PenalizedClassifier(0.1, penalty=MCP(12.0), l2=0.01)
    (largest,) = penalized_path(data.X, data.y, loss="log_loss", penalty=L1(), alphas=1).alphas
    steps = int(np.ceil(np.log(0.1 / largest) / np.log(0.8)))
    alphas = largest * (0.1 / largest) ** (np.arange(1, steps + 1) / steps)
    options = {"loss": "log_loss", "penalty": spec.penalty, "l2": 0.01}
    path = penalized_path(data.X, data.y, alphas=alphas, **options)
    assert steps > 2
    model = spec.fit(data.X, data.y)
    assert_allclose(model.coef_, path.coefs[:, [-1]].toarray().ravel(), atol=1e-9)
    assert_allclose(model.intercept_, path.intercepts[-1], atol=1e-9)


# --- convergence --------------------------------------------------------------


def test_too_few_iterations_warn_with_what_to_do_at_the_line_that_fits(data):
    spec = PenalizedClassifier(0.01, penalty=L1(), max_iter=1)
    with pytest.warns(ConvergenceWarning) as caught:
        model = clone(spec).fit(data.X, data.y)
    (warning,) = caught
    for words in ("did not converge", "max_iter (now 1)", "tol", "alpha"):
        assert words in str(warning.message)
    assert warning.filename == __file__
    assert model.converged_ is False
    assert model.kkt_violation_ > 1e-8
    actual = violation(spec, data, model.coef_, model.intercept_)
    assert_allclose(model.kkt_violation_, actual, rtol=1e-6)


def test_a_tolerance_below_rounding_warns_and_is_as_good_as_it_gets(tall):
    y = (tall.y > 0.0).astype(int)
    model = PenalizedClassifier(0.1, penalty=L1(), tol=1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(tall.X, y)
    assert model.kkt_violation_ <= 1e-12


# --- paths --------------------------------------------------------------------


@pytest.mark.parametrize("penalty", SMOOTH, ids=str)
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_every_point_of_a_path_is_stationary(data, weight, penalty, to_input):
    data = data._replace(sample_weight=weight, offset=np.cos(np.arange(weight.size)))
    path = penalized_path(
        to_input(data.X),
        data.y,
        loss="log_loss",
        penalty=penalty,
        alphas=8,
        eps=0.2,
        sample_weight=data.sample_weight,
        offset=data.offset,
    )
    assert path.converged.all()
    points = zip(path.alphas, path.coefs.toarray().T, path.intercepts, strict=True)
    for k, (alpha, coef, intercept) in enumerate(points):
        spec = PenalizedClassifier(alpha, penalty=penalty)
        assert violation(spec, data, coef, intercept) <= 1.1e-8
        reached = objective(spec, data, coef, intercept)
        assert_allclose(path.objectives[k], reached, rtol=1e-9)
    assert path.n_nonzeros[0] == 0
    assert path.n_nonzeros[-1] > 1


@pytest.mark.parametrize("labels", [(-1.0, 1.0), (False, True), (-1, 1)], ids=str)
def test_a_path_takes_labels_0_and_1_or_minus_1_and_1(data, labels):
    options = {"loss": "log_loss", "penalty": L1(), "alphas": 5, "eps": 0.2}
    path = penalized_path(data.X, data.y, **options)
    other = penalized_path(data.X, np.where(data.y == 1.0, labels[1], labels[0]), **options)
    assert_array_equal(other.alphas, path.alphas)
    assert_array_equal(other.coefs.toarray(), path.coefs.toarray())
    assert_array_equal(other.intercepts, path.intercepts)


def test_a_path_predicts_the_log_odds(data):
    path = penalized_path(data.X, data.y, loss="log_loss", penalty=L1(), alphas=[0.1, 0.05])
    for k, alpha in enumerate(path.alphas):
        model = PenalizedClassifier(alpha, penalty=L1()).fit(data.X, data.y)
        expected = model.decision_function(data.X)
        assert_allclose(path.predict(data.X)[:, k], expected, atol=1e-6)
