"""The command line, a file for each command. Exit codes: 0 fine, 1 worse, 2 usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from sdeval import named_targets
from sdeval.cli import accept, calibrate, compare, doctor, history, report, sensitivity
from sdeval.config import find_root, read_table
from sdeval.errors import SdevalError

COMMANDS = (accept, report, compare, history, calibrate, sensitivity, doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        given.root = find_root(Path.cwd())
        table = read_table(given.root)
        given.baselines = given.baselines or given.root / table.get("baselines", "baselines")
        given.output = given.root / table.get("output", "reports")
        given.named = named_targets.of_project(given.root, table.get("targets", {}))
        return int(given.command(given))
    # Whatever cannot be written: a full disk, a folder of somebody else.
    except (SdevalError, OSError) as error:
        print(f"sdeval: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sdeval",
        description="Looks after the runs and baselines of image-generation pipelines; `pytest suites` makes them.",
    )
    parser.add_argument("--version", action="version", version=f"sdeval {metadata.version('pytest-sdeval')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        one = commands.add_parser(name, help=command.HELP, description=command.run.__doc__)
        command.arguments(one)
        one.add_argument("--baselines", type=Path, metavar="DIR", help="default: as pyproject.toml says, or baselines")
        one.set_defaults(command=command.run)
    return parser
