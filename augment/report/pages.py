"""A page from its template: one HTML document that needs no other file."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

__all__ = ["rendered"]

# A hyphen before a number that stands for itself: not in a date, a range, a name or an exponent.
_NEGATIVE = re.compile(r"(?<![^\s(\[>])-(?=\.?\d)")
_TEXT_OF_A_DRAWING = re.compile(r">[^<>]+<")


def rendered(template: str, *, package: str = "augment.report", **values: Any) -> str:
    """Render a template, with the style of all reports as ``style``.

    Parameters
    ----------
    template : str
        Name of a template.
    package : str
        Whose ``templates`` folder holds it.
    **values : object
        What the template prints; all text is escaped, and negative numbers get a minus sign,
        except in what the template escapes itself (``|e``): text for programs.

    Returns
    -------
    str
        HTML.
    """
    env, style = _environment(package)
    return str(env.get_template(template).render(style=style, **values))


@lru_cache
def _environment(package: str) -> tuple[Any, Any]:
    """Give what renders the templates of a package, which are compiled once, and the style."""
    import jinja2
    from markupsafe import Markup

    own = jinja2.PackageLoader("augment.report")
    env = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else _with_minus(value),
    )
    # figures are our own drawing, with all text escaped
    env.filters["svg"] = lambda drawing: Markup(
        _TEXT_OF_A_DRAWING.sub(lambda text: _with_minus(text[0]), drawing)
    )
    return env, Markup(own.get_source(env, "report.css")[0])


def _with_minus(value: Any) -> Any:
    """Write negative numbers in a text, or a negative number, with a minus sign.

    Examples
    --------
    >>> _with_minus("-0.2 (-.31 to 1e-05), 2020-01-31, a-1"), _with_minus(-3)
    ('−0.2 (−.31 to 1e-05), 2020-01-31, a-1', '−3')
    """
    if isinstance(value, int | float) and value < 0:
        value = str(value)
    return _NEGATIVE.sub("−", value) if isinstance(value, str) else value
