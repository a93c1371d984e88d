"""The penalised Cox model against cvxpy, statsmodels and formulas written out."""

import warnings

import cvxpy as cp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from statsmodels.duration.hazard_regression import PHReg
from survival_data import draw_survival, partial_loss, survival, terms

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    CoxLoss,
    ElasticNet,
    LogSum,
    Lq,
    PenalizedCox,
    penalized_path,
)
from sparsestat.metrics import concordance_index

N, P = 80, 10
TIES = ["breslow", "efron"]
X, Y = draw_survival(N, P, ties=True)
RNG = np.random.default_rng(7)
WEIGHT = RNG.uniform(0.3, 2.0, N)
OFFSET = 0.5 * RNG.standard_normal(N)
STRATA = np.array(["high", "low", "middle"])[RNG.integers(0, 3, N)]
for array in (X, Y, WEIGHT, OFFSET, STRATA):
    array.flags.writeable = False

EXTRAS = {
    "plain": {},
    "weights": {"sample_weight": WEIGHT},
    "strata": {"strata": STRATA},
    "all": {"sample_weight": WEIGHT, "offset": OFFSET, "strata": STRATA},
}


@pytest.fixture(params=TIES)
def ties(request):
    return request.param


@pytest.fixture(params=EXTRAS)
def extras(request):
    return EXTRAS[request.param]


def loss_and_pull(model, X, extras):
    """Return the loss of a fitted model and minus its gradient in the coefficients."""
    eta = X @ model.coef_ + extras.get("offset", 0.0)
    weight, strata = extras.get("sample_weight"), extras.get("strata")
    loss, gradient = partial_loss(eta, Y, weight, strata, model.ties)
    return loss, -X.T @ gradient


def units(X, extras):
    """Return the weighted standard deviations of the columns."""
    weight = extras.get("sample_weight")
    mean = np.average(X, axis=0, weights=weight)
    return np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))


# --- optimality ---------------------------------------------------------------------


def optimum(penalty, alpha, extras, ties, l2=0.0, factors=1.0, lower=-np.inf, upper=np.inf):
    """Return the least objective by cvxpy, in coefficients of scaled columns."""
    scale = units(X, extras)
    b = cp.Variable(P)
    eta = (X / scale) @ b + extras.get("offset", np.zeros(N))
    weight = extras.get("sample_weight", np.ones(N))
    loss = 0
    for mass, counts, events in terms(Y, weight / weight.mean(), extras.get("strata"), ties):
        used = np.flatnonzero(counts)
        loss += mass * cp.log_sum_exp(eta[used] + np.log(counts[used])) - events @ eta
    ratio = getattr(penalty, "l1_ratio", 1.0)
    strengths = alpha * factors * np.ones(P)
    convex = cp.sum(cp.multiply(ratio * strengths, cp.abs(b)))
    convex += cp.sum(cp.multiply((1 - ratio) * strengths + l2, cp.square(b))) / 2
    constraints = [b >= lower * scale] if np.isfinite(lower) else []
    constraints += [b <= upper * scale] if np.isfinite(upper) else []
    problem = cp.Problem(cp.Minimize(loss / N + convex), constraints)
    return problem.solve(solver="CLARABEL", tol_gap_abs=1e-8, tol_gap_rel=1e-8)


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
def test_convex_objectives_reach_the_optimum(penalty, ties, extras):
    model = PenalizedCox(0.05, ties=ties, penalty=penalty).fit(X, Y, **extras)
    best = optimum(penalty, 0.05, extras, ties)
    assert_allclose(model.objective_, best, atol=2e-8)
    assert 0.0 <= model.dual_gap_ < 1e-9
    assert model.support_.size > 2


