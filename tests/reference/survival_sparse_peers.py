"""Reference numbers for test_survival.py.

    python survival_sparse_peers.py > survival_sparse_peers.json

Needs skglm and adelie, and the data of survival.json.
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import adelie
import numpy as np
from skglm import CoxEstimator
from skglm.datafits import Cox
from skglm.penalties import L1_plus_L2
from skglm.solvers import ProxNewton

warnings.simplefilter("ignore")  # of compilers
DATA = json.loads((Path(__file__).parent / "survival.json").read_text())
X, time, event = (np.array(DATA[name]) for name in ("x", "time", "event"))
ALPHA, RATIO = 0.05, 0.7

fits = []
for ties in ("breslow", "efron"):
    # CoxEstimator(method="breslow") of skglm 0.5 has Efron's ties, but its data fit has both.
    y = np.asfortranarray(np.column_stack([time, event.astype(float)]))
    coef, _, _ = ProxNewton(tol=1e-12, max_iter=500, fit_intercept=False).solve(
        X, y, Cox(use_efron=ties == "efron"), L1_plus_L2(ALPHA, RATIO)
    )
    fits.append({"peer": "skglm", "ties": ties, "beta": coef.tolist()})
    model = CoxEstimator(ALPHA, l1_ratio=RATIO, method=ties, tol=1e-12, max_iter=500)
    beta = model.fit(X, y).coef_.tolist()
    fits.append({"peer": f"skglm, method={ties!r}", "ties": "efron", "beta": beta})
    glm = adelie.glm.cox(
        start=np.full(time.size, -1.0), stop=time, status=event.astype(float), tie_method=ties
    )
    path = adelie.grpnet(
        np.asfortranarray(X),
        glm,
        alpha=RATIO,
        lmda_path=[ALPHA],
        tol=1e-14,
        irls_tol=1e-12,
        adev_tol=1.0,
        progress_bar=False,
    )
    fits.append({"peer": "adelie", "ties": ties, "beta": path.betas.toarray()[-1].tolist()})
for fit in fits:
    fit |= {"alpha": ALPHA, "l1_ratio": RATIO}
json.dump(
    {"versions": {name: version(name) for name in ("skglm", "adelie")}, "fits": fits},
    sys.stdout,
)
