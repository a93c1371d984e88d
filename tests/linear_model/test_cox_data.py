"""What the Cox model makes of times, strata, offsets and responses that are out of the way."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning
from survival_data import draw_survival, partial_loss, survival

from sparsestat import L1, CoxLoss, PenalizedCox, PenalizedCoxCV

N, P = 60, 6
X, Y = draw_survival(N, P, ties=True, seed=11)
RNG = np.random.default_rng(12)
OFFSET, STRATA = 0.5 * RNG.standard_normal(N), RNG.integers(0, 3, N)
for array in (X, Y, OFFSET, STRATA):
    array.flags.writeable = False


def fit(y=Y, X=X, **extras):
    return PenalizedCox(0.03, penalty=L1(), tol=1e-10).fit(X, y, **extras)


# --- only the order of times counts -------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        np.log,
        lambda t: t - 100.0,
        lambda t: t - t.min(),
        lambda t: 1e-300 * t,
        lambda t: np.exp(20.0 * t),
        lambda t: np.unique(t, return_inverse=True)[1],
    ],
    ids=["logarithms", "negative", "from zero on", "tiny", "huge", "ranks"],
)
@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_increasing_transforms_of_time_change_the_times_of_curves_only(transform, ties):
    model = PenalizedCox(0.03, ties=ties, penalty=L1())
    before = model.fit(X, Y)
    coef, curves = before.coef_, before.predict_survival(X)
    after = model.fit(X, survival(Y["seen"], transform(Y["years"])))
    assert_array_equal(after.coef_, coef)
    assert_array_equal(after.predict_survival(X), curves)
    assert_array_equal(after.event_times_, np.unique(transform(Y["years"])[Y["seen"]]))


def test_an_event_at_time_zero_counts():
    time = np.where(np.arange(N) == Y["seen"].argmax(), 0.0, Y["years"])
    model = fit(survival(Y["seen"], time))
    curves = model.predict_survival(X, [-1e-9, 0.0])
    assert model.event_times_[0] == 0.0
    assert_array_equal(curves[:, 0], 1.0)
    assert (curves[:, 1] < 1.0).all()


def test_who_is_censored_at_a_time_is_at_risk_at_it_and_not_later():
    """An hour later changes nothing, an hour earlier does."""
    time, censored = np.ceil(Y["years"]), ~Y["seen"]
    assert np.isin(time[censored], time[Y["seen"]]).any()
    with_ties = fit(survival(Y["seen"], time))
    later = fit(survival(Y["seen"], time + 0.01 * censored))
    earlier = fit(survival(Y["seen"], time - 0.01 * censored))
    assert_array_equal(with_ties.coef_, later.coef_)
    assert np.abs(with_ties.coef_ - earlier.coef_).max() > 1e-3


def test_curves_are_right_continuous_and_end_flat():
    model = fit()
    first, last = model.event_times_[[0, -1]]
    around = [np.nextafter(first, 0.0), first, last, 1e9]
    curves = model.predict_survival(X, around)
    assert_array_equal(curves[:, 0], 1.0)
    assert (curves[:, 1] < 1.0).all()
    assert_array_equal(curves[:, 2], curves[:, 3])
    assert_array_equal(model.predict_survival(X, around[::-1]), curves[:, ::-1])


def test_without_covariates_the_curve_is_that_of_nelson_and_aalen():
    model = PenalizedCox(1e3, penalty=L1()).fit(X, Y)
    times = np.unique(Y["years"][Y["seen"]])
    d = np.array([(Y["seen"] & (Y["years"] == t)).sum() for t in times])
    at_risk = np.array([(Y["years"] >= t).sum() for t in times])
    assert_allclose(model.baseline_hazard_.cumulative_hazard, np.cumsum(d / at_risk))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_efron_averages_the_orders_of_ties_to_first_order_in_risks(ties):
    """Exact: the mean of the likelihoods of all orders. Efron is nearer than Breslow."""
    time, event = np.array([1.0, 1.0, 1.0, 2.0, 2.0]), np.ones(5, dtype=bool)
    eta = 0.3 * np.array([1.0, -0.5, 0.4, 0.2, -0.8])
    likelihoods = []
    for order in itertools.permutations(range(3)):
        broken = time.copy()
        broken[list(order)] += [0.0, 0.01, 0.02]
        for last in (0.0, 0.01):
            broken[3:] = 2.0 + last, 2.01 - last
            loss = CoxLoss().likelihood(broken, event)
            likelihoods.append(np.exp(-5 * loss.value(eta)))
    exact = -np.log(np.mean(likelihoods)) / 5
    error = abs(CoxLoss(ties).likelihood(time, event).value(eta) - exact)
    assert error < 0.01 if ties == "efron" else error > 0.1


# --- monotone likelihoods -----------------------------------------------------------


def is_monotone(X, y):
    """Look for a direction that no event loses by, of all at risk, by a linear program."""
    pairs = [X[i] - X[y["years"] >= y["years"][i]] for i in np.flatnonzero(y["seen"])]
    gains = np.concatenate(pairs)
    program = linprog(-gains.sum(axis=0), -gains, np.zeros(len(gains)), bounds=(-1.0, 1.0))
    return -program.fun > 1e-7


def draw_small(seed):
    rng = np.random.default_rng(seed)
    n, p = rng.integers(6, 30), rng.integers(1, 6)
    X = rng.standard_normal((n, p))
    time, event = rng.exponential(size=n), rng.random(n) < rng.uniform(0.1, 0.9)
    event[0] = True
    return (
        np.where(X > 0.4, 1.0, 0.0) if seed % 3 == 0 else X,
        survival(event, np.ceil(3.0 * time) if seed % 2 else time),
    )


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_fits_say_when_a_linear_program_does_that_there_is_no_solution(ties):
    found = 0
    for seed in range(40):
        X, y = draw_small(seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model = PenalizedCox(0.0, ties=ties, penalty=L1()).fit(X, y)
        monotone = is_monotone(X, y)
        assert model.converged_ != monotone
        assert [("no finite solution" in str(w.message)) for w in caught] == [True] * monotone
        found += monotone
    assert 5 < found < 20


# --- strata -------------------------------------------------------------------------


def test_strata_have_baselines_of_their_own():
    """Whatever is done to the times of one stratum, as long as their order stays."""
    together = fit(strata=STRATA)
    time = Y["years"] * 10.0**STRATA - 7.0 * STRATA
    moved = fit(survival(Y["seen"], time), strata=STRATA)
    assert_array_equal(moved.coef_, together.coef_)
    for label in range(3):
        before, after = (m.baseline_hazard_[label] for m in (together, moved))
        assert_array_equal(after.logs, before.logs)
        assert_allclose(after.times, before.times * 10.0**label - 7.0 * label)
    loss, _ = partial_loss(X @ together.coef_, Y, None, STRATA)
    penalty = 0.03 * np.abs(together.coef_ * X.std(axis=0)).sum()
    assert_allclose(together.objective_, loss + penalty)


def test_a_stratum_without_events_only_counts_as_samples():
    """Its rows divide the loss, and their scale; their survival is 1."""
    seen = Y["seen"] & (STRATA > 0)
    y, kept = survival(seen, Y["years"]), STRATA > 0
    model = PenalizedCox(0.03, penalty=L1(), standardize=False, tol=1e-10)
    whole = model.fit(X, y, strata=STRATA)
    assert whole.baseline_hazard_[0].times.size == 0
    curves = whole.predict_survival(X, [0.5, 5.0], strata=STRATA)
    assert_array_equal(curves[STRATA == 0], 1.0)
    assert (curves[STRATA > 0, 1] < 1.0).all()
    coef = whole.coef_
    model.set_params(alpha=0.03 * N / kept.sum())
    part = model.fit(X[kept], y[kept], strata=STRATA[kept])
    assert_allclose(part.coef_, coef, atol=1e-8)


@pytest.mark.parametrize(
    "strata",
    [
        pd.Series([pd.NA, *["a"] * (N - 1)], dtype="string"),
        pd.Series([pd.NA, *[1] * (N - 1)], dtype="Int64"),
        pd.Categorical([None, *["a"] * (N - 1)]),
        np.array(["NaT", *["2020-01-01"] * (N - 1)], dtype="datetime64[D]"),
        np.array([float("nan"), *["a"] * (N - 1)], dtype=object),
    ],
    ids=["string", "Int64", "categorical", "date", "object"],
)
def test_missing_strata_are_refused_in_every_type(strata):
    with pytest.raises(ValueError, match="strata must not hold missing labels"):
        fit(strata=strata)
    with pytest.raises(ValueError, match="strata must not hold missing labels"):
        fit().score(X, Y, strata=strata)


def test_a_new_order_of_samples_changes_nothing():
    rows = RNG.permutation(N)
    model = fit(strata=STRATA, offset=OFFSET)
    other = fit(Y[rows], X[rows], strata=STRATA[rows], offset=OFFSET[rows])
    assert_allclose(other.coef_, model.coef_, atol=1e-9)
    assert_allclose(other.baseline_hazard_[1].logs, model.baseline_hazard_[1].logs)


# --- offsets ------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [1e3, -1e8])
def test_offsets_may_be_shifted_in_each_stratum(shift):
    expected = fit(strata=STRATA, offset=OFFSET)
    moved = fit(strata=STRATA, offset=OFFSET + shift * STRATA)
    assert moved.converged_
    atol = 1e-14 * abs(shift) + 1e-9  # digits that the offsets themselves have lost
    assert_allclose(moved.coef_, expected.coef_, atol=atol)
    for label in range(3):
        before, after = (m.baseline_hazard_[label] for m in (expected, moved))
        assert_allclose(after.logs, before.logs - shift * label, atol=atol)


def test_predictors_a_hundred_apart_are_solved():
    """Where risk sets are ruled by one sample each."""
    model = fit(offset=100.0 * OFFSET)
    assert model.converged_
    assert model.dual_gap_ < 1e-6
    assert np.isfinite(model.predict_survival(X, offset=100.0 * OFFSET)).all()


def test_time_has_no_unit_in_the_choice_of_the_strength():
    choose = PenalizedCoxCV(5, eps=0.1, cv=3, penalty=L1(), tol=1e-10)
    days = survival(Y["seen"], 365.25 * Y["years"])
    assert choose.fit(X, Y).alpha_ == choose.fit(X, days).alpha_


# --- responses ----------------------------------------------------------------------


def test_single_precision_finds_the_same_model():
    model = PenalizedCox(0.03, penalty=L1()).fit(X.astype(np.float32), Y)
    assert model.coef_.dtype == np.float32
    assert_allclose(model.coef_, fit().coef_, atol=1e-4)


@pytest.mark.parametrize("kind", ["numpy_nullable", "pyarrow"])
def test_frames_of_nullable_columns_are_responses(kind):
    if kind == "pyarrow":
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"seen": Y["seen"], "years": Y["years"]}, index=np.arange(N)[::-1])
    nullable = frame.convert_dtypes(dtype_backend=kind)
    assert_array_equal(fit(nullable).coef_, fit().coef_)


HOLE = pd.array([pd.NA, *Y["seen"][1:]], dtype="boolean")
SAME = pd.concat([pd.Series(Y["seen"], name="a"), pd.Series(Y["years"], name="a")], axis=1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.DataFrame({"e": Y["seen"].astype(int), "t": Y["years"]}), "one boolean field"),
        (pd.DataFrame({"e": HOLE, "t": Y["years"]}), "one boolean field.*'e' of dtype object"),
        (SAME, "one boolean field"),
        ((Y["seen"], Y["years"]), "without fields"),
        (np.zeros(N, dtype=[("e", bool, (2,)), ("t", float)]), r"one event a row.*\(60, 2\)"),
        (np.zeros(N, dtype=[("e", bool), ("t", float, (2,))]), "one-dimensional"),
        (
            pd.DataFrame({"e": Y["seen"], "t": pd.to_timedelta(Y["years"], unit="D")}),
            "one boolean field.*'t' of dtype timedelta64",
        ),
    ],
    ids=["0 and 1", "missing events", "one name", "pair", "events", "times", "durations"],
)
def test_responses_that_might_be_misread_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        fit(y)
