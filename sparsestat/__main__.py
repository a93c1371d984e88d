"""``python -m sparsestat``: a demonstration on real data, ``warmup`` and ``info``."""

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sparsestat import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    CoxLoss,
    CVDisplay,
    ElasticNet,
    GroupLasso,
    GroupMCP,
    GroupSCAD,
    LogSum,
    Lq,
    PathDisplay,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressorCV,
    TopK,
    penalized_path,
)
from sparsestat._jit import KERNELS, cache_folder
from sparsestat._parallel import thread_pools

FIGURE = "sparsestat-demo.png"
ALPHAS = 100
EPS = 0.005
EPS_GENES = 0.05
FOLDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sparsestat", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    demo = commands.add_parser(
        "demo", help="sparse regression on diabetes data and leukaemia genes (default)"
    )
    demo.add_argument("--figure", default=FIGURE, help="where to write the figure (PNG)")
    commands.add_parser("warmup", help="compile every kernel into the cache")
    commands.add_parser("info", help="print versions, threads, BLAS and the cache folder")
    options = parser.parse_args(arguments)
    if options.command == "info":
        print_info()
    elif options.command == "warmup":
        warm_up()
    else:
        demonstrate(Path(getattr(options, "figure", FIGURE)))
    return 0


def print_info() -> None:
    """Print what decides speed and results."""
    print(f"{'python':<14}{platform.python_version()} on {platform.platform()}")
    for package in ("sparsestat", "numpy", "scipy", "scikit-learn", "numba", "llvmlite"):
        print(f"{package:<14}{version(package)}")
    for pool in thread_pools():
        name = f"{pool['internal_api']} {pool.get('version') or ''}"
        print(f"{pool['user_api']:<14}{name}, {pool['num_threads']} threads")
    print(f"{'kernel cache':<14}{cache_folder() or 'none: no folder can be written'}")


