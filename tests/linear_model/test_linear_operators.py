"""Designs that are known by their products only."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from sparsestat import (
    L1,
    MCP,
    KSupport,
    PenalizedClassifier,
    PenalizedRegressor,
    PenalizedRegressorCV,
    TopK,
    penalized_path,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 30)) + 1.0
Y = X[:, 0] - X[:, 3] + 0.3 * RNG.standard_normal(80) + 2.0
COUNTS = RNG.poisson(np.exp(0.3 * X[:, 0])).astype(float)
WEIGHT = RNG.uniform(0.5, 2.0, 80)
OFFSET = 0.2 * RNG.standard_normal(80)


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0), KSupport(3)], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_an_operator_is_fitted_as_the_array_is(penalty, fit_intercept, loss):
    y = Y if loss == "squared_error" else COUNTS
    options = {"penalty": penalty, "fit_intercept": fit_intercept, "standardize": False}
    model = PenalizedRegressor(0.2, loss=loss, solver="accelerated", tol=1e-9, **options)
    arrays = model.fit(X, y, sample_weight=WEIGHT, offset=OFFSET).coef_.copy()
    model = PenalizedRegressor(0.2, loss=loss, tol=1e-9, **options)
    model.fit(aslinearoperator(X), y, sample_weight=WEIGHT, offset=OFFSET)
    assert_allclose(model.coef_, arrays, atol=1e-6)
    assert model.n_features_in_ == 30
    assert_allclose(model.predict(aslinearoperator(X)), model.predict(X))


def test_paths_and_classifiers_take_operators():
    path = penalized_path(
        aslinearoperator(X), Y, penalty=L1(), standardize=False, alphas=5, eps=0.1
    )
    same = penalized_path(X, Y, penalty=L1(), standardize=False, alphas=5, eps=0.1)
    assert_allclose(path.coefs.toarray(), same.coefs.toarray(), atol=1e-6)
    model = PenalizedClassifier(0.1, penalty=L1(), standardize=False)
    operator = model.fit(aslinearoperator(X), Y > 2.0).coef_.copy()
    assert_allclose(model.fit(X, Y > 2.0).coef_, operator, atol=1e-6)


def test_sums_need_no_matrix():
    """A jump in the mean of a series: coefficients are the steps."""
    n = 200
    y = np.where(np.arange(n) < 80, 0.0, 3.0) + 0.1 * RNG.standard_normal(n)
    sums = LinearOperator(
        (n, n),
        matvec=lambda b: np.cumsum(b),
        rmatvec=lambda r: np.cumsum(r[::-1])[::-1],
        dtype=float,
    )
    model = PenalizedRegressor(0.05, penalty=L1(), standardize=False, tol=1e-6).fit(sums, y)
    assert np.abs(model.coef_[1:]).argmax() + 1 == 80


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "standardize=True needs the columns"),
        ({"standardize": False, "solver": "working_set"}, "reads columns of X"),
        ({"standardize": False, "loss": "quantile"}, "reads columns of X"),
        ({"standardize": False, "solver": "subset", "penalty": TopK(3)}, "reads columns of X"),
    ],
)
def test_what_needs_columns_says_so(options, message):
    options = {"penalty": L1(), **options}
    with pytest.raises(ValueError, match=message):
        PenalizedRegressor(0.1, **options).fit(aslinearoperator(X), Y)


def test_rows_cannot_be_taken():
    operator = aslinearoperator(X)
    with pytest.raises(ValueError, match="no rows can be taken"):
        PenalizedRegressorCV(5, penalty=L1(), standardize=False).fit(operator, Y)
    weight = np.r_[0.0, np.ones(79)]
    with pytest.raises(ValueError, match="no rows can be taken"):
        PenalizedRegressor(penalty=L1(), standardize=False).fit(operator, Y, weight)
    with pytest.raises(ValueError, match="X must be real"):
        PenalizedRegressor(standardize=False).fit(aslinearoperator(1j * X), Y)
    with pytest.raises(ValueError, match="30 features"):
        PenalizedRegressor(penalty=L1()).fit(X, Y).predict(aslinearoperator(X.T))
