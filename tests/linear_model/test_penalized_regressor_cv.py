"""PenalizedRegressorCV against cross-validation written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold, LeaveOneOut, ShuffleSplit

from sparsestat import (
    L1,
    MCP,
    SCAD,
    ElasticNet,
    PenalizedRegressor,
    PenalizedRegressorCV,
    penalized_path,
)
from sparsestat.base import validate

ALPHAS = np.array([0.8, 0.3, 0.1, 0.03])


@pytest.fixture
def weight(tall):
    return np.random.default_rng(1).uniform(0.2, 2.0, tall.y.size)


@pytest.fixture
def offset(tall):
    return np.cos(np.arange(tall.y.size))


def half_squared_error(y, predicted, weight):
    return -np.average((y - predicted) ** 2, weights=weight) / 2


SCORES = {
    None: half_squared_error,
    "r2": lambda y, eta, w: r2_score(y, eta, sample_weight=w),
    "neg_mean_absolute_error": lambda y, eta, w: -mean_absolute_error(y, eta, sample_weight=w),
}


def scores_by_hand(spec, X, y, folds, score, sample_weight=None, offset=None):
    """Fit and score a model for each fold and strength; return (n_folds, n_alphas)."""
    scores = np.empty((len(folds), ALPHAS.size))
    for f, (train, test) in enumerate(folds):
        for k, alpha in enumerate(ALPHAS):
            model = (
                clone(spec)
                .set_params(alpha=alpha)
                .fit(
                    X[train],
                    y[train],
                    sample_weight=None if sample_weight is None else sample_weight[train],
                    offset=None if offset is None else offset[train],
                )
            )
            eta = model.predict(X[test], offset=None if offset is None else offset[test])
            held = None if sample_weight is None else sample_weight[test]
            scores[f, k] = score(y[test], eta, held)
    return scores


# --- scores -------------------------------------------------------------------


@pytest.mark.parametrize("scoring", SCORES)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_a_loop(tall, weight, offset, penalty, scoring, to_input, weighted):
    X, y = to_input(tall.X), tall.y
    extras = {"sample_weight": weight, "offset": offset} if weighted else {}
    model = PenalizedRegressorCV(ALPHAS, penalty=penalty, cv=3, scoring=scoring, tol=1e-11).fit(
        X, y, **extras
    )
    spec = PenalizedRegressor(penalty=penalty, tol=1e-11)
    folds = list(KFold(3).split(tall.X))
    expected = scores_by_hand(spec, X, y, folds, SCORES[scoring], **extras)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-8)


@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=str)
def test_nonconvex_folds_follow_the_same_strengths(tall, penalty):
    folds = list(KFold(3).split(tall.X))
    model = PenalizedRegressorCV(ALPHAS, penalty=penalty, cv=3).fit(tall.X, tall.y)
    for f, (train, test) in enumerate(folds):
        path = penalized_path(tall.X[train], tall.y[train], penalty=penalty, alphas=ALPHAS)
        errors = (tall.y[test, None] - path.predict(tall.X[test])) ** 2
        expected = -errors.mean(axis=0) / 2
        assert_allclose(model.cv_results_["test_scores"][f], expected, rtol=1e-9)


def test_a_callable_scores_a_fitted_regressor(tall):
    seen = []

    def scorer(estimator, X, y):
        seen.append(X.shape)
        return -np.abs(y - estimator.predict(X)).max()

    model = PenalizedRegressorCV(ALPHAS, penalty=L1(), cv=3, scoring=scorer)
    model.fit(tall.X, tall.y)
    folds = list(KFold(3).split(tall.X))
    expected = scores_by_hand(
        PenalizedRegressor(penalty=L1()),
        tall.X,
        tall.y,
        folds,
        lambda y, eta, _: -np.abs(y - eta).max(),
    )
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-6)
    assert seen == [(50, 30)] * 12


def test_weights_go_to_callables_that_take_them(tall, weight):
    def scorer(estimator, X, y, sample_weight=None):
        return -np.average(np.abs(y - estimator.predict(X)), weights=sample_weight)

    options = {"alphas": ALPHAS, "penalty": L1(), "cv": 3}
    by_callable = PenalizedRegressorCV(scoring=scorer, **options)
    by_name = PenalizedRegressorCV(scoring="neg_mean_absolute_error", **options)
    by_callable.fit(tall.X, tall.y, sample_weight=weight)
    by_name.fit(tall.X, tall.y, sample_weight=weight)
    assert_allclose(by_callable.cv_results_["test_scores"], by_name.cv_results_["test_scores"])


def test_a_score_that_cannot_be_weighted_is_named(tall, weight):
    def scorer(estimator, X, y):
        return 0.0

    model = PenalizedRegressorCV(ALPHAS, scoring=scorer)
    with pytest.raises((TypeError, ValueError), match=r"sample_weight"):
        model.fit(tall.X, tall.y, sample_weight=weight)


# --- means and choices --------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("selection", ["min", "one_se"])
@pytest.mark.parametrize("scoring", SCORES)
def test_the_choice_follows_its_definition(tall, weight, weighted, selection, scoring):
    weights = weight if weighted else np.ones(tall.y.size)
    folds = list(KFold(7).split(tall.X))  # 150 samples: folds of 22 and 21
    model = PenalizedRegressorCV(
        30, eps=0.01, penalty=L1(), cv=folds, selection=selection, scoring=scoring
    ).fit(tall.X, tall.y, sample_weight=weight if weighted else None)
    results = model.cv_results_
    scores = results["test_scores"]
    share = np.array([weights[test].sum() for _, test in folds]) / weights.sum()
    mean = share @ scores
    error = np.sqrt(share @ (scores - mean) ** 2 / 6)
    assert_allclose(results["mean_test_score"], mean)
    assert_allclose(results["standard_error"], error)
    assert_array_equal(results["alpha"], model.alphas_)
    best = np.argmax(mean)
    if selection == "min":
        assert model.alpha_ == model.alphas_[best]
    else:
        assert model.alpha_ == model.alphas_[mean >= mean[best] - error[best]].max()
        assert model.alpha_ > model.alphas_[best]


def test_equal_folds_have_the_textbook_standard_error(tall):
    model = PenalizedRegressorCV(ALPHAS, cv=5).fit(tall.X, tall.y)
    scores = model.cv_results_["test_scores"]
    expected = scores.std(axis=0, ddof=1) / np.sqrt(5)
    assert_allclose(model.cv_results_["standard_error"], expected)


def test_one_fold_has_no_standard_error_and_is_chosen_by_its_score(tall):
    split = ShuffleSplit(1, random_state=0)
    chosen = [
        PenalizedRegressorCV(ALPHAS, cv=split, selection=selection).fit(tall.X, tall.y)
        for selection in ("min", "one_se")
    ]
    assert np.isnan(chosen[0].cv_results_["standard_error"]).all()
    assert chosen[0].alpha_ == chosen[1].alpha_


def test_equal_scores_are_decided_for_the_largest_strength(tall):
    model = PenalizedRegressorCV(ALPHAS, scoring=lambda estimator, X, y: 1.0)
    assert model.fit(tall.X, tall.y).alpha_ == ALPHAS.max()


@pytest.mark.parametrize("selection", ["min", "one_se"])
def test_the_model_is_the_point_of_the_full_path(tall, penalty, weight, selection):
    model = PenalizedRegressorCV(8, eps=0.01, penalty=penalty, cv=3, selection=selection)
    model.fit(tall.X, tall.y, sample_weight=weight)
    path = penalized_path(
        tall.X, tall.y, penalty=penalty, alphas=8, eps=0.01, sample_weight=weight
    )
    k = int(np.flatnonzero(model.alphas_ == model.alpha_)[0])
    assert_array_equal(model.alphas_, path.alphas)
    assert_array_equal(model.path_.coefs.toarray(), path.coefs.toarray())
    assert_array_equal(model.coef_, path.coefs[:, [k]].toarray().ravel())
    assert model.intercept_ == path.intercepts[k]
    assert model.kkt_violation_ == path.kkt_violations[k]
    assert model.objective_ == path.objectives[k]
    assert_array_equal(model.support_, np.flatnonzero(model.coef_))
    assert_array_equal(model.cv_results_["n_nonzero"], path.n_nonzeros)
    assert model.n_iter_ == path.n_iters.sum()


def test_the_lasso_chooses_as_scikit_learn_does(tall):
    model = PenalizedRegressorCV(30, penalty=L1(), standardize=False, cv=5, tol=1e-10)
    peer = LassoCV(alphas=30, cv=5, tol=1e-10).fit(tall.X, tall.y)
    model.fit(tall.X, tall.y)
    assert_allclose(model.alphas_, peer.alphas_)
    assert_allclose(model.alpha_, peer.alpha_)
    assert_allclose(model.coef_, peer.coef_, atol=1e-7)
    assert_allclose(-2 * model.cv_results_["test_scores"].T, peer.mse_path_, rtol=1e-6)


# --- folds --------------------------------------------------------------------


def test_folds_may_be_given_in_every_form_scikit_learn_takes(tall):
    folds = list(KFold(4).split(tall.X))
    masks = [tuple(np.isin(np.arange(150), part) for part in fold) for fold in folds]
    forms = [4, KFold(4), folds, (fold for fold in folds), masks]
    models = [PenalizedRegressorCV(ALPHAS, cv=form).fit(tall.X, tall.y) for form in forms]
    for model in models[1:]:
        for name, values in models[0].cv_results_.items():
            assert_array_equal(model.cv_results_[name], values)
    default = PenalizedRegressorCV(ALPHAS).fit(tall.X, tall.y)
    assert default.cv_results_["test_scores"].shape == (5, ALPHAS.size)


def test_leaving_one_out_is_the_mean_over_samples(tall):
    X, y = tall.X[:20, :5], tall.y[:20]
    model = PenalizedRegressorCV([0.1], penalty=L1(), cv=LeaveOneOut()).fit(X, y)
    errors = [
        y[i]
        - PenalizedRegressor(0.1, penalty=L1())
        .fit(np.delete(X, i, axis=0), np.delete(y, i))
        .predict(X[[i]])
        for i in range(20)
    ]
    assert_allclose(model.cv_results_["mean_test_score"], -np.mean(np.square(errors)) / 2)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_results_do_not_depend_on_the_number_of_threads(wide, penalty, to_input):
    models = [
        PenalizedRegressorCV(10, eps=0.05, penalty=penalty, cv=3, n_jobs=n_jobs).fit(
            to_input(wide.X), wide.y
        )
        for n_jobs in (1, 2)
    ]
    for name, values in models[0].cv_results_.items():
        assert_array_equal(models[1].cv_results_[name], values)
    assert_array_equal(models[1].coef_, models[0].coef_)


def test_whole_weights_equal_copies_that_stay_in_their_fold(tall, penalty):
    counts = np.random.default_rng(2).integers(0, 3, tall.y.size)
    owner = np.repeat(np.arange(tall.y.size), counts)
    folds = list(KFold(3).split(tall.X))
    copies = [tuple(np.flatnonzero(np.isin(owner, part)) for part in fold) for fold in folds]
    options = {"alphas": ALPHAS, "penalty": penalty}
    weighted = PenalizedRegressorCV(cv=folds, **options)
    weighted.fit(tall.X, tall.y, sample_weight=counts)
    repeated = PenalizedRegressorCV(cv=copies, **options).fit(tall.X[owner], tall.y[owner])
    assert weighted.alpha_ == repeated.alpha_
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    for name in ("mean_test_score", "standard_error"):
        assert_allclose(weighted.cv_results_[name], repeated.cv_results_[name], atol=1e-7)


def test_an_offset_shifts_the_response_of_every_fold(tall, offset):
    options = {"alphas": ALPHAS, "cv": 3}
    model = PenalizedRegressorCV(**options).fit(tall.X, tall.y, offset=offset)
    shifted = PenalizedRegressorCV(**options).fit(tall.X, tall.y - offset)
    assert_allclose(
        model.cv_results_["test_scores"], shifted.cv_results_["test_scores"], rtol=1e-9
    )
    assert_allclose(model.coef_, shifted.coef_, atol=1e-12)
    assert_allclose(model.predict(tall.X, offset), shifted.predict(tall.X) + offset)


def test_strengths_may_come_in_any_order(tall):
    expected = PenalizedRegressorCV(ALPHAS).fit(tall.X, tall.y)
    model = PenalizedRegressorCV(list(ALPHAS[::-1])).fit(tall.X, tall.y)
    assert_array_equal(model.alphas_, ALPHAS)
    assert model.alpha_ == expected.alpha_
    assert_array_equal(model.cv_results_["test_scores"], expected.cv_results_["test_scores"])


@pytest.mark.parametrize("rows", [np.arange(100), np.arange(150) < 100], ids=["index", "mask"])
def test_training_parts_keep_their_columns_together_in_memory(tall, rows):
    part = validate(tall.X, tall.y).take(rows).X
    assert_array_equal(part, tall.X[:100])
    assert part.flags.f_contiguous


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_folds_that_miss_the_tolerance_warn_at_the_line_that_fits(wide, n_jobs):
    model = PenalizedRegressorCV(5, penalty=L1(), cv=3, max_iter=1, n_jobs=n_jobs)
    with pytest.warns(ConvergenceWarning, match="max_iter") as caught:
        model.fit(wide.X, wide.y)
    assert {warning.filename for warning in caught} == {__file__}


# --- scores that say nothing --------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, [1.0, 2.0], "good", None], ids=str)
def test_scores_that_are_no_finite_numbers_are_refused(tall, value):
    model = PenalizedRegressorCV(ALPHAS, scoring=lambda estimator, X, y: value)
    with pytest.raises((TypeError, ValueError), match="scoring"):
        model.fit(tall.X, tall.y)


def test_a_fold_whose_held_out_part_has_no_weight_is_refused(tall):
    weight = np.where(np.arange(150) < 50, 0.0, 1.0)
    model = PenalizedRegressorCV(ALPHAS, cv=3)
    with pytest.raises(ValueError, match="sample_weight is zero for every sample of a"):
        model.fit(tall.X, tall.y, sample_weight=weight)
