"""Simulation studies: scenarios x methods x replications, with Monte Carlo errors."""

from sparsestat.simulation import measures
from sparsestat.simulation._measure import Estimand

__all__ = ["Estimand", "measures"]
