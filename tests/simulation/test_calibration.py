"""Estimates and their Monte Carlo errors are right where the truth is known."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from sparsestat.simulation import Estimand, Study, grid
from sparsestat.simulation import measures as m

N, CENTRE, SIGMA = 10, 5.0, 2.0  # of a normal sample
SE = SIGMA / np.sqrt(N)
Z, T = stats.norm.ppf(0.975), stats.t(N - 1).ppf(0.975)
FEW, SHRINKAGE = 7, 0.9  # of a worse estimate
SHRUNKEN_SE = SHRINKAGE * SIGMA / np.sqrt(FEW)


class Fit(NamedTuple):
    mean: float
    se: float


def draw(random_state, **scenario):
    return CENTRE + SIGMA * random_state.standard_normal(N)


def sample_mean(x):
    return Fit(x.mean(), x.std(ddof=1) / np.sqrt(N))


def shrunken_mean(x):
    """Shrink the mean of the first observations."""
    part = x[:FEW]
    return Fit(SHRINKAGE * part.mean(), SHRINKAGE * part.std(ddof=1) / np.sqrt(FEW))


def estimand(name, quantile, **parts):
    return Estimand(
        name,
        estimate=lambda fit: fit.mean,
        truth=CENTRE,
        interval=lambda fit: (fit.mean - quantile * fit.se, fit.mean + quantile * fit.se),
        **parts,
    )


STUDENT = estimand("student", T, se=lambda fit: fit.se)
NORMAL = estimand("normal", Z)


def squared_error(fit, x):
    return (fit.mean - CENTRE) ** 2


MEASURES = {
    **m.performance(STUDENT),
    "student_type_i_error": m.power(STUDENT, null=CENTRE),
    "student_power": m.power(STUDENT, null=CENTRE - SE),
    "student_relative_bias": m.relative_bias(STUDENT),
    "normal_coverage": m.coverage(NORMAL),
    "gain": m.relative_precision(STUDENT, "mean"),
    "loss": squared_error,
    "median_loss": m.median(squared_error),
    "high_loss": m.quantile(squared_error, 0.8),
}
BIAS = (SHRINKAGE - 1.0) * CENTRE
POWER = 1.0 - np.diff(stats.nct(N - 1, 1.0).cdf([-T, T])).item()
CHI2 = stats.chi2(1).ppf
TRUTH = {
    "mean": {
        "student_bias": 0.0,
        "student_relative_bias": 0.0,
        "student_empirical_se": SE,
        "student_mse": SE**2,
        "student_rmse": SE,
        "student_model_se": SE,
        "student_relative_error": 0.0,
        "student_coverage": 0.95,
        "student_bias_eliminated_coverage": 0.95,
        "student_type_i_error": 0.05,
        "student_power": POWER,
        "normal_coverage": np.diff(stats.t(N - 1).cdf([-Z, Z])).item(),
        "gain": 0.0,
        "loss": SE**2,
        "median_loss": SE**2 * CHI2(0.5),
        "high_loss": SE**2 * CHI2(0.8),
    },
    "shrunken": {
        "student_bias": BIAS,
        "student_relative_bias": BIAS / CENTRE,
        "student_empirical_se": SHRUNKEN_SE,
        "student_mse": BIAS**2 + SHRUNKEN_SE**2,
        "student_rmse": np.hypot(BIAS, SHRUNKEN_SE),
        "student_model_se": SHRUNKEN_SE,
        "student_relative_error": 0.0,
        "student_bias_eliminated_coverage": np.diff(stats.t(FEW - 1).cdf([-T, T])).item(),
        "gain": 100.0 * (SE**2 / SHRUNKEN_SE**2 - 1.0),
        "loss": BIAS**2 + SHRUNKEN_SE**2,
    },
}


def make_study(**changes):
    parts = {
        "name": "known",
        "scenarios": [{}],
        "generate": draw,
        "methods": {"mean": sample_mean, "shrunken": shrunken_mean},
        "measures": MEASURES,
        "replications": 4000,
        "seed": 1,
    }
    return Study(**{**parts, **changes})


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return make_study().run(path=tmp_path_factory.mktemp("large"))


@pytest.mark.parametrize(
    ("method", "measure"), [(method, measure) for method in TRUTH for measure in TRUTH[method]]
)
def test_estimates_are_within_four_errors_of_the_truth(large, method, measure):
    row = large.summary().query("method == @method and measure == @measure").iloc[0]
    assert row["n"] == 4000
    if (method, measure) == ("mean", "gain"):  # against itself
        assert row["estimate"] == 0.0
        return
    assert row["mcse"] > 0.0
    assert row["estimate"] == pytest.approx(TRUTH[method][measure], abs=4 * row["mcse"])


def test_too_short_intervals_are_found_out(large):
    table = large.summary().query("method == 'mean'").set_index("measure")
    short = table.loc["normal_coverage"]
    assert short["estimate"] < 0.95 - 4 * short["mcse"]


def test_differences_are_within_four_errors_of_the_truth(large):
    rows = large.compare("shrunken", "mean").set_index("measure")
    for measure in set(TRUTH["shrunken"]) & set(rows.index):
        expected = TRUTH["shrunken"][measure] - TRUTH["mean"][measure]
        row = rows.loc[measure]
        assert row["estimate"] == pytest.approx(expected, abs=4 * row["mcse"] + 1e-12), measure


# --- Repeated studies ------------------------------------------------------------------

REPEATS, SMALL = 200, 60


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """Many small studies: scenarios that differ in their random numbers only."""
    study = make_study(scenarios=grid(repeat=range(REPEATS)), replications=SMALL)
    result = study.run(path=tmp_path_factory.mktemp("repeated"))
    return result.summary(), result.compare("shrunken", "mean")


def assert_errors_are_the_spread(table, measure):
    spread = table["estimate"].std()
    claimed = np.sqrt(np.mean(table["mcse"] ** 2))
    assert claimed == pytest.approx(spread, rel=0.15), measure


@pytest.mark.parametrize("method", ["mean", "shrunken"])
@pytest.mark.parametrize("measure", MEASURES)
def test_errors_are_the_spread_over_repeated_studies(repeated, method, measure):
    table = repeated[0].query("method == @method and measure == @measure")
    assert len(table) == REPEATS
    if (method, measure) == ("mean", "gain"):
        assert (table["mcse"] < 1e-4).all()  # a method against itself
    else:
        assert_errors_are_the_spread(table, measure)


@pytest.mark.parametrize("measure", [name for name in MEASURES if name != "gain"])
def test_errors_of_differences_are_their_spread(repeated, measure):
    table = repeated[1].query("measure == @measure")
    assert_errors_are_the_spread(table, measure)


def test_the_pilot_plans_the_study(tmp_path):
    study = make_study(measures={"coverage": m.coverage(STUDENT), "loss": squared_error})
    p, wanted = 0.95, 0.005
    needed = study.replications_for("coverage", wanted, pilot=4000, path=tmp_path)
    # Among two methods, that of the lower coverage decides.
    low = 1.0 - np.diff(stats.nct(FEW - 1, BIAS / SHRUNKEN_SE).cdf([-T, T])).item()
    p = min(p, 1.0 - low)
    assert needed == pytest.approx(p * (1.0 - p) / wanted**2, rel=0.1)
