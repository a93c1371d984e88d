"""Numbers of R's survival and glmnet, and of lifelines and scikit-survival, on one data set.

survival.R wrote survival.json, survival_peers.py wrote survival_peers.json; skglm and adelie,
which need other versions of numpy than scikit-survival does, have survival_sparse_peers.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsestat import L1, CoxLoss, ElasticNet, PenalizedCox
from sparsestat.metrics import concordance_index

HERE = Path(__file__).parent
R = json.loads((HERE / "survival.json").read_text())
PEERS = json.loads((HERE / "survival_peers.json").read_text())
SPARSE = json.loads((HERE / "survival_sparse_peers.json").read_text())
X, TIME, EVENT, RISK = (np.array(R[name]) for name in ("x", "time", "event", "risk"))
Y = np.empty(TIME.size, dtype=[("time", float), ("event", bool)])
Y["time"], Y["event"] = TIME, EVENT


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
        ours = np.exp(baseline.log_at(time[rows]))
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


# --- fits ---------------------------------------------------------------------------


def test_without_penalty_coefficients_equal_those_of_coxph(case):
    model = PenalizedCox(0.0, ties=case["ties"], penalty=L1(), tol=1e-10)
    model.fit(X, Y, sample_weight=case["weights"], offset=case["offset"], strata=case["strata"])
    np.testing.assert_allclose(model.coef_, case["beta"], atol=1e-9)


@pytest.mark.parametrize("path", R["paths"], ids=lambda path: path["label"])
def test_coefficients_equal_those_of_glmnet(path):
    """Strata have code of their own in glmnet, written in R, which ends earlier."""
    atol = 1e-9 if len(set(path["strata"])) == 1 else 2e-5
    for alpha, beta in zip(path["lambda"], path["beta"], strict=True):
        model = PenalizedCox(
            alpha,
            penalty=ElasticNet(path["alpha"]) if path["alpha"] < 1.0 else L1(),
            standardize=path["standardize"],
            penalty_weights=path["factors"],
            bounds=(path["lower"], path["upper"]),
            tol=1e-12,
        )
        model.fit(
            X, Y, sample_weight=path["weights"], offset=path["offset"], strata=path["strata"]
        )
        np.testing.assert_allclose(model.coef_, beta, atol=atol)


def test_coefficients_and_curves_are_those_of_coxnet():
    """Of scikit-survival, which ends early."""
    net = PEERS["coxnet"]
    penalty = ElasticNet(net["l1_ratio"])
    for alpha, beta in zip(net["alphas"], net["beta"], strict=True):
        model = PenalizedCox(alpha, penalty=penalty, standardize=False).fit(X, Y)
        np.testing.assert_allclose(model.coef_, beta, atol=1e-5)
    model = PenalizedCox(net["alphas"][1], penalty=penalty, standardize=False).fit(X, Y)
    survival = model.predict_survival(X[:5], net["times"])
    np.testing.assert_allclose(survival, net["survival"], atol=1e-6)


def test_coxnet_normalises_columns_to_norm_one():
    """Not to variance one: its strength is ours over the root of n."""
    net = PEERS["coxnet, normalised"]
    model = PenalizedCox(net["alpha"], penalty=L1(), tol=1e-10).fit(X, Y)
    np.testing.assert_allclose(model.coef_, net["beta"], atol=1e-6)


@pytest.mark.parametrize(
    "fit", PEERS["lifelines"], ids=lambda fit: f"l1_ratio {fit['l1_ratio']}"
)
def test_coefficients_are_those_of_lifelines(fit):
    """With the divisor n - 1 in the scales, and L1 as the limit of a smooth function."""
    scale, lasso = X.std(axis=0, ddof=1), fit["l1_ratio"] == 1.0
    model = PenalizedCox(
        fit["penalizer"] if lasso else 0.0,
        ties="efron",
        penalty=L1(),
        l2=0.0 if lasso else fit["penalizer"],
        standardize=False,
        tol=1e-10,
    ).fit(X / scale, Y)
    np.testing.assert_allclose(model.coef_ / scale, fit["beta"], atol=1e-5 if lasso else 1e-8)


@pytest.mark.parametrize("fit", SPARSE["fits"], ids=lambda fit: f"{fit['peer']}, {fit['ties']}")
def test_coefficients_are_those_of_sparse_peers(fit):
    model = PenalizedCox(
        fit["alpha"],
        ties=fit["ties"],
        penalty=ElasticNet(fit["l1_ratio"]),
        standardize=False,
        tol=1e-10,
    ).fit(X, Y)
    np.testing.assert_allclose(model.coef_, fit["beta"], atol=1e-6)
