"""Writes the page: HTML that opens from disk, with no network and no script it does not hold itself."""

from __future__ import annotations

from pathlib import Path

from sdeval._utils.files import write_text
from sdeval.report.html.view import Request, View, build


def write_page(page: Path, request: Request) -> View:
    """Generate the page of a session, and return what it shows."""
    view = build(request)
    write_text(page, rendered("page.html", view=view))
    return view


def rendered(template: str, **values: object) -> str:
    """A template with values in it, all of them escaped: prompts come from files that anyone may have written."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sdeval.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # As short as they can be, in the order in which the page shows what they hold; `tojson` escapes what ends a script.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment.get_template(template).render(**values)
