"""`sdeval schema`: the JSON Schemas that come with sdeval."""

from __future__ import annotations

import argparse
from importlib import resources

from sdeval._utils.tables import say

FILES = {
    "cases": "case files: YAML, or each line of JSON Lines",
    "targets": "suites/targets.toml, and [tool.sdeval.targets]",
    "project": "[tool.sdeval] of pyproject.toml",
    "verdicts": "verdicts.json of a session",
    "run": "run.json of a run",
}

EXAMPLE = "sdeval schema cases"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    described = "; ".join(f"{name}: {what}" for name, what in FILES.items())
    parser.add_argument("file", metavar="FILE", choices=tuple(FILES), help=described)


def run(args: argparse.Namespace) -> int:
    """Print the JSON Schema of a file, for editors and for programs that read it."""
    path = resources.files("sdeval") / "schemas" / f"{args.file}.schema.json"
    say(path.read_text(encoding="utf-8").rstrip())
    return 0
