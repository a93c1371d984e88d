"""The solvers of group penalties that are compared, and of several responses, as in `peers`."""

import numpy as np

from benchmarks.group_problem import GroupProblem, TaskProblem
from benchmarks.peers import OURS, Solver, adelie_path, any_problem, convex, ours, registrar

__all__ = ["SOLVERS", "TASKS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)


@register(OURS, "sparsestat", any_problem)
def our_groups(problem: GroupProblem, tol: float):
    from sparsestat import GroupLasso, SparseGroupLasso

    labels = np.arange(problem.X.shape[1]) // problem.group_size
    penalty = GroupLasso(labels)
    if problem.l1_ratio > 0.0:
        penalty = SparseGroupLasso(labels, problem.l1_ratio)
    return ours(problem, tol, penalty=penalty)


def whole_groups(problem: GroupProblem) -> bool:
    return problem.l1_ratio == 0.0


@register("adelie", "adelie", whole_groups)
def adelie(problem: GroupProblem, tol: float):
    import adelie as ad

    glm = ad.glm.gaussian if problem.loss.name == "squared_error" else ad.glm.binomial
    groups = np.arange(0, problem.X.shape[1], problem.group_size)
    return adelie_path(problem, glm(problem.y), tol, groups=groups)


def whole_groups_and_squares(problem: GroupProblem) -> bool:
    return whole_groups(problem) and problem.loss.name == "squared_error"


@register("celer", "celer", whole_groups_and_squares)
def celer(problem: GroupProblem, tol: float):
    from celer import celer_path

    _, coefs, _ = celer_path(
        problem.X,
        problem.y,
        "grouplasso",
        alphas=problem.alphas,
        groups=problem.group_size,
        weights=np.full(problem.X.shape[1] // problem.group_size, problem.root),
        tol=tol,
        max_iter=100,
    )
    return coefs


def whole_groups_or_squares(problem: GroupProblem) -> bool:
    return whole_groups(problem) or problem.loss.name == "squared_error"


@register("skglm", "skglm", whole_groups_or_squares)
def skglm(problem: GroupProblem, tol: float):
    from skglm.datafits import LogisticGroup, QuadraticGroup
    from skglm.penalties import WeightedGroupL2, WeightedL1GroupL2
    from skglm.solvers import GroupBCD, GroupProxNewton
    from skglm.utils.data import grp_converter
    from skglm.utils.jit_compilation import compiled_clone

    n, p = problem.X.shape
    indices, pointers = grp_converter(problem.group_size, p)
    weights = np.full(p // problem.group_size, problem.root)
    # skglm takes its tolerance in units of the gradient.
    options = {"tol": tol * problem.null_gradient, "fit_intercept": False}
    if problem.loss.name == "squared_error":
        strategy = "subdiff" if whole_groups(problem) else "fixpoint"
        solver = GroupBCD(max_iter=200, max_epochs=100_000, ws_strategy=strategy, **options)
        datafit, y = compiled_clone(QuadraticGroup(pointers, indices)), problem.y
    else:
        solver = GroupProxNewton(max_iter=200, **options)
        datafit, y = compiled_clone(LogisticGroup(pointers, indices)), 2.0 * problem.y - 1.0
    penalty = WeightedGroupL2(1.0, weights, pointers, indices)
    if problem.l1_ratio > 0.0:
        singles = np.full(p, problem.l1_ratio)
        penalty = WeightedL1GroupL2(1.0, weights, singles, pointers, indices)
    penalty = compiled_clone(penalty)
    w, fitted = np.zeros(p), np.zeros(n)
    coefs = np.zeros((p, problem.alphas.size), order="F")
    for t, alpha in enumerate(problem.alphas):
        penalty.alpha = alpha
        w, *_ = solver.solve(problem.X, y, datafit, penalty, w, fitted)
        fitted = problem.X @ w
        coefs[:, t] = w
    return coefs


TASKS: dict[str, Solver] = {}
register_task = registrar(TASKS)


@register_task(OURS, "sparsestat", any_problem)
def our_tasks(problem: TaskProblem, tol: float):
    from sparsestat import L1, MCP, penalized_path

    K = problem.group_size
    # Squares are summed over responses: K times the strengths, and 1 / K of gamma.
    paths = penalized_path(
        problem.X,
        problem.y,
        penalty=L1() if problem.convex else MCP(problem.gamma / K),
        alphas=problem.alphas * K,
        fit_intercept=False,
        standardize=False,
        tol=tol,
        max_iter=100_000,
    )
    stacked = np.stack([path.coefs.toarray() for path in paths], axis=1)
    return stacked.reshape(problem.n_coefs, -1)


@register_task("scikit-learn", "scikit-learn", convex)
def scikit_learn(problem: TaskProblem, tol: float):
    from sklearn.linear_model import MultiTaskLasso

    model = MultiTaskLasso(
        fit_intercept=False, warm_start=True, tol=tol, max_iter=100_000, copy_X=False
    )
    coefs = np.zeros((problem.n_coefs, problem.alphas.size), order="F")
    for t, alpha in enumerate(problem.alphas):
        model.set_params(alpha=alpha * problem.group_size).fit(problem.X, problem.y)
        coefs[:, t] = model.coef_.T.ravel()
    return coefs


@register_task("adelie", "adelie", convex)
def adelie_tasks(problem: TaskProblem, tol: float):
    import adelie as ad

    # Its loss is averaged over responses; groups are the coefficients of a feature, whose
    # strengths it multiplies by the root of their number unless told otherwise.
    glm = ad.glm.multigaussian(np.ascontiguousarray(problem.y))
    return adelie_path(problem, glm, tol, penalty=np.ones(problem.X.shape[1]))


@register_task("skglm", "skglm", any_problem)
def skglm_tasks(problem: TaskProblem, tol: float):
    from skglm.datafits import QuadraticMultiTask
    from skglm.penalties import L2_1, BlockMCPenalty
    from skglm.solvers import MultiTaskBCD
    from skglm.utils.jit_compilation import compiled_clone

    K = problem.group_size
    solver = MultiTaskBCD(
        tol=tol * problem.null_gradient * K,
        fit_intercept=False,
        max_iter=200,
        max_epochs=100_000,
    )
    block = L2_1(1.0) if problem.convex else BlockMCPenalty(1.0, problem.gamma / K)
    _, coefs, *_ = solver.path(
        problem.X,
        np.asfortranarray(problem.y),
        compiled_clone(QuadraticMultiTask()),
        compiled_clone(block),
        alphas=problem.alphas * K,
    )
    return coefs.swapaxes(0, 1).reshape(problem.n_coefs, -1)  # it has tasks first