@pytest.mark.parametrize(
    ("options", "constraints"),
    [
        ({"l2": 0.1}, {"l2": 0.1}),
        ({"positive": True}, {"lower": 0.0}),
        ({"bounds": (-0.2, 0.3)}, {"lower": -0.2, "upper": 0.3}),
        ({"penalty_weights": np.linspace(0.2, 2.0, P)}, {"factors": np.linspace(0.2, 2.0, P)}),
    ],
    ids=["l2", "positive", "bounds", "penalty_weights"],
)
def test_options_reach_the_optimum(options, constraints, ties):
    model = PenalizedCox(0.05, ties=ties, penalty=L1(), **options).fit(X, Y, **EXTRAS["all"])
    best = optimum(L1(), 0.05, EXTRAS["all"], ties, **constraints)
    assert_allclose(model.objective_, best, atol=2e-8)
    assert 0.0 <= model.dual_gap_ < 1e-9


@pytest.mark.parametrize("max_iter", [1, 3, 8])
def test_the_dual_gap_bounds_the_error_of_early_ends(max_iter, ties, extras):
    model = PenalizedCox(0.02, ties=ties, penalty=L1(), max_iter=max_iter, tol=1e-12)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y, **extras)
    error = model.objective_ - optimum(L1(), 0.02, extras, ties)
    assert error > 1e-9
    assert error <= model.dual_gap_ + 1e-9


PENALTIES = [MCP(3.0, adaptive=True), SCAD(adaptive=True), LogSum(1.0), CappedL1(1.0)]


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_nonconvex_solutions_are_stationary(penalty, ties, extras):
    model = PenalizedCox(0.08, ties=ties, penalty=penalty).fit(X, Y, **extras)
    if penalty in PENALTIES[:2]:
        penalty = adapted(penalty, extras)
    scale = units(X, extras)
    _, q = loss_and_pull(model, X, extras)
    b, q = model.coef_ * scale, q / scale
    slope = penalty.derivative(b, 0.08)
    distance = np.where(b == 0.0, np.maximum(np.abs(q) - slope, 0.0), q - np.sign(b) * slope)
    assert_allclose(distance, 0.0, atol=1e-8)
    assert 0 < model.support_.size < P
    assert np.isnan(model.dual_gap_)


def adapted(penalty, extras):
    """Return a penalty with gamma over the share of the events."""
    share = np.average(Y["seen"], weights=extras.get("sample_weight"))
    if isinstance(penalty, MCP):
        return MCP(penalty.gamma / share)
    return SCAD(1.0 + (penalty.gamma - 1.0) / share)


@pytest.mark.parametrize("penalty", [L0(), Lq(0.5)], ids=str)
def test_jumps_are_stationary_by_their_proximal_operator(penalty, ties):
    model = PenalizedCox(0.004, ties=ties, penalty=penalty).fit(X, Y)
    scale, share = units(X, {}), Y["seen"].mean()
    _, q = loss_and_pull(model, X, {})
    b, q = model.coef_ * scale, q / scale
    curvature = share * (np.ptp(X, axis=0) / scale) ** 2 / 4
    end = penalty.prox(b + q / curvature, 1.0 / curvature, 0.004)
    assert_allclose(curvature * (end - b), 0.0, atol=1e-8)
    assert 0 < model.support_.size < P


def test_all_coefficients_are_zero_from_the_largest_strength_on(ties, extras):
    _, gradient = partial_loss(
        extras.get("offset", np.zeros(N)),
        Y,
        extras.get("sample_weight"),
        extras.get("strata"),
        ties,
    )
    largest = np.abs(X.T @ gradient / units(X, extras)).max()
    for penalty in (L1(), None):
        above = PenalizedCox(1.001 * largest, ties=ties, penalty=penalty).fit(X, Y, **extras)
        below = PenalizedCox(0.98 * largest, ties=ties, penalty=penalty).fit(X, Y, **extras)
        assert above.support_.size == 0 < below.support_.size


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True), L0()], ids=str)
@pytest.mark.parametrize("standardize", [True, False])
def test_sparse_input_gives_the_model_of_dense_input(penalty, standardize, extras):
    holes = np.where(np.random.default_rng(3).random((N, P)) < 0.6, 0.0, X)
    alpha = 0.004 if penalty == L0() else 0.06
    model = PenalizedCox(alpha, penalty=penalty, standardize=standardize, tol=1e-10)
    dense = clone(model).fit(holes, Y, **extras)
    model.fit(sparse.csr_array(holes), Y, **extras)
    assert_allclose(model.coef_, dense.coef_, atol=1e-8)
    times = [0.25, 1.0]
    strata = {"strata": extras["strata"]} if "strata" in extras else {}
    assert_allclose(
        model.predict_survival(sparse.csr_array(holes), times, **strata),
        dense.predict_survival(holes, times, **strata),
        atol=1e-8,
    )


