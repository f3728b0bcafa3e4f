"""Plots of matplotlib as part of a page: text as text, and colours of the page, which differ by day and by night.

A plot is generated in colours that stand for those of the page (`INK`, `ACCENT`, …); `inline_svg` puts those in place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT, LINE, PAPER = "#0a0101", "#0a0102", "#0a0103", "#0a0104"
ACCENT, GOOD, BAD, WARN = "#0a0105", "#0a0106", "#0a0107", "#0a0108"

PALETTE: Mapping[str, str] = {
    INK: "--ink",
    FAINT: "--faint",
    LINE: "--line",
    PAPER: "--paper",
    ACCENT: "--accent",
    GOOD: "--good",
    BAD: "--bad",
    WARN: "--warn",
}
"""What a plot is generated in, and the variable of the page's style that it becomes."""

STYLE: Mapping[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sdeval",
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "grid.color": LINE,
    "font.size": 10,
    # What names hold is no formula.
    "text.parse_math": False,
}
"""For `matplotlib.rc_context`, around the making of a metric."""


_SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_JOINS = 'style="stroke-linejoin: round; stroke-linecap: butt"'


def inline_svg(figure: Figure, label: str) -> str:
    """A figure as an `<svg>` that can stand in a page: as wide as there is room, the same bytes for the same figure.

    Args:
        figure: made by `matplotlib.figure.Figure`, without pyplot.
        label: what it shows, for those who cannot see it.
    """
    from matplotlib import rc_context

    buffer = StringIO()
    no_metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with rc_context({name: STYLE[name] for name in ("svg.fonttype", "svg.hashsalt")}):
        figure.savefig(buffer, format="svg", metadata=no_metadata, transparent=True)
    source = buffer.getvalue()
    # Without its head, which fixes the size; ours says 72 points an inch as well.
    content = source[source.index(">", source.index("<svg")) + 1 :].strip()
    width, height = (72 * inches for inches in figure.get_size_inches())
    head = f'viewBox="0 0 {width:g} {height:g}" width="100%" {_JOINS} role="img" aria-label="{escape(label)}"'
    # Its style would be that of the whole page.
    content = re.sub(r"<style.*?</style>", "", content, flags=re.DOTALL)
    return f"<svg {_SPACES} {head}>\n{_own_ids(_coloured(_fonts(content)))}\n"


def _coloured(content: str) -> str:
    """With the page's colours in the place of those that stand for them."""
    return re.sub("|".join(PALETTE), lambda match: f"var({PALETTE[match[0].lower()]})", content, flags=re.IGNORECASE)


def _fonts(content: str) -> str:
    """In the font of the page, whatever this machine has; versions of matplotlib name it in either of two ways."""
    return re.sub(r"(font: [^;\"']*?[\d.]+px |font-family: )[^;\"]*", r"\1system-ui, sans-serif", content)


def _own_ids(content: str) -> str:
    """With ids that no other plot of a page has."""
    prefix = f"p{hashlib.sha256(content.encode()).hexdigest()[:8]}-"
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", content)
