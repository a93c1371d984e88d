"""Unpenalised models: ours at alpha = 0 beside statsmodels', and refit beside calls by hand."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize
from scipy.sparse.linalg import aslinearoperator
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from statsmodels.robust.scale import HuberScale
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

import sparsestat
from sparsestat import (
    L1,
    HuberLoss,
    Loss,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedCoxCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    QuantileLoss,
    SelectionWarning,
    TopK,
)

N, P = 200, 8
DELTA = 1.2
PREDICTORS = np.array([0.5, 0.0, -0.4, 0.0, 0.3, 0.0, 0.0, -0.6])


class One(HuberScale):
    """A scale of one, in a form that all versions of RLM take."""

    def __call__(self, df_resid, nobs, resid):
        return 1.0


# --- models of statsmodels by hand ------------------------------------------------------


def glm(family):
    def fit(y, exog, counts=None, offset=None, **options):
        model = sm.GLM(y, exog, family(), offset=offset, freq_weights=counts)
        return model.fit(**{"tol": 1e-13, "maxiter": 200, **options})

    return fit


def glm_from_afar(family):
    """Fit from the optimum: statsmodels' own steps lead away from those of the gamma family."""

    def fit(y, exog, counts=None, offset=None, **options):
        kept = np.full(y.size, True) if counts is None else counts > 0
        counts, offset = (None if a is None else a[kept] for a in (counts, offset))
        model = sm.GLM(y[kept], exog[kept], family(), offset=offset, freq_weights=counts)
        best = minimize(
            lambda b: -model.loglike(b, scale=1.0),
            np.zeros(exog.shape[1]),
            jac=lambda b: -model.score(b, scale=1.0),
            hess=lambda b: -model.hessian(b, scale=1.0, observed=True),
            method="trust-exact",
            options={"gtol": 1e-8},
        )
        return model.fit(**{"start_params": best.x, **options})

    return fit


def least_squares(y, exog, counts=None, offset=None, **options):
    rest = y if offset is None else y - offset
    return sm.WLS(rest, exog, 1.0 if counts is None else counts).fit(**options)


def huber(y, exog, counts=None, offset=None, **options):
    rest = y if offset is None else y - offset
    if counts is not None:
        rest, exog = np.repeat(rest, counts), np.repeat(exog, counts, axis=0)
    model = sm.RLM(rest, exog, sm.robust.norms.HuberT(DELTA))
    steps = {"conv": "coefs", "tol": 1e-11, "maxiter": 2000}
    return model.fit(scale_est=One(), **{**steps, **options})


class Family(NamedTuple):
    """How responses are drawn, which estimator is for them, and statsmodels' model."""

    respond: Callable
    estimator: Callable
    by_hand: Callable
    alpha: float = 0.12


def regressor(loss):
    return lambda alpha, **options: PenalizedRegressor(alpha, loss=loss, **options)


FAMILIES = {
    "squared error": Family(
        lambda eta, rng: eta + rng.standard_normal(eta.size),
        regressor("squared_error"),
        least_squares,
    ),
    "huber": Family(
        lambda eta, rng: eta + rng.standard_t(2.0, eta.size),
        regressor(HuberLoss(DELTA)),
        huber,
    ),
    "poisson": Family(
        lambda eta, rng: rng.poisson(np.exp(eta)).astype(float),
        regressor("poisson"),
        glm(sm.families.Poisson),
        0.2,
    ),
    "gamma": Family(
        lambda eta, rng: rng.gamma(2.0, np.exp(eta) / 2.0),
        regressor("gamma"),
        glm_from_afar(lambda: sm.families.Gamma(sm.families.links.Log())),
    ),
    "log loss": Family(
        lambda eta, rng: (rng.random(eta.size) < expit(eta)).astype(float),
        PenalizedClassifier,
        glm(sm.families.Binomial),
        0.04,
    ),
}