def test_many_features_have_a_path(ties):
    wide, y = draw_survival(60, 300, seed=1)
    path = penalized_path(wide, y, loss=CoxLoss(ties), penalty=L1(), alphas=15, eps=0.1)
    assert path.converged.all()
    assert path.n_nonzeros[0] <= 1 < path.n_nonzeros[-1]
    assert (path.dual_gaps < 1e-8).all()
    assert_array_equal(path.intercepts, 0.0)
    model = PenalizedCox(path.alphas[7], ties=ties, penalty=L1()).fit(wide, y)
    assert_allclose(path.coefs[:, [7]].toarray()[:, 0], model.coef_, atol=1e-7)
    assert_allclose(path.predict(wide)[:, 7], model.predict(wide), atol=1e-6)


# --- without penalty: statsmodels -----------------------------------------------------


def phreg(ties, strata=None, offset=None):
    return PHReg(
        Y["years"], X, status=Y["seen"].astype(int), ties=ties, strata=strata, offset=offset
    )


@pytest.mark.parametrize("strata", [None, STRATA], ids=["one stratum", "strata"])
@pytest.mark.parametrize("offset", [None, OFFSET], ids=["no offset", "offset"])
def test_without_penalty_it_is_phreg(ties, strata, offset):
    model = PenalizedCox(0.0, ties=ties, penalty=L1()).fit(X, Y, offset=offset, strata=strata)
    fit = phreg(ties, strata, offset).fit(tol=1e-10)
    assert_allclose(model.coef_, fit.params, atol=1e-6)
    assert_allclose(-N * model.objective_, fit.llf, rtol=1e-9)


def test_the_baseline_is_that_of_phreg():
    """Who has Breslow's only, and lists the hazard just before each time."""
    fit = phreg("breslow").fit()
    times, hazard, _ = fit.baseline_cumulative_hazard[0]
    model = PenalizedCox(0.0, penalty=L1()).fit(X, Y)
    cumulative = np.exp(model.baseline_hazard_.log_at(times))
    assert_allclose(np.unique(cumulative)[-4:-1], np.unique(hazard)[-3:], rtol=1e-6)


# --- prediction -----------------------------------------------------------------------


def test_risks_are_linear(extras):
    model = PenalizedCox(0.05, penalty=L1()).fit(X, Y, **extras)
    assert_allclose(model.predict(X), X @ model.coef_, atol=1e-14)
    assert_allclose(model.predict(X, offset=OFFSET), X @ model.coef_ + OFFSET, atol=1e-14)
    assert model.intercept_ == 0.0


def hazard_by_hand(model, extras, t, stratum=None):
    eta = X @ model.coef_ + extras.get("offset", 0.0)
    inside = np.ones(N, dtype=bool) if stratum is None else extras["strata"] == stratum
    weight = extras.get("sample_weight", np.ones(N))[inside]
    total = 0.0
    for mass, counts, events in terms(Y[inside], weight, None, model.ties):
        if Y["years"][inside][events > 0.0][0] <= t:
            total += mass / (counts @ np.exp(eta[inside]))
    return total


