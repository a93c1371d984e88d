"""The multinomial classifier: one model of all classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import softmax
from scipy.stats import norm
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sparsestat import (
    L1,
    MCP,
    Loss,
    MultinomialLoss,
    PenalizedClassifier,
    PenalizedClassifierCV,
    penalized_path,
)

X, CODES = load_iris(return_X_y=True)
Y = np.array(["setosa", "versicolor", "virginica"])[CODES]


def fit(alpha=0.02, **options):
    return PenalizedClassifier(alpha, **({"loss": "multinomial", "penalty": L1()} | options))


def test_the_model_is_scikit_learns():
    model = fit(standardize=False).fit(X, Y)
    peer = LogisticRegression(
        l1_ratio=1.0, C=1.0 / (0.02 * len(Y)), solver="saga", max_iter=100_000, tol=1e-9
    ).fit(X, Y)
    assert_allclose(model.coef_, peer.coef_, atol=1e-5)
    assert_allclose(model.intercept_, peer.intercept_ - peer.intercept_.mean(), atol=1e-4)
    assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-5)
    assert (model.predict(X) == peer.predict(X)).all()


def test_attributes_have_a_row_for_every_class():
    model = fit().fit(X, Y)
    assert model.coef_.shape == (3, 4)
    assert model.intercept_.shape == (3,)
    assert_allclose(model.intercept_.sum(), 0.0, atol=1e-12)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.converged_
    assert model.dual_gap_ <= 1e-7
    eta = X @ model.coef_.T + model.intercept_
    assert_allclose(model.decision_function(X), eta)
    assert_allclose(model.predict_proba(X), softmax(eta, axis=1))
    value = log_loss(Y, model.predict_proba(X))
    scaled = model.coef_ * X.std(axis=0)
    assert_allclose(model.objective_, value + 0.02 * np.abs(scaled).sum(), rtol=1e-10)


def test_two_classes_are_the_logistic_model():
    two = CODES > 0
    one, other = (fit(loss=loss).fit(X[two], Y[two]) for loss in ("multinomial", "log_loss"))
    assert_allclose(one.coef_, other.coef_)
    assert_allclose(one.predict_proba(X), other.predict_proba(X))


def test_unpenalised_features_are_told_apart_by_sums_of_zero():
    model = fit(penalty_weights=[0.0, 1.0, 1.0, np.inf]).fit(X, Y)
    assert_allclose(model.coef_[:, 0].sum(), 0.0, atol=1e-9)
    assert model.coef_[:, 0].all()
    assert not model.coef_[:, 3].any()


def test_sparse_weighted_and_warm_fits_are_the_same():
    plain = fit(tol=1e-10).fit(X, Y)
    assert_allclose(fit(tol=1e-10).fit(sparse.csr_array(X), Y).coef_, plain.coef_, atol=1e-6)
    weight = np.random.default_rng(0).integers(0, 3, len(Y))
    rows = np.repeat(np.arange(len(Y)), weight)
    weighted = fit(tol=1e-10).fit(X, Y, sample_weight=weight)
    repeated = fit(tol=1e-10).fit(X[rows], Y[rows])
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-6)
    warm = fit(warm_start=True).fit(X, Y)
    n_iter = warm.n_iter_
    warm.fit(X, Y)
    assert warm.n_iter_ < n_iter
    assert_allclose(warm.coef_, plain.coef_, atol=1e-4)


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_cross_validation_and_criteria_choose_a_model(penalty):
    # One class is far from the others: without l2 MCP leaves its coefficients without end.
    options = {"loss": MultinomialLoss(), "penalty": penalty, "l2": 1e-3 * (penalty != L1())}
    options |= {"eps": 0.02, "alphas": 20}
    model = PenalizedClassifierCV(**options).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert len(model.path_) == 3
    k = int(np.flatnonzero(model.alphas_ == model.alpha_)[0])
    for row, path in zip(model.coef_, model.path_, strict=True):
        assert_allclose(path.coefs.toarray()[:, k], row)
    bic = PenalizedClassifierCV(**options, criterion="bic").fit(X, Y)
    k = int(np.flatnonzero(bic.alphas_ == bic.alpha_)[0])
    parameters = np.count_nonzero(bic.coef_) + 2
    deviance = 2 * len(Y) * log_loss(Y, bic.predict_proba(X))
    if penalty == L1():
        assert_allclose(bic.criterion_[k], deviance + parameters * np.log(len(Y)), rtol=1e-9)
    by_score = PenalizedClassifierCV(**options, scoring="neg_log_loss").fit(X, Y)
    assert_allclose(
        by_score.cv_results_["mean_test_score"], model.cv_results_["mean_test_score"]
    )


def test_paths_of_several_classes_are_found_elsewhere():
    with pytest.raises(ValueError, match=r"PenalizedClassifierCV"):
        penalized_path(X, CODES, loss="multinomial")
    with pytest.raises(ValueError, match="loss must be one for classes"):
        PenalizedClassifier(loss=MCPLike()).fit(X, Y)


class MCPLike(MultinomialLoss):
    """A loss of numbers, not classes."""

    response = "number"


class Probit(Loss):
    """A loss of classes with another link, whose probabilities the classifier cannot know."""

    response = "class"

    def value(self, y, eta):
        return -norm.logcdf((2.0 * y - 1.0) * eta)

    def gradient(self, y, eta):
        sign = 2.0 * y - 1.0
        return -sign * np.exp(norm.logpdf(eta) - norm.logcdf(sign * eta))

    def curvature(self, y, eta):
        slope = self.gradient(y, eta)
        return np.maximum(slope * (slope - eta), 0.0)  # rounding far out


def test_losses_with_another_link_are_for_paths_only():
    two = CODES > 0
    with pytest.raises(ValueError, match="'loss' parameter of PenalizedClassifier"):
        PenalizedClassifier(loss=Probit()).fit(X[two], Y[two])
    path = penalized_path(
        X[two], CODES[two] - 1, loss=Probit(), penalty=L1(), alphas=5, eps=0.2
    )
    assert path.converged.all()


@pytest.mark.parametrize("weight", [1e-4, 1e-8, 1e-12, 1e-30, 1e-100])
def test_light_classes_are_fitted_as_well_as_others(weight):
    """Their gradients are small numbers, which must not be differences of large ones."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 3
    weights = np.where(y == 0, 1.0, weight * np.where(y == 1, 1.0, 2.0))
    model = PenalizedClassifier(1.0, loss="multinomial", penalty=L1())
    model.fit(X, y, sample_weight=weights)
    assert_allclose(np.diff(model.intercept_)[0], np.log(weight), rtol=1e-9)
    assert_allclose(np.diff(model.intercept_)[1], np.log(2.0), rtol=1e-9)
    model.set_params(alpha=0.05 * weight).fit(X, y, sample_weight=weights)
    assert model.converged_
    assert np.isfinite(model.coef_).all()
