"""Machine code is cached across processes, and what is served is never stale.

The tests install copies of the package, edit them and start processes. A child process
runs ``PRELUDE``, a few lines of its own and ``REPORT``, which prints an :class:`Outcome`.
Edits halve the strength inside a penalty: its fit at alpha must become the fit at alpha / 2.
"""

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import sparsestat

PACKAGE = Path(sparsestat.__file__).parent
TIMEOUT = 120
STRANGER = 54321  # a user id without an entry in the list of users

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions and links")

PRELUDE = """
import json
import warnings

import numpy as np
from scipy import sparse

import sparsestat.penalties
from sparsestat import L1, MCP
from sparsestat.linalg import DenseDesign
from sparsestat.linalg.screening import full_gradient
from sparsestat.solvers import LeastSquaresProblem, solve_path
from sparsestat.solvers.quadratic import assess

warnings.simplefilter("error")
rng = np.random.default_rng(0)
X = np.asfortranarray(rng.standard_normal((30, 40)))
y = X[:, :3] @ [3.0, -2.0, 1.0] + 0.1 * rng.standard_normal(30)
results = []

def fit(penalty, alpha=0.5):
    # The solver alone: it starts three times as fast as an estimator with scikit-learn.
    problem = LeastSquaresProblem(DenseDesign(X), y, penalty, np.ones(40))
    (solution,) = solve_path(problem, [alpha], tol=1e-8, max_iter=1000)
    results.append(solution.coef.tolist())

def gradient(dtype):
    # One kernel, typed by the data.
    results.append(full_gradient(DenseDesign(X.astype(dtype)), y).tolist())

def total(penalty, alpha=0.5):
    # One kernel, typed by the penalty.
    ones = np.ones(30)
    results.append(assess(penalty.parameters, y, y, alpha * ones, ones, -ones, ones).value)
"""

ESTIMATOR = """
from sparsestat import PenalizedRegressor

def fit_estimator(penalty, X=X, **options):
    model = PenalizedRegressor(0.5, penalty=penalty, **options).fit(X, y[: X.shape[0]])
    results.append(model.coef_.tolist())
"""

REPORT = """
from sparsestat._jit import KERNELS, cache_folder

code = [
    (kernel.__name__, str(key), len(d.signatures), hits, sum(d.stats.cache_misses.values()))
    for kernel in KERNELS
    for (key, d), hits in zip(kernel.dispatchers.items(), kernel.cache_hits().values())
]
folder, file = cache_folder(), sparsestat.__file__
print(json.dumps([results, [k.__name__ for k in KERNELS], code, str(folder), file]))
"""

FOLDER = """
from sparsestat._jit import cache_folder
print(cache_folder())
"""