def test_hazards_are_baselines_times_relative_risks(ties, extras):
    model = PenalizedCox(0.05, ties=ties, penalty=L1()).fit(X, Y, **extras)
    given = {name: extras[name][:9] for name in ("offset", "strata") if name in extras}
    times = np.array([0.0, 0.3, 1.0, 100.0])
    hazards = model.predict_cumulative_hazard(X[:9], times, **given)
    risks = np.exp(X[:9] @ model.coef_ + given.get("offset", 0.0))
    for i in range(9):
        stratum = given["strata"][i] if "strata" in given else None
        expected = [risks[i] * hazard_by_hand(model, extras, t, stratum) for t in times]
        assert_allclose(hazards[i], expected, rtol=1e-10)
    assert_allclose(model.predict_survival(X[:9], times, **given), np.exp(-hazards))
    assert_array_equal(hazards[:, 0], 0.0)


def test_curves_are_given_at_the_times_of_events_by_default(extras):
    model = PenalizedCox(0.05, penalty=L1()).fit(X, Y, **extras)
    given = {"strata": STRATA} if "strata" in extras else {}
    assert_array_equal(model.event_times_, np.unique(Y["years"][Y["seen"]]))
    curves = model.predict_survival(X, **given)
    assert curves.shape == (N, model.event_times_.size)
    assert ((curves >= 0.0) & (curves <= 1.0)).all()
    assert (np.diff(curves, axis=1) <= 0.0).all()
    if "strata" in extras:
        assert list(model.baseline_hazard_) == ["high", "low", "middle"]
    else:
        hazard = model.baseline_hazard_
        assert_allclose(hazard.cumulative_hazard, -np.log(model.predict_survival(0 * X[:1])[0]))
        assert_array_equal(hazard.times, model.event_times_)


def test_predictions_do_not_overflow_far_from_zero():
    model = PenalizedCox(0.05, penalty=L1()).fit(X, Y)
    far = PenalizedCox(0.05, penalty=L1()).fit(X + 1e4, Y)
    assert_allclose(far.coef_, model.coef_, atol=1e-8)
    assert_allclose(far.predict_survival(X + 1e4), model.predict_survival(X), atol=1e-6)
    assert np.isfinite(far.baseline_hazard_.logs).all()
    assert not np.isnan(far.baseline_hazard_.cumulative_hazard).any()


def test_strata_must_be_given_where_the_model_has_them():
    model = PenalizedCox(0.05, penalty=L1()).fit(X, Y, strata=STRATA)
    with pytest.raises(ValueError, match="strata are needed"):
        model.predict_survival(X)
    with pytest.raises(ValueError, match=r"strata must be among \['high', .*Got 'other'"):
        model.predict_survival(X[:2], strata=["low", "other"])
    with pytest.raises(ValueError, match=r"strata.* one label for each of 2 samples. Got 3"):
        model.predict_survival(X[:2], strata=["low", "low", "low"])
    plain = PenalizedCox(0.05, penalty=L1()).fit(X, Y)
    with pytest.raises(ValueError, match="fitted without strata"):
        plain.predict_survival(X, strata=STRATA)


def test_the_score_is_the_concordance_index():
    model = PenalizedCox(0.05, penalty=L1()).fit(X, Y, strata=STRATA)
    plain = concordance_index(Y["years"], Y["seen"], X @ model.coef_)
    assert model.score(X, Y) == plain > 0.6
    given = {"sample_weight": WEIGHT, "strata": STRATA}
    expected = concordance_index(Y["years"], Y["seen"], X @ model.coef_ + OFFSET, **given)
    assert model.score(X, Y, offset=OFFSET, **given) == expected != plain


def test_nothing_is_predicted_before_the_fit():
    for method in ("predict", "predict_survival", "predict_cumulative_hazard"):
        with pytest.raises(NotFittedError):
            getattr(PenalizedCox(), method)(X)
    with pytest.raises(NotFittedError):
        PenalizedCox().score(X, Y)


# --- responses ------------------------------------------------------------------------