def warm_up() -> None:
    """Fit tiny problems that need every kernel, so that later processes only load them."""
    from scipy import sparse

    start = time.process_time()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 30))
    y = X[:, 0] + 0.1 * rng.standard_normal(20)
    penalties = (L1(), ElasticNet(), MCP(), SCAD(), LogSum(), Lq(), CappedL1(), L0(), CEL0())
    for penalty in penalties:
        print(f"readying {penalty}", flush=True)
        penalized_path(X, y, penalty=penalty, alphas=5, eps=0.1)
        if not penalty.jumps:
            penalized_path(X, y, penalty=penalty, alphas=5, eps=0.1, solver="accelerated")
    for group_penalty in (GroupLasso, GroupMCP, GroupSCAD):
        print(f"readying {group_penalty.__name__}", flush=True)
        grouped = group_penalty(np.arange(30) // 3)
        penalized_path(X, y, penalty=grouped, alphas=8, eps=0.02)
    print("readying best subsets", flush=True)
    penalized_path(X, y, penalty=TopK(2), alphas=[1.0])
    for dtype in (np.float64, np.float32):
        for design in (X, sparse.csc_array(X)):
            kind = "dense" if design is X else "sparse"
            print(f"readying {kind} {np.dtype(dtype).name}", flush=True)
            penalized_path(design.astype(dtype), y, penalty=L1(), alphas=5, eps=0.1)
    print("readying risk sets", flush=True)
    response = np.zeros(20, dtype=[("event", bool), ("time", float)])
    response["event"], response["time"] = True, np.exp(y)
    penalized_path(X, response, loss=CoxLoss(), penalty=L1(), alphas=3, eps=0.5)
    print("readying quantiles", flush=True)
    for l2 in (0.0, 0.1):
        penalized_path(X, y, loss="quantile", penalty=L1(), l2=l2, alphas=3, eps=0.3)
    loaded = sum(sum(kernel.cache_hits().values()) for kernel in KERNELS)
    total = sum(len(kernel.dispatchers) for kernel in KERNELS)
    spent = time.process_time() - start
    print(f"{total} kernels ready ({loaded} were cached), {spent:.1f} CPU s, {cache_folder()}")


def demonstrate(figure: Path) -> None:
    """Cross-validate penalties on two real data sets; print tables, draw a figure."""
    started = time.perf_counter()
    compiled = ready_kernels()
    print(f"kernels compiled or loaded in {compiled:.1f} s\n", flush=True)
    diabetes, terms = fit_diabetes()
    leukaemia, genes = fit_leukaemia()
    draw(diabetes, terms, leukaemia, genes, figure)
    print(f"figure: {figure.resolve()}\n{time.perf_counter() - started:.1f} s in all")


def ready_kernels() -> float:
    """Have the kernels of the demonstration compiled or loaded; return the seconds."""
    before = time.perf_counter()
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((40, 10)), np.arange(40) % 2
    for penalty in (L1(), MCP(), SCAD()):
        penalized_path(X, X[:, 0], penalty=penalty, alphas=3, eps=0.1)
    penalized_path(X, labels, loss="log_loss", penalty=L1(), alphas=3, eps=0.1)
    return time.perf_counter() - before


def fit_diabetes() -> tuple[dict[str, PenalizedRegressorCV], np.ndarray]:
    """Cross-validate three penalties on the diabetes data; print a table."""
    from sklearn.model_selection import KFold

    X, y, names = quadratic_diabetes()
    print(
        f"Diabetes progression after a year: {X.shape[0]} patients, {X.shape[1]} terms (ten\n"
        "baseline variables, their squares and interactions; Efron et al. 2004). For each\n"
        f"penalty a path of {ALPHAS} strengths and {FOLDS}-fold cross-validation; kept is the\n"
        "largest strength within one standard error of the best.\n"
    )
    print(f"{'penalty':<16}{'terms':>6}{'error':>8}{'+-':>6}{'time':>9}   terms kept")
    cv = KFold(FOLDS, shuffle=True, random_state=0)
    models = {}
    for label, penalty in {"lasso": L1(), "MCP": MCP(3.0), "SCAD": SCAD(3.7)}.items():
        before = time.perf_counter()
        model = PenalizedRegressorCV(
            ALPHAS, eps=EPS, penalty=penalty, cv=cv, selection="one_se"
        ).fit(X, y)
        spent = time.perf_counter() - before
        models[label] = model
        chosen = np.flatnonzero(model.alphas_ == model.alpha_)[0]
        error, spread = (e[chosen] for e in root_mean_squares(model))
        row = (
            f"{penalty!s:<16}{model.support_.size:>6}{error:>8.1f}{spread:>6.1f}{spent:>7.2f} s"
        )
        print(row, "  " + ", ".join(names[model.support_]), flush=True)
    print(
        f"\nerror: cross-validated, root mean square (y has standard deviation {y.std():.1f})\n"
    )
    return models, names


def fit_leukaemia() -> tuple[dict[str, PenalizedClassifierCV], np.ndarray]:
    """Cross-validate two penalties on the leukaemia genes; print a table."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    from sparsestat.datasets import load_golub

    X, y, names, _ = load_golub()
    print(
        f"Leukaemia, ALL or AML: {X.shape[0]} patients, {X.shape[1]} genes (Golub et al.\n"
        "1999). Logistic paths, cross-validated likelihood, strength kept as above. MCP has a\n"
        "small ridge term besides: two genes separate the classes, and MCP alone holds no\n"
        "large coefficient back.\n"
    )
    print(f"{'penalty':<40}{'genes':>5}{'right':>8}{'time':>8}   genes kept")
    cv = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    models = {}
    for label, penalty, l2 in (("lasso", L1(), 0.0), ("MCP", MCP(3.0, adaptive=True), 0.01)):
        before = time.perf_counter()
        terms: dict[str, Any] = {"penalty": penalty, "l2": l2}
        model = PenalizedClassifierCV(
            ALPHAS, eps=EPS_GENES, cv=cv, selection="one_se", **terms
        ).fit(X, y)
        spent = time.perf_counter() - before
        models[label] = model
        fixed = PenalizedClassifier(model.alpha_, **terms)
        right = int((cross_val_predict(fixed, X, y, cv=cv) == y).sum())
        title = f"{penalty}" + (f" + l2={l2}" if l2 else "")
        row = f"{title:<40}{model.support_.size:>5}{right:>5}/{y.size}{spent:>6.2f} s"
        print(row, "  " + ", ".join(names[model.support_]), flush=True)
    print("\nright: patients classified rightly when held out, at the strength kept\n")
    return models, names


def quadratic_diabetes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scikit-learn's diabetes data with all squares and interactions, and names.

    The square of the two-valued variable sex is left out: it is sex again.
    """
    from sklearn.datasets import load_diabetes
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    data = load_diabetes()
    blood = ("tc", "ldl", "hdl", "tch", "ltg", "glu")
    terms = PolynomialFeatures(2, include_bias=False)
    X = terms.fit_transform(StandardScaler().fit_transform(data.data))
    names = terms.get_feature_names_out(["age", "sex", "bmi", "bp", *blood])
    keep = names != "sex^2"
    return X[:, keep], data.target, np.char.replace(names[keep].astype(str), " ", ":")


def root_mean_squares(model: PenalizedRegressorCV) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-validated root mean squared errors with standard errors."""
    results = model.cv_results_
    error = np.sqrt(-2.0 * results["mean_test_score"])  # scores are minus half mean squares
    return error, results["standard_error"] / error


def draw(
    diabetes: dict[str, Any],
    terms: np.ndarray,
    leukaemia: dict[str, Any],
    genes: np.ndarray,
    figure: Path,
) -> None:
    """Draw each path above its cross-validation curve, one data set beside the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(20.0, 7.5), layout="constrained")
    FigureCanvasAgg(fig)
    halves: Any = fig.subfigures(1, 2, width_ratios=(5, 4))
    left, right = halves
    left.suptitle("Diabetes progression: the penalty decides how much effects are shrunk")
    draw_diabetes(left, diabetes, terms)
    right.suptitle("Leukaemia genes: MCP keeps fewer than the lasso")
    axes = right.subplots(2, len(leukaemia), height_ratios=(3, 2))
    for (label, model), (upper, lower) in zip(leukaemia.items(), axes.T, strict=True):
        PathDisplay.from_estimator(model, feature_names=genes, ax=upper)
        CVDisplay.from_estimator(model, ax=lower)
        upper.set_title(f"{label}: {model.support_.size} kept")
    fig.savefig(figure, dpi=110)


