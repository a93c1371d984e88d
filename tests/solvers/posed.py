"""Problems of all losses on small correlated data, ready for any solver."""

from dataclasses import dataclass

import numpy as np
from oracles import Logistic

from sparsestat import CoxLoss, GammaLoss, HuberLoss, LogisticLoss, MultinomialLoss, PoissonLoss
from sparsestat.linalg import DenseDesign, StackedDesign
from sparsestat.solvers import CoxProblem, GLMProblem, LeastSquaresProblem, MultinomialProblem

P = 24


@dataclass
class Sample:
    """Correlated columns, centred, of different scales, and responses of three kinds."""

    seed: int = 0
    n: int = 80
    p: int = P

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        Z = rng.standard_normal((self.n, self.p)) + rng.standard_normal((self.n, 1))
        X = Z * rng.uniform(0.5, 1.5, self.p)
        self.X = np.asfortranarray(X - X.mean(axis=0))
        eta = self.X[:, :5] @ np.array([1.0, -1.0, 0.7, -0.7, 0.5])[: self.p]
        y = eta + rng.standard_normal(self.n)
        self.y = y - y.mean()
        self.labels = (y > np.median(y) + 0.3).astype(float)
        self.counts = rng.poisson(np.exp(0.5 * eta)).astype(float)
        self.weight = rng.uniform(0.2, 2.0, self.n)
        self.weight /= self.weight.mean()
        self.offset = 0.3 * rng.standard_normal(self.n)


def squares(sample, penalty, design=None, weights=None, **options):
    weights = np.ones(sample.p) if weights is None else weights
    design = DenseDesign(sample.X) if design is None else design
    return LeastSquaresProblem(design, sample.y, penalty, weights, **options)


def logistic(sample, penalty, design=None, weights=None, **options):
    weights = np.ones(sample.p) if weights is None else weights
    design = DenseDesign(sample.X) if design is None else design
    return GLMProblem(
        design,
        sample.labels,
        penalty,
        weights,
        loss=LogisticLoss(),
        sample_weight=sample.weight,
        offset=sample.offset,
        fit_intercept=True,
        **options,
    )


def written_out(sample):
    return Logistic(sample.X, sample.labels, True, sample.weight, sample.offset)


def scale_of(problem):
    return np.abs(problem.gradient_at_zero).max()


def family(loss, response):
    """Return a function that poses a problem with a loss, for a penalty."""

    def pose(penalty, **options):
        data = Sample(6, p=9)
        return GLMProblem(
            DenseDesign(data.X),
            response(data),
            penalty,
            np.ones(9),
            loss=loss,
            sample_weight=data.weight,
            offset=data.offset,
            fit_intercept=True,
            **options,
        )

    return pose


def multinomial(penalty, **options):
    data = Sample(7, n=60, p=4)
    labels = np.argmax(data.X[:, :3] + np.random.default_rng(0).gumbel(size=(60, 3)), axis=1)
    return MultinomialProblem(
        StackedDesign(DenseDesign(data.X), 3),
        np.eye(3)[labels].ravel(),
        penalty,
        np.ones(12),
        loss=MultinomialLoss(),
        sample_weight=data.weight,
        fit_intercept=True,
        **options,
    )


def survival(penalty, **options):
    data = Sample(8, p=9)
    rng = np.random.default_rng(1)
    y = np.empty(data.n, dtype=[("event", bool), ("time", float), ("stratum", int)])
    y["event"], y["stratum"] = rng.random(data.n) < 0.7, rng.integers(0, 2, data.n)
    y["time"] = np.ceil(5.0 * rng.exponential(np.exp(-0.5 * data.y)))
    terms = {"sample_weight": data.weight, "offset": data.offset}
    design = DenseDesign(data.X)
    return CoxProblem(design, y, penalty, np.ones(9), loss=CoxLoss("efron"), **terms, **options)


POSED = {
    "logistic": family(LogisticLoss(), lambda data: data.labels),
    "Huber": family(HuberLoss(0.5), lambda data: data.y),
    "Poisson": family(PoissonLoss(), lambda data: data.counts),
    "gamma": family(GammaLoss(), lambda data: np.exp(0.5 * data.y)),
    "multinomial": multinomial,
    "Cox": survival,
}