@dataclass
class Sample:
    """Columns, of which half are sparse, and a response of some family."""

    family: Family
    seed: int = 0

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        filled = np.linspace(0.4, 1.0, P)
        self.X = rng.standard_normal((N, P)) * (rng.random((N, P)) < filled)
        self.X = self.X @ (np.eye(P) + 0.1) + np.where(filled > 0.8, 0.5, 0.0)
        self.offset = 0.5 * rng.standard_normal(N)
        self.counts = rng.integers(0, 4, N)
        self.weight = rng.uniform(0.2, 2.0, N)
        self.y = self.family.respond(0.3 + self.X @ PREDICTORS + self.offset, rng)

    def exog(self, support=slice(None), fit_intercept=True):
        columns = self.X[:, support]
        return np.column_stack([np.ones(N), columns]) if fit_intercept else columns


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def sample(family):
    return Sample(family)


def fitted(sample, alpha=None, **options):
    options = {"penalty": L1(), "tol": 1e-9, **options}
    alpha = sample.family.alpha if alpha is None else alpha
    return sample.family.estimator(alpha, **options).fit(sample.X, sample.y)


def refit(model, *args, **options):
    with pytest.warns(SelectionWarning, match="too optimistic if the features were selected"):
        return model.refit(*args, **options)


# --- alpha = 0 ----------------------------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", ["", "whole", "any"])
@pytest.mark.parametrize("shifted", [False, True])
def test_without_a_penalty_coefficients_are_those_of_statsmodels(
    family, sample, fit_intercept, to_input, weighted, shifted
):
    offset = sample.offset if shifted else None
    weight = {"": None, "whole": sample.counts, "any": sample.weight}[weighted]
    if weighted == "any" and family.by_hand is huber:
        weight = sample.counts + 1
    model = family.estimator(0.0, penalty=L1(), fit_intercept=fit_intercept, tol=1e-10)
    model.fit(to_input(sample.X), sample.y, sample_weight=weight, offset=offset)
    exog = sample.exog(fit_intercept=fit_intercept)
    expected = family.by_hand(sample.y, exog, weight, offset).params
    found = np.r_[model.intercept_, model.coef_] if fit_intercept else model.coef_
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.abs(expected).max() > 0.2


# --- the selected features ----------------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_a_refit_is_what_statsmodels_gives_for_the_support(
    family, sample, fit_intercept, to_input
):
    model = fitted(sample, fit_intercept=fit_intercept)
    support = model.support_
    assert 2 <= support.size < P
    tight = {} if family.by_hand in (least_squares, huber) else {"tol": 1e-13}
    result = refit(model, to_input(sample.X), sample.y, offset=sample.offset, **tight)
    exog = sample.exog(support, fit_intercept)
    expected = family.by_hand(sample.y, exog, None, sample.offset)
    assert_allclose(result.params, expected.params, rtol=1e-7, atol=1e-8)
    assert_allclose(result.bse, expected.bse, rtol=1e-6)
    assert_allclose(result.pvalues, expected.pvalues, rtol=1e-5, atol=1e-12)
    assert type(result) is type(expected)
    names = ["const"] * fit_intercept + [f"x{j}" for j in support]
    assert result.params.index.tolist() == names
    assert all(name in str(result.summary()) for name in names)


def test_a_refit_of_everything_is_the_fit_without_a_penalty(family, sample):
    model = fitted(sample, alpha=0.0, tol=1e-10)
    tight = {} if family.by_hand in (least_squares, huber) else {"tol": 1e-13}
    result = refit(model, sample.X, sample.y, **tight)
    assert_allclose(result.params, np.r_[model.intercept_, model.coef_], atol=1e-6)


def test_weights_count_samples(family, sample):
    """Standard errors too: those of so many copies of the row."""
    model = fitted(sample)
    rows = np.repeat(np.arange(N), sample.counts)
    options = {"offset": sample.offset}
    weighted = refit(model, sample.X, sample.y, sample_weight=sample.counts, **options)
    repeated = refit(model, sample.X[rows], sample.y[rows], offset=sample.offset[rows])
    assert_allclose(weighted.params, repeated.params, rtol=1e-7, atol=1e-9)
    assert_allclose(weighted.bse, repeated.bse, rtol=1e-7)
    assert_allclose(weighted.pvalues, repeated.pvalues, rtol=1e-6, atol=1e-15)
    assert weighted.df_resid == repeated.df_resid == rows.size - model.support_.size - 1
    if family.by_hand is not huber:
        assert_allclose(weighted.llf, repeated.llf)


