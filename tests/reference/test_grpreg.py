"""Penalties of groups beside R's grpreg, whose numbers grpreg.R made."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparsestat import GroupLasso, GroupMCP, GroupSCAD, LogisticLoss, penalized_path

REFERENCE = json.loads(Path(__file__).with_name("grpreg.json").read_text())
X = np.array(REFERENCE["x"])
PENALTIES = {
    "grLasso": lambda fit: GroupLasso(REFERENCE["group"]),
    "grMCP": lambda fit: GroupMCP(REFERENCE["group"], fit["gamma"]),
    "grSCAD": lambda fit: GroupSCAD(REFERENCE["group"], fit["gamma"]),
}
LOSSES = {"gaussian": "squared_error", "binomial": LogisticLoss(), "poisson": "poisson"}


@pytest.mark.parametrize(
    "fit", REFERENCE["fits"], ids=lambda f: f"{f['family']} {f['penalty']}"
)
def test_paths_are_those_of_grpreg(fit):
    path = penalized_path(
        X,
        np.array(REFERENCE["responses"][fit["family"]], dtype=float),
        loss=LOSSES[fit["family"]],
        penalty=PENALTIES[fit["penalty"]](fit),
        alphas=fit["lambda"],
        standardize=False,
    )
    expected = np.array(fit["beta"])
    assert 0 < np.count_nonzero(expected[0, 1:]) < np.count_nonzero(expected[-1, 1:])
    np.testing.assert_allclose(path.coefs.toarray().T, expected[:, 1:], atol=1e-6)
    np.testing.assert_allclose(path.intercepts, expected[:, 0], atol=1e-6)
