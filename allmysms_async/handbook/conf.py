"""How Sphinx builds the handbook: ``nox -s docs``."""

from __future__ import annotations

from importlib import metadata

project = "allmysms_async"
author = "The allmysms_async maintainers"
release = metadata.version("allmysms_async")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["conf.py"]
myst_heading_anchors = 3
# Two modules have a Clock: the link leads to one of them.
suppress_warnings = ["ref.python"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
# What is listed under Attributes is told once, as fields of the class.
napoleon_use_ivar = True
napoleon_custom_sections = [("Source", "notes_style")]

html_theme = "furo"
html_title = "allmysms_async"
html_show_sourcelink = False
html_copy_source = False