def test_ten_times_the_weight_claims_ten_times_the_data(sample):
    model = fitted(sample)
    plain = refit(model, sample.X, sample.y, sample_weight=np.ones(N))
    heavy = refit(model, sample.X, sample.y, sample_weight=10.0)
    assert_allclose(heavy.params, plain.params, rtol=1e-4, atol=1e-6)
    assert_allclose(heavy.bse, plain.bse / np.sqrt(10.0), rtol=0.05)


@pytest.mark.parametrize("name", ["squared error", "poisson", "gamma", "log loss"])
def test_weights_need_not_be_whole(name):
    sample = Sample(FAMILIES[name])
    model = fitted(sample)
    result = refit(model, sample.X, sample.y, sample_weight=sample.weight)
    exog = sample.exog(model.support_)
    expected = sample.family.by_hand(sample.y, exog, sample.weight)
    assert_allclose(result.params, expected.params, rtol=1e-4, atol=1e-6)
    if name != "squared error":  # where statsmodels' WLS takes them for precisions
        assert_allclose(result.bse, expected.bse, rtol=1e-4)


def test_weights_are_whole_where_statsmodels_can_only_repeat_rows():
    sample = Sample(FAMILIES["huber"])
    model = fitted(sample)
    with pytest.raises(ValueError, match=r"sample_weight must hold whole numbers .* Huber"):
        model.refit(sample.X, sample.y, sample_weight=sample.weight)
    thirds = refit(model, sample.X, sample.y, sample_weight=np.full(N, 3.0))
    assert thirds.nobs == 3 * N


