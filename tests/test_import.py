"""What is imported when, and by whom: ``import sparsestat`` is light, and doors are kept."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparsestat

PACKAGE = Path(sparsestat.__file__).parent
FILES = sorted(PACKAGE.rglob("[!.]*.py"))
RARELY_NEEDED = {"cvxpy", "statsmodels", "pandas", "matplotlib", "cupy", "torch"}
HEAVY = {"numba", "sklearn", "scipy"} | RARELY_NEEDED

# Modules that only one file may import.
DOORS = {
    "numba": "_jit.py",
    "joblib": "_parallel.py",
    "threadpoolctl": "_parallel.py",
    "cupy": "_backend.py",
    "torch": "_backend.py",
}

HOME_PATH = re.compile(r"/home/|/Users/|/root/|\\Users\\|~/")

FIT = """
import numpy as np

rng = np.random.default_rng(0)
X = rng.standard_normal((20, 5))
sparsestat.PenalizedRegressor(alpha=0.1).fit(X, X[:, 0]).predict(X)
"""


def loaded_after(lines):
    """Return the top-level modules that a new process has loaded after running some lines."""
    process = subprocess.run(
        [sys.executable, "-c", f"{lines}\nimport json, sys\nprint(json.dumps([*sys.modules]))"],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return {name.partition(".")[0] for name in json.loads(process.stdout)}


def imported(path):
    """Yield the absolute names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def relative_names(paths):
    return [path.relative_to(PACKAGE).as_posix() for path in paths]


def importers(matches):
    """Return the files with an import whose name matches."""
    return relative_names(path for path in FILES if any(map(matches, imported(path))))


def test_import_loads_nothing_heavy():
    loaded = loaded_after("import sparsestat")
    assert "sparsestat" in loaded
    assert not loaded & HEAVY


def test_fit_loads_no_library_that_it_does_not_need():
    loaded = loaded_after("import sparsestat\n" + FIT)
    by_scikit_learn = loaded_after("import sklearn.linear_model")  # pandas, if installed
    assert not (loaded - by_scikit_learn) & RARELY_NEEDED


@pytest.mark.parametrize("name", sparsestat.__all__)
def test_public_name_resolves(name):
    assert getattr(sparsestat, name) is not None


def test_dir_lists_names_that_resolve():
    assert set(sparsestat.__all__) <= set(dir(sparsestat))
    assert all(hasattr(sparsestat, name) for name in dir(sparsestat))


def test_public_names_of_subpackages_resolve():
    for name in ("datasets", "linear_model", "losses", "metrics", "penalties", "simulation"):
        module = getattr(sparsestat, name)
        assert all(hasattr(module, public) for public in module.__all__)


def test_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="'sparsestat' has no attribute 'lasso'"):
        sparsestat.lasso  # noqa: B018


@pytest.mark.parametrize(("library", "door"), DOORS.items())
def test_library_enters_by_its_door_only(library, door):
    assert set(importers(lambda name: name.partition(".")[0] == library)) <= {door}


def test_private_names_of_scikit_learn_enter_by_their_door_only():
    assert importers(lambda name: re.match(r"sklearn\b.*\._", name)) == ["_sklearn.py"]


def test_no_file_names_a_home_folder():
    guilty = [path for path in FILES if HOME_PATH.search(path.read_text("utf-8"))]
    assert not relative_names(guilty)
