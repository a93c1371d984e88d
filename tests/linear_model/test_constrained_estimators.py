"""Linear constraints of estimators: they hold for the user's coefficients, or are refused."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import LinearConstraint
from sklearn.base import clone

from sparsestat import (
    L1,
    MCP,
    ElasticNet,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedRegressor,
    PenalizedRegressorCV,
    penalized_path,
)

N, P = 80, 12
RNG = np.random.default_rng(0)
X = np.log(RNG.dirichlet(np.ones(P), N)) * np.geomspace(0.1, 10.0, P)
ETA = (X[:, 0] - X[:, 1]) * 5.0 + X[:, 5]
Y = ETA + RNG.standard_normal(N)
ONES = LinearConstraint(np.ones(P), 0.0, 0.0)
WEIGHT = RNG.uniform(0.2, 2.0, N)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_constraints_hold_for_the_users_columns(standardize, fit_intercept, loss, kind):
    model = PenalizedRegressor(
        0.1,
        penalty=L1(),
        loss=loss,
        constraints=[ONES, LinearConstraint(np.eye(P)[:2], -0.5, 0.5)],
        standardize=standardize,
        fit_intercept=fit_intercept,
    ).fit(kind(X), Y, sample_weight=WEIGHT)
    assert model.converged_
    assert model.support_.size > 1
    assert abs(model.coef_.sum()) <= 1e-13 * np.abs(model.coef_).max()
    assert np.abs(model.coef_[:2]).max() <= 0.5 + 1e-15


def test_predictions_do_not_see_what_the_constraint_rules_out():
    path = penalized_path(X, Y, penalty=L1(), constraints=ONES, alphas=20, eps=0.01)
    depth = 3.0 * RNG.standard_normal((N, 1))
    np.testing.assert_allclose(path.predict(X + depth), path.predict(X), atol=1e-10)
    assert path.coefs[:, [0]].nnz == 0
    assert path.coefs[:, [1]].nnz >= 2


def test_constant_and_excluded_columns_are_zero_to_constraints():
    constant = X.copy()
    constant[:, 3] = 2.0
    weights = np.ones(P)
    weights[4] = np.inf
    options = {"alpha": 0.1, "penalty": L1(), "penalty_weights": weights}
    held = LinearConstraint(np.ones(P), 1.0, 1.0)
    model = PenalizedRegressor(constraints=held, **options).fit(constant, Y)
    assert not model.coef_[3:5].any()
    np.testing.assert_allclose(model.coef_.sum(), 1.0, atol=1e-13)
    for j in (3, 4):
        impossible = LinearConstraint(np.eye(P)[j], 0.5, 0.5)
        with pytest.raises(ValueError, match="constraints cannot be met"):
            PenalizedRegressor(constraints=impossible, **options).fit(constant, Y)


def test_cross_validation_and_copies_keep_constraints():
    model = PenalizedRegressorCV(15, eps=0.02, cv=3, penalty=ElasticNet(0.7), constraints=ONES)
    fitted = clone(model).fit(X, Y)
    assert abs(fitted.coef_.sum()) <= 1e-12
    assert clone(fitted).get_params()["constraints"] is not None


def test_float32_coefficients_meet_constraints_as_well_as_they_can():
    model = PenalizedRegressor(0.1, penalty=L1(), constraints=ONES)
    coef = model.fit(X.astype(np.float32), Y).coef_
    assert coef.dtype == np.float32
    assert abs(coef.sum(dtype=np.float64)) <= 1e-6 * np.abs(coef).max()


@pytest.mark.parametrize("loss", ["log_loss", "multinomial"])
def test_every_class_meets_the_constraints(loss):
    labels = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))
    model = PenalizedClassifier(0.02, loss=loss, penalty=L1(), constraints=ONES).fit(X, labels)
    assert model.converged_
    np.testing.assert_allclose(model.coef_.sum(axis=1), 0.0, atol=1e-12)
    assert (np.count_nonzero(model.coef_, axis=1) > 1).any()
    chosen = PenalizedClassifierCV(
        5, eps=0.1, cv=2, loss=loss, penalty=L1(), constraints=ONES
    ).fit(X, labels)
    np.testing.assert_allclose(chosen.coef_.sum(axis=1), 0.0, atol=1e-12)


def test_hazards_take_constraints():
    y = np.empty(N, dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = RNG.random(N) < 0.7, RNG.exponential(np.exp(-0.2 * ETA))
    model = PenalizedCox(0.02, penalty=L1(), constraints=ONES).fit(X, y)
    assert model.converged_
    assert model.support_.size > 1
    assert abs(model.coef_.sum()) <= 1e-12


def test_what_does_not_fit_is_refused():
    fit = {"alpha": 0.1, "penalty": L1()}
    with pytest.raises(ValueError, match=f"one column for each of {P} features"):
        PenalizedRegressor(constraints=LinearConstraint(np.ones(3), 0, 0), **fit).fit(X, Y)
    with pytest.raises(ValueError, match="takes convex penalties, and MCP"):
        PenalizedRegressor(0.1, penalty=MCP(3.0), constraints=ONES).fit(X, Y)
    with pytest.raises(ValueError, match="'gram' does not fit: it takes no constraints"):
        PenalizedRegressor(constraints=ONES, solver="gram", **fit).fit(X, Y)
    with pytest.raises(ValueError, match="The 'constraints' parameter"):
        PenalizedRegressor(constraints=np.ones(P), **fit).fit(X, Y)
    with pytest.raises(TypeError, match=r"constraints must be a scipy\.optimize\.LinearCon"):
        PenalizedRegressor(constraints=[np.ones(P)], **fit).fit(X, Y)
    with pytest.raises(ValueError, match=r"no alpha sets them to zero\. Give alphas"):
        penalized_path(X, Y, penalty=L1(), constraints=LinearConstraint(np.ones(P), 1, 1))
