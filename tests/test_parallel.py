"""Threads: shared settings are restored, and fits that run together do not stall."""

import threading
import time

import numpy as np
from sklearn.model_selection import GridSearchCV

from sparsestat import L1, PenalizedRegressor
from sparsestat._parallel import parallel_map, serial_blas, thread_pools


def blas_threads():
    return [pool["num_threads"] for pool in thread_pools() if pool["user_api"] == "blas"]


def test_contexts_that_overlap_leave_the_setting_they_found():
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with serial_blas:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with serial_blas:
        thread.start()
        assert inside.wait(10)
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}  # the other one is still in
    leave.set()
    thread.join(10)
    assert blas_threads() == before


def test_the_setting_survives_errors():
    before = blas_threads()
    model = PenalizedRegressor(alpha=-1.0)
    for _ in range(2):
        try:
            model.fit(np.eye(3), np.ones(3))
        except ValueError:
            assert blas_threads() == before


def test_maps_keep_the_order_and_the_setting():
    before = blas_threads()
    assert parallel_map(lambda i: i * i, range(20), n_jobs=2) == [i * i for i in range(20)]
    assert parallel_map(len, [], n_jobs=2) == []
    assert blas_threads() == before


def test_fits_in_several_threads_do_not_stall_and_agree():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 600))
    y = X[:, :60].sum(axis=1) + 3.0 * rng.standard_normal(200)
    alphas = [0.05, 0.04, 0.03, 0.02]
    models = [PenalizedRegressor(alpha, penalty=L1()) for alpha in alphas]
    start = time.perf_counter()
    alone = [model.fit(X, y).coef_.copy() for model in models]
    serial = time.perf_counter() - start
    threads = [threading.Thread(target=model.fit, args=(X, y)) for model in models]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    together = time.perf_counter() - start
    for model, coef in zip(models, alone, strict=True):
        np.testing.assert_array_equal(model.coef_, coef)
    assert together < 10.0 * serial + 2.0  # it was a hundredfold when threads fought


def test_grid_search_in_threads_equals_the_one_in_turn(tall):
    from joblib import parallel_config

    grid = {"alpha": [0.3, 0.1], "penalty__gamma": [2.0, 4.0]}
    spec = GridSearchCV(PenalizedRegressor(), grid, cv=3)
    one = spec.fit(tall.X, tall.y).cv_results_["mean_test_score"]
    with parallel_config(backend="threading", n_jobs=2):
        two = spec.fit(tall.X, tall.y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(one, two)
