"""PenalizedClassifierCV against cross-validation written out."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score, make_scorer, roc_auc_score
from sklearn.model_selection import KFold, LeaveOneOut, ShuffleSplit, StratifiedKFold

from sparsestat import (
    L1,
    MCP,
    SCAD,
    ElasticNet,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressorCV,
    penalized_path,
)
from sparsestat.solvers import Status

ALPHAS = np.array([0.3, 0.12, 0.06, 0.03])
LABELS = {2: np.array(["absent", "case"]), 3: np.array(["ape", "bee", "cat"])}


@pytest.fixture(scope="module")
def latent(tall):
    noise = np.random.default_rng(2).logistic(scale=2.0, size=150)
    return tall.y + noise


@pytest.fixture
def two(latent):
    return LABELS[2][(latent > 0.2).astype(int)]


@pytest.fixture
def three(latent):
    return LABELS[3][np.digitize(latent, np.quantile(latent, [0.5, 0.8]))]


@pytest.fixture(params=[2, 3], ids=["two classes", "three classes"])
def y(request):
    return request.getfixturevalue({2: "two", 3: "three"}[request.param])


@pytest.fixture
def weight():
    return np.random.default_rng(1).uniform(0.2, 2.0, 150)


@pytest.fixture
def offset():
    return np.cos(np.arange(150.0))


# --- scores -------------------------------------------------------------------


def log_likelihood(classes, y, eta, weight):
    if eta.ndim == 1:
        chances = np.where(y == classes[1], expit(eta), 1 - expit(eta))
    else:
        alone = expit(eta)
        chances = (alone / alone.sum(axis=1, keepdims=True))[y[:, None] == classes]
    return np.average(np.log(chances), weights=weight)


def accuracy(classes, y, eta, weight):
    chosen = (eta > 0.0).astype(int) if eta.ndim == 1 else eta.argmax(axis=1)
    return np.average(classes[chosen] == y, weights=weight)


def area_under_the_curve(classes, y, eta, weight):
    """Return the chance that of a random pair of both classes the right one is higher."""
    weight = np.ones(y.size) if weight is None else weight
    case = y == classes[1]
    pairs = np.outer(weight[case], weight[~case])
    above = np.subtract.outer(eta[case], eta[~case])
    return (pairs * ((above > 0) + 0.5 * (above == 0))).sum() / pairs.sum()


SCORES = {
    None: log_likelihood,
    "neg_log_loss": log_likelihood,
    "accuracy": accuracy,
    "roc_auc": area_under_the_curve,
}


def part(values, rows):
    return None if values is None else values[rows]


def scores_by_hand(spec, X, y, folds, score, sample_weight=None, offset=None):
    """Fit and score a model for each fold and strength; return (n_folds, n_alphas)."""
    scores = np.empty((len(folds), ALPHAS.size))
    for f, (train, test) in enumerate(folds):
        for k, alpha in enumerate(ALPHAS):
            model = clone(spec).set_params(alpha=alpha)
            model.fit(
                X[train],
                y[train],
                sample_weight=part(sample_weight, train),
                offset=part(offset, train),
            )
            eta = model.decision_function(X[test], offset=part(offset, test))
            scores[f, k] = score(model.classes_, y[test], eta, part(sample_weight, test))
    return scores


@pytest.mark.parametrize("scoring", SCORES)
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_a_loop(
    tall, two, weight, offset, penalty, scoring, to_input, weighted
):
    X = to_input(tall.X)
    extras = {"sample_weight": weight, "offset": offset} if weighted else {}
    model = PenalizedClassifierCV(
        ALPHAS, penalty=penalty, cv=3, scoring=scoring, tol=1e-10
    ).fit(X, two, **extras)
    spec = PenalizedClassifier(penalty=penalty, tol=1e-10)
    folds = list(StratifiedKFold(3).split(tall.X, two))
    expected = scores_by_hand(spec, X, two, folds, SCORES[scoring], **extras)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-7)
    assert np.unique(expected).size > 4


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "accuracy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_several_classes_are_those_of_a_loop(tall, three, weight, scoring, weighted):
    extras = {"sample_weight": weight} if weighted else {}
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=3, scoring=scoring, tol=1e-10)
    model.fit(tall.X, three, **extras)
    spec = PenalizedClassifier(penalty=L1(), tol=1e-10)
    folds = list(StratifiedKFold(3).split(tall.X, three))
    expected = scores_by_hand(spec, tall.X, three, folds, SCORES[scoring], **extras)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-7)


@pytest.mark.parametrize("penalty", [MCP(12.0), SCAD(adaptive=True)], ids=str)
def test_nonconvex_folds_follow_the_same_strengths(tall, two, penalty):
    options = {"penalty": penalty, "l2": 0.01}
    model = PenalizedClassifierCV(ALPHAS, cv=3, **options).fit(tall.X, two)
    case = (two == "case").astype(float)
    for f, (train, test) in enumerate(StratifiedKFold(3).split(tall.X, two)):
        path = penalized_path(
            tall.X[train], case[train], loss="log_loss", alphas=ALPHAS, **options
        )
        eta = path.predict(tall.X[test])
        expected = np.log(expit(np.where(case[test, None], eta, -eta))).mean(axis=0)
        assert_allclose(model.cv_results_["test_scores"][f], expected, rtol=1e-8)


def test_a_callable_scores_a_fitted_classifier(tall, y):
    seen = []

    def scorer(estimator, X, y):
        seen.append(X.shape)
        classes = estimator.classes_
        chances = estimator.predict_proba(X)
        assert_allclose(np.exp(estimator.predict_log_proba(X)), chances)
        eta = estimator.decision_function(X)
        assert_array_equal(estimator.predict(X), classes[chances.argmax(axis=1)])
        return -np.abs(chances - (y[:, None] == classes)).sum() + 0.0 * eta.sum()

    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=3, scoring=scorer, tol=1e-10)
    model.fit(tall.X, y)

    def score(classes, y, eta, _):
        chances = expit(np.column_stack([-eta, eta]) if eta.ndim == 1 else eta)
        chances /= chances.sum(axis=1, keepdims=True)
        return -np.abs(chances - (y[:, None] == classes)).sum()

    folds = list(StratifiedKFold(3).split(tall.X, y))
    spec = PenalizedClassifier(penalty=L1(), tol=1e-10)
    expected = scores_by_hand(spec, tall.X, y, folds, score)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-7)
    assert seen == [(50, 30)] * 12


@pytest.mark.parametrize(
    "scoring", ["roc_auc_ovr", "f1_macro", make_scorer(f1_score, average="weighted")], ids=str
)
def test_other_scores_of_scikit_learn_can_be_taken(tall, three, weight, scoring):
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=3, scoring=scoring, tol=1e-10)
    model.fit(tall.X, three, sample_weight=weight)
    folds = list(StratifiedKFold(3).split(tall.X, three))

    def score(classes, y, eta, w):
        if scoring == "roc_auc_ovr":
            chances = expit(eta) / expit(eta).sum(axis=1, keepdims=True)
            return roc_auc_score(y, chances, multi_class="ovr", sample_weight=w)
        average = "macro" if scoring == "f1_macro" else "weighted"
        chosen = classes[eta.argmax(axis=1)]
        return f1_score(y, chosen, average=average, sample_weight=w)

    spec = PenalizedClassifier(penalty=L1(), tol=1e-10)
    expected = scores_by_hand(spec, tall.X, three, folds, score, sample_weight=weight)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-7)


def test_a_score_that_cannot_be_weighted_is_named(tall, two, weight):
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), scoring=lambda estimator, X, y: 0.0)
    with pytest.raises((TypeError, ValueError), match=r"sample_weight"):
        model.fit(tall.X, two, sample_weight=weight)


# --- means and choices --------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("selection", ["min", "one_se"])
@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_the_choice_follows_its_definition(tall, y, weight, weighted, selection, scoring):
    weights = weight if weighted else np.ones(150)
    folds = list(StratifiedKFold(7).split(tall.X, y))
    model = PenalizedClassifierCV(
        10, eps=0.1, penalty=L1(), cv=folds, selection=selection, scoring=scoring
    ).fit(tall.X, y, sample_weight=weight if weighted else None)
    results = model.cv_results_
    scores = results["test_scores"]
    share = np.array([weights[test].sum() for _, test in folds]) / weights.sum()
    mean = share @ scores
    error = np.sqrt(share @ (scores - mean) ** 2 / 6)
    assert_allclose(results["mean_test_score"], mean)
    assert_allclose(results["standard_error"], error)
    assert_array_equal(results["alpha"], model.alphas_)
    mean, error = results["mean_test_score"], results["standard_error"]  # ties to the last bit
    best = np.argmax(mean)
    if selection == "min":
        assert model.alpha_ == model.alphas_[best]
    else:
        assert model.alpha_ == model.alphas_[mean >= mean[best] - error[best]].max()
        assert model.alpha_ > model.alphas_[best] or scoring == "accuracy"


def test_one_fold_has_no_standard_error_and_is_chosen_by_its_score(tall, two):
    split = ShuffleSplit(1, random_state=0)
    chosen = [
        PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=split, selection=selection).fit(
            tall.X, two
        )
        for selection in ("min", "one_se")
    ]
    assert np.isnan(chosen[0].cv_results_["standard_error"]).all()
    assert chosen[0].alpha_ == chosen[1].alpha_


@pytest.mark.parametrize("selection", ["min", "one_se"])
@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_the_model_is_the_point_of_the_full_path(tall, two, weight, offset, penalty, selection):
    options = {"penalty": penalty, "eps": 0.2, "l2": 0.01, "fit_intercept": False}
    extras = {"sample_weight": weight, "offset": offset}
    model = PenalizedClassifierCV(8, cv=3, selection=selection, **options)
    model.fit(tall.X, two, **extras)
    case = (two == "case").astype(float)
    path = penalized_path(tall.X, case, loss="log_loss", alphas=8, **options, **extras)
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
    assert_array_equal(model.classes_, LABELS[2])


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_several_classes_have_a_path_each_with_one_choice_for_all(tall, three, penalty):
    options = {"penalty": penalty, "l2": 0.01}
    model = PenalizedClassifierCV(6, eps=0.2, cv=3, **options).fit(tall.X, three)
    assert len(model.path_) == 3
    k = int(np.flatnonzero(model.alphas_ == model.alpha_)[0])
    starts, nonzero = [], np.zeros((30, 6), dtype=bool)
    for label, path, coef, intercept in zip(
        LABELS[3], model.path_, model.coef_, model.intercept_, strict=True
    ):
        given = {"loss": "log_loss", **options}
        alone = penalized_path(tall.X, three == label, alphas=model.alphas_, **given)
        assert_allclose(path.coefs.toarray(), alone.coefs.toarray(), atol=1e-12)
        assert_allclose(coef, alone.coefs[:, [k]].toarray().ravel(), atol=1e-12)
        assert_allclose(intercept, alone.intercepts[k])
        starts.append(penalized_path(tall.X, three == label, alphas=1, **given).alphas[0])
        nonzero |= alone.coefs.toarray() != 0.0
    assert_allclose(model.alphas_, np.geomspace(max(starts), 0.2 * max(starts), 6))
    assert_array_equal(model.cv_results_["n_nonzero"], nonzero.sum(axis=0))
    assert_array_equal(model.support_, np.flatnonzero(nonzero[:, k]))
    assert model.coef_.shape == (3, 30)
    assert model.intercept_.shape == (3,)
    assert model.n_iter_ == sum(path.n_iters.sum() for path in model.path_)


def test_coefficients_that_cancel_over_the_classes_are_counted():
    X, y = np.tile([-1.0, 1.0, -1.0, 1.0], 16)[:, None], np.tile([0, 1, 2, 2], 16)
    everything = [(np.arange(64), np.arange(64))]
    model = PenalizedClassifierCV([0.05], penalty=L1(), cv=everything).fit(X, y)
    assert model.coef_[0] < 0.0
    assert model.coef_.sum() == 0.0
    assert_array_equal(model.cv_results_["n_nonzero"], [1])


# --- folds --------------------------------------------------------------------


def test_folds_are_stratified_unless_given_otherwise(tall, y):
    default = PenalizedClassifierCV(ALPHAS, penalty=L1()).fit(tall.X, y)
    folds = list(StratifiedKFold(5).split(tall.X, y))
    for form in (5, folds, (fold for fold in folds), StratifiedKFold(5)):
        model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=form).fit(tall.X, y)
        for name, values in default.cv_results_.items():
            assert_array_equal(model.cv_results_[name], values)
    other = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=KFold(5)).fit(tall.X, y)
    scores = other.cv_results_["test_scores"]
    assert np.abs(scores - default.cv_results_["test_scores"]).max() > 0.01


def test_a_class_may_be_missing_from_held_out_rows(tall, two):
    order = np.argsort(two, kind="stable")
    X, y = tall.X[order], two[order]
    folds = list(KFold(5).split(X))
    assert {len(set(y[test])) for _, test in folds} == {1, 2}
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=KFold(5), tol=1e-10).fit(X, y)
    spec = PenalizedClassifier(penalty=L1(), tol=1e-10)
    expected = scores_by_hand(spec, X, y, folds, log_likelihood)
    assert_allclose(model.cv_results_["test_scores"], expected, rtol=1e-7)


def test_leaving_one_out_is_the_mean_over_samples(tall, two):
    X, y = tall.X[:24, :3], two[:24]
    model = PenalizedClassifierCV([0.1], penalty=L1(), cv=LeaveOneOut()).fit(X, y)
    chances = []
    for i in range(24):
        left = PenalizedClassifier(0.1, penalty=L1())
        left.fit(np.delete(X, i, axis=0), np.delete(y, i))
        chances.append(left.predict_proba(X[[i]])[0, left.classes_ == y[i]])
    assert_allclose(model.cv_results_["mean_test_score"], np.log(chances).mean(), rtol=1e-6)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_results_do_not_depend_on_the_number_of_threads(tall, y, penalty, to_input, scoring):
    models = [
        PenalizedClassifierCV(
            6, eps=0.2, penalty=penalty, l2=0.01, cv=4, n_jobs=n_jobs, scoring=scoring
        ).fit(to_input(tall.X), y)
        for n_jobs in (None, 2)
    ]
    for name, values in models[0].cv_results_.items():
        assert_array_equal(models[1].cv_results_[name], values)
    assert models[1].alpha_ == models[0].alpha_
    assert_array_equal(models[1].coef_, models[0].coef_)


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_whole_weights_equal_copies_that_stay_in_their_fold(tall, y, scoring):
    counts = np.random.default_rng(2).integers(0, 3, 150)
    owner = np.repeat(np.arange(150), counts)
    folds = list(KFold(3).split(tall.X))
    copies = [tuple(np.flatnonzero(np.isin(owner, rows)) for rows in fold) for fold in folds]
    options = {"alphas": ALPHAS, "penalty": L1(), "tol": 1e-10, "scoring": scoring}
    weighted = PenalizedClassifierCV(cv=folds, **options)
    weighted.fit(tall.X, y, sample_weight=counts)
    repeated = PenalizedClassifierCV(cv=copies, **options).fit(tall.X[owner], y[owner])
    assert weighted.alpha_ == repeated.alpha_
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    for name in ("mean_test_score", "standard_error"):
        assert_allclose(weighted.cv_results_[name], repeated.cv_results_[name], atol=1e-7)


@pytest.mark.parametrize("given", ["balanced", {"case": 3.0, "ape": 2.0}], ids=str)
def test_class_weights_are_sample_weights_of_the_fits_but_not_of_the_scores(
    tall, y, weight, given
):
    if given == "balanced":
        total = pd.Series(weight).groupby(y).transform("sum").to_numpy()
        factor = weight.sum() / (np.unique(y).size * total)
    else:
        given = {label: given[label] for label in np.unique(y) if label in given}
        factor = pd.Series(y).map(given).fillna(1.0).to_numpy()
    options = {"alphas": 5, "eps": 0.1, "penalty": L1(), "cv": 3, "tol": 1e-10}
    model = PenalizedClassifierCV(class_weight=given, **options)
    model.fit(tall.X, y, sample_weight=weight)
    by_hand = PenalizedClassifierCV(**options).fit(tall.X, y, sample_weight=weight * factor)
    assert_allclose(model.alphas_, by_hand.alphas_)
    for one, other in zip(
        np.atleast_1d(model.path_), np.atleast_1d(by_hand.path_), strict=True
    ):
        assert_allclose(one.coefs.toarray(), other.coefs.toarray(), atol=1e-8)
    splits = StratifiedKFold(3).split(tall.X, y)
    for (train, test), scores in zip(splits, model.cv_results_["test_scores"], strict=True):
        for alpha, score in zip(model.alphas_, scores, strict=True):
            fit = PenalizedClassifier(alpha, penalty=L1(), tol=1e-10)
            fit.fit(tall.X[train], y[train], sample_weight=(weight * factor)[train])
            chances = fit.predict_log_proba(tall.X[test])
            column = np.searchsorted(fit.classes_, y[test])
            found = chances[np.arange(test.size), column]
            assert_allclose(score, np.average(found, weights=weight[test]), rtol=1e-6)


@pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss"])
def test_rows_without_weight_count_for_nothing_whatever_their_label(tall, two, scoring):
    weight = np.where(np.arange(150) % 10 == 3, 0.0, 1.0)
    y = np.where(weight == 0.0, "elsewhere", two)
    kept = np.flatnonzero(weight)
    folds = list(KFold(3).split(tall.X))
    within = [tuple(np.flatnonzero(np.isin(kept, rows)) for rows in fold) for fold in folds]
    options = {"alphas": ALPHAS, "penalty": L1(), "scoring": scoring}
    model = PenalizedClassifierCV(cv=folds, **options).fit(tall.X, y, sample_weight=weight)
    without = PenalizedClassifierCV(cv=within, **options).fit(tall.X[kept], y[kept])
    assert_array_equal(model.classes_, LABELS[2])
    assert_allclose(
        model.cv_results_["test_scores"], without.cv_results_["test_scores"], rtol=1e-6
    )
    assert_allclose(model.coef_, without.coef_, atol=1e-6)


def test_strengths_may_come_in_any_order(tall, y):
    expected = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=3).fit(tall.X, y)
    model = PenalizedClassifierCV(list(ALPHAS[::-1]), penalty=L1(), cv=3).fit(tall.X, y)
    assert_array_equal(model.alphas_, ALPHAS)
    assert model.alpha_ == expected.alpha_
    assert_array_equal(model.cv_results_["test_scores"], expected.cv_results_["test_scores"])


# --- separated classes --------------------------------------------------------


@pytest.fixture(scope="module")
def separable():
    """Two classes that one feature separates, and two others that say nothing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    return X, np.where(X[:, 0] > 0.1, "case", "absent")


