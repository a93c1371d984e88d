r"""
Compositions: coefficients that sum to zero
===========================================

Sequencing tells which share of the reads each microbe has, a survey how
households divide their budgets: of a composition only ratios of the parts mean
something. A regression on the logarithms of the parts respects that if its
coefficients sum to zero. It is then a *log-contrast*
:cite:p:`aitchison1984log`,

.. math::

    \eta = \sum_j \beta_j \log x_j , \qquad \sum_j \beta_j = 0 ,

which stays as it is when all parts of a sample are multiplied by one number. With
the lasso it selects parts :cite:p:`lin2014variable,altenbuchinger2017reference`.

This page shows what goes wrong without the constraint: predictions depend on the
unit in which new samples come; and with ratios to a reference part, which are
log-contrasts too, the selection depends on which part that is. It also shows
where the constraint gains little, and where it does harm.
"""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import toeplitz
from scipy.optimize import LinearConstraint

from sparsestat import L1, penalized_path

# %%
# The data
# --------
# The parts are logistic normal: the logarithms of 40 abundances are normal,
# neighbours have correlation 1/2, and five parts are twenty times as abundant as
# the others. Eight have an effect; their coefficients sum to zero. What is seen
# are shares.

n_parts, n_samples = 40, 50
beta = np.zeros(n_parts)
beta[[0, 1, 2, 5, 8, 9, 20, 30]] = [1.2, -0.8, 0.7, -1.5, 1.0, -0.6, 0.8, -0.8]
centre = np.where(np.arange(n_parts) < 5, 3.0, 0.0)
root = np.linalg.cholesky(toeplitz(0.5 ** np.arange(n_parts)))


def draw(n, rng):
    """Logarithms of abundances, and of shares."""
    logs = centre + rng.standard_normal((n, n_parts)) @ root.T
    return logs, logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))


def respond(X, beta, rng):
    """Responses: the signal has about four times the variance of the noise."""
    return X @ beta + 1.5 * rng.standard_normal(len(X))


# %%
# The methods
# -----------
# A constraint on the coefficients is a :class:`scipy.optimize.LinearConstraint`,
# here a row of ones with both bounds zero. Its rivals are the lasso on the
# logarithms of the shares as they are; and on *log-ratios* to a reference part,
# which gets minus the sum of the other coefficients. All logarithms have one
# unit, so columns are not standardised. Strengths are chosen by the error on as
# many further samples.

sum_to_zero = LinearConstraint(np.ones(n_parts), 0.0, 0.0)


def fit(train, valid, **options):
    """Coefficients of the lasso."""
    (X, y), (X_valid, y_valid) = train, valid
    path = penalized_path(
        X,
        y,
        penalty=L1(),
        alphas=20,
        eps=0.03,
        standardize=False,
        tol=1e-5,
        **options,
    )
    errors = (y_valid[:, None] - path.predict(X_valid)) ** 2
    return path.coefs[:, [errors.mean(axis=0).argmin()]].toarray()[:, 0]


def fit_ratios(train, valid, reference):
    """Coefficients of the lasso on log-ratios to a reference part."""

    def ratios(X):
        return np.delete(X - X[:, [reference]], reference, axis=1)

    coef = fit(*((ratios(X), y) for X, y in (train, valid)))
    return np.insert(coef, reference, -coef.sum())


def fit_constrained(train, valid):
    """Coefficients of the lasso that sum to zero."""
    return fit(train, valid, constraints=sum_to_zero)


# %%
# New units
# ---------
# Fitted on shares, a model may meet new samples in four units. They may be shares
# again; shares in a sum to which also the host contributes, whose part varies;
# counts, which grow with the depth of sequencing, here with a standard deviation
# of 1 in logarithm; or ratios to the first part. Of the error of prediction, the
# mean is left out, which a new intercept would take care of. It is shown in units
# of the variance of the signal: the mean over 60 data sets, with two Monte Carlo
# standard errors.


def in_units(shares, rng):
    """Return new samples in each unit."""
    host = np.exp(1.5 * rng.standard_normal((len(shares), 1)))
    depth = rng.standard_normal((len(shares), 1))
    return {
        "shares": shares,
        "shares with host": shares - np.log1p(host),
        "counts": shares + depth,
        "ratios": shares - shares[:, :1],
    }


def error(coef, X, signal):
    """Variance of what is not predicted, over that of the signal."""
    return np.var(signal - X @ coef) / np.var(signal)


def mean_and_error(values):
    """Mean over data sets, and its Monte Carlo standard error."""
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


