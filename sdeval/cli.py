"""The command line: `sdeval accept | report`. Exit codes: 0 fine, 2 usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from sdeval.config import find_root, read_table
from sdeval.errors import SdevalError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        root = find_root(Path.cwd())
        table = read_table(root)
        given.baselines = given.baselines or root / table.get("baselines", "baselines")
        given.folder = given.folder or root / table.get("output", "reports") / "latest"
        return int(given.command(given))
    except SdevalError as error:
        print(f"sdeval: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sdeval",
        description="Looks after the runs and baselines of image-generation pipelines; `pytest suites` makes them.",
    )
    parser.add_argument("--version", action="version", version=f"sdeval {metadata.version('pytest-sdeval')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    accept = commands.add_parser("accept", help="make a run the baseline", description=_accept.__doc__)
    _add_folder(accept, "a session, or one run in it (default: the latest session)")
    accept.add_argument("--dry-run", action="store_true", help="print what would change, write nothing")
    accept.set_defaults(command=_accept)

    report = commands.add_parser("report", help="draw the page again", description=_report.__doc__)
    _add_folder(report, "a session (default: the latest)")
    report.set_defaults(command=_report)
    return parser


def _add_folder(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "folder",
        metavar="RUN",
        type=Path,
        nargs="?",
        help=what,
    )
    parser.add_argument("--baselines", type=Path, metavar="DIR", help="default: as pyproject.toml says, or baselines")


def _accept(given: argparse.Namespace) -> int:
    """Make the runs of a session the baselines of their suites and targets, without drawing again; git undoes it."""
    from sdeval.baseline import accept
    from sdeval.report.folder import run_folders
    from sdeval.report.words import number

    folders = run_folders(given.folder)
    if not folders:
        raise SdevalError(f"{given.folder}: no run in it; `pytest suites` makes one")
    # All are looked at before any is written.
    proposed = [accept(folder, given.baselines, dry_run=True) for folder in folders]
    for folder, changes in zip(folders, proposed, strict=True):
        if not given.dry_run:
            accept(folder, given.baselines)
        first = changes[0]
        print(f"{first.suite} on {first.target}: {first.pictures} pictures new or changed")
        for change in changes:
            print(f"  {change.metric}: {number(change.old)} → {number(change.new)}")
    print("nothing written (dry run)" if given.dry_run else f"accepted into {_short(given.baselines)}; undo with git")
    return 0


def _short(path: Path) -> Path:
    """A path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _report(given: argparse.Namespace) -> int:
    """Draw the page of a session again, from what is on disk."""
    from sdeval.report.folder import redraw

    print(_short(redraw(given.folder, given.baselines)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
