"""Simulation studies: scenarios x methods x replications, with Monte Carlo errors."""

from sparsestat.simulation import measures
from sparsestat.simulation._measure import Estimand
from sparsestat.simulation._replicate import Replica
from sparsestat.simulation._result import StudyResult
from sparsestat.simulation._run import TooManyErrorsError
from sparsestat.simulation._scenario import grid
from sparsestat.simulation._store import StudyLockedError
from sparsestat.simulation._study import Study, StudyChangedError

__all__ = [
    "Study",
    "grid",
    "StudyResult",
    "Replica",
    "Estimand",
    "measures",
    "StudyChangedError",
    "StudyLockedError",
    "TooManyErrorsError",
]
