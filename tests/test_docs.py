"""The vignettes run, the reference page is complete, and the built site is self-contained.

Sphinx is not needed here. The tests of the built site run where SPARSESTAT_DOCS_HTML names
its folder::

    SPARSESTAT_DOCS_HTML=docs/_build/html python -m pytest tests/test_docs.py
"""

import os
import re
import runpy
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType

import matplotlib
import pytest

import sparsestat

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
VIGNETTES = sorted((ROOT / "vignettes").rglob("plot_*.py"))
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROSE = [
    path
    for path in sorted([*DOCS.glob("*.md"), *(DOCS / "user_guide").rglob("*.md")])
    if PYTHON_BLOCK.search(path.read_text("utf-8"))
]


def parametrize_paths(name, paths):
    return pytest.mark.parametrize(name, paths, ids=lambda path: path.stem)


# --- Vignettes and prose ---------------------------------------------------------------


@pytest.fixture
def pyplot(monkeypatch):
    """Pyplot with no window, in the style of the site, and with no figure open."""
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        plt.switch_backend("Agg")
        matplotlib.rc_file(DOCS / "sparsestat.mplstyle", use_default_template=False)
        monkeypatch.setattr(plt, "show", lambda *args, **kwargs: None)
        plt.close("all")
        yield plt
        plt.close("all")


@parametrize_paths("path", VIGNETTES)
def test_vignette_runs_and_draws(path, pyplot, monkeypatch):
    monkeypatch.chdir(path.parent)  # as sphinx-gallery does
    runpy.run_path(str(path), run_name="__main__")
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    assert figures, "no figure is open at the end"
    for figure in figures:
        assert any(axes.has_data() for axes in figure.axes), f"figure {figure.number} is empty"
        figure.canvas.draw()


@parametrize_paths("path", PROSE)
def test_python_blocks_run(path, pyplot):
    """The ```python blocks of a page run, one after the other, as one program."""
    blocks = PYTHON_BLOCK.findall(path.read_text("utf-8"))
    code = compile("\n".join(blocks), str(path), "exec")
    exec(code, {"__name__": "__main__"})


# --- Reference page --------------------------------------------------------------------


def reference_names():
    """List (module, name) for each entry of the autosummary tables in docs/api/index.rst."""
    names, module, in_table = [], None, False
    for line in (DOCS / "api" / "index.rst").read_text("utf-8").splitlines():
        if match := re.match(r"\.\. currentmodule:: (\S+)$", line):
            module = match[1]
        elif line.startswith(".. autosummary::"):
            in_table = True
        elif line and not line[0].isspace():
            in_table = False
        elif in_table and (match := re.match(r"\s+(\w+)$", line)):
            names.append((module, match[1]))
    return names


NAMES = reference_names()


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_documented_name_is_importable(module, name):
    assert getattr(import_module(module), name).__doc__


@pytest.mark.parametrize("name", [n for n in sparsestat.__all__ if not n.startswith("_")])
def test_public_name_is_documented(name):
    public = getattr(sparsestat, name)
    names = public.__all__ if isinstance(public, ModuleType) else [name]
    assert set(names) <= {documented for _, documented in NAMES}


def test_measures_of_studies_are_documented():
    module = "sparsestat.simulation.measures"
    documented = {name for home, name in NAMES if home == module}
    assert documented == set(import_module(module).__all__)


# --- Built site ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    """The folder of the built site."""
    folder = os.environ.get("SPARSESTAT_DOCS_HTML")
    if folder is None:
        pytest.skip("SPARSESTAT_DOCS_HTML is not set: no built site to check")
    site = Path(folder).resolve()
    if not (site / "index.html").is_file():
        pytest.fail(f"SPARSESTAT_DOCS_HTML={folder} holds no index.html")
    return site


class Page(HTMLParser):
    """What a page loads, and whether it shows mathematics."""

    LOADING_RELS = frozenset({"stylesheet", "preload", "modulepreload", "preconnect", "icon"})

    def __init__(self, path):
        super().__init__()
        self.loads, self.has_maths = [], False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.has_maths |= "math" in (attrs.get("class") or "").split()
        if tag == "link" and self.LOADING_RELS & set((attrs.get("rel") or "").split()):
            self.loads.append(attrs.get("href") or "")
        elif tag in {"script", "img", "iframe"} and attrs.get("src"):
            self.loads.append(attrs["src"])


@parametrize_paths("path", VIGNETTES)
def test_vignette_was_executed_in_the_build(path, site):
    page = site / path.relative_to(ROOT).with_suffix(".html")
    figure = f"sphx_glr_{path.stem}_001.png"
    assert (site / "_images" / figure).stat().st_size > 0
    assert any(source.endswith(figure) for source in Page(page).loads)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_reference_page_was_built(module, name, site):
    page = f"api/generated/{module}.{name}.html"
    assert (site / page).is_file()
    # The question mark in an estimator's HTML display must lead to its page.
    documented = getattr(import_module(module), name)
    if hasattr(documented, "_doc_link_template"):
        assert documented()._get_doc_link().endswith(page)


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site by its path."""
    return {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_pages_load_only_files_of_the_site(pages):
    for path, page in pages.items():
        for url in page.loads:
            local = path.parent / url.split("?")[0]
            assert url.startswith("data:") or local.is_file(), f"{path} loads {url}"


def test_pages_with_mathematics_load_mathjax_of_the_site(site, pages):
    script = (site / "_static" / "mathjax" / "tex-svg.js").resolve()
    with_maths = {path: page for path, page in pages.items() if page.has_maths}
    assert with_maths
    for path, page in with_maths.items():
        loaded = {(path.parent / url.split("?")[0]).resolve() for url in page.loads}
        assert script in loaded, f"{path} shows mathematics without MathJax"


def test_stylesheets_load_only_files_of_the_site(site):
    for path in (site / "_static").rglob("*.css"):
        css = path.read_text("utf-8")
        remote = re.findall(r"(?:@import\s+|url\()[\"']?(?:https?:)?//", css)
        assert not remote, path