# Every way to a kernel: penalties, dtypes, layouts, solvers, and the shapes at the edge.
BUILT_INS = (
    ESTIMATOR
    + """
from sparsestat.penalties import Penalty

public = [getattr(sparsestat.penalties, name) for name in sparsestat.penalties.__all__]
penalties = [p for p in public if issubclass(p, Penalty) and p is not Penalty]
plain = {"fit_intercept": False, "standardize": False}
np.save("X.npy", np.asfortranarray(X))
mapped = np.load("X.npy", mmap_mode="r")
frozen = np.asfortranarray(X)
frozen.flags.writeable = False
wide_indices = sparse.csc_array(X)
wide_indices.indices = wide_indices.indices.astype(np.int64)
wide_indices.indptr = wide_indices.indptr.astype(np.int64)
designs = {
    "C order": np.ascontiguousarray(X),
    "F order": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": frozen,
    "memory-mapped": mapped,
    "csc": sparse.csc_array(X),
    "csr": sparse.csr_array(X),
    "64-bit indices": wide_indices,
    "one row": X[:1],
    "one column": X[:, :1],
    "one sparse row": sparse.csc_array(X[:1]),
    "one sparse column": sparse.csc_array(X[:, :1]),
}
for penalty in penalties:
    for design in (X, sparse.csc_array(X)):
        for dtype in ("float64", "float32"):
            for solver in ("working_set", "gram", *([] if penalty.jumps else ["accelerated"])):
                fit_estimator(penalty(), design.astype(dtype), solver=solver)
for design in designs.values():
    for options in ({}, dict(plain)):
        fit_estimator(MCP(), design, **options)
        options |= {"positive": True, "penalty_weights": np.arange(design.shape[1])}
        fit_estimator(MCP(), design, **options)
from sparsestat import CoxLoss, GroupLasso, GroupMCP, GroupSCAD, penalized_path

for penalty in (GroupLasso, GroupMCP, GroupSCAD):
    for design in designs.values():
        groups = [j // 3 for j in range(design.shape[1])]
        options = {"penalty": penalty(groups), "alphas": [0.5, 0.01], "positive": True}
        for options in (options, {**options, "positive": False}):
            path = penalized_path(design, y[: design.shape[0]], **options)
            results.append(path.coefs.toarray().tolist())

response = np.array([(True, time) for time in y], dtype=[("event", bool), ("time", float)])
path = penalized_path(X, response, loss=CoxLoss(), penalty=L1(), alphas=[0.1])
results.append(path.coefs.toarray().tolist())
path = penalized_path(X, y, penalty=sparsestat.penalties.TopK(2), alphas=[1.0])
results.append(path.coefs.toarray().tolist())
for l2 in (0.0, 0.1):
    penalized_path(X, y, loss="quantile", penalty=L1(), l2=l2, alphas=3, eps=0.3)
"""
)

LOG_SUM = '''
"""The log-sum penalty p(t; alpha) = alpha log(1 + t / eps)."""

import math
from dataclasses import dataclass

import attribute
from compiled import compiled
from constant import FACTOR
from decorated import decorated
from numba.extending import register_jitable

from sparsestat.penalties import Penalty, ScalarFunctions


@register_jitable
def effective(strength):
    return 1.0 * FACTOR * decorated(compiled(attribute.function(strength)))


def log_sum_value(penalty, t, strength):
    return effective(strength) * math.log(1 + t / penalty.eps)


def log_sum_prox(penalty, z, step, strength):
    size, drop = abs(z), step * effective(strength)
    square = (size + penalty.eps) ** 2 - 4 * drop
    if square <= 0:
        return 0 * z
    x = max((size - penalty.eps + math.sqrt(square)) / 2, 0)
    if (x - size) ** 2 / 2 + drop * math.log(1 + x / penalty.eps) >= size**2 / 2:
        return 0 * z
    return math.copysign(x, z)


def log_sum_derivative(penalty, t, strength):
    return effective(strength) / (penalty.eps + t)


def log_sum_curvature(penalty, t, strength):
    return -effective(strength) / (penalty.eps + t) ** 2


@dataclass(frozen=True)
class LogSum(Penalty):
    eps: float = 2
    functions = ScalarFunctions(
        log_sum_value, log_sum_prox, log_sum_derivative, log_sum_curvature
    )
'''

# The ways in which code reaches code of another module; each file holds 1.0 once.
USER_MODULES = {
    "log_sum": LOG_SUM,
    "attribute": "from numba.extending import register_jitable\n\n"
    "@register_jitable\ndef function(strength):\n    return 1.0 * strength\n",
    "compiled": "from numba import njit\n\n"
    "@njit\ndef compiled(strength):\n    return 1.0 * strength\n",
    "constant": "FACTOR = 1.0\n",
    "decorated": "from numba.extending import register_jitable\n\n"
    "@register_jitable\ndef decorated(strength):\n    return 1.0 * strength\n",
}
FIT_LOG_SUM = "from log_sum import LogSum\nfit(LogSum())\n"
TOTAL_LOG_SUM = "from log_sum import LogSum\ngradient('float64')\ntotal(LogSum())\n"