rng = np.random.default_rng(0)
names = ["lasso on shares", "ratios to a part", "sum to zero"]
errors, selected, sums = ({name: [] for name in names} for _ in range(3))
for _ in range(60):
    samples = [draw(n_samples, rng)[1] for _ in range(2)]
    train, valid = ((Z, respond(Z, beta, rng)) for Z in samples)
    reference = rng.choice(np.flatnonzero(beta == 0.0))
    coefs = [
        fit(train, valid),
        fit_ratios(train, valid, reference),
        fit_constrained(train, valid),
    ]
    shares = draw(2000, rng)[1]
    units = in_units(shares, rng)
    for name, coef in zip(names, coefs, strict=True):
        errors[name].append([error(coef, X, shares @ beta) for X in units.values()])
        used = np.abs(coef) > 1e-10
        selected[name].append([used[reference], used[beta == 0.0].mean()])
        sums[name].append(abs(coef.sum()))

fig, ax = plt.subplots()
for k, name in enumerate(names):
    mean, se = mean_and_error(errors[name])
    ax.errorbar(np.arange(4) + 0.1 * (k - 1), mean, 2.0 * se, fmt="o", label=name)
ax.set_xticks(range(4), units)
ax.set(xlabel="unit of new samples", ylabel="relative prediction error", ylim=(0.0, None))
ax.legend()

# %%
# Log-contrasts do not see the unit. Coefficients of the lasso on shares sum to
# something, and whatever the unit brings in is multiplied by that.
#
# In the old unit, however, the constraint gains little, for the data say nearly as
# much. The differences, data set by data set, with their standard errors:

print("error in shares, less that of sum to zero")
for name in names[:2]:
    gain = np.array(errors[name])[:, 0] - np.array(errors["sum to zero"])[:, 0]
    mean, se = mean_and_error(gain)
    print(f"{name:18s}{mean:+.3f} ({se:.3f})")
mean, se = mean_and_error(sums["lasso on shares"])
print(f"size of the sum of the lasso's coefficients: {mean:.2f} ({se:.2f})")

# %%
# No reference
# ------------
# Ratios to a part are log-contrasts as well, and predict as well. But the lasso
# penalises all coefficients except that of the reference. Here are the parts
# selected from one data set, with every part as the reference in turn, and, on
# the right, by the constrained lasso, which needs none.

table = np.array([np.abs(fit_ratios(train, valid, k)) > 1e-10 for k in range(n_parts)])
fig, axes = plt.subplots(1, 2, width_ratios=[40, 3], figsize=(7.2, 5.2), sharey=True)
constrained = np.abs(fit_constrained(train, valid)) > 1e-10
for ax, cells in zip(axes, (table.T, constrained[:, None]), strict=True):
    ax.imshow(cells, cmap="Greys", vmax=1.5, aspect="auto", interpolation="none")
    ax.grid(False)
axes[0].plot(-1.5 * np.ones(8), np.flatnonzero(beta), ">", color="C1", clip_on=False)
axes[0].set(xlabel="reference", ylabel="part selected (triangles: with an effect)")
axes[1].set(xticks=[], xlabel="sum\nto zero")

always, ever = table.all(axis=0).sum(), table.any(axis=0).sum()
print(f"{always} parts are selected whatever the reference, {ever} with some reference")

# %%
# The diagonal is no accident. How often a part without an effect is selected
# when it is the reference, and how often the constrained lasso selects the same
# part:

for name in names[1:]:
    mean, se = mean_and_error(selected[name])
    print(f"{name:18s}{mean[0]:.2f} ({se[0]:.2f})")

# %%
# Where it does harm
# ------------------
# If abundances are known, by counting cells, their total may matter too, and the
# truth is no log-contrast. Below, one more part gets an effect, which is then the
# sum of the coefficients. The lasso and the constrained lasso are fitted to the
# logarithms of abundances, from 50 and from 200 samples; the latter cannot see the
# total. Shown is what the constraint changes, on the same data.

extras, sizes = np.array([0.0, 0.5, 1.0, 2.0]), (50, 200)
changes = np.empty((2, extras.size, 25))
for (k, n), (j, extra) in product(enumerate(sizes), enumerate(extras)):
    truth = beta + extra * (np.arange(n_parts) == 15)
    for r in range(25):
        samples = [draw(n, rng)[0] for _ in range(2)]
        train, valid = ((X, respond(X, truth, rng)) for X in samples)
        new = draw(2000, rng)[0]
        free, constrained = (
            error(coef, new, new @ truth)
            for coef in (fit(train, valid), fit_constrained(train, valid))
        )
        changes[k, j, r] = constrained - free

fig, ax = plt.subplots()
for k, n in enumerate(sizes):
    mean, se = mean_and_error(changes[k].T)
    ax.errorbar(extras + 0.02 * k, mean, 2.0 * se, fmt="o-", label=f"{n} samples")
ax.axhline(0.0, color="0.5", lw=1)
ax.set_xlabel("sum of the true coefficients")
ax.set_ylabel("relative error: constrained less free")
ax.legend()

# %%
# Where the truth is a log-contrast, the constraint gains little with few samples
# and less with more. Where it is not, more samples do not help the constrained
# lasso. So constrain the coefficients where the total has no meaning, as in
# sequencing, even if held-out samples do not ask for it: they come in the old
# unit. Where the total is known, look at it first.
