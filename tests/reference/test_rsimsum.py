"""Measures with Monte Carlo errors of R's rsimsum, from rsimsum.R, which wrote rsimsum.json.

Where rsimsum means something else, from its R/performance.R and R/simsum.R:

- An estimate without standard error, or the reverse, is missing for every measure there, once
  `se` is given. Here a measure takes all records of the parts that it needs.
- Relative precision divides the variances over the replications in which each method by
  itself succeeds, correlates over those in which both do, and has the method's own number of
  them in the error. Here all three are over the replications in which both succeed.
- With a truth that varies between replications, empirical standard error (and what is relative
  to it), the Monte Carlo error of bias, and bias-eliminated coverage are about estimates
  there, so that they include the spread of the truth. Here they are about errors, as is the
  Monte Carlo error of relative bias in both.
- Power compares estimate and standard error with the normal quantile, and counts a tie as a
  rejection, whatever `ci.limits` are. Here the interval decides, and contains its ends.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsestat.simulation import Estimand
from sparsestat.simulation import measures as m

REFERENCE = json.loads((Path(__file__).parent / "rsimsum.json").read_text())
CASES = {case["label"]: case for case in REFERENCE["cases"]}
MAKERS = {
    "bias": m.bias,
    "rbias": m.relative_bias,
    "empse": m.empirical_se,
    "mse": m.mse,
    "modelse": m.model_se,
    "relerror": m.relative_error,
    "cover": m.coverage,
    "becover": m.bias_eliminated_coverage,
    "power": m.power,
}
PAIRED = [label for label in CASES if label not in ("missing, weak", "truth, moving")]


def estimand(case):
    given = "low" in case["methods"]["A"]["data"]
    return Estimand(
        "theta",
        estimate=lambda fit: fit["estimate"],
        truth=lambda data: data["truth"],
        se=lambda fit: fit["se"],
        interval=(lambda fit: (fit["low"], fit["high"])) if given else None,
        level=case["level"],
    )


def recorded(case, method):
    """Parts of the replications that have an estimate and a standard error."""
    columns = case["methods"][method]["data"]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    source = estimand(case)
    records = [source.record(row, row) for row in rows if None not in row.values()]
    return dict(zip(source.parts, np.array(records).T, strict=True))


def assert_agrees(ours, theirs, abs=0.0):
    assert ours[:2] == pytest.approx(theirs, rel=1e-10, abs=abs)


def evaluate(case, method, name):
    return MAKERS[name](estimand(case)).evaluate(recorded(case, method))


@pytest.mark.parametrize("method", ["A", "B"])
@pytest.mark.parametrize(
    ("label", "name"),
    [
        (label, name)
        for label in CASES
        for name in MAKERS
        if label != "truth, moving" and (label, name) != ("interval, weak", "power")
    ],
)
def test_measures_equal_those_of_rsimsum(label, name, method):
    case = CASES[label]
    assert_agrees(evaluate(case, method, name), case["methods"][method]["measures"][name])


@pytest.mark.parametrize("label", PAIRED)
def test_relative_precision_equals_that_of_rsimsum(label):
    case = CASES[label]
    measure = m.relative_precision(estimand(case), "A")
    for method, rounding in ("B", 0.0), ("A", 1e-5):  # sqrt(1 - r**2) at r = 1
        found = measure.evaluate(recorded(case, method), recorded(case, "A"))
        assert_agrees(found, case["methods"][method]["measures"]["relprec"], rounding)


@pytest.mark.parametrize("name", ["rbias", "mse", "modelse", "cover", "power"])
@pytest.mark.parametrize("method", ["A", "B"])
def test_measures_of_a_moving_truth_equal_those_of_rsimsum(method, name):
    case = CASES["truth, moving"]
    assert_agrees(evaluate(case, method, name), case["methods"][method]["measures"][name])


@pytest.mark.parametrize("method", ["A", "B"])
def test_rsimsum_takes_the_spread_of_a_moving_truth_for_error(method):
    case = CASES["truth, moving"]
    theirs = case["methods"][method]["measures"]
    values = recorded(case, method)
    bias, spread = evaluate(case, method, "bias"), evaluate(case, method, "empse")
    assert bias.estimate == pytest.approx(theirs["bias"][0], rel=1e-10)
    assert bias.mcse < theirs["bias"][1]
    assert spread.estimate < theirs["empse"][0]
    fixed = values | {"truth": np.zeros_like(values["truth"])}
    assert_agrees(m.empirical_se(estimand(case)).evaluate(fixed), theirs["empse"])
    assert m.bias(estimand(case)).evaluate(fixed).mcse == pytest.approx(theirs["bias"][1])
    assert_agrees(m.bias_eliminated_coverage(estimand(case)).evaluate(fixed), theirs["becover"])