class Code(NamedTuple):
    """What a process did for one specialisation of one kernel."""

    kernel: str
    specialisation: str
    signatures: int
    hits: int
    misses: int


class Outcome(NamedTuple):
    """What a process reports at its end."""

    results: list
    kernels: list
    code: list
    folder: Path | None

    @property
    def built_in(self):
        return [code for code in self.code if "log_sum" not in code.specialisation]

    @property
    def outside(self):
        return [code for code in self.code if "log_sum" in code.specialisation]


class Machine:
    """A copy of the package, a home and a temporary folder, for processes to run with."""

    def __init__(self, root):
        self.root = root
        self.home, self.tmp, self.site = root / "home", root / "tmp", root / "site"
        self.package = self.site / "sparsestat"
        self.home.mkdir(parents=True)
        self.tmp.mkdir()
        self.tmp.chmod(0o1777)
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def start(self, script, *, prefix=(), **changes):
        """Start a process whose environment has these changes; None removes a variable."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "NUMBA", "XDG", "COV"))
        }
        environment = inherited | {
            "HOME": self.home,
            "LOCALAPPDATA": self.home,
            "XDG_CACHE_HOME": self.home / ".cache",
            "TMPDIR": self.tmp,
            "PYTHONPATH": self.site,
            "PYTHONDONTWRITEBYTECODE": "1",  # an edit within a second may leave it stale
            "OPENBLAS_NUM_THREADS": "1",
            **changes,
        }
        return subprocess.Popen(
            [*prefix, sys.executable, "-c", script],
            env={name: str(value) for name, value in environment.items() if value is not None},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script, **changes):
        return last_line(self.start(script, **changes))

    def start_fits(self, lines, **changes):
        return self.start(PRELUDE + lines + REPORT, **changes)

    def fits(self, lines, **changes):
        """Run some fits in a process of their own."""
        return self.outcome(self.start_fits(lines, **changes))

    def outcome(self, process):
        results, kernels, code, folder, file = json.loads(last_line(process))
        assert Path(file).is_relative_to(self.site)
        code = [Code(*entry) for entry in code]
        return Outcome(results, kernels, code, as_path(folder))


def last_line(process):
    """Wait for a process to succeed and return the last line that it printed."""
    try:
        output, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, errors
    return output.splitlines()[-1]


def as_path(text):
    return None if text == "None" else Path(text)


def assert_loaded(code):
    """Assert that there is code, all of it loaded from disk."""
    assert code
    assert {entry[2:] for entry in code} == {(1, 1, 0)}, code


def assert_compiled(code):
    """Assert that there is code, all of it compiled."""
    assert code
    assert {entry[2:] for entry in code} == {(1, 0, 1)}, code


def insert(path, functions, line):
    """Edit a file: put a line at the start of the functions that match a pattern."""
    text, count = re.subn(rf"(def {functions}\(.*\):\n)", rf"\1    {line}\n", path.read_text())
    assert count > 0
    path.write_text(text)


halve_mcp = partial(insert, functions=r"mcp_\w+", line="strength = 0.5 * strength")


def halve(path):
    """Edit a file of the user: replace the one 1.0 in it by 0.5."""
    text = path.read_text()
    assert text.count("1.0") == 1
    path.write_text(text.replace("1.0", "0.5"))


def write_user_modules(folder):
    folder.mkdir()
    for name, text in USER_MODULES.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def python_path(*folders):
    return os.pathsep.join(map(str, folders))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "machine")


# --- A second process compiles nothing --------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A machine whose cache holds all built-in code; tests leave its package alone."""
    return Machine(tmp_path_factory.mktemp("shared") / "machine")


@pytest.fixture(scope="module")
def first(shared):
    return shared.fits(BUILT_INS)


@pytest.fixture(scope="module")
def second(shared, first):
    return shared.fits(BUILT_INS)


def test_every_kernel_is_compiled_by_the_first_process(first):
    assert {entry.kernel for entry in first.code} == set(first.kernels)
    assert_compiled(first.code)


