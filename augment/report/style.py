"""The house style of the figures, and matplotlib drawings as clean inline SVG.

Colours are safe for the common kinds of colour blindness and are never the only sign: real rows
are grey and round, real + synthetic rows are blue and square.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "DIVERGING",
    "GREY",
    "INK",
    "MUTED",
    "OCHRE",
    "PALE",
    "RULE",
    "Drawing",
    "drawing",
    "quiet",
]

INK = "#1f2a37"
MUTED = "#5a6675"
RULE = "#d9dee4"
PALE = "#eef3f6"
GREY = "#76808c"
BLUE = "#0a6a94"
OCHRE = "#b4631b"
# From ochre (negative) through white to blue (positive): told apart by every kind of eye.
DIVERGING = ("#8a4510", "#d99a5b", "#ffffff", "#5aa3c4", "#08506f")

# The page gives these their values for a dark screen; alone, a figure has those above.
_VARIABLES = {"ink": INK, "muted": MUTED, "rule": RULE, "pale": PALE, "grey": GREY}
_VARIABLES |= {"blue": BLUE, "ochre": OCHRE}

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be selected, found and read aloud
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a dollar in a level's name is a dollar
}


@dataclass
class Drawing:
    """One finished figure: its SVG, and the words that stand for it.

    Attributes
    ----------
    svg : str
        An ``<svg>`` element with no identifier in common with any other figure.
    title : str
        What it shows.
    summary : str
        What can be read from it: the figure in one or two sentences.
    caption : str
        What stands under it; the summary if empty.
    width : int
        Its natural width in CSS pixels.
    """

    title: str
    summary: str
    caption: str = ""
    svg: str = ""
    width: int = 0


@contextmanager
def drawing(
    key: str, title: str, summary: str, *, width: float, height: float, caption: str = ""
) -> Iterator[tuple[Drawing, Axes]]:
    """Open axes in the house style; the SVG is made when the block ends.

    Parameters
    ----------
    key : str
        Unique in the report: it salts the identifiers inside the SVG.
    title, summary : str
        The words that stand for the figure (also its accessible name).
    caption : str
        What stands under it, if that is not the summary.
    width, height : float
        Inches; the page shows 96 pixels to an inch.

    Yields
    ------
    (Drawing, matplotlib.axes.Axes)
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    result = Drawing(title, summary, caption or summary)
    with mpl.rc_context(cast("Any", {**_STYLE, "svg.hashsalt": key})), warnings.catch_warnings():
        # The reader's own font draws the text, so what is missing in ours does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield result, figure.subplots()
        result.svg = _clean(_to_svg(figure), key, f"{title}. {summary}")
        result.width = round(width * 96)


def quiet(axes: Axes, *, grid: Literal["", "x", "y", "both"] = "", left: bool = True) -> None:
    """Take away what carries no information.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The axes to calm.
    grid : {"", "x", "y", "both"}
        Where hairlines help reading.
    left : bool, default=True
        Keep the left spine and its ticks.
    """
    if grid:
        axes.grid(axis=grid, color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
    if not left:
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)


def _to_svg(figure: Figure) -> str:
    """Draw to SVG text without date, creator or other metadata."""
    buffer = io.StringIO()
    no_metadata = {"Creator": None, "Date": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", metadata=no_metadata)
    return buffer.getvalue()


def _clean(svg: str, key: str, label: str) -> str:
    """Make matplotlib's SVG fit to stand in a page beside others.

    Prolog, comments and metadata go; identifiers that nothing refers to go, the others get the
    figure's key; fonts are inherited from the page, and colours where it gives them; the size
    follows the column.
    """
    body = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', body)
    body = body[body.index(">") + 1 :]
    for unwanted in (
        r"<!--.*?-->",
        r"<metadata>.*?</metadata>",
        r"<style.*?</style>",
        r"<defs>\s*</defs>",
        r'<path d="[^"]*" style="fill: none"/>',  # the transparent backgrounds
        r' transform="rotate\(-?0 [^)]*\)"',
        r"font-family: [^;\"]+;? ?",
    ):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(?:xlink:)?(href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r"\s+", " ", body).replace("> <", "><").strip()
    for name, color in _VARIABLES.items():
        body = body.replace(color, f"var(--{name}, {color})")
    # Hollow marks and the ground of labels are paper; the white of a heat map is a value.
    hollow = r"fill: #ffffff; (?=stroke: (?!#ffffff)|opacity)"
    body = re.sub(hollow, "fill: var(--paper, #ffffff); ", body)
    size = box[1] if box else "0 0 100 100"
    return f'<svg viewBox="{size}" role="img" aria-label="{escape(label)}">{body}'
