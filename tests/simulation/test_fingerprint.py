"""Fingerprints change when code or parameters do, and only then."""

import functools
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sparsestat import MCP, SCAD, PenalizedRegressorCV
from sparsestat.datasets import make_sparse_regression
from sparsestat.simulation import measures as m
from sparsestat.simulation._fingerprint import fingerprint, package_version

BASE = '''
import functools
import math
CONSTANT = 1.0
CACHE = {}

def helper(x):
    """Double."""
    return 2 * x  # as said

class Model:
    """A model."""
    rate = 0.5

    @property
    def twice(self):
        return helper(self.rate)

    @staticmethod
    def start():
        return CONSTANT

    def fit(self, X, y):
        CACHE[len(X)] = y
        return self.start() + self.twice

@functools.cache
def method(data, step=0.1, *, tol=1e-3):
    inner = lambda z: z + math.pi
    return Model().fit(data, [inner(step), tol])
'''

SAME = {
    "nothing": ("", ""),
    "comment": ("  # as said", ""),
    "docstring": ("Double.", "Twice the argument."),
    "docstring of a class": ("A model.", "One of many."),
    "layout": ("helper(self.rate)", "helper(\n            self.rate\n        )"),
    "content of a cache": ("CACHE = {}", "CACHE = {1: 2}"),
    "a function that is not used": ("def helper", "def other():\n    pass\n\ndef helper"),
}
OTHER = {
    "helper": ("2 * x", "3 * x"),
    "constant": ("CONSTANT = 1.0", "CONSTANT = 2.0"),
    "class attribute": ("rate = 0.5", "rate = 0.25"),
    "property": ("helper(self.rate)", "helper(self.rate + 1)"),
    "static method": ("return CONSTANT", "return -CONSTANT"),
    "default": ("step=0.1", "step=0.2"),
    "keyword default": ("tol=1e-3", "tol=1e-4"),
    "lambda": ("z + math.pi", "z - math.pi"),
    "installed function": ("math.pi", "math.e"),
    "method of a class": ("self.start() + self.twice", "self.start() * self.twice"),
}


def module_fingerprint(folder, source, name="method"):
    """Return the fingerprint of a function in a module of the user's."""
    namespace = {"__name__": "__main__"}
    exec(compile(source, str(folder / "mine.py"), "exec"), namespace)
    return fingerprint(namespace[name])


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_what_does_not_matter_changes_nothing(tmp_path, old, new):
    assert old in BASE
    changed = BASE.replace(old, new) if old else BASE
    assert module_fingerprint(tmp_path, changed) == module_fingerprint(tmp_path, BASE)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_what_matters_is_seen_however_far_away(tmp_path, old, new):
    assert old in BASE
    changed = BASE.replace(old, new)
    assert module_fingerprint(tmp_path, changed) != module_fingerprint(tmp_path, BASE)


def test_parameters_count_by_value():
    same = [LassoCV(cv=KFold(5)) for _ in range(2)]
    other = [
        LassoCV(cv=KFold(6)),
        LassoCV(cv=5),
        LassoCV(cv=KFold(5), eps=0.1),
        LassoCV(cv=KFold(5), alphas=np.array([1.0, 2.0])),
        LassoCV(cv=KFold(5), alphas=np.array([1.0, 3.0])),
        make_pipeline(StandardScaler(), LassoCV(cv=KFold(5))),
        PenalizedRegressorCV(penalty=MCP(3.0)),
        PenalizedRegressorCV(penalty=MCP(3.5)),
        PenalizedRegressorCV(penalty=SCAD(3.7)),
        LassoCV(random_state=np.random.RandomState(0)),
        LassoCV(random_state=np.random.RandomState(1)),
    ]
    assert len({fingerprint(model) for model in same}) == 1
    assert len({fingerprint(model) for model in same + other}) == len(other) + 1


def test_fitting_and_using_change_nothing():
    things = [PenalizedRegressorCV(eps=0.05), make_sparse_regression, m.l2_error]
    before = [fingerprint(thing) for thing in things]
    data = make_sparse_regression(30, 10, 2, random_state=0)
    m.l2_error(things[0].fit(data.X, data.y), data)
    assert [fingerprint(thing) for thing in things] == before


def test_arguments_and_closures_count():
    def power(n):
        return lambda x: x**n

    assert fingerprint(power(2)) == fingerprint(power(2)) != fingerprint(power(3))
    one, two = (functools.partial(np.add, k) for k in (1, 2))
    assert fingerprint(one) != fingerprint(two)
    assert fingerprint(np.exp) != fingerprint(np.log)
    assert fingerprint("abc".count) != fingerprint("abd".count)


def test_code_that_calls_itself_has_an_end():
    def odd(n):
        return n > 0 and even(n - 1)

    def even(n):
        return n == 0 or odd(n - 1)

    assert fingerprint(odd) != fingerprint(even)


def test_objects_that_cannot_be_spelled_count_by_their_type():
    import threading

    assert fingerprint(threading.Lock()) == fingerprint(threading.Lock())


def test_installed_packages_count_by_their_version(monkeypatch):
    import sklearn

    before = fingerprint(LassoCV())
    monkeypatch.setattr(sklearn, "__version__", "99.0")
    package_version.cache_clear()
    assert fingerprint(LassoCV()) != before
    package_version.cache_clear()


def test_every_process_finds_the_same():
    code = """
        from sklearn.linear_model import LassoCV
        from sparsestat import PenalizedRegressorCV
        from sparsestat.simulation._fingerprint import fingerprint

        def method(data):
            return data in {"a", "b", "c", "d", "e"}

        print(fingerprint(method, LassoCV(), PenalizedRegressorCV()))
    """
    found = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in "12"
    }
    assert len(found) == 1
