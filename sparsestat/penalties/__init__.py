"""Penalties on single coefficients: value, proximal operator, derivative, curvature."""

from sparsestat.penalties.base import BasePenalty, Penalty
from sparsestat.penalties.capped_l1 import CappedL1
from sparsestat.penalties.cel0 import CEL0
from sparsestat.penalties.elastic_net import ElasticNet
from sparsestat.penalties.l0 import L0
from sparsestat.penalties.l1 import L1
from sparsestat.penalties.log_sum import LogSum
from sparsestat.penalties.lq import Lq
from sparsestat.penalties.mcp import MCP
from sparsestat.penalties.scad import SCAD
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = [
    "CEL0",
    "L0",
    "L1",
    "MCP",
    "SCAD",
    "BasePenalty",
    "CappedL1",
    "ElasticNet",
    "LogSum",
    "Lq",
    "Penalty",
    "ScalarFunctions",
]
