"""Fingerprints change when code or parameters do, and only then."""

import copy
import functools
import importlib
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


# --- What a function reaches -----------------------------------------------------------

# Sources in which `2 * x`, or what else is said, changes
CODE = {
    "cached property": """
        class Model:
            @functools.cached_property
            def value(self):
                x = 1
                return 2 * x

        def method(data):
            return Model().value
    """,
    "partial method": """
        def helper(self, x):
            return 2 * x

        class Model:
            value = functools.partialmethod(helper, 1)

        def method(data):
            return Model().value()
    """,
    "registered implementation": """
        @functools.singledispatch
        def helper(x):
            return x

        @helper.register
        def _(x: int):
            return 2 * x

        def method(data):
            return helper(1)
    """,
    "registered implementation of the method itself": """
        @functools.singledispatch
        def method(x):
            return x

        @method.register
        def _(x: int):
            return 2 * x
    """,
    "cache of a partial function": """
        def scale(k, x):
            return 2 * x

        helper = functools.lru_cache(functools.partial(scale, 1))

        def method(data):
            return helper(1)
    """,
    "vectorised function": """
        helper = np.vectorize(lambda x: 2 * x)

        def method(data):
            return helper(data)
    """,
    "decorator class": """
        class Logged:
            def __init__(self, function):
                functools.update_wrapper(self, function)

            def __call__(self, x):
                return self.__wrapped__(x)

        @Logged
        def helper(x):
            return 2 * x

        def method(data):
            return helper(data)
    """,
    "decorator class that tells nothing": """
        class Logged:
            def __init__(self, function):
                self.inside = function

            def __call__(self, x):
                return self.inside(x)

        @Logged
        def helper(x):
            return 2 * x

        def method(data):
            return helper(data)
    """,
    "decorator class, the method itself": """
        class Logged:
            def __init__(self, function):
                self.inside = function

            def __call__(self, x):
                return self.inside(x)

        @Logged
        def method(x):
            return 2 * x
    """,
    "class of a global instance": """
        class Model:
            def value(self, x):
                return 2 * x

        model = Model()

        def method(data):
            return model.value(data)
    """,
    "metaclass": """
        class Meta(type):
            def value(cls, x):
                return 2 * x

        class Model(metaclass=Meta):
            pass

        def method(data):
            return Model.value(data)
    """,
    "base class": """
        class Base:
            def value(self, x):
                return 2 * x

        class Model(Base):
            pass

        def method(data):
            return Model().value(data)
    """,
    "function of exec": """
        namespace = {}
        exec("def method(x): return 2 * x", namespace)
        method = namespace["method"]
        assert method.__module__ is None
    """,
}
VALUES = {
    "default of a named tuple": (
        """
        class Options(NamedTuple):
            rate: float = 1.5

        def method(data):
            return Options().rate
        """,
        "1.5",
        "2.5",
    ),
    "member of an enumeration": (
        """
        class Kind(Enum):
            FIRST = "a"

        def method(data):
            return Kind.FIRST.value
        """,
        '"a"',
        '"b"',
    ),
    "parameter of a global estimator": (
        """
        model = Lasso(0.5)

        def method(data):
            return clone(model).fit(data.X, data.y)
        """,
        "0.5",
        "0.25",
    ),
    "ufunc": (
        """
        transform = np.exp

        def method(data):
            return transform(data)
        """,
        "np.exp",
        "np.log",
    ),
    **{
        name: (f"value = {value}\n\ndef method(data):\n    return value\n", old, new)
        for name, value, old, new in (
            ("range", "range(3)", "3", "4"),
            ("slice", "slice(3)", "3", "4"),
            ("path", "Path('a')", "'a'", "'b'"),
            ("fraction", "Fraction(1, 3)", "3", "4"),
            ("tuple in a tuple", "(1, (2, 3))", "3", "4"),
            ("array", "np.arange(3)", "3", "4"),
        )
    },
}
REACHED = {**{name: (source, "2 * x", "3 * x") for name, source in CODE.items()}, **VALUES}
IMPORTS = """
import functools
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import Lasso
"""


@pytest.mark.parametrize(("source", "old", "new"), REACHED.values(), ids=REACHED)
def test_what_a_name_stands_for_is_seen(tmp_path, source, old, new):
    source = IMPORTS + textwrap.dedent(source)
    assert source.count(old) == 1
    before, again, after = (
        module_fingerprint(tmp_path, text)
        for text in (source, source, source.replace(old, new))
    )
    assert before == again != after


@pytest.fixture
def packages(monkeypatch):
    """Forget versions of packages, before and after."""
    package_version.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    package_version.cache_clear()


@pytest.mark.parametrize(
    "source",
    [
        "import sklearn.linear_model\ndef method(d): return sklearn.linear_model.Lasso()",
        "import sklearn.linear_model as lm\ndef method(d): return lm.Lasso()",
        "import sklearn\ndef method(d): return sklearn",
        "def method(d):\n    import sklearn.linear_model as lm\n    return lm.Lasso()",
        "def method(d):\n    import sklearn.base\n    return sklearn.linear_model.Lasso()",
        "def method(d):\n    from sklearn import linear_model\n    return linear_model.Lasso()",
        "def method(d):\n    from sklearn.linear_model import Lasso\n    return Lasso()",
    ],
)
def test_a_package_used_as_a_module_counts_by_its_version(tmp_path, packages, source):
    import sklearn

    before = module_fingerprint(tmp_path, source)
    packages.setattr(sklearn, "__version__", "99.0")
    package_version.cache_clear()
    assert module_fingerprint(tmp_path, source) != before


