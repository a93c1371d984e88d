"""Reference numbers for test_survival.py: python survival_peers.py > survival_peers.json.

Needs lifelines and scikit-survival, and the data of survival.json.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.utils import concordance_index
from sksurv.linear_model import CoxnetSurvivalAnalysis, CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

DATA = json.loads((Path(__file__).parent / "survival.json").read_text())
X, time, event, risk = (np.array(DATA[name]) for name in ("x", "time", "event", "risk"))
y = Surv.from_arrays(event, time)

fits = []
for ties in ("breslow", "efron"):
    model = CoxPHSurvivalAnalysis(ties=ties, tol=1e-14, n_iter=100).fit(X, y)
    fits.append({"peer": "scikit-survival", "ties": ties, "beta": model.coef_.tolist()})
frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
frame["time"], frame["event"] = time, event
model = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
fits.append({"peer": "lifelines", "ties": "efron", "beta": model.params_.tolist()})

alphas = [0.15, 0.05, 0.01]
net = CoxnetSurvivalAnalysis(
    alphas=alphas,
    l1_ratio=0.5,
    normalize=False,
    tol=1e-14,
    max_iter=10**6,
    fit_baseline_model=True,
).fit(X, y)
n = time.size
normed = CoxnetSurvivalAnalysis(
    alphas=[0.05 / n**0.5], l1_ratio=1.0, normalize=True, tol=1e-14, max_iter=10**6
).fit(X, y)
penalised = []
for ratio in (0.0, 1.0):
    options = {"precision": 1e-12} if ratio == 0.0 else {}
    model = CoxPHFitter(penalizer=0.05, l1_ratio=ratio).fit(
        frame, "time", "event", fit_options=options
    )
    penalised.append({"penalizer": 0.05, "l1_ratio": ratio, "beta": model.params_.tolist()})
times = np.unique(time)
curves = net.predict_survival_function(X[:5], alpha=alphas[1])
result = {
    "versions": {name: version(name) for name in ("lifelines", "scikit-survival")},
    "fits": fits,
    "lifelines": penalised,
    "coxnet, normalised": {"alpha": 0.05, "beta": normed.coef_[:, 0].tolist()},
    "coxnet": {
        "alphas": alphas,
        "l1_ratio": 0.5,
        "beta": net.coef_.T.tolist(),
        "times": times.tolist(),
        "survival": [curve(times).tolist() for curve in curves],
    },
    "concordance": {
        "lifelines": concordance_index(time, -risk, event),
        "scikit-survival": concordance_index_censored(event, time, risk)[0],
    },
}
json.dump(result, sys.stdout)
