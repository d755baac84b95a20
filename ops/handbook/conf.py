"""Sphinx' configuration. `make docs` builds the site twice: once for each language."""

from importlib.metadata import version as installed_version

project = "rerankq"
version = release = installed_version("rerankq")
copyright = "the authors of rerankq, Apache-2.0"  # noqa: A001  Sphinx' name for it

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "handbook.extension"]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md", "locales"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# The table of what a fence may be: Pygments knows no `promql`.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

locale_dirs = ["locales"]
gettext_compact = False
gettext_uuid = False
gettext_location = False

templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme = "furo"
html_title = f"rerankq {release}"
html_copy_source = False
html_show_sphinx = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
