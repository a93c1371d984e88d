"""Numbers of R's survival and glmnet, and of lifelines and scikit-survival, on one data set.

survival.R wrote survival.json, survival_peers.py wrote survival_peers.json.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsestat import CoxLoss
from sparsestat.metrics import concordance_index

HERE = Path(__file__).parent
R = json.loads((HERE / "survival.json").read_text())
PEERS = json.loads((HERE / "survival_peers.json").read_text())
X, TIME, EVENT, RISK = (np.array(R[name]) for name in ("x", "time", "event", "risk"))


@pytest.fixture(params=R["fits"], ids=lambda case: f"{case['label']}, {case['ties']}")
def case(request):
    return {
        name: np.array(value) if isinstance(value, list) else value
        for name, value in request.param.items()
    }


def likelihood(case):
    weight = case["weights"].astype(float)
    strata = np.unique(case["strata"], return_inverse=True)[1]
    return CoxLoss(case["ties"]).likelihood(TIME, EVENT, weight, strata)


def test_the_data_have_ties():
    assert np.unique(TIME[EVENT]).size < EVENT.sum() / 2


def test_likelihood_and_derivatives_equal_those_of_coxph(case):
    f, weight = likelihood(case), case["weights"]
    eta = X @ case["beta"] + case["offset"]
    for at, expected in zip((case["offset"], eta), case["loglik"], strict=True):
        np.testing.assert_allclose(-f.value(at) * weight.sum(), expected, rtol=1e-13)
    martingale = f.residual(eta) / f.scale / weight
    np.testing.assert_allclose(martingale, case["martingale"], atol=1e-12)
    np.testing.assert_allclose(X.T @ f.residual(eta), 0.0, atol=1e-11)
    information = f.hessian(eta).apply(X.T) @ X / f.scale
    np.testing.assert_allclose(np.linalg.inv(information), case["variance"], rtol=1e-11)


def test_baselines_equal_those_of_coxph(case):
    base = case["base"]
    stratum, time, hazard = (np.array(base[name]) for name in ("stratum", "time", "hazard"))
    baselines = likelihood(case).baseline(X @ case["beta"] + case["offset"])
    for s, baseline in enumerate(baselines):
        rows = stratum == s + 1
        ours = np.exp(baseline.at(time[rows]))
        np.testing.assert_allclose(ours, hazard[rows], rtol=1e-12)


def test_concordance_equals_that_of_r(case):
    ours = concordance_index(
        TIME, EVENT, RISK, sample_weight=case["weights"], strata=case["strata"]
    )
    np.testing.assert_allclose(ours, case["concordance"], rtol=1e-14)


@pytest.mark.parametrize("peer", PEERS["concordance"])
def test_concordance_equals_that_of(peer):
    ours = concordance_index(TIME, EVENT, RISK)
    np.testing.assert_allclose(ours, PEERS["concordance"][peer], rtol=1e-14)


@pytest.mark.parametrize("fit", PEERS["fits"], ids=lambda fit: f"{fit['peer']}, {fit['ties']}")
def test_gradients_vanish_at_coefficients_of_peers(fit):
    f = CoxLoss(fit["ties"]).likelihood(TIME, EVENT)
    np.testing.assert_allclose(X.T @ f.residual(X @ fit["beta"]), 0.0, atol=1e-9)
