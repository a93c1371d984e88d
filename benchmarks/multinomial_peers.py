"""The solvers of multinomial regression that are compared, as in `peers`.

Coefficients have a row for each feature and class, those of a feature together.
"""

import numpy as np

from benchmarks import r
from benchmarks.logistic_peers import logit_net
from benchmarks.peers import OURS, Solver, any_problem, registrar

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)


@register(OURS, "sparsestat", any_problem)
def ours(problem, tol: float):
    from sparsestat import L1, PenalizedClassifierCV

    # A criterion needs no folds: what is fitted is one path.
    model = PenalizedClassifierCV(
        alphas=problem.alphas,
        criterion="aic",
        loss="multinomial",
        penalty=L1(),
        fit_intercept=False,
        standardize=False,
        tol=tol,
        max_iter=100_000,
    )
    model.fit(problem.X, problem.classes)
    return together([path.coefs.toarray() for path in model.path_])


@register("python-glmnet", "python-glmnet", any_problem)
def python_glmnet(problem, tol: float):
    coefs = together(logit_net(problem, problem.classes, tol).coef_path_)
    return np.pad(coefs, [(0, 0), (0, problem.alphas.size - coefs.shape[1])])


@register("scikit-learn (saga)", "scikit-learn", any_problem)
def saga(problem, tol: float):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        l1_ratio=1.0,
        fit_intercept=False,
        random_state=0,
        solver="saga",
        tol=tol,
        max_iter=100_000,
        warm_start=True,
    )
    X = np.ascontiguousarray(problem.X)  # it would copy X into this order at each strength
    coefs = []
    for alpha in problem.alphas:
        model.set_params(C=1.0 / (alpha * X.shape[0])).fit(X, problem.classes)
        coefs.append(model.coef_)
    return together(np.moveaxis(np.array(coefs), 0, -1))


GLMNET = """
library(glmnet);
glmnet.control(fdev = 0, devmax = 1);
fit <- glmnet(X, y, family = 'multinomial', type.multinomial = 'ungrouped',
              lambda = alphas, standardize = FALSE, intercept = FALSE, thresh = tol,
              maxit = 1e9);
matrix(aperm(simplify2array(lapply(fit$beta, as.matrix)), c(3, 1, 2)),
       ncol = length(fit$lambda))
"""


@register("glmnet", "R glmnet", any_problem)
def glmnet(problem, tol: float):
    return r.evaluate(GLMNET, problem, tol)


def together(coefs) -> np.ndarray:
    """Return coefficients of shape (n_classes, n_features, n_alphas) as problems have them."""
    coefs = np.asarray(coefs)
    return np.swapaxes(coefs, 0, 1).reshape(-1, coefs.shape[2])
