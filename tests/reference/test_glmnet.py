"""Coefficients of R's glmnet, run to convergence by glmnet.R, which wrote glmnet.json."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsestat import ElasticNet, penalized_path

REFERENCE = json.loads((Path(__file__).parent / "glmnet.json").read_text())


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["label"])
def test_coefficients_equal_those_of_glmnet(case):
    path = penalized_path(
        np.array(REFERENCE["x"]),
        np.array(case["y"]),
        penalty=ElasticNet(case["alpha"]),
        alphas=case["lambda"],
        penalty_weights=case["factors"],
        positive=case["positive"],
        standardize=case["standardize"],
        fit_intercept=case["intercept"],
        sample_weight=case["weights"],
        offset=case["offset"],
        tol=1e-12,
    )
    np.testing.assert_allclose(path.coefs.toarray().T, case["beta"], atol=1e-8)
    np.testing.assert_allclose(path.intercepts, case["a0"], atol=1e-7)
    assert path.n_nonzeros[-1] > 2
