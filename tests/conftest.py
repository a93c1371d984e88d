"""Shared fixtures: penalties, and one small data set that no test may change."""

import numpy as np
import pytest

from sparsestat import CEL0, L0, L1, MCP, SCAD, CappedL1, ElasticNet, LogSum, Lq
from sparsestat.datasets import make_sparse_regression

PENALTIES = [
    L1(),
    ElasticNet(0.5),
    MCP(3.0),
    MCP(1.5),
    SCAD(3.7),
    SCAD(2.2),
    LogSum(1.0),
    LogSum(0.1),
    Lq(0.5),
    Lq(2 / 3),
    CappedL1(1.0),
    L0(),
    CEL0(),
]


@pytest.fixture(params=PENALTIES, ids=str)
def penalty(request):
    return request.param


@pytest.fixture(scope="session")
def wide():
    """More features than samples, correlated."""
    data = make_sparse_regression(60, 120, 6, rho=0.6, snr=5.0, random_state=0)
    data.X.flags.writeable = False
    return data


@pytest.fixture(scope="session")
def tall():
    """More samples than features."""
    data = make_sparse_regression(150, 30, 5, rho=0.5, snr=3.0, random_state=1)
    data.X.flags.writeable = False
    return data


@pytest.fixture
def rng():
    return np.random.default_rng(0)
