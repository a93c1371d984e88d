r"""
Large coefficients escape the shrinkage
=======================================

The lasso subtracts from every coefficient, large or small. The nonconvex
penalties MCP and SCAD [1]_ [2]_ leave large coefficients alone. This page
shows what that buys, in bias and in the choice of features, and three
settings in which the lasso is the better choice: weak signals, strongly
correlated features, and many nonzero coefficients.

All three methods minimise

.. math::

    \frac{1}{2n} \|y - \beta_0 - X \beta\|^2 + \sum_j p(|\beta_j|; \alpha)

and differ in the penalty :math:`p` alone. Error bars are two Monte Carlo
standard errors to either side, and all methods see the same data.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import toeplitz

from sparsestat import L1, MCP, SCAD, PenalizedRegressor, metrics, penalized_path
from sparsestat.datasets import make_sparse_regression

METHODS = {"lasso": L1(), "MCP": MCP(gamma=3.0), "SCAD": SCAD(gamma=3.7)}
LOOKS = {
    "lasso": {"color": "C0", "marker": "o"},
    "MCP": {"color": "C1", "marker": "s"},
    "SCAD": {"color": "C2", "marker": "^"},
}
N_SAMPLES, N_FEATURES = 100, 200
N_REPLICATIONS = 30


def mean_and_error(values):
    """Mean over replications (the first axis) and its standard error."""
    error = np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
    return np.mean(values, axis=0), error


# %%
# One feature, and two hundred
# ----------------------------
# For a single standardised feature the estimate is the proximal operator of
# the penalty at the least-squares estimate :math:`z`. All three methods give
# zero while :math:`|z| \le \alpha`. Beyond, the lasso subtracts
# :math:`\alpha` for good, whereas MCP returns :math:`z` itself from
# :math:`\gamma\alpha = 3\alpha` on and SCAD from :math:`3.7\alpha` on
# (figure, left).
#
# Does this carry over to 200 features and 100 samples? On the right, eight
# independent features have coefficients from half to six times
# :math:`\alpha`, which is the universal level :math:`\sigma\sqrt{2 \log p /
# n}`: about the largest correlation that noise alone has with any of
# :math:`p` features.

sizes = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0])  # in alphas
alpha = np.sqrt(2 * np.log(N_FEATURES) / N_SAMPLES)  # noise variance 1
coef = np.zeros(N_FEATURES)
coef[: sizes.size] = alpha * sizes

errors = {name: [] for name in METHODS}
for seed in range(N_REPLICATIONS):
    data = make_sparse_regression(
        N_SAMPLES,
        N_FEATURES,
        sizes.size,
        design="iid",
        coef=coef,
        snr=coef @ coef,
        random_state=seed,
    )
    for name, penalty in METHODS.items():
        model = PenalizedRegressor(alpha, penalty=penalty, tol=1e-4)
        model.fit(data.X, data.y)
        errors[name].append((model.coef_ - coef)[: sizes.size] / alpha)

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
z = np.linspace(0.0, 6.0, 601)
left.plot(z, z, color="0.6", linestyle=":", label="least squares")
for name, penalty in METHODS.items():
    color = LOOKS[name]["color"]
    left.plot(z, penalty.prox(z, step=1.0, alpha=1.0), color=color, label=name)
    mean, error = mean_and_error(errors[name])
    right.errorbar(sizes, mean, 2 * error, label=name, **LOOKS[name])
right.axhline(0.0, color="0.6", linestyle=":")
left.set(
    title="One feature",
    xlabel=r"least-squares estimate $z\,/\,\alpha$",
    ylabel=r"estimate$\,/\,\alpha$",
)
right.set(
    title=f"{N_FEATURES} features, {N_SAMPLES} samples",
    xlabel=r"true coefficient$\,/\,\alpha$",
    ylabel=r"bias$\,/\,\alpha$",
)
left.legend()

print("bias of the coefficient 6 alpha, in alphas (standard error):")
for name in METHODS:
    mean, error = mean_and_error(errors[name])
    print(f"  {name:6s}{mean[-1]:6.2f} ({error[-1]:.2f})")

# %%
# All methods give up the small coefficients, and it costs them much the same.
# From there on they part.
#
# A grid of signal strengths and designs
# --------------------------------------
# Now :math:`\alpha` is chosen, not given, and by the same rule for all three:
# of 19 strengths from 8 to 1/8 times the universal level, the one with the
# smallest squared error on a validation sample of another 100 rows. This is
# the choice that cross-validation aims at, at a sixth of its cost; it needs
# no knowledge of the noise, and it favours prediction, as the lasso does.
#
# There are 200 features, Gaussian with correlation :math:`\rho^{|i - j|}`,
# and either 5 or 40 of them, at random positions, have coefficients
# :math:`\pm 1`. The signal-to-noise ratio is :math:`\mathrm{Var}(x^\top
# \beta) / \sigma^2`.

DESIGNS = {
    "5 nonzero,\nindependent": {"n_nonzero": 5, "rho": 0.0},
    "5 nonzero,\ncorrelation 0.9": {"n_nonzero": 5, "rho": 0.9},
    "40 nonzero,\nindependent": {"n_nonzero": 40, "rho": 0.0},
}
SNRS = np.array([0.3, 1.0, 3.0, 9.0])
MEASURES = ["bias", "fdp", "recall", "exact", "exact for some alpha", "error"]


def replicate(n_nonzero, rho, snr, seed):
    """Measures of all methods on one data set, (n_methods, n_measures)."""
    X, y, truth, _, noise_variance = make_sparse_regression(
        2 * N_SAMPLES,
        N_FEATURES,
        n_nonzero,
        rho=rho,
        snr=snr,
        magnitude=1.0,
        random_state=seed,
    )
    X, X_valid, y, y_valid = X[::2], X[1::2], y[::2], y[1::2]
    level = np.sqrt(2 * noise_variance * np.log(N_FEATURES) / N_SAMPLES)
    covariance = toeplitz(rho ** np.arange(N_FEATURES))
    results = []
    for penalty in METHODS.values():
        path = penalized_path(
            X,
            y,
            penalty=penalty,
            alphas=level * np.geomspace(8, 1 / 8, 19),
            tol=1e-3,
        )
        coefs = path.coefs.toarray().T
        residuals = y_valid[:, None] - path.predict(X_valid)
        chosen = coefs[np.argmin(np.mean(residuals**2, axis=0))]
        recovered = partial(metrics.exact_support_recovery, truth)
        results.append(
            [
                np.mean((chosen * truth)[truth != 0]) - 1,
                metrics.false_discovery_proportion(truth, chosen),
                metrics.support_recall(truth, chosen),
                recovered(chosen),
                any(map(recovered, coefs)),
                metrics.prediction_error(truth, chosen, covariance=covariance)
                / noise_variance,
            ]
        )
    return results


# (design, snr, replication, method, measure)
results = np.array(
    [
        [
            [replicate(**design, snr=snr, seed=k) for k in range(N_REPLICATIONS)]
            for snr in SNRS
        ]
        for design in DESIGNS.values()
    ]
)

# %%
# Bias and support
# ----------------

ROWS = {
    "bias": "bias (share of\nthe coefficient)",
    "fdp": "false discovery\nproportion",
    "recall": "share of the\nnonzero found",
    "exact": "exact support\n(share of data sets)",
}
fig, axes = plt.subplots(
    len(ROWS),
    len(DESIGNS),
    figsize=(7.2, 8.4),
    sharex=True,
    sharey="row",
)
OFFSETS = {"lasso": 0.94, "MCP": 1.0, "SCAD": 1.06}  # keep error bars apart


def draw(axis, i, j, measure, **look):
    """Draw a measure of method i in design j with its error bars."""
    name = list(METHODS)[i]
    values = results[j, :, :, i, MEASURES.index(measure)].T
    mean, error = mean_and_error(values)
    x = SNRS * OFFSETS[name]
    axis.errorbar(x, mean, 2 * error, **{**LOOKS[name], **look})


for row, (measure, label) in zip(axes, ROWS.items(), strict=True):
    row[0].set_ylabel(label)
    for j, axis in enumerate(row):
        for i, name in enumerate(METHODS):
            draw(axis, i, j, measure, label=name)
            if measure == "exact":
                draw(
                    axis, i, j, "exact for some alpha", linestyle=":", mfc="white"
                )
for axis, title in zip(axes[0], DESIGNS, strict=True):
    axis.set_title(title)
for axis in axes[-1]:
    axis.set(xscale="log", xlabel="signal-to-noise ratio", xticks=SNRS)
    axis.set_xticks([], minor=True)
    axis.set_xticklabels([f"{snr:g}" for snr in SNRS])
axes[0, 0].legend()

# %%
# Prediction
# ----------

fig, axes = plt.subplots(1, len(DESIGNS), figsize=(7.2, 3.2), sharey=True)
error = results[..., MEASURES.index("error")]
ratios = np.log(error[..., 1:] / error[..., :1])
for j, axis in enumerate(axes):
    axis.axhline(1.0, color=LOOKS["lasso"]["color"], label="lasso")
    for i, name in enumerate(["MCP", "SCAD"]):
        mean, se = mean_and_error(ratios[j, :, :, i].T)
        ratio = np.exp(mean)
        bars = [ratio - np.exp(mean - 2 * se), np.exp(mean + 2 * se) - ratio]
        x = SNRS * OFFSETS[name]
        axis.errorbar(x, ratio, bars, label=name, **LOOKS[name])
    axis.set(xscale="log", yscale="log", xlabel="signal-to-noise ratio")
    axis.set(title=list(DESIGNS)[j], xticks=SNRS)
    axis.set_xticks([], minor=True)
    axis.set_xticklabels([f"{snr:g}" for snr in SNRS])
axes[0].set_ylabel("prediction error\nover that of the lasso")
axes[0].set_yticks([0.2, 0.5, 1.0, 2.0], ["0.2", "0.5", "1", "2"])
axes[0].legend()
