"""Cross-validation of the Cox model: scores and choices written out, folds, criteria."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold
from survival_data import draw_survival, partial_loss, survival

from sparsestat import (
    L1,
    MCP,
    CoxLoss,
    ElasticNet,
    PenalizedCox,
    PenalizedCoxCV,
    penalized_path,
)
from sparsestat.metrics import concordance_index

N, P = 90, 12
X, Y = draw_survival(N, P, ties=True, seed=3)
RNG = np.random.default_rng(8)
WEIGHT = RNG.uniform(0.3, 2.0, N)
OFFSET = 0.3 * RNG.standard_normal(N)
STRATA = RNG.integers(0, 2, N)
FAST = {"alphas": 6, "eps": 0.1, "penalty": L1(), "cv": 3, "tol": 1e-10}
FOLDS = list(StratifiedKFold(3).split(X, Y["seen"]))
EXTRAS = {
    "plain": {},
    "all": {"sample_weight": WEIGHT, "offset": OFFSET, "strata": STRATA},
}


@pytest.fixture(params=EXTRAS)
def extras(request):
    return EXTRAS[request.param]


def log_likelihood(eta, rows, extras, ties):
    """Return the log partial likelihood of some rows, up to constants of the weights."""
    weight = extras.get("sample_weight", np.ones(N))
    strata = extras["strata"][rows] if "strata" in extras else None
    loss, _ = partial_loss(eta[rows], Y[rows], weight[rows], strata, ties)
    # The loss has weights of mean one; a factor only adds to the logarithms.
    events = (weight * Y["seen"])[rows].sum()
    mean = weight[rows].mean()
    return -loss * weight[rows].sum() - events * np.log(mean)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_scores_are_the_cross_validated_partial_likelihood(ties, extras):
    model = PenalizedCoxCV(**FAST, ties=ties).fit(X, Y, **extras)
    results, weight = model.cv_results_, extras.get("sample_weight", np.ones(N))
    shares = []
    for k, (train, test) in enumerate(FOLDS):
        given = {name: values[train] for name, values in extras.items()}
        events = (weight * Y["seen"])[test].sum()
        shares.append(events)
        for a, alpha in enumerate(model.alphas_):
            fit = PenalizedCox(alpha, ties=ties, penalty=L1(), tol=1e-10)
            fit.fit(X[train], Y[train], **given)
            eta = X @ fit.coef_ + extras.get("offset", 0.0)
            gain = log_likelihood(eta, np.arange(N), extras, ties)
            gain -= log_likelihood(eta, train, extras, ties)
            # Weights of the data of all folds have mean one.
            whole = gain / events + np.log(weight.mean())
            assert_allclose(results["test_scores"][k, a], whole, rtol=1e-6)
    mean = np.average(results["test_scores"], axis=0, weights=shares)
    assert_allclose(results["mean_test_score"], mean)
    assert model.alpha_ == model.alphas_[np.argmax(mean)]


def test_the_chosen_solution_is_kept(extras):
    model = PenalizedCoxCV(**FAST).fit(X, Y, **extras)
    single = PenalizedCox(model.alpha_, penalty=L1(), tol=1e-10).fit(X, Y, **extras)
    assert_allclose(model.coef_, single.coef_, atol=1e-8)
    assert_array_equal(model.event_times_, single.event_times_)
    given = {"strata": STRATA} if "strata" in extras else {}
    assert_allclose(
        model.predict_survival(X, **given), single.predict_survival(X, **given), atol=1e-7
    )
    column = model.path_.coefs[:, [list(model.alphas_).index(model.alpha_)]].toarray()
    assert_array_equal(column[:, 0], model.coef_)


def test_one_standard_error_takes_no_more_features():
    best = PenalizedCoxCV(**FAST).fit(X, Y)
    sparser = PenalizedCoxCV(**FAST, selection="one_se").fit(X, Y)
    mean, error = (best.cv_results_[name] for name in ("mean_test_score", "standard_error"))
    top = np.argmax(mean)
    assert sparser.alpha_ == best.alphas_[np.flatnonzero(mean >= mean[top] - error[top])[0]]
    assert sparser.support_.size <= best.support_.size


def test_concordance_scores_held_out_samples_alone(extras):
    model = PenalizedCoxCV(**FAST, scoring="concordance").fit(X, Y, **extras)
    for k, (train, test) in enumerate(FOLDS):
        given = {name: values[train] for name, values in extras.items()}
        fit = PenalizedCox(model.alphas_[3], penalty=L1(), tol=1e-10)
        fit.fit(X[train], Y[train], **given)
        held = {name: values[test] for name, values in extras.items() if name != "offset"}
        risk = X[test] @ fit.coef_ + extras.get("offset", np.zeros(N))[test]
        expected = concordance_index(Y["years"][test], Y["seen"][test], risk, **held)
        assert_allclose(model.cv_results_["test_scores"][k, 3], expected)


def test_a_scorer_of_ones_own_sees_risks_and_the_response():
    def scorer(estimator, X, y):
        return concordance_index(y["time"], y["event"], estimator.predict(X))

    by_name = PenalizedCoxCV(**FAST, scoring="concordance").fit(X, Y)
    own = PenalizedCoxCV(**FAST, scoring=scorer).fit(X, Y)
    passed = PenalizedCoxCV(**FAST, scoring=lambda e, X, y: e.score(X, y)).fit(X, Y)
    for model in (own, passed):
        assert_array_equal(model.cv_results_["test_scores"], by_name.cv_results_["test_scores"])


def test_threads_change_nothing():
    one, two = (PenalizedCoxCV(**FAST, n_jobs=n).fit(X, Y) for n in (1, 2))
    assert_array_equal(one.cv_results_["test_scores"], two.cv_results_["test_scores"])


@pytest.mark.parametrize("criterion", ["aic", "bic", "ebic"])
def test_criteria_count_events(criterion):
    model = PenalizedCoxCV(8, eps=0.1, penalty=L1(), criterion=criterion, tol=1e-10).fit(X, Y)
    n_events = Y["seen"].sum()
    for a in range(model.alphas_.size):
        coef = model.path_.coefs[:, [a]].toarray()[:, 0]
        k = np.count_nonzero(coef)
        value = 2 * N * partial_loss(X @ coef, Y)[0]
        value += k * (2.0 if criterion == "aic" else np.log(n_events))
        if criterion == "ebic":
            choices = np.prod([(P - i) / (i + 1) for i in range(k)])
            value += 2 * np.log(choices)
        if np.isfinite(model.criterion_[a]):
            assert_allclose(model.criterion_[a], value, rtol=1e-9)
    assert_array_equal(model.degrees_of_freedom_, model.path_.n_nonzeros)
    assert model.alpha_ == model.alphas_[np.argmin(model.criterion_)]


def test_ridge_shrinks_degrees_of_freedom():
    model = PenalizedCoxCV(
        [0.05], penalty=ElasticNet(0.5), criterion="aic", standardize=False, tol=1e-10
    ).fit(X, Y)
    used = X[:, model.support_]
    likelihood = CoxLoss().likelihood(Y["years"], Y["seen"])
    H = likelihood.hessian(X @ model.coef_).apply(used.T) @ used / N
    expected = np.trace(np.linalg.solve(H + 0.025 * np.eye(len(H)), H))
    assert_allclose(model.degrees_of_freedom_, [expected], rtol=1e-8)


def test_the_path_is_that_of_penalized_path():
    model = PenalizedCoxCV(**FAST).fit(X, Y)
    path = penalized_path(X, Y, loss=CoxLoss(), penalty=L1(), alphas=6, eps=0.1, tol=1e-10)
    assert_allclose(model.path_.coefs.toarray(), path.coefs.toarray(), atol=1e-8)


def test_nonconvex_penalties_find_the_support():
    X, y = draw_survival(300, 40, coef=(1.5, -1.5, 0.0), seed=5)
    model = PenalizedCoxCV(30, eps=0.1, penalty=MCP(3.0, adaptive=True), selection="one_se")
    assert_array_equal(model.fit(X, y).support_, [0, 1])


def test_folds_need_events_on_both_sides():
    y = survival(np.arange(N) < 40, Y["years"])
    with pytest.raises(ValueError, match="cv leaves no event among the held-out rows"):
        PenalizedCoxCV(**FAST | {"cv": KFold(3)}).fit(X, y)
    one = [(np.arange(40, N), np.arange(40))]
    with pytest.raises(ValueError, match="cv leaves no event among the training rows"):
        PenalizedCoxCV(**FAST | {"cv": one}).fit(X, y)


def test_folds_share_out_events_however_few_are_censored():
    y = survival(np.arange(N) != 5, Y["years"])
    PenalizedCoxCV(**FAST).fit(X, y)
    everyone = survival(np.ones(N, dtype=bool), Y["years"])
    PenalizedCoxCV(**FAST).fit(X, everyone)


def test_without_events_there_is_nothing_to_choose_by():
    y = survival(np.zeros(N, dtype=bool), Y["years"])
    for criterion in ("cv", "bic"):
        model = PenalizedCoxCV(**FAST, criterion=criterion)
        with pytest.raises(ValueError, match="y holds no event"):
            model.fit(X, y)
        assert not hasattr(model, "alpha_")


@pytest.mark.parametrize("scoring", ["r2", "accuracy", 3])
def test_other_scores_are_refused(scoring):
    with pytest.raises(ValueError, match="'scoring' parameter of PenalizedCoxCV"):
        PenalizedCoxCV(**FAST, scoring=scoring).fit(X, Y)


def test_rows_without_weight_do_not_matter():
    weight = np.where(np.arange(N) % 4 == 0, 0.0, WEIGHT)
    kept = np.flatnonzero(weight)
    place = np.full(N, -1)
    place[kept] = np.arange(kept.size)
    few = [(place[np.intersect1d(a, kept)], place[np.intersect1d(b, kept)]) for a, b in FOLDS]
    weighted = PenalizedCoxCV(**FAST | {"cv": FOLDS}).fit(X, Y, sample_weight=weight)
    left_out = PenalizedCoxCV(**FAST | {"cv": few}).fit(
        X[kept], Y[kept], sample_weight=weight[kept]
    )
    assert_allclose(weighted.coef_, left_out.coef_, atol=1e-9)
    difference = (
        weighted.cv_results_["mean_test_score"] - left_out.cv_results_["mean_test_score"]
    )
    assert_allclose(difference, difference[0], atol=1e-9)  # from the mean weight


def test_clones_fit_the_same():
    model = PenalizedCoxCV(**FAST, ties="efron")
    assert_array_equal(clone(model).fit(X, Y).coef_, model.fit(X, Y).coef_)