def test_every_kernel_is_loaded_by_the_second_process(first, second):
    assert [entry[:2] for entry in second.code] == [entry[:2] for entry in first.code]
    assert_loaded(second.code)


def test_loaded_code_gives_the_same_numbers(first, second):
    assert second.results == first.results


def test_cache_lies_under_the_users_cache_folder(shared, first):
    assert first.folder.parent == shared.home / ".cache" / "sparsestat"


def test_numba_cache_dir_is_respected(shared, tmp_path):
    folder = Path(shared.run(FOLDER, NUMBA_CACHE_DIR=tmp_path / "elsewhere"))
    assert folder.parent == tmp_path / "elsewhere" / "sparsestat"


# --- An edit is never answered with old code ---------------------------------------------

COUNT_COLUMNS = """
from sparsestat.linalg import LazyGradient

yes = np.ones(X.shape[1], dtype=bool)
lazy = LazyGradient(DenseDesign(X), y, full_gradient(DenseDesign(X), y), yes, yes)
lazy.refresh(y, np.full(X.shape[1], np.inf))
results.append(lazy.columns_read)
"""


def test_editing_a_penalty_in_another_file_changes_the_next_process(machine, shared, first):
    machine.home = shared.home  # where the original is compiled
    source = machine.package / "penalties" / "mcp.py"
    original = source.read_text()
    before = machine.fits("fit(MCP())\nfit(MCP(), alpha=0.25)")

    halve_mcp(source)
    edited = machine.fits("fit(MCP())")
    assert edited.folder != before.folder
    assert_compiled(edited.code)
    np.testing.assert_allclose(edited.results[0], before.results[1], rtol=1e-6)
    assert np.abs(np.subtract(*before.results)).max() > 0.01

    source.write_text(original)
    restored = machine.fits("fit(MCP())")
    assert restored.folder == before.folder
    assert_loaded(restored.code)
    assert restored.results[0] == before.results[0]


def test_editing_a_helper_of_a_kernel_changes_the_next_process(machine, shared, first):
    machine.home = shared.home
    before = machine.fits(COUNT_COLUMNS)
    assert before.results == [0]
    insert(machine.package / "linalg" / "screening.py", "is_settled", "return False")
    edited = machine.fits(COUNT_COLUMNS)
    assert_compiled(edited.code)
    assert edited.results == [40]


def test_editing_while_a_process_runs_changes_the_next_process(machine):
    """The running process has the old code: it must not store it as that of the new source."""
    source = machine.package / "linalg" / "screening.py"
    edited = machine.root / "screening.py"
    shutil.copy(source, edited)
    insert(edited, "is_settled", "return False")
    move = f"import os\nos.replace({str(edited)!r}, {str(source)!r})\n"
    assert machine.fits(move + COUNT_COLUMNS).results == [0]
    assert machine.fits(COUNT_COLUMNS).results == [40]


@posix
def test_lock_files_of_editors_are_passed_over(machine):
    (machine.package / ".#base.py").symlink_to("user@host.1234")
    assert machine.run(FOLDER) != "None"


# --- Read-only installs, missing homes, full disks ---------------------------------------


