"""Estimators with penalties on all coefficients together."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sparsestat import L0, PenalizedClassifier, PenalizedRegressor, penalized_path
from sparsestat.penalties import NM, GroupEnvelope, GroupTopK, KSupport, TopK

GROUPS = np.arange(30) // 2
JOINT = [
    KSupport(4),
    GroupEnvelope(GROUPS, 3),
    TopK(4),
    GroupTopK(GROUPS, 3),
    NM(1, 6),
]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 30)) + 2.0
    X[:, ::3] *= 5.0
    y = X[:, [0, 7, 14]] @ [0.4, -1.0, 1.0] + 0.3 * rng.standard_normal(80) + 5.0
    return X, y


@pytest.fixture(params=JOINT, ids=lambda penalty: type(penalty).__name__)
def penalty(request):
    return request.param


def test_regressors_and_classifiers_take_them(data, penalty):
    X, y = data
    model = PenalizedRegressor(0.1, penalty=penalty).fit(X, y)
    assert model.converged_
    assert {0, 7, 14} <= set(model.support_)
    again = PenalizedRegressor(0.1, penalty=penalty).fit(sparse.csc_array(X), y)
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-6)
    labels = y > np.median(y)
    few = PenalizedClassifier(0.1, penalty=penalty, l2=0.01).fit(X, labels)
    assert few.converged_
    assert few.score(X, labels) > 0.9
    assert (model.dual_gap_ < 1e-6) == penalty.convex


def test_unpenalised_and_excluded_features_stand_apart(data, penalty):
    X, y = data
    weights = np.ones(30)
    weights[1], weights[7] = 0.0, np.inf
    model = PenalizedRegressor(0.1, penalty=penalty, penalty_weights=weights).fit(X, y)
    assert model.converged_
    assert model.coef_[1] != 0.0 == model.coef_[7]
    if isinstance(penalty, TopK):
        assert model.support_.size == 5


def test_sizes_are_chosen_by_cross_validation(data):
    X, y = data
    search = GridSearchCV(
        PenalizedRegressor(penalty=TopK(1)), {"penalty__k": [1, 2, 3, 6]}, cv=4
    )
    search.fit(X, y)
    assert search.best_params_ == {"penalty__k": 3}
    np.testing.assert_array_equal(search.best_estimator_.support_, [0, 7, 14])


def test_penalties_are_cloned_with_their_groups(penalty):
    model = PenalizedRegressor(penalty=penalty)
    assert clone(model).penalty == penalty
    assert repr(penalty)[:8] in repr(model)


def test_the_exact_l0_penalty_is_never_worse(data):
    X, y = data
    exact = PenalizedRegressor(0.02, penalty=L0(), solver="subset").fit(X, y)
    plain = PenalizedRegressor(0.02, penalty=L0()).fit(X, y)
    assert exact.converged_
    assert exact.objective_ <= plain.objective_ * (1 + 1e-12)


def test_paths_take_them(data):
    X, y = data
    path = penalized_path(X, y, penalty=KSupport(3), alphas=[1.0, 0.1])
    assert path.coefs.shape == (30, 2)
    assert (path.kkt_violations <= 1e-8).all()


def test_what_does_not_fit_is_said(data):
    X, y = data
    for wrong, message in (
        ({"penalty": GroupTopK([0, 1], 1)}, "one label for each of 30 coefficients. Got 2"),
        ({"penalty": KSupport(3), "penalty_weights": np.arange(30.0)}, "must be equal"),
        ({"penalty": KSupport(3), "bounds": (-1.0, 1.0)}, "bounds 0 and infinity only"),
        ({"penalty": TopK(3), "solver": "gram"}, "single coefficients, not TopK"),
        ({"penalty": L0(), "solver": "accelerated"}, "lets coefficients jump"),
    ):
        with pytest.raises(ValueError, match=message):
            PenalizedRegressor(0.1, **wrong).fit(X, y)
