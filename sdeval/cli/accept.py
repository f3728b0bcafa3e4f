"""`sdeval accept`: make a run the baseline."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdeval.errors import SdevalError

HELP = "make a run the baseline"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument(
        "folder", metavar="RUN", type=Path, nargs="?", help="a session, or one run in it (default: the latest session)"
    )
    parser.add_argument(
        "--speed", action="store_true", help="keep times also where pictures are drawn on the processor"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would change, write nothing")


def run(given: argparse.Namespace) -> int:
    """Make the runs of a session the baselines of their suites and targets, without drawing again; git undoes it."""
    from sdeval.baseline import accept
    from sdeval.files import short
    from sdeval.report.folder import run_folders
    from sdeval.report.words import number

    session = given.folder or given.output / "latest"
    folders = run_folders(session)
    if not folders:
        raise SdevalError(f"{session}: no run in it; `pytest suites` makes one")
    # All are looked at before any is written.
    proposed = [accept(folder, given.baselines, dry_run=True) for folder in folders]
    for folder, changes in zip(folders, proposed, strict=True):
        if not given.dry_run:
            accept(folder, given.baselines)
            _accept_pace(folder, given)
        first = changes[0]
        print(f"{first.suite} on {first.target}: {first.pictures} pictures new or changed")
        for change in changes:
            print(f"  {change.metric}: {number(change.old)} → {number(change.new)}")
    print("nothing written (dry run)" if given.dry_run else f"accepted into {short(given.baselines)}; undo with git")
    return 0


def _accept_pace(folder: Path, given: argparse.Namespace) -> None:
    """Keep how fast it was: on a processor, which others use as well, only where that is wanted."""
    from sdeval import pace
    from sdeval import run as runs

    run = runs.read(folder)
    if given.speed or not pace.hardware_of(run).startswith("cpu"):
        pace.accept(run, given.baselines)