@pytest.fixture(scope="module")
def unprivileged():
    """The start of a command that runs as an ordinary user: as it is unless this is root.

    The stranger may read everything, as the interpreter can lie in a private folder.
    """
    if os.getuid() != 0:
        return []
    prefix = [
        *("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    ]
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"]).returncode:
        pytest.skip("root without setpriv cannot run as an ordinary user")
    return prefix


@pytest.fixture
def read_only(machine):
    """A machine on which only the temporary folder can be written."""
    everything = [machine.root, *machine.root.rglob("*")]
    for path in everything:
        if path != machine.tmp:
            path.chmod(0o555 if path.is_dir() else 0o444)
    yield machine
    for path in everything:
        path.chmod(0o755)


WITHOUT_HOME = {"HOME": "/nonexistent", "XDG_CACHE_HOME": None}


@posix
def test_read_only_install_without_home_caches_in_a_private_folder(read_only, unprivileged):
    lines = ESTIMATOR + "fit_estimator(MCP())"
    run = partial(read_only.fits, lines, prefix=unprivileged, **WITHOUT_HOME)
    first, second = run(), run()
    owner = STRANGER if unprivileged else os.getuid()
    assert first.folder.parent == read_only.tmp / f"sparsestat-{owner}"
    for folder in (first.folder, first.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == owner
    assert_compiled(first.code)
    assert_loaded(second.code)
    assert second.results == first.results


@posix
def test_user_without_any_home_leaves_nothing_in_the_working_folder(machine, unprivileged):
    if not unprivileged:
        pytest.skip("only a user id without an entry has no home at all; needs root")
    machine.root.chmod(0o777)
    changes = {"HOME": None, "XDG_CACHE_HOME": None}
    folder = Path(machine.run(FOLDER, prefix=unprivileged, **changes))
    assert folder.parent == machine.tmp / f"sparsestat-{STRANGER}"
    assert {path.name for path in machine.root.iterdir()} == {"home", "site", "tmp"}


@posix
def test_fits_where_no_folder_can_be_written(read_only, unprivileged):
    outcome = read_only.fits(
        "import os, tempfile\ntempfile.tempdir = os.getcwd()\ngradient('float64')",
        prefix=unprivileged,
        **WITHOUT_HOME,
    )
    assert outcome.folder is None
    assert_compiled(outcome.code)


@posix
@pytest.mark.parametrize("home", ["folder", "file"])
def test_fits_where_the_disk_is_full(machine, home):
    """No file may grow; where the home is a file there is not even a cache folder."""
    homes = {"folder": machine.home, "file": PACKAGE / "__init__.py"}
    outcome = machine.fits(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "gradient('float64')\ngradient('float64')",
        XDG_CACHE_HOME=homes[home],
    )
    assert outcome.code
    assert all(entry.hits == 0 for entry in outcome.code)


@posix
@pytest.mark.parametrize("flaw", ["group-writable", "readable", "another owner", "a link"])
def test_private_folder_of_others_is_not_used(machine, flaw):
    """Cached code is executed, so it is only taken from a folder that is surely one's own."""
    private = machine.tmp / f"sparsestat-{os.getuid()}"
    if flaw == "a link":
        (machine.tmp / "target").mkdir(mode=0o700)
        private.symlink_to("target")
    else:
        private.mkdir(mode=0o700)
    if flaw == "another owner":
        if os.getuid() != 0:
            pytest.skip("only root can give a folder to somebody else")
        os.chown(private, STRANGER, STRANGER)
    elif flaw != "a link":
        private.chmod(0o770 if flaw == "group-writable" else 0o755)
    no_folder = PACKAGE / "__init__.py"  # not even root can make a folder below a file
    assert machine.run(FOLDER, XDG_CACHE_HOME=no_folder) == "None"


def test_fits_go_on_when_the_cache_folder_vanishes(machine):
    outcome = machine.fits(
        "import shutil\ngradient('float64')\n"
        f"shutil.rmtree({str(machine.home / '.cache')!r})\ngradient('float32')"
    )
    assert_compiled(outcome.code)


def test_relative_cache_folder_outlives_a_change_of_folder(machine):
    lines = "import os\ngradient('float64')\nos.chdir('home')\ngradient('float32')"
    outcome = machine.fits(lines, NUMBA_CACHE_DIR="relative")
    assert outcome.folder.parent == machine.root / "relative" / "sparsestat"
    assert {path.name for path in outcome.folder.iterdir()} == {"float32", "float64"}
    assert not list(machine.home.iterdir())


def test_damaged_cache_does_no_harm(machine):
    """A loss of power can leave empty files, renamed into place before they had content."""
    before = machine.fits("gradient('float64')")
    for path in before.folder.rglob("*.nbi"):
        path.write_bytes(b"")
    assert machine.fits("gradient('float64')").results == before.results


# --- Several processes and threads at once ------------------------------------------------

TOGETHER = """
import os
import time

os.makedirs("ready", exist_ok=True)
open(os.path.join("ready", str(os.getpid())), "w").close()
deadline = time.monotonic() + 60
while len(os.listdir("ready")) < 4:
    assert time.monotonic() < deadline
    time.sleep(0.01)
"""


def test_processes_that_start_cold_together_do_not_disturb_each_other(machine):
    base = machine.home / ".cache" / "sparsestat"
    for k in range(50):  # old versions, which all of them want to delete
        (base / f"{k:016x}").mkdir(parents=True)
        os.utime(base / f"{k:016x}", (0, 0))
    fits = ["fit(MCP())", "fit(MCP())", "fit(L1())", "gradient('float32')"]
    with contextlib.ExitStack() as stack:  # waits for all, whatever becomes of one
        starts = [machine.start_fits(TOGETHER + lines) for lines in fits]
        processes = [stack.enter_context(process) for process in starts]
        outcomes = [machine.outcome(process) for process in processes]

    later = machine.fits("\n".join(fits))
    assert_loaded(later.code)
    assert [outcome.results[0] for outcome in outcomes] == later.results
    assert [path.name for path in base.iterdir()] == [later.folder.name]


def test_threads_that_start_cold_together_share_one_cache(machine):
    lines = """
from threading import Barrier, Thread

barrier = Barrier(4)

def work(dtype):
    barrier.wait()
    gradient(dtype)

threads = [Thread(target=work, args=[dtype]) for dtype in ("float64", "float32") * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    together = machine.fits(lines)
    assert len(together.results) == 4
    assert_compiled(together.code)
    assert_loaded(machine.fits("gradient('float64')\ngradient('float32')").code)


# --- Penalties defined outside the package -----------------------------------------------


@pytest.fixture(scope="module")
def user(shared, first, tmp_path_factory):
    """A folder of user modules and what the first process that imports them reports."""
    folder = write_user_modules(tmp_path_factory.mktemp("user") / "modules")
    lines = FIT_LOG_SUM + "total(LogSum())\ntotal(LogSum(), alpha=0.25)"
    return folder, shared.fits(lines, PYTHONPATH=python_path(shared.site, folder))


def test_user_penalty_is_loaded_by_the_second_process(shared, user):
    folder, before = user
    assert_compiled(before.outside)
    assert_loaded(before.built_in)
    second = shared.fits(FIT_LOG_SUM, PYTHONPATH=python_path(shared.site, folder))
    assert second.outside
    assert_loaded(second.code)
    assert second.results[0] == before.results[0]


@pytest.mark.parametrize("module", USER_MODULES)
def test_editing_user_code_changes_the_next_process(shared, user, tmp_path, module):
    """The user's own module, or one with a function or a constant that it uses."""
    _, before = user
    folder = write_user_modules(tmp_path / "modules")
    halve(folder / f"{module}.py")
    edited = shared.fits(TOTAL_LOG_SUM, PYTHONPATH=python_path(shared.site, folder))
    assert edited.results[-1] == pytest.approx(before.results[2])
    assert before.results[2] < 0.9 * before.results[1]
    assert_loaded(edited.built_in)


def test_editing_user_code_while_a_process_runs_changes_the_next_process(
    shared, user, tmp_path
):
    _, before = user
    folder = write_user_modules(tmp_path / "modules")
    source = folder / "decorated.py"
    # A comment makes this version unknown to the cache.
    edited = source.read_text().replace("1.0", "0.5") + "# another version\n"
    run = partial(shared.fits, PYTHONPATH=python_path(shared.site, folder))
    run(
        "from log_sum import LogSum\n"
        f"with open({str(source)!r}, 'w') as file:\n    file.write({edited!r})\n"
        "total(LogSum())"
    )
    assert run(TOTAL_LOG_SUM).results[-1] == pytest.approx(before.results[2])


def test_process_without_the_users_module_loads_built_in_code(shared, user):
    assert_loaded(shared.fits("fit(MCP())").code)


MAIN = (
    PRELUDE
    + "import multiprocessing\n\n"
    + LOG_SUM
    + """
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(total, [LogSum()])
    total(LogSum())
"""
)


def test_penalty_of_the_main_script_works_there_and_in_spawned_processes(
    shared, user, tmp_path
):
    folder, before = user
    script = tmp_path / "main.py"
    script.write_text(MAIN + "\n".join("    " + line for line in REPORT.splitlines()))
    outcome = shared.outcome(
        shared.start(
            f"import runpy, sys\nsys.argv = [{str(script)!r}]\n"
            f"runpy.run_path({str(script)!r}, run_name='__main__')",
            PYTHONPATH=python_path(shared.site, folder),
        )
    )
    assert outcome.results == before.results[1:2]
    assert not list(outcome.folder.glob("__main__*"))


def test_penalty_without_a_name_to_import_it_by_works_uncached(shared, user):
    """A class made by a function would be stored anew by every process and never found."""
    folder, before = user
    lines = f"""
def make_class():
    namespace = {{"__name__": "nowhere.log_sum"}}
    exec({LOG_SUM!r}, namespace)
    return namespace["LogSum"]

gradient('float64')
total(make_class()())
"""
    outcome = shared.fits(lines, PYTHONPATH=python_path(shared.site, folder))
    assert outcome.results[-1] == before.results[1]
    assert not list(outcome.folder.glob("nowhere*"))
    assert_loaded(outcome.built_in)


# --- Old versions are deleted ------------------------------------------------------------


def test_only_versions_unused_for_a_month_are_deleted(machine):
    base = machine.home / ".cache" / "sparsestat"
    day = 86400
    ages = {"0" * 16: 31, "1" * 16: 29, "notes": 400, "0123abcd": 400, "g" * 16: 400}
    for name, age in ages.items():
        (base / name / "float64").mkdir(parents=True)
        os.utime(base / name, (time.time() - age * day,) * 2)
    (base / "README").touch()
    current = machine.run(FOLDER)
    kept = {Path(current).name, "README", *ages} - {"0" * 16}
    assert {path.name for path in base.iterdir()} == kept


def test_version_in_use_is_marked_as_used(machine):
    current = Path(machine.run(FOLDER))
    os.utime(current, (0, 0))
    machine.run(FOLDER)
    assert time.time() - current.stat().st_mtime < 86400


@posix
def test_folder_that_vanishes_while_it_is_looked_at_does_no_harm(machine):
    base = machine.home / ".cache" / "sparsestat"
    base.mkdir(parents=True)
    (base / ("0" * 16)).symlink_to("nowhere")  # listed, but there is nothing to look at
    assert machine.run(FOLDER) != "None"


# --- Cold start --------------------------------------------------------------------------

TIMED = """
import time

import numba
import numpy as np
import sklearn.linear_model

start = time.process_time()
import sparsestat

rng = np.random.default_rng(0)
X = rng.standard_normal((100, 200))
sparsestat.PenalizedRegressor(alpha=0.5).fit(X, X[:, 0])
print(time.process_time() - start)
"""


def test_first_fit_costs_little_cold_and_warm(machine):
    """CPU seconds over the imports of scikit-learn and numba, the best of three."""
    cold, warm = [], []
    while len(cold) < 3 and (not cold or min(cold) > 2.0 or min(warm) > 0.6):
        changes = {
            "NUMBA_CACHE_DIR": machine.root / f"cache-{len(cold)}",
            "PYTHONDONTWRITEBYTECODE": None,
        }
        cold.append(float(machine.run(TIMED, **changes)))
        warm.append(float(machine.run(TIMED, **changes)))
    assert min(cold) <= 2.0
    assert min(warm) <= 0.6
