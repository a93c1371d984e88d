"""The table of features in the user guide: what it affirms is so, what it denies is refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    CoxLoss,
    ElasticNet,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedCoxCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SelectionWarning,
    penalized_path,
)

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "features.md"
RNG = np.random.default_rng(0)
N, P = 60, 8
X = RNG.standard_normal((N, P))
ETA = X[:, 0] - 0.5 * X[:, 1]
TIMES = np.empty(N, dtype=[("event", bool), ("time", float)])
TIMES["event"], TIMES["time"] = RNG.random(N) < 0.7, RNG.exponential(np.exp(-ETA))

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


class Case:
    """A loss with data that suit it."""

    def __init__(self, name):
        self.name = name
        self.single, self.many, self.y = RESPONSES[name]
        self.loss = CoxLoss() if name == "CoxLoss()" else name.strip('"')
        self.options = {} if name == "CoxLoss()" else {"loss": self.loss}

    def fit(self, penalty=None, alpha=0.05, X=X, y=None, data=None, **options):
        penalty = L1() if penalty is None else penalty
        model = self.single(alpha, penalty=penalty, **self.options, **options)
        return model.fit(X, self.y if y is None else y, **(data or {}))


def penalties(*kinds):
    def check(case):
        for penalty in kinds:
            model = case.fit(penalty, l2=0.01)
            assert model.converged_
            assert np.isfinite(model.coef_).all()

    return check


def gap(case):
    assert 0.0 <= case.fit().dual_gap_ <= 1e-6


def path(case):
    found = penalized_path(X, case.y, loss=case.loss, penalty=L1(), alphas=5, eps=0.2)
    assert found.converged.all()
    assert found.n_nonzeros[0] == 0 < found.n_nonzeros[-1]


def cross_validation(case):
    model = case.many(5, eps=0.2, cv=3, penalty=L1(), **case.options).fit(X, case.y)
    assert model.cv_results_["mean_test_score"].shape == (5,)


def criteria(case):
    for criterion in ("aic", "bic", "ebic"):
        model = case.many(5, eps=0.2, criterion=criterion, penalty=L1(), **case.options)
        assert np.isfinite(model.fit(X, case.y).criterion_).any()


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
    dense = case.fit()
    assert_allclose(case.fit(X=sparse.csr_array(X)).coef_, dense.coef_, atol=1e-6)


def bounds(case):
    model = case.fit(bounds=(-0.05, 0.1))
    assert model.converged_
    assert np.isclose(model.coef_, 0.1).any()
    assert (model.coef_ <= 0.1 + 1e-15).all()
    assert (model.coef_ >= -0.05 - 1e-15).all()


def refit(case):
    model = case.fit()
    with pytest.warns(SelectionWarning):
        result = model.refit(X, case.y)
    free = case.fit(alpha=0.0, X=X[:, model.support_]).coef_
    expected = free if free.ndim == 1 else (free[1:] - free[0]).T  # classes against the first
    assert_allclose(np.asarray(result.params)[-len(expected) :], expected, atol=1e-4)


CHECKS = {
    "L1, ElasticNet": penalties(L1(), ElasticNet(0.5)),
    "MCP, SCAD, LogSum, CappedL1": penalties(
        MCP(3.0, adaptive=True), SCAD(3.7, adaptive=True), LogSum(1.0), CappedL1(1.0)
    ),
    "L0, Lq": penalties(L0(), Lq(0.5)),
    "CEL0": penalties(CEL0()),
    "dual gap": gap,
    "path": path,
    "CV": cross_validation,
    "criteria": criteria,
    "weights": weights,
    "offset": offset,
    "sparse X": sparse_data,
    "bounds": bounds,
    "refit": refit,
}


def cells():
    """Yield loss, feature and what the page says of them."""
    table = PAGE.read_text(encoding="utf-8").split("<!-- table of losses -->")[1]
    lines = [line for line in table.strip().split("\n\n")[0].splitlines() if line]
    header, _, *rows = ([c.strip() for c in line.split("|")[1:-1]] for line in lines)
    for name, *answers in rows:
        for feature, answer in zip(header[1:], answers, strict=True):
            yield name.strip("`"), feature, answer


def test_the_table_has_every_loss_and_every_feature():
    names, features, answers = (set(column) for column in zip(*cells(), strict=True))
    assert names == set(RESPONSES)
    assert features == set(CHECKS)
    assert answers == {"yes", "no"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "feature", "answer"), [*cells()])
def test_what_the_table_says_is_so(name, feature, answer):
    case = Case(name)
    if answer == "yes":
        CHECKS[feature](case)
    else:
        with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            CHECKS[feature](case)
