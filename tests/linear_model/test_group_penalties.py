"""Estimators with penalties of groups."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sparsestat import (
    CoxLoss,
    GroupLasso,
    GroupMCP,
    GroupSCAD,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SparseGroupLasso,
    penalized_path,
)

GROUPS = [f"group {j % 10}" for j in range(30)]  # three features each, not contiguous
TRUE = [0, 10, 20, 4, 14, 24]
PENALTIES = [
    GroupLasso(GROUPS),
    SparseGroupLasso(GROUPS, 0.3),
    GroupMCP(GROUPS),
    GroupSCAD(GROUPS),
]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 30)) + 2.0
    X[:, ::3] *= 5.0
    eta = (X - X.mean(axis=0))[:, TRUE] @ [0.3, -1.0, 1.5, 1.0, 1.0, -0.2]
    return X, eta + 0.3 * rng.standard_normal(150) + 5.0


@pytest.fixture(params=PENALTIES, ids=lambda penalty: type(penalty).__name__)
def penalty(request):
    return request.param


def whole(model):
    """Return the labels of the groups that are used, checking that none is used in part."""
    used = {GROUPS[j] for j in model.support_}
    assert model.support_.size == 3 * len(used)
    return used


def test_regressors_select_groups(data, penalty):
    X, y = data
    model = PenalizedRegressor(0.3, penalty=penalty).fit(X, y)
    assert model.converged_
    assert set(TRUE) <= set(model.support_)
    assert (model.dual_gap_ < 1e-6) == penalty.convex
    if not isinstance(penalty, SparseGroupLasso):
        assert whole(model) == {"group 0", "group 4"}
    again = PenalizedRegressor(0.3, penalty=penalty).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-6)
    low = PenalizedRegressor(0.3, penalty=penalty).fit(X.astype(np.float32), y)
    assert low.coef_.dtype == np.float32
    np.testing.assert_allclose(low.coef_, model.coef_, atol=1e-3)
    named = PenalizedRegressor(0.3, penalty=penalty).fit(
        pd.DataFrame(X, columns=[f"x{j}" for j in range(30)]), y
    )
    np.testing.assert_array_equal(named.coef_, model.coef_)


def test_penalised_are_coefficients_of_scaled_columns(data, penalty):
    X, y = data
    scales, means = X.std(axis=0), X.mean(axis=0)
    model = PenalizedRegressor(0.3, penalty=penalty).fit(X, y)
    scaled = PenalizedRegressor(0.3, penalty=penalty, standardize=False).fit(
        (X - means) / scales, y
    )
    np.testing.assert_allclose(model.coef_ * scales, scaled.coef_, atol=1e-9)
    plain = PenalizedRegressor(0.3, penalty=penalty, standardize=False).fit(X, y)
    r = y - plain.predict(X)
    value = (r @ r) / 300 + penalty.value(plain.coef_, 0.3)
    np.testing.assert_allclose(plain.objective_, value, rtol=1e-10)


def test_classifiers_and_other_losses_take_them(data, penalty):
    X, y = data
    if hasattr(penalty, "gamma"):
        penalty = clone(penalty).set_params(adaptive=True)
    noise = np.random.default_rng(2).standard_normal(150)
    labels = np.where(y + 2.0 * noise > np.median(y), "yes", "no")
    model = PenalizedClassifier(0.05, penalty=penalty).fit(X, labels)
    assert model.converged_
    assert model.score(X, labels) > 0.75
    # A weight of two is a row given twice.
    weight = np.where(np.arange(150) < 75, 2.0, 1.0)
    twice = np.r_[np.arange(150), np.arange(75)]
    one = clone(model).fit(X, labels, sample_weight=weight)
    other = clone(model).fit(X[twice], labels[twice])
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-7)
    for loss, response in (("huber", y), ("poisson", np.round(np.exp(y / 10.0)))):
        model = PenalizedRegressor(0.02, loss=loss, penalty=penalty).fit(X, response)
        assert model.converged_
        assert model.score(X, response) > 0.3


def test_all_classes_of_a_multinomial_model_share_their_groups(data):
    X, y = data
    labels = np.digitize(y, np.quantile(y, [0.33, 0.66]))
    model = PenalizedClassifier(0.05, loss="multinomial", penalty=GroupLasso(GROUPS))
    model.fit(X, labels)
    assert model.converged_
    assert model.coef_.shape == (3, 30)
    assert whole(model) < set(GROUPS)
    # The definition: the norm of a group is that of its coefficients for all classes.
    scaled = model.coef_ * X.std(axis=0)
    of = np.unique(GROUPS, return_inverse=True)[1]
    norms = [np.sqrt(3) * np.linalg.norm(scaled[:, of == g]) for g in range(10)]
    P = model.predict_proba(X)
    loss = -np.log(P[np.arange(150), labels]).mean()
    np.testing.assert_allclose(model.objective_, loss + 0.05 * sum(norms), rtol=1e-9)


def test_cox_models_take_them(data):
    X, y = data
    rng = np.random.default_rng(1)
    response = np.zeros(150, dtype=[("event", bool), ("time", float)])
    response["event"], response["time"] = rng.random(150) < 0.8, np.exp(-y / 5.0)
    model = PenalizedCox(0.1, penalty=GroupLasso(GROUPS)).fit(X, response)
    assert model.converged_
    assert "group 0" in whole(model)
    path = penalized_path(
        X, response, loss=CoxLoss(), penalty=GroupLasso(GROUPS), alphas=[1.0, 0.1]
    )
    np.testing.assert_allclose(path.coefs.toarray()[:, 1], model.coef_, atol=1e-6)


def test_unpenalised_excluded_and_nonnegative(data, penalty):
    X, y = data
    by_group = {"group 1": 0.0, "group 4": np.inf, "group 2": 0.5}
    weights = np.array([by_group.get(label, 1.0) for label in GROUPS])
    model = PenalizedRegressor(0.3, penalty=penalty, penalty_weights=weights).fit(X, y)
    assert model.converged_
    assert model.coef_[[1, 11, 21]].all()
    assert not model.coef_[[4, 14, 24]].any()
    model = PenalizedRegressor(0.1, penalty=penalty, positive=True).fit(X, y)
    assert model.converged_
    assert (model.coef_ >= 0.0).all()
    assert model.coef_[10] == 0.0 < model.coef_[20]


def test_constant_columns_get_no_coefficient(data, penalty):
    X, y = data
    X = X.copy()
    X[:, 10] = 7.0
    model = PenalizedRegressor(0.3, penalty=penalty).fit(X, y)
    assert model.converged_
    assert model.coef_[10] == 0.0 != model.coef_[20]


@pytest.mark.parametrize("criterion", ["cv", "aic", "bic", "ebic"])
def test_strengths_are_chosen_from_the_data(data, penalty, criterion):
    X, y = data
    options = {"penalty": penalty, "alphas": 20, "eps": 0.02, "criterion": criterion}
    model = PenalizedRegressorCV(**options).fit(X, y)
    assert set(TRUE) <= set(model.support_)
    assert model.score(X, y) > 0.9
    if criterion != "cv":
        freedom = model.degrees_of_freedom_
        assert freedom[0] == 1.0
        assert (freedom <= 1.0 + model.path_.n_nonzeros + 1e-9).all()


def test_classifiers_choose_strengths(data):
    X, y = data
    labels = y > np.median(y)
    model = PenalizedClassifierCV(alphas=10, eps=0.05, penalty=GroupLasso(GROUPS))
    model.fit(X, labels)
    assert model.score(X, labels) > 0.9
    assert whole(model)


def test_paths_begin_where_the_first_group_enters(data, penalty):
    X, y = data
    path = penalized_path(X, y, penalty=penalty, alphas=10, eps=0.05)
    assert path.converged.all()
    assert path.n_nonzeros[0] == 0 < path.n_nonzeros[1]


def test_warm_starts_and_parameters_of_penalties(data):
    X, y = data
    model = PenalizedRegressor(0.3, penalty=GroupMCP(GROUPS), warm_start=True).fit(X, y)
    coef = model.coef_
    np.testing.assert_allclose(model.fit(X, y).coef_, coef, atol=1e-10)
    assert model.n_iter_ == 1
    search = GridSearchCV(
        PenalizedRegressor(0.3, penalty=GroupMCP(GROUPS)), {"penalty__gamma": [1.5, 3.0]}, cv=3
    )
    search.fit(X, y)
    assert search.best_estimator_.penalty.groups == tuple(GROUPS)
    assert clone(model).penalty == GroupMCP(GROUPS)


def test_what_does_not_fit_is_said(data):
    X, y = data
    for wrong, message in (
        ({"penalty": GroupLasso([0, 1])}, "one label for each of 30 coefficients. Got 2"),
        ({"penalty_weights": np.arange(30.0)}, "penalty_weights must be equal within each"),
        ({"bounds": (-1.0, 1.0)}, "not kept between other bounds"),
        ({"solver": "gram"}, "single coefficients, not GroupLasso"),
        ({"penalty": None, "solver": "group_descent"}, "penalties of groups, not MCP"),
    ):
        with pytest.raises(ValueError, match=message):
            PenalizedRegressor(0.1, **{"penalty": GroupLasso(GROUPS)} | wrong).fit(X, y)
    labels = y > np.median(y)
    with pytest.warns(UserWarning, match="GroupMCP.* bends more than the loss"):
        PenalizedClassifier(0.2, penalty=GroupMCP(GROUPS)).fit(X, labels)
