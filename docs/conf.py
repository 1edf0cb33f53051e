"""Settings of the documentation.

Build: sphinx-build -W --keep-going -b html docs docs/_build/html
"""

import os
from importlib.metadata import version as installed_version
from pathlib import Path

import typer
from sphinx.application import Sphinx
from typer.cli import get_docs_for_click
from typer.main import get_command

# One thread, as in the tests: the pictures then come out the same on every machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "Augment"
author = "The Augment developers"
project_copyright = "2026, The Augment developers"
release = installed_version("medaugment")
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "**/README.md"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc says the types, in words
numpydoc_show_class_members = False  # the template of the class lists its methods
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"Augment {release}"
html_show_sphinx = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["augment.css"]
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def write_command_line_page(app: Sphinx) -> None:
    """Write the reference of the ``augment`` command from the command itself."""
    from augment.cli import app as commands

    command = get_command(commands)
    for part in getattr(command, "commands", {}).values():
        part.short_help = (part.help or "").splitlines()[0]  # whole, where it would be cut
    context = typer.Context(command, info_name="augment")
    page = Path(app.srcdir) / "reference" / "generated" / "command_line.md"
    page.parent.mkdir(exist_ok=True)
    text = get_docs_for_click(obj=command, ctx=context, name="augment", title="Command line")
    page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect the page of the command line."""
    app.connect("builder-inited", write_command_line_page)
