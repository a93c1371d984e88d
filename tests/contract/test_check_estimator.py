"""scikit-learn's own checks, for every way to set up the estimators; none may fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from in_pairs import (
    BalancedRegressor,
    PairedClassifier,
    PairedCox,
    PairedRegressor,
    PairedRegressorCV,
)
from plain_survival import PlainCox, PlainCoxCV
from sklearn.base import is_classifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    GroupLasso,
    GroupMCP,
    GroupSCAD,
    HuberLoss,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SparseGroupLasso,
)
from sparsestat.penalties import NM, GroupEnvelope, GroupTopK, KSupport, TopK

HERE = Path(__file__).parent

ESTIMATORS = [
    PenalizedRegressor(),
    PenalizedRegressor(0.1, penalty=L1(), solver="working_set", fit_intercept=False),
    PenalizedRegressor(0.1, penalty=ElasticNet(0.5), solver="gram", positive=True),
    PenalizedRegressor(0.1, penalty=MCP(1.5), solver="working_set", l2=0.1),
    PenalizedRegressor(0.1, penalty=MCP(3.0), fit_intercept=False, standardize=False),
    PenalizedRegressor(0.1, penalty=SCAD(3.7), solver="gram", standardize=False),
    PenalizedRegressor(0.1, penalty=L1(), warm_start=True),
    PenalizedRegressor(0.1, penalty=LogSum(1.0)),
    PenalizedRegressor(0.1, penalty=Lq(0.5), solver="working_set"),
    PenalizedRegressor(0.1, penalty=CappedL1(1.0), positive=True),
    PenalizedRegressor(0.01, penalty=L0(), solver="gram"),
    PenalizedRegressor(0.01, penalty=CEL0(), fit_intercept=False),
    PenalizedRegressor(0.1, loss="huber"),
    PenalizedRegressor(0.1, loss=HuberLoss(50.0), penalty=L0(), fit_intercept=False),
    PenalizedRegressor(0.01, loss="quantile"),
    PenalizedRegressor(0.1, loss="poisson"),
    PenalizedRegressor(0.01, loss="poisson", penalty=L1(), standardize=False),
    PenalizedRegressor(0.1, loss="gamma", penalty=SCAD(adaptive=True), warm_start=True),
    PenalizedRegressor(0.01, loss="gamma", penalty=ElasticNet(0.5), bounds=(-1.0, 0.5)),
    PenalizedRegressor(0.1, penalty=L1(), solver="accelerated"),
    PenalizedRegressor(0.1, penalty=ElasticNet(0.5), solver="convex", bounds=(-0.5, 1.0)),
    PenalizedRegressor(0.1, loss="huber", penalty=L1(), solver="multipliers"),
    PenalizedRegressor(0.05, penalty=L0(), solver="subset"),
    PenalizedRegressor(0.01, loss="quantile", penalty=LogSum(1.0), solver="quantile"),
    PenalizedRegressor(penalty=TopK(2)),
    PenalizedRegressor(penalty=TopK(1), solver="accelerated", l2=0.01),
    PenalizedRegressor(loss="poisson", penalty=NM(1, 2), l2=0.01),
    PenalizedRegressor(0.1, penalty=KSupport(2), positive=True),
    PairedRegressor(0.1, penalty=GroupLasso([0])),
    PairedRegressor(0.1, penalty=SparseGroupLasso([0]), solver="convex"),
    PairedRegressor(0.1, loss="huber", penalty=GroupMCP([0], adaptive=True)),
    PairedRegressor(0.1, loss="gamma", penalty=GroupLasso([0]), solver="accelerated"),
    PairedRegressor(penalty=GroupTopK([0], 1)),
    PairedRegressor(0.1, penalty=GroupEnvelope([0], 1.0), warm_start=True),
    BalancedRegressor(0.1, penalty=L1()),
    PairedRegressorCV(alphas=3, penalty=GroupLasso([0]), cv=2),
    PenalizedRegressorCV(alphas=3),
    PenalizedRegressorCV(alphas=3, penalty=L1(), cv=2, bounds=(-0.5, 1.0)),
    PenalizedRegressorCV(alphas=3, loss="huber", penalty=L1(), cv=3),
    PenalizedRegressorCV(alphas=3, loss="quantile", cv=3),
    PenalizedRegressorCV(alphas=3, loss="poisson", cv=3, scoring="r2"),
    PenalizedRegressorCV(alphas=3, loss="gamma", penalty=L1(), criterion="bic"),
    PenalizedRegressorCV(
        alphas=[0.1, 0.01], penalty=L1(), cv=2, selection="one_se", standardize=False
    ),
    PenalizedRegressorCV(alphas=2, penalty=SCAD(), cv=3, scoring="r2", fit_intercept=False),
    PenalizedRegressorCV(alphas=3, penalty=LogSum(0.5), criterion="aic", noise_variance=1.0),
    PenalizedRegressorCV(alphas=3, penalty=L0(), criterion="bic", l2=0.1),
    PenalizedClassifier(),
    PenalizedClassifier(0.05, penalty=L1(), fit_intercept=False),
    PenalizedClassifier(0.05, penalty=ElasticNet(0.5), standardize=False),
    PenalizedClassifier(0.05, penalty=ElasticNet(0.5), positive=True),
    PenalizedClassifier(0.05, penalty=MCP(1.5, adaptive=True), class_weight="balanced"),
    PenalizedClassifier(0.05, penalty=SCAD(adaptive=True), warm_start=True, l2=0.01),
    PenalizedClassifier(0.05, penalty=LogSum(1.0)),
    PenalizedClassifier(0.05, penalty=L1(), loss="multinomial"),
    PenalizedClassifier(0.05, penalty=Lq(0.5), solver="prox_newton"),
    PenalizedClassifier(0.05, penalty=CappedL1(1.0), l2=0.01),
    PenalizedClassifier(0.01, penalty=L0(), l2=0.01),
    PenalizedClassifier(0.01, penalty=CEL0(), l2=0.01),
    PenalizedClassifier(0.05, penalty=KSupport(2), solver="accelerated"),
    PenalizedClassifier(penalty=TopK(2), l2=0.01),
    PenalizedClassifier(penalty=TopK(2), loss="multinomial", l2=0.01),
    PenalizedClassifier(0.05, penalty=L1(), bounds=(-1.0, 2.0), solver="convex"),
    PairedClassifier(0.05, penalty=GroupLasso([0])),
    PairedClassifier(0.05, penalty=GroupSCAD([0], adaptive=True), loss="multinomial", l2=0.01),
    PenalizedClassifierCV(alphas=2, cv=2),
    PenalizedClassifierCV(alphas=2, penalty=L1(), loss="multinomial", cv=2),
    PenalizedClassifierCV(
        alphas=[0.1, 0.01], penalty=L1(), cv=2, selection="one_se", scoring="accuracy"
    ),
    PenalizedClassifierCV(alphas=3, criterion="ebic"),
    PenalizedClassifierCV(
        alphas=[0.1, 0.01],
        penalty=L1(),
        criterion="bic",
        class_weight="balanced",
        standardize=False,
        tol=1e-10,
    ),
    PlainCox(),
    PlainCox(0.05, penalty=L1(), standardize=False),
    PlainCox(0.05, penalty=ElasticNet(0.5), ties="efron"),
    PlainCox(0.05, penalty=SCAD(adaptive=True), warm_start=True, l2=0.01, tol=1e-10),
    PlainCox(0.05, penalty=LogSum(1.0), positive=True),
    PlainCox(0.01, penalty=L0(), l2=0.01),
    PlainCox(0.05, penalty=KSupport(2), bounds=(0.0, float("inf"))),
    PlainCox(penalty=TopK(2), l2=0.01),
    PairedCox(0.05, penalty=GroupLasso([0]), solver="accelerated"),
    PlainCoxCV(alphas=2, cv=2),
    PlainCoxCV(alphas=[0.1, 0.01], penalty=L1(), cv=2, selection="one_se"),
    PlainCoxCV(alphas=3, penalty=L1(), criterion="bic"),
]


def listed_failures(estimator):
    """Return the checks that ask for what a model cannot give, with the reason."""
    reasons = {}
    if getattr(estimator, "ties", None) == "efron":
        reasons = dict.fromkeys(
            [
                "check_sample_weight_equivalence_on_dense_data",
                "check_sample_weight_equivalence_on_sparse_data",
            ],
            "copies of a row are tied events, which Efron's method counts ever less",
        )
    if isinstance(estimator, BalancedRegressor):
        reasons["check_regressor_multioutput"] = "constraints go with one response"
    if not is_classifier(estimator):
        return reasons
    if not estimator.fit_intercept:
        reasons["check_class_weight_classifiers"] = (
            "a heavy class wins over others by the intercept"
        )
    if estimator.positive:
        reasons["check_classifiers_train"] = (
            "classes that lie below others need a coefficient < 0"
        )
    return reasons


# scipy reads SCIPY_ARRAY_API once, when it is imported: a check that needs it is skipped
# without it, so that a process of its own has to say whether any is.
EVERY_CHECK = """
from plain_survival import PlainCox, PlainCoxCV
from sklearn.utils.estimator_checks import check_estimator
from sparsestat import (
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
)

for estimator in (
    PenalizedRegressor(),
    PenalizedRegressorCV(alphas=3),
    PenalizedClassifier(),
    PenalizedClassifierCV(alphas=2, cv=2),
    PlainCox(),
    PlainCoxCV(alphas=2, cv=2),
):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 40
    for result in results:
        if result["status"] != "passed":
            print(estimator, result["check_name"], result["status"], result["exception"])
"""


# Few samples are often separable, of which a penalty that becomes flat has to warn.
@pytest.mark.filterwarnings(
    "ignore:.* problems have no finite solution:sklearn.exceptions.ConvergenceWarning"
)
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=listed_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_every_check_runs_and_passes_where_scipy_speaks_the_array_api():
    done = subprocess.run(
        [sys.executable, "-c", EVERY_CHECK],
        env=os.environ | {"SCIPY_ARRAY_API": "1", "PYTHONPATH": f"{HERE.parents[1]}:{HERE}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