@pytest.mark.parametrize(
    ("criterion", "selection"),
    [("cv", "min"), ("cv", "one_se"), ("aic", "min"), ("bic", "min"), ("ebic", "min")],
)
def test_a_strength_without_finite_solution_is_never_chosen(separable, criterion, selection):
    X, y = separable
    model = PenalizedClassifierCV(
        20, eps=0.05, cv=4, criterion=criterion, selection=selection
    ).fit(X, y)
    endless = np.array([status is Status.UNBOUNDED for status in model.path_.statuses])
    assert 0 < np.count_nonzero(endless) < 20
    assert model.alpha_ in model.alphas_[~endless]
    assert model.converged_


def test_the_best_score_of_a_strength_without_finite_solution_does_not_count(separable):
    X, y = separable
    model = PenalizedClassifierCV(20, eps=0.05, cv=4, scoring="accuracy").fit(X, y)
    endless = np.array([status is Status.UNBOUNDED for status in model.path_.statuses])
    assert endless.any()
    finite, mean = model.cv_results_["finite"], model.cv_results_["mean_test_score"]
    assert not finite[endless].any()
    assert mean[~finite].max() > mean[finite].max()
    assert model.alpha_ == model.alphas_[finite][np.argmax(mean[finite])]


@pytest.mark.parametrize("criterion", ["cv", "bic"])
def test_a_path_without_any_finite_solution_warns(separable, criterion):
    X, y = separable
    model = PenalizedClassifierCV([0.02, 0.01], penalty=MCP(12.0), cv=3, criterion=criterion)
    with pytest.warns(ConvergenceWarning, match="have no finite solution") as caught:
        model.fit(X, y)
    (warning,) = caught
    assert warning.filename == __file__
    assert "alpha = 0.02" in str(warning.message)
    assert model.alpha_ == 0.02
    assert model.converged_ is False


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_folds_that_miss_the_tolerance_warn_at_the_line_that_fits(tall, three, n_jobs):
    model = PenalizedClassifierCV(5, penalty=L1(), cv=3, max_iter=1, n_jobs=n_jobs)
    with pytest.warns(
        ConvergenceWarning, match=r"of 60 problems did not .* max_iter"
    ) as caught:
        model.fit(tall.X, three)
    assert {warning.filename for warning in caught} == {__file__}


