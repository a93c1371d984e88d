"""Penalties: on single coefficients, on groups of them, and on all together."""

from sparsestat.penalties.base import BasePenalty, Penalty
from sparsestat.penalties.capped_l1 import CappedL1
from sparsestat.penalties.cel0 import CEL0
from sparsestat.penalties.elastic_net import ElasticNet
from sparsestat.penalties.group_envelope import GroupEnvelope
from sparsestat.penalties.groups import (
    GroupLasso,
    GroupMCP,
    GroupPenalty,
    GroupSCAD,
    SparseGroupLasso,
)
from sparsestat.penalties.joint import JointPenalty, SupportConstraint
from sparsestat.penalties.k_support import KSupport
from sparsestat.penalties.l0 import L0
from sparsestat.penalties.l1 import L1
from sparsestat.penalties.log_sum import LogSum
from sparsestat.penalties.lq import Lq
from sparsestat.penalties.mcp import MCP
from sparsestat.penalties.n_m import NM
from sparsestat.penalties.scad import SCAD
from sparsestat.penalties.scalar import ScalarFunctions
from sparsestat.penalties.top_k import GroupTopK, TopK

__all__ = [
    "CEL0",
    "L0",
    "L1",
    "MCP",
    "NM",
    "SCAD",
    "BasePenalty",
    "CappedL1",
    "ElasticNet",
    "GroupEnvelope",
    "GroupLasso",
    "GroupMCP",
    "GroupPenalty",
    "GroupSCAD",
    "GroupTopK",
    "JointPenalty",
    "KSupport",
    "LogSum",
    "Lq",
    "Penalty",
    "ScalarFunctions",
    "SparseGroupLasso",
    "SupportConstraint",
    "TopK",
]
