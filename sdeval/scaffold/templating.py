"""Text templates of the files that are written."""

from __future__ import annotations

import json
import re


def rendered(template: str, **values: object) -> str:
    """A template of `templates/` with values in it.

    Its marks are `[[ value ]]` and `[% if … %]`: workflows and TOML use braces themselves. `| quoted` writes a text as
    TOML, YAML and Python can all read it, `| key` as a key of TOML.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sdeval.scaffold", "templates"),
        # What is written is Python, TOML and YAML, and no HTML.
        autoescape=False,
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _quoted
    environment.filters["key"] = lambda text: text if re.fullmatch(r"[\w-]+", text, re.ASCII) else _quoted(text)
    return environment.get_template(template).render(**values)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