# --- scores that say nothing --------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, [1.0, 2.0], "good", None], ids=str)
def test_scores_that_are_no_finite_numbers_are_refused(tall, two, value):
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), scoring=lambda estimator, X, y: value)
    with pytest.raises((TypeError, ValueError), match="scoring"):
        model.fit(tall.X, two)


def test_a_scorer_that_fails_is_named(tall, two):
    # It takes the label 1 for the positive one, which is not there.
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), scoring="f1")
    with pytest.raises(ValueError, match=r"scoring.*pos_label"):
        model.fit(tall.X, two)


def test_a_fold_whose_held_out_part_has_no_weight_is_refused(tall, two):
    weight = np.where(np.arange(150) < 50, 0.0, 1.0)
    model = PenalizedClassifierCV(ALPHAS, penalty=L1(), cv=KFold(3))
    with pytest.raises(ValueError, match="sample_weight is zero for every sample of a"):
        model.fit(tall.X, two, sample_weight=weight)


# --- fits after fits ----------------------------------------------------------


@pytest.mark.parametrize("estimator", [PenalizedClassifierCV, PenalizedRegressorCV])
def test_another_criterion_leaves_nothing_of_the_last_one(tall, estimator):
    y = (tall.y > 0.0).astype(int)
    model = estimator(ALPHAS, penalty=L1(), cv=3).fit(tall.X, y)
    assert hasattr(model, "cv_results_")
    model.set_params(criterion="bic").fit(tall.X, y)
    assert not hasattr(model, "cv_results_")
    assert hasattr(model, "criterion_")
    model.set_params(criterion="cv").fit(tall.X, y)
    assert not hasattr(model, "criterion_")
    assert not hasattr(model, "degrees_of_freedom_")
