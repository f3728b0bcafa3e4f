"""Writes the page: one HTML file that opens from disk, with no network and no script it does not hold itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdeval.compare.verdict import Verdict
from sdeval.files import write_text
from sdeval.report.view import build


def write_page(
    page: Path, session: Path, verdicts: Sequence[Verdict], baselines: Path, *, strict: bool = False
) -> None:
    """Draw the page of a session; where it was strict, what is new fails it."""
    # Every value is escaped: prompts come from files that anyone may have written.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sdeval.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    view = build(session, verdicts, baselines, strict=strict)
    write_text(page, environment.get_template("page.html").render(view=view))
