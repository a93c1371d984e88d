"""Every loss with every penalty by every solver: solved, or refused with a sentence.

Models are fitted by the estimators, and judged by their coefficients and the definitions.
"""

import re
from functools import cache

import numpy as np
import pytest
from definitions import BOUNDS, Fitted, curvature_bounds, violation
from scipy import sparse
from scipy.optimize import LinearConstraint

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    ElasticNet,
    GroupLasso,
    GroupMCP,
    GroupPenalty,
    GroupSCAD,
    HuberLoss,
    LogSum,
    Lq,
    PenalizedClassifier,
    PenalizedCox,
    PenalizedRegressor,
    SparseGroupLasso,
    losses,
    penalties,
)
from sparsestat.losses import Loss, QuantileLoss
from sparsestat.penalties import (
    NM,
    BasePenalty,
    GroupEnvelope,
    GroupTopK,
    JointPenalty,
    KSupport,
    TopK,
)
from sparsestat.solvers import SOLVERS

N, P = 40, 9
LABELS = np.array([0, 1, 1, 2, 2, 2, 3, 4, 4])


def draw():
    """Return half sparse columns, responses of every kind, weights, offset and strata."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P)) + 0.5 * rng.standard_normal((N, 1))
    X[:, ::2] *= rng.random((N, 5)) < 0.5
    eta = X[:, [0, 3, 7]] @ [0.8, -0.6, 0.5]
    several = np.column_stack([eta, -eta, X[:, 1]]) + 0.5 * rng.standard_normal((N, 3))
    times = np.empty(N, dtype=[("event", bool), ("time", float)])
    times["event"] = rng.random(N) < 0.7
    times["time"] = np.ceil(6.0 * rng.exponential(np.exp(-eta)))
    y = {
        "squared": eta + rng.standard_normal(N),
        "several": several,
        "huber": eta + rng.standard_t(2.0, N),
        "quantile": eta + rng.standard_t(3.0, N),
        "poisson": rng.poisson(np.exp(0.5 * eta)).astype(float),
        "gamma": rng.gamma(2.0, np.exp(0.5 * eta) / 2.0),
        "logistic": (eta + rng.logistic(size=N) > 0.0).astype(int),
        "multinomial": np.argmax(several + rng.gumbel(size=(N, 3)), axis=1),
        "cox, breslow": times,
        "cox, efron": times,
    }
    return X, y, rng.uniform(0.3, 2.0, N), 0.3 * rng.standard_normal(N), np.arange(N) % 2


SENTENCE = re.compile(r"[A-Za-z].{15,}\.")
X, RESPONSES, WEIGHT, OFFSET, STRATA = draw()
NAMES = {
    "squared": "squared error",
    "several": "several responses",
    "huber": "HuberLoss",
    "quantile": "QuantileLoss",
    "poisson": "PoissonLoss",
    "gamma": "GammaLoss",
    "logistic": "LogisticLoss",
    "multinomial": "MultinomialLoss",
    "cox, breslow": "CoxLoss",
    "cox, efron": "CoxLoss",
}
REGRESSION = {"huber": HuberLoss(0.7), "quantile": QuantileLoss(0.3)}
PENALTIES = [
    L1(),
    ElasticNet(0.5),
    MCP(20.0),
    SCAD(20.0),
    LogSum(1.0),
    Lq(0.5),
    L0(),
    CEL0(),
    CappedL1(0.5),
    GroupLasso(LABELS),
    SparseGroupLasso(LABELS, 0.4),
    GroupMCP(LABELS, 20.0),
    GroupSCAD(LABELS, 20.0),
    TopK(3),
    GroupTopK(LABELS, 2),
    NM(1, 3),
    KSupport(3),
    GroupEnvelope(LABELS, 2.0, [1.0, 1.0, 2.0, 1.0, 1.5]),
]


def estimator(loss, **options):
    """Return a model whose penalty acts on coefficients of the columns as they are."""
    options = {"standardize": False, "tol": 1e-8, **options}
    if loss.startswith("cox"):
        options.pop("fit_intercept", None)
        return PenalizedCox(ties=loss.split()[1], **options)
    if loss in ("logistic", "multinomial"):
        kind = {"logistic": "log_loss"}.get(loss, loss)
        return PenalizedClassifier(loss=kind, **options)
    kind = {"several": "squared_error", "squared": "squared_error"}.get(loss, loss)
    return PenalizedRegressor(loss=REGRESSION.get(loss, kind), **options)


def fit_data(loss, everything):
    """Return the arrays beside X and y of a fit."""
    arrays = {}
    if everything:
        arrays["sample_weight"] = WEIGHT
        if loss == "several":
            arrays["offset"] = np.repeat(OFFSET[:, None], 3, axis=1)
        elif loss != "multinomial":
            arrays["offset"] = OFFSET
    if loss == "cox, efron":
        arrays["strata"] = STRATA
    return arrays


def options_for(loss, penalty, everything):
    """Return parameters: no more than the defaults, or all that can go with a pair."""
    if not everything:
        return {}
    joint, grouped = isinstance(penalty, JointPenalty), hasattr(penalty, "norm_penalty")
    weights = np.linspace(0.5, 2.0, P) if not grouped else np.linspace(0.5, 2.0, 5)[LABELS]
    if joint:
        weights = np.full(P, 1.5)
    weights = np.where(LABELS == 0, 0.0, np.where(LABELS == 3, np.inf, weights))
    options = {"penalty_weights": weights}
    if not isinstance(penalty, CEL0):
        options["l2"] = 0.05
    if loss == "several":
        return options
    lower = np.where(np.arange(P) % 3 == 0, 0.0, -np.inf)
    box = joint or grouped
    upper = np.where(np.arange(P) % 4 == 1, 0.0 if box else 0.25, np.inf)
    return {**options, "bounds": (lower, upper)}


def response(loss):
    """Return y as the definitions have it."""
    y = RESPONSES[loss]
    if loss == "multinomial":
        return np.eye(3)[y]
    if loss.startswith("cox"):
        strata = STRATA if loss == "cox, efron" else np.zeros(N, int)
        fields = [("event", bool), ("time", float), ("stratum", int)]
        return np.array([*zip(y["event"], y["time"], strata, strict=True)], dtype=fields)
    return y


def judged(loss, model, penalty, alpha, options, arrays, A=X, rounding=1e-9):
    """Return a fitted model with all that its definition takes."""
    weight = arrays.get("sample_weight", np.ones(N))
    share, columns = weight / weight.sum(), np.asarray(A, dtype=float)
    coef = np.atleast_2d(model.coef_).T.astype(float)
    centred = not loss.startswith("cox")
    lower, upper = options.get("bounds", (np.full(P, -np.inf), np.full(P, np.inf)))
    if isinstance(penalty, JointPenalty):
        penalty = penalty.for_classes(coef.shape[1])
    if penalty.scale_free:
        scales = np.sqrt(share @ (columns - share @ columns) ** 2)
        columns, coef = columns / scales, coef * scales[:, None]
        penalty = penalty.for_loss(BOUNDS.get(loss, 1.0), np.nan)
        lower, upper = lower * scales, upper * scales
    return Fitted(
        loss,
        columns,
        response(loss),
        share,
        np.zeros(N) if "offset" not in arrays else OFFSET,
        coef,
        np.atleast_1d(model.intercept_).astype(float),
        centred,
        penalty,
        alpha * options.get("penalty_weights", np.ones(P)),
        options.get("l2", 0.0),
        lower,
        upper,
        rounding,
    )


@cache
def null_model(loss, penalty, everything):
    """Return the largest gradient of the model of unpenalised features, and a curvature."""
    options = options_for(loss, penalty, everything)
    arrays = fit_data(loss, everything)
    if not everything:
        options["penalty_weights"] = np.ones(P)
    weights = options["penalty_weights"]
    options["penalty_weights"] = np.where(weights == 0.0, 0.0, np.inf)
    model = estimator(loss, alpha=1.0, penalty=L1(), **options)
    if penalty.scale_free:
        model.set_params(standardize=True)
    model.fit(X, RESPONSES[loss], **arrays)
    fit = judged(loss, model, penalty, 1.0, options, arrays)
    curvature = curvature_bounds(fit).max() if penalty.jumps else np.nan
    return np.abs(gradient_for(fit)[np.isfinite(weights)]).max(), curvature


def gradient_for(fit):
    if fit.loss == "quantile":
        r = fit.y - fit.eta[:, 0]
        slopes = np.where(r > 0.0, 0.3, np.where(r < 0.0, -0.7, 0.0))
        return fit.centred.T @ (fit.share * slopes)
    return fit.gradient(fit.coef, fit.intercept)[0] + fit.l2 * fit.coef


def strength(loss, penalty, scale, curvature):
    """Return a strength at which some coefficients are zero and some are not."""
    if isinstance(penalty, JointPenalty):
        return 1.0
    if isinstance(penalty, GroupPenalty):
        return (0.55 if loss == "multinomial" else 0.4) * scale
    return float(penalty.strength_for(0.7 * scale, curvature)) if penalty.jumps else 0.4 * scale


def refusal_of(model, *data, **arrays):
    """Fit a model; return the sentence that says why its solver does not fit, if any."""
    begin = f"solver={model.solver!r} does not fit: "
    try:
        model.fit(*data, **arrays)
    except ValueError as error:
        if str(error).startswith(begin):
            return str(error).removeprefix(begin)
        raise
    return None


def says_why(sentence, loss, penalty):
    """Tell whether a sentence names what does not fit."""
    names = [type(penalty).__name__, NAMES[loss], "one response", "quantile loss only"]
    names.append("squared error has solvers of its own")
    return SENTENCE.fullmatch(sentence) and any(name in sentence for name in names)


def inputs(solver, everything):
    """Yield the ways in which X is given, fewer to solvers that take their time."""
    patient = solver in ("convex", "subset", "accelerated")
    if not (patient and everything):
        yield X, X, 1e-8
    if not patient or everything:
        yield sparse.csc_array(X), X, 1e-8
    if not (patient or everything):
        single = X.astype(np.float32)
        yield single, single, 1e-5


@pytest.mark.filterwarnings("ignore:.*bends more than the loss does:UserWarning")
@pytest.mark.parametrize("everything", [False, True], ids=["plain", "everything"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
@pytest.mark.parametrize("loss", RESPONSES)
def test_every_solver_finds_a_stationary_point_or_says_why_not(loss, penalty, everything):
    options, arrays = options_for(loss, penalty, everything), fit_data(loss, everything)
    scale, curvature = null_model(loss, penalty, everything)
    alpha, slack = strength(loss, penalty, scale, curvature), 1.01
    if isinstance(penalty, KSupport | GroupEnvelope):
        slack = 4.0  # the solver's steps may be that much longer
    for solver in SOLVERS:
        for A, columns, tol in inputs(solver, everything):
            model = estimator(loss, alpha=alpha, penalty=penalty, solver=solver, **options)
            model.set_params(tol=tol)
            sentence = refusal_of(model, A, RESPONSES[loss], **arrays)
            if sentence is not None:
                assert says_why(sentence, loss, penalty)
                break
            fit = judged(loss, model, penalty, alpha, options, arrays, columns, 0.1 * tol)
            assert violation(fit) / scale <= tol * slack, solver
            assert 0 < np.count_nonzero(fit.coef) < fit.coef.size
            lower, upper = fit.lower[:, None], fit.upper[:, None]
            assert ((lower <= fit.coef) & (fit.coef <= upper)).all()


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_constraints_go_with_convex_penalties_or_are_refused(penalty):
    rows = LinearConstraint(np.ones((1, P)), 0.0, 0.0)
    for solver in SOLVERS:
        options = {"penalty": penalty, "solver": solver, "constraints": rows}
        model = estimator("squared", alpha=0.1, **options)
        sentence = refusal_of(model, X, RESPONSES["squared"])
        if solver in ("multipliers", "convex") and isinstance(penalty, L1 | ElasticNet):
            assert sentence is None
            assert abs(model.coef_.sum()) <= 1e-12
        else:
            assert "constraints" in sentence or says_why(sentence, "squared", penalty)


def subclasses(module, base):
    """Return the names of the classes of a room that are of a kind."""
    values = ((name, getattr(module, name)) for name in module.__all__)
    return {name for name, kind in values if isinstance(kind, type) and issubclass(kind, base)}


def test_no_penalty_and_no_loss_is_left_out():
    bases = {"BasePenalty", "GroupPenalty", "JointPenalty", "Penalty", "SupportConstraint"}
    known = {type(penalty).__name__ for penalty in PENALTIES}
    assert known == subclasses(penalties, BasePenalty) - bases
    squares = {"squared error", "several responses"}
    assert {*NAMES.values()} - squares == subclasses(losses, Loss) - {"Loss", "SquaredLoss"}