def draw_diabetes(fig: Any, models: dict[str, Any], names: np.ndarray) -> None:
    """Draw the paths in one set of colours, and the cross-validated errors."""
    from matplotlib import colormaps

    axes = fig.subplots(2, len(models), sharex=True, sharey="row", height_ratios=(3, 2))
    kept = sorted(set().union(*(model.support_ for model in models.values())))
    colours = dict(zip(kept, colormaps["tab20"](np.arange(len(kept)) % 20), strict=True))
    for (label, model), (upper, lower) in zip(models.items(), axes.T, strict=True):
        coefs = model.path_.coefs.toarray()
        upper.plot(model.alphas_, coefs.T, color="0.85", lw=0.8)
        for j in model.support_:
            upper.plot(model.alphas_, coefs[j], lw=1.8, color=colours[j], label=names[j])
        error, spread = root_mean_squares(model)
        lower.fill_between(model.alphas_, error - spread, error + spread, color="0.85")
        lower.plot(model.alphas_, error, color="0.2")
        for ax in (upper, lower):
            ax.axvline(model.alpha_, color="0.4", ls="--", lw=1.0)
            ax.set_xscale("log")
            ax.spines[["top", "right"]].set_visible(False)
        upper.set_title(f"{label}: {model.support_.size} kept")
        lower.set_xlabel(r"strength $\alpha$")
    axes[0, 0].invert_xaxis()
    lines = {line.get_label(): line for ax in axes[0] for line in ax.get_lines()}
    shown = [names[j] for j in kept]
    fig.legend([lines[name] for name in shown], shown, loc="outside right upper", title="terms")
    axes[0, 0].set_ylabel("coefficient")
    axes[1, 0].set_ylabel("cross-validated error")


if __name__ == "__main__":
    sys.exit(main())