# --- options of statsmodels ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["squared error", "poisson", "gamma", "log loss"])
@pytest.mark.parametrize(
    "options",
    [
        {"cov_type": "HC1"},
        {"cov_type": "cluster", "cov_kwds": {"groups": np.arange(N) // 10}},
        {"use_t": False},
    ],
    ids=["HC1", "cluster", "z"],
)
def test_options_reach_the_fit(name, options):
    sample = Sample(FAMILIES[name])
    model = fitted(sample)
    result = refit(model, sample.X, sample.y, **options)
    exog = sample.exog(model.support_)
    expected = sample.family.by_hand(sample.y, exog, **options)
    assert_allclose(result.bse, expected.bse, rtol=1e-4)
    assert result.cov_type == options.get("cov_type", "nonrobust")
    assert not result.use_t


@pytest.mark.parametrize("cov", ["H1", "H2", "H3"])
def test_hubers_loss_has_covariances_of_its_own(cov):
    sample = Sample(FAMILIES["huber"])
    model = fitted(sample)
    result = refit(model, sample.X, sample.y, cov=cov)
    expected = huber(sample.y, sample.exog(model.support_), cov=cov)
    assert_allclose(result.bse, expected.bse, rtol=1e-7)
    assert result.scale == 1.0
    assert "1 (fixed)" in str(result.summary())
    with pytest.raises(ValueError, match=r"cov_type is no option .* use cov=\"H1\""):
        model.refit(sample.X, sample.y, cov_type="HC1")


def test_squares_have_students_distribution_with_weights_and_without():
    sample = Sample(FAMILIES["squared error"])
    model = fitted(sample)
    assert refit(model, sample.X, sample.y).use_t
    assert refit(model, sample.X, sample.y, sample_weight=sample.counts).use_t


def test_results_can_be_saved(family, sample):
    result = refit(fitted(sample), sample.X, sample.y)
    again = pickle.loads(pickle.dumps(result))
    assert_array_equal(again.params, result.params)


@pytest.mark.parametrize("quantile", [0.3, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_are_those_of_quantreg(quantile, weighted):
    """As far as its steps go: they do not end at a vertex."""
    sample = Sample(FAMILIES["huber"])
    weight = {"sample_weight": sample.counts} if weighted else {}
    given = {"offset": sample.offset, **weight}
    model = PenalizedRegressor(0.05, loss=QuantileLoss(quantile)).fit(
        sample.X, sample.y, **given
    )
    support = model.support_
    assert 2 <= support.size < P
    result = refit(model, sample.X, sample.y, vcov="iid", **given)
    rows = np.repeat(np.arange(N), sample.counts if weighted else 1)
    exog, rest = sample.exog(support)[rows], (sample.y - sample.offset)[rows]
    expected = sm.QuantReg(rest, exog).fit(q=quantile, p_tol=1e-10, max_iter=5000, vcov="iid")
    assert_allclose(result.params, expected.params, rtol=1e-6, atol=1e-8)
    assert_allclose(result.bse, expected.bse, rtol=1e-6)
    free = PenalizedRegressor(0.0, loss=QuantileLoss(quantile), penalty=L1())
    free.fit(sample.X[:, support], sample.y, **given)
    assert_allclose(np.r_[free.intercept_, free.coef_], result.params, atol=1e-5)
    with pytest.raises(ValueError, match=r"cov_type is no option .* use vcov"):
        model.refit(sample.X, sample.y, cov_type="HC1")
    with pytest.raises(ValueError, match="must hold whole numbers in refit for quantiles"):
        model.refit(sample.X, sample.y, sample_weight=sample.weight)


# --- names --------------------------------------------------------------------------------

FRAMES = {"pandas": pd.DataFrame, "polars": lambda X, columns: pl.DataFrame(X, schema=columns)}


@pytest.mark.parametrize("to_frame", FRAMES.values(), ids=FRAMES)
def test_the_table_has_the_names_of_the_data_frame(sample, to_frame):
    names = ["age", "sex", "bmi", "bp", "s 1", "s:2", "const", "s3"]
    frame, y = to_frame(sample.X, columns=names), pd.Series(sample.y, name="progression")
    model = fitted(sample).set_params(alpha=0.0).fit(frame, y)
    result = refit(model, frame, y, sample_weight=sample.counts)
    assert result.params.index.tolist() == ["const_", *names]
    assert result.model.endog_names.startswith("progression")
    with pytest.raises(ValueError, match="feature names"):
        model.refit(to_frame(sample.X, columns=names[::-1]), y)


def test_the_response_is_named_with_its_offset_where_that_is_taken_off():
    sample = Sample(FAMILIES["squared error"])
    model = fitted(sample)
    assert refit(model, sample.X, sample.y).model.endog_names == "y"
    result = refit(model, sample.X, sample.y, offset=sample.offset)
    assert result.model.endog_names == "y - offset"
    assert_allclose(result.model.endog, sample.y - sample.offset)


# --- which model --------------------------------------------------------------------------


def test_sign_bounds_and_ridge_hold_for_the_fit_only(sample):
    model = fitted(sample, alpha=0.0, bounds=(-0.05, 0.05), l2=1.0)
    free = fitted(sample, alpha=0.0)
    assert np.abs(model.coef_).max() <= 0.05
    result = refit(model, sample.X, sample.y)
    assert_allclose(result.params[1:], free.coef_[model.support_], rtol=1e-3, atol=1e-4)
    one_sided = fitted(sample, alpha=0.01, positive=True)
    result = refit(one_sided, sample.X, sample.y)
    assert result.params.size == one_sided.support_.size + 1


def test_without_features_the_intercept_is_left(family, sample):
    model = fitted(sample, alpha=100.0)
    assert model.support_.size == 0
    result = refit(model, sample.X, sample.y)
    assert result.params.index.tolist() == ["const"]
    assert_allclose(result.params, family.by_hand(sample.y, np.ones((N, 1))).params, atol=1e-6)
    bare = fitted(sample, alpha=100.0, fit_intercept=False)
    with pytest.raises(ValueError, match=r"nothing to fit: no feature is selected"):
        bare.refit(sample.X, sample.y)


def test_columns_are_made_of_operators(sample):
    model = fitted(sample, standardize=False)
    expected = refit(model, sample.X, sample.y, offset=sample.offset)
    result = refit(model, aslinearoperator(sample.X), sample.y, offset=sample.offset)
    assert_allclose(result.params, expected.params)
    assert_allclose(result.bse, expected.bse)
    with pytest.raises(ValueError, match="X must have 8 features"):
        model.refit(aslinearoperator(sample.X[:, :3]), sample.y)
    assert model.n_features_in_ == P


def test_the_best_subset_is_refitted():
    sample = Sample(FAMILIES["squared error"])
    model = fitted(sample, penalty=TopK(3))
    assert refit(model, sample.X, sample.y).params.size == 4


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_cross_validated_model_is_refitted_at_the_strength_chosen(loss):
    sample = Sample(FAMILIES[loss.replace("_", " ")])
    model = PenalizedRegressorCV(6, loss=loss, penalty=L1(), eps=0.1, selection="one_se")
    model.fit(sample.X, sample.y)
    result = refit(model, sample.X, sample.y)
    assert result.params.index.tolist() == ["const", *(f"x{j}" for j in model.support_)]


def test_the_estimator_stays_as_it_is(sample):
    model = fitted(sample)
    before = pickle.dumps(model)
    refit(model, sample.X[:150], sample.y[:150])
    assert pickle.dumps(model) == before


# --- classes ------------------------------------------------------------------------------


def test_the_second_class_is_what_the_probability_is_of():
    sample = Sample(FAMILIES["log loss"])
    labels = np.where(sample.y == 1.0, "yes", "no")
    model = PenalizedClassifier(0.05, penalty=L1(), class_weight="balanced")
    model.fit(sample.X, labels)
    result = refit(model, sample.X, labels)
    assert result.model.endog_names == "y == yes"
    exog = sample.exog(model.support_)
    assert_allclose(result.params, glm(sm.families.Binomial)(sample.y, exog).params, rtol=1e-6)
    with pytest.raises(ValueError, match=r"y must hold the classes of the fit.*'maybe'"):
        model.refit(sample.X, np.where(np.arange(N) == 3, "maybe", labels))
    with pytest.raises(ValueError, match=r"y must hold the classes of the fit.*Got \['no'\]"):
        model.refit(sample.X, np.full(N, "no"))


@pytest.fixture(scope="module")
def animals():
    """Columns, and labels of three classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P))
    scores = np.column_stack([X[:, 0], X[:, 1], -X[:, 0] - X[:, 1]]) + rng.gumbel(size=(N, 3))
    return X, np.array(["ape", "bee", "cat"])[scores.argmax(axis=1)]


def test_of_several_classes_each_has_a_model_with_its_own_features(animals):
    X, labels = animals
    model = PenalizedClassifierCV([0.08], criterion="bic", penalty=L1()).fit(X, labels)
    results = refit(model, X, labels, cov_type="HC0")
    assert [result.model.endog_names for result in results] == [
        f"y == {label}" for label in ("ape", "bee", "cat")
    ]
    for result, coef, label in zip(results, model.coef_, model.classes_, strict=True):
        support = np.flatnonzero(coef)
        assert 0 < support.size < P
        exog = np.column_stack([np.ones(N), X[:, support]])
        expected = glm(sm.families.Binomial)(1.0 * (labels == label), exog, cov_type="HC0")
        assert_allclose(result.params, expected.params, rtol=1e-6)
        assert_allclose(result.bse, expected.bse, rtol=1e-6)
    with pytest.raises(ValueError, match="offset needs two classes"):
        model.refit(X, labels, offset=np.zeros(N))


@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes_in_one_model_are_a_multinomial_logit(animals, weighted):
    X, labels = animals
    counts = np.random.default_rng(1).integers(0, 3, N) if weighted else np.ones(N, dtype=int)
    weight = {"sample_weight": counts} if weighted else {}
    model = PenalizedClassifier(0.05, loss="multinomial", penalty=L1())
    model.fit(X, labels, **weight)
    assert 2 <= model.support_.size < P
    result = refit(model, X, labels, **weight)
    rows = np.repeat(np.arange(N), counts)
    exog = np.column_stack([np.ones(rows.size), X[np.ix_(rows, model.support_)]])
    codes = np.searchsorted(model.classes_, labels[rows])
    expected = sm.MNLogit(codes, exog).fit(disp=0)
    assert_allclose(result.params, expected.params, rtol=1e-9)
    assert_allclose(result.bse, expected.bse, rtol=1e-9)
    assert "y=cat" in str(result.summary())
    free = PenalizedClassifier(0.0, loss="multinomial", penalty=L1(), tol=1e-10)
    free.fit(X[:, model.support_], labels, **weight)
    found = np.column_stack([free.intercept_, free.coef_])
    assert_allclose((found[1:] - found[0]).T, expected.params, atol=1e-6)


def test_two_classes_in_one_model_are_a_binomial_one():
    sample = Sample(FAMILIES["log loss"])
    joint, alone = fitted(sample, loss="multinomial"), fitted(sample)
    results = [refit(model, sample.X, sample.y) for model in (joint, alone)]
    assert_allclose(results[0].params, results[1].params)


# --- survival -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lives():
    """Columns, events and times of which some are tied, strata and offsets."""
    rng = np.random.default_rng(0)
    X, strata = rng.standard_normal((N, P)), np.array(["f", "m"])[rng.integers(0, 2, N)]
    offset = 0.3 * rng.standard_normal(N)
    y = np.empty(N, dtype=[("seen", bool), ("days", float)])
    y["days"] = np.ceil(20.0 * rng.exponential(np.exp(-X @ PREDICTORS - offset)))
    y["seen"] = rng.random(N) < 0.7
    return X, y, strata, offset


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
def test_a_cox_model_is_refitted_by_phreg(lives, ties, stratified, shifted):
    X, y, strata, offset = lives
    given = {"strata": strata} if stratified else {}
    given |= {"offset": offset} if shifted else {}
    model = PenalizedCox(0.08, ties=ties, penalty=L1()).fit(X, y, **given)
    assert 2 <= model.support_.size < P
    result = refit(model, X, y, **given)
    expected = sm.PHReg(
        y["days"], X[:, model.support_], status=y["seen"], ties=ties, **given
    ).fit()
    assert_allclose(result.params, expected.params, rtol=1e-9)
    assert_allclose(result.bse, expected.bse, rtol=1e-9)
    assert result.model.exog_names == [f"x{j}" for j in model.support_]
    free = PenalizedCox(0.0, ties=ties, penalty=L1(), tol=1e-10)
    free.fit(X[:, model.support_], y, **given)
    assert_allclose(free.coef_, expected.params, rtol=1e-6, atol=1e-6)


def test_weights_of_a_cox_model_count_samples_unless_copies_would_be_ties(lives):
    X, y, _, _ = lives
    counts = np.random.default_rng(1).integers(0, 3, N)
    model = PenalizedCox(0.08, penalty=L1()).fit(X, y)
    rows = np.repeat(np.arange(N), counts)
    repeated = refit(model, X[rows], y[rows])
    weighted = refit(model, pd.DataFrame(X), pd.DataFrame(y), sample_weight=counts)
    assert_allclose(weighted.params, repeated.params)
    assert_allclose(weighted.bse, repeated.bse)
    model.set_params(ties="efron")
    with pytest.raises(ValueError, match="sample_weight has no place in refit with ties="):
        model.refit(X, y, sample_weight=counts)


def test_what_a_cox_model_cannot_be_refitted_to_is_told(lives):
    X, y, _, _ = lives
    model = PenalizedCox(0.08, penalty=L1()).fit(X, y)
    censored = y.copy()
    censored["seen"] = False
    with pytest.raises(ValueError, match="y must hold an event in refit"):
        model.refit(X, censored)
    with pytest.raises(ValueError, match=r"cov_type is no option .* use groups"):
        model.refit(X, y, cov_type="HC1")
    grouped = refit(model, X, y, groups=np.arange(N) // 4)
    assert np.abs(grouped.bse / refit(model, X, y).bse - 1.0).max() > 0.01
    empty = PenalizedCox(10.0, penalty=L1()).fit(X, y)
    with pytest.raises(ValueError, match="nothing to fit: no feature is selected"):
        empty.refit(X, y)
    with pytest.raises(NotFittedError):
        PenalizedCox().refit(X, y)


def test_a_cross_validated_cox_model_is_refitted(lives):
    X, y, _, _ = lives
    model = PenalizedCoxCV(6, penalty=L1(), eps=0.1, cv=3).fit(X, y)
    assert refit(model, X, y).params.size == model.support_.size


# --- what cannot be -----------------------------------------------------------------------


class Cosh(Loss):
    """A loss that statsmodels does not know."""

    def value(self, y, eta):
        return np.log(np.cosh(y - eta))

    def gradient(self, y, eta):
        return np.tanh(eta - y)

    def curvature(self, y, eta):
        return 1.0 / np.cosh(y - eta) ** 2


class StillHuber(HuberLoss):
    """A loss that could be another one."""


@pytest.mark.parametrize("loss", [Cosh(), StillHuber()], ids=str)
def test_a_loss_of_ones_own_has_no_model(loss):
    sample = Sample(FAMILIES["squared error"])
    model = PenalizedRegressor(0.1, loss=loss, penalty=L1()).fit(sample.X, sample.y)
    wanted = rf"no model of statsmodels for {type(loss).__name__}.*PoissonLoss"
    with pytest.raises(ValueError, match=wanted):
        model.refit(sample.X, sample.y)


@pytest.mark.parametrize("weight", [None, 1e-4], ids=["rows", "weights"])
def test_more_coefficients_than_samples_are_refused(wide, weight):
    model = PenalizedRegressor(1e-6, penalty=L1(), max_iter=5, tol=1.0).fit(wide.X, wide.y)
    rows = slice(0, min(model.support_.size, 60))
    with pytest.raises(ValueError, match=r"refit needs more samples than coefficients\. Got"):
        model.refit(wide.X[rows], wide.y[rows], sample_weight=weight)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_dependent_columns_are_named(to_input):
    sample = Sample(FAMILIES["squared error"])
    X = sample.X * np.geomspace(1e-4, 1e4, P)
    model = PenalizedRegressor(0.0, penalty=L1()).fit(X, sample.y)
    assert refit(model, X, sample.y).params.size == P + 1  # of whatever size
    X[:, 5] = 3.0 * X[:, 2]
    with pytest.raises(ValueError, match=r"linearly dependent\. (x2|x5) can be made from"):
        model.refit(to_input(X), sample.y)
    X[:, 5] = 7.0
    with pytest.raises(ValueError, match=r"linearly dependent\. (const|x5) can be made from"):
        model.refit(to_input(X), sample.y)
    X[:, 5] = 0.0
    with pytest.raises(ValueError, match=r"linearly dependent\. x5 can be made from"):
        model.refit(to_input(X), sample.y)


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
def test_separated_classes_end_with_the_warning_of_statsmodels():
    sample = Sample(FAMILIES["log loss"])
    y = (sample.X[:, 0] > 0.5).astype(int)
    model = PenalizedClassifier(0.1, penalty=L1()).fit(sample.X, y)
    with pytest.warns(PerfectSeparationWarning, match="Perfect separation"):
        result = refit(model, sample.X, y)
    assert np.isfinite(result.params).all()


@pytest.mark.parametrize("argument", ["X", "y", "sample_weight", "offset"])
def test_bad_arrays_are_named(argument):
    sample = Sample(FAMILIES["poisson"])
    model = fitted(sample)
    arguments = {"X": sample.X, "y": sample.y, argument: np.full(N, np.nan)}
    if argument == "X":
        arguments["X"] = sample.X[:, :4]
    with pytest.raises(ValueError, match=argument):
        model.refit(**arguments)
    with pytest.raises(ValueError, match="y must be nonnegative for PoissonLoss"):
        model.refit(sample.X, -sample.y)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        PenalizedRegressor().refit(sample.X, sample.y)


def test_the_warning_is_public_and_can_be_silenced():
    assert sparsestat.SelectionWarning is sparsestat.linear_model.SelectionWarning
    assert issubclass(SelectionWarning, UserWarning)
    sample = Sample(FAMILIES["squared error"])
    with pytest.warns(SelectionWarning) as caught:
        fitted(sample).refit(sample.X, sample.y)
    (warning,) = caught
    assert warning.filename == __file__
