"""A page from its template: one HTML document that needs no other file."""

from __future__ import annotations

from typing import Any

__all__ = ["rendered"]


def rendered(template: str, *, package: str = "augment.report", **values: Any) -> str:
    """Render a template, with the style of all reports as ``style``.

    Parameters
    ----------
    template : str
        Name of a template.
    package : str
        Whose ``templates`` folder holds it.
    **values : object
        What the template prints; all text is escaped.

    Returns
    -------
    str
        HTML.
    """
    import jinja2
    from markupsafe import Markup

    own = jinja2.PackageLoader("augment.report")
    env = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["svg"] = Markup  # figures are our own drawing, with all text escaped
    style = Markup(own.get_source(env, "report.css")[0])
    return env.get_template(template).render(style=style, **values)
