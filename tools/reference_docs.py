"""Writes the pages of docs/reference that follow from the code: `python -m tools.reference_docs`.

Commands, options, keys of `[tool.sdeval]`, exit codes and file formats are described by parsers, constants and JSON
Schemas; a page of its own by hand would go stale.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import pytest

from sdeval import cli
from sdeval.cli.schema import FILES
from sdeval.plugin import pytest_addoption

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by python -m tools.reference_docs; edit the code instead. -->"
EXIT_CODES: Mapping[int, tuple[str, str]] = {
    cli.FINE: ("fine", "nothing failed"),
    1: ("worse or broken", "an item failed: worse, broken, or could not be judged"),
    cli.USAGE: (
        "usage: a wrong option, file or folder; or something cannot be written or printed",
        "interrupted",
    ),
    cli.INTERNAL: ("an error inside sdeval", "an error inside pytest or a plugin"),
    int(pytest.ExitCode.USAGE_ERROR): (
        "",
        "usage: a wrong option, suite, case or baseline; or the session cannot be written, and nothing is worse",
    ),
    int(pytest.ExitCode.NO_TESTS_COLLECTED): ("", "nothing was collected"),
    cli.INTERRUPTED: ("interrupted", ""),
}
"""By code: what a command of sdeval means by it, and what `pytest suites` does."""
BISECT_CODES: Mapping[int, tuple[str, str]] = {
    cli.FINE: ("something passed and nothing is worse", "good"),
    1: ("something is broken or regressed", "bad"),
    cli.CANNOT_JUDGE: (
        "cannot be judged: nothing is shown either way, something is new, unscored or not comparable, "
        "or pytest ended early",
        "skips the commit",
    ),
    cli.ABORT: ("the command itself is wrong", "stops"),
}
"""By code: what `sdeval bisect` means by it, and what git does."""


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each page, by its file name."""
    texts = {
        "commands.md": commands_page(),
        "options.md": options_page(),
        "exit-codes.md": exit_codes_page(),
        "file-formats.md": file_formats_page(),
    }
    return {name: f"{NOTE}\n\n{text}" for name, text in texts.items()}


def commands_page() -> str:
    """Every command of `sdeval`, with its arguments."""
    intro = "`sdeval COMMAND --help` prints the same. All of them take `--baselines DIR`.\n"
    return "\n".join(["# Commands", "", intro, *(_command(name) for name in cli.COMMANDS)])


def _command(name: str) -> str:
    module = import_module(f"sdeval.cli.{name}{'_' * iskeyword(name)}")
    parser = argparse.ArgumentParser(prog=f"sdeval {name}", add_help=False)
    module.arguments(parser)
    text = inspect.getdoc(module.run) or ""
    example = f"Example: `{module.EXAMPLE}`"
    parts = [f"## {name}", text, example, *_arguments(parser)]
    return "\n\n".join(parts) + "\n"


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of the arguments; the actions of a command such as `store` have one each."""
    rows = []
    actions: list[tuple[str, argparse.ArgumentParser, str]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            actions += [
                (choice.dest, action.choices[choice.dest], choice.help or "") for choice in action._choices_actions
            ]
        elif action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            rows.append((_names(action), _help(action)))
    if rows:
        yield table(("argument", "meaning"), rows)
    for name, sub, help_of in actions:
        yield f"**{parser.prog} {name}**: {help_of}"
        yield from _arguments(sub)


def _names(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    value = value if isinstance(value, str) else " ".join(value)
    if not action.option_strings:
        return f"`{value}`"
    suffix = f" {value}" if action.nargs != 0 else ""
    return ", ".join(f"`{name}{suffix}`" for name in action.option_strings)


def _help(action: argparse.Action) -> str:
    choices = "" if action.choices is None else f" ({', '.join(f'`{choice}`' for choice in action.choices)})"
    return f"{action.help or ''}{choices}".replace("%%", "%")


def options_page() -> str:
    """The options of pytest, and the keys of `[tool.sdeval]`."""
    parser = argparse.ArgumentParser()
    pytest_addoption(_Options(parser))  # type: ignore[arg-type]
    rows = [(_names(action), _help(action)) for action in parser._actions if action.dest.startswith("sdeval_")]
    rows = [row for action, row in zip(parser._actions[1:], rows, strict=True) if action.help != argparse.SUPPRESS]
    hidden = [name for action in parser._actions if action.help == argparse.SUPPRESS for name in action.option_strings]
    schema = _schema("project")
    keys = [(f"`{name}`", _type(value), value.get("description", "")) for name, value in schema["properties"].items()]
    return "\n".join(
        [
            "# Options",
            "",
            "## Of pytest",
            "",
            table(("option", "meaning"), rows),
            "",
            f"Earlier names that still work: {', '.join(f'`{name}`' for name in hidden)}.",
            "",
            "## In pyproject.toml",
            "",
            "`[tool.sdeval]` has these keys; the command line overrides them ([an example](../ci.md#options)).",
            "",
            table(("key", "value", "meaning"), keys),
            "",
        ]
    )


class _Options:
    """Takes the options of the plugin as pytest's own parser does."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser

    def getgroup(self, name: str, description: str) -> _Options:
        """Groups are for pytest's help alone."""
        return self

    def addoption(self, *names: str, **settings: Any) -> None:
        """Add one option."""
        self._parser.add_argument(*names, **settings)

    def addini(self, *names: str, **settings: Any) -> None:
        """Settings of pytest's own files are none of sdeval's options."""


def exit_codes_page() -> str:
    """What the process returns."""
    codes = [(str(code), *meanings) for code, meanings in sorted(EXIT_CODES.items())]
    bisect = [(str(code), *meanings) for code, meanings in sorted(BISECT_CODES.items())]
    return "\n".join(
        [
            "# Exit codes",
            "",
            table(("exit code", "`sdeval …`", "`pytest suites`"), codes),
            "",
            "[`sdeval bisect`](../how-to/bisect.md) has exit codes for git:",
            "",
            table(("exit code", "meaning", "git"), bisect),
            "",
            "How sessions end where something cannot be written: [CI](../ci.md#when-something-cannot-be-written).",
            "",
        ]
    )


def file_formats_page() -> str:
    """The fields of each file, from its JSON Schema."""
    parts = [
        "# File formats",
        "",
        "`sdeval schema FILE` prints the JSON Schema that these tables are made of. Where the files of a session lie: "
        "[reports](../reports.md#files-of-a-session).",
        "",
    ]
    for name, what in FILES.items():
        schema = _schema(name)
        parts += [f"## {name}", "", f"For {what}.", ""]
        parts += _fields(schema)
        for title, definition in schema.get("$defs", {}).items():
            if "properties" in definition and not (name == "project" and title == "Target"):
                parts += [f"### {name}: {title}", "", definition.get("description", ""), "", *_fields(definition)]
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required", ())
    rows = [
        (f"`{name}`", _type(value) + (", required" if name in required else ""), value.get("description", ""))
        for name, value in schema.get("properties", {}).items()
    ]
    return [table(("field", "value", "meaning"), rows), ""] if rows else []


def _type(value: Mapping[str, Any]) -> str:
    """A type as somebody reads it who does not know JSON Schema."""
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(choice) for choice in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {})) or 'values'}"
    kind = value.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else {"object": "table", "null": "nothing"}.get(kind, kind)


def _schema(name: str) -> Any:
    path = ROOT / "sdeval" / "schemas" / f"{name}.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