REVERSED = np.empty(N, dtype=[("t", "f4"), ("e", bool)])
REVERSED["t"], REVERSED["e"] = Y["years"], Y["seen"]
WHOLE = np.empty(N, dtype=[("t", int), ("e", bool)])
WHOLE["t"], WHOLE["e"] = np.round(4 * Y["years"]), Y["seen"]
COLUMNS = {"seen": Y["seen"], "years": Y["years"]}
FORMS = {
    "time first": REVERSED,
    "whole times": WHOLE,
    "pandas": pd.DataFrame(COLUMNS, index=np.arange(N) + 5),
    "polars": pl.DataFrame(COLUMNS).select("years", "seen"),
    "records": np.rec.fromarrays([Y["seen"], Y["years"]], names="a,b"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_response_may_have_either_order_and_any_names(form):
    expected = PenalizedCox(0.05, penalty=L1()).fit(X, Y)
    model = PenalizedCox(0.05, penalty=L1()).fit(X, FORMS[form])
    assert_allclose(model.coef_, expected.coef_, atol=1e-12)
    assert model.score(X, FORMS[form]) == expected.score(X, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y to be passed, but the target y is None"),
        (Y["years"], "y must be a structured array.*without fields"),
        (np.column_stack([Y["years"], Y["seen"]]), "structured array.*without fields"),
        (np.zeros(N, dtype=[("event", int), ("time", float)]), "one boolean field.*'event' of"),
        (np.zeros(N, dtype=[("a", bool), ("b", bool)]), "one boolean field"),
        (np.zeros(N, dtype=[("a", bool)]), "one boolean field"),
        (np.zeros(N, dtype=[("a", bool), ("b", float), ("c", float)]), "one boolean field"),
        (np.zeros(N, dtype=[("a", bool), ("b", "U3")]), "one boolean field"),
        (pd.DataFrame({"time": Y["years"]}), "one boolean field"),
        (Y[:-1], "y must have one value for each of 80 samples. Got 79"),
        (Y[:, None], "y must be one-dimensional"),
        (
            survival(Y["seen"], np.where(np.arange(N) == 4, np.nan, Y["years"])),
            "y contains NaN",
        ),
        (
            survival(Y["seen"], np.where(np.arange(N) == 4, np.inf, Y["years"])),
            "y contains inf",
        ),
    ],
    ids=str,
)
def test_other_responses_are_refused_by_what_they_must_be(y, message):
    model = PenalizedCox()
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert vars(model) == before
    with pytest.raises(ValueError, match="'y' parameter" if y is None else message):
        penalized_path(X, y, loss=CoxLoss())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strata": STRATA[:-1]}, "strata must have one label for each of 80 samples. Got 79"),
        ({"strata": [np.nan, *range(N - 1)]}, "strata must not hold missing labels"),
        ({"strata": [None, *["a"] * (N - 1)]}, "strata must not hold missing labels"),
        ({"strata": np.zeros((N, 2))}, "strata"),
        ({"sample_weight": -WEIGHT}, "sample_weight"),
        ({"offset": OFFSET[1:]}, "offset must have one value for each of 80"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_company_of_the_response_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PenalizedCox().fit(X, Y, **arguments)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ties": "exact"}, "'ties' parameter of PenalizedCox must be .*'breslow'"),
        ({"alpha": -1.0}, "'alpha' parameter"),
        ({"solver": "gram"}, "solver='gram' does not fit.*CoxLoss"),
        ({"penalty": CEL0()}, "CEL0"),
        ({"bounds": (1.0, 2.0)}, "bounds must hold zero"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        PenalizedCox(**parameters).fit(X, Y)


# --- weights and strata ---------------------------------------------------------------


def test_a_whole_weight_equals_copies_of_the_row_with_breslow():
    counts = np.random.default_rng(4).integers(0, 4, N)
    rows = np.repeat(np.arange(N), counts)
    for ties in TIES:
        model = PenalizedCox(0.05, ties=ties, penalty=L1())
        weighted = clone(model).fit(X, Y, sample_weight=counts, strata=STRATA)
        repeated = clone(model).fit(X[rows], Y[rows], strata=STRATA[rows])
        same = np.allclose(weighted.coef_, repeated.coef_, atol=1e-7)
        assert same == (ties == "breslow")


def test_a_stratum_without_weight_is_not_there():
    weight = np.where(STRATA == "low", 0.0, 1.0)
    kept = weight > 0.0
    model = PenalizedCox(0.05, penalty=L1())
    weighted = clone(model).fit(X, Y, sample_weight=weight, strata=STRATA)
    left_out = clone(model).fit(X[kept], Y[kept], strata=STRATA[kept])
    assert_allclose(weighted.coef_, left_out.coef_, atol=1e-10)
    assert list(weighted.baseline_hazard_) == ["high", "middle"]


def test_strata_of_one_label_are_none():
    model = PenalizedCox(0.05, penalty=L1())
    one = clone(model).fit(X, Y, strata=np.full(N, 3))
    none = clone(model).fit(X, Y)
    assert_array_equal(one.coef_, none.coef_)
    assert list(one.baseline_hazard_) == [3]
    assert_array_equal(one.baseline_hazard_[3].logs, none.baseline_hazard_.logs)


# --- degenerate data --------------------------------------------------------------------

DEGENERATE_PENALTIES = [L1(), None, SCAD(adaptive=True), LogSum(1.0), Lq(0.5), L0()]


@pytest.fixture(params=DEGENERATE_PENALTIES, ids=str)
def penalty(request):
    return request.param


def fit_quietly(model, *arguments, **extras):
    """Fit; return the classes of the warnings, having checked that numbers are finite."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*arguments, **extras)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite([model.objective_, model.kkt_violation_]).all()
    assert np.isfinite(model.predict_survival(arguments[0], [0.1, 1.0, 10.0])).all()
    return [warning.category for warning in caught], [str(w.message) for w in caught]


@pytest.mark.parametrize("alpha", [0.05, 0.0])
def test_without_events_all_is_zero_with_a_warning(penalty, alpha, ties):
    y = survival(np.zeros(N, dtype=bool), Y["years"])
    model = PenalizedCox(alpha, ties=ties, penalty=penalty)
    kinds, messages = fit_quietly(model, X, y)
    assert kinds == [UserWarning]
    assert "no event" in messages[0]
    assert_array_equal(model.coef_, 0.0)
    assert model.event_times_.size == 0
    assert_array_equal(model.predict_survival(X, [1.0, 5.0]), 1.0)
    with pytest.raises(ValueError, match="no pair is comparable"):
        model.score(X, y)


def test_events_of_weight_zero_are_none():
    kinds, _ = fit_quietly(PenalizedCox(0.01), X, Y, sample_weight=1.0 - Y["seen"])
    assert kinds == [UserWarning]


def test_a_feature_that_orders_the_events_has_no_finite_coefficient(penalty, ties):
    """Those with the event have the highest value of all at risk: monotone likelihood."""
    ordered = X.copy()
    ordered[:, 0] = -np.argsort(np.argsort(Y["years"], stable=True))
    y = survival(np.ones(N, dtype=bool), np.arange(N)[np.argsort(np.argsort(Y["years"]))])
    ordered[:, 0] = -y["years"]
    for alpha in (0.0, 0.05):
        model = PenalizedCox(alpha, ties=ties, penalty=penalty)
        kinds, messages = fit_quietly(model, ordered, y)
        holds = alpha > 0.0 and isinstance(penalty, L1 | LogSum | Lq)
        assert kinds == ([] if holds else [ConvergenceWarning])
        assert model.converged_ == holds
        if not holds:
            assert "no finite solution" in messages[0]
        assert model.score(ordered, y) == 1.0


def test_a_mark_of_the_events_has_no_finite_coefficient():
    """A feature that is 1 for those with an event, who all have it before the others."""
    marked = X.copy()
    marked[:, 0] = Y["seen"]
    y = survival(Y["seen"], np.where(Y["seen"], 1.0, 2.0))
    kinds, _ = fit_quietly(PenalizedCox(0.05, penalty=MCP(3.0, adaptive=True)), marked, y)
    assert kinds == [ConvergenceWarning]
    assert fit_quietly(PenalizedCox(0.05, penalty=L1()), marked, y)[0] == []
    assert fit_quietly(PenalizedCox(0.05, penalty=MCP(3.0), l2=0.1), marked, y)[0] in (
        [],
        [UserWarning],
    )


def test_the_first_event_alone_separates():
    y = survival(np.arange(N) == Y["years"].argmin(), Y["years"])
    assert fit_quietly(PenalizedCox(0.0, penalty=L1()), X, y)[0] == [ConvergenceWarning]
    assert fit_quietly(PenalizedCox(0.001, penalty=L1()), X, y)[0] == []


def test_the_last_event_alone_says_nothing():
    """None but itself is at risk."""
    y = survival(np.arange(N) == N - 1, np.arange(N))
    model = PenalizedCox(0.0, penalty=L1())
    assert fit_quietly(model, X, y)[0] == []
    assert_array_equal(model.coef_, 0.0)


def test_events_all_at_one_time(penalty, ties):
    y = survival(Y["seen"], np.ones(N))
    model = PenalizedCox(0.02, ties=ties, penalty=penalty)
    assert fit_quietly(model, X, y)[0] == []
    assert model.event_times_.tolist() == [1.0]
    everyone = survival(np.ones(N, dtype=bool), np.ones(N))
    assert fit_quietly(model, X, everyone)[0] == []
    assert_array_equal(model.coef_, 0.0)


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_samples(n, penalty):
    kinds, _ = fit_quietly(PenalizedCox(0.05, penalty=penalty), X[:n], Y[:n])
    assert set(kinds) <= {ConvergenceWarning, UserWarning}


def test_strata_of_single_samples_say_nothing():
    model = PenalizedCox(0.0, penalty=L1()).fit(X, Y, strata=np.arange(N))
    assert_array_equal(model.coef_, 0.0)
    assert model.objective_ == 0.0


def test_constant_and_doubled_columns():
    columns = X.copy()
    columns[:, 1], columns[:, 2] = columns[:, 0], 7.0
    model = PenalizedCox(0.0, penalty=L1())
    assert fit_quietly(model, columns, Y)[0] == []
    assert model.coef_[2] == 0.0
    kept = PenalizedCox(0.0, penalty=L1()).fit(np.delete(columns, [1, 2], axis=1), Y)
    assert_allclose(model.coef_[:2].sum(), kept.coef_[0], atol=1e-7)


def test_too_many_features_without_penalty_end_with_a_warning():
    wide, y = draw_survival(20, 60, seed=2)
    assert fit_quietly(PenalizedCox(0.0, penalty=L1()), wide, y)[0] == [ConvergenceWarning]


# --- in the company of scikit-learn -----------------------------------------------------


def test_cross_validation_and_grid_search_take_structured_responses():
    scores = cross_val_score(PenalizedCox(0.05, penalty=L1()), X, Y, cv=3)
    assert scores.shape == (3,)
    assert (scores > 0.5).all()
    search = GridSearchCV(
        PenalizedCox(penalty=MCP(3.0)), {"alpha": [0.02, 0.1], "ties": TIES}, cv=3
    ).fit(X, Y)
    assert search.best_params_["ties"] in TIES
    frame = pd.DataFrame(COLUMNS)
    assert_array_equal(
        cross_val_score(PenalizedCox(0.05, penalty=L1()), X, frame, cv=3), scores
    )


def test_a_warm_start_begins_at_the_last_coefficients():
    model = PenalizedCox(0.05, penalty=L1(), warm_start=True).fit(X, Y)
    again = model.fit(X, Y).n_iter_
    assert again < clone(model).fit(X, Y).n_iter_


def test_the_loss_is_set_by_ties_alone():
    model = PenalizedCox(penalty=MCP(3.0))
    assert model.loss == CoxLoss("breslow")
    assert model.set_params(ties="efron").loss == CoxLoss("efron")
    before = dict(vars(model))
    with pytest.raises(ValueError, match="Invalid parameter 'loss'"):
        model.set_params(loss__ties="efron")
    with pytest.raises(ValueError, match="gamma"):
        model.set_params(penalty__gamma=0.5)
    assert vars(model) == before
