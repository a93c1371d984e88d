"""Sparse statistical estimation with scikit-learn estimators.

Public names load on first use (PEP 562): ``import sparsestat`` itself imports
nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sparsestat import datasets, metrics, simulation
    from sparsestat.linear_model import (
        CVDisplay,
        PathDisplay,
        PathResult,
        PenalizedClassifier,
        PenalizedClassifierCV,
        PenalizedCox,
        PenalizedCoxCV,
        PenalizedRegressor,
        PenalizedRegressorCV,
        SelectionWarning,
        penalized_path,
    )
    from sparsestat.losses import (
        CoxLoss,
        GammaLoss,
        HuberLoss,
        LogisticLoss,
        Loss,
        MultinomialLoss,
        PoissonLoss,
        QuantileLoss,
        SquaredLoss,
    )
    from sparsestat.penalties import (
        CEL0,
        L0,
        L1,
        MCP,
        NM,
        SCAD,
        CappedL1,
        ElasticNet,
        GroupEnvelope,
        GroupLasso,
        GroupMCP,
        GroupPenalty,
        GroupSCAD,
        GroupTopK,
        KSupport,
        LogSum,
        Lq,
        Penalty,
        SparseGroupLasso,
        TopK,
    )

# Where each public name lives; a submodule stands for itself.
_HOME = {
    "PenalizedRegressor": "linear_model",
    "PenalizedRegressorCV": "linear_model",
    "PenalizedClassifier": "linear_model",
    "PenalizedClassifierCV": "linear_model",
    "PenalizedCox": "linear_model",
    "PenalizedCoxCV": "linear_model",
    "penalized_path": "linear_model",
    "PathResult": "linear_model",
    "PathDisplay": "linear_model",
    "CVDisplay": "linear_model",
    "SelectionWarning": "linear_model",
    "Loss": "losses",
    "SquaredLoss": "losses",
    "HuberLoss": "losses",
    "QuantileLoss": "losses",
    "PoissonLoss": "losses",
    "GammaLoss": "losses",
    "LogisticLoss": "losses",
    "MultinomialLoss": "losses",
    "CoxLoss": "losses",
    "Penalty": "penalties",
    "L1": "penalties",
    "ElasticNet": "penalties",
    "MCP": "penalties",
    "SCAD": "penalties",
    "LogSum": "penalties",
    "Lq": "penalties",
    "CappedL1": "penalties",
    "L0": "penalties",
    "CEL0": "penalties",
    "TopK": "penalties",
    "GroupTopK": "penalties",
    "NM": "penalties",
    "KSupport": "penalties",
    "GroupEnvelope": "penalties",
    "GroupPenalty": "penalties",
    "GroupLasso": "penalties",
    "GroupMCP": "penalties",
    "GroupSCAD": "penalties",
    "SparseGroupLasso": "penalties",
    "datasets": "",
    "linear_model": "",
    "losses": "",
    "metrics": "",
    "penalties": "",
    "simulation": "",
}

__all__ = [
    "PenalizedRegressor",
    "PenalizedRegressorCV",
    "PenalizedClassifier",
    "PenalizedClassifierCV",
    "PenalizedCox",
    "PenalizedCoxCV",
    "penalized_path",
    "PathResult",
    "PathDisplay",
    "CVDisplay",
    "SelectionWarning",
    "L1",
    "ElasticNet",
    "MCP",
    "SCAD",
    "LogSum",
    "Lq",
    "CappedL1",
    "L0",
    "CEL0",
    "TopK",
    "GroupTopK",
    "NM",
    "KSupport",
    "GroupEnvelope",
    "GroupLasso",
    "GroupMCP",
    "GroupSCAD",
    "SparseGroupLasso",
    "GroupPenalty",
    "Penalty",
    "Loss",
    "SquaredLoss",
    "HuberLoss",
    "QuantileLoss",
    "PoissonLoss",
    "GammaLoss",
    "LogisticLoss",
    "MultinomialLoss",
    "CoxLoss",
    "datasets",
    "metrics",
    "simulation",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'sparsestat' has no attribute {name!r}")
    home = _HOME[name]
    if not home:
        return import_module(f"sparsestat.{name}")
    value = getattr(import_module(f"sparsestat.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(set(globals()) | set(_HOME))
