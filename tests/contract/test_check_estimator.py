"""scikit-learn's own checks, for every way to set up the estimators; none may fail."""

import os
import subprocess
import sys

from sklearn.utils.estimator_checks import parametrize_with_checks

from sparsestat import L1, MCP, SCAD, ElasticNet, PenalizedRegressor, PenalizedRegressorCV

ESTIMATORS = [
    PenalizedRegressor(),
    PenalizedRegressor(0.1, penalty=L1(), solver="working_set", fit_intercept=False),
    PenalizedRegressor(0.1, penalty=ElasticNet(0.5), solver="gram", positive=True),
    PenalizedRegressor(0.1, penalty=MCP(1.5), solver="working_set", l2=0.1),
    PenalizedRegressor(0.1, penalty=MCP(3.0), fit_intercept=False, standardize=False),
    PenalizedRegressor(0.1, penalty=SCAD(3.7), solver="gram", standardize=False),
    PenalizedRegressor(0.1, penalty=L1(), warm_start=True),
    PenalizedRegressorCV(alphas=3),
    PenalizedRegressorCV(
        alphas=[0.1, 0.01], penalty=L1(), cv=2, selection="one_se", standardize=False
    ),
    PenalizedRegressorCV(alphas=2, penalty=SCAD(), cv=3, scoring="r2", fit_intercept=False),
]

# scipy reads SCIPY_ARRAY_API once, when it is imported: a check that needs it is skipped
# without it, so that a process of its own has to say whether any is.
EVERY_CHECK = """
from sklearn.utils.estimator_checks import check_estimator
from sparsestat import PenalizedRegressor, PenalizedRegressorCV

for estimator in (PenalizedRegressor(), PenalizedRegressorCV(alphas=3)):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 50
    for result in results:
        if result["status"] != "passed":
            print(estimator, result["check_name"], result["status"], result["exception"])
"""


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_every_check_runs_and_passes_where_scipy_speaks_the_array_api():
    done = subprocess.run(
        [sys.executable, "-c", EVERY_CHECK],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