MINE = """
def helper(x):
    return 2 * x

def other(x):
    return x - 1
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Return a function that gives the fingerprint of a body beside the text of a module."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)

    def found(text, body):
        (tmp_path / "mine_of_test.py").write_text(text, "utf-8")
        importlib.reload(importlib.import_module("mine_of_test"))
        return module_fingerprint(tmp_path, f"def method(d):\n    {body}\n")

    yield found
    sys.modules.pop("mine_of_test", None)


@pytest.mark.parametrize(
    "body",
    [
        "from mine_of_test import helper\n    return helper(d)",
        "from mine_of_test import other, helper as h\n    return h(d)",
        "import mine_of_test\n    return mine_of_test.helper(d)",
        "import mine_of_test as mine\n    return mine.helper(d)",
        "import math, mine_of_test as mine\n    y = math.pi\n    return mine.helper(y)",
    ],
)
def test_own_modules_that_a_function_imports_are_seen(mine, body):
    before = mine(MINE, body)
    assert mine(MINE, body) == before
    assert mine(MINE.replace("2 * x", "3 * x"), body) != before
    assert mine(MINE, body) == before


def test_an_attribute_of_something_else_is_not_that_of_a_module(mine):
    body = "import mine_of_test as mine\n    return mine.other(d), (mine, d.helper)"
    before = mine(MINE, body)
    assert mine(MINE.replace("2 * x", "3 * x"), body) == before
    assert mine(MINE.replace("x - 1", "x - 2"), body) != before


class Holder:
    """An object of the user's, with a state and something that it keeps in use."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, data):
        return self.total * data

    def scaled(self, data):
        return self.rate * data

    def renamed(self, data):
        return self.rate + data

    @functools.cached_property
    def total(self):
        return 2 * self.rate


def take(*things, **named):
    return things, named


def test_objects_count_by_what_they_hold():
    things = [
        functools.partial(take, Holder(1)),
        functools.partial(take, Holder(2)),
        functools.partial(take, holder=Holder(1)),
        Holder(1),
        Holder(2),
        Holder(1).scaled,
        Holder(2).scaled,
        Holder(1).renamed,
        functools.partial(take, {"a": 1, "b": 2}),
        functools.partial(take, {"a": 2, "b": 1}),
        functools.partial(take, {"a": 1, "c": 2}),
        functools.partial(take, np.array({"a": 1}, dtype=object)),
        functools.partial(take, np.array({"a": 2}, dtype=object)),
        functools.partial(take, np.array([1, None], dtype=object)),
    ]
    found = [fingerprint(thing) for thing in things]
    assert len(set(found)) == len(things)
    assert [fingerprint(copy.deepcopy(thing)) for thing in things] == found


def test_the_order_of_keys_does_not_count():
    one, two = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert fingerprint(functools.partial(take, one)) == fingerprint(
        functools.partial(take, two)
    )
    assert fingerprint(functools.partial(take, **one)) == fingerprint(
        functools.partial(take, **two)
    )


def test_equal_things_count_as_the_same_thing():
    for make in (
        lambda: [1, (2, 3)],
        lambda: np.arange(3),
        lambda: Holder(1),
        lambda: {"a": 1},
    ):
        thing = make()
        shared = functools.partial(take, thing, thing)
        assert fingerprint(shared) == fingerprint(functools.partial(take, make(), make()))


def test_things_that_hold_themselves_have_an_end():
    loop = [1]
    loop.append(loop)
    assert fingerprint(functools.partial(take, loop)) != fingerprint(
        functools.partial(take, [1])
    )


def test_a_cache_that_fills_changes_nothing():
    holder = Holder(3)
    before = fingerprint(holder), fingerprint(holder.scaled)
    assert holder(1) == 6
    assert "total" in vars(holder)
    assert (fingerprint(holder), fingerprint(holder.scaled)) == before


FILLED = """
import numpy as np

TABLE = None

class Table:
    pass

def method(data):
    global TABLE
    if TABLE is None:
        TABLE = {}
    return TABLE
"""


@pytest.mark.parametrize("table", ["{1: 2}", "[1, 2]", "np.arange(3)", "(1, 2)", "Table()"])
def test_a_table_that_is_filled_later_changes_nothing(table):
    namespace = {"__name__": "__main__"}
    exec(FILLED.replace("{}", table), namespace)
    before = fingerprint(namespace["method"])
    namespace["method"](0)
    assert namespace["TABLE"] is not None
    assert fingerprint(namespace["method"]) == before


def test_a_global_named_like_an_attribute_changes_nothing(tmp_path):
    source = "import math\n\ndef method(d):\n    return d.x + d.mean() + math.pi\n"
    before = module_fingerprint(tmp_path, source)
    more = "\nx = 5.0\n\ndef mean():\n    return 3\n\npi = 3.0\n"
    assert module_fingerprint(tmp_path, source + more) == before


def test_a_long_chain_of_functions_does_not_overflow(tmp_path):
    links = [f"def f{k}(x):\n    return f{k + 1}(x)\n" for k in range(400)]
    source = "\n".join([*links, "def f400(x):\n    return 2 * x\n"])
    deep = "\n".join([*links, "def f400(x):\n    return 3 * x\n"])
    assert module_fingerprint(tmp_path, source, "f0") == module_fingerprint(
        tmp_path, source, "f0"
    )
    assert module_fingerprint(tmp_path, source, "f0") != module_fingerprint(
        tmp_path, deep, "f0"
    )
