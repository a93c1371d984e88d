"""The tables of the user guide: what they affirm is so, what they deny is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import LinearConstraint
from scipy.sparse.linalg import aslinearoperator

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    NM,
    SCAD,
    CappedL1,
    CoxLoss,
    ElasticNet,
    GroupEnvelope,
    GroupLasso,
    GroupMCP,
    GroupSCAD,
    GroupTopK,
    KSupport,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedCoxCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SelectionWarning,
    SparseGroupLasso,
    TopK,
    penalized_path,
)
from sparsestat.solvers import SOLVERS

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"
RNG = np.random.default_rng(0)
N, P = 60, 8
X = RNG.standard_normal((N, P))
ETA = X[:, 0] - 0.5 * X[:, 1]
TIMES = np.empty(N, dtype=[("event", bool), ("time", float)])
TIMES["event"], TIMES["time"] = RNG.random(N) < 0.7, RNG.exponential(np.exp(-ETA))
SUM_TO_ZERO = LinearConstraint(np.ones(P), 0.0, 0.0)
GROUPS = np.arange(P) // 2

# How models of a loss are made: one strength, many strengths, responses.
REGRESSION = (PenalizedRegressor, PenalizedRegressorCV)
CLASSIFICATION = (PenalizedClassifier, PenalizedClassifierCV)
RESPONSES = {
    '"squared_error"': (*REGRESSION, ETA + 0.5 * RNG.standard_normal(N)),
    '"huber"': (*REGRESSION, ETA + RNG.standard_t(2.0, N)),
    '"quantile"': (*REGRESSION, ETA + RNG.standard_t(2.0, N)),
    '"poisson"': (*REGRESSION, RNG.poisson(np.exp(0.5 * ETA)).astype(float)),
    '"gamma"': (*REGRESSION, RNG.gamma(2.0, np.exp(0.5 * ETA))),
    '"log_loss"': (*CLASSIFICATION, (ETA + RNG.logistic(size=N) > 0.0).astype(int)),
    '"multinomial"': (
        *CLASSIFICATION,
        np.digitize(ETA + 0.7 * RNG.standard_normal(N), [-0.5, 0.5]),
    ),
    "CoxLoss()": (PenalizedCox, PenalizedCoxCV, TIMES),
}
SMOOTH = [name for name in RESPONSES if name != '"quantile"']
PENALTIES = {
    "L1": L1(),
    "ElasticNet": ElasticNet(0.5),
    "MCP": MCP(3.0, adaptive=True),
    "SCAD": SCAD(3.7, adaptive=True),
    "LogSum": LogSum(1.0),
    "CappedL1": CappedL1(1.0),
    "L0": L0(),
    "Lq": Lq(0.5),
    "CEL0": CEL0(),
    "GroupLasso": GroupLasso(GROUPS),
    "SparseGroupLasso": SparseGroupLasso(GROUPS, 0.5),
    "GroupMCP": GroupMCP(GROUPS, adaptive=True),
    "GroupSCAD": GroupSCAD(GROUPS, adaptive=True),
    "KSupport": KSupport(2),
    "GroupEnvelope": GroupEnvelope(GROUPS, 2),
    "TopK": TopK(2),
    "GroupTopK": GroupTopK(GROUPS, 2),
    "NM": NM(1, 4),
}


class Case:
    """A loss with data that suit it, and a penalty."""

    def __init__(self, loss='"squared_error"', penalty="L1"):
        self.single, self.many, self.y = RESPONSES[loss]
        self.loss = CoxLoss() if loss == "CoxLoss()" else loss.strip('"')
        self.options = {} if loss == "CoxLoss()" else {"loss": self.loss}
        self.penalty = PENALTIES[penalty]

    def fit(self, alpha=0.05, X=X, y=None, data=None, **options):
        options = {"penalty": self.penalty} | self.options | options
        model = self.single(alpha, **options)
        return model.fit(X, self.y if y is None else y, **(data or {}))

    def best(self, y=None, **options):
        """Return a fit that is checked to be good."""
        model = self.fit(y=y, **options)
        assert model.converged_
        assert np.isfinite(model.coef_).all()
        assert model.support_.size > 0
        return model


# --- What is checked -------------------------------------------------------------------


def penalties(names):
    def check(case):
        for name in names.split(", "):
            case.best(alpha=0.01, penalty=PENALTIES[name], l2=0.01)

    return check


def convex(case):
    """Nonconvex penalties have no gap."""
    gap = case.fit().dual_gap_
    assert case.penalty.convex is not np.isnan(gap)
    if np.isnan(gap):
        raise ValueError("The penalty is not convex.")
    assert 0.0 <= gap <= 1e-6


def path(case):
    found = penalized_path(X, case.y, loss=case.loss, penalty=case.penalty, alphas=5, eps=0.2)
    assert found.converged.all()
    assert found.n_nonzeros[0] == 0 < found.n_nonzeros[-1]


def path_at(case):
    strengths = [0.1, 0.05]
    options = {"loss": case.loss, "penalty": case.penalty}
    found = penalized_path(X, case.y, alphas=strengths, **options)
    assert found.converged.all()
    assert found.n_nonzeros[-1] > 0


def cross_validation(case):
    model = case.many([0.1, 0.05], cv=3, penalty=case.penalty, **case.options).fit(X, case.y)
    assert np.isfinite(model.cv_results_["mean_test_score"]).all()


def criteria(case):
    for criterion in ("aic", "bic", "ebic"):
        options = {"criterion": criterion, "penalty": case.penalty} | case.options
        model = case.many([0.1, 0.05], **options).fit(X, case.y)
        assert np.isfinite(model.criterion_).any()


def weights(case):
    counts = np.arange(N) % 3
    rows = np.repeat(np.arange(N), counts)
    weighted = case.fit(data={"sample_weight": counts})
    repeated = case.fit(X=X[rows], y=case.y[rows])
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)


def offset(case):
    """What the offset explains is left to it: shifting it by X d shifts the coefficients."""
    d = np.zeros(P)
    d[0] = 0.3
    free = {"penalty_weights": np.r_[0.0, np.ones(P - 1)]}
    plain = case.fit(**free)
    moved = case.fit(data={"offset": X @ d}, **free)
    assert_allclose(np.atleast_2d(plain.coef_ - moved.coef_)[0], d, atol=1e-5)


def sparse_data(case):
    assert_allclose(case.best(X=sparse.csr_array(X)).coef_, case.fit().coef_, atol=1e-6)


def operator(case):
    model = case.best(X=aslinearoperator(X), standardize=False)
    array = case.fit(standardize=False, solver="accelerated")
    assert_allclose(model.coef_, array.coef_, atol=1e-5)


def bounds(case):
    model = case.best(bounds=(-0.05, 0.1))
    assert np.isclose(model.coef_, 0.1).any()
    assert (model.coef_ <= 0.1 + 1e-15).all()
    assert (model.coef_ >= -0.05 - 1e-15).all()


def positive(case):
    assert (case.best(positive=True).coef_ >= 0.0).all()


def constraints(case):
    model = case.best(constraints=SUM_TO_ZERO)
    assert_allclose(np.atleast_2d(model.coef_).sum(axis=1), 0.0, atol=1e-12)


def two(case):
    """Return two responses."""
    return np.column_stack([case.y, np.roll(case.y, 1)])


def several(case):
    """Features are in for all responses or for none."""
    used = case.best(y=two(case), alpha=0.3).coef_ != 0.0
    assert used.shape == (2, P)
    assert (used == used.any(axis=0)).all()
    assert used.any()
    assert not used.all()


def free_and_excluded(case):
    weights = np.ones(P)
    weights[:2], weights[2:4] = 0.0, np.inf
    coef = np.atleast_2d(case.best(penalty_weights=weights).coef_)
    assert coef[:, :2].all()
    assert not coef[:, 2:4].any()


def unequal(case):
    """Weights multiply the strength, those of a group all of it."""
    weights = np.where(GROUPS == 0, 2.0, 1.0)
    model = case.best(penalty_weights=weights)
    doubled = case.fit(alpha=0.1, penalty_weights=np.where(GROUPS == 0, 1.0, 0.5))
    assert_allclose(model.coef_, doubled.coef_, atol=1e-6)


def ridge(case):
    assert np.abs(case.best(l2=5.0).coef_).sum() < np.abs(case.fit().coef_).sum()


def refit(case):
    model = case.fit()
    with pytest.warns(SelectionWarning):
        result = model.refit(X, case.y)
    free = case.fit(alpha=0.0, X=X[:, model.support_]).coef_
    expected = free if free.ndim == 1 else (free[1:] - free[0]).T  # classes against the first
    assert_allclose(np.asarray(result.params)[-len(expected) :], expected, atol=1e-4)


FEATURES = {
    "dual gap": convex,
    "path": path,
    "CV": cross_validation,
    "criteria": criteria,
    "sample weights": weights,
    "offset": offset,
    "sparse X": sparse_data,
    "operator X": operator,
    "bounds": bounds,
    "constraints": constraints,
    "several responses": several,
    "refit": refit,
}
CHECKS = FEATURES | {
    "convex, gap": convex,
    "weights 0, inf": free_and_excluded,
    "other weights": unequal,
    "l2": ridge,
    "positive": positive,
    "path from zero": path,
    "path at alphas": path_at,
}


# --- What solvers take -------------------------------------------------------------------


def attempt(solver, loss, penalty, options=None):
    """Tell whether a solver takes a problem; what it refuses it refuses with a sentence."""
    case = Case(loss, penalty)
    try:
        model = case.fit(solver=solver, **({"l2": 0.01} if options is None else options(case)))
    except ValueError as error:
        if re.search(r"\w+ \w+ \w+", str(error)):
            return False
        raise
    assert model.converged_
    assert np.isfinite(model.coef_).all()
    return True


def kinds(names):
    """Check that a solver takes penalties, each with some loss; if not, it refuses all."""

    def check(solver):
        for name in names.split(", "):
            if not any(attempt(solver, loss, name) for loss in RESPONSES):
                raise ValueError("The solver refuses every loss.")

    return check


def problems(*losses, every=True, options=None):
    """Check that a solver takes problems, each with some penalty; if not, it refuses all."""

    def check(solver):
        penalties = ("L1", "GroupLasso", "TopK")
        taken = [
            any(attempt(solver, loss, penalty, options) for penalty in penalties)
            for loss in losses
        ]
        if not (all(taken) if every else any(taken)):
            raise ValueError("The solver refuses every penalty.")

    return check


def with_some_loss(options):
    losses = ('"squared_error"', '"huber"', '"quantile"')
    return problems(*losses, every=False, options=options)


PROBLEMS = {
    "squared error": problems('"squared_error"'),
    "other smooth losses": problems(*SMOOTH[1:]),
    "quantile loss": problems('"quantile"'),
    "several responses": with_some_loss(lambda case: {"y": two(case)}),
    "sparse X": with_some_loss(lambda case: {"X": sparse.csr_array(X)}),
    "operator X": with_some_loss(lambda case: {"X": aslinearoperator(X), "standardize": False}),
    "bounds": with_some_loss(lambda case: {"bounds": (-0.05, 0.1)}),
    "constraints": with_some_loss(lambda case: {"constraints": SUM_TO_ZERO}),
}


# --- The tables ----------------------------------------------------------------------------


class Table(NamedTuple):
    """Where a table is, what its rows are and how its cells are checked."""

    page: str
    rows: list[str]
    subject: Callable[[str], Any]
    check: Callable[[str], Callable[[Any], None]]


TABLES = {
    "losses and penalties": Table("features.md", [*RESPONSES], Case, penalties),
    "losses and features": Table("features.md", [*RESPONSES], Case, FEATURES.__getitem__),
    "penalties and features": Table(
        "features.md",
        [*PENALTIES],
        lambda name: Case(penalty=name),
        CHECKS.__getitem__,
    ),
    "solvers and penalties": Table("solvers.md", [*SOLVERS], str, kinds),
    "solvers and problems": Table("solvers.md", [*SOLVERS], str, PROBLEMS.__getitem__),
}


def cells(name):
    """Return (row, column, answer) for each cell of a table."""
    text = (GUIDE / TABLES[name].page).read_text(encoding="utf-8")
    table = text.split(f"<!-- table of {name} -->")[1].strip().split("\n\n")[0]
    header, _, *rows = (
        [c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines()
    )
    return [
        (row.strip("`"), column.replace("`", ""), answer)
        for row, *answers in rows
        for column, answer in zip(header[1:], answers, strict=True)
    ]


ALL_CELLS = [(name, *cell) for name in TABLES for cell in cells(name)]


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_every_row_and_plain_answers(name):
    rows, _, answers = (
        list(dict.fromkeys(column)) for column in zip(*cells(name), strict=True)
    )
    assert rows == TABLES[name].rows
    assert set(answers) == {"yes", "no"}


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("losses and penalties", PENALTIES),
        ("losses and features", FEATURES),
        ("penalties and features", None),
        ("solvers and penalties", PENALTIES),
        ("solvers and problems", PROBLEMS),
    ],
)
def test_tables_have_every_column(table, named):
    columns = dict.fromkeys(column for _, column, _ in cells(table))
    if named is None:
        assert set(columns) <= set(CHECKS)
    else:
        assert [name for column in columns for name in column.split(", ")] == [*named]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("table", "row", "column", "answer"), ALL_CELLS)
def test_what_the_tables_say_is_so(table, row, column, answer):
    _, _, subject, check = TABLES[table]
    if answer == "yes":
        check(column)(subject(row))
    else:
        with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            check(column)(subject(row))
