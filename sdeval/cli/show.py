"""`sdeval show`: everything about one image of a session."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdeval._utils.tables import say, show
from sdeval.cli.target_options import session_options
from sdeval.report.again import generate_command
from sdeval.report.sample import facts, find_sample, paths, score_table

EXAMPLE = "sdeval show black-cat@0"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("sample", metavar="CASE@SEED", help="the image of a case and a seed, such as black-cat@0")
    parser.add_argument("folder", metavar="SESSION", type=Path, nargs="?", help="a session (default: the latest)")
    parser.add_argument("--suite", metavar="SUITE", help="of this suite, where several have the case")
    parser.add_argument("--target", metavar="TARGET", help="on this target, where there are several")


def run(args: argparse.Namespace) -> int:
    """Print what was asked of one image, its scores, its case's verdict, its files, and how to generate it again."""
    view = find_sample(args.folder or args.output / "latest", args.sample, args.suite, args.target)
    command = generate_command(view, args.root, session_options(args.root, args.baselines))
    _say_all(facts(view))
    say()
    table = score_table(view)
    if table.rows:
        show(table)
        say()
    _say_all(paths(view, args.images))
    say()
    say(f"generate it again: {command}")
    return 0


def _say_all(values: dict[str, str]) -> None:
    """Names and values, with values below each other; a path or a prompt is never broken, so that it can be copied."""
    for name, value in values.items():
        say(f"{name:<15}  {value.replace(chr(10), chr(10) + ' ' * 17)}")
