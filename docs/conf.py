"""Sphinx configuration of the sparsestat documentation."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import sparsestat

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # gallery_style.py lives here

project = "sparsestat"
copyright = "The sparsestat developers"
version = release = sparsestat.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "literal"  # `name` in a docstring is code, as in scikit-learn

# --- Reference pages -------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc docstrings already name the types
numpydoc_show_class_members = False  # the autosummary templates list the members
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
add_module_names = False


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out nested classes and members that come from elsewhere.

    scikit-learn's inherited methods link to labels of its own documentation, and the
    fields of a named tuple stand in the docstring already.
    """
    home = getattr(getattr(obj, "fget", obj), "__module__", None) or ""
    return skip or isinstance(obj, type) or not home.startswith("sparsestat")


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign_members)


# --- Prose -----------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# --- Vignettes -------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../vignettes",
    "gallery_dirs": "vignettes",
    # A pattern that matches nothing leaves every page without a figure and raises no
    # warning; tests/test_docs.py checks the figures in the built pages.
    "filename_pattern": r"plot_[^/\\]*\.py$",
    "ignore_pattern": r"[/\\](?!plot_)[^/\\]*\.py$",
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib", "gallery_style.reset"),
    "image_srcset": ["2x"],
    "thumbnail_size": (480, 336),
    "ignore_repr_types": "matplotlib",  # a legend as a last line is no result
    # "Examples using ..." on the reference pages
    "doc_module": "sparsestat",
    "backreferences_dir": "api/generated/backreferences",
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": float("inf"),  # run times differ between builds: leave them out
}

# --- Mathematics without a network -----------------------------------------------------
# MathJax is copied from an installed wheel, never loaded from a CDN. tex-svg.js draws its
# own glyphs and so needs no fonts; it fetches rare macros (\boldsymbol, \cancel) from
# input/tex/extensions when a page uses them.
mathjax = find_spec("mathjax")
if mathjax is None:
    raise ModuleNotFoundError("django-static-mathjax is missing: pip install -e '.[docs]'")
source = Path(mathjax.submodule_search_locations[0]) / "static" / "mathjax" / "es5"
target = DOCS / "_static" / "mathjax"
extras = Path("input", "tex", "extensions")
shutil.copytree(source / extras, target / extras, dirs_exist_ok=True)
shutil.copy2(source / "tex-svg.js", target)
mathjax_path = "mathjax/tex-svg.js"

# --- Theme -----------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "sparsestat"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "references": []}
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
