"""Penalties on single coefficients: value, proximal operator, derivative, curvature."""

from sparsestat.penalties.base import Penalty
from sparsestat.penalties.elastic_net import ElasticNet
from sparsestat.penalties.l1 import L1
from sparsestat.penalties.mcp import MCP
from sparsestat.penalties.scad import SCAD
from sparsestat.penalties.scalar import ScalarFunctions

__all__ = ["L1", "ElasticNet", "MCP", "SCAD", "Penalty", "ScalarFunctions"]
